//! Sync operations of Argo CD: taken up, tried, retried, terminated, ended.
//!
//! An operation keeps the revision that it was started with. Between two tries its phase is Running with the time at
//! which the last try ended, and nothing but the phase Terminating ends it before its retries are used up.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::application::{self as app, text};
use super::argocd::{ArgoCd, Job, SYNCING};
use super::now;
use super::render::{Rendered, render};
use super::volumes::{CLASS, bind_volumes};
use crate::kubernetes::{DAEMONSET, DEPLOYMENT, Kubernetes, NAMESPACE, PVC, STATEFULSET};

/// Seconds of reality before a failed sync is tried again; doubled each time.
const RETRY: f64 = 60.0;
/// The longest of these waits.
const RETRY_LONGEST: f64 = 960.0;

impl ArgoCd {
    /// Takes up an operation that somebody asked for.
    pub(crate) fn start(&mut self, name: &str, object: &Value) {
        let revision = match text(object, "/operation/sync/revision") {
            "" | "HEAD" => self.source(object).map(|(revision, _)| revision).unwrap_or_default(),
            given if given == self.repository.default_branch() => {
                self.source(object).map(|(revision, _)| revision).unwrap_or_default()
            }
            given => given.to_owned(),
        };
        self.change(name, |object| {
            let operation = object["operation"].clone();
            object["status"]["operationState"] = json!({
                "message": "waiting for completion of the sync", "operation": operation, "phase": "Running",
                "startedAt": now(), "syncResult": {"revision": revision, "source": object["spec"]["source"]},
            });
        });
        if let Some(known) = self.known.get_mut(name) {
            known.attempted = revision;
            known.step = None;
        }
        self.plan_step(name, SYNCING);
    }

    /// The operation has come to its next step: it is tried, or it has been terminated.
    pub(crate) fn operate(&mut self, name: &str) {
        let Some(object) = self.get(name) else { return };
        let due = self.known.get(name).and_then(|known| known.step);
        match due {
            None => return,
            Some(step) if step > Instant::now() => {
                self.agenda.wake(Job::Operate(name.to_owned()), step);
                return;
            }
            Some(_) => {}
        }
        if let Some(known) = self.known.get_mut(name) {
            known.step = None;
        }
        match app::phase(&object) {
            "Terminating" => {
                self.finish(name, "Failed", "Operation terminated", None);
            }
            "Running" if object.get("operation").is_some() => self.try_sync(name, &object),
            _ => {}
        }
    }

    fn try_sync(&mut self, name: &str, object: &Value) {
        let revision = text(object, "/status/operationState/syncResult/revision").to_owned();
        let namespace = text(object, "/spec/destination/namespace").to_owned();
        let path = text(object, "/spec/source/path");
        let folder = self.folder(&revision, path).unwrap_or_default();
        let rendered = match render(name, &namespace, &folder) {
            Ok(rendered) => rendered,
            Err(error) => {
                let message =
                    format!("ComparisonError: failed to generate manifest for source 1 of 1: {error}");
                self.finish(name, "Error", &message, None);
                return;
            }
        };
        if self.story.is_refused(name, &rendered.version) {
            self.refused(name, object, &rendered, &revision);
            return;
        }
        apply(&self.kubernetes, &namespace, &rendered);
        let result = app::sync_result(object, &rendered.objects, &revision, None);
        let source_type = rendered.source_type;
        if let Some(known) = self.known.get_mut(name) {
            known.applied = Some(folder);
            known.objects = rendered.objects;
            known.source_type = source_type;
        }
        self.finish(name, "Succeeded", "successfully synced (all tasks run)", Some(result));
    }

