//! The order of work.
//!
//! Nothing comes before what it depends on, and what something urgent depends on is as urgent. Then priority decides.
//! Within one priority everything but merges goes by layer and written order, then the merges by category, update type
//! and number, which puts databases last. A final gate comes after everything, whatever its priority, and makes nothing
//! urgent.

use super::kind::words;
use super::{Kind, Priority, Task, TaskKey};
use crate::forge::PullNumber;
use crate::health::Layer;
use crate::merge::{Category, UpdateType};

/// What is known of a pull request beyond the task's own words; `None` where nothing is.
pub(crate) type PullFacts<'a> = &'a dyn Fn(PullNumber) -> Option<(Category, UpdateType)>;

/// How a task compares with others of which neither waits for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    gate: Gate,
    priority: Priority,
    work: Work,
    line: usize,
}

/// What closes the work comes after it, and of several the one that calls itself final comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    None,
    Closing,
    Final,
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
    let mut open: Vec<&Task> = tasks.iter().filter(|task| !task.ticked).collect();
    let priorities = effective_priorities(&open);
    let mut ranks: Vec<(Rank, &Task)> =
        open.drain(..).zip(priorities).map(|(task, priority)| (rank(task, priority, facts), task)).collect();
    ranks.sort_by_key(|(rank, _)| *rank);
    let mut ordered = Vec::with_capacity(ranks.len());
    while !ranks.is_empty() {
        let free = |task: &Task| {
            !task
                .depends_on
                .iter()
                .any(|id| ranks.iter().any(|(_, other)| other.id == *id && other.key != task.key))
        };
        let finals = ranks.iter().all(|(rank, _)| rank.gate != Gate::None);
        // Tasks that wait for each other in a circle are taken as they are ranked.
        let next = ranks
            .iter()
            .position(|(rank, task)| (finals || rank.gate == Gate::None) && free(task))
            .unwrap_or(0);
        ordered.push(ranks.remove(next).1.key.clone());
    }
    ordered
}

/// A task is as urgent as the most urgent task that depends on it, final gates apart.
fn effective_priorities(open: &[&Task]) -> Vec<Priority> {
    let mut priorities: Vec<Priority> = open.iter().map(|task| task.priority).collect();
    // Each pass carries an urgency one step further; a circle ends it as well, since priorities only rise.
    for _ in 0..open.len() {
        let before = priorities.clone();
        for (at, task) in open.iter().enumerate().filter(|(_, task)| task.kind != Kind::Final) {
            for (other, depended) in open.iter().enumerate() {
                if task.depends_on.contains(&depended.id) {
                    priorities[other] = priorities[other].min(priorities[at]);
                }
            }
        }
        if before == priorities {
            break;
        }
    }
    priorities
}

fn rank(task: &Task, priority: Priority, facts: PullFacts<'_>) -> Rank {
    let work = match &task.kind {
        Kind::Merge { pull } => {
            let (category, update) =
                facts(*pull).unwrap_or((task.category.unwrap_or(Category::AppTemplate), task.update));
            Work::Merge(category, update, *pull)
        }
        _ => Work::Other(task.layer.map_or(LayerRank::None, LayerRank::Named)),
    };
    let gate = match task.kind {
        Kind::Final if words(&task.title).iter().any(|word| word == "final") => Gate::Final,
        Kind::Final => Gate::Closing,
        _ => Gate::None,
    };
    Rank { gate, priority, work, line: task.line }
}
