//! Carries effects out, and asks the world what became of one whose outcome is not known.
//!
//! Races decided here: an intent is in the journal before its effect is tried; whatever a merge answers, the truth is
//! read from the pull request ([`merge`]); a revert is recognised by the step id in its commit's trailer ([`revert`]); an
//! issue's text is read
//! fresh before each write and sent with the version that it was computed from.

mod cluster;
mod merge;
mod related;
mod revert;

pub(crate) use cluster::{archive_crashes, delete_pod, sync, terminate};
pub(crate) use merge::{find_out_merge, find_out_merge_revert, merge, merge_revert};
pub(crate) use related::close_related;
pub(crate) use revert::{confirm_revert, revert};

use super::event::{Effect, Outcome};
use super::worker::Parts;
use crate::forge::renovate::{rebase_box, tick_rebase_box};
use crate::forge::{
    BlobSha, CommitSha, Forge, ForgeError, ForgeResult, Issue, IssueEdit, IssueNumber, PullNumber,
    RepositoryName,
};
use crate::health::PlanMark;
use crate::issue::{TaskKey, hex};
use crate::store::EventId;
use crate::wording;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::time::Duration;

/// How often a text is read fresh and written again when somebody else was faster.
const WRITE_ATTEMPTS: u32 = 5;

/// How many commits of the branch are searched for a step id. A revert is one of the newest.
const SEARCHED_COMMITS: u32 = 50;

/// What an effect needs to know of its run.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    /// The repository.
    pub(crate) repository: &'a RepositoryName,
    /// Its default branch.
    pub(crate) branch: &'a str,
    /// Our own account's name.
    pub(crate) bot: &'a str,
    /// The maintenance issue.
    pub(crate) issue: IssueNumber,
    /// The step id.
    pub(crate) step: String,
    /// Every step that tried the same, this one included, with the base that it was for: an answer that never came may
    /// come true later.
    pub(crate) tries: Vec<(String, CommitSha)>,
    /// What resolved a related issue, in words.
    pub(crate) resolved_by: String,
}

/// Gives intents their step ids: unique beyond this store, since they stand in commits, and known to nobody before that. A
/// commit that carries one is taken for our own: whoever could guess the next one could have theirs merged for it.
#[derive(Debug)]
pub(crate) struct StepIds {
    store: String,
    key: SecretString,
}

impl StepIds {
    /// Those of a store, by the id and the key that it keeps.
    pub(crate) fn new(holder: &str, key: SecretString) -> Self {
        Self { store: holder.trim_start_matches("caretaker-").chars().take(8).collect(), key }
    }

    /// The id of a step: the same whenever it is asked for.
    pub(crate) fn of(&self, step: EventId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret().as_bytes())
            .expect("an HMAC takes a key of any length");
        mac.update(step.to_string().as_bytes());
        let proof = hex(&mac.finalize().into_bytes()[..10]);
        format!("{}-{step}-{proof}", self.store)
    }
}

fn not_yet(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::NotYet { why: error.to_string() }
}

/// What follows from an error of the forge: only an answer of it says that an effect did not happen.
fn not_done(error: &ForgeError) -> Outcome {
    let why = error.to_string();
    if error.is_uncertain() { Outcome::Unanswered { why } } else { Outcome::NotYet { why } }
}

/// A random wait before the same text is tried again.
pub(crate) async fn jitter(attempt: u32) {
    let most = 50_u64 << attempt.min(5);
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..most))).await;
}

/// How writing a text anew ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// It was written, more than once where somebody else wrote at the same time.
    Written {
        /// Whether it was.
        again: bool,
    },
    /// There was nothing to write in it, as it was read last.
    Unchanged(Box<Issue>),
    /// Somebody else was faster each time.
    KeepsChanging,
}

