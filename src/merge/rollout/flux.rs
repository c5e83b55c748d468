//! How Flux' Kustomizations stand towards a commit.
//!
//! Races decided here: a Kustomization applies what its source has fetched, so the source comes first; what it is Ready with
//! is the revision that was applied last, not the one that is tried; before a spec is observed every condition is about
//! the one before; what a registry offers is of the commit that it says it was made from, and where that lags nothing has
//! arrived; and a `HelmRelease` may read Ready of the chart before the one that its source has just fetched, or of one that
//! nobody has made anew of a commit yet. A suspended object keeps the Ready of the past and never arrives. What is made from
//! something that caretaker does not read may not have looked, and says nothing of it. What takes values from beside it tells of the
//! look that it was asked for, so it is asked once these are applied.

use super::address::Address;
use super::asking::{AskedOf, LOOK, Moment, not_asked, told};
use super::{Standing, Watched, not_this_commit, within};
use crate::cluster::{ConditionStatus, FluxKind, FluxObject, ObjectRef};
use crate::forge::CommitSha;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

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

    /// The source of an object that is of a kind which is not read, and may hold something of it for all that anybody has said.
    fn unread<'a>(&self, object: &'a FluxObject) -> Option<&'a ObjectRef> {
        let is_other = |source: &ObjectRef| self.foreign.contains(&source.to_string());
        object.sources.iter().find(|source| is_unread(source) && !is_other(source))
    }

    /// The Kustomizations that may be made from it by way of a source which is not read: where anything fetches it, and unless what
    /// they applied says that it was made from another branch.
    fn composed<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        if self.git_repositories(objects).is_empty() && self.artifacts(objects).is_empty() {
            return Vec::new();
        }
        let may_be = |one: &&FluxObject| {
            let origin = one.applied_origin.as_deref();
            self.unread(one).is_some() && origin.is_none_or(|origin| self.is_of_the_default_branch(origin))
        };
        objects.iter().filter(|one| one.kind == FluxKind::Kustomization).filter(may_be).collect()
    }

    /// All that may be made from it.
    fn followed<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        let mut followed = self.kustomizations(objects);
        followed.extend(self.composed(objects));
        followed
    }

    /// The commits that artifacts which are not read were made from, as far as the Kustomizations that applied them tell.
    pub(crate) fn unread_revisions(&self, objects: &[FluxObject]) -> Vec<CommitSha> {
        let origins = self.composed(objects).into_iter().filter_map(|one| one.applied_origin.as_deref());
        origins.filter_map(|origin| commit(origin)?.parse().ok()).collect()
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

    /// The commits that its sources and Kustomizations speak of.
    pub(super) fn flux_revisions<'a>(&self, objects: &'a [FluxObject]) -> impl Iterator<Item = &'a str> {
        let fetched = self.git_repositories(objects).into_iter().filter_map(|one| one.artifact.as_deref());
        let made = self
            .artifacts(objects)
            .into_iter()
            .filter_map(|one| Some(one.origin.as_ref()?.revision.as_str()));
        let applied = self
            .kustomizations(objects)
            .into_iter()
            .flat_map(|one| [&one.applied, &one.attempted, &one.applied_origin]);
        fetched.chain(made).chain(applied.filter_map(|revision| revision.as_deref())).filter_map(commit)
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
    let takers = watched.takers(objects);
    let values_of = |release: &FluxObject| {
        takers.iter().find(|taker| taker.release == release).and_then(|taker| values_before(taker, moment))
    };
    let own_sources: BTreeSet<ObjectRef> =
        watched.git_repositories(objects).into_iter().map(FluxObject::object).collect();
    for source in watched.git_repositories(objects).into_iter().filter(used) {
        let standing = match (unsettled(source), holds(source.artifact.as_deref())) {
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
    let artifacts: BTreeSet<ObjectRef> =
        watched.artifacts(objects).into_iter().filter(used).map(FluxObject::object).collect();
    for source in objects.iter().filter(|object| artifacts.contains(&object.object())) {
        let made_from = source.origin.as_ref().map(|origin| origin.revision.as_str());
        let standing = match (unsettled(source), holds(made_from)) {
            (Some(why), _) => Standing::Waiting(why),
            (None, Err(why)) => Standing::Unknown(why),
            (None, Ok(false)) => Standing::Waiting("its artifact is not made from this commit".to_owned()),
            (None, Ok(true)) => Standing::Done { affected: false },
        };
        standings.push((source.object().to_string(), standing));
    }
    let of_read = kustomizations.into_iter().map(|one| {
        let applied = watched.applied(one, objects);
        (one, kustomization(one, applied, &holds))
    });
    let followed: Vec<(&FluxObject, Standing)> =
        of_read.chain(made_of_the_unread(objects, watched, arrived, moment)).collect();
    let mut seen: BTreeSet<ObjectRef> = followed.iter().map(|(one, _)| one.object()).collect();
    for (one, standing) in followed {
        standings.push((one.object().to_string(), standing));
        for made in objects.iter().filter(|object| one.inventory.contains(&object.object())) {
            if !seen.insert(made.object()) {
                continue;
            }
            let waits = unsettled(made).or_else(|| older_chart(made, objects)).map(Standing::Waiting);
            let standing = waits
                .or_else(|| chart_before(made, &own_sources, objects, &holds))
                .or_else(|| chart_of_the_unread(made, watched))
                .or_else(|| values_of(made));
            standings.extend(standing.map(|standing| (made.object().to_string(), standing)));
        }
    }
    // What somebody else makes may take its values from here.
    for Taker { release, .. } in takers.iter().filter(|taker| !seen.contains(&taker.release.object())) {
        // One that is switched off is theirs, and takes nothing from here.
        let standing = (!release.suspended)
            .then(|| unsettled(release).map(Standing::Waiting).or_else(|| values_of(release)))
            .flatten();
        standings.extend(standing.map(|standing| (release.object().to_string(), standing)));
    }
    standings
}

fn kustomization(
    object: &FluxObject,
    applied: Option<&str>,
    holds: &dyn Fn(Option<&str>) -> Result<bool, String>,
) -> Standing {
    // One that has given up has a finding of its own, which tells whether it was there before: that alone undoes a change.
    if let Some(why) = unsettled(object) {
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

/// Why an object does not say of its present spec that it is ready.
fn unsettled(object: &FluxObject) -> Option<String> {
    if object.suspended {
        return Some("it is suspended, so nothing is done".to_owned());
    }
    if object.only_an_address {
        return None;
    }
    if object.observed_generation != object.generation {
        return Some("its change has not been looked at".to_owned());
    }
    if let Some(message) = is_true(object, "Stalled") {
        return Some(message);
    }
    let ready = object.conditions.iter().find(|condition| condition.kind == "Ready");
    match ready {
        // Flux tries again and again: what it says is worth more than that it goes on.
        Some(ready) if ready.status == ConditionStatus::False => return Some(ready.message.clone()),
        Some(_) => {}
        None => return Some("it does not say how it is".to_owned()),
    }
    if let Some(message) = is_true(object, "Reconciling") {
        return Some(message);
    }
    let is_ready = ready.is_some_and(|ready| ready.status == ConditionStatus::True);
    (!is_ready).then(|| "it does not say that it is ready".to_owned())
}

/// Whether a `HelmRelease` still speaks of another chart than its source has fetched: a source that fetches a new one does not
/// change the release, which is looked at some moments later.
fn older_chart(release: &FluxObject, objects: &[FluxObject]) -> Option<String> {
    if release.kind != FluxKind::HelmRelease {
        return None;
    }
    let version = |revision: &str| revision.split(['@', '+', '_']).next().unwrap_or_default().to_owned();
    let attempted = release.attempted.as_deref().map(version);
    let mut sources = objects.iter().filter(|object| release.sources.contains(&object.object()));
    let fetched = sources.find(|source| source.kind == FluxKind::OciRepository)?.artifact.as_deref()?;
    (attempted != Some(version(fetched))).then(|| format!("it has not taken the chart {fetched}"))
}

/// How a `HelmRelease` stands whose chart is made from the repository itself. Its chart tells which commit it has looked at, also
/// where that made no new chart of it (`reconcileStrategy: ChartVersion`); then the release has to have taken what it made.
fn chart_before(
    release: &FluxObject,
    own_sources: &BTreeSet<ObjectRef>,
    objects: &[FluxObject],
    holds: &dyn Fn(Option<&str>) -> Result<bool, String>,
) -> Option<Standing> {
    if release.kind != FluxKind::HelmRelease {
        return None;
    }
    let chart = objects.iter().find(|object| {
        object.kind == FluxKind::HelmChart && release.helm_chart.as_ref() == Some(&object.object())
    });
    let mut sources = release.sources.iter().chain(chart.iter().flat_map(|chart| &chart.sources));
    if !sources.any(|source| own_sources.contains(source)) {
        return None;
    }
    let waits = |why: &str| Some(Standing::Waiting(why.to_owned()));
    let Some(chart) = chart else { return waits("no chart has been made for it") };
    if let Some(why) = unsettled(chart) {
        return Some(Standing::Waiting(format!("its chart: {why}")));
    }
    match holds(chart.observed_source.as_deref()) {
        Err(why) => Some(Standing::Unknown(why)),
        Ok(false) => waits("its chart has not been looked at since this commit"),
        Ok(true) if chart.artifact.is_none() || chart.artifact != release.attempted => {
            waits("it has not taken the chart that was made of this commit")
        }
        Ok(true) => None,
    }
}

/// The kinds of sources whose origin is read.
const READ: [FluxKind; 5] = [
    FluxKind::GitRepository,
    FluxKind::OciRepository,
    FluxKind::HelmRepository,
    FluxKind::HelmChart,
    FluxKind::Bucket,
];

/// Whether a source is of a kind that caretaker does not read, such as an `ExternalArtifact`.
fn is_unread(source: &ObjectRef) -> bool {
    !READ.iter().any(|kind| kind.word() == source.kind)
}

/// What a person can say comes first: the rest may be cut off.
fn of_the_unread(source: &ObjectRef) -> Standing {
    Standing::Unknown(format!(
        "other_urls must name \"{source}\" where that holds nothing of this repository: it is made from it, and which commit that was made from is not told"
    ))
}

/// The same of a `HelmRelease`, which tells nothing but its chart's version.
fn chart_of_the_unread(release: &FluxObject, watched: &Watched) -> Option<Standing> {
    let unread = watched.unread(release);
    unread.filter(|_| release.kind == FluxKind::HelmRelease).map(of_the_unread)
}

/// The Kustomizations that are made from what caretaker does not read, where anything fetches the repository that it may be made from.
/// What one of them applied may tell: the commit, or another branch.
fn made_of_the_unread<'a>(
    objects: &'a [FluxObject],
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    moment: &Moment,
) -> Vec<(&'a FluxObject, Standing)> {
    let standing = |one: &'a FluxObject| {
        let source = watched.unread(one)?;
        let origin = one.applied_origin.as_deref();
        let commit = origin.and_then(commit);
        let is_earlier = |commit: &str| moment.earlier.iter().any(|one| one.as_str() == commit);
        let standing = match (unsettled(one), commit.map(arrived)) {
            (Some(why), _) => Standing::Waiting(why),
            (None, Some(Ok(true))) => Standing::Done { affected: false },
            (None, _) if commit.is_some_and(is_earlier) => {
                Standing::Waiting(not_this_commit("applied", &origin.into_iter().collect::<Vec<_>>()))
            }
            (None, _) => of_the_unread(source),
        };
        Some((one, standing))
    };
    watched.composed(objects).into_iter().filter_map(standing).collect()
}

/// A `HelmRelease` that takes values from what comes from Git by a name that does not change with what it holds: where that changes,
/// nothing of the release does, and when it looks by itself it tells nothing of it. So it is asked to, once all of this is applied.
struct Taker<'a> {
    release: &'a FluxObject,
    /// The first of what it takes values from.
    values: &'a ObjectRef,
    /// The Kustomizations that apply what it takes, and the release itself.
    of: Vec<&'a FluxObject>,
}

