//! Undoing a merge in Git: the files as they were, in one commit, or not at all.
//!
//! Races decided here: a file that anybody changed since the merge is not written over (the plan refuses, and the forge
//! refuses again by the content's id, should it change in between); whether a revert of ours happened is read from a
//! trailer in the branch's commits, not from an answer that may have been lost.

use crate::forge::{BlobSha, Commit, CommitSha, EntryKind, FileWrite, IssueNumber, PullNumber};

/// What a commit of ours ends with, besides the step's id.
pub(crate) const STEP_TRAILER: &str = "Caretaker-Step";

/// What lay at a path, with its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WholeEntry {
    /// What it was.
    pub(crate) kind: EntryKind,
    /// Its content's id.
    pub(crate) blob: BlobSha,
    /// Its bytes.
    pub(crate) content: Vec<u8>,
}

/// What lay at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is.
    pub(crate) kind: EntryKind,
    /// Its content's id.
    pub(crate) blob: BlobSha,
}

/// A path that the merge touched, at three commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathHistory {
    /// Where.
    pub(crate) path: String,
    /// On the merge's first parent.
    pub(crate) before: Option<WholeEntry>,
    /// On the merge commit.
    pub(crate) merged: Option<Entry>,
    /// On the branch's head now.
    pub(crate) now: Option<Entry>,
}

/// Why a merge is not undone by caretaker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RevertRefused {
    /// Somebody changed it since.
    #[error("{0} was changed since the merge")]
    ChangedSince(String),
    /// It is, or was, something that the forge's API cannot write as it was.
    #[error("{path}: {why}")]
    NotAPlainFile {
        /// Where.
        path: String,
        /// What.
        why: &'static str,
    },
    /// The merge left every file as it was.
    #[error("the merge changed no file")]
    NothingToDo,
}

/// What has to be written so that the files are as they were.
pub(crate) fn plan_revert(paths: &[PathHistory]) -> Result<Vec<FileWrite>, RevertRefused> {
    let mut writes = Vec::new();
    for history in paths {
        if history.now != history.merged {
            return Err(RevertRefused::ChangedSince(history.path.clone()));
        }
        let refuse = |why| Err(RevertRefused::NotAPlainFile { path: history.path.clone(), why });
        let path = history.path.clone();
        match (&history.before, &history.merged) {
            (None, None) => {}
            (Some(before), Some(merged)) if before.blob == merged.blob && before.kind == merged.kind => {}
            (Some(before), Some(merged)) => {
                if before.kind != merged.kind {
                    return refuse("its mode or kind changed");
                }
                if !matches!(merged.kind, EntryKind::File | EntryKind::Executable) {
                    return refuse("it is not a regular file");
                }
                writes.push(FileWrite::Update {
                    path,
                    content: before.content.clone(),
                    expected: merged.blob.clone(),
                });
            }
            (None, Some(merged)) => {
                if !matches!(merged.kind, EntryKind::File | EntryKind::Executable) {
                    return refuse("it is not a regular file");
                }
                writes.push(FileWrite::Delete { path, expected: merged.blob.clone() });
            }
            (Some(before), None) => {
                if before.kind != EntryKind::File {
                    return refuse("it was not a plain file, and cannot be made again as it was");
                }
                writes.push(FileWrite::Create { path, content: before.content.clone() });
            }
        }
    }
    if writes.is_empty() { Err(RevertRefused::NothingToDo) } else { Ok(writes) }
}

/// A merge commit's message, as title and the rest.
pub(crate) fn merge_message(
    title: &str,
    pull: PullNumber,
    issue: IssueNumber,
    step: &str,
) -> (String, String) {
    (
        format!("{} (#{pull})", one_line(title)),
        format!("Merged for maintenance issue #{issue}.\n\n{STEP_TRAILER}: {}", one_line(step)),
    )
}

/// A revert's whole message.
pub(crate) fn revert_message(
    title: &str,
    pull: PullNumber,
    merge: &CommitSha,
    issue: IssueNumber,
    reason: &str,
    step: &str,
) -> String {
    format!(
        "Revert \"{} (#{pull})\"\n\nThis reverts commit {merge}, for maintenance issue #{issue}: {}\n\n\
         {STEP_TRAILER}: {}",
        one_line(title),
        one_line(reason),
        one_line(step)
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commit that a step made: the one whose last paragraph holds the step's trailer.
pub(crate) fn find_step<'a>(commits: &'a [Commit], step: &str) -> Option<&'a Commit> {
    let wanted = format!("{STEP_TRAILER}: {step}");
    commits.iter().find(|commit| {
        let message = commit.message.replace("\r\n", "\n");
        let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
        // A message of one paragraph is its title, and has no trailers.
        message.trim_end().contains("\n\n") && last.lines().any(|line| line.trim_end() == wanted)
    })
}
