use super::super::testing::{ago, now, rules};
use super::*;
use Verdict::{Red, Unknown, Yellow};

const GRACE: Duration = Duration::from_mins(5);

#[test]
fn why_there_is_no_image_is_told_apart() {
    for (said, expected) in [
        ("failed to authorize: failed to fetch anonymous token: 401 Unauthorized", "refuses"),
        ("unexpected status from HEAD request to https://r.example.org/v2/a: 403 Forbidden", "refuses"),
        ("pull access denied, repository does not exist or may require authorization", "refuses"),
        ("r.example.org/app:9: not found", "does not have it"),
        ("manifest unknown: manifest unknown", "does not have it"),
        ("dial tcp 192.0.2.7:443: i/o timeout", "does not answer"),
        ("dial tcp: lookup r.example.org: no such host", "does not answer"),
    ] {
        let message = format!("container app: ErrImagePull {said}");
        assert!(without_image(&message).contains(expected), "{said}: {}", without_image(&message));
    }
    assert_eq!(without_image("container app: ImagePullBackOff Back-off pulling image"), "without an image");
}

fn on(kind: &str, status: ConditionStatus, since: i64) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: "Reason".to_owned(),
        message: String::new(),
        since: Some(ago(since)),
        heartbeat: None,
    }
}

fn node(name: &str, status: ConditionStatus) -> Node {
    Node {
        name: name.to_owned(),
        conditions: vec![on("Ready", status, 9_000)],
        unschedulable: false,
        kubelet_version: String::new(),
        lease_renewed: Some(ago(1)),
        marks: crate::cluster::NodeMarks::default(),
        allocatable: None,
    }
}

fn container(state: ContainerState) -> Container {
    Container {
        name: "app".to_owned(),
        init: false,
        image: "registry.example.org/app:1".to_owned(),
        ready: true,
        restarts: 0,
        state,
        last_state: None,
    }
}

fn ended(exit_code: i32, seconds: i64) -> ContainerState {
    ContainerState::Terminated { reason: "Error".to_owned(), exit_code, finished_at: Some(ago(seconds)) }
}

fn waiting(reason: &str) -> ContainerState {
    ContainerState::Waiting { reason: reason.to_owned(), message: String::new() }
}

fn pod() -> Pod {
    Pod {
        namespace: "web".to_owned(),
        name: "shop-6d5f-x".to_owned(),
        phase: PodPhase::Running,
        reason: String::new(),
        conditions: vec![on("Ready", ConditionStatus::True, 5_000)],
        node: Some("metal1".to_owned()),
        created_at: Some(ago(6_000)),
        deleted_at: None,
        owner: Some(ObjectRef::new("ReplicaSet", "web", "shop-6d5f")),
        containers: vec![container(ContainerState::Running { since: Some(ago(5_000)) })],
        claims: Vec::new(),
        labels: [("pod-template-hash".to_owned(), "6d5f".to_owned())].into(),
    }
}

fn judge(pods: &[Pod]) -> PodsJudged {
    let nodes = [node("metal1", ConditionStatus::True), node("metal2", ConditionStatus::Unknown)];
    let mut ledger = PodLedger::new(Settings::default().crash_loop());
    for pod in pods {
        ledger.put(pod.clone(), now());
    }
    let reading = PodsReading { pods: &ledger, workloads: &[], nodes: &nodes, mounts: &Mounts::default() };
    judge_pods(&reading, now(), GRACE, &Settings::default())
}

