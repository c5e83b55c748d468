//! Patterns in the notation of the library that Gitea, Forgejo and Argo CD match names with.

use regex::Regex;

/// A pattern as an expression for a whole text: `*` any text, `?` one character, `[abc]`, `[!abc]` and `[a-z]` one of these, `{a,b}` one of
/// these, `\` before a character that stands for itself. `None` where the pattern is not valid.
pub(crate) fn expression(pattern: &str) -> Option<Regex> {
    let mut text = String::from(r"\A");
    let mut depth = 0_u32;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '{' => {
                depth += 1;
                text.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                text.push(')');
            }
            ',' if depth > 0 => text.push('|'),
            '[' => {
                // Nothing ends it: no pattern.
                characters.as_str().find(']')?;
                let inside: String = characters.by_ref().take_while(|c| *c != ']').collect();
                let (not, inside) =
                    inside.strip_prefix('!').map_or(("", inside.as_str()), |inside| ("^", inside));
                // A dash between two characters is a range; everything else is itself.
                let inside: String = inside
                    .chars()
                    .map(|c| if c == '-' { c.to_string() } else { regex::escape(&c.to_string()) })
                    .collect();
                text.extend(["[", not, inside.as_str(), "]"]);
            }
            '\\' => text.push_str(&regex::escape(&characters.next()?.to_string())),
            other => text.push_str(&regex::escape(&other.to_string())),
        }
    }
    text.push_str(r"\z");
    Regex::new(&format!("(?s){text}")).ok()
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
            let matches = expression(pattern).is_some_and(|expression| expression.is_match(text));
            assert_eq!(matches, expected, "{pattern} on {text}");
        }
    }
}
