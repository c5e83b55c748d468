//! What a real Gitea answered is read as it was meant: every recorded good answer of a kind that the client asks for.

use super::http::refusal_of;
use super::types::{
    Account, Branch, ChangedFile, Comment, Commit, FileChangeKind, Issue, Label, OwnerKind, Repository,
};
use super::wire::{
    WireAccount, WireBranch, WireCombined, WireComment, WireCommit, WireFile, WireFilesAnswer, WireIssue,
    WireLabel, WirePull, WireRepository, WireTree, WireVersion,
};
use super::{AfterRefusedMerge, ForgeError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

struct Exchange {
    method: String,
    path: String,
    status: u16,
    body: Value,
}

fn exchanges() -> Vec<Exchange> {
    let mut all = Vec::new();
    for name in ["access", "labels", "pull_lifecycle", "issue_lifecycle", "contents"] {
        let path = format!("{}/fixtures/recordings/gitea-1.27/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("a recording");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        for exchange in file["exchanges"].as_array().expect("exchanges") {
            // A push has no request.
            let Some(method) = exchange["request"]["method"].as_str() else { continue };
            let response = &exchange["response"];
            all.push(Exchange {
                method: method.to_owned(),
                path: exchange["request"]["path"].as_str().expect("a path").to_owned(),
                status: response["status"].as_u64().and_then(|s| u16::try_from(s).ok()).expect("a status"),
                body: response["body"].clone(),
            });
        }
    }
    all
}

fn read<T: DeserializeOwned>(exchange: &Exchange) -> T {
    serde_json::from_value(exchange.body.clone())
        .unwrap_or_else(|error| panic!("{} {}: {error}", exchange.method, exchange.path))
}

#[test]
fn every_good_answer_is_read() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for exchange in exchanges().iter().filter(|exchange| matches!(exchange.status, 200 | 201)) {
        let path = exchange.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
        // Some answers were cut to a few fields when they were recorded.
        let whole = exchange.body.get("id").is_some();
        let kind = match (exchange.method.as_str(), parts.as_slice()) {
            ("GET", ["version"]) => {
                assert_eq!(read::<WireVersion>(exchange).version, "1.27.1");
                "version"
            }
            ("GET", ["user"]) => {
                assert_eq!(Account::from(read::<WireAccount>(exchange)).login, "caretaker");
                "account"
            }
            ("GET", ["repos", _, _]) if whole => {
                let repository = Repository::from(read::<WireRepository>(exchange));
                assert_eq!(repository.clone_urls.len(), 2);
                assert_eq!(repository.owner_kind, Some(OwnerKind::Organisation));
                assert!(repository.allows_merge_commits);
                "repository"
            }
            ("GET" | "PATCH", ["repos", _, _, "issues", _]) if whole => {
                let issue = Issue::from(read::<WireIssue>(exchange));
                assert!(issue.content_version.is_some());
                "issue"
            }
            ("GET", ["repos", _, _, "issues", _, "comments"]) => {
                read::<Vec<WireComment>>(exchange).into_iter().map(Comment::from).for_each(drop);
                "comments"
            }
            ("GET", ["repos", _, _, "labels"]) => {
                read::<Vec<WireLabel>>(exchange).into_iter().map(Label::from).for_each(drop);
                "labels"
            }
            ("GET", ["repos", _, _, "pulls", _]) if whole => {
                let pull = read::<WirePull>(exchange).into_pull().expect("a pull request");
                assert_eq!(pull.base.branch, "main");
                assert_eq!(pull.merged.is_some(), exchange.body["merged"] == Value::Bool(true));
                "pull"
            }
            ("GET", ["repos", _, _, "pulls"]) if exchange.body[0].get("id").is_some() => {
                for pull in read::<Vec<WirePull>>(exchange) {
                    pull.into_pull().expect("a pull request");
                }
                "pulls"
            }
            ("GET", ["repos", _, _, "pulls", _, "files"]) => {
                let files: Vec<ChangedFile> =
                    read::<Vec<WireFile>>(exchange).into_iter().map(ChangedFile::from).collect();
                assert!(files.iter().all(|file| file.kind != FileChangeKind::Other));
                "files"
            }
            ("GET", ["repos", _, _, "commits", _, "status"]) => {
                let combined = read::<WireCombined>(exchange);
                assert_eq!(combined.statuses.len(), combined.total_count);
                "statuses"
            }
            ("GET", ["repos", _, _, "git", "commits", _]) if exchange.body.get("sha").is_some() => {
                assert!(!Commit::from(read::<WireCommit>(exchange)).parents.is_empty());
                "commit"
            }
            ("GET", ["repos", _, _, "branches", _]) if exchange.body["commit"].is_object() => {
                let branch = Branch::from(read::<WireBranch>(exchange));
                assert!(branch.can_push);
                "branch"
            }
            ("GET", ["repos", _, _, "git", "trees", _]) => {
                for entry in read::<WireTree>(exchange).tree {
                    entry.into_entry().expect("an entry");
                }
                "tree"
            }
            ("POST", ["repos", _, _, "contents"]) => {
                read::<WireFilesAnswer>(exchange);
                "contents"
            }
            _ => continue,
        };
        *seen.entry(kind).or_default() += 1;
    }
    let kinds: Vec<&str> = seen.into_keys().collect();
    assert_eq!(
        kinds,
        [
            "account",
            "branch",
            "comments",
            "commit",
            "contents",
            "files",
            "issue",
            "labels",
            "pull",
            "pulls",
            "repository",
            "statuses",
            "tree",
            "version"
        ]
    );
}

#[test]
fn every_refusal_of_a_merge_says_what_may_follow() {
    let mut seen = Vec::new();
    for exchange in exchanges() {
        if exchange.method != "POST" || !exchange.path.ends_with("/merge") || exchange.status < 300 {
            continue;
        }
        let body = exchange.body.to_string();
        let error = refusal_of(exchange.status, body.as_bytes());
        assert!(
            matches!(error, ForgeError::NotFound { .. }) || !error.to_string().ends_with(": "),
            "{error}"
        );
        seen.push((exchange.status, error.after_refused_merge()));
    }
    seen.sort_by_key(|(status, _)| *status);
    seen.dedup();
    assert_eq!(
        seen,
        [
            (403, AfterRefusedMerge::Never),
            (404, AfterRefusedMerge::LookAgain),
            (405, AfterRefusedMerge::Later),
            (409, AfterRefusedMerge::LookAgain),
            (422, AfterRefusedMerge::Never),
        ]
    );
}
