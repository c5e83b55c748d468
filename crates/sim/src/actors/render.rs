//! From an app's files to the objects that Argo CD applies: a small Helm and a small kustomize.
//!
//! Only what the homelab's files use is understood; anything else is an error, as it is when the real tools fail.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::apps::Controller;

/// Why manifests could not be generated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("{path} is not valid YAML: {source}")]
    Yaml { path: String, source: serde_norway::Error },
    #[error("{path}: {what}")]
    Invalid { path: String, what: &'static str },
    #[error("no Chart.yaml and no kustomization.yaml in {0}")]
    NothingThere(String),
}

/// The files of one folder, by name without the folder.
pub(crate) type Folder = BTreeMap<String, String>;

/// The objects of an app, and the version that they carry.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) objects: Vec<Value>,
    pub(crate) version: String,
    /// How Argo CD names the tool.
    pub(crate) source_type: &'static str,
}

/// Renders the app `name` into `namespace`.
pub(crate) fn render(name: &str, namespace: &str, folder: &Folder) -> Result<Rendered, RenderError> {
    let mut rendered = if let Some(chart) = folder.get("Chart.yaml") {
        let values = folder.get("values.yaml").map_or("{}", String::as_str);
        chart_objects(name, &parse("Chart.yaml", chart)?, &parse("values.yaml", values)?)?
    } else if let Some(kustomization) = folder.get("kustomization.yaml") {
        kustomize_objects(&parse("kustomization.yaml", kustomization)?, folder)?
    } else {
        return Err(RenderError::NothingThere(name.to_owned()));
    };
    for object in &mut rendered.objects {
        object["metadata"]["namespace"] = json!(namespace);
    }
    Ok(rendered)
}

fn parse(path: &str, text: &str) -> Result<Value, RenderError> {
    serde_norway::from_str(text).map_err(|source| RenderError::Yaml { path: path.to_owned(), source })
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// A version may be written as a number (`17.5`).
fn scalar(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn chart_objects(name: &str, chart: &Value, values: &Value) -> Result<Rendered, RenderError> {
    let invalid = |what| RenderError::Invalid { path: "Chart.yaml".into(), what };
    let dependency = text(chart, "/dependencies/0/name").ok_or(invalid("no dependency"))?;
    let chart_version =
        scalar(chart, "/dependencies/0/version").ok_or(invalid("no version of the dependency"))?;
    let image = text(values, "/image/repository")
        .map_or_else(|| format!("registry.example.org/{dependency}"), str::to_owned);
    let version = scalar(values, "/image/tag").unwrap_or_else(|| chart_version.clone());
    let controller =
        text(values, "/controller").and_then(Controller::parse).unwrap_or(Controller::Deployment);
    let labels = json!({
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/version": version,
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": format!("{dependency}-{chart_version}"),
    });
    let mut container = json!({"name": name, "image": format!("{image}:{version}")});
    if let Some(variables) = values.get("env").and_then(Value::as_object) {
        let variables: Vec<Value> =
            variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        container["env"] = json!(variables);
    }
    let mut template = json!({"metadata": {"labels": labels}, "spec": {"containers": []}});
    let mut spec = Map::new();
    let mut objects = Vec::new();
    let size = text(values, "/persistence/data/size");
    if let Some(size) = size {
        let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}});
        let mount = text(values, "/persistence/data/mountPath").unwrap_or("/data");
        container["volumeMounts"] = json!([{"name": "data", "mountPath": mount}]);
        if controller == Controller::StatefulSet {
            spec.insert(
                "volumeClaimTemplates".into(),
                json!([{"metadata": {"name": "data"}, "spec": claim}]),
            );
        } else {
            template["spec"]["volumes"] =
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": name}}]);
            objects.push(json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": name, "labels": labels}, "spec": claim,
            }));
        }
    }
    template["spec"]["containers"] = json!([container]);
    if controller != Controller::DaemonSet {
        spec.insert("replicas".into(), values.get("replicas").cloned().unwrap_or(json!(1)));
    }
    match controller {
        Controller::Deployment => {
            spec.insert("progressDeadlineSeconds".into(), json!(120));
            // Two pods cannot mount one ReadWriteOnce claim, so charts take the old one away first.
            let strategy = if size.is_some() { "Recreate" } else { "RollingUpdate" };
            spec.insert("strategy".into(), json!({"type": strategy}));
        }
        Controller::StatefulSet => {
            spec.insert("serviceName".into(), json!(name));
        }
        Controller::DaemonSet => {}
    }
    spec.insert("selector".into(), json!({"matchLabels": {"app.kubernetes.io/name": name}}));
    spec.insert("template".into(), template);
    objects.push(json!({
        "apiVersion": "apps/v1", "kind": controller.as_str(),
        "metadata": {"name": name, "labels": labels}, "spec": spec,
    }));
    Ok(Rendered { objects, version, source_type: "Helm" })
}

fn kustomize_objects(kustomization: &Value, folder: &Folder) -> Result<Rendered, RenderError> {
    let invalid = |what| RenderError::Invalid { path: "kustomization.yaml".into(), what };
    let resources =
        kustomization.get("resources").and_then(Value::as_array).ok_or(invalid("no resources"))?;
    let mut objects = Vec::new();
    for resource in resources {
        let path = resource.as_str().ok_or(invalid("a resource is no path"))?;
        let content = folder.get(path).ok_or(invalid("a resource is missing"))?;
        for document in serde_norway::Deserializer::from_str(content) {
            let object = Value::deserialize(document)
                .map_err(|source| RenderError::Yaml { path: path.to_owned(), source })?;
            if !object.is_null() {
                objects.push(object);
            }
        }
    }
    let version = objects
        .iter()
        .find_map(|object| text(object, "/spec/template/spec/containers/0/image"))
        .and_then(|image| image.rsplit_once(':'))
        .map(|(_, tag)| tag.to_owned())
        .unwrap_or_default();
    Ok(Rendered { objects, version, source_type: "Kustomize" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_app_of_the_homelab_renders_with_its_version() {
        for app in super::super::homelab_apps() {
            let prefix = format!("{}/", app.path());
            let folder: Folder = app
                .files()
                .into_iter()
                .map(|(path, content)| (path.trim_start_matches(&prefix).to_owned(), content))
                .collect();
            let rendered = render(&app.name, &app.name, &folder).expect("the files are valid");
            let workload = rendered.objects.iter().find(|object| object["kind"] == app.controller.as_str());
            let workload = workload.unwrap_or_else(|| panic!("{} has its workload", app.name));
            let image = text(workload, "/spec/template/spec/containers/0/image").unwrap_or_default();
            let version = &app.packages()[0].version;
            assert!(image.ends_with(&format!(":{version}")), "{}: {image}", app.name);
            assert_eq!(rendered.version, *version);
            assert_eq!(
                workload.to_string().contains("DATABASE_URL"),
                app.environment.iter().any(|(name, _)| name == "DATABASE_URL")
            );
        }
    }

    #[test]
    fn a_folder_without_either_tool_is_an_error() {
        assert!(render("empty", "empty", &Folder::new()).is_err());
    }
}
