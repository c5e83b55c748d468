//! One look at the world: everything that a decision may rest on, gathered in one pass.
//!
//! What can never change (trees, whether a commit contains another, the details of one state of a pull request) is
//! remembered; everything else is read anew each time, but for a few things that [`anew`] spares for a while. A part of the world that does not answer makes the look fail as
//! a whole, but for the cluster, whose silence is a finding (UNKNOWN), and for single pull requests and related issues:
//! one that cannot be read costs its own task, never the change in flight.

mod anew;
mod audit;
mod deliveries;
mod found;
mod look;
mod pulls;
mod versions;
mod wishes;

pub(in crate::run) use anew::Asking;
pub(crate) use anew::{KnownPull, KnownRelated};
pub(crate) use found::Gone;
use wishes::notes;
pub(crate) use wishes::{task_boxes, written};

use super::decide::Unheard;
use super::event::{Accepted, Effect, Event, Incident, Over, Stop};
use super::gitops;
use super::incidents::Incidents;
use super::load_state;
use super::memory::{LeftUnseen, Memory};
use super::names::Names;
use super::report::LastWrite;
use super::settings::Repository as RepositorySettings;
use super::situation::{
    Deletion, KnownFinding, Mode, ProposalStanding, PullSituation, Related, Situation, Tools, Unread, Wish,
};
use super::state::{Change, RunState, Stage};
use super::trust::{self, Approvals, Comments, Evidence, History, OwnText, Trusted};
use super::worker::{Lock, Parts, RunError, chain};
use super::writing::Arrivals;
use crate::cluster::{BlockingPod, ClusterError, Freshness, ObjectRef, Workload};
use crate::forge::{
    Account, Branch, CommitSha, ForgeError, Issue, IssueNumber, PullNumber, Repository, State,
};
use crate::health::{self, After, Attribution, Before, FailedBefore, FindingId, Probe, Recon, Surroundings};
use crate::issue::{self, Home, KnownTask, Left, Reading, RemadePull, TaskKey, TemplateValues};
use crate::merge::Hold;
use crate::merge::classify::classify_words;
use crate::merge::rollout::{AcceptedFlux, GitOps, Rollout, Stood, Undone};
use crate::store::RunId;
use crate::wording;
use deliveries::Deliveries;
use jiff::Timestamp;
use look::Look;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long nobody may have looked for GREEN to count as unbroken, besides three ordinary rounds. Real time: a look at a
/// slow forge takes its while.
const UNWATCHED: Duration = Duration::from_secs(30);

/// What is looked at.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// The repository's settings.
    pub(crate) settings: &'a RepositorySettings,
    /// The repository as the forge shows it.
    pub(crate) repository: &'a Repository,
    /// Its default branch, read in this pass.
    pub(crate) branch: &'a Branch,
    /// Why the repository's own file does not count, in words.
    pub(crate) complaint: Option<&'a str>,
    /// Our own account.
    pub(crate) bot: &'a Account,
    /// The maintenance issue, read in this pass.
    pub(crate) issue: &'a Issue,
    /// Whether the forge has it no more, and `issue` only stands for it.
    pub(crate) gone: bool,
    /// Other open maintenance issues.
    pub(crate) others: &'a [(IssueNumber, String)],
    /// The run.
    pub(crate) run: RunId,
    /// What the journal says.
    pub(crate) state: &'a RunState,
    /// What was written into the body before, oldest first.
    pub(crate) writes: &'a [LastWrite],
    /// Recognises our own texts.
    pub(crate) ours: &'a dyn OwnText,
    /// Whether the cluster's lock is ours.
    pub(in crate::run) lock: &'a Lock,
    /// What is half done in another repository, in words.
    pub(crate) elsewhere: Option<String>,
    /// How sure it must be of the cluster.
    pub(in crate::run) freshness: Freshness,
    /// Of how much it asks again where nothing shows that it changed.
    pub(in crate::run) asking: Asking,
    /// When this pass began: the issue was read since.
    pub(crate) since: Timestamp,
}

