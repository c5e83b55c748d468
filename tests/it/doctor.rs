//! `caretaker setup` and `caretaker doctor` against the simulated servers: what is good, and each wrong thing.

use super::address::free_address;
use super::cli::{caretaker, finish};
use caretaker::demo::{Stage, StageOptions};
use serde_json::{Value, json};
use sim::gitea::{
    Down, Fault, FileChange, Gitea, NewCommit, Options, Permission, Protection, Repository, Rule, Server,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As long as anything may take, on a machine that has other things to do.
const DEADLINE: Duration = Duration::from_mins(2);
const SECRET: &str = "a-secret-that-stays-unseen";
const ADDRESS: &str = "http://127.0.0.1:9/webhook";

/// The lines of a command with `--format json`, and how it ended. No secret is ever printed.
fn lines(mut command: Command, secrets: &[&str]) -> (Option<i32>, Vec<Value>) {
    command.args(["--format", "json"]);
    let (code, out, err) = tokio::task::block_in_place(|| finish(&command.output().expect("it starts")));
    for secret in secrets {
        assert!(!out.contains(secret) && !err.contains(secret), "a secret is shown");
    }
    let lines = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    (code, lines)
}

/// The states of the lines about something.
fn states<'a>(lines: &'a [Value], what: &str) -> Vec<&'a str> {
    let of = lines.iter().filter(|line| line["what"] == what);
    of.map(|line| line["state"].as_str().expect("a state")).collect()
}

fn text(lines: &[Value], what: &str) -> String {
    let of = lines.iter().filter(|line| line["what"] == what);
    of.map(|line| format!("{} {}", line["found"], line["fix"])).collect::<Vec<_>>().join(" ")
}

/// A forge alone, with an organisation's repository that nothing was prepared in.
struct Forge {
    gitea: Gitea,
    repository: Repository,
    folder: tempfile::TempDir,
    bot: String,
    operator: String,
}

