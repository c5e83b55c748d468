//! The words that stories are told in: what people and Renovate do, and what is waited for.

use super::Story;
use sim::actors::Person;
use sim::gitea::{FileChange, IssueState, IssueView, NewCommit, Permission};
use std::fmt::Write as _;

/// A question that the probes answer.
pub(super) const NODES_READY: &str = "A1 P0 Metal: Verify that all nodes are Ready";
/// What only a person can do.
pub(super) const TELEPHONE: &str = "P1 P3 Apps: Ask the supplier for a new password by telephone";
/// The last task of a run.
pub(super) const FINAL_GATE: &str = "F1 P0 All: Final validation gate";

/// A line that asks for a merge, such as `merge("D1 P0 Apps", 7)`.
pub(super) fn merge(task: &str, pull: u64) -> String {
    format!("{task}: Merge PR #{pull}")
}

/// A body with these tasks, each `ID PRIORITY LAYER: what`.
pub(super) fn tasks<Line: AsRef<str>>(lines: impl IntoIterator<Item = Line>) -> String {
    let mut body = "## Tasks\n\n".to_owned();
    for line in lines {
        let (head, what) = line.as_ref().split_once(": ").expect("a line says what");
        // Writing to a string cannot fail.
        let _ = writeln!(body, "- [ ] **{head}**: {what}");
    }
    body
}

impl Story {
    /// The person whose homelab it is.
    pub(super) fn operator(&self) -> Person {
        self.world.person("operator").unwrap()
    }

    /// Renovate opens a pull request that moves an app to a version.
    pub(super) fn renovate_opens(&self, app: &str, version: &str) -> u64 {
        self.world.renovate_opens(app, version).unwrap()
    }

    /// Renovate opens a pull request with which its app does not start.
    pub(super) fn renovate_opens_a_bad_one(&self) -> u64 {
        self.world.app_degrades_from("grafana", "9.5.0");
        self.renovate_opens("grafana", "9.5.0")
    }

    /// Renovate pushes another commit to the branch of a pull request: its files read otherwise.
    pub(super) fn renovate_pushes(&self, pull: u64, title: &str, change: impl Fn(&str) -> String) {
        let repository = self.world.repository();
        let pull = repository.pull(pull).unwrap();
        let path = repository.changed_files(&pull.base_sha, &pull.head_sha).remove(0);
        let old = String::from_utf8(repository.file(&pull.head_branch, &path).unwrap()).unwrap();
        let commit = NewCommit {
            author: "renovate".to_owned(),
            message: title.to_owned(),
            files: vec![FileChange::text(path, change(&old))],
            from: None,
        };
        repository.commit(&pull.head_branch, commit).unwrap();
    }

    /// `visitor`, whom nobody trusts, gets an account that may do this much.
    pub(super) fn stranger_comes(&self, permission: Permission) {
        self.world.gitea().create_user("visitor", false);
        self.world.gitea().add_collaborator("ops", "homelab", "visitor", permission);
    }

    /// The stranger edits a text on its page, again where somebody was faster.
    pub(super) fn stranger_edits(&self, number: u64, change: impl Fn(&str) -> String) {
        let repository = self.world.repository();
        loop {
            let issue = self.issue_now(number);
            let body = change(&issue.body);
            assert_ne!(body, issue.body, "the stranger finds what is to be changed");
            match repository.edit_issue_body("visitor", number, &body, Some(issue.content_version)) {
                Ok(()) => return,
                Err(refusal) => assert_eq!(refusal.status, 409, "{refusal:?}"),
            }
        }
    }

    /// The maintenance issue asks for these merges, `D1` first, one after the other.
    pub(super) async fn issue_of_merges(&self, pulls: &[u64]) -> u64 {
        let lines =
            pulls.iter().enumerate().map(|(at, pull)| merge(&format!("D{} P{at} Apps", at + 1), *pull));
        self.issue(&tasks(lines)).await
    }

    /// Somebody pushes a file to the default branch.
    pub(super) fn pushes(&self, author: &str, path: &str, text: &str) -> String {
        let commit = NewCommit {
            author: author.to_owned(),
            message: "chore: something else".to_owned(),
            files: vec![FileChange::text(path, text)],
            from: None,
        };
        self.world.repository().commit("main", commit).unwrap().to_string()
    }

    /// The file of the default branch in which an app's version stands.
    pub(super) fn version_file(&self, pull: u64) -> (String, String) {
        let repository = self.world.repository();
        let pull = repository.pull(pull).unwrap();
        let path = repository.changed_files(&pull.base_sha, &pull.head_sha).remove(0);
        let text = String::from_utf8(repository.file("main", &path).unwrap()).unwrap();
        (path, text)
    }

    /// The issue is closed.
    pub(super) async fn closed(&self, number: u64) -> IssueView {
        self.until("the issue is closed", number, |issue| issue.state == IssueState::Closed).await
    }

    /// A task's box is ticked.
    pub(super) async fn done(&self, number: u64, task: &str) -> IssueView {
        let line = format!("- [x] **{task} ");
        self.until(&format!("{task} is done"), number, |issue| issue.body.contains(&line)).await
    }

    /// The label that calls for a person is there.
    pub(super) async fn person_called(&self, number: u64) -> IssueView {
        self.until("a person is called", number, |issue| {
            issue.labels.iter().any(|label| label == "needs-human")
        })
        .await
    }

    /// The body says something.
    pub(super) async fn says(&self, number: u64, text: &str) -> IssueView {
        self.until(&format!("the body says: {text}"), number, |issue| issue.body.contains(text)).await
    }

    /// caretaker goes on looking, and neither merges this one nor does anything else.
    pub(super) async fn does_nothing(&self, pull: u64) {
        self.looks(4).await;
        assert!(!self.merged(pull));
        assert_eq!(self.effects(), [""; 0]);
    }

    /// caretaker has written what it had to write: it looks again and again and leaves the bodies alone.
    pub(super) async fn comes_to_rest(&self) {
        let deadline = std::time::Instant::now() + super::DEADLINE;
        loop {
            let writes = self.body_writes();
            self.looks(3).await;
            if self.body_writes() == writes {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "it writes and writes");
        }
    }

    /// How often a pull request was asked to be merged.
    pub(super) fn merges_asked(&self, pull: u64) -> usize {
        let path = format!("/pulls/{pull}/merge");
        let requests = self.world.gitea().requests();
        let asked = requests
            .iter()
            .filter(|one| self.is_own(one) && one.method == "POST" && one.path.ends_with(&path));
        asked.count()
    }

    /// The forge shows times in seconds: what is written from now on is of a later one.
    pub(super) async fn next_second(&self) {
        let now = jiff::Timestamp::now().as_second();
        self.wait("the forge's clock goes on", || jiff::Timestamp::now().as_second() > now).await;
    }
}
