//! Whose fault is what, by tables.

use super::super::Grounds;
use super::super::causes::fold;
use super::super::gate::testing::recon_at;
use super::super::probes::applications_testing::application;
use super::super::probes::testing::ago;
use super::super::probes::{finding, judged};
use super::*;
use crate::cluster::{ApplicationResource, OperationState};

fn word(attribution: &Attribution) -> &'static str {
    assert!(!attribution.why().is_empty(), "each says why");
    match attribution {
        Attribution::Attributed(_) => "attributed",
        Attribution::Suspected(_) => "suspected",
        Attribution::Unrelated(_) => "unrelated",
    }
}

fn found(probe: Probe, rule: &str, object: &ObjectRef, verdict: Verdict) -> Finding {
    finding(probe, rule, object.clone(), verdict, String::new(), String::new())
}

fn pass(findings: Vec<Finding>) -> Recon {
    let mut probes = [judged(Probe::Pods, String::new(), findings)];
    fold(&mut probes);
    Recon { probes: probes.to_vec(), ..recon_at(ago(0), Verdict::Green) }
}

/// What a change of ten minutes ago is told of each finding, by its rule.
fn told(before: &Baseline, after: &Recon, affected: &[Owner]) -> Vec<(String, &'static str)> {
    let all = attributions(before, ago(600), after, affected);
    all.iter().map(|(id, attribution)| (id.rule.clone(), word(attribution))).collect()
}

fn rows(rows: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    rows.iter().map(|(rule, word)| ((*rule).to_owned(), *word)).collect()
}

fn shop() -> (Owner, ObjectRef) {
    let mut shop = application("shop");
    let own = |kind, name| ApplicationResource { object: ObjectRef::new(kind, "web", name), health: None };
    shop.resources = vec![own("Deployment", "shop"), own("Deployment", "cart"), own("Job", "migrate-2")];
    (Owner::from(&shop), ObjectRef::new("Deployment", "web", "shop"))
}

