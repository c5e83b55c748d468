//! Where caretaker remembers: one `SQLite` file, one process.
//!
//! The store knows nothing of what it keeps: events and payloads are JSON texts to it. Races decided here: a second
//! process on the same file is refused by a lock file beside it, a delivery that arrives twice is one row, and a run is
//! open at most once an issue. All writes go over one connection, whose turns are given in the order in which they were
//! asked for: a storm of deliveries holds up a journal by one transaction, not for as long as it lasts.
//! `synchronous=FULL`: what was journalled before an effect is there after a power loss.

mod backup;
mod deliveries;
mod journal;
mod look;
mod missed;
mod names;
mod place;
mod usage;

pub(crate) use backup::{Backup, BackupError, backup};
pub(crate) use deliveries::{Delivery, DeliveryRow, Evidence, KeptPayload, Stored};
pub(crate) use journal::{EventId, JournalRow, RunEvent, RunId, RunRow};
pub(crate) use look::{Holder, Look, Reader, look};
pub(crate) use missed::{MissedEvents, Missing};
pub(crate) use usage::UsageSample;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement may wait for the file, or for its turn.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many statements may read at once.
const READERS: u32 = 4;

/// Settings under `[store]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The `SQLite` file. Its folder must exist and must not be on a network file system.
    pub path: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { path: PathBuf::from("caretaker.sqlite") }
    }
}

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Another process has the store. A person mends this.
    #[error("another caretaker uses the store {path}: stop it first, or give this one its own `store.path`")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The file or its folder cannot be used. A person mends this.
    #[error("the store {path} cannot be opened; does its folder exist, and may it be written?")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file would lie where a crash can lose what was called written, or where two machines can write it. A person
    /// mends this.
    #[error("the store {path} lies on a network file system ({file_system}): give `store.path` a local disk")]
    Network {
        /// The file.
        path: PathBuf,
        /// Which kind.
        file_system: String,
    },
    /// The tables could not be brought up to date.
    #[error("the store could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the store failed")]
    Database(#[from] sqlx::Error),
    /// What lies in the store does not have the expected form.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(String),
}

/// A result of this layer.
pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// The open store.
#[derive(Debug)]
pub(crate) struct Store {
    readers: SqlitePool,
    /// One connection.
    writer: SqlitePool,
    /// Where the file lies; none in memory.
    path: Option<PathBuf>,
    /// Held until the store is closed; the system gives it back even when the process is killed.
    lock: Option<File>,
}

/// Where a file really lies, or will lie when it is made.
fn real_path(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // A link may point to a file that is not there yet. Links that go round and round are the system's to refuse.
    for _ in 0..16 {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target)),
            Err(_) => break,
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

