//! Commits, their patches, comparisons, trees and statuses.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::git::{Files, Sha, tree_entries};
use super::super::json::{self, CommitParts};
use super::super::merge::diff_trees;
use super::super::server::{NoStatus, Object};
use super::super::state::{Repo, Status, World, now};
use super::super::view::{Refusal, StatusState};
use super::call::{Answer, Call, Need, read};
use super::issues::Place;

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/commits", get(list))
        .route("/commits/{reference}/status", get(combined))
        .route("/commits/{reference}/statuses", get(statuses))
        .route("/statuses/{reference}", get(statuses).post(set_status))
        .route("/git/commits/{sha}", get(show))
        .route("/git/trees/{sha}", get(tree))
        .route("/git/blobs/{sha}", get(blob))
        .route("/compare/{*range}", get(compare))
}

type ReferencePlace = Path<(String, String, String)>;

fn wanted_parts(call: &Call) -> CommitParts {
    CommitParts {
        stat: call.unless_off("stat"),
        verification: call.unless_off("verification"),
        files: call.unless_off("files"),
    }
}

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let (page, parts) = (call.page(), wanted_parts(&call));
    let (reference, path) =
        (call.query.get("sha").cloned(), call.query.get("path").cloned().unwrap_or_default());
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let reference =
            reference.filter(|name| !name.is_empty()).unwrap_or_else(|| repo.default_branch.clone());
        let head = repo.git.resolve(&reference).ok_or_else(Refusal::not_found)?;
        let mut log = repo.git.log(None, &head.sha);
        if !path.is_empty() {
            log.retain(|commit| {
                repo.git.last_change(&commit.sha, &path).is_some_and(|last| last.sha == commit.sha)
            });
        }
        let total = log.len();
        let items = page.cut(log).map(|commit| json::commit(world, repo, commit, parts)).collect();
        Ok(Answer::Commits { items, total, page: page.page, limit: page.limit })
    })
}

/// `{sha}`, or `{sha}.diff` for the patch against the first parent.
async fn show(call: Call, Path((owner, name, wanted)): ReferencePlace) -> Response {
    let parts = wanted_parts(&call);
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let bare = wanted.strip_suffix(".diff").or_else(|| wanted.strip_suffix(".patch"));
        let commit = repo.git.resolve(bare.unwrap_or(&wanted)).ok_or_else(Refusal::not_found)?;
        if bare.is_none() {
            return Ok(Answer::Json(200, json::commit(world, repo, commit, parts)));
        }
        let empty = Files::new();
        let before = commit.parents.first().and_then(|parent| repo.git.commit(parent));
        let diffs = diff_trees(&repo.git, before.map_or(&empty, |parent| &parent.files), &commit.files);
        Ok(Answer::Text(diffs.into_iter().map(|diff| diff.patch).collect()))
    })
}

async fn compare(call: Call, Path((owner, name, range)): ReferencePlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let (base, head) =
            range.split_once("...").or_else(|| range.split_once("..")).ok_or_else(Refusal::not_found)?;
        let commit = |name: &str| {
            let found = if world.server.compares_expressions() {
                repo.git.resolve_expression(name)
            } else {
                repo.git.resolve(name)
            };
            found.ok_or_else(Refusal::not_found)
        };
        let (base, head) = (commit(base)?, commit(head)?);
        let log = repo.git.log(Some(&base.sha), &head.sha);
        let commits: Value =
            log.iter().map(|commit| json::commit(world, repo, commit, json::ALL_PARTS)).collect();
        // The files of each commit, one after another: what two of them changed is there twice.
        let files: Vec<Value> = commits
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["files"].as_array())
            .flatten()
            .cloned()
            .collect();
        let shown = json!({ "total_commits": log.len(), "commits": commits, "files": files });
        Ok(Answer::Json(200, world.server.shaped(Object::Comparison, shown)))
    })
}

