//! Whole runs against the simulated homelab over real HTTP, told as stories.

mod happy;
mod trouble;

use super::situation::Mode;
use super::worker::{Parts, Worker};
use super::{RunState, Settings, load_state, settings};
use crate::forge::Gitea;
use crate::health;
use crate::inbox::Hints;
use crate::merge::{self, classify::Rules};
use crate::store::Store;
use crate::timing::Timing;
use crate::web::{self, Readiness};
use crate::{cluster, forge};
use sim::actors::{Crash, Speed, World, WorldOptions};
use sim::gitea::IssueView;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a story may wait for one thing.
const DEADLINE: Duration = Duration::from_secs(90);

/// How much faster than life everything goes.
const SCALE: f64 = 200.0;

/// The rights that the deployment's manifests give, and nothing more.
const MANIFESTS: [&str; 6] = [
    include_str!("../../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../../deploy/kustomize/base/rbac-lease.yaml"),
    include_str!("../../../deploy/kustomize/components/exec/rbac.yaml"),
    include_str!("../../../deploy/kustomize/components/exec/kustomization.yaml"),
];

/// A world with caretaker in it.
pub(super) struct Story {
    /// Everything around caretaker.
    pub(super) world: World,
    /// How caretaker is set.
    pub(super) repository: settings::Repository,
    /// How runs are set.
    pub(super) settings: Settings,
    folder: tempfile::TempDir,
    kubeconfig: std::path::PathBuf,
    running: Option<(CancellationToken, JoinHandle<()>, Arc<Store>)>,
}

impl Story {
    /// The homelab, nothing wrong with it, caretaker not started yet.
    pub(super) async fn begin() -> Self {
        Self::with(WorldOptions::default()).await
    }

    /// With a crash that Ceph warns of.
    pub(super) async fn with_ceph_crash() -> Self {
        Self::with(WorldOptions {
            crashes: vec![Crash::new("osd.3", "metal4", jiff::Timestamp::now())],
            ..WorldOptions::default()
        })
        .await
    }

    async fn with(options: WorldOptions) -> Self {
        let world = World::homelab(WorldOptions { speed: Speed::new(SCALE), ..options }).await.unwrap();
        for manifest in MANIFESTS.iter().filter(|text| !text.contains("kind: Component")) {
            world.kubernetes().apply_manifests(manifest).unwrap();
        }
        for (name, color) in [("maintenance", "#0e8a16"), ("needs-human", "#d93f0b")] {
            world.repository().create_label(name, color).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let token = world.kubernetes().create_token("system:serviceaccount:caretaker:caretaker");
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, world.kubernetes().kubeconfig(&token)).unwrap();
        Self {
            repository: settings::Repository {
                name: "ops/homelab".parse().unwrap(),
                mode: Mode::Auto,
                pull_urls: vec![world.repository_url().to_owned()],
                rollout: settings::RolloutBy::Watchers,
            },
            settings: Settings {
                trusted: vec!["operator".to_owned()],
                sole_writers: true,
                ..Settings::default()
            },
            world,
            folder,
            kubeconfig,
            running: None,
        }
    }

    /// A trusted person opens the maintenance issue.
    pub(super) async fn issue(&self, body: &str) -> u64 {
        let person = self.world.person("operator").unwrap();
        person.open_issue("[Maintenance] Homelab", body, &["maintenance"]).await.unwrap()
    }

    /// Starts caretaker on its store.
    pub(super) async fn start(&mut self) {
        let cluster_settings = cluster::Settings {
            kubeconfig: Some(self.kubeconfig.clone()),
            exec: true,
            ..cluster::Settings::default()
        };
        let forge_settings = forge::Settings::default();
        let token = self.world.token("caretaker").to_owned().into();
        let url = self.world.gitea().url().parse().unwrap();
        let merge_settings = merge::Settings::default();
        let parts = Parts {
            store: Arc::new(Store::open(&self.folder.path().join("caretaker.sqlite")).await.unwrap()),
            forge: Arc::new(Gitea::new(&url, &token, &forge_settings).unwrap()),
            cluster: Arc::new(cluster::Kubernetes::connect(&cluster_settings).await.unwrap()),
            settings: self.settings.clone(),
            repositories: vec![self.repository.clone()],
            timing: Timing { scale: SCALE, ..Timing::default() },
            rules: Rules::new(&merge_settings),
            merge_settings,
            renovate_settings: merge::RenovateSettings::default(),
            health_settings: health::Settings::default(),
            cluster_settings,
            hints: Hints::default(),
            readiness: Arc::new(Readiness::new(&web::Settings::default())),
            only: None,
        };
        let store = Arc::clone(&parts.store);
        let stop = CancellationToken::new();
        let worker = Worker::new(Arc::new(parts)).await.unwrap();
        let token = stop.clone();
        let task = tokio::spawn(async move {
            worker.run(token).await.unwrap();
        });
        self.running = Some((stop, task, store));
    }

    /// Stops caretaker in order.
    pub(super) async fn stop(&mut self) {
        if let Some((stop, task, store)) = self.running.take() {
            stop.cancel();
            task.await.unwrap();
            store.close().await;
        }
    }

    /// What the newest run's journal says.
    pub(super) async fn state(&self) -> RunState {
        let (.., store) = self.running.as_ref().expect("caretaker runs");
        match store.recent_runs(1).await.unwrap().first() {
            Some(run) => load_state(store, run.id).await.unwrap(),
            None => RunState::default(),
        }
    }

    /// The issue as the forge has it.
    pub(super) fn issue_now(&self, number: u64) -> IssueView {
        self.world.repository().issue(number).expect("the issue is there")
    }

    /// Waits until something is true of the issue.
    pub(super) async fn until(
        &self,
        what: &str,
        number: u64,
        holds: impl Fn(&IssueView) -> bool,
    ) -> IssueView {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let issue = self.issue_now(number);
            if holds(&issue) {
                return issue;
            }
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", issue.body);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the journal says something.
    pub(super) async fn state_when(&self, what: &str, holds: impl Fn(&RunState) -> bool) -> RunState {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let state = self.state().await;
            if holds(&state) {
                return state;
            }
            assert!(Instant::now() < deadline, "not in time: {what}\n{state:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
