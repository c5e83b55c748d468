//! What takes values from beside it.
//!
//! Race decided here: what takes values tells of the look that it was asked for and of none that it begins by itself, so it is asked once
//! these are applied, and believed when it tells of that.

use super::super::asking::{LOOK, Moment, Question, not_asked, told};
use super::super::{Standing, Watched};
use super::{behind_its_source, commit, kustomization, unsettled};
use crate::cluster::{FluxKind, FluxObject, ObjectRef};
use jiff::Timestamp;

/// A `HelmRelease` that takes values from what comes from Git by a name that does not change with what it holds, or a Kustomization
/// that substitutes them: where that changes, nothing of it does, and when it looks by itself it tells nothing of it. So it is asked
/// to, once all of this is applied.
pub(super) struct Taker<'a> {
    pub(super) object: &'a FluxObject,
    /// The first of what it takes values from.
    values: &'a ObjectRef,
    /// The Kustomizations that apply what it takes, and itself.
    pub(super) of: Vec<&'a FluxObject>,
}

impl Watched {
    pub(super) fn takers<'a>(&self, objects: &'a [FluxObject]) -> Vec<Taker<'a>> {
        let kustomizations = self.flux_makers(objects);
        let applies = |one: &FluxObject, object: &ObjectRef| one.inventory.contains(object);
        let taker = |object: &'a FluxObject| {
            let own = object.object();
            let mut values = object.values_from.iter().filter(|from| !is_named_by_content(&from.name));
            let values = values.find(|from| kustomizations.iter().any(|one| applies(one, from)))?;
            let mut of = kustomizations.clone();
            of.retain(|one| applies(one, &own) || object.values_from.iter().any(|from| applies(one, from)));
            Some(Taker { object, values, of })
        };
        objects.iter().filter_map(taker).collect()
    }

    /// The revision by which a Kustomization has arrived: one that is accepted as it is need only have tried it.
    pub(super) fn arrives_with<'a>(
        &self,
        one: &'a FluxObject,
        objects: &'a [FluxObject],
        moment: &Moment,
    ) -> Option<&'a str> {
        if moment.accepts(one) { self.tried(one, objects) } else { self.applied(one, objects) }
    }

    /// The revision that a Kustomization has applied, as its source tells the repository's commits.
    pub(super) fn applied<'a>(&self, one: &'a FluxObject, objects: &[FluxObject]) -> Option<&'a str> {
        let mut artifacts = self.artifacts(objects).into_iter().map(FluxObject::object);
        let of_artifact = artifacts.any(|artifact| one.sources.contains(&artifact));
        if of_artifact || self.unread(one).is_some() {
            one.applied_origin.as_deref()
        } else {
            one.applied.as_deref()
        }
    }
}

