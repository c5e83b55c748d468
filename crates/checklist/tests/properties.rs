//! What holds for every text: no panic, boxes between brackets, edits that touch nothing else.

mod laws;

use checklist::Edits;
use proptest::prelude::*;

/// How many cases each property tries: the default, or as many as are asked for.
fn cases(default: u32) -> u32 {
    std::env::var("CARETAKER_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// Texts for which a law once was wrong, or broken.
const ONCE_BROKEN: &[&str] = &[
    "- ( ) a box with the wrong brackets\n",
    "1. (x) another\n",
    "- [ ] | a |\n  | --- | --- |\n",
    "> - [x] | a |\r\n>   |:-|-:|\r\n>   | b | c |\r\n",
];

#[test]
fn the_laws_hold_where_they_once_did_not() {
    for text in ONCE_BROKEN {
        laws::all(text);
    }
}

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
    "( ) ",
    "(x) ",
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
    "\u{feff}",
    "1a2b3c4",
    "https://a.example.org/b",
    "<!-- m -->",
    "<!-- /m -->",
];

fn document() -> impl Strategy<Value = String> {
    let pieces =
        prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => pieces, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(256)))]

    #[test]
    fn the_laws_hold(text in document()) {
        laws::all(&text);
    }

    #[test]
    fn an_added_row_is_the_last_row(text in document(), cell in "[a-z|\\\\\n` ]{1,6}") {
        laws::an_added_row_is_the_last_row(&text, &cell);
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
}
