//! The order of work.
//!
//! Nothing comes before what it depends on, and what something urgent depends on is as urgent. What broke during the run comes
//! first. Then priority decides.
//! Within one priority everything but merges goes by layer and written order, then the merges by category, update type
//! and number, which puts databases last. A final gate comes after everything, whatever its priority, and makes nothing
//! urgent.

use super::kind::{comes_last, words};
use super::{Kind, Priority, Task, TaskKey};
use crate::forge::PullNumber;
use crate::health::Layer;
use crate::merge::{Category, UpdateType};
use std::collections::{BTreeSet, HashMap};

/// What is known of a pull request beyond the task's own words; `None` where nothing is.
pub(crate) type PullFacts<'a> = &'a dyn Fn(PullNumber) -> Option<(Category, UpdateType)>;

/// How a task compares with others of which neither waits for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    gate: Gate,
    breach: Breach,
    priority: Priority,
    work: Work,
    line: usize,
}

/// What broke during the run is seen to before anything else, whatever its priority: nobody has put it in order with the
/// others, and what comes after it would be done in a cluster that nobody planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Breach {
    New,
    None,
}

/// What closes the work comes after it, and of several the one that calls itself final comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    None,
    Closing,
    Final,
    /// What is to follow the gate itself.
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    /// By layer; `None`, being no layer, after all of them.
    Other(LayerRank),
    Merge(Category, UpdateType, PullNumber),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LayerRank {
    Named(Layer),
    None,
}

/// The open tasks in the order of work.
pub(crate) fn order(tasks: &[Task], facts: PullFacts<'_>) -> Vec<TaskKey> {
    let open: Vec<&Task> = tasks.iter().filter(|task| !task.ticked).collect();
    let before = before(&open);
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); open.len()];
    for (at, before) in before.iter().enumerate() {
        for &other in before {
            behind[other].push(at);
        }
    }
    let after = after_gates(&open, &behind);
    let validations = validations(tasks);
    let priorities = effective_priorities(&open, &before);
    let ranks: Vec<Rank> = open
        .iter()
        .zip(priorities)
        .enumerate()
        .map(|(at, (task, priority))| rank(task, priority, after[at], validations.contains(&task.key), facts))
        .collect();
    let mut waits: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut left: BTreeSet<(Rank, usize)> = ranks.iter().copied().zip(0..).collect();
    let mut free: BTreeSet<(Rank, usize)> = left.iter().copied().filter(|(_, at)| waits[*at] == 0).collect();
    let mut ordinary = ranks.iter().filter(|rank| rank.gate == Gate::None).count();
    let mut ordered = Vec::with_capacity(open.len());
    loop {
        // A gate comes only when nothing else is left. Tasks that wait for each other in a circle are taken as they are
        // ranked.
        let first = free.first().copied().filter(|(rank, _)| ordinary == 0 || rank.gate == Gate::None);
        let Some((rank, next)) = first.or_else(|| left.first().copied()) else { break };
        left.remove(&(rank, next));
        free.remove(&(rank, next));
        ordinary -= usize::from(rank.gate == Gate::None);
        for &other in &behind[next] {
            waits[other] = waits[other].saturating_sub(1);
            let entry = (ranks[other], other);
            if waits[other] == 0 && left.contains(&entry) {
                free.insert(entry);
            }
        }
        ordered.push(open[next].key.clone());
    }
    ordered
}

/// For each task the others that come before it, by their places.
fn before(open: &[&Task]) -> Vec<Vec<usize>> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, task) in open.iter().enumerate() {
        places.entry(task.id.as_str()).or_default().push(at);
    }
    open.iter()
        .enumerate()
        .map(|(at, task)| {
            let named = task.depends_on.iter().filter_map(|id| places.get(id.as_str())).flatten();
            let before: BTreeSet<usize> = named.copied().filter(|&other| other != at).collect();
            before.into_iter().collect()
        })
        .collect()
}

/// Which tasks wait for a final gate, and so are none of those that the gate waits for.
fn after_gates(open: &[&Task], behind: &[Vec<usize>]) -> Vec<bool> {
    let mut after = vec![false; open.len()];
    let mut next: Vec<usize> = (0..open.len()).filter(|&at| open[at].kind == Kind::Final).collect();
    while let Some(at) = next.pop() {
        for &other in &behind[at] {
            if !after[other] && open[other].kind != Kind::Final {
                after[other] = true;
                next.push(other);
            }
        }
    }
    after
}

