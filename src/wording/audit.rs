//! What a person does about what the audit found.

use crate::health::AuditRule;

/// How it is made better, as one ends the sentence "it is well when...".
pub(crate) fn audit_fix(rule: AuditRule) -> &'static str {
    match rule {
        AuditRule::NoReadinessProbe => "a `readinessProbe` asks for what the container serves",
        AuditRule::NoLivenessProbe => {
            "a `livenessProbe` asks for something that hangs when the container does, and for nothing that depends on others"
        }
        AuditRule::NoStartupProbe => {
            "a `startupProbe` covers the start, and the `livenessProbe` no longer waits"
        }
        AuditRule::NoRequests => "`resources.requests` names the CPU and memory that it ordinarily takes",
        AuditRule::NoMemoryLimit => {
            "`resources.limits.memory` is set, above the most that it was seen to take"
        }
        AuditRule::MovingImage => {
            "the image has a tag of one version, or a digest, which Renovate keeps up to date"
        }
        AuditRule::PullsAlways => {
            "`imagePullPolicy` is IfNotPresent, since the image's name says which one it is"
        }
        AuditRule::NotRetried => "`backoffLimit` allows a second try, if a run may be repeated",
        AuditRule::BarePod => "a Deployment, StatefulSet or Job makes the pod",
        AuditRule::NoBudget => {
            "a PodDisruptionBudget keeps at least one of its pods, and allows one to be taken (`maxUnavailable: 1`)"
        }
        AuditRule::NotSpread => "`topologySpreadConstraints` by `kubernetes.io/hostname` spread its pods",
        AuditRule::CannotSpread => {
            "the anti-affinity is preferred and not required, or there are no more replicas than nodes"
        }
        AuditRule::ReplicasOnOneNode => "it has one replica, or there is a second node",
        AuditRule::NoClaim => "it has a claim, or is a Deployment if it keeps nothing",
        AuditRule::StartsTooEarly => {
            "the program tries again by itself, or an init container waits for what it needs"
        }
        AuditRule::NotBackedUp => "its data is copied by schedule, or it is accepted that it can be lost",
        AuditRule::RestoreNotTested => {
            "one copy was restored beside the original and its data looked at by a person, who ticks this"
        }
        AuditRule::ScalesOnOneNode => "it is removed, or there is a second node",
        AuditRule::FillsUp => "what fills it is known, and cleared, moved or given more room before that day",
        AuditRule::PlainSecret => {
            "the values are renewed where they are used, and the file holds them encrypted or not at all: what was in Git once stays in its history"
        }
    }
}
