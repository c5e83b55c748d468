//! Jobs and `CronJobs`.

use super::client::Kubernetes;
use super::decode::{conditions, items, json_controller, object_name, parse_time, text};
use super::{ClusterResult, Condition, Freshness, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// The labels by which the system-upgrade controller says on which node a Job of its works, and for which plan.
const UPGRADES_NODE: &str = "upgrade.cattle.io/node";
const UPGRADE_PLAN: &str = "upgrade.cattle.io/plan";

/// A Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// What made it and looks after it: a `CronJob`, an operator's object.
    pub(crate) owner: Option<ObjectRef>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When its deletion was asked for.
    pub(crate) deleted_at: Option<Timestamp>,
    /// Whether it is kept from running.
    pub(crate) suspended: bool,
    /// How long it may run.
    pub(crate) deadline: Option<Duration>,
    /// When its controller began it.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended well.
    pub(crate) completed_at: Option<Timestamp>,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
    /// The node that it brings to another version, where the system-upgrade controller made it.
    pub(crate) upgrades: Option<NodeUpgrade>,
}

/// The node that a Job works on, and for which plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeUpgrade {
    /// The node.
    pub(crate) node: String,
    /// The plan.
    pub(crate) plan: String,
}

/// A `CronJob`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CronJob {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// Whether it is kept from running.
    pub(crate) suspended: bool,
    /// How many of its Jobs run, as its controller counts.
    pub(crate) active: usize,
    /// The time of its schedule for which a Job was made last.
    pub(crate) scheduled_at: Option<Timestamp>,
    /// When one of its Jobs ended well last; stays when that Job is gone.
    pub(crate) succeeded_at: Option<Timestamp>,
}

/// All Jobs and `CronJobs`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Batch {
    /// What runs once.
    pub(crate) jobs: Vec<Job>,
    /// What runs by the clock.
    pub(crate) cron_jobs: Vec<CronJob>,
}

impl Kubernetes {
    /// All Jobs and `CronJobs` of all namespaces.
    pub(super) async fn read_batch(&self, freshness: Freshness) -> ClusterResult<Batch> {
        let (jobs, cron_jobs) = tokio::join!(
            self.all_served("/apis/batch/v1/jobs", "JobList", job, freshness),
            self.all_served("/apis/batch/v1/cronjobs", "CronJobList", cron_job, freshness),
        );
        Ok(Batch { jobs: jobs?, cron_jobs: cron_jobs? })
    }
}

fn job(object: &Value) -> Result<Job, String> {
    let (namespace, name) = object_name(object)?;
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let node = text(&metadata["labels"][UPGRADES_NODE]);
    Ok(Job {
        object: ObjectRef::new("Job", &namespace, &name),
        owner: json_controller(metadata, &namespace),
        created_at: parse_time(&metadata["creationTimestamp"]),
        deleted_at: parse_time(&metadata["deletionTimestamp"]),
        suspended: spec["suspend"].as_bool().unwrap_or(false),
        deadline: spec["activeDeadlineSeconds"].as_u64().map(Duration::from_secs),
        started_at: parse_time(&status["startTime"]),
        completed_at: parse_time(&status["completionTime"]),
        conditions: conditions(status),
        upgrades: (!node.is_empty())
            .then(|| NodeUpgrade { node, plan: text(&metadata["labels"][UPGRADE_PLAN]) }),
    })
}

fn cron_job(object: &Value) -> Result<CronJob, String> {
    let (namespace, name) = object_name(object)?;
    let status = &object["status"];
    Ok(CronJob {
        object: ObjectRef::new("CronJob", &namespace, &name),
        suspended: object["spec"]["suspend"].as_bool().unwrap_or(false),
        active: items(&status["active"]).count(),
        scheduled_at: parse_time(&status["lastScheduleTime"]),
        succeeded_at: parse_time(&status["lastSuccessfulTime"]),
    })
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_is_read_with_its_owner_its_end_and_the_node_that_it_upgrades() {
        let read = job(&json!({
            "metadata": {"namespace": "system-upgrade", "name": "apply-k3s-on-metal1",
                "creationTimestamp": "2026-11-21T02:00:00Z",
                "labels": {UPGRADES_NODE: "metal1", UPGRADE_PLAN: "k3s"},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Other", "name": "o"},
                    {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "controller": true}]},
            "spec": {"suspend": true, "activeDeadlineSeconds": 900},
            "status": {"startTime": "2026-11-21T02:00:01Z", "conditions": [
                {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
                    "lastTransitionTime": "2026-11-21T02:10:00Z"}]},
        }))
        .expect("a Job");
        assert_eq!(read.owner, Some(ObjectRef::new("CronJob", "system-upgrade", "nightly")));
        assert_eq!(read.upgrades, Some(NodeUpgrade { node: "metal1".to_owned(), plan: "k3s".to_owned() }));
        assert_eq!((read.suspended, read.deadline), (true, Some(Duration::from_mins(15))));
        assert!(read.created_at.is_some() && read.started_at > read.created_at);
        assert_eq!(read.conditions[0].status, ConditionStatus::True);
        assert_eq!(read.conditions[0].since, "2026-11-21T02:10:00Z".parse().ok());
        let bare = job(&json!({"metadata": {"name": "b"}})).expect("a Job");
        assert_eq!((bare.owner, bare.suspended, bare.deadline, bare.upgrades), (None, false, None, None));
        assert!(job(&json!({"metadata": {}})).is_err());
    }

    #[test]
    fn a_cron_job_is_read_with_what_its_controller_remembers() {
        let read = cron_job(&json!({
            "metadata": {"namespace": "web", "name": "backup"}, "spec": {"suspend": false, "schedule": "0 3 * * *"},
            "status": {"lastScheduleTime": "2026-11-21T03:00:00Z", "lastSuccessfulTime": "2026-11-20T03:00:40Z",
                "active": [{"kind": "Job", "name": "backup-29380001"}]},
        }))
        .expect("a CronJob");
        assert_eq!(read.object.to_string(), "CronJob web/backup");
        assert_eq!((read.suspended, read.active), (false, 1));
        assert!(read.scheduled_at > read.succeeded_at && read.succeeded_at.is_some());
        let new =
            cron_job(&json!({"metadata": {"name": "b"}, "spec": {"suspend": true}})).expect("a CronJob");
        assert_eq!((new.suspended, new.active, new.scheduled_at, new.succeeded_at), (true, 0, None, None));
    }
}
