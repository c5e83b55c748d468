//! What a journal holds. An intent stands in it before its effect, the outcome after it; run state is a fold over it.
//!
//! Each kind of effect says how the world shows whether it happened ([`Effect::class`]): after a crash the world is asked.

use crate::action::Action;
use crate::cluster::ObjectRef;
use crate::forge::{CommitSha, IssueNumber, MergeStyle, Merged, PullNumber};
use crate::health::{
    Acknowledgement, Baseline, FindingId, Layer, PlanMark, Probe, Recon, Verdict, WithoutEndpoints,
};
use crate::issue::{FindingTag, FindingTask, KnownTask, TaskKey};
use crate::merge::rollout::{AcceptedFlux, Answer, Stood};
use crate::merge::{Category, Hold, Risk, UpdateType};
use crate::store::EventId;
use crate::wording;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A trusted person's `/caretaker stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stop {
    /// Who.
    pub(crate) by: String,
    /// In which comment.
    pub(crate) comment: u64,
    /// When it was written.
    pub(crate) at: Timestamp,
}

/// A trusted person's `/caretaker incident`: something goes wrong that no probe sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Incident {
    /// Who.
    pub(crate) by: String,
    /// In which comment.
    pub(crate) comment: u64,
    /// When it was written.
    pub(crate) at: Timestamp,
    /// What they say.
    pub(crate) why: String,
}

impl Incident {
    /// Where it stands among what was said: a forge counts comments on, and its times tell only whole seconds.
    pub(crate) fn place(&self) -> Over {
        Over { at: self.at, comment: self.comment, by: self.by.clone() }
    }
}

/// A trusted person's `/caretaker incident over`: every incident is over that was declared before where that person counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Over {
    /// When it was written.
    pub(crate) at: Timestamp,
    /// In which comment.
    pub(crate) comment: u64,
    /// Who.
    #[serde(default)]
    pub(crate) by: String,
}

