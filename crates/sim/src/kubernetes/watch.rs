//! Watches: one JSON object a line, from a version that the client knows, until its time is over.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Shared;
use super::error::{ApiError, with_type};
use super::faults::WatchFault;
use super::kind::{Kind, ResourceType};
use super::request::ApiRequest;
use super::selector::Selector;
use super::store::{Change, FIRST, Record};
use crate::connection::Breaker;

/// How long before the end asked for by the client the last bookmark comes.
const LAST_BOOKMARK_BEFORE: Duration = Duration::from_secs(2);
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);
/// How long the half of a frame has to get on its way before the connection breaks.
const HALF: Duration = Duration::from_millis(20);

struct Watch {
    shared: Arc<Shared>,
    of: ResourceType,
    namespace: Option<String>,
    selector: Selector,
    cursor: u64,
    moved: watch::Receiver<u64>,
    pending: VecDeque<Value>,
    bookmarks: VecDeque<Instant>,
    end: Instant,
    over: bool,
    fault: Option<WatchFault>,
}

pub(crate) fn answer(
    shared: &Arc<Shared>,
    of: &ResourceType,
    request: &ApiRequest,
    breaker: &Breaker,
    fault: Option<WatchFault>,
) -> Result<Response, ApiError> {
    let query = &request.query;
    let kind = of.kind;
    if of.is_read_only() {
        return Err(ApiError::method_not_allowed());
    }
    let mut fields = query.get("fieldSelector").to_owned();
    if !request.target.name.is_empty() {
        // The old form with `?watch=1` on one object.
        fields = format!("metadata.name={}", request.target.name);
    }
    let selector = Selector::parse(&kind, of.is_custom(), query.get("labelSelector"), &fields)?;
    let initial = query.flag("sendInitialEvents");
    if initial && query.get("resourceVersionMatch") != "NotOlderThan" {
        return Err(list_options_invalid(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ));
    }
    let asked = query.get("resourceVersion");
    let version = if asked.is_empty() {
        0
    } else {
        asked.parse::<u64>().map_err(|_| ApiError::unreasoned(format!(
            "resourceVersion: Invalid value: \"{asked}\": strconv.ParseUint: parsing \"{asked}\": invalid syntax"
        )))?
    };
    let namespace = (!request.target.namespace.is_empty()).then(|| request.target.namespace.clone());
    let bookmarks = query.flag("allowWatchBookmarks");
    let timeout = query
        .number("timeoutSeconds")
        .and_then(|s| u64::try_from(s).ok())
        .filter(|s| *s > 0)
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let start = Instant::now();
    let end = start + timeout;

    let mut pending = VecDeque::new();
    let store = shared.store();
    let moved = store.moved();
    let mut cursor = version;
    let mut over = false;
    if version == 0 || initial {
        for object in store.list(&kind, namespace.as_deref()).iter().filter(|o| selector.matches(o)) {
            pending.push_back(frame("ADDED", object));
        }
        cursor = store.revision();
        if initial && bookmarks {
            pending.push_back(bookmark(of, cursor, true));
        }
    } else if version < store.compacted().max(FIRST) {
        let oldest = store.compacted().max(FIRST);
        let message = format!("too old resource version: {version} ({oldest})");
        pending.push_back(frame("ERROR", &ApiError::expired(message).status()));
        over = true;
    }
    drop(store);
    let mut at = VecDeque::new();
    let end = match fault {
        Some(WatchFault::EndsAfter(early)) => end.min(start + early),
        _ => end,
    };
    let bookmarks = bookmarks && !matches!(fault, Some(WatchFault::EndsAfter(_)));
    if bookmarks {
        let every = shared.bookmark_every;
        let mut next = start + every;
        while next < end {
            at.push_back(next);
            next += every;
        }
        if let Some(last) = end.checked_sub(LAST_BOOKMARK_BEFORE).filter(|last| *last > start) {
            at.retain(|one| *one < last);
            at.push_back(last);
        }
    }
    let watch = Watch {
        shared: Arc::clone(shared),
        of: *of,
        namespace,
        selector,
        cursor,
        moved,
        pending,
        bookmarks: at,
        end,
        over,
        fault,
    };
    let sending = Sending { watch, pieces: VecDeque::new(), breaker: breaker.clone(), cut: false };
    let frames = futures::stream::unfold(sending, |mut sending| async move {
        let piece = sending.next().await?;
        Some((Ok::<_, Infallible>(piece), sending))
    });
    Ok(with_type(StatusCode::OK, "application/json", Body::from_stream(frames)))
}

