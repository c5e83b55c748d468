//! Which priority and which layer a word, a detail, a line like a heading or a heading names.

use super::Priority;
use super::words::{coded, token, undecorated};
use crate::health::Layer;
use regex::Regex;
use std::sync::LazyLock;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static PRIORITY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) ^[\[(]? (?: p([0-3]) (?: [-\s]* [(\[]? (?:critical|high|medium|low) [)\]]? )?
        | (critical|high|medium|low) (?: [-\s]* [(\[]? p[0-3] [)\]]? )? ) [\])]? $",
    )
});
static HEADING_CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\b(after|before|except|besides|than|beyond|until|not)\s+|^|\W)(?:p|(?:priority|prio)\s*:?\s*)([0-3])\b",
    )
});

static BESIDES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([^()]*\)"));

pub(super) fn named_priority(word: &str) -> Option<Priority> {
    Some(match word.to_ascii_lowercase().as_str() {
        "p0" | "0" | "critical" => Priority::P0,
        "p1" | "1" | "high" => Priority::P1,
        "p2" | "2" | "medium" => Priority::P2,
        "p3" | "3" | "low" => Priority::P3,
        _ => return None,
    })
}

pub(super) fn priority_token(token: &str) -> Option<Priority> {
    let found = PRIORITY.captures(token)?;
    found.get(1).or_else(|| found.get(2)).and_then(|word| named_priority(word.as_str()))
}

/// The priority that a text such as `P1 (HIGH)` or `Medium` names.
pub(crate) fn priority(text: &str) -> Option<Priority> {
    priority_token(text.trim())
}

/// The same in other languages.
fn foreign_priority(word: &str) -> Option<Priority> {
    Some(match word.to_lowercase().as_str() {
        "kritisch" | "dringend" => Priority::P0,
        "hoch" | "hohe" => Priority::P1,
        "mittel" | "mittlere" => Priority::P2,
        "niedrig" | "niedrige" => Priority::P3,
        _ => return None,
    })
}

/// The priority that a detail of that name tells, with what stands beside it: `🔴 P0`, `P0 (critical, CVE)`, `P1 - a CVE`.
pub(crate) fn told_priority(text: &str) -> Option<Priority> {
    let line = text.trim().lines().next()?;
    let plain = undecorated(line);
    if plain.is_empty() {
        return lamp(line);
    }
    let bare = BESIDES.replace_all(plain, " ");
    let bare = bare.trim();
    let begins = || {
        let (first, after) = token(bare);
        let code = first.trim_end_matches([',', ';', '.', ':']);
        let ends = code != first || after.starts_with(['-', '–', '—']);
        // `P1, or P2` names two.
        let other = after.split(|c: char| !c.is_alphanumeric()).any(|word| priority_token(word).is_some());
        priority_token(code).filter(|_| ends && coded(code) && !other)
    };
    priority_token(plain).or_else(|| priority_token(bare)).or_else(|| foreign_priority(bare)).or_else(begins)
}

/// The layers that a detail of that name tells: `Apps (media)`.
pub(crate) fn told_layers(text: &str) -> Option<(Option<Layer>, bool)> {
    let plain = undecorated(text.trim().lines().next()?);
    layers(plain).or_else(|| layers(&BESIDES.replace_all(plain, " ")))
}

/// What a lamp says of a priority; several say nothing.
pub(super) fn lamp(signs: &str) -> Option<Priority> {
    let mut found = signs.chars().filter_map(|sign| match sign {
        '🔴' | '🟥' => Some(Priority::P0),
        '🟠' | '🟧' => Some(Priority::P1),
        '🟡' | '🟨' => Some(Priority::P2),
        '🟢' | '🟩' => Some(Priority::P3),
        _ => None,
    });
    found.next().filter(|_| found.next().is_none())
}

pub(super) fn layer_word(word: &str) -> Option<Layer> {
    Layer::ALL.into_iter().find(|layer| layer.word().eq_ignore_ascii_case(word)).or_else(|| {
        (word.eq_ignore_ascii_case("app") || word.eq_ignore_ascii_case("applications")).then_some(Layer::Apps)
    })
}

/// Words that stand where a layer does and name none.
pub(super) fn no_layer(word: &str) -> bool {
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

/// The priority that a heading gives to the tasks below it.
pub(crate) fn heading_priority(text: &str) -> Option<Priority> {
    // `Everything after P0` names what it is not.
    if let Some(found) = HEADING_CODE.captures_iter(text).find(|found| found.get(1).is_none()) {
        return found.get(2).and_then(|digit| named_priority(digit.as_str()));
    }
    // What stands in parentheses is said besides.
    let words = heading_words(&BESIDES.replace_all(text, " "));
    let named = |word: &String| match word.as_str() {
        "urgent" | "asap" => Some(Priority::P0),
        "normal" => Some(Priority::P2),
        // A number alone counts sections.
        word if word.bytes().all(|byte| byte.is_ascii_digit()) => None,
        word => named_priority(word).or_else(|| foreign_priority(word)),
    };
    let rest = words.iter().filter(|word| named(word).is_none()).all(|word| {
        layer_word(word).is_some()
            || no_layer(word)
            || word.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(
                word.as_str(),
                "priority"
                    | "priorities"
                    | "prio"
                    | "priorität"
                    | "severity"
                    | "task"
                    | "tasks"
                    | "item"
                    | "items"
                    | "issue"
                    | "issues"
                    | "action"
                    | "actions"
                    | "fixes"
                    | "updates"
                    | "work"
                    | "first"
                    | "now"
            )
    });
    rest.then(|| words.iter().find_map(named)).flatten()
}

/// The priority that a line gives that stands like a heading and may be more than one: it has to begin with it.
pub(crate) fn line_priority(text: &str) -> Option<Priority> {
    if text.len() > LONGEST_LINE {
        return None;
    }
    let words = heading_words(text);
    let mut codes: Vec<&String> = words.iter().filter(|word| is_a_code(word)).collect();
    codes.dedup();
    let begins = words.iter().take(2).any(|word| is_a_code(word) || word == "priority" || word == "prio");
    heading_priority(text).filter(|_| codes.is_empty() || codes.len() == 1 && begins)
}

/// A longer line is a text.
const LONGEST_LINE: usize = 60;

fn is_a_code(word: &str) -> bool {
    matches!(word, "p0" | "p1" | "p2" | "p3")
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
