//! Reads whatever may follow a repository into the cluster. What could not be read is said, never left out: a watcher that
//! nobody sees is one that nobody waits for.

use super::worker::chain;
use crate::cluster::{Cluster, ClusterError, Freshness, Installed};
use crate::merge::rollout::GitOps;

/// All Applications and, where Flux is judged, all of its objects; besides it the first error.
pub(crate) async fn read(
    cluster: &dyn Cluster,
    with_flux: bool,
    freshness: Freshness,
) -> (GitOps, Option<ClusterError>) {
    let flux = async { if with_flux { cluster.flux(freshness).await } else { Ok(Installed::No) } };
    let (applications, flux) = tokio::join!(cluster.applications(freshness), flux);
    let mut gitops = GitOps::default();
    let mut first = None;
    match applications {
        Ok(applications) => gitops.applications = applications.into_items(),
        Err(error) => first = Some(error),
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
