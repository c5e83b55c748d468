//! What goes wrong.

use super::Story;
use crate::cluster::{LeaseAnswer, ObjectRef};
use crate::forge::CommitSha;
use crate::health::{Acknowledgement, Verdict};
use crate::merge::rollout::Undone;
use crate::run::act;
use crate::run::event::{ChangeResult, Effect, Outcome};
use crate::run::state::{RunState, TaskState};
use serde_json::json;
use sim::actors::{AppSpec, Controller, WorldOptions, homelab_apps};
use sim::gitea::{FileChange, IssueState, NewCommit};
use sim::kubernetes::{APPLICATION, Fault as ClusterFault, Matcher};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_makes_its_app_degraded_is_undone_and_held_and_the_rest_goes_on() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story
        .issue(&format!(
            "## Action Items\n\n- [ ] **D1 P2 Platform**: Merge PR #{grafana}\n- [ ] **D2 P2 Apps**: Merge PR #{echo}\n\
             - [ ] **F1 P0 All**: Final validation gate\n"
        ))
        .await;
    let before = story.world.repository().files("main");
    story.start().await;
    let issue = story
        .until("a person is called and echo is merged", number, |issue| {
            issue.labels.iter().any(|label| label == "needs-human")
                && story.world.repository().pull(echo).is_some_and(|pull| pull.merged)
        })
        .await;
    assert_eq!(issue.state, IssueState::Open);
    let state =
        story.state_when("echo is done", |state| state.merges.len() == 2 && state.change.is_none()).await;
    assert!(
        matches!(state.merges[0].result, Some(ChangeResult::Reverted { .. })),
        "{:?}",
        state.merges[0].result
    );
    assert_eq!(state.merges[0].plan.pull.0, grafana);
    assert_eq!(state.merges[1].result, Some(ChangeResult::Kept));
    assert_eq!(state.holds.len(), 1);
    assert_eq!(state.holds[0].hold.version, "9.5.0");
    let held = state.tasks.values().find(|record| record.known.id == "D1").unwrap();
    assert!(matches!(held.state, TaskState::Waiting { .. }), "{:?}", held.state);
    let after = story.world.repository().files("main");
    let chart = before.keys().find(|path| path.contains("grafana")).unwrap();
    assert_eq!(before[chart].content, after[chart].content, "the files are as they were");
    story.stop().await;
    story.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_cd_that_cannot_be_asked_to_look_is_followed_all_the_same_and_the_journal_says_so() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let writes = Matcher::of("patch", "applications");
    story.world.kubernetes().faults().add_times(writes, ClusterFault::Status(500), 1000);
    story.start().await;
    story.closed(number).await;
    let state = story.state().await;
    assert_eq!(state.merges[0].gate, Some(Verdict::Green), "{:?}", state.merges[0]);
    let journal = story.journal().await;
    let asked: Vec<_> = journal.iter().filter(|event| event["event"] == "refreshed").collect();
    // When it was merged, and when it had rolled out.
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.iter().all(|event| event["failed"].is_string()), "{asked:?}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_keeps_its_stateful_set_from_going_back_is_ended() {
    let cache = AppSpec::chart("platform", "memcached", "memcached", "7.8.0");
    let apps =
        homelab_apps().into_iter().chain([cache.run_by(Controller::StatefulSet).replicas(2)]).collect();
    let mut story = Story::with(WorldOptions { apps, ..WorldOptions::default() }).await;
    story.deletes = true;
    let rights = include_str!("../../../deploy/kustomize/components/delete/rbac.yaml");
    story.world.kubernetes().apply_manifests(rights).unwrap();
    story.world.app_degrades_from("memcached", "7.9.0");
    let pull = story.renovate_opens("memcached", "7.9.0");
    let number = story.issue_of_merges(&[pull]).await;
    story.start().await;
    story.person_called(number).await;
    let state = story.state().await;
    assert!(
        matches!(state.merges[0].result, Some(ChangeResult::Reverted { .. })),
        "{:?}",
        state.merges[0].result
    );
    let ended: Vec<_> = (state.acts.iter())
        .filter_map(|act| match &act.effect {
            Effect::DeletePod { pod, .. } => Some((pod.to_string(), act.ended.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(ended, [("Pod memcached/memcached-1".to_owned(), true)], "one pod, once");
    story.says(number, "kept its StatefulSet from going back").await;
    story.end().await;
}

/// The syncs that caretaker asked for, as the journal has them.
fn syncs(state: &RunState) -> usize {
    state.acts.iter().filter(|act| matches!(act.effect, Effect::Sync { .. })).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_cannot_be_synced_is_synced_once_more_and_then_undone() {
    let mut story = Story::begin().await;
    story.world.sync_fails_from("echo", "36.0.1");
    let echo = story.renovate_opens("echo", "36.0.1");
    let before = story.world.repository().files("main");
    story.issue_of_merges(&[echo]).await;
    story.start().await;
    let state =
        story.state_when("undone", |state| state.merges.iter().any(|merge| merge.result.is_some())).await;
    let merge = &state.merges[0];
    assert!(matches!(merge.result, Some(ChangeResult::Reverted { .. })), "{merge:?}");
    let reason = merge.revert_reason.as_deref().unwrap_or_default();
    assert!(reason.contains("the sync of") && reason.contains("echo"), "{reason}");
    assert_eq!(syncs(&state), 1);
    let after = story.world.repository().files("main");
    let changed = before.keys().find(|path| path.contains("echo")).unwrap();
    assert_eq!(before[changed].content, after[changed].content);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_for_a_passing_reason_is_mended_by_one_more() {
    let mut story = Story::begin().await;
    story.world.sync_fails_from("echo", "36.0.1");
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    let head = story.head();
    story.start().await;
    story
        .state_when("in trouble", |state| {
            state.change.as_ref().is_some_and(|change| change.trouble.is_some())
        })
        .await;
    story.world.sync_works("echo");
    story.closed(number).await;
    let state = story.state().await;
    assert_eq!(state.merges[0].result, Some(ChangeResult::Kept));
    assert_eq!(syncs(&state), 1);
    assert_eq!(story.commits_since(&head).len(), 1, "nothing was undone");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_head_any_more_is_not_synced_over_what_people_pushed() {
    let story = Story::begin().await;
    let parts = story.parts().await;
    let LeaseAnswer::Held(lease) = parts.cluster.acquire_lease("caretaker-test").await.unwrap() else {
        panic!("the lock is free while there is no issue");
    };
    let repository = parts.forge.repository(&story.repository.name).await.unwrap();
    let old = parts.forge.branch(&repository.name, "main").await.unwrap().head;
    let echo = ObjectRef::new("Application", "argocd", "echo");
    let push = NewCommit {
        author: "operator".to_owned(),
        message: "docs: by hand".to_owned(),
        files: vec![FileChange::text("docs/hand.md", "by hand\n")],
        from: None,
    };
    story.world.repository().commit("main", push).unwrap();
    let watched = story.repository.watched(&repository);
    let outcome = act::sync(&parts, &lease, &repository, &watched, &echo, &old, jiff::Timestamp::now()).await;
    assert!(matches!(&outcome, Outcome::Refused { why } if why.contains("not at")), "{outcome:?}");
    assert!(story.cluster_effects().is_empty(), "{:?}", story.cluster_effects());
    drop(parts);
    story.end().await;
}

/// An Application of a chart, whose sync to a version began now, and by whom.
fn chart_that_syncs(wants: &str, runs: &str, by: &serde_json::Value) -> serde_json::Value {
    let source = json!({"repoURL": "https://charts.example.org", "chart": "redis", "targetRevision": wants});
    let operation = json!({"sync": {"revision": runs}, "initiatedBy": by, "retry": {"limit": -1}});
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "redis", "namespace": "team"}, "operation": operation,
        "spec": {"project": "default", "destination": {"namespace": "redis"}, "source": source},
        "status": {"health": {"status": "Healthy"}, "sync": {"status": "OutOfSync", "revision": wants},
            "operationState": {"phase": "Running", "operation": operation, "startedAt": jiff::Timestamp::now().to_string(),
                "finishedAt": jiff::Timestamp::now().to_string(), "retryCount": 3}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_that_is_retried_at_what_was_undone_is_stopped_and_synced_to_what_its_source_says() {
    let story = Story::begin().await;
    let parts = story.parts().await;
    let LeaseAnswer::Held(lease) = parts.cluster.acquire_lease("caretaker-test").await.unwrap() else {
        panic!("the lock is free while there is no issue");
    };
    let repository = parts.forge.repository(&story.repository.name).await.unwrap();
    let head = parts.forge.branch(&repository.name, "main").await.unwrap().head;
    let kubernetes = story.world.kubernetes();
    kubernetes.namespace("team");
    let redis = ObjectRef::new("Application", "team", "redis");
    let stored = || kubernetes.get(&APPLICATION, Some("team"), "redis").unwrap();
    let merged_at = jiff::Timestamp::now();
    let by_itself = json!({"automated": true});
    for (wants, by, phase) in [
        ("1.2.4", by_itself.clone(), "Running"),
        ("1.2.3", json!({"username": "operator"}), "Running"),
        ("1.2.3", by_itself, "Terminating"),
    ] {
        kubernetes.apply(chart_that_syncs(wants, "1.2.4", &by));
        let undone = Undone { commit: head.clone(), merged_at, later: BTreeSet::new() };
        let outcome = act::terminate(&parts, &lease, &redis, &undone).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        assert_eq!(stored()["status"]["operationState"]["phase"], phase, "{wants} {by}");
    }
    // Of what people pushed on top of it before its undoing was there, and of what holds that.
    let push = |file: &str| {
        let author = "operator".to_owned();
        let files = vec![FileChange::text(file, "by hand\n")];
        let push = NewCommit { author, message: "docs: by hand".to_owned(), files, from: None };
        let commit = story.world.repository().commit("main", push).unwrap();
        commit.as_str().parse::<CommitSha>().unwrap()
    };
    let (later, undoing) = (push("docs/later.md"), push("docs/undoing.md"));
    for (runs, phase) in [(&undoing, "Running"), (&later, "Terminating")] {
        let source = json!({"repoURL": repository.html_url, "path": "apps/redis", "targetRevision": "main"});
        kubernetes.apply(chart_that_syncs("1.2.4", runs.as_str(), &json!({"automated": true})));
        kubernetes.update(&APPLICATION, Some("team"), "redis", |app| app["spec"]["source"] = source);
        let undone = Undone { commit: head.clone(), merged_at, later: [later.clone()].into() };
        let outcome = act::terminate(&parts, &lease, &redis, &undone).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        assert_eq!(stored()["status"]["operationState"]["phase"], phase, "{runs}");
    }
    let head = undoing;
    kubernetes.apply(chart_that_syncs("1.2.3", "1.2.4", &json!({"username": "operator"})));
    let watched = story.repository.watched(&repository);
    let sync = async |begun: jiff::Timestamp| {
        act::sync(&parts, &lease, &repository, &watched, &redis, &head, begun).await
    };
    let outcome = sync(merged_at).await;
    assert!(matches!(outcome, Outcome::NotYet { .. }), "somebody else's is under way: {outcome:?}");
    // Our own, whose outcome was not written down: under way, and ended.
    kubernetes.apply(chart_that_syncs("1.2.3", "1.2.3", &json!({"username": "caretaker"})));
    assert!(matches!(sync(merged_at).await, Outcome::Done { .. }));
    kubernetes.update(&APPLICATION, Some("team"), "redis", |app| {
        app.as_object_mut().unwrap().remove("operation");
        app["status"]["operationState"]["phase"] = "Failed".into();
    });
    assert!(matches!(sync(merged_at).await, Outcome::Done { .. }));
    assert!(stored().get("operation").is_none(), "{}", stored());
    kubernetes.apply(chart_that_syncs("1.2.3", "1.2.4", &json!({"username": "operator"})));
    kubernetes.update(&APPLICATION, Some("team"), "redis", |app| {
        app.as_object_mut().unwrap().remove("operation");
    });
    let outcome = sync(jiff::Timestamp::now()).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    let operation = stored()["operation"]["sync"].clone();
    assert!(
        operation.is_object() && operation.get("revision").is_none(),
        "a commit is no version: {operation}"
    );
    // It would run its hooks again.
    kubernetes.update(&APPLICATION, Some("team"), "redis", |app| {
        app.as_object_mut().unwrap().remove("operation");
        app["status"]["sync"]["status"] = "Synced".into();
    });
    let outcome = sync(jiff::Timestamp::now()).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert!(stored().get("operation").is_none(), "{}", stored());
    drop(parts);
    story.end().await;
}

/// An Application whose automated sync a person took away.
fn by_hand(story: &Story, app: &str) {
    story.world.kubernetes().update(&APPLICATION, Some("argocd"), app, |application| {
        application["spec"]["syncPolicy"].as_object_mut().unwrap().remove("automated");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_syncs_is_left_to_that_person_and_synced_where_the_settings_say_so() {
    for allowed in [false, true] {
        let mut story = Story::begin().await;
        story.repository.sync_manual = allowed;
        by_hand(&story, "echo");
        let echo = story.renovate_opens("echo", "36.0.1");
        let number = story.issue_of_merges(&[echo]).await;
        story.start().await;
        if allowed {
            story.closed(number).await;
            let syncs =
                story.journal().await.iter().filter(|event| event["effect"]["effect"] == "sync").count();
            assert_eq!(syncs, 1, "{:?}", story.journal().await);
        } else {
            story.says(number, "its automated sync is off").await;
            let syncs = story.cluster_effects().into_iter().filter(|effect| effect.contains("sync")).count();
            assert_eq!(syncs, 0, "{:?}", story.cluster_effects());
        }
        story.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_accepted_as_it_is_keeps_no_other_back() {
    let mut story = Story::begin().await;
    by_hand(&story, "kured");
    // Somebody else changes what it is made of, and nobody syncs it.
    let files = story.world.repository().files("main");
    let (path, file) = files.iter().find(|(path, _)| path.contains("kured")).unwrap();
    let changed = String::from_utf8(file.content.clone()).unwrap().replace("5.9.0", "5.9.1");
    let push = NewCommit {
        author: "operator".to_owned(),
        message: "chore: another version".to_owned(),
        files: vec![FileChange::text(path, &changed)],
        from: None,
    };
    story.world.repository().commit("main", push).unwrap();
    let accepted = |rule: &str| Acknowledgement {
        object: "Application argocd/kured".to_owned(),
        rule: rule.to_owned(),
        probe: None,
        verdict: None,
        reason: "it is rolled out by hand".to_owned(),
        expires: "2999-12-31T00:00:00Z".parse().unwrap(),
    };
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "is not as Git says").await;
    story.does_nothing(echo).await;
    story.stop().await;
    story.health.acknowledged = vec![accepted("out-of-sync")];
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo));
    // What is merged into it has to run all the same.
    let kured = story.renovate_opens("kured", "5.10.0");
    let number = story.issue_of_merges(&[kured]).await;
    story.says(number, "its automated sync is off").await;
    assert!(story.merged(kured));
    story.end().await;
}
