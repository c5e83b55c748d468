//! How Argo CD's Applications stand towards a commit.
//!
//! Races decided here: an Application whose status is older than its operation proves nothing; an operation of a few objects
//! is no rollout; health from before a sync is none; what a closed window keeps back has not failed to start; how one stood before it
//! was told something else is no excuse. A hydrated Application syncs from another branch than the one that it is made from: it has
//! arrived when it compared what was hydrated from the commit.

use super::address::Address;
use super::asking::Moment;
use super::{Standing, Stood, Watched, not_this_commit, short, within};
use crate::cluster::{
    Application, ApplicationHealth, ApplicationSource, DrySource, FluxObject, OperationPhase, OperationState,
    Shut, SyncStatus,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

impl Watched {
    /// What a source's repository is to this one, where it takes the default branch.
    fn source(&self, source: &ApplicationSource) -> Address {
        if source.chart.is_none() && self.takes_the_default_branch(&source.target_revision) {
            self.address(&source.repository_url)
        } else {
            Address::Other
        }
    }

    fn is_followed_by(&self, source: &ApplicationSource) -> bool {
        self.source(source) == Address::Own
    }

    /// At which of the revisions that an Application shows its commits are.
    fn followed_indices(&self, app: &Application) -> Vec<usize> {
        let sources = app.compared_sources.iter().enumerate();
        sources.filter(|(_, source)| self.is_followed_by(source)).map(|(index, _)| index).collect()
    }

    /// The commits of it that an Application shows: of those of other repositories nobody needs to know anything.
    pub(super) fn application_revisions<'a>(&self, app: &'a Application) -> Vec<&'a str> {
        let of_the_operation = app.operation.as_ref().map(|operation| &operation.revisions);
        let mut revisions = Vec::new();
        for index in self.followed_indices(app) {
            revisions.extend(app.revisions.get(index));
            revisions.extend(of_the_operation.and_then(|all| all.get(index)));
        }
        let hydrated = app.dry.iter().filter_map(|dry| Some(&dry.hydrated.as_ref()?.dry));
        revisions.into_iter().chain(hydrated).map(String::as_str).collect()
    }

    /// The Applications that follow it, by what they are told to follow or by what they last compared.
    pub(crate) fn watchers<'a>(&self, applications: &'a [Application]) -> Vec<&'a Application> {
        applications.iter().filter(|app| all_sources(app).any(|source| self.is_followed_by(source))).collect()
    }

    /// An Application that may follow it: whether it does, nobody has said.
    pub(super) fn probable_application(&self, applications: &[Application]) -> Option<(String, String)> {
        applications.iter().find_map(|app| {
            let probable = all_sources(app).find(|source| self.source(source) == Address::Probable)?;
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
                let dry = app.dry.iter().map(|dry| &dry.source);
                app.sources
                    .iter()
                    .chain(dry)
                    .any(|source| self.is_followed_by(source) && holds(source, &app.sources, files))
            })
            .collect()
    }
}

/// What it is told to follow, is made from, and last compared.
fn all_sources(app: &Application) -> impl Iterator<Item = &ApplicationSource> {
    let dry = app.dry.iter().map(|dry| &dry.source);
    app.sources.iter().chain(dry).chain(&app.compared_sources)
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
    before: &[Stood],
    moment: &Moment,
) -> Vec<(String, Standing)> {
    let watchers = watched.watchers(applications);
    let mut standings = Vec::new();
    for app in &watchers {
        let stood = stood_before(app, before);
        let standing = match &app.dry {
            Some(dry) if watched.is_followed_by(&dry.source) => judge_hydrated(app, dry, arrived, stood),
            _ => judge_one(app, watched, arrived, stood),
        };
        let operated = matches!(standing, Standing::Done { affected: true });
        standings.extend(children(app, operated, applications, &watchers, before, moment));
        // Two of the same name may be in two namespaces.
        let name = match standing {
            Standing::Done { .. } => whole_name(app),
            Standing::Unknown(_)
            | Standing::Waiting(_)
            | Standing::LooksBy(..)
            | Standing::Shut(_)
            | Standing::Failed(..) => app.object().to_string(),
        };
        standings.push((name, standing));
    }
    standings
}

fn whole_name(app: &Application) -> String {
    format!("{}/{}", app.namespace, app.name)
}

