//! One request, and what its answer means.
//!
//! Decides: an answer is judged by its code *and* its content type (a kind that is not installed answers 404 in plain
//! text, a missing object with a Status), and nothing that changes the cluster is repeated.
//! Reads are repeated a few times when the server does not answer, or is asked too much (429), and not for ever, since some 5xx
//! are permanent.

use super::{ApiServer, Clocks, ClusterError, ClusterResult};
use crate::error_chain::chain;
use backon::{ExponentialBuilder, Retryable};
use http::{Method, Request, StatusCode, header};
use jiff::Timestamp;
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// So many characters of a server's words are kept.
const SAID: usize = 600;

/// So long at most a read waits before it asks again a server that is asked too much, whatever that wants.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    content_type: String,
    date: Option<String>,
    /// How long a server that is asked too much wants to be left alone.
    retry_after: Option<Duration>,
    /// What our clock said when its head came.
    arrived: Timestamp,
    body: Vec<u8>,
}

/// How a write travels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Write {
    /// POST.
    Create,
    /// PUT.
    Replace,
    /// PATCH, as a merge patch.
    Merge,
    /// DELETE, with what has to be true of the object.
    Delete,
}

/// The connection to one API server. A cheap clone.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: kube::Client,
    pub(super) timeout: Duration,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Connection {
    async fn send(&self, what: &str, request: Request<Body>) -> ClusterResult<Answer> {
        let write = request.method() != Method::GET;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| failed(what, error))?;
            let arrived = Timestamp::now();
            let (parts, body) = response.into_parts();
            if write {
                for warning in parts.headers.get_all(header::WARNING) {
                    tracing::warn!(request = what, warning = ?warning, "the API server warns about a write");
                }
            }
            let content_type = parts
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned();
            let date =
                parts.headers.get(header::DATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let retry_after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = retry_after.and_then(|value| value.parse().ok()).map(Duration::from_secs);
            let body = body.collect_bytes().await.map_err(|error| failed(what, error))?;
            Ok(Answer { status: parts.status, content_type, date, retry_after, arrived, body: body.into() })
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            Err(ClusterError::Unavailable {
                what: what.to_owned(),
                said: format!("no answer within {} s", self.timeout.as_secs()),
            })
        })
    }

    pub(super) async fn read(&self, what: &str, path: &str) -> ClusterResult<Answer> {
        let once = || async {
            let request = Request::get(path)
                .header(header::ACCEPT, "application/json")
                .body(Body::empty())
                .map_err(|error| unreadable(what, &error))?;
            let answer = self.send(what, request).await?;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                tokio::time::sleep(answer.retry_after.unwrap_or_default().min(LONGEST_WAIT)).await;
                return Err(refusal(what, &answer));
            }
            if answer.status.is_server_error() { Err(refusal(what, &answer)) } else { Ok(answer) }
        };
        once.retry(
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(100))
                .with_max_times(2)
                .with_jitter(),
        )
        .when(|error| matches!(error, ClusterError::Unavailable { .. }))
        .await
    }

    /// What the server's clock says, where its answers tell.
    pub(super) async fn clock(&self) -> ClusterResult<Option<Timestamp>> {
        let answer = self.read("GET /version", "/version").await?;
        Ok(clocks(&answer).map(|clocks| clocks.server))
    }

    /// The server's version, and what its clock said beside ours. No other answer is asked for the time: those of servers behind
    /// this one carry the time of theirs.
    pub(super) async fn server(&self) -> ClusterResult<ApiServer> {
        const WHAT: &str = "GET /version";
        let answer = self.read(WHAT, "/version").await?;
        if !answer.status.is_success() {
            return Err(refusal(WHAT, &answer));
        }
        let version: Value = decode(WHAT, &answer, document)?;
        match version["gitVersion"].as_str() {
            Some(version) => Ok(ApiServer { version: version.to_owned(), clocks: clocks(&answer) }),
            None => Err(unreadable(WHAT, &"no gitVersion")),
        }
    }

    /// One object, or a plain document such as `/version`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> ClusterResult<T> {
        let what = format!("GET {path}");
        let answer = self.read(&what, path).await?;
        if answer.status.is_success() {
            decode(&what, &answer, document)
        } else {
            Err(refusal(&what, &answer))
        }
    }

    /// Sends a write once, strictly validated. Returns the object as the server keeps it.
    pub(super) async fn write(&self, write: Write, path: &str, body: &Value) -> ClusterResult<Value> {
        let (method, content_type) = match write {
            Write::Create => (Method::POST, "application/json"),
            Write::Replace => (Method::PUT, "application/json"),
            Write::Merge => (Method::PATCH, "application/merge-patch+json"),
            Write::Delete => (Method::DELETE, "application/json"),
        };
        let what = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(match write {
                Write::Create | Write::Replace | Write::Merge => format!("{path}?fieldValidation=Strict"),
                Write::Delete => path.to_owned(),
            })
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body.to_string().into_bytes()))
            .map_err(|error| unreadable(&what, &error))?;
        let answer = self.send(&what, request).await?;
        if answer.status.is_success() {
            decode(&what, &answer, document)
        } else {
            Err(refusal(&what, &answer))
        }
    }
}

