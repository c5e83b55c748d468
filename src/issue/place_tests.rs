//! What a line says by the place where it stands: what a section waits for, what comes before the merges, and what is
//! said of a task in another place than its own.

use super::people_tests::{a2_is_held, one};
use super::unasked_tests::tasks;
use super::{Needs, Task};

fn waits(tasks: &[Task], id: &str) -> Vec<String> {
    one(tasks, id).depends_on.clone()
}

fn why(tasks: &[Task]) -> Vec<(&str, Option<&str>)> {
    tasks.iter().map(|task| (task.id.as_str(), task.why_person.as_deref())).collect()
}

/// So many tasks, `X0` and further.
fn merges(count: usize) -> String {
    let merge = |at| format!("- [ ] **X{at} P1 Apps**: Merge PR #{}\n", 100 + at);
    (0..count).map(merge).collect::<Vec<_>>().concat()
}

#[test]
fn what_a_section_waits_for_holds_by_place() {
    let box_of = |id: &str, number: u64| format!("- [ ] **{id} P1 Apps**: Merge PR #{number}\n\n");
    let on = |name: &str| format!("**Depends on:** {name}\n\n");
    let first = "## First\n\n- [ ] **A9 P1 Apps**: Merge PR #9\n\n";
    let (a1, a2, a3) = (box_of("A1", 1), box_of("A2", 2), box_of("A3", 3));
    let above = format!("{first}## Plan\n\n{}{a1}{}{a2}{}{a3}", on("A9"), on("A1"), on("A2"));
    let below = format!("{first}## Plan\n\n{a1}{}{a2}{}{a3}{}", on("A9"), on("A1"), on("A2"));
    for body in [above, below] {
        let found = tasks(&body);
        assert!(found.iter().all(|task| task.needs.is_none()), "{body}: {:?}", why(&found));
        for (id, before) in [("A1", "A9"), ("A2", "A1"), ("A3", "A2")] {
            assert!(
                waits(&found, id).contains(&before.to_owned()),
                "{id}: {:?} in {body}",
                waits(&found, id)
            );
        }
    }
    // It stands below everything in its section, or below some boxes and above others.
    for (body, expected) in [
        (format!("{first}## Plan\n\n{a2}{}", on("A9")), "A9"),
        (format!("{first}## Plan\n\n{a2}{}{a3}", on("A9")), "A9"),
        (format!("{first}## Plan\n\n{a2}{}### More\n\n{a3}", on("A9")), "A9"),
        (format!("{first}## Plan\n\n{}Some words.\n\n{a2}", on("#9")), "A9"),
        (format!("{first}## Plan\n\n{}### More\n\n{a2}", on("PR #9")), "A9"),
    ] {
        let found = tasks(&body);
        assert_eq!(waits(&found, "A2"), [expected], "{body}");
        assert!(found.iter().all(|task| task.needs.is_none()), "{body}: {:?}", why(&found));
    }
    // What a line names is what comes first and does not wait for itself, or for what stands beside it.
    let both = format!("## Plan\n\n- [ ] A1: Merge PR #1\n- [ ] A2: Merge PR #2\n\n{}{a3}", on("A1, A2"));
    let found = tasks(&both);
    assert_eq!((waits(&found, "A1"), waits(&found, "A2")), (vec![], vec![]), "{:?}", why(&found));
    assert_eq!(waits(&found, "A3"), ["A1", "A2"]);
    assert!(found.iter().all(|task| task.needs.is_none()), "{:?}", why(&found));
}

#[test]
fn a_section_that_waits_for_very_much_is_for_people() {
    let many = |from: usize, to: usize| (from..to).map(|at| format!("X{at}")).collect::<Vec<_>>().join(", ");
    let other = merges(200);
    let lines = (0..20).map(|at| format!("**Depends on:** X{at}\n")).collect::<Vec<_>>().concat();
    for said in [format!("**Depends on:** {}\n", many(0, 200)), lines] {
        for body in [
            format!("## Plan\n\n{said}\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## Other\n\n{other}"),
            format!(
                "## Plan\n\n{said}\n### Updates\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## Other\n\n{other}"
            ),
            format!("## Plan\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n{said}\n\n## Other\n\n{other}"),
        ] {
            let found = tasks(&body);
            let task = one(&found, "A2");
            assert!(task.depends_on.len() <= 20, "{}", task.depends_on.len());
            assert_ne!(task.needs, None, "{}", &body[..80]);
        }
    }
    // A text elsewhere: before one task come many, before many comes one, and of one is said very much.
    let text = |said: String| {
        format!("{said}\n\n## Updates\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## Other\n\n{other}")
    };
    let found = tasks(&text(format!("Do {} before A2.", many(0, 200))));
    assert_eq!((waits(&found, "A2").len(), one(&found, "A2").needs), (200, None));
    let found = tasks(&text(format!("Do A2 before {}.", many(0, 200))));
    assert!(found.iter().all(|task| task.needs.is_some() && task.depends_on.is_empty()), "{:?}", why(&found));
    let texts = (0..40).map(|at| format!("A2 comes after X{at}.\n\n")).collect::<Vec<_>>().concat();
    assert_ne!(one(&tasks(&text(texts)), "A2").needs, None);
}

