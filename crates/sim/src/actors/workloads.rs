//! The controllers of Deployments, `StatefulSets` and `DaemonSets`, with the kubelets' part in starting pods.
//!
//! One task owns them all. It is told which workload changed, and brings that workload one step nearer to its spec; what
//! takes time (an image being fetched, a container getting ready) is a note in the agenda. Races: a spec that changes in
//! the middle of a rollout is simply the next goal; a pod that somebody deletes is missed and made again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::agenda::Agenda;
use super::apps::Controller;
use super::pods::{self, NewPod, Stage};
use super::story::Story;
use super::{Speed, Surroundings, draw, now, suffix};
use crate::kubernetes::{Change, DAEMONSET, DEPLOYMENT, Event, Kind, Kubernetes, NODE, POD, STATEFULSET};

/// Seconds of reality until the image of a new pod is there.
const FETCH: f64 = 4.0;
/// Seconds of reality from then until the container is ready, or has crashed.
const START: f64 = 8.0;
/// Seconds of reality that a pod takes to end.
const END: f64 = 4.0;
/// Seconds of reality before a crashed container is started again; doubled each time, up to five minutes.
const BACK_OFF: f64 = 10.0;

impl Controller {
    /// The kind of its objects.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Deployment => DEPLOYMENT,
            Self::StatefulSet => STATEFULSET,
            Self::DaemonSet => DAEMONSET,
        }
    }
}

/// Which workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) kind: &'static str,
    pub(crate) name: String,
}

impl Key {
    fn of(object: &Value) -> Option<Self> {
        let controller = Controller::parse(object["kind"].as_str()?)?;
        Some(Self::new(
            object["metadata"]["namespace"].as_str()?,
            controller,
            object["metadata"]["name"].as_str()?,
        ))
    }

    fn new(namespace: &str, controller: Controller, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), kind: controller.as_str(), name: name.to_owned() }
    }

    /// The workload that a pod belongs to.
    fn of_pod(pod: &Value) -> Option<Self> {
        let namespace = pod["metadata"]["namespace"].as_str()?;
        let owner = pod.pointer("/metadata/ownerReferences/0")?;
        let name = owner["name"].as_str()?;
        match owner["kind"].as_str()? {
            "ReplicaSet" => Some(Self::new(namespace, Controller::Deployment, name.rsplit_once('-')?.0)),
            kind => Some(Self::new(namespace, Controller::parse(kind)?, name)),
        }
    }
}

/// What the kubelet is doing with a pod that is not at rest.
#[derive(Clone, Copy, Debug)]
struct Life {
    stage: Stage,
    next: Instant,
}

/// The progress of a Deployment's rollout.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) state: (String, i64, i64, i64),
    pub(crate) since: Instant,
}

/// The controllers and kubelets.
#[derive(Debug)]
pub(crate) struct Workloads {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) speed: Speed,
    story: Arc<Story>,
    chance: u64,
    agenda: Agenda<Key>,
    lives: BTreeMap<(String, String), Life>,
    ending: BTreeMap<(String, String), Instant>,
    pub(crate) progress: BTreeMap<Key, Progress>,
    made: u64,
    /// While the world is being built, pods are ready as soon as they exist.
    building: bool,
}

