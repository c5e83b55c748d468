//! The actors together: what a merge sets off in the cluster, and what goes wrong on request.

use std::time::{Duration, Instant};

use serde_json::Value;
use sim::actors::{AppSpec, Crash, Rebasing, RenovateOptions, Speed, World, WorldOptions};
use sim::gitea::{FileChange, IssueState, NewCommit};
use sim::kubernetes::{APPLICATION, CEPH_CLUSTER, DEPLOYMENT, NODE, POD};

/// As long as anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_mins(1);

async fn world(change: impl FnOnce(&mut WorldOptions)) -> World {
    let mut options = WorldOptions { speed: Speed::new(200.0), ..WorldOptions::default() };
    options.life_sign = Duration::from_millis(200);
    options.heartbeat = Duration::from_millis(200);
    change(&mut options);
    World::homelab(options).await.expect("the world starts")
}

/// Waits until `look` gives something.
async fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    wait(what, || holds().then_some(())).await;
}

fn app(world: &World, name: &str) -> Value {
    world.kubernetes().get(&APPLICATION, Some("argocd"), name).expect("the Application exists")
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_well(app: &Value, revision: &str) -> bool {
    text(app, "/status/sync/revision") == revision
        && text(app, "/status/sync/status") == "Synced"
        && text(app, "/status/health/status") == "Healthy"
        && app.get("operation").is_none()
        && text(app, "/status/reconciledAt") >= text(app, "/status/operationState/finishedAt")
}

fn head(world: &World) -> String {
    world.repository().branch_head("main").expect("there is a branch").to_string()
}

/// Puts a file of the last merge back as it was before, as one commit.
fn revert(world: &World) {
    let (repository, tip) = (world.repository(), head(world));
    let parent = repository.commit_info(&tip).expect("the commit exists").parents[0].to_string();
    let files = repository
        .changed_files(&parent, &tip)
        .into_iter()
        .map(|path| {
            let before = repository.file(&parent, &path).expect("the file was there");
            FileChange::text(path, String::from_utf8(before).expect("it is text"))
        })
        .collect();
    let commit = NewCommit { author: "caretaker".into(), message: "revert".into(), files, from: None };
    repository.commit("main", commit).expect("the revert is accepted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_homelab_is_well() {
    let world = world(|_| {}).await;
    let kubernetes = world.kubernetes();
    let tip = head(&world);
    let apps = kubernetes.list(&APPLICATION, None);
    assert_eq!(apps.len(), 32);
    for app in &apps {
        assert!(is_well(app, &tip), "{app:#}");
    }
    assert_eq!(kubernetes.list(&NODE, None).len(), 10);
    let pods = kubernetes.list(&POD, None);
    assert!((90..130).contains(&pods.len()), "{} pods", pods.len());
    for pod in &pods {
        assert_eq!(text(pod, "/status/phase"), "Running");
        assert_eq!(pod["status"]["containerStatuses"][0]["ready"], true);
        assert!(!text(pod, "/spec/nodeName").is_empty());
    }
    assert_eq!(
        kubernetes
            .get(&CEPH_CLUSTER, Some("rook-ceph"), "rook-ceph")
            .map(|ceph| ceph["status"]["ceph"]["health"].clone()),
        Some("HEALTH_OK".into())
    );
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_reaches_every_application_and_rolls_the_one_it_touches() {
    let world = world(|_| {}).await;
    let number = world.renovate_opens("homepage", "v1.4.1").expect("the pull request opens");
    let before: Vec<String> = world
        .kubernetes()
        .list(&POD, Some("homepage"))
        .iter()
        .map(|pod| text(pod, "/metadata/name").to_owned())
        .collect();
    until("it is mergeable", || world.repository().pull(number).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", number, true).expect("it merges");
    let merge = head(&world);
    until("all Applications are at the merge commit and well", || {
        world.kubernetes().list(&APPLICATION, None).iter().all(|app| is_well(app, &merge))
    })
    .await;
    let rolled = app(&world, "homepage");
    assert_eq!(text(&rolled, "/status/operationState/syncResult/revision"), merge);
    assert_eq!(rolled["status"]["summary"]["images"][0], "ghcr.io/gethomepage/homepage:v1.4.1");
    let untouched = app(&world, "ntfy");
    assert_ne!(text(&untouched, "/status/operationState/syncResult/revision"), merge);
    let pods = world.kubernetes().list(&POD, Some("homepage"));
    for pod in pods.iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none()) {
        assert!(!before.contains(&text(pod, "/metadata/name").to_owned()));
        assert_eq!(text(pod, "/spec/containers/0/image"), "ghcr.io/gethomepage/homepage:v1.4.1");
    }
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_version_degrades_its_app_and_a_revert_heals_it() {
    let world = world(|_| {}).await;
    world.app_degrades_from("grafana", "10.0.0");
    let number = world.renovate_opens("grafana", "10.0.0").expect("the pull request opens");
    until("it is mergeable", || world.repository().pull(number).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", number, true).expect("it merges");
    until("the app is Degraded", || text(&app(&world, "grafana"), "/status/health/status") == "Degraded")
        .await;
    let crashing = world.kubernetes().list(&POD, Some("grafana")).iter().any(|pod| {
        text(pod, "/status/containerStatuses/0/state/waiting/reason") == "CrashLoopBackOff"
            && pod["status"]["containerStatuses"][0]["restartCount"].as_u64() > Some(0)
    });
    assert!(crashing);
    let deployment = world.kubernetes().get(&DEPLOYMENT, Some("grafana"), "grafana").expect("it exists");
    assert_eq!(deployment["status"]["conditions"][1]["reason"], "ProgressDeadlineExceeded");
    // The old pods go on serving.
    assert_eq!(deployment["status"]["availableReplicas"], 2);

    revert(&world);
    let tip = head(&world);
    until("the app is well at the revert", || is_well(&app(&world, "grafana"), &tip)).await;

    let again = wait("Renovate opens it again", || {
        world.repository().pulls(Some(IssueState::Open)).into_iter().find(|pull| pull.number != number)
    })
    .await;
    assert!(again.number > number);
    assert_eq!(again.author, "renovate");
    assert!(again.head_branch.starts_with("renovate/grafana-10"));
    assert!(again.body.contains("`9.4.2` → `10.0.0`"), "{}", again.body);
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_sync_keeps_its_revision_until_it_is_terminated() {
    let world = world(|_| {}).await;
    world.sync_fails_from("ntfy", "v2.14.0");
    let number = world.renovate_opens("ntfy", "v2.14.0").expect("the pull request opens");
    until("it is mergeable", || world.repository().pull(number).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", number, true).expect("it merges");
    let bad = head(&world);
    until("the operation waits for a retry", || {
        let app = app(&world, "ntfy");
        text(&app, "/status/operationState/phase") == "Running"
            && !text(&app, "/status/operationState/finishedAt").is_empty()
            && app["status"]["operationState"]["retryCount"].as_u64() > Some(0)
            && text(&app, "/status/health/status") == "Healthy"
    })
    .await;

    revert(&world);
    let tip = head(&world);
    until("the revert has been compared", || text(&app(&world, "ntfy"), "/status/sync/revision") == tip)
        .await;
    let retrying = app(&world, "ntfy");
    assert_eq!(text(&retrying, "/operation/sync/revision"), bad);
    assert_eq!(text(&retrying, "/status/operationState/phase"), "Running");

    world.kubernetes().update(&APPLICATION, Some("argocd"), "ntfy", |app| {
        app["status"]["operationState"]["phase"] = "Terminating".into();
    });
    until("the operation has ended", || {
        let app = app(&world, "ntfy");
        app.get("operation").is_none() && text(&app, "/status/operationState/phase") == "Failed"
    })
    .await;
    world.kubernetes().update(&APPLICATION, Some("argocd"), "ntfy", |app| {
        app["metadata"]["annotations"]["argocd.argoproj.io/refresh"] = "normal".into();
    });
    until("the refresh is done", || {
        let app = app(&world, "ntfy");
        app["metadata"]["annotations"].get("argocd.argoproj.io/refresh").is_none() && is_well(&app, &tip)
    })
    .await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_keeps_failing_ends_failed() {
    let world = world(|options| options.speed = Speed::new(20_000.0)).await;
    world.sync_fails("echo");
    let number = world.renovate_opens("echo", "37.0.0").expect("the pull request opens");
    until("it is mergeable", || world.repository().pull(number).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", number, true).expect("it merges");
    until("the operation has failed", || {
        let app = app(&world, "echo");
        text(&app, "/status/operationState/phase") == "Failed" && app.get("operation").is_none()
    })
    .await;
    let app = app(&world, "echo");
    assert_eq!(app["status"]["operationState"]["retryCount"], 10);
    assert_eq!(text(&app, "/status/sync/status"), "OutOfSync");
    assert_eq!(text(&app, "/status/health/status"), "Healthy");
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_controller_leaves_everything_as_it_was() {
    let world = world(|_| {}).await;
    world.argocd_dies();
    let before = app(&world, "echo");
    let number = world.renovate_opens("echo", "36.0.1").expect("the pull request opens");
    until("it is mergeable", || world.repository().pull(number).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", number, true).expect("it merges");
    let merge = head(&world);
    // The kubelets live on; when they have reported anew, the controller would long have reacted.
    let renewed =
        |world: &World| world.kubernetes().get(&NODE, None, "node-01").map(|node| node["status"].clone());
    let reported = renewed(&world);
    until("kubelets report", || renewed(&world) != reported).await;
    assert_eq!(app(&world, "echo")["status"], before["status"]);
    world.argocd_recovers();
    until("the controller makes up for it", || is_well(&app(&world, "echo"), &merge)).await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_node_becomes_unknown_and_comes_back() {
    let world = world(|_| {}).await;
    let ready = |world: &World| {
        let node = world.kubernetes().get(&NODE, None, "node-07").expect("the node exists");
        text(&node, "/status/conditions/3/status").to_owned()
    };
    world.node_not_ready("node-07");
    until("the node is lost", || ready(&world) == "Unknown").await;
    until("its pods are marked", || {
        world.kubernetes().list(&POD, None).iter().filter(|pod| text(pod, "/spec/nodeName") == "node-07").all(
            |pod| {
                pod["status"]["conditions"][2]["status"] == "False"
                    && pod["status"]["containerStatuses"][0]["ready"] == true
            },
        )
    })
    .await;
    world.node_ready("node-07");
    until("the node is back", || ready(&world) == "True").await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archiving_crashes_turns_ceph_well() {
    let world = world(|options| options.crashes = vec![Crash::default()]).await;
    let health = |world: &World| {
        let ceph = world.kubernetes().get(&CEPH_CLUSTER, Some("rook-ceph"), "rook-ceph").expect("it exists");
        text(&ceph, "/status/ceph/health").to_owned()
    };
    assert_eq!(health(&world), "HEALTH_WARN");
    let words = ["ceph", "crash", "archive-all"].map(str::to_owned);
    assert_eq!(world.ceph_command(&words).exit_code, 0);
    until("Ceph is well", || health(&world) == "HEALTH_OK").await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_edits_over_the_api_and_renovate_rebases_on_a_tick() {
    let world = world(|options| {
        options.renovate =
            RenovateOptions { rebasing: Rebasing::Never, dashboard: true, ..RenovateOptions::default() };
    })
    .await;
    let operator = world.person("operator").expect("a person");
    let first = world.renovate_opens_numbered(41, "kured", "5.10.0").expect("the pull request opens");
    assert_eq!(first, 41);
    let second = world.renovate_opens("whoami", "v1.11.0").expect("the pull request opens");
    until("it is mergeable", || world.repository().pull(second).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", second, true).expect("it merges");
    let old = world.repository().pull(first).expect("it exists").head_sha;
    operator.tick(first, "rebase-check").await.expect("the box is ticked");
    until("the branch is made anew", || {
        let pull = world.repository().pull(first).expect("it exists");
        pull.head_sha != old && pull.body.contains("- [ ] <!-- rebase-check -->")
    })
    .await;
    let dashboard = wait("there is a dashboard", || {
        world
            .repository()
            .issues(Some(IssueState::Open))
            .into_iter()
            .find(|issue| issue.title == "Dependency Dashboard")
    })
    .await;
    assert!(dashboard.body.contains("rebase-branch=renovate/kured-5.x"));

    let issue = operator
        .open_issue("plan", "# plan\n\n- [ ] one\n- [ ] two\n", &["maintenance"])
        .await
        .expect("it opens");
    operator.tick(issue, "two").await.expect("the box is ticked");
    operator.replace(issue, "one", "the first").await.expect("the text is there");
    operator.append_line(issue, "the end").await.expect("the line is added");
    assert_eq!(world.issue_body(issue).as_deref(), Some("# plan\n\n- [ ] the first\n- [x] two\nthe end\n"));
    operator.add_label(issue, "needs-human").await.expect("the label is added");
    operator.comment(issue, "seen").await.expect("the comment is written");
    let page = operator.read(issue).await.expect("the page loads");
    assert_eq!(page.labels, ["maintenance", "needs-human"]);
    assert!(operator.tick(issue, "three").await.is_err());
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_edit_at_once_lose_nothing() {
    let world = world(|_| {}).await;
    let operator = world.person("operator").expect("a person");
    let issue = operator.open_issue("list", "start\n", &[]).await.expect("it opens");
    let mut writers = Vec::new();
    for writer in ["operator", "caretaker", "renovate"] {
        let person = world.person(writer).expect("a person");
        writers.push(tokio::spawn(async move {
            for line in 0..5 {
                person.append_line(issue, &format!("{writer} {line}")).await.expect("the line is added");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("the writer ends");
    }
    let body = world.issue_body(issue).expect("the issue exists");
    assert_eq!(body.lines().count(), 16, "{body}");
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_annotation_rolls_the_pods() {
    let world = world(|_| {}).await;
    let names = |world: &World| -> Vec<String> {
        let pods = world.kubernetes().list(&POD, Some("homepage"));
        pods.iter().map(|pod| text(pod, "/metadata/name").to_owned()).collect()
    };
    let before = names(&world);
    let patched = world.kubernetes().update(&DEPLOYMENT, Some("homepage"), "homepage", |object| {
        object["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] =
            "now".into();
    });
    let patched = patched.expect("it exists");
    // Until the controller has seen it, every count still reads complete.
    assert!(patched["status"]["observedGeneration"].as_i64() < patched["metadata"]["generation"].as_i64());
    until("new pods have replaced the old ones", || {
        let object = world.kubernetes().get(&DEPLOYMENT, Some("homepage"), "homepage").expect("it exists");
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && object["status"]["updatedReplicas"] == 2
            && object["status"]["availableReplicas"] == 2
            && names(&world).iter().all(|name| !before.contains(name))
    })
    .await;
    let tip = head(&world);
    until("the app is well again, without a sync", || is_well(&app(&world, "homepage"), &tip)).await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordered_stateful_set_keeps_its_broken_pod_after_the_revert() {
    let world = world(|_| {}).await;
    world.app_degrades_from("postgres", "17.6");
    let number = world.renovate_opens("postgres", "17.6").expect("the pull request opens");
    until("it is mergeable", || world.repository().pull(number).is_some_and(|pull| pull.mergeable)).await;
    world.repository().merge_pull("operator", number, true).expect("it merges");
    let broken = || {
        let pod = world.kubernetes().get(&POD, Some("postgres"), "postgres-0")?;
        let waiting = text(&pod, "/status/containerStatuses/0/state/waiting/reason") == "CrashLoopBackOff";
        waiting.then(|| text(&pod, "/metadata/uid").to_owned())
    };
    let uid = wait("the pod crashes", broken).await;
    revert(&world);
    let tip = head(&world);
    until("the revert is synced", || {
        let app = app(&world, "postgres");
        text(&app, "/status/operationState/syncResult/revision") == tip && app.get("operation").is_none()
    })
    .await;
    until("the app is not well", || text(&app(&world, "postgres"), "/status/health/status") == "Progressing")
        .await;
    assert_eq!(wait("the pod is still there", broken).await, uid);
    world.kubernetes().delete(&POD, Some("postgres"), "postgres-0");
    until("a new pod serves", || is_well(&app(&world, "postgres"), &tip)).await;
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_is_added_is_deployed_and_syncs_on_request() {
    let world = world(|_| {}).await;
    world
        .add_app(AppSpec::manifests("apps", "late", "registry.example.org/late", "1.0.0"))
        .expect("it is added");
    let tip = head(&world);
    until("it is deployed", || is_well(&app(&world, "late"), &tip)).await;
    world.kubernetes().update(&APPLICATION, Some("argocd"), "late", |app| {
        app["operation"] =
            serde_json::json!({"sync": {"revision": tip}, "initiatedBy": {"username": "operator"}});
    });
    until("the operation has run", || {
        let app = app(&world, "late");
        app.get("operation").is_none()
            && text(&app, "/status/operationState/operation/initiatedBy/username") == "operator"
            && text(&app, "/status/operationState/phase") == "Succeeded"
    })
    .await;
    world.manifests_fail("late", true);
    world.kubernetes().update(&APPLICATION, Some("argocd"), "late", |app| {
        app["metadata"]["annotations"]["argocd.argoproj.io/refresh"] = "hard".into();
    });
    until("the comparison fails", || {
        let app = app(&world, "late");
        text(&app, "/status/conditions/0/type") == "ComparisonError"
            && text(&app, "/status/sync/status") == "Unknown"
    })
    .await;
    world.shutdown().await;
}
