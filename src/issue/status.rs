//! The status block: what a person reads who opens the issue while caretaker works on it.

use super::{Needs, Priority};
use crate::forge::{IssueNumber, PullNumber};
use crate::health::{Layer, Verdict};
use crate::merge::Hold;
use jiff::Timestamp;

/// How a run stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    /// Works.
    Running,
    /// Waits for the world: a rollout, a window, a lease.
    WaitingForWorld,
    /// Waits for people alone.
    WaitingForPerson,
    /// Something was made worse and is being undone, or could not be undone.
    Trouble,
    /// A person stopped it.
    Paused,
    /// The forge or the cluster cannot be read.
    Unknown,
    /// Only watches and says what it would do.
    Observing,
    /// Ended, with something left to a person.
    Escalated,
    /// Ended.
    Done,
}

/// A layer with what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerLine {
    /// Which.
    pub(crate) layer: Layer,
    /// How it stands.
    pub(crate) verdict: Verdict,
    /// Evidence, one line each; from outside, escaped here.
    pub(crate) evidence: Vec<String>,
}

/// How many tasks stand how. They add up to `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// All tasks.
    pub(crate) total: usize,
    /// Done.
    pub(crate) done: usize,
    /// Deferred.
    pub(crate) deferred: usize,
    /// Acknowledged.
    pub(crate) acknowledged: usize,
    /// Skipped.
    pub(crate) skipped: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// Waiting, which includes what has not begun.
    pub(crate) waiting: usize,
}

/// An open task in the planned order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTask {
    /// Its id.
    pub(crate) id: String,
    /// Its priority.
    pub(crate) priority: Priority,
    /// Its kind's word.
    pub(crate) kind: &'static str,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// What it needs from people.
    pub(crate) needs: Option<Needs>,
}

/// What happens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Now {
    /// The task's id, where one is worked on.
    pub(crate) task: Option<String>,
    /// One sentence of our own Markdown.
    pub(crate) what: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// Whom something waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// A person.
    Person,
    /// Another task.
    Task,
    /// The cluster, the forge or the time.
    World,
}

/// A task that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Its id.
    pub(crate) id: String,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// For whom.
    pub(crate) whom: Whom,
    /// Why: one sentence of our own Markdown.
    pub(crate) why: String,
    /// What a person can do: one sentence of our own Markdown.
    pub(crate) answer: Option<String>,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A yes that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApprovalRequest {
    /// The task's id.
    pub(crate) id: String,
    /// The code of exactly this change.
    pub(crate) code: String,
    /// What would be done: one sentence of our own Markdown.
    pub(crate) what: String,
    /// What one should know before saying yes: sentences of our own Markdown.
    pub(crate) warnings: Vec<String>,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Ask for the comment as well: a tick could not be attributed to anybody, or counts for nothing here.
    pub(crate) by_comment: bool,
}

/// A version that is not merged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldVersion {
    /// Package, file and version.
    pub(crate) hold: Hold,
    /// The pull request that brought it.
    pub(crate) pull: Option<PullNumber>,
    /// Why: one sentence of our own Markdown.
    pub(crate) why: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A pull request that Renovate made again after its change was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemadePull {
    /// The new one.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// The one that was undone.
    pub(crate) instead_of: PullNumber,
}

/// Another open maintenance issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherIssue {
    /// Its number.
    pub(crate) number: IssueNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
}

/// Everything that the status block tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusView {
    /// How the run stands.
    pub(crate) state: RunState,
    /// Since when it stands so.
    pub(crate) since: Timestamp,
    /// The journal's id of the run.
    pub(crate) run: String,
    /// The layers shown.
    pub(crate) layers: Vec<LayerLine>,
    /// When the layers were judged.
    pub(crate) judged_at: Option<Timestamp>,
    /// How far it is.
    pub(crate) progress: Progress,
    /// What is open, in the planned order.
    pub(crate) order: Vec<PlannedTask>,
    /// What happens now.
    pub(crate) now: Option<Now>,
    /// What waits for whom.
    pub(crate) waiting: Vec<Waiting>,
    /// Approvals that are asked for.
    pub(crate) approvals: Vec<ApprovalRequest>,
    /// Versions that are held.
    pub(crate) held: Vec<HeldVersion>,
    /// Pull requests made again.
    pub(crate) remade: Vec<RemadePull>,
    /// Other open maintenance issues, which are not worked on.
    pub(crate) others: Vec<OtherIssue>,
    /// What is half done: sentences of our own Markdown.
    pub(crate) half_done: Vec<String>,
    /// Rights that are missing: from outside, escaped here.
    pub(crate) missing_rights: Vec<String>,
    /// What else a person should know: sentences of our own Markdown.
    pub(crate) warnings: Vec<String>,
}

/// The inside of the status block.
pub(crate) fn render_status(view: &StatusView) -> String {
    format!("## caretaker\n\n{} of {}\n", view.progress.done, view.progress.total)
}
