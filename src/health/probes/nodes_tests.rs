use super::super::node_work::KURED_LOCK;
use super::super::testing::{ago, now, rules, workload};
use super::*;
use crate::cluster::{ClusterError, Mark, NodeMarks, NodeUpgrade};
use Verdict::{Red, Unknown, Yellow};

fn on(kind: &str, status: ConditionStatus) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: "Reason".to_owned(),
        message: String::new(),
        since: Some(ago(900)),
        heartbeat: Some(ago(60)),
    }
}

fn node() -> Node {
    Node {
        name: "metal1".to_owned(),
        conditions: vec![on("Ready", ConditionStatus::True), on("DiskPressure", ConditionStatus::False)],
        unschedulable: false,
        kubelet_version: "v1.33.0".to_owned(),
        lease_renewed: Some(ago(5)),
        marks: NodeMarks::default(),
        allocatable: None,
    }
}

/// Judges nodes of a server of their own version.
fn judge(nodes: &[Node], workloads: &[Workload], jobs: &[Job]) -> ProbeResult {
    let server = Ok("v1.33.0".to_owned());
    let reading = NodesReading { nodes, server: &server, clocks: None, workloads, jobs };
    judge_nodes(&reading, now(), &Settings::default())
}

#[test]
fn every_rule_for_a_node() {
    use ConditionStatus as Status;
    type Case = (&'static str, Node, Vec<(&'static str, Verdict)>);
    let with = |change: fn(&mut Node)| {
        let mut node = node();
        change(&mut node);
        node
    };
    let cases: Vec<Case> = vec![
        ("good", node(), vec![]),
        ("not ready", with(|n| n.conditions[0].status = Status::False), vec![("not-ready", Red)]),
        (
            "lost",
            with(|n| {
                n.conditions = vec![on("Ready", Status::Unknown), on("DiskPressure", Status::Unknown)];
            }),
            vec![("not-ready", Red)],
        ),
        ("says nothing", with(|n| n.conditions.clear()), vec![("ready-missing", Unknown)]),
        ("cordoned", with(|n| n.unschedulable = true), vec![("cordoned", Yellow)]),
        ("pressure", with(|n| n.conditions[1].status = Status::True), vec![("disk-pressure", Yellow)]),
        (
            "pressure unknown",
            with(|n| n.conditions[1].status = Status::Unknown),
            vec![("disk-pressure", Unknown)],
        ),
        (
            "short of memory",
            with(|n| n.conditions.push(on("MemoryPressure", Status::True))),
            vec![("memory-pressure", Yellow)],
        ),
        (
            "short of process ids",
            with(|n| n.conditions.push(on("PIDPressure", Status::True))),
            vec![("pid-pressure", Yellow)],
        ),
        (
            "no pressure of either",
            with(|n| {
                n.conditions.push(on("MemoryPressure", Status::False));
                n.conditions.push(on("PIDPressure", Status::False));
            }),
            vec![],
        ),
        (
            "no network",
            with(|n| n.conditions.push(on("NetworkUnavailable", Status::True))),
            vec![("network-unavailable", Red)],
        ),
        ("dead kubelet", with(|n| n.lease_renewed = Some(ago(61))), vec![("heartbeat-old", Unknown)]),
        ("fast clock", with(|n| n.lease_renewed = Some(ago(-30))), vec![]),
        (
            "a lease of the future",
            with(|n| n.lease_renewed = Some(ago(-31))),
            vec![("heartbeat-old", Unknown)],
        ),
        ("no lease to read", with(|n| n.lease_renewed = None), vec![]),
        (
            "no lease, old heartbeat",
            with(|n| {
                n.lease_renewed = None;
                n.conditions[0].heartbeat = Some(ago(421));
            }),
            vec![("heartbeat-old", Unknown)],
        ),
        (
            "no sign of life at all",
            with(|n| {
                n.lease_renewed = None;
                n.conditions[0].heartbeat = None;
            }),
            vec![("heartbeat-old", Unknown)],
        ),
        (
            "a condition of another component",
            with(|n| n.conditions.push(on("EtcdIsVoter", Status::True))),
            vec![],
        ),
        (
            "marked by kured, and nobody has begun",
            with(|n| n.marks.reboot = Some(Mark { since: Some(ago(90)) })),
            vec![("reboot-required", Yellow)],
        ),
        (
            "marked and cordoned by kured",
            with(|n| {
                n.unschedulable = true;
                n.marks.reboot = Some(Mark { since: Some(ago(9_000)) });
                (n.marks.cordoned_by, n.marks.cordoned_at) = (Some("kured".to_owned()), Some(ago(90)));
            }),
            vec![("in-work", Yellow)],
        ),
        (
            "marked by kured, cordoned by another",
            with(|n| {
                n.unschedulable = true;
                n.marks.reboot = Some(Mark { since: Some(ago(90)) });
                n.marks.cordoned_by = Some("kubectl-cordon".to_owned());
            }),
            vec![("reboot-required", Yellow), ("cordoned", Yellow)],
        ),
        (
            "marked, and starting again",
            with(|n| {
                n.conditions[0].status = Status::Unknown;
                n.lease_renewed = Some(ago(200));
                n.marks.reboot = Some(Mark { since: Some(ago(300)) });
            }),
            vec![("in-work", Yellow)],
        ),
        (
            "marked, and away for too long",
            with(|n| {
                n.conditions[0].status = Status::Unknown;
                n.marks.reboot = Some(Mark { since: Some(ago(3_700)) });
            }),
            vec![("work-overdue", Yellow), ("not-ready", Red)],
        ),
        (
            "marked since nobody knows when, and away",
            with(|n| {
                n.conditions[0].status = Status::Unknown;
                n.marks.reboot = Some(Mark { since: None });
            }),
            vec![("work-overdue", Yellow), ("not-ready", Red)],
        ),
        (
            "the autoscaler takes it away",
            with(|n| {
                n.conditions[0].status = Status::Unknown;
                n.marks.taken_away = Some(Mark { since: Some(ago(300)) });
            }),
            vec![("in-work", Yellow)],
        ),
        (
            "a pressure while somebody works on it",
            with(|n| {
                n.conditions[1].status = Status::True;
                n.marks.taken_away = Some(Mark { since: Some(ago(300)) });
            }),
            vec![("in-work", Yellow), ("disk-pressure", Yellow)],
        ),
        (
            "says nothing while somebody works on it",
            with(|n| {
                n.conditions.clear();
                n.marks.taken_away = Some(Mark { since: Some(ago(300)) });
            }),
            vec![("in-work", Yellow), ("ready-missing", Unknown)],
        ),
        (
            "newer than the API server",
            with(|n| n.kubelet_version = "v1.34.0".to_owned()),
            vec![("kubelet-newer", Red)],
        ),
    ];
    for (name, node, expected) in cases {
        let result = judge(&[node], &[], &[]);
        assert_eq!(rules(&result), expected, "{name}");
        let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
        assert_eq!(result.verdict, worst, "{name}");
    }
    let mut silent = node();
    silent.lease_renewed = Some(ago(900));
    assert_eq!(
        judge(&[silent.clone()], &[], &[]).findings[0].since,
        Some(ago(900)),
        "since it was heard last"
    );
    silent.lease_renewed = Some(ago(-900));
    assert_eq!(judge(&[silent], &[], &[]).findings[0].since, None, "that is no time at which anything was");
}

