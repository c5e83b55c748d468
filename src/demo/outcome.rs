//! How a demonstration ended: from the journal, the forge, and one more look at the cluster.

use super::DemoError;
use super::world::{BOT, OPERATOR, Stage};
use crate::cluster::{Freshness, Kubernetes};
use crate::config::Settings;
use crate::forge::PullNumber;
use crate::health::{self, Surroundings, Verdict};
use crate::issue::{self, Kind, Reading};
use crate::merge::Category;
use crate::merge::classify::{PullChanges, Rules, classify, classify_words};
use crate::run::{self, ChangeResult, MergeRecord, RunState, TaskState};
use crate::store::Store;
use crate::terminal::{color, printable};
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The layers by name, in the design's order.
pub type Layers = serde_json::Map<String, serde_json::Value>;

/// The maintenance issue at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutcomeIssue {
    /// Its number.
    pub number: u64,
    /// `open` or `closed`.
    pub state: String,
    /// Its title.
    pub title: String,
}

/// What became of the tasks; the six outcomes add up to the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TaskCounts {
    /// All of them.
    pub total: usize,
    /// Done.
    pub done: usize,
    /// Put off.
    pub deferred: usize,
    /// Accepted as it is.
    pub acknowledged: usize,
    /// Not needed any more.
    pub skipped: usize,
    /// Not ended.
    pub waiting: usize,
    /// Failed.
    pub failed: usize,
}

/// A pull request that a task names for merging.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MergeLine {
    /// Its number.
    pub number: u64,
    /// Its category, in kebab-case.
    pub category: String,
    /// The head that was merged, or its head now.
    pub head: Option<String>,
    /// The merge commit.
    pub merge_commit: Option<String>,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// How long its rollout took.
    pub rollout_seconds: Option<f64>,
    /// The last verdict before a revert or the next task.
    pub gate: Option<String>,
    /// `merged`, `reverted`, `held` or `failed`.
    pub outcome: &'static str,
}

/// A merge that was undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevertLine {
    /// The pull request.
    pub number: u64,
    /// The commit that undid it.
    pub commit: String,
    /// Why.
    pub reason: String,
}

/// What caretaker's account wrote into issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WriteCounts {
    /// Writes of the maintenance issue's body.
    pub issue_body: usize,
    /// Comments.
    pub comments: usize,
}

/// How a demonstration ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoOutcome {
    /// The maintenance issue.
    pub issue: OutcomeIssue,
    /// Its tasks.
    pub tasks: TaskCounts,
    /// The pull requests that tasks name for merging: in the order in which they were merged, then the others.
    pub merges: Vec<MergeLine>,
    /// What was undone.
    pub reverts: Vec<RevertLine>,
    /// The layers at the end.
    pub layers: Layers,
    /// What caretaker wrote.
    pub writes: WriteCounts,
    /// How long it took, in real seconds.
    pub seconds: f64,
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> DemoError {
    DemoError::Outcome(Box::new(error))
}

impl DemoOutcome {
    /// Reads it from a store that no service has open any more.
    pub async fn of(stage: &Stage, took: Duration) -> Result<Self, DemoError> {
        let settings = crate::config::load_file_alone(stage.settings())?;
        let store = Store::open(stage.store()).await.map_err(failed)?;
        let outcome = Self::read(stage, &settings, &store, took).await;
        store.close().await;
        outcome
    }

    /// Reads it.
    pub(crate) async fn read(
        stage: &Stage,
        settings: &Settings,
        store: &Store,
        lasted: Duration,
    ) -> Result<Self, DemoError> {
        let repository = stage.world().repository();
        let number = stage.issue_number();
        let name = format!("{}/{}", repository.owner(), repository.name());
        let mut journal = RunState::default();
        for row in store.recent_runs(20).await.map_err(failed)? {
            if row.issue == number && row.repository == name {
                journal = run::load_state(store, row.id).await.map_err(failed)?;
                break;
            }
        }
        let issue = repository.issue(number);
        let rules = Rules::new(&settings.merge);
        let body = issue.as_ref().map(|issue| issue.body.clone()).unwrap_or_default();
        let mut reading = issue::read(&body, &|words| classify_words(words, "", &rules)).map_err(failed)?;
        let known: Vec<_> = journal.tasks.values().map(|record| record.known.clone()).collect();
        issue::keep_history(&mut reading, &known, &[]);
        let progress = run::progress(&journal, &reading);
        let title = issue.as_ref().map(|issue| issue.title.clone()).unwrap_or_default();
        let at_forge = issue.as_ref().map_or("", |issue| issue.state.as_str()).to_owned();
        Ok(Self {
            issue: OutcomeIssue { number, state: at_forge, title },
            tasks: TaskCounts {
                total: progress.total,
                done: progress.done,
                deferred: progress.deferred,
                acknowledged: progress.acknowledged,
                skipped: progress.skipped,
                waiting: progress.waiting,
                failed: progress.failed,
            },
            merges: merges(stage, &journal, &reading, &rules),
            reverts: reverts(&journal),
            layers: layers(settings).await?,
            writes: writes(stage),
            seconds: (lasted.as_secs_f64() * 10.0).round() / 10.0,
        })
    }

