//! Blocks of ours between two HTML comments: found, repaired, replaced.
//!
//! Anybody can write a marker, lose half of one or paste a second copy, so a marker proves nothing. What lies between
//! two of them is ours when it carries the sum of itself, or when it is what we last wrote. Everything else between
//! them is looked at line by line: what we wrote goes, every other line stays, below the block.

use super::identity::hex;
use checklist::{Document, Edits, LineEnding};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// How often a text is repaired before it is taken as it is: a removed marker may leave another one behind.
const MOST_REPAIRS: usize = 8;

/// More lines than this in a row that are not ours end what a lone marker claims.
const PATIENCE: usize = 3;

/// A block as it shall be.
#[derive(Debug, Clone)]
pub(crate) struct Mark<'a> {
    name: &'a str,
    text: &'a str,
    former: Option<&'a str>,
}

/// Where a block goes when there is none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Above everything.
    Top,
    /// Below a leading title, else above everything.
    BelowTitle,
    /// Below the last of our other blocks that stand there, else as `BelowTitle`.
    BelowBlocks,
    /// Below the heading of the change log, else below everything, if it is read as a block there; else as
    /// `BelowBlocks`.
    ChangeLog,
}

impl<'a> Mark<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text, former: None }
    }

    /// What we last wrote there.
    pub(crate) fn after(self, former: Option<&'a str>) -> Self {
        Self { former, ..self }
    }
}

fn open(name: &str) -> String {
    format!("caretaker:{name}")
}

fn close(name: &str) -> String {
    format!("/caretaker:{name}")
}

/// A text as it is compared: line endings, blanks at the ends of lines and ticks of approvals do not count.
pub(crate) fn normal(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(normal_line).filter(|line| !is_sum(line)).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

fn normal_line(line: &str) -> String {
    let line = line.trim_end();
    match line.trim_start().strip_prefix("- [").and_then(|rest| rest.strip_prefix(['x', 'X', ' '])) {
        Some(rest) => format!("- [ {rest}"),
        None => line.to_owned(),
    }
}

fn is_sum(line: &str) -> bool {
    line.trim().strip_prefix("<!-- caretaker:sum ").is_some_and(|rest| rest.ends_with("-->"))
}

fn sum(name: &str, text: &str) -> String {
    let digest = Sha256::digest(format!("{name}\n{}", normal(text)).as_bytes());
    hex(&digest[..6])
}

/// Whether the inside of a block carries the sum of itself.
fn is_intact(name: &str, inner: &str) -> bool {
    inner
        .lines()
        .rfind(|line| is_sum(line))
        .and_then(|line| line.trim().strip_prefix("<!-- caretaker:sum ")?.strip_suffix("-->"))
        .is_some_and(|claimed| claimed.trim() == sum(name, inner))
}

/// The block as it is written, without a line ending behind it.
fn render(mark: &Mark<'_>, ending: LineEnding) -> String {
    let wrap = |text: &str| {
        let (name, sum) = (mark.name, sum(mark.name, text));
        format!(
            "<!-- caretaker:{name} -->\n{text}\n<!-- caretaker:sum {sum} -->\n<!-- /caretaker:{name} -->",
            text = text.trim_matches('\n')
        )
    };
    let text = mark.text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text
        .replace("<!-- caretaker:", "\\<!-- caretaker:")
        .replace("<!-- /caretaker:", "\\<!-- /caretaker:");
    let mut block = wrap(&text);
    if !is_closed(&block, mark.name) {
        // Something in the text would swallow the end: then it is shown as plain words.
        let plain: Vec<String> = text.lines().map(|line| crate::wording::quote_outside(line, 400)).collect();
        block = wrap(&plain.join("\n"));
    }
    match ending {
        LineEnding::Lf => block,
        LineEnding::CrLf => block.replace('\n', "\r\n"),
    }
}

/// Whether a block is read as one, and nothing in it swallows what follows.
fn is_closed(block: &str, name: &str) -> bool {
    let followed = format!("{block}\n\n- [ ] task\n");
    Document::parse(&followed).is_ok_and(|document| {
        let markers = document.markers(&open(name), &close(name));
        matches!(&markers.blocks[..], [only] if only.span == (0..block.len()))
            && document.items().last().is_some_and(|item| item.box_offset > block.len())
    })
}

/// A piece of the text that markers of ours claim.
#[derive(Debug, Clone)]
struct Region {
    span: Range<usize>,
    inner: Range<usize>,
    /// Both markers are there, at the start of lines of the document itself.
    whole: bool,
}

/// What lies inside blocks of ours: those of all names.
pub(crate) fn own_ranges(document: &Document<'_>) -> Vec<Range<usize>> {
    let mut names: Vec<&str> = document
        .comments()
        .iter()
        .filter_map(|comment| comment.content.strip_prefix("caretaker:"))
        .filter(|name| !name.contains(' '))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .flat_map(|name| document.markers(&open(name), &close(name)).blocks)
        .map(|block| block.span)
        .collect()
}

/// The inside of the first block of this name, its sum left out.
pub(crate) fn inside<'a>(document: &Document<'a>, name: &str) -> Option<&'a str> {
    let block = document.markers(&open(name), &close(name)).blocks.into_iter().next()?;
    Some(&document.text()[block.inner])
}

