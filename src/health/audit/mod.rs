//! What is well today and would not be on a bad day: the resilience audit.
//!
//! It is asked for by a person or a schedule and is no part of the gate, unless `health.audit_blocks` names one of its rules:
//! a manifest that could be better is no reason to keep a security update back. Everything is read page by page and judged
//! as it comes: of a large cluster nothing is kept but what was found. What could not be read leaves the rules that rest on it
//! unsaid, and is told by `not-read`: a list that may not be read is no list of things that are well.
//!
//! A rule goes by what the API server tells. Whether a copy can be restored, or a program waits for its database, no
//! manifest says: the first is a reminder, the second shows only where it went wrong.
//!
//! | Rule | On | When |
//! |---|---|---|
//! | `no-readiness-probe` | Deployment, StatefulSet, DaemonSet | no container of its pods has a `readinessProbe` |
//! | `no-liveness-probe` | the same | no container of its pods has a `livenessProbe` |
//! | `no-startup-probe` | the same | a `livenessProbe` waits for 30 seconds or more (`initialDelaySeconds`), and there is no `startupProbe` |
//! | `no-requests` | the same, CronJob | a container requests no CPU, or no memory; a limit counts as a request |
//! | `no-memory-limit` | the same | a container has no limit of memory |
//! | `moving-image` | the same | an image has no tag, or the tag `latest`, and no digest |
//! | `pulls-always` | the same | `imagePullPolicy` is Always for an image that does not move: each start needs the registry |
//! | `not-retried` | CronJob | `backoffLimit` is 0 and `restartPolicy` is Never |
//! | `bare-pod` | Pod | no controller makes it anew |
//! | `no-budget` | Deployment, StatefulSet | two or more replicas, and no PodDisruptionBudget selects them; one that blocks every drain is a finding of `disruption-budgets` |
//! | `not-spread` | the same | two or more replicas, two or more nodes, and neither `topologySpreadConstraints` nor `podAntiAffinity` |
//! | `cannot-spread` | the same | a required `podAntiAffinity` by host name, and more replicas than nodes that take pods |
//! | `replicas-on-one-node` | the same | two or more replicas, and one node |
//! | `no-claim` | StatefulSet | neither `volumeClaimTemplates` nor a volume that outlives its pod |
//! | `starts-too-early` | the pod's workload | a container that runs now ended with an error within a minute of its start, in the first ten minutes of its pod |
//! | `not-backed-up` | PersistentVolumeClaim | it is bound, and neither VolSync, Velero nor a ScheduledBackup of CloudNativePG copies it |
//! | `restore-not-tested` | `RestoreTest YYYY-MM`, one a month | there are claims |
//! | `scales-on-one-node` | HorizontalPodAutoscaler | one node |
//! | `fills-up` | Node, PersistentVolumeClaim, CephCluster | what `serve` noted of it each day, over two weeks or more, leads to its YELLOW limit within 90 days (Ceph: 85 percent); where `schedule.trends` is set |
//! | `plain-secret` | a file in Git | a Secret with values that are not encrypted; where there is a forge |
//! | `not-read` | the probe | a list could not be read |

mod backups;
mod files;
mod pods;
mod read;
mod rule;
#[cfg(test)]
mod tests;
mod workloads;

pub(crate) use files::{is_manifest, plain_secrets};
pub(crate) use rule::AuditRule;

use super::probes::{day, judged, not_read};
use super::recon::within;
use super::{Finding, FindingId, Grounds, Layer, Probe, ProbeResult, Recon, Settings, Verdict};
use crate::cluster::{Cluster, ObjectRef};
use backups::Backups;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use read::{Unread, kinds, list};
use std::collections::BTreeMap;
use std::time::Instant;
use workloads::{Around, Judged};

