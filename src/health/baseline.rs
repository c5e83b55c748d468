//! What was broken before a change, and whether what is new is the change's fault.
//!
//! Attribution is narrow on purpose: it can start a revert. Only a finding on an affected watcher's own objects is
//! attributed; time alone makes a suspicion. Decided here: what was there before, listed or accepted as well, is never the
//! change's fault, neither when it counts again nor when it is worse, and what was only listed clears nothing that follows
//! from it; a sync that had failed before and fails alike again tells nothing of the change; and nothing is said to be
//! unrelated but where it is known why. What happens to nodes and storage after a merge may be its doing, but what runs there
//! is no more its fault than they are.

use super::probes::shortened;
use super::{Finding, FindingId, Probe, Recon, Verdict};
use crate::cluster::{Application, ObjectRef, OperationPhase, Owner};
use crate::wording;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The rule of what ended with its node, which came back.
pub(crate) const NODE_RESTARTED: &str = "node-restarted";

/// How far the clocks may be apart of whoever tells since when something has been so, and ours.
const CLOCKS: Duration = Duration::from_secs(30);

/// How a new finding relates to a change, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Attribution {
    /// The change did it.
    Attributed(String),
    /// It may have. A person decides.
    Suspected(String),
    /// It is known not to have.
    Unrelated(String),
}

impl Attribution {
    /// The reason.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Attributed(why) | Self::Suspected(why) | Self::Unrelated(why) => why,
        }
    }
}

/// A finding just before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FoundBefore {
    /// Which.
    pub(crate) id: FindingId,
    /// How bad it was.
    pub(crate) verdict: Verdict,
    /// Whether it closed the gate.
    #[serde(default)]
    pub(crate) blocked: bool,
    /// Whether a person accepted it.
    #[serde(default)]
    pub(crate) accepted: bool,
}

/// An Application whose newest sync of everything had failed just before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedBefore {
    /// Which.
    pub(crate) application: ObjectRef,
    /// In its own words.
    pub(crate) why: String,
}

/// What there was just before a change, whatever counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "WrittenBaseline")]
pub(crate) struct Baseline {
    /// All findings, those that were only listed as well.
    pub(crate) findings: Vec<FoundBefore>,
    /// The Applications whose newest sync had failed.
    pub(crate) failed_syncs: Vec<FailedBefore>,
}

/// As it stands in journals.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenBaseline {
    /// Older versions wrote down what blocked, and nothing of how bad it was.
    Blocking(BTreeSet<FindingId>),
    Whole {
        findings: Vec<FoundBefore>,
        #[serde(default)]
        failed_syncs: Vec<FailedBefore>,
    },
}

impl From<WrittenBaseline> for Baseline {
    fn from(written: WrittenBaseline) -> Self {
        match written {
            WrittenBaseline::Blocking(ids) => {
                // Whatever it is now, it is no worse than what nobody knows.
                let found =
                    |id| FoundBefore { id, verdict: Verdict::Unknown, blocked: true, accepted: false };
                Self { findings: ids.into_iter().map(found).collect(), failed_syncs: Vec::new() }
            }
            WrittenBaseline::Whole { findings, failed_syncs } => Self { findings, failed_syncs },
        }
    }
}

impl Baseline {
    /// What a pass found, and how the newest syncs of the Applications ended.
    pub(crate) fn of(recon: &Recon, failed_syncs: &[FailedBefore]) -> Self {
        let found = |finding: &Finding| FoundBefore {
            id: finding.id.clone(),
            verdict: finding.verdict,
            blocked: !finding.informational,
            accepted: finding.acknowledged,
        };
        Self { findings: recon.findings().map(found).collect(), failed_syncs: failed_syncs.to_vec() }
    }

    /// A finding as it was then.
    fn finding(&self, id: &FindingId) -> Option<&FoundBefore> {
        self.findings.iter().find(|found| found.id == *id)
    }

