//! What actors and tests do to a repository from inside the process, by the same code that serves the API.

use super::Gitea;
use super::git::{Sha, changed_paths};
use super::hooks::{Hook, expand_events};
use super::issues::{IssueEdit, LabelChange, NewIssue};
use super::json::is_mergeable;
use super::pulls::{MergeOutcome, MergeRequest, NewPull, Style};
use super::state::{Issue, Label, Pull, Repo, Status, World, now};
use super::view::{
    CommentView, CommitInfo, FileEntry, FileMap, IssueState, IssueView, NewCommit, Protection, PullView,
    Refusal, StatusState,
};

/// A handle on one repository; cheap to clone. Everything that names a user names them by login.
#[derive(Debug, Clone)]
pub struct Repository {
    gitea: Gitea,
    owner: String,
    name: String,
}

impl Repository {
    pub(crate) fn new(gitea: Gitea, owner: &str, name: &str) -> Self {
        Self { gitea, owner: owner.to_owned(), name: name.to_owned() }
    }

    /// The owner's login.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn change<R>(&self, run: impl FnOnce(&mut World, u64) -> Result<R, Refusal>) -> Result<R, Refusal> {
        self.gitea.with(|world| {
            let id = world.repo_id(&self.owner, &self.name).ok_or_else(Refusal::not_found)?;
            run(world, id)
        })
    }

    fn look<R>(&self, run: impl FnOnce(&Repo) -> Option<R>) -> Option<R> {
        self.change(|world, id| world.repo(id).map(run)).ok().flatten()
    }

    /// Commits and pushes. Deliveries and pull requests follow as from a real push.
    pub fn commit(&self, branch: &str, commit: NewCommit) -> Result<Sha, Refusal> {
        self.change(|world, id| world.commit(id, branch, commit))
    }

    /// Makes a branch at a branch or commit.
    pub fn create_branch(&self, by: &str, branch: &str, from: &str) -> Result<Sha, Refusal> {
        self.change(|world, id| {
            let git = &world.repo(id)?.git;
            if git.branches.contains_key(branch) {
                return Err(Refusal::new(409, "The branch already exists."));
            }
            let sha = git.resolve(from).map(|commit| commit.sha.clone()).ok_or_else(Refusal::not_found)?;
            world.push(id, by, branch, Some(sha.clone()))?;
            Ok(sha)
        })
    }

    /// Deletes a branch; open pull requests from it are closed.
    pub fn delete_branch(&self, by: &str, branch: &str) -> Result<(), Refusal> {
        self.change(|world, id| {
            if !world.repo(id)?.git.branches.contains_key(branch) {
                return Err(Refusal::not_found());
            }
            world.push(id, by, branch, None)
        })
    }

    /// The names of all branches.
    #[must_use]
    pub fn branches(&self) -> Vec<String> {
        self.look(|repo| Some(repo.git.branches.keys().cloned().collect())).unwrap_or_default()
    }

    /// The newest commit of a branch.
    #[must_use]
    pub fn branch_head(&self, branch: &str) -> Option<Sha> {
        self.look(|repo| repo.git.branches.get(branch).cloned())
    }

    /// The name of the default branch.
    #[must_use]
    pub fn default_branch(&self) -> String {
        self.look(|repo| Some(repo.default_branch.clone())).unwrap_or_else(|| "main".to_owned())
    }

    /// The content of a file at a branch or commit.
    #[must_use]
    pub fn file(&self, revision: &str, path: &str) -> Option<Vec<u8>> {
        self.look(|repo| {
            let entry = repo.git.resolve(revision)?.files.get(path)?;
            repo.git.blob(&entry.blob).map(|blob| blob.to_vec())
        })
    }

    /// All files at a branch or commit.
    #[must_use]
    pub fn files(&self, revision: &str) -> FileMap {
        self.look(|repo| {
            let files = repo.git.resolve(revision)?.files.iter();
            let entry = |(path, entry): (&String, &super::git::Entry)| {
                let content = repo.git.blob(&entry.blob)?.to_vec();
                Some((path.clone(), FileEntry { mode: entry.mode, blob: entry.blob.clone(), content }))
            };
            Some(files.filter_map(entry).collect())
        })
        .unwrap_or_default()
    }

    /// The commit that a branch, an id, or such with `~N` names.
    #[must_use]
    pub fn commit_info(&self, revision: &str) -> Option<CommitInfo> {
        self.look(|repo| repo.git.resolve_expression(revision).map(commit_info))
    }

    /// The first-parent history of a branch or commit, newest first.
    #[must_use]
    pub fn history(&self, revision: &str) -> Vec<CommitInfo> {
        self.look(|repo| {
            let mut commits = Vec::new();
            let mut next = repo.git.resolve(revision);
            while let Some(commit) = next {
                commits.push(commit_info(commit));
                next = commit.parents.first().and_then(|parent| repo.git.commit(parent));
            }
            Some(commits)
        })
        .unwrap_or_default()
    }

    /// The paths in which two revisions differ.
    #[must_use]
    pub fn changed_files(&self, from: &str, to: &str) -> Vec<String> {
        self.look(|repo| {
            let (from, to) = (repo.git.resolve(from)?, repo.git.resolve(to)?);
            Some(changed_paths(&from.files, &to.files).into_iter().collect())
        })
        .unwrap_or_default()
    }

    /// Whether the first revision is the second or in its history.
    #[must_use]
    pub fn is_ancestor(&self, ancestor: &str, of: &str) -> bool {
        self.look(|repo| {
            let (ancestor, of) = (repo.git.resolve(ancestor)?, repo.git.resolve(of)?);
            Some(repo.git.is_ancestor(&ancestor.sha, &of.sha))
        })
        .unwrap_or_default()
    }

    /// Makes a label and returns its id; if there is one of that name, that one's.
    pub fn create_label(&self, name: &str, color: &str) -> Result<u64, Refusal> {
        self.change(|world, id| {
            let existing =
                world.repo(id)?.labels.values().find(|label| label.name == name).map(|label| label.id);
            Ok(existing.unwrap_or_else(|| world.create_label(id, name, color, "")))
        })
    }

    /// Opens an issue, with labels by name, and returns its number.
    pub fn open_issue(&self, by: &str, title: &str, body: &str, labels: &[&str]) -> Result<u64, Refusal> {
        self.open_issue_with(by, title, body, labels, None)
    }

    /// Opens an issue with a number that is not taken.
    pub fn open_issue_numbered(
        &self,
        by: &str,
        number: u64,
        title: &str,
        body: &str,
        labels: &[&str],
    ) -> Result<u64, Refusal> {
        self.open_issue_with(by, title, body, labels, Some(number))
    }

    fn open_issue_with(
        &self,
        by: &str,
        title: &str,
        body: &str,
        labels: &[&str],
        number: Option<u64>,
    ) -> Result<u64, Refusal> {
        self.change(|world, id| {
            let labels = label_ids(world.repo(id)?, labels)?;
            let (title, body) = (title.to_owned(), body.to_owned());
            let new = NewIssue { title, body, labels, assignees: Vec::new(), closed: false, number };
            world.open_issue(id, by, new)
        })
    }

    /// An issue, or a pull request seen as one.
    #[must_use]
    pub fn issue(&self, number: u64) -> Option<IssueView> {
        self.look(|repo| repo.issues.get(&number).map(|issue| issue_view(repo, issue)))
    }

    /// All issues, pull requests left out, by number.
    #[must_use]
    pub fn issues(&self, state: Option<IssueState>) -> Vec<IssueView> {
        self.look(|repo| {
            let wanted =
                |issue: &&Issue| issue.pull.is_none() && state.is_none_or(|state| issue.state == state);
            Some(repo.issues.values().filter(wanted).map(|issue| issue_view(repo, issue)).collect())
        })
        .unwrap_or_default()
    }

    /// Replaces the body; with a version, only if it is still that one (else 409).
    pub fn edit_issue_body(
        &self,
        by: &str,
        number: u64,
        body: &str,
        content_version: Option<i64>,
    ) -> Result<(), Refusal> {
        let edit = IssueEdit { body: Some(body.to_owned()), content_version, ..IssueEdit::default() };
        self.change(|world, id| world.edit_issue(id, by, number, edit))
    }

    /// Opens or closes.
    pub fn set_issue_state(&self, by: &str, number: u64, state: IssueState) -> Result<(), Refusal> {
        let edit = IssueEdit { state: Some(state), ..IssueEdit::default() };
        self.change(|world, id| world.edit_issue(id, by, number, edit))
    }

    /// Replaces the title.
    pub fn set_issue_title(&self, by: &str, number: u64, title: &str) -> Result<(), Refusal> {
        let edit = IssueEdit { title: Some(title.to_owned()), ..IssueEdit::default() };
        self.change(|world, id| world.edit_issue(id, by, number, edit))
    }

    /// Replaces all labels, by name.
    pub fn set_issue_labels(&self, by: &str, number: u64, labels: &[&str]) -> Result<(), Refusal> {
        self.change(|world, id| {
            let labels = label_ids(world.repo(id)?, labels)?;
            world.change_labels(id, by, number, &LabelChange::Replace(labels))
        })
    }

    /// Adds labels, by name.
    pub fn add_issue_labels(&self, by: &str, number: u64, labels: &[&str]) -> Result<(), Refusal> {
        self.change(|world, id| {
            let labels = label_ids(world.repo(id)?, labels)?;
            world.change_labels(id, by, number, &LabelChange::Add(labels))
        })
    }

    /// Writes a comment and returns its id.
    pub fn comment(&self, by: &str, number: u64, text: &str) -> Result<u64, Refusal> {
        self.change(|world, id| world.comment(id, by, number, text))
    }

    /// Edits a comment.
    pub fn edit_comment(&self, by: &str, comment: u64, text: &str) -> Result<(), Refusal> {
        self.change(|world, id| world.edit_comment(id, by, comment, text))
    }

    /// The comments of an issue or pull request, oldest first.
    #[must_use]
    pub fn comments(&self, number: u64) -> Vec<CommentView> {
        self.look(|repo| {
            let view = |(entry, body): (&super::state::Entry, &str)| CommentView {
                id: entry.id,
                author: entry.author.clone(),
                body: body.to_owned(),
                created: entry.created,
                updated: entry.updated,
            };
            Some(repo.issues.get(&number)?.comments().map(view).collect())
        })
        .unwrap_or_default()
    }

    /// Opens a pull request, with labels by name, and returns its number.
    pub fn open_pull(
        &self,
        by: &str,
        title: &str,
        body: &str,
        head: &str,
        base: &str,
        labels: &[&str],
    ) -> Result<u64, Refusal> {
        self.open_pull_with(by, None, [title, body, head, base], labels)
    }

    /// Opens a pull request with a number that is not taken.
    #[expect(clippy::too_many_arguments, reason = "the fields of a pull request, as `open_pull` takes them")]
    pub fn open_pull_numbered(
        &self,
        by: &str,
        number: u64,
        title: &str,
        body: &str,
        head: &str,
        base: &str,
        labels: &[&str],
    ) -> Result<u64, Refusal> {
        self.open_pull_with(by, Some(number), [title, body, head, base], labels)
    }

    fn open_pull_with(
        &self,
        by: &str,
        number: Option<u64>,
        texts: [&str; 4],
        labels: &[&str],
    ) -> Result<u64, Refusal> {
        self.change(|world, id| {
            let labels = label_ids(world.repo(id)?, labels)?;
            let [title, body, head, base] = texts.map(str::to_owned);
            world.open_pull(id, by, NewPull { title, body, head, base, labels, number })
        })
    }

    /// A pull request.
    #[must_use]
    pub fn pull(&self, number: u64) -> Option<PullView> {
        self.look(|repo| {
            let issue = repo.issues.get(&number)?;
            Some(pull_view(repo, issue, issue.pull.as_ref()?))
        })
    }

    /// Pull requests, by number.
    #[must_use]
    pub fn pulls(&self, state: Option<IssueState>) -> Vec<PullView> {
        self.look(|repo| {
            let wanted = |issue: &&Issue| state.is_none_or(|state| issue.state == state);
            let view = |issue| Some(pull_view(repo, issue, issue.pull.as_ref()?));
            Some(repo.issues.values().filter(wanted).filter_map(view).collect())
        })
        .unwrap_or_default()
    }

    /// Closes a pull request without merging it.
    pub fn close_pull(&self, by: &str, number: u64) -> Result<(), Refusal> {
        self.set_issue_state(by, number, IssueState::Closed)
    }

    /// Replaces the body of a pull request.
    pub fn edit_pull_body(&self, by: &str, number: u64, body: &str) -> Result<(), Refusal> {
        self.edit_issue_body(by, number, body, None)
    }

    /// Merges with a merge commit, as a person does on the page.
    pub fn merge_pull(&self, by: &str, number: u64, delete_branch: bool) -> Result<(), Refusal> {
        let request = MergeRequest {
            style: Style::Merge,
            head_commit_id: None,
            title: None,
            message: None,
            force: false,
            when_checks_succeed: false,
            delete_branch,
        };
        self.change(|world, id| match world.merge(id, by, number, request)? {
            MergeOutcome::Merged | MergeOutcome::Scheduled => Ok(()),
        })
    }

    /// Sets the status of a commit.
    pub fn set_status(&self, by: &str, sha: &str, context: &str, state: StatusState) -> Result<(), Refusal> {
        self.change(|world, id| {
            let sha = Sha::parse(sha).ok_or_else(Refusal::not_found)?;
            let status = Status {
                id: world.counters.next("status"),
                context: context.to_owned(),
                state,
                description: String::new(),
                target_url: String::new(),
                creator: by.to_owned(),
                created: now(),
            };
            world.set_status(id, &sha, &status)
        })
    }

    /// Protects a branch, or changes its protection.
    pub fn protect_branch(&self, branch: &str, protection: Protection) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.protections.insert(branch.to_owned(), (protection, now()));
            Ok(())
        })
    }

    /// Takes the protection of a branch away.
    pub fn unprotect_branch(&self, branch: &str) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.protections.remove(branch).map(|_| ()).ok_or_else(Refusal::not_found)
        })
    }

    /// Adds an active hook that receives JSON and returns its id.
    pub fn add_hook(&self, url: &str, secret: &str, events: &[&str]) -> Result<u64, Refusal> {
        self.change(|world, id| {
            let hook = world.counters.next("hook");
            let created = now();
            world.repo_mut(id)?.hooks.insert(
                hook,
                Hook {
                    id: hook,
                    url: url.to_owned(),
                    secret: secret.to_owned(),
                    form: false,
                    events: expand_events(events.iter().copied()),
                    active: true,
                    authorization_header: String::new(),
                    branch_filter: String::new(),
                    created,
                    updated: created,
                },
            );
            Ok(hook)
        })
    }

    /// Renames the repository; the old name answers 301, and this handle goes on with the new one.
    pub fn rename(&mut self, name: &str) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.rename(id, name);
            Ok(())
        })?;
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Archives the repository, or takes it back.
    pub fn set_archived(&self, archived: bool) -> Result<(), Refusal> {
        self.change(|world, id| {
            world.repo_mut(id)?.archived = archived.then(now);
            Ok(())
        })
    }
}

