//! Carries effects out, and asks the world what became of one whose outcome is not known.
//!
//! Races decided here: an intent is in the journal before its effect is tried; whatever a merge answers, the truth is
//! read from the pull request; a revert is recognised by the step id in its commit's trailer; an issue's text is read
//! fresh before each write and sent with the version that it was computed from.

mod cluster;

pub(crate) use cluster::{archive_crashes, sync, terminate};

use super::event::{Effect, MergePlan, Outcome};
use super::worker::Parts;
use crate::cluster::{ClusterLease, LeaseAnswer};
use crate::forge::renovate::{rebase_box, tick_rebase_box};
use crate::forge::{
    AfterRefusedMerge, BRANCH_WRITE_TIMEOUT, BlobSha, CommitSha, EntryKind, FilesCommit, ForgeError,
    ForgeResult, IssueEdit, IssueNumber, MergeOrder, PullNumber, RepositoryName, State, TreeEntry,
};
use crate::health::{ConfirmedPermit, PlanMark};
use crate::issue::{TaskKey, hex, resolution_note};
use crate::merge::revert::{
    Entry, PathHistory, WholeEntry, find_step, merge_message, plan_revert, revert_message,
};
use crate::store::EventId;
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a text is read fresh and written again when somebody else was faster.
const WRITE_ATTEMPTS: u32 = 5;

/// How many commits of the branch are searched for a step id. A revert is one of the newest.
const SEARCHED_COMMITS: u32 = 50;

/// How often a pull request is looked at again whose merge is on the branch while it reads open, and how far apart. Real
/// time: it is the forge's own work that is waited for.
const LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// What an effect needs to know of its run.
#[derive(Debug, Clone)]
pub(crate) struct Context<'a> {
    /// The repository.
    pub(crate) repository: &'a RepositoryName,
    /// Its default branch.
    pub(crate) branch: &'a str,
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

/// The step id of an intent: unique beyond this store, since it stands in commits.
pub(crate) fn step_id(holder: &str, step: EventId) -> String {
    let short: String = holder.trim_start_matches("caretaker-").chars().take(8).collect();
    format!("{short}-{step}")
}

fn not_yet(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::NotYet { why: error.to_string() }
}

/// Asks for a merge and finds out what became of it.
pub(crate) async fn merge(
    parts: &Parts,
    lease: &ClusterLease,
    context: &Context<'_>,
    permit: ConfirmedPermit,
    plan: &MergePlan,
) -> Outcome {
    if context.tries.len() > 1 {
        // An earlier try whose answer never came may have come true since.
        match confirm_merge(parts, context, plan).await {
            Ok(Outcome::NotYet { .. }) => {}
            Ok(outcome) => return outcome,
            Err(error) => return not_yet(&error),
        }
    }
    let (pull, head) = match permit.consume() {
        Ok(subject) => (subject.pull, subject.head),
        Err(_) => return Outcome::NotYet { why: wording::permit_expired() },
    };
    let (title, message) = merge_message(&plan.title, pull, context.issue, &context.step);
    let order = MergeOrder { head, title, message, delete_branch: parts.merge_settings.delete_branch };
    let answer = parts.forge.merge(lease, context.repository, pull, &order).await;
    if let Err(error) = &answer {
        tracing::warn!(pull = pull.0, %error, "the merge was not answered with a yes");
    }
    match confirm_merge(parts, context, plan).await {
        Ok(Outcome::NotYet { .. }) => match answer {
            // Merged says the answer, not merged says the pull request: ask again at the next look.
            Ok(()) => Outcome::NotYet { why: wording::merge_not_seen() },
            Err(error) => match error.after_refused_merge() {
                AfterRefusedMerge::Never => Outcome::Refused { why: error.to_string() },
                AfterRefusedMerge::LookAgain | AfterRefusedMerge::Later => not_yet(&error),
            },
        },
        Ok(outcome) => outcome,
        Err(error) => not_yet(&error),
    }
}

