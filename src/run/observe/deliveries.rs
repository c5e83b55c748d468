//! What was delivered about an issue, under every name that its repository has had.
//!
//! A rename takes no evidence away: who changed what in an issue that waits for its turn was told under the name of that time. A
//! name that another repository had as well brings that one's evidence with it, which accuses and never clears.

use crate::forge::Issue;
use crate::inbox::{self, IssueEdit};
use crate::store::{Store, StoreResult};
use std::collections::BTreeSet;

/// What is known of an issue by deliveries.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// The changes of its text, in their order.
    pub(super) edits: Vec<IssueEdit>,
    /// Whether more was told of its text than is kept or read.
    pub(super) is_cut: bool,
    /// Whether anything was delivered for its repository before it was opened.
    pub(super) had_come: bool,
    /// The comments that were edited.
    pub(super) edited_comments: BTreeSet<u64>,
}

impl Deliveries {
    /// Reads them.
    pub(super) async fn read(store: &Store, names: &BTreeSet<String>, issue: &Issue) -> StoreResult<Self> {
        let mut all = Self::default();
        for name in names {
            all.edits.extend(inbox::issue_edits(store, name, issue.number.0).await?);
            all.is_cut |= inbox::is_cut(store, name, issue.number.0).await?;
            all.had_come |= store.has_delivered_before(name, issue.created_at).await?;
            all.edited_comments.extend(store.edited_comments(name, issue.number.0).await?);
        }
        if names.len() > 1 {
            all.edits.sort_by_key(|edit| edit.received_at);
        }
        Ok(all)
    }
}
