//! Run state: a fold over the journal, and nothing else. What is not in the journal is not known after a restart.

mod records;
mod unanswered;

pub(crate) use records::*;

use super::event::{Accepted, ChangeResult, Effect, Event, Incident, Outcome, Stop, TaskOutcome};
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::{Approval, FindingId, Recon, Verdict, WithoutEndpoints};
use crate::issue::{FindingTag, FindingTask, KnownTask, Own, TaskKey, TemplateValues, is_one_matter, key_of};
use crate::merge::rollout::{Asking, Question};
use crate::store::EventId;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Everything a run knows of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RunState {
    /// When it began; `None` before that.
    pub(crate) began_at: Option<Timestamp>,
    /// What the form's cells held when it began.
    pub(crate) template: TemplateValues,
    /// Every task ever seen.
    pub(crate) tasks: BTreeMap<TaskKey, TaskRecord>,
    /// The change in flight.
    pub(crate) change: Option<Change>,
    /// Every merge, in order.
    pub(crate) merges: Vec<MergeRecord>,
    /// Every effect, in order.
    pub(crate) acts: Vec<Act>,
    /// Pull requests that tasks name and that somebody else merged or closed.
    pub(crate) by_others: Vec<ByOthers>,
    /// Versions that are not merged again.
    pub(crate) holds: Vec<Held>,
    /// Cases handed to a person.
    pub(crate) escalations: Vec<Escalation>,
    /// The comments that have been counted as approvals: each counts once.
    pub(crate) used_comments: Vec<u64>,
    /// A trusted person's stop that nobody lifted.
    pub(crate) stop: Option<Stop>,
    /// What a trusted person says is going wrong.
    pub(crate) incident: Option<Incident>,
    /// The first pass that was kept.
    pub(crate) first_recon: Option<Recon>,
    /// The last one, with its event.
    pub(crate) last_recon: Option<(EventId, Recon)>,
    /// A person closed the issue, or took its label away, and nothing was taken up since.
    pub(crate) withdrawn: bool,
    /// Since which event the run goes on after it was withdrawn or closed.
    pub(crate) taken_up: Option<EventId>,
    /// It was begun by a run that this store does not know.
    pub(crate) adopted: Option<Adoption>,
    /// The issue was closed, and a person opened it again.
    pub(crate) reopened: Option<Reopened>,
    /// What our own tasks about findings stand for.
    pub(crate) findings: BTreeMap<TaskKey, FindingTask>,
    /// What people accept of what was found.
    pub(crate) acknowledged: Vec<Accepted>,
    /// The findings for which this run has added a task.
    pub(crate) added: Vec<(FindingTag, FindingTask)>,
    /// The tasks that have ended and whose finding is still there.
    pub(crate) outlived: BTreeSet<TaskKey>,
    /// What was known and has gone since: it is new when it comes back.
    pub(crate) went: BTreeSet<FindingId>,
    /// The tasks about what broke during this run, which go first.
    pub(crate) broke: BTreeSet<TaskKey>,
    /// Changes whenever something happened that people should read at once.
    pub(crate) important: u64,
    /// The last event that was folded in.
    pub(crate) last_event: Option<EventId>,
}

