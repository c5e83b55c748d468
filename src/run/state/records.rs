//! What a run remembers of its tasks, its change, its merges and its effects.

use crate::cluster::{Application, ObjectRef};
use crate::forge::{CommitSha, Merged, PullNumber};
use crate::health::{After, Approval, FindingId, PlanMark, Verdict};
use crate::issue::{KnownTask, TaskKey};
use crate::merge::Hold;
use crate::merge::rollout::{AskedOf, Asking};
use crate::run::event::{ChangeResult, Effect, MergePlan, Outcome, Proposal, TaskOutcome, TroubleFinding};
use crate::store::EventId;
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Not ended, nothing stands against it.
    Open,
    /// A person has to do or decide something.
    Waiting {
        /// Why and what.
        why: String,
        /// Since when.
        since: Timestamp,
    },
    /// It failed for good; a person is called.
    Failed {
        /// Why.
        why: String,
    },
    /// It ended.
    Ended {
        /// How.
        outcome: TaskOutcome,
        /// The note's words.
        note: String,
        /// When.
        at: Timestamp,
    },
}

/// An untick that was granted, or that something was found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AskedAgain {
    /// Where the journal says so: a text that was made before shows the untick still.
    pub(crate) event: EventId,
    /// When.
    pub(crate) at: Timestamp,
}

/// A task's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskRecord {
    /// As it was when it was first seen.
    pub(crate) known: KnownTask,
    /// When it was first seen.
    pub(crate) seen_at: Timestamp,
    /// Whether it is not in the text any more.
    pub(crate) gone: bool,
    /// Whether its box was ticked when it was first seen.
    pub(crate) ticked_at_discovery: bool,
    /// Whether somebody trusted put it there.
    pub(crate) vouched: bool,
    /// What became of it.
    pub(crate) state: TaskState,
    /// The untick, or what was found again, that asked for it again.
    pub(crate) asked_again: Option<AskedAgain>,
    /// Where the journal says that what was found is back: until the next write the box shows the tick of the last time, which
    /// is nobody's.
    pub(crate) found_again: Option<AskedAgain>,
    /// How often an effect for it was tried and did not happen.
    pub(crate) attempts: u32,
    /// Every note that was ever shown for it.
    pub(crate) notes: Vec<(Timestamp, TaskOutcome, String)>,
    /// The approval that was asked for last.
    pub(crate) asked: Option<Asked>,
    /// The code that was approved, and by whom.
    pub(crate) approved: Option<Approved>,
    /// How long a person's answer or work was waited for.
    pub(crate) waited: Duration,
}

impl TaskRecord {
    /// What it is about is there again: what was done about it, and the yes to that, were about the last time.
    pub(crate) fn found_again(&mut self, event: EventId, at: Timestamp) {
        let again = AskedAgain { event, at };
        self.state = TaskState::Open;
        (self.asked_again, self.found_again) = (Some(again), Some(again));
        (self.asked, self.approved) = (None, None);
        self.attempts = 0;
    }
}

/// A pull request that a task names, ended by somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByOthers {
    /// Its number.
    pub(crate) pull: PullNumber,
    /// Its title; from outside.
    pub(crate) title: String,
    /// What it was merged into; `None` where it was closed without.
    pub(crate) merged: Option<Merged>,
    /// When it was seen to have ended.
    pub(crate) seen_at: Timestamp,
}

/// An approval that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The code of plan and change.
    pub(crate) code: String,
    /// What an approval will be of.
    pub(crate) mark: PlanMark,
    /// What is to be approved.
    pub(crate) what: String,
    /// When.
    pub(crate) at: Timestamp,
    /// Whether a comment is asked for, since a tick could not be vouched for.
    pub(crate) by_comment: bool,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Approved {
    /// The code.
    pub(crate) code: String,
    /// What it is of, and who said so: what the gate takes.
    pub(crate) approval: Approval,
}

/// How far the change in flight is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// The merge was journalled; whether it happened is not known yet.
    Asked,
    /// Merged; being rolled out.
    Merged,
    /// Runs everywhere; settling and soaking.
    RolledOut {
        /// Since when.
        at: Timestamp,
    },
    /// The revert was journalled; whether it happened is not known yet.
    RevertAsked {
        /// Its step.
        step: EventId,
    },
    /// The undoing lies in a pull request that is not merged yet.
    RevertProposed {
        /// Which.
        proposal: Proposal,
        /// Since when.
        at: Timestamp,
    },
    /// Undone in Git; the undoing is being rolled out.
    Reverted {
        /// The revert.
        commit: CommitSha,
        /// When.
        at: Timestamp,
        /// When it ran everywhere.
        rolled_out: Option<Timestamp>,
    },
}

