//! One request to the forge: what is sent, how long it may take, what its answer means.
//!
//! Races decided here: only requests that change nothing when repeated are repeated, so an answer that was lost after
//! its effect never leads to a second effect; redirects are answers and never followed, since a followed PATCH turns
//! into a GET; an answer that does not end is cut off by size as well as by time.

use super::{BRANCH_WRITE_TIMEOUT, ForgeError, ForgeResult, Settings};
use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The largest answer that is read.
const MAXIMUM_BODY: usize = 32 * 1024 * 1024;
/// How much of the forge's own words is kept.
const MAXIMUM_SAID: usize = 300;
/// How often a read is tried again.
const RETRIES: usize = 3;
/// A server that asks for a longer wait than this is not asked again by this request.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The token holds what a header cannot.
    #[error("the forge's token holds characters that no token has")]
    Token,
    /// The address is not one of a web server.
    #[error("`{0}` is not the address of a forge: it must begin with http:// or https://")]
    Url(Url),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built")]
    Build(#[source] reqwest::Error),
}

/// Where a request goes, below `/api/v1`.
#[derive(Debug, Clone)]
pub(super) struct Route {
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
}

impl Route {
    /// A path given by its segments; each is escaped by itself, slashes included.
    pub(super) fn new<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        Self { segments: segments.into_iter().map(str::to_owned).collect(), query: Vec::new() }
    }

    /// Adds segments.
    pub(super) fn then<'a>(mut self, segments: impl IntoIterator<Item = &'a str>) -> Self {
        self.segments.extend(segments.into_iter().map(str::to_owned));
        self
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    what: String,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The answer as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> ForgeResult<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ForgeError::Unreadable { what: self.what.clone(), said: error.to_string() })
    }

    /// The answer as text.
    pub(super) fn text(self) -> ForgeResult<String> {
        String::from_utf8(self.body)
            .map_err(|error| ForgeError::Unreadable { what: self.what, said: error.to_string() })
    }

    /// An error about this answer.
    pub(super) fn unreadable(&self, said: impl Into<String>) -> ForgeError {
        ForgeError::Unreadable { what: self.what.clone(), said: said.into() }
    }

    /// Whether the `Link` header names a next page; `None` without such a header.
    pub(super) fn has_next(&self) -> Option<bool> {
        let link = self.headers.get(header::LINK)?.to_str().ok()?;
        Some(link.split(',').any(|part| part.contains("rel=\"next\"")))
    }

    /// `X-Total-Count`.
    pub(super) fn total(&self) -> Option<usize> {
        self.headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()
    }
}

/// The connection to one forge.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    base: Url,
    read_timeout: Duration,
}

