use super::pods;
use super::workloads::{Around, Judged, take_budget, take_node};
use super::*;
use crate::cluster::{self, Freshness, Kubernetes};
use crate::health::probes::testing::{ago, now};
use crate::health::{Recon, Surroundings, recon};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sim::kubernetes::{self as simulated, Options};
use std::time::Duration;

fn of<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("an object of its kind")
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
}

fn budget(selector: &Value) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "shop", "namespace": "web"}, "spec": {"selector": selector, "maxUnavailable": 1}})
}

/// So many nodes, and a budget for the shop.
fn around(nodes: usize) -> Around {
    let (mut read, mut budgets) = (Vec::new(), Vec::new());
    for number in 0..nodes {
        take_node(&mut read, of(node(&format!("metal{number}"))));
    }
    take_budget(&mut budgets, of(budget(&json!({"matchLabels": {"app": "shop"}}))));
    Around { nodes: Some(read), budgets: Some(budgets) }
}

/// A container that lacks nothing.
fn container() -> Value {
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}});
    json!({"name": "app", "image": "registry.example.org/shop:1.2.3", "imagePullPolicy": "IfNotPresent",
        "readinessProbe": probe, "livenessProbe": probe,
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}})
}

/// A workload of that kind that lacks nothing.
fn workload(kind: &str) -> Value {
    let pod = json!({"containers": [container()],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway"}]});
    let template = json!({"metadata": {"labels": {"app": "shop"}}, "spec": pod});
    let claims = json!([{"metadata": {"name": "data"}, "spec": {}}]);
    let spec = match kind {
        "CronJob" => json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template}}}),
        "StatefulSet" => {
            json!({"replicas": 2, "selector": {}, "serviceName": "shop", "template": template,
                "volumeClaimTemplates": claims})
        }
        _ => json!({"replicas": 2, "selector": {}, "template": template}),
    };
    let api_version = if kind == "CronJob" { "batch/v1" } else { "apps/v1" };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "shop", "namespace": "web"}, "spec": spec})
}

fn judge(object: Value, around: &Around) -> Vec<Finding> {
    let mut judged = Judged::default();
    match object["kind"].as_str() {
        Some("Deployment") => judged.take(of::<Deployment>(object).into(), around),
        Some("StatefulSet") => judged.take(of::<StatefulSet>(object).into(), around),
        Some("DaemonSet") => judged.take(of::<DaemonSet>(object).into(), around),
        Some("CronJob") => judged.take(of::<CronJob>(object).into(), around),
        _ => judged.take_autoscaler(&of(object), around),
    }
    judged.findings
}

fn rules(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.id.rule.as_str()).collect()
}

/// What is changed, where in the pod or the spec, and which rules then fire.
type Case = (&'static str, &'static str, fn(&mut Value), usize, &'static [&'static str]);