#[test]
fn only_an_affected_watchers_own_objects_are_attributed() {
    let mut shop = application("shop");
    let own = |kind, namespace, name| ApplicationResource {
        object: ObjectRef::new(kind, namespace, name),
        health: None,
    };
    shop.resources = vec![
        own("Deployment", "web", "shop"),
        own("Application", "argocd", "child"),
        own("Job", "web", "migrate"),
        own("PodDisruptionBudget", "web", "shop"),
        own("Certificate", "web", "shop"),
        own("ReplicationSource", "web", "shop"),
        own("VolumeSnapshot", "web", "shop"),
        own("GitRepository", "flux-system", "flux-system"),
        own("HelmRelease", "web", "shop"),
        own("ExternalSecret", "web", "shop"),
        own("OCIRepository", "web", "shop"),
        own("HelmChart", "web", "shop"),
        own("Pod", "web", "once"),
    ];
    let on = |probe, kind, namespace, name| {
        found(probe, "rule", &ObjectRef::new(kind, namespace, name), Verdict::Red)
    };
    let of = |probe, rule, kind, namespace, name| {
        found(probe, rule, &ObjectRef::new(kind, namespace, name), Verdict::Red)
    };
    let fetch = |kind, said: &str| Finding {
        evidence: said.to_owned(),
        ..of(Probe::Flux, "fetch-failed", kind, "web", "shop")
    };
    let mild = |probe, rule, kind, namespace, name| Finding {
        verdict: Verdict::Yellow,
        ..of(probe, rule, kind, namespace, name)
    };
    let rule = |rule, kind, namespace, name| of(Probe::Pods, rule, kind, namespace, name);
    let node = |rule| found(Probe::Nodes, rule, &ObjectRef::new("Node", "", "metal2"), Verdict::Yellow);
    let cases = [
        (on(Probe::ArgoCd, "Application", "argocd", "shop"), "attributed"),
        (on(Probe::Pods, "Deployment", "web", "shop"), "attributed"),
        (on(Probe::Pods, "Cluster", "web", "shop-db"), "suspected"),
        (on(Probe::Pods, "Deployment", "blog", "blog"), "suspected"),
        (on(Probe::ArgoCd, "Application", "argocd", "blog"), "suspected"),
        (on(Probe::KubeSystem, "DaemonSet", "kube-system", "cni"), "suspected"),
        (on(Probe::ArgoCd, "Application", "argocd", "child"), "suspected"),
        (on(Probe::Volumes, "PersistentVolumeClaim", "web", "data"), "suspected"),
        (on(Probe::Volumes, "PersistentVolume", "", "pvc-1"), "suspected"),
        (on(Probe::VolSync, "ReplicationSource", "blog", "data"), "suspected"),
        (on(Probe::Snapshots, "VolumeSnapshot", "blog", "data"), "suspected"),
        (on(Probe::CloudNativePg, "Cluster", "db", "pg"), "suspected"),
        (on(Probe::Webhooks, "ValidatingWebhookConfiguration", "", "policy"), "suspected"),
        (on(Probe::Jobs, "Job", "web", "migrate"), "attributed"),
        (on(Probe::Jobs, "CronJob", "blog", "backup"), "suspected"),
        (on(Probe::DisruptionBudgets, "PodDisruptionBudget", "web", "shop"), "suspected"),
        (on(Probe::Audit, "Deployment", "web", "shop"), "suspected"),
        (on(Probe::Nodes, "Node", "", "metal1"), "suspected"),
        (node("in-work"), "unrelated"),
        (node("work-overdue"), "unrelated"),
        (node("reboot-required"), "unrelated"),
        (on(Probe::Ceph, "CephCluster", "rook-ceph", "rook-ceph"), "suspected"),
        (rule("evicted", "Deployment", "web", "shop"), "suspected"),
        (rule("ended-by-node", "Deployment", "web", "shop"), "suspected"),
        (rule("failed", "Deployment", "web", "shop"), "suspected"),
        (rule("failed", "Pod", "web", "once"), "attributed"),
        (rule("oom-killed", "Deployment", "web", "shop"), "suspected"),
        (rule("restarts-grow", "Deployment", "web", "shop"), "suspected"),
        (rule("crash-loop", "Deployment", "web", "shop"), "attributed"),
        (rule("node-restarted", "Deployment", "web", "shop"), "suspected"),
        (on(Probe::Certificates, "Certificate", "web", "shop"), "suspected"),
        (on(Probe::Certificates, "Certificate", "blog", "blog"), "suspected"),
        (on(Probe::VolSync, "ReplicationSource", "web", "shop"), "suspected"),
        (on(Probe::Snapshots, "VolumeSnapshot", "web", "shop"), "suspected"),
        (of(Probe::Flux, "fetch-failed", "GitRepository", "flux-system", "flux-system"), "suspected"),
        (of(Probe::Flux, "not-released", "HelmRelease", "web", "shop"), "attributed"),
        (fetch("OCIRepository", "failed to pull: GET …: MANIFEST_UNKNOWN: manifest unknown"), "attributed"),
        (fetch("OCIRepository", "failed to pull: 503 Service Unavailable"), "suspected"),
        (
            fetch("HelmChart", "failed to download chart for remote reference: x/y:v1: not found"),
            "attributed",
        ),
        (fetch("HelmChart", "could not locate a version matching provided version string 9.x"), "attributed"),
        (fetch("HelmChart", "dial tcp: lookup charts.example.org: no such host"), "suspected"),
        (of(Probe::ExternalSecrets, "not-synced", "ExternalSecret", "web", "shop"), "attributed"),
        (mild(Probe::ExternalSecrets, "not-synced", "ExternalSecret", "web", "shop"), "suspected"),
        (of(Probe::ExternalSecrets, "another", "ExternalSecret", "web", "shop"), "attributed"),
    ];
    for (finding, expected) in cases {
        let laid = lay(&finding, &[Owner::from(&shop)]);
        assert_eq!(word(&laid.attribution), expected, "{} {}", finding.id.rule, finding.id.object);
    }
    // Where the change is of whoever works on nodes, that may be its doing.
    let mut kured = application("kured");
    kured.resources = vec![own("DaemonSet", "kube-system", "kured")];
    for rule in ["in-work", "work-overdue", "reboot-required"] {
        assert_eq!(word(&lay(&node(rule), &[Owner::from(&kured)]).attribution), "suspected");
    }
}

