//! The change in flight: rollout, settling, trouble, undoing (DESIGN 6.4 to 6.6).

use super::trouble::{evidence, trouble};
use super::{Decision, Waiting, proposal};
use crate::cluster::{BlockingPod, ObjectRef};
use crate::health::{self, Finding, LONGEST_WAIT, NOT_LOOKED_SINCE, Probe};
use crate::merge::rollout::Rollout;
use crate::run::event::{ChangeResult, Effect, Event, Outcome, TaskOutcome};
use crate::run::situation::{Deletion, Mode, Situation};
use crate::run::state::{Act, Change, Stage};
use crate::wording;
use jiff::Timestamp;
use std::time::Duration;

/// The next step of the change in flight.
pub(super) fn next(situation: &Situation<'_>, change: &Change) -> Decision {
    match &change.stage {
        // Both are effects without an outcome, which were asked about before this.
        Stage::Asked => Decision::Confirm(change.step),
        Stage::RevertAsked { step } => Decision::Confirm(*step),
        Stage::Merged => {
            let merged_at = change.merged.as_ref().map_or(situation.now, |(_, at, _)| *at);
            watchable(situation, change, ran_since(situation, merged_at), rolling_out(situation, change))
        }
        Stage::RevertProposed { proposal, at } => proposal::next(situation, change, proposal, *at),
        Stage::RolledOut { at } => watchable(situation, change, *at, settling(situation, change, *at)),
        Stage::Reverted { at, rolled_out, .. } => {
            let phase = rolled_out.unwrap_or_else(|| ran_since(situation, *at));
            let decision = undoing(situation, change, *at, *rolled_out);
            let overdue = situation.watch.unbroken(phase, situation.now)
                >= situation.timing.rollout_maximum(change.plan.risk)
                || is_unwatchable(situation, change, phase);
            match (&change.stage, &decision) {
                // Writing down that it ended goes on; whatever would go on for ever is a person's.
                (
                    Stage::Reverted { commit, .. },
                    Decision::Wait(_) | Decision::Perform(_) | Decision::Refresh { .. },
                ) if overdue => undone_badly(situation, change, commit, &left_worse(situation, change)),
                _ => decision,
            }
        }
    }
}

/// Whether anything follows the repository into a cluster: with `rollout = "none"` there is nobody to ask.
pub(super) fn followed(situation: &Situation<'_>) -> bool {
    !matches!(situation.change_rollout, Some((Rollout::Done { watchers: 0, .. }, _)))
}

/// Since when time runs against a rollout: none did while nothing but a closed window kept it back.
fn ran_since(situation: &Situation<'_>, began: Timestamp) -> Timestamp {
    situation.kept_back.map_or(began, |kept| kept.max(began))
}

/// When those alone look by themselves who are waited for: nothing can move until then, however long that takes.
fn nothing_moves_until(situation: &Situation<'_>, rollout: &Rollout) -> Option<Timestamp> {
    match rollout {
        Rollout::Waiting { until: Some(until), .. } if situation.now < *until => Some(*until),
        _ => None,
    }
}

/// When a rollout that began then is given up, where those who are waited for look by themselves only later.
fn too_early(
    situation: &Situation<'_>,
    change: &Change,
    began: Timestamp,
    rollout: &Rollout,
) -> Option<Timestamp> {
    let until = nothing_moves_until(situation, rollout)?;
    let longest = situation.timing.rollout_maximum(change.plan.risk);
    let left = longest.saturating_sub(situation.watch.unbroken(began, situation.now));
    let end = situation.now.saturating_add(left).unwrap_or(Timestamp::MAX);
    Some(end).filter(|end| until > *end)
}

pub(super) fn elapsed(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}

/// The time that a change is given at most, besides the rollout: until then GREEN has held, or a person looks.
fn most(situation: &Situation<'_>, change: &Change) -> Duration {
    let risk = change.plan.risk;
    situation.timing.settle() + situation.timing.soak(risk) + situation.timing.rollout_maximum(risk)
}

