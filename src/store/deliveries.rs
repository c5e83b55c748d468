//! What the forge delivered.

use super::journal::timestamp;
use super::{Store, StoreResult};
use futures::TryStreamExt;
use jiff::Timestamp;
use sqlx::Row;
use std::collections::BTreeSet;

/// A verified delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The forge's id of it.
    pub(crate) id: String,
    /// When it arrived here.
    pub(crate) received_at: Timestamp,
    /// The event, such as `issue_label`.
    pub(crate) event: String,
    /// The action, such as `edited`; empty where the event has none.
    pub(crate) action: String,
    /// `owner/name`.
    pub(crate) repository: String,
    /// The issue or pull request that it is about.
    pub(crate) issue: Option<u64>,
    /// The login of the account that acted.
    pub(crate) sender: String,
    /// What it tells of who did what; `None` where nothing rests on it.
    pub(crate) evidence: Option<Evidence>,
}

impl Delivery {
    /// How many bytes of payload it brings.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.evidence.as_ref().map_or(0, |evidence| evidence.payload.len() as u64)
    }
}

/// A payload that may be needed to tell who did what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The whole payload.
    pub(crate) payload: String,
    /// Its hash, by which the same payload under another id is known.
    pub(crate) hash: String,
    /// The comment that it is about, 0 where that has no number; `None`: it is about none.
    pub(crate) comment: Option<u64>,
    /// Whether it is worth keeping only where the issue has, or had, a run.
    pub(crate) of_runs_only: bool,
}

/// Whether a delivery was news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It was, and is kept now.
    New,
    /// Under this id it was; its payload was there already under another, and is evidence once.
    Repeated,
    /// It was there already.
    Duplicate,
}

/// A stored delivery without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryRow {
    /// The forge's id of it.
    pub(crate) id: String,
    /// When it arrived here.
    pub(crate) received_at: Timestamp,
    /// The event.
    pub(crate) event: String,
    /// The action; empty where the event has none.
    pub(crate) action: String,
    /// `owner/name`.
    pub(crate) repository: String,
    /// The issue or pull request that it is about.
    pub(crate) issue: Option<u64>,
    /// The login of the account that acted.
    pub(crate) sender: String,
    /// Whether its payload is kept.
    pub(crate) has_payload: bool,
    /// The delivery whose payload it repeats.
    pub(crate) repeats: Option<String>,
}

/// A kept payload that tells of an issue's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptPayload {
    /// The login of the account that acted.
    pub(crate) sender: String,
    /// When it arrived here.
    pub(crate) received_at: Timestamp,
    /// The whole payload.
    pub(crate) payload: String,
}

/// What may be forgotten: all but the evidence of open runs. That a comment was edited is part of it, with or without the
/// payload; the last row that tells so is enough, or whoever may comment could have any number of them kept.
const FORGETTABLE: &str = "NOT ((payload IS NOT NULL OR (coalesce(comment, 0) > 0 AND action = 'edited' AND NOT EXISTS (
        SELECT 1 FROM delivery AS later WHERE later.repository = delivery.repository AND later.issue = delivery.issue
            AND later.comment = delivery.comment AND later.action = 'edited' AND later.rowid > delivery.rowid
    ))) AND EXISTS (SELECT 1 FROM run
    WHERE run.repository = delivery.repository AND run.issue = delivery.issue AND run.ended_at IS NULL))";

/// What tells of an issue's text. Whoever may comment may write and edit any number of comments.
const OF_A_TEXT: &str = "delivery.comment IS NULL AND delivery.action IN ('opened', 'edited')";

impl Store {
    /// Keeps deliveries, each once, all in one transaction: afterwards either all are there or none. The answers are in
    /// the order of the deliveries.
    pub(crate) async fn put_deliveries(&self, deliveries: &[&Delivery]) -> StoreResult<Vec<Stored>> {
        let mut connection = self.writer.acquire().await?;
        // Not a transaction of sqlx's: it loses count of its own when SQLite ends one by itself, as it does on a full disk,
        // and begins none on that connection any more. What is not committed ends when the turn is given back.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let mut answers = Vec::new();
        for delivery in deliveries {
            answers.push(put(&mut connection, delivery).await?);
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        Ok(answers)
    }

    /// The payloads kept about an issue that tell of its text, with their senders, oldest first; the newest of them alone
    /// where they are more than so many bytes. What else is kept (labels, and comments, which anybody may write and edit)
    /// would be read at each look for nothing.
    pub(crate) async fn issue_payloads(
        &self,
        repository: &str,
        issue: u64,
        bytes: u64,
    ) -> StoreResult<Vec<KeptPayload>> {
        let mut rows = sqlx::query(
            "SELECT sender, received_at, payload FROM delivery WHERE rowid IN (
                 SELECT rowid FROM (
                     SELECT rowid, sum(octet_length(payload)) OVER (ORDER BY rowid DESC) AS up_to_here
                     FROM delivery
                     WHERE repository = ? AND issue = ? AND comment IS NULL AND action IN ('opened', 'edited')
                         AND payload IS NOT NULL
                 ) WHERE up_to_here <= ?
             ) ORDER BY rowid",
        )
        .bind(repository)
        .bind(i64::try_from(issue).unwrap_or(i64::MAX))
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .fetch(&self.readers);
        // Row by row: all of them at once would be held twice.
        let mut payloads = Vec::new();
        while let Some(row) = rows.try_next().await? {
            payloads.push(KeptPayload {
                sender: row.try_get("sender")?,
                received_at: timestamp(row.try_get::<&str, _>("received_at")?)?,
                payload: row.try_get("payload")?,
            });
        }
        Ok(payloads)
    }

