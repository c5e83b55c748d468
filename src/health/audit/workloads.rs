//! Workloads by what their manifests say.

use super::{AuditRule, found};
use crate::cluster::ObjectRef;
use crate::health::Finding;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{Container, Node, PodSpec, PodTemplateSpec, Volume};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::collections::BTreeMap;

/// From so many seconds of waiting on a liveness probe stands for a startup probe.
const LONG_START: i32 = 30;

/// What workloads are compared with; `None` where it could not be read.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// For each node whether it takes pods.
    pub(super) nodes: Option<Vec<bool>>,
    /// Which pods of which namespace the budgets are about.
    pub(super) budgets: Option<Vec<(String, LabelSelector)>>,
}

/// Whether a node takes pods that tolerate nothing.
pub(super) fn take_node(nodes: &mut Vec<bool>, node: Node) {
    let spec = node.spec.unwrap_or_default();
    let taints = spec.taints.unwrap_or_default();
    let refuses = taints.iter().any(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"));
    nodes.push(!refuses && spec.unschedulable != Some(true));
}

/// Which pods a budget is about. One without a selector is about none.
pub(super) fn take_budget(budgets: &mut Vec<(String, LabelSelector)>, budget: PodDisruptionBudget) {
    if let Some(selector) = budget.spec.and_then(|spec| spec.selector) {
        budgets.push((budget.metadata.namespace.unwrap_or_default(), selector));
    }
}

impl Around {
    fn nodes(&self) -> Option<usize> {
        self.nodes.as_ref().map(Vec::len)
    }

    fn nodes_that_take_pods(&self) -> Option<usize> {
        self.nodes.as_ref().map(|nodes| nodes.iter().filter(|takes| **takes).count())
    }

    /// Whether a budget is about pods with these labels. `None`: that cannot be told.
    fn has_budget(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Option<bool> {
        let budgets = self.budgets.as_ref()?;
        let mut answers = budgets.iter().filter(|(of, _)| of == namespace);
        let unclear = answers.clone().any(|(_, selector)| selects(selector, labels).is_none());
        let any = answers.any(|(_, selector)| selects(selector, labels) == Some(true));
        if unclear && !any { None } else { Some(any) }
    }
}

/// Whether a selector selects these labels; an empty one selects everything. `None`: it says something that we do not know.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> Option<bool> {
    let exact = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let mut all = exact;
    for wanted in selector.match_expressions.iter().flatten() {
        let value = labels.get(&wanted.key);
        let among = value.is_some_and(|value| wanted.values.iter().flatten().any(|one| one == value));
        all &= match wanted.operator.as_str() {
            "In" => among,
            "NotIn" => !among,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => return None,
        };
    }
    Some(all)
}

/// What kind of workload it is, with what matters of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deployment { replicas: i32 },
    StatefulSet { replicas: i32, claims: bool },
    DaemonSet,
    CronJob { retried: bool },
}

/// A workload as its manifest describes it.
#[derive(Debug)]
pub(super) struct Workload {
    object: ObjectRef,
    kind: Kind,
    /// The labels of its pods.
    labels: BTreeMap<String, String>,
    pod: PodSpec,
}

fn object(kind: &str, metadata: &ObjectMeta) -> ObjectRef {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectRef::new(kind, &text(&metadata.namespace), &text(&metadata.name))
}

impl Workload {
    fn new(object: ObjectRef, kind: Kind, template: PodTemplateSpec) -> Self {
        let labels = template.metadata.and_then(|metadata| metadata.labels).unwrap_or_default();
        Self { object, kind, labels, pod: template.spec.unwrap_or_default() }
    }
}

impl From<Deployment> for Workload {
    fn from(one: Deployment) -> Self {
        let spec = one.spec.unwrap_or_default();
        let kind = Kind::Deployment { replicas: spec.replicas.unwrap_or(1) };
        Self::new(object("Deployment", &one.metadata), kind, spec.template)
    }
}

impl From<StatefulSet> for Workload {
    fn from(one: StatefulSet) -> Self {
        let spec = one.spec.unwrap_or_default();
        let claims = spec.volume_claim_templates.is_some_and(|claims| !claims.is_empty());
        let kind = Kind::StatefulSet { replicas: spec.replicas.unwrap_or(1), claims };
        Self::new(object("StatefulSet", &one.metadata), kind, spec.template)
    }
}

