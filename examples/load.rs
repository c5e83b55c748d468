//! A storm of deliveries against the real service, beside a bare loop of inserts on the same disk.
//!
//! ```console
//! cargo build && cargo run --example load
//! cargo build --release && cargo run --release --example load -- --rate 500 --seconds 10
//! ```
//!
//! Starts the program's `serve` with the simulated servers, sends signed deliveries at a steady rate whether the ones before
//! are answered or not, kills the service without a warning, and counts in its store what was acknowledged. Prints numbers
//! and judges none but that: an answer that was not kept ends it with an error. Everything is on loopback, and it takes a
//! minute at most besides the time of the storm.

use caretaker::demo::{Stage, StageOptions};
use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, StatusCode};
use sha2::Sha256;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Failure = Box<dyn Error + Send + Sync>;

/// How long the service may take to answer at all.
const START: Duration = Duration::from_secs(30);

/// How long the bare loop goes on at most.
const BARE: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
struct Arguments {
    /// Deliveries a second.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// The size of the issue's text in a delivery, in bytes.
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// The program; the one beside this example when it is not named.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// The service; killed when this ends, however it ends.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How one delivery was answered.
#[derive(Debug)]
struct Answer {
    id: String,
    status: Option<StatusCode>,
    /// From the moment at which it was due, so that a service that stalls is not asked less.
    after: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let (listen, page) = (free_address()?, free_address()?);
    let options = StageOptions { listen, page_listen: page, ..StageOptions::new(folder.path(), 1.0) };
    let stage = Stage::homelab(&options).await?;
    let binary = arguments.binary.clone().map_or_else(beside, Ok)?;
    let log = std::fs::File::create(folder.path().join("service.log"))?;
    let service = Service(
        Command::new(&binary)
            .args(["serve", "--config"])
            .arg(stage.settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}; `cargo build` makes it", binary.display()))?,
    );
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
    ready(&client, listen).await?;

    let secret = std::fs::read_to_string(folder.path().join("webhook-secret"))?;
    let repository = format!("{}/{}", stage.world().repository().owner(), stage.world().repository().name());
    let before = memory(&service, "VmRSS")?;
    let answers = storm(&arguments, &client, listen, secret.trim(), &repository).await;
    let peak = memory(&service, "VmHWM")?;
    let metrics = client.get(format!("http://{page}/metrics")).send().await?.text().await?;
    drop(service);
    let stored = stored(stage.store()).await?;
    stage.shutdown().await;

    let accepted: Vec<&Answer> =
        answers.iter().filter(|answer| answer.status == Some(StatusCode::ACCEPTED)).collect();
    let lost = accepted.iter().filter(|answer| !stored.contains(&answer.id)).count();
    let times = Times::of(answers.iter().map(|answer| answer.after));
    let bare = bare(folder.path(), arguments.size).await?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "deliveries        {} sent at {}/s, text of {} bytes",
        answers.len(),
        arguments.rate,
        arguments.size
    )?;
    writeln!(out, "acknowledged      {}", accepted.len())?;
    writeln!(out, "in the store      {} after SIGKILL; {lost} acknowledged and lost", stored.len())?;
    writeln!(out, "answer            {times}")?;
    writeln!(out, "memory            {before} kB before, {peak} kB at its peak")?;
    writeln!(out, "bare insert       {bare}, one transaction each, synchronous=FULL; {:.0}/s", bare.rate())?;
    writeln!(
        out,
        "ratio             an answer takes {:.1} x a bare insert at p50, {:.1} x at p99",
        times.p50.as_secs_f64() / bare.p50.as_secs_f64(),
        times.p99.as_secs_f64() / bare.p99.as_secs_f64()
    )?;
    for line in metrics.lines().filter(|line| line.starts_with("caretaker_") && !line.ends_with(" 0")) {
        writeln!(out, "  {line}")?;
    }
    if lost > 0 || accepted.len() < answers.len() {
        return Err(
            format!("{} were not acknowledged, {lost} were lost", answers.len() - accepted.len()).into()
        );
    }
    Ok(())
}

/// The program that was built along with this example.
fn beside() -> Result<PathBuf, Failure> {
    let example = std::env::current_exe()?;
    let folder = example.parent().and_then(Path::parent).ok_or("the example lies nowhere")?;
    Ok(folder.join("caretaker"))
}

fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

