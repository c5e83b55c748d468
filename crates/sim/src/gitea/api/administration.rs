//! The server itself: version, settings, users, tokens, organisations and teams.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::json;
use super::super::server::Object;
use super::super::state::{Team, World};
use super::super::view::{Permission, Refusal};
use super::call::{Answer, Call, read};

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/version", get(version))
        .route("/settings/api", get(settings))
        .route("/user", get(whoami))
        .route("/users/{login}", get(user))
        .route("/users/{login}/tokens", post(create_token))
        .route("/admin/users", post(create_user))
        .route("/orgs", post(create_organization))
        .route("/orgs/{organization}/teams", post(create_team))
        .route("/teams/{id}", delete(delete_team))
        .route("/teams/{id}/members/{login}", put(add_member))
}

async fn version(call: Call) -> Response {
    call.run(|world, _| Ok(Answer::Json(200, json!({ "version": world.server.version() }))))
}

async fn settings(call: Call) -> Response {
    let settings = json!({
        "max_response_items": 50,
        "default_paging_num": 30,
        "default_git_trees_per_page": 1000,
        "default_max_blob_size": 10_485_760,
        "default_max_response_size": 104_857_600,
    });
    call.run(|world, _| Ok(Answer::Json(200, world.server.shaped(Object::Settings, settings))))
}

async fn whoami(call: Call) -> Response {
    call.run_as(|world, login| Ok(Answer::Json(200, json::user(world, login, Some(login)))))
}

async fn user(call: Call, Path(login): Path<String>) -> Response {
    call.run(|world, viewer| match json::user(world, &login, viewer) {
        Value::Null => Err(Refusal::not_found()),
        user => Ok(Answer::Json(200, user)),
    })
}

#[derive(Deserialize)]
struct NewUser {
    username: String,
    #[serde(default)]
    password: Option<String>,
}

async fn create_user(call: Call, body: Bytes) -> Response {
    call.run_as_administrator(|world, by| {
        let new: NewUser = read(&body)?;
        if !world.create_user(&new.username, false, false, new.password) {
            return Err(Refusal::new(422, format!("user already exists [name: {}]", new.username)));
        }
        Ok(Answer::Json(201, json::user(world, &new.username, Some(by))))
    })
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
}

async fn create_token(call: Call, Path(login): Path<String>, body: Bytes) -> Response {
    call.run_as(|world, by| {
        let new: NewToken = read(&body)?;
        if by != login && !world.user(by).is_some_and(|user| user.is_admin) {
            return Err(Refusal::new(403, ""));
        }
        let scopes: BTreeSet<String> = new.scopes.into_iter().collect();
        let token = world.create_token(&login, scopes.clone());
        let id = world.counters.next("token");
        let last_eight = &token[token.len() - 8..];
        let shown = json!({
            "id": id, "name": new.name, "sha1": token, "token_last_eight": last_eight, "scopes": scopes,
        });
        Ok(Answer::Json(201, shown))
    })
}

#[derive(Deserialize)]
struct NewOrganization {
    username: String,
}

async fn create_organization(call: Call, body: Bytes) -> Response {
    call.run_as(|world, by| {
        let new: NewOrganization = read(&body)?;
        if !world.create_user(&new.username, false, true, None) {
            return Err(Refusal::new(422, format!("user already exists [name: {}]", new.username)));
        }
        let id = world.counters.next("team");
        let owners = Team {
            organization: new.username.clone(),
            name: "Owners".into(),
            permission: Permission::Admin,
            members: BTreeSet::from([by.to_owned()]),
        };
        world.teams.insert(id, owners);
        Ok(Answer::Json(201, organization(world, &new.username)))
    })
}

fn organization(world: &World, login: &str) -> Value {
    let user = json::user(world, login, None);
    json!({
        "id": user["id"], "name": login, "full_name": "", "email": "", "avatar_url": user["avatar_url"],
        "description": "", "website": "", "location": "", "visibility": "public",
        "repo_admin_change_team_access": false, "username": login,
    })
}

#[derive(Deserialize)]
struct NewTeam {
    name: String,
    #[serde(default)]
    permission: String,
    #[serde(default)]
    units_map: serde_json::Map<String, Value>,
}

async fn create_team(call: Call, Path(name): Path<String>, body: Bytes) -> Response {
    call.run_as(|world, by| {
        let new: NewTeam = read(&body)?;
        let is_owner = |team: &Team| {
            team.organization == name && team.permission == Permission::Admin && team.members.contains(by)
        };
        if !world.teams.values().any(is_owner) && !world.user(by).is_some_and(|user| user.is_admin) {
            return Err(Refusal::new(403, "Must be an organization owner"));
        }
        let id = world.counters.next("team");
        let permission = Permission::parse(&new.permission).unwrap_or(Permission::Read);
        let units: Vec<&String> = new.units_map.keys().collect();
        let by_units = !units.is_empty() && !world.server.shows_team_permissions();
        let answer = json!({
            "id": id,
            "name": new.name,
            "description": "",
            "organization": organization(world, &name),
            "includes_all_repositories": true,
            // A team that is defined by its units has no permission of its own, but on Forgejo.
            "permission": if by_units { "none" } else { permission.as_str() },
            "units": units,
            "units_map": new.units_map,
            "can_create_org_repo": false,
            "visibility": "private",
        });
        let team = Team { organization: name, name: new.name, permission, members: BTreeSet::new() };
        world.teams.insert(id, team);
        Ok(Answer::Json(201, world.server.shaped(Object::Team, answer)))
    })
}

async fn delete_team(call: Call, Path(id): Path<u64>) -> Response {
    call.run_as(|world, by| {
        administer(world, id, by)?;
        world.teams.remove(&id);
        Ok(Answer::Empty(204))
    })
}

async fn add_member(call: Call, Path((id, login)): Path<(u64, String)>) -> Response {
    call.run_as(|world, by| {
        administer(world, id, by)?;
        world.user(&login).ok_or_else(Refusal::not_found)?;
        if let Some(team) = world.teams.get_mut(&id) {
            team.members.insert(login);
        }
        Ok(Answer::Empty(204))
    })
}

fn administer(world: &World, id: u64, by: &str) -> Result<(), Refusal> {
    let team = world.teams.get(&id).ok_or_else(Refusal::not_found)?;
    let owner = world.teams.values().any(|other| {
        other.organization == team.organization && other.name == "Owners" && other.members.contains(by)
    });
    let allowed = owner || world.user(by).is_some_and(|user| user.is_admin);
    allowed.then_some(()).ok_or_else(|| Refusal::new(403, "Must be an organization owner"))
}
