//! Blocks of ours between two HTML comments: how they are written, and how they are recognised.
//!
//! Anybody can write a marker, lose half of one or paste a second copy, so a marker proves nothing. What lies between
//! two of them is ours when it carries the sum of itself, or when it is what we last wrote. What becomes of everything
//! else between markers is the business of [`super::repair`].

use super::found::{Own, without_note};
use super::identity::hex;
use checklist::{Comment, Document, LineEnding};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// A block as it shall be.
#[derive(Debug, Clone)]
pub(super) struct Mark<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// What we wrote there before, newest first.
    pub(super) former: &'a [String],
}

impl<'a> Mark<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text, former: &[] }
    }

    /// What we wrote there before, newest first.
    pub(super) fn after(self, former: &'a [String]) -> Self {
        Self { former, ..self }
    }

    /// Whether the inside of a block is nobody's but ours.
    pub(super) fn owns(&self, inner: &str) -> bool {
        is_intact(self.name, inner)
            || self.former.iter().any(|former| same(inner, former))
            || same(inner, self.text)
    }
}

pub(super) fn open(name: &str) -> String {
    format!("caretaker:{name}")
}

pub(super) fn close(name: &str) -> String {
    format!("/caretaker:{name}")
}

/// A text as it is compared: line endings, blanks at the ends of lines and ticks of approvals do not count.
fn normal(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(normal_line).filter(|line| !is_sum(line)).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

pub(super) fn normal_line(line: &str) -> String {
    let line = line.trim_end();
    match line.trim_start().strip_prefix("- [").and_then(|rest| rest.strip_prefix(['x', 'X', ' '])) {
        Some(rest) => format!("- [ {rest}"),
        None => line.to_owned(),
    }
}

pub(super) fn is_sum(line: &str) -> bool {
    claimed_sum(line).is_some()
}

fn claimed_sum(line: &str) -> Option<&str> {
    line.trim().strip_prefix("<!-- caretaker:sum ")?.strip_suffix("-->").map(str::trim)
}

/// The line that says that a block is whole.
pub(super) fn sum_line(name: &str, text: &str) -> String {
    format!("<!-- caretaker:sum {} -->", sum(name, text))
}

fn sum(name: &str, text: &str) -> String {
    let mut text = normal(text);
    if Own::of_block(name).is_some() {
        // Its line takes the note of an outcome as any task does.
        text = text.lines().map(without_note).collect::<Vec<_>>().join("\n");
    }
    let digest = Sha256::digest(format!("{name}\n{text}").as_bytes());
    hex(&digest[..6])
}

/// Whether the inside of a block carries the sum of itself.
fn is_intact(name: &str, inner: &str) -> bool {
    inner.lines().rev().find_map(claimed_sum).is_some_and(|claimed| claimed == sum(name, inner))
}

/// The block as it is written, without a line ending behind it.
pub(super) fn render(mark: &Mark<'_>, ending: LineEnding) -> String {
    let wrap = |text: &str| {
        let (name, sum) = (mark.name, sum_line(mark.name, text));
        let text = text.trim_matches('\n');
        format!("<!-- caretaker:{name} -->\n{text}\n{sum}\n<!-- /caretaker:{name} -->")
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
        matches!(&markers(&document)[..], [begin, end] if begin.name == name && begin.is_closed_by(end)
            && (begin.span.start..end.span.end) == (0..block.len()))
            && document.items().last().is_some_and(|item| item.box_offset > block.len())
    })
}

/// Whether a marker stands at the start of a line of the document itself, in no list and no running text.
pub(super) fn is_proper(document: &Document<'_>, at: usize) -> bool {
    let comments = document.comments();
    let found = comments.partition_point(|comment| comment.span.start < at);
    comments.get(found).is_some_and(|comment| comment.span.start == at && !comment.inline && !comment.in_item)
        && (at == document.start() || document.text()[..at].ends_with(['\n', '\r']))
}

/// A comment that begins or ends a block.
#[derive(Debug)]
pub(super) struct Marker<'d> {
    pub(super) name: &'d str,
    pub(super) closes: bool,
    pub(super) span: Range<usize>,
}

impl Marker<'_> {
    /// Whether this one begins a block that the next one ends.
    pub(super) fn is_closed_by(&self, next: &Self) -> bool {
        !self.closes && next.closes && self.name == next.name
    }
}

/// The markers of all names, in the order of the text.
pub(super) fn markers<'d>(document: &'d Document<'_>) -> Vec<Marker<'d>> {
    let comments = document.comments().iter().filter(|comment| comment.closed);
    let marker = |comment: &'d Comment| {
        let opens = comment.content.strip_prefix('/');
        let name = opens.unwrap_or(&comment.content).strip_prefix("caretaker:")?;
        (!name.is_empty() && !name.contains(' ')).then(|| Marker {
            name,
            closes: opens.is_some(),
            span: comment.span.clone(),
        })
    };
    comments.filter_map(marker).collect()
}

/// Whether two markers, one right behind the other, hold a block that is ours without a doubt. Around anything else
/// somebody has put markers, or somebody's words stand in it: that is read as the person's text that it may be, or a pair
/// of comments could hide a task.
pub(super) fn is_own(document: &Document<'_>, begin: &Marker<'_>, end: &Marker<'_>) -> bool {
    begin.is_closed_by(end)
        && is_proper(document, begin.span.start)
        && is_proper(document, end.span.start)
        && is_intact(begin.name, &document.text()[begin.span.end..end.span.start])
}

/// The blocks that are ours without a doubt, by name, in the order of the text. No block of ours holds a marker.
pub(super) fn own_blocks(document: &Document<'_>) -> Vec<(String, Range<usize>)> {
    markers(document)
        .windows(2)
        .filter(|pair| is_own(document, &pair[0], &pair[1]))
        .map(|pair| (pair[0].name.to_owned(), pair[0].span.start..pair[1].span.end))
        .collect()
}

/// Where those blocks lie.
pub(super) fn own_ranges(document: &Document<'_>) -> Vec<Range<usize>> {
    own_blocks(document).into_iter().map(|(_, range)| range).collect()
}

/// How many lines a block of ours takes, with the blank line that sets it apart.
pub(super) fn lines_of(document: &Document<'_>, own: &Range<usize>) -> usize {
    let text = document.text();
    let mut behind = text[own.end..].split('\n').skip(1);
    let blank = behind.next().is_some_and(|line| line.trim().is_empty()) && behind.next().is_some();
    text[own.clone()].matches('\n').count() + 1 + usize::from(blank)
}

/// The inside of the block of this name: of the first that is ours without a doubt, else of the first at all.
pub(super) fn inside<'a>(document: &Document<'a>, name: &str) -> Option<&'a str> {
    let blocks = document.markers(&open(name), &close(name)).blocks;
    let text = document.text();
    let chosen = blocks.iter().find(|block| is_intact(name, &text[block.inner.clone()]));
    chosen.or(blocks.first()).map(|block| &text[block.inner.clone()])
}

/// Whether the text shows this text of a block: between markers, or at least its sum, when somebody wrote into it.
pub(super) fn shows(document: &Document<'_>, name: &str, written: &str) -> bool {
    let sum = format!("caretaker:sum {}", sum(name, written));
    document.comments().iter().any(|comment| comment.content == sum)
        || document
            .markers(&open(name), &close(name))
            .blocks
            .into_iter()
            .any(|block| same(&document.text()[block.inner], written))
}

/// Whether two insides are the same but for what does not count.
fn same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}
