//! What each heading says of the tasks below it, worked out once for all of them: a heading may be long, and many tasks
//! may stand below it.

use super::Priority;
use super::condition::is_a_contingency;
use super::gate::Gate;
use super::heard::brief;
use super::kind::words;
use super::levels::{heading_layer, heading_priority};
use super::read::{heading_name, holds_no_tasks, states_criteria};
use crate::health::Layer;
use checklist::Heading;

/// What boxes below a heading are by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// What is to be true in the end, whatever ids it has.
    Criteria,
    /// Criteria, examples or records, not work.
    NoTasks,
    /// What is done only if something goes wrong.
    Contingency,
    /// Anything.
    Anything,
}

/// What one heading says.
#[derive(Debug)]
pub(super) struct HeadingSays {
    /// Its level, from 1.
    pub(super) level: usize,
    /// Its words, of a long one the beginning.
    pub(super) text: String,
    /// What boxes below it are.
    pub(super) holds: Holds,
    /// Whether it names the form's section of tasks.
    pub(super) names_the_tasks: bool,
    /// The priority that it gives.
    pub(super) priority: Option<Priority>,
    /// The layer that it gives.
    pub(super) layer: Option<Layer>,
    /// That what stands below it comes before every merge.
    pub(super) gate: Option<Gate>,
    /// Whether a final validation stands below it.
    pub(super) is_final: bool,
}

impl HeadingSays {
    pub(super) fn new(heading: &Heading) -> Self {
        let text = &heading.text;
        let name = heading_name(text);
        let holds = match name.as_str() {
            name if states_criteria(name) => Holds::Criteria,
            name if holds_no_tasks(name) => Holds::NoTasks,
            name if is_a_contingency(name) => Holds::Contingency,
            _ => Holds::Anything,
        };
        Self {
            level: heading.level,
            text: brief(text),
            holds,
            names_the_tasks: name.starts_with("action items") || name == "tasks",
            priority: heading_priority(text),
            layer: heading_layer(text),
            gate: Gate::of(text),
            is_final: words(text).iter().any(|word| word == "final"),
        }
    }
}
