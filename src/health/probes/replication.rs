//! `VolSync`: whether the copies of claims are made.
//!
//! A source that fails reads `SyncInProgress` for ever, since `VolSync` tries again and again: only how its mover ended
//! and the age of the last good copy tell. Its controller sets `lastSyncStartTime` as soon as a copy is due and takes it
//! away at the end, so a copy that is due and was not begun says that nobody looks: `VolSync` itself may be dead.
//!
//! | Rule | Verdict | When | Forgiven |
//! |---|---|---|---|
//! | `source-claim-missing` | YELLOW | the claim that it copies does not exist | for the grace time after it was made |
//! | `source-paused` | YELLOW | `spec.paused`: nothing is copied, and nothing else of it is judged but its claim | never |
//! | `source-locked` | YELLOW | the newest copy failed at a repository that another has locked | never |
//! | `source-failed` | YELLOW | the newest copy failed otherwise | never |
//! | `source-result-unknown` | UNKNOWN | it ended in a way that is not known | never |
//! | `source-error` | YELLOW | `Synchronizing` is False with the reason Error | for the grace time |
//! | `source-state-unknown` | UNKNOWN | `Synchronizing` is neither True nor False | never |
//! | `source-overdue` | YELLOW | a copy runs, or is tried, for too long | for `health.volsync_overdue_seconds` |
//! | `source-not-begun` | UNKNOWN | a copy is due by its trigger, or the first one, and was not begun | for the grace time; one by hand never |
//! | `source-unanswered` | UNKNOWN | no status | for the grace time |
//! | `controller-down` | UNKNOWN | there are sources, and a workload called `volsync`, by name, label or image where it does not move, of which no replica is available | never |
//! | `not-read` | UNKNOWN | the claims could not be read | never |
//!
//! A source whose mover is another program's (`spec.external`) has no status of `VolSync`: its claim alone is judged. The
//! copying of Syncthing has no end: how long it runs is not judged.

