//! Replays recorded exchanges and notes what differs.
//!
//! Identities that the server draws (uid, resourceVersion, continue token, entity tag) are learned from each pair of
//! recorded and real answer, and put into the requests that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};

use super::server::{Answer, Server};
use super::shape::{Difference, compare, names};

/// A deviation that is meant.
pub(crate) struct Deviation {
    pub(crate) file: &'static str,
    pub(crate) exchanges: &'static [usize],
    /// Where, with all that lies below.
    pub(crate) at: &'static str,
    pub(crate) why: &'static str,
}

/// Exchanges that are not replayed.
pub(crate) struct Left {
    pub(crate) file: &'static str,
    pub(crate) exchanges: &'static [RangeInclusive<usize>],
    pub(crate) why: &'static str,
}

/// For so long a real server may say that it is asked too much.
const PATIENCE: Duration = Duration::from_mins(1);

/// Recorded bodies that were cut without a mark.
const CUT: &[(&str, usize)] = &[
    ("apply.json", 19),
    ("apply.json", 29),
    ("gitops.json", 15),
    ("gitops.json", 22),
    ("gitops.json", 38),
    ("gitops.json", 40),
    ("gitops.json", 41),
    ("gitops.json", 46),
];

pub(crate) struct Replay {
    pub(crate) server: Server,
    file: &'static str,
    exchanges: Vec<Value>,
    known: BTreeMap<String, String>,
    played: BTreeSet<usize>,
    /// Replayed against a simulator only, and why not here.
    skipped: BTreeMap<usize, &'static str>,
    differences: Vec<(usize, Difference)>,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings/kubernetes")
}

pub(crate) fn recording(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let mut recording: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(recording["exchanges"].take()).unwrap()
}

