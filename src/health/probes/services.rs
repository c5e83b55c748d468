//! Services: whether anything answers behind them.
//!
//! Services without a selector and those of the type `ExternalName` get no endpoints from the cluster and are not judged.
//! One whose selector fits no pod is listed: what it stands for was scaled to nothing, or was never there, as the Services
//! that a chart of Prometheus makes for a control plane that has no such pods, or the one that an operator makes for replicas
//! of a database that has none. Nothing that one look sees tells that apart from a selector that is wrong. An earlier look does:
//! one that pods of a Deployment, `StatefulSet` or `DaemonSet` answered for was cut off from them (`health::answered`), unless the workload that makes
//! them is there and is to run none, or counts by itself. The pods of anything else come and go as their work does: a Job ends,
//! a database has replicas or none, a Rollout has colours. So do those that a Service names one by one, by their number in a `StatefulSet`.
//!
//! Pods that get their labels only when they run (the leader of a database or a vault) are made by a workload whose template has not all
//! that their Service selects. While that is not complete it is taken for theirs by the labels that it has. A `StatefulSet` that is complete with
//! one pod has none for another role: nothing is missed.
//!
//! Whoever scales a Deployment or a `StatefulSet` to nothing means it, be it by hand, by an autoscaler or in a commit: `replicas: 0` is no
//! slip. The nodes of a `DaemonSet` may go; one that was changed since, and runs on none, was cut off.
//!
//! | Rule | Verdict | When | Forgiven | On its way |
//! |---|---|---|---|---|
//! | `no-endpoints` | YELLOW, then RED | its EndpointSlices hold endpoints and none is ready, or they hold none and a pod that it selects is not well | grace since the slices changed, or since the newest such pod was made, as YELLOW | yes |
//! | `selects-nothing` | listed | it has no endpoint, and no pod that is to run and is not well has the labels | | |
//! | `disconnected` | YELLOW, then RED | the same, and a pod of a Deployment, StatefulSet or DaemonSet answered for it at an earlier look, or just before the newest merge of the run; the same of `pods-not-made` where that DaemonSet is to run none and was changed since | grace since the slices changed, or since that look, as YELLOW | |
//! | `pods-not-made` | listed | the same as of `selects-nothing`, and a Deployment, StatefulSet or DaemonSet whose template has no other and at least one of the labels is to run none, or is not complete, which counts there; where a pod answered for it before, it tells when | | |
//! | `not-reported` | YELLOW, then UNKNOWN | it has not even an empty EndpointSlice | grace since it was made, as YELLOW | yes |
//! | `not-read` | UNKNOWN | one has no endpoint, and the pods could not be read | no | |

