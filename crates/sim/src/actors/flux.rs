//! Flux: its source controller and its kustomize controller.
//!
//! One task for both. The source fetches the branch on a push, when it is asked to, and from time to time; each Kustomization
//! then applies its folder, and is Ready of a revision when its workloads are healthy. As in the real ones, a failure is
//! tried again for ever and never Stalled, a newer revision is taken up in the midst of a health check, and a suspended
//! object keeps what it said last. Races: what others wrote (an annotation, `suspend`) is read from the object in the step
//! that goes by it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_util::sync::CancellationToken;

use super::application::{self as app, text};
use super::apps::AppSpec;
use super::operations::apply;
use super::render::{Folder, Rendered, render};
use super::story::Story;
use super::{Speed, Surroundings, now};
use crate::gitea::{Event as ForgeEvent, FileMap, Repository};
use crate::kubernetes::{GIT_REPOSITORY, KUSTOMIZATION, Kind, Kubernetes};

/// Where Flux lives.
pub(crate) const NAMESPACE: &str = "flux-system";
/// The name of the source.
const SOURCE: &str = "homelab";
/// Seconds of reality from a push, or from being asked, until the source has fetched.
const FETCHING: f64 = 2.0;
/// Seconds of reality that applying takes.
const APPLYING: f64 = 3.0;
/// Seconds of reality after which the branch is fetched without being asked.
const POLL: f64 = 60.0;
/// Seconds of reality that a health check waits.
const TIMEOUT: f64 = 300.0;
/// Seconds of reality before what failed is tried again.
const RETRY: f64 = 120.0;
/// How often the controllers look at what they wait for.
const LOOK: Duration = Duration::from_millis(20);

/// Where a Kustomization stands.
#[derive(Debug)]
enum Stage {
    /// Nothing is to be done.
    Rests,
    /// What was fetched is being applied.
    Applies { until: Instant },
    /// It waits for its workloads.
    Checks { until: Instant, objects: Vec<Value> },
    /// It failed, and is tried again.
    Failed { again: Instant },
}

/// Both controllers.
#[derive(Debug)]
pub(crate) struct Flux {
    kubernetes: Kubernetes,
    repository: Repository,
    speed: Speed,
    story: Arc<Story>,
    /// When the source fetches next.
    fetch: Instant,
    stages: BTreeMap<String, Stage>,
    /// The files of the revision that was fetched last.
    snapshot: (String, FileMap),
}

/// The source and a Kustomization for each app.
pub(crate) fn objects(apps: &[AppSpec], repository_url: &str, branch: &str) -> Vec<Value> {
    let mut objects = vec![json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": SOURCE, "namespace": NAMESPACE},
        "spec": {"interval": "1m0s", "ref": {"branch": branch}, "timeout": "60s", "url": repository_url},
    })];
    objects.extend(apps.iter().map(kustomization));
    objects
}

/// The Kustomization of an app.
pub(crate) fn kustomization(app: &AppSpec) -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": app.name, "namespace": NAMESPACE},
        "spec": {"interval": "10m0s", "path": format!("./{}", app.path()), "prune": true, "retryInterval": "2m0s",
            "sourceRef": {"kind": "GitRepository", "name": SOURCE}, "targetNamespace": app.name,
            "timeout": "5m0s", "wait": true},
    })
}

fn condition(object: &Value, kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"lastTransitionTime": now(), "message": message, "observedGeneration": object["metadata"]["generation"],
        "reason": reason, "status": status, "type": kind})
}

fn entry(object: &Value) -> Value {
    let api = text(object, "/apiVersion");
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    json!({"id": format!("{namespace}_{name}_{group}_{}", text(object, "/kind")), "v": version})
}

impl Flux {
    pub(crate) fn new(surroundings: Surroundings, repository: Repository) -> Self {
        let Surroundings { kubernetes, speed, story, seed: _ } = surroundings;
        Self {
            kubernetes,
            repository,
            speed,
            story,
            fetch: Instant::now() + speed.seconds(POLL),
            stages: BTreeMap::new(),
            snapshot: (String::new(), FileMap::new()),
        }
    }

