//! Settings under `[health]`.

use super::audit::AuditRule;
use super::outside::{Address, AlertSource};
use super::own::OwnCheck;
use super::{Finding, FindingId, Layer, Probe, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::time::Duration;

/// What is judged, and how old a sign of life may be. Ages are real seconds, whatever `timing.scale` is: they tell who
/// is alive. They compare a reporter's clock with ours, so they must be wider than the clocks differ.
#[expect(clippy::struct_excessive_bools, reason = "each switches one probe, independent of the others")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// A kubelet renews its lease every ten seconds; an older one is dead.
    pub node_lease_maximum_age_seconds: u64,
    /// Where leases may not be read: a kubelet reports its conditions every five minutes.
    pub node_condition_maximum_age_seconds: u64,
    /// The control plane's controllers renew their lease every two seconds.
    pub controllers_maximum_age_seconds: u64,
    /// How long kured, the system-upgrade controller or the cluster autoscaler may work on a node.
    pub node_work_maximum_seconds: u64,
    /// Rook asks Ceph every minute.
    pub ceph_maximum_age_seconds: u64,
    /// Argo CD looks at every Application every three minutes and a jitter, unless `timeout.reconciliation` says
    /// otherwise.
    pub argocd_maximum_age_seconds: u64,
    /// How far our clock and another's may be apart: less than any age at which somebody counts as dead.
    pub clocks_maximum_difference_seconds: u64,
    /// How long an operation of Argo CD may run.
    pub argocd_operation_maximum_seconds: u64,
    /// A permit rests on a pass that began no longer ago.
    pub recon_maximum_age_seconds: u64,
    /// How long one probe may take to read what it judges.
    pub probe_timeout_seconds: u64,
    /// A container that was started again so often...
    pub crash_loop_restarts: u32,
    /// ...and ended within so many seconds is in a crash loop, even while it runs.
    pub crash_loop_seconds: u64,
    /// For so many seconds a container that was killed for its memory counts.
    pub oom_killed_seconds: u64,
    /// A container that was started again so often (0 switches this off)...
    pub restarts_grow_times: u32,
    /// ...within so many seconds is started again too often.
    pub restarts_grow_seconds: u64,
    /// Whether Jobs and `CronJobs` are judged.
    pub jobs: bool,
    /// Whether `PodDisruptionBudgets` are judged.
    pub disruption_budgets: bool,
    /// Whether Services are judged by their endpoints.
    pub services: bool,
    /// Whether Ceph is judged where Rook is installed.
    pub ceph: bool,
    /// Whether Argo CD is judged where it is installed.
    pub argocd: bool,
    /// Whether certificates are judged where cert-manager is installed.
    pub certificates: bool,
    /// Whether CPU and memory of the nodes are judged where they are told. That they are not told never blocks.
    pub usage: bool,
    /// Whether snapshots of volumes are judged where they are installed.
    pub snapshots: bool,
    /// How long a snapshot may take until it can be used.
    pub snapshot_grace_seconds: u64,
    /// Whether `VolSync` is judged where it is installed.
    pub volsync: bool,
    /// How long one of `VolSync`'s copies may take.
    pub volsync_overdue_seconds: u64,
    /// Whether Flux is judged where it is installed.
    pub flux: bool,
    /// Whether `CloudNativePG` is judged where it is installed.
    pub cloudnative_pg: bool,
    /// Whether External Secrets are judged where they are installed.
    pub external_secrets: bool,
    /// Whether the servers behind the API server are judged.
    pub api_services: bool,
    /// Whether webhooks that fail closed are judged.
    pub webhooks: bool,
    /// How long after it was due a backup may not have been completed.
    pub backup_maximum_lateness_seconds: u64,
    /// From how full on the disk of a node is YELLOW, in percent.
    #[serde(deserialize_with = "percent")]
    pub disk_yellow_percent: u8,
    /// And RED.
    #[serde(deserialize_with = "percent")]
    pub disk_red_percent: u8,
    /// From how full on the volume of a claim is YELLOW, in percent.
    #[serde(deserialize_with = "percent")]
    pub claim_yellow_percent: u8,
    /// And RED.
    #[serde(deserialize_with = "percent")]
    pub claim_red_percent: u8,
    /// From how much of its allocatable memory on a node is YELLOW, in percent; 0 is never.
    #[serde(deserialize_with = "percent_or_never")]
    pub memory_yellow_percent: u8,
    /// And RED.
    #[serde(deserialize_with = "percent_or_never")]
    pub memory_red_percent: u8,
    /// From how much of its allocatable CPU on a node is YELLOW, in percent; 0 is never.
    #[serde(deserialize_with = "percent_or_never")]
    pub cpu_yellow_percent: u8,
    /// And RED.
    #[serde(deserialize_with = "percent_or_never")]
    pub cpu_red_percent: u8,
    /// How long something has to be so full before it counts.
    pub usage_hold_seconds: u64,
    /// How old what a kubelet says of its disks may be.
    pub usage_maximum_age_seconds: u64,
    /// What came so often within `timing.flapping_window_seconds` is not settled; 0 switches it off.
    pub flapping_times: u32,
    /// The rules of the audit that close the gate.
    pub audit_blocks: Vec<AuditRule>,
    /// Known findings that a person accepts.
    pub acknowledged: Vec<Acknowledgement>,
    /// What is judged besides: own expressions over objects of any kind.
    pub checks: Vec<OwnCheck>,
    /// Addresses that people use.
    pub addresses: Vec<Address>,
    /// Where alerts are read.
    pub alerts: Vec<AlertSource>,
}

