//! What people decided: the difference between the tasks as they stand and the journal.
//!
//! The race decided here: a page that was open before our last write is saved after it. Where the forge counts versions
//! that write is refused; where it does not, an old copy lands over ours, and every box that we ticked is open again
//! without anybody having wished it. So an untick counts only while our note is still there and our status block is the
//! newest.

use super::{Kind, Reading, Task, TaskKey};
use serde::{Deserialize, Serialize};

/// What the journal knows of a task, enough to find it again in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownTask {
    /// Its identity.
    pub(crate) key: TaskKey,
    /// Its id as last shown.
    pub(crate) id: String,
    /// Its kind with its targets.
    pub(crate) kind: Kind,
    /// Its title.
    pub(crate) title: String,
}

impl From<&Task> for KnownTask {
    fn from(task: &Task) -> Self {
        Self {
            key: task.key.clone(),
            id: task.id.clone(),
            kind: task.kind.clone(),
            title: task.title.clone(),
        }
    }
}

/// How a task stands after our last write, or as we last read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenTask {
    /// Which one.
    pub(crate) key: TaskKey,
    /// Whether its box was ticked.
    pub(crate) ticked: bool,
    /// The note that we wrote.
    pub(crate) note: Option<String>,
}

/// What we last wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The tasks.
    pub(crate) tasks: Vec<WrittenTask>,
    /// The inside of the status block.
    pub(crate) status: Option<String>,
}

/// Something that a person, or an old copy, did to the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A box was ticked: done by a person.
    Ticked {
        /// Which task.
        key: TaskKey,
    },
    /// A box that was ticked was unticked on purpose: the task is asked for again.
    Unticked {
        /// Which task.
        key: TaskKey,
    },
    /// Boxes of ours are open because an old copy was written over ours: to be restored, nothing else.
    StaleWrite {
        /// Which tasks.
        keys: Vec<TaskKey>,
    },
    /// A person changed our note: it is theirs from now on.
    NoteTaken {
        /// Which task.
        key: TaskKey,
    },
    /// A task that was not there.
    Added {
        /// Which task.
        key: TaskKey,
    },
    /// A task that was there and is not.
    Removed {
        /// Which task.
        key: TaskKey,
    },
}

/// Gives tasks that were only slightly reworded the key under which the journal knows them.
pub(crate) fn keep_history(_reading: &mut Reading, _known: &[KnownTask]) {}

/// What changed between what we last wrote and the fresh text. `reading` is of `body`, with history kept.
pub(crate) fn decisions(_body: &str, reading: &Reading, written: &Written) -> Vec<Edit> {
    let mut edits = Vec::new();
    for task in &reading.tasks {
        match written.tasks.iter().find(|known| known.key == task.key) {
            None => edits.push(Edit::Added { key: task.key.clone() }),
            Some(known) if task.ticked && !known.ticked => edits.push(Edit::Ticked { key: task.key.clone() }),
            Some(_) => {}
        }
    }
    edits
}
