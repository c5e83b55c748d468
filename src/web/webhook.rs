//! `POST /webhook`: the body is read within a limit and a time, handed to the inbox, and answered.
//!
//! | Answer | When |
//! |---|---|
//! | 202 | stored now, or stored before under the same id |
//! | 400 | a header is missing, or the payload cannot be read |
//! | 401 | not signed |
//! | 403 | signed with something else than our secret |
//! | 404 | a repository that caretaker does not look after |
//! | 408 | the body did not arrive in time |
//! | 413 | larger than `web.body_limit_bytes` |
//! | 415 | neither JSON nor a form |
//! | 422 | an event that is unknown here |
//! | 503 | the store failed: not stored, not acknowledged |

use crate::inbox::{Inbox, Incoming, Refusal};
use crate::store::Stored;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// A forge gives a delivery five seconds in all.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a body that is too large is read and thrown away. A peer that still sends when the connection closes may
/// never see why it was refused.
const DISCARDED: usize = 64 * 1024 * 1024;

/// What the handler needs.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) inbox: Arc<Inbox>,
    pub(super) body_limit: usize,
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("the body is larger than web.body_limit_bytes")]
    TooLarge,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    Broken(#[from] axum::Error),
}

pub(super) async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Body) -> Response {
    let reading = tokio::time::timeout(READ_TIMEOUT, read_limited(body, receiver.body_limit));
    let body = match reading.await.unwrap_or(Err(BodyError::TooSlow)) {
        Ok(body) => body,
        Err(error) => {
            let status = match error {
                BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
                BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            };
            return refuse(status, &headers, &error);
        }
    };
    let incoming = Incoming {
        content_type: single(&headers, header::CONTENT_TYPE.as_str()),
        signature: single(&headers, "x-gitea-signature"),
        delivery: single(&headers, "x-gitea-delivery"),
        event: single(&headers, "x-gitea-event"),
        body: &body,
    };
    match receiver.inbox.take(&incoming).await {
        Ok(stored) => {
            let known = stored == Stored::Duplicate;
            tracing::debug!(delivery = incoming.delivery, event = incoming.event, known, "delivery taken");
            StatusCode::ACCEPTED.into_response()
        }
        Err(refusal) => refuse(status_of(&refusal), &headers, &refusal),
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotSigned => StatusCode::UNAUTHORIZED,
        Refusal::WrongSignature => StatusCode::FORBIDDEN,
        Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Header(_) | Refusal::Payload(_) | Refusal::Incomplete(_) => StatusCode::BAD_REQUEST,
        Refusal::UnknownEvent => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::OtherRepository => StatusCode::NOT_FOUND,
        Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Answers with a sentence for the person who reads the forge's list of deliveries. The log has the cause as well.
fn refuse(status: StatusCode, headers: &HeaderMap, error: &(dyn std::error::Error + 'static)) -> Response {
    // Debug formatting escapes control characters that somebody may have put there.
    tracing::warn!(
        status = status.as_u16(),
        delivery = ?single(headers, "x-gitea-delivery"),
        event = ?single(headers, "x-gitea-event"),
        cause = error.source().map(tracing::field::display),
        "delivery refused: {error}"
    );
    let mut response = (status, format!("{error}\n")).into_response();
    if status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::REQUEST_TIMEOUT {
        response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    response
}

/// A header that is there exactly once and is text.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

/// Reads a body; never holds more than the limit and one chunk.
async fn read_limited(body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut stream = body.into_data_stream();
    let mut read = Vec::new();
    let mut total = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        total = total.saturating_add(chunk.len());
        if total <= limit {
            read.extend_from_slice(&chunk);
        } else {
            read = Vec::new();
            if total > DISCARDED {
                break;
            }
        }
    }
    if total > limit { Err(BodyError::TooLarge) } else { Ok(read) }
}
