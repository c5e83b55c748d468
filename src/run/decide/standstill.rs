//! The label that calls for a person: there while the run stands still for people, or a case of theirs is open.
//!
//! It changes at most once in each direction between two pieces of work: it is put on when nothing but people is awaited
//! (or at once when a case is handed over), and taken away before the next effect that moves the run on. What the world
//! does meanwhile, a layer that turns YELLOW for a moment or a pull request that is checked again, changes nothing.

use super::retry::is_used_up;
use super::tasks::elapsed;
use super::{Decision, Waiting};
use crate::run::event::Effect;
use crate::run::situation::{Mode, Situation};
use crate::run::state::Failures;
use crate::wording;

/// How often the label is tried for a mere standstill, which the status shows as well.
const ATTEMPTS: u32 = 3;

/// What is to be done about the label before a decision is carried out.
pub(super) fn label(situation: &Situation<'_>, decision: Decision) -> Decision {
    let state = situation.state;
    if situation.mode == Mode::Observe {
        return decision;
    }
    let called = state.person_called();
    let cases = state.has_open_cases();
    // A case was handed over: the label comes before anything new.
    if cases && !called {
        return paced(situation, Effect::CallPerson);
    }
    match &decision {
        Decision::Wait(Waiting::People) if !called => {
            if is_given_up(situation, &Effect::CallPerson) {
                return decision;
            }
            paced(situation, Effect::CallPerson)
        }
        Decision::Perform(Effect::Merge(_) | Effect::CloseRelated { .. } | Effect::Action { .. })
            if state.may_be_called() && !cases =>
        {
            if is_given_up(situation, &Effect::ReleasePerson) {
                return decision;
            }
            paced(situation, Effect::ReleasePerson)
        }
        Decision::Perform(effect @ Effect::CloseIssue { .. }) => paced(situation, effect.clone()),
        _ => decision,
    }
}

fn failed(situation: &Situation<'_>, effect: &Effect) -> Option<Failures> {
    let kind = std::mem::discriminant(effect);
    situation.state.failures(|act| std::mem::discriminant(&act.effect) == kind)
}

/// Whether the label is left as it is.
fn is_given_up(situation: &Situation<'_>, effect: &Effect) -> bool {
    failed(situation, effect).is_some_and(|failures| is_used_up(&failures, ATTEMPTS))
}

/// An effect that may be tried again and again, each time after a longer pause.
fn paced(situation: &Situation<'_>, effect: Effect) -> Decision {
    let Some(failures) = failed(situation, &effect) else { return Decision::Perform(effect) };
    let pause = situation.timing.poll() * 2_u32.pow(failures.count.min(10));
    if elapsed(situation.now, failures.last) < pause.min(situation.timing.reconcile()) {
        let what = wording::tried_again_later(&effect.what(), &failures.why);
        return Decision::Wait(Waiting::World(what));
    }
    Decision::Perform(effect)
}
