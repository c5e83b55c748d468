//! The many spellings of what stands in front of a title: ids, priorities and layers.

use super::Priority;
use super::levels::{lamp, layer_word, layers, named_priority, priority_token};
use super::named::without_ids;
use super::vocabulary::{REFUSES, WAITS};
use crate::health::Layer;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What stands in front of a title.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// `A1`, `CHG-001`.
    pub(crate) id: Option<String>,
    /// As written.
    pub(crate) priority: Option<Priority>,
    /// What a lamp in front says of it: 🔴 is P0, 🟢 is P3.
    pub(crate) lamp: Option<Priority>,
    /// As written; of a mixture the first in the design's order.
    pub(crate) layer: Option<Layer>,
    /// Whether several layers are named, or all.
    pub(crate) several_layers: bool,
    /// What stands where a layer does and is none. It is a tag of the title, so that what it says is heard.
    pub(crate) unknown_layer: Option<String>,
    /// The rest.
    pub(crate) title: String,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^[\[(]?([A-Z]{1,5}-?[0-9]{1,4}(?:[a-z]|\.[0-9]{1,3})?|[A-Z]{6,10}-[0-9]{1,4})[\])]?$")
});
static TRAILING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\s*[(\[](?:prio(?:rity)?\s*:?\s*)?(p[0-3]|critical|high|medium|low)(?: priority)?(?:\s*[,/]\s*([a-z]+))?[)\]]\s*$",
    )
});
/// `Merge PR #15, P1`.
static BEHIND: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:\s*[,;|]|\s[–—-])\s*(P[0-3])\s*$"));
/// `Merge PR #15 (P3) - blocked`.
static AMID: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s*[(\[](P[0-3])[)\]](?P<sign>\s*[,;:|–—-])"));
static DECORATION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:(?::[a-z0-9_+-]+:|[^\p{Alphabetic}\p{N}\x00-\x7f])\s*)+"));
const CODE: &str = r"[A-Z]{1,10}-?[0-9]{1,4}(?:[a-z]|\.[0-9]{1,3})?";

/// Spellings of the front of a title that are written in the usual way before they are read.
static FRONTS: LazyLock<[(Regex, &str); 10]> = LazyLock::new(|| {
    let layers = r"(?:metal|network|storage|system|platform|apps?|applications|all|repo|tooling)";
    [
        // `[A2][P0][Apps] Merge`: tags for codes.
        (
            pattern(&format!(
                r"(?i-u)^\[({CODE})\]\s*\[(p[0-3]|critical|high|medium|low)\]\s*(?:\[((?:{layers}[/,& ]*)+)\])?\s*:?\s*"
            )),
            "$1 $2 $3: ",
        ),
        (
            pattern(&format!(
                r"(?i-u)^\[(p[0-3]|critical|high|medium|low)\]\s*\[({CODE})\]\s*(?:\[((?:{layers}[/,& ]*)+)\])?\s*:?\s*"
            )),
            "$2 $1 $3: ",
        ),
        // `P0–CRITICAL`, `P1/HIGH`.
        (pattern(r"(?i)\b(p[0-3])\s*[–—/]\s*(critical|high|medium|low)\b"), "$1-$2"),
        // `C4/P0/Apps`, `A5: P0:`.
        (pattern(&format!(r"^({CODE})\s*[/|:]\s*(P[0-3]|CRITICAL|HIGH|MEDIUM|LOW)\s*[/|]\s*")), "$1 $2 "),
        (pattern(&format!(r"^({CODE})\s*[/|:]\s*(P[0-3]|CRITICAL|HIGH|MEDIUM|LOW)\b")), "$1 $2"),
        // `A3: [P1] Merge`.
        (
            pattern(&format!(
                r"^({CODE})\s*:\s*(?:[\[(](P[0-3])[\])]|\[((?i:critical|high|medium|low))\])\s*:?\s*"
            )),
            "$1 $2$3: ",
        ),
        // `D7 🔴 P0`.
        (pattern(&format!(r"^({CODE})\s+(?:[^\p{{Alphabetic}}\p{{N}}\x00-\x7f]\s*)+(P[0-3])\b")), "$1 $2"),
        // `P1 A1 Apps`, `P1 – A6:`.
        (
            pattern(&format!(r"^(P[0-3])(?:\s+|\s*[–—]\s*|\s+-\s+)({CODE})(\s+(?i:{layers})\b|\s*:)")),
            "$2 $1$3",
        ),
        // `Task 7 (P0)`, `1.1 P0`: a number is no id that could be told from others.
        (
            pattern(
                r"(?i)^(?:task|item|step|todo)\s+#?[0-9]{1,4}\s*[(\[](p[0-3]|critical|high|medium|low)[)\]]\s*[:–—-]?\s*",
            ),
            "$1: ",
        ),
        (pattern(r"(?i)^[0-9]{1,3}(?:\.[0-9]{1,3})?[.)]?\s+(p[0-3])\b"), "$1"),
    ]
});
static NAMED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:critical|high|medium|low)\b"));
static DOUBLED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^P[0-3](?:\s+|\s*[–—]\s*|\s+-\s+)P[0-3]\b"));
/// `b4 p0 apps`.
static SMALL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([a-z]{1,3}-?[0-9]{1,4})\s+(p[0-3])\b"));

