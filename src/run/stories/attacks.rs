//! Attacks: somebody who is not trusted, or who only looks like somebody, tries to have something done. Nothing is, and
//! what the trusted ask for goes on.
//!
//! Where each attack is shown:
//!
//! | Attack | Where |
//! |---|---|
//! | a stranger's issue, labelled by a maintainer, then edited by the stranger | here; without the edit in `bad_input` |
//! | a task that a stranger adds, before and after a resume | `others` |
//! | a task that a stranger adds before the issue has its label, or its repository is found | here |
//! | an edit of an issue that is opened while nobody takes deliveries | here; as tables in `run::trust::history` |
//! | evidence of a stranger's edit that is pushed out by more of it, too large to be taken, or too old | here; as tables in `run::trust::history` |
//! | an old text of ours saved byte for byte by a stranger | here; as tables in `run::trust::history` |
//! | a condition taken from a title by a stranger | here |
//! | an incident whose issue a stranger closes | `people` |
//! | forged status block, note and closing | here; as texts in `issue::edge_tests` and `issue::hostile_tests` |
//! | a tick that no delivery vouches for | `approvals`, `run::trust` |
//! | a tick of a stranger, deliveries with a forged signature or for another repository | here; as requests in `web::tests` |
//! | a delivery signed with the secret of another repository that is looked after | here; each secret in `web::tests::deliveries` |
//! | a delivery repeated under a new id | `web::tests::deliveries` |
//! | an approval by who can only read, on another issue, with words behind it | here; with markup behind it in `run::trust::words` |
//! | an end of another's incident by who counts elsewhere | `run::incidents` |
//! | an approval that is quoted, code, edited, or the bot's | `approvals` |
//! | an approval of an earlier plan, and one older than the question | here |
//! | a pull request that is not Renovate's, or does more than its table | here; forks and each field in `merge::tests` |
//! | a change in a file outside the allowed paths, or in what CI runs | here; each path in `merge::paths` |
//! | another head with the same change | here; with another change in `approvals` |
//! | a block of ours quoted or pasted with another command | here |
//! | a forged block of a task of our own, and words that the bot's account writes outside of its blocks | `found` |

use super::approvals::{approved_behind_a_closed_gate, asked, question, yes};
use super::words::{NODES_READY, TELEPHONE, merge, tasks};
use super::{SECRET, Story, first_commit, secret_of};
use crate::issue::{hex, read_approvals};
use crate::run::settings::Discovery;
use crate::run::situation::Mode;
use crate::store::DeliveryRow;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use sim::gitea::{DeliveryMode, FileChange, IssueState, NewCommit, Permission};
use std::time::{Duration, Instant};

/// An archiving of Ceph's crash reports, in the words that caretaker understands.
const ARCHIVE: &str = "A9 P0 System: Archive the Ceph crash reports\n  - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all`";

/// Sends a delivery as the forge would, signed with a secret.
async fn deliver(story: &Story, secret: &str, id: &str, payload: &Value) -> StatusCode {
    let body = payload.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(story.webhook_url())
        .header("Content-Type", "application/json")
        .header("X-Gitea-Delivery", id)
        .header("X-Gitea-Event", "issues")
        .header("X-Gitea-Signature", hex(&mac.finalize().into_bytes()))
        .body(body);
    request.send().await.unwrap().status()
}

/// What the forge tells of an edit of a body.
fn edited(repository: &str, sender: &str, number: u64, before: &str, after: &str) -> Value {
    json!({
        "action": "edited",
        "number": number,
        "issue": { "number": number, "body": after, "labels": [{ "name": "maintenance" }] },
        "changes": { "body": { "from": before } },
        "repository": { "full_name": repository },
        "sender": { "login": sender },
    })
}

