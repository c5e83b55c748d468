//! Patterns as people write them: `*` stands for any text, everything else for itself, case does not matter.

/// Whether a pattern matches a whole text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    // Nearly all are ASCII, and each word of a text is held against each rule: no copies for these.
    if pattern.is_ascii() && text.is_ascii() {
        return walk(pattern.as_bytes(), text.as_bytes(), &b'*', u8::eq_ignore_ascii_case);
    }
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    walk(&pattern, &text, &'*', char::eq)
}

/// The same where case matters: of what lets something in, no spelling may let in more.
pub(crate) fn matches_exactly(pattern: &str, text: &str) -> bool {
    walk(pattern.as_bytes(), text.as_bytes(), &b'*', u8::eq)
}

fn walk<T: PartialEq>(pattern: &[T], text: &[T], any: &T, same: impl Fn(&T, &T) -> bool) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where the last star is, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        let wanted = pattern.get(at_pattern);
        if wanted == Some(any) {
            star = Some((at_pattern, at_text));
            at_pattern += 1;
        } else if wanted.is_some_and(|wanted| same(wanted, &text[at_text])) {
            at_pattern += 1;
            at_text += 1;
        } else if let Some((star_pattern, star_text)) = star {
            star = Some((star_pattern, star_text + 1));
            at_pattern = star_pattern + 1;
            at_text = star_text + 1;
        } else {
            return false;
        }
    }
    pattern[at_pattern..].iter().all(|rest| rest == any)
}

/// Whether a pattern matches a package: its whole name, or one part of it between slashes.
pub(crate) fn matches_package(pattern: &str, package: &str) -> bool {
    matches(pattern, package) || package.split('/').any(|part| matches(pattern, part))
}

/// Whether a pattern is a package's own name: its last part between slashes, without tag and digest. A pattern with
/// slashes is held against as many of the last parts, each as a whole: `rook/ceph` is `docker.io/rook/ceph`, and `traefik`
/// is `docker.io/library/traefik` but not `docker.io/traefik/whoami`.
pub(crate) fn matches_name(pattern: &str, package: &str) -> bool {
    let package = package.split('@').next().unwrap_or_default();
    let parts: Vec<&str> = package.split('/').filter(|part| !part.is_empty()).collect();
    let wanted: Vec<&str> = pattern.split('/').collect();
    let Some(skipped) = parts.len().checked_sub(wanted.len()) else { return false };
    let last = wanted.len().saturating_sub(1);
    wanted.iter().zip(&parts[skipped..]).enumerate().all(|(place, (wanted, part))| {
        // A port of the registry's host is no tag: only the last part has one.
        let name = if place == last { part.split(':').next().unwrap_or_default() } else { part };
        matches(wanted, name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_or_as_many_as_the_pattern_has() {
        for (pattern, package, expected) in [
            ("traefik", "traefik", true),
            ("traefik", "docker.io/library/traefik", true),
            ("traefik", "docker.io/library/traefik:v3.1@sha256:00", true),
            ("traefik", "Traefik/Traefik", true),
            ("traefik", "docker.io/traefik/whoami", false),
            ("traefik", "traefik-forward-auth", false),
            ("rook/ceph", "docker.io/rook/ceph", true),
            ("rook/ceph", "ceph", false),
            ("rook/ceph", "evilrook/ceph", false),
            ("istio/*", "docker.io/istio/pilot", true),
            ("istio/*", "istio/samples/bookinfo", false),
            ("zot", "localhost:5000/zot", true),
            ("", "", false),
            ("*", "", false),
        ] {
            assert_eq!(matches_name(pattern, package), expected, "{pattern} {package}");
        }
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "ci/test", true),
            ("ci/*", "ci/test", true),
            ("ci/*", "ci", false),
            ("*/test", "ci/unit/test", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("Postgres*", "postgresql", true),
            ("redis", "redis-exporter", false),
            ("ä*", "Ärger", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
        assert!(matches_exactly("apps/**", "apps/a/b.yaml") && !matches_exactly("apps/*", "Apps/a"));
    }

    #[test]
    fn a_package_matches_by_any_of_its_parts() {
        assert!(matches_package("postgres*", "docker.io/library/postgres"));
        assert!(matches_package("ceph", "quay.io/ceph/ceph"));
        assert!(!matches_package("argo", "argo-cd"));
    }
}
