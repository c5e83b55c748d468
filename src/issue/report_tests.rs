//! What people read, as snapshots.

use super::{
    ApprovalRequest, ClosedIssue, ClosedPull, ClosingView, EndedTask, HeldVersion, LayerLine, LessonEvent,
    MergedPull, Needs, Now, OtherIssue, Packet, PlannedTask, Priority, Progress, RemadePull, RevertedPull,
    RunState, StatusView, Waiting, Whom, Windows, render_closing, render_status,
};
use crate::forge::{CommitSha, IssueNumber, PullNumber};
use crate::health::{Figure, Figures, Layer, Verdict};
use crate::merge::Hold;
use jiff::Timestamp;

fn at(time: &str) -> Timestamp {
    format!("2026-11-21T{time}:00Z").parse().expect("a time")
}

fn commit() -> CommitSha {
    "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d".parse().expect("a commit")
}

fn hold() -> Hold {
    Hold {
        package: "ghcr.io/acme/app".to_owned(),
        file: "apps/a/values.yaml".to_owned(),
        version: "v1.2.3".to_owned(),
    }
}

fn layers() -> Vec<LayerLine> {
    vec![
        LayerLine {
            layer: Layer::Metal,
            verdict: Verdict::Green,
            evidence: vec!["10 of 10 nodes ready".to_owned()],
        },
        LayerLine {
            layer: Layer::Apps,
            verdict: Verdict::Red,
            evidence: (0..7).map(|n| format!("pod a-{n} | says <b>@all</b> - [ ] #12")).collect(),
        },
    ]
}

pub(super) fn status() -> StatusView {
    StatusView {
        state: RunState::WaitingForPerson,
        unknown: None,
        since: at("14:30"),
        run: "run-7".to_owned(),
        layers: layers(),
        judged_at: Some(at("14:29")),
        progress: Progress { total: 12, done: 7, waiting: 4, deferred: 1, ..Progress::default() },
        order: (1..=6)
            .map(|n| PlannedTask {
                id: format!("A{n}"),
                priority: Priority::P2,
                kind: "merge",
                title: format!("Merge PR #{n}"),
                needs: (n == 6).then_some(Needs::Approval),
            })
            .collect(),
        now: Some(Now {
            task: Some("A1".to_owned()),
            what: "waits until #5 is rolled out".to_owned(),
            since: at("14:20"),
        }),
        waiting: vec![Waiting {
            id: "D6".to_owned(),
            title: "Merge PR #9 <!-- caretaker:status -->".to_owned(),
            whom: Whom::Person,
            why: "a database waits for a yes".to_owned(),
            answer: Some("tick its box below".to_owned()),
            since: at("14:00"),
        }],
        approvals: vec![ApprovalRequest {
            id: "D6".to_owned(),
            code: "7f3c".to_owned(),
            what: "merge #9, postgres 16 to 17".to_owned(),
            warnings: vec!["No release notes and no backups were checked.".to_owned()],
            since: at("14:00"),
            by_comment: true,
            ticked: false,
        }],
        held: vec![HeldVersion {
            hold: hold(),
            pull: Some(PullNumber(5)),
            why: "it made its app Degraded".to_owned(),
            since: at("13:00"),
        }],
        remade: vec![RemadePull {
            number: PullNumber(15),
            title: "Update app".to_owned(),
            instead_of: PullNumber(5),
        }],
        others: vec![OtherIssue { number: IssueNumber(3), title: "[Maintenance] older".to_owned() }],
        half_done: vec!["#5 is merged and not rolled out".to_owned()],
        missing_rights: vec!["the right to create pods/exec in rook-ceph".to_owned()],
        packets: vec![Packet {
            id: Some("B3".to_owned()),
            why: "Deployment a/a: 1 pod in a crash loop after the merge. Undone by `1a2b3c4`".to_owned(),
            evidence: vec!["RED pod a-0: back-off".to_owned(), "Application argocd/a is degraded".to_owned()],
        }],
        warnings: vec!["The worker was restarted.".to_owned()],
        windows: Some(Windows {
            each: vec!["Mon-Thu 22:00-06:00".to_owned(), "Sat 08:00-20:00".to_owned()],
            zone: "Europe/Berlin".to_owned(),
            opens: Some(at("22:00")),
        }),
    }
}

