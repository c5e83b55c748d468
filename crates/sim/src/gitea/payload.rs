//! What is told to webhooks and to watchers inside the process when something happened.

use serde_json::{Map, Value, json};

use super::git::{Commit, Files, Sha, Signature};
use super::json;
pub(crate) use super::json::comment;
use super::merge::{ChangeKind, diff_trees};
use super::server::Object;
use super::state::{EntryKind, Issue, Repo, Review, Status, World};
use super::view::{ChangeWhat, Event, Permission};

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";
/// A push delivery carries at most this many commits; `total_commits` counts all.
const PUSH_COMMITS: usize = 5;

impl World {
    /// Delivers an issue or pull request event and tells the watchers.
    pub(crate) fn announce(
        &mut self,
        repo: u64,
        number: u64,
        by: &str,
        action: &str,
        extra: Value,
        what: ChangeWhat,
    ) {
        self.announce_as(repo, number, by, action, ["issues", "pull_request"], extra);
        self.emit_change(repo, number, by, what);
    }

    pub(crate) fn announce_labels(&mut self, repo: u64, number: u64, by: &str, action: &str) {
        self.announce_as(repo, number, by, action, ["issue_label", "pull_request_label"], json!({}));
    }

    pub(crate) fn announce_assignment(&mut self, repo: u64, number: u64, by: &str, action: &str) {
        self.announce_as(repo, number, by, action, ["issue_assign", "pull_request_assign"], json!({}));
        self.emit_change(repo, number, by, ChangeWhat::AssigneesChanged);
    }

    pub(crate) fn announce_sync(&mut self, repo: u64, number: u64, by: &str, before: &Sha, after: &Sha) {
        let extra = json!({ "before": before.as_str(), "after": after.as_str() });
        let extra = self.server.shaped(Object::Synchronisation, extra);
        let types = ["issues", "pull_request_sync"];
        self.announce_as(repo, number, by, "synchronized", types, extra);
        self.emit_change(repo, number, by, ChangeWhat::Synchronized);
    }

