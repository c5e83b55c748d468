//! Our reading beside another implementation of GFM's task lists, on generated documents and on real ones.
//!
//! Where the two differ, the case stands in [`DISAGREEMENTS`] with the choice that we took, and [`sifted`] leaves out
//! exactly what these classes describe. A difference that is left is an error.

mod documents;
mod laws;

use checklist::Document;
use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options, parse_document};
use documents::Draw;
use pulldown_cmark::{Event, Tag};
use std::path::Path;

/// After so many differences nobody needs more.
const MOST_DIFFERENCES: usize = 20;

/// Where a box is, as line and byte in it, and whether it is ticked.
type Found = (usize, usize, bool);

fn ours(text: &str) -> Vec<Found> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let starts = line_starts(text);
    let items = document.items().iter();
    items.map(|item| (item.line, item.box_offset - starts[item.line - 1], item.ticked)).collect()
}

fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ended =
        |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    std::iter::once(0).chain((0..bytes.len()).filter(ended).map(|at| at + 1)).collect()
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options
}

/// The other implementation's boxes outside quotations.
fn theirs(root: Node<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for node in root.descendants() {
        let NodeValue::TaskItem(task) = node.data().value else { continue };
        if !node.ancestors().any(|outer| matches!(outer.data().value, NodeValue::BlockQuote)) {
            let at = task.symbol_sourcepos.start;
            found.push((at.line, at.column - 1, task.symbol.is_some()));
        }
    }
    found
}

/// What both say, without what [`DISAGREEMENTS`] describes; nothing where it concerns the whole text.
fn sifted(text: &str) -> Option<(Vec<Found>, Vec<Found>)> {
    let arena = Arena::new();
    let root = parse_document(&arena, text, &options());
    if beyond_comparison(root, text) || Document::parse(text).is_err() {
        return None;
    }
    let (mut ours, mut theirs) = (ours(text), theirs(root));
    let starts = line_starts(text);
    // The text from the opening bracket on.
    let source = |&(line, column, _): &Found| {
        let bracket = starts.get(line - 1).and_then(|start| (start + column).checked_sub(1));
        bracket.and_then(|at| text.get(at..)).unwrap_or_default()
    };
    let plain = |one: &Found| ["[ ]", "[x]", "[X]"].iter().any(|plain| source(one).starts_with(plain));
    let apart = |one: &Found| {
        source(one)[3..].chars().next().is_none_or(|next| next.is_ascii_whitespace() || next == '\u{b}')
    };
    // What stands there is no box in the source: an entity, a definition; or a box with markup right behind it.
    theirs.retain(|one| plain(one) && apart(one));
    // A blank in the box that is not a space.
    ours.retain(plain);
    let underlined = underlined(root);
    ours.retain(|&(line, column, _)| !underlined.contains(&(line, column)));
    let behind = behind_definitions(text);
    ours.retain(|&(line, column, _)| !behind.contains(&(line, column)));
    theirs.retain(|&(line, column, _)| !behind.contains(&(line, column)));
    if defines_x(text) {
        ours.retain(|&(_, _, ticked)| !ticked);
        theirs.retain(|&(_, _, ticked)| !ticked);
    }
    Some((ours, theirs))
}

/// Whether the two may take different blocks for a paragraph, so that nothing below can be compared.
fn beyond_comparison(root: Node<'_>, text: &str) -> bool {
    lazy_tag(root)
        || other_tables(root, text)
        || only_definitions(root, text)
        || lazy_header(root, text)
        || lazy_table(root)
        || text_below_blank(root, text)
        || closed_by_another_tag(root)
        || empty_item_ends_quotation(root)
        || tab_before_quotation(text)
        || indented_row(root)
        || page_break_in_blanks(text)
}

/// A block that is no part of a table.
fn plain_block(node: Node<'_>) -> bool {
    let data = node.data();
    data.value.block() && !matches!(data.value, NodeValue::TableRow(_) | NodeValue::TableCell)
}

