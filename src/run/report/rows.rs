//! The rows of the change log: one for each effect that people would look for afterwards.

use super::Report;
use crate::forge::PullNumber;
use crate::health::Verdict;
use crate::issue::{ChangeKind, ChangeRow, TaskKey};
use crate::run::event::{Effect, Outcome};
use crate::run::state::MergeRecord;
use crate::wording;
use jiff::Timestamp;

impl Report<'_> {
    /// The change log's rows of this run, in the order in which things happened.
    pub(super) fn rows(&self) -> Vec<ChangeRow> {
        let written = self.standing.rows;
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
                after: self.after(at, &act.effect),
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
                (Effect::Revert { pull, reason, .. }, Outcome::RevertProposed { proposal }) => row(
                    ChangeKind::Revert,
                    self.merge_of(*pull).and_then(|record| self.task_id(&record.plan.key)),
                    Some(pull.0),
                    self.merge_of(*pull).map(|record| record.plan.title.clone()).unwrap_or_default(),
                    wording::row_revert_proposed(proposal.pull),
                    reason.clone(),
                ),
                (Effect::MergeRevert { pull, proposal, .. }, Outcome::Reverted { commit }) => row(
                    ChangeKind::Revert,
                    self.merge_of(*pull).and_then(|record| self.task_id(&record.plan.key)),
                    Some(pull.0),
                    self.merge_of(*pull).map(|record| record.plan.title.clone()).unwrap_or_default(),
                    wording::row_reverted(commit),
                    wording::row_by_pull(proposal.pull),
                ),
                (Effect::CloseRelated { key, number, title, .. }, Outcome::Done { detail }) => row(
                    ChangeKind::Closing,
                    self.task_id(key),
                    Some(number.0),
                    self.object_title(title, key),
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
                // One that was gone, or served, by then was not deleted.
                (Effect::DeletePod { pod, .. }, Outcome::Done { detail }) if detail.is_empty() => row(
                    ChangeKind::Action,
                    None,
                    None,
                    pod.to_string(),
                    wording::row_pod_deleted(),
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

    /// The title of what was closed; of older journals, which do not know it, the task's.
    pub(super) fn object_title(&self, title: &str, key: &TaskKey) -> String {
        if title.is_empty() { self.task_title(key) } else { title.to_owned() }
    }

    /// How the layers stood after an effect: as the gate judged the change, else as the next pass that was kept says.
    fn after(&self, at: Timestamp, effect: &Effect) -> Option<Verdict> {
        match effect {
            Effect::Merge(plan) => self.state.merges.iter().rev().find(|record| record.plan == **plan)?.gate,
            Effect::Revert { pull, .. } | Effect::MergeRevert { pull, .. } => {
                self.merge_of(*pull).and_then(|record| record.gate_after_revert)
            }
            _ => {
                let (_, recon) = self.state.last_recon.as_ref()?;
                (recon.began_at >= at).then(|| recon.verdict())
            }
        }
    }

    fn merge_of(&self, pull: PullNumber) -> Option<&MergeRecord> {
        self.state.merges.iter().rev().find(|record| record.plan.pull == pull)
    }
}
