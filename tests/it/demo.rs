//! The demonstration as people start it: both scenarios, and bodies from outside.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

const SENTENCE: &str = "\nWorker nodes: seven, two of them with\tspare disks.  \nNote from the operator: the UPS test on Friday is unrelated.\nNothing else is planned for today.\n";

/// Runs it fast and gives the last line of its output, read as JSON.
fn demo(folder: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_caretaker"))
        .args(["demo", "--format", "json", "--scale", "500", "--out"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    let last = out.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}\n{err}"))
}

fn strings<'v>(outcome: &'v Value, list: &str, field: &str) -> Vec<&'v str> {
    outcome[list]
        .as_array()
        .expect("it is there")
        .iter()
        .map(|entry| entry[field].as_str().expect("it is there"))
        .collect()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("it is there")
}

/// The first lines of the tasks whose box is open, by id.
fn open_boxes(body: &str) -> Vec<&str> {
    body.lines()
        .filter_map(|line| line.strip_prefix("- [ ] **"))
        .filter_map(|rest| rest.split_once(' '))
        .filter(|(_, rest)| rest.starts_with('P'))
        .map(|(id, _)| id)
        .collect()
}

/// What holds for both scenarios.
fn check_common(folder: &Path, outcome: &Value) -> String {
    let tasks = &outcome["tasks"];
    let count = |name: &str| tasks[name].as_u64().unwrap_or_else(|| panic!("{name}: {outcome:#}"));
    let sum: u64 =
        ["done", "deferred", "acknowledged", "skipped", "waiting", "failed"].into_iter().map(count).sum();
    assert_eq!((count("total"), sum), (13, 13), "{outcome:#}");
    assert_eq!(
        strings(outcome, "merges", "category"),
        ["non-major", "platform", "monitoring", "core", "app-template", "database"]
    );
    for merge in outcome["merges"].as_array().expect("it is there") {
        for field in ["head", "merge_commit"] {
            assert_eq!(merge[field].as_str().map(str::len), Some(40), "{field}: {merge:#}");
        }
        assert!(merge["merged_at"].as_str().is_some_and(|at| at.contains('T')), "{merge:#}");
        let kept = merge["outcome"] == "merged";
        assert!(!kept || merge["rollout_seconds"].as_f64().is_some(), "{merge:#}");
    }
    assert_eq!(outcome["writes"]["comments"], 0);
    assert!(outcome["writes"]["issue_body"].as_u64().is_some_and(|writes| writes > 5), "{outcome:#}");
    assert!(outcome["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{outcome:#}");
    let layers = outcome["layers"].as_object().expect("it is there");
    for layer in ["Metal", "System", "Platform", "Apps"] {
        assert!(layers.contains_key(layer), "{layers:?}");
    }
    assert!(layers.values().all(|verdict| verdict == "GREEN"), "{layers:?}");
    let number = outcome["issue"]["number"].as_u64().expect("it is there");
    let body = text(folder, &format!("issue-{number}.md"));
    assert_eq!(body.matches(SENTENCE).count(), 1, "the person's bytes are theirs:\n{body}");
    assert!(body.contains("- [ ] Every action item is done or put off with a reason"), "{body}");
    assert!(!body.contains("Worker nodes: six"), "{body}");
    body
}

/// The rows of the change log, without its header and the row that was there before.
fn change_log(body: &str) -> Vec<&str> {
    let section = body
        .split("\n## Change Log")
        .nth(1)
        .expect("it is there")
        .split("\n## ")
        .next()
        .expect("it is there");
    section.lines().filter(|line| line.starts_with('|')).skip(3).collect()
}

#[test]
fn the_clean_scenario_ends_closed() {
    let folder = tempfile::tempdir().expect("it is there");
    let outcome = demo(folder.path(), &["--scenario", "clean"]);
    let body = check_common(folder.path(), &outcome);
    assert_eq!(outcome["issue"]["state"], "closed");
    assert!(outcome["issue"]["title"].as_str().expect("it is there").contains("[RESOLVED]"), "{outcome:#}");
    assert_eq!(
        (outcome["tasks"]["done"].as_u64(), outcome["reverts"].as_array().map(Vec::len)),
        (Some(13), Some(0))
    );
    assert_eq!(strings(&outcome, "merges", "outcome"), ["merged"; 6]);
    assert_eq!(strings(&outcome, "merges", "gate"), ["GREEN"; 6]);
    assert_eq!(open_boxes(&body), Vec::<&str>::new());
    let rows = change_log(&body);
    assert_eq!(rows.iter().filter(|row| row.contains("merge")).count(), 6, "{rows:#?}");
    for number in 41..=46 {
        assert!(rows.iter().any(|row| row.contains(&format!("#{number}"))), "#{number}: {rows:#?}");
    }
    let related = text(folder.path(), "issue-38.md");
    assert!(related.contains("## Resolution") && related.ends_with("name it as fixed.\n"), "{related}");
    let report = body.split("## Context Pack").next().expect("it is there");
    assert!(report.contains("RESOLVED") && !report.to_lowercase().contains("todo"), "{report}");
}

#[test]
fn in_the_default_scenario_the_bad_one_goes_back_and_waits() {
    let folder = tempfile::tempdir().expect("it is there");
    let outcome = demo(folder.path(), &[]);
    let body = check_common(folder.path(), &outcome);
    assert_eq!(outcome["issue"]["state"], "open");
    assert!(!outcome["issue"]["title"].as_str().expect("it is there").contains("RESOLVED"), "{outcome:#}");
    assert_eq!(
        (outcome["tasks"]["done"].as_u64(), outcome["tasks"]["waiting"].as_u64()),
        (Some(11), Some(2))
    );
    assert_eq!(
        strings(&outcome, "merges", "outcome"),
        ["merged", "merged", "reverted", "merged", "merged", "merged"]
    );
    let gates = strings(&outcome, "merges", "gate");
    assert!(gates.iter().enumerate().all(|(at, gate)| (*gate == "GREEN") == (at != 2)), "{gates:?}");
    let reverts = outcome["reverts"].as_array().expect("it is there");
    assert_eq!(reverts.len(), 1, "{outcome:#}");
    assert_eq!(reverts[0]["number"], 43);
    assert!(reverts[0]["commit"].as_str().is_some_and(|sha| sha.len() == 40), "{outcome:#}");
    assert!(!reverts[0]["reason"].as_str().expect("it is there").is_empty(), "{outcome:#}");
    assert_eq!(open_boxes(&body), ["B3", "F1"]);
    let rows = change_log(&body);
    assert_eq!(rows.iter().filter(|row| row.contains("revert")).count(), 1, "{rows:#?}");
}

#[test]
fn bodies_from_outside_end_when_only_people_are_awaited() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/issues");
    let Ok(entries) = std::fs::read_dir(&corpus) else {
        // Not by `eprintln!`, which the test runner keeps to itself.
        let skipped = format!("skipped: {} is not there\n", corpus.display());
        std::io::Write::write_all(&mut std::io::stderr(), skipped.as_bytes()).expect("stderr takes it");
        return;
    };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it is there").path()).collect();
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let folder = tempfile::tempdir().expect("it is there");
        let outcome = demo(folder.path(), &["--issue-file", &file.display().to_string()]);
        let tasks = &outcome["tasks"];
        let total = tasks["total"].as_u64().expect("it is there");
        let sum: u64 = ["done", "deferred", "acknowledged", "skipped", "waiting", "failed"]
            .into_iter()
            .map(|name| tasks[name].as_u64().expect("it is there"))
            .sum();
        assert_eq!(total, sum, "{}", file.display());
        assert!(total > 0, "{}", file.display());
        // Only people are awaited, so somebody is, and the issue is open.
        assert!(tasks["waiting"].as_u64().is_some_and(|waiting| waiting > 0), "{outcome:#}");
        assert_eq!(outcome["issue"]["state"], "open", "{}", file.display());
        let number = outcome["issue"]["number"].as_u64().expect("it is there");
        let body = text(folder.path(), &format!("issue-{number}.md"));
        let before = std::fs::read_to_string(&file).expect("it is readable");
        // Boxes and cells are ours to fill; every other line is a person's.
        let mut rest = body.as_str();
        for line in before.lines().filter(|line| !line.contains("[ ]") && !line.starts_with('|')) {
            let at = rest.find(line).unwrap_or_else(|| panic!("{} lost {line:?}:\n{body}", file.display()));
            rest = &rest[at + line.len()..];
        }
        assert_eq!(outcome["writes"]["comments"], 0, "{}", file.display());
        assert_eq!(outcome["reverts"].as_array().map(Vec::len), Some(0), "{}", file.display());
    }
}
