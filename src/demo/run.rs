//! Plays a scenario: servers, service and person in one process, until the end that the scenario has.

use super::outcome::final_bodies;
use super::outside;
use super::person::Script;
use super::world::{Stage, StageOptions, waits_for_people};
use super::{DemoError, DemoOutcome};
use crate::app::App;
use crate::live::{Clock, Follower, Lines, Live};
use crate::run::Tone;
use sim::gitea::IssueState;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// By how much the waits are divided when nobody says so: a scenario then takes about half a minute.
const SCALE: f64 = 160.0;

/// How long a scenario may take, in real time.
const DEADLINE: Duration = Duration::from_mins(3);

/// How long a body from outside may take: it may hold many more pull requests.
const DEADLINE_OUTSIDE: Duration = Duration::from_mins(10);

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// For so long nothing may be journalled before only people are believed to be awaited.
const QUIET: Duration = Duration::from_millis(1500);

/// What is played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scenario {
    /// The monitoring update makes its app Degraded.
    #[default]
    Default,
    /// Nothing goes wrong.
    Clean,
}

/// How it is played.
#[derive(Debug, Clone, Default)]
pub struct DemoOptions {
    /// What is played.
    pub scenario: Scenario,
    /// A body from outside instead.
    pub issue_file: Option<PathBuf>,
    /// Divides the waits for the world.
    pub scale: Option<f64>,
    /// Go on running until somebody ends it.
    pub keep: bool,
    /// Where the final bodies are written; a new folder below the system's temporary one otherwise.
    pub out: Option<PathBuf>,
    /// Programs read stdout: nothing but the outcome goes there.
    pub json: bool,
}

/// Plays it, and says how it ended.
pub async fn run(options: DemoOptions) -> Result<DemoOutcome, DemoError> {
    let lines = if options.json { Lines::Stderr } else { Lines::Stdout };
    let live = Live::new(Clock::Since(Instant::now()), lines);
    let outcome = play(&options, &live).await;
    live.finish();
    outcome
}

async fn play(options: &DemoOptions, live: &Live) -> Result<DemoOutcome, DemoError> {
    let scale = options.scale.unwrap_or(SCALE);
    let folder = options.out.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("caretaker-demo-{}", uuid::Uuid::new_v4().simple()))
    });
    let tempo = format!(
        "every wait for the world is divided by {scale}: settling, soaking, grace, the actors' delays; the world is \
         looked at ten times a second at most, a rollout's time-outs are set to a minute, and what guards a request \
         or tells who is alive is not divided"
    );
    live.say(&tempo, Tone::Aside);
    let mut stage_options = StageOptions::new(&folder, scale);
    stage_options.goes_wrong = options.scenario == Scenario::Default && options.issue_file.is_none();
    let (stage, script) = match &options.issue_file {
        None => {
            let stage = Stage::homelab(&stage_options).await?;
            let script = Script::of(&stage, scale).map_err(super::StageError::from)?;
            (stage, script)
        }
        Some(file) => {
            let stage = outside_stage(file, &stage_options, live).await?;
            let script = Script::only_labels(&stage).map_err(super::StageError::from)?;
            (stage, script)
        }
    };
    let world = stage.world();
    let servers = format!(
        "a forge at {}, a cluster at {}: 10 nodes, {} Argo CD applications, Ceph",
        world.gitea().url(),
        world.kubernetes().url(),
        world.apps().len()
    );
    live.say(&servers, Tone::Aside);
    let settings = crate::config::load_file_alone(stage.settings())?;
    let app = App::start(&settings).await?;
    stage.send_deliveries(Some(app.address()))?;
    live.say(&format!("caretaker listens on {}", app.address()), Tone::Aside);

    let began = Instant::now();
    let stop = CancellationToken::new();
    let tell = live.clone();
    let person: JoinHandle<()> = tokio::spawn(
        script.play(move |line| tell.say(&format!("the operator {line}"), Tone::Person), stop.clone()),
    );
    let repository = stage.world().repository();
    let name = format!("{}/{}", repository.owner(), repository.name());
    let mut follower = Follower::new(app.store().clone(), name, stage.issue_number());
    let ended = until_the_end(&stage, options, &mut follower, live, began).await;
    let took = began.elapsed();
    let outcome = match ended {
        Ok(()) => DemoOutcome::read(&stage, &settings, app.store(), took).await,
        Err(error) => Err(error),
    };
    let written = write_bodies(&stage, &folder);
    live.say(&format!("the final bodies lie in {}", folder.display()), Tone::Aside);
    if options.keep {
        if let Ok(outcome) = &outcome {
            live.plain(outcome.text().trim_end());
        }
        say_links(&stage, &app, live);
        keep(&mut follower, live).await?;
        written?;
    }
    stop.cancel();
    // The script ends by itself when it is told to; an error means that it panicked, which its own output tells.
    let _ = person.await;
    let stopped = CancellationToken::new();
    stopped.cancel();
    app.until(stopped).await?;
    write_bodies(&stage, &folder)?;
    stage.shutdown().await;
    outcome
}

