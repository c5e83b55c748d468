//! The whole homelab: both servers, the repository, and every actor, started together and stopped together.
//!
//! A story is told through the methods of [`World`]: each switches one thing, and the actors do the rest in their own
//! time. Nothing here waits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::apps::AppSpec;
use super::argocd::ArgoCd;
use super::catalog::homelab_apps;
use super::ceph::{Ceph, Check, Crash};
use super::flux::Flux;
use super::nodes::{self, Nodes};
use super::person::{Person, PersonError};
use super::renovate::{Renovate, RenovateHandle, RenovateOptions, Update};
use super::rook::{self, Rook, SharedCeph};
use super::story::{ControllerState, Story};
use super::workloads::Workloads;
use super::{Speed, Surroundings, application, flux, homelab, volumes};
use crate::gitea::{self, Down, FileChange, Gitea, NewCommit, Refusal, Repository};
use crate::kubernetes::{
    self, APPLICATION, CERTIFICATE, CustomKind, GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, Kubernetes,
    KubernetesError, POD,
};

/// Why the world could not be started, or could not do what the story asks.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The forge could not listen.
    #[error("the simulated forge could not be started")]
    Forge(#[source] std::io::Error),
    /// The cluster could not be started.
    #[error("the simulated cluster could not be started")]
    Cluster(#[source] Box<KubernetesError>),
    /// The forge refused.
    #[error("the simulated forge refuses")]
    Refused(#[from] Refusal),
    /// There is no such app.
    #[error("there is no app {0}")]
    UnknownApp(String),
    /// No file of the repository holds the package.
    #[error("no file holds the package {0}")]
    UnknownPackage(String),
    /// A person's client could not be made.
    #[error("no client for a person")]
    Person(#[from] PersonError),
}

/// What brings the repository into the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GitOps {
    /// Argo CD, with an Application for each app.
    #[default]
    ArgoCd,
    /// Flux, with a Kustomization for each app.
    Flux,
}

/// How the world starts.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// How fast the actors work.
    pub speed: Speed,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many nodes there are.
    pub nodes: usize,
    /// How many of them are control planes.
    pub control_planes: usize,
    /// What brings the apps into the cluster.
    pub gitops: GitOps,
    /// The apps.
    pub apps: Vec<AppSpec>,
    /// Crashes that Ceph warns of.
    pub crashes: Vec<Crash>,
    /// How Renovate writes.
    pub renovate: RenovateOptions,
    /// How often, in real time, Argo CD and Rook show that they live.
    pub life_sign: Duration,
    /// How often, in real time, kubelets send their heartbeat.
    pub heartbeat: Duration,
    /// The owner of the repository.
    pub owner: String,
    /// The name of the repository.
    pub repository: String,
    /// The address that the Applications read the repository from; without one, the forge's own.
    pub repository_url: Option<String>,
    /// Where the forge listens; port 0 takes a free one.
    pub forge_address: SocketAddr,
    /// Where the cluster listens; port 0 takes a free one.
    pub cluster_address: SocketAddr,
    /// The login that acts on the forge's page.
    pub page_user: Option<String>,
    /// Which server the forge is.
    pub server: gitea::Server,
}

impl Default for WorldOptions {
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            speed: Speed::new(1.0),
            seed: 1,
            nodes: 10,
            control_planes: 3,
            gitops: GitOps::default(),
            apps: homelab_apps(),
            crashes: Vec::new(),
            renovate: RenovateOptions::default(),
            life_sign: Duration::from_secs(2),
            heartbeat: Duration::from_secs(5),
            owner: "ops".into(),
            repository: "homelab".into(),
            repository_url: None,
            forge_address: loopback,
            cluster_address: loopback,
            page_user: None,
            server: gitea::Server::default(),
        }
    }
}

