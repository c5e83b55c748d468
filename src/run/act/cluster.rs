//! Effects in the cluster. Each takes the cluster's lock, and looks at its object once more before it changes it.

use super::not_yet;
use crate::action::{self, Action, ActionError};
use crate::cluster::{BegunBy, ClusterError, ClusterLease, Freshness, Installed, ObjectRef, SyncStatus};
use crate::forge::{CommitSha, Repository};
use crate::merge::rollout::{Undone, Watched};
use crate::run::event::Outcome;
use crate::run::worker::Parts;
use crate::wording;
use jiff::Timestamp;

/// Reads and archives Ceph's crash reports.
pub(crate) async fn archive_crashes(parts: &Parts, lease: &ClusterLease, action: &Action) -> Outcome {
    match action::archive_crashes(parts.cluster.as_ref(), &parts.cluster_settings, lease, action).await {
        Ok(performed) => {
            Outcome::Done { detail: wording::note_archived(&performed.archived, &performed.evidence) }
        }
        // Trying again does not help: a person has to look.
        Err(error @ ActionError::CameBack { .. }) => Outcome::Refused { why: error.to_string() },
        Err(error) => not_yet(&error),
    }
}

async fn application(
    parts: &Parts,
    object: &ObjectRef,
) -> Result<Option<crate::cluster::Application>, ClusterError> {
    Ok(match parts.cluster.applications(Freshness::Proven).await? {
        Installed::Yes(applications) => applications
            .into_iter()
            .find(|found| found.namespace == object.namespace && found.name == object.name),
        Installed::No => None,
    })
}

/// Stops the operation of an Application that runs for what is undone, as the last look knew it, or for what nobody asks for any more
/// since. One that has none any more is done; another's is nobody's to stop.
pub(crate) async fn terminate(
    parts: &Parts,
    lease: &ClusterLease,
    object: &ObjectRef,
    undone: &Undone,
) -> Outcome {
    let found = match application(parts, object).await {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::Refused { why: wording::application_gone(object) },
        Err(error) => return not_yet(&error),
    };
    if !undone.keeps_stuck(&found) {
        return Outcome::Done { detail: wording::nothing_to_stop() };
    }
    match parts.cluster.terminate_operation(lease, &found).await {
        Ok(()) => Outcome::Done { detail: String::new() },
        Err(error) => not_yet(&error),
    }
}

/// Deletes a pod that keeps its `StatefulSet` from going back, if it still does.
pub(crate) async fn delete_pod(parts: &Parts, lease: &ClusterLease, set: &ObjectRef, uid: &str) -> Outcome {
    let blocking = match parts.cluster.blocking_pods(std::slice::from_ref(set)).await {
        Ok(blocking) => blocking,
        Err(error) => return not_yet(&error),
    };
    let Some(pod) = blocking.iter().find(|pod| pod.uid == uid) else {
        return Outcome::Done { detail: wording::pod_not_in_the_way() };
    };
    match parts.cluster.delete_blocking_pod(lease, pod).await {
        Ok(()) => Outcome::Done { detail: String::new() },
        Err(error) => not_yet(&error),
    }
}

/// Starts a sync that was decided at a moment, unless it was started before. Never of what is not the branch's head any more: after a crash in between that
/// would roll out over what people pushed meanwhile. The commit is a revision of those alone that sync from the branch: a chart has
/// a version, and what is hydrated comes from another branch.
pub(crate) async fn sync(
    parts: &Parts,
    lease: &ClusterLease,
    repository: &Repository,
    watched: &Watched,
    object: &ObjectRef,
    revision: &CommitSha,
    begun: Timestamp,
) -> Outcome {
    match parts.forge.branch(&repository.name, &repository.default_branch).await {
        Ok(branch) if branch.head == *revision => {}
        Ok(branch) => return Outcome::Refused { why: wording::sync_of_the_past(revision, &branch.head) },
        Err(error) => return not_yet(&error),
    }
    let found = match application(parts, object).await {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::Refused { why: wording::application_gone(object) },
        Err(error) => return not_yet(&error),
    };
    let ours = found.operation.as_ref().filter(|one| one.begun_by == BegunBy::Us);
    let is_done = match found.operation_requested {
        Some(BegunBy::Us) => true,
        // Another's may be of a few objects, or of another commit: whether anything is left to do is seen when it has ended.
        Some(BegunBy::Itself | BegunBy::Person) => {
            return Outcome::NotYet { why: wording::already_syncing() };
        }
        // One whose outcome was not written down may have ended since.
        None => {
            ours.and_then(|one| one.started_at).is_some_and(|began| began.as_second() >= begun.as_second())
        }
    };
    if is_done {
        return Outcome::Done { detail: wording::synced_before() };
    }
    // Argo CD would run its hooks again, although nothing differs.
    if found.sync == SyncStatus::Synced {
        return Outcome::Done { detail: wording::already_synced() };
    }
    if let Some(shut) = &found.doors.by_hand {
        return Outcome::NotYet { why: wording::sync_kept_back(shut) };
    }
    let of_the_branch = found.dry.is_none() && !watched.watchers(std::slice::from_ref(&found)).is_empty();
    match parts.cluster.sync_application(lease, &found, of_the_branch.then_some(revision.as_str())).await {
        Ok(()) => Outcome::Done { detail: String::new() },
        Err(error) => not_yet(&error),
    }
}
