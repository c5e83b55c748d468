//! The listeners over real HTTP.

mod connections;
mod crowds;
mod deliveries;
mod pages;

use super::{Peer, Readiness, Serving, Settings, WebState, serve};
use crate::forge::{self, Gitea, RepositoryName};
use crate::inbox::{self, Hints, Inbox, Keys, KnownRepositories};
use crate::store::Store;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a secret of tests";
const OPENED: &str = r#"{"action":"opened","number":7,"issue":{"number":7,"title":"Maintenance","body":"- [ ] A1"},
    "repository":{"full_name":"Ops/Homelab"},"sender":{"login":"operator"}}"#;

struct Fixture {
    serving: Serving,
    store: Arc<Store>,
    hints: Hints,
    readiness: Arc<Readiness>,
    shutdown: CancellationToken,
    client: Client,
    server: sim::gitea::Gitea,
    forge: Arc<Gitea>,
    inbox: Arc<Inbox>,
}

async fn fixture() -> Fixture {
    fixture_with(Keys::from(SecretString::from(SECRET)), Settings::default()).await
}

async fn fixture_with(keys: Keys, settings: Settings) -> Fixture {
    let store = Arc::new(Store::in_memory().await.unwrap());
    fixture_on(store, keys, settings).await
}

/// One repository, whose hook has the secret itself.
async fn fixture_on(store: Arc<Store>, keys: Keys, settings: Settings) -> Fixture {
    fixture_of(store, keys.with_shared(true), settings, &["ops/homelab"]).await
}

async fn fixture_of(store: Arc<Store>, keys: Keys, settings: Settings, names: &[&str]) -> Fixture {
    let repositories: Vec<RepositoryName> = names.iter().map(|name| name.parse().unwrap()).collect();
    fixture_of_known(store, keys, settings, repositories.into()).await
}

async fn fixture_of_known(
    store: Arc<Store>,
    keys: Keys,
    settings: Settings,
    repositories: KnownRepositories,
) -> Fixture {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let free = "127.0.0.1:0".parse().unwrap();
    let settings = Settings { listen: free, page_listen: free, ..settings };
    let hints = Hints::default();
    let bounds = inbox::Settings::default();
    let inbox = Inbox::new(keys, repositories, "maintenance", &bounds, &store, hints.clone());
    let readiness = Arc::new(Readiness::new(&settings));
    let shutdown = CancellationToken::new();
    let server = sim::gitea::Gitea::start(sim::gitea::Options::default()).await.unwrap();
    let token = SecretString::from(server.create_token("caretaker", &["read:user"]));
    let url = server.url().parse().unwrap();
    let forge = Arc::new(Gitea::new(&url, &token, &forge::Settings::default()).unwrap());
    let inbox = Arc::new(inbox);
    let state = WebState {
        inbox: inbox.clone(),
        store: store.clone(),
        readiness: readiness.clone(),
        forge: forge.clone(),
    };
    let serving = serve(&settings, state, shutdown.clone()).await.unwrap();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    Fixture { serving, store, hints, readiness, shutdown, client, server, forge, inbox }
}

fn sign(secret: &str, bytes: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Fixture {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.serving.address)
    }

    fn page_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.serving.page_address)
    }

    /// A delivery without its signature.
    fn unsigned(&self, id: &str, event: &str, body: &str) -> RequestBuilder {
        self.client
            .post(self.url("/webhook"))
            .header("Content-Type", "application/json")
            .header("X-Gitea-Delivery", id)
            .header("X-Gitea-Event", event)
            .body(body.to_owned())
    }

    async fn deliver(&self, id: &str, event: &str, body: &str) -> StatusCode {
        let request =
            self.unsigned(id, event, body).header("X-Gitea-Signature", sign(SECRET, body.as_bytes()));
        request.send().await.unwrap().status()
    }

    async fn stored(&self) -> u64 {
        self.store.count_deliveries().await.unwrap()
    }

    async fn get(&self, url: String) -> (StatusCode, String) {
        let response = self.client.get(url).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_good_delivery_is_stored_then_answered_and_hinted_at() {
    let fixture = fixture().await;
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.stored().await, 1);
    let marked = tokio::time::timeout(Duration::from_secs(5), fixture.hints.notified()).await.unwrap();
    assert_eq!(marked, BTreeSet::from(["ops/homelab".parse().unwrap()]));
    // Under the settings' spelling, with its payload byte for byte.
    let payloads = fixture.store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
    assert_eq!(payloads.len(), 1);
    assert_eq!((payloads[0].sender.as_str(), payloads[0].payload.as_str()), ("operator", OPENED));
}

