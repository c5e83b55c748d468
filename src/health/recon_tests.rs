use super::super::probes::applications_testing::application;
use super::super::probes::testing::{ago, now, workload};
use super::super::{Acknowledgement, FindingId, Layer, Verdict};
use super::*;
use crate::cluster::{
    ApiService, Application, ApplicationHealth, ApplicationSet, Batch, BlockingPod, Certificate,
    ClusterLease, Condition, ConditionStatus, ControllersLife, CronJob, Definition, DisruptionBudget,
    ExecOutput, ExternalSecrets, FluxObject, KeepsWorkload, LeaseAnswer, Listing, Node, NodeMarks, NodeStats,
    NodeUsage, ObjectRef, ObjectsPage, PersistentVolume, PersistentVolumeClaim, PodLedger, Pods, Postgres,
    PullEvent, ReplicationSource, Right, Service, StorageClass, VolumeAttachment, VolumeSnapshot,
    WebhookConfiguration, Workload,
};
use async_trait::async_trait;
use serde_json::{Value, json};

/// A cluster of one node and one Application, with everything that a test wants to be different.
#[derive(Debug, Default)]
struct Stub {
    forbidden: &'static str,
    hangs: bool,
    clocks: Option<crate::cluster::Clocks>,
    argo: Option<Vec<Application>>,
    ceph: Option<Vec<CephCluster>>,
    objects: Option<Vec<Value>>,
    usage: Option<Vec<NodeUsage>>,
    disk: Option<crate::cluster::Filesystem>,
}

impl Stub {
    fn allow(&self, what: &str) -> ClusterResult<()> {
        if self.forbidden == what {
            return Err(ClusterError::Forbidden { what: what.to_owned(), said: "forbidden".to_owned() });
        }
        Ok(())
    }
}

/// One that has never run.
fn cron_job() -> CronJob {
    let object = ObjectRef::new("CronJob", "web", "backup");
    CronJob { object, suspended: false, active: 0, scheduled_at: None, succeeded_at: None }
}

fn installed<T: Clone>(items: Option<&Vec<T>>) -> Installed<Vec<T>> {
    items.map_or(Installed::No, |items| Installed::Yes(items.clone()))
}

#[async_trait]
impl Cluster for Stub {
    async fn version(&self) -> ClusterResult<String> {
        self.allow("version")?;
        Ok("v1.33.0".to_owned())
    }
    async fn server(&self) -> ClusterResult<crate::cluster::ApiServer> {
        Ok(crate::cluster::ApiServer { version: self.version().await?, clocks: self.clocks })
    }
    async fn pull_events(&self, _namespace: &str) -> ClusterResult<Vec<PullEvent>> {
        Ok(Vec::new())
    }

