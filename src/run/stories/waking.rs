//! What happens in the cluster leads to a look, however long it is until the next one, and a storm of it to a few.

use super::{REPOSITORY, SCALE, Story};
use crate::run::state::Stage;
use crate::timing::Timing;
use serde_json::{Value, json};
use sim::kubernetes::POD;
use std::time::{Duration, Instant};

/// Until the time calls for another look, in seconds of real time.
const LONG: f64 = 120.0;

/// A pod that belongs to nobody.
fn pod(state: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "unlucky", "namespace": "echo", "creationTimestamp": jiff::Timestamp::now().to_string()},
        "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": "registry.example.org/app:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "app", "ready": false, "restartCount": 4, "state": state,
                "image": "registry.example.org/app:1", "imageID": ""}]}})
}

fn waits(reason: &str) -> Value {
    json!({"waiting": {"reason": reason}})
}

impl Story {
    fn looks_so_far(&self) -> usize {
        let requests = self.world.gitea().requests();
        requests.iter().filter(|one| one.method == "GET" && one.path == REPOSITORY).count()
    }

    /// Only time or news lead to another look.
    async fn waits_for_time(&self) {
        let deadline = Instant::now() + super::DEADLINE;
        loop {
            let so_far = self.looks_so_far();
            tokio::time::sleep(Duration::from_secs(1)).await;
            if so_far == self.looks_so_far() {
                return;
            }
            assert!(Instant::now() < deadline, "it looks all the time");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_crashes_after_a_merge_is_seen_long_before_the_next_look_and_a_storm_is_a_few_looks() {
    let mut story = Story::begin().await;
    story.timing = Timing { soak_low_seconds: 3600.0 * SCALE, ..story.timing.clone() };
    let echo = story.renovate_opens("echo", "36.0.1");
    story.issue_of_merges(&[echo]).await;
    story.start().await;
    let has_rolled_out = |state: &crate::run::RunState| {
        state.change.as_ref().is_some_and(|change| matches!(change.stage, Stage::RolledOut { .. }))
    };
    story.state_when("it has rolled out", has_rolled_out).await;
    story.stop().await;
    // From here on nobody looks by himself for a long time.
    story.timing.poll_seconds = LONG * SCALE;
    let before = story.looks_so_far();
    story.start().await;
    story.wait("it looks once", || story.looks_so_far() > before).await;
    story.waits_for_time().await;
    let begun = Instant::now();
    story.world.kubernetes().apply(pod(&waits("CrashLoopBackOff")));
    story
        .state_when("the trouble is in the journal", |state| {
            state.change.as_ref().is_some_and(|change| change.trouble.is_some())
        })
        .await;
    assert!(begun.elapsed().as_secs_f64() < LONG / 2.0, "by the time alone, after {:?}", begun.elapsed());
    story.waits_for_time().await;
    let (begun, before) = (Instant::now(), story.looks_so_far());
    for at in 0..1000 {
        let state = waits(if at % 2 == 0 { "ErrImagePull" } else { "ImagePullBackOff" });
        story.world.kubernetes().update(&POD, Some("echo"), "unlucky", |object| {
            object["status"]["containerStatuses"][0]["state"] = state;
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    story.waits_for_time().await;
    let looks = story.looks_so_far() - before;
    // One wake in a quarter of the poll, of which each may be a few looks: one that sees, one that proves, one that writes.
    let wakes = 1 + usize::try_from(begun.elapsed().as_secs()).unwrap() / 30;
    assert!(looks <= 6 * wakes, "{looks} looks in {:?}", begun.elapsed());
    story.end().await;
}