    /// Whether more was delivered about an issue's text than [`Store::issue_payloads`] says: a payload that is kept no longer,
    /// one that is more than so many bytes with the newer ones, or a row that was forgotten.
    pub(crate) async fn has_lost_payloads(
        &self,
        repository: &str,
        issue: u64,
        bytes: u64,
    ) -> StoreResult<bool> {
        let statement = format!(
            "SELECT EXISTS (SELECT 1 FROM forgotten_text WHERE repository = ?1 AND issue = ?2)
                 OR EXISTS (
                     SELECT 1 FROM delivery WHERE repository = ?1 AND issue = ?2 AND {OF_A_TEXT} AND payload IS NULL
                         AND NOT EXISTS (SELECT 1 FROM delivery AS first WHERE first.id = delivery.repeats)
                 )
                 OR (
                     SELECT coalesce(sum(octet_length(payload)), 0) > ?3
                     FROM delivery WHERE repository = ?1 AND issue = ?2 AND {OF_A_TEXT}
                 )"
        );
        let is_lost: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(repository)
            .bind(i64::try_from(issue).unwrap_or(i64::MAX))
            .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
            .fetch_one(&self.readers)
            .await?;
        Ok(is_lost)
    }

    /// The comments of an issue that were edited, also where no more than that is kept of it. The forge's own times tell
    /// only whole seconds.
    pub(crate) async fn edited_comments(&self, repository: &str, issue: u64) -> StoreResult<BTreeSet<u64>> {
        let comments: Vec<i64> = sqlx::query_scalar(
            "SELECT DISTINCT comment FROM delivery
             WHERE repository = ? AND issue = ? AND comment > 0 AND action = 'edited'",
        )
        .bind(repository)
        .bind(i64::try_from(issue).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await?;
        Ok(comments.into_iter().filter_map(|comment| u64::try_from(comment).ok()).collect())
    }

    /// The newest deliveries, newest first.
    pub(crate) async fn recent_deliveries(&self, limit: u32) -> StoreResult<Vec<DeliveryRow>> {
        let rows = sqlx::query(
            "SELECT id, received_at, event, action, repository, issue, sender, payload IS NOT NULL AS has_payload,
                    repeats
             FROM delivery ORDER BY rowid DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let issue: Option<i64> = row.try_get("issue")?;
                Ok(DeliveryRow {
                    id: row.try_get("id")?,
                    received_at: timestamp(row.try_get::<&str, _>("received_at")?)?,
                    event: row.try_get("event")?,
                    action: row.try_get("action")?,
                    repository: row.try_get("repository")?,
                    issue: issue.and_then(|issue| u64::try_from(issue).ok()),
                    sender: row.try_get("sender")?,
                    has_payload: row.try_get("has_payload")?,
                    repeats: row.try_get("repeats")?,
                })
            })
            .collect()
    }

