//! Argo CD's application controller.
//!
//! One task for all Applications. It compares each with the revision of the branch that it last read; reads the branch
//! anew on a push, on a refresh annotation and from time to time; and starts an automated sync where they differ. As in
//! the real one, an operation keeps the revision it was started with through all its retries, and nothing else is
//! started while it is there: a commit that would help is not picked up until the operation ends or is terminated.
//! Races: everything is read from the object in the step that changes it, so what somebody else wrote (an operation, the
//! phase Terminating, a refresh) is never overwritten by an older view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::agenda::Agenda;
use super::application::{self as app, NAMESPACE, REFRESH, text};
use super::operations::apply;
use super::render::{Folder, render};
use super::story::{ControllerState, Story};
use super::{Speed, Surroundings, draw, now, stamp};
use crate::gitea::{Event as ForgeEvent, FileMap, Repository};
use crate::kubernetes::{
    APPLICATION, APPPROJECT, DAEMONSET, DEPLOYMENT, Event as ClusterEvent, Kubernetes, STATEFULSET,
};

/// Seconds of reality from a push until the controller compares.
const REACTION: f64 = 3.0;
/// Seconds of reality that a refresh takes.
const REFRESHING: f64 = 1.0;
/// Seconds of reality that a sync takes.
pub(crate) const SYNCING: f64 = 5.0;
/// Seconds of reality until a terminated operation has ended.
const TERMINATING: f64 = 2.0;
/// Seconds of reality after which the branch is read without being asked.
const POLL: f64 = 180.0;
/// However fast the world: a push is noticed anyway.
const POLL_SHORTEST: Duration = Duration::from_secs(2);
/// Seconds of reality from a change of a workload until the health shows it.
const HEALTH: f64 = 0.5;

/// What is to be done about an Application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// Read the branch and compare.
    Compare(String),
    /// Look at workloads, and at what others wrote.
    Look(String),
    /// The running operation has come to its next step.
    Operate(String),
    /// Show that the controller lives.
    Live,
}

/// What the controller last compared an Application with.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The files that were applied last.
    pub(crate) applied: Option<Folder>,
    pub(crate) objects: Vec<Value>,
    pub(crate) source_type: &'static str,
    /// The revision whose sync was started last: automated sync does not try it again.
    pub(crate) attempted: String,
    /// When the running operation's next step is due.
    pub(crate) step: Option<Instant>,
}

/// The controller.
#[derive(Debug)]
pub(crate) struct ArgoCd {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) repository: Repository,
    repository_url: String,
    pub(crate) speed: Speed,
    pub(crate) story: Arc<Story>,
    chance: u64,
    life_sign: Duration,
    pub(crate) agenda: Agenda<Job>,
    pub(crate) known: BTreeMap<String, Known>,
    /// The files of the revision that was read last: most Applications ask for the same one.
    snapshot: (String, FileMap),
}

impl ArgoCd {
    pub(crate) fn new(
        surroundings: Surroundings,
        repository: Repository,
        repository_url: String,
        life_sign: Duration,
    ) -> Self {
        let Surroundings { kubernetes, speed, story, seed: chance } = surroundings;
        Self {
            kubernetes,
            repository,
            repository_url,
            speed,
            story,
            chance,
            life_sign,
            agenda: Agenda::new(),
            known: BTreeMap::new(),
            snapshot: (String::new(), FileMap::new()),
        }
    }

    /// Applies every Application's files at once, as if they had been synced long ago. Their workloads follow.
    pub(crate) fn build(&mut self) {
        for name in self.names() {
            self.build_one(&name);
        }
    }

    fn build_one(&mut self, name: &str) {
        let Some(object) = self.get(name) else { return };
        let Some((revision, folder)) = self.source(&object) else { return };
        let namespace = text(&object, "/spec/destination/namespace").to_owned();
        let Ok(rendered) = render(name, &namespace, &folder) else { return };
        apply(&self.kubernetes, &namespace, &rendered);
        let result = app::sync_result(&object, &rendered.objects, &revision, None);
        let operation = app::automated_operation(&object, &revision);
        let source_type = rendered.source_type;
        self.known.insert(
            name.to_owned(),
            Known {
                applied: Some(folder),
                objects: rendered.objects,
                source_type,
                attempted: revision.clone(),
                step: None,
            },
        );
        self.change(name, |object| {
            object["status"] = json!({
                "controllerNamespace": NAMESPACE,
                "health": {"lastTransitionTime": now(), "status": "Healthy"},
                "operationState": {"finishedAt": now(), "message": "successfully synced (all tasks run)",
                    "operation": operation, "phase": "Succeeded", "startedAt": now(), "syncResult": result},
                "resourceHealthSource": "appTree", "sourceHydrator": {},
                "sync": {"comparedTo": app::compared_to(object), "revision": revision, "status": "Synced"},
            });
            app::remember(object, &revision, &now());
        });
        self.publish(name, true);
    }

    /// After the workloads of the beginning are there: the health that they have.
    pub(crate) fn publish_all(&self) {
        for name in self.names() {
            self.publish(&name, true);
        }
    }

