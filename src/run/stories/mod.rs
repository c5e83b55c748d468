//! Whole runs against the simulated homelab over real HTTP, told as stories.

mod adoption;
mod approvals;
mod attacks;
mod bad_input;
mod closings;
mod coming_back;
mod crashes;
mod decisions;
mod flux;
mod found;
mod half_merge;
mod happy;
mod last_moment;
mod lock;
mod lost_answers;
mod missing_rights;
mod others;
mod people;
mod platform;
mod protected;
mod renamed;
mod repositories;
mod repository_files;
mod schedule;
mod sets;
mod sparing;
mod sync_windows;
mod trouble;
mod unknowns;
mod unreadable;
mod volumes;
mod waking;
mod words;
mod writing;

use super::situation::Mode;
use super::worker::{Parts, RunError, Standing, Worker};
use super::{RunState, Settings, load_state, settings};
use crate::forge::{Gitea, RepositoryName};
use crate::health;
use crate::inbox::{self, Hints, Inbox, Keys, KnownRepositories};
use crate::issue::ReconSettings;
use crate::merge::{self, classify::Rules};
use crate::store::Store;
use crate::timing::Timing;
use crate::web::{self, Peer, Readiness, WebState};
use crate::{cluster, forge};
use secrecy::{ExposeSecret, SecretString};
use sim::actors::{Crash, Speed, World, WorldOptions};
use sim::gitea::{FileChange, IssueView, NewCommit};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a story may wait for one thing, on a machine that has other things to do.
const DEADLINE: Duration = Duration::from_mins(5);

/// How much faster than life everything goes.
const SCALE: f64 = 400.0;

/// The waits of a story. A machine that is slow is no trouble in the cluster: the time-outs of rollouts stay a minute of
/// real time.
fn timing() -> Timing {
    Timing {
        scale: SCALE,
        poll_seconds: 30.0,
        rollout_no_progress_seconds: 60.0 * SCALE,
        rollout_maximum_seconds: 60.0 * SCALE,
        rollout_maximum_high_seconds: 60.0 * SCALE,
        ..Timing::default()
    }
}

/// What caretaker's token may do.
const SCOPES: [&str; 3] = ["write:issue", "write:repository", "read:user"];

/// A first commit by the person whose repository it is.
fn first_commit(path: &str, text: &str) -> NewCommit {
    NewCommit {
        author: "operator".to_owned(),
        message: "feat: begin".to_owned(),
        files: vec![FileChange::text(path, text)],
        from: None,
    }
}

/// What the secrets that sign deliveries are derived from.
const SECRET: &str = "between the two of us";

/// What signs the deliveries of a repository.
fn secret_of(name: &RepositoryName) -> String {
    Keys::from(SecretString::from(SECRET)).of_repository(name).expose_secret().to_owned()
}

/// The path of the homelab's repository.
const REPOSITORY: &str = "/api/v1/repos/ops/homelab";

/// The rights that the deployment's manifests give, and nothing more.
const MANIFESTS: [&str; 6] = [
    include_str!("../../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac-lease.yaml"),
    include_str!("../../../deploy/kustomize/components/exec/rbac.yaml"),
    include_str!("../../../deploy/kustomize/components/exec/kustomization.yaml"),
];

/// A world with caretaker in it.
pub(super) struct Story {
    /// Everything around caretaker.
    pub(super) world: World,
    /// How caretaker is set.
    pub(super) repository: settings::Repository,
    /// How runs are set.
    pub(super) settings: Settings,
    /// Other repositories that caretaker looks after, behind the homelab's.
    pub(super) others: Vec<settings::Repository>,
    /// Whether it looks for more.
    pub(super) discovery: settings::Discovery,
    /// How health is set.
    pub(super) health: health::Settings,
    /// How long things are given.
    pub(super) timing: Timing,
    /// What is done about findings without an approval.
    pub(super) recon: ReconSettings,
    /// The forge's account that caretaker has.
    pub(super) login: String,
    /// That account's token.
    pub(super) token: String,
    /// Whether the forge's deliveries arrive.
    pub(super) webhook: bool,
    /// Whether pods that stand in the way may be deleted.
    pub(super) deletes: bool,
    folder: tempfile::TempDir,
    kubeconfig: std::path::PathBuf,
    running: Option<Running>,
}

