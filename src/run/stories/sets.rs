//! An Argo CD `ApplicationSet` that makes an Application of what it reads in the repository.
//!
//! The simulated Argo CD knows no sets and leaves alone what is not in its own namespace: these stories play their controller
//! themselves, in another one.

use super::Story;
use super::words::{TELEPHONE, merge, tasks};
use crate::cluster::ObjectRef;
use crate::health::Verdict;
use crate::run::event::{ChangeResult, Effect};
use crate::run::state::{MergeRecord, RunState};
use serde_json::{Value, json};
use sim::gitea::IssueState;
use sim::kubernetes::{APPLICATION, APPLICATION_SET, CustomKind, Fault, Kubernetes, Matcher};
use std::time::{Duration, Instant};

const REFRESH: &str = "argocd.argoproj.io/application-set-refresh";

/// By itself it looks once in an hour or so of a story's time, unless it is told otherwise.
const RARELY: u64 = 100_000;

fn set(repository: &str, every: u64) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "charts", "namespace": "team"},
        "spec": {"generators": [{"git": {"repoURL": repository, "revision": "HEAD", "files": [{"path": "charts/*.json"}],
                "requeueAfterSeconds": every}}],
            "template": {"metadata": {"name": "{{name}}"}, "spec": {}}},
        "status": {"conditions": [condition("ErrorOccurred", "False"), condition("ResourcesUpToDate", "True")]}})
}

fn condition(kind: &str, status: &str) -> Value {
    json!({"type": kind, "status": status, "reason": "ApplicationSetUpToDate", "message": "",
        "lastTransitionTime": jiff::Timestamp::now().to_string()})
}

/// What looks after sets, and has to live for them to be believed.
fn deployment() -> Value {
    let name = "argocd-applicationset-controller";
    let labels = json!({"app.kubernetes.io/name": name});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "argocd", "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "controller", "image": "quay.io/argoproj/argocd:v3.1.0"}]}}}})
}

fn chart(version: &str) -> Value {
    json!({"repoURL": "https://charts.example.org", "chart": "redis", "targetRevision": version})
}

fn application(version: &str) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "redis", "namespace": "team",
            "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "charts", "uid": "1",
                "controller": true}]},
        "spec": {"project": "default", "destination": {"namespace": "redis"}, "source": chart(version),
            "syncPolicy": {"automated": {}}},
        "status": status(version, "Healthy")})
}

fn status(version: &str, health: &str) -> Value {
    json!({"health": {"status": health}, "reconciledAt": jiff::Timestamp::now().to_string(),
        "sync": {"comparedTo": {"source": chart(version)}, "revision": version, "status": "Synced"}})
}

