//! The pull requests that tasks name: what they are, whether they may be merged, and the code of their approval.

use super::anew::{KnownPull, Spared};
use super::look::Look;
use crate::cluster::Workload;
use crate::forge::renovate::{self};
use crate::forge::{
    CommitSha, CommitStatus, ForgeError, ForgeResult, MergeStyle, PullNumber, PullRequest, State, TreeEntry,
};
use crate::issue::{Kind, Reading, TaskKey};
use crate::merge::classify::{PullChanges, classify};
use crate::merge::preflight::{HOLD_LABEL, Preflight, PullFacts, Refusal, preflight};
use crate::merge::protection::WayIn;
use crate::merge::reversible::{Reversible, reversible};
use crate::run::act::plan_mark;
use crate::run::memory::{Blobs, PullDetails, blob};
use crate::run::settings::RolloutBy;
use crate::run::situation::{ProposalStanding, PullSituation};
use crate::run::state::Stage;
use crate::wording;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What of a pull request its base asks about.
#[derive(Debug, Clone)]
pub(crate) struct WhatCounts {
    /// At which head.
    head: CommitSha,
    statuses: Vec<CommitStatus>,
    approvals: u64,
    behind: bool,
}

/// How often a pull request that is pushed to is read again in one look.
const READ_ATTEMPTS: u32 = 3;

/// What was read of a pull request, and, where the forge was asked, the pull request as it stood afterwards.
struct ReadDetails {
    known: Arc<PullDetails>,
    fresh: Option<PullRequest>,
}

/// What details belong to: the head and the text that tells of its versions.
fn details_key(pull: &PullRequest) -> (PullNumber, CommitSha, String) {
    (pull.number, pull.head.sha.clone(), crate::run::worker::text_hash(&pull.body))
}

