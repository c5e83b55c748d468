//! What keeps the next change back, and what the cluster lacks.

use super::changes::rollout_state;
use super::run::{SHORT, account};
use super::{code, quote_outside};
use crate::cluster::{ClusterError, Shut};
use crate::forge::PullNumber;
use crate::health::{Recon, Verdict};
use crate::merge::rollout::Rollout;
use jiff::Timestamp;

/// What the probes say of a ticked task's question.
pub(crate) fn probes_say(verdict: Verdict, evidence: &str) -> String {
    format!("the probes say {verdict}, {}", quote_outside(evidence, SHORT))
}

/// A recovery in the Ceph tools pod that the settings do not allow.
pub(crate) fn exec_is_off() -> String {
    "running commands in the Ceph tools pod is switched off: set `cluster.exec` and add the exec component of the deployment, or do it yourself and tick it".to_owned()
}

/// A pre-flight that waits.
pub(crate) fn preflight_waits(pull: PullNumber, why: &str) -> String {
    format!("#{pull} cannot be merged yet: {}", quote_outside(why, SHORT))
}

/// A foundation.
pub(crate) fn foundation_waits(why: &str) -> String {
    format!(
        "caretaker stands on this itself ({}), so it does not merge it yet: merge it yourself while somebody watches, then tick this",
        quote_outside(why, SHORT)
    )
}

/// The repository's mode asks for an approval.
pub(crate) fn approval_by_mode() -> String {
    "this repository asks for an approval before each change".to_owned()
}

/// The task's own words ask for an approval.
pub(crate) fn approval_by_words() -> String {
    "its own words ask for an approval".to_owned()
}

/// The gate is closed: nobody can tell whether the head is rolled out.
pub(crate) fn gate_head_unknown(why: &str) -> String {
    format!(
        "the gate is closed: cannot tell whether the branch's head is rolled out ({})",
        quote_outside(why, SHORT)
    )
}

/// The gate is closed: the head is not rolled out.
pub(crate) fn gate_head_waits(rollout: &Rollout) -> String {
    format!("the gate is closed until the branch's head is rolled out ({})", rollout_state(rollout))
}

/// The gate is closed: not all layers are GREEN.
pub(crate) fn gate_not_green(recon: &Recon) -> String {
    let layers = recon
        .layers()
        .into_iter()
        .filter(|(_, verdict)| *verdict != Verdict::Green)
        .map(|(layer, verdict)| format!("{layer} is {verdict}"))
        .collect::<Vec<_>>()
        .join(", ");
    format!("the gate is closed: {layers}")
}

/// A person says that something goes wrong.
pub(crate) fn gate_incident(by: &str, why: &str) -> String {
    format!(
        "the gate is closed: an incident, says {}: {}; the comment `/caretaker incident over` ends it",
        account(by),
        incident_why(why)
    )
}

/// What a person says is going wrong.
pub(crate) fn incident_why(why: &str) -> String {
    match why {
        "" => "no reason given".to_owned(),
        why => quote_outside(why, SHORT),
    }
}

/// A person says so in another issue. What they say may not be for those who read this one. `ends_here` says whether anybody
/// who counts here counts there as well.
pub(crate) fn gate_incident_elsewhere(by: &str, repository: &str, issue: u64, ends_here: bool) -> String {
    let end = if ends_here {
        "the comment `/caretaker incident over` here ends it"
    } else {
        "the comment `/caretaker incident over` ends it there, by an account that counts there"
    };
    format!(
        "the gate is closed: an incident, says {} in {} issue {issue}; {end}",
        account(by),
        quote_outside(repository, SHORT)
    )
}

/// What a change touches could not be synced now.
pub(crate) fn watcher_shut(watcher: &str, shut: &Shut) -> String {
    format!(
        "it is merged when Argo CD may roll it out: of {}, {}",
        quote_outside(watcher, SHORT),
        quote_outside(&shut.to_string(), 2 * SHORT)
    )
}

/// The gate is closed for a moment: until then, where that is known.
pub(crate) fn gate_settling(opens: Option<Timestamp>) -> String {
    match opens {
        Some(opens) => format!("the gate opens at {} if all layers stay GREEN", super::time(opens)),
        None => "the gate opens when all layers have been GREEN long enough".to_owned(),
    }
}

/// What opens the gate: a change in another repository.
pub(crate) fn opens_elsewhere() -> String {
    "the change there comes to its end".to_owned()
}

/// What opens the gate: an incident.
pub(crate) fn opens_incident() -> String {
    "a trusted person's comment `/caretaker incident over`".to_owned()
}

/// What opens the gate: a merge that was not answered.
pub(crate) fn opens_answered() -> String {
    "the forge shows the merge, or the time is over in which it may still happen".to_owned()
}

/// What opens the gate: the branch's head.
pub(crate) fn opens_rolled_out() -> String {
    "it runs in everything that follows the repository".to_owned()
}

/// The gate is closed: a change is in flight.
pub(crate) fn change_in_flight(pull: PullNumber) -> String {
    format!("the change of #{pull} is in flight")
}

