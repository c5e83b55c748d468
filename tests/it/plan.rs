//! `caretaker plan --issue` against the simulated forge: what the repository's own file asks for counts as it does for a run.

use super::cli::{caretaker, finish};
use caretaker::demo::{Stage, StageOptions};
use serde_json::{Value, json};
use sim::gitea::{FileChange, Gitea, NewCommit, Options, Permission};
use std::path::Path;

const BODY: &str = "## Tasks\n\n- [ ] **D1 P2 Apps**: Merge PR #1\n";

/// Renovate's description of an update of a panel.
const UPDATE: &str = "This PR contains the following updates:\n\n| Package | Update | Change |\n|---|---|---|\n\
                      | [panel](https://panel.example) | patch | `1.0.0` → `1.0.1` |\n";

const ALLOWED: &str = "allow_repository_file = true\n";

struct Forge {
    gitea: Gitea,
    folder: tempfile::TempDir,
    token: String,
    issue: u64,
}

impl Forge {
    /// A repository with an update, an issue that asks for its merge, and a file of its own.
    async fn with(file: Option<&str>) -> Self {
        let gitea = Gitea::start(Options::default()).await.expect("a free port");
        let repository = gitea.create_repository("ops", "homelab", true);
        for login in ["operator", "renovate", "caretaker"] {
            gitea.add_collaborator("ops", "homelab", login, Permission::Write);
        }
        let commit = |branch: &str, from: Option<&str>, files: Vec<FileChange>| {
            let commit = NewCommit {
                author: "operator".to_owned(),
                message: "change".to_owned(),
                files,
                from: from.map(str::to_owned),
            };
            repository.commit(branch, commit).expect("a commit");
        };
        let mut files = vec![FileChange::text("apps/panel/values.yaml", "tag: 1.0.0\n")];
        files.extend(file.map(|text| FileChange::text(".caretaker.toml", text)));
        commit("main", None, files);
        let update = vec![FileChange::text("apps/panel/values.yaml", "tag: 1.0.1\n")];
        commit("renovate/panel", Some("main"), update);
        repository
            .open_pull(
                "renovate",
                "chore(deps): update panel to v1.0.1",
                UPDATE,
                "renovate/panel",
                "main",
                &[],
            )
            .expect("a pull request");
        let issue = repository.open_issue("operator", "Maintenance", BODY, &[]).expect("an issue");
        let token = gitea.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
        Self { gitea, folder: tempfile::tempdir().expect("a folder"), token, issue }
    }

    fn plan(&self, table: &str, format: &str) -> String {
        let folder: &Path = self.folder.path();
        let settings = format!(
            "[forge]\nurl = \"{}/\"\n[[repository]]\nname = \"ops/homelab\"\n{table}[run]\ntrusted = [\"operator\"]\n",
            self.gitea.url()
        );
        std::fs::write(folder.join("caretaker.toml"), settings).expect("a file");
        let issue = self.issue.to_string();
        let mut command = caretaker(folder, &["plan", "--issue", &issue, "--format", format]);
        command.env("CARETAKER_FORGE_TOKEN", &self.token);
        let output = tokio::task::block_in_place(|| command.output().expect("the program starts"));
        let (code, out, err) = finish(&output);
        assert_eq!(code, Some(0), "{out}{err}");
        out
    }

