//! What extends the API server and is not answered: what a person mends is behind it.

use super::scene::{Pod, Scene};
use super::{ago, expect};
use serde_json::{Value, json};

/// A Service of a namespace, and the slice of its one endpoint.
fn service(namespace: &str, name: &str, ready: bool) -> [Value; 2] {
    [
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": ago(900)},
            "spec": {"selector": {"app": name}, "ports": [{"port": 443}]}}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": format!("{name}-x"), "namespace": namespace, "creationTimestamp": ago(900),
                "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": ["192.0.2.9"], "conditions": {"ready": ready}}]}),
    ]
}

/// A configuration of one webhook that fails closed and asks a Service.
fn webhook(name: &str, namespace: &str, service: &str) -> Value {
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name, "creationTimestamp": ago(900)},
        "webhooks": [{"name": "policy.example.org", "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": namespace, "name": service}},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["CREATE"]}]}]})
}

#[tokio::test]
async fn an_api_is_gone_because_its_server_is_not_ready() {
    let scene = Scene::well().await;
    scene.deployment("kube-system", "metrics-server", 1, 0);
    let pod = Pod { namespace: "kube-system", of: "metrics-server", ready: false, ..Pod::shop(1, "metal1") };
    scene.pod(&pod);
    for object in service("kube-system", "metrics-server", false) {
        scene.put(object);
    }
    scene.put(json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io", "creationTimestamp": ago(900)},
        "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
            "versionPriority": 100, "service": {"namespace": "kube-system", "name": "metrics-server"}},
        "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints",
            "message": "endpoints for service/metrics-server have no addresses", "lastTransitionTime": ago(20)}]}}));
    scene.put(webhook("metrics", "kube-system", "metrics-server"));
    let expected = [
        "RED not-ready of Deployment kube-system/metrics-server",
        "  RED unavailable of Deployment kube-system/metrics-server",
        "  RED unavailable of APIService v1beta1.metrics.k8s.io",
        "  RED no-endpoints of MutatingWebhookConfiguration metrics",
        "  RED no-endpoints of Service kube-system/metrics-server",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_webhook_names_a_service_that_is_not_there() {
    let scene = Scene::well().await;
    scene.put(webhook("policy", "web", "policy"));
    expect(scene, &["RED no-endpoints of MutatingWebhookConfiguration policy", "the gate is closed"]).await;
}
