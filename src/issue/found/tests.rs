//! What is found, as tasks of our own: how urgent, under which ids, in which texts.

use super::*;
use crate::cluster::ObjectRef;
use crate::forge::PullNumber;
use crate::health::{Figure, Figures, Finding, FindingId, Grounds, Probe, ProbeResult, Recon, Verdict};
use crate::issue::lint::lint;
use crate::issue::words::is_id;
use crate::issue::{Block, Desired, Kind, Needs, Priority, Reading, TaskWish, apply, read};
use crate::merge::classify::Classification;
use crate::merge::{Category, Risk, UpdateType};
use jiff::Timestamp;
use std::collections::BTreeSet;

fn finding(probe: Probe, rule: &str, verdict: Verdict) -> Finding {
    let (kind, namespace, name) = match probe {
        Probe::Nodes => ("Node", "", "node-02"),
        Probe::Ceph => ("CephCluster", "rook-ceph", "rook-ceph"),
        Probe::CephTools => ("Ceph", "rook-ceph", "ceph"),
        Probe::Volumes => ("PersistentVolume", "", "pvc-0af1"),
        Probe::Certificates => ("Certificate", "media", "wildcard"),
        Probe::Alerts => ("Alert", "", "a `b` <!-- caretaker:status --> - [ ] x"),
        _ => ("Deployment", "media", "sonarr"),
    };
    Finding {
        id: FindingId { probe, rule: rule.to_owned(), object: ObjectRef::new(kind, namespace, name) },
        layer: probe.layer(),
        verdict,
        message: format!("{kind} {name}: {rule}"),
        evidence: "status.phase = Failed".to_owned(),
        since: None,
        made_at: None,
        informational: false,
        grounds: Grounds::default(),
        acknowledged: false,
        cause: None,
    }
}

fn listed(finding: Finding) -> Finding {
    Finding { informational: true, ..finding }
}

fn recon(findings: Vec<Finding>) -> Recon {
    fn none<T>() -> Figure<T> {
        Figure::NotRead("not read".to_owned())
    }
    let mut probes: Vec<ProbeResult> = [Probe::Nodes, Probe::KubeSystem, Probe::ArgoCd, Probe::Pods]
        .into_iter()
        .map(|probe| ProbeResult {
            probe,
            layer: probe.layer(),
            used: true,
            verdict: Verdict::Green,
            summary: format!("all {} are well", probe.word()),
            findings: Vec::new(),
        })
        .collect();
    for finding in findings {
        let verdict = if finding.informational { Verdict::Green } else { finding.verdict };
        probes.push(ProbeResult {
            probe: finding.id.probe,
            layer: finding.layer,
            used: true,
            verdict,
            summary: "one is not".to_owned(),
            findings: vec![finding],
        });
    }
    Recon {
        began_at: "2026-11-21T14:30:00Z".parse::<Timestamp>().expect("a time"),
        restarted: Vec::new(),
        made_of: Vec::new(),
        services: None,
        files_read: false,
        probes,
        figures: Figures {
            nodes_ready: none(),
            pods: none(),
            applications: none(),
            certificates: none(),
            ceph_health: none(),
            osds: none(),
            ceph_usage: none(),
            placement_groups: none(),
            node_usage: none(),
            inventory: crate::health::Inventory::default(),
        },
    }
}

fn update(number: u64, title: &str, kind: UpdateType) -> OpenUpdate {
    OpenUpdate {
        number: PullNumber(number),
        title: title.to_owned(),
        classification: Classification {
            category: Category::AppTemplate,
            risk: Risk::Medium,
            update: kind,
            foundation: None,
            worst: String::new(),
            members: Vec::new(),
            named: BTreeSet::new(),
        },
    }
}

fn offered(findings: Vec<Finding>, updates: &[OpenUpdate]) -> Offered {
    propose(&recon(findings), &|_| false, &|_| true, updates)
}

fn reading(body: &str) -> Reading {
    read(body, &|_| (None, UpdateType::Unknown)).expect("readable")
}

fn written(body: &str, blocks: Vec<Block>) -> String {
    apply(body, &Desired { blocks, ..Desired::default() })
}

