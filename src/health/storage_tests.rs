//! Volumes over real HTTP: the simulated API server with its binder, and caretaker with the rights of `deploy/` alone.

use super::super::{Layer, Probe, Recon, Settings, Verdict, recon};
use crate::cluster::{self, Kubernetes};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sim::actors::bind_volumes;
use sim::kubernetes::{
    Fault, Kubernetes as Server, Matcher, Options, PV, PVC, REPLICATION_SOURCE, VOLUME_SNAPSHOT,
};
use std::time::Duration;

struct Scene {
    server: Server,
    client: Kubernetes,
    settings: Settings,
}

/// The rights of the service account, and no more.
const RIGHTS: [&str; 3] = [
    include_str!("../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../deploy/kustomize/base/rbac-lease.yaml"),
];

impl Scene {
    async fn begin() -> Self {
        let server = Server::start(Options::default()).await.expect("the simulator starts");
        for text in RIGHTS {
            server.apply_manifests(text).expect("manifests");
        }
        server.namespace("db");
        let now = Timestamp::now().to_string();
        server.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "metal1"},
            "status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": now}]}}));
        server.apply(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "ceph-block"}, "provisioner": "rook-ceph.rbd.csi.ceph.com"}));
        server.apply(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "local"}, "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer"}));
        let token = server.create_token("system:serviceaccount:caretaker:caretaker");
        let settings = cluster::Settings::default();
        let client =
            Kubernetes::from_kubeconfig(&server.kubeconfig(&token), &settings).await.expect("a client");
        let health = Settings { argocd: false, ceph: false, ..Settings::default() };
        Self { server, client, settings: health }
    }

    /// A claim as a person makes it; the binder and the provisioner do the rest.
    fn claim(&self, name: &str, class: &str) {
        self.server.apply(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "db"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": class,
                "resources": {"requests": {"storage": "10Gi"}}}}));
        bind_volumes(&self.server);
    }

    /// The volume of a claim.
    fn volume_of(&self, claim: &str) -> String {
        let claim = self.server.get(&PVC, Some("db"), claim).expect("the claim");
        claim["spec"]["volumeName"].as_str().expect("it is bound").to_owned()
    }

    fn delete_claim(&self, name: &str) {
        assert!(self.server.delete(&PVC, Some("db"), name));
        bind_volumes(&self.server);
        assert!(self.server.get(&PVC, Some("db"), name).is_none(), "no pod uses it");
    }

    fn phase(&self, volume: &str) -> String {
        let volume = self.server.get(&PV, None, volume).expect("the volume");
        volume["status"]["phase"].as_str().expect("a phase").to_owned()
    }

    /// A pass, so long from now.
    async fn recon_in(&self, later: SignedDuration) -> Recon {
        let place = cluster::Settings::default();
        let surroundings = super::Surroundings {
            settings: &self.settings,
            cluster: &place,
            grace: Duration::from_mins(5),
            freshness: cluster::Freshness::Proven,
            audit: false,
            after: None,
        };
        recon(&self.client, &surroundings, Timestamp::now() + later).await
    }

    async fn recon(&self) -> Recon {
        self.recon_in(SignedDuration::ZERO).await
    }
}

fn system(recon: &Recon) -> Verdict {
    recon.layers()[&Layer::System]
}

fn rules(recon: &Recon) -> Vec<(String, String)> {
    let told = recon.findings().filter(|finding| finding.layer == Layer::System);
    told.map(|finding| (finding.id.rule.clone(), finding.id.object.to_string())).collect()
}

fn one(rule: &str, object: &str) -> Vec<(String, String)> {
    vec![(rule.to_owned(), object.to_owned())]
}

