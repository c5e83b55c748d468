//! Which task waits for which, by their words alone: nobody wrote it, and what is written counts more.
//!
//! A merge follows what people decide and do about its pull request, and the open boxes under a heading such as
//! `Approvals`; a check follows the repair of what it checks; a closing follows the merge that resolves it.

use super::depends::{Edges, Index, MOST_OF_A_NAME, Troubles};
use super::guess::{Certainty, Source};
use super::kind::{bare, pulls, words};
use super::{Check, Kind, Task};
use crate::action::Action;
use crate::forge::PullNumber;
use regex::Regex;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

/// What follows from the words of two tasks: which waits for which.
pub(super) fn by_words(tasks: &[Task], index: &Index) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut ends = HashSet::new();
    let repairs = repairs_by_word(tasks);
    let turning: Vec<usize> = tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| matches!(task.kind, Kind::Action { action: Action::CephCrashArchive }))
        .map(|(at, _)| at)
        .take(MOST_OF_A_NAME)
        .collect();
    for (at, task) in tasks.iter().enumerate() {
        for pull in about(task) {
            found.extend(followed(tasks, at, pull, index).into_iter().map(|other| (at, other)));
        }
        if turns_green(task) {
            found.extend(turning.iter().map(|&other| (at, other)));
        }
        if looks(task) {
            let looked = looked_at(tasks, at, index);
            if looked.is_empty() {
                found.extend(prepared(tasks, at, index).into_iter().map(|other| (other, at)));
            }
            ends.extend(looked.into_iter().map(|other| (at, other)));
        }
        if matches!(task.kind, Kind::Verify { check: Check::AllLayers }) {
            for word in words(&task.title).iter().skip(1).filter(|word| is_a_name(word)) {
                let named = repairs.get(word).filter(|named| named.len() <= MOST_OF_A_NAME);
                let before = named.into_iter().flatten().copied().filter(|&other| other < at);
                found.extend(
                    before.filter(|&other| tasks[other].priority <= task.priority).map(|other| (at, other)),
                );
            }
        }
    }
    // What looks at the end of a merge is not what decides on it.
    found.retain(|(at, other)| !ends.contains(&(*other, *at)));
    found.extend(ends);
    found
}

/// Whether a task looks whether something is as it shall be.
fn looks(task: &Task) -> bool {
    matches!(task.kind, Kind::Verify { .. } | Kind::Person)
        && words(&task.title).first().is_some_and(|first| {
            matches!(first.as_str(), "verify" | "check" | "confirm" | "validate" | "test")
        })
}

/// What a check looks at once it is done: the tasks that are its direct object, with nothing behind them but a state, and
/// the merges whose end it names. `Verify A2 is safe to merge` looks at no end.
fn looked_at(tasks: &[Task], at: usize, index: &Index) -> Vec<usize> {
    static OBJECT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x) ^ \s* [A-Za-z]+ \s+ (?: that \s+ )?
            (?: (?: (?: the \s+ )? (?: rollout | deployment | sync ) \s+ of \s+ (?: the \s+ )? )?
                (?P<pull> (?: PR | pull \s+ request | MR ) \s* [\#!]? [0-9]{1,9} \b )
              | (?P<ids> [A-Z]{1,8}-?[0-9]{1,4}[a-z]? (?: \s* (?: , | & | \+ | / | and \b ) \s* [A-Z]{1,8}-?[0-9]{1,4}[a-z]? )* \b ) )
            (?P<rest> .* ) $",
        )
        .expect("the pattern is a constant that a test compiles")
    });
    let title = &tasks[at].title;
    // Under a heading of what comes first, or with a goal that says so, nothing is an end.
    let goal = tasks[at].details.goal.as_deref().unwrap_or_default();
    let comes_first = words(goal).iter().any(|word| matches!(word.as_str(), "before" | "staging" | "first"));
    if tasks[at].gate.is_some() || comes_first {
        return Vec::new();
    }
    let Some(found) = OBJECT.captures(title) else { return Vec::new() };
    let state = words(&found["rest"]);
    if !state.iter().all(|word| is_of_an_end(word)) {
        return Vec::new();
    }
    // `Check PR #5`, `Verify A2 is ok` may as well look before it: only below what it names it looks at its end.
    let tells = words(title).iter().any(|word| tells_an_end(word));
    let mut looked: Vec<usize> = match (found.name("pull"), found.name("ids")) {
        (Some(named), _) => {
            let merges = pulls(named.as_str()).into_iter().filter_map(|pull| index.merges.get(&pull));
            merges.flatten().copied().take(MOST_OF_A_NAME).collect()
        }
        (None, Some(ids)) => {
            let ids = ids.as_str().split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            ids.filter_map(|id| index.of_id(id)).take(MOST_OF_A_NAME).collect()
        }
        (None, None) => Vec::new(),
    };
    looked.retain(|other| *other != at && (tells || tasks[*other].line < tasks[at].line));
    looked
}

