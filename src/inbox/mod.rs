//! Deliveries of the forge: verified, stored, answered, handed on.
//!
//! A delivery is a hint that something changed, and evidence of who changed it; no decision rests on its arrival. Races
//! decided here: a delivery is stored before it is answered, so what was acknowledged survives a crash; its id makes a
//! repeated one nothing new, and since ids are not signed, the same payload under another id is no further evidence; hints
//! that arrive while the worker is busy become one more look, never a queue; and whoever is let into one repository's hook
//! cannot speak for another, since each has a secret of its own.

mod hints;
mod history;
mod incoming;
mod keeping;
mod keys;
mod known;
mod outcomes;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use hints::Hints;
pub(crate) use history::{IssueEdit, is_cut, issue_edits};
pub(crate) use incoming::{EVENTS, Incoming};
pub(crate) use keeping::Settings;
pub(crate) use keys::Keys;
pub(crate) use known::KnownRepositories;
pub(crate) use outcomes::{Outcome, Outcomes, Remembered};

use crate::issue::hex;
use crate::store::{Delivery, Evidence, Store, StoreError, Stored};
use jiff::Timestamp;
use keeping::{Intake, LIMITS, keep_bounded};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use writer::{ROOM, Writer};

/// Why a delivery was not taken. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no signature, or an empty one: the hook has no secret.
    #[error("the delivery is not signed; give the hook the same secret as caretaker")]
    NotSigned,
    /// The signature is not that of this body under the secret of the repository that it names.
    #[error("the signature does not belong to this body and our secret")]
    WrongSignature,
    /// It is signed with the secret of the settings itself, where the repositories' hooks have one each.
    #[error(
        "the hook has the secret of the settings itself, and where several repositories are looked after each hook has its \
         own; `caretaker setup --replace-hook` makes it"
    )]
    SharedSecret,
    /// The header `Authorization` is not the one that the settings ask for.
    #[error("the header Authorization is not what the settings of caretaker ask for")]
    Authorization,
    /// More than is read.
    #[error("the body is larger than web.body_limit_bytes")]
    TooLarge,
    /// It did not come in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// There is no room to read it: others that are not believed yet fill what there is.
    #[error("too many large deliveries arrive at once; try again later")]
    Crowded,
    /// It did not come to its end.
    #[error("the body broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// More deliveries wait to be stored than there is room for.
    #[error("too many deliveries wait to be stored")]
    Busy,
    /// It is not stored yet, and the forge waits no longer. It may be stored later.
    #[error("the delivery could not be stored in time")]
    StoreSlow,
    /// Nothing is stored any more.
    #[error("caretaker stops")]
    Stopped,
    /// It could not be stored, so it must not be acknowledged. One error may be that of many deliveries.
    #[error("the delivery could not be stored")]
    Store(#[source] Arc<StoreError>),
}

/// Takes deliveries.
#[derive(Debug)]
pub(crate) struct Inbox {
    keys: Keys,
    repositories: KnownRepositories,
    maintenance_label: String,
    writer: Writer,
    hints: Hints,
    outcomes: Outcomes,
    _keeping: DropGuard,
}

/// What a payload says it is about. Read before it is believed, since it says whose secret must have signed it, and never
/// again, so that nothing else can be read out of the same bytes.
#[derive(Debug, Default, Deserialize)]
struct Claim {
    #[serde(default)]
    repository: Option<PayloadRepository>,
}

/// What else a payload of any event may hold, and nothing more.
#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    sender: Option<PayloadAccount>,
    // Null, or all zeros, when the server's converter failed.
    #[serde(default)]
    issue: Option<PayloadIssue>,
    #[serde(default)]
    pull_request: Option<PayloadNumber>,
    /// Of a comment.
    #[serde(default)]
    is_pull: bool,
    #[serde(default)]
    comment: Option<PayloadComment>,
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

#[derive(Debug, Deserialize)]
struct PayloadComment {
    #[serde(default)]
    id: u64,
}

#[derive(Debug, Deserialize)]
struct PayloadIssue {
    #[serde(default)]
    number: u64,
    /// There where the issue is a pull request.
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    labels: Option<Vec<Option<PayloadLabel>>>,
}

#[derive(Debug, Deserialize)]
struct PayloadLabel {
    #[serde(default)]
    name: String,
}

/// How a payload is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Not at all.
    Nothing,
    /// Where the issue has, or had, a run.
    OfRuns,
    /// In any case.
    Always,
}

impl Payload {
    /// What an issue's text is made of is kept before anybody knows that it will be a maintenance issue: its run asks who
    /// wrote it. The rest tells something only once there is a run, or the label that makes one. Judged by the payload,
    /// which is signed, not by the headers, which are not.
    fn keep(&self, maintenance_label: &str) -> Keep {
        let Some(issue) = self.issue.as_ref().filter(|issue| issue.number != 0) else { return Keep::Nothing };
        if self.is_pull || self.pull_request.is_some() || issue.pull_request.is_some() {
            return Keep::Nothing;
        }
        let writes_text =
            self.comment.is_none() && matches!(self.action.as_deref(), Some("opened" | "edited"));
        let labelled = issue
            .labels
            .iter()
            .flatten()
            .flatten()
            .any(|label| label.name.eq_ignore_ascii_case(maintenance_label));
        if writes_text || labelled { Keep::Always } else { Keep::OfRuns }
    }
}

