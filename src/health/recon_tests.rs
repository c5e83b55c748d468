use super::super::probes::applications_testing::application;
use super::super::probes::testing::{ago, now};
use super::super::{Acknowledgement, Layer};
use super::*;
use crate::cluster::{
    Application, ApplicationHealth, Certificate, ClusterLease, Condition, ConditionStatus, ExecOutput,
    LeaseAnswer, Node, NodeUsage, ObjectRef, PodLedger, Pods, Right, Workload,
};
use async_trait::async_trait;

/// A cluster of one node and one Application, with everything that a test wants to be different.
#[derive(Debug, Default)]
struct Stub {
    forbidden: &'static str,
    hangs: bool,
    argo: Option<Vec<Application>>,
    ceph: Option<Vec<CephCluster>>,
}

impl Stub {
    fn allow(&self, what: &str) -> ClusterResult<()> {
        if self.forbidden == what {
            return Err(ClusterError::Forbidden { what: what.to_owned(), said: "forbidden".to_owned() });
        }
        Ok(())
    }
}

fn installed<T: Clone>(items: Option<&Vec<T>>) -> Installed<Vec<T>> {
    items.map_or(Installed::No, |items| Installed::Yes(items.clone()))
}

#[async_trait]
impl Cluster for Stub {
    async fn version(&self) -> ClusterResult<String> {
        Ok("v1.33.0".to_owned())
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
            kubelet_version: String::new(),
            lease_renewed: Some(ago(5)),
        }])
    }
    async fn pods(&self, recent: Duration, _: Freshness) -> ClusterResult<Pods> {
        self.allow("pods")?;
        Ok(Pods::listed(PodLedger::new(recent)))
    }
    async fn open_workloads(&self, _: Freshness) -> ClusterResult<Vec<Workload>> {
        self.workloads().await
    }
    async fn workloads(&self) -> ClusterResult<Vec<Workload>> {
        self.allow("workloads")?;
        Ok(vec![Workload {
            object: ObjectRef::new("StatefulSet", "argocd", "argocd-application-controller"),
            generation: 1,
            observed_generation: 1,
            desired: 1,
            replicas: 1,
            updated: 1,
            available: 1,
            paused: false,
            conditions: Vec::new(),
            images: Vec::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            hidden_environment: false,
            has_volume: false,
            labels: std::collections::BTreeMap::new(),
            annotations: std::collections::BTreeMap::new(),
        }])
    }
    async fn applications(&self) -> ClusterResult<Installed<Vec<Application>>> {
        self.allow("applications")?;
        Ok(installed(self.argo.as_ref()))
    }
    async fn ceph_clusters(&self) -> ClusterResult<Installed<Vec<CephCluster>>> {
        self.allow("ceph")?;
        Ok(installed(self.ceph.as_ref()))
    }
    async fn certificates(&self) -> ClusterResult<Installed<Vec<Certificate>>> {
        self.allow("certificates")?;
        Ok(Installed::No)
    }
    async fn node_usage(&self) -> ClusterResult<Installed<Vec<NodeUsage>>> {
        self.allow("usage")?;
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
    async fn terminate_operation(&self, _: &ClusterLease, _: &Application) -> ClusterResult<()> {
        Ok(())
    }
    async fn sync_application(&self, _: &ClusterLease, _: &Application, _: &str) -> ClusterResult<()> {
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
        capacity: Some((3, 8)),
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
async fn what_may_not_be_read_is_unknown_and_what_is_not_installed_is_not_used() {
    for (forbidden, layer) in [
        ("nodes", Layer::Metal),
        ("pods", Layer::Apps),
        ("workloads", Layer::Apps),
        ("applications", Layer::Platform),
        ("ceph", Layer::System),
        ("exec", Layer::System),
    ] {
        let recon = run(&Stub { forbidden, ..whole() }, &Settings::default(), true).await;
        assert_eq!(recon.layers().get(&layer), Some(&Verdict::Unknown), "{forbidden}");
        assert!(recon.blocking().any(|finding| finding.id.rule == "not-read"), "{forbidden}");
    }
    for forbidden in ["certificates", "usage"] {
        let recon = run(&Stub { forbidden, ..whole() }, &Settings::default(), true).await;
        assert_eq!(recon.verdict(), Verdict::Green, "{forbidden} never blocks");
        assert!(recon.findings().any(|finding| finding.id.rule == "not-read"), "{forbidden} is named");
    }
    let recon = run(&Stub { ceph: None, ..whole() }, &Settings::default(), true).await;
    assert_eq!(recon.verdict(), Verdict::Green);
    let unused: Vec<Probe> =
        recon.probes.iter().filter(|probe| !probe.used).map(|probe| probe.probe).collect();
    assert_eq!(unused, [Probe::Ceph, Probe::CephTools, Probe::Certificates, Probe::Usage]);
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
    for (expires, rule, expected) in [
        (ago(-60), "degraded", Verdict::Green),
        (ago(60), "degraded", Verdict::Red),
        (ago(-60), "missing", Verdict::Red),
    ] {
        let known = Acknowledgement {
            object: "Application argocd/shop".to_owned(),
            rule: rule.to_owned(),
            reason: "mended next week".to_owned(),
            expires,
        };
        let settings = Settings { acknowledged: vec![known], ..Settings::default() };
        let recon = run(&stub, &settings, true).await;
        assert_eq!(recon.verdict(), expected, "{rule} until {expires}");
        assert_eq!(recon.findings().filter(|finding| finding.id.rule == "degraded").count(), 1, "listed");
    }
}
