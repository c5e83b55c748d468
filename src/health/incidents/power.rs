//! After the power was away: what stands in the way at each step of coming back.

use super::real::{owned_by, real, real_pod};
use super::scene::{Pod, Scene};
use super::{ago, expect};
use serde_json::json;
use sim::kubernetes::{CEPH_CLUSTER, POD};

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

/// One evening, in the order in which things come back.
#[tokio::test]
async fn the_power_comes_back_step_by_step() {
    let scene = Scene::well().await;

    // One node is up. What Ceph and Argo CD said last is from before.
    scene.node("metal2", false);
    scene.argo_cd(0);
    scene.shop(1);
    scene.change(
        &CEPH_CLUSTER,
        "rook-ceph",
        "rook-ceph",
        &json!({"status": {"ceph": {"lastChecked": ago(20)}}}),
    );
    let expected = [
        "UNKNOWN stale of CephCluster rook-ceph/rook-ceph",
        "UNKNOWN controller-down of StatefulSet argocd/argocd-application-controller",
        "RED not-ready of Node metal2",
        "  RED node-not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "RED unavailable of StatefulSet argocd/argocd-application-controller",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected, "a node is missing");

    // All nodes are up; of one pod nobody knows anything, of the other the container ended with the power.
    scene.node("metal2", true);
    scene.argo_cd(1);
    scene.ceph("HEALTH_OK", &json!({}));
    scene.shop(0);
    scene.pod(&Pod { phase: "Unknown", ready: false, ..Pod::shop(1, "metal1") });
    let ended = json!({"terminated": {"exitCode": 255, "reason": "Unknown", "startedAt": ago(600), "finishedAt": ago(30)}});
    scene.pod(&Pod { ready: false, state: ended, ..Pod::shop(2, "metal2") });
    let expected = [
        "UNKNOWN phase-unknown of Deployment web/shop",
        "RED not-ready of Deployment web/shop",
        "  RED unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected, "pods are Unknown");

    // The old pods were deleted and do not go. The new ones wait for an image out of a registry that starts itself.
    for number in [1, 2] {
        scene.pod(&Pod { ending: Some(15), ..Pod::shop(number, "metal2") });
        let said = "Back-off pulling image \"registry.example.org/app:1\": ErrImagePull: dial tcp 192.0.2.9:443: \
                    connect: connection refused";
        scene.pod(&Pod { minutes: 2, ..Pod::waiting(number + 2, "ImagePullBackOff", said) });
    }
    scene.deployment("registry", "registry", 1, 0);
    let registry = Pod { namespace: "registry", of: "registry", ..Pod::shop(1, "metal1") };
    scene.pod(&Pod { ready: false, minutes: 2, ..registry });
    let expected = [
        "YELLOW image-pull of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "YELLOW not-ready of Deployment registry/registry",
        "  YELLOW unavailable of Deployment registry/registry",
        "YELLOW terminating of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected, "it comes up");

    // Ten minutes later the old pods are gone, and the registry does not come up.
    for number in [1, 2] {
        scene.remove(&POD, "web", &format!("shop-6d5f-{number}"));
        let said = "Back-off pulling image \"registry.example.org/app:1\": ErrImagePull: dial tcp 192.0.2.9:443: \
                    connect: connection refused";
        scene.remove(&POD, "web", &format!("shop-6d5f-{}", number + 2));
        scene.pod(&Pod { minutes: 12, ..Pod::waiting(number + 2, "ImagePullBackOff", said) });
    }
    let registry = Pod { namespace: "registry", of: "registry", ..Pod::shop(1, "metal1") };
    scene.remove(&POD, "registry", "registry-6d5f-1");
    scene.pod(&Pod { ready: false, minutes: 12, ..registry });
    let expected = [
        "RED image-pull of Deployment web/shop",
        "  RED unavailable of Deployment web/shop",
        "RED not-ready of Deployment registry/registry",
        "  RED unavailable of Deployment registry/registry",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected, "it does not come up by itself");

    // The registry serves, the shop has pulled. What failed on the way lies about.
    scene.deployment("registry", "registry", 1, 1);
    scene.pod(&Pod { namespace: "registry", of: "registry", ..Pod::shop(1, "metal1") });
    scene.shop(2);
    scene.pod(&Pod::shop(3, "metal1"));
    scene.pod(&Pod::shop(4, "metal2"));
    scene.put(real_pod(9, "shop", 5));
    let shut = "Pod was terminated in response to imminent node shutdown.";
    let mut shut_down = real_pod(9, "shop", 6);
    (shut_down["status"]["reason"], shut_down["status"]["message"]) = (json!("Terminated"), json!(shut));
    scene.put(shut_down);
    let expected = [
        "YELLOW ended-by-node of Deployment web/shop (listed only)",
        "YELLOW failed of Deployment web/shop (listed only)",
        "the gate opens",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_pod_ends_for_ever_on_a_node_that_is_lost() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    scene.remove(&POD, "web", "shop-6d5f-2");
    let mut ending = real_pod(47, "shop", 2);
    ending["spec"]["nodeName"] = json!("metal2");
    ending["metadata"]["deletionTimestamp"] = json!(ago(15));
    scene.put(ending);
    scene.pod(&Pod::shop(3, "metal1"));
    let expected =
        ["RED not-ready of Node metal2", "  YELLOW terminating of Deployment web/shop", "the gate is closed"];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_pod_of_a_stateful_set_was_bound_to_a_node_that_had_gone_before() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    scene.remove(&POD, "web", "shop-6d5f-2");
    scene.pod(&Pod::shop(3, "metal1"));
    scene.put(stateful_set(1));
    // Nothing in the pod tells: it reads Running and Ready.
    let mut pod = owned_by(real("pods", 11, "web", "wiki-0", 10), "apps/v1", "StatefulSet", "wiki");
    pod["spec"]["nodeName"] = json!("metal2");
    scene.put(pod);
    let expected = [
        "RED not-ready of Node metal2",
        "  RED node-not-ready of StatefulSet web/wiki",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// A set of one pod.
pub(super) fn stateful_set(available: i64) -> serde_json::Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "wiki", "namespace": "web"},
        "spec": {"replicas": 1, "serviceName": "wiki", "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": {"app": "wiki"}},
            "template": {"metadata": {"labels": {"app": "wiki"}}, "spec": {"containers": []}}},
        "status": {"observedGeneration": 1, "replicas": 1, "currentReplicas": 1, "updatedReplicas": 1,
            "readyReplicas": available, "availableReplicas": available,
            "currentRevision": "wiki-6f", "updateRevision": "wiki-6f"}})
}
