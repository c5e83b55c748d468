//! How the cost of what caretaker does with a text grows with it, for the bench of that name. A ratio of times is no mark
//! that a test could pass or fail by on a machine that does other things; here a person reads it.
//!
//! Processor time of the thread, where the system tells it: other work leaves that alone.

use crate::issue::{
    Block, Desired, KnownTask, TaskKey, TaskWish, WrittenTask, apply, keep_history, lint, order, read,
};
use crate::merge::{Category, UpdateType};
use crate::run::{LastWrite, notes};

/// One kind of text, and how much longer four times of it took.
#[derive(Debug)]
pub struct Growth {
    /// What is done, and with what.
    pub name: String,
    /// How much longer it took.
    pub ratio: f64,
    /// How much longer its length makes it.
    pub due: f64,
}

/// What is done with so many pieces of a text; what it takes to make them is not counted.
type Work = Box<dyn Fn()>;

/// Each kind of text in turn.
pub fn measured() -> impl Iterator<Item = Growth> {
    reading().chain(writing()).chain(histories()).chain([of_writes()])
}

fn growth(name: String, (short, long): (Work, Work)) -> Growth {
    Growth { name, ratio: cost(&long) / cost(&short), due: 4.0 }
}

/// The least of a few costs of some work, in seconds.
fn cost(work: &Work) -> f64 {
    let busy = || {
        let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        times.split_whitespace().next()?.parse::<f64>().ok()
    };
    let once = |_| {
        let (clock, before) = (std::time::Instant::now(), busy());
        work();
        let nanoseconds = busy().zip(before).map(|(after, before)| after - before);
        // The system counts in ticks: what is shorter than one is told by the clock.
        nanoseconds
            .filter(|&time| time > 0.0)
            .map_or_else(|| clock.elapsed().as_secs_f64(), |time| time / 1e9)
    };
    (0..4).map(once).fold(f64::INFINITY, f64::min)
}

fn unknown(_: &str) -> (Option<Category>, UpdateType) {
    (None, UpdateType::Unknown)
}

/// Makes one task of a text by its number, or a text of so many pieces.
type Shape = fn(usize) -> String;

