use super::samples::{at, body, changed, diff, pull, rules, sha, update};
use crate::forge::renovate::UpdateKind;
use crate::forge::{
    Branch, ChangedFile, CommitStatus, Label, LabelId, MergeStyle, Merged, PullRequest, State, StatusState,
};
use crate::merge::paths::{AllowedPaths, Outside};
use crate::merge::preflight::{HOLD_LABEL, Preflight, PullFacts, ReadyPull, Refusal, WaitFor, preflight};
use crate::merge::protection::WayIn;
use crate::merge::{Category, Hold, RenovateSettings, Settings};
use std::collections::BTreeSet;

/// Everything that pre-flight asks, as it is for a good pull request.
struct World {
    pull: PullRequest,
    files: Vec<ChangedFile>,
    diff: String,
    statuses: Vec<CommitStatus>,
    branch: Branch,
    approvals: u64,
    style: MergeStyle,
    allowed: BTreeSet<MergeStyle>,
    behind: bool,
    holds: Vec<Hold>,
    paths: AllowedPaths,
}

impl World {
    fn good() -> Self {
        Self {
            pull: pull(),
            files: vec![changed("monitoring/grafana/Chart.yaml")],
            diff: diff("monitoring/grafana/Chart.yaml", "    version: 10.0.0", "    version: 10.1.0"),
            statuses: vec![status("ci/test", StatusState::Success)],
            branch: Branch {
                head: sha('b'),
                protected: true,
                required_statuses: vec!["ci/*".to_owned()],
                required_approvals: 0,
                can_push: true,
                can_merge: true,
            },
            approvals: 0,
            style: MergeStyle::Merge,
            allowed: BTreeSet::from([MergeStyle::Merge, MergeStyle::Squash]),
            behind: false,
            holds: Vec::new(),
            paths: AllowedPaths::default(),
        }
    }

    fn judge(&self) -> Preflight {
        let facts = PullFacts {
            pull: &self.pull,
            default_branch: "main",
            files: &self.files,
            diff: &self.diff,
            way: WayIn {
                name: "main",
                branch: &self.branch,
                statuses: &self.statuses,
                approvals: self.approvals,
                style: self.style,
                allowed: &self.allowed,
                behind: self.behind,
            },
            holds: &self.holds,
            paths: &self.paths,
        };
        preflight(&facts, &Settings::default(), &RenovateSettings::default(), &rules())
    }

    fn ready(&self) -> ReadyPull {
        match self.judge() {
            Preflight::Ready(ready) => *ready,
            other => panic!("not ready: {other:?}"),
        }
    }
}

fn status(context: &str, state: StatusState) -> CommitStatus {
    CommitStatus { context: context.to_owned(), state, description: String::new() }
}

fn hold(package: &str, file: &str, version: &str) -> Hold {
    Hold { package: package.to_owned(), file: file.to_owned(), version: version.to_owned() }
}

#[test]
fn a_good_one_is_ready_and_tells_its_holds() {
    let ready = World::good().ready();
    assert_eq!(ready.classification.category, Category::Monitoring);
    assert_eq!(ready.approval, None);
    assert_eq!(ready.holds(), vec![hold("grafana", "monitoring/grafana/Chart.yaml", "10.1.0")]);
}

