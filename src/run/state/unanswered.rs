//! Merges that the forge gave no answer to, and that may come true all the same.
//!
//! Race decided here: such a merge has ended for its run, and may land while another one rolls out. Then two changes are in
//! the cluster at once, and what follows is laid to the wrong one. So it counts as half done for as long as it may land,
//! whatever its pull request looks like meanwhile.

use super::{Act, RunState};
use crate::forge::BRANCH_WRITE_TIMEOUT;
use crate::run::event::{Effect, MergePlan, Outcome};
use jiff::Timestamp;
use std::time::Duration;

/// For so long a merge may come true after its answer was missed. Our own request has been cut off for long by then; what
/// may go on is one that a proxy gave up on before the forge did. Gitea ends each of its Git commands after 6 minutes where
/// nothing else is set, and this is more. Real time: it is the forge's own work that is waited for.
const MAY_LAND_WITHIN: Duration = BRANCH_WRITE_TIMEOUT.saturating_mul(10);

fn may_land_no_more(missed: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(missed)).is_ok_and(|passed| passed >= MAY_LAND_WITHIN)
}

impl RunState {
    /// The merges that were not answered and of which nobody knows yet what became of them, newest first: the pull request
    /// is not known to be merged, and no answer about it is younger than the moment up to which this one may have landed.
    pub(crate) fn unanswered_merges(&self) -> impl Iterator<Item = (&Act, &MergePlan)> {
        self.missed().map(|(act, plan, _)| (act, plan))
    }

    /// Those of them that may still come true. An answer to another try of the same says nothing of them.
    pub(crate) fn may_land(&self, now: Timestamp) -> impl Iterator<Item = (&Act, &MergePlan)> {
        self.missed()
            .filter(move |(_, _, missed)| !may_land_no_more(*missed, now))
            .map(|(act, plan, _)| (act, plan))
    }

    /// Whether something is neither done nor undone.
    pub(crate) fn is_half_done(&self, now: Timestamp) -> bool {
        self.change.is_some() || self.unknown().next().is_some() || self.may_land(now).next().is_some()
    }

    fn missed(&self) -> impl Iterator<Item = (&Act, &MergePlan, Timestamp)> {
        self.acts.iter().rev().filter_map(|act| match (&act.effect, &act.ended) {
            (Effect::Merge(plan), Some((missed, Outcome::Unanswered { .. })))
                if !self.is_found_out(plan, *missed) =>
            {
                Some((act, &**plan, *missed))
            }
            _ => None,
        })
    }

    fn is_found_out(&self, plan: &MergePlan, missed: Timestamp) -> bool {
        let answers_for_it = |act: &Act| match (&act.effect, &act.ended) {
            (_, None | Some((_, Outcome::Unanswered { .. }))) => false,
            (Effect::Merge(other), Some((at, _))) => other.pull == plan.pull && may_land_no_more(missed, *at),
            _ => false,
        };
        self.merges.iter().any(|record| record.plan.pull == plan.pull) || self.acts.iter().any(answers_for_it)
    }
}
