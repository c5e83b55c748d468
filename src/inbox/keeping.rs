//! How much of what was delivered is kept.
//!
//! Evidence of open runs stays however old it is and however much there is of it: approvals and trust rest on it. The rest
//! goes by age and by number, in small transactions, between which deliveries have their turn.

use crate::store::{Store, StoreResult};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often it is looked for what may go. Real time.
const EVERY: Duration = Duration::from_hours(1);

/// How many go in one transaction.
const BATCH: u64 = 200;

/// Settings under `[inbox]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// How many days deliveries are kept.
    pub(crate) keep_days: u32,
    /// How many deliveries are kept at most.
    pub(crate) keep_deliveries: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_days: 90, keep_deliveries: 100_000 }
    }
}

/// So many bytes of payloads are kept of one issue that is worked on: each look reads them. An edit holds its text twice, so
/// that it is many hundreds of edits of an ordinary text.
const EVIDENCE_OF_AN_ISSUE: u64 = 32 << 20;

/// Forgets what may go, now and then again, for as long as it is polled.
pub(super) async fn keep_bounded(store: &Store, settings: &Settings) {
    loop {
        match forget(store, settings, Timestamp::now(), BATCH).await {
            Ok(0) => {}
            Ok(many) => tracing::info!(many, "old deliveries are forgotten"),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old deliveries could not be forgotten"
                );
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Forgets what is too old, then what is too much. Says how many it were.
async fn forget(store: &Store, settings: &Settings, now: Timestamp, batch: u64) -> StoreResult<u64> {
    let age = SignedDuration::from_hours(24 * i64::from(settings.keep_days));
    let mut forgotten = 0;
    // Where the clock does not reach back so far, nothing is so old.
    if let Ok(oldest) = now.checked_sub(age) {
        loop {
            let went = store.forget_deliveries(oldest, batch).await?;
            forgotten += went;
            if went < batch {
                break;
            }
        }
    }
    let mut too_many = store.count_forgettable().await?.saturating_sub(settings.keep_deliveries);
    while too_many > 0 {
        let went = store.forget_deliveries(now, too_many.min(batch)).await?;
        if went == 0 {
            break;
        }
        forgotten += went;
        too_many = too_many.saturating_sub(went);
    }
    Ok(forgotten + store.forget_evidence_beyond(EVIDENCE_OF_AN_ISSUE).await?)
}

#[cfg(test)]
mod tests {
    use super::{Settings, forget};
    use crate::store::{Delivery, Store};
    use jiff::{SignedDuration, Timestamp};

    async fn with_deliveries_of_the_last_days(days: i64) -> (Store, Timestamp) {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp::now();
        for age in (0..days).rev() {
            let delivery = Delivery {
                id: format!("{age} days old"),
                received_at: now - SignedDuration::from_hours(24 * age + 1),
                event: "push".to_owned(),
                action: String::new(),
                repository: "ops/homelab".to_owned(),
                issue: None,
                sender: "operator".to_owned(),
                evidence: None,
            };
            store.put_deliveries(&[&delivery]).await.unwrap();
        }
        (store, now)
    }

    #[tokio::test]
    async fn what_is_too_old_goes_then_what_is_too_much() {
        let cases = [(90, 100, 0, 20), (10, 100, 10, 10), (90, 7, 13, 7), (10, 3, 17, 3), (0, 100, 20, 0)];
        for (keep_days, keep_deliveries, gone, left) in cases {
            let (store, now) = with_deliveries_of_the_last_days(20).await;
            let settings = Settings { keep_days, keep_deliveries };
            // In parts that do not divide the whole evenly.
            assert_eq!(forget(&store, &settings, now, 3).await.unwrap(), gone, "{settings:?}");
            let rows = store.recent_deliveries(100).await.unwrap();
            assert_eq!(rows.len(), left, "{settings:?}");
            assert!(rows.first().is_none_or(|row| row.id == "0 days old"), "the newest stay");
            assert_eq!(forget(&store, &settings, now, 3).await.unwrap(), 0, "again there is nothing");
        }
    }

    #[tokio::test]
    async fn a_number_of_days_beyond_all_time_keeps_all() {
        let (store, now) = with_deliveries_of_the_last_days(2).await;
        let settings = Settings { keep_days: u32::MAX, keep_deliveries: u64::MAX };
        assert_eq!(forget(&store, &settings, now, 3).await.unwrap(), 0);
    }
}
