//! Events, among others that nobody asks for: what is put there and asked for alone shows no selector at work.

use serde_json::{Value, json};

use super::replay::Replay;

/// An event that has to be left out, by what it is about, its reason and its type.
async fn stray(replay: &Replay, differs: &str, about: &Value, reason: &str, kind: &str) {
    let namespace = about["namespace"].as_str().unwrap_or("default").to_owned();
    let event = json!({"metadata": {"name": format!("stray-{differs}")}, "involvedObject": about, "reason": reason,
        "message": "astray", "type": kind, "source": {"component": "nobody"}, "count": 1,
        "firstTimestamp": "2026-11-21T01:52:07Z", "lastTimestamp": "2026-11-21T01:52:07Z"});
    replay.server.replace(&format!("/api/v1/namespaces/{namespace}/events"), &event).await;
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"kind": "Pod", "namespace": namespace, "name": name})
}

/// One of another node, and one of a pod that is called like the node.
pub(crate) async fn stray_of_nodes(replay: &Replay) {
    stray(replay, "name", &json!({"kind": "Node", "name": "metal5"}), "NodeNotReady", "Normal").await;
    stray(replay, "kind", &pod("default", "metal6"), "NodeNotReady", "Normal").await;
}

/// How `cluster/events.rs` asks, here for the reason that was recorded.
fn asked_by_caretaker(events: &str) -> String {
    format!("{events}?limit=500&fieldSelector=involvedObject.kind%3DPod%2Creason%3DFailedScheduling")
}

/// Warnings of all namespaces, and what is said of one pod; each also as caretaker asks for it.
pub(crate) async fn play_warnings(replay: &mut Replay, all: usize, of_one: usize) {
    replay.seed(all).await;
    stray(replay, "type", &pod("tools", "unscheduled"), "Scheduled", "Normal").await;
    replay.play(all).await;
    replay.play_as(all, &asked_by_caretaker("/api/v1/events")).await;
    replay.seed(of_one).await;
    stray(replay, "name", &pod("apps", "other"), "FailedMount", "Normal").await;
    let job = json!({"kind": "Job", "namespace": "apps", "name": "too-big"});
    stray(replay, "kind", &job, "FailedScheduling", "Normal").await;
    replay.play(of_one).await;
    // Only who asks for a reason as well leaves this one out.
    stray(replay, "reason", &pod("apps", "too-big"), "Pulled", "Normal").await;
    replay.play_as(of_one, &asked_by_caretaker("/api/v1/namespaces/apps/events")).await;
    // Nor is it there when a real server is asked again.
    replay.server.remove("/api/v1/namespaces/apps/events/stray-reason").await;
}