impl Replay {
    pub(crate) async fn start(file: &'static str) -> Self {
        let server = Server::start().await;
        server.prepare().await;
        Self {
            server,
            file,
            exchanges: recording(file),
            known: BTreeMap::new(),
            played: BTreeSet::new(),
            skipped: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    pub(crate) fn simulated(&self) -> bool {
        self.server.simulator.is_some()
    }

    pub(crate) fn exchange(&self, index: usize) -> Value {
        self.exchanges[index].clone()
    }

    /// Notes that an exchange needs something that a bare real server has not.
    pub(crate) fn skip(&mut self, index: usize, why: &'static str) {
        self.skipped.insert(index, why);
    }

    /// Puts the object of a recorded answer on the server.
    pub(crate) async fn seed(&mut self, index: usize) {
        let exchange = self.exchange(index);
        let path = exchange["request"]["path"].as_str().unwrap().split('?').next().unwrap().to_owned();
        let body = &exchange["response"]["body"];
        if let Some(items) = body["items"].as_array() {
            for item in items {
                // A list of all namespaces says of each object which is its own.
                match item["metadata"]["namespace"].as_str() {
                    Some(namespace) if !path.contains("/namespaces/") => {
                        let (group, plural) = path.rsplit_once('/').unwrap();
                        self.put(&format!("{group}/namespaces/{namespace}/{plural}"), item).await;
                    }
                    _ => self.put(&path, item).await,
                }
            }
        } else {
            let collection = path.rsplit_once('/').unwrap().0.to_owned();
            self.put(&collection, body).await;
        }
    }

    /// Seeds and plays a run of exchanges.
    pub(crate) async fn seed_and_play(&mut self, indexes: impl IntoIterator<Item = usize>) {
        for index in indexes {
            self.seed(index).await;
            self.play(index).await;
        }
    }

    async fn put(&mut self, collection: &str, recorded: &Value) {
        let metadata = &recorded["metadata"];
        let one = format!("{collection}/{}", metadata["name"].as_str().unwrap());
        let mut object = base(collection);
        if recorded.get("spec").is_none()
            && let Some(spec) = self.server.admin("GET", &one, None).await.json().get("spec")
        {
            object["spec"] = spec.clone();
        }
        for field in ["name", "generateName", "labels", "annotations", "finalizers", "ownerReferences"] {
            if let Some(value) = metadata.get(field) {
                object["metadata"][field] = value.clone();
            }
        }
        // Kinds whose status is no part of its own.
        let whole = collection.ends_with("/applications") || collection.contains("/velero.io/");
        for (field, value) in recorded.as_object().unwrap() {
            match field.as_str() {
                "metadata" | "x-cut" => {}
                "status" if !whole => {}
                "spec" if object["spec"].is_object() => merge(&mut object["spec"], value),
                _ => object[field] = value.clone(),
            }
        }
        self.server.replace(collection, &object).await;
        if let Some(status) = recorded.get("status").filter(|_| !whole) {
            let patch = json!({ "status": status });
            let answer = self.server.admin("PATCH", &format!("{one}/status"), Some(&patch)).await;
            assert_eq!(answer.status, 200, "{one}: {}", answer.text);
        }
        if collection.ends_with("/nodes") {
            // A real server marks every new node as not ready, whatever its status says.
            let taints = json!({"spec": {"taints": recorded["spec"]["taints"]}});
            self.server.admin("PATCH", &one, Some(&taints)).await;
        }
        if metadata.get("deletionTimestamp").is_some() {
            self.server.admin("DELETE", &one, None).await;
        }
        let stored = self.server.admin("GET", &one, None).await.json();
        self.learn(recorded, &stored);
    }

    /// Plays one exchange and compares the answer.
    pub(crate) async fn play(&mut self, index: usize) {
        let answer = self.send(index).await;
        self.judge(index, &answer);
    }

    /// Asks otherwise for what is recorded there: the answer has to be the same.
    pub(crate) async fn play_as(&mut self, index: usize, path: &str) {
        let mut exchange = self.exchange(index);
        exchange["request"]["path"] = json!(path);
        let answer = Answer::read(self.respond(&exchange, None).await.1).await;
        self.judge(index, &answer);
    }

    /// Plays exchanges that were recorded at once, and compares each with the one of its own outcome.
    pub(crate) async fn race(&mut self, first: usize, second: usize) {
        let (one, two) = tokio::join!(self.send(first), self.send(second));
        let mut recorded = [first, second].map(|i| self.exchanges[i]["response"]["status"].as_u64().unwrap());
        let mut answered = [u64::from(one.status), u64::from(two.status)];
        let same = recorded == answered;
        recorded.sort_unstable();
        answered.sort_unstable();
        assert_eq!(recorded, answered, "one wins and one is refused");
        let (one, two) = if same { (one, two) } else { (two, one) };
        self.judge(first, &one);
        self.judge(second, &two);
    }

    async fn send(&self, index: usize) -> Answer {
        Answer::read(self.respond(&self.exchanges[index], None).await.1).await
    }

    /// The same for an answer that has no end of its own, with when it was asked for.
    pub(crate) async fn open(&self, exchange: &Value, within: Duration) -> (Instant, Response) {
        self.respond(exchange, Some(within)).await
    }

    /// From now on what stands here in the recording is called that.
    pub(crate) fn know(&mut self, recorded: &str, answered: &str) {
        self.known.insert(recorded.to_owned(), answered.to_owned());
    }

    async fn respond(&self, exchange: &Value, within: Option<Duration>) -> (Instant, Response) {
        let request = &exchange["request"];
        let path = self.known_path(request["path"].as_str().unwrap());
        let headers: Vec<(String, String)> = request["headers"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| *name != "Authorization")
            .map(|(name, value)| (name.clone(), self.known_text(value.as_str().unwrap())))
            .collect();
        let body = match &request["body"] {
            Value::Null => None,
            Value::String(raw) => Some(raw.clone()),
            body => Some(self.known_value(body).to_string()),
        };
        let user = request["user"].as_str().unwrap();
        let method = request["method"].as_str().unwrap();
        let patience = Instant::now() + PATIENCE;
        loop {
            let asked = Instant::now();
            let response = self.server.respond(user, method, &path, &headers, body.clone(), within).await;
            // A real server that began a moment ago may be asked too much already.
            let refused = response.status() == 429 && exchange["response"]["status"] != 429;
            if self.simulated() || !refused || asked > patience {
                return (asked, response);
            }
            let wait =
                response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
            tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
        }
    }

    fn judge(&mut self, index: usize, answer: &Answer) {
        self.played.insert(index);
        let exchange = self.exchange(index);
        let recorded = &exchange["response"];
        let mut differences = Vec::new();
        if recorded["status"] != answer.status {
            differences.push(Difference::new("status", &recorded["status"], answer.status));
        }
        let header = |name: &str| recorded["headers"][name].as_str().unwrap_or_default().to_owned();
        let content_type = header("Content-Type");
        if content_type != answer.header("content-type") {
            differences.push(Difference::new("content-type", content_type, answer.header("content-type")));
        }
        for name in ["Warning", "Retry-After"] {
            let (was, is) = (header(name), answer.header(&name.to_lowercase()).to_owned());
            if was != is {
                differences.push(Difference::new(&name.to_lowercase(), was, is));
            }
        }
        if let Some(text) = recorded["body_text"].as_str() {
            let verbose = exchange["request"]["path"].as_str().unwrap().contains("verbose");
            if !verbose && text != answer.text {
                differences.push(Difference::new("text", text, &answer.text));
            }
        } else if !recorded["body"].is_null() {
            let mut body = recorded["body"].clone();
            if CUT.contains(&(self.file, index)) {
                body["x-cut"] = json!("by hand");
            }
            compare(&body, &answer.json(), &mut differences);
            differences.extend(self.other_names(&body, &answer.json()));
        }
        self.known.insert(header("Etag"), answer.header("etag").to_owned());
        self.learn(&recorded["body"].clone(), &answer.json());
        self.differences.extend(differences.into_iter().map(|difference| (index, difference)));
    }

    /// What a list lacks, and what is too much in it. A real server may hold what others made, but nothing that is astray.
    fn other_names(&self, recorded: &Value, answered: &Value) -> Option<Difference> {
        let was = names(recorded)?;
        let namespaced = was.iter().any(|name| !name.starts_with('/'));
        let mut is = names(answered).unwrap_or_default();
        if !namespaced {
            // Recordings were cut to names: where none has a namespace, none is asked for.
            is = is.into_iter().map(|name| format!("/{}", name.rsplit('/').next().unwrap())).collect();
        }
        let counts = |name: &&String| self.simulated() || was.contains(*name) || name.contains("/stray");
        let is: BTreeSet<&String> = is.iter().filter(counts).collect();
        let was: BTreeSet<&String> = was.iter().collect();
        (was != is).then(|| Difference::new("names", format!("{was:?}"), format!("{is:?}")))
    }

    /// Notes a difference that was found elsewhere.
    pub(crate) fn note(&mut self, index: usize, differences: Vec<Difference>) {
        self.played.insert(index);
        self.differences.extend(differences.into_iter().map(|difference| (index, difference)));
    }

    pub(crate) fn learn(&mut self, recorded: &Value, answered: &Value) {
        match (recorded, answered) {
            (Value::Object(recorded), Value::Object(answered)) => {
                for (name, value) in recorded {
                    let Some(other) = answered.get(name) else { continue };
                    match (value.as_str(), other.as_str()) {
                        (Some(was), Some(is))
                            if matches!(name.as_str(), "uid" | "resourceVersion" | "continue") =>
                        {
                            self.known.insert(was.to_owned(), is.to_owned());
                        }
                        _ => self.learn(value, other),
                    }
                }
            }
            (Value::Array(recorded), Value::Array(answered)) => {
                for (one, other) in recorded.iter().zip(answered) {
                    self.learn(one, other);
                }
            }
            _ => {}
        }
    }

    fn known_text(&self, text: &str) -> String {
        self.known.get(text).filter(|_| !text.is_empty()).cloned().unwrap_or_else(|| text.to_owned())
    }

    fn known_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.known_text(text)),
            Value::Array(items) => items.iter().map(|item| self.known_value(item)).collect(),
            Value::Object(map) => Value::Object(
                map.iter().map(|(name, value)| (name.clone(), self.known_value(value))).collect(),
            ),
            other => other.clone(),
        }
    }

    fn known_path(&self, path: &str) -> String {
        let Some((address, query)) = path.split_once('?') else { return path.to_owned() };
        let query: Vec<String> = query
            .split('&')
            .map(|parameter| match parameter.split_once('=') {
                Some((name @ ("continue" | "resourceVersion"), value)) => {
                    format!("{name}={}", self.known_text(value))
                }
                // A real server looks at every parameter, also at those that only name the recording's form.
                _ => parameter.to_owned(),
            })
            .collect();
        format!("{address}?{}", query.join("&"))
    }

    /// Every exchange was played, or is on the list of what is left; every difference is meant, and every one that is
    /// meant is there.
    pub(crate) async fn finish(self, left: &[Left], deviations: &[Deviation]) {
        let simulated = self.simulated();
        let mut report = Vec::new();
        let lists: Vec<&Left> = left.iter().filter(|l| l.file == self.file).collect();
        for (index, exchange) in self.exchanges.iter().enumerate() {
            let listed =
                lists.iter().filter(|l| l.exchanges.iter().any(|range| range.contains(&index))).count();
            let expected = usize::from(!self.played.contains(&index));
            if let Some(why) = self.skipped.get(&index) {
                println!("{} {index}: not replayed here: {why}", self.file);
            } else if exchange.get("request").is_some() && listed != expected {
                report
                    .push(format!("{index} is played {} times and {listed} times on the list", 1 - expected));
            }
        }
        for list in &lists {
            println!("{} {:?}: left: {}", self.file, list.exchanges, list.why);
        }
        let meant: Vec<&Deviation> = deviations.iter().filter(|d| d.file == self.file).collect();
        let fits = |deviation: &Deviation, index: usize, at: &str| {
            let below = at.strip_prefix(deviation.at);
            deviation.exchanges.contains(&index) && below.is_some_and(|b| b.is_empty() || b.starts_with('/'))
        };
        for (index, difference) in &self.differences {
            if !meant.iter().any(|deviation| fits(deviation, *index, &difference.at)) {
                report.push(format!(
                    "{index} ({}): {}: recorded {}, answered {}",
                    self.exchanges[*index]["note"].as_str().unwrap_or_default(),
                    difference.at,
                    difference.recorded,
                    difference.answered
                ));
            }
        }
        for deviation in meant.iter().filter(|_| simulated) {
            for index in deviation.exchanges {
                if self
                    .differences
                    .iter()
                    .any(|(i, difference)| fits(deviation, *index, &difference.at) && i == index)
                {
                    println!("{} {index}: deviates at {}: {}", self.file, deviation.at, deviation.why);
                } else {
                    report.push(format!("{index}: {} no longer deviates", deviation.at));
                }
            }
        }
        self.server.stop().await;
        assert!(report.is_empty(), "{}:\n{}", self.file, report.join("\n"));
    }
}

fn merge(target: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        if !value.is_null() {
            target[name] = value.clone();
        }
    }
}

/// The least that a real server takes of a kind whose recorded body was cut.
fn base(collection: &str) -> Value {
    let labels = json!({"app": "base"});
    let pod = json!({"containers": [{"name": "app", "image": "example.org/app:1"}]});
    let template = json!({"metadata": {"labels": labels}, "spec": pod});
    let selector = json!({ "matchLabels": labels });
    let spec = match collection.rsplit('/').next().unwrap_or_default() {
        "deployments" | "replicasets" | "daemonsets" => json!({"selector": selector, "template": template}),
        "statefulsets" => json!({"selector": selector, "template": template, "serviceName": "base"}),
        "pods" => pod,
        _ => return json!({"metadata": {}}),
    };
    json!({"metadata": {}, "spec": spec})
}
