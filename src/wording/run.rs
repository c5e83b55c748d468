//! What a run says: what happens, what is awaited, why something was handed to a person.
//!
//! Sentences here are our own Markdown; whatever comes from outside passes through [`quote_outside`] first.

use super::changes::rollout_state;
use super::{code, one_line, quote_outside};
use crate::cluster::{ClusterError, ObjectRef};
use crate::forge::{CommitSha, ForgeError, IssueNumber, MergeStyle, PullNumber};
use crate::health::{Finding, Recon, Verdict};
use crate::issue::Kind;
use crate::merge::rollout::Rollout;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How much of a title or a message from outside is shown.
pub(super) const SHORT: usize = 120;

pub(super) fn title_of(title: &str) -> String {
    quote_outside(title, SHORT)
}

pub(super) fn first(findings: &[&Finding]) -> String {
    match findings {
        [] => "a finding".to_owned(),
        [only] => object(&only.id.object),
        [first, rest @ ..] => format!("{} and {} more", object(&first.id.object), rest.len()),
    }
}

/// The verb for what [`first`] says.
pub(super) fn are(findings: &[&Finding]) -> &'static str {
    if findings.len() > 1 { "are" } else { "is" }
}

pub(super) fn object(object: &ObjectRef) -> String {
    quote_outside(&object.to_string(), SHORT)
}

/// The note behind a task that a person ticked, with what the world says against it.
pub(crate) fn note_done_by_person(left: Option<&str>) -> String {
    match left {
        Some(left) => format!("by a person; {left}"),
        None => "by a person".to_owned(),
    }
}

/// What a ticked task was about is still open.
pub(crate) fn still_open(number: IssueNumber) -> String {
    format!("#{number} is still open")
}

/// What a ticked task was about was closed without a merge.
pub(crate) fn closed_unmerged(pull: PullNumber) -> String {
    format!("#{pull} was closed without being merged")
}

/// What a ticked task was about could not be looked at.
pub(crate) fn not_seen(number: IssueNumber) -> String {
    format!("how #{number} stands could not be read")
}

/// What the probes say of a ticked task's question.
pub(crate) fn probes_say(verdict: Verdict, evidence: &str) -> String {
    format!("the probes say {verdict}, {}", quote_outside(evidence, SHORT))
}

/// A completed merge was unticked.
pub(crate) fn unticked_merge() -> String {
    "its box was unticked, but a merge is not done twice: close this by ticking it again, or undo the merge and ask for a new pull request".to_owned()
}

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
    "close this issue".to_owned()
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

/// A task that nobody trusted put there.
pub(crate) fn not_vouched() -> String {
    "nobody trusted is known to have written this task: a trusted person writes the comment `/caretaker resume` to let it count".to_owned()
}

/// A task that failed too often.
pub(crate) fn too_many_attempts(attempts: u32) -> String {
    format!("tried {attempts} times without success: a person has to look")
}

/// The forge gave no answer to an effect for too long.
pub(crate) fn forge_silent(tries: u32, why: &str) -> String {
    format!(
        "tried {tries} times, and the forge gave no answer to it for too long ({}): a person has to look at the forge",
        quote_outside(why, SHORT)
    )
}

/// A closing that its own words make conditional.
pub(crate) fn close_needs_person(number: IssueNumber) -> String {
    format!(
        "its words make closing #{number} depend on somebody's decision: close it and tick this, or reword it"
    )
}

/// The note behind a closing that was done already.
pub(crate) fn note_closed_already(number: IssueNumber) -> String {
    format!("#{number} was closed already")
}

/// The note behind a closing.
pub(crate) fn note_closed(number: IssueNumber) -> String {
    format!("closed #{number}")
}

/// There is nothing to close.
pub(crate) fn close_missing(number: IssueNumber) -> String {
    format!("#{number} does not exist here or may not be seen: correct the number, or tick this")
}

/// An issue is about to be read.
pub(crate) fn looking_at(number: IssueNumber) -> String {
    format!("looking at #{number}")
}

