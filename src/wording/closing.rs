//! How a run, and what belongs to it, ends.

use super::quote_outside;
use super::run::{SHORT, title_of};
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::Verdict;
use crate::run::TaskOutcome;

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

/// The closing waits.
pub(crate) fn closing_waits(why: &str) -> String {
    format!("every task has ended; before the closing: {why}")
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

/// How a task ended, in the closing report.
pub(crate) fn ended_line(outcome: TaskOutcome, note: &str, at_discovery: bool) -> String {
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

/// A task that asks to close the maintenance issue itself.
pub(crate) fn closes_itself() -> String {
    "this issue is closed by the run when everything else has ended: tick this, or take it out".to_owned()
}
