//! One look at the world: everything that a decision may rest on, gathered in one pass.
//!
//! What can never change (trees, whether a commit contains another, the details of one state of a pull request) is
//! remembered; everything else is read anew each time. A part of the world that does not answer makes the look fail as
//! a whole, but for the cluster, whose silence is a finding: UNKNOWN.

use super::act::approval_code;
use super::memory::{Memory, PullDetails, blob};
use super::report::LastWrite;
use super::settings::{Repository as RepositorySettings, RolloutBy};
use super::situation::{Mode, PullSituation, Related, Situation, Wish};
use super::state::{RunState, Stage};
use super::trust::{self, Approvals, Comments, Evidence, History, OwnText, Trusted};
use super::worker::{Parts, RunError};
use crate::cluster::{Application, Installed, ObjectRef, OperationPhase, SyncStatus, Workload};
use crate::forge::renovate::{self, Update, UpdateKind};
use crate::forge::{
    Account, Branch, CommitSha, ForgeError, Issue, IssueNumber, PullNumber, PullRequest, Repository, State,
    TreeEntry,
};
use crate::health::{self, Attribution, Feature, FindingId, Recon, Surroundings};
use crate::inbox;
use crate::issue::{self, Edit, Kind, Reading, RemadePull, TaskKey, TemplateValues, Written, WrittenTask};
use crate::merge::Hold;
use crate::merge::classify::{classify, classify_words};
use crate::merge::preflight::{Preflight, PullFacts, preflight};
use crate::merge::reversible::{Reversible, reversible};
use crate::merge::rollout::{Rollout, StoodBefore, Watched, judge};
use crate::merge::versions::{Mismatch, mismatches};
use crate::wording;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
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
    /// Our own account.
    pub(crate) bot: &'a Account,
    /// The maintenance issue, read in this pass.
    pub(crate) issue: &'a Issue,
    /// Other open maintenance issues.
    pub(crate) others: Vec<(IssueNumber, String)>,
    /// What the journal says.
    pub(crate) state: &'a RunState,
    /// What was written into the body before, oldest first.
    pub(crate) writes: &'a [LastWrite],
    /// Recognises our own texts.
    pub(crate) ours: &'a dyn OwnText,
    /// The lock's holder, when it is somebody else.
    pub(crate) locked_out: Option<String>,
}

/// What a look saw.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) now: Timestamp,
    pub(crate) author: String,
    pub(crate) template: TemplateValues,
    pub(crate) reading: Reading,
    pub(crate) order: Vec<TaskKey>,
    pub(crate) others: Vec<(IssueNumber, String)>,
    pub(crate) obstacles: Vec<String>,
    pub(crate) paused: Option<String>,
    pub(crate) withdrawn: bool,
    pub(crate) locked_out: Option<String>,
    pub(crate) recon: Recon,
    pub(crate) branch: Branch,
    pub(crate) head_rollout: Rollout,
    pub(crate) change_rollout: Option<(Rollout, Timestamp)>,
    pub(crate) attributions: BTreeMap<FindingId, Attribution>,
    pub(crate) stuck: Vec<ObjectRef>,
    pub(crate) idle_out_of_sync: Vec<ObjectRef>,
    pub(crate) mismatches: Vec<String>,
    pub(crate) pulls: BTreeMap<PullNumber, PullSituation>,
    pub(crate) related: BTreeMap<IssueNumber, Related>,
    pub(crate) approvals: Approvals,
    pub(crate) unvouched_ticks: Vec<(TaskKey, String)>,
    pub(crate) vouched: BTreeSet<TaskKey>,
    pub(crate) resumed_by: Option<String>,
    pub(crate) wishes: Vec<Wish>,
    pub(crate) remade: Vec<RemadePull>,
}