fn reading() -> impl Iterator<Item = Growth> {
    let shapes: [(&str, Shape); 13] = [
        ("a row and a task of one pull request for each", |_| {
            "| ID | Summary | Depends on |\n|---|---|---|\n| R1 | Merge PR #5 | PR review |\n| A1 | Hold it | R1 |\n\n\
             - [ ] **A1 P1**: Review and merge PR #5\n\n"
                .to_owned()
        }),
        ("alike", |_| "- [ ] a\n".to_owned()),
        ("headings", |_| "# a\n- [ ] b\n".to_owned()),
        ("a chain", |at| format!("- [ ] **A{at} P1**: Fix a{at} after A{}\n", at + 1)),
        ("one id for all, and each waits for it", |_| "- [ ] **A1**: x after A1\n".to_owned()),
        ("one number for all, and each waits for it", |at| {
            format!("- [ ] **A{at}**: Merge PR #5 grafana after PR #5\n")
        }),
        ("folds within each other, and a person's box about one merge", |at| {
            format!("<details><summary>After A{at}</summary>\n\n- [ ] **A{at}**: Review #5\n\n")
        }),
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
    shapes.into_iter().map(|(name, shape)| {
        let work = |count: usize| -> Work {
            let body: String = (0..count).map(shape).collect();
            Box::new(move || {
                let reading = read(&body, &unknown).expect("it is flat");
                assert_eq!(order(&reading.tasks, &|_| None).len(), count);
            })
        };
        growth(format!("reading and ordering: {name}"), (work(1_000), work(4_000)))
    })
}

/// So many names in one line, and a box for each.
fn named(count: usize) -> (String, String) {
    fn name(at: usize) -> String {
        format!("A{at}")
    }
    fn task(at: usize) -> String {
        format!("- [ ] **A{at} P1 Apps**: Fix it\n")
    }
    ((0..count).map(name).collect::<Vec<_>>().join(", "), (0..count).map(task).collect())
}

/// Texts that hold for very many tasks, each made to cost much where it is looked at for each of them.
fn above() -> [(&'static str, Shape); 9] {
    [
        ("a section that waits for everything below another", |count| {
            let (names, boxes) = named(count / 2);
            format!(
                "## Plan\n\n**Depends on:** {names}\n\n{}\n## More\n\n{boxes}",
                "- [ ] a\n".repeat(count / 2)
            )
        }),
        ("a section with as many such lines as boxes", |count| {
            format!("## Plan\n\n{}", "**Depends on:** A1\n\n- [ ] **A2**: b\n\n".repeat(count))
        }),
        ("a task within which everything waits for everything", |count| {
            let (names, boxes) = named(count / 2);
            format!("- [ ] a\n  - After: {names}\n{}\n{boxes}", "  - [ ] b\n".repeat(count / 2))
        }),
        ("a text that comes before everything", |count| {
            let (names, boxes) = named(count);
            format!("Do a9 before {names}.\n\n## Plan\n\n{boxes}")
        }),
        ("many names before which a text comes", |count| {
            format!("## Plan\n\n{}\n\n- [ ] **A1**: a\n", "before A1 ".repeat(4 * count))
        }),
        ("a long line over boxes that come first, and many texts", |count| {
            format!("Before merging {}:\n\n- [ ] a\n\n{}", "x ".repeat(4 * count), "b\n\n".repeat(4 * count))
        }),
        ("a long line over criteria, and many texts", |count| {
            format!("Done when {}:\n\n- [ ] a\n\n{}", "x ".repeat(4 * count), "b\n\n".repeat(4 * count))
        }),
        ("a long heading over many boxes", |count| {
            format!("## Before merging {}\n\n{}", "x ".repeat(4 * count), "- [ ] a\n".repeat(count))
        }),
        ("a long row with the id of many tasks", |count| {
            let row = format!("| A1 | {} | - |", "x y ".repeat(4 * count));
            format!(
                "| ID | Summary | Depends on |\n|---|---|---|\n{row}\n\n{}",
                "- [ ] **A1**: z\n".repeat(count)
            )
        }),
    ]
}

/// What is wished for is written into texts made to cost much: markers of as many names as lines, within each other or
/// alone, of one name, whole blocks of ours, notes on one line, blank lines behind a lone marker.
fn writing() -> impl Iterator<Item = Growth> {
    fn open(at: usize) -> String {
        format!("<!-- caretaker:n{at} -->\n")
    }
    fn close(at: usize) -> String {
        format!("<!-- /caretaker:n{at} -->\n")
    }
    let shapes: [(&str, Shape); 9] = [
        ("names alone", |count| (0..count).map(open).collect()),
        ("names within each other", |count| {
            let opened: String = (0..count).map(open).collect();
            let closed: String = (0..count).rev().map(close).collect();
            format!("{opened}\n- [ ] a\n\n{closed}")
        }),
        ("one name, opened", |count| "<!-- caretaker:status -->\nwords\n\n".repeat(count)),
        ("one name, closed", |count| "words\n\n<!-- /caretaker:status -->\n".repeat(count)),
        ("blocks of ours", |count| {
            let packet = Block { name: "packet".to_owned(), text: "### Packet".to_owned() };
            let own = apply("", &Desired { blocks: vec![packet], ..Desired::default() });
            format!("{own}\n\n- [ ] a\n\n").repeat(count)
        }),
        ("blank lines behind a lone marker", |count| {
            format!("<!-- caretaker:status -->{}- [ ] mine\n", "\n".repeat(8 * count))
        }),
        ("notes on one line", |count| format!("- [ ] a {}\n", "*(a)* ".repeat(4 * count))),
        ("what comes first on one line", |count| {
            format!("- [ ] **A1**: a\n- [ ] b\n  - {}\n", "after A1 then c ".repeat(4 * count))
        }),
        ("boxes below a long line", |count| {
            format!("- [ ] a\n  - {}\n{}", "x y ".repeat(4 * count), "    - [ ] b\n".repeat(count))
        }),
    ];
    shapes.into_iter().chain(above()).map(|(name, shape)| {
        let work = |count: usize| -> Work {
            let body = shape(count);
            Box::new(move || {
                let findings = lint::lint(&body, None, &unknown).findings.len();
                let wish = Desired { status: Some("words of ours".to_owned()), ..Desired::default() };
                let text = apply(&body, &wish);
                assert_eq!(text.matches("words of ours").count(), 1);
                assert!(findings < 16 * count, "{findings} findings in {count} of {name}");
            })
        };
        growth(format!("judging and writing: {name}"), (work(1_200), work(4_800)))
    })
}

/// A run of many tasks: each has its history and its note, and is wished for again.
fn histories() -> impl Iterator<Item = Growth> {
    let shapes: [(&str, Shape); 3] = [
        ("alike", |_| "- [ ] Verify all nodes are Ready\n".to_owned()),
        ("of one kind", |at| format!("- [ ] Fix the disk of rack r{at}\n")),
        ("a chain", |at| format!("- [ ] **A{at} P1**: Fix a{at} after A{}\n", at + 1)),
    ];
    shapes.into_iter().map(|(name, shape)| {
        let work = |count: usize| -> Work {
            let body: String = (0..count).map(shape).collect();
            let reading = read(&body, &unknown).expect("it is flat");
            let notes: Vec<(TaskKey, String)> =
                reading.tasks.iter().enumerate().map(|(at, task)| (task.key.clone(), note(at))).collect();
            let wish = |(key, note): &(TaskKey, String)| TaskWish {
                key: key.clone(),
                tick: true,
                note: Some(note.clone()),
                former_notes: Vec::new(),
            };
            let wish = Desired {
                known: reading.tasks.iter().map(|task| KnownTask::of(task, &reading.tasks)).collect(),
                tasks: notes.iter().map(wish).collect(),
                ..Desired::default()
            };
            Box::new(move || {
                let text = apply(&body, &wish);
                assert_eq!(text.matches("UTC: number").count(), count);
                let mut after = read(&text, &unknown).expect("it is flat");
                keep_history(&mut after, &wish.known, &notes);
                assert!(after.tasks.iter().zip(&reading.tasks).all(|(after, task)| after.key == task.key));
            })
        };
        growth(format!("history, notes and wishes: {name}"), (work(800), work(3_200)))
    })
}

/// As many writes as tasks, each with one more that has ended, as a run of checks makes them: their length is quadratic.
fn of_writes() -> Growth {
    let work = |tasks: usize| -> Work {
        let task = |at: usize, ended: bool| WrittenTask {
            key: TaskKey(format!("key {at:012}")),
            ticked: ended,
            note: ended.then(|| note(at)),
        };
        let writes: Vec<LastWrite> = (1..=tasks)
            .map(|ended| LastWrite {
                tasks: (0..tasks).map(|at| task(at, at < ended)).collect(),
                ..LastWrite::default()
            })
            .collect();
        Box::new(move || assert_eq!(notes(writes.iter()).values().flatten().count(), tasks))
    };
    Growth { due: 16.0, ..growth("notes of as many writes".to_owned(), (work(200), work(800))) }
}

fn note(at: usize) -> String {
    format!("*(done 2026-11-21 14:30 UTC: number {at:05})*")
}
