//! Layers, verdicts, findings: the words in which the gate speaks.

use super::Grounds;
use super::after::NOT_LOOKED_SINCE;
use super::flapping::FLAPPING;
use crate::cluster::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A layer of the cluster, from the bottom up. The order is the order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Layer {
    /// Nodes.
    Metal,
    /// Gateways, DNS, ingress.
    Network,
    /// NAS and other storage outside the cluster.
    Storage,
    /// kube-system, Ceph, volumes.
    System,
    /// Argo CD, certificates, secrets, databases' operators.
    Platform,
    /// Every workload.
    Apps,
}

impl Layer {
    /// All layers in their order.
    pub(crate) const ALL: [Self; 6] =
        [Self::Metal, Self::Network, Self::Storage, Self::System, Self::Platform, Self::Apps];

    /// The word that people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Metal => "Metal",
            Self::Network => "Network",
            Self::Storage => "Storage",
            Self::System => "System",
            Self::Platform => "Platform",
            Self::Apps => "Apps",
        }
    }

    /// Whether the report shows it even where no probe belongs to it.
    pub(crate) fn always_shown(self) -> bool {
        matches!(self, Self::Metal | Self::System | Self::Platform | Self::Apps)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// How a layer, a probe or a finding stands. Ordered from good to bad: the worst decides, and UNKNOWN is the worst,
/// since what is not known may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verdict {
    /// Well.
    Green,
    /// Not well, still serving.
    Yellow,
    /// Broken.
    Red,
    /// Nobody knows.
    Unknown,
}

impl Verdict {
    /// The word that people and programs read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Yellow => "YELLOW",
            Self::Red => "RED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// Which probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Probe {
    /// Nodes: Ready, cordoned, pressures.
    Nodes,
    /// Pods of kube-system.
    KubeSystem,
    /// The `CephCluster`'s status.
    Ceph,
    /// `ceph` through exec in the tools pod.
    CephTools,
    /// Argo CD Applications and their controller's life sign.
    ArgoCd,
    /// Certificates, and the life sign of cert-manager.
    Certificates,
    /// Every other pod and workload.
    Pods,
    /// Jobs and `CronJobs`.
    Jobs,
    /// `PodDisruptionBudgets`.
    DisruptionBudgets,
    /// Services and their endpoints.
    Services,
    /// CPU and memory of nodes; reported, never blocking.
    Usage,
    /// What the settings ask for, one answer a check, each in its own layer.
    Own,
    /// Addresses that people use, one answer each.
    Addresses,
    /// Alerts that fire, one answer a source.
    Alerts,
    /// How full disks of nodes and volumes of claims are.
    Capacity,
    /// Volumes, claims and where they are attached.
    Volumes,
    /// Snapshots of volumes.
    Snapshots,
    /// `VolSync`'s copies of claims.
    #[serde(rename = "volsync")]
    VolSync,
    /// Flux' objects and their controllers' life sign.
    Flux,
    /// `CloudNativePG`: databases, their archives and backups, and the operator's life sign.
    #[serde(rename = "cloudnative-pg", alias = "cloud-native-pg")]
    CloudNativePg,
    /// `ExternalSecrets`, their stores and the controller's life sign.
    ExternalSecrets,
    /// Servers behind the API server.
    ApiServices,
    /// Webhooks that fail closed.
    Webhooks,
    /// What is well today and would not be on a bad day; asked for, and never blocking unless the settings say so.
    Audit,
}

impl Probe {
    /// All of them.
    pub(crate) const ALL: [Self; 24] = [
        Self::Nodes,
        Self::KubeSystem,
        Self::Ceph,
        Self::CephTools,
        Self::ArgoCd,
        Self::Certificates,
        Self::Pods,
        Self::Jobs,
        Self::DisruptionBudgets,
        Self::Services,
        Self::Usage,
        Self::Own,
        Self::Addresses,
        Self::Alerts,
        Self::Capacity,
        Self::Volumes,
        Self::Snapshots,
        Self::VolSync,
        Self::Flux,
        Self::CloudNativePg,
        Self::ExternalSecrets,
        Self::ApiServices,
        Self::Webhooks,
        Self::Audit,
    ];

