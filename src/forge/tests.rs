//! The client against the simulated Gitea, over real HTTP.

use super::traffic::RequestOutcome;
use super::*;
use crate::cluster::ClusterLease;
use secrecy::SecretString;
use sim::gitea::{Fault, FileChange, NewCommit, Options, Permission, Protection, Rule, Sha};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use url::Url;

fn lease() -> ClusterLease {
    ClusterLease::for_test(BRANCH_WRITE_TIMEOUT)
}

/// A server with one repository, `ops/homelab`, and a client with the bot's token.
struct World {
    server: sim::gitea::Gitea,
    repository: sim::gitea::Repository,
    name: RepositoryName,
    gitea: Gitea,
}

impl World {
    async fn start() -> Self {
        let server = sim::gitea::Gitea::start(Options::default()).await.expect("a free port");
        let repository = server.create_repository("ops", "homelab", true);
        for (login, permission) in [
            ("operator", Permission::Admin),
            ("caretaker", Permission::Write),
            ("renovate", Permission::Write),
        ] {
            server.add_collaborator("ops", "homelab", login, permission);
        }
        let text = |path: &str, content: &str| FileChange::text(path, content);
        commit(
            &repository,
            "main",
            None,
            vec![text("a.yaml", "version: 1.0.0\n"), text("b/c d.yaml", "x: 1\n")],
        );
        let token = server.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
        let gitea = client(&server, &token);
        let name = "ops/homelab".parse().expect("a name");
        Self { server, repository, name, gitea }
    }