/// What opens the gate: the change in flight.
pub(crate) fn opens_change() -> String {
    "it comes to its end".to_owned()
}

/// What opens the gate: what keeps a run from beginning.
pub(crate) fn opens_mended() -> String {
    "somebody mends it".to_owned()
}

/// What opens the gate: a person's stop.
pub(crate) fn opens_paused() -> String {
    "a trusted person lets it go on".to_owned()
}

/// What lets a change start where caretaker only looks on.
pub(crate) fn opens_observing() -> String {
    "another mode in the settings of the repository".to_owned()
}

/// What opens the gate: the hour.
pub(crate) fn opens_window(opens: Timestamp) -> String {
    format!("the window opens, {}", super::time(opens))
}

/// No change may start at this hour.
pub(crate) fn outside_window(opens: Timestamp) -> String {
    format!("no change starts outside the windows; the next one opens {}", super::time(opens))
}

/// Another merge was not answered, and may still happen.
pub(crate) fn gate_may_land(pull: PullNumber) -> String {
    format!(
        "the forge gave no answer to the merge of #{pull}, which may still happen: nothing is merged beside it"
    )
}

/// The note behind the final gate.
pub(crate) fn note_final_gate() -> String {
    "all layers GREEN after the last change".to_owned()
}

/// A right is missing in the cluster.
pub(crate) fn missing_right(right: &crate::cluster::Right, feature: crate::health::Feature) -> String {
    let needed_for = feature_words(feature);
    format!(
        "the cluster does not allow `{right}`, which {needed_for} needs: apply the manifests of deploy/ for it"
    )
}

/// What a feature does.
pub(crate) fn feature_words(feature: crate::health::Feature) -> &'static str {
    use crate::health::Feature;
    match feature {
        Feature::Core => "judging nodes, pods and workloads",
        Feature::ArgoCd => "judging Argo CD's Applications",
        Feature::ArgoCdSync => "following a rollout",
        Feature::Ceph => "judging Ceph",
        Feature::CephTools => "commands in the Ceph tools pod",
        Feature::Certificates => "listing certificates",
        Feature::Usage => "listing what nodes use",
        Feature::NodeStats => "asking kubelets how full disks and volumes are",
        Feature::OwnChecks => "the checks of the settings",
        Feature::Lease => "the lock that keeps two caretakers apart",
        Feature::Volumes => "judging volumes and claims",
        Feature::Snapshots => "judging snapshots",
        Feature::VolSync => "judging VolSync",
        Feature::Flux => "judging Flux",
        Feature::FluxReconcile => "asking Flux to look at once",
        Feature::CloudNativePg => "judging CloudNativePG",
        Feature::ExternalSecrets => "judging External Secrets",
        Feature::Jobs => "judging Jobs and CronJobs",
        Feature::DisruptionBudgets => "judging PodDisruptionBudgets",
        Feature::Services => "judging Services",
        Feature::ApiServices => "judging the servers behind the API server",
        Feature::Webhooks => "judging webhooks that fail closed",
        Feature::Audit => "the audit whose rules block",
        Feature::PodDeletion => "ending pods that keep a StatefulSet from going back",
    }
}

/// The cluster does not answer.
pub(crate) fn cluster_unreachable(error: &str) -> String {
    format!("the cluster does not answer: {}", quote_outside(error, SHORT))
}

/// The cluster's lock could be neither read nor taken.
pub(crate) fn lock_unreadable(lease: &str, error: &ClusterError) -> String {
    let (what, next) = match error {
        ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. } => (
            "the cluster does not let caretaker use its lock",
            "apply the manifests of deploy/, which give the rights to it, and look whether the credentials are still good",
        ),
        ClusterError::Unavailable { .. } => (
            "the cluster did not answer when caretaker asked for its lock",
            "look whether the API server can be reached; nothing else is needed when it answers again",
        ),
        _ => (
            "the cluster's lock could not be taken",
            "look at the log, and at the Lease itself; it may be deleted while no caretaker runs",
        ),
    };
    format!("{what} (the Lease {}), so nothing is done: {next}", code(lease, SHORT))
}

/// A change is half done in another repository.
pub(crate) fn change_elsewhere(repository: &str, issue: u64) -> String {
    format!(
        "one change at a time in a cluster: one of {} issue {issue} is not over yet",
        quote_outside(repository, SHORT)
    )
}

/// A run of another repository cannot be read.
pub(crate) fn run_unread_elsewhere(repository: &str, issue: u64) -> String {
    format!(
        "the run on {} issue {issue} cannot be read, and may have a change in flight: the log says why",
        quote_outside(repository, SHORT)
    )
}

/// A verdict for the form's cells.
pub(crate) fn verdict(verdict: Verdict) -> String {
    let icon = match verdict {
        Verdict::Green => "🟢",
        Verdict::Yellow => "🟡",
        Verdict::Red => "🔴",
        Verdict::Unknown => "⚪",
    };
    format!("{icon} {verdict}")
}

/// The workloads could not be read.
pub(crate) fn workloads_unread() -> String {
    "the workloads that it touches could not be read".to_owned()
}
