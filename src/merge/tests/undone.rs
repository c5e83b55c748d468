//! What is known of a change that is undone, or that is over.

use super::flux::with_values;
use super::leaves::{chart, family};
use super::rollout::{Word, argo, asking, descends, of_set, stood, watched, word};
use super::samples::{application, at, moment, operation, sha, source, undone};
use crate::cluster::{
    Application, ApplicationSource, BegunBy, DrySource, Fingerprint, FluxKind, Hydrated, OperationPhase,
    OperationState, Owner, SyncStatus,
};
use crate::merge::rollout::{AskedOf, Asking, GitOps, Moment, Rollout, Stood, Undone, excused, judge};

/// A chart of an app-of-apps that nobody syncs by itself and that was `OutOfSync` before, with what it was synced to since the hundredth
/// second.
fn synced(change: impl FnOnce(&mut Application)) -> [Application; 2] {
    let [root, mut child] = family();
    (child.sources, child.compared_sources) = (vec![chart("1.2.3")], vec![chart("1.2.3")]);
    child.revisions = vec!["1.2.3".to_owned()];
    child.sync = SyncStatus::OutOfSync;
    child.automated = false;
    let mut ended = operation(OperationPhase::Succeeded, &sha('7'));
    (ended.started_at, ended.finished_at) = (Some(at(200)), Some(at(210)));
    ended.revisions = vec!["1.2.4".to_owned()];
    ended.begun_by = BegunBy::Person;
    child.operation = Some(ended);
    child.reconciled_at = Some(at(300));
    change(&mut child);
    [root, child]
}

fn running(app: &mut Application) -> &mut OperationState {
    app.operation.as_mut().expect("an operation")
}

#[test]
fn who_runs_what_was_undone_is_not_as_it_was_before_although_it_is_told_the_same_again() {
    type Change = fn(&mut Application);
    let other_values = || ApplicationSource { whole: Fingerprint::another(), ..chart("1.2.3") };
    let cases: [(&str, Change, bool); 9] = [
        ("another version", |_| {}, false),
        ("it failed", |app| running(app).phase = OperationPhase::Failed, false),
        ("the same, before the merge", |app| running(app).started_at = Some(at(30)), true),
        ("a few objects", |app| running(app).partial = true, true),
        ("nothing", |app| app.operation = None, true),
        ("what it asks for", |app| running(app).revisions = vec!["1.2.3".to_owned()], true),
        (
            "the undone commit",
            |app| {
                (app.sources[0].chart, app.compared_sources[0].chart) = (None, None);
                running(app).revisions = vec![sha('c').to_string()];
            },
            false,
        ),
        (
            "a range, which tells nothing",
            |app| {
                for one in [&mut app.sources[0], &mut app.compared_sources[0]] {
                    one.target_revision = "1.*".to_owned();
                }
            },
            true,
        ),
        ("it is as its sources say", |app| app.sync = SyncStatus::Synced, true),
    ];
    let judged = |apps: &[Application], before: &[Stood]| {
        let gitops = argo(apps);
        let before = excused(before, &gitops, &undone(at(150)), &[]);
        let affected = [Owner::from(&apps[0])];
        let synced = !watched().leaves(&gitops, &affected, &before).is_empty();
        (word(&judge(&gitops, &watched(), &sha('c'), &descends, &before, &moment())), synced)
    };
    for (name, change, is_excused) in cases {
        let apps = synced(change);
        let mut before = stood(&apps[1..]);
        if before.is_empty() {
            before = stood(&synced(|_| {})[1..]);
        }
        let (rollout, is_leaf) = judged(&apps, &before);
        assert_eq!(rollout == Word::Done, is_excused, "{name}");
        if apps[1].sync != SyncStatus::Synced {
            assert_eq!(is_leaf, !is_excused, "{name}");
        }
    }
    // Other values of the same version, where Argo CD has written down which.
    let apps = synced(|app| {
        running(app).revisions = vec!["1.2.3".to_owned()];
        running(app).sources = vec![other_values()];
    });
    assert_eq!(judged(&apps, &stood(&apps[1..])), (Word::Waiting, true));
    let apps = synced(|app| {
        running(app).revisions = vec!["1.2.3".to_owned()];
        running(app).sources = vec![chart("1.2.3")];
    });
    assert_eq!(judged(&apps, &stood(&apps[1..])), (Word::Done, false), "it was synced again");
}

