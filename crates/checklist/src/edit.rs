//! Changes to a text, collected first and applied at once.
//!
//! Whoever changes a shared text in several steps works on offsets that the step before has moved. Here
//! all changes speak of the text as it was read; two that touch the same bytes are an error of the
//! program, which is reported and changes nothing.

use std::ops::Range;

use thiserror::Error;

use crate::document::Item;
use crate::lines::LineEnding;
use crate::table::Table;

/// Why edits cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// An edit begins or ends outside the text or inside a character.
    #[error("the edit of {start}..{end} does not lie on character borders of the text")]
    NotInText {
        /// Where the edit begins.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// Two edits touch the same bytes.
    #[error("the edits of {first:?} and {second:?} overlap")]
    Overlap {
        /// The one that begins first.
        first: Range<usize>,
        /// The one that reaches into it.
        second: Range<usize>,
    },
}

#[derive(Debug, Clone)]
struct Edit {
    range: Range<usize>,
    text: String,
}

/// A collection of changes to one text.
///
/// Insertions at the same place are applied in the order in which they were added; one at the border of
/// a replaced range stays outside of it.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    edits: Vec<Edit>,
}

impl Edits {
    /// No change yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Puts `text` in the place of a range.
    pub fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push(Edit { range, text: text.into() });
    }

    /// Puts `text` before the byte at `offset`.
    pub fn insert(&mut self, offset: usize, text: impl Into<String>) {
        self.replace(offset..offset, text);
    }

    /// Removes a range.
    pub fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// Ticks or unticks a box: one byte, none when it is as wished already.
    pub fn set_box(&mut self, item: &Item, ticked: bool) {
        if item.ticked != ticked {
            self.replace(item.box_offset..item.box_offset + 1, if ticked { "x" } else { " " });
        }
    }

    /// Adds `text` after the last character of an item's first source line that is not a blank.
    pub fn append_to_first_line(&mut self, item: &Item, text: impl Into<String>) {
        self.insert(item.first_line_end, text);
    }

    /// Adds a row after the last line of a table. Pipes and line ends in the cells are made harmless;
    /// missing cells are added empty.
    pub fn append_row<S: AsRef<str>>(&mut self, table: &Table, cells: &[S], ending: LineEnding) {
        let mut row = format!("{}{}|", ending.as_str(), table.prefix);
        for column in 0..cells.len().max(table.header.len()) {
            let cell = cells.get(column).map_or("", AsRef::as_ref);
            row.push(' ');
            for character in cell.trim().chars() {
                match character {
                    '|' => row.push_str("\\|"),
                    '\n' | '\r' => row.push(' '),
                    other => row.push(other),
                }
            }
            row.push_str(" |");
        }
        self.insert(table.last_line_end, row);
    }

    /// The text with every change made and every other byte as it was.
    pub fn apply(mut self, text: &str) -> Result<String, EditError> {
        // Stable: what was added first at one place comes first there.
        self.edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let grown: usize = self.edits.iter().map(|edit| edit.text.len()).sum();
        let mut result = String::with_capacity(text.len() + grown);
        let mut last = 0..0;
        for Edit { range, text: new } in self.edits {
            if range.start > range.end
                || !text.is_char_boundary(range.start)
                || !text.is_char_boundary(range.end)
            {
                return Err(EditError::NotInText { start: range.start, end: range.end });
            }
            if range.start < last.end {
                return Err(EditError::Overlap { first: last, second: range });
            }
            result.push_str(&text[last.end..range.start]);
            result.push_str(&new);
            last = range;
        }
        result.push_str(&text[last.end..]);
        Ok(result)
    }
}
