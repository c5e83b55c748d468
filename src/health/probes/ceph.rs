//! Ceph as Rook sees it: the health in the `CephCluster`'s status. Its phase and conditions stay Ready
//! at `HEALTH_ERR`.
//!
//! That daemons are down follows from their Deployments, where those are not well, and through them from a lost node: the
//! node first, then the pod, then the disk. Daemons of several versions are an upgrade that runs, or one that stopped halfway;
//! Ceph itself says so only after a week.
//!
//! | Rule | On | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|---|
//! | the check's name (`OSD_DOWN`) | CephCluster | YELLOW of a `HEALTH_WARN`, RED of a `HEALTH_ERR`, UNKNOWN of anything else; listed beside `HEALTH_OK`, and where the tools of its namespace say that it is muted: somebody muted it | `status.ceph.details` has it | no | |
//! | `health` | CephCluster | YELLOW at `HEALTH_WARN`, RED at `HEALTH_ERR` | `status.ceph.health` is worse than each check that counts, or there is none | no | |
//! | `health-unknown` | CephCluster | UNKNOWN | `status.ceph.health` is none of the three, or missing | no | |
//! | `muted` | CephCluster | listed | `status.ceph.health` names checks that are muted behind its word | | |
//! | `versions-differ` | CephCluster | YELLOW | `status.ceph.versions.overall` has several: an upgrade that runs, or stopped halfway | no | yes |
//! | `stale` | CephCluster | UNKNOWN | `status.ceph.lastChecked` is older than `health.ceph_maximum_age_seconds`, or missing | no | |
//! | `not-looked-since` | CephCluster | UNKNOWN | in the gate after a change: Rook asked Ceph before the rollout ended; not where `health.ceph_maximum_age_seconds` is more than ten minutes | until it asks again, within a minute | yes |
//! | `not-read` | the probe | UNKNOWN | the CephClusters could not be read | no | |

use super::{finding, judged, no_life, unused};
use crate::cluster::{CephCluster, ObjectRef, Workload};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What the tools say is muted: Rook's copy of the checks does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::health) struct Muted {
    /// Where they run: what they say is about the Ceph of that namespace.
    pub(in crate::health) namespace: String,
    /// The checks by name.
    pub(in crate::health) checks: BTreeSet<String>,
}

/// Judges all `CephClusters`.
pub(in crate::health) fn judge_ceph(
    clusters: &[CephCluster],
    workloads: &[Workload],
    now: Timestamp,
    settings: &Settings,
    muted: Option<&Muted>,
) -> ProbeResult {
    if clusters.is_empty() {
        return unused(Probe::Ceph, "no CephCluster");
    }
    let findings =
        clusters.iter().flat_map(|cluster| judge_cluster(cluster, workloads, now, settings, muted)).collect();
    let summary = clusters
        .iter()
        .map(|cluster| if cluster.health.is_empty() { "no health" } else { cluster.health.as_str() })
        .collect::<Vec<_>>()
        .join(", ");
    judged(Probe::Ceph, summary, findings)
}

/// One check of a health report.
pub(super) struct Check<'a> {
    pub(super) name: &'a str,
    pub(super) severity: &'a str,
    pub(super) message: &'a str,
    pub(super) muted: bool,
}