#[test]
fn what_holds_what_is_undone_and_its_undoing_not_yet_is_stopped_as_well() {
    type Change = fn(&mut Application);
    let cases: [(&str, Change, bool); 6] = [
        ("a later commit", |_| {}, true),
        ("a retry of it", |app| running(app).finished_at = Some(at(210)), true),
        ("by a person", |app| running(app).begun_by = BegunBy::Person, false),
        ("from before the merge", |app| running(app).started_at = Some(at(30)), false),
        ("it has ended", |app| running(app).phase = OperationPhase::Failed, false),
        ("the undoing", |app| running(app).revisions = vec![sha('e').to_string()], false),
    ];
    let undone = Undone { later: [sha('d')].into(), ..undone(at(150)) };
    for (name, change, expected) in cases {
        let mut app = application("web", &sha('d'));
        let mut runs = operation(OperationPhase::Running, &sha('d'));
        (runs.started_at, runs.finished_at) = (Some(at(200)), None);
        app.operation = Some(runs);
        change(&mut app);
        let apps = [app];
        let gitops = argo(&apps);
        assert_eq!(!watched().stuck_operations(&gitops, &undone, &[]).is_empty(), expected, "{name}");
        let others = [Owner::from(&application("other", &sha('c')))];
        assert_eq!(
            watched().stuck_operations(&gitops, &undone, &others),
            Vec::<&Application>::new(),
            "another's"
        );
    }
    // Nor is how it stood before an excuse for who was synced to that.
    let [root, mut child] = synced(|app| running(app).revisions = vec![sha('d').to_string()]);
    (child.sources[0].chart, child.compared_sources[0].chart) = (None, None);
    let before = stood(std::slice::from_ref(&child));
    let gitops = argo(&[root, child]);
    let touched = [Owner::from(&gitops.applications[1])];
    assert_eq!(excused(&before, &gitops, &undone, &touched), []);
    assert_eq!(excused(&before, &gitops, &undone, &[]), before, "it has nothing to do with it");
    assert_eq!(excused(&before, &gitops, &Undone { later: [].into(), ..undone }, &touched), before);
}

#[test]
fn what_a_change_has_nothing_to_do_with_is_no_leaf_of_it() {
    let [root, mut child] = family();
    let (mut set, of_set) = of_set();
    let other = application("other", &sha('c'));
    let names = |gitops: &GitOps, affected: &[Owner], before: &[Stood]| {
        let leaves = watched().leaves(gitops, affected, before);
        leaves.into_iter().map(|app| app.name.clone()).collect::<Vec<_>>()
    };
    child.sync = SyncStatus::OutOfSync;
    let apps = [root.clone(), other.clone(), child.clone(), of_set.clone()];
    let gitops = GitOps { sets: vec![set.clone()], ..argo(&apps) };
    assert_eq!(names(&gitops, &[Owner::from(&root)], &[]), ["paperless", "redis"]);
    assert_eq!(names(&gitops, &[Owner::from(&other)], &[]), ["redis"], "another one makes the chart");
    assert_eq!(names(&gitops, &[], &[]), ["redis"]);
    // Another repository's set.
    set.generated_from.clear();
    let gitops = GitOps { sets: vec![set.clone()], ..argo(&apps) };
    assert_eq!(names(&gitops, &[Owner::from(&root)], &[]), ["paperless"]);
    // One that is made by who is affected.
    let mut makes = root.clone();
    makes.resources[0].object = set.object();
    let gitops = GitOps { sets: vec![set], ..argo(&[makes.clone(), child.clone(), of_set]) };
    assert_eq!(names(&gitops, &[Owner::from(&makes)], &[]), ["redis"]);
    // How it stood before: the same, something else, and not told.
    let gitops = argo(&apps);
    let before =
        |told: Option<Fingerprint>| vec![Stood { told, ..Stood::of(&child, false).expect("unwell") }];
    let is_leaf = |before: &[Stood]| !names(&gitops, &[Owner::from(&root)], before).is_empty();
    assert!(!is_leaf(&before(Some(child.source_fingerprint()))));
    assert!(is_leaf(&before(Some(Fingerprint::another()))));
    assert!(!is_leaf(&before(None)), "an older journal");
}

