//! Argo CD Applications: reading them, and the three writes.
//!
//! An Application has no status subresource, so a stop is a write of its status. Both writes that change what runs carry
//! the version of the object that they were decided on as a precondition in a merge patch: a stale one answers 409,
//! which a failed test of a JSON patch (422) could not be told from an invalid object.

use super::client::Kubernetes;
use super::decode::{items, json_controller, number, object_name, parse_time, text, texts};
use super::fingerprint::fingerprint;
use super::projects::placing;
use super::request::Write;
use super::{
    Application, ApplicationHealth, ApplicationResource, ApplicationSource, BegunBy, ClusterError,
    ClusterLease, ClusterResult, DrySource, Hydrated, ObjectRef, OperationPhase, OperationState, SyncStatus,
};
use serde_json::{Value, json};

/// The name under which operations are started.
const INITIATOR: &str = "caretaker";
/// The annotation with which a person keeps the controller from an Application.
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";
/// The annotation that asks for a refresh; the controller takes it away when it is done.
const REFRESH: &str = "argocd.argoproj.io/refresh";

impl Kubernetes {
    pub(super) async fn refresh(&self, application: &Application, hard: bool) -> ClusterResult<()> {
        let kind = if hard { "hard" } else { "normal" };
        let patch = json!({"metadata": {"annotations": {REFRESH: kind}}});
        self.connection().write(Write::Merge, &path(application), &patch).await.map(drop)
    }

    pub(super) async fn terminate(
        &self,
        lease: &ClusterLease,
        application: &Application,
    ) -> ClusterResult<()> {
        match application.operation.as_ref().map(|operation| operation.phase) {
            Some(OperationPhase::Terminating) => return Ok(()),
            Some(OperationPhase::Running) => {}
            _ => return Err(conflict(application, "no operation is running")),
        }
        let patch = json!({
            "metadata": {"resourceVersion": application.resource_version},
            "status": {"operationState": {"phase": "Terminating"}},
        });
        self.write_with(lease, application, &patch).await
    }

    pub(super) async fn sync(
        &self,
        lease: &ClusterLease,
        application: &Application,
        revision: Option<&str>,
    ) -> ClusterResult<()> {
        if application.operation_requested.is_some() {
            return Err(conflict(application, "an operation is there already"));
        }
        let patch = json!({
            "metadata": {"resourceVersion": application.resource_version},
            "operation": operation(application, revision),
        });
        self.write_with(lease, application, &patch).await
    }

    async fn write_with(
        &self,
        lease: &ClusterLease,
        application: &Application,
        patch: &Value,
    ) -> ClusterResult<()> {
        let address = path(application);
        if !lease.holds_for(self.settings().request_timeout()) {
            return Err(ClusterError::LeaseTooShort { what: format!("PATCH {address}") });
        }
        self.connection().write(Write::Merge, &address, patch).await.map(drop)
    }
}

fn path(application: &Application) -> String {
    format!(
        "/apis/argoproj.io/v1alpha1/namespaces/{}/applications/{}",
        application.namespace, application.name
    )
}

fn conflict(application: &Application, said: &str) -> ClusterError {
    ClusterError::Conflict { what: application.object().to_string(), said: said.to_owned() }
}

/// The operation that syncs to a revision, or to what its sources ask for. A commit belongs to one of several sources only, so
/// with several each goes to its own target (a branch's head).
fn operation(application: &Application, revision: Option<&str>) -> Value {
    let mut sync = json!({"prune": application.prune, "syncStrategy": {"hook": {}}});
    if application.sources.len() > 1 {
        let targets = application.sources.iter().map(|source| match source.target_revision.as_str() {
            "" => "HEAD",
            target => target,
        });
        sync["revisions"] = targets.collect::<Vec<_>>().into();
    } else if let Some(revision) = revision {
        sync["revision"] = revision.into();
    }
    if !application.sync_options.is_empty() {
        sync["syncOptions"] = application.sync_options.clone().into();
    }
    json!({"initiatedBy": {"username": INITIATOR}, "sync": sync})
}

