//! What goes well.

use super::lock::holder;
use super::words::{FINAL_GATE, NODES_READY, merge, tasks};
use super::{Story, sets};
use crate::cluster::{self, Cluster as _};
use jiff::tz::TimeZone;
use sim::kubernetes::{
    CLUSTER_SECRET_STORE, CustomKind, EXTERNAL_SECRET, GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, Kind,
    POSTGRES_BACKUP, POSTGRES_CLUSTER, SCHEDULED_BACKUP, SECRET_STORE,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_merges_a_crash_archive_and_the_closing() {
    let _ = tracing_subscriber::fmt()
        .with_ansi(false)
        .compact()
        .with_max_level(tracing::Level::INFO)
        .with_test_writer()
        .try_init();
    let mut story = Story::with_ceph_crash().await;
    let kured = story.renovate_opens("kured", "5.10.0");
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story
        .issue(&format!(
            "# Maintenance\n\n## Action Items\n\n\
             - [ ] **A1 P0 System**: Archive the Ceph crash reports\n\
             \x20 - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all`\n\
             - [ ] **A2 P0 System**: Verify that Ceph is HEALTH_OK\n\
             \x20 - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph health`\n\
             - [ ] **D1 P2 Apps**: Merge PR #{echo} (echo)\n\
             - [ ] **D2 P2 System**: Merge PR #{kured} (kured)\n\
             - [ ] **F1 P0 All**: Final validation gate\n\n\
             A person's last line.\n"
        ))
        .await;
    story.start().await;
    let issue = story.closed(number).await;
    println!("{}\n{}", issue.title, issue.body);
    let state = story.state().await;
    assert_eq!(state.merges.len(), 2);
    assert!(issue.title.starts_with("[RESOLVED] "));
    story.end().await;
}

/// What the deployment may do that nothing in this story does, and why it is there all the same.
const NOT_USED_HERE: [(&str, &str, &str); 11] = [
    (
        "ClusterRole/caretaker",
        "patch gitrepositories.source.toolkit.fluxcd.io",
        "where Flux rolls out its source is asked for a look: stories::flux",
    ),
    (
        "ClusterRole/caretaker",
        "patch ocirepositories.source.toolkit.fluxcd.io",
        "where Flux rolls out what a registry offers, that is asked for a look: merge::tests::flux",
    ),
    (
        "ClusterRole/caretaker",
        "patch kustomizations.kustomize.toolkit.fluxcd.io",
        "where Flux rolls out, and a change is in trouble, they are asked for a look: stories::flux",
    ),
    (
        "ClusterRole/caretaker",
        "patch helmreleases.helm.toolkit.fluxcd.io",
        "where Flux rolls out, those that take values from Git are asked for a look: merge::tests::flux",
    ),
    (
        "ClusterRole/caretaker",
        "list customresourcedefinitions.apiextensions.k8s.io",
        "where a merge touches definitions their versions are read: merge::tests::versions",
    ),
    (
        "ClusterRole/caretaker",
        "list horizontalpodautoscalers.autoscaling",
        "the audit reads them where somebody asks for one: health::audit",
    ),
    ("ClusterRole/caretaker", "list schedules.velero.io", "the audit reads them: health::audit"),
    (
        "ClusterRole/caretaker-delete",
        "delete pods",
        "pods that keep a StatefulSet from going back are ended: stories::trouble",
    ),
    ("ClusterRole/caretaker-drain", "patch nodes", "cordons come with the upgrades of nodes"),
    ("ClusterRole/caretaker-drain", "create pods/eviction", "drains come with the upgrades of nodes"),
    (
        "ClusterRole/caretaker-node-proxy",
        "get nodes/proxy",
        "kubelets are asked for their disks where cluster.node_stats is on: health::incidents",
    ),
];

/// Every file of rights in `deploy/`, those of the components too.
fn rights() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kustomize")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rbac")) {
                files.push(path);
            }
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_of_the_deployment_is_used_or_has_its_reason() {
    let mut story = Story::with_ceph_crash().await;
    for file in rights() {
        story.world.kubernetes().apply_manifests(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    let (kubernetes, repository) =
        (story.world.kubernetes().clone(), story.world.repository_url().to_owned());
    let set = tokio::spawn(async move { sets::looks_when_asked(&kubernetes, &repository, || {}).await });
    // What is not served is asked for and not watched.
    let kinds = [
        EXTERNAL_SECRET,
        SECRET_STORE,
        CLUSTER_SECRET_STORE,
        GIT_REPOSITORY,
        Kind { kind: "OCIRepository", plural: "ocirepositories", ..GIT_REPOSITORY },
        Kind { kind: "HelmRepository", plural: "helmrepositories", ..GIT_REPOSITORY },
        Kind { kind: "HelmChart", plural: "helmcharts", ..GIT_REPOSITORY },
        Kind { kind: "Bucket", plural: "buckets", ..GIT_REPOSITORY },
        KUSTOMIZATION,
        HELM_RELEASE,
        POSTGRES_CLUSTER,
        SCHEDULED_BACKUP,
        POSTGRES_BACKUP,
    ];
    for kind in kinds {
        story.world.kubernetes().register(CustomKind { kind, status_subresource: true });
    }
    let echo = story.renovate_opens("echo", "36.0.1");
    let archive = "A2 P0 System: Archive the Ceph crash reports\n  - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all`";
    let merge = merge("D1 P2 Apps", echo);
    let number = story.issue(&tasks([NODES_READY, archive, &merge, FINAL_GATE])).await;
    story.start().await;
    story.closed(number).await;
    // Giving the lock back changes it, as renewing it does; whether a run lasts long enough for that is a matter of speed.
    story.wait("the lock is given back", || holder(&story).is_none()).await;
    // An image that takes its time is asked about; whether one did is a matter of speed.
    let kubeconfig = Some(story.kubeconfig.clone());
    let settings = cluster::Settings { kubeconfig, ..cluster::Settings::default() };
    let client = cluster::Kubernetes::connect(&settings).await.unwrap();
    client.pull_events("echo").await.unwrap();
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (role, rule, _why) in NOT_USED_HERE {
        expected.entry(role.to_owned()).or_default().push(rule.to_owned());
    }
    assert_eq!(sim::kubernetes::unused(&story.world.kubernetes().rbac_usage()), expected);
    set.await.unwrap();
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_the_windows_everything_but_merges_goes_on() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    // An hour that is neither this one nor the next.
    let hour = |later: i8| (jiff::Timestamp::now().to_zoned(TimeZone::UTC).hour() + later) % 24;
    let window = format!("{:02}:00-{:02}:00", hour(3), hour(5));
    story.settings.windows = vec![window.parse().unwrap()];
    let number = story.issue(&tasks([merge("D1 P1 Apps", echo), NODES_READY.to_owned()])).await;
    story.start().await;
    story.says(number, "**Waiting** for the next window").await;
    let body = story.issue_now(number).body;
    assert!(
        body.contains(&format!("A change starts only within `{window}` (UTC); the next one opens ")),
        "{body}"
    );
    story.state_when("verified", |state| state.tasks.keys().any(|key| state.has_ended(key))).await;
    story.wait("the lock is given back", || holder(&story).is_none()).await;
    let written = story.body_writes();
    story.looks(5).await;
    assert_eq!(story.body_writes(), written, "nothing changes until the window opens");
    assert!(!story.merged(echo));
    story.stop().await;
    story.settings.windows.clear();
    story.start().await;
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}
