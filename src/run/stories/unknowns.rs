//! Reporters that are dead, watchers that are missing, somebody else's lock: UNKNOWN is not GREEN.

use super::Story;
use super::words::{FINAL_GATE, TELEPHONE, tasks};
use crate::run::event::ChangeResult;
use crate::run::state::TaskState;
use jiff::Timestamp;
use serde_json::json;
use sim::actors::Person;
use sim::gitea::{Fault, IssueState, Permission, Rule};
use sim::kubernetes::{APPLICATION, Fault as ClusterFault, Matcher, RequestRecord, WatchFault};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_argo_cd_controller_closes_the_gate_until_it_lives_again() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    story.world.argocd_dies();
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "UNKNOWN").await;
    story.does_nothing(echo).await;
    story.world.argocd_recovers();
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_argo_cd_controller_that_hangs_while_its_pod_looks_well_is_found_out_by_its_age() {
    let mut story = Story::lively().await;
    story.health.argocd_maximum_age_seconds = 2;
    let echo = story.renovate_opens("echo", "36.0.1");
    story.world.argocd_hangs();
    let newest = || {
        let applications = story.world.kubernetes().list(&APPLICATION, None);
        applications
            .iter()
            .filter_map(|one| one["status"]["reconciledAt"].as_str()?.parse::<Timestamp>().ok())
            .max()
            .unwrap()
    };
    let old = Duration::from_secs(3);
    story
        .wait("the signs of life are old", || Timestamp::now().duration_since(newest()).unsigned_abs() > old)
        .await;
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "UNKNOWN").await;
    story.does_nothing(echo).await;
    story.world.argocd_recovers();
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_ends_by_what_a_watch_that_has_fallen_behind_tells() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([TELEPHONE, FINAL_GATE])).await;
    story.start().await;
    story.says(number, "telephone").await;
    let kubernetes = story.world.kubernetes().clone();
    kubernetes.faults().add_times(
        Matcher::of("watch", "pods"),
        ClusterFault::Watch(WatchFault::Stale),
        1_000,
    );
    kubernetes.faults().break_connections();
    // Until the new watch is believed, and nothing is listed any more.
    let is_list = |one: &RequestRecord| one.verb == "list" && one.path.starts_with("/api/v1/pods");
    let lists = || kubernetes.requests().iter().filter(|one| is_list(one)).count();
    let mut quiet = false;
    for _ in 0..100 {
        let before = lists();
        story.looks(4).await;
        quiet = lists() == before;
        if quiet {
            break;
        }
    }
    assert!(quiet, "the watch is not believed");
    kubernetes.apply(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "web", "name": "once", "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": "registry.example.org/app:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False",
                "lastTransitionTime": "2026-11-01T00:00:00Z"}],
            "containerStatuses": [{"name": "app", "restartCount": 9, "ready": false, "state": {"waiting": {
                "reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}}]}}));
    story.operator().tick(number, "P1").await.unwrap();
    story.says(number, "the gate is closed").await;
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    let ended = |record: &crate::run::state::TaskRecord| matches!(&record.state, TaskState::Ended { .. });
    assert_eq!(story.state().await.tasks.values().filter(|record| ended(record)).count(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_no_application_watches_does_not_merge() {
    let mut story = Story::begin().await;
    for application in story.world.kubernetes().list(&APPLICATION, None) {
        let name = application["metadata"]["name"].as_str().unwrap();
        story.world.kubernetes().update(&APPLICATION, Some("argocd"), name, |object| {
            object["spec"]["source"]["repoURL"] = "https://git.example.org/somebody/else.git".into();
            object["status"]["sync"]["comparedTo"]["source"]["repoURL"] =
                "https://git.example.org/somebody/else.git".into();
        });
    }
    story.repository.pull_urls.clear();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let issue = story
        .until("the status says that nobody can tell", number, |issue| {
            issue.body.contains("cannot tell whether")
        })
        .await;
    assert!(issue.body.contains("gate is closed"), "{}", issue.body);
    story.does_nothing(echo).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_ready_closes_the_gate_and_its_recovery_opens_it() {
    let mut story = Story::lively().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    story.world.node_not_ready("node-07");
    let number = story.issue_of_merges(&[echo]).await;
    let is_lost = || {
        let node = story.world.kubernetes().get(&sim::kubernetes::NODE, None, "node-07").unwrap();
        let conditions = node["status"]["conditions"].as_array().unwrap().clone();
        conditions.iter().any(|one| one["type"] == "Ready" && one["status"] != "True")
    };
    story.wait("the node is lost", is_lost).await;
    story.start().await;
    story.says(number, "node-07 is not ready").await;
    story.looks(4).await;
    assert!(!story.merged(echo));
    story.world.node_ready("node-07");
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_trusted_person_accepts_holds_nothing_back_and_what_a_stranger_accepts_does() {
    let mut story = Story::begin().await;
    story.world.ceph_reports("POOL_NO_REDUNDANCY", "HEALTH_WARN", "1 pool has no replicas");
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "/caretaker acknowledge").await;
    let body = story.issue_now(number).body;
    let at = body.find("(F-").expect("what was found has an id");
    let id = body[at + 1..].split(')').next().expect("it ends");
    let accept = format!("/caretaker acknowledge {id} 2999-12-31 the pool is a cache");
    story.world.gitea().create_user("guest", false);
    story.world.gitea().add_collaborator("ops", "homelab", "guest", Permission::Read);
    let token = story.world.gitea().create_token("guest", &super::SCOPES);
    let guest = Person::new(&story.world.gitea().url(), &token, "ops", "homelab").unwrap();
    guest.comment(number, &accept).await.unwrap();
    story.does_nothing(echo).await;
    story.operator().comment(number, &accept).await.unwrap();
    story.closed(number).await;
    assert!(story.merged(echo));
    let state = story.state().await;
    // Ceph says it twice, by its operator and by its command: one thing to accept.
    let rules = state.acknowledged.iter().map(|accepted| accepted.finding.rule.as_str());
    assert!(rules.clone().count() > 0 && rules.clone().all(|rule| rule == "POOL_NO_REDUNDANCY"));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_caretaker_waits_for_the_lock_and_takes_over_when_it_is_given_back_and_a_person_says_so() {
    let mut first = Story::begin().await;
    let echo = first.renovate_opens("echo", "36.0.1");
    let head = first.head();
    // The first one waits for the world, and keeps the lock meanwhile.
    first.world.argocd_dies();
    let number = first.issue_of_merges(&[echo]).await;
    first.start().await;
    let mut second = first.beside("standby");
    first.says(number, "UNKNOWN").await;
    second.start().await;
    second.looks(2).await;
    assert_eq!((second.effects(), second.body_writes()), (Vec::new(), 0), "the second one only waits");
    first.stop().await;
    first.world.argocd_recovers();
    second.says(number, "/caretaker resume").await;
    second.next_second().await;
    second.operator().comment(number, "/caretaker resume").await.unwrap();
    second.done(number, "D1").await;
    let commits = second.commits_since(&head);
    assert_eq!(commits.len(), 1, "once: {commits:?}");
    assert!(second.merged(echo));
    assert!(second.effects().iter().any(|effect| effect.contains("/merge")));
    second.stop().await;
    first.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_the_forge_does_not_know_for_a_moment_is_asked_about_again() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.world.argocd_hangs();
    story.start().await;
    story.wait("it is merged", || story.merged(echo)).await;
    story.world.repository().commit("main", super::first_commit("docs/hand.md", "by hand\n")).unwrap();
    let unknown = Rule::new("GET", &format!("/compare/{}", story.head()), Fault::Status(404)).unwrap();
    let unknown = story.world.gitea().faults().add(unknown.times(1));
    story.world.argocd_recovers();
    story.closed(number).await;
    assert_eq!(story.world.gitea().faults().struck(unknown), 1);
    assert_eq!(story.state().await.merges[0].result, Some(ChangeResult::Kept));
    story.end().await;
}