#[tokio::test]
async fn data_is_lost_from_sight_and_brought_back() {
    let scene = Scene::begin().await;
    scene.claim("data", "ceph-block");
    let old = scene.volume_of("data");
    assert_eq!(system(&scene.recon().await), Verdict::Green);
    let keep = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    scene.server.merge_patch(&PV, None, &old, &keep);

    scene.delete_claim("data");
    assert_eq!(scene.phase(&old), "Released");
    let recon = scene.recon().await;
    assert_eq!(system(&recon), Verdict::Green, "nobody's, and kept: {:?}", rules(&recon));
    assert_eq!(rules(&recon), one("volume-released", &format!("PersistentVolume {old}")));

    scene.claim("data", "ceph-block");
    let young = scene.volume_of("data");
    assert_ne!(old, young);
    let recon = scene.recon().await;
    assert_eq!(system(&recon), Verdict::Red);
    assert_eq!(rules(&recon), one("lost-data", &format!("PersistentVolume {old}")));
    let lost = recon.findings().find(|finding| finding.id.rule == "lost-data").expect("it is there");
    assert!(lost.evidence.contains(&young) && lost.message.contains("db/data"), "{lost:?}");

    // As a person brings it back: both kept, the claim gone, the old volume reserved by name, the claim made again.
    scene.server.merge_patch(&PV, None, &young, &keep);
    scene.delete_claim("data");
    scene.server.merge_patch(&PV, None, &old, &json!({"spec": {"claimRef": {"uid": null}}}));
    bind_volumes(&scene.server);
    assert_eq!(scene.phase(&old), "Available");
    // The server writes whole seconds; what was made within one cannot be told apart, and counts as lost.
    let made = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let volume = scene.server.get(&PV, None, &young).expect("the younger one");
    assert!(scene.server.delete(&PV, None, &young));
    bind_volumes(&scene.server);
    let mut again: Value = volume;
    again["metadata"] = json!({"name": young, "creationTimestamp": made});
    scene.server.apply(again);
    scene.claim("data", "ceph-block");
    assert_eq!(scene.volume_of("data"), old);
    assert_eq!(scene.phase(&young), "Released");
    let recon = scene.recon().await;
    assert_eq!(system(&recon), Verdict::Green);
    assert_eq!(
        rules(&recon),
        one("volume-released", &format!("PersistentVolume {young}")),
        "what is left over"
    );
    scene.server.shutdown().await;
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_the_rest_is_told() {
    let scene = Scene::begin().await;
    scene.claim("data", "ceph-block");
    scene.server.merge_patch_status(&PV, None, &scene.volume_of("data"), &json!({"phase": "Failed"}));
    for (resource, still_told) in [
        ("persistentvolumes", false),
        ("persistentvolumeclaims", true),
        ("volumeattachments", true),
        ("storageclasses", true),
        ("volumesnapshots", true),
        ("replicationsources", true),
    ] {
        let fault = scene.server.faults().add(Matcher::of("list", resource), Fault::Forbid);
        let recon = scene.recon().await;
        assert_eq!(system(&recon), Verdict::Unknown, "{resource}");
        let rules = rules(&recon);
        assert!(rules.iter().any(|(rule, _)| rule == "not-read"), "{resource}: {rules:?}");
        assert_eq!(
            rules.iter().any(|(rule, _)| rule == "volume-failed"),
            still_told,
            "{resource}: {rules:?}"
        );
        scene.server.faults().remove(fault);
    }
    assert_eq!(system(&scene.recon().await), Verdict::Red);
    scene.server.shutdown().await;
}

#[tokio::test]
async fn a_list_that_ends_in_the_middle_is_no_list() {
    let scene = Scene::begin().await;
    scene.claim("data", "ceph-block");
    let gone =
        |resource| scene.server.faults().add_times(Matcher::of("list", resource), Fault::Status(410), 3);
    gone("persistentvolumes");
    let recon = scene.recon().await;
    assert_eq!(system(&recon), Verdict::Unknown);
    assert_eq!(rules(&recon), one("not-read", "Probe volumes"));
    assert_eq!(system(&scene.recon().await), Verdict::Green);
    scene.server.shutdown().await;
}

#[tokio::test]
async fn claims_that_wait_are_told_by_their_class() {
    let scene = Scene::begin().await;
    scene.claim("later", "local");
    scene.claim("now", "gone");
    let (soon, late) = (SignedDuration::from_secs(60), SignedDuration::from_secs(400));
    // The lease of the node is not what this is about.
    let recon = scene.recon_in(soon).await;
    assert_eq!(rules(&recon), [], "just made");
    let recon = scene.recon_in(late).await;
    assert_eq!(rules(&recon), one("claim-pending", "PersistentVolumeClaim db/now"));
    assert_eq!(system(&recon), Verdict::Yellow);
    scene.server.apply(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pg-1", "namespace": "db"},
        "spec": {"containers": [{"name": "pg", "image": "pg:1"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "later"}}]},
        "status": {"phase": "Pending"}}),
    );
    let recon = scene.recon_in(late).await;
    assert_eq!(system(&recon), Verdict::Red, "a pod waits");
    assert!(
        rules(&recon).contains(&("claim-pending".to_owned(), "PersistentVolumeClaim db/later".to_owned()))
    );
    scene.server.shutdown().await;
}

#[tokio::test]
async fn snapshots_and_copies_are_read_where_they_are_installed() {
    let scene = Scene::begin().await;
    scene.claim("data", "ceph-block");
    let metadata = |name: &str| json!({"name": name, "namespace": "db"});
    scene.server.apply(json!({"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot",
        "metadata": metadata("data-1"), "spec": {"source": {"persistentVolumeClaimName": "data"}}}));
    scene.server.apply(json!({"apiVersion": "volsync.backube/v1alpha1", "kind": "ReplicationSource",
        "metadata": metadata("data"), "spec": {"sourcePVC": "data", "trigger": {"schedule": "0 3 * * *"}},
        "status": {"lastSyncTime": "2026-11-21T01:07:01Z", "nextSyncTime": "2096-11-22T01:07:01Z"}}));
    assert_eq!(rules(&scene.recon().await), []);
    let recon = scene.recon_in(SignedDuration::from_secs(1_900)).await;
    assert_eq!(rules(&recon), one("snapshot-unanswered", "VolumeSnapshot db/data-1"));
    let paused = json!({"spec": {"paused": true}});
    scene.server.merge_patch(&REPLICATION_SOURCE, Some("db"), "data", &paused);
    let ready = json!({"readyToUse": true});
    scene.server.merge_patch_status(&VOLUME_SNAPSHOT, Some("db"), "data-1", &ready);
    let recon = scene.recon().await;
    assert_eq!(rules(&recon), one("source-paused", "ReplicationSource db/data"));
    assert_eq!(system(&recon), Verdict::Yellow);
    for kind in [&REPLICATION_SOURCE, &VOLUME_SNAPSHOT] {
        scene.server.unregister(kind);
    }
    let recon = scene.recon().await;
    assert_eq!(system(&recon), Verdict::Green);
    for which in [Probe::Snapshots, Probe::VolSync] {
        let probe = recon.probes.iter().find(|probe| probe.probe == which).expect("it is among them");
        assert_eq!((probe.used, probe.summary.as_str()), (false, "not used here"));
    }
    scene.server.shutdown().await;
}