/// Whether the looks have been too far apart for so long that nothing can be judged: then neither a grace time nor a
/// maximum, which count watched time alone, would ever pass. Twice what a change is given at most, since with a close watch
/// everything has come to its end by then: what settles within its maximum, what does not after it, and a trouble of the
/// last moment after a maximum of its own.
fn is_unwatchable(situation: &Situation<'_>, change: &Change, since: Timestamp) -> bool {
    let attended = situation.watch.attended(since, situation.now);
    attended > situation.watch.unbroken(since, situation.now) && attended >= most(situation, change) * 2
}

/// What is waited for goes to a person where it cannot be watched. Never a reason to undo: it is UNKNOWN.
fn watchable(situation: &Situation<'_>, change: &Change, since: Timestamp, decision: Decision) -> Decision {
    match decision {
        Decision::Wait(_) if is_unwatchable(situation, change, since) => {
            let why = wording::not_watched(&change.plan.title, &situation.recon.layers());
            hand_over(situation, change, &why, &new_findings(situation, change))
        }
        decision => decision,
    }
}

/// Findings that were not there before the change.
pub(super) fn new_findings<'a>(situation: &'a Situation<'_>, change: &Change) -> Vec<&'a Finding> {
    health::new_findings(&change.plan.baseline, situation.recon)
}

/// Those of them that were not as bad before: what a person accepted or what was only listed, and counts again, an undoing need
/// not mend.
fn left_worse<'a>(situation: &'a Situation<'_>, change: &Change) -> Vec<&'a Finding> {
    let mut new = new_findings(situation, change);
    new.retain(|finding| !change.plan.baseline.was_as_bad(finding));
    new
}

/// Whether nothing is left but answers from before the end of the rollout.
fn is_only_not_looked(left: &[&Finding]) -> bool {
    !left.is_empty() && left.iter().all(|finding| finding.id.rule == NOT_LOOKED_SINCE)
}

/// Whether the watchers may be asked to look: where any follows the repository, and more than looking on is allowed.
pub(super) fn may_refresh(situation: &Situation<'_>) -> bool {
    followed(situation) && situation.mode != Mode::Observe
}

/// Whether they are to be asked now: nobody has yet; some could not be a while ago; or somebody has shown who was not, or a set was
/// changed since, which then has to look at itself before what it makes says anything.
fn is_to_ask(situation: &Situation<'_>, change: &Change) -> bool {
    let Some((last, _)) = change.refreshed.iter().max() else { return may_refresh(situation) };
    let rounds = change.refreshed.len();
    let later = elapsed(situation.now, *last) >= situation.timing.poll() * ASKED_AGAIN;
    let failed = change.ask_failed.is_some();
    let refused = failed
        || change.asked.values().chain(change.asked_for_commit.values()).any(|asked| asked.refused.is_some());
    let again = refused && later && rounds < MOST_ROUNDS;
    // What could not be read a moment ago cannot be asked now either. Whom nobody ever asked is asked at last, however many there
    // were before, since there is an end to them; those who show one after the other no more often than that.
    let never = situation
        .unasked
        .is_some_and(|one| !change.asked.contains_key(one) && !change.asked_for_commit.contains_key(one));
    let anew = situation.unasked.is_some() && (later || !failed) && (rounds < MOST_ROUNDS || never && later);
    (again || anew) && may_refresh(situation)
}

/// After so many looks those who could not be asked are asked again.
const ASKED_AGAIN: u32 = 6;
/// In so many rounds at most: a right that is missing stays so, and what is synced for ever makes its sets anew for ever.
const MOST_ROUNDS: usize = 24;

