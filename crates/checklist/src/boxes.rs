//! Text that looks like a task's box and is none, so that its author can be told.

use memchr::memchr3_iter;

use crate::document::Item;
use crate::lines::Lines;
use crate::regions::Regions;

/// Why something that looks like a box is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BoxLikeReason {
    /// It lies in inline code or in a code block.
    InCode,
    /// It lies in a quotation.
    InQuote,
    /// It lies in HTML or in a comment.
    InHtml,
    /// It is not written as GFM demands: `- **[ ]** …`, `-[ ] …`, `- []`.
    Malformed,
}

/// Text that looks like a box and is not a GFM task list item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxLike {
    /// The line, from 1.
    pub line: usize,
    /// Where the opening bracket stands, or the character that is drawn as a box.
    pub offset: usize,
    /// Why it is not a task.
    pub reason: BoxLikeReason,
}

/// What stands before an opening bracket.
struct Before {
    /// A list marker: `-`, `*`, `+`, `1.`, `1)`.
    marker: bool,
    /// Nothing but indentation and container markers up to the start of the line.
    at_line_start: bool,
}

pub(crate) fn scan(text: &str, lines: &Lines, items: &[Item], regions: &Regions) -> Vec<BoxLike> {
    let mut found: Vec<BoxLike> = Vec::new();
    let mut real = items.iter().map(|item| item.box_offset - 1).peekable();
    for offset in memchr3_iter(b'[', b'(', DRAWN[0], text.as_bytes()) {
        let rest = &text.as_bytes()[offset..];
        if rest[0] == b'(' && !is_round(rest) {
            continue;
        }
        let round = rest[0] == b'(';
        let drawn = rest[0] == DRAWN[0];
        if drawn && !(rest.starts_with(&DRAWN) && matches!(rest.get(2), Some(0x90..=0x92))) {
            continue;
        }
        while real.next_if(|&bracket| bracket < offset).is_some() {}
        if real.next_if_eq(&offset).is_some() || !drawn && !round && !looks_like_box(&text[offset..]) {
            continue;
        }
        let before = before(text, offset);
        // Without a list marker only what GFM itself takes for the inside of a box looks like one.
        if !drawn && !before.marker && (round || !looks_like_gfm(&text[offset..])) {
            continue;
        }
        let reason = if regions.code(offset) && before.marker {
            BoxLikeReason::InCode
        } else if regions.html(offset) && before.marker {
            BoxLikeReason::InHtml
        } else if regions.code(offset) || regions.html(offset) || !before.at_line_start {
            continue;
        } else if regions.quote(offset) {
            BoxLikeReason::InQuote
        } else {
            BoxLikeReason::Malformed
        };
        let line = lines.number(offset);
        if found.last().is_none_or(|last| last.line != line || last.reason != reason) {
            found.push(BoxLike { line, offset, reason });
        }
    }
    found
}

/// How the characters that are drawn as a box (`☐`, `☑`, `☒`) begin.
const DRAWN: [u8; 2] = [0xE2, 0x98];

/// `( )`, `(x)`: a box with the wrong brackets.
fn is_round(rest: &[u8]) -> bool {
    matches!(rest, [b'(', b' ' | b'x' | b'X', b')', b' ' | b'\t', ..])
}

/// A blank that people do not see: no list marker and no box has one.
const NO_BREAK: char = '\u{a0}';

/// Whether nothing but blanks or an x lies between the brackets.
fn looks_like_gfm(text: &str) -> bool {
    let inside = text
        .split(']')
        .next()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_matches([' ', '\t', NO_BREAK]);
    matches!(inside, "" | "x" | "X")
}

/// Brackets with at most a mark and blanks between them that are not the start of a link.
fn looks_like_box(text: &str) -> bool {
    let Some(close) = text.bytes().take(8).position(|byte| byte == b']') else { return false };
    let inner = text[1..close].trim_matches([' ', '\t', NO_BREAK]);
    let link = text[close + 1..].starts_with(['(', '[', ':']);
    let mut marks = inner.chars();
    let marked = match (marks.next(), marks.next()) {
        (Some(mark), None) => "xXoO-~*+✓✔✗✘✅❌/.>!<".contains(mark),
        (Some('✔' | '❌'), Some('\u{fe0f}')) | (None, _) => true,
        _ => false,
    };
    marked && !link
}

fn before(text: &str, offset: usize) -> Before {
    let start_of_line = |rest: &str| rest.is_empty() || rest.ends_with(['\n', '\r']);
    let blanks: &[char] = &[' ', '\t', NO_BREAK];
    let ahead = &text[..offset];
    let bare = ahead.trim_end_matches(['*', '_', '~', '\\']);
    let spaced = bare.trim_end_matches(blanks);
    // `*[ ]`: the bullet was taken for emphasis.
    let star = ahead.len() > bare.len() && start_of_line(spaced);
    if spaced.ends_with('|')
        && text[text[..offset].rfind(['\n', '\r']).map_or(0, |at| at + 1)..].trim_start().starts_with('|')
    {
        // A cell of a table, where nothing is a task.
        return Before { marker: true, at_line_start: true };
    }
    let rest = spaced
        .strip_suffix(['-', '*', '+', '–', '—', '•', '‣', '◦', '▪', '·'])
        .or_else(|| {
            let number = spaced.strip_suffix(['.', ')'])?;
            let rest = number.trim_end_matches(|character: char| character.is_ascii_digit());
            (rest.len() < number.len()).then_some(rest)
        })
        .filter(|rest| !rest.ends_with(|character: char| character.is_alphanumeric()));
    let marker = star || rest.is_some();
    let containers = rest.unwrap_or(spaced).trim_end_matches([' ', '\t', '>', '-', '*', '+', '–', '—', '•']);
    Before { marker, at_line_start: start_of_line(containers) }
}

/// Whether a text begins with a box as GFM wants it, and whether that is ticked.
pub(crate) fn at_start(text: &str) -> Option<bool> {
    let bytes = text.as_bytes();
    let (Some(b'['), Some(&state), Some(b']')) = (bytes.first(), bytes.get(1), bytes.get(2)) else {
        return None;
    };
    let apart = bytes.get(3).is_none_or(|&byte| is_blank(byte) || matches!(byte, b'\n' | b'\r'));
    let ticked = matches!(state, b'x' | b'X');
    (apart && (ticked || is_blank(state))).then_some(ticked)
}

pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0b' | b'\x0c')
}
