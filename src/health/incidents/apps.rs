//! What runs: what crashes, fails, lies about, and what only looks as if it did.

use super::real::{owned_by, real, real_pod};
use super::scene::{Pod, Scene};
use super::{ago, expect};
use crate::health::own::OwnCheck;
use serde_json::{Value, json};
use sim::kubernetes::{DEPLOYMENT, NODE, POD};

#[tokio::test]
async fn a_pod_that_cannot_start_is_the_cause_of_its_deployment_and_its_application() {
    for (reason, message, rule) in [
        (
            "ImagePullBackOff",
            "Back-off pulling image: ErrImagePull: failed to authorize: 401 Unauthorized",
            "image-pull",
        ),
        (
            "CreateContainerError",
            "failed to generate spec: stat /data: stale NFS file handle",
            "container-config",
        ),
        ("CrashLoopBackOff", "back-off 5m0s restarting failed container", "crash-loop"),
    ] {
        let scene = Scene::well().await;
        scene.pod(&Pod::waiting(1, reason, message));
        scene.pod(&Pod::waiting(2, reason, message));
        scene.service(&[false, false]);
        scene.shop(0);
        scene.application("shop", "Degraded", &[("Deployment", "web", "shop", Some("Degraded"))]);
        let cause = format!("RED {rule} of Deployment web/shop");
        let expected = [
            &cause,
            "  RED degraded of Application argocd/shop",
            "  RED unavailable of Deployment web/shop",
            "  RED no-endpoints of Service web/shop",
            "the gate is closed",
        ];
        expect(scene, &expected).await;
    }
}

