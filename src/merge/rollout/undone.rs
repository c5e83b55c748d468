//! What still runs or retries of a change that is undone, and what is stopped and synced for it.
//!
//! Races decided here: a sync goes on to the revision with which it began, whatever its spec says since; one that is told the same again as
//! before a change may run what it was told in between; what others make is neither stopped nor synced, whatever becomes of it
//! meanwhile.

use super::argo::stood_before;
use super::asking::LOOK;
use super::{GitOps, Stood, Watched};
use crate::cluster::{
    Application, ApplicationSet, ApplicationSource, BegunBy, ObjectRef, OperationPhase, OperationState,
    Owner, SyncStatus,
};
use crate::forge::CommitSha;
use crate::merge::semver;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A change that is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undone {
    /// Its commit.
    pub(crate) commit: CommitSha,
    /// When that was merged.
    pub(crate) merged_at: Timestamp,
    /// Commits that hold it as well, and its undoing not yet: what people pushed before that was on the branch.
    pub(crate) later: BTreeSet<CommitSha>,
}

impl Undone {
    /// Whether a revision is it or, where later ones count, holds it.
    fn is_held_by(&self, revision: &str, later: bool) -> bool {
        revision == self.commit.as_str()
            || later && revision.parse().is_ok_and(|revision: CommitSha| self.later.contains(&revision))
    }

    /// Whether an Application's running operation is of this very commit; of one that was touched also whether it is of another that holds
    /// it, and that nobody syncs by hand.
    fn runs_in(&self, app: &Application, touched: bool) -> bool {
        app.operation.as_ref().is_some_and(|operation| {
            let by_itself =
                touched && operation.begun_by != BegunBy::Person && began_since(operation, self.merged_at);
            operation.phase == OperationPhase::Running
                && operation.revisions.iter().any(|revision| self.is_held_by(revision, by_itself))
        })
    }

    /// Whether what was found stuck still is.
    pub(crate) fn keeps_stuck(&self, app: &Application) -> bool {
        self.runs_in(app, true) || runs_what_nobody_asks_for(app, self.merged_at)
    }
}

impl Watched {
    /// The Applications whose running operation is of what was undone, retries included: none of them sees anything newer before it
    /// ends. Watchers show it by the commit. What these or a set make, and what is hydrated, show no commit of this repository: theirs
    /// is one that began since the merge, by nobody's hand, to what nobody asks for any more, of those that the change affected
    /// and what they make; of all where it affected none. One that has only been asked for, or that is another's, is nobody's to stop.
    pub(crate) fn stuck_operations<'a>(
        &self,
        gitops: &'a GitOps,
        undone: &Undone,
        affected: &[Owner],
    ) -> Vec<&'a Application> {
        let watchers = self.watchers(&gitops.applications);
        let mut touched = watchers.clone();
        touched.retain(|app| affected.is_empty() || is_among(affected, app));
        let made = self.made_by(gitops, &touched);
        let is_ours = |app: &Application| touched.contains(&app) || made.contains(&app);
        let holds =
            |app: &Application| watchers.contains(&app) && undone.runs_in(app, touched.contains(&app));
        let is_stuck = |app: &&Application| {
            holds(app) || is_ours(app) && runs_what_nobody_asks_for(app, undone.merged_at)
        };
        gitops.applications.iter().filter(is_stuck).collect()
    }

    /// The Applications that a change may have brought something to without their showing a commit of this repository: those that one
    /// which it affected makes, and those of a set that reads the branch or that one of these makes. Not those that stand as they
    /// did before and that nobody touched, nor those of which an older journal does not tell what they were told.
    pub(crate) fn leaves<'a>(
        &self,
        gitops: &'a GitOps,
        affected: &[Owner],
        before: &[Stood],
    ) -> Vec<&'a Application> {
        let watchers = self.watchers(&gitops.applications);
        let mut touched = watchers.clone();
        touched.retain(|app| is_among(affected, app));
        let stays = |app: &Application| {
            stood_before(app, before).is_some_and(|stood| {
                stood.sync == app.sync && (stood.told.is_none() || stood.is_told_the_same(app))
            })
        };
        let mut leaves = self.made_by(gitops, &touched);
        leaves.retain(|app| !watchers.contains(app) && !stays(app));
        leaves
    }

    /// What these make, and what the sets make that read the branch or that one of these makes.
    fn made_by<'a>(&self, gitops: &'a GitOps, makers: &[&Application]) -> Vec<&'a Application> {
        let is_of_them = |object: &ObjectRef| {
            makers.iter().any(|app| app.resources.iter().any(|own| own.object == *object))
        };
        let reading = self.sets(gitops);
        let sets = gitops.sets.iter().filter(|set| reading.contains(set) || is_of_them(&set.object()));
        let sets: Vec<ObjectRef> = sets.map(ApplicationSet::object).collect();
        let is_made = |app: &&Application| {
            is_of_them(&app.object()) || app.made_by.as_ref().is_some_and(|set| sets.contains(set))
        };
        gitops.applications.iter().filter(is_made).collect()
    }
}

