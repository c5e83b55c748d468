//! The worker: observe, decide, act, record, report; again.
//!
//! There is one worker a process, and it alone has effects. Races decided here: hints, time and a restart all lead to
//! the same look at the world (level, not edge); two caretakers on one cluster are kept apart by the lease, which is
//! taken before the first look that may lead to an effect; the body is written from a fresh text, and what will be
//! remembered of it is stored before the forge is asked, so that our own writes are always recognised.

mod lock;
mod subject;
mod turn;

pub(super) use lock::Lock;
pub(super) use turn::{Scene, Work};

use super::settings::{Repository as RepositorySettings, Settings};
use crate::cluster::{self, Cluster, ClusterError, ClusterLease};
use crate::forge::{Account, Forge, ForgeError, IssueNumber};
use crate::health::{self};
use crate::inbox::Hints;
use crate::issue::hex;
use crate::merge::{self, classify::Rules};
use crate::store::{RunId, Store, StoreError};
use crate::timing::Timing;
use crate::web::{Peer, Readiness};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How long to wait after a look that failed.
const AFTER_ERROR: Duration = Duration::from_secs(5);

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

/// What a worker is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Where runs are remembered.
    pub(crate) store: Arc<Store>,
    /// The forge.
    pub(crate) forge: Arc<dyn Forge>,
    /// The cluster.
    pub(crate) cluster: Arc<dyn Cluster>,
    /// Settings of runs.
    pub(crate) settings: Settings,
    /// The repositories.
    pub(crate) repositories: Vec<RepositorySettings>,
    /// How long things are given.
    pub(crate) timing: Timing,
    /// Settings of merging.
    pub(crate) merge_settings: merge::Settings,
    /// Settings about Renovate.
    pub(crate) renovate_settings: merge::RenovateSettings,
    /// Categories and foundations.
    pub(crate) rules: Rules,
    /// Settings of health.
    pub(crate) health_settings: health::Settings,
    /// Settings of the cluster.
    pub(crate) cluster_settings: cluster::Settings,
    /// What the inbox hints at.
    pub(crate) hints: Hints,
    /// What `/readyz` shows.
    pub(crate) readiness: Arc<Readiness>,
    /// Work on this issue alone, and stop when it is over or waits for people.
    pub(crate) only: Option<IssueNumber>,
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
    /// Something must be mended before anything is done.
    Obstacles,
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
    bot: Option<Account>,
    works: HashMap<RunId, Work>,
    /// The open runs whose journals cannot be read, by repository and issue.
    unread: BTreeSet<(String, u64)>,
    pub(super) lease: Option<ClusterLease>,
    /// What the last asking for the lock gave, in this round.
    asked: Option<Lock>,
}

/// What came of looking at every repository once.
#[derive(Debug)]
struct Round {
    /// Something was done: look again at once.
    again: bool,
    /// The world is awaited somewhere: what comes next may be ours to do.
    busy: bool,
    /// A look failed and may not fail the next time.
    failed: bool,
    /// How the last repository stands where nothing can be done.
    standing: Standing,
    /// When to look again.
    wait: Duration,
}

impl Worker {
    /// A worker with nothing remembered.
    pub(crate) async fn new(parts: Arc<Parts>) -> Result<Self, StoreError> {
        let holder = parts.store.holder().await?;
        let (works, unread) = (HashMap::new(), BTreeSet::new());
        Ok(Self { parts, holder, bot: None, works, unread, lease: None, asked: None })
    }

    /// Works until it is told to stop; with `only`, until that run is over or waits for people.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<Standing, RunError> {
        self.recollect().await;
        let mut watched: Option<(Instant, Option<Timestamp>)> = None;
        let standing = loop {
            let round = self.round(&stop).await;
            if stop.is_cancelled() {
                break Standing::Stopped;
            }
            if round.again {
                continue;
            }
            let mut wait = round.wait + round.wait.mul_f64(rand::random_range(0.0..0.1));
            if self.parts.only.is_some() && !round.busy && !round.failed {
                let Some(Lock::HeldBy(holder)) = &self.asked else { break round.standing };
                // A caretaker that died holds the lock until it has run out, which shows only by watching it.
                let (since, renewed) = *watched.get_or_insert((Instant::now(), holder.renewed_at));
                if renewed != holder.renewed_at || since.elapsed() >= lock::PATIENCE {
                    break round.standing;
                }
                wait = wait.min(lock::RENEWAL);
            }
            // Where only people are awaited another caretaker may work; what is half done keeps the lock.
            if !round.busy && !self.is_in_flight() {
                self.give_lock_back().await;
            }
            if self.rest(wait, &stop).await {
                break Standing::Stopped;
            }
        };
        self.give_lock_back().await;
        tracing::info!(requests = %self.parts.forge.traffic(), "asked of the forge");
        Ok(standing)
    }

    /// Looks at every repository once.
    async fn round(&mut self, stop: &CancellationToken) -> Round {
        let reconcile = self.parts.timing.reconcile();
        let standing = Standing::NoIssue;
        let mut round = Round { again: false, busy: false, failed: false, standing, wait: reconcile };
        self.asked = None;
        for settings in self.parts.repositories.clone() {
            if stop.is_cancelled() {
                break;
            }
            let span = tracing::info_span!("repository", name = %settings.name);
            match self.turn(&settings).instrument(span).await {
                Ok(Next::Now) => round.again = true,
                Ok(Next::Soon) => {
                    round.busy = true;
                    round.wait = round.wait.min(self.parts.timing.poll());
                }
                Ok(Next::Later(how)) => round.standing = how,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "the look failed; trying again");
                    self.note_failure(&settings, &error);
                    round.standing = Standing::Obstacles;
                    // What only a person can mend is not asked for every few seconds.
                    if !error.needs_person() {
                        round.failed = true;
                        round.wait = round.wait.min(AFTER_ERROR);
                    }
                }
            }
            self.parts.readiness.looped();
        }
        round
    }

    /// Waits for a hint or the time. Nothing but the lock is asked for meanwhile: ours is renewed, and one that was not to
    /// be had is asked for until something about it changes. Says whether it was told to stop.
    async fn rest(&mut self, wait: Duration, stop: &CancellationToken) -> bool {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let nap = if self.asked.is_some() { left.min(lock::RENEWAL) } else { left };
            tokio::select! {
                () = stop.cancelled() => return true,
                _ = self.parts.hints.notified() => return false,
                () = tokio::time::sleep(nap) => {}
            }
            if Instant::now() >= until {
                return false;
            }
            let before = self.asked.clone();
            let now = self.lock().await;
            if before.is_none_or(|before| !before.is_like(&now)) {
                return false;
            }
        }
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

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
