//! Deployments, `StatefulSets` and `DaemonSets`: whether what is wanted serves.
//!
//! Right after a change every count still reads complete: only `observedGeneration` tells that nobody has looked yet.

use super::{age, finding, said, shortened};
use crate::cluster::{Condition, ConditionStatus, HeldBack, Workload};
use crate::health::{Finding, Grounds, Probe, Verdict};
use jiff::Timestamp;
use std::time::Duration;

fn condition<'a>(workload: &'a Workload, kind: &str) -> Option<&'a Condition> {
    workload.conditions.iter().find(|condition| condition.kind == kind)
}

/// Judges one workload. `youngest` is when its newest pod was made: what has just been made is starting.
pub(super) fn judge_workload(
    probe: Probe,
    workload: &Workload,
    youngest: Option<Timestamp>,
    now: Timestamp,
    grace: Duration,
) -> Vec<Finding> {
    let found = |rule, verdict, message: String, evidence: String| {
        finding(probe, rule, workload.object.clone(), verdict, message, evidence)
    };
    // What its pods say is on the workload as well.
    let of_pods = || Grounds::each([workload.object.clone()]);
    let mut findings = Vec::new();
    if workload.paused {
        let message = format!("the rollout of {} is paused", workload.object);
        findings.push(found("paused", Verdict::Yellow, message, "spec.paused = true".to_owned()));
    }
    if workload.observed_generation < workload.generation {
        let message = format!("the controller has not seen the newest {}", workload.object);
        let evidence = format!(
            "observedGeneration {} < generation {}",
            workload.observed_generation, workload.generation
        );
        findings.push(found("not-observed", Verdict::Yellow, message, evidence));
        // The counts belong to an older spec.
        return findings;
    }
    if let Some(progressing) = condition(workload, "Progressing")
        && progressing.status == ConditionStatus::False
    {
        let message = format!("the rollout of {} failed", workload.object);
        let evidence = format!("Progressing is False: {} {}", progressing.reason, progressing.message);
        findings.push(
            found("rollout-failed", Verdict::Red, message, evidence)
                .since(progressing.since)
                .resting_on(of_pods()),
        );
    }
    let counts = format!(
        "{} wanted, {} there, {} of the newest template, {} available{}",
        workload.desired,
        workload.replicas,
        workload.updated,
        workload.available,
        not_made(workload)
    );
    if workload.available < workload.desired {
        let unavailable = condition(workload, "Available").filter(|one| one.status != ConditionStatus::True);
        let since = unavailable.and_then(|one| one.since).max(youngest);
        let starting = since.is_some_and(|since| age(now, since) <= grace);
        let verdict = if starting || workload.available > 0 { Verdict::Yellow } else { Verdict::Red };
        let message = format!("{} of {} serve in {}", workload.available, workload.desired, workload.object);
        findings.push(found("unavailable", verdict, message, counts).since(since).resting_on(of_pods()));
    } else if workload.updated != workload.desired || workload.replicas != workload.updated {
        let message = format!("{} is rolling out", workload.object);
        let since = condition(workload, "Progressing").and_then(|one| one.since).max(youngest);
        findings
            .push(found("rolling-out", Verdict::Yellow, message, counts).since(since).resting_on(of_pods()));
    }
    findings
}

/// Why its pods may not be made (a quota, an admission that refuses them), where its controller says so.
fn not_made(workload: &Workload) -> String {
    match condition(workload, "ReplicaFailure").filter(|one| one.status == ConditionStatus::True) {
        Some(failure) => format!("; {}", shortened(&said(failure))),
        None => String::new(),
    }
}

