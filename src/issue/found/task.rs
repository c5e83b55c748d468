//! What becomes of a finding: what its task says, and what caretaker could do about it.

use super::urgency::priority;
use crate::action::Action;
use crate::health::{Finding, FindingId, Layer, Probe, Verdict};
use crate::issue::Priority;
use serde::{Deserialize, Serialize};

/// Settings under `[recon]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The rules whose tasks of caretaker's own are done without an approval.
    pub allowed: Vec<AllowedRule>,
}

impl Settings {
    /// Whether what a rule asks for is done without an approval.
    pub(crate) fn allows(&self, rule: AllowedRule) -> bool {
        self.allowed.contains(&rule)
    }
}

/// A rule whose tasks caretaker can do by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AllowedRule {
    /// Ceph warns of daemons, or of modules of its manager, that have crashed: the reports are read and archived.
    #[serde(rename = "RECENT_CRASH")]
    RecentCrash,
    /// A pull request of Renovate's that is open.
    #[serde(rename = "dependency-update")]
    DependencyUpdate,
}

/// A finding as it was when its task was first seen. Journalled with the task: a later version that would do something
/// else about such a finding does not change what was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FindingTask {
    /// Which finding.
    pub(crate) id: FindingId,
    /// Its layer.
    pub(crate) layer: Layer,
    /// How bad it was.
    pub(crate) verdict: Verdict,
    /// How urgent it is.
    pub(crate) priority: Priority,
    /// What it says; from outside.
    pub(crate) message: String,
    /// Field and value; from outside.
    pub(crate) evidence: String,
    /// What caretaker can do about it.
    pub(crate) action: Option<Action>,
}

impl FindingTask {
    /// Of a finding.
    pub(crate) fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            layer: finding.layer,
            verdict: finding.verdict,
            priority: priority(finding),
            message: finding.message.clone(),
            evidence: finding.evidence.clone(),
            action: action(&finding.id),
        }
    }

    /// The rule by which its action may be allowed.
    pub(crate) fn rule(&self) -> Option<AllowedRule> {
        match self.action.as_ref()? {
            Action::CephCrashArchive | Action::CephCrashArchiveOne { .. } => Some(AllowedRule::RecentCrash),
        }
    }
}

/// What caretaker can do about a finding. The reports of a daemon and of a module of the manager lie in one list.
fn action(id: &FindingId) -> Option<Action> {
    let crashed = matches!(id.probe, Probe::Ceph | Probe::CephTools)
        && matches!(id.rule.as_str(), "RECENT_CRASH" | "RECENT_MGR_MODULE_CRASH");
    crashed.then_some(Action::CephCrashArchive)
}
