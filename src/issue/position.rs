//! Where a block of ours goes when there is none yet.
//!
//! The place does not depend on which block came first, so that the same wishes give the same text in whatever order
//! they arose: the closing report, the title, the status, then the others by their names.

use super::found::{INTRODUCTION, Own};
use super::headings::HeadingSays;
use super::marks;
use checklist::Document;

/// Where a block goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Above everything.
    Top,
    /// Below a leading title, else above everything but the closing report.
    BelowTitle,
    /// Among our other blocks that stand there, by name; else as `BelowTitle`.
    BelowBlocks,
    /// Below the heading of the change log, else below everything, if it is read as a block there; else as
    /// `BelowBlocks`.
    ChangeLog,
    /// Behind the last of our tasks, else below the heading of the tasks, if it is read as a block there; else as
    /// `BelowBlocks`.
    Tasks,
}

/// The text with the block in its place.
pub(super) fn insert(document: &Document<'_>, block: &str, name: &str, place: Place) -> String {
    let text = document.text();
    let ending = document.line_ending().as_str();
    let at = match place {
        Place::Top => document.start(),
        Place::BelowTitle => Head::of(document).below_title(),
        Place::BelowBlocks => Head::of(document).among_blocks(name),
        Place::ChangeLog => {
            let offset = super::change_log::section(document)
                .and_then(|section| document.headings().get(section))
                .map_or(text.len(), |heading| line_end(text, heading.span.end));
            match read_at(text, offset, block, name, ending) {
                Some(text) => return text,
                None => Head::of(document).among_blocks(name),
            }
        }
        Place::Tasks => {
            let place = tasks(document).and_then(|offset| read_at(text, offset, block, name, ending));
            match place {
                Some(text) => return text,
                None => Head::of(document).among_blocks(name),
            }
        }
    };
    spliced(text, at, block, ending)
}

/// The text with the block at an offset, if it is read as one there.
fn read_at(text: &str, offset: usize, block: &str, name: &str, ending: &str) -> Option<String> {
    let candidate = spliced(text, offset, block, ending);
    let read = Document::parse(&candidate).is_ok_and(|document| {
        marks::own_blocks(&document).iter().filter(|(own, _)| own == name).count() == 1
    });
    read.then_some(candidate)
}

/// Where our tasks go: behind the last of them, else below the heading of the form's tasks.
fn tasks(document: &Document<'_>) -> Option<usize> {
    let own = marks::own_blocks(document);
    let is_task = |name: &str| name == INTRODUCTION || Own::of_block(name).is_some();
    if let Some((_, last)) = own.iter().rev().find(|(name, _)| is_task(name)) {
        return Some(line_end(document.text(), last.end));
    }
    let theirs = |at: usize| !own.iter().any(|(_, range)| range.contains(&at));
    let mut headings = document.headings().iter().filter(|heading| theirs(heading.span.start));
    let heading = headings.find(|heading| HeadingSays::new(heading).names_the_tasks)?;
    Some(line_end(document.text(), heading.span.end))
}

/// The top of a body: our blocks and the title, in their order, before anything else.
#[derive(Debug, Default)]
struct Head {
    start: usize,
    title_end: Option<usize>,
    blocks: Vec<(String, usize)>,
}

impl Head {
    fn of(document: &Document<'_>) -> Self {
        let text = document.text();
        let own = marks::own_blocks(document);
        let mut head = Self { start: document.start(), ..Self::default() };
        let mut at = head.start;
        loop {
            let start = at + text[at..].len() - text[at..].trim_start().len();
            let headings = document.headings();
            let title = headings.binary_search_by_key(&start, |heading| heading.span.start).ok();
            let title = title.and_then(|title| headings.get(title));
            let block = own.binary_search_by_key(&start, |(_, range)| range.start).ok();
            at = if let Some((name, range)) = block.and_then(|block| own.get(block)) {
                head.blocks.push((name.clone(), line_end(text, range.end)));
                range.end
            } else if let Some(title) = title.filter(|title| title.level == 1 && head.title_end.is_none()) {
                head.title_end = Some(line_end(text, title.span.end));
                title.span.end
            } else {
                return head;
            };
        }
    }

    fn below_title(&self) -> usize {
        self.title_end.unwrap_or_else(|| match self.blocks.first() {
            Some((name, end)) if name == "closing" => *end,
            _ => self.start,
        })
    }

    fn among_blocks(&self, name: &str) -> usize {
        let start = self.below_title();
        self.blocks
            .iter()
            .filter(|(own, end)| *end > start && (own == "status" || own.as_str() < name))
            .map(|(_, end)| *end)
            .next_back()
            .unwrap_or(start)
    }
}

/// Where the line that holds an offset ends: blanks at its end belong to it.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length)
}

/// Puts a block below the line that ends at an offset, or above everything: a line keeps its own ending, and what
/// stands beside the block is a paragraph of its own.
fn spliced(text: &str, at: usize, block: &str, ending: &str) -> String {
    // A byte order mark is nothing that a block is to be kept apart from.
    let first = matches!(&text[..at], "" | "\u{feff}");
    let own = match &text[at..] {
        _ if first => 0,
        rest if rest.starts_with("\r\n") => 2,
        rest => usize::from(rest.starts_with(['\n', '\r'])),
    };
    let (before, after) = text.split_at(at + own);
    let mut result = String::with_capacity(text.len() + block.len() + 8);
    result.push_str(before);
    if !first {
        if !before.ends_with(['\n', '\r']) {
            result.push_str(ending);
        }
        // A person's lone carriage return stays one: a line feed would make another ending of it.
        result.push_str(if before.ends_with('\r') { "\r\n" } else { ending });
    }
    result.push_str(block);
    result.push_str(ending);
    if !after.is_empty() && (first || !after.starts_with(['\n', '\r'])) {
        result.push_str(ending);
    }
    result.push_str(after);
    result
}
