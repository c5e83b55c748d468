//! The text twice: as it was given, and as the parser is to see it, with the same offsets.

use std::borrow::Cow;
use std::ops::Range;

use crate::boxes::{at_start, is_blank};

/// What a text may begin with that is no part of it.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What the parser sees in the place of a box that it would misread: a character of as many bytes that is no mark.
const STAND_IN: &str = "\u{e000}";

/// The boxes that the parser would misread: one with nothing behind it it takes for an empty item, which ends at a
/// blank line; one with a tab before it it sees even where it is indented code; one at the end of the text, or in
/// the line below its list marker, it does not see, and there a ticked one may even be a link.
fn misread(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    text.match_indices('[').map(|(at, _)| at).filter(move |&at| {
        if at_start(&text[at..]).is_none() {
            return false;
        }
        let blanks = bytes[..at].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match at.checked_sub(blanks + 1).map(|before| bytes[before]) {
            None | Some(b'\n' | b'\r') => true,
            Some(b'-' | b'*' | b'+' | b'.' | b')') if blanks > 0 => {
                let next = bytes[at + 3..].iter().find(|&&byte| !is_blank(byte));
                bytes[at - blanks..at].contains(&b'\t')
                    || next.is_none_or(|byte| matches!(byte, b'\n' | b'\r'))
            }
            Some(_) => false,
        }
    })
}

/// The text as the parser is to see it. Offsets stay as they are. It knows no byte order mark, so one at the start
/// becomes blank lines; it knows a lone CR in some places only, not in fences and HTML, and would see tasks in code,
/// so each becomes an LF; and the boxes that it would misread get a stand-in.
pub(crate) fn for_the_parser(text: &str) -> Cow<'_, str> {
    let mut changes: Vec<(usize, usize, &str)> = Vec::new();
    if text.starts_with(BYTE_ORDER_MARK) {
        changes.push((0, BYTE_ORDER_MARK.len(), "\n\n\n"));
    }
    let bytes = text.as_bytes();
    let lone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    changes.extend(text.match_indices('\r').map(|(at, _)| at).filter(lone).map(|at| (at, 1, "\n")));
    changes.extend(misread(text).map(|at| (at, STAND_IN.len(), STAND_IN)));
    if changes.is_empty() {
        return Cow::Borrowed(text);
    }
    changes.sort_unstable();
    let mut replaced = String::with_capacity(text.len());
    let mut last = 0;
    for (at, length, new) in changes {
        replaced.push_str(&text[last..at]);
        replaced.push_str(new);
        last = at + length;
    }
    replaced.push_str(&text[last..]);
    Cow::Owned(replaced)
}

/// A text in both forms.
pub(crate) struct Source<'a> {
    /// As it was given.
    pub(crate) given: &'a str,
    /// As the parser sees it.
    pub(crate) text: &'a str,
    /// The end of a range and where its last character is. Items that lie within each other end at one place,
    /// and the blank lines there are to be looked at once.
    last_end: (usize, usize),
}

impl<'a> Source<'a> {
    pub(crate) const fn new(given: &'a str, text: &'a str) -> Self {
        Self { given, text, last_end: (0, 0) }
    }

    /// Text as it was given: with boxes in the place of their stand-ins.
    pub(crate) fn as_given<'t>(&self, text: &'t str, range: &Range<usize>) -> Cow<'t, str> {
        if !text.contains(STAND_IN) {
            return Cow::Borrowed(text);
        }
        let mut given = String::with_capacity(text.len());
        let mut rest = text;
        for (offset, _) in self.text[range.clone()].match_indices(STAND_IN) {
            let Some(at) = rest.find(STAND_IN) else { break };
            let start = range.start + offset;
            given.push_str(&rest[..at]);
            given.push_str(&self.given[start..start + STAND_IN.len()]);
            rest = &rest[at + STAND_IN.len()..];
        }
        given.push_str(rest);
        Cow::Owned(given)
    }

    /// A range without the blanks and line endings around it. The parser counts an indentation in
    /// columns, so that with tabs a range may begin some bytes early.
    pub(crate) fn trimmed(&mut self, range: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(range.start);
        let (end, last) = self.last_end;
        let end = if range.end == end && start <= last {
            last
        } else {
            let trimmed = start + self.text[start..range.end].trim_end().len();
            // A blank range says nothing of what stands before it.
            if trimmed > start {
                self.last_end = (range.end, trimmed);
            }
            trimmed
        };
        let source = &self.text[start..end];
        start + source.len() - source.trim_start().len()..end
    }
}
