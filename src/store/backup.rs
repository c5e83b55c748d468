//! A copy of the store, made while the service goes on.
//!
//! `VACUUM INTO` reads one moment of the store and holds up no writer. Races decided here: the target's name is taken by
//! making it, so nothing that is there is ever written over, not even by two backups at once; the copy grows under another
//! name and gets the target's only when it is whole, on the disk and verified. A backup that was cut off leaves an empty
//! target, which nobody can take for a copy.

use super::place;
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the copy may take.
const LONGEST: Duration = Duration::from_mins(30);

/// The tables that only grow: their rows were there before the copy was begun, so they are in it.
const GROWING: [&str; 3] = ["run", "journal", "body_write"];

/// A copy that was made and verified.
#[derive(Debug, Serialize)]
pub(crate) struct Backup {
    /// Where it lies.
    pub(crate) target: PathBuf,
    /// How large it is.
    pub(crate) bytes: u64,
    /// How many rows each table has.
    pub(crate) rows: BTreeMap<String, u64>,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// Something is there already. A person mends this.
    #[error("{target} is there already, and nothing is written over")]
    Exists {
        /// Where the copy should have gone.
        target: PathBuf,
    },
    /// There is no store. A person mends this.
    #[error("there is no store at {path}")]
    NoStore {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The copy cannot be written. A person mends this.
    #[error("the copy cannot be written to {target}")]
    Write {
        /// Where the copy should have gone.
        target: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store could not be read, or the copy not be written by it.
    #[error("the store could not be copied")]
    Copy(#[source] sqlx::Error),
    /// It took too long.
    #[error("the copy took longer than {} minutes", LONGEST.as_secs() / 60)]
    TooSlow,
    /// The copy is not what it should be; it was thrown away.
    #[error("the copy is not sound and was thrown away: {0}")]
    Unsound(String),
}

/// Copies the store at a path, whether a service has it open or not, and verifies the copy.
pub(crate) async fn backup(store: &Path, target: &Path) -> Result<Backup, BackupError> {
    if !store.is_file() {
        return Err(BackupError::NoStore { path: store.to_owned() });
    }
    let write_error = |source| BackupError::Write { target: target.to_owned(), source };
    let taken = make(target).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists { target: target.to_owned() },
        _ => write_error(source),
    })?;
    drop(taken);
    let mut partial = target.as_os_str().to_owned();
    partial.push(format!(".{}.partial", uuid::Uuid::new_v4().simple()));
    let partial = PathBuf::from(partial);
    // SQLite writes into a file that is there and empty, and leaves its rights as they are.
    let copied = match make(&partial) {
        Ok(file) => {
            drop(file);
            tokio::time::timeout(LONGEST, copy(store, &partial)).await.unwrap_or(Err(BackupError::TooSlow))
        }
        Err(source) => Err(write_error(source)),
    };
    let finished = copied.and_then(|rows| {
        let file = File::open(&partial).map_err(write_error)?;
        let bytes = file.metadata().map_err(write_error)?.len();
        std::fs::rename(&partial, target).map_err(write_error)?;
        File::open(place::folder(target)).and_then(|folder| folder.sync_all()).map_err(write_error)?;
        Ok(Backup { target: target.to_owned(), bytes, rows })
    });
    if finished.is_err() {
        // Both are ours: made a moment ago, by us alone.
        for path in [&partial, &target.to_owned()] {
            let _ = std::fs::remove_file(path);
        }
    }
    finished
}

/// Makes a file that was not there, for its owner alone: a store holds what people wrote.
fn make(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

async fn copy(store: &Path, partial: &Path) -> Result<BTreeMap<String, u64>, BackupError> {
    let mut source = SqliteConnectOptions::new()
        .filename(store)
        .create_if_missing(false)
        .busy_timeout(super::BUSY_TIMEOUT)
        .connect()
        .await
        .map_err(BackupError::Copy)?;
    let before = rows(&mut source).await.map_err(BackupError::Copy)?;
    let name = partial.to_str().ok_or_else(|| BackupError::Write {
        target: partial.to_owned(),
        source: std::io::Error::new(ErrorKind::InvalidInput, "the name is not UTF-8"),
    })?;
    sqlx::query("VACUUM INTO ?").bind(name).execute(&mut source).await.map_err(BackupError::Copy)?;
    source.close().await.map_err(BackupError::Copy)?;
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(|source| BackupError::Write { target: partial.to_owned(), source })?;
    verified(partial, &before).await
}

/// Reads the whole copy: its structure, its references, and whether it holds what the store held before.
async fn verified(copy: &Path, before: &BTreeMap<String, u64>) -> Result<BTreeMap<String, u64>, BackupError> {
    let unreadable = |error: sqlx::Error| BackupError::Unsound(format!("it cannot be read: {error}"));
    // Nobody else knows of the copy, so it needs no locks and no files beside it.
    let mut copy = SqliteConnectOptions::new()
        .filename(copy)
        .read_only(true)
        .immutable(true)
        .connect()
        .await
        .map_err(unreadable)?;
    let said: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&mut copy).await.map_err(unreadable)?;
    if said != ["ok"] {
        return Err(BackupError::Unsound(said.join("; ")));
    }
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut copy).await.map_err(unreadable)?;
    if !broken.is_empty() {
        return Err(BackupError::Unsound(format!("{} rows name others that are not there", broken.len())));
    }
    let rows = rows(&mut copy).await.map_err(unreadable)?;
    copy.close().await.map_err(unreadable)?;
    match missing(before, &rows) {
        Some(what) => Err(BackupError::Unsound(what)),
        None => Ok(rows),
    }
}

