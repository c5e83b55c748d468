//! Puts the parts together, starts them, and stops them in order.
//!
//! The order of stopping decides a race: the worker ends first, so that nothing is begun that nobody will record, then
//! the watches that it looked through, then the listeners, so that deliveries are stored to the last, then the store.

use crate::cluster::{Cluster, ClusterError, Kubernetes};
use crate::config::Settings;
use crate::forge::{self, BRANCH_WRITE_TIMEOUT, Forge, Gitea, IssueNumber, RepositoryName};
use crate::inbox::{Hints, Inbox, KnownRepositories};
use crate::live::{Follower, Live};
use crate::merge::classify::Rules;
use crate::run::{self, Only, Parts, Scheduler, Standing, Worker};
use crate::store::{Store, StoreError};
use crate::web::{self, Readiness, Serving, WebState};
use crate::wording;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the worker may take to end what it is doing: a merge that was begun is not cut off. Real time, and less than
/// the Deployment's `terminationGracePeriodSeconds`.
const DRAIN: Duration = BRANCH_WRITE_TIMEOUT.saturating_add(Duration::from_secs(5));

/// How long what was begun by schedule may take then. Real time; nothing of it is lost.
const BEGUN: Duration = Duration::from_secs(5);

/// How often the journal is looked at for what is shown. Real time.
const LOOK: Duration = Duration::from_millis(100);