#[test]
fn a_cordon_names_who_and_since_when() {
    let mut cordoned = node();
    cordoned.unschedulable = true;
    cordoned.marks.cordoned_by = Some("kubectl-cordon".to_owned());
    cordoned.marks.cordoned_at = Some(ago(90));
    let result = judge(&[cordoned], &[], &[]);
    assert_eq!(result.findings[0].message, "node metal1 is cordoned, by kubectl-cordon");
    assert_eq!(result.findings[0].since, Some(ago(90)));
}

#[test]
fn kureds_lock_says_which_node_it_works_on_and_for_how_long() {
    type Case = (&'static str, String, Vec<(&'static str, Verdict)>);
    let kured = |lock: String| {
        let mut kured = workload(ObjectRef::new("DaemonSet", "kube-system", "kured"));
        kured.annotations.insert(KURED_LOCK.to_owned(), lock);
        kured
    };
    let held = |node: &str, seconds: i64, ttl: i64| {
        format!(
            r#"{{"nodeID":"{node}","metadata":{{"unschedulable":false}},"created":"{}","TTL":{ttl}}}"#,
            ago(seconds)
        )
    };
    let minutes = |count: i64| count * 60 * 1_000_000_000;
    let several =
        format!(r#"{{"maxOwners":2,"locks":[{},{}]}}"#, held("metal2", 60, 0), held("metal1", 90, 0));
    let cases: Vec<Case> = vec![
        ("held", held("metal1", 90, 0), vec![("in-work", Yellow)]),
        ("held by another node", held("metal2", 90, 0), vec![("not-ready", Red)]),
        ("one of several", several, vec![("in-work", Yellow)]),
        ("for too long", held("metal1", 3_700, 0), vec![("work-overdue", Yellow), ("not-ready", Red)]),
        ("still lasting", held("metal1", 90, minutes(10)), vec![("in-work", Yellow)]),
        ("run out", held("metal1", 900, minutes(10)), vec![("not-ready", Red)]),
        ("given back", String::new(), vec![("not-ready", Red)]),
        ("no lock", "metal1".to_owned(), vec![("not-ready", Red), ("lock-unreadable", Unknown)]),
        (
            "a lock of no node",
            r#"{"locks":[{"created":"2026-11-21T12:00:00Z"}]}"#.to_owned(),
            vec![("not-ready", Red), ("lock-unreadable", Unknown)],
        ),
        (
            "a lock without a time",
            r#"{"nodeID":"metal1"}"#.to_owned(),
            vec![("work-overdue", Yellow), ("not-ready", Red)],
        ),
    ];
    let mut away = node();
    (away.unschedulable, away.conditions[0].status) = (false, ConditionStatus::Unknown);
    for (name, lock, expected) in cases {
        let result = judge(&[away.clone()], &[kured(lock)], &[]);
        assert_eq!(rules(&result), expected, "{name}");
    }
    let result = judge(&[node()], &[kured(held("metal1", 90, 0))], &[]);
    assert_eq!(rules(&result), [("in-work", Yellow)], "before the drain and after the start");
    assert_eq!(result.findings[0].message, "kured works on node metal1");
    assert!(result.findings[0].is_on_its_way());
    assert_eq!(result.findings[0].since, Some(ago(90)));
}

