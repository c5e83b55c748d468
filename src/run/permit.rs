//! The way to a confirmed permit: look and judge a second time, ask the gate, and read once more what may have changed.
//!
//! Races decided here. A look takes as long as its slowest probe, so what a merge was decided on may be half a minute old.
//! Before the permit the world is therefore looked at again as a whole, the polled probes included, and the same decision
//! must come out. Inside the permit's ten seconds the issue, its comments, the pull request, its statuses and the branch
//! are read once more, all at once; a stop, a label, a push or a status that came meanwhile wins. What comes later than
//! that meets a request that is pinned to the head.

use super::decide::{Decision, LastLook, approval_asked, decide, merge_conditions, objection};
use super::event::{Effect, Incident, MergePlan, Stop};
use super::incidents::Incidents;
use super::memory::PullDetails;
use super::names::Names;
use super::observe::{Asking, Observation, Subject, observe};
use super::situation::PullSituation;
use super::trust::{Comments, Trusted};
use super::worker::{Lock, Parts, RunError, Scene, Work, Worker, text_hash};
use crate::cluster::{Freshness, LeaseAnswer};
use crate::forge::{
    BRANCH_WRITE_TIMEOUT, Comment, ForgeError, Issue, MergeStyle, PullRequest, Repository, State,
};
use crate::health::{
    Authority, ConfirmedPermit, Evidence, LastWord, MergePermit, MergeSubject, NEEDED_LEASE, PermitVoid,
    permit,
};
use crate::merge::Hold;
use crate::merge::paths::AllowedPaths;
use crate::merge::preflight::{PullFacts, preflight};
use crate::merge::protection::WayIn;
use crate::wording;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why nothing is done after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HeldBack {
    /// A person stopped the run: who, or what.
    Paused(String),
    /// The issue was closed or lost its label.
    Withdrawn,
}

/// What a last reading compares with.
#[derive(Debug)]
pub(crate) struct Decided<'a> {
    /// The repository.
    pub(crate) repository: &'a Repository,
    /// The issue, as it was decided on.
    pub(crate) issue: &'a Issue,
    /// The pull request, as it was decided on.
    pub(crate) pull: &'a PullRequest,
    /// Its files and diff.
    pub(crate) details: &'a PullDetails,
    /// What is held.
    pub(crate) holds: &'a [Hold],
    /// Where its changes are accepted.
    pub(crate) paths: &'a AllowedPaths,
    /// In which way it is merged.
    pub(crate) style: MergeStyle,
    /// When the run began.
    pub(crate) began_at: Timestamp,
    /// The stop that the journal knows of.
    pub(crate) stop: Option<&'a Stop>,
    /// The incident that the journal knows of.
    pub(crate) incident: Option<&'a Incident>,
    /// Our own account.
    pub(crate) bot: &'a str,
}

/// Reads what may have changed since a merge was decided, all at once.
pub(crate) async fn last_word(parts: &Parts, decided: &Decided<'_>) -> Result<LastWord, RunError> {
    let begun = Instant::now();
    let name = &decided.repository.name;
    let (issue, comments, pull, statuses, branch) = tokio::try_join!(
        parts.forge.issue(name, decided.issue.number),
        parts.forge.comments(name, decided.issue.number, Some(since(decided.began_at))),
        parts.forge.pull(name, decided.pull.number),
        parts.forge.statuses(name, &decided.pull.head.sha),
        parts.forge.branch(name, &decided.repository.default_branch),
    )?;
    let approvals = if branch.required_approvals > 0 {
        parts.forge.approvals(name, decided.pull.number).await?
    } else {
        0
    };
    let edited = parts.store.edited_comments(&name.to_string(), issue.number.0).await?;
    let trusted = Trusted::new(&parts.settings, decided.repository);
    let comments = Comments { all: &comments, edited: &edited, trusted: &trusted, bot: decided.bot };
    let stopped_by = comments.stopped_by(decided.began_at, decided.stop).map(|stop| stop.by);
    // Another run may have heard of one meanwhile.
    let names = Names::read(&parts.store).await?;
    let known = Incidents::read(parts, &names, name, &trusted).await?;
    let incident = comments.incident(decided.began_at, decided.incident, known.over());
    let elsewhere = known.elsewhere(incident.as_ref().or(decided.incident));
    let incident = incident.map(|incident| wording::gate_incident(&incident.by, &incident.why)).or(elsewhere);
    let judged = preflight(
        &PullFacts {
            pull: &pull,
            default_branch: &decided.repository.default_branch,
            files: &decided.details.files,
            diff: &decided.details.diff,
            way: WayIn {
                name: &decided.repository.default_branch,
                branch: &branch,
                statuses: &statuses,
                approvals,
                style: decided.style,
                allowed: &decided.repository.merge_styles,
                // Of the heads that the permit is for, it was read before; others void it.
                behind: false,
            },
            holds: decided.holds,
            paths: decided.paths,
        },
        &parts.merge_settings,
        &parts.renovate_settings,
        &parts.rules,
    );
    let against = objection(&LastLook {
        maintenance_label: &parts.settings.maintenance_label,
        pause_label: &parts.settings.pause_label,
        decided_issue: decided.issue,
        issue: &issue,
        stopped_by: stopped_by.as_deref(),
        incident: incident.as_deref(),
        decided_pull: decided.pull,
        pull: &pull,
        preflight: &judged,
    });
    Ok(LastWord { begun, head: pull.head.sha, base: branch.head, against })
}

