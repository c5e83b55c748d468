//! The routes of the API.

mod administration;
mod branches;
mod call;
mod commits;
mod contents;
mod hooks;
mod issues;
mod labels;
mod people;
mod pulls;
mod repos;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub(crate) use call::WholePath;

use super::Gitea;
use super::gate::gate;
use super::view::Refusal;

pub(crate) fn router(gitea: Gitea) -> Router {
    let repository = Router::new()
        .merge(branches::routes())
        .merge(commits::routes())
        .merge(contents::routes())
        .merge(hooks::routes())
        .merge(issues::routes())
        .merge(labels::routes())
        .merge(people::routes())
        .merge(pulls::routes());
    Router::new()
        .merge(super::page::routes())
        .nest("/api/v1/repos/{owner}/{repo}", repository)
        .nest("/api/v1", Router::new().merge(administration::routes()).merge(repos::routes()))
        .fallback(not_found)
        .layer(axum::middleware::from_fn_with_state(gitea.clone(), gate))
        .with_state(gitea)
}

async fn not_found(axum::extract::State(gitea): axum::extract::State<Gitea>) -> Response {
    error_response(&gitea, &Refusal::not_found())
}

/// A refusal as the API words it.
pub(crate) fn error_response(gitea: &Gitea, refusal: &Refusal) -> Response {
    let body = gitea.server().refusal_body(refusal, &format!("{}/api/swagger", gitea.inner.base));
    json_response(refusal.status, &body)
}

pub(crate) fn json_response(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body.to_string()).into_response();
    let json = HeaderValue::from_static("application/json;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
