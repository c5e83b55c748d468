//! Ceph as the command in the tools pod tells it: muted checks by name, OSDs, placement groups, usage.
//!
//! | Rule | On | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|---|
//! | the check's name (`OSD_DOWN`) | `Ceph NAMESPACE/ceph` | YELLOW of a `HEALTH_WARN`, RED of a `HEALTH_ERR`, UNKNOWN of anything else; listed where it is muted, or beside `HEALTH_OK` | `health.checks` has it | no | |
//! | `health` | the same | YELLOW at `HEALTH_WARN`, RED at `HEALTH_ERR` | `health.status` is worse than each check that counts, or there is none | no | |
//! | `health-unknown` | the same | UNKNOWN | `health.status` is none of the three, or missing | no | |
//! | `muted` | the same | listed | `health.status` names checks that are muted behind its word | | |
//! | `osds` | the same | listed | fewer OSDs are up, or in, than there are: what went out and was made good for elsewhere leaves `HEALTH_OK` behind | | |
//! | `not-read` | the probe | UNKNOWN | the command could not be run, ended with another code than 0, or said what is no JSON | no | |

use super::ceph::{Check, Muted, judge_health};
use super::{finding, judged, unread};
use crate::cluster::{ExecOutput, ObjectRef};
use crate::health::{Figure, Probe, ProbeResult, Verdict};
use serde_json::Value;

/// What `ceph status --format json` told, for the report and the judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::health) struct ToolsReading {
    /// The answer of the probe.
    pub(in crate::health) result: ProbeResult,
    /// Up, in, all.
    pub(in crate::health) osds: Figure<(u64, u64, u64)>,
    /// Used and in total.
    pub(in crate::health) usage: Figure<(u64, u64)>,
    /// By state.
    pub(in crate::health) placement_groups: Figure<String>,
    /// Which checks are muted, where it was read.
    pub(in crate::health) muted: Option<Muted>,
}

impl ToolsReading {
    /// Nothing was read.
    pub(in crate::health) fn none(result: ProbeResult, why: &str) -> Self {
        Self {
            result,
            osds: Figure::NotRead(why.to_owned()),
            usage: Figure::NotRead(why.to_owned()),
            placement_groups: Figure::NotRead(why.to_owned()),
            muted: None,
        }
    }
}

/// Judges the answer of `ceph status --format json`.
pub(in crate::health) fn judge_ceph_tools(namespace: &str, output: &ExecOutput) -> ToolsReading {
    if output.exit_code != 0 {
        let said: String = output.stderr.trim().chars().take(200).collect();
        let why = format!("`ceph status` ended with {}: {said}", output.exit_code);
        return ToolsReading::none(unread(Probe::CephTools, &why), &why);
    }
    let status: Value = match serde_json::from_str(&output.stdout) {
        Ok(status) => status,
        Err(error) => {
            let why = format!("`ceph status` is no JSON: {error}");
            return ToolsReading::none(unread(Probe::CephTools, &why), &why);
        }
    };
    let object = ObjectRef::new("Ceph", namespace, "ceph");
    let health = status["health"]["status"].as_str().unwrap_or_default();
    let described: Vec<Check<'_>> = status["health"]["checks"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, check)| Check {
            name,
            severity: check["severity"].as_str().unwrap_or_default(),
            message: check["summary"]["message"].as_str().unwrap_or_default(),
            muted: check["muted"].as_bool().unwrap_or(false),
        })
        .collect();
    let muted = described.iter().filter(|check| check.muted).map(|check| check.name.to_owned()).collect();
    let muted = Some(Muted { namespace: namespace.to_owned(), checks: muted });
    let mut findings = judge_health(Probe::CephTools, &object, health, &described);
    // Older releases nest the map in itself.
    let map = &status["osdmap"];
    let map = if map["osdmap"].is_object() { &map["osdmap"] } else { map };
    let numbers = ["num_up_osds", "num_in_osds", "num_osds"].map(|field| map[field].as_u64());
    let osds = match numbers {
        [Some(up), Some(inside), Some(all)] => Figure::Read((up, inside, all)),
        _ => Figure::NotRead("`ceph status` names no OSDs".to_owned()),
    };
    // An OSD that went out and was made good for elsewhere leaves HEALTH_OK behind.
    if let Figure::Read((up, inside, all)) = osds
        && (up < all || inside < all)
    {
        let evidence = format!("{up} up, {inside} in, of {all}");
        let message = "not every OSD is up and in".to_owned();
        findings.push(
            finding(Probe::CephTools, "osds", object, Verdict::Yellow, message, evidence).listed_only(),
        );
    }
    let groups = &status["pgmap"];
    let usage = match (groups["bytes_used"].as_u64(), groups["bytes_total"].as_u64()) {
        (Some(used), Some(total)) => Figure::Read((used, total)),
        _ => Figure::NotRead("`ceph status` names no usage".to_owned()),
    };
    let by_state: Vec<String> = groups["pgs_by_state"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|state| Some(format!("{} {}", state["count"].as_u64()?, state["state_name"].as_str()?)))
        .collect();
    let placement_groups = if by_state.is_empty() {
        Figure::NotRead("`ceph status` names no placement groups".to_owned())
    } else {
        Figure::Read(by_state.join(", "))
    };
    let summary = match &osds {
        Figure::Read((up, inside, all)) => format!("{health}, OSDs: {up} up, {inside} in, of {all}"),
        Figure::NotRead(_) => health.to_owned(),
    };
    let result = judged(Probe::CephTools, summary, findings);
    ToolsReading { result, osds, usage, placement_groups, muted }
}

