//! Services: whether anything answers behind them.
//!
//! Services without a selector and those of the type `ExternalName` get no endpoints from the cluster and are not judged.
//! One whose selector fits no pod is listed: what it stands for was scaled to nothing, or was never there, as the Services
//! that a chart of Prometheus makes for a control plane that has no such pods, or the one that an operator makes for replicas
//! of a database that has none. Nothing tells that apart from a selector that is wrong.
//!
//! | Rule | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|
//! | `no-endpoints` | YELLOW, then RED | its EndpointSlices hold endpoints and none is ready, or they hold none and a pod that it selects is not well | grace since the slices changed, or since the newest such pod was made, as YELLOW | yes |
//! | `selects-nothing` | listed | it has no endpoint, and no pod that is to run and is not well has the labels | | |
//! | `not-reported` | YELLOW, then UNKNOWN | it has not even an empty EndpointSlice | grace since it was made, as YELLOW | yes |
//! | `not-read` | UNKNOWN | one has no endpoint, and the pods could not be read | no | |

use super::{finding, is_recent, judged, lists_not_read, unused};
use crate::cluster::{ClusterError, Pod, PodPhase, Service, subject};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Verdict};
use jiff::Timestamp;
use std::time::Duration;

/// Judges all Services. `pods` are those that are not well: one that is has an endpoint.
pub(in crate::health) fn judge_services(
    services: &[Service],
    pods: &Result<Vec<&Pod>, &ClusterError>,
    now: Timestamp,
    grace: Duration,
) -> ProbeResult {
    if services.is_empty() {
        return unused(Probe::Services, "no Service that selects pods");
    }
    let mut findings: Vec<Finding> = Vec::new();
    let mut pods_missed = None;
    for service in services {
        match (judge_service(service, now, grace), pods) {
            (Answer::Known(found), pods) => {
                let pods = pods.as_deref().unwrap_or_default();
                findings.extend(found.map(|found| (*found).resting_on(behind(service, pods))));
            }
            (Answer::ByPods, Ok(pods)) => findings.push(without_endpoints(service, pods, now, grace)),
            (Answer::ByPods, Err(error)) => pods_missed = Some(*error),
        }
    }
    let answered = services.iter().filter(|one| one.endpoints.is_some_and(|them| them.ready > 0)).count();
    findings.extend(lists_not_read(Probe::Services, &[("pods", pods_missed)]));
    judged(Probe::Services, format!("{answered} of {} Services with an endpoint", services.len()), findings)
}

/// What the endpoints of a Service tell.
enum Answer {
    /// All of it.
    Known(Option<Box<Finding>>),
    /// There are none: the pods have to tell why.
    ByPods,
}

fn judge_service(service: &Service, now: Timestamp, grace: Duration) -> Answer {
    let later = |since, verdict| if is_recent(since, now, grace) { Verdict::Yellow } else { verdict };
    let object = &service.object;
    let Some(endpoints) = service.endpoints else {
        let verdict = later(service.created_at, Verdict::Unknown);
        let message = format!("nobody says what answers behind {object}");
        let evidence = "no EndpointSlice names it".to_owned();
        let found = finding(Probe::Services, "not-reported", object.clone(), verdict, message, evidence);
        return Answer::Known(Some(Box::new(found.since(service.created_at))));
    };
    match (endpoints.ready, endpoints.all) {
        (0, 0) => Answer::ByPods,
        (0, all) => {
            let evidence = format!("0 of {all} endpoints of its EndpointSlices ready");
            let verdict = later(endpoints.changed_at, Verdict::Red);
            Answer::Known(Some(Box::new(no_endpoints(service, verdict, evidence, endpoints.changed_at))))
        }
        (_, _) => Answer::Known(None),
    }
}

fn no_endpoints(service: &Service, verdict: Verdict, evidence: String, since: Option<Timestamp>) -> Finding {
    let message = format!("nothing answers behind {}", service.object);
    finding(Probe::Services, "no-endpoints", service.object.clone(), verdict, message, evidence).since(since)
}

/// A Service without any endpoint: one whose pods have no address yet, or one that selects nothing.
fn without_endpoints(service: &Service, pods: &[&Pod], now: Timestamp, grace: Duration) -> Finding {
    let selected: Vec<&&Pod> = pods.iter().filter(|pod| is_to_run(pod) && selects(service, pod)).collect();
    if let Some(first) = selected.first() {
        let since = selected.iter().map(|pod| pod.created_at).max().flatten();
        let verdict = if is_recent(since, now, grace) { Verdict::Yellow } else { Verdict::Red };
        let evidence = format!(
            "no endpoint in its EndpointSlices, and {} of the pods that it selects not well, such as {}",
            selected.len(),
            first.name
        );
        return no_endpoints(service, verdict, evidence, since).resting_on(behind(service, pods));
    }
    let object = service.object.clone();
    let message = format!("{object} selects no pod");
    let selector: Vec<String> =
        service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let evidence = format!(
        "no endpoint in its EndpointSlices, and none of the pods that are not well has {}",
        selector.join(",")
    );
    finding(Probe::Services, "selects-nothing", object, Verdict::Yellow, message, evidence).listed_only()
}

