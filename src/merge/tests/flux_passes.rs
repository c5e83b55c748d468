//! What Flux does pass by pass, and what is made of sources beside the repository.

use super::flux::{OWN, Word, World, asking, descends, kustomization, revision, set, watched, word};
use super::samples::{application, at, moment, sha, workload};
use crate::cluster::{
    Application, Condition, ConditionStatus, FluxKind, FluxObject, GitSource, ObjectRef, Origin, Owner,
    SyncStatus, Workload,
};
use crate::merge::rollout::{
    AskedOf, GitOps, Moment, Question, Refusal, Rollout, awaited_owners, flux_to_ask, judge,
};
use std::time::Duration;

/// A tag of another repository, and what is made of it: by the root of this one, without a wait.
fn platform(inventory: &[&FluxObject]) -> GitOps {
    let mut gitops = World::good().gitops();
    let source = FluxObject {
        name: "platform".to_owned(),
        git: Some(GitSource { url: "https://git.example.org/ops/platform".to_owned(), branch: None }),
        pinned: true,
        artifact: Some("v2.0.0@sha1:1111".to_owned()),
        ..World::good().source
    };
    let made = FluxObject {
        name: "platform".to_owned(),
        sources: vec![source.object()],
        applied: source.artifact.clone(),
        inventory: inventory.iter().map(|one| one.object()).collect(),
        ..kustomization()
    };
    gitops.flux[1].inventory.extend([source.object(), made.object()]);
    gitops.flux.extend([source, made]);
    gitops.flux.extend(inventory.iter().map(|one| (*one).clone()));
    gitops
}

fn judged(gitops: &GitOps) -> Rollout {
    judge(gitops, &watched(), &sha('c'), &descends, &[], &moment())
}

