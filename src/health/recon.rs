//! One full pass of all probes.
//!
//! Everything is read at once and each reading has its own time limit, so that one API that hangs costs no more than its
//! own verdict. A pass counts from its beginning: nothing in it is older, but for what a watch has told where that is
//! fresh enough ([`Freshness`]).

use super::After;
use super::apps;
use super::own;
use super::platform::{self, Around};
use super::probes::{
    Muted, NodesReading, PodsReading, ToolsReading, is_a_reporter, judge_applications, judge_capacity,
    judge_ceph, judge_ceph_tools, judge_certificates, judge_nodes, judge_pods, judge_usage, nodes_in_work,
    read_mounts, unread, unused, waiting_for_volumes, with_more, with_suspended,
};
use super::{Figure, Figures, Finding, Inventory, Made, Probe, ProbeResult, Recon, Settings};
use super::{audit, causes, inventory, outside, storage};
use crate::cluster::{
    self, Application, CephCluster, Cluster, ClusterError, ClusterResult, Freshness, Installed, Node,
    NodeStats, ObjectRef, Workload,
};
use futures::StreamExt as _;
use futures::future::join_all;
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a pass needs to know besides the cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// `[health]`.
    pub(crate) settings: &'a Settings,
    /// `[cluster]`.
    pub(crate) cluster: &'a cluster::Settings,
    /// How long what is starting is forgiven.
    pub(crate) grace: Duration,
    /// How sure it must be that nothing has changed meanwhile.
    pub(crate) freshness: Freshness,
    /// Whether the audit is asked for as well.
    pub(crate) audit: bool,
    /// The change in flight, where its rollout has ended.
    pub(crate) after: Option<After<'a>>,
}

