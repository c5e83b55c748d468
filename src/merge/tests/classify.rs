use super::samples::{judge, rules, update};
use crate::forge::renovate::UpdateKind;
use crate::merge::classify::{PullChanges, Rules, classify, classify_words};
use crate::merge::settings::CategoryRule;
use crate::merge::{Category, Risk, Settings, UpdateType};

#[test]
fn a_single_update_is_what_its_package_is() {
    use UpdateKind::{Digest, Major, Minor, Patch, Pin, Unknown};
    for (package, from, to, kind, category, risk, moved, foundation) in [
        ("kured", "5.6.1", "5.7.0", Minor, Category::Core, Risk::High, UpdateType::Minor, false),
        (
            "kube-prometheus-stack",
            "76.4.0",
            "76.5.1",
            Minor,
            Category::Monitoring,
            Risk::Medium,
            UpdateType::Minor,
            false,
        ),
        (
            "kube-prometheus-stack",
            "76.5.1",
            "77.0.0",
            Major,
            Category::Monitoring,
            Risk::High,
            UpdateType::Major,
            false,
        ),
        (
            "external-secrets",
            "1.3.1",
            "1.3.2",
            Patch,
            Category::Platform,
            Risk::Low,
            UpdateType::Patch,
            false,
        ),
        (
            "example/postgresql",
            "17.1.0",
            "17.2.0",
            Minor,
            Category::Database,
            Risk::Critical,
            UpdateType::Minor,
            false,
        ),
        (
            "example/postgres",
            "16.4.2.018",
            "16.4.2.021",
            Patch,
            Category::Database,
            Risk::Critical,
            UpdateType::Patch,
            false,
        ),
        (
            "oliver006/redis_exporter",
            "1.0.0",
            "1.0.1",
            Patch,
            Category::Monitoring,
            Risk::Medium,
            UpdateType::Patch,
            false,
        ),
        (
            "docker.io/library/redis",
            "7.0.0",
            "7.0.1",
            Patch,
            Category::Database,
            Risk::Critical,
            UpdateType::Patch,
            false,
        ),
        (
            "ghcr.io/example/web",
            "1.0.0",
            "1.0.1",
            Patch,
            Category::AppTemplate,
            Risk::Medium,
            UpdateType::Patch,
            false,
        ),
        (
            "ghcr.io/example/web",
            "abcdef1",
            "abcdef2",
            Digest,
            Category::AppTemplate,
            Risk::Medium,
            UpdateType::Patch,
            false,
        ),
        (
            "ghcr.io/example/web",
            "latest",
            "stable",
            Unknown,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Unknown,
            false,
        ),
        ("argo-cd", "8.0.0", "8.0.1", Patch, Category::Core, Risk::High, UpdateType::Patch, true),
        ("gitea", "12.0.0", "12.1.0", Minor, Category::Core, Risk::High, UpdateType::Minor, true),
        ("cilium", "1.17.0", "1.17.1", Patch, Category::Core, Risk::High, UpdateType::Patch, true),
        ("rook-ceph-cluster", "1.17.0", "1.17.1", Patch, Category::Core, Risk::High, UpdateType::Patch, true),
        // The table says digest or pin, the versions say more: a body can be edited.
        (
            "ghcr.io/example/web",
            "1.2.3",
            "2.0.0",
            Digest,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Major,
            false,
        ),
        (
            "ghcr.io/example/web",
            "^1.2.3",
            "2.0.0",
            Pin,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Major,
            false,
        ),
        ("example/web", "~1.2", "1.3.4", Pin, Category::AppTemplate, Risk::Medium, UpdateType::Minor, false),
        (
            "example/web",
            "^1.2.0",
            "1.2.4",
            Pin,
            Category::AppTemplate,
            Risk::Medium,
            UpdateType::Patch,
            false,
        ),
        (
            "example/web",
            "20250101",
            "20260101",
            Digest,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Major,
            false,
        ),
        ("example/web", "*", "1.2.4", Pin, Category::AppTemplate, Risk::High, UpdateType::Unknown, false),
        (
            "example/web",
            "latest",
            "2.0.0",
            Digest,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Unknown,
            false,
        ),
        (
            "example/web",
            "abc1234",
            "2.0.0",
            Digest,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Unknown,
            false,
        ),
        // Digests have no distance, and what had no version moves nowhere.
        (
            "example/web",
            "sha256:1234567",
            "sha256:7654321",
            Digest,
            Category::AppTemplate,
            Risk::Medium,
            UpdateType::Patch,
            false,
        ),
        (
            "example/web",
            "1234567",
            "abc1234",
            Digest,
            Category::AppTemplate,
            Risk::Medium,
            UpdateType::Patch,
            false,
        ),
        ("example/web", "", "abc1234", Digest, Category::AppTemplate, Risk::Medium, UpdateType::Patch, false),
        ("example/web", "", "1.2.3", Pin, Category::AppTemplate, Risk::Medium, UpdateType::Patch, false),
        // The table says minor, the versions say more.
        (
            "ghcr.io/example/web",
            "1.9.0",
            "2.0.0",
            Minor,
            Category::AppTemplate,
            Risk::High,
            UpdateType::Major,
            false,
        ),
    ] {
        let judged = judge(&[update(package, from, to, kind)], "update", "renovate/x", &[], &rules());
        assert_eq!(
            (judged.category, judged.risk, judged.update, judged.foundation.is_some()),
            (category, risk, moved, foundation),
            "{package} {from} to {to}"
        );
        assert_eq!(judged.worst, package);
    }
}

