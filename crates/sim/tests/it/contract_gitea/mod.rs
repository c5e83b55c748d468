//! The contract of Gitea 1.27, Gitea 1.25 and Forgejo 12: every recorded exchange is replayed, in order, and status, shape
//! and deliveries must be the recorded ones.
//!
//! The server is given by address. Without `CARETAKER_TEST_GITEA_URL` it is the simulator of the recorded server; with it
//! (and an administrator's token in `CARETAKER_TEST_GITEA_TOKEN`) it is a real one, whose organisation `ops` is used, and
//! which the recordings of its own kind are replayed against, the others not.
//!
//! Deliveries are compared as a ledger, not exchange by exchange, because a real server delivers when it likes: what a
//! recorded exchange delivered may be caused by it, by a step before it that no recording shows, or by one of the
//! exchanges just before.

mod deviations;
mod ledger;
mod mapping;
mod recording;
mod server;
mod shape;
mod steps;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sim::gitea::Server as Kind;

use deviations::{DEVIATIONS, Deviation, is_never_delivered, is_of_the_build, is_variation};
use ledger::Ledger;
use mapping::Mapping;
use recording::{Exchange, Request, SCENARIOS, Scenario, load};
use server::{Answer, REPOSITORY, Server};
use shape::{Compare, differences};

/// How long an answer may take to become the recorded one.
const DEADLINE: Duration = Duration::from_secs(10);

/// What was found, to be reported at the end, all at once.
#[derive(Default)]
struct Report {
    exchanges: usize,
    differences: Vec<(String, usize, String)>,
}

impl Report {
    fn add(&mut self, scenario: &str, index: usize, found: impl IntoIterator<Item = String>) {
        self.differences.extend(found.into_iter().map(|difference| (scenario.to_owned(), index, difference)));
    }
}

