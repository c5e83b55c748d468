//! Kinds that are read whole, against the simulated API server over real HTTP.

use super::super::watch::Pace;
use super::super::watch::tests::{PATIENCE, client, pace, server_of, wait, watching};
use super::super::{Cluster, Freshness, Installed, Kubernetes};
use crate::health;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde_json::{Value, json};
use sim::kubernetes::{
    APPLICATION, CustomKind, ENDPOINT_SLICE, Fault, Kubernetes as Server, Matcher, SERVICE, WatchFault,
};
use std::time::Duration;

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "web"},
        "spec": {"selector": {"app": name}}})
}

fn slice(name: &str, of_service: &str, ready: &[bool]) -> Value {
    let endpoints: Vec<Value> = ready
        .iter()
        .map(|ready| json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}))
        .collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "namespace": "web", "labels": {"kubernetes.io/service-name": of_service}},
        "endpoints": endpoints})
}

fn application(name: &str, health: &str) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"project": "default", "destination": {},
            "source": {"repoURL": "https://git.example.org/ops/homelab.git", "path": name}},
        "status": {"health": {"status": health}, "sync": {"status": "Synced"}}})
}

/// Services, each with how many of its endpoints are ready and how many there are.
async fn services(client: &Kubernetes, freshness: Freshness) -> Vec<(String, Option<(usize, usize)>)> {
    let read = client.services(freshness).await.expect("readable");
    let short = |one: super::super::Service| {
        (one.object.name, one.endpoints.map(|endpoints| (endpoints.ready, endpoints.all)))
    };
    read.into_iter().map(short).collect()
}

/// The names of the Applications and how they stand; none where there is no such kind.
async fn applications(client: &Kubernetes, freshness: Freshness) -> Option<Vec<String>> {
    match client.applications(freshness).await.expect("readable") {
        Installed::No => None,
        Installed::Yes(all) => {
            Some(all.into_iter().map(|one| format!("{} {:?}", one.name, one.health)).collect())
        }
    }
}

/// How often a kind was asked for in whole, and how often it was watched.
fn asked(server: &Server, path: &str) -> (usize, usize) {
    let requests = server.requests();
    let of = |verb: &str, text: &str| {
        requests.iter().filter(|one| one.verb == verb && one.path.starts_with(text)).count()
    };
    (of("list", &format!("{path}?limit=500")), of("watch", path))
}

#[tokio::test]
async fn a_kind_is_watched_from_the_first_look_on_that_finds_it() {
    let server = server_of(1).await;
    server.apply(service("shop"));
    server.apply(slice("shop-1", "shop", &[true, false]));
    server.apply(application("blog", "Healthy"));
    let client = watching(&server).await;
    assert_eq!(services(&client, Freshness::Watched).await, [("shop".to_owned(), Some((1, 2)))]);
    assert_eq!(applications(&client, Freshness::Watched).await, Some(vec!["blog Healthy".to_owned()]));
    let paths = [
        "/api/v1/services",
        "/apis/discovery.k8s.io/v1/endpointslices",
        "/apis/argoproj.io/v1alpha1/applications",
    ];
    // The look that found it, and the list that the watch begins with.
    for path in paths {
        wait(&(2, true), async || (asked(&server, path).0, asked(&server, path).1 > 0)).await;
    }
    server.apply(slice("shop-2", "shop", &[true]));
    server.apply(application("blog", "Degraded"));
    let (blog, shop) = (vec!["blog Degraded".to_owned()], vec![("shop".to_owned(), Some((2, 3)))]);
    wait(&shop, async || services(&client, Freshness::Watched).await).await;
    wait(&Some(blog.clone()), async || applications(&client, Freshness::Watched).await).await;
    server.delete(&ENDPOINT_SLICE, Some("web"), "shop-1");
    server.delete(&ENDPOINT_SLICE, Some("web"), "shop-2");
    server.delete(&APPLICATION, Some("argocd"), "blog");
    wait(&vec![("shop".to_owned(), None)], async || services(&client, Freshness::Watched).await).await;
    wait(&Some(Vec::new()), async || applications(&client, Freshness::Watched).await).await;
    for path in paths {
        assert_eq!(asked(&server, path).0, 2, "{path}: nothing was listed for it");
    }
    // What has to be proven is asked for.
    applications(&client, Freshness::Proven).await;
    assert_eq!(asked(&server, paths[2]).0, 3);
    server.shutdown().await;
}

