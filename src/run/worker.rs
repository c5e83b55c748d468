//! The worker: observe, decide, act, record, report; again.
//!
//! There is one worker a process, and it alone has effects. Races decided here: hints, time and a restart all lead to
//! the same look at the world (level, not edge); two caretakers on one cluster are kept apart by the lease, which is
//! taken before the first look that may lead to an effect; the body is written from a fresh text, and what will be
//! remembered of it is stored before the forge is asked, so that our own writes are always recognised.

use super::act::{self, Context};
use super::decide::{Decision, Waiting, decide};
use super::event::{Effect, Event, Outcome};
use super::memory::Memory;
use super::observe::{Observation, Subject, observe};
use super::report::{LastWrite, Report};
use super::settings::{Repository as RepositorySettings, RolloutBy, Settings};
use super::situation::Mode;
use super::state::RunState;
use super::trust::OwnText;
use crate::cluster::{self, Cluster, ClusterError, ClusterLease, LeaseAnswer};
use crate::forge::{
    Account, Forge, ForgeError, Issue, IssueEdit, IssueNumber, Repository, RepositoryName, State, StateFilter,
};
use crate::health::{self, Authority, Evidence, permit};
use crate::inbox::Hints;
use crate::issue::{ClosingView, Unreadable, apply, text_for_title};
use crate::merge::{
    self,
    classify::Rules,
    rollout::{Rollout, Watched},
};
use crate::store::{EventId, RunId, RunRow, Store, StoreError};
use crate::timing::Timing;
use crate::web::{Peer, Readiness};
use crate::wording;
use futures::StreamExt;
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How often a body is read fresh and written again when somebody else was faster.
const WRITE_ATTEMPTS: u32 = 6;

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
enum Next {
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
struct Work {
    run: RunRow,
    state: RunState,
    writes: Vec<LastWrite>,
    ours: OwnHashes,
    memory: Memory,
}

#[derive(Debug, Default)]
struct OwnHashes(BTreeSet<String>);

impl OwnText for OwnHashes {
    fn is_ours(&self, body: &str) -> bool {
        self.0.contains(&text_hash(body))
    }
}

/// The hash by which a text is recognised.
pub(crate) fn text_hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The worker.
#[derive(Debug)]
pub(crate) struct Worker {
    parts: Arc<Parts>,
    holder: String,
    bot: Option<Account>,
    repositories: HashMap<RepositoryName, Repository>,
    works: HashMap<RunId, Work>,
    lease: Option<ClusterLease>,
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
                        soonest = soonest.min(AFTER_ERROR.min(self.parts.timing.reconcile()));
                        standing = Standing::Obstacles;
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
        let (issue, others) = match self.subject(&repository).await? {
            Some(found) => found,
            None => {
                parts.readiness.answered(Peer::Forge);
                match parts.cluster.version().await {
                    Ok(_) => parts.readiness.answered(Peer::Cluster),
                    Err(error) => parts.readiness.failed(Peer::Cluster, chain(&error)),
                }
                return Ok(Next::Later(Standing::NoIssue));
            }
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
            Some(label) => self.parts.forge.issues(name, StateFilter::Open, Some(label)).await?,
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
                    Waiting::World(_) => Next::Soon,
                    Waiting::People => Next::Later(Standing::People),
                    Waiting::Lock(holder) => {
                        tracing::info!(%holder, "another caretaker holds the cluster's lock; waiting");
                        return Ok(Next::Later(Standing::Locked));
                    }
                    Waiting::Obstacles => Next::Later(Standing::Obstacles),
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
    async fn append(&self, work: &mut Work, event: Event) -> Result<EventId, RunError> {
        let now = Timestamp::now();
        let text =
            serde_json::to_string(&event).map_err(|source| RunError::Journal { run: work.run.id, source })?;
        let id = self.parts.store.append(work.run.id, now, &text).await?;
        tracing::info!(event = id.0, "{}", super::line(&event, &work.state));
        work.state.fold(id, now, event);
        Ok(id)
    }

    /// Journals the intent, does it, journals the outcome.
    async fn perform(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        mut effect: Effect,
    ) -> Result<(Next, Option<Waiting>), RunError> {
        // The proofs come before the intent: without them nothing is tried.
        let permit = match &mut effect {
            Effect::Merge(plan) => match self.permit(scene, work, plan).await? {
                Ok(permit) => Some(permit),
                Err(why) => return Ok((Next::Soon, Some(Waiting::World(why)))),
            },
            _ => None,
        };
        let timeout = self.parts.cluster_settings.request_timeout();
        if !self.lease.as_ref().is_some_and(|lease| lease.holds_for(timeout)) {
            return Ok((Next::Now, None));
        }
        let step = self.append(work, Event::Intended { effect: effect.clone() }).await?;
        let outcome = match (&effect, permit) {
            (Effect::Merge(plan), Some(permit)) => {
                act::merge(&self.parts, &self.context(scene, work, step, &effect), permit, plan).await
            }
            _ => self.carry_out(scene, work, step, &effect).await?,
        };
        let retry = matches!(outcome, Outcome::NotYet { .. });
        self.append(work, Event::Ended { step, outcome }).await?;
        Ok((if retry { Next::Soon } else { Next::Now }, None))
    }

    /// Everything again that decides about a merge, read just before it.
    async fn permit(
        &self,
        scene: &Scene<'_>,
        work: &Work,
        plan: &mut super::event::MergePlan,
    ) -> Result<Result<health::MergePermit, String>, RunError> {
        let parts = &self.parts;
        let name = &scene.repository.name;
        let pull = parts.forge.pull(name, plan.pull).await?;
        if pull.head.sha != plan.head || pull.state != State::Open || pull.draft || !pull.mergeable {
            return Ok(Err(wording::pull_moved(plan.pull)));
        }
        let base = parts.forge.branch(name, &scene.repository.default_branch).await?.head;
        if base != scene.observation.branch.head {
            return Ok(Err(wording::branch_moved()));
        }
        plan.base = base.clone();
        let Some(lease) = &self.lease else { return Ok(Err(wording::gate_settling())) };
        let authority = match work.state.task(&plan.key).and_then(|record| record.approved.as_ref()) {
            Some(approved) => Authority::Approved { by: approved.by.clone() },
            None if scene.settings.mode == Mode::Auto => Authority::Automatic,
            None => Authority::Missing { asked: wording::approval_by_mode() },
        };
        let evidence = Evidence {
            now: Timestamp::now(),
            recon: &scene.observation.recon,
            settings: &parts.health_settings,
            excused: &BTreeSet::new(),
            green_since: work.memory.steadiness.green_since(),
            settle: parts.timing.settle(),
            head_rolled_out: match &scene.observation.head_rollout {
                Rollout::Done { .. } => Ok(()),
                rollout => Err(wording::gate_head_waits(rollout)),
            },
            incident: None,
            paused: scene.observation.paused.as_deref(),
            outside_window: None,
            authority: &authority,
            lease,
            request_timeout: parts.cluster_settings.request_timeout(),
        };
        Ok(permit(&evidence, plan.pull, plan.head.clone(), base).map_err(|blocked| {
            wording::permit_refused(&blocked.first().map(|one| one.why.clone()).unwrap_or_default())
        }))
    }

    fn context<'a>(&self, scene: &Scene<'a>, work: &Work, step: EventId, effect: &Effect) -> Context<'a> {
        let key = act::task_of(effect);
        let task = key
            .and_then(|key| scene.observation.reading.task(key).map(|task| task.id.clone()))
            .unwrap_or_default();
        let title = key
            .and_then(|key| work.state.task(key))
            .map(|record| record.known.title.clone())
            .unwrap_or_default();
        let works: Vec<String> = work
            .state
            .acts
            .iter()
            .filter_map(|act| match (&act.effect, &act.ended) {
                (Effect::Merge(plan), Some((_, Outcome::Merged { .. }))) => Some(format!("#{}", plan.pull)),
                (Effect::Action { .. }, Some((_, Outcome::Done { detail }))) => Some(detail.clone()),
                _ => None,
            })
            .collect();
        Context {
            repository: &scene.repository.name,
            branch: &scene.repository.default_branch,
            issue: scene.issue.number,
            step: act::step_id(&self.holder, step),
            resolved_by: wording::resolved_by(&task, &title, &works),
            task,
        }
    }