#[test]
fn what_follows_is_as_much_a_changes_fault_as_its_cause() {
    let (shop, deployment) = shop();
    let affected = [shop.clone()];
    let node = ObjectRef::new("Node", "", "metal1");
    let pods = |grounds| found(Probe::Pods, "pods", &deployment, Verdict::Red).resting_on(grounds);
    let degraded = || {
        found(Probe::ArgoCd, "degraded", &shop.object, Verdict::Red)
            .resting_on(Grounds::each([deployment.clone()]))
    };
    let lost = || found(Probe::Nodes, "not-ready", &node, Verdict::Red);
    let nothing = Baseline::default();

    let its_own = pass(vec![pods(Grounds::default()), degraded()]);
    assert_eq!(
        told(&nothing, &its_own, &affected),
        rows(&[("degraded", "attributed"), ("pods", "attributed")])
    );

    // A node that died since may be the change's doing, and nothing is undone for what ran there.
    let on_node = || pods(Grounds::each([node.clone()]));
    let nodes = pass(vec![lost(), on_node(), degraded()]);
    let suspected = [("not-ready", "suspected"), ("degraded", "suspected"), ("pods", "suspected")];
    assert_eq!(told(&nothing, &nodes, &affected), rows(&suspected));

    // One that died before is known not to be.
    let long_ago = pass(vec![lost().since(Some(ago(900))), on_node(), degraded()]);
    let unrelated = [("not-ready", "unrelated"), ("degraded", "unrelated"), ("pods", "unrelated")];
    assert_eq!(told(&nothing, &long_ago, &affected), rows(&unrelated));
    let just_now = pass(vec![lost().since(Some(ago(610))), on_node(), degraded()]);
    assert_eq!(told(&nothing, &just_now, &affected), rows(&suspected), "clocks differ");

    let before = Baseline::of(&pass(vec![lost()]), &[]);
    let known = pass(vec![lost(), on_node()]);
    assert_eq!(told(&before, &known, &affected), rows(&[("pods", "unrelated")]));
}

#[test]
fn what_was_there_before_is_never_a_changes_fault() {
    let (shop, deployment) = shop();
    let affected = [shop];
    let crash = |verdict| found(Probe::Pods, "crash-loop", &deployment, verdict);
    let known = |finding: Finding| Baseline::of(&pass(vec![finding]), &[]);
    let mut accepted = crash(Verdict::Yellow);
    accepted.accept(ago(-600), "known");
    for (before, now, expected) in [
        (Baseline::default(), Verdict::Red, "attributed"),
        // Its acceptance has ended, or it was only listed and counts now.
        (known(accepted.clone()), Verdict::Yellow, "unrelated"),
        (known(crash(Verdict::Red).listed_only()), Verdict::Red, "suspected"),
        // It is worse than what was accepted.
        (known(accepted), Verdict::Red, "suspected"),
        (known(crash(Verdict::Yellow).listed_only()), Verdict::Red, "suspected"),
    ] {
        let after = pass(vec![crash(now)]);
        assert_eq!(new_findings(&before, &after).len(), 1, "it closes the gate all the same");
        assert_eq!(told(&before, &after, &affected), rows(&[("crash-loop", expected)]), "{before:?}");
    }
    // What was listed may have lain there: it clears nothing that follows from it.
    for verdict in [Verdict::Yellow, Verdict::Red] {
        let debris = |verdict| found(Probe::Pods, "evicted", &deployment, verdict);
        let before = known(debris(Verdict::Yellow).listed_only());
        let failed = found(Probe::Pods, "rollout-failed", &deployment, Verdict::Red)
            .resting_on(Grounds::each([deployment.clone()]));
        let after = pass(vec![debris(verdict), failed]);
        assert!(after.findings().any(|finding| finding.cause.is_some()), "it is folded below the debris");
        let expected = [("evicted", "suspected"), ("rollout-failed", "attributed")];
        assert_eq!(told(&before, &after, &affected), rows(&expected));
    }
    // But what follows from a node is no more the change's than that, although it belongs to what was changed.
    let node = ObjectRef::new("Node", "", "metal1");
    let pressed = |verdict| found(Probe::Nodes, "disk-pressure", &node, verdict);
    let before = known(pressed(Verdict::Yellow).listed_only());
    let pods = crash(Verdict::Red).resting_on(Grounds::each([node.clone()]));
    for (verdict, expected) in [(Verdict::Yellow, "suspected"), (Verdict::Red, "suspected")] {
        let after = pass(vec![pressed(verdict), pods.clone()]);
        assert_eq!(
            told(&before, &after, &affected),
            rows(&[("disk-pressure", expected), ("crash-loop", expected)])
        );
    }
}

