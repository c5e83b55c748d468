//! The worker: observe, decide, act, record, report; again.
//!
//! There is one worker a process, and it alone has effects. Races decided here: hints, time and a restart all lead to
//! the same look at the world (level, not edge); two caretakers on one cluster are kept apart by the lease, which is
//! taken before the first look that may lead to an effect; the body is written from a fresh text, and what will be
//! remembered of it is stored before the forge is asked, so that our own writes are always recognised. Repositories are
//! looked at one after the other, so what one look began in the cluster is known to the next.

mod beside;
mod desk;
mod discovery;
mod lock;
mod missed;
mod subject;
mod turn;
mod waking;

pub(crate) use crate::error_chain::chain;
pub(super) use lock::Lock;
pub(super) use subject::by_turn;
pub(super) use turn::{Scene, Work};

use super::act::StepIds;
use super::settings::{Discovery, Repository as RepositorySettings, Settings};
use crate::cluster::{self, Cluster, ClusterError, ClusterLease, News};
use crate::forge::{Account, Forge, ForgeError, IssueNumber, RepositoryName};
use crate::health::{self};
use crate::inbox::{Hints, KnownRepositories};
use crate::issue::{ReconSettings, hex};
use crate::merge::{self, classify::Rules};
use crate::store::{RunId, Store, StoreError};
use crate::timing::Timing;
use crate::web::{Peer, Readiness};
use desk::Desk;
use jiff::Timestamp;
use missed::Watch;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use waking::Waking;

/// Why a look failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The forge.
    #[error("the forge failed")]
    Forge(#[from] ForgeError),
    /// The cluster.
    #[error("the cluster failed")]
    Cluster(#[from] ClusterError),
    /// The store.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// An event of the journal that this version does not know.
    #[error("the journal of run {run} holds an event that cannot be read: a newer caretaker wrote it?")]
    Journal {
        /// The run.
        run: RunId,
        /// Why.
        source: serde_json::Error,
    },
}

impl RunError {
    /// Whether a person has to mend something before it can work.
    fn needs_person(&self) -> bool {
        match self {
            Self::Forge(error) => error.needs_person(),
            Self::Journal { .. } => true,
            Self::Cluster(_) | Self::Store(_) => false,
        }
    }
}

/// The one run that a worker in the foreground works on.
#[derive(Debug, Clone)]
pub(crate) struct Only {
    /// Its repository.
    pub(crate) repository: RepositorySettings,
    /// Its issue.
    pub(crate) issue: IssueNumber,
}

/// What a worker is made of.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// Where runs are remembered.
    pub(crate) store: Arc<Store>,
    /// The forge.
    pub(crate) forge: Arc<dyn Forge>,
    /// The cluster.
    pub(crate) cluster: Arc<dyn Cluster>,
    /// Settings of runs.
    pub(crate) settings: Settings,
    /// The repositories that the settings name.
    pub(crate) repositories: Vec<RepositorySettings>,
    /// Whether others are looked for.
    pub(crate) discovery: Discovery,
    /// All of them, as the inbox knows them.
    pub(crate) known: KnownRepositories,
    /// How long things are given.
    pub(crate) timing: Timing,
    /// Settings of merging.
    pub(crate) merge_settings: merge::Settings,
    /// Settings about Renovate.
    pub(crate) renovate_settings: merge::RenovateSettings,
    /// `[recon]`.
    pub(crate) recon_settings: ReconSettings,
    /// Categories and foundations.
    pub(crate) rules: Rules,
    /// Settings of health.
    pub(crate) health_settings: health::Settings,
    /// Settings of the cluster.
    pub(crate) cluster_settings: cluster::Settings,
    /// What the inbox hints at.
    pub(crate) hints: Hints,
    /// What the watches of the cluster tell.
    pub(crate) news: News,
    /// What `/readyz` shows.
    pub(crate) readiness: Arc<Readiness>,
    /// Work on this issue alone, and stop when it is over or waits for people.
    pub(crate) only: Option<Only>,
}

impl Parts {
    /// Whether a repository is looked after, or would be where it is found again. A name in `discovery.ignore`, and without
    /// discovery one that no table has, is a person's word that what is half done there, and what was declared there, counts for
    /// nothing any more.
    pub(crate) fn looks_after(&self, repository: &str) -> bool {
        let is_it =
            |settings: &RepositorySettings| settings.name.to_string().eq_ignore_ascii_case(repository);
        self.repositories.iter().any(is_it)
            || self.only.as_ref().is_some_and(|only| is_it(&only.repository))
            || self.discovery.enabled && !self.discovery.ignores(repository)
    }
}

