//! The probes of the Platform layer against the simulated API server, over real HTTP, with the rights that the deployment's
//! manifests give and no more.

use super::super::{Figure, Layer, Recon, Surroundings, Verdict, recon};
use super::*;
use crate::cluster::{self, Kubernetes};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sim::kubernetes as simulated;
use sim::kubernetes::{CustomKind, Fault, Kind, Matcher, Options};

const MANIFESTS: [&str; 4] = [
    include_str!("../../deploy/kustomize/base/namespace.yaml"),
    include_str!("../../deploy/kustomize/base/service-account.yaml"),
    include_str!("../../deploy/kustomize/base/rbac.yaml"),
    include_str!("../../deploy/kustomize/base/rbac-lease.yaml"),
];
const FLUX: [Kind; 3] = [simulated::GIT_REPOSITORY, simulated::KUSTOMIZATION, simulated::HELM_RELEASE];
const SOURCES: [Kind; 4] = [
    Kind { kind: "OCIRepository", plural: "ocirepositories", ..simulated::GIT_REPOSITORY },
    Kind { kind: "HelmRepository", plural: "helmrepositories", ..simulated::GIT_REPOSITORY },
    Kind { kind: "HelmChart", plural: "helmcharts", ..simulated::GIT_REPOSITORY },
    Kind { kind: "Bucket", plural: "buckets", ..simulated::GIT_REPOSITORY },
];
const POSTGRES: [Kind; 3] =
    [simulated::POSTGRES_CLUSTER, simulated::SCHEDULED_BACKUP, simulated::POSTGRES_BACKUP];
const EXTERNAL_SECRETS: [Kind; 3] =
    [simulated::EXTERNAL_SECRET, simulated::SECRET_STORE, simulated::CLUSTER_SECRET_STORE];

/// A cluster with kinds installed, and caretaker's client for it.
struct Place {
    server: simulated::Kubernetes,
    client: Kubernetes,
}

impl Place {
    async fn with(kinds: &[Kind]) -> Self {
        let server = simulated::Kubernetes::start(Options::default()).await.expect("the simulator starts");
        for manifest in MANIFESTS {
            server.apply_manifests(manifest).expect("the manifests are taken");
        }
        for kind in kinds {
            server.register(CustomKind { kind: *kind, status_subresource: true });
        }
        for namespace in ["argocd", "flux-system", "db", "kube-system"] {
            server.namespace(namespace);
        }
        let token = server.create_token("system:serviceaccount:caretaker:caretaker");
        let settings = cluster::Settings { request_timeout_seconds: 5, ..cluster::Settings::default() };
        let client =
            Kubernetes::from_kubeconfig(&server.kubeconfig(&token), &settings).await.expect("a client");
        Self { server, client }
    }

    async fn pass(&self) -> Recon {
        let cluster = cluster::Settings::default();
        let settings = Settings::default();
        let grace = Duration::from_mins(5);
        let freshness = cluster::Freshness::Proven;
        let surroundings = Surroundings {
            settings: &settings,
            cluster: &cluster,
            grace,
            freshness,
            audit: false,
            after: None,
        };
        recon(&self.client, &surroundings, Timestamp::now()).await
    }

    async fn probe(&self, probe: Probe) -> ProbeResult {
        self.pass().await.probes.into_iter().find(|result| result.probe == probe).expect("the probe answers")
    }

    /// A Deployment of one replica that serves, or does not.
    fn controller(&self, namespace: &str, name: &str, labels: &Value, available: u32) {
        self.server.namespace(namespace);
        self.server.apply(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available}}));
    }

    fn flux_controllers(&self, available: u32) {
        for name in ["source-controller", "kustomize-controller", "helm-controller"] {
            self.controller("flux-system", name, &json!({"app.kubernetes.io/part-of": "flux"}), available);
        }
    }

    /// A Kustomization that is ready, and that its controller has seen as it is.
    fn ready_kustomization(&self, suspend: bool) {
        let status = json!({"conditions": [condition("Ready", "True", "ReconciliationSucceeded")]});
        let spec = json!({"interval": "10m", "suspend": suspend});
        let stored = self.server.apply(object(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "apps",
            &spec,
            &status,
        ));
        let seen = json!({"observedGeneration": stored["metadata"]["generation"]});
        self.server.merge_patch_status(&simulated::KUSTOMIZATION, Some("db"), "apps", &seen);
    }

    fn requests(&self, part: &str) -> usize {
        self.server.requests().iter().filter(|request| request.path.contains(part)).count()
    }
}

