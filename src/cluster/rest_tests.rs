//! How a watch waits that does not work.

use super::super::kinds::KindLedger;
use super::super::ledger::{Ledger, NodeLedger, WorkloadLedger};
use super::super::outage::Outage;
use super::tests::{Look, MANY, PATIENCE, client, lists, node, pace, pod, server_of, wait};
use super::{Pace, Phase, Watch, is_expired};
use crate::cluster::{ClusterError, Freshness, News, PodLedger};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use sim::kubernetes::{Fault, Kubernetes as Server, Matcher, WatchFault};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longer than any of these tests may take.
const LONG: Duration = Duration::from_mins(10);

async fn watch(pauses: (Duration, Duration), outage: &Arc<Outage>) -> Watch<PodLedger> {
    let server = server_of(3).await;
    let connection = client(&server).await.connection().clone();
    let pace = Pace { pauses, refused: LONG, ..pace() };
    Watch::new(connection, pace, PodLedger::new(LONG), Arc::clone(outage), News::default())
}

fn away() -> ClusterError {
    ClusterError::Unavailable { what: "GET /api/v1/pods".to_owned(), said: "connection refused".to_owned() }
}

fn refused() -> ClusterError {
    ClusterError::Forbidden { what: "GET /api/v1/pods".to_owned(), said: "forbidden".to_owned() }
}

#[tokio::test]
async fn who_waits_for_long_is_woken_by_the_first_that_is_answered() {
    let outage = Arc::default();
    let watch = watch((LONG, LONG), &outage).await;
    for (error, is_woken) in [(away(), true), (refused(), false)] {
        let mut trouble = watch.no_trouble();
        let mut rests = std::pin::pin!(watch.rest(&error, &mut trouble));
        assert!(futures::poll!(&mut rests).is_pending());
        outage.broke("/apis/other", "connection refused", std::time::Instant::now());
        outage.answers("/apis/other");
        if is_woken {
            tokio::time::timeout(PATIENCE, rests).await.expect("woken");
        } else {
            assert!(futures::poll!(&mut rests).is_pending());
        }
        outage.works("/apis/other");
    }
}

#[tokio::test]
async fn a_server_that_is_back_may_refuse_once_however_long_it_was_away() {
    let watch = watch((Duration::from_millis(1), LONG), &Arc::default()).await;
    let mut trouble = watch.no_trouble();
    // As after many pauses, each longer than the one before.
    while trouble.pauses.next().is_some_and(|pause| pause < LONG / 2) {}
    tokio::time::timeout(PATIENCE, watch.rest(&refused(), &mut trouble)).await.expect("soon");
    // Answers that come by turns make it no shorter again.
    while trouble.pauses.next().is_some_and(|pause| pause < LONG / 2) {}
    for error in [away(), refused()] {
        {
            let mut rests = std::pin::pin!(watch.rest(&error, &mut trouble));
            assert!(futures::poll!(&mut rests).is_pending());
        }
        assert!(trouble.pauses.next().is_some_and(|pause| pause >= LONG / 2), "{error}");
    }
}

#[tokio::test]
async fn what_a_server_that_was_put_back_does_not_know_yet_is_listed_anew() {
    let watch = watch((Duration::from_millis(1), LONG), &Arc::default()).await;
    watch.list().await.expect("readable");
    assert!(watch.ready(true, false).await.is_ok());
    watch.held().version += 1_000_000;
    let error = watch.ready(true, false).await.expect_err("it is of another history");
    assert!(is_expired(&error), "{error}");
}

#[tokio::test]
async fn what_was_known_before_the_machine_slept_is_not_served() {
    let watch = watch((Duration::from_millis(1), LONG), &Arc::default()).await;
    watch.list().await.expect("readable");
    watch.phase.send_replace(Phase::Following);
    assert!(watch.is(Freshness::Watched).await);
    let heard = watch.held().heard;
    let known = watch.held().known;
    watch.held().heard = heard.before_a_sleep_of(LONG);
    assert!(!watch.is(Freshness::Watched).await);
    watch.held().heard = heard;
    watch.held().known = known.before_a_sleep_of(LONG);
    assert!(!watch.is(Freshness::Watched).await, "a frame after that tells of one thing, and not of all");
}

/// A ledger that cannot bear an object.
struct FallsOver(PodLedger);

impl Ledger for FallsOver {
    type Object = Pod;

    fn path(&self) -> &str {
        Ledger::path(&self.0)
    }

    fn list(&self) -> &str {
        Ledger::list(&self.0)
    }

