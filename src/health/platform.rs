//! The part of a pass that is about the Platform layer beside Argo CD and certificates.
//!
//! Each kind of operator is one reading with a time limit of its own: one that hangs, or that may not be read, costs the
//! verdict of its probe and no other.

use super::probes::{
    judge_api_services, judge_application_sets, judge_external_secrets, judge_flux, judge_postgres,
    judge_webhooks, not_read, unread, unused, with_more,
};
use super::recon::{NOT_INSTALLED, SWITCHED_OFF, Surroundings, switched};
use super::{Chart, Dated, Figure, Probe, ProbeResult, Settings, inventory};
use crate::cluster::{
    ApiService, ApplicationSet, Cluster, ClusterResult, ExternalSecrets, FluxObject, Installed, Postgres,
    WebhookConfiguration, Workload,
};
use jiff::Timestamp;
use std::time::Duration;

/// What was read; `None` where it is switched off.
type Reading<T> = ClusterResult<Option<Installed<T>>>;

/// All of it.
pub(super) struct Platform {
    flux: Reading<Vec<FluxObject>>,
    postgres: Reading<Postgres>,
    external_secrets: Reading<ExternalSecrets>,
    api_services: Reading<Vec<ApiService>>,
    webhooks: Reading<Vec<WebhookConfiguration>>,
    application_sets: Reading<Vec<ApplicationSet>>,
}

/// Reads everything at once.
pub(super) async fn read(cluster: &dyn Cluster, surroundings: &Surroundings<'_>) -> Platform {
    let (settings, freshness) = (surroundings.settings, surroundings.freshness);
    let limit = settings.probe_timeout();
    // Webhooks are a part of every API server.
    let webhooks = async { cluster.webhooks(freshness).await.map(Installed::Yes) };
    let (flux, postgres, external_secrets, api_services, webhooks, application_sets) = tokio::join!(
        switched(settings.flux, limit, "flux", cluster.flux(freshness)),
        switched(settings.cloudnative_pg, limit, "cloudnative-pg", cluster.postgres(freshness)),
        switched(settings.external_secrets, limit, "external secrets", cluster.external_secrets(freshness)),
        switched(settings.api_services, limit, "api services", cluster.api_services(freshness)),
        switched(settings.webhooks, limit, "webhooks", webhooks),
        switched(settings.argocd, limit, "application sets", cluster.application_sets(freshness)),
    );
    Platform { flux, postgres, external_secrets, api_services, webhooks, application_sets }
}

/// The workloads, the moment and what is forgiven: what every judgement takes.
pub(super) struct Around<'a> {
    /// The workloads among which the controllers are.
    pub(super) workloads: &'a ClusterResult<Vec<Workload>>,
    /// When the pass began.
    pub(super) now: Timestamp,
    /// How long what is starting is forgiven.
    pub(super) grace: Duration,
}

impl Platform {
    /// The answers of the probes.
    pub(super) fn judge(&self, around: &Around<'_>, settings: &Settings) -> Vec<ProbeResult> {
        let (now, grace) = (around.now, around.grace);
        vec![
            with_workloads(Probe::Flux, &self.flux, around, |flux, workloads| {
                judge_flux(flux, workloads, now, grace, settings)
            }),
            with_workloads(Probe::CloudNativePg, &self.postgres, around, |postgres, workloads| {
                judge_postgres(postgres, workloads, now, grace, settings)
            }),
            with_workloads(Probe::ExternalSecrets, &self.external_secrets, around, |external, workloads| {
                judge_external_secrets(external, workloads, now, grace, settings)
            }),
            installed(Probe::ApiServices, &self.api_services, |services| {
                judge_api_services(services, now, grace)
            }),
            installed(Probe::Webhooks, &self.webhooks, |webhooks| judge_webhooks(webhooks, now, grace)),
        ]
    }

    /// The age of what `CloudNativePG` backs up.
    pub(super) fn backups(&self) -> Figure<Vec<Dated>> {
        figure(&self.postgres, inventory::databases)
    }

    /// What Flux installed.
    pub(super) fn charts(&self) -> Figure<Vec<Chart>> {
        figure(&self.flux, |flux| inventory::releases(flux))
    }

    /// Argo CD's answer with what its `ApplicationSets` say.
    pub(super) fn with_sets(
        &self,
        applications: ProbeResult,
        workloads: &[Workload],
        now: Timestamp,
        grace: Duration,
    ) -> ProbeResult {
        let found = match &self.application_sets {
            Ok(None | Some(Installed::No)) => return applications,
            Ok(Some(Installed::Yes(sets))) => judge_application_sets(sets, workloads, now, grace),
            Err(error) => vec![not_read(Probe::ArgoCd, &error.to_string())],
        };
        with_more(applications, found)
    }
}

/// What is told of what was read.
fn figure<T, R>(reading: &Reading<T>, tell: impl Fn(&T) -> R) -> Figure<R> {
    match reading {
        Err(error) => Figure::NotRead(error.to_string()),
        Ok(None) => Figure::NotRead(SWITCHED_OFF.to_owned()),
        Ok(Some(Installed::No)) => Figure::NotRead(NOT_INSTALLED.to_owned()),
        Ok(Some(Installed::Yes(read))) => Figure::Read(tell(read)),
    }
}

/// The judgement of what was read. A kind that is not installed is not used here.
fn installed<T>(probe: Probe, reading: &Reading<T>, judge: impl Fn(&T) -> ProbeResult) -> ProbeResult {
    match reading {
        Err(error) => unread(probe, &error.to_string()),
        Ok(None) => unused(probe, SWITCHED_OFF),
        Ok(Some(Installed::No)) => unused(probe, NOT_INSTALLED),
        Ok(Some(Installed::Yes(read))) => judge(read),
    }
}

/// The judgement of what a controller reports: without the workloads nobody knows whether it lives.
fn with_workloads<T>(
    probe: Probe,
    reading: &Reading<T>,
    around: &Around<'_>,
    judge: impl Fn(&T, &[Workload]) -> ProbeResult,
) -> ProbeResult {
    installed(probe, reading, |read| match around.workloads {
        Ok(workloads) => judge(read, workloads),
        Err(error) => unread(probe, &format!("the controller's workload: {error}")),
    })
}

#[cfg(test)]
#[path = "platform_tests.rs"]
mod tests;
