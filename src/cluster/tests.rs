//! The client against the simulated API server, over real HTTP.

use super::*;
use crate::action::{Action, ActionError, archive_crashes};
use serde_json::{Value, json};
use sim::kubernetes::{
    APPLICATION, ExecAnswer, ExecMatcher, Fault, Kubernetes as Server, LEASE, Matcher, Options, POD,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn start() -> (Server, Kubernetes) {
    let server = Server::start(Options::default()).await.expect("the simulator starts");
    let client = client(&server).await;
    (server, client)
}

fn settings() -> Settings {
    Settings { exec: true, request_timeout_seconds: 5, exec_timeout_seconds: 5, ..Settings::default() }
}

async fn client(server: &Server) -> Kubernetes {
    let kubeconfig = server.kubeconfig(&server.admin_token());
    Kubernetes::from_kubeconfig(&kubeconfig, &settings()).await.expect("a client")
}

fn pod(name: &str, ready: bool) -> Value {
    let ready = if ready { "True" } else { "False" };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "rook-ceph", "labels": {"app": "rook-ceph-tools"}},
        "spec": {"nodeName": "metal1", "containers": [{"name": "tools", "image": "ceph:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
}

fn application(name: &str) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"project": "default", "destination": {"name": "in-cluster", "namespace": name},
            "source": {"repoURL": "https://git.example.org/ops/homelab.git", "path": name, "targetRevision": "main"},
            "syncPolicy": {"automated": {"prune": true}}},
        "status": {"sync": {"status": "Synced", "revision": "9f1c"}, "health": {"status": "Healthy"}}})
}

async fn only_application(client: &Kubernetes) -> Application {
    match client.applications(Freshness::Proven).await.expect("readable") {
        Installed::Yes(mut all) => all.pop().expect("one Application"),
        Installed::No => panic!("the kind is installed"),
    }
}

/// How many pods there are.
async fn pods_of(client: &Kubernetes) -> ClusterResult<usize> {
    let pods = client.pods(Duration::ZERO, Freshness::Proven).await?;
    Ok(pods
        .with(|pods| pods.kept().len() + pods.settled_by_namespace().map(|(_, count)| count).sum::<usize>()))
}

async fn held(client: &Kubernetes, holder: &str) -> ClusterLease {
    match client.acquire_lease(holder).await.expect("an answer") {
        LeaseAnswer::Held(lease) => lease,
        LeaseAnswer::HeldBy(other) => panic!("held by {other:?}"),
    }
}

async fn who_holds(client: &Kubernetes, holder: &str) -> Option<String> {
    match client.acquire_lease(holder).await.expect("an answer") {
        LeaseAnswer::Held(_) => None,
        LeaseAnswer::HeldBy(other) => Some(other.identity),
    }
}

