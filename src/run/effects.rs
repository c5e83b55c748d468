//! From a decision to its effect: the proofs first, then the intent, then the effect, then its outcome.
//!
//! Races decided here: whether a person stopped the run is read once more before each effect, and before a merge
//! everything that it rests on ([`permit`](super::permit)); without a permit and a lock that holds long enough nothing is
//! even journalled; an effect whose outcome is not in the journal is asked about, and done again only where that changes
//! nothing.

use super::act::{self, Context};
use super::decide::Waiting;
use super::event::{Effect, EffectClass, Event, Outcome};
use super::gitops;
use super::memory::Tries;
use super::permit::HeldBack;
use super::settings::RolloutBy;
use super::state::Change;
use super::worker::{Next, RunError, Scene, Work, Worker};
use super::writing::Arrivals;
use crate::cluster::{Application, ApplicationSet, FluxObject, Freshness, ObjectRef};
use crate::forge::{BRANCH_WRITE_TIMEOUT, State};
use crate::health::NEEDED_LEASE;
use crate::issue::text_for_title;
use crate::merge::rollout::{Answer, AskedOf, GitOps, Question, Refusal, Watched};
use crate::store::EventId;
use crate::wording;
use futures::StreamExt;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// Who is asked to look at a repository.
enum Watcher {
    Application(Box<Application>),
    Flux(Box<FluxObject>),
}

/// How often the first asking is tried before it is written down who could not be asked: whoever has not looked is then waited for, and
/// asked again now and then, once each time.
const REFRESH_ATTEMPTS: u32 = 3;

/// What a closed issue's text holds of ours.
const CLOSING: &str = "<!-- caretaker:closing -->";

impl Worker {
    /// Journals the intent, does it, journals the outcome.
    pub(super) async fn perform(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        mut effect: Effect,
    ) -> Result<(Next, Option<Waiting>), RunError> {
        // A look takes its while: a person's stop since its beginning counts, reverts included.
        match self.held_back(scene, work).await? {
            None => {}
            Some(HeldBack::Paused(by)) => return Ok((Next::Now, Some(Waiting::Paused(by)))),
            Some(HeldBack::Withdrawn) if work.state.change.is_some() => {}
            Some(HeldBack::Withdrawn) => return Ok((Next::Now, None)),
        }
        // The proofs come before the intent: without them nothing is tried.
        let permit = match &mut effect {
            Effect::Merge(plan) => match self.permit(scene, work, plan).await? {
                Ok(permit) => Some(permit),
                Err(why) => return Ok((Next::Soon, Some(Waiting::World(why)))),
            },
            _ => None,
        };
        let needed = match &effect {
            // The permit has seen to it already.
            Effect::Merge(_) => BRANCH_WRITE_TIMEOUT,
            Effect::Revert { .. } | Effect::MergeRevert { .. } => NEEDED_LEASE,
            _ => self.parts.cluster_settings.request_timeout(),
        };
        if !self.hold_lease(needed).await {
            return Ok((Next::Soon, Some(Waiting::World(wording::lease_too_short()))));
        }
        let begun = Timestamp::now();
        let step = self.append(work, Event::Intended { effect: effect.clone() }).await?;
        let task =
            act::task_of(&effect).and_then(|key| work.state.task(key)).map(|record| record.known.id.as_str());
        let pull = act::pull_of(&effect).map(|pull| pull.0);
        let span = tracing::info_span!("effect", step = step.0, task, pull);
        let outcome = match (&effect, permit) {
            (Effect::Merge(plan), Some(permit)) => {
                let context = self.context(scene, work, step, &effect);
                match &self.lease {
                    Some(lease) => {
                        Some(act::merge(&self.parts, lease, &context, permit, plan).instrument(span).await)
                    }
                    None => Some(Outcome::NotYet { why: wording::lease_too_short() }),
                }
            }
            _ => self.carry_out(scene, work, step, &effect, begun).instrument(span).await?,
        };
        // It is confirmed later.
        let Some(outcome) = outcome else { return Ok((Next::Soon, None)) };
        let retry = matches!(outcome, Outcome::NotYet { .. } | Outcome::Unanswered { .. });
        self.ended(work, step, outcome).await?;
        Ok((if retry { Next::Soon } else { Next::Now }, None))
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
        let tries = work
            .state
            .acts
            .iter()
            .filter_map(|act| match (effect, &act.effect) {
                (Effect::Merge(plan), Effect::Merge(tried)) if plan.pull == tried.pull => {
                    Some((self.steps.of(act.step), tried.base.clone()))
                }
                (Effect::Revert { change, merge_commit, .. }, Effect::Revert { change: tried, .. })
                    if change == tried =>
                {
                    Some((self.steps.of(act.step), merge_commit.clone()))
                }
                (Effect::MergeRevert { change, proposal, .. }, Effect::MergeRevert { change: tried, .. })
                    if change == tried =>
                {
                    // What lies between is no matter: its head is our own commit.
                    Some((self.steps.of(act.step), proposal.head.clone()))
                }
                _ => None,
            })
            .collect();
        let works = work.state.works_behind(&title, Timestamp::now());
        Context {
            repository: &scene.repository.name,
            branch: &scene.repository.default_branch,
            bot: &scene.bot.login,
            issue: scene.issue.number,
            step: self.steps.of(step),
            tries,
            resolved_by: wording::resolved_by(&task, &title, &works),
        }
    }