/// A recovery in the Ceph tools pod that the settings do not allow.
pub(crate) fn exec_is_off() -> String {
    "running commands in the Ceph tools pod is switched off: set `cluster.exec` and add the exec component of the deployment, or do it yourself and tick it".to_owned()
}

/// Why a task of this kind is left to a person.
pub(crate) fn person_task(kind: &Kind) -> String {
    match kind {
        Kind::Decide { pull: Some(pull) } => {
            format!("a decision about #{pull} is a person's: decide, then tick it, or reword it to ask for the merge")
        }
        Kind::Decide { pull: None } => "a decision is a person's: decide, then tick it".to_owned(),
        Kind::Dashboard => "boxes of the Dependency Dashboard are not ticked yet by caretaker: tick the box there, then this one".to_owned(),
        Kind::Runbook => "caretaker does not know this procedure yet: carry it out, then tick it".to_owned(),
        Kind::Track { .. } => "keeping an eye on something is a person's: look, then tick it".to_owned(),
        _ => "this is a person's: do it, then tick it".to_owned(),
    }
}

/// The note behind a verification.
pub(crate) fn note_verified(evidence: &str) -> String {
    format!("verified, {}", quote_outside(evidence, SHORT))
}

/// A verification that fails.
pub(crate) fn not_verified(verdict: Verdict, evidence: &str) -> String {
    format!("{verdict}: {}; asked again at every look", quote_outside(evidence, SHORT))
}

/// A pull request that is not there.
pub(crate) fn pull_missing() -> String {
    "there is no such pull request here, or it may not be seen: correct the number, or tick this".to_owned()
}

/// A pull request that was closed without a merge.
pub(crate) fn pull_closed(number: PullNumber) -> String {
    format!("#{number} was closed without being merged: reopen it, or tick this")
}

/// The note behind a task whose pull request was merged by somebody else.
pub(crate) fn note_merged_by_person(commit: &CommitSha) -> String {
    format!("merged by somebody else as {}", commit.short())
}

/// The note behind a task whose pull request this run had merged already.
pub(crate) fn note_merged_before(commit: &CommitSha) -> String {
    format!("merged already by this run, as {}", commit.short())
}

/// A pull request that this run has merged and undone.
pub(crate) fn merged_and_undone(commit: &CommitSha, undone: &CommitSha) -> String {
    format!(
        "this run merged it as {} and undid it by {}: a newer version is free, this one needs a person",
        commit.short(),
        undone.short()
    )
}

/// A pre-flight that waits.
pub(crate) fn preflight_waits(pull: PullNumber, why: &str) -> String {
    format!("#{pull} cannot be merged yet: {}", quote_outside(why, SHORT))
}

/// A foundation.
pub(crate) fn foundation_waits(why: &str) -> String {
    format!(
        "caretaker stands on this itself ({}), so it does not merge it yet: merge it yourself while somebody watches, then tick this",
        quote_outside(why, SHORT)
    )
}

/// The repository's mode asks for an approval.
pub(crate) fn approval_by_mode() -> String {
    "this repository asks for an approval before each change".to_owned()
}

/// The task's own words ask for an approval.
pub(crate) fn approval_by_words() -> String {
    "its own words ask for an approval".to_owned()
}

/// The gate is closed: nobody can tell whether the head is rolled out.
pub(crate) fn gate_head_unknown(why: &str) -> String {
    format!(
        "the gate is closed: cannot tell whether the branch's head is rolled out ({})",
        quote_outside(why, SHORT)
    )
}

/// The gate is closed: the head is not rolled out.
pub(crate) fn gate_head_waits(rollout: &Rollout) -> String {
    format!("the gate is closed until the branch's head is rolled out ({})", rollout_state(rollout))
}

/// The gate is closed: not all layers are GREEN.
pub(crate) fn gate_not_green(recon: &Recon) -> String {
    let layers = recon
        .layers()
        .into_iter()
        .filter(|(_, verdict)| *verdict != Verdict::Green)
        .map(|(layer, verdict)| format!("{layer} is {verdict}"))
        .collect::<Vec<_>>()
        .join(", ");
    format!("the gate is closed: {layers}")
}

