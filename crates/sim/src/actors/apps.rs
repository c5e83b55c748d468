//! An app of the homelab: what it is made of, and the files that say so in the repository.

use std::fmt::Write as _;

/// What runs an app's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// A Deployment.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
    /// A `DaemonSet`.
    DaemonSet,
}

impl Controller {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where the version of an app is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// A Helm chart: `Chart.yaml` names the chart and its version as a dependency.
    Chart {
        /// The name of the chart, which is Renovate's package as well.
        chart: String,
        /// The chart repository.
        repository: String,
        /// The version.
        version: String,
    },
    /// The shared chart `app-template` with the image in `values.yaml`; both have a version.
    Template {
        /// The version of `app-template`.
        chart_version: String,
        /// The image without its tag, which is Renovate's package as well.
        image: String,
        /// The tag.
        tag: String,
    },
    /// Plain manifests that kustomize puts together: the version is the image's tag in `workload.yaml`.
    Manifests {
        /// The image without its tag, which is Renovate's package as well.
        image: String,
        /// The tag.
        tag: String,
    },
}

/// The chart that many apps share.
pub(crate) const APP_TEMPLATE: &str = "app-template";
/// Where it comes from.
pub(crate) const APP_TEMPLATE_REPOSITORY: &str = "https://charts.example.org/app-template";

/// An app of the homelab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpec {
    /// The name: of the Application, of its namespace, of its folder.
    pub name: String,
    /// The folder that holds the app's folder: `apps`, `platform`, `system`.
    pub group: String,
    /// Where its version is written.
    pub packaging: Packaging,
    /// What runs its pods.
    pub controller: Controller,
    /// How many pods it has (a `DaemonSet` has one a node).
    pub replicas: u32,
    /// Whether its pods mount a claim.
    pub volume: bool,
    /// Plain environment variables, such as `DATABASE_URL`.
    pub environment: Vec<(String, String)>,
}

impl AppSpec {
    fn new(group: &str, name: &str, packaging: Packaging) -> Self {
        Self {
            name: name.into(),
            group: group.into(),
            packaging,
            controller: Controller::Deployment,
            replicas: 1,
            volume: false,
            environment: Vec::new(),
        }
    }

    /// An app out of a Helm chart.
    #[must_use]
    pub fn chart(group: &str, name: &str, chart: &str, version: &str) -> Self {
        let repository = format!("https://charts.example.org/{chart}");
        let packaging = Packaging::Chart { chart: chart.into(), repository, version: version.into() };
        Self::new(group, name, packaging)
    }

    /// An app out of the shared chart `app-template`.
    #[must_use]
    pub fn template(group: &str, name: &str, chart_version: &str, image: &str, tag: &str) -> Self {
        let packaging =
            Packaging::Template { chart_version: chart_version.into(), image: image.into(), tag: tag.into() };
        Self::new(group, name, packaging)
    }

    /// An app out of plain manifests.
    #[must_use]
    pub fn manifests(group: &str, name: &str, image: &str, tag: &str) -> Self {
        Self::new(group, name, Packaging::Manifests { image: image.into(), tag: tag.into() })
    }

    /// The same, run by another kind of controller.
    #[must_use]
    pub fn run_by(mut self, controller: Controller) -> Self {
        self.controller = controller;
        self
    }

    /// The same with so many pods.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// The same with a volume.
    #[must_use]
    pub fn with_volume(mut self) -> Self {
        self.volume = true;
        self
    }

    /// The same with an environment variable.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The folder in the repository.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// The packages that Renovate finds in the app's files, with file and version.
    pub(crate) fn packages(&self) -> Vec<Package> {
        let path = self.path();
        match &self.packaging {
            Packaging::Chart { chart, version, .. } => {
                vec![Package::chart(chart, &format!("{path}/Chart.yaml"), version)]
            }
            Packaging::Template { chart_version, image, tag } => vec![
                Package::image(image, &format!("{path}/values.yaml"), tag),
                Package::chart(APP_TEMPLATE, &format!("{path}/Chart.yaml"), chart_version),
            ],
            Packaging::Manifests { image, tag } => {
                vec![Package::image(image, &format!("{path}/workload.yaml"), tag)]
            }
        }
    }

