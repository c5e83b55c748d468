//! The simulated Gitea as a client sees it where no recording shows it: faults, lost answers, refusals, the page.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use sim::gitea::{
    ChangeWhat, DeliveryMode, Down, Event, Fault, FileChange, Gitea, IssueState, NewCommit, Options,
    Permission, Protection, Repository, Rule, StatusState,
};

const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Forge {
    pub(crate) gitea: Gitea,
    pub(crate) repository: Repository,
    token: String,
    pub(crate) client: Client,
}

async fn forge() -> Forge {
    forge_of(Options::default()).await
}

/// The private repository `ops/homelab` with one file, and caretaker, who may write to it.
pub(crate) async fn forge_of(options: Options) -> Forge {
    let options = Options { page_user: Some("operator".into()), ..options };
    let gitea = Gitea::start(options).await.expect("a free port");
    gitea.create_user("operator", true);
    let repository = gitea.create_repository("ops", "homelab", true);
    gitea.add_collaborator("ops", "homelab", "caretaker", Permission::Write);
    let token = gitea.create_token("caretaker", &["write:issue", "write:repository", "read:user"]);
    commit(&repository, "main", None, "chart", "version: 1.0.0\n");
    let client = crate::client().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    Forge { gitea, repository, token, client }
}

pub(crate) fn commit(
    repository: &Repository,
    branch: &str,
    from: Option<&str>,
    path: &str,
    text: &str,
) -> String {
    let commit = NewCommit {
        author: "operator".into(),
        message: format!("Change {path}"),
        files: vec![FileChange::text(path, text)],
        from: from.map(str::to_owned),
    };
    repository.commit(branch, commit).expect("a commit").to_string()
}

pub(crate) fn pull(repository: &Repository, branch: &str, path: &str, text: &str) -> (u64, String) {
    let head = commit(repository, branch, Some("main"), path, text);
    (repository.open_pull("operator", branch, "", branch, "main", &[]).expect("a pull request"), head)
}

