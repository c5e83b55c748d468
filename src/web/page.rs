//! The page of the runs: read only, and everything on it comes out of the journal, escaped by its template.

use super::deliveries::deliveries;
use super::health::{Check, Peer, Readiness};
use super::metrics::metrics;
use crate::forge::{Forge, Traffic};
use crate::health::Blocked;
use crate::inbox::Inbox;
use crate::run::{self, Event, RunState, Tone};
use crate::store::{JournalRow, MissedEvents, Missing, RunId, RunRow, Store, StoreError};
use crate::wording;
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use std::sync::Arc;

/// How many runs the list shows.
const RUNS: u32 = 100;
/// How many lines of a journal are shown; the newest, where there are more.
const LINES: usize = 2000;
/// How long a line may be.
const LONGEST_LINE: usize = 400;
/// How much of an event is shown when it is unfolded.
const LONGEST_EVENT: usize = 20_000;

/// Nothing is loaded from anywhere else, and nothing on the page runs.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the pages show.
#[derive(Debug, Clone)]
pub(super) struct PageState {
    pub(super) store: Arc<Store>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) forge: Arc<dyn Forge>,
}

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("there is no such run")]
    NoSuchRun,
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    #[error("the page could not be written")]
    Template(#[from] askama::Error),
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoSuchRun => StatusCode::NOT_FOUND,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if !matches!(self, Self::NoSuchRun) {
            tracing::error!(error = &self as &dyn std::error::Error, "a page cannot be shown");
        }
        (status, format!("{self}\n")).into_response()
    }
}

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    parts: Vec<Part>,
    gates: Vec<Gate>,
    runs: Vec<Run>,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    run: Run,
    ended: usize,
    total: usize,
    left_out: usize,
    lines: Vec<Line>,
}

/// A part of caretaker, as the page shows it.
struct Part {
    name: &'static str,
    ok: bool,
    words: String,
}

/// What keeps the next change of a repository back; nothing where it may start.
struct Gate {
    repository: String,
    /// When that was seen.
    seen: String,
    blocked: Vec<Kept>,
}

/// One of these, as the page shows it.
struct Kept {
    what: String,
    why: String,
    since: Option<String>,
    opens: String,
}

impl From<&Blocked> for Kept {
    fn from(blocked: &Blocked) -> Self {
        Self {
            what: format!("{:?}", blocked.what).to_lowercase(),
            why: cut(&blocked.why, LONGEST_LINE),
            since: blocked.since.map(wording::time),
            opens: cut(&blocked.unblock, LONGEST_LINE),
        }
    }
}

/// A run, as the page shows it.
struct Run {
    id: RunId,
    repository: String,
    issue: u64,
    began: String,
    ended: Option<String>,
}

impl From<&RunRow> for Run {
    fn from(row: &RunRow) -> Self {
        Self {
            id: row.id,
            repository: row.repository.clone(),
            issue: row.issue,
            began: wording::time(row.began_at),
            ended: row.ended_at.map(wording::time),
        }
    }
}

/// A line of a journal, as the page shows it.
struct Line {
    id: i64,
    at: String,
    event: String,
    /// The class that says how it is meant.
    tone: &'static str,
    words: String,
    whole: String,
}

/// The page's own listener.
pub(super) fn router(state: PageState) -> Router {
    Router::new()
        .route("/", get(runs))
        .route("/runs/{id}", get(one_run))
        .route("/deliveries", get(deliveries))
        .route("/metrics", get(metrics))
        .route("/style.css", get(style))
        .with_state(state)
}

/// A page with the headers that keep it to itself.
pub(super) fn page(template: &impl Template) -> Result<Response, PageError> {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Html(template.render()?)).into_response())
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../templates/style.css"))
        .into_response()
}

async fn runs(State(state): State<PageState>) -> Result<Response, PageError> {
    let rows = state.store.recent_runs(RUNS).await?;
    let missed = state.store.missed_events(Missing::Up).await?;
    let while_down = state.store.missed_events(Missing::Down).await?;
    let readiness = &state.readiness;
    page(&RunsPage {
        parts: vec![
            part("forge", &readiness.peer(Peer::Forge), readiness.error(Peer::Forge)),
            requests(&state.forge.traffic()),
            part("cluster", &readiness.peer(Peer::Cluster), readiness.error(Peer::Cluster)),
            part("worker", &readiness.worker(), None),
            part("store", &readiness.store(&state.store).await, None),
            part("runs", &readiness.runs(), readiness.runs_error()),
            part("repositories", &readiness.repositories(), readiness.repositories_error()),
            never_delivered(&missed, &while_down),
        ],
        gates: readiness
            .gates()
            .iter()
            .map(|(repository, gate)| Gate {
                repository: repository.to_string(),
                seen: wording::time(gate.at),
                blocked: gate.blocked.iter().map(Kept::from).collect(),
            })
            .collect(),
        runs: rows.iter().map(Run::from).collect(),
    })
}

fn part(name: &'static str, check: &Check, error: Option<String>) -> Part {
    let last = check.last.map(|at| format!("last in order {}", wording::time(at)));
    let why = error.or_else(|| check.why.map(str::to_owned));
    let words = why.into_iter().chain(last).collect::<Vec<_>>().join("; ");
    Part { name, ok: check.ok, words }
}