#[tokio::test]
async fn a_list_is_read_through_all_its_pages() {
    let (server, client) = start().await;
    server.namespace("rook-ceph");
    for number in 0..1_203 {
        server.apply(pod(&format!("tools-{number:04}"), true));
    }
    assert_eq!(pods_of(&client).await.expect("readable"), 1_203);
    let pages = server.requests().iter().filter(|request| request.path.starts_with("/api/v1/pods")).count();
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_list_that_expires_in_the_middle_starts_over_and_one_that_always_does_is_an_error() {
    let (server, client) = start().await;
    server.namespace("rook-ceph");
    for number in 0..501 {
        server.apply(pod(&format!("tools-{number:04}"), true));
    }
    let gone = |times| server.faults().add_times(Matcher::of("list", "pods"), Fault::Status(410), times);
    gone(1);
    assert_eq!(pods_of(&client).await.expect("read anew"), 501);
    gone(3);
    let error = pods_of(&client).await.expect_err("cut short");
    assert!(matches!(error, ClusterError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn objects_as_they_are_served_come_a_page_at_a_time() {
    let (server, client) = start().await;
    server.namespace("rook-ceph");
    for number in 0..203 {
        server.apply(pod(&format!("tools-{number:04}"), true));
    }
    let listing = |resource: &str, namespace: &str| {
        serde_json::from_value::<Listing>(
            json!({"api_version": "v1", "resource": resource, "kind": "Pod", "namespace": namespace}),
        )
        .expect("a listing")
    };
    let pods = listing("pods", "rook-ceph");
    let page = async |token: Option<String>| match client
        .objects(&pods, token.as_deref())
        .await
        .expect("readable")
    {
        Installed::Yes(page) => page,
        Installed::No => panic!("pods are everywhere"),
    };
    let ObjectsPage::Read { objects, next } = page(None).await else { panic!("it did not expire") };
    assert_eq!((objects.len(), next.is_some()), (200, true));
    assert_eq!(objects[0]["metadata"]["name"], "tools-0000");
    let ObjectsPage::Read { objects, next: end } = page(next.clone()).await else {
        panic!("it did not expire")
    };
    assert_eq!((objects.len(), end), (3, None));
    server.faults().add_times(Matcher::of("list", "pods"), Fault::Status(410), 1);
    assert!(matches!(page(next).await, ObjectsPage::Expired(_)));

    assert_eq!(
        client.objects(&listing("nothings", "rook-ceph"), None).await.expect("an answer"),
        Installed::No
    );
    server.faults().add_times(Matcher::of("list", "pods"), Fault::Forbid, 1);
    let error = client.objects(&pods, None).await.expect_err("refused");
    assert!(matches!(error, ClusterError::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn what_is_said_of_images_is_read_by_namespace_and_reason() {
    let (server, client) = start().await;
    let event = |namespace: &str, name: &str, reason: &str| {
        server.namespace(namespace);
        server.apply(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "shop-1", "fieldPath": "spec.containers{app}"},
            "reason": reason, "message": "image", "type": "Normal", "lastTimestamp": "2026-11-21T12:00:00Z"}));
    };
    event("web", "a", "Pulling");
    event("web", "b", "Pulled");
    event("web", "c", "Scheduled");
    event("other", "d", "Pulling");
    let read = client.pull_events("web").await.expect("readable");
    let each: Vec<(&str, bool)> = read.iter().map(|one| (one.pod.as_str(), one.ended)).collect();
    assert_eq!(each, [("shop-1", false), ("shop-1", true)]);
    assert_eq!(read[0].container, "spec.containers{app}");
    assert!(read.iter().all(|one| one.last.is_some()));
    server.shutdown().await;
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (server, client) = start().await;
    assert!(client.version().await.expect("readable").starts_with('v'));

    let fault = server.faults().add(Matcher::of("list", "nodes"), Fault::Forbid);
    let error = client.nodes(Freshness::Proven).await.expect_err("forbidden");
    assert!(matches!(error, ClusterError::Forbidden { .. }), "{error}");
    server.faults().remove(fault);
    assert!(client.nodes(Freshness::Proven).await.expect("readable").is_empty());

    let fault = server.faults().add(Matcher::of("list", "applications"), Fault::Forbid);
    let error = client.applications(Freshness::Proven).await.expect_err("403 says nothing about the kind");
    assert!(matches!(error, ClusterError::Forbidden { .. }), "{error}");
    server.faults().remove(fault);
    assert_eq!(client.applications(Freshness::Proven).await.expect("readable"), Installed::Yes(Vec::new()));
    server.unregister(&APPLICATION);
    assert_eq!(client.applications(Freshness::Proven).await.expect("readable"), Installed::No);
    assert_eq!(client.node_usage(Freshness::Proven).await.expect("readable"), Installed::No);

    let stranger =
        Kubernetes::from_kubeconfig(&server.kubeconfig("nobody's"), &settings()).await.expect("a client");
    let error = stranger.nodes(Freshness::Proven).await.expect_err("no such token");
    assert!(matches!(error, ClusterError::Unauthorized { .. }), "{error}");

    server.faults().set_down(true);
    let error = client.nodes(Freshness::Proven).await.expect_err("down");
    assert!(matches!(error, ClusterError::Unavailable { .. }), "{error}");
    server.faults().set_down(false);
    assert!(client.nodes(Freshness::Proven).await.is_ok());
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_write_is_not() {
    let (server, client) = start().await;
    server.namespace("argocd");
    server.apply(application("shop"));
    server.faults().add_times(Matcher::of("list", "applications"), Fault::Status(503), 2);
    let shop = only_application(&client).await;
    server.faults().add_times(Matcher::of("list", "applications"), Fault::Status(429), 2);
    assert_eq!(only_application(&client).await.name, "shop", "a server that is asked too much");
    let patches = || server.requests().iter().filter(|request| request.verb == "patch").count();
    server.faults().add_times(Matcher::of("patch", "applications"), Fault::Status(503), 1);
    assert!(client.refresh_application(&shop, false).await.is_err());
    assert_eq!(patches(), 1);
}

#[tokio::test]
async fn the_clock_of_the_server_is_told_beside_ours() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let serving = tokio::spawn(async move {
        for date in [format!("Date: {date}\r\n"), String::new()] {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut asked = [0; 4_096];
            assert!(stream.read(&mut asked).await.expect("a request") > 0);
            let body = r#"{"gitVersion": "v1.36.0"}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\n{date}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("sent");
            stream.shutdown().await.expect("closed");
        }
    });
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "users": [{"name": "a", "user": {"token": "t"}}]});
    let client = Kubernetes::from_kubeconfig(&kubeconfig.to_string(), &settings()).await.expect("a client");
    let told = client.server().await.expect("readable");
    assert_eq!(told.version, "v1.36.0");
    let clocks = told.clocks.expect("a Date");
    assert!((3_500..3_700).contains(&clocks.server.duration_since(clocks.ours).as_secs()), "{clocks:?}");
    assert_eq!(
        client.server().await.expect("readable").clocks,
        None,
        "an answer without a Date tells nothing"
    );
    serving.await.expect("served");
}

#[tokio::test]
async fn rights_are_asked_of_the_server() {
    let (server, client) = start().await;
    let reader = server.create_token("somebody");
    let nobody =
        Kubernetes::from_kubeconfig(&server.kubeconfig(&reader), &settings()).await.expect("a client");
    let right = Right {
        verb: "create".to_owned(),
        group: String::new(),
        resource: "pods/exec".to_owned(),
        namespace: "rook-ceph".to_owned(),
    };
    assert!(client.may(&right).await.expect("an answer"));
    assert!(!nobody.may(&right).await.expect("an answer"));
}

#[tokio::test]
async fn nodes_are_joined_with_their_leases_where_those_may_be_read() {
    let (server, client) = start().await;
    server.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "metal1"},
        "spec": {"unschedulable": true},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-21T01:00:00Z"}],
            "nodeInfo": {"kubeletVersion": "v1.33.1"}}}));
    server.apply(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "metal1", "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": "metal1", "leaseDurationSeconds": 40, "renewTime": "2026-11-21T01:00:10.000000Z"}}));
    let nodes = client.nodes(Freshness::Proven).await.expect("readable");
    assert!(nodes[0].unschedulable && nodes[0].lease_renewed.is_some());
    server.faults().add(Matcher::of("list", "leases"), Fault::Forbid);
    let nodes = client.nodes(Freshness::Proven).await.expect("readable without leases");
    assert_eq!(nodes[0].lease_renewed, None);
    assert!(nodes[0].conditions[0].heartbeat.is_some());
}

