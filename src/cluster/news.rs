//! Tells whoever waits that something in the cluster stands otherwise than before.
//!
//! A hint that a look is worth its requests and never a judgement: the look reads and judges as if nobody had told. Decides
//! what is worth one. A change of what is well, a heartbeat, a count that moves, what begins, is scaled, rolled over or told to
//! go, and a Job that does its work come all day long in a healthy cluster and are none; that something breaks, breaks in
//! another way or heals is. What is bad only if it lasts is no news either: that is the clock's, and so are the looks for it.
//! A ledger says how an object stands in a number that is other exactly then. It is made of what is kept anyway, so that a
//! cluster's noise costs no memory, and however much is told while nobody waits is told once.

use super::{Condition, ConditionStatus, ContainerState, Node, Pod, PodPhase, Workload};
use serde_json::Value;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;
use tokio::sync::Notify;

/// That something stands otherwise. Clones share it; one worker hears it.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(Arc<Notify>);

impl News {
    /// Tells it. However often before somebody waits, it is told once.
    pub(super) fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits until it is told. Dropping the future loses nothing.
    pub(crate) async fn told(&self) {
        self.0.notified().await;
    }

    /// Whether it has been told and nobody has heard it.
    #[cfg(test)]
    pub(super) async fn is_told(&self) -> bool {
        tokio::time::timeout(std::time::Duration::ZERO, self.told()).await.is_ok()
    }
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// In a number, what is wrong with something; none where nothing is.
fn number<T: Hash>(wrong: &[T]) -> Option<u64> {
    (!wrong.is_empty()).then(|| hash(&wrong))
}

/// In a number, how all of them stand, each at its place, in whatever order they come.
pub(super) fn of_all<P: Hash>(all: impl Iterator<Item = (P, Option<u64>)>) -> u64 {
    let unwell = all.filter(|(_, standing)| standing.is_some());
    unwell.fold(0, |sum, one| sum.wrapping_add(hash(&one)))
}

/// Reasons of a container that is only starting.
const STARTING: [&str; 3] = ["", "ContainerCreating", "PodInitializing"];

/// How a pod stands. One that is starting, is not ready yet, does a Job's work or was told to go is well: programs that are ended
/// by a signal seldom end with a zero, and the kubelet says of such a pod that it failed.
pub(super) fn of_pod(pod: &Pod) -> Option<u64> {
    let mut wrong: Vec<(&str, &str, i64)> = Vec::new();
    let stays = pod.deleted_at.is_none();
    if pod.phase == PodPhase::Unknown || stays && pod.phase == PodPhase::Failed {
        wrong.push(("phase", &pod.reason, 0));
    }
    for container in &pod.containers {
        match &container.state {
            ContainerState::Waiting { reason, .. } if !STARTING.contains(&reason.as_str()) => {
                wrong.push((&container.name, reason, 0));
            }
            ContainerState::Terminated { reason, exit_code, .. } if stays && *exit_code != 0 => {
                wrong.push((&container.name, reason, i64::from(*exit_code)));
            }
            _ => {}
        }
        if stays && container.restarts > 0 {
            wrong.push((&container.name, "restarts", i64::from(container.restarts)));
        }
    }
    let said_no = |kind: &str| {
        pod.conditions.iter().find(|one| one.kind == kind && one.status == ConditionStatus::False)
    };
    if stays && said_no("PodScheduled").is_some() {
        wrong.push(("PodScheduled", "", 0));
    }
    // It was ready with these very containers.
    let is_since = |no: &Condition, state: &ContainerState| matches!(state, ContainerState::Running { since } if no.since > *since);
    let mut all = pod.containers.iter().filter(|container| !container.init);
    if stays
        && pod.phase == PodPhase::Running
        && said_no("Ready").is_some_and(|no| all.all(|one| is_since(no, &one.state)))
    {
        wrong.push(("Ready", "", 0));
    }
    number(&wrong)
}

/// How a node stands: by its conditions, of which none says when, and whether it takes pods.
pub(super) fn of_node(node: &Node) -> Option<u64> {
    // Every condition but Ready names something bad.
    let good = |one: &Condition| {
        if one.kind == "Ready" { ConditionStatus::True } else { ConditionStatus::False }
    };
    let mut wrong: Vec<(&str, bool)> = node
        .conditions
        .iter()
        .filter(|one| one.status != good(one))
        .map(|one| (one.kind.as_str(), one.status == ConditionStatus::Unknown))
        .collect();
    if node.unschedulable {
        wrong.push(("unschedulable", false));
    }
    number(&wrong)
}

/// How a workload stands, by what it says itself: that its rollout does not come on, or that its pods may not be made. How many
/// there are of them moves with every rollout and autoscaler, and what is wrong with one is the pod's.
pub(super) fn of_workload(workload: &Workload) -> Option<u64> {
    let is_bad = |one: &&Condition| match one.kind.as_str() {
        "Progressing" => one.status == ConditionStatus::False,
        "ReplicaFailure" => one.status == ConditionStatus::True,
        _ => false,
    };
    let wrong: Vec<&str> =
        workload.conditions.iter().filter(is_bad).map(|condition| condition.kind.as_str()).collect();
    number(&wrong)
}

/// Where objects of other kinds say how they are in a word, and which words are bad. What begins, goes on or is done is none.
const WORDS: [(&str, &[&str]); 5] = [
    ("/status/health/status", &["Degraded", "Missing", "Unknown"]),
    ("/status/sync/status", &["OutOfSync", "Unknown"]),
    ("/status/operationState/phase", &["Failed", "Error"]),
    ("/status/phase", &["Lost", "Failed", "failed", "Failure", "Error", "walArchivingFailing"]),
    ("/status/ceph/health", &["HEALTH_WARN", "HEALTH_ERR"]),
];

/// Conditions that say something bad by not holding.
const GOOD: [&str; 6] =
    ["Ready", "Healthy", "Available", "Released", "ContinuousArchiving", "LastBackupSucceeded"];

/// Conditions that say something bad by holding. All others come and go while nothing is wrong.
const BAD: [&str; 9] = [
    "Failed",
    "FailureTarget",
    "Stalled",
    "Degraded",
    "ErrorOccurred",
    "Failure",
    "FetchFailed",
    "BuildFailed",
    "StorageOperationFailed",
];

/// Reasons for which something is not ready that its controller only waits for.
const WAITS: [&str; 2] = ["DependencyNotReady", "DoesNotExist"];

/// How an object of any other kind stands, by what such objects have in common.
pub(super) fn of_object(object: &Value) -> Option<u64> {
    let words = WORDS.iter().filter_map(|(path, bad)| {
        let word = object.pointer(path)?.as_str()?;
        bad.contains(&word).then_some((*path, word))
    });
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let conditions = conditions.filter_map(|one| {
        let text = |field: &str| one[field].as_str().unwrap_or_default();
        let (kind, reason) = (text("type"), text("reason"));
        let counts = match one["status"].as_str() {
            // Argo CD's say no more than that they are there.
            None => true,
            Some("False") => GOOD.contains(&kind) && !WAITS.contains(&reason),
            Some("True") => BAD.contains(&kind),
            Some(_) => false,
        };
        counts.then_some((kind, reason))
    });
    number(&words.chain(conditions).collect::<Vec<_>>())
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
