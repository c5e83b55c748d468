//! The service killed in the middle of its work and started again, told to stop, and never told anything by a webhook:
//! each run ends as one that nothing happened to.
//!
//! The simulators, the actors and the person run in this process; `caretaker serve` is one of its own. Moments are drawn
//! from a seed that is printed: `CARETAKER_TEST_SEED` sets it, `CARETAKER_TEST_CASES` how many runs there are. Two runs
//! go on at a time.

#![expect(clippy::print_stdout, reason = "the seed and the moments are for whoever reads a failure")]

use super::play::end::{FinalState, merge_commits};
use super::play::{Effects, LOOK, Opening, Play, last_words, number};
use caretaker::demo::{DemoOutcome, Stage};
use futures::StreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sim::gitea::{Fault, Rule};
use sim::kubernetes::LEASE;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How often effects are counted.
const COUNT: Duration = Duration::from_millis(2);

/// How many runs go on at a time.
const AT_A_TIME: usize = 2;

/// A scenario with deliveries.
fn scenario(goes_wrong: bool) -> Opening {
    Opening { goes_wrong, webhooks: true, errand: false }
}

/// When the service is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// After so long.
    After(Duration),
    /// Right after its nth request that changes something, before it can write the answer down.
    Effect(usize),
    /// The same, counted from the last merge.
    EffectAtTheEnd(usize),
}

/// What becomes of the service in a run: killed at a moment, and then again so long after each start.
#[derive(Debug, Clone)]
struct Kills {
    first: Option<Moment>,
    again: Vec<Duration>,
}

impl Kills {
    fn once(moment: Moment) -> Self {
        Self { first: Some(moment), again: Vec::new() }
    }
}

/// What a run that nobody disturbs takes.
#[derive(Debug, Clone, Copy)]
struct Measure {
    took: Duration,
    effects: usize,
    /// Of these, since the last merge.
    effects_at_the_end: usize,
}

/// Plays a scenario to its end with the service killed as told.
async fn killed(goes_wrong: bool, kills: &Kills) -> FinalState {
    let what = format!("{kills:?}");
    let mut play = Play::begin(scenario(goes_wrong)).await;
    let mut effects = Effects::default();
    match kills.first {
        None => {}
        Some(Moment::After(after)) => {
            let began = play.began;
            play.until(&what, COUNT, |_| began.elapsed() >= after).await;
        }
        Some(Moment::Effect(nth)) => {
            play.until(&what, COUNT, |stage| {
                effects.look(stage);
                effects.count >= nth || is_over(stage)
            })
            .await;
        }
        Some(Moment::EffectAtTheEnd(nth)) => {
            play.until(&what, COUNT, |stage| {
                let before = effects.count;
                effects.look(stage);
                (effects.count > before && effects.at_the_end(stage) >= nth) || is_over(stage)
            })
            .await;
        }
    }
    if kills.first.is_some() {
        play.service.kill();
        play.restart();
    }
    for after in &kills.again {
        tokio::time::sleep(*after).await;
        play.service.kill();
        play.restart();
    }
    let began = Instant::now();
    let end = play.play_on(&what).await;
    println!("{what}: at the end {:?} after the last start", began.elapsed());
    end
}

/// The run may have had fewer effects than the one that was measured.
fn is_over(stage: &Stage) -> bool {
    merge_commits(stage) == 6 && stage.is_over()
}

/// A run that nobody disturbs, which all others are compared to.
async fn undisturbed(goes_wrong: bool) -> &'static (FinalState, Measure) {
    static DEFAULT: OnceCell<(FinalState, Measure)> = OnceCell::const_new();
    static CLEAN: OnceCell<(FinalState, Measure)> = OnceCell::const_new();
    let cell = if goes_wrong { &DEFAULT } else { &CLEAN };
    cell.get_or_init(|| async {
        let mut play = Play::begin(scenario(goes_wrong)).await;
        play.until("undisturbed", LOOK, Stage::is_over).await;
        let mut effects = Effects::default();
        effects.look(&play.stage);
        let measure = Measure {
            took: play.began.elapsed(),
            effects: effects.count,
            effects_at_the_end: effects.at_the_end(&play.stage),
        };
        println!("undisturbed: {measure:?}");
        (play.play_on("undisturbed").await, measure)
    })
    .await
}

