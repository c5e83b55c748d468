//! Our clock beside that of the API server.
//!
//! Every maximum age compares a time that somebody else wrote with our clock. Where that is slow, what is old looks new, and a
//! reporter that died an hour ago lives: no age says anything then. Two clocks do not tell which of them is wrong; the
//! kubelets renew their leases by a third, and each takes a side. Whose is wrong is said where at least three tell and all but one of
//! them agree: a kubelet on the host of either goes by its clock.

use super::finding;
use crate::cluster::{Clocks, Node, ObjectRef};
use crate::health::{Finding, Probe, Settings, Verdict};
use jiff::Timestamp;

/// Of fewer Leases than these the host of one clock may be most.
const TELLING: usize = 3;

/// The finding that the clocks differ by too much.
pub(super) fn judge_clocks(clocks: Clocks, nodes: &[Node], settings: &Settings) -> Option<Finding> {
    let Clocks { server, ours } = clocks;
    let apart = |one: Timestamp, other: Timestamp| one.duration_since(other).unsigned_abs();
    let difference = apart(ours, server);
    if difference <= settings.clocks_maximum_difference() {
        return None;
    }
    let leases: Vec<Timestamp> = nodes.iter().filter_map(|node| node.lease_renewed).collect();
    // The newest one that each may have written is no older than a look takes.
    let with_server = leases.iter().filter(|at| apart(**at, server) < apart(**at, ours)).count();
    let with_us = leases.len() - with_server;
    let whose = match (with_server, with_us) {
        (_, 0 | 1) if leases.len() >= TELLING => "mend that of the host on which caretaker runs",
        (0 | 1, _) if leases.len() >= TELLING => "mend that of the host on which the API server runs",
        _ => "mend the one that is wrong: the host's on which caretaker runs, or the API server's",
    };
    let side = if ours < server { "behind" } else { "ahead of" };
    let seconds = difference.as_secs();
    let message =
        format!("our clock is {seconds} s {side} that of the API server, and no age is known: {whose}");
    let evidence = format!(
        "Date of GET /version: {server}, ours: {ours}, allowed are {} s; of {} leases of kubelets {with_server} agree with the API server",
        settings.clocks_maximum_difference_seconds,
        leases.len()
    );
    let object = ObjectRef::new("Probe", "", Probe::Nodes.word());
    Some(finding(Probe::Nodes, "clocks-differ", object, Verdict::Unknown, message, evidence))
}

#[cfg(test)]
mod tests {
    use super::super::testing::ago;
    use super::*;

    #[test]
    fn clocks_that_differ_leave_no_age_known_and_the_kubelets_tell_whose_is_wrong() {
        let settings = Settings::default();
        let leases = |renewed: &[i64]| {
            let lease = |seconds: &i64| Node {
                name: "metal1".to_owned(),
                conditions: Vec::new(),
                unschedulable: false,
                kubelet_version: "v1.33.0".to_owned(),
                lease_renewed: Some(ago(*seconds)),
                marks: crate::cluster::NodeMarks::default(),
                allocatable: None,
            };
            renewed.iter().map(lease).collect::<Vec<Node>>()
        };
        let told = |ours: i64, server: i64, renewed: &[i64]| {
            let clocks = Clocks { server: ago(server), ours: ago(ours) };
            judge_clocks(clocks, &leases(renewed), &settings).map(|found| (found.verdict, found.message))
        };
        assert_eq!(told(0, 0, &[3]), None);
        assert_eq!(told(30, 0, &[3]), None, "as far as they may");
        assert_eq!(told(0, 30, &[3]), None);
        for (ours, server, renewed, side, whose) in [
            (
                3_600,
                0,
                [3, 7, 9].as_slice(),
                "3600 s behind that",
                "mend that of the host on which caretaker runs",
            ),
            (
                0,
                3_600,
                &[3_603, 3_607, 3_609],
                "3600 s ahead of that",
                "mend that of the host on which caretaker runs",
            ),
            (0, 45, &[3, 7, 9], "45 s ahead of that", "mend that of the host on which the API server runs"),
            (0, 45, &[3, 7, 48], "45 s ahead of that", "mend that of the host on which the API server runs"),
            (0, 45, &[46, 47, 8], "45 s ahead of that", "mend that of the host on which caretaker runs"),
            (0, 45, &[46, 47, 7, 8], "45 s ahead of that", "mend the one that is wrong"),
            (0, 45, &[3], "45 s ahead of that", "mend the one that is wrong"),
            (45, 0, &[3], "45 s behind that", "mend the one that is wrong"),
            (45, 0, &[3, 7], "45 s behind that", "mend the one that is wrong"),
            (45, 0, &[], "45 s behind that", "mend the one that is wrong"),
            (45, 0, &[3, 48], "45 s behind that", "mend the one that is wrong"),
        ] {
            let (verdict, message) = told(ours, server, renewed).expect("they differ");
            assert_eq!(verdict, Verdict::Unknown);
            assert!(message.contains(side) && message.contains(whose), "{message}");
        }
    }
}
