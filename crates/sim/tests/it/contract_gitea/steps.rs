//! What happened between the recorded exchanges, and how some of their answers were cut before they were written down.

use serde_json::{Value, json};
use sim::gitea::FileChange;

use super::mapping::Mapping;
use super::recording::{Exchange, Request};
use super::server::{REPOSITORY, Server, chart};
use super::shape::project;

const BODY: &str = "## Status\n\n- [ ] **A1 P1 Platform**: Merge PR #2\n";

/// Does what came before an exchange and is in no recording.
pub(crate) async fn before(
    server: &Server,
    mapping: &mut Mapping,
    scenario: &str,
    index: usize,
    next: &Exchange,
) {
    let number = |recorded: u64| mapping.number("issues", recorded);
    match (scenario, index) {
        ("access", 11) => {
            let new = json!({ "name": "old-name", "auto_init": true });
            server.admin("POST", "/api/v1/orgs/ops/repos", new).await;
            let issue = json!({ "title": "t", "body": "b" });
            server.admin("POST", "/api/v1/repos/ops/old-name/issues", issue).await;
            server.admin("PATCH", "/api/v1/repos/ops/old-name", json!({ "name": "new-name" })).await;
        }
        ("access", 13) => {
            server.admin("PATCH", "/api/v1/repos/ops/new-name", json!({ "archived": true })).await;
        }
        ("access", 14) => {
            server.admin("DELETE", "/api/v1/repos/ops/new-name", Value::Null).await;
        }
        // What the two scenarios before left behind is put in order: the second label of a name, title and body.
        ("issue_lifecycle", 0) => {
            let path = format!("{REPOSITORY}/labels/{}", mapping.number("labels", 4));
            server.admin("DELETE", &path, Value::Null).await;
        }
        ("issue_search", 0) => {
            let issue = format!("{REPOSITORY}/issues/{}", number(1));
            let title = "[Maintenance] 2026-11-21 - Homelab";
            server.admin("PATCH", &issue, json!({ "body": BODY, "title": title })).await;
            let label = mapping.number("labels", 1);
            server.admin("PUT", &format!("{issue}/labels"), json!({ "labels": [label] })).await;
            for k in 0..3 {
                let labels = if k == 1 { json!([label]) } else { json!([]) };
                let new = json!({ "title": format!("Issue {k}"), "body": "b", "labels": labels });
                server.admin("POST", &format!("{REPOSITORY}/issues"), new).await;
            }
            let closed = json!({ "title": "closed one", "body": "b", "closed": true, "labels": [label] });
            server.admin("POST", &format!("{REPOSITORY}/issues"), closed).await;
        }
        ("pull_lifecycle", 22) => server.settle_mergeable(number(6)).await,
        ("pull_lifecycle", 49) => {
            server.settle_mergeable(number(9)).await;
            server.settle_mergeable(number(10)).await;
        }
        ("pull_lifecycle", 58) => server.settle_mergeable(number(9)).await,
        ("protection", 2) => server.settle_mergeable(number(11)).await,
        ("protection", 8) => {
            succeed(server, mapping, head_of(next)).await;
            server.settle_mergeable(number(11)).await;
        }
        ("protection", 10) => {
            let pull = server.admin("GET", &format!("{REPOSITORY}/pulls/{}", number(11)), Value::Null).await;
            let head = pull.body["head"]["sha"].as_str().expect("a head").to_owned();
            let state = json!({ "context": "ci/test", "state": "success" });
            server.admin("POST", &format!("{REPOSITORY}/statuses/{head}"), state).await;
        }
        ("protection", 12) => {
            let pull = server.admin("GET", &format!("{REPOSITORY}/pulls/{}", number(11)), Value::Null).await;
            mapping.learn_commit(head_of(next), pull.body["head"]["sha"].as_str().expect("a head"));
            server.settle_mergeable(mapping.number("issues", 11)).await;
        }
        ("protection", 13) => {
            let issue = format!("{REPOSITORY}/issues/{}", number(12));
            server.admin("PATCH", &issue, json!({ "state": "closed" })).await;
        }
        ("revert", 0) => {
            server.admin("DELETE", &format!("{REPOSITORY}/branch_protections/main"), Value::Null).await;
        }
        ("revert", 1) => server.settle_mergeable(number(13)).await,
        ("revert", 2) => {
            let pull = server.admin("GET", &format!("{REPOSITORY}/pulls/{}", number(13)), Value::Null).await;
            let recorded = commits_in(&next.request.as_ref().expect("a request").path);
            mapping.learn_commit(&recorded[0], pull.body["merge_commit_sha"].as_str().expect("merged"));
        }
        ("revert", 11) => server.settle_mergeable(number(14)).await,
        ("trust", 7) => {
            let list =
                server.admin("GET", &format!("{REPOSITORY}/commits?sha=main&limit=5"), Value::Null).await;
            let live: Vec<&str> =
                list.body.as_array().expect("commits").iter().filter_map(|c| c["sha"].as_str()).collect();
            let recorded = commits_in(&next.request.as_ref().expect("a request").path);
            mapping.learn_commit(&recorded[0], live.last().expect("five commits"));
            mapping.learn_commit(&recorded[1], live.first().expect("five commits"));
        }
        ("contents", 0) => {
            let file = |path: &str, content: &[u8], executable| FileChange::Write {
                path: path.into(),
                content: content.to_vec(),
                executable,
            };
            let bytes: Vec<u8> = (0..=255).collect();
            let files = vec![
                file("undo/changed.txt", b"one\n", false),
                file("undo/removed.txt", b"two\n", false),
                file("undo/run.sh", b"#!/bin/sh\n", true),
                FileChange::Symlink { path: "undo/link".into(), target: "changed.txt".into() },
                file("undo/bin", &bytes, false),
            ];
            server.push("main", "undo: start", files);
        }
        ("contents", 17) => {
            let rules = json!({ "branch_name": "main", "rule_name": "main", "enable_push": false });
            server.admin("POST", &format!("{REPOSITORY}/branch_protections"), rules).await;
        }
        ("approvals", 0) => {
            server.admin("DELETE", &format!("{REPOSITORY}/branch_protections/main"), Value::Null).await;
            let issue = json!({ "title": "approve", "body": "- [ ] one\n" });
            server.admin("POST", &format!("{REPOSITORY}/issues"), issue).await;
            server.create_user("teamreader").await;
        }
        ("approvals", 5) => {
            let team = mapping.number("teams", 0);
            server.admin("PUT", &format!("/api/v1/teams/{team}/members/teamreader"), Value::Null).await;
        }
        ("approvals", 7) => {
            let team = mapping.number("teams", 0);
            server.admin("DELETE", &format!("/api/v1/teams/{team}"), Value::Null).await;
        }
        _ => {}
    }
    if let Some(request) = &next.request {
        push_head(server, request);
    }
}

