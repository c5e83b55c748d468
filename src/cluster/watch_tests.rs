//! The watches against the simulated API server, over real HTTP, and against servers that lie.

use super::super::watch::Pace;
use super::super::{Cluster, Freshness, Kubernetes, PodLedger, Settings};
use crate::health::{self, Surroundings, Verdict};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::{Value, json};
use sim::kubernetes::{DEPLOYMENT, Fault, Kubernetes as Server, Matcher, NODE, Options, POD, WatchFault};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the end of a container is of interest in these tests.
const RECENT: Duration = Duration::from_mins(10);
/// More pods than a page holds.
pub(in crate::cluster) const MANY: usize = 503;
/// So long anything may take that is awaited here.
pub(in crate::cluster) const PATIENCE: Duration = Duration::from_secs(30);

/// As short as a server's second before the last bookmark allows.
pub(in crate::cluster) fn pace() -> Pace {
    Pace {
        lasts: Duration::from_secs(3),
        first: Duration::from_secs(3),
        proof: Duration::from_secs(3),
        slack: Duration::from_secs(1),
        pauses: (Duration::from_millis(20), Duration::from_millis(200)),
        refused: Duration::from_millis(200),
        unserved: Duration::from_secs(2),
    }
}

pub(in crate::cluster) async fn server_of(pods: usize) -> Server {
    let server = Server::start(Options::default()).await.expect("the simulator starts");
    server.namespace("web");
    server.apply(node("metal1", "True"));
    for number in 0..pods {
        server.apply(pod(&format!("shop-{number:04}"), Look::Well));
    }
    server
}

pub(in crate::cluster) async fn client(server: &Server) -> Kubernetes {
    // A machine that has other things to do is no server that does not answer.
    let settings = Settings { request_timeout_seconds: 300, ..Settings::default() };
    Kubernetes::from_kubeconfig(&server.kubeconfig(&server.admin_token()), &settings).await.expect("a client")
}

pub(in crate::cluster) async fn watching(server: &Server) -> Kubernetes {
    let client = client(server).await;
    client.start_watching_at(RECENT, |_| false, pace());
    client
}

/// What a pod may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum Look {
    Well,
    Crashing,
    Finished,
    Starting,
}

pub(in crate::cluster) fn pod(name: &str, look: Look) -> Value {
    let (phase, ready, state) = match look {
        Look::Well => ("Running", "True", json!({"running": {"startedAt": "2026-11-21T12:00:00Z"}})),
        Look::Crashing => ("Running", "False", json!({"waiting": {"reason": "CrashLoopBackOff"}})),
        Look::Finished => {
            ("Succeeded", "False", json!({"terminated": {"exitCode": 0, "reason": "Completed"}}))
        }
        Look::Starting => ("Pending", "False", json!({"waiting": {"reason": "ContainerCreating"}})),
    };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "web", "creationTimestamp": "2026-11-21T12:00:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop", "uid": "1", "controller": true}]},
        "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": "registry.example.org/app:1"}]},
        "status": {"phase": phase,
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-21T12:00:00Z"}],
            "containerStatuses": [{"name": "app", "ready": ready == "True", "restartCount": 0, "state": state,
                "image": "registry.example.org/app:1", "imageID": ""}]}})
}

pub(in crate::cluster) fn node(name: &str, ready: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
        "status": {"nodeInfo": {"kubeletVersion": "v1.36.0"}, "conditions": [
            {"type": "Ready", "status": ready, "lastHeartbeatTime": Timestamp::now().to_string()},
            {"type": "MemoryPressure", "status": "False"}]}})
}

fn deployment(name: &str, available: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "registry.example.org/app:1"}]}}},
        "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": available}})
}

/// A pod as it is kept: its name, and how it stands.
type Kept = Vec<(String, String)>;

/// Everything that a ledger says, in an order of its own.
fn picture(pods: &PodLedger) -> (Kept, BTreeMap<String, usize>, usize) {
    let kept = pods.kept().iter().map(|pod| (pod.name.clone(), format!("{pod:?}"))).collect();
    let mut settled = BTreeMap::new();
    for pod in pods.settled() {
        *settled.entry(format!("{pod:?}")).or_default() += 1;
    }
    let count: usize = pods.settled_by_namespace().map(|(_, count)| count).sum();
    assert_eq!(count, settled.values().sum::<usize>(), "the counts are those of what was counted");
    (kept, settled, count)
}

async fn pods(client: &Kubernetes, freshness: Freshness) -> (Kept, BTreeMap<String, usize>, usize) {
    client.pods(RECENT, freshness).await.expect("readable").with(picture)
}

async fn unwell(client: &Kubernetes, freshness: Freshness) -> Vec<String> {
    pods(client, freshness).await.0.into_iter().map(|(name, _)| name).collect()
}

