//! From the journal and one look at the world to what the body shall be: status, notes, rows, closing report.
//!
//! Pure. Only what changes with the run's events appears here as a time, so that looking again writes nothing.

mod closing;

use super::decide::Waiting as Awaited;
use super::event::{Effect, Outcome, TaskOutcome};
use super::situation::Mode;
use super::state::{MergeRecord, RunState, Stage, TaskRecord, TaskState};
use crate::forge::{IssueNumber, PullNumber};
use crate::health::{Recon, Verdict};
use crate::issue::{
    self, ApprovalBox, ApprovalRequest, ChangeKind, ChangeRow, ClosingView, Desired, FieldWish, HeldVersion,
    Kind, LayerLine, Now, OtherIssue, PlannedTask, Progress, Reading, RemadePull, StatusView, Task, TaskKey,
    TaskWish, TemplateFields, Waiting, Whom, WrittenTask,
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
}

/// Everything that the body is made of.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    /// The run.
    pub(crate) run: RunId,
    /// What the journal says.
    pub(crate) state: &'a RunState,
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
    /// When something that people should know last changed.
    pub(crate) changed_at: Timestamp,
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

/// How many tasks stand how.
pub(crate) fn progress(state: &RunState, reading: &Reading) -> Progress {
    let mut progress = Progress { total: reading.tasks.len(), ..Progress::default() };
    for task in &reading.tasks {
        match state.task(&task.key).map(|record| &record.state) {
            Some(TaskState::Ended { outcome, .. }) => match outcome {
                TaskOutcome::Done => progress.done += 1,
                TaskOutcome::Deferred => progress.deferred += 1,
                TaskOutcome::Acknowledged => progress.acknowledged += 1,
                TaskOutcome::Skipped => progress.skipped += 1,
            },
            Some(TaskState::Failed { .. }) => progress.failed += 1,
            None if task.ticked => progress.done += 1,
            Some(TaskState::Open | TaskState::Waiting { .. }) | None => progress.waiting += 1,
        }
    }
    progress
}

/// The layers with what says so.
pub(crate) fn layer_lines(recon: &Recon) -> Vec<LayerLine> {
    recon
        .layers()
        .into_iter()
        .map(|(layer, verdict)| {
            let of_layer = || recon.probes.iter().filter(move |probe| probe.used && probe.layer == layer);
            let bad: Vec<String> = of_layer()
                .flat_map(|probe| &probe.findings)
                .filter(|finding| !finding.informational)
                .map(|finding| finding.message.clone())
                .collect();
            let evidence =
                if bad.is_empty() { of_layer().map(|probe| probe.summary.clone()).collect() } else { bad };
            LayerLine { layer, verdict, evidence }
        })
        .collect()
}