impl Watched {
    fn takers<'a>(&self, objects: &'a [FluxObject]) -> Vec<Taker<'a>> {
        let kustomizations = self.followed(objects);
        let applies = |one: &FluxObject, object: &ObjectRef| one.inventory.contains(object);
        let taker = |release: &'a FluxObject| {
            let own = release.object();
            let mut values = release.values_from.iter().filter(|from| !is_named_by_content(&from.name));
            let values = values.find(|from| kustomizations.iter().any(|one| applies(one, from)))?;
            let mut of = kustomizations.clone();
            of.retain(|one| applies(one, &own) || release.values_from.iter().any(|from| applies(one, from)));
            Some(Taker { release, values, of })
        };
        objects.iter().filter(|one| one.kind == FluxKind::HelmRelease).filter_map(taker).collect()
    }

    /// The revision that a Kustomization has applied, as its source tells the repository's commits.
    fn applied<'a>(&self, one: &'a FluxObject, objects: &[FluxObject]) -> Option<&'a str> {
        let mut artifacts = self.artifacts(objects).into_iter().map(FluxObject::object);
        let of_artifact = artifacts.any(|artifact| one.sources.contains(&artifact));
        if of_artifact || self.unread(one).is_some() { one.applied_origin.as_deref() } else { one.applied.as_deref() }
    }
}

