//! Tables with what people put into them, and comments as markers.

use checklist::{Document, Edits, line_ending};

fn append(text: &str, cells: &[&str]) -> String {
    let document = Document::parse(text).expect("not too deep");
    let mut edits = Edits::new();
    edits.append_row(document.tables().last().expect("a table"), cells, line_ending(text));
    edits.apply(text).expect("one edit")
}

#[test]
fn a_table_has_cells_with_ranges() {
    let text =
        "## Log\n\n| A | **B** | C |\n|---|:---:|---|\n| 1 | `x\\|y` | [l](u) |\n| 2 |\nlast\n\nafter\n";
    let document = Document::parse(text).unwrap();
    let [table] = document.tables() else { panic!("one table") };
    assert_eq!(document.headings()[table.heading.unwrap()].text, "Log");
    let texts = |cells: &[checklist::Cell]| cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&table.header), ["A", "B", "C"]);
    assert_eq!(table.column("b"), Some(1));
    assert_eq!(texts(&table.rows[0].cells), ["1", "x|y", "l"]);
    assert_eq!(&text[table.rows[0].cells[1].span.clone()], "`x\\|y`");
    assert_eq!(texts(&table.rows[1].cells), ["2", "", ""]);
    assert_eq!(texts(&table.rows[2].cells), ["last", "", ""]);
    assert_eq!((table.line, table.rows[2].line), (3, 7));
    assert_eq!(&text[table.span.clone()], &text[8..text.find("\n\nafter").unwrap()]);
}

#[test]
fn a_row_is_added_after_the_last_line() {
    for (text, expected) in [
        ("| a | b |\n|---|---|\n", "| a | b |\n|---|---|\n| 1 | 2 |\n"),
        ("| a | b |\n|---|---|", "| a | b |\n|---|---|\n| 1 | 2 |"),
        (
            "| a | b |\r\n|---|---|\r\n| x | y |\r\n\r\nz",
            "| a | b |\r\n|---|---|\r\n| x | y |\r\n| 1 | 2 |\r\n\r\nz",
        ),
        ("a | b\n--- | ---\nc | d  \n\nz", "a | b\n--- | ---\nc | d  \n| 1 | 2 |\n\nz"),
        ("- i\n\n  | a | b |\n  |---|---|\n", "- i\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n"),
    ] {
        assert_eq!(append(text, &["1", "2"]), expected);
    }
}

#[test]
fn rows_below_a_comment_continue_the_table() {
    let header = "| a | b |\n|---|---|\n";
    let rows = "| x | p\\|q |\n| y | z |\n";
    let text = format!("{header}<!-- lint off -->\n{rows}<!-- lint on -->\n\n## Next\n");
    let document = Document::parse(&text).unwrap();
    let table = &document.tables()[0];
    assert_eq!(table.rows.len(), 2);
    assert!(table.rows.iter().all(|row| row.continued));
    assert_eq!(table.rows[0].cells[1].text, "p|q");
    assert_eq!(table.rows[1].line, 5);
    assert_eq!(
        append(&text, &["1", "2"]),
        format!("{header}<!-- lint off -->\n{rows}| 1 | 2 |\n<!-- lint on -->\n\n## Next\n")
    );
    // With no rows below the comment, the row goes where Markdown reads it as one.
    let empty = format!("{header}<!-- lint off -->\n<!-- lint on -->\n");
    assert_eq!(append(&empty, &["1"]), format!("{header}| 1 |  |\n<!-- lint off -->\n<!-- lint on -->\n"));
    let long = format!("{header}<!--\nlint\noff -->\n| x | y |\n");
    assert_eq!(append(&long, &["1", "2"]), format!("{long}| 1 | 2 |\n"));
    // The next table is a table of its own.
    let two = format!("{header}<!-- c -->\n{header}| x | y |\n");
    let read = Document::parse(&two).unwrap();
    assert_eq!(read.tables().iter().map(|table| table.rows.len()).collect::<Vec<_>>(), [0, 1]);
    // A blank line, or text behind the comment, ends it for good.
    for apart in ["<!-- c -->\n\n| x | y |\n", "<!-- c --> text\n| x | y |\n", "<!-- c\n| x | y |\n"] {
        let text = format!("{header}{apart}");
        assert_eq!(Document::parse(&text).unwrap().tables()[0].rows, [], "{text:?}");
    }
}

