//! How a watch waits that does not work.

use super::tests::{PATIENCE, client, pace, server_of};
use super::{Pace, Watch, is_expired};
use crate::cluster::outage::Outage;
use crate::cluster::{ClusterError, News, PodLedger};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any of these tests may take.
const LONG: Duration = Duration::from_mins(10);

async fn watch(pauses: (Duration, Duration), outage: &Arc<Outage>) -> Watch<PodLedger> {
    let server = server_of(3).await;
    let connection = client(&server).await.connection().clone();
    let pace = Pace { pauses, refused: LONG, ..pace() };
    Watch::new(connection, pace, PodLedger::new(LONG), Arc::clone(outage), News::default())
}

fn away() -> ClusterError {
    ClusterError::Unavailable { what: "GET /api/v1/pods".to_owned(), said: "connection refused".to_owned() }
}

fn refused() -> ClusterError {
    ClusterError::Forbidden { what: "GET /api/v1/pods".to_owned(), said: "forbidden".to_owned() }
}

#[tokio::test]
async fn who_waits_for_long_is_woken_by_the_first_that_is_answered() {
    let outage = Arc::default();
    let watch = watch((LONG, LONG), &outage).await;
    for (error, is_woken) in [(away(), true), (refused(), false)] {
        let mut trouble = watch.no_trouble();
        let mut rests = std::pin::pin!(watch.rest(&error, &mut trouble));
        assert!(futures::poll!(&mut rests).is_pending());
        outage.broke("/apis/other", "connection refused", std::time::Instant::now());
        outage.answers("/apis/other");
        if is_woken {
            tokio::time::timeout(PATIENCE, rests).await.expect("woken");
        } else {
            assert!(futures::poll!(&mut rests).is_pending());
        }
        outage.works("/apis/other");
    }
}

#[tokio::test]
async fn a_server_that_is_back_may_refuse_once_however_long_it_was_away() {
    let watch = watch((Duration::from_millis(1), LONG), &Arc::default()).await;
    let mut trouble = watch.no_trouble();
    // As after many pauses, each longer than the one before.
    while trouble.pauses.next().is_some_and(|pause| pause < LONG / 2) {}
    tokio::time::timeout(PATIENCE, watch.rest(&refused(), &mut trouble)).await.expect("soon");
    // Answers that come by turns make it no shorter again.
    while trouble.pauses.next().is_some_and(|pause| pause < LONG / 2) {}
    for error in [away(), refused()] {
        {
            let mut rests = std::pin::pin!(watch.rest(&error, &mut trouble));
            assert!(futures::poll!(&mut rests).is_pending());
        }
        assert!(trouble.pauses.next().is_some_and(|pause| pause >= LONG / 2), "{error}");
    }
}

#[tokio::test]
async fn what_a_server_that_was_put_back_does_not_know_yet_is_listed_anew() {
    let watch = watch((Duration::from_millis(1), LONG), &Arc::default()).await;
    watch.list().await.expect("readable");
    assert!(watch.ready(true, false).await.is_ok());
    watch.held().version += 1_000_000;
    let error = watch.ready(true, false).await.expect_err("it is of another history");
    assert!(is_expired(&error), "{error}");
}
