//! Addresses and sources of alerts over real HTTP.

use super::*;
use crate::health::Verdict;
use crate::health::probes::testing::of_toml;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

/// A server on loopback, until the test ends.
async fn server() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let slow = || async {
        std::future::pending::<()>().await;
    };
    let once = move || {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { StatusCode::BAD_GATEWAY } else { StatusCode::OK } }
    };
    let alerts = |headers: HeaderMap| async move {
        if headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer s3cret") {
            let text = r#"{"status": "success", "data": {"alerts": [{"labels": {"alertname": "Watchdog"}, "state": "firing"}]}}"#;
            (StatusCode::OK, text.to_owned())
        } else {
            (StatusCode::UNAUTHORIZED, String::new())
        }
    };
    let app = Router::new()
        .route("/well", get(|| async { "all is well" }))
        .route("/broken", get(|_: Request| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/moved", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/well")]).into_response() }))
        .route(
            "/login",
            get(|| async {
                (StatusCode::FOUND, [(header::LOCATION, "http://login.example.org/")]).into_response()
            }),
        )
        .route(
            "/round",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/round")]).into_response() }),
        )
        .route("/slow", get(slow))
        .route("/once", get(once))
        .route("/long", get(|| async { "x".repeat(9 << 20) }))
        .route("/metrics/api/v1/alerts", get(alerts))
        .route("/long/api/v1/alerts", get(|| async { "x".repeat(9 << 20) }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, asked)
}

fn address(url: &str, more: &str) -> Address {
    of_toml(&format!("name = \"shop\"\nurl = \"{url}\"\n{more}")).expect("an address")
}

async fn told(address: &Address) -> (Verdict, Vec<String>) {
    let result = address::judge(address, Duration::from_secs(20)).await;
    (result.verdict, result.findings.into_iter().map(|one| one.id.rule).collect())
}

#[tokio::test]
async fn an_address_answers_as_it_should_or_it_is_a_finding() {
    let (server, _) = server().await;
    let cases = [
        ("/well", "", Verdict::Green, None),
        ("/well", "contains = \"is well\"", Verdict::Green, None),
        ("/well", "contains = \"is broken\"", Verdict::Red, Some("content")),
        ("/moved", "", Verdict::Green, None),
        ("/moved", "status = [302]", Verdict::Green, None),
        ("/moved", "status = [200]", Verdict::Red, Some("status")),
        ("/login", "", Verdict::Red, Some("status")),
        ("/login", "status = [302]", Verdict::Green, None),
        ("/round", "", Verdict::Red, Some("status")),
        ("/broken", "", Verdict::Red, Some("status")),
        ("/broken", "severity = \"yellow\"", Verdict::Yellow, Some("status")),
        ("/broken", "severity = \"listed\"", Verdict::Green, Some("status")),
        ("/broken", "status = [401, 503]", Verdict::Green, None),
        ("/slow", "timeout_seconds = 1", Verdict::Red, Some("unreachable")),
        ("/long", "contains = \"xxx\"", Verdict::Green, None),
        ("/long", "contains = \"y\"", Verdict::Red, Some("content")),
    ];
    for (path, more, verdict, rule) in cases {
        let expected = (verdict, rule.map(str::to_owned).into_iter().collect());
        assert_eq!(told(&address(&format!("{server}{path}"), more)).await, expected, "{path} {more}");
    }
}

#[tokio::test]
async fn one_answer_that_fails_is_none_that_counts() {
    let (server, asked) = server().await;
    assert_eq!(told(&address(&format!("{server}/once"), "")).await.0, Verdict::Green);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn nobody_listens_and_no_query_is_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/shop?token=s3cret", listener.local_addr().expect("bound"));
    drop(listener);
    let result = address::judge(&address(&url, ""), Duration::from_secs(20)).await;
    assert_eq!(result.verdict, Verdict::Red);
    let [found] = result.findings.as_slice() else { panic!("{:?}", result.findings) };
    assert_eq!(found.id.rule, "unreachable");
    assert!(found.evidence.contains("/shop: ") && !found.evidence.contains("s3cret"), "{}", found.evidence);
    assert!(found.evidence.to_lowercase().contains("refused"), "{}", found.evidence);
}

#[tokio::test]
async fn alerts_are_asked_for_with_a_token_and_what_cannot_be_read_is_unknown() {
    let (server, _) = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").expect("written");
    let source = |path: &str, more: &str| -> AlertSource {
        let text = format!("name = \"alerts\"\nurl = \"{server}{path}\"\nkind = \"prometheus\"\n{more}");
        of_toml(&text).expect("a source")
    };
    let with_token = format!("token_file = {token:?}");
    let missing = format!("token_file = {:?}", folder.path().join("none"));
    for (path, more, verdict, said) in [
        ("/metrics", with_token.as_str(), Verdict::Green, ""),
        ("/metrics/", with_token.as_str(), Verdict::Green, ""),
        ("/metrics", "", Verdict::Unknown, "it answers 401"),
        ("/metrics", missing.as_str(), Verdict::Unknown, "cannot be read"),
        ("/elsewhere", with_token.as_str(), Verdict::Unknown, "it answers 404"),
        ("/long", "", Verdict::Unknown, "more than"),
    ] {
        let source = source(path, more);
        let answer = alerts::read(&source, Duration::from_secs(20)).await;
        let result = alerts::judge(&source, answer, None);
        assert_eq!(result.verdict, verdict, "{path} {more}");
        let evidence: String = result.findings.into_iter().map(|one| one.evidence).collect();
        assert!(evidence.contains(said) && !evidence.contains("s3cret"), "{path} {more}: {evidence}");
    }
}

#[test]
fn what_cannot_be_asked_is_an_error_of_the_settings() {
    for (text, said) in [
        ("name = \"\"\nurl = \"https://shop.example.org\"", "findings are known by it"),
        ("name = \"shop\"\nurl = \"ftp://shop.example.org\"", "http"),
        ("name = \"shop\"\nurl = \"https://a:b@shop.example.org\"", "password"),
        ("name = \"shop\"\nurl = \"shop\"", "url"),
        ("name = \"shop\"\nurl = \"https://shop.example.org\"\nstatuses = [200]", "statuses"),
    ] {
        let error = of_toml::<Address>(text).expect_err(text).to_string();
        assert!(error.contains(said) && !error.contains("a:b"), "{text}: {error}");
    }
}
