//! What is said about a change: its rollout, its trouble, its undoing, and its rows in the change log.
//!
//! Sentences here are our own Markdown; whatever comes from outside passes through [`quote_outside`] first.

use super::quote_outside;
use crate::cluster::{ObjectRef, Shut};
use crate::forge::{CommitSha, IssueNumber, MergeStyle, PullNumber};
use crate::health::{Finding, Layer, Verdict};
use crate::merge::rollout::Rollout;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::run::{SHORT, are, first, object, title_of};

/// No watcher can be judged.
pub(crate) fn rollout_unknown(title: &str) -> String {
    format!("cannot tell whether {} is rolled out", title_of(title))
}

pub(super) fn rollout_state(rollout: &Rollout) -> String {
    match rollout {
        Rollout::Unknown { why } => quote_outside(why, 2 * SHORT),
        Rollout::Waiting { on, .. } => match on.as_slice() {
            [] => "waiting for what follows the repository".to_owned(),
            [(name, why)] => format!("{}: {}", quote_outside(name, SHORT), quote_outside(why, 2 * SHORT)),
            [(name, why), rest @ ..] => {
                format!(
                    "{}: {}; {} more wait",
                    quote_outside(name, SHORT),
                    quote_outside(why, 2 * SHORT),
                    rest.len()
                )
            }
        },
        Rollout::Failed { failed } => match failed.as_slice() {
            [] => "a sync failed".to_owned(),
            [(application, why), rest @ ..] => {
                let more =
                    if rest.is_empty() { String::new() } else { format!("; {} more failed", rest.len()) };
                let name = quote_outside(&application.name, SHORT);
                format!("{name} failed: {}{more}", quote_outside(why, SHORT))
            }
        },
        Rollout::Done { watchers: 0, .. } => "nothing follows this repository into a cluster".to_owned(),
        Rollout::Done { watchers, .. } => format!("{watchers} watchers follow"),
    }
}

/// A rollout that made no progress or took too long.
pub(crate) fn rollout_timed_out(rollout: &Rollout) -> String {
    format!(
        "merged, but the rollout did not finish in time ({}). A time-out alone is no reason to undo it: look at what is named, then tick this task or revert the merge",
        rollout_state(rollout)
    )
}

/// A rollout that a window keeps back.
pub(crate) fn kept_back(title: &str, commit: &CommitSha, shut: &Shut) -> String {
    format!(
        "merged {}; `{}` is rolled out when Argo CD may: {}",
        title_of(title),
        commit.short(),
        quote_outside(&shut.to_string(), 2 * SHORT)
    )
}

/// A rollout that a window keeps back for longer than anybody waits.
pub(crate) fn kept_back_for_good(shut: &Shut) -> String {
    format!(
        "merged, but Argo CD may not roll it out: {}. That is no reason to undo it: open the window or sync by hand, then tick this task, or revert the merge",
        quote_outside(&shut.to_string(), 2 * SHORT)
    )
}

/// An undoing that a window keeps back.
pub(crate) fn undoing_kept_back(title: &str, shut: &Shut) -> String {
    format!(
        "undoing {}; it is rolled out when Argo CD may: {}",
        title_of(title),
        quote_outside(&shut.to_string(), 2 * SHORT)
    )
}

/// A sync that a window forbids.
pub(crate) fn sync_kept_back(shut: &Shut) -> String {
    quote_outside(&shut.to_string(), 2 * SHORT)
}

/// What runs is not what the pull request says.
pub(crate) fn versions_differ(mismatches: &[String]) -> String {
    let list = listed(mismatches);
    format!(
        "rolled out, but what runs is not what the pull request says ({list}): look which version really runs"
    )
}

/// What runs instead of what was promised.
fn listed(lines: &[String]) -> String {
    lines.iter().map(|line| quote_outside(line, SHORT)).collect::<Vec<_>>().join("; ")
}

/// The note behind a merged task.
pub(crate) fn note_merged(commit: Option<&CommitSha>, left_open: bool, left_behind: &[String]) -> String {
    let mut note = match commit {
        Some(commit) => format!("merged as {}, all layers GREEN", commit.short()),
        None => "merged, all layers GREEN".to_owned(),
    };
    if left_open {
        note.push_str("; the forge still shows the pull request as open");
    }
    if !left_behind.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(
            note,
            "; outside of the folders that it changed {} (look whether the change was meant for that)",
            listed(left_behind)
        );
    }
    note
}

