//! Nodes: Ready, cordoned, pressures, and whether the kubelet lives at all.

use super::{age, finding, judged};
use crate::cluster::{Condition, ConditionStatus, Node, ObjectRef};
use crate::health::{Finding, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// Conditions that are bad when True, with what a True means.
const PRESSURES: [(&str, &str, Verdict); 4] = [
    ("MemoryPressure", "memory-pressure", Verdict::Yellow),
    ("DiskPressure", "disk-pressure", Verdict::Yellow),
    ("PIDPressure", "pid-pressure", Verdict::Yellow),
    ("NetworkUnavailable", "network-unavailable", Verdict::Red),
];

/// Judges all nodes.
pub(in crate::health) fn judge_nodes(nodes: &[Node], now: Timestamp, settings: &Settings) -> ProbeResult {
    let mut findings: Vec<Finding> = nodes.iter().flat_map(|node| judge_node(node, now, settings)).collect();
    if nodes.is_empty() {
        let object = ObjectRef::new("Probe", "", Probe::Nodes.word());
        let message = "the cluster lists no node".to_owned();
        findings.push(finding(
            Probe::Nodes,
            "no-nodes",
            object,
            Verdict::Unknown,
            message,
            "0 nodes".to_owned(),
        ));
    }
    let ready = nodes.iter().filter(|node| is_ready(node)).count();
    judged(Probe::Nodes, format!("{ready} of {} nodes ready", nodes.len()), findings)
}

/// Whether the control plane says that the node is ready.
pub(in crate::health) fn is_ready(node: &Node) -> bool {
    condition(node, "Ready").is_some_and(|ready| ready.status == ConditionStatus::True)
}

fn condition<'a>(node: &'a Node, kind: &str) -> Option<&'a Condition> {
    node.conditions.iter().find(|condition| condition.kind == kind)
}

