//! Making text from outside harmless.

/// Stops forges from making a mention, a reference or a link of what follows, and is not seen.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Text from outside, made harmless in Markdown: it can open no fence, box, HTML, mention, reference or marker, stays on
/// one line and is cut to `max` characters of its own.
pub(crate) fn quote_outside(text: &str, max: usize) -> String {
    let plain: Vec<char> = shorten(&flatten(text), max).chars().collect();
    let mut quoted = String::with_capacity(plain.len() + 8);
    // Up to the first character that is no digit, a text may be the number of a list item.
    let digits = plain.iter().take_while(|character| character.is_ascii_digit()).count();
    for (at, &character) in plain.iter().enumerate() {
        let before = at.checked_sub(1).map(|index| plain[index]);
        let after = plain.get(at + 1).copied();
        let within_word =
            before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
        match character {
            '_' if within_word => quoted.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '#' | '!' => {
                quoted.push('\\');
                quoted.push(character);
            }
            '-' | '+' | '=' if at == 0 => {
                quoted.push('\\');
                quoted.push(character);
            }
            '.' | ')' if digits > 0 && at == digits => {
                quoted.push('\\');
                quoted.push(character);
            }
            other => quoted.push(other),
        }
        if links(&plain, at) {
            quoted.push(ZERO_WIDTH_SPACE);
        }
    }
    quoted
}

/// The same, with how much of it is not there: of what is shown, not of blanks and what nobody sees.
pub(crate) fn quote_cut(text: &str, max: usize) -> String {
    let flat = flatten(text);
    let quoted = quote_outside(&flat, max);
    let (all, shown) = (flat.chars().count(), shorten(&flat, max).chars().count());
    if all > max { format!("{quoted} ({} more characters)", all + 1 - shown) } else { quoted }
}

/// Text from outside as the summary of something folded. Markdown is not read there, HTML is.
pub(crate) fn summary(text: &str, max: usize) -> String {
    let plain: Vec<char> = shorten(&flatten(text), max).chars().collect();
    let mut quoted = String::with_capacity(plain.len() + 8);
    for (at, &character) in plain.iter().enumerate() {
        match character {
            '&' => quoted.push_str("&amp;"),
            '<' => quoted.push_str("&lt;"),
            '>' => quoted.push_str("&gt;"),
            other => quoted.push(other),
        }
        if links(&plain, at) {
            quoted.push(ZERO_WIDTH_SPACE);
        }
    }
    quoted
}

/// Whether a forge makes a mention, a reference or a link of what begins here. A backslash before it does not help: the
/// forge looks at the text after Markdown has been read. Only something between the characters does.
fn links(plain: &[char], at: usize) -> bool {
    let rest = &plain[at..];
    let after = rest.get(1);
    match rest[0] {
        '#' | '!' => after.is_some_and(char::is_ascii_digit),
        // A digest of an image is no address of a person.
        '@' => !(after == Some(&'s') && rest[1..].starts_with(&['s', 'h', 'a', '2', '5', '6', ':'])),
        // An address of an issue is a reference as well.
        ':' => rest.starts_with(&[':', '/', '/']),
        '.' => at >= 3 && plain[at - 3..at].iter().all(|character| character.eq_ignore_ascii_case(&'w')),
        _ => false,
    }
}

/// A name or value from outside as inline code, in which forges look for nothing.
pub(crate) fn code(text: &str, max: usize) -> String {
    let plain = shorten(&flatten(text), max).replace('`', "'").replace('|', "/");
    if plain.is_empty() { String::new() } else { format!("`{plain}`") }
}

/// Our own Markdown on one line, without anything that could be taken for a marker. What keeps quoted text from being a
/// link stays in it.
pub(crate) fn one_line(text: &str) -> String {
    flatten_but(text, Some(ZERO_WIDTH_SPACE)).replace("<!--", "\\<!--")
}

/// Our own Markdown as the content of a table's cell.
pub(crate) fn cell(text: &str) -> String {
    let line = one_line(text);
    let mut cell = String::with_capacity(line.len());
    let mut escaped = false;
    for character in line.chars() {
        if character == '|' && !escaped {
            cell.push('\\');
        }
        escaped = character == '\\' && !escaped;
        cell.push(character);
    }
    // A backslash at the end would escape the cell's border.
    if escaped {
        cell.push('\\');
    }
    cell
}

/// One line, every run of blanks and control characters a single blank, no characters that turn the direction of text
/// or are not seen.
fn flatten(text: &str) -> String {
    flatten_but(text, None)
}

