//! How Flux' Kustomizations stand towards a commit.
//!
//! Races decided here: a Kustomization applies what its source has fetched, so the source comes first; what it is Ready with
//! is the revision that was applied last, not the one that is tried; before a spec is observed every condition is about
//! the one before; what a registry offers is of the commit that it says it was made from, and where that lags nothing has
//! arrived; and a `HelmRelease` may read Ready of the chart before the one that its source has just fetched, or of one that
//! nobody has made anew of a commit yet. A suspended object keeps the Ready of the past and never arrives. What is made from
//! something that caretaker does not read may not have looked, and says nothing of it. What takes values from beside it tells of the
//! look that it was asked for, so it is asked once these are applied.

mod accepted;
mod charts;
mod unread;
mod values;

use super::address::Address;
use super::asking::{LOOK, Moment, not_asked, told};
use super::{Standing, Watched, not_this_commit, within};
use crate::cluster::{ConditionStatus, FluxKind, FluxObject, ObjectRef};
pub(crate) use accepted::AcceptedFlux;
use accepted::stands_still;
use charts::{behind_its_source, chart_before};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use unread::{chart_of_the_unread, made_of_the_unread};
pub(super) use values::to_ask;
use values::values_before;

impl Watched {
    /// What a source's repository is to this one, where it takes the default branch.
    fn git_source(&self, object: &FluxObject) -> Address {
        match &object.git {
            Some(git) if git.branch.as_deref() == Some(self.default_branch.as_str()) => {
                self.address(&git.url)
            }
            _ => Address::Other,
        }
    }

    /// The sources that fetch it.
    pub(crate) fn git_repositories<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        objects.iter().filter(|object| self.git_source(object) == Address::Own).collect()
    }

    /// What an artifact of a registry was made from to this one, where that is its default branch.
    fn origin(&self, object: &FluxObject) -> Address {
        match &object.origin {
            Some(origin) if self.is_of_the_default_branch(&origin.revision) => self.address(&origin.url),
            _ => Address::Other,
        }
    }

    /// Whether a revision, as Flux writes them, is the default branch's.
    fn is_of_the_default_branch(&self, revision: &str) -> bool {
        let named =
            revision.split_once('@').map(|(named, _)| named.strip_prefix("refs/heads/").unwrap_or(named));
        named == Some(self.default_branch.as_str())
    }

    /// The artifacts that are made from it.
    fn artifacts<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        objects.iter().filter(|object| self.origin(object) == Address::Own).collect()
    }

    /// The Kustomizations that are made from it.
    pub(crate) fn kustomizations<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        let sources: BTreeSet<ObjectRef> = self
            .git_repositories(objects)
            .into_iter()
            .chain(self.artifacts(objects))
            .map(FluxObject::object)
            .collect();
        objects
            .iter()
            .filter(|object| object.kind == FluxKind::Kustomization)
            .filter(|object| object.sources.iter().any(|source| sources.contains(source)))
            .collect()
    }

    /// All that may be made from it.
    pub(in crate::merge::rollout) fn followed<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        let mut followed = self.kustomizations(objects);
        followed.extend(self.composed(objects));
        followed
    }

    /// What is followed, and the Kustomizations that these make of other sources, one within the other.
    pub(in crate::merge::rollout) fn flux_makers<'a>(
        &self,
        objects: &'a [FluxObject],
    ) -> Vec<&'a FluxObject> {
        let kustomizations = || objects.iter().filter(|one| one.kind == FluxKind::Kustomization);
        let mut makers = self.followed(objects);
        let mut at = 0;
        while let Some(maker) = makers.get(at).copied() {
            let named = maker.inventory.iter().filter(|made| made.kind == FluxKind::Kustomization.word());
            let made = named.filter_map(|made| kustomizations().find(|one| one.object() == *made));
            let more: Vec<&FluxObject> = made.filter(|made| !makers.contains(made)).collect();
            makers.extend(more);
            at += 1;
        }
        makers
    }

    /// A source that may fetch it: whether it does, nobody has said.
    pub(super) fn probable_source(&self, objects: &[FluxObject]) -> Option<(String, String)> {
        objects.iter().find_map(|object| {
            let (git, origin) =
                (object.git.as_ref().map(|git| &git.url), object.origin.as_ref().map(|origin| &origin.url));
            let url = if self.git_source(object) == Address::Probable {
                git
            } else if self.origin(object) == Address::Probable && feeds_a_kustomization(object, objects) {
                origin
            } else {
                None
            }?;
            Some((object.object().to_string(), url.clone()))
        })
    }

    /// The commits that its sources, what is made of them, and their charts speak of.
    pub(super) fn flux_revisions<'a>(&self, objects: &'a [FluxObject]) -> impl Iterator<Item = &'a str> {
        let fetched = self.git_repositories(objects).into_iter().filter_map(|one| one.artifact.as_deref());
        let made = self
            .artifacts(objects)
            .into_iter()
            .filter_map(|one| Some(one.origin.as_ref()?.revision.as_str()));
        let applied = self
            .kustomizations(objects)
            .into_iter()
            .flat_map(|one| [&one.applied, &one.attempted, &one.applied_origin, &one.tried_origin]);
        let own: Vec<ObjectRef> =
            self.git_repositories(objects).into_iter().map(FluxObject::object).collect();
        let charts = objects.iter().filter(move |one| {
            one.kind == FluxKind::HelmChart && one.sources.iter().any(|source| own.contains(source))
        });
        let looked_at = charts.map(|chart| &chart.observed_source);
        let told = applied.chain(looked_at).filter_map(|revision| revision.as_deref());
        fetched.chain(made).chain(told).filter_map(commit)
    }

    /// The Kustomizations whose folder holds one of the files. Bases outside of it may matter too, so these are candidates.
    pub(super) fn touched_kustomizations<'a>(
        &self,
        objects: &'a [FluxObject],
        files: &[String],
    ) -> Vec<&'a FluxObject> {
        let holds = |folder: &str, file: &String| {
            let rest = file.strip_prefix(folder);
            folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut touched = self.kustomizations(objects);
        touched.retain(|one| files.iter().any(|file| holds(&within("", &one.path), file)));
        touched
    }
}

