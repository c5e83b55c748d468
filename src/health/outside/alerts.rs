//! Alerts that fire in a Prometheus or an Alertmanager.
//!
//! | Rule | Verdict | When |
//! |---|---|---|
//! | its `alertname` | RED | it fires, and its label `severity` is critical, error or page |
//! | its `alertname` | listed | it fires, and its `severity` is info, information or none; or it is silenced or inhibited, or about a pod that is not there any more |
//! | its `alertname` | YELLOW | it fires, with any other `severity` or without one |
//! | `no-heartbeat` | UNKNOWN | the alert that always fires does not: nobody evaluates the rules |
//! | `not-read` | UNKNOWN | no answer, or one that cannot be read |
//!
//! Several alerts of a name on one object are one finding. Whose labels name a workload, a claim, a Job, a pod that is there or a node is
//! about that, or about whatever made the pod, and follows from what is wrong with it.

use super::{Bounds, STAYING, address, apps, ask, name};
use crate::cluster::{ObjectRef, PodLedger, workload_of};
use crate::health::probes::{finding, judged, not_read, shortened};
use crate::health::{Finding, FindingId, Grounds, Layer, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The labels that name what an alert is about, with its kind.
const KINDS: [(&str, &str); 4] = [
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
];
/// Whoever tells of pods of others, by what Prometheus calls the job of asking them.
const OF_PODS: [&str; 3] = ["kube-state-metrics", "kubelet", "cadvisor"];
/// A longer answer is refused.
const LONGEST: usize = 8 << 20;

/// Where alerts are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertSource {
    /// What people call it.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Its address, without `/api`.
    #[serde(deserialize_with = "address")]
    pub url: Url,
    /// What answers there.
    pub kind: AlertKind,
    /// The file that holds the token to ask with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The alert that always fires, as a sign of life; empty where there is none.
    #[serde(default = "watchdog")]
    pub heartbeat: String,
    /// Alerts that are nothing.
    #[serde(default = "inhibitor")]
    pub ignored: Vec<String>,
    /// The layer that its alerts belong to.
    #[serde(default = "apps")]
    pub layer: Layer,
}

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AlertKind {
    /// Prometheus, or what answers as it does.
    Prometheus,
    /// Alertmanager, which knows what is silenced.
    Alertmanager,
}

fn watchdog() -> String {
    "Watchdog".to_owned()
}

fn inhibitor() -> Vec<String> {
    vec!["InfoInhibitor".to_owned()]
}

#[derive(Debug, Deserialize)]
struct OfPrometheus {
    status: String,
    data: PrometheusData,
}

#[derive(Debug, Deserialize)]
struct PrometheusData {
    alerts: Vec<PrometheusAlert>,
}

#[derive(Debug, Deserialize)]
struct PrometheusAlert {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    state: String,
    #[serde(rename = "activeAt", default)]
    active_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ManagerAlert {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(rename = "startsAt", default)]
    starts_at: Option<String>,
    status: ManagerStatus,
}

#[derive(Debug, Deserialize)]
struct ManagerStatus {
    state: String,
}

/// An alert that fires.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alert {
    labels: BTreeMap<String, String>,
    summary: String,
    since: Option<Timestamp>,
    silenced: bool,
}

/// Judges what was answered.
pub(super) fn judge(
    source: &AlertSource,
    answer: Result<Vec<Alert>, String>,
    pods: Option<&PodLedger>,
) -> ProbeResult {
    match answer {
        Ok(alerts) => result(source, alerts.len(), findings(source, &alerts, pods)),
        Err(why) => {
            let unread = not_read(Probe::Alerts, &format!("{}: {why}", source.name));
            result(source, 0, vec![Finding { layer: source.layer, ..unread }])
        }
    }
}

/// Asks.
pub(super) async fn read(source: &AlertSource, limit: Duration) -> Result<Vec<Alert>, String> {
    let client = STAYING.as_ref().map_err(Clone::clone)?;
    let path = match source.kind {
        AlertKind::Prometheus => "api/v1/alerts",
        AlertKind::Alertmanager => "api/v2/alerts",
    };
    let mut url = source.url.clone();
    url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    let mut request = client.get(url);
    if let Some(file) = &source.token_file {
        let text = tokio::fs::read_to_string(file)
            .await
            .map_err(|error| format!("the token in {} cannot be read: {error}", file.display()))?;
        let token = SecretString::from(text.trim().to_owned());
        request = request.bearer_auth(token.expose_secret());
    }
    let bounds = Bounds { limit, bytes: LONGEST, whole: true };
    let answer = ask(request, &bounds).await.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("it answers {}", answer.status));
    }
    alerts(source.kind, &answer.text)
}

