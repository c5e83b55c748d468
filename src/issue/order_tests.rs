//! The order of work as a table: what people wrote, and in which order it is done.

use super::{order, read};
use crate::forge::PullNumber;
use crate::merge::{Category, UpdateType};

fn words(text: &str) -> (Option<Category>, UpdateType) {
    let category = [
        ("bundle", Category::NonMajor),
        ("kured", Category::Platform),
        ("grafana", Category::Monitoring),
        ("cert-manager", Category::Core),
        ("postgres", Category::Database),
    ]
    .into_iter()
    .find(|(word, _)| text.contains(word))
    .map(|(_, category)| category);
    let update = if text.contains("patch") { UpdateType::Patch } else { UpdateType::Minor };
    (category, update)
}

fn planned(body: &str) -> Vec<String> {
    let reading = read(body, &words).expect("readable");
    order(&reading.tasks, &|_| None)
        .iter()
        .map(|key| reading.task(key).expect("one of them").id.clone())
        .collect()
}

#[test]
fn tables() {
    for (name, body, expected) in [
        ("priority", "- [ ] A1 P3 Fix a\n- [ ] A2 P0 Fix b\n- [ ] A3 P1 Fix c\n", vec!["A2", "A3", "A1"]),
        (
            "layers, then the written order, no layer last",
            "- [ ] **A1 P1**: Fix a\n- [ ] **A2 P1 Apps**: Fix b\n- [ ] **A3 P1 Metal**: Fix c\n\
             - [ ] **A4 P1 Metal**: Fix d\n",
            vec!["A3", "A4", "A2", "A1"],
        ),
        (
            "merges by category, update type and number, after everything else of their priority",
            "- [ ] **A1 P2 Apps**: Merge PR #9 (postgres)\n- [ ] **A2 P2 Apps**: Merge PR #8 some app\n\
             - [ ] **A3 P2 Platform**: Merge PR #7 cert-manager\n- [ ] **A4 P2 Apps**: Merge PR #6 grafana\n\
             - [ ] **A5 P2 Metal**: Merge PR #5 kured\n- [ ] **A6 P2 All**: Merge PR #4 bundle\n\
             - [ ] **A7 P2 Apps**: Merge PR #3 grafana patch\n- [ ] **A8 P2 Apps**: Fix a\n\
             - [ ] **A9 P2 Apps**: Merge PR #2 grafana\n- [ ] **B1 P3 Apps**: Merge PR #1 bundle\n",
            vec!["A8", "A6", "A5", "A7", "A9", "A4", "A3", "A2", "A1", "B1"],
        ),
        (
            "a final gate comes last and makes nothing urgent",
            "- [ ] **F1 P0 All**: Final validation gate\n- [ ] **A1 P3 Apps**: Fix a\n- [ ] **A2 P2 Apps**: Fix b\n",
            vec!["A2", "A1", "F1"],
        ),
        (
            "a check after all changes closes the work, and a person's final gate stands last as well",
            "- [ ] **F1 P0 System**: Run universal validation gate after all changes\n\
             - [ ] **F2 P0 All**: Verify all layers are GREEN after the merges\n\
             - [ ] **F3 P0 All**: Verify all nodes are Ready after all merges\n\
             - [ ] **F4 P0 All**: Execute final universal validation gate\n\
             - [ ] **F5 P0 All**: Final verification: all layers GREEN\n\
             - [ ] **F6 P0 All**: Run final gate & update change log\n\
             - [ ] **F7 P0 All**: Verify everything is GREEN after all merges\n\
             - [ ] **A1 P3 Apps**: Fix a\n",
            vec!["A1", "F1", "F2", "F3", "F5", "F6", "F7", "F4"],
        ),
        (
            "what turns a check GREEN goes before it, whatever its priority",
            "- [ ] **A1 P0 System**: Verify Ceph HEALTH_OK\n- [ ] **A2 P1 System**: Fix a\n\
             - [ ] **A3 P2 System**: Archive Ceph crash reports\n  - **Commands**: `ceph crash archive-all`\n",
            vec!["A3", "A1", "A2"],
        ),
        (
            "what something urgent depends on is as urgent",
            "- [ ] **A1 P0 Apps**: Fix a\n  - **Depends on**: A3\n- [ ] **A2 P1 Apps**: Fix b\n\
             - [ ] **A3 P3 Apps**: Fix c\n",
            vec!["A3", "A1", "A2"],
        ),
        (
            "a closing follows the merge that resolves it",
            "- [ ] **A1 P2 Apps**: Close issue #40 once PR #9 is merged\n- [ ] **A2 P2 Apps**: Merge PR #9 grafana\n\
             - [ ] **A3 P2 Apps**: Merge PR #8 cert-manager\n",
            vec!["A2", "A1", "A3"],
        ),
        (
            "a circle is cut",
            "- [ ] **A1 P2 Apps**: Fix a\n  - **Depends on**: A2\n- [ ] **A2 P2 Apps**: Fix b\n  - **Depends on**: A1\n",
            vec!["A1", "A2"],
        ),
        (
            "what waits for a final gate comes after it, and the gate does not wait for it",
            "- [ ] **A1 P1 Apps**: Close #12 after F1\n- [ ] **A2 P3 Apps**: Fix b\n- [ ] **F1 P0 All**: Final validation gate\n",
            vec!["A2", "F1", "A1"],
        ),
        (
            "ranges, pull requests, small letters and what comes before another",
            "- [ ] **A1 P0 Apps**: Fix a\n  - Depends on: B1-B2\n- [ ] **A2 P1 Apps**: Fix b\n  - Needs: PR #8\n\
             - [ ] **A3 P1 Apps**: Fix c\n  - Blocked by: c9\n- [ ] **A4 P3 Apps**: Fix d before A2\n\
             - [ ] **B1 P3 Apps**: Fix e\n- [ ] **B2 P3 Apps**: Fix f\n- [ ] **C9 P3 Apps**: Merge PR #8 grafana\n",
            vec!["B1", "B2", "A1", "A4", "C9", "A2", "A3"],
        ),
        (
            "checks under a heading of what comes afterwards, below every merge, are of what was merged",
            "## Phase 1: preparation\n- [ ] **A1 P2 Apps**: Verify all pods are Running\n## Phase 2: merges\n\
             - [ ] **A2 P2 Apps**: Merge PR #5 grafana\n- [ ] **A3 P3 Apps**: Merge PR #6 grafana\n\
             ## Phase 3: post-upgrade validation\n- [ ] **A4 P2 Apps**: Verify all pods are Running\n\
             - [ ] **A5 P2 Apps**: Look at the dashboards\n## More\n- [ ] **A6 P1 Apps**: Fix a\n\
             - [ ] **F1 P0 All**: Final validation gate\n",
            vec!["A6", "A1", "A2", "A3", "A4", "A5", "F1"],
        ),
        ("ticked tasks are not planned", "- [x] A1 P1 Fix a\n- [ ] A2 P2 Fix b\n", vec!["A2"]),
        (
            "headings give priorities, lines stand for ids",
            "### Low\n- [ ] Fix a\n\n### High Priority\n- [ ] Fix b\n",
            vec!["T5", "T2"],
        ),
        (
            "doubled ids",
            "- [ ] **A1 P1**: Fix a\n- [ ] **A1 P0**: Fix b\n- [ ] **T1 P3**: Fix c\n",
            vec!["T2", "T1", "T3"],
        ),
    ] {
        assert_eq!(planned(body), expected, "{name}");
    }
}

