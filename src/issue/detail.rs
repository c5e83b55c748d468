//! Reserves in the details below a task.
//!
//! People write what a task is for, what shows that it went well, and what holds it back in the same form: a label and a
//! text. The label says how the text is to be heard. What says no there costs what was to be done an approval, or makes
//! it a person's; only what is expected, what happens when it fails and how it is undone may say what it likes.

use super::below::begins_with_a_program;
use super::condition::{self, Doubt, Reserve, doubt};
use super::depends::Bearing;
use super::draft::is_of_commands;
use super::guess::Source;
use super::heard::Heard;
use super::kind::words;
use super::named;
use super::refusal::{Tone, curtly, in_passing, is_a_no};
use super::reserve::Said;
use super::vocabulary::{is_afterwards, is_of_an_outcome, is_of_an_update};
use crate::wording;
use checklist::{Detail, Document, Item};

/// How a detail is heard, by its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The commands, which are judged as commands, and what comes of the work.
    Aside,
    /// Somebody's yes.
    Approval,
    /// A condition, whatever it says.
    Condition,
    /// What has become of the task, or what is to be done with it.
    Verdict,
    /// It describes the work.
    Describes(Tone),
    /// Nobody knows.
    Other,
}

fn starts(label: &str, list: &[&str]) -> bool {
    list.iter().any(|start| label.starts_with(start))
}

/// Whether a label, in lower case, is that of what is expected, of what to do on a failure, or of how to undo.
pub(super) fn is_of_the_outcome(label: &str) -> bool {
    starts(
        label,
        &["expect", "success", "pass crit", "if fail", "if it fail", "if this fail", "on fail", "failure"],
    ) || starts(label, &["rollback", "roll back", "undo", "revert"]) && !label.starts_with("reverted")
        || matches!(label, "pass" | "fail" | "fails")
}

/// Whether a label, in lower case, is that of a text about the work, in which nothing is asked to be done.
pub(super) fn is_of_a_description(label: &str) -> bool {
    starts(label, GOALS) || starts(label, DESCRIBES) || EXACTLY.contains(&label)
}

/// Whether nobody here knows what a label, in lower case, stands above.
pub(super) fn is_of_nothing_known(label: &str) -> bool {
    role(label) == Role::Other
}

pub(super) fn role(label: &str) -> Role {
    if is_of_commands(label) || is_of_the_outcome(label) {
        return Role::Aside;
    }
    let approvals =
        ["approval", "approve", "sign-off", "signoff", "sign off", "signed", "permission", "consent"];
    if starts(label, &approvals) {
        return Role::Approval;
    }
    let conditions = [
        "condition",
        "only",
        "when",
        "until",
        "unless",
        "if ",
        "do not",
        "don't",
        "window",
        "schedule",
        "not before",
        "earliest",
        "warning",
        "caution",
        "danger",
        "attention",
        "concern",
        "known issue",
    ];
    if !label.contains("fail") && (starts(label, &conditions) || label == "if") {
        return Role::Condition;
    }
    let verdicts = [
        "status",
        "state",
        "action",
        "decision",
        "verdict",
        "outcome",
        "result",
        "recommend",
        "resolution",
        "disposition",
        "merg",
        "safe ",
        "ready",
        "tested",
        "go/",
        "go /",
        "go-no",
        "go no",
        "confidence",
    ];
    if starts(label, &verdicts) || matches!(label, "ci" | "pipeline") {
        return Role::Verdict;
    }
    if starts(label, GOALS) {
        return Role::Describes(Tone::Goal);
    }
    if is_of_a_description(label) { Role::Describes(Tone::Told) } else { Role::Other }
}

#[rustfmt::skip]
const GOALS: &[&str] = &["goal", "purpose"];

/// Labels of details that describe the work.
#[rustfmt::skip]
const DESCRIBES: &[&str] = &[
    "why", "reason", "context", "background", "priority", "priorität", "layer", "risk", "impact", "evidence", "link", "ref", "version",
    "package", "type", "category", "downtime", "duration", "estimate", "verif", "validat", "check", "pull", "url",
    "assign", "effort", "release", "changelog", "description", "detail", "what", "change", "summary", "scope", "source",
    "related", "fixes", "closes", "test", "severity", "label", "phase", "item", "target", "namespace", "service", "chart",
    "image", "updates", "files", "contains", "includes", "upstream", "after merge", "afterwards", "title", "issue",
];
const EXACTLY: &[&str] =
    &["pr", "prs", "prio", "id", "to", "from", "app", "apps", "application", "old", "new", "owner"];

/// What a detail says of nothing.
pub(super) fn says_nothing(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    matches!(
        text.as_str(),
        "" | "none" | "no" | "n/a" | "na" | "-" | "–" | "—" | "nothing" | "any time" | "anytime"
    ) || waives(&text)
}

/// Whether nobody has to say yes. A bare `none` or `-` may as well mean that nobody has.
fn waives(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    matches!(
        text.as_str(),
        "not required" | "not needed" | "not necessary" | "none required" | "none needed" | "always"
    )
}

