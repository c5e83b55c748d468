//! Asking for a merge, and finding out what became of it.
//!
//! Races decided here: whatever is answered, the truth is read from the pull request, and where that does not know, from the
//! branch; a merge that the forge only scheduled, or may have scheduled before its answer was lost, is taken back before
//! anything is concluded, so that none happens later at a moment that nobody chose.

use super::{Context, SEARCHED_COMMITS, not_done};
use crate::cluster::ClusterLease;
use crate::forge::{
    AfterRefusedMerge, CommitSha, Forge, ForgeError, ForgeResult, MergeAnswer, MergeOrder, MergeStyle,
    PullNumber,
};
use crate::health::ConfirmedPermit;
use crate::merge::landing::Asked;
use crate::merge::revert::{merge_message, revert_title};
use crate::run::event::{MergePlan, Outcome, Proposal};
use crate::run::worker::Parts;
use crate::wording;
use jiff::Timestamp;
use std::time::Duration;

/// How often a pull request is looked at again whose merge is on the branch while it reads open, and how far apart. Real
/// time: it is the forge's own work that is waited for.
const LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// A pull request that is to be merged.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    pull: PullNumber,
    head: &'a CommitSha,
    style: MergeStyle,
}

impl<'a> Wanted<'a> {
    fn of(plan: &'a MergePlan) -> Self {
        Self { pull: plan.pull, head: &plan.head, style: plan.style }
    }

    fn of_proposal(proposal: &'a Proposal, style: MergeStyle) -> Self {
        Self { pull: proposal.pull, head: &proposal.head, style }
    }
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
        match find_out_merge(parts, context, plan).await {
            Ok(Outcome::NotYet { .. }) => {}
            Ok(outcome) => return outcome,
            Err(error) => return not_done(&error),
        }
    }
    let (pull, head) = match permit.consume() {
        Ok(subject) => (subject.pull, subject.head),
        Err(_) => return Outcome::NotYet { why: wording::permit_expired() },
    };
    let (title, message) = merge_message(&plan.title, pull, context.issue, &context.step);
    let delete_branch = parts.merge_settings.delete_branch;
    let order = MergeOrder { head, style: plan.style, title, message, delete_branch };
    ask(parts.forge.as_ref(), lease, context, Wanted::of(plan), &order).await
}

/// Finds out what became of a merge whose answer is not known.
pub(crate) async fn find_out_merge(
    parts: &Parts,
    context: &Context<'_>,
    plan: &MergePlan,
) -> ForgeResult<Outcome> {
    find_out(parts.forge.as_ref(), context, Wanted::of(plan)).await
}

/// Merges the pull request that undoes a merge. Its head is a commit of our own, so that it is known what it brings.
pub(crate) async fn merge_revert(
    parts: &Parts,
    lease: &ClusterLease,
    context: &Context<'_>,
    plan: &MergePlan,
    proposal: &Proposal,
) -> Outcome {
    // A person may have merged it.
    match find_out_merge_revert(parts, context, plan, proposal).await {
        Ok(Outcome::NotYet { .. }) => {}
        Ok(outcome) => return outcome,
        Err(error) => return not_done(&error),
    }
    let title = revert_title(&plan.title, plan.pull);
    let (title, message) = merge_message(&title, proposal.pull, context.issue, &context.step);
    let order = MergeOrder {
        head: proposal.head.clone(),
        style: plan.style,
        title,
        message,
        // The branch is ours, and holds nothing else.
        delete_branch: true,
    };
    let wanted = Wanted::of_proposal(proposal, plan.style);
    as_revert(ask(parts.forge.as_ref(), lease, context, wanted, &order).await)
}

/// Finds out whether the pull request that undoes a merge is merged.
pub(crate) async fn find_out_merge_revert(
    parts: &Parts,
    context: &Context<'_>,
    plan: &MergePlan,
    proposal: &Proposal,
) -> ForgeResult<Outcome> {
    let wanted = Wanted::of_proposal(proposal, plan.style);
    find_out(parts.forge.as_ref(), context, wanted).await.map(as_revert)
}

fn as_revert(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Merged { commit, .. } => Outcome::Reverted { commit },
        // Nobody rebases it: a person has to look.
        Outcome::Outdated { why } => Outcome::Refused { why },
        other => other,
    }
}