/// A caretaker at work.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<Standing, RunError>>,
    store: Arc<Store>,
    readiness: Arc<Readiness>,
    /// Where deliveries are taken, if they are.
    webhook: Option<String>,
}

impl Story {
    /// The homelab, nothing wrong with it, caretaker not started yet.
    pub(super) async fn begin() -> Self {
        Self::with(WorldOptions::default()).await
    }

    /// With a crash that Ceph warns of.
    pub(super) async fn with_ceph_crash() -> Self {
        Self::with(WorldOptions {
            crashes: vec![Crash::new("osd.3", "metal4", jiff::Timestamp::now())],
            ..WorldOptions::default()
        })
        .await
    }

    /// With reporters that show every moment that they live, so that a silent one is found out soon.
    pub(super) async fn lively() -> Self {
        let often = Duration::from_millis(200);
        Self::with(WorldOptions { life_sign: often, heartbeat: often, ..WorldOptions::default() }).await
    }

    async fn with(options: WorldOptions) -> Self {
        let world = World::homelab(WorldOptions { speed: Speed::new(SCALE), ..options }).await.unwrap();
        for manifest in MANIFESTS.iter().filter(|text| !text.contains("kind: Component")) {
            world.kubernetes().apply_manifests(manifest).unwrap();
        }
        for (name, color) in [("maintenance", "#0e8a16"), ("needs-human", "#d93f0b")] {
            world.repository().create_label(name, color).unwrap();
        }
        Self::in_world(world, "caretaker")
    }

    /// Another caretaker in the same world, with an account of its own and a store of its own.
    pub(super) fn beside(&self, login: &str) -> Self {
        let gitea = self.world.gitea();
        gitea.create_user(login, false);
        gitea.add_collaborator("ops", "homelab", login, sim::gitea::Permission::Write);
        let mut other = Self::in_world(self.world.clone(), login);
        other.token = gitea.create_token(login, &SCOPES);
        other
    }

