//! How much of what was used, about once a day, and when something that comes again was done last.

use super::{Store, StoreError, StoreResult};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Samples are kept for so long.
const KEPT: SignedDuration = SignedDuration::from_hours(62 * 24);

/// What the keys in `meta` begin with; the name of what was done follows.
const DONE: &str = "done ";

/// How much of something was used at a moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsageSample {
    /// When.
    pub(crate) at: Timestamp,
    /// How much of it.
    pub(crate) used: u64,
    /// How much there is.
    pub(crate) total: u64,
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn time(text: &str) -> StoreResult<Timestamp> {
    text.parse().map_err(|_| StoreError::Unreadable(format!("`{text}` is not a time")))
}

impl Store {
    /// Keeps what was seen at one moment, and forgets what is too old to tell anything.
    pub(crate) async fn keep_usage(&self, seen: &BTreeMap<String, UsageSample>) -> StoreResult<()> {
        let mut transaction = self.writer.begin().await?;
        for (object, sample) in seen {
            sqlx::query(
                "INSERT INTO usage (object, at, used, total) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(object)
            .bind(sample.at.to_string())
            .bind(number(sample.used))
            .bind(number(sample.total))
            .execute(&mut *transaction)
            .await?;
        }
        if let Some(newest) = seen.values().map(|sample| sample.at).max()
            && let Ok(oldest) = newest.checked_sub(KEPT)
        {
            // Times are written with as many digits as they need: the day decides.
            let day = oldest.strftime("%Y-%m-%d").to_string();
            sqlx::query("DELETE FROM usage WHERE at < ?").bind(day).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// What was seen of each thing, oldest first.
    pub(crate) async fn usage(&self) -> StoreResult<BTreeMap<String, Vec<UsageSample>>> {
        let rows: Vec<(String, String, i64, i64)> =
            sqlx::query_as("SELECT object, at, used, total FROM usage ORDER BY object")
                .fetch_all(&self.readers)
                .await?;
        let mut all: BTreeMap<String, Vec<UsageSample>> = BTreeMap::new();
        for (object, at, used, total) in rows {
            let sample =
                UsageSample { at: time(&at)?, used: used.unsigned_abs(), total: total.unsigned_abs() };
            all.entry(object).or_default().push(sample);
        }
        for samples in all.values_mut() {
            samples.sort_by_key(|sample| sample.at);
        }
        Ok(all)
    }

    /// When something that comes again was done last.
    pub(crate) async fn last_done(&self, what: &str) -> StoreResult<Option<Timestamp>> {
        let at: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
            .bind(format!("{DONE}{what}"))
            .fetch_optional(&self.readers)
            .await?;
        at.map(|text| time(&text)).transpose()
    }

    /// Notes that it was done.
    pub(crate) async fn note_done(&self, what: &str, at: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(format!("{DONE}{what}"))
        .bind(at.to_string())
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_seen_is_kept_for_two_months() {
        let store = Store::in_memory().await.unwrap();
        let day = |day: i64| {
            "2026-11-01T06:00:00.5Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day)
        };
        let sample = |at, used| UsageSample { at, used, total: u64::MAX };
        for (at, used) in [(day(0), 1), (day(40), 2), (day(40), 9), (day(70), u64::MAX)] {
            let seen = BTreeMap::from([("Node metal1".to_owned(), sample(at, used))]);
            store.keep_usage(&seen).await.unwrap();
        }
        let kept = store.usage().await.unwrap();
        let largest = i64::MAX.unsigned_abs();
        let of = |at, used| UsageSample { at, used, total: largest };
        assert_eq!(kept["Node metal1"], [of(day(40), 2), of(day(70), largest)]);
        store.keep_usage(&BTreeMap::new()).await.unwrap();
        assert_eq!(store.usage().await.unwrap(), kept, "nothing was seen");
    }

    #[tokio::test]
    async fn what_was_done_is_known() {
        let store = Store::in_memory().await.unwrap();
        let at: Timestamp = "2026-11-01T06:00:00Z".parse().unwrap();
        assert_eq!(store.last_done("recon").await.unwrap(), None);
        store.note_done("recon", at).await.unwrap();
        store.note_done("recon", at + SignedDuration::from_secs(1)).await.unwrap();
        assert_eq!(store.last_done("recon").await.unwrap(), Some(at + SignedDuration::from_secs(1)));
        assert_eq!(store.last_done("audit").await.unwrap(), None);
    }
}
