//! One address that people use.
//!
//! | Rule | Verdict | When |
//! |---|---|---|
//! | `unreachable` | its `severity` | no answer within `timeout_seconds`, twice; a certificate that is not valid counts as none |
//! | `status` | its `severity` | another status than one of `status`; without that, none from 200 to 299 after redirects within its host |
//! | `content` | its `severity` | `contains` is not in the first 256 KiB of the answer |

use super::{Answer, AskError, Bounds, FOLLOWING, STAYING, address, apps, ask, name};
use crate::cluster::ObjectRef;
use crate::health::own::Severity;
use crate::health::probes::{finding, judged};
use crate::health::{Finding, Layer, Probe, ProbeResult, Verdict};
use backon::{ConstantBuilder, Retryable};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;

/// How much of an answer is looked through.
const LOOKED_THROUGH: usize = 256 << 10;
/// How long after the first try the second one comes.
const PAUSE: Duration = Duration::from_millis(500);

/// An address, and what it is to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// What people call it.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// The address. Its query is never shown.
    #[serde(deserialize_with = "address")]
    pub url: Url,
    /// The statuses of which it answers with one. Redirects are followed where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// What stands in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How long an answer may take, in seconds.
    #[serde(default = "timeout")]
    pub timeout_seconds: u64,
    /// The layer that its findings belong to.
    #[serde(default = "apps")]
    pub layer: Layer,
    /// How bad it is where it does not answer so.
    #[serde(default)]
    pub severity: Severity,
}

fn timeout() -> u64 {
    5
}

/// Asks, twice where that is needed, and judges.
pub(super) async fn judge(address: &Address, limit: Duration) -> ProbeResult {
    let client = if address.status.is_empty() { &*FOLLOWING } else { &*STAYING };
    let client = match client {
        Ok(client) => client,
        Err(said) => {
            return result(address, vec![found(address, "unreachable", Verdict::Unknown, said)]);
        }
    };
    let one = Duration::from_secs(address.timeout_seconds.max(1)).min(limit);
    let bounds = Bounds { limit: one, bytes: LOOKED_THROUGH, whole: false };
    let tried = || async {
        let answer = ask(client.get(address.url.clone()), &bounds).await;
        match wrong(address, &answer) {
            None => Ok(()),
            Some(wrong) => Err(wrong),
        }
    };
    let twice = ConstantBuilder::default().with_delay(PAUSE).with_max_times(1);
    match tried.retry(twice).await {
        Ok(()) => result(address, Vec::new()),
        Err((rule, evidence)) => {
            let verdict = match address.severity {
                Severity::Red => Verdict::Red,
                Severity::Yellow | Severity::Listed => Verdict::Yellow,
            };
            result(address, vec![found(address, rule, verdict, &evidence)])
        }
    }
}

/// What is wrong with an answer: the rule and the evidence.
fn wrong(address: &Address, answer: &Result<Answer, AskError>) -> Option<(&'static str, String)> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Some(("unreachable", error.to_string())),
    };
    let status = answer.status;
    let is_good = match address.status.as_slice() {
        [] => (200..300).contains(&status),
        some => some.contains(&status),
    };
    if !is_good {
        return Some(("status", format!("it answers {status}")));
    }
    let contains = address.contains.as_ref()?;
    let missing = !answer.text.contains(contains.as_str());
    missing.then(|| ("content", format!("it answers {status} without {contains:?}")))
}

fn found(address: &Address, rule: &str, verdict: Verdict, evidence: &str) -> Finding {
    let object = ObjectRef::new("Address", "", &address.name);
    let mut place = address.url.clone();
    place.set_query(None);
    place.set_fragment(None);
    let message = format!("{} does not answer as it should", address.name);
    let found = finding(Probe::Addresses, rule, object, verdict, message, format!("{place}: {evidence}"));
    Finding { layer: address.layer, informational: address.severity == Severity::Listed, ..found }
}

fn result(address: &Address, findings: Vec<Finding>) -> ProbeResult {
    let word = if findings.is_empty() { "answers" } else { "does not answer as it should" };
    let summary = format!("{} {word}", address.name);
    let used = address.severity != Severity::Listed;
    ProbeResult { layer: address.layer, used, ..judged(Probe::Addresses, summary, findings) }
}
