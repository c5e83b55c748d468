//! HTML comments, and the blocks that programs keep between two of them.
//!
//! Only real HTML counts: a marker in a code block, in inline code or in a quotation is somebody's
//! example or copy, and what it encloses is not ours.

use std::ops::Range;

/// An HTML comment of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// From `<!--` to `-->`, or to the end of its HTML block when it is not closed.
    pub span: Range<usize>,
    /// What stands between the delimiters, blanks at both ends removed.
    pub content: String,
    /// The line, from 1, on which it begins.
    pub line: usize,
    /// Whether `-->` was found. One that is not closed hides everything up to the end of its block.
    pub closed: bool,
    /// Whether it is part of a running text, not of an HTML block.
    pub inline: bool,
    /// Whether it lies inside a list item.
    pub in_item: bool,
}

/// The text between an opening and a closing marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Both markers and what lies between.
    pub span: Range<usize>,
    /// What lies between the markers.
    pub inner: Range<usize>,
}

/// All markers of one kind: well-formed blocks, and strays to repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markers {
    /// An opening marker with the closing marker that follows it, no other between.
    pub blocks: Vec<Block>,
    /// Opening markers that nothing closes before the next opening one, or at all.
    pub stray_open: Vec<Range<usize>>,
    /// Closing markers that close nothing.
    pub stray_close: Vec<Range<usize>>,
}

impl Markers {
    /// No marker of this kind at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.stray_open.is_empty() && self.stray_close.is_empty()
    }
}

/// Pairs opening with closing markers; the content of a comment must be the marker and nothing else.
pub(crate) fn markers(comments: &[Comment], open: &str, close: &str) -> Markers {
    let mut found = Markers::default();
    let mut pending: Option<Range<usize>> = None;
    for comment in comments.iter().filter(|comment| comment.closed) {
        if comment.content == open {
            found.stray_open.extend(pending.replace(comment.span.clone()));
        } else if comment.content == close {
            match pending.take() {
                Some(start) => found.blocks.push(Block {
                    span: start.start..comment.span.end,
                    inner: start.end..comment.span.start,
                }),
                None => found.stray_close.push(comment.span.clone()),
            }
        }
    }
    found.stray_open.extend(pending);
    found
}

/// Whether a tag ends a line, as people write more than one into a cell.
pub(crate) fn breaks_line(tag: &str) -> bool {
    let name = tag.trim_start_matches('<').split(|c: char| !c.is_ascii_alphanumeric()).next();
    name.is_some_and(|name| name.eq_ignore_ascii_case("br"))
}

/// Whether a tag opens what is struck out.
pub(crate) fn strikes_out(tag: &str) -> bool {
    let name = tag.trim_start_matches('<').split(|c: char| !c.is_ascii_alphanumeric()).next();
    name.is_some_and(|name| ["s", "del", "strike"].iter().any(|own| name.eq_ignore_ascii_case(own)))
}

/// A comment found in a piece of HTML.
pub(crate) struct RawComment {
    pub(crate) span: Range<usize>,
    pub(crate) inner: Range<usize>,
    pub(crate) closed: bool,
}

/// The comments in one piece of HTML of the source.
pub(crate) fn scan(text: &str, html: Range<usize>) -> Vec<RawComment> {
    const OPEN: &str = "<!--";
    const CLOSE: &str = "-->";
    let mut found = Vec::new();
    let mut at = html.start;
    while let Some(start) = text[at..html.end].find(OPEN).map(|position| at + position) {
        let inner = start + OPEN.len();
        let rest = &text[inner..html.end];
        // `<!-->` and `<!--->` are whole, empty comments.
        let (length, end) = if rest.starts_with('>') {
            (0, inner + 1)
        } else if rest.starts_with("->") {
            (0, inner + 2)
        } else if let Some(length) = rest.find(CLOSE) {
            (length, inner + length + CLOSE.len())
        } else {
            found.push(RawComment { span: start..html.end, inner: inner..html.end, closed: false });
            break;
        };
        found.push(RawComment { span: start..end, inner: inner..inner + length, closed: true });
        at = end;
    }
    found
}