fn waits_on(rollout: &Rollout) -> Vec<&str> {
    let Rollout::Waiting { on, .. } = rollout else { panic!("{rollout:?}") };
    on.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_a_kustomization_of_another_source_makes_is_waited_for_however_deep() {
    let proxy = FluxObject {
        name: "proxy".to_owned(),
        inventory: vec![ObjectRef::new("Deployment", "edge", "proxy")],
        ..World::good().release
    };
    assert_eq!(word(&judged(&platform(&[&proxy]))), Word::Done);
    let rolling = FluxObject { generation: proxy.generation + 1, ..proxy.clone() };
    let gitops = platform(&[&rolling]);
    assert_eq!(waits_on(&judged(&gitops)), ["HelmRelease gitops/proxy"]);
    // Two that make each other come to an end.
    let mut deeper = FluxObject {
        name: "deeper".to_owned(),
        sources: vec![ObjectRef::new("GitRepository", "gitops", "platform")],
        applied: Some("v2.0.0@sha1:1111".to_owned()),
        ..kustomization()
    };
    deeper.inventory = vec![rolling.object(), ObjectRef::new("Kustomization", "gitops", "platform")];
    let mut gitops = platform(&[&deeper]);
    gitops.flux.push(rolling.clone());
    assert_eq!(waits_on(&judged(&gitops)), ["HelmRelease gitops/proxy"]);
    // What it made is of whoever makes it, unless that follows the repository itself.
    let files = ["apps/x".to_owned()];
    let touched = watched().touched(&gitops, &files);
    assert!(touched[0].owns.contains(&ObjectRef::new("Deployment", "edge", "proxy")), "{touched:?}");
    let own = gitops.flux.iter_mut().find(|one| one.name == "deeper").expect("it is there");
    own.sources = vec![World::good().source.object()];
    let touched = watched().touched(&gitops, &files);
    assert!(!touched[0].owns.contains(&ObjectRef::new("Deployment", "edge", "proxy")), "{touched:?}");
}

/// Whoever pushes to the other repository may break it while a change of this one soaks.
#[test]
fn what_comes_of_a_source_that_others_move_is_waited_for_and_no_fault_of_a_change() {
    let deployment = ObjectRef::new("Deployment", "edge", "proxy");
    let release = FluxObject {
        name: "proxy".to_owned(),
        inventory: vec![deployment.clone()],
        chart: Some(("proxy".to_owned(), "2.0.0".to_owned())),
        ..World::good().release
    };
    let touched = |pinned: bool| {
        let mut gitops = platform(&[&release]);
        let source = gitops.flux.iter_mut().find(|one| one.name == "platform" && one.git.is_some());
        source.expect("a source").pinned = pinned;
        watched().touched(&gitops, &["apps/x".to_owned()]).swap_remove(0)
    };
    assert!(touched(true).owns.contains(&deployment));
    let mut moving = touched(false);
    assert!(!moving.owns.contains(&deployment) && !moving.owns.contains(&release.object()), "{moving:?}");
    assert!(moving.owns.contains(&ObjectRef::new("Kustomization", "gitops", "platform")));
    assert!(moving.holds(&deployment) && moving.charts.iter().any(|chart| chart.name == "proxy"));
    moving.take_all_that_moves(&[]);
    assert!(moving.owns.contains(&deployment));
}

#[test]
fn who_takes_values_of_an_accepted_kustomization_of_another_source_is_asked() {
    let values = ObjectRef::new("ConfigMap", "gitops", "platform-values");
    let mut gitops = platform(&[]);
    let release = gitops.flux.iter_mut().find(|one| one.kind == FluxKind::HelmRelease).expect("a release");
    release.values_from = vec![values.clone()];
    let taker = release.object();
    let made = gitops.flux.iter_mut().find(|one| one.name == "platform" && one.git.is_none());
    let made = made.expect("it is made");
    made.inventory.push(values);
    made.applied = Some("v1.0.0@sha1:0000".to_owned());
    set(made, "Ready", ConditionStatus::False);
    let made = made.object();
    let to_ask = |accepted: &[ObjectRef]| {
        let moment = Moment { accepted: accepted.iter().cloned().collect(), ..asking([]) };
        flux_to_ask(&gitops, &watched(), &sha('c'), &descends, &moment)
    };
    assert_eq!(to_ask(&[]), [], "it is not applied yet");
    assert_eq!(to_ask(&[made]), [(taker, Question::Look)]);
}

#[test]
fn values_that_a_kustomization_of_another_source_applies_are_taken_by_whoever_is_asked() {
    let values = ObjectRef::new("ConfigMap", "gitops", "platform-values");
    let mut gitops = platform(&[]);
    let release = gitops.flux.iter_mut().find(|one| one.kind == FluxKind::HelmRelease).expect("a release");
    release.values_from = vec![values.clone()];
    let object = release.object();
    let made = gitops.flux.iter_mut().find(|one| one.name == "platform" && one.git.is_none());
    made.expect("it is made").inventory.push(values);
    let moment = asking([]);
    let to_ask = |gitops: &GitOps| flux_to_ask(gitops, &watched(), &sha('c'), &descends, &moment);
    assert_eq!(to_ask(&gitops), [(object, Question::Look)]);
    let source = gitops.flux.iter_mut().find(|one| one.name == "platform" && one.git.is_some());
    source.expect("a source").artifact = Some("v3.0.0@sha1:2222".to_owned());
    assert_eq!(to_ask(&gitops), [], "they are not applied yet");
}

/// The condition of a pass that goes on since a moment.
pub(super) fn in_a_pass(object: &mut FluxObject, since: i64, message: &str) {
    object.conditions.retain(|condition| condition.kind != "Reconciling");
    object.conditions.push(Condition {
        kind: "Reconciling".to_owned(),
        status: ConditionStatus::True,
        reason: "Progressing".to_owned(),
        message: message.to_owned(),
        since: Some(at(since)),
        heartbeat: None,
    });
}

#[test]
fn a_pass_that_takes_long_is_progress_for_as_long_as_flux_gives_it() {
    let minutes = |count: u64| Some(Duration::from_mins(count));
    let moves = |change: &dyn Fn(&mut World), now: i64| {
        let mut world = World::good();
        change(&mut world);
        let progress = |now: i64| {
            let moment = Moment { now: at(now), ..moment() };
            match judge(&world.gitops(), &watched(), &sha('c'), &descends, &[], &moment) {
                Rollout::Waiting { progress, .. } => progress,
                other => panic!("{other:?}"),
            }
        };
        progress(now) != progress(now + 1)
    };
    let upgrade = |timeout: Option<Duration>| {
        move |world: &mut World| {
            set(&mut world.release, "Ready", ConditionStatus::Unknown);
            in_a_pass(&mut world.release, 0, "Running 'upgrade' action with timeout of 15m0s");
            world.release.timeout = timeout;
        }
    };
    assert!(moves(&upgrade(minutes(15)), 60));
    assert!(moves(&upgrade(minutes(15)), 890));
    assert!(!moves(&upgrade(minutes(15)), 16 * 60));
    assert!(moves(&upgrade(None), 290) && !moves(&upgrade(None), 301), "five minutes where nothing is told");
    let health = |timeout: Option<Duration>| {
        move |world: &mut World| {
            world.kustomization.attempted = Some(revision('b'));
            world.kustomization.applied = Some(revision('b'));
            set(&mut world.kustomization, "Ready", ConditionStatus::Unknown);
            in_a_pass(&mut world.kustomization, 0, "Running health checks for revision main@sha1:b");
            (world.kustomization.timeout, world.kustomization.interval) = (timeout, minutes(10));
        }
    };
    assert!(moves(&health(minutes(30)), 29 * 60) && !moves(&health(minutes(30)), 31 * 60));
    assert!(moves(&health(None), 9 * 60) && !moves(&health(None), 11 * 60), "its interval");
    let again = |world: &mut World| {
        health(minutes(30))(world);
        world.kustomization.conditions.last_mut().expect("it reconciles").reason =
            "ProgressingWithRetry".to_owned();
    };
    assert!(!moves(&again, 60), "a failure that is tried again");
    let early = |message: &'static str| {
        move |world: &mut World| {
            health(minutes(30))(world);
            in_a_pass(&mut world.kustomization, 0, message);
        }
    };
    assert!(moves(&early("Detecting drift for revision main@sha1:b with a timeout of 30m0s"), 60));
    assert!(
        !moves(&early("Building manifests for revision main@sha1:b with a timeout of 30m0s"), 60),
        "is short"
    );
    assert!(!moves(&early("Fetching manifests for revision main@sha1:b with a timeout of 30m0s"), 60));
    // What has failed is tried again, for ever: it counts once. While something newer waits for the end of it, it counts.
    let same = |world: &mut World| {
        health(minutes(30))(world);
        world.kustomization.failed_before = true;
        world.kustomization.attempted = world.source.artifact.clone();
    };
    assert!(!moves(&same, 60), "the same again");
    let newer = |world: &mut World| {
        same(world);
        world.source.artifact = Some(revision('d'));
    };
    assert!(moves(&newer, 60), "its source has something newer");
    let spec = |world: &mut World| {
        same(world);
        world.kustomization.generation += 1;
    };
    assert!(moves(&spec, 60), "it is told something newer");
    let upgrade_again = |world: &mut World| {
        upgrade(minutes(15))(world);
        world.release.failed_before = true;
    };
    assert!(!moves(&upgrade_again, 60), "the same again");
    let other_chart = |world: &mut World| {
        upgrade_again(world);
        world.chart.artifact = Some("9.2.2@sha256:ff".to_owned());
    };
    assert!(moves(&other_chart, 60), "its source has something newer");
    let prepares = |world: &mut World| {
        upgrade(minutes(15))(world);
        in_a_pass(&mut world.release, 0, "Fulfilling prerequisites");
    };
    assert!(!moves(&prepares, 60), "is short");
    let beside = |world: &mut World| {
        world.kustomization.applied = Some(revision('b'));
        in_a_pass(&mut world.chart, 0, "fetching");
        world.chart.timeout = minutes(15);
    };
    assert!(!moves(&beside, 60), "a source is only fetched");
}

