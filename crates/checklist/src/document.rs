//! The values that a document is read into. All offsets are byte offsets into the text that was parsed.

use std::ops::Range;

use thiserror::Error;

use crate::boxes::BoxLike;
use crate::html::{self, Comment, Markers};
use crate::lines::{LineEnding, Lines, line_ending};
use crate::reader::{self, Parts};
use crate::source::BYTE_ORDER_MARK;
use crate::table::Table;

/// How deep list items and quotations may lie within each other.
pub const MAX_DEPTH: usize = 64;

/// The document nests list items or quotations deeper than [`MAX_DEPTH`], or so deep for so many lines that
/// reading it would take seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "line {line}: list items and quotations lie too deep within each other (more than {MAX_DEPTH}, or for too long)"
)]
pub struct TooDeep {
    /// The line, from 1, on which the limit is passed.
    pub line: usize,
}

/// A task list item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own that was read")]
pub struct Item {
    /// The byte between the brackets.
    pub box_offset: usize,
    /// Whether that byte is an `x` or `X`.
    pub ticked: bool,
    /// The line of the box, from 1.
    pub line: usize,
    /// How many list items, tasks or not, enclose this one.
    pub depth: usize,
    /// The nearest enclosing task list item, as an index into [`Document::items`].
    pub parent: Option<usize>,
    /// Where the list items that are no tasks and enclose this one begin, outermost first.
    pub within: Vec<usize>,
    /// Where the outermost list that holds it begins.
    pub list_start: usize,
    /// Where the list that holds it directly begins.
    pub inner_list_start: usize,
    /// The headings under which it stands, outermost first, as indexes into [`Document::headings`].
    pub headings: Vec<usize>,
    /// The whole item with its details and nested items, from its list marker to its last character.
    pub span: Range<usize>,
    /// What follows the box on its source line, leading blanks and the line's ending left out. Of
    /// blanks alone nothing is left, where a note would be added.
    pub first_line: Range<usize>,
    /// After the last character of that line that is not a blank: where a note is added.
    pub first_line_end: usize,
    /// Whether that place lies in inline code, a comment, emphasis or a link that goes on in the next line, so that a
    /// note there would become a part of it; or above the delimiters of a table, whose header the line would become.
    pub first_line_open: bool,
    /// Its first paragraph without markup, the text of inline code included; source lines are separated
    /// by `\n`.
    pub text: String,
    /// The part of `text` before the first continuation line that has a label, on one line.
    pub title: String,
    /// What stands before a leading colon, as `A1 P0 Apps` in `**A1 P0 Apps**: title`.
    pub label: Option<String>,
    /// Whether the label is bold, so that it was surely meant as one.
    pub label_bold: bool,
    /// Whether some of the title is struck out.
    pub struck: bool,
    /// Inline code of the title.
    pub inline_code: Vec<String>,
    /// What hangs below: labelled lines, bullets, paragraphs, code, in the order of the text. Nested tasks
    /// are items of their own.
    pub details: Vec<Detail>,
    /// Links of the item and its details, bare addresses included.
    pub links: Vec<Link>,
    /// References (`#12`) of the item and its details.
    pub references: Vec<Reference>,
    /// Hashes of commits in the item and its details.
    pub commits: Vec<Commit>,
}

/// What form a detail has in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DetailKind {
    /// A list item that is no task, with everything below it.
    Bullet,
    /// A labelled line in the running text of the item.
    Line,
    /// A paragraph, or a heading, that belongs to the item.
    Paragraph,
    /// A code block that follows no label.
    Code {
        /// Fenced, not indented.
        fenced: bool,
        /// What stands behind the opening fence.
        info: String,
    },
    /// A quotation; its text is kept, its code is not: it is somebody else's.
    Quote,
}

/// A part of an item below its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Its form.
    pub kind: DetailKind,
    /// `Commands` of `**Commands**: …`, `**Commands:** …` or `Commands: …`.
    pub label: Option<String>,
    /// Whether the label is bold, so that it was surely meant as one.
    pub label_bold: bool,
    /// The text without the label and without markup, inline code included; lines separated by `\n`.
    pub text: String,
    /// Inline code, in order.
    pub inline_code: Vec<String>,
    /// The content of code blocks, in order. A block that follows a label belongs to the label's detail.
    pub code_blocks: Vec<String>,
    /// Where it stands.
    pub span: Range<usize>,
}