#[cfg(test)]
mod tests {
    use super::super::testing::rules;
    use super::*;
    use serde_json::json;

    fn output(exit_code: i32, stdout: &str) -> ExecOutput {
        ExecOutput { stdout: stdout.to_owned(), stderr: "trouble".to_owned(), exit_code }
    }

    fn status(health: &str, checks: &Value) -> ExecOutput {
        let status = json!({
            "health": {"status": health, "checks": checks, "mutes": []},
            "osdmap": {"num_osds": 12, "num_up_osds": 12, "num_in_osds": 12},
            "pgmap": {"pgs_by_state": [{"state_name": "active+clean", "count": 169}], "num_pgs": 169,
                "bytes_used": 3, "bytes_total": 8},
        });
        output(0, &status.to_string())
    }

    #[test]
    fn figures_come_from_the_status() {
        let read = judge_ceph_tools("rook-ceph", &status("HEALTH_OK", &json!({})));
        assert_eq!(read.osds, Figure::Read((12, 12, 12)));
        assert_eq!(read.usage, Figure::Read((3, 8)));
        assert_eq!(read.placement_groups, Figure::Read("169 active+clean".to_owned()));
        assert_eq!(read.result.verdict, Verdict::Green);
        let older = json!({"health": {"status": "HEALTH_OK"},
            "osdmap": {"osdmap": {"num_osds": 3, "num_up_osds": 2, "num_in_osds": 3}}});
        let read = judge_ceph_tools("rook-ceph", &output(0, &older.to_string()));
        assert_eq!(read.osds, Figure::Read((2, 3, 3)));
        assert!(matches!(read.usage, Figure::NotRead(_)));
        assert_eq!(read.result.findings.len(), 1, "named, and not blocking");
    }

    #[test]
    fn muted_checks_are_named_and_do_not_block() {
        let check = |muted: bool| json!({"RECENT_CRASH": {"severity": "HEALTH_WARN", "summary": {"message": "crashed"}, "muted": muted}});
        let muted = judge_ceph_tools("rook-ceph", &status("HEALTH_OK", &check(true)));
        assert_eq!((muted.result.verdict, muted.result.findings.len()), (Verdict::Green, 1));
        let loud = judge_ceph_tools("rook-ceph", &status("HEALTH_WARN", &check(false)));
        assert_eq!(rules(&loud.result), [("RECENT_CRASH", Verdict::Yellow)]);
    }

    #[test]
    fn every_rule_for_the_tools() {
        use Verdict::{Red, Unknown, Yellow};
        let check = |severity: &str, muted: bool| json!({"OSD_DOWN": {"severity": severity, "summary": {"message": "down"}, "muted": muted}});
        let none = json!({});
        for (health, checks, expected) in [
            ("HEALTH_OK", &none, vec![]),
            ("HEALTH_OK", &check("HEALTH_ERR", false), vec![("OSD_DOWN", Red, true)]),
            ("HEALTH_WARN", &check("HEALTH_WARN", false), vec![("OSD_DOWN", Yellow, false)]),
            ("HEALTH_ERR", &check("HEALTH_ERR", false), vec![("OSD_DOWN", Red, false)]),
            ("HEALTH_WARN", &check("HEALTH_ODD", false), vec![("OSD_DOWN", Unknown, false)]),
            (
                "HEALTH_ERR",
                &check("HEALTH_WARN", true),
                vec![("OSD_DOWN", Yellow, true), ("health", Red, false)],
            ),
            ("HEALTH_WARN", &none, vec![("health", Yellow, false)]),
            ("HEALTH_OK (muted: OSD_DOWN)", &none, vec![("muted", Yellow, true)]),
            ("HEALTH_FINE", &none, vec![("health-unknown", Unknown, false)]),
            ("", &none, vec![("health-unknown", Unknown, false)]),
        ] {
            let read = judge_ceph_tools("rook-ceph", &status(health, checks)).result;
            let of = |one: &crate::health::Finding| (one.id.rule.clone(), one.verdict, one.informational);
            let found: Vec<_> = read.findings.iter().map(of).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(rule, verdict, listed)| (rule.to_owned(), verdict, listed))
                .collect();
            assert_eq!(found, expected, "{health} {checks}");
            let object = |one: &crate::health::Finding| one.id.object.to_string() == "Ceph rook-ceph/ceph";
            assert!(read.findings.iter().all(object), "{health}");
        }
        for (up, inside) in [(11, 12), (12, 11)] {
            let missing = json!({"health": {"status": "HEALTH_OK"},
                "osdmap": {"num_osds": 12, "num_up_osds": up, "num_in_osds": inside}});
            let read = judge_ceph_tools("rook-ceph", &output(0, &missing.to_string())).result;
            let [osds] = read.findings.as_slice() else { panic!("{:?}", read.findings) };
            assert_eq!((osds.id.rule.as_str(), osds.informational), ("osds", true), "{up} {inside}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for output in [output(1, ""), output(0, "not json"), output(0, "{}")] {
            let read = judge_ceph_tools("rook-ceph", &output);
            assert_eq!(read.result.verdict, Verdict::Unknown, "{output:?}");
            assert!(matches!(read.osds, Figure::NotRead(_)));
            let rule = if output.stdout == "{}" { "health-unknown" } else { "not-read" };
            assert_eq!(rules(&read.result), [(rule, Verdict::Unknown)], "{output:?}");
        }
    }
}
