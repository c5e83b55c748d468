//! One request to the forge: what is sent, how long it may take, what its answer means.
//!
//! Races decided here: only requests that change nothing when repeated are repeated, so an answer that was lost after
//! its effect never leads to a second effect; redirects are answers and never followed, since a followed PATCH turns
//! into a GET; an answer that does not end is cut off by size as well as by time. A request that the open circuit holds
//! back was not sent; for a write that reads as uncertain all the same, since an earlier try of it may have been.

use super::circuit::Circuit;
use super::refusal::{causes, is_down, refusal, what};
use super::route::Route;
use super::traffic::{RequestOutcome, Traffic};
use super::{BRANCH_WRITE_TIMEOUT, ForgeError, ForgeResult, Settings};
use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use url::Url;

/// The largest answer that is read.
const MAXIMUM_BODY: usize = 32 * 1024 * 1024;
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
    /// The contact holds what a header cannot.
    #[error("forge.contact holds characters that no header may have")]
    Contact,
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be built")]
    Build(#[source] reqwest::Error),
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answer {
    what: String,
    pub(super) status: StatusCode,
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

/// Why a try failed, and whether another one makes sense.
#[derive(Debug)]
struct Failed {
    error: ForgeError,
    again: Again,
}

/// Whether a request that changes nothing is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// No.
    No,
    /// After a pause.
    Soon,
    /// After as long a pause as the server asks for.
    After(Duration),
}

impl Failed {
    fn for_good(error: ForgeError) -> Self {
        Self { error, again: Again::No }
    }
}

/// The connection to one forge.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    base: Url,
    read_timeout: Duration,
    connections: Semaphore,
    circuit: Mutex<Circuit>,
    traffic: Mutex<Traffic>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who asks, and whom its operator can ask about it.
fn user_agent(contact: Option<&str>) -> Result<HeaderValue, ClientError> {
    let name = concat!("caretaker/", env!("CARGO_PKG_VERSION"));
    let home = option_env!("CARGO_PKG_REPOSITORY").filter(|home| !home.is_empty());
    let text = match contact.map(str::trim).filter(|contact| !contact.is_empty()).or(home) {
        Some(contact) => format!("{name} (+{contact})"),
        None => name.to_owned(),
    };
    HeaderValue::from_str(&text).map_err(|_| ClientError::Contact)
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
            .user_agent(user_agent(settings.contact.as_deref())?)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout())
            .timeout(settings.request_timeout());
        if is_loopback(url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(ClientError::Build)?;
        Ok(Self {
            client,
            base: url.clone(),
            read_timeout: settings.read_timeout(),
            connections: Semaphore::new(settings.connections()),
            circuit: Mutex::default(),
            traffic: Mutex::default(),
        })
    }

    /// What was asked so far.
    pub(super) fn traffic(&self) -> Traffic {
        let down = locked(&self.circuit).down(Instant::now());
        Traffic { down, ..locked(&self.traffic).clone() }
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
        let tries = (|| self.once(method, route, None, None))
            .retry(policy)
            .when(|failed| match failed.again {
                Again::No => false,
                Again::Soon => true,
                Again::After(wait) => wait <= LONGEST_WAIT,
            })
            .adjust(|failed, pause| match failed.again {
                Again::After(wait) => pause.map(|pause| pause.max(wait)),
                Again::No | Again::Soon => pause,
            });
        match tokio::time::timeout(self.read_timeout, tries).await {
            Ok(result) => result.map_err(|failed| failed.error),
            Err(_) => Err(ForgeError::Unavailable {
                what: what(method, &route.below(&self.base)),
                said: format!("no answer within {} seconds", self.read_timeout.as_secs()),
                retry_after: None,
            }),
        }
    }

    /// Sends a write, once: whether a lost one happened is for the caller to find out.
    pub(super) async fn write(&self, method: &Method, route: &Route, body: &Value) -> ForgeResult<Answer> {
        self.once(method, route, Some(body), None).await.map_err(|failed| failed.error)
    }

    /// Sends a write that moves a branch, which may take longer.
    pub(super) async fn write_branch(
        &self,
        method: &Method,
        route: &Route,
        body: &Value,
    ) -> ForgeResult<Answer> {
        self.once(method, route, Some(body), Some(BRANCH_WRITE_TIMEOUT)).await.map_err(|failed| failed.error)
    }

    /// One try: counted, bounded in number, and held back while the forge is down.
    async fn once(
        &self,
        method: &Method,
        route: &Route,
        body: Option<&Value>,
        timeout: Option<Duration>,
    ) -> Result<Answer, Failed> {
        let is_read = *method == Method::GET;
        // Writes come one after the other anyway, and what they rest on does not keep while they wait. It is never closed, so
        // that it cannot fail.
        let _permit = if is_read { self.connections.acquire().await.ok() } else { None };
        let asked = locked(&self.circuit).ask(Instant::now(), is_read);
        if let Err(held) = asked {
            self.count(method, route, RequestOutcome::HeldBack);
            return Err(Failed::for_good(ForgeError::Unavailable {
                what: what(method, &route.below(&self.base)),
                said: held.why,
                retry_after: Some(held.wait),
            }));
        }
        let result = self.send(method, route, body, timeout).await;
        let outcome = match &result {
            Ok(_) | Err(Sent::Unreadable(_)) => RequestOutcome::Ok,
            Err(Sent::Down(..) | Sent::Refused(Failed { error: ForgeError::Unavailable { .. }, .. })) => {
                RequestOutcome::Failed
            }
            Err(Sent::Refused(_)) => RequestOutcome::Refused,
            Err(Sent::Unanswered(_) | Sent::TooSlow(_)) => RequestOutcome::Unanswered,
        };
        self.count(method, route, outcome);
        self.judge(result)
    }

    fn count(&self, method: &Method, route: &Route, outcome: RequestOutcome) {
        locked(&self.traffic).add(method.as_str(), route.shape(), outcome);
    }

    /// What a try says of the server as a whole.
    fn judge(&self, result: Result<Answer, Sent>) -> Result<Answer, Failed> {
        let now = Instant::now();
        let mut circuit = locked(&self.circuit);
        match result {
            Ok(answer) => {
                circuit.answered();
                Ok(answer)
            }
            Err(Sent::Refused(failed)) => {
                circuit.answered();
                if let (Again::After(wait), ForgeError::Unavailable { said, .. }) =
                    (failed.again, &failed.error)
                    && wait > LONGEST_WAIT
                {
                    circuit.asked_to_wait(now, wait, said);
                }
                Err(failed)
            }
            Err(Sent::Unreadable(error)) => {
                circuit.answered();
                Err(Failed::for_good(error))
            }
            Err(Sent::Down(failed, said)) => {
                match failed.again {
                    Again::After(wait) if wait > LONGEST_WAIT => circuit.asked_to_wait(now, wait, &said),
                    _ => circuit.failed(now, &said),
                }
                Err(failed)
            }
            Err(Sent::Unanswered(error)) => {
                circuit.failed(now, &error.to_string());
                Err(Failed { error, again: Again::Soon })
            }
            Err(Sent::TooSlow(error)) => Err(Failed { error, again: Again::Soon }),
        }
    }

    async fn send(
        &self,
        method: &Method,
        route: &Route,
        body: Option<&Value>,
        timeout: Option<Duration>,
    ) -> Result<Answer, Sent> {
        let url = route.below(&self.base);
        let what = what(method, &url);
        let lost = |error: &reqwest::Error| {
            let slow = error.is_timeout() && !error.is_connect();
            let error =
                ForgeError::Unavailable { what: what.clone(), said: causes(error), retry_after: None };
            if slow { Sent::TooSlow(error) } else { Sent::Unanswered(error) }
        };
        let mut request = self.client.request(method.clone(), url);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if bytes.len() + chunk.len() > MAXIMUM_BODY {
                return Err(Sent::Unreadable(ForgeError::Unreadable {
                    what,
                    said: format!("longer than {MAXIMUM_BODY} bytes"),
                }));
            }
            bytes.extend_from_slice(&chunk);
        }
        tracing::debug!(request = %what, status = status.as_u16(), bytes = bytes.len(), "forge answered");
        if status.is_success() {
            return Ok(Answer { what, status, headers, body: bytes });
        }
        let error = refusal(what, status, &headers, &bytes);
        let again = match &error {
            ForgeError::Unavailable { retry_after: Some(wait), .. } => Again::After(*wait),
            ForgeError::Unavailable { .. } => Again::Soon,
            _ => Again::No,
        };
        let failed = Failed { error, again };
        if is_down(status) {
            return Err(Sent::Down(failed, format!("status {}", status.as_u16())));
        }
        Err(Sent::Refused(failed))
    }
}

