//! Whose number a title names: an address of another repository, or another's name in front of a number, is not ours.

use regex::Regex;
use std::sync::LazyLock;

/// Where the issue lies, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// The forge's address without scheme and without a slash at its end: `git.example.org`.
    address: String,
    /// `owner/name`.
    repository: String,
}

impl Home {
    /// The home of an issue, by its own address on the forge: `https://git.example.org/ops/homelab/issues/7`.
    pub(crate) fn of_issue(address: &str) -> Option<Self> {
        let found = NUMBERED.captures(address)?;
        let mut parts = found["front"].rsplitn(3, '/');
        let (name, owner, front) = (parts.next()?, parts.next()?, parts.next()?);
        (!front.is_empty() && !owner.is_empty() && !name.is_empty())
            .then(|| Self::new(front, &format!("{owner}/{name}")))
    }

    /// The home of a repository on a forge.
    pub(crate) fn new(address: &str, repository: &str) -> Self {
        let address = address.split_once("://").map_or(address, |(_, rest)| rest);
        Self { address: address.trim_end_matches('/').to_lowercase(), repository: repository.to_lowercase() }
    }
}

/// A link in a title: what it shows, and where it leads.
pub(crate) type TitleLink<'a> = (&'a str, &'a str);

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static URL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bhttps?://[^\s()<>\[\]]+"));
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:https?://)?(?P<front>[^?#]*?)/(?:-/)?(?:pulls?|issues|merge_requests)/(?P<number>[0-9]{1,9})(?:[/?#].*)?$",
    )
});
static QUALIFIED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|[\s(])(?P<name>[\w.-]+/[\w.-]+)(?:[#!]|\s+(?:pulls?|issues?|prs?|mr)\s*[/#]?\s*[#!]?)(?P<number>[0-9]{1,9})\b",
    )
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\w.])[#!]?([0-9]{1,9})\b"));

/// What an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    /// A number of this repository.
    Ours(u64),
    /// A number of another, or of nobody knows which.
    Elsewhere,
    /// No issue and no pull request.
    Page,
}

fn address(url: &str, home: Option<&Home>) -> Address {
    let Some(found) = NUMBERED.captures(url) else { return Address::Page };
    let (front, number) = (found["front"].to_lowercase(), found["number"].parse());
    let same = home.is_some_and(|home| {
        front == format!("{}/{}", home.address, home.repository) || front == format!("/{}", home.repository)
    });
    match number {
        Ok(number) if same => Address::Ours(number),
        _ => Address::Elsewhere,
    }
}

/// A title in which addresses of this repository stand as plain numbers and pages are left out; `None` where it names a
/// number of another repository.
pub(crate) fn at_home(title: &str, links: &[TitleLink<'_>], home: Option<&Home>) -> Option<String> {
    for (text, destination) in links {
        let shown = NUMBER.captures(text).and_then(|found| found.get(1)?.as_str().parse::<u64>().ok());
        let is_address = text.contains("://");
        match (address(destination, home), shown) {
            (Address::Elsewhere, _) => return None,
            (Address::Ours(number), Some(shown)) if !is_address && shown != number => return None,
            _ => {}
        }
    }
    let mut plain = String::new();
    let mut at = 0;
    for found in URL.find_iter(title) {
        plain.push_str(&title[at..found.start()]);
        let url = found.as_str().trim_end_matches(['.', ',', ';', ':']);
        match address(url, home) {
            Address::Ours(number) => plain.extend(["#", &number.to_string()]),
            Address::Elsewhere => return None,
            Address::Page => {}
        }
        plain.push_str(&found.as_str()[url.len()..]);
        at = found.end();
    }
    plain.push_str(&title[at..]);
    let mut own = String::new();
    let mut at = 0;
    for found in QUALIFIED.captures_iter(&plain) {
        let (Some(name), Some(number)) = (found.name("name"), found.name("number")) else { continue };
        if home.is_none_or(|home| home.repository != name.as_str().to_lowercase()) {
            return None;
        }
        own.push_str(&plain[at..name.start()]);
        own.extend(["#", number.as_str()]);
        at = number.end();
    }
    own.push_str(&plain[at..]);
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_other_repositories_are_told_from_ours() {
        let home = Home::new("https://git.example.org/", "ops/homelab");
        assert_eq!(Home::of_issue("https://git.example.org/ops/homelab/issues/7"), Some(home.clone()));
        assert_eq!(Home::of_issue("ops/homelab/issues/7"), None);
        let own = "https://git.example.org/ops/homelab/pulls/7";
        for (title, links, known, unknown) in [
            ("Merge PR #5", &[][..], Some("Merge PR #5"), Some("Merge PR #5")),
            ("Merge https://git.example.org/ops/homelab/pulls/7", &[(own, own)], Some("Merge #7"), None),
            ("Merge PR #7", &[("PR #7", own)], Some("Merge PR #7"), None),
            ("Merge PR #8", &[("PR #8", own)], None, None),
            ("Merge https://github.com/rook/rook/pull/123", &[], None, None),
            ("Merge https://git.example.org/ops/other/pulls/7", &[], None, None),
            ("Merge https://git.example.org:8443/ops/homelab/pulls/7", &[], None, None),
            ("Merge PR #8", &[("PR #8", "https://git.example.org/ops/other/pulls/8")], None, None),
            ("Merge PR #8", &[("PR #8", "/ops/homelab/pulls/8")], Some("Merge PR #8"), None),
            ("Close #13", &[("#13", "https://github.com/rook/rook/issues/13")], None, None),
            ("Merge ops/other pulls/16", &[], None, None),
            ("Merge ops/homelab pulls/16", &[], Some("Merge #16"), None),
            ("Merge rook/rook#12", &[], None, None),
            ("Merge ops/homelab#12 (grafana)", &[], Some("Merge #12 (grafana)"), None),
            (
                "Merge PR #5 (notes: https://github.com/grafana/grafana/releases/tag/v11.2.0)",
                &[],
                Some("Merge PR #5 (notes: )"),
                Some("Merge PR #5 (notes: )"),
            ),
        ] {
            assert_eq!(at_home(title, links, Some(&home)).as_deref(), known, "{title} {links:?}");
            assert_eq!(at_home(title, links, None).as_deref(), unknown, "{title} {links:?}");
        }
    }
}
