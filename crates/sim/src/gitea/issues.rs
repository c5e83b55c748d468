//! What can be done to issues (and to pull requests, which are issues too): one code path for the API, the page and
//! the programmatic handle, so that each of them bumps versions and fires deliveries alike.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::git::Sha;
use super::payload;
use super::server::Object;
use super::state::{Entry, EntryKind, Issue, World, now};
use super::view::{Change, ChangeWhat, Event, IssueState, Refusal};

/// Gitea cuts titles at this many bytes.
const TITLE_BYTES: usize = 255;

pub(crate) struct NewIssue {
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) labels: Vec<u64>,
    pub(crate) assignees: Vec<String>,
    pub(crate) closed: bool,
    /// A number to be used instead of the next one.
    pub(crate) number: Option<u64>,
}

/// What a PATCH of an issue changes; `None` leaves a field alone.
#[derive(Debug, Default, Clone)]
pub(crate) struct IssueEdit {
    pub(crate) title: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) state: Option<IssueState>,
    pub(crate) assignees: Option<Vec<String>>,
    pub(crate) content_version: Option<i64>,
}

/// How a set of labels is changed.
pub(crate) enum LabelChange {
    Add(Vec<u64>),
    Replace(Vec<u64>),
    Remove(u64),
    Clear,
}

impl World {
    pub(crate) fn open_issue(&mut self, repo: u64, by: &str, new: NewIssue) -> Result<u64, Refusal> {
        self.must_not_be_archived(repo)?;
        let number = self.insert_issue(repo, by, &new.title, new.body, new.number)?;
        self.announce_opening(repo, by, number, new.labels)?;
        let edit = IssueEdit {
            assignees: (!new.assignees.is_empty()).then_some(new.assignees),
            state: new.closed.then_some(IssueState::Closed),
            ..IssueEdit::default()
        };
        self.edit_issue(repo, by, number, edit)?;
        Ok(number)
    }

    pub(crate) fn insert_issue(
        &mut self,
        repo: u64,
        by: &str,
        title: &str,
        body: String,
        number: Option<u64>,
    ) -> Result<u64, Refusal> {
        let id = self.counters.next("issue");
        let repo = self.repo_mut(repo)?;
        let number = number.unwrap_or_else(|| repo.issues.keys().next_back().map_or(1, |last| last + 1));
        if repo.issues.contains_key(&number) {
            return Err(Refusal::new(409, format!("there is already a number {number}")));
        }
        if title.trim().is_empty() {
            return Err(Refusal::new(422, "[Title]: Required"));
        }
        let created = now();
        let issue = Issue {
            id,
            number,
            title: cut_title(title),
            body,
            author: by.to_owned(),
            state: IssueState::Open,
            labels: BTreeSet::new(),
            assignees: Vec::new(),
            created,
            updated: created,
            closed: None,
            content_version: 0,
            timeline: Vec::new(),
            dependencies: BTreeSet::new(),
            pull: None,
        };
        repo.issues.insert(number, issue);
        Ok(number)
    }

    /// Changes title, body and state in this order, with one delivery each, as the real server does.
    pub(crate) fn edit_issue(
        &mut self,
        repo: u64,
        by: &str,
        number: u64,
        edit: IssueEdit,
    ) -> Result<(), Refusal> {
        let issue = self.repo(repo)?.issue(number)?;
        let older = edit.content_version.is_some_and(|version| version != issue.content_version);
        if self.server.counts_versions() && edit.body.is_some() && older {
            return Err(self.server.overtaken());
        }
        let reopens_merged = edit.state == Some(IssueState::Open)
            && issue.state == IssueState::Closed
            && issue.pull.as_ref().is_some_and(|pull| pull.merged.is_some());
        if reopens_merged {
            return Err(Refusal::new(412, "cannot change state of this issue, it was already merged"));
        }
        if edit.state == Some(IssueState::Closed) && self.open_dependencies(repo, number)? {
            return Err(Refusal::new(412, "cannot close this issue because it still has open dependencies"));
        }
        if edit.title.as_ref().is_some_and(|title| title.trim().is_empty()) {
            return Err(Refusal::new(422, "[Title]: Required"));
        }
        if let Some(title) = edit.title {
            self.edit_title(repo, by, number, &title)?;
        }
        if let Some(body) = edit.body {
            let issue = self.issue_mut(repo, number)?;
            let before = std::mem::replace(&mut issue.body, body);
            issue.content_version += 1;
            issue.updated = now();
            let changes = self.changes("body", &before);
            self.announce(repo, number, by, "edited", changes, ChangeWhat::BodyEdited);
        }
        if let Some(state) = edit.state {
            self.set_state(repo, by, number, state)?;
        }
        if let Some(assignees) = edit.assignees {
            self.assign(repo, by, number, assignees)?;
        }
        Ok(())
    }

