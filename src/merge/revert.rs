//! Undoing a merge in Git: the files as they were, in one commit, or not at all.
//!
//! Races decided here: a file that anybody changed since the merge is not written over (the plan refuses, and the forge
//! refuses again by the content's id, should it change in between); whether a revert of ours happened is read from a
//! trailer in the branch's commits, not from an answer that may have been lost.

use crate::forge::{BlobSha, Commit, CommitSha, EntryKind, FileWrite, IssueNumber, PullNumber};

/// What a commit of ours ends with, besides the step's id.
pub(crate) const STEP_TRAILER: &str = "Caretaker-Step";

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
    /// On the base that it was merged onto.
    pub(crate) before: Option<Entry>,
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

/// How one file gets back to what it was. Contents are named, not held: what cannot go back is refused before any is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WayBack {
    /// It gets its old contents.
    Update {
        /// Where.
        path: String,
        /// The old contents.
        old: BlobSha,
        /// What the merge made.
        merged: BlobSha,
    },
    /// It is made again.
    Create {
        /// Where.
        path: String,
        /// The old contents.
        old: BlobSha,
    },
    /// It goes.
    Delete {
        /// Where.
        path: String,
        /// What the merge made.
        merged: BlobSha,
    },
}

impl WayBack {
    /// Where.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Update { path, .. } | Self::Create { path, .. } | Self::Delete { path, .. } => path,
        }
    }

    /// The contents that it has to get.
    pub(crate) fn old(&self) -> Option<&BlobSha> {
        match self {
            Self::Update { old, .. } | Self::Create { old, .. } => Some(old),
            Self::Delete { .. } => None,
        }
    }

    /// The contents that the merge gave it.
    pub(crate) fn merged(&self) -> Option<&BlobSha> {
        match self {
            Self::Update { merged, .. } | Self::Delete { merged, .. } => Some(merged),
            Self::Create { .. } => None,
        }
    }

    /// What is to be written, with the old contents.
    pub(crate) fn write(self, content: Vec<u8>) -> FileWrite {
        match self {
            Self::Update { path, merged, .. } => FileWrite::Update { path, content, expected: merged },
            Self::Create { path, .. } => FileWrite::Create { path, content },
            Self::Delete { path, merged } => FileWrite::Delete { path, expected: merged },
        }
    }
}

/// What has to be written so that the files are as they were.
pub(crate) fn ways_back(paths: &[PathHistory]) -> Result<Vec<WayBack>, RevertRefused> {
    let mut ways = Vec::new();
    for history in paths {
        if history.now != history.merged {
            return Err(RevertRefused::ChangedSince(history.path.clone()));
        }
        let refuse = |why| Err(RevertRefused::NotAPlainFile { path: history.path.clone(), why });
        let path = history.path.clone();
        match (&history.before, &history.merged) {
            (None, None) => {}
            (Some(before), Some(merged)) if before == merged => {}
            (Some(before), Some(merged)) => {
                if before.kind != merged.kind {
                    return refuse("its mode or kind changed");
                }
                if !matches!(merged.kind, EntryKind::File | EntryKind::Executable) {
                    return refuse("it is not a regular file");
                }
                ways.push(WayBack::Update { path, old: before.blob.clone(), merged: merged.blob.clone() });
            }
            (None, Some(merged)) => {
                if !matches!(merged.kind, EntryKind::File | EntryKind::Executable) {
                    return refuse("it is not a regular file");
                }
                ways.push(WayBack::Delete { path, merged: merged.blob.clone() });
            }
            (Some(before), None) => {
                if before.kind != EntryKind::File {
                    return refuse("it was not a plain file, and cannot be made again as it was");
                }
                ways.push(WayBack::Create { path, old: before.blob.clone() });
            }
        }
    }
    if ways.is_empty() { Err(RevertRefused::NothingToDo) } else { Ok(ways) }
}

/// Refuses a file whose contents lie elsewhere: written back, the forge would keep the pointer as the contents.
pub(crate) fn refuse_pointer(path: &str, content: &[u8]) -> Result<(), RevertRefused> {
    if content.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Err(RevertRefused::NotAPlainFile {
            path: path.to_owned(),
            why: "Git LFS keeps its contents elsewhere",
        });
    }
    Ok(())
}

/// The branch of a pull request that undoes a merge.
pub(crate) fn revert_branch(pull: PullNumber) -> String {
    format!("caretaker/revert-{pull}")
}

/// The title of what undoes a merge.
pub(crate) fn revert_title(title: &str, pull: PullNumber) -> String {
    format!("Revert \"{} (#{pull})\"", one_line(title))
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
        "{}\n\nThis reverts commit {merge}, for maintenance issue #{issue}: {}\n\n{STEP_TRAILER}: {}",
        revert_title(title, pull),
        one_line(reason),
        one_line(step)
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commit that a step made: the one whose trailers hold the step's. A squash adds trailers of its own, in a paragraph
/// of theirs or in ours.
pub(crate) fn find_step<'a>(commits: &'a [Commit], step: &str) -> Option<&'a Commit> {
    let wanted = format!("{STEP_TRAILER}: {step}");
    commits.iter().find(|commit| {
        let message = commit.message.replace("\r\n", "\n");
        let mut paragraphs: Vec<&str> = message.trim_end().split("\n\n").collect();
        // The first paragraph is the title; a message of one alone has no trailers.
        paragraphs.remove(0);
        let trailers = paragraphs.iter().rev().take_while(|paragraph| paragraph.lines().all(is_trailer));
        // The last paragraph may hold other text beside its trailers.
        let last = paragraphs.last().into_iter();
        last.chain(trailers).any(|paragraph| paragraph.lines().any(|line| line.trim_end() == wanted))
    })
}

fn is_trailer(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(key, _)| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}
