//! A homelab in which everything is well, on the simulated API server, and what breaks in it.
//!
//! Two nodes; a shop of two pods that Argo CD keeps, with a volume; Ceph under Rook; the rights that the deployment's
//! manifests give and no more. Nothing moves by itself: an incident is what it says and nothing else.

use crate::cluster::{self, Freshness, Kubernetes};
use crate::health::gate::testing::try_to_merge;
use crate::health::{self, Finding, Recon, Surroundings, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sim::kubernetes::{self as simulated, CustomKind, Kind, Options};
use std::time::Duration;

const MANIFESTS: [&str; 4] = [
    include_str!("../../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac-lease.yaml"),
];
/// What is installed besides what every API server has.
pub(super) const KINDS: [Kind; 15] = [
    simulated::APPLICATION,
    simulated::CEPH_CLUSTER,
    simulated::CERTIFICATE,
    simulated::VOLUME_SNAPSHOT,
    simulated::REPLICATION_SOURCE,
    simulated::APPLICATION_SET,
    simulated::GIT_REPOSITORY,
    simulated::KUSTOMIZATION,
    simulated::HELM_RELEASE,
    simulated::POSTGRES_CLUSTER,
    simulated::SCHEDULED_BACKUP,
    simulated::POSTGRES_BACKUP,
    simulated::EXTERNAL_SECRET,
    simulated::SECRET_STORE,
    simulated::CLUSTER_SECRET_STORE,
];
const NAMESPACES: [&str; 11] = [
    "argocd",
    "cert-manager",
    "cnpg-system",
    "db",
    "external-secrets",
    "flux-system",
    "kube-node-lease",
    "kube-system",
    "registry",
    "rook-ceph",
    "web",
];

/// So many minutes ago.
pub(super) fn ago(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes)).to_string()
}

/// How a pod stands.
pub(super) struct Pod {
    pub(super) namespace: &'static str,
    /// Its Deployment.
    pub(super) of: &'static str,
    /// Its number.
    pub(super) number: usize,
    /// Where it runs.
    pub(super) node: Option<&'static str>,
    pub(super) phase: &'static str,
    pub(super) ready: bool,
    /// `state` of its container.
    pub(super) state: Value,
    /// Why it failed.
    pub(super) reason: &'static str,
    /// So many minutes ago it was made.
    pub(super) minutes: i64,
    /// So many minutes ago it should have been gone.
    pub(super) ending: Option<i64>,
}

impl Pod {
    /// One of the shop's, which runs.
    pub(super) fn shop(number: usize, node: &'static str) -> Self {
        let state = json!({"running": {"startedAt": ago(600)}});
        Self {
            namespace: "web",
            of: "shop",
            number,
            node: Some(node),
            phase: "Running",
            ready: true,
            state,
            reason: "",
            minutes: 600,
            ending: None,
        }
    }

    /// One of the shop's, whose container waits.
    pub(super) fn waiting(number: usize, reason: &str, message: &str) -> Self {
        let state = json!({"waiting": {"reason": reason, "message": message}});
        Self { phase: "Pending", ready: false, state, ..Self::shop(number, "metal1") }
    }

    fn object(&self) -> Value {
        let Self { namespace, of, number, node, phase, ready, state, reason, minutes, ending } = self;
        let status = if *ready { "True" } else { "False" };
        let since = ago(20.min(*minutes));
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("{of}-6d5f-{number}"), "namespace": namespace,
                "creationTimestamp": ago(*minutes), "deletionTimestamp": ending.map(ago),
                "labels": {"app": of, "pod-template-hash": "6d5f"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{of}-6d5f"),
                    "uid": "1", "controller": true}]},
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "registry.example.org/app:1"}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": format!("{of}-data")}}]},
            "status": {"phase": phase, "reason": reason, "startTime": ago(*minutes),
                "conditions": [
                    {"type": "PodScheduled", "status": if node.is_some() { "True" } else { "False" },
                        "reason": "Unschedulable", "lastTransitionTime": ago(*minutes)},
                    {"type": "Ready", "status": status, "lastTransitionTime": since}],
                "containerStatuses": [{"name": "app", "ready": ready, "restartCount": 0, "state": state,
                    "image": "registry.example.org/app:1", "imageID": ""}]}})
    }
}

pub(crate) struct Scene {
    pub(crate) server: simulated::Kubernetes,
    client: Kubernetes,
    pub(super) cluster: cluster::Settings,
    /// `[health]`: what is switched off unless somebody wants it.
    pub(super) settings: health::Settings,
    /// Whether the audit is asked for.
    pub(super) audit: bool,
}