fn hours_ago(hours: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(hours)).to_string()
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "a sentence",
        "observedGeneration": 1, "lastTransitionTime": hours_ago(2)})
}

fn object(api_version: &str, kind: &str, name: &str, spec: &Value, status: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": "db", "name": name},
        "spec": spec, "status": status})
}

fn rules(result: &ProbeResult) -> Vec<(&str, Verdict)> {
    let blocking = result.findings.iter().filter(|finding| !finding.informational);
    blocking.map(|finding| (finding.id.rule.as_str(), finding.verdict)).collect()
}

#[tokio::test]
async fn what_is_not_installed_is_not_used_blocks_nothing_and_costs_little() {
    let place = Place::with(&[]).await;
    let pass = place.pass().await;
    for probe in [Probe::Flux, Probe::CloudNativePg, Probe::ExternalSecrets] {
        let result = pass.probes.iter().find(|result| result.probe == probe).expect("the probe answers");
        assert_eq!((result.used, result.findings.len()), (false, 0), "{result:?}");
        assert_eq!(result.summary, NOT_INSTALLED);
    }
    assert_eq!(place.requests("fluxcd.io"), 3);
    assert_eq!(place.requests("cnpg.io"), 3);
    assert_eq!(place.requests("external-secrets.io"), 2);
    assert_eq!(place.requests("service-name"), 0, "no webhook names a Service");
    assert!(matches!(pass.figures.applications, Figure::Read(_)), "a kind beside it is read all the same");
}

#[tokio::test]
async fn each_reading_that_is_forbidden_is_unknown_and_blocks() {
    let place = Place::with(
        &[&FLUX[..], &SOURCES, &POSTGRES, &EXTERNAL_SECRETS, &[simulated::APPLICATION_SET]].concat(),
    )
    .await;
    let labels = json!({"app.kubernetes.io/name": "argocd-application-controller"});
    place.controller("argocd", "argocd-application-controller", &labels, 1);
    for (resource, probe) in [
        ("gitrepositories", Probe::Flux),
        ("kustomizations", Probe::Flux),
        ("helmreleases", Probe::Flux),
        ("ocirepositories", Probe::Flux),
        ("helmrepositories", Probe::Flux),
        ("helmcharts", Probe::Flux),
        ("buckets", Probe::Flux),
        ("clusters", Probe::CloudNativePg),
        ("scheduledbackups", Probe::CloudNativePg),
        ("backups", Probe::CloudNativePg),
        ("externalsecrets", Probe::ExternalSecrets),
        ("secretstores", Probe::ExternalSecrets),
        ("clustersecretstores", Probe::ExternalSecrets),
        ("apiservices", Probe::ApiServices),
        ("validatingwebhookconfigurations", Probe::Webhooks),
        ("mutatingwebhookconfigurations", Probe::Webhooks),
        ("applicationsets", Probe::ArgoCd),
    ] {
        let fault = place.server.faults().add(Matcher::of("list", resource), Fault::Forbid);
        let pass = place.pass().await;
        assert_eq!(pass.layers()[&Layer::Platform], Verdict::Unknown, "{resource}");
        let blocking: Vec<Probe> = pass
            .blocking()
            .filter(|finding| finding.layer == Layer::Platform && finding.id.rule == "not-read")
            .map(|finding| finding.id.probe)
            .collect();
        assert_eq!(blocking, [probe], "{resource}");
        place.server.faults().remove(fault);
    }
    assert_eq!(place.pass().await.layers()[&Layer::Platform], Verdict::Green, "and nothing else did");
}

#[tokio::test]
async fn flux_is_green_suspended_yellow_and_unknown_without_its_controllers() {
    let place = Place::with(&FLUX).await;
    assert!(!place.probe(Probe::Flux).await.used, "installed, and no object");
    place.flux_controllers(1);
    place.ready_kustomization(false);
    let result = place.probe(Probe::Flux).await;
    assert_eq!((result.verdict, result.summary.as_str()), (Verdict::Green, "1 of 1 Flux objects ready"));

    place.ready_kustomization(true);
    assert_eq!(rules(&place.probe(Probe::Flux).await), [("suspended", Verdict::Yellow)]);

    place.ready_kustomization(false);
    place.flux_controllers(0);
    let result = place.probe(Probe::Flux).await;
    assert_eq!(rules(&result), [("controller-down", Verdict::Unknown); 2]);
    assert_eq!(result.verdict, Verdict::Unknown, "although the Kustomization says that it is ready");

    place.flux_controllers(1);
    let fault = place.server.faults().add(Matcher::of("list", "deployments"), Fault::Forbid);
    assert_eq!(rules(&place.probe(Probe::Flux).await), [("not-read", Verdict::Unknown)]);
    place.server.faults().remove(fault);
    assert_eq!(place.probe(Probe::Flux).await.verdict, Verdict::Green);
}