#[test]
fn a_full_status() {
    insta::assert_snapshot!(render_status(&status()));
}

#[test]
fn a_quiet_status() {
    let view = StatusView {
        state: RunState::Done,
        layers: layers()[..1].to_vec(),
        progress: Progress { total: 1, done: 1, ..Progress::default() },
        order: Vec::new(),
        now: None,
        waiting: Vec::new(),
        approvals: Vec::new(),
        held: Vec::new(),
        remade: Vec::new(),
        others: Vec::new(),
        half_done: Vec::new(),
        missing_rights: Vec::new(),
        packets: Vec::new(),
        warnings: Vec::new(),
        windows: None,
        ..status()
    };
    insta::assert_snapshot!(render_status(&view));
}

#[test]
fn what_nobody_knows_is_said_at_the_top() {
    let what = "Platform: the controller source-controller is not there, and 2 more".to_owned();
    let view = StatusView { state: RunState::Unknown, unknown: Some(what), ..status() };
    let text = render_status(&view);
    assert_eq!(
        text.lines().nth(2),
        Some(
            "⚪ **UNKNOWN**: Platform: the controller source-controller is not there, and 2 more, since 2026-11-21 14:30 UTC."
        ),
        "{text}"
    );
}

fn not_read<T>() -> Figure<T> {
    Figure::NotRead("the probe is switched off".to_owned())
}

pub(super) fn closing() -> ClosingView {
    ClosingView {
        overall: Verdict::Green,
        started: at("12:00"),
        completed: at("14:30"),
        resolved_by: "caretaker".to_owned(),
        layers: layers()[..1].to_vec(),
        tasks: vec![
            EndedTask {
                phase: "High (P1)".to_owned(),
                id: "A1".to_owned(),
                title: "Merge PR #5".to_owned(),
                at: at("13:00"),
                result: "merged as `1a2b3c4`, all layers GREEN".to_owned(),
            },
            EndedTask {
                phase: "Final Validation".to_owned(),
                id: "F1".to_owned(),
                title: "Final gate | all".to_owned(),
                at: at("14:29"),
                result: "all layers GREEN".to_owned(),
            },
        ],
        merged: vec![MergedPull {
            number: PullNumber(5),
            title: "Update app".to_owned(),
            at: at("12:50"),
            verification: "rolled out in 42 s, all layers GREEN".to_owned(),
        }],
        closed_pulls: vec![ClosedPull {
            number: PullNumber(6),
            title: "Old".to_owned(),
            at: at("13:10"),
            reason: "retired".to_owned(),
        }],
        reverted: vec![RevertedPull {
            number: PullNumber(7),
            title: "Bad".to_owned(),
            commit: commit(),
            at: at("13:30"),
            reason: "made its app Degraded".to_owned(),
        }],
        closed_issues: vec![ClosedIssue {
            number: IssueNumber(4),
            title: "Slow".to_owned(),
            at: at("14:00"),
            resolution: "resolved by #5".to_owned(),
        }],
        figures: Figures {
            nodes_ready: Figure::Read((10, 10)),
            pods: Figure::Read((180, 180)),
            applications: Figure::Read((32, 32)),
            certificates: Figure::Read((17, 17)),
            ceph_health: Figure::Read("HEALTH_OK".to_owned()),
            osds: not_read(),
            ceph_usage: Figure::Read((1_539_316_278_886, 3_298_534_883_328)),
            placement_groups: not_read(),
            node_usage: Figure::Read(vec![("node-1".to_owned(), 1_250, 9_663_676_416)]),
            inventory: crate::health::Inventory::default(),
        },
        events: vec![
            LessonEvent::Caused {
                pull: PullNumber(7),
                object: "Application argocd/bad".to_owned(),
                finding: "health is Degraded.".to_owned(),
                tied: true,
                why: "Application argocd/bad was changed by it".to_owned(),
            },
            LessonEvent::Caused {
                pull: PullNumber(8),
                object: "Pod web/other".to_owned(),
                finding: "it is not ready".to_owned(),
                tied: false,
                why: String::new(),
            },
            LessonEvent::AskedAgain { pull: PullNumber(8) },
            LessonEvent::Reverted {
                pull: PullNumber(7),
                commit: commit(),
                reason: "Deployment web/shop: 1 pod in a crash loop".to_owned(),
            },
            LessonEvent::Held { hold: hold() },
            LessonEvent::Retried {
                task: "A1".to_owned(),
                failed: 1,
                by_us: true,
                why: "the forge did not answer".to_owned(),
            },
            LessonEvent::WaitedFor { what: "The approval of A6".to_owned(), seconds: 3_900 },
        ],
        recon: "recon-9".to_owned(),
        recon_at: at("14:28"),
        run: "run-7".to_owned(),
    }
}

