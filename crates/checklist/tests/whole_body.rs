//! A whole body in the seven-section form, with the traps of the field in it, as it is read.

use checklist::Document;

const BODY: &str = include_str!("fixtures/seven-sections.md");

/// What was read, one line each.
fn listing(text: &str) -> String {
    let document = Document::parse(text).expect("not too deep");
    let mut list = Vec::new();
    for item in document.items() {
        let state = if item.ticked { 'x' } else { ' ' };
        let under = item.headings.last().map_or("", |&at| document.headings()[at].text.as_str());
        let numbers: Vec<u64> = item.references.iter().map(|reference| reference.number).collect();
        list.push(format!("{:>3} [{state}] {} | {under} | {numbers:?}", item.line, item.title));
        for detail in &item.details {
            let label = detail.label.as_deref().unwrap_or("-");
            let code: Vec<_> = detail.inline_code.iter().chain(&detail.code_blocks).collect();
            list.push(format!("          {label}: {:?} {code:?}", detail.text));
        }
    }
    for table in document.tables() {
        let columns: Vec<_> = table.header.iter().map(|cell| cell.text.as_str()).collect();
        list.push(format!("{:>3} table {}", table.line, columns.join(", ")));
        for row in &table.rows {
            let cells: Vec<_> = row.cells.iter().map(|cell| cell.text.as_str()).collect();
            let how = if row.continued { "continued" } else { "row" };
            list.push(format!("{:>3}   {how} {}", row.line, cells.join(", ")));
        }
    }
    for comment in document.comments() {
        list.push(format!("{:>3} comment {}", comment.line, comment.content));
    }
    for like in document.box_likes() {
        list.push(format!("{:>3} no task: {:?}", like.line, like.reason));
    }
    list.join("\n")
}

#[test]
fn a_whole_body_is_read() {
    insta::assert_snapshot!(listing(BODY));
}

#[test]
fn line_endings_and_indentation_by_tabs_change_nothing() {
    let expected = listing(BODY);
    assert_eq!(listing(&BODY.replace('\n', "\r\n")), expected);
    assert_eq!(listing(&BODY.replace('\n', "\r")), expected);
    // Mixed: every third line as a browser would send it.
    let lines = BODY.lines().enumerate();
    let mixed: Vec<_> =
        lines.flat_map(|(at, line)| [line, if at % 3 == 0 { "\r\n" } else { "\n" }]).collect();
    let mixed = mixed.concat();
    assert_eq!(listing(&mixed), expected);
    assert_eq!(listing(&BODY.replace("\n    ", "\n\t")), expected);
}
