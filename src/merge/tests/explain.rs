use super::samples::{diff, update};
use crate::forge::renovate::{Update, UpdateKind};
use crate::merge::Settings;
use crate::merge::explain::explain;

fn digest(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn patch(package: &str, from: &str, to: &str) -> Vec<Update> {
    vec![update(package, from, to, UpdateKind::Patch)]
}

#[test]
fn a_line_is_explained_by_an_old_and_a_new_version() {
    let (d1, d2) = (digest('1'), digest('2'));
    let images = |old: &str, new: &str| (format!("image: r/x:{old}"), format!("image: r/x:{new}"));
    let mut rows: Vec<(String, String, Vec<Update>, bool)> = vec![
        ("version: 1.2.3".into(), "version: 1.2.4".into(), patch("x", "1.2.3", "1.2.4"), true),
        ("  tag: v1.1.14".into(), "  tag: 2.0.0".into(), patch("x", "v1.1.14", "2.0.0"), true),
        ("a: 1.2.3 # 1.2.3".into(), "a: 1.2.4 # 1.2.4".into(), patch("x", "1.2.3", "1.2.4"), true),
        ("a: 1.2.3 # 1.2.3".into(), "a: 1.2.3 # 1.2.4".into(), patch("x", "1.2.3", "1.2.4"), true),
        // Something else besides.
        ("version: 1.2.3".into(), "version: 1.2.4 # hi".into(), patch("x", "1.2.3", "1.2.4"), false),
        ("version: 1.2.3".into(), "Version: 1.2.4".into(), patch("x", "1.2.3", "1.2.4"), false),
        ("version: 1.2.3".into(), "version: 1.2.5".into(), patch("x", "1.2.3", "1.2.4"), false),
        ("version: 1.2.4".into(), "version: 1.2.3".into(), patch("x", "1.2.3", "1.2.4"), false),
        // Part of a longer version.
        ("version: 11.2.3".into(), "version: 11.2.4".into(), patch("x", "1.2.3", "1.2.4"), false),
        ("version: 1.2.3-rc1".into(), "version: 1.2.4-rc1".into(), patch("x", "1.2.3", "1.2.4"), false),
        ("version: 1.2.3.9".into(), "version: 1.2.4.9".into(), patch("x", "1.2.3", "1.2.4"), false),
        // Bare numbers.
        ("replicas: 1".into(), "replicas: 2".into(), patch("r/x", "1", "2"), false),
        ("cpu: 1.5".into(), "cpu: 1.6".into(), patch("r/x", "1.5", "1.6"), false),
        ("tag: 1".into(), "tag: 2".into(), patch("r/x", "1", "2"), true),
        ("FROM r/x:1".into(), "FROM r/x:2".into(), patch("r/x", "1", "2"), true),
        // Digests alone.
        (
            format!("image: r/x@sha256:{d1}"),
            format!("image: r/x@sha256:{d2}"),
            vec![update("r/x", "1111111", "2222222", UpdateKind::Digest)],
            true,
        ),
        (
            format!("image: r/x@sha256:{d1}"),
            format!("image: r/x@sha256:{d2}"),
            vec![update("r/x", "1111111", "3333333", UpdateKind::Digest)],
            false,
        ),
        (
            "image: r/x:1".into(),
            format!("image: r/x:1@sha256:{d2}"),
            vec![update("r/x", "", "2222222", UpdateKind::Digest)],
            true,
        ),
        (
            "image: r/x:1".into(),
            format!("image: r/y:1@sha256:{d2}"),
            vec![update("r/x", "", "2222222", UpdateKind::Digest)],
            false,
        ),
        // A digest along with its version.
        (
            format!("tag: 1.2.3@sha256:{d1}"),
            format!("tag: 1.2.4@sha256:{d2}"),
            patch("x", "1.2.3", "1.2.4"),
            true,
        ),
        (format!("tag: 1.2.3@sha256:{d1}"), "tag: 1.2.4".into(), patch("x", "1.2.3", "1.2.4"), false),
        ("tag: 1.2.3".into(), format!("tag: 1.2.4@sha256:{d1}"), patch("x", "1.2.3", "1.2.4"), false),
        (
            format!("tag: 1.2.3@sha256:{d1}"),
            format!("tag: 1.2.3@sha256:{d2}"),
            patch("x", "1.2.3", "1.2.4"),
            false,
        ),
    ];
    // What is no version speaks for itself nowhere, however many dots it has.
    let hosts = |key: &str| {
        (format!("{key}: https://git.example.org/x"), format!("{key}: https://evil.example.com/x"))
    };
    let (old, new) = hosts("repoURL");
    rows.push((old, new, patch("x", "git.example.org", "evil.example.com"), false));
    rows.push(("repo: 10.0.0.1".into(), "repo: 6.6.6.6".into(), patch("repo", "10.0.0.1", "6.6.6.6"), false));
    rows.push(("tag: 17.6.1.74".into(), "tag: 17.6.1.79".into(), patch("x", "17.6.1.74", "17.6.1.79"), true));
    rows.push(("a: 17.6.1.074".into(), "a: 17.6.1.079".into(), patch("x", "17.6.1.074", "17.6.1.079"), true));
    rows.push(("policy: Always".into(), "policy: Never".into(), patch("policy", "Always", "Never"), false));
    rows.push((
        "image: debian:bookworm".into(),
        "image: debian:trixie".into(),
        patch("x", "bookworm", "trixie"),
        true,
    ));
    for (old, new, from, to, expected) in [
        (
            "image: git.example.org/x:1",
            "image: evil.example.com/x:1",
            "git.example.org",
            "evil.example.com",
            false,
        ),
        ("image: nginx:1.2", "image: evil:1.2", "nginx", "evil", false),
        ("image: nginx", "image: evil", "nginx", "evil", false),
        ("image: example/2048", "image: example/6666", "2048", "6666", false),
        ("image: 3scale/x:1", "image: 4evil/x:1", "3scale", "4evil", false),
        ("FROM 3scale/x:1", "FROM 4evil/x:1", "3scale", "4evil", false),
        ("FROM debian", "FROM evil", "debian", "evil", false),
        ("FROM debian:bookworm", "FROM debian:trixie", "bookworm", "trixie", true),
        ("image: r:5000/x:1", "image: r:6000/x:1", "5000", "6000", false),
        ("image: \"r:5000/x:1\"", "image: \"r:5000/x:2\"", "1", "2", true),
        ("newTag: \"1.5\"", "newTag: \"1.6\"", "1.5", "1.6", true),
        ("targetRevision: v1", "targetRevision: v2", "v1", "v2", true),
        (
            "url: https://r.example.org/v1.2.3/x.yaml",
            "url: https://r.example.org/v1.3.0/x.yaml",
            "v1.2.3",
            "v1.3.0",
            true,
        ),
        ("version: ^1.2.3", "version: ^2.0.0", "^1.2.3", "^2.0.0", true),
    ] {
        rows.push((old.into(), new.into(), patch("x", from, to), expected));
    }
    let (old, new) = images("1.2.3", "1.2.4");
    rows.push((old, new, patch("other", "1.2.3", "1.2.4"), true));
    // A setting called like the package is no version of it; what names the package before its version is.
    rows.push(("cpu: 1.5".into(), "cpu: 2.5".into(), patch("cpu", "1.5", "2.5"), false));
    rows.push(("- \"web:7\"".into(), "- \"web:8\"".into(), patch("r/web", "7", "8"), true));
    rows.push(("uses: x/web@v4".into(), "uses: x/web@v5".into(), patch("x/web", "v4", "v5"), true));
    for (old, new, updates, expected) in rows {
        let answer = explain(&diff("apps/x/values.yaml", &old, &new), &updates, &[]);
        assert_eq!(answer.is_ok(), expected, "{old} | {new}: {answer:?}");
    }
}

#[test]
fn the_places_of_each_update_are_known() {
    let updates = vec![
        update("a", "1.2.3", "1.2.4", UpdateKind::Patch),
        update("b", "5.0.0", "6.0.0", UpdateKind::Major),
    ];
    let text = format!(
        "{}{}{}",
        diff("a/Chart.yaml", "version: 1.2.3", "version: 1.2.4"),
        diff("b/Chart.yaml", "version: 5.0.0", "version: 6.0.0"),
        diff("b/Chart.lock", "digest: sha256:1", "digest: sha256:2"),
    );
    let explained = explain(&text, &updates, &Settings::default().lock_files).expect("explained");
    let places: Vec<_> = explained.places.iter().map(|(at, file)| (*at, file.as_str())).collect();
    assert_eq!(places, [(0, "a/Chart.yaml"), (1, "b/Chart.yaml")]);
    assert_eq!(explained.files.len(), 3);
}

#[test]
fn every_row_that_explains_a_line_has_its_place() {
    let updates = vec![
        update("a", "2.0.0", "2.1.0", UpdateKind::Minor),
        update("b", "2.0.0", "2.1.0", UpdateKind::Minor),
        update("c", "3.0.0", "3.1.0", UpdateKind::Minor),
    ];
    let text = format!(
        "{}{}",
        diff("a/Chart.yaml", "version: 2.0.0", "version: 2.1.0"),
        diff("b/Chart.yaml", "version: 2.0.0", "version: 2.1.0"),
    );
    let explained = explain(&text, &updates, &[]).expect("explained");
    let places: Vec<_> = explained.places.iter().map(|(at, file)| (*at, file.as_str())).collect();
    assert_eq!(places, [(0, "a/Chart.yaml"), (0, "b/Chart.yaml"), (1, "a/Chart.yaml"), (1, "b/Chart.yaml")]);
}

#[test]
fn what_is_not_understood_is_not_explained() {
    let good = diff("x.yaml", "version: 1.2.3", "version: 1.2.4");
    let cases: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("no diff", "hello\n".to_owned()),
        (
            "a mode",
            good.replace(
                "index cd5b04d..ab5b04d 100644",
                "old mode 100644\nnew mode 100755\nindex cd5b04d..ab5b04d",
            ),
        ),
        ("a rename", good.replace("diff --git a/x.yaml b/x.yaml", "diff --git a/x.yaml b/y.yaml")),
        (
            "a rename by its header",
            good.replace("index ", "similarity index 90%\nrename from x\nrename to y\nindex "),
        ),
        (
            "a new file",
            good.replace("index ", "new file mode 100644\nindex ").replace("--- a/x.yaml", "--- /dev/null"),
        ),
        ("a deleted file", good.replace("+++ b/x.yaml", "+++ /dev/null")),
        (
            "a binary file",
            "diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n".to_owned(),
        ),
        ("only a header", "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n".to_owned()),
        (
            "one line more",
            good.replace("+version: 1.2.4", "+version: 1.2.4\n+evil: true").replace("+1,3", "+1,4"),
        ),
        (
            "one line less",
            good.replace("-version: 1.2.3", "-version: 1.2.3\n-good: true").replace("-1,3", "-1,4"),
        ),
        ("a wrong count", good.replace("-1,3 +1,3", "-1,9 +1,9")),
        ("lines after the hunk", format!("{good}+evil: true\n")),
        ("a quoted name", good.replace("a/x.yaml b/x.yaml", "\"a/x\\303\\244\" \"b/x\\303\\244\"")),
        (
            "a lost final newline",
            good.replace(" last: line\n", "").replace("-1,3 +1,3", "-1,2 +1,2")
                + "\\ No newline at end of file\n",
        ),
        ("another file", format!("{good}{}", diff("y.yaml", "a: b", "a: c"))),
    ];
    let updates = patch("x", "1.2.3", "1.2.4");
    assert!(explain(&good, &updates, &[]).is_ok());
    for (name, text) in cases {
        assert!(explain(&text, &updates, &Settings::default().lock_files).is_err(), "{name}: {text}");
    }
}

