use super::{Hints, edited_comments, from_hex, issue_edits};
use crate::forge::RepositoryName;
use std::time::Duration;

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a repository")
}

#[tokio::test]
async fn marks_before_a_look_are_one_look() {
    let hints = Hints::default();
    for _ in 0..3 {
        hints.mark(&name("ops/homelab"));
    }
    hints.mark(&name("ops/other"));
    assert_eq!(hints.notified().await, [name("ops/homelab"), name("ops/other")].into());
    let nothing = tokio::time::timeout(Duration::from_millis(20), hints.notified()).await;
    assert!(nothing.is_err(), "no mark is left");

    let waiting = hints.clone();
    let look = tokio::spawn(async move { waiting.notified().await });
    hints.mark(&name("ops/homelab"));
    let marked =
        tokio::time::timeout(Duration::from_secs(5), look).await.expect("in time").expect("no panic");
    assert_eq!(marked, [name("ops/homelab")].into());
}

#[test]
fn hexadecimal_digits_are_read_and_nothing_else() {
    assert_eq!(from_hex("00fFa0"), Some(vec![0, 255, 160]));
    for text in ["0", "0g", "  ", "é0", "+1", "sha256=00"] {
        assert_eq!(from_hex(text), None, "{text}");
    }
}

#[test]
fn only_payloads_that_tell_of_the_body_are_edits() {
    let payloads = [
        r#"{"action":"opened","issue":{"number":7,"body":"a"}}"#,
        r#"{"action":"edited","issue":{"number":7,"body":"b"},"changes":{"body":{"from":"a"},"added_labels":null}}"#,
        r#"{"action":"edited","issue":{"number":7,"body":"b"},"changes":{"title":{"from":"old"}}}"#,
        r#"{"action":"label_updated","issue":{"number":7,"body":"b"}}"#,
        r#"{"action":"edited","issue":{"number":7,"body":"b"},"comment":{"id":5,"body":"new"},"changes":{"body":{"from":"x"}}}"#,
        r#"{"action":"created","issue":{"number":7,"body":"b"},"comment":{"id":6,"body":"word"}}"#,
        r#"{"action":"edited","issue":null,"changes":null}"#,
        "not json",
    ]
    .map(|payload| ("operator".to_owned(), payload.to_owned()));
    let told: Vec<_> = issue_edits(&payloads)
        .into_iter()
        .map(|edit| (edit.sender, edit.action, edit.body_before, edit.body_after))
        .collect();
    let operator = || "operator".to_owned();
    assert_eq!(
        told,
        [
            (operator(), "opened".to_owned(), None, Some("a".to_owned())),
            (operator(), "edited".to_owned(), Some("a".to_owned()), Some("b".to_owned())),
        ]
    );
    assert_eq!(edited_comments(&payloads), [5].into());
}