    /// The word that people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::KubeSystem => "kube-system",
            Self::Ceph => "ceph",
            Self::CephTools => "ceph-tools",
            Self::ArgoCd => "argo-cd",
            Self::Certificates => "certificates",
            Self::Pods => "pods",
            Self::Jobs => "jobs",
            Self::DisruptionBudgets => "disruption-budgets",
            Self::Services => "services",
            Self::Usage => "usage",
            Self::Own => "own",
            Self::Addresses => "addresses",
            Self::Alerts => "alerts",
            Self::Capacity => "capacity",
            Self::Volumes => "volumes",
            Self::Snapshots => "snapshots",
            Self::VolSync => "volsync",
            Self::Flux => "flux",
            Self::CloudNativePg => "cloudnative-pg",
            Self::ExternalSecrets => "external-secrets",
            Self::ApiServices => "api-services",
            Self::Webhooks => "webhooks",
            Self::Audit => "audit",
        }
    }

    /// The layer that it belongs to; of what the settings name, where they name none.
    pub(crate) fn layer(self) -> Layer {
        match self {
            Self::Nodes | Self::Usage | Self::Capacity => Layer::Metal,
            Self::KubeSystem
            | Self::Ceph
            | Self::CephTools
            | Self::Volumes
            | Self::Snapshots
            | Self::VolSync => Layer::System,
            Self::ArgoCd
            | Self::Certificates
            | Self::Flux
            | Self::CloudNativePg
            | Self::ExternalSecrets
            | Self::ApiServices
            | Self::Webhooks => Layer::Platform,
            Self::Pods
            | Self::Jobs
            | Self::DisruptionBudgets
            | Self::Services
            | Self::Own
            | Self::Addresses
            | Self::Alerts
            | Self::Audit => Layer::Apps,
        }
    }

    /// Whether nothing is held back where it cannot be read.
    pub(crate) fn may_be_missing(self) -> bool {
        matches!(self, Self::Usage)
    }
}

/// What makes two findings the same one: never their text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FindingId {
    /// Who found it.
    pub(crate) probe: Probe,
    /// The rule that fired, such as `not-ready`, `degraded`, `crash-loop`.
    pub(crate) rule: String,
    /// On what. For pods the controller is named (`ReplicaSet`'s Deployment), so that a new pod of the same broken
    /// workload is the same finding.
    pub(crate) object: ObjectRef,
}

/// Something that is not well, with evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// What makes it this one.
    pub(crate) id: FindingId,
    /// The layer that it belongs to.
    pub(crate) layer: Layer,
    /// How bad.
    pub(crate) verdict: Verdict,
    /// One sentence, from our own words; what comes from outside is escaped where it is shown.
    pub(crate) message: String,
    /// Field and value that say so, such as `status.health.status = Degraded`.
    pub(crate) evidence: String,
    /// Since when, where the object tells.
    pub(crate) since: Option<Timestamp>,
    /// When the run was made that it is about: what ran before a change is not the change's fault, although it failed after it.
    #[serde(default)]
    pub(crate) made_at: Option<Timestamp>,
    /// Listed, but blocks neither gate nor closing.
    pub(crate) informational: bool,
    /// Whether that is so since a person accepts it.
    #[serde(default)]
    pub(crate) acknowledged: bool,
    /// What it would follow from.
    #[serde(default)]
    pub(crate) grounds: Grounds,
    /// The finding that it follows from.
    #[serde(default)]
    pub(crate) cause: Option<FindingId>,
}

