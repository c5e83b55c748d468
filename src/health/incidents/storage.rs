//! Volumes: what holds them up, what was lost to a new one, what a node or a NAS does not give.

use super::real::{real, real_pod};
use super::scene::{Pod, Scene};
use super::{ago, expect};
use crate::health::Figure;
use serde_json::{Value, json};
use sim::kubernetes::{Fault, Matcher, PV, PVC, REPLICATION_SOURCE, VOLUME_SNAPSHOT};

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
async fn the_old_pod_keeps_the_volume_that_the_new_one_waits_for() {
    let scene = Scene::well().await;
    scene.attached("pvc-old", "metal2");
    scene.pod(&Pod::waiting(1, "ContainerCreating", ""));
    scene.shop(1);
    let expected = [
        "RED multi-attach-wait of PersistentVolumeClaim web/shop-data",
        "  RED not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    // Nobody but an Event says who has it.
    let message = "Multi-Attach error for volume \"pvc-old\" Volume is already used by pod(s) shop-6d5f-2";
    scene.put(volume_event("FailedAttachVolume", message));
    let said = scene.says("not-ready").await;
    assert_eq!(said.len(), 1, "{said:?}");
    for part in ["Multi-Attach, another node or pod holds its volume", "held by pod shop-6d5f-2", message] {
        assert!(said[0].contains(part), "{said:?}");
    }
    expect(scene, &expected).await;
}

/// What a kubelet says of the shop's first pod, a minute ago.
fn volume_event(reason: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason,
        "metadata": {"name": format!("shop.{}", reason.to_lowercase()), "namespace": "web"},
        "involvedObject": {"kind": "Pod", "name": "shop-6d5f-1", "namespace": "web"}, "message": message,
        "count": 9, "lastTimestamp": ago(1)})
}

#[tokio::test]
async fn events_are_asked_for_only_where_a_pod_waits_and_a_refusal_changes_no_verdict() {
    let scene = Scene::well().await;
    scene.tells().await;
    let asked = |scene: &Scene| {
        let requests = scene.server.requests();
        requests.iter().filter(|one| one.path.starts_with("/api/v1/events")).count()
    };
    assert_eq!(asked(&scene), 0, "all is well");
    scene.pod(&Pod::waiting(1, "ContainerCreating", ""));
    scene.shop(1);
    let expected = scene.tells().await;
    assert!(asked(&scene) > 0);
    scene.server.faults().add(Matcher::resource("events"), Fault::Forbid);
    assert_eq!(scene.tells().await, expected);
    let said = scene.says("not-ready").await;
    assert!(said[0].contains("its events could not be read"), "{said:?}");
    expect(
        scene,
        &[
            "RED not-ready of Deployment web/shop",
            "  YELLOW unavailable of Deployment web/shop",
            "the gate is closed",
        ],
    )
    .await;
}

#[tokio::test]
async fn two_nodes_have_a_volume_that_is_for_one() {
    let scene = Scene::well().await;
    scene.attached("pvc-old", "metal1");
    scene.attached("pvc-old", "metal2");
    expect(scene, &["RED multi-attach of PersistentVolume pvc-old", "the gate is closed"]).await;
}

#[tokio::test]
async fn data_was_lost_to_a_new_empty_volume() {
    let scene = Scene::well().await;
    scene.volume("pvc-old", "Released", "shop-data", "uid-1", 900);
    scene.volume("pvc-new", "Bound", "shop-data", "uid-2", 30);
    scene.server.delete(&PVC, Some("web"), "shop-data");
    scene.claim("shop-data", "pvc-new", "uid-2", 30);
    expect(scene, &["RED lost-data of PersistentVolume pvc-old", "the gate is closed"]).await;
}

/// The volumes that are shown as nobody's.
async fn orphans(scene: &Scene) -> Vec<String> {
    let recon = scene.recon().await;
    let Figure::Read(orphans) = recon.figures.inventory.orphans else { panic!("not read") };
    orphans.into_iter().map(|one| one.object.name).collect()
}

#[tokio::test]
async fn without_the_claims_nobody_knows_which_volumes_are_nobodys() {
    let scene = Scene::well().await;
    scene.volume("pvc-left", "Released", "left-data", "uid-9", 9_000);
    assert_eq!(orphans(&scene).await, ["pvc-left"]);
    scene.server.faults().add(Matcher::resource("persistentvolumeclaims"), Fault::Forbid);
    let recon = scene.recon().await;
    assert!(matches!(recon.figures.inventory.orphans, Figure::NotRead(_)));
    scene.server.shutdown().await;
}

