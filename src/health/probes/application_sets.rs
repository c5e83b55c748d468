//! Argo CD `ApplicationSets`: whether the Applications that they stand for could be made.
//!
//! When a set fails, its Applications run on as they were, Synced and Healthy, and what is new in Git becomes none. When
//! its controller is dead, its conditions stay as they were.

use super::reporter::Reporter;
use super::{age, condition, finding, is_recent, said};
use crate::cluster::{ApplicationSet, ConditionStatus, Workload};
use crate::health::{Finding, Probe, Verdict};
use jiff::Timestamp;
use std::time::Duration;

pub(super) const CONTROLLER: Reporter = Reporter::named("argocd-applicationset-controller");

/// Judges all `ApplicationSets`.
pub(in crate::health) fn judge_application_sets(
    sets: &[ApplicationSet],
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
) -> Vec<Finding> {
    if sets.is_empty() {
        return Vec::new();
    }
    let mut findings = CONTROLLER.dead(Probe::ArgoCd, workloads);
    findings.extend(sets.iter().filter_map(|set| judge_set(set, now, grace)));
    let leaving = sets.iter().filter_map(|set| Some((set, set.deleted_at?)));
    findings.extend(leaving.filter(|(_, asked)| age(now, *asked) > grace).map(|(set, asked)| {
        let message = format!("{} is being deleted for too long", set.object());
        let evidence = format!("metadata.deletionTimestamp = {asked}: something holds it");
        finding(Probe::ArgoCd, "set-terminating", set.object(), Verdict::Yellow, message, evidence)
            .since(Some(asked))
    }));
    findings
}

fn judge_set(set: &ApplicationSet, now: Timestamp, grace: Duration) -> Option<Finding> {
    let found = |rule, verdict, what: &str, evidence: String, since| {
        let message = format!("{} {what}", set.object());
        Some(finding(Probe::ArgoCd, rule, set.object(), verdict, message, evidence).since(since))
    };
    let later = |since, verdict| if is_recent(since, now, grace) { Verdict::Yellow } else { verdict };
    let error = condition(&set.conditions, "ErrorOccurred");
    let up_to_date = condition(&set.conditions, "ResourcesUpToDate");
    let (Some(error), Some(up_to_date)) = (error, up_to_date) else {
        let missing = if error.is_none() { "ErrorOccurred" } else { "ResourcesUpToDate" };
        let (verdict, evidence) =
            (later(set.created_at, Verdict::Unknown), format!("no condition {missing}"));
        return found("set-not-reported", verdict, "does not say how it is", evidence, set.created_at);
    };
    match (error.status, up_to_date.status) {
        (ConditionStatus::True, _) => {
            let verdict = later(error.since, Verdict::Red);
            found("set-failed", verdict, "cannot make its Applications", said(error), error.since)
        }
        (ConditionStatus::Unknown, _) => {
            found("set-unknown", Verdict::Unknown, "does not say how it is", said(error), error.since)
        }
        (_, ConditionStatus::Unknown) => found(
            "set-unknown",
            Verdict::Unknown,
            "does not say how it is",
            said(up_to_date),
            up_to_date.since,
        ),
        (ConditionStatus::False, ConditionStatus::False) => {
            let what = "has Applications that are not as it says";
            found("set-not-up-to-date", Verdict::Yellow, what, said(up_to_date), up_to_date.since)
        }
        (ConditionStatus::False, ConditionStatus::True) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reporter::tests::deployment;
    use super::super::testing::{ago, now};
    use super::*;
    use crate::cluster::Condition;
    use ConditionStatus::{False, True};
    use Verdict::{Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    fn set(
        error: Option<ConditionStatus>,
        up_to_date: Option<ConditionStatus>,
        since: i64,
    ) -> ApplicationSet {
        let condition = |kind: &str, status: Option<ConditionStatus>| {
            status.map(|status| Condition {
                kind: kind.to_owned(),
                status,
                reason: "ApplicationParamsGenerationError".to_owned(),
                message: "received 404 requesting page 2".to_owned(),
                since: Some(ago(since)),
                heartbeat: None,
            })
        };
        ApplicationSet {
            rolling: false,
            generated_from: Vec::new(),
            refresh_requested: false,
            looks_every: Some(std::time::Duration::from_mins(3)),
            namespace: "argocd".to_owned(),
            name: "apps".to_owned(),
            created_at: Some(ago(since)),
            deleted_at: None,
            conditions: [condition("ErrorOccurred", error), condition("ResourcesUpToDate", up_to_date)]
                .into_iter()
                .flatten()
                .collect(),
        }
    }

    #[test]
    fn every_rule_for_a_set() {
        let neither = Some(ConditionStatus::Unknown);
        let cases = [
            ("well", set(Some(False), Some(True), 900), None),
            ("failed", set(Some(True), Some(False), 900), Some(("set-failed", Red))),
            ("failed just now", set(Some(True), Some(False), 60), Some(("set-failed", Yellow))),
            ("failed, and up to date", set(Some(True), Some(True), 900), Some(("set-failed", Red))),
            ("in work", set(Some(False), Some(False), 900), Some(("set-not-up-to-date", Yellow))),
            ("error is neither", set(neither, Some(True), 900), Some(("set-unknown", Unknown))),
            ("up to date is neither", set(Some(False), neither, 900), Some(("set-unknown", Unknown))),
            ("no conditions", set(None, None, 900), Some(("set-not-reported", Unknown))),
            ("no conditions, just made", set(None, None, 60), Some(("set-not-reported", Yellow))),
            ("half of them", set(Some(False), None, 900), Some(("set-not-reported", Unknown))),
        ];
        let leaving = |seconds| {
            let mut set = set(Some(False), Some(True), 900);
            set.deleted_at = Some(ago(seconds));
            set
        };
        let cases = cases.into_iter().chain([
            ("being deleted", leaving(299), None),
            ("and held", leaving(301), Some(("set-terminating", Yellow))),
        ]);
        let workloads = [deployment("argocd", "argocd-applicationset-controller")];
        for (name, set, expected) in cases {
            let found = judge_application_sets(&[set], &workloads, now(), GRACE);
            let found: Vec<_> = found.iter().map(|one| (one.id.rule.as_str(), one.verdict)).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn sets_without_a_controller_are_unknown_and_without_sets_none_is_needed() {
        let well = set(Some(False), Some(True), 900);
        let found = judge_application_sets(&[well], &[], now(), GRACE);
        assert_eq!((found[0].id.rule.as_str(), found[0].verdict), ("controller-missing", Unknown));
        assert_eq!(judge_application_sets(&[], &[], now(), GRACE), []);
    }
}
