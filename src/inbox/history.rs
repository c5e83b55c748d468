//! What stored payloads tell of an issue's history: who changed its body from what to what. A payload that cannot be read
//! tells nothing, and what nothing tells is judged as of unknown author.

use super::keeping::EVIDENCE_OF_AN_ISSUE;
use crate::store::{KeptPayload, Store, StoreResult};
use jiff::Timestamp;
use serde::Deserialize;

/// A delivery that tells of a change to an issue's body. Others (labels, titles, states) carry the body as well, but
/// their senders did not write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssueEdit {
    /// The login of the account that did it.
    pub(crate) sender: String,
    /// When it was delivered.
    pub(crate) received_at: Timestamp,
    /// `opened` or `edited`.
    pub(crate) action: String,
    /// The body before; `None` where there was none, as when the issue was opened.
    pub(crate) body_before: Option<String>,
    /// The body afterwards.
    pub(crate) body_after: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    action: String,
    #[serde(default)]
    issue: Option<PayloadIssue>,
    #[serde(default)]
    changes: Option<PayloadChanges>,
}

#[derive(Deserialize)]
struct PayloadIssue {
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct PayloadChanges {
    #[serde(default)]
    body: Option<PayloadFrom>,
}

#[derive(Deserialize)]
struct PayloadFrom {
    #[serde(default)]
    from: String,
}

fn read(payload: &str) -> Option<Payload> {
    serde_json::from_str(payload)
        .inspect_err(|error| tracing::warn!(%error, "a stored payload cannot be read"))
        .ok()
}

/// The changes of an issue's body that are known, in their order. No more is read than is kept of an issue in the long run,
/// however much came since that was last enforced: whoever may edit must not decide how much memory a look takes.
pub(crate) async fn issue_edits(store: &Store, repository: &str, issue: u64) -> StoreResult<Vec<IssueEdit>> {
    Ok(told(store.issue_payloads(repository, issue, EVIDENCE_OF_AN_ISSUE).await?))
}

/// Whether something else was delivered about an issue's text than [`issue_edits`] tells of: it is kept no longer, or is more
/// than is read.
pub(crate) async fn is_cut(store: &Store, repository: &str, issue: u64) -> StoreResult<bool> {
    store.has_lost_payloads(repository, issue, EVIDENCE_OF_AN_ISSUE).await
}

/// The changes that payloads about an issue's text tell of. Each payload is let go of once it is read.
pub(super) fn told(payloads: Vec<KeptPayload>) -> Vec<IssueEdit> {
    payloads
        .into_iter()
        .filter_map(|KeptPayload { sender, received_at, payload }| {
            let payload = read(&payload)?;
            let before = payload.changes.and_then(|changes| changes.body).map(|body| body.from);
            let tells = match payload.action.as_str() {
                "opened" => true,
                "edited" => before.is_some(),
                _ => false,
            };
            tells.then(|| IssueEdit {
                sender,
                received_at,
                action: payload.action,
                body_before: before,
                body_after: payload.issue.and_then(|issue| issue.body),
            })
        })
        .collect()
}