/// What answers behind a Service, as far as it is not well.
fn behind(service: &Service, pods: &[&Pod]) -> Grounds {
    let selected = pods.iter().filter(|pod| is_to_run(pod) && selects(service, pod));
    Grounds::each(selected.map(|pod| subject(pod)))
}

fn is_to_run(pod: &Pod) -> bool {
    pod.deleted_at.is_none() && !matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed)
}

fn selects(service: &Service, pod: &Pod) -> bool {
    pod.namespace == service.object.namespace
        && service.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::{Endpoints, ObjectRef};
    use Verdict::{Green, Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    fn service(endpoints: Option<(usize, usize, i64)>) -> Service {
        Service {
            object: ObjectRef::new("Service", "web", "shop"),
            selector: [("app".to_owned(), "shop".to_owned())].into(),
            created_at: Some(ago(9_000)),
            endpoints: endpoints.map(|(ready, all, changed)| Endpoints {
                ready,
                all,
                changed_at: Some(ago(changed)),
            }),
        }
    }

    fn pod(app: &str, created: i64) -> Pod {
        Pod {
            namespace: "web".to_owned(),
            name: "shop-1".to_owned(),
            phase: PodPhase::Pending,
            reason: String::new(),
            message: String::new(),
            conditions: Vec::new(),
            node: None,
            created_at: Some(ago(created)),
            deleted_at: None,
            owner: None,
            containers: Vec::new(),
            claims: Vec::new(),
            labels: [("app".to_owned(), app.to_owned())].into(),
        }
    }

    #[test]
    fn every_rule_for_a_service() {
        type Case = (&'static str, Service, Vec<Pod>, Option<(&'static str, Verdict)>);
        let changed = |change: fn(&mut Pod)| {
            let mut pod = pod("shop", 9_000);
            change(&mut pod);
            pod
        };
        let unwell = pod("shop", 9_000);
        let cases: Vec<Case> = vec![
            ("answered", service(Some((1, 2, 9_000))), vec![], None),
            ("answered by one of two", service(Some((1, 2, 9))), vec![unwell.clone()], None),
            ("none ready for long", service(Some((0, 2, 900))), vec![], Some(("no-endpoints", Red))),
            ("none ready since just now", service(Some((0, 2, 9))), vec![], Some(("no-endpoints", Yellow))),
            (
                "none ready since nobody knows when",
                Service {
                    endpoints: Some(Endpoints { ready: 0, all: 1, changed_at: None }),
                    ..service(None)
                },
                vec![],
                Some(("no-endpoints", Red)),
            ),
            (
                "its pod has no address",
                service(Some((0, 0, 9_000))),
                vec![unwell.clone()],
                Some(("no-endpoints", Red)),
            ),
            (
                "its pod was just made",
                service(Some((0, 0, 9_000))),
                vec![unwell.clone(), pod("shop", 9)],
                Some(("no-endpoints", Yellow)),
            ),
            ("selects nothing", service(Some((0, 0, 9_000))), vec![], None),
            ("selects another pod", service(Some((0, 0, 9_000))), vec![pod("blog", 9_000)], None),
            (
                "of another namespace",
                service(Some((0, 0, 9_000))),
                vec![changed(|pod| pod.namespace = "blog".to_owned())],
                None,
            ),
            (
                "one that has failed",
                service(Some((0, 0, 9_000))),
                vec![changed(|pod| pod.phase = PodPhase::Failed)],
                None,
            ),
            (
                "one that is being deleted",
                service(Some((0, 0, 9_000))),
                vec![changed(|pod| pod.deleted_at = Some(ago(9)))],
                None,
            ),
            ("no slice", service(None), vec![], Some(("not-reported", Unknown))),
            (
                "no slice yet",
                Service { created_at: Some(ago(9)), ..service(None) },
                vec![],
                Some(("not-reported", Yellow)),
            ),
        ];
        for (name, service, pods, expected) in cases {
            let result = judge_services(&[service], &Ok(pods.iter().collect()), now(), GRACE);
            assert_eq!(rules(&result).first().copied(), expected, "{name}");
            assert_eq!(result.verdict, expected.map_or(Green, |(_, verdict)| verdict), "{name}");
        }
        assert!(!judge_services(&[], &Ok(Vec::new()), now(), GRACE).used);
    }

    #[test]
    fn what_selects_nothing_is_listed_and_unknown_where_the_pods_were_not_read() {
        let nothing = [service(Some((0, 0, 9_000))), service(Some((1, 1, 9_000)))];
        let result = judge_services(&nothing, &Ok(Vec::new()), now(), GRACE);
        assert_eq!((result.verdict, result.findings.len()), (Green, 1));
        assert_eq!(result.findings[0].id.rule, "selects-nothing");
        assert!(
            result.findings[0].evidence.ends_with("none of the pods that are not well has app=shop"),
            "{result:?}"
        );
        assert_eq!(result.summary, "1 of 2 Services with an endpoint");
        let error = ClusterError::NotFound { what: "pods".to_owned() };
        let unread = judge_services(&nothing, &Err(&error), now(), GRACE);
        assert_eq!(rules(&unread), [("not-read", Unknown)]);
        let answered = judge_services(&nothing[1..], &Err(&error), now(), GRACE);
        assert_eq!(answered.verdict, Green, "no pod has to be known for it");
    }
}