#[test]
fn a_job_of_the_system_upgrade_controller_is_work_on_its_node_until_it_ends() {
    let job = |node: &str, started: i64| Job {
        object: ObjectRef::new("Job", "system-upgrade", "apply-k3s"),
        owner: Some(ObjectRef::new("Plan", "system-upgrade", "k3s")),
        created_at: Some(ago(started)),
        deleted_at: None,
        suspended: false,
        deadline: None,
        started_at: Some(ago(started)),
        completed_at: None,
        conditions: Vec::new(),
        upgrades: Some(NodeUpgrade { node: node.to_owned(), plan: "k3s".to_owned() }),
    };
    let ended = |kind: &str| Job { conditions: vec![on(kind, ConditionStatus::True)], ..job("metal1", 90) };
    let mut cordoned = node();
    cordoned.unschedulable = true;
    let cases = [
        (job("metal1", 90), vec![("in-work", Yellow)]),
        (job("metal2", 90), vec![("cordoned", Yellow)]),
        (job("metal1", 3_700), vec![("work-overdue", Yellow), ("cordoned", Yellow)]),
        (ended("Complete"), vec![("cordoned", Yellow)]),
        (ended("Failed"), vec![("cordoned", Yellow)]),
    ];
    for (job, expected) in cases {
        let result = judge(&[cordoned.clone()], &[], std::slice::from_ref(&job));
        assert_eq!(rules(&result), expected, "{job:?}");
    }
    // Two versions are no trouble while nodes are brought from one to the other.
    let mut older = node();
    (older.name, older.kubelet_version) = ("metal2".to_owned(), "v1.32.9".to_owned());
    let both = [cordoned.clone(), older.clone()];
    assert_eq!(rules(&judge(&both, &[], &[job("metal1", 90)])), [("in-work", Yellow)]);
    let two = judge(&[node(), older], &[], &[]);
    assert_eq!(rules(&two), [("version-behind", Yellow)]);
    assert!(
        two.summary.starts_with("2 of 2 nodes ready, v1.") && two.summary.ends_with(", v1.33.0"),
        "{}",
        two.summary
    );
}

#[test]
fn no_node_at_all_is_unknown_and_so_is_a_server_of_no_known_version() {
    assert_eq!(judge(&[], &[], &[]).verdict, Unknown);
    let server = Err(ClusterError::NotFound { what: "GET /version".to_owned() });
    let reading = NodesReading { nodes: &[node()], server: &server, clocks: None, workloads: &[], jobs: &[] };
    let result = judge_nodes(&reading, now(), &Settings::default());
    assert_eq!(rules(&result), [("not-read", Unknown)]);
}
