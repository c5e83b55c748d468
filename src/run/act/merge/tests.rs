//! What becomes of a merge, for every answer and every way of merging, over real HTTP.

use super::*;
use crate::cluster::ClusterLease;
use crate::forge::{BRANCH_WRITE_TIMEOUT, Gitea, IssueNumber, RepositoryName, Settings};
use secrecy::SecretString;
use sim::gitea::{Fault, FileChange, NewCommit, Options, Permission, Rule};
use std::time::Instant;

const STEP: &str = "0badcafe-7";

/// A server with a pull request of two commits that stands on an older base.
struct World {
    server: sim::gitea::Gitea,
    repository: sim::gitea::Repository,
    forge: Gitea,
    name: RepositoryName,
    pull: PullNumber,
    head: CommitSha,
    base: CommitSha,
}

impl World {
    async fn start() -> Self {
        let server = sim::gitea::Gitea::start(Options::default()).await.unwrap();
        let repository = server.create_repository("ops", "homelab", true);
        for login in ["caretaker", "renovate", "operator"] {
            server.add_collaborator("ops", "homelab", login, Permission::Write);
        }
        let token = server.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
        let url = server.url().parse().unwrap();
        let forge = Gitea::new(&url, &SecretString::from(token), &Settings::default()).unwrap();
        let mut world = Self {
            server,
            repository,
            forge,
            name: "ops/homelab".parse().unwrap(),
            pull: PullNumber(0),
            head: "0".repeat(40).parse().unwrap(),
            base: "0".repeat(40).parse().unwrap(),
        };
        world.push("main", None, "begin", "a.yaml", "version: 1\n");
        world.push("renovate/a", Some("main"), "first", "a.yaml", "version: 2\n");
        world.head = world.push("renovate/a", None, "second", "b.yaml", "version: 2\n");
        world.base = world.push("main", None, "something else", "c.yaml", "x: 1\n");
        let number =
            world.repository.open_pull("renovate", "update a", "", "renovate/a", "main", &[]).unwrap();
        world.pull = PullNumber(number);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !world.forge.pull(&world.name, world.pull).await.unwrap().mergeable {
            assert!(Instant::now() < deadline, "never mergeable");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world
    }

    fn push(&self, branch: &str, from: Option<&str>, message: &str, path: &str, text: &str) -> CommitSha {
        let commit = NewCommit {
            author: "operator".to_owned(),
            message: message.to_owned(),
            files: vec![FileChange::text(path, text)],
            from: from.map(str::to_owned),
        };
        self.repository.commit(branch, commit).unwrap().to_string().parse().unwrap()
    }

    fn befall(&self, fault: Fault) {
        self.server.faults().add(Rule::new("POST", r"/merge$", fault).unwrap());
    }

    async fn ask(&self, style: MergeStyle) -> Outcome {
        let context = Context {
            repository: &self.name,
            branch: "main",
            bot: "caretaker",
            issue: IssueNumber(9),
            step: STEP.to_owned(),
            tries: vec![(STEP.to_owned(), self.base.clone())],
            resolved_by: String::new(),
        };
        let (title, message) = merge_message("update a", self.pull, context.issue, STEP);
        let order = MergeOrder { head: self.head.clone(), style, title, message, delete_branch: true };
        let wanted = Wanted { pull: self.pull, head: &self.head, style };
        let lease = ClusterLease::for_test(BRANCH_WRITE_TIMEOUT);
        ask(&self.forge, &lease, &context, wanted, &order).await
    }

    fn asked(&self) -> usize {
        let requests = self.server.requests();
        requests.iter().filter(|one| one.method == "POST" && one.path.ends_with("/merge")).count()
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Merged { proven: true, ours: true, left_open: false, .. } => "merged",
        Outcome::Merged { proven: true, ours: true, left_open: true, .. } => "merged, left open",
        Outcome::NotYet { .. } => "later",
        Outcome::Unanswered { .. } => "unanswered",
        Outcome::Outdated { .. } => "outdated",
        Outcome::Refused { .. } => "never",
        _ => "something else",
    }
}

#[tokio::test]
async fn every_answer_to_a_merge_leads_to_one_of_four_ends() {
    let mut table: Vec<(Option<Fault>, &str)> = vec![
        (None, "merged"),
        (Some(Fault::Drop), "unanswered"),
        (Some(Fault::DropAnswer), "merged"),
        (Some(Fault::HalfMerge), "merged, left open"),
        (Some(Fault::ScheduleMerge), "later"),
    ];
    for (status, without_effect) in [
        (400, "never"),
        (401, "never"),
        (403, "never"),
        (404, "later"),
        (405, "later"),
        (409, "later"),
        (422, "never"),
        (423, "never"),
        (429, "unanswered"),
        (500, "unanswered"),
        (502, "unanswered"),
        (504, "unanswered"),
    ] {
        table.push((Some(Fault::Status(status)), without_effect));
        // Whatever it was answered with, what happened has happened.
        table.push((Some(Fault::StatusAfter(status)), "merged"));
    }
    for (fault, expected) in table {
        let world = World::start().await;
        if let Some(fault) = fault {
            world.befall(fault);
        }
        let outcome = world.ask(MergeStyle::Merge).await;
        assert_eq!(word(&outcome), expected, "{fault:?}: {outcome:?}");
        assert_eq!(world.asked(), 1, "{fault:?}: asked once");
    }
}

#[tokio::test]
async fn a_merge_that_was_only_scheduled_is_taken_back() {
    let world = World::start().await;
    world.befall(Fault::ScheduleMerge);
    let outcome = world.ask(MergeStyle::Merge).await;
    assert!(matches!(&outcome, Outcome::NotYet { why } if why.contains("taken back")), "{outcome:?}");
    let cancelled = |status: u16| {
        let requests = world.server.requests();
        requests.iter().filter(|one| one.method == "DELETE" && one.status == Some(status)).count()
    };
    assert_eq!(cancelled(204), 1);
    world.forge.cancel_scheduled_merge(&world.name, world.pull).await.unwrap();
    assert_eq!(cancelled(404), 1, "nothing is scheduled any more");
    assert_eq!(word(&world.ask(MergeStyle::Merge).await), "merged");

    // One that cannot be taken back is told of.
    let world = World::start().await;
    world.befall(Fault::ScheduleMerge);
    world.server.faults().add(Rule::new("DELETE", r"/merge$", Fault::Status(403)).unwrap());
    let outcome = world.ask(MergeStyle::Merge).await;
    assert!(
        matches!(&outcome, Outcome::NotYet { why } if why.contains("cancel the auto-merge")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn every_way_of_merging_is_proven_whole_or_cut_off() {
    for style in [MergeStyle::Merge, MergeStyle::Squash, MergeStyle::Rebase, MergeStyle::RebaseMerge] {
        for (fault, expected) in [
            (None, "merged"),
            (Some(Fault::DropAnswer), "merged"),
            (Some(Fault::HalfMerge), "merged, left open"),
        ] {
            let world = World::start().await;
            if let Some(fault) = fault {
                world.befall(fault);
            }
            let outcome = world.ask(style).await;
            assert_eq!(word(&outcome), expected, "{style} {fault:?}: {outcome:?}");
            let Outcome::Merged { commit, .. } = outcome else { panic!() };
            assert_eq!(world.repository.branch_head("main").unwrap().to_string(), commit.to_string());
        }
        // A push that the permit knows nothing of comes in between.
        let world = World::start().await;
        world.push("main", None, "a foreign commit", "d.yaml", "x: 1\n");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !world.forge.pull(&world.name, world.pull).await.unwrap().mergeable {
            assert!(Instant::now() < deadline, "never mergeable");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let outcome = world.ask(style).await;
        assert!(matches!(outcome, Outcome::Merged { proven: false, ours: true, .. }), "{style}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_fast_forward_needs_a_head_that_stands_on_the_base() {
    let mut world = World::start().await;
    let outcome = world.ask(MergeStyle::FastForwardOnly).await;
    assert_eq!(word(&outcome), "later", "{outcome:?}");
    // Renovate rebases.
    world.base = world.repository.branch_head("main").unwrap().to_string().parse().unwrap();
    world.push("renovate/b", Some("main"), "first", "a.yaml", "version: 2\n");
    world.head = world.push("renovate/b", None, "second", "b.yaml", "version: 2\n");
    let number = world.repository.open_pull("renovate", "update b", "", "renovate/b", "main", &[]).unwrap();
    world.pull = PullNumber(number);
    let outcome = world.ask(MergeStyle::FastForwardOnly).await;
    assert_eq!(word(&outcome), "merged", "{outcome:?}");
    assert!(matches!(outcome, Outcome::Merged { commit, .. } if commit == world.head));
}

#[test]
fn an_answer_that_is_no_yes_says_what_may_follow() {
    let refused = |status, said: &str| ForgeError::Refused {
        what: "POST /merge".to_owned(),
        status,
        said: said.to_owned(),
    };
    let silent = |said: &str| ForgeError::Unavailable {
        what: "POST /merge".to_owned(),
        said: said.to_owned(),
        retry_after: None,
    };
    let table: Vec<(ForgeResult<MergeAnswer>, &str, &str)> = vec![
        (Ok(MergeAnswer::Merged), "later", "not merged"),
        (Ok(MergeAnswer::Scheduled), "later", "taken back"),
        (Err(refused(405, "Please try again later")), "later", "try again later"),
        (Err(refused(405, "")), "later", "405"),
        (Err(refused(405, "Not all required status checks successful")), "later", "status checks"),
        (
            Err(refused(405, "not allowed to merge [reason: Not all required status checks successful]")),
            "later",
            "status checks",
        ),
        (Err(refused(405, "The head branch is behind the base branch")), "outdated", "behind"),
        (
            Err(refused(405, "not allowed to merge [reason: The head branch is behind the base branch]")),
            "outdated",
            "behind",
        ),
        (
            Err(refused(405, "rebase is not allowed an allowed merge style for this repository")),
            "never",
            "merge style",
        ),
        (Err(refused(405, "User not allowed to merge PR")), "never", "not allowed"),
        (Err(refused(405, "Work in progress PRs cannot be merged")), "later", "progress"),
        (Err(silent("no answer in time")), "unanswered", "in time"),
        (Err(silent("status 500")), "unanswered", "depends on an open issue"),
    ];
    for (answer, expected, words) in table {
        let outcome = unmerged(&answer);
        assert_eq!(word(&outcome), expected, "{answer:?}");
        assert!(outcome.why_not().is_some_and(|why| why.contains(words)), "{outcome:?}");
    }
}
