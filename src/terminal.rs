//! What goes to a terminal: colours, and text from outside made harmless.

use anstyle::{AnsiColor, Style};

/// A colour of text.
pub(crate) fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

/// Each on a line of its own.
pub(crate) fn bullets(lines: &[String]) -> String {
    let each = "\n  - ";
    format!("{each}{}", lines.join(each))
}

/// Text from outside, so that it cannot steer a terminal: one line, without control characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            // What turns the direction of writing makes one text look like another.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_steers_no_terminal() {
        assert_eq!(
            printable("a\u{1b}[2Jb\r\nc\u{7}\u{9b}d\u{202e}e ä 🟢"),
            "a\u{fffd}[2Jb  c\u{fffd}\u{fffd}d\u{fffd}e ä 🟢"
        );
    }
}
