//! One turn of the wheel for one repository: look, decide, at most one effect, report.

use super::desk::Desk;
use super::lock::Lock;
use super::missed::{Watch, Word};
use super::subject::Found;
use super::{Next, Standing, Worker, chain, text_hash};
use crate::cluster::Freshness;
use crate::forge::{Account, Branch, ForgeError, ForgeResult, Issue, Repository, RepositoryName, State};
use crate::run::decide::{Decision, Waiting, decide, keeps_back};
use crate::run::event::Event;
use crate::run::memory::Memory;
use crate::run::observe::{Asking, Observation, Subject, observe};
use crate::run::report::LastWrite;
use crate::run::repository_file::{Remembered, in_force};
use crate::run::repository_state::RepositoryState;
use crate::run::settings::{Repository as RepositorySettings, Settings};
use crate::run::situation::Mode;
use crate::run::state::RunState;
use crate::run::trust::OwnText;
use crate::run::worker::RunError;
use crate::store::{EventId, Missing, RunRow, Store, StoreError};
use crate::web::Peer;
use crate::wording;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// What is remembered of a run between two looks.
#[derive(Debug)]
pub(in crate::run) struct Work {
    /// The run.
    pub(in crate::run) run: RunRow,
    /// Its journal, folded.
    pub(in crate::run) state: RunState,
    /// What was written into the body, oldest first.
    pub(in crate::run) writes: Vec<LastWrite>,
    /// The hashes of those bodies.
    pub(in crate::run) ours: OwnHashes,
    /// What may be forgotten.
    pub(in crate::run) memory: Memory,
    /// Nothing more is to be done in it.
    over: bool,
}

impl Work {
    /// The text that was remembered last has arrived.
    pub(in crate::run) fn landed(&mut self) {
        if let Some(write) = self.writes.last_mut() {
            write.landed = true;
        }
    }

    /// Whether something of it is neither done nor undone.
    pub(super) fn is_half_done(&self) -> bool {
        !self.over && self.state.is_half_done(Timestamp::now())
    }
}

#[derive(Debug, Default)]
pub(in crate::run) struct OwnHashes(pub(in crate::run) BTreeSet<String>);

impl OwnText for OwnHashes {
    fn is_ours(&self, body: &str) -> bool {
        self.0.contains(&text_hash(body))
    }
}

/// What one look saw, for what follows from it.
#[derive(Debug)]
pub(in crate::run) struct Scene<'a> {
    /// The repository's settings.
    pub(in crate::run) settings: &'a RepositorySettings,
    /// The repository.
    pub(in crate::run) repository: &'a Repository,
    /// Our own account.
    pub(in crate::run) bot: &'a Account,
    /// The issue as it was read in this look.
    pub(in crate::run) issue: &'a Issue,
    /// `[run]`.
    pub(in crate::run) general: &'a Settings,
    /// Everything else.
    pub(in crate::run) observation: &'a Observation,
}

/// What a turn is about, read in this pass.
#[derive(Debug)]
struct Sight<'a> {
    settings: &'a RepositorySettings,
    repository: &'a Repository,
    branch: &'a Branch,
    bot: &'a Account,
    found: &'a Found,
    lock: &'a Lock,
    /// Why the repository's own file does not count.
    complaint: Option<&'a str>,
    /// Of how much of what tasks name is asked again.
    asking: Asking,
    /// When it began.
    since: Timestamp,
}

impl Worker {
    /// One look at one repository, and at most one effect.
    pub(super) async fn turn(
        &mut self,
        desk: usize,
        settings: &RepositorySettings,
    ) -> Result<Next, RunError> {
        let since = Timestamp::now();
        let result = Box::pin(self.turn_since(desk, settings, since)).await;
        self.parts.readiness.looked_for_gate(&settings.name, since);
        result
    }