/// What was asked of the forge since the start, and whether it is left alone since it is down.
fn requests(traffic: &Traffic) -> Part {
    let down = traffic.down.as_ref().map(|why| format!("the forge is left alone: {why}"));
    let words = down.iter().cloned().chain([traffic.to_string()]).collect::<Vec<_>>().join("; ");
    Part { name: "requests to the forge", ok: down.is_none(), words }
}

/// Events that nothing was delivered for. They cost time and nothing else, so that there were some is no fault by itself;
/// what changed while caretaker did not run could not be delivered.
fn never_delivered(missed: &[(String, MissedEvents)], while_down: &[(String, MissedEvents)]) -> Part {
    let mut lines: Vec<String> = missed
        .iter()
        .map(|(repository, missed)| {
            let last = missed.last_delivery_at.map_or_else(
                || "none had ever arrived".to_owned(),
                |at| format!("the last one had arrived {}", wording::time(at)),
            );
            format!(
                "{repository}: missed {} times, last {}; {last}",
                missed.count,
                wording::time(missed.last_at)
            )
        })
        .collect();
    let ok = lines.is_empty();
    lines.extend(while_down.iter().map(|(repository, missed)| {
        let last = wording::time(missed.last_at);
        format!("{repository}: changed {} times while caretaker did not run, last found {last}", missed.count)
    }));
    Part { name: "deliveries", ok, words: lines.join("; ") }
}

async fn one_run(State(state): State<PageState>, Path(id): Path<i64>) -> Result<Response, PageError> {
    let rows = state.store.recent_runs(u32::MAX).await?;
    let row = rows.iter().find(|row| row.id == RunId(id)).ok_or(PageError::NoSuchRun)?;
    let journal = state.store.journal(row.id, None).await?;
    let left_out = journal.len().saturating_sub(LINES);
    // A line says which task it is about: that is known from the lines before it.
    let mut state = RunState::default();
    let mut lines: Vec<Line> = journal.iter().map(|row| line(row, &mut state)).collect();
    let (ended, total) = state.ended_of();
    page(&RunPage { run: Run::from(row), ended, total, left_out, lines: lines.split_off(left_out) })
}

fn line(row: &JournalRow, state: &mut RunState) -> Line {
    let event: Option<Value> = serde_json::from_str(&row.event).ok();
    let name = event.as_ref().and_then(|event| event.get("event")).and_then(Value::as_str);
    let mut words = Vec::new();
    let mut tone = Tone::Plain;
    match serde_json::from_str::<Event>(&row.event) {
        Ok(known) => {
            words.push(wording::journal_line(&known, state));
            tone = run::tone(&known);
            state.fold(row.id, row.at, known);
        }
        // Of a newer caretaker, maybe: as it is.
        Err(_) => event.iter().for_each(|event| describe("", event, &mut words)),
    }
    let whole = event.as_ref().and_then(|event| serde_json::to_string_pretty(event).ok());
    Line {
        id: row.id.0,
        at: row.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        event: name.unwrap_or("unreadable").replace('-', " "),
        tone: match tone {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Waits => "waits",
            Tone::Bad => "bad",
            Tone::Person => "person",
            Tone::Aside => "aside",
        },
        words: cut(&words.join(", "), LONGEST_LINE),
        whole: cut(&whole.unwrap_or_else(|| row.event.clone()), LONGEST_EVENT),
    }
}

/// The fields of an event in a few words: names without their path, long lists as counts.
fn describe(name: &str, value: &Value, words: &mut Vec<String>) {
    let named = |text: &str| if name.is_empty() { text.to_owned() } else { format!("{name}: {text}") };
    match value {
        Value::Null => {}
        Value::Bool(value) => words.push(named(if *value { "yes" } else { "no" })),
        Value::Number(number) => words.push(named(&number.to_string())),
        Value::String(text) => words.push(named(&text.replace(['\r', '\n'], " "))),
        Value::Array(values) if values.iter().all(|value| value.is_string() || value.is_number()) => {
            let texts: Vec<String> = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            words.push(named(&if texts.is_empty() { "none".to_owned() } else { texts.join(" ") }));
        }
        Value::Array(values) => words.push(named(&values.len().to_string())),
        Value::Object(fields) => {
            for (field, value) in fields {
                if !(name.is_empty() && field == "event") {
                    describe(&field.replace('_', " "), value, words);
                }
            }
        }
    }
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} …", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, line};
    use crate::store::{EventId, JournalRow};
    use jiff::Timestamp;

    fn words(event: &str) -> (String, String) {
        let row = JournalRow { id: EventId(1), at: Timestamp::UNIX_EPOCH, event: event.to_owned() };
        let line = line(&row, &mut crate::run::RunState::default());
        (line.event, line.words)
    }

    #[test]
    fn an_event_is_a_readable_line() {
        let event = r#"{"event":"change-ended","change":12,"result":{"merged":{"commit":"1a2b"}},"gate":"GREEN",
            "watchers":["a","b"],"findings":[{"x":1},{"x":2}],"none":null,"waits_for":"one\ntwo","held":true}"#;
        assert_eq!(
            words(event),
            (
                "change ended".to_owned(),
                "change: 12, commit: 1a2b, gate: GREEN, watchers: a b, findings: 2, waits for: one two, held: yes"
                    .to_owned()
            )
        );
        let known = r#"{"event":"waits","key":"01","why":"somebody looks"}"#;
        assert_eq!(words(known), ("waits".to_owned(), "? waits: somebody looks".to_owned()));
        assert_eq!(words("no json"), ("unreadable".to_owned(), String::new()));
        assert_eq!(words("[]").0, "unreadable");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö …");
    }
}
