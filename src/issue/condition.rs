//! Whether a title asks for its work without reserve.
//!
//! Words such as `if`, `not` or `or` turn a title around wherever they stand. What is done without asking is done only
//! where none of them is there; a word too much costs a person a tick, a word too few costs a cluster.

use super::words::is_id;
use regex::Regex;
use std::sync::LazyLock;

/// Why a title's work is not simply done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// A person's yes answers it.
    Yes,
    /// A person has to judge what is to be done at all.
    Judgement,
}

/// Words with which a title says no, or leaves open what is to be done.
const TURNS: &[&str] = &[
    "not",
    "never",
    "don't",
    "dont",
    "doesn't",
    "shouldn't",
    "mustn't",
    "can't",
    "cannot",
    "won't",
    "nor",
    "neither",
    "or",
    "either",
    "whether",
    "instead",
    "skip",
    "defer",
    "postpone",
    "maybe",
    "perhaps",
    "possibly",
];

/// Words of a condition to which a yes is the answer.
const ASKS: &[&str] = &["if", "unless", "approved", "approval"];

/// Words of a condition that somebody has to look at.
const WAITS: &[&str] = &[
    "when",
    "once",
    "until",
    "till",
    "only",
    "provided",
    "providing",
    "assuming",
    "depending",
    "pending",
    "ask",
    "wait",
    "hold",
    "later",
    "soon",
];

/// What is waited for after every change anyhow, so that it is no condition of the change.
static AFTERWARDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) (?: \b(?:and|then)\b | [,;(] ) \s* (?:then\s+)? wait \s+ (?:for|until) \s+
        (?: (?: the | all | every | its | it | argo | cd | argocd | flux | cluster | layers? | pods? | apps?
          | applications? | nodes? | ceph | rollout | roll | rolled | out | to | be | is | are | sync | synced
          | synchroni[sz]ation | health | healthy | health_ok | green | ready | finish | complete | completed | done
          | and | again | settle | settled | soak | minutes | [0-9]+ ) \b [\s/]* )+
        (?: of \s+ \S+ \s* )? (?: $ | [,;.)] )",
    )
    .expect("the pattern is a constant that a test compiles")
});

/// The reserve that a title makes, if any.
pub(crate) fn doubt(title: &str) -> Option<Doubt> {
    let title = AFTERWARDS.replace_all(title, " ");
    let words: Vec<&str> = title
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '?' | '？'))))
        .collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase().replace('’', "'")).collect();
    // A name such as `only-office` holds such a word and is none.
    let any = |list: &[&str]| lower.iter().any(|word| list.contains(&word.as_str()));
    let asks = title.split_whitespace().any(|word| word.contains(['?', '？']) && !word.contains("://"));
    if any(TURNS) || asks || lower.iter().any(|word| is_choice(word)) {
        return Some(Doubt::Judgement);
    }
    if any(ASKS) {
        return Some(Doubt::Yes);
    }
    // `after A1` is a dependency, which is seen to; after anything else is for a person to see.
    let after = lower.iter().enumerate().any(|(at, word)| {
        let mut next = words.iter().skip(at + 1).skip_while(|word| word.eq_ignore_ascii_case("task"));
        word == "after" && !next.next().is_some_and(|next| is_id(next))
    });
    (any(WAITS) || after).then_some(Doubt::Judgement)
}

/// `merge/close`, `and/or`: what is to be done is left open.
fn is_choice(word: &str) -> bool {
    let mut parts = word.split('/');
    word.contains('/')
        && parts.any(|part| matches!(part, "merge" | "close" | "skip" | "hold" | "wait" | "defer" | "or"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_turn_a_title_around_are_seen_anywhere() {
        use Doubt::{Judgement, Yes};
        for (title, expected) in [
            ("Merge PR #12 grafana 11.2.0 → 11.3.0 and wait for sync", None),
            ("Merge PR #12; wait for ArgoCD sync; run universal validation gate", None),
            ("Merge PR #12, then wait until all layers are GREEN", None),
            ("Merge PR #12 and wait for the rollout of grafana", None),
            ("Merge PR #12 only-office/documentserver to 8.1", None),
            ("Merge PR #12 after A1", None),
            ("Merge PR #12 after task A1", None),
            ("Close #12 (https://example.org/?a=b)", None),
            ("Merge PR #12 and wait for the owner", Some(Judgement)),
            ("Merge PR #12 after the backup", Some(Judgement)),
            ("Merge PR #15? Ask the owner first", Some(Judgement)),
            ("Merge PR #12 (maybe)", Some(Judgement)),
            ("Don’t merge PR #12", Some(Judgement)),
            ("merge/close PR #12", Some(Judgement)),
            ("Close #24 (do not close before release)", Some(Judgement)),
            ("Merge PR #9 only when the owner says yes", Some(Judgement)),
            ("Merge PR #9 only if the notes are harmless", Some(Yes)),
            ("Merge PR #9 when approved", Some(Yes)),
            ("Merge PR #9 if approved, or defer it", Some(Judgement)),
        ] {
            assert_eq!(doubt(title), expected, "{title}");
        }
    }
}
