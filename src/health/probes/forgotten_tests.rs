//! Nothing that a ledger forgets of pods could have changed a verdict.

use super::super::testing::{self, ago, now};
use super::*;
use crate::cluster::{Container, ContainerState};
use proptest::prelude::*;

const SETTINGS: fn() -> Settings = Settings::default;
/// Some of these are well, some are not, and some are not there.
const NODES: [&str; 3] = ["metal1", "metal2", "metal3"];
const NAMESPACES: [&str; 2] = [KUBE_SYSTEM, "web"];

fn node(name: &str, ready: bool) -> Node {
    let status = if ready { ConditionStatus::True } else { ConditionStatus::Unknown };
    Node {
        name: name.to_owned(),
        conditions: vec![condition_of("Ready", status, 50_000)],
        unschedulable: false,
        kubelet_version: String::new(),
        lease_renewed: None,
        marks: crate::cluster::NodeMarks::default(),
        allocatable: None,
    }
}

fn condition_of(kind: &str, status: ConditionStatus, since: i64) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: String::new(),
        message: String::new(),
        since: Some(ago(since)),
        heartbeat: None,
    }
}

/// Ages that lie on both sides of the grace time and of the time of a crash loop.
fn age_in_seconds() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(-30),
        Just(10),
        Just(200),
        Just(299),
        Just(301),
        Just(599),
        Just(601),
        Just(3_599),
        Just(3_601),
        Just(21_599),
        Just(21_601),
        Just(90_000)
    ]
}

fn state() -> impl Strategy<Value = ContainerState> {
    let waiting = prop_oneof![
        Just("CrashLoopBackOff"),
        Just("ImagePullBackOff"),
        Just("ContainerCreating"),
        Just("RunContainerError")
    ];
    prop_oneof![
        6 => Just(ContainerState::Running { since: Some(ago(5_000)) }),
        1 => waiting.prop_map(|reason| ContainerState::Waiting {
            reason: reason.to_owned(),
            message: String::new()
        }),
        2 => ended(),
        1 => Just(ContainerState::Unknown),
    ]
}

fn ended() -> impl Strategy<Value = ContainerState> {
    (prop_oneof![Just(0), Just(1)], prop::option::of(age_in_seconds())).prop_map(|(exit_code, age)| {
        let reason = if exit_code == 0 { "OOMKilled" } else { "Error" };
        ContainerState::Terminated {
            reason: reason.to_owned(),
            exit_code,
            finished_at: age.map(ago),
            message: String::new(),
            disk: None,
        }
    })
}

fn container() -> impl Strategy<Value = Container> {
    let restarts = prop_oneof![3 => Just(0_u32), 1 => Just(2), 1 => Just(3), 1 => Just(9)];
    (state(), prop::option::of(ended()), restarts, prop::bool::weighted(0.2)).prop_map(
        |(state, last_state, restarts, init)| Container {
            name: "app".to_owned(),
            init,
            image: String::new(),
            ready: true,
            restarts,
            state,
            last_state,
        },
    )
}

fn owner() -> impl Strategy<Value = Option<(&'static str, &'static str)>> {
    prop_oneof![
        4 => Just(Some(("ReplicaSet", "shop-6d5f"))),
        1 => Just(Some(("Job", "backup-29380001"))),
        1 => Just(Some(("StatefulSet", "db"))),
        1 => Just(Some(("Node", "metal1"))),
        1 => Just(None),
    ]
}

prop_compose! {
    fn pod()(
        namespace in prop::sample::select(&NAMESPACES),
        name in prop::sample::select(&["a", "b", "c", "d", "e", "f"]),
        phase in prop_oneof![
            8 => Just(PodPhase::Running),
            1 => Just(PodPhase::Pending),
            2 => Just(PodPhase::Succeeded),
            2 => Just(PodPhase::Failed),
            1 => Just(PodPhase::Unknown),
        ],
        evicted in prop::bool::weighted(0.1),
        ready in prop_oneof![
            6 => Just(Some(ConditionStatus::True)),
            1 => Just(Some(ConditionStatus::False)),
            1 => Just(Some(ConditionStatus::Unknown)),
            1 => Just(None),
        ],
        scheduled in prop::bool::weighted(0.9),
        since in age_in_seconds(),
        node in prop_oneof![6 => prop::sample::select(&NODES).prop_map(Some), 1 => Just(None)],
        created in prop::option::weighted(0.9, age_in_seconds()),
        deleted in prop::option::weighted(0.1, age_in_seconds()),
        owner in owner(),
        hash in any::<bool>(),
        containers in prop::collection::vec(container(), 0..3),
    ) -> Pod {
        let mut conditions = Vec::new();
        conditions.extend(ready.map(|status| condition_of("Ready", status, since)));
        if !scheduled {
            conditions.push(condition_of("PodScheduled", ConditionStatus::False, since));
        }
        Pod {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            phase,
            reason: if evicted { "Evicted".to_owned() } else { String::new() },
            message: String::new(),
            conditions,
            node: node.map(str::to_owned),
            created_at: created.map(ago),
            deleted_at: deleted.map(ago),
            owner: owner.map(|(kind, name)| ObjectRef::new(kind, namespace, name)),
            containers,
            claims: Vec::new(),
            labels: if hash {
                [("pod-template-hash".to_owned(), "6d5f".to_owned())].into()
            } else {
                BTreeMap::new()
            },
        }
    }
}