async fn outside_stage(file: &Path, options: &StageOptions, live: &Live) -> Result<Stage, DemoError> {
    let text = crate::body_file::read(file).map_err(|error| DemoError::Body(Box::new(error)))?;
    let inventions = outside::inventions(&text);
    for invention in &inventions {
        live.say(&format!("made up: {invention}"), Tone::Aside);
    }
    let title = outside::title(&text);
    Ok(Stage::outside(options, &title, &text, &inventions).await?)
}

async fn until_the_end(
    stage: &Stage,
    options: &DemoOptions,
    follower: &mut Follower,
    live: &Live,
    began: Instant,
) -> Result<(), DemoError> {
    let outside = options.issue_file.is_some();
    let deadline = if outside { DEADLINE_OUTSIDE } else { DEADLINE };
    loop {
        follower.follow(live).await?;
        let missing = || if outside { missing_outside(stage, follower) } else { stage.missing() };
        if if outside { missing().is_none() } else { stage.is_over() } {
            follower.follow(live).await?;
            return Ok(());
        }
        if began.elapsed() > deadline {
            let missing = missing().unwrap_or_default();
            return Err(DemoError::Late { seconds: began.elapsed().as_secs(), missing });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A body from outside is at its end when it is closed, or when the status says so and nothing happens any more.
fn missing_outside(stage: &Stage, follower: &Follower) -> Option<String> {
    let Some(issue) = stage.issue() else { return Some("the issue".to_owned()) };
    if issue.state == IssueState::Closed {
        return None;
    }
    if !follower.has_begun() {
        return Some("the run's beginning".to_owned());
    }
    if !waits_for_people(&issue.body) {
        return Some("a status that only people are awaited".to_owned());
    }
    (follower.quiet_for() < QUIET).then(|| "a journal that rests".to_owned())
}

fn write_bodies(stage: &Stage, folder: &Path) -> Result<(), DemoError> {
    for (name, body) in final_bodies(stage) {
        let path = folder.join(name);
        std::fs::write(&path, body).map_err(|source| DemoError::Write { path, source })?;
    }
    Ok(())
}

fn say_links(stage: &Stage, app: &App, live: &Live) {
    let repository = stage.world().repository();
    let base = format!("{}/{}/{}", stage.world().gitea().url(), repository.owner(), repository.name());
    live.plain(&format!("the issue, to play the person:  {base}/issues/{}", stage.issue_number()));
    live.plain(&format!("pull requests:                  {base}/pulls"));
    live.plain(&format!("caretaker's runs:               http://{}/", app.page_address()));
    live.plain("It goes on: tick, edit and comment there as the operator. Ctrl-C ends it.");
    live.rest("goes on; Ctrl-C ends it");
}

async fn keep(follower: &mut Follower, live: &Live) -> Result<(), DemoError> {
    let mut terminated = signal(SignalKind::terminate()).map_err(DemoError::Signals)?;
    let ended = tokio::signal::ctrl_c();
    tokio::pin!(ended);
    loop {
        follower.follow(live).await?;
        tokio::select! {
            // Where the signal cannot be waited for, there is no way to end it but to end now.
            _ = &mut ended => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