/// When to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// At once.
    Now,
    /// Soon: the world is awaited.
    Soon,
    /// When there is a hint, or the timer says so.
    Later(Standing),
}

/// How a repository stands when nothing can be done there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No open maintenance issue.
    NoIssue,
    /// Only people are awaited.
    People,
    /// Only the hour is awaited in which a change may start.
    Window {
        /// When that is.
        opens: Timestamp,
    },
    /// Something must be mended before anything is done.
    Obstacles,
    /// The repository itself cannot be worked in.
    Unusable {
        /// Which.
        repository: RepositoryName,
        /// Why, in words that follow its name.
        why: String,
    },
    /// The run is stopped.
    Paused,
    /// Another caretaker holds the lock.
    Locked {
        /// Its identity.
        holder: String,
    },
    /// The run is over.
    Over,
    /// The worker was told to stop.
    Stopped,
}

/// The hash by which a text is recognised.
pub(crate) fn text_hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(text.as_bytes()))
}

/// The worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(super) parts: Arc<Parts>,
    pub(super) holder: String,
    pub(super) steps: StepIds,
    bot: Option<Account>,
    works: HashMap<RunId, Work>,
    /// The open runs whose journals cannot be read, by repository and issue.
    unread: BTreeSet<(String, u64)>,
    pub(super) lease: Option<ClusterLease>,
    /// What the last asking for the lock gave, for as long as a repository wants it.
    asked: Option<Lock>,
    /// The repositories that are looked after: those of the settings, then those that were found.
    desks: Vec<Desk>,
    /// When others are looked for next; `None`: at once.
    discovery_due: Option<Instant>,
    /// Those that nobody looks after and for which something was delivered.
    called: BTreeSet<RepositoryName>,
    /// When it is asked whether one of them is to be looked after now.
    called_due: Option<Instant>,
    /// Whether the forge has said since the start which there are.
    has_discovered: bool,
    /// When the cluster's news lead to a look.
    waking: Waking,
}

impl Worker {
    /// A worker with nothing remembered.
    pub(crate) async fn new(parts: Arc<Parts>) -> Result<Self, StoreError> {
        let holder = parts.store.holder().await?;
        let steps = StepIds::new(&holder, parts.store.step_key().await?);
        let (works, unread) = (HashMap::new(), BTreeSet::new());
        let tables = parts.repositories.iter().cloned();
        let desks = match &parts.only {
            // Nothing is delivered to who works in the foreground.
            Some(only) => vec![Desk::new(only.repository.clone(), Watch::fresh())],
            None => tables.map(|table| Desk::new(table, Watch::resuming())).collect(),
        };
        let (bot, lease, asked, discovery_due, called_due) = (None, None, None, None, None);
        let (called, has_discovered) = (BTreeSet::new(), false);
        Ok(Self {
            parts,
            holder,
            steps,
            bot,
            works,
            unread,
            lease,
            asked,
            desks,
            discovery_due,
            called,
            called_due,
            has_discovered,
            waking: Waking::default(),
        })
    }

