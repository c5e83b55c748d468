//! The next task (DESIGN 5): in order, what waits holds up only what depends on it.

use super::found;
use super::gate::gate_closed;
use super::merges::merge;
use super::retry::{PATIENCE, failures, is_silent};
use super::{Decision, Waiting, merged_by_us};
use crate::health::Verdict;
use crate::issue::{Check, Kind, Needs, Task, TaskKey};
use crate::run::checks::answer;
use crate::run::event::{Effect, Event, Outcome, TaskOutcome};
use crate::run::situation::{Mode, Related, Situation, Tools, Unread};
use crate::run::state::{Act, Failures, TaskState};
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often an effect for one task is tried.
pub(super) const ATTEMPTS: u32 = 3;

/// What to do about one task.
pub(super) enum Step {
    /// This, now.
    Now(Decision),
    /// It may be done as soon as GREEN has held long enough.
    Soon(String),
    /// Nothing can be done for it now; look at the next. With what is awaited, where the world is.
    Later(Option<String>),
    /// It may be done when the next window opens; look at the next.
    Shut(Timestamp),
}

/// The next step when no change is in flight.
pub(super) fn next(situation: &Situation<'_>) -> Decision {
    let state = situation.state;
    let open: Vec<&Task> = situation
        .order
        .iter()
        .filter_map(|key| situation.reading.tasks.iter().find(|task| task.key == *key))
        .filter(|task| !state.has_ended(&task.key))
        .collect();
    if let Some(news) = found::news(situation) {
        return news;
    }
    let (mut awaited, mut opens) = (None, None);
    // What stands below the merges as their end comes after those that are still done here.
    let ends = if open.iter().any(|task| is_still_merged(situation, task)) {
        crate::issue::validations(&situation.reading.tasks)
    } else {
        BTreeSet::new()
    };
    for task in &open {
        if !ready(situation, task) {
            continue;
        }
        match step(situation, task, &open, &ends) {
            Step::Now(decision) => return decision,
            // Nothing overtakes what only waits for GREEN to hold a little longer.
            Step::Soon(why) => return Decision::Wait(Waiting::World(why)),
            Step::Later(why) => awaited = awaited.or(why),
            Step::Shut(at) => opens = Some(at),
        }
    }
    let awaited = awaited.or_else(|| found::settles(situation));
    // A box that is ticked by an old copy alone has not ended anything.
    let all_ended = situation.reading.tasks.iter().all(|task| state.has_ended(&task.key));
    if open.is_empty() && all_ended && !situation.reading.tasks.is_empty() {
        // Reopened by a person who has not said yet what for: closing it again would be an argument, not an answer.
        if state.reopened.is_some_and(|reopened| !reopened.ended_since) {
            return Decision::Wait(awaited.map_or(Waiting::People, Waiting::World));
        }
        return close(situation);
    }
    let is_a_persons = |task: &&Task| {
        let record = state.task(&task.key);
        record.is_some_and(|record| {
            matches!(record.state, TaskState::Waiting { .. } | TaskState::Failed { .. })
        })
    };
    Decision::Wait(match (awaited, opens) {
        (Some(why), _) => Waiting::World(why),
        (None, Some(opens)) if !open.iter().any(is_a_persons) => Waiting::Window(opens),
        (None, _) => Waiting::People,
    })
}

/// Whether what it depends on has ended, and somebody trusted put it there.
fn ready(situation: &Situation<'_>, task: &Task) -> bool {
    task.depends_on.iter().all(|id| {
        // The reader names only tasks that are there; what it could not find has made the task a person's.
        situation
            .reading
            .tasks
            .iter()
            .find(|other| other.id == *id)
            .is_some_and(|other| situation.state.has_ended(&other.key))
    })
}

pub(super) fn elapsed(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}

pub(super) fn ended(key: &TaskKey, outcome: TaskOutcome, note: String) -> Step {
    Step::Now(Decision::Note(vec![Event::TaskEnded { key: key.clone(), outcome, note }]))
}

