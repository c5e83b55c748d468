use super::super::testing::{self, ago, now, rules};
use super::*;
use crate::cluster::{Container, ContainerState};
use Verdict::{Red, Unknown, Yellow};

const GRACE: Duration = Duration::from_mins(5);

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

fn node(name: &str, status: ConditionStatus, since: i64) -> Node {
    Node {
        name: name.to_owned(),
        conditions: vec![on("Ready", status, since)],
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

fn ended_as(reason: &str, exit_code: i32, seconds: i64) -> ContainerState {
    ContainerState::Terminated {
        reason: reason.to_owned(),
        exit_code,
        finished_at: Some(ago(seconds)),
        message: String::new(),
        disk: None,
    }
}

fn ended(exit_code: i32, seconds: i64) -> ContainerState {
    ended_as("Error", exit_code, seconds)
}

fn out_of_memory(seconds: i64) -> ContainerState {
    ended_as("OOMKilled", 137, seconds)
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
        message: String::new(),
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
    judge_since(9_000_000, pods)
}

/// On nodes of which the first came back so many seconds ago.
fn judge_since(back: i64, pods: &[Pod]) -> PodsJudged {
    let nodes =
        [node("metal1", ConditionStatus::True, back), node("metal2", ConditionStatus::Unknown, 9_000)];
    let mut ledger = PodLedger::new(Settings::default().recent_end());
    for pod in pods {
        ledger.put(pod.clone(), now());
    }
    let reading = PodsReading {
        pods: &ledger,
        workloads: &[],
        nodes: &nodes,
        in_work: &HashSet::new(),
        mounts: &Mounts::default(),
    };
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
                p.created_at = Some(ago(500));
                p.containers[0].restarts = 3;
                p.containers[0].last_state = Some(ended(1, 100));
            }),
            vec![("crash-loop", Yellow)],
        ),
        (
            "started again now and then in a long life, ready",
            with(|p| {
                p.containers[0].restarts = 3;
                p.containers[0].last_state = Some(ended(1, 100));
            }),
            vec![("restarts-grow", Yellow)],
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
                p.containers[0].last_state = Some(ended(1, 21_601));
            }),
            vec![],
        ),
        (
            "of a Job, whose init container works for an hour",
            with(|p| {
                p.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
                p.phase = PodPhase::Pending;
                p.conditions = vec![on("Ready", Status::False, 3_600)];
                p.containers[0].init = true;
                p.containers.push(container(waiting("PodInitializing")));
            }),
            vec![],
        ),
        (
            "of a Job, one of whose containers is done and another works",
            with(|p| {
                p.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
                p.conditions = vec![on("Ready", Status::False, 3_600)];
                p.containers.push(container(ended(0, 3_600)));
            }),
            vec![],
        ),
        (
            "of a Job, one of whose containers failed and another runs",
            with(|p| {
                p.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
                p.conditions = vec![on("Ready", Status::False, 3_600)];
                p.containers.push(container(ended(1, 3_600)));
            }),
            vec![("not-ready", Red)],
        ),
        (
            "of a Job, and nothing of it runs",
            with(|p| {
                p.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
                p.phase = PodPhase::Pending;
                p.conditions = vec![on("Ready", Status::False, 3_600)];
                p.containers[0].state = waiting("PodInitializing");
            }),
            vec![("not-ready", Red)],
        ),
        (
            "of a Job, working on a node that is lost",
            with(|p| {
                p.owner = Some(ObjectRef::new("Job", "web", "backup-29380001"));
                p.phase = PodPhase::Pending;
                p.node = Some("metal2".to_owned());
                p.conditions = vec![on("Ready", Status::False, 3_600)];
                p.containers[0].init = true;
            }),
            vec![("not-ready", Red)],
        ),
        (
            "crashes now and then",
            with(|p| {
                p.containers[0].restarts = 9;
                p.containers[0].last_state = Some(ended(1, 601));
            }),
            vec![("restarts-grow", Yellow)],
        ),
        (
            "crashed twice",
            with(|p| {
                p.containers[0].restarts = 2;
                p.containers[0].last_state = Some(ended(1, 601));
            }),
            vec![],
        ),
        (
            "killed for its memory a minute ago, as each week of its life",
            with(|p| {
                p.containers[0].restarts = 9;
                p.containers[0].last_state = Some(out_of_memory(60));
            }),
            vec![("oom-killed", Yellow)],
        ),
        (
            "killed for its memory",
            with(|p| {
                p.containers[0].restarts = 1;
                p.containers[0].last_state = Some(out_of_memory(3_600));
            }),
            vec![("oom-killed", Yellow)],
        ),
        (
            "killed for its memory, and long since",
            with(|p| {
                p.containers[0].restarts = 1;
                p.containers[0].last_state = Some(out_of_memory(3_601));
            }),
            vec![],
        ),
        (
            "killed for its memory for the third time",
            with(|p| {
                p.containers[0].restarts = 3;
                p.containers[0].last_state = Some(out_of_memory(3_601));
            }),
            vec![("restarts-grow", Yellow)],
        ),
        (
            "killed for its memory on a node that is lost",
            with(|p| {
                p.node = Some("metal2".to_owned());
                p.containers[0].restarts = 1;
                p.containers[0].last_state = Some(out_of_memory(60));
            }),
            vec![("node-not-ready", Red)],
        ),
        (
            "killed for its memory, and not ready",
            with(|p| {
                p.conditions[0] = on("Ready", Status::False, 301);
                p.containers[0].restarts = 1;
                p.containers[0].last_state = Some(out_of_memory(301));
            }),
            vec![("not-ready", Red)],
        ),
        (
            "an init container that was killed before it had done its work",
            with(|p| {
                p.containers[0].init = true;
                p.containers[0].restarts = 4;
                p.containers[0].state = ended(0, 60);
                p.containers[0].last_state = Some(out_of_memory(80));
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
            "evicted a moment ago",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Evicted".to_owned();
                p.created_at = Some(ago(200));
            }),
            vec![("evicted", Yellow)],
        ),
        (
            "evicted, and long since replaced",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Evicted".to_owned();
            }),
            vec![],
        ),
        (
            "evicted, and what made it is none that is judged",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Evicted".to_owned();
                p.owner = Some(ObjectRef::new("StrimziPodSet", "web", "broker"));
            }),
            vec![("evicted", Yellow)],
        ),
        (
            "evicted, and nothing replaces it",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Evicted".to_owned();
                p.owner = None;
            }),
            vec![("evicted", Red)],
        ),
        (
            "its node was switched off a moment ago",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Terminated".to_owned();
                p.created_at = Some(ago(200));
            }),
            vec![("ended-by-node", Yellow)],
        ),
        (
            "a job's pod whose node was switched off",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.reason = "Terminated".to_owned();
                p.owner = Some(ObjectRef::new("Job", "web", "migrate"));
            }),
            vec![("ended-by-node", Yellow)],
        ),
        ("failed and replaced", with(|p| p.phase = PodPhase::Failed), vec![]),
        (
            "failed a moment ago",
            with(|p| {
                p.phase = PodPhase::Failed;
                p.created_at = Some(ago(200));
            }),
            vec![("failed", Yellow)],
        ),
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