/// A pull request's branch was pushed just before it was opened. The answer of the opening teaches its commit.
fn push_head(server: &Server, request: &Request) {
    if request.method != "POST" || !request.path.ends_with("/pulls") {
        return;
    }
    let head = request.body.as_ref().and_then(|body| body["head"].as_str()).unwrap_or_default();
    let pushed = match head {
        "renovate/kured-5.x" => Some(("kured", "5.7.0")),
        "renovate/draft-1.x" => Some(("draft", "1.1.0")),
        "renovate/conflicting-2.x" => Some(("conflicting", "2.0.0")),
        "renovate/grafana-10.x" => Some(("grafana", "10.0.0")),
        "renovate/loki-6.x" => Some(("loki", "6.24.0")),
        "renovate/external-secrets-1.x" => Some(("external-secrets", "1.1.0")),
        "renovate/app-template-4.x" => Some(("app-template", "4.4.0")),
        "renovate/postgresql-18.x" => Some(("postgresql", "18.1.0")),
        _ => None,
    };
    if let Some((app, version)) = pushed {
        server.replace_branch(
            head,
            &format!("chore(deps): update {app} to {version}"),
            vec![chart(app, version)],
        );
    }
}

/// Pushes what the recording shows as git's output, and returns the commit.
pub(crate) fn push(server: &Server, note: &str) -> String {
    match note {
        "Renovate pushes to the branch again" => {
            let files = vec![chart("kured", "5.7.1")];
            server.replace_branch("renovate/kured-5.x", "chore(deps): update kured to 5.7.1", files)
        }
        "A person pushes to main what conflicts with it" => {
            server.push("main", "conflicting: 1.5.0", vec![chart("conflicting", "1.5.0")])
        }
        "main moves on: the branch is outdated" => {
            server.push("main", "readme", vec![FileChange::text("README.md", "# homelab\n")])
        }
        "git revert -m 1 and push" => server.revert_head(),
        other => panic!("the recording pushes in a way that is not known here: {other}"),
    }
}

async fn succeed(server: &Server, mapping: &Mapping, recorded: &str) {
    let state = json!({ "context": "ci/test", "state": "success" });
    server.admin("POST", &format!("{REPOSITORY}/statuses/{}", mapping.text(recorded)), state).await;
}

fn head_of(exchange: &Exchange) -> &str {
    let body = exchange.request.as_ref().and_then(|request| request.body.as_ref());
    body.and_then(|body| body["head_commit_id"].as_str()).expect("the exchange pins a head")
}

fn commits_in(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_ascii_hexdigit());
    words.filter(|word| word.len() == 40).map(str::to_owned).collect()
}

/// Cuts an answer as the recorder cut it.
pub(crate) fn trim(scenario: &str, index: usize, recorded: &Value, live: Value) -> Value {
    match (scenario, index) {
        ("issue_search", 1..=8)
        | ("pull_lifecycle", 2..=5 | 32 | 40..=44 | 50..=57 | 59 | 60)
        | ("protection", 3) => project(recorded, &live),
        ("revert", 3) if recorded["total_commits"].is_number() => {
            let mut counted = live;
            counted["commits"] = json!("counted");
            counted
        }
        ("trust", 7 | 8) => {
            let commits: Value = live["commits"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|commit| commit["sha"].clone())
                .collect();
            json!({ "total_commits": live["total_commits"], "commits": commits })
        }
        ("trust", 10) => json!({ "name": live["name"], "commit": live["commit"]["id"] }),
        ("contents", 3 | 13) => {
            let undo = |entry: &&Value| entry["path"].as_str().is_some_and(|path| path.starts_with("undo"));
            let tree: Value = live["tree"].as_array().into_iter().flatten().filter(undo).cloned().collect();
            json!({ "tree": tree, "truncated": live["truncated"] })
        }
        _ => live,
    }
}
