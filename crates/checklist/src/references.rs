//! References to issues, commits and addresses, found once over the whole text.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use crate::document::{Commit, Item, Link, Reference};
use crate::reader::Parts;
use crate::regions::within;

/// As the forge shortens them at least.
const SHORTEST_HASH: usize = 7;
/// A SHA-256.
const LONGEST_HASH: usize = 64;

/// Finds what tasks refer to, and gives each reference to the innermost task that holds it. `linked` is where
/// links and definitions stand already.
pub(crate) fn gather(text: &str, parts: &mut Parts, linked: &[Range<usize>]) {
    let Parts { items, references, regions, .. } = parts;
    *references = scan(text, |offset| regions.code(offset));
    references.retain(|reference| !regions.html(reference.span.start));
    give(items, references.iter().cloned(), |one| one.span.start, |item| &mut item.references);
    let roots = items.iter().filter(|item| item.parent.is_none()).map(|item| item.span.clone());
    let mut commits: Vec<_> =
        roots.flat_map(|span| commits(text, span, |offset| regions.code(offset))).collect();
    commits.retain(|commit| !regions.html(commit.span.start));
    give(items, commits.into_iter(), |one| one.span.start, |item| &mut item.commits);
    let free = addresses(text).into_iter().filter(|span| {
        let at = span.start;
        !(regions.code(at) || regions.html(at) || regions.quote(at) || within(linked, at))
    });
    let links = free.map(|span| {
        let address = text[span.clone()].to_owned();
        Link { destination: address.clone(), text: address, span }
    });
    give(items, links, |one| one.span.start, |item| &mut item.links);
    for item in items {
        item.links.sort_by_key(|link| link.span.start);
    }
}

/// Gives each of some values, which are in the order of the text, to the innermost item that holds it.
fn give<T>(
    items: &mut [Item],
    values: impl Iterator<Item = T>,
    at: impl Fn(&T) -> usize,
    place: impl Fn(&mut Item) -> &mut Vec<T>,
) {
    let mut open: Vec<usize> = Vec::new();
    let mut next = 0;
    for value in values {
        let offset = at(&value);
        while next < items.len() && items[next].span.start <= offset {
            open.push(next);
            next += 1;
        }
        while open.last().is_some_and(|&index| items[index].span.end <= offset) {
            open.pop();
        }
        if let Some(&index) = open.last() {
            place(&mut items[index]).push(value);
        }
    }
}

/// Every `#N` of the text that stands alone: not in a word, an address, an escape or an entity.
pub(crate) fn scan(text: &str, in_code: impl Fn(usize) -> bool) -> Vec<Reference> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for start in memchr_iter(b'#', bytes) {
        let before = text[..start].chars().next_back();
        if before.is_some_and(|character| {
            character.is_alphanumeric() || matches!(character, '#' | '&' | '/' | '\\' | '=' | '_' | '-' | '?')
        }) {
            continue;
        }
        let digits = bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = start + 1 + digits;
        // More digits than any forge numbers with: not a reference, and `parse` would not take it.
        if digits == 0 || digits > 18 || bytes[start + 1] == b'0' {
            continue;
        }
        if text[end..].chars().next().is_some_and(|character| character.is_alphanumeric() || character == '_')
        {
            continue;
        }
        if let Ok(number) = text[start + 1..end].parse() {
            found.push(Reference { number, span: start..end, in_code: in_code(start) });
        }
    }
    found
}

/// Every hash of a commit in a part of the text, whole or shortened, that stands alone as the forge wants it.
///
/// Words (`defaced`) and numbers (`20261121`) can be hashes as well; a shortened one is believed only when it has
/// letters and digits.
pub(crate) fn commits(text: &str, range: Range<usize>, in_code: impl Fn(usize) -> bool) -> Vec<Commit> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = range.start;
    while at + SHORTEST_HASH <= range.end {
        // From the end of the shortest back: what stands before a byte that is no digit begins no hash.
        if let Some(other) = bytes[at..at + SHORTEST_HASH].iter().rposition(|&byte| !is_digit(byte)) {
            at += other + 1;
            continue;
        }
        let start = at;
        at += bytes[at..range.end].iter().take_while(|&&byte| is_digit(byte)).count();
        let length = at - start;
        if length <= LONGEST_HASH
            && stands_alone(bytes, start..at)
            && (length == 40 || length == LONGEST_HASH || is_mixed(&bytes[start..at]))
        {
            let hash = text[start..at].to_owned();
            found.push(Commit { hash, span: start..at, in_code: in_code(start) });
        }
    }
    found
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn stands_alone(bytes: &[u8], span: Range<usize>) -> bool {
    let opens = |byte: u8| {
        byte.is_ascii_whitespace() || matches!(byte, b'(' | b'[' | b'`' | b'*' | b'"' | b'\'' | b'|' | b',')
    };
    let closes = |byte: u8| {
        byte.is_ascii_whitespace() || matches!(byte, b')' | b']' | b'`' | b'*' | b'"' | b'\'' | b'|' | b'<')
    };
    let before = span.start.checked_sub(1).and_then(|at| bytes.get(at));
    let ends = match bytes.get(span.end) {
        None => true,
        Some(b'.' | b',' | b':' | b';') => bytes.get(span.end + 1).is_none_or(|&byte| closes(byte)),
        Some(&byte) => closes(byte),
    };
    before.is_none_or(|&byte| opens(byte)) && ends
}

fn is_mixed(hash: &[u8]) -> bool {
    hash.iter().any(u8::is_ascii_digit) && hash.iter().any(u8::is_ascii_alphabetic)
}

/// Every bare address of the text, as GFM makes a link of it.
pub(crate) fn addresses(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for colon in memmem::find_iter(text.as_bytes(), "://") {
        let ahead = &text[..colon];
        let Some(start) = ["https", "http"].iter().find_map(|scheme| {
            let start = colon.checked_sub(scheme.len())?;
            ahead.get(start..)?.eq_ignore_ascii_case(scheme).then_some(start)
        }) else {
            continue;
        };
        let before = ahead[..start].chars().next_back();
        let opens = |character: char| character.is_whitespace() || matches!(character, '*' | '_' | '~' | '(');
        if !before.is_none_or(opens) || found.last().is_some_and(|last| last.end > start) {
            continue;
        }
        let rest = &text[colon + 3..];
        if !rest.starts_with(char::is_alphanumeric) {
            continue;
        }
        let inside = |character: char| {
            !character.is_whitespace() && !character.is_control() && !matches!(character, '<' | '|' | '`')
        };
        let length = rest.find(|character| !inside(character)).unwrap_or(rest.len());
        found.push(start..colon + 3 + without_punctuation(&rest[..length]).len());
    }
    found
}

/// Without what belongs to the sentence around an address: punctuation, and brackets that it does not open.
fn without_punctuation(address: &str) -> &str {
    let count = |bracket: char| address.matches(bracket).count();
    let mut surplus = count(')').saturating_sub(count('('));
    let mut rest = address;
    loop {
        let trimmed = rest.trim_end_matches(['?', '!', '.', ',', ':', ';', '*', '_', '~', '\'', '"']);
        match trimmed.strip_suffix(')') {
            Some(shorter) if surplus > 0 => {
                surplus -= 1;
                rest = shorter;
            }
            _ => return trimmed,
        }
    }
}