/// The alerts of an answer that fire.
fn alerts(kind: AlertKind, text: &str) -> Result<Vec<Alert>, String> {
    let unreadable = |error: serde_json::Error| format!("not what {kind:?} answers: {error}");
    let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
    match kind {
        AlertKind::Prometheus => {
            let answer: OfPrometheus = serde_json::from_str(text).map_err(unreadable)?;
            if answer.status != "success" {
                return Err(format!("status {:?}", answer.status));
            }
            let mut firing = Vec::new();
            for alert in answer.data.alerts {
                match alert.state.as_str() {
                    // It may yet fire, and says so then.
                    "pending" | "inactive" => {}
                    "firing" => firing.push(Alert {
                        summary: summary(&alert.annotations),
                        labels: alert.labels,
                        since: time(alert.active_at),
                        silenced: false,
                    }),
                    other => return Err(format!("an alert in the state {other:?}, which nobody knows")),
                }
            }
            Ok(firing)
        }
        AlertKind::Alertmanager => {
            let answer: Vec<ManagerAlert> = serde_json::from_str(text).map_err(unreadable)?;
            let fires = |alert: ManagerAlert| match alert.status.state.as_str() {
                state @ ("active" | "unprocessed" | "suppressed") => Ok(Alert {
                    summary: summary(&alert.annotations),
                    since: time(alert.starts_at),
                    silenced: state == "suppressed",
                    labels: alert.labels,
                }),
                other => Err(format!("an alert in the state {other:?}, which nobody knows")),
            };
            answer.into_iter().map(fires).collect()
        }
    }
}

fn summary(annotations: &BTreeMap<String, String>) -> String {
    let said = annotations.get("summary").or_else(|| annotations.get("description"));
    said.map(|text| shortened(&text.split_whitespace().collect::<Vec<_>>().join(" "))).unwrap_or_default()
}

fn findings(source: &AlertSource, alerts: &[Alert], pods: Option<&PodLedger>) -> Vec<Finding> {
    let mut found: BTreeMap<FindingId, (Finding, usize)> = BTreeMap::new();
    let is_called = |alert: &&Alert, name: &str| alert.labels.get("alertname").is_some_and(|one| one == name);
    let counts = |alert: &&Alert| {
        !is_called(alert, &source.heartbeat) && !source.ignored.iter().any(|name| is_called(alert, name))
    };
    for alert in alerts.iter().filter(counts) {
        let one = of_alert(source, alert, pods);
        match found.entry(one.id.clone()) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert((one, 1));
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                let (known, count) = slot.get_mut();
                *count += 1;
                let rank = |finding: &Finding| (!finding.informational, finding.verdict);
                if rank(&one) > rank(known) {
                    *known = one;
                }
            }
        }
    }
    let several = |(finding, count): (Finding, usize)| match count {
        1 => finding,
        _ => Finding { message: format!("{} ({count} alerts)", finding.message), ..finding },
    };
    let mut found: Vec<Finding> = found.into_values().map(several).collect();
    let beats =
        source.heartbeat.is_empty() || alerts.iter().any(|alert| is_called(&alert, &source.heartbeat));
    if !beats {
        let object = ObjectRef::new("Alerts", "", &source.name);
        let message = format!("nobody evaluates the rules of {}", source.name);
        let evidence = format!("the alert {}, which always fires, does not", source.heartbeat);
        let silent = finding(Probe::Alerts, "no-heartbeat", object, Verdict::Unknown, message, evidence);
        found.push(Finding { layer: source.layer, ..silent });
    }
    found
}

/// What an alert says of pods.
enum OfPods {
    /// It is about that: the Job that it names, or whoever made the pod that it names, as findings are about them.
    About(ObjectRef),
    /// The pod is not there any more. Prometheus goes on for some minutes, and whatever took its place has an alert of its own.
    Gone,
    /// Nothing, or nobody knows.
    Nothing,
}

