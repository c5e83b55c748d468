//! `PodDisruptionBudgets`: whether a node could be drained.
//!
//! A budget stops nothing that runs, and nothing is undone for its sake. Its counts are those of a controller, and say
//! nothing where that has not seen the budget as it is or could not count. One that allows no eviction although all of its
//! pods are healthy was made so, by charts of a single replica as by operators that move their pods themselves: whoever drains
//! a node wants to know, and no merge waits for it.
//!
//! | Rule | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|
//! | `blocks-drain` | listed | no eviction is allowed (`status.disruptionsAllowed` is 0) although all pods are healthy: it demands as many as there are | | |
//! | `overlaps` | listed | its pods are selected by another budget as well, as the labels of both tell: an eviction of one is answered 500, for ever | | |
//! | `used-up` | YELLOW | no eviction is allowed: as many as have to be are healthy and the others are not, or one was evicted just now | no | yes |
//! | `too-few-healthy` | YELLOW, then RED; YELLOW where it allows none when all are healthy | fewer pods are healthy than have to be | grace since `DisruptionAllowed` changed, as YELLOW | yes |
//! | `not-observed` | UNKNOWN | `observedGeneration` is older than the spec: the counts belong to another one | no | yes |
//! | `not-reported` | YELLOW, then UNKNOWN | no status, or a count is missing | grace since it was made, as YELLOW | yes |
//! | `sync-failed` | UNKNOWN | `DisruptionAllowed` is False with `SyncFailed`: its pods could not be counted, and none may be evicted | no | |
//! | `allowed-unknown` | UNKNOWN | `DisruptionAllowed` is neither, or False for a reason that is not known | no | |

use super::{finding, is_recent, judged, said, unused};
use crate::cluster::{ConditionStatus, DisruptionBudget};
use crate::health::{Finding, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Judges all budgets.
pub(in crate::health) fn judge_budgets(
    budgets: &[DisruptionBudget],
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    if budgets.is_empty() {
        return unused(Probe::DisruptionBudgets, "no PodDisruptionBudget");
    }
    let findings: Vec<Finding> =
        budgets.iter().filter_map(|budget| judge_budget(budget, now, grace)).collect();
    let allow = budgets.len() - findings.len();
    let mut findings = findings;
    findings.extend(overlapping(budgets));
    let summary = format!("{allow} of {} PodDisruptionBudgets allow an eviction", budgets.len());
    judged(Probe::DisruptionBudgets, summary, findings)
}

/// A budget with the labels by which it selects.
type Selecting<'a> = (&'a DisruptionBudget, &'a BTreeMap<String, String>);

/// Budgets that select pods which another one selects as well: an eviction of such a pod is answered 500, for ever. Known where the
/// labels of one are among those of the other, which has pods.
fn overlapping(budgets: &[DisruptionBudget]) -> impl Iterator<Item = Finding> {
    let mut of_namespace: BTreeMap<&str, Vec<Selecting<'_>>> = BTreeMap::new();
    for budget in budgets {
        if let Some(selector) = &budget.selector {
            of_namespace.entry(&budget.object.namespace).or_default().push((budget, selector));
        }
    }
    of_namespace.into_values().flat_map(|budgets| {
        let wider = |(one, selector): &Selecting<'_>| {
            let has_pods = one.counted.is_some_and(|count| count.expected > 0);
            let other = budgets.iter().find(|(other, labels)| {
                has_pods
                    && other.object != one.object
                    && labels.iter().all(|(key, value)| selector.get(key) == Some(value))
            });
            other.map(|(other, _)| overlaps(one, other))
        };
        budgets.iter().filter_map(wider).collect::<Vec<_>>()
    })
}

fn overlaps(one: &DisruptionBudget, other: &DisruptionBudget) -> Finding {
    let message = format!(
        "{} selects pods that {} selects as well: none of them can be evicted",
        one.object, other.object
    );
    let evidence = "spec.selector.matchLabels of one is among those of the other".to_owned();
    let object = one.object.clone();
    finding(Probe::DisruptionBudgets, "overlaps", object, Verdict::Yellow, message, evidence).listed_only()
}

