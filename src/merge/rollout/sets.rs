//! How Argo CD's sets, and what they make, stand towards a commit.
//!
//! A set tells nobody what it has read. Decided here: it has looked at a commit when it was asked to after that was there and the
//! request is gone; where nobody could ask it, once it must have looked by itself; and one that an Application makes has looked
//! when it was asked after that Application's sync. Until then its Applications stand as they were meant to stand before, and that
//! they are well says nothing.

use super::address::Address;
use super::argo::{behind, not_settled, synced_at};
use super::asking::{AskedOf, LOOK, Moment, Question, not_asked, told};
use super::{GitOps, Standing, Stood, Watched};
use crate::cluster::{Application, ApplicationSet, ObjectRef};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// For how long Argo CD may take a branch for what it was (`--revision-cache-expiration` of its repo-server): a look that a set begins by
/// itself, unlike one that it was asked for, does not drop that.
const REVISIONS_KEPT: Duration = Duration::from_mins(3);

/// In how long a time a set has looked that was changed: its controller is told of that.
const AFTER_A_CHANGE: Duration = Duration::from_mins(3);

impl Watched {
    /// What a set reads of the default branch of a repository that is that to this one.
    fn reads<'a>(&self, set: &'a ApplicationSet, what: Address) -> Option<&'a String> {
        let is_it = |(url, revision): &&(String, String)| {
            self.takes_the_default_branch(revision) && self.address(url) == what
        };
        set.generated_from.iter().find(is_it).map(|(url, _)| url)
    }

    /// The sets whose generators read its default branch.
    pub(crate) fn sets<'a>(&self, gitops: &'a GitOps) -> Vec<&'a ApplicationSet> {
        gitops.sets.iter().filter(|set| self.reads(set, Address::Own).is_some()).collect()
    }

    /// A set that may read it: whether it does, nobody has said.
    pub(super) fn probable_set(&self, sets: &[ApplicationSet]) -> Option<(String, String)> {
        sets.iter().find_map(|set| {
            let url = self.reads(set, Address::Probable)?;
            Some((set.object().to_string(), url.clone()))
        })
    }

    /// The watchers that make a set.
    fn makers<'a>(&self, set: &ApplicationSet, gitops: &'a GitOps) -> Vec<&'a Application> {
        let object = set.object();
        let mut makers = self.watchers(&gitops.applications);
        makers.retain(|app| app.resources.iter().any(|own| own.object == object));
        makers
    }

    /// The sets that have to look at a commit: those whose generators read the branch, and those that a watcher makes.
    pub(crate) fn sets_to_ask<'a>(&self, gitops: &'a GitOps) -> Vec<&'a ApplicationSet> {
        let mut sets = self.sets(gitops);
        for set in &gitops.sets {
            if !sets.contains(&set) && !self.makers(set, gitops).is_empty() {
                sets.push(set);
            }
        }
        sets
    }

    /// Of the Applications that make a set, the newest sync that has ended and after which nothing more goes on.
    pub(crate) fn set_made_at(&self, set: &ApplicationSet, gitops: &GitOps) -> Option<Timestamp> {
        let makers = self.makers(set, gitops).into_iter();
        makers.filter(|app| not_settled(app).is_none()).filter_map(synced_at).max()
    }

    /// Whether a set has to look that nobody has asked to, or that was made anew since. One that refused was asked.
    pub(crate) fn is_unasked(
        &self,
        set: &ApplicationSet,
        gitops: &GitOps,
        asked: &BTreeMap<ObjectRef, AskedOf>,
    ) -> bool {
        asked.get(&set.object()).is_none_or(|asked| {
            asked.refused.is_none()
                && self.set_made_at(set, gitops).is_some_and(|at| asked.made_at < Some(at))
        })
    }

    /// The first who has to look and whom nobody has asked to, of the sets and of these of Flux: whom nobody ever asked before a set
    /// that was made anew, which may be so for ever.
    pub(crate) fn first_unasked(
        &self,
        gitops: &GitOps,
        asked: &BTreeMap<ObjectRef, AskedOf>,
        asked_for_commit: &BTreeMap<ObjectRef, AskedOf>,
        of_flux: &[(ObjectRef, Question)],
    ) -> Option<ObjectRef> {
        let mut sets = self.sets_to_ask(gitops);
        sets.retain(|set| self.is_unasked(set, gitops, asked));
        let of_flux = of_flux.iter().map(|(object, _)| object.clone());
        let unasked = sets.into_iter().map(ApplicationSet::object).chain(of_flux);
        unasked.min_by_key(|one| asked.contains_key(one) || asked_for_commit.contains_key(one))
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
    let reading = watched.sets(gitops);
    let mut standings = Vec::new();
    for set in watched.sets_to_ask(gitops) {
        let object = set.object();
        let made: Vec<&Application> =
            gitops.applications.iter().filter(|app| app.made_by.as_ref() == Some(&object)).collect();
        let made_at = watched.makers(set, gitops).into_iter().filter_map(synced_at).max();
        let looks = if set.refresh_requested {
            Some(Standing::Waiting(NOT_DONE.to_owned()))
        } else {
            let of_the_branch = reading.contains(&set).then(|| unasked(set, moment)).flatten();
            of_the_branch.or_else(|| before_it_was_made(set, made_at?, &made, moment))
        };
        standings.extend(looks.map(|standing| (object.to_string(), standing)));
        for app in made.into_iter().filter(|app| !watchers.iter().any(|one| one.object() == app.object())) {
            standings.extend(behind(app, before).map(|standing| (app.object().to_string(), standing)));
        }
    }
    standings
}

/// Why a set cannot have looked at the branch since the commit is there, where it was not asked to.
fn unasked(set: &ApplicationSet, moment: &Moment) -> Option<Standing> {
    let asking = moment.asking.as_ref()?;
    let asked = asking.asked.get(&set.object());
    if asked.is_some_and(|asked| asked.at.is_some()) {
        return None;
    }
    let refused = asked.and_then(|asked| asked.refused.as_ref());
    let (what, why) = not_asked(refused, asking, "applicationsets");
    let Some(every) = set.looks_every else {
        let said = format!("{what}, and by itself it never does{why}");
        return Some(if asking.over {
            Standing::Unknown(format!("{}: {said}", super::asking::by_a_person(moment)))
        } else if refused.is_some() {
            Standing::Unknown(format!("cannot be followed: {said}"))
        } else {
            Standing::Waiting(said)
        });
    };
    let by = moment.by(asking.since, every + REVISIONS_KEPT + LOOK);
    let said = || format!("{what}; by itself it does so by {}{why}", told(by));
    (moment.now < by).then(|| Standing::LooksBy(said(), by))
}

/// Why a set may not have looked at itself since it was made. Of a commit that is nobody's change to follow it is taken for looked at
/// when all that it made was: nobody asks then.
fn before_it_was_made(
    set: &ApplicationSet,
    made_at: Timestamp,
    made: &[&Application],
    moment: &Moment,
) -> Option<Standing> {
    let looked = match &moment.asking {
        Some(asking) => asking.asked.get(&set.object()).is_some_and(|asked| asked.made_at >= Some(made_at)),
        None => made.iter().all(|app| app.reconciled_at.is_some_and(|seen| seen >= made_at)),
    };
    let by = moment.by(made_at, AFTER_A_CHANGE + LOOK);
    let said = || {
        let by = told(by);
        format!("it has not been asked to look since its parent's sync, and does so by itself by {by}")
    };
    (!looked && moment.now < by).then(|| Standing::LooksBy(said(), by))
}

const NOT_DONE: &str = "it has not looked at its generators since it was asked to";
