//! Editing: what is meant is changed, and nothing else.

use checklist::{Document, EditError, Edits, LineEnding, line_ending};

#[test]
fn a_tick_changes_one_byte() {
    let text = "- [ ] a `- [ ] a`\r\n- [x] b\n* [X] c\n";
    let document = Document::parse(text).unwrap();
    let mut edits = Edits::new();
    edits.set_box(&document.items()[0], true);
    edits.set_box(&document.items()[1], false);
    // As it is already: a person's capital stays.
    edits.set_box(&document.items()[2], true);
    assert_eq!(edits.apply(text).unwrap(), "- [x] a `- [ ] a`\r\n- [ ] b\n* [X] c\n");
}

#[test]
fn a_note_goes_behind_the_last_character_of_the_first_line() {
    for (text, expected) in [
        ("- [ ] a\n  b\n", "- [ ] a NOTE\n  b\n"),
        ("- [ ] a  \r\n  - b\r\n", "- [ ] a NOTE  \r\n  - b\r\n"),
        ("- [ ] a\t", "- [ ] a NOTE\t"),
        ("- [ ] ä\u{a0}", "- [ ] ä\u{a0} NOTE"),
        ("- [ ] \n", "- [ ] NOTE \n"),
    ] {
        let document = Document::parse(text).unwrap();
        let mut edits = Edits::new();
        edits.append_to_first_line(&document.items()[0], " NOTE");
        assert_eq!(edits.apply(text).unwrap(), expected);
    }
}

#[test]
fn edits_are_applied_in_the_order_of_the_text() {
    let mut edits = Edits::new();
    assert!(edits.is_empty());
    edits.insert(6, "3");
    edits.replace(2..4, "X");
    edits.insert(2, "1");
    edits.insert(2, "2");
    edits.insert(4, "Y");
    edits.remove(0..1);
    assert!(!edits.is_empty());
    assert_eq!(edits.apply("abcdef").unwrap(), "b12XYef3");
}

#[test]
fn overlaps_and_strangers_are_refused() {
    let mut edits = Edits::new();
    edits.replace(0..3, "");
    edits.replace(2..4, "");
    assert_eq!(edits.apply("abcdef"), Err(EditError::Overlap { first: 0..3, second: 2..4 }));
    let mut edits = Edits::new();
    edits.replace(0..3, "");
    edits.insert(1, "x");
    assert_eq!(edits.apply("abcdef"), Err(EditError::Overlap { first: 0..3, second: 1..1 }));
    for (start, end) in [(1, 2), (0, 1), (0, 9), (9, 9)] {
        let mut edits = Edits::new();
        edits.replace(start..end, "");
        assert_eq!(edits.apply("äb"), Err(EditError::NotInText { start, end }));
    }
}

#[test]
fn the_line_ending_is_that_of_most_lines() {
    assert_eq!(line_ending(""), LineEnding::Lf);
    assert_eq!(line_ending("a\r\nb\r\nc\n"), LineEnding::CrLf);
    assert_eq!(line_ending("a\r\nb\nc\n"), LineEnding::Lf);
    assert_eq!(LineEnding::CrLf.as_str(), "\r\n");
}

#[test]
fn a_first_line_that_ends_inside_code_or_a_comment_is_said_to_be_open() {
    for (text, open) in [
        ("- [ ] a `b\n  c` d\n", true),
        ("- [ ] a <!-- b\n  c --> d\n", true),
        ("- [ ] a `b`\n  c\n", false),
        ("- [ ] a <!-- b -->\n", false),
        ("- [ ] a `b`", false),
        ("- [ ] a\n  ```\n  b\n  ```\n", false),
    ] {
        assert_eq!(Document::parse(text).unwrap().items()[0].first_line_open, open, "{text:?}");
    }
}