#[test]
fn every_rule_for_a_workload() {
    const DEPLOYMENT: &str = "/spec/template/spec";
    fn pod(object: &mut Value) -> &mut Value {
        object.pointer_mut(DEPLOYMENT).expect("a pod")
    }
    fn first(object: &mut Value) -> &mut Value {
        &mut pod(object)["containers"][0]
    }
    fn apart(object: &mut Value) {
        pod(object)["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "shop"}}}]}});
    }
    let cases: Vec<Case> = vec![
        ("lacks nothing", "Deployment", |_| {}, 2, &[]),
        ("lacks nothing", "StatefulSet", |_| {}, 2, &[]),
        ("lacks nothing", "DaemonSet", |_| {}, 1, &[]),
        ("lacks nothing", "CronJob", |_| {}, 1, &[]),
        (
            "no readiness probe",
            "DaemonSet",
            |o| first(o)["readinessProbe"] = Value::Null,
            1,
            &["no-readiness-probe"],
        ),
        (
            "no liveness probe",
            "Deployment",
            |o| first(o)["livenessProbe"] = Value::Null,
            2,
            &["no-liveness-probe"],
        ),
        (
            "a helper beside it has none",
            "Deployment",
            |o| {
                let mut helper = container();
                helper["readinessProbe"] = Value::Null;
                helper["livenessProbe"] = Value::Null;
                pod(o)["containers"].as_array_mut().expect("containers").push(helper);
            },
            2,
            &[],
        ),
        ("a wait", "Deployment", |o| first(o)["livenessProbe"]["initialDelaySeconds"] = json!(29), 2, &[]),
        (
            "a long wait",
            "Deployment",
            |o| first(o)["livenessProbe"]["initialDelaySeconds"] = json!(30),
            2,
            &["no-startup-probe"],
        ),
        (
            "a long wait and a startup probe",
            "Deployment",
            |o| {
                first(o)["livenessProbe"]["initialDelaySeconds"] = json!(300);
                first(o)["startupProbe"] = json!({"tcpSocket": {"port": 8080}});
            },
            2,
            &[],
        ),
        (
            "no request of memory",
            "CronJob",
            |o| {
                let at = "/spec/jobTemplate/spec/template/spec/containers/0/resources";
                *o.pointer_mut(at).expect("resources") = json!({"requests": {"cpu": "10m"}});
            },
            1,
            &["no-requests", "no-memory-limit"],
        ),
        (
            "a limit is a request",
            "Deployment",
            |o| {
                first(o)["resources"] = json!({"limits": {"cpu": "1", "memory": "128Mi"}});
            },
            2,
            &[],
        ),
        (
            "no resources at all",
            "Deployment",
            |o| first(o)["resources"] = Value::Null,
            2,
            &["no-requests", "no-memory-limit"],
        ),
        (
            "an init container without",
            "Deployment",
            |o| {
                pod(o)["initContainers"] = json!([{"name": "init", "image": "registry.example.org/init:1"}]);
            },
            2,
            &["no-requests", "no-memory-limit"],
        ),
        (
            "no tag",
            "Deployment",
            |o| first(o)["image"] = json!("registry.example.org:5000/shop"),
            2,
            &["moving-image"],
        ),
        ("latest", "Deployment", |o| first(o)["image"] = json!("shop:latest"), 2, &["moving-image"]),
        ("a digest", "Deployment", |o| first(o)["image"] = json!("shop@sha256:0123"), 2, &[]),
        ("latest by digest", "Deployment", |o| first(o)["image"] = json!("shop:latest@sha256:01"), 2, &[]),
        (
            "always pulls",
            "Deployment",
            |o| first(o)["imagePullPolicy"] = json!("Always"),
            2,
            &["pulls-always"],
        ),
        (
            "always pulls what moves",
            "Deployment",
            |o| {
                first(o)["imagePullPolicy"] = json!("Always");
                first(o)["image"] = json!("shop:latest");
            },
            2,
            &["moving-image"],
        ),
        (
            "no budget",
            "Deployment",
            |o| {
                o["spec"]["template"]["metadata"]["labels"] = json!({"app": "blog"});
            },
            2,
            &["no-budget"],
        ),
        (
            "no budget of that namespace",
            "Deployment",
            |o| o["metadata"]["namespace"] = json!("blog"),
            2,
            &["no-budget"],
        ),
        (
            "one pod needs none",
            "Deployment",
            |o| {
                o["spec"]["replicas"] = json!(1);
                o["spec"]["template"]["metadata"]["labels"] = json!({"app": "blog"});
            },
            2,
            &[],
        ),
        (
            "one is the default",
            "Deployment",
            |o| {
                o["spec"]["replicas"] = Value::Null;
                o["spec"]["template"]["metadata"]["labels"] = json!({"app": "blog"});
            },
            2,
            &[],
        ),
        (
            "not spread",
            "Deployment",
            |o| pod(o)["topologySpreadConstraints"] = Value::Null,
            2,
            &["not-spread"],
        ),
        (
            "kept apart",
            "Deployment",
            |o| {
                pod(o)["topologySpreadConstraints"] = Value::Null;
                apart(o);
            },
            2,
            &[],
        ),
        (
            "kept apart, more than nodes",
            "StatefulSet",
            |o| {
                o["spec"]["replicas"] = json!(3);
                apart(o);
            },
            2,
            &["cannot-spread"],
        ),
        (
            "several on the only node",
            "Deployment",
            |o| pod(o)["topologySpreadConstraints"] = Value::Null,
            1,
            &["replicas-on-one-node"],
        ),
        (
            "keeps nothing",
            "StatefulSet",
            |o| o["spec"]["volumeClaimTemplates"] = Value::Null,
            2,
            &["no-claim"],
        ),
        (
            "keeps it in memory",
            "StatefulSet",
            |o| {
                o["spec"]["volumeClaimTemplates"] = json!([]);
                pod(o)["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
            },
            2,
            &["no-claim"],
        ),
        (
            "keeps it in a claim of its own",
            "StatefulSet",
            |o| {
                o["spec"]["volumeClaimTemplates"] = Value::Null;
                pod(o)["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
            },
            2,
            &[],
        ),
        (
            "not tried again",
            "CronJob",
            |o| {
                o["spec"]["jobTemplate"]["spec"]["backoffLimit"] = json!(0);
                o["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
            },
            1,
            &["not-retried"],
        ),
        (
            "tried again by the kubelet",
            "CronJob",
            |o| {
                o["spec"]["jobTemplate"]["spec"]["backoffLimit"] = json!(0);
                o["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = json!("OnFailure");
            },
            1,
            &[],
        ),
        (
            "an empty spec",
            "Deployment",
            |o| {
                o["spec"] = json!({"selector": {}, "template": {}});
            },
            2,
            &[],
        ),
    ];
    for (name, kind, change, nodes, expected) in cases {
        let mut object = workload(kind);
        change(&mut object);
        let findings = judge(object, &around(nodes));
        assert_eq!(rules(&findings), expected, "{kind}: {name}");
        for finding in findings {
            assert!(finding.informational && finding.verdict == Verdict::Yellow, "{name}");
            assert!(!finding.evidence.is_empty() && finding.message.starts_with(kind), "{finding:?}");
        }
    }
}

#[test]
fn what_is_not_known_of_nodes_and_budgets_is_not_said() {
    let mut object = workload("Deployment");
    object["spec"]["template"]["spec"]["topologySpreadConstraints"] = Value::Null;
    let nothing = Around { nodes: None, budgets: None };
    assert_eq!(rules(&judge(object.clone(), &nothing)), Vec::<&str>::new());
    let none = Around { nodes: None, budgets: Some(Vec::new()) };
    assert_eq!(rules(&judge(object, &none)), ["no-budget"]);
}

#[test]
fn a_budget_is_about_whom_it_selects() {
    for (selector, expected) in [
        (json!({}), false),
        (json!({"matchLabels": {"app": "shop"}}), false),
        (json!({"matchLabels": {"app": "blog"}}), true),
        (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["blog", "shop"]}]}), false),
        (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["shop"]}]}), true),
        (json!({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["shop"]}]}), false),
        (json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}), true),
        (json!({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}), false),
        (json!({"matchExpressions": [{"key": "tier", "operator": "Nearly"}]}), false),
        (Value::Null, true),
    ] {
        let mut budgets = Vec::new();
        take_budget(&mut budgets, of(budget(&selector)));
        let around = Around { budgets: Some(budgets), ..around(2) };
        let expected: &[&str] = if expected { &["no-budget"] } else { &[] };
        assert_eq!(rules(&judge(workload("Deployment"), &around)), expected, "{selector}");
    }
}

