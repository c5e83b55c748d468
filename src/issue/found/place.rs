//! Our own tasks in a text: where they stand, and which of them are still ours.

use super::super::marks::{self, Mark};
use super::super::position::Place;
use super::super::{Block, repair, title};
use super::INTRODUCTION;
use super::tag::Own;
use checklist::Document;
use std::collections::BTreeSet;

/// The items of a text that are tasks of our own, in the order of the text: the first of each block that is ours without a
/// doubt. Of two blocks about the same the first counts.
pub(in crate::issue) fn own_tasks(document: &Document<'_>) -> Vec<(usize, Own)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (name, range) in marks::own_blocks(document) {
        let Some(own) = Own::of_block(&name) else { continue };
        let items = document.items();
        let first = items.partition_point(|item| item.box_offset < range.start);
        let holds_it = items.get(first).is_some_and(|item| item.box_offset < range.end);
        if holds_it && seen.insert(own.clone()) {
            found.push((first, own));
        }
    }
    found
}

/// Whether a text says what our tasks are.
pub(in crate::issue) fn is_introduced(document: &Document<'_>) -> bool {
    marks::own_blocks(document).iter().any(|(name, _)| name == INTRODUCTION)
}

/// The text with a block as wished; `None` where it has it, or where a person has made the block theirs.
pub(in crate::issue) fn place(document: &Document<'_>, block: &Block) -> Option<String> {
    let text = document.text();
    let all = document.markers(&marks::open(&block.name), &marks::close(&block.name));
    let own: Vec<_> =
        marks::own_blocks(document).into_iter().filter(|(name, _)| *name == block.name).collect();
    let lone = all.stray_open.len() + all.stray_close.len();
    if own.len() < all.blocks.len() || lone > 0 {
        return None;
    }
    if all.blocks.is_empty() && is_taken_over(document, &block.name) {
        return None;
    }
    let first = all.blocks.first().map(|block| &text[block.inner.clone()]);
    let wished = first.map_or_else(|| block.text.clone(), |inner| carried(inner, &block.text));
    repair::place(document, &Mark::new(&block.name, &wished), Place::Tasks)
}

/// Whether a person has a task with the id of a block: it was in the block before they edited it.
fn is_taken_over(document: &Document<'_>, name: &str) -> bool {
    let Some(id) = Own::of_block(name).map(|own| own.id()) else { return false };
    let own = marks::own_ranges(document);
    document.items().iter().any(|item| {
        !own.iter().any(|range| range.contains(&item.box_offset))
            && title::head(document, item).id.as_deref() == Some(&id)
    })
}

/// What a block shall say, with the tick and the note that its line has: these are the run's and people's.
fn carried(inner: &str, wished: &str) -> String {
    let is_line = |line: &&str| line.starts_with("- [");
    let Some(line) = inner.lines().find(is_line).map(str::trim_end) else { return wished.to_owned() };
    let ticked = line.starts_with("- [x]") || line.starts_with("- [X]");
    let note = line[without_note(line).len()..].trim();
    let mut lines: Vec<String> = wished.lines().map(str::to_owned).collect();
    if let Some(first) = lines.iter_mut().find(|line| line.starts_with("- [ ]")) {
        if ticked {
            *first = first.replacen("- [ ]", "- [x]", 1);
        }
        if !note.is_empty() {
            first.push(' ');
            first.push_str(note);
        }
    }
    lines.join("\n")
}

/// A line of a block without our note at its end, which a run puts there and takes away.
pub(in crate::issue) fn without_note(line: &str) -> &str {
    let Some(note) = title::note_in(line).filter(|_| line.starts_with("- [")) else { return line };
    if title::is_ours(&line[note.clone()]) { line[..note.start].trim_end() } else { line }
}
