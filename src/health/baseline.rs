//! What was broken before a change, and whether what is new is the change's fault.
//!
//! Attribution is narrow on purpose: it can start a revert. Only a finding on an affected watcher's own objects is
//! attributed; time alone makes a suspicion.

use super::{Finding, FindingId, Probe, Recon};
use crate::cluster::Owner;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a new finding relates to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Attribution {
    /// The change did it: the reason.
    Attributed(String),
    /// It may have: the reason. A person decides.
    Suspected(String),
    /// It lies where the change cannot reach.
    Unrelated,
}

/// The findings that block now and did not before.
pub(crate) fn new_findings<'a>(before: &BTreeSet<FindingId>, after: &'a Recon) -> Vec<&'a Finding> {
    after.blocking().filter(|finding| !before.contains(&finding.id)).collect()
}

/// How each new finding relates to a change that affected these watchers. What follows from another is as that is: pods of
/// a changed workload that fail with their node are not the change's fault.
pub(crate) fn attributions(
    before: &BTreeSet<FindingId>,
    after: &Recon,
    affected: &[Owner],
) -> BTreeMap<FindingId, Attribution> {
    let new = new_findings(before, after);
    let by_themselves: BTreeMap<&FindingId, Attribution> =
        new.iter().map(|finding| (&finding.id, attribute(finding, affected))).collect();
    let whole = |finding: &&Finding| {
        let Some(cause) = &finding.cause else { return by_themselves[&finding.id].clone() };
        match by_themselves.get(cause) {
            Some(Attribution::Attributed(why)) => Attribution::Attributed(follows(finding, cause, why)),
            // That the cause may be something else's does not clear what the change did touch.
            Some(Attribution::Suspected(why)) => match &by_themselves[&finding.id] {
                Attribution::Attributed(why) => Attribution::Attributed(why.clone()),
                Attribution::Suspected(_) | Attribution::Unrelated => {
                    Attribution::Suspected(follows(finding, cause, why))
                }
            },
            // What was there before leads to nothing, nor does what follows from it.
            Some(Attribution::Unrelated) | None => Attribution::Unrelated,
        }
    };
    new.iter().map(|finding| (finding.id.clone(), whole(finding))).collect()
}

fn follows(finding: &Finding, cause: &FindingId, why: &str) -> String {
    let object = &finding.id.object;
    if *object == cause.object {
        why.to_owned()
    } else {
        format!("{object} follows from {}: {why}", cause.object)
    }
}

/// How a finding by itself relates to a change.
fn attribute(finding: &Finding, affected: &[Owner]) -> Attribution {
    let object = &finding.id.object;
    // An alert, an address that does not answer, a full volume and a node without memory say that something is wrong, and not what did it; an own check
    // may be about a kind of the same name in another group.
    if matches!(
        finding.id.probe,
        Probe::Alerts | Probe::Addresses | Probe::Capacity | Probe::Usage | Probe::Own
    ) {
        return Attribution::Suspected(format!("{} was well before", finding.id.object));
    }
    if matches!(finding.id.probe, Probe::DisruptionBudgets | Probe::Audit) {
        return Attribution::Suspected(format!(
            "{object} stops nothing that runs: nothing is undone for its sake"
        ));
    }
    // What a node's return does to its pods is over before long, and nobody's change.
    if finding.id.rule == "node-restarted" {
        return Attribution::Unrelated;
    }
    for watcher in affected.iter().filter(|_| !comes_by_itself(finding)) {
        if *object == watcher.object {
            return Attribution::Attributed(format!("{object} was changed by it"));
        }
        // What a watcher makes of other watchers is theirs: a child that breaks may break by itself.
        let own = watcher.owns.contains(object);
        if own && !matches!(object.kind.as_str(), "Application" | "ApplicationSet" | "Kustomization") {
            return Attribution::Attributed(format!(
                "{object} belongs to {}, which was changed by it",
                watcher.object
            ));
        }
    }
    // An object that an operator made is in no inventory; its namespace is the nearest that is known.
    for watcher in affected {
        let shares = watcher.owns.iter().any(|own| own.namespace == object.namespace);
        if !object.namespace.is_empty() && shares {
            return Attribution::Suspected(format!(
                "{object} is in a namespace of {}, which was changed by it",
                watcher.object
            ));
        }
    }
    match finding.id.probe {
        // A volume belongs to no namespace, and may be what a claim of the change left behind.
        Probe::Pods
        | Probe::Jobs
        | Probe::DisruptionBudgets
        | Probe::Services
        | Probe::KubeSystem
        | Probe::ArgoCd
        | Probe::Volumes
        | Probe::Own
        | Probe::Addresses
        | Probe::Alerts
        | Probe::Capacity
        | Probe::Flux
        | Probe::CloudNativePg
        | Probe::ExternalSecrets
        | Probe::ApiServices
        | Probe::Webhooks
        | Probe::Audit => Attribution::Suspected(format!(
            "{object} was well before and belongs to nothing that was changed"
        )),
        Probe::Nodes | Probe::Ceph | Probe::CephTools | Probe::Certificates | Probe::Usage => {
            Attribution::Unrelated
        }
        Probe::Snapshots | Probe::VolSync => Attribution::Unrelated,
    }
}

