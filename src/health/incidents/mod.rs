//! What breaks in homelabs, from the API server's answers to the verdict: the cause, what follows from it, and the gate.
//!
//! One incident a test, each with what was written down before it was asked for.

mod evidence;
mod scene;

use scene::{Pod, Scene, ago};
use serde_json::json;

async fn expect(scene: Scene, expected: &[&str]) {
    assert_eq!(scene.told().await, expected);
}

#[tokio::test]
async fn all_is_well() {
    expect(Scene::well().await, &["the gate opens"]).await;
}

#[tokio::test]
async fn events_of_things_that_are_well_are_nothing() {
    let scene = Scene::well().await;
    for (reason, object) in
        [("InvalidDiskCapacity", ("Node", "metal1")), ("Unhealthy", ("Pod", "shop-6d5f-1"))]
    {
        scene.server.apply(json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason,
            "metadata": {"name": format!("event-{}", reason.to_lowercase()), "namespace": "web"},
            "involvedObject": {"kind": object.0, "name": object.1, "namespace": "web"}, "message": "it was once"}));
    }
    expect(scene, &["the gate opens"]).await;
}

#[tokio::test]
async fn a_node_is_lost() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    scene.pod(&Pod { ready: false, ..Pod::shop(2, "metal2") });
    scene.shop(1);
    scene.application("shop", "Degraded", &[("Deployment", "web", "shop", Some("Degraded"))]);
    let expected = [
        "RED not-ready of Node metal2",
        "  RED degraded of Application argocd/shop",
        "  RED node-not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn the_power_was_away() {
    let scene = Scene::well().await;
    scene.node("metal1", false);
    scene.node("metal2", false);
    scene.argo_cd(0);
    scene.shop(0);
    let expected = [
        "UNKNOWN controller-down of StatefulSet argocd/argocd-application-controller",
        "RED not-ready of Node metal1",
        "  RED node-not-ready of Deployment web/shop",
        "  RED unavailable of Deployment web/shop",
        "RED not-ready of Node metal2",
        "RED unavailable of StatefulSet argocd/argocd-application-controller",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn an_application_only_mirrors_ceph() {
    let scene = Scene::well().await;
    let down = json!({"OSD_DOWN": {"severity": "HEALTH_ERR", "message": "1 osds down"}});
    scene.ceph("HEALTH_ERR", &down);
    let ceph = [("CephCluster", "rook-ceph", "rook-ceph", Some("Degraded"))];
    scene.application("rook-ceph", "Degraded", &ceph);
    let expected = [
        "RED OSD_DOWN of CephCluster rook-ceph/rook-ceph",
        "  RED degraded of Application argocd/rook-ceph",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn an_application_that_does_not_say_why_mirrors_what_belongs_to_it() {
    let scene = Scene::well().await;
    let down = json!({"OSD_DOWN": {"severity": "HEALTH_ERR", "message": "1 osds down"}});
    scene.ceph("HEALTH_ERR", &down);
    let resources =
        [("CephCluster", "rook-ceph", "rook-ceph", None), ("ConfigMap", "rook-ceph", "overrides", None)];
    scene.application("rook-ceph", "Degraded", &resources);
    scene.application("blog", "Degraded", &[("Deployment", "blog", "blog", None)]);
    let expected = [
        "RED OSD_DOWN of CephCluster rook-ceph/rook-ceph",
        "  RED degraded of Application argocd/rook-ceph",
        "RED degraded of Application argocd/blog",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn ceph_warns_check_by_check() {
    for (check, message) in [
        ("BLUESTORE_SLOW_OP_ALERT", "1 OSD(s) experiencing slow operations in BlueStore"),
        ("RECENT_MGR_MODULE_CRASH", "1 mgr modules have recently crashed"),
        ("MON_DISK_LOW", "mon a is low on available space"),
        ("PG_DEGRADED", "Degraded data redundancy: 12/90 objects degraded, 4 pgs backfilling"),
        ("OSDMAP_FLAGS", "noout flag(s) set"),
    ] {
        let scene = Scene::well().await;
        scene.ceph("HEALTH_WARN", &json!({check: {"severity": "HEALTH_WARN", "message": message}}));
        let finding = format!("YELLOW {check} of CephCluster rook-ceph/rook-ceph");
        expect(scene, &[&finding, "the gate is closed"]).await;
    }
}

#[tokio::test]
async fn what_is_muted_in_ceph_is_named_and_does_not_block() {
    let scene = Scene::well().await;
    let muted = json!({"BLUESTORE_SLOW_OP_ALERT": {"severity": "HEALTH_WARN", "message": "slow"}});
    scene.ceph("HEALTH_OK", &muted);
    let finding = "YELLOW BLUESTORE_SLOW_OP_ALERT of CephCluster rook-ceph/rook-ceph (listed only)";
    expect(scene, &[finding, "the gate opens"]).await;
}

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

#[tokio::test]
async fn a_volume_hangs_on_a_lost_node() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    scene.attached("pvc-old", "metal2");
    scene.server.delete(&sim::kubernetes::POD, Some("web"), "shop-6d5f-2");
    scene.pod(&Pod::waiting(1, "ContainerCreating", ""));
    scene.shop(0);
    let expected = [
        "RED not-ready of Node metal2",
        "  RED multi-attach-wait of PersistentVolumeClaim web/shop-data",
        "  RED not-ready of Deployment web/shop",
        "  RED unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn data_was_lost_to_a_new_empty_volume() {
    let scene = Scene::well().await;
    scene.volume("pvc-old", "Released", "shop-data", "uid-1", 900);
    scene.volume("pvc-new", "Bound", "shop-data", "uid-2", 30);
    scene.server.delete(&sim::kubernetes::PVC, Some("web"), "shop-data");
    scene.claim("shop-data", "pvc-new", "uid-2", 30);
    let told = scene.told().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("RED ") && told[0].ends_with(" of PersistentVolume pvc-old"), "{told:?}");
    assert_eq!(told[1], "the gate is closed");
}

#[tokio::test]
async fn a_volume_could_not_be_deleted() {
    let scene = Scene::well().await;
    scene.volume("pvc-gone", "Failed", "cart-data", "uid-3", 30);
    let told = scene.told().await;
    assert!(told[0].ends_with(" of PersistentVolume pvc-gone"), "{told:?}");
    assert_eq!(told[told.len() - 1], "the gate is closed");
}

#[tokio::test]
async fn debris_is_left_over() {
    let scene = Scene::well().await;
    let evicted = Pod { phase: "Failed", ready: false, reason: "Evicted", ..Pod::shop(7, "metal1") };
    scene.pod(&evicted);
    expect(scene, &["YELLOW evicted of Deployment web/shop", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_node_is_cordoned() {
    let scene = Scene::well().await;
    scene.server.merge_patch(
        &sim::kubernetes::NODE,
        None,
        "metal2",
        &json!({"spec": {"unschedulable": true}}),
    );
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
async fn kubelets_may_not_be_asked() {
    let mut scene = Scene::well().await;
    scene.disk("metal1", 900);
    scene.disk("metal2", 900);
    scene.server.delete(&sim::kubernetes::CLUSTER_ROLE, None, "caretaker-node-proxy");
    let expected = [
        "UNKNOWN kubelet-not-read of Node metal1",
        "UNKNOWN kubelet-not-read of Node metal2",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_renewed_is_listed() {
    let scene = Scene::well().await;
    scene.server.apply(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "shop", "namespace": "web"}, "spec": {"secretName": "shop-tls"},
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Expired", "lastTransitionTime": ago(20)}]}}));
    let told = scene.told().await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with(" of Certificate web/shop (listed only)"), "{told:?}");
    assert_eq!(told[1], "the gate opens");
}