/// (name, since when the node is ready, the pod's container, its readiness, what is found)
#[test]
fn what_a_restart_of_the_node_does_to_containers_is_no_crash() {
    type Case = (&'static str, i64, ContainerState, ContainerState, bool, Option<(&'static str, Verdict)>);
    let lost = |seconds| ended_as("Unknown", 255, seconds);
    let running = || ContainerState::Running { since: Some(ago(1)) };
    let cases: [Case; 8] = [
        ("found dead at the start of the node", 40, running(), lost(50), true, None),
        ("ended when the node went", 40, running(), ended(143, 400), true, None),
        ("crashed while others started", 240, running(), ended(1, 10), true, None),
        ("crashed after that", 320, running(), ended(1, 10), true, Some(("restarts-grow", Yellow))),
        ("the runtime alone was started again", 9_000, running(), lost(50), true, None),
        (
            "waits, after it ended with its node",
            240,
            waiting("CrashLoopBackOff"),
            ended(1, 60),
            false,
            Some(("node-restarted", Yellow)),
        ),
        (
            "waits, after it crashed later",
            600,
            waiting("CrashLoopBackOff"),
            ended(1, 60),
            false,
            Some(("crash-loop", Red)),
        ),
        (
            "waits, and does not say how it ended",
            240,
            waiting("CrashLoopBackOff"),
            ContainerState::Unknown,
            false,
            Some(("crash-loop", Red)),
        ),
    ];
    let mut made_since = pod();
    made_since.created_at = Some(ago(200));
    made_since.containers[0].state = waiting("CrashLoopBackOff");
    made_since.containers[0].last_state = Some(ended(1, 60));
    assert_eq!(rules(&judge_since(240, &[made_since]).others), [("crash-loop", Red)]);
    let mut killed = pod();
    killed.containers[0].restarts = 1;
    killed.containers[0].last_state = Some(out_of_memory(60));
    assert_eq!(rules(&judge_since(40, &[killed]).others), [("oom-killed", Yellow)]);
    for (name, back, state, last, ready, expected) in cases {
        let mut pod = pod();
        pod.containers[0].restarts = 3;
        (pod.containers[0].state, pod.containers[0].last_state) = (state, Some(last));
        if !ready {
            pod.conditions[0] = on("Ready", ConditionStatus::False, 200);
        }
        let found = judge_since(back, &[pod]).others;
        assert_eq!(rules(&found), expected.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn what_a_node_did_to_its_pods_rests_on_it() {
    let on_node = Grounds::each([node_object("metal1")]);
    let or_job = Grounds::any([ObjectRef::new("Job", "web", "migrate"), node_object("metal1")]);
    let low = "The node was low on resource: memory. ";
    let cases = [
        ("Evicted", low, None, on_node.clone()),
        (
            "Evicted",
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
            None,
            Grounds::default(),
        ),
        (
            "Evicted",
            "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Gi\". ",
            None,
            Grounds::default(),
        ),
        (
            "Evicted",
            "Container app exceeded its local ephemeral storage limit \"1Gi\". ",
            None,
            Grounds::default(),
        ),
        ("Terminated", "Pod was terminated in response to imminent node shutdown.", None, on_node.clone()),
        ("NodeShutdown", "Pod was rejected: node is shutting down", None, on_node.clone()),
        ("Preempting", "Preempted in order to admit critical pod", None, on_node),
        ("UnexpectedAdmissionError", "Allocate failed", None, Grounds::default()),
        ("Evicted", low, Some("Job"), or_job),
    ];
    for (reason, message, owner, expected) in cases {
        let mut pod = pod();
        (pod.phase, pod.reason, pod.message) = (PodPhase::Failed, reason.to_owned(), message.to_owned());
        if let Some(kind) = owner {
            pod.owner = Some(ObjectRef::new(kind, "web", "migrate"));
        }
        let found = judge(&[pod]).others.findings;
        assert_eq!(found.len(), 1, "{reason}");
        assert_eq!(found[0].grounds, expected, "{reason}: {message}");
        assert!(found[0].evidence.contains(message.trim()), "{}", found[0].evidence);
        let named = found[0].evidence.contains("by node metal1");
        assert_eq!(named, expected != Grounds::default(), "{}", found[0].evidence);
    }
}

#[test]
fn a_look_says_what_it_cannot_tell_of_restarts() {
    let grows = |created: i64| {
        let mut pod = pod();
        (pod.containers[0].restarts, pod.created_at) = (5, Some(ago(created)));
        pod.containers[0].last_state = Some(ended(1, 3_000));
        let judged = judge(&[pod]);
        assert_eq!(judged.restarted.len(), 1);
        judged.others.findings[0].evidence.clone()
    };
    assert!(grows(30_000).ends_with("one look does not tell"), "{}", grows(30_000));
    assert!(grows(6_000).ends_with("with 1 Error at 2026-11-21T11:10:00Z"), "{}", grows(6_000));
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

#[test]
fn a_ledger_remembers_how_often_containers_were_started_again_while_all_was_well() {
    let restarted = |count: u32, end: i64| {
        let mut pod = pod();
        pod.created_at = Some(ago(9_000_000));
        (pod.containers[0].restarts, pod.containers[0].last_state) = (count, Some(ended(1, end)));
        pod
    };
    let recent = Settings::default().recent_end();
    let nodes = [node("metal1", ConditionStatus::True, 9_000_000)];
    let calm = |ledger: &PodLedger| {
        let reading = PodsReading {
            pods: ledger,
            workloads: &[],
            nodes: &nodes,
            in_work: &HashSet::new(),
            mounts: &Mounts::default(),
        };
        let told = judge_pods(&reading, now(), GRACE, &Settings::default()).restarted;
        told.iter().map(|one| (one.count, one.calm)).collect::<Vec<_>>()
    };
    let mut watched = PodLedger::new(recent);
    watched.put(restarted(40, 800_000), now());
    assert_eq!(calm(&watched), [], "nothing of it is told while it is quiet");
    let mut unready = restarted(40, 800_000);
    unready.conditions[0] = on("Ready", ConditionStatus::False, 5);
    for pod in [unready, restarted(41, 30), restarted(43, 5)] {
        watched.put(pod, now());
    }
    assert_eq!(calm(&watched), [(43, Some(40))], "three, whatever came between two looks");

    let mut listed = PodLedger::new(recent);
    listed.put(restarted(43, 5), now());
    assert_eq!(calm(&listed), [(43, None)], "a list does not tell");
    listed.remember(&watched);
    assert_eq!(calm(&listed), [(43, Some(40))], "a watch does");

    let mut never = PodLedger::new(recent);
    let mut well = pod();
    well.created_at = Some(ago(9_000_000));
    never.put(well, now());
    never.put(restarted(3, 5), now());
    assert_eq!(calm(&never), [(3, Some(0))]);

    let mut anew = restarted(3, 5);
    anew.created_at = Some(ago(8_000_000));
    watched.put(anew, now());
    assert_eq!(calm(&watched), [(3, None)], "another pod of its name");
    watched.remove("web", "shop-6d5f-x");
    watched.put(restarted(43, 5), now());
    assert_eq!(calm(&watched), [(43, None)], "of a pod that is gone nothing is known");
}

#[test]
fn how_a_container_ended_is_told_with_its_trouble_and_since_when() {
    let crashing = |last: ContainerState, ready: bool| {
        let mut pod = pod();
        pod.containers[0].restarts = 7;
        pod.containers[0].state = waiting("CrashLoopBackOff");
        (pod.containers[0].last_state, pod.containers[0].ready) = (Some(last), ready);
        pod
    };
    let told = |pod: Pod| {
        let found = judge(&[pod]).others.findings.remove(0);
        (found.id.rule, found.evidence, found.since)
    };
    let (rule, evidence, since) = told(crashing(out_of_memory(40), false));
    assert_eq!((rule.as_str(), since), ("crash-loop", Some(ago(40))));
    assert_eq!(
        evidence,
        "shop-6d5f-x: container app: CrashLoopBackOff; 7 restarts, ended with 137 OOMKilled at 2026-11-21T11:59:20Z"
    );
    let (_, evidence, _) = told(crashing(ended(1, 40), false));
    assert!(evidence.contains("ended with 1 Error"), "{evidence}");

    let mut unready = pod();
    unready.conditions[0] = on("Ready", ConditionStatus::False, 400);
    let app = &mut unready.containers[0];
    (app.ready, app.restarts, app.last_state) = (false, 1, Some(out_of_memory(400)));
    let (rule, evidence, since) = told(unready);
    assert_eq!((rule.as_str(), since), ("not-ready", Some(ago(400))));
    assert!(
        evidence.ends_with("; container app: 1 restart, ended with 137 OOMKilled at 2026-11-21T11:53:20Z"),
        "{evidence}"
    );

    for (owner, expected) in [("Job", "job-failed"), ("ReplicaSet", "failed")] {
        let mut failed = pod();
        failed.phase = PodPhase::Failed;
        failed.owner = Some(ObjectRef::new(owner, "web", "migrate"));
        let mut beside = container(ended(0, 10));
        "beside".clone_into(&mut beside.name);
        failed.containers[0].state = out_of_memory(40);
        failed.containers.insert(0, beside);
        let (rule, evidence, since) = told(failed);
        assert_eq!((rule.as_str(), since), (expected, Some(ago(10))), "the last of them ended then");
        assert!(evidence.contains("container app: 0 restarts, ended with 137 OOMKilled"), "{evidence}");
    }

    for (reason, expected) in [("Evicted", "evicted"), ("NodeShutdown", "ended-by-node")] {
        let mut ended = pod();
        (ended.phase, ended.reason) = (PodPhase::Failed, reason.to_owned());
        ended.containers.clear();
        ended.conditions = vec![
            on("Ready", ConditionStatus::False, 700),
            on("DisruptionTarget", ConditionStatus::True, 690),
            on("PodScheduled", ConditionStatus::True, 10),
        ];
        let (rule, _, since) = told(ended);
        assert_eq!((rule.as_str(), since), (expected, Some(ago(690))));
    }

    let mut stranded = pod();
    stranded.node = Some("metal2".to_owned());
    let (rule, _, since) = told(stranded);
    assert_eq!((rule.as_str(), since), ("node-not-ready", Some(ago(9_000))), "since its node is");
}

#[test]
fn it_is_told_when_a_pod_was_last_put_in_anothers_place() {
    let young = Pod { name: "shop-6d5f-y".to_owned(), created_at: Some(ago(40)), ..pod() };
    let leaves = |at| Pod { name: "shop-6d5f-z".to_owned(), deleted_at: Some(ago(at)), ..pod() };
    for (name, pods, expected) in [
        ("an old one", vec![pod()], Some(6_000)),
        ("a young one", vec![pod(), young], Some(40)),
        ("one that leaves", vec![pod(), leaves(-20)], Some(0)),
        ("one that should have left", vec![pod(), leaves(20)], Some(6_000)),
    ] {
        let object = subject(&pods[0]);
        let open = testing::workload(object.clone());
        let open = Workload { generation: 1, observed_generation: 1, desired: 3, available: 1, ..open };
        assert!(!open.is_complete(), "{name}");
        let mut ledger = PodLedger::new(Settings::default().recent_end());
        for pod in pods {
            ledger.put(pod, now());
        }
        let (workloads, mounts) = ([open], Mounts::default());
        let reading = PodsReading {
            pods: &ledger,
            workloads: &workloads,
            nodes: &[],
            in_work: &HashSet::new(),
            mounts: &mounts,
        };
        let told = judge_pods(&reading, now(), GRACE, &Settings::default()).replaced;
        assert_eq!(told.get(&object).copied(), expected.map(ago), "{name}");
    }
}
