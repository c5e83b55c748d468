//! What a real API server answered, read with our own decoders, for the tests of those and of the probes.

use super::{
    Application, ExternalSecret, FluxKind, FluxObject, PostgresBackup, PostgresCluster, ScheduledBackup,
};
use super::{argo, external_secrets, flux, postgres};
use serde_json::Value;

/// The body of the answer of that number in a recording.
pub(crate) fn recorded(file: &str, number: usize) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recordings/kubernetes");
    let text = std::fs::read_to_string(format!("{folder}/{file}.json")).expect("the recording is there");
    let mut recording: Value = serde_json::from_str(&text).expect("the recording is JSON");
    let body = recording["exchanges"][number]["response"]["body"].take();
    assert!(body.is_object(), "{file} {number} has a body");
    body
}

/// An Application of `gitops`.
pub(crate) fn application(number: usize) -> Application {
    argo::application(&recorded("gitops", number)).expect("readable")
}

/// A Flux object of `gitops`.
pub(crate) fn flux(number: usize) -> FluxObject {
    let object = recorded("gitops", number);
    let kind = match object["kind"].as_str() {
        Some("GitRepository") => FluxKind::GitRepository,
        Some("Kustomization") => FluxKind::Kustomization,
        Some("HelmRelease") => FluxKind::HelmRelease,
        other => panic!("{number} is {other:?}"),
    };
    flux::flux_object(kind, &object).expect("readable")
}

/// A Cluster of `operators`.
pub(crate) fn postgres_cluster(number: usize) -> PostgresCluster {
    postgres::cluster(&recorded("operators", number)).expect("readable")
}

/// A `ScheduledBackup` of `operators`.
pub(crate) fn scheduled_backup(number: usize) -> ScheduledBackup {
    postgres::scheduled_backup(&recorded("operators", number)).expect("readable")
}

/// A Backup of `operators`.
pub(crate) fn postgres_backup(number: usize) -> PostgresBackup {
    postgres::backup(&recorded("operators", number)).expect("readable")
}

/// An `ExternalSecret` of `operators`.
pub(crate) fn external_secret(number: usize) -> ExternalSecret {
    external_secrets::external_secret(&recorded("operators", number)).expect("readable")
}