/// A set that reads a repository, and the end of its controller's work: it looks when it is asked to, once, after what it makes
/// of it.
pub(super) async fn looks_when_asked(kubernetes: &Kubernetes, repository: &str, makes: impl FnOnce()) {
    kubernetes.register(CustomKind { kind: APPLICATION_SET, status_subresource: true });
    kubernetes.namespace("team");
    kubernetes.apply(deployment());
    kubernetes.apply(set(repository, RARELY));
    let asked = || {
        let set = kubernetes.get(&APPLICATION_SET, Some("team"), "charts").expect("the set");
        set["metadata"]["annotations"][REFRESH].is_string()
    };
    let deadline = Instant::now() + super::DEADLINE;
    while !asked() {
        assert!(Instant::now() < deadline, "the set was not asked to look");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    makes();
    kubernetes.update(&APPLICATION_SET, Some("team"), "charts", |set| {
        set["metadata"]["annotations"].as_object_mut().expect("annotations").remove(REFRESH);
    });
}

/// Rolls another version of the chart out when the set is asked, which takes its time. Tells when that was done.
async fn controller(kubernetes: Kubernetes, repository: String) -> Instant {
    let another = || {
        kubernetes.update(&APPLICATION, Some("team"), "redis", |app| app["spec"]["source"] = chart("1.1.0"));
    };
    looks_when_asked(&kubernetes, &repository, another).await;
    for health in ["Progressing", "Healthy"] {
        tokio::time::sleep(Duration::from_millis(700)).await;
        kubernetes.update(&APPLICATION, Some("team"), "redis", |app| app["status"] = status("1.1.0", health));
    }
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_is_asked_before_its_applications_and_what_it_makes_is_waited_for() {
    let mut story = Story::begin().await;
    let kubernetes = story.world.kubernetes().clone();
    kubernetes.namespace("team");
    kubernetes.apply(application("1.0.0"));
    let playing = tokio::spawn(controller(kubernetes.clone(), story.world.repository_url().to_owned()));
    story
        .wait("the set is there", || kubernetes.get(&APPLICATION_SET, Some("team"), "charts").is_some())
        .await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let state =
        story.state_when("it is rolled out", |state| state.change.as_ref().is_some_and(is_rolled_out)).await;
    let rolled_out = Instant::now();
    assert_eq!(state.merges.len(), 1);
    assert!(playing.is_finished(), "the chart was not waited for: {:?}", patches(&kubernetes));
    assert!(playing.await.expect("it plays") <= rolled_out);
    let patched = patches(&kubernetes);
    let first_of = |kind: &str| patched.iter().position(|path| path.contains(kind)).expect("asked");
    assert!(first_of("/applicationsets/") < first_of("/applications/"), "{patched:?}");
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_cannot_be_asked_is_not_passed_over_and_is_asked_again() {
    let mut story = Story::begin().await;
    let kubernetes = story.world.kubernetes().clone();
    kubernetes.namespace("team");
    kubernetes.apply(application("1.0.0"));
    // As an admission webhook refuses it: the right is there.
    let fault = kubernetes.faults().add(Matcher::of("patch", "applicationsets"), Fault::Status(403));
    let playing = tokio::spawn(controller(kubernetes.clone(), story.world.repository_url().to_owned()));
    story
        .wait("the set is there", || kubernetes.get(&APPLICATION_SET, Some("team"), "charts").is_some())
        .await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let refused = |state: &RunState| {
        let change = state.change.as_ref();
        change.is_some_and(|change| change.asked.values().any(|asked| asked.refused.is_some()))
    };
    let state = story.state_when("it could not be asked", refused).await;
    assert!(!state.change.as_ref().is_some_and(is_rolled_out), "nobody has looked at the set's files");
    kubernetes.faults().remove(fault);
    story.state_when("it is rolled out", |state| state.change.as_ref().is_some_and(is_rolled_out)).await;
    let rolled_out = Instant::now();
    assert!(playing.is_finished(), "the chart was not waited for: {:?}", patches(&kubernetes));
    assert!(playing.await.expect("it plays") <= rolled_out);
    story.closed(number).await;
    story.end().await;
}

/// So many of a story's seconds are one of a clock.
const SECOND: u32 = 400;

/// What a set is given besides its own time (`--revision-cache-expiration`, and a minute).
const BESIDES: u32 = 240;

/// A set that refuses to be asked, and what it makes. By itself it has looked after so many seconds of a clock.
fn refuses(story: &Story, within: u32) {
    let kubernetes = story.world.kubernetes();
    kubernetes.register(CustomKind { kind: APPLICATION_SET, status_subresource: true });
    kubernetes.namespace("team");
    kubernetes.apply(application("1.0.0"));
    kubernetes.apply(deployment());
    kubernetes.apply(set(story.world.repository_url(), u64::from(within * SECOND - BESIDES)));
    kubernetes.faults().add_times(Matcher::of("patch", "applicationsets"), Fault::Status(403), 100_000);
}

/// So many seconds of a clock.
fn seconds(seconds: u32) -> f64 {
    f64::from(seconds * SECOND)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_is_never_asked_is_waited_for_until_it_has_looked_by_itself() {
    let mut story = Story::begin().await;
    // After seven seconds, and fourteen at most: longer than a rollout may show no progress.
    refuses(&story, 14);
    story.timing.rollout_no_progress_seconds = seconds(6);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.wait("it is merged", || story.merged(echo)).await;
    let merged_at = Instant::now();
    story.says(number, "by itself it does so by").await;
    story.wait("nothing moves for too long", || merged_at.elapsed() > Duration::from_secs(7)).await;
    let kubernetes = story.world.kubernetes();
    kubernetes.update(&APPLICATION, Some("team"), "redis", |app| app["spec"]["source"] = chart("1.1.0"));
    for health in ["Progressing", "Healthy"] {
        kubernetes.update(&APPLICATION, Some("team"), "redis", |app| app["status"] = status("1.1.0", health));
        story.looks(1).await;
    }
    let ended = |state: &RunState| state.merges.first().is_some_and(|record| record.result.is_some());
    let state = story.state_when("it has ended", ended).await;
    let record = &state.merges[0];
    assert_eq!(record.result, Some(ChangeResult::Kept), "{record:?}");
    assert!(record.rollout_seconds.is_some_and(|seconds| seconds >= 13.0), "{record:?}");
    assert_eq!(record.gate, Some(Verdict::Green), "{record:?}");
    story.closed(number).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_merged_onto_a_change_that_ended_before_a_set_had_looked() {
    let mut story = Story::begin().await;
    refuses(&story, 22);
    story.timing.rollout_maximum_seconds = seconds(8);
    story.timing.rollout_maximum_high_seconds = seconds(8);
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let number = story.issue_of_merges(&[echo, excalidraw]).await;
    story.start().await;
    story.says(number, "a person is called at").await;
    let handed = |state: &RunState| state.merges.first().is_some_and(|record| record.result.is_some());
    let state = story.state_when("it is handed over", handed).await;
    let is_handed = |record: &MergeRecord| matches!(record.result, Some(ChangeResult::HandedOver { .. }));
    assert!(is_handed(&state.merges[0]), "{:?}", state.merges[0]);
    // The journal knows it, not the process.
    story.stop().await;
    story.start().await;
    let state = story.state_when("the other is merged", |state| state.merges.len() == 2).await;
    let merged: Vec<_> = state.merges.iter().filter_map(|record| record.merged_at).collect();
    assert!(merged[1].duration_since(merged[0]).as_secs() >= 21, "{merged:?}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_anything_merged_onto_it_for_another_issue() {
    let mut story = Story::begin().await;
    refuses(&story, 26);
    story.timing.rollout_maximum_seconds = seconds(8);
    story.timing.rollout_maximum_high_seconds = seconds(8);
    let echo = story.renovate_opens("echo", "36.0.1");
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let first = story.issue_of_merges(&[echo]).await;
    story.start().await;
    let handed = |state: &RunState| state.merges.first().is_some_and(|record| record.result.is_some());
    let state = story.state_when("it is handed over", handed).await;
    let merged_at = state.merges[0].merged_at.unwrap();
    story.world.repository().clone().set_issue_state("operator", first, IssueState::Closed).unwrap();
    let second = story.issue_of_merges(&[excalidraw]).await;
    story.says(second, "the gate is closed until the branch's head is rolled out").await;
    let is_merged = |state: &RunState| state.merges.iter().any(|record| record.plan.pull.0 == excalidraw);
    let state = story.state_when("the other is merged", is_merged).await;
    let later = state.merges[0].merged_at.unwrap();
    assert!(later.duration_since(merged_at).as_secs() >= 25, "{merged_at} {later}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_for_an_issue_that_had_merged_before_it() {
    let mut story = Story::begin().await;
    story.timing.rollout_maximum_seconds = seconds(8);
    story.timing.rollout_maximum_high_seconds = seconds(8);
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    let older = story.issue(&tasks([merge("D1 P0 Apps", excalidraw), TELEPHONE.to_owned()])).await;
    story.start().await;
    story.wait("the first is merged", || story.merged(excalidraw)).await;
    story.state_when("it is kept", |state| state.change.is_none() && state.merges.len() == 1).await;
    // A newer one comes before it, and leaves a commit behind at which a set never looked.
    refuses(&story, 40);
    let echo = story.renovate_opens("echo", "36.0.1");
    let newer = story.issue_of_merges(&[echo]).await;
    story.wait("the second is merged", || story.merged(echo)).await;
    let handed = |state: &RunState| state.merges.first().is_some_and(|record| record.result.is_some());
    story.state_when("it is handed over", handed).await;
    story.world.repository().clone().set_issue_state("operator", newer, IssueState::Closed).unwrap();
    let homepage = story.renovate_opens("homepage", "v1.4.1");
    let body = story.issue_now(older).body;
    let line = format!("- [ ] **D2 P1 Apps**: Merge PR #{homepage}\n- [ ] **P1");
    let body = body.replacen("- [ ] **P1", &line, 1);
    story.world.repository().edit_issue_body("operator", older, &body, None).unwrap();
    story.says(older, "the gate is closed until the branch's head is rolled out").await;
    assert!(!story.merged(homepage));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_set_makes_and_retries_at_a_version_that_was_undone_is_stopped() {
    let mut story = Story::begin().await;
    let kubernetes = story.world.kubernetes().clone();
    kubernetes.register(CustomKind { kind: APPLICATION_SET, status_subresource: true });
    kubernetes.namespace("team");
    kubernetes.apply(application("1.0.0"));
    kubernetes.apply(deployment());
    kubernetes.apply(set(story.world.repository_url(), RARELY));
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    let playing = tokio::spawn(retries_for_ever(kubernetes));
    story.start().await;
    story.person_called(number).await;
    let state = story.state_when("it has ended", |state| state.change.is_none()).await;
    let record = &state.merges[0];
    assert!(matches!(record.result, Some(ChangeResult::Reverted { .. })), "{record:?}");
    assert!(record.unseen.is_none(), "the undoing runs everywhere: {record:?}");
    let redis = ObjectRef::new("Application", "team", "redis");
    let stopped = state
        .acts
        .iter()
        .filter(|act| matches!(&act.effect, Effect::Terminate { application, .. } if *application == redis));
    assert!(stopped.count() >= 1, "{:?}", state.acts);
    playing.abort();
    story.end().await;
}

/// The controllers of a set and of what it makes: asked first it makes another version, which cannot be synced and is retried for
/// ever; asked again, the old one. Argo CD looks at that when the retries end.
async fn retries_for_ever(kubernetes: Kubernetes) {
    let redis = || kubernetes.get(&APPLICATION, Some("team"), "redis").expect("the Application");
    let change = |change: &dyn Fn(&mut Value)| {
        kubernetes.update(&APPLICATION, Some("team"), "redis", |app| change(app));
    };
    let mut asked = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let set = kubernetes.get(&APPLICATION_SET, Some("team"), "charts").expect("the set");
        if set["metadata"]["annotations"][REFRESH].is_string() {
            asked += 1;
            // The remedy's asking, while it is in trouble, finds the branch as it was.
            let undone = redis()["spec"]["source"]["targetRevision"] == "1.1.0" && asked > 2;
            let version = if undone { "1.0.0" } else { "1.1.0" };
            change(&|app| {
                let operation = json!({"sync": {"revision": "1.1.0"}, "initiatedBy": {"automated": true},
                    "retry": {"limit": -1}});
                app["spec"]["source"] = chart(version);
                if asked == 1 {
                    let now = jiff::Timestamp::now().to_string();
                    app["operation"] = operation.clone();
                    app["status"]["operationState"] = json!({"phase": "Running", "operation": operation,
                        "startedAt": now, "finishedAt": now, "retryCount": 1, "message": "waits for its retry"});
                }
            });
            kubernetes.update(&APPLICATION_SET, Some("team"), "charts", |set| {
                set["metadata"]["annotations"].as_object_mut().expect("annotations").remove(REFRESH);
            });
        }
        if redis()["status"]["operationState"]["phase"] == "Terminating" {
            change(&|app| {
                app.as_object_mut().expect("an object").remove("operation");
                let mut well = status("1.0.0", "Healthy");
                well["operationState"] = app["status"]["operationState"].clone();
                well["operationState"]["phase"] = "Failed".into();
                app["status"] = well;
            });
        }
    }
}

/// What was asked of Argo CD, in its order.
fn patches(kubernetes: &Kubernetes) -> Vec<String> {
    let requests = kubernetes.requests().into_iter();
    requests
        .filter(|request| request.verb == "patch" && request.path.contains("argoproj.io"))
        .map(|request| request.path)
        .collect()
}

fn is_rolled_out(change: &crate::run::state::Change) -> bool {
    matches!(change.stage, crate::run::state::Stage::RolledOut { .. })
}
