//! The part of a pass that reads what volumes are judged by.
//!
//! Six lists at once, each with its own time limit: what one of them costs, hangs or refuses is its own. Pods come from
//! the pass, which has read them already.

use super::probes::{
    List, VolumesReading, judge_replication, judge_snapshots, judge_volumes, unread, unused,
};
use super::recon::{NOT_INSTALLED, SWITCHED_OFF, Surroundings, switched, within};
use super::{Dated, Figure, Orphan, Probe, ProbeResult, inventory};
use crate::cluster::{
    Cluster, ClusterError, ClusterResult, Installed, ObjectRef, PersistentVolume, PersistentVolumeClaim, Pod,
    ReplicationSource, StorageClass, VolumeAttachment, VolumeSnapshot, Workload,
};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};

/// What was read, or why not. `None` inside: switched off.
pub(super) struct Storage {
    volumes: ClusterResult<Vec<PersistentVolume>>,
    claims: ClusterResult<Vec<PersistentVolumeClaim>>,
    attachments: ClusterResult<Vec<VolumeAttachment>>,
    classes: ClusterResult<Vec<StorageClass>>,
    snapshots: ClusterResult<Option<Installed<Vec<VolumeSnapshot>>>>,
    sources: ClusterResult<Option<Installed<Vec<ReplicationSource>>>>,
}

/// Reads all of it.
pub(super) async fn read(cluster: &dyn Cluster, surroundings: &Surroundings<'_>) -> Storage {
    let (settings, freshness) = (surroundings.settings, surroundings.freshness);
    let limit = settings.probe_timeout();
    let (volumes, claims, attachments, classes, snapshots, sources) = tokio::join!(
        within(limit, "volumes", cluster.volumes(freshness)),
        within(limit, "claims", cluster.claims(freshness)),
        within(limit, "attachments", cluster.attachments(freshness)),
        within(limit, "storage classes", cluster.storage_classes(freshness)),
        switched(settings.snapshots, limit, "snapshots", cluster.snapshots(freshness)),
        switched(settings.volsync, limit, "replication sources", cluster.replication_sources(freshness)),
    );
    Storage { volumes, claims, attachments, classes, snapshots, sources }
}

impl Storage {
    /// The answers of the probes of volumes, snapshots and `VolSync`.
    pub(super) fn judge(
        &self,
        pods: Result<Vec<&Pod>, &ClusterError>,
        workloads: &[Workload],
        surroundings: &Surroundings<'_>,
        now: Timestamp,
    ) -> [ProbeResult; 3] {
        let (settings, grace) = (surroundings.settings, surroundings.grace);
        let reading = VolumesReading {
            volumes: list(&self.volumes),
            claims: list(&self.claims),
            attachments: list(&self.attachments),
            classes: list(&self.classes),
            pods,
        };
        let snapshots = match &self.snapshots {
            Err(error) => unread(Probe::Snapshots, &error.to_string()),
            Ok(None) => unused(Probe::Snapshots, SWITCHED_OFF),
            Ok(Some(Installed::No)) => unused(Probe::Snapshots, NOT_INSTALLED),
            Ok(Some(Installed::Yes(snapshots))) => {
                judge_snapshots(snapshots, workloads, now, grace, settings)
            }
        };
        let replication = match &self.sources {
            Err(error) => unread(Probe::VolSync, &error.to_string()),
            Ok(None) => unused(Probe::VolSync, SWITCHED_OFF),
            Ok(Some(Installed::No)) => unused(Probe::VolSync, NOT_INSTALLED),
            Ok(Some(Installed::Yes(sources))) => {
                judge_replication(sources, list(&self.claims), workloads, now, grace, settings)
            }
        };
        [judge_volumes(&reading, now, grace), snapshots, replication]
    }

    /// The age of what `VolSync` copies.
    pub(super) fn copies(&self) -> Figure<Vec<Dated>> {
        match &self.sources {
            Err(error) => Figure::NotRead(error.to_string()),
            Ok(None) => Figure::NotRead(SWITCHED_OFF.to_owned()),
            Ok(Some(Installed::No)) => Figure::NotRead(NOT_INSTALLED.to_owned()),
            Ok(Some(Installed::Yes(sources))) => Figure::Read(inventory::copies(sources)),
        }
    }

    /// Volumes that are nobody's, as they were judged.
    pub(super) fn orphans(&self, judged: &ProbeResult) -> Figure<Vec<Orphan>> {
        inventory::orphans(&self.volumes, &self.claims, judged)
    }

    /// What stands behind each claim: the attachments of its volume, where one that hangs on any node keeps it from
    /// every other. A pod names its claim alone.
    pub(super) fn behind_claims(&self) -> HashMap<ObjectRef, Vec<ObjectRef>> {
        let (Ok(volumes), Ok(claims), Ok(attachments)) = (&self.volumes, &self.claims, &self.attachments)
        else {
            return HashMap::new();
        };
        let for_one_node: HashSet<&str> =
            volumes.iter().filter(|one| one.is_for_one_node()).map(|one| one.name.as_str()).collect();
        let mut of_volume: HashMap<&str, Vec<ObjectRef>> = HashMap::new();
        for attachment in attachments {
            if let Some(volume) = attachment.volume.as_deref().filter(|name| for_one_node.contains(name)) {
                of_volume.entry(volume).or_default().push(attachment.object());
            }
        }
        let behind = |claim: &PersistentVolumeClaim| {
            Some((claim.object(), of_volume.get(claim.volume.as_deref()?)?.clone()))
        };
        claims.iter().filter_map(behind).collect()
    }
}

fn list<T>(read: &ClusterResult<Vec<T>>) -> List<'_, T> {
    read.as_deref()
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