fn rolling_out(situation: &Situation<'_>, change: &Change) -> Decision {
    let Some((commit, merged_at, _)) = &change.merged else { return Decision::Confirm(change.step) };
    if is_to_ask(situation, change) {
        return Decision::Refresh { change: change.step, hard: false };
    }
    let Some((rollout, progress_since)) = situation.change_rollout else {
        return Decision::Wait(Waiting::World(wording::rollout_unknown(&change.plan.title)));
    };
    let given = elapsed(situation.now, *merged_at);
    match rollout {
        Rollout::Done { watchers, affected } => Decision::Note(vec![Event::RolledOut {
            change: change.step,
            commit: commit.clone(),
            seconds: given.as_secs_f64(),
            watchers: *watchers,
            affected: affected.clone(),
        }]),
        Rollout::Failed { .. } => trouble(situation, change),
        Rollout::Waiting { .. } | Rollout::Unknown { .. } => {
            let new = new_findings(situation, change);
            let worse = worse(&new);
            // What only takes its time is no trouble; what has been wrong for longer than the grace time is.
            if let Some(since) = oldest(situation, &worse)
                && elapsed(situation.now, since) >= situation.timing.grace()
            {
                return trouble(situation, change);
            }
            // Findings that have gone give those that come later a grace time of their own. A sync that failed left none.
            if worse.is_empty() && change.trouble.as_ref().is_some_and(|known| !known.findings.is_empty()) {
                return Decision::Note(vec![Event::TroubleOver { change: change.step }]);
            }
            if let (Rollout::Waiting { shut: Some(shut), .. }, true) = (rollout, worse.is_empty()) {
                let title = &change.plan.title;
                return match shut.opens {
                    Some(_) => Decision::Wait(Waiting::World(wording::kept_back(title, commit, shut))),
                    None => hand_over(situation, change, &wording::kept_back_for_good(shut), &new),
                };
            }
            if let Some(application) = by_hand(situation, change).filter(|_| situation.head == commit) {
                return Decision::Perform(Effect::Sync {
                    change: change.step,
                    application: application.clone(),
                    revision: commit.clone(),
                });
            }
            let moved = ran_since(situation, progress_since);
            let until = nothing_moves_until(situation, rollout);
            let stalled =
                until.is_none() && elapsed(situation.now, moved) >= situation.timing.rollout_no_progress();
            let longest = situation.timing.rollout_maximum(change.plan.risk);
            let began = ran_since(situation, *merged_at);
            if stalled || situation.watch.unbroken(began, situation.now) >= longest {
                // Where something is wrong, that is judged: after a restart nobody knows since when it has been. A
                // time-out alone is never a reason to revert.
                if !worse.is_empty() {
                    return trouble(situation, change);
                }
                return hand_over(situation, change, &wording::rollout_timed_out(rollout), &new);
            }
            let too_early = too_early(situation, change, began, rollout);
            let text =
                wording::rolling_out(&change.plan.title, commit, rollout, situation.pulling, too_early);
            Decision::Wait(Waiting::World(text))
        }
    }
}

/// An Application that nobody but caretaker syncs, and that it has not synced for this change.
fn by_hand<'a>(situation: &Situation<'a>, change: &Change) -> Option<&'a ObjectRef> {
    let mut manual = situation.manual.iter().filter(|_| situation.mode != Mode::Observe);
    let merged_at = change.merged.as_ref()?.1;
    manual.find(|application| !was_synced(situation, change, application, merged_at))
}

/// Whether an Application was synced for a change since a moment. One that changed while it was asked may be asked again, but
/// not for ever.
fn was_synced(situation: &Situation<'_>, change: &Change, application: &ObjectRef, since: Timestamp) -> bool {
    let of_it = |act: &&Act| {
        matches!(&act.effect, Effect::Sync { change: of, application: tried, .. }
            if *of == change.step && tried == application && act.at >= since)
    };
    let tries: Vec<&Act> = situation.state.acts.iter().filter(of_it).collect();
    let not_yet = |act: &&&Act| matches!(act.ended, Some((_, Outcome::NotYet { .. })));
    tries.len() >= SYNC_ATTEMPTS || tries.iter().any(|act| !not_yet(&act))
}

/// How often an Application is asked to sync that has just changed each time.
pub(super) const SYNC_ATTEMPTS: usize = 3;