#[test]
fn a_sync_that_had_failed_before_and_fails_again_tells_nothing_of_the_change() {
    const HOOK: &str = "one or more synchronization tasks completed unsuccessfully";
    let (shop, _) = shop();
    let saying = |message: &str, phase, partial| {
        let mut application = application("shop");
        application.operation = Some(OperationState {
            phase,
            message: message.to_owned(),
            revisions: Vec::new(),
            partial,
            sources: Vec::new(),
            begun_by: crate::cluster::BegunBy::Itself,
            retries: 0,
            started_at: None,
            finished_at: None,
        });
        FailedBefore::of(&application)
    };
    let failed = |phase, partial| saying(HOOK, phase, partial);
    assert_eq!(failed(OperationPhase::Succeeded, false), None);
    assert_eq!(failed(OperationPhase::Failed, true), None, "of a few objects alone");
    let failed = failed(OperationPhase::Failed, false).expect("it failed");
    let before = Baseline::of(&pass(Vec::new()), &[failed]);
    let told_now = |why: &str| {
        let evidence = format!("operation Failed at 1: {why}");
        let sync = Finding { evidence, ..found(Probe::ArgoCd, "sync-failed", &shop.object, Verdict::Red) };
        pass(vec![
            sync,
            found(Probe::ArgoCd, "degraded", &shop.object, Verdict::Red),
            found(Probe::Jobs, "failed", &ObjectRef::new("Job", "web", "migrate-2"), Verdict::Red),
        ])
    };
    let after = told_now(HOOK);
    let again = [("degraded", "attributed"), ("sync-failed", "suspected"), ("failed", "suspected")];
    assert_eq!(told(&before, &after, std::slice::from_ref(&shop)), rows(&again));
    let first = [("degraded", "attributed"), ("sync-failed", "attributed"), ("failed", "attributed")];
    assert_eq!(told(&Baseline::default(), &after, std::slice::from_ref(&shop)), rows(&first));
    // A manifest was refused, and a hook fails now; or one is now, in other words.
    let refused = "one or more objects failed to apply, reason: Deployment.apps \"shop\" is invalid";
    let before = saying(&format!("{refused} (retried 5 times)."), OperationPhase::Failed, false);
    let before = Baseline::of(&pass(Vec::new()), &before.into_iter().collect::<Vec<_>>());
    assert_eq!(told(&before, &after, std::slice::from_ref(&shop)), rows(&first));
    let other = told_now("one or more objects failed to apply, reason: Service \"shop\" is invalid");
    assert_eq!(told(&before, &other, std::slice::from_ref(&shop)), rows(&first));
    let alike = told_now(&format!("{refused}. Retrying attempt #3 at 1:36AM."));
    let again = [("degraded", "attributed"), ("sync-failed", "suspected"), ("failed", "attributed")];
    assert_eq!(told(&before, &alike, &[shop]), rows(&again));
}

#[test]
fn only_a_time_that_is_a_beginning_tells_that_it_began_before() {
    let (shop, deployment) = shop();
    let affected = [shop];
    for (rule, verdict, expected) in [
        ("rollout-failed", Verdict::Red, "unrelated"),
        ("not-ready", Verdict::Red, "unrelated"),
        // These tell when the pod was made, or the youngest of them.
        ("unavailable", Verdict::Red, "attributed"),
        ("image-pull", Verdict::Red, "attributed"),
        ("container-config", Verdict::Red, "attributed"),
        ("evicted", Verdict::Red, "suspected"),
        ("rollout-failed", Verdict::Unknown, "attributed"),
    ] {
        let old = found(Probe::Pods, rule, &deployment, verdict).since(Some(ago(4_000)));
        let told = told(&Baseline::default(), &pass(vec![old]), &affected);
        assert_eq!(told, rows(&[(rule, expected)]));
    }
}

