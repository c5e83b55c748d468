//! Deliveries in bad times, under other names, and by other keys.

use super::{OPENED, SECRET, fixture, fixture_of, fixture_of_known, fixture_on, fixture_with, sign};
use crate::inbox::{Keys, KnownRepositories};
use crate::store::Store;
use crate::web::Settings;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn what_real_servers_delivered_is_signed_right_and_taken() {
    let keys = Keys::from(SecretString::from("recording-secret"));
    let fixture = fixture_with(keys, Settings::default()).await;
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut events = BTreeSet::new();
    for (server, delivery) in recorded() {
        let headers = delivery["headers"].as_object().unwrap();
        let (body, id) = (delivery["body"].as_str().unwrap(), &headers["X-Gitea-Delivery"]);
        let send = |body: String| {
            let mut request = fixture.client.post(fixture.url("/webhook")).body(body);
            for (name, value) in headers {
                request = request.header(name, value.as_str().unwrap());
            }
            request.send()
        };
        let stored = fixture.stored().await;
        let forged = body.replacen("homelab", "h0melab", 1);
        assert!(forged != body, "{id}");
        assert_eq!(send(forged).await.unwrap().status(), StatusCode::FORBIDDEN, "{server}: {id}");
        assert_eq!(send(body.to_owned()).await.unwrap().status(), StatusCode::ACCEPTED, "{server}: {id}");
        assert_eq!(fixture.stored().await, stored + 1);
        let row = fixture.store.recent_deliveries(1).await.unwrap().remove(0);
        assert_eq!(row.event, headers["X-Gitea-Event-Type"], "the narrower name");
        let is_about_pull = row.event.starts_with("pull_request") || body.contains("\"is_pull\": true");
        if row.event == "issues" {
            assert!(row.has_payload || row.repeats.is_some() || row.action != "edited", "{row:?}");
        }
        assert!(!(row.has_payload && is_about_pull), "{row:?}");
        events.insert(row.event);
        *taken.entry(server).or_default() += 1;
    }
    for (server, least) in [("forgejo-12", 6), ("gitea-1.25", 6), ("gitea-1.27", 90)] {
        assert!(taken.get(server).is_some_and(|taken| *taken >= least), "{server} in {taken:?}");
    }
    for event in
        ["issues", "issue_label", "issue_comment", "pull_request_comment", "pull_request_sync", "status"]
    {
        assert!(events.contains(event), "{event} in {events:?}");
    }
}

/// Every delivery of the recordings, with the server that sent it.
fn recorded() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recordings");
    let mut deliveries = Vec::new();
    for server in std::fs::read_dir(folder).unwrap() {
        let server = server.unwrap();
        let name = server.file_name().into_string().unwrap();
        for file in std::fs::read_dir(server.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let scenario: Value = serde_json::from_str(&text).unwrap();
            let exchanges = scenario["exchanges"].as_array().cloned().unwrap_or_default();
            for exchange in exchanges {
                let of_this = exchange["deliveries"].as_array().cloned().unwrap_or_default();
                // Of the largest bodies the recording holds the length alone.
                let whole = of_this.into_iter().filter(|one| !one["body"].as_str().unwrap().starts_with('('));
                deliveries.extend(whole.map(|delivery| (name.clone(), delivery)));
            }
        }
    }
    deliveries
}

#[tokio::test]
async fn while_the_secret_is_changed_both_are_taken() {
    let keys = Keys::from(SecretString::from("the new one")).with_previous(Some(SecretString::from(SECRET)));
    let fixture = fixture_with(keys, Settings::default()).await;
    let cases = [
        ("d-1", "the new one", StatusCode::ACCEPTED),
        ("d-2", SECRET, StatusCode::ACCEPTED),
        ("d-3", "a third one", StatusCode::FORBIDDEN),
        ("d-4", "", StatusCode::FORBIDDEN),
    ];
    for (id, secret, expected) in cases {
        let signed = fixture
            .unsigned(id, "issues", OPENED)
            .header("X-Gitea-Signature", sign(secret, OPENED.as_bytes()));
        assert_eq!(signed.send().await.unwrap().status(), expected, "{id}");
    }
    assert_eq!(fixture.stored().await, 2);
}