    fn in_world(world: World, login: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = world.kubernetes().create_token("system:serviceaccount:caretaker:caretaker");
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, world.kubernetes().kubeconfig(&token)).unwrap();
        Self {
            repository: settings::Repository {
                mode: Mode::Auto,
                pull_urls: vec![world.repository_url().to_owned()],
                ..settings::Repository::new("ops/homelab".parse().unwrap())
            },
            settings: Settings {
                trusted: vec!["operator".to_owned()],
                sole_writers: true,
                ..Settings::default()
            },
            others: Vec::new(),
            discovery: settings::Discovery::default(),
            health: health::Settings::default(),
            timing: timing(),
            recon: ReconSettings::default(),
            token: world.token(login).to_owned(),
            login: login.to_owned(),
            webhook: false,
            deletes: false,
            world,
            folder,
            kubeconfig,
            running: None,
        }
    }

    /// A trusted person opens the maintenance issue.
    pub(super) async fn issue(&self, body: &str) -> u64 {
        let person = self.world.person("operator").unwrap();
        person.open_issue("[Maintenance] Homelab", body, &["maintenance"]).await.unwrap()
    }

    /// Starts caretaker on its store.
    pub(super) async fn start(&mut self) {
        let parts = self.parts().await;
        let store = Arc::clone(&parts.store);
        let readiness = Arc::clone(&parts.readiness);
        let stop = CancellationToken::new();
        let webhook = if self.webhook { Some(self.listen(&parts, stop.clone()).await) } else { None };
        let worker = Worker::new(Arc::new(parts)).await.unwrap();
        let task = tokio::spawn(worker.run(stop.clone()));
        self.running = Some(Running { stop, task, store, readiness, webhook });
    }

    /// What caretaker is made of, on its store.
    pub(super) async fn parts(&self) -> Parts {
        let cluster_settings = cluster::Settings {
            kubeconfig: Some(self.kubeconfig.clone()),
            exec: true,
            delete: self.deletes,
            ..cluster::Settings::default()
        };
        let kubernetes = cluster::Kubernetes::connect(&cluster_settings).await.unwrap();
        kubernetes.start_watching(self.health.recent_end(), health::is_a_reporter);
        let forge_settings = forge::Settings::default();
        let url = self.world.gitea().url().parse().unwrap();
        let merge_settings = merge::Settings::default();
        let mut repositories = vec![self.repository.clone()];
        repositories.extend(self.others.iter().cloned());
        let names: Vec<RepositoryName> = repositories.iter().map(|one| one.name.clone()).collect();
        let (known, discovery) = (KnownRepositories::from(names), self.discovery.clone());
        let known =
            if discovery.enabled { known.and_later(move |name| discovery.wants(name)) } else { known };
        Parts {
            news: kubernetes.news().clone(),
            store: Arc::new(Store::open(&self.folder.path().join("caretaker.sqlite")).await.unwrap()),
            forge: Arc::new(Gitea::new(&url, &self.token.clone().into(), &forge_settings).unwrap()),
            cluster: Arc::new(kubernetes),
            settings: self.settings.clone(),
            known,
            discovery: self.discovery.clone(),
            repositories,
            timing: self.timing.clone(),
            rules: Rules::new(&merge_settings),
            merge_settings,
            renovate_settings: merge::RenovateSettings::default(),
            recon_settings: self.recon.clone(),
            health_settings: self.health.clone(),
            cluster_settings,
            hints: Hints::default(),
            readiness: Arc::new(Readiness::new(&web::Settings::default())),
            only: None,
        }
    }

    /// Listens for deliveries, has the forge send them, and says where to.
    async fn listen(&self, parts: &Parts, stop: CancellationToken) -> String {
        let known = parts.known.clone();
        let alone = self.others.is_empty() && !self.discovery.enabled;
        let keys = Keys::from(SecretString::from(SECRET)).with_shared(alone);
        let secret = secret_of(&self.repository.name);
        let label = &self.settings.maintenance_label;
        let settings = inbox::Settings::default();
        let inbox = Inbox::new(keys, known, label, &settings, &parts.store, parts.hints.clone());
        let state = WebState {
            inbox: Arc::new(inbox),
            store: Arc::clone(&parts.store),
            readiness: Arc::clone(&parts.readiness),
            forge: Arc::clone(&parts.forge),
        };
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = web::Settings { listen: free, page_listen: free, ..web::Settings::default() };
        let serving = web::serve(&settings, state, stop).await.unwrap();
        let url = format!("http://{}/webhook", serving.address);
        self.world
            .repository()
            .add_hook(&url, &secret, &["issues", "issue_comment", "pull_request", "push"])
            .unwrap();
        tokio::spawn(serving.ended());
        url
    }

    /// Stops caretaker in order.
    pub(super) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.cancel();
            running.task.await.unwrap().unwrap();
            running.store.close().await;
        }
    }

    /// Ends caretaker in the middle of whatever it does. Nothing but what lies in its store is left of it.
    pub(super) async fn crash(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
            let ended = running.task.await;
            assert!(ended.is_err_and(|error| error.is_cancelled()), "it fell over before it was ended");
            running.stop.cancel();
            running.store.close().await;
        }
    }

    /// Stops caretaker, and takes away everything that it remembers.
    pub(super) async fn loses_its_store(&mut self) {
        self.stop().await;
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("caretaker.")) {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    /// The story's end: nothing fell over, and everything is stopped.
    pub(super) async fn end(mut self) {
        self.stop().await;
        self.world.shutdown().await;
    }

    /// Which repositories cannot be worked in, as the page and the log say it.
    pub(super) fn repositories_error(&self) -> Option<String> {
        self.running.as_ref().expect("caretaker runs").readiness.repositories_error()
    }

    /// What the forge last refused, as the page and the log say it.
    pub(super) fn forge_error(&self) -> Option<String> {
        self.running.as_ref().expect("caretaker runs").readiness.error(Peer::Forge)
    }

    /// What was wrong with a peer the last time, if it was.
    pub(super) fn readiness_error(&self, peer: Peer) -> Option<String> {
        self.running.as_ref().expect("caretaker runs").readiness.error(peer)
    }

    /// What is wrong with a run that its issue cannot say.
    pub(super) fn runs_error(&self) -> Option<String> {
        self.running.as_ref().expect("caretaker runs").readiness.runs_error()
    }

    /// Where caretaker takes deliveries.
    pub(super) fn webhook_url(&self) -> &str {
        let running = self.running.as_ref().expect("caretaker runs");
        running.webhook.as_deref().expect("it takes deliveries")
    }

    /// Where caretaker remembers.
    pub(super) fn store(&self) -> &Store {
        &self.running.as_ref().expect("caretaker runs").store
    }

    /// What the newest run's journal says.
    pub(super) async fn state(&self) -> RunState {
        let store = &self.running.as_ref().expect("caretaker runs").store;
        match store.recent_runs(1).await.unwrap().first() {
            Some(run) => load_state(store, run.id).await.unwrap(),
            None => RunState::default(),
        }
    }

    /// The newest run's journal, each event as it is written down.
    pub(super) async fn journal(&self) -> Vec<serde_json::Value> {
        let run = self.store().recent_runs(1).await.unwrap().remove(0).id;
        let rows = self.store().journal(run, None).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.event).unwrap()).collect()
    }

    /// The issue as the forge has it.
    pub(super) fn issue_now(&self, number: u64) -> IssueView {
        self.world.repository().issue(number).expect("the issue is there")
    }

    /// Waits until something is true of the issue.
    pub(super) async fn until(
        &self,
        what: &str,
        number: u64,
        holds: impl Fn(&IssueView) -> bool,
    ) -> IssueView {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let issue = self.issue_now(number);
            if holds(&issue) {
                return issue;
            }
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", issue.body);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the journal says something.
    pub(super) async fn state_when(&self, what: &str, holds: impl Fn(&RunState) -> bool) -> RunState {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let state = self.state().await;
            if holds(&state) {
                return state;
            }
            assert!(Instant::now() < deadline, "not in time: {what}\n{state:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until something is true of the world.
    pub(super) async fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds() {
            assert!(Instant::now() < deadline, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until caretaker has looked at the homelab's repository so many times more, so that what it would have done
    /// meanwhile is done.
    pub(super) async fn looks(&self, more: usize) {
        let count = || {
            let requests = self.world.gitea().requests();
            requests
                .iter()
                .filter(|one| self.is_own(one) && one.method == "GET" && one.path == REPOSITORY)
                .count()
        };
        let wanted = count() + more;
        self.wait("caretaker looks again", || count() >= wanted).await;
    }

    fn is_own(&self, request: &sim::gitea::RequestRecord) -> bool {
        request.user.as_deref() == Some(&self.login)
    }

    /// What caretaker changed at the forge besides bodies: method and path of every request that had an effect.
    pub(super) fn effects(&self) -> Vec<String> {
        let is_body = |one: &sim::gitea::RequestRecord| {
            one.method == "PATCH"
                && one.fields.iter().all(|field| field == "body" || field == "content_version")
        };
        let requests = self.world.gitea().requests();
        requests
            .iter()
            .filter(|one| self.is_own(one) && one.method != "GET" && one.handled && !is_body(one))
            .filter(|one| one.status.is_none_or(|status| !(300..500).contains(&status)))
            .map(|one| format!("{} {}", one.method, one.path.trim_start_matches(REPOSITORY)))
            .collect()
    }

    /// How often caretaker wrote an issue's body.
    pub(super) fn body_writes(&self) -> usize {
        let requests = self.world.gitea().requests();
        let is_write = |one: &&sim::gitea::RequestRecord| {
            self.is_own(one)
                && one.method == "PATCH"
                && one.handled
                && one.fields.iter().any(|field| field == "body")
        };
        requests.iter().filter(is_write).count()
    }

    /// What caretaker changed in the cluster besides its lock: verb and path.
    pub(super) fn cluster_effects(&self) -> Vec<String> {
        let requests = self.world.kubernetes().requests();
        requests
            .iter()
            .filter(|one| one.user.contains("serviceaccount:caretaker") && one.status < 400)
            .filter(|one| matches!(one.verb.as_str(), "create" | "update" | "patch" | "delete"))
            .filter(|one| {
                let exempt = ["/leases", "accessreviews", "/exec"];
                !exempt.iter().any(|part| one.path.contains(part))
            })
            .map(|one| format!("{} {}", one.verb, one.path))
            .collect()
    }

    /// The titles of the commits that came onto the default branch since a commit, newest first.
    pub(super) fn commits_since(&self, head: &str) -> Vec<String> {
        let history = self.world.repository().history("main");
        let new = history.iter().take_while(|commit| commit.sha.to_string() != head);
        new.map(|commit| commit.message.lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// The head of the default branch.
    pub(super) fn head(&self) -> String {
        self.world.repository().branch_head("main").unwrap().to_string()
    }

    /// Whether a pull request is merged.
    pub(super) fn merged(&self, number: u64) -> bool {
        self.world.repository().pull(number).is_some_and(|pull| pull.merged)
    }
}