/// What findings are known by: not empty, and in one line.
pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(D::Error::custom(
            "a name in one line is needed, such as `backup-failed`: findings are known by it",
        ));
    }
    Ok(name)
}

/// The layer of what names none.
pub(super) fn apps() -> Layer {
    Layer::Apps
}

/// How full something may be: from 1 to 100.
fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        percent @ 1..=100 => Ok(percent),
        other => Err(D::Error::custom(format!("{other} is no percentage from 1 to 100"))),
    }
}

/// How much may be used: from 1 to 100, or 0 for whatever it is.
fn percent_or_never<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        percent @ 0..=100 => Ok(percent),
        other => Err(D::Error::custom(format!("{other} is neither a percentage from 1 to 100 nor 0"))),
    }
}

/// A known finding that a person accepts until a date. It is listed and does not block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acknowledgement {
    /// The object as findings name it: `Deployment web/shop`, `Node metal3`.
    pub object: String,
    /// The rule, such as `crash-loop` or `OSD_DOWN`.
    pub rule: String,
    /// The probe that found it. Without one any but the own checks: each of those names a kind by itself, while two checks,
    /// or a check and a probe, may mean two kinds of one name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// How bad it may be: what is worse blocks. Without one, however bad it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why it is accepted.
    pub reason: String,
    /// Until when. Afterwards it blocks again.
    pub expires: Timestamp,
}

impl Acknowledgement {
    /// Whether it is about this finding, on an object that is named so. The probe tells whose kind it is: one of another
    /// group has another probe, or another check.
    pub(super) fn is_of(&self, id: &FindingId, object: &str) -> bool {
        let probe = self.probe.map_or(id.probe != Probe::Own, |probe| probe == id.probe);
        probe && self.rule == id.rule && self.object == object
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node_lease_maximum_age_seconds: 60,
            node_condition_maximum_age_seconds: 420,
            controllers_maximum_age_seconds: 60,
            node_work_maximum_seconds: 3_600,
            ceph_maximum_age_seconds: 300,
            argocd_maximum_age_seconds: 600,
            clocks_maximum_difference_seconds: 30,
            argocd_operation_maximum_seconds: 3_600,
            recon_maximum_age_seconds: 30,
            probe_timeout_seconds: 25,
            crash_loop_restarts: 3,
            crash_loop_seconds: 600,
            oom_killed_seconds: 3_600,
            restarts_grow_times: 3,
            restarts_grow_seconds: 21_600,
            jobs: true,
            disruption_budgets: true,
            services: true,
            ceph: true,
            argocd: true,
            certificates: true,
            usage: true,
            snapshots: true,
            snapshot_grace_seconds: 1_800,
            volsync: true,
            volsync_overdue_seconds: 21_600,
            flux: true,
            cloudnative_pg: true,
            external_secrets: true,
            api_services: true,
            webhooks: true,
            backup_maximum_lateness_seconds: 21_600,
            disk_yellow_percent: 85,
            disk_red_percent: 95,
            claim_yellow_percent: 85,
            claim_red_percent: 95,
            memory_yellow_percent: 95,
            memory_red_percent: 98,
            cpu_yellow_percent: 0,
            cpu_red_percent: 0,
            usage_hold_seconds: 300,
            usage_maximum_age_seconds: 300,
            flapping_times: 3,
            audit_blocks: Vec::new(),
            acknowledged: Vec::new(),
            checks: Vec::new(),
            addresses: Vec::new(),
            alerts: Vec::new(),
        }
    }
}

impl Settings {
    /// By what a person accepts a finding as it is at this moment, if one does. UNKNOWN cannot be accepted: nobody knows what
    /// it would be that is accepted.
    pub(crate) fn acceptance(&self, finding: &Finding, now: Timestamp) -> Option<&Acknowledgement> {
        if finding.verdict == Verdict::Unknown {
            return None;
        }
        let object = finding.id.object.to_string();
        self.acknowledged.iter().find(|known| {
            known.is_of(&finding.id, &object)
                && known.expires > now
                && known.verdict.is_none_or(|verdict| finding.verdict <= verdict)
        })
    }

    /// Whether nobody is to be asked to see to a finding: it is accepted, or it is listed anyway and somebody has said that it
    /// may be.
    pub(crate) fn leaves_alone(&self, finding: &Finding, now: Timestamp) -> bool {
        let object = finding.id.object.to_string();
        let said = |known: &Acknowledgement| known.is_of(&finding.id, &object) && known.expires > now;
        self.acceptance(finding, now).is_some() || finding.informational && self.acknowledged.iter().any(said)
    }

