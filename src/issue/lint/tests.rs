//! What is said of bodies.

use super::{Code, Severity, add_missing_ids, lint};
use crate::merge::UpdateType;
use proptest::prelude::*;

/// A body, and what is found in it with line and column.
type Case<'a> = (&'a str, &'a [(Code, usize, usize)]);

fn found(body: &str) -> Vec<(Code, usize, usize)> {
    let lint = lint(body, None, &|_| (None, UpdateType::Patch));
    lint.findings.iter().map(|finding| (finding.code, finding.line, finding.column)).collect()
}

fn fixed(body: &str) -> (String, Vec<String>) {
    add_missing_ids(body, &|_| (None, UpdateType::Patch))
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    use Code::{
        BoxInCodeBlock, BoxInHtml, BoxInQuote, CommandNotRun, DuplicateId, MalformedBox, MismatchedMarker,
        MissingId, MissingPriority, NoTasks, SecretCommand, SpecIdCollision, UnknownDependency, UnknownLayer,
    };
    let cases: [Case<'_>; 18] = [
        ("## Tasks\n\n- [ ] **A1 P1 Metal**: Verify that all nodes are Ready\n", &[]),
        ("", &[(NoTasks, 1, 1)]),
        ("## High\n\n- [ ] **A1**: Verify that all nodes are Ready\n", &[]),
        ("## Tasks\n\n- [ ] **A1**: Verify that all nodes are Ready\n", &[(MissingPriority, 3, 7)]),
        ("## Tasks\n\n- [ ] **A1 P1 Cepf**: Do it\n", &[(UnknownLayer, 3, 7)]),
        ("## High\n\n- [ ] Do it\n", &[(MissingId, 3, 7)]),
        (
            "## High\n\n- [ ] **A1**: Do it\n- [ ] **A1**: Do that\n",
            &[(DuplicateId, 3, 7), (DuplicateId, 4, 7)],
        ),
        ("## High\n\n- [ ] **A1**: Do it\n\n```\n- [ ] ä **A2**: not this\n```\n", &[(BoxInCodeBlock, 6, 3)]),
        ("## High\n\n- [ ] **A1**: Do it\n\n> - [ ] **A2**: not this\n", &[(BoxInQuote, 5, 5)]),
        ("## High\n\n- [ ] **A1**: Do it\n\n<!--\n- [ ] **A2**: no\n-->\n", &[(BoxInHtml, 6, 3)]),
        ("## High\n\n- [ ] **A1**: Do it\n- **[ ]** **A2**: Do that\n", &[(MalformedBox, 4, 5)]),
        (
            "<!-- caretaker:status -->\n\n## High\n\n- [ ] **A1**: Do it\n\n<!-- /caretaker:changes -->\n",
            &[(MismatchedMarker, 1, 1), (MismatchedMarker, 7, 1)],
        ),
        (
            "## High\n\n- [ ] **A1**: Do it\n  - **Commands**: `kubectl delete pod x | tee y`, `make it`\n",
            &[(CommandNotRun, 4, 20), (CommandNotRun, 4, 52)],
        ),
        (
            "## High\n\n- [ ] **A1**: Do it\n\n  ```sh\n  kubectl exec x -- printenv | grep TOKEN\n  ```\n",
            &[(SecretCommand, 6, 3)],
        ),
        ("## High\n\n- [ ] **A1**: Do it\n  - **Commands**: ask somebody first\n", &[(CommandNotRun, 4, 3)]),
        (
            "## High\n\n- [ ] **A1**: Verify that all nodes are Ready\n  - **Commands**: `kubectl get nodes | grep x`\n",
            &[],
        ),
        ("## High\n\n- [ ] **A1**: Do it\n  - **Depends on**: A7\n", &[(UnknownDependency, 4, 3)]),
        (
            "## Proposed Changes (Spec)\n\n| ID | What |\n|---|---|\n| P1 | the ingress controller |\n| P2 | Replace the disk |\n\n\
             ## High\n\n- [ ] **P1 P1**: Rotate a password\n- [ ] **P2 P1**: Replace the disk\n",
            &[(SpecIdCollision, 5, 3)],
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(found(body), expected, "{body}");
    }
}

#[test]
fn what_a_run_would_not_simply_do_is_named() {
    use Code::{
        CommandNotRun, Contradiction, MalformedBox, MissingPriority, NotPlain, SecretCommand,
        UnknownDependency, UnknownPriority,
    };
    let cases: &[Case<'_>] = &[
        ("- [ ] A1 P1 Merge PR #5 and #6\n", &[(NotPlain, 1, 7)]),
        ("- [ ] A1 P1 Merge PR #5 after X9\n", &[(UnknownDependency, 1, 7), (NotPlain, 1, 7)]),
        ("- [ ] A1 P1 Fix it after A1\n", &[(Contradiction, 1, 7)]),
        (
            "- [ ] A1 P1 Close #5\n- [ ] A2 P1 Merge PR #5\n",
            &[(Contradiction, 1, 7), (NotPlain, 1, 7), (Contradiction, 2, 7), (NotPlain, 2, 7)],
        ),
        ("- [ ] **A1 P4 Apps**: Fix it\n", &[(UnknownPriority, 1, 7)]),
        (
            "- [ ] A1 P1 Fix it\n\n| a |\n|---|\n| [ ] |\n\n- [-] A2 P1 Fix that\n",
            &[(MalformedBox, 5, 3), (MalformedBox, 7, 3)],
        ),
        ("- [ ] A1 P1 Verify all nodes are Ready\n  - Steps: `printenv`\n", &[(SecretCommand, 2, 13)]),
        (
            "- [ ] A1 P1 Verify all nodes are Ready\n  - Cmd: kubectl get secret a -o yaml\n",
            &[(SecretCommand, 2, 3)],
        ),
        ("- [ ] A1 P1 Fix it\n  - Commands: kubectl get pods -A\n", &[]),
        (
            "- [ ] A1 P1 Merge PR #5\n  - Commands: `kubectl delete pvc a`\n",
            &[(NotPlain, 1, 7), (CommandNotRun, 2, 16)],
        ),
        ("a\rb\r\n- [ ] **A1**: Fix it\n", &[(MissingPriority, 3, 7)]),
        (
            "## Proposed Changes (Spec)\n\n| ID | Priority | What |\n|---|---|---|\n| A1 | P1 | Replace the disk |\n\n## Tasks\n\n- [ ] **A1**: Replace the disk\n",
            &[],
        ),
    ];
    for (body, expected) in cases {
        let found: Vec<_> = found(body).into_iter().filter(|(code, _, _)| *code != Code::Guess).collect();
        assert_eq!(found, *expected, "{body}");
    }
}

#[test]
fn errors_are_what_loses_or_endangers_something() {
    let body = "## High\n\n- [ ] Do it\n- [] Do that\n";
    let lint = lint(body, None, &|_| (None, UpdateType::Patch));
    assert_eq!((lint.count(Severity::Error), lint.count(Severity::Warning)), (1, 1), "{:?}", lint.findings);
    let deep = format!("{}- [ ] x\n", "> ".repeat(200));
    let deep = super::lint(&deep, None, &|_| (None, UpdateType::Patch));
    assert_eq!(deep.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Unreadable]);
}

