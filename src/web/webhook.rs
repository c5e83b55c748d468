//! `POST /webhook`: the body is read within a limit and a time, handed to the inbox, and answered.
//!
//! A forge gives a delivery five seconds in all and never tries again. Race decided here: one moment, a second before that,
//! ends reading and storing alike, so that the forge is told what it did not get rid of.
//!
//! | Answer | When |
//! |---|---|
//! | 202 | stored now, or stored before under the same id |
//! | 400 | a header is missing, or the payload cannot be read |
//! | 401 | not signed, or without the `Authorization` that the settings ask for |
//! | 403 | signed with something else than our secrets |
//! | 404 | a repository that caretaker does not look after |
//! | 408 | the body did not arrive in time |
//! | 413 | larger than `web.body_limit_bytes` |
//! | 415 | neither JSON nor a form |
//! | 422 | an event that is unknown here |
//! | 503 | not acknowledged: the store failed or was too slow, or too many deliveries wait for it |

use crate::inbox::{Inbox, Incoming, Refusal};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a delivery may take from its headers to its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// How much of a body that is too large is read and thrown away. A peer that still sends when the connection closes may
/// never see why it was refused.
const DISCARDED: usize = 64 * 1024 * 1024;

/// What the handler needs.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) inbox: Arc<Inbox>,
    pub(super) body_limit: usize,
}

pub(super) async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Body) -> Response {
    let until = Instant::now() + ANSWER_WITHIN;
    let reading = tokio::time::timeout_at(until, read_limited(body, receiver.body_limit));
    let (body, unread) = match reading.await.unwrap_or(Err(Refusal::TooSlow)) {
        Ok(body) => (body, None),
        Err(refusal) => (Vec::new(), Some(refusal)),
    };
    let incoming = Incoming::new(|name| single(&headers, name), &body);
    let taken = match unread {
        None => receiver.inbox.take(&incoming, until).await,
        Some(refusal) => Err(refusal),
    };
    receiver.inbox.note(&incoming, taken.as_ref().copied());
    match taken {
        Ok(stored) => {
            let (delivery, event) = (incoming.claimed_id(), incoming.claimed_event());
            tracing::debug!(delivery, event, ?stored, "delivery taken");
            StatusCode::ACCEPTED.into_response()
        }
        Err(refusal) => refuse(&incoming, &refusal),
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NotSigned | Refusal::Authorization => StatusCode::UNAUTHORIZED,
        Refusal::WrongSignature => StatusCode::FORBIDDEN,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Broken(_) | Refusal::Header(_) | Refusal::Payload(_) | Refusal::Incomplete(_) => {
            StatusCode::BAD_REQUEST
        }
        Refusal::UnknownEvent => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::OtherRepository => StatusCode::NOT_FOUND,
        Refusal::Busy | Refusal::StoreSlow | Refusal::Stopped | Refusal::Store(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Answers with a sentence for the person who reads the forge's list of deliveries. The log has the cause as well.
fn refuse(incoming: &Incoming<'_>, refusal: &Refusal) -> Response {
    let status = status_of(refusal);
    // Debug formatting escapes control characters that somebody may have put there.
    tracing::warn!(
        status = status.as_u16(),
        delivery = ?incoming.claimed_id(),
        event = ?incoming.claimed_event(),
        error = refusal as &dyn std::error::Error,
        "delivery refused"
    );
    let mut response = (status, format!("{refusal}\n")).into_response();
    if matches!(refusal, Refusal::TooLarge | Refusal::TooSlow) {
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
async fn read_limited(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut stream = body.into_data_stream();
    let mut read = Vec::new();
    let mut total = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Refusal::Broken(Box::new(error)))?;
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
    if total > limit { Err(Refusal::TooLarge) } else { Ok(read) }
}