/// Every app runs, every phase reads well, and three of them are empty.
#[tokio::test]
async fn several_volumes_were_lost_beside_apps_that_run_and_one_is_brought_back() {
    let scene = Scene::well().await;
    for name in ["blog", "mail", "wiki"] {
        scene.deployment("web", name, 1, 1);
        let pod = Pod { of: name, ..Pod::shop(1, "metal1") };
        scene.pod(&pod);
        scene.volume(
            &format!("pvc-{name}"),
            "Released",
            &format!("{name}-data"),
            &format!("{name}-before"),
            9_000,
        );
        let (volume, uid) = (format!("pvc-{name}-new"), format!("{name}-now"));
        scene.volume(&volume, "Bound", &format!("{name}-data"), &uid, 30);
        scene.claim(&format!("{name}-data"), &volume, &uid, 30);
    }
    // Nobody's: its claim is gone. Kept, and no loss.
    scene.volume("pvc-retired", "Released", "retired-data", "uid-9", 9_000);
    let expected = [
        "RED lost-data of PersistentVolume pvc-blog",
        "RED lost-data of PersistentVolume pvc-mail",
        "RED lost-data of PersistentVolume pvc-wiki",
        "YELLOW volume-released of PersistentVolume pvc-retired (listed only)",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    // What holds the only data is in no list of what is nobody's: somebody may delete by that.
    assert_eq!(orphans(&scene).await, ["pvc-retired"]);

    // The blog's is brought back: the new claim is deleted, the old volume reserved and bound, the new one left over.
    scene.remove(&PVC, "web", "blog-data");
    scene.volume("pvc-blog", "Available", "blog-data", "", 9_000);
    scene.volume("pvc-blog-new", "Released", "blog-data", "blog-now", 30);
    let expected = [
        "RED lost-data of PersistentVolume pvc-mail",
        "RED lost-data of PersistentVolume pvc-wiki",
        "YELLOW volume-released of PersistentVolume pvc-blog-new (listed only)",
        "YELLOW volume-released of PersistentVolume pvc-retired (listed only)",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected, "reserved");
    scene.volume("pvc-blog", "Bound", "blog-data", "blog-back", 9_000);
    scene.claim("blog-data", "pvc-blog", "blog-back", 1);
    assert_eq!(scene.told().await, expected, "bound to the old one");
}

#[tokio::test]
async fn a_claim_waits_beside_the_volume_that_it_had() {
    let scene = Scene::well().await;
    scene.class();
    scene.volume("pvc-blog", "Released", "blog-data", "uid-3", 900);
    scene.pending("blog-data");
    let expected = [
        "YELLOW claim-pending of PersistentVolumeClaim web/blog-data",
        "YELLOW released-claim-waits of PersistentVolume pvc-blog",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_claim_lost_its_volume() {
    let scene = Scene::well().await;
    scene.remove(&PV, "", "pvc-old");
    scene.change(&PVC, "web", "shop-data", &json!({"status": {"phase": "Lost"}}));
    expect(scene, &["RED claim-lost of PersistentVolumeClaim web/shop-data", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_volume_could_not_be_deleted() {
    let scene = Scene::well().await;
    scene.volume("pvc-gone", "Failed", "cart-data", "uid-3", 30);
    let error = "rpc error: code = Internal desc = rbd: ret=-39, Directory not empty";
    scene.change(&PV, "", "pvc-gone", &json!({"status": {"reason": "VolumeFailedDelete", "message": error}}));
    expect(scene, &["RED volume-failed of PersistentVolume pvc-gone", "the gate is closed"]).await;
}

impl Scene {
    fn class(&self) {
        self.put(json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "ceph-block-retain"}, "provisioner": "rook-ceph.rbd.csi.ceph.com",
            "reclaimPolicy": "Retain", "volumeBindingMode": "Immediate"}));
    }

    /// A claim as it waits for its driver.
    fn pending(&self, name: &str) {
        self.put(real("volumes", 13, "web", name, 20));
    }

    /// A source of a claim that is gone, as `VolSync` leaves it.
    fn source(&self, name: &str) {
        self.put(real("operators", 31, "web", name, 0));
    }

    /// A snapshot that is not ready, with an error.
    fn snapshot(&self, name: &str, error: &str) {
        let mut snapshot = real("operators", 37, "web", name, 20);
        snapshot["status"]["error"]["message"] = json!(error);
        self.put(snapshot);
    }
}

const LOCKED: &str = "Failed to check and update snapshot content: failed to take snapshot of the volume 0001-blog: \"rpc \
                      error: code = Aborted desc = an operation with the given Volume ID 0001-blog already exists\"";

/// Sources of claims that are gone, snapshots that hang, a provisioner that holds locks, a claim that waits for it.
#[tokio::test]
async fn sources_of_claims_that_are_gone_hold_the_provisioner_up() {
    let scene = Scene::well().await;
    scene.class();
    scene.source("blog");
    scene.snapshot("volsync-blog-src", LOCKED);
    scene.snapshot("volsync-mail-src", "failed to get input parameters: secret is not found");
    // One that was just begun: nothing yet.
    let mut begun = real("operators", 34, "web", "volsync-shop-src", 0);
    begun["metadata"]["creationTimestamp"] = json!(ago(1));
    scene.put(begun);
    scene.pending("wiki-data");
    let mut waiting = real_pod(7, "wiki", 1);
    waiting["status"]["conditions"][0]["message"] =
        json!("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
    scene.put(waiting);
    scene.deployment("web", "wiki", 1, 0);
    let expected = [
        "RED claim-pending of PersistentVolumeClaim web/wiki-data",
        "  RED unavailable of Deployment web/wiki",
        "  RED unschedulable of Deployment web/wiki",
        "YELLOW snapshot-failed of VolumeSnapshot web/volsync-mail-src",
        "YELLOW snapshot-locked of VolumeSnapshot web/volsync-blog-src",
        "YELLOW source-claim-missing of ReplicationSource web/blog",
        "YELLOW source-failed of ReplicationSource web/blog",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);

    // The sources are paused, the snapshots gone, the provisioner was restarted: the claim is bound and the app runs.
    scene.change(&REPLICATION_SOURCE, "web", "blog", &json!({"spec": {"paused": true}}));
    scene.remove(&VOLUME_SNAPSHOT, "web", "volsync-blog-src");
    scene.remove(&VOLUME_SNAPSHOT, "web", "volsync-mail-src");
    scene.remove(&PVC, "web", "wiki-data");
    scene.volume("pvc-wiki", "Bound", "wiki-data", "uid-5", 3);
    scene.claim("wiki-data", "pvc-wiki", "uid-5", 3);
    scene.pod(&Pod { of: "wiki", ..Pod::shop(1, "metal1") });
    scene.deployment("web", "wiki", 1, 1);
    let expected = [
        "YELLOW source-claim-missing of ReplicationSource web/blog",
        "YELLOW source-paused of ReplicationSource web/blog",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected, "still to be proposed for deletion");
    scene.remove(&REPLICATION_SOURCE, "web", "blog");
    expect(scene, &["the gate opens"]).await;
}

/// `spec.suspend` is none of `VolSync`'s: who set it paused nothing.
#[tokio::test]
async fn a_source_that_was_suspended_by_a_field_that_is_not_there_is_not_paused() {
    let scene = Scene::well().await;
    scene.source("shop");
    scene.change(
        &REPLICATION_SOURCE,
        "web",
        "shop",
        &json!({"spec": {"sourcePVC": "shop-data", "suspend": true}}),
    );
    expect(scene, &["YELLOW source-failed of ReplicationSource web/shop", "the gate is closed"]).await;
}

#[tokio::test]
async fn a_repository_stays_locked_and_another_source_never_ends() {
    let scene = Scene::well().await;
    scene.source("shop");
    let logs = "unable to create lock in backend: repository is already locked exclusively by PID 29 on \
                volsync-src-shop by root (UID 0, GID 0)";
    let locked = json!({"spec": {"sourcePVC": "shop-data"}, "status": {"latestMoverStatus": {"logs": logs}}});
    scene.change(&REPLICATION_SOURCE, "web", "shop", &locked);
    scene.source("slow");
    let slow = json!({"spec": {"sourcePVC": "shop-data"},
        "status": {"lastSyncStartTime": ago(480), "latestMoverStatus": null}});
    scene.change(&REPLICATION_SOURCE, "web", "slow", &slow);
    let expected = [
        "YELLOW source-locked of ReplicationSource web/shop",
        "YELLOW source-overdue of ReplicationSource web/slow",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// A volume of an iSCSI driver that the shop has, attached to a node or not.
fn attachment(name: &str, node: &str, status: &Value) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
        "metadata": {"name": name, "creationTimestamp": ago(30)},
        "spec": {"attacher": "org.democratic-csi.iscsi", "nodeName": node,
            "source": {"persistentVolumeName": "pvc-old"}},
        "status": status})
}

#[tokio::test]
async fn the_target_of_a_volume_is_not_there() {
    let scene = Scene::well().await;
    let said = "rpc error: code = NotFound desc = volume not found: iqn.2005-10.org.example:pvc-old";
    scene.put(attachment(
        "csi-1",
        "metal1",
        &json!({"attached": false, "attachError": {"time": ago(10), "message": said}}),
    ));
    scene.pod(&Pod::waiting(1, "ContainerCreating", ""));
    scene.shop(1);
    let expected = [
        "RED attach-failed of VolumeAttachment csi-1",
        "  RED not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    let told = scene.says("attach-failed").await;
    assert!(told[0].contains("volume not found"), "{told:?}");
    scene.server.shutdown().await;
}

/// Of a volume for many nodes one attachment tells nothing of a pod on another node.
#[tokio::test]
async fn a_volume_for_many_nodes_cannot_be_attached_to_one_of_them() {
    let scene = Scene::well().await;
    scene.change(&PV, "", "pvc-old", &json!({"spec": {"accessModes": ["ReadWriteMany"]}}));
    let error = json!({"time": ago(10), "message": "rpc error: code = Internal desc = mount failed"});
    scene.put(attachment("csi-1", "metal2", &json!({"attached": false, "attachError": error})));
    scene.pod(&Pod::waiting(1, "ContainerCreating", ""));
    scene.shop(1);
    let expected = [
        "RED attach-failed of VolumeAttachment csi-1",
        "RED not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// A driver that attaches nothing only says so in events: the pod is what does not come up, with their words.
#[tokio::test]
async fn a_volume_cannot_be_mounted() {
    let scene = Scene::well().await;
    for (reason, message) in [
        (
            "FailedMount",
            "MountVolume.MountDevice failed for volume \"pvc-old\": iscsi: failed to sendtargets to portal \
                         192.0.2.40:3260: iscsiadm: cannot make connection",
        ),
        ("FailedAttachVolume", "AttachVolume.Attach failed for volume \"pvc-old\": volume not found"),
    ] {
        scene.put(volume_event(reason, message));
    }
    scene.pod(&Pod::waiting(1, "ContainerCreating", ""));
    scene.shop(1);
    let said = scene.says("not-ready").await;
    let words = "its volume cannot be attached";
    assert!(said.len() == 1 && said[0].contains(words) && said[0].contains("volume not found"), "{said:?}");
    let expected = [
        "RED not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_file_system_became_read_only() {
    let scene = Scene::well().await;
    let mut crashed = real_pod(2, "shop", 1);
    crashed["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"] =
        json!("OSError: [Errno 30] Read-only file system: '/data/shop.db' token=abc");
    scene.put(crashed.clone());
    scene.shop(1);
    let told = scene.says("crash-loop").await;
    assert!(told[0].contains("writes to a file system that is read-only (EROFS)"), "{told:?}");
    assert!(told[0].contains("Read-only file system: '/data/shop.db' [redacted]"), "{told:?}");
    // Lines of its log are not told any further; what they say of a disk is.
    crashed["spec"]["containers"][0]["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
    scene.put(crashed);
    let told = scene.says("crash-loop").await;
    assert!(told[0].contains("read-only (EROFS)") && !told[0].contains("shop.db"), "{told:?}");
    let expected = [
        "RED crash-loop of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// Before a NAS is switched off: its workloads are at zero, and two attachments are left.
#[tokio::test]
async fn attachments_are_left_where_a_nas_is_to_be_switched_off() {
    let scene = Scene::well().await;
    scene.deployment("web", "shop", 0, 0);
    for number in [1, 2] {
        scene.remove(&sim::kubernetes::POD, "web", &format!("shop-6d5f-{number}"));
    }
    let mut hangs = attachment("csi-1", "metal1", &json!({"attached": true}));
    hangs["metadata"]["deletionTimestamp"] = json!(ago(15));
    scene.put(hangs);
    let said = "rpc error: code = Internal desc = target is busy";
    let mut fails = attachment(
        "csi-2",
        "metal1",
        &json!({"attached": true, "detachError": {"time": ago(10), "message": said}}),
    );
    fails["metadata"]["deletionTimestamp"] = json!(ago(15));
    scene.put(fails);
    let expected = [
        "YELLOW detach-failed of VolumeAttachment csi-2",
        "YELLOW detach-overdue of VolumeAttachment csi-1",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}
