use super::samples::{application, at, moment, operation, sha, source, undone, workload};
use crate::cluster::{
    Application, ApplicationHealth, ApplicationResource, ApplicationSet, ApplicationSource, BegunBy,
    DrySource, Fingerprint, Hydrated, ObjectRef, OperationPhase, Owner, PullEvent, SyncStatus, Workload,
    projects_testing,
};
use crate::forge::CommitSha;
use crate::merge::rollout::{
    AskedOf, Asking, GitOps, Moment, Pulls, Refusal, Rollout, Stood, Undone, Watched, judge, pods_of,
    pulls_of,
};

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn watched() -> Watched {
    Watched::new(vec!["https://git.example.org/ops/homelab.git".to_owned()], Vec::new(), "main")
}

pub(super) fn argo(applications: &[Application]) -> GitOps {
    GitOps { applications: applications.to_vec(), ..GitOps::default() }
}

/// The commit that is followed is `c`; `d` comes after it, `b` came before, of `e` nothing is known.
pub(super) fn descends(sha: &CommitSha) -> Option<bool> {
    match sha.as_str().as_bytes()[0] {
        b'c' | b'd' => Some(true),
        b'e' => None,
        _ => Some(false),
    }
}

pub(super) fn verdict(applications: &[Application], before: &[Stood]) -> Rollout {
    judge(&argo(applications), &watched(), &sha('c'), &descends, before, &moment())
}

#[derive(Debug, PartialEq)]
pub(super) enum Word {
    Unknown,
    Waiting,
    Failed,
    Done,
}

pub(super) fn word(rollout: &Rollout) -> Word {
    match rollout {
        Rollout::Unknown { .. } => Word::Unknown,
        Rollout::Waiting { .. } => Word::Waiting,
        Rollout::Failed { .. } => Word::Failed,
        Rollout::Done { .. } => Word::Done,
    }
}

#[test]
fn one_watcher_is_judged_by_every_field() {
    type Spoil = fn(&mut Application);
    let cases: Vec<(&str, Spoil, Word)> = vec![
        ("as it should be", |_| {}, Word::Done),
        ("a descendant", |a| a.revisions = vec![sha('d').as_str().to_owned()], Word::Done),
        ("an older commit", |a| a.revisions = vec![sha('b').as_str().to_owned()], Word::Waiting),
        ("a commit nobody knows", |a| a.revisions = vec![sha('e').as_str().to_owned()], Word::Unknown),
        ("the branch's bare name", |a| a.revisions = vec!["main".to_owned()], Word::Waiting),
        ("no revision", |a| a.revisions.clear(), Word::Waiting),
        ("one that nobody looks at", |a| a.skips_reconcile = true, Word::Waiting),
        ("a refresh that is asked for", |a| a.refresh_requested = true, Word::Waiting),
        ("an operation that is asked for", |a| a.operation_requested = Some(BegunBy::Itself), Word::Waiting),
        (
            "a running one",
            |a| a.operation = Some(operation(OperationPhase::Running, &sha('c'))),
            Word::Waiting,
        ),
        (
            "one that is stopped",
            |a| a.operation = Some(operation(OperationPhase::Terminating, &sha('c'))),
            Word::Waiting,
        ),
        (
            "a comparison error",
            |a| a.conditions.push(("ComparisonError".to_owned(), "x".to_owned())),
            Word::Waiting,
        ),
        (
            "an invalid spec",
            |a| a.conditions.push(("InvalidSpecError".to_owned(), "x".to_owned())),
            Word::Waiting,
        ),
        (
            "another condition",
            |a| a.conditions.push(("OrphanedResourceWarning".to_owned(), "x".to_owned())),
            Word::Done,
        ),
        ("health from before the sync", |a| a.reconciled_at = Some(at(9)), Word::Waiting),
        ("never reconciled", |a| a.reconciled_at = None, Word::Waiting),
        ("out of sync", |a| a.sync = SyncStatus::OutOfSync, Word::Waiting),
        ("sync unknown", |a| a.sync = SyncStatus::Unknown, Word::Waiting),
        ("degraded", |a| a.health = ApplicationHealth::Degraded, Word::Waiting),
        ("progressing", |a| a.health = ApplicationHealth::Progressing, Word::Waiting),
        ("suspended", |a| a.health = ApplicationHealth::Suspended, Word::Waiting),
        ("failed", |a| a.operation = Some(operation(OperationPhase::Failed, &sha('c'))), Word::Failed),
        (
            "failed at a later one",
            |a| a.operation = Some(operation(OperationPhase::Error, &sha('d'))),
            Word::Failed,
        ),
        (
            "failed, but a retry is asked for",
            |a| {
                a.operation = Some(operation(OperationPhase::Failed, &sha('c')));
                a.operation_requested = Some(BegunBy::Itself);
            },
            Word::Waiting,
        ),
        (
            "an older one failed",
            |a| a.operation = Some(operation(OperationPhase::Failed, &sha('b'))),
            Word::Done,
        ),
        (
            "a self-heal failed",
            |a| {
                let mut partial = operation(OperationPhase::Failed, &sha('c'));
                partial.partial = true;
                a.operation = Some(partial);
            },
            Word::Done,
        ),
        ("never synced", |a| a.operation = None, Word::Done),
        ("nothing was compared", |a| a.compared_sources.clear(), Word::Waiting),
        (
            "another spec was compared",
            |a| a.compared_sources[0].value_files = vec!["before.yaml".to_owned()],
            Word::Waiting,
        ),
        ("other values were", |a| a.compared_sources[0].whole = Fingerprint::another(), Word::Waiting),
        ("it was for another place", |a| a.compared_otherwise = true, Word::Waiting),
    ];
    for (name, spoil, expected) in cases {
        let mut app = application("web", &sha('c'));
        spoil(&mut app);
        let judged = verdict(&[app], &[]);
        assert_eq!(word(&judged), expected, "{name}: {judged:?}");
    }
}