fn list_options_invalid(message: &str) -> ApiError {
    const LIST_OPTIONS: Kind = Kind::cluster("meta.k8s.io", "v1", "ListOptions", "");
    let message = format!("Forbidden: {message}");
    ApiError::invalid(&LIST_OPTIONS, "", &[("FieldValueForbidden", &message, "resourceVersionMatch")])
}

fn frame(of: &str, object: &Value) -> Value {
    json!({"type": of, "object": object})
}

fn bookmark(of: &ResourceType, revision: u64, initial_end: bool) -> Value {
    let kind = &of.kind;
    let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    if initial_end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let mut empty = json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata});
    if of.status && !of.is_custom() {
        // An empty object of a type of its own still has this part.
        empty["status"] = json!({});
    }
    frame("BOOKMARK", &empty)
}

/// The frames of a watch as they go over the wire.
struct Sending {
    watch: Watch,
    pieces: VecDeque<Bytes>,
    breaker: Breaker,
    cut: bool,
}

impl Sending {
    async fn next(&mut self) -> Option<Bytes> {
        if self.cut {
            tokio::time::sleep(HALF).await;
            self.breaker.0.cancel();
            return None;
        }
        if let Some(piece) = self.pieces.pop_front() {
            return Some(piece);
        }
        let line = Bytes::from(format!("{}\n", self.watch.next().await?));
        match self.watch.fault {
            Some(WatchFault::CutFrame) => {
                self.cut = true;
                Some(line.slice(..line.len() / 2))
            }
            Some(WatchFault::Pieces(size)) => {
                self.pieces = line.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
                self.pieces.pop_front()
            }
            Some(WatchFault::Silence | WatchFault::Stale | WatchFault::EndsAfter(_)) | None => Some(line),
        }
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Value> {
        if self.fault == Some(WatchFault::Silence) {
            std::future::pending::<()>().await;
        }
        loop {
            if let Some(frame) = self.pending.pop_front() {
                return Some(frame);
            }
            if self.over {
                return None;
            }
            // Marked as seen before the store is read, so no change slips in between.
            self.moved.borrow_and_update();
            self.read();
            if !self.pending.is_empty() || self.over {
                continue;
            }
            let next_bookmark = self.bookmarks.front().copied().unwrap_or(self.end);
            tokio::select! {
                moved = self.moved.changed() => self.over = moved.is_err(),
                () = tokio::time::sleep_until(next_bookmark.min(self.end)) => {
                    if Instant::now() >= self.end {
                        return None;
                    }
                    self.bookmarks.pop_front();
                    self.pending.push_back(bookmark(&self.of, self.cursor, false));
                }
            }
        }
    }

    fn read(&mut self) {
        if self.fault == Some(WatchFault::Stale) {
            return;
        }
        let store = self.shared.store();
        if self.cursor > store.revision() {
            return;
        }
        if let Some(records) = store.since(&self.of.kind, self.namespace.as_deref(), self.cursor) {
            let selector = &self.selector;
            self.pending.extend(records.iter().filter_map(|record| seen(selector, record)));
            self.cursor = store.revision();
            self.over = store.type_of(&self.of.kind).is_none();
        } else {
            let message = format!("too old resource version: {} ({})", self.cursor, store.compacted());
            self.pending.push_back(frame("ERROR", &ApiError::expired(message).status()));
            self.over = true;
        }
    }
}

/// What a change looks like through a selector: an object that stops matching is gone, as far as this watch goes.
fn seen(selector: &Selector, record: &Record) -> Option<Value> {
    let before = record.previous.as_ref().is_some_and(|p| selector.matches(p));
    let after = record.change != Change::Deleted && selector.matches(&record.object);
    match (before, after) {
        (false, true) => Some(frame("ADDED", &record.object)),
        (true, true) => Some(frame("MODIFIED", &record.object)),
        (true, false) => Some(frame("DELETED", &last_seen(record))),
        (false, false) => None,
    }
}

/// What is sent as gone: of an object that went on without this watch, its last state that the selector matched, with the version of
/// the change.
fn last_seen(record: &Record) -> Value {
    let mut object = (*record.object).clone();
    if record.change != Change::Deleted
        && let Some(previous) = &record.previous
    {
        let version = object["metadata"]["resourceVersion"].take();
        object = (**previous).clone();
        object["metadata"]["resourceVersion"] = version;
    }
    object
}