struct Replay {
    server: Server,
    mapping: Mapping,
    ledger: Ledger,
    report: Report,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_gitea_1_27_answers_as_recorded() {
    replay(Kind::Gitea127).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_gitea_1_25_answers_as_recorded() {
    replay(Kind::Gitea125).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_forgejo_12_answers_as_recorded() {
    replay(Kind::Forgejo12).await;
}

async fn replay(kind: Kind) {
    let Some(server) = Server::start(kind).await else {
        println!("the server is another one than {}", kind.name());
        return;
    };
    let mut replay =
        Replay { server, mapping: Mapping::default(), ledger: Ledger::default(), report: Report::default() };
    for name in SCENARIOS {
        let scenario = load(kind, name);
        replay.scenario(&scenario).await;
    }
    let Replay { server, report, ledger, .. } = replay;
    let simulated = server.is_simulated();
    server.shutdown().await;
    let mut unexplained = Vec::new();
    let mut occurred = BTreeSet::new();
    for (scenario, index, difference) in &report.differences {
        let listed = DEVIATIONS.iter().position(|deviation| {
            deviation.server == kind
                && deviation.scenario == scenario
                && deviation.index == *index
                && difference.starts_with(deviation.difference)
        });
        match listed.filter(|position| simulated || DEVIATIONS[*position].of_the_build) {
            Some(position) => {
                occurred.insert(position);
            }
            None => unexplained.push(format!("{scenario} {index}: {difference}")),
        }
    }
    println!(
        "{}: {} exchanges replayed, {} deliveries matched, {} differences, of which {} listed",
        kind.name(),
        report.exchanges,
        ledger.matched,
        report.differences.len(),
        report.differences.len() - unexplained.len(),
    );
    assert!(unexplained.is_empty(), "{} differences:\n{}", unexplained.len(), unexplained.join("\n"));
    if simulated {
        for (position, deviation) in DEVIATIONS.iter().enumerate() {
            let Deviation { server, scenario, index, difference, reason, .. } = deviation;
            assert!(
                *server != kind || occurred.contains(&position),
                "listed, but no longer so: {scenario} {index}: {difference} ({reason})"
            );
        }
    }
}

impl Replay {
    async fn scenario(&mut self, scenario: &Scenario) {
        let name = scenario.scenario.as_str();
        self.ledger.begin();
        for (index, exchange) in scenario.exchanges.iter().enumerate() {
            steps::before(&self.server, &mut self.mapping, name, index, exchange).await;
            self.fence().await;
            self.ledger.hidden(index, self.server.take_deliveries());
            self.report.exchanges += 1;
            if let Some(request) = &exchange.request {
                self.exchange(scenario, index, exchange, request).await;
            } else if let Some(git) = &exchange.git {
                let commit = steps::push(&self.server, &exchange.note);
                let recorded = git.split_whitespace().next().unwrap_or_default();
                self.mapping.learn_commit(recorded, &commit);
            } else {
                self.race(name, index, exchange).await;
            }
            self.fence().await;
            self.settle(name, index, exchange).await;
            // The test delivery of this exchange is the last one that is not a fence.
            if name == "hooks" && exchange.note == "Test delivery" {
                self.ledger.fenced = true;
            }
        }
        let last = scenario.exchanges.len();
        let found = self.ledger.finish();
        self.report.add(name, last, found);
    }

    /// Makes the server deliver something of its own and waits for it: for one address it delivers in order, so that
    /// whatever was caused before has arrived then. A real server has several workers; it is given a moment more.
    async fn fence(&mut self) {
        if !self.ledger.fenced {
            return;
        }
        let path = format!("{REPOSITORY}/hooks/{}/tests", self.mapping.number("hooks", 1));
        self.server.admin("POST", &path, Value::Null).await;
        let until = Instant::now() + DEADLINE;
        while !self.ledger.take_fence(self.server.take_deliveries()) {
            assert!(Instant::now() < until, "the fence is not delivered");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if !self.server.is_simulated() {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    }

    /// Waits for the recorded deliveries and compares them.
    async fn settle(&mut self, name: &str, index: usize, exchange: &Exchange) {
        self.ledger.caused(index, self.server.take_deliveries());
        let vain = self.server.is_simulated() && is_never_delivered(self.server.kind, name, index);
        let until = Instant::now() + if vain { Duration::ZERO } else { DEADLINE };
        while !self.ledger.has(&exchange.deliveries) && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.ledger.caused(index, self.server.take_deliveries());
        }
        let found = self.ledger.compare(index, &exchange.deliveries, &mut self.mapping);
        let found = self.without_variations(found);
        self.report.add(name, index, found);
    }

    async fn exchange(&mut self, scenario: &Scenario, index: usize, exchange: &Exchange, request: &Request) {
        let name = scenario.scenario.as_str();
        let until = Instant::now() + DEADLINE;
        loop {
            let answer = self.send(exchange, request).await;
            let (found, body) = self.compare(scenario, index, exchange, answer);
            let found = self.without_variations(found);
            // What is computed asynchronously is read again until it is as recorded.
            if found.is_empty() || request.method != "GET" || Instant::now() > until {
                if let Some(response) = &exchange.response {
                    self.mapping.learn(&response.body, &body);
                }
                if request.path.ends_with("/teams") {
                    self.mapping.learn_number("teams", 0, body["id"].as_u64().unwrap_or_default());
                }
                self.report.add(name, index, found);
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The simulator is held to the recorded server; a real one may be another of its series.
    fn without_variations(&self, mut found: Vec<String>) -> Vec<String> {
        found.retain(|difference| !is_of_the_build(self.server.kind, difference));
        if !self.server.is_simulated() {
            found.retain(|difference| !is_variation(difference));
        }
        found
    }

    async fn send(&self, exchange: &Exchange, request: &Request) -> Answer {
        let path = self.mapping.path(&request.path);
        let body = request.body.as_ref().map(|body| match body {
            Value::String(text) => text.clone(),
            body if body["body"] == "x repeated 1,000,000 times" => {
                json!({ "body": "x".repeat(1_000_000) }).to_string()
            }
            body => {
                let text = self.mapping.body(body).to_string();
                text.replace("caretaker.example", &self.server.listener)
            }
        });
        self.server.call(&exchange.actor, &request.method, &path, body).await
    }

    fn compare(
        &self,
        scenario: &Scenario,
        index: usize,
        exchange: &Exchange,
        answer: Answer,
    ) -> (Vec<String>, Value) {
        let Some(response) = &exchange.response else { return (Vec::new(), answer.body) };
        if answer.status != response.status {
            let text =
                format!("status: recorded {}, live {} {}", response.status, answer.status, answer.body);
            return (vec![text], answer.body);
        }
        let mut recorded = response.body.clone();
        if followed_by_another_try(scenario, index) && !recorded["mergeable"].is_null() {
            // Only the end value of a computed field is certain.
            recorded["mergeable"] = answer.body["mergeable"].clone();
        }
        let live = steps::trim(&scenario.scenario, index, &recorded, answer.body);
        let mut found = differences(&self.expected(&recorded), &live, Compare::Values);
        for header in ["x-total-count", "link", "location"] {
            let recorded = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
            let live = answer.headers.get(header);
            if recorded.is_some() != live.is_some() {
                found.push(format!("header {header}: recorded {recorded:?}, live {live:?}"));
            }
        }
        if let (Some(recorded), Some(live)) =
            (response.headers.get("X-Total-Count"), answer.headers.get("x-total-count"))
            && recorded != live
        {
            found.push(format!("header x-total-count: recorded {recorded}, live {live}"));
        }
        (found, live)
    }

    /// The recorded answer with the live server's commits in its texts.
    fn expected(&self, recorded: &Value) -> Value {
        match recorded {
            Value::String(text) => Value::String(self.mapping.text(text)),
            Value::Array(items) => items.iter().map(|item| self.expected(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), self.expected(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// Eight writers at once: at least one wins, the rest are refused as this server refuses them, and the body is that of
    /// a winner.
    async fn race(&mut self, name: &str, index: usize, exchange: &Exchange) {
        let path = format!("{REPOSITORY}/issues/{}", self.mapping.number("issues", 15));
        let before = self.server.admin("GET", &path, Value::Null).await;
        // Without versions every writer may win; with one that was sent, only the first.
        let counts = self.server.kind == Kind::Gitea127;
        let sends = counts && exchange.note.contains("same content_version");
        let version = sends.then(|| before.body["content_version"].clone());
        let writers = exchange.statuses.len();
        let edits = (0..writers).map(|writer| {
            let actor = if writer % 2 == 1 { "operator" } else { "caretaker" };
            let mut edit = json!({ "body": format!("writer {writer}") });
            if let Some(version) = &version {
                edit["content_version"] = version.clone();
            }
            self.server.call(actor, "PATCH", &path, Some(edit.to_string()))
        });
        let answers = futures::future::join_all(edits).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let winners: Vec<usize> = (0..writers).filter(|writer| statuses[*writer] == 201).collect();
        let after = self.server.admin("GET", &path, Value::Null).await;
        let mut found = Vec::new();
        let refusal = if counts { 409 } else { 400 };
        if winners.is_empty() || statuses.iter().any(|status| *status != 201 && *status != refusal) {
            found.push(format!("statuses: at least one 201, the rest {refusal}; live {statuses:?}"));
        }
        if exchange.statuses.iter().any(|(_, status)| *status != 201 && *status != refusal) {
            found.push(format!("statuses: recorded {:?}", exchange.statuses));
        }
        if version.is_some() && winners.len() != 1 {
            found.push(format!("statuses: with a version one writer wins; live {statuses:?}"));
        }
        if !winners.iter().any(|writer| after.body["body"] == format!("writer {writer}")) {
            found.push(format!("final body: one of those accepted; live {}", after.body["body"]));
        }
        let raised = after.body["content_version"].as_u64().zip(before.body["content_version"].as_u64());
        let right = |(after, before)| after == before + winners.len() as u64;
        if raised.map_or(counts, |versions| !counts || !right(versions)) {
            found.push(format!("content_version: one more for each that was accepted; live {raised:?}"));
        }
        let mut edits = 0;
        let until = Instant::now() + DEADLINE;
        while edits < winners.len() && Instant::now() < until {
            self.fence().await;
            self.ledger.caused(index, self.server.take_deliveries());
            edits += self.ledger.take_edits();
        }
        if edits != winners.len() {
            found.push(format!("deliveries: one edit for each that was accepted; live {edits}"));
        }
        self.report.add(name, index, found);
    }
}

/// Whether the next exchange asks the same again ("try 2" after "try 1").
fn followed_by_another_try(scenario: &Scenario, index: usize) -> bool {
    let stem = |exchange: &Exchange| exchange.note.split_once(", try ").map(|(stem, _)| stem.to_owned());
    let here = stem(&scenario.exchanges[index]);
    here.is_some() && scenario.exchanges.get(index + 1).map(stem) == Some(here)
}
