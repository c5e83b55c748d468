//! The service killed in the middle of its work and started again, and the service that never gets a webhook: each run
//! ends as one that nothing happened to.
//!
//! The simulators, the actors and the person run in this process; `caretaker serve` is one of its own. Moments are drawn
//! from a seed that is printed: `CARETAKER_TEST_SEED` sets it, `CARETAKER_TEST_CASES` how many runs there are.

use caretaker::demo::{DemoOutcome, Script, Stage, StageOptions};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sim::gitea::RequestRecord;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// A scenario takes a few seconds.
const SCALE: f64 = 500.0;

/// As long as a run may take, restarts included.
const DEADLINE: Duration = Duration::from_mins(2);

/// What the person wrote, byte by byte.
const SENTENCE: &str = "\nWorker nodes: seven, two of them with\tspare disks.  \nNote from the operator: the UPS test on Friday is unrelated.\n";

/// When the service is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Never.
    Never,
    /// After so long.
    After(Duration),
    /// Right after its nth request that changes something, before it can write the answer down.
    Effect(usize),
}

/// The service in a process of its own; killed when it is dropped.
struct Service(Child);

impl Service {
    fn start(stage: &Stage) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_caretaker"))
            .arg("serve")
            .arg("--config")
            .arg(stage.settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self(child)
    }

