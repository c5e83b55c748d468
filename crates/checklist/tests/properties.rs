//! What holds for every text: no panic, boxes between brackets, edits that touch nothing else.

use checklist::{Document, Edits, line_ending};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Pieces of which people's texts, and worse ones, are made.
const PIECES: &[&str] = &[
    "- ",
    "* ",
    "+ ",
    "1. ",
    "2) ",
    "[ ] ",
    "[x] ",
    "[X]\t",
    "[ ]",
    "[\t] ",
    "> ",
    ">",
    "  ",
    "    ",
    "\t",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "```",
    "~~~",
    "`",
    "``",
    "<!-- ",
    " -->",
    "<div>",
    "</div>",
    "<pre>",
    "<",
    "# ",
    "## ",
    "===",
    "---",
    "| a | b |",
    "|---|---|",
    "|",
    "\\",
    "**",
    "*",
    "_",
    "~~",
    ":",
    "Goal: ",
    "**Goal**: ",
    "word",
    "Ärger",
    "🦀",
    "\u{a0}",
    "\u{301}",
    "#12",
    "#",
    "&amp;",
    "[a](b)",
    "[a]",
    "[a]: b",
    "![",
    "](",
    "\0",
    "\u{c}",
    "m",
    "/m",
    "<!-- m -->",
    "<!-- /m -->",
];

fn document() -> impl Strategy<Value = String> {
    let pieces =
        prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => pieces, 1 => any::<String>()]
}

/// The boxes that the parser itself sees outside quotations.
fn oracle(text: &str) -> Vec<(usize, bool)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    // The parser does not know a lone CR in fences and HTML.
    let parts: Vec<String> = text.split("\r\n").map(|part| part.replace('\r', "\n")).collect();
    let text = &parts.join("\r\n");
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

proptest! {
    #[test]
    fn boxes_lie_between_brackets_and_ranges_in_the_text(text in document()) {
        let read = Document::parse(&text).unwrap();
        let boxes: Vec<_> = read.items().iter().map(|item| (item.box_offset, item.ticked)).collect();
        prop_assert_eq!(boxes, oracle(&text));
        for item in read.items() {
            let at = item.box_offset;
            prop_assert_eq!(&text[at - 1..at], "[");
            prop_assert_eq!(&text[at + 1..at + 2], "]");
            prop_assert_eq!(item.ticked, matches!(&text[at..=at], "x" | "X"));
            prop_assert!(item.span.start < at && at < item.span.end);
            prop_assert!(text.is_char_boundary(item.first_line_end));
            prop_assert!(at + 2 <= item.first_line_end);
            prop_assert!(!text[item.first_line.clone()].contains(['\n', '\r']));
            let enclosed = item.parent.is_none_or(|parent| {
                let outer = &read.items()[parent].span;
                outer.start <= item.span.start && item.span.end <= outer.end
            });
            prop_assert!(enclosed);
            for detail in &item.details {
                prop_assert!(text.get(detail.span.clone()).is_some());
                prop_assert!(detail.span.start >= item.span.start);
            }
        }
        for like in read.box_likes() {
            prop_assert!(read.items().iter().all(|item| item.box_offset != like.offset + 1));
        }
        for heading in read.headings() {
            prop_assert!(text.get(heading.span.clone()).is_some());
        }
        for table in read.tables() {
            prop_assert!(text.get(table.span.clone()).is_some());
            let cells = table.rows.iter().flat_map(|row| &row.cells).chain(&table.header);
            for cell in cells {
                let source = text.get(cell.span.clone());
                prop_assert!(source.is_some_and(|source| !source.contains(['\n', '\r'])));
                let pipes = source.unwrap_or_default().replace("\\|", "");
                prop_assert!(!pipes.contains('|'), "a cell holds a border: {:?}", source);
            }
        }
        for comment in read.comments() {
            prop_assert!(text[comment.span.clone()].starts_with("<!--"));
        }
    }

    #[test]
    fn a_box_is_one_byte_and_setting_it_twice_is_once(text in document(), ticked: bool) {
        let read = Document::parse(&text).unwrap();
        for (index, item) in read.items().iter().enumerate() {
            let mut edits = Edits::new();
            edits.set_box(item, ticked);
            let changed = edits.apply(&text).unwrap();
            prop_assert_eq!(changed.len(), text.len());
            let different = changed.bytes().zip(text.bytes()).filter(|(new, old)| new != old).count();
            prop_assert_eq!(different, usize::from(item.ticked != ticked));
            let again = Document::parse(&changed).unwrap();
            prop_assert_eq!(again.items().len(), read.items().len());
            prop_assert_eq!(again.items()[index].ticked, ticked);
            let mut edits = Edits::new();
            edits.set_box(&again.items()[index], ticked);
            prop_assert!(edits.is_empty());
        }
    }

    #[test]
    fn a_note_moves_no_box(text in document()) {
        let read = Document::parse(&text).unwrap();
        let mut edits = Edits::new();
        for item in read.items() {
            edits.append_to_first_line(item, " *(note)*");
        }
        let changed = edits.apply(&text).unwrap();
        let again = Document::parse(&changed).unwrap();
        let states = |document: &Document<'_>| {
            document.items().iter().map(|item| (item.line, item.ticked)).collect::<Vec<_>>()
        };
        prop_assert_eq!(states(&again), states(&read));
        for item in again.items() {
            prop_assert!(changed[..item.first_line_end].ends_with("*(note)*"));
        }
    }

    #[test]
    fn edits_keep_every_other_byte(
        text in document(),
        wishes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, "[a-z]{0,3}"), 0..8),
    ) {
        let borders: Vec<usize> =
            (0..=text.len()).filter(|&offset| text.is_char_boundary(offset)).collect();
        let mut ranges: Vec<(usize, usize, String)> = wishes
            .into_iter()
            .map(|(index, length, new)| {
                let first = index.index(borders.len());
                (borders[first], borders[(first + length).min(borders.len() - 1)], new)
            })
            .collect();
        let mut edits = Edits::new();
        for (start, end, new) in &ranges {
            edits.replace(*start..*end, new.clone());
        }
        ranges.sort_by_key(|&(start, end, _)| (start, end));
        let overlap = ranges.windows(2).any(|pair| pair[1].0 < pair[0].1);
        match edits.apply(&text) {
            Err(_) => prop_assert!(overlap),
            Ok(changed) => {
                prop_assert!(!overlap);
                let mut rest = changed.as_str();
                let mut at = 0;
                for (start, end, new) in ranges {
                    rest = rest.strip_prefix(&text[at..start]).unwrap();
                    rest = rest.strip_prefix(new.as_str()).unwrap();
                    at = end;
                }
                prop_assert_eq!(rest, &text[at..]);
            }
        }
    }

    #[test]
    fn an_added_row_is_the_last_row(text in document(), cell in "[a-z|\\\\\n` ]{1,6}") {
        let text = format!("{text}\n\n## Log\n\n| A | B |\n|---|---|\n");
        let read = Document::parse(&text).unwrap();
        // The text before may have swallowed the table in a fence or a comment.
        if let Some(table) = read.tables().last().filter(|table| table.header[0].text == "A") {
            let mut edits = Edits::new();
            edits.append_row(table, &[cell.as_str(), "end"], line_ending(&text));
            let changed = edits.apply(&text).unwrap();
            let again = Document::parse(&changed).unwrap();
            let row = again.tables().last().unwrap().rows.last().unwrap();
            prop_assert_eq!(row.cells.len(), 2);
            prop_assert_eq!(row.cells[1].text.as_str(), "end");
        }
    }
}
