//! The one place of judgement: a pure function from a [`Situation`] to one [`Decision`].
//!
//! The order of the questions is the order of the design: first what is half done (an effect whose outcome is unknown,
//! a change in flight), then what people decided, then the next task. Nothing here waits, asks or writes; a decision
//! that rests on something stale cannot be made, since everything comes from one pass.

mod adoption;
mod change;
mod found;
mod gate;
mod last;
mod merges;
mod proposal;
mod retry;
mod standstill;
mod tasks;
#[cfg(test)]
pub(super) mod tests;
mod trouble;

pub(crate) use gate::{keeps_back, merge_conditions};
pub(crate) use last::{LastLook, objection};
pub(crate) use merges::approval_asked;

use super::checks::{Stands, answer, stands};
use super::event::{Effect, EffectClass, Event, Incident, Over, TaskOutcome};
use super::situation::{Mode, Related, Situation, Wish};
use super::state::{RunState, TaskState};
use crate::forge::State;
use crate::health::Verdict;
use crate::issue::{Kind, KnownTask, TaskKey};
use crate::store::EventId;
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Write down what has become true, then look again.
    Note(Vec<Event>),
    /// Journal the intent, do it, journal the outcome.
    Perform(Effect),
    /// Ask the world what became of an effect.
    Confirm(EventId),
    /// Ask Argo CD and Flux to look at the repository.
    Refresh {
        /// For which change.
        change: EventId,
        /// Dropping its caches as well.
        hard: bool,
    },
    /// Nothing can be done now.
    Wait(Waiting),
    /// The run is over.
    Over,
}

impl Decision {
    /// Whether it says how something stands in the cluster, or does something about it. To ask, and to go on waiting, takes
    /// nothing back. Without a change in flight that is the end of a task, and the end of the run: whether a merge may start its
    /// permit asks again.
    pub(crate) fn rests_on_the_cluster(&self, in_flight: bool) -> bool {
        let ends = |event: &Event| {
            matches!(
                event,
                Event::Recon { last: true, .. } | Event::TaskEnded { outcome: TaskOutcome::Done, .. }
            )
        };
        match self {
            Self::Note(events) => in_flight || events.iter().any(ends),
            Self::Perform(effect) => in_flight || matches!(effect, Effect::CloseIssue { .. }),
            Self::Confirm(_) | Self::Refresh { .. } | Self::Wait(_) | Self::Over => false,
        }
    }
}

/// What is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The world: look again soon. With what happens, for the status.
    World(String),
    /// People alone: nothing is written until something changes.
    People,
    /// The hour in which a change may start, and nothing else. The lock is given back until then.
    Window(Timestamp),
    /// Something that a person must mend before anything is done.
    Obstacles,
    /// The run was stopped.
    Paused(String),
}

/// Decides.
pub(crate) fn decide(situation: &Situation<'_>) -> Decision {
    let state = situation.state;
    if situation.locked_out {
        return Decision::Wait(Waiting::Obstacles);
    }
    if state.closed() || state.withdrawn {
        // A person who reopens an issue, or gives it its label again, asks the same run to go on.
        return if situation.withdrawn { Decision::Over } else { Decision::Note(vec![Event::TakenUp]) };
    }
    if state.began_at.is_none() {
        if situation.withdrawn {
            return Decision::Over;
        }
        // Before anything is written over it.
        if let Some(met) = adoption::met(situation) {
            return Decision::Note(met);
        }
        if !situation.obstacles.is_empty() {
            // What keeps this run from beginning keeps nobody from saying that the cluster is in trouble.
            let said = incidents(situation);
            if said.is_empty() {
                return Decision::Wait(Waiting::Obstacles);
            }
            return Decision::Note(said);
        }
    }
    // What is half done comes first; asking what became of it is no effect, and a stopped run does it too.
    if let Some(act) = state.unknown().next() {
        let confirm = Decision::Confirm(act.step);
        // Where finding out means doing it again, it is an effect like any other.
        if act.effect.class() != EffectClass::Idempotent {
            return confirm;
        }
        if let Some(by) = situation.paused {
            return Decision::Wait(Waiting::Paused(by.to_owned()));
        }
        if situation.mode == Mode::Observe {
            return Decision::Wait(Waiting::World(act.effect.would()));
        }
        // Of a run that was withdrawn only a change in flight goes on.
        if !situation.withdrawn || state.change.is_some() {
            return confirm;
        }
    }
    let news = discoveries(situation);
    if !news.is_empty() {
        return Decision::Note(news);
    }
    if let Some(change) = &state.change {
        return guard(situation, change::next(situation, change));
    }
    if situation.withdrawn {
        // A merge that lands after the run is over would be followed by nobody.
        if let Some((act, _)) = state.unanswered_merges().next() {
            return Decision::Confirm(act.step);
        }
        return Decision::Note(vec![Event::Withdrawn { closed: situation.issue_closed }]);
    }
    let next = adoption::next(situation).unwrap_or_else(|| tasks::next(situation));
    guard(situation, standstill::label(situation, next))
}