/// An Application as the API server lists it.
pub(super) fn application(object: &Value) -> Result<Application, String> {
    let (namespace, name) = object_name(object)?;
    let made_by =
        json_controller(&object["metadata"], &namespace).filter(|owner| owner.kind == "ApplicationSet");
    let spec = &object["spec"];
    let status = &object["status"];
    let automated = &spec["syncPolicy"]["automated"];
    let compared = &status["sync"]["comparedTo"];
    let health = status["health"]["status"].as_str();
    Ok(Application {
        namespace,
        name,
        resource_version: text(&object["metadata"]["resourceVersion"]),
        refresh_requested: object["metadata"]["annotations"][REFRESH].is_string(),
        operation_requested: object["operation"]
            .is_object()
            .then(|| begun_by(&object["operation"]["initiatedBy"])),
        automated: automated.is_object() && automated["enabled"].as_bool() != Some(false),
        skips_reconcile: object["metadata"]["annotations"][SKIP].as_str() == Some("true"),
        prune: automated["prune"].as_bool().unwrap_or(false),
        sync_options: texts(&spec["syncPolicy"]["syncOptions"]),
        made_by,
        rolled_by_set: false,
        sources: sources(spec),
        dry: dry_source(object),
        compared_sources: sources(compared),
        compared_otherwise: goes_elsewhere(&spec["destination"], &compared["destination"])
            || ignores_others(&spec["ignoreDifferences"], &compared["ignoreDifferences"]),
        sync: match status["sync"]["status"].as_str() {
            Some("Synced") => SyncStatus::Synced,
            Some("OutOfSync") => SyncStatus::OutOfSync,
            _ => SyncStatus::Unknown,
        },
        revisions: revisions(&status["sync"]),
        health: health.map_or(ApplicationHealth::Unknown, health_word),
        health_message: text(&status["health"]["message"]),
        health_since: parse_time(&status["health"]["lastTransitionTime"]),
        operation: status["operationState"].is_object().then(|| operation_state(&status["operationState"])),
        conditions: items(&status["conditions"])
            .map(|condition| (text(&condition["type"]), text(&condition["message"])))
            .collect(),
        conditions_since: items(&status["conditions"])
            .filter_map(|one| Some((text(&one["type"]), parse_time(&one["lastTransitionTime"])?)))
            .collect(),
        reconciled_at: parse_time(&status["reconciledAt"]),
        deleted_at: parse_time(&object["metadata"]["deletionTimestamp"]),
        resources: items(&status["resources"]).map(resource).collect(),
        images: texts(&status["summary"]["images"]),
        placing: placing(object),
        doors: super::Doors::default(),
    })
}

/// Fields as Argo CD's own types have them (`sourceHydrator` of spec and status).
fn dry_source(object: &Value) -> Option<DrySource> {
    let dry = &object["spec"]["sourceHydrator"]["drySource"];
    let last = &object["status"]["sourceHydrator"]["lastSuccessfulOperation"];
    dry.is_object().then(|| DrySource {
        source: source(dry),
        hydrated: last["drySHA"]
            .as_str()
            .map(|commit| Hydrated { dry: commit.to_owned(), commit: text(&last["hydratedSHA"]) }),
    })
}

fn health_word(word: &str) -> ApplicationHealth {
    match word {
        "Healthy" => ApplicationHealth::Healthy,
        "Progressing" => ApplicationHealth::Progressing,
        "Degraded" => ApplicationHealth::Degraded,
        "Suspended" => ApplicationHealth::Suspended,
        "Missing" => ApplicationHealth::Missing,
        _ => ApplicationHealth::Unknown,
    }
}

fn sources(holder: &Value) -> Vec<ApplicationSource> {
    let several: Vec<_> = items(&holder["sources"]).map(source).collect();
    if several.is_empty() && holder["source"].is_object() { vec![source(&holder["source"])] } else { several }
}

fn source(source: &Value) -> ApplicationSource {
    ApplicationSource {
        repository_url: text(&source["repoURL"]),
        path: text(&source["path"]),
        chart: source["chart"].as_str().filter(|chart| !chart.is_empty()).map(str::to_owned),
        target_revision: text(&source["targetRevision"]),
        reference: source["ref"].as_str().filter(|name| !name.is_empty()).map(str::to_owned),
        value_files: texts(&source["helm"]["valueFiles"]),
        whole: fingerprint(source),
    }
}

/// Whether objects go elsewhere than where they were compared with. Of a cluster's name and its address some versions write both
/// where one is given, so what is on one side alone tells nothing.
fn goes_elsewhere(wanted: &Value, compared: &Value) -> bool {
    if !compared.is_object() {
        return false;
    }
    let of = |holder: &Value, field: &str| text(&holder[field]);
    let clusters = |holder: &Value| ["name", "server"].map(|field| of(holder, field));
    let (wants, has) = (clusters(wanted), clusters(compared));
    let is_given = |clusters: &[String; 2]| clusters.iter().any(|one| !one.is_empty());
    let both = || wants.iter().zip(&has).filter(|(wants, has)| !wants.is_empty() && !has.is_empty());
    let another = is_given(&wants)
        && is_given(&has)
        && (both().next().is_none() || both().any(|(wants, has)| wants != has));
    another || of(wanted, "namespace") != of(compared, "namespace")
}