/// A mount of a server that was away. The file handle is of before; the sentence says so.
#[tokio::test]
async fn a_file_handle_is_stale_and_a_person_hears_it() {
    let scene = Scene::well().await;
    let mut pod = real_pod(5, "shop", 1);
    pod["status"]["containerStatuses"][0]["state"]["waiting"] = json!({"reason": "CreateContainerError",
        "message": "failed to prepare subPath for volumeMount \"media\" of container \"app\": stat /media: stale NFS file handle"});
    scene.put(pod);
    scene.shop(1);
    let expected = [
        "RED container-config of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    let told = scene.says("container-config").await;
    assert!(told[0].contains("stale NFS file handle"), "{told:?}");
    scene.server.shutdown().await;
}

/// Each in the shape that a real server gave.
#[tokio::test]
async fn one_of_two_pods_is_not_well() {
    for (number, rule) in [
        (1, "RED not-ready"),
        (2, "RED crash-loop"),
        (3, "RED image-pull"),
        (5, "RED container-config"),
        (6, "RED crash-loop"),
    ] {
        let scene = Scene::well().await;
        scene.put(real_pod(number, "shop", 1));
        scene.shop(1);
        let expected = [
            &format!("{rule} of Deployment web/shop"),
            "  YELLOW unavailable of Deployment web/shop",
            "the gate is closed",
        ];
        assert_eq!(scene.told().await, expected, "{number}");
    }
}

/// It runs, between two ends for want of memory.
#[tokio::test]
async fn a_container_is_killed_for_its_memory_again_and_again() {
    let scene = Scene::well().await;
    let mut pod = real_pod(4, "shop", 1);
    let status = &mut pod["status"]["containerStatuses"][0];
    status["restartCount"] = json!(7);
    status["lastState"]["terminated"]["finishedAt"] = json!(ago(2));
    scene.put(pod);
    expect(scene, &["YELLOW oom-killed of Deployment web/shop", "the gate is closed"]).await;
}

/// Every half an hour it is killed, and serves in between: no crash loop, and not well.
#[tokio::test]
async fn a_container_is_killed_for_its_memory_now_and_then() {
    let scene = Scene::well().await;
    for (minutes, restarts, expected) in [
        (29, 7, Some("YELLOW oom-killed of Deployment web/shop")),
        (29, 1, Some("YELLOW oom-killed of Deployment web/shop")),
        (61, 7, Some("YELLOW restarts-grow of Deployment web/shop")),
        (61, 1, None),
        (361, 7, None),
    ] {
        let mut pod = real_pod(4, "shop", 1);
        let status = &mut pod["status"]["containerStatuses"][0];
        status["restartCount"] = json!(restarts);
        status["lastState"]["terminated"]["finishedAt"] = json!(ago(minutes));
        scene.put(pod);
        let gate = if expected.is_some() { "the gate is closed" } else { "the gate opens" };
        let expected: Vec<&str> = expected.into_iter().chain([gate]).collect();
        assert_eq!(scene.tells().await, expected, "{restarts} restarts, the last {minutes} minutes ago");
    }
    scene.server.shutdown().await;
}

#[tokio::test]
async fn debris_is_left_over() {
    let scene = Scene::well().await;
    scene.put(real_pod(10, "shop", 7));
    scene.put(real_pod(10, "shop", 8));
    // What was lost is replaced, and its node is well again: nobody has to clear it away first.
    expect(scene, &["YELLOW evicted of Deployment web/shop (listed only)", "the gate opens"]).await;
}

#[tokio::test]
async fn what_was_evicted_is_not_replaced() {
    let scene = Scene::well().await;
    scene.put(real_pod(10, "shop", 7));
    scene.remove(&POD, "web", "shop-6d5f-2");
    scene.shop(1);
    let expected = [
        "YELLOW evicted of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_node_runs_out_of_disk_and_evicts() {
    let scene = Scene::well().await;
    let pressed = json!({"status": {"conditions": [
        {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": ago(0),
            "lastTransitionTime": ago(900)},
        {"type": "DiskPressure", "status": "True", "reason": "KubeletHasDiskPressure", "lastHeartbeatTime": ago(0),
            "lastTransitionTime": ago(10), "message": "kubelet has disk pressure"}]}});
    scene.change(&NODE, "", "metal1", &pressed);
    scene.put(real_pod(10, "shop", 7));
    let expected = [
        "YELLOW disk-pressure of Node metal1",
        "  YELLOW evicted of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_pod_is_too_big_for_every_node() {
    let scene = Scene::well().await;
    scene.put(real_pod(7, "shop", 1));
    scene.shop(1);
    let expected = [
        "RED unschedulable of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    let told = scene.says("unschedulable").await;
    assert!(told[0].contains("nsufficient memory"), "why: {told:?}");
    scene.server.shutdown().await;
}

#[tokio::test]
async fn a_finalizer_holds_a_pod() {
    let scene = Scene::well().await;
    let mut stuck = real_pod(12, "shop", 3);
    stuck["metadata"]["finalizers"] = json!(["example.com/hold"]);
    scene.put(stuck);
    expect(scene, &["YELLOW terminating of Deployment web/shop", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_deployment_does_not_progress() {
    let scene = Scene::well().await;
    scene.put(real_pod(1, "shop", 3));
    let passed = json!({"status": {"updatedReplicas": 1, "replicas": 3, "conditions": [
        {"type": "Available", "status": "True", "lastTransitionTime": ago(900)},
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastTransitionTime": ago(5),
            "message": "ReplicaSet \"shop-6d5f\" has timed out progressing."}]}});
    scene.change(&DEPLOYMENT, "web", "shop", &passed);
    let expected = [
        "RED not-ready of Deployment web/shop",
        "  RED rollout-failed of Deployment web/shop",
        "  YELLOW rolling-out of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

fn job(name: &str, owner: Option<&str>, condition: &Value) -> Value {
    let owners = owner.map_or_else(
        || json!([]),
        |owner| {
            json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": owner, "uid": "2", "controller": true}])
        },
    );
    json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": "web", "creationTimestamp": ago(11), "ownerReferences": owners},
        "spec": {"backoffLimit": 6, "completions": 1, "parallelism": 1, "template": {"spec": {"containers": []}}},
        "status": {"startTime": ago(11), "failed": 7, "conditions": [condition]}})
}

fn gave_up() -> Value {
    json!({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": ago(3),
        "message": "Job has reached the specified backoff limit"})
}

/// A "non-major" bundle, eleven minutes after its merge.
#[tokio::test]
async fn a_job_reached_its_limit() {
    let scene = Scene::well().await;
    scene.put(job("import", None, &gave_up()));
    scene.put(owned_by(real("pods", 9, "web", "import-x2k7p", 10), "batch/v1", "Job", "import"));
    let expected =
        ["RED failed of Job web/import", "  YELLOW job-failed of Job web/import", "the gate is closed"];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn last_nights_run_failed_and_the_one_before_did_not() {
    let scene = Scene::well().await;
    scene.put(json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "report", "namespace": "web", "creationTimestamp": ago(9_000)},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}},
        "status": {"lastScheduleTime": ago(11), "lastSuccessfulTime": ago(1_450)}}));
    scene.put(job("report-29", Some("report"), &gave_up()));
    expect(scene, &["YELLOW run-failed of CronJob web/report", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_node_is_cordoned() {
    let scene = Scene::well().await;
    scene.change(&NODE, "", "metal2", &json!({"spec": {"unschedulable": true}}));
    expect(scene, &["YELLOW cordoned of Node metal2", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_disk_is_nearly_full_and_another_kubelet_does_not_answer() {
    let mut scene = Scene::well().await;
    scene.disk("metal1", 40);
    scene.node("metal2", false);
    scene.shop(1);
    let expected = [
        "RED not-ready of Node metal2",
        "  UNKNOWN kubelet-not-read of Node metal2",
        "  RED node-not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "RED disk-full of Node metal1",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn events_of_things_that_are_well_are_nothing() {
    let scene = Scene::well().await;
    for (reason, object) in [
        ("InvalidDiskCapacity", ("Node", "metal1")),
        ("Unhealthy", ("Pod", "shop-6d5f-1")),
        ("ProbeWarning", ("Pod", "shop-6d5f-2")),
    ] {
        scene.put(json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason,
            "metadata": {"name": format!("event-{}", reason.to_lowercase()), "namespace": "web"},
            "involvedObject": {"kind": object.0, "name": object.1, "namespace": "web"}, "message": "it was once"}));
    }
    expect(scene, &["the gate opens"]).await;
}

/// What checks by hand cry wolf over.
#[tokio::test]
async fn what_is_as_it_should_be_is_not_red() {
    let scene = Scene::well().await;
    // A pod that did its work is not Ready, and was never meant to stay.
    scene.put(real("pods", 8, "web", "once", 10));
    scene.put(owned_by(real("pods", 15, "web", "import-tm9pb", 10), "batch/v1", "Job", "import"));
    let complete = json!({"type": "Complete", "status": "True", "lastTransitionTime": ago(9)});
    scene.put(job("import", None, &complete));
    // It was killed for its memory in the night, and runs since.
    let mut killed = real_pod(4, "shop", 1);
    killed["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = json!(ago(400));
    scene.put(killed);
    // One is ending and has its time, another was made a moment ago.
    scene.pod(&Pod { ending: Some(1), ..Pod::shop(8, "metal1") });
    scene.deployment("web", "off", 0, 0);
    scene.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "ceph-block-retain"}, "provisioner": "rook-ceph.rbd.csi.ceph.com",
        "volumeBindingMode": "WaitForFirstConsumer"}));
    scene.put(real("volumes", 13, "web", "nobody-yet", 600));
    scene.put(real("operators", 38, "web", "snapshot-with-an-old-error", 10));
    let told = scene.told().await;
    assert_eq!(told, ["the gate opens"]);
}

/// A check of a person's own that is wrong in itself says so, and is not RED for the object.
#[tokio::test]
async fn a_check_of_ones_own_asks_for_what_is_not_there() {
    let mut scene = Scene::well().await;
    scene.settings.checks = vec![check("object.status.readyReplicas < object.spec.replicas")];
    scene.rights_to_deployments();
    let told = scene.tells().await;
    assert_eq!(
        told,
        ["UNKNOWN too-few of Deployment web/shop", "the gate is closed"],
        "readyReplicas is not told"
    );

    scene.settings.checks =
        vec![check("has(object.status.readyReplicas) && object.status.readyReplicas < object.spec.replicas")];
    expect(scene, &["the gate opens"]).await;
}

fn check(wrong: &str) -> OwnCheck {
    let objects = json!({"api_version": "apps/v1", "resource": "deployments", "kind": "Deployment", "namespace": "web"});
    let check = json!({"name": "too-few", "objects": objects, "wrong": wrong, "message": "'too few'"});
    serde_json::from_value(check).expect("a check")
}

impl Scene {
    fn rights_to_deployments(&self) {
        self.put(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "own-checks"},
            "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
                {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]}));
        self.put(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "own-checks"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "own-checks"},
            "subjects": [{"kind": "ServiceAccount", "name": "caretaker", "namespace": "caretaker"}]}));
    }
}