impl Stage {
    /// Whether what is replaced comes and goes: until it is known to run everywhere.
    pub(crate) fn rolls_out(&self) -> bool {
        !matches!(self, Self::RolledOut { .. } | Self::Reverted { rolled_out: Some(_), .. })
    }
}

/// The change in flight: one at a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// Its step.
    pub(crate) step: EventId,
    /// What was known when it was decided.
    pub(crate) plan: MergePlan,
    /// When it was decided.
    pub(crate) asked_at: Timestamp,
    /// How far it is.
    pub(crate) stage: Stage,
    /// The merge commit, when, and whether nothing foreign lies between.
    pub(crate) merged: Option<(CommitSha, Timestamp, bool)>,
    /// When Argo CD was asked to look, softly and hard.
    pub(crate) refreshed: Vec<(Timestamp, bool)>,
    /// Why nobody could be asked, or not all of them be read, the last time.
    pub(crate) ask_failed: Option<String>,
    /// Who was asked since its commit is there, of those who do not tell what they have read.
    pub(crate) asked: BTreeMap<ObjectRef, AskedOf>,
    /// The same of those who tell the commit, and would not see it by themselves.
    pub(crate) asked_for_commit: BTreeMap<ObjectRef, AskedOf>,
    /// Watchers that had to do something.
    pub(crate) affected: Vec<String>,
    /// Whether anything follows the repository into a cluster.
    pub(crate) followed: bool,
    /// What is worse than before.
    pub(crate) trouble: Option<Trouble>,
}

/// What is worse since a change than before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    /// Since when there has been any of it without a break.
    pub(crate) since: Timestamp,
    /// The new findings, as they were last written down.
    pub(crate) findings: Vec<TroubleFinding>,
    /// When each of them was first seen: what comes later has a grace time of its own.
    pub(crate) seen: BTreeMap<FindingId, Timestamp>,
    /// The same of those whose sync failed.
    pub(crate) failed: BTreeMap<ObjectRef, Timestamp>,
}

impl Trouble {
    /// What was written down at a moment, after what was known before.
    pub(crate) fn after(
        before: Option<Self>,
        at: Timestamp,
        findings: Vec<TroubleFinding>,
        failed: Vec<ObjectRef>,
    ) -> Self {
        let (since, seen_before, mut failed_before) = before
            .map_or((at, BTreeMap::new(), BTreeMap::new()), |known| (known.since, known.seen, known.failed));
        let seen = findings
            .iter()
            .map(|finding| (finding.id.clone(), seen_before.get(&finding.id).copied().unwrap_or(at)));
        for application in failed {
            failed_before.entry(application).or_insert(at);
        }
        Self { since, seen: seen.collect(), findings, failed: failed_before }
    }
}

impl Change {
    /// A change whose merge was journalled, and nothing more.
    pub(crate) fn asked(step: EventId, at: Timestamp, plan: MergePlan) -> Self {
        Self {
            step,
            plan,
            asked_at: at,
            stage: Stage::Asked,
            merged: None,
            refreshed: Vec::new(),
            ask_failed: None,
            asked: BTreeMap::new(),
            asked_for_commit: BTreeMap::new(),
            affected: Vec::new(),
            followed: true,
            trouble: None,
        }
    }

    /// The commit that is on its way, the merge or its undoing, and who was asked to look at it.
    pub(crate) fn followed_commit(&self) -> Option<(&CommitSha, Asking)> {
        let (merged, merged_at, _) = self.merged.as_ref()?;
        let (commit, since) = match &self.stage {
            Stage::Reverted { commit, at, .. } => (commit, *at),
            Stage::Asked
            | Stage::Merged
            | Stage::RolledOut { .. }
            | Stage::RevertAsked { .. }
            | Stage::RevertProposed { .. } => (merged, *merged_at),
        };
        let failed = self.ask_failed.clone();
        let failed = failed.or_else(|| self.refreshed.is_empty().then(wording::nobody_asked));
        let (asked, asked_for_commit) = (self.asked.clone(), self.asked_for_commit.clone());
        Some((commit, Asking { since, failed, asked, asked_for_commit, over: false }))
    }

    /// The same of one that nobody has seen everywhere when the change ends. Its merge may have been, before it was to be undone.
    pub(super) fn unseen(&self, ran: bool) -> Option<(CommitSha, Asking)> {
        let seen = match &self.stage {
            Stage::RolledOut { .. } => true,
            Stage::Reverted { rolled_out, .. } => rolled_out.is_some(),
            Stage::Asked | Stage::Merged | Stage::RevertAsked { .. } | Stage::RevertProposed { .. } => ran,
        };
        let (commit, asking) = self.followed_commit().filter(|_| !seen)?;
        Some((commit.clone(), Asking { over: true, ..asking }))
    }