/// Waits until what is read is as it should be.
pub(in crate::cluster) async fn wait<T: PartialEq + std::fmt::Debug>(
    expected: &T,
    read: impl AsyncFn() -> T,
) {
    let begun = Instant::now();
    loop {
        let seen = read().await;
        if seen == *expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen:?} instead of {expected:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How often pods were listed from their beginning, and not to learn their newest version alone.
pub(in crate::cluster) fn lists(server: &Server) -> usize {
    let asked = server.requests();
    let whole = |path: &str| path.starts_with("/api/v1/pods?limit=500") && !path.contains("continue");
    asked.iter().filter(|one| one.verb == "list" && whole(&one.path)).count()
}

#[tokio::test]
async fn a_change_is_known_at_once_and_without_a_list() {
    let server = server_of(3).await;
    let client = watching(&server).await;
    assert_eq!(pods(&client, Freshness::Watched).await.2, 3);
    server.apply(pod("shop-0001", Look::Crashing));
    wait(&vec!["shop-0001".to_owned()], async || unwell(&client, Freshness::Watched).await).await;
    server.apply(pod("shop-0001", Look::Well));
    server.apply(pod("shop-0002", Look::Starting));
    server.delete(&POD, Some("web"), "shop-0000");
    wait(&vec!["shop-0002".to_owned()], async || unwell(&client, Freshness::Watched).await).await;
    let (kept, _, settled) = pods(&client, Freshness::Watched).await;
    assert_eq!((kept.len(), settled), (1, 1));
    assert_eq!(lists(&server), 1, "the one that it began with");
    // A watch that ends in its time is followed by the next.
    let watches = || server.requests().iter().filter(|one| one.verb == "watch").count();
    wait(&true, async || watches() > 12).await;
    assert_eq!(lists(&server), 1);
    assert_eq!(unwell(&client, Freshness::Watched).await, ["shop-0002"]);
    // A single page is read anew where it has to be proven.
    assert_eq!(unwell(&client, Freshness::Proven).await, ["shop-0002"]);
    assert_eq!(lists(&server), 2);
    server.shutdown().await;
}

#[tokio::test]
async fn many_pods_are_proven_by_a_second_watch() {
    let server = server_of(MANY).await;
    let client = watching(&server).await;
    assert_eq!(pods(&client, Freshness::Proven).await.2, MANY);
    // Something else moves the version on: no pod tells of it, only a bookmark.
    server.apply(node("metal2", "True"));
    server.apply(pod("shop-0007", Look::Crashing));
    server.apply(node("metal3", "True"));
    assert_eq!(unwell(&client, Freshness::Proven).await, ["shop-0007"]);
    assert_eq!(lists(&server), 1, "nothing was listed for it");
    server.shutdown().await;
}

/// What goes wrong with the watches of pods.
#[derive(Debug, Clone, Copy)]
enum Lie {
    Watch(WatchFault),
    Answer(Fault),
    Compacted,
    Cut,
    CutAndCompacted,
}

impl Lie {
    fn tell(self, server: &Server) {
        let watches = Matcher::of("watch", "pods");
        let faults = server.faults();
        match self {
            Self::Watch(fault) => {
                faults.add(watches, Fault::Watch(fault));
            }
            Self::Answer(fault) => {
                faults.add(watches, fault);
            }
            Self::Compacted => server.compact(),
            Self::Cut => faults.break_connections(),
            Self::CutAndCompacted => {
                server.compact();
                faults.break_connections();
            }
        }
    }
}

const LIES: [Lie; 13] = [
    Lie::Watch(WatchFault::Silence),
    Lie::Watch(WatchFault::Stale),
    Lie::Watch(WatchFault::CutFrame),
    Lie::Watch(WatchFault::Pieces(7)),
    Lie::Watch(WatchFault::EndsAfter(Duration::from_millis(300))),
    Lie::Answer(Fault::Forbid),
    Lie::Answer(Fault::Status(500)),
    Lie::Answer(Fault::Status(410)),
    Lie::Answer(Fault::DropBefore),
    Lie::Answer(Fault::DropAfter),
    Lie::Compacted,
    Lie::Cut,
    Lie::CutAndCompacted,
];

async fn apps(client: &Kubernetes, freshness: Freshness) -> Verdict {
    let settings = health::Settings {
        ceph: false,
        argocd: false,
        probe_timeout_seconds: 300,
        ..health::Settings::default()
    };
    let cluster = Settings::default();
    let surroundings = Surroundings {
        settings: &settings,
        cluster: &cluster,
        grace: Duration::from_mins(5),
        freshness,
        audit: false,
        after: None,
    };
    let recon = health::recon(client, &surroundings, Timestamp::now()).await;
    recon.layers()[&health::Layer::Apps]
}

/// A pod breaks while a watch does not tell of it: what must be proven is never GREEN, and what need not be for no longer
/// than a watch may be silent.
async fn never_green(lie: Lie, many: usize) {
    let server = server_of(many).await;
    // Before the watch that runs, and while it runs.
    for before in [true, false] {
        if before {
            lie.tell(&server);
        }
        let client = watching(&server).await;
        assert_eq!(apps(&client, Freshness::Proven).await, Verdict::Green, "{lie:?}: all is well");
        if !before {
            lie.tell(&server);
        }
        server.apply(pod("shop-0001", Look::Crashing));
        assert_eq!(apps(&client, Freshness::Proven).await, Verdict::Red, "{lie:?}, {many} pods");
        wait(&Verdict::Red, async || apps(&client, Freshness::Watched).await).await;
        server.apply(pod("shop-0001", Look::Well));
        assert_eq!(apps(&client, Freshness::Proven).await, Verdict::Green, "{lie:?}, {many} pods");
        server.faults().clear();
        wait(&Vec::<String>::new(), async || unwell(&client, Freshness::Watched).await).await;
        client.stop_watching().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn no_lie_makes_a_few_pods_green() {
    futures::future::join_all(LIES.map(|lie| never_green(lie, 4))).await;
}

#[tokio::test]
async fn no_lie_makes_many_pods_green() {
    futures::future::join_all(LIES.map(|lie| never_green(lie, MANY))).await;
}

#[tokio::test]
async fn where_lists_fail_nothing_is_known_and_nothing_green() {
    let server = server_of(MANY).await;
    for fault in [Fault::Status(410), Fault::Status(500), Fault::Forbid, Fault::DropBefore] {
        let id = server.faults().add(Matcher::of("list", "pods"), fault);
        let client = watching(&server).await;
        for freshness in [Freshness::Watched, Freshness::Proven] {
            assert_eq!(apps(&client, freshness).await, Verdict::Unknown, "{fault:?}");
        }
        server.faults().remove(id);
        wait(&Verdict::Green, async || apps(&client, Freshness::Watched).await).await;
        // Afterwards the watch alone is enough, and a proof that cannot be had is none.
        let id = server.faults().add(Matcher::of("list", "pods"), fault);
        assert_eq!(apps(&client, Freshness::Proven).await, Verdict::Unknown, "{fault:?}");
        server.faults().remove(id);
        client.stop_watching().await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_list_that_expires_between_its_pages_is_begun_anew() {
    let server = server_of(MANY).await;
    let late = Fault::Delay(Duration::from_millis(300));
    server.faults().add_times(Matcher::of("list", "pods"), late, 2);
    let client = watching(&server).await;
    wait(&1, async || lists(&server)).await;
    // Between the first page and the second.
    server.delete(&POD, Some("web"), "shop-0000");
    server.compact();
    assert_eq!(pods(&client, Freshness::Watched).await.2, MANY - 1);
    assert_eq!(lists(&server), 2);
    server.shutdown().await;
}

#[tokio::test]
async fn a_frame_of_megabytes_is_read() {
    let server = server_of(1).await;
    let client = watching(&server).await;
    assert_eq!(pods(&client, Freshness::Watched).await.2, 1);
    let mut large = pod("large", Look::Crashing);
    large["metadata"]["annotations"] = json!({"note": "x".repeat(3_000_000)});
    server.apply(large);
    wait(&vec!["large".to_owned()], async || unwell(&client, Freshness::Watched).await).await;
    assert_eq!(lists(&server), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn nodes_and_workloads_are_watched_as_they_are_listed() {
    let server = server_of(1).await;
    server.apply(deployment("blog", 2));
    server.apply(deployment("shop", 1));
    let (watched, listed) = (watching(&server).await, client(&server).await);
    let read = async |client: &Kubernetes| {
        let nodes = client.nodes(Freshness::Watched).await.expect("readable");
        (nodes, client.open_workloads(|_| false, Freshness::Watched).await.expect("readable"))
    };
    let available = |server: &Server, name: &str, available: i64| {
        let status = json!({"availableReplicas": available});
        server.merge_patch_status(&DEPLOYMENT, Some("web"), name, &status);
    };
    let changes: [&dyn Fn(); 6] = [
        &|| {},
        &|| drop(server.apply(node("metal1", "Unknown"))),
        &|| drop(server.apply(node("metal2", "True"))),
        &|| available(&server, "shop", 2),
        &|| available(&server, "blog", 0),
        &|| {
            server.delete(&DEPLOYMENT, Some("web"), "blog");
            server.delete(&NODE, None, "metal1");
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        change();
        let expected = read(&listed).await;
        assert!(number != 4 || expected.1.len() == 1, "{expected:?}");
        wait(&expected, async || read(&watched).await).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn watches_end_when_they_are_told_to_and_with_their_connection() {
    let server = server_of(1).await;
    for told in [true, false] {
        let since = server.requests().len();
        let client = watching(&server).await;
        assert_eq!(pods(&client, Freshness::Watched).await.2, 1);
        // What was asked already is answered still.
        let open = || server.requests_since(since).iter().filter(|one| one.verb == "watch").count();
        wait(&5, async || open()).await;
        if told {
            client.stop_watching().await;
            server.apply(pod("shop-0000", Look::Crashing));
            assert_eq!(unwell(&client, Freshness::Watched).await, ["shop-0000"], "it lists from now on");
            server.apply(pod("shop-0000", Look::Well));
        }
        drop(client);
        let before = server.requests().len();
        // Longer than a watch lasts, after which the next would begin.
        let over = Instant::now() + pace().lasts + pace().slack;
        wait(&true, async || Instant::now() > over).await;
        assert_eq!(server.requests().len(), before, "told: {told}");
    }
    server.shutdown().await;
}

/// One thing that happens to a pod or to the server.
fn happen(server: &Server, random: &mut StdRng) {
    let name = format!("shop-{:04}", random.random_range(0..40));
    let look = [Look::Well, Look::Well, Look::Crashing, Look::Finished, Look::Starting];
    match random.random_range(0..20) {
        0..12 => drop(server.apply(pod(&name, look[random.random_range(0..look.len())]))),
        12..15 => drop(server.delete(&POD, Some("web"), &name)),
        15 => {
            // The same name and another object.
            server.delete(&POD, Some("web"), &name);
            server.apply(pod(&name, Look::Starting));
        }
        16 => {
            // Out of its workload's hands.
            server.update(&POD, Some("web"), &name, |pod| {
                pod["metadata"]["ownerReferences"] = json!([]);
            });
        }
        17 => server.faults().break_connections(),
        18 => server.compact(),
        _ => {
            let faults =
                [WatchFault::CutFrame, WatchFault::Pieces(11), WatchFault::Stale, WatchFault::Silence];
            let fault = faults[random.random_range(0..faults.len())];
            server.faults().add_times(Matcher::of("watch", "pods"), Fault::Watch(fault), 1);
        }
    }
}

async fn what_is_watched_is_what_is_there(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    // With few pods a proof is a list; with many it is a watch.
    let server = server_of(if seed.is_multiple_of(2) { 10 } else { MANY }).await;
    let (watched, listed) = (watching(&server).await, client(&server).await);
    for _ in 0..12 {
        for _ in 0..random.random_range(1..12) {
            happen(&server, &mut random);
            if random.random_range(0..3) == 0 {
                tokio::task::yield_now().await;
            }
        }
        let proven = pods(&watched, Freshness::Proven).await;
        assert_eq!(proven, pods(&listed, Freshness::Proven).await, "seed {seed}");
    }
    server.faults().clear();
    let expected = pods(&listed, Freshness::Proven).await;
    wait(&expected, async || pods(&watched, Freshness::Watched).await).await;
    server.shutdown().await;
}

#[tokio::test]
async fn whatever_happens_the_watch_says_what_the_list_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let first = number("CARETAKER_TEST_SEED").unwrap_or_else(|| rand::rng().next_u64() >> 16);
    let cases = number("CARETAKER_TEST_CASES").unwrap_or(6);
    println!("CARETAKER_TEST_SEED={first} CARETAKER_TEST_CASES={cases}");
    futures::future::join_all((first..first + cases).map(what_is_watched_is_what_is_there)).await;
}

#[tokio::test]
async fn all_workloads_are_listed_again_when_one_changed_and_where_it_has_to_be_right() {
    let server = server_of(1).await;
    server.apply(deployment("shop", 2));
    let client = watching(&server).await;
    let available = async |freshness| {
        let read = client.workloads(freshness).await.expect("readable");
        read.iter().map(|one| one.available).collect::<Vec<_>>()
    };
    let lists = || {
        let asked = server.requests();
        asked.iter().filter(|one| one.path == "/apis/apps/v1/deployments?limit=500").count()
    };
    // Once the three watches live, a list is remembered.
    let is_remembered = async || {
        let before = lists();
        available(Freshness::Watched).await;
        lists() == before
    };
    wait(&true, is_remembered).await;
    let before = lists();
    for _ in 0..3 {
        assert_eq!(available(Freshness::Watched).await, [2]);
    }
    assert_eq!(lists(), before);
    server.apply(deployment("shop", 1));
    wait(&vec![1], async || available(Freshness::Watched).await).await;
    assert_eq!(lists(), before + 1, "once for the change");
    server.delete(&DEPLOYMENT, Some("web"), "shop");
    assert_eq!(available(Freshness::Proven).await, [0; 0], "at once where it has to be right");
    wait(&Vec::new(), async || available(Freshness::Watched).await).await;
    server.shutdown().await;
}