    /// Applies everything at once, as if it had been applied long ago. The workloads follow.
    pub(crate) fn build(&mut self) {
        self.fetch();
        for name in self.names() {
            let Some(object) = self.get(&KUSTOMIZATION, &name) else { continue };
            let Some(rendered) = self.rendered(&name, &object) else { continue };
            apply(&self.kubernetes, &name, &rendered);
            self.ready(&name, &rendered.objects);
        }
    }

    fn names(&self) -> Vec<String> {
        let objects = self.kubernetes.list(&KUSTOMIZATION, Some(NAMESPACE));
        objects.iter().map(|object| text(object, "/metadata/name").to_owned()).collect()
    }

    fn get(&self, kind: &Kind, name: &str) -> Option<Value> {
        self.kubernetes.get(kind, Some(NAMESPACE), name)
    }

    fn change(&self, kind: &Kind, name: &str, change: impl FnOnce(&mut Value)) {
        self.kubernetes.update(kind, Some(NAMESPACE), name, change);
    }

    pub(crate) async fn run(mut self, mut forge: Receiver<ForgeEvent>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            loop {
                match forge.try_recv() {
                    Ok(ForgeEvent::Push { owner, repo, branch, .. }) => {
                        if owner == self.repository.owner()
                            && repo == self.repository.name()
                            && branch == self.repository.default_branch()
                        {
                            self.fetch_within(FETCHING);
                        }
                    }
                    Ok(_) => {}
                    Err(TryRecvError::Lagged(_)) => self.fetch_within(FETCHING),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Closed) => return,
                }
            }
            self.look_at_the_source();
            for name in self.names() {
                self.step(&name);
            }
        }
    }

    fn fetch_within(&mut self, seconds: f64) {
        self.fetch = self.fetch.min(Instant::now() + self.speed.seconds(seconds));
    }

    fn look_at_the_source(&mut self) {
        let Some(source) = self.get(&GIT_REPOSITORY, SOURCE) else { return };
        if source["spec"]["suspend"] == true {
            return;
        }
        let asked = &source["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
        if asked.is_string() && *asked != source["status"]["lastHandledReconcileAt"] {
            self.fetch_within(FETCHING);
        }
        if Instant::now() >= self.fetch {
            self.fetch();
        }
    }

    /// Reads the branch.
    fn fetch(&mut self) {
        self.fetch = Instant::now() + self.speed.seconds(POLL);
        let branch = self.repository.default_branch();
        let Some(commit) = self.repository.commit_info(&branch) else { return };
        let sha = commit.sha.to_string();
        if self.snapshot.0 != sha {
            self.snapshot = (sha.clone(), self.repository.files(&sha));
        }
        let revision = format!("{branch}@sha1:{sha}");
        self.change(&GIT_REPOSITORY, SOURCE, |object| {
            let stored = format!("stored artifact for revision '{revision}'");
            object["status"] = json!({
                "artifact": {"lastUpdateTime": now(), "revision": revision,
                    "path": format!("gitrepository/{NAMESPACE}/{SOURCE}/{sha}.tar.gz")},
                "conditions": [condition(object, "Ready", "True", "Succeeded", &stored),
                    condition(object, "ArtifactInStorage", "True", "Succeeded", &stored)],
                "lastHandledReconcileAt": object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"],
                "observedGeneration": object["metadata"]["generation"],
            });
        });
    }

    fn fetched(&self) -> String {
        let source = self.get(&GIT_REPOSITORY, SOURCE).unwrap_or_default();
        text(&source, "/status/artifact/revision").to_owned()
    }

    fn rendered(&self, name: &str, object: &Value) -> Option<Rendered> {
        let prefix = format!("{}/", text(object, "/spec/path").trim_start_matches("./"));
        let mut folder = Folder::new();
        for (path, entry) in self.snapshot.1.range(prefix.clone()..) {
            let Some(file) = path.strip_prefix(&prefix) else { break };
            folder.insert(file.to_owned(), String::from_utf8(entry.content.clone()).ok()?);
        }
        render(name, text(object, "/spec/targetNamespace"), &folder).ok()
    }

    /// What a Kustomization does next.
    fn step(&mut self, name: &str) {
        let Some(object) = self.get(&KUSTOMIZATION, name) else { return };
        if object["spec"]["suspend"] == true {
            return;
        }
        let fetched = self.fetched();
        let attempted = text(&object, "/status/lastAttemptedRevision") == fetched;
        let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let now = Instant::now();
        let stage = self.stages.remove(name).unwrap_or(Stage::Rests);
        let next = match stage {
            Stage::Applies { until } if now >= until => self.applied(name, &object, &fetched),
            Stage::Applies { until } => Stage::Applies { until },
            // A newer revision is taken up at once.
            _ if !fetched.is_empty() && (!attempted || !seen) => self.begins(name, &fetched),
            Stage::Failed { again } if now >= again => self.begins(name, &fetched),
            Stage::Checks { until, objects } => {
                if app::health(&self.kubernetes, &objects) == "Healthy" {
                    self.ready(name, &objects);
                    Stage::Rests
                } else if now >= until {
                    let message = "health check failed after 5m0s: timeout waiting for its workloads";
                    self.failed(name, "HealthCheckFailed", message)
                } else {
                    Stage::Checks { until, objects }
                }
            }
            other @ (Stage::Rests | Stage::Failed { .. }) => other,
        };
        self.stages.insert(name.to_owned(), next);
    }

    fn begins(&self, name: &str, revision: &str) -> Stage {
        self.change(&KUSTOMIZATION, name, |object| {
            let message = format!("Fetching manifests for revision {revision} with a timeout of 5m0s");
            object["status"]["conditions"] = json!([
                condition(object, "Reconciling", "True", "Progressing", &message),
                condition(object, "Ready", "Unknown", "Progressing", "Reconciliation in progress"),
            ]);
            object["status"]["lastAttemptedRevision"] = json!(revision);
            object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
        });
        Stage::Applies { until: Instant::now() + self.speed.seconds(APPLYING) }
    }

    fn applied(&self, name: &str, object: &Value, revision: &str) -> Stage {
        let Some(rendered) = self.rendered(name, object).filter(|_| !self.story.is_unreadable(name)) else {
            return self.failed(name, "BuildFailed", "kustomize build failed: accumulating resources");
        };
        if self.story.is_refused(name, &rendered.version) {
            let message = format!("Deployment/{name}/{name} dry-run failed (Invalid): field is immutable");
            return self.failed(name, "ReconciliationFailed", &message);
        }
        apply(&self.kubernetes, name, &rendered);
        self.change(&KUSTOMIZATION, name, |object| {
            let message = format!("Running health checks for revision {revision} with a timeout of 5m0s");
            object["status"]["conditions"][0]["message"] = json!(message);
            object["status"]["inventory"] =
                json!({"entries": rendered.objects.iter().map(entry).collect::<Vec<_>>()});
        });
        Stage::Checks { until: Instant::now() + self.speed.seconds(TIMEOUT), objects: rendered.objects }
    }

    fn failed(&self, name: &str, reason: &str, message: &str) -> Stage {
        self.change(&KUSTOMIZATION, name, |object| {
            object["status"]["conditions"] = json!([
                condition(object, "Reconciling", "True", "ProgressingWithRetry", message),
                condition(object, "Ready", "False", reason, message),
            ]);
        });
        Stage::Failed { again: Instant::now() + self.speed.seconds(RETRY) }
    }

    fn ready(&self, name: &str, objects: &[Value]) {
        let fetched = self.fetched();
        self.change(&KUSTOMIZATION, name, |object| {
            let revision = match text(object, "/status/lastAttemptedRevision") {
                "" => fetched.clone(),
                attempted => attempted.to_owned(),
            };
            let message = format!("Applied revision: {revision}");
            object["status"] = json!({
                "conditions": [condition(object, "Ready", "True", "ReconciliationSucceeded", &message),
                    condition(object, "Healthy", "True", "Succeeded", "Health check passed in 1.0s")],
                "history": [{"lastReconciled": now(), "lastReconciledStatus": "ReconciliationSucceeded",
                    "metadata": {"revision": revision}, "totalReconciliations": 1}],
                "inventory": {"entries": objects.iter().map(entry).collect::<Vec<_>>()},
                "lastAppliedRevision": revision, "lastAttemptedRevision": revision,
                "observedGeneration": object["metadata"]["generation"],
            });
        });
    }
}