#[tokio::test]
async fn of_two_that_take_the_lock_at_once_one_wins() {
    let (server, one) = start().await;
    let two = client(&server).await;
    let (first, second) = tokio::join!(one.acquire_lease("one"), two.acquire_lease("two"));
    let winners: Vec<bool> = [first, second]
        .into_iter()
        .map(|answer| matches!(answer.expect("an answer"), LeaseAnswer::Held(_)))
        .collect();
    assert_eq!(winners.iter().filter(|won| **won).count(), 1, "{winners:?}");
    let (winner, loser, name) = if winners[0] { (&one, &two, "one") } else { (&two, &one, "two") };
    assert_eq!(who_holds(loser, "other").await.as_deref(), Some(name));
    assert_eq!(who_holds(winner, name).await, None, "its own lock is renewed");
    // Another process of the same identity takes it at once.
    let restarted = client(&server).await;
    let lease = held(&restarted, name).await;
    assert!(lease.holds_for(LEASE_DURATION.saturating_sub(Duration::from_secs(10))));
    assert!(!lease.holds_for(LEASE_DURATION + Duration::from_secs(1)));
    restarted.release_lease(lease).await.expect("released");
    assert_eq!(who_holds(loser, "other").await, None, "a lock that was given back is free");
}

#[tokio::test]
async fn a_foreign_lock_runs_out_by_our_own_clock_only() {
    let (server, client) = start().await;
    let lease = |renewed: &str| {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "caretaker", "namespace": "caretaker"},
            "spec": {"holderIdentity": "other", "leaseDurationSeconds": 1, "renewTime": renewed}})
    };
    // Its times are long over, by a clock that is not ours.
    server.apply(lease("2020-01-01T00:00:00.000000Z"));
    assert_eq!(who_holds(&client, "me").await.as_deref(), Some("other"), "seen for the first time");
    server.apply(lease("2020-01-01T00:00:01.000000Z"));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let begun = std::time::Instant::now();
    while who_holds(&client, "me").await.is_some() {
        assert!(std::time::Instant::now() < deadline, "it never runs out");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "counted from the change that we saw");
    let taken = server.get(&LEASE, Some("caretaker"), "caretaker").expect("the Lease");
    assert_eq!(taken["spec"]["holderIdentity"], "me");
    assert_eq!(taken["spec"]["leaseTransitions"], 1);
}

