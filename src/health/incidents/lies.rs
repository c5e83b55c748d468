//! Ways in which a check reads GREEN over what is not well. Here none of them does.

use super::real::real_pod;
use super::scene::{Pod, Scene};
use super::{ago, expect};
use crate::health::own::OwnCheck;
use serde_json::{Value, json};
use sim::kubernetes::{
    APPLICATION, CEPH_CLUSTER, CustomKind, DEPLOYMENT, Fault, Kind, Matcher, NODE, POD, POSTGRES_CLUSTER, PV,
    PVC, STATEFULSET,
};
use std::time::Duration;

/// The four of the usual shell: what hides `NotReady` and `SchedulingDisabled`, what takes a header for a line, what goes by
/// Running, and what begins with `HEALTH_OK`.
#[tokio::test]
async fn what_the_usual_shell_check_lets_pass() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    assert_closed(&scene, "RED not-ready of Node metal2", "NotReady").await;

    let scene = Scene::well().await;
    scene.change(&NODE, "", "metal2", &json!({"spec": {"unschedulable": true}}));
    assert_closed(&scene, "YELLOW cordoned of Node metal2", "Ready,SchedulingDisabled").await;

    let scene = Scene::well().await;
    scene.remove(&NODE, "", "metal1");
    scene.remove(&NODE, "", "metal2");
    assert_closed(&scene, "UNKNOWN no-nodes of Probe nodes", "an empty list").await;

    let scene = Scene::well().await;
    scene.put(real_pod(1, "shop", 1));
    assert_closed(&scene, "RED not-ready of Deployment web/shop", "Running, and not ready").await;

    // A mute is a person's decision, made in Ceph: it is named, and what is not muted still counts.
    let scene = Scene::well().await;
    scene.ceph("HEALTH_OK (muted: OSD_SLOW_PING_TIME_BACK)", &json!({}));
    let told = scene.tells().await;
    assert_eq!(told[0], "YELLOW muted of CephCluster rook-ceph/rook-ceph (listed only)", "{told:?}");
    scene.ceph("HEALTH_WARN (muted: OSD_SLOW_PING_TIME_BACK)", &json!({}));
    assert_closed(&scene, "YELLOW health of CephCluster rook-ceph/rook-ceph", "HEALTH_WARN (muted)").await;
}

async fn assert_closed(scene: &Scene, line: &str, what: &str) {
    let told = scene.tells().await;
    assert!(told.iter().any(|one| one == line), "{what}: {told:?}");
    assert_eq!(told.last().map(String::as_str), Some("the gate is closed"), "{what}: {told:?}");
}

/// All that a pass reads.
const READ: [&str; 38] = [
    "nodes",
    "pods",
    "deployments",
    "statefulsets",
    "daemonsets",
    "applications",
    "applicationsets",
    "certificates",
    "cephclusters",
    "persistentvolumes",
    "persistentvolumeclaims",
    "volumeattachments",
    "storageclasses",
    "volumesnapshots",
    "replicationsources",
    "jobs",
    "cronjobs",
    "poddisruptionbudgets",
    "services",
    "endpointslices",
    "gitrepositories",
    "kustomizations",
    "helmreleases",
    "ocirepositories",
    "helmrepositories",
    "helmcharts",
    "buckets",
    "clusters",
    "scheduledbackups",
    "backups",
    "externalsecrets",
    "secretstores",
    "clustersecretstores",
    "apiservices",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "namespaces",
    "leases",
];

/// Where a kind may not be read, its answer is an error, or its list expires in the middle each time, the gate stays
/// closed, whichever it is.
#[tokio::test]
async fn whatever_cannot_be_read_is_not_green() {
    // A namespace is asked for by own checks alone.
    let asked = READ.iter().filter(|resource| **resource != "namespaces");
    let scene = Scene::well().await;
    scene.put(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "shop", "namespace": "web", "creationTimestamp": ago(900)},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
        "status": {"observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
            "disruptionsAllowed": 1, "conditions": [{"type": "DisruptionAllowed", "status": "True",
                "reason": "SufficientPods", "lastTransitionTime": ago(900)}]}}));
    scene.service(&[true, true]);
    assert_eq!(scene.tells().await, ["the gate opens"]);
    for resource in asked {
        for fault in [Fault::Forbid, Fault::Status(500), Fault::Status(410)] {
            kubelets_live(&scene);
            let id = scene.server.faults().add(Matcher::resource(resource), fault);
            let told = scene.tells().await;
            scene.server.faults().remove(id);
            assert!(told[0].starts_with("UNKNOWN "), "{resource}, {fault:?}: {told:?}");
            assert_eq!(
                told.last().map(String::as_str),
                Some("the gate is closed"),
                "{resource}, {fault:?}: {told:?}"
            );
        }
    }
    kubelets_live(&scene);
    expect(scene, &["the gate opens"]).await;
}

