use super::samples::{moment, sha};
use crate::cluster::recorded::flux;
use crate::cluster::{Condition, ConditionStatus, FluxKind, FluxObject, GitSource, ObjectRef, Origin, Owner};
use crate::forge::CommitSha;
use crate::merge::rollout::{
    AskedOf, Asking, GitOps, Moment, Question, Refusal, Rollout, Watched, flux_to_ask, judge,
};
use std::collections::BTreeMap;

pub(super) const OWN: &str = "https://git.example.org/ops/homelab.git";

pub(super) fn watched() -> Watched {
    Watched::new(vec![OWN.to_owned()], vec!["https://git.example.net/ops/homelab".to_owned()], "main")
}

/// The moment of [`moment`], of a change for which some were asked.
pub(super) fn asking<const N: usize>(asked: [Option<(ObjectRef, AskedOf)>; N]) -> Moment {
    let asked = asked.into_iter().flatten().collect();
    let asking = Asking {
        since: super::samples::at(0),
        failed: None,
        asked,
        asked_for_commit: BTreeMap::new(),
        over: false,
    };
    Moment { asking: Some(asking), ..moment() }
}

/// The commit that is followed is `c`; `d` comes after it, `b` came before, of `e` nothing is known.
pub(super) fn descends(sha: &CommitSha) -> Option<bool> {
    match sha.as_str().as_bytes()[0] {
        b'c' | b'd' => Some(true),
        b'e' => None,
        _ => Some(false),
    }
}

pub(super) fn revision(digit: char) -> String {
    format!("main@sha1:{}", sha(digit).as_str())
}

/// A source that has fetched the commit.
fn source() -> FluxObject {
    let git = GitSource { url: OWN.to_owned(), branch: Some("main".to_owned()) };
    FluxObject { git: Some(git), artifact: Some(revision('c')), ..flux(47) }
}

/// A Kustomization that has applied it.
pub(super) fn kustomization() -> FluxObject {
    FluxObject {
        applied: Some(revision('c')),
        attempted: Some(revision('c')),
        sources: vec![source().object()],
        ..flux(27)
    }
}

/// A release that the Kustomization made, and what it takes its chart from.
fn release() -> FluxObject {
    let chart = ObjectRef::new("OCIRepository", "gitops", "charts");
    FluxObject { sources: vec![chart], attempted: Some("9.2.1+0123456789ab".to_owned()), ..flux(42) }
}

fn chart() -> FluxObject {
    FluxObject {
        kind: FluxKind::OciRepository,
        name: "charts".to_owned(),
        git: None,
        artifact: Some("9.2.1@sha256:0123456789abcdef".to_owned()),
        ..flux(47)
    }
}

pub(super) struct World {
    pub(super) source: FluxObject,
    pub(super) kustomization: FluxObject,
    pub(super) release: FluxObject,
    pub(super) chart: FluxObject,
}

impl World {
    pub(super) fn good() -> Self {
        let (release, chart) = (release(), chart());
        let mut kustomization = kustomization();
        kustomization.inventory.extend([release.object(), chart.object()]);
        Self { source: source(), kustomization, release, chart }
    }

    pub(super) fn gitops(&self) -> GitOps {
        let flux = [&self.source, &self.kustomization, &self.release, &self.chart].map(Clone::clone);
        GitOps { flux: flux.into(), ..GitOps::default() }
    }

