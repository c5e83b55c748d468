//! A scenario with the service in a process of its own, which may be killed at any time: what the tests that disturb it
//! have in common.

pub(super) mod end;
mod text;

use super::address::free_address;
use caretaker::demo::{Script, Stage, StageOptions};
use end::{Beginning, FinalState, changes, merge_commits};
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A scenario takes a few seconds of waiting.
const SCALE: f64 = 500.0;

/// How often the stage is asked whether the end has come, which means to read the whole issue.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// As long as ending in order may take.
const ORDERLY: Duration = Duration::from_mins(1);

/// As long as a run may take, restarts included, on a machine that has other things to do.
const DEADLINE: Duration = Duration::from_mins(10);

/// The service in a process of its own; killed when it is dropped.
pub(super) struct Service(Child);

impl Service {
    fn start(stage: &Stage) -> Self {
        let log =
            OpenOptions::new().create(true).append(true).open(log_file(stage)).expect("a file for the log");
        let child = Command::new(env!("CARGO_BIN_EXE_caretaker"))
            .arg("serve")
            .arg("--config")
            .arg(stage.settings())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Self(child)
    }

    /// SIGKILL, and waits until the process is gone.
    pub(super) fn kill(&mut self) {
        self.0.kill().expect("the process can be killed");
        self.0.wait().expect("the process can be waited for");
    }

    /// SIGTERM, and waits until the process has ended by itself.
    pub(super) async fn stop(&mut self) -> ExitStatus {
        let told = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        assert!(told.expect("kill is there").success());
        let deadline = Instant::now() + ORDERLY;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("the process can be asked")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_file(stage: &Stage) -> PathBuf {
    stage.folder().join("service.log")
}

/// The last lines of what the service said, for a test that fails.
pub(super) fn last_words(stage: &Stage) -> String {
    let log = std::fs::read_to_string(log_file(stage)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// How a scenario begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// Whether the monitoring update goes wrong.
    pub(super) goes_wrong: bool,
    /// Whether deliveries leave the forge.
    pub(super) webhooks: bool,
    /// Whether it is a small homelab with a task that only a person can do. The person of such a scenario does each thing
    /// once: a tick that is lost is missed for ever.
    pub(super) errand: bool,
}

/// The line of that task.
const ERRAND: &str = "- [ ] **P1 P3 Apps**: Ask the supplier for a new password by telephone\n";

/// A scenario on its way: the stage, the person, and the service.
pub(super) struct Play {
    pub(super) stage: Stage,
    pub(super) service: Service,
    pub(super) began: Instant,
    beginning: Beginning,
    person: JoinHandle<()>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Play {
    pub(super) async fn begin(opening: Opening) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = StageOptions::new(folder.path(), SCALE);
        options.listen = free_address();
        options.goes_wrong = opening.goes_wrong;
        options.small = opening.errand;
        let stage = Stage::homelab(&options).await.expect("the stage is built");
        if opening.errand {
            add_errand(&stage);
        }
        stage.send_deliveries(None).expect("the hook is made");
        if !opening.webhooks {
            stage.drop_deliveries();
        }
        let beginning = Beginning::of(&stage);
        let stop = CancellationToken::new();
        let script = Script::of(&stage, SCALE).expect("there is a person");
        let script = if opening.errand { script.ticking_once() } else { script };
        let person = tokio::spawn(script.play(|_| {}, stop.clone()));
        let service = Service::start(&stage);
        let began = Instant::now();
        Self { stage, service, began, beginning, person, stop, _folder: folder }
    }

    pub(super) fn restart(&mut self) {
        self.service = Service::start(&self.stage);
    }

    fn is_alive(&mut self, what: &str) {
        let late = self.began.elapsed() >= DEADLINE;
        let ended = self.service.ended();
        if late || ended.is_some() {
            let issue = self.stage.issue().expect("the issue is there");
            let missing = self.stage.missing().unwrap_or_default();
            panic!(
                "{what}: late: {late}, ended: {ended:?}; missing: {missing}\n{}\n{}",
                issue.body,
                last_words(&self.stage)
            );
        }
    }

    /// Waits for something while the service works.
    pub(super) async fn until(&mut self, what: &str, every: Duration, mut holds: impl FnMut(&Stage) -> bool) {
        while !holds(&self.stage) {
            self.is_alive(what);
            tokio::time::sleep(every).await;
        }
    }

    /// Plays on to the scenario's end, where the service is killed, and tells it.
    pub(super) async fn on_to_the_end(&mut self, what: &str) -> FinalState {
        self.until(what, LOOK, Stage::is_over).await;
        self.stop.cancel();
        (&mut self.person).await.expect("the script ends");
        self.service.kill();
        FinalState::of(&self.stage, &self.beginning).await
    }

    /// The same, and everything is taken down.
    pub(super) async fn play_on(mut self, what: &str) -> FinalState {
        let state = self.on_to_the_end(what).await;
        self.stage.shutdown().await;
        state
    }
}

fn add_errand(stage: &Stage) {
    let body = stage.issue().expect("the issue is there").body;
    let log = "\n## Change Log\n";
    assert_eq!(body.matches(log).count(), 1, "{body}");
    let body = body.replacen(log, &format!("{ERRAND}{log}"), 1);
    let repository = stage.world().repository();
    repository.edit_issue_body("operator", stage.issue_number(), &body, None).expect("it is added");
}

/// Counts the effects that the service has had on both servers.
#[derive(Debug, Default)]
pub(super) struct Effects {
    seen: (usize, usize),
    pub(super) count: usize,
    /// Those at the forge: how many there are hangs less on how long a run takes, since the lock is renewed in the cluster.
    pub(super) at_the_forge: usize,
    /// How many there were when the last merge was asked for.
    before_the_end: usize,
}

impl Effects {
    pub(super) fn look(&mut self, stage: &Stage) {
        let forge = stage.world().gitea().requests_since(self.seen.0);
        let cluster = stage.world().kubernetes().requests_since(self.seen.1);
        self.seen = (self.seen.0 + forge.len(), self.seen.1 + cluster.len());
        self.count += cluster.iter().filter(|request| request.verb == "patch").count();
        for request in forge.iter().filter(|request| changes(request)) {
            self.count += 1;
            self.at_the_forge += 1;
            if request.path.ends_with("/merge") && !request.path.ends_with("/pulls/0/merge") {
                self.before_the_end = self.count;
            }
        }
    }

    /// How many of them since the last merge, when it was the last one.
    pub(super) fn at_the_end(&self, stage: &Stage) -> usize {
        if merge_commits(stage) == 6 { self.count - self.before_the_end } else { 0 }
    }
}

/// A number of the environment.
pub(super) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}