/// Watching after a change.
pub(crate) fn soaking(title: &str, followed: bool) -> String {
    format!(
        "{} {}, all layers are GREEN; watching them a while before the next change",
        title_of(title),
        arrived(followed)
    )
}

/// How far a change is that has nowhere further to go.
fn arrived(followed: bool) -> &'static str {
    if followed { "runs" } else { "is merged" }
}

/// Waiting for GREEN to hold.
pub(crate) fn settling(title: &str, followed: bool) -> String {
    format!("{} {}; waiting until all layers have been GREEN long enough", title_of(title), arrived(followed))
}

/// GREEN never held for long enough after a change.
pub(crate) fn never_settled(title: &str, layers: &BTreeMap<Layer, Verdict>) -> String {
    format!(
        "merged {}, but the layers were not GREEN without a break for long enough in all the time that it was given (now {}). That alone is no reason to undo it: look what comes and goes, then tick this task or revert the merge",
        title_of(title),
        layers_now(layers)
    )
}

fn layers_now(layers: &BTreeMap<Layer, Verdict>) -> String {
    layers.iter().map(|(layer, verdict)| format!("{layer} {verdict}")).collect::<Vec<_>>().join(", ")
}

/// The looks were too far apart to judge a change by.
pub(crate) fn not_watched(title: &str, layers: &BTreeMap<Layer, Verdict>) -> String {
    format!(
        "merged {}, but for twice the time that it was given the looks at the cluster were too far apart to judge it (now {}). That is UNKNOWN, and no reason to undo it: find out why the looks take so long, look at the layers, then tick this task or revert the merge",
        title_of(title),
        layers_now(layers)
    )
}

/// Nobody can tell whether something is worse than before, and that stays so.
pub(crate) fn unknown_stays(findings: &[&Finding]) -> String {
    format!(
        "{} cannot be judged since the change, and that did not pass. What is UNKNOWN is no reason to undo it: a person has to look",
        first(findings)
    )
}

/// Nobody can tell whether something is worse than before.
pub(crate) fn unknown_so_far(findings: &[&Finding]) -> String {
    format!("{} cannot be judged since the change; waiting until it can", first(findings))
}

/// Trouble, within the grace time.
pub(crate) fn trouble_grace(findings: &[&Finding]) -> String {
    format!(
        "{} {} not well since the change; waiting whether it heals by itself",
        first(findings),
        are(findings)
    )
}

/// Trouble, a remedy was tried.
pub(crate) fn trouble_remedy(findings: &[&Finding]) -> String {
    format!(
        "{} {} not well since the change; asked for another look at the repository",
        first(findings),
        are(findings)
    )
}

/// A sync of what the change touches failed, a moment ago.
pub(crate) fn sync_failed_grace(application: &ObjectRef, why: &str) -> String {
    format!("{}; waiting whether it heals by itself", sync_failed(application, why))
}

/// The same, a remedy was tried.
pub(crate) fn sync_failed_remedy(application: &ObjectRef, why: &str) -> String {
    format!("{}; asked for another look at the repository", sync_failed(application, why))
}

/// The findings undo nothing, and did not go.
pub(crate) fn not_well_stays(findings: &[&Finding], why: &str) -> String {
    format!(
        "{} {} not well since the change{}, and did not go by itself: a person has to judge whether to revert it",
        first(findings),
        are(findings),
        because(why)
    )
}

/// The findings undo nothing, and may go by themselves.
pub(crate) fn not_well_so_far(findings: &[&Finding], why: &str) -> String {
    format!(
        "{} {} not well since the change{}; waiting whether it heals by itself",
        first(findings),
        are(findings),
        because(why)
    )
}

/// Nothing ties the findings to the change.
pub(crate) fn only_suspected(findings: &[&Finding], why: &str) -> String {
    format!(
        "{} {} not well since the change, but nothing ties it to the change for certain{}: a person has to judge whether to revert it",
        first(findings),
        are(findings),
        because(why)
    )
}

/// The findings have nothing to do with the change, and stay.
pub(crate) fn unrelated_stays(findings: &[&Finding], why: &str) -> String {
    format!(
        "{} {} not well, which has nothing to do with the change{}; it did not go by itself: a person has to look",
        first(findings),
        are(findings),
        because(why)
    )
}

