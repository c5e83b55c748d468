//! Undoing a merge: the files as they were, in one commit onto the branch, or in a pull request where the branch takes none.
//!
//! Races decided here: every old content is read before the one write, and that write names the contents that the merge
//! made, so that what moved meanwhile is refused by the forge as a whole; whether a write whose answer was lost happened is
//! read from the branch, or from the branch of the pull request, by the step id in the commit; a pull request is looked for
//! before it is opened, and never opened a second time.

use super::{Context, SEARCHED_COMMITS, not_done};
use crate::cluster::{ClusterLease, LeaseAnswer};
use crate::forge::{
    BRANCH_WRITE_TIMEOUT, CommitSha, EntryKind, FileWrite, FilesCommit, Forge, ForgeError, ForgeResult,
    NewPull, PullNumber, State, TreeEntry,
};
use crate::merge::revert::{
    Entry, PathHistory, RevertRefused, WayBack, find_step, refuse_pointer, revert_branch, revert_message,
    revert_title, ways_back,
};
use crate::run::event::{MergePlan, Outcome, Proposal};
use crate::run::worker::Parts;
use crate::wording;
use std::collections::{BTreeMap, BTreeSet};

/// Puts the files back as they were before a merge.
pub(crate) async fn revert(
    parts: &Parts,
    lease: &ClusterLease,
    context: &Context<'_>,
    plan: &MergePlan,
    merge_commit: &CommitSha,
    reason: &str,
) -> Outcome {
    let forge = parts.forge.as_ref();
    if context.tries.len() > 1 {
        match confirm_revert(parts, context, plan.pull).await {
            Ok(Outcome::NotYet { .. }) => {}
            Ok(outcome) => return outcome,
            Err(error) => return not_done(&error),
        }
    }
    let (files, can_push) = match prepare(forge, context, plan, merge_commit).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(outcome)) => return outcome,
        // Nothing was written.
        Err(error) => return not_done(&error),
    };
    // Reading all that may have taken its while.
    let renewed = if lease.holds_for(BRANCH_WRITE_TIMEOUT) {
        None
    } else {
        match parts.cluster.acquire_lease(lease.holder()).await {
            Ok(LeaseAnswer::Held(renewed)) if renewed.holds_for(BRANCH_WRITE_TIMEOUT) => Some(renewed),
            Ok(_) | Err(_) => return Outcome::NotYet { why: wording::lease_too_short() },
        }
    };
    let lease = renewed.as_ref().unwrap_or(lease);
    let message = revert_message(&plan.title, plan.pull, merge_commit, context.issue, reason, &context.step);
    let mut commit = FilesCommit { branch: context.branch.to_owned(), new_branch: None, message, files };
    if can_push {
        match forge.change_files(lease, context.repository, &commit).await {
            Ok(sha) => return Outcome::Reverted { commit: sha },
            // The branch takes no commit of ours, whatever it says of itself.
            Err(ForgeError::Forbidden { .. } | ForgeError::Refused { status: 405 | 423, .. }) => {}
            Err(error) => return after_refusal(parts, context, plan.pull, &error).await,
        }
    }
    commit.new_branch = Some(revert_branch(plan.pull));
    match propose(forge, lease, context, plan, &commit, reason).await {
        Ok(outcome) => outcome,
        Err(error) => after_refusal(parts, context, plan.pull, &error).await,
    }
}

/// What follows from a write that was not answered with a yes.
async fn after_refusal(
    parts: &Parts,
    context: &Context<'_>,
    pull: PullNumber,
    error: &ForgeError,
) -> Outcome {
    match error {
        // The files moved since they were read: judged again.
        ForgeError::Refused { status: 422, .. }
        | ForgeError::NotFound { .. }
        | ForgeError::Conflict { .. } => not_done(error),
        _ if error.is_uncertain() => match confirm_revert(parts, context, pull).await {
            Ok(Outcome::NotYet { .. }) => not_done(error),
            Ok(outcome) => outcome,
            Err(error) => not_done(&error),
        },
        _ => Outcome::Refused { why: error.to_string() },
    }
}

/// Everything that is to be written, and whether the branch takes it.
async fn prepare(
    forge: &dyn Forge,
    context: &Context<'_>,
    plan: &MergePlan,
    merge_commit: &CommitSha,
) -> ForgeResult<Result<(Vec<FileWrite>, bool), Outcome>> {
    let branch = forge.branch(context.repository, context.branch).await?;
    if branch.head != *merge_commit {
        // Somebody pushed since: judged again, with their commits in view.
        return Ok(Err(Outcome::NotYet { why: wording::branch_moved() }));
    }
    let before = files_of(forge.tree(context.repository, &plan.base).await?);
    // The branch stands at the merge, so that one tree is both what the merge made and what is there now; whoever pushes
    // from here on meets the contents that are named in the write.
    let merged = files_of(forge.tree(context.repository, merge_commit).await?);
    let paths: BTreeSet<&String> = before.keys().chain(merged.keys()).collect();
    let histories: Vec<PathHistory> = paths
        .into_iter()
        .filter(|path| before.get(*path) != merged.get(*path))
        .map(|path| PathHistory {
            path: path.clone(),
            before: before.get(path).cloned(),
            merged: merged.get(path).cloned(),
            now: merged.get(path).cloned(),
        })
        .collect();
    let refused = |refused: RevertRefused| Ok(Err(Outcome::Refused { why: refused.to_string() }));
    let ways = match ways_back(&histories) {
        Ok(ways) => ways,
        Err(why) => return refused(why),
    };
    let mut writes = Vec::new();
    for way in ways {
        match contents(forge, context, plan, merge_commit, &way).await? {
            Err(why) => return refused(why),
            Ok(None) => return Ok(Err(Outcome::NotYet { why: wording::revert_unreadable(way.path()) })),
            Ok(Some(old)) => writes.push(way.write(old)),
        }
    }
    Ok(Ok((writes, branch.can_push)))
}