impl From<DaemonSet> for Workload {
    fn from(one: DaemonSet) -> Self {
        let spec = one.spec.unwrap_or_default();
        Self::new(object("DaemonSet", &one.metadata), Kind::DaemonSet, spec.template)
    }
}

impl From<CronJob> for Workload {
    fn from(one: CronJob) -> Self {
        let job = one.spec.unwrap_or_default().job_template.spec.unwrap_or_default();
        let never = job.template.spec.as_ref().and_then(|pod| pod.restart_policy.as_deref()) == Some("Never");
        let kind = Kind::CronJob { retried: !(never && job.backoff_limit == Some(0)) };
        Self::new(object("CronJob", &one.metadata), kind, job.template)
    }
}

/// What was judged so far.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// How many workloads.
    pub(super) seen: usize,
    /// What was found.
    pub(super) findings: Vec<Finding>,
}

impl Judged {
    /// Judges one more. What is scaled to nothing is judged as well: it is there to be scaled up.
    pub(super) fn take(&mut self, workload: Workload, around: &Around) {
        self.seen += 1;
        let Workload { object, kind, labels, pod } = workload;
        let mut say = |rule, what: &str, evidence: String| {
            self.findings.push(found(rule, object.clone(), what, evidence));
        };
        if !matches!(kind, Kind::CronJob { .. }) {
            probes(&pod, &mut say);
        }
        resources(&pod, &mut say);
        images(&pod, &mut say);
        match kind {
            Kind::CronJob { retried: false } => say(
                AuditRule::NotRetried,
                "is not tried again when a run fails",
                "backoffLimit = 0, restartPolicy = Never".to_owned(),
            ),
            Kind::Deployment { replicas } | Kind::StatefulSet { replicas, .. } if replicas > 1 => {
                let has_budget = around.has_budget(&object.namespace, &labels);
                several(&pod, replicas, has_budget, around, &mut say);
            }
            Kind::Deployment { .. } | Kind::StatefulSet { .. } | Kind::DaemonSet | Kind::CronJob { .. } => {}
        }
        if matches!(kind, Kind::StatefulSet { claims: false, .. })
            && !pod.volumes.iter().flatten().any(outlives_its_pod)
        {
            let evidence = "neither volumeClaimTemplates nor such a volume".to_owned();
            say(AuditRule::NoClaim, "keeps nothing when its pod goes", evidence);
        }
    }

    /// Judges one autoscaler.
    pub(super) fn take_autoscaler(&mut self, one: &HorizontalPodAutoscaler, around: &Around) {
        if around.nodes() == Some(1) {
            let object = object("HorizontalPodAutoscaler", &one.metadata);
            let most = one.spec.as_ref().map_or(0, |spec| spec.max_replicas);
            let evidence = format!("maxReplicas = {most}, 1 node");
            let what = "makes more pods where no more node is";
            self.findings.push(found(AuditRule::ScalesOnOneNode, object, what, evidence));
        }
    }
}

type Say<'a> = dyn FnMut(AuditRule, &str, String) + 'a;

fn probes(pod: &PodSpec, say: &mut Say<'_>) {
    let containers = &pod.containers;
    if containers.is_empty() {
        return;
    }
    if containers.iter().all(|one| one.readiness_probe.is_none()) {
        let what = "does not say when it can serve: it gets requests, and counts as rolled out, before that";
        say(AuditRule::NoReadinessProbe, what, without("readinessProbe", containers));
    }
    if containers.iter().all(|one| one.liveness_probe.is_none()) {
        let what = "is not started again when it hangs";
        say(AuditRule::NoLivenessProbe, what, without("livenessProbe", containers));
    }
    let waits = |one: &&Container| {
        let delay = one.liveness_probe.as_ref().and_then(|probe| probe.initial_delay_seconds);
        one.startup_probe.is_none() && delay.is_some_and(|delay| delay >= LONG_START)
    };
    let waiting = names(containers.iter().filter(waits));
    if !waiting.is_empty() {
        let what = "is not watched while it may be starting, and ended when it takes longer";
        let evidence = format!("livenessProbe.initialDelaySeconds >= {LONG_START} of {waiting}");
        say(AuditRule::NoStartupProbe, what, evidence);
    }
}

fn without(field: &str, containers: &[Container]) -> String {
    format!("no {field} of {}", names(containers.iter()))
}

