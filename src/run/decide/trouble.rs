//! Something is worse since a change than before: grace, remedies, attribution, and only then an undoing (DESIGN 6.6).
//!
//! Decided here: each finding has a grace time and remedies of its own, from its own first sight on, however long something
//! else has been wrong; nothing is given to a person while what the change did is still in its grace; what was there before is
//! handed to a person, and never undone.

use super::change::{SYNC_ATTEMPTS, followed, hand_over, may_refresh, new_findings};
use super::retry::{failures, given_up};
use super::tasks::elapsed;
use super::{Decision, Waiting};
use crate::cluster::ObjectRef;
use crate::health::{Attribution, Finding, NODE_RESTARTED, Verdict};
use crate::merge::rollout::Rollout;
use crate::run::event::{Effect, Event, Outcome, TroubleFinding};
use crate::run::situation::{Mode, Situation};
use crate::run::state::{Act, Change, Failures, Trouble};
use crate::wording;
use jiff::Timestamp;
use std::time::Duration;

/// How often the undoing of one change is tried.
const REVERT_ATTEMPTS: u32 = 3;

/// How often what follows the repository is asked to read it anew for one change: what comes and goes asks for no more.
const HARD_REFRESHES: usize = 3;

/// An Application whose sync of the commit failed, and what it says.
type FailedSync = (ObjectRef, String);

/// Why a finding is laid to the change, suspected of it or not.
fn why<'a>(situation: &'a Situation<'_>, finding: &Finding) -> &'a str {
    situation.attributions.get(&finding.id).map_or("", Attribution::why)
}

/// A line for each, with why it is laid to the change or is not.
pub(super) fn evidence(situation: &Situation<'_>, findings: &[&Finding]) -> impl Iterator<Item = String> {
    let line = |finding: &&Finding| wording::evidence_of_trouble(finding, why(situation, finding));
    findings.iter().map(line).collect::<Vec<_>>().into_iter()
}

fn described(situation: &Situation<'_>, findings: &[&Finding]) -> Vec<TroubleFinding> {
    findings
        .iter()
        .map(|finding| TroubleFinding {
            id: finding.id.clone(),
            message: finding.message.clone(),
            evidence: finding.evidence.clone(),
            tied: matches!(situation.attributions.get(&finding.id), Some(Attribution::Attributed(_))),
            why: why(situation, finding).to_owned(),
        })
        .collect()
}

/// What the change did. That something cannot be judged, or has not ended, is no evidence that it is worse, so it undoes
/// nothing.
fn attributed<'a>(situation: &'a Situation<'_>, findings: &[&'a Finding]) -> Vec<(&'a Finding, &'a str)> {
    findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Unknown && !finding.is_on_its_way())
        .filter_map(|finding| match situation.attributions.get(&finding.id) {
            Some(Attribution::Attributed(why)) => Some((*finding, why.as_str())),
            _ => None,
        })
        .collect()
}

/// What has been wrong for its own grace time.
struct Lasting<'a> {
    findings: Vec<&'a Finding>,
    failed: Vec<&'a FailedSync>,
    /// Since when the first of what is to be acted on has been seen.
    since: Timestamp,
}

