//! Bad weather: while six pull requests are merged, the forge, the cluster and the network between them fail in all the
//! ways that they know, deliveries are lost, doubled, late and out of order, and the service is killed. Whatever comes,
//! each run ends as the one that nothing happened to.
//!
//! What befalls a run is drawn from its seed alone, and when is counted in effects: on a slow machine it comes as evenly as
//! on a fast one. `CARETAKER_TEST_SEED` sets the first seed, the runs after it have the next ones; `CARETAKER_TEST_CASES` sets how
//! many there are. Which request is under way at a moment is up to the machine, so a seed tells what was tried and not every
//! step.

#![expect(clippy::print_stdout, reason = "the seeds and the weather are for whoever reads a failure")]

use super::play::end::FinalState;
use super::play::{Effects, Opening, Play, number};
use caretaker::demo::Stage;
use futures::StreamExt as _;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use sim::actors::Person;
use sim::gitea::{DeliveryMode, Fault, Rule};
use sim::kubernetes::{Fault as ClusterFault, Matcher};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// How many seeds there are when nobody says so, and the first of them: the same every day. New ones are for who asks.
const CASES: u64 = 24;
const FIRST: u64 = 77;

/// So many of them are played however slow the machine is; for so long new ones are begun after that. It says how many it were.
const LEAST: u64 = 12;
const BUDGET: Duration = Duration::from_secs(150);

/// How soon what is due is done, and how often the errand's person looks.
const LOOK: Duration = Duration::from_millis(20);

/// How many effects at the forge a run has, about.
const EFFECTS: usize = 30;

/// Whom the cluster knows the service as.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:caretaker:caretaker";

/// The errand's task.
const ERRAND: &str = "**P1 P3 Apps**";

/// Which requests of the service to the forge.
#[derive(Debug, Clone, Copy)]
enum Target {
    Read,
    /// Whatever changes something.
    Write,
    /// Writes of a body.
    Edit,
    Merge,
    /// The commit that undoes a merge.
    Commit,
}

/// Something that befalls a run.
#[derive(Debug, Clone, Copy)]
enum Doing {
    /// The next so many requests of a kind meet this.
    Forge(Target, Fault, u32),
    /// The same of the cluster.
    Cluster(ClusterFault, u32),
    /// Every connection to the cluster breaks.
    CutCluster,
    /// From now on deliveries go this way.
    Deliveries(DeliveryMode),
    /// The service is killed and started again.
    Kill,
}

/// What befalls a run, and when.
#[derive(Debug, Clone)]
struct Weather {
    goes_wrong: bool,
    /// After how many merges the person does the errand.
    errand_after: usize,
    /// After how many effects at the forge, and so long after that.
    doings: Vec<((usize, Duration), Doing)>,
}

/// Draws one thing that happens.
type Draw = fn(&mut StdRng) -> Doing;

impl Weather {
    /// None at all.
    fn fair(goes_wrong: bool) -> Self {
        Self { goes_wrong, errand_after: 1, doings: Vec::new() }
    }

    fn draw(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let goes_wrong = random.random_bool(0.5);
        let errand_after = random.random_range(1..=5);
        let mut doings = Vec::new();
        let bursts: [(usize, Draw); 7] = [
            (8, |random| Doing::Forge(Target::Read, on_the_way(random), times(random))),
            (4, |random| Doing::Forge(Target::Write, on_the_way(random), 1)),
            (4, |random| Doing::Forge(Target::Edit, of_an_edit(random), times(random))),
            (3, |random| Doing::Forge(Target::Merge, on_the_way(random), times(random))),
            (1, |random| Doing::Forge(Target::Commit, on_the_way(random), times(random))),
            (5, in_the_cluster),
            (5, |random| Doing::Deliveries(delivered(random))),
        ];
        for (most, one) in bursts {
            for _ in 0..random.random_range(0..=most) {
                doings.push(one(&mut random));
            }
        }
        for _ in 0..random.random_range(0..=2) {
            doings.push(Doing::Kill);
        }
        let mut doings: Vec<_> = doings
            .into_iter()
            .map(|doing| ((random.random_range(0..EFFECTS), late(&mut random)), doing))
            .collect();
        doings.sort_by_key(|(at, _)| *at);
        Self { goes_wrong, errand_after, doings }
    }
}

/// Mostly one; sometimes so many that the tries of a request are used up.
fn times(random: &mut StdRng) -> u32 {
    if random.random_bool(0.15) { random.random_range(4..=6) } else { random.random_range(1..=2) }
}

fn late(random: &mut StdRng) -> Duration {
    Duration::from_millis(random.random_range(5..400))
}

fn status(random: &mut StdRng) -> u16 {
    [500, 502, 503, 504][random.random_range(0..4_usize)]
}

