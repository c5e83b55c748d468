//! What the branch asks of whatever is merged into it: the way of merging, reviews, statuses, no conflicts.
//!
//! Pure. What resolves by itself is a wait, what the account cannot give is a refusal that says what a person does.

use super::preflight::{Refusal, WaitFor};
use crate::forge::{Branch, CommitStatus, MergeStyle, PullRequest, StatusState};
use crate::glob;
use std::collections::BTreeSet;

/// A status of Renovate's that is pending until a release is old enough, which may take days and is as it should be.
const STABILITY: &str = "renovate/stability-days";

/// What is known of the way into a branch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WayIn<'a> {
    /// The branch's name.
    pub(crate) name: &'a str,
    /// The branch, with its protection as anybody may read it.
    pub(crate) branch: &'a Branch,
    /// The statuses of the head.
    pub(crate) statuses: &'a [CommitStatus],
    /// How many people's approvals count.
    pub(crate) approvals: u64,
    /// The way of merging that the settings ask for.
    pub(crate) style: MergeStyle,
    /// The ways that the repository allows.
    pub(crate) allowed: &'a BTreeSet<MergeStyle>,
    /// Whether the head lacks commits of the base that this way needs.
    pub(crate) behind: bool,
}

impl WayIn<'_> {
    /// What only a person can change.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        if !self.allowed.contains(&self.style) {
            return Some(Refusal::StyleNotAllowed(self.style));
        }
        let failed = self.contexts(StatusState::Failure);
        if !failed.is_empty() {
            return Some(Refusal::FailedStatuses(failed));
        }
        if !self.branch.can_merge {
            return Some(Refusal::MayNotMerge(self.name.to_owned()));
        }
        let required = self.branch.required_approvals;
        (self.approvals < required).then_some(Refusal::Approvals {
            given: self.approvals,
            required,
            branch: self.name.to_owned(),
        })
    }

    /// What resolves by itself.
    pub(crate) fn waits(&self, pull: &PullRequest) -> Option<WaitFor> {
        let mut missing = self.contexts(StatusState::Pending);
        let is_there =
            |pattern: &String| self.statuses.iter().any(|status| is_required(pattern, &status.context));
        missing.extend(self.branch.required_statuses.iter().filter(|pattern| !is_there(pattern)).cloned());
        if !missing.is_empty() {
            return Some(WaitFor::Statuses(missing));
        }
        if self.behind {
            return Some(WaitFor::Behind);
        }
        (!pull.mergeable).then_some(WaitFor::Mergeable)
    }

    fn contexts(&self, state: StatusState) -> Vec<String> {
        let of_state = self.statuses.iter().filter(|status| status.state == state);
        of_state.map(|status| status.context.clone()).collect()
    }
}

/// Whether statuses are missing of which nobody can say when they come, and that is as it should be.
pub(crate) fn may_take_days(contexts: &[String]) -> bool {
    !contexts.is_empty() && contexts.iter().all(|context| context == STABILITY)
}

/// Whether a required context, which may be a pattern in the forge's own notation, means a status. What cannot be read as
/// a pattern means itself.
fn is_required(pattern: &str, context: &str) -> bool {
    pattern == context || glob::expression(pattern).is_some_and(|expression| expression.is_match(context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_contexts_are_patterns_of_the_forges() {
        for (pattern, context, expected) in [
            ("ci/test", "ci/test", true),
            ("ci/test", "ci/test2", false),
            ("ci/test", "CI/test", false),
            ("ci/*", "ci/test", true),
            ("ci/*", "ci/unit/linux", true),
            ("ci/*", "ci", false),
            ("*", "anything at all", true),
            ("ci/tes?", "ci/test", true),
            ("ci/{lint,test}", "ci/lint", true),
            ("ci/{lint,test}", "ci/build", false),
            ("ci/[lt]*", "ci/test", true),
            ("ci/[!lt]*", "ci/test", false),
            ("ci/[a-c]", "ci/b", true),
            (r"ci/\*", "ci/*", true),
            (r"ci/\*", "ci/test", false),
            ("a.b", "axb", false),
            ("build (linux)", "build (linux)", true),
            ("ci/{lint", "ci/{lint", true),
            ("ci/[", "ci/[", true),
            ("ci/test (a, b)", "ci/test (a, b)", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is_required(pattern, context), expected, "{pattern} on {context}");
        }
    }

    #[test]
    fn only_renovates_own_wait_may_take_days() {
        let contexts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(may_take_days(&contexts(&["renovate/stability-days"])));
        assert!(!may_take_days(&contexts(&["renovate/stability-days", "ci/test"])));
        assert!(!may_take_days(&contexts(&[])));
    }
}