/// The Applications that a watcher makes: those that have not arrived where it wants them, and, where it needed an operation itself,
/// those that it brought to one. Their own sources (a chart of another version) show no commit of this repository, so they
/// count by having compared the whole of what their spec says now: where the watcher's sync changed nothing of it nobody looks at
/// them again, and where it did Argo CD does so at once.
fn children(
    parent: &Application,
    operated: bool,
    applications: &[Application],
    watchers: &[&Application],
    before: &[Stood],
    moment: &Moment,
) -> Vec<(String, Standing)> {
    applications
        .iter()
        .filter(|child| child.object() != parent.object())
        .filter(|child| parent.resources.iter().any(|own| own.object == child.object()))
        .filter(|child| !watchers.iter().any(|watcher| watcher.object() == child.object()))
        .filter_map(|child| match behind(child, before) {
            Some(standing) => Some((child.object().to_string(), standing)),
            None if operated && began_with(child, parent, moment) => {
                Some((whole_name(child), Standing::Done { affected: true }))
            }
            None => None,
        })
        .collect()
}

/// The Applications that Kustomizations of Flux make, and that have not arrived where these want them: their own sources show no commit
/// of this repository either.
pub(super) fn made_by_flux(
    applications: &[Application],
    makers: &[&FluxObject],
    watched: &Watched,
    before: &[Stood],
) -> Vec<(String, Standing)> {
    let watchers = watched.watchers(applications);
    let is_made = |app: &&Application| {
        !watchers.contains(app) && makers.iter().any(|maker| maker.inventory.contains(&app.object()))
    };
    let made = applications.iter().filter(is_made);
    made.filter_map(|app| Some((app.object().to_string(), behind(app, before)?))).collect()
}

/// Whether an Application's newest sync of everything came of its parent's: it began within that, since a parent that goes by waves
/// waits for its children, or soon after it. Argo CD looks at once at what was changed; what begins later has reasons of its own, but
/// where it was waited for meanwhile (a window, a sync before that took long), or nobody knows whether it was.
fn began_with(child: &Application, parent: &Application, moment: &Moment) -> bool {
    let whole = |app: &Application| app.operation.clone().filter(|operation| !operation.partial);
    let Some((operation, parent)) = whole(child).zip(whole(parent)) else { return false };
    let name = child.object().to_string();
    // Whoever is waited for only since its sync runs may have begun that for any reason.
    let was_awaited = |began: Timestamp| {
        let before =
            |awaited: &BTreeMap<String, Timestamp>| awaited.get(&name).is_some_and(|since| *since < began);
        moment.awaited.as_ref().is_none_or(before)
    };
    let soon = parent.finished_at.and_then(|ended| ended.checked_add(CHILD_BEGINS).ok());
    operation.started_at.zip(parent.started_at).is_some_and(|(child, parent)| {
        child >= parent && (was_awaited(child) || soon.is_none_or(|soon| child <= soon))
    })
}

/// Within this time after its parent's sync one that was changed by it is synced, also where Argo CD has much to do.
const CHILD_BEGINS: Duration = Duration::from_mins(3);

/// When an Application's newest sync of everything ended.
pub(super) fn synced_at(app: &Application) -> Option<Timestamp> {
    app.operation.as_ref().filter(|operation| !operation.partial)?.finished_at
}

/// Why an Application has not arrived where whoever made it wants it.
pub(super) fn behind(child: &Application, before: &[Stood]) -> Option<Standing> {
    let stood = stood_before(child, before);
    if let Some(shut) = kept_back_in_sync(child) {
        return Some(Standing::Shut(shut.clone()));
    }
    let why = if let Some(why) = not_settled(child) {
        why
    } else if !has_compared_its_spec(child) {
        "it has not compared what its parent made of it".to_owned()
    } else if is_good_enough(child, false, stood) {
        return None;
    } else if let Some(shut) = kept_back(child) {
        return Some(Standing::Shut(shut.clone()));
    } else {
        stands(child)
    };
    Some(Standing::Waiting(why))
}

/// Whether what was compared last is what the spec says now. That of a hydrated one is made into other sources on the way.
fn has_compared_its_spec(app: &Application) -> bool {
    !app.compared_otherwise && (app.dry.is_some() || app.compared_sources == app.sources)
}

pub(super) fn stood_before<'a>(app: &Application, before: &'a [Stood]) -> Option<&'a Stood> {
    before.iter().find(|stood| stood.application == app.object())
}