/// A tag that alone would open no HTML block within a paragraph has opened one directly below a paragraph that could go
/// on lazily, or below a table.
fn lazy_tag(root: Node<'_>) -> bool {
    root.descendants().any(|node| {
        let data = node.data();
        let NodeValue::HtmlBlock(block) = &data.value else { return false };
        let line_above = data.sourcepos.start.line - 1;
        let above = node.previous_sibling().map(|mut above| {
            while let Some(last) = above.last_child().filter(|&last| plain_block(last)) {
                above = last;
            }
            above
        });
        block.block_type == 7
            && above.is_some_and(|above| {
                let empty = above.first_child().is_none();
                let above = above.data();
                let interrupted = match above.value {
                    NodeValue::Paragraph | NodeValue::Table(_) => true,
                    // All that it held was a box or a definition, which was taken out of it.
                    NodeValue::Item(_) | NodeValue::TaskItem(_) | NodeValue::BlockQuote => empty,
                    _ => false,
                };
                interrupted && above.sourcepos.end.line == line_above
            })
    })
}

/// The two do not see tables begin at the same lines: where a border is missing, or a line goes on lazily.
fn other_tables(root: Node<'_>, text: &str) -> bool {
    let starts = line_starts(text);
    let text = lines_of_our_own(text);
    let options = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_TASKLISTS;
    let parser = pulldown_cmark::Parser::new_ext(&text, options);
    let tables = parser.into_offset_iter().filter(|(event, _)| matches!(event, Event::Start(Tag::Table(_))));
    let ours = tables.map(|(_, range)| starts.partition_point(|&start| start <= range.start));
    let tables = root.descendants().filter(|node| matches!(node.data().value, NodeValue::Table(_)));
    let mut theirs = tables.map(|table| table.data().sourcepos.start.line).collect::<Vec<_>>();
    theirs.sort_unstable();
    ours.collect::<Vec<_>>() != theirs
}

/// An item that was empty once its definitions were taken out of it, and so ended at the next blank line.
fn only_definitions(root: Node<'_>, text: &str) -> bool {
    let starts = line_starts(text);
    root.descendants().any(|node| {
        let data = node.data();
        let at = data.sourcepos.start;
        let end = starts.get(at.line).copied().unwrap_or(text.len());
        matches!(data.value, NodeValue::Item(_))
            && node.first_child().is_none()
            && text[starts[at.line - 1]..end].contains("]:")
    })
}

/// What looks to the parser like the header of a table, so that it ends a paragraph there, and to the other like the
/// paragraph's next line.
fn lazy_header(root: Node<'_>, text: &str) -> bool {
    let starts = line_starts(text);
    let text = lines_of_our_own(text);
    let parser = pulldown_cmark::Parser::new_ext(&text, pulldown_cmark::Options::ENABLE_TABLES);
    let headers = parser.into_offset_iter().filter_map(|(event, range)| {
        let begins = matches!(event, Event::Start(Tag::Table(_) | Tag::Paragraph));
        let bordered = text[range.start..].starts_with('|');
        (begins && bordered).then(|| starts.partition_point(|&start| start <= range.start))
    });
    headers.into_iter().any(|line| {
        root.descendants().any(|node| {
            let data = node.data();
            let (start, end) = (data.sourcepos.start.line, data.sourcepos.end.line);
            matches!(data.value, NodeValue::Paragraph) && start < line && line <= end
        })
    })
}

/// A table whose header goes on lazily: it stands where what holds it began, or before that.
fn lazy_table(root: Node<'_>) -> bool {
    root.descendants().filter(|node| matches!(node.data().value, NodeValue::Table(_))).any(|table| {
        let begins = table.data().sourcepos.start.column;
        table.ancestors().skip(1).any(|holder| {
            let data = holder.data();
            let holds =
                matches!(data.value, NodeValue::Item(_) | NodeValue::TaskItem(_) | NodeValue::BlockQuote);
            holds && begins <= data.sourcepos.start.column
        })
    })
}

/// An HTML block whose end is another tag than its beginning.
fn closed_by_another_tag(root: Node<'_>) -> bool {
    root.descendants().any(|node| {
        let data = node.data();
        let NodeValue::HtmlBlock(block) = &data.value else { return false };
        let literal = block.literal.to_ascii_lowercase();
        let opened =
            |name: &str| literal.trim_start().strip_prefix('<').is_some_and(|rest| rest.starts_with(name));
        let names = ["pre", "script", "style", "textarea"];
        block.block_type == 1
            && names.iter().any(|name| !opened(name) && literal.contains(&format!("</{name}>")))
    })
}

