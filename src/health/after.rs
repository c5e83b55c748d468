//! What was said before a change had ended says nothing of it.
//!
//! A pass counts from its beginning, and what a reporter wrote a minute before that is a minute older: Ceph as it was asked
//! before the new version ran, an Application as it was compared before. In the gate after a change such an answer is
//! UNKNOWN until a newer one comes. Each comes by itself, in the interval of whoever gives it: Rook asks Ceph every minute, Argo CD looks at an
//! Application every three and a jitter of one, a kubelet looks at its disks and the metrics server at its nodes within a minute. Nobody is waited for
//! beyond that, and Argo CD is asked to look once: an answer that does not come grows older than its maximum age, and that is UNKNOWN by a rule of its own.
//!
//! Decided here: whoever looks by themselves less often than usual, as a maximum age of more than ten minutes tells
//! (`health.argocd_maximum_age_seconds`, `health.ceph_maximum_age_seconds`, `health.usage_maximum_age_seconds` of disks and of usage), is not
//! waited for, since no change would end in time; nor is an Application that nobody looks at because a person wants it so. Without a change in
//! flight nothing is asked.

use super::probes::{finding, no_life};
use super::{Finding, Probe, Settings, Verdict};
use crate::cluster::{Application, CephCluster, NodeStats, NodeUsage, ObjectRef};
use jiff::Timestamp;
use std::time::Duration;

/// The rule of an answer that is older than the change.
pub(crate) const NOT_LOOKED_SINCE: &str = "not-looked-since";

/// Who looks less often by itself is not waited for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Whether a maximum age tells that a newer answer comes soon.
fn comes_soon(maximum_age_seconds: u64) -> bool {
    Duration::from_secs(maximum_age_seconds) <= LONGEST_WAIT
}

/// A change in flight that has been rolled out, or undone and that rolled out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After<'a> {
    /// When that had ended.
    pub(crate) ended_at: Timestamp,
    /// The Applications that had to do something for it, by namespace and name or, in older journals, by name.
    pub(crate) affected: &'a [String],
}

