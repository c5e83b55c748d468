//! What deliveries tell of an issue's texts, once one tells of our own.
//!
//! The race decided here: the forge tells what a write of ours replaced with a delivery of its own, a moment after it has taken
//! that write. It comes late where the forge has much to tell, and never where it was lost or caretaker was down when it came.
//! A moment is waited for it at once; who has time asks again later, for as long as a delivery may take.

use crate::forge::{IssueNumber, RepositoryName};
use crate::inbox;
use crate::run::worker::text_hash;
use crate::store::{Store, StoreResult};
use crate::timing::Timing;
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// How long a delivery about a write that the forge has taken is waited for, and how often it is looked for. Real time,
/// never scaled.
const WAIT: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);

/// A forge that has told nothing of a repository for so long, our own writes included, is waited for no longer than that.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);

/// What deliveries tell of an issue's texts.
#[derive(Debug)]
pub(in crate::run) struct Told {
    /// Its changes, in their order.
    pub(in crate::run) edits: Vec<inbox::IssueEdit>,
    /// Whether one of them tells of our text.
    pub(in crate::run) came: bool,
    /// Whether anything is delivered here lately: else there is nothing to wait for any longer.
    pub(in crate::run) delivers: bool,
}

/// What deliveries tell of an issue's texts. The one about our text with this hash is waited for, a moment from when the
/// write was begun: in vain where it is lost or late.
pub(in crate::run) async fn told(
    store: &Store,
    name: &RepositoryName,
    number: IssueNumber,
    hash: &str,
    begun: Timestamp,
) -> StoreResult<Told> {
    let name = name.to_string();
    let tells = |edit: &inbox::IssueEdit| edit.body_after.as_deref().map(text_hash).as_deref() == Some(hash);
    let passed = passed(begun, Timestamp::now()).unwrap_or(WAIT);
    let deadline = Instant::now() + WAIT.saturating_sub(passed);
    loop {
        let edits = inbox::issue_edits(store, &name, number.0).await?;
        let came = edits.iter().rev().any(tells);
        let last = store.last_delivery(&name).await?;
        if came || last.is_none() || Instant::now() >= deadline {
            let delivers = last.is_some_and(|last| Timestamp::now().duration_since(last) < SILENCE);
            return Ok(Told { edits, came, delivers });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a delivery about what was begun then may be on its way still.
pub(in crate::run) fn may_come(begun: Timestamp, now: Timestamp, timing: &Timing) -> bool {
    passed(begun, now).is_some_and(|passed| passed < timing.approval_delivery().max(WAIT))
}

/// How much time has passed; `None` by a clock that went back.
fn passed(begun: Timestamp, now: Timestamp) -> Option<Duration> {
    Duration::try_from(now.duration_since(begun)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_given_up_once_and_so_is_what_a_clock_says_is_to_come() {
        let (timing, now) = (Timing::default(), Timestamp::from_second(1_800_000_000).unwrap());
        for (seconds, expected) in [(0, true), (4, true), (59, true), (60, false), (3600, false), (-1, false)]
        {
            let begun = now - SignedDuration::from_secs(seconds);
            assert_eq!(may_come(begun, now, &timing), expected, "{seconds}");
        }
        let fast = Timing { scale: 400.0, ..Timing::default() };
        assert!(may_come(now - SignedDuration::from_secs(4), now, &fast), "the first moment is never scaled");
    }

    #[tokio::test]
    async fn nobody_waits_by_a_clock_that_went_back_nor_where_nothing_is_delivered() {
        let store = Store::in_memory().await.unwrap();
        let name = "ops/homelab".parse().unwrap();
        let later = Timestamp::now() + SignedDuration::from_hours(5);
        let told = told(&store, &name, IssueNumber(7), "hash", later);
        let told = tokio::time::timeout(Duration::from_secs(30), told).await.expect("in time").unwrap();
        assert!(told.edits.is_empty() && !told.came && !told.delivers);
    }
}
