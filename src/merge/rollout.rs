//! Has this very commit arrived in the cluster?
//!
//! Pure judgement over one reading of all Applications. Races decided here: an Application whose status is older than
//! its operation proves nothing; a revision counts when it is the commit or descends from it, so a push right after the
//! merge does no harm; a revision that the forge could not compare is UNKNOWN and never "arrived".

use crate::cluster::{
    Application, ApplicationHealth, ApplicationSource, ObjectRef, OperationPhase, OperationState, SyncStatus,
    Workload,
};
use crate::forge::CommitSha;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A repository as Applications may write it.
#[derive(Debug, Clone)]
pub(crate) struct Watched<'a> {
    /// The addresses that are it.
    pub(crate) urls: &'a [String],
    /// The branch that is merged into.
    pub(crate) default_branch: &'a str,
}

/// How an Application stood before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stood {
    /// Whether its objects were as its sources say.
    pub(crate) sync: SyncStatus,
    /// Its health.
    pub(crate) health: ApplicationHealth,
}

/// Before the change: by namespace and name.
pub(crate) type StoodBefore = BTreeMap<(String, String), Stood>;

/// How far a commit got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Nobody can tell.
    Unknown {
        /// Why.
        why: String,
    },
    /// Not everywhere yet.
    Waiting {
        /// Which Applications, and what they lack.
        on: Vec<(String, String)>,
        /// Changes whenever anything moved.
        progress: String,
    },
    /// Applications could not apply it: which, and why in their own words.
    Failed {
        /// At least one.
        failed: Vec<(ObjectRef, String)>,
    },
    /// Everywhere.
    Done {
        /// How many Applications watch the repository.
        watchers: usize,
        /// Those that it needed an operation in.
        affected: Vec<String>,
    },
}

/// An address without what does not tell repositories apart: scheme, user, port, `.git`, case.
fn normalised(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let (host_and_path, scp) = match url.split_once("://") {
        Some((_, rest)) => (rest, false),
        None => (url.as_str(), true),
    };
    let without_user = match host_and_path.split_once('@') {
        Some((user, rest)) if !user.contains('/') => rest,
        _ => host_and_path,
    };
    let (host, path) = if scp {
        without_user.split_once(':').or_else(|| without_user.split_once('/')).unwrap_or((without_user, ""))
    } else {
        without_user.split_once('/').unwrap_or((without_user, ""))
    };
    let host = host.split(':').next().unwrap_or_default();
    let path = path.trim_matches('/').trim_end_matches(".git");
    format!("{host}/{path}")
}

impl Watched<'_> {
    /// Whether a source follows this repository's default branch.
    fn is_followed_by(&self, source: &ApplicationSource) -> bool {
        let url = normalised(&source.repository_url);
        let revision = source.target_revision.strip_prefix("refs/heads/").unwrap_or(&source.target_revision);
        source.chart.is_none()
            && (revision.is_empty() || revision == "HEAD" || revision == self.default_branch)
            && self.urls.iter().any(|own| normalised(own) == url)
    }

    /// The Applications that follow it, by what they are told to follow or by what they last compared.
    pub(crate) fn watchers<'a>(&self, applications: &'a [Application]) -> Vec<&'a Application> {
        applications
            .iter()
            .filter(|app| {
                app.sources.iter().chain(&app.compared_sources).any(|source| self.is_followed_by(source))
            })
            .collect()
    }

    /// The watchers one of whose folders holds one of the files. Files outside of it may matter too (`../values`), so
    /// this names candidates before a merge; after it the revisions tell.
    pub(crate) fn touched<'a>(
        &self,
        applications: &'a [Application],
        files: &[String],
    ) -> Vec<&'a Application> {
        self.watchers(applications)
            .into_iter()
            .filter(|app| {
                app.sources
                    .iter()
                    .any(|source| self.is_followed_by(source) && holds(source, &app.sources, files))
            })
            .collect()
    }

    /// The watchers whose running operation is of this very commit, retries included: none of them sees a newer one
    /// before it ends. An operation that has only been asked for, or that is another's, is nobody's to stop.
    pub(crate) fn stuck_operations<'a>(
        &self,
        applications: &'a [Application],
        commit: &CommitSha,
    ) -> Vec<&'a Application> {
        self.watchers(applications)
            .into_iter()
            .filter(|app| {
                app.operation.as_ref().is_some_and(|operation| {
                    operation.phase == OperationPhase::Running
                        && operation.revisions.iter().any(|revision| revision == commit.as_str())
                })
            })
            .collect()
    }
}

