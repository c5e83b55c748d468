//! How Argo CD's Applications stand towards a commit.
//!
//! Races decided here: an Application whose status is older than its operation proves nothing; an operation of a few objects
//! is no rollout; health from before a sync is none; what a closed window keeps back has not failed to start.

use super::address::Address;
use super::{Standing, Stood, StoodBefore, Watched, within};
use crate::cluster::{
    Application, ApplicationHealth, ApplicationSource, OperationPhase, OperationState, Shut, SyncStatus,
};
use crate::forge::CommitSha;
use std::fmt::Write as _;

impl Watched {
    /// What a source's repository is to this one, where it takes the default branch.
    fn source(&self, source: &ApplicationSource) -> Address {
        let revision = source.target_revision.strip_prefix("refs/heads/").unwrap_or(&source.target_revision);
        let is_branch = revision.is_empty() || revision == "HEAD" || revision == self.default_branch;
        if source.chart.is_none() && is_branch {
            self.address(&source.repository_url)
        } else {
            Address::Other
        }
    }

    fn is_followed_by(&self, source: &ApplicationSource) -> bool {
        self.source(source) == Address::Own
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

    /// An Application that may follow it: whether it does, nobody has said.
    pub(super) fn probable_application(&self, applications: &[Application]) -> Option<(String, String)> {
        applications.iter().find_map(|app| {
            let mut sources = app.sources.iter().chain(&app.compared_sources);
            let probable = sources.find(|source| self.source(source) == Address::Probable)?;
            Some((app.object().to_string(), probable.repository_url.clone()))
        })
    }

    /// The watchers one of whose folders holds one of the files. Files outside of it may matter too (`../values`), so
    /// this names candidates before a merge; after it the revisions tell.
    pub(super) fn touched_applications<'a>(
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

/// How each watcher stands, and each Application that a watcher makes and that has not arrived where it wants it.
pub(super) fn standings(
    applications: &[Application],
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    before: &StoodBefore,
) -> Vec<(String, Standing)> {
    let watchers = watched.watchers(applications);
    let mut standings = Vec::new();
    for app in &watchers {
        standings.extend(children_behind(app, applications, &watchers));
        let stood = before.get(&(app.namespace.clone(), app.name.clone())).copied();
        standings.push((app.name.clone(), judge_one(app, watched, arrived, stood)));
    }
    standings
}

/// The Applications that a watcher makes and that have not arrived where it wants them: their own sources (a chart of
/// another version) show no commit of this repository, so they count by having compared, since the watcher's sync, what
/// their spec says now.
fn children_behind(
    parent: &Application,
    applications: &[Application],
    watchers: &[&Application],
) -> Vec<(String, Standing)> {
    let synced_at = parent.operation.as_ref().and_then(|operation| operation.finished_at);
    applications
        .iter()
        .filter(|child| child.object() != parent.object())
        .filter(|child| parent.resources.iter().any(|own| own.object == child.object()))
        .filter(|child| !watchers.iter().any(|watcher| watcher.object() == child.object()))
        .filter_map(|child| {
            let why = if let Some(shut) = kept_back_in_sync(child) {
                return Some((child.name.clone(), Standing::Shut(shut.clone())));
            } else if let Some(why) = not_settled(child) {
                why
            } else if child.compared_sources != child.sources {
                "it has not compared what its parent made of it".to_owned()
            } else if synced_at.is_some_and(|at| child.reconciled_at.is_none_or(|seen| seen < at)) {
                "it has not been looked at since its parent's sync".to_owned()
            } else if child.sync != SyncStatus::Synced || child.health != ApplicationHealth::Healthy {
                if let Some(shut) = kept_back(child) {
                    return Some((child.name.clone(), Standing::Shut(shut.clone())));
                }
                format!("it is {:?} and {:?}", child.sync, child.health)
            } else {
                return None;
            };
            Some((child.name.clone(), Standing::Waiting(why)))
        })
        .collect()
}

fn judge_one(
    app: &Application,
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    stood: Option<Stood>,
) -> Standing {
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
        Err(why) => return Standing::Unknown(why),
    };
    if let Some(operation) = whole
        && operated
        && !app.operation_requested
        && matches!(operation.phase, OperationPhase::Failed | OperationPhase::Error)
    {
        return Standing::Failed(app.object(), operation.message.clone());
    }
    if let Some(shut) = kept_back_in_sync(app) {
        return Standing::Shut(shut.clone());
    }
    if let Some(why) = not_settled(app) {
        return Standing::Waiting(why);
    }
    match all_arrived(&app.revisions) {
        Err(why) => return Standing::Unknown(why),
        Ok(false) => return Standing::Waiting("it has not compared this commit".to_owned()),
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
        Standing::Done { affected: operated }
    } else if let Some(shut) = kept_back(app) {
        Standing::Shut(shut.clone())
    } else {
        Standing::Waiting(format!("it is {:?} and {:?}", app.sync, app.health))
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

/// The window that keeps back a sync which has begun: Argo CD leaves it running, and says so.
fn kept_back_in_sync(app: &Application) -> Option<&Shut> {
    let operation = app.operation.as_ref().filter(|one| one.phase == OperationPhase::Running)?;
    let shut = app.doors.by_hand.as_deref().or(app.doors.by_itself.as_deref())?;
    operation.message.contains("blocked by sync window").then_some(shut)
}

/// The window that keeps an Application from what it has compared: it differs, nothing runs, and nothing may.
fn kept_back(app: &Application) -> Option<&Shut> {
    let differs = app.sync == SyncStatus::OutOfSync && not_settled(app).is_none();
    app.shut().filter(|_| differs)
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

/// What moves while a rollout goes on. A retry of the same sync and a mere reconciliation are no progress.
pub(super) fn note_progress(app: &Application, text: &mut String) {
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
