//! No text costs more than its length: depth is refused, and a small stack is enough. How time grows with a text is
//! measured by the bench of that name.

use checklist::{Document, MAX_DEPTH};

#[test]
fn deep_nesting_is_refused_and_less_is_read() {
    let nested = |levels: usize, step: &str, line: &str| {
        (0..levels).map(|level| step.repeat(level) + line).collect::<String>()
    };
    for (step, line) in
        [("  ", "- [ ] task\n"), ("\t", "- [ ] task\n"), ("   ", "1. [x] task\n"), ("  ", "* [ ] a\n\n")]
    {
        let read = Document::parse(&nested(MAX_DEPTH, step, line)).map(|document| document.items().len());
        assert_eq!(read, Ok(MAX_DEPTH), "{line:?}");
        let refused = Document::parse(&nested(MAX_DEPTH + 1, step, line)).unwrap_err();
        assert_eq!(refused.line, MAX_DEPTH * line.lines().count() + 1, "{line:?}");
    }
    for hostile in [">", "> ", "- ", "* ", "+ ", "1. ", "1) ", "- > ", ">\t", "-\t"] {
        let hostile = hostile.repeat(1 << 17) + "x";
        assert_eq!(Document::parse(&hostile).unwrap_err().line, 1, "{:?}", &hostile[..4]);
    }
}

#[test]
fn a_nest_that_goes_on_for_too_long_is_refused() {
    let nest: String = (0..MAX_DEPTH).map(|level| "  ".repeat(level) + "- a\n").collect();
    for line in ["\n", "a\n", " \n"] {
        assert!(Document::parse(&(nest.clone() + &line.repeat(1000))).is_ok());
        let refused = Document::parse(&(nest.clone() + &line.repeat(70_000))).unwrap_err();
        assert!(refused.line > 60_000, "{refused}");
        // Out of the nest again, a text may be as long as it likes.
        assert!(Document::parse(&(nest.clone() + "\n- a\n" + &line.repeat(70_000))).is_ok());
    }
}

/// Lines that hold what containers are made of, without opening so many.
#[test]
fn art_and_logs_are_not_taken_for_depth() {
    for line in [
        "- ".repeat(1000),
        "* ".repeat(1000),
        "=".repeat(1000),
        "-".repeat(1000),
        "*".repeat(1000) + " a",
        "-".repeat(1000) + " a",
        ".".repeat(1000),
        "1.".repeat(1000),
        " ".repeat(1000) + "a",
        " ".repeat(1000) + "- a",
        "\t".repeat(1000) + "- a",
        "+-".repeat(1000),
        "123456 ".repeat(1000),
    ] {
        let text = format!("```\n{line}\n```\n\n{line}\n\n- [ ] a\n");
        assert_eq!(Document::parse(&text).map(|document| document.items().len()), Ok(1), "{:?}", &line[..4]);
    }
    // An application's log in a task, line by line deeper than it is.
    let log = "    ".to_owned() + &" ".repeat(90) + "- waiting\n";
    let text = "- [ ] a\n  ```\n".to_owned() + &log.repeat(4_000) + "  ```\n- [ ] b\n";
    assert_eq!(Document::parse(&text).map(|document| document.items().len()), Ok(2));
}

/// No recursion: a small stack is enough for the largest nest of what is not counted as depth.
#[test]
fn a_small_stack_is_enough() {
    let texts: Vec<String> =
        ["[", "![", "*", "_", "**a ", "~~", "<details>\n\n", "<a>", "(", "[a](", "> - ", "`", "&", "<!--"]
            .iter()
            .map(|piece| piece.repeat((1 << 16) / piece.len()))
            .chain([
                "![".repeat(1 << 14) + &"](a)".repeat(1 << 14),
                "*a **b ".repeat(1 << 13) + &"c** d* ".repeat(1 << 13),
                "[".repeat(1 << 15) + &"]".repeat(1 << 15),
            ])
            .collect();
    let small = std::thread::Builder::new().stack_size(128 << 10).spawn(move || {
        for text in texts {
            let _ = Document::parse(&text);
        }
    });
    small.expect("a thread").join().expect("no overflow");
}
