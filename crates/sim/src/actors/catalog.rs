//! The apps of the homelab: platform services, what the system needs, monitoring, databases and what people use.

use super::apps::{AppSpec, Controller};

/// The version of `app-template` that the apps start with.
const TEMPLATE: &str = "4.4.0";

/// The 32 apps that the homelab starts with.
#[must_use]
pub fn homelab_apps() -> Vec<AppSpec> {
    let template = |name: &str, image: &str, tag: &str| {
        AppSpec::template("apps", name, TEMPLATE, image, tag).replicas(2)
    };
    let database = |name: &str| {
        format!("postgresql://{name}@postgres.postgres.svc.cluster.local:5432/{name}?sslmode=require")
    };
    vec![
        // What the cluster itself stands on.
        AppSpec::chart("system", "rook-ceph", "rook-ceph", "1.18.4"),
        AppSpec::chart("system", "kured", "kured", "5.9.0").run_by(Controller::DaemonSet),
        AppSpec::chart("system", "metrics-server", "metrics-server", "3.12.2"),
        AppSpec::chart("system", "node-feature-discovery", "node-feature-discovery", "0.17.3").replicas(2),
        AppSpec::chart("system", "snapshot-controller", "snapshot-controller", "4.1.1").replicas(2),
        AppSpec::chart("system", "reloader", "reloader", "2.1.3"),
        AppSpec::chart("system", "descheduler", "descheduler", "0.33.0"),
        // Platform services.
        AppSpec::chart("platform", "argocd", "argo-cd", "8.3.1").replicas(2),
        AppSpec::chart("platform", "cert-manager", "cert-manager", "1.18.2").replicas(2),
        AppSpec::chart("platform", "external-secrets", "external-secrets", "0.19.2").replicas(2),
        AppSpec::chart("platform", "external-dns", "external-dns", "1.18.0"),
        AppSpec::chart("platform", "ingress-nginx", "ingress-nginx", "4.13.1").replicas(2),
        AppSpec::chart("platform", "gitea", "gitea", "12.2.0")
            .with_volume()
            .with_environment("GITEA__database__HOST", "postgres.postgres.svc.cluster.local:5432"),
        AppSpec::chart("platform", "registry", "docker-registry", "3.0.0").with_volume(),
        AppSpec::chart("platform", "dex", "dex", "0.23.0").replicas(2),
        AppSpec::chart("platform", "renovate", "renovate", "41.97.0"),
        // Monitoring: the dashboards keep nothing, the logs do.
        AppSpec::chart("platform", "kube-prometheus-stack", "kube-prometheus-stack", "76.4.0").replicas(2),
        AppSpec::chart("platform", "grafana", "grafana", "9.4.2").replicas(2),
        AppSpec::chart("platform", "loki", "loki", "6.38.0").run_by(Controller::StatefulSet).with_volume(),
        // Databases.
        AppSpec::manifests("platform", "postgres", "docker.io/library/postgres", "17.5")
            .run_by(Controller::StatefulSet)
            .with_volume(),
        AppSpec::manifests("platform", "valkey", "docker.io/valkey/valkey", "8.1.1")
            .run_by(Controller::StatefulSet)
            .with_volume(),
        // What people use.
        template("homepage", "ghcr.io/gethomepage/homepage", "v1.4.0"),
        template("it-tools", "ghcr.io/example/it-tools", "2024.10.22"),
        template("excalidraw", "docker.io/excalidraw/excalidraw", "0.17.3"),
        template("stirling-pdf", "docker.io/stirlingtools/stirling-pdf", "1.1.1"),
        template("echo", "ghcr.io/example/http-https-echo", "36.0.0"),
        template("ntfy", "docker.io/example/ntfy", "v2.13.0"),
        template("jellyfin", "docker.io/jellyfin/jellyfin", "10.10.6").replicas(1).with_volume(),
        template("actual", "docker.io/actualbudget/actual-server", "25.7.1").replicas(1).with_volume(),
        template("miniflux", "docker.io/miniflux/miniflux", "2.2.10")
            .with_environment("DATABASE_URL", &database("miniflux")),
        template("mealie", "ghcr.io/mealie-recipes/mealie", "v3.0.1")
            .replicas(1)
            .with_volume()
            .with_environment("POSTGRES_URL_OVERRIDE", &database("mealie")),
        AppSpec::manifests("apps", "whoami", "docker.io/traefik/whoami", "v1.10.4").replicas(3),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_homelab_has_32_apps_with_names_of_their_own() {
        let apps = homelab_apps();
        let names: std::collections::BTreeSet<&str> = apps.iter().map(|app| app.name.as_str()).collect();
        assert_eq!((apps.len(), names.len()), (32, 32));
    }
}