#[test]
fn each_spoiled_fact_refuses_with_its_reason() {
    type Spoil = fn(&mut World);
    type Expected = fn(&Refusal) -> bool;
    let cases: Vec<(&str, Spoil, Expected)> = vec![
        (
            "merged",
            |w| w.pull.merged = Some(Merged { commit: sha('c'), at: at(0), by: None }),
            |r| *r == Refusal::Merged,
        ),
        (
            "a file that is not listed",
            |w| w.paths = vec!["apps/*".to_owned()].into(),
            |r| matches!(r, Refusal::Outside(file, Outside::Unlisted) if file.starts_with("monitoring/")),
        ),
        (
            "a file that was not listed before it moved",
            |w| {
                w.paths = vec!["monitoring/*".to_owned()].into();
                w.files[0].previous_path = Some("old/Chart.yaml".to_owned());
            },
            |r| matches!(r, Refusal::Outside(file, Outside::Unlisted) if file.starts_with("old/")),
        ),
        (
            "what CI runs, though the table explains it",
            |w| {
                w.files = vec![changed(".gitea/workflows/ci.yaml")];
                w.diff = diff(".gitea/workflows/ci.yaml", "    version: 10.0.0", "    version: 10.1.0");
            },
            |r| matches!(r, Refusal::Outside(_, Outside::Ci)),
        ),
        ("closed", |w| w.pull.state = State::Closed, |r| *r == Refusal::Closed),
        (
            "another base",
            |w| w.pull.base.branch = "release".to_owned(),
            |r| matches!(r, Refusal::OtherBase(_)),
        ),
        (
            "a fork",
            |w| w.pull.head.repository = "x/homelab".parse().ok(),
            |r| matches!(r, Refusal::NotRenovates(_)),
        ),
        ("a lost fork", |w| w.pull.head.repository = None, |r| matches!(r, Refusal::NotRenovates(_))),
        (
            "another author",
            |w| w.pull.author.login = "guest".to_owned(),
            |r| matches!(r, Refusal::NotRenovates(_)),
        ),
        (
            "another branch",
            |w| w.pull.head.branch = "feature/x".to_owned(),
            |r| matches!(r, Refusal::NotRenovates(_)),
        ),
        (
            "no marker",
            |w| w.pull.body = w.pull.body.replace("renovate-debug", "x"),
            |r| matches!(r, Refusal::NotRenovates(_)),
        ),
        (
            "no table",
            |w| w.pull.body = "<!--renovate-debug:e30=-->".to_owned(),
            |r| matches!(r, Refusal::NotRenovates(_)),
        ),
        (
            "a table of images instead of versions",
            |w| {
                w.pull.body =
                    body(&["| nginx | patch | `docker.io/x/nginx:1.2.3` → `evil.example/y:6.6.6` |"]);
                w.diff = diff(
                    "monitoring/grafana/Chart.yaml",
                    "    image: docker.io/x/nginx:1.2.3",
                    "    image: evil.example/y:6.6.6",
                );
            },
            |r| matches!(r, Refusal::NotRenovates(_)) && r.to_string().contains("looks like none"),
        ),
        ("a draft", |w| w.pull.draft = true, |r| *r == Refusal::Draft),
        (
            "the label",
            |w| w.pull.labels.push(Label { id: LabelId(1), name: HOLD_LABEL.to_owned() }),
            |r| *r == Refusal::HoldLabel,
        ),
        (
            "a hold",
            |w| w.holds.push(hold("grafana", "monitoring/grafana/Chart.yaml", "10.1.0")),
            |r| matches!(r, Refusal::Held(_)),
        ),
        (
            "a failed status that nobody requires",
            |w| w.statuses.push(status("other", StatusState::Failure)),
            |r| matches!(r, Refusal::FailedStatuses(_)),
        ),
        (
            "a failed status that is required",
            |w| w.statuses = vec![status("ci/test", StatusState::Failure)],
            |r| matches!(r, Refusal::FailedStatuses(_)),
        ),
        (
            "a way of merging that is not allowed",
            |w| w.style = MergeStyle::Rebase,
            |r| *r == Refusal::StyleNotAllowed(MergeStyle::Rebase),
        ),
        (
            "a protection that keeps us out",
            |w| w.branch.can_merge = false,
            |r| matches!(r, Refusal::MayNotMerge(branch) if branch == "main"),
        ),
        (
            "too few reviews",
            |w| (w.branch.required_approvals, w.approvals) = (2, 1),
            |r| matches!(r, Refusal::Approvals { given: 1, required: 2, .. }),
        ),
        (
            "another line",
            |w| w.diff = w.diff.replace("10.1.0", "10.1.1"),
            |r| matches!(r, Refusal::Unexplained(_)),
        ),
        ("a file that the diff lacks", |w| w.files.push(changed("x")), |r| *r == Refusal::FilesDiffer),
        ("a file that the list lacks", |w| w.files.clear(), |r| *r == Refusal::FilesDiffer),
        (
            "a foundation",
            |w| w.pull.body = body(&["| argo-cd | minor | `10.0.0` → `10.1.0` |"]),
            |r| matches!(r, Refusal::Foundation(_)),
        ),
    ];
    for (name, spoil, expected) in cases {
        let mut world = World::good();
        spoil(&mut world);
        match world.judge() {
            Preflight::Refuse(refusal) => {
                assert!(expected(&refusal), "{name}: {refusal:?}");
                assert!(!refusal.to_string().is_empty());
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn what_resolves_by_itself_is_a_wait() {
    let mut world = World::good();
    world.pull.mergeable = false;
    assert_eq!(world.judge(), Preflight::Wait(WaitFor::Mergeable));

    let mut world = World::good();
    world.statuses.push(status("other", StatusState::Pending));
    assert_eq!(world.judge(), Preflight::Wait(WaitFor::Statuses(vec!["other".to_owned()])));

    let mut world = World::good();
    world.statuses.clear();
    assert_eq!(world.judge(), Preflight::Wait(WaitFor::Statuses(vec!["ci/*".to_owned()])));

    let mut world = World::good();
    world.behind = true;
    assert_eq!(world.judge(), Preflight::Wait(WaitFor::Behind));
}

#[test]
fn what_is_not_asked_for_does_not_block() {
    type Change = fn(&mut World);
    let table: [(&str, Change); 4] = [
        ("no status where none is required", |w| {
            w.branch.required_statuses.clear();
            w.statuses.clear();
        }),
        ("enough reviews", |w| (w.branch.required_approvals, w.approvals) = (1, 1)),
        ("another way that is allowed", |w| w.style = MergeStyle::Squash),
        ("a branch that takes no push", |w| w.branch.can_push = false),
    ];
    for (what, change) in table {
        let mut world = World::good();
        change(&mut world);
        assert!(matches!(world.judge(), Preflight::Ready(_)), "{what}: {:?}", world.judge());
    }
}

#[test]
fn a_hold_of_one_pull_request_is_found_again_in_a_grouped_one() {
    let mut world = World::good();
    let held = world.ready().holds();
    world.pull.body = body(&[
        "| [loki](https://loki.example) | patch | `6.0.0` → `6.0.1` |",
        "| [Grafana](https://grafana.example) ([source](https://x.example)) | minor | `10.0.0` → `v10.1.0` |",
    ]);
    world.diff = format!(
        "{}{}",
        diff("monitoring/grafana/Chart.yaml", "    version: 10.0.0", "    version: v10.1.0"),
        diff("monitoring/loki/Chart.yaml", "    version: 6.0.0", "    version: 6.0.1")
    );
    world.files = vec![changed("monitoring/grafana/Chart.yaml"), changed("monitoring/loki/Chart.yaml")];
    assert!(matches!(world.judge(), Preflight::Ready(_)), "{:?}", world.judge());
    world.holds = held;
    assert!(matches!(world.judge(), Preflight::Refuse(Refusal::Held(_))), "{:?}", world.judge());
    // And the other way round: what a grouped one left under hold keeps a single one out.
    world.holds.clear();
    let held = world.ready().holds();
    assert_eq!(held.len(), 2);
    let mut single = World::good();
    single.holds = held;
    assert!(matches!(single.judge(), Preflight::Refuse(Refusal::Held(_))));
}

#[test]
fn a_hold_is_for_one_version_in_one_file() {
    for (held, expected) in [
        (hold("grafana", "monitoring/grafana/Chart.yaml", "10.0.9"), false),
        (hold("grafana", "elsewhere/Chart.yaml", "10.1.0"), false),
        (hold("loki", "monitoring/grafana/Chart.yaml", "10.1.0"), false),
        (hold("grafana", "", "10.1.0"), true),
        (hold("grafana", "monitoring/grafana/Chart.yaml", "10.1.0"), true),
    ] {
        let mut world = World::good();
        world.holds.push(held.clone());
        assert_eq!(matches!(world.judge(), Preflight::Refuse(Refusal::Held(_))), expected, "{held:?}");
    }
}

#[test]
fn a_held_version_is_known_however_it_is_written() {
    let held = hold("ghcr.io/example/Web", "apps/web.yaml", "v1.2.3");
    for (package, version, expected) in [
        ("ghcr.io/example/Web", "v1.2.3", true),
        ("ghcr.io/example/web", "1.2.3", true),
        ("GHCR.IO/example/web", "V1.2.3", true),
        ("ghcr.io/example/web", "1.2.4", false),
        ("ghcr.io/example/web", "1.2.3-rc1", false),
        ("example/web", "v1.2.3", false),
    ] {
        let update = update(package, "1.0.0", version, UpdateKind::Patch);
        assert_eq!(held.is_brought_by(&update), expected, "{package} {version}");
    }
}

#[test]
fn no_row_of_a_merged_table_is_left_without_its_hold() {
    // Two packages with the same versions: nothing tells whose line is which.
    let mut world = World::good();
    world.pull.body =
        body(&["| loki | minor | `2.0.0` → `2.1.0` |", "| promtail | minor | `2.0.0` → `2.1.0` |"]);
    let line = |path: &str| diff(path, "    version: 2.0.0", "    version: 2.1.0");
    world.diff = format!("{}{}", line("monitoring/loki/Chart.yaml"), line("monitoring/promtail/Chart.yaml"));
    world.files = vec![changed("monitoring/loki/Chart.yaml"), changed("monitoring/promtail/Chart.yaml")];
    let holds = world.ready().holds();
    for name in ["loki", "promtail"] {
        let path = format!("monitoring/{name}/Chart.yaml");
        let mut single = World::good();
        single.pull.body = body(&[&format!("| {name} | minor | `2.0.0` → `2.1.0` |")]);
        single.diff = line(&path);
        single.files = vec![changed(&path)];
        assert!(matches!(single.judge(), Preflight::Ready(_)), "{name}: {:?}", single.judge());
        single.holds.clone_from(&holds);
        assert!(matches!(single.judge(), Preflight::Refuse(Refusal::Held(_))), "{name}: {holds:?}");
    }

    // Lock files alone: no line says where the version stands.
    let mut world = World::good();
    world.diff = diff("web/package-lock.json", "\"integrity\": \"a\"", "\"integrity\": \"b\"");
    world.files = vec![changed("web/package-lock.json")];
    let holds = world.ready().holds();
    assert_eq!(holds, [hold("grafana", "", "10.1.0")]);
    world.holds.clone_from(&holds);
    match world.judge() {
        Preflight::Refuse(refusal @ Refusal::Held(_)) => {
            assert!(refusal.to_string().contains("grafana 10.1.0 is held"), "{refusal}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_and_a_major_need_an_approval() {
    let mut world = World::good();
    world.pull.body = body(&["| postgres | minor | `10.0.0` → `10.1.0` |"]);
    assert!(world.ready().approval.expect("an approval").contains("backups"));

    let mut world = World::good();
    world.pull.body = body(&["| grafana | major | `10.0.0` → `11.0.0` |"]);
    world.diff = world.diff.replace("10.1.0", "11.0.0");
    assert!(world.ready().approval.expect("an approval").contains("release notes"));
}