/// Labels to which a no is good news: `Downtime: no`, `Reboot required: no`.
pub(super) fn is_of_harm(label: &str) -> bool {
    let harms = [
        "downtime",
        "breaking",
        "risk",
        "impact",
        "outage",
        "data loss",
        "restart",
        "reboot",
        "migration",
        "manual",
        "known",
        "deprecat",
        "user impact",
        "service impact",
        "side effect",
        "major",
    ];
    starts(label, &harms)
        || ["required", "needed", "necessary", "expected", "affected"].iter().any(|end| label.ends_with(end))
}

/// What the details of a task say against doing it at once.
pub(super) fn of_details(item: &Item, is_a_dependency: impl Fn(&str) -> bool) -> Heard {
    item.details.iter().map(|detail| of_detail(detail, &is_a_dependency)).fold(Heard::default(), Heard::and)
}

/// What the comments on and below a task's line say against it, those of caretaker left out.
pub(super) fn of_comments(document: &Document<'_>, item: &Item) -> Heard {
    let comments = document.comments();
    let first = comments.partition_point(|comment| comment.span.start < item.first_line.start);
    comments[first..]
        .iter()
        .take_while(|comment| comment.span.start < item.span.end)
        .filter(|comment| !comment.content.trim_start_matches('/').starts_with("caretaker"))
        .map(|comment| {
            Heard::of(&comment.content, &Source::Words, Bearing::Passing, |text| {
                let reserve = in_passing(text, Tone::Told)?;
                Some(Said::new(&wording::a_comment(), &reserve))
            })
        })
        .fold(Heard::default(), Heard::and)
}

fn of_detail(detail: &Detail, is_a_dependency: &impl Fn(&str) -> bool) -> Heard {
    let label = detail.label.as_deref().map(str::trim);
    let lower = label.unwrap_or_default().to_lowercase().replace(['’', '‘'], "'");
    let text = detail.text.trim();
    let source = label.map_or(Source::Words, |label| Source::Detail(label.to_owned()));
    let Some(role) = label.map(|_| role(&lower)) else {
        if named::has_subject(text) {
            return Heard::unclear(text, says(label, &lower, text, None));
        }
        return Heard::of(text, &source, Bearing::Own, |text| says(label, &lower, text, None));
    };
    if is_a_dependency(&lower) || role == Role::Aside {
        return Heard::default();
    }
    if named::has_subject(text) {
        return Heard::unclear(text, says(label, &lower, text, Some(role)));
    }
    match role {
        // What is said of an order is a part of what is asked for here, and no less a condition for that.
        Role::Approval | Role::Condition | Role::Verdict => Heard {
            said: says(label, &lower, text, Some(role)),
            ..Heard::of(text, &source, Bearing::Passing, |_| None)
        },
        Role::Describes(_) => {
            Heard::of(text, &source, Bearing::Passing, |text| says(label, &lower, text, Some(role)))
        }
        Role::Aside | Role::Other => {
            Heard::of(text, &source, Bearing::Own, |text| says(label, &lower, text, Some(role)))
        }
    }
}

/// What a detail says against the work, without what it says of the order.
fn says(label: Option<&str>, lower: &str, text: &str, role: Option<Role>) -> Option<Said> {
    let text = text.trim();
    let told = |reserve: Reserve| Some(Said::new(&wording::a_detail(label), &reserve));
    let said = |doubt, said: &str| told(Reserve { doubt, said: said.to_owned() });
    // What is waited for anyhow is known by what stands in front of it.
    let judged = format!("; {text}");
    let Some(role) = role else { return unlabelled(&judged).or_else(|| records(text)).and_then(told) };
    let refused = is_a_no(text) && !is_of_harm(lower);
    match role {
        Role::Aside => None,
        Role::Approval if waives(text) || is_of_harm(lower) && says_nothing(text) && !text.is_empty() => None,
        Role::Approval if says_nothing(text) || refused => {
            said(Doubt::Judgement, if text.is_empty() { lower } else { text })
        }
        Role::Approval => said(Doubt::Yes, text),
        Role::Condition => {
            let bare = words(lower).len() <= 1 || lower == "maintenance window";
            if says_nothing(text) && (bare || !text.is_empty()) {
                return None;
            }
            let doubt =
                in_passing(&format!("{lower} {text}"), Tone::Goal).map_or(Doubt::Yes, |found| found.doubt);
            said(doubt, if text.is_empty() { lower } else { text })
        }
        _ if refused => said(Doubt::Judgement, text),
        // A priority and a layer need no more than a word; what else is said there is a condition.
        Role::Describes(_) if matches!(lower, "priority" | "prio" | "priorität" | "layer") => {
            unlabelled(&judged).or_else(|| in_passing(&judged, Tone::Told)).and_then(told)
        }
        Role::Other if matches!(lower, "order" | "sequence" | "position") && !says_nothing(text) => {
            said(Doubt::Yes, text)
        }
        Role::Verdict => verdict(&judged, lower).and_then(told),
        Role::Describes(tone) => {
            let curt = || curtly(text).filter(|_| tone == Tone::Told && !is_of_harm(lower));
            // A word alone on a line of its own is no part of a description: `newer<br>hold`.
            let alone =
                || text.lines().skip(1).filter(|line| line.split_whitespace().count() <= 2).find_map(doubt);
            in_passing(&judged, tone).or_else(curt).or_else(alone).and_then(told)
        }
        Role::Other if says_nothing(text) && !text.is_empty() => None,
        Role::Other => {
            let found = unlabelled(&judged).or_else(|| doubt(lower))?;
            let heavy = in_passing(&judged, Tone::Goal).or_else(|| in_passing(lower, Tone::Goal));
            said(heavy.map_or(Doubt::Yes, |_| Doubt::Judgement), &found.said)
        }
    }
}

