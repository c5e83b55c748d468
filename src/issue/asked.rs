//! What a title that begins with `merge` or `close` plainly asks for: everything between the verb, its object and the end.
//!
//! A list of words that turn a title around is never long enough, so this is the other way about: a small grammar of what
//! is understood (`docs/decisions/0005-what-a-title-plainly-asks.md`). A title is the verb, an article, a package, the
//! number, versions and words of an update, a description, and what a run does afterwards anyhow. What is left over is
//! not dropped: it is told, and costs an approval or makes the task a person's.

use super::condition::without_waits;
use super::kind::words;
use super::named::without_ids;
use super::object::{more_numbers, reference};
use super::vocabulary::{
    is_afterwards, is_done_by, is_of_a_gate, is_of_a_reason, is_of_a_sentence, is_of_an_update, is_work,
    opens_a_reason,
};
use regex::Regex;
use std::sync::LazyLock;

/// How plain it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Exactly that, and all of it is understood.
    Plainly,
    /// These words are not understood.
    Unclear(String),
    /// It goes on to other work, with this word.
    Work(String),
    /// It names several.
    Several,
    /// It names something of another repository.
    Elsewhere,
}

/// How a description may be written, and what its words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Merge,
    Close,
}

/// Where a clause stands, which says how freely it may describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between the verb and the number.
    Between,
    /// Right behind the number, or in parentheses: a name, not a sentence.
    Beside,
    /// Behind a colon or a dash.
    Description,
}

/// More words than this that nobody here knows are a story, not a description.
const MOST_UNKNOWN: usize = 6;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static BREAK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?P<hard>;|\.\s+|\s*(?:\band\s+)?\bthen\b|[.!]$)|(?P<comma>,)|(?P<and>\s\band\b\s|\s[&+]\s)|(?P<plain>[()\[\]|])|(?P<colon>:\s|:$|\s[-–—]+\s|[–—])",
    )
});

/// What stands in front of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// It stands in or behind parentheses, or nothing stands in front of it.
    Plain,
    /// A description follows.
    Colon,
    Comma,
    And,
    /// Another sentence.
    Hard,
}

fn clauses(text: &str) -> Vec<(Break, &str)> {
    let mut found = Vec::new();
    let (mut at, mut before) = (0, Break::Plain);
    for cut in BREAK.captures_iter(text) {
        let Some(whole) = cut.get(0) else { continue };
        found.push((before, &text[at..whole.start()]));
        at = whole.end();
        before = if cut.name("hard").is_some() {
            Break::Hard
        } else if cut.name("comma").is_some() {
            Break::Comma
        } else if cut.name("and").is_some() {
            Break::And
        } else if cut.name("colon").is_some() {
            Break::Colon
        } else {
            Break::Plain
        };
    }
    found.push((before, &text[at..]));
    found
}

/// What a title asks beside the merge of the number that its verb is about.
pub(crate) fn merge(title: &str) -> Asked {
    let title = without_ids(title);
    let title = without_waits(&title);
    let Some((head, between, tail)) = parts(&title) else { return Asked::Plainly };
    if let Some(word) = words(head).into_iter().find(|word| !is_before_a_merge(word)) {
        return Asked::Unclear(word);
    }
    let mut unknown = 0;
    for (at, text) in [between, tail].into_iter().enumerate() {
        match rest(text, Verb::Merge, at == 1, &mut unknown) {
            Asked::Plainly => {}
            other => return other,
        }
    }
    Asked::Plainly
}

/// What a title asks beside the closing of the number that its verb is about.
pub(crate) fn close(title: &str) -> Asked {
    let title = without_ids(title);
    let title = without_waits(&title);
    let title = title.trim_start();
    let behind = &title[title.find(char::is_whitespace).unwrap_or(title.len())..];
    match reference(behind) {
        Some((_, place, _)) => rest(&behind[place.end..], Verb::Close, true, &mut 0),
        None => Asked::Plainly,
    }
}

