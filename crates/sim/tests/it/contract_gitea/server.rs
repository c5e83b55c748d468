//! The server that the recordings are replayed against, given by address, set up as it was when they were made.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sim::gitea::{FileChange, Gitea, NewCommit, Options, Server as Kind};

use super::recording::Delivery;

pub(crate) const SECRET: &str = "recording-secret";
pub(crate) const REPOSITORY: &str = "/api/v1/repos/ops/homelab";

/// How long the simulator takes to find out whether a pull request can be merged.
const MERGEABLE_DELAY: Duration = Duration::from_millis(20);

/// Charts, and the version that each begins with.
const APPS: [(&str, &str); 9] = [
    ("kured", "5.6.1"),
    ("grafana", "9.4.5"),
    ("external-secrets", "0.20.4"),
    ("app-template", "3.7.3"),
    ("postgresql", "17.2.0"),
    ("loki", "6.20.0"),
    ("conflicting", "1.0.0"),
    ("draft", "1.0.0"),
    ("fromfork", "1.0.0"),
];

pub(crate) fn chart(app: &str, version: &str) -> FileChange {
    let text = format!(
        "apiVersion: v2\nname: {app}\nversion: 0.1.0\ndependencies:\n  - name: {app}\n    version: {version}\n    \
         repository: https://charts.example/{app}\n"
    );
    FileChange::text(format!("platform/{app}/Chart.yaml"), text)
}

/// What an address answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// How commits reach the server: by its handle, or by git over HTTP.
enum Pushes {
    Handle(Box<Gitea>),
    Git(PathBuf),
}

