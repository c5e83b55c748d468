//! Does what runs match what the pull request promised?

use crate::cluster::{Definition, HeldBack, ObjectRef, Owner, RunningChart, Workload};
use crate::forge::renovate::Update;
use std::fmt;

/// An image, a chart or definitions that are not of the promised version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Where.
    pub(crate) owner: String,
    /// The package.
    pub(crate) package: String,
    /// The promised version.
    pub(crate) wanted: String,
    /// The images, charts or definitions of that package that are there instead.
    pub(crate) running: Vec<String>,
}

/// Compares the images and charts that the affected watchers run with the table. A package that is neither there says
/// nothing; one that appears in several versions is fine once one of them is the promised one.
pub(crate) fn mismatches(updates: &[Update], affected: &[Owner]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for owner in affected {
        for update in updates {
            let running = running(owner, &update.package);
            if running.is_empty() || running.iter().any(|one| one.is(&update.to)) {
                continue;
            }
            let running = running.iter().map(ToString::to_string).collect();
            found.push(Mismatch {
                owner: owner.object.name.clone(),
                package: update.package.clone(),
                wanted: update.to.clone(),
                running,
            });
        }
    }
    found
}

/// The workloads of the affected watchers whose pods are of an older template and stay so, although that has a promised image, or is of
/// a promised chart and held none back before: whoever follows them reads them as updated.
pub(crate) fn held_back(
    updates: &[Update],
    affected: &[Owner],
    workloads: &[Workload],
    before: &dyn Fn(&ObjectRef) -> bool,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for owner in affected {
        let own = workloads.iter().filter(|workload| owner.holds(&workload.object));
        for (workload, held) in own.filter_map(|workload| Some((workload, workload.held_back?))) {
            let (many, until) = match held {
                HeldBack::UntilDeleted(many) => (many, "until somebody deletes it"),
                HeldBack::ByPartition(many) => (many, "below the partition of its update"),
            };
            let pods = if many == 1 { "1 pod".to_owned() } else { format!("{many} pods") };
            let is_promised = |update: &&Update| {
                let mut images = workload.images.iter();
                let mut charts = owner.charts.iter();
                images.any(|image| is_image_of(image, &update.package) && is_version(image, &update.to))
                    || charts.any(|chart| {
                        is_chart_of(chart, &update.package) && is_chart_version(&chart.version, &update.to)
                    }) && !before(&workload.object)
            };
            found.extend(updates.iter().filter(is_promised).map(|update| Mismatch {
                owner: owner.object.name.clone(),
                package: update.package.clone(),
                wanted: update.to.clone(),
                running: vec![format!("{pods} of {}, each as it was {until},", workload.object)],
            }));
        }
    }
    found
}

/// What the other watchers still run of a package that the affected ones do not have at all: a change to a base or to values lies
/// in the folder of none that takes it. Another copy of a package may be nobody's business here, so that only the very
/// version from which the update came says anything, and only while the promised one runs nowhere.
pub(crate) fn left_behind(updates: &[Update], affected: &[Owner], others: &[Owner]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for update in updates {
        let Some(from) = &update.from else { continue };
        let is_compared = affected.iter().any(|owner| !running(owner, &update.package).is_empty());
        let of_others = || others.iter().map(|owner| (owner, running(owner, &update.package)));
        let has_arrived = of_others().any(|(_, running)| running.iter().any(|one| one.is(&update.to)));
        if is_compared || has_arrived {
            continue;
        }
        found.extend(of_others().filter_map(|(owner, running)| {
            let running: Vec<String> =
                running.iter().filter(|one| one.is(from)).map(ToString::to_string).collect();
            let (package, wanted) = (update.package.clone(), update.to.clone());
            (!running.is_empty()).then(|| Mismatch {
                owner: owner.object.name.clone(),
                package,
                wanted,
                running,
            })
        }));
    }
    found
}

/// An image or a chart of a package.
enum Running<'a> {
    Image(&'a str),
    Chart(&'a RunningChart),
}

impl Running<'_> {
    fn is(&self, version: &str) -> bool {
        match self {
            Self::Image(image) => is_version(image, version),
            Self::Chart(chart) => is_chart_version(&chart.version, version),
        }
    }
}

impl fmt::Display for Running<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => formatter.write_str(image),
            Self::Chart(chart) => write!(formatter, "{} {}", chart.name, chart.version),
        }
    }
}

/// The images and charts of a package that a watcher runs.
fn running<'a>(owner: &'a Owner, package: &str) -> Vec<Running<'a>> {
    let images = owner.images.iter().filter(|image| is_image_of(image, package));
    let charts = owner.charts.iter().filter(|chart| is_chart_of(chart, package));
    images.map(|image| Running::Image(image)).chain(charts.map(Running::Chart)).collect()
}

/// The definitions among what the affected watchers made that still carry the version from which an update came: whatever
/// reads such objects is newer than they are. Versions of charts and of what they install differ, so that only that very
/// version says anything, and only of a maker of the package's name.
pub(crate) fn outdated(updates: &[Update], affected: &[Owner], definitions: &[Definition]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for owner in affected {
        for update in updates {
            let Some(from) = &update.from else { continue };
            let name = update.package.rsplit('/').next().unwrap_or_default();
            let is_old = |one: &&Definition| {
                owner.holds(&one.object)
                    && one.makers.iter().any(|maker| maker == name)
                    && is_chart_version(&one.version, from)
                    && !updates.iter().any(|update| is_chart_version(&one.version, &update.to))
            };
            let running: Vec<String> = (definitions.iter().filter(is_old))
                .map(|one| format!("{} {}", one.object.name, one.version))
                .collect();
            if !running.is_empty() {
                let (package, wanted) = (update.package.clone(), update.to.clone());
                found.push(Mismatch { owner: owner.object.name.clone(), package, wanted, running });
            }
        }
    }
    found
}

fn is_image_of(image: &str, package: &str) -> bool {
    repository(parts(image).0) == repository(package)
}

/// A chart is named by its name alone or, in a registry, by its whole address.
fn is_chart_of(chart: &RunningChart, package: &str) -> bool {
    let address =
        format!("{}/{}", chart.repository.trim_start_matches("oci://").trim_end_matches('/'), chart.name);
    chart.name == package || address == package.trim_start_matches("oci://")
}

/// Behind a plus Flux writes of which artifact a chart of a registry was; in a tag that is a low line.
fn is_chart_version(running: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches('v').replace('_', "+");
    let running = running.trim_start_matches('v');
    running == wanted || running.split('+').next() == Some(&wanted)
}

/// An image as repository, tag and digest.
fn parts(image: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash is a port.
    match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag), digest),
        _ => (rest, None, digest),
    }
}

/// A repository without what Docker adds by itself.
fn repository(name: &str) -> &str {
    let name =
        name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("index.docker.io/")).unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

fn is_version(image: &str, wanted: &str) -> bool {
    let (_, tag, digest) = parts(image);
    let wanted_digest = wanted.trim_start_matches("sha256:");
    tag == Some(wanted)
        || (wanted_digest.len() >= 7
            && wanted_digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            && digest.is_some_and(|digest| digest.trim_start_matches("sha256:").starts_with(wanted_digest)))
}
