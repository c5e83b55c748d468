//! The program as people start it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with nothing of the surroundings in its environment.
pub(super) fn caretaker(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caretaker"));
    command.args(arguments).current_dir(folder).env_clear().env("COLUMNS", "100");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(super) fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    finish(&caretaker(folder, arguments).output().expect("the program starts"))
}

pub(super) fn finish(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const BODY: &str = "\
## Tasks

### HIGH

- [ ] **A1** [P1] [Metal] Verify that all nodes are Ready
- [x] **A2** [P1] [System] Verify that Ceph reports HEALTH_OK

### MEDIUM

- [ ] **B1** [P2] [Apps] Merge PR #12: update wiki from 1.2.3 to 1.2.4
";

#[test]
fn help_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    for command in
        ["", "setup", "doctor", "plan", "recon", "lint", "run", "demo", "serve", "backup", "config"]
    {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let (code, out, err) = run(folder.path(), &arguments);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.contains("Exit codes:"), "{out}");
        let name = if command.is_empty() { "help".to_owned() } else { format!("help-{command}") };
        insta::assert_snapshot!(name, out);
    }
}

#[test]
fn wrong_arguments_are_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["plan"][..], &["nonsense"], &["plan", "--issue", "many"], &["plan", "--issue", "7", "--file", "-"]]
    {
        let (code, out, err) = run(folder.path(), arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.contains("--help"), "{err}");
    }
}

#[test]
fn the_example_of_the_settings_is_printed_and_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let (code, example, _) = run(folder.path(), &["config", "example"]);
    assert_eq!(code, Some(0));
    assert_eq!(example, include_str!("../../config.example.toml"));
    std::fs::write(folder.path().join("caretaker.toml"), example).unwrap();

    let (code, out, err) = run(folder.path(), &["config", "check"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("CARETAKER_FORGE_TOKEN") && err.contains("CARETAKER_WEBHOOK_SECRET"), "{out}{err}");
    assert!(err.contains("error: 2 things are missing:") && err.contains("next:"), "{err}");
    for (arguments, secret) in [(&["serve"][..], true), (&["run", "--issue", "7"], false)] {
        let (code, _, err) = run(folder.path(), arguments);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("CARETAKER_FORGE_TOKEN"), "{err}");
        assert_eq!(err.contains("CARETAKER_WEBHOOK_SECRET"), secret, "{err}");
    }

    let mut complete = caretaker(folder.path(), &["config", "check"]);
    complete.env("CARETAKER_FORGE_TOKEN", "token-that-stays-unseen");
    complete.env("CARETAKER_WEBHOOK_SECRET", "secret-that-stays-unseen");
    let (code, out, err) = finish(&complete.output().unwrap());
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("caretaker.toml") && out.contains("nothing is missing"), "{out}");
    assert!(!format!("{out}{err}").contains("unseen"));
}

