//! What is true now: everything that [`decide`](super::decide) may look at.

use super::event::{Event, Incident, Over, Stop};
use super::state::RunState;
use super::windows::Hours;
use crate::cluster::{BlockingPod, ObjectRef, Shut};
use crate::forge::{CommitSha, IssueNumber, MergeStyle, PullNumber, PullRequest};
use crate::health::{Acknowledgement, Attribution, FailedBefore, FindingId, PlanMark, Recon, Watch};
use crate::issue::{FindingTask, Left, Reading, TaskKey, TemplateValues};
use crate::merge::Hold;
use crate::merge::classify::Classification;
use crate::merge::preflight::Preflight;
use crate::merge::rollout::{AcceptedFlux, Rollout, Stood};
use crate::timing::Timing;
use crate::wording;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the settings let pods of a reverted revision be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// They do.
    Allowed,
    /// It is switched off.
    Off,
}

/// Whether commands may be run in the Ceph tools pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tools {
    /// They may.
    Allowed,
    /// They are switched off.
    Off,
}

/// How much a repository lets caretaker do; less before more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "String")]
pub(crate) enum Mode {
    /// Shows in the status what it would do, and does nothing else.
    #[default]
    Observe,
    /// Asks before each change.
    Approve,
    /// Works by itself.
    Auto,
}

impl TryFrom<String> for Mode {
    type Error = String;

    /// Takes the word in the settings, and says which there are where it is another one.
    fn try_from(word: String) -> Result<Self, String> {
        let all = [Self::Observe, Self::Approve, Self::Auto];
        all.into_iter().find(|mode| mode.word() == word).ok_or_else(|| wording::no_such_mode(&word))
    }
}

impl Mode {
    /// The word in the settings.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }
}

/// A pull request that a task wants merged.
#[derive(Debug, Clone)]
pub(crate) struct PullSituation {
    /// The pull request as it is now.
    pub(crate) pull: PullRequest,
    /// Category, risk, foundation.
    pub(crate) classification: Classification,
    /// Whether it may be merged, and if not, why.
    pub(crate) preflight: Preflight,
    /// Why it needs a person's approval, whoever asked for it.
    pub(crate) approval: Option<String>,
    /// What an approval of it is of; `None` for one that is not open any more.
    pub(crate) mark: Option<PlanMark>,
    /// The files that it changes.
    pub(crate) files: Vec<String>,
    /// What it would put under hold.
    pub(crate) versions: Vec<Hold>,
    /// `None`: may be undone by itself.
    pub(crate) not_reversible: Option<String>,
    /// Since when its pre-flight has been waiting.
    pub(crate) waiting_since: Option<Timestamp>,
    /// The watcher that it could not be synced to now, and the window that keeps that back.
    pub(crate) shut: Option<(String, Shut)>,
}

/// What a task of our own about a finding stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownFinding {
    /// What it is.
    pub(crate) task: FindingTask,
    /// Whether what caretaker can do about it is done without an approval.
    pub(crate) allowed: bool,
    /// By what a person accepts it as it is now, if one does.
    pub(crate) accepted: Option<Acknowledgement>,
    /// Whether its probe is switched off, or not in the settings any more: nobody looks for it.
    pub(crate) unasked: bool,
}

/// An issue or pull request that a task wants closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Related {
    /// It is open.
    Open {
        /// Whether it is a pull request.
        is_pull: bool,
        /// Its title.
        title: String,
    },
    /// It is closed already.
    Closed,
    /// There is none of that number, or it may not be seen.
    Missing,
}

/// How the pull request that undoes a change stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProposalStanding {
    /// It is merged, by whomever.
    Merged,
    /// It may be merged.
    Ready,
    /// Not yet, with why.
    Waits(String),
    /// What it lacks only a person can give.
    NeedsPerson(String),
}

/// An issue or pull request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Why, and what follows.
    pub(crate) why: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// An approval that counts: its author is trusted and its evidence was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenApproval {
    /// The task.
    pub(crate) key: TaskKey,
    /// The code.
    pub(crate) code: String,
    /// Who.
    pub(crate) by: String,
    /// The comment, or `None` for a tick that a delivery vouches for.
    pub(crate) comment: Option<u64>,
}

