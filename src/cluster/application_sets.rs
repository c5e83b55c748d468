//! Argo CD `ApplicationSets`: read, and asked to look at their generators.
//!
//! A set reads Git every three minutes by itself, or as often as its generators say, and after a webhook where one is set up for
//! it. What it makes of a commit is known only after that.

use super::client::Kubernetes;
use super::decode::{conditions, items, object_name, parse_time, text};
use super::request::Write;
use super::{ClusterResult, Condition, Freshness, Installed, ObjectRef};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// What makes Applications from a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApplicationSet {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When it was to be deleted.
    pub(crate) deleted_at: Option<Timestamp>,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
    /// What its generators read of Git, as repository and revision, however deep they stand in one another.
    pub(crate) generated_from: Vec<(String, String)>,
    /// It was asked to look and has not done so yet (the annotation is there).
    pub(crate) refresh_requested: bool,
    /// Whether it syncs what it makes step by step (`RollingSync`), for which it switches their automated sync off.
    pub(crate) rolling: bool,
    /// How often it looks by itself; `None` where it never does.
    pub(crate) looks_every: Option<Duration>,
}

/// The annotation that asks for a look; its controller takes it away when it has looked.
const REFRESH: &str = "argocd.argoproj.io/application-set-refresh";

/// How often a generator is read anew that says nothing of it: those of Git, and those that ask a service. Others are told.
const ASKING: [(&str, u64); 5] = [
    ("git", 180),
    ("clusterDecisionResource", 180),
    ("scmProvider", 1800),
    ("pullRequest", 1800),
    ("plugin", 1800),
];

impl ApplicationSet {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("ApplicationSet", &self.namespace, &self.name)
    }
}

impl Kubernetes {
    /// All of them.
    pub(super) async fn read_application_sets(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<ApplicationSet>>> {
        let path = "/apis/argoproj.io/v1alpha1/applicationsets";
        self.all(path, "ApplicationSetList", application_set, freshness).await
    }
}

impl Kubernetes {
    /// Asks a set to read its generators anew.
    pub(super) async fn refresh_set(&self, set: &ApplicationSet) -> ClusterResult<()> {
        let ApplicationSet { namespace, name, .. } = set;
        let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applicationsets/{name}");
        let asked = json!({"metadata": {"annotations": {REFRESH: "true"}}});
        self.connection().write(Write::Merge, &path, &asked).await.map(drop)
    }
}

/// The Git generators below a value, those within `matrix` and `merge` among them.
fn git_generators(value: &Value, found: &mut Vec<(String, String)>) {
    for generator in items(&value["generators"]) {
        let git = &generator["git"];
        if git.is_object() {
            found.push((text(&git["repoURL"]), text(&git["revision"])));
        }
        for nested in ["matrix", "merge"] {
            git_generators(&generator[nested], found);
        }
    }
}

/// How often the generators below a value are read anew: the one that is read most often makes all of them be.
fn looks_every(value: &Value) -> Option<Duration> {
    let own = |generator: &Value| {
        let seconds = ASKING.iter().filter(|(kind, _)| generator[*kind].is_object()).map(|(kind, usual)| {
            let given = &generator[*kind]["requeueAfterSeconds"];
            given.as_u64().unwrap_or(if given.is_null() { *usual } else { 0 })
        });
        let seconds = seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        seconds.chain(["matrix", "merge"].into_iter().filter_map(|kind| looks_every(&generator[kind]))).min()
    };
    items(&value["generators"]).filter_map(own).min()
}

fn application_set(object: &Value) -> Result<ApplicationSet, String> {
    let (namespace, name) = object_name(object)?;
    let mut generated_from = Vec::new();
    git_generators(&object["spec"], &mut generated_from);
    Ok(ApplicationSet {
        generated_from,
        refresh_requested: object["metadata"]["annotations"][REFRESH].is_string(),
        rolling: object["spec"]["strategy"]["type"] == "RollingSync",
        looks_every: looks_every(&object["spec"]),
        namespace,
        name,
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        deleted_at: parse_time(&object["metadata"]["deletionTimestamp"]),
        conditions: conditions(&object["status"]),
    })
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::*;

    #[test]
    fn a_set_is_read_with_its_conditions() {
        let read = application_set(&json!({
            "metadata": {"namespace": "argocd", "name": "apps", "creationTimestamp": "2026-11-21T02:00:00Z"},
            "status": {"conditions": [
                {"type": "ErrorOccurred", "status": "True", "reason": "ApplicationParamsGenerationError",
                    "message": "received 404", "lastTransitionTime": "2026-11-21T02:00:00Z"},
                {"type": "ResourcesUpToDate", "status": "False", "reason": "ErrorOccurred", "message": "received 404"},
            ]},
        }))
        .expect("a set");
        assert_eq!(read.object().to_string(), "ApplicationSet argocd/apps");
        assert_eq!(read.conditions[0].status, ConditionStatus::True);
        assert!(read.created_at.is_some() && read.conditions[0].since.is_some());
        assert!(read.generated_from.is_empty() && !read.refresh_requested && !read.rolling);
        let rolling = json!({"metadata": {"name": "s"}, "spec": {"strategy": {"type": "RollingSync"}}});
        assert!(application_set(&rolling).expect("a set").rolling);
        let nested = json!({"metadata": {"name": "s", "annotations": {REFRESH: "true"}}, "spec": {"generators": [
            {"list": {"elements": []}},
            {"matrix": {"generators": [{"clusters": {}}, {"git": {"repoURL": "https://git.example.org/a", "revision": "HEAD"}}]}},
            {"git": {"repoURL": "https://git.example.org/b"}}]}});
        let read = application_set(&nested).expect("a set");
        let from = [("https://git.example.org/a", "HEAD"), ("https://git.example.org/b", "")];
        assert_eq!(read.generated_from, from.map(|(url, revision)| (url.to_owned(), revision.to_owned())));
        assert!(read.refresh_requested);
        assert!(application_set(&json!({})).is_err());
    }

    #[test]
    fn a_set_looks_as_often_as_its_busiest_generator() {
        let git = |more: Value| {
            let mut git = json!({"repoURL": "https://git.example.org/a"});
            git.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            json!({"git": git})
        };
        let every = |seconds: u64| json!({"requeueAfterSeconds": seconds});
        for (generators, expected) in [
            (json!([git(json!({}))]), Some(180)),
            (json!([git(every(30))]), Some(30)),
            (json!([git(every(0))]), None),
            (json!([git(every(0)), {"plugin": {}}]), Some(1800)),
            (json!([{"list": {"elements": []}}, {"clusters": {}}]), None),
            (
                json!([{"matrix": {"generators": [{"clusters": {}}, git(every(600))]}}, git(every(900))]),
                Some(600),
            ),
        ] {
            let spec = json!({"generators": generators});
            assert_eq!(looks_every(&spec), expected.map(Duration::from_secs), "{spec}");
        }
    }
}
