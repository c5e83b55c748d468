//! The judgement of each probe: pure functions from what was read to a [`ProbeResult`].
//!
//! A word that we do not know is never GREEN. A finding hangs on what a person would mend (the workload, not its newest
//! pod), so that it stays the same finding while pods come and go.

mod application_sets;
mod applications;
mod backups;
mod budgets;
mod capacity;
mod ceph;
mod ceph_tools;
mod certificates;
mod clocks;
mod containers;
mod declared;
mod extensions;
mod external_secrets;
mod flux;
mod jobs;
mod mounts;
mod node_versions;
mod node_work;
mod nodes;
mod pods;
mod postgres;
mod replication;
mod reporter;
mod services;
mod snapshots;
mod usage;
mod volumes;
mod workloads;

pub(super) use application_sets::judge_application_sets;
pub(super) use applications::{is_good as is_application_good, judge_applications, with_suspended};
pub(super) use budgets::judge_budgets;
pub(super) use capacity::judge_capacity;
pub(super) use ceph::{Muted, judge_ceph};
pub(super) use ceph_tools::{ToolsReading, judge_ceph_tools};
pub(super) use certificates::{is_ready as is_certificate_ready, judge_certificates};
pub(super) use containers::RESTARTS_GROW;
pub(super) use extensions::{judge_api_services, judge_webhooks};
pub(super) use external_secrets::judge_external_secrets;
pub(super) use flux::judge_flux;
pub(super) use jobs::judge_jobs;
pub(super) use mounts::{read as read_mounts, waiting as waiting_for_volumes};
pub(super) use nodes::{NodesReading, in_work as nodes_in_work, is_ready as is_node_ready, judge_nodes};
pub(super) use pods::{PodsReading, judge_pods};
pub(super) use postgres::{judge_postgres, last_backup};
pub(super) use replication::judge_replication;
pub(super) use reporter::{SILENT, controllers_silent};
pub(super) use services::{
    PODS_NOT_MADE, SELECTS_NOTHING, disconnected, judge_services, seen as services_seen, with_answered,
};
pub(super) use snapshots::judge_snapshots;
pub(super) use usage::judge_usage;
pub(super) use volumes::{List, VolumesReading, judge_volumes};

use super::{Finding, FindingId, Grounds, Probe, ProbeResult, Settings, Verdict};
use crate::cluster::{ClusterError, Condition, ObjectRef, Workload};
use jiff::Timestamp;
use std::time::Duration;

/// Whether a workload is one by which what others say is believed, or excused, or one that is listed, so that it has to be
/// known although it is well.
pub(crate) fn is_a_reporter(workload: &Workload) -> bool {
    // One that is to run no pod tells why nothing answers behind a Service; whether a DaemonSet was changed until then, or a
    // StatefulSet scaled down, it tells while it is well. There are few.
    let runs_none = workload.desired == 0;
    if runs_none
        || matches!(workload.object.kind.as_str(), "DaemonSet" | "StatefulSet")
        || workload.held_back.is_some()
        || workload.annotations.contains_key(node_work::KURED_LOCK)
    {
        return true;
    }
    declared::reporters().any(|one| one.is(workload))
}

/// How old something is. What lies ahead of our clock is new: the reporter's clock may run fast. A sign of life is judged by
/// [`no_life`].
pub(super) fn age(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}

/// Why a sign of life is none: it is older than it may be, or lies further ahead of our clock than clocks may differ, so that
/// nobody knows how old it is.
pub(super) fn no_life(now: Timestamp, at: Timestamp, maximum: u64, settings: &Settings) -> Option<String> {
    let ahead = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    if ahead > settings.clocks_maximum_difference() {
        return Some(format!("{} s ahead of our clock: whoever wrote it has another", ahead.as_secs()));
    }
    let old = age(now, at);
    (old > Duration::from_secs(maximum)).then(|| format!("{} s old, allowed are {maximum} s", old.as_secs()))
}