/// Reads from the pull request whether it is merged, into which commit, and on what.
pub(crate) async fn confirm_merge(
    parts: &Parts,
    context: &Context<'_>,
    plan: &MergePlan,
) -> ForgeResult<Outcome> {
    let mut looks = 0;
    let (commit, at, left_open) = loop {
        let pull = parts.forge.pull(context.repository, plan.pull).await?;
        if let Some(merged) = pull.merged {
            break (parts.forge.commit(context.repository, &merged.commit).await?, merged.at, false);
        }
        // A forge that was cut off in the middle has moved the branch and still calls the pull request open. The branch
        // is what rolls out, so it is the truth; one that is still at it gets a moment to say so.
        let commits = parts.forge.commits(context.repository, context.branch, SEARCHED_COMMITS).await?;
        match context.tries.iter().find_map(|(step, _)| find_step(&commits, step)) {
            None => return Ok(Outcome::NotYet { why: wording::merge_not_seen() }),
            Some(commit) if looks >= LOOKS => break (commit.clone(), Timestamp::now(), true),
            Some(_) => looks += 1,
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    };
    let ours =
        context.tries.iter().find(|(step, _)| find_step(std::slice::from_ref(&commit), step).is_some());
    let proven = ours.is_some_and(|(_, base)| commit.parents.first() == Some(base));
    Ok(Outcome::Merged { commit: commit.sha, at, proven, ours: ours.is_some(), left_open })
}

fn lies<'a>(tree: &'a [TreeEntry], path: &str) -> Option<&'a TreeEntry> {
    tree.iter().find(|entry| entry.path == path && entry.kind != EntryKind::Folder)
}

fn short(entry: Option<&TreeEntry>) -> Option<Entry> {
    entry.map(|entry| Entry { kind: entry.kind, blob: entry.blob.clone() })
}

/// Every path at which two trees differ.
fn changed_paths(before: &[TreeEntry], after: &[TreeEntry]) -> BTreeSet<String> {
    let differs = |one: &[TreeEntry], entry: &TreeEntry| lies(one, &entry.path) != Some(entry);
    let files = |tree: &'_ [TreeEntry]| {
        tree.iter().filter(|entry| entry.kind != EntryKind::Folder).cloned().collect::<Vec<_>>()
    };
    let (old, new) = (files(before), files(after));
    old.iter()
        .filter(|entry| differs(after, entry))
        .chain(new.iter().filter(|entry| differs(before, entry)))
        .map(|entry| entry.path.clone())
        .collect()
}

/// Puts the files back as they were before a merge, in one commit.
pub(crate) async fn revert(
    parts: &Parts,
    lease: &ClusterLease,
    context: &Context<'_>,
    plan: &MergePlan,
    merge_commit: &CommitSha,
    reason: &str,
) -> Outcome {
    if context.tries.len() > 1 {
        match confirm_revert(parts, context).await {
            Ok(Outcome::NotYet { .. }) => {}
            Ok(outcome) => return outcome,
            Err(error) => return not_yet(&error),
        }
    }
    match try_revert(parts, lease, context, plan, merge_commit, reason).await {
        Ok(outcome) => outcome,
        // The files moved since they were read: judged again.
        Err(ForgeError::Refused { status: 422, said, .. }) => Outcome::NotYet { why: said },
        Err(error) if error.is_uncertain() => match confirm_revert(parts, context).await {
            Ok(outcome) => outcome,
            Err(error) => not_yet(&error),
        },
        Err(error) => Outcome::Refused { why: error.to_string() },
    }
}

async fn try_revert(
    parts: &Parts,
    lease: &ClusterLease,
    context: &Context<'_>,
    plan: &MergePlan,
    merge_commit: &CommitSha,
    reason: &str,
) -> ForgeResult<Outcome> {
    let head = parts.forge.branch(context.repository, context.branch).await?.head;
    if head != *merge_commit {
        // Somebody pushed since: judged again, with their commits in view.
        return Ok(Outcome::NotYet { why: wording::branch_moved() });
    }
    let before = parts.forge.tree(context.repository, &plan.base).await?;
    let merged = parts.forge.tree(context.repository, merge_commit).await?;
    let now = parts.forge.tree(context.repository, &head).await?;
    let mut files = Vec::new();
    for path in changed_paths(&before, &merged) {
        let whole = match lies(&before, &path) {
            None => None,
            Some(entry) => {
                // Every old content is read before the one write.
                let file = parts.forge.file(context.repository, &path, plan.base.as_str()).await?;
                let Some(file) = file else {
                    return Ok(Outcome::NotYet { why: wording::revert_unreadable(&path) });
                };
                Some(WholeEntry { kind: entry.kind, blob: entry.blob.clone(), content: file.content })
            }
        };
        files.push(PathHistory {
            before: whole,
            merged: short(lies(&merged, &path)),
            now: short(lies(&now, &path)),
            path,
        });
    }
    let writes = match plan_revert(&files) {
        Ok(writes) => writes,
        Err(refused) => return Ok(Outcome::Refused { why: refused.to_string() }),
    };
    let message = revert_message(&plan.title, plan.pull, merge_commit, context.issue, reason, &context.step);
    let commit = FilesCommit { branch: context.branch.to_owned(), message, files: writes };
    // Reading all that may have taken its while.
    let renewed = if lease.holds_for(BRANCH_WRITE_TIMEOUT) {
        None
    } else {
        match parts.cluster.acquire_lease(lease.holder()).await {
            Ok(LeaseAnswer::Held(renewed)) if renewed.holds_for(BRANCH_WRITE_TIMEOUT) => Some(renewed),
            Ok(_) | Err(_) => return Ok(Outcome::NotYet { why: wording::lease_too_short() }),
        }
    };
    let lease = renewed.as_ref().unwrap_or(lease);
    let sha = parts.forge.change_files(lease, context.repository, &commit).await?;
    Ok(Outcome::Reverted { commit: sha })
}