/// The front of a title in the usual spelling, where it was written in another.
fn usual(title: &str) -> Option<String> {
    let front = title.as_bytes();
    let front = &front[..front.len().min(60)];
    let named = |pair: &[u8]| matches!(pair[0], b'p' | b'P') && matches!(pair[1], b'0'..=b'3');
    let worded = |byte: &u8| matches!(byte, b'/' | b'|' | b'[' | b'(' | b':');
    // Most titles have none of this; and of two priorities the first is an id.
    let odd = front.windows(2).any(named) || front.iter().any(worded) && NAMED.is_match(title);
    if !odd || DOUBLED.is_match(title) {
        return None;
    }
    let mut text = title.to_owned();
    if let Some(found) = SMALL.captures(&text) {
        let (word, rest) = token(&text[found[0].len()..]);
        let layer = layer_word(word.trim_end_matches(':')).map(Layer::word);
        let colon = if word.ends_with(':') || !rest.is_empty() { ":" } else { "" };
        let behind = match layer {
            Some(layer) => format!(" {layer}{colon} {rest}"),
            None => text[found[0].len()..].to_owned(),
        };
        text = format!("{} {}{behind}", found[1].to_uppercase(), found[2].to_uppercase());
    }
    for (spelling, usual) in &*FRONTS {
        text = spelling.replace(&text, *usual).into_owned();
    }
    let text = text.replacen(" :", ":", 1);
    (text != title && text != title.replacen(" :", ":", 1)).then_some(text)
}

/// Whether a word has the form of an id.
pub(crate) fn is_id(word: &str) -> bool {
    ID.is_match(word) && word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Takes id, priority and layer off the front of a title. `label` is what stands before its leading colon.
pub(crate) fn head(title: &str, label: Option<&str>) -> Head {
    let title = title.trim();
    // An icon in front of the codes is for the eye, and a lamp says something only where no code does.
    let (signs, plain) = title.split_at(DECORATION.find(title).map_or(0, |found| found.end()));
    Head { lamp: lamp(signs), ..head_behind(plain, label, title) }
}

fn head_behind(plain: &str, label: Option<&str>, title: &str) -> Head {
    if let Some(rest) = unnumbered(plain) {
        return read_head(rest, plain_label(rest), rest);
    }
    let label = label.map(undecorated).filter(|label| !label.is_empty());
    if let Some(text) = usual(plain) {
        return read_head(
            &text,
            plain_label(&text).filter(|label| label.split_whitespace().count() <= 5),
            &text,
        );
    }
    read_head(plain, label, title)
}

fn read_head(plain: &str, label: Option<&str>, title: &str) -> Head {
    let (mut head, rest) = labelled(plain, label, false)
        .or_else(|| labelled(plain, plain_label(plain), true))
        .or_else(|| unlabelled(plain))
        .unwrap_or((Head::default(), title));
    let text = take_trailing(rest, &mut head);
    let text = text.trim();
    head.title = match &head.unknown_layer {
        Some(tag) => format!("[{tag}] {text}"),
        None => text.to_owned(),
    };
    head
}

/// Takes a priority off the end of a title, or out of it where parentheses set it apart.
fn take_trailing<'a>(rest: &'a str, head: &mut Head) -> Cow<'a, str> {
    if let Some(found) = TRAILING.captures(rest)
        && let (Some(whole), Some(word)) = (found.get(0), found.get(1))
        && let Some((layer, several)) = layers(found.get(2).map_or("", |layer| layer.as_str()))
    {
        head.priority = head.priority.or_else(|| named_priority(word.as_str()));
        if head.layer.is_none() && !head.several_layers {
            (head.layer, head.several_layers) = (layer, several);
        }
        return Cow::Borrowed(&rest[..whole.start()]);
    }
    if head.priority.is_some() || !rest.contains('P') {
        return Cow::Borrowed(rest);
    }
    // `needs A1, P1` may name a task that is called so.
    if let Some(found) = BEHIND.captures(rest)
        && let (Some(whole), Some(word)) = (found.get(0), found.get(1))
        && without_ids(rest).trim_end().ends_with(word.as_str())
    {
        head.priority = named_priority(word.as_str());
        return Cow::Borrowed(&rest[..whole.start()]);
    }
    let mut amid = AMID.captures_iter(rest);
    if let (Some(found), None) = (amid.next(), amid.next()) {
        head.priority = found.get(1).and_then(|word| named_priority(word.as_str()));
        return AMID.replace(rest, "$sign");
    }
    Cow::Borrowed(rest)
}