/// caretaker goes on looking, and nobody has approved anything.
async fn nothing_is_approved(story: &Story, pull: u64) {
    story.looks(6).await;
    assert!(!story.merged(pull), "nobody who counts has said yes");
    assert_eq!(story.merges_asked(pull), 0);
    let state = story.state().await;
    assert!(state.tasks.values().all(|record| record.approved.is_none()), "{:#?}", state.tasks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_issue_that_a_maintainer_labels_is_not_worked_on_whatever_the_stranger_adds() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    let repository = story.world.repository();
    let number = repository.open_issue("visitor", "Please", &tasks([NODES_READY]), &[]).unwrap();
    story.operator().add_label(number, "maintenance").await.unwrap();
    story.start().await;
    story.says(number, "run.trusted").await;
    let added = merge("D1 P0 Apps", echo);
    story.stranger_edits(number, |body| format!("{body}\n{}", tasks([&added])));
    story.does_nothing(echo).await;
    let issue = story.issue_now(number);
    assert!(issue.body.contains("- [ ] **A1") && issue.state == IssueState::Open, "{}", issue.body);
    story.end().await;
}

/// Waits until a delivery of an account about an issue is stored.
async fn is_told_of(story: &Story, repository: &str, sender: &str, issue: u64) {
    let deadline = Instant::now() + super::DEADLINE;
    loop {
        let rows = story.store().recent_deliveries(1000).await.unwrap();
        let is_it = |row: &DeliveryRow| {
            (row.repository.as_str(), row.sender.as_str(), row.issue) == (repository, sender, Some(issue))
        };
        if rows.iter().any(is_it) {
            return;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_adds_before_an_issue_has_its_label_counts_for_nothing() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    story.start().await;
    let repository = story.world.repository();
    let number = repository.open_issue("operator", "Soon", &tasks([NODES_READY]), &[]).unwrap();
    let added = tasks([&merge("D1 P0 Apps", echo)]);
    story.stranger_edits(number, |body| format!("{body}\n{added}"));
    is_told_of(&story, "ops/homelab", "visitor", number).await;
    story.operator().add_label(number, "maintenance").await.unwrap();
    story.done(number, "A1").await;
    nothing_is_approved(&story, echo).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_adds_before_a_repository_is_found_counts_for_nothing() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    story.discovery = Discovery { enabled: true, mode: Mode::Auto, ..Discovery::default() };
    let gitea = story.world.gitea();
    let found = gitea.create_repository("ops", "found", false);
    for (login, permission) in
        [("operator", Permission::Admin), ("caretaker", Permission::Write), ("visitor", Permission::Write)]
    {
        gitea.add_collaborator("ops", "found", login, permission);
    }
    found.commit("main", first_commit("README.md", "# found\n")).unwrap();
    story.start().await;
    story.looks(2).await;
    let secret = secret_of(&"ops/found".parse().unwrap());
    found.add_hook(story.webhook_url(), &secret, &["issues"]).unwrap();
    let number = found.open_issue("operator", "Found", &tasks([NODES_READY]), &[]).unwrap();
    let body = tasks([NODES_READY, "A2 P0 System: Verify that Ceph is HEALTH_OK"]);
    found.edit_issue_body("visitor", number, &body, None).unwrap();
    is_told_of(&story, "ops/found", "visitor", number).await;
    let asked =
        |what: &str| story.world.gitea().requests().iter().filter(|one| one.path.contains(what)).count();
    let passes = asked("/user/repos");
    for _ in 0..3 {
        let before = asked("/ops/found/labels");
        found.open_issue("operator", "Another", "Words.", &[]).unwrap();
        story.wait("its labels are asked for", || asked("/ops/found/labels") > before).await;
    }
    story.looks(2).await;
    assert_eq!(asked("/user/repos"), passes, "and not for everything else");
    // Only now is there anything by which it is found.
    found.create_label("maintenance", "#0e8a16").unwrap();
    found.create_label("needs-human", "#d93f0b").unwrap();
    found.set_issue_labels("operator", number, &["maintenance"]).unwrap();
    let says = |part: &str| found.issue(number).is_some_and(|issue| issue.body.contains(part));
    story.wait("the trusted one's task is done", || says("- [x] **A1 ")).await;
    story.looks(6).await;
    assert!(says("- [ ] **A2 "), "{}", found.issue(number).unwrap().body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_adds_to_an_issue_that_was_opened_while_nobody_took_deliveries_counts_for_nothing() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    story.start().await;
    let first = story.issue(&tasks([NODES_READY])).await;
    story.closed(first).await;
    story.stop().await;
    // What nobody edited since is its author's.
    let second = story.issue(&tasks([NODES_READY])).await;
    story.next_second().await;
    story.start().await;
    story.closed(second).await;
    story.stop().await;
    let number = story.issue(&tasks([NODES_READY])).await;
    let added = tasks([&merge("D1 P0 Apps", echo)]);
    story.stranger_edits(number, |body| format!("{body}\n{added}"));
    story.next_second().await;
    story.start().await;
    story.says(number, "/caretaker resume").await;
    nothing_is_approved(&story, echo).await;
    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.closed(number).await;
    assert!(story.merged(echo), "what somebody trusted has looked at counts");
    story.end().await;
}

/// A visitor who may write, and an issue of the operator's that has its label still to come.
async fn before_the_label() -> (Story, u64, u64, String) {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    story.start().await;
    let number = story.world.repository().open_issue("operator", "Soon", &tasks([NODES_READY]), &[]).unwrap();
    is_told_of(&story, "ops/homelab", "operator", number).await;
    let added = tasks([&merge("D1 P0 Apps", echo)]);
    (story, number, echo, added)
}

/// The operator labels the issue: what they wrote is worked on, and what nobody vouches for waits with the reason.
async fn counts_for_nothing(story: Story, number: u64, pull: u64) {
    story.operator().add_label(number, "maintenance").await.unwrap();
    story.says(number, "not everything that was done to this text was delivered, or is still kept").await;
    nothing_is_approved(&story, pull).await;
    assert!(story.issue_now(number).body.contains("- [ ] **D1 P0"), "{}", story.issue_now(number).body);
    story.next_second().await;
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.wait("a trusted person lets it count", || story.merged(pull)).await;
    story.end().await;
}

/// So many deliveries of the visitor's about an issue are stored.
async fn tells_of_edits(story: &Story, number: u64, many: usize) {
    let deadline = Instant::now() + super::DEADLINE;
    loop {
        let rows = story.store().recent_deliveries(1000).await.unwrap();
        let theirs = rows.iter().filter(|row| row.sender == "visitor" && row.issue == Some(number));
        if theirs.count() >= many {
            return;
        }
        assert!(Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pushes_out_the_evidence_of_an_edit_gains_nothing() {
    let (story, number, echo, added) = before_the_label().await;
    story.stranger_edits(number, |body| format!("{body}\n{added}"));
    let with_task = story.issue_now(number).body;
    // Each edit holds two of these.
    let filled = |letter: &str| format!("{with_task}\n<!-- {} -->\n", letter.repeat(3 << 20));
    // One after the other: so much at once would be refused.
    for (at, letter) in ["a", "b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
        story.stranger_edits(number, |_| filled(letter));
        tells_of_edits(&story, number, at + 2).await;
    }
    story.stranger_edits(number, |_| with_task.clone());
    tells_of_edits(&story, number, 9).await;
    counts_for_nothing(story, number, echo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_is_too_large_to_be_taken_vouches_for_nothing() {
    let (story, number, echo, added) = before_the_label().await;
    let before = story.issue_now(number).body;
    let large = format!("{before}\n{added}\n<!-- {} -->\n", "a".repeat(9 << 20));
    story.stranger_edits(number, |_| large.clone());
    story.stranger_edits(number, |_| format!("{before}\n{added}"));
    // Both are refused: what is told of next is the label.
    counts_for_nothing(story, number, echo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_until_an_edit_is_forgotten_gains_nothing() {
    let (story, number, echo, added) = before_the_label().await;
    story.stranger_edits(number, |body| format!("{body}\n{added}"));
    is_told_of(&story, "ops/homelab", "visitor", number).await;
    // As after `inbox.keep_days`.
    let gone = story.store().forget_deliveries(jiff::Timestamp::now(), 1000).await.unwrap();
    assert!(gone >= 2, "{gone}");
    counts_for_nothing(story, number, echo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_text_of_ours_that_a_stranger_saves_brings_nothing_back() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    story.world.ceph_reports("OSD_DOWN", "HEALTH_WARN", "1 osds down");
    story.start().await;
    let number = story.issue(&tasks([merge("D1 P1 Apps", echo), TELEPHONE.to_owned()])).await;
    story.says(number, "caretaker:status").await;
    story.comes_to_rest().await;
    let ours = story.issue_now(number).body;
    let line = ours.lines().find(|line| line.contains("**D1 P1")).unwrap().to_owned();
    let without = ours.replacen(&format!("{line}\n"), "", 1);
    story.world.repository().edit_issue_body("operator", number, &without, None).unwrap();
    story.state_when("gone", |state| state.tasks.values().any(|record| record.gone)).await;
    story.stranger_edits(number, |_| ours.clone());
    story
        .state_when("it is there again, and nobody's", |state| {
            state.tasks.values().any(|record| record.known.id == "D1" && !record.gone && !record.vouched)
        })
        .await;
    story.says(number, "nobody trusted is known to have written this task").await;
    story.world.ceph_recovers("OSD_DOWN");
    nothing_is_approved(&story, echo).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_a_stranger_takes_from_a_title_still_holds() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    let condition = format!("D1 P0 Apps: If approved, merge PR #{echo}");
    let number = story.issue(&tasks([condition.as_str(), TELEPHONE])).await;
    let without = format!("- [ ] **D1 P0 Apps**: Merge PR #{echo}");
    story.start().await;
    question(&story, number).await;
    let with = format!("- [ ] **D1 P0 Apps**: If approved, merge PR #{echo}");
    story.stranger_edits(number, |body| body.replacen(&with, &without, 1));
    nothing_is_approved(&story, echo).await;
    let body = story.issue_now(number).body;
    assert!(body.contains(&without), "the text is the stranger's, and asks for nothing: {body}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_markers_neither_approve_nor_end_nor_close_anything() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    let (number, valkey, approval) = asked(&mut story).await;
    let ticked = format!("- [x] Approve **D1** (code `{}`)", approval.code);
    story.stranger_edits(number, |body| {
        // A note behind the task; then a status of their own, with the approval ticked and a task; then a closing.
        let task = format!("- [ ] **D1 P2 Platform**: Merge PR #{valkey}");
        assert_eq!(body.matches(&task).count(), 1, "{body}");
        let note = format!("{task} *(done 2026-11-21 14:30 UTC: merged as 1a2b3c4, all layers GREEN)*");
        format!(
            "{}\n\n<!-- caretaker:status -->\n{ticked}\n\n{}<!-- /caretaker:status -->\n\n\
             <!-- caretaker:closing -->\n# Closed\n\nEvery task is done, all layers GREEN.\n<!-- /caretaker:closing -->\n",
            body.replacen(&task, &note, 1),
            tasks([merge("D9 P0 Apps", echo)]),
        )
    });
    nothing_is_approved(&story, valkey).await;
    assert!(!story.merged(echo), "a task in a forged block is a stranger's");
    story.comes_to_rest().await;
    let issue = story.issue_now(number);
    assert_eq!(issue.state, IssueState::Open);
    assert!(!issue.title.contains("RESOLVED"), "{}", issue.title);
    assert_eq!(issue.body.matches("<!-- caretaker:status -->").count(), 1, "{}", issue.body);
    assert_eq!(issue.body.matches("<!-- caretaker:closing -->").count(), 0, "{}", issue.body);
    assert!(issue.body.contains("- [ ] **D1 P2"), "{}", issue.body);
    assert_eq!(story.state().await.merges.len(), 0);
    story.operator().comment(number, &yes(&approval)).await.unwrap();
    story.done(number, "D1").await;
    assert!(story.merged(valkey), "the trusted are still heard");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_tick_approves_nothing_whoever_a_forged_delivery_names() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let (number, valkey, approval) = asked(&mut story).await;
    story.comes_to_rest().await;
    // From here on the only deliveries are those of this test.
    story.world.gitea().set_delivery_mode(DeliveryMode::Dropped);
    let open = format!("- [ ] Approve **D1** (code `{}`)", approval.code);
    let ticked = open.replacen("[ ]", "[x]", 1);
    let before = story.issue_now(number).body;
    let after = before.replacen(&open, &ticked, 1);
    assert_ne!(before, after);
    let told = [
        ("visitor", "ops/homelab", SECRET, StatusCode::ACCEPTED),
        ("operator", "ops/homelab", "what a stranger guesses", StatusCode::FORBIDDEN),
        ("operator", "ops/other", SECRET, StatusCode::NOT_FOUND),
    ];
    for (at, (sender, repository, secret, expected)) in told.into_iter().enumerate() {
        let payload = edited(repository, sender, number, &before, &after);
        let status = deliver(&story, secret, &format!("forged-{at}"), &payload).await;
        assert_eq!(status, expected, "{sender} {repository}");
    }
    story.stranger_edits(number, |body| body.replacen(&open, &ticked, 1));
    let asks = yes(&approval);
    story
        .until("the tick is taken back and a comment asked for", number, |issue| {
            issue.body.contains(&asks) && read_approvals(&issue.body).iter().all(|one| !one.ticked)
        })
        .await;
    nothing_is_approved(&story, valkey).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_secret_of_another_repository_vouches_for_nobody() {
    let mut story = Story::begin().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    story.another("second");
    story.looks_after("second");
    let (number, valkey, approval) = asked(&mut story).await;
    story.comes_to_rest().await;
    // From here on the only deliveries are those of this test.
    story.world.gitea().set_delivery_mode(DeliveryMode::Dropped);
    let open = format!("- [ ] Approve **D1** (code `{}`)", approval.code);
    let ticked = open.replacen("[ ]", "[x]", 1);
    let before = story.issue_now(number).body;
    let after = before.replacen(&open, &ticked, 1);
    assert_ne!(before, after);
    // Who administers the second repository sees its hook's secret, and may have seen one that all hooks shared.
    let of_second = secret_of(&"ops/second".parse().unwrap());
    let forged = edited("ops/homelab", "operator", number, &before, &after);
    for (at, secret) in [of_second.as_str(), SECRET].into_iter().enumerate() {
        let status = deliver(&story, secret, &format!("forged-{at}"), &forged).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let stored = story.store().recent_deliveries(1000).await.unwrap();
    assert!(stored.iter().all(|row| !row.id.starts_with("forged")), "nothing of them is stored");
    let own = edited("ops/second", "visitor", 1, "", "Words.");
    assert_eq!(deliver(&story, &of_second, "own", &own).await, StatusCode::ACCEPTED, "it speaks for itself");
    story.stranger_edits(number, |body| body.replacen(&open, &ticked, 1));
    let asks = yes(&approval);
    story
        .until("the tick is taken back and a comment asked for", number, |issue| {
            issue.body.contains(&asks) && read_approvals(&issue.body).iter().all(|one| !one.ticked)
        })
        .await;
    nothing_is_approved(&story, valkey).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_counts_by_who_may_give_it_in_its_place_and_alone_on_its_line() {
    let mut story = Story::begin().await;
    story.stranger_comes(Permission::Read);
    let other = story.world.repository().open_issue("operator", "Another", "Words.", &[]).unwrap();
    let (number, valkey, approval) = asked(&mut story).await;
    let say = yes(&approval);
    let repository = story.world.repository();
    repository.comment("visitor", number, &say).unwrap();
    repository.comment("operator", other, &say).unwrap();
    repository.comment("operator", valkey, &say).unwrap();
    repository.comment("operator", number, &format!("{say} but not before Friday")).unwrap();
    nothing_is_approved(&story, valkey).await;
    repository.comment("operator", number, &say).unwrap();
    story.closed(number).await;
    assert!(story.merged(valkey));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_of_an_earlier_plan_or_from_before_the_question_counts_for_nothing() {
    let mut story = Story::begin().await;
    let (number, valkey, first) = asked(&mut story).await;
    let original = story.world.repository().pull(valkey).unwrap().body;
    let newer = |old: &str| old.replace("8.1.2", "8.1.3");
    let asks_for = |what: &'static str, code_is_first: bool| {
        let code = first.code.clone();
        let story = &story;
        async move {
            story
                .until(what, number, |issue| {
                    let boxes = read_approvals(&issue.body);
                    boxes.iter().any(|one| one.task == "D1" && (one.code == code) == code_is_first)
                })
                .await
        }
    };
    story.renovate_pushes(valkey, "chore: a newer version", newer);
    story.world.repository().edit_pull_body("renovate", valkey, &newer(&original)).unwrap();
    asks_for("the newer version is asked for", false).await;
    story.world.repository().comment("operator", number, &yes(&first)).unwrap();
    nothing_is_approved(&story, valkey).await;
    // The first plan again, by the same code: that comment is older than this question.
    story.next_second().await;
    story.renovate_pushes(valkey, "chore: back again", |old| old.replace("8.1.3", "8.1.2"));
    story.world.repository().edit_pull_body("renovate", valkey, &original).unwrap();
    asks_for("the first version is asked for again", true).await;
    nothing_is_approved(&story, valkey).await;
    story.world.repository().comment("operator", number, &yes(&first)).unwrap();
    story.closed(number).await;
    assert!(story.merged(valkey));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_head_with_the_same_change_keeps_its_approval() {
    let mut story = Story::begin().await;
    let (number, valkey, _) = approved_behind_a_closed_gate(&mut story).await;
    let head = |story: &Story| story.world.repository().pull(valkey).unwrap().head_sha;
    let approved = head(&story);
    // Nobody looks between the two pushes.
    story.stop().await;
    story.renovate_pushes(valkey, "chore: one more thing", |old| format!("{old}# and one more thing\n"));
    story.renovate_pushes(valkey, "chore: without it", |old| old.replace("# and one more thing\n", ""));
    assert_ne!(head(&story), approved);
    story.start().await;
    story.world.ceph_recovers("OSD_DOWN");
    story.closed(number).await;
    assert!(story.merged(valkey));
    assert_eq!(story.state().await.used_comments.len(), 1, "approved once");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_looks_like_renovates_or_does_more_than_its_table_is_not_merged() {
    let mut story = Story::begin().await;
    story.stranger_comes(Permission::Write);
    // The stranger's: branch, title and body are Renovate's own.
    story.world.renovate_sleeps(true);
    let model = story.renovate_opens("excalidraw", "0.17.4");
    let repository = story.world.repository();
    let pull = repository.pull(model).unwrap();
    repository.close_pull("operator", model).unwrap();
    let copied =
        repository.open_pull("visitor", &pull.title, &pull.body, &pull.head_branch, "main", &[]).unwrap();
    // One line more in the file that the table is about.
    let longer = story.renovate_opens("echo", "36.0.1");
    story.renovate_pushes(longer, "chore: one more thing", |old| format!("{old}# and one more thing\n"));
    // One file more.
    let wider = story.renovate_opens("homepage", "v1.4.1");
    let commit = NewCommit {
        author: "renovate".to_owned(),
        message: "chore: something else".to_owned(),
        files: vec![FileChange::text("apps/homepage/extra.yaml", "kind: ConfigMap\n")],
        from: None,
    };
    repository.commit(&repository.pull(wider).unwrap().head_branch, commit).unwrap();
    let good = story.renovate_opens("it-tools", "2024.10.23");
    let head = story.head();
    let number = story.issue_of_merges(&[copied, longer, wider, good]).await;
    story.start().await;
    story.done(number, "D4").await;
    story.says(number, "does not count as Renovate's").await;
    story
        .until("both changes are named", number, |issue| {
            issue.body.matches("its table of updates does not explain").count() >= 2
        })
        .await;
    story.looks(4).await;
    assert!(story.merged(good));
    for pull in [copied, longer, wider] {
        assert_eq!((story.merged(pull), story.merges_asked(pull)), (false, 0), "#{pull}");
    }
    assert_eq!(story.commits_since(&head).len(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_outside_the_allowed_paths_or_of_what_ci_runs_is_a_persons() {
    let mut story = Story::begin().await;
    story.world.renovate_sleeps(true);
    let echo = story.renovate_opens("echo", "36.0.1");
    let repository = story.world.repository();
    // Everything of it is Renovate's, and its table explains each line.
    let workflow = ".gitea/workflows/check.yaml";
    story.pushes("operator", workflow, "steps:\n  - uses: actions/checkout@v4.1.0\n");
    repository.create_branch("renovate", "renovate/checkout", "main").unwrap();
    let commit = NewCommit {
        author: "renovate".to_owned(),
        message: "chore(deps): update actions/checkout to v4.2.0".to_owned(),
        files: vec![FileChange::text(workflow, "steps:\n  - uses: actions/checkout@v4.2.0\n")],
        from: None,
    };
    repository.commit("renovate/checkout", commit).unwrap();
    let marker = repository.pull(echo).unwrap().body;
    let marker = &marker[marker.find("<!--renovate-debug").expect("Renovate's marker")..];
    let table = "| Package | Type | Update | Change |\n|---|---|---|---|\n\
                 | [actions/checkout](https://git.example.org) | action | minor | `v4.1.0` → `v4.2.0` |\n";
    let body = format!("This PR contains the following updates:\n\n{table}\n---\n\n{marker}");
    let title = "chore(deps): update actions/checkout to v4.2.0";
    let ci = repository.open_pull("renovate", title, &body, "renovate/checkout", "main", &[]).unwrap();
    let number = story.issue_of_merges(&[ci, echo]).await;
    story.start().await;
    story.says(number, "which decides what CI runs").await;
    story.done(number, "D2").await;
    story.looks(4).await;
    assert!(story.merged(echo));
    assert_eq!((story.merged(ci), story.merges_asked(ci)), (false, 0));
    story.stop().await;
    // A list that names it is a person's word; what it does not name is a person's.
    let excalidraw = story.renovate_opens("excalidraw", "0.17.4");
    story.repository.paths = vec![".gitea/workflows/check.yaml".to_owned()].into();
    let added = tasks([merge("D3 P2 Apps", excalidraw)]);
    story.operator().append_line(number, &added).await.unwrap();
    story.start().await;
    story.wait("what is listed is merged", || story.merged(ci)).await;
    story.says(number, "not among the paths").await;
    story.looks(4).await;
    assert_eq!((story.merged(excalidraw), story.merges_asked(excalidraw)), (false, 0));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_of_ours_is_no_command_quoted_or_pasted_by_a_stranger() {
    let mut story = Story::with_ceph_crash().await;
    story.settings.sole_writers = false;
    story.webhook = true;
    story.stranger_comes(Permission::Write);
    let block = format!("<!-- caretaker:status -->\n{}<!-- /caretaker:status -->\n", tasks([ARCHIVE]));
    let quoted = format!("> {}\n", block.trim_end().replace('\n', "\n> "));
    let body = format!("{}\nAs it stood there:\n\n{quoted}\n```\n{block}```\n", tasks([TELEPHONE]));
    let number = story.issue(&body).await;
    story.start().await;
    story.state_when("the run has begun", |state| state.began_at.is_some()).await;
    let crashes = |story: &Story| {
        let command = ["ceph", "crash", "ls-new"].map(str::to_owned);
        story.world.ceph_command(&command).stdout.contains("osd.3")
    };
    story.looks(4).await;
    assert!(crashes(&story), "what is quoted is no task");
    assert!(story.issue_now(number).body.contains(&quoted), "a person's bytes stay");
    story.stranger_edits(number, |text| format!("{text}\n{block}"));
    story.looks(6).await;
    assert!(crashes(&story), "{}", story.issue_now(number).body);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_somebody_else_edits_away_goes_on_until_somebody_trusted_lifts_it() {
    let mut story = Story::begin().await;
    story.stranger_comes(Permission::Write);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue(&tasks([TELEPHONE])).await;
    story.start().await;
    story.person_called(number).await;
    let stop = story.operator().comment(number, "/caretaker stop").await.unwrap();
    story.state_when("the stop is seen", |state| state.stop.is_some()).await;
    story.world.repository().edit_comment("visitor", stop, "Go on.").unwrap();
    story.operator().append_line(number, &tasks([merge("D1 P0 Apps", echo)])).await.unwrap();
    story.looks(6).await;
    assert!(!story.merged(echo) && story.merges_asked(echo) == 0, "it is stopped");
    story.operator().comment(number, "/caretaker resume").await.unwrap();
    story.wait("merged", || story.merged(echo)).await;
    story.end().await;
}