    fn blocked(&self, id: &FindingId) -> bool {
        self.finding(id).is_some_and(|found| found.blocked)
    }

    /// Whether a finding was there, and no better than it is now.
    pub(crate) fn was_as_bad(&self, finding: &Finding) -> bool {
        self.finding(&finding.id).is_some_and(|found| finding.verdict <= found.verdict)
    }

    /// What counts now and was there, and no better than it is.
    pub(crate) fn as_bad_as_before(&self, recon: &Recon) -> BTreeSet<FindingId> {
        recon
            .blocking()
            .filter(|finding| self.was_as_bad(finding))
            .map(|finding| finding.id.clone())
            .collect()
    }

    /// Whether pods of a workload were held back by its update strategy.
    pub(crate) fn held_back(&self, workload: &ObjectRef) -> bool {
        let rule = |id: &FindingId| matches!(id.rule.as_str(), "waits-for-deletion" | "held-by-partition");
        self.findings.iter().any(|found| rule(&found.id) && found.id.object == *workload)
    }

    /// How the newest sync of an Application had failed, if it had.
    fn failed_sync(&self, application: &ObjectRef) -> Option<&FailedBefore> {
        self.failed_syncs.iter().find(|failed| failed.application == *application)
    }

    /// The same, if it had failed as it does now, in these words.
    pub(crate) fn failed_alike(&self, application: &ObjectRef, why: &str) -> Option<&FailedBefore> {
        self.failed_sync(application).filter(|before| before.is_alike(why))
    }
}

/// What Argo CD says where a hook, or what a wave waited for, ended badly, whatever it was.
const ENDED_BADLY: &str = "synchronization tasks completed unsuccessfully";

impl FailedBefore {
    /// How an Application's newest sync failed; none where it did not, or was of a few objects alone.
    pub(crate) fn of(application: &Application) -> Option<Self> {
        let operation = application.operation.as_ref().filter(|operation| !operation.partial)?;
        let failed = matches!(operation.phase, OperationPhase::Failed | OperationPhase::Error);
        failed.then(|| Self { application: application.object(), why: operation.message.clone() })
    }

    /// Whether one that fails in these words fails as this one did: in the same, however often it was retried, or by a hook as
    /// well. A manifest that is refused now, where another was, is another failure.
    fn is_alike(&self, why: &str) -> bool {
        self.is_of_a_hook() && why.contains(ENDED_BADLY) || without_retries(&self.why) == without_retries(why)
    }

    /// The same of a finding's evidence, in which they may be shortened and stand behind others.
    fn is_alike_in(&self, evidence: &str) -> bool {
        let words = shortened(without_retries(&self.why));
        self.is_of_a_hook() && evidence.contains(ENDED_BADLY)
            || evidence.contains(words.trim_end_matches("..."))
    }

    fn is_of_a_hook(&self) -> bool {
        self.why.contains(ENDED_BADLY)
    }
}

/// What Argo CD says of a failure, without how often it has tried and when it will again.
fn without_retries(why: &str) -> &str {
    let ends = [" (retried ", ". Retrying attempt"];
    ends.iter().filter_map(|end| why.rfind(end)).min().map_or(why, |end| &why[..end])
}

/// The findings that block now and did not before.
pub(crate) fn new_findings<'a>(before: &Baseline, after: &'a Recon) -> Vec<&'a Finding> {
    after.blocking().filter(|finding| !before.blocked(&finding.id)).collect()
}

/// A finding by itself, held against a change.
struct Laid {
    attribution: Attribution,
    /// What there was before says so: no edge says otherwise.
    settled: bool,
    /// What follows from it is no more the change's fault than it is.
    bounds: bool,
}

impl Laid {
    fn settled(attribution: Attribution) -> Self {
        Self { attribution, settled: true, bounds: true }
    }