/// Whether the Applications that a change touched are to be asked to look once more: what they say is older than the end of its rollout,
/// and by themselves they would look some minutes later.
fn is_to_look_again(situation: &Situation<'_>, change: &Change, rolled_out: Timestamp) -> bool {
    let is_old = |finding: &Finding| finding.id.probe == Probe::ArgoCd && finding.id.rule == NOT_LOOKED_SINCE;
    situation.recon.findings().any(is_old)
        && change.refreshed.iter().all(|(asked, _)| *asked < rolled_out)
        && may_refresh(situation)
}

fn settling(situation: &Situation<'_>, change: &Change, rolled_out: Timestamp) -> Decision {
    if is_to_look_again(situation, change, rolled_out) {
        return Decision::Refresh { change: change.step, hard: false };
    }
    if !worse(&new_findings(situation, change)).is_empty() {
        return trouble(situation, change);
    }
    let settle = situation.timing.settle();
    let soak = situation.timing.soak(change.plan.risk);
    let green = situation.green_since.map(|since| elapsed(situation.now, since.max(rolled_out)));
    // What comes and goes never settles and is never there for long enough to be judged: a person has to look. That is
    // no reason to undo it. Counted besides the time that a good change needs.
    let most = most(situation, change);
    let held = green.is_some_and(|green| green >= settle + soak);
    if !held && situation.watch.unbroken(rolled_out, situation.now) >= most {
        let layers = situation.recon.layers();
        let why = wording::never_settled(&change.plan.title, &layers);
        return hand_over(situation, change, &why, &new_findings(situation, change));
    }
    if change.trouble.is_some() {
        return Decision::Note(vec![Event::TroubleOver { change: change.step }]);
    }
    match green {
        Some(green) if green >= settle + soak => {
            if !situation.mismatches.is_empty() {
                return hand_over(situation, change, &wording::versions_differ(situation.mismatches), &[]);
            }
            let left_open = situation.state.merges.last().is_some_and(|record| record.left_open);
            let commit = change.merged.as_ref().map(|(commit, ..)| commit);
            let note = wording::note_merged(commit, left_open, situation.left_behind);
            Decision::Note(vec![
                Event::ChangeEnded {
                    change: change.step,
                    result: ChangeResult::Kept,
                    gate: situation.recon.verdict(),
                },
                Event::TaskEnded { key: change.plan.key.clone(), outcome: TaskOutcome::Done, note },
            ])
        }
        Some(green) if green >= settle => {
            Decision::Wait(Waiting::World(wording::soaking(&change.plan.title, change.followed)))
        }
        _ => Decision::Wait(Waiting::World(wording::settling(&change.plan.title, change.followed))),
    }
}

/// Those that say that something broke, and not only that it has not ended.
fn worse<'a>(findings: &[&'a Finding]) -> Vec<&'a Finding> {
    findings.iter().copied().filter(|finding| !finding.is_on_its_way()).collect()
}

fn oldest(situation: &Situation<'_>, findings: &[&Finding]) -> Option<Timestamp> {
    findings.iter().filter_map(|finding| situation.first_seen.get(&finding.id)).min().copied()
}

/// How often an Application's operation is stopped for one undoing; a controller that does not take it is waited for.
const TERMINATE_ATTEMPTS: usize = 3;
/// How often a pod is asked to go that keeps its `StatefulSet` from going back: it may have changed in between.
const DELETE_ATTEMPTS: usize = 3;

/// Gives the case to a person. The gate stays closed by the findings themselves for as long as they are there.
pub(super) fn hand_over(
    situation: &Situation<'_>,
    change: &Change,
    why: &str,
    findings: &[&Finding],
) -> Decision {
    let by_hand = change
        .merged
        .as_ref()
        .map(|(commit, ..)| wording::undo_by_hand(change.plan.style, &change.plan.base, commit));
    let evidence = evidence(situation, findings).chain(by_hand).collect();
    Decision::Note(vec![
        Event::ChangeEnded {
            change: change.step,
            result: ChangeResult::HandedOver { why: why.to_owned() },
            gate: situation.recon.verdict(),
        },
        Event::Escalated { key: Some(change.plan.key.clone()), why: why.to_owned(), evidence },
        Event::Waits { key: change.plan.key.clone(), why: why.to_owned() },
    ])
}

