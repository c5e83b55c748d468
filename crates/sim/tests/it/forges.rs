//! What a client that sets up and examines a forge sees: hooks, people, branches, the states of a repository; and in
//! what the three servers differ where no recording shows it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sim::gitea::{
    DeliveryMode, Fault, MergeStyle, Options, Permission, Protection, Rule, Server, StatusState,
};
use tokio::sync::mpsc;

use crate::gitea::{Forge, commit, forge_of, pull};

const DEADLINE: Duration = Duration::from_secs(10);
const HOMELAB: &str = "/repos/ops/homelab";

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn total(&self) -> &str {
        self.headers.get("x-total-count").map_or("none", String::as_str)
    }
}

/// One who asks with a token of their own.
struct Client<'a> {
    forge: &'a Forge,
    token: String,
}

impl<'a> Client<'a> {
    fn of(forge: &'a Forge, login: &str) -> Self {
        Self { forge, token: forge.gitea.create_token(login, &["all"]) }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let address = format!("{}/api/v1{path}", self.forge.gitea.url());
        let request = self.forge.client.request(method, address).bearer_auth(&self.token);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = response.text().await.expect("a body");
        Answer { status, headers, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, body).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, body).await
    }
}

struct Received {
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Receives deliveries on loopback: its address, and what arrives there.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Received>) {
    let (sender, received) = mpsc::unbounded_channel();
    let router = axum::Router::new().fallback(move |headers: HeaderMap, text: String| async move {
        let body = serde_json::from_str(&text).unwrap_or_default();
        // A test that has ended listens no more.
        let _ = sender.send(Received { headers, text, body });
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, received)
}

async fn next(received: &mut mpsc::UnboundedReceiver<Received>) -> Received {
    let next = tokio::time::timeout(DEADLINE, received.recv()).await;
    next.expect("a delivery in time").expect("the receiver runs")
}

fn of(server: Server) -> Options {
    Options { server, ..Options::default() }
}

#[tokio::test]
async fn a_hook_is_made_changed_tested_and_removed() {
    let forge = forge_of(Options::default()).await;
    let (admin, bot) = (Client::of(&forge, "operator"), Client::of(&forge, "caretaker"));
    let (address, mut received) = receiver().await;
    let hooks = format!("{HOMELAB}/hooks");
    let config = json!({ "url": address, "content_type": "json", "secret": "first" });
    let new = json!({
        "type": "gitea", "config": config, "events": ["issues", "push"],
        "authorization_header": "Bearer second factor", "branch_filter": "main",
    });
    assert_eq!(bot.post(&hooks, new.clone()).await.status, 403);
    let made = admin.post(&hooks, new).await;
    assert_eq!((made.status, &made.body["active"]), (201, &json!(false)));
    let hook = format!("{hooks}/{}", made.body["id"]);
    assert_eq!(bot.get(&hook).await.status, 403);
    let listed = admin.get(&format!("{hooks}?limit=1")).await;
    assert_eq!((listed.total(), &listed.body[0]["id"]), ("1", &made.body["id"]));
    // Inactive it is not told of its test; the next test is the first that arrives.
    let tests = format!("{hook}/tests");
    assert_eq!(admin.post(&tests, Value::Null).await.status, 204);
    let all = json!({
        "active": true, "events": ["push"], "authorization_header": "Bearer second factor", "branch_filter": "main",
        "config": { "url": address, "content_type": "json", "secret": "other" },
    });
    assert_eq!(admin.patch(&hook, all).await.status, 200);
    forge.repository.create_branch("operator", "aside", "main").expect("a branch that the filter leaves out");
    assert_eq!(admin.post(&tests, Value::Null).await.status, 204);
    let delivery = next(&mut received).await;
    assert_eq!(delivery.body["ref"], "refs/heads/main");
    assert_eq!(delivery.body["before"], delivery.body["after"]);
    assert_eq!(delivery.header("authorization"), Some("Bearer second factor"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"first").expect("any key");
    mac.update(delivery.text.as_bytes());
    let digits: Vec<String> = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = digits.concat();
    let given = delivery.header("x-gitea-signature");
    assert_eq!(given, Some(signature.as_str()), "the secret cannot be changed");
    // What a PATCH leaves out is reset.
    let bare = admin.patch(&hook, json!({ "active": true })).await;
    assert_eq!(bare.body["events"], json!(["push"]));
    assert_eq!((&bare.body["authorization_header"], &bare.body["branch_filter"]), (&json!(""), &json!("")));
    // A hook that does not want pushes is not told of a test either: what comes next is an issue.
    let issues = json!({ "active": true, "events": ["issues_only"] });
    assert_eq!(admin.patch(&hook, issues).await.status, 200);
    assert_eq!(admin.post(&tests, Value::Null).await.status, 204);
    forge.repository.open_issue("operator", "after the test", "", &[]).expect("an issue");
    let delivery = next(&mut received).await;
    assert_eq!(delivery.body["issue"]["title"], "after the test");
    assert_eq!(delivery.header("authorization"), None);
    assert_eq!(admin.ask(Method::DELETE, &hook, Value::Null).await.status, 204);
    assert_eq!(admin.get(&hook).await.status, 404);
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_bot_finds_its_repositories_page_by_page() {
    let forge = forge_of(Options::default()).await;
    for number in 0..4 {
        forge.gitea.create_repository("ops", &format!("lab-{number}"), true);
        forge.gitea.add_collaborator("ops", &format!("lab-{number}"), "caretaker", Permission::Write);
    }
    forge.gitea.create_repository("ops", "hidden", true);
    forge.gitea.repository("ops", "lab-3").set_archived(true).expect("archived");
    let bot = Client::of(&forge, "caretaker");
    let mut names = Vec::new();
    let mut page = 1;
    loop {
        let answer = bot.get(&format!("/user/repos?limit=2&page={page}")).await;
        assert_eq!((answer.status, answer.total()), (200, "5"));
        let list = answer.body.as_array().expect("a list").clone();
        names.extend(list.iter().map(|one| one["full_name"].as_str().expect("a name").to_owned()));
        if !answer.headers.get("link").is_some_and(|link| link.contains("rel=\"next\"")) {
            break;
        }
        page += 1;
    }
    assert_eq!(names, ["ops/homelab", "ops/lab-0", "ops/lab-1", "ops/lab-2", "ops/lab-3"]);
    let found = bot.get("/repos/search?q=lab&limit=1&archived=false").await;
    assert_eq!((found.status, found.total()), (200, "4"));
    assert_eq!((&found.body["ok"], found.body["data"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    let user_alone =
        Client { forge: &forge, token: forge.gitea.create_token("caretaker", &["read:repository"]) };
    assert_eq!(user_alone.get("/user/repos").await.status, 403);
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn who_may_do_what_is_told_to_those_who_may_know() {
    let forge = forge_of(Options::default()).await;
    forge.gitea.add_collaborator("ops", "homelab", "reader", Permission::Read);
    let (admin, bot) = (Client::of(&forge, "operator"), Client::of(&forge, "caretaker"));
    let logins = |answer: &Answer| -> Vec<String> {
        let users = answer.body.as_array().into_iter().flatten();
        users.map(|user| user["login"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let collaborators = bot.get(&format!("{HOMELAB}/collaborators?limit=1&page=2")).await;
    assert_eq!((collaborators.total(), logins(&collaborators)), ("2", vec!["reader".to_owned()]));
    let permission = |login: &str| format!("{HOMELAB}/collaborators/{login}/permission");
    assert_eq!(bot.get(&permission("caretaker")).await.body["permission"], "write");
    assert_eq!(bot.get(&permission("reader")).await.status, 403);
    assert_eq!(admin.get(&permission("reader")).await.body["permission"], "read");
    // A member of a team of the organisation may be assigned, even one who may only read.
    admin.post("/orgs", json!({ "username": "guild" })).await;
    admin.post("/orgs/guild/repos", json!({ "name": "lab", "private": true, "auto_init": true })).await;
    let team = admin.post("/orgs/guild/teams", json!({ "name": "watchers", "permission": "read" })).await;
    let place = format!("/teams/{}/members/reader", team.body["id"]);
    assert_eq!(admin.ask(Method::PUT, &place, Value::Null).await.status, 204);
    assert!(logins(&admin.get("/repos/guild/lab/assignees").await).contains(&"reader".to_owned()));

    let rules = Protection {
        enable_status_check: true,
        status_check_contexts: vec!["ci/test".into()],
        required_approvals: 1,
        ..Protection::default()
    };
    forge.repository.protect_branch("main", rules).expect("protected");
    let branch = bot.get(&format!("{HOMELAB}/branches/main")).await.body;
    for (field, value) in [
        ("protected", json!(true)),
        ("required_approvals", json!(1)),
        ("enable_status_check", json!(true)),
        ("status_check_contexts", json!(["ci/test"])),
        ("user_can_push", json!(false)),
        ("user_can_merge", json!(true)),
        ("effective_branch_protection_name", json!("")),
    ] {
        assert_eq!(branch[field], value, "{field}");
    }
    let protections = format!("{HOMELAB}/branch_protections");
    assert_eq!(bot.get(&protections).await.status, 403);
    assert_eq!(admin.get(&protections).await.body[0]["rule_name"], "main");
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_branch_and_a_pull_request_are_made_over_the_api() {
    let forge = forge_of(Options::default()).await;
    let bot = Client::of(&forge, "caretaker");
    let file = |branch: &str, name: &str| {
        json!({ "branch": branch, "message": "m", "files": [
            { "operation": "create", "path": name, "content": "YQ==" }] })
    };
    let new = json!({ "new_branch_name": "caretaker/one", "old_ref_name": "main" });
    assert_eq!(bot.post(&format!("{HOMELAB}/branches"), new.clone()).await.status, 201);
    assert_eq!(bot.post(&format!("{HOMELAB}/branches"), new).await.status, 409);
    let gone = json!({ "new_branch_name": "two", "old_ref_name": "no-such-branch" });
    assert_eq!(bot.post(&format!("{HOMELAB}/branches"), gone).await.status, 404);
    assert_eq!(bot.post(&format!("{HOMELAB}/contents"), file("caretaker/one", "a")).await.status, 201);
    let pulls = format!("{HOMELAB}/pulls");
    let same = bot.post(&pulls, json!({ "title": "t", "head": "main", "base": "main" })).await;
    assert_eq!(same.status, 422, "{}", same.body);
    let new = json!({ "title": "One", "head": "caretaker/one", "base": "main", "body": "b" });
    let opened = bot.post(&pulls, new.clone()).await;
    assert_eq!((opened.status, &opened.body["mergeable"]), (201, &json!(true)));
    assert_eq!(bot.post(&pulls, new).await.status, 409);
    forge.repository.protect_branch("main", Protection::default()).expect("protected");
    let refused = bot.post(&format!("{HOMELAB}/contents"), file("main", "b")).await;
    assert_eq!((refused.status, refused.message()), (403, "user cannot commit to repo [user: caretaker]"));
    assert_eq!(forge.repository.file("main", "b"), None);
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn an_archived_repository_refuses_what_real_ones_refuse() {
    let forge = forge_of(Options::default()).await;
    let bot = Client::of(&forge, "caretaker");
    let (number, head) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
    let label = forge.repository.create_label("maintenance", "#0e8a16").expect("a label");
    let issue = forge.repository.open_issue("operator", "i", "b", &[]).expect("an issue");
    let comment = forge.repository.comment("operator", issue, "c").expect("a comment");
    forge.repository.set_archived(true).expect("archived");
    let content =
        json!({ "message": "m", "files": [{ "operation": "create", "path": "a", "content": "YQ==" }] });
    let branch = json!({ "new_branch_name": "x", "old_ref_name": "main" });
    let merge = json!({ "Do": "merge", "head_commit_id": head });
    let dependency = json!({ "owner": "ops", "repo": "homelab", "index": number });
    for (method, place, body, status) in [
        (Method::POST, "/issues".to_owned(), json!({ "title": "t" }), 423),
        (Method::POST, format!("/issues/{issue}/comments"), json!({ "body": "c" }), 423),
        (Method::PATCH, format!("/issues/comments/{comment}"), json!({ "body": "c" }), 423),
        (Method::POST, format!("/issues/{issue}/dependencies"), dependency, 423),
        (Method::POST, "/pulls".to_owned(), json!({ "title": "t", "head": "x", "base": "main" }), 423),
        (Method::POST, format!("/pulls/{number}/merge"), merge, 423),
        (Method::DELETE, format!("/pulls/{number}/merge"), Value::Null, 423),
        (Method::POST, "/branches".to_owned(), branch, 423),
        (Method::DELETE, "/branches/renovate%2Fchart".to_owned(), Value::Null, 423),
        (Method::POST, "/contents".to_owned(), content, 423),
        // These are not guarded on the real servers.
        (Method::PATCH, format!("/issues/{issue}"), json!({ "body": "edited" }), 201),
        (Method::POST, format!("/issues/{issue}/labels"), json!({ "labels": [label] }), 200),
        (Method::GET, format!("/issues/{issue}"), Value::Null, 200),
    ] {
        let answer = bot.ask(method.clone(), &format!("{HOMELAB}{place}"), body).await;
        assert_eq!(answer.status, status, "{method} {place}: {}", answer.body);
        if status == 423 {
            assert_eq!(answer.message(), "ops/homelab is archived", "{method} {place}");
        }
    }
    assert_eq!(forge.repository.issue(issue).expect("the issue").body, "edited");
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_repository_is_renamed_hidden_and_deleted_and_a_token_revoked() {
    let mut forge = forge_of(Options::default()).await;
    forge.gitea.create_user("guest", false);
    forge.repository.set_private(false).expect("shown");
    forge.repository.rename("cluster").expect("renamed");
    let (guest, bot) = (Client::of(&forge, "guest"), Client::of(&forge, "caretaker"));
    let moved = bot.patch(&format!("{HOMELAB}/issues/1"), json!({ "body": "b" })).await;
    let target = moved.headers.get("location").map(String::as_str);
    assert_eq!((moved.status, target), (301, Some("/api/v1/repos/ops/cluster/issues/1")));
    let place = "/repos/ops/cluster";
    assert_eq!(guest.get(place).await.body["permissions"]["push"], false);
    forge.repository.set_private(true).expect("hidden");
    assert_eq!(guest.get(place).await.status, 404);
    assert_eq!(bot.get(place).await.body["permissions"]["push"], true);
    forge.gitea.remove_collaborator("ops", "cluster", "caretaker");
    assert_eq!(bot.get(place).await.status, 404);
    forge.gitea.add_collaborator("ops", "cluster", "caretaker", Permission::Read);
    assert_eq!(bot.get(place).await.body["permissions"]["push"], false);
    forge.gitea.revoke_token(&bot.token);
    assert_eq!(bot.get(place).await.status, 401);
    let bot = Client::of(&forge, "caretaker");
    assert_eq!(bot.get(place).await.status, 200);
    forge.repository.delete().expect("deleted");
    assert_eq!(bot.get(place).await.status, 404);
    assert_eq!(bot.get(HOMELAB).await.status, 404, "the old name leads nowhere now");
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn only_the_merges_that_a_repository_allows_are_done() {
    let forge = forge_of(Options::default()).await;
    let (admin, bot) = (Client::of(&forge, "operator"), Client::of(&forge, "caretaker"));
    let (number, _) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
    let merge = |style: &str| json!({ "Do": style });
    let place = format!("{HOMELAB}/pulls/{number}/merge");
    forge.repository.allow_merges(&[MergeStyle::Squash]).expect("allowed");
    let shown = bot.get(HOMELAB).await.body;
    assert_eq!((&shown["allow_merge_commits"], &shown["allow_squash_merge"]), (&json!(false), &json!(true)));
    let refused = bot.post(&place, merge("merge")).await;
    let words = "merge is not allowed an allowed merge style for this repository";
    assert_eq!((refused.status, refused.message()), (405, words));
    let edited = admin.patch(HOMELAB, json!({ "allow_rebase": true, "allow_squash_merge": false })).await;
    assert_eq!(
        (&edited.body["allow_rebase"], &edited.body["allow_squash_merge"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(bot.post(&place, merge("squash")).await.status, 405);
    assert_eq!(bot.post(&place, merge("rebase")).await.status, 200);
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_stale_verdict_lets_a_merge_begin_that_git_refuses() {
    for server in [Server::Gitea125, Server::Forgejo12] {
        // The check does not end while the test runs.
        let forge = forge_of(Options { mergeable_delay: Duration::from_hours(1), ..of(server) }).await;
        let bot = Client::of(&forge, "caretaker");
        let (clean, clean_head) = pull(&forge.repository, "renovate/other", "other", "version: 1.1.0\n");
        let (number, head) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
        commit(&forge.repository, "main", None, "chart", "version: 1.2.0\n");
        let shown = bot.get(&format!("{HOMELAB}/pulls/{number}")).await;
        assert_eq!(shown.body["mergeable"], true, "{}", server.name());
        let merge = |head: &str| json!({ "Do": "merge", "head_commit_id": head });
        let refused = bot.post(&format!("{HOMELAB}/pulls/{number}/merge"), merge(&head)).await;
        assert_eq!((refused.status, &refused.body["Style"]), (409, &json!("merge")), "{}", refused.body);
        assert!(!forge.repository.pull(number).expect("it").merged);
        let merged = bot.post(&format!("{HOMELAB}/pulls/{clean}/merge"), merge(&clean_head)).await;
        assert_eq!(merged.status, 200, "{}", merged.body);
        forge.gitea.shutdown().await;
    }
    let forge = forge_of(Options { mergeable_delay: Duration::from_hours(1), ..Options::default() }).await;
    let (number, _) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
    commit(&forge.repository, "main", None, "other", "a\n");
    assert!(!forge.repository.pull(number).expect("it").mergeable, "Gitea 1.27 forgets its verdict at once");
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_status_is_delivered_where_the_server_has_such_a_webhook() {
    for server in Server::ALL {
        let forge = forge_of(of(server)).await;
        let (address, mut received) = receiver().await;
        let events = ["issues_only", "status"];
        forge.repository.add_hook(&address, "secret", &events).expect("a hook");
        let head = forge.repository.branch_head("main").expect("a head");
        forge.repository.set_status("operator", &head, "ci", StatusState::Success).expect("a status");
        forge.repository.open_issue("operator", "last", "", &[]).expect("an issue");
        let delivery = next(&mut received).await;
        let is_forgejo = server == Server::Forgejo12;
        assert_eq!(delivery.header("x-gitea-event"), Some(if is_forgejo { "issues" } else { "status" }));
        assert_eq!(delivery.header("x-forgejo-event").is_some(), is_forgejo, "{}", server.name());
        forge.gitea.shutdown().await;
    }
}

#[tokio::test]
async fn an_edit_that_is_overtaken_is_refused_in_the_words_of_the_server() {
    for (server, status) in [(Server::Gitea127, 409), (Server::Gitea125, 400), (Server::Forgejo12, 400)] {
        let forge = forge_of(of(server)).await;
        let bot = Client::of(&forge, "caretaker");
        let number = forge.repository.open_issue("operator", "i", "before", &[]).expect("an issue");
        let rule = Rule::new("PATCH", "/issues/", Fault::Overtaken).expect("a regular expression");
        forge.gitea.faults().add(rule);
        let place = format!("{HOMELAB}/issues/{number}");
        let refused = bot.patch(&place, json!({ "body": "after" })).await;
        assert_eq!((refused.status, refused.message()), (status, "the issue is already changed"));
        assert_eq!(forge.repository.issue(number).expect("it").body, "before");
        assert_eq!(bot.patch(&place, json!({ "body": "after" })).await.status, 201);
        forge.gitea.shutdown().await;
    }
}

#[tokio::test]
async fn an_answer_can_come_late_although_the_effect_is_there() {
    let forge = forge_of(Options::default()).await;
    let rule = Rule::new("POST", "/issues$", Fault::DelayAnswer(Duration::from_hours(1)));
    let late = forge.gitea.faults().add(rule.expect("a regular expression"));
    let bot = Client::of(&forge, "caretaker");
    let place = format!("{HOMELAB}/issues");
    let asking = bot.post(&place, json!({ "title": "once" }));
    let there = async {
        let until = Instant::now() + DEADLINE;
        while forge.repository.issues(None).is_empty() {
            assert!(Instant::now() < until, "the issue is not opened");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = asking => panic!("the answer is held back"),
        () = there => {}
    }
    assert_eq!((forge.gitea.faults().struck(late), forge.repository.issues(None).len()), (1, 1));
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn deliveries_can_be_late_and_keep_their_order() {
    let forge = forge_of(Options::default()).await;
    let (address, mut received) = receiver().await;
    forge.repository.add_hook(&address, "secret", &["issues_only"]).expect("a hook");
    let delay = Duration::from_millis(150);
    forge.gitea.set_delivery_mode(DeliveryMode::Delayed(delay));
    let since = Instant::now();
    for title in ["one", "two"] {
        forge.repository.open_issue("operator", title, "", &[]).expect("an issue");
    }
    let first = next(&mut received).await;
    assert!(since.elapsed() >= delay, "{:?}", since.elapsed());
    let second = next(&mut received).await;
    assert_eq!(
        (&first.body["issue"]["title"], &second.body["issue"]["title"]),
        (&json!("one"), &json!("two"))
    );
    forge.gitea.shutdown().await;
}