#[tokio::test]
async fn helm_releases_of_an_older_flux_are_judged_as_well() {
    let older = Kind { version: "v2beta2", ..simulated::HELM_RELEASE };
    let place = Place::with(&[simulated::GIT_REPOSITORY, simulated::KUSTOMIZATION, older]).await;
    place.flux_controllers(1);
    let status = json!({"observedGeneration": 1, "conditions": [
        condition("Ready", "False", "RollbackSucceeded"), condition("Stalled", "True", "RetriesExceeded")]});
    place.server.apply(object("helm.toolkit.fluxcd.io/v2beta2", "HelmRelease", "web", &json!({}), &status));
    assert_eq!(rules(&place.probe(Probe::Flux).await), [("stalled", Verdict::Red)]);
}

#[tokio::test]
async fn every_source_that_the_cluster_serves_is_judged_in_whichever_version() {
    let bucket = Kind { version: "v1beta2", ..SOURCES[3] };
    let place = Place::with(&[&FLUX[..], &SOURCES[..3], &[bucket]].concat()).await;
    place.flux_controllers(1);
    let failing =
        json!({"observedGeneration": 1, "conditions": [condition("Ready", "False", "FailedToFetch")]});
    for (kind, version) in
        [("OCIRepository", "v1"), ("HelmRepository", "v1"), ("HelmChart", "v1"), ("Bucket", "v1beta2")]
    {
        let api_version = format!("source.toolkit.fluxcd.io/{version}");
        place.server.apply(object(&api_version, kind, "charts", &json!({"interval": "10m"}), &failing));
    }
    place.ready_kustomization(false);
    let result = place.probe(Probe::Flux).await;
    assert_eq!(rules(&result), [("fetch-failed", Verdict::Red); 4]);
    assert_eq!(result.summary, "1 of 5 Flux objects ready");
}

#[tokio::test]
async fn a_group_that_lacks_a_kind_that_belongs_to_it_is_unknown_and_what_nobody_names_is_not_missed() {
    let served = |all: [Kind; 3], missing: usize| {
        let mut kinds = all.to_vec();
        kinds.remove(missing);
        kinds
    };
    let cases = [
        (Probe::CloudNativePg, POSTGRES, "Cluster"),
        (Probe::CloudNativePg, POSTGRES, "ScheduledBackup"),
        (Probe::CloudNativePg, POSTGRES, "Backup"),
    ];
    for (missing, (probe, kinds, word)) in cases.into_iter().enumerate() {
        let place = Place::with(&served(kinds, missing)).await;
        let result = place.probe(probe).await;
        assert_eq!(rules(&result), [("not-read", Verdict::Unknown)], "{word}");
        assert!(result.findings[0].evidence.contains(&format!("{word} is not served")), "{result:?}");
    }
    let place = Place::with(&served(FLUX, 0)).await;
    let result = place.probe(Probe::Flux).await;
    assert_eq!(rules(&result), [("not-read", Verdict::Unknown)]);
    assert!(
        result.findings[0].evidence.contains("GitRepository of the version v1 is not served"),
        "{result:?}"
    );

    let place = Place::with(&served(EXTERNAL_SECRETS, 2)).await;
    place.controller("eso", "external-secrets", &json!({}), 1);
    let status =
        json!({"refreshTime": hours_ago(0), "conditions": [condition("Ready", "True", "SecretSynced")]});
    let secret = |kind: &str| {
        let spec = json!({"refreshInterval": "1h", "secretStoreRef": {"kind": kind, "name": "vault"}});
        object("external-secrets.io/v1", "ExternalSecret", "password", &spec, &status)
    };
    place.server.apply(secret("SecretStore"));
    assert_eq!(
        place.probe(Probe::ExternalSecrets).await.verdict,
        Verdict::Green,
        "nobody names the other kind"
    );
    place.server.apply(secret("ClusterSecretStore"));
    assert_eq!(rules(&place.probe(Probe::ExternalSecrets).await), [("not-read", Verdict::Unknown)]);
}