/// What a look saw.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) now: Timestamp,
    pub(crate) issue: IssueNumber,
    pub(crate) author: String,
    pub(crate) template: TemplateValues,
    pub(crate) reading: Reading,
    pub(crate) order: Vec<TaskKey>,
    pub(crate) others: Vec<(IssueNumber, String)>,
    pub(crate) obstacles: Vec<String>,
    pub(crate) paused: Option<String>,
    pub(crate) stop: Option<Stop>,
    /// What a trusted person says is going wrong.
    pub(crate) incident: Option<Incident>,
    /// What goes wrong by what was said in another issue, in words.
    pub(crate) incident_elsewhere: Option<String>,
    /// The word here that incidents are over, where any is that it ends.
    pub(crate) incident_over: Option<Over>,
    pub(crate) withdrawn: bool,
    pub(crate) issue_closed: bool,
    pub(crate) locked_out: bool,
    pub(crate) elsewhere: Option<String>,
    /// Why the body cannot be read: then it holds no task, and nothing can be written into it.
    pub(crate) unreadable: Option<String>,
    /// Why the cluster does not answer.
    pub(crate) cluster_error: Option<String>,
    pub(crate) recon: Recon,
    pub(crate) branch: Branch,
    pub(crate) head_rollout: Rollout,
    pub(crate) change_rollout: Option<(Rollout, Timestamp)>,
    pub(crate) unasked: Option<ObjectRef>,
    /// The pods for which an image of the change is being pulled.
    pub(crate) pulling: Vec<String>,
    pub(crate) attributions: BTreeMap<FindingId, Attribution>,
    /// The watchers that the change in flight touches.
    pub(crate) affected: Vec<ObjectRef>,
    pub(crate) stuck: Vec<ObjectRef>,
    pub(crate) idle_out_of_sync: Vec<ObjectRef>,
    /// Those of them that nobody but caretaker syncs.
    pub(crate) manual: Vec<ObjectRef>,
    /// The Applications that are not well.
    pub(crate) stood: Vec<Stood>,
    /// The objects of Flux that a person accepts as they are.
    pub(crate) accepted: Vec<AcceptedFlux>,
    /// Those whose newest sync failed.
    pub(crate) failed_syncs: Vec<FailedBefore>,
    pub(crate) blocking: Vec<BlockingPod>,
    /// What is undone, while that rolls out.
    pub(crate) undone: Option<Undone>,
    pub(crate) mismatches: Vec<String>,
    pub(crate) left_behind: Vec<String>,
    pub(crate) proposal: Option<ProposalStanding>,
    pub(crate) pulls: BTreeMap<PullNumber, PullSituation>,
    pub(crate) unread: BTreeMap<IssueNumber, Unread>,
    pub(crate) related: BTreeMap<IssueNumber, Related>,
    pub(crate) approvals: Approvals,
    pub(crate) unvouched_ticks: Vec<(TaskKey, String)>,
    pub(crate) vouched: BTreeSet<TaskKey>,
    /// The tasks of which deliveries show that somebody trusted put them there, with who it was.
    pub(crate) shown_by: BTreeMap<TaskKey, String>,
    /// Tasks of which nobody can know any more who wrote them.
    pub(crate) nobodys: BTreeSet<TaskKey>,
    pub(crate) resumed_by: Option<(String, Timestamp)>,
    pub(crate) left: Option<Left>,
    pub(crate) confirmed_by: Option<String>,
    pub(crate) acknowledged: Vec<Event>,
    pub(crate) wishes: Vec<Wish>,
    /// What our own tasks about findings stand for.
    pub(crate) findings: BTreeMap<TaskKey, KnownFinding>,
    /// Unticked, and nobody can tell yet by whom.
    pub(crate) pending: BTreeSet<TaskKey>,
    /// Ticked by an old copy of the text and by nobody else, or before the task's change had come to its end.
    pub(crate) stale_ticks: BTreeSet<TaskKey>,
    /// The tasks that are ticked, for the next look: see [`Observation::heard`].
    ticked: BTreeSet<TaskKey>,
    /// The hashes of all texts that deliveries tell of.
    pub(crate) arrived: BTreeSet<String>,
    pub(crate) remade: Vec<RemadePull>,
    /// Of how much it asked again.
    pub(in crate::run) asked: Asking,
}

impl Observation {
    /// The heads of the pull requests that tasks name.
    pub(crate) fn heads(&self) -> BTreeMap<PullNumber, CommitSha> {
        self.pulls.iter().map(|(number, pull)| (*number, pull.pull.head.sha.clone())).collect()
    }