async fn tree(call: Call, Path((owner, name, wanted)): ReferencePlace) -> Response {
    let recursive = call.flag("recursive");
    let number = |name: &str, default: usize| {
        call.query
            .get(name)
            .and_then(|value| value.parse().ok())
            .filter(|value| *value > 0)
            .unwrap_or(default)
    };
    let (page, per_page) = (number("page", 1), number("per_page", 1000).min(1000));
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let commit = repo.git.resolve(&wanted).ok_or_else(Refusal::not_found)?;
        let api = format!("{}/api/v1/repos/{}/git", world.base, repo.full_name());
        let mut entries = tree_entries(&commit.files);
        if !recursive {
            entries.retain(|entry| !entry.path.contains('/'));
        }
        let total = entries.len();
        let shown = entries.into_iter().skip((page - 1) * per_page).take(per_page).map(|entry| {
            let size = repo.git.blob(&entry.sha).map_or(0, |blob| blob.len());
            let kind = if entry.kind == "tree" { "trees" } else { "blobs" };
            json!({
                "path": entry.path,
                "mode": entry.mode,
                "type": entry.kind,
                "size": size,
                "sha": entry.sha.as_str(),
                "url": format!("{api}/{kind}/{}", entry.sha),
            })
        });
        let body = json!({
            "sha": commit.sha.as_str(),
            "url": format!("{api}/trees/{}", commit.sha),
            "tree": shown.collect::<Value>(),
            "truncated": page * per_page < total,
            "page": page,
            "total_count": total,
        });
        Ok(Answer::List { items: body, total })
    })
}

async fn blob(call: Call, Path((owner, name, wanted)): ReferencePlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let content = repo.git.blob(&wanted).ok_or_else(|| Refusal::new(400, "object does not exist"))?;
        let url = format!("{}/api/v1/repos/{}/git/blobs/{wanted}", world.base, repo.full_name());
        let body = json!({
            "content": BASE64_STANDARD.encode(content.as_slice()),
            "encoding": "base64",
            "url": url,
            "sha": wanted,
            "size": content.len(),
        });
        Ok(Answer::Json(200, body))
    })
}

async fn combined(call: Call, Path((owner, name, reference)): ReferencePlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let sha = &repo.git.resolve(&reference).ok_or_else(Refusal::not_found)?.sha;
        let statuses = repo.latest_statuses(sha);
        let none = world.server.no_status();
        if statuses.is_empty() && none == NoStatus::Empty {
            let body = json!({
                "state": "", "sha": "", "total_count": 0, "statuses": null, "repository": null, "commit_url": "",
                "url": "",
            });
            return Ok(Answer::Json(200, body));
        }
        let shown: Vec<Value> = statuses.iter().map(|one| json::status(world, repo, sha, one)).collect();
        let worst = statuses.iter().map(|status| status.state).max();
        let state = match (worst, none) {
            (Some(worst), _) => worst.as_str(),
            (None, NoStatus::State(state)) => state,
            (None, NoStatus::Empty) => "",
        };
        let api = format!("{}/api/v1/repos/{}/commits/{sha}", world.base, repo.full_name());
        let body = json!({
            "state": state,
            "sha": sha.as_str(),
            "total_count": shown.len(),
            "statuses": if shown.is_empty() { Value::Null } else { Value::Array(shown) },
            "repository": json::repository(world, repo, Some(visit.permission)),
            "commit_url": api,
            "url": format!("{api}/status"),
        });
        Ok(Answer::List { items: body, total: statuses.len() })
    })
}

async fn statuses(call: Call, Path((owner, name, reference)): ReferencePlace) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let sha = &repo.git.resolve(&reference).ok_or_else(Refusal::not_found)?.sha;
        let all = repo.statuses.get(sha).map(Vec::as_slice).unwrap_or_default();
        let shown = page.cut(all.iter().rev()).map(|status| json::status(world, repo, sha, status));
        Ok(Answer::List { items: shown.collect(), total: all.len() })
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NewStatus {
    state: String,
    context: String,
    description: String,
    target_url: String,
}

async fn set_status(call: Call, Path((owner, name, reference)): ReferencePlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        let new: NewStatus = read(&body)?;
        let sha = find(world.repo(visit.repo)?, &reference)?;
        let status = Status {
            id: world.counters.next("status"),
            context: if new.context.is_empty() { "default".into() } else { new.context },
            state: StatusState::parse(&new.state).unwrap_or(StatusState::Pending),
            description: new.description,
            target_url: new.target_url,
            creator: visit.by().to_owned(),
            created: now(),
        };
        world.set_status(visit.repo, &sha, &status)?;
        Ok(Answer::Json(201, json::status(world, world.repo(visit.repo)?, &sha, &status)))
    })
}

fn find(repo: &Repo, reference: &str) -> Result<Sha, Refusal> {
    repo.git.resolve(reference).map(|commit| commit.sha.clone()).ok_or_else(Refusal::not_found)
}

/// What every answer about a written commit says of its signature and content.
pub(crate) fn written(
    world: &World,
    repo: &Repo,
    sha: &Sha,
    content: (&str, Value),
) -> Result<Value, Refusal> {
    let commit = repo.git.commit(sha).ok_or_else(Refusal::not_found)?;
    let mut body =
        json!({ "commit": json::file_commit(world, repo, commit), "verification": json::verification() });
    body[content.0] = content.1;
    Ok(body)
}