/// So many passes take longer than a kubelet may be silent.
fn kubelets_live(scene: &Scene) {
    scene.node("metal1", true);
    scene.node("metal2", true);
}

/// Whether a window keeps an Application back is a part of what it says: a list of projects that is an error leaves it unread.
/// One that may not be read is told, and excuses nothing.
#[tokio::test]
async fn projects_that_cannot_be_read_are_not_projects_without_windows() {
    let scene = Scene::well().await;
    scene.server.register(CustomKind { kind: sim::kubernetes::APPPROJECT, status_subresource: false });
    for fault in [Fault::Status(500), Fault::Status(410)] {
        let id = scene.server.faults().add(Matcher::resource("appprojects"), fault);
        assert_closed(&scene, "UNKNOWN not-read of Probe argo-cd", "appprojects").await;
        scene.server.faults().remove(id);
    }
    scene.server.faults().add(Matcher::resource("appprojects"), Fault::Forbid);
    let told = ["UNKNOWN windows-not-read of Probe argo-cd (listed only)", "the gate opens"];
    assert_eq!(scene.tells().await, told);
    scene.change(&APPLICATION, "argocd", "shop", &json!({"status": {"sync": {"status": "OutOfSync"}}}));
    assert_closed(&scene, "YELLOW out-of-sync of Application argocd/shop", "nothing is excused").await;
    scene.server.shutdown().await;
}

#[tokio::test]
async fn what_does_not_answer_in_time_is_not_green() {
    let mut scene = Scene::well().await;
    scene.settings.probe_timeout_seconds = 1;
    for resource in ["pods", "cephclusters", "persistentvolumeclaims"] {
        let id = scene.server.faults().add(Matcher::resource(resource), Fault::Delay(Duration::from_mins(1)));
        let told = scene.tells().await;
        scene.server.faults().remove(id);
        assert!(told[0].starts_with("UNKNOWN not-read of Probe "), "{resource}: {told:?}");
        assert_eq!(told.last().map(String::as_str), Some("the gate is closed"), "{resource}: {told:?}");
    }
    scene.server.shutdown().await;
}

/// Words that nobody knows, in every field that a verdict goes by.
#[tokio::test]
async fn a_word_that_nobody_knows_is_not_green() {
    let odd: [(&Kind, &str, &str, Value, &str); 10] = [
        (&POD, "web", "shop-6d5f-1", json!({"phase": "Odd"}), "UNKNOWN phase-unknown of Deployment web/shop"),
        (
            &APPLICATION,
            "argocd",
            "shop",
            json!({"health": {"status": "Odd"}}),
            "UNKNOWN health-unknown of Application argocd/shop",
        ),
        (
            &APPLICATION,
            "argocd",
            "shop",
            json!({"sync": {"status": "Odd"}}),
            "UNKNOWN sync-unknown of Application argocd/shop",
        ),
        (
            &CEPH_CLUSTER,
            "rook-ceph",
            "rook-ceph",
            json!({"ceph": {"health": "HEALTH_ODD"}}),
            "UNKNOWN health-unknown of CephCluster rook-ceph/rook-ceph",
        ),
        (
            &CEPH_CLUSTER,
            "rook-ceph",
            "rook-ceph",
            json!({"ceph": {"health": "HEALTH_WARN", "details": {"X": {"severity": "HEALTH_ODD", "message": "?"}}}}),
            "UNKNOWN X of CephCluster rook-ceph/rook-ceph",
        ),
        (
            &PV,
            "",
            "pvc-old",
            json!({"phase": "Odd"}),
            "UNKNOWN volume-phase-unknown of PersistentVolume pvc-old",
        ),
        (
            &PVC,
            "web",
            "shop-data",
            json!({"phase": "Odd"}),
            "UNKNOWN claim-phase-unknown of PersistentVolumeClaim web/shop-data",
        ),
        (
            &NODE,
            "",
            "metal1",
            json!({"conditions": [{"type": "Ready", "status": "Odd", "reason": "KubeletReady"}]}),
            "RED not-ready of Node metal1",
        ),
        (
            &NODE,
            "",
            "metal1",
            json!({"nodeInfo": {"kubeletVersion": "odd"}}),
            "UNKNOWN version-unknown of Node metal1",
        ),
        (
            &POSTGRES_CLUSTER,
            "db",
            "pg",
            json!({"phase": "Cluster in odd state"}),
            "UNKNOWN phase-unknown of Cluster db/pg",
        ),
    ];
    for (kind, namespace, name, status, line) in odd {
        let scene = Scene::well().await;
        if *kind == POSTGRES_CLUSTER {
            scene.deployment("cnpg-system", "cloudnative-pg", 1, 1);
            scene.put(super::real::real("operators", 0, "db", "pg", 0));
        }
        scene.change(kind, namespace, name, &json!({"status": status}));
        assert_closed(&scene, line, line).await;
    }
}

