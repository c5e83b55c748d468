//! Settings under `[health]`.

use super::own::OwnCheck;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is judged, and how old a sign of life may be. Ages are real seconds, whatever `timing.scale` is: they tell who
/// is alive. They compare a reporter's clock with ours, so they must be wider than the clocks differ.
#[expect(clippy::struct_excessive_bools, reason = "each switches one probe, independent of the others")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// A kubelet renews its lease every ten seconds; an older one is dead.
    pub node_lease_maximum_age_seconds: u64,
    /// Where leases may not be read: a kubelet reports its conditions every five minutes.
    pub node_condition_maximum_age_seconds: u64,
    /// The control plane's controllers renew their lease every two seconds.
    pub controllers_maximum_age_seconds: u64,
    /// How long kured, the system-upgrade controller or the cluster autoscaler may work on a node.
    pub node_work_maximum_seconds: u64,
    /// Rook asks Ceph every minute.
    pub ceph_maximum_age_seconds: u64,
    /// Argo CD looks at every Application every three minutes and a jitter, unless `timeout.reconciliation` says
    /// otherwise.
    pub argocd_maximum_age_seconds: u64,
    /// A permit rests on a pass that began no longer ago.
    pub recon_maximum_age_seconds: u64,
    /// How long one probe may take to read what it judges.
    pub probe_timeout_seconds: u64,
    /// A container that was started again so often...
    pub crash_loop_restarts: u32,
    /// ...and ended within so many seconds is in a crash loop, even while it runs.
    pub crash_loop_seconds: u64,
    /// Whether Jobs and `CronJobs` are judged.
    pub jobs: bool,
    /// Whether `PodDisruptionBudgets` are judged.
    pub disruption_budgets: bool,
    /// Whether Services are judged by their endpoints.
    pub services: bool,
    /// Whether Ceph is judged where Rook is installed.
    pub ceph: bool,
    /// Whether Argo CD is judged where it is installed.
    pub argocd: bool,
    /// Whether certificates are listed. They never block.
    pub certificates: bool,
    /// Whether CPU and memory of the nodes are listed. They never block.
    pub usage: bool,
    /// Whether snapshots of volumes are judged where they are installed.
    pub snapshots: bool,
    /// How long a snapshot may take until it can be used.
    pub snapshot_grace_seconds: u64,
    /// Whether `VolSync` is judged where it is installed.
    pub volsync: bool,
    /// How long one of `VolSync`'s copies may take.
    pub volsync_overdue_seconds: u64,
    /// Whether Flux is judged where it is installed.
    pub flux: bool,
    /// Whether `CloudNativePG` is judged where it is installed.
    pub cloudnative_pg: bool,
    /// Whether External Secrets are judged where they are installed.
    pub external_secrets: bool,
    /// Whether the servers behind the API server are judged.
    pub api_services: bool,
    /// Whether webhooks that fail closed are judged.
    pub webhooks: bool,
    /// How long after it was due a backup may not have been completed.
    pub backup_maximum_lateness_seconds: u64,
    /// Known findings that a person accepts.
    pub acknowledged: Vec<Acknowledgement>,
    /// What is judged besides: own expressions over objects of any kind.
    pub checks: Vec<OwnCheck>,
}

/// A known finding that a person accepts until a date. It is listed and does not block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledgement {
    /// The object as findings name it: `Deployment web/shop`, `Node metal3`.
    pub object: String,
    /// The rule, such as `crash-loop` or `OSD_DOWN`.
    pub rule: String,
    /// Why it is accepted.
    pub reason: String,
    /// Until when. Afterwards it blocks again.
    pub expires: Timestamp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node_lease_maximum_age_seconds: 60,
            node_condition_maximum_age_seconds: 420,
            controllers_maximum_age_seconds: 60,
            node_work_maximum_seconds: 3_600,
            ceph_maximum_age_seconds: 300,
            argocd_maximum_age_seconds: 600,
            recon_maximum_age_seconds: 30,
            probe_timeout_seconds: 25,
            crash_loop_restarts: 3,
            crash_loop_seconds: 600,
            jobs: true,
            disruption_budgets: true,
            services: true,
            ceph: true,
            argocd: true,
            certificates: true,
            usage: true,
            snapshots: true,
            snapshot_grace_seconds: 1_800,
            volsync: true,
            volsync_overdue_seconds: 21_600,
            flux: true,
            cloudnative_pg: true,
            external_secrets: true,
            api_services: true,
            webhooks: true,
            backup_maximum_lateness_seconds: 21_600,
            acknowledged: Vec::new(),
            checks: Vec::new(),
        }
    }
}

impl Settings {
    /// How long one probe may take; never none at all.
    pub(crate) fn probe_timeout(&self) -> Duration {
        Duration::from_secs(self.probe_timeout_seconds.max(1))
    }

    /// How long ago a container may have ended and still count as one that crashes.
    pub(crate) fn crash_loop(&self) -> Duration {
        Duration::from_secs(self.crash_loop_seconds)
    }

    /// How old a pass may be that a permit rests on.
    pub(crate) fn recon_maximum_age(&self) -> Duration {
        Duration::from_secs(self.recon_maximum_age_seconds)
    }
}