#[test]
fn nodes_that_take_no_pods_hold_none_of_several() {
    for (spec, takes) in [
        (json!({}), true),
        (json!({"unschedulable": true}), false),
        (json!({"taints": [{"key": "a", "effect": "NoSchedule"}]}), false),
        (json!({"taints": [{"key": "a", "effect": "PreferNoSchedule"}]}), true),
    ] {
        let mut nodes = Vec::new();
        let mut one = node("metal1");
        one["spec"] = spec.clone();
        take_node(&mut nodes, of(one));
        assert_eq!(nodes, [takes], "{spec}");
    }
}

#[test]
fn what_scales_on_the_only_node_is_named() {
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "namespace": "web"},
        "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "shop"}}});
    assert_eq!(rules(&judge(scaler.clone(), &around(1))), ["scales-on-one-node"]);
    assert_eq!(rules(&judge(scaler, &around(2))), Vec::<&str>::new());
}

/// A pod of the shop that runs, whose container ended once.
fn pod(exit: i32, made: i64, began: i64, ended: i64) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "shop-6d5f-1", "namespace": "web", "creationTimestamp": ago(made).to_string(),
            "labels": {"pod-template-hash": "6d5f"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-6d5f", "uid": "1",
                "controller": true}]},
        "spec": {"containers": [], "restartPolicy": "Always"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 3,
            "image": "", "imageID": "",
            "lastState": {"terminated": {"exitCode": exit, "startedAt": ago(began).to_string(),
                "finishedAt": ago(ended).to_string()}}}]}})
}