/// Looks for the commit that carries the step id.
pub(crate) async fn confirm_revert(parts: &Parts, context: &Context<'_>) -> ForgeResult<Outcome> {
    let commits = parts.forge.commits(context.repository, context.branch, SEARCHED_COMMITS).await?;
    let found = context.tries.iter().find_map(|(step, _)| find_step(&commits, step));
    Ok(found.map_or_else(
        || Outcome::NotYet { why: wording::revert_not_seen() },
        |commit| Outcome::Reverted { commit: commit.sha.clone() },
    ))
}

/// A random wait before the same text is tried again.
pub(crate) async fn jitter(attempt: u32) {
    let most = 50_u64 << attempt.min(5);
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..most))).await;
}

/// Closes a related issue or pull request with a note above its own text.
pub(crate) async fn close_related(
    parts: &Parts,
    context: &Context<'_>,
    number: IssueNumber,
    now: Timestamp,
) -> Outcome {
    let mut why = wording::text_keeps_changing();
    for attempt in 0..WRITE_ATTEMPTS {
        match try_close(parts, context, number, now).await {
            Ok(outcome) => return outcome,
            // After a lost answer the next reading shows whether it happened.
            Err(error) if matches!(error, ForgeError::Conflict { .. }) || error.is_uncertain() => {
                why = error.to_string();
                jitter(attempt).await;
            }
            Err(error) => return not_yet(&error),
        }
    }
    Outcome::NotYet { why }
}

async fn try_close(
    parts: &Parts,
    context: &Context<'_>,
    number: IssueNumber,
    now: Timestamp,
) -> ForgeResult<Outcome> {
    let issue = parts.forge.issue(context.repository, number).await?;
    let note = wording::resolved_on(&wording::time(now), &context.resolved_by);
    let body = resolution_note(&issue.body, context.issue, &note);
    let closed = issue.state == State::Closed;
    if !(closed && body == issue.body) {
        let edit = IssueEdit {
            title: None,
            body: (body != issue.body).then_some(body),
            state: (!closed).then_some(State::Closed),
            content_version: issue.content_version,
        };
        parts.forge.edit_issue(context.repository, number, &edit).await?;
    }
    Ok(Outcome::Done { detail: wording::note_closed(number) })
}

/// Ticks Renovate's rebase box. Renovate writes such a text anew on its own schedule, so nothing is kept there.
pub(crate) async fn ask_rebase(parts: &Parts, context: &Context<'_>, pull: PullNumber) -> Outcome {
    for attempt in 0..WRITE_ATTEMPTS {
        let written = async {
            let issue = parts.forge.issue(context.repository, pull.as_issue()).await?;
            let Some(body) = tick_rebase_box(&issue.body) else {
                return Ok(rebase_box(&issue.body) == Some(true));
            };
            let edit = IssueEdit {
                body: Some(body),
                content_version: issue.content_version,
                ..IssueEdit::default()
            };
            parts.forge.edit_issue(context.repository, pull.as_issue(), &edit).await.map(|_| true)
        };
        match written.await {
            Ok(true) => return Outcome::Done { detail: String::new() },
            Ok(false) => return Outcome::Refused { why: wording::no_rebase_box(pull) },
            Err(ForgeError::Conflict { .. }) => jitter(attempt).await,
            Err(error) => return not_yet(&error),
        }
    }
    Outcome::NotYet { why: wording::text_keeps_changing() }
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
        Err(error) => not_yet(&error),
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
        Err(error) => not_yet(&error),
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
        | Effect::Terminate { .. }
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
        Effect::Revert { pull, .. } | Effect::AskRebase { pull, .. } => Some(*pull),
        _ => None,
    }
}

/// The mark of a plan and a change, which a rebase with the same change keeps.
pub(crate) fn plan_mark(
    key: &TaskKey,
    plan: &str,
    change: &[(String, Option<BlobSha>, Option<BlobSha>)],
) -> PlanMark {
    use sha2::{Digest, Sha256};
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