    /// Of what was only listed. It may have lain there and be no cause of anything: it clears nothing of what the change did touch.
    fn listed(attribution: Attribution, probe: Probe) -> Self {
        Self { attribution, settled: true, bounds: stands_below(probe) }
    }

    fn open(attribution: Attribution) -> Self {
        Self { attribution, settled: false, bounds: false }
    }
}

/// How each new finding relates to a change that was decided at a moment and affected these watchers. What follows from
/// another is as that is: pods of a changed workload that fail with their node are not the change's fault.
pub(crate) fn attributions(
    before: &Baseline,
    decided_at: Timestamp,
    after: &Recon,
    affected: &[Owner],
) -> BTreeMap<FindingId, Attribution> {
    let new = new_findings(before, after);
    let by_themselves: BTreeMap<&FindingId, Laid> = new
        .iter()
        .map(|finding| {
            let settled = settled_before(finding, before, decided_at, affected);
            (&finding.id, settled.unwrap_or_else(|| lay(finding, affected)))
        })
        .collect();
    let whole = |finding: &&Finding| {
        let own = &by_themselves[&finding.id];
        let Some(cause) = &finding.cause else { return own.attribution.clone() };
        match by_themselves.get(cause) {
            // It was there before the change and counted: it leads to nothing, nor does what follows from it.
            None => {
                Attribution::Unrelated(follows(finding, cause, &wording::cause_there_before(&cause.object)))
            }
            Some(Laid { attribution: Attribution::Unrelated(why), .. }) => {
                Attribution::Unrelated(follows(finding, cause, why))
            }
            Some(_) if own.settled => own.attribution.clone(),
            Some(Laid { attribution: Attribution::Attributed(why), .. }) => {
                Attribution::Attributed(follows(finding, cause, why))
            }
            // That the cause may be something else's does not clear what the change did touch: it may be a symptom itself.
            Some(Laid { attribution: Attribution::Suspected(why), bounds, .. }) => match &own.attribution {
                Attribution::Attributed(_) if !bounds => own.attribution.clone(),
                _ => Attribution::Suspected(follows(finding, cause, why)),
            },
        }
    };
    new.iter().map(|finding| (finding.id.clone(), whole(finding))).collect()
}

fn follows(finding: &Finding, cause: &FindingId, why: &str) -> String {
    let object = &finding.id.object;
    if *object == cause.object { why.to_owned() } else { wording::follows_from(object, &cause.object, why) }
}

/// What is known of a finding from before the change, which settles whose fault it is not.
fn settled_before(
    finding: &Finding,
    before: &Baseline,
    decided_at: Timestamp,
    affected: &[Owner],
) -> Option<Laid> {
    let FindingId { probe, rule, object } = &finding.id;
    if let Some(found) = before.finding(&finding.id) {
        let counted = found.blocked || found.accepted;
        let laid = |attribution| {
            if counted { Laid::settled(attribution) } else { Laid::listed(attribution, *probe) }
        };
        return Some(laid(if finding.verdict > found.verdict {
            Attribution::Suspected(wording::worse_than_before(object, found.verdict, finding.verdict))
        } else if counted {
            Attribution::Unrelated(wording::there_before(object, found.verdict, found.accepted))
        } else {
            Attribution::Suspected(wording::listed_before(object, found.verdict))
        }));
    }
    // A hook that fails again leaves a Job of another name.
    let again = match (probe, rule.as_str(), object.kind.as_str()) {
        (Probe::ArgoCd, "sync-failed" | "sync-error", _) => {
            before.failed_sync(object).filter(|failed| failed.is_alike_in(&finding.evidence))
        }
        (_, _, "Job") => affected
            .iter()
            .find(|one| one.owns.contains(object))
            .and_then(|one| before.failed_sync(&one.object))
            .filter(|failed| failed.is_of_a_hook()),
        _ => None,
    };
    if let Some(failed) = again {
        return Some(Laid::settled(Attribution::Suspected(wording::sync_failed_already(
            &failed.application,
        ))));
    }
    let began_before = finding.made_at.or(finding.since).filter(|since| {
        tells_its_beginning(finding)
            && Duration::try_from(decided_at.duration_since(*since)).is_ok_and(|before| before > CLOCKS)
    });
    began_before.map(|at| {
        let why = match finding.made_at {
            Some(_) => wording::run_made_before(object, at),
            None => wording::began_before(object, at),
        };
        Laid::settled(Attribution::Unrelated(why))
    })
}