pub(crate) struct Server {
    pub(crate) kind: Kind,
    base: String,
    administrator: String,
    /// The address that commits carry, by which the server knows their author.
    email: String,
    tokens: BTreeMap<String, String>,
    client: reqwest::Client,
    pushes: Pushes,
    pub(crate) listener: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Server {
    /// The simulator, or the real server that the environment names, if it is of that kind.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        let real = std::env::var("CARETAKER_TEST_GITEA_URL").ok().filter(|url| !url.is_empty());
        let (base, token, handle) = if let Some(url) = real {
            let token = std::env::var("CARETAKER_TEST_GITEA_TOKEN").expect("an administrator's token");
            (url.trim_end_matches('/').to_owned(), token, None)
        } else {
            let options = Options { server: kind, mergeable_delay: MERGEABLE_DELAY, ..Options::default() };
            let gitea = Gitea::start(options).await.expect("a free port");
            gitea.create_user("operator", true);
            (gitea.url(), gitea.create_token("operator", &["all"]), Some(gitea))
        };
        let client = crate::client().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let (listener, deliveries) = listen().await;
        let mut server = Self {
            kind,
            base,
            administrator: "operator".into(),
            email: "operator@example.com".into(),
            tokens: BTreeMap::from([("operator".into(), token), ("nobody".into(), "0".repeat(40))]),
            client,
            pushes: Pushes::Git(PathBuf::new()),
            listener,
            deliveries,
        };
        let version = server.call("operator", "GET", "/api/v1/version", None).await;
        let version = version.body["version"].as_str().expect("a version").to_owned();
        if kind_of(&version) != kind {
            return None;
        }
        server.set_up(handle).await;
        Some(server)
    }

    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.pushes, Pushes::Handle(_))
    }

    async fn set_up(&mut self, handle: Option<Gitea>) {
        let me = self.call("operator", "GET", "/api/v1/user", None).await;
        me.body["login"].as_str().expect("the token's login").clone_into(&mut self.administrator);
        me.body["email"].as_str().expect("the address").clone_into(&mut self.email);
        for (login, level) in
            [("caretaker", "write"), ("renovate", "write"), ("guest", "write"), ("reader", "read")]
        {
            self.create_user(login).await;
            let scopes = [format!("{level}:issue"), format!("{level}:repository"), "read:user".to_owned()];
            let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{login}:recording-1")));
            let name = format!("t{}", jiff::Timestamp::now().as_nanosecond());
            let request = self
                .client
                .post(format!("{}/api/v1/users/{login}/tokens", self.base))
                .header("Authorization", basic)
                .json(&json!({ "name": name, "scopes": scopes }));
            let text = request.send().await.expect("an answer").text().await.expect("a body");
            let token: Value = serde_json::from_str(&text).expect("a token");
            self.tokens.insert(login.into(), token["sha1"].as_str().expect("a token").to_owned());
        }
        self.admin("POST", "/api/v1/orgs", json!({ "username": "ops" })).await;
        self.admin("DELETE", REPOSITORY, Value::Null).await;
        let new = json!({ "name": "homelab", "auto_init": true, "default_branch": "main", "private": true });
        assert_eq!(self.admin("POST", "/api/v1/orgs/ops/repos", new).await.status, 201, "the repository");
        for (login, permission) in [("caretaker", "write"), ("renovate", "write"), ("reader", "read")] {
            let path = format!("{REPOSITORY}/collaborators/{login}");
            self.admin("PUT", &path, json!({ "permission": permission })).await;
        }
        self.pushes = match handle {
            Some(gitea) => Pushes::Handle(Box::new(gitea)),
            None => Pushes::Git(self.clone_repository()),
        };
        let charts = APPS.iter().map(|(app, version)| chart(app, version)).collect();
        self.push("main", "Add charts", charts);
    }

    pub(crate) async fn create_user(&self, login: &str) {
        let user = json!({
            "username": login, "email": format!("{login}@example.com"), "password": "recording-1",
            "must_change_password": false,
        });
        self.admin("POST", "/api/v1/admin/users", user).await;
    }

    /// A request by the administrator that no recording shows.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Answer {
        self.call("operator", method, path, (!body.is_null()).then(|| body.to_string())).await
    }

    /// A request by one of the recorded users. The administrator may have another name here.
    pub(crate) async fn call(&self, actor: &str, method: &str, path: &str, body: Option<String>) -> Answer {
        let path = path.replace("/collaborators/operator", &format!("/collaborators/{}", self.administrator));
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = self.tokens.get(actor) {
            request = request.header("Authorization", format!("token {token}"));
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = response.headers().iter().map(header).collect();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    /// Waits until a pull request can be merged, and reads so for longer than a void verdict could.
    pub(crate) async fn settle_mergeable(&self, number: u64) {
        let until = Instant::now() + Duration::from_secs(20);
        let path = format!("{REPOSITORY}/pulls/{number}");
        let void = if self.is_simulated() { 2 * MERGEABLE_DELAY } else { Duration::from_secs(1) };
        let mut since: Option<Instant> = None;
        while since.is_none_or(|since| since.elapsed() <= void) {
            let asked = Instant::now();
            let mergeable = self.admin("GET", &path, Value::Null).await.body["mergeable"] == true;
            since = mergeable.then(|| since.unwrap_or(asked));
            assert!(asked < until, "pull request {number} does not become mergeable");
            tokio::time::sleep(MERGEABLE_DELAY / 2).await;
        }
    }

    /// The deliveries since the last call.
    pub(crate) fn take_deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.deliveries.lock().expect("nothing panics with the lock"))
    }

    /// Commits on top of a branch and returns the commit.
    pub(crate) fn push(&self, branch: &str, message: &str, files: Vec<FileChange>) -> String {
        self.push_from(branch, None, message, files)
    }

    /// Replaces a branch by one commit on top of `main`.
    pub(crate) fn replace_branch(&self, branch: &str, message: &str, files: Vec<FileChange>) -> String {
        self.push_from(branch, Some("main"), message, files)
    }

    fn push_from(&self, branch: &str, from: Option<&str>, message: &str, files: Vec<FileChange>) -> String {
        match &self.pushes {
            Pushes::Handle(gitea) => {
                let commit = NewCommit {
                    author: "operator".into(),
                    message: message.into(),
                    files,
                    from: from.map(str::to_owned),
                };
                gitea.repository("ops", "homelab").commit(branch, commit).expect("a push").to_string()
            }
            Pushes::Git(folder) => {
                self.git(folder, &["fetch", "-q", "origin"]);
                let start = format!("origin/{}", from.unwrap_or(branch));
                self.git(folder, &["checkout", "-q", "-B", branch, &start]);
                for file in files {
                    self.write(folder, file);
                }
                self.git(folder, &["add", "-A"]);
                self.git(folder, &["commit", "-qm", message]);
                self.git(folder, &["push", "-qf", "origin", branch]);
                self.git(folder, &["rev-parse", "HEAD"])
            }
        }
    }

    /// Undoes the merge at the head of `main` as `git revert -m 1` does.
    pub(crate) fn revert_head(&self) -> String {
        match &self.pushes {
            Pushes::Handle(gitea) => {
                let repository = gitea.repository("ops", "homelab");
                let head = repository.commit_info("main").expect("main has a head");
                let before = repository.files(&head.parents[0]);
                let changed = repository.changed_files(&head.parents[0], &head.sha);
                let files = changed
                    .into_iter()
                    .map(|path| match before.get(&path) {
                        Some(file) => {
                            FileChange::Write { path, content: file.content.clone(), executable: false }
                        }
                        None => FileChange::Delete { path },
                    })
                    .collect();
                let subject = head.message.lines().next().unwrap_or_default();
                let text = format!(
                    "Revert \"{subject}\"\n\nThis reverts commit {}, reversing\nchanges made to {}.",
                    head.sha, head.parents[0]
                );
                self.push("main", &text, files)
            }
            Pushes::Git(folder) => {
                self.git(folder, &["fetch", "-q", "origin"]);
                self.git(folder, &["checkout", "-q", "-B", "main", "origin/main"]);
                self.git(folder, &["revert", "-m", "1", "--no-edit", "HEAD"]);
                self.git(folder, &["push", "-q", "origin", "main"]);
                self.git(folder, &["rev-parse", "HEAD"])
            }
        }
    }

    fn clone_repository(&self) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("contract-gitea-{}", uuid::Uuid::new_v4()));
        let credentials = format!("http://{}:{}@", self.administrator, self.tokens["operator"]);
        let remote = format!("{}/ops/homelab.git", self.base.replace("http://", &credentials));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        self.git(&folder, &["clone", "-q", &remote, "."]);
        folder
    }

    fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .envs([("GIT_AUTHOR_NAME", "operator"), ("GIT_AUTHOR_EMAIL", self.email.as_str())])
            .envs([("GIT_COMMITTER_NAME", "operator"), ("GIT_COMMITTER_EMAIL", self.email.as_str())])
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn write(&self, folder: &Path, change: FileChange) {
        let place = |path: &str| {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            file
        };
        match change {
            FileChange::Write { path, content, executable } => {
                let file = place(&path);
                std::fs::write(&file, content).expect("a file");
                if executable {
                    self.git(folder, &["add", &path]);
                    self.git(folder, &["update-index", "--chmod=+x", &path]);
                    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a mode");
                }
            }
            FileChange::Symlink { path, target } => {
                std::os::unix::fs::symlink(target, place(&path)).expect("a link");
            }
            FileChange::Delete { path } => std::fs::remove_file(place(&path)).expect("a file to remove"),
        }
    }

    pub(crate) async fn shutdown(self) {
        match self.pushes {
            Pushes::Handle(gitea) => gitea.shutdown().await,
            Pushes::Git(folder) => {
                std::fs::remove_dir_all(folder).expect("the temporary folder can be removed");
            }
        }
    }
}