    /// Does it. `None` while it cannot be told yet what became of it.
    async fn carry_out(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        step: EventId,
        effect: &Effect,
        begun: Timestamp,
    ) -> Result<Option<Outcome>, RunError> {
        let context = self.context(scene, work, step, effect);
        let parts = Arc::clone(&self.parts);
        let outcome = match effect {
            // A merge is never carried out without a permit; without one it is only asked about.
            Effect::Merge(plan) => act::find_out_merge(&parts, &context, plan).await?,
            Effect::Revert { change, merge_commit, reason, .. } => {
                let current = work.state.change.as_ref().filter(|current| current.step == *change);
                match (current, &self.lease) {
                    (Some(current), Some(lease)) => {
                        act::revert(&parts, lease, &context, &current.plan, merge_commit, reason).await
                    }
                    (Some(_), None) => Outcome::NotYet { why: wording::lease_too_short() },
                    (None, _) => Outcome::Refused { why: wording::revert_not_seen() },
                }
            }
            Effect::MergeRevert { change, proposal, .. } => {
                let current = work.state.change.as_ref().filter(|current| current.step == *change);
                match (current, &self.lease) {
                    (Some(current), Some(lease)) => {
                        act::merge_revert(&parts, lease, &context, &current.plan, proposal).await
                    }
                    (Some(_), None) => Outcome::NotYet { why: wording::lease_too_short() },
                    (None, _) => Outcome::Refused { why: wording::revert_not_seen() },
                }
            }
            Effect::Terminate { change, application } => {
                let current = work.state.change.as_ref().filter(|current| current.step == *change);
                let undone = current.and(scene.observation.undone.as_ref());
                match (undone, &self.lease) {
                    (Some(undone), Some(lease)) => act::terminate(&parts, lease, application, undone).await,
                    (Some(_), None) => Outcome::NotYet { why: wording::lease_too_short() },
                    (None, _) => Outcome::Refused { why: wording::nothing_to_stop() },
                }
            }
            Effect::DeletePod { set, uid, .. } => match &self.lease {
                Some(lease) => act::delete_pod(&parts, lease, set, uid).await,
                None => Outcome::NotYet { why: wording::lease_too_short() },
            },
            Effect::Sync { application, revision, .. } => match &self.lease {
                Some(lease) => {
                    let watched = scene.settings.watched(scene.repository);
                    act::sync(&parts, lease, scene.repository, &watched, application, revision, begun).await
                }
                None => Outcome::NotYet { why: wording::lease_too_short() },
            },
            Effect::Action { action, .. } => match &self.lease {
                Some(lease) => act::archive_crashes(&parts, lease, action).await,
                None => Outcome::NotYet { why: wording::lease_too_short() },
            },
            Effect::AskRebase { pull, .. } => act::ask_rebase(&parts, &context, *pull).await,
            Effect::CloseRelated { number, .. } => act::close_related(&parts, &context, *number, begun).await,
            Effect::CallPerson => act::call_person(&parts, &context).await,
            Effect::ReleasePerson => act::release_person(&parts, &context).await,
            Effect::CloseIssue { .. } => return self.close_issue(scene, work).await,
        };
        Ok(Some(outcome))
    }