#[test]
fn every_rule_for_a_pod() {
    type Case = (&'static str, Pod, Vec<(&'static str, Verdict)>);
    use ConditionStatus as Status;
    let with = |change: fn(&mut Pod)| {
        let mut pod = pod();
        change(&mut pod);
        pod
    };
    let pending: fn(&mut Pod) = |p| {
        p.phase = PodPhase::Pending;
        p.conditions = vec![on("PodScheduled", Status::True, 10)];
        p.containers[0].state = waiting("ContainerCreating");
        p.created_at = Some(ago(10));
    };
    let cases: Vec<Case> = vec![
        ("good", pod(), vec![]),
        (
            "finished",
            with(|p| {
                p.phase = PodPhase::Succeeded;
                p.conditions[0].status = Status::False;
            }),
            vec![],
        ),
        (
            "finished, and held when it was to go",
            with(|p| {
                p.phase = PodPhase::Succeeded;
                p.deleted_at = Some(ago(301));
            }),
            vec![("terminating", Yellow)],
        ),
        (
            "not ready for long",
            with(|p| p.conditions[0] = on("Ready", Status::False, 301)),
            vec![("not-ready", Red)],
        ),
        (
            "not ready just now",
            with(|p| p.conditions[0] = on("Ready", Status::False, 20)),
            vec![("not-ready", Yellow)],
        ),
        ("no condition at all", with(|p| p.conditions.clear()), vec![("not-ready", Red)]),
        ("starting", with(pending), vec![("not-ready", Yellow)]),
        (
            "a job's pod that starts",
            {
                let mut pod = with(pending);
                pod.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
                pod
            },
            vec![],
        ),
        (
            "starting for too long",
            {
                let mut pod = with(pending);
                pod.created_at = Some(ago(400));
                pod
            },
            vec![("not-ready", Red)],
        ),
        (
            "unschedulable",
            with(|p| {
                p.phase = PodPhase::Pending;
                p.conditions = vec![on("PodScheduled", Status::False, 400)];
                p.containers[0].state = ContainerState::Unknown;
                p.node = None;
            }),
            vec![("unschedulable", Red)],
        ),
        (
            "crash loop",
            with(|p| p.containers[0].state = waiting("CrashLoopBackOff")),
            vec![("crash-loop", Red)],
        ),
        (
            "crash loop of an init container",
            with(|p| {
                p.phase = PodPhase::Pending;
                p.containers[0].init = true;
                p.containers[0].state = waiting("CrashLoopBackOff");
            }),
            vec![("crash-loop", Red)],
        ),
        (
            "between two crashes, ready",
            with(|p| {
                p.containers[0].restarts = 3;
                p.containers[0].last_state = Some(ended(1, 100));
            }),
            vec![("crash-loop", Yellow)],
        ),
        (
            "between two crashes, not ready",
            with(|p| {
                p.conditions[0].status = Status::False;
                p.containers[0].restarts = 5;
                p.containers[0].state = ended(137, 3);
            }),
            vec![("crash-loop", Red)],
        ),
        (
            "crashed long ago",
            with(|p| {
                p.containers[0].restarts = 9;
                p.containers[0].last_state = Some(ended(1, 601));
            }),
            vec![],
        ),
        (
            "crashed once",
            with(|p| {
                p.containers[0].restarts = 1;
                p.containers[0].last_state = Some(ended(1, 10));
            }),
            vec![],
        ),
        (
            "no image, long",
            with(|p| {
                p.phase = PodPhase::Pending;
                p.containers[0].state = waiting("ImagePullBackOff");
            }),
            vec![("image-pull", Red)],
        ),
        (
            "no image, young",
            with(|p| {
                p.phase = PodPhase::Pending;
                p.created_at = Some(ago(30));
                p.containers[0].state = waiting("ErrImagePull");
            }),
            vec![("image-pull", Yellow)],
        ),
        (
            "no config",
            with(|p| p.containers[0].state = waiting("CreateContainerConfigError")),
            vec![("container-config", Red)],
        ),
        ("leaving", with(|p| p.deleted_at = Some(ago(60))), vec![]),
        ("terminating for ever", with(|p| p.deleted_at = Some(ago(301))), vec![("terminating", Yellow)]),
        (
            "evicted",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Evicted".to_owned();
            }),
            vec![("evicted", Yellow)],
        ),
        ("failed and replaced", with(|p| p.phase = PodPhase::Failed), vec![("failed", Yellow)]),
        (
            "failed and on its own",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.owner = None;
            }),
            vec![("failed", Red)],
        ),
        (
            "failed job",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.owner = Some(ObjectRef::new("Job", "web", "migrate"));
            }),
            vec![("job-failed", Yellow)],
        ),
        (
            "bound after its node was lost",
            with(|p| p.node = Some("metal2".to_owned())),
            vec![("node-not-ready", Red)],
        ),
        ("node unheard of", with(|p| p.node = Some("metal9".to_owned())), vec![("node-unknown", Unknown)]),
        ("running nowhere", with(|p| p.node = None), vec![("node-unknown", Unknown)]),
        ("a phase of the future", with(|p| p.phase = PodPhase::Unknown), vec![("phase-unknown", Unknown)]),
    ];
    for (name, pod, expected) in cases {
        let result = judge(&[pod]).others;
        assert_eq!(rules(&result), expected, "{name}");
        let worst = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Verdict::Green);
        assert_eq!(result.verdict, worst, "{name}");
    }
}