/// What stands behind a number that only counts, as in `2.1 Merge`. Others wait in vain for it: a number is no id that
/// could be told from a version.
fn unnumbered(title: &str) -> Option<&str> {
    static COUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[1-9][0-9]?(?:\.[1-9]\)?|\.|\))\s+"));
    let rest = &title[COUNT.find(title)?.end()..];
    let verb = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let is_a_version = matches!(verb.to_lowercase().as_str(), "update" | "upgrade" | "pr");
    (begins_a_title(rest) && !is_a_version).then_some(rest)
}

pub(super) fn undecorated(text: &str) -> &str {
    let text = text.trim();
    text[DECORATION.find(text).map_or(0, |found| found.end())..].trim()
}

/// What stands before the first colon, where the markup in it kept it from being a label: `` `A1` P0 Apps: ``.
fn plain_label(title: &str) -> Option<&str> {
    let colon = title
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| title[at + 1..].chars().next().is_none_or(char::is_whitespace))?;
    Some(title[..colon].trim_end()).filter(|label| label.split_whitespace().count() <= 8)
}

/// Reads a label; `whole` where it has to be nothing but codes and layers.
fn labelled<'a>(title: &'a str, label: Option<&'a str>, whole: bool) -> Option<(Head, &'a str)> {
    let label = label?;
    let after = title.strip_prefix(label)?.trim_start().strip_prefix(':')?;
    let mut head = Head::default();
    let leftover = take_codes(label, &mut head, true)?;
    if head.id.is_none() && head.priority.is_none() {
        return None;
    }
    if let Some((layer, several)) = layers(leftover) {
        head.layer = layer;
        head.several_layers = several;
        return Some((head, after.trim_start()));
    }
    if begins_a_title(after.trim_start())
        && let Some((layer, tag)) = unknown_layer(leftover)
    {
        head.layer = layer;
        head.unknown_layer = Some(tag);
        return Some((head, after.trim_start()));
    }
    (!whole).then(|| (head, skip_separators(&title[label.len() - leftover.len()..])))
}

/// What stands where a layer does and names none: `Observability`, `(optional)`, `Apps (media)`, `Storage/Ceph`. Of a
/// mixture the layer counts; the rest is for whoever judges tags.
fn unknown_layer(text: &str) -> Option<(Option<Layer>, String)> {
    let text = skip_separators(text);
    let (name, note) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((name, note)) => (name.trim(), Some(note.trim())),
        None => (text, None),
    };
    let plain = !text.contains(['[', ']', '\'', ':']) && !note.is_some_and(|note| note.contains(['(', ')']));
    if !plain || name.split_whitespace().count() > 2 {
        return None;
    }
    if let (Some((layer, _)), Some(note)) = (layers(name), note) {
        return Some((layer, note.to_owned()));
    }
    let layer = name.split('/').filter_map(|part| layers(part.trim())?.0).min();
    Some((layer.filter(|_| name.contains('/')), text.to_owned()))
}

/// Reads codes that no colon ends.
fn unlabelled(title: &str) -> Option<(Head, &str)> {
    let mut head = Head::default();
    let leftover = take_codes(title, &mut head, false)?;
    let rest = leftover.trim_start_matches([':', '-', '–', '—', '|', ' ']);
    // `A1 P0 Apps Merge PR #5`: a layer where one stands, and then a title that begins like one.
    let (first, after) = token(rest);
    if head.priority.is_some()
        && first.starts_with(char::is_uppercase)
        && let Some((layer, several)) = layers(first)
        && (layer.is_some() || several)
        && (begins_a_title(after) || skip_separators(after) != after)
    {
        head.layer = layer;
        head.several_layers = several;
        return Some((head, skip_separators(after)));
    }
    Some((head, rest))
}

