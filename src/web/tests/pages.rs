//! The page of the deliveries, the metrics, and what the store's check says.

use super::{OPENED, SECRET, fixture, fixture_on, sign};
use crate::forge::Forge;
use crate::health::{Blocked, Obstacle};
use crate::inbox::Keys;
use crate::store::{Missing, Store};
use crate::web::{Peer, Settings};
use jiff::Timestamp;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use sim::gitea::Down;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_page_says_what_became_of_each_delivery() {
    let fixture = fixture().await;
    let (status, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Nothing has been delivered"), "{page}");

    let opened = OPENED.replace("- [ ] A1", "a word that stays in the store");
    assert_eq!(fixture.deliver("d-new", "issues", &opened).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.deliver("d-new", "issues", &opened).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.deliver("d-again", "issues", &opened).await, StatusCode::ACCEPTED);
    let forged = fixture
        .unsigned("<script>alert(1)</script>", "issues", &opened)
        .header("X-Gitea-Signature", sign("another", opened.as_bytes()));
    assert_eq!(forged.send().await.unwrap().status(), StatusCode::FORBIDDEN);

    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    for part in [
        "stored whole; waits for a look",
        "stored; the payload is that of d-new, and counts once; waits for a look",
        "stored before; nothing was done again",
        "refused: the signature does not belong to this body",
        "ops/homelab#7",
        "operator",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    for secret in ["<script>", SECRET, "a word that stays"] {
        assert!(!page.contains(secret), "{secret} in {page}");
    }

    fixture.hints.notified().await;
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert!(!page.contains("a look followed"), "the first look has not ended: {page}");
    fixture.readiness.looped();
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert_eq!(page.matches("a look followed").count(), 2, "{page}");
    assert!(!page.contains("waits for a look"), "{page}");
    assert_eq!(fixture.get(fixture.url("/deliveries")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_says_what_keeps_the_next_change_back() {
    let fixture = fixture().await;
    let name = "ops/homelab".parse().unwrap();
    let page = || async { fixture.get(fixture.page_url("/")).await.1 };
    assert!(!page().await.contains("keeps the next change back"));
    let blocked = Blocked {
        what: Obstacle::Finding,
        why: "Apps RED: <b>shop</b> does not serve".to_owned(),
        since: Some("2026-11-21T14:30:00Z".parse().unwrap()),
        unblock: "the finding goes, or a person acknowledges it".to_owned(),
    };
    let at = |second: &str| format!("2026-11-21T15:07:{second}Z").parse().unwrap();
    fixture.readiness.gate_says(&name, at("10"), vec![blocked]);
    let told = page().await;
    for part in [
        "ops/homelab",
        "finding: Apps RED",
        "2026-11-21 14:30",
        "a person acknowledges it",
        "2026-11-21 15:07",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("<b>"), "{told}");
    fixture.readiness.gate_says(&name, at("20"), Vec::new());
    let told = page().await;
    assert!(told.contains("a change may start") && told.contains("2026-11-21 15:07"), "{told}");
    // A look that came to the gate, and one that did not: the lock is another's, the forge is away.
    fixture.readiness.looked_for_gate(&name, at("20"));
    assert!(page().await.contains("a change may start"));
    fixture.readiness.looked_for_gate(&name, at("30"));
    assert!(!page().await.contains("keeps the next change back"));
}

#[tokio::test]
async fn the_metrics_count_and_hold_no_word_of_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("store.sqlite")).await.unwrap());
    let fixture = fixture_on(store, Keys::from(SecretString::from(SECRET)), Settings::default()).await;
    let lines = || async {
        let (status, text) = fixture.get(fixture.page_url("/metrics")).await;
        assert_eq!(status, StatusCode::OK);
        text
    };
    let before = lines().await;
    for line in [
        "caretaker_deliveries_total{outcome=\"stored\"} 0",
        "caretaker_looks_total 0",
        "caretaker_runs_open 0",
        "caretaker_missed_events_total{while=\"up\"} 0",
        "caretaker_store_ok 1",
        "caretaker_peer_ok{peer=\"forge\"} 0",
    ] {
        assert!(before.lines().any(|known| known == line), "{line} in {before}");
    }
    assert!(!before.contains("last_look_age"), "there was no look: {before}");

    fixture.deliver("d-1", "issues", OPENED).await;
    fixture.deliver("d-1", "issues", OPENED).await;
    fixture.unsigned("d-2", "issues", OPENED).send().await.unwrap();
    fixture.store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
    fixture.store.count_missed_event("ops/homelab", Missing::Up, Timestamp::now(), None).await.unwrap();
    fixture.readiness.looped();
    fixture.readiness.answered(Peer::Forge);
    let after = lines().await;
    for line in [
        "caretaker_deliveries_total{outcome=\"stored\"} 1",
        "caretaker_deliveries_total{outcome=\"duplicate\"} 1",
        "caretaker_deliveries_total{outcome=\"refused_signature\"} 1",
        "caretaker_deliveries_kept 1",
        "caretaker_looks_total 1",
        "caretaker_runs_open 1",
        "caretaker_missed_events_total{while=\"up\"} 1",
        "caretaker_missed_events_total{while=\"down\"} 0",
        "caretaker_peer_ok{peer=\"forge\"} 1",
    ] {
        assert!(after.lines().any(|known| known == line), "{line} in {after}");
    }
    assert!(
        after.contains("\ncaretaker_last_look_age_seconds 0.")
            && after.contains("\ncaretaker_store_free_bytes ")
    );
    for word in [SECRET, "operator", "ops/homelab", "A1"] {
        assert!(!after.contains(word), "{word} in {after}");
    }
    assert_eq!(fixture.get(fixture.url("/metrics")).await.0, StatusCode::NOT_FOUND);

    fixture.store.close().await;
    let closed = lines().await;
    assert!(closed.contains("caretaker_store_ok 0") && !closed.contains("caretaker_runs_open"), "{closed}");
}

#[tokio::test]
async fn a_disk_with_too_little_room_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("store.sqlite")).await.unwrap());
    let settings = Settings { store_free_minimum_bytes: u64::MAX, ..Settings::default() };
    let fixture = fixture_on(store, Keys::from(SecretString::from(SECRET)), settings).await;
    let (status, text) = fixture.get(fixture.url("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        report["checks"]["store"]["why"],
        "the store's disk has less room than store_free_minimum_bytes"
    );
    let (_, page) = fixture.get(fixture.page_url("/")).await;
    assert!(page.contains("less room"), "{page}");
    // It still takes what comes.
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn page_and_metrics_count_the_requests_and_say_when_the_forge_is_left_alone() {
    let fixture = fixture().await;
    fixture.forge.account().await.unwrap();
    let (_, text) = fixture.get(fixture.page_url("/metrics")).await;
    let line = "caretaker_forge_requests_total{method=\"GET\",route=\"user\",outcome=\"ok\"} 1\n";
    assert!(text.contains(line) && text.contains("caretaker_forge_left_alone 0\n"), "{text}");
    let (_, page) = fixture.get(fixture.page_url("/")).await;
    assert!(page.contains("requests to the forge") && page.contains("1 ok"), "{page}");

    fixture.server.faults().set_down(Some(Down::Unavailable));
    let deadline = Instant::now() + Duration::from_mins(1);
    while fixture.forge.traffic().down.is_none() {
        assert!(Instant::now() < deadline, "the circuit stays closed");
        assert!(fixture.forge.account().await.is_err());
    }
    let (_, text) = fixture.get(fixture.page_url("/metrics")).await;
    assert!(text.contains("caretaker_forge_left_alone 1\n"), "{text}");
    assert!(text.contains("outcome=\"failed\""), "{text}");
    let (_, page) = fixture.get(fixture.page_url("/")).await;
    assert!(page.contains("the forge is left alone: "), "{page}");
    fixture.server.shutdown().await;
}
