//! The contract: what a real API server answered is replayed, against the simulator or (`CARETAKER_TEST_KUBERNETES=1`
//! and `KUBECONFIG`) against a real one, and status, content type and the shape of every body have to be the same.
//!
//! A real server should be one of its own, without controllers: the suite makes and deletes namespaces' contents. Run it
//! there with `--test-threads=1`, and install the definitions of the kinds first that the recordings list (Argo CD's with their
//! short names): any schema that keeps unknown fields does. Velero's, and a kind that is removed while it is watched, the suite installs
//! itself. What a bare one cannot answer (kubelets, compaction on demand, the schemas of the real custom resource definitions) is left out
//! there, and printed. A watch from a version that is too old needs no compaction, but a server that was started again since it was made:
//! until then it goes back to version 1 (exchange 11 of `watch.json`). Nodes of other names would stand on the pages that are compared.
//!
//! Most objects are put there as they were recorded and asked for then (`seed_and_play`; of `volumes.json` all, of `operators.json`
//! nearly all). That shows that such objects are taken, kept, selected and given back, and not that a server comes to them by itself: what controllers do is
//! played in the simulator's own tests. Lists are compared by the names in them, and stray objects have to be left out by the selectors.

mod events;
mod replay;
mod server;
mod sessions;
mod shape;
mod watches;

use std::collections::BTreeSet;
use std::sync::Arc;

use replay::{Deviation, Left, Replay};
use serde_json::{Value, json};
use sim::kubernetes::{ExecAnswer, ExecMatcher, Kind};
use watches::{Act, watch};

const KUBELET: &str = "no kubelet answers behind a bare server";
const COMPACTION: &str = "a version expires minutes later, not on demand";
const SCHEMAS: &str = "needs the schema of the real custom resource definition";

/// What caretaker does not ask for. Whoever begins to ask for it takes its lines from here.
const LEFT: &[Left] = &[
    Left { file: "nodes.json", exchanges: &[4..=4], why: "timing of etcd's own compaction" },
    Left {
        file: "nodes.json",
        exchanges: &[10..=13, 24..=24, 30..=30],
        why: "Tables and metadata alone are never asked for",
    },
    Left { file: "nodes.json", exchanges: &[21..=23, 25..=27], why: "nothing cordons a node" },
    Left { file: "nodes.json", exchanges: &[35..=35], why: "nothing removes a node" },
    Left { file: "pods.json", exchanges: &[16..=16, 48..=48], why: "Tables are never asked for" },
    Left { file: "pods.json", exchanges: &[35..=45], why: "nothing is evicted" },
    Left { file: "exec-logs.json", exchanges: &[19..=19], why: "nothing is written to a command's input" },
    Left { file: "gitops.json", exchanges: &[11..=11, 49..=51], why: "Tables are never asked for" },
    Left { file: "leases.json", exchanges: &[17..=22], why: "no event is written" },
    Left {
        file: "leases.json",
        exchanges: &[25..=25, 27..=27],
        why: "events are read of the core group, and as they are",
    },
    Left { file: "apply.json", exchanges: &[1..=1, 6..=6, 18..=18, 27..=27], why: "nothing is restarted" },
    Left { file: "apply.json", exchanges: &[20..=22], why: "nothing is scaled" },
    Left { file: "apply.json", exchanges: &[23..=23], why: "making deployments: controllers' work" },
    Left { file: "apply.json", exchanges: &[50..=58], why: "server-side apply is never asked for" },
    Left { file: "apply.json", exchanges: &[60..=61], why: "no Deployment is written" },
    Left { file: "apply.json", exchanges: &[71..=80], why: "no workload, claim or namespace is deleted" },
    Left {
        file: "operators.json",
        exchanges: &[5..=10, 17..=18],
        why: "Tables are never asked for, and nothing of CloudNativePG is written",
    },
    Left { file: "operators.json", exchanges: &[21..=28, 32..=32], why: "nothing of VolSync is written" },
    Left { file: "operators.json", exchanges: &[39..=40], why: "no snapshot is made" },
    Left { file: "watch.json", exchanges: &[9..=9], why: "Tables are never asked for" },
    Left {
        file: "volumes.json",
        exchanges: &[
            1..=1,
            3..=3,
            7..=7,
            11..=11,
            16..=16,
            19..=19,
            21..=21,
            26..=26,
            28..=28,
            31..=31,
            33..=33,
            35..=35,
            37..=37,
            41..=41,
            43..=43,
            46..=46,
            48..=48,
            52..=52,
            54..=54,
            58..=58,
            61..=67,
            69..=69,
        ],
        why: "no volume or claim is written; the phases that follow are played in the tests of the binder",
    },
    Left {
        file: "volumes.json",
        exchanges: &[14..=14, 50..=50, 57..=57, 71..=71],
        why: "events whose names were cut; others are played",
    },
    Left { file: "volumes.json", exchanges: &[72..=73], why: "Tables are never asked for" },
];

