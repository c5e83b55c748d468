//! Patterns as people write them: `*` stands for any text, everything else for itself, case does not matter.

/// Whether a pattern matches a whole text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where the last star is, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        if pattern.get(at_pattern) == Some(&'*') {
            star = Some((at_pattern, at_text));
            at_pattern += 1;
        } else if pattern.get(at_pattern) == Some(&text[at_text]) {
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
    pattern[at_pattern..].iter().all(|rest| *rest == '*')
}

/// Whether a pattern matches a package: its whole name, or one part of it between slashes.
pub(crate) fn matches_package(pattern: &str, package: &str) -> bool {
    matches(pattern, package) || package.split('/').any(|part| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn a_package_matches_by_any_of_its_parts() {
        assert!(matches_package("postgres*", "docker.io/library/postgres"));
        assert!(matches_package("ceph", "quay.io/ceph/ceph"));
        assert!(!matches_package("argo", "argo-cd"));
    }
}