    pub(super) fn judge(&self) -> Rollout {
        judge(&self.gitops(), &watched(), &sha('c'), &descends, &[], &moment())
    }
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

pub(super) fn set(object: &mut FluxObject, kind: &str, status: ConditionStatus) {
    object.conditions.retain(|condition| condition.kind != kind);
    let (reason, message, kind) = ("Any".to_owned(), format!("{kind} it is"), kind.to_owned());
    object.conditions.push(Condition { kind, status, reason, message, since: None, heartbeat: None });
}

#[test]
fn one_kustomization_is_judged_by_every_field() {
    type Spoil = fn(&mut World);
    let cases: Vec<(&str, Spoil, Word)> = vec![
        ("as it should be", |_| {}, Word::Done),
        ("a descendant", |w| w.kustomization.applied = Some(revision('d')), Word::Done),
        ("an older one is applied", |w| w.kustomization.applied = Some(revision('b')), Word::Waiting),
        (
            "one that nobody knows is applied",
            |w| w.kustomization.applied = Some(revision('e')),
            Word::Unknown,
        ),
        ("nothing is applied", |w| w.kustomization.applied = None, Word::Waiting),
        ("a tag is applied", |w| w.kustomization.applied = Some("v1.0.0".to_owned()), Word::Waiting),
        ("suspended", |w| w.kustomization.suspended = true, Word::Waiting),
        ("changed since", |w| w.kustomization.generation += 1, Word::Waiting),
        ("just made", |w| w.kustomization.observed_generation = -1, Word::Waiting),
        ("on its way", |w| set(&mut w.kustomization, "Reconciling", ConditionStatus::True), Word::Waiting),
        ("not ready", |w| set(&mut w.kustomization, "Ready", ConditionStatus::False), Word::Waiting),
        ("nobody knows", |w| set(&mut w.kustomization, "Ready", ConditionStatus::Unknown), Word::Waiting),
        ("no condition", |w| w.kustomization.conditions.clear(), Word::Waiting),
        ("given up", |w| set(&mut w.kustomization, "Stalled", ConditionStatus::True), Word::Waiting),
        (
            "an older one is given up",
            |w| {
                set(&mut w.kustomization, "Stalled", ConditionStatus::True);
                w.kustomization.attempted = Some(revision('b'));
            },
            Word::Waiting,
        ),
        (
            "what was given up is changed since",
            |w| {
                set(&mut w.kustomization, "Stalled", ConditionStatus::True);
                w.kustomization.generation += 1;
            },
            Word::Waiting,
        ),
        ("the source has an older one", |w| w.source.artifact = Some(revision('b')), Word::Waiting),
        ("the source has none", |w| w.source.artifact = None, Word::Waiting),
        ("the source has one that nobody knows", |w| w.source.artifact = Some(revision('e')), Word::Unknown),
        ("the source is suspended", |w| w.source.suspended = true, Word::Waiting),
        ("the source is changed since", |w| w.source.generation += 1, Word::Waiting),
        ("the source cannot fetch", |w| set(&mut w.source, "Ready", ConditionStatus::False), Word::Waiting),
        ("its release is changed since", |w| w.release.generation += 1, Word::Waiting),
        (
            "its release is on its way",
            |w| set(&mut w.release, "Reconciling", ConditionStatus::True),
            Word::Waiting,
        ),
        ("its release is suspended", |w| w.release.suspended = true, Word::Waiting),
        ("its release is given up", |w| set(&mut w.release, "Stalled", ConditionStatus::True), Word::Waiting),
        (
            "its release has not seen the chart",
            |w| w.chart.artifact = Some("9.2.2@sha256:ff".to_owned()),
            Word::Waiting,
        ),
        (
            "its release's chart is being fetched",
            |w| set(&mut w.chart, "Reconciling", ConditionStatus::True),
            Word::Waiting,
        ),
        (
            "a release that another made",
            |w| {
                w.kustomization.inventory.clear();
                w.release.generation += 1;
            },
            Word::Done,
        ),
        (
            "another branch",
            |w| w.source.git.as_mut().expect("git").branch = Some("next".to_owned()),
            Word::Unknown,
        ),
        ("a tag", |w| w.source.git.as_mut().expect("git").branch = None, Word::Unknown),
        (
            "by ssh",
            |w| w.source.git.as_mut().expect("git").url = "ssh://git@git.example.org/ops/homelab".to_owned(),
            Word::Done,
        ),
        (
            "probably it",
            |w| w.source.git.as_mut().expect("git").url = "http://gitea.gitea.svc/ops/homelab".to_owned(),
            Word::Unknown,
        ),
        (
            "known not to be",
            |w| w.source.git.as_mut().expect("git").url = "https://git.example.net/ops/homelab".to_owned(),
            Word::Unknown,
        ),
        ("nothing is made of it", |w| w.kustomization.sources.clear(), Word::Unknown),
    ];
    for (name, spoil, expected) in cases {
        let mut world = World::good();
        spoil(&mut world);
        let judged = world.judge();
        assert_eq!(word(&judged), expected, "{name}: {judged:?}");
    }
    assert_eq!(World::good().judge(), Rollout::Done { watchers: 1, affected: Vec::new() });
}

/// The chart lies in the repository, and another object makes it of the commit.
#[test]
fn a_release_whose_chart_lies_in_git_waits_until_it_was_made_of_the_commit() {
    type Spoil = fn(&mut World);
    let git = || {
        let mut world = World::good();
        world.chart = FluxObject {
            kind: FluxKind::HelmChart,
            namespace: "flux-system".to_owned(),
            name: "apps-grafana".to_owned(),
            sources: vec![world.source.object()],
            artifact: Some("9.2.1".to_owned()),
            observed_source: Some(revision('c')),
            git: None,
            ..flux(47)
        };
        world.release.sources = vec![world.source.object()];
        world.release.helm_chart = Some(world.chart.object());
        world.release.attempted = Some("9.2.1".to_owned());
        world
    };
    let mut behind = git();
    behind.chart.observed_source = Some(revision('b'));
    assert!(watched().revisions(&behind.gitops()).contains(&sha('b')), "the forge is asked about it");
    let cases: [(&str, Spoil, Word); 12] = [
        ("as it should be", |_| {}, Word::Done),
        ("made of a later one", |w| w.chart.observed_source = Some(revision('d')), Word::Done),
        ("made of an older one", |w| w.chart.observed_source = Some(revision('b')), Word::Waiting),
        ("of one that nobody knows", |w| w.chart.observed_source = Some(revision('e')), Word::Unknown),
        ("it does not tell", |w| w.chart.observed_source = None, Word::Waiting),
        (
            "the release has the one before",
            |w| {
                w.chart.artifact = Some("9.2.1+cccccccccccc".to_owned());
                w.release.attempted = Some("9.2.1+bbbbbbbbbbbb".to_owned());
            },
            Word::Waiting,
        ),
        ("nothing was made", |w| (w.chart.artifact, w.release.attempted) = (None, None), Word::Waiting),
        ("it is being made", |w| set(&mut w.chart, "Reconciling", ConditionStatus::True), Word::Waiting),
        ("it cannot be made", |w| set(&mut w.chart, "Ready", ConditionStatus::False), Word::Waiting),
        ("there is none", |w| w.release.helm_chart = None, Word::Waiting),
        (
            "it is named by the release",
            |w| {
                w.release.sources = vec![w.chart.object()];
                w.chart.observed_source = Some(revision('b'));
            },
            Word::Waiting,
        ),
        (
            "it is of another repository",
            |w| {
                let other = ObjectRef::new("GitRepository", "gitops", "charts");
                (w.release.sources, w.chart.sources) = (vec![other.clone()], vec![other]);
                w.chart.observed_source = Some(revision('b'));
            },
            Word::Done,
        ),
    ];
    for (name, spoil, expected) in cases {
        let mut world = git();
        spoil(&mut world);
        let judged = world.judge();
        assert_eq!(word(&judged), expected, "{name}: {judged:?}");
    }
}

/// A release of this world that takes its values from an object which a Kustomization of a name applies.
pub(super) fn with_values(applied_by: &str) -> (World, Vec<FluxObject>) {
    let mut world = World::good();
    let values = ObjectRef::new("ConfigMap", "gitops", "grafana-values");
    world.release.values_from = vec![values.clone()];
    world.release.interval = Some(std::time::Duration::from_mins(10));
    let other = FluxObject { name: "values".to_owned(), inventory: vec![values.clone()], ..kustomization() };
    if applied_by == "values" {
        return (world, vec![other]);
    }
    world.kustomization.inventory.push(values);
    (world, Vec::new())
}

#[test]
fn a_release_whose_values_come_from_git_is_asked_to_look_and_waited_for() {
    let at = super::samples::at;
    let (world, _) = with_values("ready");
    let object = world.release.object();
    let judged = |change: &dyn Fn(&mut World), asked: Option<AskedOf>, now: i64| {
        let (mut world, _) = with_values("ready");
        change(&mut world);
        let moment = Moment { now: at(now), ..asking([asked.map(|asked| (object.clone(), asked))]) };
        judge(&world.gitops(), &watched(), &sha('c'), &descends, &[], &moment)
    };
    let taken = || Some(AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() });
    let refused = |forbidden| {
        let refused = Some(Refusal { why: "403".to_owned(), forbidden });
        Some(AskedOf { tried_at: Some(at(50)), refused, ..AskedOf::default() })
    };
    let waits = |asked| match judged(&|_| {}, asked, 709) {
        Rollout::Waiting { on, .. } => format!("{}: {}", on[0].0, on[0].1),
        other => format!("{other:?}"),
    };
    insta::assert_snapshot!(waits(None), @"HelmRelease gitops/ready: it takes values from ConfigMap gitops/grafana-values: it has not been asked to look since that is applied");
    insta::assert_snapshot!(waits(taken()), @"HelmRelease gitops/ready: it has not looked at the values from ConfigMap gitops/grafana-values since it was asked to");
    insta::assert_snapshot!(waits(refused(true)), @"HelmRelease gitops/ready: it takes values from ConfigMap gitops/grafana-values: caretaker needs `patch` on helmreleases to ask it to look; by itself it does so by 2027-01-15 08:12 UTC (403)");
    assert!(waits(refused(false)).contains("it could not be asked to look; by itself"));
    let handled = |words: &'static str| {
        word(&judged(&|w: &mut World| w.release.handled = Some(words.to_owned()), taken(), 100))
    };
    assert_eq!(handled("2027-01-15T08:00:50Z"), Word::Done, "the words that it was asked with");
    assert_eq!(handled("2027-01-15T09:00:51.5+01:00"), Word::Done, "somebody asked later");
    assert_eq!(handled("1800000051"), Word::Done, "and wrote seconds");
    assert_eq!(handled("2027-01-15 08:00:51.25 +0000 UTC m=+86400.5"), Word::Done, "as Flux' own receiver");
    for words in ["2027-01-15T08:00:49Z", "1800000049", "2027-01-15 08:00:49 +0000 UTC m=+1.5", "soon", ""] {
        assert_eq!(handled(words), Word::Waiting, "{words}");
    }
    let fails = |w: &mut World| {
        w.release.handled = Some("1800000051".to_owned());
        set(&mut w.release, "Ready", ConditionStatus::False);
    };
    assert_eq!(word(&judged(&fails, taken(), 100)), Word::Waiting, "it has looked and is not ready");
    // Its own interval, a tenth and a minute after what it takes was there.
    assert_eq!(word(&judged(&|_| {}, refused(true), 50 + 720)), Word::Done);
    assert_eq!(word(&judged(&|w| w.release.interval = None, refused(true), 9_999)), Word::Unknown);
    let elsewhere = |w: &mut World| drop(w.kustomization.inventory.pop());
    assert_eq!(word(&judged(&elsewhere, None, 100)), Word::Done, "they do not come from Git");
    let hashed = |w: &mut World| {
        let hashed = ObjectRef::new("ConfigMap", "gitops", "grafana-values-5m2k7h9g8b");
        (w.release.values_from, w.kustomization.inventory[0]) = (vec![hashed.clone()], hashed);
    };
    assert_eq!(word(&judged(&hashed, None, 100)), Word::Done, "another content is another name");
    let nobodys = judge(&world.gitops(), &watched(), &sha('c'), &descends, &[], &moment());
    assert_eq!(word(&nobodys), Word::Done, "it is nobody's change to follow");
}