#[test]
fn the_worst_member_of_a_bundle_decides() {
    let harmless = || {
        vec![
            update("ghcr.io/example/web", "1.0.0", "1.0.1", UpdateKind::Patch),
            update("grafana", "10.5.14", "10.5.15", UpdateKind::Patch),
        ]
    };
    for (worse, category, risk, decided) in [
        (None, Category::NonMajor, Risk::Medium, None),
        (
            Some(update("external-secrets", "1.0.0", "1.1.0", UpdateKind::Minor)),
            Category::NonMajor,
            Risk::Medium,
            None,
        ),
        (
            Some(update("kured", "1.0.0", "1.1.0", UpdateKind::Minor)),
            Category::Core,
            Risk::High,
            Some("kured"),
        ),
        (
            Some(update("x/postgres", "17.1", "17.2", UpdateKind::Minor)),
            Category::Database,
            Risk::Critical,
            Some("x/postgres"),
        ),
        (
            Some(update("loki", "5.0.0", "6.0.0", UpdateKind::Major)),
            Category::Monitoring,
            Risk::High,
            Some("loki"),
        ),
    ] {
        let mut updates = harmless();
        updates.extend(worse);
        let judged = judge(&updates, "update all non-major", "renovate/all-minor-patch", &[], &rules());
        assert_eq!((judged.category, judged.risk), (category, risk), "{:?}", judged.worst);
        if let Some(decided) = decided {
            assert_eq!(judged.worst, decided);
        }
        assert_eq!(judged.members.len(), updates.len());
    }
}

#[test]
fn a_group_that_nobody_calls_a_bundle_is_what_its_worst_member_is() {
    let updates = [
        update("loki", "5.0.0", "5.0.1", UpdateKind::Patch),
        update("grafana", "10.5.14", "10.5.15", UpdateKind::Patch),
    ];
    let judged = judge(&updates, "update monitoring", "renovate/monitoring", &[], &rules());
    assert_eq!((judged.category, judged.risk), (Category::Monitoring, Risk::Medium));
}

#[test]
fn a_folder_may_belong_to_a_foundation() {
    let updates = [update("ghcr.io/example/web", "1.0.0", "1.0.1", UpdateKind::Patch)];
    let judged = judge(&updates, "t", "b", &["platform/gitea/values.yaml".to_owned()], &rules());
    assert!(judged.foundation.is_some());
    assert_eq!(judged.category, Category::Core);
    let judged = judge(&updates, "t", "b", &["apps/gitea-mirror/values.yaml".to_owned()], &rules());
    assert_eq!(judged.foundation, None);
}

#[test]
fn a_rule_of_the_settings_goes_before_the_built_in_ones() {
    let settings = Settings {
        categories: vec![
            CategoryRule {
                category: Category::Platform,
                packages: vec!["web".to_owned()],
                paths: Vec::new(),
            },
            CategoryRule {
                category: Category::Database,
                packages: Vec::new(),
                paths: vec!["db/*".to_owned()],
            },
        ],
        ..Settings::default()
    };
    let rules = Rules::new(&settings);
    let web = [update("ghcr.io/example/web", "1.0.0", "1.0.1", UpdateKind::Patch)];
    assert_eq!(judge(&web, "t", "b", &[], &rules).category, Category::Platform);
    let judged = judge(&web, "t", "b", &["db/x.yaml".to_owned()], &rules);
    assert_eq!((judged.category, judged.risk), (Category::Database, Risk::Critical));
    assert!(judged.approval().expect("an approval").contains("database"));
}

