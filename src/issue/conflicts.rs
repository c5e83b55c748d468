//! Tasks of one text that ask for things of which only one can be meant.

use super::condition::Doubt;
use super::{About, Kind, Task, Warning};
use crate::wording;
use std::collections::BTreeMap;

/// Finds pull requests that one task merges and another closes, or that several merge, and leaves them to people.
pub(super) fn find(tasks: &mut [Task], warnings: &mut Vec<Warning>) {
    let mut merges: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut closings: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate().filter(|(_, task)| !task.ticked) {
        match &task.kind {
            Kind::Merge { pull } => merges.entry(pull.0).or_default().push(at),
            Kind::Close { number } => closings.entry(number.0).or_default().push(at),
            _ => {}
        }
    }
    for (number, merging) in merges {
        let (involved, doubt, text) = match closings.get(&number) {
            Some(closing) => (
                merging.into_iter().chain(closing.iter().copied()).collect(),
                Doubt::Judgement,
                wording::merged_and_closed(number),
            ),
            None if merging.len() > 1 => (merging, Doubt::Yes, wording::merged_twice(number)),
            None => continue,
        };
        let involved: Vec<usize> = involved;
        for at in involved {
            warnings.push(Warning { line: tasks[at].line, text: text.clone(), about: About::Contradiction });
            tasks[at].reserve(doubt, text.clone());
        }
    }
}
