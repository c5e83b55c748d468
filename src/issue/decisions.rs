//! What people decided: the difference between the tasks as they stand and the journal.
//!
//! The race decided here: a page that was open before our last write is saved after it. Where the forge counts versions
//! that write is refused; where it does not, an old copy lands over ours, and every box that we ticked is open again
//! without anybody having wished it. So an untick counts only while our status block is the newest, which no old copy
//! holds, and no note stands there that we have replaced since, as in a line of an old copy. Our note itself may be gone or
//! changed: a person takes it away with the tick. In the same way a box that an old copy ticks again, with a note that we
//! have replaced since, is nobody's word.

use super::{Reading, TaskKey, marks};
use checklist::Document;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

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
    /// The notes that stood there by our own doing before that, by task.
    pub(crate) former_notes: HashMap<TaskKey, Vec<String>>,
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
    /// Boxes are open, or ticked, because an old copy was written over ours: to be restored, nothing else.
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

/// What changed between what we last wrote and the fresh text. `reading` is of `body`, with history kept.
pub(crate) fn decisions(body: &str, reading: &Reading, written: &Written) -> Vec<Edit> {
    let Ok(document) = Document::parse(body) else { return Vec::new() };
    let newest = written.status.as_ref().is_none_or(|last| marks::shows(&document, "status", last));
    let mut edits = Vec::new();
    let mut stale = Vec::new();
    let lasts: HashMap<&TaskKey, &WrittenTask> =
        written.tasks.iter().rev().map(|last| (&last.key, last)).collect();
    for task in &reading.tasks {
        let Some(last) = lasts.get(&task.key) else {
            edits.push(Edit::Added { key: task.key.clone() });
            // Whoever puts a task back ticked says that it is done.
            edits.extend(task.ticked.then(|| Edit::Ticked { key: task.key.clone() }));
            continue;
        };
        let key = task.key.clone();
        let note_stands = last.note.as_ref().is_none_or(|note| task.notes.contains(note));
        let former_stands = written.former_notes.get(&key).is_some_and(|notes| {
            notes.iter().any(|note| Some(note) != last.note.as_ref() && task.notes.contains(note))
        });
        match (last.ticked, task.ticked) {
            // A note of ours that we have replaced since comes with an old copy, and so does the tick beside it.
            (false, true) if !newest && former_stands => stale.push(key),
            (false, true) => edits.push(Edit::Ticked { key }),
            (true, false) if newest && !former_stands => edits.push(Edit::Unticked { key }),
            (true, false) => stale.push(key),
            (true, true) | (false, false) if !note_stands && newest && !task.notes.is_empty() => {
                edits.push(Edit::NoteTaken { key });
            }
            (true, true) | (false, false) => {}
        }
    }
    if !stale.is_empty() {
        edits.push(Edit::StaleWrite { keys: stale });
    }
    let there: HashSet<&TaskKey> = reading.tasks.iter().map(|task| &task.key).collect();
    for last in &written.tasks {
        if !there.contains(&last.key) {
            edits.push(Edit::Removed { key: last.key.clone() });
        }
    }
    edits
}

/// Which of some texts of the status block a body shows.
pub(crate) fn shown_statuses<'a>(body: &str, statuses: impl Iterator<Item = &'a str>) -> Vec<bool> {
    match Document::parse(body) {
        Ok(document) => statuses.map(|status| marks::shows(&document, "status", status)).collect(),
        Err(_) => statuses.map(|_| false).collect(),
    }
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
        const FORMER: &str = "*(done 2026-11-21 14:20 UTC: by hand)*";
        let key = reading("- [ ] Fix a\n").tasks[0].key.clone();
        let written = Written {
            tasks: vec![WrittenTask { key: key.clone(), ticked: true, note: Some(NOTE.to_owned()) }],
            status: Some("new".to_owned()),
            former_notes: HashMap::from([(key.clone(), vec![FORMER.to_owned(), NOTE.to_owned()])]),
        };
        let unticked = vec![Edit::Unticked { key: key.clone() }];
        let stale = vec![Edit::StaleWrite { keys: vec![key.clone()] }];
        for (body, expected) in [
            (format!("{}- [ ] Fix a {NOTE}\n", status("new")), unticked.clone()),
            (format!("{}- [ ] Fix a\n", status("new")), unticked.clone()),
            (format!("{}- [ ] Fix a *(done, but badly)*\n", status("new")), unticked),
            (format!("{}- [ ] Fix a {FORMER}\n", status("new")), stale.clone()),
            (format!("{}- [ ] Fix a\n", status("old")), stale.clone()),
            (format!("{}- [ ] Fix a {NOTE}\n", status("old")), stale),
            (format!("{}- [x] Fix a {NOTE}\n", status("new")), Vec::new()),
            (format!("{}- [x] Fix a *(done by hand)*\n", status("old")), Vec::new()),
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
    fn a_tick_is_heard_but_where_an_old_copy_brought_it() {
        const FORMER: &str = "*(done 2026-11-21 14:20 UTC: by hand)*";
        let key = reading("- [ ] Fix a\n").tasks[0].key.clone();
        let written = Written {
            tasks: vec![WrittenTask { key: key.clone(), ticked: false, note: None }],
            status: Some("new".to_owned()),
            former_notes: HashMap::from([(key.clone(), vec![FORMER.to_owned()])]),
        };
        let ticked = vec![Edit::Ticked { key: key.clone() }];
        let stale = vec![Edit::StaleWrite { keys: vec![key] }];
        for (body, expected) in [
            (format!("{}- [x] Fix a\n", status("new")), &ticked),
            (format!("{}- [x] Fix a {FORMER}\n", status("new")), &ticked),
            // A note of their own is no old copy, with the status taken out or without.
            ("- [x] Fix a *(done by Bob, with a spare from the shelf)*\n".to_owned(), &ticked),
            (format!("{}- [x] Fix a *(the label is on the shelf)*\n", status("old")), &ticked),
            (format!("{}- [x] Fix a {FORMER}\n", status("old")), &stale),
            (format!("- [x] Fix a {FORMER}\n"), &stale),
        ] {
            assert_eq!(decisions(&body, &reading(&body), &written), *expected, "{body}");
        }
    }

    #[test]
    fn a_tick_is_a_decision_and_a_ticked_approval_does_not_age_the_status() {
        let body = format!("{}- [x] Fix a\n- [ ] Fix b\n", status("- [x] Approve **A1** (code `7f3c`)"));
        let reading = reading(&body);
        let written = Written {
            tasks: vec![WrittenTask { key: reading.tasks[0].key.clone(), ticked: false, note: None }],
            status: Some("- [ ] Approve **A1** (code `7f3c`)".to_owned()),
            ..Written::default()
        };
        assert_eq!(
            decisions(&body, &reading, &written),
            vec![
                Edit::Ticked { key: reading.tasks[0].key.clone() },
                Edit::Added { key: reading.tasks[1].key.clone() }
            ]
        );
    }
}