#[test]
fn a_release_is_asked_once_what_it_takes_is_of_the_commit_whoever_applies_it() {
    let to_ask = |change: &dyn Fn(&mut World, &mut Vec<FluxObject>), asked: bool| {
        let (mut world, mut more) = with_values("values");
        change(&mut world, &mut more);
        let object = world.release.object();
        let moment = asking([asked.then(|| (object.clone(), AskedOf::default()))]);
        let mut gitops = world.gitops();
        gitops.flux.extend(more);
        let found = flux_to_ask(&gitops, &watched(), &sha('c'), &descends, &moment);
        assert!(found.is_empty() || found == [(object, Question::Look)]);
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment);
        (!found.is_empty(), word(&judged))
    };
    let behind = |one: &mut FluxObject| one.applied = Some(revision('b'));
    assert_eq!(to_ask(&|_, _| {}, false), (true, Word::Waiting));
    assert!(!to_ask(&|_, _| {}, true).0, "once");
    assert_eq!(to_ask(&|_, more| behind(&mut more[0]), false), (false, Word::Waiting), "its values");
    assert_eq!(to_ask(&|w, _| behind(&mut w.kustomization), false), (false, Word::Waiting), "itself");
    assert_eq!(to_ask(&|w, _| w.release.suspended = true, false), (false, Word::Waiting));
    // Somebody else makes it.
    let foreign = |w: &mut World, _: &mut Vec<FluxObject>| w.kustomization.inventory.clear();
    assert_eq!(to_ask(&foreign, false), (true, Word::Waiting));
}

