//! How far a version moves, judged from the two versions alone.

use super::UpdateType;

/// A version without what makes it a range.
pub(crate) fn without_operator(version: &str) -> &str {
    version.trim_start_matches(['^', '~', '=', '<', '>', ' '])
}

/// A version's leading numbers: `v1.2.3-rc1` is 1, 2, 3. Fewer than one number is no version.
pub(crate) fn numbers(version: &str) -> Option<Vec<u64>> {
    let version = version.trim().trim_start_matches(['v', 'V']);
    let head: String = version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let numbers: Option<Vec<u64>> =
        head.trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

/// How far it is from one version to another. What does not go forward, or cannot be compared, is unknown.
pub(crate) fn distance(from: &str, to: &str) -> UpdateType {
    let (Some(from), Some(to)) = (numbers(from), numbers(to)) else { return UpdateType::Unknown };
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or(0);
    for (index, update) in [UpdateType::Major, UpdateType::Minor].into_iter().enumerate() {
        match at(&from, index).cmp(&at(&to, index)) {
            std::cmp::Ordering::Less => return update,
            std::cmp::Ordering::Greater => return UpdateType::Unknown,
            std::cmp::Ordering::Equal => {}
        }
    }
    let rest = |numbers: &[u64]| numbers.iter().skip(2).copied().collect::<Vec<_>>();
    if rest(&from) > rest(&to) { UpdateType::Unknown } else { UpdateType::Patch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_that_differs_decides() {
        for (from, to, expected) in [
            ("1.2.3", "1.2.4", UpdateType::Patch),
            ("1.2.3", "1.3.0", UpdateType::Minor),
            ("1.2.3", "2.0.0", UpdateType::Major),
            ("v1.1.14", "2.0.0", UpdateType::Major),
            ("81.6.3", "v82.2.0", UpdateType::Major),
            ("v19", "v20", UpdateType::Major),
            ("17.6.1.074", "17.6.1.079", UpdateType::Patch),
            ("17.6", "17.6.1", UpdateType::Patch),
            ("1.2.3-alpine", "1.2.4-alpine", UpdateType::Patch),
            ("1.2.3-rc1", "1.2.3", UpdateType::Patch),
            ("1.3.0", "1.2.9", UpdateType::Unknown),
            ("1.2.4", "1.2.3", UpdateType::Unknown),
            ("latest", "1.2.3", UpdateType::Unknown),
            ("", "1", UpdateType::Unknown),
            ("99999999999999999999999", "1", UpdateType::Unknown),
        ] {
            assert_eq!(distance(from, to), expected, "{from} to {to}");
        }
    }
}