#[test]
fn a_workload_is_of_the_release_that_is_written_on_it() {
    let mut world = World::good();
    world.release.generation += 1;
    let gitops = world.gitops();
    let owners = awaited_owners(&gitops, &watched(), &judged(&gitops));
    let mut labelled = workload("web");
    let label = |name: &str| format!("helm.toolkit.fluxcd.io/{name}");
    labelled.labels.insert(label("name"), world.release.name.clone());
    labelled.labels.insert(label("namespace"), world.release.namespace.clone());
    let taken = |workload: &Workload| {
        let mut owner: Owner = owners[0].clone();
        owner.take_all_that_moves(std::slice::from_ref(workload));
        owner.owns.contains(&workload.object)
    };
    assert!(taken(&labelled));
    labelled.labels.insert(label("namespace"), "elsewhere".to_owned());
    assert!(!taken(&labelled));
    assert!(!taken(&workload("web")));
}

#[test]
fn an_artifact_of_a_registry_is_asked_to_look_until_it_is_of_the_commit() {
    let artifact = |origin: char| FluxObject {
        kind: FluxKind::OciRepository,
        name: "artifact".to_owned(),
        git: None,
        interval: Some(Duration::from_mins(10)),
        artifact: Some(format!("latest@sha256:{origin}")),
        origin: Some(Origin { url: OWN.to_owned(), revision: revision(origin) }),
        ..World::good().source
    };
    let world = |artifact: FluxObject| {
        let made = FluxObject {
            name: "of-artifact".to_owned(),
            sources: vec![artifact.object()],
            applied: artifact.artifact.clone(),
            applied_origin: artifact.origin.as_ref().map(|origin| origin.revision.clone()),
            inventory: Vec::new(),
            ..kustomization()
        };
        GitOps { flux: vec![artifact, made], ..GitOps::default() }
    };
    let object = artifact('b').object();
    let with = |asked: Option<AskedOf>, now: i64| {
        let mut moment = Moment { now: at(now), ..asking([]) };
        let asking = moment.asking.as_mut().expect("of a change");
        asking.asked_for_commit.extend(asked.map(|asked| (object.clone(), asked)));
        moment
    };
    let to_ask =
        |gitops: &GitOps, moment: &Moment| flux_to_ask(gitops, &watched(), &sha('c'), &descends, moment);
    let older = world(artifact('b'));
    assert_eq!(to_ask(&older, &with(None, 100)), [(object.clone(), Question::Commit)]);
    assert_eq!(to_ask(&world(artifact('c')), &with(None, 100)), []);
    let off = FluxObject { suspended: true, ..artifact('b') };
    assert_eq!(to_ask(&world(off), &with(None, 100)), []);
    let mut unused = older.clone();
    unused.flux.truncate(1);
    assert_eq!(to_ask(&unused, &with(None, 100)), [], "it is no way of a commit into the cluster");
    // Whoever pushes it may take longer than the look that was asked for.
    let asked = || Some(AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() });
    let looked = FluxObject { handled: Some(at(50).to_string()), ..artifact('b') };
    assert_eq!(to_ask(&world(looked.clone()), &with(asked(), 109)), []);
    assert_eq!(to_ask(&world(looked), &with(asked(), 110)), [(object.clone(), Question::Commit)]);
    let refused = Some(Refusal { why: "403".to_owned(), forbidden: true });
    let refused = || Some(AskedOf { tried_at: Some(at(50)), refused: refused.clone(), ..AskedOf::default() });
    let says_of =
        |gitops: &GitOps, moment: &Moment| match judge(gitops, &watched(), &sha('c'), &descends, &[], moment)
        {
            Rollout::Waiting { on, until, .. } => (on[0].1.clone(), until),
            other => panic!("{other:?}"),
        };
    let says = |moment: &Moment| says_of(&older, moment);
    assert_eq!(says(&with(asked(), 100)).0, "its artifact is not made from this commit");
    let (said, until) = says(&with(refused(), 100));
    assert_eq!(until, Some(at(50 + 660 + 60)), "what is made of it waits for the same");
    insta::assert_snapshot!(said, @"its artifact is not made from this commit: caretaker needs `patch` on ocirepositories to ask it to look; by itself it looks by 2027-01-15 08:12 UTC (403)");
    let (said, until) = says(&with(refused(), 50 + 721));
    assert!(!said.contains("by itself") && until.is_none());
    assert_eq!(says(&with(None, 100)).1, None, "it is asked");
    // Who takes values that come by it is asked once they are there.
    let mut with_taker = older.clone();
    let values = ObjectRef::new("ConfigMap", "gitops", "values");
    with_taker.flux[1].inventory.push(values.clone());
    let (release, chart) = (World::good().release, World::good().chart);
    with_taker.flux.extend([FluxObject { values_from: vec![values], ..release }, chart]);
    assert!(says_of(&with_taker, &with(refused(), 100)).1.is_some());
    let unsettled = |change: fn(&mut FluxObject)| {
        let mut gitops = older.clone();
        change(&mut gitops.flux[1]);
        says_of(&gitops, &with(refused(), 100)).1
    };
    assert_eq!(unsettled(|made| made.suspended = true), None, "it will not come by itself");
    assert_eq!(unsettled(|made| set(made, "Ready", ConditionStatus::False)), None);
}

