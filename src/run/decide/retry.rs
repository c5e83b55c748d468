//! Effects that did not happen: how long until the next try, and when it is a person's.

use super::tasks::elapsed;
use crate::run::event::Outcome;
use crate::run::situation::Situation;
use crate::run::state::{Act, Failures};
use std::time::Duration;

/// So many tries are a trouble that passes; after them a person is told.
pub(super) const PATIENCE: u32 = 3;

/// Each pause is so many times as long as the one before.
const FACTOR: u32 = 3;

/// The longest pause, in rounds without any hint: an hour with the default times.
const LONGEST: u32 = 20;

/// For so long a forge may give no answer to the tries of an effect: longer than it takes to start it again, to upgrade it or
/// to put its database back, and short enough for a person to be told while they are up. Real time: it is no part of the
/// world that tests make faster.
const SILENCE: Duration = Duration::from_mins(30);

/// So many tries are among them at least: a night in which the looks failed as well is no row of tries.
const SILENT_TRIES: u32 = 6;

/// Whether the forge gave no answer for too long. One that is down for a minute has said nothing about the effect, and what
/// became of each try is found out before the next.
pub(super) fn is_silent(failures: &Failures) -> bool {
    let silence = failures.silence.filter(|(tries, _)| *tries >= SILENT_TRIES);
    silence.is_some_and(|(_, since)| elapsed(failures.last, since) >= SILENCE)
}

/// Whether it is a person's now: it failed so often, answers that never came apart, or they have not come for too long.
pub(super) fn is_used_up(failures: &Failures, attempts: u32) -> bool {
    failures.answered >= attempts || is_silent(failures)
}

/// Why an effect of a change is not tried again: it was refused, or its tries are used up.
pub(super) fn given_up(
    situation: &Situation<'_>,
    is: impl Fn(&Act) -> bool,
    attempts: u32,
) -> Option<String> {
    let refused = situation.state.acts.iter().filter(|act| is(act)).find_map(|act| match &act.ended {
        Some((_, Outcome::Refused { why })) => Some(why.clone()),
        _ => None,
    });
    refused.or_else(|| {
        let failures = situation.state.failures(is)?;
        is_used_up(&failures, attempts).then_some(failures.why)
    })
}

/// The tries that did not happen since the effect last did, and whether it is too early for the next one.
pub(super) fn failures(situation: &Situation<'_>, is: impl Fn(&Act) -> bool) -> Option<(Failures, bool)> {
    let failures = situation.state.failures(is)?;
    // A forge that is back is asked soon.
    let rounds = if failures.silence.is_some() { 1 } else { LONGEST };
    let longest = situation.timing.reconcile() * rounds;
    let steps = failures.count.saturating_sub(1).min(12);
    let pause = situation.timing.poll().saturating_mul(FACTOR.saturating_pow(steps)).min(longest);
    let early = elapsed(situation.now, failures.last) < pause;
    Some((failures, early))
}