/// A Kustomization that takes from a `ConfigMap` what it substitutes may have built with what was there before.
#[test]
fn a_kustomization_that_substitutes_from_git_is_asked_to_look_and_waited_for() {
    let settings = ObjectRef::new("ConfigMap", "gitops", "cluster-settings");
    let judged = |change: &dyn Fn(&mut FluxObject, &mut FluxObject), asked: Option<AskedOf>| {
        let mut apps = FluxObject {
            name: "apps".to_owned(),
            values_from: vec![settings.clone()],
            inventory: Vec::new(),
            ..kustomization()
        };
        let mut gitops = World::good().gitops();
        gitops.flux[1].inventory.push(settings.clone());
        change(&mut gitops.flux[1], &mut apps);
        let object = apps.object();
        gitops.flux.push(apps);
        let moment = asking([asked.map(|asked| (object.clone(), asked))]);
        let to_ask = flux_to_ask(&gitops, &watched(), &sha('c'), &descends, &moment);
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment);
        (to_ask == [(object, Question::Look)], judged)
    };
    let (asks, Rollout::Waiting { on, .. }) = judged(&|_, _| {}, None) else { panic!("it may hold the old") };
    assert!(asks);
    insta::assert_snapshot!(format!("{}: {}", on[0].0, on[0].1), @"Kustomization gitops/apps: it takes values from ConfigMap gitops/cluster-settings: it has not been asked to look since that is applied");
    let at = super::samples::at;
    let taken = || Some(AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() });
    let behind = |one: &mut FluxObject| one.applied = Some(revision('b'));
    assert!(!judged(&|settings, _| behind(settings), None).0, "what it takes is not applied yet");
    assert!(judged(&|_, apps| behind(apps), None).0, "it takes the commit with what it finds then");
    assert_eq!(word(&judged(&|_, _| {}, taken()).1), Word::Waiting);
    let handled = |_: &mut FluxObject, apps: &mut FluxObject| apps.handled = Some("1800000051".to_owned());
    assert_eq!(word(&judged(&handled, taken()).1), Word::Done);
    let refused = Some(Refusal { why: "403".to_owned(), forbidden: true });
    let refused = Some(AskedOf { tried_at: Some(at(50)), refused, ..AskedOf::default() });
    let Rollout::Waiting { on, .. } = judged(&|_, _| {}, refused).1 else { panic!("it was not asked") };
    assert!(on[0].1.contains("`patch` on kustomizations"), "{}", on[0].1);
    // What it applies itself it finds as it was before.
    let itself = |settings: &mut FluxObject, apps: &mut FluxObject| {
        apps.inventory.extend(settings.inventory.pop());
    };
    assert!(judged(&itself, None).0);
    let behind_itself = |settings: &mut FluxObject, apps: &mut FluxObject| {
        itself(settings, apps);
        behind(apps);
    };
    assert!(!judged(&behind_itself, None).0);
}