    /// A pull request that changes `a.yaml`.
    async fn pull(&self, branch: &str, content: &str) -> PullNumber {
        commit(&self.repository, branch, Some("main"), vec![FileChange::text("a.yaml", content)]);
        let number = self
            .repository
            .open_pull("renovate", "update a", "body", branch, "main", &[])
            .expect("a pull request");
        let number = PullNumber(number);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.gitea.pull(&self.name, number).await.expect("a pull request").mergeable {
            assert!(Instant::now() < deadline, "never mergeable");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        number
    }

    async fn order(&self, number: PullNumber) -> MergeOrder {
        let pull = self.gitea.pull(&self.name, number).await.expect("a pull request");
        MergeOrder {
            head: pull.head.sha,
            style: MergeStyle::Merge,
            title: format!("update a (#{number})"),
            message: "Caretaker-Step: 7-3".to_owned(),
            delete_branch: true,
        }
    }

    fn fault(&self, method: &str, path: &str, fault: Fault) -> Rule {
        let _ = self;
        Rule::new(method, path, fault).expect("a regular expression")
    }

    fn count(&self, method: &str, part: &str) -> usize {
        self.server
            .requests()
            .iter()
            .filter(|request| request.method == method && request.path.contains(part))
            .count()
    }
}

fn client(server: &sim::gitea::Gitea, token: &str) -> Gitea {
    let url = Url::parse(&server.url()).expect("an address");
    Gitea::new(&url, &SecretString::from(token.to_owned()), &Settings::default()).expect("a client")
}

fn commit(
    repository: &sim::gitea::Repository,
    branch: &str,
    from: Option<&str>,
    files: Vec<FileChange>,
) -> Sha {
    let commit = NewCommit {
        author: "operator".to_owned(),
        message: "change".to_owned(),
        files,
        from: from.map(str::to_owned),
    };
    repository.commit(branch, commit).expect("a commit")
}

#[tokio::test]
async fn who_and_what_is_read() {
    let world = World::start().await;
    assert_eq!(world.gitea.server().await.expect("a version").to_string(), "Gitea 1.27.1");
    assert_eq!(world.gitea.account().await.expect("an account").login, "caretaker");
    let repository = world.gitea.repository(&world.name).await.expect("a repository");
    assert_eq!(repository.name, world.name);
    assert_eq!(repository.default_branch, "main");
    assert!(repository.can_push && !repository.can_administer && repository.private);
    assert!(repository.merge_styles.contains(&MergeStyle::Merge));
    assert_eq!(repository.owner_kind, Some(OwnerKind::Organisation));
    world.server.create_user("operator", false);
    world.server.create_repository("operator", "own", false);
    world.server.add_collaborator("operator", "own", "caretaker", Permission::Write);
    let own = "operator/own".parse().expect("a name");
    let own = world.gitea.repository(&own).await.expect("a repository");
    assert_eq!(own.owner_kind, Some(OwnerKind::Person));
    assert!(!own.private);
}

#[tokio::test]
async fn lists_are_read_to_their_end_and_filtered_here_too() {
    let world = World::start().await;
    world.repository.create_label("maintenance", "00ff00").expect("a label");
    for number in 0..120 {
        let labels: &[&str] = if number % 40 == 0 { &["maintenance"] } else { &[] };
        world.repository.open_issue("operator", &format!("issue {number}"), "", labels).expect("an issue");
    }
    world.pull("renovate/a", "version: 1.1.0\n").await;
    let all = world.gitea.open_issues(&world.name, None).await.expect("issues");
    assert_eq!(all.len(), 120);
    assert!(all.windows(2).all(|pair| pair[0].number > pair[1].number));
    let labels = world.gitea.labels(&world.name).await.expect("labels");
    let label = labels.iter().find(|label| label.name == "maintenance").expect("the label");
    let some = world.gitea.open_issues(&world.name, Some(label)).await.expect("issues");
    assert_eq!(some.len(), 3);
    // The server drops a filter that it does not know; we do not.
    let gone = Label { id: LabelId(4711), name: "gone".to_owned() };
    let none = world.gitea.open_issues(&world.name, Some(&gone)).await.expect("issues");
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_changes_nothing() {
    let world = World::start().await;
    let number = IssueNumber(world.repository.open_issue("operator", "t", "one", &[]).expect("an issue"));
    let issue = world.gitea.issue(&world.name, number).await.expect("an issue");
    let edit = |body: &str| IssueEdit {
        body: Some(body.to_owned()),
        content_version: issue.content_version,
        ..IssueEdit::default()
    };
    let edited = world.gitea.edit_issue(&world.name, number, &edit("two\r\n")).await.expect("an edit");
    assert_eq!(edited.body, "two\r\n");
    let stale = world.gitea.edit_issue(&world.name, number, &edit("three")).await;
    assert!(matches!(stale, Err(ForgeError::Conflict { .. })), "{stale:?}");
    assert_eq!(world.gitea.issue(&world.name, number).await.expect("an issue").body, "two\r\n");
    let close = IssueEdit {
        title: Some("[RESOLVED] t".to_owned()),
        state: Some(State::Closed),
        ..IssueEdit::default()
    };
    let closed = world.gitea.edit_issue(&world.name, number, &close).await.expect("an edit");
    assert_eq!((closed.state, closed.body.as_str()), (State::Closed, "two\r\n"));
}

#[tokio::test]
async fn labels_and_comments() {
    let world = World::start().await;
    let number = IssueNumber(world.repository.open_issue("operator", "t", "", &[]).expect("an issue"));
    let label = world.gitea.create_label(&world.name, "needs-human", "#b60205").await.expect("a label");
    world.gitea.add_label(&world.name, number, label.id).await.expect("added");
    assert!(world.gitea.issue(&world.name, number).await.expect("an issue").has_label("needs-human"));
    world.gitea.remove_label(&world.name, number, label.id).await.expect("removed");
    world.gitea.remove_label(&world.name, number, label.id).await.expect("removed again");
    assert!(!world.gitea.issue(&world.name, number).await.expect("an issue").has_label("needs-human"));
    world.repository.comment("operator", number.0, "/caretaker stop").expect("a comment");
    let comments = world.gitea.comments(&world.name, number, None).await.expect("comments");
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].author.login, "operator");
}

#[tokio::test]
async fn a_merge_is_pinned_and_told_by_the_pull_request() {
    let world = World::start().await;
    let number = world.pull("renovate/a", "version: 1.1.0\n").await;
    let base = world.gitea.branch(&world.name, "main").await.expect("a branch").head;
    let files = world.gitea.pull_files(&world.name, number).await.expect("files");
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a.yaml"]);
    let diff = world.gitea.pull_diff(&world.name, number).await.expect("a diff");
    assert!(diff.contains("+version: 1.1.0"), "{diff}");

    let order = world.order(number).await;
    let other = MergeOrder { head: base.clone(), ..order.clone() };
    let refused = world.gitea.merge(&lease(), &world.name, number, &other).await.expect_err("another head");
    assert!(matches!(refused, ForgeError::Conflict { .. }), "{refused:?}");
    assert_eq!(refused.after_refused_merge(), AfterRefusedMerge::LookAgain);

    world.gitea.merge(&lease(), &world.name, number, &order).await.expect("merged");
    let merged = world.gitea.pull(&world.name, number).await.expect("a pull request").merged.expect("merged");
    let commit = world.gitea.commit(&world.name, &merged.commit).await.expect("a commit");
    assert_eq!(commit.parents.first(), Some(&base));
    assert!(commit.message.contains("Caretaker-Step: 7-3"));
    let gone = world.gitea.branch(&world.name, "renovate/a").await;
    assert!(matches!(gone, Err(ForgeError::NotFound { .. })), "{gone:?}");
    let newest = world.gitea.commits(&world.name, "main", 1).await.expect("commits");
    assert_eq!(newest, [commit]);

    // Both ways of comparing.
    let ahead = world.gitea.compare(&world.name, &base, &merged.commit).await.expect("compared");
    assert!(ahead.contains(&merged.commit));
    assert!(world.gitea.compare(&world.name, &merged.commit, &base).await.expect("compared").is_empty());

    let again = world.gitea.merge(&lease(), &world.name, number, &order).await.expect_err("merged already");
    assert!(matches!(again, ForgeError::Refused { status: 405, .. }), "{again:?}");
}