/// Words of what is true only once something is rolled out.
fn tells_an_end(word: &str) -> bool {
    matches!(
        word,
        "deployed" | "rolled" | "rollout" | "running" | "pod" | "pods" | "synced" | "merged" | "live"
    )
}

/// The words of a state that something has once it is rolled out.
fn is_of_an_end(word: &str) -> bool {
    matches!(
        word,
        "is" | "are"
            | "was"
            | "were"
            | "has"
            | "have"
            | "been"
            | "and"
            | "the"
            | "all"
            | "fully"
            | "deployed"
            | "rolled"
            | "out"
            | "running"
            | "healthy"
            | "synced"
            | "merged"
            | "live"
            | "up"
            | "ok"
            | "green"
            | "done"
            | "works"
            | "working"
            | "pod"
            | "pods"
            | "app"
            | "apps"
            | "rollout"
    )
}

/// The tasks that a check names by their ids without looking at their end: it comes before them.
fn prepared(tasks: &[Task], at: usize, index: &Index) -> Vec<usize> {
    let title = &tasks[at].title;
    let named = title.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).skip(1);
    let is_an_id = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_uppercase()) && word.ends_with(|c: char| c.is_ascii_digit())
    };
    let named = named.filter(is_an_id).filter_map(|word| index.of_id(word));
    let changes = named.filter(|other| {
        matches!(tasks[*other].kind, Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. })
            && tasks[*other].line > tasks[at].line
    });
    changes.take(MOST_OF_A_NAME).collect()
}

/// The pull requests whose other tasks one may have to follow.
fn about(task: &Task) -> Vec<PullNumber> {
    match &task.kind {
        Kind::Merge { pull } | Kind::Track { pull: Some(pull) } => vec![*pull],
        Kind::Close { number } => {
            let mut found: Vec<PullNumber> = pulls(&task.title);
            found.extend(bare(&task.title).into_iter().map(PullNumber));
            found.push(PullNumber(number.0));
            found.sort_unstable();
            found.dedup();
            found
        }
        _ => Vec::new(),
    }
}

/// A merge follows what people decide and do about it; what tracks or closes something follows the work on it. Asked for
/// each task of a text, so only those are looked at that can be meant.
fn followed(tasks: &[Task], at: usize, pull: PullNumber, index: &Index) -> Vec<usize> {
    let task = &tasks[at];
    let merges = index.merges.get(&pull).map_or(&[][..], Vec::as_slice);
    let decisions = index.decisions.get(&pull).map_or(&[][..], Vec::as_slice);
    let decided = |other: &usize| matches!(tasks[*other].kind, Kind::Decide { .. });
    // Of many merges of one number each asks for a yes anyhow.
    let most = if merges.len() > 1 || !matches!(task.kind, Kind::Merge { .. }) {
        MOST_OF_A_NAME
    } else {
        usize::MAX
    };
    let of_people = |all: bool| -> Vec<usize> {
        let meant = decisions
            .iter()
            .copied()
            .filter(|other| decided(other) || all && !follows_it(&tasks[*other], task));
        meant.take(most).collect()
    };
    let first_merges = || merges.iter().copied().take(most).collect::<Vec<usize>>();
    let mut found = match &task.kind {
        Kind::Merge { .. } => of_people(true),
        Kind::Track { .. } => [first_merges(), of_people(false)].concat(),
        Kind::Close { number } if pull.as_issue() == *number => of_people(false),
        Kind::Close { .. } => first_merges(),
        _ => Vec::new(),
    };
    found.sort_unstable();
    found.truncate(most);
    found
}

