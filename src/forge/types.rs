//! Our own words for what a forge holds.

use super::merging::{MergeStyle, Merged};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}", self.0)
            }
        }
    };
}

number!(
    /// The number of an issue in its repository. Pull requests share the numbers.
    IssueNumber
);
number!(
    /// The number of a pull request in its repository.
    PullNumber
);
number!(
    /// The id of a label.
    LabelId
);
number!(
    /// The id of a comment.
    CommentId
);
number!(
    /// The id of an account.
    AccountId
);

impl PullNumber {
    /// The same thing seen as an issue.
    pub(crate) fn as_issue(self) -> IssueNumber {
        IssueNumber(self.0)
    }
}

/// `owner/name` of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct RepositoryName {
    /// A user or an organisation.
    pub(crate) owner: String,
    /// The repository's own name.
    pub(crate) name: String,
}

/// A text that is not `owner/name`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a repository: write it as owner/name")]
pub(crate) struct NotARepositoryName(String);

impl FromStr for RepositoryName {
    type Err = NotARepositoryName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if allowed(owner) && allowed(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(NotARepositoryName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = NotARepositoryName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

/// A commit's id: 40 (or, with SHA-256, 64) lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CommitSha(String);

/// A text that is not a commit's id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a commit id")]
pub(crate) struct NotACommit(String);

impl CommitSha {
    /// The whole id.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    pub(crate) fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl FromStr for CommitSha {
    type Err = NotACommit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex && matches!(text.len(), 40 | 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotACommit(text.to_owned()))
        }
    }
}

impl TryFrom<String> for CommitSha {
    type Error = NotACommit;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A blob's id, as the forge gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BlobSha(pub(crate) String);

/// A user of the forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The account's id; never changes.
    pub(crate) id: AccountId,
    /// The account's name.
    pub(crate) login: String,
}

/// Who owns a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerKind {
    /// A person's own repository.
    Person,
    /// An organisation's.
    Organisation,
}

/// A repository, with what this token may do in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own name at the forge")]
pub(crate) struct Repository {
    /// Its number, which stays when it is renamed; `None` where the forge does not tell.
    pub(crate) id: Option<u64>,
    /// Its name as the server spells it.
    pub(crate) name: RepositoryName,
    /// Whether a person or an organisation owns it, where the forge tells.
    pub(crate) owner_kind: Option<OwnerKind>,
    /// The branch that watchers follow.
    pub(crate) default_branch: String,
    /// Whether outsiders can read it.
    pub(crate) private: bool,
    /// Read-only.
    pub(crate) archived: bool,
    /// This token's account may push.
    pub(crate) can_push: bool,
    /// This token's account administers it.
    pub(crate) can_administer: bool,
    /// The ways of merging that its settings allow.
    pub(crate) merge_styles: BTreeSet<MergeStyle>,
    /// Addresses under which it can be cloned.
    pub(crate) clone_urls: Vec<String>,
    /// The web page.
    pub(crate) html_url: String,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Label {
    /// What PUT and DELETE take.
    pub(crate) id: LabelId,
    /// What people see.
    pub(crate) name: String,
}

/// Open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Open.
    Open,
    /// Closed (or merged, for a pull request).
    Closed,
}

/// An issue, or a pull request in its form as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issue {
    /// Its number.
    pub(crate) number: IssueNumber,
    /// Its title.
    pub(crate) title: String,
    /// Its text, byte for byte.
    pub(crate) body: String,
    /// Open or closed.
    pub(crate) state: State,
    /// Its labels.
    pub(crate) labels: Vec<Label>,
    /// Who opened it.
    pub(crate) author: Account,
    /// The body's version, where the server counts it (Gitea from 1.26).
    pub(crate) content_version: Option<i64>,
    /// When it was opened.
    pub(crate) created_at: Timestamp,
    /// When anything about it last changed.
    pub(crate) updated_at: Timestamp,
    /// Whether it is a pull request.
    pub(crate) is_pull: bool,
    /// The web page.
    pub(crate) html_url: String,
}

impl Issue {
    /// Whether it carries a label of that name.
    pub(crate) fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.name == name)
    }
}

/// An issue that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewIssue {
    /// Its title.
    pub(crate) title: String,
    /// Its text.
    pub(crate) body: String,
    /// Its labels.
    pub(crate) labels: Vec<LabelId>,
}