#[test]
fn children_of_a_task_that_waits_for_very_much_are_for_people() {
    let names = (0..200).map(|at| format!("X{at}")).collect::<Vec<_>>().join(", ");
    let other = merges(200);
    let body = format!(
        "- [ ] **A1 P1**: Upgrade the media stack\n  - Depends on: {names}\n  - [ ] **A2 P1 Apps**: Merge PR #5\n\n## Other\n\n{other}"
    );
    let found = tasks(&body);
    assert_eq!(one(&found, "A1").depends_on.len(), 200, "its own detail is its own");
    assert_eq!(waits(&found, "A2"), [""; 0]);
    assert_ne!(one(&found, "A2").needs, None);
    let labels = "  - Foo: bar\n".repeat(12);
    let plain =
        format!("- [ ] **A1 P1**: Upgrade the media stack\n{labels}  - [ ] **A2 P1 Apps**: Merge PR #5\n");
    assert_eq!(one(&tasks(&plain), "A2").needs, None);
    let short = "- [ ] **A1 P1**: Upgrade the media stack\n  - Depends on: A3\n  - [ ] **A2 P1 Apps**: Merge PR #5\n\n- [ ] **A3 P1 Apps**: Merge PR #6\n";
    assert_eq!(waits(&tasks(short), "A2"), ["A3"]);
}

#[test]
fn what_is_over_comes_before_nothing() {
    let second = "## More\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    for line in [
        "Prerequisites are met, merge these now:",
        "Preparation is done, merge these:",
        "Preparation is done, the updates:",
        "All approvals are given, go:",
        "Approvals have all been given, so merge:",
        "Prerequisites are met, merge these now",
        "Preparation went well, these are next:",
    ] {
        for line in [line.to_owned(), format!("**{line}**"), format!("### {line}")] {
            let body = format!("## Plan\n\n{line}\n\n- [ ] **A1 P3 Apps**: Merge PR #3\n\n{second}");
            let found = tasks(&body);
            assert_eq!((waits(&found, "A2"), one(&found, "A1").gate.clone()), (vec![], None), "{line}");
        }
    }
    for line in [
        "Prerequisites are not met yet, do these:",
        "Prerequisites are met when these are ticked:",
        "Prerequisites are ready to be checked:",
        "Approvals are given here:",
        "Before merging, all backups are checked, so start these:",
        "Preparation is done once these are:",
        "Prerequisites that have to be done first:",
        "Before merging, take these backups:",
        "Approvals are needed, get these:",
        "Preparation:",
        "**Approvals**",
        "**Prerequisites are met:**",
    ] {
        let body = format!("## Plan\n\n{line}\n\n- [ ] **A1 P3**: Dump the databases\n\n{second}");
        a2_is_held(&[body]);
    }
}

#[test]
fn a_bold_line_over_boxes_that_come_first_lasts_until_the_updates() {
    for line in [
        "**Updates:**",
        "**Updates**:",
        "**Updates** - in this order",
        "**Updates**",
        "__Updates:__",
        "Updates:",
        "Then these, one by one.",
        "<h3>Updates</h3>",
        "**Media:**",
    ] {
        let body = format!(
            "## Plan\n\n**Before merging**\n\n- [ ] **A1 P3**: Dump the databases\n\n{line}\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n"
        );
        let found = tasks(&body);
        assert_eq!(
            (waits(&found, "A2"), one(&found, "A2").gate.clone()),
            (vec!["A1".to_owned()], None),
            "{line}"
        );
        assert!(one(&found, "A1").gate.is_some(), "{line}");
    }
    // The updates are no part of it whatever they ask for; what only divides what comes first still is one.
    let told = "## Plan\n\n**Before merging**\n\n- [ ] **A1 P3**: Dump the databases\n\n**Updates:**\n\n\
                - [ ] **A2 P1 Apps**: Merge PR #5\n- [ ] **A3 P3**: Tell the users\n";
    assert_eq!(waits(&tasks(told), "A2"), ["A1"]);
    for line in ["**Sign-offs:**", "And these.", "**Note:** Anna is away.", "These need somebody:"] {
        let body = format!(
            "## Plan\n\n**Before merging**\n\n- [ ] **A0 P3**: Dump the databases\n\n{line}\n\n- [ ] **A1 P3**: Ask Anna\n\n\
             ## Updates\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n"
        );
        assert_eq!(waits(&tasks(&body), "A2"), ["A0", "A1"], "{line}");
    }
    // What stands between the line and its boxes ends nothing, also not for the merges among them.
    for line in ["All of these by Friday.", "**Backups:**", "**Important** - all of these"] {
        let body = format!(
            "## Plan\n\n**Before merging the rest**\n\n{line}\n\n- [ ] **A1 P3 Apps**: Merge PR #3\n\n## Updates\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n"
        );
        assert_eq!(waits(&tasks(&body), "A2"), ["A1"], "{line}");
    }
}