/// Holds back effects while the run is stopped or the mode allows none.
fn guard(situation: &Situation<'_>, decision: Decision) -> Decision {
    match &decision {
        Decision::Perform(effect) => {
            if let Some(by) = situation.paused {
                return Decision::Wait(Waiting::Paused(by.to_owned()));
            }
            if situation.mode == Mode::Observe {
                return Decision::Wait(Waiting::World(effect.would()));
            }
            decision
        }
        Decision::Refresh { .. } if situation.paused.is_some() => {
            Decision::Wait(Waiting::Paused(situation.paused.unwrap_or_default().to_owned()))
        }
        // Observing writes down what waits for whom; it ends no task, asks for nothing and ticks nothing. A change in flight
        // is followed to its end whatever the mode has become since.
        Decision::Note(events) if situation.mode == Mode::Observe && situation.state.change.is_none() => {
            match events.iter().find(|event| !matches!(event, Event::Waits { .. })) {
                Some(_) => Decision::Wait(Waiting::World(wording::would_note())),
                None => decision,
            }
        }
        _ => decision,
    }
}

/// What has become true since the journal's last word, without any effect of ours.
fn discoveries(situation: &Situation<'_>) -> Vec<Event> {
    let state = situation.state;
    let mut events = Vec::new();
    if state.began_at.is_none() {
        events.push(Event::Began {
            author: situation.author.to_owned(),
            overall: situation.template.overall.clone(),
            last_updated: situation.template.last_updated.clone(),
        });
        events.push(Event::Recon { last: false, recon: Box::new(situation.recon.to_keep()) });
    }
    for task in &situation.reading.tasks {
        let known = KnownTask::of(task, &situation.reading.tasks);
        let is_news = state.task(&task.key).is_none_or(|record| {
            !matches!(record.state, TaskState::Ended { .. }) && record.known.asks_for_less_than(&known)
        });
        if is_news {
            events.push(Event::TaskSeen {
                task: known,
                ticked: task.ticked,
                vouched: situation.vouched.contains(&task.key),
            });
        }
        if let (Some(record), Some(by)) = (state.task(&task.key), situation.shown_by.get(&task.key))
            && !(record.vouched || record.gone || matches!(record.state, TaskState::Ended { .. }))
        {
            events.push(Event::TaskVouched { key: task.key.clone(), by: by.clone() });
        }
        if let Some(known) = situation.findings.get(&task.key)
            && !state.findings.contains_key(&task.key)
        {
            events.push(Event::FindingSeen { key: task.key.clone(), task: known.task.clone() });
        }
    }
    if let Some((by, at)) = situation.resumed_by {
        events.push(Event::Vouched { by: by.to_owned(), at });
    }
    if situation.stop != state.stop.as_ref() {
        events.push(situation.stop.cloned().map_or(Event::StopLifted, Event::Stopped));
    }
    events.extend(incidents(situation));
    events.extend(situation.acknowledged.iter().cloned());
    events.extend(adoption::confirmed(situation));
    for wish in situation.wishes {
        let granted = granted(situation, wish);
        if let (Wish::Ticked(key), Some(_)) = (wish, &granted) {
            events.extend(by_others(situation, key));
        }
        events.extend(granted);
    }
    for approval in situation.approvals {
        if let Some(record) = state.task(&approval.key)
            && record.asked.as_ref().is_some_and(|asked| asked.code == approval.code)
            && record.asked.as_ref().is_some_and(|asked| {
                record.approved.as_ref().is_none_or(|known| !known.approval.covers(&asked.mark))
            })
            && approval.comment.is_none_or(|id| !state.used_comments.contains(&id))
        {
            events.push(Event::Approved {
                key: approval.key.clone(),
                code: approval.code.clone(),
                by: approval.by.clone(),
                comment: approval.comment,
            });
        }
    }
    for (key, code) in situation.unvouched_ticks {
        if state
            .task(key)
            .and_then(|record| record.asked.as_ref())
            .is_some_and(|asked| asked.code == *code && !asked.by_comment)
        {
            events.push(Event::CommentAsked { key: key.clone(), code: code.clone() });
        }
    }
    events
}

/// What people said of incidents.
fn incidents(situation: &Situation<'_>) -> Vec<Event> {
    said_of_incidents(situation.incident, situation.incident_over, situation.state)
}

/// What people said of incidents in an issue and its journal does not know yet.
pub(crate) fn said_of_incidents(
    incident: Option<&Incident>,
    over: Option<&Over>,
    state: &RunState,
) -> Vec<Event> {
    let mut events = Vec::new();
    events.extend(over.map(|said| Event::IncidentOver { said: Some(said.clone()) }));
    if incident != state.incident.as_ref() {
        match incident {
            Some(incident) => events.push(Event::IncidentDeclared(incident.clone())),
            None if over
                .is_some_and(|over| state.incident.as_ref().is_some_and(|known| over.ends(known))) => {}
            // Somebody said so in another issue.
            None => events.push(Event::IncidentOver { said: None }),
        }
    }
    events
}