    /// The app's files, by path from the root of the repository.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let path = self.path();
        match &self.packaging {
            Packaging::Chart { chart, repository, version } => vec![
                (format!("{path}/Chart.yaml"), self.chart_file(chart, repository, version)),
                (format!("{path}/values.yaml"), self.values_file(None)),
            ],
            Packaging::Template { chart_version, image, tag } => vec![
                (
                    format!("{path}/Chart.yaml"),
                    self.chart_file(APP_TEMPLATE, APP_TEMPLATE_REPOSITORY, chart_version),
                ),
                (format!("{path}/values.yaml"), self.values_file(Some((image, tag)))),
            ],
            Packaging::Manifests { image, tag } => vec![
                (
                    format!("{path}/kustomization.yaml"),
                    format!(
                        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {}\nresources:\n  \
                         - workload.yaml\n",
                        self.name
                    ),
                ),
                (format!("{path}/workload.yaml"), self.workload_file(image, tag)),
            ],
        }
    }

    fn chart_file(&self, chart: &str, repository: &str, version: &str) -> String {
        format!(
            "apiVersion: v2\nname: {}\nversion: 0.0.0\ndependencies:\n  - name: {chart}\n    version: {version}\n    \
             repository: {repository}\n",
            self.name
        )
    }

    fn values_file(&self, image: Option<(&str, &str)>) -> String {
        let mut text = format!("controller: {}\nreplicas: {}\n", self.controller.as_str(), self.replicas);
        if let Some((image, tag)) = image {
            let _ = write!(text, "image:\n  repository: {image}\n  tag: {tag}\n");
        }
        if !self.environment.is_empty() {
            text.push_str("env:\n");
            for (name, value) in &self.environment {
                let _ = writeln!(text, "  {name}: {value:?}");
            }
        }
        if self.volume {
            text.push_str("persistence:\n  data:\n    size: 10Gi\n    mountPath: /data\n");
        }
        text
    }

    fn workload_file(&self, image: &str, tag: &str) -> String {
        let name = &self.name;
        let kind = self.controller.as_str();
        let mut text = format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\n  labels:\n    \
             app.kubernetes.io/name: {name}\nspec:\n"
        );
        match self.controller {
            Controller::Deployment => {
                let _ = writeln!(text, "  replicas: {}\n  progressDeadlineSeconds: 120", self.replicas);
            }
            Controller::StatefulSet => {
                let _ = writeln!(text, "  replicas: {}\n  serviceName: {name}", self.replicas);
            }
            Controller::DaemonSet => {}
        }
        let _ = write!(
            text,
            "  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n  template:\n    metadata:\n      \
             labels:\n        app.kubernetes.io/name: {name}\n    spec:\n      containers:\n        - name: {name}\n          \
             image: {image}:{tag}\n"
        );
        if !self.environment.is_empty() {
            text.push_str("          env:\n");
            for (variable, value) in &self.environment {
                let _ = write!(text, "            - name: {variable}\n              value: {value:?}\n");
            }
        }
        if self.volume {
            text.push_str(
                "          volumeMounts:\n            - name: data\n              mountPath: /data\n",
            );
            if self.controller == Controller::StatefulSet {
                text.push_str(
                    "  volumeClaimTemplates:\n    - metadata:\n        name: data\n      spec:\n        accessModes: \
                     [ReadWriteOnce]\n        resources:\n          requests:\n            storage: 10Gi\n",
                );
            } else {
                let _ = write!(
                    text,
                    "      volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: \
                     {name}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\nspec:\n  \
                     accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 10Gi\n"
                );
            }
        }
        text
    }
}

/// What a package is, which decides its words in a pull request and the line that holds its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageKind {
    HelmChart,
    Image,
}

/// A version somewhere in the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) kind: PackageKind,
    pub(crate) name: String,
    pub(crate) file: String,
    /// As the app was made with; the file tells what it is now.
    pub(crate) version: String,
}

impl Package {
    fn chart(name: &str, file: &str, version: &str) -> Self {
        Self { kind: PackageKind::HelmChart, name: name.into(), file: file.into(), version: version.into() }
    }

    fn image(name: &str, file: &str, version: &str) -> Self {
        Self { kind: PackageKind::Image, name: name.into(), file: file.into(), version: version.into() }
    }

    /// The byte range of the version in the file's text.
    fn span(&self, text: &str) -> Option<std::ops::Range<usize>> {
        let (anchor, key) = match self.kind {
            PackageKind::HelmChart => (format!("name: {}\n", self.name), "version: "),
            PackageKind::Image => {
                let inline = format!("image: {}:", self.name);
                if let Some(at) = text.find(&inline) {
                    return Some(to_line_end(text, at + inline.len()));
                }
                (format!("repository: {}\n", self.name), "tag: ")
            }
        };
        let anchor = text.rfind(&anchor)? + anchor.len();
        let key_at = anchor + text[anchor..].find(key)? + key.len();
        Some(to_line_end(text, key_at))
    }

    /// The version that the file's text holds.
    pub(crate) fn read(&self, text: &str) -> Option<String> {
        Some(text[self.span(text)?].trim().to_owned())
    }

    /// The file's text with another version.
    pub(crate) fn write(&self, text: &str, version: &str) -> Option<String> {
        let span = self.span(text)?;
        Some(format!("{}{version}{}", &text[..span.start], &text[span.end..]))
    }
}

fn to_line_end(text: &str, from: usize) -> std::ops::Range<usize> {
    let end = text[from..].find(['\n', '\r']).map_or(text.len(), |length| from + length);
    from..end
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_package_is_found_and_only_its_version_changes() {
        for app in super::super::homelab_apps() {
            for package in app.packages() {
                let files = app.files();
                let text = &files.iter().find(|(path, _)| *path == package.file).expect("the file exists").1;
                assert_eq!(package.read(text).as_deref(), Some(package.version.as_str()), "{}", package.file);
                let changed = package.write(text, "999.1.2").expect("the version is there");
                assert_eq!(package.read(&changed).as_deref(), Some("999.1.2"));
                let differing = text.lines().zip(changed.lines()).filter(|(old, new)| old != new).count();
                assert_eq!(differing, 1, "{}", package.file);
            }
        }
    }
}