#[test]
fn who_was_not_affected_must_only_be_no_worse_than_before() {
    let mut app = application("web", &sha('b'));
    app.health = ApplicationHealth::Degraded;
    app.sync = SyncStatus::OutOfSync;
    let before = stood(std::slice::from_ref(&app));
    app.revisions = vec![sha('c').as_str().to_owned()];
    assert_eq!(verdict(&[app.clone()], &before), Rollout::Done { watchers: 1, affected: Vec::new() });
    // With no baseline nothing is known to have been so before.
    assert_eq!(word(&verdict(&[app.clone()], &[])), Word::Waiting);
    // An operation to the commit makes it affected: then only good is good.
    app.operation = Some(operation(OperationPhase::Succeeded, &sha('c')));
    assert_eq!(word(&verdict(&[app], &before)), Word::Waiting);

    let mut worse = application("web", &sha('b'));
    let before = stood(std::slice::from_ref(&worse));
    worse.revisions = vec![sha('c').as_str().to_owned()];
    worse.health = ApplicationHealth::Degraded;
    assert_eq!(word(&verdict(&[worse], &before)), Word::Waiting);
}

#[test]
fn what_a_person_accepts_need_not_become_well_and_may_not_become_worse() {
    let mut app = application("web", &sha('c'));
    app.sync = SyncStatus::OutOfSync;
    app.health = ApplicationHealth::Progressing;
    let accepted = [Stood::of(&app, true).expect("it is not well")];
    assert_eq!(word(&verdict(&[app.clone()], &accepted)), Word::Done);
    app.sync = SyncStatus::Synced;
    assert_eq!(word(&verdict(&[app.clone()], &accepted)), Word::Done);
    app.health = ApplicationHealth::Degraded;
    assert_eq!(word(&verdict(&[app.clone()], &accepted)), Word::Waiting);
    // It is that Application's, and not another's of its name.
    app.health = ApplicationHealth::Progressing;
    app.namespace = "team-b".to_owned();
    assert_eq!(word(&verdict(&[app], &accepted)), Word::Waiting);
    assert_eq!(Stood::of(&application("web", &sha('c')), true), None);
}

#[test]
fn two_of_one_name_are_told_apart() {
    let mut other = application("web", &sha('b'));
    other.namespace = "team-b".to_owned();
    // It compared the commit, and its operation is of an older one.
    other.revisions = vec![sha('c').as_str().to_owned()];
    let judged = verdict(&[application("web", &sha('c')), other], &[]);
    assert_eq!(judged, Rollout::Done { watchers: 2, affected: vec!["argocd/web".to_owned()] });
}

/// One whose manifests are rendered into another branch, and that has synced what was made of the commit.
fn hydrated() -> Application {
    let mut app = application("web", &sha('7'));
    let rendered = ApplicationSource { target_revision: "env/prod".to_owned(), ..source("web") };
    app.sources = Vec::new();
    app.compared_sources = vec![rendered];
    app.dry = Some(DrySource {
        source: source("apps/web"),
        hydrated: Some(Hydrated { dry: sha('c').as_str().to_owned(), commit: sha('7').as_str().to_owned() }),
    });
    app
}

#[test]
fn a_hydrated_one_is_followed_by_what_was_made_of_the_commit() {
    type Spoil = fn(&mut Application);
    let made_of = |app: &mut Application, commit: char| {
        app.dry.as_mut().expect("dry").hydrated.as_mut().expect("hydrated").dry =
            sha(commit).as_str().to_owned();
    };
    let cases: Vec<(&str, Spoil, Word)> = vec![
        ("as it should be", |_| {}, Word::Done),
        ("nothing hydrated", |a| a.dry.as_mut().expect("dry").hydrated = None, Word::Waiting),
        ("an older rendering is synced", |a| a.revisions = vec![sha('6').as_str().to_owned()], Word::Waiting),
        ("it is on its way", |a| a.health = ApplicationHealth::Progressing, Word::Waiting),
        ("its sync runs", |a| a.operation_requested = Some(BegunBy::Itself), Word::Waiting),
    ];
    for (name, spoil, expected) in cases {
        let mut app = hydrated();
        spoil(&mut app);
        // Another one is where it should be: that is not enough.
        assert_eq!(word(&verdict(&[application("plain", &sha('c')), app], &[])), expected, "{name}");
    }
    for (commit, expected) in [('d', Word::Done), ('b', Word::Waiting), ('e', Word::Unknown)] {
        let mut app = hydrated();
        made_of(&mut app, commit);
        assert_eq!(word(&verdict(&[app], &[])), expected, "{commit}");
    }
    // That it needed an operation says nothing: the rendering may have been there before.
    assert_eq!(verdict(&[hydrated()], &[]), Rollout::Done { watchers: 1, affected: Vec::new() });
    let touched = watched().touched(&argo(&[hydrated()]), &["apps/web/values.yaml".to_owned()]);
    assert_eq!(touched.len(), 1);
}

