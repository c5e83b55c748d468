use super::samples::{application, sha, source, update, workload};
use crate::cluster::{ApplicationSource, Definition, HeldBack, ObjectRef, Owner, RunningChart, Workload};
use crate::forge::renovate::{Update, UpdateKind};
use crate::merge::versions::{held_back, left_behind, mismatches, outdated};

#[test]
fn what_runs_is_compared_where_the_package_is_an_image() {
    let digest = "a".repeat(64);
    for (images, package, to, fits) in [
        (vec!["ghcr.io/example/web:1.0.1".to_owned()], "ghcr.io/example/web", "1.0.1", true),
        (vec!["ghcr.io/example/web:1.0.0".to_owned()], "ghcr.io/example/web", "1.0.1", false),
        (vec![format!("ghcr.io/example/web:1.0.1@sha256:{digest}")], "ghcr.io/example/web", "1.0.1", true),
        (vec![format!("ghcr.io/example/web:1@sha256:{digest}")], "ghcr.io/example/web", "aaaaaaa", true),
        (vec![format!("ghcr.io/example/web:1@sha256:{digest}")], "ghcr.io/example/web", "bbbbbbb", false),
        (vec!["docker.io/library/redis:7".to_owned()], "redis", "7", true),
        (vec!["redis:7".to_owned()], "docker.io/library/redis", "8", false),
        (vec!["registry.example.org:5000/web:2".to_owned()], "registry.example.org:5000/web", "2", true),
        (vec!["registry.example.org:5000/web".to_owned()], "registry.example.org:5000/web", "2", false),
        // A chart is no image.
        (vec!["ghcr.io/example/web:1.0.0".to_owned()], "web", "9.9.9", true),
        // Old and new pods side by side.
        (vec!["x/web:1".to_owned(), "x/web:2".to_owned()], "x/web", "2", true),
        (Vec::new(), "x/web", "2", true),
    ] {
        let mut app = application("web", &sha('c'));
        app.images.clone_from(&images);
        let found = mismatches(&[update(package, "0", to, UpdateKind::Patch)], &[Owner::from(&app)]);
        assert_eq!(found.is_empty(), fits, "{images:?} {package} {to}");
    }
}

#[test]
fn what_others_run_says_something_only_of_the_version_that_was_replaced() {
    let running = |name: &str, images: &[&str]| {
        let mut app = application(name, &sha('c'));
        app.images = images.iter().map(|&image| image.to_owned()).collect();
        Owner::from(&app)
    };
    for (affected, others, says) in [
        (vec![], vec![vec!["x/web:1"]], true),
        (vec![], vec![vec!["x/web:1"], vec!["x/other:1"]], true),
        // It runs somewhere, or nowhere; or another copy is of another version.
        (vec![], vec![vec!["x/web:1"], vec!["x/web:2"]], false),
        (vec![], vec![vec!["x/web:2"]], false),
        (vec![], vec![vec!["x/other:1"]], false),
        (vec![], vec![vec!["x/web:0"]], false),
        // Where the change lies in a folder that takes it, it is that which counts.
        (vec!["x/web:2"], vec![vec!["x/web:1"]], false),
        (vec!["x/web:1"], vec![vec!["x/web:1"]], false),
        (vec!["x/other:2"], vec![vec!["x/web:1"]], true),
    ] {
        let others: Vec<Owner> = others.iter().map(|images| running("other", images)).collect();
        let touched = [running("touched", &affected)];
        let touched = if affected.is_empty() { &touched[..0] } else { &touched[..] };
        let mut update = update("x/web", "1", "2", UpdateKind::Minor);
        assert_eq!(
            !left_behind(&[update.clone()], touched, &others).is_empty(),
            says,
            "{affected:?} {others:?}"
        );
        update.from = None;
        assert_eq!(left_behind(&[update], touched, &others), []);
    }
}

#[test]
fn pods_that_stay_as_they_were_are_told_although_their_template_is_the_promised_one() {
    let web =
        |held_back, image: &str| Workload { held_back, images: vec![image.to_owned()], ..workload("web") };
    let owner = Owner { owns: vec![workload("web").object], ..Owner::from(&application("web", &sha('c'))) };
    let promised = [update("x/web", "1", "2", UpdateKind::Minor)];
    for (held, image, says) in [
        (
            Some(HeldBack::UntilDeleted(3)),
            "x/web:2",
            Some("3 pods of Deployment web/web, each as it was until"),
        ),
        (
            Some(HeldBack::ByPartition(1)),
            "x/web:2",
            Some("1 pod of Deployment web/web, each as it was below"),
        ),
        (None, "x/web:2", None),
        // Held back before the change: another image is another's matter.
        (Some(HeldBack::UntilDeleted(3)), "x/other:2", None),
    ] {
        let found = held_back(&promised, std::slice::from_ref(&owner), &[web(held, image)], &|_| false);
        match says {
            Some(says) => assert!(found[0].running[0].starts_with(says), "{found:?}"),
            None => assert_eq!(found, []),
        }
        assert_eq!(held_back(&promised, &[], &[web(held, image)], &|_| false), [], "another's");
    }
    // A chart whose images have versions of their own, where none was held back before.
    let vault =
        RunningChart { name: "vault".to_owned(), repository: String::new(), version: "0.28.1".to_owned() };
    let owner = Owner { charts: vec![vault], ..owner };
    let promised = [update("vault", "0.28.0", "0.28.1", UpdateKind::Patch)];
    let found = |before: &dyn Fn(&ObjectRef) -> bool| {
        let web = web(Some(HeldBack::UntilDeleted(3)), "x/vault:1.17");
        held_back(&promised, std::slice::from_ref(&owner), &[web], before).len()
    };
    assert_eq!((found(&|_| false), found(&|_| true)), (1, 0));
}

