//! What somebody is changing: a fold over passes.
//!
//! A workload of which another template is rolled out, or of which more or fewer pods are wanted, does not serve whole for a
//! while, and nor does what stands before it; an Application is out of sync for a moment after each commit. All of that comes
//! and goes as it must. A readiness that fails now and then looks the same at any one moment, and is told apart by what did
//! not change: the spec, or the revisions, are those of before, and so are the pods. Pods that an autoscaler, a descheduler or a
//! person replaces one by one come up as those of a rollout do.
//!
//! Decided here: what is seen for the first time may have been changed just before; where a node is worked on or lost, pods
//! move, and nobody changes anything about their workloads.

use super::{Probe, Recon};
use crate::cluster::{Application, ObjectRef, Workload};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// How far the clock of whoever tells when a pod was made may be from ours.
const CLOCKS: Duration = Duration::from_secs(30);

/// What comes so soon after a change comes of it.
const AFTERWARDS: Duration = Duration::from_mins(1);

/// What an object that is not well is made of, in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Which.
    object: ObjectRef,
    /// Another one where it was changed.
    mark: u64,
    /// Whether a change of it has not arrived everywhere.
    moving: bool,
    /// When a pod of it was last put in another's place.
    replaced: Option<Timestamp>,
}

impl Made {
    /// A workload, by the version of its spec and its pods.
    pub(super) fn workload(workload: &Workload, replaced: Option<Timestamp>) -> Self {
        let Workload { generation, observed_generation, desired, replicas, updated, .. } = workload;
        Self {
            object: workload.object.clone(),
            mark: generation.unsigned_abs(),
            // Fewer than are wanted are being made.
            moving: observed_generation < generation
                || updated < desired
                || replicas != updated
                || replicas < desired,
            replaced,
        }
    }

    /// An Application, by what it is made from.
    pub(super) fn application(application: &Application) -> Self {
        let mut hasher = DefaultHasher::new();
        application.revisions.hash(&mut hasher);
        format!("{:?}", application.sources).hash(&mut hasher);
        Self { object: application.object(), mark: hasher.finish(), moving: false, replaced: None }
    }

    #[cfg(test)]
    pub(super) fn for_test(object: ObjectRef, mark: u64, moving: bool) -> Self {
        Self { object, mark, moving, replaced: None }
    }

    #[cfg(test)]
    pub(super) fn replaced_at(self, at: Timestamp) -> Self {
        Self { replaced: Some(at), ..self }
    }
}

/// What was changed lately. Lives in the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Moves {
    known: BTreeMap<ObjectRef, Known>,
    /// Until when pods move for the sake of nodes.
    nodes: Option<Timestamp>,
    /// When was looked last.
    last: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    /// None of what tells by a rule alone that it is worked on.
    mark: Option<u64>,
    /// Until when what comes is explained.
    until: Timestamp,
    seen: Timestamp,
}

impl Moves {
    /// Takes in a pass. What was not seen for so long is seen for the first time.
    pub(super) fn observe(&mut self, recon: &Recon, window: Duration) {
        let now = recon.began_at;
        let afterwards = now + AFTERWARDS;
        let last = self.last.replace(now);
        for made in &recon.made_of {
            // A pod that is younger than the look before; one that was there and is not ready again is none.
            let replaced = made.replaced.zip(last).is_some_and(|(at, last)| at + CLOCKS >= last);
            let moving = made.moving || replaced;
            let known = self.known.get(&made.object).filter(|known| known.mark.is_some());
            let until = match known {
                Some(known) if known.mark == Some(made.mark) && !moving => known.until,
                None if !moving => now,
                Some(_) | None => afterwards,
            };
            let known = Known { mark: Some(made.mark), until, seen: now };
            self.known.insert(made.object.clone(), known);
        }
        let in_work = recon.findings().filter(|finding| {
            match finding.id.rule.as_str() {
                "in-work" | "rolling-out" | "not-observed" | "paused" => true,
                // What is rolled out with pauses goes from one to the other. What is accepted so is no such pause.
                "suspended" => finding.id.probe == Probe::ArgoCd && !finding.acknowledged,
                _ => false,
            }
        });
        for finding in in_work {
            let none = Known { mark: None, until: afterwards, seen: now };
            let known = self.known.entry(finding.id.object.clone()).or_insert(none);
            (known.until, known.seen) = (afterwards, now);
        }
        if recon.blocking().any(|finding| finding.id.probe == Probe::Nodes) {
            self.nodes = Some(afterwards);
        }
        // A clock that was put back: nothing is known.
        self.known.retain(|_, known| {
            Duration::try_from(now.duration_since(known.seen)).is_ok_and(|unseen| unseen <= window)
        });
    }

    /// Whether something that came just now comes of a change of one of these.
    pub(super) fn explain<'a>(
        &self,
        mut objects: impl Iterator<Item = &'a ObjectRef>,
        now: Timestamp,
    ) -> bool {
        self.nodes.is_some_and(|until| until >= now)
            || objects.any(|object| self.known.get(object).is_some_and(|known| known.until >= now))
    }
}