    /// Finds out what became of an effect whose outcome is not in the journal, or was not answered. Says when to look again.
    pub(super) async fn confirm(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        step: EventId,
    ) -> Result<Next, RunError> {
        let act = work.state.acts.iter().find(|act| act.step == step);
        let Some((effect, begun)) = act.map(|act| (act.effect.clone(), act.at)) else {
            return Ok(Next::Now);
        };
        let context = self.context(scene, work, step, &effect);
        let outcome = match effect.class() {
            // Doing it again changes nothing, so it is simply done; unless a person stopped the run meanwhile.
            EffectClass::Idempotent
                if matches!(self.held_back(scene, work).await?, Some(HeldBack::Paused(_))) =>
            {
                return Ok(Next::Now);
            }
            EffectClass::Idempotent => match self.carry_out(scene, work, step, &effect, begun).await? {
                Some(outcome) => outcome,
                None => return Ok(Next::Soon),
            },
            EffectClass::Detectable => match &effect {
                Effect::Merge(plan) => act::find_out_merge(&self.parts, &context, plan).await?,
                Effect::Revert { pull, .. } => act::confirm_revert(&self.parts, &context, *pull).await?,
                Effect::MergeRevert { change, proposal, .. } => {
                    match work.state.change.as_ref().filter(|current| current.step == *change) {
                        Some(current) => {
                            act::find_out_merge_revert(&self.parts, &context, &current.plan, proposal).await?
                        }
                        None => Outcome::Refused { why: wording::revert_not_seen() },
                    }
                }
                _ => {
                    let resolved = text_for_title(&scene.issue.title, true) == scene.issue.title;
                    // Title, text and state go in one request: where our last text stands under a resolved title the
                    // issue was closed, and a person opened it again, whatever they wrote into it.
                    let body = &scene.issue.body;
                    let standing = Arrivals::of(&work.writes, body, &scene.observation.arrived);
                    let reopened = body.contains(CLOSING)
                        && standing.newest(&work.writes).is_some_and(|write| write.closing.is_some());
                    if resolved && scene.issue.state == State::Closed {
                        match self.settle(scene, work).await? {
                            Some(outcome) => outcome,
                            None => return Ok(Next::Soon),
                        }
                    } else if resolved && reopened {
                        Outcome::Done { detail: String::new() }
                    } else {
                        Outcome::NotYet { why: wording::not_closed_yet() }
                    }
                }
            },
        };
        // That it has not landed is known when it cannot any more.
        let may_land = || work.state.may_land(Timestamp::now()).any(|(act, _)| act.step == step);
        if matches!(outcome, Outcome::NotYet { .. }) && may_land() {
            return Ok(Next::Soon);
        }
        // One that we were killed at was asked for a moment ago, for all that anybody knows.
        let cut_off = work.state.unknown().any(|act| act.step == step) && matches!(effect, Effect::Merge(_));
        let outcome = match outcome {
            Outcome::NotYet { .. } if cut_off => Outcome::Unanswered { why: wording::merge_cut_off() },
            outcome => outcome,
        };
        self.ended(work, step, outcome).await?;
        Ok(Next::Now)
    }

