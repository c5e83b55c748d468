//! Credentials that are not taken any more, and certificates that are not renewed.

use super::real::{real, real_pod};
use super::scene::Scene;
use super::{ago, expect};
use serde_json::json;
use sim::kubernetes::{CERTIFICATE, DEPLOYMENT, EXTERNAL_SECRET};

impl Scene {
    /// cert-manager, with so many pods that serve.
    fn cert_manager(&self, available: i64) {
        self.deployment("cert-manager", "cert-manager", 1, available);
    }

    /// The controller of External Secrets, with a store that answers or does not.
    fn store(&self, ready: bool) {
        self.deployment("external-secrets", "external-secrets", 1, 1);
        let condition = if ready {
            json!({"type": "Ready", "status": "True", "reason": "Valid", "message": "store validated",
                "lastTransitionTime": ago(900)})
        } else {
            json!({"type": "Ready", "status": "False", "reason": "InvalidProviderConfig",
                "message": "unable to log in: permission denied", "lastTransitionTime": ago(20)})
        };
        self.put(json!({"apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
            "metadata": {"name": "vault", "creationTimestamp": ago(9_000)},
            "spec": {"provider": {"vault": {"server": "https://vault.example.org"}}},
            "status": {"conditions": [condition]}}));
    }
}

#[tokio::test]
async fn a_store_is_refused_and_what_reads_from_it_follows() {
    let scene = Scene::well().await;
    scene.store(true);
    scene.put(real("operators", 42, "web", "shop", 1));
    scene.put(real("operators", 42, "web", "mail", 1));
    assert_eq!(scene.tells().await, ["the gate opens"]);
    scene.store(false);
    scene.put(real("operators", 43, "web", "shop", 1));
    // The time of the last success is a day ago, and the interval an hour: that nobody looks is not said, for it failed.
    scene.change(&EXTERNAL_SECRET, "web", "shop", &json!({"status": {"refreshTime": ago(65)}}));
    let expected = [
        "RED store-not-ready of ClusterSecretStore vault",
        "  YELLOW not-synced of ExternalSecret web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// The key is gone from the store: the store is well, and the old Secret stays.
#[tokio::test]
async fn a_key_is_gone_from_a_store_that_is_well() {
    let scene = Scene::well().await;
    scene.store(true);
    scene.put(real("operators", 43, "web", "shop", 1));
    scene.change(&EXTERNAL_SECRET, "web", "shop", &json!({"status": {"refreshTime": ago(65)}}));
    expect(scene, &["YELLOW not-synced of ExternalSecret web/shop", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_secret_that_a_pod_needs_is_not_there() {
    let scene = Scene::well().await;
    scene.put(real_pod(5, "shop", 1));
    scene.shop(1);
    let expected = [
        "RED container-config of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    let told = scene.says("container-config").await;
    assert!(told[0].contains("not found"), "{told:?}");
    scene.server.shutdown().await;
}

#[tokio::test]
async fn a_certificate_is_ready_while_its_renewal_fails() {
    let scene = Scene::well().await;
    scene.cert_manager(1);
    scene.put(real("operators", 45, "web", "shop", 0));
    let expected = ["YELLOW renewal-fails of Certificate web/shop", "the gate is closed"];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_certificate_has_expired() {
    let scene = Scene::well().await;
    scene.cert_manager(1);
    scene.put(real("operators", 46, "web", "shop", 0));
    let expected = ["RED expired of Certificate web/shop", "the gate is closed"];
    expect(scene, &expected).await;
}

/// Nobody tries, and Ready stays True.
#[tokio::test]
async fn a_certificate_is_not_renewed_by_anybody() {
    let scene = Scene::well().await;
    scene.cert_manager(1);
    scene.put(real("operators", 44, "web", "shop", 0));
    let due = json!({"status": {"renewalTime": ago(20 * 1_440), "notAfter": ago(-10 * 1_440)}});
    scene.change(&CERTIFICATE, "web", "shop", &due);
    let expected = ["YELLOW expires-soon of Certificate web/shop", "the gate is closed"];
    expect(scene, &expected).await;
}

/// Every certificate reads Ready, with months to go, and nobody will renew any.
#[tokio::test]
async fn cert_manager_is_dead_and_its_certificates_read_ready() {
    let scene = Scene::well().await;
    scene.cert_manager(1);
    scene.put(real("operators", 44, "web", "shop", 0));
    assert_eq!(scene.tells().await, ["the gate opens"]);
    scene.cert_manager(0);
    let expected = [
        "UNKNOWN controller-down of Deployment cert-manager/cert-manager",
        "RED unavailable of Deployment cert-manager/cert-manager",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    scene.remove(&DEPLOYMENT, "cert-manager", "cert-manager");
    let expected = ["UNKNOWN controller-missing of Deployment cert-manager", "the gate is closed"];
    expect(scene, &expected).await;
}