/// Whether one of the files is in a source's folder or among the files of values that are taken from it. A source that
/// is only there to be referred to (`ref`, without a path) is the whole repository, of which those files alone count.
fn holds(source: &ApplicationSource, all: &[ApplicationSource], files: &[String]) -> bool {
    let folder = within("", &source.path);
    let mut values: Vec<String> = source
        .value_files
        .iter()
        .filter(|path| !path.starts_with('$') && !path.contains("://"))
        .map(|path| within(&folder, path))
        .collect();
    if let Some(name) = &source.reference {
        values.extend(
            all.iter()
                .flat_map(|other| &other.value_files)
                .filter_map(|path| path.strip_prefix('$')?.strip_prefix(name.as_str())?.strip_prefix('/'))
                .map(|path| within("", path)),
        );
    }
    let only_referred_to = source.path.is_empty() && !values.is_empty();
    files.iter().any(|file| {
        let inside = !only_referred_to
            && (folder.is_empty()
                || file.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        inside || values.contains(file)
    })
}

/// A path as it is from the repository's root, without `.` and `..`.
fn within(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// How one watcher stands towards a commit.
enum Watcher {
    Unknown(String),
    Waiting(String),
    Failed(String),
    Done { affected: bool },
}

/// Judges the way of a commit. `descends` says whether a commit is, or comes after, the one that is followed; `None`
/// when that is not known.
pub(crate) fn judge(
    applications: &[Application],
    watched: &Watched<'_>,
    commit: &CommitSha,
    descends: &dyn Fn(&CommitSha) -> Option<bool>,
    before: &StoodBefore,
) -> Rollout {
    let watchers = watched.watchers(applications);
    if watchers.is_empty() {
        return Rollout::Unknown { why: "no Application watches the repository's default branch".to_owned() };
    }
    let arrived = |revision: &str| -> Result<bool, String> {
        if revision == commit.as_str() {
            return Ok(true);
        }
        match revision.parse::<CommitSha>() {
            Err(_) => Ok(false),
            Ok(sha) => descends(&sha).ok_or_else(|| {
                format!("it is not known whether {} comes after {}", sha.short(), commit.short())
            }),
        }
    };
    let mut waiting = Vec::new();
    let mut failed = Vec::new();
    let mut unknown = None;
    let mut affected = Vec::new();
    let mut progress = String::new();
    for app in &watchers {
        for (child, why) in children_behind(app, applications, &watchers) {
            waiting.push((child, why));
        }
        let stood = before.get(&(app.namespace.clone(), app.name.clone())).copied();
        match judge_one(app, watched, &arrived, stood) {
            Watcher::Failed(why) => failed.push((app.object(), why)),
            Watcher::Unknown(why) => unknown = unknown.or(Some(format!("{}: {why}", app.name))),
            Watcher::Waiting(why) => waiting.push((app.name.clone(), why)),
            Watcher::Done { affected: true } => affected.push(app.name.clone()),
            Watcher::Done { affected: false } => {}
        }
        note_progress(app, &mut progress);
    }
    if !failed.is_empty() {
        Rollout::Failed { failed }
    } else if let Some(why) = unknown {
        Rollout::Unknown { why }
    } else if waiting.is_empty() {
        Rollout::Done { watchers: watchers.len(), affected }
    } else {
        Rollout::Waiting { on: waiting, progress }
    }
}

/// The Applications that a watcher makes and that have not arrived where it wants them: their own sources (a chart of
/// another version) show no commit of this repository, so they count by having compared, since the watcher's sync, what
/// their spec says now.
fn children_behind(
    parent: &Application,
    applications: &[Application],
    watchers: &[&Application],
) -> Vec<(String, String)> {
    let synced_at = parent.operation.as_ref().and_then(|operation| operation.finished_at);
    applications
        .iter()
        .filter(|child| child.object() != parent.object())
        .filter(|child| parent.resources.iter().any(|own| own.object == child.object()))
        .filter(|child| !watchers.iter().any(|watcher| watcher.object() == child.object()))
        .filter_map(|child| {
            let why = if let Some(why) = not_settled(child) {
                why
            } else if child.compared_sources != child.sources {
                "it has not compared what its parent made of it".to_owned()
            } else if synced_at.is_some_and(|at| child.reconciled_at.is_none_or(|seen| seen < at)) {
                "it has not been looked at since its parent's sync".to_owned()
            } else if child.sync != SyncStatus::Synced || child.health != ApplicationHealth::Healthy {
                format!("it is {:?} and {:?}", child.sync, child.health)
            } else {
                return None;
            };
            Some((child.name.clone(), why))
        })
        .collect()
}

fn judge_one(
    app: &Application,
    watched: &Watched<'_>,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    stood: Option<Stood>,
) -> Watcher {
    let followed: Vec<usize> = app
        .compared_sources
        .iter()
        .enumerate()
        .filter(|(_, source)| watched.is_followed_by(source))
        .map(|(index, _)| index)
        .collect();
    let all_arrived = |revisions: &[String]| -> Result<bool, String> {
        for index in &followed {
            match revisions.get(*index) {
                Some(revision) if arrived(revision)? => {}
                _ => return Ok(false),
            }
        }
        Ok(!followed.is_empty())
    };
    // A sync of a few objects (self-heal) says nothing about a commit.
    let whole = app.operation.as_ref().filter(|operation| !operation.partial);
    let operated = match whole.map(|operation| all_arrived(&operation.revisions)).transpose() {
        Ok(operated) => operated.unwrap_or(false),
        Err(why) => return Watcher::Unknown(why),
    };
    if let Some(operation) = whole
        && operated
        && !app.operation_requested
        && matches!(operation.phase, OperationPhase::Failed | OperationPhase::Error)
    {
        return Watcher::Failed(operation.message.clone());
    }
    if let Some(why) = not_settled(app) {
        return Watcher::Waiting(why);
    }
    match all_arrived(&app.revisions) {
        Err(why) => return Watcher::Unknown(why),
        Ok(false) => return Watcher::Waiting("it has not compared this commit".to_owned()),
        Ok(true) => {}
    }
    let good = app.sync == SyncStatus::Synced && app.health == ApplicationHealth::Healthy;
    // The older operation of an Application that was not affected says nothing; it must only be no worse than before.
    let no_worse = !operated
        && stood.is_some_and(|stood| {
            (app.sync == SyncStatus::Synced || app.sync == stood.sync)
                && badness(app.health) <= badness(stood.health)
        });
    if good || no_worse {
        Watcher::Done { affected: operated }
    } else {
        Watcher::Waiting(format!("it is {:?} and {:?}", app.sync, app.health))
    }
}

/// Why an Application's status does not say yet what it thinks.
fn not_settled(app: &Application) -> Option<String> {
    if app.refresh_requested {
        return Some("its refresh is not done".to_owned());
    }
    if app.operation_requested {
        return Some(match &app.operation {
            Some(OperationState {
                phase: OperationPhase::Running, finished_at: Some(_), retries, ..
            }) => {
                format!("its sync failed and waits for retry {}", u64::from(*retries) + 1)
            }
            _ => "its sync has not ended".to_owned(),
        });
    }
    if let Some((kind, message)) = app
        .conditions
        .iter()
        .find(|(kind, _)| matches!(kind.as_str(), "ComparisonError" | "InvalidSpecError"))
    {
        return Some(format!("{kind}: {message}"));
    }
    if let Some(operation) = &app.operation {
        if matches!(operation.phase, OperationPhase::Running | OperationPhase::Terminating) {
            return Some("its sync has not ended".to_owned());
        }
        if let Some(finished) = operation.finished_at
            && app.reconciled_at.is_none_or(|reconciled| reconciled < finished)
        {
            return Some("its health may be from before the sync".to_owned());
        }
    }
    None
}

fn badness(health: ApplicationHealth) -> u8 {
    match health {
        ApplicationHealth::Healthy => 0,
        ApplicationHealth::Suspended => 1,
        ApplicationHealth::Progressing => 2,
        ApplicationHealth::Missing => 3,
        ApplicationHealth::Degraded => 4,
        ApplicationHealth::Unknown => 5,
    }
}

/// How far the pods of these Applications' workloads are: an Application says nothing while a `DaemonSet` goes from node to
/// node. What is not among what they made is another's.
pub(crate) fn pods_of(applications: &[Application], workloads: &[Workload]) -> String {
    let own: BTreeSet<&ObjectRef> =
        applications.iter().flat_map(|app| &app.resources).map(|resource| &resource.object).collect();
    let mut text = String::new();
    for workload in workloads.iter().filter(|workload| own.contains(&workload.object)) {
        let Workload { object, observed_generation, updated, available, .. } = workload;
        // Writing to a String cannot fail.
        let _ = write!(text, "{object}:{observed_generation}:{updated}:{available};");
    }
    text
}

/// What moves while a rollout goes on. A retry of the same sync and a mere reconciliation are no progress.
fn note_progress(app: &Application, text: &mut String) {
    let healthy = app.resources.iter().filter(|own| own.health == Some(ApplicationHealth::Healthy)).count();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{}/{}:{}:{:?}:{:?}:{healthy}:",
        app.namespace,
        app.name,
        app.revisions.join(","),
        app.sync,
        app.health
    );
    if let Some(operation) = &app.operation {
        let _ = write!(text, "{:?}:{}", operation.phase, operation.revisions.join(","));
    }
    text.push(';');
}