type Change = fn(&mut ApplicationSource);

#[test]
fn all_watchers_count_and_others_do_not() {
    assert_eq!(word(&verdict(&[], &[])), Word::Unknown);
    let good = application("web", &sha('c'));
    let mut late = application("late", &sha('b'));
    let judged = verdict(&[good.clone(), late.clone()], &[]);
    let Rollout::Waiting { on, progress, .. } = judged else { panic!("{judged:?}") };
    assert_eq!(on.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Application argocd/late"]);

    // What moved is progress, and so is a retry; a mere reconciliation is not.
    late.reconciled_at = Some(at(100));
    let again = verdict(&[good.clone(), late.clone()], &[]);
    assert!(matches!(again, Rollout::Waiting { progress: same, .. } if same == progress));
    let changes: [fn(&mut Application); 2] = [
        |app| app.operation.as_mut().expect("an operation").retries = 3,
        |app| app.health = ApplicationHealth::Progressing,
    ];
    for moves in changes {
        let mut moved = late.clone();
        moves(&mut moved);
        let moved = verdict(&[good.clone(), moved], &[]);
        assert!(matches!(moved, Rollout::Waiting { progress: other, .. } if other != progress));
    }

    // A chart, a tag, another branch and another repository watch something else.
    let changes: [Change; 4] = [
        |s| s.chart = Some("web".to_owned()),
        |s| s.target_revision = "v1.0.0".to_owned(),
        |s| s.target_revision = "release".to_owned(),
        |s| s.repository_url = "https://git.example.org/ops/other.git".to_owned(),
    ];
    for change in changes {
        let mut other = application("other", &sha('b'));
        change(&mut other.sources[0]);
        change(&mut other.compared_sources[0]);
        assert_eq!(
            verdict(&[good.clone(), other], &[]),
            Rollout::Done { watchers: 1, affected: vec!["argocd/web".to_owned()] }
        );
    }
}

#[test]
fn what_a_window_keeps_back_is_told_apart_from_what_takes_its_time() {
    let late = |opens: Option<i64>| {
        let mut app = application("late", &sha('b'));
        app.revisions = vec![sha('c').as_str().to_owned()];
        app.sync = SyncStatus::OutOfSync;
        app.doors = projects_testing::closed(opens.map(at), true);
        app
    };
    let shut = |applications: &[Application]| match verdict(applications, &[]) {
        Rollout::Waiting { shut, on, .. } => {
            shut.map(|shut| (shut.opens, on.iter().filter(|(_, why)| why.contains("of project")).count()))
        }
        other => panic!("{other:?}"),
    };
    let good = application("web", &sha('c'));
    assert_eq!(shut(&[good.clone(), late(Some(500))]), Some((Some(at(500)), 1)));
    // The one that opens last, and one that never does.
    assert_eq!(shut(&[late(Some(500)), late(Some(900))]), Some((Some(at(900)), 2)));
    assert_eq!(shut(&[late(Some(500)), late(None)]), Some((None, 2)));
    // Whatever else is waited for has its time.
    let mut slow = application("slow", &sha('c'));
    slow.health = ApplicationHealth::Progressing;
    assert_eq!(shut(&[slow, late(Some(500))]), None);
    // It has to differ first, and to have been looked at.
    let mut unseen = late(Some(500));
    unseen.revisions = vec![sha('b').as_str().to_owned()];
    assert_eq!(shut(&[unseen]), None);
    let mut asked = late(Some(500));
    asked.refresh_requested = true;
    assert_eq!(shut(&[asked]), None);
    // A sync that began before the window closed, and that Argo CD holds.
    let mut held = late(Some(500));
    held.operation = Some(operation(OperationPhase::Running, &sha('c')));
    assert_eq!(shut(&[held.clone()]), None);
    held.operation.as_mut().expect("an operation").message =
        "Sync operation blocked by sync window".to_owned();
    assert_eq!(shut(&[held]), Some((Some(at(500)), 1)));
    // One that is synced by people alone, whom the window lets pass.
    let mut by_hand = late(Some(500));
    (by_hand.automated, by_hand.doors) = (false, projects_testing::closed(Some(at(500)), false));
    assert_eq!(shut(&[by_hand]), None);
    // What failed has failed.
    let mut failed = late(Some(500));
    failed.operation = Some(operation(OperationPhase::Failed, &sha('c')));
    assert_eq!(word(&verdict(&[failed], &[])), Word::Failed);
    // What a watcher makes.
    let mut parent = good;
    let mut child = late(Some(500));
    (child.sources[0].repository_url, child.compared_sources[0].repository_url) =
        ("x".to_owned(), "x".to_owned());
    parent.resources = vec![ApplicationResource { object: child.object(), health: None }];
    assert_eq!(shut(&[parent, child]), Some((Some(at(500)), 1)));
}

#[test]
fn before_a_merge_a_window_counts_where_the_change_would_go() {
    let watched = watched();
    let closed = |name: &str, opens: i64| {
        let mut app = application(name, &sha('c'));
        app.doors = projects_testing::closed(Some(at(opens)), true);
        app
    };
    let kept = |apps: &[Application], file: &str| {
        watched.kept_back(&argo(apps), &[file.to_owned()]).map(|(name, shut)| (name, shut.opens))
    };
    let open = application("open", &sha('c'));
    let apps = [open.clone(), closed("web", 500), closed("blog", 900)];
    assert_eq!(kept(&apps, "apps/open/values.yaml"), None);
    assert_eq!(kept(&apps, "apps/web/values.yaml"), Some(("web".to_owned(), Some(at(500)))));
    // Nobody can tell where it goes: the last of all.
    assert_eq!(kept(&apps, "bases/values.yaml"), Some(("blog".to_owned(), Some(at(900)))));
    // What a touched one makes, wherever its own chart lies.
    let mut child = closed("child", 700);
    child.sources[0].repository_url = "https://charts.example.org".to_owned();
    child.compared_sources = child.sources.clone();
    let mut parent = open;
    parent.resources = vec![ApplicationResource { object: child.object(), health: None }];
    assert_eq!(kept(&[parent, child], "apps/open/values.yaml"), Some(("child".to_owned(), Some(at(700)))));
}

#[test]
fn the_revision_at_the_index_of_our_source_counts() {
    let mut app = application("web", &sha('c'));
    let chart = ApplicationSource {
        chart: Some("web".to_owned()),
        target_revision: "1.2.3".to_owned(),
        ..source("")
    };
    app.compared_sources = vec![chart.clone(), source("apps/web")];
    app.sources = app.compared_sources.clone();
    let both = |second: &CommitSha| vec!["1.2.3".to_owned(), second.as_str().to_owned()];
    app.revisions = both(&sha('c'));
    app.operation.as_mut().expect("an operation").revisions = both(&sha('c'));
    assert_eq!(word(&verdict(&[app.clone()], &[])), Word::Done);
    app.revisions = both(&sha('b'));
    assert_eq!(word(&verdict(&[app], &[])), Word::Waiting);
}

#[test]
fn one_repository_has_many_addresses() {
    let watched = watched();
    for (url, revision, expected) in [
        ("https://git.example.org/ops/homelab.git", "main", true),
        ("https://git.example.org/ops/homelab", "HEAD", true),
        ("https://git.example.org/ops/homelab/", "", true),
        ("http://user:word@git.example.org:3000/Ops/Homelab.git", "main", true),
        ("git@git.example.org:ops/homelab.git", "refs/heads/main", true),
        ("ssh://git@git.example.org:2222/ops/homelab.git", "main", true),
        ("https://git.example.com/ops/homelab.git", "main", false),
        ("https://git.example.org/ops/homelab2.git", "main", false),
        ("https://git.example.org/x/ops/homelab.git", "main", false),
        ("https://git.example.org/ops/homelab.git", "master", false),
        ("", "main", false),
    ] {
        let mut app = application("web", &sha('c'));
        app.sources[0].repository_url = url.to_owned();
        app.sources[0].target_revision = revision.to_owned();
        app.compared_sources.clear();
        assert_eq!(watched.watchers(&[app]).len(), usize::from(expected), "{url} {revision}");
    }
}

#[test]
fn touched_goes_by_folders_and_stuck_by_running_revisions() {
    let watched = watched();
    let apps = [application("web", &sha('c')), application("web2", &sha('c'))];
    let names = |apps: Vec<&Application>| apps.into_iter().map(|app| app.name.clone()).collect::<Vec<_>>();
    let touched = watched.touched(&argo(&apps), &["apps/web/values.yaml".to_owned()]);
    assert_eq!(touched.into_iter().map(|owner| owner.object.name).collect::<Vec<_>>(), ["web"]);
    assert!(watched.touched(&argo(&apps), &["apps/other/values.yaml".to_owned()]).is_empty());

    let mut retrying = application("web", &sha('b'));
    retrying.operation = Some(operation(OperationPhase::Running, &sha('c')));
    retrying.operation_requested = Some(BegunBy::Itself);
    let ended = application("web2", &sha('c'));
    let mut stopping = application("web3", &sha('c'));
    stopping.operation = Some(operation(OperationPhase::Terminating, &sha('c')));
    stopping.operation_requested = Some(BegunBy::Itself);
    // A failed operation of the commit, while another one has been asked for: nothing that runs the commit.
    let mut asked = application("web4", &sha('c'));
    asked.operation = Some(operation(OperationPhase::Failed, &sha('c')));
    asked.operation_requested = Some(BegunBy::Itself);
    let mut others = application("web5", &sha('c'));
    others.operation = Some(operation(OperationPhase::Running, &sha('e')));
    others.operation_requested = Some(BegunBy::Itself);
    let apps = [retrying, ended, stopping, asked, others];
    let stuck = |commit| {
        let undone = Undone { commit: sha(commit), ..undone(at(0)) };
        names(watched.stuck_operations(&argo(&apps), &undone, &[]))
    };
    assert_eq!(stuck('c'), ["web"]);
    assert_eq!(stuck('d'), [""; 0]);
}

#[test]
fn a_source_that_is_only_referred_to_holds_the_files_that_are_taken_from_it() {
    let watched = watched();
    let with_values = |name: &str, values: &[&str]| {
        let mut app = application(name, &sha('c'));
        let chart = ApplicationSource {
            repository_url: "https://charts.example.org".to_owned(),
            chart: Some(name.to_owned()),
            value_files: values.iter().map(|path| (*path).to_owned()).collect(),
            ..source("")
        };
        app.sources = vec![chart, ApplicationSource { reference: Some("values".to_owned()), ..source("") }];
        app
    };
    let mut beside = application("beside", &sha('c'));
    beside.sources[0].value_files = vec!["../shared/values.yaml".to_owned()];
    let apps = [
        with_values("web", &["$values/apps/web/values.yaml"]),
        with_values("shop", &["$values/apps/shop/values.yaml", "$valuesx/apps/web/values.yaml"]),
        beside,
        with_values("all", &[]),
    ];
    let touched = |file: &str| {
        let touched = watched.touched(&argo(&apps), &[file.to_owned()]);
        touched.into_iter().map(|owner| owner.object.name).collect::<Vec<_>>()
    };
    // Where nothing says what is taken from the repository, any of it may be.
    assert_eq!(touched("apps/web/values.yaml"), ["web", "all"]);
    assert_eq!(touched("apps/shop/values.yaml"), ["shop", "all"]);
    assert_eq!(touched("apps/shared/values.yaml"), ["beside", "all"]);
    assert_eq!(touched("docs/a.md"), ["all"]);
}

#[test]
fn an_application_that_a_watcher_makes_has_to_arrive_as_well() {
    type Change<'a> = &'a dyn Fn(&mut Application);
    let mut root = application("root", &sha('c'));
    let chart = |version: &str| ApplicationSource {
        repository_url: "https://charts.example.org".to_owned(),
        chart: Some("paperless".to_owned()),
        target_revision: version.to_owned(),
        ..source("")
    };
    root.resources = vec![ApplicationResource {
        object: ObjectRef::new("Application", "argocd", "paperless"),
        health: None,
    }];
    let child = |change: &dyn Fn(&mut Application)| {
        let mut app = application("paperless", &sha('c'));
        app.sources = vec![chart("2.0.0")];
        app.compared_sources = vec![chart("2.0.0")];
        app.revisions = vec!["2.0.0".to_owned()];
        app.operation = None;
        change(&mut app);
        app
    };
    let cases: [(&str, Change<'_>, Word); 7] = [
        ("arrived", &|_| {}, Word::Done),
        (
            "compared other values",
            &|app| app.compared_sources[0].whole = Fingerprint::another(),
            Word::Waiting,
        ),
        ("compared the old version", &|app| app.compared_sources = vec![chart("1.0.0")], Word::Waiting),
        ("its parent's sync changed nothing of it", &|app| app.reconciled_at = Some(at(9)), Word::Done),
        ("on its way", &|app| app.health = ApplicationHealth::Progressing, Word::Waiting),
        ("syncing", &|app| app.operation_requested = Some(BegunBy::Itself), Word::Waiting),
        ("broken", &|app| app.health = ApplicationHealth::Degraded, Word::Waiting),
    ];
    for (name, change, expected) in cases {
        let apps = [root.clone(), child(change)];
        assert_eq!(word(&verdict(&apps, &[])), expected, "{name}");
    }
}

/// What the watchers' state before a change was.
pub(super) fn stood(applications: &[Application]) -> Vec<Stood> {
    applications.iter().filter_map(|app| Stood::of(app, false)).collect()
}

#[test]
fn pods_move_while_their_application_says_the_same() {
    let resource = |name: &str| ApplicationResource {
        object: ObjectRef::new("DaemonSet", "kube-system", name),
        health: Some(ApplicationHealth::Progressing),
    };
    let daemon = |name: &str, updated: i64| Workload {
        object: ObjectRef::new("DaemonSet", "kube-system", name),
        updated,
        available: 10,
        ..workload(name)
    };
    let mut app = application("kured", &sha('c'));
    app.resources = vec![resource("kured")];
    let pods =
        |kured, other| pods_of(&[Owner::from(&app)], &[daemon("kured", kured), daemon("other", other)]);
    assert_ne!(pods(3, 1), pods(4, 1), "one node more");
    assert_eq!(pods(3, 1), pods(3, 2), "another's pods are no progress of this one");
}

/// What reads the repository, and an Application of a chart whose version stands in one of its files.
pub(super) fn of_set() -> (ApplicationSet, Application) {
    let set = ApplicationSet {
        namespace: "argocd".to_owned(),
        name: "charts".to_owned(),
        created_at: None,
        deleted_at: None,
        conditions: Vec::new(),
        generated_from: vec![("https://git.example.org/ops/homelab.git".to_owned(), "HEAD".to_owned())],
        refresh_requested: false,
        rolling: false,
        looks_every: Some(std::time::Duration::from_mins(3)),
    };
    let chart = ApplicationSource {
        repository_url: "https://charts.example.org".to_owned(),
        chart: Some("redis".to_owned()),
        target_revision: "1.1.0".to_owned(),
        ..source("")
    };
    let mut app = application("redis", &sha('7'));
    app.revisions = vec!["1.1.0".to_owned()];
    (app.sources, app.compared_sources) = (vec![chart.clone()], vec![chart]);
    app.made_by = Some(set.object());
    (set, app)
}

#[test]
fn what_a_set_makes_of_the_repository_is_waited_for() {
    type Spoil = fn(&mut ApplicationSet, &mut Application);
    let cases: [(&str, Spoil, Word); 8] = [
        ("as it should be", |_, _| {}, Word::Done),
        ("the set was asked to look", |set, _| set.refresh_requested = true, Word::Waiting),
        (
            "another version was compared",
            |_, app| app.compared_sources[0].target_revision = "1.0.0".to_owned(),
            Word::Waiting,
        ),
        ("it is on its way", |_, app| app.health = ApplicationHealth::Progressing, Word::Waiting),
        ("it is not synced", |_, app| app.sync = SyncStatus::OutOfSync, Word::Waiting),
        (
            "its set reads another branch",
            |set, app| {
                set.generated_from[0].1 = "release".to_owned();
                app.health = ApplicationHealth::Degraded;
            },
            Word::Done,
        ),
        (
            "its set reads another repository",
            |set, app| {
                set.generated_from[0].0 = "https://git.example.org/ops/other.git".to_owned();
                app.health = ApplicationHealth::Degraded;
            },
            Word::Done,
        ),
        (
            "another set made it",
            |_, app| {
                app.made_by = None;
                app.health = ApplicationHealth::Degraded;
            },
            Word::Done,
        ),
    ];
    for (name, spoil, expected) in cases {
        let (mut set, mut app) = of_set();
        spoil(&mut set, &mut app);
        let gitops = GitOps { sets: vec![set], ..argo(&[application("web", &sha('c')), app]) };
        assert_eq!(
            word(&judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment())),
            expected,
            "{name}"
        );
    }
    // One that was no better before the change is no reason to wait.
    let (set, mut app) = of_set();
    app.health = ApplicationHealth::Degraded;
    let before = stood(std::slice::from_ref(&app));
    let gitops = GitOps { sets: vec![set], ..argo(&[application("web", &sha('c')), app]) };
    assert_eq!(word(&judge(&gitops, &watched(), &sha('c'), &descends, &before, &moment())), Word::Done);
}

#[test]
fn an_image_that_is_being_pulled_is_progress_for_as_long_as_it_takes() {
    let event = |pod: &str, ended: bool, seconds: i64| PullEvent {
        pod: pod.to_owned(),
        container: "spec.containers{app}".to_owned(),
        ended,
        last: Some(at(seconds)),
    };
    let waiting = [("web".to_owned(), "web-7d9f-x2x".to_owned())].into();
    let of = |events: Vec<PullEvent>, now: i64| {
        pulls_of(&waiting, &[("web".to_owned(), events)], at(now)).progress
    };
    let pulling = || vec![event("web-7d9f-x2x", false, 10)];
    assert_ne!(of(pulling(), 20), of(pulling(), 30), "it goes on");
    let pulled = || vec![event("web-7d9f-x2x", false, 10), event("web-7d9f-x2x", true, 25)];
    assert_ne!(of(pulling(), 20), of(pulled(), 30), "it is there");
    assert_eq!(of(pulled(), 30), of(pulled(), 40), "nothing moved since");
    // Pulled again, for the same container, after that.
    let again = || [pulled(), vec![event("web-7d9f-x2x", false, 50)]].concat();
    assert_ne!(of(again(), 60), of(again(), 70));
    // One that is gone, another's, and one of that name elsewhere.
    assert_eq!(of(vec![event("web-5c4d-old", false, 10), event("shop-1", false, 10)], 20), "");
    assert_eq!(pulls_of(&waiting, &[("shop".to_owned(), pulling())], at(20)), Pulls::default());
    // By its name for as long as it goes on.
    let named = |events| pulls_of(&waiting, &[("web".to_owned(), events)], at(20)).pulling;
    assert_eq!(named(pulling()), ["web/web-7d9f-x2x"]);
    assert_eq!(named(pulled()), [""; 0]);
}

#[test]
fn a_set_that_lies_in_git_is_waited_for_with_what_it_makes() {
    let (mut set, mut app) = of_set();
    // Its list holds the version: it reads nothing.
    set.generated_from.clear();
    let mut root = application("root", &sha('c'));
    root.resources = vec![ApplicationResource { object: set.object(), health: None }];
    let at_moment = |root: &Application, set: &ApplicationSet, app: &Application, moment: &Moment| {
        let gitops = GitOps { sets: vec![set.clone()], ..argo(&[root.clone(), app.clone()]) };
        word(&judge(&gitops, &watched(), &sha('c'), &descends, &[], moment))
    };
    let judged =
        |root: &Application, set: &ApplicationSet, app: &Application| at_moment(root, set, app, &moment());
    assert_eq!(judged(&root, &set, &app), Word::Done);
    app.health = ApplicationHealth::Progressing;
    assert_eq!(judged(&root, &set, &app), Word::Waiting);
    app.health = ApplicationHealth::Healthy;
    root.operation.as_mut().expect("an operation").finished_at = Some(at(21));
    root.reconciled_at = Some(at(22));
    assert_eq!(judged(&root, &set, &app), Word::Waiting, "it has not looked since the set was made");
    // Where a change is followed the set is asked: after that sync, and not before it.
    let asked = |made_at: Option<i64>, refused: bool, now: i64| {
        let refused = refused.then(|| Refusal { why: "403".to_owned(), forbidden: true });
        let of_it = AskedOf { at: made_at.map(at), made_at: made_at.map(at), refused, ..AskedOf::default() };
        let moment = Moment { now: at(now), asking: Some(asking([(set.object(), of_it)])), ..moment() };
        at_moment(&root, &set, &app, &moment)
    };
    assert_eq!(asked(Some(10), false, 100), Word::Waiting);
    assert_eq!(asked(None, false, 100), Word::Waiting);
    assert_eq!(
        asked(Some(21), false, 100),
        Word::Done,
        "what it makes is as it wants it, without another look"
    );
    assert_eq!(asked(Some(10), true, 100), Word::Waiting);
    assert_eq!(asked(Some(10), true, 21 + 241), Word::Done, "it was told of its own change long ago");
    app.reconciled_at = Some(at(30));
    assert_eq!(judged(&root, &set, &app), Word::Done);
    app.health = ApplicationHealth::Degraded;
    assert_eq!(judged(&root, &set, &app), Word::Waiting);
    // Nobody makes it of this repository.
    root.resources.clear();
    assert_eq!(judged(&root, &set, &app), Word::Done);
}

/// What was asked of these.
pub(super) fn asking<const N: usize>(asked: [(ObjectRef, AskedOf); N]) -> Asking {
    Asking { asked: asked.into(), ..super::flux::asking([]).asking.expect("of a change") }
}

#[test]
fn a_set_that_was_not_asked_is_waited_for_until_it_has_looked_by_itself() {
    let (mut set, app) = of_set();
    let refusal = |forbidden| Some(Refusal { why: "403".to_owned(), forbidden });
    let judged = |set: &ApplicationSet, asking: Asking, now: i64| {
        let gitops =
            GitOps { sets: vec![set.clone()], ..argo(&[application("web", &sha('c')), app.clone()]) };
        let moment = Moment { now: at(now), asking: Some(asking), ..moment() };
        judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment)
    };
    let object = set.object();
    let of = |asked: AskedOf| asking([(object.clone(), asked)]);
    let taken = || of(AskedOf { at: Some(at(1)), ..AskedOf::default() });
    let refused = |forbidden| of(AskedOf { refused: refusal(forbidden), ..AskedOf::default() });
    let waits = |asking: Asking| match judged(&of_set().0, asking, 419) {
        Rollout::Waiting { on, .. } => format!("{}: {}", on[0].0, on[0].1),
        other => format!("{other:?}"),
    };
    assert_eq!(word(&judged(&set, taken(), 20)), Word::Done);
    let since = of(AskedOf { at: Some(at(1)), refused: refusal(true), ..AskedOf::default() });
    assert_eq!(word(&judged(&set, since, 20)), Word::Done, "that it refuses now is no matter");
    insta::assert_snapshot!(waits(refused(true)), @"ApplicationSet argocd/charts: caretaker needs `patch` on applicationsets to ask it to look; by itself it does so by 2027-01-15 08:07 UTC (403)");
    insta::assert_snapshot!(waits(refused(false)), @"ApplicationSet argocd/charts: it could not be asked to look; by itself it does so by 2027-01-15 08:07 UTC (403)");
    // Whoever else was asked: that names nobody.
    insta::assert_snapshot!(waits(asking([])), @"ApplicationSet argocd/charts: it has not been asked to look; by itself it does so by 2027-01-15 08:07 UTC");
    let unread = Asking { failed: Some("no answer".to_owned()), ..asking([]) };
    insta::assert_snapshot!(waits(unread.clone()), @"ApplicationSet argocd/charts: it has not been asked to look; by itself it does so by 2027-01-15 08:07 UTC (no answer)");
    assert_eq!(
        word(&judged(&set, Asking { failed: Some("no answer".to_owned()), ..taken() }, 20)),
        Word::Done,
        "others were not asked"
    );
    // It may take the branch for what it was three minutes before.
    assert_eq!(word(&judged(&set, refused(true), 420)), Word::Done);
    set.looks_every = Some(std::time::Duration::from_mins(30));
    assert_eq!(word(&judged(&set, refused(true), 420)), Word::Waiting);
    set.looks_every = None;
    let Rollout::Unknown { why } = judged(&set, refused(true), 100_000) else { panic!("it never looks") };
    insta::assert_snapshot!(why, @"ApplicationSet argocd/charts: cannot be followed: caretaker needs `patch` on applicationsets to ask it to look, and by itself it never does (403)");
    assert_eq!(word(&judged(&set, unread, 100_000)), Word::Waiting, "it will be asked");
    // One that reads something else is nobody's to wait for.
    set.generated_from[0].1 = "release".to_owned();
    assert_eq!(word(&judged(&set, refused(true), 20)), Word::Done);
}

