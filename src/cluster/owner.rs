//! What a controller of Git's state keeps, as one thing with all that it made: an Argo CD Application, a Flux Kustomization.

use super::{Application, FluxObject, ObjectRef};

/// A chart that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunningChart {
    /// Its name.
    pub(crate) name: String,
    /// Where it comes from, without the name; nothing where that is not told.
    pub(crate) repository: String,
    /// Its version.
    pub(crate) version: String,
}

/// An Application or a Kustomization, and what it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// Its inventory.
    pub(crate) owns: Vec<ObjectRef>,
    /// The images that it runs, where it tells.
    pub(crate) images: Vec<String>,
    /// The charts that it runs.
    pub(crate) charts: Vec<RunningChart>,
}

impl From<&Application> for Owner {
    fn from(application: &Application) -> Self {
        let compared = application.compared_sources.iter().zip(&application.revisions);
        let charts = compared.filter_map(|(source, revision)| {
            Some(RunningChart {
                name: source.chart.clone()?,
                repository: source.repository_url.clone(),
                version: revision.clone(),
            })
        });
        Self {
            object: application.object(),
            owns: application.resources.iter().map(|resource| resource.object.clone()).collect(),
            images: application.images.clone(),
            charts: charts.collect(),
        }
    }
}

impl Owner {
    /// A Kustomization with what it applied, and what the `HelmReleases` among that installed, where they tell.
    pub(crate) fn of_kustomization(kustomization: &FluxObject, all: &[FluxObject]) -> Self {
        let mut owns = kustomization.inventory.clone();
        let mut charts = Vec::new();
        for release in all.iter().filter(|one| kustomization.inventory.contains(&one.object())) {
            if let Some((name, version)) = &release.chart {
                let (name, version) = (name.clone(), version.clone());
                charts.push(RunningChart { repository: repository_of(release, &name, all), name, version });
            }
            // A Kustomization within it is a watcher of its own, and what it made is its own.
            if release.kind == super::FluxKind::HelmRelease {
                owns.extend(release.inventory.iter().cloned());
            }
        }
        Self { object: kustomization.object(), owns, images: Vec::new(), charts }
    }
}

/// Where a release takes its chart from: the address of a repository of charts, or of a registry without the chart's name.
fn repository_of(release: &FluxObject, name: &str, all: &[FluxObject]) -> String {
    let chart = all.iter().find(|one| release.helm_chart.as_ref() == Some(&one.object()));
    let sources = release.sources.iter().chain(chart.iter().flat_map(|chart| &chart.sources));
    let mut sources = sources.filter_map(|source| all.iter().find(|one| one.object() == *source));
    let address = sources.find_map(|source| source.address.as_deref()).unwrap_or_default();
    match address.rsplit_once('/') {
        Some((registry, last)) if last == name => registry.to_owned(),
        _ => address.to_owned(),
    }
}
