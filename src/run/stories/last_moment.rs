//! What arrives between the decision and the merge: each of it stops the merge, however late it comes.

use super::{Story, first_commit};
use crate::merge::classify::{PullChanges, classify};
use crate::run::memory::PullDetails;
use crate::run::permit::{Decided, last_word};
use crate::run::worker::Parts;
use sim::gitea::{Protection, StatusState};

/// A person's or a push's doing in the last moment, and what is then said.
type Late = (&'static str, fn(&Story, u64, u64), &'static str);

/// What is decided on, read from the forge as a look reads it.
struct Look {
    repository: crate::forge::Repository,
    issue: crate::forge::Issue,
    pull: crate::forge::PullRequest,
    details: PullDetails,
    head: crate::forge::CommitSha,
}

async fn look(story: &Story, parts: &Parts, issue: u64, pull: u64) -> Look {
    let name = &story.repository.name;
    let repository = parts.forge.repository(name).await.unwrap();
    let issue = parts.forge.issue(name, crate::forge::IssueNumber(issue)).await.unwrap();
    let number = crate::forge::PullNumber(pull);
    let pull = parts.forge.pull(name, number).await.unwrap();
    let files = parts.forge.pull_files(name, number).await.unwrap();
    let diff = parts.forge.pull_diff(name, number).await.unwrap();
    let updates = crate::forge::renovate::updates(&pull.body).unwrap();
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let changes = PullChanges::of(&pull, &updates, &paths, &diff);
    let classification = classify(&changes, &parts.rules);
    let head = parts.forge.branch(name, "main").await.unwrap().head;
    Look { repository, issue, pull, details: PullDetails { files, diff, classification }, head }
}

/// What the last reading says after something happened to the world since the look.
async fn after(late: fn(&Story, u64, u64)) -> (Option<String>, bool, bool) {
    let story = Story::begin().await;
    for label in ["caretaker/pause", "caretaker/hold"] {
        story.world.repository().create_label(label, "#888888").unwrap();
    }
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story.issue(&format!("## Tasks\n\n- [ ] **D1 P0 Apps**: Merge PR #{echo} (echo)\n")).await;
    story.wait("the conflicts are checked", || story.world.repository().pull(echo).unwrap().mergeable).await;
    let began_at = jiff::Timestamp::now();
    let parts = story.parts().await;
    let seen = look(&story, &parts, number, echo).await;
    late(&story, number, echo);
    let decided = Decided {
        repository: &seen.repository,
        issue: &seen.issue,
        pull: &seen.pull,
        details: &seen.details,
        holds: &[],
        paths: &story.repository.paths,
        began_at,
        stop: None,
        incident: None,
        bot: &story.login,
        style: crate::forge::MergeStyle::Merge,
    };
    let word = last_word(&parts, &decided).await.unwrap();
    (word.against, word.head == seen.pull.head.sha, word.base == seen.head)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_speaks_against_a_merge_when_nothing_happened() {
    assert_eq!(after(|_, _, _| ()).await, (None, true, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_arrives_in_the_last_moment_stops_the_merge() {
    let table: [Late; 7] = [
        (
            "a stop comment",
            |story, issue, _| {
                story.world.repository().comment("operator", issue, "/caretaker stop").unwrap();
            },
            "Stopped by",
        ),
        (
            "the pause label",
            |story, issue, _| {
                let labels = ["caretaker/pause"];
                story.world.repository().add_issue_labels("operator", issue, &labels).unwrap();
            },
            "Stopped by",
        ),
        (
            "the label of the issue is gone",
            |story, issue, _| story.world.repository().set_issue_labels("operator", issue, &[]).unwrap(),
            "lost its label",
        ),
        (
            "the hold label",
            |story, _, pull| {
                let labels = ["caretaker/hold"];
                story.world.repository().add_issue_labels("operator", pull, &labels).unwrap();
            },
            "caretaker/hold",
        ),
        (
            "a failed status",
            |story, _, pull| {
                let head = story.world.repository().pull(pull).unwrap().head_sha.to_string();
                let repository = story.world.repository();
                repository.set_status("operator", &head, "ci/test", StatusState::Failure).unwrap();
            },
            "ci/test",
        ),
        (
            "a status that is required from now on",
            |story, _, _| {
                let protection = Protection {
                    enable_push: true,
                    enable_status_check: true,
                    status_check_contexts: vec!["ci/new".to_owned()],
                    ..Protection::default()
                };
                story.world.repository().protect_branch("main", protection).unwrap();
            },
            "ci/new",
        ),
        (
            "the pull request is closed",
            |story, _, pull| story.world.repository().close_pull("operator", pull).unwrap(),
            "closed",
        ),
    ];
    for (what, late, expected) in table {
        let (against, ..) = after(late).await;
        assert!(against.as_ref().is_some_and(|why| why.contains(expected)), "{what}: {against:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_the_branch_in_the_last_moment_shows_in_its_head() {
    let (_, same_head, same_base) = after(|story, _, _| {
        story.world.repository().commit("main", first_commit("notes.md", "words\n")).unwrap();
    })
    .await;
    assert!(same_head && !same_base, "the permit is for another base");
}