/// The gate is closed for a moment.
pub(crate) fn gate_settling() -> String {
    "the gate opens when all layers have been GREEN long enough".to_owned()
}

/// No change may start at this hour.
pub(crate) fn outside_window(opens: Timestamp) -> String {
    format!("no change starts outside the windows; the next one opens {}", super::time(opens))
}

/// Another merge was not answered, and may still happen.
pub(crate) fn gate_may_land(pull: PullNumber) -> String {
    format!(
        "the forge gave no answer to the merge of #{pull}, which may still happen: nothing is merged beside it"
    )
}

/// The note behind the final gate.
pub(crate) fn note_final_gate() -> String {
    "all layers GREEN after the last change".to_owned()
}

/// What a server said, or why something did not happen.
pub(crate) fn said(why: &str) -> String {
    quote_outside(why, 200)
}

/// The closing waits.
pub(crate) fn closing_waits(why: &str) -> String {
    format!("every task has ended; before the closing: {why}")
}

/// The gate refused at the last moment.
pub(crate) fn permit_refused(why: &str) -> String {
    format!("the gate is closed: {}", quote_outside(why, SHORT))
}

/// What the note above a related issue's own text says besides the maintenance issue's number.
pub(crate) fn resolved_on(date: &str, by: &str) -> String {
    format!("Closed on {date} for {by}.")
}

/// For what a related issue was closed: the task that asked for it, and the merges before it.
pub(crate) fn resolved_by(id: &str, title: &str, works: &[String]) -> String {
    if works.is_empty() {
        format!("task {id} ({})", title_of(title))
    } else {
        let verb = if works.len() == 1 { "was" } else { "were" };
        format!("task {id} ({}), after {} {verb} merged", title_of(title), works.join(", "))
    }
}

/// A task waits for others.
pub(crate) fn waits_for_tasks(ids: &[&str]) -> String {
    format!(
        "comes after other tasks, of which these are open: {}",
        ids.iter().map(|id| quote_outside(id, 20)).collect::<Vec<_>>().join(", ")
    )
}

/// A run without tasks: how they are written.
pub(crate) fn how_to_write_tasks() -> String {
    "No task was found: write tasks as boxes (`- [ ] **A1 P1 Apps**: ...`) under a heading such as Action Items".to_owned()
}

/// An account.
pub(crate) fn account(login: &str) -> String {
    code(login, 40)
}

/// The comments cannot be read, as what stopped the run.
pub(crate) fn comments_unreadable(error: &crate::forge::ForgeError) -> String {
    format!("comments that cannot be read and may hold a stop ({error}); a person deletes what is too long")
}

/// Who or what stopped the run, in our own Markdown.
pub(crate) fn paused_by(by: &str) -> String {
    format!("Stopped by {}: nothing is done until that is taken back", one_line(by))
}

/// Half done: a merge was asked for.
pub(crate) fn half_asked(pull: PullNumber) -> String {
    format!("the merge of #{pull} was asked for; whether it happened is being found out")
}

fn as_commit(commit: Option<&str>) -> String {
    commit.map(|commit| format!(" as `{commit}`")).unwrap_or_default()
}

/// Half done: merged.
pub(crate) fn half_merged(pull: PullNumber, commit: Option<&str>) -> String {
    format!("#{pull} is merged{} and still being rolled out", as_commit(commit))
}

/// Half done: rolled out.
pub(crate) fn half_rolled_out(pull: PullNumber, commit: Option<&str>, followed: bool) -> String {
    let runs = if followed { " and runs" } else { "" };
    format!("#{pull} is merged{}{runs}; the layers were still being watched", as_commit(commit))
}

/// Half done: being undone.
pub(crate) fn half_reverting(pull: PullNumber) -> String {
    format!("the merge of #{pull} is being undone; whether that happened is being found out")
}