    fn json(&self, table: &str) -> Value {
        serde_json::from_str(&self.plan(table, "json")).expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_goes_by_the_repositorys_own_file_and_says_what_came_from_it() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = "mode = \"observe\"\n[[merge.foundations]]\nname = \"the panel\"\npackages = [\"panel\"]\n";
    let forge = Forge::with(Some(file)).await;
    let table = format!("mode = \"auto\"\n{ALLOWED}");
    let plan = forge.json(&table);
    assert_eq!(plan["tasks"][0]["needs"], "person", "{plan:#}");
    assert_eq!(
        plan["repository_file"],
        json!({"settings": ["mode = observe", "merge.foundations: the panel"], "complaint": null})
    );
    let text = forge.plan(&table, "text");
    assert!(
        text.contains("from `.caretaker.toml` of the repository: mode = observe; merge.foundations"),
        "{text}"
    );

    // Where it is not allowed it is not even read.
    let since = forge.gitea.requests().len();
    let plan = forge.json("mode = \"auto\"\n");
    assert_eq!((&plan["tasks"][0]["needs"], &plan["repository_file"]), (&Value::Null, &Value::Null));
    assert!(!forge.gitea.requests_since(since).iter().any(|one| one.path.contains("caretaker.toml")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_outside_of_the_accepted_paths_is_a_persons_in_a_plan_as_well() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forge = Forge::with(Some("paths = [\"charts/*\"]\n")).await;
    for (table, outside) in [
        ("", false),
        ("paths = [\"apps/*\"]\n", false),
        ("paths = [\"charts/*\"]\n", true),
        (ALLOWED, true),
        ("paths = [\"apps/*\"]\nallow_repository_file = true\n", true),
    ] {
        let needs = if outside { json!("person") } else { Value::Null };
        assert_eq!(forge.json(table)["tasks"][0]["needs"], needs, "{table}");
        let text = forge.plan(table, "text");
        assert_eq!(text.contains("which is not among the paths"), outside, "{table}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_asks_for_less_care_is_refused_in_a_plan_as_well() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forge = Forge::with(Some("trusted = [\"visitor\"]\n")).await;
    let plan = forge.json(ALLOWED);
    assert_eq!(plan["repository_file"]["settings"], json!([]));
    let complaint = plan["repository_file"]["complaint"].as_str().unwrap_or_default();
    assert!(complaint.contains("refused as a whole") && complaint.contains("trusted"), "{plan:#}");
    assert!(forge.plan(ALLOWED, "text").contains("refused as a whole"));
    // Without a file nothing is said.
    let forge = Forge::with(None).await;
    assert_eq!(forge.json(ALLOWED)["repository_file"], json!({"settings": [], "complaint": null}));
    assert!(!forge.plan(ALLOWED, "text").contains(".caretaker.toml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_names_what_a_sync_window_keeps_back_and_until_when() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::homelab(&StageOptions::new(folder.path(), 400.0)).await.expect("the stage is built");
    let world = stage.world();
    let [echo, other] = [("echo", "36.0.1"), ("excalidraw", "0.17.4")]
        .map(|(app, version)| world.renovate_opens(app, version).expect("a pull request"));
    let body = format!(
        "## Tasks\n\n- [ ] **D1 P2 Apps**: Merge PR #{echo}\n- [ ] **D2 P2 Apps**: Merge PR #{other}\n"
    );
    let issue = world.repository().open_issue("operator", "Maintenance", &body, &[]).expect("an issue");
    let plan = |format: &str, more: Option<(&str, &str)>| {
        let mut command = caretaker(folder.path(), &["plan", "--format", format, "--config"]);
        command.arg(stage.settings()).args(["--issue", &issue.to_string()]).envs(more);
        let (code, out, err) =
            finish(&tokio::task::block_in_place(|| command.output().expect("the program starts")));
        assert_eq!(code, Some(0), "{out}{err}");
        out
    };
    let json = || serde_json::from_str::<Value>(&plan("json", None)).expect("JSON");
    assert_eq!(json()["sync_windows"], json!({"closed": [], "unread": null}));
    world.kubernetes().apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": "argocd"},
        "spec": {"syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["echo"]}]}}));
    let plan_of_one = json();
    let closed = &plan_of_one["sync_windows"]["closed"];
    assert_eq!((&closed[0]["pull"], &closed[0]["application"]), (&json!(echo), &json!("echo")), "{closed}");
    assert!(closed[1].is_null(), "{closed}");
    let text = plan("text", None);
    let line = format!(
        "#{echo} waits: of echo, the sync window `deny * * * * *` (1h) of project default does not open"
    );
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("global projects are not seen"), "{text}");
    // A cluster that is not there is said, and hides nothing else.
    let text = plan("text", Some(("CARETAKER__CLUSTER__KUBECONFIG", "not-there")));
    assert!(text.contains("keeps back is not known: ") && text.contains("D1"), "{text}");
    assert!(text.contains("the gate was not read: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_names_what_of_the_cluster_keeps_a_change_back_now() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::homelab(&StageOptions::new(folder.path(), 400.0)).await.expect("the stage is built");
    let world = stage.world();
    let issue = stage.issue_number().to_string();
    let plan = |format: &str, more: Option<(&str, &str)>| {
        let mut command = caretaker(folder.path(), &["plan", "--format", format, "--config"]);
        command.arg(stage.settings()).args(["--issue", &issue]).envs(more);
        let (code, out, err) =
            finish(&tokio::task::block_in_place(|| command.output().expect("the program starts")));
        assert_eq!(code, Some(0), "{out}{err}");
        out
    };
    let json = |more| serde_json::from_str::<Value>(&plan("json", more)).expect("JSON");
    world.node_not_ready("node-02");
    let text = plan("text", None);
    assert!(text.contains("a look at the cluster finds: Metal RED: ") && text.contains("node-02"), "{text}");
    assert!(text.contains("what the run accepted"), "{text}");
    let gate = &json(None)["gate"];
    assert_eq!(gate["open"], json!(false), "{gate:#}");
    let named = gate["blocked"].as_array().expect("a list").iter().any(|one| {
        one["what"] == "finding" && one["why"].as_str().is_some_and(|why| why.contains("node-02"))
    });
    assert!(named, "{gate:#}");
    // A server that is away closes nothing and hides nothing: how the cluster is was not read.
    world.cluster_down(true);
    let more = Some(("CARETAKER__CLUSTER__REQUEST_TIMEOUT_SECONDS", "1"));
    assert!(json(more)["gate"]["not_read"].is_string(), "{:#}", json(more));
    let text = plan("text", more);
    assert!(text.contains("the gate was not read: ") && text.contains("D1"), "{text}");
    stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_asks_a_kubeconfigs_program_for_its_credentials_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::homelab(&StageOptions::new(folder.path(), 400.0)).await.expect("the stage is built");
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "homelab",
        "clusters": [{"name": "homelab", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "homelab", "context": {"cluster": "homelab", "user": "operator"}}],
        "users": [{"name": "operator", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh", "args": ["-c", "echo begun >> plugin-runs; exit 1"], "interactiveMode": "IfAvailable"}}}]});
    std::fs::write(folder.path().join("plugin"), kubeconfig.to_string()).expect("a file");
    let mut command = caretaker(folder.path(), &["plan", "--config"]);
    command.arg(stage.settings()).args(["--issue", &stage.issue_number().to_string()]);
    command.env("CARETAKER__CLUSTER__KUBECONFIG", folder.path().join("plugin")).current_dir(folder.path());
    let (code, out, err) =
        finish(&tokio::task::block_in_place(|| command.output().expect("the program starts")));
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("the gate was not read: ") && out.contains("keeps back is not known: "), "{out}");
    let runs = std::fs::read_to_string(folder.path().join("plugin-runs")).expect("it was begun");
    assert_eq!(runs.lines().count(), 1, "one that gives each token once refuses the second");
    stage.shutdown().await;
}