impl Over {
    /// Whether an incident was declared before.
    pub(crate) fn ends(&self, incident: &Incident) -> bool {
        (self.at, self.comment) > (incident.at, incident.comment)
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub(crate) enum Event {
    /// The run began: forge, cluster and rights were there.
    Began {
        /// Who opened the issue.
        author: String,
        /// What the form's overall status held, so that it may be replaced.
        overall: Option<String>,
        /// What the form's last-updated cell held.
        last_updated: Option<String>,
    },
    /// The issue held a status block of a run that this store does not know.
    Adopted {
        /// How that block names its run.
        run: String,
        /// The rows of our own table of changes that stood there.
        rows: Vec<String>,
        /// Whether that run had ended, and a person opened the issue again.
        closed: bool,
    },
    /// A trusted person said that the adopted run may go on.
    AdoptionConfirmed {
        /// Who.
        by: String,
    },
    /// The branch's head runs everywhere and every layer is GREEN: it goes on like any other run.
    AdoptionOver,
    /// A task was seen for the first time, or asks for more than it did.
    TaskSeen {
        /// Which, as it was then.
        task: KnownTask,
        /// Whether its box was ticked: done by a person, not checked again.
        ticked: bool,
        /// Whether somebody trusted put it there.
        vouched: bool,
    },
    /// A task is not in the text any more.
    TaskGone {
        /// Which.
        key: TaskKey,
    },
    /// A task that was gone is there again: it counts as far as whoever put it there does.
    TaskReturned {
        /// Which.
        key: TaskKey,
        /// Whether somebody trusted put it there.
        vouched: bool,
    },
    /// A trusted person vouched for everything that was there at that moment.
    Vouched {
        /// Who.
        by: String,
        /// When they wrote so: what came later is not vouched for.
        at: Timestamp,
    },
    /// A delivery that came after the task was seen shows that somebody trusted put it there.
    TaskVouched {
        /// Which.
        key: TaskKey,
        /// Who.
        by: String,
    },
    /// A trusted person stopped the run by a comment. It holds until a trusted comment says so, whatever becomes of this one:
    /// whoever may write may edit another's comment, or delete it.
    Stopped(Stop),
    /// A trusted person took the stop back. Journalled too: the comment that says so may not be there to be read later, as
    /// with an issue that is gone.
    StopLifted,
    /// A trusted person says that something goes wrong: no change starts until a trusted comment says that it is over.
    IncidentDeclared(Incident),
    /// It is over.
    IncidentOver {
        /// The comment that says so, where it stands in this run's issue: it ends those of other runs as well.
        #[serde(default)]
        said: Option<Over>,
    },
    /// An effect is about to be tried. Its step id is this event's id.
    Intended {
        /// Which.
        effect: Effect,
    },
    /// What became of an effect.
    Ended {
        /// Which.
        step: EventId,
        /// How.
        outcome: Outcome,
    },
    /// Argo CD and Flux were asked to look at the repository for a change.
    Refreshed {
        /// The change.
        change: EventId,
        /// Whether caches were dropped as well (a remedy).
        hard: bool,
        /// Why nobody could be asked, or not all of them be read, however often that was tried.
        #[serde(default)]
        failed: Option<String>,
        /// Who was, of those who do not tell what they have read: older versions did not write it down, and asked nobody by this.
        #[serde(default)]
        asked: Vec<Answer>,
    },
    /// A change runs everywhere.
    RolledOut {
        /// The change.
        change: EventId,
        /// The commit: the merge's or the revert's.
        commit: CommitSha,
        /// How long it took.
        seconds: f64,
        /// How many watchers follow the repository.
        watchers: usize,
        /// Those that had to do something.
        affected: Vec<String>,
    },
    /// New findings after a change.
    Trouble {
        /// The change.
        change: EventId,
        /// What was found.
        findings: Vec<TroubleFinding>,
        /// Whose sync of the commit failed.
        #[serde(default)]
        failed: Vec<ObjectRef>,
    },
    /// The new findings have gone by themselves or by a remedy.
    TroubleOver {
        /// The change.
        change: EventId,
    },
    /// A change is over.
    ChangeEnded {
        /// The change.
        change: EventId,
        /// How.
        result: ChangeResult,
        /// The layers then.
        gate: Verdict,
    },
    /// These versions are not merged again.
    Held {
        /// The pull request that brought them.
        pull: PullNumber,
        /// What.
        holds: Vec<Hold>,
        /// Why.
        reason: String,
    },
    /// A person's approval was asked for.
    ApprovalAsked {
        /// For which task.
        key: TaskKey,
        /// The code of exactly this plan and change.
        code: String,
        /// What an approval will be of.
        mark: PlanMark,
        /// What is to be approved and what was not checked.
        what: String,
    },
    /// A tick had no delivery that vouches for it: a comment is asked for.
    CommentAsked {
        /// For which task.
        key: TaskKey,
        /// The code.
        code: String,
    },
    /// A trusted person approved.
    Approved {
        /// Which task.
        key: TaskKey,
        /// The code.
        code: String,
        /// Who.
        by: String,
        /// By a comment (its id) or by a tick.
        comment: Option<u64>,
    },
    /// A task waits for a person.
    Waits {
        /// Which.
        key: TaskKey,
        /// Why and what is to be done.
        why: String,
    },
    /// A task's question was answered, or its work done.
    TaskEnded {
        /// Which.
        key: TaskKey,
        /// How.
        outcome: TaskOutcome,
        /// In a few words, for the note behind its line.
        note: String,
    },
    /// The forge shows that somebody else ended a pull request that a task names.
    EndedByOthers {
        /// Which.
        pull: PullNumber,
        /// Its title.
        title: String,
        /// What it was merged into; `None` where it was closed without.
        merged: Option<Merged>,
    },
    /// A task failed for good.
    TaskFailed {
        /// Which.
        key: TaskKey,
        /// Why.
        why: String,
    },
    /// An untick asked for an ended task again.
    TaskAgain {
        /// Which.
        key: TaskKey,
    },
    /// The case was handed to a person, with evidence.
    Escalated {
        /// Which task, where it is about one.
        key: Option<TaskKey>,
        /// What happened and what a person can do.
        why: String,
        /// Evidence, a line each.
        evidence: Vec<String>,
    },
    /// The issue was closed by a person, or lost its label: nothing new starts.
    Withdrawn {
        /// Whether it was closed.
        closed: bool,
    },
    /// The issue is open again and has its label: the same run goes on.
    TakenUp,
    /// A task of our own about a finding was seen for the first time: what it stands for, and what will be done about it.
    FindingSeen {
        /// The task.
        key: TaskKey,
        /// What it stands for.
        task: FindingTask,
    },
    /// A trusted person accepts what was found, until a moment.
    Acknowledged(Accepted),
    /// Something broke during the run: a task of our own is added to the text.
    FindingAdded {
        /// What tells it from others in the text.
        tag: FindingTag,
        /// What it stands for.
        task: FindingTask,
    },
    /// A finding is still there although its task has ended.
    FindingOutlived {
        /// The task.
        key: TaskKey,
    },
    /// Such a finding is gone at last.
    FindingOver {
        /// The task.
        key: TaskKey,
    },
    /// What was broken when the run began, or had a task that has ended, is gone: should it come back, it is new.
    FindingWent {
        /// Which.
        finding: FindingId,
    },
    /// A finding whose task has ended counts again: it went and came back, or nobody accepts it any more. The task is open
    /// again, by nobody's wish.
    FindingBack {
        /// The task.
        key: TaskKey,
        /// What it stands for now.
        task: FindingTask,
    },
    /// A full pass of all probes that is kept: at the run's beginning and before its closing.
    Recon {
        /// Whether it is the last one.
        last: bool,
        /// The pass.
        recon: Box<Recon>,
    },
}

/// What a person accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    /// The comment that says so.
    pub(crate) comment: u64,
    /// Who.
    pub(crate) by: String,
    /// Which finding.
    pub(crate) finding: FindingId,
    /// How bad it was: what gets worse is not accepted.
    pub(crate) verdict: Verdict,
    /// Why; from outside.
    pub(crate) reason: String,
    /// Afterwards it blocks again.
    pub(crate) expires: Timestamp,
}

impl Accepted {
    /// As the settings would say it.
    pub(crate) fn as_setting(&self) -> Acknowledgement {
        Acknowledgement {
            object: self.finding.object.to_string(),
            rule: self.finding.rule.clone(),
            probe: Some(self.finding.probe),
            verdict: Some(self.verdict),
            reason: format!("{}, says {}", self.reason, self.by),
            expires: self.expires,
        }
    }
}

/// A finding of a trouble, kept for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TroubleFinding {
    /// Which.
    pub(crate) id: FindingId,
    /// In words.
    pub(crate) message: String,
    /// Field and value.
    pub(crate) evidence: String,
    /// Whether something ties it to the change, and not the time alone.
    #[serde(default)]
    pub(crate) tied: bool,
    /// Why it is laid to the change, suspected of it or not. Older versions did not write it down.
    #[serde(default)]
    pub(crate) why: String,
}

