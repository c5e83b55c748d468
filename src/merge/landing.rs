//! How a pull request came onto its branch, and whether anything foreign came with it.
//!
//! Pure. Two questions that each way of merging answers otherwise: which commit of the branch is it, where the pull request
//! itself does not say (the forge was cut off between the branch and its database); and does that commit's chain of parents
//! lead to the base that the permit was for, so that undoing it undoes nothing else.

use super::revert::find_step;
use crate::forge::{Commit, CommitSha, MergeStyle};

/// A merge that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// In which way.
    pub(crate) style: MergeStyle,
    /// The head that was to be merged.
    pub(crate) head: &'a CommitSha,
    /// The pull request's own commits, newest first. Only asked where the branch's commits carry no step of ours.
    pub(crate) own: &'a [Commit],
    /// Each try: its step's id and the base that it was for.
    pub(crate) tries: &'a [(String, CommitSha)],
}

impl Asked<'_> {
    /// The commit of the branch (newest first) by which one of the tries landed.
    pub(crate) fn find<'a>(&self, branch: &'a [Commit]) -> Option<&'a Commit> {
        match self.style {
            MergeStyle::Merge | MergeStyle::Squash | MergeStyle::RebaseMerge => {
                self.tries.iter().find_map(|(step, _)| find_step(branch, step))
            }
            MergeStyle::FastForwardOnly => branch.iter().find(|commit| commit.sha == *self.head),
            // A head that stands on its base already is taken as it is; others are replayed, and keep their messages.
            MergeStyle::Rebase => branch
                .iter()
                .find(|commit| commit.sha == *self.head)
                .or_else(|| branch.iter().find(|commit| self.is_replayed(commit, branch))),
        }
    }

    fn is_replayed(&self, tip: &Commit, branch: &[Commit]) -> bool {
        let chain = chain(tip, branch, self.own.len());
        !self.own.is_empty()
            && chain.len() == self.own.len()
            && chain.iter().zip(self.own).all(|(one, own)| one.message.trim_end() == own.message.trim_end())
            && self.stands_on_a_base(&chain)
    }

    fn stands_on_a_base(&self, chain: &[&Commit]) -> bool {
        let Some([parent]) = chain.last().map(|first| first.parents.as_slice()) else { return false };
        self.tries.iter().any(|(_, base)| base == parent)
    }

    /// Whether nothing but the pull request came with this commit: its parents lead to the base of one of the tries, over
    /// exactly what that way of merging makes. `branch` holds what lies between.
    pub(crate) fn is_proven(&self, commit: &Commit, branch: &[Commit]) -> bool {
        let of_step =
            |(step, _): &&(String, CommitSha)| find_step(std::slice::from_ref(commit), step).is_some();
        let base = || self.tries.iter().find(of_step).map(|(_, base)| base);
        match self.style {
            MergeStyle::Merge => {
                base().is_some_and(|base| commit.parents == [base.clone(), self.head.clone()])
            }
            MergeStyle::RebaseMerge => {
                commit.parents.len() == 2 && base().is_some_and(|base| commit.parents.first() == Some(base))
            }
            MergeStyle::Squash => base().is_some_and(|base| commit.parents == [base.clone()]),
            MergeStyle::FastForwardOnly if commit.sha != *self.head => false,
            MergeStyle::Rebase | MergeStyle::FastForwardOnly => {
                let chain = chain(commit, branch, self.own.len());
                !self.own.is_empty() && chain.len() == self.own.len() && self.stands_on_a_base(&chain)
            }
        }
    }
}

/// A commit and its ancestors, as many as asked for, as long as each has one parent alone that is known.
fn chain<'a>(tip: &'a Commit, known: &'a [Commit], length: usize) -> Vec<&'a Commit> {
    let mut chain = Vec::new();
    let mut next = (length > 0).then_some(tip);
    while let Some(commit) = next {
        let [parent] = commit.parents.as_slice() else { break };
        chain.push(commit);
        next = known.iter().find(|one| one.sha == *parent).filter(|_| chain.len() < length);
    }
    chain
}
