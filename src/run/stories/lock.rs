//! The cluster's lock: not to be read, another's, given back.

use super::Story;
use crate::web::Peer;
use sim::gitea::IssueState;
use sim::kubernetes::{Fault, LEASE, Matcher};

fn one_merge(pull: u64) -> String {
    format!("## Tasks\n\n- [ ] **D1 P0 Apps**: Merge PR #{pull} (echo)\n")
}

/// Who holds the lock, as the Lease says.
pub(super) fn holder(story: &Story) -> Option<String> {
    let lease = story.world.kubernetes().get(&LEASE, Some("caretaker"), "caretaker")?;
    lease["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_cannot_be_read_is_said_in_the_issue_and_nothing_is_done() {
    for (fault, word) in
        [(Fault::Forbid, "does not let caretaker use its lock"), (Fault::DropBefore, "did not answer")]
    {
        let mut story = Story::begin().await;
        let faults = story.world.kubernetes().faults();
        let bad = faults.add(Matcher::resource("leases"), fault);
        let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
        let number = story.issue(&one_merge(echo)).await;
        story.start().await;
        let issue = story.until("the issue says so", number, |issue| issue.body.contains(word)).await;
        assert!(issue.body.contains("nothing is done"), "{}", issue.body);
        let writes = story.body_writes();
        story.looks(4).await;
        assert_eq!(story.effects(), [""; 0]);
        assert_eq!(story.cluster_effects(), [""; 0]);
        assert_eq!(story.body_writes(), writes, "said once");
        assert!(story.readiness_error(Peer::Cluster).is_some(), "the cluster is not called fine");
        faults.remove(bad);
        let issue = story.until("then it works", number, |issue| issue.state == IssueState::Closed).await;
        assert!(!issue.body.contains(word), "{}", issue.body);
        story.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_lost_in_a_change_is_said_and_the_change_goes_on_when_it_is_back() {
    let mut story = Story::begin().await;
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story.issue(&one_merge(echo)).await;
    let head = story.head();
    story.start().await;
    story.wait("merged", || story.merged(echo)).await;
    story.crash().await;
    let faults = story.world.kubernetes().faults();
    let bad = faults.add(Matcher::resource("leases"), Fault::Status(500));
    story.start().await;
    story.until("it is said", number, |issue| issue.body.contains("did not answer")).await;
    faults.remove(bad);
    story.until("the end", number, |issue| issue.state == IssueState::Closed).await;
    assert_eq!(story.commits_since(&head).len(), 1);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_of_anothers_is_not_written_over_while_the_lock_cannot_be_read() {
    let mut first = Story::begin().await;
    let echo = first.world.renovate_opens("echo", "36.0.1").unwrap();
    first.world.argocd_dies();
    let number = first.issue(&one_merge(echo)).await;
    first.start().await;
    first.until("the first one's status", number, |issue| issue.body.contains("UNKNOWN")).await;
    let mut second = first.beside("standby");
    let mut matcher = Matcher::resource("leases");
    matcher.verb = Some("get".to_owned());
    second.world.kubernetes().faults().add(matcher, Fault::Forbid);
    second.start().await;
    second.looks(3).await;
    assert_eq!((second.effects(), second.body_writes()), (Vec::new(), 0));
    second.stop().await;
    first.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lock_is_given_back_while_only_people_are_awaited() {
    let mut story = Story::begin().await;
    let echo = story.world.renovate_opens("echo", "36.0.1").unwrap();
    let number = story
        .issue(&format!(
            "{}- [ ] **P1 P3 Apps**: Ask the supplier for a new password by telephone\n",
            one_merge(echo)
        ))
        .await;
    story.start().await;
    story.wait("it is taken for the work", || holder(&story).is_some()).await;
    story.until("the merge is done", number, |issue| issue.body.contains("- [x] **D1")).await;
    story.wait("and given back", || holder(&story).is_none()).await;
    let excalidraw = story.world.renovate_opens("excalidraw", "0.17.4").unwrap();
    let line = format!("- [ ] **D2 P1 Apps**: Merge PR #{excalidraw} (excalidraw)");
    story.world.person("operator").unwrap().append_line(number, &line).await.unwrap();
    story.until("taken again for what comes", number, |issue| issue.body.contains("- [x] **D2")).await;
    story.end().await;
}