/// How the world shows whether an effect happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EffectClass {
    /// Doing it again changes nothing.
    Idempotent,
    /// The world shows it.
    Detectable,
}

/// Something caretaker does to the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "effect")]
pub(crate) enum Effect {
    /// Merges a pull request.
    Merge(Box<MergePlan>),
    /// Puts the files back.
    Revert {
        /// The change that is undone.
        change: EventId,
        /// Its pull request.
        pull: PullNumber,
        /// Its commit.
        merge_commit: CommitSha,
        /// Why.
        reason: String,
        /// The verdict that condemns it.
        gate: Verdict,
    },
    /// Merges the pull request that puts the files back, where the branch takes no commit of ours.
    MergeRevert {
        /// The change that is undone.
        change: EventId,
        /// The pull request that is undone.
        pull: PullNumber,
        /// The one that undoes it.
        proposal: Proposal,
    },
    /// Stops an operation that still rolls out a reverted revision.
    Terminate {
        /// The change that is undone.
        change: EventId,
        /// The Application.
        application: ObjectRef,
    },
    /// Deletes a pod of a reverted revision that never got ready and that its `StatefulSet` waits for.
    DeletePod {
        /// The change that is undone.
        change: EventId,
        /// The pod.
        pod: ObjectRef,
        /// Its identity: its successor has the same name.
        uid: String,
        /// Its `StatefulSet`.
        set: ObjectRef,
    },
    /// Starts a sync: once as a remedy, or after a revert when nothing starts.
    Sync {
        /// The change.
        change: EventId,
        /// The Application.
        application: ObjectRef,
        /// To which commit.
        revision: CommitSha,
    },
    /// Ticks Renovate's rebase box in a pull request that cannot be merged as it is.
    AskRebase {
        /// The task.
        key: TaskKey,
        /// The pull request.
        pull: PullNumber,
        /// The head that cannot be merged.
        head: CommitSha,
    },
    /// Closes a related issue or pull request, with a note above its own text.
    CloseRelated {
        /// The task.
        key: TaskKey,
        /// The issue or pull request.
        number: IssueNumber,
        /// Whether it is a pull request.
        is_pull: bool,
        /// Its title; empty in journals that do not know.
        #[serde(default)]
        title: String,
    },
    /// Carries out a typed action. Every action there is so far is idempotent.
    Action {
        /// The task.
        key: TaskKey,
        /// What.
        action: Action,
    },
    /// Puts the label that calls for a person on the maintenance issue.
    CallPerson,
    /// Takes that label away: the run goes on by itself.
    ReleasePerson,
    /// Writes the closing report, `[RESOLVED]`, and closes the maintenance issue.
    CloseIssue {
        /// The layers at that moment.
        layers: BTreeMap<Layer, Verdict>,
    },
}