/// What takes values may make some that another takes: these are the old ones until it has looked.
#[test]
fn who_takes_values_from_one_that_takes_some_itself_is_asked_after_it() {
    let settings = ObjectRef::new("ConfigMap", "gitops", "cluster-settings");
    let values = ObjectRef::new("ConfigMap", "gitops", "grafana-values");
    let at = super::samples::at;
    let asked = |object: &FluxObject, second: i64| {
        Some((
            object.object(),
            AskedOf { at: Some(at(second)), tried_at: Some(at(second)), ..AskedOf::default() },
        ))
    };
    let make = |apps_handled: Option<&str>, release_handled: Option<&str>| {
        let mut world = World::good();
        // The Kustomization of this world substitutes, and makes a release and its values.
        world.kustomization.values_from = vec![settings.clone()];
        world.kustomization.inventory.push(values.clone());
        world.kustomization.handled = apps_handled.map(str::to_owned);
        world.release.values_from = vec![values.clone()];
        world.release.handled = release_handled.map(str::to_owned);
        let first =
            FluxObject { name: "settings".to_owned(), inventory: vec![settings.clone()], ..kustomization() };
        let mut gitops = world.gitops();
        gitops.flux.push(first);
        (gitops, world)
    };
    let look = |gitops: &GitOps, moment: &Moment| {
        let to_ask = flux_to_ask(gitops, &watched(), &sha('c'), &descends, moment);
        let judged = judge(gitops, &watched(), &sha('c'), &descends, &[], moment);
        (to_ask.into_iter().map(|(object, _)| object).collect::<Vec<_>>(), word(&judged))
    };
    let (gitops, world) = make(None, None);
    let (apps, release) = (world.kustomization.object(), world.release.object());
    assert_eq!(look(&gitops, &asking([])), (vec![apps], Word::Waiting), "the release's values are old");
    let first = asked(&world.kustomization, 50);
    assert_eq!(look(&gitops, &asking([first.clone()])), (vec![], Word::Waiting));
    let (gitops, _) = make(Some("1800000051"), None);
    assert_eq!(look(&gitops, &asking([first.clone()])), (vec![release], Word::Waiting));
    let both = asking([first, asked(&world.release, 60)]);
    assert_eq!(look(&gitops, &both), (vec![], Word::Waiting));
    let (gitops, _) = make(Some("1800000051"), Some("1800000061"));
    assert_eq!(look(&gitops, &both), (vec![], Word::Done));
}

/// A person's `flux reconcile`, by a clock that is behind, may take the place of ours: then nothing ever tells that it has looked.
#[test]
fn who_was_asked_by_an_older_clock_meanwhile_is_asked_again() {
    let at = super::samples::at;
    let to_ask = |requested: Option<&str>, handled: Option<&str>, now: i64| {
        let (mut world, _) = with_values("ready");
        world.release.requested = requested.map(str::to_owned);
        world.release.handled = handled.map(str::to_owned);
        let asked = AskedOf { at: Some(at(50)), tried_at: Some(at(50)), ..AskedOf::default() };
        let moment = Moment { now: at(now), ..asking([Some((world.release.object(), asked))]) };
        !flux_to_ask(&world.gitops(), &watched(), &sha('c'), &descends, &moment).is_empty()
    };
    let (ours, older) = (Some("2027-01-15T08:00:50Z"), Some("2027-01-15T08:00:40Z"));
    assert!(!to_ask(ours, None, 1_000), "it is only slow");
    assert!(!to_ask(ours, older, 1_000));
    assert!(to_ask(older, older, 110));
    assert!(to_ask(None, None, 110), "somebody took it away");
    assert!(!to_ask(older, older, 109), "what was read may be older than what was written");
    assert!(!to_ask(older, ours, 1_000), "it has looked before that");
}

