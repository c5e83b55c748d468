//! What caretaker found itself: it ends when it is gone, whoever mended it, or when a person accepts it; what caretaker can do
//! about it needs a yes, unless the settings give it; what is new and broken becomes a task; what outlives its task is a
//! person's.
//!
//! Decided here: a finding is known as long as it is there, or has a task. One that went, for the settle time and by its
//! probe's answer, is forgotten, and new should it come back; one that comes and goes meanwhile has the task that it has.

use super::tasks::{Step, elapsed, ended, waits};
use super::{Decision, Event};
use crate::health::{Finding, FindingId, Probe, Verdict};
use crate::issue::{FindingTask, Kind, Own, Proposal, Task, former_tags, is_one_matter, tags};
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
    let known = situation.findings.get(&task.key);
    if known.is_some_and(|known| known.unasked && !is_there(situation, &known.task.id)) {
        return Some(ended(&task.key, TaskOutcome::Skipped, wording::note_finding_unasked()));
    }
    let since = situation.gone_since.get(&task.key)?;
    // An audit that saw it gone has seen a moment of it only, and the looks since then say nothing: the next audit does.
    let is_of_audit = known.is_some_and(|known| known.task.id.probe == Probe::Audit);
    let seen_at = if is_of_audit { situation.audited_at.unwrap_or(*since) } else { situation.now };
    Some(if elapsed(seen_at, *since) >= situation.timing.settle() {
        ended(&task.key, TaskOutcome::Done, wording::note_finding_gone())
    } else {
        Step::Later(Some(wording::finding_settles(&task.id)))
    })
}

