//! What the cluster holds that no Application brings: the system's own pods, Ceph's daemons, the controller of Argo CD,
//! certificates.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::apps::Controller;
use super::{application, rook, stamp};
use crate::kubernetes::Kubernetes;

/// The controller of Argo CD, whose readiness is a sign of its life.
pub(crate) const CONTROLLER: &str = "argocd-application-controller";

/// A workload of the system.
struct Part {
    namespace: &'static str,
    name: &'static str,
    controller: Controller,
    replicas: u32,
    image: &'static str,
    labels: &'static [(&'static str, &'static str)],
}

const PARTS: &[Part] = &[
    part("kube-system", "coredns", Controller::Deployment, 2, "registry.k8s.io/coredns/coredns:v1.12.3"),
    part("kube-system", "cilium", Controller::DaemonSet, 0, "quay.io/cilium/cilium:v1.18.1"),
    part(
        "kube-system",
        "cilium-operator",
        Controller::Deployment,
        2,
        "quay.io/cilium/operator-generic:v1.18.1",
    ),
    part("kube-system", "kube-vip", Controller::Deployment, 1, "ghcr.io/kube-vip/kube-vip:v1.0.0"),
    part(
        "kube-system",
        "snapshot-validation-webhook",
        Controller::Deployment,
        1,
        "registry.k8s.io/sig-storage/snapshot-validation-webhook:v8.1.1",
    ),
    part(application::NAMESPACE, CONTROLLER, Controller::StatefulSet, 1, "quay.io/argoproj/argocd:v3.1.1"),
    part(
        application::NAMESPACE,
        "argocd-repo-server",
        Controller::Deployment,
        1,
        "quay.io/argoproj/argocd:v3.1.1",
    ),
    part(rook::NAMESPACE, "rook-ceph-mon", Controller::StatefulSet, 3, "quay.io/ceph/ceph:v19.2.3"),
    part(rook::NAMESPACE, "rook-ceph-mgr", Controller::Deployment, 2, "quay.io/ceph/ceph:v19.2.3"),
    part(rook::NAMESPACE, "rook-ceph-osd", Controller::StatefulSet, 6, "quay.io/ceph/ceph:v19.2.3"),
    part(rook::NAMESPACE, "rook-ceph-mds", Controller::Deployment, 2, "quay.io/ceph/ceph:v19.2.3"),
    Part {
        namespace: rook::NAMESPACE,
        name: "rook-ceph-tools",
        controller: Controller::Deployment,
        replicas: 1,
        image: "quay.io/ceph/ceph:v19.2.3",
        labels: &[("app", "rook-ceph-tools")],
    },
];

const fn part(
    namespace: &'static str,
    name: &'static str,
    controller: Controller,
    replicas: u32,
    image: &'static str,
) -> Part {
    Part { namespace, name, controller, replicas, image, labels: &[] }
}

/// The namespaces that no app has.
pub(crate) fn namespaces() -> Vec<String> {
    ["default", "kube-system", "kube-public", "kube-node-lease", "caretaker", "argocd", "rook-ceph"]
        .map(String::from)
        .to_vec()
}

/// Makes the workloads of the system; their pods follow.
pub(crate) fn build_system(kubernetes: &Kubernetes) {
    for part in PARTS {
        let mut labels = json!({"app.kubernetes.io/name": part.name});
        for (label, value) in part.labels {
            labels[*label] = json!(value);
        }
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": part.controller.as_str(),
            "metadata": {"name": part.name, "namespace": part.namespace, "labels": labels},
            "spec": {
                "selector": {"matchLabels": {"app.kubernetes.io/name": part.name}},
                "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": part.name, "image": part.image}]}},
            },
        });
        if part.controller != Controller::DaemonSet {
            object["spec"]["replicas"] = json!(part.replicas);
        }
        kubernetes.apply(object);
    }
}

/// Certificates of what people reach by name, valid for two months.
pub(crate) fn build_certificates(kubernetes: &Kubernetes, namespaces: &[&str]) {
    for namespace in namespaces {
        let day = |days: i64| json!(stamp(Timestamp::now() + SignedDuration::from_hours(24 * days)));
        let ready: Value = json!({
            "lastTransitionTime": day(-30), "message": "Certificate is up to date and has not expired",
            "observedGeneration": 1, "reason": "Ready", "status": "True", "type": "Ready",
        });
        kubernetes.apply(json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": format!("{namespace}-tls"), "namespace": namespace},
            "spec": {"dnsNames": [format!("{namespace}.example.org")],
                "issuerRef": {"kind": "ClusterIssuer", "name": "letsencrypt"},
                "secretName": format!("{namespace}-tls")},
            "status": {"conditions": [ready], "notBefore": day(-30), "notAfter": day(60), "renewalTime": day(30),
                "revision": 3},
        }));
    }
}