impl World {
    pub(crate) fn create_label(&mut self, repo: u64, name: &str, color: &str, description: &str) -> u64 {
        let id = self.counters.next("label");
        let label = Label {
            id,
            name: name.to_owned(),
            color: color.trim_start_matches('#').to_lowercase(),
            description: description.to_owned(),
        };
        if let Ok(repo) = self.repo_mut(repo) {
            repo.labels.insert(id, label);
        }
        id
    }
}

fn label_ids(repo: &Repo, names: &[&str]) -> Result<Vec<u64>, Refusal> {
    let id = |name: &&str| {
        let found = repo.labels.values().find(|label| label.name == **name);
        found.map(|label| label.id).ok_or_else(|| Refusal::new(404, format!("no such label: {name}")))
    };
    names.iter().map(id).collect()
}

fn label_names(repo: &Repo, issue: &Issue) -> Vec<String> {
    let mut names: Vec<String> =
        issue.labels.iter().filter_map(|id| repo.labels.get(id)).map(|label| label.name.clone()).collect();
    names.sort();
    names
}

fn commit_info(commit: &super::git::Commit) -> CommitInfo {
    CommitInfo {
        sha: commit.sha.clone(),
        parents: commit.parents.clone(),
        message: commit.message.clone(),
        author: commit.author.name.clone(),
        when: commit.committer.when,
    }
}

fn issue_view(repo: &Repo, issue: &Issue) -> IssueView {
    IssueView {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone(),
        state: issue.state,
        labels: label_names(repo, issue),
        author: issue.author.clone(),
        content_version: issue.content_version,
        created: issue.created,
        updated: issue.updated,
        is_pull: issue.pull.is_some(),
    }
}

fn pull_view(repo: &Repo, issue: &Issue, pull: &Pull) -> PullView {
    PullView {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone(),
        state: issue.state,
        merged: pull.merged.is_some(),
        merge_commit: pull.merged.as_ref().map(|merged| merged.commit.clone()),
        head_branch: pull.head_branch.clone(),
        head_sha: pull.head.clone(),
        base_branch: pull.base_branch.clone(),
        base_sha: repo.git.branches.get(&pull.base_branch).unwrap_or(&pull.merge_base).clone(),
        mergeable: is_mergeable(issue, pull),
        labels: label_names(repo, issue),
        author: issue.author.clone(),
    }
}
