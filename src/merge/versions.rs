//! Does what runs match what the pull request promised?

use crate::cluster::Application;
use crate::forge::renovate::Update;

/// An image that is not of the promised version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Where.
    pub(crate) application: String,
    /// The package.
    pub(crate) package: String,
    /// The promised version.
    pub(crate) wanted: String,
    /// The images of that package that run instead.
    pub(crate) running: Vec<String>,
}

/// Compares the images that the affected Applications run with the table. Packages that are no image there (charts)
/// say nothing; an image that appears in several versions is fine once one of them is the promised one.
pub(crate) fn mismatches(updates: &[Update], affected: &[&Application]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for app in affected {
        for update in updates {
            let running: Vec<&String> = app
                .images
                .iter()
                .filter(|image| repository(parts(image).0) == repository(&update.package))
                .collect();
            if running.is_empty() || running.iter().any(|image| is_version(image, &update.to)) {
                continue;
            }
            found.push(Mismatch {
                application: app.name.clone(),
                package: update.package.clone(),
                wanted: update.to.clone(),
                running: running.into_iter().cloned().collect(),
            });
        }
    }
    found
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
