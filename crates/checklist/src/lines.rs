//! Lines and their endings, as `CommonMark` counts them: LF, CRLF and a lone CR all end a line.

use std::borrow::Cow;
use std::ops::Range;

/// What ends the lines of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnding {
    /// A line feed.
    Lf,
    /// A carriage return and a line feed, as browsers send what was typed in a text area.
    CrLf,
}

impl LineEnding {
    /// The characters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }
}

/// The line ending that most lines of the text have; LF where there is none or as many of each.
#[must_use]
pub fn line_ending(text: &str) -> LineEnding {
    let (mut lf, mut crlf) = (0_usize, 0_usize);
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('\n') {
        if at > 0 && bytes[at - 1] == b'\r' {
            crlf += 1;
        } else {
            lf += 1;
        }
    }
    if crlf > lf { LineEnding::CrLf } else { LineEnding::Lf }
}

/// What a text may begin with that is no part of it.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The text as the parser is to see it: a byte order mark at its start as blank lines, every lone CR as an LF, a line
/// ending behind a box that ends the text. Offsets stay as they are. The parser knows no byte order mark, and a
/// lone CR in some places only, not in fences and HTML, so that it would see tasks in code; and an empty task it
/// knows only by the line ending behind it.
pub(crate) fn for_the_parser(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let lone = |at: usize| bytes.get(at + 1) != Some(&b'\n');
    let marked = text.starts_with(BYTE_ORDER_MARK);
    let unended = ["[ ]", "[x]", "[X]", "[\t]"].iter().any(|last| text.ends_with(last));
    if !marked && !unended && !text.match_indices('\r').any(|(at, _)| lone(at)) {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    if marked {
        replaced.extend(std::iter::repeat_n('\n', BYTE_ORDER_MARK.len()));
    }
    let rest = &text[replaced.len()..];
    let offset = replaced.len();
    replaced.extend(rest.char_indices().map(|(at, character)| match character {
        '\r' if lone(offset + at) => '\n',
        other => other,
    }));
    if unended {
        replaced.push('\n');
    }
    Cow::Owned(replaced)
}

/// The offsets at which lines begin.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let mut starts = vec![0];
        let bytes = text.as_bytes();
        // The feeds alone are found much faster than by looking at each byte.
        if text.contains('\r') {
            let ends = bytes.iter().enumerate().filter(|&(at, byte)| match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            });
            starts.extend(ends.map(|(at, _)| at + 1));
        } else {
            starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        }
        Self { starts }
    }

    /// The number of the line, from 1, that holds the offset.
    pub(crate) fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset)
    }

    /// Where the line that holds the offset begins.
    pub(crate) fn start(&self, offset: usize) -> usize {
        self.starts[self.number(offset) - 1]
    }

    /// The line that holds the offset, without its ending.
    pub(crate) fn content(&self, text: &str, offset: usize) -> Range<usize> {
        self.range(text, self.number(offset) - 1)
    }

    /// Where the line after the one that holds the offset begins, if there is one.
    pub(crate) fn next(&self, offset: usize) -> Option<usize> {
        self.starts.get(self.number(offset)).copied()
    }

    /// Every line, without its ending.
    pub(crate) fn each<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        (0..self.starts.len()).map(|index| &text[self.range(text, index)])
    }

    fn range(&self, text: &str, index: usize) -> Range<usize> {
        let start = self.starts[index];
        let end = self.starts.get(index + 1).copied().unwrap_or(text.len());
        start..start + text[start..end].trim_end_matches(['\r', '\n']).len()
    }
}
