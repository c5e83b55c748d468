//! What runs, by the pods there are. A template only tells what is to run: what an operator makes (a database, a daemon of Ceph),
//! what a Job left and what a rollout has not replaced stands in the pods alone. Read for people who look, and kept by nobody:
//! what is watched of pods forgets what is well.

use super::client::Kubernetes;
use super::{Cluster as _, ClusterResult, Freshness, Installed, ObjectRef, PodPhase, decode, subject};
use k8s_openapi::api::core::v1 as core;
use std::collections::{BTreeMap, BTreeSet};

/// By what a person would mend: the images of its pods.
pub(crate) type Running = BTreeMap<ObjectRef, BTreeSet<String>>;

impl Kubernetes {
    /// The images of all pods, those of Jobs that are over as well. One that failed is left out: what an eviction left may lie there
    /// for weeks, with an image that nothing runs any more.
    pub(crate) async fn running(&self) -> ClusterResult<Running> {
        let take = |running: &mut Running, pod: core::Pod| {
            let pod = decode::pod(pod)?;
            if pod.phase == PodPhase::Failed {
                return Ok(());
            }
            let images = pod.containers.iter().map(|container| container.image.clone());
            running.entry(subject(&pod)).or_default().extend(images);
            Ok(())
        };
        Ok(self.connection().gather("/api/v1/pods", "", "PodList", Running::new, take).await?.taken)
    }

    /// What the daemons of each Ceph say of their versions.
    pub(crate) async fn ceph_versions(&self) -> ClusterResult<BTreeMap<ObjectRef, Vec<String>>> {
        let Installed::Yes(clusters) = self.ceph_clusters(Freshness::Proven).await? else {
            return Ok(BTreeMap::new());
        };
        let versions = clusters
            .into_iter()
            .map(|one| (ObjectRef::new("CephCluster", &one.namespace, &one.name), one.versions));
        Ok(versions.filter(|(_, versions)| !versions.is_empty()).collect())
    }
}