/// Whether a Kustomization is made from a source: a registry offers images and charts as well, which say what they were made
/// from and are no way of a commit into the cluster.
fn feeds_a_kustomization(source: &FluxObject, objects: &[FluxObject]) -> bool {
    let source = source.object();
    objects.iter().any(|object| object.kind == FluxKind::Kustomization && object.sources.contains(&source))
}

/// The commit of a revision such as `main@sha1:1a2b…`.
fn commit(revision: &str) -> Option<&str> {
    revision.rsplit_once("@sha1:").map(|(_, commit)| commit)
}

/// How each source, each Kustomization and each Flux object that one of them makes stands.
pub(super) fn standings(
    objects: &[FluxObject],
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    moment: &Moment,
) -> Vec<(String, Standing)> {
    let kustomizations = watched.kustomizations(objects);
    let mut standings = Vec::new();
    let holds = |revision: Option<&str>| match revision.and_then(commit) {
        Some(commit) => arrived(commit),
        None => Ok(false),
    };
    let used = |source: &&FluxObject| {
        let source = source.object();
        kustomizations.iter().any(|one| one.sources.contains(&source))
    };
    let own_artifacts: Vec<&FluxObject> = watched.artifacts(objects).into_iter().filter(used).collect();
    let of_artifact = |source: &FluxObject| {
        let made_from = source.origin.as_ref().map(|origin| origin.revision.as_str());
        match (unsettled(source, moment), holds(made_from)) {
            (Some(why), _) => Standing::Waiting(why),
            (None, Err(why)) => Standing::Unknown(why),
            (None, Ok(false)) => artifact_before(source, moment),
            (None, Ok(true)) => Standing::Done { affected: false },
        }
    };
    // Until when nothing comes to it of an artifact that nobody could ask for.
    let comes_by = |one: &FluxObject| {
        let sources = own_artifacts.iter().filter(|source| one.sources.contains(&source.object()));
        let comes_by = |source: &&FluxObject| match of_artifact(source) {
            Standing::LooksBy(_, by) => Some(by),
            _ => None,
        };
        sources.filter_map(comes_by).max()
    };
    let waits_by = |standing: Standing, by: Option<Timestamp>| match (standing, by) {
        (Standing::Waiting(why), Some(by)) => Standing::LooksBy(why, by),
        (standing, _) => standing,
    };
    let takers = watched.takers(objects);
    let values_of = |object: &FluxObject| {
        // One that is switched off and accepted so will not look whoever asks.
        let stays_off = object.suspended && moment.accepts(object);
        let taker = takers.iter().find(|taker| taker.object == object && !stays_off)?;
        let by = taker.of.iter().filter_map(|one| comes_by(one)).max();
        values_before(taker, moment).map(|standing| waits_by(standing, by))
    };
    let own_sources: BTreeSet<ObjectRef> =
        watched.git_repositories(objects).into_iter().map(FluxObject::object).collect();
    for source in watched.git_repositories(objects).into_iter().filter(used) {
        let standing = match (unsettled(source, moment), holds(source.artifact.as_deref())) {
            (Some(why), _) => Standing::Waiting(why),
            (None, Err(why)) => Standing::Unknown(why),
            (None, Ok(false)) => Standing::Waiting(not_this_commit(
                "fetched",
                &source.artifact.as_deref().into_iter().collect::<Vec<_>>(),
            )),
            (None, Ok(true)) => Standing::Done { affected: false },
        };
        standings.push((source.object().to_string(), standing));
    }
    standings.extend(own_artifacts.iter().map(|source| (source.object().to_string(), of_artifact(source))));
    let of_read = kustomizations.iter().copied().map(|one| {
        let applied = watched.arrives_with(one, objects, moment);
        // One that lacks the commit alone lacks what its artifact brings.
        let by = comes_by(one).filter(|_| unsettled(one, moment).is_none());
        (one, waits_by(kustomization(one, applied, &holds, moment), by))
    });
    let followed: Vec<(&FluxObject, Standing)> =
        of_read.chain(made_of_the_unread(objects, watched, arrived, moment)).collect();
    let mut seen: BTreeSet<ObjectRef> = followed.iter().map(|(one, _)| one.object()).collect();
    for (one, standing) in followed {
        let standing = match standing {
            Standing::Done { affected } => values_of(one).unwrap_or(Standing::Done { affected }),
            other => other,
        };
        standings.push((one.object().to_string(), standing));
        let mut makers = vec![one];
        while let Some(maker) = makers.pop() {
            for made in objects.iter().filter(|object| maker.inventory.contains(&object.object())) {
                if !seen.insert(made.object()) {
                    continue;
                }
                // One of another source makes more, which is as new as that source.
                if made.kind == FluxKind::Kustomization {
                    makers.push(made);
                }
                let behind = || behind_its_source(made, objects).filter(|_| !moment.accepts(made));
                let waits = unsettled(made, moment).or_else(behind).map(Standing::Waiting);
                let standing = waits
                    .or_else(|| chart_before(made, &own_sources, objects, &holds, moment))
                    .or_else(|| chart_of_the_unread(made, watched))
                    .or_else(|| values_of(made));
                standings.extend(standing.map(|standing| (made.object().to_string(), standing)));
            }
        }
    }
    // What somebody else makes may take its chart or its values from here. One that is switched off is theirs, and takes nothing.
    let others = watched.releases_of_others(objects);
    let theirs = takers.iter().map(|taker| taker.object).filter(|object| !object.suspended);
    for object in others.iter().copied().chain(theirs) {
        if !seen.insert(object.object()) {
            continue;
        }
        let standing = unsettled(object, moment).map(Standing::Waiting);
        let standing = standing
            .or_else(|| chart_before(object, &own_sources, objects, &holds, moment))
            .or_else(|| values_of(object))
            .unwrap_or(Standing::Done { affected: false });
        standings.push((object.object().to_string(), standing));
    }
    standings
}

