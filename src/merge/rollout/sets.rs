//! How Argo CD's sets, and what they make, stand towards a commit.
//!
//! A set tells nobody what it has read. Decided here: it has looked at a commit when it was asked to after that was there and the
//! request is gone; where nobody could ask it, once it must have looked by itself; and one that an Application makes has looked
//! when it was asked after that Application's sync. Until then its Applications stand as they were meant to stand before, and that
//! they are well says nothing.

use super::argo::{behind, not_settled, synced_at};
use super::{GitOps, Standing, Stood, Watched};
use crate::cluster::{Application, ApplicationSet, ObjectRef};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// When is judged, and what was asked until then.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Now.
    pub(crate) now: Timestamp,
    /// What was asked for the change whose commit it is, where it is that of one.
    pub(crate) asking: Option<Asking>,
}

/// What was asked of those who follow the repository, for a change.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    /// Since when its commit is on the branch.
    pub(crate) since: Timestamp,
    /// Why they could not be asked the last time.
    pub(crate) refused: Option<String>,
    /// Of the Applications that make sets, the newest sync that had ended when these were asked.
    pub(crate) made_at: Option<Timestamp>,
    /// The watchers whose folders the change touches.
    pub(crate) touched: BTreeSet<ObjectRef>,
}

/// What a set needs for a look that it begins by itself, and what its controller's clock may differ from ours.
const LOOK: Duration = Duration::from_mins(1);

/// In how long a time a set has looked that was changed: its controller is told of that.
const AFTER_A_CHANGE: Duration = Duration::from_mins(3);

impl Watched {
    /// The sets that a watcher makes, each with its makers' newest sync that has ended.
    fn made_sets<'a>(&self, gitops: &'a GitOps) -> Vec<(&'a ApplicationSet, Option<Timestamp>)> {
        let watchers = self.watchers(&gitops.applications);
        let made = |set: &'a ApplicationSet| {
            let object = set.object();
            let makers = watchers.iter().filter(|app| app.resources.iter().any(|own| own.object == object));
            let ends: Vec<Option<Timestamp>> = makers.map(|app| synced_at(app)).collect();
            (!ends.is_empty()).then(|| (set, ends.into_iter().flatten().max()))
        };
        gitops.sets.iter().filter_map(made).collect()
    }

    /// The sets that have to look at a commit: those whose generators read the branch, and those that a watcher makes.
    pub(crate) fn sets_to_ask<'a>(&self, gitops: &'a GitOps) -> Vec<&'a ApplicationSet> {
        let mut sets = self.sets(gitops);
        for (set, _) in self.made_sets(gitops) {
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets
    }

    /// Of the Applications that make sets, the newest sync that has ended and after which nothing more goes on.
    pub(crate) fn sets_made_at(&self, gitops: &GitOps) -> Option<Timestamp> {
        let makes = |app: &&Application| {
            gitops.sets.iter().any(|set| app.resources.iter().any(|own| own.object == set.object()))
        };
        let watchers = self.watchers(&gitops.applications).into_iter();
        watchers.filter(makes).filter(|app| not_settled(app).is_none()).filter_map(synced_at).max()
    }
}

/// The sets that read the repository, or that a watcher makes, and have not looked at the commit, and what they made that has not
/// arrived where they want it: a chart's version may stand in a file that only the set reads, or in the set itself, so that the
/// Application shows no commit of this repository.
pub(super) fn standings(
    gitops: &GitOps,
    watched: &Watched,
    before: &[Stood],
    moment: &Moment,
) -> Vec<(String, Standing)> {
    let watchers = watched.watchers(&gitops.applications);
    let made_sets = watched.made_sets(gitops);
    let reading = watched.sets(gitops);
    let mut standings = Vec::new();
    for set in watched.sets_to_ask(gitops) {
        let object = set.object();
        let made: Vec<&Application> =
            gitops.applications.iter().filter(|app| app.made_by.as_ref() == Some(&object)).collect();
        let made_at = made_sets.iter().find(|(other, _)| *other == set).and_then(|(_, at)| *at);
        let looks = if set.refresh_requested {
            Some(Standing::Waiting(NOT_DONE.to_owned()))
        } else {
            let of_the_branch = reading.contains(&set).then(|| unasked(set, moment)).flatten();
            of_the_branch.or_else(|| before_it_was_made(made_at?, &made, moment))
        };
        standings.extend(looks.map(|standing| (object.to_string(), standing)));
        for app in made.into_iter().filter(|app| !watchers.iter().any(|one| one.object() == app.object())) {
            standings.extend(behind(app, before).map(|standing| (app.object().to_string(), standing)));
        }
    }
    standings
}

/// Why a set cannot have looked at the branch since the commit is there, where nobody could ask it to.
fn unasked(set: &ApplicationSet, moment: &Moment) -> Option<Standing> {
    let Asking { since, refused, .. } = moment.asking.as_ref()?;
    let why = refused.as_ref()?;
    let Some(every) = set.looks_every else {
        return Some(Standing::Unknown(never_looks(why)));
    };
    let by = since.saturating_add(every + LOOK).unwrap_or(Timestamp::MAX);
    (moment.now < by).then(|| Standing::Waiting(looks_by_itself(by, why)))
}

/// Why a set may not have looked at itself since it was made. Of a commit that is nobody's change to follow it is taken for looked at
/// when all that it made was: nobody asks then.
fn before_it_was_made(made_at: Timestamp, made: &[&Application], moment: &Moment) -> Option<Standing> {
    let looked = match &moment.asking {
        Some(asking) => asking.refused.is_none() && asking.made_at >= Some(made_at),
        None => made.iter().all(|app| app.reconciled_at.is_some_and(|seen| seen >= made_at)),
    };
    let by = made_at.saturating_add(AFTER_A_CHANGE + LOOK).unwrap_or(Timestamp::MAX);
    (!looked && moment.now < by).then(|| Standing::Waiting(not_asked(by)))
}

const NOT_DONE: &str = "it has not looked at its generators since it was asked to";

/// What a person can do comes first: the rest may be cut off.
fn looks_by_itself(by: Timestamp, why: &str) -> String {
    let by = by.strftime("%Y-%m-%d %H:%M UTC");
    format!(
        "caretaker needs `patch` on applicationsets to ask it to look; by itself it does so by {by} ({why})"
    )
}

fn never_looks(why: &str) -> String {
    format!(
        "cannot be followed: caretaker needs `patch` on applicationsets to ask it to look, and by itself it never does ({why})"
    )
}

fn not_asked(by: Timestamp) -> String {
    let by = by.strftime("%Y-%m-%d %H:%M UTC");
    format!("it has not been asked to look since its parent's sync, and does so by itself by {by}")
}
