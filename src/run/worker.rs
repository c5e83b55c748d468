//! The worker: observe, decide, act, record, report; again.
//!
//! There is one worker a process, and it alone has effects. Races decided here: hints, time and a restart all lead to
//! the same look at the world (level, not edge); two caretakers on one cluster are kept apart by the lease, which is
//! taken before the first look that may lead to an effect; the body is written from a fresh text, and what will be
//! remembered of it is stored before the forge is asked, so that our own writes are always recognised.

use super::decide::{Decision, Waiting, decide};
use super::event::Event;
use super::memory::Memory;
use super::observe::{Observation, Subject, observe};
use super::report::LastWrite;
use super::settings::{Repository as RepositorySettings, Settings};
use super::situation::Mode;
use super::state::RunState;
use super::trust::OwnText;
use crate::cluster::{self, Cluster, ClusterError, ClusterLease, LeaseAnswer};
use crate::forge::{Account, Forge, ForgeError, Issue, IssueNumber, Repository, RepositoryName, State};
use crate::health::{self};
use crate::inbox::Hints;
use crate::issue::Unreadable;
use crate::issue::hex;
use crate::merge::{self, classify::Rules};
use crate::store::{EventId, RunId, RunRow, Store, StoreError};
use crate::timing::Timing;
use crate::web::{Peer, Readiness};
use crate::wording;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// The lease is taken again when it would hold for less than this. Real time, never scaled.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// The longest wait between two looks while a lease is held. Real time, never scaled.
const LEASE_RENEWAL: Duration = Duration::from_secs(8);

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
    /// The body.
    #[error("the issue's body cannot be read")]
    Body(#[source] Unreadable),
    /// An event of the journal that this version does not know.
    #[error("the journal of run {run} holds an event that cannot be read: a newer caretaker wrote it?")]
    Journal {
        /// The run.
        run: RunId,
        /// Why.
        source: serde_json::Error,
    },
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No open maintenance issue.
    NoIssue,
    /// Only people are awaited.
    People,
    /// Something must be mended before the run can begin.
    Obstacles,
    /// The run is stopped.
    Paused,
    /// Somebody else holds the lock.
    Locked,
    /// The run is over.
    Over,
    /// The worker was told to stop.
    Stopped,
}

/// What is remembered of a run between two looks.
#[derive(Debug)]
pub(super) struct Work {
    /// The run.
    pub(super) run: RunRow,
    /// Its journal, folded.
    pub(super) state: RunState,
    /// What was written into the body, oldest first.
    pub(super) writes: Vec<LastWrite>,
    /// The hashes of those bodies.
    pub(super) ours: OwnHashes,
    /// What may be forgotten.
    pub(super) memory: Memory,
}

#[derive(Debug, Default)]
pub(super) struct OwnHashes(pub(super) BTreeSet<String>);

impl OwnText for OwnHashes {
    fn is_ours(&self, body: &str) -> bool {
        self.0.contains(&text_hash(body))
    }
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
    repositories: HashMap<RepositoryName, Repository>,
    works: HashMap<RunId, Work>,
    pub(super) lease: Option<ClusterLease>,
}

impl Worker {
    /// A worker with nothing remembered.
    pub(crate) async fn new(parts: Arc<Parts>) -> Result<Self, StoreError> {
        let holder = parts.store.holder().await?;
        Ok(Self {
            parts,
            holder,
            bot: None,
            repositories: HashMap::new(),
            works: HashMap::new(),
            lease: None,
        })
    }

