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
fn what_the_forge_says_of_a_pull_request_counts_more_than_words() {
    let body = "- [ ] A1 P2 Merge PR #1 grafana\n- [ ] A2 P2 Merge PR #2 kured\n";
    let reading = read(body, &words).expect("readable");
    let facts = |pull: PullNumber| (pull.0 == 2).then_some((Category::Database, UpdateType::Patch));
    let first = order(&reading.tasks, &facts)[0].clone();
    assert_eq!(reading.task(&first).map(|task| task.id.as_str()), Some("A1"));
}

/// Makes one task of a text, by its number.
type Shape = fn(usize) -> String;

#[test]
fn reading_and_ordering_grow_with_the_text() {
    let shapes: [(&str, Shape); 9] = [
        ("alike", |_| "- [ ] a\n".to_owned()),
        ("headings", |_| "# a\n- [ ] b\n".to_owned()),
        ("a chain", |at| format!("- [ ] **A{at} P1**: Fix a{at} after A{}\n", at + 1)),
        ("one merge for all", |at| format!("- [ ] **A{at}**: Merge PR #5 grafana\n")),
        ("one id and one merge for all", |_| "- [ ] **A1**: Merge PR #5 grafana\n".to_owned()),
        ("a merge after the merge before it", |at| {
            format!("- [ ] **A{}**: Merge PR #{at} grafana after A{at}\n", at + 1)
        }),
        ("a decision and a closing of one pull request", |at| {
            if at % 2 == 0 {
                "- [ ] Review or defer PR #5\n".to_owned()
            } else {
                "- [ ] Close #6 once PR #5 is merged\n".to_owned()
            }
        }),
        ("a forged name for each", |at| {
            format!(
                "<!-- caretaker:n{at} -->\n<!-- caretaker:n{at} -->\n\n- [ ] a\n\n<!-- /caretaker:n{at} -->\n"
            )
        }),
        ("one name for all", |at| {
            if at % 2 == 0 {
                "- [ ] Fix grafana\n".to_owned()
            } else {
                "- [ ] **P1 Apps**: Verify grafana returns to GREEN\n".to_owned()
            }
        }),
    ];
    for (name, shape) in shapes {
        let cost = |count: usize| {
            let body: String = (0..count).map(shape).collect();
            cost(|| {
                let reading = read(&body, &words).expect("readable");
                assert_eq!(order(&reading.tasks, &|_| None).len(), count, "{name}");
            })
        };
        let ratio = cost(1_000) / cost(250);
        // Linear is 4, quadratic 16.
        assert!(ratio < 12.0, "{name}: four times the text took {ratio:.1} times as long");
    }
}

/// What is wished for is written into texts made to cost much: markers of as many names as lines, within each other or
/// alone, of one name, whole blocks of ours, notes on one line.
#[test]
fn writing_and_judging_grow_with_the_text() {
    let own =
        super::marks::render(&super::marks::Mark::new("packet", "### Packet"), checklist::LineEnding::Lf);
    let open = |at: usize| format!("<!-- caretaker:n{at} -->\n");
    let close = |at: usize| format!("<!-- /caretaker:n{at} -->\n");
    let shapes: [(&str, &dyn Fn(usize) -> String); 6] = [
        ("names alone", &|count| (0..count).map(open).collect()),
        ("names within each other", &|count| {
            let opened: String = (0..count).map(open).collect();
            let closed: String = (0..count).rev().map(close).collect();
            format!("{opened}\n- [ ] a\n\n{closed}")
        }),
        ("one name, opened", &|count| "<!-- caretaker:status -->\nwords\n\n".repeat(count)),
        ("one name, closed", &|count| "words\n\n<!-- /caretaker:status -->\n".repeat(count)),
        ("blocks of ours", &|count| format!("{own}\n\n- [ ] a\n\n").repeat(count)),
        ("notes on one line", &|count| format!("- [ ] a {}\n", "*(a)* ".repeat(4 * count))),
    ];
    for (name, shape) in shapes {
        let cost = |count: usize| {
            let body = shape(count);
            cost(|| {
                let lint = super::lint::lint(&body, None, &words);
                let wish =
                    super::Desired { status: Some("words of ours".to_owned()), ..super::Desired::default() };
                let text = super::apply(&body, &wish);
                assert_eq!(text.matches("words of ours").count(), 1, "{name}");
                assert!(lint.findings.len() < 8 * count, "{name}");
            })
        };
        let ratio = cost(1_200) / cost(300);
        // Linear is 4, quadratic 16.
        assert!(ratio < 10.0, "{name}: four times the text took {ratio:.1} times as long");
    }
}

/// A run of many tasks: each has its history and its note, and is wished for again.
#[test]
fn history_notes_and_wishes_grow_with_the_tasks() {
    for (name, shape) in [
        ("alike", (|_| "- [ ] Verify all nodes are Ready\n".to_owned()) as Shape),
        ("of one kind", |at| format!("- [ ] Fix the disk of rack r{at}\n")),
        ("a chain", |at| format!("- [ ] **A{at} P1**: Fix a{at} after A{}\n", at + 1)),
    ] {
        let cost = |count: usize| {
            let body: String = (0..count).map(shape).collect();
            let reading = read(&body, &words).expect("readable");
            let notes: Vec<(super::TaskKey, String)> = (0..)
                .zip(&reading.tasks)
                .map(|(at, task)| {
                    (task.key.clone(), format!("*(done 2026-11-21 14:30 UTC: number {at:05})*"))
                })
                .collect();
            let known: Vec<super::KnownTask> =
                reading.tasks.iter().map(|task| super::KnownTask::of(task, &reading.tasks)).collect();
            let wish = |(key, note): &(super::TaskKey, String)| super::TaskWish {
                key: key.clone(),
                tick: true,
                note: Some(note.clone()),
                former_notes: Vec::new(),
            };
            let tasks = notes.iter().map(wish).collect();
            let wish = super::Desired { known, tasks, ..super::Desired::default() };
            cost(|| {
                let text = super::apply(&body, &wish);
                assert_eq!(text.matches("UTC: number").count(), count, "{name}");
                let mut after = read(&text, &words).expect("readable");
                super::keep_history(&mut after, &wish.known, &notes);
                assert!(after.tasks.iter().zip(&reading.tasks).all(|(after, task)| after.key == task.key));
            })
        };
        let ratio = cost(800) / cost(200);
        assert!(ratio < 12.0, "{name}: four times the tasks took {ratio:.1} times as long");
    }
}

/// The least of a few costs of some work: the processor time of this thread where the system tells, which other work on
/// the machine leaves alone.
pub(crate) fn cost(work: impl Fn()) -> f64 {
    let busy = || {
        let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        times.split_whitespace().next()?.parse::<f64>().ok()
    };
    let once = |_| {
        let (clock, before) = (std::time::Instant::now(), busy());
        work();
        let nanoseconds = busy().zip(before).map(|(after, before)| after - before);
        nanoseconds.map_or_else(|| clock.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
    };
    (0..4).map(once).fold(f64::INFINITY, f64::min)
}