#[tokio::test]
async fn a_kind_that_comes_and_goes_is_never_taken_for_an_empty_one() {
    let server = server_of(1).await;
    server.unregister(&APPLICATION);
    let client = watching(&server).await;
    for _ in 0..3 {
        assert_eq!(applications(&client, Freshness::Watched).await, None);
    }
    let path = "/apis/argoproj.io/v1alpha1/applications";
    assert_eq!(asked(&server, path), (1, 0), "what is not served is asked for once, and not watched");
    assert_eq!(applications(&client, Freshness::Proven).await, None);
    assert_eq!(asked(&server, path), (2, 0), "where it has to be right it is asked for");
    server.register(CustomKind { kind: APPLICATION, status_subresource: false });
    server.apply(application("blog", "Healthy"));
    wait(&Some(vec!["blog Healthy".to_owned()]), async || applications(&client, Freshness::Watched).await)
        .await;
    wait(&true, async || asked(&server, path).1 > 0).await;
    server.unregister(&APPLICATION);
    // At once where it has to be right, and elsewhere as soon as the watch hears of it.
    assert_eq!(applications(&client, Freshness::Proven).await, None);
    wait(&None, async || applications(&client, Freshness::Watched).await).await;
    // One that was there is missed, and noticed as soon as it is back: that it is gone is never remembered.
    let before = asked(&server, path).0;
    for _ in 0..3 {
        assert_eq!(applications(&client, Freshness::Watched).await, None);
    }
    assert!(asked(&server, path).0 >= before + 3, "it is asked for at each look");
    server.shutdown().await;
}

/// How often a look is answered that a kind is not served, and how many requests it is in all.
async fn looks(client: &Kubernetes, server: &Server, freshness: Freshness) -> (usize, usize) {
    let since = server.requests().len();
    let (settings, cluster) = (health::Settings::default(), super::super::Settings::default());
    let surroundings = health::Surroundings {
        settings: &settings,
        cluster: &cluster,
        grace: Duration::from_mins(5),
        freshness,
        audit: false,
        after: None,
    };
    health::recon(client, &surroundings, Timestamp::now()).await;
    let asked = server.requests();
    // The watches ask for themselves.
    let ours = asked[since..].iter().filter(|one| one.verb != "watch" && !one.path.ends_with("?limit=1"));
    let ours: Vec<_> = ours.collect();
    (ours.iter().filter(|one| one.status == 404 && one.verb == "list").count(), ours.len())
}

