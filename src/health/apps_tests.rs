//! Jobs, budgets, Services and who works on nodes, against the simulated API server, over real HTTP, with the rights that the
//! deployment's manifests give and no more.

use super::super::{Before, Finding, Hindsight, Layer, Recon, Settings, Verdict, recon};
use super::*;
use crate::cluster::{self, Kubernetes};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sim::kubernetes as simulated;
use sim::kubernetes::{Fault, Matcher, Options};
use std::time::Duration;

const MANIFESTS: [&str; 4] = [
    include_str!("../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../deploy/kustomize/base/rbac-lease.yaml"),
];

/// A cluster of one node, and caretaker's client for it.
struct Scene {
    server: simulated::Kubernetes,
    client: Kubernetes,
    settings: Settings,
}

impl Scene {
    async fn begin() -> Self {
        let server = simulated::Kubernetes::start(Options::default()).await.expect("the simulator starts");
        for manifest in MANIFESTS {
            server.apply_manifests(manifest).expect("the manifests are taken");
        }
        for namespace in ["web", "kube-system", "system-upgrade"] {
            server.namespace(namespace);
        }
        let token = server.create_token("system:serviceaccount:caretaker:caretaker");
        let client = Kubernetes::from_kubeconfig(&server.kubeconfig(&token), &cluster::Settings::default())
            .await
            .expect("a client");
        let scene = Self { server, client, settings: Settings::default() };
        scene.node("True", "v1.36.2", &json!({}), &json!({}));
        scene
    }

    fn node(&self, ready: &str, version: &str, annotations: &Value, spec: &Value) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "metal1", "annotations": annotations}, "spec": spec,
            "status": {"nodeInfo": {"kubeletVersion": version}, "conditions": [{"type": "Ready", "status": ready,
                "lastHeartbeatTime": ago(1), "lastTransitionTime": ago(400)}]}}));
    }

    /// A `CronJob` that is begun every night.
    fn cron_job(&self, suspend: bool) {
        self.server.apply(json!({"apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"namespace": "web", "name": "backup"},
            "spec": {"schedule": "0 3 * * *", "suspend": suspend, "jobTemplate": {}},
            "status": {"lastScheduleTime": ago(7_200)}}));
    }

    /// A Job that ended so long ago.
    fn ended(&self, name: &str, owner: &Value, kind: &str, seconds: i64) {
        let completed = (kind == "Complete").then(|| ago(seconds));
        self.server.apply(json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"namespace": "web", "name": name, "ownerReferences": owner}, "spec": {"template": {}},
            "status": {"startTime": ago(seconds + 60), "completionTime": completed, "conditions": [
                {"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": "a sentence",
                    "lastTransitionTime": ago(seconds)}]}}));
    }

    /// A budget of three pods of which two have to be healthy.
    fn budget(&self, seen: i64, allowed: i64, healthy: i64, reason: &str) {
        let status = if allowed > 0 { "True" } else { "False" };
        self.server.apply(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"namespace": "web", "name": "shop"},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "shop"}}},
            "status": {"observedGeneration": seen, "disruptionsAllowed": allowed, "expectedPods": 3,
                "currentHealthy": healthy, "desiredHealthy": 2, "conditions": [{"type": "DisruptionAllowed",
                    "status": status, "reason": reason, "message": "", "lastTransitionTime": ago(900)}]}}));
    }

    fn service(&self) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": "web", "name": "shop"},
            "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80}]}}));
    }

    fn slice(&self, endpoints: &[bool]) {
        let endpoints: Vec<Value> = endpoints
            .iter()
            .map(|ready| {
                json!({"addresses": ["10.42.0.7"], "conditions": {"ready": ready},
                    "targetRef": {"kind": "Pod", "namespace": "web", "name": "shop-7d9-x2b"}})
            })
            .collect();
        self.server.apply(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "addressType": "IPv4", "metadata": {"namespace": "web", "name": "shop-x2b", "creationTimestamp": ago(900),
                "labels": {"kubernetes.io/service-name": "shop"}}, "endpoints": endpoints}));
    }

    /// The pod of the slice, which is ready and of this owner.
    fn answering(&self, kind: &str, name: &str) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "web", "name": "shop-7d9-x2b", "creationTimestamp": ago(900),
                "labels": {"app": "shop", "pod-template-hash": "7d9"}, "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "1", "controller": true}]},
            "spec": {"nodeName": "metal1"}, "status": {"phase": "Running",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ago(890)}]}}));
    }

    /// The lease of the control plane's controllers.
    fn controllers(&self, seconds: i64) {
        let renewed =
            (Timestamp::now() - SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%S.%6fZ");
        self.server.apply(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"namespace": "kube-system", "name": "kube-controller-manager"},
            "spec": {"holderIdentity": "metal1_1", "leaseDurationSeconds": 15, "renewTime": renewed.to_string()}}));
    }

    async fn pass(&self) -> Recon {
        let place = cluster::Settings::default();
        let surroundings = Surroundings {
            settings: &self.settings,
            cluster: &place,
            grace: Duration::from_mins(5),
            freshness: cluster::Freshness::Proven,
            audit: false,
            after: None,
        };
        recon(&self.client, &surroundings, Timestamp::now()).await
    }

    async fn probe(&self, probe: Probe) -> ProbeResult {
        self.pass().await.probes.into_iter().find(|result| result.probe == probe).expect("the probe answers")
    }

    /// Rules, objects and verdicts of what blocks by a probe.
    async fn found(&self, probe: Probe) -> Vec<(String, String, Verdict)> {
        let told = |one: &Finding| (one.id.rule.clone(), one.id.object.to_string(), one.verdict);
        self.probe(probe).await.findings.iter().filter(|one| !one.informational).map(told).collect()
    }
}