fn judge_budget(budget: &DisruptionBudget, now: Timestamp, grace: Duration) -> Option<Finding> {
    let object = &budget.object;
    let found = |rule, verdict, what: &str, evidence: String, since| {
        let message = format!("{object} {what}");
        finding(Probe::DisruptionBudgets, rule, object.clone(), verdict, message, evidence).since(since)
    };
    let later = |since, verdict| if is_recent(since, now, grace) { Verdict::Yellow } else { verdict };
    let Some(count) = budget.counted else {
        let verdict = later(budget.created_at, Verdict::Unknown);
        let evidence = "a count of status is missing".to_owned();
        let what = "does not say how many pods may be evicted";
        return Some(found("not-reported", verdict, what, evidence, budget.created_at));
    };
    if count.generation < budget.generation {
        let evidence = format!("observedGeneration {} < generation {}", count.generation, budget.generation);
        let what = "was not seen by its controller as it is";
        return Some(found("not-observed", Verdict::Unknown, what, evidence, None));
    }
    if let Some(allows) = &budget.allows {
        let rule = match (allows.status, allows.reason.as_str()) {
            (ConditionStatus::True, _) | (ConditionStatus::False, "InsufficientPods") => None,
            (ConditionStatus::False, "SyncFailed") => Some(("sync-failed", "could not count its pods")),
            (ConditionStatus::False | ConditionStatus::Unknown, _) => {
                Some(("allowed-unknown", "does not say whether pods may be evicted"))
            }
        };
        if let Some((rule, what)) = rule {
            return Some(found(rule, Verdict::Unknown, what, said(allows), allows.since));
        }
    }
    // Where no pod is expected there is none to evict.
    if count.allowed > 0 || count.expected <= 0 {
        return None;
    }
    let since = budget.allows.as_ref().and_then(|allows| allows.since);
    let counts = format!(
        "status.disruptionsAllowed = 0, {} expected, {} healthy, {} have to be; {}",
        count.expected, count.healthy, count.desired, budget.demand
    );
    let never_allows = count.desired >= count.expected;
    if count.healthy < count.desired {
        let what = "has fewer healthy pods than it demands";
        // The condition of one that never allows any changed long before.
        let verdict = if never_allows { Verdict::Yellow } else { later(since, Verdict::Red) };
        let since = since.filter(|_| !never_allows);
        return Some(found("too-few-healthy", verdict, what, counts, since));
    }
    if count.healthy < count.expected || count.evicted > 0 {
        return Some(found("used-up", Verdict::Yellow, "allows no eviction just now", counts, since));
    }
    let what = "allows no eviction although all of its pods are healthy: a drain waits for ever";
    Some(found("blocks-drain", Verdict::Yellow, what, counts, since).listed_only())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::{BudgetCount, Condition, ObjectRef};
    use Verdict::{Green, Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    /// A budget that demands two of three healthy pods.
    fn budget() -> DisruptionBudget {
        DisruptionBudget {
            object: ObjectRef::new("PodDisruptionBudget", "web", "shop"),
            selector: Some([("app".to_owned(), "shop".to_owned())].into()),
            demand: "minAvailable = 2".to_owned(),
            created_at: Some(ago(90_000)),
            generation: 2,
            counted: Some(count(1, 3, 3, 2)),
            allows: Some(allows(ConditionStatus::True, "SufficientPods", 9_000)),
        }
    }

    fn count(allowed: i64, expected: i64, healthy: i64, desired: i64) -> BudgetCount {
        BudgetCount { generation: 2, allowed, expected, healthy, desired, evicted: 0 }
    }

    fn allows(status: ConditionStatus, reason: &str, since: i64) -> Condition {
        Condition {
            kind: "DisruptionAllowed".to_owned(),
            status,
            reason: reason.to_owned(),
            message: String::new(),
            since: Some(ago(since)),
            heartbeat: None,
        }
    }

    fn none_allowed(since: i64) -> Condition {
        allows(ConditionStatus::False, "InsufficientPods", since)
    }

    #[test]
    fn every_rule_for_a_budget() {
        type Case = (&'static str, fn(&mut DisruptionBudget), Option<(&'static str, Verdict)>);
        let cases: Vec<Case> = vec![
            ("allows one", |_| {}, None),
            ("without a condition", |b| b.allows = None, None),
            (
                "no pod at all",
                |b| (b.counted, b.allows) = (Some(count(0, 0, 0, 0)), Some(none_allowed(9_000))),
                None,
            ),
            (
                "as many as there are, all healthy",
                |b| (b.counted, b.allows) = (Some(count(0, 1, 1, 1)), Some(none_allowed(9_000))),
                None,
            ),
            (
                "more than there are, all healthy",
                |b| (b.counted, b.allows) = (Some(count(0, 2, 2, 2)), Some(none_allowed(9))),
                None,
            ),
            (
                "all healthy, one evicted just now",
                |b| b.counted = Some(BudgetCount { evicted: 1, ..count(0, 3, 3, 2) }),
                Some(("used-up", Yellow)),
            ),
            (
                "just enough",
                |b| (b.counted, b.allows) = (Some(count(0, 3, 2, 2)), Some(none_allowed(9_000))),
                Some(("used-up", Yellow)),
            ),
            (
                "too few since just now",
                |b| (b.counted, b.allows) = (Some(count(0, 3, 1, 2)), Some(none_allowed(9))),
                Some(("too-few-healthy", Yellow)),
            ),
            (
                "too few for long",
                |b| (b.counted, b.allows) = (Some(count(0, 3, 1, 2)), Some(none_allowed(9_000))),
                Some(("too-few-healthy", Red)),
            ),
            (
                "too few since nobody knows when",
                |b| (b.counted, b.allows) = (Some(count(0, 3, 1, 2)), None),
                Some(("too-few-healthy", Red)),
            ),
            (
                "none healthy of one that never allows any",
                |b| (b.counted, b.allows) = (Some(count(0, 1, 0, 1)), Some(none_allowed(9_000))),
                Some(("too-few-healthy", Yellow)),
            ),
            ("not seen as it is", |b| b.generation = 3, Some(("not-observed", Unknown))),
            ("no status", |b| (b.counted, b.allows) = (None, None), Some(("not-reported", Unknown))),
            (
                "no status yet",
                |b| (b.counted, b.created_at) = (None, Some(ago(9))),
                Some(("not-reported", Yellow)),
            ),
            (
                "could not be counted",
                |b| {
                    (b.counted, b.allows) =
                        (Some(count(0, 3, 3, 2)), Some(allows(ConditionStatus::False, "SyncFailed", 9)));
                },
                Some(("sync-failed", Unknown)),
            ),
            (
                "a reason that is not known",
                |b| b.allows = Some(allows(ConditionStatus::False, "Dreaming", 9)),
                Some(("allowed-unknown", Unknown)),
            ),
            (
                "neither",
                |b| b.allows = Some(allows(ConditionStatus::Unknown, "InsufficientPods", 9)),
                Some(("allowed-unknown", Unknown)),
            ),
        ];
        for (name, change, expected) in cases {
            let mut budget = budget();
            change(&mut budget);
            let result = judge_budgets(&[budget], now(), GRACE);
            assert_eq!(rules(&result).first().copied(), expected, "{name}");
            assert_eq!(result.verdict, expected.map_or(Green, |(_, verdict)| verdict), "{name}");
        }
        assert!(!judge_budgets(&[], now(), GRACE).used);
    }

    #[test]
    fn what_was_made_so_that_nothing_can_be_drained_is_listed() {
        let mut blocks = budget();
        (blocks.counted, blocks.allows) = (Some(count(0, 1, 1, 1)), Some(none_allowed(9_000)));
        let result = judge_budgets(&[blocks], now(), GRACE);
        assert_eq!((result.verdict, result.findings.len()), (Green, 1));
        assert_eq!(result.summary, "0 of 1 PodDisruptionBudgets allow an eviction");
        let found = &result.findings[0];
        assert_eq!((found.id.rule.as_str(), found.informational), ("blocks-drain", true));
        assert_eq!(found.since, Some(ago(9_000)));
        assert_eq!(
            found.evidence,
            "status.disruptionsAllowed = 0, 1 expected, 1 healthy, 1 have to be; minAvailable = 2"
        );
    }
    #[test]
    fn two_budgets_of_one_pod_are_listed() {
        let of = |namespace: &str, name: &str, labels: &[(&str, &str)], expected: i64| {
            let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            DisruptionBudget {
                object: ObjectRef::new("PodDisruptionBudget", namespace, name),
                selector: Some(labels.collect()),
                counted: Some(count(1, expected, expected, 1)),
                ..budget()
            }
        };
        let (shop, web) = (("app", "shop"), ("tier", "web"));
        let told = |other: DisruptionBudget| {
            let result = judge_budgets(&[of("web", "shop", &[shop], 2), other], now(), GRACE);
            assert_eq!(result.verdict, Green);
            result.findings.into_iter().map(|found| found.id.object.name).collect::<Vec<_>>()
        };
        assert_eq!(told(of("web", "b", &[shop], 2)), ["shop", "b"], "the same pods");
        assert_eq!(told(of("web", "b", &[shop, web], 1)), ["b"], "some of them");
        assert_eq!(told(of("web", "b", &[], 3)), ["shop"], "all of the namespace");
        assert!(told(of("web", "b", &[shop, web], 0)).is_empty(), "none of them");
        assert!(told(of("web", "b", &[web], 2)).is_empty(), "nobody knows");
        assert!(told(of("blog", "b", &[shop], 2)).is_empty());
        assert!(told(DisruptionBudget { selector: None, ..of("web", "b", &[], 2) }).is_empty());
    }
}