/// The findings have nothing to do with the change.
pub(crate) fn unrelated(findings: &[&Finding], why: &str) -> String {
    format!(
        "{} {} not well, which has nothing to do with the change{}; waiting until it is gone",
        first(findings),
        are(findings),
        because(why)
    )
}

/// The reason of an attribution, in a bracket; older journals hold none.
pub(super) fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({})", quote_outside(why, 2 * SHORT)) }
}

/// What the change touches failed to sync before it as well.
pub(crate) fn sync_failed_again(application: &ObjectRef, why: &str, before: &str) -> String {
    let like = if why == before {
        "in the same words".to_owned()
    } else {
        format!("in like words: {}", quote_outside(before, SHORT))
    };
    format!(
        "{}, as its newest sync before the change had, {like}. The sync of an undoing may fail so as well, so nothing is undone; look at the Application, then tick this task or revert the merge",
        sync_failed(application, why)
    )
}

/// Why a change is undone.
pub(crate) fn revert_reason(finding: &Finding, why: &str) -> String {
    format!("{} after the merge ({})", quote_outside(&finding.message, SHORT), quote_outside(why, SHORT))
}

/// A sync to the commit failed.
pub(crate) fn sync_failed(application: &ObjectRef, why: &str) -> String {
    format!("the sync of {} failed: {}", quote_outside(&application.name, SHORT), quote_outside(why, SHORT))
}

/// What the change does not touch failed to sync at its commit.
pub(crate) fn sync_failed_elsewhere(application: &ObjectRef, why: &str) -> String {
    format!(
        "{}, which the change does not touch: it is only suspected of it, so nothing is undone; look at the Application, then tick this task or revert the merge",
        sync_failed(application, why)
    )
}

/// A sync of a commit that is not the branch's head any more.
pub(crate) fn sync_of_the_past(wanted: &CommitSha, head: &CommitSha) -> String {
    format!(
        "the branch is at {} now, and not at {} any more: nothing older is rolled out over it",
        head.short(),
        wanted.short()
    )
}

/// It would have to be undone, but not by itself.
pub(crate) fn not_reversible(reason: &str, why: &str) -> String {
    format!(
        "{reason}; it is not undone by itself because {}: a person has to decide",
        quote_outside(why, SHORT)
    )
}

/// It would have to be undone, but commits of others lie between.
pub(crate) fn foreign_commits(reason: &str) -> String {
    format!(
        "{reason}; other commits came in with the merge, so it is not undone by itself: a person has to judge which one did it"
    )
}

/// The undoing was refused.
pub(crate) fn revert_refused(reason: &str, why: &str) -> String {
    format!("{reason}; it could not be undone ({}): a person has to revert it", quote_outside(why, SHORT))
}

/// How a person undoes a merge.
pub(crate) fn undo_by_hand(style: MergeStyle, base: &CommitSha, commit: &CommitSha) -> String {
    let revert = match style {
        MergeStyle::Merge | MergeStyle::RebaseMerge => format!("git revert -m 1 {}", commit.short()),
        MergeStyle::Squash => format!("git revert {}", commit.short()),
        MergeStyle::Rebase | MergeStyle::FastForwardOnly => {
            format!("git revert {}..{}", base.short(), commit.short())
        }
    };
    format!("to undo the merge by hand, on an up-to-date default branch: `{revert}`, then `git push`")
}

/// The description of the pull request that undoes a merge.
pub(crate) fn revert_pull_body(pull: PullNumber, issue: IssueNumber, reason: &str) -> String {
    format!(
        "Puts the files back as they were before the merge of #{pull}: {reason}.\n\nFor maintenance issue #{issue}. The default branch takes no direct commit of this account.\n"
    )
}

/// The branch of the undoing is somebody else's.
pub(crate) fn revert_branch_taken(branch: &str) -> String {
    format!("there is a branch {branch} already, and it is not this undoing's")
}

/// Somebody pushed to the undoing.
pub(crate) fn proposal_moved() -> String {
    "somebody else pushed to its branch".to_owned()
}

/// The undoing waits in its pull request.
pub(crate) fn proposal_waits(proposal: PullNumber, pull: PullNumber, why: &str) -> String {
    format!("#{proposal} undoes #{pull} and is not merged yet: {}", quote_outside(why, SHORT))
}

/// Only a person can merge the undoing.
pub(crate) fn proposal_needs_person(reason: &str, proposal: PullNumber, why: &str) -> String {
    format!(
        "{reason}; the undoing is in #{proposal}, since the branch takes no direct commit, and waits for a person to merge it ({})",
        quote_outside(why, SHORT)
    )
}

