//! What caretaker found itself: it ends when it is gone, whoever mended it, or when a person accepts it; what caretaker can do
//! about it needs a yes, unless the settings give it; what is new and broken becomes a task; what outlives its task is a
//! person's.
//!
//! Decided here: a finding is known as long as it is there, or has a task. One that went, for the settle time and by its
//! probe's answer, is forgotten, and new should it come back; one that comes and goes meanwhile has the task that it has.

use super::tasks::{Step, elapsed, ended, waits};
use super::{Decision, Event};
use crate::health::FindingId;
use crate::issue::{FindingTask, Kind, Own, Proposal, Task, is_one_matter, tags};
use crate::run::act::plan_mark;
use crate::run::checks::{Stands, stands};
use crate::run::event::{Effect, TaskOutcome};
use crate::run::situation::{Mode, Situation, Tools};
use crate::run::state::{Failures, TaskRecord, TaskState};
use crate::wording;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long what was found has been gone decides before everything else: it ends a task that waits or failed as well.
pub(super) fn is_gone(situation: &Situation<'_>, task: &Task) -> Option<Step> {
    if !matches!(task.kind, Kind::Finding { .. }) {
        return None;
    }
    let since = situation.gone_since.get(&task.key)?;
    Some(if elapsed(situation.now, *since) >= situation.timing.settle() {
        ended(&task.key, TaskOutcome::Done, wording::note_finding_gone())
    } else {
        Step::Later(Some(wording::finding_settles(&task.id)))
    })
}

/// What a person accepts as it is ends its task, whatever that waits for.
pub(super) fn is_accepted(situation: &Situation<'_>, task: &Task) -> Option<Step> {
    let accepted = situation.findings.get(&task.key)?.accepted.as_ref()?;
    let note = wording::note_finding_accepted(accepted.expires, &accepted.reason);
    Some(ended(&task.key, TaskOutcome::Acknowledged, note))
}

/// What to do about a finding that is there.
pub(super) fn see_to(
    situation: &Situation<'_>,
    task: &Task,
    record: &TaskRecord,
    tried: Option<&(Failures, bool)>,
) -> Step {
    let Some(known) = situation.findings.get(&task.key) else { return Step::Later(None) };
    let there = matches!(stands(&known.task.id, situation.recon), Stands::There(_));
    let Some(action) = known.task.action.as_ref().filter(|_| there) else {
        // It is looked at again each time; people are told once.
        if matches!(record.state, TaskState::Waiting { .. }) {
            return Step::Later(None);
        }
        let why = match there {
            _ if known.task.id.is_told_by_people() => wording::finding_is_ticked(),
            true => wording::finding_waits(),
            false => wording::finding_unknown(),
        };
        return waits(situation, &task.key, why);
    };
    if situation.tools == Tools::Off {
        return waits(situation, &task.key, wording::exec_is_off());
    }
    if !known.allowed {
        // Who asks for it again gives no yes with that.
        let again = record.asked_again.map(|again| again.event);
        let mark = plan_mark(&task.key, &format!("{action:?} {again:?}"), &[]);
        let approved = record.approved.as_ref().is_some_and(|known| known.approval.covers(&mark));
        if !approved {
            let what = wording::finding_action_asks();
            if record.asked.as_ref().is_some_and(|asked| asked.mark == mark) {
                return waits(situation, &task.key, what);
            }
            return Step::Now(Decision::Note(vec![
                Event::ApprovalAsked { key: task.key.clone(), code: mark.code(), mark, what: what.clone() },
                Event::Waits { key: task.key.clone(), why: what },
            ]));
        }
    }
    let effect = Effect::Action { key: task.key.clone(), action: action.clone() };
    if let Some((Failures { why, .. }, true)) = tried {
        return Step::Later(Some(wording::tried_again_later(&effect.what(), why)));
    }
    Step::Now(Decision::Perform(effect))
}

/// What became of findings without any effect of ours, while no change is in flight.
pub(super) fn news(situation: &Situation<'_>) -> Option<Decision> {
    // Observing ends and adds nothing.
    if situation.mode == Mode::Observe {
        return None;
    }
    let mut events = Vec::new();
    for task in situation.reading.tasks.iter().filter(|task| matches!(task.kind, Kind::Finding { .. })) {
        events.extend(outlived(situation, task));
        events.extend(back(situation, task));
    }
    events.extend(went(situation));
    events.extend(added(situation));
    (!events.is_empty()).then_some(Decision::Note(events))
}