/// What is not understood of a text that only describes something.
pub(crate) fn unclear(text: &str) -> Option<String> {
    let text = without_waits(text);
    let mut unknown = 0;
    clauses(&text).into_iter().find_map(|(_, clause)| {
        let list = said(clause);
        let asked = match list.first() {
            Some((first, _)) if is_afterwards(first) => afterwards(&list),
            _ => described(&list, Verb::Merge, Place::Description, &mut unknown),
        };
        match asked {
            Asked::Unclear(word) | Asked::Work(word) => Some(word),
            Asked::Plainly | Asked::Several | Asked::Elsewhere => None,
        }
    })
}

/// The first word of a note that is neither a word of an update nor a code: in a note nobody describes, so it says
/// something that is to be looked at.
pub(crate) fn foreign(text: &str) -> Option<String> {
    let text = without_waits(text);
    clauses(&text).into_iter().find_map(|(_, clause)| {
        let list = said(clause);
        match list.first() {
            Some((first, _)) if is_afterwards(first) => match afterwards(&list) {
                Asked::Unclear(word) | Asked::Work(word) => Some(word),
                Asked::Plainly | Asked::Several | Asked::Elsewhere => None,
            },
            _ => list
                .iter()
                .find(|(word, _)| !(is_of_an_update(word) || is_a_code(word) || word.starts_with(['#', '!'])))
                .map(|(_, written)| (*written).to_owned()),
        }
    })
}

/// The title in front of its verb, between the verb and the number, and behind both. A review may name the number first.
fn parts(title: &str) -> Option<(&str, &str, &str)> {
    static MERGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bmerge\b(?:\s+it\b)?"));
    let verb = MERGE.find(title)?;
    let (before, after) = (&title[..verb.start()], &title[verb.end()..]);
    if let Some((_, place, _)) = reference(after) {
        return Some((before, &after[..place.start], &after[place.end..]));
    }
    let (_, place, _) = reference(before)?;
    // `Review PR #5 (grafana) and merge it`.
    Some((&before[..place.start], &before[place.end..], after))
}

fn is_before_a_merge(word: &str) -> bool {
    is_of_an_update(word)
        || matches!(
            word,
            "please" | "review" | "then" | "notes" | "changelog" | "diff" | "its" | "check" | "read"
        )
}

/// Judges what stands beside the number; `behind` where it stands behind it.
fn rest(text: &str, verb: Verb, behind: bool, unknown: &mut usize) -> Asked {
    if behind && more_numbers(text) {
        return Asked::Several;
    }
    if behind && let Some(asked) = place(text) {
        return asked;
    }
    let mut stands = if behind { Place::Beside } else { Place::Between };
    for (at, (before, clause)) in clauses(text).into_iter().enumerate() {
        match before {
            Break::Colon => stands = Place::Description,
            // What is told in parentheses of a closing is a description as well.
            Break::Plain if at > 0 && behind => {
                stands = if verb == Verb::Close { Place::Description } else { Place::Beside };
            }
            Break::Plain | Break::Comma | Break::And | Break::Hard => {}
        }
        let asked = one(before, clause, verb, stands, unknown);
        if asked != Asked::Plainly {
            return asked;
        }
    }
    Asked::Plainly
}

/// `in ops/other`, `of the infra repository`: the number is another repository's. `from 1.2.3` and `from Renovate` are not.
fn place(text: &str) -> Option<Asked> {
    let list = words(text);
    let first = list.first().map(String::as_str);
    if matches!(first, Some("in" | "on")) && is_the_forge(&list[1..]) {
        return Some(Asked::Plainly);
    }
    if text.starts_with(char::is_whitespace) && matches!(first, Some("in" | "on" | "of" | "at" | "from")) {
        let next = list.get(1).map_or("", String::as_str);
        let harmless = first == Some("from")
            && (next.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
                || matches!(next, "renovate" | "the" | "dependabot"));
        // `in ops/other` is a place; of what else stands there nobody knows whether it is one.
        let named = text.split_whitespace().nth(1).is_some_and(|word| word.contains('/'));
        let repository = list.iter().any(|word| is_a_repository(word));
        if !harmless && (named || repository) {
            return Some(Asked::Elsewhere);
        }
        if !harmless {
            return Some(Asked::Unclear(format!("{} {next}", first.unwrap_or_default())));
        }
    }
    list.iter().any(|word| is_a_repository(word)).then_some(Asked::Elsewhere)
}