impl OfPods {
    /// The labels of a pod that is asked for figures are those of whoever says them (an exporter, an operator): only where the cluster's
    /// own figures of pods are meant, or where a rule put them together by pods, they are what it is about. kube-state-metrics puts
    /// its own pod into what it says of a node.
    fn of(alert: &Alert, pods: Option<&PodLedger>) -> Self {
        let label = |name: &str| alert.labels.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let Some(namespace) = label("namespace") else { return Self::Nothing };
        if let Some(name) = label("job_name") {
            let job = workload_of(&ObjectRef::new("Job", namespace, name), None);
            return job.map_or(Self::Nothing, Self::About);
        }
        let by_cluster = |job: &str| OF_PODS.iter().any(|name| job.contains(name));
        let is_meant = label("exported_pod").is_none() && label("job").is_none_or(by_cluster);
        let pod = label("pod").filter(|pod| is_meant && !pod.contains("kube-state-metrics"));
        match pod.zip(pods) {
            Some((pod, pods)) => match pods.workload(namespace, pod) {
                Some(object) => Self::About(object),
                None if is_named_by_chance(pod) => Self::Gone,
                None => Self::Nothing,
            },
            None => Self::Nothing,
        }
    }
}

/// Whether a pod's name ends as that of one does that is replaced by one of another name. Where others are missing they are missing.
fn is_named_by_chance(pod: &str) -> bool {
    pod.rsplit_once('-').is_some_and(|(_, end)| {
        end.len() == 5 && end.bytes().all(|letter| b"bcdfghjklmnpqrstvwxz2456789".contains(&letter))
    })
}

fn of_alert(source: &AlertSource, alert: &Alert, pods: Option<&PodLedger>) -> Finding {
    let label = |name: &str| alert.labels.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let alert_name = label("alertname").unwrap_or("an alert without a name");
    let namespace = label("namespace").unwrap_or_default();
    let kind = || KINDS.iter().find_map(|(key, kind)| Some(ObjectRef::new(kind, namespace, label(key)?)));
    let of_pods = kind().map_or_else(|| OfPods::of(alert, pods), OfPods::About);
    let is_gone = matches!(of_pods, OfPods::Gone);
    let named = match of_pods {
        OfPods::About(object) => Some(object),
        OfPods::Gone => None,
        OfPods::Nothing => label("node").map(|node| ObjectRef::new("Node", "", node)),
    };
    let object = named.clone().unwrap_or_else(|| ObjectRef::new("Alert", namespace, alert_name));
    let severity = label("severity");
    let (verdict, is_listed) = match severity {
        Some("critical" | "error" | "page") => (Verdict::Red, false),
        Some("info" | "information" | "none") => (Verdict::Yellow, true),
        Some(_) | None => (Verdict::Yellow, false),
    };
    let message = match alert.summary.as_str() {
        "" => format!("the alert {alert_name} fires"),
        said => format!("the alert {alert_name} fires: {said}"),
    };
    let silenced = if alert.silenced { ", silenced or inhibited" } else { "" };
    let gone = if is_gone { ", about a pod that is not there any more" } else { "" };
    let severity = severity.unwrap_or("none given");
    let evidence = format!("{}: severity = {severity}{silenced}{gone}", source.name);
    let found = finding(Probe::Alerts, alert_name, object, verdict, message, evidence)
        .since(alert.since)
        .resting_on(Grounds::any(named));
    Finding { layer: source.layer, informational: is_listed || alert.silenced || is_gone, ..found }
}

fn result(source: &AlertSource, firing: usize, findings: Vec<Finding>) -> ProbeResult {
    let summary = format!("{}: {firing} alerts fire", source.name);
    ProbeResult { layer: source.layer, ..judged(Probe::Alerts, summary, findings) }
}

#[cfg(test)]
mod tests {
    use super::super::super::probes::testing::of_toml;
    use super::*;
    use Verdict::{Red, Unknown, Yellow};
    use serde_json::json;

    fn source(more: &str) -> AlertSource {
        let text = format!(
            "name = \"alerts\"\nurl = \"http://prometheus.example.org\"\nkind = \"prometheus\"\n{more}"
        );
        of_toml(&text).expect("a source")
    }

