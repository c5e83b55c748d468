//! A server that goes away and comes back: what the log says of it, and how soon the watches are back.

use super::super::watch::Pace;
use super::super::watch::tests::{PATIENCE, client, lists, pace, server_of, wait};
use super::super::{Cluster as _, Freshness, Kubernetes};
use sim::kubernetes::{Fault, Kubernetes as Server, Matcher, WatchFault};
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

/// All watches, of whatever kind.
fn watches() -> Matcher {
    Matcher { verb: Some("watch".to_owned()), ..Matcher::all() }
}

/// Lets so much time pass.
async fn pass(time: Duration) {
    let over = Instant::now() + time;
    wait(&true, async || Instant::now() > over).await;
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
    // The bookmark of each comes after four seconds.
    let (lasts, slack) = (Duration::from_secs(6), PATIENCE);
    let pace = Pace { lasts, first: lasts, slack, ..pace() };
    client.start_watching_at(Duration::from_mins(10), |_| false, pace);
    look(&client).await;
    wait(&5, async || opened(&server, 0).min(5)).await;
    for _ in 0..3 {
        // Before that, after what would be told as an outage, and after what a watch has to live to have worked.
        pass(lasts / 2 + Duration::from_millis(200)).await;
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

#[tokio::test]
async fn a_proxy_that_cuts_everything_after_a_moment_is_told() {
    let server = server_of(3).await;
    let client = client(&server).await;
    let lines = Lines::default();
    let _guard = lines.begin();
    server.faults().add(watches(), Fault::Watch(WatchFault::EndsAfter(Duration::from_secs(1))));
    // Each lives for much longer than was waited before it.
    let lasts = Duration::from_secs(6);
    let pauses = (Duration::from_millis(10), Duration::from_millis(50));
    client.start_watching_at(
        Duration::from_mins(10),
        |_| false,
        Pace { lasts, first: lasts, pauses, ..pace() },
    );
    wait(&vec![AWAY.to_owned()], async || lines.of_watches()).await;
    let since = server.requests().len();
    wait(&10, async || opened(&server, since).min(10)).await;
    assert_eq!(lines.of_watches(), [AWAY]);
    server.faults().clear();
    wait(&vec![AWAY.to_owned(), BACK.to_owned()], async || lines.of_watches()).await;
    client.stop_watching().await;
    server.shutdown().await;
}

/// Lists are answered, and watches are not opened. `moves` is whether something changes all the time, so that a proof needs a watch too.
async fn watches_that_are_not_opened(moves: bool) {
    let server = server_of(3).await;
    let client = client(&server).await;
    let lines = Lines::default();
    let _guard = lines.begin();
    let slack = PATIENCE;
    client.start_watching_at(Duration::from_mins(10), |_| false, Pace { slack, ..pace() });
    wait(&5, async || opened(&server, 0).min(5)).await;
    // For longer than ten pauses.
    server.faults().add(watches(), Fault::Delay(Duration::from_millis(700)));
    let refuses = server.faults().add(watches(), Fault::Status(504));
    server.faults().break_connections();
    let asked = |since: usize| {
        let asked = server.requests_since(since);
        asked.iter().filter(|one| one.verb == "watch").count()
    };
    for _ in 0..12 {
        let since = server.requests().len();
        if moves {
            server.namespace(&format!("other-{since}"));
        }
        wait(&5, async || asked(since).min(5)).await;
    }
    assert_eq!(lines.of_watches(), [AWAY]);
    // Watches are opened, and tell nothing until the server goes away again.
    let silent = server.faults().add(watches(), Fault::Watch(WatchFault::Silence));
    let since = server.requests().len();
    server.faults().remove(refuses);
    wait(&5, async || opened(&server, since).min(5)).await;
    pass(pace().first + Duration::from_millis(200)).await;
    server.faults().set_down(true);
    pass(Duration::from_secs(1)).await;
    assert_eq!(lines.of_watches(), [AWAY]);
    server.faults().remove(silent);
    server.faults().clear();
    wait(&vec![AWAY.to_owned(), BACK.to_owned()], async || lines.of_watches()).await;
    client.stop_watching().await;
    server.shutdown().await;
}

#[tokio::test]
async fn watches_that_are_not_opened_are_told_of_once() {
    watches_that_are_not_opened(false).await;
}

#[tokio::test]
async fn watches_that_are_not_opened_while_something_changes_are_told_of_once() {
    watches_that_are_not_opened(true).await;
}