/// Whether it comes without a change as well, so that it is at most suspected: what is left over of pods that a node ended or that
/// were replaced, a memory that ran out, a container that has ended now and then for hours, a certificate, which ends by the clock and
/// is made by somebody outside.
fn comes_by_itself(finding: &Finding) -> bool {
    let FindingId { probe, rule, object } = &finding.id;
    match probe {
        Probe::Pods | Probe::KubeSystem => match rule.as_str() {
            "evicted" | "ended-by-node" | "oom-killed" | "restarts-grow" => true,
            // A pod that nobody made anew hangs on itself.
            "failed" => object.kind != "Pod",
            _ => false,
        },
        Probe::Certificates => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grounds;
    use super::super::Verdict;
    use super::super::causes::fold;
    use super::super::gate::testing::recon_at;
    use super::super::probes::applications_testing::application;
    use super::super::probes::testing::ago;
    use super::super::probes::{finding, judged};
    use super::*;
    use crate::cluster::{ApplicationResource, ObjectRef};

    #[test]
    fn only_an_affected_watchers_own_objects_are_attributed() {
        let mut shop = application("shop");
        let own = |kind, namespace, name| ApplicationResource {
            object: ObjectRef::new(kind, namespace, name),
            health: None,
        };
        shop.resources = vec![
            own("Deployment", "web", "shop"),
            own("Application", "argocd", "child"),
            own("Job", "web", "migrate"),
            own("PodDisruptionBudget", "web", "shop"),
            own("Certificate", "web", "shop"),
            own("Pod", "web", "once"),
        ];
        let on = |probe, kind, namespace, name| {
            let object = ObjectRef::new(kind, namespace, name);
            finding(probe, "rule", object, Verdict::Red, String::new(), String::new())
        };
        let rule = |rule, kind, namespace, name| {
            let object = ObjectRef::new(kind, namespace, name);
            finding(Probe::Pods, rule, object, Verdict::Red, String::new(), String::new())
        };
        let cases = [
            (on(Probe::ArgoCd, "Application", "argocd", "shop"), "attributed"),
            (on(Probe::Pods, "Deployment", "web", "shop"), "attributed"),
            (on(Probe::Pods, "Cluster", "web", "shop-db"), "suspected"),
            (on(Probe::Pods, "Deployment", "blog", "blog"), "suspected"),
            (on(Probe::ArgoCd, "Application", "argocd", "blog"), "suspected"),
            (on(Probe::KubeSystem, "DaemonSet", "kube-system", "cni"), "suspected"),
            (on(Probe::ArgoCd, "Application", "argocd", "child"), "suspected"),
            (on(Probe::Volumes, "PersistentVolumeClaim", "web", "data"), "suspected"),
            (on(Probe::Volumes, "PersistentVolume", "", "pvc-1"), "suspected"),
            (on(Probe::VolSync, "ReplicationSource", "blog", "data"), "unrelated"),
            (on(Probe::CloudNativePg, "Cluster", "db", "pg"), "suspected"),
            (on(Probe::Webhooks, "ValidatingWebhookConfiguration", "", "policy"), "suspected"),
            (on(Probe::Jobs, "Job", "web", "migrate"), "attributed"),
            (on(Probe::Jobs, "CronJob", "blog", "backup"), "suspected"),
            (on(Probe::DisruptionBudgets, "PodDisruptionBudget", "web", "shop"), "suspected"),
            (on(Probe::Audit, "Deployment", "web", "shop"), "suspected"),
            (on(Probe::Nodes, "Node", "", "metal1"), "unrelated"),
            (on(Probe::Ceph, "CephCluster", "rook-ceph", "rook-ceph"), "unrelated"),
            (rule("evicted", "Deployment", "web", "shop"), "suspected"),
            (rule("ended-by-node", "Deployment", "web", "shop"), "suspected"),
            (rule("failed", "Deployment", "web", "shop"), "suspected"),
            (rule("failed", "Pod", "web", "once"), "attributed"),
            (rule("oom-killed", "Deployment", "web", "shop"), "suspected"),
            (rule("restarts-grow", "Deployment", "web", "shop"), "suspected"),
            (rule("crash-loop", "Deployment", "web", "shop"), "attributed"),
            (rule("node-restarted", "Deployment", "web", "shop"), "unrelated"),
            (on(Probe::Certificates, "Certificate", "web", "shop"), "suspected"),
            (on(Probe::Certificates, "Certificate", "blog", "blog"), "unrelated"),
        ];
        for (finding, expected) in cases {
            let attribution = match attribute(&finding, &[Owner::from(&shop)]) {
                Attribution::Attributed(_) => "attributed",
                Attribution::Suspected(_) => "suspected",
                Attribution::Unrelated => "unrelated",
            };
            assert_eq!(attribution, expected, "{} {}", finding.id.rule, finding.id.object);
        }
    }

    #[test]
    fn what_follows_is_as_much_a_changes_fault_as_its_cause() {
        let mut shop = application("shop");
        let own =
            |kind, name| ApplicationResource { object: ObjectRef::new(kind, "web", name), health: None };
        shop.resources = vec![own("Deployment", "shop"), own("Deployment", "cart")];
        let affected = [Owner::from(&shop)];
        let on = |probe, rule, object: &ObjectRef, grounds| {
            let found = finding(probe, rule, object.clone(), Verdict::Red, String::new(), String::new());
            found.resting_on(grounds)
        };
        let (node, deployment) =
            (ObjectRef::new("Node", "", "metal1"), ObjectRef::new("Deployment", "web", "shop"));
        let pods = |grounds| on(Probe::Pods, "not-ready", &deployment, grounds);
        let degraded = || on(Probe::ArgoCd, "degraded", &shop.object(), Grounds::each([deployment.clone()]));
        let lost = || on(Probe::Nodes, "not-ready", &node, Grounds::default());
        let after = |findings: Vec<Finding>| {
            let mut probes = [judged(Probe::Pods, String::new(), findings)];
            fold(&mut probes);
            Recon { probes: probes.to_vec(), ..recon_at(ago(0), Verdict::Green) }
        };
        let words = |before: &BTreeSet<FindingId>, after: &Recon| -> Vec<(String, &'static str)> {
            let word = |attribution| match attribution {
                Attribution::Attributed(_) => "attributed",
                Attribution::Suspected(_) => "suspected",
                Attribution::Unrelated => "unrelated",
            };
            let all = attributions(before, after, &affected);
            all.into_iter().map(|(id, attribution)| (id.rule, word(attribution))).collect()
        };
        let rows = |rows: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            rows.iter().map(|(rule, word)| ((*rule).to_owned(), *word)).collect()
        };
        let nothing = BTreeSet::new();

        let its_own = after(vec![pods(Grounds::default()), degraded()]);
        assert_eq!(
            words(&nothing, &its_own),
            rows(&[("degraded", "attributed"), ("not-ready", "attributed")])
        );

        let nodes = after(vec![lost(), pods(Grounds::each([node.clone()])), degraded()]);
        let unrelated = [("not-ready", "unrelated"), ("degraded", "unrelated"), ("not-ready", "unrelated")];
        assert_eq!(words(&nothing, &nodes), rows(&unrelated));

        let before = [lost().id].into();
        let known = after(vec![lost(), pods(Grounds::each([node.clone()]))]);
        assert_eq!(words(&before, &known), rows(&[("not-ready", "unrelated")]));
    }

    #[test]
    fn what_was_there_before_is_not_new() {
        let after = recon_at(ago(0), Verdict::Red);
        assert_eq!(new_findings(&BTreeSet::new(), &after).len(), 1);
        let before = after.blocking().map(|finding| finding.id.clone()).collect();
        assert!(new_findings(&before, &after).is_empty());
    }
}