/// The tasks that come after a final gate because they say so.
pub(crate) fn behind_gates(tasks: &[Task]) -> BTreeSet<TaskKey> {
    let open: Vec<&Task> = tasks.iter().filter(|task| !task.ticked).collect();
    let before = before(&open);
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); open.len()];
    for (at, before) in before.iter().enumerate() {
        for &other in before {
            behind[other].push(at);
        }
    }
    let after = after_gates(&open, &behind);
    open.iter().zip(after).filter(|(_, after)| *after).map(|(task, _)| task.key.clone()).collect()
}

/// A task is as urgent as the most urgent task that depends on it, final gates apart.
fn effective_priorities(open: &[&Task], before: &[Vec<usize>]) -> Vec<Priority> {
    let mut priorities: Vec<Priority> = open.iter().map(|task| task.priority).collect();
    // The most urgent first: each task takes its urgency once, and a circle ends it as well.
    let mut by_urgency: Vec<usize> = (0..open.len()).filter(|&at| open[at].kind != Kind::Final).collect();
    by_urgency.sort_by_key(|&at| open[at].priority);
    let mut seen = vec![false; open.len()];
    for start in by_urgency {
        let urgency = priorities[start];
        let mut next = vec![start];
        while let Some(at) = next.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            priorities[at] = priorities[at].min(urgency);
            if open[at].kind != Kind::Final {
                next.extend(before[at].iter().copied().filter(|&other| !seen[other]));
            }
        }
    }
    priorities
}

/// Whether a person's task looks at everything after all the work.
fn closes_the_work(title: &str) -> bool {
    let list = words(title);
    let says = |words: &[&str]| list.iter().any(|word| words.contains(&word.as_str()));
    says(&["final", "closing"]) && says(&["gate", "validation", "verification", "recon", "check", "state"])
        || comes_last(&list)
}

/// The open checks under a heading such as `Post-upgrade validation` that stands below every merge: they are of what was
/// merged.
pub(crate) fn validations(tasks: &[Task]) -> BTreeSet<TaskKey> {
    let merges = tasks.iter().filter(|task| matches!(task.kind, Kind::Merge { .. }));
    let Some(last) = merges.map(|task| task.line).max() else { return BTreeSet::new() };
    let below = tasks.iter().filter(|task| !task.ticked && task.line > last);
    below
        .filter(|task| {
            matches!(task.kind, Kind::Verify { .. } | Kind::Person | Kind::Close { .. } | Kind::Action { .. })
        })
        .filter(|task| task.phase.as_deref().is_some_and(is_of_a_validation))
        .map(|task| task.key.clone())
        .collect()
}

fn is_of_a_validation(heading: &str) -> bool {
    let list = words(heading);
    list.windows(2).any(|pair| pair[0] == "clean" && pair[1] == "up")
        || list.iter().any(|word| {
            matches!(
                word.as_str(),
                "validation"
                    | "validate"
                    | "post"
                    | "smoke"
                    | "afterwards"
                    | "postflight"
                    | "cleanup"
                    | "abschluss"
            )
        })
}

fn rank(task: &Task, priority: Priority, after_a_gate: bool, validates: bool, facts: PullFacts<'_>) -> Rank {
    let work = match &task.kind {
        Kind::Merge { pull } => {
            let (category, update) =
                facts(*pull).unwrap_or((task.category.unwrap_or(Category::AppTemplate), task.update));
            Work::Merge(category, update, *pull)
        }
        _ => Work::Other(task.layer.map_or(LayerRank::None, LayerRank::Named)),
    };
    let gate = match task.kind {
        // A final gate that asks for more than the gate is a person's, and still comes last.
        Kind::Person if !after_a_gate && closes_the_work(&task.title) => Gate::Closing,
        Kind::Person | Kind::Verify { .. } | Kind::Close { .. } | Kind::Action { .. }
            if !after_a_gate && validates =>
        {
            Gate::Closing
        }
        Kind::Final if words(&task.title).iter().any(|word| word == "final") => Gate::Final,
        Kind::Final => Gate::Closing,
        _ if after_a_gate => Gate::After,
        _ => Gate::None,
    };
    let breach = if task.broke { Breach::New } else { Breach::None };
    Rank { gate, breach, priority, work, line: task.line }
}
