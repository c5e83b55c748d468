//! Pull requests: opening, merging with every refusal, bringing up to date, statuses and reviews.
//!
//! The order of the checks before a merge is the real server's, because it decides which of several reasons a client
//! is told: merged, closed, not allowed, draft, checking or conflicting, protection, dependencies, and the pinned head
//! last of all.

use super::git::{Files, Sha, Signature};
use super::json::is_draft;
use super::merge::merge_trees;
use super::state::{
    Check, Effect, EntryKind, Issue, Merged, Pull, Review, Scheduled, Status, Verdict, World, now,
};
use super::view::{IssueState, Permission, Refusal, StatusState};

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    /// By a commit of two parents.
    Merge,
    /// Its commits are put on top of the base.
    Rebase,
    /// So, and then by a commit of two parents.
    RebaseMerge,
    /// As one commit.
    Squash,
    /// The base is moved to the head, where that is possible.
    FastForwardOnly,
    /// A person has done it with git, and says so.
    ManuallyMerged,
}

impl Style {
    /// What a new repository allows.
    pub(crate) const DEFAULT: [Self; 5] =
        [Self::Merge, Self::Rebase, Self::RebaseMerge, Self::Squash, Self::FastForwardOnly];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "merge" => Some(Self::Merge),
            "rebase" => Some(Self::Rebase),
            "rebase-merge" => Some(Self::RebaseMerge),
            "squash" => Some(Self::Squash),
            "fast-forward-only" => Some(Self::FastForwardOnly),
            "manually-merged" => Some(Self::ManuallyMerged),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Rebase => "rebase",
            Self::RebaseMerge => "rebase-merge",
            Self::Squash => "squash",
            Self::FastForwardOnly => "fast-forward-only",
            Self::ManuallyMerged => "manually-merged",
        }
    }
}

/// Whether the client waits for the answer. The server drops what it does for one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Waits,
    /// It goes away once the base has moved.
    GoesAway,
    /// It gets its merge scheduled, whether it asked for that or not.
    IsScheduled,
}

#[derive(Debug, Clone)]
pub(crate) struct MergeRequest {
    pub(crate) style: Style,
    pub(crate) head_commit_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) force: bool,
    pub(crate) when_checks_succeed: bool,
    pub(crate) delete_branch: bool,
    pub(crate) client: Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeOutcome {
    Merged,
    Scheduled,
}

pub(crate) struct NewPull {
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) labels: Vec<u64>,
    pub(crate) number: Option<u64>,
}

impl World {
    pub(crate) fn open_pull(&mut self, repo_id: u64, by: &str, new: NewPull) -> Result<u64, Refusal> {
        let repo = self.repo(repo_id)?;
        let head_branch = new.head.rsplit(':').next().unwrap_or_default().to_owned();
        if head_branch == new.base {
            let text = "Invalid PullRequest: There are no changes between the head and the base";
            return Err(Refusal::new(422, text));
        }
        let branch = |name: &str| repo.git.branches.get(name).cloned().ok_or_else(Refusal::not_found);
        let (base, head) = (branch(&new.base)?, branch(&head_branch)?);
        let merge_base = repo.git.merge_base(&base, &head).ok_or_else(Refusal::not_found)?;
        let same = |issue: &&Issue| {
            issue.state == IssueState::Open
                && issue
                    .pull
                    .as_ref()
                    .is_some_and(|pull| pull.head_branch == head_branch && pull.base_branch == new.base)
        };
        if let Some(existing) = repo.issues.values().find(same) {
            let text = format!("pull request already exists for these targets [issue_id: {}]", existing.id);
            return Err(Refusal::new(409, text));
        }
        let number = self.insert_issue(repo_id, by, &new.title, new.body, new.number)?;
        let id = self.counters.next("pull");
        self.issue_mut(repo_id, number)?.pull = Some(Pull {
            id,
            head_branch,
            base_branch: new.base,
            head,
            merge_base,
            check: Check::ended(Verdict::Clean),
            merged: None,
            scheduled: None,
            reviews: Vec::new(),
        });
        // The first check runs before the answer; only later ones are asynchronous.
        self.check_pull_now(repo_id, number);
        self.announce_opening(repo_id, by, number, new.labels)?;
        Ok(number)
    }

