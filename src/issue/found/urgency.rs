//! How urgent a finding is: one table, by rule.
//!
//! The colour of a finding says how it serves now, and not what is at stake: Ceph warns, in yellow, of a disk that is down,
//! and a backup that failed last night serves nobody less today. So what is broken, crashed or may be lost for good is named
//! here by its rule, whatever its colour; where no row fits, the colour decides. The same table stands in `docs/health.md`.

use crate::health::{Finding, Probe, Verdict};
use crate::issue::Priority;

/// Of which colour a row speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// Any that blocks.
    Any,
    /// This one.
    Only(Verdict),
}

/// A row: the first that fits decides.
#[derive(Debug)]
pub(super) struct Row {
    /// Of which probes.
    pub(super) probes: &'static [Probe],
    /// Which rules of theirs. A `*` stands for anything.
    pub(super) rules: &'static [&'static str],
    /// In which colour.
    pub(super) colour: Colour,
    /// How urgent.
    pub(super) priority: Priority,
}

const fn row(
    probes: &'static [Probe],
    rules: &'static [&'static str],
    colour: Colour,
    priority: Priority,
) -> Row {
    Row { probes, rules, colour, priority }
}

const RED: Colour = Colour::Only(Verdict::Red);
const YELLOW: Colour = Colour::Only(Verdict::Yellow);

/// What is urgent by what it is.
pub(super) const TABLE: [Row; 10] = [
    // A node that is down; one whose kubelet is silent looks well until its conditions are given up.
    row(&[Probe::Nodes], &["not-ready", "heartbeat-old"], Colour::Any, Priority::P0),
    // Crashes, and what ran on a node that is down.
    row(&[Probe::Pods, Probe::KubeSystem], &["crash-loop", "node-not-ready"], Colour::Any, Priority::P0),
    row(
        &[Probe::Ceph, Probe::CephTools],
        &[
            "RECENT_CRASH",
            "RECENT_MGR_MODULE_CRASH",
            // A copy is missing, or there is no room for another.
            "OSD_DOWN",
            "OSD_*_DOWN",
            "MON_DOWN",
            "PG_AVAILABILITY",
            "PG_DEGRADED",
            "PG_DAMAGED",
            "PG_RECOVERY_FULL",
            "PG_BACKFILL_FULL",
            "OBJECT_UNFOUND",
            "OSD_SCRUB_ERRORS",
            "OSD_FULL",
            "POOL_FULL",
        ],
        Colour::Any,
        Priority::P0,
    ),
    // The data lies on a volume that nobody looks at.
    row(&[Probe::Volumes], &["lost-data", "released-claim-waits"], Colour::Any, Priority::P0),
    // A copy that failed, or is late.
    row(
        &[Probe::VolSync],
        &["source-failed", "source-locked", "source-error", "source-overdue", "source-not-begun"],
        Colour::Any,
        Priority::P0,
    ),
    row(
        &[Probe::CloudNativePg],
        &["archiving-fails", "backup-failed", "backup-late", "schedule-missed"],
        Colour::Any,
        Priority::P0,
    ),
    // Versions and what ends on a day that is known; a Secret that anybody can read.
    row(&[Probe::Nodes], &["kubelet-newer", "kubelet-too-old", "version-behind"], Colour::Any, Priority::P1),
    row(&[Probe::Certificates], &["*"], YELLOW, Priority::P1),
    row(&[Probe::Audit], &["plain-secret"], YELLOW, Priority::P1),
    // What everything stands on.
    row(
        &[
            Probe::Nodes,
            Probe::KubeSystem,
            Probe::Ceph,
            Probe::CephTools,
            Probe::Capacity,
            Probe::Volumes,
            Probe::VolSync,
            Probe::CloudNativePg,
        ],
        &["*"],
        RED,
        Priority::P0,
    ),
];

impl Row {
    fn fits(&self, finding: &Finding) -> bool {
        let of_colour = match self.colour {
            Colour::Any => true,
            Colour::Only(verdict) => finding.verdict == verdict,
        };
        of_colour
            && self.probes.contains(&finding.id.probe)
            && self.rules.iter().any(|pattern| matches(pattern, &finding.id.rule))
    }
}

/// Whether a rule is what a pattern says, with one `*` in it at most.
fn matches(pattern: &str, rule: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == rule,
        Some((before, after)) => {
            rule.strip_prefix(before).is_some_and(|rest| rest.len() >= after.len() && rest.ends_with(after))
        }
    }
}

/// How urgent a finding is.
pub(super) fn priority(finding: &Finding) -> Priority {
    // Cleaning up, and what an audit would have better.
    if finding.informational {
        return Priority::P3;
    }
    if let Some(row) = TABLE.iter().find(|row| row.fits(finding)) {
        return row.priority;
    }
    match finding.verdict {
        // Nobody knows what hides behind what is not known.
        Verdict::Red | Verdict::Unknown => Priority::P1,
        Verdict::Yellow => Priority::P2,
        Verdict::Green => Priority::P3,
    }
}