    fn fresh(&self) -> Self {
        Self(Ledger::fresh(&self.0))
    }

    fn put(&mut self, _: Pod, _: Timestamp) -> Result<(), String> {
        panic!("it falls over");
    }

    fn remove(&mut self, _: (&str, &str)) {}

    fn standing(&self, _: (&str, &str)) -> Option<u64> {
        None
    }

    fn standings(&self) -> u64 {
        0
    }
}

#[tokio::test]
async fn who_waits_for_a_list_that_fell_over_lists() {
    let server = server_of(3).await;
    let connection = client(&server).await.connection().clone();
    let watch = Arc::new(Watch::new(
        connection,
        pace(),
        FallsOver(PodLedger::new(LONG)),
        Arc::default(),
        News::default(),
    ));
    let task = tokio::spawn(Arc::clone(&watch).run(CancellationToken::new()));
    let lives = tokio::time::timeout(PATIENCE, watch.is(Freshness::Watched)).await.expect("an answer");
    assert!(!lives);
    assert!(task.await.expect_err("it fell over").is_panic());
    server.shutdown().await;
}

#[tokio::test]
async fn who_finds_that_a_server_was_put_back_tells_the_watch() {
    let server = server_of(MANY).await;
    server.faults().add(Matcher::of("watch", "pods"), Fault::Watch(WatchFault::Silence));
    let connection = client(&server).await.connection().clone();
    // By itself it would hear of it at its end.
    let pace = Pace { lasts: LONG, first: LONG, ..pace() };
    let watch = Arc::new(Watch::new(connection, pace, PodLedger::new(LONG), Arc::default(), News::default()));
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&watch).run(stop.clone()));
    wait(&1, async || server.requests().iter().filter(|one| one.verb == "watch").count()).await;
    assert!(watch.is(Freshness::Watched).await);
    watch.held().version += 1_000_000;
    assert!(!watch.is(Freshness::Proven).await);
    wait(&true, async || watch.is(Freshness::Watched).await).await;
    assert!(watch.held().version < 1_000_000);
    assert_eq!(lists(&server), 2);
    stop.cancel();
    task.await.expect("it ends");
    server.shutdown().await;
}

/// Lists again and again, and says whether anything was told after each of these changes, and after none.
async fn told_after<L: Ledger>(server: &Server, empty: L, changes: &[Value]) -> Vec<bool> {
    let connection = client(server).await.connection().clone();
    let news = News::default();
    let watch = Watch::new(connection, pace(), empty, Arc::default(), news.clone());
    watch.list().await.expect("readable");
    assert!(!news.is_told().await, "the first list");
    let mut told = Vec::new();
    for change in changes {
        server.apply(change.clone());
        watch.list().await.expect("readable");
        told.push(news.is_told().await);
        watch.list().await.expect("readable");
        assert!(!news.is_told().await, "the same list: {change}");
    }
    told
}

#[tokio::test]
async fn a_new_list_is_news_where_something_stands_otherwise_and_not_by_itself() {
    let server = server_of(3).await;
    let pods = [
        pod("shop-0001", Look::Crashing),
        pod("shop-0002", Look::Starting),
        pod("shop-0002", Look::Crashing),
        pod("shop-0001", Look::Well),
        pod("shop-0000", Look::Finished),
    ];
    assert_eq!(told_after(&server, PodLedger::new(LONG), &pods).await, [true, false, true, true, false]);
    let nodes = [node("metal1", "True"), node("metal1", "Unknown"), node("metal2", "True")];
    assert_eq!(told_after(&server, NodeLedger::default(), &nodes).await, [false, true, false]);
    let deployment = |progresses: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "web"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}},
                "template": {"metadata": {"labels": {"app": "shop"}},
                    "spec": {"containers": [{"name": "app", "image": "registry.example.org/app:1"}]}}},
            "status": {"replicas": 2, "conditions": [{"type": "Progressing", "status": progresses}]}})
    };
    let ledger = WorkloadLedger::<Deployment>::new("argocd", |_| false);
    assert_eq!(told_after(&server, ledger, &["True", "False"].map(deployment)).await, [false, true]);
    let claim = |phase: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "web"},
            "status": {"phase": phase}})
    };
    let ledger =
        KindLedger::new("/api/v1/persistentvolumeclaims", "PersistentVolumeClaimList", |_: &Value| Ok(()));
    let claims = ["Pending", "Bound", "Lost", "Bound"].map(claim);
    assert_eq!(told_after(&server, ledger, &claims).await, [false, false, true, true]);
    server.shutdown().await;
}
