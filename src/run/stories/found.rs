//! What caretaker finds itself: it opens the issue, works it, and takes nobody's word for what it asks for.

use super::Story;
use super::approvals::{question, yes};
use super::words::{TELEPHONE, tasks};
use crate::cluster::{Cluster as _, Freshness, Kubernetes};
use crate::forge::{Forge as _, Gitea};
use crate::health::{self, Surroundings};
use crate::issue::{AllowedRule, Block, Desired, Own, apply, propose, read_approvals};
use crate::merge::{self, classify::Rules};
use crate::run::state::TaskState;
use crate::run::{Opening, Published, accepted_beside, open_updates};
use crate::store::Store;
use crate::{cluster, forge};
use jiff::Timestamp;
use sim::actors::{Crash, WorldOptions};
use sim::gitea::{Fault, IssueState, IssueView, Permission, Rule, Server};
use sim::kubernetes::CERTIFICATE;
use std::collections::BTreeSet;

/// What only a person can do, and at once.
const DISK: &str = "A1 P0 Metal: Ask the supplier for a new disk by telephone";

impl Story {
    /// `caretaker recon --issue`, beside the service and with nothing of its memory.
    async fn recon_writes(&self) -> Published {
        self.recon_publishes(false, None).await
    }

    /// The same with the deliveries of a store, or without writing anything.
    async fn recon_publishes(&self, dry: bool, store: Option<&Store>) -> Published {
        let settings = cluster::Settings {
            kubeconfig: Some(self.kubeconfig.clone()),
            exec: true,
            ..cluster::Settings::default()
        };
        let kubernetes = Kubernetes::connect(&settings).await.unwrap();
        kubernetes.version().await.unwrap();
        let surroundings = Surroundings {
            settings: &self.health,
            cluster: &settings,
            grace: super::timing().grace(),
            freshness: Freshness::Proven,
            audit: false,
            after: None,
        };
        let recon = health::recon(&kubernetes, &surroundings, Timestamp::now()).await;
        let url = self.world.gitea().url().parse().unwrap();
        let forge = Gitea::new(&url, &self.token.clone().into(), &forge::Settings::default()).unwrap();
        let (rules, renovate) = (Rules::new(&merge::Settings::default()), merge::RenovateSettings::default());
        let updates = open_updates(&forge, &self.repository.name, &renovate, &rules).await.unwrap();
        let offered = propose(&recon, &|_| false, &|_| true, &updates);
        let repository = forge.repository(&self.repository.name).await.unwrap();
        let bot = forge.account().await.unwrap();
        let opening = Opening {
            forge: &forge,
            settings: &self.settings,
            rules: &rules,
            repository: &repository,
            bot: &bot,
            recon: &recon,
            offered: &offered,
            store,
        };
        opening.publish(dry).await.unwrap()
    }

    /// The rules of what is accepted in the run of the open issue, by the store as somebody beside the service reads it.
    async fn accepted_beside(&self) -> BTreeSet<String> {
        let url = self.world.gitea().url().parse().unwrap();
        let forge = Gitea::new(&url, &self.token.clone().into(), &forge::Settings::default()).unwrap();
        let repository = forge.repository(&self.repository.name).await.unwrap();
        let bot = forge.account().await.unwrap();
        let store = self.folder.path().join("caretaker.sqlite");
        let accepted = accepted_beside(&forge, &self.settings, &repository, &bot, &store).await.unwrap();
        accepted.into_iter().map(|known| known.rule).collect()
    }

    /// Waits until recon would write something about a rule.
    async fn recon_finds(&self, rule: &str) {
        let deadline = std::time::Instant::now() + super::DEADLINE;
        loop {
            let published = self.recon_publishes(true, None).await;
            if matches!(&published, Published::Opened { body, .. } | Published::Refreshed { body, .. } if body.contains(rule))
            {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "nothing is found: {published:?}");
        }
    }

