//! Webhooks that really deliver: one signed POST each, five seconds at most, never a retry.
//!
//! Every address has a queue of its own, so that a receiver that hangs delays nobody else. On request the deliveries
//! are dropped, doubled or shuffled, because a real server promises neither arrival nor order.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::server::Server;

/// What becomes of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeliveryMode {
    /// Each is sent once, in order for each address.
    #[default]
    Normal,
    /// None is sent.
    Dropped,
    /// Those of a short time are sent together, in an order drawn from the seed.
    Reordered,
    /// Each is sent twice, with the same id.
    Duplicated,
    /// Each is sent so long after its cause, in order for each address.
    Delayed(Duration),
}

const TIME_OUT: Duration = Duration::from_secs(5);
/// How long deliveries are gathered before they are shuffled.
const SHUFFLE_WINDOW: Duration = Duration::from_millis(40);

#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) form: bool,
    pub(crate) events: BTreeSet<&'static str>,
    pub(crate) active: bool,
    pub(crate) authorization_header: String,
    pub(crate) branch_filter: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// Resolves umbrellas; no name at all means `push`, and one that the server does not know nothing.
pub(crate) fn expand_events<'a>(
    server: Server,
    names: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<&'static str> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    if names.is_empty() {
        return BTreeSet::from(["push"]);
    }
    let asked = |event: &&'static str| {
        let umbrella = if event.starts_with("issue") {
            "issues"
        } else if event.starts_with("pull_request") {
            "pull_request"
        } else {
            event
        };
        let narrow = match *event {
            "issues" => "issues_only",
            "pull_request" => "pull_request_only",
            "pull_request_review_approved"
            | "pull_request_review_rejected"
            | "pull_request_review_comment" => "pull_request_review",
            other => other,
        };
        names.contains(event) || names.contains(umbrella) || names.contains(narrow)
    };
    server.hook_events().into_iter().filter(asked).collect()
}

impl Hook {
    /// Whether it is to be told. An inactive one never is, not even when a test delivery is asked for.
    pub(crate) fn wants(&self, event_type: &str, payload: &Value) -> bool {
        self.active && self.has_event(event_type) && self.passes(payload)
    }

    /// Whether the branch that a payload speaks of passes the filter; what speaks of none passes.
    fn passes(&self, payload: &Value) -> bool {
        let Some(reference) = payload["ref"].as_str() else { return true };
        matches_glob(&self.branch_filter, reference.strip_prefix("refs/heads/").unwrap_or(reference))
    }

    fn has_event(&self, event_type: &str) -> bool {
        let any_review =
            event_type.starts_with("pull_request_review_") && self.events.contains("pull_request_review");
        any_review || self.events.contains(event_type)
    }

    pub(crate) fn outgoing(
        &self,
        server: Server,
        event: &'static str,
        event_type: &'static str,
        payload: &Value,
    ) -> Outgoing {
        let text = serde_json::to_string_pretty(payload).unwrap_or_default();
        let (mut sha1, mut sha256) = (String::new(), String::new());
        if !self.secret.is_empty() {
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(self.secret.as_bytes())
                .expect("HMAC takes keys of every length");
            mac.update(text.as_bytes());
            sha1 = super::git::hex(&mac.finalize().into_bytes());
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.secret.as_bytes())
                .expect("HMAC takes keys of every length");
            mac.update(text.as_bytes());
            sha256 = super::git::hex(&mac.finalize().into_bytes());
        }
        let id = uuid::Uuid::new_v4().to_string();
        let content_type = if self.form { "application/x-www-form-urlencoded" } else { "application/json" };
        let mut headers = vec![
            ("User-Agent".to_owned(), "Go-http-client/1.1".to_owned()),
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("X-Hub-Signature".to_owned(), format!("sha1={sha1}")),
            ("X-Hub-Signature-256".to_owned(), format!("sha256={sha256}")),
        ];
        for family in server.delivery_families() {
            headers.push((format!("X-{family}-Delivery"), id.clone()));
            headers.push((format!("X-{family}-Event"), event.to_owned()));
            headers.push((format!("X-{family}-Event-Type"), event_type.to_owned()));
            // GitHub's own signatures are those of the hub.
            if *family != "GitHub" {
                headers.push((format!("X-{family}-Signature"), sha256.clone()));
            }
        }
        if server.names_hook_target() {
            for family in ["GitHub", "Gitea"] {
                let name = format!("X-{family}-Hook-Installation-Target-Type");
                headers.push((name, "repository".to_owned()));
            }
        }
        if !self.authorization_header.is_empty() {
            headers.push(("Authorization".to_owned(), self.authorization_header.clone()));
        }
        let body = if self.form { format!("payload={}", form_encoded(&text)) } else { text };
        Outgoing { url: self.url.clone(), headers, body }
    }
}