    /// What the next look shall know of the boxes, once what this one led to is written down. A box that a person ticked and
    /// unticked again before we wrote anything is told by this memory alone: so an untick stays in it until the journal knows
    /// of it, whatever else the look had to do first.
    pub(crate) fn heard(&self, state: &RunState) -> BTreeSet<TaskKey> {
        self.ticked.iter().cloned().chain(Unheard::of(&self.wishes, state).unticked).collect()
    }

    /// The situation that a decision is made from.
    pub(crate) fn situation<'a>(
        &'a self,
        parts: &'a Parts,
        settings: &RepositorySettings,
        state: &'a RunState,
        memory: &'a Memory,
    ) -> Situation<'a> {
        Situation {
            now: self.now,
            timing: &parts.timing,
            mode: settings.mode,
            hours: parts.settings.hours(self.now),
            state,
            issue: self.issue,
            author: &self.author,
            template: &self.template,
            reading: &self.reading,
            order: &self.order,
            obstacles: &self.obstacles,
            paused: self.paused.as_deref(),
            stop: self.stop.as_ref(),
            incident: self.incident.as_ref(),
            incident_elsewhere: self.incident_elsewhere.as_deref(),
            incident_over: self.incident_over.as_ref(),
            withdrawn: self.withdrawn,
            issue_closed: self.issue_closed,
            locked_out: self.locked_out,
            elsewhere: self.elsewhere.as_deref(),
            recon: &self.recon,
            green_since: memory.steadiness.green_since(),
            watch: memory.steadiness.watch(),
            first_seen: memory.steadiness.first_seen(),
            broken_since: memory.steadiness.broken_since(),
            attributions: &self.attributions,
            head: &self.branch.head,
            head_rollout: &self.head_rollout,
            change_rollout: self.change_rollout.as_ref().map(|(rollout, since)| (rollout, *since)),
            kept_back: memory.kept_back.as_ref().map(|(_, at)| *at),
            unasked: self.unasked.as_ref(),
            pulling: &self.pulling,
            affected: &self.affected,
            stuck: &self.stuck,
            idle_out_of_sync: &self.idle_out_of_sync,
            manual: &self.manual,
            stood: &self.stood,
            accepted: &self.accepted,
            failed_syncs: &self.failed_syncs,
            blocking: &self.blocking,
            deletion: if parts.cluster_settings.delete { Deletion::Allowed } else { Deletion::Off },
            mismatches: &self.mismatches,
            left_behind: &self.left_behind,
            merge_style: settings.merge_style,
            tools: if parts.cluster_settings.exec { Tools::Allowed } else { Tools::Off },
            proposal: self.proposal.as_ref(),
            pulls: &self.pulls,
            unread: &self.unread,
            related: &self.related,
            approvals: &self.approvals.seen,
            unvouched_ticks: &self.unvouched_ticks,
            vouched: &self.vouched,
            shown_by: &self.shown_by,
            nobodys: &self.nobodys,
            resumed_by: self.resumed_by.as_ref().map(|(by, at)| (by.as_str(), *at)),
            left: self.left.as_ref(),
            confirmed_by: self.confirmed_by.as_deref(),
            acknowledged: &self.acknowledged,
            wishes: &self.wishes,
            findings: &self.findings,
            gone_since: memory.gone.since(),
            went_since: memory.gone.of_findings(),
            audited_at: memory.audited_at,
        }
    }
}

fn read(parts: &Parts, home: Option<&Home>, body: &str) -> Result<Reading, issue::Unreadable> {
    issue::read_at(body, home, &|words| classify_words(words, "", &parts.rules))
}

/// The same, from memory where the text is as it was.
fn read_once(
    parts: &Parts,
    home: Option<&Home>,
    body: &str,
    memory: &mut Memory,
) -> Result<Reading, issue::Unreadable> {
    if let Some((known, at, reading)) = &memory.reading
        && known == body
        && at.as_ref() == home
    {
        return Ok(reading.clone());
    }
    let reading = read(parts, home, body)?;
    memory.reading = Some((body.to_owned(), home.cloned(), reading.clone()));
    Ok(reading)
}

/// Reads a text with the history of its tasks.
pub(crate) fn read_with_history(
    parts: &Parts,
    home: Option<&Home>,
    body: &str,
    state: &RunState,
    writes: &[LastWrite],
) -> Result<Reading, issue::Unreadable> {
    let mut reading = read(parts, home, body)?;
    issue::keep_history(&mut reading, &state.known_tasks(), &notes(writes));
    Ok(reading)
}

