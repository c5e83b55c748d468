//! CPU and memory of the nodes, as metrics.k8s.io tells them: figures for the report, and how near they are to what a node can
//! give. Figures that are missing are listed and block nothing: whoever needs them judged runs the server that has them.
//!
//! | Rule | On | Verdict | When | Forgiven |
//! |---|---|---|---|---|
//! | `memory-high` | node | YELLOW, RED | as much of the allocatable memory is used as `health.memory_yellow_percent`, `health.memory_red_percent` | for `health.usage_hold_seconds`, as listed |
//! | `cpu-high` | node | YELLOW, RED | the same of its CPU and `health.cpu_yellow_percent`, `health.cpu_red_percent`; 0, the default, is never, since a busy node is no worse for it | the same |
//! | `usage-missing` | node | listed | it is Ready, and nobody says what it uses, or what is said is older than `health.usage_maximum_age_seconds` | always |
//! | `not-looked-since` | node | UNKNOWN | in the gate after a change: it was measured before the rollout ended; not where `health.usage_maximum_age_seconds` is more than ten minutes | until the next measurement |

use super::{finding, is_node_ready, judged, no_life};
use crate::cluster::{Node, NodeUsage, ObjectRef};
use crate::health::{Finding, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Judges what the nodes use of what they can give.
pub(in crate::health) fn judge_usage(
    usage: &[NodeUsage],
    nodes: &[Node],
    now: Timestamp,
    settings: &Settings,
) -> ProbeResult {
    let used: BTreeMap<&str, &NodeUsage> = usage.iter().map(|node| (node.name.as_str(), node)).collect();
    let memory = (settings.memory_yellow_percent, settings.memory_red_percent);
    let cpu = (settings.cpu_yellow_percent, settings.cpu_red_percent);
    let mut findings = Vec::new();
    for node in nodes {
        let object = ObjectRef::new("Node", "", &node.name);
        let maximum = settings.usage_maximum_age_seconds;
        let used = used.get(node.name.as_str()).ok_or_else(|| "not among the NodeMetrics".to_owned());
        let lively = used.and_then(|used| match used.measured_at {
            Some(at) => {
                no_life(now, at, maximum, settings).map_or(Ok(used), |why| Err(format!("timestamp is {why}")))
            }
            None => Err("no timestamp".to_owned()),
        });
        let used = match lively {
            Ok(used) => used,
            Err(evidence) => {
                if is_node_ready(node) {
                    let message = format!("nobody says what {object} uses");
                    findings.push(
                        finding(Probe::Usage, "usage-missing", object, Verdict::Unknown, message, evidence)
                            .listed_only(),
                    );
                }
                continue;
            }
        };
        let Some(allocatable) = node.allocatable else { continue };
        let mib = |bytes: u64| format!("{} Mi", bytes >> 20);
        let millis = |millis: u64| format!("{millis} m");
        let (of_memory, of_cpu) = (allocatable.memory_bytes, allocatable.cpu_millis);
        findings.extend(high("memory-high", "memory", &object, (used.memory_bytes, of_memory), memory, &mib));
        findings.extend(high("cpu-high", "CPU", &object, (used.cpu_millis, of_cpu), cpu, &millis));
    }
    judged(Probe::Usage, format!("{} nodes report CPU and memory", usage.len()), findings)
}

fn high(
    rule: &str,
    what: &str,
    object: &ObjectRef,
    (used, of): (u64, u64),
    (yellow, red): (u8, u8),
    shown: &dyn Fn(u64) -> String,
) -> Option<Finding> {
    let percent = u128::from(used) * 100 / u128::from(of).max(1);
    let is_above = |limit: u8| limit > 0 && of > 0 && percent >= u128::from(limit);
    let verdict = if is_above(red) {
        Verdict::Red
    } else if is_above(yellow) {
        Verdict::Yellow
    } else {
        return None;
    };
    let message = format!("{object} uses {percent} % of its {what}");
    let evidence = format!("{} of {}", shown(used), shown(of));
    Some(finding(Probe::Usage, rule, object.clone(), verdict, message, evidence))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::{Condition, ConditionStatus, NodeMarks, Resources};

    const GIB: u64 = 1 << 30;

    fn node(name: &str, status: ConditionStatus) -> Node {
        Node {
            name: name.to_owned(),
            conditions: vec![Condition {
                kind: "Ready".to_owned(),
                status,
                reason: String::new(),
                message: String::new(),
                since: None,
                heartbeat: None,
            }],
            unschedulable: false,
            kubelet_version: String::new(),
            lease_renewed: None,
            marks: NodeMarks::default(),
            allocatable: Some(Resources { cpu_millis: 8_000, memory_bytes: 32 * GIB }),
        }
    }

    fn used(cpu_millis: u64, memory_bytes: u64) -> Vec<NodeUsage> {
        vec![NodeUsage { name: "metal1".to_owned(), cpu_millis, memory_bytes, measured_at: Some(ago(20)) }]
    }

    #[test]
    fn what_a_node_uses_is_compared_with_what_it_can_give() {
        let both = Settings { cpu_yellow_percent: 90, cpu_red_percent: 100, ..Settings::default() };
        for (name, settings, cpu, memory, expected) in [
            ("little", &both, 100, GIB, vec![]),
            ("just below", &both, 7_199, 30 * GIB, vec![]),
            ("memory", &both, 100, 31 * GIB, vec![("memory-high", Verdict::Yellow)]),
            ("all of it", &both, 100, 32 * GIB, vec![("memory-high", Verdict::Red)]),
            ("more than there is", &both, 100, 40 * GIB, vec![("memory-high", Verdict::Red)]),
            ("CPU", &both, 7_200, GIB, vec![("cpu-high", Verdict::Yellow)]),
            ("all of the CPU", &both, 8_000, GIB, vec![("cpu-high", Verdict::Red)]),
            ("both", &both, 9_000, 32 * GIB, vec![("memory-high", Verdict::Red), ("cpu-high", Verdict::Red)]),
            ("busy, and nobody minds", &Settings::default(), 8_000, GIB, vec![]),
        ] {
            let judged =
                judge_usage(&used(cpu, memory), &[node("metal1", ConditionStatus::True)], now(), settings);
            assert_eq!(rules(&judged), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_listed_and_nothing_is_made_of_it() {
        let settings = Settings::default();
        let of = |node: Node, usage: &[NodeUsage]| judge_usage(usage, &[node], now(), &settings);
        let missing = of(node("metal2", ConditionStatus::True), &used(1, 1));
        assert_eq!((missing.verdict, missing.findings.len()), (Verdict::Green, 1));
        assert_eq!(missing.findings[0].id.rule, "usage-missing");
        // The probe of nodes says that.
        assert_eq!(of(node("metal2", ConditionStatus::False), &[]).findings, []);
        let untold = Node { allocatable: None, ..node("metal1", ConditionStatus::True) };
        assert_eq!(of(untold, &used(8_000, 32 * GIB)).findings, []);
        let nothing = Resources { cpu_millis: 0, memory_bytes: 0 };
        let nothing = Node { allocatable: Some(nothing), ..node("metal1", ConditionStatus::True) };
        assert_eq!(of(nothing, &used(8_000, 32 * GIB)).findings, []);
    }
    #[test]
    fn what_was_measured_too_long_ago_is_as_good_as_missing() {
        let settings = Settings::default();
        for (measured, found) in
            [(Some(ago(300)), "memory-high"), (Some(ago(301)), "usage-missing"), (None, "usage-missing")]
        {
            let usage = vec![NodeUsage { measured_at: measured, ..used(100, 32 * GIB).remove(0) }];
            let judged = judge_usage(&usage, &[node("metal1", ConditionStatus::True)], now(), &settings);
            assert_eq!(judged.findings[0].id.rule, found, "{measured:?}");
        }
    }
}