    async fn turn_since(
        &mut self,
        desk: usize,
        settings: &RepositorySettings,
        since: Timestamp,
    ) -> Result<Next, RunError> {
        let parts = Arc::clone(&self.parts);
        self.desks[desk].watch.begin(since);
        self.recall(desk).await?;
        // Read at each look: it may be renamed, archived, or our rights taken away.
        let asked = match self.bot().await {
            Ok(bot) => parts.forge.repository(&settings.name).await.map(|repository| (bot, repository)),
            Err(error @ ForgeError::Unauthorized { .. }) => Err(error),
            // Whatever else is wrong with the forge as a whole is no state of this repository.
            Err(error) => return Err(error.into()),
        };
        let (bot, repository) = match asked {
            // Redirects are not followed, so another spelling is all that may differ: the store knows it by ours.
            Ok((bot, repository)) => (bot, Repository { name: settings.name.clone(), ..repository }),
            Err(error) => {
                let Some(state) = RepositoryState::of_error(&error) else { return Err(error.into()) };
                match &state {
                    // Nothing at all can be done with this token.
                    RepositoryState::TokenUnknown { .. } | RepositoryState::Refused { .. } => {
                        parts.readiness.failed(Peer::Forge, chain(&error));
                    }
                    _ => parts.readiness.answered(Peer::Forge),
                }
                return Ok(Next::Later(self.unusable(settings, &state)));
            }
        };
        self.is_named(desk, &repository).await?;
        // What is half done is followed to its end from the journal, as far as it may be.
        if let Some(state) = RepositoryState::of(&repository)
            && !self.is_in_flight_at(&settings.name)
        {
            parts.readiness.answered(Peer::Forge);
            parts.readiness.run_says(&settings.name, None);
            return Ok(Next::Later(self.unusable(settings, &state)));
        }
        let open = self.maintenance_issues(&repository).await?;
        self.desks[desk].watch.issues(&open);
        let found = self.subject(&repository, &bot, open).await?;
        parts.readiness.answered(Peer::Forge);
        let Some(found) = found else {
            self.judge_deliveries(desk).await?;
            parts.readiness.run_says(&settings.name, None);
            match parts.cluster.version().await {
                Ok(_) => parts.readiness.answered(Peer::Cluster),
                Err(error) => parts.readiness.failed(Peer::Cluster, chain(&error)),
            }
            return Ok(Next::Later(Standing::NoIssue));
        };
        let lock = self.lock().await;
        if let Lock::HeldBy(holder) = lock {
            self.judge_deliveries(desk).await?;
            // Its status is the one that people read; two that write into one body would fight over it.
            let holder = holder.identity;
            tracing::info!(%holder, "another caretaker holds the cluster's lock; waiting");
            return Ok(Next::Later(Standing::Locked { holder }));
        }
        self.hear_waiting(desk, &repository, &bot, &found.others).await?;
        let branch = parts.forge.branch(&repository.name, &repository.default_branch).await?;
        let known = self.desks[desk].file.as_ref().map(Remembered::head).cloned();
        let file = &mut self.desks[desk].file;
        let force = in_force(&parts, settings, &repository.name, &branch.head, file).await;
        let run = parts
            .store
            .open_run(&repository.name.to_string(), found.issue.number.0, Timestamp::now())
            .await?;
        let id = run.id;
        let span = tracing::info_span!("run", id = id.0, issue = found.issue.number.0);
        let mut work = self.take_work(run).await?;
        if self.desks[desk].file.as_ref().map(Remembered::head) != known.as_ref() {
            // What a pull request is, and what words say of one, may be judged otherwise by another file.
            work.memory.details.clear();
            work.memory.reading = None;
        }
        let sight = Sight {
            settings: &force.settings,
            repository: &repository,
            branch: &branch,
            bot: &bot,
            found: &found,
            lock: &lock,
            complaint: force.complaint.as_deref(),
            asking: self.desks[desk].asking,
            since,
        };
        // Everything in this look goes by what is in force in this repository.
        let general = std::mem::replace(&mut self.parts, force.parts);
        let result = self.work(&sight, &mut work).instrument(span).await;
        self.parts = general;
        self.desks[desk].watch.heads(&work.memory.heads);
        if !work.over {
            self.works.insert(id, work);
        }
        self.judge_deliveries(desk).await?;
        result
    }