fn is_among(owners: &[Owner], app: &Application) -> bool {
    owners.iter().any(|owner| owner.object == app.object())
}

/// Whether an Application's operation runs that began since a merge and is to another revision than its spec asks for now, as far as that
/// can be told: by an exact version of a chart, a whole commit, or what was hydrated last. Argo CD retries to the revision with
/// which it began, whatever the spec says meanwhile.
pub(in crate::merge) fn runs_what_nobody_asks_for(app: &Application, merged_at: Timestamp) -> bool {
    let Some(operation) = app.operation.as_ref().filter(|one| one.phase == OperationPhase::Running) else {
        return false;
    };
    operation.begun_by != BegunBy::Person
        && began_since(operation, merged_at)
        && is_to_another_revision(app, operation)
}

/// How those stood before a change that is undone for whom that is still an excuse: of whoever was synced meanwhile to what nobody asks
/// for any more that runs, however it stood before, until it is synced again or is as its sources say all the same.
pub(crate) fn excused(before: &[Stood], gitops: &GitOps, undone: &Undone, touched: &[Owner]) -> Vec<Stood> {
    let runs_it = |stood: &&Stood| {
        let mut apps = gitops.applications.iter().filter(|app| app.object() == stood.application);
        apps.any(|app| ran_what_nobody_asks_for(app, undone, is_among(touched, app)))
    };
    before.iter().filter(|stood| !runs_it(stood)).cloned().collect()
}

/// Whether an Application was last synced, since a merge, to the commit that is undone now (one that the change touches, to any that holds it), to other sources than its spec has now, or to
/// another revision than that asks for; whoever did it, and however it ended.
fn ran_what_nobody_asks_for(app: &Application, undone: &Undone, touched: bool) -> bool {
    let of_others = |operation: &OperationState| {
        app.dry.is_none() && !operation.sources.is_empty() && operation.sources != app.sources
    };
    let whole = app.operation.as_ref().filter(|operation| !operation.partial);
    app.sync != SyncStatus::Synced
        && whole.filter(|operation| began_since(operation, undone.merged_at)).is_some_and(|operation| {
            operation.revisions.iter().any(|revision| undone.is_held_by(revision, touched))
                || of_others(operation)
                || is_to_another_revision(app, operation)
        })
}

fn began_since(operation: &OperationState, merged_at: Timestamp) -> bool {
    let merged_at = merged_at.saturating_sub(LOOK).unwrap_or(Timestamp::MIN);
    operation.started_at.is_some_and(|began| began >= merged_at)
}

/// Whether an operation is to another revision than the spec asks for, where that asks for one exactly.
fn is_to_another_revision(app: &Application, operation: &OperationState) -> bool {
    let asked: Vec<Option<&str>> = match &app.dry {
        Some(dry) => {
            vec![dry.hydrated.as_ref().map(|last| last.commit.as_str()).filter(|one| !one.is_empty())]
        }
        None => app.sources.iter().map(asks_for_exactly).collect(),
    };
    let bare = |version: &str| version.trim_start_matches(['v', 'V']).to_owned();
    asked.len() == operation.revisions.len()
        && asked
            .iter()
            .zip(&operation.revisions)
            .any(|(asked, runs)| asked.is_some_and(|asked| bare(asked) != bare(runs)))
}

/// The one revision that a source asks for, where it is no range, no branch and no tag.
fn asks_for_exactly(source: &ApplicationSource) -> Option<&str> {
    let asked = source.target_revision.as_str();
    let is_exact = match source.chart {
        Some(_) => is_exact_version(asked),
        None => asked.parse::<CommitSha>().is_ok(),
    };
    is_exact.then_some(asked)
}

/// Whether a chart's version is one and not a range: three numbers, and what may stand behind them.
fn is_exact_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_plain = core.trim_start_matches('v').bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain
        && !version.contains(char::is_whitespace)
        && semver::numbers(core).is_some_and(|numbers| numbers.len() == 3)
}