impl Workloads {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        let Surroundings { kubernetes, speed, story, seed: chance } = surroundings;
        Self {
            kubernetes,
            speed,
            story,
            chance,
            agenda: Agenda::new(),
            lives: BTreeMap::new(),
            ending: BTreeMap::new(),
            progress: BTreeMap::new(),
            made: 0,
            building: false,
        }
    }

    /// Brings every workload that exists to its goal at once, as it is when a story begins.
    pub(crate) fn build(&mut self) {
        self.building = true;
        for controller in [Controller::Deployment, Controller::StatefulSet, Controller::DaemonSet] {
            for object in self.kubernetes.list(&controller.kind(), None) {
                if let Some(key) = Key::of(&object) {
                    self.settle(&key);
                }
            }
        }
        self.building = false;
    }

    /// Each step makes at most one pod, so many steps are needed; a workload at its goal does not change any more.
    fn settle(&mut self, key: &Key) {
        for _ in 0..1000 {
            let pods = self.kubernetes.list(&POD, Some(&key.namespace)).len();
            self.reconcile(key);
            if self.kubernetes.list(&POD, Some(&key.namespace)).len() == pods {
                return;
            }
        }
    }

    pub(crate) async fn run(mut self, mut events: Receiver<Event>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = events.recv() => match event {
                    Ok(event) => self.notice(&event),
                    Err(RecvError::Lagged(_)) => self.notice_all(),
                    Err(RecvError::Closed) => return,
                },
                () = self.agenda.sleep() => {}
            }
            loop {
                match events.try_recv() {
                    Ok(event) => self.notice(&event),
                    Err(TryRecvError::Lagged(_)) => self.notice_all(),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            for key in self.agenda.take_due(Instant::now()) {
                self.reconcile(&key);
            }
        }
    }

    fn notice(&mut self, event: &Event) {
        let object = &event.object;
        let key = if event.kind == POD {
            if event.change == Change::Added {
                return;
            }
            Key::of_pod(object)
        } else if [DEPLOYMENT, STATEFULSET, DAEMONSET].contains(&event.kind) {
            let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            if seen && event.change == Change::Modified {
                return;
            }
            Key::of(object)
        } else {
            None
        };
        if let Some(key) = key {
            self.agenda.wake(key, Instant::now());
        }
    }

    fn notice_all(&mut self) {
        for controller in [Controller::Deployment, Controller::StatefulSet, Controller::DaemonSet] {
            for object in self.kubernetes.list(&controller.kind(), None) {
                if let Some(key) = Key::of(&object) {
                    self.agenda.wake(key, Instant::now());
                }
            }
        }
    }

    fn reconcile(&mut self, key: &Key) {
        let Some(controller) = Controller::parse(key.kind) else { return };
        let Some(object) = self.kubernetes.get(&controller.kind(), Some(&key.namespace), &key.name) else {
            self.collect(key);
            return;
        };
        let pods = self.pods_of(key);
        for pod in &pods {
            self.live(key, pod);
        }
        // The pods may have moved on.
        let pods = self.pods_of(key);
        match controller {
            Controller::Deployment => self.deployment(key, &object, &pods),
            Controller::StatefulSet => self.stateful_set(key, &object, &pods),
            Controller::DaemonSet => self.daemon_set(key, &object, &pods),
        }
    }

    fn pods_of(&self, key: &Key) -> Vec<Arc<Value>> {
        let mut pods = self.kubernetes.list(&POD, Some(&key.namespace));
        pods.retain(|pod| Key::of_pod(pod).as_ref() == Some(key));
        pods
    }

    /// The workload is gone: so are its pods.
    fn collect(&mut self, key: &Key) {
        for pod in self.pods_of(key) {
            self.kubernetes.delete(&POD, Some(&key.namespace), name_of(&pod));
        }
        self.progress.remove(key);
    }

    /// Wakes the workload after so many seconds of reality.
    pub(crate) fn wake_after(&mut self, key: &Key, seconds: f64) {
        self.agenda.wake(key.clone(), Instant::now() + self.speed.seconds(seconds));
    }

    pub(crate) fn wake_at(&mut self, key: &Key, at: Instant) {
        self.agenda.wake(key.clone(), at);
    }

    /// Moves one pod on, when its time has come.
    fn live(&mut self, key: &Key, pod: &Value) {
        let id = (key.namespace.clone(), name_of(pod).to_owned());
        let now = Instant::now();
        if pods::is_terminating(pod) {
            let gone = *self.ending.entry(id.clone()).or_insert_with(|| now + self.speed.seconds(END));
            if gone <= now {
                self.ending.remove(&id);
                self.lives.remove(&id);
                self.kubernetes.delete(&POD, Some(&key.namespace), &id.1);
            } else {
                self.agenda.wake(key.clone(), gone);
            }
            return;
        }
        let Some(life) = self.lives.get(&id).copied() else { return };
        if life.next > now {
            self.agenda.wake(key.clone(), life.next);
            return;
        }
        let bad = self.story.is_bad(&key.namespace, pods::image_version(pod));
        let (stage, wait) = match life.stage {
            Stage::Creating => (Stage::Starting, Some(self.jittered(START, &id.1))),
            Stage::Starting if bad => (Stage::Crashing { restarts: 1 }, Some(self.speed.seconds(BACK_OFF))),
            Stage::Crashing { restarts } if bad => {
                let factor = f64::from(1_u32 << restarts.min(5));
                let wait = self.speed.seconds((BACK_OFF * factor).min(300.0));
                (Stage::Crashing { restarts: restarts + 1 }, Some(wait))
            }
            Stage::Starting | Stage::Crashing { .. } | Stage::Ready => (Stage::Ready, None),
        };
        self.kubernetes.update(&POD, Some(&key.namespace), &id.1, |pod| pods::set_stage(pod, stage));
        match wait {
            Some(wait) => {
                let next = now + wait.max(Duration::from_millis(1));
                self.agenda.wake(key.clone(), next);
                self.lives.insert(id, Life { stage, next });
            }
            None => {
                self.lives.remove(&id);
            }
        }
    }

    /// A delay that differs from pod to pod, the same in every run with one seed.
    fn jittered(&self, seconds: f64, pod: &str) -> Duration {
        let percent = u32::try_from(draw(self.chance, &[pod]) % 50).unwrap_or_default();
        self.speed.seconds(seconds * (1.0 + f64::from(percent) / 100.0))
    }

    /// Makes a pod of `owner`.
    pub(crate) fn make_pod(
        &mut self,
        key: &Key,
        owner: &Value,
        template: &Value,
        name: PodName<'_>,
        labels: &[(&str, &str)],
    ) {
        self.made += 1;
        let random = |prefix: &str| {
            let number = draw(self.chance, &[&key.namespace, prefix, &self.made.to_string()]);
            format!("{prefix}-{}", suffix(number, 5))
        };
        let (name, node) = match name {
            PodName::Whole(name) => (name.to_owned(), self.choose_node(name)),
            PodName::Prefix(prefix) => {
                let name = random(prefix);
                let node = self.choose_node(&name);
                (name, node)
            }
            PodName::OnNode { prefix, node } => (random(prefix), node.to_owned()),
        };
        let owner_kind = owner["kind"].as_str().unwrap_or_default();
        let stage = if self.building { Stage::Ready } else { Stage::Creating };
        let pod = NewPod {
            namespace: &key.namespace,
            name: &name,
            owner_kind,
            owner,
            node: &node,
            template,
            labels,
        };
        self.kubernetes.apply(pod.object(stage));
        if !self.building {
            let next = Instant::now() + self.jittered(FETCH, &name);
            self.agenda.wake(key.clone(), next);
            self.lives.insert((key.namespace.clone(), name), Life { stage, next });
        }
    }

    /// A node that takes pods.
    fn choose_node(&self, pod: &str) -> String {
        let nodes = self.kubernetes.list(&NODE, None);
        let fit: Vec<&str> = nodes
            .iter()
            .filter(|node| node["spec"]["unschedulable"] != true && pods::is_ready(node))
            .map(|node| name_of(node))
            .collect();
        let count = fit.len().max(1) as u64;
        let index = usize::try_from(draw(self.chance, &[pod, "node"]) % count).unwrap_or_default();
        fit.get(index).copied().unwrap_or_default().to_owned()
    }

    /// Asks a pod to end.
    pub(crate) fn end_pod(&mut self, key: &Key, pod: &Value) {
        if !pods::is_terminating(pod) {
            self.kubernetes.update(&POD, Some(&key.namespace), name_of(pod), |pod| {
                pod["metadata"]["deletionTimestamp"] = json!(now());
                pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
            });
        }
        self.wake_after(key, 0.0);
    }
}

/// How a new pod is called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PodName<'a> {
    /// With this name.
    Whole(&'a str),
    /// With a random part after this.
    Prefix(&'a str),
    /// The same, on one node and no other.
    OnNode {
        /// What the name begins with.
        prefix: &'a str,
        /// The node.
        node: &'a str,
    },
}

/// The name of an object.
pub(crate) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
