//! What extends the API server: other servers behind it, and webhooks that it asks before it writes.
//!
//! An `APIService` that is not available takes its kinds away, and the deletion of namespaces with them. A webhook that fails
//! closed and has no endpoint refuses every write that it is about, pods among them, while everything that runs looks
//! well. Both happen for a moment whenever what serves them is started again, so they are YELLOW for the grace time: since
//! the endpoints changed, or since the configuration was made, whichever is later. Each webhook has that time by itself.
//! A Service of the type `ExternalName` has no endpoints and is taken for one that lost them: accept the finding there.

use super::{finding, is_recent, judged, said, unused};
use crate::cluster::{ApiService, ConditionStatus, ObjectRef, WebhookConfiguration};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// Judges all `APIServices`.
pub(in crate::health) fn judge_api_services(
    services: &[ApiService],
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    if services.is_empty() {
        return unused(Probe::ApiServices, "no APIService");
    }
    let findings: Vec<Finding> =
        services.iter().filter_map(|service| judge_api_service(service, now, grace)).collect();
    let available = services.len() - findings.len();
    judged(Probe::ApiServices, format!("{available} of {} APIServices available", services.len()), findings)
}

fn judge_api_service(service: &ApiService, now: Timestamp, grace: Duration) -> Option<Finding> {
    let object = ObjectRef::new("APIService", "", &service.name);
    let found = |rule, verdict, what: &str, evidence: String, since| {
        let message = format!("{object} {what}");
        Some(finding(Probe::ApiServices, rule, object.clone(), verdict, message, evidence).since(since))
    };
    let later = |since, verdict| if is_recent(since, now, grace) { Verdict::Yellow } else { verdict };
    let Some(available) = &service.available else {
        let verdict = later(service.created_at, Verdict::Unknown);
        let evidence = "no condition Available".to_owned();
        return found("not-reported", verdict, "does not say how it is", evidence, service.created_at);
    };
    match available.status {
        ConditionStatus::True => None,
        ConditionStatus::Unknown => {
            let what = "does not say whether it is available";
            found("available-unknown", Verdict::Unknown, what, said(available), available.since)
        }
        ConditionStatus::False => {
            let verdict = later(available.since, Verdict::Red);
            let what = match &service.service {
                Some(behind) => format!("is not available: nothing answers at {behind}"),
                None => "is not available".to_owned(),
            };
            let behind = Grounds::each(service.service.clone());
            found("unavailable", verdict, &what, said(available), available.since)
                .map(|found| found.resting_on(behind))
        }
    }
}

/// Judges all webhooks that fail closed.
pub(in crate::health) fn judge_webhooks(
    configurations: &[WebhookConfiguration],
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    let closing: Vec<&WebhookConfiguration> =
        configurations.iter().filter(|configuration| !configuration.closing.is_empty()).collect();
    if closing.is_empty() {
        return unused(Probe::Webhooks, "no webhook that fails closed");
    }
    let findings: Vec<Finding> =
        closing.iter().filter_map(|configuration| judge_webhook(configuration, now, grace)).collect();
    let answered = closing.len() - findings.len();
    let summary = format!("{answered} of {} webhook configurations answered", closing.len());
    judged(Probe::Webhooks, summary, findings)
}

