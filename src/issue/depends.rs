//! Which task must end before which, by their words.

use super::kind::{bare, pulls, words};
use super::{Check, Kind, Task};
use crate::action::Action;

/// Fills in what each task depends on. `written` is what each says itself under `Depends on`.
pub(crate) fn fill(tasks: &mut [Task], written: &[&str]) {
    let found: Vec<Vec<String>> = tasks
        .iter()
        .enumerate()
        .map(|(position, task)| {
            let mut ids: Vec<String> = tasks
                .iter()
                .enumerate()
                .filter(|(other, candidate)| {
                    *other != position
                        && candidate.kind != Kind::Final
                        && (names(written.get(position).copied().unwrap_or(""), &candidate.id)
                            || follows(task, candidate)
                            || (*other < position && repairs(candidate, task))
                            || turns_green(candidate, task))
                })
                .map(|(_, candidate)| candidate.id.clone())
                .collect();
            ids.dedup();
            ids
        })
        .collect();
    for (task, ids) in tasks.iter_mut().zip(found) {
        task.depends_on = ids;
    }
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
