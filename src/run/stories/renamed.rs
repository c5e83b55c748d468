//! A repository that has another name than before: what was learnt of it goes with it.

use super::Story;
use super::repositories::copied;
use super::words::{TELEPHONE, merge, tasks};
use crate::forge::PullNumber;
use crate::merge::Hold;
use crate::run::event::Event;
use jiff::Timestamp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_undone_under_another_name_stays_held() {
    let mut story = Story::begin().await;
    let mut second = story.another("second");
    story.looks_after("second");
    let before = second.open_issue("operator", "Second", &tasks([TELEPHONE]), &["maintenance"]).unwrap();
    let [echo, excalidraw] = [("echo", "36.0.1"), ("excalidraw", "0.17.4")]
        .map(|(app, version)| story.renovate_opens(app, version));
    let [held, free] = [echo, excalidraw].map(|pull| copied(&story, pull, &second));
    story.start().await;
    let is_told = || second.issue(before).is_some_and(|issue| issue.body.contains("caretaker:status"));
    story.wait("it is worked on", is_told).await;
    let package = "ghcr.io/example/http-https-echo".to_owned();
    assert!(second.pull(held).unwrap().body.contains(&package), "what it brings");
    let bad = Hold { package, file: String::new(), version: "36.0.1".to_owned() };
    let event = Event::Held { pull: PullNumber(held), holds: vec![bad], reason: "it broke".to_owned() };
    let run = story.store().open_run("ops/second", before, Timestamp::now()).await.unwrap().id;
    let event = serde_json::to_string(&event).unwrap();
    story.store().append(run, Timestamp::now(), &[event]).await.unwrap();
    story.stop().await;
    second.set_issue_labels("operator", before, &[]).unwrap();
    second.rename("household").unwrap();
    story.others.clear();
    story.looks_after("household");
    let lines = [merge("D1 P0 Apps", held), merge("D2 P1 Apps", free)];
    let number = second.open_issue("operator", "Household", &tasks(lines), &["maintenance"]).unwrap();
    story.start().await;
    let says = |part: &str| second.issue(number).is_some_and(|issue| issue.body.contains(part));
    story.wait("what is not held is merged", || second.pull(free).unwrap().merged).await;
    story.wait("what is held is said", || says("is held")).await;
    story.looks(4).await;
    assert!(!second.pull(held).unwrap().merged, "{}", second.issue(number).unwrap().body);
    story.end().await;
}