    async fn volume_events(
        &self,
        _: &std::collections::BTreeSet<(String, String)>,
    ) -> ClusterResult<Vec<crate::cluster::VolumeEvent>> {
        self.allow("events")?;
        Ok(Vec::new())
    }
    async fn may(&self, _: &Right) -> ClusterResult<bool> {
        Ok(true)
    }
    async fn nodes(&self, _: Freshness) -> ClusterResult<Vec<Node>> {
        self.allow("nodes")?;
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let ready = Condition {
            kind: "Ready".to_owned(),
            status: ConditionStatus::True,
            reason: String::new(),
            message: String::new(),
            since: None,
            heartbeat: None,
        };
        Ok(vec![Node {
            name: "metal1".to_owned(),
            conditions: vec![ready],
            unschedulable: false,
            kubelet_version: "v1.33.0".to_owned(),
            lease_renewed: Some(ago(5)),
            marks: NodeMarks::default(),
            allocatable: None,
        }])
    }
    async fn pods(&self, recent: Duration, _: Freshness) -> ClusterResult<Pods> {
        self.allow("pods")?;
        Ok(Pods::listed(PodLedger::new(recent)))
    }
    async fn open_workloads(&self, _: KeepsWorkload, freshness: Freshness) -> ClusterResult<Vec<Workload>> {
        self.workloads(freshness).await
    }
    async fn workloads(&self, _: Freshness) -> ClusterResult<Vec<Workload>> {
        self.allow("workloads")?;
        Ok(vec![workload(ObjectRef::new("StatefulSet", "argocd", "argocd-application-controller"))])
    }
    async fn batch(&self, _freshness: Freshness) -> ClusterResult<Batch> {
        self.allow("jobs")?;
        Ok(Batch { jobs: Vec::new(), cron_jobs: vec![cron_job()] })
    }
    async fn disruption_budgets(&self, _freshness: Freshness) -> ClusterResult<Vec<DisruptionBudget>> {
        self.allow("budgets")?;
        Ok(Vec::new())
    }
    async fn services(&self, _freshness: Freshness) -> ClusterResult<Vec<Service>> {
        self.allow("services")?;
        Ok(Vec::new())
    }
    async fn controllers_life(&self) -> ClusterResult<ControllersLife> {
        self.allow("controllers")?;
        Ok(ControllersLife::Renewed(Some(ago(2))))
    }
    async fn applications(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<Application>>> {
        self.allow("applications")?;
        Ok(installed(self.argo.as_ref()))
    }
    async fn ceph_clusters(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<CephCluster>>> {
        self.allow("ceph")?;
        Ok(installed(self.ceph.as_ref()))
    }
    async fn certificates(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<Certificate>>> {
        self.allow("certificates")?;
        Ok(Installed::No)
    }
    async fn node_usage(&self, _: Freshness) -> ClusterResult<Installed<Vec<NodeUsage>>> {
        self.allow("usage")?;
        Ok(installed(self.usage.as_ref()))
    }
    async fn node_stats(&self, _: &str) -> ClusterResult<NodeStats> {
        self.allow("stats")?;
        Ok(NodeStats { root: self.disk, images: None, claims: Vec::new() })
    }
    async fn objects(&self, listing: &Listing, token: Option<&str>) -> ClusterResult<Installed<ObjectsPage>> {
        self.allow(&listing.resource)?;
        let Some(objects) = &self.objects else { return Ok(Installed::No) };
        // An object a page.
        let place = token.map_or(0, |token| token.parse().expect("a token of ours"));
        if objects.get(place).is_some_and(|object| object == "expired") {
            return Ok(Installed::Yes(ObjectsPage::Expired("too old".to_owned())));
        }
        let next = (place + 1 < objects.len()).then(|| (place + 1).to_string());
        let objects = objects.get(place).cloned().into_iter().collect();
        Ok(Installed::Yes(ObjectsPage::Read { objects, next }))
    }
    async fn namespace_exists(&self, name: &str) -> ClusterResult<bool> {
        self.allow("namespaces")?;
        Ok(name == "velero")
    }
    async fn volumes(&self, _freshness: Freshness) -> ClusterResult<Vec<PersistentVolume>> {
        self.allow("volumes")?;
        Ok(Vec::new())
    }
    async fn claims(&self, _freshness: Freshness) -> ClusterResult<Vec<PersistentVolumeClaim>> {
        self.allow("claims")?;
        Ok(Vec::new())
    }
    async fn attachments(&self, _freshness: Freshness) -> ClusterResult<Vec<VolumeAttachment>> {
        self.allow("attachments")?;
        Ok(Vec::new())
    }
    async fn storage_classes(&self, _freshness: Freshness) -> ClusterResult<Vec<StorageClass>> {
        self.allow("classes")?;
        Ok(Vec::new())
    }
    async fn snapshots(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<VolumeSnapshot>>> {
        self.allow("snapshots")?;
        Ok(Installed::No)
    }
    async fn replication_sources(
        &self,
        _freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<ReplicationSource>>> {
        self.allow("sources")?;
        Ok(Installed::No)
    }
    async fn flux(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<FluxObject>>> {
        self.allow("flux")?;
        Ok(Installed::No)
    }
    async fn postgres(&self, _freshness: Freshness) -> ClusterResult<Installed<Postgres>> {
        self.allow("postgres")?;
        Ok(Installed::No)
    }
    async fn external_secrets(&self, _freshness: Freshness) -> ClusterResult<Installed<ExternalSecrets>> {
        self.allow("external secrets")?;
        Ok(Installed::No)
    }
    async fn api_services(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<ApiService>>> {
        self.allow("api services")?;
        Ok(Installed::No)
    }
    async fn webhooks(&self, _freshness: Freshness) -> ClusterResult<Vec<WebhookConfiguration>> {
        self.allow("webhooks")?;
        Ok(Vec::new())
    }
    async fn application_sets(&self, _freshness: Freshness) -> ClusterResult<Installed<Vec<ApplicationSet>>> {
        self.allow("application sets")?;
        Ok(Installed::No)
    }
    async fn exec(&self, _: &str, _: &str, _: Option<&str>, command: &[&str]) -> ClusterResult<ExecOutput> {
        self.allow("exec")?;
        assert_eq!(command, ["ceph", "status", "--format", "json"]);
        let stdout =
            r#"{"health":{"status":"HEALTH_OK"},"osdmap":{"num_osds":3,"num_up_osds":3,"num_in_osds":3}}"#;
        Ok(ExecOutput { stdout: stdout.to_owned(), stderr: String::new(), exit_code: 0 })
    }
    async fn refresh_application(&self, _: &Application, _: bool) -> ClusterResult<()> {
        Ok(())
    }
    async fn refresh_application_set(&self, _set: &ApplicationSet) -> ClusterResult<()> {
        unimplemented!("no probe asks for it")
    }

    async fn reconcile_flux(&self, _: &FluxObject, _: Timestamp) -> ClusterResult<()> {
        Ok(())
    }
    async fn terminate_operation(&self, _: &ClusterLease, _: &Application) -> ClusterResult<()> {
        Ok(())
    }
    async fn sync_application(
        &self,
        _: &ClusterLease,
        _: &Application,
        _: Option<&str>,
    ) -> ClusterResult<()> {
        Ok(())
    }
    async fn definitions(&self) -> ClusterResult<Vec<Definition>> {
        Ok(Vec::new())
    }
    async fn blocking_pods(&self, _: &[ObjectRef]) -> ClusterResult<Vec<BlockingPod>> {
        Ok(Vec::new())
    }
    async fn delete_blocking_pod(&self, _: &ClusterLease, _: &BlockingPod) -> ClusterResult<()> {
        Ok(())
    }
    async fn acquire_lease(&self, _: &str) -> ClusterResult<LeaseAnswer> {
        Ok(LeaseAnswer::Held(ClusterLease::for_test(Duration::from_secs(30))))
    }
    async fn release_lease(&self, _: ClusterLease) -> ClusterResult<()> {
        Ok(())
    }
}

fn ceph() -> CephCluster {
    CephCluster {
        namespace: "rook-ceph".to_owned(),
        name: "rook-ceph".to_owned(),
        health: "HEALTH_OK".to_owned(),
        checks: Vec::new(),
        last_checked: Some(ago(60)),
        changed_at: None,
        capacity: Some((3, 8)),
        versions: Vec::new(),
    }
}

fn whole() -> Stub {
    Stub { argo: Some(vec![application("shop")]), ceph: Some(vec![ceph()]), ..Stub::default() }
}

async fn run(stub: &Stub, settings: &Settings, exec: bool) -> Recon {
    let cluster = cluster::Settings { exec, ..cluster::Settings::default() };
    let surroundings = Surroundings {
        settings,
        cluster: &cluster,
        grace: Duration::from_mins(5),
        freshness: Freshness::Watched,
        audit: false,
        after: None,
    };
    recon(stub, &surroundings, now()).await
}

#[tokio::test]
async fn a_well_cluster_is_green_with_its_figures() {
    let recon = run(&whole(), &Settings::default(), true).await;
    assert_eq!(recon.verdict(), Verdict::Green, "{recon:#?}");
    assert_eq!(recon.figures.nodes_ready, Figure::Read((1, 1)));
    assert_eq!(recon.figures.applications, Figure::Read((1, 1)));
    assert_eq!(recon.figures.osds, Figure::Read((3, 3, 3)));
    assert_eq!(
        recon.figures.ceph_usage,
        Figure::Read((3, 8)),
        "from the CephCluster: the command names none"
    );
    let without = run(&whole(), &Settings::default(), false).await;
    assert!(matches!(&without.figures.osds, Figure::NotRead(why) if why.contains("exec is switched off")));
    assert_eq!(without.verdict(), Verdict::Green);
}

#[tokio::test]
async fn in_the_gate_after_a_change_an_older_answer_of_each_is_unknown() {
    let (settings, affected) = (Settings::default(), ["argocd/shop".to_owned()]);
    let place = cluster::Settings { node_stats: true, ..cluster::Settings::default() };
    let reported = |seconds: i64| {
        let mut shop = application("shop");
        shop.reconciled_at = Some(ago(seconds));
        let node = NodeUsage {
            name: "metal1".to_owned(),
            cpu_millis: 1,
            memory_bytes: 1,
            measured_at: Some(ago(seconds)),
        };
        let disk =
            crate::cluster::Filesystem { capacity: 9, available: 8, inodes: None, at: Some(ago(seconds)) };
        Stub {
            argo: Some(vec![shop]),
            ceph: Some(vec![CephCluster { last_checked: Some(ago(seconds)), ..ceph() }]),
            usage: Some(vec![node]),
            disk: Some(disk),
            ..Stub::default()
        }
    };
    let all = ["ceph", "argo-cd", "usage", "capacity"];
    for (seconds, after, expected) in [(61, true, &all[..]), (59, true, &[]), (61, false, &[])] {
        let surroundings = Surroundings {
            settings: &settings,
            cluster: &place,
            grace: Duration::from_mins(5),
            freshness: Freshness::Watched,
            audit: false,
            after: after.then_some(After { ended_at: ago(60), affected: &affected }),
        };
        let recon = recon(&reported(seconds), &surroundings, now()).await;
        let waited: Vec<&Finding> =
            recon.findings().filter(|one| one.id.rule == "not-looked-since").collect();
        let probes: Vec<&str> = waited.iter().map(|one| one.id.probe.word()).collect();
        assert_eq!(probes, expected, "{seconds} {after}");
        assert!(waited.iter().all(|one| one.verdict == Verdict::Unknown && one.is_on_its_way()));
        assert_eq!(recon.verdict() == Verdict::Unknown, !expected.is_empty(), "{seconds} {after}");
    }
}

#[tokio::test]
async fn a_clock_that_is_slow_makes_the_pass_unknown() {
    let clocks = crate::cluster::Clocks { server: now() + jiff::SignedDuration::from_secs(31), ours: now() };
    let recon = run(&Stub { clocks: Some(clocks), ..whole() }, &Settings::default(), true).await;
    assert_eq!(recon.layers()[&Layer::Metal], Verdict::Unknown);
    let rules: Vec<&str> = recon.blocking().map(|found| found.id.rule.as_str()).collect();
    assert_eq!(rules, ["clocks-differ"]);
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_what_is_not_installed_is_not_used() {
    for (forbidden, layer) in [
        ("nodes", Layer::Metal),
        ("version", Layer::Metal),
        ("jobs", Layer::Apps),
        ("budgets", Layer::Apps),
        ("services", Layer::Apps),
        ("controllers", Layer::Apps),
        ("pods", Layer::Apps),
        ("workloads", Layer::Apps),
        ("applications", Layer::Platform),
        ("ceph", Layer::System),
        ("exec", Layer::System),
        ("volumes", Layer::System),
        ("claims", Layer::System),
        ("attachments", Layer::System),
        ("classes", Layer::System),
        ("snapshots", Layer::System),
        ("sources", Layer::System),
        ("flux", Layer::Platform),
        ("postgres", Layer::Platform),
        ("external secrets", Layer::Platform),
        ("api services", Layer::Platform),
        ("webhooks", Layer::Platform),
        ("application sets", Layer::Platform),
        ("certificates", Layer::Platform),
    ] {
        let recon = run(&Stub { forbidden, ..whole() }, &Settings::default(), true).await;
        assert_eq!(recon.layers().get(&layer), Some(&Verdict::Unknown), "{forbidden}");
        assert!(recon.blocking().any(|finding| finding.id.rule == "not-read"), "{forbidden}");
    }
    let recon = run(&Stub { forbidden: "usage", ..whole() }, &Settings::default(), true).await;
    assert_eq!(recon.verdict(), Verdict::Green, "usage never blocks");
    assert!(recon.findings().any(|finding| finding.id.rule == "not-read"), "usage is named");
    let recon = run(&Stub { ceph: None, ..whole() }, &Settings::default(), true).await;
    assert_eq!(recon.verdict(), Verdict::Green);
    let unused: Vec<Probe> =
        recon.probes.iter().filter(|probe| !probe.used).map(|probe| probe.probe).collect();
    let (ceph, listed) = ([Probe::Ceph, Probe::CephTools], [Probe::Certificates, Probe::Usage]);
    let operators = [Probe::Flux, Probe::CloudNativePg, Probe::ExternalSecrets];
    let extensions = [Probe::ApiServices, Probe::Webhooks, Probe::Capacity];
    let storage = [Probe::Snapshots, Probe::VolSync];
    let apps = [Probe::DisruptionBudgets, Probe::Services];
    assert_eq!(unused, [&ceph[..], &listed, &storage, &apps, &operators, &extensions].concat());
}

#[tokio::test]
async fn an_api_that_hangs_costs_its_own_verdict_only() {
    let settings = Settings { probe_timeout_seconds: 1, ..Settings::default() };
    let recon = run(&Stub { hangs: true, ..whole() }, &settings, true).await;
    assert_eq!(recon.layers().get(&Layer::Metal), Some(&Verdict::Unknown));
    assert_eq!(recon.layers().get(&Layer::Platform), Some(&Verdict::Green));
}

#[tokio::test]
async fn an_acknowledged_finding_does_not_block_until_its_date() {
    let mut degraded = application("shop");
    degraded.health = ApplicationHealth::Degraded;
    let stub = Stub { argo: Some(vec![degraded]), ..whole() };
    for (expires, rule, verdict, expected) in [
        (ago(-60), "degraded", None, Verdict::Green),
        (ago(-60), "degraded", Some(Verdict::Red), Verdict::Green),
        // It was less when it was accepted.
        (ago(-60), "degraded", Some(Verdict::Yellow), Verdict::Red),
        (ago(60), "degraded", None, Verdict::Red),
        (ago(-60), "missing", None, Verdict::Red),
    ] {
        let known = Acknowledgement {
            object: "Application argocd/shop".to_owned(),
            rule: rule.to_owned(),
            probe: None,
            verdict,
            reason: "mended next week".to_owned(),
            expires,
        };
        let settings = Settings { acknowledged: vec![known], ..Settings::default() };
        let recon = run(&stub, &settings, true).await;
        assert_eq!(recon.verdict(), expected, "{rule} until {expires}");
        assert_eq!(recon.findings().filter(|finding| finding.id.rule == "degraded").count(), 1, "listed");
        // The same as somebody hears later that it is accepted.
        let mut later = run(&stub, &Settings::default(), true).await;
        later.accept(&settings);
        assert_eq!(later.layers(), recon.layers(), "{rule} until {expires}");
        assert_eq!(later.blocking().count(), recon.blocking().count(), "{rule} until {expires}");
    }
}

#[test]
fn what_is_accepted_is_of_one_probe_and_of_a_check_only_by_name() {
    let found = |probe, object: &str| FindingId {
        probe,
        rule: "not-ready".to_owned(),
        object: ObjectRef::new("Cluster", "db", object),
    };
    let known = |probe| Acknowledgement {
        object: "Cluster db/pg".to_owned(),
        rule: "not-ready".to_owned(),
        probe,
        verdict: None,
        reason: "mended next week".to_owned(),
        expires: now(),
    };
    // A check may be about another kind of that name: another group's `Cluster`.
    let (postgres, check) = (Probe::CloudNativePg, Probe::Own);
    for (probe, id, expected) in [
        (None, found(postgres, "pg"), true),
        (None, found(check, "pg"), false),
        (Some(check), found(check, "pg"), true),
        (Some(check), found(postgres, "pg"), false),
        (Some(postgres), found(postgres, "pg"), true),
        (Some(postgres), found(postgres, "other"), false),
    ] {
        assert_eq!(known(probe).is_of(&id, &id.object.to_string()), expected, "{probe:?} {id:?}");
    }
}

#[tokio::test]
async fn an_own_check_is_red_in_its_layer_and_unknown_where_it_cannot_be_answered() {
    let check = |namespace: &str| {
        let objects = json!({"api_version": "velero.io/v1", "resource": "backups", "kind": "Backup", "namespace": namespace});
        let check = json!({
            "name": "backup-failed", "objects": objects, "layer": "Storage",
            "wrong": "object.status.phase == 'Failed'",
        });
        Settings { checks: vec![serde_json::from_value(check).expect("a check")], ..Settings::default() }
    };
    let backup = |phase: &str| {
        Some(vec![
            json!({"metadata": {"namespace": "velero", "name": "nightly"}, "status": {"phase": phase}}),
        ])
    };
    let cases = [
        ("well", "velero", "", backup("Completed"), Verdict::Green, ""),
        ("broken", "velero", "", backup("Failed"), Verdict::Red, "is true"),
        ("none there", "velero", "", Some(vec![]), Verdict::Green, ""),
        (
            "a mistyped namespace",
            "valero",
            "",
            Some(vec![]),
            Verdict::Unknown,
            "its namespace does not exist",
        ),
        (
            "whether it exists may not be asked",
            "velero",
            "namespaces",
            Some(vec![]),
            Verdict::Unknown,
            "refuses",
        ),
        ("may not be read", "velero", "backups", backup("Completed"), Verdict::Unknown, "refuses"),
        ("not installed", "velero", "", None, Verdict::Unknown, "not installed"),
        (
            "broken on a later page",
            "velero",
            "",
            Some(
                [backup("Completed"), backup("Completed"), backup("Failed")]
                    .into_iter()
                    .flatten()
                    .flatten()
                    .collect(),
            ),
            Verdict::Red,
            "is true",
        ),
        (
            "its list expires each time",
            "velero",
            "",
            Some(
                [backup("Completed"), Some(vec![json!("expired")])].into_iter().flatten().flatten().collect(),
            ),
            Verdict::Unknown,
            "cut short 3 times: too old",
        ),
        (
            "a word that is no answer",
            "velero",
            "",
            Some(vec![json!({"metadata": {"name": "b"}})]),
            Verdict::Unknown,
            "status",
        ),
    ];
    for (name, namespace, forbidden, objects, verdict, evidence) in cases {
        let recon = run(&Stub { forbidden, objects, ..whole() }, &check(namespace), true).await;
        assert_eq!(recon.layers().get(&Layer::Storage), Some(&verdict), "{name}");
        assert_eq!(recon.verdict(), verdict, "{name}");
        let said: Vec<&str> = recon.blocking().map(|finding| finding.evidence.as_str()).collect();
        assert!(said.iter().all(|said| said.contains(evidence)), "{name}: {said:?}");
        assert_eq!(said.is_empty(), verdict == Verdict::Green, "{name}");
    }
}
