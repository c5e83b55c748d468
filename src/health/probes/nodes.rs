//! Nodes: Ready, cordoned and by whom, pressures, whether the kubelet lives at all, and whether its version fits.
//!
//! | Rule | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|
//! | `not-ready` | RED | `Ready` is not True | while somebody works on the node: `in-work` then | |
//! | `ready-missing` | UNKNOWN | no condition `Ready` | no | |
//! | `heartbeat-old` | UNKNOWN | `Ready` is True and the kubelet is silent: its lease is older than `health.node_lease_maximum_age_seconds`, or, where leases may not be read, its conditions than `health.node_condition_maximum_age_seconds`, or there is neither | while somebody works on the node | |
//! | `cordoned` | YELLOW | `spec.unschedulable`; who did it is named where the history of the node's fields tells | while somebody works on the node | |
//! | `in-work` | YELLOW | kured, the system-upgrade controller or the cluster autoscaler works on it: by the lock on kured's DaemonSet, kured's mark on a node that is cordoned or not ready, a Job of a plan that runs, the autoscaler's taint | no | yes |
//! | `work-overdue` | YELLOW | the same for longer than `health.node_work_maximum_seconds`, or since nobody knows when; `not-ready` and the others count again then | no | |
//! | `reboot-required` | YELLOW | kured's mark (`weave.works/kured-reboot-in-progress`), and nobody works on the node yet | no | |
//! | `lock-unreadable` | UNKNOWN | the lock on kured's DaemonSet is none that is known | no | |
//! | `memory-pressure`, `disk-pressure`, `pid-pressure` | YELLOW | the condition is True; UNKNOWN where it is neither and the node is ready | no | |
//! | `network-unavailable` | RED | the same of `NetworkUnavailable` | no | |
//! | `kubelet-newer` | RED | the kubelet's minor version is newer than the API server's | no | |
//! | `kubelet-too-old` | RED | it is more than three minor versions older (two, of a kubelet before 1.25) | no | |
//! | `version-behind` | YELLOW; listed where only the patch differs | another node has a newer kubelet, and no node is cordoned or worked on | no | |
//! | `version-unknown` | UNKNOWN | the version of the kubelet, or of the API server, is none | no | |
//! | `no-nodes` | UNKNOWN | the list is empty | no | |
//! | `clocks-differ` | UNKNOWN | our clock and the API server's differ by more than `health.clocks_maximum_difference_seconds`: no age says anything | no | |
//! | `not-read` | UNKNOWN | the nodes, or the API server's version, could not be read | no | |

use super::clocks::judge_clocks;
use super::node_versions::judge_versions;
use super::node_work::{Locks, Work};
use super::{finding, judged, no_life};
use crate::cluster::{Clocks, ClusterResult, Condition, ConditionStatus, Job, Node, ObjectRef, Workload};
use crate::health::{Finding, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// Conditions that are bad when True, with what a True means.
const PRESSURES: [(&str, &str, Verdict); 4] = [
    ("MemoryPressure", "memory-pressure", Verdict::Yellow),
    ("DiskPressure", "disk-pressure", Verdict::Yellow),
    ("PIDPressure", "pid-pressure", Verdict::Yellow),
    ("NetworkUnavailable", "network-unavailable", Verdict::Red),
];

/// The rule of a node that somebody works on.
const IN_WORK: &str = "in-work";

/// Everything that the judgement of nodes needs.
pub(in crate::health) struct NodesReading<'a> {
    /// All nodes.
    pub(in crate::health) nodes: &'a [Node],
    /// The version of the API server.
    pub(in crate::health) server: &'a ClusterResult<String>,
    /// What its clock said; none where it did not tell.
    pub(in crate::health) clocks: Option<Clocks>,
    /// The workloads among which kured's is; none where they were not read. They only excuse.
    pub(in crate::health) workloads: &'a [Workload],
    /// The Jobs among which those of the system-upgrade controller are; the same.
    pub(in crate::health) jobs: &'a [Job],
}