#[test]
fn every_rule_for_a_pod() {
    let bare = |change: fn(&mut Value)| {
        let mut pod = pod(0, 9_000, 9_000, 8_000);
        pod["metadata"]["ownerReferences"] = json!([]);
        change(&mut pod);
        pod
    };
    let early = ("starts-too-early", "Deployment web/shop");
    let is_bare = ("bare-pod", "Pod web/shop-6d5f-1");
    for (name, pod, expected) in [
        ("ended at its start", pod(1, 9_000, 8_990, 8_980), Some(early)),
        ("ended well", pod(0, 9_000, 8_990, 8_980), None),
        ("ran for a while", pod(1, 9_000, 8_990, 8_900), None),
        ("ended long after the pod was made", pod(1, 9_000, 990, 980), None),
        ("made ahead of our clock", pod(1, -100, -110, -120), None),
        ("nobody makes it anew", bare(|_| {}), Some(is_bare)),
        (
            "the kubelet makes it anew",
            bare(|pod| {
                pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "1"});
            }),
            None,
        ),
        ("over", bare(|pod| pod["status"]["phase"] = json!("Succeeded")), None),
        ("going", bare(|pod| pod["metadata"]["deletionTimestamp"] = json!(ago(9).to_string())), None),
    ] {
        let mut shown = Vec::new();
        pods::take(&mut shown, &of(pod), now());
        let found = pods::findings(shown);
        let told = found.first().map(|one| (one.id.rule.as_str(), one.id.object.to_string()));
        assert_eq!(told, expected.map(|(rule, object)| (rule, object.to_owned())), "{name}");
    }
}

#[test]
fn several_pods_of_one_workload_are_one_finding() {
    let mut shown = Vec::new();
    for _ in 0..3 {
        pods::take(&mut shown, &of(pod(1, 9_000, 8_990, 8_980)), now());
    }
    let found = pods::findings(shown);
    assert_eq!(rules(&found), ["starts-too-early"]);
    assert!(found[0].evidence.ends_with("app (3 pods, up to 3 restarts)"), "{}", found[0].evidence);
}

const MANIFESTS: [&str; 4] = [
    include_str!("../../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac-lease.yaml"),
];

/// A cluster of two nodes with a shop that lacks what `change` takes, read with the deployment's rights but for a rule.
async fn looked(settings: &Settings, without: &str, audit: bool) -> Recon {
    let server = simulated::Kubernetes::start(Options::default()).await.expect("the simulator starts");
    for manifest in MANIFESTS {
        let cut: Vec<&str> =
            manifest.split("\n  - ").filter(|rule| without.is_empty() || !rule.contains(without)).collect();
        server.apply_manifests(&cut.join("\n  - ")).expect("the manifests are taken");
    }
    server.namespace("web");
    server.register(simulated::CustomKind { kind: simulated::REPLICATION_SOURCE, status_subresource: true });
    for name in ["metal1", "metal2"] {
        server.apply(node(name));
    }
    let mut shop = workload("Deployment");
    shop["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] = Value::Null;
    server.apply(shop);
    server.apply(budget(&json!({})));
    for (name, size) in [("data", "5Gi"), ("cache", "1Gi")] {
        server.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "web"}, "spec": {"volumeName": format!("pvc-{name}")},
            "status": {"phase": "Bound", "capacity": {"storage": size}}}));
    }
    server.apply(json!({"apiVersion": "volsync.backube/v1alpha1", "kind": "ReplicationSource",
        "metadata": {"name": "data", "namespace": "web"}, "spec": {"sourcePVC": "data"}}));
    let token = server.create_token("system:serviceaccount:caretaker:caretaker");
    let place = cluster::Settings::default();
    let client = Kubernetes::from_kubeconfig(&server.kubeconfig(&token), &place).await.expect("a client");
    let surroundings = Surroundings {
        settings,
        cluster: &place,
        grace: Duration::from_mins(5),
        freshness: Freshness::Proven,
        audit,
        after: None,
    };
    recon(&client, &surroundings, Timestamp::now()).await
}