    fn pull(&self, repo: u64, number: u64) -> Result<(&Issue, &Pull), Refusal> {
        let issue = self.repo(repo)?.issue(number)?;
        Ok((issue, issue.pull.as_ref().ok_or_else(Refusal::not_found)?))
    }

    fn pull_mut(&mut self, repo: u64, number: u64) -> Result<&mut Pull, Refusal> {
        self.issue_mut(repo, number)?.pull.as_mut().ok_or_else(Refusal::not_found)
    }

    pub(crate) fn is_merged(&self, repo: u64, number: u64) -> Result<bool, Refusal> {
        Ok(self.pull(repo, number)?.1.merged.is_some())
    }

    pub(crate) fn merge(
        &mut self,
        repo_id: u64,
        by: &str,
        number: u64,
        request: MergeRequest,
    ) -> Result<MergeOutcome, Refusal> {
        let (issue, pull) = self.pull(repo_id, number)?;
        let repo = self.repo(repo_id)?;
        self.must_not_be_archived(repo_id)?;
        if pull.merged.is_some() {
            return Err(self.server.already_merged());
        }
        if issue.state == IssueState::Closed {
            return Err(Refusal::not_found());
        }
        let permission = self.permission(repo, Some(by));
        if permission < Some(Permission::Write) {
            return Err(Refusal::new(405, "User not allowed to merge PR"));
        }
        if is_draft(&issue.title) {
            return Err(Refusal::new(405, "Work in progress PRs cannot be merged"));
        }
        if pull.check.verdict() != Some(Verdict::Clean) {
            return Err(Refusal::new(405, "Please try again later"));
        }
        let protection = self.protection_refusal(repo_id, pull);
        let may_force = request.force && permission == Some(Permission::Admin);
        if request.when_checks_succeed && protection.is_some() {
            return self.schedule(repo_id, by, number, request);
        }
        if let Some(reason) = protection
            && !may_force
        {
            return Err(self.server.merge_forbidden(reason));
        }
        if self.open_dependencies(repo_id, number)? {
            return Err(Refusal::new(500, ""));
        }
        if !repo.merge_styles.contains(&request.style) {
            let style = request.style.as_str();
            let text = format!("{style} is not allowed an allowed merge style for this repository");
            return Err(Refusal::new(405, text));
        }
        if request.head_commit_id.as_deref().is_some_and(|pinned| !pinned.is_empty() && pinned != &*pull.head)
        {
            return Err(Refusal::new(409, "head out of date"));
        }
        if request.client == Client::IsScheduled {
            let request = MergeRequest { client: Client::Waits, ..request };
            return self.schedule(repo_id, by, number, request);
        }
        self.merge_now(repo_id, by, number, &request)?;
        Ok(MergeOutcome::Merged)
    }

    fn schedule(
        &mut self,
        repo: u64,
        by: &str,
        number: u64,
        request: MergeRequest,
    ) -> Result<MergeOutcome, Refusal> {
        let pull = self.pull_mut(repo, number)?;
        if pull.scheduled.is_some() {
            return Err(Refusal::new(
                409,
                "pull request is already scheduled to auto merge when checks succeed",
            ));
        }
        pull.scheduled = Some(Scheduled { by: by.to_owned(), request });
        Ok(MergeOutcome::Scheduled)
    }

    pub(crate) fn cancel_schedule(&mut self, repo: u64, number: u64) -> Result<(), Refusal> {
        self.pull_mut(repo, number)?.scheduled.take().map(|_| ()).ok_or_else(Refusal::not_found)
    }

