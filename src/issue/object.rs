//! What a title's verb is about: the number that is its direct object, not one that is named beside it.
//!
//! `Merge conflict in PR #25` asks for no merge, and `Close ports that #27 opened` for no closing. The words between the
//! verb and the number decide: for a merge a package may stand there, for a closing only words for the thing itself.

use super::kind::{BARE, PULL, words};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// What is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// This.
    One(u64),
    /// Several, each of which is a task of its own.
    Several,
    /// Nothing that is named.
    Nothing,
}

static MERGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bmerge\b"));
static MORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) ^ \s* (?:
        (?: , | and\b | & | \+ | / | to\b | through\b | [-–] ) \s* (?: and \s+ )? (?: the \s+ )?
            (?: issues? | tickets? | prs? | pull[\s-]*requests? | mr )? \s* [\#!] [0-9]
        | (?: , | and\b | & | \+ | / | to\b | through\b | [-–] ) \s* (?: and \s+ )?
            (?: issues? | tickets? | prs? | pull[\s-]*requests? | mr ) \s* [0-9]
        | (?: , | ,? \s* and\b | & | \+ | / | to\b | through\b | [-–] ) \s* [0-9]{1,9} \s* (?: $ | [,;)&/] | \. (?: \s | $ ) | and\b ) )",
    )
});