    /// How many deliveries may be forgotten: all but the evidence of open runs.
    pub(crate) async fn count_forgettable(&self) -> StoreResult<u64> {
        let statement = format!("SELECT count(*) FROM delivery WHERE {FORGETTABLE}");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&self.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Forgets the oldest deliveries that arrived before a moment, at most so many, and never the evidence of open runs.
    /// That something was delivered about an issue's text is known for ever: whoever waits until an edit is forgotten has
    /// made it nobody's. Says how many it were.
    pub(crate) async fn forget_deliveries(&self, before: Timestamp, most: u64) -> StoreResult<u64> {
        let oldest = format!(
            "SELECT rowid FROM delivery WHERE received_at < ?1 AND {FORGETTABLE} ORDER BY received_at, rowid LIMIT ?2"
        );
        let remember = format!(
            "INSERT INTO forgotten_text (repository, issue)
             SELECT DISTINCT repository, issue FROM delivery
             WHERE rowid IN ({oldest}) AND {OF_A_TEXT} AND issue IS NOT NULL ON CONFLICT DO NOTHING"
        );
        let forget = format!("DELETE FROM delivery WHERE rowid IN ({oldest})");
        let (before, most) = (before.to_string(), i64::try_from(most).unwrap_or(i64::MAX));
        let mut connection = self.writer.acquire().await?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let mut gone = 0;
        for statement in [remember, forget] {
            let done = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(&before).bind(most);
            gone = done.execute(&mut *connection).await?.rows_affected();
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        Ok(gone)
    }

    /// Forgets payloads where one issue has more of them than so many bytes: first what does not tell of its text (comments,
    /// which anybody may write and edit, and labels), then the oldest edits. What such an edit vouched for is journalled where
    /// the run has begun; where it begins later, whoever edited may have seen to it, so the rows stay: they tell that the
    /// history is not whole, and what nothing kept tells of waits for a person. With them stays which comments were edited.
    /// Says how many it were.
    pub(crate) async fn forget_evidence_beyond(&self, bytes: u64) -> StoreResult<u64> {
        let done = sqlx::query(
            "UPDATE delivery SET payload = NULL WHERE rowid IN (
                 SELECT rowid FROM (
                     SELECT rowid, sum(octet_length(payload)) OVER (
                         PARTITION BY repository, issue
                         ORDER BY action IN ('opened', 'edited')
                             AND rowid NOT IN (SELECT rowid FROM delivery WHERE comment IS NOT NULL) DESC, rowid DESC
                     ) AS up_to_here
                     FROM delivery WHERE payload IS NOT NULL
                 ) WHERE up_to_here > ?
             )",
        )
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// Forgets the oldest payloads, at most so many, where those that may be forgotten are more than so many bytes. The rows
    /// stay, so that the same payload is no news when it comes again. Says how many it were.
    pub(crate) async fn forget_payloads_beyond(&self, bytes: u64, most: u64) -> StoreResult<u64> {
        let statement = format!(
            "UPDATE delivery SET payload = NULL WHERE rowid IN (
                 SELECT rowid FROM (
                     SELECT rowid, sum(octet_length(payload)) OVER (ORDER BY rowid DESC) AS up_to_here
                     FROM delivery WHERE payload IS NOT NULL AND {FORGETTABLE}
                 ) WHERE up_to_here > ? ORDER BY rowid LIMIT ?
             )"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected())
    }

    /// How many deliveries are kept.
    pub(crate) async fn count_deliveries(&self) -> StoreResult<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery").fetch_one(&self.readers).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

async fn put(connection: &mut sqlx::SqliteConnection, delivery: &Delivery) -> StoreResult<Stored> {
    let issue = delivery.issue.and_then(|number| i64::try_from(number).ok());
    let mut kept = None;
    let comment = delivery.evidence.as_ref().and_then(|evidence| evidence.comment);
    let mut repeats: Option<String> = None;
    if let Some(evidence) = &delivery.evidence {
        repeats = sqlx::query_scalar("SELECT id FROM delivery WHERE payload_hash = ?")
            .bind(&evidence.hash)
            .fetch_optional(&mut *connection)
            .await?;
        let wanted = repeats.is_none()
            && (!evidence.of_runs_only
                || sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM run WHERE repository = ? AND issue = ?)",
                )
                .bind(&delivery.repository)
                .bind(issue)
                .fetch_one(&mut *connection)
                .await?);
        kept = wanted.then_some(evidence);
    }
    let done = sqlx::query(
        "INSERT INTO delivery (id, received_at, event, action, repository, issue, sender, payload, payload_hash, repeats,
             comment)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&delivery.id)
    .bind(delivery.received_at.to_string())
    .bind(&delivery.event)
    .bind(&delivery.action)
    .bind(&delivery.repository)
    .bind(issue)
    .bind(&delivery.sender)
    .bind(kept.map(|evidence| &evidence.payload))
    .bind(kept.map(|evidence| &evidence.hash))
    .bind(&repeats)
    // That a comment was edited is a number, and what a run that begins later may have to know.
    .bind(comment.map(|comment| i64::try_from(comment).unwrap_or(0)))
    .execute(connection)
    .await?;
    Ok(match (done.rows_affected(), repeats) {
        (0, _) => Stored::Duplicate,
        (_, Some(_)) => Stored::Repeated,
        (_, None) => Stored::New,
    })
}

#[cfg(test)]
mod tests;
