//! Pull requests: lists, edits, merging, files, reviews.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::json::{self, Shown};
use super::super::merge::{ChangeKind, FileDiff, diff_trees};
use super::super::pulls::{MergeOutcome, MergeRequest, NewPull, Style};
use super::super::state::{Issue, Pull, Repo, World};
use super::super::view::{IssueState, Permission, Refusal};
use super::call::{Answer, Call, Need, Outcome, Visit, read, whole};
use super::issues::{EditIssue, NumberedPlace, Place, apply_edit};

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/pulls", get(list).post(open))
        .route("/pulls/{number}", get(show).patch(edit))
        .route("/pulls/{number}/{head}", get(by_branches))
        .route("/pulls/{number}/merge", get(is_merged).post(merge).delete(cancel))
        .route("/pulls/{number}/update", post(update))
        .route("/pulls/{number}/files", get(files))
        .route("/pulls/{number}/commits", get(commits))
        .route("/pulls/{number}/reviews", get(reviews).post(review))
}

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let page = call.page();
    let value = |name: &str| call.query.get(name).map(String::as_str);
    let state = match value("state") {
        Some("all") => None,
        Some("closed") => Some(IssueState::Closed),
        _ => Some(IssueState::Open),
    };
    let sort = value("sort").unwrap_or_default().to_owned();
    let base = value("base_branch").map(str::to_owned);
    let labels: Vec<u64> =
        value("labels").unwrap_or_default().split(',').filter_map(|label| label.parse().ok()).collect();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let wanted = |issue: &&Issue| {
            state.is_none_or(|state| issue.state == state)
                && labels.iter().all(|label| issue.labels.contains(label))
                && issue
                    .pull
                    .as_ref()
                    .is_some_and(|pull| base.as_ref().is_none_or(|base| pull.base_branch == *base))
        };
        let mut pulls: Vec<&Issue> = repo.issues.values().filter(wanted).collect();
        match sort.as_str() {
            "oldest" => pulls.sort_by_key(|issue| issue.id),
            // Times are whole seconds; among equal ones the last to change is the one with the newest entry.
            "recentupdate" => {
                pulls.sort_by_key(|issue| std::cmp::Reverse((issue.updated, last_entry(issue))));
            }
            "leastupdate" => pulls.sort_by_key(|issue| (issue.updated, last_entry(issue))),
            "mostcomment" => pulls.sort_by_key(|issue| std::cmp::Reverse(issue.comments().count())),
            "leastcomment" => pulls.sort_by_key(|issue| issue.comments().count()),
            _ => pulls.sort_by_key(|issue| std::cmp::Reverse(issue.id)),
        }
        let total = pulls.len();
        let shown =
            page.cut(pulls).map(|issue| json::pull(world, repo, issue, visit.viewer(), Shown::InList));
        Ok(Answer::List { items: shown.collect(), total })
    })
}

fn last_entry(issue: &Issue) -> u64 {
    issue.timeline.last().map_or(0, |entry| entry.id)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OpenPull {
    title: String,
    body: String,
    head: String,
    base: String,
    labels: Vec<u64>,
}

async fn open(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit_unarchived(&owner, &name, Need::Account, |world, visit| {
        let new: OpenPull = read(&body)?;
        let labels = if visit.permission >= Permission::Write { new.labels } else { Vec::new() };
        let new = NewPull {
            title: new.title,
            body: new.body,
            head: new.head,
            base: new.base,
            labels,
            number: None,
        };
        let number = world.open_pull(visit.repo, visit.by(), new)?;
        render(world, visit, number, 201)
    })
}

fn parts(repo: &Repo, number: u64) -> Result<(&Issue, &Pull), Refusal> {
    let issue = repo.issue(number)?;
    Ok((issue, issue.pull.as_ref().ok_or_else(Refusal::not_found)?))
}

fn render(world: &World, visit: &Visit, number: u64, status: u16) -> Outcome {
    let repo = world.repo(visit.repo)?;
    let (issue, _) = parts(repo, number)?;
    Ok(Answer::Json(status, json::pull(world, repo, issue, visit.viewer(), Shown::Alone)))
}

/// `12`, or `12.diff` for the patch.
async fn show(call: Call, Path((owner, name, number)): Path<(String, String, String)>) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let digits = number.split('.').next().unwrap_or_default();
        let index: u64 = digits.parse().map_err(|_| Refusal::not_found())?;
        if digits == number {
            return render(world, visit, index, 200);
        }
        let patch = pull_diff(world.repo(visit.repo)?, index)?.into_iter().map(|diff| diff.patch).collect();
        Ok(Answer::Text(patch))
    })
}

fn pull_diff(repo: &Repo, number: u64) -> Result<Vec<FileDiff>, Refusal> {
    let (_, pull) = parts(repo, number)?;
    let tree = |sha: &str| repo.git.commit(sha).map(|commit| &commit.files).ok_or_else(Refusal::not_found);
    Ok(diff_trees(&repo.git, tree(&pull.merge_base)?, tree(&pull.head)?))
}