/// The revert is in Git: stop what still rolls out the bad revision, refresh, sync if nothing starts, gate, hold.
fn undoing(
    situation: &Situation<'_>,
    change: &Change,
    reverted_at: Timestamp,
    rolled_out: Option<Timestamp>,
) -> Decision {
    let Stage::Reverted { commit, .. } = &change.stage else { return Decision::Confirm(change.step) };
    let stopped = |application: &ObjectRef| {
        situation
            .state
            .acts
            .iter()
            .filter(|act| {
                matches!(&act.effect, Effect::Terminate { change: of, application: tried }
                    if *of == change.step && tried == application)
            })
            .count()
    };
    if let Some(application) = situation.stuck.iter().find(|one| stopped(one) < TERMINATE_ATTEMPTS) {
        return Decision::Perform(Effect::Terminate {
            change: change.step,
            application: application.clone(),
        });
    }
    if is_to_ask(situation, change) {
        return Decision::Refresh { change: change.step, hard: false };
    }
    if let Some(pod) = in_the_way(situation, change).filter(|_| situation.deletion == Deletion::Allowed)
        && elapsed(situation.now, reverted_at) >= situation.timing.poll() * 3
    {
        return Decision::Perform(Effect::DeletePod {
            change: change.step,
            pod: pod.object.clone(),
            uid: pod.uid.clone(),
            set: pod.set.clone(),
        });
    }
    let left = left_worse(situation, change);
    if rolled_out.is_some_and(|rolled_out| is_to_look_again(situation, change, rolled_out)) {
        return Decision::Refresh { change: change.step, hard: false };
    }
    let Some(rolled_out) = rolled_out else {
        let Some((rollout, progress_since)) = situation.change_rollout else {
            return Decision::Wait(Waiting::World(wording::undoing(&change.plan.title)));
        };
        return match rollout {
            Rollout::Done { watchers, affected } => Decision::Note(vec![Event::RolledOut {
                change: change.step,
                commit: commit.clone(),
                seconds: elapsed(situation.now, reverted_at).as_secs_f64(),
                watchers: *watchers,
                affected: affected.clone(),
            }]),
            Rollout::Failed { .. } | Rollout::Waiting { .. } | Rollout::Unknown { .. } => {
                let waited = elapsed(situation.now, reverted_at);
                let mut idle = situation.idle_out_of_sync.iter();
                if let Some(application) = idle.find(|one| !was_synced(situation, change, one, reverted_at))
                    && situation.head == commit
                    && waited >= situation.timing.poll() * 3
                {
                    return Decision::Perform(Effect::Sync {
                        change: change.step,
                        application: application.clone(),
                        revision: commit.clone(),
                    });
                }
                if let Rollout::Waiting { shut: Some(shut), .. } = rollout {
                    return match shut.opens {
                        Some(_) => Decision::Wait(Waiting::World(wording::undoing_kept_back(
                            &change.plan.title,
                            shut,
                        ))),
                        None => undone_badly(situation, change, commit, &left),
                    };
                }
                let moved = ran_since(situation, progress_since);
                if nothing_moves_until(situation, rollout).is_none()
                    && elapsed(situation.now, moved) >= situation.timing.rollout_no_progress()
                {
                    return undone_badly(situation, change, commit, &left);
                }
                let too_early = too_early(situation, change, ran_since(situation, reverted_at), rollout);
                let title = &change.plan.title;
                let text = wording::undoing_rolls_out(title, rollout, situation.pulling, too_early);
                Decision::Wait(Waiting::World(text))
            }
        };
    };
    // What was as bad before keeps the layers from GREEN, and not the undoing from its end: the look excuses it.
    let steady = situation.green_since.filter(|_| left.is_empty()).map(|since| since.max(rolled_out));
    let Some(steady) = steady else {
        // Of a newer answer it is known that it comes, and how long that may take.
        let given = if is_only_not_looked(&left) {
            situation.timing.rollout_no_progress().max(situation.timing.by_others(LONGEST_WAIT))
        } else {
            situation.timing.rollout_no_progress()
        };
        if situation.watch.unbroken(rolled_out, situation.now) >= given {
            return undone_badly(situation, change, commit, &left);
        }
        return Decision::Wait(Waiting::World(wording::undoing(&change.plan.title)));
    };
    if elapsed(situation.now, steady) < situation.timing.settle() {
        return Decision::Wait(Waiting::World(wording::undone_settling(&change.plan.title)));
    }
    let reason = revert_reason(situation, change);
    let evidence = change
        .trouble
        .iter()
        .flat_map(|known| &known.findings)
        .map(|finding| wording::trouble_line(&finding.id.object, &finding.message, &finding.evidence))
        .collect();
    Decision::Note(vec![
        Event::Held { pull: change.plan.pull, holds: change.plan.versions.clone(), reason: reason.clone() },
        Event::ChangeEnded {
            change: change.step,
            result: ChangeResult::Reverted { commit: commit.clone() },
            gate: situation.recon.verdict(),
        },
        Event::Escalated {
            key: Some(change.plan.key.clone()),
            why: wording::reverted_packet(&reason, commit),
            evidence,
        },
        Event::Waits { key: change.plan.key.clone(), why: wording::reverted_waits(&reason, commit) },
    ])
}