/// Nobody has reported anything of it, and that for hours.
#[tokio::test]
async fn what_has_no_status_is_not_green() {
    for (kind, namespace, name) in [
        (&NODE, "", "metal1"),
        (&POD, "web", "shop-6d5f-1"),
        (&DEPLOYMENT, "web", "shop"),
        (&STATEFULSET, "argocd", "argocd-application-controller"),
        (&APPLICATION, "argocd", "shop"),
        (&CEPH_CLUSTER, "rook-ceph", "rook-ceph"),
        (&PV, "", "pvc-old"),
        (&PVC, "web", "shop-data"),
    ] {
        let scene = Scene::well().await;
        scene.change(kind, namespace, name, &json!({"status": null}));
        let told = scene.told().await;
        assert_eq!(told.last().map(String::as_str), Some("the gate is closed"), "{name}: {told:?}");
        assert!(told.len() > 1, "{name}");
    }
}

/// A list of a namespace that does not exist is empty and 200.
#[tokio::test]
async fn a_namespace_that_was_mistyped_is_not_green() {
    let mut scene = Scene::well().await;
    let objects = json!({"api_version": "v1", "resource": "pods", "kind": "Pod", "namespace": "webb"});
    let check =
        json!({"name": "no-pod-waits", "objects": objects, "wrong": "object.status.phase == 'Pending'"});
    let check: OwnCheck = serde_json::from_value(check).expect("a check");
    scene.settings.checks = vec![check];
    assert_closed(&scene, "UNKNOWN no-pod-waits of Check no-pod-waits", "an own check").await;

    let mut scene = Scene::well().await;
    scene.cluster.argocd_namespace = "argo-cd".to_owned();
    let told = scene.told().await;
    assert!(told[0].starts_with("UNKNOWN controller-missing of "), "{told:?}");

    let mut scene = Scene::well().await;
    let manifest = include_str!("../../../deploy/kustomize/components/exec/rbac.yaml");
    scene.server.apply_manifests(manifest).expect("the component is taken");
    (scene.cluster.exec, scene.cluster.ceph_tools_namespace) = (true, "rook".to_owned());
    let told = scene.told().await;
    assert_eq!(told, ["UNKNOWN not-read of Probe ceph-tools", "the gate is closed"]);
}

/// Those who report are dead, and what they said last was good.
#[tokio::test]
async fn what_a_dead_reporter_said_is_not_green() {
    let scene = Scene::well().await;
    scene.put(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "metal1", "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": "metal1", "leaseDurationSeconds": 40,
            "renewTime": super::scene::micro(5)}}));
    assert_closed(&scene, "UNKNOWN heartbeat-old of Node metal1", "a kubelet").await;

    let scene = Scene::well().await;
    scene.service(&[true, true]);
    scene.put(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kube-controller-manager", "namespace": "kube-system"},
        "spec": {"holderIdentity": "metal1", "leaseDurationSeconds": 15, "renewTime": super::scene::micro(5)}}));
    assert_closed(
        &scene,
        "UNKNOWN controllers-silent of Lease kube-system/kube-controller-manager",
        "the control plane",
    )
    .await;

    let scene = Scene::well().await;
    scene.argo_cd(0);
    let line = "UNKNOWN controller-down of StatefulSet argocd/argocd-application-controller";
    assert_closed(&scene, line, "Argo CD").await;

    let scene = Scene::well().await;
    scene.remove(&STATEFULSET, "argocd", "argocd-application-controller");
    let told = scene.told().await;
    assert!(told[0].starts_with("UNKNOWN controller-missing of "), "{told:?}");
}

/// A pod that reads well on a node that does not exist, or on none.
#[tokio::test]
async fn a_pod_on_no_node_is_not_green() {
    for node in [Some("metal9"), None] {
        let scene = Scene::well().await;
        scene.remove(&POD, "web", "shop-6d5f-1");
        scene.pod(&Pod { node, ..Pod::shop(1, "metal1") });
        assert_closed(&scene, "UNKNOWN node-unknown of Deployment web/shop", "a node").await;
    }
}