impl Report<'_> {
    fn record(&self, task: &Task) -> Option<&TaskRecord> {
        self.state.task(&task.key)
    }

    fn run_state(&self) -> issue::RunState {
        if self.closing {
            return issue::RunState::Done;
        }
        let in_trouble = self.state.change.as_ref().is_some_and(|change| {
            change.trouble.is_some()
                || matches!(change.stage, Stage::RevertAsked { .. } | Stage::Reverted { .. })
        });
        match self.awaited {
            Some(Awaited::Paused(_)) => issue::RunState::Paused,
            Some(Awaited::Obstacles) => issue::RunState::WaitingForPerson,
            _ if self.mode == Mode::Observe => issue::RunState::Observing,
            _ if in_trouble => issue::RunState::Trouble,
            Some(Awaited::People) => issue::RunState::WaitingForPerson,
            Some(Awaited::World(_)) if self.state.change.is_some() => issue::RunState::Running,
            Some(Awaited::World(_))
                if self.recon.is_some_and(|recon| recon.verdict() == Verdict::Unknown) =>
            {
                issue::RunState::Unknown
            }
            Some(Awaited::World(_) | Awaited::Lock(_)) => issue::RunState::WaitingForWorld,
            None => issue::RunState::Running,
        }
    }

    fn now(&self) -> Option<Now> {
        let task = self
            .state
            .change
            .as_ref()
            .and_then(|change| self.reading.task(&change.plan.key).map(|task| task.id.clone()));
        match self.awaited {
            Some(Awaited::World(what)) => Some(Now { task, what: what.clone(), since: self.awaited_since }),
            _ => None,
        }
    }

    fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        let open: Vec<&Task> =
            self.reading.tasks.iter().filter(|task| !self.state.has_ended(&task.key)).collect();
        for task in &open {
            let Some(record) = self.record(task) else { continue };
            let entry = |whom, why: String, since| Waiting {
                id: task.id.clone(),
                title: task.title.clone(),
                whom,
                why,
                answer: None,
                since,
            };
            match &record.state {
                TaskState::Waiting { why, since } => {
                    let whom =
                        if matches!(task.kind, Kind::Verify { .. }) { Whom::World } else { Whom::Person };
                    waiting.push(entry(whom, why.clone(), *since));
                }
                TaskState::Failed { why } => waiting.push(entry(Whom::Person, why.clone(), self.changed_at)),
                TaskState::Open
                    if task.kind == Kind::Final && matches!(self.awaited, Some(Awaited::People)) =>
                {
                    let others: Vec<&str> = open
                        .iter()
                        .filter(|other| other.kind != Kind::Final)
                        .map(|other| other.id.as_str())
                        .collect();
                    if !others.is_empty() {
                        waiting.push(entry(
                            Whom::Task,
                            wording::waits_for_tasks(&others),
                            self.awaited_since,
                        ));
                    }
                }
                TaskState::Open | TaskState::Ended { .. } => {}
            }
        }
        waiting
    }

    fn approvals(&self) -> Vec<ApprovalRequest> {
        self.reading
            .tasks
            .iter()
            .filter(|task| !self.state.has_ended(&task.key))
            .filter_map(|task| {
                let record = self.record(task)?;
                let asked = record.asked.as_ref()?;
                let approved = record.approved.as_ref().is_some_and(|known| known.code == asked.code);
                let in_flight = self.state.change.as_ref().is_some_and(|change| change.plan.key == task.key);
                let merged = self.state.merges.iter().any(|merge| merge.plan.key == task.key);
                (!approved && !in_flight && !merged).then(|| ApprovalRequest {
                    id: task.id.clone(),
                    code: asked.code.clone(),
                    what: task.title.clone(),
                    warnings: vec![asked.what.clone()],
                    since: asked.at,
                    by_comment: asked.by_comment,
                    // A tick that has not been judged yet stays; one that nothing vouches for is taken back.
                    ticked: !asked.by_comment && self.is_ticked(&task.id, &asked.code),
                })
            })
            .collect()
    }

    fn is_ticked(&self, id: &str, code: &str) -> bool {
        self.boxes.iter().any(|found| found.ticked && found.task == id && found.code == code)
    }

    fn half_done(&self) -> Vec<String> {
        let Some(change) = &self.state.change else { return Vec::new() };
        let commit = change.merged.as_ref().map(|(commit, ..)| commit.short());
        vec![match &change.stage {
            Stage::Asked => wording::half_asked(change.plan.pull),
            Stage::Merged => wording::half_merged(change.plan.pull, commit),
            Stage::RolledOut { .. } => wording::half_rolled_out(change.plan.pull, commit),
            Stage::RevertAsked { .. } => wording::half_reverting(change.plan.pull),
            Stage::Reverted { commit, .. } => wording::half_reverted(change.plan.pull, commit.short()),
        }]
    }

    /// The status block's contents.
    pub(crate) fn status(&self) -> StatusView {
        let planned = self
            .order
            .iter()
            .filter_map(|key| self.reading.task(key))
            .filter(|task| !self.state.has_ended(&task.key))
            .map(|task| PlannedTask {
                id: task.id.clone(),
                priority: task.priority,
                kind: task.kind.word(),
                title: task.title.clone(),
                needs: task.needs,
            })
            .collect();
        let mut warnings = Vec::new();
        if self.reading.tasks.is_empty() {
            warnings.push(wording::how_to_write_tasks());
        }
        for escalation in &self.state.escalations {
            warnings.push(wording::packet(&escalation.why, &escalation.evidence));
        }
        if let Some(Awaited::Paused(by)) = self.awaited {
            warnings.push(wording::paused_by(by));
        }
        StatusView {
            state: self.run_state(),
            since: self.changed_at,
            run: self.run.to_string(),
            layers: self.recon.map(layer_lines).unwrap_or_default(),
            judged_at: None,
            progress: progress(self.state, self.reading),
            order: planned,
            now: self.now(),
            waiting: self.waiting(),
            approvals: self.approvals(),
            held: self
                .state
                .holds
                .iter()
                .map(|held| HeldVersion {
                    hold: held.hold.clone(),
                    pull: Some(held.pull),
                    why: held.reason.clone(),
                    since: held.since,
                })
                .collect(),
            remade: self.remade.to_vec(),
            others: self
                .others
                .iter()
                .map(|(number, title)| OtherIssue { number: *number, title: title.clone() })
                .collect(),
            half_done: if matches!(self.awaited, Some(Awaited::Paused(_))) {
                self.half_done()
            } else {
                Vec::new()
            },
            missing_rights: self.obstacles.to_vec(),
            warnings,
        }
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
                let former_notes =
                    notes.iter().filter(|former| Some(*former) != note.as_ref()).cloned().collect();
                Some(TaskWish { key: task.key.clone(), tick, note, former_notes })
            })
            .collect()
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

    /// The change log's rows of this run, in the order in which things happened.
    fn rows(&self) -> Vec<ChangeRow> {
        let written = self.rows_there;
        let mut ended: Vec<_> = self
            .state
            .acts
            .iter()
            .filter_map(|act| act.ended.as_ref().map(|(at, outcome)| (*at, act, outcome)))
            .collect();
        ended.sort_by_key(|(at, act, _)| (*at, act.step));
        let mut rows = Vec::new();
        for (at, act, outcome) in ended {
            let row = |kind, task, number, title: String, action: String, note: String| ChangeRow {
                at,
                kind,
                task,
                number,
                title,
                action,
                note,
                after: None,
                written: rows.len() < written,
            };
            let row = match (&act.effect, outcome) {
                (Effect::Merge(plan), Outcome::Merged { commit, .. }) => row(
                    ChangeKind::Merge,
                    self.task_id(&plan.key),
                    Some(plan.pull.0),
                    plan.title.clone(),
                    wording::row_merged(plan.category),
                    wording::row_commit(commit),
                ),
                (Effect::Revert { pull, reason, .. }, Outcome::Reverted { commit }) => row(
                    ChangeKind::Revert,
                    self.merge_of(*pull).and_then(|record| self.task_id(&record.plan.key)),
                    Some(pull.0),
                    self.merge_of(*pull).map(|record| record.plan.title.clone()).unwrap_or_default(),
                    wording::row_reverted(commit),
                    reason.clone(),
                ),
                (Effect::CloseRelated { key, number, .. }, Outcome::Done { detail }) => row(
                    ChangeKind::Closing,
                    self.task_id(key),
                    Some(number.0),
                    self.task_title(key),
                    wording::row_closed(),
                    detail.clone(),
                ),
                (Effect::Action { key, .. }, Outcome::Done { detail }) => row(
                    ChangeKind::Action,
                    self.task_id(key),
                    None,
                    self.task_title(key),
                    wording::row_archived(),
                    detail.clone(),
                ),
                (Effect::Sync { application, .. }, Outcome::Done { .. }) => row(
                    ChangeKind::Action,
                    None,
                    None,
                    application.to_string(),
                    wording::row_synced(),
                    String::new(),
                ),
                (Effect::Terminate { application, .. }, Outcome::Done { .. }) => row(
                    ChangeKind::Action,
                    None,
                    None,
                    application.to_string(),
                    wording::row_terminated(),
                    String::new(),
                ),
                _ => continue,
            };
            rows.push(row);
        }
        rows
    }

    fn merge_of(&self, pull: PullNumber) -> Option<&MergeRecord> {
        self.state.merges.iter().rev().find(|record| record.plan.pull == pull)
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
                wording::time(self.changed_at),
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
    pub(crate) fn desired(&self, closing: Option<&ClosingView>) -> (Desired, LastWrite) {
        let status = issue::render_status(&self.status());
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
        };
        let desired = Desired {
            known: self.state.tasks.values().map(|record| record.known.clone()).collect(),
            tasks,
            status: Some(status),
            former_status: self.writes.last().and_then(|write| write.status.clone()),
            blocks: Vec::new(),
            rows,
            template,
            closing_report: closing.map(issue::render_closing),
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