/// A cluster in which several things are wrong.
fn broken() -> Vec<Finding> {
    let mut follows = finding(Probe::ArgoCd, "degraded", Verdict::Red);
    follows.cause = Some(finding(Probe::Nodes, "not-ready", Verdict::Red).id);
    vec![
        finding(Probe::Nodes, "not-ready", Verdict::Red),
        finding(Probe::Ceph, "RECENT_CRASH", Verdict::Yellow),
        finding(Probe::Pods, "crash-loop", Verdict::Red),
        follows,
        finding(Probe::Certificates, "expires-soon", Verdict::Yellow),
        listed(finding(Probe::Volumes, "volume-released", Verdict::Yellow)),
        finding(Probe::Alerts, "Watchdog", Verdict::Yellow),
    ]
}

#[test]
fn every_probe_says_how_urgent_it_is() {
    use Priority::{P0, P1, P2, P3};
    use Verdict::{Red, Unknown, Yellow};
    // Exhaustive, so that a new probe has to choose.
    let red = |probe: Probe| match probe {
        Probe::Nodes => vec![
            ("not-ready", P0),
            ("network-unavailable", P0),
            ("kubelet-newer", P1),
            ("kubelet-too-old", P1),
        ],
        Probe::Pods => {
            vec![("crash-loop", P0), ("node-not-ready", P0), ("image-pull", P1), ("unavailable", P1)]
        }
        Probe::KubeSystem => vec![("crash-loop", P0), ("unavailable", P0)],
        Probe::Ceph | Probe::CephTools => vec![("health", P0), ("MON_DOWN", P0)],
        Probe::Capacity => vec![("claim-full", P0)],
        Probe::Volumes => vec![("claim-lost", P0), ("lost-data", P0)],
        Probe::VolSync => vec![("source-failed", P0)],
        Probe::CloudNativePg => vec![("archiving-fails", P0), ("backup-failed", P0)],
        Probe::ArgoCd => vec![("degraded", P1)],
        Probe::Flux => vec![("not-applied", P1)],
        Probe::Jobs => vec![("failed", P1)],
        Probe::DisruptionBudgets => vec![("too-few-healthy", P1)],
        Probe::Services | Probe::Webhooks => vec![("no-endpoints", P1)],
        Probe::Own => vec![("anything", P1)],
        Probe::Addresses => vec![("unreachable", P1)],
        Probe::Alerts => vec![("NodeDown", P1)],
        Probe::Snapshots => vec![("snapshot-failed", P1)],
        Probe::ExternalSecrets => vec![("not-synced", P1)],
        Probe::ApiServices => vec![("unavailable", P1)],
        Probe::Certificates => vec![("expired", P1), ("not-ready", P1)],
        Probe::Usage => vec![("memory-high", P1)],
        Probe::Audit => vec![("no-budget", P1)],
    };
    let all = [
        Probe::Nodes,
        Probe::KubeSystem,
        Probe::Ceph,
        Probe::CephTools,
        Probe::ArgoCd,
        Probe::Certificates,
        Probe::Pods,
        Probe::Jobs,
        Probe::DisruptionBudgets,
        Probe::Services,
        Probe::Usage,
        Probe::Own,
        Probe::Addresses,
        Probe::Alerts,
        Probe::Capacity,
        Probe::Volumes,
        Probe::Snapshots,
        Probe::VolSync,
        Probe::Flux,
        Probe::CloudNativePg,
        Probe::ExternalSecrets,
        Probe::ApiServices,
        Probe::Webhooks,
        Probe::Audit,
    ];
    let priority = |finding: &Finding| FindingTask::of(finding).priority;
    for probe in all {
        for (rule, expected) in red(probe) {
            assert_eq!(priority(&finding(probe, rule, Red)), expected, "{probe:?} {rule}");
        }
        let yellow = if probe == Probe::Certificates { P1 } else { P2 };
        assert_eq!(priority(&finding(probe, "rule", Yellow)), yellow, "{probe:?}");
        assert_eq!(priority(&finding(probe, "not-read", Unknown)), P1, "{probe:?}");
        assert_eq!(priority(&listed(finding(probe, "rule", Yellow))), P3, "{probe:?}");
    }
    assert_eq!(priority(&finding(Probe::Nodes, "version-behind", Yellow)), P1);
    assert_eq!(priority(&listed(finding(Probe::Nodes, "version-behind", Yellow))), P3);
}

#[test]
fn only_ceph_crashes_can_be_seen_to_by_caretaker() {
    for (probe, rule, acts) in [
        (Probe::Ceph, "RECENT_CRASH", true),
        (Probe::CephTools, "RECENT_CRASH", true),
        (Probe::Ceph, "RECENT_MGR_MODULE_CRASH", true),
        (Probe::Ceph, "OSD_DOWN", false),
        (Probe::Alerts, "RECENT_CRASH", false),
        (Probe::Own, "RECENT_CRASH", false),
    ] {
        let task = FindingTask::of(&finding(probe, rule, Verdict::Yellow));
        assert_eq!(task.action.is_some(), acts, "{probe:?} {rule}");
        assert_eq!(task.rule().is_some(), acts, "{probe:?} {rule}");
        let text = crate::wording::found_finding("F-1234", &task);
        assert_eq!(text.contains("ceph crash ls-new"), acts, "{text}");
    }
}