    /// Works until it is told to stop; with `only`, until that run is over or waits for people.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<Standing, RunError> {
        self.recollect().await;
        let mut watched: Option<(Instant, Option<Timestamp>)> = None;
        let standing = loop {
            self.discover(&stop).await;
            self.round(&stop).await;
            if stop.is_cancelled() {
                break Standing::Stopped;
            }
            if self.desks.iter().any(|desk| desk.again) {
                continue;
            }
            let busy = self.desks.iter().any(|desk| desk.busy);
            let failed = self.desks.iter().any(Desk::has_failed);
            let mut wait = self.until_due();
            if self.parts.only.is_some() && !busy && !failed {
                let standing = self.desks.last().map_or(Standing::NoIssue, |desk| desk.standing.clone());
                let Some(Lock::HeldBy(holder)) = &self.asked else { break standing };
                // A caretaker that died holds the lock until it has run out, which shows only by watching it.
                let (since, renewed) = *watched.get_or_insert((Instant::now(), holder.renewed_at));
                if renewed != holder.renewed_at || since.elapsed() >= lock::PATIENCE {
                    break standing;
                }
                wait = wait.min(lock::RENEWAL);
            }
            // Where only people are awaited another caretaker may work; what is half done keeps the lock.
            if !busy && !self.is_in_flight() {
                self.give_lock_back().await;
            }
            if self.rest(wait, &stop).await {
                break Standing::Stopped;
            }
        };
        self.give_lock_back().await;
        self.keep_all_seen().await;
        tracing::info!(requests = %self.parts.forge.traffic(), "asked of the forge");
        Ok(standing)
    }

    /// Looks once at every repository that is due.
    async fn round(&mut self, stop: &CancellationToken) {
        for at in 0..self.desks.len() {
            if stop.is_cancelled() {
                return;
            }
            if !self.desks[at].is_due(Instant::now()) {
                continue;
            }
            let settings = self.desks[at].settings.clone();
            let span = tracing::info_span!("repository", name = %settings.name);
            let before = self.asked.take();
            let result = Box::pin(self.turn(at, &settings)).instrument(span.clone()).await;
            self.desks[at].wants_lock = self.asked.is_some();
            if self.desks.iter().any(|desk| desk.wants_lock) && self.asked.is_none() {
                self.asked = before;
            }
            if let Err(error) = &result {
                self.note_failure(&settings, error);
            }
            self.stands(&settings.name, result.as_ref().ok());
            let desk = &mut self.desks[at];
            let timing = &self.parts.timing;
            span.in_scope(|| {
                if desk.note(&result, timing) {
                    let what = desk.said.as_deref();
                    tracing::error!(what, "nothing can be done here; it is said again when that changes");
                }
            });
            self.parts.readiness.looped();
        }
        self.parts.readiness.looped();
    }

    /// How long until something is to be done. Never longer than an ordinary pause, so that the worker shows that it lives.
    fn until_due(&self) -> Duration {
        let now = Instant::now();
        let due = self.desks.iter().map(|desk| desk.left(now));
        due.min().unwrap_or(Duration::MAX).min(self.parts.timing.reconcile())
    }

    /// Waits for a hint, for news of the cluster where somebody is following it, or the time. Nothing but the lock is asked for meanwhile: ours is renewed, and one that was not to
    /// be had is asked for until something about it changes. Says whether it was told to stop.
    async fn rest(&mut self, wait: Duration, stop: &CancellationToken) -> bool {
        let (until, news) = (Instant::now() + wait, self.parts.news.clone());
        let follows = self.desks.iter().any(Desk::follows);
        loop {
            if self.waking.wakes(Instant::now()) {
                self.desks.iter_mut().filter(|desk| desk.follows()).for_each(Desk::stir);
                return false;
            }
            let until = self.waking.due().map_or(until, |due| until.min(due));
            let left = until.saturating_duration_since(Instant::now());
            let before = self.asked.clone().or(self.lease.as_ref().map(|_| Lock::Held));
            let nap = if before.is_some() { left.min(lock::RENEWAL) } else { left };
            tokio::select! {
                () = stop.cancelled() => return true,
                marked = self.parts.hints.notified() => {
                    self.called_for(&marked);
                    return false;
                }
                () = news.told(), if follows && self.waking.due().is_none() => {
                    self.waking.told(Instant::now(), self.parts.timing.poll());
                    continue;
                }
                () = tokio::time::sleep(nap) => {}
            }
            if Instant::now() >= until {
                if self.waking.is_due(Instant::now()) {
                    continue;
                }
                return false;
            }
            let now = self.lock().await;
            if before.is_none_or(|before| !before.is_like(&now)) {
                self.desks.iter_mut().filter(|desk| desk.wants_lock).for_each(Desk::call);
                return false;
            }
        }
    }

    /// Shows how a repository stands where it cannot be worked in.
    fn stands(&self, name: &RepositoryName, next: Option<&Next>) {
        let why = match next {
            Some(Next::Later(Standing::Unusable { why, .. })) => Some(why.clone()),
            Some(_) => None,
            // A look that failed says nothing new of that.
            None => return,
        };
        self.parts.readiness.repository_says(name, why);
    }

    fn note_failure(&self, settings: &RepositorySettings, error: &RunError) {
        match error {
            RunError::Forge(error) => {
                // While nothing goes out, that is what there is to say, whichever request it was.
                let down = self.parts.forge.traffic().down;
                self.parts.readiness.failed(Peer::Forge, down.unwrap_or_else(|| chain(error)));
            }
            RunError::Cluster(error) => self.parts.readiness.failed(Peer::Cluster, chain(error)),
            RunError::Journal { .. } => self.parts.readiness.run_says(&settings.name, Some(chain(error))),
            // The store is asked at each probe.
            RunError::Store(_) => {}
        }
    }
}