/// Writes the text of an issue or pull request as it shall be: each time from a fresh one, and with its version. Where the forge
/// counts none it refuses nothing, so what was written is read back, and what is another text by then is looked at again.
pub(crate) async fn rewrite(
    forge: &dyn Forge,
    repository: &RepositoryName,
    number: IssueNumber,
    mut next: impl FnMut(&Issue) -> Option<String>,
) -> ForgeResult<Rewritten> {
    let mut writes = 0;
    for attempt in 0..WRITE_ATTEMPTS {
        let issue = forge.issue(repository, number).await?;
        let Some(body) = next(&issue) else {
            return Ok(match writes {
                0 => Rewritten::Unchanged(Box::new(issue)),
                writes => Rewritten::Written { again: writes > 1 },
            });
        };
        let edit = IssueEdit {
            body: Some(body.clone()),
            content_version: issue.content_version,
            ..IssueEdit::default()
        };
        match forge.edit_issue(repository, number, &edit).await {
            Ok(_) => {
                writes += 1;
                if issue.content_version.is_some() || forge.issue(repository, number).await?.body == body {
                    return Ok(Rewritten::Written { again: writes > 1 });
                }
                tracing::info!(%number, "the text is not as it was written a moment ago; looking again");
            }
            Err(ForgeError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
        jitter(attempt).await;
    }
    Ok(Rewritten::KeepsChanging)
}

/// Ticks Renovate's rebase box. Renovate writes such a text anew on its own schedule, so nothing is kept there.
pub(crate) async fn ask_rebase(parts: &Parts, context: &Context<'_>, pull: PullNumber) -> Outcome {
    let ticked = |issue: &Issue| tick_rebase_box(&issue.body);
    match rewrite(parts.forge.as_ref(), context.repository, pull.as_issue(), ticked).await {
        Ok(Rewritten::Written { .. }) => Outcome::Done { detail: String::new() },
        Ok(Rewritten::Unchanged(issue)) if rebase_box(&issue.body) == Some(true) => {
            Outcome::Done { detail: String::new() }
        }
        Ok(Rewritten::Unchanged(_)) => Outcome::Refused { why: wording::no_rebase_box(pull) },
        Ok(Rewritten::KeepsChanging) => Outcome::NotYet { why: wording::text_keeps_changing() },
        Err(error) => not_done(&error),
    }
}

/// Puts the label that calls for a person on the issue, making it where it does not exist.
pub(crate) async fn call_person(parts: &Parts, context: &Context<'_>) -> Outcome {
    let name = parts.settings.needs_human_label.as_str();
    let done = async {
        let labels = parts.forge.labels(context.repository).await?;
        let label = match labels.into_iter().find(|label| label.name == name) {
            Some(label) => label,
            None => parts.forge.create_label(context.repository, name, "#d93f0b").await?,
        };
        parts.forge.add_label(context.repository, context.issue, label.id).await
    };
    match done.await {
        Ok(()) => Outcome::Done { detail: String::new() },
        Err(error) => not_done(&error),
    }
}

/// Takes the label that calls for a person away. One that is not there, or that does not exist, is away.
pub(crate) async fn release_person(parts: &Parts, context: &Context<'_>) -> Outcome {
    let name = parts.settings.needs_human_label.as_str();
    let done = async {
        let issue = parts.forge.issue(context.repository, context.issue).await?;
        match issue.labels.iter().find(|label| label.name == name) {
            // Taking away what is not there would be delivered as a change.
            None => Ok(()),
            Some(label) => parts.forge.remove_label(context.repository, context.issue, label.id).await,
        }
    };
    match done.await {
        Ok(()) => Outcome::Done { detail: String::new() },
        Err(error) => not_done(&error),
    }
}

/// The task that an effect is done for.
pub(crate) fn task_of(effect: &Effect) -> Option<&TaskKey> {
    match effect {
        Effect::Merge(plan) => Some(&plan.key),
        Effect::CloseRelated { key, .. } | Effect::Action { key, .. } | Effect::AskRebase { key, .. } => {
            Some(key)
        }
        Effect::Revert { .. }
        | Effect::MergeRevert { .. }
        | Effect::Terminate { .. }
        | Effect::DeletePod { .. }
        | Effect::Sync { .. }
        | Effect::CallPerson
        | Effect::ReleasePerson
        | Effect::CloseIssue { .. } => None,
    }
}

/// The pull request that an effect is about.
pub(crate) fn pull_of(effect: &Effect) -> Option<PullNumber> {
    match effect {
        Effect::Merge(plan) => Some(plan.pull),
        Effect::Revert { pull, .. } | Effect::MergeRevert { pull, .. } | Effect::AskRebase { pull, .. } => {
            Some(*pull)
        }
        _ => None,
    }
}

/// The mark of a plan and a change, which a rebase with the same change keeps.
pub(crate) fn plan_mark(
    key: &TaskKey,
    plan: &str,
    change: &[(String, Option<BlobSha>, Option<BlobSha>)],
) -> PlanMark {
    use sha2::Digest as _;
    let mut hash = Sha256::new();
    hash.update(key.0.as_bytes());
    hash.update([0]);
    hash.update(plan.as_bytes());
    for (path, old, new) in change {
        for part in [
            Some(path.as_str()),
            old.as_ref().map(|blob| blob.0.as_str()),
            new.as_ref().map(|blob| blob.0.as_str()),
        ] {
            hash.update([0]);
            hash.update(part.unwrap_or("-").as_bytes());
        }
    }
    PlanMark::new(key.0.clone(), hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_id_is_the_same_again_and_nobodys_to_guess() {
        let ids = |key: &str| StepIds::new("caretaker-1a2b3c4d-0000", key.to_owned().into());
        let first = ids("one").of(EventId(7));
        assert!(first.starts_with("1a2b3c4d-7-"), "{first}");
        assert_eq!(first, ids("one").of(EventId(7)));
        assert_ne!(first, ids("another").of(EventId(7)));
        let next = ids("one").of(EventId(8));
        assert_ne!(first.rsplit('-').next(), next.rsplit('-').next());
    }
}
