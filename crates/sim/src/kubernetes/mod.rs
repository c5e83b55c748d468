//! A Kubernetes API server over HTTP on loopback, faithful where a client can tell.
//!
//! What a real server answered is kept in `fixtures/recordings/kubernetes/`; the contract suite replays it. The server
//! knows who asks and enforces the RBAC objects in its store, so the manifests of `deploy/` are what a test runs with.
//! No controller runs in here: whatever makes Deployments roll or Applications sync acts through the [`Kubernetes`]
//! handle, the way a controller acts through its client.
//!
//! Races decided here: two writers with one `resourceVersion` (the store's lock: one wins, the other gets 409); a change
//! between a list and the watch that follows it (the watch reads history from the list's version); a page fetched after
//! the list changed (pages are cut from the state at the first page's version, or refused with 410).

mod discovery;
mod error;
mod exec;
mod exec_session;
mod faults;
mod kind;
mod listener;
mod metadata;
mod patch;
mod pod_log;
mod rbac;
mod read;
mod request;
mod reviews;
mod selector;
mod server;
mod store;
mod subresources;
mod validation;
mod verbs;
mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use error::ApiError;
pub use exec::{ExecAnswer, ExecHandler, ExecMatcher};
pub use faults::{Fault, FaultId, Faults, Matcher, RequestRecord, WatchFault};
pub use kind::*;
pub use rbac::{RuleUse, unused};
pub use store::{Change, Event};

use rbac::{Identity, Usage};
use store::{Key, Part, Store, Writer};

/// Why the handle could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// The listener could not be opened.
    #[error("no listener on loopback")]
    Listen(#[source] std::io::Error),
    /// A manifest is no YAML.
    #[error("manifest is not valid YAML")]
    Yaml(#[source] serde_norway::Error),
    /// The server would refuse the object.
    #[error("object refused")]
    Refused(#[from] ApiError),
    /// The kind of an object is not registered.
    #[error("kind not registered: {0}")]
    UnknownKind(String),
}

/// How the server starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Namespaces that exist from the start.
    pub namespaces: Vec<String>,
    /// Whether the custom kinds of Argo CD, Rook, cert-manager, snapshots and `VolSync` are there from the start.
    pub usual_custom_kinds: bool,
    /// Namespace in the kubeconfigs that are handed out.
    pub current_namespace: String,
    /// How often a watch that brings nothing tells the version it has reached. A minute, as real servers do it.
    pub bookmark_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            namespaces: ["default", "kube-system", "kube-public", "kube-node-lease", "caretaker"]
                .map(String::from)
                .to_vec(),
            usual_custom_kinds: true,
            current_namespace: "caretaker".into(),
            bookmark_every: Duration::from_mins(1),
        }
    }
}

/// The simulated server. A cheap clone; the server lives until [`Kubernetes::shutdown`].
#[derive(Clone, Debug)]
pub struct Kubernetes {
    shared: Arc<Shared>,
}

/// What the handle and the request handlers share.
#[derive(Debug)]
pub(crate) struct Shared {
    address: SocketAddr,
    current_namespace: String,
    bookmark_every: Duration,
    admin_token: String,
    store: Mutex<Store>,
    tokens: Mutex<BTreeMap<String, Identity>>,
    usage: Mutex<Usage>,
    requests: Mutex<Vec<RequestRecord>>,
    logs: Mutex<BTreeMap<(String, String, String), String>>,
    node_stats: Mutex<BTreeMap<String, Value>>,
    exec: exec::Scripts,
    faults: Faults,
    stop: CancellationToken,
    server: Mutex<Option<JoinHandle<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panicking test must not turn into a second panic elsewhere.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }
}

impl Kubernetes {
    /// Starts a server on loopback.
    pub async fn start(options: Options) -> Result<Self, KubernetesError> {
        let listener =
            tokio::net::TcpListener::bind(options.listen).await.map_err(KubernetesError::Listen)?;
        let address = listener.local_addr().map_err(KubernetesError::Listen)?;
        let mut types = built_in();
        if options.usual_custom_kinds {
            types.extend(usual_custom_kinds());
        }
        let admin_token = random_token();
        let shared = Arc::new(Shared {
            address,
            current_namespace: options.current_namespace,
            bookmark_every: options.bookmark_every,
            admin_token: admin_token.clone(),
            store: Mutex::new(Store::new(types)),
            tokens: Mutex::new(BTreeMap::from([(admin_token, Identity::administrator())])),
            usage: Mutex::default(),
            requests: Mutex::default(),
            logs: Mutex::default(),
            node_stats: Mutex::default(),
            exec: exec::Scripts::default(),
            faults: Faults::new(),
            stop: CancellationToken::new(),
            server: Mutex::default(),
        });
        let kubernetes = Self { shared: Arc::clone(&shared) };
        for namespace in options.namespaces {
            kubernetes.namespace(&namespace);
        }
        for object in rbac::bootstrap() {
            kubernetes.try_apply(object)?;
        }
        *lock(&shared.server) = Some(tokio::spawn(server::serve(listener, Arc::clone(&shared))));
        Ok(kubernetes)
    }