/// The last try of a merge that was given up and shows after all: whose merge it is has to be found out, or nobody would
/// follow it. Not at every look, since the answer may be that nobody can tell yet.
fn landed_late<'a>(situation: &'a Situation<'_>, task: &Task) -> Option<&'a Act> {
    let Kind::Merge { pull } = &task.kind else { return None };
    situation.pulls.get(pull)?.pull.merged.as_ref()?;
    if merged_by_us(situation, &task.key) {
        return None;
    }
    let is_ours = |act: &&Act| matches!(&act.effect, Effect::Merge(plan) if plan.key == task.key);
    let act = situation.state.acts.iter().rev().find(is_ours)?;
    let waited = |at: &Timestamp| elapsed(situation.now, *at) >= situation.timing.poll();
    let open = |outcome: &Outcome| matches!(outcome, Outcome::NotYet { .. } | Outcome::Unanswered { .. });
    matches!(&act.ended, Some((at, outcome)) if open(outcome) && waited(at)).then_some(act)
}

/// Writes down once that a task waits, and for what.
pub(super) fn waits(situation: &Situation<'_>, key: &TaskKey, why: String) -> Step {
    match situation.state.task(key).map(|record| &record.state) {
        Some(TaskState::Waiting { why: known, .. }) if *known == why => Step::Later(None),
        _ => Step::Now(Decision::Note(vec![Event::Waits { key: key.clone(), why }])),
    }
}

fn step(situation: &Situation<'_>, task: &Task, open: &[&Task], ends: &BTreeSet<TaskKey>) -> Step {
    let Some(record) = situation.state.task(&task.key) else { return Step::Later(None) };
    if let Some(step) = found::is_gone(situation, task).or_else(|| found::is_accepted(situation, task)) {
        return match step {
            // Observing ends nothing, and shows what it would do about the others all the same.
            Step::Now(_) if situation.mode == Mode::Observe => Step::Later(Some(wording::would_note())),
            step => step,
        };
    }
    if matches!(record.state, TaskState::Failed { .. }) {
        return match landed_late(situation, task) {
            Some(act) => Step::Now(Decision::Confirm(act.step)),
            None => Step::Later(None),
        };
    }
    if !record.vouched {
        return waits(situation, &task.key, wording::not_vouched(situation.nobodys.contains(&task.key)));
    }
    if let Some(why) = refused(situation, task) {
        return Step::Now(Decision::Note(vec![
            Event::TaskFailed { key: task.key.clone(), why: why.clone() },
            Event::Escalated { key: Some(task.key.clone()), why, evidence: Vec::new() },
        ]));
    }
    // What was not answered may have come true all the same: then it is found out whose it is, and not given up.
    let is_there = has_happened(situation, task);
    if record.attempts >= ATTEMPTS && !is_there {
        let why = wording::too_many_attempts(ATTEMPTS);
        return Step::Now(Decision::Note(vec![
            Event::TaskFailed { key: task.key.clone(), why: why.clone() },
            Event::Escalated { key: Some(task.key.clone()), why, evidence: last_words(situation, task) },
        ]));
    }
    let tried = failures(situation, |act| {
        is_for(&act.effect, &task.key) && record.asked_again.is_none_or(|again| act.at > again.at)
    });
    if let Some((tried, _)) = &tried
        && is_silent(tried)
        && !is_there
    {
        let why = wording::forge_silent(tried.count, &tried.why);
        return Step::Now(Decision::Note(vec![
            Event::TaskFailed { key: task.key.clone(), why: why.clone() },
            Event::Escalated { key: Some(task.key.clone()), why, evidence: last_words(situation, task) },
        ]));
    }
    if let Some(detail) = done(situation, task) {
        return ended(&task.key, TaskOutcome::Done, detail);
    }
    if let Some(why) = a_persons(task) {
        return waits(situation, &task.key, why);
    }
    match &task.kind {
        Kind::Merge { pull } => match (situation.pulls.get(pull), situation.unread.get(&pull.as_issue())) {
            // What we merged ourselves is judged by the journal.
            (None, Some(unread)) if !merged_by_us(situation, &task.key) => {
                not_read(situation, &task.key, unread)
            }
            (found, _) => merge(situation, task, found),
        },
        Kind::Verify { .. } | Kind::Close { .. } | Kind::Action { .. } if ends.contains(&task.key) => {
            Step::Later(None)
        }
        Kind::Verify { check } => verify(situation, task, *check),
        Kind::Action { .. } if situation.tools == Tools::Off => {
            waits(situation, &task.key, wording::exec_is_off())
        }
        Kind::Action { action } => {
            let effect = Effect::Action { key: task.key.clone(), action: action.clone() };
            if let Some((Failures { why, .. }, true)) = &tried {
                return Step::Later(Some(wording::tried_again_later(&effect.what(), why)));
            }
            Step::Now(Decision::Perform(effect))
        }
        Kind::Close { number } if *number == situation.issue => {
            waits(situation, &task.key, wording::closes_itself())
        }
        Kind::Close { number } => match situation.related.get(number) {
            Some(Related::Open { is_pull, title }) => {
                if task.needs.is_some() {
                    let why = task.why_person.clone();
                    let why = why.unwrap_or_else(|| wording::close_needs_person(*number));
                    return waits(situation, &task.key, why);
                }
                let effect = Effect::CloseRelated {
                    key: task.key.clone(),
                    number: *number,
                    is_pull: *is_pull,
                    title: title.clone(),
                };
                if let Some((Failures { silence: Some(_), why, .. }, true)) = &tried {
                    return Step::Later(Some(wording::tried_again_later(&effect.what(), why)));
                }
                Step::Now(Decision::Perform(effect))
            }
            Some(Related::Closed) => {
                ended(&task.key, TaskOutcome::Done, wording::note_closed_already(*number))
            }
            Some(Related::Missing) => waits(situation, &task.key, wording::close_missing(*number)),
            None => match situation.unread.get(number) {
                Some(unread) => not_read(situation, &task.key, unread),
                None => Step::Later(Some(wording::looking_at(*number))),
            },
        },
        Kind::Final => final_gate(situation, task, open),
        Kind::Finding { .. } => found::see_to(situation, task, record, tried.as_ref()),
        Kind::Decide { .. } | Kind::Dashboard | Kind::Runbook | Kind::Track { .. } | Kind::Person => {
            let why = task.why_person.clone().unwrap_or_else(|| wording::person_task(&task.kind));
            waits(situation, &task.key, why)
        }
    }
}