    /// Journals an outcome. GREEN of before a change says nothing about after.
    async fn ended(&self, work: &mut Work, step: EventId, outcome: Outcome) -> Result<(), RunError> {
        let changed = outcome.why_not().is_none();
        let rolls_out = work.state.acts.iter().any(|act| act.step == step && act.effect.rolls_out());
        self.append(work, Event::Ended { step, outcome }).await?;
        if changed {
            work.memory.steadiness.restart();
        }
        // What comes and goes does so whatever label is put on.
        if changed && rolls_out {
            work.memory.hindsight.restart();
        }
        Ok(())
    }

    /// Asks Argo CD and Flux to look at the repository: every watcher the first time, so that none is waited for longer than needed,
    /// and then who was not asked or refused. Tells what to write down; nothing yet where it is to be tried again first.
    pub(super) async fn refresh(
        &self,
        scene: &Scene<'_>,
        work: &mut Work,
        change: EventId,
        hard: bool,
    ) -> Option<Event> {
        if scene.settings.rollout == RolloutBy::None {
            return Some(Event::Refreshed { change, hard, failed: None, asked: Vec::new() });
        }
        let current = work.state.change.as_ref().filter(|current| current.step == change);
        let nothing = BTreeMap::new();
        let known = current.map_or(&nothing, |current| &current.asked);
        let first = current.is_none_or(|current| current.refreshed.is_empty());
        let everybody = hard || first || current.is_some_and(|current| current.ask_failed.is_some());
        let flux = self.parts.health_settings.flux;
        let (gitops, _) = gitops::read(self.parts.cluster.as_ref(), flux, Freshness::Proven).await;
        let watched = scene.settings.watched(scene.repository);
        // Before their Applications: what they make of a commit is theirs to look at afterwards.
        let mut asked = self.ask_sets(&watched, &gitops, known, hard).await;
        let for_commit = current.map_or(&nothing, |current| &current.asked_for_commit);
        let of_flux = to_ask_of_flux(&gitops, known, for_commit, &work.memory.flux_to_ask);
        asked.extend(self.ask_flux(of_flux).await);
        // A rollout that has ended is looked at by those that it touched, who say nothing of it before they have.
        let refused = match current.and_then(Change::after).filter(|_| !hard) {
            Some(after) => {
                let touched = gitops.applications.iter().filter(|one| after.is_to_look(one)).cloned();
                self.ask(touched.map(Box::new).map(Watcher::Application).collect(), hard).await
            }
            None if everybody => self.ask_watchers(&watched, &gitops, hard).await,
            None => None,
        };
        // Whom nobody could read nobody has asked, whoever else was.
        let failed = gitops.unread.or(refused);
        let in_vain = failed.is_some() || asked.iter().any(|answer| answer.refused.is_some());
        let (tries, poll) = (&mut work.memory.refresh_tries, self.parts.timing.poll());
        if in_vain && (first || hard) && !tries.are_over(Instant::now(), poll, REFRESH_ATTEMPTS) {
            return None;
        }
        work.memory.refresh_tries = Tries::default();
        Some(Event::Refreshed { change, hard, failed, asked })
    }

    /// Asks the sets that nobody has asked, and those that refused; all of them where a remedy is tried.
    async fn ask_sets(
        &self,
        watched: &Watched,
        gitops: &GitOps,
        known: &BTreeMap<ObjectRef, AskedOf>,
        all: bool,
    ) -> Vec<Answer> {
        let refused =
            |set: &ApplicationSet| known.get(&set.object()).is_some_and(|asked| asked.refused.is_some());
        let mut answers = Vec::new();
        for set in watched.sets_to_ask(gitops) {
            if !all && !refused(set) && !watched.is_unasked(set, gitops, known) {
                continue;
            }
            let (object, at) = (set.object(), Timestamp::now());
            let made_at = watched.set_made_at(set, gitops);
            let refused = self.parts.cluster.refresh_application_set(set).await.err().map(Refusal::from);
            if let Some(Refusal { why, .. }) = &refused {
                tracing::warn!(%object, error = why, "was not taken: to look at the repository");
            }
            answers.push(Answer { object, question: Question::Look, at, made_at, refused });
        }
        answers
    }

