//! Certificates: each ready and renewed in time, and a cert-manager that lives. Ready stays True while renewals fail, and when
//! nobody tries to renew, so the dates are read as well: one whose renewal has been due for more than a third of what is left
//! of it ends soon. They end by the clock and are made by somebody outside, so that no merge is undone for one.
//!
//! | Rule | On | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|---|
//! | `expired` | Certificate | RED | `notAfter` has passed | no | |
//! | `not-ready` | Certificate | YELLOW, then RED | `Ready` is not True | grace since then, as YELLOW | yes |
//! | `ready-missing` | Certificate | YELLOW, then UNKNOWN | no condition `Ready` | grace since it was made, as YELLOW | yes |
//! | `end-missing` | Certificate | UNKNOWN | `Ready` is True, and there is no `notAfter` | no | |
//! | `renewal-fails` | Certificate | YELLOW | `renewalTime` has passed, and attempts failed; Ready stays True | no | |
//! | `expires-soon` | Certificate | YELLOW | `renewalTime` has passed for longer than a third of what is left until `notAfter` | no | |
//! | `controller-missing` | the Deployment that is missed | UNKNOWN | there are Certificates and no workload called `cert-manager`, by name or label, or of the image `cert-manager-controller` | no | |
//! | `controller-down` | the workload | UNKNOWN | none of its replicas is available | no | |
//! | `not-read` | the probe | UNKNOWN | the Certificates or the workloads could not be read | no | |

use super::reporter::Reporter;
use super::{age, day, finding, is_recent, judged, unused};
use crate::cluster::{Certificate, ConditionStatus, ObjectRef, Workload};
use crate::health::{Finding, Probe, ProbeResult, Verdict};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// What ends within this is named.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// So many of them are.
const NAMED: usize = 12;
/// So many characters their names and days take together: a cell holds that, and no name is cut in the middle.
const ROOM: usize = 900;

/// The controller by its name, and by its image.
pub(super) const CONTROLLERS: [Reporter; 2] =
    [Reporter::named("cert-manager"), Reporter::named("cert-manager-controller")];

/// Judges all certificates.
pub(in crate::health) fn judge_certificates(
    certificates: &[Certificate],
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    if certificates.is_empty() {
        return unused(Probe::Certificates, "no Certificate");
    }
    let is_there = |one: &&Reporter| workloads.iter().any(|workload| one.is(workload));
    let controller = CONTROLLERS.iter().find(is_there).unwrap_or(&CONTROLLERS[0]);
    let mut findings = controller.dead(Probe::Certificates, workloads);
    findings.extend(certificates.iter().filter_map(|certificate| judge_certificate(certificate, now, grace)));
    let ready = certificates.iter().filter(|certificate| is_ready(certificate)).count();
    let ends = ends_in_words(certificates, now);
    judged(
        Probe::Certificates,
        format!("{ready} of {} certificates ready{ends}", certificates.len()),
        findings,
    )
}

/// Which end within [`SOON`], by name and day; where none does, the next one. What has ended is a finding.
fn ends_in_words(certificates: &[Certificate], now: Timestamp) -> String {
    let ends = certificates.iter().filter_map(|one| Some((one.not_after?, &one.namespace, &one.name)));
    let mut ends: Vec<_> = ends.filter(|(end, ..)| *end > now).collect();
    ends.sort_unstable();
    let soon = ends.iter().filter(|(end, ..)| *end <= now + SOON).count();
    let say = |(end, namespace, name): &(Timestamp, &String, &String)| {
        format!("{namespace}/{name} on {}", day(*end))
    };
    match (soon, ends.first()) {
        (_, None) => String::new(),
        (0, Some(next)) => format!(", the next to end is {}", say(next)),
        (soon, Some(_)) => {
            let mut room = ROOM;
            let fits = |one: &String| {
                let length = one.chars().count() + 2;
                let fits = length <= room;
                room = room.saturating_sub(length);
                fits
            };
            let named: Vec<String> = ends.iter().take(soon.min(NAMED)).map(say).take_while(fits).collect();
            let more = soon - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let verb = if soon == 1 { "ends" } else { "end" };
            format!(", {soon} {verb} within 30 days: {}{more}", named.join(", "))
        }
    }
}

/// Whether cert-manager says that it is ready.
pub(in crate::health) fn is_ready(certificate: &Certificate) -> bool {
    certificate.ready.as_ref().is_some_and(|ready| ready.status == ConditionStatus::True)
}