/// Whether its time is that at which it began: a condition's, or of what came later than it began. Others tell when an object was
/// made or last looked at, or for how long it has been worse, and a finding is as old as that only by chance.
fn tells_its_beginning(finding: &Finding) -> bool {
    let FindingId { probe, rule, .. } = &finding.id;
    let begins = match probe {
        Probe::Nodes | Probe::Alerts | Probe::Capacity | Probe::Usage => true,
        Probe::Pods | Probe::KubeSystem => match rule.as_str() {
            "rollout-failed" | "not-ready" | "unschedulable" | "oom-killed" | "restarts-grow"
            | "terminating" => true,
            // As a run's own, below.
            "crash-loop" | "job-failed" => finding.made_at.is_some(),
            _ => false,
        },
        Probe::Certificates => matches!(rule.as_str(), "not-ready" | "expired"),
        Probe::CloudNativePg => matches!(rule.as_str(), "backup-late" | "schedule-missed"),
        // A run that was made before the change fails after it by what it was made with.
        Probe::Jobs => match rule.as_str() {
            "run-lost" => true,
            "run-failed" | "failed" | "deadline-passed" => finding.made_at.is_some(),
            _ => false,
        },
        _ => false,
    };
    finding.verdict != Verdict::Unknown && begins
}

/// How a finding of which nothing is known from before relates to a change by itself.
fn lay(finding: &Finding, affected: &[Owner]) -> Laid {
    let FindingId { probe, rule, object } = &finding.id;
    // An alert, an address that does not answer, a full volume and a node without memory say that something is wrong, and not what did it; an own check
    // may be about a kind of the same name in another group.
    if matches!(probe, Probe::Alerts | Probe::Addresses | Probe::Capacity | Probe::Usage | Probe::Own) {
        let attribution = Attribution::Suspected(wording::was_well(object));
        return Laid { bounds: matches!(probe, Probe::Usage), ..Laid::open(attribution) };
    }
    if matches!(probe, Probe::DisruptionBudgets | Probe::Audit) {
        return Laid::open(Attribution::Suspected(wording::stops_nothing(object)));
    }
    // Who works on a node, or waits for its turn, does so by a schedule of their own, unless that is what was changed.
    let of_their_work = matches!(rule.as_str(), "in-work" | "work-overdue" | "reboot-required");
    if *probe == Probe::Nodes && of_their_work && !affected.iter().any(works_on_nodes) {
        return Laid::open(Attribution::Unrelated(wording::node_worked_on(object)));
    }
    // What a node's return does to its pods is the change's as little as the return.
    if rule == NODE_RESTARTED {
        let attribution = Attribution::Suspected(wording::node_came_back(object));
        return Laid { bounds: true, ..Laid::open(attribution) };
    }
    for watcher in affected.iter().filter(|_| !comes_by_itself(finding)) {
        if *object == watcher.object {
            return Laid::open(Attribution::Attributed(wording::changed_itself(object)));
        }
        // What a watcher makes of other watchers is theirs: a child that breaks may break by itself.
        let own = watcher.owns.contains(object);
        if own && !matches!(object.kind.as_str(), "Application" | "ApplicationSet" | "Kustomization") {
            return Laid::open(Attribution::Attributed(wording::belongs_to_changed(object, &watcher.object)));
        }
    }
    // An object that an operator made is in no inventory; its namespace is the nearest that is known.
    for watcher in affected {
        let shares = watcher.owns.iter().any(|own| own.namespace == object.namespace);
        if !object.namespace.is_empty() && shares {
            let attribution = Attribution::Suspected(wording::beside_changed(object, &watcher.object));
            return Laid { bounds: is_of_somebody_outside(finding), ..Laid::open(attribution) };
        }
    }
    // A volume belongs to no namespace, and may be what a claim of the change left behind; an operator or a driver that was
    // changed may take down nodes, storage and certificates that are in no inventory.
    let attribution = Attribution::Suspected(wording::only_in_time(object));
    let bounds = stands_below(*probe) || is_of_somebody_outside(finding);
    Laid { bounds, ..Laid::open(attribution) }
}

