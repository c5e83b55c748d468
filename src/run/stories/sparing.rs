//! What is asked of the forge while nothing changes, and that nothing is decided on what was not asked.

use super::approvals::yes;
use super::words::{TELEPHONE, merge, tasks};
use super::{REPOSITORY, SCALE, Story, first_commit};
use crate::issue::read_approvals;
use crate::run::event::ChangeResult;
use crate::run::situation::Mode;
use crate::timing::Timing;
use sim::gitea::{Fault, IssueState, Protection, Rule, StatusState};
use sim::kubernetes::{Fault as ClusterFault, Matcher, WatchFault};
use std::time::Duration;

/// What a look costs whose tasks name nothing: the repository, its labels, the open issues, the branch, the comments and the
/// open pull requests.
const BARE: usize = 6;

/// A status that may take days.
const DAYS: &str = "renovate/stability-days";

impl Story {
    /// Renovate opens a pull request for each of eight apps.
    fn renovate_opens_eight(&self) -> [u64; 8] {
        [
            ("gitea", "12.2.1"),
            ("valkey", "8.1.2"),
            ("kured", "5.10.0"),
            ("grafana", "9.5.0"),
            ("excalidraw", "0.17.4"),
            ("homepage", "v1.4.1"),
            ("it-tools", "2024.10.23"),
            ("echo", "36.0.1"),
        ]
        .map(|(app, version)| self.renovate_opens(app, version))
    }

    /// The maintenance issue asks for all of these, `D1` first.
    async fn issue_of_all(&self, pulls: &[u64]) -> u64 {
        let lines = pulls.iter().enumerate().map(|(at, pull)| merge(&format!("D{} P2 Apps", at + 1), *pull));
        self.issue(&tasks(lines)).await
    }

    /// A check says something of a pull request, and nothing is delivered.
    fn says_of(&self, pull: u64, context: &str, state: StatusState) {
        let repository = self.world.repository();
        let head = repository.pull(pull).unwrap().head_sha.to_string();
        repository.set_status("renovate", &head, context, state).unwrap();
    }