#[test]
fn what_is_broken_or_may_be_lost_is_urgent_whatever_its_colour() {
    use Priority::{P0, P1, P2};
    use Verdict::{Red, Unknown, Yellow};
    for (probe, rule, verdict, expected) in [
        (Probe::Nodes, "not-ready", Red, P0),
        (Probe::Nodes, "heartbeat-old", Unknown, P0),
        (Probe::Nodes, "cordoned", Yellow, P2),
        (Probe::Pods, "crash-loop", Yellow, P0),
        (Probe::KubeSystem, "crash-loop", Yellow, P0),
        (Probe::Pods, "oom-killed", Yellow, P2),
        (Probe::Ceph, "RECENT_CRASH", Yellow, P0),
        (Probe::CephTools, "RECENT_MGR_MODULE_CRASH", Yellow, P0),
        (Probe::Ceph, "OSD_DOWN", Yellow, P0),
        (Probe::Ceph, "OSD_HOST_DOWN", Yellow, P0),
        (Probe::Ceph, "OSD_NEARFULL", Yellow, P2),
        (Probe::Ceph, "OSDMAP_FLAGS", Yellow, P2),
        (Probe::CephTools, "PG_DEGRADED", Yellow, P0),
        (Probe::CephTools, "PG_NOT_SCRUBBED", Yellow, P2),
        (Probe::Volumes, "lost-data", Yellow, P0),
        (Probe::Volumes, "lost-data", Unknown, P0),
        (Probe::Volumes, "lost-data", Red, P0),
        (Probe::Volumes, "released-claim-waits", Yellow, P0),
        (Probe::Volumes, "claim-pending", Yellow, P2),
        (Probe::VolSync, "source-failed", Yellow, P0),
        (Probe::VolSync, "source-locked", Yellow, P0),
        (Probe::VolSync, "source-error", Yellow, P0),
        (Probe::VolSync, "source-overdue", Yellow, P0),
        (Probe::VolSync, "source-not-begun", Unknown, P0),
        (Probe::VolSync, "source-paused", Yellow, P2),
        (Probe::CloudNativePg, "archiving-fails", Yellow, P0),
        (Probe::CloudNativePg, "backup-failed", Yellow, P0),
        (Probe::CloudNativePg, "backup-late", Yellow, P0),
        (Probe::CloudNativePg, "schedule-missed", Yellow, P0),
        (Probe::CloudNativePg, "schedule-suspended", Yellow, P2),
        (Probe::Nodes, "version-behind", Yellow, P1),
        (Probe::Nodes, "kubelet-too-old", Red, P1),
        (Probe::Certificates, "expires-soon", Yellow, P1),
        (Probe::Audit, "plain-secret", Yellow, P1),
        (Probe::Audit, "no-budget", Yellow, P2),
        (Probe::Capacity, "disk-full", Red, P0),
        (Probe::Capacity, "disk-full", Yellow, P2),
        (Probe::Flux, "suspended", Yellow, P2),
    ] {
        let task = FindingTask::of(&finding(probe, rule, verdict));
        assert_eq!(task.priority, expected, "{probe:?} {rule} {verdict}");
    }
    // Listed only, it is no more than a thing to clean up.
    let lost = listed(finding(Probe::Volumes, "lost-data", Yellow));
    assert_eq!(FindingTask::of(&lost).priority, Priority::P3);
}

/// Checks of Ceph's own, as its manual names them under "health checks": those that mean that it is broken or nearly so.
const CEPH: [&str; 21] = [
    "MON_DOWN",
    "MGR_DOWN",
    "RECENT_CRASH",
    "RECENT_MGR_MODULE_CRASH",
    "OSD_DOWN",
    "OSD_HOST_DOWN",
    "OSD_FULL",
    "OSD_BACKFILLFULL",
    "OSD_NEARFULL",
    "OSD_SCRUB_ERRORS",
    "OSD_TOO_MANY_REPAIRS",
    "POOL_FULL",
    "POOL_NO_REDUNDANCY",
    "POOL_NEARFULL",
    "PG_AVAILABILITY",
    "PG_DEGRADED",
    "PG_DAMAGED",
    "PG_RECOVERY_FULL",
    "PG_BACKFILL_FULL",
    "PG_NOT_SCRUBBED",
    "OBJECT_UNFOUND",
];