fn judge_certificate(certificate: &Certificate, now: Timestamp, grace: Duration) -> Option<Finding> {
    let object = ObjectRef::new("Certificate", &certificate.namespace, &certificate.name);
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{object} {what}");
        Some(finding(Probe::Certificates, rule, object.clone(), verdict, message, evidence))
    };
    let graced = |since, bad| if is_recent(since, now, grace) { Verdict::Yellow } else { bad };
    if let Some(end) = certificate.not_after.filter(|end| *end <= now) {
        let evidence = format!("notAfter = {end}");
        return found("expired", Verdict::Red, "has expired", evidence).map(|one| one.since(Some(end)));
    }
    match &certificate.ready {
        None => {
            let since = certificate.created_at;
            let verdict = graced(since, Verdict::Unknown);
            let what = "does not say how it is";
            return found("ready-missing", verdict, what, "no Ready".to_owned()).map(|one| one.since(since));
        }
        Some(ready) if ready.status != ConditionStatus::True => {
            let verdict = graced(ready.since, Verdict::Red);
            let evidence = super::said(ready);
            return found("not-ready", verdict, "is not ready", evidence).map(|one| one.since(ready.since));
        }
        Some(_) => {}
    }
    if certificate.failed_attempts > 0 && certificate.renewal_time.is_some_and(|time| time <= now) {
        let evidence = format!("{} failed attempts, renewalTime has passed", certificate.failed_attempts);
        // When it failed last moves with each attempt; it has been due, and has failed, since then.
        return found("renewal-fails", Verdict::Yellow, "cannot be renewed", evidence)
            .map(|one| one.since(certificate.renewal_time));
    }
    if certificate.not_after.is_none() {
        let what = "is ready and does not say when it ends";
        return found("end-missing", Verdict::Unknown, what, "no notAfter".to_owned());
    }
    let (renewal, end) = (certificate.renewal_time?, certificate.not_after?);
    let (overdue, left) = (age(now, renewal), age(end, now));
    if overdue > left / 3 {
        let evidence = format!("renewalTime = {renewal} has passed, notAfter = {end}");
        return found("expires-soon", Verdict::Yellow, "ends soon and was not renewed", evidence)
            .map(|one| one.since(Some(renewal)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::reporter::tests::deployment;
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::Condition;
    use Verdict::{Red, Unknown, Yellow};

    fn certificate(
        (status, since): (Option<ConditionStatus>, i64),
        end: i64,
        renewal: i64,
        failed: u32,
    ) -> Certificate {
        Certificate {
            namespace: "web".to_owned(),
            name: "shop".to_owned(),
            created_at: Some(ago(since)),
            ready: status.map(|status| Condition {
                kind: "Ready".to_owned(),
                status,
                reason: String::new(),
                message: String::new(),
                since: Some(ago(since)),
                heartbeat: None,
            }),
            not_after: Some(ago(end)),
            renewal_time: Some(ago(renewal)),
            failed_attempts: failed,
        }
    }

    fn judge(certificates: &[Certificate], workloads: &[Workload]) -> ProbeResult {
        judge_certificates(certificates, workloads, now(), Duration::from_mins(5))
    }

    #[test]
    fn every_rule_for_a_certificate() {
        let ready = (Some(ConditionStatus::True), 9_000);
        let not = |since| (Some(ConditionStatus::False), since);
        let cases = [
            (certificate(ready, -9_000, -900, 0), None),
            (certificate(ready, 1, -900, 0), Some(("expired", Red))),
            (certificate(ready, -9_000, 900, 4), Some(("renewal-fails", Yellow))),
            (certificate(ready, -9_000, 3_000, 0), None),
            (certificate(ready, -9_000, 3_001, 0), Some(("expires-soon", Yellow))),
            (certificate(ready, -9_000, 0, 0), None),
            (certificate(not(301), -9_000, -900, 0), Some(("not-ready", Red))),
            (certificate(not(20), -9_000, -900, 0), Some(("not-ready", Yellow))),
            (certificate(not(20), 1, -900, 0), Some(("expired", Red))),
            (certificate((Some(ConditionStatus::Unknown), 301), -9_000, -900, 0), Some(("not-ready", Red))),
            (certificate((None, 301), -9_000, -900, 0), Some(("ready-missing", Unknown))),
            (certificate((None, 20), -9_000, -900, 0), Some(("ready-missing", Yellow))),
        ];
        for (certificate, expected) in cases {
            let result = judge(&[certificate], &[deployment("cert-manager", "cert-manager")]);
            assert_eq!(rules(&result), expected.into_iter().collect::<Vec<_>>());
            assert_eq!(result.verdict, expected.map_or(Verdict::Green, |(_, verdict)| verdict));
        }
        for (renewal, failed) in [(900, 4), (3_001, 0)] {
            let result = judge(&[certificate(ready, -9_000, renewal, failed)], &[]);
            let since: Vec<_> = result.findings.iter().map(|one| one.since).collect();
            assert!(since.contains(&Some(ago(renewal))), "since it was due: {since:?}");
        }
        let later = Certificate { name: "a".to_owned(), ..certificate(ready, -9_000_000, -90_000, 0) };
        let day = 86_400;
        let of = |name: &str, days: i64| Certificate {
            name: name.to_owned(),
            ..certificate(ready, -days * day, -90_000, 0)
        };
        let many: Vec<_> = (1..=14).map(|number| of(&format!("c{number:02}"), number)).collect();
        for (certificates, expected) in [
            (vec![later.clone()], "1 of 1 certificates ready, the next to end is web/a on 2027-03-05"),
            (
                vec![later.clone(), of("shop", 11)],
                "2 of 2 certificates ready, 1 ends within 30 days: web/shop on 2026-12-02",
            ),
            (
                vec![of("b", 30), later, of("shop", 11)],
                "3 of 3 certificates ready, 2 end within 30 days: web/shop on 2026-12-02, web/b on 2026-12-21",
            ),
            (vec![of("gone", -1)], "1 of 1 certificates ready"),
        ] {
            assert_eq!(judge(&certificates, &[]).summary, expected);
        }
        let line = judge(&many, &[]).summary;
        assert!(line.contains("14 end within 30 days: web/c01 on 2026-11-22, "), "{line}");
        assert!(line.ends_with("web/c12 on 2026-12-03 and 2 more"), "{line}");
        // Long ones: as many as fit, each whole.
        let long = |number: i64| of(&format!("{}{number:02}", "c".repeat(200)), number);
        let line = judge(&(1..=14).map(long).collect::<Vec<_>>(), &[]).summary;
        assert!(line.ends_with("c04 on 2026-11-25 and 10 more"), "{line}");
        assert!(line.chars().count() < 1_000, "{line}");
    }

    #[test]
    fn a_dead_cert_manager_makes_everything_unknown() {
        let good = [certificate((Some(ConditionStatus::True), 9_000), -9_000, -900, 0)];
        let down = |mut workload: Workload| {
            workload.available = 0;
            workload
        };
        let by_image = |name: &str, image: &str| {
            let mut workload = deployment("certs", name);
            workload.images = vec![format!("quay.io/jetstack/{image}:v1.21.0")];
            workload
        };
        let its = || deployment("cert-manager", "cert-manager");
        let others = || {
            ["cert-manager-webhook", "cert-manager-cainjector"].map(|name| deployment("cert-manager", name))
        };
        let mut labelled = deployment("certs", "issuer");
        labelled.labels.insert("app.kubernetes.io/name".to_owned(), "cert-manager".to_owned());
        let cases = [
            ("alive", vec![its()], None),
            ("behind a release's name", vec![deployment("certs", "my-cert-manager")], None),
            ("by its label", vec![labelled], None),
            ("by its image", vec![by_image("issuer", "cert-manager-controller")], None),
            ("not there", vec![], Some("controller-missing")),
            ("only its webhook and its injector", others().to_vec(), Some("controller-missing")),
            (
                "another of its images",
                vec![by_image("issuer", "cert-manager-cainjector")],
                Some("controller-missing"),
            ),
            ("down", vec![down(its())], Some("controller-down")),
            (
                "down, by its image",
                vec![down(by_image("issuer", "cert-manager-controller"))],
                Some("controller-down"),
            ),
        ];
        for (name, workloads, expected) in cases {
            let found = judge(&good, &workloads);
            assert_eq!(
                rules(&found),
                expected.map(|rule| (rule, Unknown)).into_iter().collect::<Vec<_>>(),
                "{name}"
            );
        }
        assert!(!judge(&[], &[]).used, "without certificates there is nobody's word");
    }
    #[test]
    fn one_that_does_not_say_when_it_ends_is_unknown() {
        let mut endless = certificate((Some(ConditionStatus::True), 9_000), 9_000, 90, 0);
        endless.not_after = None;
        let workloads = [deployment("cert-manager", "cert-manager")];
        let result = judge_certificates(&[endless], &workloads, now(), Duration::from_mins(5));
        assert_eq!(rules(&result), [("end-missing", Unknown)]);
    }
}
