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

/// What may be forgotten: all but the evidence of open runs.
const FORGETTABLE: &str = "NOT (payload IS NOT NULL AND EXISTS (SELECT 1 FROM run
    WHERE run.repository = delivery.repository AND run.issue = delivery.issue AND run.ended_at IS NULL))";

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
    ) -> StoreResult<Vec<(String, String)>> {
        let mut rows = sqlx::query(
            "SELECT sender, payload FROM delivery WHERE rowid IN (
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
            payloads.push((row.try_get("sender")?, row.try_get("payload")?));
        }
        Ok(payloads)
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
    /// Says how many it were.
    pub(crate) async fn forget_deliveries(&self, before: Timestamp, most: u64) -> StoreResult<u64> {
        let statement = format!(
            "DELETE FROM delivery WHERE rowid IN (SELECT rowid FROM delivery WHERE received_at < ? AND {FORGETTABLE}
             ORDER BY received_at LIMIT ?)"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(before.to_string())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected())
    }

    /// Forgets payloads where one issue has more of them than so many bytes: first what does not tell of its text (comments,
    /// which anybody may write and edit, and labels), then the oldest edits. What such an edit vouched for is journalled by
    /// then, or asks for a person. The rows stay, and with them which comments were edited. Says how many it were.
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
mod tests {
    use super::{Delivery, Evidence, Stored};
    use crate::store::Store;
    use jiff::{SignedDuration, Timestamp};

    fn delivery(id: &str, issue: u64, payload: Option<&str>) -> Delivery {
        Delivery {
            id: id.to_owned(),
            received_at: Timestamp::now(),
            event: "issues".to_owned(),
            action: "edited".to_owned(),
            repository: "ops/homelab".to_owned(),
            issue: Some(issue),
            sender: "operator".to_owned(),
            evidence: payload.map(|text| Evidence {
                payload: text.to_owned(),
                hash: format!("hash of {text}"),
                comment: None,
                of_runs_only: false,
            }),
        }
    }

    async fn ids(store: &Store) -> Vec<String> {
        let mut rows = store.recent_deliveries(100).await.unwrap();
        rows.reverse();
        rows.into_iter().map(|row| row.id).collect()
    }

    #[tokio::test]
    async fn a_delivery_counts_once_and_a_payload_is_evidence_once() {
        let store = Store::in_memory().await.unwrap();
        let first = delivery("d1", 7, Some("{}"));
        assert_eq!(store.put_deliveries(&[&first]).await.unwrap(), [Stored::New]);
        let (again, other) = (delivery("d2", 7, Some("{}")), delivery("d3", 7, Some("{\"a\":1}")));
        let answers = store.put_deliveries(&[&first, &again, &again, &other]).await.unwrap();
        assert_eq!(answers, [Stored::Duplicate, Stored::Repeated, Stored::Duplicate, Stored::New]);
        let payloads = store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
        assert_eq!(
            payloads.iter().map(|(_, payload)| payload.as_str()).collect::<Vec<_>>(),
            ["{}", "{\"a\":1}"]
        );
        let rows = store.recent_deliveries(2).await.unwrap();
        assert_eq!(rows[0].id, "d3");
        assert!(rows[0].has_payload && rows[0].repeats.is_none());
        assert!(!rows[1].has_payload);
        assert_eq!(rows[1].repeats.as_deref(), Some("d1"));
    }

    #[tokio::test]
    async fn what_only_matters_to_runs_is_kept_where_there_is_or_was_one() {
        let store = Store::in_memory().await.unwrap();
        let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        store.end_run(run.id, Timestamp::now()).await.unwrap();
        let of_runs = |id: &str, issue| {
            let mut delivery = delivery(id, issue, Some(id));
            delivery.evidence.as_mut().unwrap().of_runs_only = true;
            delivery
        };
        store.put_deliveries(&[&of_runs("d1", 7), &of_runs("d2", 8)]).await.unwrap();
        assert_eq!(store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap().len(), 1);
        assert!(store.issue_payloads("ops/homelab", 8, u64::MAX).await.unwrap().is_empty());
        assert_eq!(store.count_deliveries().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn that_a_comment_was_edited_is_known_to_a_run_that_begins_later() {
        let store = Store::in_memory().await.unwrap();
        let mut edit = delivery("d1", 8, Some("a"));
        let evidence = edit.evidence.as_mut().unwrap();
        (evidence.comment, evidence.of_runs_only) = (Some(31), true);
        store.put_deliveries(&[&edit]).await.unwrap();
        let rows = store.recent_deliveries(1).await.unwrap();
        assert!(!rows[0].has_payload, "there is no run");
        store.open_run("ops/homelab", 8, Timestamp::now()).await.unwrap();
        assert_eq!(store.edited_comments("ops/homelab", 8).await.unwrap(), [31].into());
    }

    #[tokio::test]
    async fn one_that_cannot_be_written_leaves_none_of_its_transaction() {
        let store = Store::in_memory().await.unwrap();
        store.leave_room(Some(8)).await;
        let large = "x".repeat(1 << 20);
        let (small, large) = (delivery("d1", 7, Some("{}")), delivery("d2", 7, Some(&large)));
        let error = store.put_deliveries(&[&small, &large]).await.unwrap_err();
        assert!(error.to_string().contains("store failed"), "{error}");
        assert_eq!(store.count_deliveries().await.unwrap(), 0);
        store.leave_room(None).await;
        assert_eq!(store.put_deliveries(&[&small, &large]).await.unwrap(), [Stored::New, Stored::New]);
    }

    #[tokio::test]
    async fn evidence_of_one_issue_is_kept_up_to_a_size_edits_before_the_rest() {
        let store = Store::in_memory().await.unwrap();
        store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        let of = |id: &str, issue, action: &str, letter: char| {
            let mut one = delivery(id, issue, Some(&letter.to_string().repeat(10)));
            action.clone_into(&mut one.action);
            one
        };
        let about_comment = |mut one: Delivery| {
            one.evidence.as_mut().unwrap().comment = Some(5);
            one
        };
        for one in [
            of("d1", 7, "opened", 'a'),
            of("d2", 7, "edited", 'b'),
            of("d3", 7, "created", 'c'),
            of("d4", 7, "edited", 'd'),
            // Under another event's name, which is not signed.
            about_comment(of("d5", 7, "edited", 'e')),
            of("d6", 8, "opened", 'f'),
        ] {
            store.put_deliveries(&[&one]).await.unwrap();
        }
        assert_eq!(store.forget_evidence_beyond(50).await.unwrap(), 0);
        assert_eq!(store.forget_evidence_beyond(40).await.unwrap(), 1, "the older comment");
        assert_eq!(store.forget_evidence_beyond(25).await.unwrap(), 2, "the other one, and the oldest edit");
        let payloads = store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
        let left: Vec<&str> = payloads.iter().map(|(_, payload)| &payload[..1]).collect();
        assert_eq!(left, ["b", "d"]);
        let edited = store.edited_comments("ops/homelab", 7).await.unwrap();
        assert_eq!(edited, [5].into(), "that it was edited is known without the payload");
        assert_eq!(store.issue_payloads("ops/homelab", 8, u64::MAX).await.unwrap().len(), 1);
        assert_eq!(store.count_deliveries().await.unwrap(), 6, "that they came is still known");
        let again = of("d7", 7, "opened", 'a');
        assert_eq!(
            store.put_deliveries(&[&again]).await.unwrap(),
            [Stored::Repeated],
            "nor are they news again"
        );
    }

    #[tokio::test]
    async fn a_look_reads_edits_of_the_text_up_to_a_size_and_of_comments_their_numbers() {
        let store = Store::in_memory().await.unwrap();
        let of = |id: &str, action: &str, comment| {
            let mut one = delivery(id, 7, Some(&format!("{id}{}", "x".repeat(100))));
            action.clone_into(&mut one.action);
            one.evidence.as_mut().unwrap().comment = comment;
            one
        };
        for one in [
            of("d1", "opened", None),
            of("d2", "edited", None),
            of("d3", "edited", Some(31)),
            of("d4", "edited", Some(31)),
            of("d5", "created", Some(32)),
            of("d6", "edited", Some(0)),
            of("d7", "edited", None),
        ] {
            store.put_deliveries(&[&one]).await.unwrap();
        }
        for (bytes, expected) in [
            (u64::MAX, &["d1", "d2", "d7"][..]),
            (306, &["d1", "d2", "d7"]),
            (305, &["d2", "d7"]),
            (101, &[]),
        ] {
            let payloads = store.issue_payloads("ops/homelab", 7, bytes).await.unwrap();
            let read: Vec<&str> = payloads.iter().map(|(_, payload)| &payload[..2]).collect();
            assert_eq!(read, expected, "{bytes}");
        }
        assert_eq!(store.edited_comments("ops/homelab", 7).await.unwrap(), [31].into());
        assert!(store.edited_comments("ops/homelab", 8).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_was_kept_before_is_told_apart_by_its_payload() {
        let store = Store::in_memory().await.unwrap();
        for (id, payload) in [
            ("d1", r#"{"comment":{"id":5}}"#),
            ("d2", r#"{"comment":{"id":"five"}}"#),
            ("d3", r#"{"comment":null}"#),
            ("d4", "no json"),
        ] {
            store.put_deliveries(&[&delivery(id, 7, Some(payload))]).await.unwrap();
        }
        // As it was before that migration.
        let before = "DROP INDEX delivery_issue; DROP INDEX delivery_comment; ALTER TABLE delivery DROP COLUMN comment;
                      CREATE INDEX delivery_issue ON delivery (repository, issue)";
        sqlx::raw_sql(before).execute(&store.writer).await.unwrap();
        let migration = include_str!("../../migrations/0003_payloads_about_comments.sql");
        sqlx::raw_sql(migration).execute(&store.writer).await.unwrap();
        let payloads = store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
        let texts: Vec<&str> = payloads.iter().map(|(_, payload)| payload.as_str()).collect();
        assert_eq!(texts, [r#"{"comment":null}"#, "no json"]);
        assert_eq!(store.edited_comments("ops/homelab", 7).await.unwrap(), [5].into());
    }

    #[tokio::test]
    async fn payloads_are_forgotten_beyond_a_size_the_oldest_first_and_those_of_open_runs_never() {
        let store = Store::in_memory().await.unwrap();
        let open = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        for (id, issue) in [("d1", 7), ("d2", 8), ("d3", 9), ("d4", 7), ("d5", 8)] {
            store.put_deliveries(&[&delivery(id, issue, Some(&format!("{id} payload")))]).await.unwrap();
        }
        let kept = || async {
            let mut rows = store.recent_deliveries(100).await.unwrap();
            rows.reverse();
            rows.into_iter().filter(|row| row.has_payload).map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(store.forget_payloads_beyond(30, 10).await.unwrap(), 0);
        assert_eq!(store.forget_payloads_beyond(0, 1).await.unwrap(), 1);
        assert_eq!(kept().await, ["d1", "d3", "d4", "d5"], "in small parts");
        assert_eq!(store.forget_payloads_beyond(19, 10).await.unwrap(), 1);
        assert_eq!(kept().await, ["d1", "d4", "d5"]);
        assert_eq!(store.forget_payloads_beyond(0, 10).await.unwrap(), 1);
        assert_eq!(kept().await, ["d1", "d4"]);
        store.end_run(open.id, Timestamp::now()).await.unwrap();
        assert_eq!(store.forget_payloads_beyond(0, 10).await.unwrap(), 2, "the run is over");
        assert_eq!(store.count_deliveries().await.unwrap(), 5, "that they came is still known");
    }

    #[tokio::test]
    async fn the_oldest_are_forgotten_and_evidence_of_open_runs_never() {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp::now();
        let open = store.open_run("ops/homelab", 7, now).await.unwrap();
        for (place, (issue, payload)) in
            [(7, Some("a")), (7, None), (8, Some("b")), (9, None), (7, Some("c"))].into_iter().enumerate()
        {
            let mut one = delivery(&format!("d{place}"), issue, payload);
            one.received_at = now - SignedDuration::from_hours(10 - i64::try_from(place).unwrap());
            store.put_deliveries(&[&one]).await.unwrap();
        }
        assert_eq!(store.count_forgettable().await.unwrap(), 3);
        assert_eq!(store.forget_deliveries(now - SignedDuration::from_hours(11), 10).await.unwrap(), 0);
        assert_eq!(store.forget_deliveries(now, 1).await.unwrap(), 1);
        assert_eq!(ids(&store).await, ["d0", "d2", "d3", "d4"], "in small parts, the oldest first");
        assert_eq!(
            store.forget_deliveries(now - SignedDuration::from_mins(7 * 60 + 30), 10).await.unwrap(),
            1
        );
        assert_eq!(ids(&store).await, ["d0", "d3", "d4"]);
        assert_eq!(store.forget_deliveries(now, 10).await.unwrap(), 1);
        assert_eq!(ids(&store).await, ["d0", "d4"]);
        store.end_run(open.id, now).await.unwrap();
        assert_eq!(store.forget_deliveries(now, 10).await.unwrap(), 2, "the run is over");
    }
}