impl<'a> Lasting<'a> {
    /// Of the new findings and of the syncs that failed, those that have lasted.
    fn of(
        situation: &'a Situation<'_>,
        change: &Change,
        known: &Trouble,
        new: &[&'a Finding],
        failed: &'a [FailedSync],
    ) -> Self {
        let grace = situation.timing.grace();
        let has_lasted = |since: &Timestamp| situation.watch.unbroken(*since, situation.now) >= grace;
        // One that went and came back is written down as it was first, and seen without a break since then alone. What was
        // written down by an earlier process and has been there at each look of this one has not gone: its remedies were tried.
        let seen = |finding: &Finding| {
            let noted = known.seen.get(&finding.id).copied().unwrap_or(situation.now);
            match situation.first_seen.get(&finding.id) {
                Some(first) if Some(*first) == situation.watch.began() => noted.min(*first),
                Some(first) => *first,
                None => noted,
            }
        };
        let failed_at = |failed: &FailedSync| known.failed.get(&failed.0).copied().unwrap_or(situation.now);
        let findings: Vec<&Finding> =
            new.iter().copied().filter(|finding| has_lasted(&seen(finding))).collect();
        let failed: Vec<&FailedSync> = failed.iter().filter(|one| has_lasted(&failed_at(one))).collect();
        let guilty = attributed(situation, &findings);
        let own = failed.iter().filter(|one| is_of(situation, change, one));
        let acted_on =
            guilty.iter().map(|(finding, _)| seen(finding)).chain(own.map(|one| failed_at(one))).min();
        // A suspicion is told after remedies of its own as well.
        let suspected = findings.iter().filter(|finding| is_suspected(situation, finding));
        let suspected = suspected.map(|finding| seen(finding)).min();
        let any =
            findings.iter().map(|finding| seen(finding)).chain(failed.iter().map(|one| failed_at(one))).min();
        let since = acted_on.or(suspected).or(any).unwrap_or(situation.now);
        Self { findings, failed, since }
    }
}

/// Whether a sync that failed is of what the change touches, and had not failed so before: one of what it does not touch may
/// fail at its commit for reasons of its own.
fn is_of(situation: &Situation<'_>, change: &Change, failed: &FailedSync) -> bool {
    situation.affected.contains(&failed.0)
        && change.plan.baseline.failed_alike(&failed.0, &failed.1).is_none()
}

/// Whether it is known to have nothing to do with the change.
fn is_unrelated(situation: &Situation<'_>, finding: &Finding) -> bool {
    matches!(situation.attributions.get(&finding.id), Some(Attribution::Unrelated(_)))
}

/// Whether the change may have broken it. What has not ended only waits for what broke: pods that move while a node is worked
/// on. That something cannot be judged is no evidence that it is broken; and what ended with its node starts again by itself, or
/// is soon found to crash.
fn is_suspected(situation: &Situation<'_>, finding: &Finding) -> bool {
    !finding.is_on_its_way()
        && finding.verdict != Verdict::Unknown
        && finding.id.rule != NODE_RESTARTED
        && matches!(situation.attributions.get(&finding.id), Some(Attribution::Suspected(_)))
}

/// Something is worse than before: grace, remedies, attribution, and only then a revert.
pub(super) fn trouble(situation: &Situation<'_>, change: &Change) -> Decision {
    let new = new_findings(situation, change);
    let failed_syncs: &[FailedSync] = match situation.change_rollout {
        Some((Rollout::Failed { failed }, _)) => failed.as_slice(),
        _ => &[],
    };
    if new.is_empty() && failed_syncs.is_empty() {
        return Decision::Wait(Waiting::World(wording::settling(&change.plan.title, change.followed)));
    }
    let known = match &change.trouble {
        Some(known)
            if new.iter().all(|finding| known.seen.contains_key(&finding.id))
                && failed_syncs.iter().all(|(application, _)| known.failed.contains_key(application)) =>
        {
            known
        }
        _ => {
            let failed = failed_syncs.iter().map(|(application, _)| application.clone()).collect();
            let findings = described(situation, &new);
            return Decision::Note(vec![Event::Trouble { change: change.step, findings, failed }]);
        }
    };
    let lasted = situation.watch.unbroken(known.since, situation.now);
    let too_long = lasted >= situation.timing.rollout_maximum(change.plan.risk);
    let lasting = Lasting::of(situation, change, known, &new, failed_syncs);
    if lasting.findings.is_empty() && lasting.failed.is_empty() {
        // There has been something all the time, and none of it for long.
        if too_long {
            let why = wording::never_settled(&change.plan.title, &situation.recon.layers());
            return hand_over(situation, change, &why, &new);
        }
        let text = match (new.as_slice(), failed_syncs.first()) {
            ([], Some((application, why))) => wording::sync_failed_grace(application, why),
            (findings, _) => wording::trouble_grace(findings),
        };
        return Decision::Wait(Waiting::World(text));
    }
    if let Some(remedy) = remedy(situation, change, &lasting) {
        return remedy;
    }
    let own_failed = failed_syncs.iter().find(|failed| is_of(situation, change, failed));
    judge(situation, change, &lasting, &new, own_failed, too_long)
}

/// One hard refresh, then one sync where something is out of sync and nothing happens, for what has lasted.
fn remedy(situation: &Situation<'_>, change: &Change, lasting: &Lasting<'_>) -> Option<Decision> {
    let hard: Vec<&Timestamp> = change.refreshed.iter().filter(|(_, hard)| *hard).map(|(at, _)| at).collect();
    let refreshed = hard.len() >= HARD_REFRESHES || hard.iter().any(|at| **at >= lasting.since);
    if may_refresh(situation) && !refreshed {
        return Some(Decision::Refresh { change: change.step, hard: true });
    }
    // A soft one is no remedy: those who could not be asked are asked again and again.
    let is_its_sync =
        |act: &&Act| matches!(&act.effect, Effect::Sync { change: of, .. } if *of == change.step);
    let syncs: Vec<&Act> = situation.state.acts.iter().filter(is_its_sync).collect();
    // One that another's sync kept from being done was none.
    let done = || syncs.iter().filter(|act| !matches!(act.ended, Some((_, Outcome::NotYet { .. }))));
    let remedied = hard.iter().copied().copied().chain(done().map(|act| act.at)).max();
    let remedied = remedied.unwrap_or(lasting.since);
    let pause: Duration = situation.timing.grace() / 4;
    if followed(situation) && elapsed(situation.now, remedied) < pause {
        let text = match (lasting.findings.as_slice(), lasting.failed.first()) {
            ([], Some((application, why))) => wording::sync_failed_remedy(application, why),
            (findings, _) => wording::trouble_remedy(findings),
        };
        return Some(Decision::Wait(Waiting::World(text)));
    }
    let idle = |application: &&ObjectRef| situation.idle_out_of_sync.contains(application);
    let failed = lasting.failed.iter().find(|one| is_of(situation, change, one)).map(|one| &one.0);
    let to_sync = failed.filter(idle).or(situation.idle_out_of_sync.first());
    let synced = syncs.len() >= SYNC_ATTEMPTS || done().any(|act| act.at >= lasting.since);
    match (to_sync, &change.merged) {
        (Some(application), Some((commit, ..)))
            if !synced && situation.mode != Mode::Observe && situation.head == commit =>
        {
            Some(Decision::Perform(Effect::Sync {
                change: change.step,
                application: application.clone(),
                revision: commit.clone(),
            }))
        }
        _ => None,
    }
}

/// Whose fault it is that something has lasted, after every remedy.
fn judge(
    situation: &Situation<'_>,
    change: &Change,
    lasting: &Lasting<'_>,
    new: &[&Finding],
    own_failed: Option<&FailedSync>,
    too_long: bool,
) -> Decision {
    let guilty = attributed(situation, &lasting.findings);
    let failed = lasting.failed.iter().find(|one| is_of(situation, change, one));
    match (failed, guilty.first()) {
        (_, Some((finding, why))) => undo(situation, change, new, &wording::revert_reason(finding, why)),
        (Some((application, why)), None) => {
            undo(situation, change, new, &wording::sync_failed(application, why))
        }
        (None, None) => {
            // What the change did is not judged before it has lasted as well; given to a person meanwhile, it would stay.
            let (guilty, _): (Vec<&Finding>, Vec<&str>) = attributed(situation, new).into_iter().unzip();
            match own_failed {
                _ if too_long => not_its_fault(situation, change, lasting, new, too_long),
                _ if !guilty.is_empty() => Decision::Wait(Waiting::World(wording::trouble_grace(&guilty))),
                Some((application, why)) => {
                    Decision::Wait(Waiting::World(wording::sync_failed_grace(application, why)))
                }
                None => not_its_fault(situation, change, lasting, new, too_long),
            }
        }
    }
}

/// Nothing that has lasted is known to be the change's fault.
fn not_its_fault(
    situation: &Situation<'_>,
    change: &Change,
    lasting: &Lasting<'_>,
    new: &[&Finding],
    too_long: bool,
) -> Decision {
    let touched = lasting.failed.iter().find(|(application, _)| situation.affected.contains(application));
    let again =
        touched.and_then(|failed| Some((failed, change.plan.baseline.failed_alike(&failed.0, &failed.1)?)));
    if let Some(((application, why), before)) = again {
        return hand_over(situation, change, &wording::sync_failed_again(application, why, &before.why), new);
    }
    if let ([], [(application, why), ..]) = (lasting.findings.as_slice(), lasting.failed.as_slice()) {
        return hand_over(situation, change, &wording::sync_failed_elsewhere(application, why), new);
    }
    let suspected: Vec<&Finding> =
        lasting.findings.iter().filter(|finding| is_suspected(situation, finding)).copied().collect();
    if let Some(first) = suspected.first() {
        let text = wording::only_suspected(&suspected, why(situation, first));
        return hand_over(situation, change, &text, new);
    }
    // Unrelated, or not to be judged: it may go by itself; the gate stays closed meanwhile.
    let broken: Vec<&Finding> =
        lasting.findings.iter().filter(|finding| !finding.is_on_its_way()).copied().collect();
    let found = if broken.is_empty() { &lasting.findings } else { &broken };
    let unknown: Vec<&Finding> =
        found.iter().filter(|finding| finding.verdict == Verdict::Unknown).copied().collect();
    // What is known to have nothing to do with it says more than what may still go by itself.
    let (unrelated, open): (Vec<&Finding>, Vec<&Finding>) =
        found.iter().copied().partition(|finding| is_unrelated(situation, finding));
    let told = if unrelated.is_empty() { &open } else { &unrelated };
    let reason = told.first().map_or("", |finding| why(situation, finding));
    let text = match (too_long, !unknown.is_empty(), unrelated.is_empty()) {
        (true, true, _) => wording::unknown_stays(&unknown),
        (true, false, true) => wording::not_well_stays(told, reason),
        (true, false, false) => wording::unrelated_stays(told, reason),
        (false, true, _) => wording::unknown_so_far(&unknown),
        (false, false, true) => wording::not_well_so_far(told, reason),
        (false, false, false) => wording::unrelated(told, reason),
    };
    if too_long { hand_over(situation, change, &text, new) } else { Decision::Wait(Waiting::World(text)) }
}

/// The change did it: it is undone, where that may be done by itself.
fn undo(situation: &Situation<'_>, change: &Change, new: &[&Finding], reason: &str) -> Decision {
    // The mode may have become another one since the merge. A stop is lifted by who made it; this nobody may be asked.
    if situation.mode == Mode::Observe {
        let why = wording::not_reversible(reason, &wording::only_observing());
        return hand_over(situation, change, &why, new);
    }
    if let Some(why) = &change.plan.not_reversible {
        return hand_over(situation, change, &wording::not_reversible(reason, why), new);
    }
    let is_its_revert =
        |act: &Act| matches!(&act.effect, Effect::Revert { change: of, .. } if *of == change.step);
    if let Some(why) = given_up(situation, is_its_revert, REVERT_ATTEMPTS) {
        return hand_over(situation, change, &wording::revert_refused(reason, &why), new);
    }
    if let Some((Failures { silence: Some(_), why, .. }, true)) = failures(situation, is_its_revert) {
        let what = wording::act_revert(change.plan.pull);
        return Decision::Wait(Waiting::World(wording::tried_again_later(&what, &why)));
    }
    match &change.merged {
        // A push after the merge may be what did it.
        Some((commit, _, true)) if situation.head == commit => Decision::Perform(Effect::Revert {
            change: change.step,
            pull: change.plan.pull,
            merge_commit: commit.clone(),
            reason: reason.to_owned(),
            gate: situation.recon.verdict(),
        }),
        _ => hand_over(situation, change, &wording::foreign_commits(reason), new),
    }
}