fn workload(kind: &str, name: &str, available: i64) -> Workload {
    Workload {
        desired: 2,
        replicas: 2,
        updated: 2,
        available,
        ..testing::workload(ObjectRef::new(kind, "web", name))
    }
}

/// Whether each node is there and ready, and how many of each workload serve.
type Rest = ([Option<bool>; 3], [i64; 2]);

fn rest() -> impl Strategy<Value = Rest> {
    let node = || prop_oneof![4 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    ([node(), node(), node()], [0..3_i64, 0..3_i64])
}

fn judge(pods: &PodLedger, (nodes, serving): &Rest, now: Timestamp) -> PodsJudged {
    let nodes: Vec<Node> =
        NODES.iter().zip(nodes).filter_map(|(name, ready)| ready.map(|ready| node(name, ready))).collect();
    let workloads = [workload("Deployment", "shop", serving[0]), workload("StatefulSet", "db", serving[1])];
    let reading = PodsReading {
        pods,
        workloads: &workloads,
        nodes: &nodes,
        in_work: &HashSet::new(),
        mounts: &Mounts::default(),
    };
    judge_pods(&reading, now, Duration::from_mins(5), &SETTINGS())
}

/// What a verdict says, without the names of pods in its evidence: of a forgotten pod the name is not known.
type Said = Vec<(String, ObjectRef, Verdict, String, Option<Timestamp>, bool)>;

fn said(judged: &PodsJudged) -> (Verdict, Verdict, (usize, usize), Said) {
    let both = judged.kube_system.findings.iter().chain(&judged.others.findings);
    let said = both.map(|found| {
        (
            found.id.rule.clone(),
            found.id.object.clone(),
            found.verdict,
            found.message.clone(),
            found.since,
            found.informational,
        )
    });
    (judged.kube_system.verdict, judged.others.verdict, judged.counts, said.collect())
}

/// What happens to the pods of a cluster, one after the other.
#[derive(Debug, Clone)]
enum Event {
    /// A pod is as it is now, whether it is new or not.
    Put(Pod),
    /// Told twice.
    Again(Pod),
    /// A pod is gone, if it was there.
    Gone(&'static str, &'static str),
    /// A bookmark, after which what time has made well is let go.
    Bookmark,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => pod().prop_map(Event::Put),
        1 => pod().prop_map(Event::Again),
        2 => (prop::sample::select(&NAMESPACES), prop::sample::select(&["a", "b", "c", "d", "e", "f"]))
            .prop_map(|(namespace, name)| Event::Gone(namespace, name)),
        1 => Just(Event::Bookmark),
    ]
}

/// So many seconds later, at most, the verdict is asked for: long enough for every rule that goes by time.
const LATER: i64 = 2_000;

fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("CARETAKER_TEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(default))
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_is_forgotten_changes_no_verdict_then_or_later(
        pods in prop::collection::vec(pod(), 0..8),
        rest in rest(),
        later in 0..LATER,
    ) {
        let mut ledger = PodLedger::new(SETTINGS().recent_end());
        let mut everything = PodLedger::new(SETTINGS().recent_end());
        for pod in pods {
            ledger.put(pod.clone(), now());
            everything.keep(pod);
        }
        let later = now() + jiff::SignedDuration::from_secs(later);
        prop_assert_eq!(said(&judge(&ledger, &rest, later)), said(&judge(&everything, &rest, later)));
    }

    #[test]
    fn what_was_watched_is_what_would_be_listed(
        events in prop::collection::vec(event(), 0..40),
        rest in rest(),
        step in 0..120_i64,
    ) {
        let mut watched = PodLedger::new(SETTINGS().recent_end());
        let mut there: BTreeMap<(String, String), Pod> = BTreeMap::new();
        let mut at = now();
        for event in events {
            at += jiff::SignedDuration::from_secs(step);
            match event {
                Event::Put(pod) => {
                    there.insert((pod.namespace.clone(), pod.name.clone()), pod.clone());
                    watched.put(pod, at);
                }
                Event::Again(pod) => {
                    there.insert((pod.namespace.clone(), pod.name.clone()), pod.clone());
                    watched.put(pod.clone(), at);
                    watched.put(pod, at);
                }
                Event::Gone(namespace, name) => {
                    there.remove(&(namespace.to_owned(), name.to_owned()));
                    watched.remove(namespace, name);
                }
                Event::Bookmark => watched.tidy(at),
            }
        }
        watched.tidy(at);
        let mut listed = PodLedger::new(SETTINGS().recent_end());
        // In another order.
        for pod in there.into_values().rev() {
            listed.put(pod, at);
        }
        let (watched, listed) = (judge(&watched, &rest, at), judge(&listed, &rest, at));
        prop_assert_eq!(watched.counts, listed.counts);
        prop_assert_eq!(watched.kube_system, listed.kube_system);
        prop_assert_eq!(watched.others, listed.others);
    }
}
