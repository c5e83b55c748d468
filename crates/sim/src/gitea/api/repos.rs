//! Repositories: made, found, changed, deleted; and the search for issues across all of them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::json;
use super::super::state::{Repo, World, now};
use super::super::view::{FileChange, NewCommit, Permission, Refusal};
use super::call::{Answer, Call, Need, Outcome, Page, read};
use super::issues::Filter;

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/user/repos", get(mine).post(create_own))
        .route("/orgs/{owner}/repos", post(create_in_organization).get(of_owner))
        .route("/users/{owner}/repos", get(of_owner))
        .route("/repos/search", get(search))
        .route("/repos/issues/search", get(search_issues))
        .route("/repos/{owner}/{repo}", get(show).patch(edit).delete(remove))
}

#[derive(Deserialize)]
struct NewRepository {
    name: String,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    auto_init: bool,
    #[serde(default)]
    default_branch: Option<String>,
}

async fn create_own(call: Call, body: Bytes) -> Response {
    call.run_as(|world, by| create(world, by, by, &body))
}

async fn create_in_organization(call: Call, Path(owner): Path<String>, body: Bytes) -> Response {
    call.run_as(|world, by| {
        let is_organization = world.user(&owner).is_some_and(|user| user.is_organization);
        if !is_organization {
            return Err(Refusal::not_found());
        }
        let may = world.user(by).is_some_and(|user| user.is_admin)
            || world.teams.values().any(|team| {
                team.organization == owner
                    && team.permission == Permission::Admin
                    && team.members.contains(by)
            });
        if !may {
            return Err(Refusal::new(403, "Given user is not allowed to create repository in organization."));
        }
        create(world, by, &owner, &body)
    })
}

fn create(world: &mut World, by: &str, owner: &str, body: &Bytes) -> Outcome {
    let new: NewRepository = read(body)?;
    if world.repo_id(owner, &new.name).is_some() {
        return Err(Refusal::new(409, "The repository with the same name already exists."));
    }
    let id = world.create_repository(owner, &new.name, new.private);
    if let Some(branch) = new.default_branch.filter(|branch| !branch.is_empty()) {
        world.repo_mut(id)?.default_branch = branch;
    }
    if new.auto_init {
        let branch = world.repo(id)?.default_branch.clone();
        let files = vec![FileChange::text("README.md", format!("# {}\n\n", new.name))];
        let commit = NewCommit { author: by.to_owned(), message: "Initial commit".into(), files, from: None };
        world.commit(id, &branch, commit)?;
    }
    let permission = world.permission(world.repo(id)?, Some(by));
    Ok(Answer::Json(201, json::repository(world, world.repo(id)?, permission)))
}

async fn show(call: Call, Path((owner, name)): Path<(String, String)>) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        Ok(Answer::Json(200, json::repository(world, world.repo(visit.repo)?, Some(visit.permission))))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct EditRepository {
    name: Option<String>,
    private: Option<bool>,
    archived: Option<bool>,
    default_branch: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

async fn edit(call: Call, Path((owner, name)): Path<(String, String)>, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let edit: EditRepository = read(&body)?;
        if let Some(name) = edit.name {
            world.rename(visit.repo, &name);
        }
        let repo = world.repo_mut(visit.repo)?;
        if let Some(private) = edit.private {
            repo.private = private;
        }
        if let Some(archived) = edit.archived {
            repo.archived = archived.then(now);
        }
        if let Some(branch) = edit.default_branch {
            repo.default_branch = branch;
        }
        for (name, style) in json::MERGE_SETTINGS {
            match edit.others.get(name).and_then(Value::as_bool) {
                Some(true) => {
                    repo.merge_styles.insert(style);
                }
                Some(false) => {
                    repo.merge_styles.remove(&style);
                }
                None => {}
            }
        }
        Ok(Answer::Json(200, json::repository(world, world.repo(visit.repo)?, Some(visit.permission))))
    })
}

async fn remove(call: Call, Path((owner, name)): Path<(String, String)>) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        world.delete_repository(visit.repo);
        Ok(Answer::Empty(204))
    })
}

/// A page of the repositories that the viewer may see and that are wanted.
fn visible(world: &World, login: Option<&str>, page: Page, wanted: impl Fn(&Repo) -> bool) -> (Value, usize) {
    let seen: Vec<(&Repo, Permission)> = world
        .repos
        .values()
        .filter(|repo| wanted(repo))
        .filter_map(|repo| world.permission(repo, login).map(|permission| (repo, permission)))
        .collect();
    let total = seen.len();
    let shown = page.cut(seen).map(|(repo, permission)| json::repository(world, repo, Some(permission)));
    (shown.collect(), total)
}

async fn mine(call: Call) -> Response {
    let page = call.page();
    call.run_as(|world, login| {
        let (items, total) = visible(world, Some(login), page, |repo| {
            repo.owner == login
                || repo.collaborators.contains_key(login)
                || world.team_permission(repo, login).is_some()
        });
        Ok(Answer::List { items, total })
    })
}

async fn of_owner(call: Call, Path(owner): Path<String>) -> Response {
    let page = call.page();
    call.run(|world, login| {
        world.user(&owner).ok_or_else(Refusal::not_found)?;
        let (items, total) = visible(world, login, page, |repo| repo.owner.eq_ignore_ascii_case(&owner));
        Ok(Answer::List { items, total })
    })
}

async fn search(call: Call) -> Response {
    let (query, page) = (call.query.get("q").cloned().unwrap_or_default().to_lowercase(), call.page());
    let archived = call.query.contains_key("archived").then(|| call.flag("archived"));
    call.run(|world, login| {
        let (items, total) = visible(world, login, page, |repo| {
            repo.name.to_lowercase().contains(&query)
                && archived.is_none_or(|archived| repo.archived.is_some() == archived)
        });
        Ok(Answer::List { items: json!({ "ok": true, "data": items }), total })
    })
}

async fn search_issues(call: Call) -> Response {
    let (filter, page) = (Filter::from_query(&call.query), call.page());
    call.run_as(|world, login| {
        let filter = filter?;
        let mut found = Vec::new();
        for repo in world.repos.values().filter(|repo| world.permission(repo, Some(login)).is_some()) {
            let names: BTreeSet<&str> = filter.labels.iter().map(String::as_str).collect();
            for issue in repo.issues.values().filter(|issue| filter.matches(issue)) {
                let labels: BTreeSet<&str> = issue
                    .labels
                    .iter()
                    .filter_map(|id| repo.labels.get(id))
                    .map(|label| label.name.as_str())
                    .collect();
                if names.is_subset(&labels) {
                    found.push((repo, issue));
                }
            }
        }
        found.sort_by_key(|(_, issue)| std::cmp::Reverse(issue.id));
        let total = found.len();
        let shown = page.cut(found).map(|(repo, issue)| json::issue(world, repo, issue, Some(login)));
        Ok(Answer::List { items: shown.collect(), total })
    })
}
