//! Passes and gates for tests.

use super::super::probes::{finding, judged};
use super::super::{Figure, Figures, Layer, Probe};
use super::*;
use crate::cluster::ObjectRef;

/// A pass of every layer, GREEN, or with one finding of a verdict in Apps.
pub(in crate::health) fn recon_at(began_at: Timestamp, verdict: Verdict) -> Recon {
    fn none<T>() -> Figure<T> {
        Figure::NotRead("a test".to_owned())
    }
    let probes = [Probe::Nodes, Probe::KubeSystem, Probe::ArgoCd, Probe::Pods].map(|probe| {
        let bad = probe.layer() == Layer::Apps && verdict != Verdict::Green;
        let object = ObjectRef::new("Deployment", "web", "shop");
        let message = "Deployment web/shop does not serve".to_owned();
        let found = finding(probe, "unavailable", object, verdict, message, "0 of 1".to_owned());
        judged(probe, String::new(), bad.then_some(found).into_iter().collect())
    });
    let figures = Figures {
        nodes_ready: none(),
        pods: none(),
        applications: none(),
        certificates: none(),
        ceph_health: none(),
        osds: none(),
        ceph_usage: none(),
        placement_groups: none(),
        node_usage: none(),
        inventory: crate::health::Inventory::default(),
    };
    Recon {
        began_at,
        probes: probes.to_vec(),
        figures,
        restarted: Vec::new(),
        made_of: Vec::new(),
        services: None,
    }
}

/// Asks the gate with nothing but a pass against it.
pub(in crate::health) fn try_to_merge(recon: &Recon) -> Result<MergePermit, Vec<Blocked>> {
    let settings = Settings::default();
    let authority = Authority::new(None, None);
    let lease = ClusterLease::for_test(Duration::from_secs(25));
    let sha = |digit: char| digit.to_string().repeat(40).parse().expect("a commit");
    let mark = PlanMark::new("D1".to_owned(), "7".repeat(64));
    let subject = MergeSubject { mark, pull: PullNumber(51), head: sha('a'), base: sha('b') };
    let conditions = Conditions {
        now: recon.began_at,
        recon,
        first_seen: &BTreeMap::new(),
        excused: &BTreeSet::new(),
        green_since: Some(recon.began_at),
        settle: Duration::ZERO,
        held_by: Vec::new(),
    };
    let evidence = Evidence {
        conditions,
        settings: &settings,
        authority: &authority,
        lease: &lease,
        request_timeout: Duration::from_secs(10),
    };
    permit(&evidence, subject)
}
