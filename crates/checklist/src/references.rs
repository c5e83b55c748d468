//! References such as `#12`, found once over the whole text.

use crate::document::Reference;

/// Every `#N` of the text that stands alone: not in a word, an address, an escape or an entity.
pub(crate) fn scan(text: &str, in_code: impl Fn(usize) -> bool) -> Vec<Reference> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (start, _) in text.match_indices('#') {
        let before = text[..start].chars().next_back();
        if before.is_some_and(|character| {
            character.is_alphanumeric() || matches!(character, '#' | '&' | '/' | '\\' | '=' | '_' | '-' | '?')
        }) {
            continue;
        }
        let digits = bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = start + 1 + digits;
        // More digits than any forge numbers with: not a reference, and `parse` would not take it.
        if digits == 0 || digits > 18 || bytes[start + 1] == b'0' {
            continue;
        }
        if text[end..].chars().next().is_some_and(|character| character.is_alphanumeric() || character == '_')
        {
            continue;
        }
        if let Ok(number) = text[start + 1..end].parse() {
            found.push(Reference { number, span: start..end, in_code: in_code(start) });
        }
    }
    found
}
