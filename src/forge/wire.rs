//! What Gitea sends, as it sends it. Lists and texts may be null; numbers that identify something may not.

use super::admin::{Hook, HookId, OwnAccount, Permission};
use super::merging::{MergeStyle, Merged};
use super::types::{
    Account, AccountId, BlobSha, Branch, ChangedFile, Comment, CommentId, Commit, CommitSha, CommitStatus,
    EntryKind, FileChangeKind, Issue, IssueNumber, Label, LabelId, OwnerKind, PullNumber, PullRequest,
    PullSide, Repository, RepositoryName, State, StatusState, TreeEntry,
};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// What is null or missing reads as nothing.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Debug, Deserialize)]
pub(super) struct WireVersion {
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireAccount {
    id: i64,
    login: String,
}

/// Whoever the server does not name is nobody whose name could be trusted.
fn account(wire: Option<WireAccount>) -> Account {
    wire.map_or_else(|| Account { id: AccountId(u64::MAX), login: String::new() }, Account::from)
}

impl From<WireAccount> for Account {
    fn from(wire: WireAccount) -> Self {
        // Gitea gives -1 to the ghost of a deleted account; it must not look like any real one.
        Self { id: AccountId(u64::try_from(wire.id).unwrap_or(u64::MAX)), login: wire.login }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireSelf {
    #[serde(flatten)]
    account: WireAccount,
    #[serde(default, deserialize_with = "or_default")]
    is_admin: bool,
}

impl From<WireSelf> for OwnAccount {
    fn from(wire: WireSelf) -> Self {
        Self { account: wire.account.into(), administers_forge: wire.is_admin }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePermission {
    permission: String,
}

impl From<WirePermission> for Permission {
    /// A word that we do not know gives nothing.
    fn from(wire: WirePermission) -> Self {
        match wire.permission.as_str() {
            "write" | "admin" | "owner" => Self::Writes,
            "read" => Self::Reads,
            _ => Self::None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct WireHookConfig {
    #[serde(default, deserialize_with = "or_default")]
    url: String,
    #[serde(default, deserialize_with = "or_default")]
    content_type: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireHook {
    id: u64,
    #[serde(default, deserialize_with = "or_default")]
    config: WireHookConfig,
    #[serde(default, deserialize_with = "or_default")]
    events: BTreeSet<String>,
    #[serde(default, deserialize_with = "or_default")]
    active: bool,
    #[serde(default, deserialize_with = "or_default")]
    branch_filter: String,
    #[serde(default)]
    authorization_header: Option<SecretString>,
}

impl From<WireHook> for Hook {
    fn from(wire: WireHook) -> Self {
        Self {
            id: HookId(wire.id),
            url: wire.config.url,
            content_type: wire.config.content_type,
            events: wire.events,
            active: wire.active,
            branch_filter: wire.branch_filter,
            authorization: wire
                .authorization_header
                .filter(|header| !secrecy::ExposeSecret::expose_secret(header).is_empty()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct WirePermissions {
    #[serde(default, deserialize_with = "or_default")]
    admin: bool,
    #[serde(default, deserialize_with = "or_default")]
    push: bool,
}

#[derive(Debug, Deserialize)]
struct WireOwner {
    #[serde(default, deserialize_with = "or_default")]
    email: String,
}

impl WireOwner {
    /// Gitea shows an organisation as if it were a user, but every user has an address, if only a placeholder. An
    /// organisation that has one as well reads as a person: harmless, since no account bears its name.
    fn kind(&self) -> OwnerKind {
        if self.email.is_empty() { OwnerKind::Organisation } else { OwnerKind::Person }
    }
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as Gitea sends it")]
pub(super) struct WireRepository {
    #[serde(default)]
    id: Option<u64>,
    full_name: RepositoryName,
    owner: Option<WireOwner>,
    #[serde(default, deserialize_with = "or_default")]
    default_branch: String,
    #[serde(default, deserialize_with = "or_default")]
    private: bool,
    #[serde(default, deserialize_with = "or_default")]
    archived: bool,
    #[serde(default, deserialize_with = "or_default")]
    permissions: WirePermissions,
    #[serde(default, deserialize_with = "or_default")]
    allow_merge_commits: bool,
    #[serde(default, deserialize_with = "or_default")]
    allow_squash_merge: bool,
    #[serde(default, deserialize_with = "or_default")]
    allow_rebase: bool,
    #[serde(default, deserialize_with = "or_default")]
    allow_rebase_explicit: bool,
    #[serde(default, deserialize_with = "or_default")]
    allow_fast_forward_only_merge: bool,
    #[serde(default, deserialize_with = "or_default")]
    clone_url: String,
    #[serde(default, deserialize_with = "or_default")]
    ssh_url: String,
    #[serde(default, deserialize_with = "or_default")]
    html_url: String,
}

impl From<WireRepository> for Repository {
    fn from(wire: WireRepository) -> Self {
        // A way that an older server does not name is one that it does not have.
        let styles = [
            (MergeStyle::Merge, wire.allow_merge_commits),
            (MergeStyle::Squash, wire.allow_squash_merge),
            (MergeStyle::Rebase, wire.allow_rebase),
            (MergeStyle::RebaseMerge, wire.allow_rebase_explicit),
            (MergeStyle::FastForwardOnly, wire.allow_fast_forward_only_merge),
        ];
        Self {
            // Nothing is counted as 0.
            id: wire.id.filter(|id| *id > 0),
            merge_styles: styles
                .into_iter()
                .filter(|(_, allowed)| *allowed)
                .map(|(style, _)| style)
                .collect(),
            name: wire.full_name,
            owner_kind: wire.owner.map(|owner| owner.kind()),
            default_branch: wire.default_branch,
            private: wire.private,
            archived: wire.archived,
            can_push: wire.permissions.push,
            can_administer: wire.permissions.admin,
            clone_urls: [wire.clone_url, wire.ssh_url].into_iter().filter(|url| !url.is_empty()).collect(),
            html_url: wire.html_url,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireLabel {
    id: u64,
    name: String,
}

impl From<WireLabel> for Label {
    fn from(wire: WireLabel) -> Self {
        Self { id: LabelId(wire.id), name: wire.name }
    }
}

fn labels(wire: Vec<Option<WireLabel>>) -> Vec<Label> {
    wire.into_iter().flatten().map(Label::from).collect()
}

#[derive(Debug, Deserialize)]
pub(super) struct WireIssue {
    number: u64,
    title: String,
    #[serde(default, deserialize_with = "or_default")]
    body: String,
    state: State,
    #[serde(default, deserialize_with = "or_default")]
    labels: Vec<Option<WireLabel>>,
    user: Option<WireAccount>,
    content_version: Option<i64>,
    created_at: Timestamp,
    updated_at: Timestamp,
    pull_request: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "or_default")]
    html_url: String,
}

impl From<WireIssue> for Issue {
    fn from(wire: WireIssue) -> Self {
        Self {
            number: IssueNumber(wire.number),
            title: wire.title,
            body: wire.body,
            state: wire.state,
            labels: labels(wire.labels),
            author: account(wire.user),
            content_version: wire.content_version,
            created_at: wire.created_at,
            updated_at: wire.updated_at,
            is_pull: wire.pull_request.is_some(),
            html_url: wire.html_url,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireComment {
    id: u64,
    user: Option<WireAccount>,
    #[serde(default, deserialize_with = "or_default")]
    body: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<WireComment> for Comment {
    fn from(wire: WireComment) -> Self {
        Self {
            id: CommentId(wire.id),
            author: account(wire.user),
            body: wire.body,
            created_at: wire.created_at,
            updated_at: wire.updated_at,
        }
    }
}

#[derive(Debug, Deserialize)]
struct WireSideRepository {
    full_name: RepositoryName,
}

#[derive(Debug, Deserialize)]
struct WireSide {
    #[serde(rename = "ref")]
    branch: String,
    sha: CommitSha,
    repo: Option<WireSideRepository>,
}

impl From<WireSide> for PullSide {
    fn from(wire: WireSide) -> Self {
        Self {
            branch: wire.branch,
            sha: wire.sha,
            repository: wire.repo.map(|repository| repository.full_name),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePull {
    number: u64,
    title: String,
    #[serde(default, deserialize_with = "or_default")]
    body: String,
    state: State,
    #[serde(default, deserialize_with = "or_default")]
    draft: bool,
    #[serde(default, deserialize_with = "or_default")]
    mergeable: bool,
    #[serde(default, deserialize_with = "or_default")]
    merged: bool,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<CommitSha>,
    merged_by: Option<WireAccount>,
    head: WireSide,
    base: WireSide,
    user: Option<WireAccount>,
    #[serde(default, deserialize_with = "or_default")]
    labels: Vec<Option<WireLabel>>,
    content_version: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    html_url: String,
}

impl WirePull {
    /// Whether its change is in a branch of that name.
    pub(super) fn is_of(&self, branch: &str) -> bool {
        self.head.branch == branch
    }

    /// A pull request that says that it was merged, but not into what, is not one that we can reason about.
    pub(super) fn into_pull(self) -> Result<PullRequest, &'static str> {
        let merged = match (self.merged, self.merge_commit_sha, self.merged_at) {
            (false, _, _) => None,
            (true, Some(commit), Some(at)) => {
                Some(Merged { commit, at, by: self.merged_by.map(|account| account.login) })
            }
            (true, _, _) => return Err("merged, without a commit or a time"),
        };
        Ok(PullRequest {
            number: PullNumber(self.number),
            title: self.title,
            body: self.body,
            state: self.state,
            draft: self.draft,
            mergeable: self.mergeable,
            merged,
            head: self.head.into(),
            base: self.base.into(),
            author: account(self.user),
            labels: labels(self.labels),
            content_version: self.content_version,
            html_url: self.html_url,
        })
    }
}

/// A review of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct WireReview {
    user: Option<WireAccount>,
    #[serde(default, deserialize_with = "or_default")]
    state: String,
    #[serde(default, deserialize_with = "or_default")]
    official: bool,
    #[serde(default, deserialize_with = "or_default")]
    dismissed: bool,
    #[serde(default, deserialize_with = "or_default")]
    stale: bool,
}

impl WireReview {
    /// Who approves with it; `None` where it is another kind of review, or does not count (any more). One of an earlier
    /// head counts for some servers and not for others: here it does not.
    pub(super) fn approves(self) -> Option<String> {
        let counts = self.state == "APPROVED" && self.official && !self.dismissed && !self.stale;
        self.user.filter(|_| counts).map(|user| user.login)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireFile {
    filename: String,
    previous_filename: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
}

impl From<WireFile> for ChangedFile {
    fn from(wire: WireFile) -> Self {
        let kind = match wire.status.as_str() {
            "added" => FileChangeKind::Added,
            "changed" | "modified" => FileChangeKind::Changed,
            "deleted" | "removed" => FileChangeKind::Deleted,
            "renamed" => FileChangeKind::Renamed,
            _ => FileChangeKind::Other,
        };
        Self {
            path: wire.filename,
            previous_path: wire.previous_filename.filter(|path| !path.is_empty()),
            kind,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireStatus {
    pub(super) id: u64,
    /// Items say `status`; the webhook and the combined one say `state`.
    #[serde(alias = "state", default, deserialize_with = "or_default")]
    status: String,
    pub(super) context: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
}

impl From<WireStatus> for CommitStatus {
    fn from(wire: WireStatus) -> Self {
        let state = match wire.status.as_str() {
            // A skipped check satisfies the forge's own protection too.
            "success" | "skipped" => StatusState::Success,
            "pending" => StatusState::Pending,
            _ => StatusState::Failure,
        };
        Self { context: wire.context, state, description: wire.description }
    }
}

/// The combined status of a commit; Forgejo sends an empty object where there is none.
#[derive(Debug, Deserialize)]
pub(super) struct WireCombined {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) statuses: Vec<Option<WireStatus>>,
}

#[derive(Debug, Deserialize)]
struct WireBranchCommit {
    id: CommitSha,
}

#[derive(Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as Gitea sends it")]
pub(super) struct WireBranch {
    commit: WireBranchCommit,
    #[serde(default, deserialize_with = "or_default")]
    protected: bool,
    #[serde(default, deserialize_with = "or_default")]
    enable_status_check: bool,
    #[serde(default, deserialize_with = "or_default")]
    status_check_contexts: Vec<Option<String>>,
    #[serde(default, deserialize_with = "or_default")]
    required_approvals: i64,
    #[serde(default, deserialize_with = "or_default")]
    user_can_push: bool,
    #[serde(default, deserialize_with = "or_default")]
    user_can_merge: bool,
}

impl From<WireBranch> for Branch {
    fn from(wire: WireBranch) -> Self {
        Self {
            head: wire.commit.id,
            protected: wire.protected,
            required_statuses: match wire.enable_status_check {
                // Without a list the forge wants any status, and all that there are to be good.
                true if wire.status_check_contexts.is_empty() => vec!["*".to_owned()],
                true => wire.status_check_contexts.into_iter().flatten().collect(),
                false => Vec::new(),
            },
            required_approvals: u64::try_from(wire.required_approvals).unwrap_or(0),
            can_push: wire.user_can_push,
            can_merge: wire.user_can_merge,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireParent {
    pub(super) sha: CommitSha,
}

#[derive(Debug, Deserialize)]
struct WireCommitText {
    #[serde(default, deserialize_with = "or_default")]
    message: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCommit {
    sha: CommitSha,
    commit: WireCommitText,
    #[serde(default, deserialize_with = "or_default")]
    parents: Vec<Option<WireParent>>,
}

impl From<WireCommit> for Commit {
    fn from(wire: WireCommit) -> Self {
        Self {
            sha: wire.sha,
            parents: wire.parents.into_iter().flatten().map(|parent| parent.sha).collect(),
            message: wire.commit.message,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCompare {
    pub(super) total_commits: usize,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) commits: Vec<Option<WireParent>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireContents {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sha: BlobSha,
    pub(super) encoding: Option<String>,
    pub(super) content: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireTreeEntry {
    path: String,
    mode: String,
    sha: BlobSha,
}

impl WireTreeEntry {
    pub(super) fn into_entry(self) -> Result<TreeEntry, String> {
        let kind = match self.mode.as_str() {
            "100644" | "100664" => EntryKind::File,
            "100755" => EntryKind::Executable,
            "120000" => EntryKind::Symlink,
            "160000" => EntryKind::Submodule,
            "040000" => EntryKind::Folder,
            other => return Err(format!("unknown mode {other} of {}", self.path)),
        };
        Ok(TreeEntry { path: self.path, kind, blob: self.sha })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireTree {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tree: Vec<Option<WireTreeEntry>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) truncated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireFilesAnswer {
    pub(super) commit: WireParent,
}