async fn ask(
    forge: &dyn Forge,
    lease: &ClusterLease,
    context: &Context<'_>,
    wanted: Wanted<'_>,
    order: &MergeOrder,
) -> Outcome {
    let answer = forge.merge(lease, context.repository, wanted.pull, order).await;
    match &answer {
        Ok(MergeAnswer::Merged) => {}
        Ok(MergeAnswer::Scheduled) => {
            tracing::warn!(pull = wanted.pull.0, "the forge scheduled the merge; it is taken back");
        }
        Err(error) => tracing::warn!(pull = wanted.pull.0, %error, "the merge was not answered with a yes"),
    }
    if let Ok(MergeAnswer::Scheduled) = &answer {
        let cancelled = forge.cancel_scheduled_merge(context.repository, wanted.pull).await;
        let found = confirm(forge, context, wanted).await;
        return match (found, cancelled) {
            (Ok(Outcome::NotYet { .. }), Ok(())) => unmerged(&answer),
            // One that may still happen has to be told of.
            (Ok(Outcome::NotYet { .. }) | Err(_), Err(error)) => {
                Outcome::NotYet { why: wording::schedule_left(wanted.pull, &error) }
            }
            (Ok(outcome), _) => outcome,
            (Err(error), Ok(())) => not_done(&error),
        };
    }
    let uncertain = answer.as_ref().is_err_and(ForgeError::is_uncertain);
    let found = if uncertain {
        find_out(forge, context, wanted).await
    } else {
        confirm(forge, context, wanted).await
    };
    match found {
        Ok(Outcome::NotYet { .. }) => unmerged(&answer),
        Ok(outcome) => outcome,
        Err(error) => not_done(&error),
    }
}

/// What follows from the answer to a merge that, as the forge shows, did not happen.
fn unmerged(answer: &ForgeResult<MergeAnswer>) -> Outcome {
    match answer {
        // Merged says the answer, not merged says the pull request: ask again at the next look.
        Ok(MergeAnswer::Merged) => Outcome::NotYet { why: wording::merge_not_seen() },
        Ok(MergeAnswer::Scheduled) => Outcome::NotYet { why: wording::schedule_cancelled() },
        Err(error) => {
            let why = wording::merge_refused(error);
            match error.after_refused_merge() {
                AfterRefusedMerge::Never => Outcome::Refused { why },
                AfterRefusedMerge::AfterRebase => Outcome::Outdated { why },
                _ if error.is_uncertain() => Outcome::Unanswered { why },
                AfterRefusedMerge::LookAgain | AfterRefusedMerge::Later => Outcome::NotYet { why },
            }
        }
    }
}

/// Takes back what the forge may have scheduled, then reads what happened.
async fn find_out(forge: &dyn Forge, context: &Context<'_>, wanted: Wanted<'_>) -> ForgeResult<Outcome> {
    let cancelled = forge.cancel_scheduled_merge(context.repository, wanted.pull).await;
    let outcome = confirm(forge, context, wanted).await?;
    match (&outcome, cancelled) {
        (Outcome::NotYet { .. }, Err(error)) if error.is_uncertain() => return Err(error),
        // Where nothing may be taken back, nothing of ours was scheduled.
        (_, Err(error)) => {
            tracing::warn!(pull = wanted.pull.0, %error, "no scheduled merge could be taken back");
        }
        (_, Ok(())) => {}
    }
    Ok(outcome)
}

/// Reads from the pull request whether it is merged, into which commit, and on what.
async fn confirm(forge: &dyn Forge, context: &Context<'_>, wanted: Wanted<'_>) -> ForgeResult<Outcome> {
    let own = if wanted.style.writes_message() {
        Vec::new()
    } else {
        forge.pull_commits(context.repository, wanted.pull).await?
    };
    let asked = Asked { style: wanted.style, head: wanted.head, own: &own, tries: &context.tries };
    let mut looks = 0;
    loop {
        let pull = forge.pull(context.repository, wanted.pull).await?;
        let branch = forge.commits(context.repository, context.branch, SEARCHED_COMMITS).await?;
        if let Some(merged) = pull.merged {
            let commit = forge.commit(context.repository, &merged.commit).await?;
            // A way of merging that writes no message of ours tells by its account alone who did it.
            let ours = if wanted.style.writes_message() {
                asked.find(std::slice::from_ref(&commit)).is_some()
            } else {
                merged.by.as_deref() == Some(context.bot)
            };
            let proven = asked.is_proven(&commit, &branch);
            return Ok(Outcome::Merged { commit: commit.sha, at: merged.at, proven, ours, left_open: false });
        }
        // A forge that was cut off in the middle has moved the branch and still calls the pull request open. The branch
        // is what rolls out, so it is the truth; one that is still at it gets a moment to say so.
        match asked.find(&branch) {
            None => return Ok(Outcome::NotYet { why: wording::merge_not_seen() }),
            Some(commit) if looks >= LOOKS => {
                let proven = asked.is_proven(commit, &branch);
                let commit = commit.sha.clone();
                let at = Timestamp::now();
                return Ok(Outcome::Merged { commit, at, proven, ours: true, left_open: true });
            }
            Some(_) => looks += 1,
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

#[cfg(test)]
mod tests;