impl Finding {
    /// Lists it, with until when and why a person accepts it.
    pub(super) fn accept(&mut self, until: Timestamp, reason: &str) {
        (self.informational, self.acknowledged) = (true, true);
        let until = crate::wording::time(until);
        self.message = format!("{} (acknowledged until {until}: {reason})", self.message);
    }

    /// Whether it counts, is RED and is a cause: what breaks during a run and is so is seen to at once.
    pub(crate) fn is_broken_itself(&self) -> bool {
        !self.informational && self.verdict == Verdict::Red && self.cause.is_none()
    }

    /// Whether it says no more than that something has not ended yet. A rollout that takes its time looks so, and one that
    /// hangs as well: time alone tells them apart, and time alone is no reason to undo anything. What broke (a crash, an
    /// image that is not there, a deadline that passed) has rules of its own.
    pub(crate) fn is_on_its_way(&self) -> bool {
        if [FLAPPING, NOT_LOOKED_SINCE].contains(&self.id.rule.as_str()) {
            return true;
        }
        match self.id.probe {
            Probe::ArgoCd => matches!(
                self.id.rule.as_str(),
                "progressing"
                    | "out-of-sync"
                    | "suspended"
                    | "set-not-up-to-date"
                    | "set-not-reported"
                    | "terminating"
                    | "set-terminating"
                    | "operation-runs"
            ),
            Probe::Flux => matches!(
                self.id.rule.as_str(),
                "progressing" | "not-observed" | "not-reported" | "waits-for-dependency" | "terminating"
            ),
            Probe::CloudNativePg => matches!(
                self.id.rule.as_str(),
                "unavailable" | "primary-moves" | "in-work" | "not-ready" | "not-reported"
            ),
            Probe::ExternalSecrets => self.id.rule == "not-reported",
            Probe::ApiServices => matches!(self.id.rule.as_str(), "unavailable" | "not-reported"),
            Probe::Webhooks => self.id.rule == "no-endpoints",
            Probe::Pods | Probe::KubeSystem => {
                matches!(self.id.rule.as_str(), "not-ready" | "rolling-out" | "not-observed" | "unavailable")
            }
            Probe::Jobs => self.id.rule == "not-begun",
            Probe::DisruptionBudgets => matches!(
                self.id.rule.as_str(),
                "too-few-healthy" | "used-up" | "not-observed" | "not-reported"
            ),
            Probe::Services => matches!(self.id.rule.as_str(), "no-endpoints" | "not-reported"),
            Probe::Nodes => self.id.rule == "in-work",
            Probe::Ceph => self.id.rule == "versions-differ",
            Probe::Certificates => matches!(self.id.rule.as_str(), "not-ready" | "ready-missing"),
            Probe::CephTools
            | Probe::Usage
            | Probe::Own
            | Probe::Addresses
            | Probe::Alerts
            | Probe::Capacity
            | Probe::Audit => false,
            Probe::Volumes => matches!(
                self.id.rule.as_str(),
                "claim-pending"
                    | "claim-terminating"
                    | "multi-attach-wait"
                    | "volume-not-reclaimed"
                    | "volume-terminating"
                    | "detach-overdue"
            ),
            Probe::Snapshots => {
                matches!(self.id.rule.as_str(), "snapshot-not-ready" | "snapshot-terminating")
            }
            Probe::VolSync => self.id.rule == "source-overdue",
        }
    }
}

/// What one probe answered in one pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProbeResult {
    /// Which one.
    pub(crate) probe: Probe,
    /// Its layer.
    pub(crate) layer: Layer,
    /// Whether it is switched on and its kind installed: `false` means "not used here".
    pub(crate) used: bool,
    /// The worst of its findings that are not informational; UNKNOWN when it could not be read.
    pub(crate) verdict: Verdict,
    /// What it saw, in one line: `10 of 10 nodes ready`.
    pub(crate) summary: String,
    /// What is not well.
    pub(crate) findings: Vec<Finding>,
}

