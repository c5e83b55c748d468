//! Which merges of a plan wait for a sync window of Argo CD. A cluster that does not answer in time hides them, which is said, and
//! nothing else of the plan.

use crate::cluster::{Freshness, Kubernetes, Shut};
use crate::config::Settings;
use crate::forge::{self, PullNumber};
use crate::merge::rollout::GitOps;
use crate::run::{self, RolloutBy, read_gitops};
use crate::wording;
use serde_json::{Value, json};

/// What Argo CD's sync windows mean for a plan.
pub(super) enum Hours {
    /// Nothing: nobody follows the repository through Argo CD, or nothing is to be merged.
    NotAsked,
    /// The cluster does not say.
    Unread(String),
    /// These merges wait, and the Application that each waits for.
    Read(Vec<(PullNumber, String, Shut)>),
}

/// Asks the cluster what keeps these merges back, each with its files.
pub(super) async fn read(
    settings: &Settings,
    table: &run::Repository,
    repository: &forge::Repository,
    merges: &[(PullNumber, &[String])],
    cluster: Result<&Kubernetes, &String>,
) -> Hours {
    if merges.is_empty() || table.rollout == RolloutBy::None {
        return Hours::NotAsked;
    }
    let limit = settings.health.probe_timeout();
    let gitops = match tokio::time::timeout(limit, gitops(settings, cluster)).await {
        Ok(Ok(gitops)) => gitops,
        Ok(Err(why)) => return Hours::Unread(why),
        Err(_) => return Hours::Unread(wording::no_answer_within(limit)),
    };
    let watched = table.watched(repository);
    if watched.watchers(&gitops.applications).is_empty() {
        return Hours::NotAsked;
    }
    if let Some(why) = gitops.applications.iter().find_map(|application| application.doors.unread.clone()) {
        return Hours::Unread(why);
    }
    let waits = |(pull, files): &(PullNumber, &[String])| {
        watched.kept_back(&gitops, files).map(|(application, shut)| (*pull, application, shut))
    };
    Hours::Read(merges.iter().filter_map(waits).collect())
}

async fn gitops(settings: &Settings, cluster: Result<&Kubernetes, &String>) -> Result<GitOps, String> {
    let cluster = cluster.map_err(Clone::clone)?;
    let (gitops, _) = read_gitops(cluster, settings.health.flux, Freshness::Proven).await;
    match gitops.unread {
        Some(why) => Err(why),
        None => Ok(gitops),
    }
}

impl Hours {
    /// The lines below a plan.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::NotAsked => Vec::new(),
            Self::Unread(why) => vec![wording::plan_hours_unread(why)],
            Self::Read(waits) => {
                let waits = waits.iter().map(|(pull, application, shut)| {
                    wording::plan_waits_for_window(*pull, application, shut)
                });
                waits.chain([wording::plan_global_windows()]).collect()
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::NotAsked => Value::Null,
            Self::Unread(why) => json!({"closed": [], "unread": why}),
            Self::Read(waits) => {
                let waits = waits.iter().map(|(pull, application, shut)| {
                    json!({"pull": pull, "application": application, "window": shut.to_string(), "opens": shut.opens})
                });
                json!({"closed": waits.collect::<Vec<_>>(), "unread": null})
            }
        }
    }
}