/// Those that are to be asked now: what they take is of the commit, and nobody has asked them since; or what they are made from is
/// fetched, which nothing tells them where it changes none of their files.
pub(in crate::merge::rollout) fn to_ask(
    objects: &[FluxObject],
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    moment: &Moment,
) -> Vec<(ObjectRef, Question)> {
    let Some(asking) = &moment.asking else { return Vec::new() };
    let holds = |revision: Option<&str>| revision.and_then(commit).map_or(Ok(false), arrived);
    let followed = watched.followed(objects);
    let has_applied = |one: &FluxObject| {
        // One of another source tells no commit of this repository.
        if !followed.contains(&one) {
            let behind = || behind_its_source(one, objects).filter(|_| !moment.accepts(one));
            return unsettled(one, moment).or_else(behind).is_none();
        }
        let applied = watched.arrives_with(one, objects, moment);
        matches!(kustomization(one, applied, &holds, moment), Standing::Done { .. })
    };
    let takers = watched.takers(objects);
    // What applies the values may take some of its own: then it has to have applied them with these. Of two that take from each other
    // neither is first.
    let has_taken = |one: &FluxObject, taker: &Taker<'_>| {
        let own = takers.iter().find(|other| other.object == one && one != taker.object);
        own.filter(|own| !own.of.contains(&taker.object))
            .is_none_or(|own| values_before(own, moment).is_none())
    };
    let is_ready = |taker: &&Taker<'_>| {
        !taker.object.suspended && taker.of.iter().all(|one| has_applied(one) && has_taken(one, taker))
    };
    let is_long_ago = |at: Timestamp| at.saturating_add(LOOK).is_ok_and(|due| due <= moment.now);
    // Where somebody has written an older time over ours it will never tell that it has looked.
    let is_due = |taker: &&Taker<'_>| {
        asking.asked.get(&taker.object.object()).is_none_or(|asked| {
            asked.at.is_some_and(|at| {
                !taker.object.has_looked_since(at) && !taker.object.is_asked_since(at) && is_long_ago(at)
            })
        })
    };
    let ready = takers.iter().filter(is_ready).filter(is_due).map(|taker| taker.object.object());
    let mut to_ask: Vec<(ObjectRef, Question)> = ready.map(|one| (one, Question::Look)).collect();
    // Whatever makes the artifact may tell of the commit later than it was asked: then it is asked again.
    let is_due = |one: &&FluxObject| {
        asking.asked_for_commit.get(&one.object()).is_none_or(|asked| {
            asked
                .at
                .is_some_and(|at| (one.has_looked_since(at) || !one.is_asked_since(at)) && is_long_ago(at))
        })
    };
    // What a registry offers tells nobody that it is another.
    let is_older = |one: &&FluxObject| {
        let origin = one.origin.as_ref().map(|origin| origin.revision.as_str());
        let object = one.object();
        !one.suspended
            && holds(origin) == Ok(false)
            && followed.iter().any(|kustomization| kustomization.sources.contains(&object))
    };
    let artifacts = watched.artifacts(objects).into_iter().filter(is_older).filter(is_due);
    to_ask.extend(artifacts.map(|one| (one.object(), Question::Commit)));
    let sources = watched.git_repositories(objects);
    if sources.iter().any(|source| holds(source.artifact.as_deref()) == Ok(true)) {
        let is_behind = |one: &&FluxObject| {
            let origin = watched.arrives_with(one, objects, moment).and_then(commit);
            origin.is_some_and(|origin| moment.earlier.iter().any(|earlier| earlier.as_str() == origin))
                && unsettled(one, moment).is_none()
        };
        let composed = watched.composed(objects).into_iter().filter(is_behind).filter(is_due);
        to_ask.extend(composed.map(|one| (one.object(), Question::Commit)));
    }
    to_ask
}

/// How one stands towards the values that it takes from Git. Of a commit that is nobody's change to follow nobody asks.
pub(super) fn values_before(taker: &Taker<'_>, moment: &Moment) -> Option<Standing> {
    let asking = moment.asking.as_ref()?;
    let Taker { object, values, .. } = taker;
    let asked = asking.asked.get(&object.object());
    let asked_at = asked.and_then(|asked| asked.at);
    if asked_at.is_some_and(|at| object.has_looked_since(at)) {
        return None;
    }
    let waits = format!("it has not looked at the values from {values} since it was asked to");
    if asked_at.is_some() && !asking.over {
        return Some(Standing::Waiting(waits));
    }
    let refused = asked.and_then(|asked| asked.refused.as_ref());
    let (what, why) = not_asked(refused, asking, plural(object.kind));
    // Nobody asks again, where what was asked is lost: it looks by itself all the same.
    let (what, why) = match asked_at {
        Some(_) => (waits, String::new()),
        None => (format!("it takes values from {values}: {what}"), why),
    };
    let Some(tried) = asked_at.or_else(|| asked.and_then(|asked| asked.tried_at)) else {
        return Some(Standing::Waiting(format!("{what} since that is applied{why}")));
    };
    let Some(every) = object.interval else {
        let said = format!("{what}, and how often it does by itself it does not tell{why}");
        return Some(Standing::Unknown(if asking.over {
            format!("{}: {said}", super::super::asking::by_a_person(moment))
        } else {
            said
        }));
    };
    // Flux spreads its looks by a part of their interval.
    let by = moment.by(tried, every + every / 10 + LOOK);
    let said = || format!("{what}; by itself it does so by {}{why}", told(by));
    (moment.now < by).then(|| Standing::LooksBy(said(), by))
}

/// What its kind is called where rights are given.
fn plural(kind: FluxKind) -> &'static str {
    if kind == FluxKind::Kustomization { "kustomizations" } else { "helmreleases" }
}

/// Whether Kustomize has made a name of what is in it: ten letters of those that its hash is written in.
fn is_named_by_content(name: &str) -> bool {
    let hash = name.rsplit_once('-').map(|(_, hash)| hash);
    hash.is_some_and(|hash| {
        hash.len() == 10 && hash.bytes().all(|letter| b"bcdfghkmt2456789".contains(&letter))
    })
}