/// Whether a pattern with `*`, `?` and `{one,other}` matches a whole name; an empty one matches every name.
fn matches_glob(pattern: &str, name: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let mut expression = String::from("^");
    let mut depth = 0_u32;
    for character in pattern.chars() {
        match character {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '{' => {
                depth += 1;
                expression.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                expression.push(')');
            }
            ',' if depth > 0 => expression.push('|'),
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push('$');
    // What cannot be read matches nothing, as on the real server.
    regex::Regex::new(&expression).is_ok_and(|expression| expression.is_match(name))
}

fn form_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => {
                let _ = write!(encoded, "%{other:02X}");
            }
        }
    }
    encoded
}

/// A delivery on its way.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A delivery in the queue of its address.
#[derive(Debug)]
struct Queued {
    outgoing: Outgoing,
    mode: DeliveryMode,
    since: Instant,
}

/// Takes deliveries from the server and sends them.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    queues: Mutex<HashMap<String, mpsc::UnboundedSender<Queued>>>,
    mode: Mutex<DeliveryMode>,
    runtime: tokio::runtime::Handle,
    seed: u64,
    stop: CancellationToken,
}

impl Dispatcher {
    pub(crate) fn new(runtime: tokio::runtime::Handle, seed: u64, stop: CancellationToken) -> Self {
        Self { queues: Mutex::default(), mode: Mutex::default(), runtime, seed, stop }
    }

    pub(crate) fn set_mode(&self, mode: DeliveryMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    pub(crate) fn send(&self, outgoing: Outgoing) {
        let mode = *self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        if mode == DeliveryMode::Dropped || self.stop.is_cancelled() {
            return;
        }
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(outgoing.url.clone()).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let work = work_off(receiver, StdRng::seed_from_u64(self.seed));
            let stop = self.stop.clone();
            self.runtime.spawn(async move {
                stop.run_until_cancelled(work).await;
            });
            sender
        });
        // The receiver lives until the server stops, and then nothing is to be delivered.
        let _ = queue.send(Queued { outgoing, mode, since: Instant::now() });
    }
}

async fn work_off(mut queue: mpsc::UnboundedReceiver<Queued>, mut random: StdRng) {
    while let Some(Queued { outgoing, mode, since }) = queue.recv().await {
        match mode {
            DeliveryMode::Dropped => {}
            DeliveryMode::Normal => post(&outgoing).await,
            DeliveryMode::Delayed(delay) => {
                tokio::time::sleep_until(since + delay).await;
                post(&outgoing).await;
            }
            DeliveryMode::Duplicated => {
                post(&outgoing).await;
                post(&outgoing).await;
            }
            DeliveryMode::Reordered => {
                let mut batch = vec![outgoing];
                tokio::time::sleep(SHUFFLE_WINDOW).await;
                while let Ok(next) = queue.try_recv() {
                    batch.push(next.outgoing);
                }
                batch.shuffle(&mut random);
                for outgoing in batch {
                    post(&outgoing).await;
                }
            }
        }
    }
}

