//! Spellings of ids, priorities and layers as they are read in a whole body.

use super::guess::{Certainty, Source};
use super::{Needs, Priority, Task, read};
use crate::health::Layer;
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
    for (line, needs) in [
        ("A5 (optional): Merge PR #8", Some(Needs::Person)),
        ("A5 (if approved): Merge PR #8", Some(Needs::Approval)),
        ("A5 (Anna): Merge PR #8", Some(Needs::Approval)),
        ("A5 (non-major): Merge PR #8", None),
    ] {
        let task = only(&format!("- [ ] {line}\n"));
        let kind = if needs == Some(Needs::Person) { "person" } else { "merge" };
        assert_eq!((task.id.as_str(), task.kind.word(), task.needs), ("A5", kind, needs), "{line}");
    }
}

#[test]
fn what_stands_where_a_layer_does_is_heard_as_a_tag() {
    use Needs::{Approval, Person};
    for (label, layer, needs) in [
        ("A25 P1 Observability", None, None),
        ("A25 P1 Media", None, None),
        ("A25 P1 Database", None, None),
        ("A25 P1 Kubernetes", None, None),
        ("A25 P1 Control plane", None, None),
        ("A25 P1 Apps (media)", Some(Layer::Apps), None),
        ("A25 P1 Storage/Ceph", Some(Layer::Storage), None),
        ("A25 P1 (non-major)", None, None),
        // What nobody here knows may be somebody's name.
        ("A25 P1 Anna", None, Some(Approval)),
        ("A25 P1 Zanzibar", None, Some(Approval)),
        ("A25 P1 Apps (Anna)", Some(Layer::Apps), Some(Approval)),
        ("A25 P1 @anna Apps", None, Some(Person)),
        ("A25 P1 Manual", None, Some(Person)),
        ("A25 P1 Apps (not yet)", Some(Layer::Apps), Some(Person)),
        ("A25 P1 Wednesday", None, Some(Person)),
        ("A25 P1 Later", None, Some(Person)),
    ] {
        for line in [format!("**{label}**: Merge PR #29"), format!("{label}: Merge PR #29")] {
            let task = only(&format!("- [ ] {line}\n"));
            let found = (task.id.as_str(), task.priority, task.layer, task.kind.word(), task.needs);
            let kind = if needs == Some(Person) { "person" } else { "merge" };
            assert_eq!(found, ("A25", Priority::P1, layer, kind, needs), "{line}");
        }
    }
    let anna = only("- [ ] **A25 P1 @anna Apps**: Merge PR #29\n");
    assert!(anna.why_person.is_some_and(|why| why.starts_with("its title says") && why.contains("anna")));
    let long = only("- [ ] **A25 P1 Not before the backup**: Merge PR #29\n");
    assert_eq!(long.needs, Some(Person));
}

