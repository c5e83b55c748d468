//! Real bodies, compared with what a careful reader makes of them. The folder is no part of the project; where it is
//! not there, the test says so.

use super::{Priority, order, read};
use crate::health::Layer;
use crate::merge::{Category, UpdateType};
use std::path::PathBuf;

/// The words of these bodies name little else.
fn words(text: &str) -> (Option<Category>, UpdateType) {
    let text = text.to_lowercase();
    if text.contains("non-major") {
        return (Some(Category::NonMajor), UpdateType::Minor);
    }
    let category = if text.contains("ceph") {
        Some(Category::Core)
    } else if text.contains("renovate") {
        Some(Category::Platform)
    } else {
        None
    };
    let update =
        if text.contains("major") || text.contains("v46") { UpdateType::Major } else { UpdateType::Unknown };
    (category, update)
}

type Line = (usize, &'static str, &'static str, Option<&'static str>);

/// The body, where the folder is there.
fn body(file: &str) -> Option<String> {
    let folder = std::env::var_os("CARETAKER_TEST_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let path = folder.join("issues").join(file);
    let Ok(body) = std::fs::read_to_string(&path) else {
        // The test runner shows this with `--nocapture`; a test cannot be skipped otherwise.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: {} is not there\n", path.display()).as_bytes(),
        );
        return None;
    };
    Some(body)
}

fn compare(file: &str, tasks: &[Line], planned: &[&str], ignored: &[usize]) {
    let Some(body) = body(file) else { return };
    let reading = read(&body, &words).expect("readable");
    let plan = super::plan_json(&reading, &order(&reading.tasks, &|_| None));
    let found: Vec<(usize, String, String, Option<String>)> = plan["tasks"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| {
            (
                usize::try_from(task["line"].as_u64().expect("a number")).expect("small"),
                task["id"].as_str().expect("a text").to_owned(),
                task["kind"].as_str().expect("a text").to_owned(),
                task["needs"].as_str().map(str::to_owned),
            )
        })
        .collect();
    let expected: Vec<_> = tasks
        .iter()
        .map(|(line, id, kind, needs)| {
            (*line, (*id).to_owned(), (*kind).to_owned(), needs.map(str::to_owned))
        })
        .collect();
    assert_eq!(found, expected, "{file}");
    let order: Vec<&str> =
        plan["order"].as_array().expect("a list").iter().filter_map(|id| id.as_str()).collect();
    assert_eq!(order, planned, "{file}");
    let lines: Vec<usize> = reading.ignored.iter().map(|ignored| ignored.line).collect();
    assert_eq!(lines, ignored, "{file}");
}

const PERSON: Option<&str> = Some("person");
const APPROVAL: Option<&str> = Some("approval");

#[test]
fn a_report_without_ids() {
    compare(
        "2025-12-09.md",
        &[
            (58, "T58", "track", PERSON),
            (63, "T63", "person", PERSON),
            (69, "T69", "person", None),
            (70, "T70", "person", None),
            (71, "T71", "person", None),
            (72, "T72", "person", None),
        ],
        &["T58", "T63"],
        &[],
    );
}

#[test]
fn a_broken_app_and_conditional_merges() {
    compare(
        "2026-01-28.md",
        &[
            (88, "A1", "person", PERSON),
            (95, "A2", "person", PERSON),
            (102, "A3", "person", PERSON),
            (111, "B1", "person", PERSON),
            (118, "B2", "person", PERSON),
            (125, "B3", "verify", None),
            (134, "C1", "decide", PERSON),
            (141, "C2", "merge", APPROVAL),
            (150, "D1", "decide", PERSON),
            (157, "D2", "merge", APPROVAL),
            (164, "D3", "decide", PERSON),
            (171, "D4", "merge", APPROVAL),
            (178, "D5", "person", PERSON),
            (185, "D6", "person", PERSON),
            (194, "E1", "person", PERSON),
            (203, "F1", "final", None),
        ],
        &["A2", "A1", "A3", "B1", "B2", "B3", "C1", "C2", "D5", "D6", "D1", "D3", "D2", "D4", "E1", "F1"],
        &[],
    );
}

#[test]
fn review_and_merge() {
    compare(
        "2026-01-31.md",
        &[(106, "A0", "person", PERSON), (122, "A1", "merge", None), (136, "A2", "merge", APPROVAL)],
        &["A0", "A1", "A2"],
        &[164, 165, 166, 167],
    );
}

#[test]
fn decisions_and_the_dashboard() {
    compare(
        "2026-03-07.md",
        &[
            (119, "A1", "person", PERSON),
            (128, "C3", "decide", PERSON),
            (135, "C1", "decide", PERSON),
            (142, "C4", "decide", PERSON),
            (149, "C2", "decide", PERSON),
            (158, "D1", "track", PERSON),
            (165, "D2", "track", PERSON),
            (172, "D3", "track", PERSON),
            (179, "D4", "track", PERSON),
            (186, "D5", "dashboard", PERSON),
            (195, "F1", "final", None),
        ],
        &["A1", "C3", "C1", "C4", "C2", "D1", "D2", "D3", "D4", "D5", "F1"],
        &[214, 215, 216, 217],
    );
}

#[test]
fn plain_heads() {
    compare(
        "2026-04-03.md",
        &[(115, "A1", "person", PERSON), (128, "B1", "dashboard", PERSON), (141, "C1", "track", PERSON)],
        &["A1", "B1", "C1"],
        &[164, 165, 166, 167],
    );
}

/// A task's id, its priority, its layer, and what it waits for.
type Place = (&'static str, Priority, Option<Layer>, &'static [&'static str]);

fn compare_places(file: &str, expected: &[Place]) {
    let Some(body) = body(file) else { return };
    let reading = read(&body, &words).expect("readable");
    let found: Vec<_> = reading
        .tasks
        .iter()
        .map(|task| {
            let before: Vec<&str> = task.depends_on.iter().map(String::as_str).collect();
            (task.id.as_str(), task.priority, task.layer, before)
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(id, priority, layer, before)| (*id, *priority, *layer, before.to_vec()))
        .collect();
    assert_eq!(found, expected, "{file}");
}

#[test]
fn where_the_tasks_stand_and_what_they_wait_for() {
    use Layer::{Apps, Metal, Platform, Storage, System};
    use Priority::{P0, P1, P2, P3};
    compare_places(
        "2025-12-09.md",
        &[
            ("T58", P1, None, &[]),
            ("T63", P1, None, &[]),
            ("T69", P2, None, &[]),
            ("T70", P2, None, &[]),
            ("T71", P2, None, &[]),
            ("T72", P2, None, &[]),
        ],
    );
    compare_places(
        "2026-01-28.md",
        &[
            ("A1", P0, Some(Apps), &[]),
            ("A2", P0, Some(Platform), &[]),
            ("A3", P0, Some(Apps), &[]),
            ("B1", P0, Some(Apps), &[]),
            ("B2", P0, Some(Apps), &[]),
            ("B3", P0, Some(Platform), &["B1", "B2"]),
            ("C1", P1, Some(System), &[]),
            ("C2", P1, Some(System), &["C1"]),
            ("D1", P2, Some(System), &[]),
            ("D2", P2, Some(System), &["D1"]),
            ("D3", P2, Some(Apps), &[]),
            ("D4", P2, Some(Apps), &["D3"]),
            ("D5", P2, Some(Storage), &[]),
            ("D6", P2, Some(Storage), &[]),
            ("E1", P3, None, &[]),
            ("F1", P0, None, &[]),
        ],
    );
    compare_places(
        "2026-01-31.md",
        &[("A0", P1, None, &[]), ("A1", P2, Some(Apps), &[]), ("A2", P2, Some(Platform), &["A1"])],
    );
    compare_places(
        "2026-03-07.md",
        &[
            ("A1", P0, Some(Metal), &[]),
            ("C3", P1, Some(System), &[]),
            ("C1", P1, Some(Platform), &[]),
            ("C4", P1, Some(Platform), &[]),
            ("C2", P1, Some(Apps), &[]),
            ("D1", P2, Some(Platform), &["C1"]),
            ("D2", P2, Some(Platform), &["C2"]),
            ("D3", P2, Some(Platform), &["C3"]),
            ("D4", P2, Some(Platform), &["C4"]),
            ("D5", P2, Some(Platform), &[]),
            ("F1", P0, Some(System), &[]),
        ],
    );
    compare_places(
        "2026-04-03.md",
        &[("A1", P1, Some(Apps), &[]), ("B1", P2, Some(System), &[]), ("C1", P3, Some(Storage), &[])],
    );
}
