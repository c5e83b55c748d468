//! The stage: the simulated servers with their story, the maintenance issue, and the settings that caretaker gets.
//!
//! Everything that caretaker is told stands in a file of settings, as for real servers, so that the service may run in
//! this process or in one of its own. It has the rights of the deployed `ServiceAccount` and no more.

use super::body::{self, Numbers};
use super::outside::Invention;
use secrecy::{ExposeSecret as _, SecretString};
use sim::actors::{Crash, Speed, Update, World, WorldError, WorldOptions};
use sim::gitea::{DeliveryMode, IssueState, IssueView, Refusal};
use sim::kubernetes::KubernetesError;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The manifests that caretaker's rights come from.
const MANIFESTS: [&str; 5] = [
    include_str!("../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../deploy/kustomize/base/rbac-lease.yaml"),
    include_str!("../../deploy/kustomize/components/exec/rbac.yaml"),
];

/// Whom caretaker is in the cluster.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:caretaker:caretaker";

/// The account of the person.
pub(crate) const OPERATOR: &str = "operator";
/// The account of caretaker.
pub(crate) const BOT: &str = "caretaker";

/// The label of a maintenance issue.
pub(crate) const MAINTENANCE: &str = "maintenance";
/// The label that calls for a person.
pub(crate) const NEEDS_HUMAN: &str = "needs-human";

/// What the webhook sends.
const HOOK_EVENTS: [&str; 5] = ["issues", "issue_comment", "pull_request", "push", "status"];

/// From this version on, the dashboards do not start in the default scenario.
const BAD_VERSION: &str = "9.4.5";

/// The apps that the scenarios are about.
const NAMED_APPS: [&str; 9] = [
    "homepage",
    "it-tools",
    "excalidraw",
    "echo",
    "external-secrets",
    "grafana",
    "kured",
    "stirling-pdf",
    "postgres",
];

/// How the stage is built.
#[derive(Debug, Clone)]
pub struct StageOptions {
    /// Divides the waits for the world.
    pub scale: f64,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Whether the monitoring update goes wrong.
    pub goes_wrong: bool,
    /// Whether it is a small homelab: four nodes, and of the apps those alone that the scenarios are about. For many runs.
    pub small: bool,
    /// Where files go; made where it does not exist.
    pub folder: PathBuf,
    /// Where the service listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where its page listens; port 0 takes a free one.
    pub page_listen: SocketAddr,
}

impl StageOptions {
    /// The default scenario with free ports.
    #[must_use]
    pub fn new(folder: &Path, scale: f64) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            scale,
            seed: 1,
            goes_wrong: true,
            small: false,
            folder: folder.to_owned(),
            listen: loopback,
            page_listen: loopback,
        }
    }
}

