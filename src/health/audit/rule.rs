//! The rules of the audit by name, so that settings can name one and nothing can be misspelt.

use serde::{Deserialize, Serialize};

/// A rule of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuditRule {
    /// No container of its pods says when it can serve.
    NoReadinessProbe,
    /// No container of its pods says that it hangs.
    NoLivenessProbe,
    /// A long wait stands for a startup probe.
    NoStartupProbe,
    /// A container asks for no CPU or memory.
    NoRequests,
    /// A container may take all memory of its node.
    NoMemoryLimit,
    /// An image whose name means another image tomorrow.
    MovingImage,
    /// The registry is asked at each start for what is there already.
    PullsAlways,
    /// A run that fails is not tried again.
    NotRetried,
    /// A pod that nobody makes anew.
    BarePod,
    /// Nothing keeps a drain from taking all of its pods at once.
    NoBudget,
    /// All of its pods may stand on one node.
    NotSpread,
    /// More pods than nodes, each of which takes one.
    CannotSpread,
    /// Several pods on the only node.
    ReplicasOnOneNode,
    /// A `StatefulSet` that keeps nothing.
    NoClaim,
    /// It ended right after its start until what it needs was there.
    StartsTooEarly,
    /// A claim that no known tool copies.
    NotBackedUp,
    /// Nobody tried whether the copies restore.
    RestoreNotTested,
    /// Something scales on the only node.
    ScalesOnOneNode,
    /// A disk or volume is full on a day that can be told.
    FillsUp,
    /// A Secret that anybody can read in Git.
    PlainSecret,
}

impl AuditRule {
    /// All of them, what would be lost for good first.
    pub(crate) const ALL: [Self; 20] = [
        Self::PlainSecret,
        Self::NotBackedUp,
        Self::FillsUp,
        Self::RestoreNotTested,
        Self::NoClaim,
        Self::BarePod,
        Self::CannotSpread,
        Self::NoBudget,
        Self::NotSpread,
        Self::StartsTooEarly,
        Self::NoReadinessProbe,
        Self::MovingImage,
        Self::NoMemoryLimit,
        Self::NoRequests,
        Self::NoLivenessProbe,
        Self::NoStartupProbe,
        Self::NotRetried,
        Self::PullsAlways,
        Self::ReplicasOnOneNode,
        Self::ScalesOnOneNode,
    ];

    /// Which of two is seen to first: the lower.
    pub(crate) fn rank(self) -> usize {
        Self::ALL.iter().position(|rule| *rule == self).unwrap_or(Self::ALL.len())
    }

    /// As findings and settings name it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoReadinessProbe => "no-readiness-probe",
            Self::NoLivenessProbe => "no-liveness-probe",
            Self::NoStartupProbe => "no-startup-probe",
            Self::NoRequests => "no-requests",
            Self::NoMemoryLimit => "no-memory-limit",
            Self::MovingImage => "moving-image",
            Self::PullsAlways => "pulls-always",
            Self::NotRetried => "not-retried",
            Self::BarePod => "bare-pod",
            Self::NoBudget => "no-budget",
            Self::NotSpread => "not-spread",
            Self::CannotSpread => "cannot-spread",
            Self::ReplicasOnOneNode => "replicas-on-one-node",
            Self::NoClaim => "no-claim",
            Self::StartsTooEarly => "starts-too-early",
            Self::NotBackedUp => "not-backed-up",
            Self::RestoreNotTested => "restore-not-tested",
            Self::ScalesOnOneNode => "scales-on-one-node",
            Self::FillsUp => "fills-up",
            Self::PlainSecret => "plain-secret",
        }
    }

    /// The rule that a finding's word names.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }

    /// Whether every look at the cluster can see it, so that it may close the gate.
    pub(crate) fn can_block(self) -> bool {
        !self.is_told_by_people() && self != Self::FillsUp
    }

    /// Whether only a person can say that it is mended: it lies in Git, or in what somebody tried.
    pub(crate) fn is_told_by_people(self) -> bool {
        matches!(self, Self::PlainSecret | Self::RestoreNotTested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_in_settings_as_in_findings() {
        for rule in AuditRule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.word());
            assert_eq!(AuditRule::of_word(rule.word()), Some(rule));
            assert!(rule.rank() < AuditRule::ALL.len(), "{rule:?}");
        }
        assert_eq!(AuditRule::of_word("crash-loop"), None);
    }
}
