//! What shows no commit of the repository: Applications that others make, and sets.

use super::rollout::{Word, argo, asking, descends, of_set, stood, verdict, watched, word};
use super::samples::{application, at, moment, operation, sha, source, undone};
use crate::cluster::{
    Application, ApplicationHealth, ApplicationResource, ApplicationSource, BegunBy, DrySource, Fingerprint,
    Hydrated, ObjectRef, OperationPhase, Owner, SyncStatus, projects_testing,
};
use crate::merge::rollout::{
    AskedOf, Asking, GitOps, Moment, Question, Refusal, Rollout, Stood, awaited_owners, judge,
    runs_what_nobody_asks_for,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A chart in a version, of a repository of charts.
pub(super) fn chart(version: &str) -> ApplicationSource {
    ApplicationSource {
        repository_url: "https://charts.example.org".to_owned(),
        chart: Some("paperless".to_owned()),
        target_revision: version.to_owned(),
        ..source("")
    }
}

/// A watcher that makes an Application of a chart, and that Application, which has arrived.
pub(super) fn family() -> [Application; 2] {
    let mut child = application("paperless", &sha('c'));
    child.sources = vec![chart("1.2.4")];
    child.compared_sources = vec![chart("1.2.4")];
    child.revisions = vec!["1.2.4".to_owned()];
    child.operation = None;
    let mut root = application("root", &sha('c'));
    root.resources = vec![ApplicationResource { object: child.object(), health: None }];
    [root, child]
}

#[test]
fn a_set_that_reads_the_repository_at_another_host_makes_it_unknown() {
    let says = |url: &str, revision: &str| {
        let (mut set, app) = of_set();
        set.generated_from = vec![(url.to_owned(), revision.to_owned())];
        let gitops = GitOps { sets: vec![set], ..argo(&[application("web", &sha('c')), app]) };
        judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment())
    };
    let inside = "http://gitea-http.gitea.svc:3000/ops/homelab";
    let Rollout::Unknown { why } = says(inside, "main") else { panic!("{:?}", says(inside, "main")) };
    assert!(why.contains(inside) && why.contains("ApplicationSet argocd/charts"), "{why}");
    assert_eq!(word(&says(inside, "release")), Word::Done, "another branch is another's");
    assert_eq!(word(&says("https://git.example.com/ops/other", "main")), Word::Done);
}

#[test]
fn how_an_application_stood_excuses_it_only_while_it_is_told_the_same() {
    let [root, mut child] = family();
    child.sync = SyncStatus::OutOfSync;
    let before = stood(std::slice::from_ref(&child));
    let judged =
        |child: &Application, before: &[Stood]| word(&verdict(&[root.clone(), child.clone()], before));
    assert_eq!(judged(&child, &before), Word::Done, "as before");
    // Another version, which it compared and nobody has synced.
    for one in [&mut child.sources[0], &mut child.compared_sources[0]] {
        one.target_revision = "1.3.0".to_owned();
        one.whole = Fingerprint::another();
    }
    child.revisions = vec!["1.3.0".to_owned()];
    assert_eq!(judged(&child, &before), Word::Waiting);
    child.sync = SyncStatus::Synced;
    assert_eq!(judged(&child, &before), Word::Done);
    child.health = ApplicationHealth::Degraded;
    let unwell = stood(std::slice::from_ref(&child));
    assert_eq!(judged(&child, &unwell), Word::Done, "as before");
    child.sources[0].whole = Fingerprint::default();
    child.compared_sources[0].whole = Fingerprint::default();
    assert_eq!(judged(&child, &unwell), Word::Waiting, "a change brought it that");
    // The journal of an older version does not tell.
    let mut written = serde_json::to_value(Stood::of(&child, false)).expect("written");
    written.as_object_mut().expect("an object").remove("told");
    let older: Stood = serde_json::from_value(written).expect("read");
    assert_eq!(judged(&child, &[older]), Word::Waiting);
    let again = serde_json::from_value(serde_json::to_value(Stood::of(&child, false)).expect("written"));
    assert_eq!(judged(&child, &[again.expect("read")]), Word::Done);
}