/// Why the stage could not be built.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The simulated servers.
    #[error("the simulated servers could not be started")]
    World(#[from] WorldError),
    /// The simulated forge.
    #[error("the simulated forge refuses")]
    Forge(#[from] Refusal),
    /// The manifests of `deploy/`.
    #[error("the simulated cluster does not take the manifests")]
    Cluster(#[from] KubernetesError),
    /// A file.
    #[error("{path} cannot be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The simulated servers with a maintenance issue that nobody has labelled yet.
#[derive(Debug)]
pub struct Stage {
    world: World,
    issue: u64,
    others: Vec<u64>,
    folder: PathBuf,
    settings: PathBuf,
    store: PathBuf,
    secret: SecretString,
    listen: SocketAddr,
    goes_wrong: bool,
}

impl Stage {
    /// The stage of the scenarios.
    pub async fn homelab(options: &StageOptions) -> Result<Self, StageError> {
        let world = start(options, Vec::new(), true).await?;
        if options.goes_wrong {
            world.app_degrades_from("grafana", BAD_VERSION);
        }
        let numbers = Numbers {
            related: 38,
            bundle: 41,
            platform: 42,
            monitoring: 43,
            core: 44,
            app: 45,
            database: 46,
        };
        let repository = world.repository();
        repository.open_issue_numbered(
            OPERATOR,
            numbers.related,
            body::RELATED_TITLE,
            body::RELATED_BODY,
            &[],
        )?;
        let bundle = [
            Update::of_app("homepage", "v1.4.3"),
            Update::of_app("it-tools", "2024.10.25"),
            Update::of_app("excalidraw", "0.17.6"),
            Update::of_app("echo", "36.1.0"),
        ];
        world.renovate_opens_with(Some(numbers.bundle), &bundle, None)?;
        for (number, app, version) in [
            (numbers.platform, "external-secrets", "0.20.1"),
            (numbers.monitoring, "grafana", BAD_VERSION),
            (numbers.core, "kured", "5.10.0"),
            (numbers.app, "stirling-pdf", "1.1.4"),
            (numbers.database, "postgres", "17.6"),
        ] {
            world.renovate_opens_numbered(number, app, version)?;
        }
        let date = today();
        let text = body::text(&numbers, &date);
        let issue = repository.open_issue(OPERATOR, &body::title(&date), &text, &[])?;
        let others = vec![
            numbers.related,
            numbers.bundle,
            numbers.platform,
            numbers.monitoring,
            numbers.core,
            numbers.app,
            numbers.database,
        ];
        Self::finish(world, options, issue, others)
    }

    /// The stage for a body from outside: what it names is there, as `inventions` say.
    pub(crate) async fn outside(
        options: &StageOptions,
        title: &str,
        text: &str,
        inventions: &[Invention],
    ) -> Result<Self, StageError> {
        let apps = inventions.iter().filter_map(Invention::app).collect();
        let world = start(options, apps, super::outside::names_crashes(text)).await?;
        let repository = world.repository();
        for invention in inventions {
            match invention {
                Invention::Issue { number } => {
                    let title = format!("Issue {number}, which the body names");
                    repository.open_issue_numbered(OPERATOR, *number, &title, "", &[])?;
                }
                Invention::Pull { number, updates, .. } => {
                    world.renovate_opens_with(Some(*number), updates, None)?;
                }
            }
        }
        let issue = repository.open_issue(OPERATOR, title, text, &[])?;
        let others = inventions.iter().map(Invention::number).collect();
        Self::finish(world, options, issue, others)
    }

    fn finish(
        world: World,
        options: &StageOptions,
        issue: u64,
        others: Vec<u64>,
    ) -> Result<Self, StageError> {
        for manifest in MANIFESTS {
            world.kubernetes().apply_manifests(manifest)?;
        }
        let folder = &options.folder;
        std::fs::create_dir_all(folder)
            .map_err(|source| StageError::Write { path: folder.clone(), source })?;
        let secret = uuid::Uuid::new_v4().simple().to_string();
        let kubeconfig = world.kubernetes().kubeconfig(&world.kubernetes().create_token(SERVICE_ACCOUNT));
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text)
                .map(|()| path.clone())
                .map_err(|source| StageError::Write { path, source })
        };
        let store = folder.join("caretaker.sqlite");
        let settings = Settings {
            forge: world.gitea().url(),
            token: write("forge-token", world.token(BOT))?,
            kubeconfig: write("kubeconfig", &kubeconfig)?,
            secret: write("webhook-secret", &secret)?,
            store: store.clone(),
            repository: format!("{}/{}", world.repository().owner(), world.repository().name()),
            options,
        };
        let settings = write("caretaker.toml", &settings.text())?;
        Ok(Self {
            world,
            issue,
            others,
            folder: folder.clone(),
            settings,
            store,
            secret: secret.into(),
            listen: options.listen,
            goes_wrong: options.goes_wrong,
        })
    }

    /// The simulated servers and the actors.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The number of the maintenance issue.
    #[must_use]
    pub fn issue_number(&self) -> u64 {
        self.issue
    }

    /// The numbers of the issues and pull requests that the maintenance issue names.
    #[must_use]
    pub fn others(&self) -> &[u64] {
        &self.others
    }

    /// The maintenance issue as it is now.
    #[must_use]
    pub fn issue(&self) -> Option<IssueView> {
        self.world.repository().issue(self.issue)
    }

    /// The file of settings for the service.
    #[must_use]
    pub fn settings(&self) -> &Path {
        &self.settings
    }

    /// Where the service remembers.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// Where files of the demonstration lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the monitoring update goes wrong here.
    #[must_use]
    pub fn goes_wrong(&self) -> bool {
        self.goes_wrong
    }

    /// Makes the forge send its deliveries to the service, by default where the settings let it listen.
    pub fn send_deliveries(&self, to: Option<SocketAddr>) -> Result<(), StageError> {
        let url = format!("http://{}/webhook", to.unwrap_or(self.listen));
        self.world.repository().add_hook(&url, self.secret.expose_secret(), &HOOK_EVENTS)?;
        Ok(())
    }

    /// From now on no delivery leaves the forge.
    pub fn drop_deliveries(&self) {
        self.world.gitea().set_delivery_mode(DeliveryMode::Dropped);
    }

    /// Whether the scenario is at its end. Cheap while it is not: this is asked all the time.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.issue().is_some_and(|issue| {
            (issue.state == IssueState::Closed || self.goes_wrong && waits_for_people(&issue.body))
                && self.missing().is_none()
        })
    }

    /// What is missing until the scenario is at its end; `None`: it is there.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let Some(issue) = self.issue() else { return Some("the maintenance issue".to_owned()) };
        let closed = issue.state == IssueState::Closed;
        if !self.goes_wrong {
            let resolved = closed && issue.title.contains("[RESOLVED]");
            return (!resolved).then(|| format!("closing the issue; open tasks: {}", open_ids(&issue.body)));
        }
        if closed {
            return Some("an open issue: it was closed".to_owned());
        }
        let open = open_ids(&issue.body);
        let wanted = format!("{} {}", body::MONITORING_TASK, body::FINAL_TASK);
        if open != wanted {
            return Some(format!("open tasks: {open}; expected {wanted}"));
        }
        if !issue.labels.iter().any(|label| label == NEEDS_HUMAN) {
            return Some(format!("the label {NEEDS_HUMAN}"));
        }
        (!waits_for_people(&issue.body)).then(|| "a status that only people are awaited".to_owned())
    }

    /// Stops the servers and the actors.
    pub async fn shutdown(&self) {
        self.world.shutdown().await;
    }
}

