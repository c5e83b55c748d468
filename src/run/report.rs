//! From the journal and one look at the world to what the body shall be: status, notes, rows, closing report.
//!
//! Pure. Only what changes with the run's events appears here as a time, so that looking again writes nothing.

mod closing;
mod rows;
mod status;

pub(crate) use status::{layer_lines, progress};

use super::decide::Waiting as Awaited;
use super::event::TaskOutcome;
use super::observe::task_boxes;
use super::situation::Mode;
use super::state::{RunState, TaskRecord, TaskState};
use super::windows::{Hours, Window};
use super::writing::{Arrivals, LostEdit};
use crate::forge::IssueNumber;
use crate::health::Recon;
use crate::issue::{
    self, ApprovalBox, Block, ClosingView, Desired, FieldWish, Home, Own, Proposal, Reading, RemadePull,
    Task, TaskKey, TaskWish, TemplateFields, WrittenTask,
};
use crate::store::{EventId, RunId};
use crate::wording;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// What was last written into the body, as far as it tells people's decisions from our own work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastWrite {
    /// The tasks.
    pub(crate) tasks: Vec<WrittenTask>,
    /// The inside of the status block.
    pub(crate) status: Option<String>,
    /// The form's overall status.
    pub(crate) overall: Option<String>,
    /// The form's last-updated cell.
    pub(crate) last_updated: Option<String>,
    /// How many rows of the change log.
    pub(crate) rows: usize,
    /// The hash of the text, and that of the one that it was made from.
    #[serde(default)]
    pub(crate) hash: String,
    #[serde(default)]
    pub(crate) base: Option<String>,
    /// The boxes of the text that it was made from, as [`task_boxes`] has them.
    #[serde(default)]
    pub(crate) read: Option<Vec<(TaskKey, bool)>>,
    /// The hash of a person's text that it brought back.
    #[serde(default)]
    pub(crate) restored: Option<String>,
    /// The last event that it tells of.
    #[serde(default)]
    pub(crate) event: Option<EventId>,
    /// The moment that it tells of.
    #[serde(default)]
    pub(crate) as_of: Option<Timestamp>,
    /// How the run stood, and since when.
    #[serde(default)]
    pub(crate) stood: Option<(String, Timestamp)>,
    /// What was awaited, and since when.
    #[serde(default)]
    pub(crate) awaited: Option<(String, Timestamp)>,
    /// What the fields of the form's closure were filled with.
    #[serde(default)]
    pub(crate) closure: Option<Closure>,
    /// The closing report.
    #[serde(default)]
    pub(crate) closing: Option<String>,
    /// The title before the closing.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// The forge said that it arrived. Forgotten in a restart: then the text and the deliveries tell.
    #[serde(skip)]
    pub(crate) landed: bool,
}

/// The fields of the form's closure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closure {
    /// The verdict.
    pub(crate) final_status: String,
    /// When the run began.
    pub(crate) started: String,
    /// When it ended.
    pub(crate) completed: String,
    /// How long it took.
    pub(crate) duration: String,
    /// Who did it.
    pub(crate) resolved_by: String,
}

impl Closure {
    fn of(view: &ClosingView) -> Self {
        Self {
            final_status: wording::verdict(view.overall),
            started: wording::time(view.started),
            completed: wording::time(view.completed),
            duration: wording::duration(seconds_between(view.started, view.completed)),
            resolved_by: view.resolved_by.clone(),
        }
    }
}

/// Everything that the body is made of.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The run.
    pub(crate) run: RunId,
    /// What the journal says.
    pub(crate) state: &'a RunState,
    /// Where the issue lies.
    pub(crate) home: Option<Home>,
    /// What the body says.
    pub(crate) reading: &'a Reading,
    /// The order of open tasks.
    pub(crate) order: &'a [TaskKey],
    /// The last pass of all probes.
    pub(crate) recon: Option<&'a Recon>,
    /// What is awaited; `None` while something is being done.
    pub(crate) awaited: Option<&'a Awaited>,
    /// Since when.
    pub(crate) awaited_since: Timestamp,
    /// How much may be done.
    pub(crate) mode: Mode,
    /// Other open maintenance issues.
    pub(crate) others: &'a [(IssueNumber, String)],
    /// What is missing.
    pub(crate) obstacles: &'a [String],
    /// Pull requests that hold a held version again.
    pub(crate) remade: &'a [RemadePull],
    /// The moment that the report tells of.
    pub(crate) as_of: Timestamp,
    /// A person's text that a write of ours went over.
    pub(crate) lost: Option<&'a LostEdit>,
    /// When a change may start; none: at any hour.
    pub(crate) windows: &'a [Window],
    /// The zone of their hours.
    pub(crate) zone: &'a str,
    /// How the moment that is told of stands to them.
    pub(crate) hours: Hours,
    /// What was written before, oldest first.
    pub(crate) writes: &'a [LastWrite],
    /// What the text that is written over shows of what was written before.
    pub(crate) standing: Arrivals,
    /// The approval boxes of the text that is written over.
    pub(crate) boxes: Vec<ApprovalBox>,
    /// The tasks whose boxes are left open although they are done: somebody unticked them, and it is not known yet who.
    pub(crate) held: BTreeSet<TaskKey>,
    /// The tasks whose boxes somebody ticked, which the journal does not know yet.
    pub(crate) unheard_ticks: BTreeSet<TaskKey>,
    /// The tasks whose boxes only an old copy ticked, or somebody before their change had come to its end.
    pub(crate) stale_ticks: &'a BTreeSet<TaskKey>,
    /// Whether this is the closing: the last status says so.
    pub(crate) closing: bool,
    /// The account that does the work.
    pub(crate) bot: &'a str,
}