/// Plays cases that are drawn from the seed, and compares each end with the undisturbed one.
async fn cases(
    goes_wrong: bool,
    without_being_asked: u64,
    share: u64,
    draw: impl Fn(&mut StdRng, &Measure) -> Kills,
) {
    let seed = number("CARETAKER_TEST_SEED").unwrap_or_else(rand::random);
    let cases = number("CARETAKER_TEST_CASES").map_or(without_being_asked, |cases| cases.div_ceil(share));
    println!("CARETAKER_TEST_SEED={seed}, {cases} cases");
    let (expected, measure) = undisturbed(goes_wrong).await;
    let mut random = StdRng::seed_from_u64(seed);
    let kills: Vec<Kills> = (0..cases).map(|_| draw(&mut random, measure)).collect();
    let runs = kills.iter().map(|kills| async move { (kills, killed(goes_wrong, kills).await) });
    let mut runs = futures::stream::iter(runs).buffer_unordered(AT_A_TIME);
    while let Some((kills, state)) = runs.next().await {
        assert_eq!(state, *expected, "seed {seed}: {kills:?}");
    }
}

/// As long as a start takes: kills after so long fall into it.
fn in_a_start(random: &mut StdRng) -> Duration {
    Duration::from_millis(random.random_range(0..600))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_goes_on_where_it_was() {
    cases(true, 2, 1, |random, measure| {
        let first = if random.random_bool(0.5) {
            Moment::Effect(random.random_range(1..=measure.effects))
        } else {
            Moment::After(measure.took.mul_f64(random.random_range(0.0..1.0)))
        };
        let times = *[0, 0, 1, 2].get(random.random_range(0..4_usize)).unwrap_or(&0);
        Kills { first: Some(first), again: (0..times).map(|_| in_a_start(random)).collect() }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_around_the_closing_closes_once() {
    cases(false, 1, 4, |random, measure| {
        Kills::once(Moment::EffectAtTheEnd(random.random_range(1..=measure.effects_at_the_end)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_webhook_the_end_is_the_same() {
    let (expected, _) = undisturbed(true).await;
    let state = Play::begin(Opening { webhooks: false, ..scenario(true) }).await.play_on("no webhook").await;
    assert_eq!(state, *expected);
}

/// Nobody holds the cluster's lock.
fn lock_is_free(stage: &Stage) {
    let leases = stage.world().kubernetes().list(&LEASE, Some("caretaker"));
    let lease = leases
        .iter()
        .find(|lease| lease["metadata"]["name"] == "caretaker")
        .expect("the lock was taken once");
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    assert_eq!(holder, "", "given back: {lease:#}");
}

/// What is on the branch is in the journal.
async fn journal_knows_every_merge(stage: &Stage) {
    let outcome = DemoOutcome::of(stage, Duration::ZERO).await.expect("the outcome is read");
    let known = outcome.merges.iter().filter(|merge| merge.merge_commit.is_some()).count();
    assert_eq!(known, merge_commits(stage), "{:#?}", outcome.merges);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_told_to_stop_ends_in_order_and_goes_on_when_it_is_started_again() {
    let mut play = Play::begin(scenario(true)).await;
    // In the middle of a merge: the forge takes its time, and the answer is waited for.
    let slow = Rule::new("POST", r"/pulls/[1-9]\d*/merge$", Fault::Delay(Duration::from_secs(2)))
        .expect("a pattern");
    let rule = play.stage.world().gitea().faults().add(slow);
    play.until("the first merge is asked for", COUNT, |stage| {
        stage.world().gitea().faults().struck(rule) == 1
    })
    .await;
    assert_eq!(merge_commits(&play.stage), 0);
    assert!(play.service.stop().await.success(), "in the middle of a merge");
    assert_eq!(merge_commits(&play.stage), 1, "what was begun is ended:\n{}", last_words(&play.stage));
    lock_is_free(&play.stage);
    journal_knows_every_merge(&play.stage).await;
    // While a rollout is followed.
    play.restart();
    play.until("the second merge", COUNT, |stage| merge_commits(stage) == 2).await;
    assert!(play.service.stop().await.success(), "while a rollout is followed");
    assert_eq!(merge_commits(&play.stage), 2);
    lock_is_free(&play.stage);
    journal_knows_every_merge(&play.stage).await;
    play.restart();
    let state = play.play_on("stopped twice").await;
    assert_eq!(state, undisturbed(true).await.0);
}
