//! The closing report's contents: what the journal holds, and the last kept pass of all probes.

use super::{Report, layer_lines};
use crate::forge::PullNumber;
use crate::issue::{
    ClosedIssue, ClosedPull, ClosingView, EndedTask, LessonEvent, MergedPull, RevertedPull, TaskKey,
};
use crate::run::act::task_of;
use crate::run::event::{ChangeResult, Effect, Outcome, TaskOutcome};
use crate::run::state::{Act, MergeRecord, TaskState};
use crate::wording::{self};
use jiff::Timestamp;
use std::time::Duration;

/// From so many seconds on a rollout took remarkably long.
const LONG_ROLLOUT: f64 = 600.0;

/// From so long on a person was waited for remarkably long.
const LONG_WAIT: Duration = Duration::from_mins(10);

impl Report<'_> {
    /// The closing report's contents, from the journal and the last kept pass.
    pub(crate) fn closing(&self, completed: Timestamp) -> Option<ClosingView> {
        let started = self.state.began_at?;
        let (event, recon) = self.state.last_recon.as_ref()?;
        let mut tasks: Vec<EndedTask> = Vec::new();
        for task in &self.reading.tasks {
            let Some(record) = self.record(task) else { continue };
            if let TaskState::Ended { outcome, note, at } = &record.state {
                tasks.push(EndedTask {
                    phase: task.phase.clone().unwrap_or_else(|| task.priority.to_string()),
                    id: task.id.clone(),
                    title: task.title.clone(),
                    at: *at,
                    result: wording::ended_line(*outcome, note, record.ticked_at_discovery),
                });
            }
        }
        tasks.sort_by_key(|task| task.at);
        let kept = |record: &&MergeRecord| !matches!(record.result, Some(ChangeResult::Reverted { .. }));
        let mut merged: Vec<MergedPull> = self
            .state
            .merges
            .iter()
            .filter(kept)
            .filter_map(|record| {
                Some(MergedPull {
                    number: record.plan.pull,
                    title: record.plan.title.clone(),
                    at: record.merged_at?,
                    verification: wording::merge_verification(
                        record.commit.as_ref()?,
                        record.rollout_seconds,
                        record.followed,
                        record.gate,
                    ),
                })
            })
            .collect();
        merged.extend(self.merged_by_others());
        merged.sort_by_key(|pull| pull.at);
        let reverted = self
            .state
            .merges
            .iter()
            .filter_map(|record| {
                let (commit, at) = record.reverted.clone()?;
                Some(RevertedPull {
                    number: record.plan.pull,
                    title: record.plan.title.clone(),
                    commit,
                    at,
                    reason: record.revert_reason.clone().unwrap_or_default(),
                })
            })
            .collect();
        let closed_issues = self
            .state
            .closed_related(false)
            .into_iter()
            .map(|(number, key, title, at)| ClosedIssue {
                number,
                title: self.object_title(title, key),
                at,
                resolution: self.closed_by(key, at),
            })
            .collect();
        let mut closed_pulls: Vec<ClosedPull> = self
            .state
            .closed_related(true)
            .into_iter()
            .map(|(number, key, title, at)| ClosedPull {
                number: PullNumber(number.0),
                title: self.object_title(title, key),
                at,
                reason: self.closed_by(key, at),
            })
            .collect();
        closed_pulls.extend(self.closed_by_others());
        Some(ClosingView {
            overall: recon.verdict(),
            started,
            completed,
            resolved_by: self.bot.to_owned(),
            layers: layer_lines(recon),
            tasks,
            merged,
            closed_pulls,
            reverted,
            closed_issues,
            figures: recon.figures.clone(),
            events: self.lessons(),
            recon: event.to_string(),
            recon_at: recon.began_at,
            run: self.run.to_string(),
        })
    }

    fn merged_by_others(&self) -> impl Iterator<Item = MergedPull> {
        self.state.by_others.iter().filter_map(|ended| {
            let merged = ended.merged.as_ref()?;
            Some(MergedPull {
                number: ended.pull,
                title: ended.title.clone(),
                at: merged.at,
                verification: wording::merged_by_others(&merged.commit),
            })
        })
    }

    fn closed_by_others(&self) -> impl Iterator<Item = ClosedPull> {
        self.state.by_others.iter().filter(|ended| ended.merged.is_none()).map(|ended| ClosedPull {
            number: ended.pull,
            title: ended.title.clone(),
            at: ended.seen_at,
            reason: wording::closed_by_others(),
        })
    }

    /// Which task closed something, and after which merges, in the words of the note that lies there.
    fn closed_by(&self, key: &TaskKey, at: Timestamp) -> String {
        let id = self.task_id(key).unwrap_or_default();
        let title = self.state.task(key).map(|record| record.known.title.clone()).unwrap_or_default();
        wording::closed_by(&wording::resolved_by(&id, &title, &self.state.works_behind(&title, at)))
    }

    fn lessons(&self) -> Vec<LessonEvent> {
        let mut events = Vec::new();
        for record in &self.state.merges {
            for healed in &record.healed {
                events.push(LessonEvent::Caused {
                    pull: record.plan.pull,
                    object: healed.id.object.to_string(),
                    finding: healed.message.clone(),
                    tied: healed.tied,
                    why: healed.why.clone(),
                });
            }
            let of_it =
                |act: &&Act| matches!(&act.effect, Effect::Merge(plan) if plan.pull == record.plan.pull);
            let lost = |act: &Act| matches!(act.ended, Some((_, Outcome::Unanswered { .. })));
            let mut asked = self.state.acts.iter().filter(of_it);
            if asked.any(lost) && asked.next().is_some() {
                events.push(LessonEvent::AskedAgain { pull: record.plan.pull });
            }
            if let Some((commit, _)) = &record.reverted {
                events.push(LessonEvent::Reverted {
                    pull: record.plan.pull,
                    commit: commit.clone(),
                    reason: record.revert_reason.clone().unwrap_or_default(),
                });
            }
            // That a rollout takes its while is no lesson.
            if let Some(seconds) = record.rollout_seconds.filter(|seconds| *seconds >= LONG_ROLLOUT) {
                events.push(LessonEvent::WaitedFor {
                    what: wording::waited_for_rollout(record.plan.pull),
                    seconds: whole_seconds(seconds),
                });
            }
        }
        for held in &self.state.holds {
            events.push(LessonEvent::Held { hold: held.hold.clone() });
        }
        for record in self.state.tasks.values().filter(|record| record.waited >= LONG_WAIT) {
            events.push(LessonEvent::WaitedFor {
                what: wording::waited_for_person(&self.task_id(&record.known.key).unwrap_or_default()),
                seconds: record.waited.as_secs(),
            });
        }
        for record in self.state.tasks.values().filter(|record| record.attempts > 0) {
            let why = self
                .state
                .acts
                .iter()
                .filter(|act| task_of(&act.effect) == Some(&record.known.key))
                .find_map(|act| act.ended.as_ref().and_then(|(_, outcome)| outcome.why_not()))
                .unwrap_or_default();
            let by_us = matches!(record.state, TaskState::Ended { outcome: TaskOutcome::Done, .. })
                && self.state.acts.iter().any(|act| {
                    task_of(&act.effect) == Some(&record.known.key)
                        && act.ended.as_ref().is_some_and(|(_, outcome)| outcome.why_not().is_none())
                });
            events.push(LessonEvent::Retried {
                task: self.task_id(&record.known.key).unwrap_or_default(),
                failed: record.attempts,
                by_us,
                why,
            });
        }
        events
    }
}

/// Seconds for people; a rollout never lasts longer than a `u64` holds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to zero and above; saturates"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.max(0.0).round() as u64
}