#[test]
fn a_long_gate_is_kept_short() {
    let line = format!("Before merging {}:", "x ".repeat(5_000));
    let body = format!(
        "## Plan\n\n{line}\n\n- [ ] **A1 P3**: Dump\n\n## More\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n"
    );
    for body in [body.clone(), body.replace("Before", "### Before").replace(":\n", "\n")] {
        let found = tasks(&body);
        assert_eq!(waits(&found, "A2"), ["A1"]);
        let kept = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let longest = found.iter().map(|task| kept(&task.gate).max(kept(&task.phase))).max();
        assert!(longest.is_some_and(|longest| (1..500).contains(&longest)), "{longest:?}");
    }
}

#[test]
fn an_order_that_is_denied_is_none() {
    let list = "## Updates\n\n- [ ] **A1 P1 Apps**: Merge PR #4\n- [ ] **A2 P1 Apps**: Merge PR #5\n";
    for said in [
        "A reboot is not needed for PR #5.",
        "A reboot isn't required for PR #5.",
        "This is not blocking #5.",
        "Nothing blocks PR #5.",
        "Nothing here blocks PR #5.",
        "None of these is needed for PR #5.",
        "No reboot is needed for #5.",
        "The vendor bug no longer blocks #5.",
        "This is no prerequisite for #5.",
    ] {
        let found = tasks(&format!("{said}\n\n{list}"));
        assert!(found.iter().all(|task| task.needs.is_none()), "{said}: {:?}", why(&found));
        assert!(found.iter().all(|task| task.depends_on.is_empty()), "{said}: {:?}", waits(&found, "A1"));
    }
    for said in [
        "Anna has not agreed yet, and that is needed for PR #5.",
        "The backup has not run, which is required for PR #5.",
        "There is no approval, which is needed for PR #5.",
        "No backup exists that is needed for PR #5.",
        "Do not forget: a backup is needed for PR #5.",
        "The bug that nobody fixes blocks PR #5.",
    ] {
        let found = tasks(&format!("{said}\n\n{list}"));
        assert_ne!(one(&found, "A2").needs, None, "{said}");
    }
    let turned = "Do not merge these before A4.\n\n- [ ] **A2 P1 Apps**: Merge PR #5\n\n## More\n\n- [ ] **A4 P1 Apps**: Merge PR #6\n";
    assert_eq!(waits(&tasks(turned), "A2"), ["A4"]);
}

#[test]
fn a_task_does_not_wait_for_itself_where_another_answers() {
    let merges = "- [ ] **A1 P1 Apps**: Merge PR #3\n\n## More\n\n- [ ] **A2 P1 Apps**: Merge PR #4\n";
    for said in [
        "Do this before A2:",
        "Do these before PR #4:",
        "These come before A2.",
        "Before A2:",
        "Merge #3 before #4.",
        "A1 has to be merged before A2.",
        "**Do this before A2**",
        "| PR | Blocks |\n|---|---|\n| #3 | #4 |",
        "| PR | Needed for |\n|---|---|\n| Merge PR #3 | A2 |",
    ] {
        let found = tasks(&format!("## Plan\n\n{said}\n\n{merges}"));
        assert_eq!(waits(&found, "A2"), ["A1"], "{said}");
        assert!(found.iter().all(|task| task.needs.is_none()), "{said}: {:?}", why(&found));
    }
    // What holds it up is no task here, or none that stands below.
    let alone = "- [ ] **A2 P1 Apps**: Merge PR #4\n";
    for body in [
        format!("## Plan\n\nDo this before A2:\n\n{alone}"),
        format!("## Plan\n\nDo this before A2:\n\n### More\n\n{merges}"),
        format!("## Definition of done\n\nDo this before A2:\n\n- [ ] All pods run\n\n## More\n\n{alone}"),
        format!("## Plan\n\nThe vendor bug blocks A2:\n\n{merges}"),
        format!("## Plan\n\nDo b7 before A2:\n\n{merges}"),
        format!("## Plan\n\nDo 2.1 before A2:\n\n{merges}"),
        format!("## Plan\n\nDo A1 and A9 before A2.\n\n{merges}"),
        format!("## Plan\n\nDo A1-A3 before A2.\n\n{merges}"),
        format!("## Plan\n\n- [ ] **A5**: Back up radarr\n\nThese come before A2.\n\n{merges}"),
        format!("## Plan\n\nAnna has to do this before A2:\n\n{merges}"),
        format!("| PR | Blocks |\n|---|---|\n| #3 | #4 |\n\n{alone}"),
        format!("| PR | Blocks |\n|---|---|\n| #3 | #4 |\n\n{alone}- [ ] **A1**: Review #3\n"),
        format!("| What | PR | Needed for |\n|---|---|---|\n| Anna's sign-off | #3 | #4 |\n\n{merges}"),
        format!("| What | Needed for |\n|---|---|\n| Anna's ok, see #3 | #4 |\n\n{merges}"),
    ] {
        let found = tasks(&body);
        assert_eq!(one(&found, "A2").needs, Some(Needs::Approval), "{body}");
    }
}