use super::{finding, is_recent, judged, lists_not_read, unused};
use crate::cluster::{ClusterError, ObjectRef, Pod, PodLedger, PodPhase, Service, Workload, subject};
use crate::health::{
    AnsweredBefore, Behind, Finding, Grounds, Probe, ProbeResult, Seen, ServiceSeen, ServicesSeen, Verdict,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The rule of a Service that one look cannot tell from one that is empty on purpose.
pub(in crate::health) const SELECTS_NOTHING: &str = "selects-nothing";

/// The rule of one whose pods nobody makes at the moment.
pub(in crate::health) const PODS_NOT_MADE: &str = "pods-not-made";

/// The workloads whose pods stay.
const LASTING: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// The labels by which one pod of a `StatefulSet` is selected.
const ONE_POD: [&str; 2] = ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

/// What a pass saw of Services, for whoever remembers more than one look. `workloads` has all `DaemonSets` and `StatefulSets`.
pub(in crate::health) fn seen(
    services: &[Service],
    pods: &PodLedger,
    workloads: &[Workload],
) -> ServicesSeen {
    let state = |service: &Service| match service.endpoints {
        Some(endpoints) if endpoints.ready > 0 => {
            let pod = service.answered_by.as_deref();
            let Some(object) = pod.and_then(|pod| pods.workload(&service.object.namespace, pod)) else {
                return Seen::Otherwise;
            };
            let one = service.selector.keys().any(|key| ONE_POD.contains(&key.as_str()));
            if one || !LASTING.contains(&object.kind.as_str()) {
                return Seen::AnsweredByOther;
            }
            // One that is to run nowhere, or whose controller has not looked yet, may be so by its newest spec.
            let wanted = |one: &&Workload| {
                one.desired > 0 && one.observed_generation >= one.generation && one.object == object
            };
            let (generation, wanted) =
                workloads.iter().find(wanted).map(|workload| (workload.generation, workload.desired)).unzip();
            let selector = selector_of(service, &object);
            Seen::Answered(Behind { object, generation, wanted, selector })
        }
        Some(endpoints) if endpoints.all == 0 => {
            let none = |one: &&Workload| one.desired == 0 && makes_none(service, one);
            // All its pods are there, and none has the label that pods get when they run.
            let role = |one: &&Workload| one.object.kind == "StatefulSet" && is_theirs(service, one);
            let complete = || workloads.iter().filter(|one| one.is_complete()).find(role);
            Seen::Empty(workloads.iter().find(none).or_else(complete).map(|workload| Behind {
                object: workload.object.clone(),
                generation: Some(workload.generation),
                wanted: workload.is_complete().then_some(workload.desired),
                selector: selector_of(service, &workload.object),
            }))
        }
        Some(_) | None => Seen::Otherwise,
    };
    let seen = |service: &Service| ServiceSeen { made_at: service.created_at, state: state(service) };
    services.iter().map(|service| (service.object.clone(), seen(service))).collect()
}

/// What a Service selects, where pods of a `StatefulSet` may have roles.
fn selector_of(service: &Service, workload: &ObjectRef) -> BTreeMap<String, String> {
    if workload.kind == "StatefulSet" { service.selector.clone() } else { BTreeMap::new() }
}

/// What a Service that selects nothing is for which a pod answered at an earlier look.
pub(in crate::health) fn disconnected(
    listed: &Finding,
    before: &AnsweredBefore,
    now: Timestamp,
    grace: Duration,
) -> Finding {
    let object = listed.id.object.clone();
    let answered = before.at;
    // A slice does not always tell when its last endpoint went, and it was there at that look.
    let since = listed.since.max(Some(answered));
    let verdict = if is_recent(since, now, grace) { Verdict::Yellow } else { Verdict::Red };
    let message = match &before.behind {
        Some(behind) if listed.id.rule == PODS_NOT_MADE => {
            format!(
                "{object} was cut off from its pods: {} was changed and runs none any more",
                behind.object
            )
        }
        Some(_) | None => format!("{object} was cut off from its pods: it selects none any more"),
    };
    let evidence = with_answered(&listed.evidence, before);
    finding(Probe::Services, "disconnected", object, verdict, message, evidence).since(since)
}

/// What shows that a pod answered before.
pub(in crate::health) fn with_answered(evidence: &str, before: &AnsweredBefore) -> String {
    match &before.behind {
        Some(behind) => format!("{evidence}; one of {} answered for it at {}", behind.object, before.at),
        None => format!("{evidence}; one answered for it at {}", before.at),
    }
}

/// Judges all Services. `pods` are those that are not well: one that is has an endpoint. `workloads` are those that are not
/// complete, or that are to run no pod; others may be among them.
pub(in crate::health) fn judge_services(
    services: &[Service],
    pods: &Result<Vec<&Pod>, &ClusterError>,
    workloads: &[Workload],
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
            (Answer::ByPods, Ok(pods)) => {
                findings.push(without_endpoints(service, pods, workloads, now, grace));
            }
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
fn without_endpoints(
    service: &Service,
    pods: &[&Pod],
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
) -> Finding {
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
    let since = service.endpoints.and_then(|endpoints| endpoints.changed_at);
    let listed = |rule, message, evidence| {
        let object = service.object.clone();
        finding(Probe::Services, rule, object, Verdict::Yellow, message, evidence).since(since).listed_only()
    };
    if let Some(workload) = workloads.iter().find(|workload| makes_none(service, workload)) {
        let message = format!("{} has no pod: {} makes none", service.object, workload.object);
        let evidence =
            format!("no endpoint in its EndpointSlices; {} wants {} pods", workload.object, workload.desired);
        return listed(PODS_NOT_MADE, message, evidence);
    }
    let message = format!("{} selects no pod", service.object);
    let selector: Vec<String> =
        service.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let evidence = format!(
        "no endpoint in its EndpointSlices, and none of the pods that are not well has {}",
        selector.join(",")
    );
    listed(SELECTS_NOTHING, message, evidence)
}

/// Whether a workload may make the pods of a Service, and makes none or not all of them at the moment.
fn makes_none(service: &Service, workload: &Workload) -> bool {
    (workload.desired == 0 || !workload.is_complete()) && is_theirs(service, workload)
}

/// Whether a workload may make the pods of a Service.
fn is_theirs(service: &Service, workload: &Workload) -> bool {
    workload.object.namespace == service.object.namespace && may_fit(service, &workload.pod_labels)
}

/// Whether the labels of a template are some of those that a Service selects. The others a pod may get when it runs.
fn may_fit(service: &Service, labels: &BTreeMap<String, String>) -> bool {
    let mut told =
        service.selector.iter().filter_map(|(key, value)| Some(labels.get(key)? == value)).peekable();
    told.peek().is_some() && told.all(|same| same)
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
    pod.namespace == service.object.namespace && fits(service, &pod.labels)
}

fn fits(service: &Service, labels: &BTreeMap<String, String>) -> bool {
    service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::Endpoints;
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
            answered_by: None,
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
            let result = judge_services(&[service], &Ok(pods.iter().collect()), &[], now(), GRACE);
            assert_eq!(rules(&result).first().copied(), expected, "{name}");
            assert_eq!(result.verdict, expected.map_or(Green, |(_, verdict)| verdict), "{name}");
        }
        assert!(!judge_services(&[], &Ok(Vec::new()), &[], now(), GRACE).used);
    }

    #[test]
    fn what_selects_nothing_is_listed_and_unknown_where_the_pods_were_not_read() {
        let nothing = [service(Some((0, 0, 9_000))), service(Some((1, 1, 9_000)))];
        let result = judge_services(&nothing, &Ok(Vec::new()), &[], now(), GRACE);
        assert_eq!((result.verdict, result.findings.len()), (Green, 1));
        assert_eq!(result.findings[0].id.rule, "selects-nothing");
        assert!(
            result.findings[0].evidence.ends_with("none of the pods that are not well has app=shop"),
            "{result:?}"
        );
        assert_eq!(result.summary, "1 of 2 Services with an endpoint");
        let error = ClusterError::NotFound { what: "pods".to_owned() };
        let unread = judge_services(&nothing, &Err(&error), &[], now(), GRACE);
        assert_eq!(rules(&unread), [("not-read", Unknown)]);
        let answered = judge_services(&nothing[1..], &Err(&error), &[], now(), GRACE);
        assert_eq!(answered.verdict, Green, "no pod has to be known for it");
    }
    #[test]
    fn a_workload_that_makes_no_pod_tells_why_nothing_answers() {
        let makes = |namespace: &str, app: &str, desired: i64, available: i64| {
            let mut made = super::super::testing::workload(ObjectRef::new("Deployment", namespace, "shop"));
            made.pod_labels = [("app".to_owned(), app.to_owned())].into();
            (made.desired, made.available) = (desired, available);
            (made.replicas, made.updated) = (available, available);
            made
        };
        let labelled = |mut made: Workload| {
            made.labels.insert("leads".to_owned(), String::new());
            made
        };
        let unlabelled = |mut made: Workload| {
            made.pod_labels = [("job".to_owned(), "shop".to_owned())].into();
            made
        };
        for (name, workload, rule) in [
            ("scaled to nothing", makes("web", "shop", 0, 0), "pods-not-made"),
            ("it makes none", makes("web", "shop", 2, 0), "pods-not-made"),
            ("complete, so others have other labels", makes("web", "shop", 2, 2), "selects-nothing"),
            ("of another namespace", makes("blog", "shop", 0, 0), "selects-nothing"),
            ("of other pods", makes("web", "cart", 0, 0), "selects-nothing"),
            ("its leader is none yet", labelled(makes("web", "shop", 3, 2)), "pods-not-made"),
            ("all are there, and none leads", labelled(makes("web", "shop", 3, 3)), "selects-nothing"),
            ("of no common label", unlabelled(makes("web", "shop", 2, 0)), "selects-nothing"),
        ] {
            let mut nothing = [service(Some((0, 0, 900)))];
            if workload.labels.contains_key("leads") {
                nothing[0].selector.insert("role".to_owned(), "master".to_owned());
            }
            let result = judge_services(&nothing, &Ok(Vec::new()), &[workload], now(), GRACE);
            assert_eq!(result.verdict, Green, "{name}");
            assert_eq!(result.findings[0].id.rule, rule, "{name}");
            assert_eq!(result.findings[0].since, Some(ago(900)), "{name}");
        }
    }
}