/// Which recordings a server is held to, by what it says of its version.
fn kind_of(version: &str) -> Kind {
    // Forgejo names the version of Gitea whose API it keeps to, after its own.
    if version.contains("+gitea-") {
        return Kind::Forgejo12;
    }
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if version >= (1, 26) { Kind::Gitea127 } else { Kind::Gitea125 }
}

#[test]
fn contract_versions_tell_the_kind_of_a_server() {
    for (version, kind) in [
        ("1.27.1", Kind::Gitea127),
        ("1.26.0", Kind::Gitea127),
        ("1.28.0+dev-12-gabcdef", Kind::Gitea127),
        ("1.25.0-rc0", Kind::Gitea125),
        ("1.24.7", Kind::Gitea125),
        ("12.0.0-dev-412-7958942e3e+gitea-1.22.0", Kind::Forgejo12),
        ("13.0.2+gitea-1.22.0", Kind::Forgejo12),
    ] {
        assert_eq!(kind_of(version), kind, "{version}");
    }
    for kind in Kind::ALL {
        assert_eq!(kind_of(kind.version()), kind);
    }
}

/// Receives deliveries on loopback.
async fn listen() -> (String, Arc<Mutex<Vec<Delivery>>>) {
    let deliveries: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let router = Router::new().fallback(receive).with_state(deliveries.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address").to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, deliveries)
}

async fn receive(
    State(deliveries): State<Arc<Mutex<Vec<Delivery>>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let kept = |name: &str| {
        name.starts_with("x-") || matches!(name, "content-type" | "user-agent" | "authorization")
    };
    let headers = headers
        .iter()
        .filter(|(name, _)| kept(name.as_str()))
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let body = String::from_utf8_lossy(&body).into_owned();
    let delivery = Delivery { path: uri.path().to_owned(), headers, body };
    deliveries.lock().expect("nothing panics with the lock").push(delivery);
    StatusCode::ACCEPTED
}
