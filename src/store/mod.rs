//! Where caretaker remembers: one `SQLite` file, one process.
//!
//! The store knows nothing of what it keeps: events and payloads are JSON texts to it. Races decided here: a second
//! process on the same file is refused by a lock file beside it, a delivery that arrives twice is one row, and a run is
//! open at most once an issue. `synchronous=FULL`: what was journalled before an effect is there after a power loss.

mod deliveries;
mod journal;
mod missed;

pub(crate) use deliveries::{Delivery, Stored};
pub(crate) use journal::{EventId, JournalRow, RunId, RunRow};
pub(crate) use missed::MissedEvents;

use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement may wait for the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

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
    pool: SqlitePool,
    /// Held for as long as the store is open; the system gives it back even when the process is killed.
    _lock: Option<File>,
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
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        Self::connect(options, 4, Some(lock)).await
    }

    /// A store that is gone with the process.
    #[cfg(test)]
    pub(crate) async fn in_memory() -> StoreResult<Self> {
        Self::connect(SqliteConnectOptions::new().in_memory(true).foreign_keys(true), 1, None).await
    }

    async fn connect(
        options: SqliteConnectOptions,
        connections: u32,
        lock: Option<File>,
    ) -> StoreResult<Self> {
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self { pool, _lock: lock })
    }

    /// The id under which this store's process holds clusters' locks: made once, kept with the store, so that a restart
    /// takes its own lock at once.
    pub(crate) async fn holder(&self) -> StoreResult<String> {
        let fresh = format!("caretaker-{}", uuid::Uuid::new_v4());
        sqlx::query("INSERT INTO meta (key, value) VALUES ('holder', ?) ON CONFLICT (key) DO NOTHING")
            .bind(fresh)
            .execute(&self.pool)
            .await?;
        Ok(sqlx::query_scalar("SELECT value FROM meta WHERE key = 'holder'").fetch_one(&self.pool).await?)
    }

    /// Whether the store can be written now.
    pub(crate) async fn check_writable(&self) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES ('checked', '') ON CONFLICT (key) DO UPDATE SET value = ''",
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Refuses every change, as a full disk or a read-only file does.
    #[cfg(test)]
    pub(crate) async fn refuse_writes(&self, refuse: bool) {
        for table in ["meta", "delivery", "run", "journal", "body_write"] {
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
                sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&self.pool).await.expect("a trigger");
            }
        }
    }

    /// Waits for the last statement and closes the file.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