    /// Keeps which repository has this name, where that is news: the journals go by names.
    async fn is_named(&mut self, desk: usize, repository: &Repository) -> Result<(), RunError> {
        let Some(id) = repository.id.filter(|id| self.desks[desk].id != Some(*id)) else { return Ok(()) };
        self.parts.store.keep_repository_name(id, &repository.name.to_string(), Timestamp::now()).await?;
        self.desks[desk].id = Some(id);
        Ok(())
    }

    /// How a repository in this state stands, and what a person can do about it.
    fn unusable(&self, settings: &RepositorySettings, state: &RepositoryState) -> Standing {
        let has_table = self.parts.only.is_some()
            || self.parts.repositories.iter().any(|table| table.name == settings.name);
        let mut why = if has_table { state.to_string() } else { state.of_a_found_one() };
        if let Some(issue) = self.issue_in_flight_at(&settings.name) {
            let name = settings.name.to_string();
            let awaited = self.parts.discovery.enabled && !self.parts.discovery.ignores(&name);
            why.push_str(&wording::in_flight_in_unusable(&name, issue, has_table, awaited));
        }
        Standing::Unusable { repository: settings.name.clone(), why }
    }

    /// Takes up what an earlier process saw last, and what has been delivered before this look did anything itself.
    async fn recall(&mut self, desk: usize) -> Result<(), RunError> {
        let Desk { settings, watch, .. } = &mut self.desks[desk];
        let (store, name) = (&self.parts.store, settings.name.to_string());
        if watch.is_unread() {
            let kept = store.last_seen(&name).await?;
            // Of another version, maybe: then nothing is compared.
            watch.resume(kept.and_then(|text| {
                serde_json::from_str(&text)
                    .inspect_err(|error| tracing::warn!(%error, "what was seen before cannot be read"))
                    .ok()
            }));
        }
        if watch.is_first() {
            watch.had_come(store.last_delivery(&name).await?);
        }
        Ok(())
    }

    /// Counts an event that was never delivered, and keeps what was seen. Who works in the foreground gets no deliveries.
    async fn judge_deliveries(&mut self, desk: usize) -> Result<(), RunError> {
        if self.parts.only.is_some() {
            return Ok(());
        }
        let Desk { settings, watch, .. } = &mut self.desks[desk];
        let (store, now, name) = (&self.parts.store, Timestamp::now(), settings.name.to_string());
        if watch.suspects() {
            let last = store.last_delivery(&name).await?;
            match watch.judge(last, now, self.parts.timing.approval_delivery()) {
                Word::Nothing => {}
                Word::Missed => {
                    let missed = store.count_missed_event(&name, Missing::Up, now, last).await?;
                    let last = last.map(|at| at.to_string());
                    tracing::warn!(
                        count = missed.count,
                        last,
                        "something changed and no delivery told of it"
                    );
                }
                Word::MissedWhileDown => {
                    let missed = store.count_missed_event(&name, Missing::Down, now, last).await?;
                    tracing::info!(count = missed.count, "something changed while caretaker did not run");
                }
            }
        }
        // After it was counted: a crash in between counts twice, and loses nothing.
        Ok(keep_seen(store, &settings.name, watch, false).await?)
    }

    /// Keeps how far each repository is known, for the next process.
    pub(super) async fn keep_all_seen(&mut self) {
        if self.parts.only.is_some() {
            return;
        }
        for Desk { settings, watch, .. } in &mut self.desks {
            if let Err(error) = keep_seen(&self.parts.store, &settings.name, watch, true).await {
                tracing::warn!(error = %chain(&error), "what was seen last cannot be kept");
            }
        }
    }