#[tokio::test]
async fn a_lock_whose_answer_was_lost_is_ours_when_asked_again() {
    let (server, client) = start().await;
    server.faults().add_times(Matcher::of("create", "leases"), Fault::DropAfter, 1);
    assert!(client.acquire_lease("me").await.is_err());
    assert_eq!(who_holds(&client, "me").await, None);
}

#[tokio::test]
async fn of_two_with_a_copy_of_one_store_the_first_stands_back() {
    let (server, one) = start().await;
    let first = held(&one, "me").await;
    let lease = held(&one, "me").await;
    let copy = client(&server).await;
    held(&copy, "me").await;
    let stored = || server.get(&LEASE, Some("caretaker"), "caretaker").expect("the Lease");
    for _ in 0..2 {
        assert_eq!(who_holds(&one, "me").await.as_deref(), Some("me"), "not what it wrote");
        assert_eq!(who_holds(&copy, "me").await, None, "it goes on");
    }
    one.release_lease(lease).await.expect("nothing to release");
    one.release_lease(first).await.expect("nothing to release");
    assert_eq!(stored()["spec"]["holderIdentity"], "me", "the other's is not given back");
    // What else is written there is no renewal.
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    server.merge_patch(&LEASE, Some("caretaker"), "caretaker", &labels);
    assert_eq!(who_holds(&copy, "me").await, None);
    // One whose answer was lost does not know what it wrote.
    server.faults().add_times(Matcher::of("update", "leases"), Fault::DropAfter, 1);
    assert!(copy.acquire_lease("me").await.is_err());
    let of_copy = held(&copy, "me").await;
    copy.release_lease(of_copy).await.expect("released");
    assert_eq!(who_holds(&one, "me").await, None, "free for everybody");
}

#[tokio::test]
async fn one_that_gave_the_lock_back_notices_a_copy_as_well() {
    let (server, one) = start().await;
    let copy = client(&server).await;
    let lease = held(&one, "me").await;
    one.release_lease(lease).await.expect("released");
    assert_eq!(who_holds(&one, "me").await, None, "nobody was there meanwhile");
    let lease = held(&one, "me").await;
    one.release_lease(lease).await.expect("released");
    let of_copy = held(&copy, "me").await;
    assert_eq!(who_holds(&one, "me").await.as_deref(), Some("me"), "it works");
    assert_eq!(who_holds(&copy, "me").await, None, "and goes on");
    copy.release_lease(of_copy).await.expect("released");
    let lease = held(&one, "me").await;
    // One that could not give it back, for somebody else had it, knows what it knew.
    server.faults().add_times(Matcher::of("update", "leases"), Fault::Status(409), 1);
    one.release_lease(lease).await.expect("nothing to release");
    assert_eq!(who_holds(&copy, "me").await.as_deref(), Some("me"), "it gave it back before");
    let started_again = client(&server).await;
    let lease = held(&started_again, "me").await;
    assert_eq!(who_holds(&one, "me").await.as_deref(), Some("me"), "not what it wrote");
    // One that does not know whether it gave it back takes its own lock again.
    server.faults().add_times(Matcher::of("update", "leases"), Fault::DropAfter, 1);
    assert!(started_again.release_lease(lease).await.is_err());
    assert_eq!(who_holds(&started_again, "me").await, None);
}