impl Observation {
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
            state,
            author: &self.author,
            template: &self.template,
            reading: &self.reading,
            order: &self.order,
            obstacles: &self.obstacles,
            paused: self.paused.as_deref(),
            withdrawn: self.withdrawn,
            locked_out: self.locked_out.as_deref(),
            recon: &self.recon,
            green_since: memory.steadiness.green_since(),
            first_seen: memory.steadiness.first_seen(),
            attributions: &self.attributions,
            head: &self.branch.head,
            head_rollout: &self.head_rollout,
            change_rollout: self.change_rollout.as_ref().map(|(rollout, since)| (rollout, *since)),
            stuck: &self.stuck,
            idle_out_of_sync: &self.idle_out_of_sync,
            mismatches: &self.mismatches,
            pulls: &self.pulls,
            related: &self.related,
            approvals: &self.approvals.seen,
            unvouched_ticks: &self.unvouched_ticks,
            vouched: &self.vouched,
            resumed_by: self.resumed_by.as_deref(),
            wishes: &self.wishes,
        }
    }
}

fn read(parts: &Parts, body: &str) -> Result<Reading, RunError> {
    issue::read(body, &|words| classify_words(words, "", &parts.rules)).map_err(RunError::Body)
}

/// The tasks of a text with their boxes; a text that cannot be read holds none.
fn boxes(parts: &Parts, body: &str) -> trust::Boxes {
    read(parts, body)
        .map(|reading| reading.tasks.into_iter().map(|task| (task.key, task.ticked)).collect())
        .unwrap_or_default()
}

/// Looks.
pub(crate) async fn observe(
    parts: &Parts,
    subject: Subject<'_>,
    memory: &mut Memory,
) -> Result<Observation, RunError> {
    let now = Timestamp::now();
    let name = &subject.repository.name;
    let state = subject.state;
    let mut reading = read(parts, &subject.issue.body)?;
    let known: Vec<_> = state.tasks.values().map(|record| record.known.clone()).collect();
    issue::keep_history(&mut reading, &known);

    let (recon, applications, workloads) = cluster(parts, now).await;
    memory.steadiness.observe(&recon, &BTreeSet::new(), parts.timing.poll() * 3 + UNWATCHED);
    let branch = parts.forge.branch(name, &subject.repository.default_branch).await?;
    let payloads = parts.store.issue_payloads(&name.to_string(), subject.issue.number.0).await?;
    let edits = inbox::issue_edits(&payloads);
    let history = History::new(&edits, subject.ours, |body| boxes(parts, body));
    let trusted = Trusted::new(&parts.settings, subject.repository);
    let comments = match state.began_at {
        // The forge counts in seconds: a comment of the second in which the run began is older than the run by its time.
        Some(began) => {
            let since = Timestamp::from_second(began.as_second()).unwrap_or(began);
            parts.forge.comments(name, subject.issue.number, Some(since)).await?
        }
        None => Vec::new(),
    };
    let edited_comments = inbox::edited_comments(&payloads);
    let comments =
        Comments { all: &comments, edited: &edited_comments, trusted: &trusted, bot: &subject.bot.login };

    let mut look =
        Look { parts, subject: &subject, memory, applications: &applications, branch: &branch, now };
    let head_rollout = look.rollout(&branch.head).await?;
    let change = look.change(&recon).await?;
    let open_pulls = parts.forge.open_pulls(name).await?;
    let pulls = look.pulls(&reading, &open_pulls, &workloads).await?;
    let related = look.related(&reading).await?;
    let obstacles =
        if state.began_at.is_none() { look.obstacles(&reading, &trusted).await? } else { Vec::new() };
    let remade = look.remade(&open_pulls);

    let facts = |number: PullNumber| {
        pulls.get(&number).map(|pull| (pull.classification.category, pull.classification.update))
    };
    let order = issue::order(&reading.tasks, &facts);
    let approvals = trust::approvals(&Evidence {
        state,
        body: &subject.issue.body,
        reading: &reading,
        comments: &comments,
        edits: &edits,
        ours: subject.ours,
    });
    let unvouched_ticks = unvouched_ticks(parts, memory, &approvals, now);
    let wishes = wishes(&subject, &reading, &trusted, &history);
    let vouched = trust::vouched(reading.tasks.iter(), state.began_at.is_none(), &trusted, &history);
    Ok(Observation {
        now,
        author: subject.issue.author.login.clone(),
        template: issue::template_values(&subject.issue.body),
        order,
        obstacles,
        paused: paused(parts, &subject, &comments),
        withdrawn: subject.issue.state == State::Closed
            || !subject.issue.has_label(&parts.settings.maintenance_label),
        resumed_by: comments.resumed_by(state),
        others: subject.others,
        locked_out: subject.locked_out,
        recon,
        branch,
        head_rollout,
        change_rollout: change.rollout,
        attributions: change.attributions,
        stuck: change.stuck,
        idle_out_of_sync: change.idle_out_of_sync,
        mismatches: change.mismatches,
        pulls,
        related,
        approvals,
        unvouched_ticks,
        vouched,
        wishes,
        remade,
        reading,
    })
}

