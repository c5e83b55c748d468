//! How a run ended, and what must have happened once on the way.

use super::text;
use caretaker::demo::{DemoOutcome, Stage};
use sim::gitea::RequestRecord;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What people wrote before the run began.
#[derive(Debug)]
pub(crate) struct Beginning {
    body: String,
    others: BTreeMap<u64, String>,
}

impl Beginning {
    pub(crate) fn of(stage: &Stage) -> Self {
        let repository = stage.world().repository();
        let body = |number: u64| repository.issue(number).expect("it is there").body;
        let others = stage.others().iter().map(|number| (*number, body(*number))).collect();
        Self { body: body(stage.issue_number()), others }
    }

    /// Every byte of a person's is where they put it.
    fn is_kept_in(&self, stage: &Stage) {
        let now = stage.issue().expect("the issue is there").body;
        assert_eq!(
            text::of_people(&now),
            text::of_people(&text::corrected(&self.body)),
            "a person's bytes:\n{now}"
        );
        for (number, before) in &self.others {
            let now = stage.world().repository().issue(*number).expect("it is there").body;
            assert_eq!(text::of_people(&now), *before, "the text of #{number}:\n{now}");
        }
    }
}

/// How a run ended, with everything masked that may differ: times, shas, durations, codes, write counts and the way of
/// the approval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FinalState {
    issue: (String, Vec<String>, String),
    tasks: Vec<(String, bool, String)>,
    files: BTreeMap<String, String>,
    others: BTreeMap<u64, (String, String, bool)>,
    merges: Vec<(u64, String, Option<String>, String)>,
    reverts: Vec<u64>,
    holds: BTreeSet<String>,
    layers: Vec<(String, String)>,
    people: String,
}

impl FinalState {
    /// Reads it from the servers and the store, which nobody has open, and checks what must hold of every run.
    pub(crate) async fn of(stage: &Stage, beginning: &Beginning) -> Self {
        let outcome = DemoOutcome::of(stage, Duration::ZERO).await.expect("the outcome is read");
        beginning.is_kept_in(stage);
        once_each(stage);
        let repository = stage.world().repository();
        let issue = stage.issue().expect("the issue is there");
        let mut labels = issue.labels.clone();
        labels.sort();
        let mut others = BTreeMap::new();
        for other in repository.issues(None) {
            others.insert(other.number, (other.state.as_str().to_owned(), other.title, false));
        }
        for pull in repository.pulls(None) {
            others.insert(pull.number, (pull.state.as_str().to_owned(), pull.title, pull.merged));
        }
        let files = repository.files("main");
        Self {
            issue: (issue.state.as_str().to_owned(), labels, issue.title),
            tasks: tasks(&issue.body),
            files: files.into_iter().map(|(path, entry)| (path, entry.blob.as_str().to_owned())).collect(),
            others,
            merges: outcome
                .merges
                .iter()
                .map(|merge| {
                    (merge.number, merge.category.clone(), merge.gate.clone(), merge.outcome.to_owned())
                })
                .collect(),
            reverts: outcome.reverts.iter().map(|revert| revert.number).collect(),
            holds: holds(&issue.body),
            layers: outcome
                .layers
                .iter()
                .map(|(layer, verdict)| (layer.clone(), verdict.as_str().unwrap_or_default().to_owned()))
                .collect(),
            people: text::of_people(&issue.body),
        }
    }
}

/// Each task's box and the word of its outcome note.
fn tasks(body: &str) -> Vec<(String, bool, String)> {
    let mut found = Vec::new();
    for line in body.lines() {
        let Some((ticked, rest)) = line
            .strip_prefix("- [x] **")
            .map(|rest| (true, rest))
            .or_else(|| line.strip_prefix("- [ ] **").map(|rest| (false, rest)))
        else {
            continue;
        };
        let Some((id, _)) = rest.split_once(" P") else { continue };
        let note = rest.rsplit_once("*(").map_or("", |(_, note)| note.split(' ').next().unwrap_or_default());
        found.push((id.to_owned(), ticked, note.to_owned()));
    }
    found
}

/// What the status lists as held, without the time.
fn holds(body: &str) -> BTreeSet<String> {
    let section = body.split("Held versions").nth(1).unwrap_or_default();
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('#'));
    lines
        .filter(|line| line.starts_with("- `"))
        .map(|line| line.split(" (since ").next().unwrap_or_default().to_owned())
        .collect()
}

/// Whether caretaker changed something with it.
pub(crate) fn changes(request: &RequestRecord) -> bool {
    request.user.as_deref() == Some("caretaker") && request.handled && request.method != "GET"
}

/// The merge commits on the default branch.
pub(crate) fn merge_commits(stage: &Stage) -> usize {
    stage.world().repository().history("main").iter().filter(|commit| commit.parents.len() == 2).count()
}

/// Merges, reverts and closings each happened once, and are told once.
fn once_each(stage: &Stage) {
    assert_eq!(merge_commits(stage), 6);
    let history = stage.world().repository().history("main");
    let reverts =
        history.iter().filter(|commit| commit.author == "caretaker" && commit.parents.len() == 1).count();
    assert_eq!(reverts, usize::from(stage.goes_wrong()), "{history:#?}");
    let requests = stage.world().gitea().requests();
    let closings = |number: u64| {
        let path = format!("/issues/{number}");
        let closes = |request: &&RequestRecord| {
            changes(request)
                && request.method == "PATCH"
                && request.path.ends_with(&path)
                && request.fields.iter().any(|field| field == "state")
        };
        requests.iter().filter(closes).count()
    };
    let related = stage.others()[0];
    assert_eq!(closings(related), 1, "the related issue is closed once");
    let closed = !stage.goes_wrong();
    assert_eq!(closings(stage.issue_number()), usize::from(closed), "the maintenance issue is closed once");
    let comments = requests.iter().filter(|request| changes(request) && request.path.ends_with("/comments"));
    assert_eq!(comments.count(), 0);
    let issue = stage.issue().expect("the issue is there");
    assert_eq!(issue.title.matches("[RESOLVED]").count(), usize::from(closed), "{}", issue.title);
    for (block, wanted) in [("status", 1), ("closing", usize::from(closed))] {
        assert_eq!(
            issue.body.matches(&format!("<!-- caretaker:{block} -->")).count(),
            wanted,
            "{}",
            issue.body
        );
    }
    let log = issue.body.split("## Change Log").nth(1).unwrap_or_default();
    let rows =
        |kind: &str| log.lines().filter(|line| line.split('|').nth(2).map(str::trim) == Some(kind)).count();
    let told = [rows("merge"), rows("revert"), rows("action")];
    assert_eq!(told, [6, reverts, 1], "each is told once:\n{log}");
    let note = stage.world().repository().issue(related).expect("the related issue").body;
    assert_eq!(note.matches("## Resolution").count(), 1, "{note}");
}