/// What a person wants of a task, as the difference between the body and the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Its box was ticked by a person.
    Ticked(TaskKey),
    /// Its box was unticked by a person: it is asked for again.
    Unticked(TaskKey),
    /// It is not in the text any more.
    Gone(TaskKey),
    /// It was gone and is there again.
    Returned(TaskKey),
}

/// Everything that a decision may rest on. Made by one pass of observation; nothing in it is older than the pass.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    /// The moment of the pass.
    pub(crate) now: Timestamp,
    /// How long things are given.
    pub(crate) timing: &'a Timing,
    /// How much may be done.
    pub(crate) mode: Mode,
    /// Whether a change may start at this hour.
    pub(crate) hours: Hours,
    /// What the journal says.
    pub(crate) state: &'a RunState,
    /// The maintenance issue itself.
    pub(crate) issue: IssueNumber,
    /// Who opened the issue.
    pub(crate) author: &'a str,
    /// What the form's cells hold now.
    pub(crate) template: &'a TemplateValues,
    /// What the body says.
    pub(crate) reading: &'a Reading,
    /// The order of all open tasks.
    pub(crate) order: &'a [TaskKey],
    /// What is missing before the first effect: rights, trust, servers.
    pub(crate) obstacles: &'a [String],
    /// Somebody stopped the run: who or what.
    pub(crate) paused: Option<&'a str>,
    /// The issue was closed or lost its label: the change in flight is watched to its end, nothing new starts.
    pub(crate) withdrawn: bool,
    /// Whether it was closed.
    pub(crate) issue_closed: bool,
    /// The cluster's lock is not ours: nothing is done.
    pub(crate) locked_out: bool,
    /// What is half done in another repository, in words: one change at a time in a cluster.
    pub(crate) elsewhere: Option<&'a str>,
    /// The pass over the cluster.
    pub(crate) recon: &'a Recon,
    /// Since when every layer has been GREEN without a break.
    pub(crate) green_since: Option<Timestamp>,
    /// When anybody looked at the cluster, and how closely.
    pub(crate) watch: &'a Watch,
    /// Since when each finding of this pass has been seen without a break.
    pub(crate) first_seen: &'a BTreeMap<FindingId, Timestamp>,
    /// Since when each of them has been RED and a cause without a break.
    pub(crate) broken_since: &'a BTreeMap<FindingId, Timestamp>,
    /// How each finding relates to the change in flight.
    pub(crate) attributions: &'a BTreeMap<FindingId, Attribution>,
    /// The head of the default branch.
    pub(crate) head: &'a CommitSha,
    /// Whether that head is rolled out.
    pub(crate) head_rollout: &'a Rollout,
    /// How far the change in flight (or its undoing) is rolled out, and since when there was no progress.
    pub(crate) change_rollout: Option<(&'a Rollout, Timestamp)>,
    /// When that was last seen kept back by sync windows alone: until then no time ran against it.
    pub(crate) kept_back: Option<Timestamp>,
    /// The first who has to look for it and whom nobody has asked to.
    pub(crate) unasked: Option<&'a ObjectRef>,
    /// The pods for which an image of the change is being pulled.
    pub(crate) pulling: &'a [String],
    /// The watchers that the change in flight touches.
    pub(crate) affected: &'a [ObjectRef],
    /// Applications whose operation still rolls out the reverted revision.
    pub(crate) stuck: &'a [ObjectRef],
    /// Watchers that are not synced while nothing happens to them.
    pub(crate) idle_out_of_sync: &'a [ObjectRef],
    /// Those of them without automated sync, where the settings let caretaker sync them.
    pub(crate) manual: &'a [ObjectRef],
    /// The Applications that are not well now.
    pub(crate) stood: &'a [Stood],
    /// The objects of Flux that a person accepts as they are.
    pub(crate) accepted: &'a [AcceptedFlux],
    /// Those whose newest sync failed.
    pub(crate) failed_syncs: &'a [FailedBefore],
    /// Pods of the reverted revision that keep their `StatefulSets` from going back.
    pub(crate) blocking: &'a [BlockingPod],
    /// Whether they may be deleted.
    pub(crate) deletion: Deletion,
    /// The versions of the change's table that do not run, after its rollout.
    pub(crate) mismatches: &'a [String],
    /// Those that run still where no folder tells whether the change was meant for it.
    pub(crate) left_behind: &'a [String],
    /// In which way pull requests are merged.
    pub(crate) merge_style: MergeStyle,
    /// Whether the settings let commands be run in the Ceph tools pod.
    pub(crate) tools: Tools,
    /// The pull request that undoes the change in flight; `None` without one, or where it cannot be read.
    pub(crate) proposal: Option<&'a ProposalStanding>,
    /// The pull requests that open tasks name for merging. One that is not there does not exist.
    pub(crate) pulls: &'a BTreeMap<PullNumber, PullSituation>,
    /// The issues and pull requests that open tasks name and that cannot be read: nothing is known of them.
    pub(crate) unread: &'a BTreeMap<IssueNumber, Unread>,
    /// The issues and pull requests that open tasks name for closing.
    pub(crate) related: &'a BTreeMap<IssueNumber, Related>,
    /// Approvals that count.
    pub(crate) approvals: &'a [SeenApproval],
    /// Approval boxes that are ticked without a delivery that vouches for it, for longer than it may take.
    pub(crate) unvouched_ticks: &'a [(TaskKey, String)],
    /// Tasks whose authorship is vouched for.
    pub(crate) vouched: &'a BTreeSet<TaskKey>,
    /// Tasks of which deliveries show that somebody trusted put them there, with who it was.
    pub(crate) shown_by: &'a BTreeMap<TaskKey, String>,
    /// Tasks of which nobody can know any more who wrote them, since the history of the text has gaps.
    pub(crate) nobodys: &'a BTreeSet<TaskKey>,
    /// A trusted person's stop that nobody lifted.
    pub(crate) stop: Option<&'a Stop>,
    /// What a trusted person says is going wrong and nobody has said is over.
    pub(crate) incident: Option<&'a Incident>,
    /// An incident of another run that is not over, in words.
    pub(crate) incident_elsewhere: Option<&'a str>,
    /// A trusted person's word here that incidents are over, where any is that it ends.
    pub(crate) incident_over: Option<&'a Over>,
    /// A trusted person's word that everything in the body counts, newer than the journal's last one.
    pub(crate) resumed_by: Option<(&'a str, Timestamp)>,
    /// What a run left in the text that this store does not know.
    pub(crate) left: Option<&'a Left>,
    /// The trusted person who said that such a run may go on.
    pub(crate) confirmed_by: Option<&'a str>,
    /// What people newly accept of what was found.
    pub(crate) acknowledged: &'a [Event],
    /// What people changed.
    pub(crate) wishes: &'a [Wish],
    /// What our own tasks about findings stand for.
    pub(crate) findings: &'a BTreeMap<TaskKey, KnownFinding>,
    /// Since when each of these findings has been gone without a break, as far as its probe answered.
    pub(crate) gone_since: &'a BTreeMap<TaskKey, Timestamp>,
    /// The same of each finding that is known, whether it has a task or was there when the run began.
    pub(crate) went_since: &'a BTreeMap<FindingId, Timestamp>,
    /// When the last audit was made.
    pub(crate) audited_at: Option<Timestamp>,
}

#[cfg(test)]
mod mode_tests {
    use super::Mode;

    #[test]
    fn a_word_that_is_no_mode_is_told_with_those_that_are() {
        for mode in [Mode::Observe, Mode::Approve, Mode::Auto] {
            assert_eq!(Mode::try_from(mode.word().to_owned()), Ok(mode));
        }
        let told = Mode::try_from("aprove".to_owned()).unwrap_err();
        assert_eq!(told, "`aprove` is no mode: `observe`, `approve` or `auto`");
    }
}
