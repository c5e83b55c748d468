//! `caretaker recon` against the simulated cluster: each verdict with its exit code, for people and for programs.

use super::cli::{caretaker, finish};
use caretaker::demo::{Stage, StageOptions};
use serde_json::Value;
use sim::actors::World;
use sim::kubernetes::{Fault, Matcher};
use std::time::Duration;

struct Homelab {
    stage: Stage,
    folder: tempfile::TempDir,
}

impl Homelab {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let stage =
            Stage::homelab(&StageOptions::new(folder.path(), 400.0)).await.expect("the stage is built");
        Self { stage, folder }
    }

    fn world(&self) -> &World {
        self.stage.world()
    }

    fn recon(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = caretaker(self.folder.path(), &["recon", "--config"]);
        command.arg(self.stage.settings()).args(arguments);
        // A forge that is down is given up soon.
        command.env("CARETAKER__FORGE__READ_TIMEOUT_SECONDS", "2");
        finish(&tokio::task::block_in_place(|| command.output().expect("the program starts")))
    }

    fn json(&self) -> (Option<i32>, Value) {
        self.json_of(&[])
    }

    fn json_of(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let (code, out, err) = self.recon(&[&["--format", "json"], arguments].concat());
        (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
    }

    /// What the homelab begins with, and what keeps a merge back in it.
    fn archive_crashes(&self) {
        let command = ["ceph", "crash", "archive-all"].map(str::to_owned);
        assert_eq!(self.world().ceph_command(&command).exit_code, 0);
    }

    /// Looks until a verdict is there: the simulated cluster needs a moment.
    async fn becomes(&self, verdict: &str) -> (Option<i32>, Value) {
        let looking = async {
            loop {
                let (code, picture) = self.json();
                if picture["verdict"] == verdict {
                    return (code, picture);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), looking)
            .await
            .unwrap_or_else(|_| panic!("never {verdict}: {}", self.json().1))
    }
}

/// The findings that block, as rule and object.
fn blocking(picture: &Value) -> Vec<String> {
    let findings = picture["findings"].as_array().expect("findings").iter();
    findings
        .filter(|finding| finding["blocks"] == true)
        .map(|finding| format!("{} {}", finding["rule"], finding["object"]["name"]).replace('"', ""))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_has_its_exit_code_and_names_what_is_wrong() {
    let homelab = Homelab::start().await;
    let (code, picture) = homelab.becomes("YELLOW").await;
    assert_eq!(code, Some(4), "{picture:#}");
    assert!(blocking(&picture).contains(&"RECENT_CRASH rook-ceph".to_owned()), "{picture:#}");
    homelab.archive_crashes();
    let (code, picture) = homelab.becomes("GREEN").await;
    assert_eq!((code, blocking(&picture)), (Some(0), vec![]));
    assert_eq!(picture["figures"]["nodes"], serde_json::json!({"well": 10, "all": 10}));
    let layers = picture["layers"].as_array().expect("layers");
    assert!(layers.len() >= 4 && layers.iter().all(|layer| layer["verdict"] == "GREEN"), "{picture:#}");
    let (code, text, err) = homelab.recon(&[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(text.ends_with("\nThe cluster is GREEN: nothing blocks a change.\n"), "{text}");

    homelab.world().node_not_ready("node-02");
    let (code, picture) = homelab.becomes("RED").await;
    assert_eq!(code, Some(5), "{picture:#}");
    assert!(blocking(&picture).iter().any(|one| one == "not-ready node-02"), "{picture:#}");
    let (code, text, _) = homelab.recon(&[]);
    assert_eq!(code, Some(5));
    assert!(text.contains("\nRED") && text.contains("node-02") && !text.contains('\u{1b}'), "{text}");
    let (code, markdown, _) = homelab.recon(&["--format", "markdown"]);
    assert_eq!(code, Some(5));
    assert!(markdown.contains("| Metal | 🔴 RED | `Node node-02` | `not-ready` |"), "{markdown}");
    homelab.world().node_ready("node-02");
    homelab.becomes("GREEN").await;

    // What may not be read is not known, and that is another answer than a server that is not there.
    homelab.world().kubernetes().faults().add(Matcher::of("list", "nodes"), Fault::Forbid);
    let (code, picture) = homelab.json();
    assert_eq!((code, &picture["verdict"]), (Some(6), &Value::from("UNKNOWN")), "{picture:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_said_in_one_line() {
    let homelab = Homelab::start().await;
    homelab.world().cluster_down(true);
    let (code, out, err) = homelab.recon(&[]);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains("error: ") && err.contains("next: "), "{err}");

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("caretaker.toml"), "[cluster]\nkubeconfig = \"not-there\"\n")
        .expect("a file");
    let (code, out, err) = finish(&caretaker(folder.path(), &["recon"]).output().expect("it starts"));
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("not-there") && err.contains("next: "), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_checks_read_what_they_may_and_are_unknown_where_they_may_not() {
    let homelab = Homelab::start().await;
    homelab.archive_crashes();
    homelab.becomes("GREEN").await;
    let check = |resource: &str, kind: &str, wrong: &str| {
        format!(
            "[[health.checks]]\nname = \"{resource}-check\"\nlayer = \"Network\"\nwrong = \"{wrong}\"\n\
             objects = {{ api_version = \"v1\", resource = \"{resource}\", kind = \"{kind}\" }}\n"
        )
    };
    let settings = std::fs::read_to_string(homelab.stage.settings()).expect("settings");
    let with = |check: &str| {
        std::fs::write(homelab.stage.settings(), format!("{settings}\n{check}")).expect("a file");
    };
    for (check, code, rule) in [
        (check("pods", "Pod", "object.metadata.namespace == 'nowhere'"), 0, None),
        (check("pods", "Pod", "object.metadata.namespace == 'argocd'"), 5, Some("pods-check ")),
        // No rule of deploy/ allows it.
        (check("configmaps", "ConfigMap", "false"), 6, Some("configmaps-check configmaps-check")),
    ] {
        with(&check);
        let (found, picture) = homelab.json();
        assert_eq!(found, Some(code), "{check}{picture:#}");
        let blocking = blocking(&picture);
        assert!(blocking.iter().all(|one| rule.is_some_and(|rule| one.starts_with(rule))), "{blocking:?}");
        assert_eq!(blocking.is_empty(), rule.is_none());
        let network =
            picture["layers"].as_array().expect("layers").iter().any(|layer| layer["layer"] == "Network");
        assert!(network, "{picture:#}");
    }
    with(&check("pods", "Pod", "pod.x == 1"));
    let (code, _, err) = homelab.recon(&[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("names `pod`") && err.contains("checks"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issue_is_shown_opened_once_and_then_refreshed() {
    let homelab = Homelab::start().await;
    homelab.becomes("YELLOW").await;
    let repository = homelab.world().repository();
    let open = || repository.issues(None).len();
    let before = open();
    let (code, text, err) = homelab.recon(&["--issue", "--dry-run"]);
    assert_eq!((code, err.as_str()), (Some(4), ""), "{text}");
    for part in [
        "open pull requests of Renovate's by risk: ",
        "Would open \"Maintenance 20",
        "## Action Items (Tasks)",
        "<!-- caretaker:update-41 -->",
        "P0 System**: ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(open(), before, "nothing is written");

    let (code, picture) = homelab.json_of(&["--issue"]);
    assert_eq!(code, Some(4), "{picture:#}");
    let issue = &picture["issue"];
    assert_eq!((open(), &issue["opened"]), (before + 1, &Value::from(true)), "{issue:#}");
    let number = issue["number"].as_u64().expect("a number");
    let written = repository.issue(number).expect("it is there");
    assert_eq!(
        (written.author.as_str(), &written.labels[..]),
        ("caretaker", &["maintenance".to_owned()][..])
    );
    assert_eq!(Value::from(written.body.as_str()), issue["body"]);
    let pulls = picture["renovate"]["pulls"].as_array().expect("pull requests");
    assert!(pulls.iter().any(|pull| pull["number"] == 46 && pull["risk"] == "critical"), "{picture:#}");
    // What was written says nothing that would have to be mended.
    let file = homelab.folder.path().join("body.md");
    std::fs::write(&file, &written.body).expect("a file");
    let mut lint = caretaker(homelab.folder.path(), &["lint", "--format", "json"]);
    lint.arg(&file);
    let (code, out, err) = finish(&lint.output().expect("it starts"));
    assert_eq!(code, Some(0), "{out}{err}");
    let said: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(said["findings"], serde_json::json!([]), "{said:#}");

    let (_, text, _) = homelab.recon(&["--issue"]);
    assert!(text.contains(&format!("#{number} has it all")), "{text}");
    assert_eq!(repository.issue(number).expect("it is there").body, written.body);
    homelab.world().node_not_ready("node-02");
    homelab.becomes("RED").await;
    let (code, text, _) = homelab.recon(&["--issue"]);
    assert_eq!(code, Some(5));
    assert!(text.contains(&format!("Refreshed #{number}: ")), "{text}");
    let now = repository.issue(number).expect("it is there").body;
    assert!(now.contains("P0 Metal**: ") && now.starts_with(&written.body[..200]), "{now}");
    assert_eq!(open(), before + 1);

    // A label that is not there is said, with who makes it.
    let mut command = caretaker(homelab.folder.path(), &["recon", "--issue", "--config"]);
    command.arg(homelab.stage.settings()).env("CARETAKER__RUN__MAINTENANCE_LABEL", "upkeep");
    let (code, _, err) = finish(&tokio::task::block_in_place(|| command.output().expect("it starts")));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("no label `upkeep`") && err.contains("caretaker setup"), "{err}");

    // Without the forge the picture is there, and the issue is a failure that says so.
    homelab.world().forge_down(true);
    let (code, text, _) = homelab.recon(&[]);
    assert_eq!(code, Some(5));
    assert!(text.contains("pull requests were not read: "), "{text}");
    let (code, text, err) = homelab.recon(&["--issue"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("node-02") && err.contains("next: "), "{text}{err}");
}
