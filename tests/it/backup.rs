//! `caretaker backup` beside the running service, and the service on what was restored from it.

use super::address::free_address;
use super::cli::{caretaker, finish, run};
use super::service::{DEADLINE, Service};
use caretaker::demo::{Stage, StageOptions};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sha2::Sha256;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

async fn deliver(client: &Client, listen: SocketAddr, secret: &str, number: u64) -> StatusCode {
    let body = format!(
        r#"{{"ref":"refs/heads/main","after":"{number}","repository":{{"full_name":"ops/homelab"}}}}"#
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("keys of every length");
    mac.update(body.as_bytes());
    let signature = mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let request = client
        .post(format!("http://{listen}/webhook"))
        .header("Content-Type", "application/json")
        .header("X-Forgejo-Delivery", format!("d-{number}"))
        .header("X-Forgejo-Event", "push")
        .header("X-Forgejo-Signature", signature)
        .body(body);
    request.send().await.expect("it answers").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_made_beside_the_service_and_can_be_served_from() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let listen = free_address();
    let stage =
        Stage::homelab(&StageOptions { listen, ..StageOptions::new(folder.path(), 1.0) }).await.unwrap();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let secret = std::fs::read_to_string(folder.path().join("webhook-secret")).unwrap();
    let service = Service::start(&stage, stage.store(), &client, listen).await;

    // Deliveries are written while the copy is made.
    let acknowledged = Arc::new(AtomicU64::new(0));
    let sending = {
        let (client, secret, acknowledged) = (client.clone(), secret.clone(), acknowledged.clone());
        tokio::spawn(async move {
            loop {
                let number = acknowledged.load(Ordering::SeqCst);
                assert_eq!(deliver(&client, listen, &secret, number).await, StatusCode::ACCEPTED);
                acknowledged.store(number + 1, Ordering::SeqCst);
            }
        })
    };
    let began = Instant::now();
    while acknowledged.load(Ordering::SeqCst) < 20 {
        assert!(began.elapsed() < DEADLINE && !sending.is_finished(), "nothing is taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = acknowledged.load(Ordering::SeqCst);
    let config = stage.settings().to_str().unwrap().to_owned();
    let path = folder.path().to_owned();
    let backup = move |arguments: &[&str]| {
        let mut all = vec!["backup", "--config", &config];
        all.extend(arguments);
        run(&path, &all)
    };
    let (code, out, err) = tokio::task::block_in_place(|| backup(&["copy.sqlite", "--format", "json"]));
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(!sending.is_finished(), "the service went on");
    let done: Value = serde_json::from_str(&out).unwrap();
    let copied = done["rows"]["delivery"].as_u64().unwrap();
    assert!(copied >= before, "{copied} of at least {before}");
    sending.abort();

    let (code, out, err) = tokio::task::block_in_place(|| backup(&["copy.sqlite"]));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("copy.sqlite is there already"), "{err}");
    let (code, out, _) = tokio::task::block_in_place(|| backup(&["another.sqlite"]));
    assert!(code == Some(0) && out.contains("another.sqlite: copied and verified"), "{out}");

    // Restored: what was delivered before is known, and what comes is taken.
    drop(service);
    let copy = folder.path().join("copy.sqlite");
    let service = Service::start(&stage, &copy, &client, listen).await;
    for number in [copied - 1, copied + 1_000_000] {
        assert_eq!(deliver(&client, listen, &secret, number).await, StatusCode::ACCEPTED);
    }
    drop(service);
    let (code, out, _) = {
        let mut command =
            caretaker(folder.path(), &["backup", "last.sqlite", "--format", "json", "--config"]);
        command.arg(stage.settings()).env("CARETAKER__STORE__PATH", &copy);
        tokio::task::block_in_place(|| finish(&command.output().unwrap()))
    };
    assert_eq!(code, Some(0));
    let last: Value = serde_json::from_str(&out).unwrap();
    let kept = last["rows"]["delivery"].as_u64().unwrap();
    // One that the copy had already, one that is new; none of those that came after the copy.
    assert_eq!(kept, copied + 1);
    stage.shutdown().await;
}

#[test]
fn where_there_is_no_store_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = run(folder.path(), &["backup", "copy.sqlite"]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains("no store at caretaker.sqlite") && err.contains("store.path"), "{err}");
    assert!(!folder.path().join("copy.sqlite").exists());
}
