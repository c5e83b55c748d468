//! What feeds the probes of nodes, pods and workloads: watches where they run, else a list each time.
//!
//! Whoever reads does not see which it was. Leases of nodes are listed and never watched: each kubelet renews its own every
//! ten seconds, so a watch of them would bring more than a list at every look does. Looks that follow each other closely
//! share a list: a lease that was read a moment ago looks older than it is, and never younger.

use super::client::Kubernetes;
use super::kinds::KindLedger;
use super::ledger::{Ledger, NodeLedger, WorkloadLedger};
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
    pace: Pace,
    /// How long the end of a container is of interest in the ledger of pods.
    recent: Duration,
    /// When the leases of the nodes were listed, and what they said.
    leases: Mutex<Option<(Instant, Leases)>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<AbortOnDropHandle<()>>>,
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
            let mut tasks = Vec::new();
            Watches {
                pods: self.begin(pace, PodLedger::new(recent), &stop, &mut tasks),
                nodes: self.begin(pace, NodeLedger::default(), &stop, &mut tasks),
                deployments: self.begin(pace, WorkloadLedger::new(always, besides), &stop, &mut tasks),
                stateful_sets: self.begin(pace, WorkloadLedger::new(always, besides), &stop, &mut tasks),
                daemon_sets: self.begin(pace, WorkloadLedger::new(always, besides), &stop, &mut tasks),
                kinds: Mutex::default(),
                pace,
                recent,
                leases: Mutex::default(),
                stop,
                tasks: Mutex::new(tasks),
            }
        });
    }

    fn begin<L: Ledger>(
        &self,
        pace: Pace,
        empty: L,
        stop: &CancellationToken,
        tasks: &mut Vec<AbortOnDropHandle<()>>,
    ) -> Arc<Watch<L>> {
        let watch = Arc::new(Watch::new(self.connection().clone(), pace, empty));
        tasks.push(AbortOnDropHandle::new(tokio::spawn(Arc::clone(&watch).run(stop.clone()))));
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
        let watch = self.begin(watches.pace, empty(), &watches.stop, &mut watches.tasks());
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
        Ok(Pods::listed(self.list_into(PodLedger::new(recent)).await?))
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
        let lock = |known: &Mutex<Option<(Instant, Leases)>>| {
            known.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        if let Some((at, leases)) = known.and_then(lock)
            && freshness == Freshness::Watched
            && at.elapsed() <= LEASES
        {
            return Ok(leases);
        }
        let at = Instant::now();
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

    pub(super) async fn read_workloads(
        &self,
        besides: KeepsWorkload,
        freshness: Freshness,
    ) -> ClusterResult<Vec<Workload>> {
        let watches = self.watches().get();
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