/// Reads and judges everything that the cluster tells.
pub(super) async fn audit(cluster: &dyn Cluster, settings: &Settings, now: Timestamp) -> ProbeResult {
    // One time for both halves: a permit waits for what the settings let block.
    let (whole, begun) = (settings.probe_timeout(), Instant::now());
    let limit = whole;
    let mut unread = Unread::default();
    // Those that the others are compared with.
    let (nodes, budgets) = tokio::join!(
        within(limit, "nodes", list(cluster, &kinds::NODES, Vec::new, workloads::take_node)),
        within(limit, "budgets", list(cluster, &kinds::BUDGETS, Vec::new, workloads::take_budget)),
    );
    let around =
        Around { nodes: unread.or_none("nodes", nodes), budgets: unread.or_none("budgets", budgets) };
    let judge = Judged::default;
    let limit = whole.saturating_sub(begun.elapsed());
    let (deployments, stateful, daemons, cron_jobs, autoscalers, pods, backups) = tokio::join!(
        within(
            limit,
            "deployments",
            list(cluster, &kinds::DEPLOYMENTS, judge, |judged, one: Deployment| judged
                .take(one.into(), &around))
        ),
        within(
            limit,
            "stateful sets",
            list(cluster, &kinds::STATEFUL_SETS, judge, |judged, one: StatefulSet| judged
                .take(one.into(), &around))
        ),
        within(
            limit,
            "daemon sets",
            list(cluster, &kinds::DAEMON_SETS, judge, |judged, one: DaemonSet| judged
                .take(one.into(), &around))
        ),
        within(
            limit,
            "cron jobs",
            list(cluster, &kinds::CRON_JOBS, judge, |judged, one: CronJob| judged.take(one.into(), &around))
        ),
        within(
            limit,
            "autoscalers",
            list(cluster, &kinds::AUTOSCALERS, judge, |judged, one| judged.take_autoscaler(&one, &around))
        ),
        within(
            limit,
            "pods",
            list(cluster, &kinds::PODS, Vec::new, |found, one| pods::take(found, &one, now))
        ),
        Backups::read(cluster, limit),
    );
    let mut findings = Vec::new();
    let mut workloads = 0;
    for (what, judged) in [
        ("deployments", deployments),
        ("stateful sets", stateful),
        ("daemon sets", daemons),
        ("cron jobs", cron_jobs),
        ("autoscalers", autoscalers),
    ] {
        if let Some(judged) = unread.or_none(what, judged) {
            workloads += judged.seen;
            findings.extend(judged.findings);
        }
    }
    findings.extend(pods::findings(unread.or_none("pods", pods).unwrap_or_default()));
    findings.extend(backups.judge(&mut unread, now));
    let things = if findings.len() == 1 { "1 thing" } else { &format!("{} things", findings.len()) };
    let summary = format!("{workloads} workloads audited, {things} to make better");
    let result = judged(Probe::Audit, summary, findings);
    match unread.told() {
        None => result,
        // Nothing that it did not find is gone.
        Some(why) => {
            let mut findings = result.findings;
            findings.push(not_read(Probe::Audit, &why).listed_only());
            ProbeResult { used: false, verdict: Verdict::Unknown, findings, ..result }
        }
    }
}

impl Finding {
    /// The rule of the audit that it is of.
    pub(crate) fn audit_rule(&self) -> Option<AuditRule> {
        AuditRule::of_word(&self.id.rule).filter(|_| self.id.probe == Probe::Audit)
    }
}

impl FindingId {
    /// Whether only a person can say that it is mended.
    pub(crate) fn is_told_by_people(&self) -> bool {
        self.probe == Probe::Audit && AuditRule::of_word(&self.rule).is_some_and(AuditRule::is_told_by_people)
    }

    /// Whether it says that the files in Git could not be read: only an audit that looks for them tells whether that is over.
    pub(crate) fn is_of_files_unread(&self) -> bool {
        self.probe == Probe::Audit && self.is_not_read() && self.object.name == FILES
    }
}

/// A finding of the audit: listed, until the settings say that its rule blocks.
fn found(rule: AuditRule, object: ObjectRef, what: &str, evidence: String) -> Finding {
    let layer = if object.namespace == "kube-system" { Layer::System } else { Probe::Audit.layer() };
    Finding {
        message: format!("{object} {what}"),
        id: FindingId { probe: Probe::Audit, rule: rule.word().to_owned(), object },
        layer,
        verdict: Verdict::Yellow,
        evidence,
        since: None,
        made_at: None,
        informational: true,
        grounds: Grounds::default(),
        acknowledged: false,
        cause: None,
    }
}