#[test]
fn majors_databases_and_what_nobody_knows_need_a_yes() {
    for (package, from, to, kind, needed) in [
        ("web", "1.0.0", "1.1.0", UpdateKind::Minor, false),
        ("web", "1.0.0", "2.0.0", UpdateKind::Major, true),
        ("web", "a", "b", UpdateKind::Unknown, true),
        ("web", "1.0.0", "latest", UpdateKind::Patch, true),
        ("web", "r7", "r8", UpdateKind::Patch, false),
        ("web", "1.0.0", "1.0.0", UpdateKind::LockFiles, true),
        ("postgres", "17.1", "17.2", UpdateKind::Minor, true),
        ("argo-cd", "1.0.0", "1.0.1", UpdateKind::Patch, true),
    ] {
        let judged = judge(&[update(package, from, to, kind)], "t", "b", &[], &rules());
        assert_eq!(judged.approval().is_some(), needed, "{package} {from} {to}");
    }
}

#[test]
fn the_words_of_a_task_say_what_they_say() {
    use Category::{AppTemplate, Core, Database, Monitoring, NonMajor, Platform};
    use UpdateType::{Major, Minor, Patch, Unknown};
    for (title, text, category, update) in [
        ("merge PR #24 and look at what it changed", "", None, Unknown),
        ("Merge PR #21 (non-major update)", "", Some(NonMajor), Minor),
        ("Merge PR #23 (non-major group)", "", Some(NonMajor), Minor),
        ("Merge PR #23 (non major updates)", "", Some(NonMajor), Minor),
        ("Merge PR #26 (example/postgresql v17)", "", Some(Database), Unknown),
        ("Merge PR #26 (postgresql major v17)", "", Some(Database), Major),
        ("Merge PR #27 (Ceph v18 -> v19)", "", Some(Core), Major),
        ("Merge PR #28 - Renovate to v42", "", Some(Platform), Major),
        ("Merge PR #12: grafana patch 1.2.3 -> 1.2.4", "", Some(Monitoring), Patch),
        ("Merge PR #12: grafana `1.2.3` → `1.3.0`", "", Some(Monitoring), Minor),
        ("Merge PR #12: app-template digest", "", Some(AppTemplate), Patch),
        ("Merge PR #12", "Update grafana 1.2.3 -> 1.2.4\nthen look at postgres", Some(Monitoring), Patch),
        ("Merge PR #12 (non-major)", "postgres 17.1 -> 17.2\ngrafana 1.0.0 -> 1.0.1", Some(Database), Minor),
        ("Merge PR #21; then wait until Argo CD is done", "", None, Unknown),
        ("Merge PR #3: look at the majority of the redistributed load", "", None, Unknown),
    ] {
        assert_eq!(classify_words(title, text, &rules()), (category, update), "{title}");
    }
}