/// Runs every probe once. `now` is the moment of the call.
pub(crate) async fn recon(cluster: &dyn Cluster, surroundings: &Surroundings<'_>, now: Timestamp) -> Recon {
    let settings = surroundings.settings;
    let limit = settings.probe_timeout();
    let (
        (nodes, capacity),
        pods,
        workloads,
        applications,
        (ceph, tools),
        certificates,
        usage,
        own_checks,
        outside,
        storage,
        platform,
        apps,
        audited,
        server,
    ) = tokio::join!(
        nodes_and_their_capacity(cluster, surroundings, now),
        within(limit, "pods", cluster.pods(settings.recent_end(), surroundings.freshness)),
        within(limit, "workloads", cluster.open_workloads(is_a_reporter, surroundings.freshness)),
        switched(settings.argocd, limit, "applications", cluster.applications(surroundings.freshness)),
        read_ceph(cluster, surroundings),
        switched(settings.certificates, limit, "certificates", cluster.certificates(surroundings.freshness)),
        switched(settings.usage, limit, "usage", cluster.node_usage(surroundings.freshness)),
        join_all(settings.checks.iter().map(|check| own::look(cluster, check, limit, now))),
        // Each holds the readings of many kinds: too large a thing to lie in everything that waits for a pass.
        Box::pin(outside::read(settings)),
        Box::pin(storage::read(cluster, surroundings)),
        Box::pin(platform::read(cluster, surroundings)),
        Box::pin(apps::read(cluster, surroundings)),
        Box::pin(audited(cluster, surroundings, now)),
        within(limit, "the version of the API server", cluster.server()),
    );
    let (server, clocks) = match server {
        Ok(server) => (Ok(server.version), server.clocks),
        Err(error) => (Err(error), None),
    };
    let waiting = pods.as_ref().map(|pods| pods.with(|pods| waiting_for_volumes(pods, now)));
    let mounts = read_mounts(cluster, limit, &waiting.unwrap_or_default()).await;
    let mut probes = Vec::new();
    let mut figures = nothing_read();
    let mut restarted = Vec::new();
    let mut replaced = HashMap::new();

    let of_nodes = match &nodes {
        Ok(nodes) => {
            let ready = nodes.iter().filter(|node| super::probes::is_node_ready(node)).count();
            figures.nodes_ready = Figure::Read((ready, nodes.len()));
            let workloads = workloads.as_deref().unwrap_or_default();
            let reading = NodesReading { nodes, server: &server, clocks, workloads, jobs: apps.jobs() };
            judge_nodes(&reading, now, settings)
        }
        Err(error) => failed(Probe::Nodes, error, &mut figures.nodes_ready),
    };
    let in_work = nodes_in_work(&of_nodes);
    probes.push(of_nodes);
    match (&pods, &workloads, &nodes) {
        (Ok(pods), Ok(workloads), Ok(nodes)) => {
            let judged = pods.with(|pods| {
                let reading = PodsReading { pods, workloads, nodes, in_work: &in_work, mounts: &mounts };
                judge_pods(&reading, now, surroundings.grace, settings)
            });
            figures.pods = Figure::Read(judged.counts);
            (restarted, replaced) = (judged.restarted, judged.replaced);
            probes.extend([judged.kube_system, judged.others]);
        }
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            probes.push(unread(Probe::KubeSystem, &error.to_string()));
            probes.push(failed(Probe::Pods, error, &mut figures.pods));
        }
    }
    let open = workloads.as_deref().unwrap_or_default();
    let of_ceph = judge_ceph_reading(&ceph, (open, tools.muted.as_ref()), now, settings, &mut figures);
    probes.push(match (&ceph, &surroundings.after) {
        (Ok(Some(Installed::Yes(clusters))), Some(after)) => {
            with_more(of_ceph, after.ceph(clusters, settings))
        }
        _ => of_ceph,
    });
    if matches!(tools.usage, Figure::Read(_)) {
        figures.ceph_usage = tools.usage;
    }
    figures.osds = tools.osds;
    figures.placement_groups = tools.placement_groups;
    probes.push(tools.result);
    probes.push(match (&applications, &workloads) {
        (Err(error), _) => failed(Probe::ArgoCd, error, &mut figures.applications),
        (Ok(None), _) => not_used(Probe::ArgoCd, SWITCHED_OFF, &mut figures.applications),
        (Ok(Some(Installed::No)), _) => not_used(Probe::ArgoCd, NOT_INSTALLED, &mut figures.applications),
        (Ok(Some(Installed::Yes(applications))), workloads) => {
            figures.inventory.applications = Figure::Read(inventory::applications(applications));
            let good = applications.iter().filter(|one| super::probes::is_application_good(one)).count();
            figures.applications = Figure::Read((good, applications.len()));
            match workloads {
                Ok(workloads) => {
                    let namespace = &surroundings.cluster.argocd_namespace;
                    let judged = judge_applications(
                        applications,
                        workloads,
                        namespace,
                        now,
                        surroundings.grace,
                        settings,
                    );
                    let older = surroundings.after.map(|after| after.applications(applications, settings));
                    let judged = with_more(judged, older.unwrap_or_default());
                    let judged = with_suspended(judged, applications, apps.cron_jobs());
                    platform.with_sets(judged, workloads, now, surroundings.grace)
                }
                Err(error) => unread(Probe::ArgoCd, &format!("the controller's workload: {error}")),
            }
        }
    });
    probes.push(match &certificates {
        Err(error) => failed(Probe::Certificates, error, &mut figures.certificates),
        Ok(None) => not_used(Probe::Certificates, SWITCHED_OFF, &mut figures.certificates),
        Ok(Some(Installed::No)) => not_used(Probe::Certificates, NOT_INSTALLED, &mut figures.certificates),
        Ok(Some(Installed::Yes(certificates))) => {
            let ready = certificates.iter().filter(|one| super::probes::is_certificate_ready(one)).count();
            figures.certificates = Figure::Read((ready, certificates.len()));
            figures.inventory.certificates = Figure::Read(inventory::certificates(certificates));
            match &workloads {
                Ok(workloads) => judge_certificates(certificates, workloads, now, surroundings.grace),
                Err(error) => unread(Probe::Certificates, &format!("the controller's workload: {error}")),
            }
        }
    });
    if let Figure::NotRead(why) = &figures.certificates {
        figures.inventory.certificates = Figure::NotRead(why.clone());
    }
    if let Figure::NotRead(why) = &figures.applications {
        figures.inventory.applications = Figure::NotRead(why.clone());
    }
    figures.inventory.releases = platform.charts();
    figures.inventory.databases = platform.backups();
    figures.inventory.copies = storage.copies();
    probes.push(match &usage {
        Err(error) => failed(Probe::Usage, error, &mut figures.node_usage),
        Ok(None) => not_used(Probe::Usage, SWITCHED_OFF, &mut figures.node_usage),
        Ok(Some(Installed::No)) => not_used(Probe::Usage, NOT_INSTALLED, &mut figures.node_usage),
        Ok(Some(Installed::Yes(usage))) => {
            let each = usage.iter().map(|node| (node.name.clone(), node.cpu_millis, node.memory_bytes));
            figures.node_usage = Figure::Read(each.collect());
            let older = surroundings.after.map(|after| after.usage(usage, now, settings));
            with_more(
                judge_usage(usage, nodes.as_deref().unwrap_or_default(), now, settings),
                older.unwrap_or_default(),
            )
        }
    });
    probes.extend(own_checks);
    probes.extend(match &pods {
        Ok(pods) => pods.with(|pods| outside.judge(Some(pods))),
        Err(_) => outside.judge(None),
    });
    let stored = match &pods {
        Ok(pods) => pods.with(|pods| storage.judge(Ok(pods.kept()), open, surroundings, now)),
        Err(error) => storage.judge(Err(error), open, surroundings, now),
    };
    // The first is of volumes, and this is before anything of it is accepted.
    figures.inventory.orphans = storage.orphans(&stored[0]);
    probes.extend(stored);
    probes.extend(match &pods {
        Ok(pods) => pods.with(|pods| apps.judge(&Ok(pods.kept()), open, surroundings, now)),
        Err(error) => apps.judge(&Err(error), open, surroundings, now),
    });
    probes
        .extend(platform.judge(&Around { workloads: &workloads, now, grace: surroundings.grace }, settings));
    probes.push(capacity);
    probes.extend(audited);
    for probe in &mut probes {
        acknowledge(probe, now, settings);
    }
    let behind = storage.behind_claims();
    for finding in probes.iter_mut().flat_map(|probe| &mut probe.findings) {
        finding.grounds.reach(&behind);
    }
    // What a person accepts is no cause: what follows from it speaks for itself.
    causes::fold(&mut probes);
    let services = match (&pods, &workloads) {
        (Ok(pods), Ok(workloads)) => pods.with(|pods| apps.services_seen(pods, workloads)),
        (Err(_), _) | (_, Err(_)) => None,
    };
    let made_of = made_of(&workloads, &applications, &replaced);
    Recon { began_at: now, probes, figures, restarted, made_of, services, files_read: false }
}