impl ProbeResult {
    /// Goes by its findings anew, after one of them has become one that is only listed.
    pub(super) fn judge_again(&mut self) {
        let blocking = self.findings.iter().filter(|finding| !finding.informational);
        self.verdict = blocking.map(|finding| finding.verdict).max().unwrap_or(Verdict::Green);
    }
}

/// One full pass of all probes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recon {
    /// When the pass began: nothing in it is older.
    pub(crate) began_at: Timestamp,
    /// Every probe's answer.
    pub(crate) probes: Vec<ProbeResult>,
    /// Figures for the report.
    pub(crate) figures: Figures,
    /// What was started again lately, for whoever remembers more than one look.
    #[serde(skip)]
    pub(crate) restarted: Vec<super::Restarted>,
    /// What is not well is made of, for the same.
    #[serde(skip)]
    pub(crate) made_of: Vec<super::Made>,
    /// What was seen of Services, for the same; none where they could not be read.
    #[serde(skip)]
    pub(crate) services: Option<super::ServicesSeen>,
    /// Whether its audit has looked through the files in Git as well.
    #[serde(skip)]
    pub(crate) files_read: bool,
}

impl Recon {
    /// Each shown layer's verdict: those always shown, and the others where a used probe belongs to them. A layer that
    /// is always shown and that no used probe reads is UNKNOWN.
    pub(crate) fn layers(&self) -> BTreeMap<Layer, Verdict> {
        Layer::ALL
            .into_iter()
            .filter_map(|layer| {
                let worst = self
                    .probes
                    .iter()
                    .filter(|probe| probe.used && probe.layer == layer)
                    .map(|p| p.verdict)
                    .max();
                match worst {
                    Some(verdict) => Some((layer, verdict)),
                    None if layer.always_shown() => Some((layer, Verdict::Unknown)),
                    None => None,
                }
            })
            .collect()
    }

    /// The worst layer.
    pub(crate) fn verdict(&self) -> Verdict {
        self.layers().into_values().max().unwrap_or(Verdict::Unknown)
    }

    /// Everything found.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.probes.iter().flat_map(|probe| &probe.findings)
    }

    /// Everything found, as a person reads it: what blocks before what is listed only, then the worst, then from the bottom
    /// layer up.
    pub(crate) fn worst_first(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.findings().collect();
        findings.sort_by(|one, other| {
            let rank = |finding: &Finding| {
                (finding.informational, std::cmp::Reverse(finding.verdict), finding.layer)
            };
            rank(one).cmp(&rank(other)).then_with(|| one.id.cmp(&other.id))
        });
        findings
    }

    /// What each probe of a layer saw, in a line each.
    pub(crate) fn seen_of(&self, layer: Layer) -> impl Iterator<Item = &str> {
        self.probes
            .iter()
            .filter(move |probe| probe.used && probe.layer == layer)
            .map(|probe| probe.summary.as_str())
    }

    /// What blocks: findings that are not informational.
    pub(crate) fn blocking(&self) -> impl Iterator<Item = &Finding> {
        self.findings().filter(|finding| !finding.informational)
    }
}

/// A figure that a probe read, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Figure<T> {
    /// The value.
    Read(T),
    /// The reason why it was not read.
    NotRead(String),
}

impl<T> Default for Figure<T> {
    fn default() -> Self {
        Self::NotRead("not read".to_owned())
    }
}