    fn names(&self) -> Vec<String> {
        let objects = self.kubernetes.list(&APPLICATION, Some(NAMESPACE));
        objects.iter().map(|object| text(object, "/metadata/name").to_owned()).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.kubernetes.get(&APPLICATION, Some(NAMESPACE), name)
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.kubernetes.update(&APPLICATION, Some(NAMESPACE), name, change);
    }

    pub(crate) async fn run(
        mut self,
        mut cluster: Receiver<ClusterEvent>,
        mut forge: Receiver<ForgeEvent>,
        stop: CancellationToken,
    ) {
        self.agenda.wake(Job::Live, Instant::now() + self.life_sign);
        for name in self.names() {
            self.plan_poll(&name);
        }
        loop {
            // While it is dead its work waits, and what it misses it finds by looking at everything.
            while self.story.argocd() != ControllerState::Works {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                event = cluster.recv() => match event {
                    Ok(event) => self.notice(&event),
                    Err(RecvError::Lagged(_)) => self.look_at_all(),
                    Err(RecvError::Closed) => return,
                },
                event = forge.recv() => match event {
                    Ok(event) => self.notice_push(&event),
                    Err(RecvError::Lagged(_)) => self.compare_all(),
                    Err(RecvError::Closed) => return,
                },
                () = self.agenda.sleep() => {}
            }
            loop {
                match cluster.try_recv() {
                    Ok(event) => self.notice(&event),
                    Err(TryRecvError::Lagged(_)) => self.look_at_all(),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            for job in self.agenda.take_due(Instant::now()) {
                self.work(job);
            }
        }
    }

    fn wake(&mut self, job: Job, seconds: f64) {
        self.agenda.wake(job, Instant::now() + self.speed.seconds(seconds));
    }

    fn plan_poll(&mut self, name: &str) {
        let percent = u32::try_from(draw(self.chance, &[name, "poll"]) % 100).unwrap_or_default();
        let wait = self.speed.seconds(POLL * (0.5 + f64::from(percent) / 200.0)).max(POLL_SHORTEST);
        self.agenda.wake(Job::Compare(name.to_owned()), Instant::now() + wait);
    }

    fn look_at_all(&mut self) {
        for name in self.names() {
            self.wake(Job::Look(name), 0.0);
        }
    }

    fn compare_all(&mut self) {
        for (index, name) in self.names().into_iter().enumerate() {
            let place = u32::try_from(index).unwrap_or_default();
            self.wake(Job::Compare(name), REACTION + 0.1 * f64::from(place));
        }
    }

    fn notice_push(&mut self, event: &ForgeEvent) {
        if let ForgeEvent::Push { owner, repo, branch, .. } = event
            && owner == self.repository.owner()
            && repo == self.repository.name()
            && *branch == self.repository.default_branch()
        {
            self.compare_all();
        }
    }

    fn notice(&mut self, event: &ClusterEvent) {
        let object = &event.object;
        if event.kind == APPLICATION {
            let name = text(object, "/metadata/name").to_owned();
            if !self.known.contains_key(&name) || app::is_asked(object) {
                self.wake(Job::Look(name), 0.0);
            }
        } else if [DEPLOYMENT, STATEFULSET, DAEMONSET].contains(&event.kind) {
            // Here an app's objects live in the namespace of its name.
            let name = text(object, "/metadata/namespace").to_owned();
            if self.known.contains_key(&name) {
                self.wake(Job::Look(name), HEALTH);
            }
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Live => {
                for name in self.names() {
                    self.publish(&name, true);
                }
                self.agenda.wake(Job::Live, Instant::now() + self.life_sign);
            }
            Job::Compare(name) => {
                self.compare(&name);
                self.plan_poll(&name);
            }
            Job::Look(name) => self.look(&name),
            Job::Operate(name) => self.operate(&name),
        }
    }

    /// The revision and the files that an Application asks for.
    pub(crate) fn source(&mut self, object: &Value) -> Option<(String, Folder)> {
        if text(object, "/spec/source/repoURL") != self.repository_url {
            return None;
        }
        let target = match text(object, "/spec/source/targetRevision") {
            "" | "HEAD" => self.repository.default_branch(),
            other => other.to_owned(),
        };
        let commit = self.repository.commit_info(&target)?;
        let folder = self.folder(&commit.sha, text(object, "/spec/source/path"))?;
        Some((commit.sha.to_string(), folder))
    }

    pub(crate) fn folder(&mut self, revision: &str, path: &str) -> Option<Folder> {
        let prefix = format!("{path}/");
        let mut folder = Folder::new();
        if self.snapshot.0 != revision {
            self.snapshot = (revision.to_owned(), self.repository.files(revision));
        }
        for (path, entry) in self.snapshot.1.range(prefix.clone()..) {
            let Some(name) = path.strip_prefix(&prefix) else { break };
            folder.insert(name.to_owned(), String::from_utf8(entry.content.clone()).ok()?);
        }
        (!folder.is_empty()).then_some(folder)
    }

    /// Looks at what others wrote, and at the workloads.
    fn look(&mut self, name: &str) {
        let Some(object) = self.get(name) else {
            self.known.remove(name);
            return;
        };
        if !self.known.contains_key(name) {
            self.known.insert(name.to_owned(), Known::default());
            self.wake(Job::Compare(name.to_owned()), REFRESHING);
        }
        let running = self.known.get(name).is_some_and(|known| known.step.is_some());
        if app::phase(&object) == "Terminating" {
            self.plan_step(name, TERMINATING);
        } else if object.get("operation").is_some() && !running {
            self.start(name, &object);
        }
        if object["metadata"]["annotations"][REFRESH].is_string() {
            self.wake(Job::Compare(name.to_owned()), REFRESHING);
        }
        self.publish(name, false);
    }

    pub(crate) fn plan_step(&mut self, name: &str, seconds: f64) {
        let step = Instant::now() + self.speed.seconds(seconds);
        if let Some(known) = self.known.get_mut(name) {
            known.step = Some(known.step.map_or(step, |known| known.min(step)));
        }
        self.agenda.wake(Job::Operate(name.to_owned()), step);
    }

    /// Reads the branch and compares; what differs is synced where that is automated and nothing runs.
    pub(crate) fn compare(&mut self, name: &str) {
        let Some(object) = self.get(name) else { return };
        // A refresh that is asked for from now on is one more refresh.
        let asked = object["metadata"]["annotations"][REFRESH].is_string();
        let Some((revision, folder)) = self.source(&object).filter(|_| !self.story.is_unreadable(name))
        else {
            self.unreadable(name, asked);
            return;
        };
        let namespace = text(&object, "/spec/destination/namespace").to_owned();
        let known = self.known.entry(name.to_owned()).or_default();
        let synced = known.applied.as_ref() == Some(&folder);
        if known.objects.is_empty() || !synced {
            let Ok(rendered) = render(name, &namespace, &folder) else {
                self.unreadable(name, asked);
                return;
            };
            known.objects = rendered.objects;
            known.source_type = rendered.source_type;
        }
        let attempted = known.attempted == revision;
        let start = app::is_automated(&object) && !synced && !attempted && !self.is_denied(&object);
        let operation = app::automated_operation(&object, &revision);
        let status = if synced { "Synced" } else { "OutOfSync" };
        let mut started = false;
        self.change(name, |object| {
            object["status"]["controllerNamespace"] = json!(NAMESPACE);
            object["status"]["sync"] =
                json!({"comparedTo": app::compared_to(object), "revision": revision, "status": status});
            app::set_condition(object, "ComparisonError", None);
            if synced {
                app::set_condition(object, "SyncError", None);
            }
            let idle = object.get("operation").is_none();
            if start && idle {
                object["operation"] = operation;
                started = true;
            }
        });
        self.publish(name, true);
        self.refreshed(name, asked);
        if started && let Some(object) = self.get(name) {
            self.start(name, &object);
        }
    }

    /// Whether its project denies its automated syncs at any time, which is the one kind of window that is known here.
    fn is_denied(&self, object: &Value) -> bool {
        let project = match text(object, "/spec/project") {
            "" => "default",
            project => project,
        };
        let Some(project) = self.kubernetes.get(&APPPROJECT, Some(NAMESPACE), project) else { return false };
        let name = text(object, "/metadata/name");
        let windows = project.pointer("/spec/syncWindows").and_then(Value::as_array);
        windows.into_iter().flatten().any(|window| {
            let names = window["applications"].as_array();
            window["kind"] == "deny"
                && window["schedule"] == "* * * * *"
                && names.into_iter().flatten().any(|one| one == name || one == "*")
        })
    }

    /// Tells whoever asked for it that the refresh is done.
    fn refreshed(&self, name: &str, asked: bool) {
        if asked {
            self.change(name, |object| app::remove(object, "/metadata/annotations", REFRESH));
        }
    }

    fn unreadable(&mut self, name: &str, asked: bool) {
        let message = "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = \
                       Unknown desc = manifests cannot be generated";
        self.change(name, |object| {
            object["status"]["sync"] = json!({"comparedTo": app::compared_to(object), "status": "Unknown"});
            app::set_condition(object, "ComparisonError", Some(message));
        });
        self.publish(name, true);
        self.refreshed(name, asked);
    }

    /// Writes what the controller sees of the workloads; with `sign`, also that it has looked if nothing changed.
    fn publish(&self, name: &str, sign: bool) {
        let Some(known) = self.known.get(name) else { return };
        let health = app::health(&self.kubernetes, &known.objects);
        let images: BTreeSet<String> = known.objects.iter().flat_map(app::images).collect();
        self.change(name, |object| {
            let synced = text(object, "/status/sync/status") == "Synced";
            let sign = sign || text(object, "/status/health/status") != health;
            app::set_health(object, health);
            object["status"]["resources"] = app::resources(&known.objects, synced);
            object["status"]["summary"] = json!({"images": images});
            object["status"]["sourceType"] = json!(known.source_type);
            if sign {
                object["status"]["reconciledAt"] = json!(stamp(Timestamp::now()));
            }
        });
    }
}