/// What the server's clock said in an answer, and ours when that came.
fn clocks(answer: &Answer) -> Option<Clocks> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let server = parser.parse_timestamp(answer.date.as_ref()?).ok()?;
    Some(Clocks { server, ours: answer.arrived })
}

/// Whether a 404 for a list says that the kind does not exist: the API server's own plain text, or a Status.
pub(super) fn says_not_installed(answer: &Answer) -> bool {
    if answer.content_type.starts_with("text/plain") {
        return answer.body.starts_with(b"404 page not found");
    }
    serde_json::from_slice::<Value>(&answer.body).is_ok_and(|status| {
        status.get("kind").and_then(Value::as_str) == Some("Status")
            && status.get("reason").and_then(Value::as_str) == Some("NotFound")
    })
}

/// What a JSON answer holds, as `read` reads it.
pub(super) fn decode<T>(
    what: &str,
    answer: &Answer,
    read: impl FnOnce(&[u8]) -> serde_json::Result<T>,
) -> ClusterResult<T> {
    if !answer.content_type.starts_with("application/json") {
        return Err(unreadable(what, &format!("content type {:?}", answer.content_type)));
    }
    read(&answer.body).map_err(|error| unreadable(what, &error))
}

fn document<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(text)
}

/// What an answer that is no success means.
pub(super) fn refusal(what: &str, answer: &Answer) -> ClusterError {
    refusal_of(what, answer.status.as_u16(), words(answer))
}

/// What a status that is no success means, for answers that come through another door (exec).
pub(super) fn refusal_of(what: &str, status: u16, said: String) -> ClusterError {
    let what = what.to_owned();
    match status {
        401 => ClusterError::Unauthorized { said },
        403 => ClusterError::Forbidden { what, said },
        404 => ClusterError::NotFound { what },
        409 => ClusterError::Conflict { what, said },
        429 | 500.. => ClusterError::Unavailable { what, said: format!("{status}: {said}") },
        _ => ClusterError::Refused { what, status, said },
    }
}

/// The server's own words: a Status' message, else the beginning of the text.
pub(super) fn words(answer: &Answer) -> String {
    let message = serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|status| status.get("message").and_then(Value::as_str).map(str::to_owned));
    let said = message.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).trim().to_owned());
    said.chars().take(SAID).collect()
}

pub(super) fn unreadable(what: &str, said: &dyn std::fmt::Display) -> ClusterError {
    ClusterError::Unreadable { what: what.to_owned(), said: said.to_string() }
}

/// What a failure below HTTP means. Credentials that cannot be loaded are the configuration's fault.
pub(super) fn failed(what: &str, error: kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => refusal_of(what, status.code, status.message.clone()),
        kube::Error::Auth(error) => ClusterError::Configuration { said: error.to_string() },
        error => ClusterError::Unavailable { what: what.to_owned(), said: chain(&error) },
    }
}