    async fn bot(&mut self) -> ForgeResult<Account> {
        if let Some(bot) = &self.bot {
            return Ok(bot.clone());
        }
        let bot = self.parts.forge.account().await?;
        let server = self.parts.forge.server().await?;
        tracing::info!(
            account = %bot.login,
            %server,
            counts_versions = server.counts_versions(),
            delivers_statuses = server.delivers_statuses(),
            "the forge knows the token"
        );
        self.bot = Some(bot.clone());
        Ok(bot)
    }

    async fn work(&mut self, sight: &Sight<'_>, work: &mut Work) -> Result<Next, RunError> {
        let parts = Arc::clone(&self.parts);
        let &Sight { settings, repository, branch, bot, found, lock, complaint, asking, since } = sight;
        let others: Vec<_> = found.others.iter().map(|other| (other.number, other.title.clone())).collect();
        let in_flight = work.state.change.is_some();
        // How a rollout ended, and what came of it, is not to be told from before that end; nor that it was well all the
        // while by a watch that told of nothing for longer than what is well has to hold.
        let begun = Instant::now();
        let is_old = |at: Instant| begun.duration_since(at) >= parts.timing.settle();
        let proves = work.memory.to_be_proven || in_flight && work.memory.proven_at.is_none_or(is_old);
        let subject = Subject {
            settings,
            repository,
            branch,
            complaint,
            bot,
            issue: &found.issue,
            gone: found.gone,
            others: &others,
            run: work.run.id,
            state: &work.state,
            writes: &work.writes,
            ours: &work.ours,
            lock,
            elsewhere: self.elsewhere(&repository.name),
            freshness: if proves { Freshness::Proven } else { Freshness::Watched },
            asking,
            since,
        };
        let observation = observe(&parts, subject, &mut work.memory).await?;
        if proves || !in_flight {
            work.memory.proven_at = in_flight.then_some(begun);
        }
        work.memory.heads = observation.heads();
        if *lock == Lock::Held {
            match &observation.cluster_error {
                None => parts.readiness.answered(Peer::Cluster),
                Some(error) => parts.readiness.failed(Peer::Cluster, error.clone()),
            }
        }
        // What cannot be said in the body is said where the operator looks.
        let archived = || repository.archived.then(wording::archived_in_flight);
        parts.readiness.run_says(&settings.name, observation.unreadable.clone().or_else(archived));
        if let Some(why) = &observation.unreadable {
            tracing::warn!(%why, "the issue's body cannot be read, nor written");
        }
        let situation = observation.situation(&parts, settings, &work.state, &work.memory);
        if let Some(blocked) = keeps_back(&situation) {
            parts.readiness.gate_says(&settings.name, observation.now, blocked);
        }
        let decision = decide(&situation);
        tracing::debug!(?decision, "decided");
        work.memory.to_be_proven = !proves && decision.rests_on_the_cluster(in_flight);
        if work.memory.to_be_proven
            || observation.asked == Asking::Few && !matches!(decision, Decision::Wait(_))
        {
            // Nor has it heard anybody. It may rest on what is not so any more: the next look, at once, asks about everything.
            return Ok(Next::Now);
        }
        let scene = Scene {
            settings,
            repository,
            bot,
            issue: &found.issue,
            general: &parts.settings,
            observation: &observation,
        };
        let (next, awaited) = match decision {
            Decision::Note(events) => {
                self.append_all(work, events).await?;
                (Next::Now, None)
            }
            // Nothing is done that people cannot be told of; what is half done is brought to its end all the same.
            Decision::Perform(_)
                if work.memory.written.is_none()
                    && work.state.change.is_none()
                    && found.issue.state == State::Open =>
            {
                (Next::Now, None)
            }
            Decision::Perform(effect) => self.perform(&scene, work, effect).await?,
            Decision::Confirm(step) => (self.confirm(&scene, work, step).await?, None),
            Decision::Refresh { change, hard } => match self.refresh(&scene, work, change, hard).await {
                None => (Next::Soon, None),
                Some(refreshed) => {
                    self.append(work, refreshed).await?;
                    (Next::Now, None)
                }
            },
            Decision::Wait(waiting) => (after_waiting(&waiting, settings, &observation), Some(waiting)),
            Decision::Over => {
                parts.store.end_run(work.run.id, Timestamp::now()).await?;
                tracing::info!("the run is over");
                work.over = true;
                // Another issue may have been waiting for its turn.
                return Ok(if parts.only.is_some() { Next::Later(Standing::Over) } else { Next::Now });
            }
        };
        work.memory.ticked = observation.heard(&work.state);
        self.write(&scene, work, awaited.as_ref()).await?;
        Ok(next)
    }