/// An artifact of a registry that is of an older commit. Whoever makes it may take longer than Flux looks.
fn artifact_before(source: &FluxObject, moment: &Moment) -> Standing {
    let what = "its artifact is not made from this commit";
    let asking = moment.asking.as_ref();
    let asked = asking.and_then(|asking| asking.asked_for_commit.get(&source.object()));
    let (Some(asking), Some(asked)) = (asking, asked.filter(|asked| asked.at.is_none())) else {
        return Standing::Waiting(what.to_owned());
    };
    let (not_asked, why) = not_asked(asked.refused.as_ref(), asking, "ocirepositories");
    if let (Some(tried), Some(every)) = (asked.tried_at, source.interval) {
        // Flux spreads its looks by a part of their interval.
        let by = moment.by(tried, every + every / 10 + LOOK);
        if moment.now < by {
            let said = format!("{what}: {not_asked}; by itself it looks by {}{why}", told(by));
            return Standing::LooksBy(said, by);
        }
    }
    Standing::Waiting(format!("{what}: {not_asked}{why}"))
}

fn kustomization(
    object: &FluxObject,
    applied: Option<&str>,
    holds: &dyn Fn(Option<&str>) -> Result<bool, String>,
    moment: &Moment,
) -> Standing {
    if moment.accepts(object) && stands_still(object) {
        return Standing::Done { affected: false };
    }
    // One that has given up has a finding of its own, which tells whether it was there before: that alone undoes a change.
    if let Some(why) = unsettled(object, moment) {
        return Standing::Waiting(why);
    }
    match holds(applied) {
        Err(why) => Standing::Unknown(why),
        Ok(true) => Standing::Done { affected: false },
        Ok(false) => Standing::Waiting(not_this_commit("applied", &applied.into_iter().collect::<Vec<_>>())),
    }
}

