//! Flux: sources, Kustomizations and `HelmReleases`, read.
//!
//! Flux raises `status.observedGeneration` only when a pass came to its end, and marks each condition with the generation
//! that it speaks of: an object that has failed from the first pass on stays at -1. Both are kept.

use super::client::Kubernetes;
use super::decode::{conditions, items, object_name, parse_time};
use super::{ClusterResult, Condition, Installed, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;

/// Which kind of Flux object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FluxKind {
    /// A Git repository that is fetched.
    GitRepository,
    /// A folder of it that is applied.
    Kustomization,
    /// A chart that is installed.
    HelmRelease,
}

impl FluxKind {
    /// Its name in the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
        }
    }
}

/// A Flux object. All kinds report in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FluxObject {
    /// What it is.
    pub(crate) kind: FluxKind,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// The version of its spec.
    pub(crate) generation: i64,
    /// The version that a pass came to its end with; -1 when none did.
    pub(crate) observed_generation: i64,
    /// The version that its condition `Ready` speaks of, where it tells.
    pub(crate) ready_generation: Option<i64>,
    /// `spec.suspend`: nothing is done, and nothing else shows it.
    pub(crate) suspended: bool,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
}

impl FluxObject {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new(self.kind.word(), &self.namespace, &self.name)
    }
}

impl Kubernetes {
    /// All of them at once. Flux before 2.3 serves `HelmReleases` in older versions alone, which are asked for only where
    /// Flux is.
    pub(super) async fn read_flux(&self) -> ClusterResult<Installed<Vec<FluxObject>>> {
        let (sources, kustomizations, releases) = tokio::join!(
            self.custom(
                "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
                "GitRepositoryList",
                git_repository
            ),
            self.custom(
                "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
                "KustomizationList",
                kustomization
            ),
            self.helm_releases("v2"),
        );
        let (sources, kustomizations, mut releases) = (sources?, kustomizations?, releases?);
        if releases == Installed::No && (sources != Installed::No || kustomizations != Installed::No) {
            for version in ["v2beta2", "v2beta1"] {
                releases = self.helm_releases(version).await?;
                if releases != Installed::No {
                    break;
                }
            }
        }
        let kinds = [sources, kustomizations, releases];
        if kinds.iter().all(|kind| *kind == Installed::No) {
            return Ok(Installed::No);
        }
        Ok(Installed::Yes(kinds.into_iter().flat_map(Installed::into_items).collect()))
    }

    async fn helm_releases(&self, version: &str) -> ClusterResult<Installed<Vec<FluxObject>>> {
        let path = format!("/apis/helm.toolkit.fluxcd.io/{version}/helmreleases");
        self.custom(&path, "HelmReleaseList", helm_release).await
    }
}

fn git_repository(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::GitRepository, object)
}

fn kustomization(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::Kustomization, object)
}

fn helm_release(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::HelmRelease, object)
}

/// A Flux object as the API server lists it.
pub(super) fn flux_object(kind: FluxKind, object: &Value) -> Result<FluxObject, String> {
    let (namespace, name) = object_name(object)?;
    let status = &object["status"];
    let ready = items(&status["conditions"]).find(|condition| condition["type"].as_str() == Some("Ready"));
    Ok(FluxObject {
        kind,
        namespace,
        name,
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        generation: object["metadata"]["generation"].as_i64().unwrap_or(0),
        observed_generation: status["observedGeneration"].as_i64().unwrap_or(-1),
        ready_generation: ready.and_then(|ready| ready["observedGeneration"].as_i64()),
        suspended: object["spec"]["suspend"].as_bool().unwrap_or(false),
        conditions: conditions(status),
    })
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::super::recorded::flux;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_recorded_objects_are_read() {
        let failing = flux(29);
        assert_eq!(failing.object().to_string(), "Kustomization gitops/failing");
        assert_eq!(
            (failing.generation, failing.observed_generation, failing.ready_generation),
            (1, 1, Some(1))
        );
        let reconciling = &failing.conditions[0];
        assert_eq!(
            (reconciling.kind.as_str(), reconciling.reason.as_str(), reconciling.status),
            ("Reconciling", "ProgressingWithRetry", ConditionStatus::True)
        );
        assert!(reconciling.since.is_some());
        assert!(flux(32).suspended && !failing.suspended);
        let new = flux(34);
        assert_eq!((new.observed_generation, new.ready_generation, new.conditions.len()), (-1, None, 0));
        assert!(new.created_at.is_some());
        assert_eq!(flux(37).observed_generation, 2);
        assert_eq!(flux(45).kind, FluxKind::HelmRelease);
        assert_eq!(flux(48).kind, FluxKind::GitRepository);
    }

    #[test]
    fn what_is_missing_is_not_observed_and_no_name_is_an_error() {
        let bare = kustomization(&json!({"metadata": {"name": "a", "generation": 3}})).expect("bare");
        assert_eq!((bare.generation, bare.observed_generation, bare.suspended), (3, -1, false));
        assert!(helm_release(&json!({"spec": {}})).is_err());
        assert!(git_repository(&json!({})).is_err());
    }
}