/// The notes in these writes by task, each once, oldest first. Most of a write is as it was in the one before, and there
/// are as many writes as tasks: what did not change is passed over.
pub(crate) fn notes<'a>(writes: impl Iterator<Item = &'a LastWrite>) -> HashMap<&'a TaskKey, Vec<&'a str>> {
    let mut notes: HashMap<&TaskKey, Vec<&str>> = HashMap::new();
    let mut before: &[WrittenTask] = &[];
    for write in writes {
        for (at, task) in write.tasks.iter().enumerate() {
            let Some(note) = task.note.as_deref() else { continue };
            if before.get(at) == Some(task) {
                continue;
            }
            let known = notes.entry(&task.key).or_default();
            if !known.contains(&note) {
                known.push(note);
            }
        }
        before = &write.tasks;
    }
    notes
}

/// So many of the last statuses are remembered when a block is repaired: the newest ones may never have arrived.
const FORMER_STATUSES: usize = 8;

impl Report<'_> {
    fn record(&self, task: &Task) -> Option<&TaskRecord> {
        self.state.task(&task.key)
    }

    fn tasks(&self) -> Vec<TaskWish> {
        // Those that were written stand there by their exact text, in whatever zone their time was told. So does the
        // wished one once it was written: where another stands in its place, a person has changed it. One that was
        // refused on its way never stood there, so nobody can have changed it.
        let written = notes(self.standing.landed(self.writes));
        self.reading
            .tasks
            .iter()
            .filter_map(|task| {
                let record = self.record(task)?;
                let notes: Vec<String> = record
                    .notes
                    .iter()
                    .map(|(at, outcome, what)| wording::outcome_note(*outcome, *at, what))
                    .collect();
                if record.ticked_at_discovery && notes.is_empty() && record.found_again.is_none() {
                    return None;
                }
                let held = self.held.contains(&task.key);
                let (tick, note) = match &record.state {
                    TaskState::Ended { outcome, .. } => {
                        (*outcome == TaskOutcome::Done && !held, notes.last().cloned())
                    }
                    TaskState::Open | TaskState::Waiting { .. } | TaskState::Failed { .. } => (false, None),
                };
                let written = written.get(&task.key).into_iter().flatten().map(|note| (*note).to_owned());
                let mut former_notes: Vec<String> = Vec::new();
                let replaced = notes.iter().filter(|former| Some(*former) != note.as_ref()).cloned();
                for former in replaced.chain(written) {
                    if !former_notes.contains(&former) {
                        former_notes.push(former);
                    }
                }
                Some(TaskWish { key: task.key.clone(), tick, note, former_notes })
            })
            .collect()
    }

    /// The tasks that this run adds. One that a person took out, or made theirs, is not put back.
    fn added(&self) -> Vec<Block> {
        if self.mode == Mode::Observe {
            return Vec::new();
        }
        let is_wanted = |own: &Own| match self.state.task(&issue::key_of(own)) {
            Some(record) => {
                !record.gone && matches!(record.state, TaskState::Open | TaskState::Waiting { .. })
            }
            None => true,
        };
        let added = self.state.added.iter().map(|(tag, task)| (Own::Finding(tag.clone()), task));
        added
            .filter(|(own, _)| is_wanted(own))
            .map(|(own, task)| Proposal::of_finding(own, task.clone()).block())
            .collect()
    }

    /// The notes of tasks that the text does not hold any more.
    fn gone_notes(&self) -> Vec<(TaskKey, String)> {
        notes(self.standing.landed(self.writes))
            .into_iter()
            .filter(|(key, _)| self.reading.task(key).is_none())
            .flat_map(|(key, notes)| notes.into_iter().map(|note| (key.clone(), note.to_owned())))
            .collect()
    }

    /// How the run stands, and since when: as the last report said, while nothing changed.
    fn stood(&self) -> (String, Timestamp) {
        let state = format!("{:?}", self.run_state());
        match self.writes.last().and_then(|write| write.stood.clone()) {
            Some((known, since)) if known == state => (state, since),
            _ => (state, self.as_of),
        }
    }

    fn task_id(&self, key: &TaskKey) -> Option<String> {
        self.reading
            .task(key)
            .map(|task| task.id.clone())
            .or_else(|| self.state.task(key).map(|record| record.known.id.clone()))
    }

    fn task_title(&self, key: &TaskKey) -> String {
        self.state.task(key).map(|record| record.known.title.clone()).unwrap_or_default()
    }

    fn template(&self, closing: Option<&ClosingView>) -> TemplateFields {
        let former = |at_begin: &Option<String>, pick: fn(&LastWrite) -> &Option<String>| {
            let mut values: Vec<String> = at_begin.iter().cloned().collect();
            for value in self.writes.iter().filter_map(|write| pick(write).clone()) {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            values
        };
        let field = |value: String, former: Vec<String>| Some(FieldWish { value, former });
        let overall = self.recon.map(|recon| wording::verdict(recon.verdict()));
        let mut fields = TemplateFields {
            overall: overall
                .and_then(|value| field(value, former(&self.state.template.overall, |write| &write.overall))),
            last_updated: field(
                wording::time(self.as_of),
                former(&self.state.template.last_updated, |write| &write.last_updated),
            ),
            ..TemplateFields::default()
        };
        if let Some(view) = closing {
            // An earlier closing filled them as well, before the issue was opened again.
            let filled: Vec<&Closure> =
                self.writes.iter().filter_map(|write| write.closure.as_ref()).collect();
            let field = |value: String, pick: fn(&Closure) -> &String| {
                Some(FieldWish { value, former: filled.iter().map(|former| pick(former).clone()).collect() })
            };
            let now = Closure::of(view);
            fields.final_status = field(now.final_status, |closure| &closure.final_status);
            fields.started = field(now.started, |closure| &closure.started);
            fields.completed = field(now.completed, |closure| &closure.completed);
            fields.duration = field(now.duration, |closure| &closure.duration);
            fields.resolved_by = field(now.resolved_by, |closure| &closure.resolved_by);
        }
        fields
    }

    /// How the body shall be, with what is to be remembered of it once it is written, but for how the tasks stand in it.
    /// `lost_for_good` tells of a person's text that could not be put back.
    pub(crate) fn desired(&self, closing: Option<&ClosingView>, lost_for_good: bool) -> (Desired, LastWrite) {
        let mut view = self.status();
        if let (true, Some(lost)) = (lost_for_good, self.lost) {
            view.warnings.push(wording::written_over(lost.by.as_deref()));
        }
        let status = issue::render_status(&view);
        // Observing shows its status, and writes nothing else.
        let (tasks, gone_notes, rows, template) = if self.mode == Mode::Observe {
            (Vec::new(), Vec::new(), Vec::new(), TemplateFields::default())
        } else {
            (self.tasks(), self.gone_notes(), self.rows(), self.template(closing))
        };
        let report = match closing {
            Some(view) => Some(issue::render_closing(view)),
            // What it says is not true any more; the next closing tells all of it again, from the journal.
            None => self.state.reopened.map(|_| String::new()),
        };
        let write = LastWrite {
            status: Some(status.clone()),
            overall: template.overall.as_ref().map(|field| field.value.clone()),
            last_updated: template.last_updated.as_ref().map(|field| field.value.clone()),
            rows: rows.len(),
            event: self.state.last_event,
            as_of: Some(self.as_of),
            stood: Some(self.stood()),
            read: Some(task_boxes(self.reading)),
            closure: closing.map(Closure::of),
            closing: report.clone().filter(|report| !report.is_empty()),
            ..LastWrite::default()
        };
        let desired = Desired {
            known: self.state.known_tasks(),
            home: self.home.clone(),
            tasks,
            gone_notes,
            unticked: match self.mode {
                Mode::Observe => BTreeSet::new(),
                Mode::Approve | Mode::Auto => self.stale_ticks.clone(),
            },
            status: Some(status),
            former_statuses: self
                .writes
                .iter()
                .rev()
                .filter_map(|write| write.status.clone())
                .take(FORMER_STATUSES)
                .collect(),
            blocks: self.added(),
            former_rows: self
                .state
                .adopted
                .as_ref()
                .map(|adoption| adoption.rows.clone())
                .unwrap_or_default(),
            rows,
            template,
            closing_report: report,
            former_closings: self.writes.iter().rev().filter_map(|write| write.closing.clone()).collect(),
        };
        (desired, write)
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many writes as tasks, each with one more that has ended, as a run of checks makes them.
    fn writes(tasks: usize) -> Vec<LastWrite> {
        let task = |at: usize, ended: bool| WrittenTask {
            key: TaskKey(format!("key {at:012}")),
            ticked: ended,
            note: ended.then(|| format!("*(done 2026-11-21 14:30 UTC: number {at:05})*")),
        };
        (1..=tasks)
            .map(|ended| LastWrite {
                tasks: (0..tasks).map(|at| task(at, at < ended)).collect(),
                ..LastWrite::default()
            })
            .collect()
    }

    #[test]
    fn notes_are_told_once_in_their_order() {
        let mut writes = writes(3);
        writes[2].tasks[0].note = Some("*(done 2026-11-21 14:40 UTC: again)*".to_owned());
        writes[2].tasks.reverse();
        let found = notes(writes.iter());
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[&TaskKey("key 000000000000".to_owned())],
            ["*(done 2026-11-21 14:30 UTC: number 00000)*", "*(done 2026-11-21 14:40 UTC: again)*"]
        );
        assert_eq!(found[&TaskKey("key 000000000002".to_owned())].len(), 1);
    }
}
