//! Exactly one block of a kind, whatever became of its markers.
//!
//! A person, or a program that writes whole texts, may lose half of a block, paste a second copy, write into one or put
//! markers around somebody's words. What we wrote goes, line by line; every other line stays, below the block. A marker
//! that is taken away must not change how the rest is read: where it would, because its line began a heading or a fence
//! once it is gone, an empty comment stays in its place.

use super::marks::{self, Mark, close, is_proper, is_sum, normal_line, open};
use super::position::{self, Place};
use checklist::{Document, Edits};
use std::ops::Range;

/// How often a text is repaired before it is taken as it is: a removed marker may leave another one behind.
const MOST_REPAIRS: usize = 8;

/// More lines than this in a row that are not ours end what a lone marker claims.
const PATIENCE: usize = 3;

/// A line with fewer letters and digits than this may well be somebody else's: it counts as ours only right behind
/// another line of ours.
const TELLING: usize = 10;

/// What stays where taking a marker away would change how the rest is read.
const NEUTRAL: &str = "<!-- -->";

/// A piece of the text that markers of ours claim.
#[derive(Debug, Clone)]
struct Region {
    span: Range<usize>,
    inner: Range<usize>,
    /// Both markers are there, at the start of lines of the document itself.
    whole: bool,
}

impl Region {
    /// On which side of a lone marker the claimed piece lies.
    fn side(&self) -> Option<Side> {
        match (self.span.start == self.inner.start, self.span.end == self.inner.end) {
            (true, false) => Some(Side::Before),
            (false, true) => Some(Side::After),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The text with exactly one block of this name, as wished.
pub(super) fn place(text: &str, mark: &Mark<'_>, place: Place) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_REPAIRS {
        let Ok(document) = Document::parse(&text) else { return text };
        let found = regions(&document, mark.name);
        let block = marks::render(mark, document.line_ending());
        if found.is_empty() {
            return position::insert(&document, &block, mark.name, place);
        }
        let Some(next) = repaired(&document, &found, mark, &block) else { return text };
        drop(document);
        text = next;
    }
    text
}

/// The text with what was found repaired; `None` when all is well.
fn repaired(document: &Document<'_>, found: &[Region], mark: &Mark<'_>, block: &str) -> Option<String> {
    let text = document.text();
    let primary = found
        .iter()
        .position(|region| region.whole && mark.owns(&text[region.inner.clone()]))
        .or_else(|| found.iter().position(|region| region.whole));
    let ending = document.line_ending().as_str();
    let (mut bare, mut neutral, mut risky) = (Edits::new(), Edits::new(), false);
    for (index, region) in found.iter().enumerate() {
        let inner = &text[region.inner.clone()];
        let owned = region.whole && mark.owns(inner);
        let rest = if owned { String::new() } else { foreign(mark, inner, region.side()) };
        let new = if Some(index) != primary {
            rest.clone()
        } else if rest.trim().is_empty() {
            block.to_owned()
        } else {
            format!("{block}{ending}{ending}{}", rest.trim_start_matches(['\n', '\r']))
        };
        if text[region.span.clone()] == *new {
            continue;
        }
        let careful = if Some(index) == primary || owned {
            new.clone()
        } else {
            risky = true;
            let opening = if region.span.start < region.inner.start { NEUTRAL } else { "" };
            let closing = if region.inner.end < region.span.end { NEUTRAL } else { "" };
            format!("{opening}{rest}{closing}")
        };
        bare.replace(region.span.clone(), new);
        neutral.replace(region.span.clone(), careful);
    }
    if bare.is_empty() {
        return None;
    }
    let bare = bare.apply(text).ok()?;
    if !risky {
        return Some(bare);
    }
    let neutral = neutral.apply(text).ok()?;
    Some(if outline(&bare) == outline(&neutral) { bare } else { neutral })
}

/// What a reader makes of a text: its boxes, each with the headings above it, its headings and tables.
fn outline(text: &str) -> Option<Vec<String>> {
    let document = Document::parse(text).ok()?;
    let mut outline: Vec<String> = document
        .items()
        .iter()
        .map(|item| format!("{} {} {:?}", item.depth, item.text, item.headings))
        .collect();
    outline.extend(document.headings().iter().map(|heading| format!("{} {}", heading.level, heading.text)));
    outline
        .extend(document.tables().iter().map(|table| format!("{} {}", table.header.len(), table.rows.len())));
    Some(outline)
}

fn regions(document: &Document<'_>, name: &str) -> Vec<Region> {
    let markers = document.markers(&open(name), &close(name));
    let mut found: Vec<Region> = markers
        .blocks
        .into_iter()
        .map(|block| Region {
            whole: is_proper(document, block.span.start) && is_proper(document, block.inner.end),
            span: block.span,
            inner: block.inner,
        })
        .collect();
    for stray in markers.stray_open {
        let end = claimed_end(document, stray.end);
        found.push(Region { span: stray.start..end, inner: stray.end..end, whole: false });
    }
    for stray in markers.stray_close {
        let start = document
            .comments()
            .iter()
            .filter(|comment| comment.span.end <= stray.start && is_marker(&comment.content))
            .map(|comment| comment.span.end)
            .next_back()
            .unwrap_or(0);
        found.push(Region { span: start..stray.end, inner: start..stray.start, whole: false });
    }
    found.sort_by_key(|region| region.span.start);
    found.dedup_by(|next, kept| {
        let overlaps = next.span.start < kept.span.end;
        if overlaps {
            kept.span.end = kept.span.end.max(next.span.end);
        }
        overlaps
    });
    found
}

fn is_marker(content: &str) -> bool {
    content.strip_prefix('/').unwrap_or(content).starts_with("caretaker:")
        && !content.starts_with("caretaker:sum")
}

/// How far a lone opening marker can reach: to the next marker of ours, or the end.
fn claimed_end(document: &Document<'_>, start: usize) -> usize {
    document
        .comments()
        .iter()
        .find(|comment| comment.span.start >= start && is_marker(&comment.content))
        .map_or(document.text().len(), |comment| comment.span.start)
}

/// What of a claimed piece is not ours, with its own line endings.
fn foreign(mark: &Mark<'_>, inner: &str, side: Option<Side>) -> String {
    let lines: Vec<&str> = inner.split_inclusive('\n').collect();
    // Of all that we ever wrote there, what explains most of the lines is what stands there.
    let kept = mark
        .former
        .iter()
        .map(String::as_str)
        .chain([mark.text])
        .map(|known| not_ours(mark.name, &lines, known, side))
        .min_by_key(|kept| kept.iter().filter(|kept| **kept).count())
        .unwrap_or_else(|| vec![true; lines.len()]);
    lines.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(line, _)| *line).collect()
}

/// Which lines stay when what we wrote there is `known`.
fn not_ours(name: &str, lines: &[&str], known: &str, side: Option<Side>) -> Vec<bool> {
    let mut known: Vec<String> =
        known.lines().map(normal_line).filter(|line| !line.trim().is_empty()).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    if side == Some(Side::Before) {
        known.reverse();
        order.reverse();
    }
    let markers = [format!("<!-- {} -->", open(name)), format!("<!-- {} -->", close(name))];
    let mut kept = vec![true; lines.len()];
    let (mut at, mut missed, mut last_ours) = (0, 0, None);
    for (step, &index) in order.iter().enumerate() {
        let line = normal_line(lines[index]);
        if line.trim().is_empty() {
            continue;
        }
        let telling = line.chars().filter(|character| character.is_alphanumeric()).count() >= TELLING;
        let next = known[at..]
            .iter()
            .position(|own| *own == line)
            .filter(|&offset| telling || (offset == 0 && missed == 0))
            .map(|offset| at + offset + 1);
        let ours = next.is_some()
            || is_sum(&line)
            || super::approvals::is_approval_line(&line)
            || markers.iter().any(|marker| *marker == line);
        if ours {
            at = next.unwrap_or(at);
            kept[index] = false;
            missed = 0;
            last_ours = Some(step);
        } else {
            missed += 1;
            if side.is_some() && missed >= PATIENCE {
                break;
            }
        }
    }
    // Blank lines around what was ours were ours as well; beyond the last such line nothing is.
    for (step, &index) in order.iter().enumerate() {
        let near = step.checked_sub(1).is_none_or(|before| !kept[order[before]])
            || order.get(step + 1).is_some_and(|&after| !kept[after]);
        let reach = side.is_none() || last_ours.is_some_and(|last| step <= last);
        if lines[index].trim().is_empty() && near && reach {
            kept[index] = false;
        }
    }
    kept
}

/// Takes the block of this name out, when it is wholly ours.
pub(super) fn remove(text: &str, name: &str) -> String {
    let Ok(document) = Document::parse(text) else { return text.to_owned() };
    let mut edits = Edits::new();
    for (_, range) in marks::own_blocks(&document).into_iter().filter(|(own, _)| own == name) {
        let mut end = range.end;
        for _ in 0..2 {
            let rest = &text[end..];
            end += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        edits.remove(range.start..end);
    }
    edits.apply(text).unwrap_or_else(|_| text.to_owned())
}