#[test]
fn the_table_of_urgency_is_documented_and_names_rules_that_there_are() {
    let page = include_str!("../../../docs/health.md");
    let (before, rest) = page.split_once("## How urgent a task is").expect("it is documented");
    let (told, after) = rest.split_once("\n## ").unwrap_or((rest, ""));
    for row in urgency::TABLE.iter().filter(|row| row.rules != ["*"]) {
        let is_of_ceph = row.probes.contains(&Probe::Ceph);
        for row_rule in row.rules {
            let rule = format!("`{row_rule}`");
            assert!(told.contains(&rule), "{rule} is missing");
            let is_there = if is_of_ceph {
                CEPH.iter().any(|check| urgency::matches(row_rule, check))
            } else {
                before.contains(&rule) || after.contains(&rule)
            };
            assert!(is_there, "there is no {rule}");
        }
    }
}

#[test]
fn no_two_findings_share_an_id_and_each_is_one_that_the_reader_knows() {
    let ids: Vec<FindingId> = (0..400)
        .map(|number| FindingId {
            probe: Probe::Pods,
            rule: "crash-loop".to_owned(),
            object: ObjectRef::new("Deployment", "media", &format!("app-{number}")),
        })
        .collect();
    let tags = tags(ids.iter());
    assert_eq!(tags.len(), ids.len());
    let shown: BTreeSet<String> = tags.values().map(|tag| Own::Finding(tag.clone()).id()).collect();
    assert_eq!(shown.len(), ids.len());
    for tag in tags.values() {
        let own = Own::Finding(tag.clone());
        assert!(is_id(&own.id()), "{}", own.id());
        assert_eq!(Own::of_block(&own.block()), Some(own));
    }
    let alone = super::tags(ids[..1].iter());
    assert_eq!(alone[&ids[0]], super::tags(ids[..1].iter())[&ids[0]], "the same wherever it is looked at");
    for number in [1, 64, 9_999, 10_000, 12_345, 9_999_999] {
        let own = Own::Update(PullNumber(number));
        assert!(is_id(&own.id()), "{}", own.id());
        assert_eq!(Own::of_block(&own.block()), Some(own));
    }
    for name in [
        "finding-12",
        "finding-123a",
        "finding-1234-5",
        "finding-1234-5678",
        "update-0",
        "update-007",
        "update-",
        "status",
        "findings",
    ] {
        assert_eq!(Own::of_block(name), None, "{name}");
    }
}

#[test]
fn a_tag_stands_for_one_finding_or_for_none() {
    let findings =
        [finding(Probe::Pods, "crash-loop", Verdict::Red), finding(Probe::Pods, "image-pull", Verdict::Red)];
    let tags = tags(findings.iter().map(|finding| &finding.id));
    for finding in &findings {
        let tag = &tags[&finding.id];
        assert_eq!(resolve(tag, findings.iter()).map(|found| &found.id), Some(&finding.id));
        assert_eq!(resolve(tag, [].iter()), None);
    }
    let Some(Own::Finding(unknown)) = Own::of_block("finding-0000") else { panic!("a tag") };
    assert!(tags.values().all(|tag| *tag != unknown), "of another hash, take other digits");
    assert_eq!(resolve(&unknown, findings.iter()), None);
}

#[test]
fn an_opened_issue_has_the_seven_sections_and_reads_as_it_is_meant() {
    let updates = [
        update(64, "chore(deps): update echo docker tag to v36.1.0", UpdateType::Minor),
        update(65, "chore(deps): update valkey docker tag to v9", UpdateType::Major),
        update(66, "chore(deps): update curl [SECURITY]", UpdateType::Patch),
    ];
    let found = recon(broken());
    let opened =
        opened(&found, &propose(&found, &|_| false, &|_| true, &updates)).expect("something is wrong");
    insta::assert_snapshot!("opened", opened.body);
    assert_eq!(opened.title, "Maintenance 2026-11-21");
    let reading = reading(&opened.body);
    assert!(reading.form.seven_section && reading.form.change_log && reading.form.closure);
    assert_eq!(reading.ignored, []);
    let ids: Vec<&str> = reading.tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, opened.tasks, "as they are proposed");
    assert_eq!(opened.tasks.len(), 8);
    for task in &reading.tasks {
        match &task.kind {
            Kind::Finding { .. } => assert_eq!(task.needs, None),
            Kind::Merge { pull } => {
                assert_eq!(task.needs, Some(Needs::Approval));
                assert!([64, 66].contains(&pull.0));
            }
            other => panic!("{other:?}"),
        }
        assert!(task.own && task.details.commands.is_empty(), "nothing of the text counts: {task:?}");
    }
    let lint = lint(&opened.body, None, &|_| (None, UpdateType::Unknown));
    assert_eq!(lint.findings, []);
}

