//! A server that goes away and comes back: what the log says of it, and how soon the watches are back.

use super::super::watch::Pace;
use super::super::watch::tests::{PATIENCE, client, lists, pace, server_of, wait};
use super::super::{Cluster as _, Freshness, Kubernetes};
use sim::kubernetes::{Fault, Kubernetes as Server, Matcher};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::subscriber::DefaultGuard;

/// The lines of a log, as far as people read it.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What this thread logs from now on, for as long as the guard lives.
    fn begin(&self) -> DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || lines.clone())
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .without_time()
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// Those about watches, without what differs from run to run.
    fn of_watches(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let text = text.expect("words");
        let about = text.lines().filter(|line| line.contains("watch"));
        let words = |line: &str| line.trim_start().split(['=', ';']).next().unwrap_or_default().to_owned();
        about.map(words).map(|line| line.trim_end_matches(" watches").to_owned()).collect()
    }
}

/// How often a watch that has broken was opened again.
fn opened(server: &Server, since: usize) -> usize {
    server.requests_since(since).iter().filter(|one| one.verb == "watch" && one.status == 200).count()
}

/// Everything that a look reads is read once.
async fn look(client: &Kubernetes) {
    client.pods(Duration::from_mins(10), Freshness::Watched).await.expect("readable");
}

const AWAY: &str = "WARN caretaker::cluster::watch: watches get no answer";
const BACK: &str = "INFO caretaker::cluster::watch: all watches get answers again";

#[tokio::test]
async fn a_server_that_begins_again_is_a_line_when_it_goes_and_one_when_it_is_back_each_time() {
    let server = server_of(3).await;
    let client = client(&server).await;
    let lines = Lines::default();
    let _guard = lines.begin();
    let pauses = (Duration::from_millis(400), PATIENCE);
    client.start_watching_at(Duration::from_mins(10), |_| false, Pace { pauses, ..pace() });
    look(&client).await;
    let mut expected = Vec::new();
    for _ in 0..2 {
        wait(&5, async || opened(&server, 0).min(5)).await;
        server.faults().set_down(true);
        server.faults().break_connections();
        expected.push(AWAY.to_owned());
        wait(&expected, async || lines.of_watches()).await;
        // It knows nothing of what was before, and at first nobody's rights.
        server.compact();
        let refuses = server.faults().add(Matcher::of("list", "pods"), Fault::Forbid);
        let since = server.requests().len();
        server.faults().set_down(false);
        wait(&true, async || server.requests_since(since).iter().any(|one| one.status == 403)).await;
        server.faults().remove(refuses);
        expected.push(BACK.to_owned());
        wait(&expected, async || lines.of_watches()).await;
        assert!(opened(&server, since) >= 5, "all of them");
        look(&client).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_proxy_that_cuts_what_is_quiet_is_no_outage_and_costs_no_list() {
    let server = server_of(3).await;
    let client = client(&server).await;
    let lines = Lines::default();
    let _guard = lines.begin();
    client.start_watching_at(Duration::from_mins(10), |_| false, pace());
    look(&client).await;
    wait(&5, async || opened(&server, 0).min(5)).await;
    for _ in 0..4 {
        // Before the first bookmark, and after what would be told as an outage.
        let cut = Instant::now() + super::TOGETHER + Duration::from_millis(50);
        wait(&true, async || Instant::now() > cut).await;
        let since = server.requests().len();
        server.faults().break_connections();
        wait(&5, async || opened(&server, since).min(5)).await;
    }
    look(&client).await;
    assert_eq!(lines.of_watches(), Vec::<String>::new());
    assert_eq!(lists(&server), 1, "the one that it began with");
    client.stop_watching().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_watch_that_is_refused_beside_lists_that_are_not_is_a_line_and_lists_more_and_more_seldom() {
    let server = server_of(3).await;
    server.faults().add(Matcher::of("watch", "pods"), Fault::Forbid);
    let client = client(&server).await;
    let lines = Lines::default();
    let _guard = lines.begin();
    let pauses = (Duration::from_millis(20), Duration::from_millis(300));
    let pace = Pace { pauses, refused: PATIENCE * 10, ..pace() };
    client.start_watching_at(Duration::from_mins(10), |_| false, pace);
    let expected = "WARN caretaker::cluster::watch: a watch does not work";
    let said = || lines.of_watches().into_iter();
    wait(&true, async || said().any(|line| line.starts_with(expected))).await;
    let listed = lists(&server);
    assert!(listed <= 8, "each pause is longer than the one before: {listed} lists");
    assert!(!client.news().is_told().await, "nothing happened");
    assert_eq!(said().count(), 1, "{:?}", said().collect::<Vec<_>>());
    server.shutdown().await;
}
