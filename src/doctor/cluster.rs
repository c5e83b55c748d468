//! Asks the cluster. Nothing in it is changed: a review of access keeps nothing.

use super::judge::{self, RollsOut};
use super::{Asked, Diagnosis, NotKnown, within};
use crate::cluster::{Cluster, Freshness, Kubernetes};
use crate::config::Settings;
use crate::health::{Work, needed, rights};
use crate::run::RolloutBy;
use jiff::Timestamp;

/// What the cluster brought.
pub(super) struct InCluster {
    /// What was found.
    pub(super) diagnoses: Vec<Diagnosis>,
    /// Who rolls out.
    pub(super) rolls_out: Asked<RollsOut>,
}

pub(super) async fn examine(settings: &Settings) -> InCluster {
    let cluster = match within(Box::pin(Kubernetes::connect(&settings.cluster))).await {
        Ok(cluster) => cluster,
        Err(why) => return unreachable(why),
    };
    let version = within(cluster.version()).await;
    if let Err(why) = version {
        return unreachable(why);
    }
    let mut diagnoses = vec![judge::reached(&version)];
    let before = Timestamp::now();
    let clock = within(cluster.clock()).await;
    diagnoses.push(judge::clock("cluster", &clock, before, Timestamp::now()));
    let follows_rollouts = settings.repository.is_empty()
        || settings.repository.iter().any(|table| table.rollout == RolloutBy::Watchers);
    let audits = settings.schedule.looks_at_audits();
    let work = Work { follows_rollouts, archives_crashes: false, audits };
    for feature in needed(&settings.health, &settings.cluster, work) {
        let mut needs = Vec::new();
        for need in rights(feature, &settings.health, &settings.cluster) {
            let held = within(cluster.may(&need.right)).await;
            needs.push((need, held));
        }
        diagnoses.push(judge::right(feature, &needs));
    }
    let (applications, flux) = tokio::join!(
        within(cluster.applications(Freshness::Proven)),
        within(cluster.flux(Freshness::Proven))
    );
    let rolls_out = applications.and_then(|applications| Ok(RollsOut::of(applications, flux?)));
    diagnoses.push(judge::rolls_out(&rolls_out));
    InCluster { diagnoses, rolls_out }
}

/// One line, where all others would say the same.
fn unreachable(why: NotKnown) -> InCluster {
    InCluster { diagnoses: vec![judge::reached(&Err(why.clone()))], rolls_out: Err(why) }
}