impl Forge {
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<(u16, Value), reqwest::Error> {
        let address = format!("{}/api/v1/repos/ops/homelab{path}", self.gitea.url());
        let request = self.client.request(method, address).bearer_auth(&self.token).body(body.to_string());
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    async fn merge(&self, number: u64, head: &str) -> (u16, Value) {
        let body = json!({ "Do": "merge", "head_commit_id": head, "delete_branch_after_merge": true });
        self.send(Method::POST, &format!("/pulls/{number}/merge"), body).await.expect("an answer")
    }

    async fn merge_is_refused(&self, number: u64, head: &str, status: u16, message: &str) {
        let (given, body) = self.merge(number, head).await;
        assert_eq!((given, body["message"].as_str()), (status, Some(message)));
    }

    async fn wait(&self, what: &str, holds: impl Fn(&Repository) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !holds(&self.repository) {
            assert!(Instant::now() < until, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// What a receiver of deliveries has got so far.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Vec<Delivery>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivery {
    id: String,
    /// The event, and the action where there is one.
    event: String,
    title: String,
}

impl Deliveries {
    async fn of(forge: &Forge, events: &[&str]) -> Self {
        let deliveries = Self::default();
        let sink = deliveries.clone();
        let router =
            axum::Router::new().fallback(move |headers: axum::http::HeaderMap, body: String| async move {
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                let header =
                    |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
                let event = match body["action"].as_str() {
                    Some(action) => format!("{} {action}", header("x-gitea-event")),
                    None => header("x-gitea-event").to_owned(),
                };
                let title = body["issue"]["title"].as_str().unwrap_or_default().to_owned();
                let id = header("x-gitea-delivery").to_owned();
                sink.0.lock().expect("no panic").push(Delivery { id, event, title });
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}/webhook", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        forge.repository.add_hook(&address, "secret", events).expect("a hook");
        deliveries
    }

    fn all(&self) -> Vec<Delivery> {
        self.0.lock().expect("no panic").clone()
    }

    fn forget(&self) {
        self.0.lock().expect("no panic").clear();
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_merge() {
    let forge = forge().await;
    let (number, head) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
    let rule = Rule::new("POST", r"/pulls/\d+/merge$", Fault::DropAnswer).expect("a regular expression");
    let id = forge.gitea.faults().add(rule);
    let body = json!({ "Do": "merge", "head_commit_id": head });
    let lost = forge.send(Method::POST, &format!("/pulls/{number}/merge"), body).await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(forge.gitea.faults().struck(id), 1);
    assert!(forge.repository.pull(number).expect("the pull request").merged);
    let (status, _) =
        forge.send(Method::GET, &format!("/pulls/{number}/merge"), Value::Null).await.expect("an answer");
    assert_eq!(status, 204);
    forge.merge_is_refused(number, &head, 405, "The PR is already merged").await;
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_client_can_go_away_in_the_middle_of_a_merge() {
    let forge = forge().await;
    let deliveries = Deliveries::of(&forge, &["issues", "pull_request", "push", "delete"]).await;
    let (number, head) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
    let base = forge.repository.branch_head("main").expect("a head").to_string();
    let rule = Rule::new("POST", r"/pulls/\d+/merge$", Fault::HalfMerge).expect("a regular expression");
    forge.gitea.faults().add(rule);
    let body = json!({ "Do": "merge", "head_commit_id": head, "delete_branch_after_merge": true });
    let gone = forge.send(Method::POST, &format!("/pulls/{number}/merge"), body).await;
    assert!(gone.is_err(), "{gone:?}");
    // The branch has moved by a merge of that head onto that base.
    let now = forge.repository.commit_info("main").expect("a commit");
    let parents: Vec<String> = now.parents.iter().map(ToString::to_string).collect();
    assert_eq!(parents, [base, head.clone()]);
    assert_eq!(forge.repository.file("main", "chart").expect("the file"), b"version: 1.1.0\n");
    // The pull request does not know.
    let left = forge.repository.pull(number).expect("the pull request");
    assert_eq!((left.state, left.merged, left.merge_commit), (IssueState::Open, false, None));
    assert!(forge.repository.branches().contains(&"renovate/chart".to_owned()), "its branch stays");
    let (status, _) =
        forge.send(Method::GET, &format!("/pulls/{number}/merge"), Value::Null).await.expect("an answer");
    assert_eq!(status, 404);
    forge.wait("checked again", |repository| repository.pull(number).expect("it").mergeable).await;
    forge.merge_is_refused(number, &head, 405, "Please try again later").await;
    assert_eq!(forge.repository.history("main").len(), 2, "nothing is merged twice");
    // Deliveries come in order: with the last one, all that the merge caused is here.
    forge.repository.open_issue("operator", "last", "", &[]).expect("an issue");
    forge.wait("the last delivery", |_| deliveries.all().iter().any(|one| one.title == "last")).await;
    let events: Vec<String> = deliveries.all().into_iter().map(|one| one.event).collect();
    assert_eq!(events.iter().filter(|event| *event == "push").count(), 2, "{events:?}");
    assert!(!events.iter().any(|event| event.ends_with(" closed") || event == "delete"), "{events:?}");
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_server_that_stops_cuts_what_is_waiting_and_frees_its_port() {
    let forge = forge().await;
    let long = Duration::from_hours(1);
    let rule = Rule::new("GET", "/repos/", Fault::Delay(long)).expect("a regular expression");
    let id = forge.gitea.faults().add(rule);
    let idle = forge.send(Method::GET, "/labels", Value::Null);
    let stopped = async {
        forge.wait("the request waits", |_| forge.gitea.faults().struck(id) == 1).await;
        forge.gitea.shutdown().await;
    };
    let both = async { tokio::join!(idle, stopped).0 };
    let answer = tokio::time::timeout(DEADLINE, both).await.expect("it stops without waiting for anybody");
    assert!(answer.is_err(), "{answer:?}");
    let address = forge.gitea.url();
    let address = address.strip_prefix("http://").expect("an address");
    tokio::net::TcpListener::bind(address).await.expect("the port is free");
}

#[tokio::test]
async fn a_connection_can_break_before_anything_happens() {
    let forge = forge().await;
    let number = forge.repository.open_issue("operator", "title", "body", &[]).expect("an issue");
    let rule = Rule::new("PATCH", "/issues/", Fault::Drop).expect("a regular expression");
    forge.gitea.faults().add(rule.when(|seen| seen.fields.iter().any(|field| field == "body")));
    let path = format!("/issues/{number}");
    assert!(forge.send(Method::PATCH, &path, json!({ "body": "other" })).await.is_err());
    assert_eq!(forge.repository.issue(number).expect("the issue").body, "body");
    let (status, _) = forge.send(Method::PATCH, &path, json!({ "body": "other" })).await.expect("an answer");
    assert_eq!(status, 201);
    let records = forge.gitea.requests();
    let outcomes: Vec<_> =
        records.iter().map(|record| (record.user.as_deref(), record.status, record.handled)).collect();
    assert_eq!(outcomes, [(Some("caretaker"), None, false), (Some("caretaker"), Some(201), true)]);
    assert_eq!(records[1].fields, ["body"]);
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_server_goes_down_and_comes_back() {
    let forge = forge().await;
    let ask = || forge.send(Method::GET, "", Value::Null);
    forge.gitea.faults().set_down(Some(Down::Unavailable));
    assert_eq!(ask().await.expect("an answer").0, 503);
    forge.gitea.faults().set_down(Some(Down::Refused));
    assert!(ask().await.is_err());
    forge.gitea.faults().set_down(None);
    assert_eq!(ask().await.expect("an answer").0, 200);
    let after = Rule::new("POST", "/issues$", Fault::StatusAfter(502)).expect("a regular expression");
    forge.gitea.faults().add(after);
    let (status, _) = forge.send(Method::POST, "/issues", json!({ "title": "t" })).await.expect("an answer");
    assert_eq!((status, forge.repository.issues(None).len()), (502, 1));
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn merges_are_refused_for_each_reason() {
    let forge = forge().await;
    let repository = &forge.repository;
    let (number, head) = pull(repository, "renovate/chart", "chart", "version: 1.1.0\n");
    let (conflicting, conflicting_head) = pull(repository, "renovate/other", "chart", "version: 2.0.0\n");
    forge.merge_is_refused(number, &"0".repeat(40), 409, "head out of date").await;
    let body = json!({ "Do": "teleport" });
    let path = format!("/pulls/{number}/merge");
    assert_eq!(forge.send(Method::POST, &path, body).await.expect("an answer").0, 422);
    repository.set_issue_title("operator", number, "WIP: chart").expect("a title");
    forge.merge_is_refused(number, &head, 405, "Work in progress PRs cannot be merged").await;
    repository.set_issue_title("operator", number, "chart").expect("a title");
    repository.set_archived(true).expect("archived");
    forge.merge_is_refused(number, &head, 423, "ops/homelab is archived").await;
    repository.set_archived(false).expect("taken back");
    let rules = Protection {
        enable_push: true,
        enable_status_check: true,
        status_check_contexts: vec!["ci/test".into()],
        required_approvals: 1,
        ..Protection::default()
    };
    repository.protect_branch("main", rules.clone()).expect("protected");
    forge.merge_is_refused(number, &head, 405, "Not all required status checks successful").await;
    repository.set_status("operator", &head, "ci/test", StatusState::Success).expect("a status");
    forge.merge_is_refused(number, &head, 405, "Does not have enough approvals").await;
    repository.unprotect_branch("main").expect("free");
    let blocker = repository.open_issue("operator", "first", "", &[]).expect("an issue");
    let dependency = json!({ "owner": "ops", "repo": "homelab", "index": blocker });
    let path = format!("/issues/{number}/dependencies");
    assert_eq!(forge.send(Method::POST, &path, dependency).await.expect("an answer").0, 201);
    forge.merge_is_refused(number, &head, 500, "").await;
    repository.set_issue_state("operator", blocker, IssueState::Closed).expect("closed");
    assert_eq!(forge.merge(number, &head).await.0, 200);
    assert_eq!(repository.branch_head("renovate/chart"), None);
    // The sibling reads as unmergeable at once, and for ever, because it conflicts now.
    forge.merge_is_refused(conflicting, &conflicting_head, 405, "Please try again later").await;
    repository.close_pull("operator", conflicting).expect("closed");
    forge.merge_is_refused(conflicting, &conflicting_head, 404, "not found").await;
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_scheduled_merge_happens_when_its_checks_succeed() {
    let forge = forge().await;
    let (number, head) = pull(&forge.repository, "renovate/chart", "chart", "version: 1.1.0\n");
    let rules = Protection {
        enable_push: true,
        enable_status_check: true,
        status_check_contexts: vec!["ci/test".into()],
        ..Protection::default()
    };
    forge.repository.protect_branch("main", rules).expect("protected");
    let path = format!("/pulls/{number}/merge");
    let body = json!({ "Do": "merge", "merge_when_checks_succeed": true });
    assert_eq!(forge.send(Method::POST, &path, body.clone()).await.expect("an answer").0, 201);
    assert_eq!(forge.send(Method::POST, &path, body).await.expect("an answer").0, 409);
    let mut events = forge.gitea.subscribe();
    forge.repository.set_status("operator", &head, "ci/test", StatusState::Success).expect("a status");
    forge
        .wait("the scheduled merge", |repository| repository.pull(number).is_some_and(|pull| pull.merged))
        .await;
    let merge_commit =
        forge.repository.pull(number).and_then(|pull| pull.merge_commit).expect("a merge commit");
    let merged = loop {
        if let Event::Pull(change) = events.recv().await.expect("an event")
            && let ChangeWhat::Merged(commit) = change.what
        {
            break commit;
        }
    };
    assert_eq!(merged, merge_commit);
    let info = forge.repository.commit_info(&merge_commit).expect("the commit");
    assert_eq!((info.parents.len(), info.parents[1].as_str()), (2, head.as_str()));
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn deliveries_are_dropped_doubled_or_shuffled_on_request() {
    let forge = forge().await;
    let deliveries = Deliveries::of(&forge, &["issues"]).await;
    let open = |title: &str| forge.repository.open_issue("operator", title, "", &[]).expect("an issue");
    let arrived = |count: usize| {
        let deliveries = deliveries.clone();
        move |_: &Repository| deliveries.all().len() >= count
    };
    forge.gitea.set_delivery_mode(DeliveryMode::Dropped);
    open("dropped");
    forge.gitea.set_delivery_mode(DeliveryMode::Duplicated);
    open("twice");
    forge.wait("both deliveries", arrived(2)).await;
    let got = deliveries.all();
    assert!(got[0] == got[1] && got[0].title == "twice", "{got:?}");
    deliveries.forget();
    forge.gitea.set_delivery_mode(DeliveryMode::Reordered);
    let titles: Vec<String> = (0..8).map(|number| format!("issue {number}")).collect();
    for title in &titles {
        open(title);
    }
    forge.wait("all deliveries", arrived(titles.len())).await;
    let got: Vec<String> = deliveries.all().into_iter().map(|one| one.title).collect();
    let mut sorted = got.clone();
    sorted.sort();
    assert_eq!(sorted, titles);
    assert_ne!(got, titles, "eight deliveries in their order, although they were to be shuffled");
    forge.gitea.shutdown().await;
}

#[tokio::test]
async fn a_person_ticks_on_the_page_and_is_told_when_it_is_stale() {
    let forge = forge().await;
    let number =
        forge.repository.open_issue("operator", "tasks", "- [ ] one\n- [ ] two\n", &[]).expect("an issue");
    let page = format!("{}/ops/homelab/issues/{number}", forge.gitea.url());
    let html = forge.client.get(&page).send().await.expect("a page").text().await.expect("a body");
    assert!(html.contains("tick(1)") && html.contains("You act as <b>operator</b>"), "{html}");
    let tick = |form: &'static str| {
        let form_type = ("Content-Type", "application/x-www-form-urlencoded");
        forge.client.post(format!("{page}/tick")).header(form_type.0, form_type.1).body(form).send()
    };
    assert_eq!(tick("index=1&version=0").await.expect("an answer").status(), 303);
    assert_eq!(forge.repository.issue(number).expect("the issue").body, "- [ ] one\n- [x] two\n");
    assert_eq!(tick("index=0&version=0").await.expect("an answer").status(), 409);
    assert_eq!(tick("index=0&version=1").await.expect("an answer").status(), 303);
    assert_eq!(forge.repository.issue(number).expect("the issue").body, "- [x] one\n- [x] two\n");
    let start =
        forge.client.get(forge.gitea.url()).send().await.expect("a page").text().await.expect("a body");
    assert!(start.contains(&format!("/ops/homelab/issues/{number}")), "{start}");
    forge.gitea.shutdown().await;
}
