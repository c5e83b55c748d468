//! Versions as they stand in files: compared, and told apart by how much of them changed.

use std::cmp::Ordering;

/// The kind of an update, in Renovate's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum UpdateType {
    Patch,
    Minor,
    Major,
}

impl UpdateType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// How much changed between two versions.
    pub(crate) fn between(old: &str, new: &str) -> Self {
        let (old, new) = (numbers(old), numbers(new));
        let at = |version: &[u64], index: usize| version.get(index).copied().unwrap_or_default();
        if at(&old, 0) != at(&new, 0) {
            Self::Major
        } else if at(&old, 1) != at(&new, 1) {
            Self::Minor
        } else {
            Self::Patch
        }
    }
}

/// The numbers of a version: `v1.2.3-alpine` is 1, 2, 3.
pub(crate) fn numbers(version: &str) -> Vec<u64> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.').map_while(|part| part.parse().ok()).collect()
}

/// The first number of a version.
pub(crate) fn major(version: &str) -> u64 {
    numbers(version).first().copied().unwrap_or_default()
}

/// Compares two versions by their numbers; missing ones count as 0.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (numbers(left), numbers(right));
    let length = left.len().max(right.len());
    left.resize(length, 0);
    right.resize(length, 0);
    left.cmp(&right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_numbers() {
        for (left, right, order) in [
            ("1.2.3", "1.2.10", Ordering::Less),
            ("v2.0.0", "1.9.9", Ordering::Greater),
            ("1.2", "1.2.0", Ordering::Equal),
            ("17.6-alpine", "17.6", Ordering::Equal),
        ] {
            assert_eq!(compare(left, right), order, "{left} {right}");
        }
    }

    #[test]
    fn update_types_follow_the_first_number_that_changed() {
        for (old, new, expected) in [
            ("1.2.3", "1.2.4", UpdateType::Patch),
            ("1.2.3", "1.3.0", UpdateType::Minor),
            ("v1.1.14", "2.0.0", UpdateType::Major),
        ] {
            assert_eq!(UpdateType::between(old, new), expected, "{old} {new}");
        }
    }
}
