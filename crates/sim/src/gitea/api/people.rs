//! Who may do what in a repository.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::json;
use super::super::view::{Permission, Refusal};
use super::call::{Answer, Call, Need, read};
use super::issues::Place;

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/collaborators", get(list))
        .route("/collaborators/{login}", get(is_one).put(add).delete(remove))
        .route("/collaborators/{login}/permission", get(permission))
        .route("/assignees", get(assignees))
}

type UserPlace = Path<(String, String, String)>;

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let collaborators = &world.repo(visit.repo)?.collaborators;
        let shown = page.cut(collaborators.keys()).map(|login| json::user(world, login, visit.viewer()));
        Ok(Answer::List { items: shown.collect(), total: collaborators.len() })
    })
}

async fn is_one(call: Call, Path((owner, name, login)): UserPlace) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let is_one = world.repo(visit.repo)?.collaborators.contains_key(&login);
        if is_one { Ok(Answer::Empty(204)) } else { Err(Refusal::not_found()) }
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Level {
    permission: String,
}

async fn add(call: Call, Path((owner, name, login)): UserPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let level: Level = read(&body)?;
        let user = world.user(&login).map(|user| user.login.clone()).ok_or_else(Refusal::not_found)?;
        let permission = match level.permission.as_str() {
            "" => Permission::Write,
            other => Permission::parse(other).ok_or_else(|| Refusal::new(422, "[Permission]: In"))?,
        };
        world.repo_mut(visit.repo)?.collaborators.insert(user, permission);
        Ok(Answer::Empty(204))
    })
}

async fn remove(call: Call, Path((owner, name, login)): UserPlace) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        world.repo_mut(visit.repo)?.collaborators.remove(&login);
        Ok(Answer::Empty(204))
    })
}

/// One's own permission, or anybody's for administrators of the repository.
async fn permission(call: Call, Path((owner, name, login)): UserPlace) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        if visit.permission < Permission::Admin && !login.eq_ignore_ascii_case(visit.by()) {
            let text = "Only admins can query all permissions, repo admins can query all repo permissions, \
                        collaborators can query only their own";
            return Err(Refusal::new(403, text));
        }
        let repo = world.repo(visit.repo)?;
        let user = world.user(&login).ok_or_else(Refusal::not_found)?;
        // A team that is defined by its units gives no permission that shows, but on Forgejo.
        let direct =
            user.is_admin || repo.owner == user.login || repo.collaborators.contains_key(&user.login);
        let owner_team = world.team_permission(repo, &user.login) == Some(Permission::Admin);
        let level = world
            .permission(repo, Some(&user.login))
            .filter(|_| direct || owner_team || !repo.private || world.server.shows_team_permissions());
        let word = match level {
            None => "none",
            Some(_) if owner_team || repo.owner == user.login => "owner",
            Some(level) => level.as_str(),
        };
        // Seen as by a stranger, but with the address.
        let mut shown = json::user(world, &user.login, None);
        shown["email"] = json!(user.email);
        Ok(Answer::Json(200, json!({ "permission": word, "role_name": word, "user": shown })))
    })
}

/// Those with write access, and every member of a team of the organisation, even of one that may only read.
async fn assignees(call: Call, Path((owner, name)): Place) -> Response {
    call.visit(&owner, &name, Need::Account, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let writers = repo.collaborators.iter().filter(|(_, level)| **level >= Permission::Write);
        let mut logins: BTreeSet<&str> = writers.map(|(login, _)| login.as_str()).collect();
        for team in world.teams.values().filter(|team| team.organization == repo.owner) {
            logins.extend(team.members.iter().map(String::as_str));
        }
        if world.user(&repo.owner).is_some_and(|user| !user.is_organization) {
            logins.insert(&repo.owner);
        }
        let users: Value = logins.iter().map(|login| json::user(world, login, visit.viewer())).collect();
        Ok(Answer::Json(200, users))
    })
}