fn ago(seconds: i64) -> String {
    (Timestamp::now() - SignedDuration::from_secs(seconds)).to_string()
}

fn one(rule: &str, object: &str, verdict: Verdict) -> Vec<(String, String, Verdict)> {
    vec![(rule.to_owned(), object.to_owned(), verdict)]
}

#[tokio::test]
async fn what_runs_by_the_clock_is_judged_by_its_newest_run_and_other_jobs_by_themselves() {
    let scene = Scene::begin().await;
    assert!(!scene.probe(Probe::Jobs).await.used);
    scene.cron_job(false);
    let backup = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": "backup", "uid": "1", "controller": true}]);
    scene.ended("backup-29380001", &backup, "Failed", 9_000);
    assert_eq!(scene.found(Probe::Jobs).await, one("run-failed", "CronJob web/backup", Verdict::Red));
    scene.ended("backup-29380002", &backup, "Complete", 7_000);
    let result = scene.probe(Probe::Jobs).await;
    assert_eq!((result.verdict, result.findings.len()), (Verdict::Green, 0), "{result:?}");
    assert_eq!(result.summary, "1 of 1 Jobs and CronJobs well");
    scene.ended("backup-29380003", &backup, "Failed", 100);
    let result = scene.probe(Probe::Jobs).await;
    assert_eq!(result.verdict, Verdict::Yellow);
    let found = &result.findings[0];
    assert!(
        found.evidence.starts_with("Job web/backup-29380003: Failed is True: BackoffLimitExceeded"),
        "{found:?}"
    );
    assert!(found.since.is_some());

    scene.cron_job(true);
    scene.ended("migrate", &json!([]), "Failed", 9_000);
    assert_eq!(scene.found(Probe::Jobs).await, one("failed", "Job web/migrate", Verdict::Red));
    let listed = scene.probe(Probe::Jobs).await.findings.into_iter().find(|one| one.id.rule == "suspended");
    assert_eq!(listed.expect("named").id.object.to_string(), "CronJob web/backup");
}

#[tokio::test]
async fn a_budget_blocks_by_what_its_controller_counted_for_it_as_it_is() {
    let scene = Scene::begin().await;
    let object = "PodDisruptionBudget web/shop";
    assert!(!scene.probe(Probe::DisruptionBudgets).await.used);
    scene.budget(1, 1, 3, "SufficientPods");
    let result = scene.probe(Probe::DisruptionBudgets).await;
    assert_eq!((result.used, result.verdict, result.findings.len()), (true, Verdict::Green, 0), "{result:?}");
    for (seen, allowed, healthy, reason, rule, verdict) in [
        (1, 0, 2, "InsufficientPods", "used-up", Verdict::Yellow),
        (1, 0, 1, "InsufficientPods", "too-few-healthy", Verdict::Red),
        (1, 0, 3, "SyncFailed", "sync-failed", Verdict::Unknown),
        (0, 1, 3, "SufficientPods", "not-observed", Verdict::Unknown),
    ] {
        scene.budget(seen, allowed, healthy, reason);
        assert_eq!(scene.found(Probe::DisruptionBudgets).await, one(rule, object, verdict));
    }
}