/// A quotation in an item that ends with an empty item.
fn empty_item_ends_quotation(root: Node<'_>) -> bool {
    let quotation = |node: Node<'_>| matches!(node.data().value, NodeValue::BlockQuote);
    let item = |node: Node<'_>| matches!(node.data().value, NodeValue::Item(_) | NodeValue::TaskItem(_));
    root.descendants().filter(|&node| quotation(node)).any(|quotation| {
        let mut last = quotation;
        while let Some(below) = last.last_child() {
            last = below;
        }
        item(last) && quotation.ancestors().any(item)
    })
}

/// The mark of a quotation that a tab puts four columns or more deeper than that of the line above.
fn tab_before_quotation(text: &str) -> bool {
    let mut above = None;
    text.split(['\n', '\r']).any(|line| {
        let rest = line.trim_start_matches([' ', '\t']);
        let blanks = &line[..line.len() - rest.len()];
        let columns = |column: usize, byte: u8| if byte == b'\t' { (column / 4 + 1) * 4 } else { column + 1 };
        let mark = rest.starts_with('>').then(|| blanks.bytes().fold(0, columns));
        let deeper = above.zip(mark).is_some_and(|(above, mark)| mark >= above + 4) && blanks.contains('\t');
        above = mark;
        deeper
    })
}

/// A line directly below a table that is indented as code is.
fn indented_row(root: Node<'_>) -> bool {
    root.descendants().any(|node| {
        let data = node.data();
        let code = matches!(&data.value, NodeValue::CodeBlock(block) if !block.fenced);
        let below_table = node.previous_sibling().is_some_and(|above| {
            let above = above.data();
            matches!(above.value, NodeValue::Table(_))
                && above.sourcepos.end.line + 1 == data.sourcepos.start.line
        });
        code && below_table
    })
}

/// An item that begins with two blank lines, the second of them indented, and goes on nevertheless.
fn text_below_blank(root: Node<'_>, text: &str) -> bool {
    let starts = line_starts(text);
    root.descendants().any(|node| {
        let data = node.data();
        if !matches!(data.value, NodeValue::Item(_) | NodeValue::TaskItem(_)) {
            return false;
        }
        let at = data.sourcepos.start;
        let end = starts.get(at.line).copied().unwrap_or(text.len());
        let alone = !text[starts[at.line - 1]..end].split_at(at.column - 1).1.trim().contains([' ', '\t']);
        let first = node.first_child().map(|block| block.data().sourcepos.start.line);
        alone && first.is_some_and(|line| line > at.line + 1)
    })
}

/// A line of nothing but markers, blanks, and a form feed or a vertical tab among them.
fn page_break_in_blanks(text: &str) -> bool {
    text.split(['\n', '\r']).any(|line| {
        let marker =
            |character: char| " \t>-*+.)\u{b}\u{c}".contains(character) || character.is_ascii_digit();
        line.contains(['\u{b}', '\u{c}']) && line.chars().all(marker)
    })
}

/// The boxes with which an underlined heading begins that is the first block of an item.
fn underlined(root: Node<'_>) -> Vec<(usize, usize)> {
    let headings = root.descendants().filter(|node| {
        matches!(node.data().value, NodeValue::Heading(heading) if heading.setext)
            && node.previous_sibling().is_none()
            && node.parent().is_some_and(|parent| matches!(parent.data().value, NodeValue::Item(_)))
    });
    let starts = headings.map(|heading| heading.data().sourcepos.start);
    starts.map(|start| (start.line, start.column)).collect()
}

/// The boxes with which the text of an item begins, but not the item: definitions of links stand before it.
fn behind_definitions(text: &str) -> Vec<(usize, usize)> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let starts = line_starts(text);
    let behind = document.items().iter().filter(|item| text[item.span.start..item.box_offset].contains("]:"));
    behind.map(|item| (item.line, item.box_offset - starts[item.line - 1])).collect()
}

/// The text with line endings that the parser knows everywhere, at the same offsets.
fn lines_of_our_own(text: &str) -> String {
    let parts: Vec<String> = text.split("\r\n").map(|part| part.replace('\r', "\n")).collect();
    parts.join("\r\n").replacen('\u{feff}', "\n\n\n", usize::from(text.starts_with('\u{feff}')))
}

/// Whether there is what may define a link with the label `x`.
fn defines_x(text: &str) -> bool {
    let dense: String =
        text.chars().filter(|character| !character.is_whitespace() && *character != '>').collect();
    dense.contains("[x]:") || dense.contains("[X]:")
}

