//! What is kept of deliveries, and what is forgotten.

use super::{Delivery, Evidence, Stored};
use crate::store::Store;
use jiff::{SignedDuration, Timestamp};

fn delivery(id: &str, issue: u64, payload: Option<&str>) -> Delivery {
    Delivery {
        id: id.to_owned(),
        received_at: Timestamp::now(),
        event: "issues".to_owned(),
        action: "edited".to_owned(),
        repository: "ops/homelab".to_owned(),
        issue: Some(issue),
        sender: "operator".to_owned(),
        evidence: payload.map(|text| Evidence {
            payload: text.to_owned(),
            hash: format!("hash of {text}"),
            comment: None,
            of_runs_only: false,
        }),
    }
}

async fn ids(store: &Store) -> Vec<String> {
    let mut rows = store.recent_deliveries(100).await.unwrap();
    rows.reverse();
    rows.into_iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn a_delivery_counts_once_and_a_payload_is_evidence_once() {
    let store = Store::in_memory().await.unwrap();
    let first = delivery("d1", 7, Some("{}"));
    assert_eq!(store.put_deliveries(&[&first]).await.unwrap(), [Stored::New]);
    let (again, other) = (delivery("d2", 7, Some("{}")), delivery("d3", 7, Some("{\"a\":1}")));
    let answers = store.put_deliveries(&[&first, &again, &again, &other]).await.unwrap();
    assert_eq!(answers, [Stored::Duplicate, Stored::Repeated, Stored::Duplicate, Stored::New]);
    let payloads = store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
    assert_eq!(payloads.iter().map(|kept| kept.payload.as_str()).collect::<Vec<_>>(), ["{}", "{\"a\":1}"]);
    let rows = store.recent_deliveries(2).await.unwrap();
    assert_eq!(rows[0].id, "d3");
    assert!(rows[0].has_payload && rows[0].repeats.is_none());
    assert!(!rows[1].has_payload);
    assert_eq!(rows[1].repeats.as_deref(), Some("d1"));
}

#[tokio::test]
async fn what_only_matters_to_runs_is_kept_where_there_is_or_was_one() {
    let store = Store::in_memory().await.unwrap();
    let run = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
    store.end_run(run.id, Timestamp::now()).await.unwrap();
    let of_runs = |id: &str, issue| {
        let mut delivery = delivery(id, issue, Some(id));
        delivery.evidence.as_mut().unwrap().of_runs_only = true;
        delivery
    };
    store.put_deliveries(&[&of_runs("d1", 7), &of_runs("d2", 8)]).await.unwrap();
    assert_eq!(store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap().len(), 1);
    assert!(store.issue_payloads("ops/homelab", 8, u64::MAX).await.unwrap().is_empty());
    assert_eq!(store.count_deliveries().await.unwrap(), 2);
}

#[tokio::test]
async fn that_a_comment_was_edited_is_known_to_a_run_that_begins_later() {
    let store = Store::in_memory().await.unwrap();
    let mut edit = delivery("d1", 8, Some("a"));
    let evidence = edit.evidence.as_mut().unwrap();
    (evidence.comment, evidence.of_runs_only) = (Some(31), true);
    store.put_deliveries(&[&edit]).await.unwrap();
    let rows = store.recent_deliveries(1).await.unwrap();
    assert!(!rows[0].has_payload, "there is no run");
    store.open_run("ops/homelab", 8, Timestamp::now()).await.unwrap();
    assert_eq!(store.edited_comments("ops/homelab", 8).await.unwrap(), [31].into());
}

#[tokio::test]
async fn one_that_cannot_be_written_leaves_none_of_its_transaction() {
    let store = Store::in_memory().await.unwrap();
    store.leave_room(Some(8)).await;
    let large = "x".repeat(1 << 20);
    let (small, large) = (delivery("d1", 7, Some("{}")), delivery("d2", 7, Some(&large)));
    let error = store.put_deliveries(&[&small, &large]).await.unwrap_err();
    assert!(error.to_string().contains("store failed"), "{error}");
    assert_eq!(store.count_deliveries().await.unwrap(), 0);
    store.leave_room(None).await;
    assert_eq!(store.put_deliveries(&[&small, &large]).await.unwrap(), [Stored::New, Stored::New]);
}

#[tokio::test]
async fn evidence_of_one_issue_is_kept_up_to_a_size_edits_before_the_rest() {
    let store = Store::in_memory().await.unwrap();
    store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
    let of = |id: &str, issue, action: &str, letter: char| {
        let mut one = delivery(id, issue, Some(&letter.to_string().repeat(10)));
        action.clone_into(&mut one.action);
        one
    };
    let about_comment = |mut one: Delivery| {
        one.evidence.as_mut().unwrap().comment = Some(5);
        one
    };
    for one in [
        of("d1", 7, "opened", 'a'),
        of("d2", 7, "edited", 'b'),
        of("d3", 7, "created", 'c'),
        of("d4", 7, "edited", 'd'),
        // Under another event's name, which is not signed.
        about_comment(of("d5", 7, "edited", 'e')),
        of("d6", 8, "opened", 'f'),
    ] {
        store.put_deliveries(&[&one]).await.unwrap();
    }
    assert_eq!(store.forget_evidence_beyond(50).await.unwrap(), 0);
    assert_eq!(store.forget_evidence_beyond(40).await.unwrap(), 1, "the older comment");
    assert_eq!(store.forget_evidence_beyond(25).await.unwrap(), 2, "the other one, and the oldest edit");
    let payloads = store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
    let left: Vec<&str> = payloads.iter().map(|kept| &kept.payload[..1]).collect();
    assert_eq!(left, ["b", "d"]);
    let edited = store.edited_comments("ops/homelab", 7).await.unwrap();
    assert_eq!(edited, [5].into(), "that it was edited is known without the payload");
    assert_eq!(store.issue_payloads("ops/homelab", 8, u64::MAX).await.unwrap().len(), 1);
    assert_eq!(store.count_deliveries().await.unwrap(), 6, "that they came is still known");
    let again = of("d7", 7, "opened", 'a');
    assert_eq!(store.put_deliveries(&[&again]).await.unwrap(), [Stored::Repeated], "nor are they news again");
}

#[tokio::test]
async fn a_look_reads_edits_of_the_text_up_to_a_size_and_of_comments_their_numbers() {
    let store = Store::in_memory().await.unwrap();
    let of = |id: &str, action: &str, comment| {
        let mut one = delivery(id, 7, Some(&format!("{id}{}", "x".repeat(100))));
        action.clone_into(&mut one.action);
        one.evidence.as_mut().unwrap().comment = comment;
        one
    };
    for one in [
        of("d1", "opened", None),
        of("d2", "edited", None),
        of("d3", "edited", Some(31)),
        of("d4", "edited", Some(31)),
        of("d5", "created", Some(32)),
        of("d6", "edited", Some(0)),
        of("d7", "edited", None),
    ] {
        store.put_deliveries(&[&one]).await.unwrap();
    }
    for (bytes, expected) in
        [(u64::MAX, &["d1", "d2", "d7"][..]), (306, &["d1", "d2", "d7"]), (305, &["d2", "d7"]), (101, &[])]
    {
        let payloads = store.issue_payloads("ops/homelab", 7, bytes).await.unwrap();
        let read: Vec<&str> = payloads.iter().map(|kept| &kept.payload[..2]).collect();
        assert_eq!(read, expected, "{bytes}");
    }
    assert_eq!(store.edited_comments("ops/homelab", 7).await.unwrap(), [31].into());
    assert!(store.edited_comments("ops/homelab", 8).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_kept_before_is_told_apart_by_its_payload() {
    let store = Store::in_memory().await.unwrap();
    for (id, payload) in [
        ("d1", r#"{"comment":{"id":5}}"#),
        ("d2", r#"{"comment":{"id":"five"}}"#),
        ("d3", r#"{"comment":null}"#),
        ("d4", "no json"),
    ] {
        store.put_deliveries(&[&delivery(id, 7, Some(payload))]).await.unwrap();
    }
    // As it was before that migration.
    let before =
        "DROP INDEX delivery_issue; DROP INDEX delivery_comment; ALTER TABLE delivery DROP COLUMN comment;
                  CREATE INDEX delivery_issue ON delivery (repository, issue)";
    sqlx::raw_sql(before).execute(&store.writer).await.unwrap();
    let migration = include_str!("../../../migrations/0003_payloads_about_comments.sql");
    sqlx::raw_sql(migration).execute(&store.writer).await.unwrap();
    let payloads = store.issue_payloads("ops/homelab", 7, u64::MAX).await.unwrap();
    let texts: Vec<&str> = payloads.iter().map(|kept| kept.payload.as_str()).collect();
    assert_eq!(texts, [r#"{"comment":null}"#, "no json"]);
    assert_eq!(store.edited_comments("ops/homelab", 7).await.unwrap(), [5].into());
}

#[tokio::test]
async fn payloads_are_forgotten_beyond_a_size_the_oldest_first_and_those_of_open_runs_never() {
    let store = Store::in_memory().await.unwrap();
    let open = store.open_run("ops/homelab", 7, Timestamp::now()).await.unwrap();
    for (id, issue) in [("d1", 7), ("d2", 8), ("d3", 9), ("d4", 7), ("d5", 8)] {
        store.put_deliveries(&[&delivery(id, issue, Some(&format!("{id} payload")))]).await.unwrap();
    }
    let kept = || async {
        let mut rows = store.recent_deliveries(100).await.unwrap();
        rows.reverse();
        rows.into_iter().filter(|row| row.has_payload).map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(store.forget_payloads_beyond(30, 10).await.unwrap(), 0);
    assert_eq!(store.forget_payloads_beyond(0, 1).await.unwrap(), 1);
    assert_eq!(kept().await, ["d1", "d3", "d4", "d5"], "in small parts");
    assert_eq!(store.forget_payloads_beyond(19, 10).await.unwrap(), 1);
    assert_eq!(kept().await, ["d1", "d4", "d5"]);
    assert_eq!(store.forget_payloads_beyond(0, 10).await.unwrap(), 1);
    assert_eq!(kept().await, ["d1", "d4"]);
    store.end_run(open.id, Timestamp::now()).await.unwrap();
    assert_eq!(store.forget_payloads_beyond(0, 10).await.unwrap(), 2, "the run is over");
    assert_eq!(store.count_deliveries().await.unwrap(), 5, "that they came is still known");
}

#[tokio::test]
async fn the_oldest_are_forgotten_and_evidence_of_open_runs_never() {
    let store = Store::in_memory().await.unwrap();
    let now = Timestamp::now();
    let open = store.open_run("ops/homelab", 7, now).await.unwrap();
    for (place, (issue, payload)) in
        [(7, Some("a")), (7, None), (8, Some("b")), (9, None), (7, Some("c"))].into_iter().enumerate()
    {
        let mut one = delivery(&format!("d{place}"), issue, payload);
        one.received_at = now - SignedDuration::from_hours(10 - i64::try_from(place).unwrap());
        store.put_deliveries(&[&one]).await.unwrap();
    }
    assert_eq!(store.count_forgettable().await.unwrap(), 3);
    assert_eq!(store.forget_deliveries(now - SignedDuration::from_hours(11), 10).await.unwrap(), 0);
    assert_eq!(store.forget_deliveries(now, 1).await.unwrap(), 1);
    assert_eq!(ids(&store).await, ["d0", "d2", "d3", "d4"], "in small parts, the oldest first");
    assert_eq!(store.forget_deliveries(now - SignedDuration::from_mins(7 * 60 + 30), 10).await.unwrap(), 1);
    assert_eq!(ids(&store).await, ["d0", "d3", "d4"]);
    assert_eq!(store.forget_deliveries(now, 10).await.unwrap(), 1);
    assert_eq!(ids(&store).await, ["d0", "d4"]);
    store.end_run(open.id, now).await.unwrap();
    assert_eq!(store.forget_deliveries(now, 10).await.unwrap(), 2, "the run is over");
}

#[tokio::test]
async fn that_a_comment_was_edited_is_not_forgotten_while_its_run_is_open() {
    let store = Store::in_memory().await.unwrap();
    let now = Timestamp::now();
    let run = store.open_run("ops/homelab", 7, now).await.unwrap();
    for (id, issue, comment) in [("d1", 7, 31), ("d2", 7, 31), ("d3", 7, 32), ("d4", 8, 31), ("d5", 7, 0)] {
        let mut edit = delivery(id, issue, Some(&format!("{id}{}", "x".repeat(100))));
        edit.evidence.as_mut().unwrap().comment = Some(comment);
        store.put_deliveries(&[&edit]).await.unwrap();
    }
    // Comments go first, and of those without a payload one row each is enough.
    store.forget_evidence_beyond(0).await.unwrap();
    assert_eq!(store.count_forgettable().await.unwrap(), 3);
    assert_eq!(store.forget_deliveries(now + SignedDuration::from_hours(1), 10).await.unwrap(), 3);
    assert_eq!(ids(&store).await, ["d2", "d3"]);
    assert_eq!(store.edited_comments("ops/homelab", 7).await.unwrap(), [31, 32].into());
    store.end_run(run.id, now).await.unwrap();
    assert_eq!(store.forget_deliveries(now + SignedDuration::from_hours(1), 10).await.unwrap(), 2);
}

async fn lost(store: &Store, bytes: u64) -> bool {
    store.has_lost_payloads("ops/homelab", 7, bytes).await.unwrap()
}

#[tokio::test]
async fn that_something_is_missing_of_a_text_is_known_however_it_went() {
    let large = "x".repeat(1000);
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let store = Store::in_memory().await.unwrap();
    assert!(!lost(&store, 500).await, "nothing ever came");
    let mut comment = delivery("d0", 7, Some("c"));
    comment.evidence.as_mut().unwrap().comment = Some(5);
    let mut label = delivery("d1", 7, None);
    "label_updated".clone_into(&mut label.action);
    store.put_deliveries(&[&comment, &label, &delivery("d2", 7, Some(&large))]).await.unwrap();
    store.put_deliveries(&[&delivery("d3", 7, Some(&large))]).await.unwrap();
    assert!(!lost(&store, 1000).await, "a payload that came twice is there once");
    assert!(lost(&store, 999).await, "more than is read");
    store.forget_evidence_beyond(500).await.unwrap();
    assert!(lost(&store, 1000).await, "not kept any more");
    assert!(!store.has_lost_payloads("ops/homelab", 8, 0).await.unwrap(), "of another");
    assert_eq!(store.forget_deliveries(later, 10).await.unwrap(), 4);
    assert_eq!(store.count_deliveries().await.unwrap(), 0);
    assert!(lost(&store, u64::MAX).await, "nor is its row");
    // What never had to do with a text leaves nothing behind.
    let store = Store::in_memory().await.unwrap();
    store.put_deliveries(&[&comment, &label]).await.unwrap();
    assert_eq!(store.forget_deliveries(later, 10).await.unwrap(), 2);
    assert!(!lost(&store, u64::MAX).await);
}