impl Scene {
    /// Everything is well.
    pub(crate) async fn well() -> Self {
        let server = simulated::Kubernetes::start(Options::default()).await.expect("the simulator starts");
        for manifest in MANIFESTS {
            server.apply_manifests(manifest).expect("the manifests are taken");
        }
        for kind in KINDS {
            server.register(CustomKind { kind, status_subresource: true });
        }
        for namespace in NAMESPACES {
            server.namespace(namespace);
        }
        let token = server.create_token("system:serviceaccount:caretaker:caretaker");
        let settings = cluster::Settings { request_timeout_seconds: 5, ..cluster::Settings::default() };
        let client =
            Kubernetes::from_kubeconfig(&server.kubeconfig(&token), &settings).await.expect("a client");
        let scene =
            Self { server, client, cluster: settings, settings: health::Settings::default(), audit: false };
        scene.node("metal1", true);
        scene.node("metal2", true);
        scene.argo_cd(1);
        scene.shop(2);
        scene.pod(&Pod::shop(1, "metal1"));
        scene.pod(&Pod::shop(2, "metal2"));
        scene.application("shop", "Healthy", &[("Deployment", "web", "shop", Some("Healthy"))]);
        scene.ceph("HEALTH_OK", &json!({}));
        scene.volume("pvc-old", "Bound", "shop-data", "uid-1", 900);
        scene.claim("shop-data", "pvc-old", "uid-1", 900);
        scene
    }