/// How a try ended that brought no good answer.
#[derive(Debug)]
enum Sent {
    /// The server answered, and not with a yes.
    Refused(Failed),
    /// It answered with what cannot be read.
    Unreadable(ForgeError),
    /// A proxy answers for it, or it says itself that it is not there.
    Down(Failed, String),
    /// No connection, or one that broke.
    Unanswered(ForgeError),
    /// The answer did not come in time.
    TooSlow(ForgeError),
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped_and_a_path_in_the_address_is_kept() {
        let settings = Settings::default();
        let url = Url::parse("https://example.org/git/").expect("an address");
        let http = Http::new(&url, &SecretString::from("t".to_owned()), &settings).expect("a client");
        let route = Route::new("repos")
            .value("ops")
            .value("homelab")
            .then("branches")
            .value("renovate/a b")
            .with("q", "a&b");
        assert_eq!(
            route.below(&http.base).as_str(),
            "https://example.org/git/api/v1/repos/ops/homelab/branches/renovate%2Fa%20b?q=a%26b"
        );
        assert_eq!(
            what(&Method::GET, &route.below(&http.base)),
            "GET /repos/ops/homelab/branches/renovate%2Fa%20b"
        );
    }

    #[test]
    fn who_asks_says_so() {
        let agent = user_agent(Some(" operator@example.org ")).expect("a header");
        let agent = agent.to_str().expect("text");
        assert!(agent.starts_with("caretaker/") && agent.ends_with(" (+operator@example.org)"), "{agent}");
        assert!(user_agent(None).expect("a header").to_str().expect("text").starts_with("caretaker/"));
        assert!(user_agent(Some("a\nb")).is_err());
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
