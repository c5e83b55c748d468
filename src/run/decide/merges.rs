//! The merge of a pull request, and what the gate says before it is asked for. The permit asks the same again.

use super::gate::{GateState, gate, said};
use super::retry::{failures, is_used_up};
use super::tasks::{ATTEMPTS, Step, elapsed, ended, waits};
use super::{Decision, merged_by_us};
use crate::forge::renovate::Update;
use crate::health::Baseline;
use crate::issue::{Needs, Task, TaskKey};
use crate::merge::preflight::{Preflight, Refusal, WaitFor};
use crate::merge::protection::may_take_days;
use crate::merge::rollout::Stood;
use crate::run::event::{Effect, Event, MergePlan, Outcome, TaskOutcome};
use crate::run::situation::{Mode, PullSituation, Situation};
use crate::run::state::{Act, MergeRecord};
use crate::run::windows::Hours;
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// What to do about the merge of a pull request.
pub(super) fn merge(situation: &Situation<'_>, task: &Task, pull: Option<&PullSituation>) -> Step {
    let key = &task.key;
    // We merged it, and it was undone or handed over: a person's now, whatever the pull request reads.
    if merged_by_us(situation, key) {
        return Step::Later(None);
    }
    let Some(pull) = pull else {
        return waits(situation, key, wording::pull_missing());
    };
    // It was asked for and not answered: whose merge it is, is found out.
    let asked = situation
        .state
        .acts
        .iter()
        .rev()
        .find(|act| matches!(&act.effect, Effect::Merge(plan) if plan.key == *key));
    if let (Some(_), Some(act)) = (&pull.pull.merged, asked) {
        return Step::Now(Decision::Confirm(act.step));
    }
    if let Some(merged) = &pull.pull.merged {
        let ours =
            situation.state.merges.iter().find(|record| record.commit.as_ref() == Some(&merged.commit));
        return match ours {
            None => {
                let note = wording::note_merged_by_person(&merged.commit);
                let mut events: Vec<Event> = super::by_others(situation, key).into_iter().collect();
                events.push(Event::TaskEnded { key: key.clone(), outcome: TaskOutcome::Done, note });
                Step::Now(Decision::Note(events))
            }
            Some(MergeRecord { reverted: Some((undone, _)), .. }) => {
                waits(situation, key, wording::merged_and_undone(&merged.commit, undone))
            }
            Some(_) => ended(key, TaskOutcome::Done, wording::note_merged_before(&merged.commit)),
        };
    }
    if task.needs == Some(Needs::Person) {
        let why = task.why_person.clone().unwrap_or_else(|| wording::person_task(&task.kind));
        return waits(situation, key, why);
    }
    match &pull.preflight {
        Preflight::Refuse(Refusal::Closed) => {
            return waits(situation, key, wording::pull_closed(pull.pull.number));
        }
        Preflight::Refuse(Refusal::Foundation(why)) => {
            return waits(situation, key, wording::foundation_waits(why));
        }
        Preflight::Refuse(refusal) => {
            return waits(situation, key, wording::pull_refused(&refusal.to_string()));
        }
        Preflight::Wait(what) => return awaits(situation, key, pull, what, pull.waiting_since),
        Preflight::Ready(_) => {
            if let Some(since) = refused_as_outdated(situation, key, pull) {
                return awaits(situation, key, pull, &WaitFor::Behind, Some(since));
            }
        }
    }
    // Only one that is open gets here, and each of those has a mark.
    let Some(mark) = &pull.mark else { return Step::Later(None) };
    if let Some(what) = approval_asked(situation.mode, task, pull) {
        let record = situation.state.task(key);
        let approved = record
            .and_then(|record| record.approved.as_ref())
            .is_some_and(|known| known.approval.covers(mark));
        if !approved {
            let asked =
                record.and_then(|record| record.asked.as_ref()).is_some_and(|asked| asked.mark == *mark);
            if !asked {
                return Step::Now(Decision::Note(vec![
                    Event::ApprovalAsked {
                        key: key.clone(),
                        code: mark.code(),
                        mark: mark.clone(),
                        what: what.clone(),
                    },
                    Event::Waits { key: key.clone(), why: what },
                ]));
            }
            return waits(situation, key, what);
        }
    }
    if let Hours::Closed(opens) = situation.hours {
        return Step::Shut(opens);
    }
    // Nothing that cannot be rolled out now: it would hold everything else up until the window opens.
    if let Some((watcher, shut)) = &pull.shut {
        return Step::Later(Some(wording::watcher_shut(watcher, shut)));
    }
    match gate(situation, Some(pull.pull.number)) {
        GateState::Open => {}
        GateState::Settling(blocked) => return Step::Soon(said(situation, &blocked)),
        GateState::Closed(blocked) => return Step::Later(Some(said(situation, &blocked))),
    }
    // One that did not happen is not asked for again at once.
    let same = |act: &Act| matches!(&act.effect, Effect::Merge(plan) if plan.key == *key && plan.head == pull.pull.head.sha);
    if let Some((failed, true)) = failures(situation, same) {
        let what = wording::act_merge(pull.pull.number);
        return Step::Later(Some(wording::tried_again_later(&what, &failed.why)));
    }
    Step::Now(Decision::Perform(Effect::Merge(Box::new(MergePlan {
        key: key.clone(),
        pull: pull.pull.number,
        title: pull.pull.title.clone(),
        head: pull.pull.head.sha.clone(),
        base: situation.head.clone(),
        style: situation.merge_style,
        category: pull.classification.category,
        risk: pull.classification.risk,
        update: pull.classification.update,
        versions: pull.versions.clone(),
        replaced: replaced(pull),
        files: pull.files.clone(),
        not_reversible: pull.not_reversible.clone(),
        baseline: Baseline::of(situation.recon, situation.failed_syncs),
        judged: situation.recon.judging(),
        without_endpoints: situation.recon.without_endpoints(),
        // What the commit changes has to become well by it.
        stood: situation.stood.iter().map(|one| Stood { accepted: false, ..one.clone() }).collect(),
        accepted: situation.accepted.to_vec(),
    }))))
}