#[tokio::test]
async fn a_service_is_judged_by_its_slices_and_by_the_pods_that_it_selects() {
    let scene = Scene::begin().await;
    let red = one("no-endpoints", "Service web/shop", Verdict::Red);
    assert!(!scene.probe(Probe::Services).await.used);
    scene.service();
    scene.slice(&[true, false]);
    let result = scene.probe(Probe::Services).await;
    assert_eq!((result.used, result.verdict, result.findings.len()), (true, Verdict::Green, 0), "{result:?}");
    scene.slice(&[false]);
    assert_eq!(scene.found(Probe::Services).await, red);
    scene.slice(&[]);
    let result = scene.probe(Probe::Services).await;
    assert_eq!((result.verdict, result.findings.len()), (Verdict::Green, 1), "listed: {result:?}");
    assert_eq!(result.findings[0].id.rule, "selects-nothing");
    scene.server.apply(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "web", "name": "shop-1", "labels": {"app": "shop"},
            "creationTimestamp": ago(900)},
        "spec": {"containers": [{"name": "shop", "image": "shop:1"}]}, "status": {"phase": "Pending"}}));
    let found = scene.found(Probe::Services).await;
    assert_eq!((found.len(), found[0].0.as_str()), (1, "no-endpoints"), "{found:?}");
    scene.server.delete(&simulated::ENDPOINT_SLICE, Some("web"), "shop-x2b");
    assert_eq!(scene.found(Probe::Services).await, one("not-reported", "Service web/shop", Verdict::Yellow));
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_so_is_the_word_of_controllers_that_are_silent() {
    let scene = Scene::begin().await;
    scene.cron_job(false);
    scene.server.merge_patch_status(
        &simulated::CRON_JOB,
        Some("web"),
        "backup",
        &json!({"lastSuccessfulTime": ago(7_000)}),
    );
    scene.budget(1, 1, 3, "SufficientPods");
    scene.service();
    scene.slice(&[true]);
    let three = [Probe::Jobs, Probe::DisruptionBudgets, Probe::Services];
    let apps = |pass: &Recon| -> (Verdict, Vec<Probe>) {
        let blocking = pass.blocking().filter(|one| one.layer == Layer::Apps).map(|one| one.id.probe);
        (pass.layers()[&Layer::Apps], blocking.collect())
    };
    assert_eq!(apps(&scene.pass().await), (Verdict::Green, vec![]), "no leader is elected");
    for (verb, resource, probes) in [
        ("list", "jobs", &three[..1]),
        ("list", "cronjobs", &three[..1]),
        ("list", "poddisruptionbudgets", &three[1..2]),
        ("list", "services", &three[2..]),
        ("list", "endpointslices", &three[2..]),
        ("get", "leases", &three[..]),
    ] {
        for fault in [Fault::Forbid, Fault::Status(404)] {
            // A lease that is not there is none that anybody renews.
            let expected = if resource == "leases" && fault == Fault::Status(404) {
                (Verdict::Green, vec![])
            } else {
                (Verdict::Unknown, probes.to_vec())
            };
            let added = scene.server.faults().add(Matcher::of(verb, resource), fault);
            assert_eq!(apps(&scene.pass().await), expected, "{verb} {resource} {fault:?}");
            scene.server.faults().remove(added);
        }
    }
    scene.controllers(3);
    assert_eq!(apps(&scene.pass().await), (Verdict::Green, vec![]));
    scene.controllers(300);
    let pass = scene.pass().await;
    assert_eq!(
        apps(&pass),
        (Verdict::Unknown, three.to_vec()),
        "although all of them say that they are well"
    );
    let mut told = pass.blocking().filter(|one| one.layer == Layer::Apps);
    assert!(told.all(|one| one.id.rule == "controllers-silent"), "{pass:?}");
    // Three probes, one thing: people are told once.
    let silent = pass.by_cause();
    let silent: Vec<_> = silent.iter().filter(|(cause, _)| cause.id.rule == "controllers-silent").collect();
    assert!(matches!(silent.as_slice(), [(_, following)] if following.is_empty()), "{silent:?}");
    let blocked = crate::health::closed_by(&pass, &std::collections::BTreeSet::new());
    let blocked: Vec<_> = blocked.iter().filter(|one| one.why.contains("controllers are silent")).collect();
    assert!(matches!(blocked.as_slice(), [one] if !one.why.contains("follow")), "{blocked:?}");
    let down = scene.server.faults().add(Matcher::all(), Fault::Status(503));
    assert_eq!(crate::wording::what_is_unknown(&scene.pass().await), "the cluster cannot be read");
    scene.server.faults().remove(down);
    // What may not be a cause is told for itself where nobody else says it.
    for kind in [(&simulated::CRON_JOB, "backup"), (&simulated::SERVICE, "shop")] {
        scene.server.delete(kind.0, Some("web"), kind.1);
    }
    let pass = scene.pass().await;
    assert_eq!(apps(&pass), (Verdict::Unknown, vec![Probe::DisruptionBudgets]));
    let told = pass.by_cause();
    assert!(told.iter().any(|(cause, _)| cause.id.rule == "controllers-silent"), "{pass:?}");
}

