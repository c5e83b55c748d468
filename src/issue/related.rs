//! Titles, and the notes on issues and pull requests that a run closes besides its own.

use super::marks::Mark;
use super::position::Place;
use super::repair;
use crate::forge::IssueNumber;
use crate::wording;
use checklist::Document;

/// What the forge's database takes.
const LONGEST_TITLE: usize = 255;

const RESOLVED: &str = "[RESOLVED] ";

/// The name of the block that holds the note.
const RESOLUTION: &str = "resolution";

/// The title with the mark of the resolved, or, when it is not resolved (any more), without; never marked twice, never
/// longer than the forge takes.
pub(crate) fn text_for_title(title: &str, resolved: bool) -> String {
    let mut bare = title;
    // A mark that stands there once stays as it is written.
    let mut marked = None;
    while let Some(rest) = unmarked(bare) {
        marked = Some(bare);
        bare = rest;
    }
    let mut text = match (resolved, marked) {
        (true, Some(marked)) => marked.to_owned(),
        (true, None) => format!("{RESOLVED}{}", title.trim_start()),
        // A title that is nothing but the mark stays: the forge takes no empty one.
        (false, _) if bare.is_empty() => title.to_owned(),
        (false, _) => bare.to_owned(),
    };
    if text.len() > LONGEST_TITLE {
        text.truncate(text.floor_char_boundary(LONGEST_TITLE));
        text.truncate(text.trim_end().len());
    }
    text
}

/// What stands behind a mark of the resolved.
fn unmarked(title: &str) -> Option<&str> {
    let title = title.trim_start();
    let mark = RESOLVED.trim_end();
    let start = title.get(..mark.len())?;
    start.eq_ignore_ascii_case(mark).then(|| title[mark.len()..].trim_start())
}

/// The body of a related issue or pull request with our note above its own, untouched text. Applying it again with
/// another note replaces the note. `note` is our own Markdown.
pub(crate) fn resolution_note(body: &str, issue: IssueNumber, note: &str) -> String {
    let text = wording::resolution(issue, note);
    let placed = Document::parse(body)
        .ok()
        .and_then(|document| repair::place(&document, &Mark::new(RESOLUTION, &text), Place::Top));
    placed.unwrap_or_else(|| body.to_owned())
}

/// The text below our note, as it was before; `None` where no note of ours stands.
pub(crate) fn without_resolution_note(body: &str) -> Option<String> {
    repair::remove(&Document::parse(body).ok()?, RESOLUTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_marked_once_and_cut_on_a_character() {
        assert_eq!(text_for_title("[Maintenance] a", true), "[RESOLVED] [Maintenance] a");
        assert_eq!(text_for_title("[RESOLVED] a", true), "[RESOLVED] a");
        assert_eq!(text_for_title("[resolved] a", true), "[resolved] a");
        assert_eq!(text_for_title("[RESOLVED] [RESOLVED]a", true), "[RESOLVED]a");
        assert_eq!(text_for_title("a", false), "a");
        assert_eq!(text_for_title("[RESOLVED] a", false), "a");
        assert_eq!(text_for_title("[resolved]a", false), "a");
        assert_eq!(text_for_title("[RESOLVED]", false), "[RESOLVED]");
        assert_eq!(text_for_title("  a", false), "  a");
        assert_eq!(text_for_title("[RESOLVED] [Maintenance] a", false), "[Maintenance] a", "reopened");
        assert_eq!(text_for_title("[Resolved] [RESOLVED] a", false), "a");
        assert_eq!(text_for_title("", true), "[RESOLVED] ");
        let long = text_for_title(&"ä".repeat(200), true);
        assert!(long.len() <= 255 && long.ends_with('ä'), "{} bytes", long.len());
        assert_eq!(text_for_title(&long, true), long);
    }

    #[test]
    fn a_resolution_note_stands_above_an_untouched_text_once() {
        let body = "Broken since yesterday.\r\n\r\n- [ ] mine  \r\n";
        let once = resolution_note(body, IssueNumber(7), "Resolved by #5.");
        assert!(once.ends_with(body), "{once:?}");
        assert!(once.contains("## Resolution\r\n"), "{once:?}");
        assert!(once.contains("#7"), "{once:?}");
        assert_eq!(resolution_note(&once, IssueNumber(7), "Resolved by #5."), once);
        assert_eq!(without_resolution_note(&once).as_deref(), Some(body));
        assert_eq!(without_resolution_note(body), None);
        let other = resolution_note(&once, IssueNumber(7), "Resolved by #6.");
        assert!(other.ends_with(body) && !other.contains("#5"), "{other:?}");
    }
}