/// Whether a text begins with a verb as titles do, so that a layer in front of it is no part of a name.
fn begins_a_title(text: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let lower = first.to_lowercase();
    lower == "merge"
        || (first.starts_with(char::is_uppercase)
            && matches!(
                lower.as_str(),
                "close"
                    | "review"
                    | "verify"
                    | "validate"
                    | "confirm"
                    | "check"
                    | "ensure"
                    | "run"
                    | "universal"
                    | "final"
                    | "track"
                    | "monitor"
                    | "watch"
                    | "observe"
                    | "keep"
                    | "decide"
                    | "if"
                    | "when"
                    | "investigate"
                    | "fix"
                    | "update"
                    | "upgrade"
                    | "archive"
                    | "restart"
                    | "clean"
                    | "replace"
                    | "rotate"
                    | "refresh"
                    | "resolve"
                    | "restore"
                    | "repair"
                    | "pr"
                    | "do"
                    | "never"
                    | "only"
            ))
}

/// Takes an id and a priority off the front, and returns what is left; `None` when there is neither. In a label a
/// priority may be a plain word, when the rest of it names layers.
fn take_codes<'a>(text: &'a str, head: &mut Head, in_label: bool) -> Option<&'a str> {
    let (first, after) = token(text);
    let (second, after_second) = token(skip_separators(after));
    let dashed = after.starts_with(['-', '–', '—']);
    let bare = first.trim_end_matches([':', ',', '|', '-']);
    // `A13. Merge` counts as `A13) Merge` does; at the end of a sentence it is a name.
    let bare = if after.is_empty() { bare } else { bare.strip_suffix('.').unwrap_or(bare) };
    let next = second.trim_end_matches([':', ',', '|', '-']);
    let plain = |after: &str| in_label && layers(after).is_some();
    // `P1 P2`: an id that looks like a priority, in front of one.
    let doubled = ID.is_match(bare)
        && priority_token(bare).is_some()
        && priority_token(next).is_some()
        && (!dashed || coded(next));
    if (priority_token(bare).is_none() || doubled)
        && let Some(id) = ID.captures(bare).and_then(|found| found.get(1))
    {
        head.id = Some(id.as_str().to_owned());
        let is_one =
            coded(next) || second.ends_with(':') || plain(after_second) || begins_a_title(after_second);
        if let Some(priority) = priority_token(next).filter(|_| is_one) {
            head.priority = Some(priority);
            return Some(after_note(after_second));
        }
        // A word such as `K3` in front of a sentence is no id: an id is followed by a priority, a layer or a colon.
        let marked = first.ends_with([':', '|']) || bare.starts_with(['[', '(']) || after.is_empty();
        let counts =
            || first.ends_with(['.', ')']) || begins_a_title(after) || opens_with_a_note(after, in_label);
        let marked = marked || names_a_task(id.as_str()) && counts();
        if marked || layer_word(next).is_some() || dashed {
            return Some(after);
        }
        head.id = None;
        return None;
    }
    let priority = priority_token(bare).filter(|_| {
        coded(bare) || first.ends_with(':') || after.is_empty() || plain(after) || begins_a_title(after)
    })?;
    head.priority = Some(priority);
    Some(after_note(after))
}

/// Whether what has the form of an id may be one where only a verb follows it: `PR12 Merge` names something else, and
/// `Q3 Merge` a time.
fn names_a_task(id: &str) -> bool {
    let name = id.trim_end_matches(|c: char| !c.is_ascii_uppercase());
    !matches!(
        name,
        "PR" | "PRS"
            | "MR"
            | "GH"
            | "ISSUE"
            | "CVE"
            | "P"
            | "Q"
            | "H"
            | "W"
            | "KW"
            | "CW"
            | "WK"
            | "WEEK"
            | "DAY"
            | "YEAR"
            | "NEXT"
            | "PHASE"
            | "STAGE"
            | "SPRINT"
            | "FY"
            | "WE"
            | "AM"
            | "PM"
            | "EOD"
            | "EOW"
            | "EOM"
            | "ETA"
            | "UTC"
            | "GMT"
            | "CET"
            | "CEST"
            | "MEZ"
            | "MESZ"
            | "EST"
            | "EDT"
            | "PST"
            | "PDT"
    ) && !is_of_a_calendar(name)
        && !id.starts_with("T-")
        && !id.starts_with("D-")
        && !WAITS.contains(name.to_lowercase().as_str())
        && !REFUSES.contains(&name.to_lowercase().as_str())
}