    /// Carries out a scheduled merge if nothing stands in its way any more. `false`: ask again, a check is running.
    pub(crate) fn try_scheduled(&mut self, repo: u64, number: u64) -> bool {
        let Ok((_, pull)) = self.pull(repo, number) else { return true };
        let Some(scheduled) = pull.scheduled.clone() else { return true };
        if pull.check.is_running() {
            return false;
        }
        let request = MergeRequest { when_checks_succeed: false, ..scheduled.request };
        if self.merge(repo, &scheduled.by, number, request).is_ok()
            && let Ok(pull) = self.pull_mut(repo, number)
        {
            pull.scheduled = None;
        }
        true
    }

    /// Why the protection of the base branch forbids the merge.
    fn protection_refusal(&self, repo_id: u64, pull: &Pull) -> Option<&'static str> {
        let repo = self.repo(repo_id).ok()?;
        let (protection, _) = repo.protections.get(&pull.base_branch)?;
        if protection.enable_status_check {
            let statuses = repo.latest_statuses(&pull.head);
            let good = |status: &&Status| status.state <= StatusState::Skipped;
            let satisfied = if protection.status_check_contexts.is_empty() {
                !statuses.is_empty() && statuses.iter().all(good)
            } else {
                let has = |context: &String| {
                    statuses.iter().any(|status| status.context == *context && good(status))
                };
                protection.status_check_contexts.iter().all(has)
            };
            if !satisfied {
                return Some("Not all required status checks successful");
            }
        }
        let latest = latest_reviews(pull);
        let approvals = latest.iter().filter(|review| review.state == "APPROVED").count();
        if i64::try_from(approvals).unwrap_or(i64::MAX) < protection.required_approvals {
            return Some("Does not have enough approvals");
        }
        if protection.block_on_rejected_reviews
            && latest.iter().any(|review| review.state == "REQUEST_CHANGES")
        {
            return Some("There are requested changes");
        }
        let behind = repo
            .git
            .branches
            .get(&pull.base_branch)
            .is_some_and(|base| !repo.git.is_ancestor(base, &pull.head));
        (protection.block_on_outdated_branch && behind).then_some("The head branch is behind the base branch")
    }

    fn merge_now(
        &mut self,
        repo_id: u64,
        by: &str,
        number: u64,
        request: &MergeRequest,
    ) -> Result<(), Refusal> {
        let (issue, pull) = self.pull(repo_id, number)?;
        let (head_branch, base_branch, head) =
            (pull.head_branch.clone(), pull.base_branch.clone(), pull.head.clone());
        let poster = self.signature(&issue.author);
        let (title, body) = message(issue, pull, request);
        let doer = self.signature(by);
        let repo = self.repo_mut(repo_id)?;
        let base = repo.git.branches.get(&base_branch).cloned().ok_or_else(Refusal::not_found)?;
        let text = join(&title, &body);
        let style = request.style;
        let conflict = |_: Conflict| Refusal::merge_conflict(style.as_str());
        let commit = match style {
            Style::Merge => merge_commit(repo, &base, &head, &doer, &text).map_err(conflict)?,
            Style::Squash => {
                let files = merged_files(repo, &base, &head).map_err(conflict)?;
                let trailer = format!("Co-authored-by: {} <{}>", poster.name, poster.email);
                let text = join(&text, &trailer);
                repo.git.write_commit(
                    files,
                    vec![base.clone()],
                    Signature { when: doer.when, ..poster },
                    doer,
                    &text,
                )
            }
            Style::Rebase => rebase(repo, &base, &head, &doer).map_err(conflict)?,
            Style::RebaseMerge => {
                let rebased = rebase(repo, &base, &head, &doer).map_err(conflict)?;
                merge_commit(repo, &base, &rebased, &doer, &text).map_err(conflict)?
            }
            Style::FastForwardOnly if repo.git.is_ancestor(&base, &head) => head.clone(),
            Style::FastForwardOnly | Style::ManuallyMerged => {
                return Err(Refusal::new(409, "merge failed because the branches have diverged"));
            }
        };
        if request.client == Client::GoesAway {
            return self.push(repo_id, by, &base_branch, Some(commit));
        }
        let at = now();
        let issue = self.issue_mut(repo_id, number)?;
        issue.state = IssueState::Closed;
        issue.closed = Some(at);
        if let Some(pull) = &mut issue.pull {
            pull.merged = Some(Merged { commit: commit.clone(), by: by.to_owned(), at });
            pull.scheduled = None;
        }
        self.record(repo_id, number, by, EntryKind::Merge { commit: commit.clone() })?;
        // The base moves first, so that the delivery of the merge already shows it; watchers hear of the merge after.
        let effects = std::mem::take(&mut self.effects);
        self.push(repo_id, by, &base_branch, Some(commit.clone()))?;
        let pushed = std::mem::replace(&mut self.effects, effects);
        self.announce_merge(repo_id, number, by, commit);
        self.effects.extend(pushed);
        if request.delete_branch && !self.is_head_of_another(repo_id, number, &head_branch) {
            self.push(repo_id, by, &head_branch, None)?;
            self.record(repo_id, number, by, EntryKind::DeleteBranch { branch: head_branch })?;
        }
        Ok(())
    }

    fn is_head_of_another(&self, repo: u64, number: u64, branch: &str) -> bool {
        let other = |issue: &Issue| {
            issue.number != number
                && issue.state == IssueState::Open
                && issue.pull.as_ref().is_some_and(|pull| pull.head_branch == branch)
        };
        self.repo(repo).is_ok_and(|repo| repo.issues.values().any(other))
    }

    /// Brings the head branch up to date with the base.
    pub(crate) fn update_pull(
        &mut self,
        repo_id: u64,
        by: &str,
        number: u64,
        rebase_it: bool,
    ) -> Result<(), Refusal> {
        let (issue, pull) = self.pull(repo_id, number)?;
        if pull.merged.is_some() || issue.state == IssueState::Closed {
            return Err(Refusal::new(422, "the pull request is closed"));
        }
        if self.permission(self.repo(repo_id)?, Some(by)) < Some(Permission::Write) {
            return Err(Refusal::new(403, ""));
        }
        let (head_branch, base_branch, head) =
            (pull.head_branch.clone(), pull.base_branch.clone(), pull.head.clone());
        let doer = self.signature(by);
        let repo = self.repo_mut(repo_id)?;
        let base = repo.git.branches.get(&base_branch).cloned().ok_or_else(Refusal::not_found)?;
        if repo.git.is_ancestor(&base, &head) {
            return Err(Refusal::new(500, ""));
        }
        let conflict = |_: Conflict| Refusal::new(409, "merge failed because of conflict");
        let after = if rebase_it {
            rebase(repo, &base, &head, &doer).map_err(conflict)?
        } else {
            let text = format!("Merge branch '{base_branch}' into {head_branch}");
            merge_commit(repo, &head, &base, &doer, &text).map_err(conflict)?
        };
        self.push(repo_id, by, &head_branch, Some(after))
    }

    pub(crate) fn review(
        &mut self,
        repo: u64,
        by: &str,
        number: u64,
        state: &'static str,
        body: &str,
    ) -> Result<Review, Refusal> {
        let id = self.counters.next("review");
        let commit = self.pull(repo, number)?.1.head.clone();
        let review =
            Review { id, author: by.to_owned(), state, body: body.to_owned(), commit, submitted: now() };
        self.pull_mut(repo, number)?.reviews.push(review.clone());
        self.record(repo, number, by, EntryKind::Review { body: body.to_owned(), id })?;
        self.announce_review(repo, number, by, &review);
        Ok(review)
    }

    pub(crate) fn set_status(&mut self, repo_id: u64, sha: &Sha, status: &Status) -> Result<(), Refusal> {
        let repo = self.repo_mut(repo_id)?;
        if repo.git.commit(sha).is_none() {
            return Err(Refusal::not_found());
        }
        repo.statuses.entry(sha.clone()).or_default().push(status.clone());
        let waiting = |issue: &&Issue| {
            issue.pull.as_ref().is_some_and(|pull| pull.scheduled.is_some() && pull.head == *sha)
        };
        let waiting: Vec<u64> = repo.issues.values().filter(waiting).map(|issue| issue.number).collect();
        self.announce_status(repo_id, sha, status);
        let tries = waiting.into_iter().map(|number| Effect::TryScheduledMerge { repo: repo_id, number });
        self.effects.extend(tries);
        Ok(())
    }
}