/// A finding that is there although its task has ended, and one of those that is gone at last.
fn outlived(situation: &Situation<'_>, task: &Task) -> Vec<Event> {
    let state = situation.state;
    let (Some(record), Some(known)) = (state.task(&task.key), situation.findings.get(&task.key)) else {
        return Vec::new();
    };
    let settled = |since: &jiff::Timestamp| elapsed(situation.now, *since) >= situation.timing.settle();
    if state.outlived.contains(&task.key) {
        // What somebody accepts after all is nobody's case.
        let over = situation.gone_since.get(&task.key).is_some_and(settled) || known.accepted.is_some();
        return if over { vec![Event::FindingOver { key: task.key.clone() }] } else { Vec::new() };
    }
    let TaskState::Ended { outcome: TaskOutcome::Done, at, .. } = record.state else { return Vec::new() };
    let Stands::There(found) = stands(&known.task.id, situation.recon) else { return Vec::new() };
    // One that had gone is another.
    if state.went.contains(&known.task.id) {
        return Vec::new();
    }
    let Some(first_seen) = situation.first_seen.get(&found.id) else { return Vec::new() };
    if found.informational || elapsed(situation.now, at.max(*first_seen)) < two_rounds(situation) {
        return Vec::new();
    }
    let seen = FindingTask::of(found);
    let evidence = vec![wording::said(&found.evidence)];
    vec![
        Event::FindingOutlived { key: task.key.clone() },
        Event::Escalated { key: Some(task.key.clone()), why: wording::finding_survived(&seen), evidence },
    ]
}

/// What a look right after the end of a task sees may be of before; what the second one sees is there.
fn two_rounds(situation: &Situation<'_>) -> Duration {
    situation.timing.grace().max(situation.timing.settle() * 2)
}

/// A finding whose task has ended and which counts again: broken once more after it had gone, or accepted until lately.
fn back(situation: &Situation<'_>, task: &Task) -> Option<Event> {
    let state = situation.state;
    let (record, known) = (state.task(&task.key)?, situation.findings.get(&task.key)?);
    let TaskState::Ended { outcome, .. } = record.state else { return None };
    let Stands::There(found) = stands(&known.task.id, situation.recon) else { return None };
    // Another on its object has a task of its own.
    if found.id != known.task.id || known.accepted.is_some() || record.gone {
        return None;
    }
    let lasts = has_lasted(situation, &found.id);
    let went = state.went.contains(&found.id);
    let counts = match outcome {
        TaskOutcome::Acknowledged => found.informational || lasts,
        TaskOutcome::Done | TaskOutcome::Deferred | TaskOutcome::Skipped => {
            went && lasts && found.is_broken_itself()
        }
    };
    counts.then(|| Event::FindingBack { key: task.key.clone(), task: FindingTask::of(found) })
}

/// What is known and has gone for the settle time. What has an open task is told by that.
fn went(situation: &Situation<'_>) -> Vec<Event> {
    let state = situation.state;
    let ended = situation.findings.iter().filter(|(key, _)| state.has_ended(key)).map(|(_, known)| known);
    let open: BTreeSet<&FindingId> = (situation.findings.iter())
        .filter(|(key, _)| !state.has_ended(key))
        .map(|(_, known)| &known.task.id)
        .collect();
    let known: BTreeSet<&FindingId> =
        ended.map(|known| &known.task.id).chain(state.broken_at_first()).collect();
    let is_settled = |id: &FindingId| {
        let since = situation.went_since.get(id);
        since.is_some_and(|since| elapsed(situation.now, *since) >= situation.timing.settle())
    };
    known
        .into_iter()
        .filter(|id| !open.contains(id) && !state.went.contains(id) && is_settled(id))
        .map(|id| Event::FindingWent { finding: id.clone() })
        .collect()
}

/// Whether a finding is no mere beginning.
fn has_lasted(situation: &Situation<'_>, id: &FindingId) -> bool {
    let since = situation.first_seen.get(id);
    since.is_some_and(|since| elapsed(situation.now, *since) >= situation.timing.grace())
}

/// Tasks for what is broken now and was not when the run began, as soon as it is no mere beginning.
fn added(situation: &Situation<'_>) -> Vec<Event> {
    let state = situation.state;
    if state.first_recon.is_none() {
        return Vec::new();
    }
    let tags = tags(situation.recon.findings().map(|finding| &finding.id));
    // What was well enough then, followed from something else, or was accepted, has not been looked at as broken yet.
    let mut known: Vec<&FindingId> = state.broken_at_first().filter(|id| !state.went.contains(id)).collect();
    known.extend(state.added.iter().map(|(_, task)| &task.id));
    known.extend(situation.findings.values().map(|known| &known.task.id));
    let mut events = Vec::new();
    for finding in situation.recon.findings().filter(|finding| finding.is_broken_itself()) {
        let is_new = !known.iter().any(|known| is_one_matter(known, &finding.id));
        if !has_lasted(situation, &finding.id) || !is_new {
            continue;
        }
        let Some(tag) = tags.get(&finding.id) else { continue };
        let task = FindingTask::of(finding);
        let proposal = Proposal::of_finding(Own::Finding(tag.clone()), task.clone());
        let is_asked =
            |other: &Task| !other.own && !state.has_ended(&other.key) && proposal.is_asked_by(other);
        if !situation.reading.tasks.iter().any(is_asked) {
            events.push(Event::FindingAdded { tag: tag.clone(), task });
            known.push(&finding.id);
        }
    }
    events
}
