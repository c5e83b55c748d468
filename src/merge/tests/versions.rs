use super::samples::{application, sha, update};
use crate::forge::renovate::UpdateKind;
use crate::merge::versions::mismatches;

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
        let found = mismatches(&[update(package, "0", to, UpdateKind::Patch)], &[&app]);
        assert_eq!(found.is_empty(), fits, "{images:?} {package} {to}");
    }
}