/// Why caretaker could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The settings about the forge.
    #[error("the settings about the forge are not usable")]
    ForgeSettings(#[from] forge::SettingsError),
    /// The forge's client.
    #[error("the forge's client could not be made")]
    ForgeClient(#[from] forge::ClientError),
    /// The cluster's credentials.
    #[error("the cluster cannot be reached: is `cluster.kubeconfig` right?")]
    Cluster(#[source] ClusterError),
    /// The listeners.
    #[error("the listeners could not be started")]
    Web(#[from] web::WebError),
    /// Their settings.
    #[error("the settings about the listeners are not usable")]
    WebSettings(#[from] web::SettingsError),
    /// The store.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The run.
    #[error("the run failed")]
    Run(#[from] run::RunError),
    /// The worker's task is gone.
    #[error("the worker ended by itself")]
    Fell(#[from] tokio::task::JoinError),
    /// No repository.
    #[error("the settings name no repository: add a [[repository]] table with `name = \"owner/name\"`")]
    NoRepository,
}

/// The parts that both `serve` and `run` need, and the cluster by itself: what is watched there is stopped at the end.
async fn parts(settings: &Settings, only: Option<Only>) -> Result<(Parts, Arc<Kubernetes>), AppError> {
    if settings.repository.is_empty() && !settings.discovery.enabled {
        return Err(AppError::NoRepository);
    }
    // A zone that does not exist was refused with the settings.
    if let Ok(zone) = settings.run.zone() {
        wording::set_zone(zone);
    }
    let forge: Arc<dyn Forge> =
        Arc::new(Gitea::new(settings.forge.url()?, &settings.forge.token()?, &settings.forge)?);
    let kubernetes = Arc::new(Kubernetes::connect(&settings.cluster).await.map_err(AppError::Cluster)?);
    let cluster: Arc<dyn Cluster> = Arc::clone(&kubernetes) as _;
    let store = Arc::new(Store::open(&settings.store.path).await?);
    kubernetes.start_watching(settings.health.recent_end(), crate::health::is_a_reporter);
    let known = known_at_start(settings, &store).await?;
    let parts = Parts {
        store,
        forge,
        cluster,
        settings: settings.run.clone(),
        repositories: settings.repository.clone(),
        discovery: settings.discovery.clone(),
        known,
        timing: settings.timing.clone(),
        rules: Rules::new(&settings.merge),
        merge_settings: settings.merge.clone(),
        renovate_settings: settings.renovate.clone(),
        recon_settings: settings.recon.clone(),
        health_settings: settings.health.clone(),
        cluster_settings: settings.cluster.clone(),
        hints: Hints::default(),
        news: kubernetes.news().clone(),
        readiness: Arc::new(Readiness::new(&settings.web)),
        only,
    };
    Ok((parts, kubernetes))
}

/// The repositories that deliveries are taken for until discovery has said once which there are, which takes as long as the
/// forge is down: no forge delivers again what was refused, and a tick that no delivery vouches for is none.
async fn known_at_start(settings: &Settings, store: &Store) -> Result<KnownRepositories, StoreError> {
    let mut names: Vec<RepositoryName> = settings.repository.iter().map(|table| table.name.clone()).collect();
    if settings.discovery.enabled {
        for run in store.all_open_runs().await? {
            let is_known = |known: &RepositoryName| known.to_string().eq_ignore_ascii_case(&run.repository);
            if !names.iter().any(is_known)
                && let Ok(name) = run.repository.parse()
                && settings.discovery.wants(&name)
            {
                names.push(name);
            }
        }
    }
    let known = KnownRepositories::from(names);
    let discovery = settings.discovery.clone();
    Ok(if discovery.enabled { known.and_later(move |name| discovery.wants(name)) } else { known })
}

/// The running service.
#[derive(Debug)]
pub(crate) struct App {
    store: Arc<Store>,
    kubernetes: Arc<Kubernetes>,
    serving: Serving,
    worker: JoinHandle<Result<Standing, run::RunError>>,
    /// Ends with the worker.
    scheduler: Option<JoinHandle<()>>,
    stop_worker: CancellationToken,
    stop_web: CancellationToken,
    known: KnownRepositories,
    hints: Hints,
}

impl App {
    /// Opens the store, connects forge and cluster, listens, and lets the worker loop.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, AppError> {
        let (parts, kubernetes) = parts(settings, None).await?;
        let parts = Arc::new(parts);
        let stop_worker = CancellationToken::new();
        let stop_web = CancellationToken::new();
        let (known, hints) = (parts.known.clone(), parts.hints.clone());
        let keys = settings.web.hook_keys()?.with_shared(settings.looks_after_one());
        let label = &settings.run.maintenance_label;
        let inbox = Inbox::new(keys, known.clone(), label, &settings.inbox, &parts.store, hints.clone());
        let state = WebState {
            inbox: Arc::new(inbox),
            store: Arc::clone(&parts.store),
            readiness: Arc::clone(&parts.readiness),
            forge: Arc::clone(&parts.forge),
        };
        let serving = web::serve(&settings.web, state, stop_web.clone()).await?;
        let store = Arc::clone(&parts.store);
        let scheduler = match settings.choose(settings.schedule.repository.as_ref()) {
            Ok(table) if settings.schedule.is_used() => {
                let scheduler = Scheduler::new(Arc::clone(&parts), settings.schedule.clone(), table.name);
                Some(tokio::spawn(scheduler.run(stop_worker.clone())))
            }
            // One that is needed and not named was refused with the settings.
            Ok(_) | Err(_) => None,
        };
        let worker = Worker::new(parts).await?;
        let worker = tokio::spawn(worker.run(stop_worker.clone()));
        Ok(Self { store, kubernetes, serving, worker, scheduler, stop_worker, stop_web, known, hints })
    }

    /// Has every repository looked at now, each time it is called: what nobody delivered is found without waiting.
    pub(crate) fn looks(&self) -> impl Fn() + Send + 'static {
        let (known, hints) = (self.known.clone(), self.hints.clone());
        move || known.mark_all(&hints)
    }

    /// Where `/webhook`, `/healthz` and `/readyz` are.
    pub(crate) fn address(&self) -> SocketAddr {
        self.serving.address
    }

    /// Where the page is.
    pub(crate) fn page_address(&self) -> SocketAddr {
        self.serving.page_address
    }

    /// Where runs are remembered.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Runs until the token is cancelled, then stops in order.
    pub(crate) async fn until(self, stop: CancellationToken) -> Result<(), AppError> {
        let Self { store, kubernetes, serving, mut worker, scheduler, stop_worker, stop_web, .. } = self;
        let mut ended = tokio::spawn(serving.ended());
        let early = tokio::select! {
            () = stop.cancelled() => None,
            done = &mut worker => Some(done),
            web = &mut ended => {
                web??;
                None
            }
        };
        stop_worker.cancel();
        let outcome = match early {
            Some(done) => done?.map(|_| ()),
            None => {
                if let Ok(done) = tokio::time::timeout(DRAIN, &mut worker).await {
                    done?.map(|_| ())
                } else {
                    tracing::warn!(
                        "the worker did not end in time; what it began is found out at the next start"
                    );
                    worker.abort();
                    Ok(())
                }
            }
        };
        if let Some(scheduler) = scheduler
            && tokio::time::timeout(BEGUN, scheduler).await.is_err()
        {
            tracing::warn!("what was looked for by schedule did not end in time; it is done again");
        }
        kubernetes.stop_watching().await;
        stop_web.cancel();
        if !ended.is_finished() {
            ended.await??;
        }
        store.close().await;
        outcome.map_err(AppError::Run)
    }
}

/// Works on one issue in the foreground, until its run is over or waits for people, and shows what happens.
pub(crate) async fn run_issue(
    settings: &Settings,
    repository: &run::Repository,
    issue: IssueNumber,
    stop: CancellationToken,
    live: &Live,
) -> Result<Standing, AppError> {
    let only = Only { repository: repository.clone(), issue };
    let (parts, kubernetes) = parts(settings, Some(only)).await?;
    let parts = Arc::new(parts);
    let store = Arc::clone(&parts.store);
    let name = repository.name.to_string();
    let worker = Worker::new(parts).await?;
    live.rest(&wording::looks_first());
    let mut follower = Some(Follower::resuming(Arc::clone(&store), name, issue.0, live).await?);
    // A task of its own: what is shown must not hold up what is done.
    let mut worker = tokio::spawn(worker.run(stop.clone()));
    let mut told = false;
    let ended = loop {
        let ended = tokio::select! {
            done = &mut worker => Some(done),
            () = stop.cancelled(), if !told => {
                told = true;
                live.rest(&wording::stopping());
                None
            }
            () = tokio::time::sleep(LOOK) => None,
        };
        if let Some(following) = &mut follower
            && let Err(error) = following.follow(live).await
        {
            tracing::warn!(%error, "what happens cannot be shown any more; the work goes on");
            follower = None;
        }
        if let Some(ended) = ended {
            break ended;
        }
    };
    kubernetes.stop_watching().await;
    store.close().await;
    Ok(ended??)
}

#[cfg(test)]
mod tests {
    use super::known_at_start;
    use crate::config::Settings;
    use crate::inbox::Hints;
    use crate::run::{Discovery, Repository};
    use crate::store::Store;
    use jiff::Timestamp;

    #[tokio::test]
    async fn what_was_found_before_is_known_from_the_start_where_it_has_an_open_run() {
        let store = Store::in_memory().await.unwrap();
        let now = Timestamp::now();
        for (repository, issue) in
            [("ops/garden", 7), ("ops/garden", 8), ("Ops/Homelab", 7), ("home/lights", 7), ("ops/over", 7)]
        {
            let run = store.open_run(repository, issue, now).await.unwrap();
            if repository == "ops/over" {
                store.end_run(run.id, now).await.unwrap();
            }
        }
        let owners = vec!["ops".to_owned()];
        for (enabled, owners, expected) in [
            (false, vec![], &["ops/homelab"][..]),
            (true, vec![], &["home/lights", "ops/garden", "ops/homelab"]),
            (true, owners, &["ops/garden", "ops/homelab"]),
        ] {
            let settings = Settings {
                repository: vec![Repository::new("ops/homelab".parse().unwrap())],
                discovery: Discovery { enabled, owners, ..Discovery::default() },
                ..Settings::default()
            };
            let hints = Hints::default();
            known_at_start(&settings, &store).await.unwrap().mark_all(&hints);
            let known: Vec<String> = hints.notified().await.iter().map(ToString::to_string).collect();
            assert_eq!(known, expected, "{enabled}");
        }
    }
}
