//! One look of an own check: its objects page by page, each page judged before the next is asked for and then dropped.
//!
//! Judging is work for a processor and an expression is somebody else's, so it is done on a thread of its own, which ends by
//! itself: when the look is given up its thread is done within the time of a page. A list whose token expires is begun anew,
//! and what its first part gave is dropped with it.

use super::OwnCheck;
use super::judge::{LIMITS, Tally, not_read};
use crate::cluster::{
    Cluster, ClusterResult, Installed, LIST_ATTEMPTS, Listing, ObjectsPage, PAGES, endless,
};
use crate::health::ProbeResult;
use crate::health::recon::within;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Looks once. Whatever was named in the check and is not there was misspelt, or is gone: UNKNOWN.
pub(in crate::health) async fn look(
    cluster: &dyn Cluster,
    check: &OwnCheck,
    limit: Duration,
    now: Timestamp,
) -> ProbeResult {
    match within(limit, &check.name, judged(cluster, check, now)).await {
        Err(error) => not_read(check, &error.to_string()),
        Ok(Err(why)) => not_read(check, &why),
        Ok(Ok(tally)) => tally.result(check),
    }
}

/// What was found, or why nothing can be said.
type Judged = Result<Tally, String>;

async fn judged(cluster: &dyn Cluster, check: &OwnCheck, now: Timestamp) -> ClusterResult<Judged> {
    let mut said = String::new();
    for _ in 0..LIST_ATTEMPTS {
        match judged_once(cluster, check, now).await? {
            Ok(Attempt::Expired(why)) => said = why,
            Ok(Attempt::Whole(tally)) => return namespace_is_there(cluster, check, tally).await,
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Err(format!("the list was cut short {LIST_ATTEMPTS} times: {said}")))
}

/// What came of trying to go through a list once.
enum Attempt {
    Whole(Tally),
    Expired(String),
}

async fn judged_once(
    cluster: &dyn Cluster,
    check: &OwnCheck,
    now: Timestamp,
) -> ClusterResult<Result<Attempt, String>> {
    let shared = Arc::new(check.clone());
    let mut tally = Tally::default();
    let mut token = None;
    for _ in 0..PAGES {
        let (objects, next) = match cluster.objects(&check.objects, token.as_deref()).await? {
            Installed::No => {
                let Listing { api_version, resource, .. } = &check.objects;
                return Ok(Err(format!("{resource} of {api_version} are not installed")));
            }
            Installed::Yes(ObjectsPage::Expired(said)) => return Ok(Ok(Attempt::Expired(said))),
            Installed::Yes(ObjectsPage::Read { objects, next }) => (objects, next),
        };
        let check = Arc::clone(&shared);
        let judging = tokio::task::spawn_blocking(move || tally.with_page(&check, &objects, now, LIMITS));
        tally = match judging.await {
            Ok(tally) => tally,
            Err(error) => return Ok(Err(format!("it could not be judged: {error}"))),
        };
        token = next;
        if token.is_none() || tally.is_cut_short() {
            return Ok(Ok(Attempt::Whole(tally)));
        }
    }
    Err(endless(&check.objects.path()))
}

/// The list of a namespace that does not exist is empty, and looks well.
async fn namespace_is_there(cluster: &dyn Cluster, check: &OwnCheck, tally: Tally) -> ClusterResult<Judged> {
    match &check.objects.namespace {
        Some(namespace) if tally.is_empty() && !cluster.namespace_exists(namespace).await? => {
            Ok(Err("its namespace does not exist".to_owned()))
        }
        Some(_) | None => Ok(Ok(tally)),
    }
}