/// What the store held and the copy does not.
fn missing(before: &BTreeMap<String, u64>, copied: &BTreeMap<String, u64>) -> Option<String> {
    before.iter().find_map(|(table, before)| match copied.get(table) {
        None => Some(format!("the table {table} is missing")),
        Some(copied) if GROWING.contains(&table.as_str()) && copied < before => {
            Some(format!("{table} has {copied} rows; the store had {before}"))
        }
        Some(_) => None,
    })
}

/// How many rows each table has.
async fn rows(connection: &mut SqliteConnection) -> sqlx::Result<BTreeMap<String, u64>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let statement = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let count: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut *connection).await?;
        rows.insert(table, u64::try_from(count).unwrap_or(0));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::{BackupError, backup, missing};
    use crate::store::Store;
    use jiff::Timestamp;
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn names(folder: &std::path::Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_copy_beside_a_writer_is_whole_and_opens() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = Arc::new(Store::open(&path).await.unwrap());
        let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
        let holder = store.holder().await.unwrap();
        let written = Arc::new(AtomicU64::new(0));
        let writing = {
            let (store, written) = (store.clone(), written.clone());
            tokio::spawn(async move {
                loop {
                    let event = format!("{{\"event\":\"{}\"}}", "x".repeat(2000));
                    store.append(run.id, Timestamp::now(), std::slice::from_ref(&event)).await.unwrap();
                    written.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let mut sizes: Vec<(u64, u64)> = Vec::new();
        for name in ["one", "two", "three"] {
            let least = sizes.last().map_or(50, |(before, _)| before + 20);
            while written.load(Ordering::SeqCst) < least {
                assert!(std::time::Instant::now() < deadline, "nothing is written");
                tokio::task::yield_now().await;
            }
            let target = elsewhere.path().join(name);
            let done = backup(&path, &target).await.unwrap();
            assert!(done.rows["journal"] >= least, "{done:?}");
            assert_eq!(std::fs::metadata(&target).unwrap().len(), done.bytes);
            assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
            sizes.push((written.load(Ordering::SeqCst), done.rows["journal"]));
        }
        assert!(!writing.is_finished(), "the writer went on");
        writing.abort();
        assert_eq!(names(elsewhere.path()), ["one", "three", "two"], "nothing lies about");

        // As it would be restored.
        let restored = Store::open(&elsewhere.path().join("three")).await.unwrap();
        assert_eq!(restored.journal(run.id, None).await.unwrap().len() as u64, sizes[2].1);
        assert_eq!(restored.holder().await.unwrap(), holder);
        restored.append(run.id, Timestamp::now(), &["{}".to_owned()]).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_that_is_there_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = Store::open(&path).await.unwrap();
        for (name, content) in [("full", "a person's"), ("empty", "")] {
            let target = folder.path().join(name);
            std::fs::write(&target, content).unwrap();
            assert!(matches!(backup(&path, &target).await, Err(BackupError::Exists { .. })), "{name}");
            assert_eq!(std::fs::read_to_string(&target).unwrap(), content);
        }
        assert!(matches!(backup(&path, &path).await, Err(BackupError::Exists { .. })));
        let nowhere = folder.path().join("not-there").join("copy");
        assert!(matches!(backup(&path, &nowhere).await, Err(BackupError::Write { .. })));
        store.holder().await.unwrap();
    }

    #[tokio::test]
    async fn where_there_is_no_store_none_is_made_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let target = folder.path().join("copy");
        assert!(matches!(backup(&path, &target).await, Err(BackupError::NoStore { .. })));
        std::fs::write(&path, "no database, but text that is long enough to look like one: ".repeat(100))
            .unwrap();
        let error = backup(&path, &target).await.unwrap_err();
        assert!(matches!(error, BackupError::Copy(_)), "{error:?}");
        assert_eq!(names(folder.path()), ["store.sqlite"]);
    }

    #[test]
    fn a_copy_without_a_table_or_with_fewer_rows_is_not_sound() {
        let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let before = counts(&[("journal", 3), ("delivery", 9)]);
        assert_eq!(missing(&before, &counts(&[("journal", 4), ("delivery", 2)])), None);
        let said = missing(&before, &counts(&[("journal", 2), ("delivery", 9)])).unwrap();
        assert_eq!(said, "journal has 2 rows; the store had 3");
        assert_eq!(missing(&before, &counts(&[("journal", 3)])).unwrap(), "the table delivery is missing");
    }
}
