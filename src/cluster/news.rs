//! Tells whoever waits that something in the cluster stands otherwise than before.
//!
//! A hint that a look is worth its requests and never a judgement: the look reads and judges as if nobody had told. Decides
//! what is worth one. A change of what is well, a heartbeat, a count that moves, a pod that is starting and a Job that does its
//! work come all day long in a healthy cluster and are none; that something breaks, breaks in another way, heals or goes is.
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

/// In a number, what is wrong with something; none where nothing is.
fn number<T: Hash>(wrong: &[T]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    wrong.hash(&mut hasher);
    (!wrong.is_empty()).then(|| hasher.finish())
}

/// Reasons of a container that is only starting.
const STARTING: [&str; 3] = ["", "ContainerCreating", "PodInitializing"];

/// How a pod stands. One that is starting, does a Job's work or goes in its time is well.
pub(super) fn of_pod(pod: &Pod) -> Option<u64> {
    let mut wrong: Vec<(&str, &str, i64)> = Vec::new();
    if matches!(pod.phase, PodPhase::Failed | PodPhase::Unknown) {
        wrong.push(("phase", &pod.reason, 0));
    }
    for container in &pod.containers {
        match &container.state {
            ContainerState::Waiting { reason, .. } if !STARTING.contains(&reason.as_str()) => {
                wrong.push((&container.name, reason, 0));
            }
            ContainerState::Terminated { reason, exit_code, .. } if *exit_code != 0 => {
                wrong.push((&container.name, reason, i64::from(*exit_code)));
            }
            _ => {}
        }
        if container.restarts > 0 {
            wrong.push((&container.name, "restarts", i64::from(container.restarts)));
        }
    }
    let says_no = |kind: &str| {
        pod.conditions.iter().any(|one| one.kind == kind && one.status == ConditionStatus::False)
    };
    if says_no("PodScheduled") {
        wrong.push(("PodScheduled", "", 0));
    }
    let runs = |state: &ContainerState| matches!(state, ContainerState::Running { .. });
    let all_run = pod.containers.iter().filter(|container| !container.init).all(|one| runs(&one.state));
    if pod.phase == PodPhase::Running && pod.deleted_at.is_none() && all_run && says_no("Ready") {
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

/// How a workload stands. That one pod more of a rollout serves is nothing; that the last one does, or none does any more, is.
pub(super) fn of_workload(workload: &Workload) -> Option<u64> {
    let failed = |one: &Condition| one.kind == "Progressing" && one.status == ConditionStatus::False;
    let Workload { desired, available, paused, .. } = *workload;
    let stands = [
        paused,
        workload.observed_generation < workload.generation,
        available < desired,
        available == 0 && desired > 0,
        workload.conditions.iter().any(failed),
    ];
    if workload.is_complete() { None } else { number(&stands) }
}

/// Where objects of other kinds say how they are, in a word and not in a time.
const WORDS: [&str; 8] = [
    "/status/health/status",
    "/status/sync/status",
    "/status/sync/revision",
    "/status/operationState/phase",
    "/status/lastAppliedRevision",
    "/status/lastAttemptedRevision",
    "/status/phase",
    "/status/ceph/health",
];

/// Conditions that say something bad by holding; every other one does so by not holding.
const BAD: [&str; 4] = ["Failed", "FailureTarget", "Stalled", "Degraded"];

/// How an object of any other kind stands, by what such objects have in common.
pub(super) fn of_object(object: &Value) -> Option<u64> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let words = WORDS.iter().filter_map(|path| Some(((*path).to_owned(), text(object.pointer(path)?))));
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let conditions = conditions.filter_map(|one| {
        let (kind, reason) = (text(&one["type"]), text(&one["reason"]));
        let counts = match one["status"].as_str() {
            // Argo CD's say no more than that they are there.
            None | Some("False") => true,
            Some("True") => BAD.contains(&kind.as_str()),
            Some(_) => false,
        };
        counts.then_some((kind, reason))
    });
    let goes = !object["metadata"]["deletionTimestamp"].is_null();
    let goes = goes.then(|| ("deletionTimestamp".to_owned(), String::new()));
    number(&words.chain(conditions).chain(goes).collect::<Vec<_>>())
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