fn is_there(situation: &Situation<'_>, id: &FindingId) -> bool {
    matches!(stands(id, situation.recon), Stands::There(_))
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
    let there = is_there(situation, &known.task.id);
    let Some(action) = known.task.action.as_ref().filter(|_| there) else {
        // It is looked at again each time; people are told once.
        if matches!(record.state, TaskState::Waiting { .. }) {
            return Step::Later(None);
        }
        let why = match there {
            _ if known.task.id.is_told_by_people() => wording::finding_is_ticked(),
            true => wording::finding_waits(),
            // An audit is made now and then only.
            false if known.task.id.probe == Probe::Audit && !situation.recon.is_audited() => {
                wording::finding_waits()
            }
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
    // Another rule on its object is a matter of its own: what is not well only by that, or has a task, says nothing of this one.
    let has_a_task = situation.findings.values().any(|other| is_one_matter(&other.task.id, &found.id));
    if !is_one_matter(&found.id, &known.task.id) && (found.verdict != Verdict::Red || has_a_task) {
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

/// A finding whose task has ended and which counts again: not well once more after it had gone, or accepted until lately.
fn back(situation: &Situation<'_>, task: &Task) -> Option<Event> {
    let state = situation.state;
    let (record, known) = (state.task(&task.key)?, situation.findings.get(&task.key)?);
    let TaskState::Ended { outcome, .. } = record.state else { return None };
    let Stands::There(found) = stands(&known.task.id, situation.recon) else { return None };
    // Another on its object has a task of its own.
    if !is_one_matter(&found.id, &known.task.id) || known.accepted.is_some() || record.gone {
        return None;
    }
    let is_broken = has_been_broken(situation, &found.id);
    let went = [&found.id, &known.task.id].into_iter().any(|id| state.went.contains(id));
    let counts = match outcome {
        TaskOutcome::Acknowledged if found.verdict == Verdict::Red => found.informational || is_broken,
        TaskOutcome::Acknowledged => found.informational || has_lasted(situation, found),
        // What is not well holds the end of the run back as well, and nobody else would be asked about it.
        TaskOutcome::Done | TaskOutcome::Deferred | TaskOutcome::Skipped => {
            went && (is_broken || !found.informational && has_lasted(situation, found))
        }
    };
    counts.then(|| Event::FindingBack { key: task.key.clone(), task: FindingTask::of(found) })
}

/// What is known, was not gone before and is gone now, with since when. What has an open task is told by that.
fn going<'a>(situation: &'a Situation<'_>) -> impl Iterator<Item = (&'a FindingId, jiff::Timestamp)> {
    let state = situation.state;
    let ended = situation.findings.iter().filter(|(key, _)| state.has_ended(key)).map(|(_, known)| known);
    let open: BTreeSet<&FindingId> = (situation.findings.iter())
        .filter(|(key, _)| !state.has_ended(key))
        .map(|(_, known)| &known.task.id)
        .collect();
    let known: BTreeSet<&FindingId> =
        ended.map(|known| &known.task.id).chain(state.known_without_a_task()).collect();
    known
        .into_iter()
        .filter(move |id| !open.contains(id) && !state.went.contains(*id))
        .filter_map(|id| Some((id, *situation.went_since.get(id)?)))
}

/// What is known and has gone for the settle time.
fn went(situation: &Situation<'_>) -> Vec<Event> {
    let is_settled = |since: &jiff::Timestamp| elapsed(situation.now, *since) >= situation.timing.settle();
    going(situation)
        .filter(|(_, since)| is_settled(since))
        .map(|(id, _)| Event::FindingWent { finding: id.clone() })
        .collect()
}

/// What is awaited where something is gone and has to stay so. The looks are too far apart while people are awaited: nothing would
/// ever have been gone for the settle time without a break.
pub(super) fn settles(situation: &Situation<'_>) -> Option<String> {
    // Observing notes nothing of it, and would wait for it for ever.
    if situation.mode == Mode::Observe {
        return None;
    }
    let is_young = |since: jiff::Timestamp| elapsed(situation.now, since) < situation.timing.settle();
    let cases = situation.state.outlived.iter().filter_map(|key| situation.gone_since.get(key).copied());
    let mut all = going(situation).map(|(_, since)| since).chain(cases);
    all.any(is_young).then(wording::findings_settle)
}

/// Whether a finding is a cause and no mere beginning.
fn has_lasted(situation: &Situation<'_>, finding: &Finding) -> bool {
    let since = situation.first_seen.get(&finding.id).filter(|_| finding.cause.is_none());
    since.is_some_and(|since| elapsed(situation.now, *since) >= situation.timing.grace())
}

/// Whether something is broken in itself, and that no mere beginning.
fn has_been_broken(situation: &Situation<'_>, id: &FindingId) -> bool {
    let since = situation.broken_since.get(id);
    since.is_some_and(|since| elapsed(situation.now, *since) >= situation.timing.grace())
}

/// Tasks for what is broken now and was not when the run began, as soon as it is no mere beginning.
fn added(situation: &Situation<'_>) -> Vec<Event> {
    let state = situation.state;
    if state.first_recon.is_none() {
        return Vec::new();
    }
    let ids = || situation.recon.findings().map(|finding| &finding.id);
    let tags = tags(ids());
    // What was well enough then, followed from something else, or was accepted, has not been looked at as broken yet.
    // Nor has what was accepted since, until its day was over.
    let was_accepted = |id: &FindingId| {
        state.acknowledged.iter().any(|known| known.finding == *id && known.expires <= situation.now)
    };
    let mut known: Vec<&FindingId> = state.known_without_a_task().filter(|id| !was_accepted(id)).collect();
    known.extend(state.added.iter().map(|(_, task)| &task.id));
    // What went is new. One whose block is in the text has that opened again.
    known.retain(|id| !state.went.contains(id));
    known.extend(situation.findings.values().map(|known| &known.task.id));
    let mut events = Vec::new();
    for finding in situation.recon.findings().filter(|finding| finding.is_broken_itself()) {
        let is_new = !known.iter().any(|known| is_one_matter(known, &finding.id));
        if !has_been_broken(situation, &finding.id) || !is_new {
            continue;
        }
        let Some(tag) = tags.get(&finding.id) else { continue };
        let task = FindingTask::of(finding);
        let proposal = Proposal::of_finding(Own::Finding(tag.clone()), task.clone())
            .known_as(former_tags(ids()).remove(&finding.id).unwrap_or_default());
        let is_asked =
            |other: &Task| !other.own && !state.has_ended(&other.key) && proposal.is_asked_by(other);
        if !situation.reading.tasks.iter().any(is_asked) {
            events.push(Event::FindingAdded { tag: tag.clone(), task });
            known.push(&finding.id);
        }
    }
    events
}