/// The tasks of a text with their boxes; `None` where it cannot be read.
fn boxes(parts: &Parts, home: Option<&Home>, body: &str) -> Option<trust::Boxes> {
    let reading = read(parts, home, body).ok()?;
    let shown =
        |task: &issue::Task| trust::Shown { ticked: task.ticked, known: KnownTask::of(task, &reading.tasks) };
    Some(reading.tasks.iter().map(|task| (task.key.clone(), shown(task))).collect())
}

/// Looks.
pub(crate) async fn observe(
    parts: &Parts,
    subject: Subject<'_>,
    memory: &mut Memory,
) -> Result<Observation, RunError> {
    let now = Timestamp::now();
    memory.looks += 1;
    let name = &subject.repository.name;
    let state = subject.state;
    // A body that cannot be read holds no task: what is half done is followed from the journal all the same.
    let home = Home::of_issue(&subject.issue.html_url);
    let (mut reading, unreadable) = match read_once(parts, home.as_ref(), &subject.issue.body, memory) {
        Ok(reading) => (reading, None),
        Err(error) => (Reading::default(), Some(wording::body_unreadable(&error))),
    };
    let words: Vec<TaskKey> = reading.tasks.iter().map(|task| task.key.clone()).collect();
    issue::keep_history(&mut reading, &state.known_tasks(), &notes(subject.writes));
    let words: wishes::Words = reading.tasks.iter().map(|task| task.key.clone()).zip(words).collect();

    // Each of them is read whole, and most looks go by none: only what a merge touches is judged by its workloads.
    let merges =
        |task: &issue::Task| matches!(task.kind, issue::Kind::Merge { .. }) && !state.has_ended(&task.key);
    let with_workloads = state.change.is_some() || reading.tasks.iter().any(merges);
    // No look that a change waits for reads an audit.
    let is_idle = state.change.is_none() && subject.freshness == Freshness::Watched;
    let health_settings =
        parts.health_settings.accepting(state.acknowledged.iter().map(Accepted::as_setting));
    let asked = audit::Asked { reading: &reading, state, health: &health_settings, now };
    let audit = is_idle && asked.wants_audit(&memory.looked_up, audit::is_due(memory, &parts.timing, now));
    let after = state.change.as_ref().and_then(Change::after);
    let ClusterView { mut recon, gitops, workloads, error: cluster_error } =
        cluster(parts, subject.freshness, with_workloads, audit, after, now).await;
    if audit {
        memory.looked_up = asked.complete(parts, name, &mut recon, &memory.looked_up).await?;
        memory.audited_at = Some(now);
    }
    let names = Names::read(&parts.store).await?;
    let past_names = names.beside(&name.to_string());
    let before = if memory.hindsight.is_new() {
        let without_endpoints = state.without_endpoints().cloned();
        let mut before = Before { judged: seen_before(parts, &past_names).await?, without_endpoints };
        // What this run knows a finding of was there to be judged.
        let found = state.findings.values().filter(|task| !task.id.is_not_read());
        before.judged.extend(found.map(|task| task.id.probe));
        before
    } else {
        Before::default()
    };
    left_unseen(parts, &past_names, subject.run, memory).await?;
    let rolls_out = state.change.as_ref().is_some_and(|change| change.stage.rolls_out());
    let (window, grace) = (parts.timing.flapping_window(), parts.timing.grace());
    memory.hindsight.observe(&mut recon, before, &health_settings, window, rolls_out, grace);
    // An undoing need not mend what was as bad before its change.
    let undone = state.change.as_ref().filter(|change| matches!(change.stage, Stage::Reverted { .. }));
    let excused = undone.map(|change| change.plan.baseline.as_bad_as_before(&recon)).unwrap_or_default();
    memory.steadiness.observe(&recon, &excused, parts.timing.poll() * 3 + UNWATCHED);
    let branch = subject.branch.clone();
    let Deliveries { edits, is_cut, had_come, edited_comments } =
        Deliveries::read(&parts.store, &past_names, subject.issue).await?;
    let texts = edits.iter().flat_map(|edit| [edit.body_before.as_deref(), edit.body_after.as_deref()]);
    memory.texts.keep(home.as_ref(), texts.flatten().chain([subject.issue.body.as_str()]));
    let hashes = trust::Hashes::of(&edits);
    let is_due = state.began_at.is_none() && !trust::is_as_opened(subject.issue, subject.writes) && had_come;
    let told = trust::Told {
        edits: &edits,
        hashes: &hashes,
        is_cut,
        bot: &subject.bot.login,
        present: &subject.issue.body,
        read_at: subject.since,
        writes: subject.writes,
        ours: subject.ours,
        is_due,
    };
    let history = History::new(&told, |body| memory.texts.boxes(body, || boxes(parts, home.as_ref(), body)));
    let trusted = Trusted::new(&parts.settings, subject.repository);
    let mut unread_comments = None;
    if !subject.gone {
        let since = memory.comments.since(subject.issue.created_at);
        match parts.forge.comments(name, subject.issue.number, Some(since)).await {
            Ok(told) => memory.comments.take(told),
            // Whoever may comment can make them too long. What is half done is followed all the same, and said; but a
            // stop may be among them, so nothing is done.
            Err(error @ ForgeError::Unreadable { .. }) => {
                unread_comments = Some(wording::comments_unreadable(&error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let comments = if subject.gone { Vec::new() } else { memory.comments.all() };
    let comments =
        Comments { all: &comments, edited: &edited_comments, trusted: &trusted, bot: &subject.bot.login };

    let holds = holds(parts, &past_names).await?;
    // Whoever nobody asked to look at the head has not looked because the change is over, nor because its issue is another now.
    let before = memory.left_unseen.as_ref().and_then(|behind| behind.left.as_ref());
    let before = before.filter(|(commit, _)| *commit == branch.head).map(|(_, asking)| asking);
    let own = state.unseen(&branch.head);
    let elsewhere = own.is_none() && before.is_some();
    let unseen = own.or(before).cloned();
    let mut look = Look {
        holds: &holds,
        parts,
        subject: &subject,
        memory,
        gitops: &gitops,
        branch: &branch,
        elsewhere,
        now,
    };
    let stood = look.stood(&recon);
    let excused: Vec<Stood> = stood.iter().filter(|one| one.accepted).cloned().collect();
    let accepted = look.accepted(&recon);
    let head_rollout = look.rollout(&branch.head, &excused, &accepted, unseen).await?;
    // What it holds while it reads is too large a thing to lie in everything that waits for a look.
    let change = Box::pin(look.change(&recon, workloads.as_deref())).await?;
    let proposal = look.proposal().await;
    let open_pulls = look.open_pulls().await;
    let spared = look.spared(&reading, open_pulls.as_deref());
    let open = open_pulls.as_deref().unwrap_or_default();
    let pulls = look.pulls(&reading, open, &spared, workloads.as_deref()).await;
    let related = look.related(&reading, &spared).await;
    let mut obstacles =
        if state.began_at.is_none() { look.obstacles(&reading, &trusted).await? } else { Vec::new() };
    if let Lock::Unreadable(why) = subject.lock {
        // Whatever else the cluster does not say follows from the same.
        obstacles = vec![why.clone()];
    }
    obstacles.extend(unreadable.clone().filter(|_| state.began_at.is_none()));
    // Said whether the run has begun or not; what it keeps from being done is held back by the mode.
    obstacles.extend(subject.complaint.map(str::to_owned));
    let remade = look.remade(open_pulls.as_deref());
    let unread = look.memory.unread.clone();

    // Our own tasks count as far as whoever put them there; what a finding is, the finding itself vouches for.
    let bot = &subject.bot.login;
    let ours = |key: &TaskKey| reading.tasks.iter().any(|task| task.own && task.key == *key);
    let mut vouched =
        trust::vouched(words.iter(), state, &trusted, &history, &|key, sender| sender == bot && ours(key));
    let known = found::Known {
        state,
        recon: &recon,
        pulls: &pulls,
        unread: &unread,
        settings: &parts.recon_settings,
        health: &health_settings,
        mode: subject.settings.mode,
        vouched: &vouched,
    };
    let findings = known.fill(&mut reading);
    vouched.extend(findings.keys().cloned());
    memory.gone.look(&findings, state, &recon, audit, now, parts.timing.poll() * 3 + UNWATCHED);

    let facts = |number: PullNumber| {
        pulls.get(&number).map(|pull| (pull.classification.category, pull.classification.update))
    };
    let order = issue::order(&reading.tasks, &facts);
    memory.next_awaited = anew::next_awaited(&order, &reading, state, &memory.pulls);
    let approvals = trust::approvals(&Evidence {
        state,
        body: &subject.issue.body,
        reading: &reading,
        comments: &comments,
        edits: &edits,
        ours: subject.ours,
    });
    let unvouched_ticks = unvouched_ticks(parts, memory, &approvals, now);
    let arrived = hashes.all();
    let standing = Arrivals::of(subject.writes, &subject.issue.body, &arrived);
    let question = wishes::Question {
        parts,
        subject: &subject,
        reading: &reading,
        words: &words,
        standing: &standing,
        trusted: &trusted,
        history: &history,
        readable: unreadable.is_none() && !subject.gone,
        now,
    };
    let wishes::Decided { wishes, pending, stale_ticks, ticked } = question.decided(memory);
    let unknown_to_us =
        state.began_at.is_none() && state.adopted.is_none() && !subject.gone && subject.writes.is_empty();
    let left = unknown_to_us.then(|| issue::left_behind(&subject.issue.body)).flatten();
    let acknowledged = comments.acknowledged(state, &recon, now);
    let confirmed_by = state.adopted.as_ref().and_then(|adoption| comments.goes_on_after(adoption.at));
    // Also one that was written before anybody looked.
    let stop = comments.stopped_by(subject.issue.created_at, state.stop.as_ref());
    let incidents = Incidents::read(parts, &names, name, &trusted).await?;
    let incident = comments.incident(subject.issue.created_at, state.incident.as_ref(), incidents.over());
    let incident_over = comments.incident_over(subject.issue.created_at);
    let incident_over = incident_over.filter(|over| incidents.are_ended_by(over));
    let incident_elsewhere = incidents.elsewhere(incident.as_ref().or(state.incident.as_ref()));
    let paused = unread_comments.or_else(|| paused(parts, &subject, stop.as_ref()));
    let locked_out = *subject.lock != Lock::Held;
    if paused.is_some() || locked_out || subject.settings.mode == Mode::Observe {
        memory.steadiness.was_set_aside();
    }
    Ok(Observation {
        now,
        issue: subject.issue.number,
        author: subject.issue.author.login.clone(),
        template: issue::template_values(&subject.issue.body),
        order,
        obstacles,
        paused,
        stop,
        incident,
        incident_elsewhere,
        incident_over,
        withdrawn: subject.issue.state == State::Closed
            || !subject.issue.has_label(&parts.settings.maintenance_label),
        issue_closed: subject.issue.state == State::Closed,
        resumed_by: comments.resumed_by(state),
        others: subject.others.to_vec(),
        locked_out,
        elsewhere: subject.elsewhere.clone(),
        unreadable,
        cluster_error,
        recon,
        branch,
        head_rollout,
        change_rollout: change.rollout,
        unasked: change.unasked,
        pulling: change.pulling,
        attributions: change.attributions,
        affected: change.affected,
        stuck: change.stuck,
        idle_out_of_sync: change.idle_out_of_sync,
        manual: change.manual,
        stood,
        accepted,
        failed_syncs: gitops.applications.iter().filter_map(FailedBefore::of).collect(),
        blocking: change.blocking,
        undone: change.undone,
        mismatches: change.versions.mismatches,
        left_behind: change.versions.left_behind,
        proposal,
        pulls,
        unread,
        related,
        approvals,
        unvouched_ticks,
        vouched,
        shown_by: trust::shown_by(words.iter(), &trusted, &history),
        nobodys: trust::nobodys(words.iter(), &history),
        left,
        confirmed_by,
        acknowledged,
        wishes,
        findings,
        pending,
        stale_ticks,
        ticked,
        arrived,
        remade,
        reading,
        asked: spared.asked(),
    })
}

/// The cluster's part of a look.
struct ClusterView {
    recon: Recon,
    /// What may follow the repository.
    gitops: GitOps,
    /// None where they could not be read, or nothing goes by them.
    workloads: Option<Vec<Workload>>,
    /// Why it does not answer; a refusal is an answer.
    error: Option<String>,
}

/// What does not answer is UNKNOWN in the pass, and no Application is known.
async fn cluster(
    parts: &Parts,
    freshness: Freshness,
    with_workloads: bool,
    audit: bool,
    after: Option<After<'_>>,
    now: Timestamp,
) -> ClusterView {
    let surroundings = Surroundings {
        settings: &parts.health_settings,
        cluster: &parts.cluster_settings,
        grace: parts.timing.grace(),
        freshness,
        audit,
        after,
    };
    let recon = health::recon(parts.cluster.as_ref(), &surroundings, now);
    let workloads =
        async { if with_workloads { parts.cluster.workloads(freshness).await.map(Some) } else { Ok(None) } };
    let gitops = gitops::read(parts.cluster.as_ref(), parts.health_settings.flux, freshness);
    let (recon, (gitops, unread), workloads) = tokio::join!(recon, gitops, workloads);
    let silence = |error: &ClusterError| {
        let silent = matches!(error, ClusterError::Unavailable { .. } | ClusterError::Unreadable { .. });
        silent.then(|| chain(error))
    };
    let error = unread.as_ref().and_then(silence);
    let error = error.or_else(|| workloads.as_ref().err().and_then(silence));
    ClusterView { recon, gitops, workloads: workloads.ok().flatten(), error }
}

fn paused(parts: &Parts, subject: &Subject<'_>, stop: Option<&Stop>) -> Option<String> {
    if subject.issue.has_label(&parts.settings.pause_label) {
        return Some(wording::label(&parts.settings.pause_label));
    }
    stop.map(|stop| wording::account(&stop.by))
}

fn unvouched_ticks(
    parts: &Parts,
    memory: &mut Memory,
    approvals: &Approvals,
    now: Timestamp,
) -> Vec<(TaskKey, String)> {
    memory.ticked_since.retain(|(key, code), _| {
        approvals.ticked.iter().any(|(ticked, ticked_code)| ticked.0 == *key && ticked_code == code)
    });
    approvals
        .ticked
        .iter()
        .filter(|(key, code)| {
            let since = *memory.ticked_since.entry((key.0.clone(), code.clone())).or_insert(now);
            now.duration_since(since).unsigned_abs() >= parts.timing.approval_delivery()
        })
        .cloned()
        .collect()
}

/// What was judged just before the newest merge of the repository: a kind that is gone since then stays asked for, whatever was
/// restarted or closed meanwhile.
async fn seen_before(parts: &Parts, names: &BTreeSet<String>) -> Result<BTreeSet<Probe>, RunError> {
    for event in parts.store.events_of(names, "intended").await?.iter().rev() {
        match serde_json::from_str(event) {
            Ok(Event::Intended { effect: Effect::Merge(plan) }) => return Ok(plan.judged),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "an intent in the journal cannot be read"),
        }
    }
    Ok(BTreeSet::new())
}

/// Reads which commit the repository's newest change left behind, where that was another run's, before anybody saw it everywhere. One
/// whose journal cannot be read left nothing.
async fn left_unseen(
    parts: &Parts,
    names: &BTreeSet<String>,
    own: RunId,
    memory: &mut Memory,
) -> Result<(), RunError> {
    let last = parts.store.last_run_of(names, "change-ended").await?.filter(|(run, _)| *run != own);
    let Some((run, newest)) = last else {
        memory.left_unseen = None;
        return Ok(());
    };
    if memory.left_unseen.as_ref().is_some_and(|behind| behind.known == (run, newest)) {
        return Ok(());
    }
    let left = match load_state(&parts.store, run).await {
        Ok(state) => state.left_unseen().cloned(),
        Err(RunError::Journal { run, source }) => {
            tracing::warn!(?run, error = %source, "the journal of the run before cannot be read");
            None
        }
        Err(error) => return Err(error),
    };
    memory.left_unseen = Some(LeftUnseen { known: (run, newest), left });
    Ok(())
}

/// A hold outlives its run and the repository's name: the version does not get better by closing an issue.
async fn holds(parts: &Parts, names: &BTreeSet<String>) -> Result<Vec<Hold>, RunError> {
    let mut all = Vec::new();
    for event in parts.store.events_of(names, "held").await? {
        match serde_json::from_str(&event) {
            Ok(Event::Held { holds, .. }) => all.extend(holds),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a hold in the journal cannot be read"),
        }
    }
    Ok(all)
}