const VELERO_BACKUP: Kind = Kind::namespaced("velero.io", "v1", "Backup", "backups");
const GADGET: Kind = Kind::namespaced("example.com", "v1", "Gadget", "gadgets");

/// Where the simulator differs on purpose.
const DEVIATIONS: &[Deviation] = &[
    Deviation {
        file: "exec-logs.json",
        exchanges: &[25],
        at: "channel 3",
        why: "the recorded kubelet ran an empty command; a real one fails, as here",
    },
    Deviation {
        file: "watch.json",
        exchanges: &[6, 15],
        at: "types",
        why: "the version is told two seconds before the end here; the recorded server did so after some lists that it streamed",
    },
];

const FILES: &[&str] = &[
    "apply.json",
    "discovery.json",
    "exec-logs.json",
    "gitops.json",
    "leases.json",
    "nodes.json",
    "operators.json",
    "pods.json",
    "volumes.json",
    "watch.json",
];

#[test]
fn contract_lists_every_recording_and_no_exchange_that_is_not_there() {
    let there: BTreeSet<String> = std::fs::read_dir(replay::folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let listed: BTreeSet<String> = FILES.iter().map(|file| (*file).to_owned()).collect();
    assert_eq!(listed, there, "a recording that nobody plays, or that is not there");
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
    replay.seed(32).await;
    events::stray_of_nodes(&replay).await;
    replay.play(32).await;
    if replay.simulated() {
        replay.play(34).await;
    } else {
        replay.skip(34, KUBELET);
    }
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
    for index in 23..=27 {
        replay.play(index).await;
    }
    replay.seed(28).await;
    for index in 28..=34 {
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
    events::play_warnings(&mut replay, 23, 24).await;
    replay.play(26).await;
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
    for index in [35, 36] {
        replay.play(index).await;
    }
    replay.seed_and_play([37]).await;
    for index in (38..=41).chain([46]) {
        replay.play(index).await;
    }
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_operators() {
    let mut replay = Replay::start("operators.json").await;
    replay.seed_and_play((0..=4).chain(11..=16)).await;
    replay.seed_and_play([20, 29, 30, 31].into_iter().chain(34..=38)).await;
    replay.seed_and_play((42..=47).chain(49..=52)).await;
    replay.server.define(&VELERO_BACKUP).await;
    replay.seed_and_play(54..=59).await;
    replay.play(60).await;
    replay.play(61).await;
    replay.finish(LEFT, DEVIATIONS).await;
}

#[tokio::test]
async fn contract_volumes_and_claims() {
    let mut replay = Replay::start("volumes.json").await;
    // Each is played as it stood at that step: what led there is written by others.
    replay.seed_and_play([5, 6, 9, 13, 18, 23, 24, 30, 39, 53, 56]).await;
    replay.finish(LEFT, DEVIATIONS).await;
}

/// A pod as its kubelet reports it.
fn running() -> Value {
    let condition = |kind: &str| {
        json!({"type": kind, "status": "True", "lastProbeTime": null,
            "lastTransitionTime": "2026-11-21T01:59:20Z"})
    };
    json!({"status": {"phase": "Running",
        "conditions": [condition("Initialized"), condition("Ready"), condition("ContainersReady")]}})
}

const WATCHED: &str = "/api/v1/namespaces/watched/pods";
const P1: &str = "/api/v1/namespaces/watched/pods/p1";
const OLD: &str = "/api/v1/namespaces/watched/pods/old";
const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/namespaces/watched/applications";
const SECOND: &str = "/apis/argoproj.io/v1alpha1/namespaces/watched/applications/second";

/// A watch, and what it is worth.
async fn play(replay: &mut Replay, index: usize, acts: Vec<(usize, Act)>) {
    let seen = watch(replay, index, acts, None).await;
    watches::judge(replay, index, &seen);
}

/// Several at once, since most of them only wait for their end.
async fn play_together(replay: &mut Replay, indexes: &[usize]) {
    let shared = &*replay;
    let each = indexes.iter().map(|index| watch(shared, *index, Vec::new(), hurry(shared, *index)));
    let seen = futures::future::join_all(each).await;
    for (index, seen) in indexes.iter().zip(&seen) {
        watches::judge(replay, *index, seen);
    }
}

/// The one that is idle for more than a minute does not take as long here: the simulator's minute is shorter.
fn hurry(replay: &Replay, index: usize) -> Option<(u32, &'static [f64])> {
    (index == 20 && replay.simulated()).then_some((12, &[9.0, 10.0]))
}

async fn newest(replay: &Replay) -> String {
    let list = replay.server.admin("GET", WATCHED, None).await.json();
    list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

fn argo(name: &str) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name},
        "spec": {"project": "default", "destination": {},
            "source": {"repoURL": "https://git.example/ops/homelab.git", "path": name}}})
}

