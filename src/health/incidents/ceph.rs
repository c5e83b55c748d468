//! Ceph: check by check, whatever its phase says.

use super::real::real;
use super::scene::{Pod, Scene};
use super::{ago, expect};
use serde_json::{Value, json};
use sim::kubernetes::{CEPH_CLUSTER, ExecAnswer, ExecMatcher};
use std::sync::Arc;

const CLUSTER: &str = "CephCluster rook-ceph/rook-ceph";

impl Scene {
    /// The `CephCluster` of that number of the recording.
    fn real_ceph(&self, number: usize) {
        self.put(real("operators", number, "rook-ceph", "rook-ceph", 0));
    }

    fn of_ceph(&self, patch: &Value) {
        self.change(&CEPH_CLUSTER, "rook-ceph", "rook-ceph", patch);
    }

    /// Commands may be run in the tools pod, and `ceph status` says this.
    pub(super) fn tools(&mut self, answer: ExecAnswer) {
        let manifest = include_str!("../../../deploy/kustomize/components/exec/rbac.yaml");
        self.server.apply_manifests(manifest).expect("the component is taken");
        self.cluster.exec = true;
        self.deployment("rook-ceph", "rook-ceph-tools", 1, 1);
        let mut pod = real("pods", 0, "rook-ceph", "rook-ceph-tools-6d5f-1", 0);
        pod["metadata"]["labels"] = json!({"app": "rook-ceph-tools", "pod-template-hash": "6d5f"});
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "name": "rook-ceph-tools-6d5f", "uid": "1", "controller": true}]);
        self.put(pod);
        let matcher = ExecMatcher { command: vec!["ceph".into(), "status".into()], ..ExecMatcher::default() };
        self.server.script_exec(matcher, Arc::new(move |_| answer.clone()));
    }
}

/// What `ceph status` says of a cluster of three OSDs of which so many are up and in.
fn status(health: &str, checks: &Value, up: u64, inside: u64) -> ExecAnswer {
    let status = json!({"health": {"status": health, "checks": checks, "mutes": []},
        "osdmap": {"num_osds": 3, "num_up_osds": up, "num_in_osds": inside},
        "pgmap": {"pgs_by_state": [{"state_name": "active+clean", "count": 169}], "num_pgs": 169,
            "bytes_used": 3_000, "bytes_total": 8_000}});
    ExecAnswer::ok(status.to_string())
}

#[tokio::test]
async fn ceph_is_as_a_real_server_gives_it_when_it_is_well() {
    let scene = Scene::well().await;
    scene.real_ceph(49);
    expect(scene, &["the gate opens"]).await;
}

#[tokio::test]
async fn ceph_has_an_error_and_its_phase_is_ready() {
    let scene = Scene::well().await;
    scene.real_ceph(51);
    expect(scene, &[&format!("RED MON_DOWN of {CLUSTER}"), "the gate is closed"]).await;
}

