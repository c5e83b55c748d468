//! Snapshots of volumes: whether each can be used, and what hangs.
//!
//! `readyToUse` that is absent is not false, and an error may stay beside true: the value first, then the error, then the
//! age decide. A controller goes on trying after an error, and conflicts pass by themselves, so nothing is said of a
//! snapshot that was just made.
//!
//! | Rule | Verdict | When | Forgiven |
//! |---|---|---|---|
//! | `snapshot-locked` | YELLOW | not ready, and the driver says that an operation on its volume already exists | for the grace time |
//! | `snapshot-failed` | YELLOW | not ready, with another error | for the grace time |
//! | `snapshot-not-ready` | YELLOW | said not to be ready, without an error | for `health.snapshot_grace_seconds` |
//! | `snapshot-unanswered` | UNKNOWN | nobody has said whether it is ready | for `health.snapshot_grace_seconds` |
//! | `snapshot-terminating` | YELLOW | being deleted | for the grace time |
//! | `controller-down` | UNKNOWN | there are snapshots, and a workload called `snapshot-controller`, by name, label or image, of which no replica is available; one that is nowhere may be run by whoever runs the control plane | never |

use super::reporter::Reporter;
use super::{age, finding, judged, shortened};
use crate::cluster::{ObjectRef, VolumeSnapshot, Workload};
use crate::health::{Finding, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// Who says whether a snapshot is ready.
pub(super) const CONTROLLER: Reporter = Reporter::named("snapshot-controller");

/// Judges all snapshots.
pub(in crate::health) fn judge_snapshots(
    snapshots: &[VolumeSnapshot],
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> ProbeResult {
    let patience = Duration::from_secs(settings.snapshot_grace_seconds).max(grace);
    let mut findings: Vec<Finding> =
        snapshots.iter().filter_map(|snapshot| judge_snapshot(snapshot, now, grace, patience)).collect();
    if !snapshots.is_empty() {
        findings.extend(CONTROLLER.down(Probe::Snapshots, workloads));
    }
    let ready = snapshots.iter().filter(|snapshot| snapshot.ready == Some(true)).count();
    let summary = match snapshots.len() {
        0 => "no snapshots".to_owned(),
        all => format!("{ready} of {all} snapshots ready"),
    };
    judged(Probe::Snapshots, summary, findings)
}

/// Judges one snapshot. `grace` is for what went wrong, `patience` for what is merely not done.
fn judge_snapshot(
    snapshot: &VolumeSnapshot,
    now: Timestamp,
    grace: Duration,
    patience: Duration,
) -> Option<Finding> {
    let object = ObjectRef::new("VolumeSnapshot", &snapshot.namespace, &snapshot.name);
    let forgiven = |since: Option<Timestamp>, limit| since.is_some_and(|since| age(now, since) <= limit);
    let found = |rule, verdict, what: &str, evidence: String, since| {
        let message = format!("{object} {what}");
        Some(finding(Probe::Snapshots, rule, object.clone(), verdict, message, evidence).since(since))
    };
    let of = match &snapshot.claim {
        Some(claim) => format!(", of claim {claim}"),
        None => String::new(),
    };
    if let Some(asked) = snapshot.deleted_at {
        if forgiven(Some(asked), grace) {
            return None;
        }
        let evidence = format!("metadata.deletionTimestamp = {asked}{of}: something holds it");
        let what = "is being deleted for too long";
        return found("snapshot-terminating", Verdict::Yellow, what, evidence, Some(asked));
    }
    if snapshot.ready == Some(true) {
        return None;
    }
    let created = snapshot.created_at;
    if let Some(error) = &snapshot.error {
        if forgiven(created, grace) {
            return None;
        }
        let evidence = format!("status.error.message = {}{of}", shortened(&error.message));
        let since = error.at.or(created);
        return if error.is_operation_lock() {
            let what = "waits for an operation that its driver does not end";
            found("snapshot-locked", Verdict::Yellow, what, evidence, since)
        } else {
            found("snapshot-failed", Verdict::Yellow, "could not be taken", evidence, since)
        };
    }
    if forgiven(created, patience) {
        return None;
    }
    if snapshot.ready == Some(false) {
        let evidence = format!("status.readyToUse = false{of}");
        return found("snapshot-not-ready", Verdict::Yellow, "is not ready", evidence, created);
    }
    let said = if snapshot.has_status { "no status.readyToUse" } else { "no status" };
    found(
        "snapshot-unanswered",
        Verdict::Unknown,
        "is not answered by anybody",
        format!("{said}{of}"),
        created,
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::DriverError;
    use Verdict::{Unknown, Yellow};

    fn snapshot(age: i64) -> VolumeSnapshot {
        VolumeSnapshot {
            namespace: "db".to_owned(),
            name: "data-1".to_owned(),
            claim: Some("data".to_owned()),
            has_status: true,
            ready: Some(true),
            error: None,
            created_at: Some(ago(age)),
            deleted_at: None,
        }
    }

    fn error(message: &str) -> DriverError {
        DriverError { message: message.to_owned(), at: Some(ago(30)) }
    }

    #[test]
    fn every_rule_for_a_snapshot() {
        const LOCK: &str =
            "rpc error: code = Aborted desc = an operation with the given Volume ID 0001-data already exists";
        type Case = (&'static str, VolumeSnapshot, Vec<(&'static str, Verdict)>);
        let with = |age: i64, change: &dyn Fn(&mut VolumeSnapshot)| {
            let mut snapshot = snapshot(age);
            change(&mut snapshot);
            snapshot
        };
        let failed = |message: &'static str| {
            move |s: &mut VolumeSnapshot| (s.ready, s.error) = (Some(false), Some(error(message)))
        };
        let no_status = |s: &mut VolumeSnapshot| (s.ready, s.has_status) = (None, false);
        let cases: Vec<Case> = vec![
            ("ready", snapshot(9_000), vec![]),
            ("ready, an old error beside it", with(9_000, &|s| s.error = Some(error("modified"))), vec![]),
            ("just made, nobody has answered", with(20, &no_status), vec![]),
            ("nobody answers for a while", with(1_800, &no_status), vec![]),
            ("nobody answers", with(1_801, &no_status), vec![("snapshot-unanswered", Unknown)]),
            (
                "answered, and not about whether it is ready",
                with(1_801, &|s| s.ready = None),
                vec![("snapshot-unanswered", Unknown)],
            ),
            ("cut, not usable yet", with(1_800, &|s| s.ready = Some(false)), vec![]),
            (
                "cut, not usable for too long",
                with(1_801, &|s| s.ready = Some(false)),
                vec![("snapshot-not-ready", Yellow)],
            ),
            ("an error of the beginning", with(300, &failed("image not found")), vec![]),
            ("an error that stays", with(301, &failed("image not found")), vec![("snapshot-failed", Yellow)]),
            (
                "an error, and nothing said of ready",
                with(301, &|s| (s.ready, s.error) = (None, Some(error("image not found")))),
                vec![("snapshot-failed", Yellow)],
            ),
            ("locked", with(301, &failed(LOCK)), vec![("snapshot-locked", Yellow)]),
            (
                "no age, not ready",
                with(0, &|s| (s.ready, s.created_at) = (Some(false), None)),
                vec![("snapshot-not-ready", Yellow)],
            ),
            ("going", with(9_000, &|s| s.deleted_at = Some(ago(300))), vec![]),
            (
                "held, though it is ready",
                with(9_000, &|s| s.deleted_at = Some(ago(301))),
                vec![("snapshot-terminating", Yellow)],
            ),
        ];
        for (name, snapshot, expected) in cases {
            let grace = Duration::from_mins(5);
            let result = judge_snapshots(&[snapshot], &[], now(), grace, &Settings::default());
            assert_eq!(rules(&result), expected, "{name}");
            let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
            assert_eq!(result.verdict, worst, "{name}");
        }
    }

    #[test]
    fn the_evidence_names_the_driver_s_words_and_the_time() {
        let mut bad = snapshot(900);
        (bad.ready, bad.error) = (Some(false), Some(error("image not found\nand a second line")));
        let result = judge_snapshots(&[bad, snapshot(9)], &[], now(), Duration::ZERO, &Settings::default());
        assert_eq!(result.summary, "1 of 2 snapshots ready");
        let finding = &result.findings[0];
        assert_eq!(finding.evidence, "status.error.message = image not found, of claim data");
        assert_eq!(finding.since, Some(ago(30)));
        assert_eq!(finding.id.object.to_string(), "VolumeSnapshot db/data-1");
    }
    #[test]
    fn a_controller_that_is_seen_and_down_makes_them_unknown() {
        use super::super::reporter::tests::deployment;
        let mut down = deployment("kube-system", "snapshot-controller");
        down.available = 0;
        for (name, workloads, snapshots, expected) in [
            ("down", vec![down.clone()], vec![snapshot(9)], Some("controller-down")),
            ("it lives", vec![deployment("kube-system", "snapshot-controller")], vec![snapshot(9)], None),
            ("whoever runs the control plane has it", vec![], vec![snapshot(9)], None),
            ("nothing is said", vec![down], vec![], None),
        ] {
            let result =
                judge_snapshots(&snapshots, &workloads, now(), Duration::from_mins(5), &Settings::default());
            let found = result.findings.first().map(|found| found.id.rule.as_str());
            assert_eq!(found, expected, "{name}");
            assert!(expected.is_none() || result.verdict == Verdict::Unknown, "{name}");
        }
    }
}
