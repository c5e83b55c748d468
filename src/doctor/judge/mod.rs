//! What facts mean. Pure: facts in, diagnoses out. How to mend something is said by `wording::doctor`.

mod cluster;
mod delivery;
mod discovery;
mod forge;
mod hook;
mod people;
mod renovate;
mod repository;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use cluster::{RollsOut, clock, reached, right, rolls_out, watchers};
pub(crate) use delivery::{Arrival, Listener, delivery};
pub(crate) use discovery::discovered;
pub(crate) use forge::{account, server};
pub(crate) use hook::{AskedBy, HookFault, Ours, Wanted, faults, hook, hook_events, ours, same_address};
pub(crate) use people::{PeopleFacts, people};
pub(crate) use renovate::{Likeness, RenovateFacts, renovate};
pub(crate) use repository::{RepositoryFacts, repository};
pub(crate) use store::{LostRun, lost_runs, missed_events, store};

use super::{Diagnosis, NotKnown, State};
use crate::wording;

/// Something is not set.
pub(crate) fn missing(missing: &str) -> Diagnosis {
    Diagnosis::not_ok(State::Error, "settings", missing, wording::doctor_settings())
}

/// A question to the forge without an answer.
fn not_known(what: impl Into<String>, why: &NotKnown) -> Diagnosis {
    let (state, fix) = match why {
        NotKnown::Unauthorized(_) => (State::Error, wording::doctor_token()),
        NotKnown::Refused(_) => (State::Error, wording::doctor_scopes()),
        NotKnown::NotThere(_) => (State::Error, wording::doctor_not_there()),
        NotKnown::Renamed(_) => (State::Error, wording::doctor_renamed()),
        NotKnown::NoAnswer(_) => (State::Unknown, wording::doctor_no_answer()),
    };
    Diagnosis::not_ok(state, what, why.to_string(), fix)
}