#[test]
fn an_ordinary_pass_keeps_nothing_from_having_arrived() {
    type Spoil = fn(&mut World);
    let again: Spoil = |w| {
        set(&mut w.kustomization, "Ready", ConditionStatus::Unknown);
        in_a_pass(&mut w.kustomization, 90, "Reconciliation in progress");
        w.kustomization.interval = Some(Duration::from_mins(10));
        w.kustomization.succeeded_at = Some(at(90 - 600));
    };
    let cases: [(&str, Spoil, Word); 9] = [
        ("the same again", again, Word::Done),
        (
            "something else is tried",
            |w| {
                in_a_pass(&mut w.kustomization, 90, "Reconciliation in progress");
                set(&mut w.kustomization, "Ready", ConditionStatus::Unknown);
                w.kustomization.attempted = Some(revision('d'));
                w.kustomization.succeeded_at = Some(at(90 - 600));
            },
            Word::Waiting,
        ),
        (
            "its spec is another",
            |w| {
                in_a_pass(&mut w.source, 90, "reconciliation in progress");
                w.source.generation += 1;
            },
            Word::Waiting,
        ),
        ("a source", |w| in_a_pass(&mut w.source, 90, "reconciliation in progress"), Word::Done),
        (
            "a source with something new",
            |w| {
                in_a_pass(&mut w.source, 90, "building artifact");
                set(&mut w.source, "Ready", ConditionStatus::Unknown);
            },
            Word::Waiting,
        ),
        ("a release", |w| in_a_pass(&mut w.release, 90, "Fulfilling prerequisites"), Word::Done),
        (
            "a release that runs something",
            |w| in_a_pass(&mut w.release, 90, "Running 'test' action with timeout of 5m0s"),
            Word::Waiting,
        ),
        (
            "a release that fails",
            |w| {
                in_a_pass(&mut w.release, 90, "Fulfilling prerequisites");
                set(&mut w.release, "Ready", ConditionStatus::False);
            },
            Word::Waiting,
        ),
        ("for too long", |w| in_a_pass(&mut w.release, -400, "Fulfilling prerequisites"), Word::Waiting),
    ];
    for (name, spoil, expected) in cases {
        let mut world = World::good();
        spoil(&mut world);
        let judged = judged(&world.gitops());
        assert_eq!(word(&judged), expected, "{name}: {judged:?}");
    }
    let mut behind = World::good();
    again(&mut behind);
    behind.kustomization.applied = Some(revision('b'));
    behind.kustomization.attempted = Some(revision('b'));
    assert_eq!(word(&behind.judge()), Word::Waiting, "and not of the commit");
}