impl RunState {
    /// Folds one event in.
    pub(crate) fn fold(&mut self, id: EventId, at: Timestamp, event: Event) {
        self.last_event = Some(id);
        match event {
            Event::Began { author: _, overall, last_updated } => {
                self.began_at = Some(at);
                self.template = TemplateValues { overall, last_updated };
                self.important += 1;
            }
            Event::Adopted { run, rows, closed } => {
                self.adopted = Some(Adoption { at, run, rows, stage: AdoptionStage::Asked });
                if closed {
                    self.reopened = Some(Reopened::default());
                }
                self.important += 1;
            }
            Event::AdoptionConfirmed { by: _ } => self.adoption_is(AdoptionStage::Confirmed),
            Event::AdoptionOver => self.adoption_is(AdoptionStage::Over),
            Event::TaskSeen { task, ticked, vouched } => {
                let state = if ticked {
                    TaskState::Ended { outcome: TaskOutcome::Done, note: String::new(), at }
                } else {
                    TaskState::Open
                };
                if let Some(record) = self.tasks.get_mut(&task.key) {
                    record.known.ask_for_more(task);
                    return;
                }
                let key = task.key.clone();
                let record = TaskRecord {
                    gone: false,
                    known: task,
                    seen_at: at,
                    ticked_at_discovery: ticked,
                    vouched,
                    state,
                    asked_again: None,
                    found_again: None,
                    attempts: 0,
                    notes: Vec::new(),
                    asked: None,
                    approved: None,
                    waited: Duration::ZERO,
                };
                self.tasks.insert(key, record);
            }
            Event::TaskGone { key } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.gone = true;
                    // Whoever puts it back asks for it anew.
                    record.asked = None;
                    record.approved = None;
                }
                // Whoever took its block out was told, and nothing else would end the case.
                self.outlived.remove(&key);
            }
            Event::TaskReturned { key, vouched } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.gone = false;
                    record.vouched = vouched;
                    record.seen_at = at;
                }
            }
            Event::Vouched { by: _, at: written } => {
                for record in self.tasks.values_mut() {
                    record.vouched |= record.seen_at.as_second() < written.as_second();
                }
            }
            Event::TaskVouched { key, by: _ } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.vouched = true;
                }
            }
            Event::Stopped(stop) => self.stop = Some(stop),
            Event::StopLifted => self.stop = None,
            Event::IncidentDeclared(incident) => self.incident = Some(incident),
            // Which may be older than what was declared here.
            Event::IncidentOver { said } => {
                self.incident.take_if(|incident| said.as_ref().is_none_or(|over| over.ends(incident)));
            }
            Event::Intended { effect } => self.intend(id, at, effect),
            Event::Ended { step, outcome } => self.end(step, at, &outcome),
            Event::Refreshed { change, hard, failed, asked } => {
                if let Some(current) = self.change_mut(change) {
                    current.refreshed.push((at, hard));
                    current.ask_failed = failed;
                    for answer in asked {
                        let asked = match answer.question {
                            Question::Look => &mut current.asked,
                            Question::Commit => &mut current.asked_for_commit,
                        };
                        asked.entry(answer.object.clone()).or_default().hear(answer);
                    }
                }
            }
            Event::RolledOut { change, commit, seconds, watchers, affected } => {
                if let Some(current) = self.change_mut(change) {
                    current.affected = affected;
                    // Nobody watches a repository with `rollout = "none"`: nothing was seen to roll out.
                    current.followed = watchers > 0;
                    match &mut current.stage {
                        Stage::Reverted { commit: revert, rolled_out, .. } if *revert == commit => {
                            *rolled_out = Some(at);
                        }
                        stage => {
                            *stage = Stage::RolledOut { at };
                            if let Some(record) = self.merges.last_mut() {
                                record.rollout_seconds = (watchers > 0).then_some(seconds);
                                record.followed = watchers > 0;
                            }
                        }
                    }
                }
            }
            Event::Trouble { change, findings, failed } => {
                if let Some(current) = self.change_mut(change) {
                    let known = current.trouble.take();
                    current.trouble = Some(Trouble::after(known, at, findings, failed));
                    self.important += 1;
                }
            }
            Event::TroubleOver { change } => {
                if let Some(current) = self.change_mut(change) {
                    let healed = current.trouble.take().map(|known| known.findings).unwrap_or_default();
                    if let Some(record) = self.merges.last_mut() {
                        record.healed.extend(healed);
                    }
                    self.important += 1;
                }
            }
            Event::ChangeEnded { change, result, gate } => {
                let ended = self.change.take_if(|current| current.step == change);
                self.important += u64::from(ended.is_some());
                if let Some(record) = self.merges.last_mut() {
                    // Where nothing follows the repository there is nobody to see it.
                    let ran = record.rollout_seconds.is_some() || !record.followed;
                    record.unseen = ended.as_ref().and_then(|change| change.unseen(ran));
                    if matches!(result, ChangeResult::Reverted { .. }) {
                        record.gate_after_revert = Some(gate);
                    }
                    record.gate = match &result {
                        // A reverted change keeps the verdict that condemned it.
                        ChangeResult::Reverted { .. } => record.gate.or(Some(gate)),
                        ChangeResult::Kept | ChangeResult::HandedOver { .. } => Some(gate),
                    };
                    record.result = Some(result);
                    record.ended_at = Some(at);
                }
            }
            Event::Held { pull, holds, reason } => {
                for hold in holds {
                    if !self.holds.iter().any(|known| known.hold == hold) {
                        self.holds.push(Held { pull, hold, reason: reason.clone(), since: at });
                    }
                }
            }
            Event::ApprovalAsked { key, code, mark, what } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.asked = Some(Asked { code, mark, what, at, by_comment: false });
                    self.important += 1;
                }
            }
            Event::CommentAsked { key, code } => {
                if let Some(asked) = self.tasks.get_mut(&key).and_then(|record| record.asked.as_mut())
                    && asked.code == code
                {
                    asked.by_comment = true;
                    self.important += 1;
                }
            }
            Event::Approved { key, code, by, comment } => {
                self.used_comments.extend(comment);
                if let Some(record) = self.tasks.get_mut(&key)
                    && let Some(asked) = record.asked.as_ref().filter(|asked| asked.code == code)
                {
                    // Of what was asked, and of nothing else that may carry the same code.
                    record.waited += at.duration_since(asked.at).unsigned_abs();
                    record.approved =
                        Some(Approved { code, approval: Approval::new(asked.mark.clone(), by) });
                    if matches!(record.state, TaskState::Waiting { .. }) {
                        record.state = TaskState::Open;
                    }
                    self.important += 1;
                }
            }
            Event::Waits { key, why } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.state = TaskState::Waiting { why, since: at };
                    self.important += 1;
                }
            }
            Event::TaskEnded { key, outcome, note } => {
                if let Some(reopened) = &mut self.reopened {
                    reopened.ended_since = true;
                }
                if let Some(record) = self.tasks.get_mut(&key) {
                    if let TaskState::Waiting { since, .. } = record.state {
                        record.waited += at.duration_since(since).unsigned_abs();
                    }
                    record.notes.push((at, outcome, note.clone()));
                    record.state = TaskState::Ended { outcome, note, at };
                    self.important += 1;
                }
            }
            Event::EndedByOthers { pull, title, merged } => {
                self.by_others.retain(|known| known.pull != pull);
                self.by_others.push(ByOthers { pull, title, merged, seen_at: at });
            }
            Event::TaskFailed { key, why } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.state = TaskState::Failed { why };
                    self.important += 1;
                }
            }
            Event::TaskAgain { key } => {
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.state = TaskState::Open;
                    record.asked_again = Some(AskedAgain { event: id, at });
                    record.attempts = 0;
                    self.important += 1;
                }
                if let Some(task) = self.findings.get(&key) {
                    self.went.remove(&task.id);
                }
            }
            Event::Escalated { key, why, evidence } => {
                self.escalations.push(Escalation { at, key, why, evidence });
                self.important += 1;
            }
            Event::FindingSeen { key, task } => {
                self.findings.entry(key).or_insert(task);
            }
            Event::Acknowledged(accepted) => {
                self.acknowledged.push(accepted);
                self.important += 1;
            }
            Event::FindingAdded { tag, task } => {
                self.went.retain(|id| !is_one_matter(id, &task.id));
                let key = key_of(&Own::Finding(tag.clone()));
                self.outlived.remove(&key);
                // What could not be seen when the run began may have been so long before, and breaks nothing of it.
                if self.first_recon.as_ref().is_some_and(|first| first.would_have_told(&task.id)) {
                    self.broke.insert(key.clone());
                }
                // Its block of the last time may have been taken out of the text when it was done.
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.gone = false;
                    record.found_again(id, at);
                }
                if let Some(known) = self.findings.get_mut(&key) {
                    *known = task.clone();
                }
                self.added.retain(|(known, _)| *known != tag);
                self.added.push((tag, task));
                self.important += 1;
            }
            Event::FindingWent { finding } => {
                self.went.insert(finding);
            }
            Event::FindingBack { key, task } => {
                self.went.retain(|id| !is_one_matter(id, &task.id));
                self.outlived.remove(&key);
                if task.verdict == Verdict::Red {
                    self.broke.insert(key.clone());
                }
                if let Some(record) = self.tasks.get_mut(&key) {
                    record.found_again(id, at);
                    self.important += 1;
                }
                self.findings.insert(key, task);
            }
            Event::FindingOutlived { key } => {
                self.outlived.insert(key);
                self.important += 1;
            }
            Event::FindingOver { key } => {
                self.outlived.remove(&key);
                self.important += 1;
            }
            Event::Withdrawn { closed } => {
                self.withdrawn = true;
                if closed {
                    self.reopened = Some(Reopened::default());
                }
            }
            Event::TakenUp => {
                if self.closed() {
                    self.reopened = Some(Reopened::default());
                }
                self.withdrawn = false;
                self.taken_up = Some(id);
                self.important += 1;
            }
            Event::Recon { last, recon } => {
                if last {
                    self.last_recon = Some((id, *recon));
                } else if self.first_recon.is_none() {
                    self.first_recon = Some(*recon);
                }
            }
        }
    }

    fn adoption_is(&mut self, stage: AdoptionStage) {
        if let Some(adoption) = &mut self.adopted {
            adoption.stage = stage;
            self.important += 1;
        }
    }

    fn change_mut(&mut self, step: EventId) -> Option<&mut Change> {
        self.change.as_mut().filter(|change| change.step == step)
    }

    fn intend(&mut self, step: EventId, at: Timestamp, effect: Effect) {
        match &effect {
            Effect::Merge(plan) => {
                // Whatever a person was asked for before, it is not waited for any more.
                if let Some(record) = self.tasks.get_mut(&plan.key)
                    && let TaskState::Waiting { since, .. } = record.state
                {
                    record.waited += at.duration_since(since).unsigned_abs();
                    record.state = TaskState::Open;
                }
                self.change = Some(Change::asked(step, at, (**plan).clone()));
            }
            Effect::Revert { change, reason, gate, .. } => {
                if let Some(record) = self.merges.last_mut() {
                    record.revert_reason = Some(reason.clone());
                    record.gate = Some(*gate);
                }
                if let Some(current) = self.change_mut(*change) {
                    current.stage = Stage::RevertAsked { step };
                }
            }
            // A merge of an undoing leaves the change as it is until it is known to have happened.
            Effect::MergeRevert { .. }
            | Effect::Sync { .. }
            | Effect::Terminate { .. }
            | Effect::DeletePod { .. }
            | Effect::AskRebase { .. }
            | Effect::CloseRelated { .. }
            | Effect::Action { .. }
            | Effect::CallPerson
            | Effect::ReleasePerson
            | Effect::CloseIssue { .. } => {}
        }
        self.acts.push(Act { at, step, effect, ended: None });
    }

    fn end(&mut self, step: EventId, at: Timestamp, outcome: &Outcome) {
        let Some(act) = self.acts.iter_mut().find(|act| act.step == step) else { return };
        let missed = matches!(act.ended, Some((_, Outcome::Unanswered { .. })));
        act.ended = Some((at, outcome.clone()));
        let effect = act.effect.clone();
        match (&effect, outcome) {
            (Effect::Merge(plan), Outcome::Merged { commit, at: merged_at, proven, left_open, ours: _ }) => {
                self.important += 1;
                self.merges.push(MergeRecord {
                    plan: (**plan).clone(),
                    commit: Some(commit.clone()),
                    merged_at: Some(*merged_at),
                    left_open: *left_open,
                    rollout_seconds: None,
                    followed: true,
                    gate: None,
                    result: None,
                    revert_reason: None,
                    reverted: None,
                    gate_after_revert: None,
                    ended_at: None,
                    unseen: None,
                    healed: Vec::new(),
                });
                if self.change.is_none() {
                    // It was believed not to have happened, and landed all the same: watched like any other.
                    self.change = Some(Change::asked(step, at, (**plan).clone()));
                }
                if let Some(current) = self.change_mut(step) {
                    current.stage = Stage::Merged;
                    current.merged = Some((commit.clone(), *merged_at, *proven));
                }
            }
            (Effect::Merge(plan), _) => {
                if self.change.as_ref().is_some_and(|change| change.step == step) {
                    self.change = None;
                }
                // Neither that it has to be rebased first is a failed attempt, nor that the forge did not answer, whatever is
                // found out later.
                if !missed
                    && !matches!(outcome, Outcome::Outdated { .. } | Outcome::Unanswered { .. })
                    && let Some(record) = self.tasks.get_mut(&plan.key)
                {
                    record.attempts += 1;
                }
            }
            (Effect::Revert { change, .. }, Outcome::RevertProposed { proposal }) => {
                self.important += 1;
                if let Some(current) = self.change_mut(*change) {
                    current.stage = Stage::RevertProposed { proposal: proposal.clone(), at };
                }
            }
            (
                Effect::Revert { change, .. } | Effect::MergeRevert { change, .. },
                Outcome::Reverted { commit },
            ) => {
                self.important += 1;
                if let Some(record) = self.merges.last_mut() {
                    record.reverted = Some((commit.clone(), at));
                }
                if let Some(current) = self.change_mut(*change) {
                    current.stage = Stage::Reverted { commit: commit.clone(), at, rolled_out: None };
                    // What was asked for the bad commit says nothing about the revert.
                    current.refreshed.clear();
                    current.ask_failed = None;
                    current.asked.clear();
                    current.asked_for_commit.clear();
                }
            }
            (
                Effect::Revert { change, .. },
                Outcome::NotYet { .. } | Outcome::Unanswered { .. } | Outcome::Refused { .. },
            ) => {
                // Back to the merge: its rollout is judged anew, and with it whether the revert is still wanted.
                if let Some(current) = self.change_mut(*change) {
                    current.stage = Stage::Merged;
                }
            }
            (
                Effect::CloseRelated { key, .. } | Effect::Action { key, .. },
                Outcome::NotYet { .. } | Outcome::Refused { .. },
            ) => {
                if let Some(record) = self.tasks.get_mut(key) {
                    record.attempts += 1;
                }
            }
            _ => {}
        }
    }

    /// Effects whose outcome is not known: after a crash, the world is asked about each.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &Act> {
        self.acts.iter().filter(|act| act.ended.is_none())
    }

    /// Who was asked to look at the branch's head, where that is the commit of a change that ended before it was seen everywhere. A
    /// person who ticks its task says that it is.
    pub(crate) fn unseen(&self, head: &CommitSha) -> Option<&Asking> {
        self.left_unseen().filter(|(commit, _)| commit == head).map(|(_, asking)| asking)
    }

    /// The commit of the newest change, where that ended before anybody saw it everywhere and no person has said that it is since.
    pub(crate) fn left_unseen(&self) -> Option<&(CommitSha, Asking)> {
        self.merges.last().filter(|record| !self.has_ended(&record.plan.key))?.unseen.as_ref()
    }

    /// The Services for which no pod that stays answered before the newest change, while that is in flight, or where it was not kept: what is empty
    /// since any other, people have emptied.
    pub(crate) fn without_endpoints(&self) -> Option<&WithoutEndpoints> {
        let in_flight = self.change.as_ref().map(|change| &change.plan);
        let bad = |result: &ChangeResult| match result {
            ChangeResult::Kept => false,
            ChangeResult::Reverted { .. } | ChangeResult::HandedOver { .. } => true,
        };
        let newest = || self.merges.last().filter(|record| record.result.as_ref().is_some_and(bad));
        in_flight.or_else(|| newest().map(|record| &record.plan))?.without_endpoints.as_ref()
    }

    /// The tasks as they are found again in a text. What has ended is not held up by anything, and asks for nothing until
    /// it is asked for again.
    pub(crate) fn known_tasks(&self) -> Vec<KnownTask> {
        self.tasks
            .values()
            .map(|record| {
                let mut known = record.known.clone();
                known.depends_on.retain(|key| !self.has_ended(key));
                if self.has_ended(&known.key) {
                    known.needs = None;
                    known.depends_on.clear();
                }
                known
            })
            .collect()
    }

    /// What was broken when the run began, in itself, and is known of: accepted it was not.
    pub(crate) fn broken_at_first(&self) -> impl Iterator<Item = &FindingId> {
        let first = self.first_recon.iter().flat_map(Recon::blocking);
        first.filter(|finding| finding.is_broken_itself()).map(|finding| &finding.id)
    }

    /// What is known and has no block in the text: what was broken when the run began, and what a person took out since.
    pub(crate) fn known_without_a_task(&self) -> impl Iterator<Item = &FindingId> {
        let is_out = |key: &TaskKey| self.task(key).is_some_and(|record| record.gone);
        let out = self.findings.iter().filter(move |(key, _)| is_out(key)).map(|(_, task)| &task.id);
        self.broken_at_first().chain(out)
    }

    /// A task's record.
    pub(crate) fn task(&self, key: &TaskKey) -> Option<&TaskRecord> {
        self.tasks.get(key)
    }

    /// Whether a task ended, in whatever way.
    pub(crate) fn has_ended(&self, key: &TaskKey) -> bool {
        self.tasks.get(key).is_some_and(|record| matches!(record.state, TaskState::Ended { .. }))
    }

    /// Whether the maintenance issue was closed by us, and not taken up since.
    pub(crate) fn closed(&self) -> bool {
        self.acts.iter().any(|act| {
            self.taken_up.is_none_or(|taken_up| act.step > taken_up)
                && matches!(act.effect, Effect::CloseIssue { .. })
                && matches!(act.ended, Some((_, Outcome::Done { .. })))
        })
    }

    /// The tries of an effect that did not happen since it last did, or since the run was taken up.
    pub(crate) fn failures(&self, is: impl Fn(&Act) -> bool) -> Option<Failures> {
        let mut failures: Option<Failures> = None;
        for act in self.acts.iter().filter(|act| is(act)) {
            let Some((at, outcome)) = &act.ended else { continue };
            failures = match outcome.why_not() {
                Some(why) if self.taken_up.is_none_or(|taken_up| act.step > taken_up) => {
                    let silent = matches!(outcome, Outcome::Unanswered { .. });
                    let silence = failures.as_ref().and_then(|known| known.silence).unwrap_or((0, *at));
                    Some(Failures {
                        count: failures.as_ref().map_or(0, |known| known.count) + 1,
                        answered: failures.as_ref().map_or(0, |known| known.answered) + u32::from(!silent),
                        silence: silent.then_some((silence.0 + 1, silence.1)),
                        since: failures.as_ref().map_or(*at, |known| known.since),
                        last: *at,
                        why,
                    })
                }
                _ => None,
            };
        }
        failures
    }

    /// The related issues, or pull requests, that were closed, each with its title.
    pub(crate) fn closed_related(&self, pulls: bool) -> Vec<(IssueNumber, &TaskKey, &str, Timestamp)> {
        self.acts
            .iter()
            .filter_map(|act| match (&act.effect, &act.ended) {
                (Effect::CloseRelated { key, number, is_pull, title }, Some((at, Outcome::Done { .. })))
                    if *is_pull == pulls =>
                {
                    Some((*number, key, title.as_str(), *at))
                }
                _ => None,
            })
            .collect()
    }

    /// The pull requests that resolved what a task closes: those that its title names, or else all that were merged before.
    pub(crate) fn works_behind(&self, title: &str, before: Timestamp) -> Vec<String> {
        let names = |pull: PullNumber| {
            let word = format!("#{pull}");
            title.split(|c: char| !c.is_ascii_alphanumeric() && c != '#').any(|one| one == word)
        };
        let merged: Vec<PullNumber> = self
            .acts
            .iter()
            .filter_map(|act| match (&act.effect, &act.ended) {
                (Effect::Merge(plan), Some((at, Outcome::Merged { .. }))) if *at <= before => Some(plan.pull),
                _ => None,
            })
            .collect();
        let in_title: Vec<PullNumber> = merged.iter().copied().filter(|pull| names(*pull)).collect();
        let works = if in_title.is_empty() { merged } else { in_title };
        works.iter().map(|pull| format!("#{pull}")).collect()
    }

    /// Whether the label that calls for a person is on, as far as we put it there since the run was last taken up.
    pub(crate) fn person_called(&self) -> bool {
        let newest = self.acts.iter().rev().find(|act| {
            self.taken_up.is_none_or(|taken_up| act.step > taken_up)
                && matches!(act.effect, Effect::CallPerson | Effect::ReleasePerson)
                && matches!(act.ended, Some((_, Outcome::Done { .. })))
        });
        newest.is_some_and(|act| act.effect == Effect::CallPerson)
    }

    /// Whether the label that calls for a person may be on: an answer that never came may have been of either kind.
    pub(crate) fn may_be_called(&self) -> bool {
        let newest = self.acts.iter().rev().find(|act| {
            self.taken_up.is_none_or(|taken_up| act.step > taken_up)
                && matches!(act.effect, Effect::CallPerson | Effect::ReleasePerson)
                && matches!(act.ended, Some((_, Outcome::Done { .. } | Outcome::Unanswered { .. })))
        });
        newest.is_some_and(|act| {
            act.effect == Effect::CallPerson || matches!(act.ended, Some((_, Outcome::Unanswered { .. })))
        })
    }

    /// Whether a case that was handed to a person is still theirs: its task has not ended, or what it is about outlived it.
    pub(crate) fn has_open_cases(&self) -> bool {
        !self.outlived.is_empty()
            || self.escalations.iter().any(|case| case.key.as_ref().is_none_or(|key| !self.has_ended(key)))
    }
}