#[tokio::test]
async fn work_on_a_node_is_on_its_way_and_what_nobody_works_on_is_not() {
    let scene = Scene::begin().await;
    assert_eq!(scene.found(Probe::Nodes).await, []);
    let away = one("not-ready", "Node metal1", Verdict::Red);
    let in_work = one("in-work", "Node metal1", Verdict::Yellow);
    scene.node("Unknown", "v1.36.2", &json!({}), &json!({}));
    assert_eq!(scene.found(Probe::Nodes).await, away);
    // One of a DaemonSet stays where it is while its node is started again.
    scene.server.apply(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "kube-system", "name": "cni-x2b", "creationTimestamp": ago(90_000),
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "cni", "uid": "1",
                "controller": true}]},
        "spec": {"nodeName": "metal1"}, "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ago(80_000)}]}}));
    let stays = |verdict| one("node-not-ready", "DaemonSet kube-system/cni", verdict);
    assert_eq!(scene.found(Probe::KubeSystem).await, stays(Verdict::Red));

    let locked =
        |node: &str, seconds: i64| json!({"nodeID": node, "created": ago(seconds), "TTL": 0}).to_string();
    let lock = |node: &str| locked(node, 120);
    let kured = |lock: String| {
        scene.server.apply(json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"namespace": "kube-system", "name": "kured", "annotations": {"weave.works/kured-node-lock": lock}},
            "spec": {"selector": {"matchLabels": {"app": "kured"}}, "template": {"metadata": {"labels": {"app": "kured"}},
                "spec": {"containers": [{"name": "kured", "image": "kured:1"}]}}},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1,
                "updatedNumberScheduled": 1, "numberAvailable": 1, "numberReady": 1, "numberMisscheduled": 0}}));
    };
    kured(lock("metal1"));
    assert_eq!(scene.found(Probe::Nodes).await, in_work, "although the DaemonSet is complete");
    assert!(scene.probe(Probe::Nodes).await.findings[0].is_on_its_way());
    assert_eq!(scene.found(Probe::KubeSystem).await, stays(Verdict::Yellow));
    let overdue = i64::try_from(scene.settings.node_work_maximum_seconds).expect("a number") + 60;
    kured(locked("metal1", overdue));
    assert_eq!(scene.found(Probe::KubeSystem).await, stays(Verdict::Red), "it takes too long");
    kured(lock("metal2"));
    assert_eq!(scene.found(Probe::Nodes).await, away);

    let marked = json!({"weave.works/kured-reboot-in-progress": ago(60)});
    scene.node("Unknown", "v1.36.2", &marked, &json!({}));
    assert_eq!(scene.found(Probe::Nodes).await, in_work);
    scene.node("True", "v1.36.2", &marked, &json!({}));
    assert_eq!(scene.found(Probe::Nodes).await, one("reboot-required", "Node metal1", Verdict::Yellow));

    let cordoned = json!({"unschedulable": true});
    scene.node("True", "v1.36.2", &json!({}), &cordoned);
    assert_eq!(scene.found(Probe::Nodes).await, one("cordoned", "Node metal1", Verdict::Yellow));
    scene.server.apply(json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"namespace": "system-upgrade", "name": "apply-k3s-on-metal1",
            "labels": {"upgrade.cattle.io/node": "metal1", "upgrade.cattle.io/plan": "k3s"}},
        "spec": {"template": {}}, "status": {"startTime": ago(60), "active": 1}}));
    assert_eq!(scene.found(Probe::Nodes).await, in_work);

    scene.node("True", "v1.37.0", &json!({}), &json!({}));
    scene.server.delete(&simulated::JOB, Some("system-upgrade"), "apply-k3s-on-metal1");
    assert_eq!(scene.found(Probe::Nodes).await, one("kubelet-newer", "Node metal1", Verdict::Red));
}