    /// Whether its commit needed an operation in an Application. Journals of older versions hold the name alone.
    pub(crate) fn has_affected(&self, application: &Application) -> bool {
        let whole = format!("{}/{}", application.namespace, application.name);
        self.affected.iter().any(|one| *one == whole || *one == application.name)
    }

    /// Where its rollout has ended, or that of its undoing: what was said before says nothing of it.
    pub(crate) fn after(&self) -> Option<After<'_>> {
        let ended_at = match &self.stage {
            Stage::RolledOut { at } => *at,
            Stage::Reverted { rolled_out, .. } => (*rolled_out)?,
            Stage::Asked | Stage::Merged | Stage::RevertAsked { .. } | Stage::RevertProposed { .. } => {
                return None;
            }
        };
        Some(After { ended_at, affected: &self.affected })
    }
}

/// A merge, for the reports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergeRecord {
    /// What was known when it was decided.
    pub(crate) plan: MergePlan,
    /// The commit, once merged.
    pub(crate) commit: Option<CommitSha>,
    /// When.
    pub(crate) merged_at: Option<Timestamp>,
    /// Whether the forge still showed the pull request as open although its merge is on the branch.
    pub(crate) left_open: bool,
    /// How long the rollout took.
    pub(crate) rollout_seconds: Option<f64>,
    /// Whether anything follows the repository into a cluster; otherwise no rollout was seen.
    pub(crate) followed: bool,
    /// The last verdict before a revert or the next task.
    pub(crate) gate: Option<Verdict>,
    /// How the change ended.
    pub(crate) result: Option<ChangeResult>,
    /// Why it was reverted.
    pub(crate) revert_reason: Option<String>,
    /// The revert and when.
    pub(crate) reverted: Option<(CommitSha, Timestamp)>,
    /// The verdict when the undoing had ended.
    pub(crate) gate_after_revert: Option<Verdict>,
    /// When the change ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// The commit that nobody had seen everywhere then, and who had been asked to look at it: that it is the branch's head now makes
    /// nobody have looked.
    pub(crate) unseen: Option<(CommitSha, Asking)>,
    /// Trouble that healed by itself or by a remedy.
    pub(crate) healed: Vec<TroubleFinding>,
}

/// An effect that ended, for the reports.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Act {
    /// When it was begun.
    pub(crate) at: Timestamp,
    /// Its step.
    pub(crate) step: EventId,
    /// What.
    pub(crate) effect: Effect,
    /// How it ended and when; `None`: not known yet.
    pub(crate) ended: Option<(Timestamp, Outcome)>,
}

/// A version that is not merged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The pull request that brought it.
    pub(crate) pull: PullNumber,
    /// What.
    pub(crate) hold: Hold,
    /// Why.
    pub(crate) reason: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// A case that was handed to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Escalation {
    /// When.
    pub(crate) at: Timestamp,
    /// Which task.
    pub(crate) key: Option<TaskKey>,
    /// What happened, what to do.
    pub(crate) why: String,
    /// Evidence.
    pub(crate) evidence: Vec<String>,
}

/// A run that another store began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adoption {
    /// When its status block was met.
    pub(crate) at: Timestamp,
    /// How that block names its run.
    pub(crate) run: String,
    /// The rows of our own table of changes that stood there.
    pub(crate) rows: Vec<String>,
    /// How far it is.
    pub(crate) stage: AdoptionStage,
}

/// How far the adoption of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdoptionStage {
    /// A person is asked whether it may go on.
    Asked,
    /// It may, as soon as all is well.
    Confirmed,
    /// It is a run like any other.
    Over,
}

/// What is known of an issue that was closed and opened again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reopened {
    /// Whether a task has ended since.
    pub(crate) ended_since: bool,
}

/// Tries of one effect that did not happen, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failures {
    /// How many.
    pub(crate) count: u32,
    /// To how many of them the forge gave an answer, or which failed elsewhere.
    pub(crate) answered: u32,
    /// Those at the end that it gave no answer to: how many, and when the first ended.
    pub(crate) silence: Option<(u32, Timestamp)>,
    /// When the first ended.
    pub(crate) since: Timestamp,
    /// When the last ended.
    pub(crate) last: Timestamp,
    /// Why the last did not happen.
    pub(crate) why: String,
}
