//! The Kubernetes simulator as a client sees it: races, expiry, pages, exec, faults.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sim::kubernetes::{
    APPLICATION, Change, ExecAnswer, ExecMatcher, Fault, Kubernetes, LEASE, Matcher, NODE, Options, POD,
};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const DEADLINE: Duration = Duration::from_secs(20);

async fn start() -> Kubernetes {
    Kubernetes::start(Options::default()).await.unwrap()
}

struct Caller {
    client: Client,
    url: String,
    token: String,
}

impl Caller {
    fn new(kube: &Kubernetes, token: String) -> Self {
        let client = crate::client().build().unwrap();
        Self { client, url: kube.url(), token }
    }

    fn admin(kube: &Kubernetes) -> Self {
        Self::new(kube, kube.admin_token())
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.try_send(method, path, body).await.unwrap()
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request =
            self.client.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            let content_type =
                if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
            request = request.header("Content-Type", content_type).body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, None).await
    }
}

fn pod(name: &str, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "caretaker", "labels": labels},
        "spec": {"nodeName": "metal1", "containers": [{"name": "app", "image": "app:1"}]},
        "status": {"phase": "Running"}})
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": []}})
}

/// Reads whole lines of a watch until `count` have come or it ends.
async fn frames(kube: &Kubernetes, path: &str, count: usize) -> Vec<Value> {
    let url = format!("{}{path}", kube.url());
    let response = crate::client().build().unwrap().get(url).bearer_auth(kube.admin_token()).send();
    let mut response = tokio::time::timeout(DEADLINE, response).await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (mut buffer, mut frames) = (String::new(), Vec::new());
    while frames.len() < count {
        let Some(chunk) = tokio::time::timeout(DEADLINE, response.chunk()).await.unwrap().unwrap() else {
            break;
        };
        buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((line, rest)) = buffer.split_once('\n') {
            frames.push(serde_json::from_str(line).unwrap());
            buffer = rest.to_owned();
        }
    }
    frames
}

fn outline(frames: &[Value]) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    frames.iter().map(|f| (text(&f["type"]), text(&f["object"]["metadata"]["name"]))).collect()
}

