//! What caretaker does, and why it could not.

use super::run::{SHORT, object};
use super::{code, quote_outside};
use crate::cluster::ObjectRef;
use crate::forge::{ForgeError, IssueNumber, MergeStyle, PullNumber};
use crate::health::{Blocked, Obstacle};
use std::collections::BTreeSet;

/// An effect: a merge.
pub(crate) fn act_merge(pull: PullNumber) -> String {
    format!("merge #{pull}")
}

/// An effect: undoing a merge.
pub(crate) fn act_revert(pull: PullNumber) -> String {
    format!("undo the merge of #{pull}")
}

/// An effect: stopping a sync.
pub(crate) fn act_terminate(application: &ObjectRef) -> String {
    format!("stop the sync of {}", object(application))
}

/// An effect: a pod is deleted.
pub(crate) fn act_delete_pod(pod: &ObjectRef) -> String {
    format!("delete {}", object(pod))
}

/// The pod that was to be deleted is gone, or serves.
pub(crate) fn pod_not_in_the_way() -> String {
    "it does not stand in the way any more".to_owned()
}

/// What a person does where caretaker may delete no pod.
pub(crate) fn delete_by_hand(pod: &ObjectRef, set: &ObjectRef) -> String {
    format!(
        "{} never got ready, and {} replaces no other before it: {}",
        object(pod),
        object(set),
        super::code(&format!("kubectl -n {} delete pod {}", pod.namespace, pod.name), 200)
    )
}

/// An effect: a sync.
pub(crate) fn act_sync(application: &ObjectRef) -> String {
    format!("sync {}", object(application))
}

/// An effect: the merge of an undoing.
pub(crate) fn act_merge_revert(proposal: PullNumber, pull: PullNumber) -> String {
    format!("merge #{proposal}, which undoes the merge of #{pull}")
}

/// An effect: Renovate's rebase box.
pub(crate) fn act_ask_rebase(pull: PullNumber) -> String {
    format!("ask Renovate to rebase #{pull}")
}

/// An effect: closing a related issue.
pub(crate) fn act_close(number: IssueNumber) -> String {
    format!("close #{number}")
}

/// An effect: archiving crash reports.
pub(crate) fn act_archive() -> String {
    "archive Ceph's crash reports".to_owned()
}

/// An effect: the label that calls for a person.
pub(crate) fn act_call_person() -> String {
    "put on the label that calls for a person".to_owned()
}

/// An effect: the label is taken away.
pub(crate) fn act_release_person() -> String {
    "take away the label that calls for a person".to_owned()
}

/// An effect: the closing.
pub(crate) fn act_close_issue() -> String {
    "close the maintenance issue".to_owned()
}

/// An effect that did not happen and is tried again after a pause.
pub(crate) fn tried_again_later(what: &str, why: &str) -> String {
    format!("could not {what} ({}); trying again after a pause", quote_outside(why, SHORT))
}

/// An effect in observe mode.
pub(crate) fn would_act(what: &str) -> String {
    format!("observing: would {what} now")
}

/// A task's end in observe mode.
pub(crate) fn only_observing() -> String {
    "the mode is observe, in which nothing is changed".to_owned()
}

/// Observing: what would be journalled.
pub(crate) fn would_note() -> String {
    "observing: would write down that the next task has ended, or ask for its approval".to_owned()
}

/// A task that failed too often.
pub(crate) fn too_many_attempts(attempts: u32) -> String {
    format!("tried {attempts} times without success: a person has to look")
}

/// The gate refused at the last moment.
pub(crate) fn permit_refused(blocked: &[Blocked]) -> String {
    let Some((first, more)) = blocked.split_first() else { return "the gate is closed".to_owned() };
    // What is ours to say is Markdown already; what was found says what comes from outside.
    let why = match first.what {
        Obstacle::Finding | Obstacle::Layer | Obstacle::Approval => quote_outside(&first.why, SHORT),
        _ => first.why.strip_prefix("the gate is closed: ").unwrap_or(&first.why).to_owned(),
    };
    let since = first.since.map_or_else(String::new, |since| format!(", since {}", super::time(since)));
    let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
    // An incident says itself what ends it, and an approval what it is asked for.
    let opens = match first.what {
        Obstacle::Incident | Obstacle::Window => String::new(),
        _ => format!("; what opens it: {}", quote_outside(&first.unblock, SHORT)),
    };
    format!("the gate is closed: {why}{since}{opens}{more}")
}

/// The permit's ten seconds were over.
pub(crate) fn permit_expired() -> String {
    "the permit was too old; the gate is asked again".to_owned()
}

/// The pull request does not read merged.
pub(crate) fn merge_not_seen() -> String {
    "the pull request is not merged".to_owned()
}

/// caretaker ended between asking for a merge and its answer.
pub(crate) fn merge_cut_off() -> String {
    "caretaker was ended before the answer to the merge came; it may still happen".to_owned()
}

/// The forge scheduled a merge that nobody wanted scheduled.
pub(crate) fn schedule_cancelled() -> String {
    "the forge did not merge it but scheduled it for later; that was taken back".to_owned()
}

/// The same, and it could not be taken back.
pub(crate) fn schedule_left(pull: PullNumber, why: &ForgeError) -> String {
    format!(
        "the forge scheduled the merge of #{pull} for later, and that could not be taken back ({}): cancel the auto-merge on its page",
        quote_outside(&why.to_string(), SHORT)
    )
}

/// The forge refused a merge, or failed at it.
pub(crate) fn merge_refused(error: &ForgeError) -> String {
    match error {
        // A 500 without a word.
        ForgeError::Unavailable { said, .. } if said == "status 500" => {
            format!("{error} (so it answers a pull request that depends on an open issue)")
        }
        _ => error.to_string(),
    }
}

