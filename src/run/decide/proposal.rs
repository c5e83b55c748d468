//! The pull request that undoes a change, where the branch takes no commit of ours: merged when it may be, else a person's.

use super::change::{elapsed, new_findings, revert_reason};
use super::retry::{failures, given_up};
use super::trouble::evidence;
use super::{Decision, Waiting};
use crate::run::event::{ChangeResult, Effect, Event, Proposal};
use crate::run::situation::{Mode, ProposalStanding, Situation};
use crate::run::state::{Act, Change};
use crate::wording;
use jiff::Timestamp;

/// How often its merge is asked for.
const ATTEMPTS: u32 = 3;

/// What to do about it.
pub(super) fn next(
    situation: &Situation<'_>,
    change: &Change,
    proposal: &Proposal,
    since: Timestamp,
) -> Decision {
    let is_its_merge =
        |act: &Act| matches!(&act.effect, Effect::MergeRevert { change: of, .. } if *of == change.step);
    if let Some(why) = given_up(situation, is_its_merge, ATTEMPTS) {
        return persons(situation, change, proposal, &why);
    }
    let waits = |why: &str| {
        if elapsed(situation.now, since) >= situation.timing.pending_status() {
            return persons(situation, change, proposal, why);
        }
        Decision::Wait(Waiting::World(wording::proposal_waits(proposal.pull, change.plan.pull, why)))
    };
    match situation.proposal {
        Some(ProposalStanding::Merged | ProposalStanding::Ready) if situation.mode == Mode::Observe => {
            persons(situation, change, proposal, &wording::only_observing())
        }
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
    let evidence = evidence(situation, &found).chain(by_hand).collect();
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