/// Half done: the undoing waits in a pull request.
pub(crate) fn half_proposed(pull: PullNumber, proposal: PullNumber) -> String {
    format!("the merge of #{pull} is to be undone by #{proposal}, which is not merged yet")
}

/// Half done: undone in Git.
pub(crate) fn half_reverted(pull: PullNumber, commit: &str) -> String {
    format!("the merge of #{pull} is undone by `{commit}`, which is still being rolled out")
}

/// How a task ended, in the closing report.
pub(crate) fn ended_line(outcome: super::OutcomeWord, note: &str, at_discovery: bool) -> String {
    if at_discovery && note.is_empty() {
        "done by a person before the run".to_owned()
    } else {
        format!("{}: {note}", outcome.word())
    }
}

/// What showed that a merge went well.
pub(crate) fn merge_verification(
    commit: &CommitSha,
    rollout_seconds: Option<f64>,
    followed: bool,
    gate: Option<Verdict>,
) -> String {
    let rollout = match rollout_seconds {
        _ if !followed => "no rollout to follow (`rollout = \"none\"`)".to_owned(),
        Some(seconds) => format!("rolled out in {seconds:.0} s"),
        None => "rollout not seen to its end".to_owned(),
    };
    let gate = match gate {
        Some(verdict) => format!("layers {verdict}"),
        None => "layers not judged".to_owned(),
    };
    format!("`{}`, {rollout}, {gate}", commit.short())
}

/// What resolved an issue, or why a pull request was closed.
pub(crate) fn closed_by(resolved_by: &str) -> String {
    format!("closed by {resolved_by}")
}

/// What the closing report says of a merge that somebody else made.
pub(crate) fn merged_by_others(commit: &CommitSha) -> String {
    format!("`{}`, merged by somebody else: its rollout was not followed", commit.short())
}

/// Why a pull request that a task names was closed without a merge, as far as is known.
pub(crate) fn closed_by_others() -> String {
    "closed by somebody else".to_owned()
}

/// What was waited for.
pub(crate) fn waited_for_person(id: &str) -> String {
    format!("A person's answer or work for {}", quote_outside(id, 20))
}

/// What was waited for.
pub(crate) fn waited_for_rollout(pull: PullNumber) -> String {
    format!("The rollout of #{pull}")
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
    "a sync was under way already".to_owned()
}

/// The issue's author does not count.
pub(crate) fn untrusted_author(author: &str) -> String {
    format!(
        "its author {} is not among `run.trusted`: a trusted person opens the issue, or the settings name the author",
        quote_outside(author, 40)
    )
}

/// Nobody counts.
pub(crate) fn nobody_trusted() -> String {
    "`run.trusted` names nobody, which an organisation's repository needs: name the accounts whose word counts".to_owned()
}

/// The token lacks a scope.
pub(crate) fn scope_missing() -> String {
    "the forge's token may not change code: make one with the scopes write:repository, write:issue and read:user".to_owned()
}

/// A run of another store is met.
pub(crate) fn adoption_asks(run: &str) -> String {
    let run = quote_outside(run, 60);
    let run = if run.is_empty() { String::new() } else { format!(" ({run})") };
    format!(
        "a person's word: the status that stood here is of a run that this caretaker's store does not know{run}. The store \
         was lost or replaced, another caretaker worked here, or the text was copied. What was half done, and every approval \
         that was given, is not known; what is ticked counts as done. See that no other caretaker works on this cluster \
         and that nothing is half done, then write `/caretaker resume` as a comment; nothing is done before that"
    )
}

/// A run of another store may go on, but not yet.
pub(crate) fn adoption_waits(why: &str) -> String {
    format!("the run of an unknown store goes on when all is well: {why}")
}

/// Why versions are held that an unknown run held.
pub(crate) fn held_by_unknown_run() -> String {
    "a run that this store does not know held it".to_owned()
}

/// The repository's own file could not be read.
pub(crate) fn repository_file_unread(error: &ForgeError) -> String {
    format!(
        "`.caretaker.toml` could not be read ({}): until it can, caretaker only observes",
        quote_outside(&error.to_string(), SHORT)
    )
}