/// The cluster's part. What does not answer is UNKNOWN in the pass, and no Application is known.
async fn cluster(parts: &Parts, now: Timestamp) -> (Recon, Vec<Application>, Vec<Workload>) {
    let surroundings = Surroundings {
        settings: &parts.health_settings,
        cluster: &parts.cluster_settings,
        grace: parts.timing.grace(),
    };
    let recon = health::recon(parts.cluster.as_ref(), &surroundings, now);
    let (recon, applications, workloads) =
        tokio::join!(recon, parts.cluster.applications(), parts.cluster.workloads());
    let applications = match applications {
        Ok(Installed::Yes(applications)) => applications,
        Ok(Installed::No) => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "the Applications could not be read");
            Vec::new()
        }
    };
    (recon, applications, workloads.unwrap_or_default())
}

fn paused(parts: &Parts, subject: &Subject<'_>, comments: &Comments<'_>) -> Option<String> {
    if subject.issue.has_label(&parts.settings.pause_label) {
        return Some(wording::label(&parts.settings.pause_label));
    }
    comments.stopped_by(subject.state.began_at?)
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

fn wishes(subject: &Subject<'_>, reading: &Reading, trusted: &Trusted, history: &History) -> Vec<Wish> {
    let written = match subject.writes.last() {
        Some(write) => Written { tasks: write.tasks.clone(), status: write.status.clone() },
        None => Written {
            tasks: subject
                .state
                .tasks
                .values()
                .map(|record| WrittenTask {
                    key: record.known.key.clone(),
                    ticked: record.ticked_at_discovery,
                    note: None,
                })
                .collect(),
            status: None,
        },
    };
    issue::decisions(&subject.issue.body, reading, &written)
        .into_iter()
        .filter_map(|edit| match edit {
            Edit::Ticked { key } => Some(Wish::Ticked(key)),
            Edit::Unticked { key } => {
                trust::untick_counts(&key, trusted, history).then_some(Wish::Unticked(key))
            }
            // Restored by the next write, or nobody's wish.
            Edit::StaleWrite { .. } | Edit::NoteTaken { .. } | Edit::Added { .. } | Edit::Removed { .. } => {
                None
            }
        })
        .collect()
}

/// What a look says of the change in flight.
#[derive(Debug, Default)]
struct ChangeView {
    rollout: Option<(Rollout, Timestamp)>,
    attributions: BTreeMap<FindingId, Attribution>,
    stuck: Vec<ObjectRef>,
    idle_out_of_sync: Vec<ObjectRef>,
    mismatches: Vec<String>,
}

struct Look<'a> {
    parts: &'a Parts,
    subject: &'a Subject<'a>,
    memory: &'a mut Memory,
    applications: &'a [Application],
    branch: &'a Branch,
    now: Timestamp,
}

