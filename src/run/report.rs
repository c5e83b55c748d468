//! From the journal and one look at the world to what the body shall be: status, notes, rows, closing report.
//!
//! Pure. Only what changes with the run's events appears here as a time, so that looking again writes nothing.

mod closing;
mod rows;
mod status;

pub(crate) use status::{layer_lines, progress};

use super::decide::Waiting as Awaited;
use super::event::TaskOutcome;
use super::situation::Mode;
use super::state::{RunState, TaskRecord, TaskState};
use super::writing::LostEdit;
use crate::forge::IssueNumber;
use crate::health::Recon;
use crate::issue::{
    self, ApprovalBox, ClosingView, Desired, FieldWish, Home, Reading, RemadePull, Task, TaskKey, TaskWish,
    TemplateFields, WrittenTask,
};
use crate::store::RunId;
use crate::wording::{self, OutcomeWord};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The hash of a person's text that it brought back.
    #[serde(default)]
    pub(crate) restored: Option<String>,
    /// The moment that it tells of.
    #[serde(default)]
    pub(crate) as_of: Option<Timestamp>,
    /// How the run stood, and since when.
    #[serde(default)]
    pub(crate) stood: Option<(String, Timestamp)>,
    /// What was awaited, and since when.
    #[serde(default)]
    pub(crate) awaited: Option<(String, Timestamp)>,
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
    /// What was written before, oldest first.
    pub(crate) writes: &'a [LastWrite],
    /// How many rows of the change log an earlier write brought into the text that is written over.
    pub(crate) rows_there: usize,
    /// The approval boxes of the text that is written over.
    pub(crate) boxes: Vec<ApprovalBox>,
    /// Whether this is the closing: the last status says so.
    pub(crate) closing: bool,
    /// The account that does the work.
    pub(crate) bot: &'a str,
}

/// So many of the last statuses are remembered when a block is repaired: the newest ones may never have arrived.
const FORMER_STATUSES: usize = 8;

fn outcome_word(outcome: TaskOutcome) -> OutcomeWord {
    match outcome {
        TaskOutcome::Done => OutcomeWord::Done,
        TaskOutcome::Deferred => OutcomeWord::Deferred,
        TaskOutcome::Acknowledged => OutcomeWord::Acknowledged,
        TaskOutcome::Skipped => OutcomeWord::Skipped,
    }
}

/// How many rows a text holds by our own doing: those of the newest write whose status it shows. A write that was refused,
/// or whose answer was lost, is remembered as well, and must not make rows count that never arrived.
pub(crate) fn rows_there(writes: &[LastWrite], body: &str) -> usize {
    let body = body.replace("\r\n", "\n");
    writes
        .iter()
        .rev()
        .find(|write| write.status.as_ref().is_some_and(|status| body.contains(status.trim())))
        .map_or(0, |write| write.rows)
}

impl Report<'_> {
    fn record(&self, task: &Task) -> Option<&TaskRecord> {
        self.state.task(&task.key)
    }

    fn tasks(&self) -> Vec<TaskWish> {
        self.reading
            .tasks
            .iter()
            .filter_map(|task| {
                let record = self.record(task)?;
                let notes: Vec<String> = record
                    .notes
                    .iter()
                    .map(|(at, outcome, what)| wording::outcome_note(outcome_word(*outcome), *at, what))
                    .collect();
                if record.ticked_at_discovery && notes.is_empty() {
                    return None;
                }
                let (tick, note) = match &record.state {
                    TaskState::Ended { outcome, .. } => {
                        (*outcome == TaskOutcome::Done, notes.last().cloned())
                    }
                    TaskState::Open | TaskState::Waiting { .. } | TaskState::Failed { .. } => (false, None),
                };
                // Those that were written stand there by their exact text, in whatever zone their time was told. So does
                // the wished one once it was written: where another stands in its place, a person has changed it.
                let written = self.writes.iter().flat_map(|write| &write.tasks);
                let written =
                    written.filter(|last| last.key == task.key).filter_map(|last| last.note.clone());
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
            fields.final_status = field(wording::verdict(view.overall), Vec::new());
            fields.started = field(wording::time(view.started), Vec::new());
            fields.completed = field(wording::time(view.completed), Vec::new());
            fields.duration =
                field(wording::duration(seconds_between(view.started, view.completed)), Vec::new());
            fields.resolved_by = field(view.resolved_by.clone(), Vec::new());
        }
        fields
    }

    /// How the body shall be, with what is to be remembered of it once it is written.
    /// `lost_for_good` tells of a person's text that could not be put back.
    pub(crate) fn desired(&self, closing: Option<&ClosingView>, lost_for_good: bool) -> (Desired, LastWrite) {
        let mut view = self.status();
        if let (true, Some(lost)) = (lost_for_good, self.lost) {
            view.warnings.push(wording::written_over(lost.by.as_deref()));
        }
        let status = issue::render_status(&view);
        // Observing shows its status, and writes nothing else.
        let (tasks, rows, template) = if self.mode == Mode::Observe {
            (Vec::new(), Vec::new(), TemplateFields::default())
        } else {
            (self.tasks(), self.rows(), self.template(closing))
        };
        let write = LastWrite {
            tasks: self
                .reading
                .tasks
                .iter()
                .map(|task| {
                    let wish = tasks.iter().find(|wish| wish.key == task.key);
                    WrittenTask {
                        key: task.key.clone(),
                        ticked: task.ticked || wish.is_some_and(|wish| wish.tick),
                        note: wish.and_then(|wish| wish.note.clone()),
                    }
                })
                .collect(),
            status: Some(status.clone()),
            overall: template.overall.as_ref().map(|field| field.value.clone()),
            last_updated: template.last_updated.as_ref().map(|field| field.value.clone()),
            rows: rows.len(),
            as_of: Some(self.as_of),
            stood: Some(self.stood()),
            ..LastWrite::default()
        };
        let desired = Desired {
            known: self.state.tasks.values().map(|record| record.known.clone()).collect(),
            home: self.home.clone(),
            tasks,
            status: Some(status),
            former_statuses: self
                .writes
                .iter()
                .rev()
                .filter_map(|write| write.status.clone())
                .take(FORMER_STATUSES)
                .collect(),
            blocks: Vec::new(),
            former_rows: self
                .state
                .adopted
                .as_ref()
                .map(|adoption| adoption.rows.clone())
                .unwrap_or_default(),
            rows,
            template,
            closing_report: match closing {
                Some(view) => Some(issue::render_closing(view)),
                // What it says is not true any more; the next closing tells all of it again, from the journal.
                None => self.state.reopened.map(|_| String::new()),
            },
        };
        (desired, write)
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{LastWrite, rows_there};

    #[test]
    fn a_write_that_never_arrived_makes_no_row_count() {
        let write =
            |status: &str, rows| LastWrite { status: Some(status.to_owned()), rows, ..LastWrite::default() };
        let writes = [write("first\n1 of 3", 1), write("second\n2 of 3", 2)];
        assert_eq!(rows_there(&writes, "# T\r\nfirst\r\n1 of 3\r\n"), 1, "the second was refused");
        assert_eq!(rows_there(&writes, "# T\nsecond\n2 of 3\n"), 2);
        assert_eq!(rows_there(&writes, "a person's"), 0);
    }
}
