//! What was captured from a real cluster, judged. The folder is no part of the project; where it is not there, the tests say
//! so. Texts that people read (`ceph health detail`, `kubectl get nodes`) are made into the objects that the probes read; what they
//! name is taken from them and stands nowhere here.

use super::{Scene, ago, expect};
use crate::health::Figure;
use serde_json::{Map, Value, json};
use sim::kubernetes::{ExecAnswer, NODE};
use std::path::PathBuf;

/// A captured file, where the folder is there.
fn captured(file: &str) -> Option<String> {
    let folder = std::env::var_os("CARETAKER_TEST_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let path = folder.join("evidence").join(file);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("{} is not there: nothing was judged", path.display());
    }
    text
}

/// A captured Application, as if it had been looked at just now.
fn application(text: &str) -> Value {
    let mut application: Value = serde_json::from_str(text).expect("the evidence is JSON");
    application["status"]["reconciledAt"] = json!(ago(1));
    application
}

/// What `ceph health detail` says: the word, and each check with its severity and sentence, as (name, severity, message).
struct Health {
    word: String,
    checks: Vec<(String, &'static str, String)>,
}

impl Health {
    fn read(text: &str) -> Self {
        let word = text.split_whitespace().next().expect("a word").to_owned();
        let check = |line: &str| {
            let (severity, rest) = match line.split_once("] ")? {
                ("[WRN", rest) => ("HEALTH_WARN", rest),
                ("[ERR", rest) => ("HEALTH_ERR", rest),
                _ => return None,
            };
            let (name, message) = rest.split_once(": ")?;
            Some((name.to_owned(), severity, message.to_owned()))
        };
        Self { word, checks: text.lines().filter_map(check).collect() }
    }

    /// As Rook writes it into the `CephCluster`.
    fn details(&self) -> Value {
        let checks = self.checks.iter();
        let each = checks.map(|(name, severity, message)| {
            (name.clone(), json!({"severity": severity, "message": message}))
        });
        Value::Object(each.collect::<Map<_, _>>())
    }

    fn expected(&self, object: &str) -> Vec<String> {
        let verdict = |severity: &str| if severity == "HEALTH_ERR" { "RED" } else { "YELLOW" };
        let checks = self.checks.iter();
        checks.map(|(name, severity, _)| format!("{} {name} of {object}", verdict(severity))).collect()
    }
}

/// The OSDs of `ceph osd tree`: whether each is up, and in.
fn osds(text: &str) -> Vec<(bool, bool)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let at = cells.iter().position(|cell| cell.starts_with("osd."))?;
        let weight: f64 = cells.get(at + 2)?.parse().ok()?;
        Some((*cells.get(at + 1)? == "up", weight > 0.0))
    };
    text.lines().filter_map(row).collect()
}

/// What `ceph status` says: the word, how many OSDs there are, are up and in, and the states of placement groups.
struct Status {
    word: String,
    osds: (u64, u64, u64),
    groups: Vec<(u64, String)>,
}

impl Status {
    fn read(text: &str) -> Self {
        let of = |name: &str| {
            let mut lines = text.lines().map(str::trim);
            let line = lines.find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
            line.trim().to_owned()
        };
        // `3 osds: 3 up (since 5m), 3 in (since 2d)`
        let osds = of("osd:");
        let before = |word: &str| {
            let words: Vec<&str> = osds.split([' ', ',', ':']).filter(|one| !one.is_empty()).collect();
            let at = words.iter().position(|one| *one == word).unwrap_or_else(|| panic!("no {word}"));
            words[at - 1].parse().expect("a number")
        };
        let osds = (before("up"), before("in"), before("osds"));
        // `64 active+clean`, and a line more for each other state.
        let lines = text.lines().skip_while(|line| !line.trim().starts_with("pgs:"));
        let state = |line: &str| {
            let line = line.trim().trim_start_matches("pgs:").trim();
            let (count, state) = line.split_once(' ')?;
            Some((count.parse().ok()?, state.trim().to_owned()))
        };
        let groups = lines.map_while(state).collect();
        Self { word: of("health:"), osds, groups }
    }

    /// As `ceph status --format json` says it.
    fn json(&self) -> ExecAnswer {
        let (up, inside, all) = self.osds;
        let groups: Vec<Value> =
            self.groups.iter().map(|(count, name)| json!({"state_name": name, "count": count})).collect();
        let status = json!({"health": {"status": self.word, "checks": {}, "mutes": []},
            "osdmap": {"num_osds": all, "num_up_osds": up, "num_in_osds": inside},
            "pgmap": {"pgs_by_state": groups}});
        ExecAnswer::ok(status.to_string())
    }
}

/// A row of `kubectl get nodes`.
struct Node {
    name: String,
    ready: bool,
    cordoned: bool,
    version: String,
}

/// The rows of the first table.
fn nodes(text: &str) -> Vec<Node> {
    let rows = text.lines().skip_while(|line| !line.starts_with("NAME ")).skip(1);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [name, status, _, _, version, ..] = cells.as_slice() else { panic!("no row: {line}") };
        let words: Vec<&str> = status.split(',').collect();
        Node {
            name: (*name).to_owned(),
            ready: words.contains(&"Ready"),
            cordoned: words.contains(&"SchedulingDisabled"),
            version: (*version).to_owned(),
        }
    };
    rows.take_while(|line| !line.trim().is_empty()).map(row).collect()
}

impl Scene {
    /// All nodes of a table, and those of the scene in the same version.
    fn captured_nodes(&self, nodes: &[Node]) {
        for node in nodes {
            self.node(&node.name, node.ready);
            let version = json!({"spec": {"unschedulable": node.cordoned.then_some(true)},
                "status": {"nodeInfo": {"kubeletVersion": node.version}}});
            self.change(&NODE, "", &node.name, &version);
        }
        for own in ["metal1", "metal2"] {
            let version = json!({"status": {"nodeInfo": {"kubeletVersion": nodes[0].version}}});
            self.change(&NODE, "", own, &version);
        }
    }
}