    async fn carry_out(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        step: EventId,
        effect: &Effect,
    ) -> Result<Outcome, RunError> {
        let context = self.context(scene, work, step, effect);
        let parts = Arc::clone(&self.parts);
        Ok(match effect {
            // A merge is never carried out without a permit; without one it is only asked about.
            Effect::Merge(plan) => act::confirm_merge(&parts, &context, plan).await?,
            Effect::Revert { change, merge_commit, reason, .. } => {
                match work.state.change.as_ref().filter(|current| current.step == *change) {
                    Some(current) => act::revert(&parts, &context, &current.plan, merge_commit, reason).await,
                    None => Outcome::Refused { why: wording::revert_not_seen() },
                }
            }
            Effect::Terminate { application, .. } => match &self.lease {
                Some(lease) => act::terminate(&parts, lease, application).await,
                None => Outcome::NotYet { why: wording::gate_settling() },
            },
            Effect::Sync { application, revision, .. } => match &self.lease {
                Some(lease) => act::sync(&parts, lease, application, revision).await,
                None => Outcome::NotYet { why: wording::gate_settling() },
            },
            Effect::Action { action, .. } => match &self.lease {
                Some(lease) => act::archive_crashes(&parts, lease, action).await,
                None => Outcome::NotYet { why: wording::gate_settling() },
            },
            Effect::CloseRelated { number, .. } => {
                act::close_related(&parts, &context, *number, Timestamp::now()).await
            }
            Effect::CallPerson => act::call_person(&parts, &context).await,
            Effect::CloseIssue { .. } => self.close_issue(scene, work).await?,
        })
    }