/// What befalls a request on its way to the forge or back.
fn on_the_way(random: &mut StdRng) -> Fault {
    match random.random_range(0..6) {
        0 => Fault::Delay(late(random)),
        1 => Fault::DelayAnswer(late(random)),
        2 => Fault::Status(status(random)),
        3 => Fault::StatusAfter(status(random)),
        4 => Fault::Drop,
        _ => Fault::DropAnswer,
    }
}

fn of_an_edit(random: &mut StdRng) -> Fault {
    if random.random_bool(0.3) { Fault::Overtaken } else { on_the_way(random) }
}

fn in_the_cluster(random: &mut StdRng) -> Doing {
    let fault = match random.random_range(0..5) {
        0 => ClusterFault::Delay(late(random)),
        1 => ClusterFault::Status(status(random)),
        2 => ClusterFault::DropBefore,
        3 => ClusterFault::DropAfter,
        _ => return Doing::CutCluster,
    };
    Doing::Cluster(fault, times(random))
}

fn delivered(random: &mut StdRng) -> DeliveryMode {
    match random.random_range(0..5) {
        0 => DeliveryMode::Normal,
        1 => DeliveryMode::Dropped,
        2 => DeliveryMode::Reordered,
        3 => DeliveryMode::Duplicated,
        _ => DeliveryMode::Delayed(late(random)),
    }
}

fn befall(play: &mut Play, doing: Doing) {
    let world = play.stage.world().clone();
    match doing {
        Doing::Forge(target, fault, times) => {
            let (method, path) = match target {
                Target::Read => ("GET", "."),
                Target::Write => ("*", "."),
                Target::Edit => ("PATCH", r"/issues/\d+$"),
                Target::Merge => ("POST", r"/pulls/[1-9]\d*/merge$"),
                Target::Commit => ("POST", r"/contents$"),
            };
            let rule = Rule::new(method, path, fault).expect("a pattern").times(times).when(move |seen| {
                seen.user == Some("caretaker")
                    && match target {
                        Target::Write => seen.method != "GET",
                        Target::Edit => seen.fields.iter().any(|field| field == "body"),
                        Target::Read | Target::Merge | Target::Commit => true,
                    }
            });
            world.gitea().faults().add(rule);
        }
        Doing::Cluster(fault, times) => {
            let service = Matcher { user: Some(SERVICE_ACCOUNT.to_owned()), ..Matcher::all() };
            world.kubernetes().faults().add_times(service, fault, times);
        }
        Doing::CutCluster => world.kubernetes().faults().break_connections(),
        Doing::Deliveries(mode) => world.gitea().set_delivery_mode(mode),
        Doing::Kill => {
            play.service.kill();
            play.restart();
        }
    }
}