/// The versions from which its packages come.
fn replaced(pull: &PullSituation) -> BTreeMap<String, String> {
    let Preflight::Ready(ready) = &pull.preflight else { return BTreeMap::new() };
    let from = |update: &Update| Some((update.package.clone(), update.from.clone()?));
    ready.updates.iter().filter_map(from).collect()
}

/// Since when the forge has been refusing this head since its branch lacks the newest commits of its base.
fn refused_as_outdated(situation: &Situation<'_>, key: &TaskKey, pull: &PullSituation) -> Option<Timestamp> {
    let last = situation.state.acts.iter().rev().find(|act| {
        matches!(&act.effect, Effect::Merge(plan) if plan.key == *key && plan.head == pull.pull.head.sha)
    })?;
    match &last.ended {
        Some((at, Outcome::Outdated { .. })) => Some(*at),
        _ => None,
    }
}

/// What resolves by itself, with its bounds: after them a person is told, and it is looked at all the same.
fn awaits(
    situation: &Situation<'_>,
    key: &TaskKey,
    pull: &PullSituation,
    what: &WaitFor,
    since: Option<Timestamp>,
) -> Step {
    let number = pull.pull.number;
    let why = wording::preflight_waits(number, &what.to_string());
    let waited = elapsed(situation.now, since.unwrap_or(situation.now));
    let (until_rebase, most) = match what {
        WaitFor::Statuses(contexts) if may_take_days(contexts) => return Step::Later(Some(why)),
        WaitFor::Statuses(_) => (None, situation.timing.pending_status()),
        WaitFor::Mergeable => (Some(situation.timing.poll() * 3), situation.timing.rollout_no_progress()),
        WaitFor::Behind => (Some(Duration::ZERO), situation.timing.rollout_no_progress()),
    };
    // Behind its base or in conflict with it: Renovate's own box, once for each head, never an update by us.
    let head = &pull.pull.head.sha;
    let asks = |act: &Act| matches!(&act.effect, Effect::AskRebase { pull: of, head: at, .. } if *of == number && at == head);
    let last = situation.state.acts.iter().rev().find(|act| asks(act)).and_then(|act| act.ended.as_ref());
    if let Some((_, Outcome::Refused { why: no_box })) = last {
        return waits(situation, key, wording::rebase_by_hand(&why, no_box));
    }
    if let Some((at, Outcome::Done { .. })) = last {
        // Renovate comes when it comes; its push is another head, which begins anew.
        let most = situation.timing.pending_status();
        return if elapsed(situation.now, *at) >= most {
            waits(situation, key, wording::rebase_not_done(&why))
        } else {
            Step::Later(Some(wording::rebase_awaited(&why)))
        };
    }
    let may_ask = failures(situation, asks)
        .is_none_or(|(tried, early)| !is_used_up(&tried, ATTEMPTS) && (!early || tried.silence.is_none()));
    if may_ask && until_rebase.is_some_and(|pause| waited >= pause) {
        return Step::Now(Decision::Perform(Effect::AskRebase {
            key: key.clone(),
            pull: number,
            head: head.clone(),
        }));
    }
    if waited >= most { waits(situation, key, why) } else { Step::Later(Some(why)) }
}

/// What a person is asked to approve before a merge; `None` where nobody has to.
pub(crate) fn approval_asked(mode: Mode, task: &Task, pull: &PullSituation) -> Option<String> {
    pull.approval.clone().or_else(|| (mode == Mode::Approve).then(wording::approval_by_mode)).or_else(|| {
        let asks = task.needs == Some(Needs::Approval);
        asks.then(|| task.why_person.clone().unwrap_or_else(wording::approval_by_words))
    })
}