    /// Asks what of Flux is to be asked besides the sources.
    async fn ask_flux(&self, objects: Vec<(FluxObject, Question)>) -> Vec<Answer> {
        futures::stream::iter(objects)
            .map(|(one, question)| {
                let cluster = Arc::clone(&self.parts.cluster);
                async move {
                    let (object, at) = (one.object(), Timestamp::now());
                    let refused = cluster.reconcile_flux(&one, at).await.err().map(Refusal::from);
                    if let Some(Refusal { why, .. }) = &refused {
                        tracing::warn!(%object, error = why, "was not taken: to look again");
                    }
                    Answer { object, question, at, made_at: None, refused }
                }
            })
            .buffer_unordered(8)
            .collect()
            .await
    }

    /// Asks those who tell what they have read. Why where none of them could be.
    async fn ask_watchers(&self, watched: &Watched, gitops: &GitOps, hard: bool) -> Option<String> {
        let applications = watched
            .watchers(&gitops.applications)
            .into_iter()
            .cloned()
            .map(Box::new)
            .map(Watcher::Application);
        // What a source has fetched Flux applies by itself; anew is for those that failed.
        let sources = watched.git_repositories(&gitops.flux);
        let kustomizations = if hard { watched.kustomizations(&gitops.flux) } else { Vec::new() };
        let flux = sources.into_iter().chain(kustomizations).filter(|object| !object.suspended);
        self.ask(applications.chain(flux.cloned().map(Box::new).map(Watcher::Flux)).collect(), hard).await
    }

    /// Asks each of them to look. Why where none of them could be asked.
    async fn ask(&self, watchers: Vec<Watcher>, hard: bool) -> Option<String> {
        let now = Timestamp::now();
        // A few at once: one after the other takes long where many watch, all at once is rude to the API server.
        let asked: Vec<Result<(), String>> = futures::stream::iter(watchers)
            .map(|watcher| {
                let cluster = Arc::clone(&self.parts.cluster);
                async move {
                    let (object, asked) = match &watcher {
                        Watcher::Application(application) => {
                            (application.object(), cluster.refresh_application(application, hard).await)
                        }
                        Watcher::Flux(object) => (object.object(), cluster.reconcile_flux(object, now).await),
                    };
                    asked.map_err(|error| {
                        // They look by themselves after some minutes; this only makes it sooner.
                        tracing::warn!(%object, %error, "was not taken: to look at the repository");
                        error.to_string()
                    })
                }
            })
            .buffer_unordered(8)
            .collect()
            .await;
        // One that was asked is enough of an answer: the others look by themselves.
        if asked.iter().any(Result::is_ok) { None } else { asked.into_iter().find_map(Result::err) }
    }
}

/// What of Flux is to be asked besides the sources, and what refused.
fn to_ask_of_flux(
    gitops: &GitOps,
    asked: &BTreeMap<ObjectRef, AskedOf>,
    asked_for_commit: &BTreeMap<ObjectRef, AskedOf>,
    to_ask: &[(ObjectRef, Question)],
) -> Vec<(FluxObject, Question)> {
    let mut found = Vec::new();
    for one in gitops.flux.iter().filter(|one| !one.suspended) {
        let object = one.object();
        for (question, asked) in [(Question::Look, asked), (Question::Commit, asked_for_commit)] {
            let refused = asked.get(&object).is_some_and(|asked| asked.refused.is_some());
            if refused || to_ask.contains(&(object.clone(), question)) {
                found.push((one.clone(), question));
            }
        }
    }
    found
}