/// Whether what a person does about a pull request is done after its merge: it looks or tells, and stands below it, or says
/// so.
fn follows_it(other: &Task, merge: &Task) -> bool {
    let list = words(&other.title);
    let first = list.first().map_or("", String::as_str);
    let has = |words: &[&str]| list.iter().any(|word| words.contains(&word.as_str()));
    let decides = matches!(
        first,
        "review"
            | "approve"
            | "sign"
            | "signoff"
            | "get"
            | "obtain"
            | "go"
            | "evaluate"
            | "decide"
            | "ask"
            | "wait"
            | "back"
            | "backup"
            | "snapshot"
            | "dump"
            | "export"
            | "resolve"
            | "rebase"
            | "discuss"
            | "read"
            | "prepare"
            | "agree"
    );
    let prepares = decides
        || has(&[
            "notes",
            "note",
            "changelog",
            "changelogs",
            "release",
            "diff",
            "conflict",
            "conflicts",
            "approval",
            "staging",
            "before",
        ]);
    // What can only be done when it is merged, or only if that went wrong.
    let is_of_its_end = has(&[
        "after",
        "afterwards",
        "rollout",
        "rolled",
        "once",
        "post",
        "fails",
        "failed",
        "breaks",
        "broke",
        "caused",
        "leaves",
        "left",
        "deployed",
        "introduced",
        "introduces",
        "brought",
        "postmortem",
    ]);
    // Below a merge stands what follows it, where nothing says otherwise.
    let refuses = has(&["not", "never", "no", "don", "dont"]);
    !refuses && (is_of_its_end || !prepares && other.line > merge.line)
}

/// A heading over boxes that come before every merge, wherever they stand.
pub(super) fn is_a_gate_heading(text: &str) -> bool {
    static PHASE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:phase|step|stage|part) [0-9]{1,2}[a-z]? ")
            .expect("the pattern is a constant that a test compiles")
    });
    let list = words(text);
    let name = list.join(" ");
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let name = PHASE.replace(name, "");
    // What comes before the end, or for another time, comes not before the merges.
    let another_time = list.windows(2).any(|pair| {
        pair[0] == "next"
            && matches!(
                pair[1].as_str(),
                "month" | "week" | "year" | "time" | "window" | "quarter" | "sprint"
            )
    });
    let of_the_end = closes_the_whole(&name);
    if of_the_end || another_time && name.starts_with("preparation") {
        return false;
    }
    let starts = [
        "approval",
        "sign off",
        "signoff",
        "before merg",
        "before the merg",
        "before any merg",
        "before we",
        "before you",
        "before start",
        "before clos",
        "before beginning",
        "preflight",
        "pre flight",
        "pre check",
        "precheck",
        "preparation",
        "pre merge",
        "premerge",
        "prerequisite",
        "precondition",
        "pre condition",
        "go no go",
        "freigabe",
    ];
    starts.iter().any(|start| name.starts_with(start)) || matches!(&*name, "gate" | "gates" | "merge gates")
}

/// `Before closing`, `Before we close this issue`: before the end, and not before something that is closed.
pub(super) fn closes_the_whole(name: &str) -> bool {
    let rest = ["before closing", "before we close", "before you close", "before close"]
        .iter()
        .find_map(|start| name.strip_prefix(start));
    // `Before closing this ticket`, `before we close the whole thing`.
    let of_the_whole = |word: &str| {
        matches!(
            word,
            "it" | "out"
                | "up"
                | "this"
                | "that"
                | "the"
                | "our"
                | "all"
                | "whole"
                | "thing"
                | "everything"
                | "issue"
                | "ticket"
                | "maintenance"
                | "run"
                | "window"
        )
    };
    rest.is_some_and(|rest| rest.split_whitespace().all(of_the_whole))
}