/// A state that only says that the work is still to be done.
pub(super) fn is_still_open(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "pending" | "not started" | "not done" | "to be done" | "not yet started"
    )
}

/// What a line without a label says against the work.
fn unlabelled(text: &str) -> Option<Reserve> {
    let is_of_the_end = words(text).last().is_some_and(|last| last == "last");
    let last = || is_of_the_end.then(|| Reserve { doubt: Doubt::Yes, said: "last".to_owned() });
    let found = doubt(text).or_else(|| condition::speaks(text)).or_else(last)?;
    let refuses = in_passing(text, Tone::Goal).is_some_and(|refuses| refuses.doubt == Doubt::Judgement);
    Some(Reserve { doubt: if refuses { Doubt::Judgement } else { Doubt::Yes }, ..found })
}

/// A line of so many words at most is no description.
const CURT: usize = 6;

/// What a curt line records: what became of the task, or something in words that nobody here knows.
fn records(text: &str) -> Option<Reserve> {
    let yes = |said: &str| Some(Reserve { doubt: Doubt::Yes, said: said.to_owned() });
    if condition::is_of_the_far_east(text) {
        return yes(text);
    }
    let list = words(text);
    if list.is_empty() || list.len() > CURT || begins_with_a_program(text) {
        return None;
    }
    let strange = list.iter().find(|word| !word.is_ascii() || is_of_an_outcome(word));
    // Most of what people note down in a few words describes.
    strange.and_then(|word| yes(word))
}

/// What a `Status`, a `Decision`, a `Safe to merge` says against the work: everything but that it is open, well or to be
/// done.
fn verdict(text: &str, label: &str) -> Option<Reserve> {
    let is_of_a_state = label.starts_with("stat");
    if is_of_a_state && is_still_open(text.trim_start_matches("; ")) {
        return None;
    }
    let refuses = |reserve: Reserve| Reserve { doubt: Doubt::Judgement, ..reserve };
    if let Some(reserve) =
        condition::above(text).or_else(|| doubt(text)).or_else(|| in_passing(label, Tone::Goal))
    {
        return Some(refuses(reserve));
    }
    let is_well = |word: &str| {
        matches!(
            word,
            "open"
                | "todo"
                | "to"
                | "do"
                | "new"
                | "ready"
                | "queued"
                | "active"
                | "current"
                | "available"
                | "green"
                | "healthy"
                | "ok"
                | "okay"
                | "yes"
                | "y"
                | "true"
                | "go"
                | "pass"
                | "passed"
                | "passes"
                | "clean"
                | "mergeable"
                | "success"
                | "successful"
                | "well"
                | "fine"
                | "none"
                | "n"
                | "then"
                | "in"
                | "progress"
        ) || is_of_an_update(word)
            || is_afterwards(word)
            || word.starts_with(|c: char| c.is_ascii_digit())
    };
    let ends = |word: &str| {
        word == "low" && label.starts_with("confidence")
            || starts(
                word,
                &[
                    "clos", "revert", "remov", "delet", "keep", "fail", "leave", "broke", "dirty", "bad",
                    "red",
                ],
            )
    };
    let list = words(text);
    if let Some(word) = list.iter().find(|word| ends(word)) {
        return Some(Reserve { doubt: Doubt::Judgement, said: word.clone() });
    }
    let word = list.iter().find(|word| !is_well(word))?;
    Some(Reserve { doubt: Doubt::Yes, said: word.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_how_a_text_is_heard() {
        for (label, expected) in [
            ("commands", Role::Aside),
            ("commands (read-only)", Role::Aside),
            ("commands (example, do not run)", Role::Other),
            ("expected", Role::Aside),
            ("if fails", Role::Aside),
            ("rollback", Role::Aside),
            ("approved by", Role::Approval),
            ("condition", Role::Condition),
            ("decision", Role::Verdict),
            ("safe to merge", Role::Verdict),
            ("goal", Role::Describes(Tone::Goal)),
            ("release notes", Role::Describes(Tone::Told)),
            ("note", Role::Other),
        ] {
            assert_eq!(role(label), expected, "{label}");
        }
    }
}
