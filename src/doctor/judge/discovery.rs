//! What discovery did not find out.

use super::not_known;
use crate::doctor::{Diagnosis, NotKnown, State};
use crate::run::Discovered;
use crate::wording;

/// The repositories of which nobody knows whether they are to be looked after. One costs no other.
pub(crate) fn discovered(found: Discovered) -> Vec<Diagnosis> {
    let left_out = (!found.left_out.is_empty()).then(|| {
        let what = wording::doctor_left_out(found.left_out.len());
        Diagnosis::not_ok(State::Warning, "discovery", what, wording::doctor_too_many_repositories())
    });
    let unknown = found.unknown.into_iter().map(|(name, why)| {
        let diagnosis = not_known(format!("{name}: labels"), &NotKnown::from(why));
        // It may be one that nobody wants looked after.
        Diagnosis { state: State::Unknown, ..diagnosis }
    });
    left_out.into_iter().chain(unknown).collect()
}