#[tokio::test]
async fn each_refusal_of_a_merge_says_what_may_follow() {
    let world = World::start().await;
    let number = world.pull("renovate/a", "version: 1.1.0\n").await;
    let order = world.order(number).await;
    world
        .repository
        .protect_branch(
            "main",
            Protection {
                enable_status_check: true,
                status_check_contexts: vec!["ci/test".to_owned()],
                ..Protection::default()
            },
        )
        .expect("a protection");
    let branch = world.gitea.branch(&world.name, "main").await.expect("a branch");
    assert_eq!(branch.required_statuses, ["ci/test"]);
    let missing = world.gitea.merge(&lease(), &world.name, number, &order).await.expect_err("no status");
    assert_eq!(missing.after_refused_merge(), AfterRefusedMerge::Later, "{missing:?}");
    world
        .repository
        .set_status("operator", order.head.as_str(), "ci/test", sim::gitea::StatusState::Failure)
        .expect("a status");
    world
        .repository
        .set_status("operator", order.head.as_str(), "ci/test", sim::gitea::StatusState::Success)
        .expect("a status");
    let statuses = world.gitea.statuses(&world.name, &order.head).await.expect("statuses");
    assert_eq!(statuses.iter().map(|status| status.state).collect::<Vec<_>>(), [StatusState::Success]);
    world.repository.unprotect_branch("main").expect("no protection");

    world.repository.close_pull("operator", number.0).expect("closed");
    let closed = world.gitea.merge(&lease(), &world.name, number, &order).await.expect_err("closed");
    assert_eq!(closed.after_refused_merge(), AfterRefusedMerge::LookAgain, "{closed:?}");

    let number = world.pull("renovate/b", "version: 1.2.0\n").await;
    let order = world.order(number).await;
    world.repository.set_archived(true).expect("archived");
    let archived = world.gitea.merge(&lease(), &world.name, number, &order).await.expect_err("archived");
    assert_eq!(archived.after_refused_merge(), AfterRefusedMerge::Never, "{archived:?}");
    world.repository.set_archived(false).expect("taken back");

    let reader = world.server.create_token("caretaker", &["read:issue", "read:repository", "read:user"]);
    let refused = client(&world.server, &reader)
        .merge(&lease(), &world.name, number, &order)
        .await
        .expect_err("no scope");
    assert!(refused.needs_person(), "{refused:?}");
    assert!(refused.to_string().contains("write:repository"), "{refused}");
    assert_eq!(refused.after_refused_merge(), AfterRefusedMerge::Never);
}

#[tokio::test]
async fn an_answer_that_is_lost_after_its_effect_is_not_repeated() {
    for fault in [Fault::DropAnswer, Fault::StatusAfter(500), Fault::StatusAfter(403)] {
        let world = World::start().await;
        let number = world.pull("renovate/a", "version: 1.1.0\n").await;
        let order = world.order(number).await;
        world.server.faults().add(world.fault("POST", "/merge$", fault));
        let error =
            world.gitea.merge(&lease(), &world.name, number, &order).await.expect_err("a lost answer");
        assert!(error.is_uncertain() || matches!(error, ForgeError::Forbidden { .. }), "{error:?}");
        assert_eq!(world.count("POST", "/merge"), 1);
        assert!(world.gitea.pull(&world.name, number).await.expect("a pull request").merged.is_some());
    }
}