#[test]
fn ids_are_added_where_they_are_missing() {
    for (body, expected, ids) in [
        (
            "- [ ] Do it\r\n\r\n- [x] Done\r\n",
            "- [ ] **A1**: Do it\r\n\r\n- [x] **A2**: Done\r\n",
            &["A1", "A2"][..],
        ),
        ("- [ ] **P1 Metal**: Do it\n", "- [ ] **A1 P1 Metal**: Do it\n", &["A1"]),
        ("- [ ] P1: Do it", "- [ ] A1 P1: Do it", &["A1"]),
        ("- [ ] **Do it** now\n", "- [ ] **A1**: **Do it** now\n", &["A1"]),
        (
            "- [ ] **B1 P1**: Do it\n- [ ] Do that\n",
            "- [ ] **B1 P1**: Do it\n- [ ] **B2**: Do that\n",
            &["B2"],
        ),
        (
            "## One\n\n- [ ] Do it\n\n## Two\n\n- [ ] **A7**: Do that\n- [ ] And that\n",
            "## One\n\n- [ ] **B1**: Do it\n\n## Two\n\n- [ ] **A7**: Do that\n- [ ] **A1**: And that\n",
            &["B1", "A1"],
        ),
        (
            "| ID |\n|---|\n| A1 |\n\n- [ ] Do it *(done 2026-11-21 14:30 UTC: so)*\n",
            "| ID |\n|---|\n| A1 |\n\n- [ ] **A2**: Do it *(done 2026-11-21 14:30 UTC: so)*\n",
            &["A2"],
        ),
        ("- [ ] **A1**: Do it\n", "- [ ] **A1**: Do it\n", &[]),
        ("no task\n", "no task\n", &[]),
    ] {
        let (text, added) = fixed(body);
        assert_eq!(
            (text.as_str(), &added[..]),
            (expected, &ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()[..])
        );
        assert_eq!(fixed(&text), (text.clone(), Vec::new()), "twice is once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("CARETAKER_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
    ))]

    #[test]
    fn any_text_is_looked_at_and_fixed_without_touching_anything_else(
        lines in prop::collection::vec(prop::sample::select(vec![
            "- [ ] Do it", "- [x] **Do** that", "- [ ] **P1 Apps**: x", "- [ ] P2: y", "- [ ] **A1 P0**: z", "- [ ] **A1**: w",
            "  - [ ] nested", "- [ ] `code", "more` of it", "- [ ] *(done 2026-11-21 14:30 UTC: x)*", "- [ ] [P1] a", "- [ ] _b_ c",
            "- [ ] <!-- x -->", "- [ ] T3: d", "- [ ] K8 is slow", "- [ ] ## e", "- [ ] - [ ] f", "- [ ] ```", "```", "## Tasks",
            "### High", "## Verification", "", "text", "> - [ ] q", "| ID |\n|---|\n| A1 |", "<!-- caretaker:status -->",
            "<!-- /caretaker:status -->", "- [ ] Note: g", "- [ ] \u{202e}h", "1. [ ] Merge PR #3", "- [ ] A1", "---", "- [ ] Title", "===",
        ]), 0..14),
        ending in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let body = lines.join(ending);
        let before = lint(&body, None, &|_| (None, UpdateType::Patch));
        for finding in &before.findings {
            prop_assert!(body.get(finding.span.clone()).is_some() && finding.line >= 1 && finding.column >= 1);
        }
        let (text, added) = fixed(&body);
        prop_assert_eq!(fixed(&text), (text.clone(), Vec::new()), "twice is once: {:?}", body);
        let after = lint(&text, None, &|_| (None, UpdateType::Patch));
        let keys = |lint: &super::Lint| lint.reading.tasks.iter().map(|task| task.key.clone()).collect::<Vec<_>>();
        prop_assert_eq!(keys(&after), keys(&before));
        let missing = |lint: &super::Lint| lint.findings.iter().filter(|finding| finding.code == Code::MissingId).count();
        prop_assert_eq!(missing(&after) + added.len(), missing(&before));
        // What was added is all that is new.
        let mut rest = text.as_str();
        let mut old = String::new();
        for id in &added {
            // What stood there before may hold the same: nothing is new before the first difference, all behind it is.
            let left = body.as_bytes().get(old.len()..).unwrap_or_default();
            let same = rest.bytes().zip(left).take_while(|(new, old)| new == *old).count();
            let at = [format!("**{id}**: "), format!("{id} ")]
                .iter()
                .flat_map(|new| rest.match_indices(new.as_str()).map(|(at, new)| (at, new.len())))
                .filter(|(at, _)| *at <= same)
                .max();
            let (at, length) = at.expect("the id that was added");
            old.push_str(&rest[..at]);
            rest = &rest[at + length..];
        }
        old.push_str(rest);
        prop_assert_eq!(old, body);
    }
}

