//! Why something that is not well is laid to a change, or is not.
//!
//! Clauses without an end, for a bracket or a half sentence. What they name comes from outside: whoever shows them quotes
//! them.

use super::time;
use crate::cluster::ObjectRef;
use crate::health::Verdict;
use jiff::Timestamp;

/// A finding that was there before, and is no worse.
pub(crate) fn there_before(object: &ObjectRef, verdict: Verdict, accepted: bool) -> String {
    let how = if accepted { "accepted" } else { "known" };
    format!("{object} was {verdict} before the change, and {how}")
}

/// A finding that was only listed before, and counts now.
pub(crate) fn listed_before(object: &ObjectRef, verdict: Verdict) -> String {
    format!("{object} was listed as {verdict} before the change already, and counts now")
}

/// A finding that was there before, and is worse now.
pub(crate) fn worse_than_before(object: &ObjectRef, before: Verdict, now: Verdict) -> String {
    format!(
        "{object} was {before} before the change already and is {now} now: whether the change made it worse nothing tells"
    )
}

/// A sync that had failed before.
pub(crate) fn sync_failed_already(application: &ObjectRef) -> String {
    format!(
        "the newest sync of {application} had failed so before the change: whether for the same reason nothing tells"
    )
}

/// What its object says it has been like since before the change.
pub(crate) fn began_before(object: &ObjectRef, since: Timestamp) -> String {
    format!("{object} says that it has been so since {}, before the change", time(since))
}

/// What is about a run that was made before the change.
pub(crate) fn run_made_before(object: &ObjectRef, made: Timestamp) -> String {
    format!("{object} is about a run that was made at {}, before the change", time(made))
}

/// What follows from something that was there before.
pub(crate) fn cause_there_before(object: &ObjectRef) -> String {
    format!("{object} was not well before the change")
}

/// What follows from something else.
pub(crate) fn follows_from(object: &ObjectRef, cause: &ObjectRef, why: &str) -> String {
    format!("{object} follows from {cause}: {why}")
}

/// A watcher that the change touched.
pub(crate) fn changed_itself(object: &ObjectRef) -> String {
    format!("{object} was changed by it")
}

/// What belongs to a watcher that the change touched.
pub(crate) fn belongs_to_changed(object: &ObjectRef, watcher: &ObjectRef) -> String {
    format!("{object} belongs to {watcher}, which was changed by it")
}

/// What lies in a namespace of a watcher that the change touched.
pub(crate) fn beside_changed(object: &ObjectRef, watcher: &ObjectRef) -> String {
    format!("{object} is in a namespace of {watcher}, which was changed by it")
}

/// What nothing but the time ties to the change.
pub(crate) fn only_in_time(object: &ObjectRef) -> String {
    format!("{object} was well before and belongs to nothing that was changed")
}

/// What says that something is wrong and not what did it.
pub(crate) fn was_well(object: &ObjectRef) -> String {
    format!("{object} was well before")
}

/// What stops nothing that runs.
pub(crate) fn stops_nothing(object: &ObjectRef) -> String {
    format!("{object} stops nothing that runs: nothing is undone for its sake")
}

/// A node that somebody is known to work on, or that waits for its turn.
pub(crate) fn node_worked_on(object: &ObjectRef) -> String {
    format!("whoever keeps nodes up to date works on {object}, or is about to, on a schedule of its own")
}

/// What a node's return did.
pub(crate) fn node_came_back(object: &ObjectRef) -> String {
    format!("{object} ended with its node, which came back since")
}
