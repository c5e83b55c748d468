//! Do the versions run that a change promised?
//!
//! Races decided here: before its rollout is over what runs says little, so that only images and charts of those whom the change
//! touches are compared, which tells early; definitions, and what others run, are looked at afterwards.

use super::look::Look;
use crate::cluster::{ObjectRef, Owner, Workload};
use crate::forge::renovate::{Update, UpdateKind};
use crate::merge::Hold;
use crate::merge::versions::{Mismatch, held_back, left_behind, mismatches, outdated};
use crate::run::event::MergePlan;
use crate::run::worker::chain;
use crate::wording;
use std::collections::{BTreeMap, BTreeSet};

/// What runs that was not promised, in words.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Of those whom the change touches.
    pub(super) mismatches: Vec<String>,
    /// Of others, for whom it may not have been meant.
    pub(super) left_behind: Vec<String>,
}

impl Look<'_> {
    /// Compares what a change's table says with what runs.
    pub(super) async fn versions(
        &mut self,
        plan: &MergePlan,
        rolled_out: bool,
        affected: &[Owner],
        workloads: &[Workload],
    ) -> Versions {
        let promised = promised(&plan.versions, &plan.replaced);
        let mut different = mismatches(&promised, affected);
        let mut behind = Vec::new();
        if rolled_out {
            let before = |object: &ObjectRef| plan.baseline.held_back(object);
            different.extend(held_back(&promised, affected, workloads, &before));
        }
        if rolled_out && !plan.replaced.is_empty() {
            let mut others = self.watched().owners(self.gitops);
            others.retain(|other| affected.iter().all(|one| one.object != other.object));
            name_images(&mut others, workloads);
            behind = left_behind(&promised, affected, &others);
            self.outdated(&promised, affected).await;
            different.extend(self.memory.outdated.iter().cloned());
        } else {
            self.memory.outdated.clear();
        }
        let lines = |found: &[Mismatch]| found.iter().map(mismatch_line).collect();
        Versions { mismatches: lines(&different), left_behind: lines(&behind) }
    }

    /// Reads which definitions a change should have brought and did not. They are many and large: read only where it has any.
    /// Where they cannot be read now, what was read before stands.
    async fn outdated(&mut self, promised: &[Update], affected: &[Owner]) {
        if !affected.iter().any(has_definitions) {
            self.memory.outdated.clear();
            return;
        }
        match self.parts.cluster.definitions().await {
            Ok(definitions) => self.memory.outdated = outdated(promised, affected, &definitions),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the versions of definitions could not be read");
            }
        }
    }
}

fn has_definitions(owner: &Owner) -> bool {
    owner.owns.iter().chain(&owner.beside).any(|object| object.kind == "CustomResourceDefinition")
}

/// A Kustomization does not tell what its workloads run.
pub(super) fn name_images(owners: &mut [Owner], workloads: &[Workload]) {
    for owner in owners.iter_mut().filter(|owner| owner.images.is_empty()) {
        let own = workloads.iter().filter(|workload| owner.holds(&workload.object));
        owner.images = own.flat_map(|workload| workload.images.iter().cloned()).collect();
    }
}

/// What a change promised to run: each version once, in however many files it stands.
fn promised(versions: &[Hold], replaced: &BTreeMap<String, String>) -> Vec<Update> {
    let versions: BTreeSet<_> = versions.iter().map(|hold| (&hold.package, &hold.version)).collect();
    versions
        .into_iter()
        .map(|(package, version)| Update {
            package: package.clone(),
            file: None,
            from: replaced.get(package).cloned(),
            to: version.clone(),
            kind: UpdateKind::Unknown,
            change: String::new(),
        })
        .collect()
}

fn mismatch_line(mismatch: &Mismatch) -> String {
    wording::version_differs(&mismatch.owner, &mismatch.package, &mismatch.wanted, &mismatch.running)
}
