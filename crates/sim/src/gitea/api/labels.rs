//! Labels of a repository and of an issue.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{delete, get};
use serde::Deserialize;
use serde_json::Value;

use super::super::Gitea;
use super::super::issues::LabelChange;
use super::super::json;
use super::super::state::{Label, Repo, World};
use super::super::view::Refusal;
use super::call::{Answer, Call, Need, Outcome, Visit, read, whole};
use super::issues::{NumberedPlace, Place};

pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
        .route("/labels", get(list).post(create))
        .route("/labels/{id}", get(show).patch(edit).delete(remove))
        .route("/issues/{number}/labels", get(of_issue).post(add).put(replace).delete(clear))
        .route("/issues/{number}/labels/{id}", delete(take_off))
}

async fn list(call: Call, Path((owner, name)): Place) -> Response {
    let page = call.page();
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        let mut labels: Vec<&Label> = repo.labels.values().collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        let total = labels.len();
        let shown = page.cut(labels).map(|label| json::label(world, repo, label));
        Ok(Answer::List { items: shown.collect(), total })
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LabelFields {
    name: Option<String>,
    color: Option<String>,
    description: Option<String>,
}

async fn create(call: Call, Path((owner, name)): Place, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        let fields: LabelFields = read(&body)?;
        let label = fields
            .name
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Refusal::new(422, "[Name]: Required"))?;
        let color = fields.color.ok_or_else(|| Refusal::new(422, "[Color]: Required"))?;
        let id = world.create_label(visit.repo, &label, &color, &fields.description.unwrap_or_default());
        render(world, visit, id, 201)
    })
}

fn render(world: &World, visit: &Visit, id: u64, status: u16) -> Outcome {
    let repo = world.repo(visit.repo)?;
    let label = repo.labels.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Json(status, json::label(world, repo, label)))
}

async fn show(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| render(world, visit, id, 200))
}

async fn edit(call: Call, Path((owner, name, id)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        let fields: LabelFields = read(&body)?;
        let label = world.repo_mut(visit.repo)?.labels.get_mut(&id).ok_or_else(Refusal::not_found)?;
        if let Some(name) = fields.name {
            label.name = name;
        }
        if let Some(color) = fields.color {
            label.color = color.trim_start_matches('#').to_lowercase();
        }
        if let Some(description) = fields.description {
            label.description = description;
        }
        render(world, visit, id, 200)
    })
}

async fn remove(call: Call, Path((owner, name, id)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        let repo = world.repo_mut(visit.repo)?;
        repo.labels.remove(&id);
        for issue in repo.issues.values_mut() {
            issue.labels.remove(&id);
        }
        Ok(Answer::Empty(204))
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LabelSet {
    labels: Vec<Value>,
}

/// Ids and names alike; a name that no label has is dropped without a word.
fn resolve(repo: &Repo, body: &Bytes) -> Result<Vec<u64>, Refusal> {
    let set: LabelSet = read(body)?;
    let id = |value: &Value| match value {
        Value::String(name) => repo.labels.values().find(|label| label.name == *name).map(|label| label.id),
        other => other.as_u64(),
    };
    Ok(set.labels.iter().filter_map(id).collect())
}

fn render_labels(world: &World, visit: &Visit, number: u64) -> Outcome {
    let repo = world.repo(visit.repo)?;
    Ok(Answer::Json(200, json::labels(world, repo, repo.issue(number)?)))
}

async fn of_issue(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Read, |world, visit| {
        let repo = world.repo(visit.repo)?;
        match json::labels(world, repo, repo.issue(number)?) {
            Value::Array(labels) => Ok(whole(labels)),
            other => Ok(Answer::Json(200, other)),
        }
    })
}

async fn add(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        let labels = resolve(world.repo(visit.repo)?, &body)?;
        world.change_labels(visit.repo, visit.by(), number, &LabelChange::Add(labels))?;
        render_labels(world, visit, number)
    })
}

async fn replace(call: Call, Path((owner, name, number)): NumberedPlace, body: Bytes) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        let labels = resolve(world.repo(visit.repo)?, &body)?;
        world.change_labels(visit.repo, visit.by(), number, &LabelChange::Replace(labels))?;
        render_labels(world, visit, number)
    })
}

async fn clear(call: Call, Path((owner, name, number)): NumberedPlace) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        world.change_labels(visit.repo, visit.by(), number, &LabelChange::Clear)?;
        Ok(Answer::Empty(204))
    })
}

async fn take_off(call: Call, Path((owner, name, number, id)): Path<(String, String, u64, u64)>) -> Response {
    call.visit(&owner, &name, Need::Write, |world, visit| {
        if !world.repo(visit.repo)?.labels.contains_key(&id) {
            return Err(Refusal::new(422, format!("label does not exist [label_id: {id}]")));
        }
        world.change_labels(visit.repo, visit.by(), number, &LabelChange::Remove(id))?;
        Ok(Answer::Empty(204))
    })
}