/// `DEC`, `SATURDAY`.
fn is_of_a_calendar(name: &str) -> bool {
    let days = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let months = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "JUNE", "MAI",
        "OKT", "DEZ", "JULY", "SEPT",
    ];
    days.iter().any(|day| *day == name || name.starts_with(day) && name.ends_with("DAY"))
        || months.contains(&name)
        || months.iter().any(|month| {
            name.len() > 4 && name.starts_with(month) && (name.ends_with("BER") || name.ends_with("RY"))
        })
}

/// Whether a text begins with parentheses and a colon: `(optional): Merge`. A label has its colon behind it.
fn opens_with_a_note(text: &str, in_label: bool) -> bool {
    let behind = text.strip_prefix('(').and_then(|text| Some(text.split_once(')')?.1.trim_start()));
    behind.is_some_and(|behind| behind.starts_with(':') || in_label && behind.is_empty())
}

/// Skips dashes and the like that stand between codes.
fn skip_separators(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '|' | '·' | ':'))
}

/// Whether a priority is written in a way that no sentence begins with: `P1`, `[HIGH]`, `CRITICAL`.
pub(super) fn coded(token: &str) -> bool {
    token.starts_with(['[', '(']) || !token.chars().any(char::is_lowercase)
}

/// Skips `(HIGH)` behind a `P1`.
fn after_note(text: &str) -> &str {
    let (first, after) = token(text);
    let bare = first.trim_end_matches(':');
    let note = bare.starts_with(['(', '[']) && priority_token(bare).is_some();
    if note { after } else { text }
}