impl After<'_> {
    /// Whether the change touched an Application that anybody looks at.
    pub(crate) fn is_to_look(&self, one: &Application) -> bool {
        let whole = format!("{}/{}", one.namespace, one.name);
        !one.skips_reconcile && self.affected.iter().any(|name| *name == whole || *name == one.name)
    }

    /// That whoever reports on an object has not looked since; `field` is what says so.
    fn older(
        &self,
        probe: Probe,
        object: ObjectRef,
        field: &str,
        looked: Option<Timestamp>,
    ) -> Option<Finding> {
        let looked = looked.filter(|at| *at < self.ended_at)?;
        let message =
            format!("nobody has looked at {object} since the rollout ended: what it says may be older");
        let evidence = format!("{field} = {looked}, the rollout ended at {}", self.ended_at);
        Some(finding(probe, NOT_LOOKED_SINCE, object, Verdict::Unknown, message, evidence))
    }

    /// Ceph as Rook asked it.
    pub(super) fn ceph(&self, clusters: &[CephCluster], settings: &Settings) -> Vec<Finding> {
        if !comes_soon(settings.ceph_maximum_age_seconds) {
            return Vec::new();
        }
        let older = |cluster: &CephCluster| {
            let object = ObjectRef::new("CephCluster", &cluster.namespace, &cluster.name);
            self.older(Probe::Ceph, object, "status.ceph.lastChecked", cluster.last_checked)
        };
        clusters.iter().filter_map(older).collect()
    }

    /// The Applications that the change touched.
    pub(super) fn applications(&self, applications: &[Application], settings: &Settings) -> Vec<Finding> {
        if !comes_soon(settings.argocd_maximum_age_seconds) {
            return Vec::new();
        }
        let older = |one: &Application| {
            self.older(Probe::ArgoCd, one.object(), "status.reconciledAt", one.reconciled_at)
        };
        applications.iter().filter(|one| self.is_to_look(one)).filter_map(older).collect()
    }

    /// The disk of a node, as its kubelet looked at it.
    pub(super) fn disk(&self, node: &str, stats: &NodeStats, settings: &Settings) -> Option<Finding> {
        let looked = stats.root.filter(|_| comes_soon(settings.usage_maximum_age_seconds))?.at;
        self.older(Probe::Capacity, ObjectRef::new("Node", "", node), "node.fs.time", looked)
    }

    /// What nodes use, as it was measured.
    /// Of figures that nobody measures any more none is waited for: those are nobody's loss.
    pub(super) fn usage(&self, usage: &[NodeUsage], now: Timestamp, settings: &Settings) -> Vec<Finding> {
        let maximum = settings.usage_maximum_age_seconds;
        if !comes_soon(maximum) {
            return Vec::new();
        }
        let lives = |one: &&NodeUsage| {
            one.measured_at.is_some_and(|at| no_life(now, at, maximum, settings).is_none())
        };
        let older = |one: &NodeUsage| {
            self.older(Probe::Usage, ObjectRef::new("Node", "", &one.name), "timestamp", one.measured_at)
        };
        usage.iter().filter(lives).filter_map(older).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::probes::applications_testing::application;
    use super::super::probes::testing::{ago, now};
    use super::*;
    use crate::cluster::Filesystem;

    fn names(affected: &[&str]) -> Vec<String> {
        affected.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn of_applications_those_that_a_change_touched_are_looked_at_again_first() {
        let settings = Settings::default();
        let seen = |seconds: i64| {
            let mut shop = application("shop");
            shop.reconciled_at = Some(ago(seconds));
            shop
        };
        let skipped = Application { skips_reconcile: true, ..seen(100) };
        let slow = Settings { argocd_maximum_age_seconds: 601, ..Settings::default() };
        for (name, one, affected, settings, expected) in [
            ("before the end", seen(100), names(&["argocd/shop"]), &settings, true),
            ("by its name alone", seen(100), names(&["shop"]), &settings, true),
            ("after it", seen(50), names(&["argocd/shop"]), &settings, false),
            ("at that very moment", seen(60), names(&["argocd/shop"]), &settings, false),
            ("not touched", seen(100), names(&["argocd/blog"]), &settings, false),
            ("nobody looks, as a person wants it", skipped, names(&["shop"]), &settings, false),
            ("nobody looks by itself", seen(100), names(&["shop"]), &slow, false),
        ] {
            let after = After { ended_at: ago(60), affected: &affected };
            let found = after.applications(&[one], settings);
            assert_eq!(!found.is_empty(), expected, "{name}");
            assert!(found.iter().all(|one| one.verdict == Verdict::Unknown && one.is_on_its_way()), "{name}");
        }
    }

    #[test]
    fn what_was_asked_or_measured_before_the_end_is_waited_for() {
        let after = After { ended_at: ago(60), affected: &[] };
        let ceph = |checked: Option<i64>| CephCluster {
            namespace: "rook-ceph".to_owned(),
            name: "rook-ceph".to_owned(),
            health: "HEALTH_OK".to_owned(),
            checks: Vec::new(),
            last_checked: checked.map(ago),
            changed_at: None,
            capacity: None,
            versions: Vec::new(),
        };
        let disk = |at: Option<i64>| NodeStats {
            root: Some(Filesystem { capacity: 1, available: 1, inodes: None, at: at.map(ago) }),
            images: None,
            claims: Vec::new(),
        };
        let usage = |at: Option<i64>| NodeUsage {
            name: "metal1".to_owned(),
            cpu_millis: 1,
            memory_bytes: 1,
            measured_at: at.map(ago),
        };
        let usual = Settings::default();
        for (at, expected) in [(Some(61), true), (Some(59), false), (None, false)] {
            let found = [
                after.ceph(&[ceph(at)], &usual),
                after.disk("metal1", &disk(at), &usual).into_iter().collect(),
                after.usage(&[usage(at)], now(), &usual),
            ];
            for found in found {
                assert_eq!(found.len(), usize::from(expected), "{at:?}: {found:?}");
                assert!(found.iter().all(Finding::is_on_its_way), "it undoes nothing");
            }
        }
        assert!(after.usage(&[usage(Some(301))], now(), &usual).is_empty(), "nobody measures");
        for (maximum, expected) in [(600, 1), (601, 0)] {
            let slow = Settings {
                ceph_maximum_age_seconds: maximum,
                usage_maximum_age_seconds: maximum,
                ..Settings::default()
            };
            assert_eq!(after.ceph(&[ceph(Some(61))], &slow).len(), expected, "{maximum}");
            assert_eq!(after.disk("metal1", &disk(Some(61)), &slow).iter().count(), expected, "{maximum}");
            assert_eq!(after.usage(&[usage(Some(61))], now(), &slow).len(), expected, "{maximum}");
        }
    }
}