/// What is listed of a workload some of whose pods nothing will update by itself: a person wants it so, and nobody is held up.
pub(super) fn judge_held_back(probe: Probe, workload: &Workload) -> Option<Finding> {
    let object = &workload.object;
    let pods = |count: i64| if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") };
    let (rule, message, evidence) = match workload.held_back? {
        HeldBack::UntilDeleted(count) => (
            "waits-for-deletion",
            format!("{object}: {} of an older template until somebody deletes them", pods(count)),
            format!("updateStrategy OnDelete, {count} of {} not updated", workload.desired),
        ),
        HeldBack::ByPartition(count) => (
            "held-by-partition",
            format!("{object}: {} of an older template below the partition of its update", pods(count)),
            format!("rollingUpdate.partition, {count} of {} not updated", workload.desired),
        ),
    };
    Some(finding(probe, rule, object.clone(), Verdict::Yellow, message, evidence).listed_only())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, ago, now};
    use super::*;
    use crate::cluster::ObjectRef;
    use Verdict::{Red, Yellow};

    fn workload() -> Workload {
        Workload {
            generation: 4,
            observed_generation: 4,
            desired: 2,
            replicas: 2,
            updated: 2,
            available: 2,
            ..testing::workload(ObjectRef::new("Deployment", "web", "shop"))
        }
    }

    fn on(kind: &str, status: ConditionStatus, since: i64) -> Condition {
        Condition {
            kind: kind.to_owned(),
            status,
            reason: String::new(),
            message: String::new(),
            since: Some(ago(since)),
            heartbeat: None,
        }
    }

    #[test]
    fn why_pods_may_not_be_made_is_told() {
        let quota = "pods \"shop-6d5f-\" is forbidden: exceeded quota: compute";
        for (change, rule) in [((2, 0), "unavailable"), ((1, 2), "rolling-out")] {
            let mut refused = on("ReplicaFailure", ConditionStatus::True, 900);
            (refused.reason, refused.message) = ("FailedCreate".to_owned(), quota.to_owned());
            let (updated, available) = change;
            let workload = Workload { updated, available, conditions: vec![refused], ..workload() };
            let found = judge_workload(Probe::Pods, &workload, None, now(), Duration::from_mins(5));
            assert_eq!(found[0].id.rule, rule);
            assert!(
                found[0].evidence.ends_with(&format!("; ReplicaFailure is True: FailedCreate {quota}")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn what_is_held_back_is_listed_and_is_no_rollout() {
        for (held, rule) in [
            (HeldBack::UntilDeleted(1), "waits-for-deletion"),
            (HeldBack::ByPartition(2), "held-by-partition"),
        ] {
            let workload = Workload { held_back: Some(held), ..workload() };
            assert!(workload.is_complete(), "{rule}");
            let found = judge_held_back(Probe::Pods, &workload).expect("listed");
            assert_eq!((found.id.rule.as_str(), found.informational), (rule, true));
        }
        assert!(judge_held_back(Probe::Pods, &workload()).is_none());
    }

    #[test]
    fn every_rule_for_a_workload() {
        type Case = (&'static str, Workload, Option<i64>, Vec<(&'static str, Verdict)>);
        let with = |change: fn(&mut Workload)| {
            let mut workload = workload();
            change(&mut workload);
            workload
        };
        let cases: Vec<Case> = vec![
            ("complete", workload(), None, vec![]),
            (
                "none wanted",
                with(|w| (w.desired, w.replicas, w.updated, w.available) = (0, 0, 0, 0)),
                None,
                vec![],
            ),
            (
                "not observed, counts still complete",
                with(|w| w.generation = 5),
                None,
                vec![("not-observed", Yellow)],
            ),
            ("paused", with(|w| w.paused = true), None, vec![("paused", Yellow)]),
            ("one serves", with(|w| w.available = 1), None, vec![("unavailable", Yellow)]),
            ("none serves", with(|w| w.available = 0), None, vec![("unavailable", Red)]),
            ("none serves, just started", with(|w| w.available = 0), Some(20), vec![("unavailable", Yellow)]),
            ("none serves, pods are old", with(|w| w.available = 0), Some(900), vec![("unavailable", Red)]),
            (
                "none serves since just now",
                with(|w| {
                    w.available = 0;
                    w.conditions.push(on("Available", ConditionStatus::False, 20));
                }),
                Some(900),
                vec![("unavailable", Yellow)],
            ),
            ("rolling out", with(|w| w.updated = 1), None, vec![("rolling-out", Yellow)]),
            ("old ones are left", with(|w| w.replicas = 3), None, vec![("rolling-out", Yellow)]),
            (
                "deadline exceeded",
                with(|w| w.conditions.push(on("Progressing", ConditionStatus::False, 20))),
                None,
                vec![("rollout-failed", Red)],
            ),
        ];
        for (name, workload, youngest, expected) in cases {
            let grace = Duration::from_mins(5);
            assert_eq!(workload.is_complete(), expected.is_empty(), "{name}: what is complete is forgotten");
            let found = judge_workload(Probe::Pods, &workload, youngest.map(ago), now(), grace);
            let found: Vec<_> = found.iter().map(|f| (f.id.rule.as_str(), f.verdict)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