    fn edit_title(&mut self, repo: u64, by: &str, number: u64, title: &str) -> Result<(), Refusal> {
        let title = cut_title(title);
        let issue = self.issue_mut(repo, number)?;
        if issue.title == title {
            return Ok(());
        }
        let before = std::mem::replace(&mut issue.title, title.clone());
        self.record(repo, number, by, EntryKind::Title { old: before.clone(), new: title })?;
        let changes = self.changes("title", &before);
        self.announce(repo, number, by, "edited", changes, ChangeWhat::TitleEdited);
        Ok(())
    }

    fn set_state(&mut self, repo: u64, by: &str, number: u64, state: IssueState) -> Result<(), Refusal> {
        let issue = self.issue_mut(repo, number)?;
        if issue.state == state {
            return Ok(());
        }
        issue.state = state;
        let (kind, action, what) = match state {
            IssueState::Open => (EntryKind::Reopen, "reopened", ChangeWhat::Reopened),
            IssueState::Closed => (EntryKind::Close, "closed", ChangeWhat::Closed),
        };
        issue.closed = (state == IssueState::Closed).then(now);
        self.record(repo, number, by, kind)?;
        if state == IssueState::Open {
            self.check_pull_later(repo, number);
        }
        self.announce(repo, number, by, action, json!({}), what);
        Ok(())
    }

    fn assign(&mut self, repo: u64, by: &str, number: u64, assignees: Vec<String>) -> Result<(), Refusal> {
        let mut known = Vec::new();
        for login in assignees {
            let user = self
                .user(&login)
                .ok_or_else(|| Refusal::new(422, format!("assignee does not exist: [name: {login}]")))?;
            known.push(user.login.clone());
        }
        let before = std::mem::replace(&mut self.issue_mut(repo, number)?.assignees, known.clone());
        for login in before.iter().filter(|login| !known.contains(login)) {
            self.record(repo, number, by, EntryKind::Assignee { login: login.clone(), removed: true })?;
            self.announce_assignment(repo, number, by, "unassigned");
        }
        for login in known.iter().filter(|login| !before.contains(login)) {
            self.record(repo, number, by, EntryKind::Assignee { login: login.clone(), removed: false })?;
            self.announce_assignment(repo, number, by, "assigned");
        }
        Ok(())
    }

    pub(crate) fn open_dependencies(&self, repo: u64, number: u64) -> Result<bool, Refusal> {
        let repo = self.repo(repo)?;
        let open = |on: &u64| repo.issues.get(on).is_some_and(|issue| issue.state == IssueState::Open);
        Ok(repo.issue(number)?.dependencies.iter().any(open))
    }

    pub(crate) fn add_dependency(
        &mut self,
        repo: u64,
        by: &str,
        number: u64,
        on: u64,
    ) -> Result<(), Refusal> {
        self.repo(repo)?.issue(on)?;
        if !self.issue_mut(repo, number)?.dependencies.insert(on) {
            return Err(Refusal::new(409, "issue dependency already exists"));
        }
        self.record(repo, number, by, EntryKind::Dependency { on })
    }