fn flatten_but(text: &str, kept: Option<char>) -> String {
    let mut flat = String::with_capacity(text.len());
    let mut blank = false;
    for character in text.trim().chars() {
        if Some(character) == kept {
            flat.push(character);
            continue;
        }
        if matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        ) {
            continue;
        }
        if character.is_whitespace() || character.is_control() {
            blank = true;
            continue;
        }
        if blank && !flat.is_empty() {
            flat.push(' ');
        }
        blank = false;
        flat.push(character);
    }
    flat
}

fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use checklist::Document;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_there_is_counted_as_it_would_be_shown() {
        for (text, quoted) in [
            ("12345", "12345"),
            ("12  34\n", "12 34"),
            ("1\u{200b}2\u{200b}3\u{200b}4", "1234"),
            ("123456", "1234… (2 more characters)"),
            ("123  45678", "123… (6 more characters)"),
            ("12 \n 34 \n 5678", "12 3… (6 more characters)"),
        ] {
            assert_eq!(quote_cut(text, 5), quoted, "{text:?}");
        }
    }

    #[test]
    fn hostile_text_becomes_plain() {
        let zero = ZERO_WIDTH_SPACE;
        for (text, quoted) in [
            ("plain words, 10 of 10", "plain words, 10 of 10".to_owned()),
            ("- [ ] task", "\\- \\[ \\] task".to_owned()),
            ("1. [x] task", "1\\. \\[x\\] task".to_owned()),
            ("```\nfence", "\\`\\`\\` fence".to_owned()),
            ("<!-- caretaker:status -->", "\\<\\!-- caretaker:status --\\>".to_owned()),
            ("ping @all now", format!("ping @{zero}all now")),
            ("image@sha256:1a", "image@sha256:1a".to_owned()),
            ("root@example.org", format!("root@{zero}example.org")),
            ("www.example.org", format!("www.{zero}example.org")),
            ("closes #12 and !7", format!("closes \\#{zero}12 and \\!{zero}7")),
            ("https://example.org/a/issues/1", format!("https:{zero}//example.org/a/issues/1")),
            ("a | b", "a \\| b".to_owned()),
            ("HEALTH_OK _x_", "HEALTH_OK \\_x\\_".to_owned()),
            ("# heading", "\\# heading".to_owned()),
            ("&#35;12", format!("\\&\\#{zero}35;12")),
            ("a\u{202e}b\u{0}c", "ab c".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(quote_outside(text, 200), quoted, "{text:?}");
        }
        assert_eq!(quote_outside("abcdefgh", 5), "abcd…");
        assert_eq!(quote_outside("äöüäöü", 4), "äöü…");
    }

    #[test]
    fn a_sentence_with_a_quotation_keeps_it_harmless() {
        let sentence = format!("closes {}\nnow", quote_outside("#12 for @all", 40));
        let zero = ZERO_WIDTH_SPACE;
        assert_eq!(one_line(&sentence), format!("closes \\#{zero}12 for @{zero}all now"));
        assert_eq!(cell(&sentence), format!("closes \\#{zero}12 for @{zero}all now"));
    }

    #[test]
    fn summaries_hold_no_html() {
        let zero = ZERO_WIDTH_SPACE;
        assert_eq!(
            summary("Phase <b>1</b> & @all\nfor #12", 40),
            format!("Phase &lt;b&gt;1&lt;/b&gt; &amp; @{zero}all for #{zero}12")
        );
        assert_eq!(summary("abcdefgh", 5), "abcd…");
    }

    #[test]
    fn cells_keep_their_borders() {
        assert_eq!(cell("a|b \\| c\nd"), "a\\|b \\| c d");
        assert_eq!(cell("ends with \\"), "ends with \\\\");
        assert_eq!(code("a`b|c", 20), "`a'b/c`");
    }

    proptest! {
        #[test]
        fn nothing_from_outside_has_structure(text in "\\PC{0,60}|[-+*_#>`~!@&$|\\[\\]() x0-9.\\n<a/:\\\\]{0,40}") {
            let quoted = quote_outside(&text, 50);
            for body in [quoted.clone(), format!("- {quoted}"), format!("> {quoted}\n"), format!("a {quoted} b")] {
                let document = Document::parse(&body).expect("not deep");
                prop_assert!(document.items().is_empty(), "{body:?}");
                prop_assert!(document.headings().is_empty(), "{body:?}");
                prop_assert!(document.comments().is_empty(), "{body:?}");
                prop_assert!(document.references().is_empty(), "{body:?}");
            }
            prop_assert!(!quoted.contains('\n'));
        }
    }
}