fn postgres(archiving: &str) -> Value {
    let status = json!({
        "phase": "Cluster in healthy state", "readyInstances": 2, "currentPrimary": "pg-1", "targetPrimary": "pg-1",
        "conditions": [
            condition("Ready", "True", "ClusterIsReady"),
            condition("ContinuousArchiving", archiving, "ContinuousArchivingFailing"),
        ],
    });
    let spec = json!({"instances": 2, "backup": {"barmanObjectStore": {"destinationPath": "s3://backups"}}});
    object("postgresql.cnpg.io/v1", "Cluster", "pg", &spec, &status)
}

#[tokio::test]
async fn a_database_whose_archive_fails_is_red_until_it_works_again() {
    let place = Place::with(&POSTGRES).await;
    place.controller("cnpg-system", "cnpg", &json!({"app.kubernetes.io/name": "cloudnative-pg"}), 1);
    place.server.apply(postgres("True"));
    let schedule = json!({"schedule": "0 0 2 * * *", "cluster": {"name": "pg"}});
    let times = json!({"lastScheduleTime": hours_ago(9), "nextScheduleTime": hours_ago(-15)});
    place.server.apply(object("postgresql.cnpg.io/v1", "ScheduledBackup", "nightly", &schedule, &times));
    let of_pg = json!({"cluster": {"name": "pg"}});
    let made = |name: &str, phase: &str, hours: i64| {
        let status = json!({"phase": phase, "stoppedAt": hours_ago(hours)});
        object("postgresql.cnpg.io/v1", "Backup", name, &of_pg, &status)
    };
    place.server.apply(made("nightly-1", "completed", 8));
    let result = place.probe(Probe::CloudNativePg).await;
    assert_eq!((result.verdict, result.findings.len()), (Verdict::Green, 0), "{result:?}");

    place.server.apply(postgres("False"));
    let result = place.probe(Probe::CloudNativePg).await;
    assert_eq!(rules(&result), [("archiving-fails", Verdict::Red)]);
    assert!(result.findings[0].since.is_some());
    assert!(result.findings[0].evidence.starts_with("ContinuousArchiving is False"), "{result:?}");

    place.server.apply(postgres("True"));
    place.server.apply(made("by-hand", "failed", 1));
    assert_eq!(rules(&place.probe(Probe::CloudNativePg).await), [("backup-failed", Verdict::Yellow)]);
    place.server.apply(made("again", "completed", 0));
    assert_eq!(place.probe(Probe::CloudNativePg).await.verdict, Verdict::Green);

    // A second schedule fails beside the first one, and nothing that the first one made hides it.
    let weekly = json!({"schedule": "0 0 4 * * 0", "method": "volumeSnapshot", "cluster": {"name": "pg"}});
    place.server.apply(object("postgresql.cnpg.io/v1", "ScheduledBackup", "weekly", &weekly, &times));
    let mut failed = made("weekly-1", "failed", 8);
    failed["metadata"]["labels"] = json!({"cnpg.io/scheduled-backup": "weekly"});
    place.server.apply(failed);
    let result = place.probe(Probe::CloudNativePg).await;
    assert_eq!(rules(&result), [("backup-failed", Verdict::Yellow)]);
    assert_eq!(result.findings[0].id.object.to_string(), "ScheduledBackup db/weekly");
}

#[tokio::test]
async fn external_secrets_are_judged_in_the_version_that_is_served() {
    for version in ["v1", "v1beta1"] {
        let kinds = EXTERNAL_SECRETS.map(|kind| Kind { version, ..kind });
        let place = Place::with(&kinds).await;
        place.controller("eso", "external-secrets", &json!({}), 1);
        let api_version = format!("external-secrets.io/{version}");
        let secret = |refreshed: i64| {
            let status = json!({"refreshTime": hours_ago(refreshed), "conditions": [condition("Ready", "True", "SecretSynced")]});
            object(&api_version, "ExternalSecret", "password", &json!({"refreshInterval": "1h"}), &status)
        };
        place.server.apply(secret(0));
        let result = place.probe(Probe::ExternalSecrets).await;
        assert_eq!(result.summary, "1 of 1 ExternalSecrets synced", "{version}");
        assert_eq!((result.verdict, result.used), (Verdict::Green, true), "{version}");
        place.server.apply(secret(3));
        assert_eq!(
            rules(&place.probe(Probe::ExternalSecrets).await),
            [("stale", Verdict::Unknown)],
            "{version}"
        );
        place.server.apply(secret(0));
        place.server.apply(json!({"apiVersion": api_version, "kind": "ClusterSecretStore",
            "metadata": {"name": "vault"}, "spec": {}, "status": {"conditions": [condition("Ready", "False", "InvalidProviderConfig")]}}));
        assert_eq!(
            rules(&place.probe(Probe::ExternalSecrets).await),
            [("store-not-ready", Verdict::Red)],
            "{version}"
        );
        assert_eq!(place.requests("/secrets?"), 0, "Secrets are never asked for");
    }
}