#[tokio::test]
async fn a_replayed_delivery_does_nothing_twice() {
    let fixture = fixture().await;
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
    fixture.hints.notified().await;
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
    assert_eq!(fixture.stored().await, 1);
    let again = tokio::time::timeout(Duration::from_millis(50), fixture.hints.notified()).await;
    assert!(again.is_err(), "a replay hints at nothing");
}

#[tokio::test]
async fn a_form_is_signed_over_its_decoded_payload() {
    let fixture = fixture().await;
    let form: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", OPENED).finish();
    let send = |id: &'static str, signature: String| {
        fixture
            .client
            .post(fixture.url("/webhook"))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("X-Gitea-Delivery", id)
            .header("X-Gitea-Event", "issues")
            .header("X-Gitea-Signature", signature)
            .body(form.clone())
            .send()
    };
    assert_eq!(send("d-1", sign(SECRET, form.as_bytes())).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(fixture.stored().await, 0);
    assert_eq!(send("d-2", sign(SECRET, OPENED.as_bytes())).await.unwrap().status(), StatusCode::ACCEPTED);
    let payloads = fixture.store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
    assert_eq!(payloads.iter().map(|kept| kept.payload.as_str()).collect::<Vec<_>>(), [OPENED]);
}

#[tokio::test]
async fn what_is_not_signed_with_our_secret_is_refused_before_it_is_read() {
    let fixture = fixture().await;
    // A body that would be a 400 if anybody looked into it.
    for body in [OPENED, "{not json"] {
        let wrong = sign("another secret", body.as_bytes());
        let ours = sign(SECRET, body.as_bytes());
        let cases = [
            (None, StatusCode::UNAUTHORIZED),
            (Some(String::new()), StatusCode::UNAUTHORIZED),
            (Some(wrong), StatusCode::FORBIDDEN),
            (Some("not hexadecimal".to_owned()), StatusCode::FORBIDDEN),
            (Some(ours[..62].to_owned()), StatusCode::FORBIDDEN),
            (Some(format!("sha256={ours}")), StatusCode::FORBIDDEN),
            (Some(sign(SECRET, b"another body")), StatusCode::FORBIDDEN),
            (Some(sign("", body.as_bytes())), StatusCode::FORBIDDEN),
        ];
        for (signature, expected) in cases {
            let mut request = fixture.unsigned("d-1", "issues", body);
            if let Some(signature) = &signature {
                request = request.header("X-Gitea-Signature", signature);
            }
            assert_eq!(request.send().await.unwrap().status(), expected, "{signature:?}");
        }
        let twice = fixture
            .unsigned("d-1", "issues", body)
            .header("X-Gitea-Signature", &ours)
            .header("X-Gitea-Signature", &ours);
        assert_eq!(twice.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.stored().await, 0);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_sender_sees_it() {
    let fixture = fixture().await;
    let body = format!(r#"{{"padding":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    assert_eq!(fixture.deliver("d-1", "issues", &body).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(fixture.stored().await, 0);
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_not_stored() {
    let fixture = fixture().await;
    let post = |content_type: Option<&'static str>, id: Option<&'static str>, event: Option<&'static str>| {
        let mut request = fixture
            .client
            .post(fixture.url("/webhook"))
            .header("X-Gitea-Signature", sign(SECRET, OPENED.as_bytes()))
            .body(OPENED);
        for (name, value) in
            [("Content-Type", content_type), ("X-Gitea-Delivery", id), ("X-Gitea-Event", event)]
        {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.send()
    };
    let json = Some("application/json; charset=utf-8");
    let cases = [
        (None, Some("d"), Some("issues"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("text/plain"), Some("d"), Some("issues"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("multipart/form-data"), Some("d"), Some("issues"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/x-www-form-urlencoded"), Some("d"), Some("issues"), StatusCode::BAD_REQUEST),
        (json, None, Some("issues"), StatusCode::BAD_REQUEST),
        (json, Some(""), Some("issues"), StatusCode::BAD_REQUEST),
        (json, Some("d"), None, StatusCode::BAD_REQUEST),
        (json, Some("d"), Some("moon_phase"), StatusCode::UNPROCESSABLE_ENTITY),
    ];
    for (content_type, id, event, expected) in cases {
        let status = post(content_type, id, event).await.unwrap().status();
        assert_eq!(status, expected, "{content_type:?} {id:?} {event:?}");
    }
    let bodies = [
        ("", StatusCode::BAD_REQUEST),
        ("{not json", StatusCode::BAD_REQUEST),
        ("[]", StatusCode::BAD_REQUEST),
        ("{}", StatusCode::BAD_REQUEST),
        (r#"{"action":"opened","repository":null}"#, StatusCode::BAD_REQUEST),
        (
            r#"{"repository":{"full_name":"ops/homelab"},"repository":{"full_name":"ops/other"}}"#,
            StatusCode::BAD_REQUEST,
        ),
        (r#"{"repository":{"full_name":"ops/other"}}"#, StatusCode::NOT_FOUND),
        ("\u{feff}{}", StatusCode::BAD_REQUEST),
    ];
    for (body, expected) in bodies {
        assert_eq!(fixture.deliver("d-1", "issues", body).await, expected, "{body}");
    }
    let long = "x".repeat(200);
    assert_eq!(fixture.deliver(&long, "issues", OPENED).await, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.stored().await, 0);
    let (status, _) = fixture.get(fixture.url("/webhook")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_acknowledged() {
    let fixture = fixture().await;
    fixture.store.close().await;
    assert_eq!(fixture.deliver("d-1", "issues", OPENED).await, StatusCode::SERVICE_UNAVAILABLE);
    let nothing = tokio::time::timeout(Duration::from_millis(50), fixture.hints.notified()).await;
    assert!(nothing.is_err(), "what is not stored hints at nothing");
}

#[tokio::test]
async fn payloads_without_a_number_or_a_body_to_keep_are_taken_too() {
    let fixture = fixture().await;
    let repository = r#""repository":{"full_name":"ops/homelab"},"sender":{"login":"renovate"}"#;
    let cases = [
        ("d-1", "push", format!(r#"{{"ref":"refs/heads/main",{repository}}}"#)),
        (
            "d-2",
            "pull_request",
            format!(r#"{{"action":"closed","pull_request":null,"number":0,{repository}}}"#),
        ),
        ("d-3", "status", format!(r#"{{"state":"success",{repository}}}"#)),
    ];
    for (id, event, body) in &cases {
        assert_eq!(fixture.deliver(id, event, body).await, StatusCode::ACCEPTED, "{event}");
    }
    assert_eq!(fixture.stored().await, 3);
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let fixture = fixture().await;
    assert_eq!(fixture.get(fixture.url("/healthz")).await.0, StatusCode::OK);
    let (status, text) = fixture.get(fixture.url("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["checks"]["store"]["ok"], true);
    assert_eq!(report["checks"]["forge"]["ok"], false);
    assert_eq!(report["checks"]["worker"]["why"], "not started yet");

    fixture.readiness.answered(Peer::Forge);
    fixture.readiness.answered(Peer::Cluster);
    fixture.readiness.looped();
    let (status, text) = fixture.get(fixture.url("/readyz")).await;
    assert_eq!(status, StatusCode::OK, "{text}");

    fixture.readiness.failed(Peer::Cluster, "<b>internal.example.org refuses</b>".to_owned());
    let (status, text) = fixture.get(fixture.url("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!text.contains("internal.example.org"), "what the cluster said is not for everybody: {text}");
    let (_, page) = fixture.get(fixture.page_url("/")).await;
    assert!(page.contains("internal.example.org refuses") && !page.contains("<b>"), "{page}");

    fixture.readiness.answered(Peer::Cluster);
    fixture.store.close().await;
    let (status, text) = fixture.get(fixture.url("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["checks"]["store"]["ok"], false);
    assert_eq!(report["checks"]["cluster"]["ok"], true);
}

#[test]
fn a_worker_that_does_not_come_round_is_stuck() {
    let settings = Settings { worker_max_age_seconds: 0, contact_max_age_seconds: 0, ..Settings::default() };
    let readiness = Readiness::new(&settings);
    readiness.looped();
    readiness.answered(Peer::Forge);
    let begun = std::time::Instant::now();
    while begun.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    assert!(!readiness.worker().ok);
    assert!(!readiness.peer(Peer::Forge).ok);
}

#[tokio::test]
async fn the_page_shows_runs_and_their_journals_escaped() {
    let fixture = fixture().await;
    let (status, page) = fixture.get(fixture.page_url("/")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("no run yet"), "{page}");

    let run = fixture.store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
    let event = r#"{"event":"task-ended","note":"<script>alert(1)</script>"}"#;
    fixture.store.append(run.id, Timestamp::now(), &[event.to_owned()]).await.unwrap();
    let (_, page) = fixture.get(fixture.page_url("/")).await;
    assert!(page.contains("ops/homelab") && page.contains("#7") && page.contains("still open"), "{page}");
    let response = fixture.client.get(fixture.page_url(&format!("/runs/{}", run.id))).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let page = response.text().await.unwrap();
    assert!(page.contains("task ended") && !page.contains("<script>"), "{page}");

    assert_eq!(fixture.get(fixture.page_url("/runs/99")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.get(fixture.page_url("/style.css")).await.0, StatusCode::OK);
    // Each listener serves its own and nothing else.
    assert_eq!(fixture.get(fixture.page_url("/readyz")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.get(fixture.url("/runs/1")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn shutdown_ends_the_listeners() {
    let fixture = fixture().await;
    let address = fixture.serving.address;
    fixture.shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), fixture.serving.ended()).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