/// Judges all nodes.
pub(in crate::health) fn judge_nodes(
    reading: &NodesReading<'_>,
    now: Timestamp,
    settings: &Settings,
) -> ProbeResult {
    let nodes = reading.nodes;
    let locks = Locks::of(reading.workloads, now);
    let works: Vec<Option<Work>> =
        nodes.iter().map(|node| locks.work_on(node, reading.jobs, is_ready(node))).collect();
    let upgrading = works.iter().any(Option::is_some) || nodes.iter().any(|node| node.unschedulable);
    let mut findings: Vec<Finding> = Vec::new();
    for (node, work) in nodes.iter().zip(&works) {
        findings.extend(judge_node(node, work.as_ref(), now, settings));
    }
    findings.extend(locks.unreadable);
    findings.extend(judge_versions(nodes, reading.server, upgrading));
    findings.extend(reading.clocks.and_then(|clocks| judge_clocks(clocks, nodes, settings)));
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
    let versions: BTreeSet<&str> = nodes.iter().map(|node| node.kubelet_version.as_str()).collect();
    let versions: Vec<&str> = versions.into_iter().filter(|version| !version.is_empty()).collect();
    let versions = if versions.is_empty() { String::new() } else { format!(", {}", versions.join(", ")) };
    judged(Probe::Nodes, format!("{ready} of {} nodes ready{versions}", nodes.len()), findings)
}

/// The nodes that somebody works on, and not for too long, by what was found of all of them.
pub(in crate::health) fn in_work(nodes: &ProbeResult) -> HashSet<String> {
    let theirs = nodes.findings.iter().filter(|finding| finding.id.rule == IN_WORK);
    theirs.map(|finding| finding.id.object.name.clone()).collect()
}

/// Whether the control plane says that the node is ready.
pub(in crate::health) fn is_ready(node: &Node) -> bool {
    condition(node, "Ready").is_some_and(|ready| ready.status == ConditionStatus::True)
}

fn condition<'a>(node: &'a Node, kind: &str) -> Option<&'a Condition> {
    node.conditions.iter().find(|condition| condition.kind == kind)
}

fn judge_node(node: &Node, work: Option<&Work>, now: Timestamp, settings: &Settings) -> Vec<Finding> {
    let object = || ObjectRef::new("Node", "", &node.name);
    let found = |rule, verdict, message: String, evidence: String| {
        finding(Probe::Nodes, rule, object(), verdict, message, evidence)
    };
    let mut findings = Vec::new();
    let maximum = Duration::from_secs(settings.node_work_maximum_seconds);
    let in_work = work.is_some_and(|work| work.is_in_time(now, maximum));
    if let Some(work) = work {
        let (rule, message) = if in_work {
            (IN_WORK, format!("{} works on node {}", work.who, node.name))
        } else {
            ("work-overdue", format!("{} has worked on node {} for too long", work.who, node.name))
        };
        findings.push(found(rule, Verdict::Yellow, message, work.evidence.clone()).since(work.since));
    } else if let Some(mark) = &node.marks.reboot {
        let message = format!("node {} has to be started again, and kured waits to do it", node.name);
        let evidence = "annotation weave.works/kured-reboot-in-progress".to_owned();
        findings.push(found("reboot-required", Verdict::Yellow, message, evidence).since(mark.since));
    }
    match condition(node, "Ready") {
        None => findings.push(found(
            "ready-missing",
            Verdict::Unknown,
            format!("node {} does not say whether it is ready", node.name),
            "no condition Ready".to_owned(),
        )),
        // Whoever works on it starts it again.
        Some(_) if in_work => {}
        Some(ready) if ready.status != ConditionStatus::True => findings.push(
            found("not-ready", Verdict::Red, format!("node {} is not ready", node.name), super::said(ready))
                .since(ready.since),
        ),
        Some(ready) => findings.extend(silent(node, ready, now, settings).map(|evidence| {
            found(
                "heartbeat-old",
                Verdict::Unknown,
                format!("the kubelet of node {} has not reported for too long", node.name),
                evidence,
            )
            .since(node.lease_renewed.or(ready.heartbeat).filter(|last| *last <= now))
        })),
    }
    if node.unschedulable && !in_work {
        let message = match &node.marks.cordoned_by {
            Some(who) => format!("node {} is cordoned, by {who}", node.name),
            None => format!("node {} is cordoned", node.name),
        };
        let evidence = "spec.unschedulable = true".to_owned();
        findings.push(found("cordoned", Verdict::Yellow, message, evidence).since(node.marks.cordoned_at));
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
            found(rule, verdict, format!("node {} reports {kind}", node.name), super::said(pressure))
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
    no_life(now, last, maximum, settings).map(|why| format!("{source} at {last}: {why}"))
}

#[cfg(test)]
#[path = "nodes_tests.rs"]
mod tests;
