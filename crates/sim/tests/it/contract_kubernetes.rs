//! The contract: what a real API server answered is replayed, against the simulator or (`CARETAKER_TEST_KUBERNETES=1`
//! and `KUBECONFIG`) against a real one, and status, content type and the shape of every body have to be the same.
//!
//! A real server should be one of its own, without controllers: the suite makes and deletes namespaces' contents. Run it
//! there with `--test-threads=1`, and install the definitions of the kinds first that the recordings list (Argo CD's with their
//! short names): any schema that keeps unknown fields does. What a bare one cannot answer (kubelets, compaction on demand, the schemas of the real
//! custom resource definitions) is left out there, and printed.

mod replay;
mod server;
mod sessions;
mod shape;

use std::sync::Arc;

use replay::{Deviation, Left, Replay};
use serde_json::{Value, json};
use sim::kubernetes::{ExecAnswer, ExecMatcher};

const KUBELET: &str = "no kubelet answers behind a bare server";
const COMPACTION: &str = "a version expires minutes later, not on demand";
const SCHEMAS: &str = "needs the schema of the real custom resource definition";

/// What caretaker does not ask for yet. Each issue that begins to ask for it takes its lines from here.
const LEFT: &[Left] = &[
    Left { file: "nodes.json", exchanges: &[4..=4], why: "timing of etcd's own compaction" },
    Left {
        file: "nodes.json",
        exchanges: &[10..=13, 24..=24, 30..=30],
        why: "Tables and metadata alone: for people, and for watches of a later issue",
    },
    Left { file: "nodes.json", exchanges: &[21..=23, 25..=27], why: "cordon: the drain component" },
    Left { file: "nodes.json", exchanges: &[32..=32], why: "events: the diagnosis issue" },
    Left {
        file: "nodes.json",
        exchanges: &[34..=35],
        why: "node proxy and removal of nodes: the Metal issue",
    },
    Left { file: "pods.json", exchanges: &[16..=16, 48..=48], why: "Tables are never asked for" },
    Left { file: "pods.json", exchanges: &[23..=34], why: "deleting pods: the delete component" },
    Left { file: "pods.json", exchanges: &[35..=45], why: "evictions: the drain component" },
    Left { file: "exec-logs.json", exchanges: &[19..=19], why: "nothing is written to a command's input" },
    Left { file: "gitops.json", exchanges: &[11..=11, 49..=51], why: "Tables are never asked for" },
    Left {
        file: "gitops.json",
        exchanges: &[35..=41, 46..=46],
        why: "writing to Flux' objects: the Flux issue",
    },
    Left { file: "leases.json", exchanges: &[17..=27], why: "events: the diagnosis issue" },
    Left {
        file: "apply.json",
        exchanges: &[1..=1, 6..=6, 18..=18, 27..=27],
        why: "restarts: the action issue",
    },
    Left { file: "apply.json", exchanges: &[20..=22], why: "scaling: the action issue" },
    Left { file: "apply.json", exchanges: &[23..=23], why: "making deployments: controllers' work" },
    Left { file: "apply.json", exchanges: &[50..=58], why: "server-side apply is never asked for" },
    Left { file: "apply.json", exchanges: &[60..=61], why: "validation of Deployments: the action issue" },
    Left {
        file: "apply.json",
        exchanges: &[71..=80],
        why: "deletion by propagation, claims, namespaces: the storage issue",
    },
    Left {
        file: "operators.json",
        exchanges: &[5..=10, 17..=18],
        why: "Tables, claims and writing to CloudNativePG's objects: the database issue",
    },
    Left {
        file: "operators.json",
        exchanges: &[21..=28, 32..=32],
        why: "pausing and starting VolSync: the backup issue",
    },
    Left { file: "operators.json", exchanges: &[39..=40], why: "making snapshots: the backup issue" },
    Left { file: "operators.json", exchanges: &[54..=61], why: "Velero: the backup issue" },
];

/// Whole recordings that are left: `watch.json` until watches are asked for, `volumes.json` until claims are recovered (its
/// phases are played in the tests of the binder), `scale.json` because it holds figures only.
const LEFT_FILES: &[&str] = &["watch.json", "volumes.json", "scale.json"];