/// What says of itself that it could not be read, besides the probe: not every audit looks for the files.
const FILES: &str = "audit-files";

/// That the files in Git could not be read: another thing than that a kind of the cluster's could not, and over by another answer.
fn files_not_read(why: &str) -> Finding {
    let mut found = not_read(Probe::Audit, why).listed_only();
    FILES.clone_into(&mut found.id.object.name);
    "the files in Git could not be read".clone_into(&mut found.message);
    found
}

/// What the manifests in Git come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FilesAudited {
    /// How many were looked through.
    pub(crate) looked_at: usize,
    /// How many were not: too large, too many, or gone meanwhile.
    pub(crate) left: usize,
    /// The Secrets that anybody can read, by path and line.
    pub(crate) secrets: Vec<(String, usize)>,
}

/// What fills up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trending {
    /// The object, as findings name it.
    pub(crate) object: String,
    /// How full it is.
    pub(crate) percent: u64,
    /// From how full on it is not well, in percent.
    pub(crate) limit: u8,
    /// When it is so full.
    pub(crate) full_at: Timestamp,
    /// How much more it is each day.
    pub(crate) bytes_a_day: f64,
    /// By how many samples.
    pub(crate) samples: usize,
}

impl Recon {
    /// Adds what fills up to an audit of the cluster.
    pub(crate) fn add_trends(&mut self, trends: Vec<Trending>) {
        let Some(audit) = self.probes.iter_mut().find(|result| result.probe == Probe::Audit) else { return };
        audit.findings.extend(trends.into_iter().map(|trend| {
            let Trending { object, percent, limit, full_at, bytes_a_day, samples } = trend;
            let (kind, name) = object.split_once(' ').unwrap_or(("Probe", &object));
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            let what = format!("is {limit} % full about {}", day(full_at));
            let evidence = format!(
                "{percent} % now, {:.1} GiB more a day by {samples} samples",
                bytes_a_day / (1024.0 * 1024.0 * 1024.0)
            );
            found(AuditRule::FillsUp, ObjectRef::new(kind, namespace, name), &what, evidence)
        }));
    }

    /// Adds what the files in Git come to, or why they could not be read, to an audit of the cluster.
    pub(crate) fn add_files(&mut self, files: Result<FilesAudited, String>) {
        let Some(audit) = self.probes.iter_mut().find(|result| result.probe == Probe::Audit) else { return };
        match files {
            Ok(FilesAudited { looked_at, left, secrets }) => {
                let of = if secrets.len() == 1 { "1 Secret" } else { &format!("{} Secrets", secrets.len()) };
                let left = if left > 0 { format!(" ({left} not looked through)") } else { String::new() };
                audit.summary = format!(
                    "{}; {looked_at} manifests in Git{left}, {of} in them that anybody can read",
                    audit.summary
                );
                let mut by_path: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for (path, line) in secrets {
                    by_path.entry(path).or_default().push(line.to_string());
                }
                audit.findings.extend(by_path.into_iter().map(|(path, lines)| {
                    let what = "holds a Secret that everybody can read who reads the repository";
                    let evidence =
                        format!("kind = Secret in line {}, its values are not encrypted", lines.join(", "));
                    found(AuditRule::PlainSecret, ObjectRef::new("File", "", &path), what, evidence)
                }));
            }
            Err(why) => {
                audit.summary += "; the files in Git were not read";
                audit.findings.push(files_not_read(&why));
                return;
            }
        }
        self.files_read = true;
    }
}

/// The same where the settings name rules that block: their findings, and that something could not be read, count for the
/// gate. The others are kept where the `whole` audit was asked for.
pub(super) fn blocking(result: ProbeResult, rules: &[AuditRule], whole: bool) -> ProbeResult {
    let ProbeResult { probe, summary, findings, .. } = result;
    let blocks =
        |finding: &Finding| AuditRule::of_word(&finding.id.rule).is_none_or(|rule| rules.contains(&rule));
    let findings = findings
        .into_iter()
        .filter(|finding| whole || blocks(finding))
        .map(|finding| Finding { informational: !blocks(&finding), ..finding })
        .collect();
    judged(probe, summary, findings)
}
