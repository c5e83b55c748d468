//! What in a cluster caretaker itself stands on, found by the images that run: the forge and its database, what rolls out,
//! the registry, the way to the forge, network, storage, caretaker.
//!
//! The rules are those by which a pull request is taken for one of a foundation ([`Rules`]), so that what is shown here is what
//! a merge is held back for. An image of another name is not found: whoever runs one adds a rule.

use super::Category;
use super::classify::Rules;
use crate::cluster::{ObjectRef, Running, Workload};
use std::collections::{BTreeMap, BTreeSet};

/// What the database beside a forge is called.
const DATABASE: &str = "the forge's database";
/// The name of the rule of the forge.
const FORGE: &str = "the forge";

/// By the foundation's name: what of it runs.
pub(crate) type Foundations = BTreeMap<String, BTreeSet<ObjectRef>>;

/// The kind of a database that `CloudNativePG` runs. Its image may have any name.
const POSTGRES: &str = "Cluster";

/// Finds them among all workloads and whatever else has pods. A database counts as the forge's where it runs in the forge's
/// namespace.
pub(crate) fn foundations(workloads: &[Workload], running: &Running, rules: &Rules) -> Foundations {
    let mut found = Foundations::new();
    let templates = workloads.iter().flat_map(|one| one.images.iter().map(|image| (&one.object, image)));
    let pods = running.iter().flat_map(|(object, images)| images.iter().map(move |image| (object, image)));
    let images: Vec<(&ObjectRef, &String)> = templates.chain(pods).collect();
    for (object, image) in &images {
        if let Some(name) = rules.foundation_of(image) {
            found.entry(name.to_owned()).or_default().insert((*object).clone());
        }
    }
    let forge = found.get(FORGE).into_iter().flatten();
    let namespaces: BTreeSet<String> = forge.map(|object| object.namespace.clone()).collect();
    let is_database = |image: &String| {
        let name = image.rsplit('/').next().unwrap_or_default();
        let name = name.split([':', '@']).next().unwrap_or_default();
        rules.package_category(name) == Some(Category::Database)
    };
    for (object, image) in images {
        if namespaces.contains(&object.namespace) && (object.kind == POSTGRES || is_database(image)) {
            found.entry(DATABASE.to_owned()).or_default().insert(object.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules;
    use super::super::tests::workload;
    use super::*;

    fn runs(kind: &str, namespace: &str, name: &str, images: &[&str]) -> Workload {
        Workload {
            object: ObjectRef::new(kind, namespace, name),
            images: images.iter().map(|image| (*image).to_owned()).collect(),
            ..workload(name)
        }
    }

    #[test]
    fn what_runs_is_known_by_its_images() {
        let workloads = [
            runs("StatefulSet", "gitea", "gitea", &["docker.gitea.com/gitea:1.25.1-rootless"]),
            runs("StatefulSet", "gitea", "gitea-pg", &["docker.io/bitnamilegacy/postgresql:17.5.0"]),
            runs("Deployment", "gitea", "gitea-valkey", &["docker.io/valkey/valkey:8.1@sha256:00"]),
            runs("Deployment", "gitea", "runner", &["docker.io/gitea/act_runner:0.2.11"]),
            runs("StatefulSet", "shop", "shop-pg", &["docker.io/library/postgres:17"]),
            runs(
                "StatefulSet",
                "argocd",
                "argocd-application-controller",
                &["quay.io/argoproj/argocd:v3.1.1"],
            ),
            runs(
                "Deployment",
                "flux-system",
                "source-controller",
                &["ghcr.io/fluxcd/source-controller:v1.6"],
            ),
            runs("Deployment", "web", "ingress", &["registry.k8s.io/ingress-nginx/controller:v1.13.1"]),
            runs("DaemonSet", "kube-system", "cilium", &["quay.io/cilium/cilium:v1.18.1"]),
            runs("Deployment", "rook-ceph", "rook-ceph-mgr", &["quay.io/ceph/ceph:v19.2.3"]),
            runs(
                "Deployment",
                "web",
                "docs",
                &["docker.io/traefik/whoami:1", "registry.example.org:5000/docs:2"],
            ),
            runs("Deployment", "caretaker", "caretaker", &["registry.example.org/ops/caretaker:0.1.0"]),
        ];
        // What an operator runs has no workload, only pods.
        let database = |namespace: &str| {
            (ObjectRef::new("Cluster", namespace, "pg"), ["registry.example.org/db:17".to_owned()].into())
        };
        let job =
            (ObjectRef::new("Job", "gitea", "backup"), ["docker.io/library/busybox:1".to_owned()].into());
        let running = [database("gitea"), database("shop"), job].into();
        let found = foundations(&workloads, &running, &rules());
        let lines: Vec<String> = found
            .iter()
            .map(|(name, objects)| {
                let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
                format!("{name}: {}", objects.join(", "))
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        Argo CD: StatefulSet argocd/argocd-application-controller
        Flux: Deployment flux-system/source-controller
        caretaker: Deployment caretaker/caretaker
        ingress to the forge: Deployment web/ingress
        storage of the store: Deployment rook-ceph/rook-ceph-mgr
        the forge: StatefulSet gitea/gitea
        the forge's database: Cluster gitea/pg, Deployment gitea/gitea-valkey, StatefulSet gitea/gitea-pg
        the network: DaemonSet kube-system/cilium
        ");
    }

    #[test]
    fn nothing_is_found_where_nothing_runs() {
        assert!(foundations(&[], &Running::new(), &rules()).is_empty());
    }
}