#[test]
fn a_cell_cannot_break_its_row() {
    let text = "| a | b |\n|---|---|\n";
    let changed = append(text, &["x | y\nz", "p\\|q"]);
    let document = Document::parse(&changed).unwrap();
    let row = &document.tables()[0].rows[0];
    assert_eq!(row.cells.len(), 2);
    assert_eq!(row.cells[0].text, "x | y z");
    assert_eq!(row.cells[1].text, "p|q");
}

#[test]
fn a_row_of_dashes_is_read_as_a_row() {
    let text = "| T | A |\n|---|---|\n| - | No actions yet |\n";
    let document = Document::parse(text).unwrap();
    assert_eq!(document.tables()[0].rows[0].cells[0].text, "-");
}

#[test]
fn quoted_and_fenced_tables_are_not_ours() {
    let text = "> | a | b |\n> |---|---|\n\n```\n| a | b |\n|---|---|\n```\n";
    assert_eq!(Document::parse(text).unwrap().tables(), []);
}

#[test]
fn only_real_comments_are_comments() {
    let text = "<!-- a -->\ntext <!--b--> `<!-- code -->`\n\n> <!-- quoted -->\n\n```\n<!-- fenced -->\n```\n<div><!-- c --><!-- d\n--></div>\n\n    <!-- indented -->\n\n- <!-- e -->\n\n\\<!-- escaped -->\n\n<!-- open\n\n- [ ] x\n";
    let document = Document::parse(text).unwrap();
    let found: Vec<_> = document
        .comments()
        .iter()
        .map(|comment| (comment.content.as_str(), comment.inline, comment.in_item, comment.closed))
        .collect();
    assert_eq!(
        found,
        [
            ("a", false, false, true),
            ("b", true, false, true),
            ("c", false, false, true),
            ("d", false, false, true),
            ("e", false, true, true),
            ("open\n\n- [ ] x", false, false, false),
        ]
    );
    assert_eq!(document.items(), []);
}

#[test]
fn markers_are_paired_and_strays_are_named() {
    let read = |text: &str| {
        let found = Document::parse(text).unwrap().markers("m", "/m");
        let slice = |range: &std::ops::Range<usize>| text[range.clone()].to_owned();
        (
            found.blocks.iter().map(|block| slice(&block.inner)).collect::<Vec<_>>(),
            found.stray_open.iter().map(slice).collect::<Vec<_>>(),
            found.stray_close.iter().map(slice).collect::<Vec<_>>(),
        )
    };
    let (open, close) = ("<!-- m -->", "<!-- /m -->");
    for (text, blocks, opens, closes) in [
        (format!("{open}\ns\n{close}\n"), vec!["\ns\n"], 0, 0),
        (format!("{open}\ns\n{close}\n\n{open}\nt\n{close}\n"), vec!["\ns\n", "\nt\n"], 0, 0),
        (format!("{open}\n\n{open}\ns\n{close}\n\n{close}\n"), vec!["\ns\n"], 1, 1),
        (format!("{open}\ns\n"), vec![], 1, 0),
        (format!("{close}\ns\n\n{open}\n"), vec![], 1, 1),
        (format!("`{open}` s\n\n> {open}\n\n{close}\n"), vec![], 0, 1),
        (format!("```\n{open}\n{close}\n```\n"), vec![], 0, 0),
        ("<!-- m\n".to_owned(), vec![], 0, 0),
        ("<!-- m x -->\n".to_owned(), vec![], 0, 0),
    ] {
        let (found, stray_open, stray_close) = read(&text);
        assert_eq!(found, blocks, "{text:?}");
        assert_eq!((stray_open.len(), stray_close.len()), (opens, closes), "{text:?}");
    }
}
