//! Runs and their journals.

use super::{Store, StoreError, StoreResult};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::collections::BTreeSet;
use std::fmt;

/// A run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RunId(pub(crate) i64);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// An event of a journal. The id of a journalled intent is the id of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct EventId(pub(crate) i64);

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A run as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunRow {
    /// Its id.
    pub(crate) id: RunId,
    /// `owner/name`.
    pub(crate) repository: String,
    /// The maintenance issue.
    pub(crate) issue: u64,
    /// When it began.
    pub(crate) began_at: Timestamp,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalRow {
    /// Its id.
    pub(crate) id: EventId,
    /// When it was written.
    pub(crate) at: Timestamp,
    /// What happened, as JSON.
    pub(crate) event: String,
}

/// An event with the run that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunEvent {
    /// The run.
    pub(crate) run: RunId,
    /// `owner/name`.
    pub(crate) repository: String,
    /// The maintenance issue.
    pub(crate) issue: u64,
    /// What happened, as JSON.
    pub(crate) event: String,
}

pub(super) fn timestamp(text: &str) -> StoreResult<Timestamp> {
    text.parse().map_err(|_| StoreError::Unreadable(format!("`{text}` is not a time")))
}

/// The open runs of every repository, newest first.
pub(super) async fn all_open_runs(readers: &sqlx::SqlitePool) -> StoreResult<Vec<RunRow>> {
    let rows =
        sqlx::query("SELECT * FROM run WHERE ended_at IS NULL ORDER BY id DESC").fetch_all(readers).await?;
    rows.iter().map(run_row).collect()
}

/// The journal of a run from its beginning, or the part after an event.
pub(super) async fn journal(
    readers: &sqlx::SqlitePool,
    run: RunId,
    after: Option<EventId>,
) -> StoreResult<Vec<JournalRow>> {
    let rows = sqlx::query("SELECT id, at, event FROM journal WHERE run = ? AND id > ? ORDER BY id")
        .bind(run.0)
        .bind(after.map_or(0, |id| id.0))
        .fetch_all(readers)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(JournalRow {
                id: EventId(row.try_get("id")?),
                at: timestamp(row.try_get::<&str, _>("at")?)?,
                event: row.try_get("event")?,
            })
        })
        .collect()
}

