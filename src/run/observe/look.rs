//! The parts of a look that need answers of their own: rollouts, the change in flight, related issues, obstacles.

use super::Subject;
use super::anew::{KnownRelated, Spared};
use super::versions::{Versions, name_images};
use crate::cluster::{
    Application, BlockingPod, ContainerState, Freshness, ObjectRef, OperationPhase, OperationState, Owner,
    Pod, SyncStatus, Workload, subject,
};
use crate::forge::renovate;
use crate::forge::{Branch, CommitSha, ForgeError, ForgeResult, IssueNumber, PullRequest, State};
use crate::health::{self, Attribution, Finding, FindingId, Probe, Recon};
use crate::issue::{Kind, Reading, RemadePull, Task};
use crate::merge::Hold;
use crate::merge::rollout::{
    AcceptedFlux, Asking, GitOps, Moment, Pulls, Question, Rollout, Stood, Undone, Watched, awaited_owners,
    excused, flux_to_ask, judge, pods_of, pulls_of,
};
use crate::run::memory::Memory;
use crate::run::settings::RolloutBy;
use crate::run::situation::{Mode, Related, Unread};
use crate::run::state::Stage;
use crate::run::trust::Trusted;
use crate::run::worker::{Parts, RunError, chain};
use crate::wording;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a look says of the change in flight.
#[derive(Debug, Default)]
pub(super) struct ChangeView {
    pub(super) rollout: Option<(Rollout, Timestamp)>,
    pub(super) unasked: Option<ObjectRef>,
    /// The pods for which an image is being pulled.
    pub(super) pulling: Vec<String>,
    pub(super) attributions: BTreeMap<FindingId, Attribution>,
    /// The watchers that it touches.
    pub(super) affected: Vec<ObjectRef>,
    pub(super) stuck: Vec<ObjectRef>,
    pub(super) idle_out_of_sync: Vec<ObjectRef>,
    pub(super) manual: Vec<ObjectRef>,
    pub(super) blocking: Vec<BlockingPod>,
    pub(super) versions: Versions,
    pub(super) undone: Option<Undone>,
}

pub(super) struct Look<'a> {
    pub(super) parts: &'a Parts,
    pub(super) subject: &'a Subject<'a>,
    pub(super) memory: &'a mut Memory,
    pub(super) gitops: &'a GitOps,
    pub(super) branch: &'a Branch,
    /// What this and every earlier run of the repository holds.
    pub(super) holds: &'a [Hold],
    /// Whether what was asked for the head was asked by another run.
    pub(super) elsewhere: bool,
    pub(super) now: Timestamp,
}

