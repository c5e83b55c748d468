//! What the cluster holds that no Application brings: the system's own pods, Ceph's daemons, the controller of Argo CD,
//! certificates; and the forge with its users and the repository.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::apps::{AppSpec, Controller};
use super::world::{GitOps, WorldOptions};
use super::{application, rook, stamp};
use crate::gitea::{FileChange, Gitea, NewCommit, Permission, Refusal};
use crate::kubernetes::Kubernetes;

/// The account of Renovate.
pub(crate) const RENOVATE: &str = "renovate";
/// The account of the person who looks after the homelab.
pub(crate) const OPERATOR: &str = "operator";
/// The account of the bot under test.
const BOT: &str = "caretaker";

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

/// Flux' controllers, where Flux is instead of Argo CD.
const FLUX: &[Part] = &[flux("source-controller"), flux("kustomize-controller"), flux("helm-controller")];

const fn flux(name: &'static str) -> Part {
    Part {
        namespace: super::flux::NAMESPACE,
        name,
        controller: Controller::Deployment,
        replicas: 1,
        image: "ghcr.io/fluxcd/controller:v1.7.0",
        labels: &[("app.kubernetes.io/part-of", "flux")],
    }
}

/// Makes the workloads of the system; their pods follow.
pub(crate) fn build_system(kubernetes: &Kubernetes, gitops: GitOps) {
    let argo =
        PARTS.iter().filter(|part| gitops == GitOps::ArgoCd || part.namespace != application::NAMESPACE);
    for part in argo.chain(FLUX.iter().filter(|_| gitops == GitOps::Flux)) {
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

/// The webhook that is asked before a snapshot is written, and the endpoint that answers it.
pub(crate) fn build_webhooks(kubernetes: &Kubernetes) {
    let (namespace, name) = ("kube-system", "snapshot-validation-webhook");
    kubernetes.apply(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "validation-webhook.snapshot.storage.k8s.io", "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": namespace, "name": name, "path": "/volumesnapshot", "port": 443}},
            "rules": [{"apiGroups": ["snapshot.storage.k8s.io"], "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"], "resources": ["volumesnapshots"]}],
        }],
    }));
    kubernetes.apply(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{name}-4kx7p"), "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": ["10.42.3.17"], "conditions": {"ready": true, "serving": true, "terminating": false}}],
        "ports": [{"name": "https", "port": 443, "protocol": "TCP"}],
    }));
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

/// Users, the repository and its first commit.
pub(crate) fn build_forge(
    gitea: &Gitea,
    options: &WorldOptions,
) -> Result<BTreeMap<&'static str, String>, Refusal> {
    gitea.create_user(OPERATOR, true);
    gitea.create_user(BOT, false);
    gitea.create_user(RENOVATE, false);
    let repository = gitea.create_repository(&options.owner, &options.repository, true);
    gitea.add_collaborator(&options.owner, &options.repository, OPERATOR, Permission::Admin);
    gitea.add_collaborator(&options.owner, &options.repository, BOT, Permission::Write);
    gitea.add_collaborator(&options.owner, &options.repository, RENOVATE, Permission::Write);
    let tokens = BTreeMap::from([
        (OPERATOR, gitea.create_token(OPERATOR, &["all"])),
        (BOT, gitea.create_token(BOT, &["write:issue", "write:repository", "read:user"])),
        (RENOVATE, gitea.create_token(RENOVATE, &["write:issue", "write:repository", "read:user"])),
    ]);
    for (label, color) in [("maintenance", "0e8a16"), ("needs-human", "d93f0b")] {
        repository.create_label(label, color)?;
    }
    let mut files = vec![
        FileChange::text(
            "README.md",
            "# homelab\n\nEverything that runs in the cluster, one folder an app.\n",
        ),
        FileChange::text(
            "renovate.json",
            "{\n  \"$schema\": \"https://docs.renovatebot.com/renovate-schema.json\",\n  \"extends\": [\"config:recommended\"]\n}\n",
        ),
    ];
    files.extend(
        options.apps.iter().flat_map(AppSpec::files).map(|(path, content)| FileChange::text(path, content)),
    );
    let commit = NewCommit {
        author: OPERATOR.into(),
        message: "feat: the homelab as it runs".into(),
        files,
        from: None,
    };
    repository.commit("main", commit)?;
    Ok(tokens)
}