/// What is not well is made of: whoever looks again sees whether somebody changed it.
fn made_of(
    workloads: &ClusterResult<Vec<Workload>>,
    applications: &ClusterResult<Option<Installed<Vec<Application>>>>,
    replaced: &HashMap<ObjectRef, Timestamp>,
) -> Vec<Made> {
    let open = workloads.iter().flatten().filter(|workload| !workload.is_complete());
    let applications = match applications {
        Ok(Some(Installed::Yes(applications))) => applications.as_slice(),
        Ok(Some(Installed::No) | None) | Err(_) => &[],
    };
    let unwell = applications.iter().filter(|one| !super::probes::is_application_good(one));
    let made = |workload: &Workload| Made::workload(workload, replaced.get(&workload.object).copied());
    open.map(made).chain(unwell.map(Made::application)).collect()
}

/// The audit, where it is asked for or one of its rules blocks.
async fn audited(
    cluster: &dyn Cluster,
    surroundings: &Surroundings<'_>,
    now: Timestamp,
) -> Option<ProbeResult> {
    let (rules, whole) = (&surroundings.settings.audit_blocks, surroundings.audit);
    if rules.is_empty() && !whole {
        return None;
    }
    let result = audit::audit(cluster, surroundings.settings, now).await;
    Some(if rules.is_empty() { result } else { audit::blocking(result, rules, whole) })
}

