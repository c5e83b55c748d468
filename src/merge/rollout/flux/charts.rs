//! Whether what is made has taken what its source offers.
//!
//! Races decided here: a source that fetches something new changes nothing of what is made from it, which looks some moments later and
//! reads Ready of what was before meanwhile; and a chart that nobody has made anew of a commit yet is Ready as well.

use super::super::{Moment, Standing, Watched};
use super::accepted::failing;
use super::unsettled;
use crate::cluster::{FluxKind, FluxObject, ObjectRef};
use std::collections::BTreeSet;

/// The chart that stands between a release and its source, with the source.
struct Made<'a> {
    /// None where nobody has made it yet, or it may not be read.
    chart: Option<&'a FluxObject>,
    /// None where it is not read.
    source: Option<&'a FluxObject>,
    /// Whether the source is the repository itself.
    is_own: bool,
}

/// Why an object says nothing yet of what its source offers.
pub(super) fn behind_its_source(object: &FluxObject, objects: &[FluxObject]) -> Option<String> {
    let offered = |wanted: Option<FluxKind>| {
        let mut sources = objects.iter().filter(|one| object.sources.contains(&one.object()));
        sources.find(|one| wanted.is_none_or(|kind| one.kind == kind))?.artifact.as_deref()
    };
    match object.kind {
        FluxKind::Kustomization => {
            let artifact = offered(None)?;
            (object.applied.as_deref() != Some(artifact)).then(|| format!("it has not applied {artifact}"))
        }
        FluxKind::HelmRelease => {
            let artifact = offered(Some(FluxKind::OciRepository))?;
            (!has_taken(object, artifact)).then(|| format!("it has not taken the chart {artifact}"))
        }
        FluxKind::GitRepository
        | FluxKind::OciRepository
        | FluxKind::HelmRepository
        | FluxKind::HelmChart
        | FluxKind::Bucket => None,
    }
}

/// Whether a release has tried what a registry offers: `<tag>@<digest>`, or the digest alone where that is what is asked for. Flux
/// writes the first twelve letters of the digest behind the chart's version, and the whole beside it.
fn has_taken(release: &FluxObject, artifact: &str) -> bool {
    let (tag, digest) = match artifact.split_once('@') {
        Some((tag, digest)) => (Some(tag), Some(digest)),
        None if artifact.contains(':') => (None, Some(artifact)),
        None => (Some(artifact), None),
    };
    if let (Some(digest), Some(tried)) = (digest, &release.attempted_digest) {
        return digest == tried;
    }
    let Some(attempted) = release.attempted.as_deref() else { return false };
    // A plus is no letter of a tag.
    let version = |text: &str| text.replace('_', "+");
    let (bare, build) = attempted.split_once('+').unwrap_or((attempted, ""));
    let is_digest = build.len() == 12 && build.bytes().all(|letter| letter.is_ascii_hexdigit());
    match digest.and_then(|digest| Some(digest.split_once(':')?.1)) {
        Some(digest) if is_digest => {
            digest.starts_with(build) && tag.is_none_or(|tag| version(tag).split('+').next() == Some(bare))
        }
        _ => tag.is_some_and(|tag| version(tag) == attempted || version(tag) == bare),
    }
}

/// What a release is made of, where a chart stands between it and a source. Of a repository of charts that is of interest once it is
/// there: until then the release says that it is not ready.
fn made_for<'a>(
    release: &FluxObject,
    own_sources: &BTreeSet<ObjectRef>,
    objects: &'a [FluxObject],
) -> Option<Made<'a>> {
    if release.kind != FluxKind::HelmRelease {
        return None;
    }
    let of = |object: &FluxObject| release.helm_chart.as_ref() == Some(&object.object());
    let chart = objects.iter().find(|object| object.kind == FluxKind::HelmChart && of(object));
    let sources = || release.sources.iter().chain(chart.iter().flat_map(|chart| &chart.sources));
    let is_own = sources().any(|source| own_sources.contains(source));
    let of_files = |source: &ObjectRef| {
        [FluxKind::GitRepository, FluxKind::Bucket].iter().any(|kind| kind.word() == source.kind)
    };
    let named = release.sources.iter().any(|source| source.kind == FluxKind::HelmChart.word());
    if chart.is_none() && !named && !sources().any(of_files) {
        return None;
    }
    let fetches = |object: &&FluxObject| {
        object.kind != FluxKind::HelmChart && sources().any(|source| *source == object.object())
    };
    Some(Made { chart, source: objects.iter().find(fetches), is_own })
}

