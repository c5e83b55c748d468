//! What holds for every text, as functions that panic where it does not: for the tests and for the fuzzer.

use checklist::{Document, Edits, Item, line_ending};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Items whose boxes are set one by one in one text; each costs two readings.
const MOST_BOXES_SET: usize = 4;

/// The task list items that the parser itself sees outside quotations: where the box is, and whether it is ticked.
pub(crate) fn parser_boxes(text: &str) -> Vec<(usize, bool)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut quotes = 0;
    let mut boxes = Vec::new();
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::BlockQuote(_)) => quotes += 1,
            Event::End(TagEnd::BlockQuote(_)) => quotes -= 1,
            Event::TaskListMarker(ticked) if quotes == 0 => boxes.push((range.end - 2, ticked)),
            _ => {}
        }
    }
    boxes
}

/// Whether the parser reads every box as GFM wants it: not in a text with a byte order mark or a lone CR, not a box
/// with nothing behind it, nor one with a tab before it.
fn parser_is_right(text: &str) -> bool {
    if text.starts_with('\u{feff}') || text.replace("\r\n", "").contains('\r') {
        return false;
    }
    text.split(['\n', '\r']).all(|line| {
        let last = line.trim_end();
        let empty = ["[ ]", "[x]", "[X]", "[\t]", "[\x0b]", "[\x0c]"].iter().any(|bare| last.ends_with(bare));
        !empty && !line.contains("\t[") && !line.contains("\t [") && !line.contains("\t  [")
    })
}

/// Everything that is read lies where it says, and the boxes are those of the parser.
pub(crate) fn everything_lies_in_the_text(text: &str) {
    let Ok(read) = Document::parse(text) else { return };
    let behind_marker = |item: &&Item| read.line(item.span.start) == item.line;
    let boxes = read.items().iter().filter(behind_marker).map(|item| (item.box_offset, item.ticked));
    if parser_is_right(text) {
        assert_eq!(boxes.collect::<Vec<_>>(), parser_boxes(text));
    }
    let lines = text.split(['\n', '\r']).count();
    for item in read.items() {
        item_lies_in_the_text(text, &read, item);
        assert!(item.line <= lines && item.line == read.line(item.box_offset));
    }
    for pair in read.items().windows(2) {
        assert!(pair[0].box_offset < pair[1].box_offset && pair[0].span.start < pair[1].span.start);
    }
    for like in read.box_likes() {
        assert!(text[like.offset..].starts_with(['[', '(', '☐', '☑', '☒']));
        assert!(read.items().iter().all(|item| item.box_offset != like.offset + 1));
    }
    for heading in read.headings() {
        assert!(text.get(heading.span.clone()).is_some());
    }
    for index in 0..read.headings().len() {
        let section = read.section(index).expect("a section for each heading");
        assert!(text.get(section).is_some());
    }
    for table in read.tables() {
        assert!(text.get(table.span.clone()).is_some());
        for cell in table.rows.iter().flat_map(|row| &row.cells).chain(&table.header) {
            let source = text.get(cell.span.clone()).expect("a cell lies in the text");
            assert!(!source.contains(['\n', '\r']));
            assert!(!source.replace("\\|", "").contains('|'), "a cell holds a border: {source:?}");
        }
    }
    for comment in read.comments() {
        let source = &text[comment.span.clone()];
        assert!(source.starts_with("<!--"));
        assert!(!comment.closed || source.ends_with('>'));
    }
    for reference in read.references() {
        assert_eq!(text[reference.span.clone()], format!("#{}", reference.number));
    }
    if let Some(end) = read.leading_title_end() {
        assert!(text.is_char_boundary(end) && end >= read.start());
    }
    let markers = read.markers("m", "/m");
    for block in &markers.blocks {
        assert!(block.span.start < block.inner.start && block.inner.end < block.span.end);
        assert!(text.get(block.inner.clone()).is_some());
    }
}