/// The old contents of a file; `None` where they cannot be had as they are named.
async fn contents(
    forge: &dyn Forge,
    context: &Context<'_>,
    plan: &MergePlan,
    merge_commit: &CommitSha,
    way: &WayBack,
) -> ForgeResult<Result<Option<Vec<u8>>, RevertRefused>> {
    let path = way.path();
    let mut old = Vec::new();
    for (blob, commit, is_old) in [(way.merged(), merge_commit, false), (way.old(), &plan.base, true)] {
        let Some(blob) = blob else { continue };
        let file = forge.file(context.repository, path, commit.as_str()).await?;
        let Some(file) = file.filter(|file| file.blob == *blob) else { return Ok(Ok(None)) };
        if let Err(refused) = refuse_pointer(path, &file.content) {
            return Ok(Err(refused));
        }
        if is_old {
            old = file.content;
        }
    }
    Ok(Ok(Some(old)))
}

fn files_of(tree: Vec<TreeEntry>) -> BTreeMap<String, Entry> {
    tree.into_iter()
        .filter(|entry| entry.kind != EntryKind::Folder)
        .map(|entry| (entry.path, Entry { kind: entry.kind, blob: entry.blob }))
        .collect()
}

/// Puts the commit on a branch of its own, and opens a pull request from there.
async fn propose(
    forge: &dyn Forge,
    lease: &ClusterLease,
    context: &Context<'_>,
    plan: &MergePlan,
    commit: &FilesCommit,
    reason: &str,
) -> ForgeResult<Outcome> {
    let name = revert_branch(plan.pull);
    let head = match forge.change_files(lease, context.repository, commit).await {
        Ok(sha) => sha,
        // It is there already: ours from an earlier try, or somebody else's.
        Err(error @ (ForgeError::Refused { status: 422, .. } | ForgeError::Conflict { .. })) => {
            match branch_of_ours(forge, context, &name).await? {
                Some(Ok(sha)) => sha,
                Some(Err(())) => return Ok(Outcome::Refused { why: wording::revert_branch_taken(&name) }),
                None => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    if let Some(outcome) = proposed(forge, context, &name, &head).await? {
        return Ok(outcome);
    }
    let new = NewPull {
        title: revert_title(&plan.title, plan.pull),
        body: wording::revert_pull_body(plan.pull, context.issue, reason),
        head: name.clone(),
        base: context.branch.to_owned(),
    };
    match forge.open_pull(context.repository, &new).await {
        Ok(pull) => Ok(Outcome::RevertProposed { proposal: Proposal { pull: pull.number, head } }),
        Err(error @ ForgeError::Conflict { .. }) => {
            proposed(forge, context, &name, &head).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// The head of a branch: ours when its commit carries a step of this undoing. `None` without such a branch.
async fn branch_of_ours(
    forge: &dyn Forge,
    context: &Context<'_>,
    name: &str,
) -> ForgeResult<Option<Result<CommitSha, ()>>> {
    let head = match forge.branch(context.repository, name).await {
        Ok(branch) => branch.head,
        Err(ForgeError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let commit = [forge.commit(context.repository, &head).await?];
    let ours = context.tries.iter().any(|(step, _)| find_step(&commit, step).is_some());
    Ok(Some(if ours { Ok(head) } else { Err(()) }))
}

/// The pull request from that branch, whatever became of it; an open one goes first.
async fn proposed(
    forge: &dyn Forge,
    context: &Context<'_>,
    name: &str,
    head: &CommitSha,
) -> ForgeResult<Option<Outcome>> {
    let mut pulls = forge.pulls_of_branch(context.repository, name).await?;
    pulls.retain(|pull| pull.base.branch == context.branch && pull.head.sha == *head);
    let open = pulls.iter().find(|pull| pull.state == State::Open).or(pulls.first());
    Ok(open
        .map(|pull| Outcome::RevertProposed { proposal: Proposal { pull: pull.number, head: head.clone() } }))
}

/// Looks for the commit that carries the step id: on the branch, or in a pull request.
pub(crate) async fn confirm_revert(
    parts: &Parts,
    context: &Context<'_>,
    pull: PullNumber,
) -> ForgeResult<Outcome> {
    let forge = parts.forge.as_ref();
    let commits = forge.commits(context.repository, context.branch, SEARCHED_COMMITS).await?;
    if let Some(commit) = context.tries.iter().find_map(|(step, _)| find_step(&commits, step)) {
        return Ok(Outcome::Reverted { commit: commit.sha.clone() });
    }
    let name = revert_branch(pull);
    if let Some(Ok(head)) = branch_of_ours(forge, context, &name).await?
        && let Some(outcome) = proposed(forge, context, &name, &head).await?
    {
        return Ok(outcome);
    }
    Ok(Outcome::NotYet { why: wording::revert_not_seen() })
}