/// Whether other differences count for nothing than when it was compared. Older versions of Argo CD do not write them down.
fn ignores_others(wanted: &Value, compared: &Value) -> bool {
    compared.is_array() && fingerprint(wanted) != fingerprint(compared)
}

/// `revisions`, else `revision`, of whatever holds them.
fn revisions(holder: &Value) -> Vec<String> {
    let several = texts(&holder["revisions"]);
    if !several.is_empty() {
        return several;
    }
    holder["revision"]
        .as_str()
        .filter(|revision| !revision.is_empty())
        .map(str::to_owned)
        .into_iter()
        .collect()
}

fn begun_by(initiator: &Value) -> BegunBy {
    if initiator["automated"].as_bool() == Some(true) {
        BegunBy::Itself
    } else if initiator["username"].as_str() == Some(INITIATOR) {
        BegunBy::Us
    } else {
        BegunBy::Person
    }
}

fn operation_state(state: &Value) -> OperationState {
    let asked = &state["operation"]["sync"];
    // What was asked for may be a branch; the result has the commit that it was then.
    let mut wanted = revisions(&state["syncResult"]);
    if wanted.is_empty() {
        wanted = revisions(asked);
    }
    OperationState {
        phase: match state["phase"].as_str() {
            Some("Running") => OperationPhase::Running,
            Some("Terminating") => OperationPhase::Terminating,
            Some("Succeeded") => OperationPhase::Succeeded,
            Some("Failed") => OperationPhase::Failed,
            Some("Error") => OperationPhase::Error,
            _ => OperationPhase::Unknown,
        },
        message: text(&state["message"]),
        revisions: wanted,
        sources: sources(&state["syncResult"]),
        partial: items(&asked["resources"]).next().is_some(),
        begun_by: begun_by(&state["operation"]["initiatedBy"]),
        retries: u32::try_from(number(&state["retryCount"])).unwrap_or(0),
        started_at: parse_time(&state["startedAt"]),
        finished_at: parse_time(&state["finishedAt"]),
    }
}