/// The nodes, and what their kubelets say, beside everything else that is read.
async fn nodes_and_their_capacity(
    cluster: &dyn Cluster,
    surroundings: &Surroundings<'_>,
    now: Timestamp,
) -> (ClusterResult<Vec<Node>>, ProbeResult) {
    let limit = surroundings.settings.probe_timeout();
    let nodes = within(limit, "nodes", cluster.nodes(surroundings.freshness)).await;
    let capacity = capacity(cluster, &nodes, surroundings, now).await;
    (nodes, capacity)
}

/// Asks every kubelet, a few at a time, since all of them are asked through one server. One limit for all of them: what is left
/// by then is not known.
pub(crate) async fn ask_kubelets(
    cluster: &dyn Cluster,
    nodes: &[Node],
    limit: Duration,
) -> Vec<(String, ClusterResult<NodeStats>)> {
    let begun = Instant::now();
    let ask = async |node: &Node| {
        let left = limit.saturating_sub(begun.elapsed());
        (node.name.clone(), within(left, &node.name, cluster.node_stats(&node.name)).await)
    };
    futures::stream::iter(nodes).map(ask).buffered(KUBELETS_AT_ONCE).collect().await
}

/// What the kubelets say of what is full.
async fn capacity(
    cluster: &dyn Cluster,
    nodes: &ClusterResult<Vec<Node>>,
    surroundings: &Surroundings<'_>,
    now: Timestamp,
) -> ProbeResult {
    if !surroundings.cluster.node_stats {
        return unused(Probe::Capacity, SWITCHED_OFF);
    }
    let nodes = match nodes {
        Ok(nodes) => nodes,
        Err(error) => return unread(Probe::Capacity, &error.to_string()),
    };
    let answers = ask_kubelets(cluster, nodes, surroundings.settings.probe_timeout()).await;
    let read = answers.iter().filter_map(|(node, stats)| Some((node, stats.as_ref().ok()?)));
    let settings = surroundings.settings;
    let older =
        |after: After<'_>| read.filter_map(|(node, stats)| after.disk(node, stats, settings)).collect();
    let older: Vec<Finding> = surroundings.after.map(older).unwrap_or_default();
    with_more(judge_capacity(&answers, now, surroundings.settings), older)
}

/// So many kubelets are asked at once.
const KUBELETS_AT_ONCE: usize = 16;

pub(super) const SWITCHED_OFF: &str = "switched off in the settings";
pub(super) const NOT_INSTALLED: &str = "not used here";

pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    reading: impl Future<Output = ClusterResult<T>>,
) -> ClusterResult<T> {
    tokio::time::timeout(limit, reading).await.unwrap_or_else(|_| {
        Err(ClusterError::Unavailable {
            what: what.to_owned(),
            said: format!("not read within {} s", limit.as_secs()),
        })
    })
}

/// `None`: switched off.
pub(super) async fn switched<T>(
    on: bool,
    limit: Duration,
    what: &str,
    reading: impl Future<Output = ClusterResult<T>>,
) -> ClusterResult<Option<T>> {
    if on { within(limit, what, reading).await.map(Some) } else { Ok(None) }
}

type CephReading = ClusterResult<Option<Installed<Vec<CephCluster>>>>;

/// Ceph by its object and, where there is one and exec is switched on, by its command.
async fn read_ceph(cluster: &dyn Cluster, surroundings: &Surroundings<'_>) -> (CephReading, ToolsReading) {
    let settings = surroundings.settings;
    let limit = settings.probe_timeout();
    let ceph =
        switched(settings.ceph, limit, "ceph clusters", cluster.ceph_clusters(surroundings.freshness)).await;
    let none = |why: &str| ToolsReading::none(unused(Probe::CephTools, why), why);
    let tools = match &ceph {
        Ok(None) => none(SWITCHED_OFF),
        Ok(Some(Installed::No)) => none(NOT_INSTALLED),
        Ok(Some(Installed::Yes(clusters))) if clusters.is_empty() => none(NOT_INSTALLED),
        _ if !surroundings.cluster.exec => none("exec is switched off in the settings"),
        Ok(Some(Installed::Yes(_))) | Err(_) => {
            let place = surroundings.cluster;
            let namespace = &place.ceph_tools_namespace;
            let command = ["ceph", "status", "--format", "json"];
            let status = cluster.exec(namespace, &place.ceph_tools_label, None, &command);
            match within(limit, "ceph status", status).await {
                Ok(output) => judge_ceph_tools(namespace, &output),
                Err(error) => {
                    let why = error.to_string();
                    ToolsReading::none(unread(Probe::CephTools, &why), &why)
                }
            }
        }
    };
    (ceph, tools)
}