    /// What each look of the next few asked of the homelab, and all of it.
    async fn costs_of_looks(&self, many: usize) -> Vec<Vec<String>> {
        let since = self.world.gitea().requests().len();
        self.looks(many + 2).await;
        self.whole_looks("homelab", since)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_pull_requests_wait_a_look_costs_a_handful_and_each_has_its_turn() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    let pulls = story.renovate_opens_eight();
    for pull in pulls {
        story.says_of(pull, DAYS, StatusState::Pending);
    }
    let number = story.issue_of_all(&pulls).await;
    story.start().await;
    story.says(number, DAYS).await;
    story.comes_to_rest().await;
    let looks = story.costs_of_looks(10).await;
    assert!(looks.len() >= 8, "{looks:#?}");
    let most = looks.iter().map(Vec::len).max();
    assert!(looks.iter().all(|look| look.len() <= BARE + 3), "at most {most:?}: {looks:#?}");
    for pull in pulls {
        let head = story.world.repository().pull(pull).unwrap().head_sha.to_string();
        assert!(
            looks.iter().flatten().any(|asked| asked.contains(&head)),
            "#{pull} has its turn: {looks:#?}"
        );
    }
    // Gitea is a foundation, which waits for a person: the only one of the others, so its turn is always.
    let always = pulls[1..].iter().filter(|pull| {
        let head = story.world.repository().pull(**pull).unwrap().head_sha.to_string();
        looks.iter().all(|look| look.iter().any(|asked| asked.contains(&head)))
    });
    assert_eq!(always.count(), 1, "the next one to be merged is always asked about: {looks:#?}");
    // No delivery tells of it.
    story.says_of(pulls[7], DAYS, StatusState::Success);
    story.wait("what is ready is found and merged", || story.merged(pulls[7])).await;
    assert_eq!(story.merges_asked(pulls[7]), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_in_flight_is_followed_by_watches_and_judged_by_what_is_proven() {
    let mut story = Story::begin().await;
    // Long enough for many looks.
    story.timing = Timing { soak_low_seconds: 8.0 * SCALE, ..story.timing.clone() };
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.wait("it is merged", || story.merged(echo)).await;
    let since = story.world.kubernetes().requests().len();
    story.closed(number).await;
    let asked = story.world.kubernetes().requests();
    let ours = || asked[since..].iter().filter(|one| one.user == "system:serviceaccount:caretaker:caretaker");
    let count = |path: &str| ours().filter(|one| one.verb != "watch" && one.path == path).count();
    let (looks, services) = (count("/version"), count("/api/v1/services?limit=500"));
    assert!(0 < services && services < looks, "{services} lists of Services in {looks} looks");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_watches_keep_silent_about_after_a_merge_is_proven() {
    let mut story = Story::begin().await;
    let grafana = story.renovate_opens_a_bad_one();
    let number = story.issue_of_merges(&[grafana]).await;
    // Alive for all that anybody sees, and nothing that happens comes over them.
    for resource in ["pods", "deployments", "applications"] {
        let lie = ClusterFault::Watch(WatchFault::Stale);
        story.world.kubernetes().faults().add(Matcher::of("watch", resource), lie);
    }
    story.start().await;
    story.person_called(number).await;
    let state = story.state().await;
    assert!(matches!(state.merges[0].result, Some(ChangeResult::Reverted { .. })), "{:?}", state.merges[0]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_requests_and_issues_that_wait_for_people_cost_a_handful_too() {
    let mut story = Story::begin().await;
    let repository = story.world.repository();
    let pulls: Vec<u64> = (1..=6)
        .map(|at| {
            let branch = format!("feature-{at}");
            repository.create_branch("operator", &branch, "main").unwrap();
            repository.commit(&branch, first_commit(&format!("notes-{at}.md"), "words\n")).unwrap();
            repository.open_pull("operator", "A feature", "Words.", &branch, "main", &[]).unwrap()
        })
        .collect();
    let related: Vec<u64> =
        (1..=4).map(|_| repository.open_issue("operator", "Another", "Words.", &[]).unwrap()).collect();
    let merges = pulls.iter().enumerate().map(|(at, pull)| merge(&format!("D{at} P0 Apps"), *pull));
    let closes = related
        .iter()
        .enumerate()
        .map(|(at, issue)| format!("E{at} P3 Apps: Close issue #{issue} after PR #{} is merged", pulls[0]));
    let number = story.issue(&tasks(merges.chain(closes))).await;
    story.start().await;
    story.says(number, "does not count as Renovate's").await;
    story.comes_to_rest().await;
    let looks = story.costs_of_looks(4).await;
    assert!(looks.iter().all(|look| look.len() <= BARE + 4), "{looks:#?}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_count_among_what_is_asked_and_what_cannot_be_read_has_its_turn_as_well() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    let repository = story.world.repository();
    let protection = Protection { required_approvals: 1, ..Protection::default() };
    repository.protect_branch("main", protection).unwrap();
    let pulls = story.renovate_opens_eight();
    let related: Vec<u64> =
        (1..=4).map(|_| repository.open_issue("operator", "Another", "Words.", &[]).unwrap()).collect();
    let faults = story.world.gitea().faults();
    let broken = |path: String| {
        let rule = Rule::new("GET", &path, Fault::Status(404)).unwrap().always();
        faults.add(rule.when(|seen| seen.user == Some("caretaker")))
    };
    let rules = [
        broken(format!("/commits/{}/status", repository.pull(pulls[6]).unwrap().head_sha)),
        broken(format!("/commits/{}/status", repository.pull(pulls[7]).unwrap().head_sha)),
    ];
    let merges = pulls.iter().enumerate().map(|(at, pull)| merge(&format!("D{} P0 Apps", at + 1), *pull));
    let closes = related
        .iter()
        .enumerate()
        .map(|(at, issue)| format!("E{at} P3 Apps: Close issue #{issue} after PR #{} is merged", pulls[0]));
    let number = story.issue(&tasks(merges.chain(closes))).await;
    story.start().await;
    story.says(number, &format!("#{} cannot be read", pulls[7])).await;
    story.comes_to_rest().await;
    let looks = story.costs_of_looks(10).await;
    // Three pull requests, of each its statuses and its reviews, and an issue.
    assert!(looks.iter().all(|look| look.len() <= BARE + 7), "{looks:#?}");
    let asks = |pull: u64| {
        let head = story.world.repository().pull(pull).unwrap().head_sha.to_string();
        looks.iter().filter(|look| look.iter().any(|asked| asked.contains(&head))).count()
    };
    for pull in &pulls[6..] {
        assert!((1..looks.len()).contains(&asks(*pull)), "#{pull} has its turn: {looks:#?}");
    }
    for rule in rules {
        faults.remove(rule);
    }
    story
        .wait("what can be read again is asked about", || {
            !story.issue_now(number).body.contains("cannot be read")
        })
        .await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_fails_unseen_is_seen_before_what_was_approved_is_merged() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    story.repository.mode = Mode::Approve;
    let pulls = story.renovate_opens_eight();
    let number = story.issue_of_all(&pulls).await;
    story.start().await;
    let asked = story
        .until("the last one is asked for", number, |issue| {
            read_approvals(&issue.body).iter().any(|one| one.task == "D8")
        })
        .await;
    story.comes_to_rest().await;
    let approval = read_approvals(&asked.body).into_iter().find(|one| one.task == "D8").unwrap();
    story.says_of(pulls[7], "ci/test", StatusState::Failure);
    story.operator().comment(number, &yes(&approval)).await.unwrap();
    story.says(number, "ci/test").await;
    story.looks(6).await;
    assert_eq!((story.merged(pulls[7]), story.merges_asked(pulls[7])), (false, 0));
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_untick_that_a_sparing_look_sees_first_is_heard_by_the_next_one() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    let pulls = story.renovate_opens_eight();
    for pull in pulls {
        story.says_of(pull, DAYS, StatusState::Pending);
    }
    let merges = pulls.iter().enumerate().map(|(at, pull)| merge(&format!("D{} P2 Apps", at + 1), *pull));
    let number = story.issue(&tasks(merges.chain([TELEPHONE.to_owned()]))).await;
    story.start().await;
    story.says(number, DAYS).await;
    story.comes_to_rest().await;
    // No write of ours arrives, so that none of them ever holds the tick, and each look begins with a wait.
    let faults = story.world.gitea().faults();
    let ours = |method: &str, path: &str, fault| {
        let rule = Rule::new(method, path, fault).unwrap().always();
        faults.add(rule.when(|seen| seen.user == Some("caretaker")))
    };
    ours("PATCH", &format!("/issues/{number}$"), Fault::Status(409));
    story.operator().tick(number, "**P1 P3").await.unwrap();
    let is_ended = |state: &crate::run::RunState| {
        state.tasks.values().any(|task| task.known.id == "P1" && state.has_ended(&task.known.key))
    };
    story.state_when("the tick is heard", is_ended).await;
    let begun = ours("GET", &format!("{REPOSITORY}$"), Fault::Delay(Duration::from_millis(500)));
    // The look that is going on, one that may ask about everything, and one that the time calls for.
    story.wait("a sparing look begins", || faults.struck(begun) >= 3).await;
    story.operator().untick(number, "**P1 P3").await.unwrap();
    story
        .state_when("the untick is heard", |state| {
            state.tasks.values().any(|task| task.known.id == "P1" && task.asked_again.is_some())
        })
        .await;
    faults.clear();
    story.until("it is open again", number, |issue| issue.body.contains("- [ ] **P1 P3")).await;
    story.end().await;
}
