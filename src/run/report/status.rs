//! The status block's contents: how the run stands, what happens now, what waits for whom.

use super::Report;
use crate::health::{Finding, Recon, Verdict};
use crate::issue::{
    self, ApprovalRequest, HeldVersion, Kind, LayerLine, Now, OtherIssue, Packet, PlannedTask, Progress,
    Reading, StatusView, Task, Waiting, Whom, Windows,
};
use crate::run::decide::Waiting as Awaited;
use crate::run::event::TaskOutcome;
use crate::run::situation::Mode;
use crate::run::state::{AdoptionStage, Asked, RunState, Stage, TaskState};
use crate::run::tone;
use crate::run::trust::Question;
use crate::run::windows::Hours;
use crate::wording;

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
    let tags = issue::tags(recon.findings().map(|finding| &finding.id));
    // What nobody knows cannot be accepted, and what follows is with its cause.
    let said = |finding: &Finding| match tags.get(&finding.id) {
        Some(tag) if finding.cause.is_none() && finding.verdict != Verdict::Unknown => {
            wording::finding_with_id(&wording::layer_finding(finding), &tag.id())
        }
        _ => wording::layer_finding(finding),
    };
    recon
        .layers()
        .into_iter()
        .map(|(layer, verdict)| {
            let of_layer = || recon.probes.iter().filter(move |probe| probe.used && probe.layer == layer);
            let (causes, following): (Vec<&Finding>, Vec<&Finding>) = of_layer()
                .flat_map(|probe| &probe.findings)
                .filter(|finding| !finding.informational && !finding.repeats_its_cause())
                .partition(|finding| finding.cause.is_none());
            let bad: Vec<String> = causes.into_iter().chain(following).map(&said).collect();
            let evidence =
                if bad.is_empty() { of_layer().map(|probe| probe.summary.clone()).collect() } else { bad };
            LayerLine { layer, verdict, evidence }
        })
        .collect()
}

