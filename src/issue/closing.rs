//! The closing report: what was done, from the journal, and how the cluster is, from the final recon.

use super::LayerLine;
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::{Figures, Verdict};
use crate::merge::Hold;
use jiff::Timestamp;

/// A task that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndedTask {
    /// Under which heading it stood, or its priority.
    pub(crate) phase: String,
    /// Its id.
    pub(crate) id: String,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When it ended.
    pub(crate) at: Timestamp,
    /// How: one line of our own Markdown.
    pub(crate) result: String,
}

/// A pull request that was merged and stayed merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergedPull {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What showed that it went well: one line of our own Markdown.
    pub(crate) verification: String,
}

/// A pull request that was closed without a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedPull {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When.
    pub(crate) at: Timestamp,
    /// Why: one line of our own Markdown.
    pub(crate) reason: String,
}

/// A merge that was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevertedPull {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// The commit that undid it.
    pub(crate) commit: CommitSha,
    /// When.
    pub(crate) at: Timestamp,
    /// Why: one line of our own Markdown.
    pub(crate) reason: String,
}

/// An issue that was closed besides the main one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosedIssue {
    /// Its number.
    pub(crate) number: IssueNumber,
    /// Its title; from outside, escaped here.
    pub(crate) title: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What resolved it: one line of our own Markdown.
    pub(crate) resolution: String,
}

/// Something that happened from which a lesson follows by a named rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LessonEvent {
    /// A change made something worse.
    Caused {
        /// The pull request.
        pull: PullNumber,
        /// The object that it made worse; from outside, escaped here.
        object: String,
        /// What was seen; from outside, escaped here.
        finding: String,
    },
    /// A merge was undone.
    Reverted {
        /// The pull request.
        pull: PullNumber,
        /// The commit that undid it.
        commit: CommitSha,
    },
    /// A version is held; Renovate would make its pull request again.
    Held {
        /// Package, file, version.
        hold: Hold,
    },
    /// A step needed more than one attempt.
    Retried {
        /// The task's id.
        task: String,
        /// How often it was tried.
        attempts: u32,
        /// Why it failed at first: one line of our own Markdown.
        why: String,
    },
    /// Something was waited for.
    WaitedFor {
        /// What: one line of our own Markdown.
        what: String,
        /// How long.
        seconds: u64,
    },
}

/// Everything that the closing report tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClosingView {
    /// The verdict over all layers.
    pub(crate) overall: Verdict,
    /// When the run began.
    pub(crate) started: Timestamp,
    /// When it ended.
    pub(crate) completed: Timestamp,
    /// The account that did it.
    pub(crate) resolved_by: String,
    /// The final state by layer.
    pub(crate) layers: Vec<LayerLine>,
    /// Tasks that ended, in the order in which they did.
    pub(crate) tasks: Vec<EndedTask>,
    /// Pull requests merged, in the order in which they were.
    pub(crate) merged: Vec<MergedPull>,
    /// Pull requests closed without a merge.
    pub(crate) closed_pulls: Vec<ClosedPull>,
    /// Merges undone.
    pub(crate) reverted: Vec<RevertedPull>,
    /// Issues closed.
    pub(crate) closed_issues: Vec<ClosedIssue>,
    /// Figures of the final recon.
    pub(crate) figures: Figures,
    /// What happened that one can learn from.
    pub(crate) events: Vec<LessonEvent>,
    /// The final recon's id in the journal.
    pub(crate) recon: String,
    /// When the final recon began.
    pub(crate) recon_at: Timestamp,
    /// The journal's id of the run.
    pub(crate) run: String,
}

/// The closing report.
pub(crate) fn render_closing(view: &ClosingView) -> String {
    format!("# RESOLVED\n\n{}\n", view.overall)
}