    /// The same once it has found something blocking of such a rule.
    async fn recon_opens(&self, rule: &str) -> u64 {
        let deadline = std::time::Instant::now() + super::DEADLINE;
        loop {
            if let Published::Opened { number: Some(number), body, .. } = self.recon_writes().await {
                assert!(body.contains(rule), "{body}");
                return number.0;
            }
            assert!(std::time::Instant::now() < deadline, "nothing is found");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Whether a certificate is ready, by the word of its condition.
    fn certificate_is(&self, status: &str) {
        self.world.kubernetes().update(&CERTIFICATE, Some("echo"), "echo-tls", |object| {
            object["status"]["conditions"][0]["status"] = status.into();
        });
    }

    fn has_crashes(&self) -> bool {
        let command = ["ceph", "crash", "ls-new"].map(str::to_owned);
        self.world.ceph_command(&command).stdout.contains("osd.3")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_that_recon_found_is_archived_after_a_yes_and_its_issue_is_closed() {
    let mut story = Story::with_ceph_crash().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    let number = story.recon_opens("RECENT_CRASH").await;
    let issue = story.issue_now(number);
    assert_eq!((issue.author.as_str(), &issue.labels[..]), ("caretaker", &["maintenance".to_owned()][..]));
    assert!(issue.title.starts_with("Maintenance 20"), "{}", issue.title);
    story.start().await;
    let approval = question(&story, number).await;
    assert!(approval.task.starts_with("F-"), "{approval:?}");
    story.looks(3).await;
    assert!(story.has_crashes(), "nobody has said yes");
    story.operator().comment(number, &yes(&approval)).await.unwrap();
    let issue = story.closed(number).await;
    assert!(!story.has_crashes());
    assert!(issue.body.contains(&format!("- [x] **{} P0 System**", approval.task)), "{}", issue.body);
    let journal = story.journal().await;
    let seen: Vec<_> = journal.iter().filter(|event| event["event"] == "finding-seen").collect();
    assert!(matches!(seen[..], [one] if one["task"]["action"]["action"] == "ceph-crash-archive"), "{seen:?}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_that_comes_back_is_asked_about_again_and_archived_by_nobody_within_a_day() {
    let mut story = Story::with_ceph_crash().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.recon_finds("RECENT_CRASH").await;
    story.recon_writes().await;
    story.start().await;
    let first = question(&story, number).await;
    story.operator().comment(number, &yes(&first)).await.unwrap();
    story.state_when("it is archived, and gone", |state| !state.went.is_empty()).await;
    assert!(!story.has_crashes());

    story.world.ceph_crashes(Crash::new("osd.3", "metal4", Timestamp::now()));
    let again = |issue: &IssueView| {
        read_approvals(&issue.body).first().is_some_and(|approval| approval.code != first.code)
    };
    let body = story.until("it is asked about again", number, again).await.body;
    let second = read_approvals(&body).remove(0);
    assert_eq!(second.task, first.task, "by the task that it had");
    story.operator().comment(number, &yes(&second)).await.unwrap();
    let handed_over = |state: &crate::run::RunState| {
        state.escalations.iter().any(|case| case.why.contains("within a day after"))
    };
    story.state_when("a person has to look", handed_over).await;
    assert!(story.has_crashes(), "its report is not put out of sight");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_that_a_person_mends_ends_its_task_by_itself() {
    let mut story = Story::begin().await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    let number = story.recon_opens("OSD_DOWN").await;
    story.start().await;
    story.person_called(number).await;
    let body = story.says(number, "this ends by itself when it is gone").await.body;
    assert!(body.contains("- [ ] **F-") && !body.contains("- [x]"), "{body}");
    story.world.ceph_recovers("OSD_DOWN");
    let issue = story.closed(number).await;
    assert!(
        issue.body.contains("- [x] **F-") && issue.body.contains("what was found is gone"),
        "{}",
        issue.body
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_issue_takes_what_it_lacks_and_keeps_every_byte_of_a_persons() {
    let mut story = Story::begin().await;
    let echo = story.renovate_opens("echo", "36.0.1");
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    let body = format!(
        "# Mine\r\n\r\nA word.  \r\n\r\n{}\r\nThe last line.",
        tasks([TELEPHONE]).replace('\n', "\r\n")
    );
    let number = story.issue(&body).await;
    let lines = |text: &str| -> Vec<String> {
        text.split('\n').filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    let deadline = std::time::Instant::now() + super::DEADLINE;
    let text = loop {
        let published = story.recon_writes().await;
        let Published::Refreshed { number: of, body, .. } = published else { panic!("{published:?}") };
        assert_eq!(of.0, number);
        if body.contains("OSD_DOWN") {
            break body;
        }
        assert!(std::time::Instant::now() < deadline, "never found: {body}");
    };
    assert!(text.contains(&format!("**R-{echo} P2 Apps**")), "{text}");
    let mut left = lines(&text);
    let theirs = lines(&body);
    left.retain(|line| theirs.contains(line));
    assert_eq!(left, theirs, "{text}");
    let again = story.recon_writes().await;
    assert!(
        matches!(again, Published::Refreshed { changed: false, ref tasks, .. } if tasks.is_empty()),
        "{again:?}"
    );
    // The run works it: the merge that nobody asked for waits for a yes.
    story.start().await;
    let approval = question(&story, number).await;
    assert_eq!(approval.task, format!("R-{echo}"));
    story.operator().comment(number, &yes(&approval)).await.unwrap();
    story.world.ceph_recovers("OSD_DOWN");
    story.wait("merged", || story.merged(echo)).await;
    story.done(number, &format!("R-{echo}")).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_during_a_run_becomes_its_first_task() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([TELEPHONE, DISK])).await;
    story.start().await;
    story.state_when("the run has begun", |state| state.first_recon.is_some()).await;
    story.certificate_is("False");
    let issue = story.says(number, "1. **F-").await;
    assert!(issue.body.contains("P1 Platform**: "), "{}", issue.body);
    assert!(issue.body.contains("2. **A1** P0"), "urgent as it is: {}", issue.body);
    let state = story.state_when("its task is seen", |state| !state.findings.is_empty()).await;
    let key = state.findings.keys().next().unwrap().clone();
    assert_eq!(state.added.len(), 1);
    story.certificate_is("True");
    let ended = |state: &crate::run::RunState| {
        state.task(&key).is_some_and(|record| matches!(record.state, TaskState::Ended { .. }))
    };
    story.state_when("its task has ended", ended).await;
    story.says(number, "- [x] **F-").await;
    assert_eq!(story.issue_now(number).state, IssueState::Open, "a person is still asked to telephone");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_again_after_its_task_has_ended_is_its_task_again() {
    let mut story = Story::begin().await;
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.state_when("the run has begun", |state| state.first_recon.is_some()).await;
    for _ in 0..2 {
        story.certificate_is("False");
        story.says(number, "- [ ] **F-").await;
        // The tick of the last time, which stood there until now, is nobody's wish.
        story.looks(4).await;
        let body = story.issue_now(number).body;
        assert!(body.contains("- [ ] **F-") && !body.contains("what was found is gone"), "{body}");
        story.certificate_is("True");
        story.says(number, "- [x] **F-").await;
        story.state_when("it is forgotten", |state| !state.went.is_empty()).await;
    }
    let state = story.state().await;
    assert_eq!((state.added.len(), state.tasks.len()), (1, 2), "one task, and no second one beside it");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_ends_its_task() {
    let mut story = Story::begin().await;
    story.world.ceph_reports("POOL_NO_REDUNDANCY", "HEALTH_WARN", "1 pool has no replicas");
    let number = story.recon_opens("POOL_NO_REDUNDANCY").await;
    story.start().await;
    story.person_called(number).await;
    let body = story.issue_now(number).body;
    let id = body.split("- [ ] **").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    let accept = format!("/caretaker acknowledge {id} 2999-12-31 the pool is a cache");
    story.operator().comment(number, &accept).await.unwrap();
    let body = story.closed(number).await.body;
    let line = body.lines().find(|line| line.starts_with(&format!("- [ ] **{id}"))).expect("not ticked");
    assert!(
        line.contains("*(acknowledged ")
            && line.contains("accepted until 3000-01-01 00:00 UTC: the pool is a cache, says operator"),
        "{line}"
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_is_asked_for_by_no_schedule_and_ends_what_another_asks_for() {
    let mut story = Story::begin().await;
    story.world.ceph_reports("POOL_NO_REDUNDANCY", "HEALTH_WARN", "1 pool has no replicas");
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    let body = story.says(number, "/caretaker acknowledge").await.body;
    let id = body.split("(F-").nth(1).and_then(|rest| rest.split(')').next()).unwrap().to_owned();
    let accept = format!("/caretaker acknowledge F-{id} 2999-12-31 the pool is a cache");
    story.operator().comment(number, &accept).await.unwrap();
    story.state_when("it is accepted", |state| !state.acknowledged.is_empty()).await;
    story.stop().await;
    // Ceph's object and its command tell the same, which is one matter.
    assert_eq!(story.accepted_beside().await, ["POOL_NO_REDUNDANCY".to_owned()].into());
    story.daily_look().await;
    assert!(
        !story.issue_now(number).body.contains("POOL_NO_REDUNDANCY` on"),
        "{}",
        story.issue_now(number).body
    );
    // Somebody whose machine has no store of that run.
    story.recon_writes().await;
    let body = story.issue_now(number).body;
    assert!(body.contains("POOL_NO_REDUNDANCY` on"), "{body}");
    story.start().await;
    story.says(number, "*(acknowledged ").await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_ends_when_the_last_object_of_its_kind_was_deleted() {
    let mut story = Story::begin().await;
    let certificates = || story.world.kubernetes().list(&CERTIFICATE, None);
    for one in certificates() {
        let (namespace, name) = (&one["metadata"]["namespace"], &one["metadata"]["name"]);
        let (namespace, name) = (namespace.as_str().unwrap(), name.as_str().unwrap());
        if name != "echo-tls" {
            story.world.kubernetes().delete(&CERTIFICATE, Some(namespace), name);
        }
    }
    assert_eq!(certificates().len(), 1);
    story.certificate_is("False");
    let number = story.recon_opens("not-ready").await;
    story.start().await;
    story.person_called(number).await;
    story.world.kubernetes().delete(&CERTIFICATE, Some("echo"), "echo-tls");
    let body = story.closed(number).await.body;
    assert!(body.contains("- [x] **F-") && body.contains("what was found is gone"), "{body}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finding_that_outlives_a_persons_tick_is_handed_back_to_them() {
    let mut story = Story::begin().await;
    story.world.ceph_reports("MON_DOWN", "HEALTH_ERR", "1/3 mons down");
    let number = story.recon_opens("MON_DOWN").await;
    story.start().await;
    story.person_called(number).await;
    story.comes_to_rest().await;
    story.operator().tick(number, "**F-").await.unwrap();
    let state = story.state_when("it is still there", |state| !state.outlived.is_empty()).await;
    assert!(state.escalations.iter().any(|case| case.why.contains("still there")), "{:?}", state.escalations);
    assert_eq!(story.issue_now(number).state, IssueState::Open);
    story.world.ceph_recovers("MON_DOWN");
    story.closed(number).await;
    assert!(story.state().await.outlived.is_empty());
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_settings_allow_is_done_without_a_question() {
    let mut story = Story::with_ceph_crash().await;
    story.recon.allowed = vec![AllowedRule::RecentCrash, AllowedRule::DependencyUpdate];
    let echo = story.renovate_opens("echo", "36.0.1");
    let valkey = story.renovate_opens("valkey", "8.1.2");
    let number = story.recon_opens("RECENT_CRASH").await;
    story.start().await;
    // A database keeps its own question.
    let approval = question(&story, number).await;
    assert_eq!(approval.task, format!("R-{valkey}"));
    story.wait("merged", || story.merged(echo)).await;
    assert!(!story.has_crashes() && !story.merged(valkey));
    let state = story.state().await;
    let asked = state.tasks.values().filter(|record| record.asked.is_some()).count();
    assert_eq!(asked, 1, "{:#?}", state.tasks);
    story.end().await;
}

/// A text with a block as caretaker would write it, its sum and all.
fn forged(body: &str, own: &Own, words: &str) -> String {
    let block = Block { name: own.block(), text: format!("- [ ] **{} P0 Apps**: {words}", own.id()) };
    apply(body, &Desired { blocks: vec![block], ..Desired::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_block_with_an_id_of_ours_has_nothing_done() {
    let mut story = Story::with_ceph_crash().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    // Even where the settings give everything.
    story.recon.allowed = vec![AllowedRule::RecentCrash, AllowedRule::DependencyUpdate];
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    // What the stranger can read anywhere: the id of the finding.
    let shown = story.recon_opens("RECENT_CRASH").await;
    let text = story.issue_now(shown).body;
    let name = text.split("<!-- caretaker:finding-").nth(1).unwrap().split(' ').next().unwrap();
    let crash = Own::of_block(&format!("finding-{name}")).unwrap();
    story.world.repository().set_issue_state("operator", shown, IssueState::Closed).unwrap();
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.state_when("the run has begun", |state| state.first_recon.is_some()).await;
    let update = Own::Update(crate::forge::PullNumber(echo));
    let unknown = Own::of_block("finding-0001").unwrap();
    story.stranger_edits(number, |body| {
        let body = forged(body, &crash, "Archive the crash reports");
        forged(&forged(&body, &update, "Merge it"), &unknown, "Merge it")
    });
    story.state_when("they are seen", |state| state.tasks.len() == 3).await;
    story.looks(6).await;
    assert!(story.has_crashes(), "{}", story.issue_now(number).body);
    assert_eq!((story.merged(echo), story.merges_asked(echo)), (false, 0));
    let state = story.state().await;
    assert!(state.tasks.values().all(|record| record.known.id != "F-0001"), "nothing stands behind it");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_of_the_bots_account_outside_of_its_blocks_count_for_nothing() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.person_called(number).await;
    story.comes_to_rest().await;
    let issue = story.issue_now(number);
    let body = format!("{}\n{}", issue.body, tasks([super::words::merge("D1 P0 Apps", echo)]));
    story
        .world
        .repository()
        .edit_issue_body("caretaker", number, &body, Some(issue.content_version))
        .unwrap();
    story.says(number, "nobody trusted is known to have written this task").await;
    story.does_nothing_more(echo).await;
    story.end().await;
}

impl Story {
    async fn does_nothing_more(&self, pull: u64) {
        self.looks(4).await;
        assert_eq!((self.merged(pull), self.merges_asked(pull)), (false, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_open_an_issue_at_once_one_gives_way() {
    let story = Story::with(WorldOptions { server: Server::Forgejo12, ..WorldOptions::default() }).await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.recon_finds("OSD_DOWN").await;
    // Both have looked for an open issue before either of them opens one.
    let held = Rule::new("POST", "/issues$", Fault::Hold).unwrap().always();
    let held = story.world.gitea().faults().add(held);
    let both = async {
        story.wait("both open one", || story.world.gitea().faults().struck(held) == 2).await;
        story.world.gitea().faults().remove(held);
    };
    let (one, other, ()) = tokio::join!(story.recon_writes(), story.recon_writes(), both);
    let number = |published: &Published| match published {
        Published::Opened { number, .. } => number.map(|number| (number.0, true)),
        Published::Refreshed { number, .. } => Some((number.0, false)),
        Published::Nothing => None,
    };
    let (one, other) = (number(&one).unwrap(), number(&other).unwrap());
    assert_eq!(one.0, other.0, "both name the same issue");
    assert!(one.1 != other.1, "one of them opened it");
    let kept = story.issue_now(one.0);
    assert!(kept.state == IssueState::Open && kept.body.contains("OSD_DOWN"), "{}", kept.body);
    let other = story.issue_now(one.0 + 1);
    assert_eq!((other.state, other.author.as_str()), (IssueState::Closed, "caretaker"));
    assert!(other.body.contains(&format!("at the same moment as #{}", one.0)), "{}", other.body);
    assert!(!other.body.contains("- [ ]"), "{}", other.body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_refresh_an_issue_at_once_lose_nothing_that_either_found() {
    let story = Story::with(WorldOptions { server: Server::Forgejo12, ..WorldOptions::default() }).await;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.recon_finds("OSD_DOWN").await;
    let mine = format!("{}\nThe last line.\n", tasks([TELEPHONE]));
    let number = story.issue(&mine).await;
    // The first is on its way while somebody saves an older text over it, and reads back what is there then.
    let held = Rule::new("PATCH", "/issues/", Fault::HoldAnswer)
        .unwrap()
        .when(|seen| seen.user == Some("caretaker"));
    let held = story.world.gitea().faults().add(held);
    let meanwhile = async {
        story.wait("it is written", || story.world.gitea().faults().struck(held) == 1).await;
        story
            .operator()
            .edit(number, "an old copy", |_| Some(mine.replace("The last", "A better last")))
            .await
            .unwrap();
        story.world.gitea().faults().remove(held);
    };
    let (published, ()) = tokio::join!(story.recon_writes(), meanwhile);
    assert!(matches!(published, Published::Refreshed { changed: true, again: true, .. }), "{published:?}");
    let body = story.issue_now(number).body;
    assert!(body.contains("A better last line.") && body.contains("OSD_DOWN"), "{body}");
    let (one, other) = tokio::join!(story.recon_writes(), story.recon_writes());
    for published in [one, other] {
        assert!(matches!(published, Published::Refreshed { changed: false, .. }), "{published:?}");
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_a_refresh_went_over_is_put_back_where_deliveries_tell() {
    let mut story = Story::with(WorldOptions { server: Server::Forgejo12, ..WorldOptions::default() }).await;
    story.webhook = true;
    story.repository.mode = crate::run::situation::Mode::Observe;
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.recon_finds("OSD_DOWN").await;
    let number = story.issue(&format!("{}\nThe last line.\n", tasks([TELEPHONE]))).await;
    story.start().await;
    // What the service has to say is said: the next text that is on its way is the one that is meant.
    story.says(number, "YELLOW").await;
    story.comes_to_rest().await;
    let held =
        Rule::new("PATCH", "/issues/", Fault::Hold).unwrap().when(|seen| seen.user == Some("caretaker"));
    let held = story.world.gitea().faults().add(held);
    let meanwhile = async {
        story.wait("the text is on its way", || story.world.gitea().faults().struck(held) == 1).await;
        story
            .operator()
            .edit(number, "a change", |body| Some(body.replace("The last line.", "A better last line.")))
            .await
            .unwrap();
        story.world.gitea().faults().remove(held);
    };
    let (published, ()) = tokio::join!(story.recon_publishes(false, Some(story.store())), meanwhile);
    assert!(matches!(published, Published::Refreshed { again: true, .. }), "{published:?}");
    let body = story.issue_now(number).body;
    assert!(body.contains("A better last line.") && body.contains("OSD_DOWN"), "{body}");
    story.end().await;
}