/// Whether what runs on it does not bring it down: it is no symptom of a workload that a change touched.
fn stands_below(probe: Probe) -> bool {
    match probe {
        Probe::Nodes
        | Probe::Ceph
        | Probe::CephTools
        | Probe::Usage
        | Probe::Certificates
        | Probe::Snapshots
        | Probe::VolSync => true,
        Probe::Pods
        | Probe::KubeSystem
        | Probe::Jobs
        | Probe::DisruptionBudgets
        | Probe::Services
        | Probe::ArgoCd
        | Probe::Volumes
        | Probe::Own
        | Probe::Addresses
        | Probe::Alerts
        | Probe::Capacity
        | Probe::Flux
        | Probe::CloudNativePg
        | Probe::ExternalSecrets
        | Probe::ApiServices
        | Probe::Webhooks
        | Probe::Audit => false,
    }
}

/// Whether a watcher holds whoever works on nodes.
fn works_on_nodes(watcher: &Owner) -> bool {
    let does = |object: &ObjectRef| {
        object.kind == "Plan"
            || object.name.contains("kured")
            || object.name.contains("system-upgrade")
            || object.name.contains("cluster-autoscaler")
    };
    watcher.owns.iter().any(does)
}

/// Whether it comes without a change as well, so that it is at most suspected: what is left over of pods that a node ended or that
/// were replaced, a memory that ran out, a container that has ended now and then for hours, and what is somebody's outside.
fn comes_by_itself(finding: &Finding) -> bool {
    let FindingId { probe, rule, object } = &finding.id;
    match probe {
        Probe::Pods | Probe::KubeSystem => match rule.as_str() {
            "evicted" | "ended-by-node" | "oom-killed" | "restarts-grow" => true,
            // A pod that nobody made anew hangs on itself.
            "failed" => object.kind != "Pod",
            _ => false,
        },
        _ => is_of_somebody_outside(finding),
    }
}

/// Whether a source says that it has no such version, in the words of registries and of source-controller. One that does not answer, or
/// that allows no pulls, says nothing of that.
fn is_not_there(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    NOT_THERE.iter().any(|words| said.contains(words))
}

const NOT_THERE: [&str; 9] = [
    "manifest_unknown",
    "manifest unknown",
    "name_unknown",
    "name unknown",
    "no match found for semver",
    "version matching",
    ": not found",
    "status code 404",
    "404 not found",
];

/// Whether somebody outside has to answer for it: who makes certificates, where copies lie, sources are fetched from and secrets are
/// kept. What follows from it is as little the change's. A version that is not there may be what the change asked for, and so may
/// a secret that nobody ever read.
fn is_of_somebody_outside(finding: &Finding) -> bool {
    let FindingId { probe, rule, object } = &finding.id;
    match (probe, rule.as_str()) {
        (Probe::Certificates | Probe::VolSync | Probe::Snapshots, _)
        | (Probe::ExternalSecrets, "store-not-ready") => true,
        (Probe::Flux, "fetch-failed") => {
            !matches!(object.kind.as_str(), "OCIRepository" | "HelmChart") || !is_not_there(&finding.evidence)
        }
        (Probe::ExternalSecrets, "not-synced") => finding.verdict == Verdict::Yellow,
        _ => false,
    }
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