impl Http {
    pub(super) fn new(url: &Url, token: &SecretString, settings: &Settings) -> Result<Self, ClientError> {
        // Another part of the process may have installed one already; all of them use ring.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(ClientError::Url(url.clone()));
        }
        let mut authorization = HeaderValue::from_str(&format!("token {}", token.expose_secret()))
            .map_err(|_| ClientError::Token)?;
        authorization.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("caretaker/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout())
            .timeout(settings.request_timeout());
        if is_loopback(url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(ClientError::Build)?;
        Ok(Self { client, base: url.clone(), read_timeout: settings.read_timeout() })
    }

    fn url(&self, route: &Route) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(&route.segments);
        }
        if !route.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&route.query);
        }
        url
    }

    /// Reads; tried again while the forge does not answer.
    pub(super) async fn get(&self, route: &Route) -> ForgeResult<Answer> {
        self.repeatable(&Method::GET, route).await
    }

    /// Sends a request that may be repeated without another effect.
    pub(super) async fn repeatable(&self, method: &Method, route: &Route) -> ForgeResult<Answer> {
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(RETRIES)
            .with_jitter();
        let tries = (|| self.once(method, route, None, None)).retry(policy).when(|error| {
            matches!(error, ForgeError::Unavailable { retry_after, .. }
                if retry_after.is_none_or(|wait| wait <= LONGEST_WAIT))
        });
        match tokio::time::timeout(self.read_timeout, tries).await {
            Ok(result) => result,
            Err(_) => Err(ForgeError::Unavailable {
                what: what(method, &self.url(route)),
                said: format!("no answer within {} seconds", self.read_timeout.as_secs()),
                retry_after: None,
            }),
        }
    }

    /// Sends a write, once: whether a lost one happened is for the caller to find out.
    pub(super) async fn write(&self, method: &Method, route: &Route, body: &Value) -> ForgeResult<Answer> {
        self.once(method, route, Some(body), None).await
    }

    /// Sends a write that moves a branch, which may take longer.
    pub(super) async fn write_branch(
        &self,
        method: &Method,
        route: &Route,
        body: &Value,
    ) -> ForgeResult<Answer> {
        self.once(method, route, Some(body), Some(BRANCH_WRITE_TIMEOUT)).await
    }

    async fn once(
        &self,
        method: &Method,
        route: &Route,
        body: Option<&Value>,
        timeout: Option<Duration>,
    ) -> ForgeResult<Answer> {
        let url = self.url(route);
        let what = what(method, &url);
        let unavailable = |error: &reqwest::Error| ForgeError::Unavailable {
            what: what.clone(),
            said: causes(error),
            retry_after: None,
        };
        let mut request = self.client.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        let mut response = request.send().await.map_err(|error| unavailable(&error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
            if bytes.len() + chunk.len() > MAXIMUM_BODY {
                return Err(ForgeError::Unreadable {
                    what,
                    said: format!("longer than {MAXIMUM_BODY} bytes"),
                });
            }
            bytes.extend_from_slice(&chunk);
        }
        tracing::debug!(request = %what, status = status.as_u16(), bytes = bytes.len(), "forge answered");
        if status.is_success() {
            return Ok(Answer { what, headers, body: bytes });
        }
        Err(refusal(what, status, &headers, &bytes))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Method and path; never the query, which may hold what is nobody's business, and never a name or password.
fn what(method: &Method, url: &Url) -> String {
    let path = url.path();
    let path = path.split_once("/api/v1").map_or(path, |(_, rest)| rest);
    format!("{method} {path}")
}

/// An error of the client with all that caused it: its own text says only "error sending request".
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() { "the connection broke".to_owned() } else { text }
}

/// What a status that is no success means.
fn refusal(what: String, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ForgeError {
    let said = said(body);
    match status {
        _ if status.is_redirection() => ForgeError::Renamed {
            location: headers
                .get(header::LOCATION)
                .and_then(|location| location.to_str().ok())
                .unwrap_or("(the forge does not say where)")
                .to_owned(),
        },
        StatusCode::UNAUTHORIZED => ForgeError::Unauthorized { said },
        StatusCode::FORBIDDEN => ForgeError::Forbidden { what, said },
        StatusCode::NOT_FOUND => ForgeError::NotFound { what },
        StatusCode::CONFLICT => ForgeError::Conflict { what, said },
        _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => ForgeError::Unavailable {
            what,
            said: if said.is_empty() { format!("status {}", status.as_u16()) } else { said },
            retry_after: headers
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.trim().parse().ok())
                .map(Duration::from_secs),
        },
        _ => ForgeError::Refused { what, status: status.as_u16(), said },
    }
}

/// The forge's own words: the `message` (or `Err`) of its JSON, else the text itself; one line, cut.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => ["message", "Err", "StdErr"]
            .iter()
            .filter_map(|name| fields.get(*name)?.as_str())
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned(),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(MAXIMUM_SAID) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

/// The error that a recorded answer becomes.
#[cfg(test)]
pub(super) fn refusal_of(status: u16, body: &[u8]) -> ForgeError {
    let status = StatusCode::from_u16(status).expect("a status");
    refusal("POST /merge".to_owned(), status, &HeaderMap::new(), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_forge_says_is_one_short_line() {
        for (body, expected) in [
            (r#"{"message":"head out of date","url":"x"}"#, "head out of date"),
            (r#"{"message":"","url":"x"}"#, ""),
            (r#"{"Style":"merge","StdOut":"","StdErr":"boom\nbang","Err":"exit 1"}"#, "exit 1"),
            ("<html>\n bad  gateway</html>", "<html> bad gateway</html>"),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
        assert!(said("x".repeat(5000).as_bytes()).chars().count() <= MAXIMUM_SAID + 1);
    }

    #[test]
    fn each_status_has_its_error() {
        let refuse = |status: u16| refusal_of(status, br#"{"message":"m"}"#);
        assert!(matches!(refuse(301), ForgeError::Renamed { .. }));
        assert!(matches!(refuse(307), ForgeError::Renamed { .. }));
        assert!(matches!(refuse(401), ForgeError::Unauthorized { .. }));
        assert!(matches!(refuse(403), ForgeError::Forbidden { .. }));
        assert!(matches!(refuse(404), ForgeError::NotFound { .. }));
        assert!(matches!(refuse(405), ForgeError::Refused { status: 405, .. }));
        assert!(matches!(refuse(409), ForgeError::Conflict { .. }));
        assert!(matches!(refuse(422), ForgeError::Refused { status: 422, .. }));
        assert!(matches!(refuse(423), ForgeError::Refused { status: 423, .. }));
        assert!(matches!(refuse(429), ForgeError::Unavailable { .. }));
        assert!(matches!(refuse(500), ForgeError::Unavailable { .. }));
    }

    #[test]
    fn segments_are_escaped_and_a_path_in_the_address_is_kept() {
        let settings = Settings::default();
        let url = Url::parse("https://example.org/git/").expect("an address");
        let http = Http::new(&url, &SecretString::from("t".to_owned()), &settings).expect("a client");
        let route = Route::new(["repos", "ops", "homelab", "branches", "renovate/a b"]).with("q", "a&b");
        assert_eq!(
            http.url(&route).as_str(),
            "https://example.org/git/api/v1/repos/ops/homelab/branches/renovate%2Fa%20b?q=a%26b"
        );
        assert_eq!(what(&Method::GET, &http.url(&route)), "GET /repos/ops/homelab/branches/renovate%2Fa%20b");
    }

    #[test]
    fn a_client_never_shows_its_token() {
        let url = Url::parse("http://127.0.0.1:3000").expect("an address");
        let token = SecretString::from("very-secret".to_owned());
        let http = Http::new(&url, &token, &Settings::default()).expect("a client");
        assert!(!format!("{http:?}").contains("very-secret"));
        assert!(Http::new(&url, &SecretString::from("a\nb".to_owned()), &Settings::default()).is_err());
    }
}
