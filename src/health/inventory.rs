//! What people ask for by name and day beside what is judged: when certificates end, how old backups are, which volumes are
//! nobody's, which charts are installed.
//!
//! It is shown once and stored nowhere: its size is that of the cluster, and not of what is wrong with it.

use super::probes::last_backup;
use super::{Figure, Finding, ProbeResult, Recon};
use crate::cluster::{
    Application, Certificate, ClusterResult, FluxObject, ObjectRef, Owner, PersistentVolume,
    PersistentVolumeClaim, Postgres, ReplicationSource, SyncStatus, bytes_of,
};
use jiff::Timestamp;
use std::collections::HashMap;

/// All of it, each with why it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Inventory {
    /// Certificates, the next to end first; those that do not tell come last.
    pub(crate) certificates: Figure<Vec<Dated>>,
    /// Databases with their newest good backup, the oldest first; those of which none is known come last.
    pub(crate) databases: Figure<Vec<Dated>>,
    /// The same of the sources that copy claims.
    pub(crate) copies: Figure<Vec<Dated>>,
    /// Volumes that are nobody's, by the judgement of the probe of volumes.
    pub(crate) orphans: Figure<Vec<Orphan>>,
    /// Charts that Applications were compared with last, synced or not.
    pub(crate) applications: Figure<Vec<Chart>>,
    /// Charts that releases of Flux installed.
    pub(crate) releases: Figure<Vec<Chart>>,
}

/// An object, and a moment of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dated {
    /// The object.
    pub(crate) object: ObjectRef,
    /// The moment, where it is known.
    pub(crate) at: Option<Timestamp>,
}

/// A volume that is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Orphan {
    /// The volume.
    pub(crate) object: ObjectRef,
    /// The claim that had it.
    pub(crate) claim: Option<ObjectRef>,
    /// Its size, where that is a quantity.
    pub(crate) bytes: Option<u64>,
    /// Since when, where the server tells.
    pub(crate) since: Option<Timestamp>,
}

/// A chart that is installed, or wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chart {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// What installed it, or is to do so.
    pub(crate) by: ObjectRef,
    /// Whether it is installed: an Application names what Git wants, and what runs is that only where it is synced.
    pub(crate) synced: bool,
}

impl Recon {
    /// As it is kept beyond the look: without what its size is not known of. Nothing that decides reads that.
    pub(crate) fn to_keep(&self) -> Self {
        let mut kept = self.clone();
        kept.figures.inventory = Inventory::default();
        kept
    }
}

/// The first first, and those without a moment last.
fn by_moment(mut all: Vec<Dated>) -> Vec<Dated> {
    all.sort_by(|one, other| {
        (one.at.is_none(), one.at, &one.object).cmp(&(other.at.is_none(), other.at, &other.object))
    });
    all
}

/// When certificates end.
pub(super) fn certificates(certificates: &[Certificate]) -> Vec<Dated> {
    let ends = certificates.iter().map(|one| Dated {
        object: ObjectRef::new("Certificate", &one.namespace, &one.name),
        at: one.not_after,
    });
    by_moment(ends.collect())
}

/// The newest good backup of each database.
pub(super) fn databases(postgres: &Postgres) -> Vec<Dated> {
    let each = postgres.clusters.iter();
    let each = each.map(|one| Dated { object: one.object(), at: last_backup(one, &postgres.backups) });
    by_moment(each.collect())
}

/// The last good copy of each source.
pub(super) fn copies(sources: &[ReplicationSource]) -> Vec<Dated> {
    let each = sources.iter().map(|one| Dated {
        object: ObjectRef::new("ReplicationSource", &one.namespace, &one.name),
        at: one.last_sync,
    });
    by_moment(each.collect())
}

/// What the probe of volumes says of one that is nobody's: whoever reads that may delete it.
const NOBODYS: [&str; 2] = ["volume-not-reclaimed", "volume-released"];

/// Volumes that are nobody's, accepted ones as well. A phase does not tell: Released is also what holds the only data of a claim
/// that was made again, and without the claims nobody knows which that are.
pub(super) fn orphans(
    volumes: &ClusterResult<Vec<PersistentVolume>>,
    claims: &ClusterResult<Vec<PersistentVolumeClaim>>,
    judged: &ProbeResult,
) -> Figure<Vec<Orphan>> {
    let volumes = match (volumes, claims) {
        (Ok(volumes), Ok(_)) => volumes,
        (Err(error), _) | (_, Err(error)) => return Figure::NotRead(error.to_string()),
    };
    let by_name: HashMap<&str, &PersistentVolume> =
        volumes.iter().map(|one| (one.name.as_str(), one)).collect();
    let nobodys = |one: &&Finding| NOBODYS.contains(&one.id.rule.as_str());
    let found = judged.findings.iter().filter(nobodys);
    let each = found.filter_map(|finding| by_name.get(finding.id.object.name.as_str())).map(|one| Orphan {
        object: one.object(),
        claim: (one.claim.as_ref())
            .map(|claim| ObjectRef::new("PersistentVolumeClaim", &claim.namespace, &claim.name)),
        bytes: bytes_of(&one.capacity),
        since: one.phase_since,
    });
    let mut all: Vec<Orphan> = each.collect();
    all.sort_by(|one, other| one.object.cmp(&other.object));
    Figure::Read(all)
}

/// What releases of Flux installed.
pub(super) fn releases(flux: &[FluxObject]) -> Vec<Chart> {
    let of = |one: &FluxObject| {
        let (name, version) = one.chart.clone()?;
        Some(Chart { name, version, by: one.object(), synced: true })
    };
    let mut all: Vec<Chart> = flux.iter().filter_map(of).collect();
    all.sort();
    all
}

/// What Applications were compared with last.
pub(super) fn applications(applications: &[Application]) -> Vec<Chart> {
    let of = |one: &Application| {
        let Owner { object, charts, .. } = Owner::from(one);
        let synced = one.sync == SyncStatus::Synced;
        charts.into_iter().map(move |chart| Chart {
            name: chart.name,
            version: chart.version,
            by: object.clone(),
            synced,
        })
    };
    let mut all: Vec<Chart> = applications.iter().flat_map(of).collect();
    all.sort();
    all
}