/// Whether two insides are the same but for what does not count.
pub(crate) fn same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

fn regions(document: &Document<'_>, name: &str) -> Vec<Region> {
    let markers = document.markers(&open(name), &close(name));
    let proper = |at: usize| {
        document
            .comments()
            .iter()
            .any(|comment| comment.span.start == at && !comment.inline && !comment.in_item)
            && (at == 0 || document.text()[..at].ends_with(['\n', '\r']))
    };
    let mut found: Vec<Region> = markers
        .blocks
        .into_iter()
        .map(|block| Region {
            whole: proper(block.span.start) && proper(block.inner.end),
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
            .unwrap_or_else(|| document.start());
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
fn foreign(inner: &str, ours: Option<&str>, bounded: Option<Side>) -> String {
    let lines: Vec<&str> = inner.split_inclusive('\n').collect();
    let mut known = ours.map(|text| text.lines().map(normal_line).collect::<Vec<_>>()).unwrap_or_default();
    let backwards = bounded == Some(Side::Before);
    if backwards {
        known.reverse();
    }
    let order: Vec<usize> =
        if backwards { (0..lines.len()).rev().collect() } else { (0..lines.len()).collect() };
    let mut kept = vec![true; lines.len()];
    let (mut at, mut missed, mut last_ours) = (0, 0, None);
    for (step, &index) in order.iter().enumerate() {
        let line = normal_line(lines[index]);
        if line.trim().is_empty() {
            continue;
        }
        let next = known[at..].iter().position(|own| *own == line).map(|offset| at + offset + 1);
        if is_sum(&line) || super::approvals::is_approval_line(&line) || next.is_some() {
            at = next.unwrap_or(at);
            kept[index] = false;
            missed = 0;
            last_ours = Some(step);
        } else {
            missed += 1;
            if bounded.is_some() && missed >= PATIENCE {
                break;
            }
        }
    }
    // Blank lines around what was ours were ours as well; beyond the last such line nothing is.
    for (step, &index) in order.iter().enumerate() {
        let blank = lines[index].trim().is_empty();
        let near = step.checked_sub(1).is_none_or(|before| !kept[order[before]])
            || order.get(step + 1).is_some_and(|&after| !kept[after]);
        let reach = match (bounded, last_ours) {
            (None, _) => true,
            (Some(_), Some(last)) => step <= last,
            (Some(_), None) => false,
        };
        if blank && near && reach {
            kept[index] = false;
        }
    }
    lines.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(line, _)| *line).collect()
}

/// On which side of a lone marker the claimed piece lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The text with exactly one block of this name, as wished.
pub(crate) fn place(text: &str, mark: &Mark<'_>, place: Place) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_REPAIRS {
        let Ok(document) = Document::parse(&text) else { return text };
        let found = regions(&document, mark.name);
        let ending = document.line_ending();
        let primary = found
            .iter()
            .position(|region| region.whole && is_ours(&text[region.inner.clone()], mark))
            .or_else(|| found.iter().position(|region| region.whole));
        let block = render(mark, ending);
        let mut edits = Edits::new();
        for (index, region) in found.iter().enumerate() {
            let inner = &text[region.inner.clone()];
            let rest = if region.whole && is_ours(inner, mark) {
                String::new()
            } else {
                let side =
                    match (region.span.start == region.inner.start, region.span.end == region.inner.end) {
                        (true, false) => Some(Side::Before),
                        (false, true) => Some(Side::After),
                        _ => None,
                    };
                foreign(inner, mark.former.or(Some(mark.text)), side)
            };
            let new = if Some(index) == primary {
                if rest.trim().is_empty() {
                    block.clone()
                } else {
                    let between = ending.as_str();
                    format!("{block}{between}{between}{}", rest.trim_start_matches(['\n', '\r']))
                }
            } else {
                rest
            };
            if text[region.span.clone()] != *new {
                edits.replace(region.span.clone(), new);
            }
        }
        if primary.is_none() && found.is_empty() {
            return insert(&document, &block, mark.name, place);
        }
        if edits.is_empty() {
            return text;
        }
        let Ok(next) = edits.apply(&text) else { return text };
        drop(document);
        text = next;
    }
    text
}

fn is_ours(inner: &str, mark: &Mark<'_>) -> bool {
    is_intact(mark.name, inner)
        || mark.former.is_some_and(|former| same(inner, former))
        || same(inner, mark.text)
}

/// Takes the block of this name out, when it is wholly ours.
pub(crate) fn remove(text: &str, name: &str) -> String {
    let Ok(document) = Document::parse(text) else { return text.to_owned() };
    let mut edits = Edits::new();
    for region in regions(&document, name) {
        if region.whole && is_intact(name, &text[region.inner.clone()]) {
            let mut end = region.span.end;
            for _ in 0..2 {
                let rest = &text[end..];
                end += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
            }
            edits.remove(region.span.start..end);
        }
    }
    edits.apply(text).unwrap_or_else(|_| text.to_owned())
}

fn insert(document: &Document<'_>, block: &str, name: &str, place: Place) -> String {
    let text = document.text();
    let ending = document.line_ending().as_str();
    let title = document.leading_title_end();
    let below_blocks = || {
        let top = title.unwrap_or_else(|| document.start());
        let mut end = None;
        for range in top_blocks(document) {
            end = Some(range.end);
        }
        end.unwrap_or(top)
    };
    let at = match place {
        Place::Top => document.start(),
        Place::BelowTitle => title.unwrap_or_else(|| document.start()),
        Place::BelowBlocks => below_blocks(),
        Place::ChangeLog => {
            let offset = super::change_log::section(document)
                .and_then(|section| document.headings().get(section))
                .map_or(text.len(), |heading| heading.span.end);
            let candidate = spliced(text, offset, block, ending);
            let read = Document::parse(&candidate)
                .is_ok_and(|document| matches!(&regions(&document, name)[..], [only] if only.whole));
            if read {
                return candidate;
            }
            below_blocks()
        }
    };
    spliced(text, at, block, ending)
}

/// Our intact blocks at the top, in their order.
fn top_blocks(document: &Document<'_>) -> Vec<Range<usize>> {
    let text = document.text();
    let mut end = document.leading_title_end().unwrap_or_else(|| document.start());
    let mut ranges = own_ranges(document);
    ranges.sort_by_key(|range| range.start);
    let mut found = Vec::new();
    for range in ranges {
        if range.start >= end && text[end..range.start].trim().is_empty() {
            end = range.end;
            found.push(range);
        }
    }
    found
}

fn spliced(text: &str, at: usize, block: &str, ending: &str) -> String {
    let (before, after) = text.split_at(at);
    // A byte order mark is nothing that a block is to be kept apart from.
    let first = matches!(before, "" | "\u{feff}");
    let mut result = String::with_capacity(text.len() + block.len() + 8);
    result.push_str(before);
    if !first {
        result.push_str(if before.ends_with('\n') { ending } else { "" });
        if !before.ends_with('\n') {
            result.push_str(ending);
            result.push_str(ending);
        }
    }
    result.push_str(block);
    if first || !after.starts_with(['\n', '\r']) {
        result.push_str(ending);
        if !after.is_empty() {
            result.push_str(ending);
        }
    } else {
        let rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')).unwrap_or(after);
        if !rest.is_empty() && !rest.starts_with(['\n', '\r']) {
            result.push_str(ending);
        }
    }
    result.push_str(after);
    result
}