fn item_lies_in_the_text(text: &str, read: &Document<'_>, item: &Item) {
    let at = item.box_offset;
    assert_eq!(&text[at - 1..at], "[");
    assert_eq!(&text[at + 1..at + 2], "]");
    assert_eq!(item.ticked, matches!(&text[at..=at], "x" | "X"));
    assert!(item.span.start < at && at < item.span.end);
    assert!(text.is_char_boundary(item.first_line_end));
    assert!(at + 2 <= item.first_line_end);
    assert!(item.first_line.start <= item.first_line_end);
    assert!(!text[item.first_line.clone()].contains(['\n', '\r']));
    if let Some(parent) = item.parent {
        let outer = &read.items()[parent];
        assert!(outer.span.start < item.span.start && item.span.end <= outer.span.end);
        assert!(outer.depth < item.depth);
    }
    for detail in &item.details {
        assert!(text.get(detail.span.clone()).is_some());
        assert!(detail.span.start >= item.span.start);
    }
    for link in &item.links {
        assert!(text.get(link.span.clone()).is_some());
        assert!(item.span.start < link.span.start && link.span.end <= item.span.end);
    }
    for commit in &item.commits {
        assert_eq!(text[commit.span.clone()], commit.hash);
        assert!(item.span.start < commit.span.start && commit.span.end <= item.span.end);
    }
}

/// Setting a box changes its byte and nothing else, and doing it twice is doing it once.
pub(crate) fn a_box_is_one_byte(text: &str, ticked: bool) {
    let Ok(read) = Document::parse(text) else { return };
    for (index, item) in read.items().iter().enumerate().take(MOST_BOXES_SET) {
        let mut edits = Edits::new();
        edits.set_box(item, ticked);
        let changed = edits.apply(text).expect("one edit");
        assert_eq!(changed.len(), text.len());
        let different = changed.bytes().zip(text.bytes()).filter(|(new, old)| new != old).count();
        assert_eq!(different, usize::from(item.ticked != ticked));
        let again = Document::parse(&changed).expect("as deep as before");
        assert_eq!(again.items().len(), read.items().len());
        assert_eq!(again.items()[index].ticked, ticked);
        let mut edits = Edits::new();
        edits.set_box(&again.items()[index], ticked);
        assert!(edits.is_empty());
    }
}

/// A note behind the first line of each item that may have one moves and changes no box.
pub(crate) fn a_note_moves_no_box(text: &str) {
    let Ok(read) = Document::parse(text) else { return };
    let mut edits = Edits::new();
    for item in read.items().iter().filter(|item| !item.first_line_open) {
        edits.append_to_first_line(item, " *(note)*");
    }
    let changed = edits.apply(text).expect("one place an item");
    let again = Document::parse(&changed).expect("as deep as before");
    let states = |document: &Document<'_>| {
        document.items().iter().map(|item| (item.line, item.ticked)).collect::<Vec<_>>()
    };
    assert_eq!(states(&again), states(&read));
    for (item, before) in again.items().iter().zip(read.items()) {
        assert!(before.first_line_open || changed[..item.first_line_end].ends_with("*(note)*"));
    }
}

/// A row added to the last table is its last row, with its cells, and moves no box.
pub(crate) fn an_added_row_is_the_last_row(text: &str, cell: &str) {
    let text = format!("{text}\n\n## Log\n\n| A | B |\n|---|---|\n");
    let Ok(read) = Document::parse(&text) else { return };
    // The text before may have swallowed the table in a fence or a comment.
    let Some(table) = read.tables().last().filter(|table| table.header[0].text == "A") else { return };
    let mut edits = Edits::new();
    edits.append_row(table, &[cell, "end"], line_ending(&text));
    let changed = edits.apply(&text).expect("one edit");
    let again = Document::parse(&changed).expect("as deep as before");
    let row = again.tables().last().and_then(|table| table.rows.last()).expect("a row");
    assert_eq!(row.cells.len(), 2);
    assert_eq!(row.cells[1].text.as_str(), "end");
    assert_eq!(again.items().len(), read.items().len());
}

/// All of them.
pub(crate) fn all(text: &str) {
    everything_lies_in_the_text(text);
    a_box_is_one_byte(text, true);
    a_box_is_one_byte(text, false);
    a_note_moves_no_box(text);
    let cell = text.get(..text.floor_char_boundary(12)).unwrap_or_default();
    an_added_row_is_the_last_row(text, cell);
}