/// Said where the operator looks: an archive takes no words.
pub(crate) fn archived_in_flight() -> String {
    "the repository was archived in the middle of a change: it is followed to its end, and nothing can be written there; take it out of the archive to go on".to_owned()
}

/// The repository's own file asks for what it may not.
pub(crate) fn repository_file_refused(why: &str) -> String {
    format!(
        "`.caretaker.toml` is refused as a whole: {}. It may only ask for more care; until it is mended, caretaker only observes",
        quote_outside(why, 2 * SHORT).trim_end_matches('.')
    )
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

/// A right is missing in the cluster.
pub(crate) fn missing_right(right: &crate::cluster::Right, feature: crate::health::Feature) -> String {
    let needed_for = feature_words(feature);
    format!(
        "the cluster does not allow `{right}`, which {needed_for} needs: apply the manifests of deploy/ for it"
    )
}

/// What a feature does.
pub(crate) fn feature_words(feature: crate::health::Feature) -> &'static str {
    use crate::health::Feature;
    match feature {
        Feature::Core => "judging nodes, pods and workloads",
        Feature::Jobs => "judging Jobs and CronJobs",
        Feature::DisruptionBudgets => "judging PodDisruptionBudgets",
        Feature::Services => "judging Services",
        Feature::ArgoCd => "judging Argo CD's Applications",
        Feature::ArgoCdSync => "following a rollout",
        Feature::Ceph => "judging Ceph",
        Feature::CephTools => "commands in the Ceph tools pod",
        Feature::Certificates => "listing certificates",
        Feature::Usage => "listing what nodes use",
        Feature::OwnChecks => "the checks of the settings",
        Feature::Lease => "the lock that keeps two caretakers apart",
        Feature::Volumes => "judging volumes and claims",
        Feature::Snapshots => "judging snapshots",
        Feature::VolSync => "judging VolSync",
        Feature::Flux => "judging Flux",
        Feature::CloudNativePg => "judging CloudNativePG",
        Feature::ExternalSecrets => "judging External Secrets",
        Feature::ApiServices => "judging the servers behind the API server",
        Feature::Webhooks => "judging webhooks that fail closed",
    }
}

/// The cluster does not answer.
pub(crate) fn cluster_unreachable(error: &str) -> String {
    format!("the cluster does not answer: {}", quote_outside(error, SHORT))
}

/// One line about an event, for the terminal, the log and the page.
pub(crate) fn began() -> String {
    "the run begins: forge, cluster and rights are there".to_owned()
}

/// A pull request moved between the decision and the merge.
pub(crate) fn pull_moved(pull: PullNumber) -> String {
    format!("#{pull} changed a moment ago; looking again")
}

/// The issue was closed or lost its label between the decision and the merge.
pub(crate) fn issue_withdrawn() -> String {
    "the issue was closed, or lost its label, a moment ago".to_owned()
}

/// Somebody edited the issue between the decision and the merge.
pub(crate) fn issue_edited() -> String {
    "the issue was edited a moment ago; looking again".to_owned()
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

/// The cluster's lock could be neither read nor taken.
pub(crate) fn lock_unreadable(lease: &str, error: &ClusterError) -> String {
    let (what, next) = match error {
        ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. } => (
            "the cluster does not let caretaker use its lock",
            "apply the manifests of deploy/, which give the rights to it, and look whether the credentials are still good",
        ),
        ClusterError::Unavailable { .. } => (
            "the cluster did not answer when caretaker asked for its lock",
            "look whether the API server can be reached; nothing else is needed when it answers again",
        ),
        _ => (
            "the cluster's lock could not be taken",
            "look at the log, and at the Lease itself; it may be deleted while no caretaker runs",
        ),
    };
    format!("{what} (the Lease {}), so nothing is done: {next}", code(lease, SHORT))
}

/// A change is half done in another repository.
pub(crate) fn change_elsewhere(repository: &str, issue: u64) -> String {
    format!(
        "one change at a time in a cluster: one of {} issue {issue} is not over yet",
        quote_outside(repository, SHORT)
    )
}

