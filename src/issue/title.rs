//! A task's title: what is left of its line without id, priority, layer and notes.

use super::words::{self, Head};
use checklist::{Document, Item};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// What stands in front of a task's title, and the title. Bold text that was opened and closed wrongly (`**A1 P**0**:`)
/// leaves its stars behind.
pub(super) fn head(document: &Document<'_>, item: &Item) -> Head {
    let label = item.label.as_deref().map(|label| label.trim_end_matches('*'));
    words::head(&title(document, item).replacen("**:", ":", 1).replacen(":** ", ": ", 1), label)
}

/// The note at the end of a task's first line, markup and all: an emphasised text in parentheses.
pub(super) fn note_in(line: &str) -> Option<Range<usize>> {
    let end = line.trim_end().len();
    let trimmed = &line[..end];
    let (close, open) = if trimmed.ends_with(")*") && !trimmed.ends_with(")**") {
        (")*", "*(")
    } else if trimmed.ends_with(")_") {
        (")_", "_(")
    } else {
        return None;
    };
    let start = trimmed[..end - close.len()].rfind(open)?;
    // `**(` opens bold text, which is no note.
    (!trimmed[..start].ends_with('*')).then_some(start..end)
}

static OWN_NOTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\*\([a-z]+ [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} [^*]*\)\*")
        .expect("the pattern is a constant that a test compiles")
});

/// Whether a note has the form of ours: the word of an outcome, a time with its zone, and what was done.
pub(super) fn is_ours(note: &str) -> bool {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^\*\((?:done|deferred|acknowledged|skipped) [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} [A-Za-z0-9:+/_-]+: [^*]*\)\*$",
        )
        .expect("the pattern is a constant that a test compiles")
    });
    FORM.is_match(note)
}

/// The notes on a task's first line: ours wherever they stand, since people write behind them; others at its end.
pub(super) fn notes(line: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = OWN_NOTE.find_iter(line).map(|note| note.range()).collect();
    let mut end = line.trim_end().len();
    // Those behind the place that was reached are done with.
    let mut left = found.len();
    loop {
        while left > 0 && found[left - 1].end > end {
            left -= 1;
        }
        if let Some(own) = left.checked_sub(1).map(|last| &found[last]).filter(|own| own.end == end) {
            end = line[..own.start].trim_end().len();
        } else if let Some(note) = note_in(&line[..end]) {
            // What only borrows the beginning of ours is none.
            if left.checked_sub(1).is_some_and(|last| found[last].end > note.start) {
                break;
            }
            end = line[..note.start].trim_end().len();
            found.push(note);
        } else {
            break;
        }
    }
    found.sort_by_key(|note| note.start);
    found
}

/// The same, as texts.
pub(super) fn noted(document: &Document<'_>, item: &Item) -> Vec<String> {
    let line = &document.text()[item.first_line.clone()];
    notes(line).into_iter().map(|note| line[note].to_owned()).collect()
}

/// The title without notes.
fn title(document: &Document<'_>, item: &Item) -> String {
    let line = &document.text()[item.first_line.clone()];
    let notes = notes(line);
    if notes.is_empty() {
        return item.title.clone();
    }
    let mut bare = String::from("- [ ] ");
    let mut at = 0;
    for note in notes {
        bare.push_str(&line[at..note.start]);
        at = note.end;
    }
    bare.push_str(&line[at..]);
    // The markup of what is left is read again, since the note's own is gone with it.
    let Ok(shorter) = bare.parse_title() else { return item.title.clone() };
    let first = item.text.lines().next().unwrap_or("");
    match item.title.strip_prefix(first.trim()) {
        Some(rest) => format!("{} {}", shorter.trim(), rest.trim()).trim().to_owned(),
        None => shorter,
    }
}

trait ParseTitle {
    fn parse_title(&self) -> Result<String, checklist::TooDeep>;
}

impl ParseTitle for String {
    fn parse_title(&self) -> Result<String, checklist::TooDeep> {
        let document = Document::parse(self)?;
        Ok(document.items().first().map(|item| item.title.clone()).unwrap_or_default())
    }
}