/// Where the simulator differs on purpose.
const DEVIATIONS: &[Deviation] = &[Deviation {
    file: "exec-logs.json",
    exchanges: &[25],
    at: "channel 3",
    why: "the recorded kubelet ran an empty command; a real one fails, as here",
}];

const FILES: &[&str] = &[
    "apply.json",
    "discovery.json",
    "exec-logs.json",
    "gitops.json",
    "leases.json",
    "nodes.json",
    "operators.json",
    "pods.json",
];

#[test]
fn contract_lists_every_recording_and_no_exchange_that_is_not_there() {
    for left in LEFT {
        assert!(FILES.contains(&left.file), "{}", left.file);
        let last = replay::recording(left.file).len() - 1;
        assert!(
            left.exchanges.iter().all(|range| *range.end() <= last),
            "{} {:?}",
            left.file,
            left.exchanges
        );
    }
    for file in LEFT_FILES {
        println!("{file}: left as a whole");
        assert!(!FILES.contains(file));
    }
}

#[tokio::test]
async fn contract_discovery_and_refusals() {
    let mut replay = Replay::start("discovery.json").await;
    for index in 0..=34 {
        replay.play(index).await;
    }
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_nodes_and_pages() {
    let mut replay = Replay::start("nodes.json").await;
    // A node of an earlier run would be in every list.
    replay.server.remove("/api/v1/nodes/metal7").await;
    replay.seed(0).await;
    for index in [0, 1, 2, 3, 5, 6, 7, 9, 14, 15, 16, 17, 20, 31, 33] {
        replay.play(index).await;
    }
    if replay.simulated() {
        replay.play(8).await;
    } else {
        replay.skip(8, COMPACTION);
    }
    replay.seed_and_play([18, 19, 28, 29]).await;
    if let Some(kube) = replay.server.simulator.clone() {
        replay.play(36).await;
        kube.compact();
        for index in [37, 38, 39] {
            replay.play(index).await;
        }
    } else {
        for index in 36..=39 {
            replay.skip(index, COMPACTION);
        }
    }
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_pods_and_selectors() {
    let mut replay = Replay::start("pods.json").await;
    replay.seed_and_play(0..=15).await;
    for index in 17..=22 {
        replay.play(index).await;
    }
    replay.seed_and_play([46, 47]).await;
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_workloads_and_patches() {
    let mut replay = Replay::start("apply.json").await;
    replay.seed_and_play((2..=5).chain(7..=17)).await;
    replay.seed_and_play([19, 24, 25, 26, 28, 29]).await;
    replay.server.remove("/api/v1/namespaces/caretaker/configmaps/p").await;
    for index in (31..=48).chain(62..=65).chain(67..=70) {
        replay.play(index).await;
    }
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_leases() {
    let mut replay = Replay::start("leases.json").await;
    replay.server.remove("/apis/coordination.k8s.io/v1/namespaces/caretaker/leases/caretaker").await;
    for index in 0..=6 {
        replay.play(index).await;
    }
    replay.seed_and_play([7]).await;
    replay.race(8, 9).await;
    for index in 10..=15 {
        replay.play(index).await;
    }
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_applications() {
    let mut replay = Replay::start("gitops.json").await;
    replay.seed_and_play(0..=10).await;
    for index in [12, 13, 14] {
        replay.play(index).await;
    }
    replay.seed_and_play([15]).await;
    for index in 16..=19 {
        replay.play(index).await;
    }
    replay.seed_and_play([20, 21]).await;
    replay.play(22).await;
    for index in [23, 25] {
        if replay.simulated() {
            replay.play(index).await;
        } else {
            replay.skip(index, SCHEMAS);
        }
    }
    replay.play(24).await;
    replay.play(26).await;
    replay.seed_and_play((27..=34).chain(42..=45).chain(47..=48)).await;
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_operators() {
    let mut replay = Replay::start("operators.json").await;
    replay.seed_and_play((0..=4).chain(11..=16)).await;
    replay.seed_and_play([20, 29, 30, 31].into_iter().chain(34..=38)).await;
    replay.seed_and_play((42..=47).chain(49..=52)).await;
    replay.finish(LEFT, DEVIATIONS).await;
}

fn pod(name: &str, node: Option<&str>, containers: &[&str]) -> Value {
    let containers: Vec<Value> =
        containers.iter().map(|name| json!({"name": name, "image": "example.org/box:1"})).collect();
    let mut pod = json!({"metadata": {"name": name}, "spec": {"containers": containers}});
    if let Some(node) = node {
        pod["spec"]["nodeName"] = json!(node);
    }
    pod
}

/// What the recorded commands print, word for word.
fn run(command: &[String]) -> ExecAnswer {
    let answer = |stdout: &str, stderr: &str, exit_code| ExecAnswer {
        stdout: stdout.into(),
        stderr: stderr.into(),
        exit_code,
    };
    match command.last().map_or("", String::as_str) {
        "echo HEALTH_OK; echo note >&2" => answer("HEALTH_OK\n", "note\n", 0),
        "echo out; echo err >&2; exit 3" => answer("out\n", "err\n", 3),
        "echo v4; exit 2" => answer("v4\n", "", 2),
        "echo out" => answer("out\n", "", 0),
        "kill -9 $$" => answer("", "", 137),
        script if script.starts_with("head -c 70000") => answer(&"x".repeat(70_000), "", 0),
        "true" => answer("", "", 0),
        other => answer("", &format!("not scripted: {other}\n"), 1),
    }
}

/// Gives the service account rights on `pods/exec` in `tools`; no verbs stand for a binding to a missing role.
async fn grant(replay: &Replay, verbs: &[&str]) {
    let base = "/apis/rbac.authorization.k8s.io/v1/namespaces/tools";
    replay.server.remove(&format!("{base}/roles/x")).await;
    if !verbs.is_empty() {
        let rules = json!([{"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs}]);
        replay
            .server
            .replace(&format!("{base}/roles"), &json!({"metadata": {"name": "x"}, "rules": rules}))
            .await;
    }
    let binding = json!({"metadata": {"name": "x"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
        "subjects": [{"kind": "ServiceAccount", "name": "caretaker", "namespace": "caretaker"}]});
    replay.server.replace(&format!("{base}/rolebindings"), &binding).await;
}

#[tokio::test]
async fn contract_logs_and_exec() {
    let mut replay = Replay::start("exec-logs.json").await;
    let pods = "/api/v1/namespaces/tools/pods";
    for pod in [
        pod("box", Some("metal1"), &["app"]),
        pod("two", Some("metal1"), &["app", "side"]),
        pod("unscheduled", None, &["app"]),
        pod("done", Some("metal1"), &["app"]),
        pod("deadnode", Some("metal6"), &["app"]),
    ] {
        replay.server.replace(pods, &pod).await;
    }
    let needs_kubelet = [0, 1, 2, 3, 8, 9, 14];
    for index in 0..=14 {
        if replay.simulated() || !needs_kubelet.contains(&index) {
            continue;
        }
        replay.skip(index, KUBELET);
    }
    if let Some(kube) = replay.server.simulator.clone() {
        let lines: Vec<String> =
            (0..8).map(|n| format!("2026-01-01T00:00:0{n}.00000000{n}Z line {n} of the log\n")).collect();
        kube.set_pod_log("tools", "box", "app", &lines.concat());
        for first in ["sh", "true"] {
            let matcher = ExecMatcher { command: vec![first.into()], ..ExecMatcher::default() };
            kube.script_exec(matcher, Arc::new(run));
        }
        kube.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "metal6"},
            "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}));
        for index in 0..=14 {
            replay.play(index).await;
        }
        for index in (15..=18).chain(20..=31) {
            sessions::play(&mut replay, index).await;
        }
        for (index, verbs) in [(32, &[][..]), (33, &["get"]), (34, &["create"]), (35, &["get", "create"])] {
            grant(&replay, verbs).await;
            sessions::play(&mut replay, index).await;
        }
        replay.play(36).await;
    } else {
        for index in (0..=14).filter(|index| !needs_kubelet.contains(index)) {
            replay.play(index).await;
        }
        for index in (15..=18).chain(20..=36) {
            replay.skip(index, KUBELET);
        }
    }
    replay.finish(LEFT, DEVIATIONS).await;
}