/// A change of an issue; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IssueEdit {
    /// The new title.
    pub(crate) title: Option<String>,
    /// The new body.
    pub(crate) body: Option<String>,
    /// The new state.
    pub(crate) state: Option<State>,
    /// The version that the new body was computed from.
    pub(crate) content_version: Option<i64>,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Its id.
    pub(crate) id: CommentId,
    /// Who wrote it. Stays when another account edits it.
    pub(crate) author: Account,
    /// Its text.
    pub(crate) body: String,
    /// When it was written.
    pub(crate) created_at: Timestamp,
    /// Differs from `created_at` once anybody edited it.
    pub(crate) updated_at: Timestamp,
}

/// One side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullSide {
    /// The branch's name; `refs/pull/N/head` when it is gone.
    pub(crate) branch: String,
    /// Its commit.
    pub(crate) sha: CommitSha,
    /// The repository that holds it; `None` when it is gone.
    pub(crate) repository: Option<RepositoryName>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullRequest {
    /// Its number.
    pub(crate) number: PullNumber,
    /// Its title.
    pub(crate) title: String,
    /// Its description.
    pub(crate) body: String,
    /// Open or closed.
    pub(crate) state: State,
    /// A draft cannot be merged.
    pub(crate) draft: bool,
    /// The forge's last word on conflicts: false also while it still checks. Never a promise.
    pub(crate) mergeable: bool,
    /// Whether it was merged, when, and into which commit.
    pub(crate) merged: Option<Merged>,
    /// Where the change is.
    pub(crate) head: PullSide,
    /// Where it goes. `sha` is the base as the forge last looked at it.
    pub(crate) base: PullSide,
    /// Who opened it.
    pub(crate) author: Account,
    /// Its labels.
    pub(crate) labels: Vec<Label>,
    /// The body's version, where the server counts it.
    pub(crate) content_version: Option<i64>,
    /// The web page.
    pub(crate) html_url: String,
}

/// How a file is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileChangeKind {
    /// New.
    Added,
    /// Other contents.
    Changed,
    /// Gone.
    Deleted,
    /// Another name, perhaps other contents.
    Renamed,
    /// A word we do not know: never to be reasoned about.
    Other,
}

/// One file of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedFile {
    /// Where it is now.
    pub(crate) path: String,
    /// Where it was, for a rename.
    pub(crate) previous_path: Option<String>,
    /// What happens to it.
    pub(crate) kind: FileChangeKind,
}

/// What a commit status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusState {
    /// Passed.
    Success,
    /// Not finished.
    Pending,
    /// Failed, errored, warned, or a word we do not know.
    Failure,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitStatus {
    /// Which check.
    pub(crate) context: String,
    /// What it says.
    pub(crate) state: StatusState,
    /// In its own words.
    pub(crate) description: String,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    /// Its head.
    pub(crate) head: CommitSha,
    /// Whether rules protect it.
    pub(crate) protected: bool,
    /// The contexts (globs) that must succeed before a merge.
    pub(crate) required_statuses: Vec<String>,
    /// How many approving reviews a merge needs.
    pub(crate) required_approvals: u64,
    /// Whether this token's account may push to it.
    pub(crate) can_push: bool,
    /// Whether this token's account may merge into it.
    pub(crate) can_merge: bool,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Its id.
    pub(crate) sha: CommitSha,
    /// Its parents, the branch that was merged into first.
    pub(crate) parents: Vec<CommitSha>,
    /// The whole message.
    pub(crate) message: String,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A regular file.
    File,
    /// A regular file that may be executed.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A submodule.
    Submodule,
    /// A folder.
    Folder,
}

/// A path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// From the repository's root.
    pub(crate) path: String,
    /// What lies there.
    pub(crate) kind: EntryKind,
    /// Its content's id.
    pub(crate) blob: BlobSha,
}

/// A file at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileAt {
    /// Its bytes.
    pub(crate) content: Vec<u8>,
    /// Its content's id.
    pub(crate) blob: BlobSha,
}

/// One file of a commit to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileWrite {
    /// A file that must not be there yet.
    Create {
        /// Where.
        path: String,
        /// What.
        content: Vec<u8>,
    },
    /// A file that must still have these contents.
    Update {
        /// Where.
        path: String,
        /// What.
        content: Vec<u8>,
        /// What must be there now.
        expected: BlobSha,
    },
    /// A file that must still have these contents, and goes.
    Delete {
        /// Where.
        path: String,
        /// What must be there now.
        expected: BlobSha,
    },
}

/// A commit over the contents API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilesCommit {
    /// The branch that it is made on.
    pub(crate) branch: String,
    /// A branch that is made for it from there, where it does not go to the branch itself.
    pub(crate) new_branch: Option<String>,
    /// The whole message, trailers included.
    pub(crate) message: String,
    /// What it changes; never empty.
    pub(crate) files: Vec<FileWrite>,
}
