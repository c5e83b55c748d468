//! Something of everything that `recon` tells, on one cluster.

use super::ago;
use super::scene::{Pod, Scene};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sim::kubernetes::CERTIFICATE;

/// So many minutes ago, as servers write it.
fn second(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Scene {
    /// A finding of each layer; one with what follows from it, one that a person accepts; a volume that is nobody's, certificates, a
    /// database, charts.
    pub(crate) async fn with_something_of_everything() -> Self {
        let mut scene = Self::well().await;
        scene.node("metal3", false);
        scene.deployment("web", "blog", 1, 0);
        scene.pod(&Pod { of: "blog", ready: false, ..Pod::shop(1, "metal3") });
        scene.change(&sim::kubernetes::NODE, "", "metal2", &json!({"spec": {"unschedulable": true}}));
        scene.settings.acknowledged = vec![
            serde_json::from_value(json!({"object": "Node metal2", "rule": "cordoned",
                "reason": "its fan is being replaced", "expires": "2999-12-31T00:00:00Z"}))
            .expect("an acknowledgement"),
        ];
        scene.ceph(
            "HEALTH_WARN",
            &json!({"RECENT_CRASH": {"severity": "HEALTH_WARN", "message": "1 daemons have recently crashed"}}),
        );
        scene.volume("pvc-left", "Released", "wiki-data", "uid-9", 9_000);
        scene.deployment("cert-manager", "cert-manager", 1, 1);
        for (name, days, renewal) in [("shop", 12, -3), ("blog", 20, -10), ("wiki", 80, 50)] {
            let day = 1_440;
            scene.server.apply(json!({"apiVersion": CERTIFICATE.api_version(), "kind": CERTIFICATE.kind,
                "metadata": {"name": name, "namespace": "web", "creationTimestamp": ago(90 * day)},
                "spec": {"secretName": name},
                "status": {"notAfter": second(-days * day), "renewalTime": second(-renewal * day),
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ago(90 * day)}]}}));
        }
        scene.database(0);
        scene.nightly(60);
        scene.backup(13, "nightly-1", 0);
        for (name, chart, version, sync) in
            [("logs", "loki", "6.1.0", "Synced"), ("monitoring", "grafana", "9.2.1", "OutOfSync")]
        {
            let source =
                json!({"repoURL": "https://charts.example.org", "chart": chart, "targetRevision": version});
            let destination = json!({"server": "https://kubernetes.default.svc"});
            scene.server.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                "metadata": {"name": name, "namespace": "argocd"},
                "spec": {"project": "default", "source": source, "destination": destination,
                    "syncPolicy": {"automated": {"prune": true}}},
                "status": {"sync": {"status": sync, "revision": version,
                        "comparedTo": {"source": source, "destination": destination}},
                    "health": {"status": "Healthy"}, "reconciledAt": ago(1), "resources": []}}));
        }
        let message = "Back-off pulling image \"registry.example.org/app:1\"";
        scene.deployment("web", "shop", 2, 1);
        scene.pod(&Pod::waiting(2, "ImagePullBackOff", message));
        for (namespace, name, image) in [
            ("web", "shop", "registry.example.org/shop:2.0.0"),
            ("web", "blog", "registry.example.org/blog:1.4.2"),
            ("cert-manager", "cert-manager", "quay.io/jetstack/cert-manager-controller:v1.21.0"),
        ] {
            let containers = json!([{"name": "app", "image": image}]);
            let patch = json!({"spec": {"template": {"spec": {"containers": containers}}},
                "status": {"observedGeneration": 2}});
            scene.change(&sim::kubernetes::DEPLOYMENT, namespace, name, &patch);
        }
        scene
    }
}
