//! What is judged from outside the API server: addresses that people use, and alerts that fire.
//!
//! A cluster may be well by every object in it while nobody gets to its pages. And what an operator has written rules for is
//! known to their Prometheus already. Both are asked anew in each pass.
//!
//! Races decided here: one answer that fails is asked for once more before it counts, and no answer takes longer than its
//! limit. What answers with more than is read of it is not believed by its beginning.

mod address;
mod alerts;

pub(crate) use address::Address;
pub(crate) use alerts::AlertSource;

use super::settings::{apps, name};
use super::{ProbeResult, Settings};
use crate::cluster::PodLedger;
use futures::future::join_all;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::error::Error;
use std::sync::LazyLock;
use std::time::Duration;
use url::Url;

/// What was said from outside.
pub(super) struct Outside<'a> {
    addresses: Vec<ProbeResult>,
    alerts: Vec<(&'a AlertSource, Result<Vec<alerts::Alert>, String>)>,
}

/// Asks everything that the settings name.
pub(super) async fn read(settings: &Settings) -> Outside<'_> {
    let limit = settings.probe_timeout();
    let asked = async |source| (source, alerts::read(source, limit).await);
    let (addresses, alerts) = tokio::join!(
        join_all(settings.addresses.iter().map(|address| address::judge(address, limit))),
        join_all(settings.alerts.iter().map(asked)),
    );
    Outside { addresses, alerts }
}

impl Outside<'_> {
    /// The answers of the probes. Whose a pod is that an alert names is known by the pods, where they were read.
    pub(super) fn judge(self, pods: Option<&PodLedger>) -> Vec<ProbeResult> {
        let alerts = self.alerts.into_iter().map(|(source, read)| alerts::judge(source, read, pods));
        self.addresses.into_iter().chain(alerts).collect()
    }
}

/// One client for all: none of them is asked so often that a connection would have to be kept. Addresses of the cluster's own are
/// asked directly, whatever the environment says of proxies.
fn client(redirects: reqwest::redirect::Policy) -> Result<reqwest::Client, String> {
    // Another part of the process may have installed one already; all of them use ring.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("caretaker/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .no_proxy()
        .build()
        .map_err(|error| said(&error))
}

/// So many redirects are followed.
const REDIRECTS: usize = 5;

/// Follows within the host that was asked: the page of a login elsewhere says nothing of what stands behind it.
fn within_the_host(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let asked = attempt.previous().first().and_then(Url::host_str);
    if attempt.previous().len() > REDIRECTS || asked != attempt.url().host_str() {
        return attempt.stop();
    }
    attempt.follow()
}

static FOLLOWING: LazyLock<Result<reqwest::Client, String>> =
    LazyLock::new(|| client(reqwest::redirect::Policy::custom(within_the_host)));
static STAYING: LazyLock<Result<reqwest::Client, String>> =
    LazyLock::new(|| client(reqwest::redirect::Policy::none()));

/// An answer: its status, and as much of its text as is wanted.
struct Answer {
    status: u16,
    text: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    NoAnswer(String),
    #[error("no answer within {} s", .0.as_secs_f64())]
    Slow(Duration),
    #[error("more than {0} bytes")]
    TooLong(usize),
}

/// How much of an answer is read.
struct Bounds {
    limit: Duration,
    bytes: usize,
    /// Whether what is longer is an error. Otherwise its beginning will do.
    whole: bool,
}

async fn ask(request: reqwest::RequestBuilder, bounds: &Bounds) -> Result<Answer, AskError> {
    let asked = async {
        let mut response = request.send().await.map_err(|error| AskError::NoAnswer(said(&error)))?;
        let status = response.status().as_u16();
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| AskError::NoAnswer(said(&error)))? {
            let left = bounds.bytes - text.len();
            if chunk.len() > left && bounds.whole {
                return Err(AskError::TooLong(bounds.bytes));
            }
            text.extend_from_slice(&chunk[..chunk.len().min(left)]);
            if chunk.len() >= left && !bounds.whole {
                break;
            }
        }
        Ok(Answer { status, text: String::from_utf8_lossy(&text).into_owned() })
    };
    tokio::time::timeout(bounds.limit, asked).await.unwrap_or(Err(AskError::Slow(bounds.limit)))
}

/// An error with its causes. Its address is left out: a query may hold what nobody should read.
fn said(error: &reqwest::Error) -> String {
    let mut said = Vec::new();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(one) = cause {
        let text = one.to_string();
        if said.last() != Some(&text) {
            said.push(text);
        }
        cause = one.source();
    }
    if said.is_empty() { "the request failed".to_owned() } else { said.join(": ") }
}

/// An address that may be asked: http or https, and without a password, which would be shown.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let url = Url::deserialize(deserializer)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(D::Error::custom(format!(
            "`{}` is no address that begins with https:// or http://",
            url.path()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom(
            "an address must not hold a name or a password: use a file for the token",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