impl Report<'_> {
    pub(super) fn run_state(&self) -> issue::RunState {
        if self.closing {
            return issue::RunState::Done;
        }
        let in_trouble = self.state.change.as_ref().is_some_and(|change| {
            change.trouble.is_some()
                || matches!(
                    change.stage,
                    Stage::RevertAsked { .. } | Stage::RevertProposed { .. } | Stage::Reverted { .. }
                )
        });
        match self.awaited {
            Some(Awaited::Paused(_)) => issue::RunState::Paused,
            Some(Awaited::Obstacles) => issue::RunState::WaitingForPerson,
            _ if self.mode == Mode::Observe => issue::RunState::Observing,
            _ if in_trouble => issue::RunState::Trouble,
            Some(Awaited::People) => issue::RunState::WaitingForPerson,
            Some(Awaited::Window(_)) => issue::RunState::WaitingForWindow,
            Some(Awaited::World(_)) if self.state.change.is_some() => issue::RunState::Running,
            Some(Awaited::World(_))
                if self.recon.is_some_and(|recon| recon.verdict() == Verdict::Unknown) =>
            {
                issue::RunState::Unknown
            }
            Some(Awaited::World(_)) => issue::RunState::WaitingForWorld,
            None => issue::RunState::Running,
        }
    }

    fn now(&self) -> Option<Now> {
        let task = self
            .state
            .change
            .as_ref()
            .and_then(|change| self.reading.task(&change.plan.key).map(|task| task.id.clone()));
        let what = match self.awaited {
            Some(Awaited::World(what)) => Some(what.clone()),
            // Between two steps of a change it is told by how far it is.
            None if !self.closing => tone::now(self.state),
            _ => None,
        };
        what.map(|what| Now { task, what, since: self.awaited_since })
    }

    /// The approval that is asked for a task now, and not given.
    fn asked(&self, task: &Task) -> Option<&Asked> {
        let record = self.record(task)?;
        let asked = record.asked.as_ref()?;
        let approved = record.approved.as_ref().is_some_and(|known| known.code == asked.code);
        let in_flight = self.state.change.as_ref().is_some_and(|change| change.plan.key == task.key);
        let merged = self.state.merges.iter().any(|merge| merge.plan.key == task.key);
        let ended = self.state.has_ended(&task.key);
        (!approved && !in_flight && !merged && !ended).then_some(asked)
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
                answer: match self.asked(task) {
                    // A tick of the task itself would say that it is done.
                    Some(_) => Some(wording::answer_by_approval(&task.id)),
                    // Most reasons end with what is to be done.
                    None => (whom == Whom::Person && !wording::says_to_tick(&why))
                        .then(|| wording::answer_by_tick(&task.id)),
                },
                why,
                since,
            };
            match &record.state {
                TaskState::Waiting { why, since } => {
                    let whom =
                        if matches!(task.kind, Kind::Verify { .. }) { Whom::World } else { Whom::Person };
                    waiting.push(entry(whom, why.clone(), *since));
                }
                TaskState::Failed { why } => {
                    let handed =
                        self.state.escalations.iter().rev().find(|one| one.key.as_ref() == Some(&task.key));
                    let since = handed.map(|one| one.at).or(self.state.began_at).unwrap_or(self.as_of);
                    waiting.push(entry(Whom::Person, why.clone(), since));
                }
                TaskState::Open if matches!(self.awaited, Some(Awaited::People | Awaited::Window(_))) => {
                    let holds_up = |other: &Task| match task.kind {
                        Kind::Final => other.kind != Kind::Final,
                        _ => other.key != task.key && task.depends_on.contains(&other.id),
                    };
                    let others: Vec<&str> =
                        open.iter().filter(|other| holds_up(other)).map(|other| other.id.as_str()).collect();
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
            .filter_map(|task| {
                let asked = self.asked(task)?;
                Some(ApprovalRequest {
                    id: task.id.clone(),
                    code: asked.code.clone(),
                    what: task.title.clone(),
                    warnings: vec![asked.what.clone()],
                    since: asked.at,
                    by_comment: asked.by_comment,
                    // A tick that has not been judged yet stays; one that nothing vouches for is taken back.
                    ticked: !asked.by_comment && self.is_ticked(task, &asked.code),
                })
            })
            .collect()
    }

    fn is_ticked(&self, task: &Task, code: &str) -> bool {
        let first_id = self.record(task).map_or(task.id.as_str(), |record| &record.known.id);
        Question { id: &task.id, first_id, code }.ticked(&self.boxes) == Some(true)
    }

    fn half_done(&self) -> Vec<String> {
        let Some(change) = &self.state.change else { return Vec::new() };
        let commit = change.merged.as_ref().map(|(commit, ..)| commit.short());
        vec![match &change.stage {
            Stage::Asked => wording::half_asked(change.plan.pull),
            Stage::Merged => wording::half_merged(change.plan.pull, commit),
            Stage::RolledOut { .. } => wording::half_rolled_out(change.plan.pull, commit, change.followed),
            Stage::RevertAsked { .. } => wording::half_reverting(change.plan.pull),
            Stage::RevertProposed { proposal, .. } => wording::half_proposed(change.plan.pull, proposal.pull),
            Stage::Reverted { commit, .. } => wording::half_reverted(change.plan.pull, commit.short()),
        }]
    }

    /// What a person is asked where a run is met that this store does not know.
    fn adoption(&self) -> Option<String> {
        let adoption = self.state.adopted.as_ref()?;
        (adoption.stage == AdoptionStage::Asked).then(|| wording::adoption_asks(&adoption.run))
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
        for merge in self.state.merges.iter().filter(|merge| merge.left_open) {
            if let Some(commit) = &merge.commit {
                warnings.push(wording::pull_left_open(merge.plan.pull, commit.short()));
            }
        }
        if self.state.reopened.is_some_and(|reopened| !reopened.ended_since)
            && self.reading.tasks.iter().all(|task| self.state.has_ended(&task.key))
        {
            warnings.push(wording::reopened_with_nothing_to_do());
        }
        let may_be_accepted = |recon: &Recon| recon.blocking().any(|one| one.verdict != Verdict::Unknown);
        if self.recon.is_some_and(may_be_accepted) {
            warnings.push(wording::how_to_acknowledge());
        }
        if let Some(Awaited::Paused(by)) = self.awaited {
            warnings.push(wording::paused_by(by));
        }
        let state = self.run_state();
        let unknown = if state == issue::RunState::Unknown { self.recon } else { None };
        StatusView {
            state,
            unknown: unknown.map(wording::what_is_unknown),
            since: self.stood().1,
            run: self.run.to_string(),
            layers: self.recon.map(layer_lines).unwrap_or_default(),
            judged_at: self.recon.map(|_| self.as_of),
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
            half_done: if matches!(self.awaited, Some(Awaited::Paused(_) | Awaited::Obstacles))
                || self.mode == Mode::Observe
            {
                self.half_done()
            } else {
                Vec::new()
            },
            missing_rights: self.obstacles.iter().cloned().chain(self.adoption()).collect(),
            packets: self
                .state
                .escalations
                .iter()
                .map(|escalation| Packet {
                    id: escalation.key.as_ref().and_then(|key| self.task_id(key)),
                    why: escalation.why.clone(),
                    evidence: escalation.evidence.clone(),
                })
                .collect(),
            warnings,
            windows: (!self.windows.is_empty()).then(|| Windows {
                each: self.windows.iter().map(ToString::to_string).collect(),
                zone: self.zone.to_owned(),
                opens: match self.hours {
                    Hours::Always | Hours::Open(_) => None,
                    Hours::Closed(opens) => Some(opens),
                },
            }),
        }
    }
}