/// `Gitea`, `the Forgejo UI`: where it is merged anyhow.
fn is_the_forge(list: &[String]) -> bool {
    let mut list = list.iter().map(String::as_str).filter(|word| *word != "the").peekable();
    list.peek().is_some_and(|first| matches!(*first, "gitea" | "forgejo" | "ui"))
        && list.all(|word| matches!(word, "gitea" | "forgejo" | "ui" | "web" | "interface"))
}

fn is_a_repository(word: &str) -> bool {
    matches!(word, "repo" | "repository" | "repos")
}

/// The words of a clause, as they are judged and as they are written.
fn said(clause: &str) -> Vec<(String, &str)> {
    clause
        .split(|c: char| c.is_whitespace() || matches!(c, '→' | '⇒' | '➡'))
        .map(|word| word.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '#' | '!'))))
        .filter(|word| word.contains(char::is_alphanumeric))
        .map(|word| (word.to_lowercase().replace(['’', '‘'], "'"), word))
        .collect()
}

/// Judges one clause.
fn one(before: Break, clause: &str, verb: Verb, place: Place, unknown: &mut usize) -> Asked {
    let list = said(clause);
    let Some((first, written)) = list.first() else { return Asked::Plainly };
    if first.bytes().all(|byte| byte.is_ascii_digit())
        && list.len() == 1
        && matches!(before, Break::And | Break::Comma)
    {
        return Asked::Several;
    }
    let plain = matches!(before, Break::Plain | Break::Colon);
    if let Some((_, named, _)) = reference(clause)
        && !mentions(verb, &clause[..named.start], before)
    {
        // `and close #10` is other work, `and #6` one more of the same.
        return if is_work(first) { Asked::Work((*written).to_owned()) } else { Asked::Several };
    }
    if is_afterwards(first) {
        return afterwards(&list);
    }
    if is_work(first) && !is_a_name(&list) {
        // A single word may be a name, or `Merge PR #4 / close`.
        let what = (*written).to_owned();
        return if list.len() == 1 && plain { Asked::Unclear(what) } else { Asked::Work(what) };
    }
    // Behind a comma, an `and` or another sentence a name goes on, or something else begins.
    if !plain && !begins_a_name(&list) && verb == Verb::Merge {
        let what = (*written).to_owned();
        return if before == Break::Hard { Asked::Work(what) } else { Asked::Unclear(what) };
    }
    if verb == Verb::Close {
        // `and lock it` is more than the closing; so is `with release`, other than `with a comment`.
        let more = (!plain && !opens_a_reason(first)).then_some(written);
        let with = list.iter().position(|(word, _)| word == "with").and_then(|at| {
            let articles = ["a", "an", "the", "its", "this", "our"];
            list[at + 1..].iter().find(|(word, _)| !articles.contains(&word.as_str()))
        });
        let with = with.filter(|(word, _)| {
            !word.starts_with('#')
                && !matches!(word.as_str(), "comment" | "note" | "link" | "reference" | "pr" | "issue")
        });
        if let Some(what) = more.or(with.map(|(_, said)| said)) {
            return Asked::Unclear((*what).to_owned());
        }
    }
    described(&list, verb, place, unknown)
}

/// Whether a number in a clause is only told: `fixes #12`, `duplicate of #7`.
fn mentions(verb: Verb, before: &str, stands: Break) -> bool {
    let list = words(before);
    let behind = list.iter().rev().map(String::as_str);
    let mut behind =
        behind.skip_while(|word| list.len() > 1 && matches!(*word, "issue" | "issues" | "pr" | "ticket"));
    let said = behind.next().unwrap_or_default();
    let tells = matches!(
        said,
        "fixes" | "fix" | "resolves" | "closes" | "solves" | "supersedes" | "replaces" | "for" | "fixing"
    );
    let opens =
        matches!(stands, Break::Plain | Break::Colon) && (tells || list.is_empty() && verb == Verb::Close);
    let gives_a_reason = verb == Verb::Close
        && (matches!(said, "of" | "by" | "which" | "that" | "in" | "with" | "via" | "pr") || tells)
        && list.iter().all(|word| is_of_a_reason(word))
        && (!list.iter().any(|word| word == "by") || list.iter().any(|word| is_done_by(word)));
    opens && !list.first().is_some_and(|word| is_work(word)) || gives_a_reason
}