/// The forge counts in seconds: a comment of the second in which the run began is older than the run by its time.
fn since(began_at: Timestamp) -> Timestamp {
    Timestamp::from_second(began_at.as_second()).unwrap_or(began_at)
}

async fn stopped_by(
    parts: &Parts,
    repository: &Repository,
    issue: &Issue,
    comments: &[Comment],
    began_at: Timestamp,
    bot: &str,
    known: Option<&Stop>,
) -> Result<Option<String>, RunError> {
    let edited = parts.store.edited_comments(&repository.name.to_string(), issue.number.0).await?;
    let trusted = Trusted::new(&parts.settings, repository);
    let comments = Comments { all: comments, edited: &edited, trusted: &trusted, bot };
    Ok(comments.stopped_by(began_at, known).map(|stop| stop.by))
}

impl Worker {
    /// Whether a person held the run back since the look began.
    pub(super) async fn held_back(
        &self,
        scene: &Scene<'_>,
        work: &Work,
    ) -> Result<Option<HeldBack>, RunError> {
        let parts = &self.parts;
        let name = &scene.repository.name;
        let Some(began_at) = work.state.began_at else { return Ok(None) };
        let read = tokio::try_join!(
            parts.forge.issue(name, scene.issue.number),
            parts.forge.comments(name, scene.issue.number, Some(since(began_at))),
        );
        let (issue, comments) = match read {
            Ok(read) => read,
            // An issue that is gone holds nothing new, and does not hold back the end of what is half done.
            Err(ForgeError::NotFound { .. } | ForgeError::Renamed { .. }) => {
                return Ok(Some(HeldBack::Withdrawn));
            }
            Err(error) => return Err(error.into()),
        };
        if issue.has_label(&parts.settings.pause_label) {
            return Ok(Some(HeldBack::Paused(wording::label(&parts.settings.pause_label))));
        }
        let stopped = stopped_by(
            parts,
            scene.repository,
            &issue,
            &comments,
            began_at,
            &scene.bot.login,
            work.state.stop.as_ref(),
        )
        .await?;
        if let Some(by) = stopped {
            return Ok(Some(HeldBack::Paused(wording::account(&by))));
        }
        let there = issue.state == State::Open && issue.has_label(&parts.settings.maintenance_label);
        Ok((!there).then_some(HeldBack::Withdrawn))
    }

    /// Sees to it that the lock holds for so long, renewing it where it would not.
    pub(super) async fn hold_lease(&mut self, needed: Duration) -> bool {
        if self.lease.as_ref().is_some_and(|lease| lease.holds_for(needed)) {
            return true;
        }
        match self.parts.cluster.acquire_lease(&self.holder).await {
            Ok(LeaseAnswer::Held(lease)) => {
                let holds = lease.holds_for(needed);
                self.lease = Some(lease);
                holds
            }
            Ok(LeaseAnswer::HeldBy(_)) => {
                self.lease = None;
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the cluster's lock could not be renewed");
                false
            }
        }
    }

