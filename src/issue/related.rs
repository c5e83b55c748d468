//! Titles, and the notes on issues and pull requests that a run closes besides its own.

use crate::forge::IssueNumber;

/// The title with or without the mark of the resolved; never twice, never longer than the forge takes.
pub(crate) fn text_for_title(title: &str, resolved: bool) -> String {
    if resolved { format!("[RESOLVED] {title}") } else { title.to_owned() }
}

/// The body of a related issue or pull request with our note above its own text; idempotent for the same issue.
pub(crate) fn resolution_note(body: &str, issue: IssueNumber, note: &str) -> String {
    format!("## Resolution\n\n{note} (#{issue})\n\n{body}")
}