    /// Works until it is told to stop; with `only`, until that run is over or waits for people.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<Standing, RunError> {
        let standing = loop {
            let mut soonest = self.parts.timing.reconcile();
            let mut standing = Standing::NoIssue;
            let mut again = false;
            for settings in self.parts.repositories.clone() {
                if stop.is_cancelled() {
                    break;
                }
                let span = tracing::info_span!("repository", name = %settings.name);
                match self.look(&settings).instrument(span).await {
                    Ok(Next::Now) => again = true,
                    Ok(Next::Soon) => soonest = soonest.min(self.parts.timing.poll()),
                    Ok(Next::Later(how)) => standing = how,
                    Err(error) => {
                        tracing::error!(error = %chain(&error), "the look failed; trying again");
                        self.note_failure(&error);
                        standing = Standing::Obstacles;
                        // What only a person can mend is not asked for every few seconds.
                        if !matches!(&error, RunError::Forge(error) if error.needs_person()) {
                            soonest = soonest.min(AFTER_ERROR.min(self.parts.timing.reconcile()));
                        }
                    }
                }
                self.parts.readiness.looped();
            }
            if stop.is_cancelled() {
                break Standing::Stopped;
            }
            if again {
                continue;
            }
            let waits_for_world = soonest < self.parts.timing.reconcile();
            if self.parts.only.is_some() && !waits_for_world {
                break standing;
            }
            let wait = if self.lease.is_some() { soonest.min(LEASE_RENEWAL) } else { soonest };
            let jitter = wait.mul_f64(rand::random_range(0.0..0.1));
            tokio::select! {
                () = stop.cancelled() => break Standing::Stopped,
                _ = self.parts.hints.notified() => {}
                () = tokio::time::sleep(wait + jitter) => {}
            }
        };
        if let Some(lease) = self.lease.take()
            && let Err(error) = self.parts.cluster.release_lease(lease).await
        {
            tracing::warn!(%error, "the lock could not be given back; it ends by itself");
        }
        Ok(standing)
    }

    fn note_failure(&self, error: &RunError) {
        match error {
            RunError::Forge(error) => self.parts.readiness.failed(Peer::Forge, chain(error)),
            RunError::Cluster(error) => self.parts.readiness.failed(Peer::Cluster, chain(error)),
            RunError::Store(_) | RunError::Body(_) | RunError::Journal { .. } => {}
        }
    }

    /// One look at one repository, and at most one effect.
    async fn look(&mut self, settings: &RepositorySettings) -> Result<Next, RunError> {
        let parts = Arc::clone(&self.parts);
        let bot = self.bot().await?;
        let repository = self.repository(settings).await?;
        let Some((issue, others)) = self.subject(&repository).await? else {
            parts.readiness.answered(Peer::Forge);
            match parts.cluster.version().await {
                Ok(_) => parts.readiness.answered(Peer::Cluster),
                Err(error) => parts.readiness.failed(Peer::Cluster, chain(&error)),
            }
            return Ok(Next::Later(Standing::NoIssue));
        };
        parts.readiness.answered(Peer::Forge);
        let locked_out = self.lock().await?;
        parts.readiness.answered(Peer::Cluster);
        let run =
            parts.store.open_run(&repository.name.to_string(), issue.number.0, Timestamp::now()).await?;
        let id = run.id;
        let span = tracing::info_span!("run", id = id.0, issue = issue.number.0);
        let mut work = match self.works.remove(&id) {
            Some(work) => work,
            None => load(&parts.store, run).await?,
        };
        let result = self
            .work(settings, &repository, &bot, issue, others, locked_out, &mut work)
            .instrument(span)
            .await;
        self.works.insert(id, work);
        result
    }

    async fn bot(&mut self) -> Result<Account, RunError> {
        if let Some(bot) = &self.bot {
            return Ok(bot.clone());
        }
        let bot = self.parts.forge.account().await?;
        let version = self.parts.forge.version().await?;
        tracing::info!(account = %bot.login, %version, "the forge knows the token");
        self.bot = Some(bot.clone());
        Ok(bot)
    }

    async fn repository(&mut self, settings: &RepositorySettings) -> Result<Repository, RunError> {
        // Read at each look: it may be renamed, archived, or our rights taken away.
        let repository = self.parts.forge.repository(&settings.name).await?;
        self.repositories.insert(settings.name.clone(), repository.clone());
        Ok(repository)
    }

    /// The issue to work on: the one whose change is in flight, else the newest open one, else an open run's whose issue
    /// was withdrawn. With the other open ones.
    async fn subject(
        &mut self,
        repository: &Repository,
    ) -> Result<Option<(Issue, Vec<(IssueNumber, String)>)>, RunError> {
        let name = &repository.name;
        let labels = self.parts.forge.labels(name).await?;
        let wanted = &self.parts.settings.maintenance_label;
        // A label that does not exist must not be asked for: the forge would drop the filter.
        let mut open = match labels.iter().find(|label| label.name == *wanted) {
            Some(label) => self.parts.forge.open_issues(name, Some(label)).await?,
            None => Vec::new(),
        };
        open.retain(|issue| {
            issue.has_label(wanted) && self.parts.only.is_none_or(|only| only == issue.number)
        });
        open.sort_by_key(|issue| std::cmp::Reverse((issue.created_at, issue.number)));
        let mut chosen = None;
        for run in self.parts.store.open_runs(&name.to_string()).await? {
            let number = IssueNumber(run.issue);
            if self.parts.only.is_some_and(|only| only != number) {
                continue;
            }
            let work = match self.works.remove(&run.id) {
                Some(work) => work,
                None => load(&self.parts.store, run).await?,
            };
            // What is half done comes first, whatever became of its issue.
            let half_done = work.state.change.is_some() || work.state.unknown().next().is_some();
            let id = work.run.id;
            let withdrawn = !open.iter().any(|issue| issue.number == number);
            self.works.insert(id, work);
            if half_done || withdrawn {
                chosen = Some(number);
                break;
            }
        }
        let issue = match chosen {
            Some(number) => match open.iter().position(|issue| issue.number == number) {
                Some(at) => open.remove(at),
                None => match self.parts.forge.issue(name, number).await {
                    Ok(issue) => issue,
                    Err(ForgeError::NotFound { .. }) => {
                        self.abandon(name, number).await?;
                        return Ok(None);
                    }
                    Err(error) => return Err(error.into()),
                },
            },
            None if open.is_empty() => return Ok(None),
            None => open.remove(0),
        };
        let others = open.into_iter().map(|other| (other.number, other.title)).collect();
        Ok(Some((issue, others)))
    }

    /// Ends the run of an issue that is gone.
    async fn abandon(&mut self, name: &RepositoryName, number: IssueNumber) -> Result<(), RunError> {
        for run in self.parts.store.open_runs(&name.to_string()).await? {
            if run.issue == number.0 {
                tracing::warn!(issue = number.0, "the maintenance issue is gone; its run ends");
                self.parts.store.end_run(run.id, Timestamp::now()).await?;
                self.works.remove(&run.id);
            }
        }
        Ok(())
    }

    /// Takes or keeps the cluster's lock; `Some` names who else has it.
    async fn lock(&mut self) -> Result<Option<String>, RunError> {
        if self.lease.as_ref().is_some_and(|lease| lease.holds_for(LEASE_MARGIN)) {
            return Ok(None);
        }
        match self.parts.cluster.acquire_lease(&self.holder).await {
            Ok(LeaseAnswer::Held(lease)) => {
                self.lease = Some(lease);
                Ok(None)
            }
            Ok(LeaseAnswer::HeldBy(holder)) => {
                self.lease = None;
                Ok(Some(holder.identity))
            }
            Err(error) => {
                self.lease = None;
                self.parts.readiness.failed(Peer::Cluster, chain(&error));
                // Without the lock nothing is done, but people still read why.
                tracing::warn!(%error, "the cluster's lock could not be taken");
                Ok(Some(wording::nobody_known()))
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one look's facts, each read in this pass")]
    async fn work(
        &mut self,
        settings: &RepositorySettings,
        repository: &Repository,
        bot: &Account,
        issue: Issue,
        others: Vec<(IssueNumber, String)>,
        locked_out: Option<String>,
        work: &mut Work,
    ) -> Result<Next, RunError> {
        let parts = Arc::clone(&self.parts);
        let subject = Subject {
            settings,
            repository,
            bot,
            issue: &issue,
            others,
            state: &work.state,
            writes: &work.writes,
            ours: &work.ours,
            locked_out,
        };
        let observation = observe(&parts, subject, &mut work.memory).await?;
        let decision = decide(&observation.situation(&parts, settings, &work.state, &work.memory));
        tracing::debug!(?decision, "decided");
        let scene = Scene { settings, repository, bot, issue: &issue, observation: &observation };
        let (next, awaited) = match decision {
            Decision::Note(events) => {
                for event in events {
                    self.append(work, event).await?;
                }
                (Next::Now, None)
            }
            // Nothing is done that people cannot be told of; what is half done is brought to its end all the same.
            Decision::Perform(_)
                if work.memory.written.is_none()
                    && work.state.change.is_none()
                    && issue.state == State::Open =>
            {
                (Next::Now, None)
            }
            Decision::Perform(effect) => self.perform(&scene, work, effect).await?,
            Decision::Confirm(step) => {
                self.confirm(&scene, work, step).await?;
                (Next::Now, None)
            }
            Decision::Refresh { change, hard } => {
                self.refresh(&scene, hard).await;
                self.append(work, Event::Refreshed { change, hard }).await?;
                (Next::Now, None)
            }
            Decision::Wait(waiting) => {
                let next = match &waiting {
                    // Nothing comes of it soon while nothing may be done.
                    Waiting::World(_) if settings.mode == Mode::Observe => Next::Later(Standing::People),
                    Waiting::World(_) => Next::Soon,
                    Waiting::People => Next::Later(Standing::People),
                    Waiting::Lock(holder) => {
                        tracing::info!(%holder, "another caretaker holds the cluster's lock; waiting");
                        return Ok(Next::Later(Standing::Locked));
                    }
                    Waiting::Obstacles => {
                        // The body may be among what cannot be written.
                        for missing in &observation.obstacles {
                            tracing::warn!(%missing, "the run cannot begin");
                        }
                        Next::Later(Standing::Obstacles)
                    }
                    Waiting::Paused(_) => Next::Later(Standing::Paused),
                };
                (next, Some(waiting))
            }
            Decision::Over => {
                parts.store.end_run(work.run.id, Timestamp::now()).await?;
                tracing::info!("the run is over");
                return Ok(if issue.state == State::Open && work.state.closed() {
                    Next::Now
                } else {
                    Next::Later(Standing::Over)
                });
            }
        };
        self.write(&scene, work, awaited.as_ref()).await?;
        Ok(next)
    }

    /// Appends to the journal, then to the state: in this order, so that memory never knows more than the store.
    pub(super) async fn append(&self, work: &mut Work, event: Event) -> Result<EventId, RunError> {
        let now = Timestamp::now();
        let text =
            serde_json::to_string(&event).map_err(|source| RunError::Journal { run: work.run.id, source })?;
        let id = self.parts.store.append(work.run.id, now, &text).await?;
        tracing::info!(event = id.0, "{}", super::line(&event, &work.state));
        work.state.fold(id, now, event);
        Ok(id)
    }
}

/// What one look saw, for what follows from it.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    /// The repository's settings.
    pub(super) settings: &'a RepositorySettings,
    /// The repository.
    pub(super) repository: &'a Repository,
    /// Our own account.
    pub(super) bot: &'a Account,
    /// The issue as it was read in this look.
    pub(super) issue: &'a Issue,
    /// Everything else.
    pub(super) observation: &'a Observation,
}

/// A run as the store knows it.
async fn load(store: &Store, run: RunRow) -> Result<Work, RunError> {
    let state = super::load_state(store, run.id).await?;
    let mut writes = Vec::new();
    let mut ours = OwnHashes::default();
    for (hash, written) in store.body_writes(run.id).await? {
        ours.0.insert(hash);
        writes.push(
            serde_json::from_str(&written).map_err(|source| RunError::Journal { run: run.id, source })?,
        );
    }
    Ok(Work { run, state, writes, ours, memory: Memory::default() })
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
