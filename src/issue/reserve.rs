//! Reserves that stand beside a title: in a person's note, in a heading or a list item above, in a detail below.
//!
//! A title may ask plainly for its work under a heading that says `Deferred`, or above a line that says to wait. What is
//! written there is a person's word as much as the title is; whoever does not hear it does what nobody asked for.

use super::asked;
use super::condition::{self, Doubt, Reserve, doubt};
use super::title::{is_ours, notes};
use crate::wording;
use checklist::{Detail, Document, Item};
use regex::Regex;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A reserve, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) doubt: Doubt,
    pub(super) why: String,
}

impl Said {
    pub(super) fn new(place: &str, reserve: &Reserve) -> Self {
        Self { doubt: reserve.doubt, why: wording::why_reserve(place, &reserve.said) }
    }
}

/// The heavier of two reserves, the first where they are alike.
pub(super) fn heavier(one: Option<Said>, other: Option<Said>) -> Option<Said> {
    match (one, other) {
        (Some(one), Some(other)) if one.doubt == Doubt::Yes && other.doubt == Doubt::Judgement => Some(other),
        (one, other) => one.or(other),
    }
}

/// What the line of a task says besides its title: notes that are not ours, and signs.
pub(super) fn of_line(document: &Document<'_>, item: &Item) -> Option<Said> {
    let line = &document.text()[item.first_line.clone()];
    let mut found = None;
    let mut rest = String::new();
    let mut at = 0;
    for note in notes(line) {
        rest.push_str(&line[at..note.start]);
        at = note.end;
        let text = &line[note];
        if !is_ours(text) {
            let text = text.trim_matches(['*', '_', '(', ')']);
            let reserve =
                doubt(text).or_else(|| asked::unclear(text).map(|said| Reserve { doubt: Doubt::Yes, said }));
            found = heavier(found, reserve.map(|reserve| Said::new(&wording::its_note(), &reserve)));
        }
    }
    rest.push_str(&line[at..]);
    let icon = condition::icon(&rest).map(|icon| Reserve { doubt: Doubt::Judgement, said: icon.to_owned() });
    heavier(found, icon.map(|reserve| Said::new(&wording::its_title(), &reserve)))
}

/// What a task says for those within it.
pub(super) fn of_parent(item: &Item) -> Option<Said> {
    let place = || wording::what_is_above(&item.title);
    if item.struck {
        return Some(Said { doubt: Doubt::Judgement, why: wording::why_above_struck(&item.title) });
    }
    let reserve = condition::above(&item.title).or_else(|| doubt(&item.title))?;
    // A list of several is not one thing that a yes answers.
    Some(Said::new(&place(), &Reserve { doubt: Doubt::Judgement, ..reserve }))
}

/// What the list items and the lines above lists say, read once for all tasks below them.
#[derive(Debug, Default)]
pub(super) struct Lists {
    bullets: HashMap<usize, Option<Said>>,
    openings: HashMap<usize, Option<Said>>,
}

impl Lists {
    /// What stands around a task in its list. `is_own` tells which places caretaker wrote.
    pub(super) fn around(
        &mut self,
        document: &Document<'_>,
        item: &Item,
        is_own: &dyn Fn(usize) -> bool,
    ) -> Option<Said> {
        let mut found = None;
        for &start in &item.within {
            let said = self.bullets.entry(start).or_insert_with(|| bullet(document.text(), start));
            found = heavier(found, said.clone());
        }
        let start = item.list_start;
        let opening = self.openings.entry(start).or_insert_with(|| opening(document, start, is_own));
        heavier(found, opening.clone())
    }
}

/// The lines of a text that a list item begins with.
fn bullet(text: &str, start: usize) -> Option<Said> {
    static MARKER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\s*(?:[-*+]|[0-9]+[.)])\s").expect("the pattern is a constant that a test compiles")
    });
    let mut lines = text[start..].lines();
    let first = lines.next().unwrap_or_default();
    let more = lines.take_while(|line| !line.trim().is_empty() && !MARKER.is_match(line)).take(3);
    let whole: Vec<&str> = std::iter::once(first).chain(more).collect();
    let whole = whole.join(" ");
    let plain = plain(MARKER.replace(&whole, "").trim());
    if whole.contains("~~") {
        return Some(Said { doubt: Doubt::Judgement, why: wording::why_above_struck(&plain) });
    }
    condition::above(&plain).map(|reserve| Said::new(&wording::what_is_above(&plain), &reserve))
}

/// So many bytes above a list may open it.
const MOST_OF_AN_OPENING: usize = 1_000;