/// A verb that is a name here, since a version follows: `restart 1.2.3`.
fn is_a_name(list: &[(String, &str)]) -> bool {
    list.get(1).is_some_and(|(next, _)| {
        is_version(next) || matches!(next.as_str(), "operator" | "chart" | "image" | "to")
    })
}

fn is_version(word: &str) -> bool {
    word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
}

/// `stirling-pdf`, `ghcr.io/owner/app`, `v1.2.3`, `argo_cd`: written as no word of a sentence is.
fn is_a_code(word: &str) -> bool {
    static NO_CODE: LazyLock<Regex> = LazyLock::new(|| {
        // Times, dates, counts, and words that turn another around: `no-go`, `dry-run`, `post-migration`.
        pattern(
            r"^(?:[0-9]{1,2}:[0-9]{2}|[0-9]+/[0-9]+|20[0-9]{2}(?:-[0-9]{1,2}){0,2}|q[1-4]|n/a|[0-9]{1,2}\.[0-9]{1,2}\.(?:20[0-9]{2})?|[0-9]{1,2}(?:st|nd|rd|th|am|pm)|(?:no|dry|post|pre|un|half|anti|on|off|in|by|w)[-/].*|.*/)$",
        )
    });
    if NO_CODE.is_match(word) && word != "pre-commit" {
        return false;
    }
    word.is_ascii()
        && (word.contains(|c: char| c.is_ascii_digit())
            || word.trim_matches(['\'', '-']).contains(['-', '/', '_', '.', '@', ':', '=', '#', '~']))
}

fn begins_a_name(list: &[(String, &str)]) -> bool {
    let Some((first, _)) = list.first() else { return true };
    let next = list.get(1).map(|(word, _)| word.as_str());
    is_of_an_update(first)
        || is_a_code(first)
        || next.is_none_or(|next| is_version(next) || is_of_an_update(next))
}

/// What a run does after every change: looking, waiting and the gate.
fn afterwards(list: &[(String, &str)]) -> Asked {
    let Some((verb, written)) = list.first() else { return Asked::Plainly };
    let rest = &list[1..];
    let unclear = |found: Option<&(String, &str)>| {
        found.map_or(Asked::Plainly, |(_, said)| Asked::Unclear((*said).to_owned()))
    };
    match verb.as_str() {
        "run" | "rerun" | "re-run" => match rest.iter().find(|(word, _)| !is_of_a_gate(word)) {
            Some(_) => Asked::Work((*written).to_owned()),
            None => Asked::Plainly,
        },
        // With somebody, not at something.
        "confirm" | "check" | "verify" | "validate" => {
            unclear(rest.first().filter(|(word, _)| matches!(word.as_str(), "with" | "by")))
        }
        "wait" => unclear(rest.iter().find(|(word, _)| {
            !matches!(
                word.as_str(),
                "for"
                    | "until"
                    | "the"
                    | "of"
                    | "sync"
                    | "rollout"
                    | "argocd"
                    | "argo"
                    | "cd"
                    | "flux"
                    | "to"
                    | "finish"
                    | "gate"
                    | "and"
            )
        })),
        _ => unclear(rest.iter().find(|(word, _)| matches!(word.as_str(), "you" | "we" | "i" | "by"))),
    }
}

/// Whether nothing but a name, versions and words of an update are there.
fn described(list: &[(String, &str)], verb: Verb, place: Place, unknown: &mut usize) -> Asked {
    let is_known = |word: &str| match verb {
        Verb::Merge => is_of_an_update(word),
        Verb::Close => is_of_a_reason(word),
    };
    // How many words that nobody here knows stand in a row, and whether what stands beside them says what they are.
    let (mut row, mut beside) = (0, false);
    for (at, (word, written)) in list.iter().enumerate() {
        let unclear = || Asked::Unclear((*written).to_owned());
        let by =
            verb == Verb::Close && word == "by" && !list[..at].iter().any(|(before, _)| is_done_by(before));
        if by {
            return Asked::Work((*written).to_owned());
        }
        if is_known(word) || is_a_code(word) || word.starts_with(['#', '!']) {
            beside = true;
            row = 0;
            continue;
        }
        if is_of_a_sentence(word) || !word.is_ascii() || word.contains(['\'', '/', ':']) || !is_a_word(word) {
            return unclear();
        }
        if place == Place::Beside && verb == Verb::Close {
            return unclear();
        }
        row += 1;
        let next = list.get(at + 1).map(|(word, _)| word.as_str());
        let ends = next.is_none_or(|next| is_known(next) || is_a_code(next));
        let told = beside || next.is_some_and(|next| is_known(next) || is_a_code(next));
        if place == Place::Beside && row > 1 && ends && !told {
            return unclear();
        }
        *unknown += 1;
        if *unknown > MOST_UNKNOWN {
            return unclear();
        }
    }
    Asked::Plainly
}