fn judge_ceph_reading(
    ceph: &CephReading,
    (workloads, muted): (&[Workload], Option<&Muted>),
    now: Timestamp,
    settings: &Settings,
    figures: &mut Figures,
) -> ProbeResult {
    match ceph {
        Err(error) => {
            figures.ceph_usage = Figure::NotRead(error.to_string());
            failed(Probe::Ceph, error, &mut figures.ceph_health)
        }
        Ok(None) => {
            figures.ceph_usage = Figure::NotRead(SWITCHED_OFF.to_owned());
            not_used(Probe::Ceph, SWITCHED_OFF, &mut figures.ceph_health)
        }
        Ok(Some(Installed::No)) => {
            figures.ceph_usage = Figure::NotRead(NOT_INSTALLED.to_owned());
            not_used(Probe::Ceph, NOT_INSTALLED, &mut figures.ceph_health)
        }
        Ok(Some(Installed::Yes(clusters))) => {
            let result = judge_ceph(clusters, workloads, now, settings, muted);
            if result.used {
                figures.ceph_health = Figure::Read(result.summary.clone());
                let capacities: Option<Vec<_>> = clusters.iter().map(|cluster| cluster.capacity).collect();
                figures.ceph_usage = match capacities {
                    Some(each) => Figure::Read(each.into_iter().fold((0, 0), |sum, one| {
                        (u64::saturating_add(sum.0, one.0), u64::saturating_add(sum.1, one.1))
                    })),
                    None => Figure::NotRead("the CephCluster reports no capacity".to_owned()),
                };
            } else {
                figures.ceph_health = Figure::NotRead(result.summary.clone());
                figures.ceph_usage = Figure::NotRead(result.summary.clone());
            }
            result
        }
    }
}

fn failed<T>(probe: Probe, error: &ClusterError, figure: &mut Figure<T>) -> ProbeResult {
    *figure = Figure::NotRead(error.to_string());
    unread(probe, &error.to_string())
}

fn not_used<T>(probe: Probe, why: &str, figure: &mut Figure<T>) -> ProbeResult {
    *figure = Figure::NotRead(why.to_owned());
    unused(probe, why)
}

fn nothing_read() -> Figures {
    fn none<T>() -> Figure<T> {
        Figure::NotRead("not read".to_owned())
    }
    Figures {
        nodes_ready: none(),
        pods: none(),
        applications: none(),
        certificates: none(),
        ceph_health: none(),
        osds: none(),
        ceph_usage: none(),
        placement_groups: none(),
        node_usage: none(),
        inventory: Inventory::default(),
    }
}

/// What a person accepts is listed and does not block, until its date. What an audit lists anyway is only marked.
pub(super) fn acknowledge(probe: &mut ProbeResult, now: Timestamp, settings: &Settings) {
    let mut changed = false;
    let may_be = |one: &&mut Finding| !one.informational || one.id.probe == Probe::Audit;
    for finding in probe.findings.iter_mut().filter(may_be).filter(|one| !one.acknowledged) {
        if let Some(known) = settings.acceptance(finding, now) {
            changed |= !finding.informational;
            finding.accept(known.expires, &known.reason);
        }
    }
    if changed {
        probe.judge_again();
    }
}

impl Recon {
    /// Lists what people accept besides, as a run of theirs sees it.
    pub(crate) fn accept(&mut self, settings: &Settings) {
        let now = self.began_at;
        for probe in &mut self.probes {
            acknowledge(probe, now, settings);
        }
        causes::fold(&mut self.probes);
    }

    /// Marks what people accept of an audit, once what the files in Git come to is a part of it.
    pub(crate) fn accept_audited(&mut self, settings: &Settings) {
        let now = self.began_at;
        for probe in self.probes.iter_mut().filter(|probe| probe.probe == Probe::Audit) {
            acknowledge(probe, now, settings);
        }
    }
}

#[cfg(test)]
#[path = "recon_tests.rs"]
mod tests;