#[test]
fn nothing_found_opens_nothing_and_what_is_accepted_is_no_task() {
    assert_eq!(opened(&recon(vec![]), &offered(vec![], &[])), None);
    let known = listed(finding(Probe::Pods, "failed", Verdict::Yellow));
    assert_eq!(propose(&recon(vec![known.clone()]), &|one| one.id == known.id, &|_| true, &[]).proposals, []);
    let many: Vec<Finding> = (0..30)
        .map(|number| {
            let mut one = listed(finding(Probe::Services, "selects-nothing", Verdict::Yellow));
            one.id.object.name = format!("service-{number}");
            one
        })
        .collect();
    let offered = offered(many, &[]);
    assert_eq!((offered.proposals.len(), offered.more_listed), (20, 10));
    let text = offered.blocks(&Reading::default()).0.remove(0).text;
    assert!(text.contains("10 more findings are only listed"), "{text}");
    let broken: Vec<Finding> = (0..100)
        .map(|number| {
            let rule = if number % 2 == 0 { "crash-loop" } else { "image-pull" };
            let mut one = finding(Probe::Pods, rule, Verdict::Red);
            one.id.object.name = format!("app-{number}");
            one
        })
        .collect();
    let offered = self::offered(broken, &[update(64, "echo", UpdateType::Minor)]);
    assert_eq!((offered.proposals.len(), offered.more_listed), (61, 40));
    let urgent = offered.blocks(&Reading::default()).0;
    let of = |priority: &str| urgent.iter().filter(|block| block.text.contains(priority)).count();
    assert_eq!((of(" P0 Apps**"), of(" P1 Apps**"), of(" P2 Apps**")), (50, 10, 1), "the most urgent");
}

#[test]
fn what_ceph_says_twice_is_one_task() {
    let both = vec![
        finding(Probe::Ceph, "RECENT_CRASH", Verdict::Yellow),
        finding(Probe::CephTools, "RECENT_CRASH", Verdict::Yellow),
    ];
    assert_eq!(offered(both, &[]).proposals.len(), 1);
}

#[test]
fn writing_twice_is_writing_once_in_texts_of_any_form() {
    let offered = offered(broken(), &[update(70, "echo", UpdateType::Minor)]);
    for body in [
        "",
        "# Title\n\nwords\n",
        "## Tasks\n\n- [ ] **A1 P2 Apps**: Do it\n",
        "## Action Items (Tasks)\r\n\r\n- [ ] **A1 P2 Apps**: Do it\r\n",
        include_str!("../../../fixtures/bodies/22-seven-sections.md"),
    ] {
        let (blocks, new) = offered.blocks(&reading(body));
        assert_eq!(new.len(), 7, "{body}");
        let once = written(body, blocks.clone());
        assert_eq!(written(&once, blocks.clone()), once, "{body}");
        let again = offered.blocks(&reading(&once));
        assert_eq!((again.1, again.0), (Vec::<String>::new(), blocks), "{body}");
        // Without our blocks the text is what it was, apart from the blank lines around them.
        let lines = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
        };
        let mut ours = false;
        let left: Vec<String> = lines(&once)
            .into_iter()
            .filter(|line| {
                ours |= line.starts_with("<!-- caretaker:f") || line.starts_with("<!-- caretaker:u");
                let own = ours;
                ours &= !line.starts_with("<!-- /caretaker:");
                !own
            })
            .collect();
        assert_eq!(left, lines(body), "{once}");
        let findings = reading(&once).tasks.iter().filter(|task| task.own).count();
        assert_eq!(findings, 7, "{once}");
    }
}