/// The last verdict of each reviewer.
fn latest_reviews(pull: &Pull) -> Vec<&Review> {
    let mut latest: std::collections::BTreeMap<&str, &Review> = std::collections::BTreeMap::new();
    for review in pull.reviews.iter().filter(|review| review.state != "COMMENT") {
        latest.insert(&review.author, review);
    }
    latest.into_values().collect()
}

fn message(issue: &Issue, pull: &Pull, request: &MergeRequest) -> (String, String) {
    let default = match request.style {
        Style::Squash => format!("{} (#{})", issue.title, issue.number),
        _ => format!(
            "Merge pull request '{}' (#{}) from {} into {}",
            issue.title, issue.number, pull.head_branch, pull.base_branch
        ),
    };
    let given = |text: &Option<String>| {
        text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    (given(&request.title).unwrap_or(default), given(&request.message).unwrap_or_default())
}

fn join(title: &str, body: &str) -> String {
    if body.is_empty() { title.to_owned() } else { format!("{title}\n\n{body}") }
}

/// Two trees that cannot be put together.
struct Conflict;

/// The tree that merging `theirs` into `ours` gives.
fn merged_files(repo: &mut super::state::Repo, ours: &Sha, theirs: &Sha) -> Result<Files, Conflict> {
    let fork = repo.git.merge_base(ours, theirs).ok_or(Conflict)?;
    let tree = |sha: &Sha| repo.git.commit(sha).map(|commit| commit.files.clone()).ok_or(Conflict);
    let (fork, ours, theirs) = (tree(&fork)?, tree(ours)?, tree(theirs)?);
    merge_trees(&mut repo.git, &fork, &ours, &theirs).map_err(|_| Conflict)
}

fn merge_commit(
    repo: &mut super::state::Repo,
    ours: &Sha,
    theirs: &Sha,
    doer: &Signature,
    message: &str,
) -> Result<Sha, Conflict> {
    let files = merged_files(repo, ours, theirs)?;
    let parents = vec![ours.clone(), theirs.clone()];
    Ok(repo.git.write_commit(files, parents, doer.clone(), doer.clone(), message))
}

/// Replays the commits of `head` that `base` does not have; what is on top of `base` already stays as it is.
fn rebase(repo: &mut super::state::Repo, base: &Sha, head: &Sha, doer: &Signature) -> Result<Sha, Conflict> {
    if repo.git.is_ancestor(base, head) {
        return Ok(head.clone());
    }
    let replayed: Vec<_> = repo.git.log(Some(base), head).into_iter().rev().cloned().collect();
    let mut tip = base.clone();
    for commit in replayed.into_iter().filter(|commit| commit.parents.len() == 1) {
        let tree = |sha: &Sha| repo.git.commit(sha).map(|commit| commit.files.clone()).unwrap_or_default();
        let (before, onto) = (tree(&commit.parents[0]), tree(&tip));
        let files = merge_trees(&mut repo.git, &before, &onto, &commit.files).map_err(|_| Conflict)?;
        tip = repo.git.write_commit(files, vec![tip], commit.author, doer.clone(), &commit.message);
    }
    Ok(tip)
}
