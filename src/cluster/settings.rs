//! Settings under `[cluster]`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How the cluster is reached and where things lie in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The kubeconfig file. Without one: `KUBECONFIG`, `~/.kube/config`, then the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig; without one its current context.
    pub context: Option<String>,
    /// Where the Lease lies that keeps two caretakers off one cluster.
    pub lease_namespace: String,
    /// The name of that Lease.
    pub lease_name: String,
    /// Where Argo CD's own workloads run.
    pub argocd_namespace: String,
    /// Whether commands may be run in the Ceph tools pod. Needs the exec component of the deployment.
    pub exec: bool,
    /// Whether a pod of a reverted revision that never got ready may be deleted where its `StatefulSet` waits for it. Needs the
    /// delete component of the deployment.
    pub delete: bool,
    /// Whether kubelets are asked how full disks and volumes are. Needs the node-proxy component of the deployment.
    pub node_stats: bool,
    /// Where the Ceph tools pod runs.
    pub ceph_tools_namespace: String,
    /// The label (`key=value`) of the Ceph tools pod.
    pub ceph_tools_label: String,
    /// How long a single request may take.
    pub request_timeout_seconds: u64,
    /// How long a command in a container may take.
    pub exec_timeout_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            lease_namespace: "caretaker".to_owned(),
            lease_name: "caretaker".to_owned(),
            argocd_namespace: "argocd".to_owned(),
            exec: false,
            delete: false,
            node_stats: false,
            ceph_tools_namespace: "rook-ceph".to_owned(),
            ceph_tools_label: "app=rook-ceph-tools".to_owned(),
            request_timeout_seconds: 10,
            exec_timeout_seconds: 10,
        }
    }
}

impl Settings {
    /// How long a single request may take; never none at all.
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds.max(1))
    }

    /// How long a command in a container may take.
    pub(crate) fn exec_timeout(&self) -> Duration {
        Duration::from_secs(self.exec_timeout_seconds.max(1))
    }
}

/// Objects of one kind, as the API serves them: all of them, or those of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// Group and version, such as `velero.io/v1`; `v1` for what has no group.
    #[serde(deserialize_with = "api_version")]
    pub api_version: String,
    /// The plural that the address has, such as `backups`.
    #[serde(deserialize_with = "resource")]
    pub resource: String,
    /// The kind, such as `Backup`.
    #[serde(deserialize_with = "kind")]
    pub kind: String,
    /// The namespace; without one those of all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "namespace")]
    pub namespace: Option<String>,
}

impl Listing {
    /// The group; empty for what has none.
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The address of the list.
    pub(crate) fn path(&self) -> String {
        let Self { api_version, resource, namespace, .. } = self;
        let root = if self.group().is_empty() { "api" } else { "apis" };
        let within = namespace.as_ref().map(|name| format!("namespaces/{name}/")).unwrap_or_default();
        format!("/{root}/{api_version}/{within}{resource}")
    }
}

/// A text of the settings that goes into an address, if it holds nothing that could lead elsewhere.
fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
    field: &str,
    example: &str,
    is_good: impl Fn(&str) -> bool,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_good(&text) {
        Ok(text)
    } else {
        Err(D::Error::custom(format!("`{text}` is no {field}, such as `{example}`")))
    }
}

fn is_name(text: &str) -> bool {
    let begins_and_ends = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    begins_and_ends(text)
        && !text.contains("..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}

fn api_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, "api_version", "velero.io/v1", |text| {
        let (group, version) =
            text.split_once('/').map_or((None, text), |(group, version)| (Some(group), version));
        let is_version = version.starts_with('v') && version.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_version && version.contains(|c: char| c.is_ascii_digit()) && group.is_none_or(is_name)
    })
}

fn resource<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let resource = checked(deserializer, "resource", "backups", |text| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })?;
    if resource == "secrets" {
        return Err(D::Error::custom("secrets are never read"));
    }
    Ok(resource)
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(deserializer, "kind", "Backup", |text| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    checked(deserializer, "namespace", "velero", |text| is_name(text) && !text.contains('.')).map(Some)
}