/// A run of another repository cannot be read.
pub(crate) fn run_unread_elsewhere(repository: &str, issue: u64) -> String {
    format!(
        "the run on {} issue {issue} cannot be read, and may have a change in flight: the log says why",
        quote_outside(repository, SHORT)
    )
}

/// A pull request or issue cannot be read.
pub(crate) fn unread(number: IssueNumber, error: &ForgeError) -> String {
    let why = match error {
        ForgeError::NotFound { .. } => "a part of it does not exist or may not be seen",
        ForgeError::Forbidden { .. } | ForgeError::Unauthorized { .. } => "the forge refuses it",
        ForgeError::Unavailable { .. } => "the forge does not answer for it",
        ForgeError::Unreadable { .. } => "the forge's answer is too large or not to be understood",
        ForgeError::Renamed { .. } | ForgeError::Conflict { .. } | ForgeError::Refused { .. } => {
            "the forge does not show it"
        }
    };
    format!(
        "#{number} cannot be read ({why}), so nothing is known of it and nothing is done with it; it is asked for again \
         at each look, and the log holds the forge's own words"
    )
}

/// The body cannot be read.
pub(crate) fn body_unreadable(error: &crate::issue::Unreadable) -> String {
    use std::error::Error as _;
    let why = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
    format!(
        "{error}{why}: a person makes the text simpler; until then nothing new is done and nothing can be written into it"
    )
}

/// The closing did not happen.
pub(crate) fn closing_failed(why: &str) -> String {
    format!(
        "every task has ended, and this issue could not be closed: {}; it is tried again, and a person may close it as well",
        quote_outside(why, SHORT)
    )
}

/// A person opened a finished issue again.
pub(crate) fn reopened_with_nothing_to_do() -> String {
    "This issue was opened again and every task has ended: add a task or untick one, and the run goes on; or close the issue"
        .to_owned()
}

/// The issue is still open.
pub(crate) fn not_closed_yet() -> String {
    "the issue is still open".to_owned()
}

/// A person closed the issue.
pub(crate) fn closed_by_person() -> String {
    "closed by a person".to_owned()
}

/// A label that stops.
pub(crate) fn label(name: &str) -> String {
    format!("the label `{name}`")
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

/// A verdict for the form's cells.
pub(crate) fn verdict(verdict: Verdict) -> String {
    let icon = match verdict {
        Verdict::Green => "🟢",
        Verdict::Yellow => "🟡",
        Verdict::Red => "🔴",
        Verdict::Unknown => "⚪",
    };
    format!("{icon} {verdict}")
}

/// How a run stands when nothing more can be done, for the terminal.
pub(crate) fn standing(issue: IssueNumber, standing: &crate::run::Standing) -> String {
    use crate::run::Standing;
    match standing {
        Standing::NoIssue => format!("#{issue} is no open maintenance issue"),
        Standing::People => format!("the run on #{issue} waits for people; the issue says for what"),
        Standing::Window { opens } => format!("the run on #{issue} waits: {}", outside_window(*opens)),
        Standing::Obstacles => format!("the run on #{issue} cannot go on: something is missing"),
        Standing::Unusable { repository, why } => {
            format!("nothing was done for #{issue}: {repository} {why}")
        }
        Standing::Paused => format!("the run on #{issue} is stopped by a person"),
        Standing::Locked { holder } => {
            format!("nothing was done for #{issue}: another caretaker ({holder}) holds the cluster's lock")
        }
        Standing::Over => format!("the run on #{issue} is over"),
        Standing::Stopped => {
            format!("told to stop; the run on #{issue} goes on when caretaker is started again")
        }
    }
}

/// A task that asks to close the maintenance issue itself.
pub(crate) fn closes_itself() -> String {
    "this issue is closed by the run when everything else has ended: tick this, or take it out".to_owned()
}

/// The workloads could not be read.
pub(crate) fn workloads_unread() -> String {
    "the workloads that it touches could not be read".to_owned()
}