#[test]
fn a_set_is_to_be_asked_where_nobody_has_and_after_the_sync_of_who_makes_it_once_that_is_over() {
    let (mut set, _) = of_set();
    let mut root = application("root", &sha('c'));
    let unasked = |set: &ApplicationSet, root: &Application, asked: &[(ObjectRef, AskedOf)]| {
        let gitops =
            GitOps { sets: vec![set.clone()], ..argo(&[root.clone(), application("web", &sha('c'))]) };
        watched().first_unasked(&gitops, &asked.iter().cloned().collect(), &BTreeMap::new(), &[]).is_some()
    };
    let taken = |made_at: Option<i64>| {
        [(of_set().0.object(), AskedOf { at: Some(at(1)), made_at: made_at.map(at), ..AskedOf::default() })]
    };
    assert!(unasked(&set, &root, &[]), "it shows after the others were asked, or was not read then");
    assert!(!unasked(&set, &root, &taken(None)));
    let refused =
        AskedOf { refused: Some(Refusal { why: "403".to_owned(), forbidden: true }), ..AskedOf::default() };
    assert!(!unasked(&set, &root, &[(set.object(), refused)]), "that goes by time");
    set.generated_from.clear();
    assert!(!unasked(&set, &root, &[]), "it reads something else");
    root.resources = vec![ApplicationResource { object: set.object(), health: None }];
    assert!(unasked(&set, &root, &taken(None)) && unasked(&set, &root, &taken(Some(9))));
    assert!(!unasked(&set, &root, &taken(Some(10))));
    root.operation_requested = Some(BegunBy::Itself);
    assert!(!unasked(&set, &root, &taken(None)), "another one goes on");
    root.operation_requested = None;
    root.operation.as_mut().expect("an operation").partial = true;
    assert!(!unasked(&set, &root, &taken(None)), "a few objects were put right");
}