pub(super) fn token(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::super::levels::{heading_layer, heading_priority};
    use super::*;

    fn parsed(title: &str, label: Option<&str>) -> (Option<String>, Option<Priority>, Option<Layer>, String) {
        let head = head(title, label);
        (head.id, head.priority, head.layer, head.title)
    }

    #[test]
    fn heads_are_taken_off_in_every_spelling() {
        use Layer::{Apps, Storage, System};
        use Priority::{P0, P1, P2};
        for (title, label, id, priority, layer, rest) in [
            ("A1 P0 Apps: do it", Some("A1 P0 Apps"), Some("A1"), Some(P0), Some(Apps), "do it"),
            ("A1 P0: do it", Some("A1 P0"), Some("A1"), Some(P0), None, "do it"),
            ("B00 P0: do it", Some("B00 P0"), Some("B00"), Some(P0), None, "do it"),
            ("A00: do it", Some("A00"), Some("A00"), None, None, "do it"),
            ("A1 P1 Investigate it", None, Some("A1"), Some(P1), None, "Investigate it"),
            (
                "D5 P2 System/Storage: x",
                Some("D5 P2 System/Storage"),
                Some("D5"),
                Some(P2),
                Some(Storage),
                "x",
            ),
            ("E1 P2 Tooling: x", Some("E1 P2 Tooling"), Some("E1"), Some(P2), None, "x"),
            ("F1 P0 All: x", Some("F1 P0 All"), Some("F1"), Some(P0), None, "x"),
            ("A1 P1 (HIGH) System: x", Some("A1 P1 (HIGH) System"), Some("A1"), Some(P1), Some(System), "x"),
            ("A1 P0-HIGH: x", Some("A1 P0-HIGH"), Some("A1"), Some(P0), None, "x"),
            ("A1 CRITICAL: x", Some("A1 CRITICAL"), Some("A1"), Some(P0), None, "x"),
            ("HIGH: x", Some("HIGH"), None, Some(P1), None, "x"),
            ("[P1] x", None, None, Some(P1), None, "x"),
            ("P1: x", Some("P1"), None, Some(P1), None, "x"),
            ("P1 P2 Apps: x", Some("P1 P2 Apps"), Some("P1"), Some(P2), Some(Apps), "x"),
            ("CHG-001 P1 Apps: x", Some("CHG-001 P1 Apps"), Some("CHG-001"), Some(P1), Some(Apps), "x"),
            ("Fix it (P1)", None, None, Some(P1), None, "Fix it"),
            ("High load on a node", None, None, None, None, "High load on a node"),
            ("K3 is slow", None, None, None, None, "K3 is slow"),
            ("Note: do it", Some("Note"), None, None, None, "Note: do it"),
            ("A26 Critical Apps: x", Some("A26 Critical Apps"), Some("A26"), Some(P0), Some(Apps), "x"),
            ("A26 Critical load: x", Some("A26 Critical load"), None, None, None, "A26 Critical load: x"),
            ("A18 – P0 – Apps: x", Some("A18 – P0 – Apps"), Some("A18"), Some(P0), Some(Apps), "x"),
            ("A18 – P0 – Apps – x", None, Some("A18"), Some(P0), Some(Apps), "x"),
            ("A18 - x", None, Some("A18"), None, None, "x"),
            ("P1 - High load", None, None, Some(P1), None, "High load"),
            ("🔴 A24 P0 Apps: x", None, Some("A24"), Some(P0), Some(Apps), "x"),
            (":red_circle: A24 P0 Apps: x", None, Some("A24"), Some(P0), Some(Apps), "x"),
            ("🔴 x", None, None, None, None, "🔴 x"),
            ("A21 P0 Apps: x", None, Some("A21"), Some(P0), Some(Apps), "x"),
            ("A27 P0 Apps Merge PR #16", None, Some("A27"), Some(P0), Some(Apps), "Merge PR #16"),
            ("A27 P0 Storage is slow", None, Some("A27"), Some(P0), None, "Storage is slow"),
            ("A1 P0 Ceph pool: x", Some("A1 P0 Ceph pool"), Some("A1"), Some(P0), None, "Ceph pool: x"),
            ("A5: P0: x", Some("A5"), Some("A5"), Some(P0), None, "x"),
            ("A5 P0–CRITICAL: x", Some("A5 P0–CRITICAL"), Some("A5"), Some(P0), None, "x"),
            ("A5 P1/HIGH: x", Some("A5 P1/HIGH"), Some("A5"), Some(P1), None, "x"),
            ("C4/P0/Apps: x", Some("C4/P0/Apps"), Some("C4"), Some(P0), Some(Apps), "x"),
            ("b4 p0 apps: x", Some("b4 p0 apps"), Some("B4"), Some(P0), Some(Apps), "x"),
            ("b4 p0 apps Merge PR #2", None, Some("B4"), Some(P0), Some(Apps), "Merge PR #2"),
            ("D7 🔴 P0: x", Some("D7 🔴 P0"), Some("D7"), Some(P0), None, "x"),
            ("HOMELAB-12 P0: x", Some("HOMELAB-12 P0"), Some("HOMELAB-12"), Some(P0), None, "x"),
            ("1.1 P0: x", Some("1.1 P0"), None, Some(P0), None, "x"),
            ("Task 7 (P0): x", Some("Task 7 (P0)"), None, Some(P0), None, "x"),
            ("P1 A1 Apps: x", Some("P1 A1 Apps"), Some("A1"), Some(P1), Some(Apps), "x"),
            ("[A2][P0][Apps] Merge PR #2", None, Some("A2"), Some(P0), Some(Apps), "Merge PR #2"),
            ("[P0] [A2] Merge PR #2", None, Some("A2"), Some(P0), None, "Merge PR #2"),
            ("P1 K8s is slow", None, None, Some(P1), None, "K8s is slow"),
            ("C6 P0: x", Some("C6 P"), Some("C6"), Some(P0), None, "x"),
        ] {
            assert_eq!(
                parsed(title, label),
                (id.map(str::to_owned), priority, layer, rest.to_owned()),
                "{title}"
            );
        }
    }

    #[test]
    fn headings_give_priorities_and_layers() {
        use Priority::{P0, P1, P2, P3};
        for (text, priority, layer) in [
            ("High Priority", Some(P1), None),
            ("Medium (P2)", Some(P2), None),
            ("Phase B: Critical (P0)", Some(P0), None),
            ("Low", Some(P3), None),
            ("High availability", None, None),
            ("Overall Status: YELLOW (IMPROVED from Critical)", None, None),
            ("🟡 System Layer - YELLOW", None, Some(Layer::System)),
            ("Storage (NAS)", None, Some(Layer::Storage)),
            ("P1 - Platform/Apps", Some(P1), Some(Layer::Platform)),
            ("System upgrades", None, None),
            ("1. Tasks", None, None),
            ("Item 3", None, None),
            ("Everything after P0", None, None),
            ("High Priority Tasks (do these first)", Some(P1), None),
            ("Critical: Apps", Some(P0), Some(Layer::Apps)),
            ("Urgent", Some(P0), None),
            ("Priority 1", Some(P1), None),
        ] {
            assert_eq!(heading_priority(text), priority, "{text}");
            assert_eq!(heading_layer(text), layer, "{text}");
        }
    }
}
