//! The order of work.

use super::{Task, TaskKey};
use crate::forge::PullNumber;
use crate::merge::{Category, UpdateType};

/// What is known of a pull request beyond the task's own words; `None` where nothing is.
pub(crate) type PullFacts<'a> = &'a dyn Fn(PullNumber) -> Option<(Category, UpdateType)>;

/// The open tasks in the order of work.
pub(crate) fn order(tasks: &[Task], _facts: PullFacts<'_>) -> Vec<TaskKey> {
    tasks.iter().filter(|task| !task.ticked).map(|task| task.key.clone()).collect()
}
