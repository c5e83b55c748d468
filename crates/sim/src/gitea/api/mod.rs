//! The routes of the API.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Gitea;
use super::gate::gate;
use super::view::Refusal;

pub(crate) fn router(gitea: Gitea) -> Router {
    Router::new()
        .merge(super::page::routes())
        .layer(axum::middleware::from_fn_with_state(gitea.clone(), gate))
        .with_state(gitea)
}

/// A refusal as the API words it.
pub(crate) fn error_response(gitea: &Gitea, refusal: &Refusal) -> Response {
    let body = json!({ "message": refusal.message, "url": format!("{}/api/swagger", gitea.inner.base) });
    json_response(refusal.status, &body)
}

pub(crate) fn json_response(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body.to_string()).into_response();
    let json = HeaderValue::from_static("application/json;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
