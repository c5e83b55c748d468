//! What a person reads, whole: nobody mends what nobody has read.

use super::*;
use crate::forge::renovate::Listed;
use crate::forge::{IssueNumber, PullNumber};
use crate::health::Layer;
use crate::health::incidents::Scene;
use crate::issue::OpenUpdate;
use crate::merge::classify::Classification;
use crate::merge::{Category, Risk, UpdateType};
use crate::run::Dashboard;

/// Days and times are those of the look: `DAY`, `TIME`, `MOMENT`. A line may end between a time and its zone.
fn timeless(text: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let is = |at: usize, form: &str| {
        let there = &text[at..];
        there.len() >= form.len()
            && form.chars().zip(there).all(|(expected, letter)| match expected {
                'n' => letter.is_ascii_digit(),
                other => *letter == other,
            })
    };
    let is_time = |at: usize| {
        let zone: String = text[at..].iter().skip(5).skip_while(|one| one.is_whitespace()).take(3).collect();
        is(at, "nn:nn") && text.get(at + 5).is_some_and(|one| one.is_whitespace()) && zone == "UTC"
    };
    let (mut shown, mut at) = (String::new(), 0);
    while let Some(letter) = text.get(at) {
        let (word, length) = if is(at, "2999-12-31 00:00 UTC") {
            // It is no day of the look.
            ("2999-12-31 00:00 UTC", 20)
        } else if is(at, "nnnn-nn-nnTnn:nn:nnZ") {
            ("MOMENT", 20)
        } else if is(at, "nnnn-nn-nn") {
            ("DAY", 10)
        } else if is_time(at) {
            ("TIME", 5)
        } else {
            shown.push(*letter);
            at += 1;
            continue;
        };
        shown.push_str(word);
        at += length;
    }
    shown
}

fn update(number: u64, title: &str, risk: Risk, category: Category) -> OpenUpdate {
    let classification = Classification {
        category,
        risk,
        update: UpdateType::Minor,
        foundation: None,
        worst: String::new(),
        members: Vec::new(),
        named: BTreeSet::new(),
    };
    OpenUpdate { number: PullNumber(number), title: title.to_owned(), classification }
}