impl Look<'_> {
    pub(super) fn watched(&self) -> Watched {
        self.subject.settings.watched(self.subject.repository)
    }

    /// Whether `newer` contains `older`, asked of the forge once; again of a commit that it does not know, which it may know later.
    pub(super) async fn contains(&mut self, newer: &CommitSha, older: &CommitSha) -> ForgeResult<bool> {
        if newer == older {
            return Ok(true);
        }
        let pair = (newer.clone(), older.clone());
        if let Some(known) = self.memory.contains.get(&pair) {
            return Ok(*known);
        }
        let contains = match self.parts.forge.compare(&self.subject.repository.name, newer, older).await {
            Ok(commits) => commits.is_empty(),
            // A revision that the forge does not know contains nothing of ours.
            Err(ForgeError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.memory.contains.insert(pair, contains);
        Ok(contains)
    }

    /// The Applications that are not well.
    pub(super) fn stood(&self, recon: &Recon) -> Vec<Stood> {
        let of = |application: &Application| {
            Stood::of(application, is_accepted(recon, Probe::ArgoCd, &application.object()))
        };
        self.gitops.applications.iter().filter_map(of).collect()
    }

    /// The objects of Flux that a person accepts as they are.
    pub(super) fn accepted(&self, recon: &Recon) -> Vec<AcceptedFlux> {
        self.watched().accepted(&self.gitops.flux, &|object| is_accepted(recon, Probe::Flux, object))
    }

    /// Whether a commit runs in every watcher, of which some need not be better than they were.
    pub(super) async fn rollout(
        &mut self,
        commit: &CommitSha,
        before: &[Stood],
        accepted: &[AcceptedFlux],
        asking: Option<Asking>,
    ) -> Result<Rollout, RunError> {
        if self.subject.settings.rollout == RolloutBy::None {
            return Ok(Rollout::Done { watchers: 0, affected: Vec::new() });
        }
        let watched = self.watched();
        let mut contains = BTreeMap::new();
        for revision in watched.revisions(self.gitops) {
            match self.contains(&revision, commit).await {
                Ok(holds) => drop(contains.insert(revision, holds)),
                // A history may be too long to be compared: nobody knows then, and the look goes on.
                Err(error) => {
                    tracing::warn!(%revision, %commit, error = %chain(&error), "could not be compared");
                    break;
                }
            }
        }
        // Where a watcher's source is not read, it also has to be known whether its revision is of this repository at all.
        let mut earlier = BTreeSet::new();
        for revision in watched.unread_revisions(&self.gitops.flux) {
            let Ok(holds) = self.contains(&revision, commit).await else { continue };
            contains.insert(revision.clone(), holds);
            if !holds && matches!(self.contains(commit, &revision).await, Ok(true)) {
                earlier.insert(revision);
            }
        }
        let descends = |revision: &CommitSha| contains.get(revision).copied();
        let mut moment = Moment {
            now: self.now,
            accepted: watched.still_accepted(accepted, &self.gitops.flux),
            earlier,
            asking,
            awaited: self.awaited_of(commit),
            elsewhere: self.elsewhere,
            timing: self.parts.timing.clone(),
        };
        let to_ask = flux_to_ask(self.gitops, &watched, commit, &descends, &moment);
        match &mut moment.asking {
            // Nobody asks them: they have looked when they must have by themselves since their values are there.
            Some(asking) if asking.over => {
                let silent = to_ask.into_iter().filter(|(_, question)| *question == Question::Look);
                let silent = silent.map(|(one, _)| one).collect();
                for (one, since) in self.memory.left_alone(commit, silent, self.now) {
                    asking.asked.entry(one).or_default().tried_at = Some(since);
                }
            }
            Some(_) => self.memory.flux_to_ask = to_ask,
            None => {}
        }
        Ok(judge(self.gitops, &watched, commit, &descends, before, &moment))
    }

    fn awaited_of(&self, commit: &CommitSha) -> Option<BTreeMap<String, Timestamp>> {
        self.memory.waited_for.as_ref().filter(|(of, _)| of == commit).map(|(_, names)| names.clone())
    }

    pub(super) async fn change(
        &mut self,
        recon: &Recon,
        workloads: Option<&[Workload]>,
    ) -> Result<ChangeView, RunError> {
        let state = self.subject.state;
        let Some(change) = &state.change else { return Ok(ChangeView::default()) };
        let Some((merge_commit, merged_at, _)) = &change.merged else { return Ok(ChangeView::default()) };
        let Some((commit, asking)) = change.followed_commit() else { return Ok(ChangeView::default()) };
        let watched = self.watched();
        let touched = watched.touched(self.gitops, &change.plan.files);
        // What was not as Git said before may stay so where the change has nothing to do with it. Where it has, that is what
        // keeps the change from running.
        // One that makes another which is touched is so by its folder alone, which holds that other's.
        let makes_another = |owner: &Owner| touched.iter().any(|other| owner.owns.contains(&other.object));
        let is_touched = |one: &&Stood| {
            touched.iter().any(|owner| owner.object == one.application && !makes_another(owner))
        };
        let undone = match &change.stage {
            Stage::Reverted { commit, .. } => Some(self.undone(merge_commit, *merged_at, commit).await),
            _ => None,
        };
        let ran = self.gitops.applications.iter().filter(|one| change.has_affected(one));
        let changed: Vec<Owner> = touched.iter().cloned().chain(ran.map(Owner::from)).collect();
        let before = match &undone {
            Some(undone) => excused(&change.plan.stood, self.gitops, undone, &changed),
            None => change.plan.stood.clone(),
        };
        let mut stood = before.clone();
        stood.retain(|one| one.sync == SyncStatus::Synced || !is_touched(&one));
        let mut accepted = change.plan.accepted.clone();
        accepted
            .retain(|one| !touched.iter().any(|owner| owner.object == one.object && !makes_another(owner)));
        let rollout = self.rollout(commit, &stood, &accepted, Some(asking)).await?;
        self.memory.note_awaited(commit, &rollout, self.now);
        // Which Applications a commit needed an operation in is known once it has arrived; until then the folders tell, and
        // of Kustomizations, which apply every commit, always.
        let arrived = matches!(change.stage, Stage::RolledOut { .. }) || !change.affected.is_empty();
        let mut affected = touched;
        if arrived {
            affected.retain(|owner| owner.object.kind != "Application");
            let needed = self.gitops.applications.iter().filter(|one| change.has_affected(one));
            affected.extend(needed.map(Owner::from));
        }
        let mut pulling = Vec::new();
        let awaited = awaited_owners(self.gitops, &watched, &rollout);
        // Pods of others come and go for reasons of their own.
        if let Some(workloads) = workloads {
            let mut moving = [affected.as_slice(), awaited.as_slice()].concat();
            for owner in &mut moving {
                owner.take_all_that_moves(workloads);
            }
            self.memory.pods = pods_of(&moving, workloads);
            if matches!(rollout, Rollout::Waiting { .. }) {
                let images = self.images(&moving, workloads).await;
                self.memory.pods.push_str(&images.progress);
                pulling = images.pulling;
            }
            name_images(&mut affected, workloads);
        }
        let since = self.memory.progress_since(commit, &rollout, self.now);
        let attributions = health::attributions(&change.plan.baseline, change.asked_at, recon, &affected);
        let stuck = match &undone {
            Some(undone) => watched.stuck_operations(self.gitops, undone, &affected),
            None => Vec::new(),
        };
        let stuck = stuck.into_iter().map(Application::object).collect();
        // That nobody syncs it by itself is a person's choice, which only a setting may overrule; where its set does, one after the
        // other, nobody may.
        let by_hand = self.subject.settings.sync_manual;
        let is_among =
            |owners: &[Owner], one: &Application| owners.iter().any(|owner| owner.object == one.object());
        // What these or a set make is told of as it is waited for. How it stood before, and nobody touched, stays so; what others make is
        // theirs.
        let leaves = watched.leaves(self.gitops, &affected, &before);
        let is_leaf = |one: &Application| is_among(&awaited, one) && leaves.contains(&one);
        let idle: Vec<&Application> = (self.gitops.applications.iter())
            .filter(|one| is_idle_out_of_sync(one) && (one.automated || by_hand && !one.rolled_by_set))
            .filter(|application| is_among(&affected, application) || is_leaf(application))
            .collect();
        let manual =
            idle.iter().filter(|application| !application.automated).map(|one| one.object()).collect();
        let idle = idle.into_iter().map(Application::object).collect();
        let blocking = if undone.is_some() { self.blocking(&affected, workloads).await } else { Vec::new() };
        let versions = if undone.is_some() {
            Versions::default()
        } else {
            let is_done = matches!(rollout, Rollout::Done { .. });
            self.versions(&change.plan, is_done, &affected, workloads.unwrap_or_default()).await
        };
        Ok(ChangeView {
            rollout: Some((rollout, since)),
            unasked: watched.first_unasked(
                self.gitops,
                &change.asked,
                &change.asked_for_commit,
                &self.memory.flux_to_ask,
            ),
            pulling,
            attributions,
            affected: affected.into_iter().map(|owner| owner.object).collect(),
            stuck,
            idle_out_of_sync: idle,
            manual,
            blocking,
            versions,
            undone,
        })
    }

    /// What is undone, with the commits that whoever follows the repository shows and that hold it as well, and its undoing not yet.
    async fn undone(&mut self, commit: &CommitSha, merged_at: Timestamp, undoing: &CommitSha) -> Undone {
        let mut later = BTreeSet::new();
        for revision in self.watched().revisions(self.gitops) {
            // What the forge does not tell holds nothing: its operation is another's.
            match self.contains(&revision, commit).await {
                Ok(true) if matches!(self.contains(&revision, undoing).await, Ok(false)) => {
                    later.insert(revision);
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Undone { commit: commit.clone(), merged_at, later }
    }

    /// How far the images are that a change needs. Where that may not be read, nobody knows, and other progress has to do.
    async fn images(&self, affected: &[Owner], workloads: &[Workload]) -> Pulls {
        let unfinished: BTreeSet<&ObjectRef> = (workloads.iter().filter(|one| !one.is_complete()))
            .map(|one| &one.object)
            .filter(|object| affected.iter().any(|owner| owner.owns.contains(object)))
            .collect();
        if unfinished.is_empty() {
            return Pulls::default();
        }
        let recent = self.parts.health_settings.recent_end();
        let reading = self.parts.cluster.pods(recent, Freshness::Watched);
        let Ok(pods) = tokio::time::timeout(self.parts.health_settings.probe_timeout(), reading).await else {
            tracing::debug!("the pods that wait for images were not read in time");
            return Pulls::default();
        };
        let pods = match pods {
            Ok(pods) => pods,
            Err(error) => {
                tracing::debug!(error = %chain(&error), "the pods that wait for images could not be read");
                return Pulls::default();
            }
        };
        let waiting: BTreeSet<(String, String)> = pods.with(|pods| {
            let own = pods.kept().into_iter().filter(|pod| unfinished.contains(&subject(pod)));
            own.filter(|pod| waits_for_an_image(pod))
                .map(|pod| (pod.namespace.clone(), pod.name.clone()))
                .collect()
        });
        let namespaces: BTreeSet<&str> = waiting.iter().map(|(namespace, _)| namespace.as_str()).collect();
        let mut events = Vec::new();
        for namespace in namespaces.into_iter().take(MOST_NAMESPACES) {
            match self.parts.cluster.pull_events(namespace).await {
                Ok(found) => events.push((namespace.to_owned(), found)),
                Err(error) => {
                    tracing::debug!(error = %chain(&error), namespace, "what is said of images could not be read");
                }
            }
        }
        pulls_of(&waiting, &events, self.now)
    }

    /// The pods that keep what a change touched from going back. What cannot be read is tried again at the next look.
    async fn blocking(&self, affected: &[Owner], workloads: Option<&[Workload]>) -> Vec<BlockingPod> {
        let sets: Vec<ObjectRef> = (workloads.into_iter().flatten())
            .filter(|one| one.object.kind == "StatefulSet" && one.available < one.desired)
            .filter(|one| affected.iter().any(|owner| owner.owns.contains(&one.object)))
            .map(|one| one.object.clone())
            .collect();
        self.parts.cluster.blocking_pods(&sets).await.unwrap_or_else(|error| {
            tracing::warn!(error = %chain(&error), "the pods of StatefulSets could not be read");
            Vec::new()
        })
    }

    /// The open pull requests; `None` where the list cannot be read, which one broken pull request is enough for.
    pub(super) async fn open_pulls(&mut self) -> Option<Vec<PullRequest>> {
        match self.parts.forge.open_pulls(&self.subject.repository.name).await {
            Ok(open) => Some(open),
            Err(error) => {
                tracing::warn!(%error, "the list of pull requests cannot be read");
                None
            }
        }
    }

    /// The issues and pull requests that tasks want closed. One that cannot be read is not among them.
    pub(super) async fn related(
        &mut self,
        reading: &Reading,
        spared: &Spared,
    ) -> BTreeMap<IssueNumber, Related> {
        let mut related = BTreeMap::new();
        for task in &reading.tasks {
            let Kind::Close { number } = task.kind else { continue };
            if self.is_settled(task) || self.is_put_off(number, spared.related.contains(&number)) {
                continue;
            }
            if let Some(known) = self.memory.related.get(&number).filter(|_| spared.related.contains(&number))
            {
                related.insert(number, known.found.clone());
                continue;
            }
            let found = match self.parts.forge.issue(&self.subject.repository.name, number).await {
                Ok(issue) if issue.state == State::Open => {
                    Related::Open { is_pull: issue.is_pull, title: issue.title }
                }
                Ok(_) => Related::Closed,
                Err(ForgeError::NotFound { .. } | ForgeError::Renamed { .. }) => Related::Missing,
                Err(error) => {
                    self.memory.related.remove(&number);
                    self.unread(number, &error);
                    continue;
                }
            };
            self.memory.unread.remove(&number);
            self.memory.related.insert(number, KnownRelated::new(found.clone(), self.memory.looks));
            related.insert(number, found);
        }
        self.memory.related.retain(|number, _| related.contains_key(number));
        related
    }

    /// Whether nothing is to be found out for a task: it has ended, or was done before the run. One that a person has just
    /// ticked is looked at once more.
    pub(super) fn is_settled(&self, task: &Task) -> bool {
        let state = self.subject.state;
        state.has_ended(&task.key) || task.ticked && state.task(&task.key).is_none()
    }

    /// Writes down that one issue or pull request cannot be read.
    pub(super) fn unread(&mut self, number: IssueNumber, error: &ForgeError) {
        tracing::warn!(number = number.0, error = %chain(error), "cannot be read; its task waits");
        let why = wording::unread(number, error);
        let now = self.now;
        let since = self.memory.unread.get(&number).map_or(now, |known| known.since);
        self.memory.unread.insert(number, Unread { why, since });
        self.memory.asked_in_vain.insert(number, self.memory.looks);
    }

    /// While a change is in flight, what could not be read is not waited for again: a time-out at each look would make the
    /// change's own looks rare. Nor is it while it is spared.
    pub(super) fn is_put_off(&self, number: IssueNumber, spared: bool) -> bool {
        (spared || self.subject.state.change.is_some()) && self.memory.unread.contains_key(&number)
    }

    /// What is missing before the first effect.
    pub(super) async fn obstacles(
        &self,
        reading: &Reading,
        trusted: &Trusted,
    ) -> Result<Vec<String>, RunError> {
        let mut obstacles = Vec::new();
        let repository = self.subject.repository;
        if trusted.is_empty() {
            obstacles.push(wording::nobody_trusted());
        } else if !trusted.opens(&self.subject.issue.author, self.subject.bot) {
            obstacles.push(wording::untrusted_author(&self.subject.issue.author.login));
        }
        // Whether it may be written at all was asked before.
        if self.subject.settings.mode != Mode::Observe
            && !self.parts.forge.may_write_code(&repository.name).await?
        {
            obstacles.push(wording::scope_missing());
        }
        let merges = reading.tasks.iter().any(|task| !task.ticked && matches!(task.kind, Kind::Merge { .. }));
        if merges && self.subject.settings.mode != Mode::Observe {
            let style = self.subject.settings.merge_style;
            if !repository.merge_styles.contains(&style) {
                obstacles.push(wording::style_not_allowed(&repository.name, style, &repository.merge_styles));
            }
            if !self.branch.can_merge {
                obstacles.push(wording::cannot_merge(&repository.name, &repository.default_branch));
            }
        }
        let work = health::Work {
            follows_rollouts: self.subject.settings.rollout == RolloutBy::Watchers,
            // With exec switched off such a task is a person's, and asks for no right.
            archives_crashes: self.parts.cluster_settings.exec
                && reading.tasks.iter().any(|task| !task.ticked && matches!(task.kind, Kind::Action { .. })),
            // What an audit cannot read it says itself, and no change rests on it.
            audits: false,
        };
        let features = health::needed(&self.parts.health_settings, &self.parts.cluster_settings, work);
        for feature in features {
            for need in health::rights(feature, &self.parts.health_settings, &self.parts.cluster_settings) {
                match self.parts.cluster.may(&need.right).await {
                    Ok(false) if !need.optional => {
                        obstacles.push(wording::missing_right(&need.right, feature));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        obstacles.push(wording::cluster_unreachable(&error.to_string()));
                        return Ok(obstacles);
                    }
                }
            }
        }
        Ok(obstacles)
    }

    /// Open pull requests of Renovate that bring a held version again.
    pub(super) fn remade(&mut self, open: Option<&[PullRequest]>) -> Vec<RemadePull> {
        // A list that cannot be read says nothing new.
        let Some(open) = open else { return self.memory.remade.clone() };
        let remade = self.remade_among(open);
        self.memory.remade.clone_from(&remade);
        remade
    }

    fn remade_among(&self, open: &[PullRequest]) -> Vec<RemadePull> {
        let holds = &self.subject.state.holds;
        if holds.is_empty() {
            return Vec::new();
        }
        let settings = &self.parts.renovate_settings;
        open.iter()
            .filter_map(|pull| {
                let updates =
                    renovate::recognise(pull, &settings.accounts, &settings.branch_prefix).ok()?.updates;
                let held = holds.iter().find(|held| {
                    held.pull != pull.number && updates.iter().any(|update| held.hold.is_brought_by(update))
                })?;
                Some(RemadePull { number: pull.number, title: pull.title.clone(), instead_of: held.pull })
            })
            .collect()
    }
}

/// Whether a person accepts an object as it is: what is found of it is, and nothing of that counts.
fn is_accepted(recon: &Recon, probe: Probe, object: &ObjectRef) -> bool {
    let about = |finding: &&Finding| finding.id.probe == probe && finding.id.object == *object;
    let blocks = recon.findings().filter(about).any(|finding| !finding.informational);
    !blocks && recon.findings().filter(about).any(|finding| finding.acknowledged)
}

/// Whether a pod may be waiting for an image: a pull that has failed is told by another reason.
fn waits_for_an_image(pod: &Pod) -> bool {
    pod.deleted_at.is_none()
        && pod.containers.iter().any(|container| match &container.state {
            ContainerState::Waiting { reason, .. } => {
                matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing")
            }
            ContainerState::Unknown => true,
            ContainerState::Running { .. } | ContainerState::Terminated { .. } => false,
        })
}

/// In so many namespaces it is asked what is said of images: a change that touches more has other progress to show.
const MOST_NAMESPACES: usize = 8;

/// Whether an Application is not synced while nothing happens to it, as far as anybody knows.
/// What a closed window keeps from being synced by hand as well is nobody's to sync.
fn is_idle_out_of_sync(application: &Application) -> bool {
    let running = application.operation.as_ref().is_some_and(|operation| {
        let OperationState { phase, .. } = operation;
        matches!(phase, OperationPhase::Running | OperationPhase::Terminating | OperationPhase::Unknown)
    });
    application.sync == SyncStatus::OutOfSync
        && application.operation_requested.is_none()
        && !application.refresh_requested
        && !running
        && application.doors.by_hand.is_none()
}
