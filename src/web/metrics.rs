//! `/metrics`: numbers in the text format of Prometheus. Counts and states alone: no secret, no text of a person.
//!
//! [`gather`] is the one place where metrics are named.

use super::health::Peer;
use super::page::PageState;
use crate::inbox::Outcome;
use crate::store::Missing;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;

pub(super) async fn metrics(State(state): State<PageState>) -> Response {
    let text = gather(&state).await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn gather(state: &PageState) -> String {
    let PageState { store, readiness, inbox, forge } = state;
    let mut text = Text::default();

    text.family(
        "caretaker_deliveries_total",
        "counter",
        "Deliveries since the start, by what became of them.",
    );
    for outcome in Outcome::ALL {
        text.sample(&[("outcome", outcome.label())], inbox.outcomes().count(outcome));
    }
    text.family("caretaker_looks_total", "counter", "Looks at a repository since the start.");
    text.sample(&[], readiness.looks());
    if let Some(age) = readiness.last_look_age() {
        text.family(
            "caretaker_last_look_age_seconds",
            "gauge",
            "Seconds since the worker's last look ended.",
        );
        text.sample(&[], age.as_secs_f64());
    }
    text.family("caretaker_peer_ok", "gauge", "Whether forge and cluster were in order the last time.");
    for (name, peer) in [("forge", Peer::Forge), ("cluster", Peer::Cluster)] {
        text.sample(&[("peer", name)], u8::from(readiness.peer(peer).ok));
    }

    let traffic = forge.traffic();
    text.family(
        "caretaker_forge_requests_total",
        "counter",
        "Requests to the forge since the start, by kind and by what became of them; each try counts.",
    );
    for (kind, count) in &traffic.requests {
        let labels =
            [("method", kind.method.as_str()), ("route", &kind.route), ("outcome", kind.outcome.label())];
        text.sample(&labels, count);
    }
    text.family(
        "caretaker_forge_left_alone",
        "gauge",
        "Whether nothing goes out to the forge since it is down.",
    );
    text.sample(&[], u8::from(traffic.down.is_some()));

    text.family("caretaker_store_ok", "gauge", "Whether the store can be written and its disk has room.");
    text.sample(&[], u8::from(readiness.store(store).await.ok));
    // What cannot be read is left out: no number is better than a wrong one.
    if let Ok(Some(bytes)) = store.free_bytes() {
        text.family("caretaker_store_free_bytes", "gauge", "Free space beside the store.");
        text.sample(&[], bytes);
    }
    if let Ok(runs) = store.count_open_runs().await {
        text.family("caretaker_runs_open", "gauge", "Runs that are open.");
        text.sample(&[], runs);
    }
    if let Ok(kept) = store.count_deliveries().await {
        text.family("caretaker_deliveries_kept", "gauge", "Deliveries in the store.");
        text.sample(&[], kept);
    }
    let missed = (store.missed_events(Missing::Up).await, store.missed_events(Missing::Down).await);
    if let (Ok(up), Ok(down)) = missed {
        text.family(
            "caretaker_missed_events_total",
            "counter",
            "Looks that found a change of which no delivery had told, by whether caretaker ran when it happened.",
        );
        for (missing, missed) in Missing::ALL.into_iter().zip([up, down]) {
            let sum: u64 = missed.iter().map(|(_, missed)| missed.count).sum();
            text.sample(&[("while", missing.word())], sum);
        }
    }
    text.0
}

/// Families of metrics, one after the other.
#[derive(Default)]
struct Text(String, &'static str);

impl Text {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.1 = name;
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A line of the last family. Names and values of labels are of the program, routes hold words of the API and
    /// stars: none needs to be escaped.
    fn sample(&mut self, labels: &[(&'static str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(self.1);
        if !labels.is_empty() {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let _ = write!(self.0, "{{{}}}", labels.join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn a_family_has_its_name_on_every_line() {
        let mut text = Text::default();
        text.family("things_total", "counter", "Things.");
        text.sample(&[("kind", "good"), ("size", "large")], 3);
        text.sample(&[], 0.5);
        assert_eq!(
            text.0,
            "# HELP things_total Things.\n# TYPE things_total counter\n\
             things_total{kind=\"good\",size=\"large\"} 3\nthings_total 0.5\n"
        );
    }
}