/// Why a task that could be done is left to a person by what is written around it. A merge and a closing are looked at
/// first: a person may have done them meanwhile.
fn a_persons(task: &Task) -> Option<String> {
    let looked_at = matches!(task.kind, Kind::Merge { .. } | Kind::Close { .. });
    if looked_at || task.needs != Some(Needs::Person) {
        return None;
    }
    Some(task.why_person.clone().unwrap_or_else(|| wording::person_task(&task.kind)))
}

/// Whether a merge is one that is done here, by itself or with a yes, and that has not been given up or undone.
fn is_still_merged(situation: &Situation<'_>, task: &Task) -> bool {
    let failed = situation
        .state
        .task(&task.key)
        .is_some_and(|record| matches!(record.state, TaskState::Failed { .. }));
    matches!(task.kind, Kind::Merge { .. })
        && task.needs != Some(Needs::Person)
        && !failed
        && !merged_by_us(situation, &task.key)
}

/// Whether the world shows what a task asks for, whoever did it.
fn has_happened(situation: &Situation<'_>, task: &Task) -> bool {
    match &task.kind {
        Kind::Merge { pull } => situation.pulls.get(pull).is_some_and(|found| found.pull.merged.is_some()),
        Kind::Close { number } => matches!(situation.related.get(number), Some(Related::Closed)),
        _ => false,
    }
}

/// What the newest effect for a task left behind, if that was done since the task was last asked for.
fn done(situation: &Situation<'_>, task: &Task) -> Option<String> {
    let asked_again = situation.state.task(&task.key).and_then(|record| record.asked_again);
    situation
        .state
        .acts
        .iter()
        .rev()
        .filter(|act| match &act.effect {
            Effect::CloseRelated { key, .. } | Effect::Action { key, .. } => *key == task.key,
            _ => false,
        })
        .find_map(|act| match &act.ended {
            Some((at, Outcome::Done { detail })) if asked_again.is_none_or(|again| *at > again.at) => {
                Some(detail.clone())
            }
            _ => None,
        })
}