/// More of its kind in other words: `..#37`, `(plus 36)`, `, loki (36)`, `and all open PRs`, `and the rest`, `etc.`.
static MANY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) ^ \s* (?: \.\.+ | … | ~ ) \s* (?: prs? \s* )? [\#!]? [0-9]
        | ^ \s+ (?: (?: prs? | pull[\s-]*requests? | mr ) \s* [\#!]? [0-9] | [\#!] [0-9] )
        | ^ \s+ [0-9]{1,9} \s* (?: $ | [,;)&/] )
        | \( \s* (?: plus | and | also | with | \+ | & ) \s* (?: prs? \s* )? [\#!]? [0-9]{1,9} \s* [,)&]
        | (?: [,;&+] | \band\b ) \s* (?: and \s+ )? prs? - [0-9]
        | (?: , | \band\b | & | \+ ) \s* [\w.-]+ \s* \( \s* (?: prs? \s* )? [\#!]? [0-9]{1,9} \s* \)
        | (?: [,;&+(] | \b(?: and | plus | then )\b ) \s* (?: (?: and | then | also ) \s+ )*
            (?: (?: (?: all | every | any | the ) \s+ )* (?: others? | rest | remaining | dependents? | siblings? )
            | [0-9]{1,3} \s+ (?: others? | more ) ) \b
        | (?: [,;&+(] | \b(?: and | plus | then )\b ) \s* (?: (?: and | then | also ) \s+ )*
            (?: all | every | any ) \s+ (?: the \s+ )? (?: [\w-]+ \s+ )? (?: open | pending | minors? | majors? | patch | patches | prs? | pulls? | pull \s+ requests? | updates? | upgrades? | merges? ) \b
        | \b (?: onwards? | etc | et \s+ al | and \s+ up | and \s+ following ) \b",
    )
});

/// Whether what follows a number names more of its kind.
pub(crate) fn more_numbers(after: &str) -> bool {
    // What a bundle calls itself.
    static BUNDLE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?i)\(\s*all\s+(?:non-)?(?:major|minor|patch)\s+(?:updates?|dependenc(?:y|ies))\s*\)")
    });
    let after = &*BUNDLE.replace(after, "");
    MORE.is_match(after) || MANY.is_match(after)
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

/// The first number that a text names, where it stands, and whether it is named as a pull request's.
pub(crate) fn reference(text: &str) -> Option<(u64, Range<usize>, bool)> {
    let pull = PULL.captures(text).map(|found| (found, true));
    let bare = BARE.captures(text).map(|found| (found, false));
    let start =
        |found: &(regex::Captures<'_>, bool)| found.0.get(0).map_or(usize::MAX, |whole| whole.start());
    let (found, named) = [pull, bare].into_iter().flatten().min_by_key(start)?;
    Some((found.get(1)?.as_str().parse().ok()?, found.get(0)?.range(), named))
}

/// The number that a title's `merge` is about, whatever it asks of it.
pub(crate) fn merged_number(title: &str) -> Option<u64> {
    let verb = MERGE.find(title)?;
    reference(&title[verb.end()..]).or_else(|| reference(&title[..verb.start()])).map(|(number, _, _)| number)
}

/// Whether a title's `merge` is about the pull request that it names: `Merge grafana PR #5`, `Review PR #5 and merge`.
pub(crate) fn merges(title: &str) -> bool {
    let Some(verb) = MERGE.find(title) else { return false };
    let rest = &title[verb.end()..];
    match reference(rest) {
        Some((_, place, named)) => {
            names_what_is_merged(&rest[..place.start], named) && !is_of_it(&rest[place.end..])
        }
        None => reference(&title[..verb.start()]).is_some_and(|(_, place, _)| !is_of_it(&title[place.end..])),
    }
}

/// Whether the words after a number make it the owner of what is meant: `PR #25's conflicts`.
fn is_of_it(after: &str) -> bool {
    after.starts_with(['\'', '’'])
        || words(after).first().is_some_and(|word| matches!(word.as_str(), "conflict" | "conflicts"))
}

/// Words with which something else than the number is merged.
const ELSEWHERE: &[&str] = &[
    "conflict",
    "conflicts",
    "in",
    "into",
    "on",
    "at",
    "by",
    "for",
    "with",
    "described",
    "mentioned",
    "see",
    "per",
    "as",
    "that",
    "which",
    "whose",
    "what",
    "where",
    "after",
    "before",
    "since",
    "because",
    "found",
    "using",
    "via",
    "like",
    "than",
    "queue",
    "window",
    "train",
    "commit",
    "strategy",
    "button",
    "opened",
];

/// What may follow `and` while the object is still to come.
const OTHER_WORK: &[&str] = &[
    "close", "review", "look", "fix", "update", "rebase", "open", "reopen", "delete", "comment", "see",
    "read",
];

fn names_what_is_merged(between: &str, named: bool) -> bool {
    let list = words(between);
    let is_version = |word: Option<&String>| {
        word.is_some_and(|word| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()))
    };
    let wrong = list.iter().enumerate().any(|(at, word)| {
        let next = list.get(at + 1);
        let before = at.checked_sub(1).and_then(|at| list.get(at)).map(String::as_str);
        match word.as_str() {
            "from" => !is_version(next),
            "of" | "to" => next.is_none(),
            "and" => next.is_some_and(|next| OTHER_WORK.contains(&next.as_str())),
            // `Merge request #5` is a name, in which nothing is asked for.
            "request" | "requests" => before != Some("merge"),
            word => ELSEWHERE.contains(&word),
        }
    });
    // A bare number may be anything's: one name is enough in front of it.
    let unknown = between
        .split_whitespace()
        .filter(|word| !words(word).iter().all(|word| is_of_an_update(word)))
        .count();
    !wrong
        && !between.contains([';', '?'])
        && !between.contains(". ")
        && list.len() <= 12
        && (named || unknown <= 1)
}

fn is_of_an_update(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit())
        || matches!(
            word,
            "the"
                | "a"
                | "an"
                | "this"
                | "our"
                | "renovate"
                | "s"
                | "update"
                | "updates"
                | "upgrade"
                | "bump"
                | "bundle"
                | "open"
                | "pending"
                | "ready"
                | "automated"
                | "automatic"
                | "dependency"
                | "dependencies"
                | "non"
                | "major"
                | "minor"
                | "patch"
                | "digest"
                | "group"
                | "version"
                | "to"
                | "from"
                | "merge"
                | "request"
                | "and"
                | "verify"
                | "validate"
                | "check"
        )
}

/// What a title that begins with `close` closes.
pub(crate) fn closes(title: &str) -> Closing {
    let rest = title.trim_start();
    let rest = &rest[rest.find(char::is_whitespace).unwrap_or(rest.len())..];
    let Some((number, place, _)) = reference(rest) else { return Closing::Nothing };
    let after = &rest[place.end..];
    if !words(&rest[..place.start]).iter().all(|word| is_of_a_ticket(word)) || is_of_it(after) {
        return Closing::Nothing;
    }
    if more_numbers(after) { Closing::Several } else { Closing::One(number) }
}

fn is_of_a_ticket(word: &str) -> bool {
    matches!(
        word,
        "the"
            | "a"
            | "this"
            | "our"
            | "its"
            | "old"
            | "older"
            | "stale"
            | "open"
            | "related"
            | "linked"
            | "duplicate"
            | "duplicated"
            | "obsolete"
            | "superseded"
            | "outdated"
            | "resolved"
            | "fixed"
            | "remaining"
            | "retired"
            | "abandoned"
            | "now"
            | "out"
            | "also"
            | "renovate"
            | "s"
            | "issue"
            | "issues"
            | "ticket"
            | "tickets"
            | "bug"
            | "incident"
            | "maintenance"
            | "tracking"
            | "parent"
            | "follow"
            | "up"
            | "report"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_is_about_the_number_behind_its_verb() {
        for title in [
            "Merge PR #5",
            "Merge #5",
            "Merge: PR #5",
            "merge pull-request 21",
            "Merge !5",
            "Merge MR !5",
            "Merge merge request !5",
            "Merge Renovate PR #5",
            "Merge Renovate's open PR #5",
            "Merge the grafana update (PR #5)",
            "Merge the grafana update (#5)",
            "Merge kube-prometheus-stack PR #5",
            "Merge kube-prometheus-stack #5",
            "Merge grafana 11.2.0 to 11.3.0 (PR #5)",
            "Merge grafana from 11.2.0 to v11.3.0 (PR #5)",
            "Merge and verify PR #5",
            "Review and merge PR #5 - non-major",
            "Review PR #5, then merge it",
            "Review the release notes of PR #5 and merge",
        ] {
            assert!(merges(title), "{title}");
        }
        for title in [
            "Merge conflict in PR #25: resolve",
            "Merge-conflict PR #25",
            "Merge PR #25's conflicts away",
            "Merge PR #25 conflicts by hand",
            "Merge the two node pools described in #28",
            "Merge the two node pools (#28)",
            "Merge the values from PR #5",
            "Merge the values of PR #5",
            "Merge the docs; see PR #5",
            "Merge the docs and close PR #5",
            "Merge request #5 is stuck",
            "Merge the open pull request",
            "Rebase PR #5",
        ] {
            assert!(!merges(title), "{title}");
        }
    }

    #[test]
    fn a_closing_is_about_the_number_behind_its_verb() {
        for (title, expected) in [
            ("Close #12", Closing::One(12)),
            ("Close PR #12", Closing::One(12)),
            ("Close PR 12", Closing::One(12)),
            ("Close pull request #12", Closing::One(12)),
            ("Close the related issue #12", Closing::One(12)),
            ("Close issue #12, which PR #5 resolves", Closing::One(12)),
            ("Close #12 (duplicate of #7)", Closing::One(12)),
            ("Close #12, #13 and #14", Closing::Several),
            ("Close issues #12 and #13", Closing::Several),
            ("Close #12-#14", Closing::Several),
            ("Close #12 and all others", Closing::Several),
            ("Close #12 (plus 13)", Closing::Several),
            ("Close ports that #27 opened", Closing::Nothing),
            ("Close the maintenance window of #26", Closing::Nothing),
            ("Close #12's duplicates", Closing::Nothing),
            ("Close the old ticket", Closing::Nothing),
        ] {
            assert_eq!(closes(title), expected, "{title}");
        }
    }
}