    /// Whether anything of a finding is accepted at this moment, however bad it may be.
    pub(crate) fn accepts_any_of(&self, id: &FindingId, now: Timestamp) -> bool {
        let object = id.object.to_string();
        self.acknowledged.iter().any(|known| known.is_of(id, &object) && known.expires > now)
    }

    /// Whether a probe is asked for, where there is what it judges.
    pub(crate) fn switched_on(&self, probe: Probe) -> bool {
        match probe {
            Probe::Nodes
            | Probe::KubeSystem
            | Probe::Pods
            | Probe::Volumes
            | Probe::Own
            | Probe::Addresses
            | Probe::Alerts
            | Probe::Capacity => true,
            Probe::Ceph | Probe::CephTools => self.ceph,
            Probe::ArgoCd => self.argocd,
            Probe::Certificates => self.certificates,
            Probe::Usage => self.usage,
            Probe::Snapshots => self.snapshots,
            Probe::VolSync => self.volsync,
            Probe::Flux => self.flux,
            Probe::CloudNativePg => self.cloudnative_pg,
            Probe::ExternalSecrets => self.external_secrets,
            Probe::ApiServices => self.api_services,
            Probe::Webhooks => self.webhooks,
            Probe::Jobs => self.jobs,
            Probe::DisruptionBudgets => self.disruption_budgets,
            Probe::Services => self.services,
            Probe::Audit => !self.audit_blocks.is_empty(),
        }
    }

    /// Whether anybody asks for what was found: its probe is switched on, and the entry of the settings that found it is there.
    /// An alert does not tell by which of the sources it came.
    pub(crate) fn asks_for(&self, id: &FindingId) -> bool {
        match id.probe {
            Probe::Own => self.checks.iter().any(|check| check.name == id.rule),
            Probe::Addresses => self.addresses.iter().any(|address| address.name == id.object.name),
            Probe::Alerts => !self.alerts.is_empty(),
            // Asked for by tasks about it and by the schedule.
            Probe::Audit => true,
            probe => self.switched_on(probe),
        }
    }

    /// What has the right form and still makes no sense, each with what to do.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let named: [(&str, Vec<&str>); 3] = [
            ("checks", self.checks.iter().map(|check| check.name.as_str()).collect()),
            ("addresses", self.addresses.iter().map(|address| address.name.as_str()).collect()),
            ("alerts", self.alerts.iter().map(|source| source.name.as_str()).collect()),
        ];
        for (table, names) in named {
            for (place, name) in names.iter().enumerate() {
                if names[..place].contains(name) {
                    wrong.push(format!(
                        "there are two [[health.{table}]] called `{name}`: give each a name of its own, its findings are known by it"
                    ));
                }
            }
        }
        for (of, yellow, red) in [
            ("disk", self.disk_yellow_percent, self.disk_red_percent),
            ("claim", self.claim_yellow_percent, self.claim_red_percent),
            ("memory", self.memory_yellow_percent, self.memory_red_percent),
            ("cpu", self.cpu_yellow_percent, self.cpu_red_percent),
        ] {
            if red > 0 && yellow > red {
                wrong.push(format!(
                    "health.{of}_yellow_percent is {yellow}, above health.{of}_red_percent, which is {red}: nothing would ever be YELLOW"
                ));
            }
        }
        for rule in self.audit_blocks.iter().filter(|rule| !rule.can_block()) {
            wrong.push(format!(
                "health.audit_blocks: `{}` cannot block: a look at the cluster alone does not see it; it is listed where it is known",
                rule.word()
            ));
        }
        for known in self.acknowledged.iter().filter(|known| known.probe.is_none()) {
            if self.checks.iter().any(|check| check.name == known.rule) {
                wrong.push(format!(
                    "health.acknowledged: the rule `{}` on {} is the name of a check: add probe = \"own\" if that is meant, \
                     else the probe that found it, as `caretaker recon --format json` names it",
                    known.rule, known.object
                ));
            }
        }
        wrong
    }

    /// The same, with more that is accepted.
    pub(crate) fn accepting(&self, more: impl IntoIterator<Item = Acknowledgement>) -> Self {
        let mut settings = self.clone();
        settings.acknowledged.extend(more);
        settings
    }

    /// How far two clocks may be apart.
    pub(crate) fn clocks_maximum_difference(&self) -> Duration {
        Duration::from_secs(self.clocks_maximum_difference_seconds)
    }

    /// How long one probe may take; never none at all.
    pub(crate) fn probe_timeout(&self) -> Duration {
        Duration::from_secs(self.probe_timeout_seconds.max(1))
    }

    /// How long ago a container may have ended and still count for any rule.
    pub(crate) fn recent_end(&self) -> Duration {
        let seconds = self.crash_loop_seconds.max(self.oom_killed_seconds).max(self.restarts_grow_seconds);
        Duration::from_secs(seconds)
    }

    /// The time within which restarts are counted.
    pub(crate) fn restarts_grow(&self) -> Duration {
        Duration::from_secs(self.restarts_grow_seconds)
    }

    /// How old a pass may be that a permit rests on.
    pub(crate) fn recon_maximum_age(&self) -> Duration {
        Duration::from_secs(self.recon_maximum_age_seconds)
    }
}
