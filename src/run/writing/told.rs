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
use std::time::Duration;

/// How long a delivery about a write that the forge has taken is waited for, and how often it is looked for. Real time,
/// never scaled.
const WAIT: SignedDuration = SignedDuration::from_secs(5);
const LOOK: Duration = Duration::from_millis(200);

/// What deliveries tell of an issue's texts.
#[derive(Debug)]
pub(in crate::run) struct Told {
    /// Its changes, in their order.
    pub(in crate::run) edits: Vec<inbox::IssueEdit>,
    /// Whether one of them tells of our text. Where none ever came for the repository there is nothing to wait for.
    pub(in crate::run) came: bool,
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
    loop {
        let edits = inbox::issue_edits(store, &name, number.0).await?;
        let came = edits.iter().rev().any(tells) || store.last_delivery(&name).await?.is_none();
        if came || Timestamp::now().duration_since(begun) >= WAIT {
            return Ok(Told { edits, came });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether a delivery about what was begun then may be on its way still.
pub(in crate::run) fn may_come(begun: Timestamp, now: Timestamp, timing: &Timing) -> bool {
    now.duration_since(begun).unsigned_abs() < timing.approval_delivery().max(WAIT.unsigned_abs())
}
