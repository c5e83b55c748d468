//! The Git server: Gitea or Forgejo.
//!
//! Everything above this module speaks in the types of [`types`]; what a server sends never leaves here undigested.
//! Races decided here: a write whose answer was lost is never repeated blindly (only reads are retried), and an edit
//! carries the `content_version` that it was computed from, so that a person's edit in between is an error
//! ([`ForgeError::Conflict`]) and not a loss.

mod admin;
mod circuit;
mod gitea;
mod http;
mod merging;
mod refusal;
pub(crate) mod renovate;
mod route;
mod server;
mod settings;
mod traffic;
mod types;
mod wire;

pub(crate) use admin::{Hook, HookDraft, HookId, OwnAccount, Permission};
pub(crate) use gitea::Gitea;
pub(crate) use http::ClientError;
pub(crate) use merging::*;
pub(crate) use server::{Server, ServerKind, Tried};
pub(crate) use settings::Settings;
pub(crate) use settings::SettingsError;
pub(crate) use traffic::Traffic;
pub(crate) use types::*;

use crate::cluster::ClusterLease;
use async_trait::async_trait;
use jiff::Timestamp;
use std::time::Duration;

/// How long a request that moves a branch may take: a merge, or a commit of files. Longer than any other request, since
/// Gitea does such work inside the request, with hooks, a push and its database at the end: on a busy machine that takes
/// many seconds, and a client that goes away cuts it off in the middle (seen on Gitea 1.27.1: the branch was moved, the
/// pull request stayed open). No setting: the cluster's lock and the end of the process are measured by it.
pub(crate) const BRANCH_WRITE_TIMEOUT: Duration = Duration::from_secs(45);

/// Why the forge did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForgeError {
    /// 401: the token is unknown to the server. A person mends this.
    #[error("the forge does not know the token ({said})")]
    Unauthorized {
        /// The forge's own words.
        said: String,
    },
    /// 403: a scope or a permission is missing. A person mends this.
    #[error("the forge refuses {what}: {said}")]
    Forbidden {
        /// The request, as method and path.
        what: String,
        /// The forge's own words; may be empty.
        said: String,
    },
    /// 404: not there, or the token may not see it.
    #[error("{what} does not exist or may not be seen with this token")]
    NotFound {
        /// The request, as method and path.
        what: String,
    },
    /// 301/307: the repository has another name now. Never followed: a followed PATCH becomes a GET.
    #[error("the repository was renamed: it is now at {location}")]
    Renamed {
        /// The `Location` header.
        location: String,
    },
    /// 409 (or 400 on older servers): somebody else was faster. Read again and decide again.
    #[error("the forge refuses {what}, it changed meanwhile: {said}")]
    Conflict {
        /// The request, as method and path.
        what: String,
        /// The forge's own words.
        said: String,
    },
    /// Any other refusal (405, 412, 422, 423, ...): repeating it changes nothing.
    #[error("the forge refuses {what} with {status}: {said}")]
    Refused {
        /// The request, as method and path.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The forge's own words.
        said: String,
    },
    /// 5xx, a time-out or a broken connection: a write may or may not have happened.
    #[error("the forge does not answer {what}: {said}")]
    Unavailable {
        /// The request, as method and path.
        what: String,
        /// What was seen instead of an answer.
        said: String,
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
    },
    /// The answer could not be read.
    #[error("the answer of the forge to {what} could not be read: {said}")]
    Unreadable {
        /// The request, as method and path.
        what: String,
        /// What did not fit.
        said: String,
    },
}

impl ForgeError {
    /// Whether the world has to be asked what happened: a write that ended so may have taken effect.
    pub(crate) fn is_uncertain(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreadable { .. })
    }

    /// Whether a person has to mend something before it can work.
    pub(crate) fn needs_person(&self) -> bool {
        matches!(self, Self::Unauthorized { .. } | Self::Forbidden { .. } | Self::Renamed { .. })
    }
}

/// A result of this layer.
pub(crate) type ForgeResult<T> = Result<T, ForgeError>;

