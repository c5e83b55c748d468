//! What the status block and the closing report say.

use super::{code, duration, one_line, quote_outside, summary, time};
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::Verdict;
use crate::issue::{LessonEvent, Progress, RunState, Whom};
use crate::merge::Hold;
use jiff::Timestamp;

/// The note above the text of a related issue or pull request.
pub(crate) fn resolution(issue: IssueNumber, note: &str) -> String {
    format!("## Resolution\n\nResolved as part of maintenance issue #{issue}. {}", one_line(note))
}

/// The heading of a change log of our own.
pub(crate) fn change_log_heading() -> &'static str {
    "Change Log"
}

/// A verdict with a sign, so that nobody needs to tell colours apart.
pub(crate) fn layer_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Green => "🟢 GREEN",
        Verdict::Yellow => "🟡 YELLOW",
        Verdict::Red => "🔴 RED",
        Verdict::Unknown => "⚪ UNKNOWN",
    }
}

/// How a run stands.
pub(crate) fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "▶️ **Running**",
        RunState::WaitingForWorld => "⏳ **Waiting** for the cluster or the forge",
        RunState::WaitingForPerson => "🙋 **Waiting for a person**",
        RunState::Trouble => "🚨 **Trouble**",
        RunState::Paused => "⏸️ **Paused** by a person",
        RunState::Unknown => "⚪ **UNKNOWN**: the forge or the cluster cannot be read",
        RunState::Observing => "👀 **Observing**: shows what it would do, and changes nothing",
        RunState::Done => "✅ **Done**",
    }
}

/// How far a run is: `7 of 12 tasks done`, and what became of the others.
pub(crate) fn progress(progress: Progress) -> String {
    let mut text = format!("**{} of {}** tasks done", progress.done, progress.total);
    for (count, word) in [
        (progress.waiting, "open"),
        (progress.failed, "failed"),
        (progress.deferred, "deferred"),
        (progress.acknowledged, "acknowledged"),
        (progress.skipped, "skipped"),
    ] {
        if count > 0 {
            text.push_str(", ");
            text.push_str(&count.to_string());
            text.push(' ');
            text.push_str(word);
        }
    }
    text
}

/// A heading over what waits for somebody.
pub(crate) fn waits_for(whom: Whom) -> &'static str {
    match whom {
        Whom::Person => "Waits for a person",
        Whom::Task => "Waits for another task",
        Whom::World => "Waits for the cluster or the forge",
    }
}

/// What a person does about a task that failed for good, or that waits for them.
pub(crate) fn answer_by_tick(id: &str) -> String {
    format!("when it is done or not needed, tick the box of {}", quote_outside(id, 20))
}

/// What a person does about a task that asks for their yes.
pub(crate) fn answer_by_approval(id: &str) -> String {
    format!("to say yes, tick the box of {} under Approvals below", quote_outside(id, 20))
}

/// Whether a reason already ends with what is to be ticked.
pub(crate) fn says_to_tick(why: &str) -> bool {
    why.split(|character: char| !character.is_alphanumeric()).any(|word| matches!(word, "tick" | "ticking"))
}

/// When something began to wait.
pub(crate) fn since(at: Timestamp) -> String {
    format!("since {}", time(at))
}

/// What of a long list is folded.
pub(crate) fn and_more(count: usize) -> String {
    format!("and {count} more")
}

/// Evidence that the table has no room for.
pub(crate) fn not_well(count: usize) -> String {
    format!("What is not well ({count})")
}

/// The fold that holds a case for a person.
pub(crate) fn packet_summary(id: Option<&str>) -> String {
    id.map_or_else(|| "What was found".to_owned(), |id| format!("What was found: {}", summary(id, 20)))
}

/// The fold that holds Renovate's rule.
pub(crate) fn renovate_summary() -> &'static str {
    "The rule for Renovate"
}

/// The heading of the open tasks.
pub(crate) fn open_in_order() -> &'static str {
    "What is open, in this order"
}

/// A phase of the closing report.
pub(crate) fn phase_summary(phase: &str, tasks: usize) -> String {
    let word = if tasks == 1 { "task" } else { "tasks" };
    format!("{} ({tasks} {word})", summary(phase, 120))
}

/// The comment that says yes.
pub(crate) fn approve_command(id: &str, approval: &str) -> String {
    format!("/caretaker approve {id} {approval}")
}

/// How to say yes by ticking.
pub(crate) fn approve_by_tick() -> &'static str {
    "Tick a box to approve exactly what it says, or write the comment `/caretaker approve ID CODE` with its id and code. \
     A change of what it would do makes the code void."
}

/// How to say yes by comment.
pub(crate) fn approve_by_comment(id: &str, approval: &str) -> String {
    format!(
        "a tick could not be attributed to anybody here; write this as a comment instead: `{}`",
        approve_command(id, approval)
    )
}

/// That another issue is not worked on.
pub(crate) fn other_issue(number: IssueNumber, title: &str) -> String {
    format!(
        "#{number} ({}) is open as well. The newest is worked on; that one is not.",
        quote_outside(title, 80)
    )
}

