//! What runs, and what of it caretaker itself stands on, beside the picture: what is merged there is merged alone, and with
//! approval.

use crate::cluster::{Cluster, Freshness, ObjectRef};
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
    /// The images of each workload.
    images: BTreeMap<ObjectRef, Vec<String>>,
}

/// Reads every workload: only for a person who looks, not at each look of a run.
pub(super) async fn read(cluster: &dyn Cluster, settings: &Settings) -> Ground {
    let limit = settings.health.probe_timeout();
    let found = match tokio::time::timeout(limit, cluster.workloads(Freshness::Proven)).await {
        Ok(Ok(workloads)) => Ok(Running {
            foundations: foundations(&workloads, &Rules::new(&settings.merge)),
            images: workloads.into_iter().map(|workload| (workload.object, workload.images)).collect(),
        }),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    };
    Ground(found)
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
        let runs = if runs.is_empty() { runs } else { format!("\n## What runs\n\n{runs}") };
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
            Ok(running) => running
                .images
                .iter()
                .map(|(workload, images)| json!({"workload": workload, "images": images}))
                .collect(),
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
    /// The images of each namespace, each once.
    fn versions(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (workload, images) in &self.images {
            all.entry(&workload.namespace).or_default().extend(images.iter().map(String::as_str));
        }
        for images in all.values_mut() {
            images.sort_unstable();
            images.dedup();
        }
        all.retain(|_, images| !images.is_empty());
        all
    }
}
