//! How the API writes users, repositories, labels, issues, pull requests and commits.
//!
//! Field names and types are those of the recordings; a field that this simulator has no notion of carries the value
//! that the real server gives by default. Each object is written as Gitea 1.27 writes it, and shaped for the server that
//! is simulated.

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::git::{Commit, Sha, Signature};
use super::merge::diff_trees;
use super::pulls::Style;
use super::server::Object;
use super::state::{Entry, Issue, Label, Pull, Repo, Review, Status, Verdict, World};
use super::view::{IssueState, Permission};

const NO_TIME: &str = "0001-01-01T00:00:00Z";
const EPOCH: &str = "1970-01-01T00:00:00Z";

pub(crate) fn user(world: &World, login: &str, viewer: Option<&str>) -> Value {
    let Some(user) = world.user(login) else { return Value::Null };
    let is_viewer = viewer == Some(user.login.as_str());
    let full = !user.is_organization
        && (is_viewer || viewer.and_then(|login| world.user(login)).is_some_and(|viewer| viewer.is_admin));
    let host = world.base.trim_start_matches("http://").split(':').next().unwrap_or_default();
    let email = match viewer {
        Some(_) => user.email.clone(),
        None => world.server.hidden_email(user.id, &user.login, host),
    };
    let digest = super::git::hex(&Sha1::digest(user.login.as_bytes())[..16]);
    let shown = json!({
        "id": user.id,
        "login": user.login,
        "login_name": "",
        "source_id": 0,
        "full_name": "",
        "email": if user.is_organization { String::new() } else { email },
        "avatar_url": format!("{}/avatars/{digest}", world.base),
        "html_url": format!("{}/{}", world.base, user.login),
        "language": "",
        "is_admin": full && user.is_admin,
        "last_login": if full { EPOCH } else { NO_TIME },
        "created": user.created.to_string(),
        "restricted": false,
        "active": full,
        "prohibit_login": false,
        "location": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": user.login,
    });
    world.server.shaped(Object::User, shown)
}

pub(crate) fn repository(world: &World, repo: &Repo, permission: Option<Permission>) -> Value {
    let open = |is_pull: bool| {
        let wanted = |issue: &&Issue| issue.pull.is_some() == is_pull && issue.state == IssueState::Open;
        repo.issues.values().filter(wanted).count()
    };
    let api = format!("{}/api/v1/repos/{}", world.base, repo.full_name());
    let html = format!("{}/{}", world.base, repo.full_name());
    let host = world.base.trim_start_matches("http://");
    let mut value = json!({
        "id": repo.id,
        "owner": user(world, &repo.owner, None),
        "name": repo.name,
        "full_name": repo.full_name(),
        "description": "",
        "empty": repo.git.branches.is_empty(),
        "private": repo.private,
        "fork": false,
        "template": false,
        "mirror": false,
        "size": 27,
        "language": "",
        "languages_url": format!("{api}/languages"),
        "html_url": html,
        "url": api,
        "link": "",
        "ssh_url": format!("git@{host}:{}.git", repo.full_name()),
        "clone_url": format!("{html}.git"),
        "original_url": "",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "branch_count": repo.git.branches.len(),
        "open_issues_count": open(false),
        "open_pr_counter": open(true),
        "release_counter": 0,
        "default_branch": repo.default_branch,
        "archived": repo.archived.is_some(),
        "created_at": repo.created.to_string(),
        "updated_at": repo.updated.to_string(),
        "archived_at": repo.archived.map_or_else(|| EPOCH.to_owned(), |at| at.to_string()),
        "permissions": {
            "admin": permission >= Some(Permission::Admin),
            "push": permission >= Some(Permission::Write),
            "pull": permission.is_some(),
        },
    });
    if let Value::Object(fields) = &mut value {
        fields.extend(repository_settings(world.server.allows_maintainer_edit()));
        for (name, style) in MERGE_SETTINGS {
            fields.insert(name.into(), json!(repo.merge_styles.contains(&style)));
        }
    }
    world.server.shaped(Object::Repository, value)
}