#[test]
fn a_foundation_is_known_by_its_own_name() {
    let rules = rules();
    for (package, expected) in [
        // The forge, and what only belongs to it.
        ("gitea", "the forge"),
        ("docker.io/gitea/gitea", "the forge"),
        ("docker.gitea.com/gitea:1.27.1-rootless", "the forge"),
        ("code.forgejo.org/forgejo/forgejo", "the forge"),
        ("code.forgejo.org/forgejo-helm/forgejo", "the forge"),
        ("docker.io/gitea/act_runner", ""),
        ("code.forgejo.org/forgejo/runner", ""),
        ("ghcr.io/example/gitea-mirror", ""),
        // What rolls out.
        ("argo-cd", "Argo CD"),
        ("quay.io/argoproj/argocd", "Argo CD"),
        ("argoproj/argo-cd", "Argo CD"),
        ("argocd-apps", "Argo CD"),
        ("quay.io/argoproj/argo-rollouts", ""),
        ("argoproj/argo-workflows", ""),
        ("argocd-image-updater", ""),
        ("fluxcd/flux2", "Flux"),
        ("ghcr.io/fluxcd/source-controller", "Flux"),
        ("ghcr.io/fluxcd/flagger", ""),
        // The registry.
        ("docker.io/library/registry", "the registry"),
        ("registry", "the registry"),
        ("ghcr.io/project-zot/zot-linux-amd64", "the registry"),
        ("goharbor/harbor-core", "the registry"),
        ("goharbor/redis-photon", "the registry"),
        ("harbor", "the registry"),
        // The way in.
        ("traefik", "ingress to the forge"),
        ("docker.io/library/traefik", "ingress to the forge"),
        ("docker.io/traefik", "ingress to the forge"),
        ("docker.io/traefik/traefik", "ingress to the forge"),
        ("docker.io/traefik/whoami", ""),
        ("traefik/whoami", ""),
        ("thomseddon/traefik-forward-auth", ""),
        ("ingress-nginx", "ingress to the forge"),
        ("registry.k8s.io/ingress-nginx/controller", "ingress to the forge"),
        ("nginx", ""),
        ("docker.io/library/nginx", ""),
        ("docker.io/istio/proxyv2", "ingress to the forge"),
        ("docker.io/istio/examples-bookinfo-ratings-v1", "ingress to the forge"),
        ("docker.io/envoyproxy/gateway", "ingress to the forge"),
        ("quay.io/jetstack/cert-manager-controller", ""),
        ("cert-manager", ""),
        // Names.
        ("coredns", "DNS to the forge"),
        ("registry.k8s.io/coredns/coredns", "DNS to the forge"),
        ("registry.k8s.io/external-dns/external-dns", "DNS to the forge"),
        ("ghcr.io/example/external-dns-unifi-webhook", "DNS to the forge"),
        // The network.
        ("cilium", "the network"),
        ("quay.io/cilium/cilium", "the network"),
        ("quay.io/cilium/operator-generic", "the network"),
        ("quay.io/cilium/hubble-ui", ""),
        ("quay.io/cilium/tetragon", ""),
        ("quay.io/metallb/speaker", "the network"),
        ("metallb", "the network"),
        ("docker.io/calico/node", "the network"),
        ("ghcr.io/kube-vip/kube-vip", "the network"),
        // Storage.
        ("rook/ceph", "storage of the store"),
        ("docker.io/rook/ceph", "storage of the store"),
        ("quay.io/ceph/ceph", "storage of the store"),
        ("rook-ceph-cluster", "storage of the store"),
        ("longhorn", "storage of the store"),
        ("docker.io/longhornio/longhorn-manager", "storage of the store"),
        ("democratic-csi", "storage of the store"),
        ("docker.io/democraticcsi/democratic-csi", "storage of the store"),
        // Kubernetes, and what only carries its name.
        ("rancher/k3s-upgrade", "Kubernetes"),
        ("k3s-io/k3s", "Kubernetes"),
        ("kubernetes/kubernetes", "Kubernetes"),
        ("registry.k8s.io/kubectl", ""),
        ("kubernetes-sigs/descheduler", ""),
        ("kubernetes-sigs/metrics-server", ""),
        ("ghcr.io/siderolabs/talosctl", ""),
        ("ghcr.io/siderolabs/kubelet", "Kubernetes"),
        // A database may be the forge's or not: its own category asks for an approval.
        ("ghcr.io/cloudnative-pg/cloudnative-pg", ""),
        ("ghcr.io/cloudnative-pg/postgresql", ""),
        ("ghcr.io/example/caretaker", "caretaker"),
        ("", ""),
    ] {
        let judged = judge(&[update(package, "1.0.0", "1.0.1", UpdateKind::Patch)], "t", "b", &[], &rules);
        let found = judged.foundation.as_deref().and_then(|why| why.rsplit(": ").next()).unwrap_or_default();
        assert_eq!(found, expected, "{package}");
    }
    assert_eq!(rules.package_category("ghcr.io/cloudnative-pg/cloudnative-pg"), Some(Category::Database));
}

/// A hunk of one file, with three lines around the change, as the forge shows it.
fn hunk(lines: &[&str]) -> String {
    let before = lines.iter().filter(|line| !line.starts_with('+')).count();
    let after = lines.iter().filter(|line| !line.starts_with('-')).count();
    format!(
        "diff --git a/apps/x/values.yaml b/apps/x/values.yaml\nindex cd5b04d..ab5b04d 100644\n\
         --- a/apps/x/values.yaml\n+++ b/apps/x/values.yaml\n@@ -1,{before} +1,{after} @@\n{}\n",
        lines.join("\n")
    )
}

