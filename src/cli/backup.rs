//! `caretaker backup`: a copy of the store beside the running service.

use super::common::Format;
use super::failure::{Exit, Failure};
use crate::config;
use crate::store::{self, Backup, BackupError};
use clap::Args;
use std::path::{Path, PathBuf};

/// Copy the store to a new file while the service goes on, and verify the copy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caretaker backup /backup/caretaker-2026-11-21.sqlite
  caretaker backup copy.sqlite --format json --config /etc/caretaker/caretaker.toml

The service may run or be stopped; nothing is written over. To restore: stop the service, move the
store and the files beside it (-wal, -shm) away, put the copy in their place, start the service.

Exit codes:
  0  copied and verified
  1  the copy could not be written, or was not sound and was thrown away
  2  wrong arguments or settings, or the target is there already
  3  the store is not there or cannot be read")]
pub(super) struct Arguments {
    /// The file that is made.
    target: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<(), Failure> {
        let settings = config::load(named)?.settings;
        let done = store::backup(&settings.store.path, &self.target).await.map_err(failure)?;
        self.format.print(&done, |done| format!("{}\n", sentence(done)))
    }
}

fn sentence(done: &Backup) -> String {
    let rows: Vec<String> = done.rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    format!("{}: copied and verified, {} bytes; rows: {}", done.target.display(), done.bytes, rows.join(", "))
}

fn failure(error: BackupError) -> Failure {
    let (exit, advice) = match &error {
        BackupError::Exists { .. } => (Exit::Settings, "name a file that is not there yet"),
        BackupError::NoStore { .. } => {
            (Exit::Unreachable, "look at `store.path`; a relative one begins where the service was started")
        }
        BackupError::Write { .. } => (Exit::Failed, "does the target's folder exist, and may it be written?"),
        BackupError::Copy(_) => {
            (Exit::Unreachable, "look whether the store may be read, and whether the target's disk has room")
        }
        BackupError::TooSlow => (Exit::Failed, "look at the disks of store and target"),
        BackupError::Unsound(_) => (
            Exit::Failed,
            "look at the disks; `PRAGMA integrity_check` tells whether the store itself is sound",
        ),
    };
    Failure::new(exit, error, advice)
}
