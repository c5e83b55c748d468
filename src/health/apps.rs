//! The part of a pass that is about Jobs, budgets and Services.
//!
//! What is said of them is the word of the control plane's controllers: where those are silent it is old, and nothing that
//! it says counts.

use super::probes::{
    SILENT, controllers_silent, judge_budgets, judge_jobs, judge_services, not_read, services_seen, unread,
    unused, with_more,
};
use super::recon::{SWITCHED_OFF, Surroundings, switched};
use super::{Finding, Grounds, Probe, ProbeResult, ServicesSeen};
use crate::cluster::{
    Batch, Cluster, ClusterError, ClusterResult, ControllersLife, CronJob, DisruptionBudget, Job, Pod,
    PodLedger, Service, Workload,
};
use jiff::Timestamp;

/// What was read; `None` where it is switched off.
type Reading<T> = ClusterResult<Option<T>>;

/// All of it.
pub(super) struct Apps {
    batch: Reading<Batch>,
    budgets: Reading<Vec<DisruptionBudget>>,
    services: Reading<Vec<Service>>,
    life: Reading<ControllersLife>,
}

/// Reads everything at once.
pub(super) async fn read(cluster: &dyn Cluster, surroundings: &Surroundings<'_>) -> Apps {
    let (settings, freshness) = (surroundings.settings, surroundings.freshness);
    let limit = settings.probe_timeout();
    let any = settings.jobs || settings.disruption_budgets || settings.services;
    let (batch, budgets, services, life) = tokio::join!(
        switched(settings.jobs, limit, "jobs", cluster.batch(freshness)),
        switched(
            settings.disruption_budgets,
            limit,
            "disruption budgets",
            cluster.disruption_budgets(freshness)
        ),
        switched(settings.services, limit, "services", cluster.services(freshness)),
        switched(any, limit, "the lease of the controllers", cluster.controllers_life()),
    );
    Apps { batch, budgets, services, life }
}

impl Apps {
    /// The Jobs, where they were read.
    pub(super) fn jobs(&self) -> &[Job] {
        match &self.batch {
            Ok(Some(batch)) => &batch.jobs,
            Ok(None) | Err(_) => &[],
        }
    }

    /// The `CronJobs`, where they were read.
    pub(super) fn cron_jobs(&self) -> &[CronJob] {
        match &self.batch {
            Ok(Some(batch)) => &batch.cron_jobs,
            Ok(None) | Err(_) => &[],
        }
    }

    /// What was seen of Services, where they were read.
    pub(super) fn services_seen(&self, pods: &PodLedger, workloads: &[Workload]) -> Option<ServicesSeen> {
        match &self.services {
            Ok(Some(services)) => Some(services_seen(services, pods, workloads)),
            Ok(None) | Err(_) => None,
        }
    }

    /// The answers of the probes.
    pub(super) fn judge(
        &self,
        pods: &Result<Vec<&Pod>, &ClusterError>,
        workloads: &[Workload],
        surroundings: &Surroundings<'_>,
        now: Timestamp,
    ) -> [ProbeResult; 3] {
        let grace = surroundings.grace;
        said_once([
            self.reported(Probe::Jobs, &self.batch, surroundings, now, |batch| judge_jobs(batch, now, grace)),
            self.reported(Probe::DisruptionBudgets, &self.budgets, surroundings, now, |budgets| {
                judge_budgets(budgets, now, grace)
            }),
            self.reported(Probe::Services, &self.services, surroundings, now, |services| {
                judge_services(services, pods, workloads, now, grace)
            }),
        ])
    }

    /// The judgement of what was read, with whether those who reported it live.
    fn reported<T>(
        &self,
        probe: Probe,
        reading: &Reading<T>,
        surroundings: &Surroundings<'_>,
        now: Timestamp,
        judge: impl Fn(&T) -> ProbeResult,
    ) -> ProbeResult {
        let result = match reading {
            Err(error) => return unread(probe, &error.to_string()),
            Ok(None) => return unused(probe, SWITCHED_OFF),
            Ok(Some(read)) => judge(read),
        };
        // Where there is no object there is nobody's word.
        if !result.used {
            return result;
        }
        let silent = match &self.life {
            Ok(None) => None,
            Ok(Some(life)) => controllers_silent(probe, *life, now, surroundings.settings),
            Err(error) => Some(not_read(probe, &format!("the lease of the controllers: {error}"))),
        };
        with_more(result, silent.into_iter().collect())
    }
}

/// That the controllers are silent makes each of these probes UNKNOWN, and is one thing all the same: what the others say of it
/// follows from what the first says that may be a cause.
fn said_once(mut probes: [ProbeResult; 3]) -> [ProbeResult; 3] {
    let is_silent = |finding: &Finding| finding.id.rule == SILENT;
    let first = probes
        .iter()
        .position(|probe| probe.probe != Probe::DisruptionBudgets && probe.findings.iter().any(is_silent));
    let others = probes.iter_mut().enumerate().filter(|(at, _)| first.is_some_and(|first| first != *at));
    for finding in others.flat_map(|(_, probe)| &mut probe.findings).filter(|finding| is_silent(finding)) {
        finding.grounds = Grounds::each([finding.id.object.clone()]);
    }
    probes
}

#[cfg(test)]
#[path = "apps_tests.rs"]
mod tests;