/// A pod that keeps its `StatefulSet` from going back, and that is worth another try.
fn in_the_way<'a>(situation: &Situation<'a>, change: &Change) -> Option<&'a BlockingPod> {
    // By its name: what comes after it is tried no more often.
    let tried = |pod: &BlockingPod| {
        let of_it = |act: &&Act| {
            matches!(&act.effect, Effect::DeletePod { change: of, pod: tried, .. }
                if *of == change.step && *tried == pod.object)
        };
        situation.state.acts.iter().filter(of_it).count()
    };
    situation.blocking.iter().find(|pod| tried(pod) < DELETE_ATTEMPTS)
}

fn undone_badly(
    situation: &Situation<'_>,
    change: &Change,
    commit: &crate::forge::CommitSha,
    findings: &[&Finding],
) -> Decision {
    let reason = revert_reason(situation, change);
    let is_rolled_out = matches!(change.stage, Stage::Reverted { rolled_out: Some(_), .. });
    let why = match situation.change_rollout {
        Some((rollout @ (Rollout::Waiting { .. } | Rollout::Unknown { .. }), _))
            if findings.is_empty() && !is_rolled_out =>
        {
            wording::undoing_not_seen(&reason, commit, rollout)
        }
        _ if is_rolled_out && is_only_not_looked(findings) => wording::undoing_not_told(&reason, commit),
        _ => wording::revert_did_not_help(&reason, commit),
    };
    let by_hand = situation.blocking.iter().map(|pod| wording::delete_by_hand(&pod.object, &pod.set));
    let evidence = evidence(situation, findings).chain(by_hand).collect();
    Decision::Note(vec![
        Event::Held { pull: change.plan.pull, holds: change.plan.versions.clone(), reason },
        Event::ChangeEnded {
            change: change.step,
            result: ChangeResult::Reverted { commit: commit.clone() },
            gate: situation.recon.verdict(),
        },
        Event::Escalated { key: Some(change.plan.key.clone()), why: why.clone(), evidence },
        Event::Waits { key: change.plan.key.clone(), why },
    ])
}

pub(super) fn revert_reason(situation: &Situation<'_>, change: &Change) -> String {
    situation
        .state
        .merges
        .iter()
        .rev()
        .find(|record| record.plan.pull == change.plan.pull)
        .and_then(|record| record.revert_reason.clone())
        .unwrap_or_default()
}
