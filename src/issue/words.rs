//! The many spellings of ids, priorities and layers that people really use.

use super::Priority;
use crate::health::Layer;
use regex::Regex;
use std::sync::LazyLock;

/// What stands in front of a title.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// `A1`, `CHG-001`.
    pub(crate) id: Option<String>,
    /// As written.
    pub(crate) priority: Option<Priority>,
    /// As written; of a mixture the first in the design's order.
    pub(crate) layer: Option<Layer>,
    /// Whether several layers are named, or all.
    pub(crate) several_layers: bool,
    /// The rest.
    pub(crate) title: String,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[\[(]?([A-Z]{1,5}-?[0-9]{1,4}[a-z]?)[\])]?$"));
static PRIORITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) ^[\[(]? (?: p([0-3]) (?: [-\s]* [(\[]? (?:critical|high|medium|low) [)\]]? )?
        | (critical|high|medium|low) (?: [-\s]* [(\[]? p[0-3] [)\]]? )? ) [\])]? $",
    )
});
static TRAILING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\s*[(\[](p[0-3]|critical|high|medium|low)(?: priority)?[)\]]\s*$"));
static HEADING_CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bp([0-3])\b"));

/// Whether a word has the form of an id.
pub(crate) fn is_id(word: &str) -> bool {
    ID.is_match(word) && word.starts_with(|c: char| c.is_ascii_uppercase())
}

fn named_priority(word: &str) -> Option<Priority> {
    Some(match word.to_ascii_lowercase().as_str() {
        "p0" | "0" | "critical" => Priority::P0,
        "p1" | "1" | "high" => Priority::P1,
        "p2" | "2" | "medium" => Priority::P2,
        "p3" | "3" | "low" => Priority::P3,
        _ => return None,
    })
}

fn priority_token(token: &str) -> Option<Priority> {
    let found = PRIORITY.captures(token)?;
    found.get(1).or_else(|| found.get(2)).and_then(|word| named_priority(word.as_str()))
}

/// The priority that a text such as `P1 (HIGH)` or `Medium` names.
pub(crate) fn priority(text: &str) -> Option<Priority> {
    priority_token(text.trim())
}

fn layer_word(word: &str) -> Option<Layer> {
    Layer::ALL.into_iter().find(|layer| layer.word().eq_ignore_ascii_case(word)).or_else(|| {
        (word.eq_ignore_ascii_case("app") || word.eq_ignore_ascii_case("applications")).then_some(Layer::Apps)
    })
}

/// Words that stand where a layer does and name none.
fn no_layer(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "all" | "tooling" | "repo" | "repository" | "nas" | "cluster" | "and" | "layer" | "layers"
    )
}

/// The layers in a text that names nothing else, and whether it names several or all; `None` when it says more.
pub(crate) fn layers(text: &str) -> Option<(Option<Layer>, bool)> {
    let mut found = Vec::new();
    let mut all = false;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        match layer_word(word) {
            Some(layer) => found.push(layer),
            None if no_layer(word) => all |= word.eq_ignore_ascii_case("all"),
            None => return None,
        }
    }
    Some((found.iter().min().copied(), all || found.len() > 1))
}

/// Takes id, priority and layer off the front of a title. `label` is what stands before its leading colon.
pub(crate) fn head(title: &str, label: Option<&str>) -> Head {
    let mut head = Head::default();
    let mut rest = title.trim();
    let label = label.map(str::trim).filter(|label| !label.is_empty());
    if let Some(label) = label
        && let Some(after) = rest.strip_prefix(label).map(str::trim_start).and_then(|r| r.strip_prefix(':'))
        && let Some(leftover) = take_codes(label, &mut head)
        && (head.id.is_some() || head.priority.is_some())
    {
        if let Some((layer, several)) = layers(leftover) {
            head.layer = layer;
            head.several_layers = several;
            rest = after.trim_start();
        } else {
            rest = rest[label.len() - leftover.len()..].trim_start();
        }
    } else {
        head = Head::default();
        if let Some(leftover) = take_codes(rest, &mut head) {
            rest = leftover.trim_start_matches([':', '-', '–', '—', '|', ' ']);
        }
    }
    let mut text = rest.to_owned();
    if let Some(found) = TRAILING.captures(rest)
        && let (Some(whole), Some(word)) = (found.get(0), found.get(1))
    {
        head.priority = head.priority.or_else(|| named_priority(word.as_str()));
        text.truncate(whole.start());
    }
    text.trim().clone_into(&mut head.title);
    head
}