    /// For people, in colour for whom colour is meant: print it through `anstream`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let (title, bold) = (printable(&self.issue.title), Style::new().bold());
        let _ = writeln!(text, "#{} is {bold}{}{bold:#}: {title}", self.issue.number, self.issue.state);
        let tasks = &self.tasks;
        let _ = write!(text, "{} of {} tasks done", tasks.done, tasks.total);
        for (count, word) in [
            (tasks.deferred, "deferred"),
            (tasks.acknowledged, "acknowledged"),
            (tasks.skipped, "skipped"),
            (tasks.waiting, "waiting"),
            (tasks.failed, "failed"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {word}");
            }
        }
        let _ = writeln!(text);
        for merge in &self.merges {
            let commit = merge.merge_commit.as_deref().map_or("-", |sha| sha.get(..7).unwrap_or(sha));
            let rollout =
                merge.rollout_seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
            let gate = merge.gate.as_deref().unwrap_or("-");
            let (outcome, verdict) = (outcome_style(merge.outcome), verdict_style(gate));
            let _ = writeln!(
                text,
                "  #{:<4} {:<13} {outcome}{:<9}{outcome:#} {commit:<8} rollout {rollout:<7} {verdict}{gate}{verdict:#}",
                merge.number, merge.category, merge.outcome
            );
        }
        for revert in &self.reverts {
            let commit = revert.commit.get(..7).unwrap_or(&revert.commit);
            let _ = writeln!(text, "  #{} undone by {commit}: {}", revert.number, printable(&revert.reason));
        }
        let layers: Vec<String> = self
            .layers
            .iter()
            .map(|(layer, verdict)| {
                let verdict = verdict.as_str().unwrap_or_default();
                let style = verdict_style(verdict);
                format!("{layer} {style}{verdict}{style:#}")
            })
            .collect();
        let _ = writeln!(text, "layers: {}", layers.join(", "));
        let _ = writeln!(
            text,
            "{} writes of the issue's body, {} comments, {:.1} s",
            self.writes.issue_body, self.writes.comments, self.seconds
        );
        text
    }
}

fn outcome_style(outcome: &str) -> Style {
    match outcome {
        "merged" => color(AnsiColor::Green),
        "failed" => color(AnsiColor::Red),
        _ => color(AnsiColor::Yellow),
    }
}

fn verdict_style(verdict: &str) -> Style {
    match verdict {
        "GREEN" => color(AnsiColor::Green),
        "YELLOW" => color(AnsiColor::Yellow),
        "RED" => color(AnsiColor::Red),
        _ => Style::new(),
    }
}

fn merges(stage: &Stage, journal: &RunState, reading: &Reading, rules: &Rules) -> Vec<MergeLine> {
    let mut named: BTreeMap<PullNumber, &issue::Task> = BTreeMap::new();
    for task in &reading.tasks {
        if let Kind::Merge { pull } = task.kind {
            named.entry(pull).or_insert(task);
        }
    }
    let mut lines = Vec::new();
    for record in &journal.merges {
        if named.remove(&record.plan.pull).is_some() {
            lines.push(merged_line(record));
        }
    }
    for (number, task) in named {
        let pull = stage.world().repository().pull(number.0);
        let by_words = task.category.unwrap_or(Category::AppTemplate);
        let category = pull.as_ref().map_or(by_words, |pull| category_of(stage, pull, rules));
        let merged = pull.as_ref().is_some_and(|pull| pull.merged);
        let failed =
            matches!(journal.task(&task.key).map(|record| &record.state), Some(TaskState::Failed { .. }));
        lines.push(MergeLine {
            number: number.0,
            category: category.word().to_owned(),
            head: pull.as_ref().map(|pull| pull.head_sha.to_string()),
            merge_commit: pull.as_ref().and_then(|pull| pull.merge_commit.as_ref()).map(ToString::to_string),
            merged_at: pull.as_ref().and_then(|pull| pull.merged_at),
            rollout_seconds: None,
            gate: None,
            outcome: match (merged, failed) {
                (true, _) => "merged",
                (false, true) => "failed",
                (false, false) => "held",
            },
        });
    }
    lines
}