#[tokio::test]
async fn a_server_behind_the_api_server_that_is_gone_and_a_webhook_that_nothing_answers_are_red() {
    let place = Place::with(&[]).await;
    let service = |status: &str| {
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "service": {"namespace": "kube-system", "name": "metrics-server"}},
            "status": {"conditions": [condition("Available", status, "MissingEndpoints")]}})
    };
    place.server.apply(service("True"));
    assert_eq!(place.probe(Probe::ApiServices).await.verdict, Verdict::Green);
    place.server.apply(service("False"));
    assert_eq!(rules(&place.probe(Probe::ApiServices).await), [("unavailable", Verdict::Red)]);

    let webhook = |name: &str, policy: &str| {
        json!({"name": name, "failurePolicy": policy, "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"namespace": "db", "name": "cnpg-webhook-service"}},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["CREATE"]}]})
    };
    let configuration = |policy: &str| {
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "cnpg", "creationTimestamp": hours_ago(2)},
            "webhooks": [webhook("mcluster.cnpg.io", policy)]})
    };
    let slice = |ready: bool| {
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"namespace": "db", "name": "cnpg-webhook-service-x2b", "creationTimestamp": hours_ago(2),
                "labels": {"kubernetes.io/service-name": "cnpg-webhook-service"}},
            "endpoints": [{"addresses": ["10.42.0.7"], "conditions": {"ready": ready}}]})
    };
    place.server.apply(configuration("Ignore"));
    assert!(!place.probe(Probe::Webhooks).await.used, "one that fails open blocks no write");
    place.server.apply(configuration("Fail"));
    assert_eq!(rules(&place.probe(Probe::Webhooks).await), [("no-endpoints", Verdict::Red)]);
    assert_eq!(place.requests("service-name"), 1, "the slices of that Service alone");
    place.server.apply(slice(false));
    assert_eq!(rules(&place.probe(Probe::Webhooks).await), [("no-endpoints", Verdict::Red)]);
    place.server.apply(slice(true));
    let result = place.probe(Probe::Webhooks).await;
    assert_eq!((result.verdict, result.used), (Verdict::Green, true), "{result:?}");
    // A Service of another namespace answers nothing.
    place.server.delete(&simulated::ENDPOINT_SLICE, Some("db"), "cnpg-webhook-service-x2b");
    let mut elsewhere = slice(true);
    elsewhere["metadata"]["namespace"] = json!("argocd");
    place.server.apply(elsewhere);
    assert_eq!(rules(&place.probe(Probe::Webhooks).await), [("no-endpoints", Verdict::Red)]);
    let fault = place.server.faults().add(Matcher::of("list", "endpointslices"), Fault::Forbid);
    assert_eq!(rules(&place.probe(Probe::Webhooks).await), [("not-read", Verdict::Unknown)]);
    place.server.faults().remove(fault);
}

#[tokio::test]
async fn a_set_that_cannot_make_its_applications_is_red_beside_well_applications() {
    let place = Place::with(&[simulated::APPLICATION_SET]).await;
    for name in ["argocd-application-controller", "argocd-applicationset-controller"] {
        place.controller("argocd", name, &json!({"app.kubernetes.io/name": name}), 1);
    }
    let set = |error: &str, up_to_date: &str| {
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
            "metadata": {"namespace": "argocd", "name": "apps"}, "spec": {"generators": [], "template": {}},
            "status": {"conditions": [condition("ErrorOccurred", error, "ApplicationParamsGenerationError"),
                condition("ResourcesUpToDate", up_to_date, "ErrorOccurred")]}})
    };
    place.server.apply(set("False", "True"));
    assert_eq!(place.probe(Probe::ArgoCd).await.verdict, Verdict::Green);
    place.server.apply(set("True", "False"));
    let result = place.probe(Probe::ArgoCd).await;
    assert_eq!(rules(&result), [("set-failed", Verdict::Red)]);
    assert_eq!(result.summary, "0 of 0 Applications Synced and Healthy");
    place.server.apply(set("False", "True"));
    place.controller("argocd", "argocd-applicationset-controller", &json!({}), 0);
    assert_eq!(rules(&place.probe(Probe::ArgoCd).await), [("controller-down", Verdict::Unknown)]);
}
