//! Labels, issues, comments and pull requests.

use super::Repository;
use crate::gitea::issues::{IssueEdit, LabelChange, NewIssue};
use crate::gitea::json::is_mergeable;
use crate::gitea::pulls::{Client, MergeOutcome, MergeRequest, NewPull, Style};
use crate::gitea::state::{Entry, Issue, Label, Pull, Repo, World};
use crate::gitea::view::{CommentView, IssueState, IssueView, PullView, Refusal};

impl Repository {
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
            let view = |(entry, body): (&Entry, &str)| CommentView {
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
            client: Client::Waits,
        };
        self.change(|world, id| match world.merge(id, by, number, request)? {
            MergeOutcome::Merged | MergeOutcome::Scheduled => Ok(()),
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
        merged_at: pull.merged.as_ref().map(|merged| merged.at),
        head_branch: pull.head_branch.clone(),
        head_sha: pull.head.clone(),
        base_branch: pull.base_branch.clone(),
        base_sha: repo.git.branches.get(&pull.base_branch).unwrap_or(&pull.merge_base).clone(),
        mergeable: is_mergeable(issue, pull),
        labels: label_names(repo, issue),
        author: issue.author.clone(),
    }
}
