//! The patterns by which Argo CD's windows name what they are about: `*`, `?`, `[a-c]`, `[!x]`, `{one,two}` and `\` before a
//! character that stands for itself. Case matters; a pattern that is no pattern matches nothing.

/// So many patterns are made of one with alternatives at most: more is no name that a person gave.
const ALTERNATIVES: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Any text.
    Any,
    /// One character of these ranges, or of none of them.
    OneOf { ranges: Vec<(char, char)>, not: bool },
}

/// Whether a pattern matches a whole text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let Some(each) = alternatives(pattern) else { return false };
    each.iter().any(|pattern| pieces(pattern).is_some_and(|pieces| walk(&pieces, &text)))
}

/// The patterns without alternatives that a pattern stands for.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let (mut done, mut open) = (Vec::new(), vec![pattern.to_owned()]);
    while let Some(pattern) = open.pop() {
        match braces(&pattern) {
            Braces::None => done.push(pattern),
            Braces::NotClosed => return None,
            Braces::First { before, choices, after } => {
                open.extend(choices.iter().map(|choice| format!("{before}{choice}{after}")));
            }
        }
        if done.len() + open.len() > ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

/// The first braces of a pattern.
enum Braces<'a> {
    None,
    NotClosed,
    /// What stands before them, their choices, and what stands behind.
    First {
        before: &'a str,
        choices: Vec<&'a str>,
        after: &'a str,
    },
}

fn braces(pattern: &str) -> Braces<'_> {
    let (mut depth, mut start, mut cut) = (0_usize, 0, 0);
    let mut choices = Vec::new();
    let mut characters = pattern.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '{' => {
                if depth == 0 {
                    (start, cut) = (place, place + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                choices.push(&pattern[cut..place]);
                cut = place + 1;
            }
            '}' if depth == 1 => {
                choices.push(&pattern[cut..place]);
                return Braces::First { before: &pattern[..start], choices, after: &pattern[place + 1..] };
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    if depth == 0 { Braces::None } else { Braces::NotClosed }
}

fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let one = |character| Piece::OneOf { ranges: vec![(character, character)], not: false };
    let mut pieces = Vec::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '*' => Piece::Any,
            '?' => Piece::OneOf { ranges: Vec::new(), not: true },
            '\\' => one(characters.next()?),
            '[' => {
                let not = characters.next_if_eq(&'!').is_some();
                let mut ranges = Vec::new();
                loop {
                    let from = characters.next()?;
                    if from == ']' {
                        break;
                    }
                    let until = if characters.next_if_eq(&'-').is_some() { characters.next()? } else { from };
                    ranges.push((from, until));
                }
                if ranges.is_empty() {
                    return None;
                }
                Piece::OneOf { ranges, not }
            }
            character => one(character),
        });
    }
    Some(pieces)
}

fn walk(pattern: &[Piece], text: &[char]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where the last star is, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(Piece::Any) => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
                continue;
            }
            Some(Piece::OneOf { ranges, not })
                if ranges.iter().any(|(from, until)| (from..=until).contains(&&text[at_text])) != *not =>
            {
                at_pattern += 1;
                at_text += 1;
                continue;
            }
            Some(Piece::OneOf { .. }) | None => {}
        }
        let Some((star_pattern, star_text)) = star else { return false };
        star = Some((star_pattern, star_text + 1));
        (at_pattern, at_text) = (star_pattern + 1, star_text + 1);
    }
    pattern[at_pattern..].iter().all(|rest| *rest == Piece::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_a_whole_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything/at-all", true),
            ("web", "web", true),
            ("web", "Web", false),
            ("web", "web2", false),
            ("prod-*", "prod-web", true),
            ("*-prod", "web-prod-2", false),
            ("*a*b*", "xxaxxbxx", true),
            ("**", "web", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("web-[0-9]", "web-7", true),
            ("web-[!0-9]", "web-7", false),
            ("web-[!0-9]", "web-x", true),
            ("{web,blog}-*", "blog-2", true),
            ("{web,blog}-*", "shop-2", false),
            ("{a,b{c,d}}", "bd", true),
            (r"web\*", "web*", true),
            (r"web\*", "web2", false),
            ("https://*.example.org", "https://k8s.example.org", true),
            ("{web", "web", false),
            ("[web", "web", false),
            ("[]", "", false),
            ("", "", true),
            ("", "web", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
        assert!(!matches(&"{a,b}".repeat(12), &"a".repeat(12)), "nobody names that many");
    }
}
