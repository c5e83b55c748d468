//! What feeds the probes of nodes, pods and workloads: watches where they run, else a list each time.
//!
//! Whoever reads does not see which it was. Leases of nodes are listed and never watched: each kubelet renews its own every
//! ten seconds, so a watch of them would bring more than a list at every look does. Looks that follow each other closely
//! share a list: a lease that was read a moment ago looks older than it is, and never younger.

use super::client::Kubernetes;
use super::kinds::{KindLedger, Unserved};
use super::ledger::{Ledger, NodeLedger, WorkloadLedger};
use super::moment::Moment;
use super::outage::Outage;
use super::pods::PodLedger;
use super::watch::{Held, Pace, Watch, lock, once};
use super::{ClusterError, ClusterResult, Freshness, KeepsWorkload, Node, Workload, decode};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use serde_json::Value;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// So long leases that were listed are good enough where nothing has to be proven: half of what a kubelet takes to renew its
/// own, and little beside the age at which one is too old.
const LEASES: Duration = Duration::from_secs(5);

/// When each node's lease was renewed.
type Leases = Arc<HashMap<String, Timestamp>>;

/// So long all workloads are kept after somebody asked for them: who follows a change asks again in a moment, and else most of
/// them are not worth their memory.
const KEPT: Duration = Duration::from_mins(2);

/// All workloads as they were listed once.
#[derive(Debug)]
struct AllWorkloads {
    /// What the watches of the three kinds had counted before they were listed.
    stamp: [u64; 3],
    used: Instant,
    all: Vec<Workload>,
}

/// The watches of a connection. They end with it.
#[derive(Debug)]
pub(super) struct Watches {
    pods: Arc<Watch<PodLedger>>,
    nodes: Arc<Watch<NodeLedger>>,
    deployments: Arc<Watch<WorkloadLedger<Deployment>>>,
    stateful_sets: Arc<Watch<WorkloadLedger<StatefulSet>>>,
    daemon_sets: Arc<Watch<WorkloadLedger<DaemonSet>>>,
    /// Those of every other kind that is read whole, by path: each a [`Watch`] of a [`KindLedger`].
    kinds: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
    unserved: Mutex<Unserved>,
    outage: Arc<Outage>,
    pace: Pace,
    /// How long the end of a container is of interest in the ledger of pods.
    recent: Duration,
    /// When the leases of the nodes were listed, and what they said.
    leases: Mutex<Option<(Moment, Leases)>>,
    workloads: Mutex<Option<AllWorkloads>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<AbortOnDropHandle<()>>>,
}

/// What the watches of a connection have in common.
#[derive(Clone, Copy)]
struct Begun<'a> {
    pace: Pace,
    stop: &'a CancellationToken,
    outage: &'a Arc<Outage>,
}

/// All pods, as far as a verdict goes by them.
#[derive(Debug, Clone)]
pub(crate) struct Pods {
    held: Arc<Mutex<Held<PodLedger>>>,
}

impl Pods {
    /// Pods that were listed.
    pub(crate) fn listed(ledger: PodLedger) -> Self {
        Self { held: once(ledger) }
    }

    /// What somebody makes of them, all as of one moment. Nothing changes meanwhile, so it must not take long.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&PodLedger) -> R) -> R {
        look(&lock(&self.held).ledger)
    }
}

