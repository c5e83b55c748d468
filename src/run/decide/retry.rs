//! Effects that did not happen and have no task that counts their tries: how long until the next one.

use super::tasks::elapsed;
use crate::run::event::Effect;
use crate::run::situation::Situation;
use crate::run::state::Failures;

/// So many tries are a trouble that passes; after them a person is told.
pub(super) const PATIENCE: u32 = 3;

/// Each pause is so many times as long as the one before.
const FACTOR: u32 = 3;

/// The longest pause, in rounds without any hint: an hour with the default times.
const LONGEST: u32 = 20;

/// The tries that did not happen since the effect last did, and whether it is too early for the next one.
pub(super) fn failures(situation: &Situation<'_>, is: impl Fn(&Effect) -> bool) -> Option<(Failures, bool)> {
    let failures = situation.state.failures(is)?;
    let longest = situation.timing.reconcile() * LONGEST;
    let steps = failures.count.saturating_sub(1).min(12);
    let pause = situation.timing.poll().saturating_mul(FACTOR.saturating_pow(steps)).min(longest);
    let early = elapsed(situation.now, failures.last) < pause;
    Some((failures, early))
}
