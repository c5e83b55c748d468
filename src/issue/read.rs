//! Reads the tasks out of a body.

use super::{Task, TaskKey};
use crate::merge::{Category, UpdateType};

/// What a merge's own words say of its category and of how far its version moves.
pub(crate) type ClassifyWords<'a> = &'a dyn Fn(&str) -> (Option<Category>, UpdateType);

/// Why a body cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It nests too deeply to be a list of tasks.
    #[error("the body cannot be read")]
    TooDeep(#[from] checklist::TooDeep),
}

/// A task list item that is no task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ignored {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Why it is none.
    pub(crate) why: String,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The line, from 1.
    pub(crate) line: usize,
    /// A sentence.
    pub(crate) text: String,
}

/// What form a body has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// It has the seven sections of a maintenance issue's template.
    pub(crate) seven_section: bool,
    /// It has a section for the change log.
    pub(crate) change_log: bool,
    /// It has a section for the closure.
    pub(crate) closure: bool,
}

/// What a body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The tasks, in the order of the text.
    pub(crate) tasks: Vec<Task>,
    /// Task list items that are no tasks, in the order of the text.
    pub(crate) ignored: Vec<Ignored>,
    /// What a person should look at, by line.
    pub(crate) warnings: Vec<Warning>,
    /// The form of the body.
    pub(crate) form: Form,
}

impl Reading {
    /// The task with this key.
    pub(crate) fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.tasks.iter().find(|task| task.key == *key)
    }
}

/// Reads a body.
pub(crate) fn read(body: &str, _classify: ClassifyWords<'_>) -> Result<Reading, Unreadable> {
    let _document = checklist::Document::parse(body)?;
    Ok(Reading::default())
}