#[tokio::test]
async fn a_service_that_was_cut_off_between_two_looks_counts_and_one_scaled_to_nothing_does_not() {
    let scene = Scene::begin().await;
    let mut hindsight = Hindsight::default();
    let mut look = async || {
        let mut recon = scene.pass().await;
        let (window, grace) = (Duration::from_mins(15), Duration::from_mins(5));
        hindsight.observe(&mut recon, Before::default(), &scene.settings, window, false, grace);
        let told = |one: &Finding| (one.id.rule.clone(), one.informational);
        let services = recon.probes.iter().find(|one| one.probe == Probe::Services).expect("it answers");
        (services.verdict, services.findings.iter().map(told).collect::<Vec<_>>())
    };
    let listed = |rule: &str| (Verdict::Green, vec![(rule.to_owned(), true)]);
    scene.service();
    scene.slice(&[]);
    assert_eq!(look().await, listed("selects-nothing"));
    scene.slice(&[true]);
    scene.answering("Job", "shop-index");
    assert_eq!(look().await, (Verdict::Green, Vec::new()));
    scene.slice(&[]);
    assert_eq!(look().await, listed("selects-nothing"), "a Job has ended");
    scene.slice(&[true]);
    scene.answering("ReplicaSet", "shop-7d9");
    assert_eq!(look().await, (Verdict::Green, Vec::new()));
    scene.slice(&[]);
    // A pod answered a moment ago.
    assert_eq!(look().await, (Verdict::Yellow, vec![("disconnected".to_owned(), false)]));
    scene.server.apply(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "web", "name": "shop", "generation": 1},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop:1"}]}}},
        "status": {"observedGeneration": 1}}));
    assert_eq!(look().await, listed("pods-not-made"));
}

#[tokio::test]
async fn a_service_that_a_merge_cut_off_stays_so_after_a_restart() {
    let scene = Scene::begin().await;
    let (window, grace) = (Duration::from_mins(15), Duration::from_mins(5));
    scene.service();
    scene.slice(&[true]);
    scene.answering("ReplicaSet", "shop-7d9");
    let plan = scene.pass().await.without_endpoints().expect("read");
    let journalled = serde_json::to_string(&plan).expect("written");
    // The merge: the selector fits no pod any more.
    scene.server.apply(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "web", "name": "shop"},
        "spec": {"selector": {"app": "shp"}, "ports": [{"port": 80}]}}),
    );
    scene.slice(&[]);
    for (told, rule) in [(true, "disconnected"), (false, "selects-nothing")] {
        let mut hindsight = Hindsight::default();
        let plan = serde_json::from_str(&journalled).expect("read again");
        let before = Before { without_endpoints: told.then_some(plan), ..Before::default() };
        let mut recon = scene.pass().await;
        hindsight.observe(&mut recon, before, &scene.settings, window, false, grace);
        let found = recon.findings().find(|one| one.id.probe == Probe::Services).expect("found");
        assert_eq!((found.id.rule.as_str(), found.informational), (rule, !told));
    }
}
