//! How full the disks of nodes and the volumes of claims are.
//!
//! | Rule | On | Verdict | When | Forgiven |
//! |---|---|---|---|---|
//! | `disk-full` | node | YELLOW, RED | the disk that the kubelet writes to is as full as `health.disk_yellow_percent`, `health.disk_red_percent` | for `health.usage_hold_seconds`, as listed |
//! | `image-disk-full` | node | YELLOW, RED | the same of the disk of images, where that is another | the same |
//! | `disk-inodes` | node | YELLOW, RED | the same of its inodes | the same |
//! | `claim-full` | claim | YELLOW, RED | a volume is as full as `health.claim_yellow_percent`, `health.claim_red_percent` | the same |
//! | `claim-inodes` | claim | YELLOW, RED | the same of its inodes | the same |
//! | `usage-missing` | node | UNKNOWN | the kubelet does not say how full its disk is | never |
//! | `usage-old` | node, claim | UNKNOWN | what it says of a disk or volume is older than `health.usage_maximum_age_seconds` | never |
//! | `kubelet-not-read` | node | UNKNOWN | it could not be asked | never |
//! | `not-looked-since` | node | UNKNOWN | in the gate after a change: the kubelet looked at its disk before the rollout ended; not where `health.usage_maximum_age_seconds` is more than ten minutes | until it looks again, within a minute |

use super::{finding, judged, no_life};
use crate::cluster::{ClaimUsage, ClusterResult, Filesystem, NodeStats, ObjectRef};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Judges what each node's kubelet said, or why it said nothing.
pub(in crate::health) fn judge_capacity(
    nodes: &[(String, ClusterResult<NodeStats>)],
    now: Timestamp,
    settings: &Settings,
) -> ProbeResult {
    let disks = Limits::of(settings.disk_yellow_percent, settings.disk_red_percent);
    let volumes = Limits::of(settings.claim_yellow_percent, settings.claim_red_percent);
    let mut findings = Vec::new();
    let mut claims: BTreeMap<(&str, &str), &ClaimUsage> = BTreeMap::new();
    for (node, answer) in nodes {
        let object = ObjectRef::new("Node", "", node);
        let unknown = |rule, message: &str, evidence: String| {
            let message = format!("{message} of node {node}");
            finding(Probe::Capacity, rule, object.clone(), Verdict::Unknown, message, evidence)
                .resting_on(Grounds::each([object.clone()]))
        };
        let stats = match answer {
            Ok(stats) => stats,
            Err(error) => {
                let message = "nobody could ask the kubelet";
                findings.push(unknown("kubelet-not-read", message, error.to_string()));
                continue;
            }
        };
        let Some(root) = stats.root else {
            let evidence = "no capacity under node.fs of stats/summary".to_owned();
            findings.push(unknown(
                "usage-missing",
                "the kubelet does not say how full the disk is",
                evidence,
            ));
            continue;
        };
        if let Some(evidence) = too_old(root.at, now, settings) {
            findings.push(unknown("usage-old", "old is what is known of the disk", evidence));
            continue;
        }
        let images = stats.images.filter(|images| !is_one(images, &root));
        findings.extend(disks.judge(&object, "disk-full", "disk-inodes", "the disk", &root));
        if let Some(images) = images {
            findings.extend(disks.judge(
                &object,
                "image-disk-full",
                "disk-inodes",
                "the disk of images",
                &images,
            ));
        }
        for claim in &stats.claims {
            let known = claims.entry((&claim.namespace, &claim.name)).or_insert(claim);
            // Several nodes may have it, and one may have looked before the others.
            if claim.filesystem.at > known.filesystem.at {
                *known = claim;
            }
        }
    }
    for ((namespace, name), claim) in &claims {
        let object = ObjectRef::new("PersistentVolumeClaim", namespace, name);
        if let Some(evidence) = too_old(claim.filesystem.at, now, settings) {
            let message = format!("what is known of how full {object} is is old");
            findings.push(finding(Probe::Capacity, "usage-old", object, Verdict::Unknown, message, evidence));
            continue;
        }
        findings.extend(volumes.judge(
            &object,
            "claim-full",
            "claim-inodes",
            "the volume",
            &claim.filesystem,
        ));
    }
    judged(Probe::Capacity, format!("{} disks and {} volumes read", nodes.len(), claims.len()), findings)
}

/// Why a figure says nothing of now.
fn too_old(at: Option<Timestamp>, now: Timestamp, settings: &Settings) -> Option<String> {
    let Some(at) = at else { return Some("nobody says when it was looked at".to_owned()) };
    no_life(now, at, settings.usage_maximum_age_seconds, settings)
}

/// Whether two answers are about one disk. Two drives of the same size are told apart by how full they are: where that is nearly
/// the same, what is said of one says the other.
fn is_one(one: &Filesystem, other: &Filesystem) -> bool {
    one.capacity == other.capacity
        && one.inodes.map(|(_, all)| all) == other.inodes.map(|(_, all)| all)
        && one.available.abs_diff(other.available) <= one.capacity / 100
}

/// From how full on it is YELLOW and RED, in percent.
struct Limits {
    yellow: u64,
    red: u64,
}

impl Limits {
    fn of(yellow: u8, red: u8) -> Self {
        Self { yellow: yellow.into(), red: red.into() }
    }