#[tokio::test]
async fn of_two_writers_with_one_version_one_wins() {
    let kube = start().await;
    let (first, second) = (Caller::admin(&kube), Caller::admin(&kube));
    let path = "/apis/coordination.k8s.io/v1/namespaces/caretaker/leases";
    let lease = json!({"metadata": {"name": "caretaker"}, "spec": {"holderIdentity": "", "leaseDurationSeconds": 15}});
    let (status, lease) = first.send(Method::POST, path, Some(lease)).await;
    assert_eq!(status, StatusCode::CREATED);
    let put = |holder: &str| {
        let mut lease = lease.clone();
        lease["spec"]["holderIdentity"] = json!(holder);
        lease
    };
    let one = format!("{path}/caretaker");
    let (a, b) = tokio::join!(
        first.send(Method::PUT, &one, Some(put("a"))),
        second.send(Method::PUT, &one, Some(put("b")))
    );
    let mut statuses = [a.0.as_u16(), b.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let winner = if a.0 == StatusCode::OK { "a" } else { "b" };
    let stored = kube.get(&LEASE, Some("caretaker"), "caretaker").unwrap();
    assert_eq!(stored["spec"]["holderIdentity"], winner);
    kube.shutdown().await;
}

#[tokio::test]
async fn pages_are_cut_from_one_snapshot_and_expire() {
    let kube = start().await;
    for name in ["metal1", "metal2", "metal3"] {
        kube.apply(node(name));
    }
    let caller = Caller::admin(&kube);
    let (_, page) = caller.get("/api/v1/nodes?limit=2").await;
    let token = page["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(page["metadata"]["remainingItemCount"], 1);
    kube.delete(&NODE, None, "metal3");
    kube.apply(node("metal4"));
    let rest = format!("/api/v1/nodes?limit=2&continue={token}");
    let (_, second) = caller.get(&rest).await;
    let names: Vec<_> = second["items"].as_array().unwrap().iter().map(|i| &i["metadata"]["name"]).collect();
    assert_eq!(names, ["metal3"], "the page shows the list as it was");
    assert_eq!(second["metadata"]["resourceVersion"], page["metadata"]["resourceVersion"]);
    kube.compact();
    let (status, expired) = caller.get(&rest).await;
    assert_eq!((status.as_u16(), expired["reason"].as_str()), (410, Some("Expired")));
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let (status, inconsistent) = caller.get(&format!("/api/v1/nodes?limit=2&continue={token}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(inconsistent["items"][0]["metadata"]["name"], "metal4");
    kube.shutdown().await;
}

#[tokio::test]
async fn pages_lose_nothing_between_namespaces_whose_names_begin_alike() {
    let kube = start().await;
    let caller = Caller::admin(&kube);
    for namespace in ["web", "web-shop"] {
        kube.namespace(namespace);
        let mut object = pod("a", &json!({}));
        object["metadata"]["namespace"] = json!(namespace);
        kube.apply(object);
    }
    let (_, page) = caller.get("/api/v1/pods?limit=1").await;
    assert_eq!(page["items"][0]["metadata"]["namespace"], "web");
    let token = page["metadata"]["continue"].as_str().unwrap();
    let (_, second) = caller.get(&format!("/api/v1/pods?limit=1&continue={token}")).await;
    assert_eq!(second["items"][0]["metadata"]["namespace"], "web-shop");
    assert!(second["metadata"]["continue"].is_null());
    kube.shutdown().await;
}

#[tokio::test]
async fn a_watch_goes_on_from_the_version_of_a_list() {
    let kube = start().await;
    let caller = Caller::admin(&kube);
    kube.apply(pod("old", &json!({})));
    let (_, list) = caller.get("/api/v1/namespaces/caretaker/pods").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    kube.apply(pod("new", &json!({"team": "a"})));
    kube.merge_patch(&POD, Some("caretaker"), "new", &json!({"metadata": {"labels": {"team": "b"}}}));
    kube.delete(&POD, Some("caretaker"), "new");
    let base = "/api/v1/namespaces/caretaker/pods?watch=1&timeoutSeconds=1";
    let seen = frames(&kube, &format!("{base}&resourceVersion={version}"), 9).await;
    let expected = ["ADDED", "MODIFIED", "DELETED"].map(|change| (change.to_owned(), "new".to_owned()));
    assert_eq!(outline(&seen), expected);
    let through = frames(&kube, &format!("{base}&resourceVersion={version}&labelSelector=team%3Da"), 9).await;
    let expected = ["ADDED", "DELETED"].map(|change| (change.to_owned(), "new".to_owned()));
    assert_eq!(outline(&through), expected, "an object that stops matching reads as deleted");
    let all = frames(&kube, base, 1).await;
    assert_eq!(outline(&all), [("ADDED".to_owned(), "old".to_owned())]);
    let initial =
        format!("{base}&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
    let streamed = frames(&kube, &initial, 2).await;
    assert_eq!(
        streamed[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true",
        "{streamed:?}"
    );
    kube.shutdown().await;
}

#[tokio::test]
async fn a_watch_that_is_too_old_is_told_so_in_a_frame() {
    let kube = start().await;
    kube.apply(pod("one", &json!({})));
    kube.compact();
    let seen = frames(&kube, "/api/v1/pods?watch=1&resourceVersion=2", 9).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["type"], "ERROR");
    assert_eq!(seen[0]["object"]["code"], 410);
    kube.shutdown().await;
}

#[tokio::test]
async fn a_live_watch_gets_changes_of_the_handle_and_of_clients() {
    let kube = start().await;
    let mut events = kube.subscribe();
    let watching = {
        let kube = kube.clone();
        tokio::spawn(async move { frames(&kube, "/api/v1/pods?watch=1&timeoutSeconds=15", 2).await })
    };
    tokio::time::timeout(DEADLINE, async {
        while !kube.requests().iter().any(|request| request.verb == "watch") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    kube.apply(pod("one", &json!({})));
    let caller = Caller::admin(&kube);
    let patch = json!({"metadata": {"labels": {"x": "1"}}});
    caller.send(Method::PATCH, "/api/v1/namespaces/caretaker/pods/one", Some(patch)).await;
    let seen = watching.await.unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1]["object"]["metadata"]["labels"]["x"], "1");
    let (first, second) = (events.recv().await.unwrap(), events.recv().await.unwrap());
    assert_eq!((first.kind, first.change, first.by), (POD, Change::Added, None));
    assert_eq!((second.change, second.by.as_deref()), (Change::Modified, Some("admin")));
    kube.shutdown().await;
}

#[tokio::test]
async fn an_application_raises_its_generation_with_its_status() {
    let kube = start().await;
    kube.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "caretaker"}, "spec": {"project": "default", "destination": {}}}));
    let status = json!({"health": {"status": "Healthy"}});
    let application = kube.merge_patch_status(&APPLICATION, Some("caretaker"), "web", &status).unwrap();
    assert_eq!(application["metadata"]["generation"], 2);
    let annotated = kube
        .merge_patch(
            &APPLICATION,
            Some("caretaker"),
            "web",
            &json!({"metadata": {"annotations": {"a": "b"}}}),
        )
        .unwrap();
    assert_eq!(annotated["metadata"]["generation"], 2);
    let caller = Caller::admin(&kube);
    let path = "/apis/argoproj.io/v1alpha1/namespaces/caretaker/applications/web";
    let unknown = Some(json!({"spec": {"suspend": true}}));
    let (status, refused) =
        caller.send(Method::PATCH, &format!("{path}?fieldValidation=Strict"), unknown).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let dry = Some(json!({"operation": {"sync": {}}}));
    let (status, planned) = caller.send(Method::PATCH, &format!("{path}?dryRun=All"), dry).await;
    assert_eq!((status, &planned["operation"]), (StatusCode::OK, &json!({"sync": {}})));
    assert!(kube.get(&APPLICATION, Some("caretaker"), "web").unwrap().get("operation").is_none());
    kube.shutdown().await;
}

#[tokio::test]
async fn a_finalizer_holds_what_is_deleted() {
    let kube = start().await;
    kube.apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "caretaker", "finalizers": ["example.org/hold"]},
        "spec": {"project": "default", "destination": {}}}));
    let caller = Caller::admin(&kube);
    let path = "/apis/argoproj.io/v1alpha1/namespaces/caretaker/applications/web";
    let (status, held) = caller.send(Method::DELETE, path, None).await;
    assert_eq!((status, held["kind"].as_str()), (StatusCode::OK, Some("Application")));
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    let (status, _) = caller.send(Method::PATCH, path, Some(json!({"metadata": {"finalizers": null}}))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(caller.get(path).await.0, StatusCode::NOT_FOUND);
    kube.shutdown().await;
}