fn run_row(row: &sqlx::sqlite::SqliteRow) -> StoreResult<RunRow> {
    let issue: i64 = row.try_get("issue")?;
    let ended: Option<String> = row.try_get("ended_at")?;
    Ok(RunRow {
        id: RunId(row.try_get("id")?),
        repository: row.try_get("repository")?,
        issue: u64::try_from(issue).map_err(|_| StoreError::Unreadable(format!("issue {issue}")))?,
        began_at: timestamp(row.try_get::<&str, _>("began_at")?)?,
        ended_at: ended.as_deref().map(timestamp).transpose()?,
    })
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store {
    /// The run of an issue, open: the one that is open, else the newest that ended, opened again, else a new one. What an
    /// issue's run has done is never forgotten, whatever happened to the issue meanwhile.
    pub(crate) async fn open_run(&self, repository: &str, issue: u64, now: Timestamp) -> StoreResult<RunRow> {
        let find =
            "SELECT * FROM run WHERE repository = ? AND issue = ? ORDER BY ended_at IS NULL DESC, id DESC";
        let known =
            sqlx::query(find).bind(repository).bind(stored(issue)).fetch_optional(&self.readers).await?;
        match known.as_ref().map(run_row).transpose()? {
            Some(run) if run.ended_at.is_none() => return Ok(run),
            Some(run) => {
                sqlx::query("UPDATE run SET ended_at = NULL WHERE id = ?")
                    .bind(run.id.0)
                    .execute(&self.writer)
                    .await?;
                return Ok(RunRow { ended_at: None, ..run });
            }
            None => {}
        }
        sqlx::query("INSERT INTO run (repository, issue, began_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(repository)
            .bind(stored(issue))
            .bind(now.to_string())
            .execute(&self.writer)
            .await?;
        let row = sqlx::query(find).bind(repository).bind(stored(issue)).fetch_one(&self.readers).await?;
        run_row(&row)
    }

    /// The open runs of a repository, newest first.
    pub(crate) async fn open_runs(&self, repository: &str) -> StoreResult<Vec<RunRow>> {
        let rows =
            sqlx::query("SELECT * FROM run WHERE repository = ? AND ended_at IS NULL ORDER BY id DESC")
                .bind(repository)
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(run_row).collect()
    }

    /// The open runs of every repository, newest first.
    pub(crate) async fn all_open_runs(&self) -> StoreResult<Vec<RunRow>> {
        all_open_runs(&self.readers).await
    }

    /// How many runs are open.
    pub(crate) async fn count_open_runs(&self) -> StoreResult<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM run WHERE ended_at IS NULL")
            .fetch_one(&self.readers)
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The newest runs, newest first.
    pub(crate) async fn recent_runs(&self, limit: u32) -> StoreResult<Vec<RunRow>> {
        let rows = sqlx::query("SELECT * FROM run ORDER BY id DESC LIMIT ?")
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(run_row).collect()
    }

    /// Marks a run as ended.
    pub(crate) async fn end_run(&self, run: RunId, now: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE run SET ended_at = ? WHERE id = ? AND ended_at IS NULL")
            .bind(now.to_string())
            .bind(run.0)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Appends what became true together, in one transaction: a crash leaves all of it or none.
    pub(crate) async fn append(
        &self,
        run: RunId,
        at: Timestamp,
        events: &[String],
    ) -> StoreResult<Vec<EventId>> {
        let mut connection = self.writer.acquire().await?;
        // As for deliveries: what is not committed ends when the turn is given back.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let mut ids = Vec::with_capacity(events.len());
        for event in events {
            let done = sqlx::query("INSERT INTO journal (run, at, event) VALUES (?, ?, ?)")
                .bind(run.0)
                .bind(at.to_string())
                .bind(event)
                .execute(&mut *connection)
                .await?;
            ids.push(EventId(done.last_insert_rowid()));
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        Ok(ids)
    }

    /// The journal of a run from its beginning, or the part after an event.
    pub(crate) async fn journal(&self, run: RunId, after: Option<EventId>) -> StoreResult<Vec<JournalRow>> {
        journal(&self.readers, run, after).await
    }

    /// Every event of one kind in all runs of a repository, under each of its names, oldest first.
    pub(crate) async fn events_of(&self, names: &BTreeSet<String>, kind: &str) -> StoreResult<Vec<String>> {
        Ok(sqlx::query_scalar(
            "SELECT journal.event FROM journal JOIN run ON run.id = journal.run
             WHERE run.repository IN (SELECT value FROM json_each(?)) AND json_extract(journal.event, '$.event') = ?
             ORDER BY journal.id",
        )
        .bind(serde_json::json!(names).to_string())
        .bind(kind)
        .fetch_all(&self.readers)
        .await?)
    }

    /// The run that wrote down an event of a kind last, of all runs of a repository, under each of its names; with the newest of all
    /// its events, which tells whether its journal has grown.
    pub(crate) async fn last_run_of(
        &self,
        names: &BTreeSet<String>,
        kind: &str,
    ) -> StoreResult<Option<(RunId, EventId)>> {
        let run: Option<(i64, i64)> = sqlx::query_as(
            "SELECT journal.run, (SELECT MAX(newest.id) FROM journal AS newest WHERE newest.run = journal.run) FROM journal JOIN run ON run.id = journal.run
             WHERE run.repository IN (SELECT value FROM json_each(?)) AND json_extract(journal.event, '$.event') = ?
             ORDER BY journal.id DESC LIMIT 1",
        )
        .bind(serde_json::json!(names).to_string())
        .bind(kind)
        .fetch_optional(&self.readers)
        .await?;
        Ok(run.map(|(run, newest)| (RunId(run), EventId(newest))))
    }

    /// Every event about incidents in all runs, oldest first, with its run.
    pub(crate) async fn incident_events(&self) -> StoreResult<Vec<RunEvent>> {
        // In the words of the index: a look must not read all journals.
        let rows = sqlx::query(
            r#"SELECT run.id, run.repository, run.issue, journal.event FROM journal JOIN run ON run.id = journal.run
               WHERE journal.event GLOB '{"event":"incident-*' ORDER BY journal.id"#,
        )
        .fetch_all(&self.readers)
        .await?;
        let event = |row: &sqlx::sqlite::SqliteRow| -> StoreResult<RunEvent> {
            let issue: i64 = row.try_get("issue")?;
            Ok(RunEvent {
                run: RunId(row.try_get("id")?),
                repository: row.try_get("repository")?,
                issue: u64::try_from(issue).unwrap_or(0),
                event: row.try_get("event")?,
            })
        };
        rows.iter().map(event).collect()
    }

    /// Remembers a body that is about to be written.
    pub(crate) async fn put_body_write(
        &self,
        run: RunId,
        at: Timestamp,
        body_hash: &str,
        written: &str,
    ) -> StoreResult<()> {
        sqlx::query("INSERT INTO body_write (run, at, body_hash, written) VALUES (?, ?, ?, ?)")
            .bind(run.0)
            .bind(at.to_string())
            .bind(body_hash)
            .bind(written)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Every body that was written in a run, as its hash and what is remembered of it, oldest first.
    pub(crate) async fn body_writes(&self, run: RunId) -> StoreResult<Vec<(String, String)>> {
        let rows = sqlx::query("SELECT body_hash, written FROM body_write WHERE run = ? ORDER BY rowid")
            .bind(run.0)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("body_hash")?, row.try_get("written")?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Store, StoreError};
    use jiff::Timestamp;

    #[tokio::test]
    async fn a_run_is_open_once_and_its_journal_keeps_its_order() {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp::now();
        let first = store.open_run("ops/homelab", 7, now).await.unwrap();
        assert_eq!(first, store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap());
        let begin = store.append(first.id, now, &["{\"a\":1}".to_owned()]).await.unwrap()[0];
        let then = store.append(first.id, now, &["{\"a\":2}".to_owned()]).await.unwrap()[0];
        let journal = store.journal(first.id, None).await.unwrap();
        assert_eq!(journal.iter().map(|row| row.id).collect::<Vec<_>>(), [begin, then]);
        assert_eq!(store.journal(first.id, Some(begin)).await.unwrap().len(), 1);
        store.end_run(first.id, now).await.unwrap();
        assert!(store.open_runs("ops/homelab").await.unwrap().is_empty());
        let again = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        assert_eq!(again, first, "an issue has one run, with one journal");
        assert_eq!(store.open_runs("ops/homelab").await.unwrap(), std::slice::from_ref(&first));
        assert_ne!(store.open_run("ops/homelab", 8, now).await.unwrap().id, first.id);
    }

    #[tokio::test]
    async fn another_name_of_the_same_file_is_the_same_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.sqlite");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let store = Store::open(&link).await.unwrap();
        for name in [&path, &link] {
            assert!(matches!(Store::open(name).await, Err(StoreError::InUse { .. })), "{}", name.display());
        }
        store.close().await;
        drop(store);
        assert!(path.exists(), "the store lies where the link points to");
    }

    #[tokio::test]
    async fn a_full_or_read_only_store_says_so_and_goes_on_when_there_is_room() {
        let store = Store::in_memory().await.unwrap();
        let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        store.refuse_writes(true).await;
        assert!(matches!(
            store.append(run.id, Timestamp::now(), &["{}".to_owned()]).await,
            Err(StoreError::Database(_))
        ));
        assert!(store.check_writable().await.is_err());
        assert!(store.open_run("ops/homelab", 8, Timestamp::now()).await.is_err());
        assert!(store.journal(run.id, None).await.unwrap().is_empty(), "it can still be read");
        store.refuse_writes(false).await;
        store.append(run.id, Timestamp::now(), &["{}".to_owned()]).await.unwrap();
        assert_eq!(store.journal(run.id, None).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_was_written_is_on_the_disk_and_readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.sqlite")).await.unwrap();
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.writer).await.unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.writer).await.unwrap();
        assert_eq!((synchronous, mode.as_str()), (2, "wal"), "2 is FULL");
        let said = sqlx::query("DELETE FROM meta").execute(&store.readers).await.unwrap_err();
        assert!(said.to_string().contains("readonly"), "{said}");
        assert!(store.free_bytes().unwrap().is_some_and(|bytes| bytes > 0));
    }

    #[tokio::test]
    async fn a_transaction_whose_owner_is_gone_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store.sqlite")).await.unwrap();
        let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        let mut turn = store.hold_up().await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *turn).await.unwrap();
        sqlx::query("DELETE FROM run").execute(&mut *turn).await.unwrap();
        drop(turn);
        store.append(run.id, Timestamp::now(), &["{}".to_owned()]).await.unwrap();
        store.close().await;
        drop(store);
        let again = Store::open(&folder.path().join("store.sqlite")).await.unwrap();
        assert_eq!(again.journal(run.id, None).await.unwrap().len(), 1);
        assert_eq!(again.count_open_runs().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_became_true_together_is_there_as_a_whole_or_not_at_all() {
        let store = Store::in_memory().await.unwrap();
        let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        store.leave_room(Some(8)).await;
        let events = ["{}".to_owned(), format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20))];
        assert!(store.append(run.id, Timestamp::now(), &events).await.is_err());
        assert!(store.journal(run.id, None).await.unwrap().is_empty());
        store.leave_room(None).await;
        let ids = store.append(run.id, Timestamp::now(), &events).await.unwrap();
        let there = store.journal(run.id, None).await.unwrap();
        assert_eq!(there.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    }

    #[tokio::test]
    async fn a_second_process_is_refused_and_the_holder_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = Store::open(&path).await.unwrap();
        let holder = store.holder().await.unwrap();
        assert!(matches!(Store::open(&path).await, Err(StoreError::InUse { .. })));
        store.close().await;
        assert!(store.holder().await.is_err(), "what is closed writes nothing");
        assert_eq!(Store::open(&path).await.unwrap().holder().await.unwrap(), holder);
    }
}
