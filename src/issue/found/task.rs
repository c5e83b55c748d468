//! What becomes of a finding: how urgent it is, and what caretaker could do about it.

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
    /// Ceph warns of daemons that have crashed: the reports are read and archived.
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

/// What caretaker can do about a finding.
fn action(id: &FindingId) -> Option<Action> {
    let crashed = matches!(id.probe, Probe::Ceph | Probe::CephTools) && id.rule == "RECENT_CRASH";
    crashed.then_some(Action::CephCrashArchive)
}

/// How urgent a finding is: what is broken or lost first, then what has to be seen to, then what is not well, then what is
/// only listed.
pub(super) fn priority(finding: &Finding) -> Priority {
    let (probe, rule) = (finding.id.probe, finding.id.rule.as_str());
    if finding.informational {
        return Priority::P3;
    }
    // It ends on a day that is known.
    let ends = probe == Probe::Certificates;
    match finding.verdict {
        Verdict::Red => of_red(probe, rule),
        // Nobody knows what hides behind it.
        Verdict::Unknown => Priority::P1,
        Verdict::Yellow if ends || (probe == Probe::Nodes && rule == "version-behind") => Priority::P1,
        Verdict::Yellow => Priority::P2,
        Verdict::Green => Priority::P3,
    }
}

/// Crashes, nodes that are down and data at risk are P0.
fn of_red(probe: Probe, rule: &str) -> Priority {
    match probe {
        Probe::Nodes => match rule {
            "kubelet-newer" | "kubelet-too-old" => Priority::P1,
            _ => Priority::P0,
        },
        Probe::Pods => match rule {
            "crash-loop" | "node-not-ready" => Priority::P0,
            _ => Priority::P1,
        },
        Probe::KubeSystem
        | Probe::Ceph
        | Probe::CephTools
        | Probe::Capacity
        | Probe::Volumes
        | Probe::VolSync
        | Probe::CloudNativePg => Priority::P0,
        Probe::ArgoCd
        | Probe::Certificates
        | Probe::Jobs
        | Probe::DisruptionBudgets
        | Probe::Services
        | Probe::Usage
        | Probe::Own
        | Probe::Addresses
        | Probe::Alerts
        | Probe::Snapshots
        | Probe::Flux
        | Probe::ExternalSecrets
        | Probe::ApiServices
        | Probe::Webhooks
        | Probe::Audit => Priority::P1,
    }
}