    fn alert(labels: &[(&str, &str)]) -> Alert {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Alert { labels, summary: String::new(), since: None, silenced: false }
    }

    /// The shop's pod.
    fn pods() -> PodLedger {
        let pod = crate::cluster::Pod {
            namespace: "web".to_owned(),
            name: "shop-6d5f-x".to_owned(),
            phase: crate::cluster::PodPhase::Running,
            reason: String::new(),
            message: String::new(),
            conditions: Vec::new(),
            node: None,
            created_at: None,
            deleted_at: None,
            owner: Some(ObjectRef::new("ReplicaSet", "web", "shop-6d5f")),
            containers: Vec::new(),
            claims: Vec::new(),
            labels: [("pod-template-hash".to_owned(), "6d5f".to_owned())].into(),
        };
        let mut ledger = PodLedger::new(Duration::from_mins(10));
        ledger.put(pod, Timestamp::UNIX_EPOCH);
        ledger
    }

    fn told(source: &AlertSource, alerts: &[Alert]) -> Vec<(String, String, Verdict, bool)> {
        findings(source, alerts, Some(&pods()))
            .into_iter()
            .map(|one| (one.id.rule, one.id.object.to_string(), one.verdict, one.informational))
            .collect()
    }

    #[test]
    fn every_rule_for_an_alert() {
        let watchdog = || alert(&[("alertname", "Watchdog"), ("severity", "none")]);
        let on = |severity, more: &[(&'static str, &'static str)]| {
            let mut labels = vec![("alertname", "KubeSomething"), ("severity", severity)];
            labels.extend_from_slice(more);
            alert(&labels)
        };
        let cases: [(&str, Alert, (&str, Verdict, bool)); 19] = [
            ("critical", on("critical", &[]), ("Alert KubeSomething", Red, false)),
            ("warning", on("warning", &[("namespace", "web")]), ("Alert web/KubeSomething", Yellow, false)),
            ("info", on("info", &[]), ("Alert KubeSomething", Yellow, true)),
            ("none", on("none", &[]), ("Alert KubeSomething", Yellow, true)),
            ("a word that nobody knows", on("purple", &[]), ("Alert KubeSomething", Yellow, false)),
            ("no severity", alert(&[("alertname", "KubeSomething")]), ("Alert KubeSomething", Yellow, false)),
            (
                "a workload",
                on("critical", &[("namespace", "web"), ("deployment", "shop"), ("node", "metal1")]),
                ("Deployment web/shop", Red, false),
            ),
            (
                "a claim",
                on("critical", &[("namespace", "web"), ("persistentvolumeclaim", "data")]),
                ("PersistentVolumeClaim web/data", Red, false),
            ),
            (
                "a node",
                on("critical", &[("namespace", "monitoring"), ("node", "metal1")]),
                ("Node metal1", Red, false),
            ),
            (
                "a pod",
                on("critical", &[("namespace", "web"), ("pod", "shop-6d5f-x"), ("node", "metal1")]),
                ("Deployment web/shop", Red, false),
            ),
            (
                "a pod, by the figures of pods",
                on(
                    "critical",
                    &[("namespace", "web"), ("pod", "shop-6d5f-x"), ("job", "kube-state-metrics")],
                ),
                ("Deployment web/shop", Red, false),
            ),
            (
                "whoever says it of something else",
                on("critical", &[("namespace", "web"), ("pod", "shop-6d5f-x"), ("job", "rook-ceph-mgr")]),
                ("Alert web/KubeSomething", Red, false),
            ),
            (
                "the same, with the pod beside it",
                on("critical", &[("namespace", "web"), ("pod", "shop-6d5f-x"), ("exported_pod", "a")]),
                ("Alert web/KubeSomething", Red, false),
            ),
            (
                "a pod that is gone",
                on("critical", &[("namespace", "web"), ("pod", "shop-6d5f-bcdfg")]),
                ("Alert web/KubeSomething", Red, true),
            ),
            (
                "whoever says it of something else, and is gone",
                on("critical", &[("namespace", "web"), ("pod", "shop-6d5f-bcdfg"), ("job", "rook-ceph-mgr")]),
                ("Alert web/KubeSomething", Red, false),
            ),
            (
                "a node, by the figures of pods",
                on(
                    "critical",
                    &[
                        ("namespace", "web"),
                        ("pod", "x-kube-state-metrics-1"),
                        ("job", "kube-state-metrics"),
                        ("node", "metal1"),
                    ],
                ),
                ("Node metal1", Red, false),
            ),
            (
                "a Job",
                on("critical", &[("namespace", "web"), ("job_name", "import"), ("pod", "shop-6d5f-x")]),
                ("Job web/import", Red, false),
            ),
            (
                "a run of a CronJob",
                on("critical", &[("namespace", "web"), ("job_name", "backup-29380001")]),
                ("CronJob web/backup", Red, false),
            ),
            ("silenced", Alert { silenced: true, ..on("critical", &[]) }, ("Alert KubeSomething", Red, true)),
        ];
        for (name, alert, (object, verdict, listed)) in cases {
            let expected = vec![("KubeSomething".to_owned(), object.to_owned(), verdict, listed)];
            assert_eq!(told(&source(""), &[watchdog(), alert]), expected, "{name}");
        }
        let gone = on("critical", &[("namespace", "web"), ("pod", "shop-6d5f-bcdfg")]);
        let unread = findings(&source(""), &[watchdog(), gone], None);
        assert!(unread.len() == 1 && !unread[0].informational, "nobody knows whether it is gone");
        assert_eq!(told(&source(""), &[watchdog(), alert(&[("alertname", "InfoInhibitor")])]), []);
        assert_eq!(told(&source("heartbeat = \"\""), &[]), []);
        let silent = vec![("no-heartbeat".to_owned(), "Alerts alerts".to_owned(), Unknown, false)];
        assert_eq!(told(&source(""), &[]), silent);
        // Of several of a name, what blocks speaks for what is silenced.
        let both = [watchdog(), on("warning", &[]), Alert { silenced: true, ..on("critical", &[]) }];
        let expected = vec![("KubeSomething".to_owned(), "Alert KubeSomething".to_owned(), Yellow, false)];
        assert_eq!(told(&source(""), &both), expected);
    }

