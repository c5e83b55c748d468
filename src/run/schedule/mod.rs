//! What `serve` looks for by itself, at moments that come again: the maintenance issue takes what is found.
//!
//! Races decided here: what was done is noted in the store after it was done, so that a kill in between does it again, which
//! finds the issue as it left it and changes nothing; what was due while nobody ran is done once, not as often as it was
//! missed; what fails is tried again after a while, and what is due next waits for nothing of it. A look at a
//! server that is away, or that could not read what it is about, has failed: it saw no cluster in which nothing can be read,
//! and writes nothing; nor does one where caretaker only observes, which says in the log what it would write. What stays
//! unread while the server answers is told after a few tries. The worker may write the same
//! text at the same time: both write a fresh one with its version.

mod moment;
mod needs;
mod settings;
mod trend;

pub(crate) use settings::{Chore, Settings};

use super::RunError;
use super::event::Accepted;
use super::names::Names;
use super::open::{Opening, OpeningError, Published, maintenance_label, newest_open, open_updates, runs_of};
use super::repository_file::in_force;
use super::situation::Mode;
use super::worker::{Parts, chain};
use crate::cluster::{Cluster, ClusterError, ClusterResult, Freshness, Installed};
use crate::forge::{Issue, Repository, RepositoryName};
use crate::health::{self, Finding, Surroundings, Trending};
use crate::issue::{Offered, propose};
use crate::store::{Store, StoreError, UsageSample};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// After so long something that failed is tried again. Real time.
const AGAIN: Duration = Duration::from_mins(10);
/// So often that is doubled at most, while it goes on failing.
const MOST_DOUBLINGS: u32 = 5;
/// So often something may fail by what could not be read, although the server answers, before it is done with what could.
const TRIES: u32 = 3;
/// So often it is looked what is due, whatever the clock did meanwhile. Real time.
const TICK: Duration = Duration::from_mins(5);
/// A sample of what is used is taken after so long: once a day, whenever the process was started.
const SAMPLE: SignedDuration = SignedDuration::from_hours(20);
/// Ceph warns of its own when it is as full as this.
const CEPH_NEAR_FULL: u8 = 85;

/// Why something that was due was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScheduleError {
    /// The issue.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// Forge, cluster or store.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What it is about could not be read, in words.
    #[error("what it is about could not be read: {0}")]
    NotRead(String),
    /// The repository's own file, in words: it says nothing of the cluster, whose tries begin when it is read.
    #[error("{0}")]
    FileNotRead(String),
}

impl ScheduleError {
    /// Whether it passes by itself, as a server that is away does.
    fn passes(&self) -> bool {
        match self {
            Self::NotRead(_)
            | Self::FileNotRead(_)
            | Self::Run(RunError::Cluster(ClusterError::Unavailable { .. })) => true,
            Self::Run(_) | Self::Opening(_) => false,
        }
    }
}

/// What went before, of something that was not done.
#[derive(Debug)]
struct Failed {
    /// It is not tried before.
    not_before: Instant,
    /// How often in a row.
    times: u32,
    /// How often of these by what could not be read.
    unread: u32,
    /// Whether the newest of them passes by itself, which is said once.
    passes: bool,
}

impl From<StoreError> for ScheduleError {
    fn from(error: StoreError) -> Self {
        Self::Run(error.into())
    }
}

impl From<crate::forge::ForgeError> for ScheduleError {
    fn from(error: crate::forge::ForgeError) -> Self {
        Self::Run(error.into())
    }
}

/// Does what is due.
#[derive(Debug)]
pub(crate) struct Scheduler {
    parts: Arc<Parts>,
    settings: Settings,
    /// Whose maintenance issue takes what is found.
    repository: RepositoryName,
    /// What was due and could not be done.
    failed: BTreeMap<Chore, Failed>,
    /// After so long it is tried again.
    again: Duration,
}

impl Scheduler {
    /// Nothing is done before [`Scheduler::run`].
    pub(crate) fn new(parts: Arc<Parts>, settings: Settings, repository: RepositoryName) -> Self {
        Self { parts, settings, repository, failed: BTreeMap::new(), again: AGAIN }
    }

    /// The same with less patience.
    #[cfg(test)]
    pub(crate) fn trying_again_after(self, again: Duration) -> Self {
        Self { again, ..self }
    }