    /// Address of the server, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// A kubeconfig, as YAML, that logs in with a token.
    #[must_use]
    pub fn kubeconfig(&self, token: &str) -> String {
        let namespace = &self.shared.current_namespace;
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: simulator\nclusters:\n- name: simulator\n  \
             cluster:\n    server: {}\ncontexts:\n- name: simulator\n  context:\n    cluster: simulator\n    \
             namespace: {namespace}\n    user: simulator\nusers:\n- name: simulator\n  user:\n    token: {token}\n",
            self.url()
        )
    }

    /// Makes a token for a user, or for a service account named `system:serviceaccount:<namespace>:<name>`.
    #[must_use]
    pub fn create_token(&self, user: &str) -> String {
        let token = random_token();
        lock(&self.shared.tokens).insert(token.clone(), Identity::named(user));
        token
    }

    /// The token that may do everything.
    #[must_use]
    pub fn admin_token(&self) -> String {
        self.shared.admin_token.clone()
    }

    /// Installs a custom kind.
    pub fn register(&self, kind: CustomKind) {
        self.shared.store().register(kind.into());
    }

    /// Removes a custom kind and all its objects; watches of it end after their DELETED events.
    pub fn unregister(&self, kind: &Kind) {
        let mut store = self.shared.store();
        for object in store.list(kind, None) {
            let _ = store.delete(kind, &Key::of(kind, &object), 0, Writer::HANDLE);
        }
        store.remove_type(kind);
    }

    /// Makes sure that a namespace exists.
    pub fn namespace(&self, name: &str) {
        let _ = self.try_apply(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }));
    }

    /// Creates an object, or replaces the one of the same kind, namespace and name. Keeps what the server owns (uid,
    /// creation time), and the status where the new object has none. Without a namespace, `default` is meant.
    ///
    /// # Panics
    /// When the kind is not registered or the name is missing: that is a mistake in the caller's script.
    #[expect(clippy::must_use_candidate, reason = "the effect counts; the result is for who wants it")]
    pub fn apply(&self, object: Value) -> Value {
        match self.try_apply(object) {
            Ok(object) => object,
            Err(error) => panic!("an object of the script is refused: {error:?}"),
        }
    }

    /// The same, for objects from outside.
    pub fn try_apply(&self, mut object: Value) -> Result<Value, KubernetesError> {
        let mut store = self.shared.store();
        let of = store.type_of_object(&object).ok_or_else(|| {
            KubernetesError::UnknownKind(format!(
                "{} {}",
                metadata::text(&object, "/apiVersion"),
                metadata::text(&object, "/kind")
            ))
        })?;
        let namespace = match metadata::text(&object, "/metadata/namespace") {
            _ if !of.kind.namespaced => String::new(),
            "" => "default".to_owned(),
            given => given.to_owned(),
        };
        let key = Key::new(&of.kind, &namespace, metadata::text(&object, "/metadata/name"));
        let result = match store.get(&key) {
            Some(known) => {
                if object.get("status").is_none()
                    && let Some(status) = known.get("status")
                {
                    object["status"] = status.clone();
                }
                store.update(&of, &key, object, Part::All, Writer::HANDLE)
            }
            None => store.create(&of, &namespace, object, Part::All, Writer::HANDLE),
        };
        Ok((*result?).clone())
    }

    /// Applies every document of a YAML text, as `kubectl apply` would. Documents without a namespace, of namespaced
    /// kinds, go to the namespace of the kubeconfigs.
    pub fn apply_manifests(&self, yaml: &str) -> Result<Vec<Value>, KubernetesError> {
        use serde::Deserialize as _;
        let mut applied = Vec::new();
        for document in serde_norway::Deserializer::from_str(yaml) {
            let mut object = Value::deserialize(document).map_err(KubernetesError::Yaml)?;
            if object.is_null() {
                continue;
            }
            let namespaced = self.shared.store().type_of_object(&object).is_some_and(|t| t.kind.namespaced);
            if namespaced && object.pointer("/metadata/namespace").is_none() {
                object["metadata"]["namespace"] = json!(self.shared.current_namespace);
            }
            applied.push(self.try_apply(object)?);
        }
        Ok(applied)
    }

    /// An object as it is now.
    #[must_use]
    pub fn get(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> Option<Value> {
        let key = Key::new(kind, namespace.unwrap_or_default(), name);
        self.shared.store().get(&key).map(|object| (*object).clone())
    }

    /// All objects of a kind, in one namespace or in all.
    #[must_use]
    pub fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.shared.store().list(kind, namespace)
    }

    /// Changes an object in one step: what the closure leaves is stored. `None` when there is no such object.
    pub fn update(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Option<Value> {
        let mut store = self.shared.store();
        let of = store.type_of(kind)?;
        let key = Key::new(kind, namespace.unwrap_or_default(), name);
        let mut object = (*store.get(&key)?).clone();
        change(&mut object);
        store.update(&of, &key, object, Part::All, Writer::HANDLE).ok().map(|object| (*object).clone())
    }

    /// Merges a patch into an object, status included.
    #[expect(clippy::must_use_candidate, reason = "the effect counts; the result is for who wants it")]
    pub fn merge_patch(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        name: &str,
        patch: &Value,
    ) -> Option<Value> {
        self.update(kind, namespace, name, |object| patch::merge(object, patch))
    }

    /// Merges a patch into the status of an object.
    #[expect(clippy::must_use_candidate, reason = "the effect counts; the result is for who wants it")]
    pub fn merge_patch_status(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        name: &str,
        status: &Value,
    ) -> Option<Value> {
        self.update(kind, namespace, name, |object| patch::merge(object, &json!({ "status": status })))
    }

    /// Deletes an object at once, unless a finalizer holds it; then it is marked. Whether it was there.
    #[expect(clippy::must_use_candidate, reason = "the effect counts; the result is for who wants it")]
    pub fn delete(&self, kind: &Kind, namespace: Option<&str>, name: &str) -> bool {
        let key = Key::new(kind, namespace.unwrap_or_default(), name);
        self.shared.store().delete(kind, &key, 0, Writer::HANDLE).is_ok()
    }

    /// Every change from now on, whoever makes it. A receiver that lags more than a few thousand events loses the
    /// oldest, and should read the state again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.shared.store().subscribe()
    }

    /// Answers an exec. The newest fitting script wins.
    pub fn script_exec(&self, matcher: ExecMatcher, handler: ExecHandler) {
        self.shared.exec.add(matcher, handler);
    }

    /// Sets what a container's log holds.
    pub fn set_pod_log(&self, namespace: &str, pod: &str, container: &str, log: &str) {
        lock(&self.shared.logs).insert((namespace.into(), pod.into(), container.into()), log.into());
    }

    /// Sets what a node's kubelet says under `stats/summary`.
    pub fn set_node_stats(&self, name: &str, summary: Value) {
        lock(&self.shared.node_stats).insert(name.to_owned(), summary);
    }

    /// Sets what the metrics server reports of a node, such as `250m` and `2048Mi`. The first call installs the
    /// metrics server.
    pub fn set_node_metrics(&self, name: &str, cpu: &str, memory: &str) {
        self.install_metrics();
        let _ = self.try_apply(json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "NodeMetrics",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "timestamp": metadata::now(), "window": "20s", "usage": {"cpu": cpu, "memory": memory},
        }));
    }

    /// Sets what the metrics server reports of a container.
    pub fn set_pod_metrics(&self, namespace: &str, pod: &str, container: &str, cpu: &str, memory: &str) {
        self.install_metrics();
        let _ = self.try_apply(json!({
            "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
            "metadata": {"name": pod, "namespace": namespace},
            "timestamp": metadata::now(), "window": "20s",
            "containers": [{"name": container, "usage": {"cpu": cpu, "memory": memory}}],
        }));
    }

    fn install_metrics(&self) {
        let mut store = self.shared.store();
        for resource in kind::metrics() {
            store.register(resource);
        }
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.shared.requests).clone()
    }

    /// The requests after the first so many: for who looks often and does not want them all each time.
    #[must_use]
    pub fn requests_since(&self, first: usize) -> Vec<RequestRecord> {
        lock(&self.shared.requests).get(first..).unwrap_or_default().to_vec()
    }

    /// Makes all older versions and continue tokens expire.
    pub fn compact(&self) {
        self.shared.store().compact();
    }

    /// Every verb on every resource of every role that is not the server's own, and whether a request needed it.
    #[must_use]
    pub fn rbac_usage(&self) -> Vec<RuleUse> {
        lock(&self.shared.usage).report(&self.shared.store())
    }

    /// Breaks all connections and ends.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let server = lock(&self.shared.server).take();
        if let Some(server) = server {
            let _ = server.await;
        }
    }
}

fn random_token() -> String {
    format!("sim-{}", uuid::Uuid::new_v4().simple())
}