#[test]
fn what_broke_during_the_run_goes_first_whatever_its_priority() {
    let body = "- [ ] **A1 P0 Metal**: Fix a\n- [ ] **A2 P0 Metal**: Fix b\n  - **Depends on**: A3\n\
                - [ ] **A3 P3 Apps**: Fix c\n- [ ] **A4 P2 Apps**: Fix d\n- [ ] **F1 P0 All**: Final validation gate\n";
    let mut reading = read(body, &words).expect("readable");
    for task in reading.tasks.iter_mut().filter(|task| task.id == "A4") {
        task.broke = true;
    }
    let order = order(&reading.tasks, &|_| None);
    let ids: Vec<&str> =
        order.iter().filter_map(|key| reading.task(key)).map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["A4", "A1", "A3", "A2", "F1"]);
}

#[test]
fn what_the_forge_says_of_a_pull_request_counts_more_than_words() {
    let body = "- [ ] A1 P2 Merge PR #1 grafana\n- [ ] A2 P2 Merge PR #2 kured\n";
    let reading = read(body, &words).expect("readable");
    let facts = |pull: PullNumber| (pull.0 == 2).then_some((Category::Database, UpdateType::Patch));
    let first = order(&reading.tasks, &facts)[0].clone();
    assert_eq!(reading.task(&first).map(|task| task.id.as_str()), Some("A1"));
}