impl Store {
    /// Opens the store for the one process that writes it, and brings its tables up to date.
    pub(crate) async fn open(path: &Path) -> StoreResult<Self> {
        // Another name of the same file is the same store: its lock lies beside the file itself.
        let path = &real_path(path);
        let lock_path = path.with_extension("lock");
        let open_error = |source| StoreError::Open { path: path.to_owned(), source };
        if let Some(file_system) = place::network_file_system(place::folder(path)).map_err(open_error)? {
            return Err(StoreError::Network { path: path.to_owned(), file_system });
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(open_error)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: lock_path }),
            Err(TryLockError::Error(source)) => return Err(open_error(source)),
        }
        let writing = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let reading = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let writer = connect(writing, 1).await?;
        sqlx::migrate!("./migrations").run(&writer).await?;
        let readers = connect(reading, READERS).await?;
        Ok(Self { readers, writer, path: Some(path.to_owned()), lock: Some(lock) })
    }

    /// A store that is gone with the process.
    #[cfg(test)]
    pub(crate) async fn in_memory() -> StoreResult<Self> {
        let writer = connect(SqliteConnectOptions::new().in_memory(true).foreign_keys(true), 1).await?;
        sqlx::migrate!("./migrations").run(&writer).await?;
        Ok(Self { readers: writer.clone(), writer, path: None, lock: None })
    }

    /// The id under which this store's process holds clusters' locks: made once, kept with the store, so that a restart
    /// takes its own lock at once.
    pub(crate) async fn holder(&self) -> StoreResult<String> {
        let fresh = format!("caretaker-{}", uuid::Uuid::new_v4());
        sqlx::query("INSERT INTO meta (key, value) VALUES ('holder', ?) ON CONFLICT (key) DO NOTHING")
            .bind(fresh)
            .execute(&self.writer)
            .await?;
        Ok(sqlx::query_scalar("SELECT value FROM meta WHERE key = 'holder'").fetch_one(&self.readers).await?)
    }

    /// The key of the ids that steps have in commits: made once, kept with the store, shown nowhere.
    pub(crate) async fn step_key(&self) -> StoreResult<SecretString> {
        let fresh = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        sqlx::query("INSERT INTO meta (key, value) VALUES ('step-key', ?) ON CONFLICT (key) DO NOTHING")
            .bind(fresh)
            .execute(&self.writer)
            .await?;
        let kept: String = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'step-key'")
            .fetch_one(&self.readers)
            .await?;
        Ok(kept.into())
    }

    /// Whether the store can be written now.
    pub(crate) async fn check_writable(&self) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES ('checked', '') ON CONFLICT (key) DO UPDATE SET value = ''",
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// How much room is left beside the store, in bytes; `None` for one in memory.
    pub(crate) fn free_bytes(&self) -> StoreResult<Option<u64>> {
        self.path
            .as_deref()
            .map(|path| {
                place::free_bytes(place::folder(path))
                    .map_err(|source| StoreError::Open { path: path.to_owned(), source })
            })
            .transpose()
    }

    /// Refuses every change, as a full disk or a read-only file does.
    #[cfg(test)]
    pub(crate) async fn refuse_writes(&self, refuse: bool) {
        for table in ["meta", "delivery", "run", "journal", "body_write", "usage"] {
            for verb in ["INSERT", "UPDATE"] {
                let trigger = format!("full_{table}_{verb}");
                let statement = if refuse {
                    format!(
                        "CREATE TRIGGER {trigger} BEFORE {verb} ON {table}
                         BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
                    )
                } else {
                    format!("DROP TRIGGER {trigger}")
                };
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&self.writer).await.expect("a trigger");
            }
        }
    }

    /// Lets the file grow by no more than so many pages, as a disk that is nearly full does; `None`: as far as it likes.
    #[cfg(test)]
    pub(crate) async fn leave_room(&self, pages: Option<i64>) {
        let used: i64 =
            sqlx::query_scalar("PRAGMA page_count").fetch_one(&self.writer).await.expect("a count");
        let most = pages.map_or(i64::from(u32::MAX - 1), |pages| used + pages);
        let statement = format!("PRAGMA max_page_count = {most}");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&self.writer).await.expect("a bound");
    }

    /// Takes the turn to write and keeps it, as a disk that is very slow does.
    #[cfg(test)]
    pub(crate) async fn hold_up(&self) -> sqlx::pool::PoolConnection<sqlx::Sqlite> {
        self.writer.acquire().await.expect("a turn")
    }

    /// Waits for the last statement, closes the file and gives up the lock, whoever still holds this store: nothing can be
    /// written through it any more.
    pub(crate) async fn close(&self) {
        // The writer last: whoever closes the file last tidies it up.
        self.readers.close().await;
        self.writer.close().await;
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::warn!(%error, "the store's lock is given up when caretaker ends");
        }
    }
}

async fn connect(options: SqliteConnectOptions, connections: u32) -> StoreResult<SqlitePool> {
    Ok(SqlitePoolOptions::new()
        // A transaction that was not committed, because it failed or whoever began it is gone, ends before the next turn.
        // Where SQLite has ended it by itself, as on a full disk, or there was none, this fails and means nothing.
        .after_release(|connection, _| {
            Box::pin(async move {
                let _ = sqlx::query("ROLLBACK").execute(connection).await;
                Ok(true)
            })
        })
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(BUSY_TIMEOUT)
        .connect_with(options)
        .await?)
}