#[tokio::test]
async fn what_is_not_served_costs_a_request_once_in_a_while_and_is_asked_for_where_it_has_to_be_right() {
    let server = server_of(1).await;
    let client = watching(&server).await;
    let (first, _) = looks(&client, &server, Freshness::Watched).await;
    // Flux in each of its kinds and versions, CloudNativePG, External Secrets, ApplicationSets.
    assert!(first >= 8, "{first} kinds are not served");
    wait(&0, async || looks(&client, &server, Freshness::Watched).await.0).await;
    let (missing, all) = looks(&client, &server, Freshness::Watched).await;
    println!("{first} kinds are not served; then {missing} of {all} requests a look are about such");
    let (proven, _) = looks(&client, &server, Freshness::Proven).await;
    assert_eq!(proven, first, "each is asked for where it has to be right");
    // It is forgotten in time.
    wait(&true, async || looks(&client, &server, Freshness::Watched).await.0 > 0).await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_definition_that_appears_is_noticed_with_the_service_of_its_group_and_version() {
    let server = server_of(1).await;
    server.unregister(&APPLICATION);
    let client = client(&server).await;
    // For longer than the test may take.
    client.start_watching_at(Duration::from_mins(10), |_| false, Pace { unserved: PATIENCE * 10, ..pace() });
    let services = async || client.api_services(Freshness::Watched).await.expect("readable");
    assert_eq!(services().await, Installed::Yes(Vec::new()));
    wait(&true, async || asked(&server, "/apis/apiregistration.k8s.io/v1/apiservices").1 > 0).await;
    let path = "/apis/argoproj.io/v1alpha1/applications";
    for _ in 0..2 {
        assert_eq!(applications(&client, Freshness::Watched).await, None);
    }
    server.register(CustomKind { kind: APPLICATION, status_subresource: false });
    server.apply(application("blog", "Healthy"));
    assert_eq!(applications(&client, Freshness::Watched).await, None);
    assert_eq!(asked(&server, path).0, 1);
    server.apply(json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1alpha1.argoproj.io"}, "spec": {"group": "argoproj.io", "version": "v1alpha1"}}));
    wait(&Some(vec!["blog Healthy".to_owned()]), async || applications(&client, Freshness::Watched).await)
        .await;
    server.shutdown().await;
}

/// One thing that happens to a Service or to the server.
fn happen(server: &Server, random: &mut StdRng) {
    let number = random.random_range(0..8);
    let (name, other) = (format!("shop-{number}"), format!("shop-{number}-b"));
    match random.random_range(0..16) {
        0..3 => drop(server.apply(service(&name))),
        3..6 => drop(server.apply(slice(&name, &name, &[random.random_bool(0.5), true]))),
        6..8 => drop(server.apply(slice(&other, &name, &[random.random_bool(0.5)]))),
        8 => drop(server.delete(&SERVICE, Some("web"), &name)),
        9 => drop(server.delete(&ENDPOINT_SLICE, Some("web"), &other)),
        10 => {
            // It selects nothing any more.
            let mut headless = service(&name);
            headless["spec"] = json!({"type": "ExternalName", "externalName": "db.example.org"});
            server.apply(headless);
        }
        11 => server.faults().break_connections(),
        12 => server.compact(),
        _ => {
            let faults = [
                Fault::Watch(WatchFault::CutFrame),
                Fault::Watch(WatchFault::Stale),
                Fault::Watch(WatchFault::Silence),
                Fault::Forbid,
                Fault::Status(410),
            ];
            let fault = faults[random.random_range(0..faults.len())];
            let kind = ["services", "endpointslices"][random.random_range(0..2)];
            server.faults().add_times(Matcher::of("watch", kind), fault, 1);
        }
    }
}

async fn what_is_watched_is_what_is_there(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let server = server_of(1).await;
    // With many of them a proof is a watch, with few a list.
    for number in 0..if seed.is_multiple_of(2) { 0 } else { 505 } {
        server.apply(service(&format!("quiet-{number:03}")));
    }
    let (watched, listed) = (watching(&server).await, client(&server).await);
    for _ in 0..8 {
        for _ in 0..random.random_range(1..10) {
            happen(&server, &mut random);
        }
        let proven = services(&watched, Freshness::Proven).await;
        assert_eq!(proven, services(&listed, Freshness::Proven).await, "seed {seed}");
    }
    server.faults().clear();
    let expected = services(&listed, Freshness::Proven).await;
    wait(&expected, async || services(&watched, Freshness::Watched).await).await;
    server.shutdown().await;
}

#[tokio::test]
async fn whatever_happens_the_watch_of_a_kind_says_what_the_list_says() {
    let first = std::env::var("CARETAKER_TEST_SEED").ok().and_then(|number| number.parse().ok());
    let first = first.unwrap_or_else(|| rand::rng().next_u64() >> 16);
    println!("CARETAKER_TEST_SEED={first}");
    futures::future::join_all((first..first + 4).map(what_is_watched_is_what_is_there)).await;
}
