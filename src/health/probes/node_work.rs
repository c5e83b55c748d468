//! Who works on a node: kured, the system-upgrade controller, the cluster autoscaler.
//!
//! Each of them cordons a node, and the first two start it again or bring it to another version. That is no fault, and ends by
//! itself; whatever takes longer than it may, or does not say since when, is one. What they hold is told by a lock on
//! kured's `DaemonSet`, by kured's mark on the node, by a Job of a plan, and by the autoscaler's taint.

use super::{age, finding};
use crate::cluster::{Job, Node, Workload};
use crate::health::{Finding, Probe, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::time::Duration;

/// The annotation of kured's `DaemonSet` that names the nodes which are being started again.
pub(super) const KURED_LOCK: &str = "weave.works/kured-node-lock";

/// Somebody's work on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// Who.
    pub(super) who: String,
    /// Since when, where that is told.
    pub(super) since: Option<Timestamp>,
    /// What says so.
    pub(super) evidence: String,
}

impl Work {
    /// Whether it has not taken longer than it may.
    pub(super) fn is_in_time(&self, now: Timestamp, maximum: Duration) -> bool {
        self.since.is_some_and(|since| age(now, since) <= maximum)
    }
}

/// What kured's locks say of nodes.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Vec<(String, Work)>,
    /// Those that could not be read.
    pub(super) unreadable: Vec<Finding>,
}

impl Locks {
    /// The locks on these workloads that are held now.
    pub(super) fn of(workloads: &[Workload], now: Timestamp) -> Self {
        let mut locks = Self::default();
        for workload in workloads {
            let Some(lock) = workload.annotations.get(KURED_LOCK).filter(|lock| !lock.is_empty()) else {
                continue;
            };
            match serde_json::from_str::<Value>(lock).ok().as_ref().and_then(holders) {
                Some(holders) => {
                    let held =
                        holders.into_iter().filter(|holder| holder.until.is_none_or(|until| until > now));
                    locks.held.extend(held.map(|holder| {
                        let evidence = format!("annotation {KURED_LOCK} of {} names it", workload.object);
                        (holder.node, Work { who: "kured".to_owned(), since: holder.since, evidence })
                    }));
                }
                None => locks.unreadable.push(finding(
                    Probe::Nodes,
                    "lock-unreadable",
                    workload.object.clone(),
                    Verdict::Unknown,
                    format!("the lock of {} names no node that could be read", workload.object),
                    format!("annotation {KURED_LOCK} is no lock that is known"),
                )),
            }
        }
        locks
    }

    /// Who works on a node.
    pub(super) fn work_on(&self, node: &Node, jobs: &[Job], is_ready: bool) -> Option<Work> {
        let locked = self.held.iter().find(|(name, _)| *name == node.name).map(|(_, work)| work.clone());
        locked.or_else(|| upgrade_of(node, jobs)).or_else(|| marked(node, is_ready))
    }
}

/// Who holds a lock, since when, and until when at most.
struct Holder {
    node: String,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// The holders of a lock: one, or several where kured is told to start several nodes at once.
fn holders(lock: &Value) -> Option<Vec<Holder>> {
    match lock.get("locks") {
        Some(locks) => locks.as_array()?.iter().map(holder).collect(),
        None => Some(vec![holder(lock)?]),
    }
}

fn holder(lock: &Value) -> Option<Holder> {
    let node = lock["nodeID"].as_str().filter(|node| !node.is_empty())?.to_owned();
    let since: Option<Timestamp> = lock["created"].as_str().and_then(|time| time.parse().ok());
    // In nanoseconds; none lasts until it is given back.
    let lasts = lock["TTL"].as_i64().filter(|lasts| *lasts > 0).map(SignedDuration::from_nanos);
    let until = since.zip(lasts).and_then(|(since, lasts)| since.checked_add(lasts).ok());
    Some(Holder { node, since, until })
}

/// A Job of the system-upgrade controller that runs for a node.
fn upgrade_of(node: &Node, jobs: &[Job]) -> Option<Work> {
    jobs.iter().filter(|job| super::jobs::is_running(job)).find_map(|job| {
        let upgrade = job.upgrades.as_ref().filter(|upgrade| upgrade.node == node.name)?;
        Some(Work {
            who: format!("the system-upgrade controller (plan {})", upgrade.plan),
            since: job.started_at.or(job.created_at),
            evidence: format!("{} runs", job.object),
        })
    })
}

/// What the node itself says. kured's mark is there while the node waits for its turn as well, so work is only what shows on
/// the node besides.
fn marked(node: &Node, is_ready: bool) -> Option<Work> {
    let marks = &node.marks;
    if let Some(mark) = &marks.taken_away {
        return Some(Work {
            who: "the cluster autoscaler".to_owned(),
            since: mark.since,
            evidence: "taint ToBeDeletedByClusterAutoscaler".to_owned(),
        });
    }
    let mark = marks.reboot?;
    let by_kured = marks.cordoned_by.as_deref().is_none_or(|who| who.contains("kured"));
    let shows = (node.unschedulable && by_kured) || !is_ready;
    shows.then(|| Work {
        who: "kured".to_owned(),
        since: mark.since.max(marks.cordoned_at),
        evidence: "annotation weave.works/kured-reboot-in-progress".to_owned(),
    })
}