#[tokio::test]
async fn reads_are_tried_again_and_writes_are_not() {
    let world = World::start().await;
    let number = IssueNumber(world.repository.open_issue("operator", "t", "one", &[]).expect("an issue"));
    for fault in [Fault::Status(503), Fault::Drop, Fault::DropAnswer] {
        world.server.faults().add(world.fault("GET", "/issues/", fault).times(2));
        world.gitea.issue(&world.name, number).await.expect("read in the end");
        world.server.faults().clear();
    }
    world.server.faults().add(world.fault("PATCH", "/issues/", Fault::Status(503)).always());
    let edit = IssueEdit { body: Some("two".to_owned()), ..IssueEdit::default() };
    let error = world.gitea.edit_issue(&world.name, number, &edit).await.expect_err("down");
    assert!(matches!(error, ForgeError::Unavailable { .. }), "{error:?}");
    assert_eq!(world.count("PATCH", "/issues/"), 1);
    world.server.faults().clear();
    world.server.faults().add(world.fault("GET", "/issues/", Fault::Status(503)).always());
    let began = Instant::now();
    let error = world.gitea.issue(&world.name, number).await.expect_err("down");
    assert!(error.is_uncertain(), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(25));
}

#[tokio::test]
async fn what_a_person_must_mend_says_so() {
    let mut world = World::start().await;
    let bad = client(&world.server, "0123456789");
    assert!(matches!(bad.account().await, Err(ForgeError::Unauthorized { .. })));
    let nowhere: RepositoryName = "ops/nowhere".parse().expect("a name");
    let missing = world.gitea.repository(&nowhere).await;
    assert!(matches!(missing, Err(ForgeError::NotFound { .. })), "{missing:?}");

    let number = IssueNumber(world.repository.open_issue("operator", "t", "one", &[]).expect("an issue"));
    world.repository.rename("cluster").expect("renamed");
    let moved = world.gitea.issue(&world.name, number).await.expect_err("renamed");
    assert!(
        matches!(&moved, ForgeError::Renamed { location } if location.contains("ops/cluster")),
        "{moved:?}"
    );
    let edit = IssueEdit { body: Some("two".to_owned()), ..IssueEdit::default() };
    let moved = world.gitea.edit_issue(&world.name, number, &edit).await.expect_err("renamed");
    assert!(matches!(moved, ForgeError::Renamed { .. }), "{moved:?}");
    assert_eq!(world.repository.issue(number.0).expect("an issue").body, "one");
}

#[tokio::test]
async fn files_are_read_and_changed_all_or_nothing() {
    let world = World::start().await;
    let file = world.gitea.file(&world.name, "b/c d.yaml", "main").await.expect("read").expect("a file");
    assert_eq!(file.content, b"x: 1\n");
    assert_eq!(world.gitea.file(&world.name, "none.yaml", "main").await.expect("read"), None);
    assert!(world.gitea.file(&world.name, "b", "main").await.is_err());

    let a = world.gitea.file(&world.name, "a.yaml", "main").await.expect("read").expect("a file");
    let write = |expected: BlobSha| FilesCommit {
        branch: "main".to_owned(),
        new_branch: None,
        message: "Revert \"x\"\n\nCaretaker-Step: 7-4".to_owned(),
        files: vec![
            FileWrite::Update { path: "a.yaml".to_owned(), content: b"version: 2\n".to_vec(), expected },
            FileWrite::Create { path: "new.yaml".to_owned(), content: vec![0, 159, 146, 150] },
            FileWrite::Delete { path: "b/c d.yaml".to_owned(), expected: file.blob.clone() },
        ],
    };
    let stale =
        world.gitea.change_files(&lease(), &world.name, &write(file.blob.clone())).await.expect_err("stale");
    assert!(matches!(stale, ForgeError::Refused { status: 422, .. }), "{stale:?}");
    assert_eq!(world.gitea.file(&world.name, "new.yaml", "main").await.expect("read"), None);

    let sha = world.gitea.change_files(&lease(), &world.name, &write(a.blob)).await.expect("written");
    assert_eq!(world.gitea.branch(&world.name, "main").await.expect("a branch").head, sha);
    let commit = world.gitea.commit(&world.name, &sha).await.expect("a commit");
    assert!(commit.message.trim_end().ends_with("Caretaker-Step: 7-4"), "{}", commit.message);
    let tree = world.gitea.tree(&world.name, &sha).await.expect("a tree");
    let files: Vec<_> = tree
        .iter()
        .filter(|entry| entry.kind != EntryKind::Folder)
        .map(|entry| (entry.path.as_str(), entry.kind))
        .collect();
    assert_eq!(files, [("a.yaml", EntryKind::File), ("new.yaml", EntryKind::File)]);
}

