//! A person's text in a body: what is left when everything that caretaker owns is taken away.
//!
//! Written from the list of what it owns, not from its code: whoever shares the code shares its mistakes.

/// What the person does to the text in the course of a scenario.
const CORRECTION: (&str, &str) = (
    "\nWorker nodes: six, two of them with\tspare disks.  \n",
    "\nWorker nodes: seven, two of them with\tspare disks.  \nNote from the operator: the UPS test on Friday is unrelated.\n",
);

/// The body as the person has written it by the end, from the one that they began with.
pub(super) fn corrected(body: &str) -> String {
    assert_eq!(body.matches(CORRECTION.0).count(), 1, "{body}");
    body.replacen(CORRECTION.0, CORRECTION.1, 1)
}

/// The body without what is caretaker's: its blocks, the characters in the brackets of tasks, outcome notes, rows of
/// the change log, the values of the form's fields.
pub(super) fn of_people(body: &str) -> String {
    let mut text = String::new();
    let mut log = false;
    for line in without_blocks(body).split_inclusive('\n') {
        if line.starts_with('#') {
            log = line.trim_end() == "## Change Log";
        }
        if !(log && is_own_row(line)) {
            text.push_str(&without_value(&without_outcome(line)));
        }
    }
    text
}

/// Blocks go with the empty line that sets them off.
fn without_blocks(body: &str) -> String {
    let mut rest = body;
    let mut text = String::new();
    while let Some(start) = rest.find("<!-- caretaker:") {
        let name = rest[start + "<!-- caretaker:".len()..].split(" -->").next().unwrap_or_default();
        let close = format!("<!-- /caretaker:{name} -->\n");
        let end =
            rest.find(&close).unwrap_or_else(|| panic!("a block is closed: {name}\n{body}")) + close.len();
        text.push_str(&rest[..start]);
        rest = rest[end..].strip_prefix('\n').unwrap_or(&rest[end..]);
    }
    text + rest
}

/// A task's box is open, and its first line ends where the person ended it.
fn without_outcome(line: &str) -> String {
    let Some(rest) = line.strip_prefix("- [x] **").or_else(|| line.strip_prefix("- [ ] **")) else {
        return line.to_owned();
    };
    let (content, end) = rest.strip_suffix('\n').map_or((rest, ""), |content| (content, "\n"));
    let content = match content.find(" *(") {
        Some(at) if content.ends_with(")*") => &content[..at],
        _ => content,
    };
    format!("- [ ] **{content}{end}")
}

fn is_own_row(line: &str) -> bool {
    let kind = line.split('|').nth(2).map(str::trim);
    matches!(kind, Some("merge" | "revert" | "closing" | "action"))
}

fn without_value(line: &str) -> String {
    for name in [
        "| **Overall Status** |",
        "| **Last Updated** |",
        "**Final Status**:",
        "**Closed By**:",
        "**Closed Date**:",
    ] {
        if line.starts_with(name) {
            return format!("{name}\n");
        }
    }
    line.to_owned()
}

#[test]
fn a_lost_byte_shows() {
    let own = "# T\n\n<!-- caretaker:status -->\nx\n<!-- /caretaker:status -->\n\ntext\t \n- [x] **A1 P0**: Do *(done: well)*\n";
    assert_eq!(of_people(own), "# T\n\ntext\t \n- [ ] **A1 P0**: Do\n");
    assert_ne!(of_people(&own.replace("\t ", "\t")), of_people(own));
    assert_ne!(of_people(&own.replace("# T\n\n", "# T\n")), of_people(own));
    assert_ne!(of_people(&own.replace("-->\n\ntext", "-->\n\n\ntext")), of_people(own));
}
