//! The text twice: as it was given, and as the parser is to see it, with the same offsets.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};

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
    memchr_iter(b'[', bytes).filter(move |&at| {
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
/// so each becomes an LF; it knows some tags in small letters only; and the boxes that it would misread get a
/// stand-in.
pub(crate) fn for_the_parser(text: &str) -> Cow<'_, str> {
    let mut changes: Vec<(usize, usize, &str)> = Vec::new();
    if text.starts_with(BYTE_ORDER_MARK) {
        changes.push((0, BYTE_ORDER_MARK.len(), "\n\n\n"));
    }
    let bytes = text.as_bytes();
    let lone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    changes.extend(memchr_iter(b'\r', bytes).filter(lone).map(|at| (at, 1, "\n")));
    changes.extend(loud_tags(text));
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

/// Inline code over several lines, with the boxes in it that have a stand-in.
fn with_boxes(text: &str, seen: &str, given: &str) -> String {
    let mut boxes = seen.match_indices(STAND_IN).map(|(at, _)| &given[at..at + STAND_IN.len()]);
    let mut parts = text.split(STAND_IN);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str(boxes.next().unwrap_or(STAND_IN));
        whole.push_str(part);
    }
    whole
}

/// The closing tags that the parser knows in small letters only, though HTML has no regard to case.
fn loud_tags(text: &str) -> impl Iterator<Item = (usize, usize, &'static str)> {
    memmem::find_iter(text.as_bytes(), "</").filter_map(|at| {
        let name = &text.as_bytes()[at + 2..];
        let known = ["pre", "script", "style", "textarea"].into_iter().find(|known| {
            name.get(..known.len()).is_some_and(|name| name.eq_ignore_ascii_case(known.as_bytes()))
        })?;
        (!name.starts_with(known.as_bytes())).then_some((at + 2, known.len(), known))
    })
}

/// A text in both forms.
pub(crate) struct Source<'a> {
    /// As it was given.
    pub(crate) given: &'a str,
    /// As the parser sees it.
    pub(crate) text: &'a str,
    /// Both are the same, without a null character.
    plain: bool,
    /// The end of a range and where its last character is. Items that lie within each other end at one place,
    /// and the blank lines there are to be looked at once.
    last_end: (usize, usize),
}

impl<'a> Source<'a> {
    pub(crate) fn new(given: &'a str, text: &'a str) -> Self {
        let plain = std::ptr::eq(given, text) && memchr(b'\0', given.as_bytes()).is_none();
        Self { given, text, plain, last_end: (0, 0) }
    }

    /// Text of an event as it was given and as a page shows it: without stand-ins, and with U+FFFD for a null
    /// character, as `CommonMark` wants it; no page, journal or command line could hold one.
    pub(crate) fn shown<'t>(&self, text: &'t str, range: &Range<usize>) -> Cow<'t, str> {
        if self.plain {
            return Cow::Borrowed(text);
        }
        let (seen, given) = (&self.text[range.clone()], &self.given[range.clone()]);
        let mut shown = Cow::Borrowed(text);
        if seen != given {
            shown = Cow::Owned(match seen.find(text) {
                Some(at) => given[at..at + text.len()].replace('\r', "\n"),
                None => with_boxes(text, seen, given),
            });
        }
        if shown.contains('\0') {
            shown = Cow::Owned(shown.replace('\0', "\u{fffd}"));
        }
        shown
    }

    /// A range without the blanks and line endings around it. The parser counts an indentation in
    /// columns, so that with tabs a range may begin some bytes early.
    pub(crate) fn trimmed(&mut self, range: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(range.start);
        let (end, last) = self.last_end;
        let end = if range.end == end && start <= last {
            last
        } else {
            let source = &self.text[start..range.end];
            let blank = |byte: &u8| !byte.is_ascii_graphic();
            let trimmed = start
                + if source.as_bytes().last().is_none_or(blank) { source.trim_end() } else { source }.len();
            // A blank range says nothing of what stands before it.
            if trimmed > start {
                self.last_end = (range.end, trimmed);
            }
            trimmed
        };
        let source = &self.text[start..end];
        if source.as_bytes().first().is_some_and(u8::is_ascii_graphic) {
            return start..end;
        }
        start + source.len() - source.trim_start().len()..end
    }
}