/// A source that has fetched something new changes nothing of what is made from it.
#[test]
fn what_is_made_is_waited_for_until_it_has_taken_what_its_source_offers() {
    type Spoil = fn(&mut World);
    let tools = || FluxObject {
        name: "tools".to_owned(),
        git: Some(GitSource { url: "https://git.example.org/ops/tools".to_owned(), branch: None }),
        artifact: Some("v2.0.0@sha1:1111".to_owned()),
        ..flux(47)
    };
    let of_tools = |applied: &str| FluxObject {
        name: "of-tools".to_owned(),
        sources: vec![tools().object()],
        applied: Some(applied.to_owned()),
        inventory: Vec::new(),
        ..kustomization()
    };
    for (applied, expected) in [("v2.0.0@sha1:1111", Word::Done), ("v1.0.0@sha1:0000", Word::Waiting)] {
        let mut gitops = World::good().gitops();
        let made = of_tools(applied);
        gitops.flux[1].inventory.push(made.object());
        gitops.flux.extend([tools(), made]);
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment());
        assert_eq!(word(&judged), expected, "{applied}: {judged:?}");
    }
    // A release whose chart lies in another repository, by a tag.
    let cases: [(&str, Spoil, Word); 8] = [
        ("as it should be", |_| {}, Word::Done),
        (
            "the chart is of the tag before",
            |w| w.chart.observed_source = Some("v1@sha1:0".to_owned()),
            Word::Waiting,
        ),
        ("it was made anew", |w| w.chart.artifact = Some("9.3.0".to_owned()), Word::Waiting),
        (
            "it is named by the release, and made anew",
            |w| {
                w.release.sources = vec![w.chart.object()];
                w.chart.sources = vec![ObjectRef::new("HelmRepository", "gitops", "charts")];
                w.chart.artifact = Some("9.3.0".to_owned());
            },
            Word::Waiting,
        ),
        (
            "of a repository of charts whose index it has not looked at",
            |w| {
                w.release.sources = vec![ObjectRef::new("HelmRepository", "gitops", "index")];
                w.chart.sources.clone_from(&w.release.sources);
                w.chart.observed_source = Some("sha256:0".to_owned());
            },
            Word::Waiting,
        ),
        (
            "of one that it has looked at",
            |w| {
                w.release.sources = vec![ObjectRef::new("HelmRepository", "gitops", "index")];
                w.chart.sources.clone_from(&w.release.sources);
                w.chart.observed_source = Some("sha256:1".to_owned());
            },
            Word::Done,
        ),
        (
            "of a registry, which has no index",
            |w| {
                w.release.sources = vec![ObjectRef::new("HelmRepository", "gitops", "registry")];
                w.chart.sources.clone_from(&w.release.sources);
                w.chart.observed_source = None;
            },
            Word::Done,
        ),
        (
            "the chart was made anew of it",
            |w| {
                w.release.sources = vec![ObjectRef::new("HelmRepository", "gitops", "registry")];
                w.chart.sources.clone_from(&w.release.sources);
                w.chart.artifact = Some("9.3.0".to_owned());
            },
            Word::Waiting,
        ),
    ];
    let index = |name: &str, artifact: Option<&str>| FluxObject {
        kind: FluxKind::HelmRepository,
        name: name.to_owned(),
        git: None,
        artifact: artifact.map(str::to_owned),
        ..flux(47)
    };
    for (name, spoil, expected) in cases {
        let mut world = World::good();
        world.chart = FluxObject {
            kind: FluxKind::HelmChart,
            name: "apps-grafana".to_owned(),
            sources: vec![tools().object()],
            artifact: Some("9.2.1".to_owned()),
            observed_source: tools().artifact,
            git: None,
            ..flux(47)
        };
        world.release.sources = vec![tools().object()];
        world.release.helm_chart = Some(world.chart.object());
        world.release.attempted = Some("9.2.1".to_owned());
        spoil(&mut world);
        let mut gitops = world.gitops();
        gitops.flux.extend([tools(), index("index", Some("sha256:1")), index("registry", None)]);
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment());
        assert_eq!(word(&judged), expected, "{name}: {judged:?}");
    }
}

