//! `POST /webhook`: the body is read within a limit and a time, handed to the inbox, and answered.
//!
//! A forge gives a delivery five seconds in all and never tries again. Races decided here: one moment, a second before that,
//! ends reading and storing alike, so that the forge is told what it did not get rid of. And whoever reaches the listener can
//! send as many bodies at once as they like, which are read before they are believed: so all that is read takes up [`Room`],
//! ordinary deliveries apart from large ones, so that neither keeps out the other. How many connections there are, and how long
//! their headers may take, is decided in [`connections`](super::connections).
//!
//! | Answer | When |
//! |---|---|
//! | 202 | stored now, or stored before under the same id |
//! | 400 | a header is missing, or the payload cannot be read |
//! | 401 | not signed, or without the `Authorization` that the settings ask for |
//! | 403 | signed with something else than the secret of the repository that it names |
//! | 404 | a repository that caretaker does not look after |
//! | 408 | the body did not arrive in time |
//! | 413 | larger than `web.body_limit_bytes` |
//! | 415 | neither JSON nor a form |
//! | 422 | an event that is unknown here |
//! | 503 | not acknowledged: too many arrive at once or wait to be stored, or the store failed or was too slow |

use crate::inbox::{Inbox, Incoming, Refusal};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long a delivery may take from its headers to its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// How much of a body that is too large is read and thrown away. A peer that still sends when the connection closes may
/// never see why it was refused.
const DISCARDED: usize = 64 * 1024 * 1024;

/// Up to here a body takes up room by what came of it; beyond it needs one of the few places of large ones. Hardly a delivery
/// is as large.
const HEAD: usize = 256 * 1024;

/// How much room there is for what came of bodies up to [`HEAD`], in KiB: for thousands of ordinary deliveries.
const HEADS: usize = 32 * 1024;

/// How much room there is for large bodies, in bytes. One place there is in any case.
const LARGE: usize = 32 * 1024 * 1024;

/// The room for bodies from their first byte to their answer.
#[derive(Debug, Clone)]
pub(super) struct Room {
    /// By KiB.
    pub(super) heads: Arc<Semaphore>,
    /// By bodies of the largest size.
    pub(super) large: Arc<Semaphore>,
}

impl Room {
    /// Room for bodies of up to so many bytes.
    pub(super) fn new(body_limit: usize) -> Self {
        let places = (LARGE / body_limit.max(HEAD)).max(1);
        Self { heads: Arc::new(Semaphore::new(HEADS)), large: Arc::new(Semaphore::new(places)) }
    }
}

/// What the handler needs.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    inbox: Arc<Inbox>,
    body_limit: usize,
    room: Room,
}

impl Receiver {
    pub(super) fn new(inbox: Arc<Inbox>, body_limit: usize, room: Room) -> Self {
        Self { inbox, body_limit, room }
    }
}

pub(super) async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Body) -> Response {
    let until = Instant::now() + ANSWER_WITHIN;
    let (body, unread) = match read_limited(body, &receiver, until).await {
        Ok(body) => (body, None),
        Err(refusal) => (Held::default(), Some(refusal)),
    };
    let incoming = Incoming::new(|name| single(&headers, name), &body.bytes);
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
        Refusal::WrongSignature | Refusal::SharedSecret => StatusCode::FORBIDDEN,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Broken(_) | Refusal::Header(_) | Refusal::Payload(_) | Refusal::Incomplete(_) => {
            StatusCode::BAD_REQUEST
        }
        Refusal::UnknownEvent => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::OtherRepository => StatusCode::NOT_FOUND,
        Refusal::Crowded | Refusal::Busy | Refusal::StoreSlow | Refusal::Stopped | Refusal::Store(_) => {
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
    if matches!(refusal, Refusal::TooLarge | Refusal::TooSlow | Refusal::Crowded) {
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

/// A body with the room that it takes up.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    head: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Takes up room for a body that has become so many bytes, once there is some.
    async fn grow(&mut self, total: usize, receiver: &Receiver) -> Result<(), Refusal> {
        // Nobody closes these.
        let closed = |_| Refusal::Stopped;
        let (room, limit) = (&receiver.room, receiver.body_limit);
        let wanted = total.min(HEAD).div_ceil(1024);
        let taken = self.head.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if let Ok(more @ 1..) = u32::try_from(wanted.saturating_sub(taken)) {
            let more = Arc::clone(&room.heads).acquire_many_owned(more).await.map_err(closed)?;
            match &mut self.head {
                Some(before) => before.merge(more),
                none => *none = Some(more),
            }
        }
        if total > HEAD && self.large.is_none() {
            self.large = Some(Arc::clone(&room.large).acquire_owned().await.map_err(closed)?);
            // At once, since a vector that grows is there twice for a moment.
            self.bytes.reserve_exact(limit.min(LARGE).saturating_sub(self.bytes.len()));
        }
        Ok(())
    }
}

/// Reads a body; never holds more than the limit and one chunk, and nothing that there is no room for.
async fn read_limited(body: Body, receiver: &Receiver, until: Instant) -> Result<Held, Refusal> {
    let limit = receiver.body_limit;
    let mut stream = body.into_data_stream();
    let mut read = Held::default();
    let mut total = 0_usize;
    while let Some(chunk) = timeout_at(until, stream.next()).await.map_err(|_| Refusal::TooSlow)? {
        let chunk = chunk.map_err(|error| Refusal::Broken(Box::new(error)))?;
        total = total.saturating_add(chunk.len());
        if total <= limit {
            timeout_at(until, read.grow(total, receiver)).await.map_err(|_| Refusal::Crowded)??;
            read.bytes.extend_from_slice(&chunk);
        } else {
            read = Held::default();
            if total > DISCARDED {
                break;
            }
        }
    }
    if total > limit { Err(Refusal::TooLarge) } else { Ok(read) }
}