/// What caretaker asks of a forge. One implementation speaks to a real server; behind a trait so that decisions can be
/// tested without one.
#[async_trait]
pub(crate) trait Forge: Send + Sync + std::fmt::Debug {
    /// What the server is, by its own words (`/version`).
    async fn server(&self) -> ForgeResult<Server>;
    /// What was asked of the forge so far, and whether it is left alone since it is down.
    fn traffic(&self) -> Traffic;
    /// Whose token this is (`/user`).
    async fn account(&self) -> ForgeResult<Account>;
    /// Every repository that this token's account owns or works in, by itself or in a team, with what it may do there.
    async fn repositories(&self) -> ForgeResult<Vec<Repository>>;
    /// The repository, with what this token may do in it.
    async fn repository(&self, repository: &RepositoryName) -> ForgeResult<Repository>;
    /// Every label of the repository (all pages).
    async fn labels(&self, repository: &RepositoryName) -> ForgeResult<Vec<Label>>;
    /// Makes a label. The forge does not check for duplicates: look first.
    async fn create_label(&self, repository: &RepositoryName, name: &str, color: &str) -> ForgeResult<Label>;
    /// Open issues (never pull requests) of the repository, newest first, all pages. With a label the result is filtered by
    /// its id on our side as well, since the forge drops a filter whose name it does not know.
    async fn open_issues(
        &self,
        repository: &RepositoryName,
        label: Option<&Label>,
    ) -> ForgeResult<Vec<Issue>>;
    /// One issue, or a pull request in its form as an issue.
    async fn issue(&self, repository: &RepositoryName, number: IssueNumber) -> ForgeResult<Issue>;
    /// Changes title, body or state. Works on pull requests too. [`ForgeError::Conflict`] when the version is stale.
    async fn edit_issue(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        edit: &IssueEdit,
    ) -> ForgeResult<Issue>;
    /// Opens an issue. Whether one whose answer was lost is there shows the list of open ones.
    async fn open_issue(&self, repository: &RepositoryName, issue: &NewIssue) -> ForgeResult<Issue>;
    /// Adds a label by id.
    async fn add_label(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        label: LabelId,
    ) -> ForgeResult<()>;
    /// Removes a label by id; one that is not there is no error.
    async fn remove_label(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        label: LabelId,
    ) -> ForgeResult<()>;
    /// The comments of an issue, oldest first, those updated at or after `since`.
    async fn comments(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        since: Option<Timestamp>,
    ) -> ForgeResult<Vec<Comment>>;
    /// All open pull requests.
    async fn open_pulls(&self, repository: &RepositoryName) -> ForgeResult<Vec<PullRequest>>;
    /// One pull request (this GET also triggers the forge's check for conflicts).
    async fn pull(&self, repository: &RepositoryName, number: PullNumber) -> ForgeResult<PullRequest>;
    /// The pull requests whose change is in a branch of the repository, open or not, as far as one page of those that
    /// changed last shows them.
    async fn pulls_of_branch(
        &self,
        repository: &RepositoryName,
        branch: &str,
    ) -> ForgeResult<Vec<PullRequest>>;
    /// Opens a pull request. [`ForgeError::Conflict`] where there is an open one between the same branches.
    async fn open_pull(&self, repository: &RepositoryName, pull: &NewPull) -> ForgeResult<PullRequest>;
    /// The commits of a pull request, all pages, newest first.
    async fn pull_commits(&self, repository: &RepositoryName, number: PullNumber)
    -> ForgeResult<Vec<Commit>>;
    /// How many people have approved a pull request in a review that counts and still stands.
    async fn approvals(&self, repository: &RepositoryName, number: PullNumber) -> ForgeResult<u64>;
    /// The files that a pull request changes, all pages.
    async fn pull_files(
        &self,
        repository: &RepositoryName,
        number: PullNumber,
    ) -> ForgeResult<Vec<ChangedFile>>;
    /// The unified diff of a pull request.
    async fn pull_diff(&self, repository: &RepositoryName, number: PullNumber) -> ForgeResult<String>;
    /// Every commit status of a commit, the newest of each context.
    async fn statuses(
        &self,
        repository: &RepositoryName,
        commit: &CommitSha,
    ) -> ForgeResult<Vec<CommitStatus>>;
    /// A branch with its head and protection.
    async fn branch(&self, repository: &RepositoryName, name: &str) -> ForgeResult<Branch>;
    /// Asks for a merge, pinned to a head. Whatever comes back, the truth is [`Forge::pull`]. What moves the branch rolls
    /// out in the cluster, so it takes the cluster's lock; the caller sees to it that it holds for
    /// [`BRANCH_WRITE_TIMEOUT`].
    async fn merge(
        &self,
        lease: &ClusterLease,
        repository: &RepositoryName,
        number: PullNumber,
        order: &MergeOrder,
    ) -> ForgeResult<MergeAnswer>;
    /// Takes back a merge that the forge has scheduled; none scheduled is no error.
    async fn cancel_scheduled_merge(
        &self,
        repository: &RepositoryName,
        number: PullNumber,
    ) -> ForgeResult<()>;
    /// Whether the token may write to the repository's code: a scope that no answer names. Asks for the merge of a pull
    /// request that cannot exist, which changes nothing: with the scope it is not found, without it is refused.
    async fn may_write_code(&self, repository: &RepositoryName) -> ForgeResult<bool>;
    /// One commit.
    async fn commit(&self, repository: &RepositoryName, sha: &CommitSha) -> ForgeResult<Commit>;
    /// The newest commits of a branch, newest first.
    async fn commits(
        &self,
        repository: &RepositoryName,
        branch: &str,
        limit: u32,
    ) -> ForgeResult<Vec<Commit>>;
    /// The commits that `head` has and `base` has not (`compare/base...head`). Empty means that `base` contains `head`.
    async fn compare(
        &self,
        repository: &RepositoryName,
        base: &CommitSha,
        head: &CommitSha,
    ) -> ForgeResult<Vec<CommitSha>>;
    /// A file at a revision (a commit or branch name); `None` when it is not there.
    async fn file(
        &self,
        repository: &RepositoryName,
        path: &str,
        revision: &str,
    ) -> ForgeResult<Option<FileAt>>;
    /// Every file of a commit, recursively, all pages.
    async fn tree(&self, repository: &RepositoryName, commit: &CommitSha) -> ForgeResult<Vec<TreeEntry>>;
    /// Several files in one commit, all or nothing. [`ForgeError::Refused`] with 422 when one of them moved. Takes the
    /// cluster's lock as a merge does.
    async fn change_files(
        &self,
        lease: &ClusterLease,
        repository: &RepositoryName,
        commit: &FilesCommit,
    ) -> ForgeResult<CommitSha>;
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
