//! Spellings of ids, priorities and layers as they are read in a whole body.

use super::{Needs, Task, read};
use crate::merge::UpdateType;

fn tasks(body: &str) -> Vec<Task> {
    read(body, &|_| (None, UpdateType::Patch)).expect("readable").tasks
}

fn only(body: &str) -> Task {
    let mut tasks = tasks(body);
    assert_eq!(tasks.len(), 1, "{body}");
    tasks.remove(0)
}

#[test]
fn ids_in_common_spellings_are_ids() {
    for (line, id, title) in [
        ("**A10** Merge PR #30", "A10", "Merge PR #30"),
        ("A12 Merge PR #30", "A12", "Merge PR #30"),
        ("A12 Merge PR #30: grafana to 11.3.0", "A12", "Merge PR #30: grafana to 11.3.0"),
        ("A13. Merge PR #33", "A13", "Merge PR #33"),
        ("A14) Merge PR #33", "A14", "Merge PR #33"),
        ("`A15` Merge PR #33", "A15", "Merge PR #33"),
        ("**A22 Merge PR #42**", "A22", "Merge PR #42"),
        ("**A1.2**: Merge PR #6", "A1.2", "Merge PR #6"),
        ("A1.2 Merge PR #6", "A1.2", "Merge PR #6"),
        ("**P1 – A6**: Merge PR #6", "A6", "Merge PR #6"),
        ("**P1 - A6**: Merge PR #6", "A6", "Merge PR #6"),
        ("A2 - Merge PR #5: x", "A2", "Merge PR #5: x"),
        ("2.1 Merge PR #501", "T1", "Merge PR #501"),
        ("3) Merge PR #501: grafana to 11.3.0", "T1", "Merge PR #501: grafana to 11.3.0"),
    ] {
        let task = only(&format!("- [ ] {line}\n"));
        let found = (task.id.as_str(), task.title.as_str(), task.kind.word(), task.needs);
        assert_eq!(found, (id, title, "merge", None), "{line}");
    }
}

#[test]
fn what_only_looks_like_an_id_is_none() {
    for line in [
        "K3 is slow",
        "K3.",
        "PR12 Merge it",
        "MR12. Merge it",
        "Q3 Merge PR #5",
        "KW47 Merge PR #5",
        "P4 Merge PR #5",
        "WIP2 Merge PR #5",
        "1.30 Upgrade of k3s",
        "22.30 Merge PR #5",
        "1.12. Merge PR #5",
    ] {
        let task = only(&format!("- [ ] {line}\n"));
        let found = (task.id.as_str(), task.title.as_str(), task.needs);
        assert_eq!(found, ("T1", line, Some(Needs::Person)), "{line}");
    }
}

#[test]
fn a_note_behind_an_id_keeps_what_it_says() {
    let task = only("- [ ] A5 (optional): Merge PR #8\n");
    assert_eq!((task.id.as_str(), task.needs), ("A5", Some(Needs::Person)));
}

#[test]
fn ids_of_two_numbers_are_approved_by_their_box() {
    let body = super::approval_line("A1.2", "7f3c", true);
    assert!(super::is_approval_line(&body));
}

#[test]
fn ids_of_two_numbers_are_waited_for_and_named() {
    let found = tasks(
        "## Notes\n\nDo not merge A1.3 yet, it breaks logins.\n\n## Tasks\n\n- [ ] **A1**: Merge PR #5\n- [ ] **A1.2**: Merge PR #6\n\
         - [ ] **A1.3**: Merge PR #7\n- [ ] **A4**: Merge PR #8 after A1.2\n- [ ] **A5**: Merge PR #9\n  - Depends on: A1.2\n",
    );
    let shown: Vec<_> = found
        .iter()
        .map(|task| {
            (task.id.as_str(), task.needs, task.depends_on.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    let approval = Some(Needs::Approval);
    assert_eq!(
        shown,
        [
            ("A1", approval, vec![]),
            ("A1.2", None, vec![]),
            ("A1.3", approval, vec![]),
            ("A4", None, vec!["A1.2"]),
            ("A5", None, vec!["A1.2"]),
        ]
    );
}

#[test]
fn what_waits_for_a_number_asks() {
    let found = tasks("- [ ] 2.1 Merge PR #501\n- [ ] Merge PR #502\n  - Depends on: 2.1\n");
    assert_eq!(found.iter().map(|task| task.needs).collect::<Vec<_>>(), [None, Some(Needs::Approval)]);
}