/// A delivery that proved to be the forge's.
struct Verified<'a> {
    payload: Cow<'a, [u8]>,
    id: &'a str,
    event: &'a str,
    /// In the forge's spelling.
    repository: String,
    parsed: Payload,
}

fn verified<'a>(keys: &Keys, incoming: &Incoming<'a>) -> Result<Verified<'a>, Refusal> {
    keys.authorize(incoming.authorization)?;
    let payload = incoming.signed_part()?;
    // What is not to be read names nothing, and is told apart from what is forged below.
    let claim: Claim = serde_json::from_slice(&payload).unwrap_or_default();
    let repository = claim.repository.map(|repository| repository.full_name);
    keys.verify(incoming.signature, &payload, repository.as_deref())?;
    let (id, event) = (incoming.id()?, incoming.event()?);
    let parsed = serde_json::from_slice(&payload)?;
    let repository = repository.ok_or(Refusal::Incomplete("repository"))?;
    Ok(Verified { payload, id, event, repository, parsed })
}

/// The repository of a delivery, in the forge's spelling, when an inbox with these keys would believe it. Nothing is kept.
pub(crate) fn repository_of(keys: &Keys, incoming: &Incoming<'_>) -> Result<String, Refusal> {
    Ok(verified(keys, incoming)?.repository)
}

impl Inbox {
    /// An inbox for these repositories, whose maintenance issues carry this label.
    pub(crate) fn new(
        keys: Keys,
        repositories: impl Into<KnownRepositories>,
        maintenance_label: &str,
        settings: &Settings,
        store: &Arc<Store>,
        hints: Hints,
    ) -> Self {
        let stop = CancellationToken::new();
        let intake = Arc::new(Intake::new(LIMITS));
        let (keeping, settings, coming) = (Arc::clone(store), settings.clone(), Arc::clone(&intake));
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = keep_bounded(&keeping, &settings, &coming) => {}
            }
        });
        Self {
            keys,
            repositories: repositories.into(),
            maintenance_label: maintenance_label.to_owned(),
            writer: Writer::start(Arc::clone(store), hints.clone(), intake, ROOM),
            hints,
            outcomes: Outcomes::default(),
            _keeping: stop.drop_guard(),
        }
    }

    /// Verifies a delivery and stores it, which marks its repository. When this returns, it may be acknowledged; it
    /// returns in time.
    pub(crate) async fn take(&self, incoming: &Incoming<'_>, until: Instant) -> Result<Stored, Refusal> {
        let Verified { payload, id, event, repository: named, parsed } = verified(&self.keys, incoming)?;
        let keep = parsed.keep(&self.maintenance_label);
        // What is stored has the spelling of the settings.
        let repository = self.repositories.find(&named).ok_or(Refusal::OtherRepository)?;
        let evidence = (keep != Keep::Nothing).then(|| Evidence {
            // JSON is UTF-8, and it was read as such a moment ago.
            payload: String::from_utf8_lossy(&payload).into_owned(),
            hash: hex(&Sha256::digest(&payload)),
            comment: parsed.comment.map(|comment| comment.id),
            of_runs_only: keep == Keep::OfRuns,
        });
        let numbers = [parsed.issue.map(|issue| issue.number), parsed.pull_request.map(|pull| pull.number)];
        let delivery = Delivery {
            id: id.to_owned(),
            received_at: Timestamp::now(),
            event: event.to_owned(),
            action: parsed.action.unwrap_or_default(),
            repository: repository.to_string(),
            issue: numbers.into_iter().flatten().find(|number| *number != 0),
            sender: parsed.sender.map(|sender| sender.login).unwrap_or_default(),
            evidence,
        };
        drop(payload);
        let written = self.writer.put(delivery, repository.clone())?;
        match tokio::time::timeout_at(until, written).await {
            Err(_) => Err(Refusal::StoreSlow),
            Ok(Err(_)) => Err(Refusal::Stopped),
            Ok(Ok(written)) => written,
        }
    }

    /// Counts what became of a delivery, for the page and the metrics.
    pub(crate) fn note(&self, incoming: &Incoming<'_>, taken: Result<Stored, &Refusal>) {
        self.outcomes.note(incoming.claimed_id(), incoming.claimed_event(), taken);
    }

    /// What became of deliveries.
    pub(crate) fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// Whether anybody looks at a repository whose deliveries are taken: discovery may have found none of that name so far.
    pub(crate) fn is_looked_after(&self, repository: &str) -> bool {
        self.repositories.has(repository)
    }

    /// Whether a delivery of a repository still waits for the worker to look.
    pub(crate) fn waits_for_look(&self, repository: &str, came: Timestamp) -> bool {
        self.hints.waits(repository, came)
    }
}