    /// Finds out what became of an effect whose outcome is not in the journal.
    async fn confirm(&mut self, scene: &Scene<'_>, work: &mut Work, step: EventId) -> Result<(), RunError> {
        let Some(effect) = work.state.acts.iter().find(|act| act.step == step).map(|act| act.effect.clone())
        else {
            return Ok(());
        };
        let context = self.context(scene, work, step, &effect);
        let outcome = match &effect {
            Effect::Merge(plan) => act::confirm_merge(&self.parts, &context, plan).await?,
            Effect::Revert { .. } => act::confirm_revert(&self.parts, &context).await?,
            Effect::CloseIssue { .. } => {
                let closed = scene.issue.state == State::Closed
                    && text_for_title(&scene.issue.title, true) == scene.issue.title;
                if closed {
                    Outcome::Done { detail: String::new() }
                } else {
                    Outcome::NotYet { why: wording::not_closed_yet() }
                }
            }
            // Doing these again changes nothing, so they are simply done.
            Effect::Terminate { .. }
            | Effect::Sync { .. }
            | Effect::CloseRelated { .. }
            | Effect::Action { .. }
            | Effect::CallPerson => self.carry_out(scene, work, step, &effect).await?,
        };
        self.append(work, Event::Ended { step, outcome }).await?;
        Ok(())
    }

    /// Asks Argo CD to look at the repository: every watcher, so that none is waited for longer than needed.
    async fn refresh(&self, scene: &Scene<'_>, hard: bool) {
        if scene.settings.rollout == RolloutBy::None {
            return;
        }
        let Ok(cluster::Installed::Yes(applications)) = self.parts.cluster.applications().await else {
            return;
        };
        let mut urls = scene.repository.clone_urls.clone();
        urls.extend(scene.settings.pull_urls.iter().cloned());
        let watched = Watched { urls: &urls, default_branch: &scene.repository.default_branch };
        // A few at once: one after the other takes long where many watch, all at once is rude to the API server.
        futures::stream::iter(watched.watchers(&applications))
            .for_each_concurrent(8, |application| async move {
                if let Err(error) = self.parts.cluster.refresh_application(application, hard).await {
                    // Argo CD looks by itself after some minutes; this only makes it sooner.
                    tracing::warn!(application = %application.name, %error, "the refresh was not taken");
                }
            })
            .await;
    }

