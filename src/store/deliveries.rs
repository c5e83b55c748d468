//! What the forge delivered.

use super::{Store, StoreResult};
use jiff::Timestamp;
use sqlx::Row;

/// A verified delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The forge's id of it.
    pub(crate) id: String,
    /// When it arrived here.
    pub(crate) received_at: Timestamp,
    /// The event, such as `issues`.
    pub(crate) event: String,
    /// The action, such as `edited`; empty where the event has none.
    pub(crate) action: String,
    /// `owner/name`.
    pub(crate) repository: String,
    /// The issue or pull request that it is about.
    pub(crate) issue: Option<u64>,
    /// The login of the account that acted.
    pub(crate) sender: String,
    /// The whole payload, where it is kept as evidence of who did what.
    pub(crate) payload: Option<String>,
}

/// Whether a delivery was news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It was, and is kept now.
    New,
    /// It was there already.
    Duplicate,
}

impl Store {
    /// Keeps a delivery, once.
    pub(crate) async fn put_delivery(&self, delivery: &Delivery) -> StoreResult<Stored> {
        let done = sqlx::query(
            "INSERT INTO delivery (id, received_at, event, action, repository, issue, sender, payload)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&delivery.id)
        .bind(delivery.received_at.to_string())
        .bind(&delivery.event)
        .bind(&delivery.action)
        .bind(&delivery.repository)
        .bind(delivery.issue.and_then(|number| i64::try_from(number).ok()))
        .bind(&delivery.sender)
        .bind(&delivery.payload)
        .execute(&self.pool)
        .await?;
        Ok(if done.rows_affected() == 1 { Stored::New } else { Stored::Duplicate })
    }

    /// The payloads kept about an issue, with their senders, oldest first.
    pub(crate) async fn issue_payloads(
        &self,
        repository: &str,
        issue: u64,
    ) -> StoreResult<Vec<(String, String)>> {
        let rows = sqlx::query(
            "SELECT sender, payload FROM delivery
             WHERE repository = ? AND issue = ? AND payload IS NOT NULL ORDER BY rowid",
        )
        .bind(repository)
        .bind(i64::try_from(issue).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("sender")?, row.try_get("payload")?))).collect()
    }

    /// How many deliveries are kept.
    #[cfg(test)]
    pub(crate) async fn count_deliveries(&self) -> StoreResult<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery").fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