fn differ(text: &str) -> bool {
    sifted(text).is_some_and(|(ours, theirs)| ours != theirs)
}

/// What differs, made small.
fn difference(text: &str) -> Option<String> {
    differ(text).then(|| {
        let smallest = documents::smallest(text, differ);
        format!("{smallest:?} is read as {:?}, from {text:?}", sifted(&smallest))
    })
}

/// A text; the lines of the boxes that we see, that the parser below us sees, that the other implementation sees; why.
type Disagreement = (&'static str, &'static [usize], &'static [usize], &'static [usize], &'static str);

const DISAGREEMENTS: &[Disagreement] = &[
    ("- [\t] a\n", &[1], &[1], &[], "GFM's marker holds a whitespace character, and a tab is one"),
    (
        "- &#91; ] a\n",
        &[],
        &[],
        &[1],
        "an entity stands for a character and makes no structure, as CommonMark says",
    ),
    ("- [ ]*a*\n", &[], &[], &[1], "GFM wants whitespace behind the marker"),
    ("- [ ]<!-- a -->\n", &[], &[], &[1], "GFM wants whitespace behind the marker"),
    ("- [x] a\n\n[x]: b\n", &[1], &[1], &[], "the forge looks for boxes before it looks for links"),
    ("-\n  [x] a\n\n[x]: b\n", &[2], &[], &[], "the forge looks for boxes before it looks for links"),
    (
        "- [ ] a\n  ---\n",
        &[1],
        &[1],
        &[],
        "the forge draws a box in a heading as well, and a person meant one",
    ),
    ("- [ ]\n  ---\n", &[1], &[1], &[], "the forge draws a box in a heading as well, and a person meant one"),
    (
        "- [a]: b\n  [ ] c\n",
        &[2],
        &[],
        &[1],
        "a definition is no block, so the text is the first; its box is where it is",
    ),
    (
        "0.  [a]: b\n\n\n    \n    1. [ ] c\n",
        &[5],
        &[5],
        &[],
        "a definition is content, so a blank line does not end its item",
    ),
    (
        "- a\n<b>\n- [ ] c\n",
        &[3],
        &[3],
        &[],
        "a lone tag opens no HTML block where a paragraph goes on, lazily or not",
    ),
    (
        "|a|\n|-|\n<b>\n- [ ] c\n",
        &[4],
        &[4],
        &[],
        "below a table as below a paragraph, as the forge reads tables out of paragraphs",
    ),
    ("a\n-|\n2. [ ] b\n", &[], &[], &[3], "a table has a border in its header as well"),
    (
        "- [x] a\n\n> b\n> :-\n[x]: c\n",
        &[1],
        &[1],
        &[],
        "a table has a border, and what goes on lazily defines nothing",
    ),
    (
        "-\ta\n |b\n    |-\n    - [ ] c\n",
        &[],
        &[],
        &[4],
        "the parser ends the item for a table that is none then; nobody writes one",
    ),
    ("-\n  \n  [ ] a\n", &[], &[], &[3], "an item begins with one blank line at most, as CommonMark says"),
    (
        "2.\t\u{c}\n       - [ ] a\n",
        &[],
        &[],
        &[2],
        "the parser takes a form feed for a blank; nobody writes one",
    ),
    (
        "-\n  [ ] a\n",
        &[2],
        &[],
        &[2],
        "the first block is a paragraph that begins with a box, wherever it begins",
    ),
    ("-\t\t[ ] a\n", &[], &[1], &[], "six columns behind the marker are indented code"),
    ("- [ ]", &[1], &[], &[1], "the end of the text ends a line"),
    (
        "-\t[ ]\n\n    - [ ] a\n",
        &[1, 3],
        &[1],
        &[1, 3],
        "a box is content, so a blank line does not end its item",
    ),
    ("\u{feff}- [ ] a\n", &[1], &[], &[1], "a byte order mark is no character of the text"),
    ("```\r- [ ] a\r```\r", &[], &[2], &[], "a lone CR ends a line, in a fence as well"),
    (
        "<pre>\n</script>\n- [ ] a\n",
        &[],
        &[],
        &[3],
        "the parser waits for the tag that was opened, CommonMark for any; nobody mixes them",
    ),
    (
        "2. \n   >- \n   >\n   >- \n   >\n\n    1. [x] a\n",
        &[],
        &[],
        &[7],
        "the parser takes the outer item for the empty one; nobody writes one",
    ),
    (
        ">\n\t>a\nb\n4) [ ] c\n",
        &[4],
        &[4],
        &[],
        "the parser takes a tab before a quotation for less than four blanks; nobody writes one",
    ),
    (
        "a||\n-|-\n    f\nd\n0. [x] b\n",
        &[5],
        &[5],
        &[],
        "rows are rows however far they are indented, as the forge reads tables out of paragraphs",
    ),
    (
        "1) [\n|||\n   -|-\n    0. [x]",
        &[],
        &[],
        &[4],
        "below a header that goes on lazily the parser takes an item for a row; nobody writes one",
    ),
    ("+  [ ] |\n   -|\n", &[1], &[1], &[], "a box is a box first; nobody begins a table with one"),
    (
        "0. >[a]:b\n<a b=''>\n- [ ]",
        &[3],
        &[],
        &[],
        "a definition is a paragraph while it is read, which a tag goes on lazily, in a quotation as well",
    ),
];

#[test]
fn where_implementations_disagree_a_choice_is_taken() {
    for &(text, we, parser, other, why) in DISAGREEMENTS {
        let arena = Arena::new();
        let root = parse_document(&arena, text, &options());
        let lines = |found: Vec<Found>| found.into_iter().map(|(line, _, _)| line).collect::<Vec<_>>();
        assert_eq!(lines(ours(text)), we, "we: {text:?}: {why}");
        assert_eq!(lines(theirs(root)), other, "the other: {text:?}");
        let starts = line_starts(text);
        let line = |offset: usize| starts.partition_point(|&start| start <= offset);
        let seen: Vec<_> = laws::parser_boxes(text).into_iter().map(|(offset, _)| line(offset)).collect();
        assert_eq!(seen, parser, "the parser: {text:?}");
        // What is left out of the comparison is left out completely.
        assert_eq!(difference(text), None);
    }
}

/// The comparison would see what is in no class.
#[test]
fn what_is_in_no_class_is_compared() {
    for text in [
        "- [ ] a\n",
        "- a\n  > - [ ] b\n\n  1. [x] c\n",
        "-\n  [ ] a\n",
        "- [ ]",
        "<b>\n- [ ] c\n\n- [x] d\n",
    ] {
        let (ours, theirs) = sifted(text).expect("compared");
        assert!(!ours.is_empty(), "{text:?}");
        assert_eq!(ours, theirs, "{text:?}");
    }
}

#[test]
fn generated_documents_are_read_alike() {
    let cases = documents::cases(3000);
    let first = documents::seed();
    let (mut boxes, mut left_out, mut differences) = (0, 0, Vec::new());
    for case in 0..cases {
        let seed = first.wrapping_add(case);
        let text = documents::document(&mut Draw::new(seed));
        match sifted(&text) {
            Some((ours, _)) => boxes += ours.len(),
            None => left_out += 1,
        }
        differences.extend(difference(&text).map(|difference| format!("seed {seed}: {difference}")));
        assert!(differences.len() < MOST_DIFFERENCES, "{}", differences.join("\n"));
        laws::all(&text);
    }
    assert_eq!(differences, Vec::<String>::new());
    println!("{cases} documents from seed {first}: {boxes} boxes alike, {left_out} documents left out");
    assert!(boxes as u64 > cases / 10 && left_out < cases / 12 + 10, "{boxes} boxes, {left_out} left out");
}

/// Real bodies are read exactly alike, without anything left out.
#[test]
fn the_corpus_is_read_alike() {
    let Some(corpus) = std::env::var_os("CARETAKER_TEST_CORPUS") else {
        println!("CARETAKER_TEST_CORPUS is not set: no corpus to compare");
        return;
    };
    let mut read = 0;
    for folder in ["issues", "dashboards"] {
        let files = std::fs::read_dir(Path::new(&corpus).join(folder)).expect("the corpus has this folder");
        for file in files {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            for text in [text.clone(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
                let arena = Arena::new();
                let root = parse_document(&arena, &text, &options());
                assert_eq!(ours(&text), theirs(root), "{}", path.display());
                laws::all(&text);
                read += 1;
            }
        }
    }
    assert!(read > 0, "the corpus is empty");
    println!("{read} texts of the corpus read alike");
}
