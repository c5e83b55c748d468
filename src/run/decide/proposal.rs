//! The pull request that undoes a change, where the branch takes no commit of ours: merged when it may be, else a person's.

use super::change::{elapsed, new_findings, revert_reason};
use super::retry::failures;
use super::{Decision, Waiting};
use crate::run::event::{ChangeResult, Effect, Event, Outcome, Proposal};
use crate::run::situation::{ProposalStanding, Situation};
use crate::run::state::Change;
use crate::wording;
use jiff::Timestamp;

/// How often its merge is asked for.
const ATTEMPTS: usize = 3;

/// What to do about it.
pub(super) fn next(
    situation: &Situation<'_>,
    change: &Change,
    proposal: &Proposal,
    since: Timestamp,
) -> Decision {
    let is_its_merge =
        |effect: &Effect| matches!(effect, Effect::MergeRevert { change: of, .. } if *of == change.step);
    let ended: Vec<&Outcome> = situation
        .state
        .acts
        .iter()
        .filter(|act| is_its_merge(&act.effect))
        .filter_map(|act| act.ended.as_ref().map(|(_, outcome)| outcome))
        .collect();
    let refused = ended.iter().find(|outcome| matches!(outcome, Outcome::Refused { .. }));
    let last = refused.or_else(|| ended.last().filter(|_| ended.len() >= ATTEMPTS));
    if let Some(why) = last.and_then(|outcome| outcome.why_not()) {
        return persons(situation, change, proposal, &why);
    }
    let waits = |why: &str| {
        if elapsed(situation.now, since) >= situation.timing.pending_status() {
            return persons(situation, change, proposal, why);
        }
        Decision::Wait(Waiting::World(wording::proposal_waits(proposal.pull, change.plan.pull, why)))
    };
    match situation.proposal {
        Some(ProposalStanding::Merged | ProposalStanding::Ready) => {
            if let Some((failed, true)) = failures(situation, is_its_merge) {
                return waits(&failed.why);
            }
            Decision::Perform(Effect::MergeRevert {
                change: change.step,
                pull: change.plan.pull,
                proposal: proposal.clone(),
            })
        }
        Some(ProposalStanding::NeedsPerson(why)) => persons(situation, change, proposal, why),
        Some(ProposalStanding::Waits(why)) => waits(why),
        None => waits(&wording::looking_at(proposal.pull.as_issue())),
    }
}

/// Nothing more can be done for it by us. What it brought is held, so that it does not come again while a person looks.
fn persons(situation: &Situation<'_>, change: &Change, proposal: &Proposal, why: &str) -> Decision {
    let reason = revert_reason(situation, change);
    let why = wording::proposal_needs_person(&reason, proposal.pull, why);
    let by_hand = change
        .merged
        .as_ref()
        .map(|(commit, ..)| wording::undo_by_hand(change.plan.style, &change.plan.base, commit));
    let found = new_findings(situation, change);
    let evidence = found.iter().map(|finding| wording::evidence_line(finding)).chain(by_hand).collect();
    Decision::Note(vec![
        Event::Held { pull: change.plan.pull, holds: change.plan.versions.clone(), reason },
        Event::ChangeEnded {
            change: change.step,
            result: ChangeResult::HandedOver { why: why.clone() },
            gate: situation.recon.verdict(),
        },
        Event::Escalated { key: Some(change.plan.key.clone()), why: why.clone(), evidence },
        Event::Waits { key: change.plan.key.clone(), why },
    ])
}