#[tokio::test]
async fn contract_watches() {
    let mut replay = Replay::start("watch.json").await;
    replay.server.remove(P1).await;
    replay.server.replace(WATCHED, &pod("old", Some("metal2"), &["app"])).await;
    replay.server.admin("PATCH", &format!("{OLD}/status"), Some(&running())).await;
    let version = newest(&replay).await;
    replay.know("1243", &version);
    let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
    let acts = vec![
        (0, Act::Ask("POST", WATCHED, pod("p1", Some("metal1"), &["app"]))),
        (1, Act::Ask("PATCH", "/api/v1/namespaces/watched/pods/p1/status", running())),
        (2, Act::Ask("PATCH", P1, json!({"metadata": {"labels": {"x": "1"}}}))),
        (3, Act::Ask("DELETE", P1, Value::Null)),
        (4, Act::Ask("DELETE", P1, now)),
    ];
    play(&mut replay, 0, acts).await;
    play_together(&mut replay, &[1, 2, 3]).await;
    let team = |name: &str| json!({"metadata": {"labels": {"team": name}}});
    play(
        &mut replay,
        4,
        vec![(0, Act::Ask("PATCH", OLD, team("a"))), (1, Act::Ask("PATCH", OLD, team("b")))],
    )
    .await;
    let version = newest(&replay).await;
    replay.know("1356", &version);
    play_together(&mut replay, &[5, 6, 8, 11, 12, 16, 20]).await;
    for index in [7, 13, 14, 17] {
        replay.play(index).await;
    }
    // One of two is asked for: last, since other watches go on from before it.
    replay.server.replace(WATCHED, &pod("stray", Some("metal2"), &["app"])).await;
    play(&mut replay, 10, Vec::new()).await;
    replay.server.remove(&format!("{WATCHED}/stray")).await;
    contract_watches_of_custom_kinds(&mut replay).await;
    replay.finish(LEFT, DEVIATIONS).await;
}

async fn contract_watches_of_custom_kinds(replay: &mut Replay) {
    replay.server.remove(SECOND).await;
    replay.server.replace(APPLICATIONS, &argo("first")).await;
    let status = |sync: &str, health: &str| {
        json!({"status": {"health": {"status": health}, "sync": {"status": sync, "comparedTo": {
            "destination": {}, "source": {"repoURL": "https://git.example/ops/homelab.git"}}}}})
    };
    // The first two frames are the one that is there, and the mark behind it.
    let acts = vec![
        (2, Act::Ask("POST", APPLICATIONS, argo("second"))),
        (3, Act::Ask("PATCH", SECOND, status("OutOfSync", "Missing"))),
        (4, Act::Ask("PATCH", SECOND, status("Synced", "Healthy"))),
        (5, Act::Ask("DELETE", SECOND, Value::Null)),
    ];
    play(replay, 15, acts).await;
    replay.server.define(&GADGET).await;
    let gadget = json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}});
    replay.server.replace("/apis/example.com/v1/namespaces/watched/gadgets", &gadget).await;
    play(replay, 18, vec![(1, Act::Remove(GADGET))]).await;
    replay.play(19).await;
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
