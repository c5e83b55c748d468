//! The last question before a merge: has anything changed since it was decided?
//!
//! Asked of what is read inside the permit's life, so that a stop, a label, a push or a failed status that arrives while
//! the probes run still counts. Any change at all means no merge now: the next look judges it.

use crate::forge::{Issue, PullRequest, State};
use crate::merge::preflight::Preflight;
use crate::wording;

/// What was decided on, and what is true now.
#[derive(Debug)]
pub(crate) struct LastLook<'a> {
    /// The label of maintenance issues.
    pub(crate) maintenance_label: &'a str,
    /// The label that stops.
    pub(crate) pause_label: &'a str,
    /// The maintenance issue that was decided on.
    pub(crate) decided_issue: &'a Issue,
    /// The same now.
    pub(crate) issue: &'a Issue,
    /// Whose comment stops the run now.
    pub(crate) stopped_by: Option<&'a str>,
    /// What a trusted person said is going wrong, here or elsewhere, in words.
    pub(crate) incident: Option<&'a str>,
    /// The pull request that was decided on.
    pub(crate) decided_pull: &'a PullRequest,
    /// The same now.
    pub(crate) pull: &'a PullRequest,
    /// The pre-flight of what is true now: state, draft, labels, base, statuses, conflicts.
    pub(crate) preflight: &'a Preflight,
}

/// What speaks against the merge now. The heads are the permit's own to compare.
pub(crate) fn objection(look: &LastLook<'_>) -> Option<String> {
    if look.issue.has_label(look.pause_label) {
        return Some(wording::paused_by(&wording::label(look.pause_label)));
    }
    if let Some(by) = look.stopped_by {
        return Some(wording::paused_by(&wording::account(by)));
    }
    if let Some(why) = look.incident {
        return Some(why.to_owned());
    }
    if look.issue.state != State::Open || !look.issue.has_label(look.maintenance_label) {
        return Some(wording::issue_withdrawn());
    }
    if look.issue.body != look.decided_issue.body {
        return Some(wording::issue_edited());
    }
    let (was, is) = (look.decided_pull, look.pull);
    // The pre-flight's reading of files and diff is of this head and this description.
    if is.head != was.head
        || is.base.branch != was.base.branch
        || is.body != was.body
        || is.title != was.title
    {
        return Some(wording::pull_moved(is.number));
    }
    match look.preflight {
        Preflight::Ready(_) => None,
        Preflight::Wait(what) => Some(wording::preflight_waits(is.number, &what.to_string())),
        Preflight::Refuse(refusal) => Some(wording::pull_refused(&refusal.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{
        Account, AccountId, CommitSha, IssueNumber, Label, LabelId, PullNumber, PullSide, RepositoryName,
    };
    use crate::merge::classify::Classification;
    use crate::merge::explain::Explained;
    use crate::merge::preflight::{ReadyPull, Refusal, WaitFor};
    use crate::merge::{Category, Risk, UpdateType};
    use jiff::Timestamp;
    use std::collections::BTreeSet;

    fn label(name: &str) -> Label {
        Label { id: LabelId(1), name: name.to_owned() }
    }

    fn issue() -> Issue {
        Issue {
            number: IssueNumber(1),
            title: "Maintenance".to_owned(),
            body: "- [ ] **D1 P1 Apps**: Merge PR #6\n".to_owned(),
            state: State::Open,
            labels: vec![label("maintenance")],
            author: Account { id: AccountId(1), login: "operator".to_owned() },
            content_version: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            is_pull: false,
            html_url: String::new(),
        }
    }

    fn sha(digit: char) -> CommitSha {
        digit.to_string().repeat(40).parse().expect("a commit")
    }

    fn pull() -> PullRequest {
        let repository: RepositoryName = "ops/homelab".parse().expect("a name");
        let side = |branch: &str, digit| PullSide {
            branch: branch.to_owned(),
            sha: sha(digit),
            repository: Some(repository.clone()),
        };
        PullRequest {
            number: PullNumber(6),
            title: "Update echo".to_owned(),
            body: "a table".to_owned(),
            state: State::Open,
            draft: false,
            mergeable: true,
            merged: None,
            head: side("renovate/echo", 'a'),
            base: side("main", 'b'),
            author: Account { id: AccountId(3), login: "renovate".to_owned() },
            labels: Vec::new(),
            content_version: None,
            html_url: String::new(),
        }
    }

    fn ready() -> Preflight {
        Preflight::Ready(Box::new(ReadyPull {
            updates: Vec::new(),
            explained: Explained::default(),
            classification: Classification {
                category: Category::AppTemplate,
                risk: Risk::Medium,
                update: UpdateType::Patch,
                foundation: None,
                worst: "echo".to_owned(),
                members: Vec::new(),
                named: BTreeSet::new(),
            },
            approval: None,
        }))
    }

    /// What is true now, spoilt in one way.
    struct Now {
        issue: Issue,
        stopped_by: Option<&'static str>,
        incident: Option<&'static str>,
        pull: PullRequest,
        preflight: Preflight,
    }

    #[test]
    fn any_change_since_the_decision_speaks_against_the_merge() {
        type Spoil = fn(&mut Now);
        let table: [(&str, Spoil, Option<&str>); 17] = [
            ("nothing changed", |_| (), None),
            ("a label that means nothing", |now| now.issue.labels.push(label("bug")), None),
            ("the pause label", |now| now.issue.labels.push(label("caretaker/pause")), Some("Stopped by")),
            ("an incident", |now| now.incident = Some("an incident"), Some("an incident")),
            ("a stop comment", |now| now.stopped_by = Some("operator"), Some("Stopped by")),
            ("the issue is closed", |now| now.issue.state = State::Closed, Some("closed")),
            ("its label is gone", |now| now.issue.labels.clear(), Some("lost its label")),
            ("its text was edited", |now| now.issue.body.push_str("\nwait"), Some("edited")),
            ("a new head", |now| now.pull.head.sha = sha('c'), Some("#6 changed")),
            ("another base", |now| now.pull.base.branch = "next".to_owned(), Some("#6 changed")),
            ("another table", |now| now.pull.body.push('!'), Some("#6 changed")),
            ("another title", |now| now.pull.title.push('!'), Some("#6 changed")),
            ("a draft", |now| now.preflight = Preflight::Refuse(Refusal::Draft), Some("draft")),
            (
                "the hold label",
                |now| now.preflight = Preflight::Refuse(Refusal::HoldLabel),
                Some("caretaker/hold"),
            ),
            ("closed", |now| now.preflight = Preflight::Refuse(Refusal::Closed), Some("closed")),
            (
                "a status failed",
                |now| now.preflight = Preflight::Refuse(Refusal::FailedStatuses(vec!["ci/test".to_owned()])),
                Some("ci/test"),
            ),
            ("a conflict", |now| now.preflight = Preflight::Wait(WaitFor::Mergeable), Some("mergeable")),
        ];
        for (what, spoil, expected) in table {
            let mut now =
                Now { issue: issue(), stopped_by: None, incident: None, pull: pull(), preflight: ready() };
            spoil(&mut now);
            let found = objection(&LastLook {
                maintenance_label: "maintenance",
                pause_label: "caretaker/pause",
                decided_issue: &issue(),
                issue: &now.issue,
                stopped_by: now.stopped_by,
                incident: now.incident,
                decided_pull: &pull(),
                pull: &now.pull,
                preflight: &now.preflight,
            });
            match (found, expected) {
                (None, None) => {}
                (Some(why), Some(expected)) => assert!(why.contains(expected), "{what}: {why}"),
                (found, _) => panic!("{what}: {found:?}"),
            }
        }
    }
}
