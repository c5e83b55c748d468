//! Lists of the audit: page by page, each object handed on and dropped.
//!
//! A list whose token expires in the middle is begun anew with nothing of it kept; one that is not served is an empty one,
//! since nothing in the audit rests on what is not installed.

use crate::cluster::{
    Cluster, ClusterError, ClusterResult, Installed, LIST_ATTEMPTS, Listing, ObjectsPage, PAGES, endless,
};
use serde::de::DeserializeOwned;

/// A kind that is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    api_version: &'static str,
    resource: &'static str,
    kind: &'static str,
}

pub(super) mod kinds {
    use super::Listed;

    const fn kind(api_version: &'static str, resource: &'static str, kind: &'static str) -> Listed {
        Listed { api_version, resource, kind }
    }

    pub(in super::super) const NODES: Listed = kind("v1", "nodes", "Node");
    pub(in super::super) const PODS: Listed = kind("v1", "pods", "Pod");
    pub(in super::super) const CLAIMS: Listed = kind("v1", "persistentvolumeclaims", "PersistentVolumeClaim");
    pub(in super::super) const DEPLOYMENTS: Listed = kind("apps/v1", "deployments", "Deployment");
    pub(in super::super) const STATEFUL_SETS: Listed = kind("apps/v1", "statefulsets", "StatefulSet");
    pub(in super::super) const DAEMON_SETS: Listed = kind("apps/v1", "daemonsets", "DaemonSet");
    pub(in super::super) const CRON_JOBS: Listed = kind("batch/v1", "cronjobs", "CronJob");
    pub(in super::super) const BUDGETS: Listed =
        kind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget");
    pub(in super::super) const AUTOSCALERS: Listed =
        kind("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler");
    pub(in super::super) const VOLSYNC: Listed =
        kind("volsync.backube/v1alpha1", "replicationsources", "ReplicationSource");
    pub(in super::super) const VELERO: Listed = kind("velero.io/v1", "schedules", "Schedule");
    pub(in super::super) const POSTGRES: Listed =
        kind("postgresql.cnpg.io/v1", "scheduledbackups", "ScheduledBackup");
}

impl Listed {
    fn listing(self) -> Listing {
        let Self { api_version, resource, kind } = self;
        Listing {
            api_version: api_version.to_owned(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            namespace: None,
        }
    }
}

/// Hands each object of a list to `take`, which puts what it wants of it into what `begin` made.
pub(super) async fn list<T: DeserializeOwned, S: Send>(
    cluster: &dyn Cluster,
    listed: &Listed,
    begin: impl Fn() -> S + Send + Sync,
    take: impl Fn(&mut S, T) + Send + Sync,
) -> ClusterResult<S> {
    let listing = listed.listing();
    let mut said = String::new();
    for _ in 0..LIST_ATTEMPTS {
        match once(cluster, &listing, &begin, &take).await? {
            Attempt::Whole(taken) => return Ok(taken),
            Attempt::Expired(why) => said = why,
        }
    }
    let said = format!("it was cut short {LIST_ATTEMPTS} times: {said}");
    Err(ClusterError::Unreadable { what: listing.path(), said })
}

enum Attempt<S> {
    Whole(S),
    Expired(String),
}

async fn once<T: DeserializeOwned, S: Send>(
    cluster: &dyn Cluster,
    listing: &Listing,
    begin: &(impl Fn() -> S + Send + Sync),
    take: &(impl Fn(&mut S, T) + Send + Sync),
) -> ClusterResult<Attempt<S>> {
    let mut kept = begin();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let (objects, next) = match cluster.objects(listing, token.as_deref()).await? {
            Installed::No => return Ok(Attempt::Whole(kept)),
            Installed::Yes(ObjectsPage::Expired(why)) => return Ok(Attempt::Expired(why)),
            Installed::Yes(ObjectsPage::Read { objects, next }) => (objects, next),
        };
        for object in objects {
            let object = serde_json::from_value(object).map_err(|error| ClusterError::Unreadable {
                what: listing.path(),
                said: error.to_string(),
            })?;
            take(&mut kept, object);
        }
        token = next;
        if token.is_none() {
            return Ok(Attempt::Whole(kept));
        }
    }
    Err(endless(&listing.path()))
}

/// The lists that could not be read.
#[derive(Debug, Default)]
pub(super) struct Unread(Vec<String>);

impl Unread {
    /// The list, or nothing and a note.
    pub(super) fn or_none<T>(&mut self, what: &str, list: ClusterResult<T>) -> Option<T> {
        list.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }

    /// What to say of them.
    pub(super) fn told(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}