fn judge_node(node: &Node, now: Timestamp, settings: &Settings) -> Vec<Finding> {
    let object = || ObjectRef::new("Node", "", &node.name);
    let found = |rule, verdict, message: String, evidence: String| {
        finding(Probe::Nodes, rule, object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    match condition(node, "Ready") {
        None => findings.push(found(
            "ready-missing",
            Verdict::Unknown,
            format!("node {} does not say whether it is ready", node.name),
            "no condition Ready".to_owned(),
        )),
        Some(ready) if ready.status != ConditionStatus::True => findings.push(
            found(
                "not-ready",
                Verdict::Red,
                format!("node {} is not ready", node.name),
                format!("Ready is {:?}: {} {}", ready.status, ready.reason, ready.message),
            )
            .since(ready.since),
        ),
        Some(ready) => findings.extend(silent(node, ready, now, settings).map(|evidence| {
            found(
                "heartbeat-old",
                Verdict::Unknown,
                format!("the kubelet of node {} has not reported for too long", node.name),
                evidence,
            )
        })),
    }
    if node.unschedulable {
        findings.push(found(
            "cordoned",
            Verdict::Yellow,
            format!("node {} is cordoned", node.name),
            "spec.unschedulable = true".to_owned(),
        ));
    }
    for (kind, rule, verdict) in PRESSURES {
        let Some(pressure) = condition(node, kind) else { continue };
        let verdict = match pressure.status {
            ConditionStatus::False => continue,
            ConditionStatus::True => verdict,
            // A node that is lost says Unknown to everything; `not-ready` says it already.
            ConditionStatus::Unknown if !is_ready(node) => continue,
            ConditionStatus::Unknown => Verdict::Unknown,
        };
        findings.push(
            found(
                rule,
                verdict,
                format!("node {} reports {kind}", node.name),
                format!("{kind} is {:?}: {} {}", pressure.status, pressure.reason, pressure.message),
            )
            .since(pressure.since),
        );
    }
    findings
}

/// The evidence that a kubelet is silent. Ready stays True for a while after it died, and for ever when the controller
/// that would change it is dead as well.
fn silent(node: &Node, ready: &Condition, now: Timestamp, settings: &Settings) -> Option<String> {
    let (source, last, maximum) = match (node.lease_renewed, ready.heartbeat) {
        (Some(renewed), _) => ("lease renewed", renewed, settings.node_lease_maximum_age_seconds),
        (None, Some(heartbeat)) => {
            ("condition reported", heartbeat, settings.node_condition_maximum_age_seconds)
        }
        (None, None) => return Some("neither lease nor heartbeat".to_owned()),
    };
    let old = age(now, last);
    (old > Duration::from_secs(maximum))
        .then(|| format!("{source} {} s ago, allowed are {maximum} s", old.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use Verdict::{Red, Unknown, Yellow};

    fn on(kind: &str, status: ConditionStatus) -> Condition {
        Condition {
            kind: kind.to_owned(),
            status,
            reason: "Reason".to_owned(),
            message: String::new(),
            since: Some(ago(900)),
            heartbeat: Some(ago(60)),
        }
    }

    fn node() -> Node {
        Node {
            name: "metal1".to_owned(),
            conditions: vec![on("Ready", ConditionStatus::True), on("DiskPressure", ConditionStatus::False)],
            unschedulable: false,
            kubelet_version: "v1.33.0".to_owned(),
            lease_renewed: Some(ago(5)),
        }
    }

    #[test]
    fn every_rule_for_a_node() {
        use ConditionStatus as Status;
        type Case = (&'static str, Node, Vec<(&'static str, Verdict)>);
        let with = |change: fn(&mut Node)| {
            let mut node = node();
            change(&mut node);
            node
        };
        let cases: Vec<Case> = vec![
            ("good", node(), vec![]),
            ("not ready", with(|n| n.conditions[0].status = Status::False), vec![("not-ready", Red)]),
            (
                "lost",
                with(|n| {
                    n.conditions = vec![on("Ready", Status::Unknown), on("DiskPressure", Status::Unknown)];
                }),
                vec![("not-ready", Red)],
            ),
            ("says nothing", with(|n| n.conditions.clear()), vec![("ready-missing", Unknown)]),
            ("cordoned", with(|n| n.unschedulable = true), vec![("cordoned", Yellow)]),
            ("pressure", with(|n| n.conditions[1].status = Status::True), vec![("disk-pressure", Yellow)]),
            (
                "pressure unknown",
                with(|n| n.conditions[1].status = Status::Unknown),
                vec![("disk-pressure", Unknown)],
            ),
            (
                "no network",
                with(|n| n.conditions.push(on("NetworkUnavailable", Status::True))),
                vec![("network-unavailable", Red)],
            ),
            ("dead kubelet", with(|n| n.lease_renewed = Some(ago(61))), vec![("heartbeat-old", Unknown)]),
            ("fast clock", with(|n| n.lease_renewed = Some(ago(-30))), vec![]),
            ("no lease to read", with(|n| n.lease_renewed = None), vec![]),
            (
                "no lease, old heartbeat",
                with(|n| {
                    n.lease_renewed = None;
                    n.conditions[0].heartbeat = Some(ago(421));
                }),
                vec![("heartbeat-old", Unknown)],
            ),
            (
                "no sign of life at all",
                with(|n| {
                    n.lease_renewed = None;
                    n.conditions[0].heartbeat = None;
                }),
                vec![("heartbeat-old", Unknown)],
            ),
            (
                "a condition of another component",
                with(|n| n.conditions.push(on("EtcdIsVoter", Status::True))),
                vec![],
            ),
        ];
        for (name, node, expected) in cases {
            let result = judge_nodes(&[node], now(), &Settings::default());
            assert_eq!(rules(&result), expected, "{name}");
            let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
            assert_eq!(result.verdict, worst, "{name}");
        }
    }

    #[test]
    fn no_node_at_all_is_unknown() {
        assert_eq!(judge_nodes(&[], now(), &Settings::default()).verdict, Unknown);
    }
}