    pub(crate) fn change_labels(
        &mut self,
        repo: u64,
        by: &str,
        number: u64,
        change: &LabelChange,
    ) -> Result<(), Refusal> {
        let before = self.repo(repo)?.issue(number)?.labels.clone();
        let known = self.known_labels(repo, change)?;
        // A delivery shows the labels as they were when it was written: before a clearing, and, when all are
        // replaced, between taking the old ones off and putting the new ones on (where the server has not put them on
        // before). It is sent whether or not anything changed.
        match change {
            LabelChange::Add(_) => {
                let after = before.union(&known).copied().collect();
                self.put_labels(repo, by, number, &after)?;
                self.announce_labels(repo, number, by, "label_updated");
            }
            LabelChange::Replace(_) => {
                let kept: BTreeSet<u64> = before.intersection(&known).copied().collect();
                let told = if self.server.tells_of_new_labels() { &known } else { &kept };
                self.put_labels(repo, by, number, told)?;
                self.announce_labels(repo, number, by, "label_updated");
                self.put_labels(repo, by, number, &known)?;
            }
            LabelChange::Remove(label) => {
                let after = before.iter().copied().filter(|one| one != label).collect();
                self.put_labels(repo, by, number, &after)?;
                self.announce_labels(repo, number, by, "label_updated");
            }
            LabelChange::Clear => {
                self.announce_labels(repo, number, by, "label_cleared");
                self.put_labels(repo, by, number, &BTreeSet::new())?;
            }
        }
        self.emit_change(repo, number, by, ChangeWhat::LabelsChanged);
        Ok(())
    }

    /// Those of the given labels that the repository has.
    fn known_labels(&self, repo: u64, change: &LabelChange) -> Result<BTreeSet<u64>, Refusal> {
        let labels = &self.repo(repo)?.labels;
        let given: &[u64] = match change {
            LabelChange::Add(ids) | LabelChange::Replace(ids) => ids,
            LabelChange::Remove(_) | LabelChange::Clear => &[],
        };
        Ok(given.iter().copied().filter(|id| labels.contains_key(id)).collect())
    }

    /// Sets the labels and writes the changes on the timeline, without telling anyone.
    fn put_labels(&mut self, repo: u64, by: &str, number: u64, after: &BTreeSet<u64>) -> Result<(), Refusal> {
        let before = std::mem::replace(&mut self.issue_mut(repo, number)?.labels, after.clone());
        for label in before.difference(after) {
            self.record(repo, number, by, EntryKind::Label { label: *label, added: false })?;
        }
        for label in after.difference(&before) {
            self.record(repo, number, by, EntryKind::Label { label: *label, added: true })?;
        }
        Ok(())
    }

    /// Opens with labels: they are there before the opening is told, and told once more after it.
    pub(crate) fn announce_opening(
        &mut self,
        repo: u64,
        by: &str,
        number: u64,
        labels: Vec<u64>,
    ) -> Result<(), Refusal> {
        let with_labels = !labels.is_empty();
        let labels = self.known_labels(repo, &LabelChange::Add(labels))?;
        self.put_labels(repo, by, number, &labels)?;
        self.announce(repo, number, by, "opened", json!({}), ChangeWhat::Opened);
        if with_labels {
            self.announce_labels(repo, number, by, "label_updated");
            self.emit_change(repo, number, by, ChangeWhat::LabelsChanged);
        }
        Ok(())
    }

    pub(crate) fn comment(&mut self, repo: u64, by: &str, number: u64, body: &str) -> Result<u64, Refusal> {
        self.record(repo, number, by, EntryKind::Comment { body: body.to_owned() })?;
        let id = self.repo(repo)?.issue(number)?.timeline.last().map_or(0, |entry| entry.id);
        self.announce_comment(repo, number, by, "created", json!({}), ChangeWhat::CommentCreated(id));
        Ok(id)
    }

