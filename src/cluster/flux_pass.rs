//! How a pass of Flux over one of its objects stands: whether it only looks again, and until when it may go on.
//!
//! Race decided here: a Kustomization is marked as not Ready before anything is tried, so that only what its last passes tell
//! distinguishes one that does the same as before again from one that does something new.

use super::{Condition, ConditionStatus, FluxKind, FluxObject};
use jiff::Timestamp;
use std::time::Duration;

/// How long Flux gives an action of a `HelmRelease` that does not tell.
const USUAL: Duration = Duration::from_mins(5);

impl FluxObject {
    /// That a pass goes on, in Flux' words.
    pub(crate) fn reconciling(&self) -> Option<&Condition> {
        let reconciling = |one: &&Condition| one.kind == "Reconciling" && one.status == ConditionStatus::True;
        self.conditions.iter().find(reconciling)
    }

    /// How long a step of a pass may take: a Kustomization without a time-out waits for nearly its interval.
    pub(crate) fn pass_lasts(&self) -> Duration {
        let of_its_own = if self.kind == FluxKind::Kustomization { self.interval } else { None };
        self.timeout.or(of_its_own).unwrap_or(USUAL)
    }

    /// Until when the step may go on in which it is, of what applies something and may take long. What is between two tries is none.
    pub(crate) fn in_a_pass_until(&self) -> Option<Timestamp> {
        if !matches!(self.kind, FluxKind::Kustomization | FluxKind::HelmRelease) {
            return None;
        }
        // What comes before that is short, and where it fails again and again no history tells of it.
        let takes_long = |step: &str| step.starts_with("Running ") || step.starts_with("Detecting drift ");
        let reconciling = self.passes().filter(|one| takes_long(&one.message))?;
        reconciling.since?.checked_add(self.pass_lasts()).ok()
    }

    /// Whether a Kustomization is on its way to apply something. What it makes is there once it checks how that does.
    pub(crate) fn is_applying(&self) -> bool {
        let is_failing = |one: &Condition| one.kind == "Ready" && one.status == ConditionStatus::False;
        !self.conditions.iter().any(is_failing)
            && self.passes().is_some_and(|one| !one.message.starts_with("Running health checks"))
    }

    /// That a pass goes on which has not failed yet.
    fn passes(&self) -> Option<&Condition> {
        self.reconciling().filter(|one| one.reason == "Progressing")
    }

    /// Whether it is only looked at again, as at each interval: its spec was seen, nothing failed before, and what is done
    /// was done already. A Kustomization is marked as not Ready before anything is tried, so that of it alone its history tells
    /// how the last pass ended; since that says nothing of a build that failed, the last good pass must also be no longer ago
    /// than an interval. What cannot be told is not so, nor what goes on for longer than it is given.
    pub(crate) fn is_only_looked_at_again(&self, now: Timestamp, given: Duration) -> bool {
        let (Some(reconciling), Some(ready)) =
            (self.reconciling(), self.conditions.iter().find(|one| one.kind == "Ready"))
        else {
            return false;
        };
        let is_first_try = reconciling.reason == "Progressing";
        let is_seen = self.observed_generation == self.generation;
        let is_recent = reconciling.since.is_some_and(|since| between(since, now) <= given);
        if !is_first_try || !is_seen || !is_recent {
            return false;
        }
        let is_ready = ready.status == ConditionStatus::True;
        if self.kind != FluxKind::Kustomization {
            return is_ready;
        }
        let Some(applied) = &self.applied else { return false };
        // Which revision is fetched is told in words before it is told in a field.
        let fetched = reconciling.message.split_once(" revision ").map(|(_, revision)| revision);
        let is_same = self.attempted.as_ref() == Some(applied)
            && fetched.is_none_or(|fetched| fetched.starts_with(applied.as_str()));
        is_same && (is_ready || self.succeeded_in_time(reconciling))
    }

    /// Whether the last good pass ended no longer before this one began than the interval, with Flux' own jitter of a twentieth
    /// and what waiting for its turn takes.
    fn succeeded_in_time(&self, reconciling: &Condition) -> bool {
        const TURN: Duration = Duration::from_secs(30);
        match (self.succeeded_at, reconciling.since, self.interval) {
            (Some(succeeded), Some(began), Some(interval)) => {
                between(succeeded, began) <= interval.saturating_add(interval / 20).saturating_add(TURN)
            }
            _ => false,
        }
    }
}

/// What lies ahead is new: the clock of whoever wrote it may run fast.
fn between(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}
