//! What commands say on a terminal while they work, and what `plan` says of a body.

use super::duration;
use crate::forge::PullNumber;
use jiff::Timestamp;

/// Before a merge's outcome is known.
pub(crate) fn now_merging(pull: PullNumber) -> String {
    format!("merging #{pull}")
}

/// While a merge is rolled out.
pub(crate) fn now_rolling_out(pull: PullNumber) -> String {
    format!("waiting until #{pull} runs everywhere")
}

/// While the layers settle.
pub(crate) fn now_watching(pull: PullNumber) -> String {
    format!("watching every layer after #{pull}")
}

/// While something is wrong after a merge.
pub(crate) fn now_trouble(pull: PullNumber) -> String {
    format!("in trouble after #{pull}: waiting whether it heals")
}

/// While a merge is taken back.
pub(crate) fn now_undoing(pull: PullNumber) -> String {
    format!("undoing #{pull}")
}

/// A run that had begun before this process did.
pub(crate) fn goes_on(began: Timestamp, ended: usize, total: usize) -> String {
    let seconds = u64::try_from(Timestamp::now().as_second() - began.as_second()).unwrap_or(0);
    format!("goes on with the run that began {} ago: {ended} of {total} tasks have ended", duration(seconds))
}

/// Before the first event.
pub(crate) fn looks_first() -> String {
    "asking forge and cluster".to_owned()
}

/// A person told the process to stop.
pub(crate) fn stopping() -> String {
    "told to stop: ending what is under way".to_owned()
}