    fn judge(
        &self,
        object: &ObjectRef,
        bytes: &str,
        inodes: &str,
        what: &str,
        of: &Filesystem,
    ) -> impl Iterator<Item = Finding> {
        let said = |verdict, rule: &str, message: String, evidence: String| {
            finding(Probe::Capacity, rule, object.clone(), verdict, message, evidence)
        };
        let full = percent(of.available, of.capacity);
        let of_bytes = self.verdict(full).map(|verdict| {
            let evidence = format!("{} of {} available", size(of.available), size(of.capacity));
            said(verdict, bytes, format!("{what} of {object} is {full} % full"), evidence)
        });
        let of_inodes = of.inodes.and_then(|(free, all)| {
            let full = percent(free, all);
            let verdict = self.verdict(full)?;
            let evidence = format!("{free} of {all} inodes free");
            Some(said(
                verdict,
                inodes,
                format!("{full} % of the inodes of {what} of {object} are used"),
                evidence,
            ))
        });
        of_bytes.into_iter().chain(of_inodes)
    }

    fn verdict(&self, full: u64) -> Option<Verdict> {
        match full {
            full if full >= self.red => Some(Verdict::Red),
            full if full >= self.yellow => Some(Verdict::Yellow),
            _ => None,
        }
    }
}

/// How much is used, rounded down.
fn percent(free: u64, all: u64) -> u64 {
    let used = u128::from(all.saturating_sub(free));
    u64::try_from(used * 100 / u128::from(all.max(1))).unwrap_or(100)
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::ClusterError;
    use Verdict::{Red, Unknown, Yellow};

    fn disk(available: u64) -> Filesystem {
        Filesystem { capacity: 1_000, available, inodes: Some((900, 1_000)), at: Some(ago(30)) }
    }

    fn stats(root: Filesystem) -> NodeStats {
        NodeStats { root: Some(root), images: Some(root), claims: Vec::new() }
    }

    fn claim(available: u64, at: i64) -> ClaimUsage {
        let filesystem = Filesystem { at: Some(ago(at)), ..disk(available) };
        ClaimUsage { namespace: "web".to_owned(), name: "data".to_owned(), filesystem }
    }

    fn judge(nodes: Vec<(&str, ClusterResult<NodeStats>)>) -> ProbeResult {
        let nodes: Vec<_> = nodes.into_iter().map(|(name, answer)| (name.to_owned(), answer)).collect();
        judge_capacity(&nodes, now(), &Settings::default())
    }

    #[test]
    fn every_rule_for_what_is_full() {
        type Case = (&'static str, NodeStats, &'static [(&'static str, Verdict)]);
        let well = || stats(disk(500));
        let images = |available| NodeStats {
            images: Some(Filesystem { capacity: 2_000, ..disk(available) }),
            ..well()
        };
        let claims = |claims| NodeStats { claims, ..well() };
        let inodes = |free| stats(Filesystem { inodes: Some((free, 1_000)), ..disk(500) });
        let at = |at| stats(Filesystem { at, ..disk(500) });
        let claim_inodes = |free| {
            let mut one = claim(500, 30);
            one.filesystem.inodes = Some((free, 1_000));
            claims(vec![one])
        };
        let cases: [Case; 23] = [
            ("well", well(), &[]),
            ("84 %", stats(disk(151)), &[]),
            ("85 %", stats(disk(150)), &[("disk-full", Yellow)]),
            ("94 %", stats(disk(51)), &[("disk-full", Yellow)]),
            ("95 %", stats(disk(50)), &[("disk-full", Red)]),
            ("no byte left", stats(disk(0)), &[("disk-full", Red)]),
            ("more than all is free", stats(disk(2_000)), &[]),
            ("images are elsewhere", images(100), &[("image-disk-full", Red)]),
            ("inodes", inodes(120), &[("disk-inodes", Yellow)]),
            ("no inode left", inodes(0), &[("disk-inodes", Red)]),
            ("a disk without a limit of inodes", stats(Filesystem { inodes: None, ..disk(500) }), &[]),
            ("a volume", claims(vec![claim(150, 30)]), &[("claim-full", Yellow)]),
            ("inodes of a volume", claim_inodes(150), &[("claim-inodes", Yellow)]),
            ("none left of a volume", claim_inodes(0), &[("claim-inodes", Red)]),
            ("enough of them", claim_inodes(151), &[]),
            (
                "two disks of the same size",
                NodeStats { images: Some(disk(10)), ..well() },
                &[("image-disk-full", Red)],
            ),
            ("looked at in the future", at(Some(ago(-31))), &[("usage-old", Unknown)]),
            ("a full volume", claims(vec![claim(10, 30)]), &[("claim-full", Red)]),
            ("the newest look counts", claims(vec![claim(10, 90), claim(500, 30)]), &[]),
            ("no disk", NodeStats { root: None, ..well() }, &[("usage-missing", Unknown)]),
            ("a volume that hangs", claims(vec![claim(500, 301)]), &[("usage-old", Unknown)]),
            ("old", at(Some(ago(301))), &[("usage-old", Unknown)]),
            ("no time", at(None), &[("usage-old", Unknown)]),
        ];
        for (name, stats, expected) in cases {
            assert_eq!(rules(&judge(vec![("metal1", Ok(stats))])), expected, "{name}");
        }
    }

    #[test]
    fn a_kubelet_that_cannot_be_asked_is_unknown_and_costs_no_other() {
        let refused = ClusterError::Forbidden { what: "GET".to_owned(), said: "nodes/proxy".to_owned() };
        let result = judge(vec![("metal1", Err(refused)), ("metal2", Ok(stats(disk(10))))]);
        assert_eq!(rules(&result), [("kubelet-not-read", Unknown), ("disk-full", Red)]);
        assert_eq!(judge(Vec::new()).verdict, Verdict::Green, "no node at all is said by the probe of nodes");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