/// The paragraph right above a list, where it opens it: it ends with a colon, or is bold like a heading.
fn opening(document: &Document<'_>, list: usize, is_own: &dyn Fn(usize) -> bool) -> Option<Said> {
    let text = document.text();
    // What opens a list is short: a whole text is not searched for it at every list.
    let mut near = list.saturating_sub(MOST_OF_AN_OPENING);
    while !text.is_char_boundary(near) {
        near += 1;
    }
    let before = text[..list].trim_end();
    // `<summary>Not now</summary>` opens what is folded.
    if let Some(summary) = before.get(near..).and_then(|near| near.strip_suffix("</summary>"))
        && let Some((_, summary)) = summary.rsplit_once("<summary>")
        && !is_own(before.len().saturating_sub(1))
    {
        let summary = plain(summary);
        return condition::above(&summary)
            .map(|reserve| Said::new(&wording::what_is_above(&summary), &reserve));
    }
    let lines = before.get(near..).unwrap_or_default();
    let start =
        lines.rfind("\n\n").map_or(0, |at| at + 2).max(lines.rfind("\r\n\r\n").map_or(0, |at| at + 4));
    let paragraph = lines[start..].lines().rev().take(4).collect::<Vec<_>>();
    let lines: Vec<&str> = paragraph
        .into_iter()
        .take_while(|line| {
            let line = line.trim_start();
            !line.is_empty()
                && !line.starts_with(['#', '|', '>', '<', '`', '~', '='])
                && !line.starts_with("---")
        })
        .collect();
    if lines.is_empty()
        || is_own(before.len().saturating_sub(1))
        || document.is_code(before.len().saturating_sub(1))
    {
        return None;
    }
    let whole = lines.into_iter().rev().collect::<Vec<_>>().join(" ");
    let whole = whole.trim();
    let bold = whole.starts_with("**")
        && whole.trim_end_matches([':', '.']).ends_with("**")
        && whole.matches("**").count() == 2;
    let plain = plain(whole);
    if !bold && !plain.ends_with(':') {
        return None;
    }
    condition::above(&plain).map(|reserve| Said::new(&wording::what_is_above(&plain), &reserve))
}

fn plain(text: &str) -> String {
    text.replace(['*', '`', '~'], "")
}

/// Labels of details that describe the work, or what comes of it.
fn describes(label: &str) -> bool {
    let starts = [
        "goal",
        "purpose",
        "why",
        "reason",
        "context",
        "background",
        "command",
        "cmd",
        "run",
        "step",
        "shell",
        "script",
        "expect",
        "success",
        "pass",
        "if fail",
        "if it fail",
        "if this fail",
        "on fail",
        "fail",
        "rollback",
        "roll back",
        "undo",
        "revert",
        "priority",
        "layer",
        "risk",
        "impact",
        "evidence",
        "link",
        "ref",
        "version",
        "package",
        "type",
        "category",
        "downtime",
        "duration",
        "estimate",
        "verif",
        "validat",
        "check",
        "pull",
        "url",
        "assign",
        "effort",
        "release",
        "changelog",
        "description",
        "detail",
        "what",
        "change",
        "summary",
        "scope",
        "source",
        "related",
        "fixes",
        "closes",
        "test",
        "result",
        "severity",
        "label",
        "phase",
        "item",
        "target",
        "namespace",
        "service",
        "chart",
        "image",
        "updates",
        "files",
        "contains",
        "includes",
        "upstream",
        "after merge",
        "afterwards",
        "title",
        "issue",
    ];
    starts.iter().any(|start| label.starts_with(start))
        || matches!(
            label,
            "pr" | "prs" | "id" | "to" | "from" | "app" | "apps" | "application" | "old" | "new"
        )
}

/// Labels of details that make a condition, whatever they say.
fn is_a_condition(label: &str) -> bool {
    let starts = [
        "condition",
        "approval",
        "approve",
        "only",
        "sign-off",
        "signoff",
        "sign off",
        "permission",
        "consent",
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
    ];
    !label.contains("fail") && (starts.iter().any(|start| label.starts_with(start)) || label == "if")
}

/// What a detail says of nothing.
pub(super) fn says_nothing(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    matches!(
        text.as_str(),
        "" | "none"
            | "no"
            | "n/a"
            | "na"
            | "-"
            | "–"
            | "—"
            | "nothing"
            | "not required"
            | "not needed"
            | "none required"
            | "none needed"
            | "always"
            | "any time"
            | "anytime"
    )
}

static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b (?: do\ not | don'?t | never | must\ not | should\ not ) \b | \b (?: deferred | postponed | blocked | on\ hold | cancell?ed | rejected | skipped? | obsolete | superseded ) \b",
    )
    .expect("the pattern is a constant that a test compiles")
});

/// What the details of a task say against doing it at once.
pub(super) fn of_details(item: &Item, is_a_dependency: impl Fn(&str) -> bool) -> Option<Said> {
    item.details
        .iter()
        .filter_map(|detail| of_detail(detail, &is_a_dependency))
        .fold(None, |found, said| heavier(found, Some(said)))
}

fn of_detail(detail: &Detail, is_a_dependency: &impl Fn(&str) -> bool) -> Option<Said> {
    let label = detail.label.as_deref().map(str::trim);
    let lower = label.unwrap_or_default().to_lowercase();
    let text = detail.text.trim();
    let said = |doubt, said: &str| {
        Some(Said::new(&wording::a_detail(label), &Reserve { doubt, said: said.to_owned() }))
    };
    if label.is_some() {
        if is_a_dependency(&lower) {
            return None;
        }
        if is_a_condition(&lower) {
            return if says_nothing(text) {
                None
            } else {
                said(Doubt::Yes, if text.is_empty() { &lower } else { text })
            };
        }
        if describes(&lower) {
            return None;
        }
    }
    // What is waited for anyhow is known by what stands in front of it.
    let text = format!("; {text}");
    let found = condition::above_status(&text, &lower)
        .or_else(|| doubt(&text))
        .or_else(|| doubt(&lower))
        .or_else(|| condition::speaks(&text))?;
    let refused = lower == "status" || REFUSAL.is_match(&text.replace('’', "'")) || REFUSAL.is_match(&lower);
    said(if refused { Doubt::Judgement } else { Doubt::Yes }, &found.said)
}