#[test]
fn a_tick_and_a_note_stay_when_what_is_found_is_told_anew() {
    const NOTE: &str = "*(deferred 2026-11-21 14:30 UTC: next week)*";
    let found = finding(Probe::Pods, "crash-loop", Verdict::Red);
    let first = offered(vec![found.clone()], &[]);
    let body = written("## Tasks\n\n", first.blocks(&Reading::default()).0);
    let key = reading(&body).tasks[0].key.clone();
    let wish =
        TaskWish { key: key.clone(), tick: false, note: Some(NOTE.to_owned()), former_notes: Vec::new() };
    let noted = apply(&body, &Desired { tasks: vec![wish], ..Desired::default() });
    assert!(noted.contains(NOTE), "{noted}");
    assert!(reading(&noted).tasks[0].own, "its note makes it nobody else's: {noted}");
    let later = offered(vec![Finding { message: "Deployment sonarr: 9 restarts".to_owned(), ..found }], &[]);
    let text = written(&noted, later.blocks(&reading(&noted)).0);
    assert!(text.contains("9 restarts") && text.contains(NOTE), "{text}");
    assert_eq!(text.matches("- [ ]").count(), 1);
    let ticked = text.replacen("- [ ]", "- [x]", 1);
    let task = reading(&ticked).tasks.remove(0);
    assert!(task.ticked && task.own && task.key == key, "{ticked}");
    assert_eq!(later.blocks(&reading(&ticked)).0, [], "what is ticked is left as it is");
}

#[test]
fn an_edit_makes_one_task_a_persons_and_no_other() {
    let found = vec![
        finding(Probe::Pods, "crash-loop", Verdict::Red),
        finding(Probe::Nodes, "not-ready", Verdict::Red),
    ];
    let offered = offered(found, &[]);
    let body = written("## Tasks\n\n- [ ] **A1 P2 Apps**: Do it\n", offered.blocks(&Reading::default()).0);
    let edited = body.replace("Deployment sonarr: crash-loop", "Look at sonarr, I think it is the new image");
    assert_ne!(edited, body);
    let status = Desired {
        status: Some("## caretaker\n\nRunning.".to_owned()),
        blocks: offered.blocks(&reading(&edited)).0,
        ..Desired::default()
    };
    let text = apply(&edited, &status);
    assert!(text.contains("Look at sonarr, I think it is the new image"), "{text}");
    let tasks = reading(&text).tasks;
    let own: Vec<bool> = tasks.iter().map(|task| task.own).collect();
    assert_eq!(own.iter().filter(|own| **own).count(), 1, "{text}");
    assert_eq!(tasks.len(), 3, "and none of them twice: {text}");
    assert_eq!(apply(&text, &status), text);
    let theirs = tasks.iter().find(|task| task.title.contains("sonarr")).expect("it is there");
    assert_eq!(theirs.kind, Kind::Person, "nothing of ours is read back as a command");
    let id = theirs.id.clone();
    let ticked = text.replacen(&format!("- [ ] **{id}"), &format!("- [x] **{id}"), 1);
    assert_ne!(ticked, text);
    assert_eq!(offered.blocks(&reading(&ticked)).1, Vec::<String>::new(), "theirs when it is ticked, too");
}

#[test]
fn what_a_person_asks_for_is_not_asked_for_twice() {
    let offered = offered(broken(), &[update(64, "echo", UpdateType::Minor)]);
    let new = |body: &str| offered.blocks(&reading(body)).1;
    let all = new("");
    for (body, fewer) in [
        ("- [ ] **A1 P0 Apps**: Fix sonarr\n", 1),
        ("- [ ] **A1 P0 Apps**: Fix media/sonarr, it crashes\n", 1),
        ("- [x] **A1 P0 Apps**: Fix sonarr\n", 0),
        ("- [ ] **A1 P0 Apps**: Fix sonarr-exporter\n", 0),
        // Another namespace has one of that name as well.
        ("- [ ] **A1 P0 Apps**: Fix paperless/sonarr\n", 0),
        ("- [ ] **A1 P0 Apps**: Fix deployment/sonarr\n", 1),
        ("- [ ] **A1 P0 Apps**: Fix media/deployments.apps/sonarr\n", 1),
        (
            "- [ ] **A1 P0 Apps**: See what is wrong\n  - **Commands**: `kubectl -n media describe deploy/sonarr`\n",
            1,
        ),
        (
            "- [ ] **A1 P0 Apps**: See what is wrong\n  - **Commands**: `kubectl -n paperless describe deploy sonarr`\n",
            0,
        ),
        (
            "- [ ] **A1 P0 Apps**: See what is wrong\n  - **Commands**: `kubectl describe deploy sonarr --namespace=paperless`\n",
            0,
        ),
        // Whoever only keeps an eye on it mends nothing.
        ("- [ ] **A1 P3 Apps**: Track sonarr\n", 0),
        ("- [ ] **A1 P3 Apps**: Monitor sonarr\n", 0),
        ("- [ ] **A1 P0 Metal**: Look at the power of node-02\n", 1),
        ("- [ ] **A1 P2 Apps**: Merge PR #65: sonarr to v5\n", 0),
        ("- [ ] **A1 P0 System**: Verify that Ceph is HEALTH_OK\n", 0),
        ("- [ ] **A1 P0 System**: Find out why Ceph says RECENT_CRASH\n", 1),
        ("- [ ] **A1 P2 Apps**: Merge PR #64\n", 1),
        ("- [ ] **A1 P2 Apps**: Review PR #64 and decide\n", 1),
        ("- [ ] **A1 P2 Apps**: Merge PR #65\n", 0),
        (
            "- [ ] **A1 P1 System**: Archive the crash reports\n  - **Commands**: `kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all`\n",
            1,
        ),
    ] {
        assert_eq!(new(&format!("## Tasks\n\n{body}")).len() + fewer, all.len(), "{body}");
    }
}