    /// Does what is due until it is told to stop. What has begun ends first: each of its requests has its time limit.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = Timestamp::now();
            self.sample(now).await;
            for chore in Chore::ALL {
                if !stop.is_cancelled() {
                    self.turn(chore, now).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.until_next(Timestamp::now())) => {}
            }
        }
    }

    fn zone(&self) -> TimeZone {
        // A zone that does not exist was refused with the settings.
        self.parts.settings.zone().unwrap_or(TimeZone::UTC)
    }

    fn until_next(&self, now: Timestamp) -> Duration {
        let zone = self.zone();
        let next = Chore::ALL
            .into_iter()
            .filter_map(|chore| self.settings.of(chore)?.next(&zone, now))
            .min()
            .and_then(|next| Duration::try_from(next.duration_since(now)).ok());
        let failed = self.failed.values().map(|failed| failed.not_before);
        let again = failed.min().map(|at| at.saturating_duration_since(Instant::now()));
        next.unwrap_or(TICK).min(again.unwrap_or(TICK)).min(TICK)
    }

    /// Whether something is due. On the first start nothing is owed.
    async fn is_due(&self, chore: Chore, now: Timestamp) -> Result<bool, StoreError> {
        let zone = self.zone();
        let Some(last) = self.settings.of(chore).and_then(|every| every.last(&zone, now)) else {
            return Ok(false);
        };
        if let Some(done) = self.parts.store.last_done(chore.word()).await? {
            return Ok(done < last);
        }
        self.parts.store.note_done(chore.word(), now).await?;
        Ok(false)
    }

    async fn turn(&mut self, chore: Chore, now: Timestamp) {
        let failed = self.failed.get(&chore);
        if failed.is_some_and(|failed| Instant::now() < failed.not_before) {
            return;
        }
        let (times, unread) = failed.map_or((0, 0), |failed| (failed.times, failed.unread));
        let told = failed.is_some_and(|failed| failed.passes);
        let done = async {
            if !self.is_due(chore, now).await? {
                return Ok(None);
            }
            let done = self.perform(chore, unread + 1 >= TRIES, now).await?;
            self.parts.store.note_done(chore.word(), now).await?;
            Ok::<_, ScheduleError>(Some(done))
        };
        let (what, repository) = (chore.word(), &self.repository);
        let done = done.await;
        if done.is_ok() {
            self.failed.remove(&chore);
        }
        match done {
            Ok(None) => {}
            Ok(Some((Published::Nothing, _))) => {
                tracing::info!(schedule = what, %repository, "there is nothing to open an issue for");
            }
            Ok(Some((Published::Opened { tasks, .. }, Mode::Observe))) => {
                tracing::info!(schedule = what, %repository, ?tasks, "it would open an issue, and only observes");
            }
            Ok(Some((Published::Refreshed { number, tasks, changed, .. }, Mode::Observe))) => {
                let issue = number.0;
                tracing::info!(schedule = what, %repository, issue, changed, ?tasks, "looked, and only observes");
            }
            Ok(Some((Published::Opened { number, tasks, .. }, _))) => {
                let issue = number.map(|number| number.0);
                tracing::info!(schedule = what, %repository, issue, tasks = tasks.len(), "opened the issue");
            }
            Ok(Some((Published::Refreshed { number, tasks, changed, .. }, _))) => {
                let issue = number.0;
                tracing::info!(schedule = what, %repository, issue, changed, tasks = tasks.len(), "looked");
            }
            Err(error) => {
                let passes = error.passes();
                // What a person has to mend first is not asked for as often as what passes.
                let pause =
                    if passes { self.again } else { self.again * 2_u32.pow(times.min(MOST_DOUBLINGS)) };
                let unread = unread + u32::from(matches!(error, ScheduleError::NotRead(_)));
                let failed = Failed { not_before: Instant::now() + pause, times: times + 1, unread, passes };
                self.failed.insert(chore, failed);
                let (error, repository) = (chain(&error), &self.repository);
                // A server that is away for a night is one line.
                if passes && told {
                    tracing::debug!(schedule = what, %repository, error, "it is tried again later");
                } else {
                    tracing::warn!(schedule = what, %repository, error, "it is tried again later");
                }
            }
        }
    }

    /// How much the repository lets caretaker do, by the settings and by its own file.
    async fn mode(&self, repository: &Repository) -> Result<Mode, ScheduleError> {
        let parts = &self.parts;
        let table = parts.repositories.iter().find(|table| table.name == self.repository);
        // One without a table is there because it was discovered.
        let settings = table.cloned().unwrap_or_else(|| parts.discovery.settings_of(self.repository.clone()));
        if settings.mode == Mode::Observe {
            return Ok(Mode::Observe);
        }
        let branch = parts.forge.branch(&repository.name, &repository.default_branch).await?;
        let mut file = None;
        let force = in_force(parts, &settings, &repository.name, &branch.head, &mut file).await;
        // Not read, it passes: whoever only observed for that would count as done.
        if settings.allow_repository_file && file.is_none() {
            return Err(ScheduleError::FileNotRead(force.complaint.unwrap_or_default()));
        }
        Ok(force.settings.mode)
    }

    /// Looks, and has the issue take what belongs to it. The `last` time what could not be read is no reason to wait longer. Where
    /// it only observes it says what it would write.
    async fn perform(
        &self,
        chore: Chore,
        last: bool,
        now: Timestamp,
    ) -> Result<(Published, Mode), ScheduleError> {
        let parts = &self.parts;
        // First what needs least: a repository that is not there, or has no such label, takes nothing, and a server that is
        // away tells nothing.
        let repository = parts.forge.repository(&self.repository).await?;
        let label = maintenance_label(parts.forge.as_ref(), &parts.settings, &repository.name).await?;
        let mode = self.mode(&repository).await?;
        self.cluster_answers().await?;
        let bot = parts.forge.account().await?;
        let open = newest_open(parts.forge.as_ref(), &parts.settings, &repository, &bot, &label).await?;
        let accepted = match &open {
            Some(issue) => self.accepted_in(issue).await?,
            None => Vec::new(),
        };
        let health_settings = parts.health_settings.accepting(accepted.iter().map(Accepted::as_setting));
        let surroundings = Surroundings {
            settings: &health_settings,
            cluster: &parts.cluster_settings,
            grace: parts.timing.grace(),
            freshness: Freshness::Proven,
            audit: matches!(chore, Chore::Trends | Chore::Audit),
            after: None,
        };
        let mut recon = health::recon(parts.cluster.as_ref(), &surroundings, now).await;
        match chore {
            Chore::Trends => recon.add_trends(trends(&parts.store, &parts.health_settings, now).await?),
            Chore::Audit => {
                let files = super::audit_files(parts.forge.as_ref(), &self.repository).await;
                recon.add_files(files.map_err(|error| chain(&error)));
            }
            Chore::Recon | Chore::Checks => {}
        }
        let unread = needs::unread(chore, &recon);
        if !unread.is_empty() {
            // It may have gone meanwhile, and then this says nothing of what stays unread.
            self.cluster_answers().await?;
            let said = unread.iter().map(|finding| format!("{}: {}", finding.message, finding.evidence));
            let said = said.collect::<Vec<_>>().join("; ");
            if !last || !needs::is_anything_read(&recon) {
                return Err(ScheduleError::NotRead(said));
            }
            tracing::warn!(schedule = chore.word(), unread = said, "done with what could be read");
        }
        let untold: Vec<_> = unread.iter().map(|finding| finding.id.clone()).collect();
        let wanted = |finding: &Finding| needs::belongs(chore, finding) || untold.contains(&finding.id);
        let updates = if chore == Chore::Recon {
            let forge = parts.forge.as_ref();
            open_updates(forge, &self.repository, &parts.renovate_settings, &parts.rules).await?
        } else {
            Vec::new()
        };
        let accepted = |finding: &_| health_settings.leaves_alone(finding, now);
        let is_part = chore != Chore::Recon;
        let offered = Offered { is_part, ..propose(&recon, &accepted, &wanted, &updates) };
        let opening = Opening {
            forge: parts.forge.as_ref(),
            settings: &parts.settings,
            rules: &parts.rules,
            repository: &repository,
            bot: &bot,
            recon: &recon,
            offered: &offered,
            store: Some(&parts.store),
        };
        Ok((opening.publish(mode == Mode::Observe).await?, mode))
    }

    /// Fails where the server is away. One that refuses to tell its version answers.
    async fn cluster_answers(&self) -> Result<(), ScheduleError> {
        answers(self.parts.cluster.version().await).map_err(|error| RunError::from(error).into())
    }

    /// What people accept in the run of the issue that is open.
    async fn accepted_in(&self, issue: &Issue) -> Result<Vec<Accepted>, ScheduleError> {
        let store = &self.parts.store;
        let names = Names::read(store).await?;
        let mut accepted = Vec::new();
        for run in runs_of(issue.number, &self.repository, store.all_open_runs().await?, &names) {
            accepted.extend(super::load_state(store, run.id).await?.acknowledged);
        }
        Ok(accepted)
    }

    /// Notes how much of what is used, once a day, where trends are asked for.
    async fn sample(&self, now: Timestamp) {
        if self.settings.trends.is_none() {
            return;
        }
        let parts = &self.parts;
        let taken = async {
            let newest =
                parts.store.usage().await?.into_values().filter_map(|all| Some(all.last()?.at)).max();
            if newest.is_some_and(|newest| now.duration_since(newest) < SAMPLE) {
                return Ok(());
            }
            let limit = parts.health_settings.probe_timeout();
            let seen = seen(parts.cluster.as_ref(), parts.cluster_settings.node_stats, limit, now).await;
            parts.store.keep_usage(&seen).await
        };
        let taken: Result<(), StoreError> = taken.await;
        if let Err(error) = taken {
            tracing::warn!(error = chain(&error), "what is used could not be noted");
        }
    }
}