    /// The number of the issue that holds the comment.
    pub(crate) fn comment_place(&self, repo: u64, id: u64) -> Result<u64, Refusal> {
        let holds = |issue: &&Issue| issue.comments().any(|(entry, _)| entry.id == id);
        self.repo(repo)?.issues.values().find(holds).map(|issue| issue.number).ok_or_else(Refusal::not_found)
    }

    pub(crate) fn edit_comment(&mut self, repo: u64, by: &str, id: u64, text: &str) -> Result<(), Refusal> {
        let number = self.comment_place(repo, id)?;
        let mut before = String::new();
        for entry in &mut self.issue_mut(repo, number)?.timeline {
            if let EntryKind::Comment { body } = &mut entry.kind
                && entry.id == id
            {
                before = std::mem::replace(body, text.to_owned());
                entry.updated = now();
            }
        }
        let changes = self.changes("body", &before);
        self.announce_comment(repo, number, by, "edited", changes, ChangeWhat::CommentEdited(id));
        Ok(())
    }

    pub(crate) fn delete_comment(&mut self, repo: u64, by: &str, id: u64) -> Result<(), Refusal> {
        let number = self.comment_place(repo, id)?;
        let issue = self.issue_mut(repo, number)?;
        let position =
            issue.timeline.iter().position(|entry| entry.id == id).ok_or_else(Refusal::not_found)?;
        let comment = issue.timeline.remove(position);
        if let (Ok(repo_ref), EntryKind::Comment { body }) = (self.repo(repo), &comment.kind)
            && let Ok(issue) = repo_ref.issue(number)
        {
            let comment = payload::comment(self, repo_ref, issue, &comment, body);
            self.announce_rendered_comment(repo, number, by, "deleted", &comment, json!({}));
        }
        self.emit_change(repo, number, by, ChangeWhat::CommentDeleted(id));
        Ok(())
    }

    /// Puts an entry on the timeline and marks the issue as updated.
    pub(crate) fn record(
        &mut self,
        repo: u64,
        number: u64,
        by: &str,
        kind: EntryKind,
    ) -> Result<(), Refusal> {
        let id = self.counters.next("comment");
        let created = now();
        let issue = self.issue_mut(repo, number)?;
        issue.updated = created;
        issue.timeline.push(Entry { id, author: by.to_owned(), created, updated: created, kind });
        Ok(())
    }

    pub(crate) fn emit_change(&mut self, repo: u64, number: u64, by: &str, what: ChangeWhat) {
        let Ok(repo) = self.repo(repo) else { return };
        let change =
            Change { owner: repo.owner.clone(), repo: repo.name.clone(), number, by: by.to_owned(), what };
        let is_pull = repo.issues.get(&number).is_some_and(|issue| issue.pull.is_some());
        self.emit(if is_pull { Event::Pull(change) } else { Event::Issue(change) });
    }

    pub(crate) fn announce_merge(&mut self, repo: u64, number: u64, by: &str, commit: Sha) {
        self.announce(repo, number, by, "closed", json!({}), ChangeWhat::Merged(commit));
    }

    fn changes(&self, field: &str, before: &str) -> Value {
        let changes = json!({ field: { "from": before }, "added_labels": null, "removed_labels": null });
        json!({ "changes": self.server.shaped(Object::Changes, changes) })
    }
}

/// At most 255 bytes, a last character of which is an ellipsis when anything was cut.
fn cut_title(title: &str) -> String {
    if title.len() <= TITLE_BYTES {
        return title.to_owned();
    }
    let mut end = TITLE_BYTES - '…'.len_utf8();
    while !title.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &title[..end])
}

#[cfg(test)]
mod tests {
    use super::cut_title;

    #[test]
    fn titles_are_cut_at_255_bytes() {
        assert_eq!(cut_title("short"), "short");
        let cut = cut_title(&"t".repeat(300));
        assert_eq!((cut.len(), cut.chars().count()), (255, 253));
        assert!(cut_title(&"ä".repeat(200)).len() <= 255);
    }
}