fn judge_one(
    app: &Application,
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    stood: Option<&Stood>,
) -> Standing {
    let followed = watched.followed_indices(app);
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
        && app.operation_requested.is_none()
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
    if !has_compared_its_spec(app) {
        return Standing::Waiting("it has not compared what its spec says now".to_owned());
    }
    match all_arrived(&app.revisions) {
        Err(why) => return Standing::Unknown(why),
        Ok(false) => {
            let seen = followed.iter().filter_map(|index| app.revisions.get(*index)).map(String::as_str);
            return Standing::Waiting(not_this_commit("compared", &seen.collect::<Vec<_>>()));
        }
        Ok(true) => {}
    }
    if is_good_enough(app, operated, stood) {
        Standing::Done { affected: operated }
    } else if let Some(shut) = kept_back(app) {
        Standing::Shut(shut.clone())
    } else {
        Standing::Waiting(stands(app))
    }
}

/// How a hydrated one stands. What its operation needed is another branch's commit, which may have been there before: that
/// nothing but the folder ties it to the change is no reason to undo one.
fn judge_hydrated(
    app: &Application,
    dry: &DrySource,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    stood: Option<&Stood>,
) -> Standing {
    let Some(last) = &dry.hydrated else {
        return Standing::Waiting("nothing has been hydrated for it".to_owned());
    };
    match arrived(&last.dry) {
        Err(why) => return Standing::Unknown(why),
        Ok(false) => {
            return Standing::Waiting(format!("{} has been hydrated and not this commit", short(&last.dry)));
        }
        Ok(true) => {}
    }
    if let Some(shut) = kept_back_in_sync(app) {
        return Standing::Shut(shut.clone());
    }
    if let Some(why) = not_settled(app) {
        return Standing::Waiting(why);
    }
    if app.compared_otherwise {
        return Standing::Waiting("it has not compared what its spec says now".to_owned());
    }
    if last.commit.is_empty() || !app.revisions.contains(&last.commit) {
        return Standing::Waiting("it has not compared what was hydrated from this commit".to_owned());
    }
    if is_good_enough(app, false, stood) {
        Standing::Done { affected: false }
    } else if let Some(shut) = kept_back(app) {
        Standing::Shut(shut.clone())
    } else {
        Standing::Waiting(stands(app))
    }
}

/// Whether one that has compared the commit is well, or no worse than it may be. The older operation of an Application that was
/// not affected says nothing; it must only be no worse than before. One that is told something else than then is affected: that it
/// was not synced to what it was told before says nothing of a new version that nobody syncs either.
fn is_good_enough(app: &Application, operated: bool, stood: Option<&Stood>) -> bool {
    let good = app.sync == SyncStatus::Synced && app.health == ApplicationHealth::Healthy;
    let no_worse = stood.is_some_and(|stood| {
        (!operated && stood.is_told_the_same(app) || stood.accepted)
            && (app.sync == SyncStatus::Synced || app.sync == stood.sync)
            && badness(app.health) <= badness(stood.health)
    });
    good || no_worse
}

fn stands(app: &Application) -> String {
    let by_hand = if app.automated || app.sync == SyncStatus::Synced {
        ""
    } else if app.rolled_by_set {
        ", and its set syncs it in its turn"
    } else {
        ", and its automated sync is off: somebody has to sync it"
    };
    format!("it is {:?} and {:?}{by_hand}", app.sync, app.health)
}

/// Why an Application's status does not say yet what it thinks.
pub(super) fn not_settled(app: &Application) -> Option<String> {
    if app.skips_reconcile {
        return Some("its annotation skip-reconcile keeps Argo CD from looking at it".to_owned());
    }
    if app.refresh_requested {
        return Some("its refresh is not done".to_owned());
    }
    if app.operation_requested.is_some() {
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
        match operation.phase {
            OperationPhase::Running | OperationPhase::Terminating => {
                return Some("its sync has not ended".to_owned());
            }
            OperationPhase::Unknown => {
                return Some("its sync is in a phase that caretaker does not know".to_owned());
            }
            OperationPhase::Succeeded | OperationPhase::Failed | OperationPhase::Error => {}
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

/// What moves while a rollout goes on. A mere reconciliation is no progress. A retry is: the pauses between them grow to
/// minutes, and only after the last has the sync failed.
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
        let OperationState { phase, revisions, retries, .. } = operation;
        let _ = write!(text, "{phase:?}:{}:{retries}", revisions.join(","));
    }
    if let Some(hydrated) = app.dry.as_ref().and_then(|dry| dry.hydrated.as_ref()) {
        let _ = write!(text, ":{}", hydrated.dry);
    }
    text.push(';');
}