#[test]
fn a_full_closing_report() {
    insta::assert_snapshot!(render_closing(&closing()));
}

#[test]
fn a_short_closing_report_has_no_placeholders() {
    let view = ClosingView {
        tasks: Vec::new(),
        merged: Vec::new(),
        closed_pulls: Vec::new(),
        reverted: Vec::new(),
        closed_issues: Vec::new(),
        events: Vec::new(),
        figures: Figures { node_usage: not_read(), ..closing().figures },
        ..closing()
    };
    insta::assert_snapshot!(render_closing(&view));
}

#[test]
fn a_long_closing_report_is_folded_by_phase() {
    let task = closing().tasks[0].clone();
    let phases = ["Phase A: Critical <P0>", "Phase B: High", "Phase C: Medium"];
    let tasks =
        (0..15).map(|n| EndedTask { id: format!("A{n}"), phase: phases[n % 3].to_owned(), ..task.clone() });
    let text = render_closing(&ClosingView { tasks: tasks.collect(), ..closing() });
    let actions = text.split("## Actions").nth(1).and_then(|rest| rest.split("## Pull requests").next());
    insta::assert_snapshot!(actions.unwrap_or_default());
}

#[test]
fn how_the_layers_stood_afterwards_is_filled_in_once_it_is_known() {
    let row = |after, written| super::ChangeRow {
        at: at("14:30"),
        kind: super::ChangeKind::Merge,
        task: Some("D1".to_owned()),
        number: Some(5),
        title: "Update app".to_owned(),
        action: "merged".to_owned(),
        note: "as `1a2b3c4`".to_owned(),
        after,
        written,
    };
    let write = |body: &str, after, written| {
        super::apply(body, &super::Desired { rows: vec![row(after, written)], ..super::Desired::default() })
    };
    let header = "## Change Log\n\n| Time | Phase | Item | Action | Result | Status After |\n|---|---|---|---|---|---|\n";
    let first = write(header, None, false);
    let line = "| 2026-11-21 14:30 UTC | D1 | #5 Update app | merged | as `1a2b3c4` |";
    assert_eq!(first, format!("{header}{line}  |\n"));
    assert_eq!(write(&first, None, false), first, "not twice, though its arrival is not known");
    let second = write(&first, Some(Verdict::Green), true);
    assert_eq!(second, format!("{header}{line} GREEN |\n"));
    assert_eq!(write(&second, Some(Verdict::Green), true), second);
    assert_eq!(write(&second, Some(Verdict::Green), false), second);
    // What a person wrote there, and a row that a person took out, stay as they are.
    let theirs = first.replace("|  |", "| fine |");
    assert_eq!(write(&theirs, Some(Verdict::Green), true), theirs);
    assert_eq!(write(header, Some(Verdict::Green), true), header);
}

#[test]
fn the_status_survives_being_written() {
    let status = render_status(&status());
    let desired = super::Desired { status: Some(status.clone()), ..super::Desired::default() };
    let body = super::apply("# Title\n\n- [ ] A1 P1 Fix a\n", &desired);
    assert_eq!(super::apply(&body, &desired), body);
    assert_eq!(super::read_approvals(&body).len(), 1);
    let read = super::read(&body, &|_| (None, crate::merge::UpdateType::Unknown)).expect("readable");
    assert_eq!(read.tasks.len(), 1);
    assert_eq!(read.ignored.len(), 1);
}