    /// A confirmed permit for a merge that was decided, or why there is none. The plan becomes that of the second look.
    pub(super) async fn permit(
        &mut self,
        scene: &Scene<'_>,
        work: &mut Work,
        plan: &mut MergePlan,
    ) -> Result<Result<ConfirmedPermit, String>, RunError> {
        let parts = Arc::clone(&self.parts);
        let since = Timestamp::now();
        let issue = parts.forge.issue(&scene.repository.name, scene.issue.number).await?;
        // Another head would be another base, and no merge: the repository's own file is that of the first look.
        let branch = parts.forge.branch(&scene.repository.name, &scene.repository.default_branch).await?;
        let subject = Subject {
            settings: scene.settings,
            repository: scene.repository,
            branch: &branch,
            complaint: None,
            bot: scene.bot,
            issue: &issue,
            gone: false,
            others: &[],
            run: work.run.id,
            state: &work.state,
            writes: &work.writes,
            ours: &work.ours,
            lock: &Lock::Held,
            elsewhere: self.elsewhere(&scene.repository.name),
            freshness: Freshness::Proven,
            // What goes before this one may be ready by now.
            asking: Asking::All,
            since,
        };
        let again = observe(&parts, subject, &mut work.memory).await?;
        let decision = decide(&again.situation(&parts, scene.settings, &work.state, &work.memory));
        match decision {
            Decision::Perform(Effect::Merge(second)) if is_same(plan, &second) => *plan = *second,
            _ => return Ok(Err(wording::judged_otherwise())),
        }
        let (Some(pull), Some(began_at)) = (again.pulls.get(&plan.pull), work.state.began_at) else {
            return Ok(Err(wording::judged_otherwise()));
        };
        // The lock outlasts the permit and the request at its end; renewed now, so that the probes cost nothing of it.
        if !self.hold_lease(NEEDED_LEASE).await {
            return Ok(Err(wording::lease_too_short()));
        }
        let permit = match self.ask_gate(scene, work, plan, &again, pull) {
            Ok(permit) => permit,
            Err(why) => return Ok(Err(why)),
        };
        let key = (pull.pull.number, pull.pull.head.sha.clone(), text_hash(&pull.pull.body));
        let Some(details) = work.memory.details.get(&key) else {
            return Ok(Err(wording::judged_otherwise()));
        };
        let holds: Vec<Hold> = work.state.holds.iter().map(|held| held.hold.clone()).collect();
        let decided = Decided {
            repository: scene.repository,
            issue: &issue,
            pull: &pull.pull,
            details,
            holds: &holds,
            paths: &scene.settings.paths,
            style: plan.style,
            began_at,
            stop: work.state.stop.as_ref(),
            incident: work.state.incident.as_ref(),
            bot: &scene.bot.login,
        };
        let last = last_word(&parts, &decided).await?;
        Ok(permit.confirm(last).map_err(|void| match void {
            PermitVoid::Against(why) => why,
            PermitVoid::OtherHead => wording::pull_moved(plan.pull),
            PermitVoid::OtherBase => wording::branch_moved(),
            PermitVoid::Expired | PermitVoid::Stale => wording::permit_expired(),
        }))
    }

    fn ask_gate(
        &self,
        scene: &Scene<'_>,
        work: &Work,
        plan: &MergePlan,
        again: &Observation,
        pull: &PullSituation,
    ) -> Result<MergePermit, String> {
        let parts = &self.parts;
        let (Some(lease), Some(mark), Some(task)) = (&self.lease, &pull.mark, again.reading.task(&plan.key))
        else {
            return Err(wording::judged_otherwise());
        };
        let approval = work.state.task(&plan.key).and_then(|record| record.approved.as_ref());
        let authority = Authority::new(
            approval_asked(scene.settings.mode, task, pull),
            approval.map(|approved| approved.approval.clone()),
        );
        let now = Timestamp::now();
        let situation = again.situation(parts, scene.settings, &work.state, &work.memory);
        let conditions = merge_conditions(&situation, plan.pull, now, parts.settings.hours(now));
        let evidence = Evidence {
            conditions,
            settings: &parts.health_settings,
            authority: &authority,
            lease,
            request_timeout: BRANCH_WRITE_TIMEOUT,
        };
        let subject = MergeSubject {
            mark: mark.clone(),
            pull: plan.pull,
            head: plan.head.clone(),
            base: plan.base.clone(),
        };
        permit(&evidence, subject).map_err(|blocked| wording::permit_refused(&blocked))
    }
}

/// Whether two plans merge the same onto the same.
fn is_same(one: &MergePlan, other: &MergePlan) -> bool {
    (&one.key, one.pull, &one.head, &one.base, one.style)
        == (&other.key, other.pull, &other.head, &other.base, other.style)
}