/// Written in letters alone; what is neither a word nor a code is a time or a count.
fn is_a_word(word: &str) -> bool {
    word.chars().all(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_of_a_merge() {
        for title in [
            "Merge PR #41 chore(deps): update helm release external-secrets to v0.20.1",
            "Merge PR #5 grafana 10.4.0 -> 10.4.2",
            "Merge PR #5 grafana 10.4.0 → 10.4.2",
            "Merge PR #80 paperless-ngx 2.12→2.13",
            "Merge Renovate PR #45 (stirling-pdf v1.2.3)",
            "Merge PR #45: grafana chart from 9.4.2 to 9.4.5",
            "Merge PR #45: the non-major bundle of stateless apps",
            "Merge PR #45",
            "Merge the grafana update (PR #5)",
            "Merge grafana 11.2.0 to 11.3.0 (PR #5)",
            "Merge PR #12; wait for ArgoCD sync; run universal validation gate",
            "Merge PR #12, then wait for sync",
            "Merge PR #12, wait for ArgoCD sync and run the gate",
            "Merge PR #12 and validate Ceph health",
            "Merge PR #12 and validate impacted workloads",
            "Merge PR #13: grafana from 9.0.1 to 9.0.2; then look at Argo CD",
            "Merge PR #12 grafana and loki",
            "Merge PR #12 - grafana 11.2.1, loki 3.1.0",
            "Merge PR #12 (fixes #7)",
            "Review and merge PR #54 - Non-major dependency updates",
            "Review and merge PR #55 - Renovate to v46",
            "Review the release notes of PR #5 and merge",
            "Review PR #5, then merge it",
            "Merge PR #5 from Renovate",
            "Merge PR #14: the ingress controller",
            "Merge PR #42 - wiki",
            "Merge PR #8 kubernetes-dashboard 7.1.0",
            "Merge PR #8 ghcr.io/immich-app/immich-server Docker tag to v1.120.0",
            "Merge PR #12 after A1",
            "Merge PR #12 grafana",
            "Merge PR #12 (home assistant 2026.1)",
            "Merge PR #12 - home assistant",
            "Merge PR #12: pre-commit to v4",
        ] {
            assert_eq!(merge(title), Asked::Plainly, "{title}");
        }
    }

    #[test]
    fn what_is_left_over_of_a_merge_is_told() {
        use Asked::{Elsewhere, Several};
        let work = |word: &str| Asked::Work(word.to_owned());
        let unclear = |word: &str| Asked::Unclear(word.to_owned());
        for (title, expected) in [
            ("Merge PR #5 and #6", Several),
            ("Merge PR #7, #8", Several),
            ("Merge PR #17-#19", Several),
            ("Merge PR #20/#21", Several),
            ("Merge PR 15 and 16", Several),
            ("Merge PR #35..#37", Several),
            ("Merge PR #35…#37", Several),
            ("Merge PR #35~#37", Several),
            ("Merge PR #35 36", Several),
            ("Merge PR #35 PR #36", Several),
            ("Merge PR #35 (plus 36)", Several),
            ("Merge PR #35, pr-36", Several),
            ("Merge PR #35, loki (36)", Several),
            ("Merge PR #35 and all open PRs", Several),
            ("Merge PR #35 and all minor updates", Several),
            ("Merge PR #35, then all others", Several),
            ("Merge PR #35 and 3 others", Several),
            ("Merge PR #35 and the rest", Several),
            ("Merge PR #35 and dependents", Several),
            ("Merge PR #35 onwards", Several),
            ("Merge PR #35 etc.", Several),
            ("Merge PRs 33 and 34", Several),
            ("Merge PR #5, grafana, and #6", Several),
            ("Merge PR #9 and close #10", work("close")),
            ("Merge PR #9 and delete the old PVC", work("delete")),
            ("Merge PR #9, then restart grafana", work("restart")),
            ("Merge PR #9, restart grafana", work("restart")),
            ("Merge PR #9; frobnicate it", work("frobnicate")),
            ("Merge PR #9 and frobnicate everything", unclear("frobnicate")),
            ("Review and merge PR #28 and then reboot all nodes", work("reboot")),
            ("Merge PR #9 and run the migration", work("run")),
            ("Merge PR #9 and confirm with Bob", unclear("with")),
            ("Merge PR #9 (she wants to look at it)", unclear("she")),
            ("Merge PR #9 - backup", unclear("backup")),
            ("Merge PR #9 (no breaking changes)", unclear("no")),
            ("Merge PR #9 (größer)", unclear("größer")),
            ("Merge PR #9 with Anna", unclear("with")),
            ("Merge PR #9 in the afternoon", unclear("in the")),
            ("Merge PR #9 (dry-run)", unclear("dry-run")),
            ("Merge PR #9 w/ Anna", unclear("Anna")),
            ("Merge PR #9 upon success", unclear("upon")),
            ("Merge PR #9 (22:00)", unclear("22:00")),
            ("Merge PR #9 (Dec 12)", unclear("Dec")),
            ("Merge PR #9 post-migration", unclear("post-migration")),
            ("Merge PR #9 (idea)", unclear("idea")),
            ("Merge PR #9 (wrong PR)", unclear("wrong")),
            ("Merge PR #9 (CI red)", unclear("red")),
            ("Merge PR #9 (0/2 approvals)", unclear("0/2")),
            ("Merge PR #9 / close", unclear("close")),
            ("Merge PR #9 vs close", unclear("vs")),
            ("Merge PR #9 failed", unclear("failed")),
            ("Merge PR #9 caused outage", unclear("caused")),
            ("Merge PR #9 mit Anna absprechen", unclear("mit")),
            ("Merge PR #9 (liegt auf Eis)", unclear("Eis")),
            ("Merge PR #9 in ops/other-repo", Elsewhere),
            ("Merge PR #9 of the infra repository", Elsewhere),
            ("Merge PR #9: alpha beta gamma delta epsilon zeta eta theta", unclear("eta")),
        ] {
            assert_eq!(merge(title), expected, "{title}");
        }
    }

    #[test]
    fn what_is_left_over_of_a_closing_is_told() {
        for title in [
            "Close #12",
            "Close issue #4, which PR #12 resolves",
            "Close #12 (duplicate of #7)",
            "Close #12 (https://example.org/?a=b)",
            "Close PR #12 - superseded by #18",
            "Close #12, fixed by PR #5",
            "Close issue #12: stale report",
            "Close #12 as duplicate of #3",
            "Close #12 with a comment",
        ] {
            assert_eq!(close(title), Asked::Plainly, "{title}");
        }
        let work = |word: &str| Asked::Work(word.to_owned());
        for (title, expected) in [
            ("Close #31 & merge PR #32", work("merge")),
            ("Close #12 by merging PR #10", Asked::Several),
            ("Close #12 and delete its branch", work("delete")),
            ("Close issue #12 in the infra repository", Asked::Elsewhere),
            ("Close #12, #13 and #14", Asked::Several),
            ("Close #12 upon success", Asked::Unclear("upon".to_owned())),
            ("Close #5 and lock it", Asked::Unclear("lock".to_owned())),
            ("Close #5 and fix it", Asked::Unclear("fix".to_owned())),
            ("Close #5 and release v2", Asked::Unclear("release".to_owned())),
            ("Close #5 with release", Asked::Unclear("release".to_owned())),
            ("Close #12 eventually", Asked::Unclear("eventually".to_owned())),
            ("Close #12 gemeinsam mit Anna", Asked::Unclear("gemeinsam".to_owned())),
        ] {
            assert_eq!(close(title), expected, "{title}");
        }
    }
}
