//! What the programmatic handle takes and gives: plain values, copies of the state at one moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::git::{Mode, Sha};

/// A request that the server refuses, over HTTP or through the handle, with the status it answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The message of the answer's body.
    pub message: String,
    pub(crate) kind: RefusalKind,
}

/// How the body of a refusal is written, which depends on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// The message as it is.
    Plain,
    /// What is asked for is not there; the message names it or not.
    Missing { named: bool },
    /// What git said of a merge in this style.
    MergeConflict { style: &'static str },
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), kind: RefusalKind::Plain }
    }

    pub(crate) fn not_found() -> Self {
        Self { kind: RefusalKind::Missing { named: false }, ..Self::new(404, "not found") }
    }

    /// As [`Self::not_found`], with the name of what is missing.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Missing { named: true }, ..Self::new(404, message) }
    }

    pub(crate) fn merge_conflict(style: &'static str) -> Self {
        let kind = RefusalKind::MergeConflict { style };
        Self { kind, ..Self::new(409, "merge failed because of conflict") }
    }
}

/// What a user may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// See it.
    Read,
    /// Change its content, issues and pull requests.
    Write,
    /// Change its settings.
    Admin,
}

impl Permission {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            "admin" | "owner" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// One change of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Creates a file or replaces its content.
    Write {
        /// Path from the root of the repository.
        path: String,
        /// The whole content.
        content: Vec<u8>,
        /// Whether the file may be executed.
        executable: bool,
    },
    /// Creates a symbolic link.
    Symlink {
        /// Path from the root of the repository.
        path: String,
        /// Where the link points to.
        target: String,
    },
    /// Removes a file.
    Delete {
        /// Path from the root of the repository.
        path: String,
    },
}

impl FileChange {
    /// A plain text file.
    pub fn text(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self::Write { path: path.into(), content: content.into().into_bytes(), executable: false }
    }
}

/// A commit to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The login of who writes and pushes it.
    pub author: String,
    /// The message.
    pub message: String,
    /// What it changes.
    pub files: Vec<FileChange>,
    /// The branch or commit to build on. `None`: on top of the branch that is pushed to. Otherwise the branch is
    /// created from there, or, if it exists, replaced (a forced push).
    pub from: Option<String>,
}

/// A file at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Plain, executable or symbolic link.
    pub mode: Mode,
    /// The id of its content.
    pub blob: Sha,
    /// Its content.
    pub content: Vec<u8>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub sha: Sha,
    /// First parent first.
    pub parents: Vec<Sha>,
    /// The whole message, ending in a line feed.
    pub message: String,
    /// The author's name.
    pub author: String,
    /// When it was committed.
    pub when: Timestamp,
}

/// Whether an issue or pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueState {
    /// Open.
    Open,
    /// Closed (a merged pull request is closed too).
    Closed,
}

impl IssueState {
    /// The word of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// An issue (or a pull request, seen as an issue).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueView {
    /// The number in the repository.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// Open or closed.
    pub state: IssueState,
    /// The names of the labels, sorted.
    pub labels: Vec<String>,
    /// The login of who opened it.
    pub author: String,
    /// Raised by every edit of the body.
    pub content_version: i64,
    /// When it was opened.
    pub created: Timestamp,
    /// When anything about it last changed.
    pub updated: Timestamp,
    /// Whether it is a pull request.
    pub is_pull: bool,
}

/// A comment on an issue or a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentView {
    /// The id, unique on the server.
    pub id: u64,
    /// The login of who wrote it.
    pub author: String,
    /// The text.
    pub body: String,
    /// When it was written.
    pub created: Timestamp,
    /// When it was last edited.
    pub updated: Timestamp,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullView {
    /// The number in the repository.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The body.
    pub body: String,
    /// Open or closed; a merged one is closed.
    pub state: IssueState,
    /// Whether it was merged.
    pub merged: bool,
    /// The commit that the merge put on the base branch.
    pub merge_commit: Option<Sha>,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// The branch it comes from.
    pub head_branch: String,
    /// The newest commit of that branch.
    pub head_sha: Sha,
    /// The branch it goes to.
    pub base_branch: String,
    /// The newest commit of the base branch.
    pub base_sha: Sha,
    /// As the API shows it: false while it is being computed.
    pub mergeable: bool,
    /// The names of the labels, sorted.
    pub labels: Vec<String>,
    /// The login of who opened it.
    pub author: String,
}

/// Whether a commit status is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusState {
    /// All is well.
    Success,
    /// Nothing was checked.
    Skipped,
    /// Still running.
    Pending,
    /// Good with a remark.
    Warning,
    /// The check failed.
    Failure,
    /// The check could not be carried out.
    Error,
}

impl StatusState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Skipped => "skipped",
            Self::Pending => "pending",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Success, Self::Skipped, Self::Pending, Self::Warning, Self::Failure, Self::Error]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// The rules of a protected branch.
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as the server has them")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protection {
    /// Whether writers may push to it at all.
    pub enable_push: bool,
    /// Whether the statuses below must be good before a merge.
    pub enable_status_check: bool,
    /// The contexts of the required statuses.
    pub status_check_contexts: Vec<String>,
    /// How many approving reviews a merge needs.
    pub required_approvals: i64,
    /// Whether a rejecting review blocks a merge.
    pub block_on_rejected_reviews: bool,
    /// Whether the head must contain the newest commit of the base.
    pub block_on_outdated_branch: bool,
}

/// Something that happened on the server, for those who watch it from inside the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A branch was created (`before` is `None`), moved, or deleted (`after` is `None`).
    Push {
        /// The owner of the repository.
        owner: String,
        /// The name of the repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The commit before.
        before: Option<Sha>,
        /// The commit after.
        after: Option<Sha>,
        /// The login of who pushed.
        by: String,
    },
    /// Something happened to an issue.
    Issue(Change),
    /// Something happened to a pull request.
    Pull(Change),
}

/// What happened to an issue or a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The owner of the repository.
    pub owner: String,
    /// The name of the repository.
    pub repo: String,
    /// The number.
    pub number: u64,
    /// The login of who did it.
    pub by: String,
    /// What was done.
    pub what: ChangeWhat,
}

/// The kinds of [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeWhat {
    /// It was opened.
    Opened,
    /// Its body was edited.
    BodyEdited,
    /// Its title was edited.
    TitleEdited,
    /// It was closed without being merged.
    Closed,
    /// It was opened again.
    Reopened,
    /// Its labels changed.
    LabelsChanged,
    /// Its assignees changed.
    AssigneesChanged,
    /// Its head branch was pushed to.
    Synchronized,
    /// It was merged, by this commit.
    Merged(Sha),
    /// A comment was written.
    CommentCreated(u64),
    /// A comment was edited.
    CommentEdited(u64),
    /// A comment was deleted.
    CommentDeleted(u64),
}

/// The files at a revision, by path.
pub type FileMap = BTreeMap<String, FileEntry>;