#[test]
fn a_chart_of_a_registry_is_known_by_its_digest_where_that_is_told() {
    let digest = "sha256:0123456789abcdef";
    for (artifact, attempted, tried, expected) in [
        (&*format!("9.2.1@{digest}"), "9.2.1+0123456789ab", Some(digest), Word::Done),
        (&*format!("9.2.1@{digest}"), "9.2.1+0123456789ab", None, Word::Done),
        (&*format!("9.2.1@{digest}"), "9.2.1+ba9876543210", None, Word::Waiting),
        (&*format!("9.2.1@{digest}"), "9.2.1+ba9876543210", Some("sha256:ba9876543210"), Word::Waiting),
        // Pinned by its digest alone.
        (digest, "9.2.1+0123456789ab", None, Word::Done),
        (digest, "9.2.1+0123456789ab", Some(digest), Word::Done),
        (digest, "9.2.1+ba9876543210", None, Word::Waiting),
        // Before Flux wrote the digest.
        (&*format!("9.2.1@{digest}"), "9.2.1", None, Word::Done),
        (&*format!("9.2.1@{digest}"), "9.2.0", None, Word::Waiting),
        (&*format!("9.2.1_build5@{digest}"), "9.2.1+build5", None, Word::Done),
        (&*format!("9.2.1_build6@{digest}"), "9.2.1+build5", None, Word::Waiting),
    ] {
        let mut world = World::good();
        world.chart.artifact = Some(artifact.to_owned());
        world.release.attempted = Some(attempted.to_owned());
        world.release.attempted_digest = tried.map(str::to_owned);
        assert_eq!(word(&world.judge()), expected, "{artifact} {attempted} {tried:?}");
    }
}

#[test]
fn a_release_of_others_whose_chart_is_of_the_repository_is_a_watcher() {
    let judged = |change: &dyn Fn(&mut FluxObject, &mut FluxObject), alone: bool| {
        let world = World::good();
        let mut chart = FluxObject {
            kind: FluxKind::HelmChart,
            name: "theirs-shop".to_owned(),
            sources: vec![world.source.object()],
            artifact: Some("1.0.0".to_owned()),
            observed_source: Some(revision('c')),
            git: None,
            ..flux(47)
        };
        let mut release = FluxObject {
            name: "shop".to_owned(),
            sources: vec![world.source.object()],
            helm_chart: Some(chart.object()),
            attempted: Some("1.0.0".to_owned()),
            ..release()
        };
        change(&mut chart, &mut release);
        let mut gitops = world.gitops();
        if alone {
            gitops.flux.truncate(1);
        }
        gitops.flux.extend([chart, release]);
        word(&judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment()))
    };
    let behind = |chart: &mut FluxObject, _: &mut FluxObject| chart.observed_source = Some(revision('b'));
    for alone in [true, false] {
        assert_eq!(judged(&|_, _| {}, alone), Word::Done, "alone: {alone}");
        assert_eq!(judged(&behind, alone), Word::Waiting, "alone: {alone}");
    }
    let off = |chart: &mut FluxObject, release: &mut FluxObject| {
        behind(chart, release);
        release.suspended = true;
    };
    assert_eq!(judged(&off, false), Word::Done, "it is theirs to switch off");
    assert_eq!(judged(&off, true), Word::Unknown, "and then nobody watches");
}

#[test]
fn who_may_be_a_watcher_keeps_it_unknown_until_a_person_says() {
    let mut mirror = source();
    mirror.name = "mirror".to_owned();
    mirror.git = Some(GitSource {
        url: "https://mirror.example.com/ops/homelab.git".to_owned(),
        branch: Some("main".to_owned()),
    });
    let mut gitops = World::good().gitops();
    gitops.flux.push(mirror);
    let of = |watched: &Watched| judge(&gitops, watched, &sha('c'), &descends, &[], &moment());
    let Rollout::Unknown { why } = of(&watched()) else { panic!("the mirror may be it") };
    insta::assert_snapshot!(why, @"pull_urls or other_urls must say whether https://mirror.example.com/ops/homelab.git is this repository: GitRepository gitops/mirror follows it");
    let said = "https://mirror.example.com/ops/homelab".to_owned();
    let foreign = Watched::new(vec![OWN.to_owned()], vec![said.clone()], "main");
    assert_eq!(word(&of(&foreign)), Word::Done);
    let own = Watched::new(vec![OWN.to_owned(), said], Vec::new(), "main");
    assert_eq!(word(&of(&own)), Word::Done, "it has fetched the commit as well, and nothing is made of it");
}

