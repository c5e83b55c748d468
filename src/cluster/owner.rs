//! What a controller of Git's state keeps, as one thing with all that it made: an Argo CD Application, a Flux Kustomization.

use super::{Application, FluxKind, FluxObject, ObjectRef, Workload};

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
    /// What came by it as well, and changes by itself: what Kustomizations that it makes applied of sources which others move. It is
    /// waited for, and no fault of whoever changes the owner.
    pub(crate) beside: Vec<ObjectRef>,
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
            beside: Vec::new(),
            images: application.images.clone(),
            charts: charts.collect(),
        }
    }
}

impl Owner {
    /// A Kustomization with what it applied, what the `HelmReleases` among that installed, where they tell, and the same of the
    /// Kustomizations that it makes: beside it where others move the source of one. One of these that is a watcher itself keeps what
    /// it made.
    pub(crate) fn of_kustomization(
        kustomization: &FluxObject,
        all: &[FluxObject],
        watchers: &[&FluxObject],
    ) -> Self {
        let is_pinned = |one: &FluxObject| {
            all.iter().any(|source| source.pinned && one.sources.contains(&source.object()))
        };
        let mut owns = kustomization.inventory.clone();
        let mut beside = Vec::new();
        let mut charts = Vec::new();
        let mut seen = vec![kustomization];
        let mut makers = vec![(kustomization, true)];
        while let Some((maker, is_brought)) = makers.pop() {
            for made in all.iter().filter(|one| maker.inventory.contains(&one.object())) {
                if let Some((name, version)) = &made.chart {
                    let (name, version) = (name.clone(), version.clone());
                    charts.push(RunningChart { repository: repository_of(made, &name, all), name, version });
                }
                let is_its_own = !watchers.contains(&made) && !seen.contains(&made);
                let is_brought = is_brought && (made.kind != FluxKind::Kustomization || is_pinned(made));
                let known = if is_brought { &mut owns } else { &mut beside };
                match made.kind {
                    FluxKind::HelmRelease => known.extend(made.inventory.iter().cloned()),
                    FluxKind::Kustomization if is_its_own => {
                        known.extend(made.inventory.iter().cloned());
                        seen.push(made);
                        makers.push((made, is_brought));
                    }
                    _ => {}
                }
            }
        }
        Self { object: kustomization.object(), owns, beside, images: Vec::new(), charts }
    }

    /// Whether it came by it, whoever moves it.
    pub(crate) fn holds(&self, object: &ObjectRef) -> bool {
        self.owns.contains(object) || self.beside.contains(object)
    }

    /// Adds all that may move when it does: what came beside it, and what its releases installed and do not tell, since helm-controller
    /// writes on each object of which release it is.
    pub(crate) fn take_all_that_moves(&mut self, workloads: &[Workload]) {
        self.owns.append(&mut self.beside);
        for workload in workloads {
            let release = release_of(workload);
            let is_its_own = |release: &ObjectRef| self.object == *release || self.owns.contains(release);
            if release.is_some_and(|release| is_its_own(&release)) && !self.owns.contains(&workload.object) {
                self.owns.push(workload.object.clone());
            }
        }
    }
}

/// The release that a workload is labelled with.
fn release_of(workload: &Workload) -> Option<ObjectRef> {
    let label = |name: &str| workload.labels.get(name);
    let (namespace, name) =
        (label("helm.toolkit.fluxcd.io/namespace")?, label("helm.toolkit.fluxcd.io/name")?);
    Some(ObjectRef::new(FluxKind::HelmRelease.word(), namespace, name))
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