/// The settings that allow a repository's pull requests to be merged so.
pub(crate) const MERGE_SETTINGS: [(&str, Style); 6] = [
    ("allow_merge_commits", Style::Merge),
    ("allow_rebase", Style::Rebase),
    ("allow_rebase_explicit", Style::RebaseMerge),
    ("allow_squash_merge", Style::Squash),
    ("allow_fast_forward_only_merge", Style::FastForwardOnly),
    ("allow_manual_merge", Style::ManuallyMerged),
];

/// The settings that no test changes.
fn repository_settings(allows_maintainer_edit: bool) -> Map<String, Value> {
    let settings = json!({
        "has_code": true,
        "has_issues": true,
        "internal_tracker": {
            "enable_time_tracker": true,
            "allow_only_contributors_to_track_time": true,
            "enable_issue_dependencies": true,
        },
        "has_wiki": true,
        "has_pull_requests": true,
        "has_projects": true,
        "projects_mode": "all",
        "has_releases": true,
        "has_packages": true,
        "has_actions": false,
        "ignore_whitespace_conflicts": false,
        "allow_merge_update": true,
        "allow_rebase_update": true,
        "autodetect_manual_merge": false,
        "default_delete_branch_after_merge": false,
        "default_merge_style": "merge",
        "default_update_style": "merge",
        "default_allow_maintainer_edit": allows_maintainer_edit,
        "avatar_url": "",
        "internal": false,
        "mirror_interval": "",
        "object_format_name": "sha1",
        "mirror_updated": NO_TIME,
        "mirror_last_sync_at": NO_TIME,
        "topics": [],
        "licenses": [],
    });
    match settings {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

pub(crate) fn label(world: &World, repo: &Repo, label: &Label) -> Value {
    json!({
        "id": label.id,
        "name": label.name,
        "exclusive": false,
        "is_archived": false,
        "color": label.color,
        "description": label.description,
        "url": format!("{}/api/v1/repos/{}/labels/{}", world.base, repo.full_name(), label.id),
    })
}

/// The labels of an issue, by name.
pub(crate) fn labels(world: &World, repo: &Repo, issue: &Issue) -> Value {
    let mut labels: Vec<&Label> = issue.labels.iter().filter_map(|id| repo.labels.get(id)).collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels.into_iter().map(|one| label(world, repo, one)).collect()
}

pub(crate) fn issue(world: &World, repo: &Repo, issue: &Issue, viewer: Option<&str>) -> Value {
    let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
    let full_name = repo.full_name();
    let assignees: Vec<Value> = issue.assignees.iter().map(|login| user(world, login, None)).collect();
    let shown = json!({
        "id": issue.id,
        "url": format!("{}/api/v1/repos/{full_name}/issues/{}", world.base, issue.number),
        "html_url": format!("{}/{full_name}/{kind}/{}", world.base, issue.number),
        "number": issue.number,
        "user": user(world, &issue.author, viewer),
        "original_author": "",
        "original_author_id": 0,
        "title": issue.title,
        "body": issue.body,
        "ref": "",
        "assets": [],
        "labels": labels(world, repo, issue),
        "milestone": null,
        "projects": null,
        "assignee": assignees.first().cloned(),
        "assignees": if assignees.is_empty() { Value::Null } else { Value::Array(assignees) },
        "state": issue.state.as_str(),
        "is_locked": false,
        "comments": issue.comments().count(),
        "created_at": issue.created.to_string(),
        "updated_at": issue.updated.to_string(),
        "closed_at": issue.closed.map(|at| at.to_string()),
        "due_date": null,
        "time_estimate": 0,
        "pull_request": issue.pull.as_ref().map(|pull| json!({
            "merged": pull.merged.is_some(),
            "merged_at": pull.merged.as_ref().map(|merged| merged.at.to_string()),
            "draft": is_draft(&issue.title),
            "html_url": format!("{}/{full_name}/pulls/{}", world.base, issue.number),
        })),
        "repository": { "id": repo.id, "name": repo.name, "owner": repo.owner, "full_name": full_name },
        "pin_order": 0,
        "content_version": issue.content_version,
    });
    world.server.shaped(Object::Issue, shown)
}

/// Whether a title marks a pull request as work in progress.
pub(crate) fn is_draft(title: &str) -> bool {
    let title = title.to_uppercase();
    title.starts_with("WIP:") || title.starts_with("[WIP]")
}

/// Whether a pull request is shown alone or in a list, which leaves some fields out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Alone,
    InList,
}

pub(crate) fn pull(world: &World, repo: &Repo, issue: &Issue, viewer: Option<&str>, shown: Shown) -> Value {
    let Some(pull) = &issue.pull else { return Value::Null };
    let html = format!("{}/{}/pulls/{}", world.base, repo.full_name(), issue.number);
    let server = world.server;
    let whole = shown == Shown::Alone || server.lists_pulls_whole();
    let empty = || if whole { json!([]) } else { Value::Null };
    let assignees: Vec<Value> = issue.assignees.iter().map(|login| user(world, login, None)).collect();
    let reviewers: Vec<Value> = reviewers(pull).into_iter().map(|login| user(world, login, None)).collect();
    let or_empty = |list: Vec<Value>| if list.is_empty() { empty() } else { Value::Array(list) };
    let mut value = json!({
        "id": pull.id,
        "url": html,
        "number": issue.number,
        "user": user(world, &issue.author, viewer),
        "title": issue.title,
        "body": issue.body,
        "labels": labels(world, repo, issue),
        "milestone": null,
        "assignee": assignees.first().cloned(),
        "assignees": if assignees.is_empty() && server.assigns_pulls_to_null() { Value::Null } else { or_empty(assignees) },
        "requested_reviewers": or_empty(reviewers),
        "requested_reviewers_teams": empty(),
        "state": issue.state.as_str(),
        "draft": is_draft(&issue.title),
        "is_locked": false,
        "comments": issue.comments().count(),
    });
    let Value::Object(fields) = &mut value else { return value };
    if !pull.reviews.is_empty() || server.counts_no_reviews() {
        fields.insert("review_comments".into(), json!(pull.reviews.len()));
    }
    if whole {
        let (additions, deletions, files) = pull_size(repo, pull);
        fields.insert("additions".into(), json!(additions));
        fields.insert("deletions".into(), json!(deletions));
        fields.insert("changed_files".into(), json!(files));
    }
    let permission = world.permission(repo, viewer);
    let base = repo.git.branches.get(&pull.base_branch).unwrap_or(&pull.merge_base);
    let gone = !repo.git.branches.contains_key(&pull.head_branch);
    let head_ref = if gone { format!("refs/pull/{}/head", issue.number) } else { pull.head_branch.clone() };
    let merged = pull.merged.as_ref();
    let rest = json!({
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "mergeable": is_mergeable(issue, pull),
        "merged": merged.is_some(),
        "merged_at": merged.map(|merged| merged.at.to_string()),
        "merge_commit_sha": merged.map(|merged| merged.commit.as_str()),
        "merged_by": merged.map(|merged| user(world, &merged.by, None)),
        "allow_maintainer_edit": server.allows_maintainer_edit(),
        "base": side(world, repo, permission, &pull.base_branch, &pull.base_branch, base),
        "head": side(world, repo, permission, &pull.head_branch, &head_ref, &pull.head),
        "merge_base": pull.merge_base.as_str(),
        "due_date": null,
        "created_at": issue.created.to_string(),
        "updated_at": issue.updated.to_string(),
        "closed_at": issue.closed.map(|at| at.to_string()),
        "pin_order": 0,
        "content_version": issue.content_version,
    });
    if let Value::Object(rest) = rest {
        fields.extend(rest);
    }
    server.shaped(Object::Pull, value)
}

fn side(
    world: &World,
    repo: &Repo,
    permission: Option<Permission>,
    label: &str,
    name: &str,
    sha: &Sha,
) -> Value {
    json!({
        "label": label,
        "ref": name,
        "sha": sha.as_str(),
        "repo_id": repo.id,
        "repo": repository(world, repo, permission),
    })
}

pub(crate) fn is_mergeable(issue: &Issue, pull: &Pull) -> bool {
    matches!(pull.check.verdict(), Some(Verdict::Clean | Verdict::Ancestor)) && !is_draft(&issue.title)
}

fn reviewers(pull: &Pull) -> Vec<&str> {
    let mut logins: Vec<&str> = pull.reviews.iter().map(|review| review.author.as_str()).collect();
    logins.sort_unstable();
    logins.dedup();
    logins
}

fn pull_size(repo: &Repo, pull: &Pull) -> (usize, usize, usize) {
    let (Some(base), Some(head)) = (repo.git.commit(&pull.merge_base), repo.git.commit(&pull.head)) else {
        return (0, 0, 0);
    };
    let diffs = diff_trees(&repo.git, &base.files, &head.files);
    let sum = |count: fn(&super::merge::FileDiff) -> usize| diffs.iter().map(count).sum();
    (sum(|diff| diff.additions), sum(|diff| diff.deletions), diffs.len())
}

pub(crate) fn comment(world: &World, repo: &Repo, issue: &Issue, entry: &Entry, body: &str) -> Value {
    let html = format!("{}/{}", world.base, repo.full_name());
    let (kind, pull_url, issue_url) = if issue.pull.is_some() {
        ("pulls", format!("{html}/pulls/{}", issue.number), String::new())
    } else {
        ("issues", String::new(), format!("{html}/issues/{}", issue.number))
    };
    json!({
        "id": entry.id,
        "html_url": format!("{html}/{kind}/{}#issuecomment-{}", issue.number, entry.id),
        "pull_request_url": pull_url,
        "issue_url": issue_url,
        "user": user(world, &entry.author, None),
        "original_author": "",
        "original_author_id": 0,
        "body": body,
        "assets": [],
        "created_at": entry.created.to_string(),
        "updated_at": entry.updated.to_string(),
    })
}

pub(crate) fn review(
    world: &World,
    repo: &Repo,
    number: u64,
    review: &Review,
    viewer: Option<&str>,
) -> Value {
    let html = format!("{}/{}/pulls/{number}", world.base, repo.full_name());
    json!({
        "id": review.id,
        "user": user(world, &review.author, viewer),
        "team": null,
        "state": review.state,
        "body": review.body,
        "commit_id": review.commit.as_str(),
        "stale": false,
        "official": true,
        "dismissed": false,
        "comments_count": 0,
        "submitted_at": review.submitted.to_string(),
        "updated_at": review.submitted.to_string(),
        "html_url": format!("{html}#issuecomment-{}", review.id),
        "pull_request_url": html,
    })
}

pub(crate) fn status(world: &World, repo: &Repo, sha: &Sha, status: &Status) -> Value {
    json!({
        "id": status.id,
        "status": status.state.as_str(),
        "target_url": status.target_url,
        "description": status.description,
        "url": format!("{}/api/v1/repos/{}/statuses/{sha}", world.base, repo.full_name()),
        "context": status.context,
        "creator": user(world, &status.creator, None),
        "created_at": status.created.to_string(),
        "updated_at": status.created.to_string(),
    })
}

/// What is said of a commit's signature; there is never one.
pub(crate) fn verification() -> Value {
    json!({
        "verified": false,
        "reason": "gpg.error.not_signed_commit",
        "signature": "",
        "signer": null,
        "payload": "",
    })
}

fn person(signature: &Signature) -> Value {
    json!({ "name": signature.name, "email": signature.email, "date": signature.when.to_string() })
}

fn commit_user(world: &World, signature: &Signature) -> Value {
    let known = world.users.values().find(|user| user.email == signature.email);
    known.map_or(Value::Null, |known| user(world, &known.login, None))
}

/// Which of the costly parts of a commit are wanted.
#[derive(Clone, Copy)]
pub(crate) struct CommitParts {
    pub(crate) stat: bool,
    pub(crate) verification: bool,
    pub(crate) files: bool,
}

pub(crate) const ALL_PARTS: CommitParts = CommitParts { stat: true, verification: true, files: true };

/// The files that a commit changed, as it shows them.
pub(crate) fn changed_files(diffs: &[super::merge::FileDiff]) -> Value {
    let file = |diff: &super::merge::FileDiff| {
        let status = match diff.status {
            super::merge::ChangeKind::Added => "added",
            super::merge::ChangeKind::Modified => "modified",
            super::merge::ChangeKind::Removed => "removed",
        };
        json!({ "filename": diff.path, "status": status })
    };
    diffs.iter().map(file).collect()
}

/// A commit as `/commits`, `/git/commits` and `/compare` show it.
pub(crate) fn commit(world: &World, repo: &Repo, commit: &Commit, parts: CommitParts) -> Value {
    let api = format!("{}/api/v1/repos/{}/git", world.base, repo.full_name());
    let url = format!("{api}/commits/{}", commit.sha);
    let created = commit.committer.when.to_string();
    let empty = super::git::Files::new();
    let before = commit.parents.first().and_then(|parent| repo.git.commit(parent));
    let diffs = if parts.stat || parts.files {
        diff_trees(&repo.git, before.map_or(&empty, |parent| &parent.files), &commit.files)
    } else {
        Vec::new()
    };
    let additions: usize = diffs.iter().map(|diff| diff.additions).sum();
    let deletions: usize = diffs.iter().map(|diff| diff.deletions).sum();
    json!({
        "url": url,
        "sha": commit.sha.as_str(),
        "created": created,
        "html_url": format!("{}/{}/commit/{}", world.base, repo.full_name(), commit.sha),
        "commit": {
            "url": url,
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "message": commit.message,
            // The real server gives the commit's own id here, not the tree's.
            "tree": { "url": format!("{api}/trees/{}", commit.sha), "sha": commit.sha.as_str(), "created": created },
            "verification": if parts.verification { verification() } else { Value::Null },
        },
        "author": commit_user(world, &commit.author),
        "committer": commit_user(world, &commit.committer),
        "parents": parents(&api, commit),
        "files": if parts.files { changed_files(&diffs) } else { Value::Null },
        "stats": if parts.stat {
            json!({ "total": additions + deletions, "additions": additions, "deletions": deletions })
        } else {
            Value::Null
        },
    })
}

fn parents(api: &str, commit: &Commit) -> Value {
    let parent =
        |sha: &Sha| json!({ "url": format!("{api}/commits/{sha}"), "sha": sha.as_str(), "created": NO_TIME });
    commit.parents.iter().map(parent).collect()
}

/// A commit as the answer to a change of files shows it.
pub(crate) fn file_commit(world: &World, repo: &Repo, commit: &Commit) -> Value {
    let api = format!("{}/api/v1/repos/{}/git", world.base, repo.full_name());
    json!({
        "url": format!("{api}/commits/{}", commit.sha),
        "sha": commit.sha.as_str(),
        "created": NO_TIME,
        "html_url": format!("{}/{}/commit/{}", world.base, repo.full_name(), commit.sha),
        "author": person(&commit.author),
        "committer": person(&commit.committer),
        "parents": parents(&api, commit),
        "message": commit.message,
        "tree": { "url": format!("{api}/trees/{}", commit.tree), "sha": commit.tree.as_str(), "created": NO_TIME },
    })
}
