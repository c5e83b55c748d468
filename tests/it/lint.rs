//! `caretaker lint` as people start it.

use super::cli::{caretaker, finish, run};
use sim::gitea::{Gitea, Options, Permission, Server};
use std::io::Write;
use std::process::Stdio;

const BODY: &str = "\
# Maintenance

## High

- [ ] **A1 P1 Metal**: Verify that all nodes are Ready
- [ ] Archive the old logs
  - **Commands**: `rm -rf /var/log/old | true`
- **[ ]** **A3 P1 Apps**: Merge PR #12

```
- [ ] not this one
```
";

const FIXED: &str = "- [ ] **A2**: Archive the old logs\n";

#[test]
fn a_file_is_told_what_is_understood_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.md"), BODY).unwrap();
    let (code, out, err) = run(folder.path(), &["lint", "body.md"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("body.md holds 1 error") && err.contains("next:"), "{err}");
    assert!(!out.contains('\u{1b}'), "no colour in a pipe: {out}");
    insta::assert_snapshot!("lint-text", out);

    let (code, out, _) = run(folder.path(), &["lint", "body.md", "--format", "json"]);
    assert_eq!(code, Some(1));
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    insta::assert_snapshot!("lint-json", serde_json::to_string_pretty(&found).unwrap());
    assert_eq!(std::fs::read_to_string(folder.path().join("body.md")).unwrap(), BODY, "nothing was changed");

    // Warnings alone are no failure.
    let only_warned = BODY.replace("- **[ ]** **A3", "- [ ] **A3");
    std::fs::write(folder.path().join("body.md"), only_warned).unwrap();
    let (code, out, err) = run(folder.path(), &["lint", "body.md"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
}

#[test]
fn missing_ids_are_added_to_a_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.md");
    for ending in ["\n", "\r\n"] {
        let body = BODY.replace('\n', ending);
        std::fs::write(&file, &body).unwrap();
        let (code, out, _) = run(folder.path(), &["lint", "--fix", "body.md"]);
        assert_eq!(code, Some(1), "the other errors stay: {out}");
        assert!(out.contains("added A2"), "{out}");
        let fixed = std::fs::read_to_string(&file).unwrap();
        assert_eq!(fixed, body.replace("- [ ] Archive", "- [ ] **A2**: Archive"));
        let (_, out, _) = run(folder.path(), &["lint", "--fix", "body.md"]);
        assert!(out.contains("nothing was changed"), "{out}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), fixed);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_text_from_stdin_is_fixed_to_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = caretaker(folder.path(), &["lint", "--fix", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(BODY.as_bytes()).unwrap();
    let (code, out, err) = finish(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(1));
    assert_eq!(out, BODY.replace("- [ ] Archive the old logs\n", FIXED));
    assert!(err.contains("malformed-box") && err.contains("stdin holds 1 error"), "{err}");
}

#[test]
fn what_cannot_be_read_is_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("binary"), [0xff, 0xfe, 0x00]).unwrap();
    for file in ["missing.md", ".", "binary"] {
        let (code, out, err) = run(folder.path(), &["lint", file]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{file}");
        assert!(err.contains(file) && err.contains("next:"), "{err}");
    }
    for wrong in [&["lint"][..], &["lint", "--issue", "7", "body.md"]] {
        assert_eq!(run(folder.path(), wrong).0, Some(2));
    }
    let (code, _, err) = run(folder.path(), &["lint", "--issue", "7", "--repository", "ops/homelab"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("forge.url"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_is_fixed_on_the_forge() {
    let gitea = Gitea::start(Options::default()).await.unwrap();
    let repository = gitea.create_repository("ops", "homelab", true);
    gitea.add_collaborator("ops", "homelab", "caretaker", Permission::Write);
    let token = gitea.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
    let number = repository.open_issue("caretaker", "[Maintenance]", BODY, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ask = |fix: bool| {
        let number = number.to_string();
        let mut arguments = vec!["lint", "--issue", &number, "--repository", "ops/homelab"];
        arguments.extend(fix.then_some("--fix"));
        let mut command = caretaker(folder.path(), &arguments);
        command.env("CARETAKER__FORGE__URL", gitea.url()).env("CARETAKER_FORGE_TOKEN", &token);
        tokio::task::spawn_blocking(move || finish(&command.output().unwrap()))
    };
    let (code, out, err) = ask(false).await.unwrap();
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!(repository.issue(number).unwrap().body, BODY);
    let (_, out, err) = ask(true).await.unwrap();
    assert!(out.contains("added A2"), "{out}{err}");
    let fixed = BODY.replace("- [ ] Archive the old logs\n", FIXED);
    assert_eq!(repository.issue(number).unwrap().body, fixed);
    let writes = |gitea: &Gitea| gitea.requests().iter().filter(|one| one.method == "PATCH").count();
    assert_eq!(writes(&gitea), 1);
    ask(true).await.unwrap();
    assert_eq!(writes(&gitea), 1, "nothing was missing any more");
    gitea.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issue_is_not_fixed_where_nobody_would_notice_that_somebody_else_writes() {
    let gitea = Gitea::start(Options { server: Server::Forgejo12, ..Options::default() }).await.unwrap();
    let repository = gitea.create_repository("ops", "homelab", true);
    gitea.add_collaborator("ops", "homelab", "caretaker", Permission::Write);
    let token = gitea.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
    let number = repository.open_issue("caretaker", "[Maintenance]", BODY, &[]).unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        caretaker(folder.path(), &["lint", "--issue", &number, "--repository", "ops/homelab", "--fix"]);
    command.env("CARETAKER__FORGE__URL", gitea.url()).env("CARETAKER_FORGE_TOKEN", &token);
    let (code, _, err) =
        tokio::task::spawn_blocking(move || finish(&command.output().unwrap())).await.unwrap();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("lint --fix FILE"), "{err}");
    assert!(gitea.requests().iter().all(|one| one.method != "PATCH"));
    gitea.shutdown().await;
}