/// The releases that are to be asked now: what they take is of the commit, and nobody has asked them since.
pub(super) fn releases_to_ask(
    objects: &[FluxObject],
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    asked: &BTreeMap<ObjectRef, AskedOf>,
) -> Vec<ObjectRef> {
    let holds = |revision: Option<&str>| revision.and_then(commit).map_or(Ok(false), arrived);
    let has_applied = |one: &&FluxObject| {
        let standing = kustomization(one, watched.applied(one, objects), &holds);
        matches!(standing, Standing::Done { .. })
    };
    let mut takers = watched.takers(objects);
    takers.retain(|taker| !taker.release.suspended && taker.of.iter().all(has_applied));
    takers.into_iter().map(|taker| taker.release.object()).filter(|one| !asked.contains_key(one)).collect()
}

/// How a release stands towards the values that it takes from Git. Of a commit that is nobody's change to follow nobody asks.
fn values_before(taker: &Taker<'_>, moment: &Moment) -> Option<Standing> {
    let asking = moment.asking.as_ref()?;
    let Taker { release, values, .. } = taker;
    let asked = asking.asked.get(&release.object());
    if let Some(at) = asked.and_then(|asked| asked.at) {
        let waits = format!("it has not looked at the values from {values} since it was asked to");
        return (!release.has_looked_since(at)).then_some(Standing::Waiting(waits));
    }
    let refused = asked.and_then(|asked| asked.refused.as_ref());
    let (what, why) = not_asked(refused, asking, "helmreleases");
    let what = format!("it takes values from {values}: {what}");
    let Some(tried) = asked.and_then(|asked| asked.tried_at) else {
        return Some(Standing::Waiting(format!("{what} since that is applied{why}")));
    };
    let Some(every) = release.interval else {
        return Some(Standing::Unknown(format!(
            "{what}, and how often it does by itself it does not tell{why}"
        )));
    };
    // Flux spreads its looks by a part of their interval.
    let by = tried.saturating_add(every + every / 10 + LOOK).unwrap_or(Timestamp::MAX);
    let said = || format!("{what}; by itself it does so by {}{why}", told(by));
    (moment.now < by).then(|| Standing::Waiting(said()))
}

/// Whether Kustomize has made a name of what is in it: ten letters of those that its hash is written in.
fn is_named_by_content(name: &str) -> bool {
    let hash = name.rsplit_once('-').map(|(_, hash)| hash);
    hash.is_some_and(|hash| {
        hash.len() == 10 && hash.bytes().all(|letter| b"bcdfghkmt2456789".contains(&letter))
    })
}

/// What moves while Flux rolls out. Its conditions change with each retry and are no progress.
pub(super) fn note_progress(objects: &[FluxObject], watched: &Watched, text: &mut String) {
    let kustomizations = watched.followed(objects);
    let made = objects.iter().filter(|object| {
        let own = object.object();
        kustomizations.iter().any(|one| one.inventory.contains(&own))
    });
    for object in
        watched.git_repositories(objects).into_iter().chain(kustomizations.iter().copied()).chain(made)
    {
        let FluxObject { observed_generation, artifact, attempted, applied, chart, handled, .. } = object;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}:{observed_generation}:{artifact:?}:{attempted:?}:{applied:?}:{chart:?}:{handled:?};",
            object.object()
        );
    }
}
