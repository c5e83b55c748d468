//! What people decided since we last wrote.
//!
//! Races decided here: the difference is taken from the newest write that arrived, since nobody saw any other; an untick
//! waits a while for the delivery that tells whose it is; a box that a person ticked and unticked again before we wrote
//! anything is unticked, although no write of ours ever held the tick. That it was ticked is remembered until the untick is
//! in the journal: a look that decides nothing, or whose journal fails, has not heard it.

use super::Subject;
use crate::issue::{self, Edit, Reading, TaskKey, Written, WrittenTask};
use crate::run::memory::Memory;
use crate::run::report::{self, LastWrite};
use crate::run::situation::Wish;
use crate::run::state::{RunState, TaskRecord, TaskState};
use crate::run::trust::{self, History, Trusted};
use crate::run::worker::Parts;
use crate::run::writing::Arrivals;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The keys that the words of a text give, by the keys of its tasks.
pub(super) type Words = BTreeMap<TaskKey, TaskKey>;

/// What people decided.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) wishes: Vec<Wish>,
    /// Unticked, and nobody can tell yet by whom: neither asked for again nor ticked again.
    pub(super) pending: BTreeSet<TaskKey>,
    /// Ticked by an old copy, and by nobody else; of the last time, of what is found again; or while the task's own change is in flight, which nobody can know the end
    /// of: these boxes are opened again.
    pub(super) stale_ticks: BTreeSet<TaskKey>,
    /// Ticked as the text stands, or held to be.
    pub(super) ticked: BTreeSet<TaskKey>,
}

/// The notes that we wrote, by task.
pub(crate) fn notes(writes: &[LastWrite]) -> Vec<(TaskKey, String)> {
    let of_task = |(key, notes): (&TaskKey, Vec<&str>)| -> Vec<(TaskKey, String)> {
        notes.into_iter().map(|note| (key.clone(), note.to_owned())).collect()
    };
    report::notes(writes.iter()).into_iter().flat_map(of_task).collect()
}

/// What people had before them when they decided: the newest of our writes that arrived, else the text as it was found. A
/// box whose untick the journal knows already counts as open: that text shows the untick until the next write, and it is
/// granted once. So does the box of a task that has not ended, whatever it was remembered as: a tick of it is a tick. Not so the
/// box of what has just been found again.
pub(crate) fn written(writes: &[LastWrite], standing: &Arrivals, state: &RunState) -> Written {
    let newest = standing.newest(writes);
    let is_open = |key: &TaskKey| {
        let Some(record) = state.task(key) else { return false };
        let asked_since = record.asked_again.is_some_and(|again| match newest {
            None => true,
            // What versions before wrote down has no event, but its moment.
            Some(write) => match (write.event, write.as_of) {
                (Some(event), _) => again.event > event,
                (None, Some(moment)) => again.at > moment,
                (None, None) => true,
            },
        });
        let found_since = is_found_since(record, newest);
        !found_since && (asked_since || !matches!(record.state, TaskState::Ended { .. }))
    };
    let mut written = match newest {
        Some(write) => Written {
            tasks: write.tasks.clone(),
            status: write.status.clone(),
            former_notes: report::notes(standing.landed(writes))
                .into_iter()
                .map(|(key, notes)| (key.clone(), notes.into_iter().map(str::to_owned).collect()))
                .collect(),
        },
        None => Written {
            tasks: state
                .tasks
                .values()
                .map(|record| WrittenTask {
                    key: record.known.key.clone(),
                    ticked: record.ticked_at_discovery,
                    note: None,
                })
                .collect(),
            ..Written::default()
        },
    };
    for task in &mut written.tasks {
        task.ticked &= !is_open(&task.key);
    }
    written
}

/// Whether what a task is about was found again since a write: the tick of the last time stands there until the next one.
fn is_found_since(record: &TaskRecord, newest: Option<&LastWrite>) -> bool {
    record.found_again.is_some_and(|found| match newest {
        None => true,
        Some(write) => write.event.is_some_and(|event| found > event),
    })
}

