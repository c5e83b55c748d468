//! Tables, and the rows that people meant to belong to them.
//!
//! A linter's comment between the header and the rows ends a table by GFM's rules, so that the rows below
//! it are a paragraph of pipes. Whoever wrote them meant rows, and whoever appends one must do so below
//! them; so they are read as a continuation and marked as such.

use std::ops::Range;

use crate::html::Comment;
use crate::lines::Lines;

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its text without markup. In a continued row the source text: no Markdown is read there.
    pub text: String,
    /// Its source between the pipes, blanks at both ends left out; empty where the cell is missing.
    pub span: Range<usize>,
}

/// A row below the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<Cell>,
    /// The line, from 1.
    pub line: usize,
    /// From its first to its last character.
    pub span: Range<usize>,
    /// It comes after a comment that has ended the table by GFM's rules.
    pub continued: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The innermost heading above it, as an index into [`crate::Document::headings`].
    pub heading: Option<usize>,
    /// The header's cells.
    pub header: Vec<Cell>,
    /// The rows below the header, continued ones included.
    pub rows: Vec<Row>,
    /// The line of the header, from 1.
    pub line: usize,
    /// From the header to the last character of the last row.
    pub span: Range<usize>,
    /// After the last line of the table and before that line's ending: where a row is added.
    pub last_line_end: usize,
    /// What stands before a row on its line: the indentation.
    pub(crate) prefix: String,
}

impl Table {
    /// The column with this header, compared without regard to case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|cell| cell.text.eq_ignore_ascii_case(name))
    }
}

/// Reads the rows that follow a comment directly below each table, up to the next table.
pub(crate) fn continue_after_comments(text: &str, lines: &Lines, tables: &mut [Table], comments: &[Comment]) {
    for index in 0..tables.len() {
        let limit = tables.get(index + 1).map_or(text.len(), |next| next.span.start);
        continue_table(text, lines, &mut tables[index], comments, limit);
    }
}

fn continue_table(text: &str, lines: &Lines, table: &mut Table, comments: &[Comment], limit: usize) {
    let mut at = table.last_line_end;
    let mut commented = false;
    while let Some(start) = lines.next(at) {
        let line = lines.content(text, start);
        let source = &text[line.clone()];
        let content = source.trim();
        let offset = line.start + source.len() - source.trim_start().len();
        if offset >= limit {
            return;
        }
        if content.starts_with("<!--") {
            // Only a comment that ends its line ends the table and nothing else.
            let found = comments.partition_point(|comment| comment.span.start < offset);
            let Some(comment) = comments.get(found).filter(|one| one.closed && one.span.start == offset)
            else {
                return;
            };
            let last = lines.content(text, comment.span.end);
            if !text[comment.span.end..last.end].trim().is_empty() {
                return;
            }
            commented = true;
            at = last.end;
        } else if commented && content.starts_with('|') {
            let span = offset..offset + content.len();
            table.rows.push(Row {
                cells: split(text, span.clone()),
                line: lines.number(offset),
                span: span.clone(),
                continued: true,
            });
            table.span.end = span.end;
            table.last_line_end = line.end;
            at = line.end;
        } else {
            return;
        }
    }
}

/// The cells of a row that Markdown takes for a paragraph.
fn split(text: &str, row: Range<usize>) -> Vec<Cell> {
    let bytes = text.as_bytes();
    let mut cells = Vec::new();
    let mut start = row.start + 1;
    for at in row.start + 1..row.end {
        if bytes[at] == b'|' && bytes[at - 1] != b'\\' {
            cells.push(cell(text, start..at));
            start = at + 1;
        }
    }
    if start < row.end {
        cells.push(cell(text, start..row.end));
    }
    cells
}

fn cell(text: &str, range: Range<usize>) -> Cell {
    let source = &text[range.clone()];
    let start = range.start + source.len() - source.trim_start().len();
    let trimmed = source.trim();
    Cell { text: trimmed.replace("\\|", "|"), span: start..start + trimmed.len() }
}
