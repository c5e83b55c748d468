//! What a person accepts as it is.
//!
//! Race decided here: that an object may stay as it is holds only for what it was told then. One whose spec, or whose chart, is another
//! since is what a change brought, and has to become well by it.

use super::super::{Moment, Watched};
use crate::cluster::{ConditionStatus, FluxKind, FluxObject, ObjectRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An object of Flux that a person accepts as it is, in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AcceptedFlux {
    /// Which.
    pub(crate) object: ObjectRef,
    /// The version of its spec.
    pub(crate) generation: i64,
    /// The chart that is there for it, or the artifact that another repository offers it.
    #[serde(default)]
    pub(crate) offered: Option<String>,
}

impl Watched {
    /// How these stand that a person accepts as they are.
    pub(crate) fn accepted(
        &self,
        objects: &[FluxObject],
        is_accepted: &dyn Fn(&ObjectRef) -> bool,
    ) -> Vec<AcceptedFlux> {
        let accepted = objects.iter().filter(|one| is_accepted(&one.object()));
        accepted.map(|one| self.stands(one, objects)).collect()
    }

    /// Those of them that are told the same still.
    pub(crate) fn still_accepted(
        &self,
        accepted: &[AcceptedFlux],
        objects: &[FluxObject],
    ) -> BTreeSet<ObjectRef> {
        let find = |known: &AcceptedFlux| objects.iter().find(|one| one.object() == known.object);
        let is_the_same =
            |known: &&AcceptedFlux| find(known).is_some_and(|one| self.stands(one, objects) == **known);
        accepted.iter().filter(is_the_same).map(|known| known.object.clone()).collect()
    }

    fn stands(&self, object: &FluxObject, objects: &[FluxObject]) -> AcceptedFlux {
        let offered = match object.kind {
            FluxKind::HelmRelease => {
                let is_its_chart = |one: &&FluxObject| {
                    object.helm_chart.as_ref() == Some(&one.object())
                        || one.kind == FluxKind::OciRepository && object.sources.contains(&one.object())
                };
                objects.iter().find(is_its_chart)
            }
            FluxKind::Kustomization => {
                // What is made of this repository is told the commit anew by each, and has to take it.
                let mut own = self.git_repositories(objects);
                own.extend(self.artifacts(objects));
                let is_its_source =
                    |one: &&FluxObject| object.sources.contains(&one.object()) && !own.contains(one);
                objects.iter().find(is_its_source)
            }
            _ => None,
        };
        let offered = offered.and_then(|one| one.artifact.clone());
        AcceptedFlux { object: object.object(), generation: object.generation, offered }
    }

    /// The revision that a Kustomization has tried, as its source tells the repository's commits: of a pass that has not failed yet
    /// once all of it is applied.
    pub(super) fn tried<'a>(&self, one: &'a FluxObject, objects: &'a [FluxObject]) -> Option<&'a str> {
        let artifacts = self.artifacts(objects);
        let artifact = artifacts.into_iter().find(|artifact| one.sources.contains(&artifact.object()));
        let of_history = || one.tried_origin.as_deref().or(one.applied_origin.as_deref());
        match artifact {
            None if self.unread(one).is_some() => of_history(),
            _ if one.is_applying() && !one.failed_before => self.applied(one, objects),
            Some(artifact) if artifact.artifact == one.attempted => {
                artifact.origin.as_ref().map(|origin| origin.revision.as_str())
            }
            Some(_) => of_history(),
            None => one.attempted.as_deref(),
        }
    }
}

impl Moment {
    /// Whether it may stay as it is.
    pub(super) fn accepts(&self, object: &FluxObject) -> bool {
        !self.accepted.is_empty() && self.accepted.contains(&object.object())
    }
}

/// Whether nothing is tried on it.
pub(super) fn stands_still(object: &FluxObject) -> bool {
    object.suspended || failing(object).is_some_and(|reason| reason == "DependencyNotReady")
}

/// Why it is not ready, in one word.
pub(super) fn failing(object: &FluxObject) -> Option<&str> {
    let ready = object.conditions.iter().find(|condition| condition.kind == "Ready")?;
    (ready.status == ConditionStatus::False).then_some(ready.reason.as_str())
}