impl Effect {
    /// How the world shows whether it happened.
    pub(crate) fn class(&self) -> EffectClass {
        match self {
            // A merged pull request; a step id in the trailer of a commit, on the branch or on the branch of a pull
            // request; a closed issue that carries our report.
            Self::Merge(_) | Self::Revert { .. } | Self::MergeRevert { .. } | Self::CloseIssue { .. } => {
                EffectClass::Detectable
            }
            // A terminated operation is not there any more, and a pod of that identity neither; what is synced is not synced again; closing
            // the closed, labelling the labelled, ticking the ticked and archiving the archived change nothing.
            Self::Terminate { .. }
            | Self::DeletePod { .. }
            | Self::Sync { .. }
            | Self::AskRebase { .. }
            | Self::CloseRelated { .. }
            | Self::Action { .. }
            | Self::CallPerson
            | Self::ReleasePerson => EffectClass::Idempotent,
        }
    }
}

impl Effect {
    /// Whether what runs in the cluster is another afterwards: what came and went before it says nothing of that.
    pub(crate) fn rolls_out(&self) -> bool {
        match self {
            Self::Merge(_) | Self::Revert { .. } | Self::MergeRevert { .. } | Self::Sync { .. } => true,
            Self::Terminate { .. }
            | Self::DeletePod { .. }
            | Self::AskRebase { .. }
            | Self::CloseRelated { .. }
            | Self::Action { .. }
            | Self::CallPerson
            | Self::ReleasePerson
            | Self::CloseIssue { .. } => false,
        }
    }

    /// What is done, in a few words.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Merge(plan) => wording::act_merge(plan.pull),
            Self::Revert { pull, .. } => wording::act_revert(*pull),
            Self::MergeRevert { pull, proposal, .. } => wording::act_merge_revert(proposal.pull, *pull),
            Self::Terminate { application, .. } => wording::act_terminate(application),
            Self::DeletePod { pod, .. } => wording::act_delete_pod(pod),
            Self::Sync { application, .. } => wording::act_sync(application),
            Self::AskRebase { pull, .. } => wording::act_ask_rebase(*pull),
            Self::CloseRelated { number, .. } => wording::act_close(*number),
            Self::Action { .. } => wording::act_archive(),
            Self::CallPerson => wording::act_call_person(),
            Self::ReleasePerson => wording::act_release_person(),
            Self::CloseIssue { .. } => wording::act_close_issue(),
        }
    }

    /// What would be done, for the status of a repository that is only observed.
    pub(crate) fn would(&self) -> String {
        wording::would_act(&self.what())
    }
}