#[test]
fn a_run_that_was_made_before_a_change_is_not_its_fault() {
    use super::super::probes::judge_jobs;
    use crate::cluster::{Batch, Condition, ConditionStatus, CronJob, Job};
    let backup = ObjectRef::new("CronJob", "web", "backup");
    let mut shop = application("shop");
    shop.resources = vec![ApplicationResource { object: backup.clone(), health: None }];
    let affected = [Owner::from(&shop)];
    let failed = |name: &str, made: i64, failed: i64| Job {
        object: ObjectRef::new("Job", "web", name),
        owner: Some(backup.clone()),
        conditions: vec![Condition {
            kind: "Failed".to_owned(),
            status: ConditionStatus::True,
            reason: "BackoffLimitExceeded".to_owned(),
            message: String::new(),
            since: Some(ago(failed)),
            heartbeat: None,
        }],
        suspended: false,
        deadline: None,
        created_at: Some(ago(made)),
        started_at: Some(ago(made)),
        completed_at: None,
        deleted_at: None,
        upgrades: None,
    };
    let cron_job = CronJob {
        object: backup.clone(),
        suspended: false,
        active: 0,
        scheduled_at: Some(ago(900)),
        succeeded_at: Some(ago(90_000)),
    };
    for (jobs, expected) in [
        (vec![failed("backup-1", 900, 100)], "unrelated"),
        (vec![failed("backup-1", 500, 100)], "attributed"),
        (vec![failed("backup-1", 900, 200), failed("backup-2", 500, 100)], "attributed"),
        (vec![failed("backup-1", 900, 100), failed("backup-2", 500, 200)], "attributed"),
    ] {
        let batch = Batch { jobs, cron_jobs: vec![cron_job.clone()] };
        let judged = judge_jobs(&batch, ago(0), Duration::from_mins(5));
        let found = judged.findings.clone();
        assert_eq!(found[0].since, Some(ago(100)), "it orders by when it failed");
        assert_eq!(told(&Baseline::default(), &pass(found), &affected), rows(&[("run-failed", expected)]));
    }
    let overrun = |name: &str, made: i64| Job {
        conditions: Vec::new(),
        deadline: Some(Duration::from_mins(1)),
        ..failed(name, made, 0)
    };
    for (jobs, expected) in [
        (vec![overrun("backup-1", 900)], "unrelated"),
        (vec![overrun("backup-1", 900), overrun("backup-2", 500)], "attributed"),
    ] {
        let batch = Batch { jobs, cron_jobs: vec![cron_job.clone()] };
        let judged = judge_jobs(&batch, ago(0), Duration::from_mins(5));
        let told = told(&Baseline::default(), &pass(judged.findings), &affected);
        assert_eq!(told, rows(&[("deadline-passed", expected)]));
    }
}