#[tokio::test]
async fn commands_in_pods_answer_with_their_code() {
    let (server, client) = start().await;
    server.namespace("rook-ceph");
    let run = async |command: &[&str]| client.exec("rook-ceph", "app=rook-ceph-tools", None, command).await;
    let error = run(&["true"]).await.expect_err("no pod");
    assert!(matches!(error, ClusterError::NotFound { .. }), "{error}");
    server.apply(pod("tools-0", false));
    assert!(run(&["true"]).await.is_err(), "a pod that is not ready runs nothing");
    server.apply(pod("tools-1", true));
    let answer = |words: &str, answer: ExecAnswer| {
        let matcher = ExecMatcher { command: vec![words.to_owned()], ..ExecMatcher::default() };
        server.script_exec(matcher, Arc::new(move |_| answer.clone()));
    };
    answer("echo", ExecAnswer::ok("said\n"));
    answer("false", ExecAnswer::failed(3, "no"));
    answer("much", ExecAnswer::ok("x".repeat(300_000)));
    let said = run(&["echo", "$HOME; rm"]).await.expect("an answer");
    assert_eq!((said.stdout.as_str(), said.exit_code), ("said\n", 0));
    let failed = run(&["false"]).await.expect("an answer");
    assert_eq!((failed.stderr.as_str(), failed.exit_code), ("no", 3));
    assert_eq!(run(&["much"]).await.expect("an answer").stdout.len(), 300_000);
    server.faults().add_times(Matcher::resource("pods/exec"), Fault::DropAfter, 1);
    let error = run(&["echo"]).await.expect_err("no final status");
    assert!(matches!(error, ClusterError::Unreadable { .. } | ClusterError::Unavailable { .. }), "{error}");
    server.faults().add_times(Matcher::resource("pods/exec"), Fault::Forbid, 1);
    let error = run(&["echo"]).await.expect_err("forbidden");
    assert!(matches!(error, ClusterError::Forbidden { .. }), "{error}");
    server.delete(&POD, Some("rook-ceph"), "tools-1");
    assert!(matches!(run(&["echo"]).await, Err(ClusterError::NotFound { .. })));
}

#[tokio::test]
async fn writes_to_applications_carry_the_version_that_was_seen() {
    let (server, client) = start().await;
    server.namespace("argocd");
    server.apply(application("shop"));
    let lease = held(&client, "me").await;
    let stored = || server.get(&APPLICATION, Some("argocd"), "shop").expect("it is there");

    client.refresh_application(&only_application(&client).await, true).await.expect("refreshed");
    assert_eq!(stored()["metadata"]["annotations"]["argocd.argoproj.io/refresh"], "hard");

    let stale = only_application(&client).await;
    server.merge_patch(&APPLICATION, Some("argocd"), "shop", &json!({"metadata": {"labels": {"a": "b"}}}));
    let error = client.sync_application(&lease, &stale, Some("abc")).await.expect_err("stale");
    assert!(matches!(error, ClusterError::Conflict { .. }), "{error}");
    assert!(stored().get("operation").is_none());

    let fresh = only_application(&client).await;
    let error = client.terminate_operation(&lease, &fresh).await.expect_err("nothing runs");
    assert!(matches!(error, ClusterError::Conflict { .. }), "{error}");
    let short = ClusterLease::for_test(Duration::from_secs(1));
    let error = client.sync_application(&short, &fresh, Some("abc")).await.expect_err("lock too short");
    assert!(matches!(error, ClusterError::LeaseTooShort { .. }), "{error}");
    client.sync_application(&lease, &fresh, Some("abc")).await.expect("started");
    assert_eq!(
        stored()["operation"]["sync"],
        json!({"prune": true, "revision": "abc", "syncStrategy": {"hook": {}}})
    );

    let asked = only_application(&client).await;
    assert!(asked.operation_requested.is_some());
    let error = client.sync_application(&lease, &asked, Some("abc")).await.expect_err("one is there");
    assert!(matches!(error, ClusterError::Conflict { .. }), "{error}");

    let running = json!({"status": {"operationState": {"phase": "Running", "operation": {"sync": {"revision": "abc"}},
        "startedAt": "2026-11-21T01:00:00Z"}}});
    server.merge_patch(&APPLICATION, Some("argocd"), "shop", &running);
    let error = client.terminate_operation(&lease, &asked).await.expect_err("stale");
    assert!(matches!(error, ClusterError::Conflict { .. }), "{error}");
    let seen = only_application(&client).await;
    client.terminate_operation(&lease, &seen).await.expect("stopped");
    assert_eq!(stored()["status"]["operationState"]["phase"], "Terminating");
    client.terminate_operation(&lease, &only_application(&client).await).await.expect("it is being stopped");
}