/// Everything that was known when a merge was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MergePlan {
    /// The task.
    pub(crate) key: TaskKey,
    /// The pull request.
    pub(crate) pull: PullNumber,
    /// Its title then.
    pub(crate) title: String,
    /// The only head that may be merged.
    pub(crate) head: CommitSha,
    /// The head of the default branch at that moment.
    pub(crate) base: CommitSha,
    /// In which way.
    #[serde(default)]
    pub(crate) style: MergeStyle,
    /// Its category.
    pub(crate) category: Category,
    /// Its risk.
    pub(crate) risk: Risk,
    /// How far its versions move.
    pub(crate) update: UpdateType,
    /// What it would put under hold.
    pub(crate) versions: Vec<Hold>,
    /// The versions from which its packages come, where the table tells.
    #[serde(default)]
    pub(crate) replaced: BTreeMap<String, String>,
    /// The files that it changes.
    pub(crate) files: Vec<String>,
    /// `None`: may be undone. Otherwise why not by itself.
    pub(crate) not_reversible: Option<String>,
    /// What there was just before, whatever counted.
    pub(crate) baseline: Baseline,
    /// The probes that found what they judge just before.
    #[serde(default)]
    pub(crate) judged: BTreeSet<Probe>,
    /// The Services for which no pod that stays answered just before; none where that is not known.
    #[serde(default)]
    pub(crate) without_endpoints: Option<WithoutEndpoints>,
    /// The Applications that were not well just before: the commit need not mend those to which it brings nothing.
    #[serde(default)]
    pub(crate) stood: Vec<Stood>,
    /// The objects of Flux that a person accepted as they were just before.
    #[serde(default)]
    pub(crate) accepted: Vec<AcceptedFlux>,
}

/// A pull request of ours that undoes a merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    /// Its number.
    pub(crate) pull: PullNumber,
    /// The commit in it: ours, and the only one that may be merged.
    pub(crate) head: CommitSha,
}

/// What became of an effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub(crate) enum Outcome {
    /// The pull request is merged.
    Merged {
        /// Into which commit.
        commit: CommitSha,
        /// When, by the forge's clock.
        at: Timestamp,
        /// Whether its parents lead to the base of the permit, over nothing but itself. Otherwise commits of others lie
        /// between, and no automatic revert follows.
        proven: bool,
        /// Whether the commit carries our step id. Otherwise a person was faster.
        ours: bool,
        /// Whether the forge still shows the pull request as open: it was cut off between the branch and its database.
        #[serde(default)]
        left_open: bool,
    },
    /// The files are as they were, in this commit.
    Reverted {
        /// The commit.
        commit: CommitSha,
    },
    /// The files as they were are in a pull request, since the branch takes no commit of ours.
    RevertProposed {
        /// Which.
        proposal: Proposal,
    },
    /// It is done.
    Done {
        /// What the report says about it.
        detail: String,
    },
    /// It did not happen, and cannot before its branch has the newest commits of its base.
    Outdated {
        /// Why.
        why: String,
    },
    /// It did not happen and may be tried again.
    NotYet {
        /// Why.
        why: String,
    },
    /// It did not happen as far as the forge shows, which gave no answer to it. That is no word about the effect, so no
    /// attempt of its task is used up; it is found out once more what happened before it is tried again.
    Unanswered {
        /// Why.
        why: String,
    },
    /// It did not happen and will not.
    Refused {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// Why it did not happen.
    pub(crate) fn why_not(&self) -> Option<String> {
        match self {
            Self::NotYet { why }
            | Self::Unanswered { why }
            | Self::Outdated { why }
            | Self::Refused { why } => Some(why.clone()),
            Self::Merged { .. } | Self::Reverted { .. } | Self::RevertProposed { .. } | Self::Done { .. } => {
                None
            }
        }
    }
}

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub(crate) enum ChangeResult {
    /// It stays.
    Kept,
    /// It was undone.
    Reverted {
        /// The revert.
        commit: CommitSha,
    },
    /// A person has to decide.
    HandedOver {
        /// Why.
        why: String,
    },
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TaskOutcome {
    /// Done: the only one that ticks the box.
    Done,
    /// Put off, with the reason.
    Deferred,
    /// Accepted as it is.
    Acknowledged,
    /// Not needed any more.
    Skipped,
}
