//! Reserves that stand beside a title: in a person's note, as a sign, in a list item or a task above.
//!
//! A title may ask plainly for its work under a heading that says `Deferred`, or above a line that says to wait. What is
//! written there is a person's word as much as the title is; whoever does not hear it does what nobody asked for.

use super::asked;
use super::condition::{self, Doubt, Reserve, doubt};
use super::depends::Bearing;
use super::guess::Source;
use super::heard::Heard;
use super::levels;
use super::named::without_ids;
use super::title::{is_ours, notes};
use crate::wording;
use checklist::{Document, Item};
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
pub(super) fn of_line(document: &Document<'_>, item: &Item) -> Heard {
    let line = &document.text()[item.first_line.clone()];
    let mut found = Heard::default();
    let mut rest = String::new();
    let mut at = 0;
    for note in notes(line) {
        rest.push_str(&line[at..note.start]);
        at = note.end;
        let text = &line[note];
        if !is_ours(text) {
            let text = text.trim_matches(['*', '_', '(', ')']);
            found = found.and(Heard::of(text, &Source::Line, Bearing::Own, |text| {
                let reserve = doubt(text)
                    .or_else(|| asked::foreign(text).map(|said| Reserve { doubt: Doubt::Yes, said }));
                reserve.map(|reserve| Said::new(&wording::its_note(), &reserve))
            }));
        }
    }
    rest.push_str(&line[at..]);
    let icon = condition::icon(&rest).map(|icon| Reserve { doubt: Doubt::Judgement, said: icon.to_owned() });
    found.and(Heard::said(icon.map(|reserve| Said::new(&wording::its_title(), &reserve))))
}

/// What a task says for those within it.
pub(super) fn of_parent(item: &Item) -> Option<Said> {
    let place = || wording::what_is_above(&item.title);
    if item.struck {
        return Some(Said { doubt: Doubt::Judgement, why: wording::why_above_struck(&item.title) });
    }
    // What it names as coming first, those within it wait for as well.
    let title = without_ids(&item.title);
    let reserve = condition::above(&title).or_else(|| doubt(&title))?;
    // A list of several is not one thing that a yes answers.
    Some(Said::new(&place(), &Reserve { doubt: Doubt::Judgement, ..reserve }))
}

/// What the list items around tasks say, read once for all tasks within them.
#[derive(Debug, Default)]
pub(super) struct Lists {
    bullets: HashMap<usize, Heard>,
}

impl Lists {
    /// What stands around a task in its list.
    pub(super) fn around(&mut self, document: &Document<'_>, item: &Item) -> Heard {
        let mut found = Heard::default();
        for &start in &item.within {
            let heard = self.bullets.entry(start).or_insert_with(|| bullet(document.text(), start));
            let level = heard.level.clone().or_else(|| found.level.clone());
            found = Heard { level, ..found.and(heard.clone()) };
        }
        found
    }
}

static MARKER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:[-*+]|[0-9]+[.)])\s").expect("the pattern is a constant that a test compiles")
});

/// The lines of a text that a list item begins with, without its marker, and the marker.
pub(super) fn bullet_text(text: &str, start: usize) -> (String, &str) {
    let mut lines = text[start..].lines();
    let first = lines.next().unwrap_or_default();
    let marker = MARKER.find(first).map_or("", |marker| marker.as_str().trim());
    let more = lines.take_while(|line| !line.trim().is_empty() && !MARKER.is_match(line)).take(3);
    let whole: Vec<&str> = std::iter::once(first).chain(more).collect();
    (MARKER.replace(&whole.join(" "), "").trim().to_owned(), marker)
}

fn bullet(text: &str, start: usize) -> Heard {
    let (whole, _) = bullet_text(text, start);
    let plain = plain(&whole);
    if is_struck(&whole) {
        let said = Said { doubt: Doubt::Judgement, why: wording::why_above_struck(&plain) };
        return Heard::said(Some(said));
    }
    let heard = Heard::above(&plain, &Source::Words, |text| {
        condition::above(text).map(|reserve| Said::new(&wording::what_is_above(&plain), &reserve))
    });
    Heard { level: levels::line_priority(&plain).map(|priority| (priority, plain)), ..heard }
}

/// Whether some of a text is struck out.
pub(super) fn is_struck(text: &str) -> bool {
    static STRUCK: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)~~|<(?:s|del|strike)\b[^>]*>")
            .expect("the pattern is a constant that a test compiles")
    });
    STRUCK.is_match(text)
}

/// A text without the signs of its markup.
pub(super) fn plain(text: &str) -> String {
    text.replace("__", "").replace(['*', '`', '~'], "")
}

/// A sign on a task's line that nobody here knows. Lamps in front of the words are priorities.
pub(super) fn of_signs(document: &Document<'_>, item: &Item) -> Option<Said> {
    let line = &document.text()[item.first_line.clone()];
    if line.is_ascii() {
        return None;
    }
    let lower = line.to_ascii_lowercase();
    let verbs = ["merge", "close", "archive", "clear", "acknowledge", "dismiss", "review"];
    let words = verbs.iter().filter_map(|verb| lower.find(verb)).min().unwrap_or(0);
    let mut notes = notes(line);
    notes.retain(|note| is_ours(&line[note.clone()]));
    let sign = line.char_indices().find(|(at, c)| {
        let lamp = *at < words
            && matches!(c, '🔴' | '🟠' | '🟡' | '🟢' | '🔵' | '🟣' | '⚪' | '⚫' | '🟥' | '🟧' | '🟨' | '🟩');
        !c.is_ascii()
            && !c.is_alphanumeric()
            && !lamp
            && !is_known(*c)
            && !notes.iter().any(|note| note.contains(at))
    });
    let (_, sign) = sign?;
    Some(Said::new(&wording::a_sign(), &Reserve { doubt: Doubt::Yes, said: sign.to_string() }))
}

/// Signs that say nothing about whether.
fn is_known(sign: char) -> bool {
    sign.is_whitespace()
        || "→⇒➡←↔–—‑’‘“”„«»…·•×±≥≤≈✓✔✅☑⚠ℹ🚀🎉✨⬆↑🔼⏫📦🔧🔨🛠🔄♻🤖🐳📈⭐🐛🔥🔐🛡"
            .contains(sign)
        // What only shapes or joins the signs beside it.
        || matches!(sign, '\u{fe0e}' | '\u{fe0f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{300}'..='\u{36f}')
}
