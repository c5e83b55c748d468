//! The label that calls for a person: there while the run stands still for people, or a case of theirs is open.
//!
//! It changes at most once in each direction between two pieces of work: it is put on when nothing but people is awaited
//! (or at once when a case is handed over), and taken away before the next effect that moves the run on. What the world
//! does meanwhile, a layer that turns YELLOW for a moment or a pull request that is checked again, changes nothing.

use super::{Decision, Waiting};
use crate::run::event::{Effect, Outcome};
use crate::run::situation::{Mode, Situation};
use crate::wording;
use std::time::Duration;

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
            if failed(situation, &Effect::CallPerson).is_some_and(|(tries, ..)| tries >= ATTEMPTS) {
                return decision;
            }
            paced(situation, Effect::CallPerson)
        }
        Decision::Perform(Effect::Merge(_) | Effect::CloseRelated { .. } | Effect::Action { .. })
            if called && !cases =>
        {
            if failed(situation, &Effect::ReleasePerson).is_some_and(|(tries, ..)| tries >= ATTEMPTS) {
                return decision;
            }
            paced(situation, Effect::ReleasePerson)
        }
        Decision::Perform(effect @ Effect::CloseIssue { .. }) => paced(situation, effect.clone()),
        _ => decision,
    }
}

/// How often in a row an effect of a kind did not happen, when it was tried last, and what was said.
fn failed(situation: &Situation<'_>, effect: &Effect) -> Option<(u32, Duration, String)> {
    let same = |other: &Effect| std::mem::discriminant(other) == std::mem::discriminant(effect);
    let mut tries = 0;
    let mut last = None;
    for act in situation.state.acts.iter().rev().filter(|act| same(&act.effect)) {
        match &act.ended {
            Some((at, Outcome::NotYet { why } | Outcome::Refused { why })) => {
                tries += 1;
                last.get_or_insert((*at, why.clone()));
            }
            _ => break,
        }
    }
    let (at, why) = last?;
    let ago = Duration::try_from(situation.now.duration_since(at)).unwrap_or(Duration::ZERO);
    Some((tries, ago, why))
}

/// An effect that may be tried again and again, each time after a longer pause.
fn paced(situation: &Situation<'_>, effect: Effect) -> Decision {
    let Some((tries, ago, why)) = failed(situation, &effect) else { return Decision::Perform(effect) };
    let pause = (situation.timing.poll() * 2_u32.pow(tries.min(10))).min(situation.timing.reconcile());
    if ago < pause {
        return Decision::Wait(Waiting::World(wording::tried_again_later(&effect.what(), &why)));
    }
    Decision::Perform(effect)
}