    #[test]
    fn answers_of_both_kinds_are_read_and_others_are_not_believed() {
        let prometheus = json!({"status": "success", "data": {"alerts": [
            {"labels": {"alertname": "A"}, "annotations": {"summary": "two\nlines"}, "state": "firing",
                "activeAt": "2026-11-21T11:00:00.5Z", "value": "1e+00"},
            {"labels": {"alertname": "B"}, "annotations": {}, "state": "pending", "activeAt": "2026-11-21T11:00:00Z",
                "value": "1e+00"}]}});
        let read = alerts(AlertKind::Prometheus, &prometheus.to_string()).expect("read");
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].summary, "two lines");
        assert_eq!(read[0].since, "2026-11-21T11:00:00.5Z".parse().ok());

        let manager = json!([
            {"labels": {"alertname": "A"}, "annotations": {}, "startsAt": "2026-11-21T11:00:00Z",
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}},
            {"labels": {"alertname": "B"}, "annotations": {}, "startsAt": "2026-11-21T11:00:00Z",
                "status": {"state": "suppressed", "silencedBy": ["1"], "inhibitedBy": []}}]);
        let read = alerts(AlertKind::Alertmanager, &manager.to_string()).expect("read");
        assert_eq!(read.iter().map(|alert| alert.silenced).collect::<Vec<_>>(), [false, true]);

        for (kind, text) in [
            (AlertKind::Prometheus, json!({"status": "error", "data": {"alerts": []}}).to_string()),
            (AlertKind::Prometheus, json!({"status": "success"}).to_string()),
            (AlertKind::Prometheus, prometheus.to_string().replace("pending", "dancing")),
            (AlertKind::Prometheus, manager.to_string()),
            (AlertKind::Alertmanager, prometheus.to_string()),
            (AlertKind::Alertmanager, manager.to_string().replace("suppressed", "dancing")),
            (AlertKind::Alertmanager, "<html>".to_owned()),
        ] {
            assert!(alerts(kind, &text).is_err(), "{kind:?} {text}");
        }
    }
}