fn reader() -> &'static str {
    "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: caretaker}
rules:
- apiGroups: ['']
  resources: [nodes]
  verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: caretaker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: caretaker}
subjects:
- {kind: ServiceAccount, name: caretaker, namespace: caretaker}
"
}

#[tokio::test]
async fn rights_come_from_manifests_and_their_use_is_reported() {
    let kube = start().await;
    kube.apply_manifests(reader()).unwrap();
    let caller = Caller::new(&kube, kube.create_token("system:serviceaccount:caretaker:caretaker"));
    assert_eq!(caller.get("/api/v1/nodes").await.0, StatusCode::OK);
    assert_eq!(caller.get("/api/v1/pods").await.0, StatusCode::FORBIDDEN);
    assert_eq!(caller.get("/apis/none.example.org/v1/things").await.0, StatusCode::FORBIDDEN);
    let (status, missing) = Caller::admin(&kube).get("/apis/none.example.org/v1/things").await;
    assert_eq!((status, missing), (StatusCode::NOT_FOUND, json!("404 page not found\n")));
    let unused = sim::kubernetes::unused(&kube.rbac_usage());
    assert_eq!(unused["ClusterRole/caretaker"], ["get nodes"]);
    let review = |verb: &str| json!({"spec": {"resourceAttributes": {"verb": verb, "resource": "nodes"}}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (verb, allowed) in [("list", true), ("patch", false)] {
        let (status, answer) = caller.send(Method::POST, path, Some(review(verb))).await;
        assert_eq!((status, &answer["status"]["allowed"]), (StatusCode::CREATED, &json!(allowed)));
    }
    kube.faults().add(Matcher::of("list", "nodes"), Fault::Forbid);
    assert_eq!(caller.get("/api/v1/nodes").await.0, StatusCode::FORBIDDEN);
    let (_, answer) = caller.send(Method::POST, path, Some(review("list"))).await;
    assert_eq!(answer["status"]["allowed"], false);
    let stranger = Caller::new(&kube, "nonsense".into());
    assert_eq!(stranger.get("/api/v1/nodes").await.0, StatusCode::UNAUTHORIZED);
    kube.shutdown().await;
}

#[tokio::test]
async fn faults_strike_before_or_after_the_effect() {
    let kube = start().await;
    let caller = Caller::admin(&kube);
    let path = "/api/v1/namespaces/caretaker/configmaps";
    let map = |name: &str| Some(json!({"metadata": { "name": name }}));
    let faults = kube.faults();
    faults.add_times(Matcher::of("create", "configmaps"), Fault::DropBefore, 1);
    assert!(caller.try_send(Method::POST, path, map("before")).await.is_err());
    faults.add_times(Matcher::of("create", "configmaps"), Fault::DropAfter, 1);
    assert!(caller.try_send(Method::POST, path, map("after")).await.is_err());
    let (_, list) = caller.get(path).await;
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|i| &i["metadata"]["name"]).collect();
    assert_eq!(names, ["after"]);
    faults.add_times(Matcher::all(), Fault::Status(503), 1);
    assert_eq!(caller.get(path).await.0, StatusCode::SERVICE_UNAVAILABLE);
    faults.set_down(true);
    assert!(caller.try_send(Method::GET, path, None).await.is_err());
    faults.clear();
    assert_eq!(caller.get(path).await.0, StatusCode::OK);
    let log: Vec<_> = kube.requests().iter().map(|r| (r.verb.clone(), r.status)).collect();
    let expected = [("create", 0), ("create", 0), ("list", 200), ("list", 503), ("list", 200)];
    assert_eq!(log, expected.map(|(verb, status)| (verb.to_owned(), status)));
    kube.shutdown().await;
}

/// Runs a command and gives what came on each channel, in order, and whether the outcome came.
async fn exec(kube: &Kubernetes, query: &str, protocol: &str) -> (Vec<(u8, String)>, Option<Value>) {
    let address = kube.url().replace("http://", "ws://");
    let url = format!("{address}/api/v1/namespaces/caretaker/pods/one/exec?{query}");
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
    headers.insert("Authorization", format!("Bearer {}", kube.admin_token()).parse().unwrap());
    let (mut socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], protocol);
    let (mut output, mut status) = (Vec::new(), None);
    while let Ok(Some(Ok(message))) =
        tokio::time::timeout(DEADLINE, futures::StreamExt::next(&mut socket)).await
    {
        let Message::Binary(frame) = message else { break };
        let Some((channel, data)) = frame.split_first() else { continue };
        if *channel == 3 && !data.is_empty() {
            status = Some(serde_json::from_slice(data).unwrap());
        } else {
            output.push((*channel, String::from_utf8_lossy(data).into_owned()));
        }
    }
    (output, status)
}