#[test]
fn what_was_tried_and_failed_is_told_in_its_own_words() {
    let mut world = World::good();
    world.release.generation += 1;
    set(&mut world.release, "Ready", ConditionStatus::False);
    let said = |world: &World| match world.judge() {
        Rollout::Waiting { on, .. } => on[0].1.clone(),
        other => panic!("{other:?}"),
    };
    world.release.ready_generation = Some(world.release.generation - 1);
    assert_eq!(said(&world), "its change has not been looked at");
    world.release.ready_generation = Some(world.release.generation);
    assert_eq!(said(&world), "Ready it is");
}

#[test]
fn a_version_that_nobody_looked_for_in_an_index_is_waited_for() {
    let mut world = World::good();
    world.chart = FluxObject {
        kind: FluxKind::HelmRepository,
        artifact: Some("sha256:1".to_owned()),
        ..world.chart.clone()
    };
    let mut chart = FluxObject {
        kind: FluxKind::HelmChart,
        name: "gitops-ready".to_owned(),
        artifact: Some("9.2.1".to_owned()),
        sources: vec![world.chart.object()],
        observed_source: Some("sha256:1".to_owned()),
        ..world.chart.clone()
    };
    world.release.sources = vec![world.chart.object()];
    world.release.helm_chart = Some(chart.object());
    world.release.attempted = Some("9.2.1".to_owned());
    let judged = |chart: &FluxObject| {
        let mut gitops = world.gitops();
        gitops.flux.push(chart.clone());
        word(&judged(&gitops))
    };
    assert_eq!(judged(&chart), Word::Done);
    set(&mut chart, "Ready", ConditionStatus::False);
    assert_eq!(judged(&chart), Word::Done, "the index cannot be fetched again");
    chart.generation += 1;
    assert_eq!(judged(&chart), Word::Waiting);
}

#[test]
fn an_application_that_a_kustomization_makes_is_waited_for() {
    let judged = |change: &dyn Fn(&mut Application, &mut World)| {
        let mut app = Application { sources: Vec::new(), ..application("web", &sha('7')) };
        app.compared_sources.clone_from(&app.sources);
        let mut world = World::good();
        world.kustomization.inventory.push(app.object());
        change(&mut app, &mut world);
        judged(&GitOps { applications: vec![app], ..world.gitops() })
    };
    assert_eq!(word(&judged(&|_, _| {})), Word::Done);
    let behind = judged(&|app, _| app.sync = SyncStatus::OutOfSync);
    assert_eq!(waits_on(&behind), ["Application argocd/web"]);
    let of_others = judged(&|app, world| {
        app.sync = SyncStatus::OutOfSync;
        world.kustomization.inventory.pop();
    });
    assert_eq!(word(&of_others), Word::Done);
}
