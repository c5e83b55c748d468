//! What each probe goes by: where it reads, how old an answer may be, and what shows that whoever gives it lives.
//!
//! One declaration for every probe, so that none is added without an answer to the three questions. Where the answer is "none"
//! it says why that is enough. `docs/health.md` shows them as a table, which a test compares.

use super::reporter::Reporter;
use super::{application_sets, certificates, external_secrets, flux, postgres, replication, snapshots};
use crate::health::Probe;

/// Where a probe reads.
#[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it"))]
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// Watches, or lists where no watch lives: what is old there the watch shows by itself.
    Watched(&'static str),
    /// Lists at each look.
    Listed(&'static str),
    /// Commands in a container, at each look.
    Exec(&'static str),
    /// Answers of other servers, at each look.
    Http(&'static str),
}

/// How old an answer may be.
#[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it"))]
#[derive(Debug, Clone, Copy)]
pub(super) enum MaximumAge {
    /// As a setting under `[health]` says.
    Setting(&'static str),
    /// As the object itself says how often it is looked at.
    Interval(&'static str),
    /// None, and why.
    None(&'static str),
}

/// What shows that whoever reports lives.
#[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it"))]
#[derive(Debug, Clone, Copy)]
pub(super) enum SignOfLife {
    /// The workload of a controller is there and serves.
    Workload(Reporter),
    /// The same, where it is seen at all.
    WorkloadWhereSeen(Reporter),
    /// Argo CD's own, which is found in its namespace alone.
    ArgoCd,
    /// A Lease that is renewed.
    Lease(&'static str),
    /// A time in what is read.
    Time(&'static str),
    /// None, and why.
    None(&'static str),
}

/// What a probe goes by.
#[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it"))]
#[derive(Debug, Clone, Copy)]
pub(super) struct Declaration {
    pub(super) sources: &'static [Source],
    pub(super) ages: &'static [MaximumAge],
    pub(super) signs: &'static [SignOfLife],
}

/// What is read, and nothing that changes by itself: the object says what is so until somebody changes it.
const WATCHES_TELL: MaximumAge =
    MaximumAge::None("a watch shows itself that it lives, and a controller that lives writes what changes");
/// What is asked anew each time.
const ASKED_ANEW: MaximumAge = MaximumAge::None("it is asked at each look");
/// Those of whom the control plane's controllers tell.
const CONTROLLERS: SignOfLife = SignOfLife::Lease("`kube-system/kube-controller-manager`");
/// The same, of a probe that does not ask for it.
const CONTROLLERS_BY_OTHERS: SignOfLife = SignOfLife::None(
    "the control plane's controllers, whose Lease the probes `jobs`, `disruption-budgets` and `services` ask for",
);

impl Probe {
    /// What it goes by.
    pub(super) fn declaration(self) -> Declaration {
        use MaximumAge::{Interval, None as Ageless, Setting};
        use SignOfLife::{ArgoCd, Lease, None as Lifeless, Time, Workload, WorkloadWhereSeen};
        use Source::{Exec, Http, Listed, Watched};
        let (sources, ages, signs): (&[Source], &[MaximumAge], &[SignOfLife]) = match self {
            Self::Nodes => (
                &[Watched("Nodes"), Listed("the kubelets' Leases, the API server's version and clock")],
                &[
                    Setting("node_lease_maximum_age_seconds"),
                    Setting("node_condition_maximum_age_seconds"),
                    Setting("clocks_maximum_difference_seconds"),
                ],
                &[
                    Lease("of each kubelet in `kube-node-lease`"),
                    Time("`lastHeartbeatTime`, where Leases may not be read"),
                ],
            ),
            Self::KubeSystem | Self::Pods => (
                &[
                    Watched("pods, Deployments, StatefulSets, DaemonSets"),
                    Listed("Events of pods that wait for a volume"),
                ],
                &[WATCHES_TELL],
                &[
                    Lifeless(
                        "a pod counts on a node that is ready alone, and `nodes` asks for the kubelets'; a workload by `observedGeneration`",
                    ),
                    CONTROLLERS_BY_OTHERS,
                ],
            ),
            Self::Jobs => {
                (&[Watched("Jobs, CronJobs")], &[Setting("controllers_maximum_age_seconds")], &[CONTROLLERS])
            }
            Self::DisruptionBudgets => (
                &[Watched("PodDisruptionBudgets")],
                &[Setting("controllers_maximum_age_seconds")],
                &[CONTROLLERS],
            ),
            Self::Services => (
                &[Watched("Services, EndpointSlices")],
                &[Setting("controllers_maximum_age_seconds")],
                &[CONTROLLERS],
            ),
            Self::Ceph => (
                &[Watched("CephClusters")],
                &[Setting("ceph_maximum_age_seconds")],
                &[Time("`status.ceph.lastChecked`")],
            ),
            Self::CephTools => {
                (&[Exec("`ceph status`")], &[ASKED_ANEW], &[Lifeless("Ceph answers by itself")])
            }
            Self::ArgoCd => (
                &[Watched("Applications, ApplicationSets, AppProjects")],
                &[Setting("argocd_maximum_age_seconds"), Setting("argocd_operation_maximum_seconds")],
                &[ArgoCd, Time("`status.reconciledAt` of each"), Workload(application_sets::CONTROLLER)],
            ),
            Self::Certificates => (
                &[Watched("Certificates")],
                &[Ageless("`notAfter` and `renewalTime` tell when something is due")],
                &[Workload(certificates::CONTROLLERS[0]), Workload(certificates::CONTROLLERS[1])],
            ),
            Self::Usage => (
                &[Listed("NodeMetrics")],
                &[Setting("usage_maximum_age_seconds")],
                &[Time("`timestamp`; figures that are missing block nothing")],
            ),
            Self::Own => (
                &[Listed("what `[[health.checks]]` name")],
                &[ASKED_ANEW],
                &[Lifeless(
                    "whoever writes a check knows who reports; an expression may ask for the time of a field",
                )],
            ),
            Self::Addresses => {
                (&[Http("`[[health.addresses]]`")], &[ASKED_ANEW], &[Lifeless("the answer is the sign")])
            }
            Self::Alerts => (
                &[Http("`[[health.alerts]]`")],
                &[ASKED_ANEW],
                &[Lifeless("the alert that always fires, where a `heartbeat` is set")],
            ),
            Self::Capacity => (
                &[Http("each kubelet's `stats/summary`, through the API server")],
                &[Setting("usage_maximum_age_seconds")],
                &[Time("`time` of each disk and volume")],
            ),
            Self::Volumes => (
                &[Watched("PersistentVolumes, PersistentVolumeClaims, VolumeAttachments, StorageClasses")],
                &[WATCHES_TELL],
                &[CONTROLLERS_BY_OTHERS],
            ),
            Self::Snapshots => (
                &[Watched("VolumeSnapshots")],
                &[Setting("snapshot_grace_seconds")],
                &[WorkloadWhereSeen(snapshots::CONTROLLER)],
            ),
            Self::VolSync => (
                &[Watched("ReplicationSources, PersistentVolumeClaims")],
                &[Setting("volsync_overdue_seconds")],
                &[
                    WorkloadWhereSeen(replication::CONTROLLER),
                    Time("a copy that is due by its trigger, and was not begun"),
                ],
            ),
            Self::Flux => (
                &[Watched("sources, Kustomizations, HelmReleases")],
                &[Interval(
                    "the shortest `spec.interval` of the Kustomizations that are well, the longest `spec.timeout` of all that are not suspended (its own interval where that is not said; no less than the shortest interval) and the grace time",
                )],
                &[
                    Workload(flux::CONTROLLERS[0].1),
                    Workload(flux::CONTROLLERS[1].1),
                    Workload(flux::CONTROLLERS[2].1),
                    Time(
                        "the newest `status.history` of all Kustomizations; the controllers of sources and HelmReleases write nothing where nothing changes",
                    ),
                ],
            ),
            Self::CloudNativePg => (
                &[Watched("Clusters, ScheduledBackups, Backups")],
                &[Setting("backup_maximum_lateness_seconds")],
                &[Workload(postgres::OPERATOR)],
            ),
            Self::ExternalSecrets => (
                &[Watched("ExternalSecrets, SecretStores, ClusterSecretStores")],
                &[Interval("twice `spec.refreshInterval`, and the grace time")],
                &[Workload(external_secrets::CONTROLLER), Time("`status.refreshTime`")],
            ),
            Self::ApiServices => (
                &[Watched("APIServices")],
                &[WATCHES_TELL],
                &[Lifeless("the API server asks them itself, and answers us")],
            ),
            Self::Webhooks => (
                &[Watched("webhook configurations, EndpointSlices")],
                &[WATCHES_TELL],
                &[CONTROLLERS_BY_OTHERS],
            ),
            Self::Audit => (
                &[Listed("what the audit's table names")],
                &[ASKED_ANEW],
                &[Lifeless("it goes by what people wrote, and not by what somebody reports")],
            ),
        };
        Declaration { sources, ages, signs }
    }
}

/// The controllers that the probes go by: each has to be known although it is well.
pub(super) fn reporters() -> impl Iterator<Item = Reporter> {
    let signs = Probe::ALL.into_iter().flat_map(|probe| probe.declaration().signs);
    signs.filter_map(|sign| match sign {
        SignOfLife::Workload(reporter) | SignOfLife::WorkloadWhereSeen(reporter) => Some(*reporter),
        SignOfLife::ArgoCd | SignOfLife::Lease(_) | SignOfLife::Time(_) | SignOfLife::None(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::is_a_reporter;
    use super::super::reporter::tests::deployment;
    use super::*;
    use crate::health::Settings;

    fn row(probe: Probe) -> String {
        let Declaration { sources, ages, signs } = probe.declaration();
        let source = |source: &Source| match source {
            Source::Watched(what) => format!("watch: {what}"),
            Source::Listed(what) => format!("list: {what}"),
            Source::Exec(what) => format!("exec: {what}"),
            Source::Http(what) => format!("HTTP: {what}"),
        };
        let age = |age: &MaximumAge| match age {
            MaximumAge::Setting(name) => format!("`health.{name}`"),
            MaximumAge::Interval(what) => (*what).to_owned(),
            MaximumAge::None(why) => format!("none: {why}"),
        };
        let sign = |sign: &SignOfLife| match sign {
            SignOfLife::Workload(reporter) => format!("the workload `{}`", reporter.name),
            SignOfLife::WorkloadWhereSeen(reporter) => {
                format!("the workload `{}`, where it is seen", reporter.name)
            }
            SignOfLife::ArgoCd => "the workload `argocd-application-controller`".to_owned(),
            SignOfLife::Lease(which) => format!("the Lease {which}"),
            SignOfLife::Time(field) => (*field).to_owned(),
            SignOfLife::None(why) => format!("none of its own: {why}"),
        };
        let joined = |all: Vec<String>| all.join("; ");
        format!(
            "| `{}` | {} | {} | {} |",
            probe.word(),
            joined(sources.iter().map(source).collect()),
            joined(ages.iter().map(age).collect()),
            joined(signs.iter().map(sign).collect())
        )
    }

    #[test]
    fn what_each_probe_goes_by_stands_in_the_documentation() {
        let page = include_str!("../../../docs/health.md");
        let rows: Vec<String> = Probe::ALL.into_iter().map(row).collect();
        assert!(page.contains(&rows.join("\n")), "docs/health.md lacks this table:\n{}", rows.join("\n"));
    }

    #[test]
    fn a_maximum_age_that_is_declared_is_a_setting() {
        let settings = serde_json::to_value(Settings::default()).expect("written");
        for probe in Probe::ALL {
            let declaration = probe.declaration();
            assert!(!declaration.sources.is_empty() && !declaration.ages.is_empty(), "{probe:?}");
            assert!(!declaration.signs.is_empty(), "{probe:?}");
            for age in declaration.ages {
                if let MaximumAge::Setting(name) = age {
                    assert!(settings[*name].as_u64().is_some_and(|seconds| seconds > 0), "{name}");
                }
            }
        }
    }

    #[test]
    fn a_controller_that_is_declared_is_known_although_it_is_well() {
        let known: Vec<&str> = reporters().map(|reporter| reporter.name).collect();
        for name in
            ["kustomize-controller", "cloudnative-pg", "external-secrets", "volsync", "snapshot-controller"]
        {
            assert!(known.contains(&name), "{name}: {known:?}");
        }
        for reporter in reporters() {
            let mut workload = deployment("any", reporter.name);
            workload.labels.extend(
                reporter.part_of.map(|part| ("app.kubernetes.io/part-of".to_owned(), part.to_owned())),
            );
            assert!(is_a_reporter(&workload), "{}", reporter.name);
        }
        assert!(!is_a_reporter(&deployment("web", "shop")));
    }
}