#[test]
fn the_name_of_a_program_is_nobody() {
    for (heading, needs) in [
        ("Upgrade cert-manager", None),
        ("kube-prometheus-stack (alert-manager)", None),
        ("kube-controller-manager", None),
        ("Cert-Manager", None),
        ("Manager", Some(Needs::Person)),
        ("Release-manager", Some(Needs::Person)),
        ("Ask the cert-manager", Some(Needs::Person)),
        ("On-hold: cert-manager", Some(Needs::Person)),
        ("cert-manager-later", Some(Needs::Person)),
    ] {
        let task = only(&format!("### {heading}\n\n- [ ] **A1 P1**: Merge PR #5\n"));
        assert_eq!(task.needs, needs, "{heading}");
    }
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

#[test]
fn priorities_above_a_task_are_its_own() {
    use Priority::{P0, P1, P3};
    let task = "- [ ] Merge PR #5\n";
    for (above, priority) in [
        ("**P0 - Critical**\n\n", P0),
        ("**Low priority**\n\n", P3),
        ("**Low priority:**\n\n", P3),
        ("P1:\n\n", P1),
        ("P1:\n", P1),
        ("<details>\n<summary>P1 – security</summary>\n\n", P1),
        ("<details><summary>P3</summary>\n<details><summary>P1</summary>\n\n", P1),
        ("<h3>P0</h3>\n\n", P0),
        ("### Medium\n\n**Priority:** P1\n\n", P1),
        ("# Maintenance\n\n**Priority:** P1 (security)\n**Layer:** Apps\n\n## Tasks\n\n", P1),
        ("### Hoch\n\n", P1),
        ("### Priorität: Niedrig\n\n", P3),
        ("**P3**\n\nThese are small.\n\n", P3),
        ("**P3**\n\n<details><summary>P0</summary>\n\n", P0),
    ] {
        let found = only(&format!("{above}{task}"));
        assert_eq!((found.priority, found.needs), (priority, None), "{above}");
        assert_eq!(found.guesses.priority.certainty, Certainty::Inferred, "{above}");
    }
    let nested = only("- P0\n  - [ ] Merge PR #5\n");
    assert_eq!((nested.priority, nested.needs), (P0, None));
    let layer = only("### Updates\n\n**Layer:** Apps (media)\n\n- [ ] Merge PR #5\n");
    assert_eq!(layer.layer, Some(Layer::Apps));
}

#[test]
fn texts_that_only_mention_a_priority_give_none() {
    for above in [
        "The P0 incident of last week is over.\n\n",
        "**Everything after P0**\n\n",
        "**P0 and P1**\n\n",
        "**P0**\n\n**Grafana**\n\n",
        "**P0**\n\n### Grafana\n\n",
        "- P0\n\n### Grafana\n\n",
        "**What the P0 incident showed us**\n\n",
        "<details><summary>P0</summary>\n\nx\n\n</details>\n\n",
        "## Status\n\n**Priority:** P0\n\n## Tasks\n\n",
    ] {
        let found = only(&format!("{above}- [ ] Merge PR #5\n"));
        assert_eq!(found.guesses.priority.certainty, Certainty::Assumed, "{above}");
    }
}

#[test]
fn priorities_on_the_line_are_read_wherever_they_stand() {
    use Priority::{P0, P1, P3};
    for (line, priority, title) in [
        ("**A3:** [P1] Merge PR #15", P1, "Merge PR #15"),
        ("**A5**: [HIGH] Merge PR #15", P1, "Merge PR #15"),
        ("Merge PR #15, P1", P1, "Merge PR #15"),
        ("Merge PR #15 - P1", P1, "Merge PR #15"),
        ("Merge PR #15 | P3", P3, "Merge PR #15"),
        ("Merge PR #15 (P1, Apps)", P1, "Merge PR #15"),
        ("Merge PR #15 (priority: low)", P3, "Merge PR #15"),
        ("**High** Merge #9", P1, "Merge #9"),
        ("**A3 Low** Merge #9", P3, "Merge #9"),
        ("**A3** - **P0** - Merge #9", P0, "Merge #9"),
    ] {
        let found = only(&format!("- [ ] {line}\n"));
        assert_eq!((found.priority, found.title.as_str(), found.needs), (priority, title, None), "{line}");
        assert_eq!(found.guesses.priority.certainty, Certainty::Written, "{line}");
    }
    let layer = only("- [ ] Merge PR #15 (P1, Apps)\n").layer;
    assert_eq!(layer, Some(Layer::Apps));
    let blocked = only("- [ ] Merge PR #15 (P3) - blocked by upstream\n");
    assert_eq!((blocked.priority, blocked.needs), (P3, Some(Needs::Person)));
    assert_eq!(blocked.title, "Merge PR #15 - blocked by upstream");
}

#[test]
fn a_name_that_looks_like_a_priority_stays_one() {
    let found =
        tasks("- [ ] **P1**: Merge PR #4\n- [ ] **P1 P2**: Merge PR #5\n- [ ] Merge PR #15, needs A1, P1\n");
    assert_eq!((found[2].priority, found[2].needs), (Priority::P2, Some(Needs::Approval)));
    assert_eq!(found[2].depends_on, ["P1"]);
    let high = only("- [ ] High load on a node\n");
    assert_eq!((high.priority, high.title.as_str()), (Priority::P2, "High load on a node"));
}

#[test]
fn priorities_in_details_are_read_with_what_stands_beside_them() {
    use Priority::{P0, P1, P2, P3};
    for (detail, priority) in [
        ("Priority: 🔴 P0", Some(P0)),
        ("Priority: P0 (critical, CVE)", Some(P0)),
        ("Priority: P1 - a CVE", Some(P1)),
        ("Prio: P3", Some(P3)),
        ("**Prio**: low", Some(P3)),
        ("Priority: 🟡", Some(P2)),
        ("Priorität: hoch", Some(P1)),
        ("Priority: P1 or P2", None),
        ("Priority: P1, or P2", None),
        ("Prior art: P1", None),
    ] {
        let found = only(&format!("- [ ] Merge PR #5\n  - {detail}\n"));
        let written = (found.guesses.priority.certainty == Certainty::Written).then_some(found.priority);
        assert_eq!(written, priority, "{detail}");
        assert!(priority.is_none() || found.needs.is_none(), "{detail}");
    }
    let found = only("- [ ] Merge PR #5\n  - Layer: Apps (media)\n");
    assert_eq!((found.layer, found.needs), (Some(Layer::Apps), None));
}

#[test]
fn a_lamp_says_a_priority_where_nothing_else_does() {
    use Priority::{P0, P1, P2, P3};
    for (body, priority, certainty) in [
        ("- [ ] 🔴 Merge PR #5\n", P0, Certainty::Inferred),
        ("- [ ] 🟠 Merge PR #5\n", P1, Certainty::Inferred),
        ("- [ ] 🟡 Merge PR #5\n", P2, Certainty::Inferred),
        ("- [ ] 🟢 Merge PR #5\n", P3, Certainty::Inferred),
        ("- [ ] 🟢 **A1**: Merge PR #5\n", P3, Certainty::Inferred),
        ("- [ ] 🔴 🟢 Merge PR #5\n", P2, Certainty::Assumed),
        ("- [ ] 🔵 Merge PR #5\n", P2, Certainty::Assumed),
        ("- [ ] 🟢 **A1 P1**: Merge PR #5\n", P1, Certainty::Written),
        ("### Low\n\n- [ ] 🔴 Merge PR #5\n", P3, Certainty::Inferred),
    ] {
        let found = only(body);
        let guess = &found.guesses.priority;
        assert_eq!((found.priority, guess.certainty, found.needs), (priority, certainty, None), "{body}");
        assert_eq!(guess.source == Source::Words, body.starts_with("- ") && certainty == Certainty::Inferred);
    }
}