fn merged_line(record: &MergeRecord) -> MergeLine {
    MergeLine {
        number: record.plan.pull.0,
        category: record.plan.category.word().to_owned(),
        head: Some(record.plan.head.as_str().to_owned()),
        merge_commit: record.commit.as_ref().map(|commit| commit.as_str().to_owned()),
        merged_at: record.merged_at,
        rollout_seconds: record.rollout_seconds,
        gate: record.gate.map(|verdict: Verdict| verdict.word().to_owned()),
        outcome: match (&record.reverted, &record.result) {
            (Some(_), _) | (None, Some(ChangeResult::Reverted { .. })) => "reverted",
            (None, Some(ChangeResult::HandedOver { .. })) => "failed",
            (None, Some(ChangeResult::Kept) | None) => "merged",
        },
    }
}

/// The category of a pull request that was not merged, judged as caretaker judges it, but by its table alone: nobody edits
/// the demonstration's.
fn category_of(stage: &Stage, pull: &sim::gitea::PullView, rules: &Rules) -> Category {
    let updates = crate::forge::renovate::updates(&pull.body).unwrap_or_default();
    let files = stage.world().repository().changed_files(pull.base_sha.as_str(), pull.head_sha.as_str());
    let changes = PullChanges {
        updates: &updates,
        title: &pull.title,
        branch: &pull.head_branch,
        files: &files,
        diff: "",
    };
    classify(&changes, rules).category
}

fn reverts(state: &RunState) -> Vec<RevertLine> {
    state
        .merges
        .iter()
        .filter_map(|record| {
            let (commit, _) = record.reverted.as_ref()?;
            Some(RevertLine {
                number: record.plan.pull.0,
                commit: commit.as_str().to_owned(),
                reason: record.revert_reason.clone().unwrap_or_default(),
            })
        })
        .collect()
}

/// One more look at the cluster, with caretaker's own rights.
async fn layers(settings: &Settings) -> Result<Layers, DemoError> {
    let cluster = Kubernetes::connect(&settings.cluster).await.map_err(failed)?;
    let surroundings = Surroundings {
        settings: &settings.health,
        cluster: &settings.cluster,
        grace: settings.timing.grace(),
        freshness: Freshness::Proven,
        audit: false,
        after: None,
    };
    let recon = health::recon(&cluster, &surroundings, Timestamp::now()).await;
    Ok(recon
        .layers()
        .into_iter()
        .map(|(layer, verdict)| (layer.word().to_owned(), verdict.word().into()))
        .collect())
}

fn writes(stage: &Stage) -> WriteCounts {
    let repository = stage.world().repository();
    let base = format!("/api/v1/repos/{}/{}", repository.owner(), repository.name());
    let issue = format!("{base}/issues/{}", stage.issue_number());
    let requests = stage.world().gitea().requests();
    let taken = |method: &'static str| {
        requests.iter().filter(move |request| {
            request.user.as_deref() == Some(BOT) && request.handled && request.method == method
        })
    };
    WriteCounts {
        issue_body: taken("PATCH")
            .filter(|request| request.path == issue && request.fields.iter().any(|field| field == "body"))
            .count(),
        comments: taken("POST")
            .filter(|request| request.path.starts_with(&base) && request.path.ends_with("/comments"))
            .count(),
    }
}

/// Text of every issue and pull request that the scenario is about, by file name.
pub(crate) fn final_bodies(stage: &Stage) -> Vec<(String, String)> {
    let repository = stage.world().repository();
    let mut bodies = Vec::new();
    let mut numbers = vec![stage.issue_number()];
    numbers.extend_from_slice(stage.others());
    numbers.extend(
        repository.issues(None).iter().filter(|issue| issue.author != OPERATOR).map(|issue| issue.number),
    );
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        if let Some(issue) = repository.issue(number) {
            let kind = if issue.is_pull { "pull" } else { "issue" };
            bodies.push((format!("{kind}-{number}.md"), issue.body));
        }
    }
    bodies
}