/// Whether a server is there, by what it said. One that refuses answers.
fn answers<T>(said: ClusterResult<T>) -> ClusterResult<()> {
    match said {
        Err(error @ ClusterError::Unavailable { .. }) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// How much of disks, volumes and Ceph is used, as far as it can be read within a time: what cannot is no sample.
async fn seen(
    cluster: &dyn Cluster,
    node_stats: bool,
    limit: Duration,
    now: Timestamp,
) -> BTreeMap<String, UsageSample> {
    let mut seen = BTreeMap::new();
    let mut take = |object: String, used: u64, total: u64| {
        seen.insert(object, UsageSample { at: now, used, total });
    };
    let ceph = tokio::time::timeout(limit, cluster.ceph_clusters(Freshness::Watched)).await;
    if let Ok(Ok(Installed::Yes(clusters))) = ceph {
        for one in clusters {
            if let Some((used, total)) = one.capacity {
                take(format!("CephCluster {}/{}", one.namespace, one.name), used, total);
            }
        }
    }
    if !node_stats {
        return seen;
    }
    let nodes = tokio::time::timeout(limit, cluster.nodes(Freshness::Watched)).await;
    let nodes = nodes.ok().and_then(Result::ok).unwrap_or_default();
    for (name, stats) in health::ask_kubelets(cluster, &nodes, limit).await {
        let Ok(stats) = stats else { continue };
        if let Some(root) = stats.root {
            take(format!("Node {name}"), root.capacity.saturating_sub(root.available), root.capacity);
        }
        for claim in stats.claims {
            let of = claim.filesystem;
            let object = format!("PersistentVolumeClaim {}/{}", claim.namespace, claim.name);
            take(object, of.capacity.saturating_sub(of.available), of.capacity);
        }
    }
    seen
}

/// What fills up, by the samples of the store.
pub(super) async fn trends(
    store: &Store,
    settings: &health::Settings,
    now: Timestamp,
) -> Result<Vec<Trending>, StoreError> {
    let mut found = Vec::new();
    for (object, samples) in store.usage().await? {
        let limit = match object.split(' ').next() {
            Some("Node") => settings.disk_yellow_percent,
            Some("PersistentVolumeClaim") => settings.claim_yellow_percent,
            _ => CEPH_NEAR_FULL,
        };
        let Some(trend) = trend::trend(&samples, limit, now) else { continue };
        found.push(Trending {
            object,
            percent: trend.percent,
            limit,
            full_at: trend.full_at,
            bytes_a_day: trend.bytes_a_day,
            samples: samples.len(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{ClusterError, answers};

    #[test]
    fn a_server_that_refuses_to_tell_its_version_answers() {
        let (what, said) = (|| "the version".to_owned(), || "no".to_owned());
        for (name, asked, there) in [
            ("it tells", Ok(()), true),
            ("403", Err(ClusterError::Forbidden { what: what(), said: said() }), true),
            ("404", Err(ClusterError::NotFound { what: what() }), true),
            ("away", Err(ClusterError::Unavailable { what: what(), said: said() }), false),
        ] {
            assert_eq!(answers(asked).is_ok(), there, "{name}");
        }
    }
}