/// The message of a condition that is True.
fn is_true(object: &FluxObject, kind: &str) -> Option<String> {
    let found = object.conditions.iter().find(|condition| condition.kind == kind)?;
    (found.status == ConditionStatus::True).then(|| found.message.clone())
}

/// Why an object does not say of its present spec that it is ready. What is accepted as it is need not.
fn unsettled(object: &FluxObject, moment: &Moment) -> Option<String> {
    if moment.accepts(object) {
        return None;
    }
    if object.suspended {
        return Some("it is suspended, so nothing is done".to_owned());
    }
    if object.only_an_address {
        return None;
    }
    let ready = object.conditions.iter().find(|condition| condition.kind == "Ready");
    // What fails from its first pass on is observed in none.
    let of_this_spec = object.ready_generation == Some(object.generation);
    if let Some(ready) = ready.filter(|ready| ready.status == ConditionStatus::False && of_this_spec) {
        return Some(ready.message.clone());
    }
    if object.observed_generation != object.generation {
        return Some("its change has not been looked at".to_owned());
    }
    if let Some(message) = is_true(object, "Stalled") {
        return Some(message);
    }
    match ready {
        // Flux tries again and again: what it says is worth more than that it goes on.
        Some(ready) if ready.status == ConditionStatus::False => return Some(ready.message.clone()),
        Some(_) => {}
        None => return Some("it does not say how it is".to_owned()),
    }
    if is_routine(object, moment) {
        return None;
    }
    if let Some(message) = is_true(object, "Reconciling") {
        return Some(message);
    }
    let is_ready = ready.is_some_and(|ready| ready.status == ConditionStatus::True);
    (!is_ready).then(|| "it does not say that it is ready".to_owned())
}

/// Whether it does the same as before again, as at each interval: of many there is always one. A release that runs something does more
/// than look.
fn is_routine(object: &FluxObject, moment: &Moment) -> bool {
    let runs = object.kind == FluxKind::HelmRelease
        && object.reconciling().is_some_and(|reconciling| reconciling.message.starts_with("Running '"));
    !runs && object.is_only_looked_at_again(moment.now, object.pass_lasts())
}

/// Whether what is tried on it is what it is told now. The end of something older is waited for, and what is tried then is another.
fn tries_what_it_is_told(object: &FluxObject, objects: &[FluxObject]) -> bool {
    let is_of_this_spec = object.ready_generation.is_none_or(|tried| tried == object.generation);
    let offered = |by: &ObjectRef| objects.iter().find(|one| one.object() == *by)?.artifact.as_ref();
    let is_tried =
        |by: &ObjectRef| offered(by).is_none_or(|artifact| object.attempted.as_ref() == Some(artifact));
    is_of_this_spec
        && match object.kind {
            FluxKind::Kustomization => object.sources.iter().all(is_tried),
            _ => behind_its_source(object, objects).is_none() && object.helm_chart.iter().all(is_tried),
        }
}

/// What moves while Flux rolls out. Its conditions change with each retry and are no progress; a pass that may take long, of what is
/// waited for, is progress for as long as Flux gives it, unless what is tried again has failed.
pub(super) fn note_progress(
    objects: &[FluxObject],
    watched: &Watched,
    awaited: &[&FluxObject],
    now: Timestamp,
    text: &mut String,
) {
    let kustomizations = watched.flux_makers(objects);
    let made = objects.iter().filter(|object| {
        let own = object.object();
        kustomizations.iter().any(|one| one.inventory.contains(&own))
    });
    let sources = watched.git_repositories(objects).into_iter().chain(watched.artifacts(objects));
    let others = watched.takers(objects).into_iter().map(|taker| taker.object);
    let others = others.chain(watched.releases_of_others(objects));
    let all: BTreeMap<ObjectRef, &FluxObject> = sources
        .chain(kustomizations.iter().copied())
        .chain(made)
        .chain(others)
        .map(|object| (object.object(), object))
        .collect();
    for object in all.into_values() {
        // Not that it has looked as it was asked to: who asks again and again would wait for ever.
        let FluxObject { observed_generation, artifact, attempted, applied, chart, .. } = object;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}:{observed_generation}:{artifact:?}:{attempted:?}:{applied:?}:{chart:?};",
            object.object()
        );
    }
    let tries_again = |one: &FluxObject| one.failed_before && tries_what_it_is_told(one, objects);
    let mut passes = awaited.iter().filter(|one| !tries_again(one)).filter_map(|one| one.in_a_pass_until());
    if passes.any(|until| now < until) {
        let _ = write!(text, "in a pass at {now}");
    }
}