/// Sends one delivery. Whatever comes of it, that was it.
async fn post(outgoing: &Outgoing) {
    match tokio::time::timeout(TIME_OUT, exchange(outgoing)).await {
        Ok(Ok(status)) => tracing::debug!(url = outgoing.url, status, "delivered"),
        Ok(Err(error)) => tracing::debug!(url = outgoing.url, %error, "not delivered"),
        Err(_) => tracing::debug!(url = outgoing.url, "not delivered in time"),
    }
}

/// One HTTP/1.1 request over plain TCP, which is all that loopback needs.
async fn exchange(outgoing: &Outgoing) -> std::io::Result<String> {
    let address = outgoing.url.strip_prefix("http://").ok_or_else(|| {
        std::io::Error::new(std::io::ErrorKind::Unsupported, "only http:// addresses are delivered to")
    })?;
    let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    let path = if path.is_empty() { "/" } else { path };
    let target = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut stream = TcpStream::connect(target).await?;
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in &outgoing.headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(request, "Content-Length: {}\r\n\r\n", outgoing.body.len());
    request += &outgoing.body;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !answer.windows(2).any(|pair| pair == b"\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    let line = String::from_utf8_lossy(&answer);
    Ok(line.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umbrellas_hold_their_events() {
        assert_eq!(expand_events(Server::Gitea127, []), BTreeSet::from(["push"]));
        assert_eq!(expand_events(Server::Gitea127, ["issues_only"]), BTreeSet::from(["issues"]));
        assert_eq!(expand_events(Server::Gitea127, ["issue_comment"]), BTreeSet::from(["issue_comment"]));
        let issues = expand_events(Server::Gitea127, ["issues"]);
        assert!(
            issues.contains("issue_label") && issues.contains("issue_comment") && !issues.contains("push")
        );
        assert!(expand_events(Server::Gitea127, ["pull_request"]).contains("pull_request_review"));
        let reviews = expand_events(Server::Forgejo12, ["pull_request_review", "status"]);
        let rejected = "pull_request_review_rejected";
        assert!(reviews.len() == 3 && reviews.contains(rejected), "{reviews:?}");
    }

    fn hook() -> Hook {
        Hook {
            id: 1,
            url: "http://127.0.0.1:1/form".into(),
            secret: "secret".into(),
            form: true,
            events: BTreeSet::from(["push", "issues"]),
            active: true,
            authorization_header: "Bearer token".into(),
            branch_filter: String::new(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_hook_is_told_what_it_wants() {
        let push = |branch: &str| serde_json::json!({ "ref": format!("refs/heads/{branch}") });
        let all = hook();
        assert!(all.wants("push", &push("main")) && !all.wants("create", &push("main")));
        let inactive = Hook { active: false, ..hook() };
        assert!(!inactive.wants("push", &push("main")));
        let filtered = Hook { branch_filter: "{main,release/*}".into(), ..hook() };
        let told =
            ["main", "release/1", "release", "renovate/main"].map(|one| filtered.wants("push", &push(one)));
        assert_eq!(told, [true, true, false, false]);
        assert!(filtered.wants("issues", &serde_json::json!({ "action": "opened" })));
    }

    #[test]
    fn deliveries_are_signed_over_the_payload() {
        let hook = hook();
        let outgoing =
            hook.outgoing(Server::Gitea127, "issues", "issue_label", &serde_json::json!({ "a": 1 }));
        let header =
            |name| outgoing.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        // printf '{\n  "a": 1\n}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            header("X-Gitea-Signature"),
            Some("f04e9c1538711e39131e58114b0f9655fea0cc9ec8b6693e2e63c2570d3cf950")
        );
        assert_eq!(header("X-Gitea-Event-Type"), Some("issue_label"));
        assert_eq!(header("Authorization"), Some("Bearer token"));
        assert_eq!(outgoing.body, "payload=%7B%0A++%22a%22%3A+1%0A%7D");
    }
}