#[test]
fn what_could_not_be_read_is_unknown_whoever_else_has_arrived() {
    let gitops = GitOps { unread: Some("403".to_owned()), ..World::good().gitops() };
    let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment());
    assert_eq!(judged, Rollout::Unknown { why: "403".to_owned() });
}

#[test]
fn retries_are_no_progress_and_revisions_are() {
    let progress = |change: fn(&mut World)| {
        let mut world = World::good();
        world.kustomization.applied = Some(revision('b'));
        change(&mut world);
        match world.judge() {
            Rollout::Waiting { progress, .. } => progress,
            other => panic!("{other:?}"),
        }
    };
    let stands = progress(|_| {});
    assert_eq!(stands, progress(|w| set(&mut w.kustomization, "Ready", ConditionStatus::False)));
    assert_eq!(stands, progress(|w| set(&mut w.kustomization, "Reconciling", ConditionStatus::True)));
    assert_ne!(stands, progress(|w| w.kustomization.attempted = Some(revision('b'))));
    assert_ne!(stands, progress(|w| w.source.artifact = Some(revision('b'))));
    assert_ne!(stands, progress(|w| w.release.attempted = None));
}

#[test]
fn touched_goes_by_the_folder_and_brings_what_was_made() {
    let mut world = World::good();
    world.kustomization.path = "./apps/web".to_owned();
    world.release.inventory = vec![ObjectRef::new("Deployment", "apps", "grafana")];
    let touched = |file: &str| watched().touched(&world.gitops(), &[file.to_owned()]);
    assert_eq!(touched("apps/web2/a.yaml"), []);
    assert_eq!(touched("clusters/a.yaml"), []);
    let found = touched("apps/web/a.yaml");
    let [Owner { object, owns, charts, .. }] = &found[..] else { panic!("{found:?}") };
    assert_eq!(*object, world.kustomization.object());
    for own in [ObjectRef::new("Deployment", "apps", "web"), ObjectRef::new("Deployment", "apps", "grafana")]
    {
        assert!(owns.contains(&own), "{own}");
    }
    assert_eq!(charts[0].name, "grafana");
    assert_eq!(charts[0].repository, world.chart.address.clone().expect("recorded"));
    for (address, repository) in [
        ("oci://ghcr.io/example/charts/grafana", "oci://ghcr.io/example/charts"),
        ("https://charts.example.org", "https://charts.example.org"),
    ] {
        world.chart.address = Some(address.to_owned());
        let owner = &watched().touched(&world.gitops(), &["apps/web/a.yaml".to_owned()])[0];
        assert_eq!(owner.charts[0].repository, repository);
    }
    assert_eq!(watched().revisions(&world.gitops()), [sha('c')].into());
}

/// An artifact of a registry that says what it was made from, and the Kustomization that applies it.
fn of_artifact(url: &str, made_from: &str, applied: &str) -> [FluxObject; 2] {
    let artifact = FluxObject {
        kind: FluxKind::OciRepository,
        name: "manifests".to_owned(),
        git: None,
        artifact: Some("latest@sha256:0123456789abcdef".to_owned()),
        origin: Some(Origin { url: url.to_owned(), revision: made_from.to_owned() }),
        ..flux(47)
    };
    let kustomization = FluxObject {
        name: "of-manifests".to_owned(),
        applied: artifact.artifact.clone(),
        applied_origin: Some(applied.to_owned()),
        sources: vec![artifact.object()],
        ..flux(27)
    };
    [artifact, kustomization]
}

#[test]
fn an_artifact_of_a_registry_has_arrived_with_the_commit_that_it_was_made_from() {
    let [new, old, unknown] = ['c', 'b', 'e'].map(revision);
    let other = "https://git.example.org/ops/other.git";
    for (url, made_from, applied, expected) in [
        (OWN, &new, &new, Word::Done),
        (OWN, &old, &old, Word::Waiting),
        (OWN, &new, &old, Word::Waiting),
        (OWN, &unknown, &new, Word::Unknown),
        (OWN, &new.replace("main@", "next@"), &old, Word::Done),
        (other, &old, &old, Word::Done),
        ("https://mirror.example.com/ops/homelab", &new, &new, Word::Unknown),
    ] {
        let mut gitops = World::good().gitops();
        gitops.flux.extend(of_artifact(url, made_from, applied));
        let judged = judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment());
        assert_eq!(word(&judged), expected, "{url} {made_from} {applied}: {judged:?}");
    }
    // A chart that says that it comes from elsewhere of the same name follows nothing.
    let mut gitops = World::good().gitops();
    gitops.flux.push(of_artifact("https://mirror.example.com/ops/homelab", &new, &new)[0].clone());
    assert_eq!(word(&judge(&gitops, &watched(), &sha('c'), &descends, &[], &moment())), Word::Done);
}