impl Watches {
    /// The watch of a kind, where there is one.
    pub(super) fn of_kind<T: Send + 'static>(&self, path: &str) -> Option<Arc<Watch<KindLedger<T>>>> {
        let watch = Arc::clone(self.kinds().get(path)?);
        watch.downcast().ok()
    }

    /// Whether a kind was found served once, and is watched since then.
    pub(super) fn watches(&self, path: &str) -> bool {
        self.kinds().contains_key(path)
    }

    /// The kinds that are not served.
    pub(super) fn unserved(&self) -> MutexGuard<'_, Unserved> {
        self.unserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long things are given.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// What the watches of workloads have counted, where all of them live.
    async fn workloads_stamp(&self) -> Option<[u64; 3]> {
        let stamps =
            tokio::join!(self.deployments.stamp(), self.stateful_sets.stamp(), self.daemon_sets.stamp());
        Some([stamps.0?, stamps.1?, stamps.2?])
    }

    fn all_workloads(&self) -> MutexGuard<'_, Option<AllWorkloads>> {
        self.workloads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<String, Arc<dyn Any + Send + Sync>>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<AbortOnDropHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kubernetes {
    /// Watches from now on what the probes read most, until it is told to stop or dropped. `recent` is how long the end of a
    /// container may be of interest, `besides` which workloads are kept although they are well.
    pub(crate) fn start_watching(&self, recent: Duration, besides: KeepsWorkload) {
        self.start_watching_at(recent, besides, Pace::default());
    }

    pub(super) fn start_watching_at(&self, recent: Duration, besides: KeepsWorkload, pace: Pace) {
        let always = &self.settings().argocd_namespace;
        self.watches().get_or_init(|| {
            let stop = CancellationToken::new();
            let (outage, mut tasks) = (Arc::default(), Vec::new());
            let begun = Begun { pace, stop: &stop, outage: &outage };
            Watches {
                pods: self.begin(begun, PodLedger::new(recent), &mut tasks),
                nodes: self.begin(begun, NodeLedger::default(), &mut tasks),
                deployments: self.begin(begun, WorkloadLedger::new(always, besides), &mut tasks),
                stateful_sets: self.begin(begun, WorkloadLedger::new(always, besides), &mut tasks),
                daemon_sets: self.begin(begun, WorkloadLedger::new(always, besides), &mut tasks),
                kinds: Mutex::default(),
                unserved: Mutex::default(),
                outage,
                pace,
                recent,
                leases: Mutex::default(),
                workloads: Mutex::default(),
                stop,
                tasks: Mutex::new(tasks),
            }
        });
    }

    fn begin<L: Ledger>(
        &self,
        begun: Begun<'_>,
        empty: L,
        tasks: &mut Vec<AbortOnDropHandle<()>>,
    ) -> Arc<Watch<L>> {
        let connection = self.connection().clone();
        let outage = Arc::clone(begun.outage);
        let watch = Arc::new(Watch::new(connection, begun.pace, empty, outage, self.news().clone()));
        tasks.push(AbortOnDropHandle::new(tokio::spawn(Arc::clone(&watch).run(begun.stop.clone()))));
        watch
    }

    /// Watches one kind more from now on, where watches run and it is not watched yet.
    pub(super) fn watch_kind<T: Send + Sync + 'static>(
        &self,
        empty: impl FnOnce() -> KindLedger<T>,
        path: &str,
    ) {
        let Some(watches) = self.watches().get() else { return };
        let mut kinds = watches.kinds();
        if watches.stop.is_cancelled() || kinds.contains_key(path) {
            return;
        }
        let begun = Begun { pace: watches.pace, stop: &watches.stop, outage: &watches.outage };
        let watch = self.begin(begun, empty(), &mut watches.tasks());
        kinds.insert(path.to_owned(), watch);
    }

    /// Ends the watches. Whoever reads afterwards lists.
    pub(crate) async fn stop_watching(&self) {
        let Some(watches) = self.watches().get() else { return };
        watches.stop.cancel();
        let tasks = std::mem::take(&mut *watches.tasks());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a watch fell over");
            }
        }
    }

    /// A list of a kind in a ledger.
    async fn list_into<L: Ledger + Sync>(&self, empty: L) -> ClusterResult<L> {
        let take = |ledger: &mut L, object| ledger.put(object, Timestamp::now());
        let (path, list) = (empty.path(), empty.list());
        Ok(self.connection().gather(path, "", list, || empty.fresh(), take).await?.taken)
    }

    pub(super) async fn read_pods(&self, recent: Duration, freshness: Freshness) -> ClusterResult<Pods> {
        if let Some(watches) = self.watches().get()
            && watches.recent >= recent
            && watches.pods.is(freshness).await
        {
            return Ok(Pods { held: watches.pods.share() });
        }
        let mut listed = self.list_into(PodLedger::new(recent)).await?;
        if let Some(watches) = self.watches().get().filter(|watches| watches.recent >= recent) {
            listed.remember(&watches.pods.held().ledger);
        }
        Ok(Pods::listed(listed))
    }

    /// All nodes, without their leases.
    pub(super) async fn read_nodes(&self, freshness: Freshness) -> ClusterResult<Vec<Node>> {
        if let Some(watches) = self.watches().get()
            && watches.nodes.is(freshness).await
        {
            return Ok(watches.nodes.held().ledger.nodes().cloned().collect());
        }
        Ok(self.list_into(NodeLedger::default()).await?.nodes().cloned().collect())
    }

    /// When each node's lease was renewed. Nothing where that may not be read: then the heartbeat of the node's
    /// conditions is the kubelet's only sign of life, and it comes every five minutes instead of every ten seconds.
    pub(super) async fn node_leases(&self, freshness: Freshness) -> ClusterResult<Leases> {
        let known = self.watches().get().map(|watches| &watches.leases);
        let lock = |known: &Mutex<Option<(Moment, Leases)>>| {
            known.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        if let Some((at, leases)) = known.and_then(lock)
            && freshness == Freshness::Watched
            && at.elapsed() <= LEASES
        {
            return Ok(leases);
        }
        let at = Moment::now();
        let path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
        let take = |leases: &mut HashMap<String, Timestamp>, lease: Value| {
            if let Some(renewed) = decode::parse_time(&lease["spec"]["renewTime"]) {
                leases.insert(decode::text(&lease["metadata"]["name"]), renewed);
            }
            Ok(())
        };
        let leases = match self.connection().gather(path, "", "LeaseList", HashMap::new, take).await {
            Ok(listed) => Arc::new(listed.taken),
            Err(ClusterError::Forbidden { .. }) => Leases::default(),
            Err(error) => return Err(error),
        };
        if let Some(known) = known {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, Arc::clone(&leases)));
        }
        Ok(leases)
    }

    /// All workloads, well or not: those of the last list for as long as the watches tell that nothing has changed since.
    pub(super) async fn read_all_workloads(&self, freshness: Freshness) -> ClusterResult<Vec<Workload>> {
        let Some(watches) = self.watches().get() else { return self.list_workloads().await };
        // Before the list: what changes meanwhile makes it an old one.
        let stamp = watches.workloads_stamp().await;
        if freshness == Freshness::Watched
            && let Some(known) = watches.all_workloads().as_mut().filter(|known| Some(known.stamp) == stamp)
        {
            known.used = Instant::now();
            return Ok(known.all.clone());
        }
        let listed = self.list_workloads().await?;
        *watches.all_workloads() =
            stamp.map(|stamp| AllWorkloads { stamp, used: Instant::now(), all: listed.clone() });
        Ok(listed)
    }

    pub(super) async fn read_workloads(
        &self,
        besides: KeepsWorkload,
        freshness: Freshness,
    ) -> ClusterResult<Vec<Workload>> {
        let watches = self.watches().get();
        if let Some(watches) = watches {
            watches.all_workloads().take_if(|known| known.used.elapsed() > KEPT);
        }
        let (deployments, stateful_sets, daemon_sets) = tokio::join!(
            self.workloads_of(watches.map(|watches| &watches.deployments), besides, freshness),
            self.workloads_of(watches.map(|watches| &watches.stateful_sets), besides, freshness),
            self.workloads_of(watches.map(|watches| &watches.daemon_sets), besides, freshness),
        );
        let mut workloads = deployments?;
        workloads.extend(stateful_sets?);
        workloads.extend(daemon_sets?);
        Ok(workloads)
    }

    async fn workloads_of<K>(
        &self,
        watch: Option<&Arc<Watch<WorkloadLedger<K>>>>,
        besides: KeepsWorkload,
        freshness: Freshness,
    ) -> ClusterResult<Vec<Workload>>
    where
        WorkloadLedger<K>: Ledger + Sync,
    {
        if let Some(watch) = watch
            && watch.is(freshness).await
        {
            return Ok(watch.held().ledger.kept().cloned().collect());
        }
        let empty = WorkloadLedger::new(&self.settings().argocd_namespace, besides);
        Ok(self.list_into(empty).await?.kept().cloned().collect())
    }
}
