use super::history::told;
use super::{Hints, Keep, Payload};
use crate::forge::RepositoryName;
use crate::store::KeptPayload;
use jiff::Timestamp;
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

#[tokio::test]
async fn a_delivery_waits_until_the_mark_that_it_set_is_taken() {
    let hints = Hints::default();
    let (first, second): (Timestamp, Timestamp) =
        ("2026-11-21T10:00:00Z".parse().unwrap(), "2026-11-21T10:00:01Z".parse().unwrap());
    hints.mark_since(&name("ops/homelab"), second);
    assert!(!hints.waits("ops/homelab", first), "a look followed before the mark");
    assert!(hints.waits("ops/homelab", second) && !hints.waits("ops/other", second));
    // One that came before, and was stored after.
    hints.mark_since(&name("ops/homelab"), first);
    assert!(hints.waits("ops/homelab", first));
    hints.notified().await;
    assert!(!hints.waits("ops/homelab", first) && !hints.waits("ops/homelab", second));
}

#[test]
fn what_tells_of_maintenance_issues_is_kept() {
    let labelled = r#""issue":{"number":7,"labels":[null,{"name":"bug"},{"name":"Maintenance"}]}"#;
    let other = r#""issue":{"number":7,"labels":[]}"#;
    let cases = [
        (format!(r#"{{"action":"opened",{other}}}"#), Keep::Always),
        (format!(r#"{{"action":"edited",{other}}}"#), Keep::Always),
        (format!(r#"{{"action":"label_updated",{labelled}}}"#), Keep::Always),
        (format!(r#"{{"action":"created","comment":{{"id":1}},{labelled}}}"#), Keep::Always),
        (format!(r#"{{"action":"closed",{labelled}}}"#), Keep::Always),
        (format!(r#"{{"action":"label_cleared",{other}}}"#), Keep::OfRuns),
        (format!(r#"{{"action":"edited","comment":{{"id":1}},{other}}}"#), Keep::OfRuns),
        (r#"{"action":"closed","issue":{"number":7,"labels":null}}"#.to_owned(), Keep::OfRuns),
        (format!(r#"{{"action":"created","comment":{{"id":1}},"is_pull":true,{labelled}}}"#), Keep::Nothing),
        (
            r#"{"action":"edited","issue":{"number":7,"pull_request":{"merged":false}}}"#.to_owned(),
            Keep::Nothing,
        ),
        (r#"{"action":"edited","pull_request":{"number":7}}"#.to_owned(), Keep::Nothing),
        (r#"{"action":"edited","issue":{"number":0}}"#.to_owned(), Keep::Nothing),
        (r#"{"action":"edited","issue":null}"#.to_owned(), Keep::Nothing),
        (r#"{"ref":"refs/heads/main"}"#.to_owned(), Keep::Nothing),
    ];
    for (payload, expected) in cases {
        let parsed: Payload = serde_json::from_str(&payload).unwrap();
        assert_eq!(parsed.keep("maintenance"), expected, "{payload}");
    }
}

#[test]
fn only_payloads_that_tell_of_the_body_are_edits() {
    let payloads = [
        r#"{"action":"opened","issue":{"number":7,"body":"a"}}"#,
        r#"{"action":"edited","issue":{"number":7,"body":"b"},"changes":{"body":{"from":"a"},"added_labels":null}}"#,
        r#"{"action":"edited","issue":{"number":7,"body":"b"},"changes":{"title":{"from":"old"}}}"#,
        r#"{"action":"label_updated","issue":{"number":7,"body":"b"}}"#,
        r#"{"action":"edited","issue":null,"changes":null}"#,
        "not json",
    ]
    .map(|payload| KeptPayload {
        sender: "operator".to_owned(),
        received_at: Timestamp::UNIX_EPOCH,
        payload: payload.to_owned(),
    });
    let told: Vec<_> = told(payloads.into())
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
}