/// The names of containers, in their order.
fn names<'a>(containers: impl Iterator<Item = &'a Container>) -> String {
    let names: Vec<&str> = containers.map(|one| one.name.as_str()).collect();
    names.join(", ")
}

fn all_containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.init_containers.iter().flatten().chain(&pod.containers)
}

fn resources(pod: &PodSpec, say: &mut Say<'_>) {
    let limits = |one: &Container, what: &str| {
        let limits = one.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        limits.is_some_and(|limits| limits.contains_key(what))
    };
    // The server takes a limit for a request where there is none.
    let requests = |one: &Container, what: &str| {
        let requests = one.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        limits(one, what) || requests.is_some_and(|requests| requests.contains_key(what))
    };
    let mut lacking = Vec::new();
    for what in ["cpu", "memory"] {
        let names = names(all_containers(pod).filter(|one| !requests(one, what)));
        if !names.is_empty() {
            lacking.push(format!("no {what} of {names}"));
        }
    }
    if !lacking.is_empty() {
        let what = "is placed without regard to what it needs";
        say(AuditRule::NoRequests, what, format!("resources.requests: {}", lacking.join("; ")));
    }
    let boundless = names(all_containers(pod).filter(|one| !limits(one, "memory")));
    if !boundless.is_empty() {
        let what = "may take all memory of its node";
        say(AuditRule::NoMemoryLimit, what, format!("resources.limits: no memory of {boundless}"));
    }
}

/// Whether the name of an image means another one tomorrow.
fn moves(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn images(pod: &PodSpec, say: &mut Say<'_>) {
    let image = |one: &Container| one.image.clone().unwrap_or_default();
    let moving: Vec<String> =
        all_containers(pod).map(image).filter(|image| !image.is_empty() && moves(image)).collect();
    if !moving.is_empty() {
        let what = "may run another image after its next start, and nothing in Git says which";
        say(AuditRule::MovingImage, what, format!("image = {}", moving.join(", ")));
    }
    let always = |one: &&Container| one.image_pull_policy.as_deref() == Some("Always") && !moves(&image(one));
    let pulling = names(all_containers(pod).filter(always));
    if !pulling.is_empty() {
        let what = "cannot start without its registry, although the image is there";
        say(AuditRule::PullsAlways, what, format!("imagePullPolicy = Always of {pulling}"));
    }
}

/// Of several pods of one workload.
fn several(pod: &PodSpec, replicas: i32, has_budget: Option<bool>, around: &Around, say: &mut Say<'_>) {
    if has_budget == Some(false) {
        let what = "may lose all of its pods at once when nodes are drained";
        say(AuditRule::NoBudget, what, format!("{replicas} replicas, no PodDisruptionBudget selects them"));
    }
    if around.nodes() == Some(1) {
        let what = "has several pods that all end with the only node";
        say(AuditRule::ReplicasOnOneNode, what, format!("{replicas} replicas, 1 node"));
        return;
    }
    let apart = pod.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let spreads = pod.topology_spread_constraints.as_ref().is_some_and(|all| !all.is_empty());
    if around.nodes().is_some_and(|nodes| nodes > 1) && apart.is_none() && !spreads {
        let what = "may have all of its pods on one node";
        let evidence = format!("{replicas} replicas, neither topologySpreadConstraints nor podAntiAffinity");
        say(AuditRule::NotSpread, what, evidence);
    }
    let required = apart
        .and_then(|apart| apart.required_during_scheduling_ignored_during_execution.as_ref())
        .is_some_and(|terms| terms.iter().any(|term| term.topology_key == "kubernetes.io/hostname"));
    let nodes = around.nodes_that_take_pods();
    if required && nodes.is_some_and(|nodes| usize::try_from(replicas).is_ok_and(|pods| pods > nodes)) {
        let what = "wants more pods than there are nodes, each on a node of its own";
        let evidence = format!("{replicas} replicas, {} nodes that take pods", nodes.unwrap_or_default());
        say(AuditRule::CannotSpread, what, evidence);
    }
}

/// Whether what lies on a volume is there for the next pod.
fn outlives_its_pod(volume: &Volume) -> bool {
    volume.persistent_volume_claim.is_some()
        || volume.host_path.is_some()
        || volume.nfs.is_some()
        || volume.iscsi.is_some()
        || volume.cephfs.is_some()
        || volume.rbd.is_some()
}
