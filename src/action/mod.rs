//! Typed actions: what caretaker does in a cluster besides merging. Commands written in an issue are parsed into these;
//! what is not understood is not run, and nothing here ever goes through a shell.

mod ceph_crash;
mod parse;

pub(crate) use ceph_crash::{ActionError, archive_crashes, redacted};
pub(crate) use parse::{Command, parse};

use serde::{Deserialize, Serialize};

/// Something caretaker can do by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub(crate) enum Action {
    /// Read the new crash reports of Ceph into the evidence, then archive them.
    CephCrashArchive,
    /// The same for one report.
    CephCrashArchiveOne {
        /// Its id.
        id: String,
    },
}