    fn report<'a>(
        &self,
        scene: &'a Scene<'_>,
        work: &'a Work,
        awaited: Option<&'a Waiting>,
        since: Timestamp,
        changed_at: Timestamp,
    ) -> Report<'a> {
        let observation = scene.observation;
        Report {
            run: work.run.id,
            issue: scene.issue.number,
            state: &work.state,
            reading: &observation.reading,
            order: &observation.order,
            recon: Some(&observation.recon),
            awaited,
            awaited_since: since,
            mode: scene.settings.mode,
            others: &observation.others,
            obstacles: &observation.obstacles,
            remade: &observation.remade,
            changed_at,
            writes: &work.writes,
            closing: false,
            bot: &scene.bot.login,
        }
    }

    /// Writes the body where it is not as it shall be: at once when something important happened, else gathered.
    async fn write(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        awaited: Option<&Waiting>,
    ) -> Result<(), RunError> {
        if scene.issue.state == State::Closed || work.state.closed() {
            return Ok(());
        }
        let now = Timestamp::now();
        let what = match awaited {
            None => "working".to_owned(),
            Some(Waiting::World(what)) => what.clone(),
            Some(Waiting::People) => "people".to_owned(),
            Some(Waiting::Lock(_)) => return Ok(()),
            Some(Waiting::Obstacles) => "obstacles".to_owned(),
            Some(Waiting::Paused(by)) => format!("paused {by}"),
        };
        let since = work.memory.awaited_since(&what, now);
        let quiet = matches!(awaited, Some(Waiting::People | Waiting::Obstacles | Waiting::Paused(_)));
        let important = format!(
            "{} {:?} {:?} {:?} {}",
            work.state.important,
            scene.observation.obstacles,
            scene.observation.others,
            scene.observation.remade,
            if quiet { what.as_str() } else { "" },
        );
        let changed_at = match &work.memory.written {
            Some((known, at)) if *known == important => {
                // Nothing important: while only people are awaited nothing is written, else writes are gathered.
                if quiet || now.duration_since(*at).unsigned_abs() < self.parts.timing.gather() {
                    return Ok(());
                }
                *at
            }
            _ => now,
        };
        let report = self.report(scene, work, awaited, since, changed_at);
        let (desired, last) = report.desired(None);
        let mut body = scene.issue.body.clone();
        let mut version = scene.issue.content_version;
        for attempt in 0..WRITE_ATTEMPTS {
            // The body of this look was read a moment ago; only after a conflict is it read again.
            if attempt > 0 {
                act::jitter(attempt).await;
                let fresh = self.parts.forge.issue(&scene.repository.name, scene.issue.number).await?;
                if fresh.state == State::Closed {
                    return Ok(());
                }
                body = fresh.body;
                version = fresh.content_version;
            }
            let text = apply(&body, &desired);
            if text == body {
                work.memory.written = Some((important, now));
                return Ok(());
            }
            self.remember(work, &text, last.clone()).await?;
            let edit = IssueEdit { body: Some(text), content_version: version, ..IssueEdit::default() };
            match self.parts.forge.edit_issue(&scene.repository.name, scene.issue.number, &edit).await {
                Ok(_) => {
                    work.memory.written = Some((important, now));
                    return Ok(());
                }
                Err(ForgeError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!("the body changed at each attempt to write it; trying again at the next look");
        Ok(())
    }

    /// Remembers a body before it is sent, so that it is recognised whatever becomes of the request.
    async fn remember(&self, work: &mut Work, text: &str, write: LastWrite) -> Result<(), RunError> {
        let hash = text_hash(text);
        let json =
            serde_json::to_string(&write).map_err(|source| RunError::Journal { run: work.run.id, source })?;
        self.parts.store.put_body_write(work.run.id, Timestamp::now(), &hash, &json).await?;
        work.ours.0.insert(hash);
        work.writes.push(write);
        Ok(())
    }

    /// Closing report, `[RESOLVED]` and the closing, in one request.
    async fn close_issue(&mut self, scene: &Scene<'_>, work: &mut Work) -> Result<Outcome, RunError> {
        let now = Timestamp::now();
        let name = &scene.repository.name;
        for attempt in 0..WRITE_ATTEMPTS {
            let fresh = self.parts.forge.issue(name, scene.issue.number).await?;
            if fresh.state == State::Closed {
                // A person closed it meanwhile; their word stands.
                return Ok(Outcome::Done { detail: wording::closed_by_person() });
            }
            let report = Report { closing: true, ..self.report(scene, work, None, now, now) };
            let Some(view): Option<ClosingView> = report.closing(now) else {
                return Ok(Outcome::NotYet { why: wording::not_closed_yet() });
            };
            let (desired, last) = report.desired(Some(&view));
            let text = apply(&fresh.body, &desired);
            self.remember(work, &text, last).await?;
            let edit = IssueEdit {
                title: Some(text_for_title(&fresh.title, true)),
                body: Some(text),
                state: Some(State::Closed),
                content_version: fresh.content_version,
            };
            match self.parts.forge.edit_issue(name, scene.issue.number, &edit).await {
                Ok(_) => return Ok(Outcome::Done { detail: String::new() }),
                Err(ForgeError::Conflict { .. }) => act::jitter(attempt).await,
                Err(error) => return Ok(Outcome::NotYet { why: error.to_string() }),
            }
        }
        Ok(Outcome::NotYet { why: wording::text_keeps_changing() })
    }
}

/// What one look saw, for what follows from it.
#[derive(Debug)]
struct Scene<'a> {
    settings: &'a RepositorySettings,
    repository: &'a Repository,
    bot: &'a Account,
    issue: &'a Issue,
    observation: &'a Observation,
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
