//! Rows for people: how it stands, what, what was found, what to do. Readable at 80 columns, whatever the terminal is.

use crate::terminal::printable;
use anstyle::Style;
use std::borrow::Cow;
use std::fmt::Write;
use textwrap::{Options, WordSeparator, WordSplitter};

/// How wide a row is at most. Addresses are not broken.
const WIDTH: usize = 80;

/// One row.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// How it stands, in one word.
    pub(super) word: &'static str,
    /// The colour of that word.
    pub(super) style: Style,
    /// What it is about.
    pub(super) what: &'a str,
    /// What was found.
    pub(super) found: &'a str,
    /// What a person does; each line begins anew.
    pub(super) fix: Option<&'a str>,
}

/// The rows below each other.
pub(super) fn rows(rows: &[Row<'_>]) -> String {
    let column = rows.iter().map(|row| row.word.len()).max().unwrap_or(0) + 2;
    let indent = " ".repeat(column);
    let wrap = |text: &str, first: &str, others: &str| {
        let options = Options::new(WIDTH - column)
            .initial_indent(first)
            .subsequent_indent(others)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect::<Vec<_>>()
    };
    let mut text = String::new();
    for row in rows {
        let said = wrap(&format!("{}: {}", printable(row.what), printable(row.found)), "", "");
        let mut word = Some(row.word);
        // Writing to a string cannot fail.
        for line in said {
            let _ = match word.take() {
                Some(word) => writeln!(text, "{0}{word:<column$}{0:#}{line}", row.style),
                None => writeln!(text, "{indent}{line}"),
            };
        }
        for (number, line) in row.fix.into_iter().flat_map(str::lines).enumerate() {
            let first = if number == 0 { "next: " } else { "      " };
            for line in wrap(&printable(line), first, "      ") {
                let _ = writeln!(text, "{indent}{line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Row, rows};
    use anstyle::Style;

    #[test]
    fn rows_are_aligned_and_harmless_at_eighty_columns() {
        let row = |word, what, found, fix| Row { word, style: Style::new(), what, found, fix };
        let text = rows(&[
            row("ok", "forge", "Gitea 1.27.1", None),
            row(
                "warning",
                "ops/homelab: hook",
                "a sentence of so many words that it does not fit on one line of eighty columns \u{1b}[2J",
                Some(
                    "look at it\nhttps://caretaker.example.org/an/address/that/is/longer/than/one/line/of/the/terminal",
                ),
            ),
        ]);
        assert_eq!(
            text,
            "ok       forge: Gitea 1.27.1\n\
             warning  ops/homelab: hook: a sentence of so many words that it does not fit on\n\
            \x20        one line of eighty columns \u{fffd}[2J\n\
            \x20        next: look at it\n\
            \x20              https://caretaker.example.org/an/address/that/is/longer/than/one/line/of/the/terminal\n"
        );
    }
}
