//! Webhooks of a repository, for its administrators.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Gitea;
use super::super::hooks::{Hook, expand_events};
use super::super::server::{Object, Server};
use super::super::state::{Effect, World, now};
use super::super::view::Refusal;
use super::call::{Answer, Call, Need, Outcome, Visit, read};
use super::issues::{NumberedPlace, Place};

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/hooks", get(list).post(create))
        .route("/hooks/{id}", get(show).patch(edit).delete(remove))
        .route("/hooks/{id}/tests", post(test))
}

fn hook(server: Server, hook: &Hook) -> Value {
    let shown = json!({
        "id": hook.id,
        "name": "",
        "type": "gitea",
        "branch_filter": hook.branch_filter,
        "config": { "content_type": if hook.form { "form" } else { "json" }, "url": hook.url },
        "events": hook.events,
        "authorization_header": hook.authorization_header,
        "active": hook.active,
        "updated_at": hook.updated.to_string(),
        "created_at": hook.created.to_string(),
    });
    server.shaped(Object::Hook, shown)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    config: Option<serde_json::Map<String, Value>>,
    events: Vec<String>,
    active: Option<bool>,
    authorization_header: String,
    branch_filter: String,
}

impl Fields {
    fn setting(&self, name: &str) -> Option<String> {
        self.config.as_ref()?.get(name)?.as_str().map(str::to_owned)
    }

    /// What a PATCH leaves out is not kept, but reset: only `active` and the settings stay.
    fn apply(self, server: Server, hook: &mut Hook) -> Result<(), Refusal> {
        if let Some(url) = self.setting("url") {
            hook.url = url;
        }
        match self.setting("content_type").as_deref() {
            None => {}
            Some("json") => hook.form = false,
            Some("form") => hook.form = true,
            Some(_) => return Err(Refusal::new(422, "Invalid content type")),
        }
        hook.events = expand_events(server, self.events.iter().map(String::as_str));
        hook.authorization_header = self.authorization_header;
        hook.branch_filter = self.branch_filter;
        hook.active = self.active.unwrap_or(hook.active);
        hook.updated = now();
        Ok(())
    }
}

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let hooks = &world.repo(visit.repo)?.hooks;
        let shown = page.cut(hooks.values()).map(|one| hook(world.server, one));
        Ok(Answer::List { items: shown.collect(), total: hooks.len() })
    })
}

fn render(world: &World, visit: &Visit, id: u64, status: u16) -> Outcome {
    let found = world.repo(visit.repo)?.hooks.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Json(status, hook(world.server, found)))
}

async fn show(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| render(world, visit, id, 200))
}

async fn create(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let fields: Fields = read(&body)?;
        for required in ["url", "content_type"] {
            if fields.setting(required).is_none() {
                return Err(Refusal::new(422, format!("Missing config option: {required}")));
            }
        }
        let created = now();
        let mut new = Hook {
            id: world.counters.next("hook"),
            url: String::new(),
            secret: fields.setting("secret").unwrap_or_default(),
            form: false,
            events: expand_events(world.server, []),
            // Without a word about it, a new hook does nothing.
            active: false,
            authorization_header: String::new(),
            branch_filter: String::new(),
            created,
            updated: created,
        };
        fields.apply(world.server, &mut new)?;
        let id = new.id;
        world.repo_mut(visit.repo)?.hooks.insert(id, new);
        render(world, visit, id, 201)
    })
}

async fn edit(call: Call, Path((owner, name, id)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let fields: Fields = read(&body)?;
        let server = world.server;
        let found = world.repo_mut(visit.repo)?.hooks.get_mut(&id).ok_or_else(Refusal::not_found)?;
        fields.apply(server, found)?;
        render(world, visit, id, 200)
    })
}

async fn remove(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let removed = world.repo_mut(visit.repo)?.hooks.remove(&id);
        removed.map(|_| Answer::Empty(204)).ok_or_else(Refusal::not_found)
    })
}

async fn test(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Admin, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let found = repo.hooks.get(&id).ok_or_else(Refusal::not_found)?;
        if let Some(head) = repo.git.branches.get(&repo.default_branch) {
            let payload = world.test_payload(repo, visit.by(), &repo.default_branch, head);
            // Only a hook that wants pushes is tested by one; the answer does not tell.
            if found.wants("push", &payload) {
                let outgoing = found.outgoing(world.server, "push", "push", &payload);
                world.effects.push(Effect::Delivery(Box::new(outgoing)));
            }
        }
        Ok(Answer::Empty(204))
    })
}