#[test]
fn columns_of_the_table_of_changes_that_nobody_knows_are_named() {
    let body = "## Proposed Changes (Spec)\n\n| ID | Summary | Layer | Vorher | Depends on |\n|---|---|---|---|---|\n\
                | A1 | Merge PR #5 | Apps | A2 | - |\n\n- [ ] **A1 P1 Apps**: Merge PR #5\n";
    let lint = lint(body, None, &|_| (None, crate::merge::UpdateType::Patch));
    let found: Vec<_> = lint
        .findings
        .iter()
        .filter(|finding| finding.code == Code::UnknownColumn)
        .map(|f| (f.line, f.column))
        .collect();
    assert_eq!(found, [(3, 26)]);
}

#[test]
fn a_line_that_has_an_id_of_sorts_gets_no_second() {
    for line in ["- [ ] **D1 P7 Apps**: check nodes\n", "- [ ] **d2 P1 Apps**: Merge PR #6\n"] {
        let (text, ids) = fixed(line);
        assert_eq!((text.as_str(), ids.len()), (line, 0));
    }
    let told: Vec<Code> =
        found("## High\n\n- [ ] **D1 P7 Apps**: check nodes\n").iter().map(|one| one.0).collect();
    assert_eq!(told, [Code::UnknownPriority]);
}

#[test]
fn a_command_over_several_lines_is_one() {
    let body = "## High\n\n- [ ] **A1 P1 Apps**: Merge PR #5\n  - **Commands**:\n    ```bash\n    \
                curl -X POST \"https://git.example.org/api/v1/repos/ops/homelab/pulls/5/merge\" \\\n      \
                -H \"Authorization: token $TOKEN\" \\\n      -d '{\"Do\":\"merge\"}'\n    ```\n";
    assert!(found(body).iter().all(|one| one.0 != Code::CommandNotRun), "{:?}", found(body));
}