#[tokio::test]
async fn ceph_warns_of_three_things_and_its_phase_is_ready() {
    let scene = Scene::well().await;
    scene.real_ceph(50);
    let expected = [
        &format!("YELLOW OSD_DOWN of {CLUSTER}"),
        &format!("YELLOW PG_DEGRADED of {CLUSTER}"),
        &format!("YELLOW RECENT_MGR_MODULE_CRASH of {CLUSTER}"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn ceph_warns_check_by_check() {
    for (check, message) in [
        ("BLUESTORE_SLOW_OP_ALERT", "1 OSD(s) experiencing slow operations in BlueStore"),
        ("DB_DEVICE_STALLED_READ_ALERT", "3 OSD(s) experiencing stalled read in db device of BlueFS"),
        ("RECENT_CRASH", "1 daemons have recently crashed"),
        ("RECENT_MGR_MODULE_CRASH", "1 mgr modules have recently crashed"),
        ("MON_DISK_LOW", "mon a is low on available space"),
        ("PG_DEGRADED", "Degraded data redundancy: 12/90 objects degraded, 4 pgs backfilling"),
        (
            "PG_BACKFILL_FULL",
            "Low space hindering backfill (add storage if this doesn't resolve itself): 1 pg backfill_toofull",
        ),
        ("OSDMAP_FLAGS", "noout flag(s) set"),
        ("DAEMON_OLD_VERSION", "There are daemons running an older version of ceph"),
    ] {
        let scene = Scene::well().await;
        scene.ceph("HEALTH_WARN", &json!({check: {"severity": "HEALTH_WARN", "message": message}}));
        expect(scene, &[&format!("YELLOW {check} of {CLUSTER}"), "the gate is closed"]).await;
    }
}

#[tokio::test]
async fn what_is_muted_in_ceph_is_named_and_does_not_block() {
    let scene = Scene::well().await;
    let muted = json!({"BLUESTORE_SLOW_OP_ALERT": {"severity": "HEALTH_WARN", "message": "slow"}});
    scene.ceph("HEALTH_OK", &muted);
    let finding = format!("YELLOW BLUESTORE_SLOW_OP_ALERT of {CLUSTER} (listed only)");
    expect(scene, &[&finding, "the gate opens"]).await;
}

/// The tools say which checks are muted, while others are not.
#[tokio::test]
async fn one_check_is_muted_and_another_is_not() {
    for (word, severity) in [("HEALTH_WARN", "HEALTH_WARN"), ("HEALTH_WARN", "HEALTH_ERR")] {
        one_of_two_is_muted(word, severity).await;
    }
}

/// Of two checks the one of this severity is muted. Rook copies both, and not which of them it is.
async fn one_of_two_is_muted(word: &str, severity: &str) {
    let mut scene = Scene::well().await;
    let slow = "1 OSD(s) experiencing slow operations in BlueStore";
    let details = json!({
        "BLUESTORE_SLOW_OP_ALERT": {"severity": severity, "message": slow},
        "OSDMAP_FLAGS": {"severity": "HEALTH_WARN", "message": "noout flag(s) set"}});
    scene.ceph(word, &details);
    let verdict = if severity == "HEALTH_ERR" { "RED" } else { "YELLOW" };
    let both = scene.tells().await;
    let without = format!("{verdict} BLUESTORE_SLOW_OP_ALERT of {CLUSTER}");
    assert!(both.contains(&without), "without the tools nobody knows: {both:?}");
    scene.tools(status(
        word,
        &json!({
            "BLUESTORE_SLOW_OP_ALERT": {"severity": severity, "muted": true,
                "summary": {"message": slow, "count": 1}},
            "OSDMAP_FLAGS": {"severity": "HEALTH_WARN", "muted": false,
                "summary": {"message": "noout flag(s) set", "count": 1}}}),
        3,
        3,
    ));
    let expected = [
        &format!("YELLOW OSDMAP_FLAGS of {CLUSTER}"),
        "YELLOW OSDMAP_FLAGS of Ceph rook-ceph/ceph",
        &format!("{verdict} BLUESTORE_SLOW_OP_ALERT of {CLUSTER} (listed only)"),
        &format!("{verdict} BLUESTORE_SLOW_OP_ALERT of Ceph rook-ceph/ceph (listed only)"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// It went out and was made good for elsewhere: `HEALTH_OK`, and one disk less.
#[tokio::test]
async fn an_osd_is_out_and_nobody_complains() {
    let mut scene = Scene::well().await;
    scene.tools(status("HEALTH_OK", &json!({}), 2, 2));
    expect(scene, &["YELLOW osds of Ceph rook-ceph/ceph (listed only)", "the gate opens"]).await;
}

#[tokio::test]
async fn the_command_in_the_tools_pod_fails() {
    let mut scene = Scene::well().await;
    scene.tools(ExecAnswer::failed(1, "monclient(hunting): authenticate timed out after 300"));
    expect(scene, &["UNKNOWN not-read of Probe ceph-tools", "the gate is closed"]).await;
}

/// The node under it is lost: that is what a person mends first, then the pod, then the disk.
#[tokio::test]
async fn an_osd_is_down_because_its_node_is() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    scene.shop(1);
    scene.deployment("rook-ceph", "rook-ceph-osd-0", 1, 0);
    let osd = Pod { namespace: "rook-ceph", of: "rook-ceph-osd-0", ready: false, ..Pod::shop(1, "metal2") };
    scene.pod(&osd);
    let labels = json!({"metadata": {"labels": {"app": "rook-ceph-osd", "ceph-osd-id": "0", "ceph_daemon_type": "osd",
        "rook_cluster": "rook-ceph", "rook.io/operator-namespace": "rook-ceph"}}});
    scene.change(&sim::kubernetes::DEPLOYMENT, "rook-ceph", "rook-ceph-osd-0", &labels);
    scene.ceph(
        "HEALTH_WARN",
        &json!({
            "OSD_DOWN": {"severity": "HEALTH_WARN", "message": "1 osds down"},
            "OSD_HOST_DOWN": {"severity": "HEALTH_WARN", "message": "1 host (1 osds) down"},
            "RECENT_CRASH": {"severity": "HEALTH_WARN", "message": "1 daemons have recently crashed"}}),
    );
    let expected = [
        "RED not-ready of Node metal2",
        "  RED node-not-ready of Deployment rook-ceph/rook-ceph-osd-0",
        "  RED node-not-ready of Deployment web/shop",
        "  RED unavailable of Deployment rook-ceph/rook-ceph-osd-0",
        &format!("  YELLOW OSD_DOWN of {CLUSTER}"),
        &format!("  YELLOW OSD_HOST_DOWN of {CLUSTER}"),
        "  YELLOW unavailable of Deployment web/shop",
        // It crashed before, or because of it: nobody knows.
        &format!("YELLOW RECENT_CRASH of {CLUSTER}"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// All nodes are well, and the pod of the OSD is not.
#[tokio::test]
async fn an_osd_is_down_because_its_pod_is() {
    let scene = Scene::well().await;
    scene.deployment("rook-ceph", "rook-ceph-osd-0", 1, 0);
    let crash = Pod {
        namespace: "rook-ceph",
        of: "rook-ceph-osd-0",
        ..Pod::waiting(1, "CrashLoopBackOff", "back-off")
    };
    scene.pod(&crash);
    let labels = json!({"metadata": {"labels": {"app": "rook-ceph-osd", "ceph-osd-id": "0", "ceph_daemon_type": "osd",
        "rook_cluster": "rook-ceph"}}});
    scene.change(&sim::kubernetes::DEPLOYMENT, "rook-ceph", "rook-ceph-osd-0", &labels);
    scene.ceph("HEALTH_WARN", &json!({"OSD_DOWN": {"severity": "HEALTH_WARN", "message": "1 osds down"}}));
    let expected = [
        "RED crash-loop of Deployment rook-ceph/rook-ceph-osd-0",
        "  RED unavailable of Deployment rook-ceph/rook-ceph-osd-0",
        &format!("  YELLOW OSD_DOWN of {CLUSTER}"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

/// A flag that somebody set before the work on a node, and an upgrade that is on its way.
#[tokio::test]
async fn ceph_is_being_upgraded_with_a_flag_set() {
    let scene = Scene::well().await;
    scene.real_ceph(52);
    expect(scene, &[&format!("YELLOW OSDMAP_FLAGS of {CLUSTER}"), "the gate is closed"]).await;
}

/// After a major: health reads well, and the daemons are of two versions.
#[tokio::test]
async fn an_upgrade_of_ceph_stopped_halfway() {
    let scene = Scene::well().await;
    scene.real_ceph(49);
    scene.of_ceph(&json!({"status": {"ceph": {"versions": {"overall": {
        "ceph version 20.2.0 (0000) tentacle (stable)": 8,
        "ceph version 19.2.3 (1111) squid (stable)": 4}}}}}));
    expect(scene, &[&format!("YELLOW versions-differ of {CLUSTER}"), "the gate is closed"]).await;
}

#[tokio::test]
async fn rook_is_dead_and_ceph_reads_as_it_left_it() {
    let scene = Scene::well().await;
    scene.of_ceph(&json!({"status": {"ceph": {"lastChecked": ago(11)}}}));
    expect(scene, &[&format!("UNKNOWN stale of {CLUSTER}"), "the gate is closed"]).await;
}

#[tokio::test]
async fn an_application_only_mirrors_ceph() {
    let scene = Scene::well().await;
    let down = json!({"OSD_DOWN": {"severity": "HEALTH_ERR", "message": "1 osds down"}});
    scene.ceph("HEALTH_ERR", &down);
    let ceph = [("CephCluster", "rook-ceph", "rook-ceph", Some("Degraded"))];
    scene.application("rook-ceph", "Degraded", &ceph);
    let expected = [
        "RED OSD_DOWN of CephCluster rook-ceph/rook-ceph",
        "  RED degraded of Application argocd/rook-ceph",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn an_application_that_does_not_say_why_mirrors_what_belongs_to_it() {
    let scene = Scene::well().await;
    let down = json!({"OSD_DOWN": {"severity": "HEALTH_ERR", "message": "1 osds down"}});
    scene.ceph("HEALTH_ERR", &down);
    let resources =
        [("CephCluster", "rook-ceph", "rook-ceph", None), ("ConfigMap", "rook-ceph", "overrides", None)];
    scene.application("rook-ceph", "Degraded", &resources);
    scene.application("blog", "Degraded", &[("Deployment", "blog", "blog", None)]);
    let expected = [
        "RED OSD_DOWN of CephCluster rook-ceph/rook-ceph",
        "  RED degraded of Application argocd/rook-ceph",
        "RED degraded of Application argocd/blog",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}