/// One line of evidence.
pub(crate) fn evidence_line(finding: &Finding) -> String {
    format!("{} {}", finding.verdict, trouble_line(&finding.id.object, &finding.message, &finding.evidence))
}

/// The same of what is worse since a change, with why that is laid to it or is not.
pub(crate) fn evidence_of_trouble(finding: &Finding, why: &str) -> String {
    format!("{}{}", evidence_line(finding), because(why))
}

/// One line of evidence of a trouble. Most messages begin with their object, which is not said twice.
pub(crate) fn trouble_line(of: &ObjectRef, message: &str, evidence: &str) -> String {
    let evidence = quote_outside(evidence, SHORT);
    if message.contains(&of.to_string()) {
        format!("{} ({evidence})", quote_outside(message, SHORT))
    } else {
        format!("{}: {} ({evidence})", object(of), quote_outside(message, SHORT))
    }
}

/// Undone, and waiting for GREEN to hold.
pub(crate) fn undone_settling(title: &str) -> String {
    format!(
        "the old version of {} is back; waiting until all layers have been GREEN long enough",
        title_of(title)
    )
}

/// The undoing on its way.
pub(crate) fn undoing(title: &str) -> String {
    format!("undid {}; waiting until the old version runs again everywhere", title_of(title))
}

/// The packet about a reverted change.
pub(crate) fn reverted_packet(reason: &str, commit: &CommitSha) -> String {
    format!("{reason}. Undone by `{}`; the layers are back to where they were", commit.short())
}

/// Why a reverted task waits.
pub(crate) fn reverted_waits(reason: &str, commit: &CommitSha) -> String {
    format!(
        "{reason}; undone by `{}` and held: a newer version is free, this one needs a person",
        commit.short()
    )
}

/// The revert changed nothing for the better.
pub(crate) fn revert_did_not_help(reason: &str, commit: &CommitSha) -> String {
    format!(
        "{reason}. Undone by `{}`, but the layers did not come back to where they were: a person has to look",
        commit.short()
    )
}

/// Nobody saw the revert everywhere in time, and nothing else is wrong.
pub(crate) fn undoing_not_seen(reason: &str, commit: &CommitSha, rollout: &Rollout) -> String {
    format!(
        "{reason}. Undone by `{}`, but that the old version runs everywhere was not seen in time ({}). Nothing else is worse than before: a person has to look whether it does",
        commit.short(),
        rollout_state(rollout)
    )
}

/// The revert runs everywhere, and somebody has not told how it is since.
pub(crate) fn undoing_not_told(reason: &str, commit: &CommitSha) -> String {
    format!(
        "{reason}. Undone by `{}`, which runs everywhere, and nothing that was looked at since is worse than before; these have not looked since: a person has to",
        commit.short()
    )
}

/// A row of the change log: a merge.
pub(crate) fn row_merged(category: crate::merge::Category) -> String {
    format!("merged ({category})")
}

/// A row of the change log: by which commit.
pub(crate) fn row_commit(commit: &CommitSha) -> String {
    format!("as `{}`", commit.short())
}

/// A row of the change log: a revert.
pub(crate) fn row_reverted(commit: &CommitSha) -> String {
    format!("undone by `{}`", commit.short())
}

/// A row of the change log: a revert that waits in a pull request.
pub(crate) fn row_revert_proposed(proposal: PullNumber) -> String {
    format!("undoing proposed in #{proposal}")
}

/// A row of the change log: by which pull request.
pub(crate) fn row_by_pull(proposal: PullNumber) -> String {
    format!("by #{proposal}")
}

/// A row of the change log: a closing.
pub(crate) fn row_closed() -> String {
    "closed".to_owned()
}

/// A row of the change log: crash reports.
pub(crate) fn row_archived() -> String {
    "archived crash reports".to_owned()
}

/// A row of the change log: a sync.
pub(crate) fn row_synced() -> String {
    "synced".to_owned()
}

/// A row of the change log: a stopped sync.
pub(crate) fn row_terminated() -> String {
    "stopped the running sync".to_owned()
}

/// The row of a pod that kept its workload from going back.
pub(crate) fn row_pod_deleted() -> String {
    "deleted, since it kept its StatefulSet from going back".to_owned()
}