    /// SIGKILL, and waits until the process is gone.
    fn kill(&mut self) {
        self.0.kill().expect("the process can be killed");
        self.0.wait().expect("the process can be waited for");
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("the process can be asked").is_some()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a run ended, with everything masked that may differ: times, shas, durations, codes, write counts and the way of
/// the approval.
#[derive(Debug, Clone, PartialEq)]
struct FinalState {
    issue: (String, Vec<String>, String),
    tasks: Vec<(String, bool, String)>,
    files: BTreeMap<String, String>,
    others: BTreeMap<u64, (String, String, bool)>,
    merges: Vec<(u64, String, Option<String>, String)>,
    reverts: Vec<u64>,
    holds: BTreeSet<String>,
    layers: Vec<(String, String)>,
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address")
}

fn changes(request: &RequestRecord) -> bool {
    request.user.as_deref() == Some("caretaker") && request.handled && request.method != "GET"
}

/// How many effects the service has had on both servers.
fn effects(stage: &Stage) -> usize {
    let forge = stage.world().gitea().requests().iter().filter(|request| changes(request)).count();
    let cluster = stage.world().kubernetes().requests();
    forge + cluster.iter().filter(|request| request.verb == "patch").count()
}

/// Plays the default scenario to its end with the service killed once, and tells the end and how long it took and how
/// many effects there were.
async fn play(moment: Moment, webhooks: bool) -> (FinalState, Duration, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = StageOptions::new(folder.path(), SCALE);
    options.listen = free_address();
    let stage = Stage::homelab(&options).await.expect("the stage is built");
    stage.send_deliveries(None).expect("the hook is made");
    if !webhooks {
        stage.drop_deliveries();
    }
    let stop = CancellationToken::new();
    let script = Script::of(&stage, SCALE).expect("there is a person");
    let person = tokio::spawn(script.play(|_| {}, stop.clone()));
    let began = Instant::now();
    let mut service = Service::start(&stage);
    let mut killed = false;
    while let Some(missing) = stage.missing() {
        assert!(began.elapsed() < DEADLINE, "{moment:?}: not at the end: {missing}\n{}", body(&stage));
        let now = match moment {
            Moment::Never => false,
            Moment::After(after) => began.elapsed() >= after,
            Moment::Effect(nth) => effects(&stage) >= nth,
        };
        if now && !killed {
            service.kill();
            killed = true;
            service = Service::start(&stage);
        }
        assert!(!service.has_ended(), "{moment:?}: the service ended by itself");
        tokio::time::sleep(Duration::from_millis(if killed { 20 } else { 2 })).await;
    }
    let (took, effects) = (began.elapsed(), effects(&stage));
    stop.cancel();
    person.await.expect("the script ends");
    service.kill();
    let outcome = DemoOutcome::of(&stage, took).await.expect("the outcome is read");
    let end = final_state(&stage, &outcome);
    once_each(&stage, moment);
    stage.shutdown().await;
    (end, took, effects)
}

fn body(stage: &Stage) -> String {
    stage.issue().map(|issue| issue.body).unwrap_or_default()
}

fn final_state(stage: &Stage, outcome: &DemoOutcome) -> FinalState {
    let repository = stage.world().repository();
    let issue = stage.issue().expect("the issue is there");
    assert_eq!(issue.body.matches(SENTENCE).count(), 1, "a person's bytes:\n{}", issue.body);
    let mut labels = issue.labels.clone();
    labels.sort();
    let mut others = BTreeMap::new();
    for other in repository.issues(None) {
        others.insert(other.number, (other.state.as_str().to_owned(), other.title, false));
    }
    for pull in repository.pulls(None) {
        others.insert(pull.number, (pull.state.as_str().to_owned(), pull.title, pull.merged));
    }
    FinalState {
        issue: (issue.state.as_str().to_owned(), labels, issue.title),
        tasks: tasks(&issue.body),
        files: repository
            .files("main")
            .into_iter()
            .map(|(path, entry)| (path, entry.blob.as_str().to_owned()))
            .collect(),
        others,
        merges: outcome
            .merges
            .iter()
            .map(|merge| (merge.number, merge.category.clone(), merge.gate.clone(), merge.outcome.to_owned()))
            .collect(),
        reverts: outcome.reverts.iter().map(|revert| revert.number).collect(),
        holds: holds(&issue.body),
        layers: outcome
            .layers
            .iter()
            .map(|(layer, verdict)| (layer.clone(), verdict.as_str().unwrap_or_default().to_owned()))
            .collect(),
    }
}

/// Each task's box and the word of its outcome note.
fn tasks(body: &str) -> Vec<(String, bool, String)> {
    let mut found = Vec::new();
    for line in body.lines() {
        let Some((ticked, rest)) = line
            .strip_prefix("- [x] **")
            .map(|rest| (true, rest))
            .or_else(|| line.strip_prefix("- [ ] **").map(|rest| (false, rest)))
        else {
            continue;
        };
        let Some((id, _)) = rest.split_once(" P") else { continue };
        let note = rest.rsplit_once("*(").map_or("", |(_, note)| note.split(' ').next().unwrap_or_default());
        found.push((id.to_owned(), ticked, note.to_owned()));
    }
    found
}

/// What the status lists as held, without the time.
fn holds(body: &str) -> BTreeSet<String> {
    let section = body.split("Held versions").nth(1).unwrap_or_default();
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('#'));
    lines
        .filter(|line| line.starts_with("- `"))
        .map(|line| line.split(", since").next().unwrap_or_default().to_owned())
        .collect()
}

/// Merges, reverts and closings each happened once.
fn once_each(stage: &Stage, moment: Moment) {
    let repository = stage.world().repository();
    let history = repository.history("main");
    let merges: Vec<_> = history.iter().filter(|commit| commit.parents.len() == 2).collect();
    assert_eq!(merges.len(), 6, "{moment:?}: {merges:#?}");
    let own = history.iter().filter(|commit| commit.author == "caretaker" && commit.parents.len() == 1);
    assert_eq!(own.count(), 1, "{moment:?}: one revert");
    let requests = stage.world().gitea().requests();
    let closings = requests.iter().filter(|request| {
        changes(request) && request.method == "PATCH" && request.fields.iter().any(|field| field == "state")
    });
    assert_eq!(closings.count(), 1, "{moment:?}: the related issue is closed once");
    let comments = requests.iter().filter(|request| changes(request) && request.path.ends_with("/comments"));
    assert_eq!(comments.count(), 0, "{moment:?}");
}

/// The unkilled run that all others are compared to.
async fn unkilled() -> &'static (FinalState, Duration, usize) {
    static UNKILLED: OnceCell<(FinalState, Duration, usize)> = OnceCell::const_new();
    UNKILLED.get_or_init(|| play(Moment::Never, true)).await
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_goes_on_where_it_was() {
    let seed = number("CARETAKER_TEST_SEED").unwrap_or_else(rand::random);
    let cases = number("CARETAKER_TEST_CASES").unwrap_or(3);
    println!("CARETAKER_TEST_SEED={seed} CARETAKER_TEST_CASES={cases}");
    let (expected, took, effects) = unkilled().await;
    println!("unkilled: {took:?}, {effects} effects");
    let mut draw = StdRng::seed_from_u64(seed);
    for case in 0..cases {
        let moment = if draw.random_bool(0.5) {
            Moment::Effect(draw.random_range(1..=*effects))
        } else {
            Moment::After(took.mul_f64(draw.random_range(0.0..1.0)))
        };
        println!("case {case}: {moment:?}");
        let (state, lasted, _) = play(moment, true).await;
        println!("  {lasted:?}");
        assert_eq!(state, *expected, "seed {seed}, case {case}: {moment:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_webhook_the_end_is_the_same() {
    let (expected, ..) = unkilled().await;
    let (state, ..) = play(Moment::Never, false).await;
    assert_eq!(state, *expected);
}