use super::reporter::Reporter;
use super::{age, day, finding, judged, lists_not_read, shortened};
use crate::cluster::{
    ClusterError, ConditionStatus, CopyTrigger, Mover, MoverResult, ObjectRef, PersistentVolumeClaim,
    ReplicationSource, Workload, claim_object,
};
use crate::health::{Finding, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::HashSet;
use std::time::Duration;

/// Who says what became of a copy.
///
/// The mover of Syncthing is a Deployment of the same image, next to its source.
pub(super) const CONTROLLER: Reporter = Reporter { name: "volsync", part_of: None, other_work: &["run"] };

/// What `VolSync`'s controller gives as the reason of what it could not do.
const ERROR: &str = "Error";

/// Judges all sources. Without the claims nobody knows whether theirs exist.
pub(in crate::health) fn judge_replication(
    sources: &[ReplicationSource],
    claims: Result<&[PersistentVolumeClaim], &ClusterError>,
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> ProbeResult {
    let patience = Duration::from_secs(settings.volsync_overdue_seconds).max(grace);
    let moment = Moment { now, grace, patience };
    let claims_read: Option<HashSet<(&str, &str)>> = claims
        .ok()
        .map(|claims| claims.iter().map(|one| (one.namespace.as_str(), one.name.as_str())).collect());
    let mut findings: Vec<Finding> = Vec::new();
    if !sources.is_empty() {
        findings.extend(lists_not_read(Probe::VolSync, &[("persistentvolumeclaims", claims.err())]));
        findings.extend(CONTROLLER.down(Probe::VolSync, workloads));
    }
    let mut good = 0;
    for source in sources {
        let has_claim = match (&source.claim, &claims_read) {
            (Some(claim), Some(claims)) => claims.contains(&(source.namespace.as_str(), claim.as_str())),
            // Said once for all, or nothing to look for.
            (_, None) | (None, _) => true,
        };
        let found = moment.judge(source, has_claim);
        good += usize::from(found.is_empty());
        findings.extend(found);
    }
    // One that never copied anything is a finding; the age of the others is what is asked for.
    let copied = sources.iter().filter(|source| !source.paused).filter_map(|source| source.last_sync).min();
    let oldest =
        copied.map_or_else(String::new, |at| format!(", the last copy of each of {} or later", day(at)));
    let summary = match sources.len() {
        0 => "no sources of copies".to_owned(),
        all => format!("{good} of {all} sources copy their claims{oldest}"),
    };
    judged(Probe::VolSync, summary, findings)
}

/// The moment of the judgement, and how long what is normal is forgiven.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Timestamp,
    grace: Duration,
    /// How long a copy may take.
    patience: Duration,
}

fn found(
    rule: &str,
    source: &ReplicationSource,
    verdict: Verdict,
    what: &str,
    evidence: String,
    since: Option<Timestamp>,
) -> Finding {
    let object = ObjectRef::new("ReplicationSource", &source.namespace, &source.name);
    let message = format!("{object} {what}");
    finding(Probe::VolSync, rule, object, verdict, message, evidence).since(since)
}

impl Moment {
    fn within(self, since: Option<Timestamp>, limit: Duration) -> bool {
        since.is_some_and(|since| age(self.now, since) <= limit)
    }

    /// Judges one source.
    fn judge(self, source: &ReplicationSource, has_claim: bool) -> Vec<Finding> {
        // Whoever deletes a source wants no more copies.
        if source.deleted_at.is_some() {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if let Some(claim) = source.claim.as_deref().filter(|_| !has_claim)
            && !self.within(source.created_at, self.grace)
        {
            let object = claim_object(&source.namespace, claim);
            let evidence = format!("spec.sourcePVC = {claim}, and there is no {object}");
            let what = "copies a claim that does not exist";
            findings.push(found("source-claim-missing", source, Verdict::Yellow, what, evidence, None));
        }
        if source.mover == Mover::Foreign {
            return findings;
        }
        if source.paused {
            let evidence = format!("spec.paused = true, {}", last_copy(source));
            let since = source.last_sync;
            findings.push(found("source-paused", source, Verdict::Yellow, "is paused", evidence, since));
            return findings;
        }
        if !source.has_status {
            if !self.within(source.created_at, self.grace) {
                let (what, since) = ("is not answered by VolSync", source.created_at);
                let evidence = "no status".to_owned();
                findings.push(found("source-unanswered", source, Verdict::Unknown, what, evidence, since));
            }
            return findings;
        }
        findings.extend(result(source));
        match self.condition(source) {
            // It says why nothing runs.
            Some(condition) => findings.push(condition),
            None => findings.extend(self.late(source)),
        }
        findings
    }

    fn condition(self, source: &ReplicationSource) -> Option<Finding> {
        let condition = source.synchronizing.as_ref()?;
        let (what, verdict, rule) = match condition.status {
            ConditionStatus::Unknown => {
                ("does not say whether it copies", Verdict::Unknown, "source-state-unknown")
            }
            ConditionStatus::False
                if condition.reason == ERROR && !self.within(condition.since, self.grace) =>
            {
                ("cannot copy", Verdict::Yellow, "source-error")
            }
            ConditionStatus::True | ConditionStatus::False => return None,
        };
        let evidence = format!(
            "Synchronizing is {:?}: {} {}",
            condition.status,
            condition.reason,
            shortened(&condition.message)
        );
        Some(found(rule, source, verdict, what, evidence, condition.since))
    }

    /// Whether a copy is late: one that runs since long, or one that should run and does not.
    fn late(self, source: &ReplicationSource) -> Option<Finding> {
        if source.mover == Mover::Endless {
            return None;
        }
        let last = last_copy(source);
        if let Some(started) = source.sync_started {
            let evidence = format!("status.lastSyncStartTime = {started}, {last}");
            return (!self.within(Some(started), self.patience)).then(|| {
                let what = "copies for too long";
                found("source-overdue", source, Verdict::Yellow, what, evidence, Some(started))
            });
        }
        let (due, why) = match (source.last_sync, &source.trigger) {
            (None, _) => (source.created_at, "never begun".to_owned()),
            (_, CopyTrigger::Manual { done: true }) => return None,
            // When the word was written nobody tells, only that it was not heard yet.
            (_, CopyTrigger::Manual { done: false }) => {
                (None, "spec.trigger.manual is not status.lastManualSync".to_owned())
            }
            (_, CopyTrigger::Schedule) => match source.next_sync {
                Some(next) if next > self.now => return None,
                Some(next) => (Some(next), format!("status.nextSyncTime = {next}")),
                None => (None, "no status.nextSyncTime".to_owned()),
            },
            (Some(last), CopyTrigger::Endless) => {
                (Some(last), "no trigger, so one follows the other".to_owned())
            }
        };
        if self.within(due, self.grace) {
            return None;
        }
        let evidence = format!("{why}, no status.lastSyncStartTime, {last}");
        let what = "was not begun when it was due";
        Some(found("source-not-begun", source, Verdict::Unknown, what, evidence, due))
    }
}

fn last_copy(source: &ReplicationSource) -> String {
    match source.last_sync {
        Some(last) => format!("the last good copy is of {last}"),
        None => "there is no good copy".to_owned(),
    }
}

/// How the newest copy ended. What the mover logged is not shown: addresses with passwords may stand there.
fn result(source: &ReplicationSource) -> Option<Finding> {
    let last = last_copy(source);
    let of = |rule, verdict, what, evidence: String| {
        Some(found(rule, source, verdict, what, evidence, source.sync_started.or(source.last_sync)))
    };
    match source.result.as_ref()? {
        MoverResult::Successful => None,
        MoverResult::Failed { locked: true } => {
            let evidence =
                format!("status.latestMoverStatus.result = Failed, its log tells of a lock, {last}");
            of("source-locked", Verdict::Yellow, "fails: its repository is locked", evidence)
        }
        MoverResult::Failed { locked: false } => {
            let evidence = format!("status.latestMoverStatus.result = Failed, {last}");
            of("source-failed", Verdict::Yellow, "fails", evidence)
        }
        MoverResult::Unknown(word) => {
            let evidence = format!("status.latestMoverStatus.result = {}, {last}", shortened(word));
            of("source-result-unknown", Verdict::Unknown, "ended in a way that nobody knows", evidence)
        }
    }
}

#[cfg(test)]
#[path = "replication_tests.rs"]
mod tests;