#[tokio::test]
async fn restarts_of_long_ago_are_nothing_and_pods_of_other_namespaces_count() {
    let scene = Scene::well().await;
    let mut before = real_pod(4, "shop", 1);
    let status = &mut before["status"]["containerStatuses"][0];
    status["restartCount"] = json!(40);
    status["lastState"]["terminated"]["finishedAt"] = json!(ago(3_000));
    scene.put(before);
    assert_eq!(scene.tells().await, ["the gate opens"]);
    scene.deployment("kube-system", "coredns", 1, 0);
    let dns =
        Pod { namespace: "kube-system", of: "coredns", ..Pod::waiting(1, "CrashLoopBackOff", "back-off") };
    scene.pod(&dns);
    let expected = [
        "RED crash-loop of Deployment kube-system/coredns",
        "  RED unavailable of Deployment kube-system/coredns",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    scene.remove(&POD, "kube-system", "coredns-6d5f-1");
    scene.deployment("kube-system", "coredns", 1, 1);
    expect(scene, &["the gate opens"]).await;
}

/// A budget that blocks every drain, and a workload without any: matters of the audit. Named or not, neither closes the gate.
#[tokio::test]
async fn a_budget_that_blocks_every_drain_is_listed() {
    let scene = Scene::well().await;
    scene.put(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "shop", "namespace": "web", "creationTimestamp": ago(900)},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "shop"}}},
        "status": {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 2,
            "disruptionsAllowed": 0, "conditions": [{"type": "DisruptionAllowed", "status": "False",
                "reason": "InsufficientPods", "lastTransitionTime": ago(900)}]}}));
    let expected = ["YELLOW blocks-drain of PodDisruptionBudget web/shop (listed only)", "the gate opens"];
    expect(scene, &expected).await;
}

/// An alert about a pod that crashes says what the pod says: one thing to mend.
#[tokio::test]
async fn an_alert_fires_about_a_pod_that_crashes() {
    let mut scene = Scene::well().await;
    scene.put(real_pod(2, "shop", 1));
    scene.shop(1);
    let answer = json!({"status": "success", "data": {"alerts": [
        {"labels": {"alertname": "Watchdog", "severity": "none"}, "state": "firing"},
        {"labels": {"alertname": "KubePodCrashLooping", "severity": "warning", "namespace": "web",
            "pod": "shop-6d5f-1", "job": "kube-state-metrics"}, "state": "firing"}]}});
    let answer = move || async move { axum::Json(answer) };
    let app = axum::Router::new().route("/api/v1/alerts", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let source = format!("name = \"alerts\"\nurl = \"http://{address}\"\nkind = \"prometheus\"");
    scene.settings.alerts = vec![crate::health::probes::testing::of_toml(&source).expect("a source")];
    let expected = [
        "RED crash-loop of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "  YELLOW KubePodCrashLooping of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
    serving.abort();
}