impl Look<'_> {
    fn pull_urls(&self) -> Vec<String> {
        let mut urls = self.subject.repository.clone_urls.clone();
        urls.extend(self.subject.settings.pull_urls.iter().cloned());
        urls
    }

    /// Whether `newer` contains `older`, asked of the forge once.
    async fn contains(&mut self, newer: &CommitSha, older: &CommitSha) -> Result<bool, RunError> {
        if newer == older {
            return Ok(true);
        }
        let pair = (newer.clone(), older.clone());
        if let Some(known) = self.memory.contains.get(&pair) {
            return Ok(*known);
        }
        let missing = match self.parts.forge.compare(&self.subject.repository.name, newer, older).await {
            Ok(commits) => !commits.is_empty(),
            // A revision that the forge does not know contains nothing of ours.
            Err(ForgeError::NotFound { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        self.memory.contains.insert(pair, !missing);
        Ok(!missing)
    }

    /// Whether a commit runs in every watcher.
    async fn rollout(&mut self, commit: &CommitSha) -> Result<Rollout, RunError> {
        if self.subject.settings.rollout == RolloutBy::None {
            return Ok(Rollout::Done { watchers: 0, affected: Vec::new() });
        }
        let urls = self.pull_urls();
        let watched = Watched { urls: &urls, default_branch: &self.subject.repository.default_branch };
        let revisions: BTreeSet<CommitSha> = watched
            .watchers(self.applications)
            .iter()
            .flat_map(|application| {
                application
                    .revisions
                    .iter()
                    .chain(application.operation.iter().flat_map(|operation| &operation.revisions))
            })
            .filter_map(|revision| revision.parse().ok())
            .collect();
        let mut contains = BTreeMap::new();
        for revision in revisions {
            let holds = self.contains(&revision, commit).await?;
            contains.insert(revision, holds);
        }
        // A merge needs every layer GREEN, so before a change every watcher was Synced and Healthy.
        let before = StoodBefore::new();
        Ok(judge(self.applications, &watched, commit, &|revision| contains.get(revision).copied(), &before))
    }

    async fn change(&mut self, recon: &Recon) -> Result<ChangeView, RunError> {
        let state = self.subject.state;
        let Some(change) = &state.change else { return Ok(ChangeView::default()) };
        let Some((merge_commit, ..)) = &change.merged else { return Ok(ChangeView::default()) };
        let (commit, undone) = match &change.stage {
            Stage::Reverted { commit, .. } => (commit, true),
            Stage::Asked | Stage::Merged | Stage::RolledOut { .. } | Stage::RevertAsked { .. } => {
                (merge_commit, false)
            }
        };
        let rollout = self.rollout(commit).await?;
        let since = self.memory.progress_since(commit, &rollout, self.now);
        let urls = self.pull_urls();
        let watched = Watched { urls: &urls, default_branch: &self.subject.repository.default_branch };
        let touched = watched.touched(self.applications, &change.plan.files);
        let affected: Vec<Application> = watched
            .watchers(self.applications)
            .into_iter()
            .filter(|application| {
                change.affected.contains(&application.name)
                    || touched.iter().any(|found| found.object() == application.object())
            })
            .cloned()
            .collect();
        let attributions = recon
            .blocking()
            .filter(|finding| !change.plan.baseline.contains(&finding.id))
            .map(|finding| (finding.id.clone(), health::attribute(finding, &affected)))
            .collect();
        let stuck = if undone {
            watched
                .stuck_operations(self.applications, merge_commit)
                .into_iter()
                .map(Application::object)
                .collect()
        } else {
            Vec::new()
        };
        let idle = affected
            .iter()
            .filter(|application| is_idle_out_of_sync(application))
            .map(Application::object)
            .collect();
        let mismatches = if undone {
            Vec::new()
        } else {
            let affected: Vec<&Application> = affected.iter().collect();
            mismatches(&promised(&change.plan.versions), &affected).iter().map(mismatch_line).collect()
        };
        Ok(ChangeView {
            rollout: Some((rollout, since)),
            attributions,
            stuck,
            idle_out_of_sync: idle,
            mismatches,
        })
    }

    async fn tree(&mut self, commit: &CommitSha) -> Result<Arc<Vec<TreeEntry>>, RunError> {
        if let Some(known) = self.memory.trees.get(commit) {
            return Ok(Arc::clone(known));
        }
        let tree = Arc::new(self.parts.forge.tree(&self.subject.repository.name, commit).await?);
        self.memory.keep_tree(commit.clone(), Arc::clone(&tree));
        Ok(tree)
    }

    async fn pulls(
        &mut self,
        reading: &Reading,
        open: &[PullRequest],
        workloads: &[Workload],
    ) -> Result<BTreeMap<PullNumber, PullSituation>, RunError> {
        let mut pulls = BTreeMap::new();
        for task in &reading.tasks {
            let Kind::Merge { pull: number } = task.kind else { continue };
            if self.subject.state.has_ended(&task.key) || task.ticked || pulls.contains_key(&number) {
                continue;
            }
            let listed = open.iter().find(|pull| pull.number == number && pull.mergeable);
            let pull = match listed {
                Some(pull) => pull.clone(),
                // A list never makes the forge look for conflicts; a single GET does.
                None => match self.parts.forge.pull(&self.subject.repository.name, number).await {
                    Ok(pull) => pull,
                    Err(ForgeError::NotFound { .. }) => continue,
                    Err(error) => return Err(error.into()),
                },
            };
            let situation = self.pull(&task.key, pull, workloads).await?;
            pulls.insert(number, situation);
        }
        Ok(pulls)
    }

    async fn details(&mut self, pull: &PullRequest) -> Result<Arc<PullDetails>, RunError> {
        let key = (pull.number, pull.head.sha.clone(), super::worker::text_hash(&pull.body));
        if let Some(known) = self.memory.details.get(&key) {
            return Ok(Arc::clone(known));
        }
        let name = &self.subject.repository.name;
        let files = self.parts.forge.pull_files(name, pull.number).await?;
        let diff = self.parts.forge.pull_diff(name, pull.number).await?;
        // A table that cannot be read makes the pre-flight refuse; for the order it says nothing.
        let updates = renovate::updates(&pull.body).unwrap_or_default();
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let classification = classify(&updates, &pull.title, &pull.head.branch, &paths, &self.parts.rules);
        let details = Arc::new(PullDetails { files, diff, classification });
        self.memory.details.retain(|(number, ..), _| *number != pull.number);
        self.memory.details.insert(key, Arc::clone(&details));
        Ok(details)
    }

    async fn pull(
        &mut self,
        key: &TaskKey,
        pull: PullRequest,
        workloads: &[Workload],
    ) -> Result<PullSituation, RunError> {
        let name = &self.subject.repository.name;
        let details = self.details(&pull).await?;
        let statuses = if pull.merged.is_none() && pull.state == State::Open {
            self.parts.forge.statuses(name, &pull.head.sha).await?
        } else {
            Vec::new()
        };
        let paths: Vec<String> = details.files.iter().map(|file| file.path.clone()).collect();
        let holds: Vec<Hold> = self.subject.state.holds.iter().map(|held| held.hold.clone()).collect();
        let preflight = preflight(
            &PullFacts {
                pull: &pull,
                default_branch: &self.subject.repository.default_branch,
                files: &details.files,
                diff: &details.diff,
                statuses: &statuses,
                required_statuses: &self.branch.required_statuses,
                holds: &holds,
            },
            &self.parts.merge_settings,
            &self.parts.renovate_settings,
            &self.parts.rules,
        );
        let code = if pull.state == State::Open {
            let (head, base) =
                (self.tree(&pull.head.sha).await?, self.tree(&self.branch.head.clone()).await?);
            let change: Vec<_> = paths
                .iter()
                .map(|path| (path.clone(), blob(&base, path).cloned(), blob(&head, path).cloned()))
                .collect();
            approval_code(key, &format!("merge #{}", pull.number), &change)
        } else {
            String::new()
        };
        let urls = self.pull_urls();
        let watched = Watched { urls: &urls, default_branch: &self.subject.repository.default_branch };
        let touched = watched.touched(self.applications, &paths);
        let overrides = &self.parts.merge_settings.reversible;
        let not_reversible = match reversible(&details.classification, &paths, &touched, workloads, overrides)
        {
            Reversible::Yes => None,
            Reversible::UntilStarted(why) | Reversible::No(why) => Some(why),
        };
        let (versions, approval) = match &preflight {
            Preflight::Ready(ready) => (ready.holds(), ready.approval.clone()),
            Preflight::Wait(_) | Preflight::Refuse(_) => (Vec::new(), None),
        };
        let waiting_since = match &preflight {
            Preflight::Wait(_) => Some(*self.memory.preflight_since.entry(pull.number).or_insert(self.now)),
            Preflight::Ready(_) | Preflight::Refuse(_) => {
                self.memory.preflight_since.remove(&pull.number);
                None
            }
        };
        Ok(PullSituation {
            approval,
            classification: details.classification.clone(),
            preflight,
            code,
            files: paths,
            versions,
            not_reversible,
            waiting_since,
            pull,
        })
    }

    async fn related(&self, reading: &Reading) -> Result<BTreeMap<IssueNumber, Related>, RunError> {
        let mut related = BTreeMap::new();
        for task in &reading.tasks {
            let Kind::Close { number } = task.kind else { continue };
            if self.subject.state.has_ended(&task.key) || task.ticked {
                continue;
            }
            let found = match self.parts.forge.issue(&self.subject.repository.name, number).await {
                Ok(issue) if issue.state == State::Open => Related::Open,
                Ok(_) => Related::Closed,
                Err(ForgeError::NotFound { .. }) => Related::Missing,
                Err(error) => return Err(error.into()),
            };
            related.insert(number, found);
        }
        Ok(related)
    }

    /// What is missing before the first effect.
    async fn obstacles(&self, reading: &Reading, trusted: &Trusted) -> Result<Vec<String>, RunError> {
        let mut obstacles = Vec::new();
        let repository = self.subject.repository;
        if trusted.is_empty() {
            obstacles.push(wording::nobody_trusted());
        } else if !trusted.holds(&self.subject.issue.author.login) {
            obstacles.push(wording::untrusted_author(&self.subject.issue.author.login));
        }
        if repository.archived {
            obstacles.push(wording::archived(&repository.name));
        } else if !repository.can_push {
            obstacles.push(wording::cannot_push(&repository.name));
        } else if self.subject.settings.mode != Mode::Observe
            && !self.parts.forge.may_write_code(&repository.name).await?
        {
            obstacles.push(wording::scope_missing());
        }
        let health = &self.parts.health_settings;
        let archives = reading.tasks.iter().any(|task| matches!(task.kind, Kind::Action { .. }));
        let needed = |feature: Feature| match feature {
            Feature::Core | Feature::Lease => true,
            Feature::ArgoCd => health.argocd,
            Feature::ArgoCdSync => self.subject.settings.rollout == RolloutBy::Watchers,
            Feature::Ceph => health.ceph,
            Feature::CephTools => self.parts.cluster_settings.exec || archives,
            Feature::Certificates => health.certificates,
            Feature::Usage => health.usage,
        };
        for feature in Feature::ALL.into_iter().filter(|feature| needed(*feature)) {
            for need in health::rights(feature, &self.parts.cluster_settings) {
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
    fn remade(&self, open: &[PullRequest]) -> Vec<RemadePull> {
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
                    held.pull != pull.number
                        && updates.iter().any(|update| {
                            update.package == held.hold.package && update.to == held.hold.version
                        })
                })?;
                Some(RemadePull { number: pull.number, title: pull.title.clone(), instead_of: held.pull })
            })
            .collect()
    }
}

/// Whether an Application is not synced while nothing happens to it.
fn is_idle_out_of_sync(application: &Application) -> bool {
    let running = application.operation.as_ref().is_some_and(|operation| {
        matches!(operation.phase, OperationPhase::Running | OperationPhase::Terminating)
    });
    application.sync == SyncStatus::OutOfSync
        && !application.operation_requested
        && !application.refresh_requested
        && !running
}

/// What a change promised to run.
fn promised(versions: &[Hold]) -> Vec<Update> {
    versions
        .iter()
        .map(|hold| Update {
            package: hold.package.clone(),
            file: Some(hold.file.clone()),
            from: None,
            to: hold.version.clone(),
            kind: UpdateKind::Unknown,
            change: String::new(),
        })
        .collect()
}

fn mismatch_line(mismatch: &Mismatch) -> String {
    wording::version_differs(&mismatch.application, &mismatch.package, &mismatch.wanted, &mismatch.running)
}