/// What is asked of a look.
pub(super) struct Question<'a> {
    pub(super) parts: &'a Parts,
    pub(super) subject: &'a Subject<'a>,
    pub(super) reading: &'a Reading,
    pub(super) words: &'a Words,
    pub(super) standing: &'a Arrivals,
    pub(super) trusted: &'a Trusted,
    pub(super) history: &'a History,
    /// Whether the text was there and could be read: what cannot be read has lost no task.
    pub(super) readable: bool,
    pub(super) now: Timestamp,
}

impl Question<'_> {
    /// What people decided since we last wrote.
    pub(super) fn decided(&self, memory: &mut Memory) -> Decided {
        let &Self { subject, reading, .. } = self;
        let written = written(subject.writes, self.standing, subject.state);
        let in_flight = subject.state.change.as_ref().map(|change| &change.plan.key);
        let mut decided = Decided::default();
        let mut unticked: Vec<TaskKey> = Vec::new();
        for edit in issue::decisions(&subject.issue.body, reading, &written) {
            match edit {
                Edit::Ticked { key } if in_flight == Some(&key) => {
                    decided.stale_ticks.insert(key);
                }
                Edit::Ticked { key } => decided.wishes.push(Wish::Ticked(key)),
                Edit::Unticked { key } => unticked.push(key),
                // Restored by the next write.
                Edit::StaleWrite { keys } => {
                    let ticked = |key: &TaskKey| reading.task(key).is_some_and(|task| task.ticked);
                    decided.stale_ticks.extend(keys.into_iter().filter(ticked));
                }
                // Nobody's wish.
                Edit::NoteTaken { .. } | Edit::Added { .. } | Edit::Removed { .. } => {}
            }
        }
        let newest = self.standing.newest(subject.writes);
        let is_found_again = |key: &TaskKey| {
            let record = subject.state.task(key);
            record.is_some_and(|record| {
                !matches!(record.state, TaskState::Ended { .. }) && is_found_since(record, newest)
            })
        };
        let found_again = reading.tasks.iter().filter(|task| task.ticked && is_found_again(&task.key));
        decided.stale_ticks.extend(found_again.map(|task| task.key.clone()));
        for task in reading.tasks.iter().filter(|task| !task.ticked) {
            let was_ticked = memory.ticked.contains(&task.key)
                && written.tasks.iter().any(|last| last.key == task.key && !last.ticked);
            let has_ended = subject.state.has_ended(&task.key);
            if was_ticked && has_ended && self.standing.shows_status() && !unticked.contains(&task.key) {
                unticked.push(task.key.clone());
            }
        }
        memory.unticked_since.retain(|key, _| unticked.contains(key));
        for key in unticked {
            let since = *memory.unticked_since.entry(key.clone()).or_insert(self.now);
            let words = self.words.get(&key).unwrap_or(&key);
            match trust::untick_counts(words, self.trusted, self.history) {
                Some(true) => decided.wishes.push(Wish::Unticked(key)),
                None if self.now.duration_since(since).unsigned_abs()
                    < self.parts.timing.approval_delivery() =>
                {
                    decided.pending.insert(key);
                }
                Some(false) | None => {}
            }
        }
        // A tick that was seen and not written yet is remembered until it is written or taken back.
        let seen = reading.tasks.iter().filter(|task| task.ticked || decided.pending.contains(&task.key));
        decided.ticked = seen.map(|task| task.key.clone()).collect();
        if self.readable {
            decided.wishes.extend(self.gone_and_returned());
        }
        decided
    }

    /// Tasks that left the text, and those that came back to it.
    fn gone_and_returned(&self) -> Vec<Wish> {
        let &Self { subject, reading, .. } = self;
        subject
            .state
            .tasks
            .values()
            .filter_map(|record| {
                let key = &record.known.key;
                match (record.gone, reading.task(key).is_some()) {
                    (false, false) => Some(Wish::Gone(key.clone())),
                    (true, true) => Some(Wish::Returned(key.clone())),
                    (false, true) | (true, false) => None,
                }
            })
            .collect()
    }
}

/// The tasks of a text, each with whether its box is ticked, in an order of their own.
pub(crate) fn task_boxes(reading: &Reading) -> Vec<(TaskKey, bool)> {
    let boxes: BTreeMap<_, _> = reading.tasks.iter().map(|task| (task.key.clone(), task.ticked)).collect();
    boxes.into_iter().collect()
}
