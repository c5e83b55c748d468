//! What keeps the next change back, as data.

use super::{NOW, ONE, Scene, at, unrelated, waiting};
use crate::health::{Obstacle, Probe, Verdict};
use crate::run::decide::{Decision, Waiting, keeps_back};
use crate::run::situation::Mode;
use crate::run::windows::Hours;
use jiff::Timestamp;

/// What it is, and since when.
fn kept(scene: &Scene) -> Vec<(Obstacle, Option<Timestamp>)> {
    let blocked = scene.situated(keeps_back).expect("a run that is not over");
    assert!(blocked.iter().all(|one| !one.why.is_empty() && !one.unblock.is_empty()), "{blocked:?}");
    blocked.iter().map(|one| (one.what, one.since)).collect()
}

#[test]
fn everything_that_keeps_it_closed_is_told_with_its_time() {
    type Case = (&'static str, fn(&mut Scene), &'static [(Obstacle, Option<i64>)]);
    let cases: [Case; 10] = [
        ("nothing", |_| (), &[]),
        (
            "a finding, since it was first seen",
            |scene| scene.trouble(Probe::Pods, Verdict::Red, NOW - 7, unrelated()),
            &[(Obstacle::Finding, Some(NOW - 7))],
        ),
        (
            "not settled",
            |scene| scene.green_since = Some(at(NOW - 9)),
            &[(Obstacle::Settling, Some(NOW - 9))],
        ),
        (
            "an incident elsewhere",
            |scene| scene.incident_elsewhere = Some("an incident"),
            &[(Obstacle::Incident, None)],
        ),
        ("a stop", |scene| scene.paused = Some("operator"), &[(Obstacle::Paused, None)]),
        ("the hour", |scene| scene.hours = Hours::Closed(at(NOW + 60)), &[(Obstacle::Window, None)]),
        ("the mode", |scene| scene.mode = Mode::Observe, &[(Obstacle::Mode, None)]),
        ("the head", |scene| scene.head_rollout = waiting(), &[(Obstacle::Rollout, None)]),
        ("another repository", |scene| scene.elsewhere = Some("one there"), &[(Obstacle::Elsewhere, None)]),
        (
            "the lock that cannot be read, and a finding",
            |scene| {
                scene.locked_out = true;
                scene.obstacles = vec!["the Lease cannot be read".to_owned()];
                scene.trouble(Probe::Nodes, Verdict::Unknown, NOW - 7, unrelated());
            },
            &[(Obstacle::Lock, None), (Obstacle::Finding, Some(NOW - 7))],
        ),
    ];
    for (name, spoil, expected) in cases {
        let mut scene = Scene::new(ONE);
        spoil(&mut scene);
        let expected: Vec<_> = expected.iter().map(|(what, since)| (*what, since.map(at))).collect();
        assert_eq!(kept(&scene), expected, "{name}");
    }
    // Before it has begun: what keeps it from that.
    let mut scene = Scene::new(ONE);
    scene.state.began_at = None;
    scene.obstacles = vec!["nobody is trusted".to_owned()];
    assert_eq!(kept(&scene), [(Obstacle::Beginning, None)]);
    // Where nothing is to come any more there is no gate.
    scene.withdrawn = true;
    assert_eq!(scene.situated(keeps_back), None);
    let mut scene = Scene::new(ONE);
    scene.merge(NOW - 100, true);
    assert_eq!(kept(&scene)[0], (Obstacle::Change, Some(at(NOW - 100))));
}

#[test]
fn the_status_says_when_a_gate_opens_that_only_has_to_hold() {
    let mut scene = Scene::new(ONE);
    scene.green_since = Some(at(NOW - 9));
    let Decision::Wait(Waiting::World(text)) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert_eq!(
        text,
        format!("the gate opens at {} if all layers stay GREEN", crate::wording::time(at(NOW + 51)))
    );
}
