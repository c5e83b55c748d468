//! `.caretaker.toml`: it asks for more care and is heard, or it is refused and the repository is only observed.

use super::Story;
use crate::issue::read_approvals;
use crate::run::situation::Mode;
use sim::gitea::{Fault, Rule};

const FILE: &str = ".caretaker.toml";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_asks_for_more_care_counts_and_one_that_asks_for_less_is_refused() {
    let mut story = Story::begin().await;
    story.repository.allow_repository_file = true;
    story.pushes("operator", FILE, "mode = \"approve\"\n");
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.until("it asks before each change", number, |issue| !read_approvals(&issue.body).is_empty()).await;
    story.pushes("operator", FILE, "trusted = [\"visitor\"]\n");
    let issue = story.says(number, "is refused as a whole").await;
    assert!(issue.body.contains("unknown field"), "{}", issue.body);
    let before = story.effects();
    story.looks(4).await;
    assert!(!story.merged(echo));
    assert_eq!(story.effects(), before, "it only observes");
    story.pushes(
        "operator",
        FILE,
        "[[merge.foundations]]\nname = \"the echo\"\npackages = [\"http-https-echo\"]\n",
    );
    let issue = story.says(number, "the echo").await;
    assert!(!issue.body.contains("refused as a whole"), "{}", issue.body);
    story.looks(3).await;
    assert!(!story.merged(echo), "a foundation is a person's");
    story.pushes("operator", FILE, "mode = \"auto\"\n");
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_is_unknown_and_the_repository_is_only_observed() {
    let mut story = Story::begin().await;
    story.repository.allow_repository_file = true;
    let echo = story.renovate_opens("echo", "36.0.1");
    let faults = story.world.gitea().faults();
    let broken =
        faults.add(Rule::new("GET", "/contents/.caretaker.toml", Fault::Status(403)).unwrap().always());
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.says(number, "could not be read").await;
    story.looks(3).await;
    assert!(!story.merged(echo));
    assert_eq!(story.effects(), [""; 0]);
    faults.remove(broken);
    story.closed(number).await;
    assert!(story.merged(echo));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_allowed_is_not_even_read() {
    let mut story = Story::begin().await;
    story.pushes("operator", FILE, "mode = \"observe\"\n");
    assert_eq!(story.repository.mode, Mode::Auto);
    let echo = story.renovate_opens("echo", "36.0.1");
    let number = story.issue_of_merges(&[echo]).await;
    story.start().await;
    story.closed(number).await;
    let requests = story.world.gitea().requests();
    assert!(!requests.iter().any(|one| one.path.contains("caretaker.toml")));
    story.end().await;
}