#[tokio::test]
async fn of_several_repositories_each_signs_for_itself_alone() {
    let keys = Keys::from(SecretString::from("the new one")).with_previous(Some(SecretString::from(SECRET)));
    let of = |name: &str| keys.of_repository(&name.parse().unwrap()).expose_secret().to_owned();
    let old = Keys::from(SecretString::from(SECRET)).of_repository(&"ops/homelab".parse().unwrap());
    let store = Arc::new(Store::in_memory().await.unwrap());
    let names = ["ops/homelab", "ops/garden"];
    let fixture = fixture_of(Arc::clone(&store), keys.clone(), Settings::default(), &names).await;
    for (id, secret, expected) in [
        ("d-1", of("ops/garden"), StatusCode::FORBIDDEN),
        ("d-2", "the new one".to_owned(), StatusCode::FORBIDDEN),
        ("d-3", SECRET.to_owned(), StatusCode::FORBIDDEN),
        ("d-4", of("ops/homelab"), StatusCode::ACCEPTED),
        ("d-5", old.expose_secret().to_owned(), StatusCode::ACCEPTED),
    ] {
        let body = OPENED.replace("A1", id);
        let signed =
            fixture.unsigned(id, "issues", &body).header("X-Gitea-Signature", sign(&secret, body.as_bytes()));
        assert_eq!(signed.send().await.unwrap().status(), expected, "{id}");
    }
    // One of a repository that is not looked after any more.
    let gone = OPENED.replace("Ops/Homelab", "ops/gone");
    let signature = sign(&of("ops/gone"), gone.as_bytes());
    let signed = fixture.unsigned("d-6", "issues", &gone).header("X-Gitea-Signature", signature);
    assert_eq!(signed.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(store.count_deliveries().await.unwrap(), 2);
    assert_eq!(store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap().len(), 2);
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert_eq!(page.matches("refused: the hook has the secret of the settings itself").count(), 2, "{page}");
    let (_, metrics) = fixture.get(fixture.page_url("/metrics")).await;
    assert!(metrics.contains("outcome=\"refused_shared_secret\"} 2\n"), "{metrics}");
    assert!(metrics.contains("outcome=\"refused_signature\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn no_look_follows_where_nobody_looks() {
    let store = Arc::new(Store::in_memory().await.unwrap());
    let known = KnownRepositories::from(vec!["ops/homelab".parse().unwrap()]);
    let keys = Keys::from(SecretString::from(SECRET));
    let of = |name: &str| keys.of_repository(&name.parse().unwrap()).expose_secret().to_owned();
    let later = known.clone().and_later(|_| true);
    let fixture = fixture_of_known(store, keys.clone(), Settings::default(), later).await;
    let body = OPENED.replace("Ops/Homelab", "ops/garden");
    let signed = fixture
        .unsigned("d-1", "issues", &body)
        .header("X-Gitea-Signature", sign(&of("ops/garden"), body.as_bytes()));
    assert_eq!(signed.send().await.unwrap().status(), StatusCode::ACCEPTED);
    tokio::time::timeout(Duration::from_secs(5), fixture.hints.notified()).await.unwrap();
    fixture.readiness.looped();
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert!(page.contains("stored whole; the repository is not looked after"), "{page}");
    // It is found.
    known.replace(vec!["ops/garden".parse().unwrap()]);
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert!(page.contains("stored whole; a look followed"), "{page}");
}

#[tokio::test]
async fn an_authorization_is_asked_for_besides_the_signature() {
    let keys = Keys::from(SecretString::from(SECRET))
        .with_authorization(Some(SecretString::from("Bearer of good news")));
    let fixture = fixture_with(keys, Settings::default()).await;
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::UNAUTHORIZED);
    let send = |signature: String, authorization: &'static str| {
        fixture
            .unsigned("d-1", "issues", OPENED)
            .header("X-Gitea-Signature", signature)
            .header("Authorization", authorization)
            .send()
    };
    let signature = || sign(SECRET, OPENED.as_bytes());
    for authorization in ["Bearer of bad news", "Bearer of good new", "bearer of good news"] {
        let answer = send(signature(), authorization).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(!answer.text().await.unwrap().contains("good news"));
    }
    let unsigned = send(sign("another", OPENED.as_bytes()), "Bearer of good news").await.unwrap();
    assert_eq!(unsigned.status(), StatusCode::FORBIDDEN);
    assert_eq!(send(signature(), "Bearer of good news").await.unwrap().status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_payload_under_another_id_is_a_hint_again_but_no_further_evidence() {
    let fixture = fixture().await;
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
    fixture.hints.notified().await;
    // A person's redelivery has a new id; so has one by whoever got hold of a signed payload.
    assert_eq!(fixture.deliver("d-2", "issues", OPENED).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.deliver("d-3", "push", OPENED).await, StatusCode::ACCEPTED);
    tokio::time::timeout(Duration::from_secs(5), fixture.hints.notified()).await.unwrap();
    assert_eq!(fixture.stored().await, 3);
    assert_eq!(fixture.store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_edited_comment_is_known_by_its_number_and_a_look_reads_nothing_else_of_it() {
    let fixture = fixture().await;
    let about = |action: &str, id: u64| {
        format!(
            r#"{{"action":"{action}","issue":{{"number":7,"body":"words","labels":[{{"name":"maintenance"}}]}},
            "comment":{{"id":{id},"body":"yes"}},"changes":{{"body":{{"from":"no"}}}},"is_pull":false,
            "repository":{{"full_name":"ops/homelab"}},"sender":{{"login":"visitor"}}}}"#
        )
    };
    // Under whatever event's name, which is not signed.
    for (id, event, body) in [
        ("d-1", "issue_comment", about("edited", 31)),
        ("d-2", "issues", about("edited", 32)),
        ("d-3", "issue_comment", about("created", 33)),
    ] {
        assert_eq!(fixture.deliver(id, event, &body).await, StatusCode::ACCEPTED, "{id}");
    }
    assert_eq!(fixture.store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap(), []);
    assert_eq!(fixture.store.edited_comments("ops/homelab", 7).await.unwrap(), [31, 32].into());
    assert!(fixture.store.recent_deliveries(3).await.unwrap().iter().all(|row| row.has_payload));
}

#[tokio::test]
async fn many_at_once_are_all_stored_and_each_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("store.sqlite")).await.unwrap());
    let fixture =
        Arc::new(fixture_on(store, Keys::from(SecretString::from(SECRET)), Settings::default()).await);
    let sending: Vec<_> = (0..50)
        .map(|number: u64| {
            let fixture = fixture.clone();
            tokio::spawn(async move {
                let body = OPENED.replace("- [ ] A1", &format!("- [ ] A{number}"));
                // Half of them twice, at the same time.
                let (own, shared) = (format!("n-{number}"), format!("d-{}", number / 2));
                tokio::join!(fixture.deliver(&own, "issues", &body), fixture.deliver(&shared, "push", &body))
            })
        })
        .collect();
    for sent in sending {
        assert_eq!(sent.await.unwrap(), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    }
    assert_eq!(fixture.stored().await, 75, "50 of their own ids, 25 of ids that came twice");
    let payloads = fixture.store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
    let different: BTreeSet<&String> = payloads.iter().map(|kept| &kept.payload).collect();
    assert_eq!((payloads.len(), different.len()), (50, 50), "each payload once");
}

#[tokio::test]
async fn a_store_that_is_too_slow_is_said_before_the_forge_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&folder.path().join("store.sqlite")).await.unwrap());
    let fixture = fixture_on(store, Keys::from(SecretString::from(SECRET)), Settings::default()).await;
    let turn = fixture.store.hold_up().await;
    let began = Instant::now();
    let (answered, (ready, checks)) =
        tokio::join!(fixture.deliver("d-1", "issues", OPENED), fixture.get(fixture.url("/readyz")));
    assert_eq!(answered, StatusCode::SERVICE_UNAVAILABLE);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(ready, StatusCode::SERVICE_UNAVAILABLE);
    assert!(checks.contains("did not take a write in time"), "{checks}");
    drop(turn);
    // Once the disk answers it is stored all the same, or was not and may be sent again: either way it is there once.
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.stored().await, 1);
    assert_eq!(fixture.deliver("d-2", "push", OPENED).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_given_up_before_the_forge_does() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let fixture = fixture().await;
    let mut connection = tokio::net::TcpStream::connect(fixture.serving.address).await.unwrap();
    let head = "POST /webhook HTTP/1.1\r\nHost: caretaker\r\nContent-Length: 100\r\n\r\n{";
    connection.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    let mut answer = String::new();
    let reading = tokio::time::timeout(Duration::from_secs(5), connection.read_to_string(&mut answer));
    reading.await.expect("in time").unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let fixture = fixture().await;
    let large = OPENED.replace("- [ ] A1", &"- [ ] A1 ".repeat(20_000));
    fixture.store.leave_room(Some(2)).await;
    assert_eq!(fixture.deliver("d-1", "issues", &large).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.stored().await, 0);
    let (_, page) = fixture.get(fixture.page_url("/deliveries")).await;
    assert!(page.contains("refused: the delivery could not be stored"), "{page}");
    fixture.store.leave_room(None).await;
    assert_eq!(fixture.deliver("d-1", "issues", &large).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.stored().await, 1);
}