fn told(recon: &Recon) -> Vec<String> {
    let of_audit = recon.findings().filter(|finding| finding.id.probe == Probe::Audit);
    let word = |finding: &Finding| if finding.informational { "listed" } else { finding.verdict.word() };
    let mut told: Vec<String> = of_audit
        .map(|finding| format!("{} {} of {}", word(finding), finding.id.rule, finding.id.object))
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn an_audit_reads_with_the_rights_of_the_deployment_and_blocks_nothing() {
    let settings = Settings::default();
    assert_eq!(told(&looked(&settings, "", false).await), Vec::<String>::new(), "nobody asked for it");
    let recon = looked(&settings, "", true).await;
    let expected = [
        "listed no-liveness-probe of Deployment web/shop",
        "listed not-backed-up of PersistentVolumeClaim web/cache",
        &format!("listed restore-not-tested of RestoreTest {}", Timestamp::now().strftime("%Y-%m")),
    ];
    assert_eq!(told(&recon), expected);
    let audit = recon.probes.iter().find(|result| result.probe == Probe::Audit).expect("its answer");
    assert_eq!((audit.used, audit.verdict), (true, Verdict::Green));
    assert_eq!(audit.summary, "1 workloads audited, 3 things to make better");
}

#[tokio::test]
async fn what_could_not_be_read_is_told_and_nothing_that_rests_on_it_is_said() {
    let recon = looked(&Settings::default(), "volsync.backube", true).await;
    let expected = [
        "listed no-liveness-probe of Deployment web/shop",
        "listed not-read of Probe audit",
        &format!("listed restore-not-tested of RestoreTest {}", Timestamp::now().strftime("%Y-%m")),
    ];
    assert_eq!(told(&recon), expected);
    let audit = recon.probes.iter().find(|result| result.probe == Probe::Audit).expect("its answer");
    assert_eq!((audit.used, audit.verdict), (false, Verdict::Unknown), "what it does not name is not gone");
}

#[tokio::test]
async fn rules_that_the_settings_name_close_the_gate() {
    let blocks = |rules: &[AuditRule]| Settings { audit_blocks: rules.to_vec(), ..Settings::default() };
    let probes = blocks(&[AuditRule::NoLivenessProbe]);
    assert_eq!(told(&looked(&probes, "", false).await), ["YELLOW no-liveness-probe of Deployment web/shop"]);
    let images = blocks(&[AuditRule::MovingImage]);
    assert_eq!(told(&looked(&images, "", false).await), Vec::<String>::new());
    let unread = looked(&images, "velero.io", false).await;
    assert_eq!(told(&unread), ["UNKNOWN not-read of Probe audit"], "nobody knows whether a rule fires");
    let accepted = Settings {
        acknowledged: vec![super::super::Acknowledgement {
            object: "Deployment web/shop".to_owned(),
            rule: "no-liveness-probe".to_owned(),
            probe: None,
            verdict: None,
            reason: "it ends by itself when it hangs".to_owned(),
            expires: Timestamp::now() + jiff::SignedDuration::from_hours(1),
        }],
        ..probes
    };
    assert_eq!(
        told(&looked(&accepted, "", false).await),
        ["listed no-liveness-probe of Deployment web/shop"]
    );
    let secrets = blocks(&[AuditRule::PlainSecret]);
    assert_eq!(secrets.wrong().len(), 1, "{:?}", secrets.wrong());
}

#[test]
fn what_lies_in_git_is_added_to_an_audit() {
    let audit = || judged(Probe::Audit, "3 workloads audited, nothing".to_owned(), Vec::new());
    let mut recon = super::super::gate::testing::recon_at(now(), Verdict::Green);
    let files = || FilesAudited {
        looked_at: 12,
        left: 1,
        secrets: vec![("a.yaml".to_owned(), 2), ("a.yaml".to_owned(), 9)],
    };
    recon.add_files(Ok(files()));
    assert_eq!(told(&recon), Vec::<String>::new(), "no audit was asked for");
    recon.probes.push(audit());
    recon.add_files(Ok(files()));
    assert_eq!(told(&recon), ["listed plain-secret of File a.yaml"]);
    let found = recon.findings().find(|finding| finding.id.rule == "plain-secret").expect("it is there");
    assert_eq!(found.evidence, "kind = Secret in line 2, 9, its values are not encrypted");
    // Accepted by somebody: marked once, and listed as before.
    let known = |object: &str, later: i64| Settings {
        acknowledged: vec![super::super::Acknowledgement {
            object: object.to_owned(),
            rule: "plain-secret".to_owned(),
            probe: None,
            verdict: None,
            reason: "a sample".to_owned(),
            expires: now() + jiff::SignedDuration::from_hours(later),
        }],
        ..Settings::default()
    };
    for (settings, accepted) in
        [(known("File b.yaml", 1), false), (known("File a.yaml", -1), false), (known("File a.yaml", 1), true)]
    {
        recon.accept_audited(&settings);
        recon.accept_audited(&settings);
        let found = recon.findings().find(|finding| finding.id.rule == "plain-secret").expect("it is there");
        assert_eq!((found.acknowledged, found.informational), (accepted, true));
        assert_eq!(found.message.matches("(acknowledged until 20").count(), usize::from(accepted));
    }
    assert_eq!(told(&recon), ["listed plain-secret of File a.yaml"]);
    recon.add_files(Err("no answer".to_owned()));
    assert_eq!(told(&recon), ["listed not-read of Probe audit", "listed plain-secret of File a.yaml"]);
}