impl Forge {
    async fn start(server: Server) -> Self {
        let gitea = Gitea::start(Options { server, ..Options::default() }).await.expect("a free port");
        let repository = gitea.create_repository("ops", "homelab", true);
        for (login, permission) in [("operator", Permission::Admin), ("caretaker", Permission::Write)] {
            gitea.add_collaborator("ops", "homelab", login, permission);
        }
        let commit = NewCommit {
            author: "operator".to_owned(),
            message: "begin".to_owned(),
            files: vec![FileChange::text("README.md", "homelab\n")],
            from: None,
        };
        repository.commit("main", commit).expect("a commit");
        let bot = gitea.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
        let operator = gitea.create_token("operator", &["write:issue", "write:repository", "read:user"]);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("operator-token"), &operator).expect("a file");
        let settings = format!(
            "[forge]\nurl = \"{}/\"\n[[repository]]\nname = \"ops/homelab\"\n[run]\ntrusted = [\"operator\"]\n",
            gitea.url()
        );
        std::fs::write(folder.path().join("caretaker.toml"), settings).expect("a file");
        Self { gitea, repository, folder, bot, operator }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = caretaker(self.folder.path(), arguments);
        command.env("CARETAKER_FORGE_TOKEN", &self.bot).env("CARETAKER_WEBHOOK_SECRET", SECRET);
        command
    }

    fn setup(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let all: Vec<&str> = ["setup", "--url", ADDRESS].iter().chain(arguments).copied().collect();
        lines(self.command(&all), &[SECRET, &self.bot, &self.operator])
    }

    fn as_administrator(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        let all: Vec<&str> =
            ["--administrator-token-file", "operator-token"].iter().chain(arguments).copied().collect();
        self.setup(&all)
    }

    /// What was changed since: the probes of scopes change nothing.
    fn changes(&self, since: usize) -> Vec<String> {
        let requests = self.gitea.requests_since(since).into_iter();
        requests
            .filter(|request| request.method != "GET")
            .filter(|request| {
                !request.path.ends_with("/pulls/0/merge") && !request.path.ends_with("/issues/0/labels")
            })
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }

    async fn hooks(&self) -> Vec<Value> {
        self.ask(reqwest::Method::GET, "", Value::Null).await.as_array().expect("a list").clone()
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let address = format!("{}/api/v1/repos/ops/homelab/hooks{path}", self.gitea.url());
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client");
        let request = client.request(method, address).bearer_auth(&self.operator);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        request.send().await.expect("an answer").json().await.expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_is_set_up_once_and_what_was_spoilt_is_mended() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for server in Server::ALL {
        let forge = Forge::start(server).await;
        let (code, steps) = forge.as_administrator(&["--dry-run"]);
        assert_eq!(code, Some(0), "{steps:#?}");
        assert_eq!(
            (states(&steps, "webhook"), states(&steps, "label maintenance")),
            (vec!["would"], vec!["would"])
        );
        let written = forge.gitea.requests().iter().filter(|request| request.method != "GET").count();
        assert_eq!(written, 0, "a plan writes nothing");

        // Whoever may only write makes the labels, and tells a person the rest.
        let (code, steps) = forge.setup(&[]);
        assert_eq!((code, states(&steps, "webhook")), (Some(1), vec!["by-hand"]), "{steps:#?}");
        assert_eq!(states(&steps, "label caretaker/hold"), ["done"]);
        let told = text(&steps, "webhook");
        for part in [ADDRESS, "application/json", "CARETAKER_WEBHOOK_SECRET", "Active: ticked"] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(forge.hooks().await.is_empty());

        let (code, steps) = forge.as_administrator(&[]);
        assert_eq!((code, states(&steps, "webhook")), (Some(0), vec!["done"]), "{steps:#?}");
        let hooks = forge.hooks().await;
        assert_eq!(
            (hooks.len(), &hooks[0]["active"], &hooks[0]["config"]["url"]),
            (1, &json!(true), &json!(ADDRESS))
        );
        let has = |event: &str| hooks[0]["events"].as_array().is_some_and(|all| all.contains(&json!(event)));
        for event in
            ["issues", "issue_label", "issue_comment", "pull_request_sync", "push", "create", "delete"]
        {
            assert!(has(event), "{event} of {server:?}");
        }
        assert_eq!(has("status"), server != Server::Forgejo12);

        let before = forge.gitea.requests().len();
        let (code, steps) = forge.as_administrator(&[]);
        assert_eq!((code, states(&steps, "webhook")), (Some(0), vec!["unchanged"]), "{steps:#?}");
        assert_eq!(forge.changes(before), Vec::<String>::new(), "a second time nothing is done");

        // Somebody's PATCH of one field resets the events; ours sends every field.
        let path = format!("/{}", hooks[0]["id"]);
        forge.ask(reqwest::Method::PATCH, &path, json!({ "active": false })).await;
        let (code, steps) = forge.as_administrator(&[]);
        assert_eq!((code, states(&steps, "webhook")), (Some(0), vec!["done"]), "{steps:#?}");
        let mended = forge.hooks().await;
        assert_eq!((&mended[0]["id"], &mended[0]["active"]), (&hooks[0]["id"], &json!(true)));
        assert_eq!(mended[0]["events"], hooks[0]["events"]);

        let (code, _) = forge.as_administrator(&["--replace-hook"]);
        let replaced = forge.hooks().await;
        assert_eq!((code, replaced.len()), (Some(0), 1));
        assert_ne!(replaced[0]["id"], hooks[0]["id"]);
        forge.gitea.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_write_is_proposed_and_what_keeps_merges_out_is_said() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forge = Forge::start(Server::Gitea127).await;
    let path = forge.folder.path().join("caretaker.toml");
    let settings = std::fs::read_to_string(&path).unwrap().replace("trusted = [\"operator\"]", "");
    std::fs::write(&path, settings).unwrap();
    let reviews = Protection { required_approvals: 2, ..Protection::default() };
    forge.repository.protect_branch("main", reviews).unwrap();
    let (code, steps) = forge.as_administrator(&[]);
    assert_eq!((code, states(&steps, "trusted")), (Some(1), vec!["by-hand"]), "{steps:#?}");
    assert!(text(&steps, "trusted").contains(r#"trusted = [\"operator\"]"#), "{steps:#?}");
    assert!(text(&steps, "ops/homelab: branch main").contains("2 approving reviews"), "{steps:#?}");
    // Whoever may not ask says so, and proposes nobody.
    let (_, steps) = forge.setup(&[]);
    assert_eq!(states(&steps, "trusted"), ["by-hand", "warning"], "{steps:#?}");

    let (code, out, err) = {
        let mut command = forge.command(&["setup", "--repository", "ops/other"]);
        tokio::task::block_in_place(|| finish(&command.output().unwrap()))
    };
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("do not name ops/other"), "{err}");
    forge.gitea.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_whose_labels_cannot_be_read_hides_no_other_that_discovery_finds() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let forge = Forge::start(Server::Gitea127).await;
    let path = forge.folder.path().join("caretaker.toml");
    let table = "[[repository]]\nname = \"ops/homelab\"\n";
    let settings = std::fs::read_to_string(&path).unwrap().replace(table, "[discovery]\nenabled = true\n");
    std::fs::write(&path, settings).unwrap();
    for name in ["broken", "unlabelled"] {
        forge.gitea.create_repository("ops", name, true);
        forge.gitea.add_collaborator("ops", name, "caretaker", Permission::Write);
    }
    forge.repository.create_label("maintenance", "#0e8a16").unwrap();
    let rule = Rule::new("GET", "/ops/broken/labels", Fault::Status(404)).unwrap().always();
    forge.gitea.faults().add(rule);
    let (_, lines) = lines(forge.command(&["doctor", "--url", ADDRESS]), &[SECRET, &forge.bot]);
    assert_eq!(states(&lines, "ops/broken: labels"), ["unknown"], "{lines:#?}");
    assert_eq!(states(&lines, "ops/homelab: labels"), ["warning"], "what was found is looked at: {lines:#?}");
    assert!(
        states(&lines, "discovery").is_empty() && states(&lines, "ops/unlabelled: labels").is_empty(),
        "{lines:#?}"
    );
    forge.gitea.shutdown().await;
}

/// The whole homelab, with the service's settings.
struct Homelab {
    stage: Stage,
    folder: tempfile::TempDir,
    listen: SocketAddr,
}

impl Homelab {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let (listen, page_listen) = (free_address(), free_address());
        let options = StageOptions { listen, page_listen, ..StageOptions::new(folder.path(), 1.0) };
        let stage = Stage::homelab(&options).await.expect("the stage is built");
        std::fs::write(folder.path().join("operator-token"), stage.world().token("operator"))
            .expect("a file");
        Self { stage, folder, listen }
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.ordinary(name);
        command.args(["--administrator-token-file", "operator-token"]).args(arguments);
        command
    }

    /// The same with caretaker's own token alone.
    fn ordinary(&self, name: &str) -> Command {
        let mut command = caretaker(self.folder.path(), &[name, "--config"]);
        command.arg(self.stage.settings());
        command.args(["--url", &format!("http://{}/webhook", self.listen)]);
        command
    }

    fn secret_file(&self) -> PathBuf {
        self.folder.path().join("webhook-secret")
    }

    fn lines(&self, command: Command) -> (Option<i32>, Vec<Value>) {
        let secret = std::fs::read_to_string(self.secret_file()).expect("a secret");
        let world = self.stage.world();
        lines(command, &[&secret, world.token("caretaker"), world.token("operator")])
    }

    fn doctor(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
        self.lines(self.command("doctor", arguments))
    }

    /// The settings with a text in the place of another.
    fn change_settings(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.stage.settings()).expect("settings");
        assert!(text.contains(from), "{text}");
        std::fs::write(self.stage.settings(), text.replace(from, to)).expect("settings");
    }
}

