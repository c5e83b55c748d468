//! What people decided: the difference between the tasks as they stand and the journal.
//!
//! The race decided here: a page that was open before our last write is saved after it. Where the forge counts versions
//! that write is refused; where it does not, an old copy lands over ours, and every box that we ticked is open again
//! without anybody having wished it. So an untick counts only while our note is still there and our status block is the
//! newest.

use super::read::note_in;
use super::{Kind, Reading, Task, TaskKey, identity, marks};
use checklist::Document;
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

/// How much of two titles' words must be common for a slightly reworded task.
const ALIKE: f64 = 0.5;

/// Gives tasks that were only slightly reworded the key under which the journal knows them.
///
/// Another kind or target is another task, however alike the words are; the id is a hint that decides between
/// candidates, no proof.
pub(crate) fn keep_history(reading: &mut Reading, known: &[KnownTask]) {
    let mut free: Vec<&KnownTask> =
        known.iter().filter(|known| !reading.tasks.iter().any(|task| task.key == known.key)).collect();
    for task in &mut reading.tasks {
        if known.iter().any(|known| known.key == task.key) {
            continue;
        }
        let best = free
            .iter()
            .enumerate()
            .filter(|(_, known)| identity::same_targets(&known.kind, &task.kind))
            .map(|(at, known)| {
                let hint = if known.id == task.id { 0.25 } else { 0.0 };
                (at, identity::likeness(&known.title, &task.title) + hint)
            })
            .filter(|(_, likeness)| *likeness >= ALIKE)
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((at, _)) = best {
            task.key = free.remove(at).key.clone();
        }
    }
}

/// What changed between what we last wrote and the fresh text. `reading` is of `body`, with history kept.
pub(crate) fn decisions(body: &str, reading: &Reading, written: &Written) -> Vec<Edit> {
    let Ok(document) = Document::parse(body) else { return Vec::new() };
    let status_is_newest = match (&written.status, marks::inside(&document, "status")) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(last), Some(now)) => marks::same(last, now),
    };
    let mut edits = Vec::new();
    let mut stale = Vec::new();
    for task in &reading.tasks {
        let Some(last) = written.tasks.iter().find(|last| last.key == task.key) else {
            edits.push(Edit::Added { key: task.key.clone() });
            continue;
        };
        let line = body.split_inclusive('\n').nth(task.line.saturating_sub(1)).unwrap_or("").trim_end();
        let note_stands = last.note.as_deref().is_none_or(|note| line.ends_with(note));
        match (last.ticked, task.ticked) {
            (false, true) => edits.push(Edit::Ticked { key: task.key.clone() }),
            (true, false) if note_stands && status_is_newest => {
                edits.push(Edit::Unticked { key: task.key.clone() });
            }
            (true, false) => stale.push(task.key.clone()),
            (true, true) | (false, false) if !note_stands && status_is_newest && note_in(line).is_some() => {
                edits.push(Edit::NoteTaken { key: task.key.clone() });
            }
            (true, true) | (false, false) => {}
        }
    }
    if !stale.is_empty() {
        edits.push(Edit::StaleWrite { keys: stale });
    }
    for last in &written.tasks {
        if reading.task(&last.key).is_none() {
            edits.push(Edit::Removed { key: last.key.clone() });
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::read;
    use crate::merge::UpdateType;

    const NOTE: &str = "*(done 2026-11-21 14:30 UTC: by hand)*";

    fn reading(body: &str) -> Reading {
        read(body, &|_| (None, UpdateType::Unknown)).expect("readable")
    }

    fn status(text: &str) -> String {
        format!("<!-- caretaker:status -->\n{text}\n<!-- /caretaker:status -->\n\n")
    }

    #[test]
    fn an_untick_counts_only_on_our_newest_text() {
        let key = reading("- [ ] Fix a\n").tasks[0].key.clone();
        let written = Written {
            tasks: vec![WrittenTask { key: key.clone(), ticked: true, note: Some(NOTE.to_owned()) }],
            status: Some("new".to_owned()),
        };
        let unticked = vec![Edit::Unticked { key: key.clone() }];
        let stale = vec![Edit::StaleWrite { keys: vec![key.clone()] }];
        for (body, expected) in [
            (format!("{}- [ ] Fix a {NOTE}\n", status("new")), unticked),
            (format!("{}- [ ] Fix a\n", status("old")), stale.clone()),
            (format!("{}- [ ] Fix a\n", status("new")), stale.clone()),
            (format!("{}- [ ] Fix a {NOTE}\n", status("old")), stale),
            (format!("{}- [x] Fix a {NOTE}\n", status("new")), Vec::new()),
            (
                format!("{}- [x] Fix a *(done, twice)*\n", status("new")),
                vec![Edit::NoteTaken { key: key.clone() }],
            ),
            (status("new"), vec![Edit::Removed { key: key.clone() }]),
        ] {
            assert_eq!(decisions(&body, &reading(&body), &written), expected, "{body}");
        }
    }

    #[test]
    fn a_tick_is_a_decision_and_a_ticked_approval_does_not_age_the_status() {
        let body = format!("{}- [x] Fix a\n- [ ] Fix b\n", status("- [x] Approve **A1** (code `7f3c`)"));
        let reading = reading(&body);
        let written = Written {
            tasks: vec![WrittenTask { key: reading.tasks[0].key.clone(), ticked: false, note: None }],
            status: Some("- [ ] Approve **A1** (code `7f3c`)".to_owned()),
        };
        assert_eq!(
            decisions(&body, &reading, &written),
            vec![
                Edit::Ticked { key: reading.tasks[0].key.clone() },
                Edit::Added { key: reading.tasks[1].key.clone() }
            ]
        );
    }

    #[test]
    fn a_reworded_task_keeps_its_history_and_another_target_does_not() {
        let before = reading("- [ ] A1 P1 Fix the image of app one\n- [ ] A2 P1 Merge PR #5 grafana\n");
        let known: Vec<KnownTask> = before.tasks.iter().map(KnownTask::from).collect();
        let mut after =
            reading("- [ ] A1 P1 Merge PR #6 grafana\n- [ ] A9 P1 Fix the image of app one soon\n");
        keep_history(&mut after, &known);
        assert_eq!(after.tasks[1].key, before.tasks[0].key);
        assert_ne!(after.tasks[0].key, before.tasks[1].key);
    }
}
