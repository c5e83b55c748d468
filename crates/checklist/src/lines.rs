//! Lines and their endings, as `CommonMark` counts them: LF, CRLF and a lone CR all end a line.

use std::ops::Range;

use memchr::memchr2_iter;

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

/// The offsets at which lines begin.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = Vec::with_capacity(text.len() / 32 + 1);
        starts.push(0);
        let ends = |at: &usize| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n');
        starts.extend(memchr2_iter(b'\n', b'\r', bytes).filter(ends).map(|at| at + 1));
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
        let mut end = self.starts.get(index + 1).copied().unwrap_or(text.len());
        while end > start && matches!(text.as_bytes()[end - 1], b'\r' | b'\n') {
            end -= 1;
        }
        start..end
    }
}
