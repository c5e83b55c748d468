//! Deliveries of the forge: verified, stored, answered, handed on.
//!
//! A delivery is a hint that something changed, and evidence of who changed it; no decision rests on its arrival. Races
//! decided here: a delivery is stored before it is answered, so what was acknowledged survives a crash; its id makes a
//! repeated one nothing new; and hints that arrive while the worker is busy become one more look, never a queue.

mod hints;
mod history;
mod known;
#[cfg(test)]
mod tests;

pub(crate) use hints::Hints;
pub(crate) use history::{IssueEdit, edited_comments, issue_edits};
pub(crate) use known::KnownRepositories;

use crate::store::{Delivery, Store, StoreError, Stored};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use std::borrow::Cow;
use std::sync::Arc;

/// The events that say something about the work. Everything else is refused, and the log says so: a hook that sends more
/// than it should is a mistake that a person wants to see.
const EVENTS: [&str; 11] = [
    "create",
    "delete",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_approved",
    "pull_request_comment",
    "pull_request_rejected",
    "push",
    "repository",
    "status",
];

/// The events whose payload is evidence of who did what to an issue.
const EVIDENCE: [&str; 2] = ["issues", "issue_comment"];

/// A delivery id is a UUID; others may be a little longer, but nothing that fills a store.
const LONGEST_ID: usize = 128;

/// A request as it came in: nothing in it is believed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    /// `Content-Type`.
    pub(crate) content_type: Option<&'a str>,
    /// `X-Gitea-Signature`.
    pub(crate) signature: Option<&'a str>,
    /// `X-Gitea-Delivery`.
    pub(crate) delivery: Option<&'a str>,
    /// `X-Gitea-Event`.
    pub(crate) event: Option<&'a str>,
    /// The body, byte for byte.
    pub(crate) body: &'a [u8],
}

/// Why a delivery was not taken. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no signature, or an empty one: the hook has no secret.
    #[error("the delivery is not signed; give the hook the same secret as caretaker")]
    NotSigned,
    /// The signature is not that of this body under our secret.
    #[error("the signature does not belong to this body and our secret")]
    WrongSignature,
    /// Neither JSON nor a form.
    #[error("the content type is neither application/json nor application/x-www-form-urlencoded")]
    ContentType,
    /// A header is missing or unusable.
    #[error("the header {0} is missing or unusable")]
    Header(&'static str),
    /// An event that nothing here understands.
    #[error(
        "the event is unknown here; the hook should send issues, pull requests, pushes and statuses only"
    )]
    UnknownEvent,
    /// The body cannot be read.
    #[error("the payload cannot be read")]
    Payload(#[from] serde_json::Error),
    /// The form has no payload, or the payload names no repository.
    #[error("the payload has no {0}")]
    Incomplete(&'static str),
    /// Not a repository of the settings.
    #[error("the repository is not one that caretaker looks after")]
    OtherRepository,
    /// It could not be stored, so it must not be acknowledged.
    #[error("the delivery could not be stored")]
    Store(#[from] StoreError),
}

/// Takes deliveries.
#[derive(Debug)]
pub(crate) struct Inbox {
    secret: SecretString,
    repositories: KnownRepositories,
    store: Arc<Store>,
    hints: Hints,
}

/// What a payload of any event may hold, and nothing more.
#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    repository: Option<PayloadRepository>,
    #[serde(default)]
    sender: Option<PayloadAccount>,
    // Null, or all zeros, when the server's converter failed.
    #[serde(default)]
    issue: Option<PayloadNumber>,
    #[serde(default)]
    pull_request: Option<PayloadNumber>,
}

#[derive(Debug, Deserialize)]
struct PayloadRepository {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct PayloadAccount {
    #[serde(default)]
    login: String,
}

#[derive(Debug, Deserialize)]
struct PayloadNumber {
    #[serde(default)]
    number: u64,
}

impl Inbox {
    /// An inbox for these repositories.
    pub(crate) fn new(
        secret: SecretString,
        repositories: impl Into<KnownRepositories>,
        store: Arc<Store>,
        hints: Hints,
    ) -> Self {
        Self { secret, repositories: repositories.into(), store, hints }
    }

    /// Verifies a delivery, stores it, and only then hints at it. When this returns, it may be acknowledged.
    pub(crate) async fn take(&self, incoming: &Incoming<'_>) -> Result<Stored, Refusal> {
        let payload = signed_part(incoming)?;
        self.verify(incoming.signature, &payload)?;

        let id = incoming
            .delivery
            .filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or(Refusal::Header("X-Gitea-Delivery"))?;
        let event =
            incoming.event.filter(|event| !event.is_empty()).ok_or(Refusal::Header("X-Gitea-Event"))?;
        if !EVENTS.contains(&event) {
            return Err(Refusal::UnknownEvent);
        }
        let parsed: Payload = serde_json::from_slice(&payload)?;
        let named = parsed.repository.ok_or(Refusal::Incomplete("repository"))?.full_name;
        // What is stored has the spelling of the settings.
        let repository = self.repositories.find(&named).ok_or(Refusal::OtherRepository)?;
        let kept = if EVIDENCE.contains(&event) {
            // JSON is UTF-8, and it was read as such a moment ago.
            Some(String::from_utf8_lossy(&payload).into_owned())
        } else {
            None
        };
        let number = |part: Option<PayloadNumber>| part.map(|part| part.number).filter(|number| *number != 0);
        let delivery = Delivery {
            id: id.to_owned(),
            received_at: Timestamp::now(),
            event: event.to_owned(),
            action: parsed.action.unwrap_or_default(),
            repository: repository.to_string(),
            issue: number(parsed.issue).or_else(|| number(parsed.pull_request)),
            sender: parsed.sender.map(|sender| sender.login).unwrap_or_default(),
            payload: kept,
        };
        let stored = self.store.put_delivery(&delivery).await?;
        if stored == Stored::New {
            self.hints.mark(&repository);
        }
        Ok(stored)
    }

    /// In constant time over the raw bytes.
    fn verify(&self, signature: Option<&str>, payload: &[u8]) -> Result<(), Refusal> {
        let signature = signature.map(str::trim).filter(|text| !text.is_empty()).ok_or(Refusal::NotSigned)?;
        let claimed = from_hex(signature).ok_or(Refusal::WrongSignature)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .expect("HMAC takes keys of every length");
        mac.update(payload);
        mac.verify_slice(&claimed).map_err(|_| Refusal::WrongSignature)
    }
}

/// The bytes that the signature covers: the body, or the decoded `payload` field of a form.
fn signed_part<'a>(incoming: &Incoming<'a>) -> Result<Cow<'a, [u8]>, Refusal> {
    let essence = incoming.content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(Cow::Borrowed(incoming.body));
    }
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return url::form_urlencoded::parse(incoming.body)
            .find(|(name, _)| name == "payload")
            .map(|(_, value)| match value {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            })
            .ok_or(Refusal::Incomplete("payload field"));
    }
    Err(Refusal::ContentType)
}

/// Reads hexadecimal digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