/// Whether an effect is what a task asks for.
fn is_for(effect: &Effect, task: &TaskKey) -> bool {
    match effect {
        Effect::Merge(plan) => plan.key == *task,
        Effect::CloseRelated { key, .. } | Effect::Action { key, .. } => key == task,
        _ => false,
    }
}

/// Why the newest effect for a task will not happen, since it was last asked for.
fn refused(situation: &Situation<'_>, task: &Task) -> Option<String> {
    let asked_again = situation.state.task(&task.key).and_then(|record| record.asked_again);
    let newest = situation.state.acts.iter().rev().find(|act| is_for(&act.effect, &task.key))?;
    match &newest.ended {
        Some((at, Outcome::Refused { why })) if asked_again.is_none_or(|again| *at > again.at) => {
            Some(why.clone())
        }
        _ => None,
    }
}

/// What the world said the last times.
fn last_words(situation: &Situation<'_>, task: &Task) -> Vec<String> {
    situation
        .state
        .acts
        .iter()
        .filter(|act| is_for(&act.effect, &task.key))
        .filter_map(|act| act.ended.as_ref().and_then(|(_, outcome)| outcome.why_not()))
        .map(|why| wording::said(&why))
        .collect()
}

fn verify(situation: &Situation<'_>, task: &Task, check: Check) -> Step {
    let answer = answer(check, situation.recon);
    if answer.verdict == Verdict::Green {
        return ended(&task.key, TaskOutcome::Done, wording::note_verified(&answer.evidence));
    }
    let why = wording::not_verified(answer.verdict, &answer.evidence);
    let since =
        situation.recon.blocking().filter_map(|finding| situation.first_seen.get(&finding.id)).min().copied();
    // Nothing is wrong and still nothing answers: no probe reads what is asked, and waiting will not help.
    if since.is_some_and(|since| elapsed(situation.now, since) < situation.timing.grace()) {
        return Step::Later(Some(why));
    }
    // It is asked again at every look; people are told once.
    match situation.state.task(&task.key).map(|record| &record.state) {
        Some(TaskState::Waiting { .. }) => Step::Later(None),
        _ => waits(situation, &task.key, why),
    }
}

/// What cannot be read is UNKNOWN and blocks its own task: for a while as a trouble that passes, then as a person's.
fn not_read(situation: &Situation<'_>, key: &TaskKey, unread: &Unread) -> Step {
    if elapsed(situation.now, unread.since) < situation.timing.rollout_no_progress() {
        return Step::Later(Some(unread.why.clone()));
    }
    waits(situation, key, unread.why.clone())
}

fn final_gate(situation: &Situation<'_>, task: &Task, open: &[&Task]) -> Step {
    let after = crate::issue::behind_gates(&situation.reading.tasks);
    if open.iter().any(|other| other.kind != Kind::Final && !after.contains(&other.key)) {
        return Step::Later(None);
    }
    match gate_closed(situation) {
        Some(why) => Step::Later(Some(why)),
        None => ended(&task.key, TaskOutcome::Done, wording::note_final_gate()),
    }
}

/// Every task has ended: one last full pass, GREEN and settled, then the closing.
fn close(situation: &Situation<'_>) -> Decision {
    if let Some((failed, early)) = failures(situation, |act| matches!(act.effect, Effect::CloseIssue { .. }))
    {
        let why = wording::closing_failed(&failed.why);
        let told = situation
            .state
            .escalations
            .iter()
            .any(|escalation| escalation.key.is_none() && escalation.at >= failed.since);
        if failed.count >= PATIENCE && !told {
            return Decision::Note(vec![Event::Escalated { key: None, why, evidence: Vec::new() }]);
        }
        if early {
            let people = failed.count >= PATIENCE;
            return Decision::Wait(if people { Waiting::People } else { Waiting::World(why) });
        }
    }
    if let Some(why) = gate_closed(situation) {
        return Decision::Wait(Waiting::World(wording::closing_waits(&why)));
    }
    let fresh = situation.state.last_recon.as_ref().is_some_and(|(event, recon)| {
        Some(*event) >= situation.state.last_event && recon.verdict() == Verdict::Green
    });
    if !fresh {
        return Decision::Note(vec![Event::Recon { last: true, recon: Box::new(situation.recon.to_keep()) }]);
    }
    Decision::Perform(Effect::CloseIssue { layers: situation.recon.layers() })
}