    /// A sync failed: the same revision is tried again, until the retries are used up.
    fn refused(&mut self, name: &str, object: &Value, rendered: &Rendered, revision: &str) {
        let refusal = format!(
            "Deployment.apps \"{name}\" is invalid: spec.template: Invalid value: field is immutable"
        );
        let result = app::sync_result(object, &rendered.objects, revision, Some(&refusal));
        let message = format!("one or more objects failed to apply, reason: {refusal}");
        let retries =
            object.pointer("/status/operationState/retryCount").and_then(Value::as_u64).unwrap_or_default();
        let limit = object.pointer("/operation/retry/limit").and_then(Value::as_u64).unwrap_or_default();
        if retries >= limit {
            let message = if limit == 0 { message } else { format!("{message} (retried {limit} times).") };
            self.finish(name, "Failed", &message, Some(result));
            let message = format!("Failed last sync attempt to [{revision}]: {message}");
            self.change(name, |object| app::set_condition(object, "SyncError", Some(&message)));
            return;
        }
        let exponent = u32::try_from(retries.min(10)).unwrap_or_default();
        let seconds = (RETRY * f64::from(2_u32.pow(exponent))).min(RETRY_LONGEST);
        let wait = self.speed.seconds(seconds);
        let at = Timestamp::now() + jiff::SignedDuration::try_from(wait).unwrap_or_default();
        let message = format!("{message}. Retrying attempt #{} at {}.", retries + 1, at.strftime("%-I:%M%p"));
        self.change(name, |object| {
            // Somebody may have asked for its end in the meantime.
            if app::phase(object) == "Running" {
                object["status"]["operationState"]["finishedAt"] = json!(now());
                object["status"]["operationState"]["retryCount"] = json!(retries + 1);
                object["status"]["operationState"]["message"] = json!(message);
                object["status"]["operationState"]["syncResult"] = result;
            }
        });
        self.plan_step(name, seconds);
    }

    /// Ends the operation, and compares with what was read last.
    fn finish(&mut self, name: &str, phase: &str, message: &str, result: Option<Value>) {
        let succeeded = phase == "Succeeded";
        self.change(name, |object| {
            let state = &mut object["status"]["operationState"];
            state["phase"] = json!(phase);
            state["message"] = json!(message);
            state["finishedAt"] = json!(now());
            if let Some(result) = result {
                state["syncResult"] = result;
            }
            app::remove(object, "", "operation");
            if succeeded {
                let started = text(object, "/status/operationState/startedAt").to_owned();
                let revision = text(object, "/status/operationState/syncResult/revision").to_owned();
                app::remember(object, &revision, &started);
                app::set_condition(object, "SyncError", None);
            }
        });
        self.compare(name);
    }
}

/// Applies objects as a server-side apply would: what others added stays.
pub(crate) fn apply(kubernetes: &Kubernetes, namespace: &str, rendered: &Rendered) {
    if kubernetes.get(&NAMESPACE, None, namespace).is_none() {
        kubernetes.namespace(namespace);
    }
    for object in &rendered.objects {
        let name = text(object, "/metadata/name");
        let kind = match text(object, "/kind") {
            "Deployment" => DEPLOYMENT,
            "StatefulSet" => STATEFULSET,
            "DaemonSet" => DAEMONSET,
            "PersistentVolumeClaim" => {
                make_claim(kubernetes, namespace, object);
                continue;
            }
            _ => continue,
        };
        if kubernetes.merge_patch(&kind, Some(namespace), name, object).is_none() {
            kubernetes.apply(object.clone());
        }
        for claim in object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
            for index in 0..object["spec"]["replicas"].as_u64().unwrap_or(1) {
                let mut claim = claim.clone();
                let claim_name = format!("{}-{name}-{index}", text(&claim, "/metadata/name"));
                claim["apiVersion"] = json!("v1");
                claim["kind"] = json!("PersistentVolumeClaim");
                claim["metadata"] = json!({"name": claim_name, "namespace": namespace});
                make_claim(kubernetes, namespace, &claim);
            }
        }
    }
}

/// A claim that is there keeps the volume that it has; the binder finds one for a new one, before any pod is started.
fn make_claim(kubernetes: &Kubernetes, namespace: &str, claim: &Value) {
    if kubernetes.get(&PVC, Some(namespace), text(claim, "/metadata/name")).is_some() {
        return;
    }
    let mut claim = claim.clone();
    claim["spec"]["storageClassName"] = json!(CLASS);
    kubernetes.apply(claim);
    bind_volumes(kubernetes);
}