/// The running homelab; cheap to clone.
#[derive(Clone, Debug)]
pub struct World {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    gitea: Gitea,
    kubernetes: Kubernetes,
    repository: Repository,
    repository_url: String,
    gitops: GitOps,
    speed: Speed,
    story: Arc<Story>,
    ceph: SharedCeph,
    renovate: RenovateHandle,
    tokens: BTreeMap<&'static str, String>,
    apps: Mutex<BTreeMap<String, AppSpec>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever forgets to shut the world down must not be left with its actors.
        self.stop.cancel();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Starts the homelab: everything deployed, healthy but for what the options say, and at rest.
    pub async fn homelab(options: WorldOptions) -> Result<Self, WorldError> {
        let forge = gitea::Options {
            server: options.server,
            address: options.forge_address,
            mergeable_delay: options.speed.seconds(0.3).max(Duration::from_millis(1)),
            seed: options.seed,
            page_user: options.page_user.clone(),
        };
        let gitea = Gitea::start(forge).await.map_err(WorldError::Forge)?;
        let cluster = kubernetes::Options {
            listen: options.cluster_address,
            namespaces: homelab::namespaces(),
            ..kubernetes::Options::default()
        };
        let kubernetes =
            Kubernetes::start(cluster).await.map_err(|error| WorldError::Cluster(Box::new(error)))?;
        let tokens = homelab::build_forge(&gitea, &options)?;
        let repository = gitea.repository(&options.owner, &options.repository);
        let repository_url = options
            .repository_url
            .clone()
            .unwrap_or_else(|| format!("{}/{}/{}.git", gitea.url(), options.owner, options.repository));

        for index in 0..options.nodes {
            nodes::build(&kubernetes, index, index < options.control_planes);
        }
        homelab::build_system(&kubernetes, options.gitops);
        homelab::build_webhooks(&kubernetes);
        match options.gitops {
            GitOps::ArgoCd => {
                for app in &options.apps {
                    kubernetes.apply(application::object(&app.name, &repository_url, &app.path()));
                }
            }
            GitOps::Flux => {
                kubernetes.unregister(&APPLICATION);
                for kind in [GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE] {
                    kubernetes.register(CustomKind { kind, status_subresource: true });
                }
                kubernetes.namespace(flux::NAMESPACE);
                for object in flux::objects(&options.apps, &repository_url, &repository.default_branch()) {
                    kubernetes.apply(object);
                }
            }
        }
        let story = Arc::new(Story::default());
        let surroundings = Surroundings {
            kubernetes: kubernetes.clone(),
            speed: options.speed,
            story: Arc::clone(&story),
            seed: options.seed,
        };
        let mut argocd =
            ArgoCd::new(surroundings.clone(), repository.clone(), repository_url.clone(), options.life_sign);
        argocd.build();
        let mut flux =
            (options.gitops == GitOps::Flux).then(|| Flux::new(surroundings.clone(), repository.clone()));
        flux.iter_mut().for_each(Flux::build);
        let mut workloads = Workloads::new(surroundings);
        workloads.build();
        argocd.publish_all();
        let hosts = (0..options.nodes).skip(options.control_planes).map(nodes::name).collect();
        let ceph = SharedCeph::new(Ceph { crashes: options.crashes.clone(), hosts, ..Ceph::default() });
        rook::build(&kubernetes, &ceph);
        ceph.answer_commands(&kubernetes);
        let with_names: Vec<&str> = options
            .apps
            .iter()
            .filter(|app| app.group == "apps")
            .map(|app| app.name.as_str())
            .take(8)
            .collect();
        // Where nobody makes certificates there are none.
        if options.apps.iter().any(|app| app.name == "cert-manager") {
            homelab::build_certificates(&kubernetes, &with_names);
        }

        let stop = CancellationToken::new();
        let (renovate, renovate_handle) =
            Renovate::new(repository.clone(), options.renovate.clone(), options.speed);
        let rook = Rook {
            kubernetes: kubernetes.clone(),
            ceph: ceph.clone(),
            speed: options.speed,
            interval: options.life_sign,
        };
        let kubelets = Nodes::new(kubernetes.clone(), Arc::clone(&story), options.heartbeat);
        let mut tasks = vec![
            tokio::spawn(workloads.run(kubernetes.subscribe(), stop.clone())),
            tokio::spawn(argocd.run(kubernetes.subscribe(), gitea.subscribe(), stop.clone())),
            tokio::spawn(kubelets.run(kubernetes.subscribe(), stop.clone())),
            tokio::spawn(rook.run(stop.clone())),
            tokio::spawn(renovate.run(gitea.subscribe(), stop.clone())),
            tokio::spawn(volumes::run(kubernetes.clone(), kubernetes.subscribe(), stop.clone())),
        ];
        if let Some(flux) = flux {
            tasks.push(tokio::spawn(flux.run(gitea.subscribe(), stop.clone())));
        }
        let apps = options.apps.into_iter().map(|app| (app.name.clone(), app)).collect();
        let inner = Inner {
            gitea,
            kubernetes,
            repository,
            repository_url,
            gitops: options.gitops,
            speed: options.speed,
            story,
            ceph,
            renovate: renovate_handle,
            tokens,
            apps: Mutex::new(apps),
            stop,
            tasks: Mutex::new(tasks),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The forge.
    #[must_use]
    pub fn gitea(&self) -> &Gitea {
        &self.inner.gitea
    }

    /// The cluster.
    #[must_use]
    pub fn kubernetes(&self) -> &Kubernetes {
        &self.inner.kubernetes
    }

    /// The repository that the cluster is run from.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.inner.repository
    }

    /// The address that the Applications read the repository from.
    #[must_use]
    pub fn repository_url(&self) -> &str {
        &self.inner.repository_url
    }

    /// The access token of `operator`, `caretaker` or `renovate`; an empty text for anybody else.
    #[must_use]
    pub fn token(&self, login: &str) -> &str {
        self.inner.tokens.get(login).map_or("", String::as_str)
    }

    /// A person with the account of `operator`, `caretaker` or `renovate`, at the API.
    pub fn person(&self, login: &str) -> Result<Person, WorldError> {
        let repository = &self.inner.repository;
        Ok(Person::new(&self.inner.gitea.url(), self.token(login), repository.owner(), repository.name())?)
    }

    /// The apps, by name.
    #[must_use]
    pub fn apps(&self) -> Vec<AppSpec> {
        lock(&self.inner.apps).values().cloned().collect()
    }

    /// Adds an app that the story needs: its files, its Application, its pods. Argo CD deploys it in its own time.
    pub fn add_app(&self, app: AppSpec) -> Result<(), WorldError> {
        let files = app.files().into_iter().map(|(path, content)| FileChange::text(path, content)).collect();
        let commit = NewCommit {
            author: homelab::OPERATOR.into(),
            message: format!("feat({}): deploy {}", app.name, app.name),
            files,
            from: None,
        };
        self.inner.repository.commit(&self.inner.repository.default_branch(), commit)?;
        self.inner.kubernetes.apply(match self.inner.gitops {
            GitOps::ArgoCd => application::object(&app.name, &self.inner.repository_url, &app.path()),
            GitOps::Flux => flux::kustomization(&app),
        });
        lock(&self.inner.apps).insert(app.name.clone(), app);
        Ok(())
    }

    /// Renovate opens a pull request that moves one app to a version. Its number is the next one.
    pub fn renovate_opens(&self, app: &str, version: &str) -> Result<u64, WorldError> {
        self.renovate_opens_with(None, &[Update::of_app(app, version)], None)
    }

    /// The same with a number that is not taken.
    pub fn renovate_opens_numbered(&self, number: u64, app: &str, version: &str) -> Result<u64, WorldError> {
        self.renovate_opens_with(Some(number), &[Update::of_app(app, version)], None)
    }

    /// Renovate opens a pull request with several updates (a bundle, when there is more than one), under a title of its
    /// own making unless one is given.
    pub fn renovate_opens_with(
        &self,
        number: Option<u64>,
        updates: &[Update],
        title: Option<&str>,
    ) -> Result<u64, WorldError> {
        let apps = lock(&self.inner.apps);
        self.inner.renovate.open(&self.inner.repository, &apps, number, updates, title)
    }

    /// From this version on, the app's containers crash.
    pub fn app_degrades_from(&self, app: &str, version: &str) {
        self.inner.story.set_bad_from(app, version);
    }

    /// The app's containers no longer crash.
    pub fn app_recovers(&self, app: &str) {
        self.inner.story.set_well(app);
    }

    /// Every sync of the app fails and is retried.
    pub fn sync_fails(&self, app: &str) {
        self.inner.story.set_refused(app, None);
    }

    /// Syncs of the app fail from this version on, and are retried.
    pub fn sync_fails_from(&self, app: &str, version: &str) {
        self.inner.story.set_refused(app, Some(version));
    }

    /// Syncs of the app work again.
    pub fn sync_works(&self, app: &str) {
        self.inner.story.set_accepted(app);
    }

    /// Argo CD cannot generate the app's manifests (`ComparisonError`), or can again.
    pub fn manifests_fail(&self, app: &str, fail: bool) {
        self.inner.story.set_unreadable(app, fail);
    }

    /// The node's kubelet stops; after a while the control plane marks the node.
    pub fn node_not_ready(&self, name: &str) {
        self.inner.story.set_node_silent(name, true);
        let (world, name) = (self.clone(), name.to_owned());
        self.spawn(async move {
            tokio::time::sleep(world.inner.speed.seconds(50.0)).await;
            if world.inner.story.is_node_silent(&name) {
                nodes::set_lost(&world.inner.kubernetes, &name);
            }
        });
    }

    /// The node's kubelet reports again.
    pub fn node_ready(&self, name: &str) {
        self.inner.story.set_node_silent(name, false);
        nodes::set_found(&self.inner.kubernetes, name);
    }

    /// Argo CD's controller stops working, and its pod is not ready.
    pub fn argocd_dies(&self) {
        self.inner.story.set_argocd(ControllerState::Dead);
        self.set_controller_ready(false);
    }

    /// Argo CD's controller stops working while its pod looks well.
    pub fn argocd_hangs(&self) {
        self.inner.story.set_argocd(ControllerState::Hangs);
    }

    /// Argo CD's controller works again.
    pub fn argocd_recovers(&self) {
        self.set_controller_ready(true);
        self.inner.story.set_argocd(ControllerState::Works);
    }

    fn set_controller_ready(&self, ready: bool) {
        let pod = format!("{}-0", homelab::CONTROLLER);
        let stage =
            if ready { super::pods::Stage::Ready } else { super::pods::Stage::Crashing { restarts: 4 } };
        let namespace = Some(application::NAMESPACE);
        self.inner.kubernetes.update(&POD, namespace, &pod, |pod| super::pods::set_stage(pod, stage));
    }

    /// A daemon of Ceph has crashed.
    pub fn ceph_crashes(&self, crash: Crash) {
        self.inner.ceph.change(|ceph| ceph.crashes.push(crash));
    }

    /// Ceph reports a health check that is not well; `severity` is `HEALTH_WARN` or `HEALTH_ERR`.
    pub fn ceph_reports(&self, name: &str, severity: &'static str, message: &str) {
        let check =
            Check { name: name.into(), severity, message: message.into(), details: vec![message.into()] };
        self.inner.ceph.change(|ceph| {
            ceph.checks.retain(|known| known.name != name);
            ceph.checks.push(check);
        });
    }

    /// That check is well again.
    pub fn ceph_recovers(&self, name: &str) {
        self.inner.ceph.change(|ceph| ceph.checks.retain(|known| known.name != name));
    }

    /// Gives a command to Ceph, as the tools pod does.
    #[must_use]
    pub fn ceph_command(&self, command: &[String]) -> kubernetes::ExecAnswer {
        self.inner.ceph.answer(command)
    }

    /// A certificate is no longer ready.
    pub fn certificate_fails(&self, namespace: &str, name: &str) {
        self.inner.kubernetes.update(&CERTIFICATE, Some(namespace), name, |object| {
            object["status"]["conditions"][0]["status"] = json!("False");
            object["status"]["conditions"][0]["reason"] = json!("Expired");
            object["status"]["conditions"][0]["message"] = json!("Certificate expired");
        });
    }

    /// The body of an issue or pull request as it is now.
    #[must_use]
    pub fn issue_body(&self, number: u64) -> Option<String> {
        self.inner.repository.issue(number).map(|issue| issue.body)
    }

    /// Renovate does nothing by itself, or begins again. It still opens what it is told to.
    pub fn renovate_sleeps(&self, asleep: bool) {
        self.inner.renovate.sleep(asleep);
    }

    /// The forge refuses every connection, or takes them again.
    pub fn forge_down(&self, down: bool) {
        self.inner.gitea.faults().set_down(down.then_some(Down::Refused));
    }

    /// The cluster breaks every connection, or takes them again.
    pub fn cluster_down(&self, down: bool) {
        self.inner.kubernetes.faults().set_down(down);
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.inner.stop.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
        lock(&self.inner.tasks).push(task);
    }

    /// Stops every actor and both servers.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        let tasks = std::mem::take(&mut *lock(&self.inner.tasks));
        for task in tasks {
            // An error means that the actor panicked, which its own output tells.
            let _ = task.await;
        }
        self.inner.gitea.shutdown().await;
        self.inner.kubernetes.shutdown().await;
    }
}
