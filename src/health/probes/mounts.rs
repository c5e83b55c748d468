//! The words on pods that wait for a volume: of those that are Pending on a node for longer than a moment, and only of those.
//!
//! A verdict never goes by them. They say why, where the pod itself says no more than that it is not ready, and what is older
//! than the pod's present wait, or than an hour, is about another trouble.

use super::age;
use crate::cluster::{Cluster, ClusterError, ContainerState, Pod, PodLedger, PodPhase, VolumeEvent};
use crate::health::recon::within;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A pod that starts waits so long for a volume without a reason to ask.
const MOMENT: Duration = Duration::from_mins(1);
/// What was said longer ago says nothing of now. The API server forgets it then as well.
const OLD: Duration = Duration::from_hours(1);
/// So much of what was said is shown.
const LONGEST: usize = 240;
/// How Kubernetes calls it that a volume for one node is wanted on two.
const MULTI_ATTACH: &str = "Multi-Attach error";

/// What was said of the pods that wait.
#[derive(Debug, Default)]
pub(in crate::health) struct Mounts {
    /// By namespace and name.
    said: BTreeMap<(String, String), Vec<VolumeEvent>>,
    /// Why it could not be read.
    unread: Option<String>,
}

/// What it comes to for one pod.
pub(super) struct Word {
    /// What the pod is, in our own words.
    pub(super) what: &'static str,
    /// What was said.
    pub(super) evidence: String,
}

/// The pods of which something may be said.
pub(in crate::health) fn waiting(pods: &PodLedger, now: Timestamp) -> BTreeSet<(String, String)> {
    let kept = pods.kept();
    kept.into_iter()
        .filter(|pod| waits(pod, now))
        .map(|pod| (pod.namespace.clone(), pod.name.clone()))
        .collect()
}

fn waits(pod: &Pod, now: Timestamp) -> bool {
    pod.phase == PodPhase::Pending
        && pod.node.is_some()
        && pod.deleted_at.is_none()
        && pod.containers.iter().all(|container| is_being_made(&container.state))
        && since(pod).is_none_or(|since| age(now, since) >= MOMENT)
}

/// Whether nothing else is said of a container: one that has an image, or an error of its own, has its volumes.
fn is_being_made(state: &ContainerState) -> bool {
    match state {
        ContainerState::Waiting { reason, .. } => {
            matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing")
        }
        ContainerState::Unknown => true,
        ContainerState::Running { .. } | ContainerState::Terminated { .. } => false,
    }
}

/// Since when a pod waits.
fn since(pod: &Pod) -> Option<Timestamp> {
    let ready = pod.conditions.iter().find(|condition| condition.kind == "Ready");
    ready.and_then(|ready| ready.since).max(pod.created_at)
}

/// Asks what is said of them. Where none waits, nobody is asked.
pub(in crate::health) async fn read(
    cluster: &dyn Cluster,
    limit: Duration,
    waiting: &BTreeSet<(String, String)>,
) -> Mounts {
    if waiting.is_empty() {
        return Mounts::default();
    }
    Mounts::of(within(limit, "events", cluster.volume_events(waiting)).await)
}

impl Mounts {
    fn of(read: Result<Vec<VolumeEvent>, ClusterError>) -> Self {
        let mut said: BTreeMap<(String, String), Vec<VolumeEvent>> = BTreeMap::new();
        let events = match read {
            Ok(events) => events,
            Err(error) => return Self { said, unread: Some(error.to_string()) },
        };
        for event in events {
            said.entry((event.namespace.clone(), event.pod.clone())).or_default().push(event);
        }
        Self { said, unread: None }
    }

    /// What is known of a pod that does not start, besides what it says itself.
    pub(super) fn word(&self, pod: &Pod, now: Timestamp) -> Option<Word> {
        if !waits(pod, now) {
            return None;
        }
        if let Some(why) = &self.unread {
            let evidence = format!("its events could not be read: {}", cleaned(why));
            return Some(Word { what: "not ready", evidence });
        }
        let of_now = |event: &&VolumeEvent| {
            event
                .last
                .is_some_and(|last| age(now, last) <= OLD && since(pod).is_none_or(|since| last >= since))
        };
        let all = self.said.get(&(pod.namespace.clone(), pod.name.clone()))?;
        // What tells more, and then what is newer.
        let event = all.iter().filter(of_now).max_by_key(|event| (kind(event), event.last))?;
        let seconds = event.last.map_or(0, |last| age(now, last).as_secs());
        let what = match kind(event) {
            Kind::MultiAttach => "not ready: Multi-Attach, another node or pod holds its volume",
            Kind::Attach => "not ready: its volume cannot be attached",
            Kind::Mount | Kind::Wait => "not ready: its volume cannot be mounted",
        };
        let holder = holder(&event.message).map(|who| format!("held by {who}; ")).unwrap_or_default();
        let evidence = format!("{holder}{} {seconds} s ago: {}", event.reason, cleaned(&event.message));
        Some(Word { what, evidence })
    }
}

/// What an event is about, the more telling later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// That it was waited for in vain, and nothing of why.
    Wait,
    Mount,
    Attach,
    MultiAttach,
}

fn kind(event: &VolumeEvent) -> Kind {
    let message = &event.message;
    if message.contains(MULTI_ATTACH) {
        Kind::MultiAttach
    } else if event.reason == "FailedAttachVolume" {
        Kind::Attach
    } else if message.starts_with("Unable to attach or mount volumes") {
        Kind::Wait
    } else {
        Kind::Mount
    }
}

/// Who has the volume, where a Multi-Attach error names them.
fn holder(message: &str) -> Option<String> {
    if !message.contains(MULTI_ATTACH) {
        return None;
    }
    let named = |before: &str, ends: &[&str]| {
        let rest = message.split_once(before)?.1;
        let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
        let who = cleaned(&rest[..end]);
        (!who.is_empty()).then_some(who)
    };
    let pods = || named("already used by pod(s) ", &["\n"]).map(|pods| format!("pod {pods}"));
    let node = || named("exclusively attached to node ", &[" and "]).map(|node| format!("node {node}"));
    pods().or_else(node)
}

/// A text from outside on one line, without what steers a terminal, and no longer than ours are.
fn cleaned(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
#[path = "mounts_tests.rs"]
mod tests;