/// Whether the chart of a release is made of the repository itself.
pub(super) fn is_of_the_repository(
    release: &FluxObject,
    own_sources: &BTreeSet<ObjectRef>,
    objects: &[FluxObject],
) -> bool {
    made_for(release, own_sources, objects).is_some_and(|made| made.is_own)
}

/// How a `HelmRelease` stands towards the chart that is made for it. The chart tells which revision of its source it has looked at, also
/// where that made no new chart of it (`reconcileStrategy: ChartVersion`); then the release has to have taken what it made. That an index
/// of charts cannot be fetched just now, of which nothing new is wanted, is no matter of the release.
pub(super) fn chart_before(
    release: &FluxObject,
    own_sources: &BTreeSet<ObjectRef>,
    objects: &[FluxObject],
    holds: &dyn Fn(Option<&str>) -> Result<bool, String>,
    moment: &Moment,
) -> Option<Standing> {
    let Made { chart, source, is_own } = made_for(release, own_sources, objects)?;
    let waits = |why: &str| Some(Standing::Waiting(why.to_owned()));
    // One that is accepted as it is need not take what it is offered, as long as that is the same.
    let accepted = moment.accepts(release);
    let Some(chart) = chart else {
        return if accepted { None } else { waits("no chart has been made for it") };
    };
    if accepted && (chart.suspended || failing(chart).is_some()) {
        return None;
    }
    let of_index = source.is_some_and(|source| source.kind == FluxKind::HelmRepository);
    // Of an index it matters whether a new version was looked for, and not whether it can be fetched again.
    let is_unseen = chart.observed_generation != chart.generation;
    if let Some(why) = unsettled(chart, moment).filter(|_| !of_index || is_unseen) {
        return Some(Standing::Waiting(format!("its chart: {why}")));
    }
    if is_own {
        match holds(chart.observed_source.as_deref()) {
            Err(why) => return Some(Standing::Unknown(why)),
            Ok(false) => return waits("its chart has not been looked at since this commit"),
            Ok(true) => {}
        }
    } else if let Some(offered) = source.and_then(|source| source.artifact.as_ref())
        && chart.observed_source.as_ref() != Some(offered)
    {
        return waits("its chart has not looked at what its source offers");
    }
    if !accepted && (chart.artifact.is_none() || chart.artifact != release.attempted) {
        return waits("it has not taken the chart that was made for it");
    }
    None
}

impl Watched {
    /// The releases whose chart is made of the repository itself and that nothing of it applies: somebody else made them.
    pub(in crate::merge::rollout) fn releases_of_others<'a>(
        &self,
        objects: &'a [FluxObject],
    ) -> Vec<&'a FluxObject> {
        let own_sources: BTreeSet<ObjectRef> =
            self.git_repositories(objects).into_iter().map(FluxObject::object).collect();
        let makers = self.flux_makers(objects);
        let is_made_here =
            |release: &FluxObject| makers.iter().any(|one| one.inventory.contains(&release.object()));
        let mut releases: Vec<&FluxObject> = objects.iter().collect();
        releases.retain(|release| {
            is_of_the_repository(release, &own_sources, objects)
                && !release.suspended
                && !is_made_here(release)
        });
        releases
    }
}
