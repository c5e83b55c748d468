//! Reads whatever may follow a repository into the cluster. What could not be read is said, never left out: a watcher that
//! nobody sees is one that nobody waits for.

use super::worker::chain;
use crate::cluster::{ApplicationSet, Cluster, ClusterError, Freshness, Installed, ObjectRef};
use crate::merge::rollout::GitOps;
use std::collections::BTreeSet;

/// All Applications with their sets, and all objects of Flux; besides it the first error. `judges_flux`: whether the settings let Flux be judged.
pub(crate) async fn read(
    cluster: &dyn Cluster,
    judges_flux: bool,
    freshness: Freshness,
) -> (GitOps, Option<ClusterError>) {
    // Switched off says that nobody judges it, and not that it follows nothing. Where it may not be read either, that nobody
    // judges it is taken for the operator's word that it is not used.
    let flux = async {
        match cluster.flux(freshness).await {
            Err(ClusterError::Forbidden { .. }) if !judges_flux => Ok(Installed::No),
            read => read,
        }
    };
    // Sets first: one that has looked has made its Applications what it wants of them, and they are read after that.
    let argo = async {
        let sets = cluster.application_sets(freshness).await;
        (sets, cluster.applications(freshness).await)
    };
    let ((sets, applications), flux) = tokio::join!(argo, flux);
    let mut gitops = GitOps::default();
    let mut first = None;
    match applications {
        Ok(applications) => gitops.applications = applications.into_items(),
        Err(error) => first = Some(error),
    }
    match sets {
        Ok(sets) => gitops.sets = sets.into_items(),
        Err(error) => first = first.or(Some(error)),
    }
    let rolling: BTreeSet<ObjectRef> =
        gitops.sets.iter().filter(|set| set.rolling).map(ApplicationSet::object).collect();
    for application in &mut gitops.applications {
        application.rolled_by_set = application.made_by.as_ref().is_some_and(|set| rolling.contains(set));
    }
    match flux {
        Ok(flux) => gitops.flux = flux.into_items(),
        Err(error) => first = first.or(Some(error)),
    }
    if let Some(error) = &first {
        tracing::warn!(%error, "what follows the repositories could not be read");
        gitops.unread = Some(chain(error));
    }
    (gitops, first)
}