#[test]
fn an_unknown_setting_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[forge]\naddress = \"https://git.example.org/\"\n").unwrap();
    let (code, out, err) = run(folder.path(), &["config", "check", "--config", file.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    for part in ["settings.toml", "`address`", "`url`", "config example"] {
        assert!(err.contains(part), "{part} in {err}");
    }
    let (code, _, err) = run(folder.path(), &["config", "check", "--config", "not-there.toml"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("not-there.toml") && err.contains("because:"), "{err}");
}

#[test]
fn a_plan_of_a_file_needs_no_server() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.md"), BODY).unwrap();
    let (code, out, err) = run(folder.path(), &["plan", "--file", "body.md", "--format", "json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let plan: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(plan["order"], serde_json::json!(["A1", "B1"]));
    assert_eq!(plan["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(plan["tasks"][2]["kind"], "merge");
    assert_eq!(plan["tasks"][2]["pull"], 12);
    assert_eq!(plan["tasks"][1]["state"], "done");

    let (code, out, err) = run(folder.path(), &["plan", "--file", "body.md"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("A1") && out.contains("B1") && !out.contains('\u{1b}'), "{out}");

    let (code, _, err) = run(folder.path(), &["plan", "--file", "missing.md"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("missing.md"), "{err}");
}

#[test]
fn a_plan_is_in_colour_where_that_is_asked_for_and_steers_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let body = "## Tasks\n\n- [ ] **A1 P0 Metal**: Verify \u{1b}]0;title\u{7} that all nodes are Ready\n";
    std::fs::write(folder.path().join("body.md"), body).unwrap();
    let mut forced = caretaker(folder.path(), &["plan", "--file", "body.md"]);
    let (code, out, _) = finish(&forced.env("CLICOLOR_FORCE", "1").output().unwrap());
    assert_eq!(code, Some(0));
    assert!(out.contains("\u{1b}[31mP0") && !out.contains("\u{1b}]0;") && !out.contains('\u{7}'), "{out:?}");
    let mut json = caretaker(folder.path(), &["plan", "--file", "body.md", "--format", "json"]);
    let (_, out, _) = finish(&json.env("CLICOLOR_FORCE", "1").output().unwrap());
    assert!(!out.contains('\u{1b}'), "{out:?}");
    let mut plain = caretaker(folder.path(), &["plan", "--file", "body.md"]);
    let (_, out, _) = finish(&plain.env("NO_COLOR", "1").output().unwrap());
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn a_foundation_by_the_words_of_a_file_needs_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let body = "## Tasks\n\n- [ ] **A1 P2**: Merge PR #12: argo-cd from 9.0.1 to 9.0.2\n\
                - [ ] **A2 P2**: Merge PR #13: grafana from 9.0.1 to 9.0.2; then look at Argo CD\n";
    std::fs::write(folder.path().join("body.md"), body).unwrap();
    let (_, out, _) = run(folder.path(), &["plan", "--file", "body.md", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&plan["tasks"][0]["kind"], &plan["tasks"][0]["needs"]), (&"merge".into(), &"person".into()));
    assert!(plan["tasks"][1]["needs"].is_null(), "{plan:#}");
    let (_, out, _) = run(folder.path(), &["plan", "--file", "body.md"]);
    assert!(out.contains("argo-cd is a foundation: Argo CD"), "{out}");
}

#[test]
fn a_file_that_is_no_body_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("latin.md"), b"a\n- [ ] caf\xe9\n").unwrap();
    std::fs::write(folder.path().join("long.md"), "- [ ] a\n".repeat(200_000)).unwrap();
    for (file, said) in
        [("latin.md", "line 2"), ("long.md", "longer than"), (".", "a folder"), ("no.md", "no.md")]
    {
        for arguments in [&["plan", "--file", file][..], &["demo", "--issue-file", file]] {
            let (code, out, err) = run(folder.path(), arguments);
            assert_eq!(code, Some(2), "{arguments:?}: {err}");
            assert!(err.contains(said) && err.contains("next:"), "{arguments:?}: {out}{err}");
        }
    }
}

#[test]
fn a_plan_is_read_from_stdin_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = caretaker(folder.path(), &["plan", "--file", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(BODY.as_bytes()).unwrap();
    let (code, out, _) = finish(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0));
    assert!(out.contains("\"B1\""), "{out}");
}

#[test]
fn a_plan_of_an_issue_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = run(folder.path(), &["plan", "--issue", "7"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("[[repository]]") && err.contains("next:"), "{err}");
    let ask = ["plan", "--issue", "7", "--repository", "ops/homelab"];
    let (code, _, err) = run(folder.path(), &ask);
    assert_eq!(code, Some(2));
    assert!(err.contains("forge.url") && err.contains("next:"), "{err}");

    let mut nobody_there = caretaker(folder.path(), &ask);
    // Port 9 of the loopback: nothing listens there.
    nobody_there.env("CARETAKER__FORGE__URL", "http://127.0.0.1:9/").env("CARETAKER_FORGE_TOKEN", "unseen");
    nobody_there.env("CARETAKER__FORGE__READ_TIMEOUT_SECONDS", "1");
    let (code, _, err) = finish(&nobody_there.output().unwrap());
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("next:") && !err.contains("unseen"), "{err}");
}

#[test]
fn of_several_repositories_one_must_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let tables = "[[repository]]\nname = \"ops/homelab\"\n[[repository]]\nname = \"ops/second\"\n";
    std::fs::write(folder.path().join("caretaker.toml"), tables).unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["plan", "--issue", "7"], "ops/homelab, ops/second"),
        (&["lint", "--issue", "7"], "ops/homelab, ops/second"),
        (&["run", "--issue", "7"], "ops/homelab, ops/second"),
        (&["run", "--issue", "7", "--repository", "ops/third"], "do not name ops/third"),
    ];
    for (arguments, part) in cases {
        let mut command = caretaker(folder.path(), arguments);
        command.env("CARETAKER__FORGE__URL", "http://127.0.0.1:9/").env("CARETAKER_FORGE_TOKEN", "unseen");
        let (code, _, err) = finish(&command.output().unwrap());
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(err.contains(part) && err.contains("--repository"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = caretaker(folder.path(), &["config", "example"]).spawn().unwrap();
    drop(child.stdout.take());
    let (code, _, err) = finish(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{err}");
    assert!(!err.contains("panicked"), "{err}");
}