async fn ready(client: &Client, address: SocketAddr) -> Result<(), Failure> {
    let until = Instant::now() + START;
    loop {
        if client.get(format!("http://{address}/healthz")).send().await.is_ok() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err("the service does not answer".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn storm(
    arguments: &Arguments,
    client: &Client,
    address: SocketAddr,
    secret: &str,
    repository: &str,
) -> Vec<Answer> {
    let many = arguments.rate * arguments.seconds;
    // Made beforehand: signing must not slow the sender.
    let deliveries: Vec<(String, String, String)> = (0..many)
        .map(|number| {
            let body = payload(repository, number, arguments.size);
            let signature = sign(secret, body.as_bytes());
            (format!("load-{number}"), body, signature)
        })
        .collect();
    let began = Instant::now();
    let mut sending = Vec::new();
    for (number, (id, body, signature)) in (0_u64..).zip(deliveries) {
        let due = began + Duration::from_secs(number) / arguments.rate;
        tokio::time::sleep_until(due.into()).await;
        let request = client
            .post(format!("http://{address}/webhook"))
            .header("Content-Type", "application/json")
            .header("X-Gitea-Delivery", &id)
            .header("X-Gitea-Event", "issues")
            .header("X-Gitea-Event-Type", "issues")
            .header("X-Gitea-Signature", signature)
            .body(body);
        sending.push(tokio::spawn(async move {
            let status = request.send().await.ok().map(|response| response.status());
            Answer { id, status, after: due.elapsed() }
        }));
    }
    let mut answers = Vec::new();
    for sent in sending {
        answers.extend(sent.await);
    }
    answers
}

/// An edit of an issue, each another one.
fn payload(repository: &str, number: u32, size: usize) -> String {
    let body = format!("- [ ] A{number} {}", "x".repeat(size));
    serde_json::json!({
        "action": "edited",
        "number": 1,
        "changes": { "body": { "from": "" } },
        "issue": { "number": 1, "title": "Maintenance", "body": body, "labels": [] },
        "repository": { "full_name": repository },
        "sender": { "login": "operator" },
    })
    .to_string()
}

fn sign(secret: &str, bytes: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(bytes);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A line of `/proc/PID/status`, in kB.
fn memory(service: &Service, what: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.0.id()))?;
    let line = status.lines().find(|line| line.starts_with(what)).ok_or("the service is gone")?;
    let number = line.split_whitespace().nth(1).ok_or("no number")?;
    Ok(number.parse()?)
}

/// The ids that the store holds.
async fn stored(store: &Path) -> Result<std::collections::HashSet<String>, Failure> {
    let mut connection = SqliteConnectOptions::new().filename(store).connect().await?;
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM delivery WHERE id LIKE 'load-%'")
        .fetch_all(&mut connection)
        .await?;
    connection.close().await?;
    Ok(ids.into_iter().collect())
}

/// Inserts of the same size, one after the other, each in a transaction of its own.
async fn bare(folder: &Path, size: usize) -> Result<Times, Failure> {
    let mut connection: SqliteConnection = SqliteConnectOptions::new()
        .filename(folder.join("bare.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    sqlx::query("CREATE TABLE delivery (id TEXT NOT NULL PRIMARY KEY, payload TEXT) STRICT")
        .execute(&mut connection)
        .await?;
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < BARE {
        let body = payload("ops/homelab", u32::try_from(times.len())?, size);
        let at = Instant::now();
        sqlx::query("INSERT INTO delivery (id, payload) VALUES (?, ?)")
            .bind(format!("bare-{}", times.len()))
            .bind(body)
            .execute(&mut connection)
            .await?;
        times.push(at.elapsed());
    }
    connection.close().await?;
    Ok(Times::of(times.into_iter()))
}

/// How long many things took.
#[derive(Debug)]
struct Times {
    many: u32,
    all: Duration,
    p50: Duration,
    p99: Duration,
    most: Duration,
}

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        let at = |hundredths: usize| times.get(times.len() * hundredths / 100).copied().unwrap_or_default();
        let most = times.last().copied().unwrap_or_default();
        let many = u32::try_from(times.len()).unwrap_or(u32::MAX);
        Self { many, all: times.iter().sum(), p50: at(50), p99: at(99), most }
    }

    fn rate(&self) -> f64 {
        f64::from(self.many) / self.all.as_secs_f64()
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "p50 {:.2?}, p99 {:.2?}, most {:.2?}", self.p50, self.p99, self.most)
    }
}