#[test]
fn what_the_lines_and_the_branch_name_counts_whatever_the_table_says() {
    let digits = "a".repeat(64);
    let pinned_before = format!("-image: docker.io/library/redis:1.0.0@sha256:{digits}");
    let pinned_after = format!("+image: docker.io/library/redis:1.0.1@sha256:{digits}");
    for (branch, lines, category, foundation) in [
        // Nothing but the table.
        ("web-1.x", vec![" web:", "-  tag: 1.0.0", "+  tag: 1.0.1"], Category::AppTemplate, false),
        // The line itself.
        ("x", vec!["-image: postgres:1.0.0", "+image: postgres:1.0.1"], Category::Database, false),
        ("x", vec![&pinned_before, &pinned_after], Category::Database, false),
        (
            "x",
            vec!["-FROM ghcr.io/kubereboot/kured:1.0.0", "+FROM ghcr.io/kubereboot/kured:1.0.1"],
            Category::Core,
            false,
        ),
        (
            "x",
            vec!["-tag: 1.0.0 # as redis wants it", "+tag: 1.0.1 # as redis wants it"],
            Category::AppTemplate,
            false,
        ),
        // What stands beside it, above and below, in a map and in a list.
        (
            "x",
            vec![" image:", "   repository: x/postgresql", "-  tag: 1.0.0", "+  tag: 1.0.1"],
            Category::Database,
            false,
        ),
        (
            "x",
            vec![" - chart: argo-cd", "-  targetRevision: 1.0.0", "+  targetRevision: 1.0.1"],
            Category::Core,
            true,
        ),
        ("x", vec!["-version: 1.0.0", "+version: 1.0.1", " name: mariadb"], Category::Database, false),
        ("x", vec!["-- newTag: 1.0.0", "+- newTag: 1.0.1", "   name: mariadb"], Category::Database, false),
        (
            "x",
            vec![" # renovate: depName=docker.io/redis", "-v: 1.0.0", "+v: 1.0.1"],
            Category::Database,
            false,
        ),
        // The key above.
        ("x", vec![" redis:", "   image:", "-    tag: 1.0.0", "+    tag: 1.0.1"], Category::Database, false),
        // What belongs to somebody else.
        (
            "x",
            vec![" - name: redis", "   v: 7", "-- image: web:1.0.0", "+- image: web:1.0.1", " - name: redis"],
            Category::AppTemplate,
            false,
        ),
        ("x", vec!["-web: 1.0.0", "+web: 1.0.1", " redis:", "   name: redis"], Category::AppTemplate, false),
        // The branch, with what Renovate puts around the name.
        (
            "renovate/docker.io-library-postgres-16.x",
            vec!["-tag: 1.0.0", "+tag: 1.0.1"],
            Category::Database,
            false,
        ),
        ("renovate/major-postgres", vec!["-tag: 1.0.0", "+tag: 1.0.1"], Category::Database, false),
        (
            "renovate/prometheus-postgres-exporter-6.x",
            vec!["-tag: 1.0.0", "+tag: 1.0.1"],
            Category::AppTemplate,
            false,
        ),
        ("renovate/forgejo-11.x", vec!["-tag: 1.0.0", "+tag: 1.0.1"], Category::Core, true),
    ] {
        let updates = [update("ghcr.io/example/web", "1.0.0", "1.0.1", UpdateKind::Patch)];
        let diff = hunk(&lines);
        let changes = PullChanges { updates: &updates, title: "t", branch, files: &[], diff: &diff };
        let judged = classify(&changes, &rules());
        assert_eq!(
            (judged.category, judged.foundation.is_some()),
            (category, foundation),
            "{branch} {lines:?}"
        );
    }
}

#[test]
fn a_bundle_with_a_database_in_its_lines_is_a_database() {
    let updates = [update("ghcr.io/example/web", "1.0.0", "1.0.1", UpdateKind::Patch)];
    let diff = hunk(&["-image: postgres:1.0.0", "+image: postgres:1.0.1"]);
    let branch = "renovate/all-minor-patch";
    let changes = PullChanges { updates: &updates, title: "t", branch, files: &[], diff: &diff };
    let judged = classify(&changes, &rules());
    assert_eq!((judged.category, judged.risk), (Category::Database, Risk::Critical));
    assert_eq!(judged.worst, "postgres");
    assert!(judged.approval().is_some_and(|why| why.contains("database")));
    // What a lock file names is everything that anything stands on.
    let diff = diff.replace("values.yaml", "package-lock.json");
    let judged = classify(&PullChanges { diff: &diff, ..changes }, &rules());
    assert_eq!(judged.category, Category::NonMajor);
}

#[test]
fn a_hunk_of_many_lines_is_named_in_one_walk() {
    // Were each line held against each other one, this would take hours.
    let lines: Vec<String> = (0..40_000)
        .flat_map(|line| [format!("-image: a/web{line}:1.0.0"), format!("+image: a/web{line}:1.0.1")])
        .collect();
    let deep: Vec<String> =
        (0..4_000).map(|line| format!("+{}k{line}: 1.0.1", " ".repeat(line % 2_000))).collect();
    for lines in [lines, deep] {
        let diff = hunk(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let updates = [update("web", "1.0.0", "1.0.1", UpdateKind::Patch)];
        let changes = PullChanges { updates: &updates, title: "t", branch: "x", files: &[], diff: &diff };
        assert_eq!(classify(&changes, &rules()).category, Category::AppTemplate);
    }
}