/// One finding for a configuration, about those of its webhooks that nothing answers.
fn judge_webhook(configuration: &WebhookConfiguration, now: Timestamp, grace: Duration) -> Option<Finding> {
    let silent: Vec<_> =
        configuration.closing.iter().filter(|webhook| webhook.endpoints.ready == 0).collect();
    let first = silent.first()?;
    // One that changes again and again excuses none that is gone for good.
    let each = silent.iter().map(|webhook| webhook.endpoints.changed_at.max(configuration.created_at));
    let since = each.min().flatten();
    let verdict = if is_recent(since, now, grace) { Verdict::Yellow } else { Verdict::Red };
    let message = format!(
        "{} refuses what it is asked about: {} of its {} webhooks that fail closed have no endpoint",
        configuration.object,
        silent.len(),
        configuration.closing.len()
    );
    let evidence =
        format!("{}: failurePolicy = Fail, and no ready endpoint of {}", first.name, first.service);
    let object = configuration.object.clone();
    let behind = Grounds::each(silent.iter().map(|webhook| webhook.service.clone()));
    let found = finding(Probe::Webhooks, "no-endpoints", object, verdict, message, evidence).since(since);
    Some(found.resting_on(behind))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::{Condition, Endpoints, Webhook};
    use ConditionStatus::{False, True};
    use Verdict::{Green, Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    #[test]
    fn every_rule_for_an_api_service() {
        let service = |status: Option<(ConditionStatus, i64)>, created: i64| ApiService {
            name: "v1beta1.metrics.k8s.io".to_owned(),
            service: Some(ObjectRef::new("Service", "kube-system", "metrics-server")),
            created_at: Some(ago(created)),
            available: status.map(|(status, since)| Condition {
                kind: "Available".to_owned(),
                status,
                reason: "MissingEndpoints".to_owned(),
                message: "endpoints for service/metrics-server have no addresses".to_owned(),
                since: Some(ago(since)),
                heartbeat: None,
            }),
        };
        let cases = [
            (service(Some((True, 9_000)), 9_000), None),
            (service(Some((False, 9_000)), 9_000), Some(("unavailable", Red))),
            (service(Some((False, 30)), 9_000), Some(("unavailable", Yellow))),
            (service(Some((ConditionStatus::Unknown, 30)), 9_000), Some(("available-unknown", Unknown))),
            (service(None, 9_000), Some(("not-reported", Unknown))),
            (service(None, 30), Some(("not-reported", Yellow))),
        ];
        for (service, expected) in cases {
            let result = judge_api_services(&[service], now(), GRACE);
            assert_eq!(rules(&result).first().copied(), expected);
            assert_eq!(result.verdict, expected.map_or(Green, |(_, verdict)| verdict));
        }
        let missing = judge_api_services(&[service(Some((False, 9_000)), 9_000)], now(), GRACE);
        let found = &missing.findings[0];
        assert_eq!(found.id.object.to_string(), "APIService v1beta1.metrics.k8s.io");
        assert!(
            found.message.ends_with("nothing answers at Service kube-system/metrics-server"),
            "{found:?}"
        );
        assert!(found.evidence.starts_with("Available is False: MissingEndpoints"), "{found:?}");
        assert!(!judge_api_services(&[], now(), GRACE).used);
    }

    #[test]
    fn every_rule_for_webhooks_that_fail_closed() {
        let webhook = |name: &str, ready, changed: Option<i64>| Webhook {
            name: name.to_owned(),
            service: ObjectRef::new("Service", "cert-manager", "cert-manager-webhook"),
            endpoints: Endpoints { ready, all: ready, changed_at: changed.map(ago) },
        };
        let made = |created: Option<i64>, closing| WebhookConfiguration {
            object: ObjectRef::new("ValidatingWebhookConfiguration", "", "cert-manager-webhook"),
            created_at: created.map(ago),
            closing,
        };
        let configuration = |closing| made(Some(9_000), closing);
        let cases = [
            ("answered", vec![webhook("a", 1, None)], None),
            ("never any endpoint", vec![webhook("a", 0, None)], Some(Red)),
            ("gone a moment ago", vec![webhook("a", 0, Some(40))], Some(Yellow)),
            ("gone for long", vec![webhook("a", 0, Some(900))], Some(Red)),
            ("one of two", vec![webhook("a", 2, None), webhook("b", 0, Some(900))], Some(Red)),
            (
                "one gone for long, one that changes again and again",
                vec![webhook("a", 0, Some(900)), webhook("b", 0, Some(9))],
                Some(Red),
            ),
            (
                "two gone a moment ago",
                vec![webhook("a", 0, Some(60)), webhook("b", 0, Some(9))],
                Some(Yellow),
            ),
        ];
        for (name, closing, expected) in cases {
            let result = judge_webhooks(&[configuration(closing)], now(), GRACE);
            let expected: Vec<_> = expected.into_iter().map(|verdict| ("no-endpoints", verdict)).collect();
            assert_eq!(rules(&result), expected, "{name}");
        }
        for (name, created, changed, expected) in [
            ("just made, no Service yet", Some(30), None, Yellow),
            ("just made, for a Service that was gone before", Some(30), Some(9_000), Yellow),
            ("nobody knows anything", None, None, Red),
            ("nobody knows when it was made, the endpoints changed", None, Some(30), Yellow),
        ] {
            let result = judge_webhooks(&[made(created, vec![webhook("a", 0, changed)])], now(), GRACE);
            assert_eq!(rules(&result), [("no-endpoints", expected)], "{name}");
        }
        let two = [configuration(vec![webhook("a", 1, None), webhook("b", 0, None)]), configuration(vec![])];
        let result = judge_webhooks(&two, now(), GRACE);
        assert_eq!(result.summary, "0 of 1 webhook configurations answered");
        let found = &result.findings[0];
        assert!(found.message.contains("1 of its 2 webhooks"), "{found:?}");
        assert!(found.evidence.starts_with("b: failurePolicy = Fail"), "{found:?}");
        assert!(!judge_webhooks(&[configuration(vec![])], now(), GRACE).used);
    }
}