/// Whether a title says that all of the work is over by then.
fn is_over_by_then(title: &str) -> bool {
    let list = words(title);
    let has = |words: &[&str]| list.iter().any(|word| words.contains(&word.as_str()));
    let over = has(&["completed", "complete", "closed", "finished", "done", "merged", "after"]);
    let is_the_whole = |word: &str| {
        matches!(
            word,
            "task"
                | "tasks"
                | "item"
                | "items"
                | "merge"
                | "merges"
                | "pr"
                | "prs"
                | "request"
                | "requests"
                | "update"
                | "updates"
                | "upgrade"
                | "upgrades"
                | "actions"
                | "changes"
        )
    };
    let is_between = |word: &str| {
        matches!(
            word,
            "of" | "the"
                | "open"
                | "other"
                | "these"
                | "our"
                | "remaining"
                | "renovate"
                | "dependency"
                | "pull"
                | "two"
                | "three"
                | "four"
                | "five"
                | "six"
        ) || word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut rest = list.iter().skip_while(|word| !matches!(word.as_str(), "all" | "every")).skip(1);
    let named = rest.find(|word| !is_between(word));
    let whole = named.is_some_and(|word| is_the_whole(word))
        || list.first().is_some_and(|first| first == "everything") && has(&["merged"]);
    let issue = list.windows(2).any(|pair| matches!(pair[0].as_str(), "the" | "this") && pair[1] == "issue");
    over && (whole || issue) || has(&["afterwards"])
}

/// The open boxes under such headings come before what is done under others.
pub(super) fn by_gates(tasks: &[Task], edges: &mut [Edges], troubles: &mut Troubles) {
    let gates: Vec<(usize, String)> = tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| !task.ticked && task.kind != Kind::Final && !is_over_by_then(&task.title))
        .filter_map(|(at, task)| Some((at, task.gate.clone()?)))
        .collect();
    let Some((_, first)) = gates.first() else { return };
    for (at, task) in tasks.iter().enumerate() {
        if !matches!(task.kind, Kind::Merge { .. } | Kind::Close { .. } | Kind::Action { .. }) {
            continue;
        }
        if gates.len() > MOST_OF_A_NAME {
            troubles.unresolved.entry(at).or_default().push(first.clone());
            continue;
        }
        for (gate, heading) in gates.iter().filter(|(_, heading)| task.gate.as_ref() != Some(heading)) {
            let source = Source::Heading(heading.clone());
            edges[at].entry(*gate).or_insert((Certainty::Inferred, source));
        }
    }
}

/// What an archive of crash reports turns GREEN comes after it.
fn turns_green(task: &Task) -> bool {
    match &task.kind {
        Kind::Verify { check } => match check {
            Check::CephHealthy | Check::AllLayers => true,
            Check::Layer(layer) => *layer == crate::health::Layer::System,
            Check::NodesReady
            | Check::NodesReadyOf(_)
            | Check::ApplicationsHealthy
            | Check::ApplicationsHealthyOf(_)
            | Check::PodsHealthy => false,
        },
        _ => false,
    }
}

/// People's repairs by the names in their titles: such a repair comes before the check that the same thing is GREEN.
fn repairs_by_word(tasks: &[Task]) -> HashMap<String, Vec<usize>> {
    let mut found: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, task) in tasks.iter().enumerate().filter(|(_, task)| matches!(task.kind, Kind::Person)) {
        let list = words(&task.title);
        let looks = list.first().is_some_and(|first| {
            matches!(
                first.as_str(),
                "capture"
                    | "collect"
                    | "verify"
                    | "confirm"
                    | "check"
                    | "review"
                    | "document"
                    | "track"
                    | "investigate"
                    | "identify"
            )
        });
        if !looks {
            let names: BTreeSet<String> = list.into_iter().filter(|word| is_a_name(word)).collect();
            for name in names {
                found.entry(name).or_default().push(at);
            }
        }
    }
    found
}

/// Not one of the words in which anything is said.
fn is_a_name(word: &str) -> bool {
    word.chars().count() > 3
        && !matches!(
            word,
            "returns"
                | "return"
                | "green"
                | "layer"
                | "layers"
                | "that"
                | "again"
                | "with"
                | "healthy"
                | "cluster"
                | "after"
                | "before"
                | "validation"
                | "universal"
                | "gate"
                | "health"
                | "from"
                | "into"
                | "back"
                | "apps"
                | "system"
                | "platform"
                | "metal"
                | "network"
                | "storage"
                | "change"
                | "changes"
                | "each"
                | "every"
                | "update"
                | "image"
        )
}