/// Whether the status says that only people are awaited.
pub(crate) fn waits_for_people(text: &str) -> bool {
    text.contains(crate::wording::run_state(crate::issue::RunState::WaitingForPerson))
}

/// The ids of the tasks whose box is open.
fn open_ids(text: &str) -> String {
    match crate::issue::read(text, &|_| (None, crate::merge::UpdateType::Unknown)) {
        Ok(reading) => {
            let open: Vec<String> =
                reading.tasks.into_iter().filter(|task| !task.ticked).map(|task| task.id).collect();
            open.join(" ")
        }
        Err(error) => error.to_string(),
    }
}

async fn start(
    options: &StageOptions,
    apps: Vec<sim::actors::AppSpec>,
    crashes: bool,
) -> Result<World, StageError> {
    let mut world = WorldOptions {
        speed: Speed::new(options.scale),
        seed: options.seed,
        page_user: Some(OPERATOR.to_owned()),
        ..WorldOptions::default()
    };
    if options.small {
        (world.nodes, world.control_planes) = (4, 1);
        world.apps.retain(|app| NAMED_APPS.contains(&app.name.as_str()));
    }
    world.apps.extend(apps);
    if crashes {
        let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(26);
        world.crashes = vec![
            Crash::new("osd.3", "node-06", yesterday),
            Crash::new("mgr.a", "node-04", yesterday + jiff::SignedDuration::from_mins(40)),
        ];
    }
    Ok(World::homelab(world).await?)
}

pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// What stands in the file of settings.
struct Settings<'a> {
    forge: String,
    token: PathBuf,
    kubeconfig: PathBuf,
    secret: PathBuf,
    store: PathBuf,
    repository: String,
    options: &'a StageOptions,
}

impl Settings<'_> {
    /// A time-out of a rollout, in seconds that the scale divides. A machine that is slow is no trouble in the cluster,
    /// so it stays a minute of real time.
    fn time_out(&self, seconds: f64) -> f64 {
        seconds.max(60.0 * self.options.scale)
    }

    /// How often the world is looked at, in seconds that the scale divides: ten times a second of real time at most, or all
    /// that happens faster is looking.
    fn poll(&self) -> f64 {
        f64::max(10.0, 0.1 * self.options.scale)
    }

    fn text(&self) -> String {
        // A path in a basic TOML string: the escapes are JSON's.
        let quoted = |path: &Path| serde_json::Value::String(path.display().to_string()).to_string();
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "[forge]\nurl = \"{}/\"\ntoken_file = {}\n\n[cluster]\nkubeconfig = {}\nexec = true\n\n[web]\nlisten = \
             \"{}\"\npage_listen = \"{}\"\nwebhook_secret_file = {}\n\n[store]\npath = {}\n\n[timing]\nscale = \
             {:?}\npoll_seconds = {:?}\nrollout_no_progress_seconds = {:?}\nrollout_maximum_seconds = {:?}\n\
             rollout_maximum_high_seconds = {:?}\n\n[run]\ntrusted = [\"{OPERATOR}\"]\n\n[[repository]]\nname = \"{}\"\nmode = \"auto\"\n",
            self.forge,
            quoted(&self.token),
            quoted(&self.kubeconfig),
            self.options.listen,
            self.options.page_listen,
            quoted(&self.secret),
            quoted(&self.store),
            self.options.scale,
            self.poll(),
            self.time_out(300.0),
            self.time_out(1800.0),
            self.time_out(3600.0),
            self.repository,
        );
        text
    }
}