#[test]
fn what_a_parent_brings_to_a_sync_is_touched_by_what_touched_the_parent() {
    let mut root = application("root", &sha('c'));
    let (_, mut child) = of_set();
    child.made_by = None;
    root.resources = vec![ApplicationResource { object: child.object(), health: None }];
    child.reconciled_at = Some(at(30));
    let affected = |root: &Application, child: &Application| {
        let Rollout::Done { affected, .. } = verdict(&[root.clone(), child.clone()], &[]) else { panic!() };
        affected
    };
    // Its sync began within the parent's, as where that goes by waves.
    child.operation.as_mut().expect("an operation").started_at = Some(at(7));
    assert_eq!(affected(&root, &child), ["argocd/redis", "argocd/root"]);
    child.operation.as_mut().expect("an operation").started_at = Some(at(4));
    assert_eq!(affected(&root, &child), ["argocd/root"], "it was synced before");
    let ended = root.operation.as_ref().and_then(|operation| operation.finished_at).expect("it has ended");
    child.reconciled_at = Some(ended + Duration::from_secs(2000));
    let awaited = |name: &str, after: u64| {
        Some(BTreeMap::from([(name.to_owned(), ended + Duration::from_secs(after))]))
    };
    for (seconds, awaited, expected) in [
        (20, awaited("Application argocd/other", 10), 2),
        (1200, awaited("Application argocd/other", 10), 1),
        // A window kept it back, for one.
        (1200, awaited("Application argocd/redis", 10), 2),
        // Only because its sync ran.
        (1200, awaited("Application argocd/redis", 1210), 1),
        // A process that never saw it on its way.
        (1200, None, 2),
    ] {
        let began = ended + Duration::from_secs(seconds);
        let operation = child.operation.as_mut().expect("an operation");
        (operation.started_at, operation.finished_at) = (Some(began), Some(began + Duration::from_secs(5)));
        let moment = Moment { awaited, ..moment() };
        let apps = [root.clone(), child.clone()];
        let rollout = judge(&argo(&apps), &watched(), &sha('c'), &descends, &[], &moment);
        let Rollout::Done { affected, .. } = rollout else { panic!("{rollout:?}") };
        assert_eq!(
            affected.len(),
            expected,
            "after {seconds} s it has reasons of its own: {:?}",
            moment.awaited
        );
    }
    child.operation.as_mut().expect("an operation").started_at = Some(at(7));
    child.operation.as_mut().expect("an operation").partial = true;
    assert_eq!(affected(&root, &child), ["argocd/root"], "a few objects were put right");
    child.operation.as_mut().expect("an operation").partial = false;
    // The commit changed nothing of what the parent makes.
    root.operation = Some(operation(OperationPhase::Succeeded, &sha('b')));
    assert_eq!(affected(&root, &child), [""; 0]);
}
