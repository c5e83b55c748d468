//! What caretaker stands on in this cluster, beside the picture: what is merged there is merged alone, and with approval.

use crate::cluster::Cluster;
use crate::config::Settings;
use crate::merge::classify::Rules;
use crate::merge::foundations::{Foundations, foundations};
use crate::wording;
use serde_json::{Value, json};

/// The foundations, or why they could not be found out.
pub(super) struct Ground(Result<Foundations, String>);

/// Reads every workload: only for a person who looks, not at each look of a run.
pub(super) async fn read(cluster: &dyn Cluster, settings: &Settings) -> Ground {
    let limit = settings.health.probe_timeout();
    let found = match tokio::time::timeout(limit, cluster.workloads()).await {
        Ok(Ok(workloads)) => Ok(foundations(&workloads, &Rules::new(&settings.merge))),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    };
    Ground(found)
}

impl Ground {
    /// The word and the text of each line.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        match &self.0 {
            Ok(found) if found.is_empty() => vec![("listed", wording::recon_no_foundation().to_owned())],
            Ok(found) => found
                .iter()
                .map(|(name, objects)| ("listed", wording::recon_foundation(name, objects)))
                .collect(),
            Err(why) => vec![("not read", wording::recon_foundations_not_read(why))],
        }
    }

    pub(super) fn markdown(&self) -> String {
        let lines: Vec<String> = self.lines().into_iter().map(|(_, line)| format!("- {line}")).collect();
        format!("\n## What caretaker stands on\n\n{}\n", lines.join("\n"))
    }

    pub(super) fn json(&self) -> Value {
        match &self.0 {
            Ok(found) => json!(found),
            Err(why) => json!({"not_read": why}),
        }
    }
}
