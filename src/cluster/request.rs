//! One request, and what its answer means.
//!
//! Decides: an answer is judged by its code *and* its content type (a kind that is not installed answers 404 in plain
//! text, a missing object with a Status), a list is whole or an error, and nothing that changes the cluster is repeated.
//! Reads are repeated a few times when the server does not answer, and not for ever, since some 5xx are permanent.

use super::{ClusterError, ClusterResult, Installed};
use backon::{ExponentialBuilder, Retryable};
use http::{Method, Request, StatusCode, header};
use jiff::Timestamp;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// Objects a page. Bounds memory to some megabytes, whatever the cluster's size.
const PAGE: usize = 500;
/// So many times a list is begun anew after its token expired in the middle.
const LIST_ATTEMPTS: usize = 3;
/// So many pages at most: a server that never ends its list is not believed.
const PAGES: usize = 2_000;
/// So many characters of a server's words are kept.
const SAID: usize = 600;

/// An answer as it came.
struct Answer {
    status: StatusCode,
    content_type: String,
    date: Option<String>,
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
}

/// The connection to one API server.
pub(super) struct Connection {
    pub(super) client: kube::Client,
    pub(super) timeout: Duration,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    token: Option<String>,
}

/// What came of trying to read a list once.
enum Listed<T> {
    Whole(Vec<T>),
    Expired(String),
}

impl Connection {
    async fn send(&self, what: &str, request: Request<Body>) -> ClusterResult<Answer> {
        let write = request.method() != Method::GET;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| failed(what, error))?;
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
            let body = body.collect_bytes().await.map_err(|error| failed(what, error))?;
            Ok(Answer { status: parts.status, content_type, date, body: body.to_vec() })
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            Err(ClusterError::Unavailable {
                what: what.to_owned(),
                said: format!("no answer within {} s", self.timeout.as_secs()),
            })
        })
    }

    async fn read(&self, what: &str, path: &str) -> ClusterResult<Answer> {
        let once = || async {
            let request = Request::get(path)
                .header(header::ACCEPT, "application/json")
                .body(Body::empty())
                .map_err(|error| unreadable(what, &error))?;
            let answer = self.send(what, request).await?;
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
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        Ok(answer.date.and_then(|date| parser.parse_timestamp(&date).ok()))
    }

    /// One object, or a plain document such as `/version`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> ClusterResult<T> {
        let what = format!("GET {path}");
        let answer = self.read(&what, path).await?;
        if answer.status.is_success() { decode(&what, &answer) } else { Err(refusal(&what, &answer)) }
    }

    /// Sends a write once, strictly validated. Returns the object as the server keeps it.
    pub(super) async fn write(&self, write: Write, path: &str, body: &Value) -> ClusterResult<Value> {
        let (method, content_type) = match write {
            Write::Create => (Method::POST, "application/json"),
            Write::Replace => (Method::PUT, "application/json"),
            Write::Merge => (Method::PATCH, "application/merge-patch+json"),
        };
        let what = format!("{method} {path}");
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?fieldValidation=Strict"))
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body.to_string().into_bytes()))
            .map_err(|error| unreadable(&what, &error))?;
        let answer = self.send(&what, request).await?;
        if answer.status.is_success() { decode(&what, &answer) } else { Err(refusal(&what, &answer)) }
    }

    /// A whole list of a built-in kind. `query` holds further parameters, already encoded, or nothing.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
    ) -> ClusterResult<Vec<T>> {
        match self.list_installed(path, query, kind).await? {
            Installed::Yes(items) => Ok(items),
            Installed::No => Err(ClusterError::NotFound { what: format!("GET {path}") }),
        }
    }

    /// A whole list of a kind that may not be installed.
    pub(super) async fn list_installed<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
    ) -> ClusterResult<Installed<Vec<T>>> {
        let mut said = String::new();
        for _ in 0..LIST_ATTEMPTS {
            match self.list_once(path, query, kind).await? {
                Installed::No => return Ok(Installed::No),
                Installed::Yes(Listed::Whole(items)) => return Ok(Installed::Yes(items)),
                Installed::Yes(Listed::Expired(why)) => said = why,
            }
        }
        Err(ClusterError::Unreadable {
            what: format!("GET {path}"),
            said: format!("the list was cut short {LIST_ATTEMPTS} times: {said}"),
        })
    }

    async fn list_once<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        kind: &str,
    ) -> ClusterResult<Installed<Listed<T>>> {
        let what = format!("GET {path}");
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut address = format!("{path}?limit={PAGE}");
            if !query.is_empty() {
                address.push('&');
                address.push_str(query);
            }
            if let Some(token) = &token {
                address.push_str("&continue=");
                address.extend(url::form_urlencoded::byte_serialize(token.as_bytes()));
            }
            let answer = self.read(&what, &address).await?;
            if answer.status == StatusCode::GONE {
                return Ok(Installed::Yes(Listed::Expired(words(&answer))));
            }
            if answer.status == StatusCode::NOT_FOUND && token.is_none() {
                return if says_not_installed(&answer) {
                    Ok(Installed::No)
                } else {
                    Err(unreadable(&what, &format!("404 that is no API server's: {}", words(&answer))))
                };
            }
            if !answer.status.is_success() {
                return Err(refusal(&what, &answer));
            }
            let page: Page<T> = decode(&what, &answer)?;
            if page.kind != kind {
                return Err(unreadable(&what, &format!("a {} instead of a {kind}", page.kind)));
            }
            items.extend(page.items.unwrap_or_default());
            match page.metadata.token.filter(|token| !token.is_empty()) {
                Some(next) => token = Some(next),
                None => return Ok(Installed::Yes(Listed::Whole(items))),
            }
        }
        Err(unreadable(&what, &format!("the list did not end within {PAGES} pages")))
    }
}

/// Whether a 404 for a list says that the kind does not exist: the API server's own plain text, or a Status.
fn says_not_installed(answer: &Answer) -> bool {
    if answer.content_type.starts_with("text/plain") {
        return answer.body.starts_with(b"404 page not found");
    }
    serde_json::from_slice::<Value>(&answer.body).is_ok_and(|status| {
        status.get("kind").and_then(Value::as_str) == Some("Status")
            && status.get("reason").and_then(Value::as_str) == Some("NotFound")
    })
}

fn decode<T: DeserializeOwned>(what: &str, answer: &Answer) -> ClusterResult<T> {
    if !answer.content_type.starts_with("application/json") {
        return Err(unreadable(what, &format!("content type {:?}", answer.content_type)));
    }
    serde_json::from_slice(&answer.body).map_err(|error| unreadable(what, &error))
}

/// What an answer that is no success means.
fn refusal(what: &str, answer: &Answer) -> ClusterError {
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
fn words(answer: &Answer) -> String {
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
        error => {
            let mut said = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                let cause_words = cause.to_string();
                if !said.contains(&cause_words) {
                    said = format!("{said}: {cause_words}");
                }
                source = cause.source();
            }
            ClusterError::Unavailable { what: what.to_owned(), said }
        }
    }
}