/// A pull request that has to be rebased, and has no box for it.
pub(crate) fn rebase_by_hand(why: &str, no_box: &str) -> String {
    format!("{why}; {no_box}: rebase it by hand")
}

/// Renovate was asked and has not come yet.
pub(crate) fn rebase_awaited(why: &str) -> String {
    format!("{why}; Renovate is asked to rebase it")
}

/// Renovate was asked and did not come.
pub(crate) fn rebase_not_done(why: &str) -> String {
    format!(
        "{why}; Renovate was asked to rebase it and did not: see why it does not run, or rebase it by hand"
    )
}

/// A pull request without Renovate's box.
pub(crate) fn no_rebase_box(pull: PullNumber) -> String {
    format!("#{pull} holds no box to rebase it")
}

/// No commit carries the step id.
pub(crate) fn revert_not_seen() -> String {
    "the branch holds no commit of this step".to_owned()
}

/// The text holds something that was not decided on.
pub(crate) fn text_has_changed() -> String {
    "a task was added, or a box changed, just before the closing".to_owned()
}

/// A text changed at each attempt.
pub(crate) fn text_keeps_changing() -> String {
    "the text changed at each attempt to write it".to_owned()
}

/// So many crash reports are named.
const SHOWN_REPORTS: usize = 3;

/// A crash report's id, and what crashed: the first two fields of its line.
fn report(line: &str) -> String {
    let mut fields = line.split(", ");
    let id = code(fields.next().unwrap_or_default(), SHORT);
    match fields.next().and_then(|field| field.strip_prefix("entity_name ")) {
        Some(of) => format!("{id} of {}", quote_outside(of, SHORT)),
        None => id,
    }
}

/// What became of crash reports.
pub(crate) fn note_archived(ids: &[String], evidence: &[String]) -> String {
    let what = match ids.len() {
        0 => return "no new crash report was there".to_owned(),
        1 => "archived 1 crash report".to_owned(),
        count => format!("archived {count} crash reports"),
    };
    if evidence.is_empty() {
        return what;
    }
    let shown: Vec<String> = evidence.iter().take(SHOWN_REPORTS).map(|line| report(line)).collect();
    let more = ids.len().saturating_sub(shown.len());
    let more = if more > 0 { format!("; {}", super::and_more(more)) } else { String::new() };
    format!("{what} ({}{more})", shown.join("; "))
}

/// An Application that an effect was meant for is not there.
pub(crate) fn application_gone(of: &ObjectRef) -> String {
    format!("{} is gone", object(of))
}

/// An operation that was to be stopped has ended by itself, or is another's.
pub(crate) fn nothing_to_stop() -> String {
    "its sync of that commit had ended".to_owned()
}

/// A sync was under way already.
pub(crate) fn already_syncing() -> String {
    "a sync is under way, and may be of something else".to_owned()
}

/// The sync that was to be started was started before.
pub(crate) fn synced_before() -> String {
    "its sync was started already".to_owned()
}

/// Nothing is left to be synced.
pub(crate) fn already_synced() -> String {
    "it is as its sources say already".to_owned()
}

/// The repository does not allow the way of merging that the settings ask for.
pub(crate) fn style_not_allowed(
    repository: &crate::forge::RepositoryName,
    style: MergeStyle,
    allowed: &BTreeSet<MergeStyle>,
) -> String {
    let allowed: Vec<&str> = allowed.iter().map(|style| style.word()).collect();
    let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    format!(
        "{repository} does not allow merges of the style {style} (it allows: {allowed}): allow it in the repository's settings, or set merge_style to one that is allowed"
    )
}

/// The branch's protection keeps the account from merging.
pub(crate) fn cannot_merge(repository: &crate::forge::RepositoryName, branch: &str) -> String {
    format!(
        "the forge's token may not merge into {branch} of {repository}: add its account to those who may merge in the branch's protection"
    )
}

/// A pull request got a new head at each attempt to read it.
pub(crate) fn keeps_being_pushed() -> String {
    "it is pushed to while it is read".to_owned()
}

/// A pull request moved between the decision and the merge.
pub(crate) fn pull_moved(pull: PullNumber) -> String {
    format!("#{pull} changed a moment ago; looking again")
}

/// What was decided is not what would be decided now.
pub(crate) fn judged_otherwise() -> String {
    "the second look before the merge judges otherwise; looking again".to_owned()
}

/// The cluster's lock cannot be held for long enough.
pub(crate) fn lease_too_short() -> String {
    "the cluster's lock cannot be held for as long as this may take".to_owned()
}

/// A merge is on the branch, and the forge shows its pull request as open.
pub(crate) fn pull_left_open(pull: PullNumber, commit: &str) -> String {
    format!(
        "#{pull} is merged as `{commit}`, which is on the branch, but the forge still shows it as open: it was interrupted. Nothing is missing; mark it as manually merged with that commit where the repository allows it, or close it (Renovate closes it by itself)"
    )
}

/// The branch moved between the decision and the merge.
pub(crate) fn branch_moved() -> String {
    "the default branch moved a moment ago; looking again".to_owned()
}

/// A pull request that must not be merged.
pub(crate) fn pull_refused(why: &str) -> String {
    format!("not merged: {}", quote_outside(why, SHORT * 2))
}

/// An image that is not of the promised version.
pub(crate) fn version_differs(application: &str, package: &str, wanted: &str, running: &[String]) -> String {
    format!("{application} runs {} instead of {package} {wanted}", running.join(", "))
}

/// An old content could not be read.
pub(crate) fn revert_unreadable(path: &str) -> String {
    format!("the old content of {} could not be read", quote_outside(path, SHORT))
}
