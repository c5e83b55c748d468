//! What the status block and the closing report say.

use super::one_line;
use crate::forge::IssueNumber;

/// The note above the text of a related issue or pull request.
pub(crate) fn resolution(issue: IssueNumber, note: &str) -> String {
    format!("## Resolution\n\nResolved as part of maintenance issue #{issue}. {}", one_line(note))
}