    fn announce_as(
        &mut self,
        repo_id: u64,
        number: u64,
        by: &str,
        action: &str,
        [issue_type, pull_type]: [&'static str; 2],
        extra: Value,
    ) {
        let Ok(repo) = self.repo(repo_id) else { return };
        let Ok(issue) = repo.issue(number) else { return };
        let mut payload = Map::new();
        payload.insert("action".into(), json!(action));
        payload.insert("number".into(), json!(number));
        if let Value::Object(extra) = extra {
            payload.extend(extra);
        }
        let (event, event_type) = if issue.pull.is_some() {
            payload
                .insert("pull_request".into(), json::pull(self, repo, issue, Some(by), json::Shown::Alone));
            payload.insert("requested_reviewer".into(), Value::Null);
            payload.insert("review".into(), Value::Null);
            ("pull_request", pull_type)
        } else {
            payload.insert("issue".into(), json::issue(self, repo, issue, Some(by)));
            ("issues", issue_type)
        };
        payload.insert("repository".into(), json::repository(self, repo, self.permission(repo, Some(by))));
        payload.insert("sender".into(), json::user(self, by, None));
        payload.insert("commit_id".into(), json!(""));
        self.deliver(repo_id, event, event_type, &Value::Object(payload));
    }

    pub(crate) fn announce_comment(
        &mut self,
        repo_id: u64,
        number: u64,
        by: &str,
        action: &str,
        extra: Value,
        what: ChangeWhat,
    ) {
        let (ChangeWhat::CommentCreated(id) | ChangeWhat::CommentEdited(id)) = what else { return };
        let Ok(repo) = self.repo(repo_id) else { return };
        let Ok(issue) = repo.issue(number) else { return };
        let Some((entry, body)) = issue.comments().find(|(entry, _)| entry.id == id) else { return };
        let rendered = comment(self, repo, issue, entry, body);
        self.announce_rendered_comment(repo_id, number, by, action, &rendered, extra);
        self.emit_change(repo_id, number, by, what);
    }

    pub(crate) fn announce_rendered_comment(
        &mut self,
        repo_id: u64,
        number: u64,
        by: &str,
        action: &str,
        rendered: &Value,
        extra: Value,
    ) {
        let Ok(repo) = self.repo(repo_id) else { return };
        let Ok(issue) = repo.issue(number) else { return };
        let is_pull = issue.pull.is_some();
        let mut payload = Map::new();
        payload.insert("action".into(), json!(action));
        payload.insert("issue".into(), json::issue(self, repo, issue, Some(by)));
        if is_pull {
            payload
                .insert("pull_request".into(), json::pull(self, repo, issue, Some(by), json::Shown::Alone));
        }
        payload.insert("comment".into(), rendered.clone());
        if let Value::Object(extra) = extra {
            payload.extend(extra);
        }
        payload.insert("repository".into(), json::repository(self, repo, self.permission(repo, Some(by))));
        payload.insert("sender".into(), json::user(self, by, None));
        payload.insert("is_pull".into(), json!(is_pull));
        let event_type = if is_pull { "pull_request_comment" } else { "issue_comment" };
        self.deliver(repo_id, "issue_comment", event_type, &Value::Object(payload));
    }

    pub(crate) fn announce_review(&mut self, repo_id: u64, number: u64, by: &str, review: &Review) {
        let Ok(repo) = self.repo(repo_id) else { return };
        let Ok(issue) = repo.issue(number) else { return };
        let (event, event_type) = match review.state {
            "APPROVED" => ("pull_request_approved", "pull_request_review_approved"),
            "REQUEST_CHANGES" => ("pull_request_rejected", "pull_request_review_rejected"),
            _ => ("pull_request_comment", "pull_request_review_comment"),
        };
        let payload = json!({
            "action": "reviewed",
            "number": number,
            "pull_request": json::pull(self, repo, issue, Some(by), json::Shown::Alone),
            "requested_reviewer": json::user(self, by, None),
            "repository": json::repository(self, repo, self.permission(repo, Some(by))),
            "sender": json::user(self, by, None),
            "commit_id": "",
            "review": { "type": event_type, "content": review.body },
        });
        self.deliver(repo_id, event, event_type, &payload);
    }

    pub(crate) fn announce_status(&mut self, repo_id: u64, sha: &Sha, status: &Status) {
        if !self.server.delivers_statuses() {
            return;
        }
        let Ok(repo) = self.repo(repo_id) else { return };
        let Some(commit) = repo.git.commit(sha) else { return };
        let target =
            if status.target_url.is_empty() { format!("{}/", self.base) } else { status.target_url.clone() };
        let payload = json!({
            "commit": self.payload_commit(repo, commit),
            "context": status.context,
            "created_at": status.created.to_string(),
            "description": status.description,
            "id": status.id,
            "repository": json::repository(self, repo, Some(Permission::Admin)),
            "sender": json::user(self, &status.creator, None),
            "sha": sha.as_str(),
            "state": status.state.as_str(),
            "target_url": target,
            "updated_at": status.created.to_string(),
        });
        self.deliver(repo_id, "status", "status", &payload);
    }

    /// Tells that a branch moved; a created one is told twice (`create`, then `push`), as is a deleted one.
    pub(crate) fn announce_push(
        &mut self,
        repo_id: u64,
        by: &str,
        branch: &str,
        before: Option<&Sha>,
        after: Option<&Sha>,
    ) {
        let Ok(repo) = self.repo(repo_id) else { return };
        let sender = json::user(self, by, None);
        let event = Event::Push {
            owner: repo.owner.clone(),
            repo: repo.name.clone(),
            branch: branch.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
            by: by.to_owned(),
        };
        match (before, after) {
            (None, Some(after)) => {
                let payload = json!({
                    "sha": after.as_str(),
                    "ref": branch,
                    "ref_type": "branch",
                    "repository": json::repository(self, repo, None),
                    "sender": sender,
                });
                self.deliver(repo_id, "create", "create", &payload);
                self.deliver_push(repo_id, by, branch, None, after);
            }
            (Some(before), Some(after)) => self.deliver_push(repo_id, by, branch, Some(before), after),
            (_, None) => {
                let payload = json!({
                    "ref": branch,
                    "ref_type": "branch",
                    "pusher_type": "user",
                    "repository": json::repository(self, repo, self.permission(repo, Some(by))),
                    "sender": sender,
                });
                self.deliver(repo_id, "delete", "delete", &payload);
            }
        }
        self.emit(event);
    }

    fn deliver_push(&mut self, repo_id: u64, by: &str, branch: &str, before: Option<&Sha>, after: &Sha) {
        let Ok(repo) = self.repo(repo_id) else { return };
        // A new branch is compared with the default branch.
        let fork =
            repo.git.branches.get(&repo.default_branch).and_then(|main| repo.git.merge_base(main, after));
        let payload = self.push_payload(repo, by, branch, before, before.or(fork.as_ref()), after);
        self.deliver(repo_id, "push", "push", &payload);
    }

    /// The payload of a push of `after`, whose new commits are those that `since` does not have.
    pub(crate) fn push_payload(
        &self,
        repo: &Repo,
        by: &str,
        branch: &str,
        before: Option<&Sha>,
        since: Option<&Sha>,
        after: &Sha,
    ) -> Value {
        let commits = repo.git.log(since, after);
        let sender = json::user(self, by, None);
        json!({
            "ref": format!("refs/heads/{branch}"),
            "before": before.map_or(NO_COMMIT, Sha::as_str),
            "after": after.as_str(),
            "compare_url": format!(
                "{}/{}/compare/{}...{after}", self.base, repo.full_name(), since.map_or(NO_COMMIT, Sha::as_str)
            ),
            "commits": commits.iter().take(PUSH_COMMITS).map(|one| self.payload_commit(repo, one)).collect::<Value>(),
            "total_commits": commits.len(),
            "head_commit": repo.git.commit(after).map(|commit| self.payload_commit(repo, commit)),
            "repository": json::repository(self, repo, self.permission(repo, Some(by))),
            "pusher": sender,
            "sender": sender,
        })
    }

    /// The payload of `POST /hooks/{id}/tests`: the newest commit, as if pushed, without its files.
    pub(crate) fn test_payload(&self, repo: &Repo, by: &str, branch: &str, head: &Sha) -> Value {
        let mut payload = self.push_payload(repo, by, branch, Some(head), Some(head), head);
        if let Some(commit) = repo.git.commit(head) {
            let commit = self.branch_commit(repo, commit);
            payload["head_commit"] = commit.clone();
            payload["commits"] = json!([commit]);
            payload["total_commits"] = json!(1);
        }
        payload
    }

    fn payload_commit(&self, repo: &Repo, commit: &Commit) -> Value {
        let empty = Files::new();
        let before = commit.parents.first().and_then(|parent| repo.git.commit(parent));
        let diffs = diff_trees(&repo.git, before.map_or(&empty, |parent| &parent.files), &commit.files);
        let named = |kind: ChangeKind| -> Value {
            diffs.iter().filter(|diff| diff.status == kind).map(|diff| json!(diff.path)).collect()
        };
        let mut value = self.branch_commit(repo, commit);
        value["verification"] = Value::Null;
        value["added"] = named(ChangeKind::Added);
        value["removed"] = named(ChangeKind::Removed);
        value["modified"] = named(ChangeKind::Modified);
        value
    }

    /// A commit as `GET /branches/{branch}` shows it.
    pub(crate) fn branch_commit(&self, repo: &Repo, commit: &Commit) -> Value {
        let person = |signature: &Signature| {
            let known = self.users.values().find(|user| user.email == signature.email);
            json!({
                "name": signature.name,
                "email": signature.email,
                "username": known.map_or("", |user| user.login.as_str()),
            })
        };
        json!({
            "id": commit.sha.as_str(),
            "message": commit.message,
            "url": format!("{}/{}/commit/{}", self.base, repo.full_name(), commit.sha),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "verification": json::verification(),
            "timestamp": commit.author.when.to_string(),
            "added": null,
            "removed": null,
            "modified": null,
        })
    }
}

/// The entries of an issue's timeline, as the API lists them.
pub(crate) fn timeline(world: &World, repo: &Repo, issue: &Issue) -> Vec<Value> {
    issue.timeline.iter().map(|entry| timeline_entry(world, repo, issue, entry)).collect()
}

fn timeline_entry(world: &World, repo: &Repo, issue: &Issue, entry: &super::state::Entry) -> Value {
    let none = String::new;
    let (mut label, mut assignee, mut removed, mut dependent) =
        (Value::Null, Value::Null, false, Value::Null);
    let (mut old_title, mut new_title, mut commit, mut review_id) = (none(), none(), none(), 0);
    let (kind, body) = match &entry.kind {
        EntryKind::Comment { body } => ("comment", body.clone()),
        EntryKind::Label { label: id, added } => {
            label = repo.labels.get(id).map_or(Value::Null, |one| json::label(world, repo, one));
            ("label", if *added { "1".to_owned() } else { none() })
        }
        EntryKind::Title { old, new } => {
            (old_title, new_title) = (old.clone(), new.clone());
            ("change_title", none())
        }
        EntryKind::Close => ("close", none()),
        EntryKind::Reopen => ("reopen", none()),
        EntryKind::Assignee { login, removed: gone } => {
            (assignee, removed) = (json::user(world, login, None), *gone);
            ("assignees", none())
        }
        EntryKind::PullPush { commits } => {
            let ids: Vec<&str> = commits.iter().map(Sha::as_str).collect();
            ("pull_push", json!({ "is_force_push": false, "commit_ids": ids }).to_string())
        }
        EntryKind::Merge { commit: sha } => {
            commit = sha.to_string();
            ("merge_pull", none())
        }
        EntryKind::DeleteBranch { branch } => ("delete_branch", branch.clone()),
        EntryKind::Dependency { on } => {
            dependent =
                repo.issues.get(on).map_or(Value::Null, |issue| json::issue(world, repo, issue, None));
            ("add_dependency", none())
        }
        EntryKind::Review { body, id } => {
            review_id = *id;
            ("review", body.clone())
        }
    };
    let mut value = comment(world, repo, issue, entry, &body);
    if let Value::Object(fields) = &mut value {
        for gone in ["original_author", "original_author_id", "assets"] {
            fields.remove(gone);
        }
        fields.insert("type".into(), json!(kind));
        for zero in ["old_project_id", "project_id"] {
            fields.insert(zero.into(), json!(0));
        }
        for null in [
            "old_milestone",
            "milestone",
            "tracked_time",
            "ref_issue",
            "ref_comment",
            "assignee_team",
            "resolve_doer",
        ] {
            fields.insert(null.into(), Value::Null);
        }
        let rest = json!({
            "old_title": old_title, "new_title": new_title, "old_ref": "", "new_ref": "", "ref_action": "none",
            "ref_commit_sha": commit, "review_id": review_id, "label": label, "assignee": assignee,
            "removed_assignee": removed, "dependent_issue": dependent,
        });
        if let Value::Object(rest) = rest {
            fields.extend(rest);
        }
    }
    value
}
