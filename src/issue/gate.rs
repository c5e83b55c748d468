//! Which lines stand above boxes that come before every merge, wherever those are.
//!
//! A gate too few lets a merge go before what was to be seen to first, a gate too many makes merges wait for others. So a
//! line counts by how it begins, unless it says that all of that is over; and a line further down that is no heading
//! takes the changes out of it, which then wait for what was asked for above them, while what people do stays in it.

use super::Kind;
use super::heard::brief;
use super::inferred::is_a_gate_heading;
use super::kind::words;
use super::vocabulary::is_of_an_update;

/// A line or a heading over boxes that come before every merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate {
    /// Its words.
    text: String,
    /// Whether what changes something below it is a part of it.
    changes: bool,
}

/// So many words may stand between what a line is about and what it says of that.
const REACH: usize = 5;

impl Gate {
    /// Whether a line is one by its words.
    pub(super) fn of(text: &str) -> Option<Self> {
        let gate = |changes| Some(Self { text: brief(text), changes });
        if !is_a_gate_heading(text) {
            return None;
        }
        match over(&words(text)) {
            Over::Not => gate(true),
            Over::Alone => gate(false),
            Over::AndOn => None,
        }
    }

    /// The same once another line stands between it and what follows.
    pub(super) fn behind_another_line(self) -> Self {
        Self { changes: false, ..self }
    }

    /// Its words, for a task of that kind below it.
    pub(super) fn over(self, kind: &Kind) -> Option<String> {
        let changes = matches!(kind, Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. });
        (self.changes || !changes).then_some(self.text)
    }
}

/// Whether a line between a gate and what follows is the name of the updates themselves: `Updates`, `The merges`.
pub(super) fn names_the_updates(line: &str) -> bool {
    let list = words(line);
    let is_one = |word: &String| {
        matches!(
            word.as_str(),
            "updates"
                | "upgrades"
                | "merge"
                | "merges"
                | "merging"
                | "rollout"
                | "rollouts"
                | "prs"
                | "changes"
        )
    };
    let is_beside = |word: &String| matches!(word.as_str(), "now" | "these" | "them" | "in" | "order");
    list.iter().any(is_one)
        && list.iter().all(|word| is_one(word) || is_beside(word) || is_of_an_update(word))
}

/// Whether a line says that what it begins with is over.
enum Over {
    Not,
    /// `Prerequisites are met:` stands over what is met, or over what follows then.
    Alone,
    /// `Prerequisites are met, merge these now:`
    AndOn,
}

fn over(list: &[String]) -> Over {
    // `Before merging, all backups are checked` asks for it.
    if list.first().is_some_and(|first| first == "before") {
        return Over::Not;
    }
    let is = |word: &String| matches!(word.as_str(), "is" | "are" | "was" | "were" | "has" | "have" | "had");
    let between = |word: &&String| {
        matches!(
            word.as_str(),
            "all" | "now" | "been" | "already" | "both" | "fully" | "finally" | "in" | "is" | "are"
        )
    };
    let alone = |word: &String| {
        matches!(word.as_str(), "went" | "came" | "ended" | "finished" | "succeeded" | "passed")
    };
    let Some(at) = list.iter().take(REACH).position(|word| is(word) || alone(word)) else { return Over::Not };
    let at = if is(&list[at]) { at + 1 + list[at + 1..].iter().take_while(between).count() } else { at };
    let ended = |word: &String| {
        alone(word)
            || matches!(
                word.as_str(),
                "met"
                    | "done"
                    | "complete"
                    | "completed"
                    | "given"
                    | "granted"
                    | "obtained"
                    | "there"
                    | "ready"
                    | "ok"
                    | "green"
                    | "over"
                    | "fulfilled"
                    | "satisfied"
                    | "checked"
                    | "made"
                    | "taken"
                    | "behind"
                    | "closed"
                    | "signed"
                    | "cleared"
                    | "place"
                    | "collected"
                    | "finalised"
                    | "finalized"
            )
    };
    if !list.get(at).is_some_and(ended) {
        return Over::Not;
    }
    let rest = &list[at + 1..];
    // `are done once these are`, `are met when all of these are ticked`, `are done by Friday`: not yet.
    let waits = |word: &String| {
        matches!(
            word.as_str(),
            "when"
                | "once"
                | "if"
                | "by"
                | "until"
                | "unless"
                | "as"
                | "only"
                | "after"
                | "with"
                | "not"
                | "first"
                | "except"
                | "but"
                | "before"
                | "through"
                | "to"
                | "of"
        )
    };
    let goes_on = |word: &String| {
        matches!(
            word.as_str(),
            "merge"
                | "go"
                | "now"
                | "so"
                | "then"
                | "next"
                | "proceed"
                | "continue"
                | "start"
                | "begin"
                | "follow"
                | "follows"
                | "updates"
                | "upgrades"
                | "merges"
        )
    };
    if rest.iter().any(waits) {
        Over::Not
    } else if rest.iter().any(goes_on) {
        Over::AndOn
    } else {
        Over::Alone
    }
}