/// A heading of the document itself, not one within a list item or a quotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// From 1 to 6.
    pub level: usize,
    /// Without markup.
    pub text: String,
    /// The line, from 1, on which it begins.
    pub line: usize,
    /// From its first to its last character.
    pub span: Range<usize>,
    /// Whether some of it is struck out.
    pub struck: bool,
}

/// What kind of running text a passage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassageKind {
    /// A paragraph of the document itself.
    Paragraph,
    /// A paragraph in a quotation.
    Quote,
    /// A block of HTML.
    Html,
    /// A list item that is no task and lies in none.
    Bullet {
        /// Where the list that holds it directly begins.
        list: usize,
    },
}

/// A piece of running text that belongs to no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What it is.
    pub kind: PassageKind,
    /// Where it stands, markup included.
    pub span: Range<usize>,
}

/// A link, an autolink, or a bare address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub destination: String,
    /// Its text without markup.
    pub text: String,
    /// Where it stands.
    pub span: Range<usize>,
}

/// A reference to an issue or a pull request: `#12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The number.
    pub number: u64,
    /// Where it stands, `#` included.
    pub span: Range<usize>,
    /// Whether it lies in inline code or a code block, where the forge makes no link of it.
    pub in_code: bool,
}

/// The hash of a commit, whole or shortened to seven digits at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// As it is written.
    pub hash: String,
    /// Where it stands.
    pub span: Range<usize>,
    /// Whether it lies in inline code or a code block.
    pub in_code: bool,
}

/// A Markdown text, read.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    text: &'a str,
    lines: Lines,
    parts: Parts,
}

impl<'a> Document<'a> {
    /// Reads a text. The only text refused is one that nests too deeply.
    pub fn parse(text: &'a str) -> Result<Self, TooDeep> {
        let lines = Lines::new(text);
        let parts = reader::read(text, &lines)?;
        Ok(Self { text, lines, parts })
    }

    /// The text that was read.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The task list items, in the order of the text.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.parts.items
    }

    /// The headings, in the order of the text.
    #[must_use]
    pub fn headings(&self) -> &[Heading] {
        &self.parts.headings
    }

    /// The running text that belongs to no task, in the order of the text.
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        &self.parts.passages
    }

    /// The tables outside quotations, in the order of the text.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.parts.tables
    }

    /// The HTML comments outside code and quotations, in the order of the text.
    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.parts.comments
    }

    /// Every `#N` of the document, code included, HTML excluded, in the order of the text.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.parts.references
    }

    /// Text that looks like a task's box and is none.
    #[must_use]
    pub fn box_likes(&self) -> &[BoxLike] {
        &self.parts.box_likes
    }

    /// The blocks between comments whose whole content is `open` and `close`, and the strays.
    #[must_use]
    pub fn markers(&self, open: &str, close: &str) -> Markers {
        html::markers(&self.parts.comments, open, close)
    }

    /// Where the text itself begins: behind a byte order mark, if there is one. What is put before it makes the
    /// mark a character of the line that follows, and a task there none.
    #[must_use]
    pub fn start(&self) -> usize {
        if self.text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
    }

    /// The end of a level 1 heading that is the first block of the text, before the line's ending.
    #[must_use]
    pub fn leading_title_end(&self) -> Option<usize> {
        self.parts.leading_title_end
    }

    /// The text of a section: from after a heading to the next heading of its level or above, or the end.
    #[must_use]
    pub fn section(&self, heading: usize) -> Option<Range<usize>> {
        let own = self.parts.headings.get(heading)?;
        let next = self.parts.headings[heading + 1..].iter().find(|other| other.level <= own.level);
        Some(own.span.end..next.map_or(self.text.len(), |other| other.span.start))
    }

    /// The number, from 1, of the line that holds an offset.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.lines.number(offset)
    }

    /// Whether the byte at an offset lies in inline code or a code block.
    #[must_use]
    pub fn is_code(&self, offset: usize) -> bool {
        self.parts.regions.code(offset)
    }

    /// What most lines of the text end with.
    #[must_use]
    pub fn line_ending(&self) -> LineEnding {
        line_ending(self.text)
    }
}