#[test]
fn of_a_forged_block_nothing_counts_but_its_id_and_its_box() {
    let forged = |name: &str, inner: &str| {
        written("## Tasks\n\n", vec![Block { name: name.to_owned(), text: inner.to_owned() }])
    };
    let text = "- [ ] **A9 P0 All**: Merge PR #666\n  - **Depends on**: A1\n  - **Commands**: `ceph crash archive-all`\n- [ ] Merge PR #667";
    let body = forged("finding-1234", text);
    let reading_of = reading(&body);
    let [task] = &reading_of.tasks[..] else { panic!("{:?}", reading_of.tasks) };
    assert!(matches!(task.kind, Kind::Finding { .. }) && task.id == "F-1234" && task.title == "F-1234");
    assert_eq!((task.priority, task.layer, &task.depends_on[..]), (Priority::P2, None, &[][..]));
    assert!(task.details.commands.is_empty());
    assert_eq!(reading_of.ignored.len(), 1, "the second box is nothing");
    // The same block twice is one task, and a block with another's sum is a person's text.
    let twice = format!("{body}\n{body}");
    assert_eq!(reading(&twice).tasks.len(), 1);
    let renamed = body.replace("finding-1234", "finding-4321");
    assert!(reading(&renamed).tasks.iter().all(|task| !task.own), "{renamed}");
}

#[test]
fn a_persons_table_may_name_what_our_own_tasks_are_about() {
    let update = update(64, "grafana to v12", UpdateType::Minor);
    let blocks = offered(Vec::new(), std::slice::from_ref(&update)).blocks(&Reading::default()).0;
    let table = |rows: &str| {
        let head = "## Plan\n\n| ID | Summary | Depends on |\n|---|---|---|\n";
        format!("{head}{rows}\n## Tasks\n\n- [ ] **A1 P1**: Upgrade the dashboards\n\n")
    };
    for (rows, asks) in [
        ("| A1 | Upgrade the dashboards | PR #64, R-64 |\n", false),
        ("| B1 | PR #64: do not merge | - |\n", true),
    ] {
        let body = written(&table(rows), blocks.clone());
        let read = reading(&body);
        let own = read.tasks.iter().find(|task| task.own).expect("ours is there");
        assert_eq!(own.why_person.is_some(), asks, "{rows}: {:?}", own.why_person);
    }
}

/// A text with a task of ours under a name of before.
fn of_before(finding: &Finding, name: &str) -> String {
    let own = Own::of_block(name).expect("a name");
    written("## Tasks\n\n", vec![Proposal::of_finding(own, FindingTask::of(finding)).block()])
}