/// The day of a moment, for the line of a probe.
pub(super) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Whether something began so lately that it is forgiven. What nobody knows the beginning of is not.
pub(super) fn is_recent(since: Option<Timestamp>, now: Timestamp, grace: Duration) -> bool {
    since.is_some_and(|since| age(now, since) <= grace)
}

/// The condition of that type.
pub(super) fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// What a condition says, as evidence.
pub(super) fn said(condition: &Condition) -> String {
    let said =
        format!("{} is {:?}: {} {}", condition.kind, condition.status, condition.reason, condition.message);
    said.trim_end_matches([' ', ':']).to_owned()
}

/// A finding of a probe.
pub(super) fn finding(
    probe: Probe,
    rule: &str,
    object: ObjectRef,
    verdict: Verdict,
    message: String,
    evidence: String,
) -> Finding {
    Finding {
        id: FindingId { probe, rule: rule.to_owned(), object },
        layer: probe.layer(),
        verdict,
        message,
        evidence,
        since: None,
        made_at: None,
        informational: false,
        grounds: Grounds::default(),
        acknowledged: false,
        cause: None,
    }
}

impl Finding {
    /// With the moment since when it is so.
    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    /// With when the run was made that it is about.
    pub(super) fn of_run(self, made_at: Option<Timestamp>) -> Self {
        Self { made_at, ..self }
    }

    /// As one that is listed and does not block.
    pub(super) fn listed_only(self) -> Self {
        Self { informational: true, ..self }
    }
}

/// The answer of a probe that could read: the worst of what blocks.
pub(super) fn judged(probe: Probe, summary: String, findings: Vec<Finding>) -> ProbeResult {
    let blocking = findings.iter().filter(|finding| !finding.informational);
    let verdict = blocking.map(|finding| finding.verdict).max().unwrap_or(Verdict::Green);
    ProbeResult { probe, layer: probe.layer(), used: true, verdict, summary, findings }
}

/// The answer of a probe with what another reading found besides.
pub(super) fn with_more(result: ProbeResult, more: Vec<Finding>) -> ProbeResult {
    let ProbeResult { probe, layer, summary, mut findings, .. } = result;
    findings.extend(more.into_iter().map(|one| Finding { layer, ..one }));
    ProbeResult { layer, ..judged(probe, summary, findings) }
}

/// The answer of a probe whose kind is not installed, or that is switched off.
pub(super) fn unused(probe: Probe, why: &str) -> ProbeResult {
    ProbeResult {
        probe,
        layer: probe.layer(),
        used: false,
        verdict: Verdict::Green,
        summary: why.to_owned(),
        findings: Vec::new(),
    }
}

/// The answer of a probe that could not read: UNKNOWN. One that never blocks counts as not used.
pub(super) fn unread(probe: Probe, why: &str) -> ProbeResult {
    let found = not_read(probe, why);
    let found = if probe.may_be_missing() { found.listed_only() } else { found };
    ProbeResult {
        probe,
        layer: probe.layer(),
        used: !probe.may_be_missing(),
        verdict: Verdict::Unknown,
        summary: format!("not read: {why}"),
        findings: vec![found],
    }
}

/// The finding of a probe that could read some of its lists and not others; none where all were read.
fn lists_not_read(probe: Probe, lists: &[(&str, Option<&ClusterError>)]) -> Option<Finding> {
    let errors: Vec<String> =
        lists.iter().filter_map(|(list, error)| error.map(|error| format!("{list}: {error}"))).collect();
    if errors.is_empty() {
        return None;
    }
    Some(not_read(probe, &errors.join("; ")))
}

/// The beginning of a text from outside: its first line, and not more than a line of ours.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 240;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

/// The rule of what could not be read.
const NOT_READ: &str = "not-read";

/// Whether something that a probe judges could not be read.
pub(super) fn is_not_read(result: &ProbeResult) -> bool {
    result.findings.iter().any(Finding::is_not_read)
}