/// Ticks the errand once, when so many merges are done, and says how the text looked if the tick was ever gone again.
async fn errand(person: Person, issue: u64, after: usize, stop: CancellationToken) -> Option<String> {
    let is_merged = |line: &&str| line.starts_with("- [x] **") && line.contains("Merge PR #");
    let mut ticked = false;
    while !stop.is_cancelled() {
        if let Ok(page) = person.read(issue).await {
            if ticked && !page.body.contains(&format!("- [x] {ERRAND}")) {
                return Some(page.body);
            }
            if !ticked && page.body.lines().filter(is_merged).count() >= after {
                ticked = person.tick(issue, ERRAND).await.is_ok();
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
    }
    None
}

/// Whether the errand's task is ticked, and the service's note is there.
fn is_answered(body: &str) -> bool {
    body.lines().any(|line| line.starts_with(&format!("- [x] {ERRAND}")) && line.contains(" *(done "))
}

/// Plays a scenario to its end in this weather.
async fn play(weather: &Weather, what: &str) -> FinalState {
    let opening = Opening { goes_wrong: weather.goes_wrong, webhooks: true, errand: true };
    let mut play = Play::begin(opening).await;
    let person = play.stage.world().person("operator").expect("there is a person");
    let stop = CancellationToken::new();
    let errand = tokio::spawn(errand(person, play.stage.issue_number(), weather.errand_after, stop.clone()));
    let mut effects = Effects::default();
    for ((nth, after), doing) in &weather.doings {
        let mut due = None;
        play.until(what, LOOK, |stage| {
            effects.look(stage);
            if due.is_none() && effects.at_the_forge >= *nth {
                due = Some(Instant::now() + *after);
            }
            due.is_some_and(|due| Instant::now() >= due) || stage.is_over()
        })
        .await;
        if play.stage.is_over() {
            break;
        }
        befall(&mut play, *doing);
    }
    // It may be the last thing of all that is done: then nothing else waits for its answer.
    play.until(what, LOOK, |stage| stage.issue().is_some_and(|issue| is_answered(&issue.body))).await;
    let state = play.on_to_the_end(what).await;
    effects.look(&play.stage);
    println!("{} effects in {:?}: {what}", effects.at_the_forge, play.began.elapsed());
    stop.cancel();
    let lost = errand.await.expect("the errand ends");
    assert_eq!(lost, None, "{what}: a person's tick is lost");
    one_at_a_time(&play.stage).await;
    play.stage.shutdown().await;
    state
}

/// Between two merges stands the end of the first one's change, in the journal and by the forge's clock.
async fn one_at_a_time(stage: &Stage) {
    let options = SqliteConnectOptions::new().filename(stage.store());
    let mut store = SqliteConnection::connect_with(&options).await.expect("the store is there");
    let journal: Vec<(i64, String, String)> = sqlx::query_as("SELECT id, at, event FROM journal ORDER BY id")
        .fetch_all(&mut store)
        .await
        .expect("the journal can be read");
    store.close().await.expect("the store can be closed");
    let mut asked: BTreeMap<i64, u64> = BTreeMap::new();
    let mut in_flight: Option<i64> = None;
    let mut landed: Vec<u64> = Vec::new();
    let mut ended: BTreeMap<u64, Timestamp> = BTreeMap::new();
    for (id, at, event) in &journal {
        let event: Value = serde_json::from_str(event).expect("JSON");
        match event["event"].as_str().unwrap_or_default() {
            "intended" if event["effect"]["effect"] == "merge" => {
                assert_eq!(in_flight, None, "a merge while another is in flight: {event:#}");
                in_flight = Some(*id);
                asked.insert(*id, event["effect"]["pull"].as_u64().expect("a number"));
            }
            "ended" => {
                let step = event["step"].as_i64().expect("a step");
                let Some(pull) = asked.get(&step) else { continue };
                if event["outcome"]["outcome"] == "merged" {
                    assert!(in_flight.is_none_or(|other| other == step), "{event:#}");
                    in_flight = Some(step);
                    landed.push(*pull);
                } else if in_flight == Some(step) {
                    in_flight = None;
                }
            }
            "change-ended" => {
                let step = event["change"].as_i64().expect("a step");
                assert_eq!(in_flight.take(), Some(step), "{event:#}");
                if event["result"]["result"] == "kept" {
                    assert_eq!(event["gate"], "GREEN", "{event:#}");
                }
                ended.insert(asked[&step], at.parse().expect("a time"));
            }
            _ => {}
        }
    }
    assert_eq!(in_flight, None);
    let pulls = stage.world().repository().pulls(None);
    let mut merged: Vec<(Timestamp, u64)> =
        pulls.iter().filter_map(|pull| Some((pull.merged_at?, pull.number))).collect();
    merged.sort_unstable();
    let by_the_forge: Vec<u64> = merged.iter().map(|(_, pull)| *pull).collect();
    assert_eq!(landed, by_the_forge, "each merge once, in the order of the journal");
    for pair in merged.windows(2) {
        let [(_, first), (next_at, next)] = pair else { unreachable!("windows of two") };
        // The forge counts in whole seconds.
        assert!(
            ended[first].as_second() <= next_at.as_second(),
            "#{next} was merged before the change of #{first} was over"
        );
    }
}

/// How a run ends that nothing happens to.
async fn undisturbed(goes_wrong: bool) -> &'static FinalState {
    static WELL: OnceCell<FinalState> = OnceCell::const_new();
    static WRONG: OnceCell<FinalState> = OnceCell::const_new();
    let cell = if goes_wrong { &WRONG } else { &WELL };
    cell.get_or_init(|| async move { play(&Weather::fair(goes_wrong), "undisturbed").await }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_weather_a_run_ends_as_in_none() {
    let seed = number("CARETAKER_TEST_SEED").unwrap_or(FIRST);
    let asked = number("CARETAKER_TEST_CASES");
    let cases = asked.unwrap_or(CASES);
    println!("CARETAKER_TEST_SEED={seed}, {cases} cases");
    let run = |seed: u64| {
        // A task of its own: one that fails does not keep the others from being tried.
        let run = tokio::spawn(async move {
            let weather = Weather::draw(seed);
            let what = format!("CARETAKER_TEST_SEED={seed} CARETAKER_TEST_CASES=1: {weather:?}");
            let state = play(&weather, &what).await;
            assert_eq!(state, *undisturbed(weather.goes_wrong).await, "{what}");
        });
        async move { run.await.is_err().then_some(seed) }
    };
    let at_a_time = std::thread::available_parallelism().map_or(2, |cores| (cores.get() * 2).min(8));
    let began = Instant::now();
    let in_time =
        |at: &u64| futures::future::ready(asked.is_some() || *at < LEAST || began.elapsed() < BUDGET);
    let seeds = futures::stream::iter(0..cases).take_while(in_time).map(|at| seed.wrapping_add(at));
    let ended: Vec<Option<u64>> = seeds.map(run).buffer_unordered(at_a_time).collect().await;
    assert!(ended.len() as u64 >= cases.min(LEAST), "{} runs", ended.len());
    let failed: Vec<u64> = ended.iter().copied().flatten().collect();
    println!("{} runs", ended.len());
    assert!(failed.is_empty(), "{} of {} fail: {failed:?}", failed.len(), ended.len());
}
