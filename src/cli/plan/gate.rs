//! What of the cluster would keep a change of the plan back now, as `caretaker recon` finds it. A cluster that does not answer
//! hides it, which is said, and nothing else of the plan. What a run alone knows is not asked for: what was accepted in it, and how
//! long the cluster has been GREEN; that is said as well.

use crate::cluster::{Cluster, Freshness, Kubernetes};
use crate::config::Settings;
use crate::health::{self, Blocked, Surroundings};
use crate::wording;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How the gate stands for a plan.
pub(super) enum Gate {
    /// No cluster belongs to the plan.
    NotAsked,
    /// The cluster does not say.
    Unread(String),
    /// What closes it; nothing where it is open.
    Read(Vec<Blocked>),
}

/// Looks at every layer once.
pub(super) async fn read(settings: &Settings, cluster: Result<&Kubernetes, &String>) -> Gate {
    let limit = settings.health.probe_timeout();
    let cluster = match tokio::time::timeout(limit, reach(cluster)).await {
        Ok(Ok(cluster)) => cluster,
        Ok(Err(why)) => return Gate::Unread(why),
        Err(_) => return Gate::Unread(wording::no_answer_within(limit)),
    };
    let surroundings = Surroundings {
        settings: &settings.health,
        cluster: &settings.cluster,
        grace: settings.timing.grace(),
        freshness: Freshness::Proven,
        audit: false,
        after: None,
    };
    let recon = health::recon(cluster, &surroundings, Timestamp::now()).await;
    Gate::Read(health::closed_by(&recon, &BTreeSet::new()))
}

/// A server that is not there would be UNKNOWN in every layer, and that would be all that is said.
async fn reach<'a>(cluster: Result<&'a Kubernetes, &String>) -> Result<&'a Kubernetes, String> {
    let cluster = cluster.map_err(Clone::clone)?;
    cluster.version().await.map_err(|error| error.to_string())?;
    Ok(cluster)
}

impl Gate {
    /// The lines below a plan.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::NotAsked => Vec::new(),
            Self::Unread(why) => vec![wording::plan_gate_unread(why)],
            Self::Read(blocked) => {
                let nothing = blocked.is_empty().then(|| wording::plan_gate_open().to_owned());
                let closed = blocked.iter().map(|one| wording::plan_gate_closed(&one.why));
                closed.chain(nothing).chain([wording::plan_gate_not_counted().to_owned()]).collect()
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::NotAsked => Value::Null,
            Self::Unread(why) => json!({"not_read": why}),
            Self::Read(blocked) => json!({"open": blocked.is_empty(), "blocked": blocked}),
        }
    }
}