/// Takes an id and a priority off the front, and returns what is left; `None` when there is neither.
fn take_codes<'a>(text: &'a str, head: &mut Head) -> Option<&'a str> {
    let (first, after) = token(text);
    let (second, after_second) = token(after);
    let bare = first.trim_end_matches([':', ',', '|', '-']);
    let next = second.trim_end_matches([':', ',', '|', '-']);
    // `P1 P2`: an id that looks like a priority, in front of one.
    let doubled = ID.is_match(bare) && priority_token(bare).is_some() && priority_token(next).is_some();
    if (priority_token(bare).is_none() || doubled)
        && let Some(id) = ID.captures(bare).and_then(|found| found.get(1))
    {
        head.id = Some(id.as_str().to_owned());
        if let Some(priority) = priority_token(next).filter(|_| coded(next) || second.ends_with(':')) {
            head.priority = Some(priority);
            return Some(after_note(after_second));
        }
        // A word such as `K3` in front of a sentence is no id: an id is followed by a priority, a layer or a colon.
        let marked = first.ends_with([':', '|']) || bare.starts_with(['[', '(']) || after.is_empty();
        if marked || layer_word(next).is_some() || after.starts_with(['-', '–', '—']) {
            return Some(after);
        }
        head.id = None;
        return None;
    }
    let priority =
        priority_token(bare).filter(|_| coded(bare) || first.ends_with(':') || after.is_empty())?;
    head.priority = Some(priority);
    Some(after_note(after))
}

/// Whether a priority is written in a way that no sentence begins with: `P1`, `[HIGH]`, `CRITICAL`.
fn coded(token: &str) -> bool {
    token.starts_with(['[', '(']) || !token.chars().any(char::is_lowercase)
}

/// Skips `(HIGH)` behind a `P1`.
fn after_note(text: &str) -> &str {
    let (first, after) = token(text);
    let bare = first.trim_end_matches(':');
    let note = bare.starts_with(['(', '[']) && priority_token(bare).is_some();
    if note { after } else { text }
}

fn token(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The priority that a heading gives to the tasks below it.
pub(crate) fn heading_priority(text: &str) -> Option<Priority> {
    if let Some(found) = HEADING_CODE.captures(text).and_then(|found| found.get(1)) {
        return named_priority(found.as_str());
    }
    let words = heading_words(text);
    let rest = words.iter().filter(|word| named_priority(word).is_none()).all(|word| {
        matches!(
            word.as_str(),
            "priority"
                | "priorities"
                | "prio"
                | "severity"
                | "task"
                | "tasks"
                | "item"
                | "items"
                | "issue"
                | "issues"
                | "action"
                | "actions"
        )
    });
    rest.then(|| words.iter().find_map(|word| named_priority(word))).flatten()
}

/// The layer that a heading gives to the tasks below it; of a mixture the first in the design's order.
pub(crate) fn heading_layer(text: &str) -> Option<Layer> {
    let words = heading_words(text);
    let found = words.iter().filter_map(|word| layer_word(word)).min()?;
    let says_so = words.iter().any(|word| word == "layer" || word == "layers");
    let rest = words.iter().all(|word| {
        layer_word(word).is_some()
            || named_priority(word).is_some()
            || no_layer(word)
            || matches!(
                word.as_str(),
                "priority"
                    | "green"
                    | "yellow"
                    | "red"
                    | "unknown"
                    | "task"
                    | "tasks"
                    | "items"
                    | "item"
                    | "actions"
                    | "action"
            )
    });
    (says_so || rest).then_some(found)
}

/// The words of a heading in lower case, without `Phase B` in front.
fn heading_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.len() > 2 && matches!(words[0].as_str(), "phase" | "step" | "stage") {
        words.drain(..2);
    }
    words
}

#[cfg(test)]
mod tests {
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
            ("A1 P0 Ceph pool: x", Some("A1 P0 Ceph pool"), Some("A1"), Some(P0), None, "Ceph pool: x"),
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
        ] {
            assert_eq!(heading_priority(text), priority, "{text}");
            assert_eq!(heading_layer(text), layer, "{text}");
        }
    }
}
