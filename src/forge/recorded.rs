//! What real servers answered is read as it was meant: every recorded good answer of a kind that the client asks for, of
//! each server that was recorded.

use super::merging::MergeStyle;
use super::refusal::refusal_of;
use super::server::{Server, ServerKind};
use super::types::{
    Account, Branch, ChangedFile, Comment, Commit, FileChangeKind, Issue, Label, OwnerKind, Repository,
};
use super::wire::{
    WireAccount, WireBranch, WireCombined, WireComment, WireCommit, WireFile, WireFilesAnswer, WireIssue,
    WireLabel, WirePull, WireRepository, WireReview, WireTree, WireVersion,
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

/// A server that was recorded.
struct Recorded {
    folder: &'static str,
    kind: ServerKind,
    said: &'static str,
    counts_versions: bool,
    delivers_statuses: bool,
    /// What a combined status reads where there is none.
    no_status: Option<&'static str>,
}

const SERVERS: [Recorded; 3] = [
    Recorded {
        folder: "gitea-1.27",
        kind: ServerKind::Gitea,
        said: "1.27.1",
        counts_versions: true,
        delivers_statuses: true,
        no_status: Some("pending"),
    },
    Recorded {
        folder: "gitea-1.25",
        kind: ServerKind::Gitea,
        said: "1.25.0-rc0",
        counts_versions: false,
        delivers_statuses: true,
        no_status: None,
    },
    Recorded {
        folder: "forgejo-12",
        kind: ServerKind::Forgejo,
        said: "12.0.0-dev-412-7958942e3e+gitea-1.22.0",
        counts_versions: false,
        delivers_statuses: false,
        no_status: None,
    },
];

fn exchanges(server: &Recorded) -> Vec<Exchange> {
    let mut all = Vec::new();
    for name in
        ["access", "labels", "pull_lifecycle", "issue_lifecycle", "contents", "protection", "revert", "trust"]
    {
        let path =
            format!("{}/fixtures/recordings/{}/{name}.json", env!("CARGO_MANIFEST_DIR"), server.folder);
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
fn every_good_answer_of_every_server_is_read() {
    for server in &SERVERS {
        every_good_answer_is_read(server);
    }
}

fn every_good_answer_is_read(server: &Recorded) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for exchange in exchanges(server).iter().filter(|exchange| matches!(exchange.status, 200 | 201)) {
        let path = exchange.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
        // Some answers were cut to a few fields when they were recorded.
        let whole = exchange.body.get("id").is_some();
        let kind = match (exchange.method.as_str(), parts.as_slice()) {
            ("GET", ["version"]) => {
                let read = Server::parse(&read::<WireVersion>(exchange).version);
                assert_eq!((read.said.as_str(), read.kind), (server.said, server.kind));
                assert_eq!(read.counts_versions(), server.counts_versions, "{}", server.folder);
                assert_eq!(read.delivers_statuses(), server.delivers_statuses, "{}", server.folder);
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
                let styles = [
                    MergeStyle::Merge,
                    MergeStyle::Squash,
                    MergeStyle::Rebase,
                    MergeStyle::RebaseMerge,
                    MergeStyle::FastForwardOnly,
                ];
                assert!(repository.merge_styles.iter().eq(&styles), "{:?}", repository.merge_styles);
                "repository"
            }
            ("GET" | "PATCH", ["repos", _, _, "issues", _]) if whole => {
                let issue = Issue::from(read::<WireIssue>(exchange));
                assert_eq!(issue.content_version.is_some(), server.counts_versions, "{}", server.folder);
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
            ("GET" | "PATCH", ["repos", _, _, "pulls", _]) | ("POST", ["repos", _, _, "pulls"]) if whole => {
                let pull = read::<WirePull>(exchange).into_pull().expect("a pull request");
                assert_eq!(pull.base.branch, "main");
                assert_eq!(pull.merged.is_some(), exchange.body["merged"] == Value::Bool(true));
                if let Some(merged) = pull.merged {
                    assert_eq!(merged.by.as_deref(), exchange.body["merged_by"]["login"].as_str());
                }
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
            ("POST", ["repos", _, _, "pulls", _, "reviews"]) => {
                assert_eq!(read::<WireReview>(exchange).approves().as_deref(), Some("operator"));
                "review"
            }
            ("GET", ["repos", _, _, "commits", _, "status"]) => {
                let combined = read::<WireCombined>(exchange);
                assert_eq!(exchange.body["total_count"], combined.statuses.len());
                if combined.statuses.is_empty() {
                    // Neither word makes a status out of none.
                    assert_eq!(exchange.body["state"].as_str().filter(|s| !s.is_empty()), server.no_status);
                    "no statuses"
                } else {
                    "statuses"
                }
            }
            ("GET", ["repos", _, _, "git", "commits", _]) if exchange.body.get("sha").is_some() => {
                assert!(!Commit::from(read::<WireCommit>(exchange)).parents.is_empty());
                "commit"
            }
            ("GET", ["repos", _, _, "branches", _]) if exchange.body["commit"].is_object() => {
                let branch = Branch::from(read::<WireBranch>(exchange));
                assert!(branch.can_push && branch.can_merge);
                assert_eq!(branch.required_approvals, 0);
                let required: &[&str] = if branch.protected { &["ci/test"] } else { &[] };
                assert_eq!(branch.required_statuses, required);
                if branch.protected { "protected branch" } else { "branch" }
            }
            ("GET", ["repos", _, _, "git", "trees", _]) => {
                for entry in read::<WireTree>(exchange).tree.into_iter().flatten() {
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
            "no statuses",
            "protected branch",
            "pull",
            "pulls",
            "repository",
            "review",
            "statuses",
            "tree",
            "version"
        ],
        "{}",
        server.folder
    );
}

#[test]
fn every_refusal_of_a_merge_by_every_server_says_what_may_follow() {
    for server in &SERVERS {
        let mut seen = Vec::new();
        for exchange in exchanges(server) {
            let is_merge = exchange.method == "POST" && exchange.path.ends_with("/merge");
            if !is_merge || exchange.status < 300 {
                continue;
            }
            let body = exchange.body.to_string();
            let error = refusal_of(exchange.status, body.as_bytes());
            seen.push((exchange.status, error.after_refused_merge()));
        }
        seen.sort_by_key(|(status, after)| (*status, format!("{after:?}")));
        seen.dedup();
        assert_eq!(
            seen,
            [
                (403, AfterRefusedMerge::Never),
                (404, AfterRefusedMerge::LookAgain),
                (405, AfterRefusedMerge::AfterRebase),
                (405, AfterRefusedMerge::Later),
                (409, AfterRefusedMerge::LookAgain),
                (422, AfterRefusedMerge::Never),
                (500, AfterRefusedMerge::Later),
            ],
            "{}",
            server.folder
        );
    }
}

#[test]
fn a_commit_onto_a_protected_branch_and_one_of_what_moved_are_told_apart() {
    for server in &SERVERS {
        let mut seen: Vec<(u16, bool)> = exchanges(server)
            .iter()
            .filter(|exchange| exchange.method == "POST" && exchange.path.ends_with("/contents"))
            .filter(|exchange| exchange.status >= 400)
            .map(|exchange| {
                let error = refusal_of(exchange.status, exchange.body.to_string().as_bytes());
                (exchange.status, matches!(error, ForgeError::Forbidden { .. }))
            })
            .collect();
        seen.sort_unstable();
        seen.dedup();
        // What is gone is 404, and 500 on Forgejo.
        let gone = if server.kind == ServerKind::Forgejo { (500, false) } else { (404, false) };
        let mut expected = [(403, true), gone, (422, false)];
        expected.sort_unstable();
        assert_eq!(seen, expected, "{}", server.folder);
    }
}

#[test]
fn a_list_may_hold_nothing_where_something_should_be() {
    let whole = serde_json::json!({
        "number": 6, "title": "t", "body": null, "state": "open", "draft": null, "mergeable": null, "merged": null,
        "labels": [null, { "id": 1, "name": "a" }], "user": null,
        "head": { "ref": "x", "sha": "a".repeat(40), "repo": null },
        "base": { "ref": "main", "sha": "b".repeat(40), "repo": { "full_name": "ops/homelab" } },
    });
    let pull: WirePull = serde_json::from_value(whole).expect("read");
    let pull = pull.into_pull().expect("a pull request");
    assert_eq!((pull.labels.len(), pull.mergeable, pull.author.login.as_str()), (1, false, ""));
    let commit =
        serde_json::json!({ "sha": "a".repeat(40), "commit": { "message": null }, "parents": [null] });
    assert!(Commit::from(serde_json::from_value::<WireCommit>(commit).expect("read")).parents.is_empty());
    let branch = serde_json::json!({
        "commit": { "id": "a".repeat(40) }, "protected": null, "enable_status_check": true,
        "status_check_contexts": null, "required_approvals": -1,
    });
    let branch = Branch::from(serde_json::from_value::<WireBranch>(branch).expect("read"));
    assert!(!branch.can_push && !branch.can_merge, "what is not said is not allowed");
    assert_eq!((branch.required_statuses.as_slice(), branch.required_approvals), (&["*".to_owned()][..], 0));
    let empty: WireCombined = serde_json::from_str("{}").expect("read");
    assert!(empty.statuses.is_empty());
    let review = |extra: Value| {
        let mut review =
            serde_json::json!({ "state": "APPROVED", "official": true, "user": { "id": 1, "login": "a" } });
        review.as_object_mut().expect("fields").extend(extra.as_object().expect("fields").clone());
        serde_json::from_value::<WireReview>(review).expect("read").approves()
    };
    assert_eq!(review(serde_json::json!({})).as_deref(), Some("a"));
    for extra in [
        serde_json::json!({ "official": false }),
        serde_json::json!({ "dismissed": true }),
        serde_json::json!({ "stale": true }),
        serde_json::json!({ "state": "REQUEST_CHANGES" }),
        serde_json::json!({ "user": null }),
    ] {
        assert_eq!(review(extra.clone()), None, "{extra}");
    }
}