    /// Appends to the journal, then to the state: in this order, so that memory never knows more than the store.
    pub(in crate::run) async fn append(&self, work: &mut Work, event: Event) -> Result<EventId, RunError> {
        let ids = self.append_all(work, vec![event]).await?;
        Ok(ids.into_iter().next().expect("one event was appended, and each has its id"))
    }

    /// Appends what became true at once: after a crash all of it is known, or nothing. Of a run that had begun without its
    /// tasks nobody could tell who wrote them.
    pub(super) async fn append_all(
        &self,
        work: &mut Work,
        events: Vec<Event>,
    ) -> Result<Vec<EventId>, RunError> {
        let now = Timestamp::now();
        let texts: Result<Vec<String>, _> = events.iter().map(serde_json::to_string).collect();
        let texts = texts.map_err(|source| RunError::Journal { run: work.run.id, source })?;
        let ids = self.parts.store.append(work.run.id, now, &texts).await?;
        for (id, event) in ids.iter().zip(events) {
            tracing::info!(event = id.0, "{}", wording::journal_line(&event, &work.state));
            work.state.fold(*id, now, event);
        }
        Ok(ids)
    }
}

/// Keeps what the last look saw, where the store does not have it.
async fn keep_seen(
    store: &Store,
    name: &RepositoryName,
    watch: &mut Watch,
    last: bool,
) -> Result<(), StoreError> {
    match watch.keep(last).map(serde_json::to_string) {
        None => Ok(()),
        Some(Ok(text)) => store.keep_seen(&name.to_string(), &text).await,
        Some(Err(error)) => {
            tracing::warn!(%error, "what was seen cannot be written down");
            Ok(())
        }
    }
}

/// When to look again while something is awaited.
fn after_waiting(waiting: &Waiting, settings: &RepositorySettings, observation: &Observation) -> Next {
    match waiting {
        // Nothing comes of it soon while nothing may be done.
        Waiting::World(_) if settings.mode == Mode::Observe => Next::Later(Standing::People),
        Waiting::World(_) => Next::Soon,
        Waiting::People => Next::Later(Standing::People),
        Waiting::Window(opens) => Next::Later(Standing::Window { opens: *opens }),
        Waiting::Obstacles => {
            // The body may be among what cannot be written.
            for missing in &observation.obstacles {
                tracing::warn!(%missing, "nothing is done");
            }
            Next::Later(Standing::Obstacles)
        }
        Waiting::Paused(_) => Next::Later(Standing::Paused),
    }
}

/// A run as the store knows it.
pub(super) async fn load(store: &Store, run: RunRow) -> Result<Work, RunError> {
    let state = crate::run::load_state(store, run.id).await?;
    let mut writes = Vec::new();
    let mut ours = OwnHashes::default();
    for (hash, written) in store.body_writes(run.id).await? {
        ours.0.insert(hash);
        writes.push(
            serde_json::from_str(&written).map_err(|source| RunError::Journal { run: run.id, source })?,
        );
    }
    Ok(Work { run, state, writes, ours, memory: Memory::default(), over: false })
}