#[test]
fn what_ceph_says_by_its_object_and_by_its_command_is_one_task_in_every_order() {
    let (object, command) = (
        finding(Probe::Ceph, "RECENT_CRASH", Verdict::Yellow),
        finding(Probe::CephTools, "RECENT_CRASH", Verdict::Yellow),
    );
    let looks = [vec![object.clone()], vec![object.clone(), command.clone()], vec![command.clone()]];
    for first in &looks {
        let body = written("## Tasks\n\n", offered(first.clone(), &[]).blocks(&Reading::default()).0);
        for second in &looks {
            let (blocks, new) = offered(second.clone(), &[]).blocks(&reading(&body));
            assert!(new.is_empty(), "{new:?}");
            assert_eq!(reading(&written(&body, blocks)).tasks.len(), 1);
            // A minute after it was archived one of them says so still.
            let ticked = body.replacen("- [ ]", "- [x]", 1);
            assert_eq!(offered(second.clone(), &[]).blocks(&reading(&ticked)), (vec![], vec![]));
        }
    }
    // Another check is another matter.
    let body = written("## Tasks\n\n", offered(vec![object.clone()], &[]).blocks(&Reading::default()).0);
    let other = finding(Probe::CephTools, "OSD_DOWN", Verdict::Yellow);
    assert_eq!(offered(vec![other], &[]).blocks(&reading(&body)).1.len(), 1);
    // That one of them could not be read is a matter of its own: here a right is missing, there a pod is away.
    let unread = |probe: Probe| {
        let mut unread = finding(probe, "not-read", Verdict::Unknown);
        unread.id.object = ObjectRef::new("Probe", "", probe.word());
        unread
    };
    let (one, other) = (unread(Probe::Ceph), unread(Probe::CephTools));
    let body = written("## Tasks\n\n", offered(vec![one.clone()], &[]).blocks(&Reading::default()).0);
    for text in [body.clone(), body.replacen("- [ ]", "- [x]", 1)] {
        assert_eq!(offered(vec![other.clone()], &[]).blocks(&reading(&text)).1.len(), 1, "{text}");
    }
    assert_eq!(offered(vec![one, other], &[]).proposals.len(), 2);
    // Of both the command is asked, which is the newer.
    let both = [object, command];
    let tag = tags(both.iter().map(|finding| &finding.id)).remove(&both[0].id).expect("a tag");
    assert_eq!(resolve(&tag, both.iter()).map(|found| found.id.probe), Some(Probe::CephTools));
}

#[test]
fn an_id_is_the_same_whatever_else_is_found_and_one_of_four_digits_counts_where_it_is_one_findings() {
    let of = |number: usize| {
        let mut one = finding(Probe::Pods, "crash-loop", Verdict::Red);
        one.id.object.name = format!("app-{number}");
        one
    };
    let four = |one: &Finding| {
        let own = offered(vec![one.clone()], &[]).proposals.remove(0).own.block();
        own.rsplit_once('-').expect("seven digits").0.to_owned()
    };
    let mut known: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    let (one, other) = (0..2_000)
        .find_map(|number| Some((of(known.insert(four(&of(number)), number)?), of(number))))
        .expect("some share four digits");
    let alone = || vec![one.clone()];
    let both = || vec![one.clone(), other.clone()];
    for (first, second) in [(alone(), both()), (both(), alone())] {
        let body = written("## Tasks\n\n", offered(first.clone(), &[]).blocks(&Reading::default()).0);
        let new = offered(second.clone(), &[]).blocks(&reading(&body)).1;
        assert_eq!(new.len(), second.len().saturating_sub(first.len()), "{new:?}");
    }
    // A text of before: its block is refreshed under its name.
    let body = of_before(&one, &four(&one));
    let (blocks, new) = offered(alone(), &[]).blocks(&reading(&body));
    assert_eq!((new, blocks[1].name.clone()), (vec![], four(&one)));
    assert_eq!(reading(&written(&body, blocks)).tasks.len(), 1);
    // It may be either of them now.
    assert_eq!(offered(both(), &[]).blocks(&reading(&body)).1.len(), 2);
    // One that a person made theirs stays theirs.
    let theirs = body.replace("Deployment sonarr", "I look at it: Deployment sonarr");
    assert_ne!(theirs, body);
    assert_eq!(offered(alone(), &[]).blocks(&reading(&theirs)).1, Vec::<String>::new());
}

#[test]
fn only_who_looked_at_everything_says_how_much_more_there_is() {
    let major = [update(65, "valkey to v9", UpdateType::Major)];
    let whole = offered(broken(), &major);
    let body = written("## Tasks\n\n", whole.blocks(&Reading::default()).0);
    assert!(body.contains("#65"), "{body}");
    let part =
        Offered { is_part: true, ..offered(vec![finding(Probe::Jobs, "failed", Verdict::Yellow)], &[]) };
    let (blocks, new) = part.blocks(&reading(&body));
    assert_eq!(new.len(), 1);
    let text = written(&body, blocks);
    assert!(text.contains("#65") && text.contains(&new[0]), "{text}");
    // Where nothing says what these tasks are, it does.
    let (blocks, _) = part.blocks(&Reading::default());
    assert_eq!(blocks[0].name, INTRODUCTION);
    assert!(!offered(broken(), &[]).blocks(&reading(&body)).0[0].text.contains("#65"));
}