/// The pull request from one branch to another; the first part of the path is the base.
async fn by_branches(
    call: Call,
    Path((owner, name, base, head)): Path<(String, String, String, String)>,
) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let head = head.rsplit(':').next().unwrap_or_default();
        let wanted = |issue: &&Issue| {
            issue.pull.as_ref().is_some_and(|pull| pull.base_branch == base && pull.head_branch == head)
        };
        let found = world.repo(visit.repo)?.issues.values().rev().find(wanted).map(|issue| issue.number);
        render(world, visit, found.ok_or_else(Refusal::not_found)?, 200)
    })
}

async fn edit(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let edit: EditIssue = read(&body)?;
        parts(world.repo(visit.repo)?, number)?;
        apply_edit(world, visit, number, edit)?;
        render(world, visit, number, 201)
    })
}

async fn is_merged(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        if world.is_merged(visit.repo, number)? { Ok(Answer::Empty(204)) } else { Err(Refusal::not_found()) }
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MergeForm {
    #[serde(rename = "Do", alias = "do")]
    style: String,
    #[serde(rename = "MergeTitleField", alias = "merge_title_field")]
    title: Option<String>,
    #[serde(rename = "MergeMessageField", alias = "merge_message_field")]
    message: Option<String>,
    head_commit_id: Option<String>,
    force_merge: bool,
    merge_when_checks_succeed: bool,
    delete_branch_after_merge: Option<bool>,
}

async fn merge(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    let client = call.client;
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let form: MergeForm = read(&body)?;
        if form.style.is_empty() {
            return Err(Refusal::new(422, "[Do]: Required"));
        }
        let request = MergeRequest {
            style: Style::parse(&form.style).ok_or_else(|| Refusal::new(422, "[Do]: In"))?,
            head_commit_id: form.head_commit_id,
            title: form.title,
            message: form.message,
            force: form.force_merge,
            when_checks_succeed: form.merge_when_checks_succeed,
            delete_branch: form.delete_branch_after_merge.unwrap_or(false),
            client,
        };
        match world.merge(visit.repo, visit.by(), number, request)? {
            MergeOutcome::Merged => Ok(Answer::Empty(200)),
            MergeOutcome::Scheduled => Ok(Answer::Empty(201)),
        }
    })
}

async fn cancel(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit_unarchived(&owner, &name, Need::Write, |world, visit| {
        world.cancel_schedule(visit.repo, number)?;
        Ok(Answer::Empty(204))
    })
}

async fn update(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    let rebase = call.query.get("style").is_some_and(|style| style == "rebase");
    call.visit(&owner, &name, Need::Account, |world, visit| {
        world.update_pull(visit.repo, visit.by(), number, rebase)?;
        Ok(Answer::Empty(200))
    })
}

async fn files(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let (_, pull) = parts(repo, number)?;
        let diffs = pull_diff(repo, number)?;
        let (html, head) = (format!("{}/{}", world.base, repo.full_name()), &pull.head);
        let shown = |diff: &FileDiff| {
            let status = match diff.status {
                ChangeKind::Added => "added",
                ChangeKind::Modified => "changed",
                ChangeKind::Removed => "deleted",
            };
            let contents = format!("{}/api/v1/repos/{}/contents", world.base, repo.full_name());
            json!({
                "filename": diff.path,
                "status": status,
                "additions": diff.additions,
                "deletions": diff.deletions,
                "changes": diff.additions + diff.deletions,
                "html_url": format!("{html}/src/commit/{head}/{}", diff.path),
                "contents_url": format!("{contents}/{}?ref={head}", diff.path),
                "raw_url": format!("{html}/raw/commit/{head}/{}", diff.path),
            })
        };
        let items: Value = page.cut(&diffs).map(shown).collect();
        Ok(Answer::Commits { items, total: diffs.len(), page: page.page, limit: page.limit })
    })
}

async fn commits(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let (_, pull) = parts(repo, number)?;
        let log = repo.git.log(Some(&pull.merge_base), &pull.head);
        let total = log.len();
        let items = page.cut(log).map(|commit| json::commit(world, repo, commit, json::ALL_PARTS)).collect();
        Ok(Answer::Commits { items, total, page: page.page, limit: page.limit })
    })
}

async fn reviews(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let (_, pull) = parts(repo, number)?;
        let shown = pull.reviews.iter().map(|one| json::review(world, repo, number, one, visit.viewer()));
        Ok(whole(shown.collect()))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NewReview {
    event: String,
    body: String,
}

async fn review(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let new: NewReview = read(&body)?;
        let state = match new.event.as_str() {
            "APPROVED" | "APPROVE" => "APPROVED",
            "REQUEST_CHANGES" => "REQUEST_CHANGES",
            _ => "COMMENT",
        };
        let (issue, _) = parts(world.repo(visit.repo)?, number)?;
        if issue.author == visit.by() && state != "COMMENT" {
            return Err(Refusal::new(422, "approve your own pull is not allowed"));
        }
        let review = world.review(visit.repo, visit.by(), number, state, &new.body)?;
        let shown = json::review(world, world.repo(visit.repo)?, number, &review, visit.viewer());
        Ok(Answer::Json(200, shown))
    })
}
