//! Does what runs match what the pull request promised?

use crate::cluster::{Definition, Owner, RunningChart};
use crate::forge::renovate::Update;

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
            let images = owner.images.iter().filter(|image| is_image_of(image, &update.package));
            let charts = owner.charts.iter().filter(|chart| is_chart_of(chart, &update.package));
            if images.clone().any(|image| is_version(image, &update.to))
                || charts.clone().any(|chart| is_chart_version(&chart.version, &update.to))
            {
                continue;
            }
            let charts = charts.map(|chart| format!("{} {}", chart.name, chart.version));
            let running: Vec<String> = images.cloned().chain(charts).collect();
            if running.is_empty() {
                continue;
            }
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
                owner.owns.contains(&one.object)
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