#[test]
fn nor_is_a_pod_of_such_a_run() {
    use super::super::Settings;
    use super::super::probes::{Mounts, PodsReading, judge_pods};
    use crate::cluster::{
        Condition, ConditionStatus, Container, ContainerState, Node, NodeMarks, Pod, PodLedger, PodPhase,
    };
    let backup = ObjectRef::new("CronJob", "web", "backup");
    let mut shop = application("shop");
    shop.resources = vec![ApplicationResource { object: backup, health: None }];
    let affected = [Owner::from(&shop)];
    let pod = |minute: u32, name: &str, phase: PodPhase, made: i64| Pod {
        namespace: "web".to_owned(),
        name: name.to_owned(),
        phase,
        reason: String::new(),
        message: String::new(),
        conditions: Vec::new(),
        node: Some("metal1".to_owned()),
        created_at: Some(ago(made)),
        deleted_at: None,
        owner: Some(ObjectRef::new("Job", "web", &format!("backup-2938000{minute}"))),
        containers: vec![Container {
            name: "app".to_owned(),
            init: false,
            image: "registry.example.org/app:1".to_owned(),
            ready: false,
            restarts: 3,
            state: ContainerState::Waiting { reason: "CrashLoopBackOff".to_owned(), message: String::new() },
            last_state: Some(ContainerState::Terminated {
                reason: "Error".to_owned(),
                exit_code: 1,
                finished_at: Some(ago(30)),
                message: String::new(),
                disk: None,
            }),
        }],
        claims: Vec::new(),
        labels: std::collections::BTreeMap::new(),
    };
    let crashing = |minute, name, made| pod(minute, name, PodPhase::Running, made);
    let failed = |minute, name, made| pod(minute, name, PodPhase::Failed, made);
    let nodes = [Node {
        name: "metal1".to_owned(),
        conditions: vec![Condition {
            kind: "Ready".to_owned(),
            status: ConditionStatus::True,
            reason: String::new(),
            message: String::new(),
            since: Some(ago(9_000_000)),
            heartbeat: None,
        }],
        unschedulable: false,
        kubelet_version: String::new(),
        lease_renewed: Some(ago(1)),
        marks: NodeMarks::default(),
        allocatable: None,
    }];
    let judge = |pods: Vec<Pod>| {
        let mut ledger = PodLedger::new(Settings::default().recent_end());
        for pod in pods {
            ledger.put(pod, ago(0));
        }
        let reading = PodsReading {
            pods: &ledger,
            workloads: &[],
            nodes: &nodes,
            in_work: &std::collections::HashSet::new(),
            mounts: &Mounts::default(),
        };
        judge_pods(&reading, ago(0), Duration::from_mins(5), &Settings::default()).others.findings
    };
    for (name, pods, expected) in [
        ("it crashes", vec![crashing(1, "a", 900)], ("crash-loop", "unrelated")),
        ("made after the change", vec![crashing(1, "a", 500)], ("crash-loop", "attributed")),
        (
            "of a run before it and one after it",
            vec![crashing(1, "a", 900), crashing(2, "b", 500)],
            ("crash-loop", "attributed"),
        ),
        ("it failed, and may be tried again", vec![failed(1, "a", 900)], ("job-failed", "unrelated")),
        (
            "tried again after the change",
            vec![failed(1, "a", 900), failed(1, "b", 500)],
            ("job-failed", "unrelated"),
        ),
        ("failed, and made after the change", vec![failed(1, "a", 500)], ("job-failed", "attributed")),
    ] {
        let told = told(&Baseline::default(), &pass(judge(pods)), &affected);
        assert_eq!(told, rows(&[expected]), "{name}");
    }
    let nobodys = Pod { owner: Some(ObjectRef::new("StatefulSet", "web", "b")), ..crashing(1, "a", 900) };
    assert_eq!(judge(vec![nobodys])[0].made_at, None, "only a run is made with what was there then");
}

#[test]
fn what_blocked_before_is_not_new() {
    let after = recon_at(ago(0), Verdict::Red);
    assert_eq!(new_findings(&Baseline::default(), &after).len(), 1);
    assert!(new_findings(&Baseline::of(&after, &[]), &after).is_empty());
    // As older versions wrote it down.
    let ids: Vec<&FindingId> = after.blocking().map(|finding| &finding.id).collect();
    let written = serde_json::to_value(ids).expect("written");
    let before: Baseline = serde_json::from_value(written).expect("read");
    assert!(new_findings(&before, &after).is_empty());
    let written = serde_json::to_value(Baseline::of(&after, &[])).expect("written");
    assert_eq!(serde_json::from_value::<Baseline>(written).expect("read"), Baseline::of(&after, &[]));
}

#[test]
fn what_was_as_bad_before_is_excused_while_a_change_is_undone() {
    let after = recon_at(ago(0), Verdict::Yellow);
    let known = Baseline::of(&recon_at(ago(600), Verdict::Yellow), &[]);
    assert_eq!(known.as_bad_as_before(&after).len(), 1);
    assert!(known.as_bad_as_before(&recon_at(ago(0), Verdict::Red)).is_empty(), "it is worse");
    assert!(Baseline::default().as_bad_as_before(&after).is_empty());
}
