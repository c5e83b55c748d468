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

/// Other forges, and trackers that hold numbers of their own.
const OTHER_PLACES: &[&str] = &[
    "github",
    "gitlab",
    "bitbucket",
    "codeberg",
    "sourceforge",
    "launchpad",
    "bugzilla",
    "gerrit",
    "jira",
    "youtrack",
    "pagerduty",
    "opsgenie",
    "zendesk",
    "servicenow",
    "trello",
    "asana",
    "github.com",
    "gitlab.com",
    "codeberg.org",
    "bitbucket.org",
    "salsa",
    "upstream",
];

fn is_other_place(word: &str) -> bool {
    OTHER_PLACES.contains(&word.to_lowercase().as_str())
}

/// What stands in parentheses, or behind a dash or a colon at the end.
static ASIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[(\[]\s*(?P<inside>[^()\[\]]*?)\s*[)\]]|(?:\s[-–—]+|:)\s+(?P<end>[^()\[\]:]*?)\s*$")
});
/// A place in front of the number: `upstream PR #40`, `GitHub issue #3`; or behind a preposition.
static IN_FRONT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|[\s(])(?P<place>[\w.-]+)(?:'s)?\s+(?:(?:prs?|pulls?|pull[\s-]requests?|mr|issues?|tickets?|incidents?)\s*[#!]?|[#!])[0-9]",
    )
});
static BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)[#!]?[0-9]{1,9}\b[^()]*?\s(?:in|on|of|at|from|for|against|to)\s+(?:the\s+)?(?P<place>[\w.-]+(?:/[\w.-]+)*)",
    )
});
static REPOSITORY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?P<host>[\w-]+(?:\.[\w-]+)+/)?(?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?$"));

/// Whether a word is `owner/name` of a repository that is not ours. A branch and an image have other owners.
fn is_other_repository(word: &str, home: Option<&Home>) -> bool {
    let word = word.trim_start_matches("https://").trim_start_matches("http://").to_lowercase();
    let Some(found) = REPOSITORY.captures(&word) else { return false };
    let (host, name) =
        (found.name("host").map_or("", |host| host.as_str().trim_end_matches('/')), &found["name"]);
    let owner = name.split('/').next().unwrap_or_default();
    let branch = matches!(
        owner,
        "renovate"
            | "dependabot"
            | "feature"
            | "feat"
            | "fix"
            | "chore"
            | "apps"
            | "charts"
            | "clusters"
            | "infra"
            | "infrastructure"
            | "platform"
            | "system"
            | "storage"
            | "network"
            | "metal"
            | "kubernetes"
            | "k8s"
            | "manifests"
            | "ci"
            | "and"
            | "or"
            | "n"
    );
    let image = host.starts_with("docker.")
        || host.contains("cr.io")
        || host.starts_with("quay.")
        || host.starts_with("registry");
    let figures = name.bytes().all(|byte| !byte.is_ascii_alphabetic());
    let ours = home.is_some_and(|home| home.repository == name && (host.is_empty() || home.address == host));
    !branch && !image && !figures && !ours
}

/// Whether words that are a note of their own name another place and nothing else.
fn names_a_place(text: &str, home: Option<&Home>) -> bool {
    let left: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches([',', '.', ';', ':']))
        .filter(|word| {
            !matches!(
                word.to_lowercase().as_str(),
                "" | "in"
                    | "on"
                    | "of"
                    | "at"
                    | "from"
                    | "the"
                    | "repo"
                    | "repository"
                    | "project"
                    | "issue"
                    | "pr"
                    | "ticket"
            )
        })
        .collect();
    matches!(left[..], [word] if is_other_place(word) || is_other_repository(word, home))
}