/// The closing report's verification data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Ready and all nodes.
    pub(crate) nodes_ready: Figure<(usize, usize)>,
    /// Good and all pods.
    pub(crate) pods: Figure<(usize, usize)>,
    /// Synced and Healthy, and all Applications.
    pub(crate) applications: Figure<(usize, usize)>,
    /// Ready and all certificates.
    pub(crate) certificates: Figure<(usize, usize)>,
    /// `HEALTH_OK`...
    pub(crate) ceph_health: Figure<String>,
    /// Up, in, all.
    pub(crate) osds: Figure<(u64, u64, u64)>,
    /// Bytes used, bytes in total.
    pub(crate) ceph_usage: Figure<(u64, u64)>,
    /// `169 active+clean`.
    pub(crate) placement_groups: Figure<String>,
    /// Name, thousandths of a core, bytes of memory.
    pub(crate) node_usage: Figure<Vec<(String, u64, u64)>>,
    /// What people ask for by name and day.
    #[serde(skip)]
    pub(crate) inventory: super::Inventory,
}

#[cfg(test)]
mod tests {
    use super::super::probes::finding;
    use super::*;

    #[test]
    fn none_is_left_out_of_all() {
        let places: Vec<usize> = Probe::ALL.into_iter().map(|probe| probe as usize).collect();
        assert_eq!(places, (0..=Probe::Audit as usize).collect::<Vec<_>>(), "the last of them is Audit");
    }

    #[test]
    fn a_probe_is_written_as_people_read_it_and_read_as_it_was_written_before() {
        let written = |probe: Probe| serde_json::to_value(probe).expect("a word");
        for probe in [Probe::CloudNativePg, Probe::VolSync, Probe::ArgoCd, Probe::KubeSystem, Probe::Own] {
            assert_eq!(written(probe), probe.word());
        }
        let before = serde_json::from_value::<Probe>("cloud-native-pg".into());
        assert_eq!(before.expect("known"), Probe::CloudNativePg);
    }

    #[test]
    fn what_only_takes_its_time_is_told_apart_from_what_broke() {
        let on_its_way = [
            (Probe::Flux, ["progressing", "not-observed", "not-reported", "waits-for-dependency"].as_slice()),
            (Probe::CloudNativePg, &["unavailable", "primary-moves", "in-work", "not-ready", "not-reported"]),
            (Probe::ExternalSecrets, &["not-reported"]),
            (Probe::ApiServices, &["unavailable", "not-reported"]),
            (Probe::Webhooks, &["no-endpoints"]),
            (Probe::Jobs, &["not-begun"]),
            (Probe::DisruptionBudgets, &["too-few-healthy", "used-up", "not-observed", "not-reported"]),
            (Probe::Services, &["no-endpoints", "not-reported"]),
            (Probe::Nodes, &["in-work"]),
            (Probe::ArgoCd, &["progressing", "out-of-sync", "set-not-up-to-date", "set-not-reported"]),
            (Probe::Certificates, &["not-ready", "ready-missing"]),
        ];
        let broke = [
            (Probe::Flux, ["suspended", "stalled", "not-applied", "not-released", "fetch-failed"].as_slice()),
            (Probe::CloudNativePg, &["archiving-fails", "backup-failed", "broken", "several-databases"]),
            (Probe::ExternalSecrets, &["not-synced", "secret-missing", "store-not-ready"]),
            (Probe::ArgoCd, &["degraded", "missing", "set-failed", "sync-failed", "sync-error"]),
            (Probe::Certificates, &["expired", "renewal-fails", "expires-soon"]),
            (Probe::Jobs, &["failed", "run-failed", "deadline-passed", "suspended"]),
            (Probe::DisruptionBudgets, &["blocks-drain", "sync-failed"]),
            (Probe::Nodes, &["not-ready", "cordoned", "work-overdue", "reboot-required", "kubelet-newer"]),
        ];
        let says = |probe, rule: &str| {
            let object = ObjectRef::new("Kind", "namespace", "name");
            finding(probe, rule, object, Verdict::Red, String::new(), String::new()).is_on_its_way()
        };
        for (probe, rules) in on_its_way {
            assert!(rules.iter().all(|rule| says(probe, rule)), "{probe:?}");
        }
        for (probe, rules) in broke {
            assert!(!rules.iter().any(|rule| says(probe, rule)), "{probe:?}");
        }
    }
}
