//! What the status block and the closing report say.

use super::changes::because;
use super::{code, duration, one_line, quote_outside, summary, time};
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::Verdict;
use crate::issue::{LessonEvent, Progress, RunState, Whom, Windows};
use crate::merge::Hold;
use jiff::Timestamp;
use std::fmt::Write as _;

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
        RunState::WaitingForWindow => "🕙 **Waiting** for the next window",
        RunState::WaitingForPerson => "🙋 **Waiting for a person**",
        RunState::Trouble => "🚨 **Trouble**",
        RunState::Paused => "⏸️ **Paused** by a person",
        RunState::Unknown => "⚪ **UNKNOWN**",
        RunState::Observing => "👀 **Observing**: shows what it would do, and changes nothing",
        RunState::Done => "✅ **Done**",
    }
}

/// How a run stands that nobody knows enough to go on with, and what that is.
pub(crate) fn run_state_unknown(state: RunState, what: &str) -> String {
    format!("{}: {what}", run_state(state))
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

/// When a change may start.
pub(crate) fn windows(view: &Windows) -> String {
    let windows: Vec<String> = view.each.iter().map(|window| code(window, 80)).collect();
    let within =
        format!("A change starts only within {} ({})", windows.join(", "), quote_outside(&view.zone, 60));
    match view.opens {
        Some(opens) => format!("{within}; the next one opens {}", time(opens)),
        None => within,
    }
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

/// Renovate's rules that keep versions away: one for each package, since of two for the same only the last counts. Hold
/// and rule go by the name that Renovate shows, which is that of the dependency: its package may have another.
pub(crate) fn renovate_rules<'a>(holds: impl Iterator<Item = &'a Hold>) -> String {
    let mut packages: Vec<(&str, Vec<String>)> = Vec::new();
    for hold in holds {
        // As a hold is compared: a package and a version are the same in capitals, with and without a `v`.
        let (package, version) = (hold.package.trim(), version_pattern(&hold.version));
        match packages.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(package)) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => packages.push((package, vec![version])),
        }
    }
    let rules: Vec<String> = packages
        .into_iter()
        .map(|(package, versions)| {
            let pattern = match &versions[..] {
                [one] => format!("!/^{one}$/"),
                several => format!("!/^(?:{})$/", several.join("|")),
            };
            format!(
                "    {{\n      \"matchDepNames\": [{}],\n      \"allowedVersions\": {}\n    }}",
                json_text(package),
                json_text(&pattern)
            )
        })
        .collect();
    format!("```json\n{{\n  \"packageRules\": [\n{}\n  ]\n}}\n```", rules.join(",\n"))
}

/// A text as a JSON string. It comes from outside and can end neither the string nor the fence; nothing of it is cut or
/// left out, since that would be another rule.
fn json_text(text: &str) -> String {
    let json = serde_json::Value::String(text.to_owned()).to_string();
    let mut plain = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && !matches!(character, '`' | '<' | '\u{7f}') {
            plain.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(plain, "\\u{unit:04x}");
            }
        }
    }
    plain
}

fn version_pattern(version: &str) -> String {
    let version = version.trim().trim_start_matches(['v', 'V']);
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
        LessonEvent::Caused { pull, object, finding, tied: false, why } => format!(
            "{} was not well for a while after PR #{pull}, and nothing shows that the merge did it{}: {}.",
            code(object, 120),
            because(why),
            quote_outside(finding, 200).trim_end_matches('.')
        ),
        LessonEvent::AskedAgain { pull } => format!(
            "The answer to the merge of PR #{pull} was lost. It had not happened, and was asked for again."
        ),
        LessonEvent::Caused { pull, object, finding, tied: true, why: _ } => format!(
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
            "{} is held. Until Renovate is told so, it makes that pull request again; the rule below prevents it.",
            held_version(hold)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(package: &str, file: &str, version: &str) -> Hold {
        Hold { package: package.to_owned(), file: file.to_owned(), version: version.to_owned() }
    }

    /// What Renovate makes of rules: of all that match a dependency, the last one's versions count.
    fn allows(rules: &str, dependency: &str, version: &str) -> bool {
        let json =
            rules.strip_prefix("```json\n").and_then(|rest| rest.strip_suffix("\n```")).expect("a fence");
        let rules: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let mut matching = rules["packageRules"].as_array().expect("rules").iter().filter(|rule| {
            let names = rule["matchDepNames"].as_array().expect("names");
            names.iter().any(|name| name.as_str().expect("a name").eq_ignore_ascii_case(dependency))
        });
        matching.next_back().is_none_or(|rule| {
            let versions = rule["allowedVersions"].as_str().expect("a pattern");
            let pattern =
                versions.strip_prefix("!/").and_then(|rest| rest.strip_suffix('/')).expect("not these");
            !regex::Regex::new(pattern).expect("a pattern").is_match(version)
        })
    }

    #[test]
    fn every_held_version_is_kept_away_and_no_other() {
        let long = format!("1.2.3-{}", "x".repeat(400));
        let holds = [
            hold("ghcr.io/acme/app", "a.yaml", "v1.2.3"),
            hold("echo", "b.yaml", "36.0.1"),
            hold("GHCR.io/acme/app", "b.yaml", "1.2.4+build"),
            // In another file, and as another source of versions writes it.
            hold("ghcr.io/acme/app", "c.yaml", "1.2.3"),
            hold("ghcr.io/acme/app", "", &long),
            hold("odd`\u{202e}<!-- `\n\"name", "", "1`2"),
        ];
        let rules = renovate_rules(holds.iter());
        for hold in &holds {
            assert!(
                !allows(&rules, &hold.package, &hold.version),
                "{} {}\n{rules}",
                hold.package,
                hold.version
            );
        }
        for (dependency, version) in [
            ("ghcr.io/acme/app", "1.2.5"),
            ("ghcr.io/acme/app", "1x2.3"),
            ("ghcr.io/acme/app", "11.2.3"),
            ("ghcr.io/acme/app", "1.2.30"),
            ("ghcr.io/acme/app", "36.0.1"),
            ("echo", "1.2.3"),
            ("other", "1.2.3"),
        ] {
            assert!(allows(&rules, dependency, version), "{dependency} {version}\n{rules}");
        }
        assert_eq!(rules.matches("matchDepNames").count(), 3, "one for each package: {rules}");
        assert_eq!(rules.matches("1\\\\.2\\\\.3").count(), 2, "each version once: {rules}");
        assert!(rules.is_ascii() && rules.matches('`').count() == 6 && !rules.contains('<'), "{rules}");
        let one = renovate_rules(holds[1..2].iter());
        assert!(one.contains(r#""allowedVersions": "!/^v?36\\.0\\.1$/""#), "{one}");
    }
}