fn resource(resource: &Value) -> ApplicationResource {
    ApplicationResource {
        object: ObjectRef::new(
            resource["kind"].as_str().unwrap_or_default(),
            resource["namespace"].as_str().unwrap_or_default(),
            resource["name"].as_str().unwrap_or_default(),
        ),
        health: resource["health"]["status"].as_str().map(health_word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several() -> Value {
        json!({
            "metadata": {"namespace": "argocd", "name": "grafana", "resourceVersion": "9",
                "annotations": {REFRESH: "normal", SKIP: "true"}},
            "operation": {"sync": {}},
            "spec": {
                "sources": [
                    {"chart": "grafana", "repoURL": "https://charts.example.org", "targetRevision": "9.2.1"},
                    {"ref": "values", "repoURL": "https://git.example.org/ops/homelab.git"},
                ],
                "syncPolicy": {"automated": {"prune": true}, "syncOptions": ["CreateNamespace=true"]},
            },
            "status": {
                "sync": {"status": "Synced", "revisions": ["9.2.1", "cc05"], "comparedTo": {
                    "source": {"repoURL": ""},
                    "sources": [{"chart": "grafana", "repoURL": "c"}, {"repoURL": "g", "targetRevision": "main"}],
                }},
                "health": {"status": "Sleepy"},
                "operationState": {"phase": "Running", "finishedAt": "2026-11-21T02:01:32Z", "retryCount": 2,
                    "operation": {"sync": {"revisions": ["9.2.1", "cc05"], "resources": [{"kind": "Service"}]}}},
                "reconciledAt": "2026-11-21T02:02:03Z",
                "conditions": [{"type": "ComparisonError", "message": "m"},
                    {"type": "SyncError", "message": "s", "lastTransitionTime": "2026-11-21T02:01:08Z"}],
                "resources": [{"kind": "Service", "namespace": "n", "name": "s"}],
            },
        })
    }

    #[test]
    fn an_application_is_read_in_all_its_parts() {
        let read = application(&several()).expect("an Application");
        assert!(read.refresh_requested && read.operation_requested.is_some() && read.automated && read.prune);
        assert_eq!(read.revisions, ["9.2.1", "cc05"]);
        assert_eq!(read.compared_sources.len(), 2);
        assert_eq!(read.compared_sources[1].target_revision, "main");
        assert_eq!(read.health, ApplicationHealth::Unknown, "an unknown word is never healthy");
        let operation = read.operation.expect("an operation");
        assert_eq!(
            (operation.phase, operation.retries, operation.partial),
            (OperationPhase::Running, 2, true)
        );
        assert!(operation.finished_at.is_some());
        let condition = |kind: &str, message: &str| (kind.to_owned(), message.to_owned());
        assert_eq!(read.conditions, [condition("ComparisonError", "m"), condition("SyncError", "s")]);
        let since: Vec<String> =
            read.conditions_since.iter().map(|(kind, at)| format!("{kind} {at}")).collect();
        assert_eq!(since, ["SyncError 2026-11-21T02:01:08Z"]);
        assert!(read.skips_reconcile);
    }

    #[test]
    fn what_was_compared_is_told_from_the_spec_by_all_that_both_say() {
        let spec = json!({
            "source": {"repoURL": "https://git.example.org/ops/homelab.git", "path": "apps/web", "helm": {"values": "a: 1"}},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
            "ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
        });
        let read = |pointer: &str, value: Value| {
            let mut compared = spec.clone();
            *compared.pointer_mut(pointer).expect("it is there") = value;
            let object = json!({"metadata": {"namespace": "argocd", "name": "web"}, "spec": spec,
                "status": {"sync": {"comparedTo": compared}}});
            application(&object).expect("an Application")
        };
        let is_told = |app: &Application| app.sources != app.compared_sources || app.compared_otherwise;
        let in_cluster =
            json!({"name": "in-cluster", "server": "https://kubernetes.default.svc", "namespace": "web"});
        for (name, pointer, compared, expected) in [
            ("the same", "/source/path", json!("apps/web"), false),
            ("other values", "/source/helm/values", json!("a: 2"), true),
            ("no values", "/source/helm", Value::Null, true),
            ("values as an object", "/source/helm", json!({"valuesObject": {"a": 1}}), true),
            ("another namespace", "/destination/namespace", json!("shop"), true),
            ("another cluster", "/destination/server", json!("https://10.0.0.9"), true),
            (
                "a cluster by its name alone",
                "/destination",
                json!({"name": "in-cluster", "namespace": "web"}),
                true,
            ),
            ("by both", "/destination", in_cluster, false),
            ("an older Argo CD", "/destination", Value::Null, false),
            ("another field ignored", "/ignoreDifferences/0/jsonPointers", json!(["/spec/x"]), true),
            ("of what is ignored nothing is told", "/ignoreDifferences", Value::Null, false),
        ] {
            assert_eq!(is_told(&read(pointer, compared)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_unknown_and_no_name_is_an_error() {
        let bare =
            application(&json!({"metadata": {"name": "a", "namespace": "b"}, "status": null})).expect("bare");
        assert_eq!((bare.sync, bare.health), (SyncStatus::Unknown, ApplicationHealth::Unknown));
        assert!(bare.reconciled_at.is_none() && bare.operation.is_none() && !bare.automated);
        assert!(application(&json!({"spec": {}})).is_err());
    }

    #[test]
    fn an_operation_that_was_asked_for_by_a_branch_is_of_the_commit_that_it_was_then() {
        let revisions = |asked: Value, result: Value| {
            operation_state(&json!({"phase": "Failed", "operation": {"sync": asked}, "syncResult": result}))
                .revisions
        };
        let begun =
            |by: Value| operation_state(&json!({"operation": {"sync": {}, "initiatedBy": by}})).begun_by;
        let people = [json!({"username": "operator"}), json!({"username": ""}), json!({}), Value::Null];
        assert!(people.into_iter().all(|by| begun(by) == BegunBy::Person), "who need not tell a name");
        assert_eq!(begun(json!({"automated": true})), BegunBy::Itself);
        assert_eq!(begun(json!({"username": INITIATOR})), BegunBy::Us);
        assert_eq!(revisions(json!({"revision": "main"}), json!({"revision": "cc05"})), ["cc05"]);
        assert_eq!(revisions(json!({"revision": "cc05"}), Value::Null), ["cc05"]);
        let both = json!({"revision": "", "revisions": ["9.2.1", "cc05"]});
        assert_eq!(revisions(json!({"revisions": ["9.*", "HEAD"]}), both), ["9.2.1", "cc05"]);
    }

    #[test]
    fn a_sync_pins_the_commit_of_a_single_source_only() {
        let mut read = application(&several()).expect("an Application");
        let many = operation(&read, Some("abc"));
        assert_eq!(many["sync"]["revisions"], json!(["9.2.1", "HEAD"]));
        assert!(many["sync"].get("revision").is_none());
        read.sources.truncate(1);
        let single = operation(&read, Some("abc"));
        assert_eq!(single["sync"]["revision"], "abc");
        let own = operation(&read, None);
        assert!(own["sync"].get("revision").is_none(), "it goes where its source says: {own}");
        assert_eq!(single["sync"]["prune"], true);
        assert_eq!(single["sync"]["syncOptions"], json!(["CreateNamespace=true"]));
        assert_eq!(single["initiatedBy"]["username"], "caretaker");
    }
}