#[tokio::test]
async fn a_tree_of_many_pages_is_read_whole() {
    let world = World::start().await;
    let files = (0..1500).map(|n| FileChange::text(format!("many/{n}.txt"), "x")).collect();
    let sha: CommitSha =
        commit(&world.repository, "main", None, files).as_str().parse().expect("a commit id");
    let tree = world.gitea.tree(&world.name, &sha).await.expect("a tree");
    assert_eq!(tree.iter().filter(|entry| entry.path.starts_with("many/")).count(), 1500);
}

#[tokio::test]
async fn a_forge_that_is_down_is_left_alone_but_for_a_probe_and_says_so() {
    let world = World::start().await;
    let number = IssueNumber(world.repository.open_issue("operator", "t", "one", &[]).expect("an issue"));
    let down = world.fault("*", "/", Fault::Status(503)).always();
    let down = world.server.faults().add(down);
    while world.gitea.traffic().down.is_none() {
        let error = world.gitea.issue(&world.name, number).await.expect_err("down");
        assert!(matches!(error, ForgeError::Unavailable { .. }), "{error:?}");
    }
    let asked = world.server.requests().len();
    for _ in 0..20 {
        let error = world.gitea.issue(&world.name, number).await.expect_err("down");
        assert!(error.to_string().contains("down for"), "{error}");
        let edit = IssueEdit { body: Some("two".to_owned()), ..IssueEdit::default() };
        world.gitea.edit_issue(&world.name, number, &edit).await.expect_err("a write is no probe");
    }
    // However slow the machine is, a probe a second is the most.
    let probes = world.server.requests().len() - asked;
    assert!(probes <= 20, "{probes} of 40 went out");
    assert!(world.gitea.traffic().down.is_some_and(|why| why.contains("503")));
    assert_eq!(world.count("PATCH", "/issues/"), 0);
    world.server.faults().remove(down);
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.gitea.issue(&world.name, number).await.is_err() {
        assert!(Instant::now() < deadline, "it never looks again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let traffic = world.gitea.traffic();
    assert_eq!(traffic.down, None);
    let held = |method: &str| {
        traffic.requests.iter().any(|(kind, count)| {
            (kind.method.as_str(), kind.route.as_str()) == (method, "repos/*/*/issues/*")
                && kind.outcome == RequestOutcome::HeldBack
                && *count > 0
        })
    };
    assert!(held("GET") && held("PATCH"), "{traffic:?}");
    assert!(traffic.count(RequestOutcome::Failed) >= 8);
    assert!(traffic.count(RequestOutcome::Ok) >= 1);
}

#[tokio::test]
async fn an_answer_of_any_kind_shows_that_the_forge_lives() {
    let world = World::start().await;
    let nowhere: RepositoryName = "ops/nowhere".parse().expect("a name");
    for fault in [Fault::Status(500), Fault::Status(429)] {
        world.server.faults().add(world.fault("GET", "/nowhere", fault).always());
        for _ in 0..4 {
            world.gitea.repository(&nowhere).await.expect_err("an error");
        }
        world.server.faults().clear();
    }
    assert_eq!(world.gitea.traffic().down, None);
    world.gitea.repository(&world.name).await.expect("asked all the same");
}

#[tokio::test]
async fn a_pull_request_of_ours_is_opened_once_and_found_by_its_branch() {
    let world = World::start().await;
    let file = world.gitea.file(&world.name, "a.yaml", "main").await.expect("read").expect("a file");
    let base = world.gitea.branch(&world.name, "main").await.expect("a branch").head;
    let change = FilesCommit {
        branch: "main".to_owned(),
        new_branch: Some("caretaker/revert-6".to_owned()),
        message: "Revert \"x\"\n\nCaretaker-Step: 7-4".to_owned(),
        files: vec![FileWrite::Update {
            path: "a.yaml".to_owned(),
            content: b"version: 0\n".to_vec(),
            expected: file.blob,
        }],
    };
    let sha = world.gitea.change_files(&lease(), &world.name, &change).await.expect("written");
    assert_eq!(world.gitea.branch(&world.name, "main").await.expect("a branch").head, base);
    assert_eq!(world.gitea.branch(&world.name, "caretaker/revert-6").await.expect("a branch").head, sha);
    let again = world.gitea.change_files(&lease(), &world.name, &change).await.expect_err("it is there");
    assert!(matches!(again, ForgeError::Refused { status: 422, .. }), "{again:?}");
    assert!(world.gitea.pulls_of_branch(&world.name, "caretaker/revert-6").await.expect("read").is_empty());
    let new = NewPull {
        title: "Revert x".to_owned(),
        body: "b".to_owned(),
        head: "caretaker/revert-6".to_owned(),
        base: "main".to_owned(),
    };
    let pull = world.gitea.open_pull(&world.name, &new).await.expect("opened");
    assert_eq!((pull.head.sha.clone(), pull.author.login.as_str()), (sha.clone(), "caretaker"));
    let twice = world.gitea.open_pull(&world.name, &new).await.expect_err("there is one");
    assert!(matches!(twice, ForgeError::Conflict { .. }), "{twice:?}");
    let found = world.gitea.pulls_of_branch(&world.name, "caretaker/revert-6").await.expect("read");
    assert_eq!(found.iter().map(|pull| pull.number).collect::<Vec<_>>(), [pull.number]);
    let commits = world.gitea.pull_commits(&world.name, pull.number).await.expect("read");
    assert_eq!(commits.iter().map(|commit| commit.sha.clone()).collect::<Vec<_>>(), [sha]);
    world.repository.close_pull("operator", pull.number.0).expect("closed");
    let found = world.gitea.pulls_of_branch(&world.name, "caretaker/revert-6").await.expect("read");
    assert_eq!(found.iter().map(|pull| pull.state).collect::<Vec<_>>(), [State::Closed]);
}

/// A client for a server of one answer.
async fn client_of(router: axum::Router, settings: &Settings) -> Gitea {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = Url::parse(&format!("http://{address}/")).expect("an address");
    Gitea::new(&url, &SecretString::from("t".to_owned()), settings).expect("a client")
}

#[tokio::test]
async fn so_many_requests_are_under_way_at_once_and_say_who_asks() {
    let (here, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let agents = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let (most_of_all, seen) = (Arc::clone(&most), Arc::clone(&agents));
    // Nobody is answered before two are there.
    let pair = Arc::new(tokio::sync::Barrier::new(2));
    let router = axum::Router::new().fallback(move |headers: axum::http::HeaderMap| {
        let (here, most, pair, agents) =
            (Arc::clone(&here), Arc::clone(&most), Arc::clone(&pair), Arc::clone(&agents));
        async move {
            most.fetch_max(here.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
            agents.lock().expect("not poisoned").insert(agent.to_owned());
            pair.wait().await;
            here.fetch_sub(1, Ordering::SeqCst);
            r#"{"version":"1.27.1"}"#
        }
    });
    let settings = Settings {
        connections: 2,
        contact: Some("https://git.example.org/operator".to_owned()),
        ..Settings::default()
    };
    let gitea = client_of(router, &settings).await;
    let answers = futures::future::join_all((0..12).map(|_| gitea.server())).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(most_of_all.load(Ordering::SeqCst), 2);
    let agents: Vec<String> = seen.lock().expect("not poisoned").iter().cloned().collect();
    assert_eq!(
        agents,
        [concat!("caretaker/", env!("CARGO_PKG_VERSION"), " (+https://git.example.org/operator)")]
    );
}

#[tokio::test]
async fn a_wait_that_the_forge_asks_for_is_kept() {
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let router = axum::Router::new().fallback(move || {
        let times = Arc::clone(&times);
        async move {
            let mut times = times.lock().expect("not poisoned");
            times.push(Instant::now());
            match times.len() {
                1 => (axum::http::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], ""),
                2 => (axum::http::StatusCode::OK, [("x", "")], r#"{"version":"1.27.1"}"#),
                _ => (axum::http::StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")], ""),
            }
        }
    });
    let gitea = client_of(router, &Settings::default()).await;
    gitea.server().await.expect("after a second");
    let asked = seen.lock().expect("not poisoned").clone();
    assert!(asked[1].duration_since(asked[0]) >= Duration::from_secs(1), "{asked:?}");
    // What is longer than a read may take is kept by all that follow.
    gitea.server().await.expect_err("a minute is too long");
    let held = gitea.server().await.expect_err("held back");
    assert!(
        matches!(&held, ForgeError::Unavailable { retry_after: Some(wait), .. } if wait.as_secs() > 30),
        "{held:?}"
    );
    assert_eq!(seen.lock().expect("not poisoned").len(), 3, "the fourth was not sent");
}