    pub(super) fn node(&self, name: &str, alive: bool) {
        let (status, reason, seen, since) =
            if alive { ("True", "KubeletReady", 0, 900) } else { ("Unknown", "NodeStatusUnknown", 20, 20) };
        self.server.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
            "status": {"nodeInfo": {"kubeletVersion": "v1.36.0"}, "conditions": [
                {"type": "Ready", "status": status, "reason": reason, "lastHeartbeatTime": ago(seen),
                    "lastTransitionTime": ago(since)},
                {"type": "MemoryPressure", "status": if alive { "False" } else { "Unknown" }}]}}));
        self.server.apply(json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micro(seen)}}));
    }

    /// Argo CD's controller, with so many pods that serve.
    pub(super) fn argo_cd(&self, available: i64) {
        self.server.apply(json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "argocd-application-controller", "namespace": "argocd"},
            "spec": {"replicas": 1, "serviceName": "a", "selector": {"matchLabels": {"app": "argocd"}},
                "template": {"metadata": {"labels": {"app": "argocd"}}, "spec": {"containers": []}}},
            "status": {"observedGeneration": 1, "replicas": 1, "currentReplicas": 1, "updatedReplicas": 1,
                "readyReplicas": available, "availableReplicas": available,
                "currentRevision": "a", "updateRevision": "a"}}));
    }

    /// The shop, of whose two pods so many serve.
    pub(super) fn shop(&self, available: i64) {
        self.deployment("web", "shop", 2, available);
    }

    /// A Deployment, of whose pods so many serve.
    pub(super) fn deployment(&self, namespace: &str, name: &str, wanted: i64, available: i64) {
        let status = if available == 0 && wanted > 0 { "False" } else { "True" };
        // The controllers of Flux are known by its mark.
        let part = if namespace == "flux-system" { "flux" } else { name };
        self.server.delete(&simulated::DEPLOYMENT, Some(namespace), name);
        self.server.apply(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace,
                "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": part}},
            "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}},
            "status": {"observedGeneration": 1, "replicas": wanted, "updatedReplicas": wanted,
                "availableReplicas": available,
                "conditions": [{"type": "Available", "status": status, "lastTransitionTime": ago(20)}]}}));
    }

    pub(super) fn pod(&self, pod: &Pod) {
        self.server.apply(pod.object());
    }

    /// An Application with the kind, namespace, name and health of what belongs to it.
    pub(super) fn application(
        &self,
        name: &str,
        health: &str,
        resources: &[(&str, &str, &str, Option<&str>)],
    ) {
        let resources: Vec<Value> = resources
            .iter()
            .map(|(kind, namespace, name, health)| {
                let mut one = json!({"kind": kind, "namespace": namespace, "name": name, "status": "Synced"});
                if let Some(health) = health {
                    one["health"] = json!({"status": health});
                }
                one
            })
            .collect();
        self.server.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default", "source": {"repoURL": "https://git.example.org/ops/homelab.git", "path": name},
                "destination": {"server": "https://kubernetes.default.svc"},
                "syncPolicy": {"automated": {"prune": true}}},
            "status": {"sync": {"status": "Synced", "revision": "a".repeat(40)}, "health": {"status": health},
                "reconciledAt": ago(1), "resources": resources}}));
    }

    pub(super) fn ceph(&self, health: &str, details: &Value) {
        self.server.apply(json!({"apiVersion": "ceph.rook.io/v1", "kind": "CephCluster",
            "metadata": {"name": "rook-ceph", "namespace": "rook-ceph"}, "spec": {},
            "status": {"phase": "Ready", "state": "Created", "ceph": {"health": health, "details": details,
                "lastChecked": ago(1),
                "capacity": {"bytesUsed": 1_000, "bytesAvailable": 9_000, "bytesTotal": 10_000}}}}));
    }

    /// A volume of the driver of Ceph, which a claim of `web` had or has.
    pub(super) fn volume(&self, name: &str, phase: &str, claim: &str, uid: &str, minutes: i64) {
        self.volume_of("web", name, phase, claim, uid, minutes);
    }

    /// The same, of a claim elsewhere.
    pub(super) fn volume_of(
        &self,
        namespace: &str,
        name: &str,
        phase: &str,
        claim: &str,
        uid: &str,
        minutes: i64,
    ) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": name, "creationTimestamp": ago(minutes),
                "annotations": {"pv.kubernetes.io/provisioned-by": "rook-ceph.rbd.csi.ceph.com"}},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "ceph-block",
                "persistentVolumeReclaimPolicy": "Retain",
                "csi": {"driver": "rook-ceph.rbd.csi.ceph.com", "volumeHandle": name},
                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim, "uid": uid}},
            "status": {"phase": phase, "lastPhaseTransitionTime": ago(minutes)}}));
    }

    pub(super) fn claim(&self, name: &str, volume: &str, uid: &str, minutes: i64) {
        self.claim_of("web", name, volume, uid, minutes);
    }

    /// The same, elsewhere.
    pub(super) fn claim_of(&self, namespace: &str, name: &str, volume: &str, uid: &str, minutes: i64) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": ago(minutes)},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "ceph-block", "volumeName": volume,
                "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}}));
    }

    /// A volume that a node has.
    pub(super) fn attached(&self, volume: &str, node: &str) {
        self.server.apply(json!({"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
            "metadata": {"name": format!("csi-{volume}-{node}"), "creationTimestamp": ago(600)},
            "spec": {"attacher": "rook-ceph.rbd.csi.ceph.com", "nodeName": node,
                "source": {"persistentVolumeName": volume}},
            "status": {"attached": true}}));
    }

    /// A Service in front of the shop, with endpoints of which so many are ready.
    pub(super) fn service(&self, ready: &[bool]) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "shop", "namespace": "web", "creationTimestamp": ago(900)},
            "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80}]}}));
        let endpoints: Vec<Value> = ready
            .iter()
            .map(|ready| json!({"addresses": ["192.0.2.7"], "conditions": {"ready": ready}}))
            .collect();
        self.server.apply(
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "shop-x", "namespace": "web", "creationTimestamp": ago(900),
                "labels": {"kubernetes.io/service-name": "shop"}}, "endpoints": endpoints}),
        );
    }

    /// Kubelets are asked, and this one says how many bytes of its disk of 1000 are left.
    pub(super) fn disk(&mut self, node: &str, left: u64) {
        let manifest = include_str!("../../../deploy/kustomize/components/node-proxy/rbac.yaml");
        self.server.apply_manifests(manifest).expect("the component is taken");
        self.cluster.node_stats = true;
        let disk = json!({"time": ago(1), "availableBytes": left, "capacityBytes": 1_000});
        self.server
            .set_node_stats(node, json!({"node": {"fs": disk, "runtime": {"imageFs": disk}}, "pods": []}));
    }

    /// Who asks the API server.
    pub(crate) fn client(&self) -> &Kubernetes {
        &self.client
    }

    pub(crate) async fn recon(&self) -> Recon {
        let surroundings = Surroundings {
            settings: &self.settings,
            cluster: &self.cluster,
            grace: Duration::from_mins(5),
            freshness: Freshness::Proven,
            audit: self.audit,
            after: None,
        };
        health::recon(&self.client, &surroundings, Timestamp::now()).await
    }

    /// What recon says: each cause, what follows from it, and whether the gate opens.
    pub(super) async fn tells(&self) -> Vec<String> {
        let recon = self.recon().await;
        let line = |finding: &Finding| {
            let listed = if finding.informational { " (listed only)" } else { "" };
            format!("{} {} of {}{listed}", finding.verdict, finding.id.rule, finding.id.object)
        };
        let mut told = Vec::new();
        for (cause, following) in recon.by_cause() {
            told.push(line(cause));
            told.extend(following.into_iter().map(|one| format!("  {}", line(one))));
        }
        let opens = try_to_merge(&recon).is_ok();
        assert_eq!(opens, recon.verdict() == Verdict::Green, "the gate goes by the verdict");
        told.push(format!("the gate {}", if opens { "opens" } else { "is closed" }));
        told
    }

    /// The same, at the end.
    pub(super) async fn told(self) -> Vec<String> {
        let told = self.tells().await;
        self.server.shutdown().await;
        told
    }

    /// What a person reads of the findings of a rule: the sentence, and what says so.
    pub(super) async fn says(&self, rule: &str) -> Vec<String> {
        let recon = self.recon().await;
        let of = recon.findings().filter(|finding| finding.id.rule == rule);
        of.map(|finding| format!("{} [{}]", finding.message, finding.evidence)).collect()
    }
}

/// A time as leases have it.
pub(super) fn micro(minutes: i64) -> String {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes);
    format!("{at:.6}")
}
