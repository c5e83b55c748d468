//! What our own tasks of a text stand for: taken from the journal, else from what this look found; never from the text.

use crate::forge::{IssueNumber, PullNumber};
use crate::health::Recon;
use crate::issue::{
    AllowedRule, FindingTask, Ignored, Kind, OpenUpdate, Reading, ReconSettings, Task, TaskKey, resolve,
};
use crate::run::checks::{Stands, stands};
use crate::run::situation::{KnownFinding, Mode, PullSituation, Unread};
use crate::run::state::RunState;
use crate::wording;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is known besides the text.
pub(super) struct Known<'a> {
    pub(super) state: &'a RunState,
    pub(super) recon: &'a Recon,
    pub(super) pulls: &'a BTreeMap<PullNumber, PullSituation>,
    /// What could not be read in this look.
    pub(super) unread: &'a BTreeMap<IssueNumber, Unread>,
    pub(super) settings: &'a ReconSettings,
    pub(super) mode: Mode,
    /// The tasks that somebody who counts put there.
    pub(super) vouched: &'a BTreeSet<TaskKey>,
}

impl Known<'_> {
    /// Fills in what our own tasks are about. What stands for nothing that was ever found is no task.
    pub(super) fn fill(&self, reading: &mut Reading) -> BTreeMap<TaskKey, KnownFinding> {
        let mut findings = BTreeMap::new();
        for task in reading.tasks.iter_mut().filter(|task| task.own) {
            match &task.kind {
                Kind::Finding { tag } => {
                    let now = || resolve(tag, self.recon.findings()).map(FindingTask::of);
                    let added = self.state.added.iter().find(|(own, _)| own == tag).map(|(_, task)| task);
                    let journalled = self.state.findings.get(&task.key).or(added);
                    let Some(known) = journalled.cloned().or_else(now) else { continue };
                    task.title = wording::found_title(&known);
                    task.priority = known.priority;
                    task.layer = Some(known.layer);
                    let asked = added.is_some() || self.vouched.contains(&task.key);
                    let allowed = asked && self.allows(known.rule());
                    findings.insert(task.key.clone(), KnownFinding { task: known, allowed });
                }
                Kind::Merge { pull } => {
                    if let Some(found) = self.pulls.get(pull) {
                        let update = OpenUpdate {
                            number: *pull,
                            title: found.pull.title.clone(),
                            classification: found.classification.clone(),
                        };
                        task.title = wording::found_update_title(*pull, &update.title);
                        task.priority = update.priority();
                        task.layer = Some(update.layer());
                    } else {
                        task.title = wording::found_update_title(*pull, "");
                    }
                    if self.allows(Some(AllowedRule::DependencyUpdate)) {
                        task.needs = None;
                    } else {
                        task.why_person = Some(wording::update_asks());
                    }
                }
                _ => {}
            }
        }
        let is_known = |task: &Task| match &task.kind {
            Kind::Finding { .. } => findings.contains_key(&task.key),
            // What has ended is not read any more.
            Kind::Merge { pull } if task.own => {
                self.pulls.contains_key(pull)
                    || self.unread.contains_key(&pull.as_issue())
                    || self.state.task(&task.key).is_some()
            }
            _ => true,
        };
        let unknown = reading.tasks.iter().filter(|task| !is_known(task));
        reading
            .ignored
            .extend(unknown.map(|task| Ignored { line: task.line, why: wording::ignored_unknown_finding() }));
        reading.tasks.retain(is_known);
        findings
    }

    fn allows(&self, rule: Option<AllowedRule>) -> bool {
        self.mode == Mode::Auto && rule.is_some_and(|rule| self.settings.allows(rule))
    }
}

/// Since when each of them has been gone without a break, by looks in which its probe answered.
pub(super) fn gone_since(
    known: &mut BTreeMap<TaskKey, Timestamp>,
    findings: &BTreeMap<TaskKey, KnownFinding>,
    recon: &Recon,
    now: Timestamp,
) {
    known.retain(|key, _| findings.contains_key(key));
    for (key, finding) in findings {
        match stands(&finding.task.id, recon) {
            Stands::Gone => {
                known.entry(key.clone()).or_insert(now);
            }
            Stands::There(_) | Stands::Unknown => {
                known.remove(key);
            }
        }
    }
}
