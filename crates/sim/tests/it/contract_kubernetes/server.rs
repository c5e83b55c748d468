//! The server that the recordings are replayed against: the simulator, or a real one named by `KUBECONFIG`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client, Identity, Method, Response};
use serde::Deserialize as _;
use serde_json::{Value, json};
use sim::kubernetes::{
    CustomKind, EXTERNAL_SECRET, GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, Kind, Kubernetes, Options,
    POSTGRES_BACKUP, POSTGRES_CLUSTER, SCHEDULED_BACKUP,
};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// Who the service account of the recordings is.
pub(crate) const CARETAKER: &str = "system:serviceaccount:caretaker:caretaker";

/// How often the simulator tells its version here, where a real server takes a minute.
pub(crate) const BOOKMARKS: Duration = Duration::from_secs(9);

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Either server.
pub(crate) struct Server {
    /// The simulator's handle; a real server has none.
    pub(crate) simulator: Option<Kubernetes>,
    url: String,
    /// Knows the administrator's certificate, where there is one.
    administrator: Client,
    anyone: Client,
    tokens: BTreeMap<&'static str, String>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        if std::env::var("CARETAKER_TEST_KUBERNETES").is_ok_and(|v| v == "1") {
            return Self::real();
        }
        let kube =
            Kubernetes::start(Options { bookmark_every: BOOKMARKS, ..Options::default() }).await.unwrap();
        let flux = [GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE];
        let operators = [POSTGRES_CLUSTER, SCHEDULED_BACKUP, POSTGRES_BACKUP, EXTERNAL_SECRET];
        for kind in flux.into_iter().chain(operators) {
            kube.register(CustomKind { kind, status_subresource: true });
        }
        let tokens = BTreeMap::from([
            ("admin", kube.admin_token()),
            ("caretaker", kube.create_token(CARETAKER)),
            ("nobody", kube.create_token("nobody")),
        ]);
        let client = crate::client().build().unwrap();
        Self { url: kube.url(), simulator: Some(kube), administrator: client.clone(), anyone: client, tokens }
    }

    /// Reads the first context of `KUBECONFIG`: its address, its authority and the administrator's way in.
    fn real() -> Self {
        let path = std::env::var("KUBECONFIG").expect("KUBECONFIG names the real server");
        let text = std::fs::read_to_string(path).unwrap();
        let config = Value::deserialize(serde_norway::Deserializer::from_str(&text)).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        let user = &config["users"][0]["user"];
        let read = |of: &Value, field: &str| -> Option<Vec<u8>> {
            match of[format!("{field}-data")].as_str() {
                Some(data) => STANDARD.decode(data).ok(),
                None => of[field].as_str().and_then(|path| std::fs::read(path).ok()),
            }
        };
        let builder = || match read(cluster, "certificate-authority") {
            Some(authority) => crate::client()
                .tls_backend_rustls()
                .tls_certs_only([Certificate::from_pem(&authority).unwrap()]),
            None => crate::client(),
        };
        let mut administrator = builder();
        if let (Some(mut certificate), Some(key)) =
            (read(user, "client-certificate"), read(user, "client-key"))
        {
            certificate.extend(key);
            administrator = administrator.identity(Identity::from_pem(&certificate).unwrap());
        }
        let token = user["token"].as_str().unwrap_or_default().to_owned();
        Self {
            simulator: None,
            url: cluster["server"].as_str().unwrap().to_owned(),
            administrator: administrator.build().unwrap(),
            anyone: builder().build().unwrap(),
            tokens: BTreeMap::from([("admin", token)]),
        }
    }

    pub(crate) fn websocket_url(&self) -> String {
        self.url.replace("http", "ws")
    }

    pub(crate) fn token(&self, user: &str) -> &str {
        self.tokens.get(user).map_or("", String::as_str)
    }

    /// Sends a request as one of the users of the recordings. `within`: for how long it may go on, where it is no ordinary one.
    pub(crate) async fn respond(
        &self,
        user: &str,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: Option<String>,
        within: Option<Duration>,
    ) -> Response {
        let method: Method = method.parse().unwrap();
        let url = format!("{}{path}", self.url);
        let mut request = match user {
            "none" => self.anyone.request(method, url),
            "bad token" => self.anyone.request(method, url).bearer_auth("nonsense"),
            known if self.simulator.is_some() => {
                self.anyone.request(method, url).bearer_auth(self.token(known))
            }
            other => {
                let request = self.administrator.request(method, url);
                let token = self.token("admin");
                let request = if token.is_empty() { request } else { request.bearer_auth(token) };
                match other {
                    "admin" => request,
                    "caretaker" => request
                        .header("Impersonate-User", CARETAKER)
                        .header("Impersonate-Uid", "caretaker-uid")
                        .header("Impersonate-Group", "system:serviceaccounts")
                        .header("Impersonate-Group", "system:serviceaccounts:caretaker")
                        .header("Impersonate-Group", "system:authenticated"),
                    name => request
                        .header("Impersonate-User", name)
                        .header("Impersonate-Group", "system:authenticated"),
                }
            }
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        if let Some(within) = within {
            // Newer servers compress each frame of a watch by itself.
            request = request.timeout(within).header("Accept-Encoding", "identity");
        }
        request.send().await.unwrap()
    }

    /// A request of the set-up, with everything allowed.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let headers = [("Content-Type".to_owned(), kind.to_owned())];
        let body = body.map(Value::to_string);
        Answer::read(self.respond("admin", method, path, &headers, body, None).await).await
    }

    /// Installs a kind of which any object will do, where it is not there.
    pub(crate) async fn define(&self, kind: &Kind) {
        if let Some(kube) = &self.simulator {
            kube.register(CustomKind { kind: *kind, status_subresource: false });
            return;
        }
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let body = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.{}", kind.plural, kind.group)},
            "spec": {"group": kind.group, "scope": "Namespaced",
                "names": {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.to_lowercase()},
                "versions": [{"name": kind.version, "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": schema}}]}});
        let answer = self.admin("POST", DEFINITIONS, Some(&body)).await;
        assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
        self.until_served(kind, 200).await;
    }

    /// Removes a kind with all its objects.
    pub(crate) async fn undefine(&self, kind: &Kind) {
        if let Some(kube) = &self.simulator {
            kube.unregister(kind);
            return;
        }
        let one = format!("{DEFINITIONS}/{}.{}", kind.plural, kind.group);
        self.admin("DELETE", &one, None).await;
        self.until_served(kind, 404).await;
    }

    async fn until_served(&self, kind: &Kind, status: u16) {
        let list = format!("/apis/{}/{}", kind.api_version(), kind.plural);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while self.admin("GET", &list, None).await.status != status {
            assert!(tokio::time::Instant::now() < deadline, "{list} does not answer {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The namespaces and rights that the recordings were made with.
    pub(crate) async fn prepare(&self) {
        for namespace in ["apps", "caretaker", "gitops", "tools", "db", "kube-node-lease", "watched"] {
            let body = json!({"metadata": { "name": namespace }});
            let answer = self.admin("POST", "/api/v1/namespaces", Some(&body)).await;
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
            // Its controller may not run, and no pod is admitted without it.
            let account = json!({"metadata": {"name": "default"}});
            let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            let answer = self.admin("POST", &accounts, Some(&account)).await;
            assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
        }
        let read: &[&str] = &["get", "list", "watch"];
        let rule = |groups: &[&str], resources: &[&str], more: &[&str]| {
            let verbs = [read, more].concat();
            json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
        };
        let of_core = [
            "nodes",
            "pods",
            "pods/log",
            "persistentvolumes",
            "persistentvolumeclaims",
            "namespaces",
            "events",
            "services",
            "configmaps",
        ];
        let operators = ["cert-manager.io", "ceph.rook.io"];
        let flux = ["source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"];
        let cluster_role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "caretaker"},
            "rules": [
                rule(&[""], &of_core, &[]),
                rule(&["events.k8s.io"], &["events"], &["create"]),
                rule(&["apps"], &["deployments", "statefulsets", "daemonsets", "replicasets"], &["patch"]),
                rule(&["argoproj.io"], &["applications"], &["patch"]),
                rule(&operators, &["certificates", "cephclusters"], &[]),
                rule(&flux, &["gitrepositories", "kustomizations", "helmreleases"], &["patch"]),
                rule(&["coordination.k8s.io"], &["leases"], &["create", "update", "patch", "delete"]),
            ],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "caretaker"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "caretaker"},
            "subjects": [{"kind": "ServiceAccount", "name": "caretaker", "namespace": "caretaker"}],
        });
        self.replace("/apis/rbac.authorization.k8s.io/v1/clusterroles", &cluster_role).await;
        self.replace("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await;
    }

    /// Puts an object in place of whatever has its name.
    pub(crate) async fn replace(&self, collection: &str, object: &Value) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap();
        let one = format!("{collection}/{name}");
        self.remove(&one).await;
        let answer = self.admin("POST", collection, Some(object)).await;
        assert_eq!(answer.status, 201, "{one}: {}", answer.text);
        answer.json()
    }

    /// Makes sure that an object is gone.
    pub(crate) async fn remove(&self, one: &str) {
        if self.admin("GET", one, None).await.status == 404 {
            return;
        }
        let free = json!({"metadata": {"finalizers": null}});
        self.admin("PATCH", one, Some(&free)).await;
        let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
                         "propagationPolicy": "Background"});
        self.admin("DELETE", one, Some(&now)).await;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while self.admin("GET", one, None).await.status != 404 {
            assert!(tokio::time::Instant::now() < deadline, "{one} does not go");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn stop(self) {
        if let Some(kube) = self.simulator {
            kube.shutdown().await;
        }
    }
}
