//! Rook: the operator that asks Ceph from time to time and writes what it hears into the `CephCluster`.
//!
//! The state of Ceph lies behind one lock that commands in the tools pod change and the operator reads, so a command
//! that has answered is seen by the operator's next look.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ceph::{Ceph, FSID, VERSION};
use super::{Speed, now};
use crate::kubernetes::{CEPH_CLUSTER, ExecAnswer, ExecMatcher, Kubernetes};

/// Where Rook lives.
pub(crate) const NAMESPACE: &str = "rook-ceph";
/// Seconds of reality until the monitors notice that crashes were archived.
const LOOK: f64 = 10.0;

/// Ceph, shared between the tools pod and the operator.
#[derive(Clone, Debug)]
pub(crate) struct SharedCeph {
    ceph: Arc<Mutex<Ceph>>,
    changed: Arc<Notify>,
}

impl SharedCeph {
    pub(crate) fn new(mut ceph: Ceph) -> Self {
        ceph.look();
        Self { ceph: Arc::new(Mutex::new(ceph)), changed: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Ceph> {
        self.ceph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the cluster; the operator hears of it as of any other change.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Ceph)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    /// Answers commands in the tools pod.
    pub(crate) fn answer_commands(&self, kubernetes: &Kubernetes) {
        let shared = self.clone();
        let matcher = ExecMatcher {
            namespace: Some(NAMESPACE.into()),
            selector: Some("app=rook-ceph-tools".into()),
            command: vec!["ceph".into()],
            ..ExecMatcher::default()
        };
        kubernetes.script_exec(matcher, Arc::new(move |command: &[String]| shared.answer(command)));
    }

    /// Carries a command out.
    pub(crate) fn answer(&self, command: &[String]) -> ExecAnswer {
        let answer = self.lock().answer(command);
        self.changed.notify_one();
        answer
    }
}

/// The `CephCluster` as it is at the beginning.
pub(crate) fn build(kubernetes: &Kubernetes, ceph: &SharedCeph) {
    kubernetes.apply(json!({
        "apiVersion": "ceph.rook.io/v1", "kind": "CephCluster",
        "metadata": {"name": "rook-ceph", "namespace": NAMESPACE},
        "spec": {"cephVersion": {"image": "quay.io/ceph/ceph:v19.2.3"}, "dataDirHostPath": "/var/lib/rook",
            "mon": {"count": 3}, "storage": {"useAllDevices": false, "useAllNodes": true}},
        "status": {
            "conditions": [{"lastHeartbeatTime": now(), "lastTransitionTime": now(),
                "message": "Cluster created successfully", "reason": "ClusterCreated", "status": "True",
                "type": "Ready"}],
            "message": "Cluster created successfully", "observedGeneration": 1, "phase": "Ready",
            "state": "Created", "storage": {"deviceClasses": [{"name": "ssd"}]},
            "version": {"image": "quay.io/ceph/ceph:v19.2.3", "version": "19.2.3-0"},
        },
    }));
    report(kubernetes, ceph);
}

/// The operator asks Ceph and writes what it hears.
fn report(kubernetes: &Kubernetes, ceph: &SharedCeph) {
    let (health, checks) = {
        let ceph = ceph.lock();
        (ceph.health(), ceph.all_checks())
    };
    let mut details = json!({});
    for check in checks {
        details[&check.name] = json!({"message": check.message, "severity": check.severity});
    }
    let (used, total) = Ceph::capacity();
    kubernetes.update(&CEPH_CLUSTER, Some(NAMESPACE), "rook-ceph", |object| {
        let known = object.pointer("/status/ceph").cloned().unwrap_or(Value::Null);
        let before = known["health"].as_str().unwrap_or(health);
        let changed = if before == health && known["lastChanged"].is_string() {
            known["lastChanged"].clone()
        } else {
            json!(now())
        };
        let previous =
            if before == health { known["previousHealth"].clone() } else { json!(before) };
        object["status"]["ceph"] = json!({
            "capacity": {"bytesAvailable": total - used, "bytesTotal": total, "bytesUsed": used, "lastUpdated": now()},
            "details": details, "fsid": FSID, "health": health, "lastChanged": changed, "lastChecked": now(),
            "versions": {"mon": {VERSION: 3}, "overall": {VERSION: 13}},
        });
        if previous.is_string() {
            object["status"]["ceph"]["previousHealth"] = previous;
        }
    });
}

/// The monitors and the operator.
#[derive(Debug)]
pub(crate) struct Rook {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) ceph: SharedCeph,
    pub(crate) speed: Speed,
    pub(crate) interval: Duration,
}

impl Rook {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut beat = tokio::time::interval(self.interval);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = beat.tick() => report(&self.kubernetes, &self.ceph),
                () = self.ceph.changed.notified() => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(self.speed.seconds(LOOK)) => {}
                    }
                    self.ceph.lock().look();
                    report(&self.kubernetes, &self.ceph);
                }
            }
        }
    }
}