/// Whether a heading is the name of another repository, or of another place: `Repository: ops/other`, `github.com/rook/rook`.
pub(crate) fn is_elsewhere(heading: &str, home: Option<&Home>) -> bool {
    let heading = heading.trim();
    let lower = heading.to_lowercase();
    let label = ["repository", "repo", "project"].iter().find_map(|label| {
        lower.strip_prefix(label)?.trim_start().strip_prefix([':', '-', '–', '—']).map(str::trim)
    });
    if let Some(name) = label {
        let same = |home: &Home| {
            home.repository == name
                || home.repository.ends_with(&format!("/{name}"))
                || name.trim_start_matches("https://") == format!("{}/{}", home.address, home.repository)
        };
        return !name.is_empty() && !home.is_some_and(same);
    }
    // `Apps/System` are layers, `Renovate/Grafana` two things.
    let written = heading.split_whitespace().any(|word| word.contains('/'));
    if written && (super::levels::layers(heading).is_some() || heading.contains(char::is_uppercase)) {
        return false;
    }
    names_a_place(heading, home)
}

/// Whether a title says that its number is one of another place.
fn is_of_another_place(title: &str, home: Option<&Home>) -> bool {
    ASIDE
        .captures_iter(title)
        .filter_map(|found| found.name("inside").or_else(|| found.name("end")))
        .any(|aside| names_a_place(aside.as_str(), home))
        || IN_FRONT.captures_iter(title).any(|found| is_other_place(&found["place"]))
        || BEHIND.captures_iter(title).any(|found| {
            let place = &found["place"];
            place.to_lowercase() != "upstream" && is_other_place(place) || is_other_repository(place, home)
        })
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
    (!is_of_another_place(&own, home)).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_other_repositories_are_told_from_others() {
        let home = Home::new("https://git.example.org", "ops/homelab");
        for heading in [
            "Repository: ops/other",
            "Repo: other",
            "github.com/rook/rook",
            "ops/other",
            "GitHub",
            "Upstream",
            "https://git.example.org/ops/other",
        ] {
            assert!(is_elsewhere(heading, Some(&home)) && is_elsewhere(heading, None), "{heading}");
        }
        for heading in [
            "Repository: ops/homelab",
            "Repo: homelab",
            "ops/homelab",
            "Updates",
            "Apps/System",
            "CI/CD",
            "apps/grafana",
            "Platform / System",
            "Storage/NAS",
            "Grafana",
            "Renovate PRs",
        ] {
            assert!(!is_elsewhere(heading, Some(&home)), "{heading}");
        }
    }

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
            ("Merge PR #38 (ops/other)", &[], None, None),
            ("Merge PR #38 (ops/homelab)", &[], Some("Merge PR #38 (ops/homelab)"), None),
            ("Merge PR #38 for ops/other", &[], None, None),
            ("Merge upstream PR #40", &[], None, None),
            ("Merge GitHub PR #40", &[], None, None),
            ("Merge PR #47 (GitHub)", &[], None, None),
            ("Close #68 - PagerDuty", &[], None, None),
            ("Close #67 (GitLab)", &[], None, None),
            (
                "Merge PR #9: docker.io/library/postgres from 17.5 to 17.6",
                &[],
                Some("Merge PR #9: docker.io/library/postgres from 17.5 to 17.6"),
                Some("Merge PR #9: docker.io/library/postgres from 17.5 to 17.6"),
            ),
            (
                "Merge PR #9: rook/ceph to v1.15",
                &[],
                Some("Merge PR #9: rook/ceph to v1.15"),
                Some("Merge PR #9: rook/ceph to v1.15"),
            ),
            (
                "Merge PR #9 (gitlab 17.1)",
                &[],
                Some("Merge PR #9 (gitlab 17.1)"),
                Some("Merge PR #9 (gitlab 17.1)"),
            ),
            (
                "Merge PR #9 (renovate/grafana-11.x)",
                &[],
                Some("Merge PR #9 (renovate/grafana-11.x)"),
                Some("Merge PR #9 (renovate/grafana-11.x)"),
            ),
            (
                "Close #12 - fixed upstream",
                &[],
                Some("Close #12 - fixed upstream"),
                Some("Close #12 - fixed upstream"),
            ),
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