#[tokio::test]
async fn new_crash_reports_are_read_and_archived_once() {
    let (server, client) = start().await;
    server.namespace("rook-ceph");
    server.apply(pod("tools-0", true));
    let crashes = Arc::new(Mutex::new(vec![
        "2026-11-20T01:02:03.4Z_a".to_owned(),
        "2026-11-20T01:02:03.4Z_b".to_owned(),
    ]));
    let shared = Arc::clone(&crashes);
    let matcher =
        ExecMatcher { command: vec!["ceph".to_owned(), "crash".to_owned()], ..ExecMatcher::default() };
    server.script_exec(
        matcher,
        Arc::new(move |words| {
            let mut crashes = shared.lock().expect("no panic");
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["ceph", "crash", "ls-new", "--format", "json"] => {
                    let listed: Vec<_> = crashes.iter().map(|id| json!({"crash_id": id})).collect();
                    ExecAnswer::ok(json!(listed).to_string())
                }
                // Those of before are archived in the hour of the test.
                ["ceph", "crash", "ls", "--format", "json"] => {
                    let all = ["2026-11-20T01:02:03.4Z_a", "2026-11-20T01:02:03.4Z_b"];
                    let listed = all.map(|id| {
                        let archived =
                            (!crashes.iter().any(|new| new == id)).then_some("2026-11-20 05:00:00");
                        json!({"crash_id": id, "entity_name": "mgr.a", "timestamp": "2026-11-20T01:02:03.4Z",
                            "archived": archived})
                    });
                    ExecAnswer::ok(json!(listed).to_string())
                }
                ["ceph", "crash", "info", id] => {
                    ExecAnswer::ok(json!({"crash_id": id, "entity_name": "mgr.a"}).to_string())
                }
                ["ceph", "crash", "archive", id] => {
                    crashes.retain(|known| known != id);
                    ExecAnswer::ok("")
                }
                _ => ExecAnswer::failed(22, "invalid command"),
            }
        }),
    );
    let lease = held(&client, "me").await;
    let one = Action::CephCrashArchiveOne { id: "2026-11-20T01:02:03.4Z_b".to_owned() };
    let done = archive_crashes(&client, &settings(), &lease, &one).await.expect("archived");
    assert_eq!(done.archived, ["2026-11-20T01:02:03.4Z_b"]);
    let done =
        archive_crashes(&client, &settings(), &lease, &Action::CephCrashArchive).await.expect("archived");
    assert_eq!(done.archived, ["2026-11-20T01:02:03.4Z_a"]);
    assert_eq!(done.evidence, ["2026-11-20T01:02:03.4Z_a, entity_name mgr.a"]);
    assert!(crashes.lock().expect("no panic").is_empty());
    let again = archive_crashes(&client, &settings(), &lease, &Action::CephCrashArchive)
        .await
        .expect("nothing to do");
    assert!(again.archived.is_empty() && again.evidence.is_empty());

    let off = Settings { exec: false, ..settings() };
    let refused = archive_crashes(&client, &off, &lease, &Action::CephCrashArchive).await;
    assert!(matches!(refused, Err(ActionError::ExecOff)));
    crashes.lock().expect("no panic").push("2026-11-20T01:02:03.4Z_c".to_owned());
    held(&client, "me").await;
    server.merge_patch(&LEASE, Some("caretaker"), "caretaker", &json!({"spec": {"holderIdentity": "other"}}));
    let short = ClusterLease::for_test(Duration::from_secs(1));
    let refused = archive_crashes(&client, &settings(), &short, &Action::CephCrashArchive).await;
    assert!(matches!(refused, Err(ActionError::LeaseTooShort)), "another has the lock");
    assert_eq!(crashes.lock().expect("no panic").len(), 1);
}