#[test]
fn contents_that_look_like_a_header_are_contents() {
    let text = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n ---\n--- a: 1.2.3\n+-- a: 1.2.4\n ++\n";
    assert!(explain(text, &patch("x", "1.2.3", "1.2.4"), &[]).is_ok());
    // Both lines end without a newline: nothing else changed.
    let text = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-v: 1.2.3\n\\ No newline at end of file\n+v: 1.2.4\n\\ No newline at end of file\n";
    assert!(explain(text, &patch("x", "1.2.3", "1.2.4"), &[]).is_ok());
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_not_a_diff_panics_or_passes(text in "(?s).{0,200}") {
        let updates = patch("x", "1.2.3", "1.2.4");
        proptest::prop_assert!(explain(&text, &updates, &[]).is_err());
        let _ = crate::forge::renovate::updates(&text);
        let _ = crate::forge::renovate::rebase_box(&text);
        let _ = crate::merge::classify::classify_words(&text, &text, &super::samples::rules());
    }

    #[test]
    fn one_more_changed_line_is_never_explained(line in "[+-][^\n]{0,20}", before in 0usize..3) {
        let good = diff("x.yaml", "version: 1.2.3", "version: 1.2.4");
        let mut lines: Vec<&str> = good.lines().collect();
        let last = lines.len() - before;
        lines.insert(last, &line);
        let counts = if line.starts_with('+') { "@@ -1,3 +1,4 @@" } else { "@@ -1,4 +1,3 @@" };
        let text = lines.join("\n").replace("@@ -1,3 +1,3 @@", counts) + "\n";
        proptest::prop_assert!(explain(&text, &patch("x", "1.2.3", "1.2.4"), &[]).is_err(), "{}", text);
    }
}
