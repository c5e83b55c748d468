//! Titles, and the notes on issues and pull requests that a run closes besides its own.

use super::marks;
use crate::forge::IssueNumber;
use crate::wording;

/// What the forge's database takes.
const LONGEST_TITLE: usize = 255;

const RESOLVED: &str = "[RESOLVED] ";

/// The title with the mark of the resolved, or without it; never marked twice, never longer than the forge takes.
pub(crate) fn text_for_title(title: &str, resolved: bool) -> String {
    let marked =
        title.get(..RESOLVED.len() - 1).is_some_and(|start| start.eq_ignore_ascii_case(RESOLVED.trim()));
    let mut text = match (resolved, marked) {
        (true, false) => format!("{RESOLVED}{}", title.trim_start()),
        // A title that is nothing but the mark stays: the forge takes no empty one.
        (false, true) => match title[RESOLVED.len() - 1..].trim_start() {
            "" => title.to_owned(),
            rest => rest.to_owned(),
        },
        (true, true) | (false, false) => title.to_owned(),
    };
    if text.len() > LONGEST_TITLE {
        let cut = (0..=LONGEST_TITLE).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(cut);
        text.truncate(text.trim_end().len());
    }
    text
}

/// The body of a related issue or pull request with our note above its own, untouched text. Applying it again with
/// another note replaces the note. `note` is our own Markdown.
pub(crate) fn resolution_note(body: &str, issue: IssueNumber, note: &str) -> String {
    let text = wording::resolution(issue, note);
    marks::place(body, &marks::Mark::new("resolution", &text), marks::Place::Top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_marked_once_and_cut_on_a_character() {
        assert_eq!(text_for_title("[Maintenance] a", true), "[RESOLVED] [Maintenance] a");
        assert_eq!(text_for_title("[RESOLVED] a", true), "[RESOLVED] a");
        assert_eq!(text_for_title("[resolved] a", true), "[resolved] a");
        assert_eq!(text_for_title("a", false), "a");
        assert_eq!(text_for_title("[RESOLVED] a", false), "a");
        assert_eq!(text_for_title("[resolved]a", false), "a");
        assert_eq!(text_for_title("[RESOLVED]", false), "[RESOLVED]");
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
        let other = resolution_note(&once, IssueNumber(7), "Resolved by #6.");
        assert!(other.ends_with(body) && !other.contains("#5"), "{other:?}");
    }
}
