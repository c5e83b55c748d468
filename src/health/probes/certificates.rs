//! Certificates: listed, never blocking. Ready stays True while renewals fail, and when nobody tries to renew, so the dates
//! are read as well: one whose renewal has been due for more than a third of what is left of it ends soon.

use super::{age, day, finding, judged};
use crate::cluster::{Certificate, ConditionStatus, ObjectRef};
use crate::health::{Finding, Probe, ProbeResult, Verdict};
use jiff::Timestamp;

/// Judges all certificates.
pub(in crate::health) fn judge_certificates(certificates: &[Certificate], now: Timestamp) -> ProbeResult {
    let findings =
        certificates.iter().filter_map(|certificate| judge_certificate(certificate, now)).collect();
    let ready = certificates.iter().filter(|certificate| is_ready(certificate)).count();
    let ends = certificates.iter().filter_map(|one| Some((one.not_after?, &one.namespace, &one.name)));
    let next = ends.min().map_or_else(String::new, |(end, namespace, name)| {
        format!(", the next to end is {namespace}/{name} on {}", day(end))
    });
    judged(
        Probe::Certificates,
        format!("{ready} of {} certificates ready{next}", certificates.len()),
        findings,
    )
}

/// Whether cert-manager says that it is ready.
pub(in crate::health) fn is_ready(certificate: &Certificate) -> bool {
    certificate.ready.as_ref().is_some_and(|ready| ready.status == ConditionStatus::True)
}

fn judge_certificate(certificate: &Certificate, now: Timestamp) -> Option<Finding> {
    let object = ObjectRef::new("Certificate", &certificate.namespace, &certificate.name);
    let found = |rule, verdict, what: &str, evidence: String| {
        Some(finding(
            Probe::Certificates,
            rule,
            object.clone(),
            verdict,
            format!("{object} {what}"),
            evidence,
        ))
    };
    if let Some(end) = certificate.not_after.filter(|end| *end <= now) {
        return found("expired", Verdict::Red, "has expired", format!("notAfter = {end}"));
    }
    match &certificate.ready {
        None => {
            return found("ready-missing", Verdict::Unknown, "does not say how it is", "no Ready".to_owned());
        }
        Some(ready) if ready.status != ConditionStatus::True => {
            let evidence = format!("Ready is {:?}: {} {}", ready.status, ready.reason, ready.message);
            return found("not-ready", Verdict::Red, "is not ready", evidence);
        }
        Some(_) => {}
    }
    if certificate.failed_attempts > 0 && certificate.renewal_time.is_some_and(|time| time <= now) {
        let evidence = format!("{} failed attempts, renewalTime has passed", certificate.failed_attempts);
        return found("renewal-fails", Verdict::Yellow, "cannot be renewed", evidence);
    }
    let (renewal, end) = (certificate.renewal_time?, certificate.not_after?);
    let (overdue, left) = (age(now, renewal), age(end, now));
    if overdue > left / 3 {
        let evidence = format!("renewalTime = {renewal} has passed, notAfter = {end}");
        return found("expires-soon", Verdict::Yellow, "ends soon and was not renewed", evidence);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now};
    use super::*;
    use crate::cluster::Condition;

    #[test]
    fn every_rule_for_a_certificate() {
        let certificate = |status: Option<ConditionStatus>, end: i64, renewal: i64, failed| Certificate {
            namespace: "web".to_owned(),
            name: "shop".to_owned(),
            ready: status.map(|status| Condition {
                kind: "Ready".to_owned(),
                status,
                reason: String::new(),
                message: String::new(),
                since: None,
                heartbeat: None,
            }),
            not_after: Some(ago(end)),
            renewal_time: Some(ago(renewal)),
            failed_attempts: failed,
        };
        let ready = Some(ConditionStatus::True);
        let cases = [
            (certificate(ready, -9_000, -900, 0), None),
            (certificate(ready, 1, -900, 0), Some("expired")),
            (certificate(ready, -9_000, 900, 4), Some("renewal-fails")),
            (certificate(ready, -9_000, 3_000, 0), None),
            (certificate(ready, -9_000, 3_001, 0), Some("expires-soon")),
            (certificate(ready, -9_000, 0, 0), None),
            (certificate(Some(ConditionStatus::False), -9_000, -900, 0), Some("not-ready")),
            (certificate(None, -9_000, -900, 0), Some("ready-missing")),
        ];
        for (certificate, expected) in cases {
            let result = judge_certificates(&[certificate], now());
            assert_eq!(result.findings.first().map(|finding| finding.id.rule.as_str()), expected);
            assert_eq!(result.verdict, Verdict::Green, "certificates never block");
        }
        let later = Certificate { name: "a".to_owned(), ..certificate(ready, -9_000_000, -90_000, 0) };
        let both = [later, certificate(ready, -950_400, -90_000, 0)];
        let line = judge_certificates(&both, now()).summary;
        assert_eq!(line, "2 of 2 certificates ready, the next to end is web/shop on 2026-12-02");
    }
}