#[tokio::test]
async fn an_application_that_mirrors_ceph_and_does_not_say_so() {
    let Some((text, health)) = captured("argocd-app-degraded.json").zip(captured("ceph-health-detail.txt"))
    else {
        return;
    };
    let (scene, application, health) = (Scene::well().await, application(&text), Health::read(&health));
    let name = application["metadata"]["name"].as_str().expect("a name").to_owned();
    scene.ceph(&health.word, &health.details());
    scene.server.apply(application);
    let mut expected = health.expected("CephCluster rook-ceph/rook-ceph");
    assert_eq!(expected.len(), 1, "there is one cause");
    expected.push(format!("  RED degraded of Application argocd/{name}"));
    expected.push("the gate is closed".to_owned());
    expect(scene, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn an_application_whose_sync_failed_and_that_is_healthy() {
    let Some(text) = captured("argocd-app-sync-failed.json") else { return };
    let (scene, application) = (Scene::well().await, application(&text));
    let name = application["metadata"]["name"].as_str().expect("a name").to_owned();
    scene.server.apply(application);
    let expected = [
        &format!("RED sync-failed of Application argocd/{name}"),
        &format!("YELLOW out-of-sync of Application argocd/{name}"),
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn ceph_warns_in_its_own_words() {
    let Some(text) = captured("ceph-health-detail.txt") else { return };
    let (scene, health) = (Scene::well().await, Health::read(&text));
    assert_eq!(health.word, "HEALTH_WARN");
    assert!(!health.checks.is_empty());
    scene.ceph(&health.word, &health.details());
    for (name, _, message) in &health.checks {
        let said = scene.says(name).await;
        assert!(said.len() == 1 && said[0].contains(message), "{said:?}");
    }
    let mut expected = health.expected("CephCluster rook-ceph/rook-ceph");
    expected.push("the gate is closed".to_owned());
    expect(scene, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

/// Two captures of one cluster say the same of its OSDs; then one of them is down, and one out.
#[tokio::test]
async fn ceph_is_well_with_all_its_osds_and_an_osd_less_is_named() {
    let Some((status, tree)) = captured("ceph-status.txt").zip(captured("ceph-osd-tree.txt")) else { return };
    let (mut scene, status, tree) = (Scene::well().await, Status::read(&status), osds(&tree));
    let count = |osds: &[(bool, bool)]| {
        let number = |count: usize| u64::try_from(count).expect("few");
        let up = osds.iter().filter(|(up, _)| *up).count();
        let inside = osds.iter().filter(|(_, inside)| *inside).count();
        (number(up), number(inside), number(osds.len()))
    };
    assert_eq!(count(&tree), status.osds, "the tree and the status");
    assert!(!tree.is_empty() && !status.groups.is_empty());
    scene.tools(status.json());
    let recon = scene.recon().await;
    assert_eq!(recon.figures.osds, Figure::Read(status.osds));
    let groups: Vec<String> = status.groups.iter().map(|(count, state)| format!("{count} {state}")).collect();
    assert_eq!(recon.figures.placement_groups, Figure::Read(groups.join(", ")));
    assert_eq!(scene.tells().await, ["the gate opens"]);
    for broken in [(false, true), (true, false)] {
        let mut tree = tree.clone();
        tree[0] = broken;
        scene.tools(
            Status { osds: count(&tree), groups: status.groups.clone(), word: status.word.clone() }.json(),
        );
        let expected = ["YELLOW osds of Ceph rook-ceph/ceph (listed only)", "the gate opens"];
        assert_eq!(scene.tells().await, expected, "{broken:?}");
    }
    scene.server.shutdown().await;
}

/// As they were captured; then one of them is cordoned, lost, and of another version.
#[tokio::test]
async fn nodes_are_ready_and_one_that_is_not_is_named() {
    let Some(text) = captured("nodes.txt") else { return };
    let mut rows = nodes(&text);
    assert!(!rows.is_empty() && rows.iter().all(|node| node.ready && !node.cordoned));
    let first = rows[0].name.clone();
    let scene = Scene::well().await;
    scene.captured_nodes(&rows);
    let recon = scene.recon().await;
    assert_eq!(recon.figures.nodes_ready, Figure::Read((rows.len() + 2, rows.len() + 2)));
    assert_eq!(scene.tells().await, ["the gate opens"]);
    let cordoned = text.replacen(" Ready ", " Ready,SchedulingDisabled ", 1);
    scene.captured_nodes(&nodes(&cordoned));
    let closed = "the gate is closed";
    assert_eq!(scene.tells().await, [&format!("YELLOW cordoned of Node {first}"), closed]);
    let lost = text.replacen(" Ready ", " NotReady ", 1);
    scene.captured_nodes(&nodes(&lost));
    assert_eq!(scene.tells().await, [&format!("RED not-ready of Node {first}"), closed]);
    // A minor version behind the others.
    let minor: u32 =
        rows[0].version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a version");
    let older = format!("v1.{}.0", minor - 1);
    let others = rows[0].version.clone();
    rows[0].version = older;
    scene.captured_nodes(&rows[..1]);
    for own in ["metal1", "metal2"] {
        scene.change(&NODE, "", own, &json!({"status": {"nodeInfo": {"kubeletVersion": others}}}));
    }
    let told = scene.tells().await;
    assert!(told.contains(&format!("YELLOW version-behind of Node {first}")), "{told:?}");
    scene.server.shutdown().await;
}