#[tokio::test]
async fn exec_sends_output_and_then_the_outcome() {
    let kube = start().await;
    kube.apply(pod("one", &json!({"app": "tools"})));
    let matcher = ExecMatcher {
        selector: Some("app=tools".into()),
        command: vec!["ceph".into(), "*".into()],
        ..ExecMatcher::default()
    };
    let answer = |command: &[String]| match command[1].as_str() {
        "health" => ExecAnswer::ok("HEALTH_OK\n"),
        other => ExecAnswer::failed(22, format!("no such command: {other}\n")),
    };
    kube.script_exec(matcher, Arc::new(answer));
    let query = "container=app&stdout=true&stderr=true&command=ceph&command=";
    let (output, status) = exec(&kube, &format!("{query}health"), "v5.channel.k8s.io").await;
    assert_eq!(output, [(1, String::new()), (1, "HEALTH_OK\n".to_owned())]);
    assert_eq!(status.unwrap()["status"], "Success");
    let (output, status) = exec(&kube, &format!("{query}nope"), "v4.channel.k8s.io").await;
    assert_eq!(output.last().unwrap(), &(2, "no such command: nope\n".to_owned()));
    let status = status.unwrap();
    assert_eq!(status["reason"], "NonZeroExitCode");
    assert_eq!(status["details"]["causes"][0]["message"], "22");
    kube.faults().add_times(Matcher::resource("pods/exec"), Fault::DropAfter, 1);
    let (output, status) = exec(&kube, &format!("{query}health"), "v5.channel.k8s.io").await;
    assert_eq!((output.len(), status), (2, None), "the output came, the outcome did not");
    kube.shutdown().await;
}

#[tokio::test]
async fn metrics_exist_once_something_measures() {
    let kube = start().await;
    let caller = Caller::admin(&kube);
    let path = "/apis/metrics.k8s.io/v1beta1/nodes";
    assert_eq!(caller.get(path).await.0, StatusCode::NOT_FOUND);
    kube.set_node_metrics("metal1", "250m", "2048Mi");
    let (status, list) = caller.get(path).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["items"][0]["usage"], json!({"cpu": "250m", "memory": "2048Mi"}));
    kube.shutdown().await;
}
