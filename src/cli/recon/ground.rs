//! What runs, and what of it caretaker itself stands on, beside the picture: what is merged there is merged alone, and with
//! approval.

use crate::cluster::{self, Cluster as _, ClusterResult, Freshness, Kubernetes, ObjectRef};
use crate::config::Settings;
use crate::health::{Chart, Figure, Inventory};
use crate::merge::classify::Rules;
use crate::merge::foundations::{Foundations, foundations};
use crate::wording;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What runs, or why it could not be found out.
pub(super) struct Ground(Result<Running, String>);

struct Running {
    foundations: Foundations,
    /// The images of the pods of each workload.
    images: cluster::Running,
    /// What Ceph's daemons say of themselves, whatever their images are called.
    ceph: BTreeMap<ObjectRef, Vec<String>>,
}

/// Reads every workload and pod: only for a person who looks, not at each look of a run.
pub(super) async fn read(cluster: &Kubernetes, settings: &Settings) -> Ground {
    let limit = settings.health.probe_timeout();
    let found = match tokio::time::timeout(limit, running(cluster, settings)).await {
        Ok(Ok(running)) => Ok(running),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(wording::no_answer_within(limit)),
    };
    Ground(found)
}

async fn running(cluster: &Kubernetes, settings: &Settings) -> ClusterResult<Running> {
    let ceph = async {
        // That Ceph cannot be read is said with the layers.
        if settings.health.ceph { cluster.ceph_versions().await.unwrap_or_default() } else { BTreeMap::new() }
    };
    let (workloads, images, ceph) =
        tokio::join!(cluster.workloads(Freshness::Proven), cluster.running(), ceph);
    let (workloads, images) = (workloads?, images?);
    let foundations = foundations(&workloads, &databases(&images), &Rules::new(&settings.merge));
    Ok(Running { foundations, images, ceph })
}

/// The databases of `CloudNativePG`, which no workload makes. What else has pods is a workload, or stands for nothing: a Job that
/// copies a database has its image.
fn databases(images: &cluster::Running) -> cluster::Running {
    let databases = images.iter().filter(|(of, _)| of.kind == "Cluster");
    databases.map(|(of, images)| (of.clone(), images.clone())).collect()
}

impl Ground {
    /// About what, the word and the text of each line.
    pub(super) fn lines(&self, inventory: &Inventory) -> Vec<(&'static str, &'static str, String)> {
        let running = match &self.0 {
            Ok(running) => running,
            Err(why) => return vec![("Ground", "not read", wording::recon_foundations_not_read(why))],
        };
        let mut lines: Vec<_> = (running.versions().into_iter())
            .map(|(namespace, images)| ("Runs", "listed", wording::recon_versions(namespace, &images)))
            .collect();
        let mut charts: Vec<&Chart> =
            [&inventory.applications, &inventory.releases].into_iter().filter_map(known).flatten().collect();
        charts.sort_unstable();
        if !charts.is_empty() {
            lines.push(("Runs", "listed", wording::recon_charts(&charts)));
        }
        let stands: Vec<_> = (running.foundations.iter())
            .map(|(name, objects)| ("Ground", "listed", wording::recon_foundation(name, objects)))
            .collect();
        if stands.is_empty() {
            lines.push(("Ground", "listed", wording::recon_no_foundation().to_owned()));
        }
        lines.extend(stands);
        lines
    }

    pub(super) fn markdown(&self, inventory: &Inventory) -> String {
        let of = |wanted: &str| -> String {
            let lines = self.lines(inventory).into_iter().filter(|(about, ..)| *about == wanted);
            let lines: Vec<String> = lines.map(|(.., line)| format!("- {line}\n")).collect();
            lines.concat()
        };
        let (runs, stands) = (of("Runs"), of("Ground"));
        let runs = if runs.is_empty() {
            runs
        } else {
            format!("\n## What runs, by the images of its pods\n\n{runs}")
        };
        format!("{runs}\n## What caretaker stands on\n\n{stands}")
    }

    /// What caretaker stands on.
    pub(super) fn foundations(&self) -> Value {
        match &self.0 {
            Ok(running) => json!(running.foundations),
            Err(why) => json!({"not_read": why}),
        }
    }

    /// What runs.
    pub(super) fn running(&self) -> Value {
        match &self.0 {
            Ok(running) => {
                let images =
                    running.images.iter().map(|(of, images)| json!({"workload": of, "images": images}));
                let ceph = running
                    .ceph
                    .iter()
                    .map(|(of, versions)| json!({"workload": of, "images": [], "versions": versions}));
                images.chain(ceph).collect()
            }
            Err(why) => json!({"not_read": why}),
        }
    }
}

/// A figure that was read.
fn known<T>(figure: &Figure<T>) -> Option<&T> {
    match figure {
        Figure::Read(value) => Some(value),
        Figure::NotRead(_) => None,
    }
}

impl Running {
    /// The images of each namespace, and the versions of Ceph there, each once.
    fn versions(&self) -> BTreeMap<&str, Vec<String>> {
        let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (workload, images) in &self.images {
            all.entry(&workload.namespace).or_default().extend(images.iter().cloned());
        }
        for (ceph, versions) in &self.ceph {
            all.entry(&ceph.namespace)
                .or_default()
                .extend(versions.iter().map(|one| wording::recon_ceph(one)));
        }
        for images in all.values_mut() {
            images.sort_unstable();
            images.dedup();
        }
        all.retain(|_, images| !images.is_empty());
        all
    }
}
