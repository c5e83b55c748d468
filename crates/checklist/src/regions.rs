//! Where in the text code, HTML and quotations lie.

use std::ops::Range;

/// Ranges that are not running text. Each list is in the order of the text and without overlaps, because
/// the parser's events are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Regions {
    code: Vec<Range<usize>>,
    html: Vec<Range<usize>>,
    quote: Vec<Range<usize>>,
}

impl Regions {
    pub(crate) fn add_code(&mut self, range: Range<usize>) {
        if self.code.last().is_none_or(|last| last.end <= range.start) {
            self.code.push(range);
        }
    }

    pub(crate) fn add_html(&mut self, range: Range<usize>) {
        self.html.push(range);
    }

    pub(crate) fn add_quote(&mut self, range: Range<usize>) {
        self.quote.push(range);
    }

    pub(crate) fn code(&self, offset: usize) -> bool {
        within(&self.code, offset)
    }

    pub(crate) fn html(&self, offset: usize) -> bool {
        within(&self.html, offset)
    }

    pub(crate) fn quote(&self, offset: usize) -> bool {
        within(&self.quote, offset)
    }
}

/// Whether one of the ranges, which are in the order of the text, holds the offset.
pub(crate) fn within(ranges: &[Range<usize>], offset: usize) -> bool {
    let after = ranges.partition_point(|range| range.start <= offset);
    after > 0 && ranges[after - 1].end > offset
}