impl Look<'_> {
    async fn tree(&mut self, commit: &CommitSha) -> ForgeResult<Arc<Vec<TreeEntry>>> {
        if let Some(known) = self.memory.trees.get(commit) {
            return Ok(Arc::clone(known));
        }
        let tree = Arc::new(self.parts.forge.tree(&self.subject.repository.name, commit).await?);
        self.memory.keep_tree(commit.clone(), Arc::clone(&tree));
        Ok(tree)
    }

    /// What lies at a pull request's files in a commit. With many pull requests their trees would be read again at every
    /// look, and a look must not take longer than its probes count.
    async fn blobs(
        &mut self,
        commit: &CommitSha,
        pull: &PullRequest,
        paths: &[String],
    ) -> ForgeResult<Blobs> {
        let of = (commit.clone(), pull.number, pull.head.sha.clone());
        if let Some(known) = self.memory.blobs.get(&of).filter(|known| known.len() == paths.len()) {
            return Ok(Arc::clone(known));
        }
        let tree = self.tree(commit).await?;
        let blobs: Blobs = Arc::new(paths.iter().map(|path| blob(&tree, path).cloned()).collect());
        self.memory.keep_blobs(of, Arc::clone(&blobs));
        Ok(blobs)
    }

    /// The pull requests that open tasks name for merging. One that cannot be read is not among them.
    pub(super) async fn pulls(
        &mut self,
        reading: &Reading,
        open: &[PullRequest],
        spared: &Spared,
        workloads: Option<&[Workload]>,
    ) -> BTreeMap<PullNumber, PullSituation> {
        let mut pulls = BTreeMap::new();
        for task in &reading.tasks {
            let Kind::Merge { pull: number } = task.kind else { continue };
            if self.is_settled(task) || pulls.contains_key(&number) {
                continue;
            }
            let spared = spared.pulls.contains(&number);
            if self.is_put_off(number.as_issue(), spared) {
                continue;
            }
            let listed = open.iter().find(|pull| pull.number == number);
            match self.read_pull(&task.key, number, listed, spared, workloads).await {
                Ok(found) => {
                    self.memory.unread.remove(&number.as_issue());
                    pulls.extend(found.map(|situation| (number, situation)));
                }
                Err(error) => {
                    self.memory.pulls.remove(&number);
                    self.unread(number.as_issue(), &error);
                }
            }
        }
        self.memory
            .pulls
            .retain(|number, _| reading.tasks.iter().any(|task| task.kind.pull() == Some(*number)));
        pulls
    }

    /// Everything about one pull request; `None` where it does not exist.
    async fn read_pull(
        &mut self,
        key: &TaskKey,
        number: PullNumber,
        listed: Option<&PullRequest>,
        spared: bool,
        workloads: Option<&[Workload]>,
    ) -> ForgeResult<Option<PullSituation>> {
        let known = self.memory.pulls.get(&number).filter(|_| spared).cloned();
        let mut known = if let Some(known) = known {
            known
        } else {
            let found = self.ask_about(number, listed).await?;
            KnownPull::new(listed, self.branch, found, self.memory.looks)
        };
        let Some((pull, counts)) = known.found.take() else {
            self.memory.pulls.insert(number, known);
            return Ok(None);
        };
        let (pull, details) = self.details(pull).await?;
        let counts = match counts {
            Some(counts) if counts.head == pull.head.sha => counts,
            _ => self.what_counts(&pull).await?,
        };
        known.found = Some((pull.clone(), Some(counts.clone())));
        let situation = self.judged(key, pull, &details, &counts, workloads).await?;
        known.waits = matches!(
            situation.preflight,
            Preflight::Wait(_) | Preflight::Refuse(Refusal::FailedStatuses(_) | Refusal::Approvals { .. })
        );
        self.memory.pulls.insert(number, known);
        Ok(Some(situation))
    }

    /// The pull request, as it is now; `None` where it does not exist.
    async fn ask_about(
        &self,
        number: PullNumber,
        listed: Option<&PullRequest>,
    ) -> ForgeResult<Option<(PullRequest, Option<WhatCounts>)>> {
        let pull = match listed.filter(|pull| pull.mergeable) {
            Some(pull) => pull.clone(),
            // A list never makes the forge look for conflicts; a single GET does.
            None => match self.parts.forge.pull(&self.subject.repository.name, number).await {
                Ok(pull) => pull,
                Err(ForgeError::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        Ok(Some((pull, None)))
    }

    /// Its files and changes, with the pull request to which they belong: the forge tells them of the head that it has
    /// when it is asked, so that a push in between would show one head's changes under another's name.
    async fn details(&mut self, pull: PullRequest) -> ForgeResult<(PullRequest, Arc<PullDetails>)> {
        let mut pull = pull;
        for _ in 0..READ_ATTEMPTS {
            let details = self.details_of(&pull).await?;
            let Some(fresh) = details.fresh else { return Ok((pull, details.known)) };
            let key = details_key(&fresh);
            if key == details_key(&pull) {
                self.memory.details.retain(|(number, ..), _| *number != pull.number);
                self.memory.details.insert(key, Arc::clone(&details.known));
                return Ok((pull, details.known));
            }
            pull = fresh;
        }
        let what = format!("the files of pull request {}", pull.number);
        Err(ForgeError::Conflict { what, said: wording::keeps_being_pushed() })
    }

    async fn details_of(&mut self, pull: &PullRequest) -> ForgeResult<ReadDetails> {
        let key = details_key(pull);
        if let Some(known) = self.memory.details.get(&key) {
            return Ok(ReadDetails { known: Arc::clone(known), fresh: None });
        }
        let name = &self.subject.repository.name;
        let files = self.parts.forge.pull_files(name, pull.number).await?;
        let diff = self.parts.forge.pull_diff(name, pull.number).await?;
        // A table that cannot be read makes the pre-flight refuse; for the order it says nothing.
        let updates = renovate::updates(&pull.body).unwrap_or_default();
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let changes = PullChanges::of(pull, &updates, &paths, &diff);
        let classification = classify(&changes, &self.parts.rules);
        let known = Arc::new(PullDetails { files, diff, classification });
        let fresh = self.parts.forge.pull(name, pull.number).await?;
        Ok(ReadDetails { known, fresh: Some(fresh) })
    }

    /// Statuses, reviews and whether it is behind, each only where something asks for it.
    async fn what_counts(&mut self, pull: &PullRequest) -> ForgeResult<WhatCounts> {
        let head = pull.head.sha.clone();
        let mut found = WhatCounts { head, statuses: Vec::new(), approvals: 0, behind: false };
        if pull.merged.is_some() || pull.state != State::Open {
            return Ok(found);
        }
        let name = &self.subject.repository.name;
        found.statuses = self.parts.forge.statuses(name, &pull.head.sha).await?;
        if self.branch.required_approvals > 0 {
            found.approvals = self.parts.forge.approvals(name, pull.number).await?;
        }
        if self.subject.settings.merge_style == MergeStyle::FastForwardOnly {
            let base = self.branch.head.clone();
            found.behind = !self.contains(&pull.head.sha, &base).await?;
        }
        Ok(found)
    }

    fn way<'a>(&'a self, found: &'a WhatCounts) -> WayIn<'a> {
        WayIn {
            name: &self.subject.repository.default_branch,
            branch: self.branch,
            statuses: &found.statuses,
            approvals: found.approvals,
            style: self.subject.settings.merge_style,
            allowed: &self.subject.repository.merge_styles,
            behind: found.behind,
        }
    }

    /// How the pull request that undoes the change in flight stands.
    pub(super) async fn proposal(&mut self) -> Option<ProposalStanding> {
        let change = self.subject.state.change.as_ref()?;
        let Stage::RevertProposed { proposal, .. } = &change.stage else { return None };
        let read = async {
            let pull = self.parts.forge.pull(&self.subject.repository.name, proposal.pull).await?;
            let found = self.what_counts(&pull).await?;
            Ok::<_, ForgeError>((pull, found))
        };
        match read.await {
            Ok((pull, found)) => Some(standing(&pull, &proposal.head, &self.way(&found))),
            Err(error) => {
                tracing::warn!(pull = proposal.pull.0, %error, "the undoing cannot be read");
                Some(ProposalStanding::Waits(error.to_string()))
            }
        }
    }

    async fn judged(
        &mut self,
        key: &TaskKey,
        pull: PullRequest,
        details: &PullDetails,
        into: &WhatCounts,
        workloads: Option<&[Workload]>,
    ) -> ForgeResult<PullSituation> {
        let paths: Vec<String> = details.files.iter().map(|file| file.path.clone()).collect();
        let preflight = preflight(
            &PullFacts {
                pull: &pull,
                default_branch: &self.subject.repository.default_branch,
                files: &details.files,
                diff: &details.diff,
                way: self.way(into),
                holds: self.holds,
                paths: &self.subject.settings.paths,
            },
            &self.parts.merge_settings,
            &self.parts.renovate_settings,
            &self.parts.rules,
        );
        let mark = if pull.state == State::Open {
            let base = self.blobs(&self.branch.head.clone(), &pull, &paths).await?;
            let head = self.blobs(&pull.head.sha, &pull, &paths).await?;
            let change: Vec<_> = paths
                .iter()
                .zip(base.iter().zip(head.iter()))
                .map(|(path, (base, head))| (path.clone(), base.clone(), head.clone()))
                .collect();
            Some(plan_mark(key, &format!("merge #{}", pull.number), &change))
        } else {
            None
        };
        let touched = self.watched().touched(self.gitops, &paths);
        let shut = match self.subject.settings.rollout {
            RolloutBy::None => None,
            RolloutBy::Watchers => self.watched().kept_back(self.gitops, &paths),
        };
        let overrides = &self.parts.merge_settings.reversible;
        let judged = workloads
            .map(|workloads| reversible(&details.classification, &paths, &touched, workloads, overrides));
        let not_reversible = match judged {
            // What mounts a volume is not known: never "nothing does".
            None => Some(wording::workloads_unread()),
            Some(Reversible::Yes) => None,
            Some(Reversible::UntilStarted(why) | Reversible::No(why)) => Some(why),
        };
        let (versions, approval) = match &preflight {
            Preflight::Ready(ready) => (ready.holds(), ready.approval.clone()),
            Preflight::Wait(_) | Preflight::Refuse(_) => (Vec::new(), None),
        };
        let waiting_since = match &preflight {
            Preflight::Wait(_) => {
                // Another head begins anew.
                let entry = (pull.head.sha.clone(), self.now);
                let known = self.memory.preflight_since.entry(pull.number).or_insert_with(|| entry.clone());
                if known.0 != pull.head.sha {
                    *known = entry;
                }
                Some(known.1)
            }
            Preflight::Ready(_) | Preflight::Refuse(_) => {
                self.memory.preflight_since.remove(&pull.number);
                None
            }
        };
        Ok(PullSituation {
            approval,
            classification: details.classification.clone(),
            preflight,
            mark,
            files: paths,
            versions,
            not_reversible,
            waiting_since,
            shut,
            pull,
        })
    }
}

/// Pure: what the forge shows of a pull request that undoes a change.
fn standing(pull: &PullRequest, head: &CommitSha, way: &WayIn<'_>) -> ProposalStanding {
    if pull.merged.is_some() {
        return ProposalStanding::Merged;
    }
    let refusal = if pull.state != State::Open {
        Some(Refusal::Closed)
    } else if pull.head.sha != *head {
        return ProposalStanding::NeedsPerson(wording::proposal_moved());
    } else if pull.draft {
        Some(Refusal::Draft)
    } else if pull.labels.iter().any(|label| label.name == HOLD_LABEL) {
        Some(Refusal::HoldLabel)
    } else {
        way.refusal()
    };
    match (refusal, way.waits(pull)) {
        (Some(refusal), _) => ProposalStanding::NeedsPerson(refusal.to_string()),
        (None, Some(what)) => ProposalStanding::Waits(what.to_string()),
        (None, None) => ProposalStanding::Ready,
    }
}
