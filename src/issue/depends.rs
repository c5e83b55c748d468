//! Which task must end before which, by their words.

use super::guess::{Guess, Source};
use super::kind::{bare, pulls, words};
use super::spec::{self, SpecRow};
use super::{Check, Kind, Task, Warning};
use crate::action::Action;
use crate::wording;
use regex::Regex;
use std::sync::LazyLock;

static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) \b (?i: after | once | following | requires? | needs | depends\ on | blocked\ by )
        ((?: [\s,]+ (?: and | or | tasks? | [A-Z]{1,5}-?[0-9]{1,4}[a-z]? ) \b )+)",
    )
    .expect("the pattern is a constant that a test compiles")
});

/// The ids that a title names as what comes before: `after A1 and A2`.
pub(crate) fn named_before(title: &str) -> String {
    AFTER.captures_iter(title).filter_map(|found| found.get(1)).map(|ids| ids.as_str()).collect()
}

/// Fills in what each task depends on. `written` is what each says itself, with where; `rows` the table of changes,
/// `of_tasks` which of them are about which task.
pub(crate) fn fill(
    tasks: &mut [Task],
    written: &[Vec<(String, Source)>],
    rows: &[SpecRow],
    of_tasks: &[Vec<usize>],
    warnings: &mut Vec<Warning>,
) {
    let by_rows = by_rows(tasks, rows, of_tasks, warnings);
    let found: Vec<Vec<Guess<String>>> = tasks
        .iter()
        .enumerate()
        .map(|(position, task)| {
            tasks
                .iter()
                .enumerate()
                .filter(|(other, candidate)| *other != position && candidate.kind != Kind::Final)
                .filter_map(|(other, candidate)| {
                    let id = candidate.id.clone();
                    let said = written.get(position).into_iter().flatten().find(|(text, _)| {
                        names(text, &candidate.id)
                            || candidate.written_id.as_deref().is_some_and(|id| names(text, id))
                    });
                    if let Some((_, source)) = said {
                        return Some(Guess::written(id, source.clone()));
                    }
                    if let Some((_, line)) = by_rows[position].iter().find(|(at, _)| *at == other) {
                        return Some(Guess::written(id, Source::Spec(*line)));
                    }
                    let follows = follows(task, candidate)
                        || (other < position && repairs(candidate, task))
                        || turns_green(candidate, task);
                    follows.then(|| Guess::inferred(id, Source::Words))
                })
                .collect()
        })
        .collect();
    for (task, guesses) in tasks.iter_mut().zip(found) {
        task.depends_on = guesses.iter().map(|guess| guess.value.clone()).collect();
        task.guesses.depends_on = guesses;
    }
}

/// For each task the tasks that its rows of the table say come first, with the row's line.
fn by_rows(
    tasks: &[Task],
    rows: &[SpecRow],
    of_tasks: &[Vec<usize>],
    warnings: &mut Vec<Warning>,
) -> Vec<Vec<(usize, usize)>> {
    let mut first: Vec<Vec<(usize, usize)>> = vec![Vec::new(); tasks.len()];
    for (at, row) in rows.iter().enumerate() {
        for part in spec::parts(&row.depends) {
            let named = pulls(part);
            let before: Vec<usize> = match rows.iter().position(|other| other.id == part) {
                Some(other) => (0..tasks.len()).filter(|&task| of_tasks[task].contains(&other)).collect(),
                None => (0..tasks.len())
                    .filter(|&task| {
                        tasks[task].written_id.as_deref() == Some(part)
                            || tasks[task].kind.pull().is_some_and(|pull| named.contains(&pull))
                    })
                    .collect(),
            };
            if before.is_empty() && !rows.iter().any(|other| other.id == part) {
                warnings.push(Warning { line: row.line, text: wording::spec_dependency(&row.id, part) });
            }
            for (task, first) in first.iter_mut().enumerate() {
                if of_tasks[task].contains(&at) {
                    // Tasks about the same row are one change: they are put in order by what they are.
                    let others = before.iter().filter(|other| !of_tasks[**other].contains(&at));
                    first.extend(others.map(|&other| (other, row.line)));
                }
            }
        }
    }
    first
}

fn names(text: &str, id: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == id)
}

/// A merge follows the decision about it; what tracks or closes something follows the work on it.
fn follows(task: &Task, candidate: &Task) -> bool {
    match (&task.kind, &candidate.kind) {
        (Kind::Merge { pull }, Kind::Decide { pull: Some(decided) }) => pull == decided,
        (
            Kind::Track { pull: Some(pull) },
            Kind::Decide { pull: Some(other) } | Kind::Merge { pull: other },
        ) => pull == other,
        (Kind::Close { number }, Kind::Decide { pull: Some(pull) }) => pull.as_issue() == *number,
        (Kind::Close { number }, Kind::Merge { pull }) => {
            pull.as_issue() != *number
                && (pulls(&task.title).contains(pull) || bare(&task.title).contains(&pull.0))
        }
        _ => false,
    }
}

/// What turns a verification GREEN goes before it.
fn turns_green(candidate: &Task, task: &Task) -> bool {
    match (&candidate.kind, &task.kind) {
        (Kind::Action { action: Action::CephCrashArchive }, Kind::Verify { check }) => match check {
            Check::CephHealthy | Check::AllLayers => true,
            Check::Layer(layer) => *layer == crate::health::Layer::System,
            Check::NodesReady | Check::ApplicationsHealthy | Check::PodsHealthy => false,
        },
        _ => false,
    }
}

/// A person's repair of something comes before the check that the same thing is GREEN again.
fn repairs(candidate: &Task, task: &Task) -> bool {
    if !matches!(task.kind, Kind::Verify { check: Check::AllLayers })
        || !matches!(candidate.kind, Kind::Person)
        || candidate.priority > task.priority
    {
        return false;
    }
    let looks = [
        "capture",
        "collect",
        "verify",
        "confirm",
        "check",
        "review",
        "document",
        "track",
        "investigate",
        "identify",
    ];
    let first = words(&candidate.title).into_iter().next().unwrap_or_default();
    if looks.contains(&first.as_str()) {
        return false;
    }
    let theirs = words(&candidate.title);
    words(&task.title).iter().skip(1).any(|word| is_a_name(word) && theirs.contains(word))
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
