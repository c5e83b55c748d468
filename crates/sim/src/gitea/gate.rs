//! What every request passes: the faults, who asks, the redirect of a renamed repository, and the log.

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::api::{WholePath, error_response};
use super::auth::Caller;
use super::faults::{Fault, Seen};
use super::pulls::Client;
use super::{Gitea, timestamp};
use crate::connection::Breaker;

/// More than any body that a test sends.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// A request that came over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// When it was handled, or its connection broken.
    pub at: Timestamp,
    /// The login whose token came with it.
    pub user: Option<String>,
    /// The method, in capitals.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The names of the fields of its JSON body, so that a change of a body is told from one of a title.
    pub fields: Vec<String>,
    /// The status that it was given; `None` when the connection was broken instead.
    pub status: Option<u16>,
    /// Whether the request was handled (a fault may have come before).
    pub handled: bool,
}

pub(crate) async fn gate(
    State(gitea): State<Gitea>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let method = parts.method.as_str().to_owned();
    let full_path = parts.uri.path_and_query().map_or_else(String::new, |path| path.as_str().to_owned());
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let caller = gitea.with(|world| Caller::from_header(world, authorization));
    let user = caller.as_ref().ok().and_then(|caller| caller.login.clone());
    let fields = field_names(&body);
    let record = |status, handled| RequestRecord {
        at: timestamp(),
        user: user.clone(),
        method: method.clone(),
        path: full_path.clone(),
        fields: fields.clone(),
        status,
        handled,
    };
    let seen = Seen { user: user.as_deref(), method: &method, path: &full_path, fields: &fields };
    let strike = gitea.inner.faults.strike(&seen);
    let fault = strike.map(|strike| strike.fault);
    let released = async || {
        if let Some(strike) = strike {
            gitea.inner.faults.taken_back(strike).await;
        }
    };
    match fault {
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::Hold) => released().await,
        Some(Fault::Status(status)) => {
            gitea.record(record(Some(status), false));
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, "a fault that a test asked for\n").into_response();
        }
        Some(Fault::Overtaken) => {
            let refusal = gitea.server().overtaken();
            gitea.record(record(Some(refusal.status), false));
            return error_response(&gitea, &refusal);
        }
        Some(Fault::Drop) => {
            breaker.0.cancel();
            gitea.record(record(None, false));
            return StatusCode::BAD_GATEWAY.into_response();
        }
        Some(Fault::HalfMerge) => {
            parts.extensions.insert(Client::GoesAway);
        }
        Some(Fault::ScheduleMerge) => {
            parts.extensions.insert(Client::IsScheduled);
        }
        Some(Fault::DropAnswer | Fault::StatusAfter(_) | Fault::DelayAnswer(_) | Fault::HoldAnswer)
        | None => {}
    }
    let refused = match caller {
        Err(refusal) => Some(error_response(&gitea, &refusal)),
        Ok(caller) => {
            let path = parts.uri.path().to_owned();
            let refused = caller
                .check_scope(gitea.server(), &method, &path)
                .err()
                .map(|refusal| error_response(&gitea, &refusal));
            parts.extensions.insert(caller);
            parts.extensions.insert(WholePath(path));
            refused.or_else(|| redirect(&gitea, &method, &full_path))
        }
    };
    let response = match refused {
        Some(response) => response,
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    match fault {
        Some(Fault::DropAnswer | Fault::HalfMerge) => {
            breaker.0.cancel();
            gitea.record(record(None, true));
            response
        }
        Some(Fault::StatusAfter(status)) => {
            gitea.record(record(Some(status), true));
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, "a fault that a test asked for\n").into_response()
        }
        _ => {
            // What was done can be seen from now on, whether its answer ever arrives or not.
            gitea.record(record(Some(response.status().as_u16()), true));
            match fault {
                Some(Fault::DelayAnswer(delay)) => tokio::time::sleep(delay).await,
                Some(Fault::HoldAnswer) => released().await,
                _ => {}
            }
            response
        }
    }
}

fn field_names(body: &Bytes) -> Vec<String> {
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(fields)) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The answer for a repository that has another name now.
fn redirect(gitea: &Gitea, method: &str, path: &str) -> Option<Response> {
    let rest = path.strip_prefix("/api/v1/repos/")?;
    let mut parts = rest.splitn(3, ['/', '?']);
    let (owner, name) = (parts.next()?, parts.next()?);
    let target = gitea.with(|world| {
        let id = *world.moved.get(&format!("{owner}/{name}").to_lowercase())?;
        world.repo(id).ok().map(super::state::Repo::full_name)
    })?;
    let location = format!("/api/v1/repos/{target}{}", &rest[owner.len() + 1 + name.len()..]);
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    if method == "GET" {
        // A GET alone is given a page.
        *response.body_mut() = Body::from(format!("<a href=\"{location}\">Moved Permanently</a>.\n\n"));
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, html);
    }
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&location).ok()?);
    Some(response)
}
