//! The service on a stage in real time: what is told to the process itself.

use super::address::free_address;
use caretaker::demo::{Stage, StageOptions};
use reqwest::{Client, StatusCode};
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As long as anything may take, on a machine that has other things to do.
pub(super) const DEADLINE: Duration = Duration::from_mins(2);

/// The service in a process of its own; killed when it is dropped.
pub(super) struct Service(Child);

impl Service {
    pub(super) async fn start(stage: &Stage, store: &Path, client: &Client, listen: SocketAddr) -> Self {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(stage.folder().join("service.log"))
            .expect("a file for the log");
        let child = Command::new(env!("CARGO_BIN_EXE_caretaker"))
            .args(["serve", "--config"])
            .arg(stage.settings())
            .env("CARETAKER__STORE__PATH", store)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let mut service = Self(child);
        let began = Instant::now();
        while client.get(format!("http://{listen}/healthz")).send().await.is_err() {
            assert!(began.elapsed() < DEADLINE, "it does not answer");
            assert!(service.0.try_wait().expect("it can be asked").is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service
    }

    fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How often the service has begun to look at its repository.
fn looks(stage: &Stage) -> usize {
    let requests = stage.world().gitea().requests();
    requests.iter().filter(|one| one.path.ends_with("/repos/ops/homelab")).count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_hangup_it_looks_at_once_and_goes_on() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let listen = free_address();
    let stage =
        Stage::homelab(&StageOptions { listen, ..StageOptions::new(folder.path(), 1.0) }).await.unwrap();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let service = Service::start(&stage, stage.store(), &client, listen).await;
    until("it has looked once", || looks(&stage) > 0).await;
    for more in 1..=2 {
        let before = looks(&stage);
        let told = Command::new("kill").arg("-HUP").arg(service.id().to_string()).status();
        assert!(told.expect("kill is there").success());
        until(&format!("it looks again, {more}"), || looks(&stage) > before).await;
    }
    let answer = client.get(format!("http://{listen}/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    drop(service);
    stage.shutdown().await;
}
