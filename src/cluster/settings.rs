//! Settings under `[cluster]`.

use serde::{Deserialize, Serialize};
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