/// What a health word and its checks mean; shared with the tools, which tell the same in more words.
pub(super) fn judge_health(
    probe: Probe,
    object: &ObjectRef,
    health: &str,
    checks: &[Check<'_>],
) -> Vec<Finding> {
    let found = |rule: &str, verdict, message: String, evidence: String| {
        finding(probe, rule, object.clone(), verdict, message, evidence)
    };
    // `HEALTH_OK (muted: ...)` is what the command says in words.
    let (word, muted) = health.split_once(' ').unwrap_or((health, ""));
    let verdict = match word {
        "HEALTH_OK" => Verdict::Green,
        "HEALTH_WARN" => Verdict::Yellow,
        "HEALTH_ERR" => Verdict::Red,
        _ => {
            let message = format!("{object} does not say how it is");
            return vec![found("health-unknown", Verdict::Unknown, message, format!("health = {health:?}"))];
        }
    };
    let mut findings = Vec::new();
    if !muted.is_empty() {
        let message = format!("{object} has muted checks");
        findings.push(found("muted", Verdict::Yellow, message, health.to_owned()).listed_only());
    }
    for check in checks {
        let severity = match check.severity {
            "HEALTH_WARN" => Verdict::Yellow,
            "HEALTH_ERR" => Verdict::Red,
            _ => Verdict::Unknown,
        };
        let evidence = format!("{} {}: {}", check.severity, check.name, check.message);
        let message = format!("{object}: {}", check.message);
        let found = found(check.name, severity, message, evidence);
        // A check beside HEALTH_OK is muted: a person decided that, and it is named.
        findings.push(if check.muted || verdict == Verdict::Green { found.listed_only() } else { found });
    }
    let told = findings.iter().filter(|finding| !finding.informational).map(|finding| finding.verdict).max();
    if verdict > Verdict::Green && told < Some(verdict) {
        let message = format!("{object} reports {word}");
        findings.push(found("health", verdict, message, format!("health = {health}")));
    }
    findings
}

fn judge_cluster(
    cluster: &CephCluster,
    workloads: &[Workload],
    now: Timestamp,
    settings: &Settings,
    muted: Option<&Muted>,
) -> Vec<Finding> {
    let object = ObjectRef::new("CephCluster", &cluster.namespace, &cluster.name);
    let maximum = settings.ceph_maximum_age_seconds;
    let evidence = match cluster.last_checked {
        Some(checked) => no_life(now, checked, maximum, settings).map(|why| format!("lastChecked is {why}")),
        None => Some("no lastChecked".to_owned()),
    };
    let mut findings = Vec::new();
    if let Some(evidence) = evidence {
        let message = format!("Rook has not asked {object} for too long");
        let stale = finding(Probe::Ceph, "stale", object.clone(), Verdict::Unknown, message, evidence);
        findings.push(stale.since(cluster.last_checked.filter(|last| *last <= now)));
    }
    let theirs = muted.filter(|muted| muted.namespace == cluster.namespace);
    let is_muted = |check: &str| theirs.is_some_and(|muted| muted.checks.contains(check));
    let checks: Vec<Check<'_>> = cluster
        .checks
        .iter()
        .map(|check| Check {
            name: &check.name,
            severity: &check.severity,
            message: &check.message,
            muted: is_muted(&check.name),
        })
        .collect();
    if let [_, _, ..] = cluster.versions.as_slice() {
        let message = format!("{object} has daemons of several versions");
        let evidence = format!("status.ceph.versions.overall: {}", cluster.versions.join(", "));
        findings.push(finding(
            Probe::Ceph,
            "versions-differ",
            object.clone(),
            Verdict::Yellow,
            message,
            evidence,
        ));
    }
    findings.extend(judge_health(Probe::Ceph, &object, &cluster.health, &checks).into_iter().map(|found| {
        let down = down_of(&found.id.rule, cluster, workloads);
        // Since when a check is there nobody writes down, only since when the word is what it is.
        let since = cluster.changed_at.filter(|_| found.id.rule == "health");
        found.resting_on(down).since(since)
    }));
    findings
}

/// What a check that daemons are down would follow from: their Deployments, as Rook labels them.
fn down_of(check: &str, cluster: &CephCluster, workloads: &[Workload]) -> Grounds {
    let app = match check {
        "MON_DOWN" => "rook-ceph-mon",
        "MGR_DOWN" => "rook-ceph-mgr",
        // Of one, of a host, a rack, a data centre.
        _ if check.starts_with("OSD_") && check.ends_with("_DOWN") => "rook-ceph-osd",
        _ => return Grounds::default(),
    };
    let theirs = workloads.iter().filter(|workload| {
        workload.object.namespace == cluster.namespace
            && workload.labels.get("app").is_some_and(|label| label == app)
    });
    Grounds::any(theirs.map(|workload| workload.object.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules, workload};
    use super::*;
    use crate::cluster::CephCheck;
    use Verdict::{Green, Red, Unknown, Yellow};

    fn cluster(health: &str, checks: &[(&str, &str)], checked: Option<i64>) -> CephCluster {
        CephCluster {
            namespace: "rook-ceph".to_owned(),
            name: "rook-ceph".to_owned(),
            health: health.to_owned(),
            checks: checks
                .iter()
                .map(|(name, severity)| CephCheck {
                    name: (*name).to_owned(),
                    severity: (*severity).to_owned(),
                    message: "a sentence".to_owned(),
                })
                .collect(),
            last_checked: checked.map(ago),
            changed_at: Some(ago(700)),
            capacity: None,
            versions: vec!["ceph version 20.2.0 (0000) tentacle (stable)".to_owned()],
        }
    }

    #[test]
    fn every_rule_for_ceph() {
        type Case = (CephCluster, Vec<(&'static str, Verdict)>, usize);
        let cases: Vec<Case> = vec![
            (cluster("HEALTH_OK", &[], Some(60)), vec![], 0),
            (cluster("HEALTH_WARN", &[], Some(60)), vec![("health", Yellow)], 1),
            (
                cluster("HEALTH_WARN", &[("RECENT_CRASH", "HEALTH_WARN")], Some(60)),
                vec![("RECENT_CRASH", Yellow)],
                1,
            ),
            (cluster("HEALTH_ERR", &[("MON_DOWN", "HEALTH_ERR")], Some(60)), vec![("MON_DOWN", Red)], 1),
            (
                cluster("HEALTH_ERR", &[("OSD_DOWN", "HEALTH_WARN")], Some(60)),
                vec![("OSD_DOWN", Yellow), ("health", Red)],
                2,
            ),
            (cluster("HEALTH_OK", &[("OSD_SLOW", "HEALTH_WARN")], Some(60)), vec![], 1),
            (cluster("HEALTH_OK (muted: OSD_SLOW)", &[], Some(60)), vec![], 1),
            (cluster("HEALTH_FINE", &[], Some(60)), vec![("health-unknown", Unknown)], 1),
            (cluster("", &[], Some(60)), vec![("health-unknown", Unknown)], 1),
            (cluster("HEALTH_WARN", &[("X", "HEALTH_ODD")], Some(60)), vec![("X", Unknown)], 1),
            (cluster("HEALTH_OK", &[], Some(301)), vec![("stale", Unknown)], 1),
            (cluster("HEALTH_OK", &[], Some(-30)), vec![], 0),
            (cluster("HEALTH_OK", &[], Some(-31)), vec![("stale", Unknown)], 1),
            (cluster("HEALTH_OK", &[], None), vec![("stale", Unknown)], 1),
        ];
        for (cluster, expected, listed) in cases {
            let name = format!("{cluster:?}");
            let result = judge_ceph(&[cluster], &[], now(), &Settings::default(), None);
            assert_eq!(rules(&result), expected, "{name}");
            assert!(result.findings.iter().all(|finding| !finding.is_on_its_way()), "{name}");
            assert_eq!(result.findings.len(), listed, "{name}");
            assert_eq!(result.verdict, expected.iter().map(|(_, v)| *v).max().unwrap_or(Green), "{name}");
        }
    }

    #[test]
    fn what_is_muted_is_listed_by_its_name() {
        let listed = |cluster: CephCluster| {
            let result = judge_ceph(&[cluster], &[], now(), &Settings::default(), None);
            assert_eq!(result.verdict, Green);
            let of = |one: &Finding| (one.id.rule.clone(), one.verdict, one.informational);
            result.findings.iter().map(of).collect::<Vec<_>>()
        };
        let beside = cluster("HEALTH_OK", &[("OSD_SLOW", "HEALTH_ERR")], Some(60));
        assert_eq!(listed(beside), [("OSD_SLOW".to_owned(), Red, true)]);
        let word = cluster("HEALTH_OK (muted: OSD_SLOW)", &[], Some(60));
        assert_eq!(listed(word), [("muted".to_owned(), Yellow, true)]);
    }

    #[test]
    fn what_the_tools_say_is_muted_does_not_count_beside_what_is_not() {
        let muted = |namespace: &str| Muted {
            namespace: namespace.to_owned(),
            checks: ["OSD_SLOW".to_owned()].into(),
        };
        for (health, tools, expected) in [
            ("HEALTH_WARN", Some(muted("rook-ceph")), vec![("MON_DOWN", Yellow)]),
            ("HEALTH_ERR", Some(muted("rook-ceph")), vec![("MON_DOWN", Yellow), ("health", Red)]),
            ("HEALTH_WARN", Some(muted("elsewhere")), vec![("OSD_SLOW", Red), ("MON_DOWN", Yellow)]),
            ("HEALTH_WARN", None, vec![("OSD_SLOW", Red), ("MON_DOWN", Yellow)]),
        ] {
            let checks = [("OSD_SLOW", "HEALTH_ERR"), ("MON_DOWN", "HEALTH_WARN")];
            let both = cluster(health, &checks, Some(60));
            let result = judge_ceph(&[both], &[], now(), &Settings::default(), tools.as_ref());
            assert_eq!(rules(&result), expected, "{health} {tools:?}");
            assert!(result.findings.iter().any(|one| one.id.rule == "OSD_SLOW"), "it is named all the same");
            let since =
                |rule| result.findings.iter().find(|one| one.id.rule == rule).and_then(|one| one.since);
            assert_eq!(
                (since("MON_DOWN"), since("health")),
                (None, expected.get(1).filter(|(rule, _)| *rule == "health").map(|_| ago(700)))
            );
        }
    }

    #[test]
    fn daemons_of_several_versions_are_on_their_way() {
        let mut halfway = cluster("HEALTH_OK", &[], Some(60));
        halfway.versions.push("ceph version 19.2.3 (1111) squid (stable)".to_owned());
        let result = judge_ceph(&[halfway], &[], now(), &Settings::default(), None);
        assert_eq!(rules(&result), [("versions-differ", Yellow)]);
        assert!(result.findings[0].is_on_its_way(), "an upgrade that runs looks so as well");
        let silent = CephCluster { versions: Vec::new(), ..cluster("HEALTH_OK", &[], Some(60)) };
        assert_eq!(judge_ceph(&[silent], &[], now(), &Settings::default(), None).verdict, Green);
    }

    #[test]
    fn daemons_that_are_down_rest_on_their_own_deployments() {
        let workload = |namespace: &str, name: &str, app: &str| {
            let mut workload = workload(ObjectRef::new("Deployment", namespace, name));
            workload.labels.insert("app".to_owned(), app.to_owned());
            workload
        };
        let workloads = [
            workload("rook-ceph", "rook-ceph-osd-0", "rook-ceph-osd"),
            workload("rook-ceph", "rook-ceph-mon-a", "rook-ceph-mon"),
            workload("other", "rook-ceph-osd-0", "rook-ceph-osd"),
        ];
        for (check, theirs) in [
            ("OSD_DOWN", Some("rook-ceph-osd-0")),
            ("OSD_HOST_DOWN", Some("rook-ceph-osd-0")),
            ("MON_DOWN", Some("rook-ceph-mon-a")),
            ("MGR_DOWN", None),
            ("OSD_NEARFULL", None),
            ("RECENT_CRASH", None),
        ] {
            let warns = cluster("HEALTH_WARN", &[(check, "HEALTH_WARN")], Some(60));
            let result = judge_ceph(&[warns], &workloads, now(), &Settings::default(), None);
            let theirs = theirs.map(|name| ObjectRef::new("Deployment", "rook-ceph", name));
            assert_eq!(result.findings[0].grounds, Grounds::any(theirs), "{check}");
        }
    }

    #[test]
    fn no_cluster_is_not_used_here() {
        assert!(!judge_ceph(&[], &[], now(), &Settings::default(), None).used);
    }
}