impl Homelab {
    /// The hook, as somebody made it by hand: with the secret of the settings itself.
    async fn hook_has_the_secret_itself(&self) {
        let world = self.stage.world();
        let address = format!("{}/api/v1/repos/ops/homelab/hooks", world.gitea().url());
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client");
        let ask =
            |method, address: &str| client.request(method, address).bearer_auth(world.token("operator"));
        let hooks = ask(reqwest::Method::GET, &address).send().await.expect("an answer");
        for hook in hooks.json::<Vec<Value>>().await.expect("a list") {
            let address = format!("{address}/{}", hook["id"]);
            let gone = ask(reqwest::Method::DELETE, &address).send().await.expect("an answer");
            assert!(gone.status().is_success());
        }
        let secret = std::fs::read_to_string(self.secret_file()).expect("a secret");
        let events = ["issues", "issue_comment", "pull_request", "push", "create", "delete", "status"];
        let url = format!("http://{}/webhook", self.listen);
        world.repository().add_hook(&url, secret.trim(), &events).expect("a hook");
    }
}

/// The service in a process of its own; killed when it is dropped.
struct Service(Child);

impl Service {
    async fn start(config: &Path, listen: SocketAddr) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_caretaker"))
            .args(["serve", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut service = Self(child);
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().expect("a client");
        let began = Instant::now();
        while client.get(format!("http://{listen}/healthz")).send().await.is_err() {
            assert!(began.elapsed() < DEADLINE, "it does not answer");
            assert!(service.0.try_wait().expect("it can be asked").is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const HOOK: &str = "ops/homelab: hook";
const DELIVERY: &str = "ops/homelab: test delivery";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_up_is_in_order_and_a_test_delivery_arrives_with_and_without_the_service() {
    let homelab = Homelab::start().await;
    let (code, found) = homelab.doctor(&[]);
    assert_eq!((code, states(&found, HOOK)), (Some(1), vec!["error"]), "{found:#?}");
    let (code, steps) = homelab.lines(homelab.command("setup", &[]));
    assert_eq!(code, Some(0), "{steps:#?}");

    let (code, found) = homelab.doctor(&[]);
    assert_eq!(code, Some(0), "{found:#?}");
    assert!(found.iter().all(|line| line["state"] == "ok"), "{found:#?}");
    assert!(text(&found, DELIVERY).contains("it arrived here"), "{found:#?}");
    assert!(text(&found, "ops/homelab: Renovate").contains("6 of 6"), "{found:#?}");
    let (_, found) = homelab.doctor(&["--no-test-delivery"]);
    assert_eq!(states(&found, DELIVERY), Vec::<&str>::new());

    // Caretaker's own token need not see hooks: a note, and no fault. Whoever is said to administer it has to.
    let (code, found) = homelab.lines(homelab.ordinary("doctor"));
    assert_eq!((code, states(&found, HOOK)), (Some(0), vec!["note"]), "{found:#?}");
    assert!(text(&found, HOOK).contains("--administrator-token-file"), "{found:#?}");
    let others = found.iter().filter(|line| line["what"] != HOOK);
    assert!(others.clone().all(|line| line["state"] == "ok"), "{found:#?}");
    let own = homelab.folder.path().join("own-token");
    std::fs::write(&own, homelab.stage.world().token("caretaker")).unwrap();
    let mut command = homelab.ordinary("doctor");
    command.arg("--administrator-token-file").arg(&own);
    let (code, found) = homelab.lines(command);
    assert_eq!((code, states(&found, HOOK)), (Some(3), vec!["unknown"]), "{found:#?}");

    let service = Service::start(homelab.stage.settings(), homelab.listen).await;
    let (code, found) = homelab.doctor(&[]);
    assert_eq!(code, Some(0), "{found:#?}");
    assert!(text(&found, DELIVERY).contains("the running service took it"), "{found:#?}");
    assert!(text(&found, "store").contains("a running service has it open"), "{found:#?}");
    drop(service);

    // Another secret here than in the hook: refused where doctor listens, and by the service, which counts it.
    std::fs::write(homelab.secret_file(), "another-secret-that-stays-unseen").unwrap();
    let (code, found) = homelab.doctor(&[]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(1), vec!["error"]), "{found:#?}");
    assert!(text(&found, DELIVERY).contains("--replace-hook"), "{found:#?}");
    let service = Service::start(homelab.stage.settings(), homelab.listen).await;
    let (code, found) = homelab.doctor(&[]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(1), vec!["error"]), "{found:#?}");
    assert!(text(&found, DELIVERY).contains("refused_signature"), "{found:#?}");
    drop(service);
    let (code, _) = homelab.lines(homelab.command("setup", &["--replace-hook"]));
    assert_eq!(code, Some(0));
    let (code, found) = homelab.doctor(&[]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(0), vec!["ok"]), "{found:#?}");

    // Beside another repository each hook's own secret counts, and the one that they are derived from signs nothing.
    let second = "[[repository]]\nname = \"ops/second\"\n\n[[repository]]";
    homelab.change_settings("[[repository]]", second);
    let (code, found) = homelab.doctor(&["--repository", "ops/homelab"]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(0), vec!["ok"]), "{found:#?}");
    homelab.hook_has_the_secret_itself().await;
    let (code, found) = homelab.doctor(&["--repository", "ops/homelab"]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(1), vec!["error"]), "{found:#?}");
    let told = text(&found, DELIVERY);
    assert!(told.contains("doctor refused it") && told.contains("--repository ops/homelab"), "{told}");
    let service = Service::start(homelab.stage.settings(), homelab.listen).await;
    let (code, found) = homelab.doctor(&["--repository", "ops/homelab"]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(1), vec!["error"]), "{found:#?}");
    assert!(text(&found, DELIVERY).contains("the running service refused it"), "{found:#?}");
    drop(service);
    homelab.change_settings(second, "[[repository]]");
    let (_, found) = homelab.doctor(&[]);
    assert_eq!(states(&found, DELIVERY), ["ok"], "alone it counts: {found:#?}");

    // Nothing leaves the forge, as where it may not reach the address.
    homelab.stage.drop_deliveries();
    let (code, found) = homelab.doctor(&[]);
    assert_eq!((code, states(&found, DELIVERY)), (Some(1), vec!["error"]), "{found:#?}");
    assert!(text(&found, DELIVERY).contains("ALLOWED_HOST_LIST"), "{found:#?}");
    homelab.stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_thing_is_named_and_none_hides_another() {
    let homelab = Homelab::start().await;
    let world = homelab.stage.world();
    let reviews = Protection { required_approvals: 1, ..Protection::default() };
    world.repository().protect_branch("main", reviews).unwrap();
    world.repository().allow_merges(&[sim::gitea::MergeStyle::Squash]).unwrap();
    homelab.change_settings(
        "trusted = [\"operator\"]",
        "trusted = [\"oprator\"]\n\n[renovate]\naccounts = [\"bot\"]",
    );
    let nobody = world.kubernetes().create_token("system:serviceaccount:default:nobody");
    let kubeconfig = homelab.folder.path().join("nobody");
    std::fs::write(&kubeconfig, world.kubernetes().kubeconfig(&nobody)).unwrap();
    let mut command = homelab.command("doctor", &["--no-test-delivery"]);
    command.env("CARETAKER__STORE__PATH", homelab.folder.path().join("missing/caretaker.sqlite"));
    command.env("CARETAKER__CLUSTER__KUBECONFIG", &kubeconfig);
    let (code, found) = homelab.lines(command);
    assert_eq!(code, Some(1), "{found:#?}");
    for (what, expected) in [
        ("forge", vec!["ok"]),
        ("run.trusted", vec!["error"]),
        ("ops/homelab: scopes", vec!["ok"]),
        ("ops/homelab: way of merging", vec!["error"]),
        ("ops/homelab: branch main", vec!["warning", "warning"]),
        ("ops/homelab: labels", vec!["warning"]),
        (HOOK, vec!["error"]),
        ("rights for judging nodes, pods and workloads", vec!["error"]),
        ("rights for the lock that keeps two caretakers apart", vec!["error"]),
        ("GitOps", vec!["error"]),
        ("store", vec!["error"]),
    ] {
        assert_eq!(states(&found, what), expected, "{what}: {found:#?}");
    }
    let renovate = states(&found, "ops/homelab: Renovate");
    assert_eq!(renovate.iter().filter(|state| **state == "error").count(), 6, "{found:#?}");
    assert!(found.iter().all(|line| (line["state"] == "ok") == line["fix"].is_null()), "{found:#?}");

    // People read the same in rows of eighty columns, without colour where nobody asked for it.
    let mut command = homelab.command("doctor", &["--no-test-delivery"]);
    let (code, out, _) = tokio::task::block_in_place(|| finish(&command.output().unwrap()));
    assert_eq!(code, Some(1));
    assert!(out.starts_with("ok       forge: Gitea 1.27.1\n") && !out.contains('\u{1b}'), "{out}");
    let too_long = |line: &&str| line.chars().count() > 80 && !line.contains("http");
    assert_eq!(out.lines().find(too_long), None);

    // A token without scopes, and one that nobody knows.
    let reader = world.gitea().create_token("caretaker", &["read:issue", "read:repository", "read:user"]);
    for (token, what, expected) in
        [(reader.as_str(), "ops/homelab: scopes", "error"), ("no-such-token", "token", "error")]
    {
        let file = homelab.folder.path().join("other-token");
        std::fs::write(&file, token).unwrap();
        let mut command = homelab.command("doctor", &["--no-test-delivery"]);
        command.env("CARETAKER__FORGE__TOKEN_FILE", &file);
        let (code, found) = homelab.lines(command);
        assert_eq!((code, states(&found, what)[0]), (Some(1), expected), "{found:#?}");
    }
    homelab.stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_is_down_is_not_known_and_the_rest_is_looked_at() {
    let homelab = Homelab::start().await;
    homelab.stage.world().gitea().faults().set_down(Some(Down::Unavailable));
    let (code, found) = homelab.doctor(&[]);
    assert_eq!((code, states(&found, "forge")), (Some(3), vec!["unknown"]), "{found:#?}");
    assert_eq!((states(&found, "cluster"), states(&found, "store")), (vec!["ok"], vec!["ok"]), "{found:#?}");
    let (code, steps) = homelab.lines(homelab.command("setup", &[]));
    assert_eq!(code, Some(3), "{steps:#?}");
    homelab.stage.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfigs_program_that_does_not_come_back_is_named_and_keeps_nobody() {
    let homelab = Homelab::start().await;
    let at = |name: &str| homelab.folder.path().join(name);
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "homelab",
        "clusters": [{"name": "homelab", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "homelab", "context": {"cluster": "homelab", "user": "operator"}}],
        "users": [{"name": "operator", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh", "args": ["-c", "echo $$ > plugin-pid; exec sleep 600"], "interactiveMode": "IfAvailable"}}}]});
    std::fs::write(at("plugin"), kubeconfig.to_string()).expect("a file");
    let mut command = homelab.command("doctor", &["--no-test-delivery"]);
    command.env("CARETAKER__CLUSTER__KUBECONFIG", at("plugin"));
    command.env("CARETAKER__CLUSTER__REQUEST_TIMEOUT_SECONDS", "1");
    command.current_dir(homelab.folder.path());
    let begun = Instant::now();
    let (code, found) = homelab.lines(command);
    let pid = std::fs::read_to_string(at("plugin-pid")).expect("it was begun");
    assert!(Command::new("kill").arg(pid.trim()).status().expect("kill").success(), "it still runs");
    assert!(begun.elapsed() < DEADLINE, "caretaker waits for it");
    assert!(code.is_some_and(|code| code > 0), "it ends by itself: {code:?}");
    assert_eq!(states(&found, "cluster"), ["unknown"], "{found:#?}");
    let told = text(&found, "cluster");
    assert!(told.contains("`sh`, which the kubeconfig names") && told.contains("within 1 s"), "{told}");
    assert_eq!(states(&found, "forge"), ["ok"], "the rest is looked at");
    homelab.stage.shutdown().await;
}
