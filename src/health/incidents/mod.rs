//! What breaks in homelabs, from the API server's answers to the verdict: the cause, what follows from it, and the gate.
//!
//! One incident a test, each with what was written down before it was asked for. The shapes are those that real servers
//! gave (`fixtures/recordings`), as far as they were recorded.

mod apps;
mod audit;
mod ceph;
mod databases;
mod evidence;
mod gitops;
mod images;
mod lies;
mod merges;
mod power;
mod real;
mod scene;
mod secrets;
mod storage;

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
async fn a_certificate_has_not_been_ready_for_long() {
    let scene = Scene::well().await;
    scene.deployment("cert-manager", "cert-manager", 1, 1);
    scene.server.apply(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "shop", "namespace": "web"}, "spec": {"secretName": "shop-tls"},
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Expired", "lastTransitionTime": ago(20)}]}}));
    expect(scene, &["RED not-ready of Certificate web/shop", "the gate is closed"]).await;
}