#[test]
fn what_runs_is_compared_where_the_package_is_a_chart() {
    let chart = |name: &str, repository: &str, version: &str| RunningChart {
        name: name.to_owned(),
        repository: repository.to_owned(),
        version: version.to_owned(),
    };
    let index = "https://charts.example.org";
    for (charts, images, package, to, fits) in [
        (vec![chart("grafana", index, "9.2.1")], vec![], "grafana", "9.2.1", true),
        (vec![chart("grafana", index, "9.2.0")], vec![], "grafana", "9.2.1", false),
        (vec![chart("cert-manager", index, "v1.20.0")], vec![], "cert-manager", "1.20.0", true),
        (vec![chart("grafana", index, "9.2.1+0123456789ab")], vec![], "grafana", "9.2.1", true),
        (vec![chart("grafana", index, "9.2.0+0123456789ab")], vec![], "grafana", "9.2.1", false),
        (vec![chart("grafana", index, "9.2.1+build5")], vec![], "grafana", "9.2.1_build6", false),
        (vec![chart("grafana-agent", index, "1.0.0")], vec![], "grafana", "9.2.1", true),
        // By its whole address, which another's image may resemble.
        (
            vec![chart("web", "oci://ghcr.io/example/charts", "2.0.0")],
            vec![],
            "ghcr.io/example/charts/web",
            "2.0.0",
            true,
        ),
        (
            vec![chart("web", "ghcr.io/example/charts/", "1.0.0")],
            vec![],
            "ghcr.io/example/charts/web",
            "2.0.0",
            false,
        ),
        (vec![chart("web", "ghcr.io/example/charts", "1.0.0")], vec![], "ghcr.io/example/web", "2.0.0", true),
        // A chart and an image of one name: either may be what was meant.
        (vec![chart("redis", index, "20.2.0")], vec!["redis:7"], "redis", "20.2.0", true),
        (vec![chart("redis", index, "20.1.0")], vec!["redis:8"], "redis", "8", true),
        (vec![chart("redis", index, "20.1.0")], vec!["redis:7"], "redis", "8", false),
    ] {
        let owner = Owner {
            images: images.into_iter().map(str::to_owned).collect(),
            charts,
            ..Owner::from(&application("web", &sha('c')))
        };
        let found = mismatches(&[update(package, "0", to, UpdateKind::Patch)], std::slice::from_ref(&owner));
        assert_eq!(found.is_empty(), fits, "{owner:?} {package} {to}");
    }
}

#[test]
fn an_application_runs_the_charts_that_it_compared() {
    let mut app = application("web", &sha('c'));
    let chart = ApplicationSource {
        chart: Some("grafana".to_owned()),
        repository_url: "https://charts.example.org".to_owned(),
        target_revision: "9.*".to_owned(),
        ..source("")
    };
    app.compared_sources = vec![source("apps/web"), chart];
    app.revisions = vec![sha('c').as_str().to_owned(), "9.2.1".to_owned()];
    let [running] = &Owner::from(&app).charts[..] else { panic!("one chart") };
    assert_eq!((running.name.as_str(), running.version.as_str()), ("grafana", "9.2.1"));
}

#[test]
fn definitions_of_the_version_that_was_left_are_told() {
    let definition = |name: &str, maker: &str, version: &str| Definition {
        object: ObjectRef::new("CustomResourceDefinition", "", name),
        makers: vec![maker.to_owned()],
        version: version.to_owned(),
    };
    let updates = |from: &str, to: &str| vec![update("jetstack/cert-manager", from, to, UpdateKind::Minor)];
    let old = || definition("certificates.cert-manager.io", "cert-manager", "v1.17.0");
    let mut owner = Owner::from(&application("certs", &sha('c')));
    owner.owns = vec![old().object];
    for (name, updates, definition, expected) in [
        ("left behind", updates("1.17.0", "1.18.0"), old(), 1),
        (
            "brought along",
            updates("1.17.0", "1.18.0"),
            definition("certificates.cert-manager.io", "cert-manager", "1.18.0"),
            0,
        ),
        ("a chart counts otherwise", updates("0.9.1", "0.9.2"), old(), 0),
        (
            "another maker's",
            updates("1.17.0", "1.18.0"),
            definition("certificates.cert-manager.io", "certs", "1.17.0"),
            0,
        ),
        (
            "nobody's of this change",
            updates("1.17.0", "1.18.0"),
            definition("issuers.cert-manager.io", "cert-manager", "1.17.0"),
            0,
        ),
        (
            "another package came to it",
            [updates("1.17.0", "1.18.0"), vec![update("other", "1.16.0", "v1.17.0", UpdateKind::Minor)]]
                .concat(),
            old(),
            0,
        ),
    ] {
        let found = outdated(&updates, std::slice::from_ref(&owner), std::slice::from_ref(&definition));
        assert_eq!(found.len(), expected, "{name}: {found:?}");
    }
    let found = outdated(&updates("1.17.0", "1.18.0"), &[owner], &[old()]);
    assert_eq!(found[0].running, ["certificates.cert-manager.io v1.17.0"]);
    let pin = Update { from: None, ..update("jetstack/cert-manager", "", "1.18.0", UpdateKind::Minor) };
    let other = Owner { owns: vec![old().object], ..Owner::from(&application("certs", &sha('c'))) };
    assert_eq!(outdated(&[pin], &[other], &[old()]), [], "what came from nothing left nothing behind");
}
