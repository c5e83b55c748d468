//! How much of what was delivered is kept.
//!
//! Evidence of open runs stays however old it is, up to a size an issue: approvals and trust rest on it. The rest goes by age,
//! by number and by size, in small transactions, between which deliveries have their turn. It is looked for what may go now
//! and then, and soon after much came in: whoever may comment can have any number of bytes delivered.

use crate::store::{Store, StoreResult};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How often it is looked for what may go, where little comes in. Real time.
const EVERY: Duration = Duration::from_hours(1);

/// Settings under `[inbox]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the keys of the settings say what is done with each")]
pub(crate) struct Settings {
    /// How many days deliveries are kept.
    pub(crate) keep_days: u32,
    /// How many deliveries are kept at most.
    pub(crate) keep_deliveries: u64,
    /// How many MiB of their payloads are kept at most, besides the evidence of open runs.
    pub(crate) keep_megabytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_days: 90, keep_deliveries: 100_000, keep_megabytes: 1024 }
    }
}

/// So many bytes of payloads are kept of one issue, and a look reads no more of them. An edit holds its text twice, so that it
/// is many hundreds of edits of an ordinary text.
pub(super) const EVIDENCE_OF_AN_ISSUE: u64 = 32 << 20;

/// What is not for people to set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many go in one transaction.
    batch: u64,
    /// How many bytes of payloads are kept of one issue.
    of_an_issue: u64,
    /// After how many bytes of payloads it is looked at once.
    much: u64,
}

pub(super) const LIMITS: Limits = Limits { batch: 200, of_an_issue: EVIDENCE_OF_AN_ISSUE, much: 8 << 20 };

/// How much came in since it was last looked for what may go.
#[derive(Debug)]
pub(super) struct Intake {
    bytes: AtomicU64,
    limits: Limits,
    much: Notify,
}

impl Intake {
    pub(super) fn new(limits: Limits) -> Self {
        Self { bytes: AtomicU64::new(0), limits, much: Notify::new() }
    }

    /// So many bytes of payloads were written.
    pub(super) fn came(&self, bytes: u64) {
        if self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) >= self.limits.much {
            self.much.notify_one();
        }
    }
}

/// Forgets what may go, now and then and when much came in, for as long as it is polled. What comes while it forgets is
/// counted for the next time, and a call that comes then is not lost.
pub(super) async fn keep_bounded(store: &Store, settings: &Settings, intake: &Intake) {
    loop {
        intake.bytes.store(0, Ordering::Relaxed);
        match forget(store, settings, intake.limits, Timestamp::now()).await {
            Ok(0) => {}
            Ok(many) => tracing::info!(many, "old deliveries are forgotten"),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old deliveries could not be forgotten"
                );
            }
        }
        // In time or called: either way it is looked again.
        let _ = tokio::time::timeout(EVERY, intake.much.notified()).await;
    }
}

/// Forgets what is too old, then what is too much. Says how many it were.
async fn forget(store: &Store, settings: &Settings, limits: Limits, now: Timestamp) -> StoreResult<u64> {
    let age = SignedDuration::from_hours(24 * i64::from(settings.keep_days));
    let Limits { batch, of_an_issue, .. } = limits;
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
    forgotten += store.forget_evidence_beyond(of_an_issue).await?;
    let bytes = settings.keep_megabytes.saturating_mul(1 << 20);
    loop {
        let went = store.forget_payloads_beyond(bytes, batch).await?;
        forgotten += went;
        if went < batch {
            return Ok(forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Intake, LIMITS, Limits, Settings, forget, keep_bounded};
    use crate::store::{Delivery, Evidence, Store};
    use jiff::{SignedDuration, Timestamp};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// Parts that do not divide the whole evenly.
    const SMALL: Limits = Limits { batch: 3, ..LIMITS };

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
            let settings = Settings { keep_days, keep_deliveries, ..Settings::default() };
            assert_eq!(forget(&store, &settings, SMALL, now).await.unwrap(), gone, "{settings:?}");
            let rows = store.recent_deliveries(100).await.unwrap();
            assert_eq!(rows.len(), left, "{settings:?}");
            assert!(rows.first().is_none_or(|row| row.id == "0 days old"), "the newest stay");
            assert_eq!(forget(&store, &settings, SMALL, now).await.unwrap(), 0, "again there is nothing");
        }
    }

    #[tokio::test]
    async fn a_number_of_days_beyond_all_time_keeps_all() {
        let (store, now) = with_deliveries_of_the_last_days(2).await;
        let settings = Settings { keep_days: u32::MAX, keep_deliveries: u64::MAX, keep_megabytes: u64::MAX };
        assert_eq!(forget(&store, &settings, SMALL, now).await.unwrap(), 0);
    }
    /// An edit of an issue's text with a payload of so many bytes.
    fn edit(id: usize, bytes: usize) -> Delivery {
        Delivery {
            id: format!("d{id}"),
            received_at: Timestamp::now(),
            event: "issues".to_owned(),
            action: "edited".to_owned(),
            repository: "ops/homelab".to_owned(),
            issue: Some(7),
            sender: "operator".to_owned(),
            evidence: Some(Evidence {
                payload: "x".repeat(bytes),
                hash: format!("hash {id}"),
                comment: None,
                of_runs_only: false,
            }),
        }
    }

    async fn payloads(store: &Store) -> usize {
        store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap().len()
    }

    #[tokio::test]
    async fn payloads_go_by_their_size_and_those_of_open_runs_by_that_of_their_issue() {
        let store = Store::in_memory().await.unwrap();
        let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        for id in 0..10 {
            store.put_deliveries(&[&edit(id, 1 << 19)]).await.unwrap();
        }
        let settings = Settings { keep_megabytes: 1, ..Settings::default() };
        assert_eq!(forget(&store, &settings, SMALL, Timestamp::now()).await.unwrap(), 0);
        let limits = Limits { of_an_issue: 3 << 20, ..SMALL };
        assert_eq!(forget(&store, &settings, limits, Timestamp::now()).await.unwrap(), 4);
        store.end_run(run.id, Timestamp::now()).await.unwrap();
        assert_eq!(forget(&store, &settings, limits, Timestamp::now()).await.unwrap(), 4);
        assert_eq!((payloads(&store).await, store.count_deliveries().await.unwrap()), (2, 10));
    }

    #[tokio::test]
    async fn what_is_too_much_goes_soon_after_it_came() {
        let store = Arc::new(Store::in_memory().await.unwrap());
        store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        let intake = Arc::new(Intake::new(Limits { of_an_issue: 1000, much: 500, ..LIMITS }));
        let keeping = {
            let (store, intake) = (Arc::clone(&store), Arc::clone(&intake));
            tokio::spawn(async move { keep_bounded(&store, &Settings::default(), &intake).await })
        };
        let began = Instant::now();
        for id in 0..20 {
            store.put_deliveries(&[&edit(id, 300)]).await.unwrap();
            intake.came(300);
            // A bound, and what may come before one more is called for.
            while payloads(&store).await > 5 {
                assert!(began.elapsed() < Duration::from_mins(1), "nothing is forgotten before its hour");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert!(payloads(&store).await >= 3, "and no more than is too much");
        keeping.abort();
    }
}
