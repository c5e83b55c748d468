//! The store as somebody beside the service sees it: where it lies, who has it, what the last deliveries were. Changes
//! nothing.
//!
//! Race decided here: to ask whether the lock is held takes it for a moment, shared, so two who ask do not see each other.
//! A service that starts in that very moment is refused, and starts again.

use super::{
    BUSY_TIMEOUT, JournalRow, MissedEvents, Missing, RunId, RunRow, StoreResult, connect, journal, missed,
    names, place, real_path,
};
use jiff::Timestamp;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Who has the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody.
    Nobody,
    /// A running caretaker, with its process where the system tells.
    Somebody(Option<u32>),
}

/// The place of a store.
#[derive(Debug)]
pub(crate) struct Look {
    /// Where the file really lies.
    pub(crate) path: PathBuf,
    /// Whether it is there.
    pub(crate) exists: bool,
    /// The network file system that it lies on; `None` where it is none that is known.
    pub(crate) network: io::Result<Option<String>>,
    /// How much room there is beside it.
    pub(crate) free_bytes: io::Result<u64>,
    /// Whether whoever asks may write there.
    pub(crate) writable: io::Result<()>,
    /// Who has it.
    pub(crate) holder: io::Result<Holder>,
}

/// Looks at the place of a store. Blocks: a disk may hang.
pub(crate) fn look(path: &Path) -> Look {
    let path = real_path(path);
    let folder = place::folder(&path);
    let exists = path.is_file();
    let writable =
        |what: &Path| rustix::fs::access(what, rustix::fs::Access::WRITE_OK).map_err(io::Error::from);
    Look {
        network: place::network_file_system(folder),
        free_bytes: place::free_bytes(folder),
        writable: writable(folder).and_then(|()| if exists { writable(&path) } else { Ok(()) }),
        holder: holder(&path.with_extension("lock")),
        exists,
        path,
    }
}

fn holder(lock: &Path) -> io::Result<Holder> {
    let file = match File::open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => {
            use std::os::unix::fs::MetadataExt;
            let inode = file.metadata()?.ino();
            // Without that list, or in a container that does not see the process, it is somebody all the same.
            let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
            Ok(Holder::Somebody(process(&locks, inode)))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The process that has a lock on a file, out of the text of `/proc/locks`. Two files of the same number on two disks look
/// alike: only for people.
fn process(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        // 1: FLOCK  ADVISORY  WRITE 4711 08:02:131 0 EOF
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", process, place, ..] = words.as_slice() else { return None };
        (place.rsplit(':').next()? == inode.to_string()).then(|| process.parse().ok())?
    })
}

/// A store that is read beside the service.
#[derive(Debug)]
pub(crate) struct Reader {
    pool: SqlitePool,
}

impl Reader {
    /// Opens what is there.
    pub(crate) async fn open(path: &Path) -> StoreResult<Self> {
        let options =
            SqliteConnectOptions::new().filename(real_path(path)).read_only(true).busy_timeout(BUSY_TIMEOUT);
        Ok(Self { pool: connect(options, 1).await? })
    }

    /// When the last delivery of a repository arrived.
    pub(crate) async fn last_delivery(&self, repository: &str) -> StoreResult<Option<Timestamp>> {
        missed::last_delivery(&self.pool, repository).await
    }

    /// The missed events of every repository that has any.
    pub(crate) async fn missed_events(&self, missing: Missing) -> StoreResult<Vec<(String, MissedEvents)>> {
        missed::missed_events(&self.pool, missing).await
    }

    /// The open runs of every repository, newest first.
    pub(crate) async fn all_open_runs(&self) -> StoreResult<Vec<RunRow>> {
        journal::all_open_runs(&self.pool).await
    }

    /// Every name that is known of a repository.
    pub(crate) async fn repository_names(&self) -> StoreResult<Vec<(u64, String)>> {
        names::repository_names(&self.pool).await
    }

    /// The journal of a run.
    pub(crate) async fn journal(&self, run: RunId) -> StoreResult<Vec<JournalRow>> {
        journal::journal(&self.pool, run, None).await
    }

    /// Lets go of it.
    pub(crate) async fn close(self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Delivery, Missing, Store};
    use super::{Holder, Reader, look, process};
    use jiff::Timestamp;

    #[test]
    fn the_process_that_has_a_lock_is_found() {
        let locks = "1: POSIX  ADVISORY  WRITE 10 08:02:131 0 EOF\n2: FLOCK  ADVISORY  READ 11 08:02:131 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 12 08:02:131 0 EOF\n3: FLOCK  ADVISORY  WRITE 13 08:02:131 0 EOF\n";
        assert_eq!(process(locks, 131), Some(13));
        assert_eq!(process(locks, 13), None);
        assert_eq!(process("", 131), None);
    }

    #[tokio::test]
    async fn a_store_is_read_beside_whoever_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("caretaker.sqlite");
        let before = look(&path);
        assert!(!before.exists && before.writable.is_ok());
        assert_eq!(before.holder.unwrap(), Holder::Nobody);
        assert!(!path.with_extension("lock").exists(), "a look makes nothing");

        let store = Store::open(&path).await.unwrap();
        let held = look(&path);
        assert!(held.exists && held.free_bytes.unwrap() > 0);
        assert!(matches!(held.holder.unwrap(), Holder::Somebody(_)));
        let reader = Reader::open(&path).await.unwrap();
        assert_eq!(reader.last_delivery("ops/homelab").await.unwrap(), None);
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let delivery = Delivery {
            id: "a".to_owned(),
            received_at: at,
            event: "push".to_owned(),
            action: String::new(),
            repository: "ops/homelab".to_owned(),
            issue: None,
            sender: "operator".to_owned(),
            evidence: None,
        };
        store.put_deliveries(&[&delivery]).await.unwrap();
        store.count_missed_event("ops/homelab", Missing::Up, at, None).await.unwrap();
        assert_eq!(reader.last_delivery("ops/homelab").await.unwrap(), Some(at));
        assert_eq!(reader.missed_events(Missing::Up).await.unwrap()[0].1.count, 1);
        store.open_run("ops/homelab", 7, at).await.unwrap();
        assert_eq!(reader.all_open_runs().await.unwrap()[0].issue, 7);
        reader.close().await;
        store.close().await;
        assert_eq!(look(&path).holder.unwrap(), Holder::Nobody);
        let reader = Reader::open(&path).await.unwrap();
        assert_eq!(reader.last_delivery("ops/homelab").await.unwrap(), Some(at), "also when nobody has it");
    }
}
