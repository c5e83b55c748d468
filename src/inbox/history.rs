//! What stored payloads tell of an issue's history: who changed its body from what to what, and which comments were
//! edited. A payload that cannot be read tells nothing, and what nothing tells is judged as of unknown author.

use serde::Deserialize;
use std::collections::BTreeSet;

/// A delivery that tells of a change to an issue's body. Others (labels, titles, states) carry the body as well, but
/// their senders did not write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssueEdit {
    /// The login of the account that did it.
    pub(crate) sender: String,
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
    comment: Option<PayloadComment>,
    #[serde(default)]
    changes: Option<PayloadChanges>,
}

#[derive(Deserialize)]
struct PayloadIssue {
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct PayloadComment {
    id: u64,
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

/// The changes of an issue's body, out of stored payloads (sender, payload), in their order.
pub(crate) fn issue_edits(payloads: &[(String, String)]) -> Vec<IssueEdit> {
    payloads
        .iter()
        .filter_map(|(sender, payload)| {
            let payload = read(payload)?;
            if payload.comment.is_some() {
                return None;
            }
            let before = payload.changes.and_then(|changes| changes.body).map(|body| body.from);
            let tells = match payload.action.as_str() {
                "opened" => true,
                "edited" => before.is_some(),
                _ => false,
            };
            tells.then(|| IssueEdit {
                sender: sender.clone(),
                action: payload.action,
                body_before: before,
                body_after: payload.issue.and_then(|issue| issue.body),
            })
        })
        .collect()
}

/// The ids of the comments that were edited, out of stored payloads. The forge's own times tell only whole seconds.
pub(crate) fn edited_comments(payloads: &[(String, String)]) -> BTreeSet<u64> {
    payloads
        .iter()
        .filter_map(|(_, payload)| read(payload))
        .filter(|payload| payload.action == "edited")
        .filter_map(|payload| payload.comment)
        .map(|comment| comment.id)
        .collect()
}
