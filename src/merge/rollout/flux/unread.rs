//! What is made from sources that caretaker does not read, such as an `ExternalArtifact`.
//!
//! Such a source may not have looked at a commit, and says nothing of it. What was applied of it may tell from which commit it was
//! made; where it does not, nobody knows.

use super::super::{Moment, Standing, Watched, not_this_commit};
use super::accepted::stands_still;
use super::{commit, unsettled};
use crate::cluster::{FluxKind, FluxObject, ObjectRef};
use crate::forge::CommitSha;
use std::collections::BTreeSet;

impl Watched {
    /// The source of an object that is of a kind which is not read, and may hold something of it for all that anybody has said.
    pub(super) fn unread<'a>(&self, object: &'a FluxObject) -> Option<&'a ObjectRef> {
        let is_other = |source: &ObjectRef| self.foreign.contains(&source.to_string());
        object.sources.iter().find(|source| is_unread(source) && !is_other(source))
    }

    /// The Kustomizations that may be made from it by way of a source which is not read: where anything fetches it, and unless what
    /// they applied says that it was made from another branch.
    pub(super) fn composed<'a>(&self, objects: &'a [FluxObject]) -> Vec<&'a FluxObject> {
        if self.git_repositories(objects).is_empty() && self.artifacts(objects).is_empty() {
            return Vec::new();
        }
        let may_be = |one: &&FluxObject| {
            let origin = one.applied_origin.as_deref();
            self.unread(one).is_some() && origin.is_none_or(|origin| self.is_of_the_default_branch(origin))
        };
        objects.iter().filter(|one| one.kind == FluxKind::Kustomization).filter(may_be).collect()
    }

    /// The commits that artifacts which are not read were made from, as far as the Kustomizations that applied or tried them tell.
    pub(crate) fn unread_revisions(&self, objects: &[FluxObject]) -> Vec<CommitSha> {
        let told =
            self.composed(objects).into_iter().flat_map(|one| [&one.applied_origin, &one.tried_origin]);
        let commits: BTreeSet<&str> = told.filter_map(|origin| commit(origin.as_deref()?)).collect();
        commits.into_iter().filter_map(|commit| commit.parse().ok()).collect()
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
pub(super) fn chart_of_the_unread(release: &FluxObject, watched: &Watched) -> Option<Standing> {
    let unread = watched.unread(release);
    unread.filter(|_| release.kind == FluxKind::HelmRelease).map(of_the_unread)
}

/// The Kustomizations that are made from what caretaker does not read, where anything fetches the repository that it may be made from.
/// What one of them applied may tell: the commit, or another branch.
pub(super) fn made_of_the_unread<'a>(
    objects: &'a [FluxObject],
    watched: &Watched,
    arrived: &dyn Fn(&str) -> Result<bool, String>,
    moment: &Moment,
) -> Vec<(&'a FluxObject, Standing)> {
    let standing = |one: &'a FluxObject| {
        let source = watched.unread(one)?;
        let origin = watched.arrives_with(one, objects, moment);
        let commit = origin.and_then(commit);
        let is_earlier = |commit: &str| moment.earlier.iter().any(|one| one.as_str() == commit);
        let standing = match (unsettled(one, moment), commit.map(arrived)) {
            _ if moment.accepts(one) && stands_still(one) => Standing::Done { affected: false },
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