/// What people decided and the journal does not know yet, because a look had something else to do first: a write of that
/// look must not go over it.
#[derive(Debug, Default)]
pub(crate) struct Unheard {
    /// Ticked.
    pub(crate) ticked: BTreeSet<TaskKey>,
    /// Unticked.
    pub(crate) unticked: BTreeSet<TaskKey>,
}

impl Unheard {
    /// Of the wishes of a look, those that the state does not show.
    pub(crate) fn of(wishes: &[Wish], state: &RunState) -> Self {
        let mut unheard = Self::default();
        for wish in wishes {
            match wish {
                Wish::Ticked(key) if !state.has_ended(key) => unheard.ticked.insert(key.clone()),
                Wish::Unticked(key) if may_be_asked_again(state, key) => unheard.unticked.insert(key.clone()),
                Wish::Ticked(_) | Wish::Unticked(_) | Wish::Gone(_) | Wish::Returned(_) => continue,
            };
        }
        unheard
    }
}

/// Whether an untick of a task means anything.
fn may_be_asked_again(state: &RunState, key: &TaskKey) -> bool {
    state.task(key).is_some_and(|record| record.vouched && matches!(record.state, TaskState::Ended { .. }))
}

/// A person's wish, where it may be granted without asking back.
fn granted(situation: &Situation<'_>, wish: &Wish) -> Option<Event> {
    let state = situation.state;
    match wish {
        Wish::Ticked(key) => {
            let record = state.task(key)?;
            (!matches!(record.state, TaskState::Ended { .. })).then(|| Event::TaskEnded {
                key: key.clone(),
                outcome: super::event::TaskOutcome::Done,
                note: wording::note_done_by_person(left(situation, key).as_deref()),
            })
        }
        Wish::Gone(key) => Some(Event::TaskGone { key: key.clone() }),
        Wish::Returned(key) => {
            Some(Event::TaskReturned { key: key.clone(), vouched: situation.vouched.contains(key) })
        }
        Wish::Unticked(key) => {
            if !may_be_asked_again(state, key) {
                return None;
            }
            // A merge is never done again by an untick: it asks.
            if merged_by_us(situation, key) {
                return Some(Event::Waits { key: key.clone(), why: wording::unticked_merge() });
            }
            Some(Event::TaskAgain { key: key.clone() })
        }
    }
}

/// How the pull request that a task names was ended by somebody else, for the closing report.
fn by_others(situation: &Situation<'_>, key: &TaskKey) -> Option<Event> {
    let Kind::Merge { pull } = &situation.reading.task(key)?.kind else { return None };
    let found = &situation.pulls.get(pull)?.pull;
    let ours = situation.state.merges.iter().any(|record| record.plan.pull == *pull);
    (!ours && found.state != State::Open).then(|| Event::EndedByOthers {
        pull: *pull,
        title: found.title.clone(),
        merged: found.merged.clone(),
    })
}

/// What the world says against a person's word that a task is done. Their word stands, and this is told beside it.
fn left(situation: &Situation<'_>, key: &TaskKey) -> Option<String> {
    let task = situation.reading.task(key)?;
    match &task.kind {
        Kind::Merge { pull } => match situation.pulls.get(pull) {
            Some(found) if found.pull.merged.is_some() => None,
            Some(found) if found.pull.state == State::Open => Some(wording::still_open(pull.as_issue())),
            Some(_) => Some(wording::closed_unmerged(*pull)),
            None if merged_by_us(situation, key) => None,
            None => Some(wording::not_seen(pull.as_issue())),
        },
        Kind::Close { number } if *number != situation.issue => match situation.related.get(number) {
            Some(Related::Open { .. }) => Some(wording::still_open(*number)),
            Some(Related::Closed) => None,
            Some(Related::Missing) | None => Some(wording::not_seen(*number)),
        },
        Kind::Verify { check } => {
            let answer = answer(*check, situation.recon);
            (answer.verdict != Verdict::Green).then(|| wording::probes_say(answer.verdict, &answer.evidence))
        }
        Kind::Finding { .. } => {
            let known = situation.findings.get(key)?;
            match stands(&known.task.id, situation.recon) {
                Stands::There(found) => Some(wording::probes_say(found.verdict, &found.message)),
                Stands::Unknown => Some(wording::finding_unknown()),
                Stands::Gone => None,
            }
        }
        Kind::Close { .. }
        | Kind::Decide { .. }
        | Kind::Dashboard
        | Kind::Action { .. }
        | Kind::Runbook
        | Kind::Track { .. }
        | Kind::Final
        | Kind::Person => None,
    }
}

fn merged_by_us(situation: &Situation<'_>, key: &TaskKey) -> bool {
    situation.state.merges.iter().any(|record| record.plan.key == *key)
}