#[test]
fn findings_hang_on_the_workload() {
    let mut bare = pod();
    bare.owner = None;
    let mut job = pod();
    job.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
    let mut odd = pod();
    odd.labels.clear();
    let mut set = pod();
    set.owner = Some(ObjectRef::new("StatefulSet", "web", "db"));
    let mut fixed = pod();
    fixed.owner = Some(ObjectRef::new("Node", "", "metal1"));
    let cases = [
        (pod(), ObjectRef::new("Deployment", "web", "shop")),
        (bare, ObjectRef::new("Pod", "web", "shop-6d5f-x")),
        (job, ObjectRef::new("CronJob", "web", "backup")),
        (odd, ObjectRef::new("ReplicaSet", "web", "shop-6d5f")),
        (set, ObjectRef::new("StatefulSet", "web", "db")),
        (fixed, ObjectRef::new("Pod", "web", "shop-6d5f-x")),
    ];
    for (pod, expected) in cases {
        assert_eq!(subject(&pod), expected);
    }
}

#[test]
fn pods_of_one_workload_are_one_finding_and_the_worst_speaks() {
    let mut first = pod();
    first.conditions[0] = on("Ready", ConditionStatus::False, 20);
    let mut second = first.clone();
    second.name = "shop-6d5f-y".to_owned();
    second.conditions[0] = on("Ready", ConditionStatus::False, 2_000);
    let mut third = pod();
    third.name = "shop-6d5f-z".to_owned();
    let judged = judge(&[first, second, third]);
    assert_eq!(rules(&judged.others), [("not-ready", Red)]);
    assert_eq!(judged.others.findings[0].message, "Deployment web/shop: 2 pods not ready");
    assert_eq!(judged.counts, (1, 3));
}

#[test]
fn a_failed_job_that_later_succeeded_is_listed_only() {
    let mut bad = pod();
    bad.phase = PodPhase::Failed;
    bad.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
    let mut good = bad.clone();
    good.name = "backup-29380002-x".to_owned();
    good.phase = PodPhase::Succeeded;
    good.owner = Some(ObjectRef::new("Job", "web", "backup-29380002"));
    good.created_at = Some(ago(100));
    let judged = judge(&[bad.clone(), good.clone()]);
    assert_eq!(judged.others.verdict, Verdict::Green);
    assert_eq!(judged.others.findings.len(), 1);
    good.deleted_at = Some(ago(1));
    let judged = judge(&[bad, good]);
    assert_eq!(judged.others.verdict, Verdict::Green, "it succeeded before it was taken away");
}

#[test]
fn kube_system_is_a_probe_of_its_own() {
    let mut system = pod();
    system.namespace = KUBE_SYSTEM.to_owned();
    system.containers[0].state = waiting("CrashLoopBackOff");
    let judged = judge(&[system, pod()]);
    assert_eq!(judged.kube_system.verdict, Red);
    assert_eq!(judged.others.verdict, Verdict::Green);
}