impl Finding {
    /// Whether it says that something could not be read, and nothing of what there is.
    pub(crate) fn is_not_read(&self) -> bool {
        self.id.is_not_read()
    }
}

impl FindingId {
    /// The same of what makes it this one.
    pub(crate) fn is_not_read(&self) -> bool {
        self.rule == NOT_READ
    }
}

/// That something which a probe judges could not be read.
pub(super) fn not_read(probe: Probe, why: &str) -> Finding {
    let message = format!("the probe {} could not be run", probe.word());
    let object = ObjectRef::new("Probe", "", probe.word());
    finding(probe, NOT_READ, object, Verdict::Unknown, message, why.to_owned())
}

#[cfg(test)]
pub(super) use applications::tests as applications_testing;
#[cfg(test)]
pub(super) use mounts::Mounts;

#[cfg(test)]
mod documented {
    /// The sources whose head holds a table of rules.
    const SOURCES: [(&str, &str); 16] = [
        ("applications", include_str!("applications.rs")),
        ("certificates", include_str!("certificates.rs")),
        ("usage", include_str!("usage.rs")),
        ("capacity", include_str!("capacity.rs")),
        ("addresses", include_str!("../outside/address.rs")),
        ("alerts", include_str!("../outside/alerts.rs")),
        ("volumes", include_str!("volumes/mod.rs")),
        ("snapshots", include_str!("snapshots.rs")),
        ("replication", include_str!("replication.rs")),
        ("jobs", include_str!("jobs.rs")),
        ("budgets", include_str!("budgets.rs")),
        ("services", include_str!("services.rs")),
        ("nodes", include_str!("nodes.rs")),
        ("ceph", include_str!("ceph.rs")),
        ("ceph-tools", include_str!("ceph_tools.rs")),
        ("audit", include_str!("../audit/mod.rs")),
    ];

    #[test]
    fn the_rules_at_the_head_of_a_probe_stand_in_the_documentation_word_for_word() {
        let page = include_str!("../../../docs/health.md");
        for (probe, source) in SOURCES {
            let rows: Vec<&str> = source
                .lines()
                .filter_map(|line| line.strip_prefix("//! "))
                .filter(|row| row.starts_with('|'))
                .collect();
            assert!(rows.len() > 3, "{probe} has a table");
            assert!(page.contains(&rows.join("\n")), "the table of {probe} is another one in docs/health.md");
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The moment of the tables' tests.
    pub(in crate::health) fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().expect("a time")
    }

    /// So many seconds before it.
    pub(in crate::health) fn ago(seconds: i64) -> Timestamp {
        now() - jiff::SignedDuration::from_secs(seconds)
    }

    /// As the settings are read.
    pub(in crate::health) fn of_toml<T: serde::de::DeserializeOwned>(
        text: &str,
    ) -> Result<T, ::config::ConfigError> {
        let file = ::config::File::from_str(text, ::config::FileFormat::Toml);
        ::config::Config::builder().add_source(file).build()?.try_deserialize()
    }

    /// A workload of one replica that serves.
    pub(in crate::health) fn workload(object: ObjectRef) -> Workload {
        Workload {
            object,
            generation: 1,
            observed_generation: 1,
            desired: 1,
            replicas: 1,
            updated: 1,
            held_back: None,
            available: 1,
            paused: false,
            conditions: Vec::new(),
            images: Vec::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            hidden_environment: false,
            has_volume: false,
            labels: std::collections::BTreeMap::new(),
            pod_labels: std::collections::BTreeMap::new(),
            annotations: std::collections::BTreeMap::new(),
        }
    }

    /// Rules and verdicts of the findings that block, in their order.
    pub(in crate::health) fn rules(result: &ProbeResult) -> Vec<(&str, Verdict)> {
        let blocking = result.findings.iter().filter(|finding| !finding.informational);
        blocking.map(|finding| (finding.id.rule.as_str(), finding.verdict)).collect()
    }
}