#[test]
fn of_other_repositories_commits_nothing_is_asked() {
    let mut app = application("web", &sha('c'));
    let other = ApplicationSource {
        repository_url: "https://git.example.org/ops/other.git".to_owned(),
        ..source("base")
    };
    app.compared_sources = vec![other, source("apps/web")];
    app.revisions = vec![sha('1').to_string(), sha('2').to_string()];
    app.operation.as_mut().expect("an operation").revisions =
        vec![sha('3').to_string(), sha('4').to_string()];
    let revisions = |app: &Application| watched().revisions(&argo(std::slice::from_ref(app)));
    assert_eq!(revisions(&app), [sha('2'), sha('4')].into());
    // What is hydrated shows the commits of another branch.
    app.dry = Some(DrySource {
        source: source("apps/dry"),
        hydrated: Some(Hydrated { dry: sha('5').to_string(), commit: sha('1').to_string() }),
    });
    app.compared_sources.truncate(1);
    assert_eq!(revisions(&app), [sha('5')].into());
}

#[test]
fn of_another_runs_change_a_person_is_told_what_helps_there() {
    let (mut set, app) = of_set();
    set.looks_every = None;
    let gitops = GitOps { sets: vec![set], ..argo(&[application("web", &sha('c')), app]) };
    let judged = |elsewhere: bool| {
        let asking = Some(Asking { over: true, ..asking([]) });
        let moment = Moment { asking, elsewhere, ..moment() };
        match judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment) {
            Rollout::Unknown { why } => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(
        judged(false).contains("once it has looked, tick the task of the change, or push another commit")
    );
    assert!(judged(true).contains("once it has looked, push another commit"), "{}", judged(true));
}

#[test]
fn what_was_asked_and_not_heard_looks_by_itself_once_the_change_is_over() {
    let judged = |over: bool, interval: bool, asked: AskedOf, now: i64| {
        let mut gitops = with_values("ready").0.gitops();
        let mut all = gitops.flux.iter_mut();
        let release = all.find(|one| one.kind == FluxKind::HelmRelease).expect("the release");
        release.interval = release.interval.filter(|_| interval);
        let asking = Some(Asking { over, ..asking([(release.object(), asked)]) });
        let moment = Moment { asking, now: at(now), ..moment() };
        judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment)
    };
    let taken = || AskedOf { at: Some(at(50)), tried_at: Some(at(10)), ..AskedOf::default() };
    assert_eq!(word(&judged(false, true, taken(), 9_999)), Word::Waiting, "it is asked again");
    // Its own interval, a tenth and a minute after it was asked.
    let Rollout::Waiting { on, until, .. } = judged(true, true, taken(), 769) else {
        panic!("not waited for")
    };
    assert_eq!(until, Some(at(770)));
    assert!(on[0].1.contains("since it was asked to; by itself it does so by"), "{on:?}");
    assert_eq!(word(&judged(true, true, taken(), 770)), Word::Done);
    let Rollout::Unknown { why } = judged(true, false, taken(), 9_999) else { panic!("it never tells") };
    assert!(why.contains("once it has looked, tick the task"), "{why}");
    let tried = AskedOf { tried_at: Some(at(10)), ..AskedOf::default() };
    let Rollout::Unknown { why } = judged(true, false, tried, 9_999) else { panic!("it never tells") };
    assert!(why.contains("once it has looked, tick the task"), "{why}");
}