#[test]
fn what_is_known_of_who_looks_by_himself_is_told_where_nobody_else_is_waited_for() {
    let (set, app) = of_set();
    let refused = Some(Refusal { why: "403".to_owned(), forbidden: true });
    let until = |others: &[Application]| {
        let applications = [&[application("web", &sha('c')), app.clone()], others].concat();
        let gitops = GitOps { sets: vec![set.clone()], ..argo(&applications) };
        let asked = asking([(set.object(), AskedOf { refused: refused.clone(), ..AskedOf::default() })]);
        let moment = Moment { now: at(20), asking: Some(asked), ..moment() };
        match judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment) {
            Rollout::Waiting { until, shut, .. } => (until, shut.is_some()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(until(&[]), (Some(at(420)), false));
    let late = application("late", &sha('b'));
    assert_eq!(until(&[late]), (None, false), "that one may move");
    let mut kept = application("kept", &sha('c'));
    kept.sync = SyncStatus::OutOfSync;
    kept.doors = projects_testing::closed(Some(at(500)), true);
    assert_eq!(until(&[kept]), (Some(at(420)), false), "that one may not");
}

#[test]
fn a_set_that_nobody_asks_any_more_is_a_persons_to_tell_of() {
    let (mut set, app) = of_set();
    set.looks_every = None;
    let gitops = GitOps { sets: vec![set], ..argo(&[application("web", &sha('c')), app]) };
    let judged = |over: bool| {
        let asking = Some(Asking { over, ..asking([]) });
        judge(&gitops, &watched(), &sha('c'), &descends, &[], &Moment { asking, ..moment() })
    };
    assert_eq!(word(&judged(false)), Word::Waiting);
    let Rollout::Unknown { why } = judged(true) else { panic!("{:?}", judged(true)) };
    assert!(why.contains("tick the task of the change, or push"), "{why}");
}

#[test]
fn what_a_watcher_or_a_set_makes_moves_as_well_while_it_is_waited_for() {
    type Move = fn(&mut Application);
    let (set, of_set) = of_set();
    let [root, child] = family();
    let moves: [(&str, Move); 4] = [
        ("its revision", |app| app.revisions = vec!["9.9.9".to_owned()]),
        ("its sync", |app| app.sync = SyncStatus::OutOfSync),
        ("another retry", |app| app.operation.as_mut().expect("an operation").retries += 1),
        ("its sync's end", |app| {
            app.operation.as_mut().expect("an operation").phase = OperationPhase::Succeeded;
        }),
    ];
    for (mut leaf, others) in [(child, vec![root]), (of_set, vec![application("web", &sha('c'))])] {
        leaf.health = ApplicationHealth::Progressing;
        leaf.operation = Some(operation(OperationPhase::Failed, &sha('7')));
        let judged = |leaf: &Application| {
            let applications = [others.as_slice(), std::slice::from_ref(leaf)].concat();
            let gitops = GitOps { sets: vec![set.clone()], ..argo(&applications) };
            let rollout = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment());
            (awaited_owners(&gitops, &watched(), &rollout), rollout)
        };
        let (owners, Rollout::Waiting { progress, .. }) = judged(&leaf) else {
            panic!("{:?}", judged(&leaf))
        };
        // Its pods are those of the change.
        assert_eq!(owners, [Owner::from(&leaf)]);
        let mut looked = leaf.clone();
        looked.reconciled_at = Some(at(50));
        assert!(matches!(judged(&looked).1, Rollout::Waiting { progress: same, .. } if same == progress));
        for (what, moves) in moves {
            let mut later = leaf.clone();
            moves(&mut later);
            let Rollout::Waiting { progress: other, .. } = judged(&later).1 else { panic!("{what}") };
            assert_ne!(progress, other, "{what}");
        }
    }
}

/// One that retries at a version since the fortieth second.
fn retrying(app: &mut Application, revisions: &[&str]) {
    let mut running = operation(OperationPhase::Running, &sha('7'));
    running.revisions = revisions.iter().map(|one| (*one).to_owned()).collect();
    running.started_at = Some(at(140));
    app.operation = Some(running);
    app.operation_requested = Some(BegunBy::Itself);
}

#[test]
fn an_operation_is_of_what_nobody_asks_for_where_that_can_be_told() {
    type Spoil = fn(&mut Application);
    let cases: [(&str, &str, &str, Spoil, bool); 12] = [
        ("another version", "1.2.3", "1.2.4", |_| {}, true),
        ("the same", "1.2.4", "1.2.4", |_| {}, false),
        ("the same, written otherwise", "v1.2.4", "1.2.4", |_| {}, false),
        ("a range", "1.2.*", "1.2.4", |_| {}, false),
        ("a range by an operator", "^1.2.3", "1.2.4", |_| {}, false),
        ("whatever is newest", "", "1.2.4", |_| {}, false),
        ("a release candidate", "1.2.4-rc.1", "1.2.4", |_| {}, true),
        ("a branch", "main", &"7".repeat(40), |app| app.sources[0].chart = None, false),
        (
            "a person's",
            "1.2.3",
            "1.2.4",
            |app| app.operation.as_mut().unwrap().begun_by = BegunBy::Person,
            false,
        ),
        (
            "from before the merge",
            "1.2.3",
            "1.2.4",
            |app| app.operation.as_mut().unwrap().started_at = Some(at(30)),
            false,
        ),
        (
            "being stopped",
            "1.2.3",
            "1.2.4",
            |app| app.operation.as_mut().unwrap().phase = OperationPhase::Terminating,
            false,
        ),
        ("of other sources", "1.2.3", "1.2.4", |app| app.sources.push(source("more")), false),
    ];
    for (name, asks, runs, spoil, expected) in cases {
        let [_, mut child] = family();
        child.sources = vec![chart(asks)];
        retrying(&mut child, &[runs]);
        spoil(&mut child);
        assert_eq!(runs_what_nobody_asks_for(&child, at(100)), expected, "{name}");
    }
    let [_, mut pinned] = family();
    pinned.sources = vec![ApplicationSource { target_revision: sha('8').to_string(), ..source("apps/web") }];
    retrying(&mut pinned, &[sha('7').as_str()]);
    assert!(runs_what_nobody_asks_for(&pinned, at(100)), "another commit");
}

#[test]
fn what_retries_at_what_was_undone_is_stuck_wherever_the_undone_change_made_it() {
    let (set, mut of_set) = of_set();
    let [root, mut child] = family();
    (child.sources, of_set.sources) = (vec![chart("1.2.3")], vec![chart("1.2.3")]);
    retrying(&mut child, &["1.2.4"]);
    retrying(&mut of_set, &["1.2.4"]);
    let mut hydrated = application("dry", &sha('7'));
    hydrated.sources = Vec::new();
    let last = Hydrated { dry: sha('c').as_str().to_owned(), commit: sha('8').as_str().to_owned() };
    hydrated.dry = Some(DrySource { source: source("apps/dry"), hydrated: Some(last) });
    retrying(&mut hydrated, &[sha('7').as_str()]);
    // Nobody's of this repository.
    let mut foreign = child.clone();
    foreign.name = "foreign".to_owned();
    let gitops =
        GitOps { sets: vec![set], ..argo(&[root.clone(), child, of_set, hydrated.clone(), foreign]) };
    let stuck = |affected: &[Owner], merged_at: Timestamp| {
        let stuck = watched().stuck_operations(&gitops, &undone(merged_at), affected);
        stuck.into_iter().map(|app| app.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(stuck(&[], at(100)), ["paperless", "redis", "dry"]);
    assert_eq!(stuck(&[Owner::from(&root)], at(100)), ["paperless", "redis"]);
    assert_eq!(stuck(&[Owner::from(&hydrated)], at(100)), ["redis", "dry"]);
    assert_eq!(stuck(&[], at(1000)), [""; 0]);
}

#[test]
fn a_phase_that_nobody_knows_is_waited_for() {
    let mut app = application("web", &sha('c'));
    app.operation = Some(operation(OperationPhase::Unknown, &sha('c')));
    assert_eq!(word(&verdict(&[app], &[])), Word::Waiting);
    let [root, mut child] = family();
    child.operation = Some(operation(OperationPhase::Unknown, &sha('7')));
    assert_eq!(word(&verdict(&[root, child], &[])), Word::Waiting);
}

#[test]
fn whom_nobody_ever_asked_comes_before_what_is_made_anew_for_ever() {
    let (set, _) = of_set();
    let mut made = set.clone();
    "anew".clone_into(&mut made.name);
    made.generated_from.clear();
    let mut root = application("root", &sha('c'));
    root.resources = vec![ApplicationResource { object: made.object(), health: None }];
    let release = ObjectRef::new("HelmRelease", "apps", "shop");
    let first = |sets: &[&crate::cluster::ApplicationSet], releases: &[ObjectRef]| {
        let sets = sets.iter().map(|one| (*one).clone()).collect();
        let gitops = GitOps { sets, ..argo(std::slice::from_ref(&root)) };
        let asked = AskedOf { at: Some(at(1)), made_at: Some(at(2)), ..AskedOf::default() };
        let asked = [(made.object(), asked)].into();
        let releases: Vec<_> = releases.iter().map(|one| (one.clone(), Question::Look)).collect();
        watched().first_unasked(&gitops, &asked, &BTreeMap::new(), &releases)
    };
    assert_eq!(first(&[&made], &[]), Some(made.object()), "it was, since it was asked");
    assert_eq!(first(&[&made, &set], &[]), Some(set.object()));
    assert_eq!(first(&[&made], std::slice::from_ref(&release)), Some(release));
}

#[test]
fn what_a_set_syncs_in_its_turn_is_nobody_elses_to_sync() {
    let (set, mut app) = of_set();
    (app.sync, app.automated) = (SyncStatus::OutOfSync, false);
    let says = |app: &Application| {
        let gitops =
            GitOps { sets: vec![set.clone()], ..argo(&[application("web", &sha('c')), app.clone()]) };
        let rollout = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment());
        let Rollout::Waiting { on, .. } = rollout else { panic!("{rollout:?}") };
        on[0].1.clone()
    };
    assert!(says(&app).contains("somebody has to sync it"), "{}", says(&app));
    app.rolled_by_set = true;
    assert!(says(&app).contains("its set syncs it in its turn"), "{}", says(&app));
}