/// That a pull request was made again.
pub(crate) fn remade(number: PullNumber, title: &str, instead_of: PullNumber) -> String {
    format!(
        "#{number} ({}) brings back what #{instead_of} brought and was undone. It is held.",
        quote_outside(title, 80)
    )
}

/// That a person's text was lost in a write of ours, and could not be put back.
pub(crate) fn written_over(by: Option<&str>) -> String {
    let whose = by.map_or_else(|| "somebody's edit".to_owned(), |by| format!("an edit by {}", code(by, 40)));
    format!(
        "The forge let caretaker write over {whose}, and the same lines have changed since: the text's history on the \
         forge holds it"
    )
}

/// Renovate's rules that keep versions away.
pub(crate) fn renovate_rules<'a>(holds: impl Iterator<Item = &'a Hold>) -> String {
    // Package and version come from outside: as JSON strings they can end neither the string nor the fence.
    let rules: Vec<String> = holds
        .map(|hold| {
            format!(
                "    {{\n      \"matchPackageNames\": [{}],\n      \"allowedVersions\": {}\n    }}",
                json_text(&hold.package),
                json_text(&format!("!/^{}$/", escaped_pattern(&hold.version)))
            )
        })
        .collect();
    format!("```json\n{{\n  \"packageRules\": [\n{}\n  ]\n}}\n```", rules.join(",\n"))
}

fn json_text(text: &str) -> String {
    // A rule that is cut would be another rule.
    let plain: String = text.chars().filter(|c| !c.is_control() && *c != '`').collect();
    serde_json::Value::String(plain).to_string()
}

fn escaped_pattern(version: &str) -> String {
    let version = version.trim_start_matches('v');
    format!("v?{}", regex::escape(version))
}

/// A held version, and its file where one is known.
pub(crate) fn held_version(hold: &Hold) -> String {
    let version = format!("{} {}", code(&hold.package, 80), code(&hold.version, 40));
    match hold.file.as_str() {
        "" => version,
        file => format!("{version} in {}", code(file, 120)),
    }
}

/// What a person can do about a held version.
pub(crate) fn hold_advice() -> &'static str {
    "Renovate makes a merged branch again. The rule below, in its settings, stops that; a newer version is free."
}

/// The run that a line of a status block names as its writer.
pub(crate) fn run_of_status_foot(line: &str) -> Option<&str> {
    line.strip_prefix("*Written by caretaker, run ")?.split_once(". What stands").map(|(run, _)| run)
}

/// The line at the end of the status block.
pub(crate) fn status_foot(run: &str) -> String {
    format!(
        "*Written by caretaker, run {}. What stands between its markers is written anew; everything else is yours.*",
        quote_outside(run, 60)
    )
}

/// When the layers were judged.
pub(crate) fn judged_at(at: Timestamp) -> String {
    format!("Judged {}.", time(at))
}

/// A figure that no probe read.
pub(crate) fn not_read(reason: &str) -> String {
    format!("not read: {}", quote_outside(reason, 160))
}

/// That a list has no entries, in a sentence.
pub(crate) fn none_happened(what: &str) -> String {
    format!("No {what}.")
}

/// What is to be learned from an event, by the rule that its name stands for.
pub(crate) fn lesson(event: &LessonEvent) -> String {
    match event {
        LessonEvent::Caused { pull, object, finding } => format!(
            "PR #{pull} made {} worse: {}.",
            code(object, 120),
            quote_outside(finding, 200).trim_end_matches('.')
        ),
        LessonEvent::Reverted { pull, commit, reason } => {
            let reason = quote_outside(reason, 300);
            format!(
                "PR #{pull} was undone by {}, because of this: {}. The layers were judged again afterwards.",
                short(commit),
                reason.trim_end_matches('.')
            )
        }
        LessonEvent::Held { hold } => format!(
            "{} is held. Until Renovate is told so, it makes that pull request again; this rule prevents it: {}",
            held_version(hold),
            code(
                &format!(
                    "{{\"matchPackageNames\": [{}], \"allowedVersions\": {}}}",
                    json_text(&hold.package),
                    json_text(&format!("!/^{}$/", escaped_pattern(&hold.version)))
                ),
                300
            )
        ),
        LessonEvent::Retried { task, failed, by_us, why } => {
            let (task, why) = (quote_outside(task, 20), quote_outside(why, 200));
            let why = why.trim_end_matches('.');
            let times = if *failed == 1 { "once".to_owned() } else { format!("{failed} times") };
            if *by_us {
                format!("{task} failed {times} before it was done: {why}.")
            } else {
                format!("{task} was tried {times} in vain: {why}.")
            }
        }
        LessonEvent::WaitedFor { what, seconds } => {
            format!("{} took {}.", one_line(what).trim_end_matches('.'), duration(*seconds))
        }
    }
}

/// That nothing happened from which a lesson follows.
pub(crate) fn no_lesson() -> &'static str {
    "Nothing was undone, retried or held, and nothing took remarkably long."
}

/// A commit for people.
pub(crate) fn short(commit: &CommitSha) -> String {
    format!("`{}`", commit.short())
}