#[tokio::test]
async fn the_whole_picture_reads_well() {
    let scene = Scene::with_something_of_everything().await;
    let settings = config::Settings::default();
    let (recon, ground) = (scene.recon().await, ground::read(scene.client(), &settings).await);
    scene.server.shutdown().await;
    let sections = vec![
        Listed { section: "Pending Approval".to_owned(), entries: 2 },
        Listed { section: "Open".to_owned(), entries: 3 },
    ];
    let beside = Beside::Read {
        updates: vec![
            update(12, "Update grafana to v9.3.0", Risk::Medium, Category::Monitoring),
            update(14, "Update postgres to v17.2", Risk::Critical, Category::Database),
            update(15, "Update shop to v2.1.0", Risk::Medium, Category::AppTemplate),
        ],
        dashboard: Some(Dashboard { number: IssueNumber(3), sections }),
    };
    let shown = anstream::adapter::strip_str(&text(&recon, &beside, &ground)).to_string();
    insta::assert_snapshot!("text", timeless(&shown));
    let markdown = format!(
        "{}{}{}",
        wording::recon_markdown(&recon),
        beside.markdown(),
        ground.markdown(&recon.figures.inventory)
    );
    insta::assert_snapshot!("markdown", timeless(&markdown));

    // The same for programs: no sentence has to be taken apart.
    let picture = picture(&recon, &beside, &ground, None);
    let figures = &picture["figures"];
    let names = |of: &Value| -> Vec<String> {
        let all = of.as_array().expect("a list").iter();
        all.map(|one| one["object"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&figures["certificate_ends"]), ["shop", "blog", "wiki"], "{figures:#}");
    let day = 86_400;
    let left = figures["certificate_ends"][0]["left_seconds"].as_i64().expect("a number");
    assert!((11 * day..=12 * day).contains(&left), "{figures:#}");
    assert_eq!(names(&figures["backups"]["databases"]), ["pg"], "{figures:#}");
    let age = figures["backups"]["databases"][0]["age_seconds"].as_i64().expect("a number");
    assert!((0..day).contains(&age), "{figures:#}");
    assert_eq!(names(&figures["orphans"]), ["pvc-left"], "{figures:#}");
    assert_eq!(figures["orphans"][0]["size_bytes"], 1_u64 << 30);
    assert_eq!(figures["orphans"][0]["claim"]["name"], "wiki-data");
    let chart = |name, version, application, synced: bool| {
        json!({"name": name, "version": version, "synced": synced,
            "by": {"kind": "Application", "namespace": "argocd", "name": application}})
    };
    let charts = [chart("grafana", "9.2.1", "monitoring", false), chart("loki", "6.1.0", "logs", true)];
    assert_eq!(picture["charts"]["applications"], json!(charts));
    assert_eq!(picture["charts"]["helm_releases"], json!([]));
}

/// A layer that nothing reads has no finding, and closes the gate all the same.
#[tokio::test]
async fn what_is_not_read_is_not_said_to_block_nothing() {
    let scene = Scene::well().await;
    let mut recon = scene.recon().await;
    scene.server.shutdown().await;
    assert_eq!(wording::recon_summary(&recon), "The cluster is GREEN: nothing blocks a change");
    for (layer, expected) in [
        (Layer::Apps, "The cluster is UNKNOWN: 1 layer is not read, which blocks a change"),
        (Layer::Platform, "The cluster is UNKNOWN: 2 layers are not read, which blocks a change"),
    ] {
        for probe in recon.probes.iter_mut().filter(|probe| probe.layer == layer) {
            probe.used = false;
        }
        assert!(!health::closed_by(&recon, &BTreeSet::new()).is_empty());
        assert_eq!(wording::recon_summary(&recon), expected);
    }
}

#[test]
fn what_is_cut_says_how_much_was_cut() {
    let images: Vec<String> =
        (0..200).map(|number| format!("registry.example.org/app-{number:03}:1.0")).collect();
    let line = wording::recon_versions("web", &images);
    let (shown, more) = line.rsplit_once(" and ").expect("cut");
    let more: usize = more.strip_suffix(" more").expect("how many").parse().expect("a number");
    assert_eq!(shown.matches(":1.0").count() + more, 200, "{line}");
    assert!(more > 0 && line.len() < 1_300, "{line}");
    assert_eq!(wording::recon_versions("web", &images[..2]), "web: app-000:1.0, app-001:1.0");
}

#[tokio::test]
async fn what_runs_is_told_by_the_pods_that_there_are() {
    let scene = Scene::well().await;
    let pod = |namespace: &str, name: &str, (kind, owner): (&str, &str), image: &str, phase: &str| {
        scene.server.namespace(namespace);
        let owners = if kind.is_empty() {
            json!([])
        } else {
            json!([{"apiVersion": "example.org/v1", "kind": kind, "name": owner, "uid": "1", "controller": true}])
        };
        scene.server.apply(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"pod-template-hash": "abc"}, "ownerReferences": owners},
            "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": image}]}, "status": {"phase": phase}}));
    };
    scene.server.namespace("web");
    scene.server.apply(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}}, "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"containers": [{"name": "app", "image": "registry.example.org/shop:2.0.0"}]}}}}));
    pod("web", "shop-abc-1", ("ReplicaSet", "shop-abc"), "registry.example.org/shop:1.9.0", "Running");
    pod(
        "web",
        "report-29000000-x",
        ("Job", "report-29000000"),
        "registry.example.org/report:3.1",
        "Succeeded",
    );
    pod("web", "by-hand", ("", ""), "registry.example.org/tool:0.1", "Running");
    pod("git", "gitea-0", ("StatefulSet", "gitea"), "docker.gitea.com/gitea:1.25.1", "Running");
    // Of what an eviction left, nothing runs.
    pod("web", "shop-abc-0", ("ReplicaSet", "shop-abc"), "registry.example.org/shop:1.0.0", "Failed");
    // What copies the forge and its database is neither.
    let dump = ("Job", "dump-by-hand");
    pod("git", "dump-by-hand-x", dump, "docker.io/library/postgres:17", "Succeeded");
    pod("backup", "dump-by-hand-x", dump, "docker.gitea.com/gitea:1.25.1", "Running");
    for (namespace, name, image) in [
        ("git", "gitea", "docker.gitea.com/gitea:1.25.1"),
        ("backup", "catalog", "docker.io/library/postgres:17"),
    ] {
        scene.server.apply(json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": 1, "serviceName": name, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}]}}}}));
    }
    pod("git", "db-1", ("Cluster", "db"), "registry.example.org/base/db:17.5", "Running");
    scene.server.namespace("rook-ceph");
    scene.server.apply(json!({"apiVersion": "ceph.rook.io/v1", "kind": "CephCluster",
        "metadata": {"name": "rook-ceph", "namespace": "rook-ceph"},
        "status": {"ceph": {"health": "HEALTH_OK", "versions": {"overall": {"ceph version 19.2.3 (c92a) squid (stable)": 9}}}}}));
    let ground = ground::read(scene.client(), &config::Settings::default()).await;
    scene.server.shutdown().await;
    let lines: Vec<String> =
        ground.lines(&health::Inventory::default()).into_iter().map(|(.., line)| line).collect();
    for expected in [
        "web: app:1, report:3.1, shop:1.9.0, tool:0.1",
        "git: gitea:1.25.1, postgres:17, db:17.5",
        "rook-ceph: Ceph 19.2.3",
        "the forge: StatefulSet git/gitea",
        "the forge's database: Cluster git/db",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("shop:2.0.0")), "nothing runs it yet: {lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("shop:1.0.0")), "nothing runs it any more: {lines:#?}");
    let running = ground.running();
    let of = |kind: &str| {
        running.as_array().into_iter().flatten().find(|one| one["workload"]["kind"] == kind).cloned()
    };
    assert_eq!(of("CronJob").expect("the CronJob")["images"], json!(["registry.example.org/report:3.1"]));
    assert!(of("CephCluster").is_some_and(|one| one["versions"][0].is_string()), "{running:#}");
}
