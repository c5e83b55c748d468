//! A body from outside names issues and pull requests that the simulated forge does not have: they are made up here, and
//! each is named to the person who watches.
//!
//! A pull request gets its category and versions from the words of the task that names it: a package that a rule knows,
//! two versions with an arrow, `to v18`, `major`. Where the words say nothing, it is a patch of one stateless app.

use crate::issue::{self, Task};
use crate::merge::classify::{Rules, classify_words};
use crate::merge::{Category, UpdateType};
use regex::Regex;
use sim::actors::{AppSpec, Controller, Update};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

static PULLS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:(?:prs?|pull[ \t]+requests?)[ \t]*:?[ \t]*#?|pulls?[ \t]*:?[ \t]*#)((?:#?[0-9]{1,9}\b(?:[ \t]*\([^)\n]*\))?(?:[ \t]*(?:,|and|&)[ \t]*)?)+)",
    )
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-9]{1,9}\b"));
static REMARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([^)]*\)"));
static BARE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[\s(\[,:])#([0-9]{1,9})\b"));
static ARROW: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"`?\b(v?[0-9][0-9A-Za-z.\-]*)`?\s*(?:→|->|=>|to)\s*`?(v?[0-9][0-9A-Za-z.\-]*[0-9A-Za-z])")
});
static NEW: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:to\s+)?(v[0-9]+(?:\.[0-9]+){0,3})\b"));

/// Something that the simulated forge gets because the body names it.
#[derive(Debug, Clone)]
pub(crate) enum Invention {
    /// An issue with nothing in it.
    Issue {
        /// Its number.
        number: u64,
    },
    /// A pull request of Renovate.
    Pull {
        /// Its number.
        number: u64,
        /// What it moves.
        updates: Vec<Update>,
        /// An app made for it.
        app: Option<Box<AppSpec>>,
        /// In words.
        words: String,
    },
}

impl Invention {
    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Issue { number } | Self::Pull { number, .. } => *number,
        }
    }

    /// The app that was made for it.
    pub(crate) fn app(&self) -> Option<AppSpec> {
        match self {
            Self::Issue { .. } => None,
            Self::Pull { app, .. } => app.as_deref().cloned(),
        }
    }
}

impl fmt::Display for Invention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issue { number } => write!(formatter, "issue #{number}, empty"),
            Self::Pull { number, words, .. } => write!(formatter, "pull request #{number}: {words}"),
        }
    }
}

/// The title for a body from outside: its first heading.
pub(crate) fn title(text: &str) -> String {
    let heading = text.lines().find_map(|line| line.strip_prefix("# "));
    heading.map_or_else(|| "Maintenance".to_owned(), |heading| heading.trim().to_owned())
}

/// Whether a task asks for the crash reports of Ceph to be archived: only then are there any, since nothing else in a body
/// from outside would take the warning away.
pub(crate) fn names_crashes(text: &str) -> bool {
    issue::read(text, &|_| (None, UpdateType::Unknown))
        .is_ok_and(|reading| reading.tasks.iter().any(|task| matches!(task.kind, issue::Kind::Action { .. })))
}

/// Apps without volume or database client, for what the words do not say; each is used once.
const STATELESS: [(&str, &str); 6] = [
    ("homepage", "v1.4.0"),
    ("it-tools", "2024.10.22"),
    ("excalidraw", "0.17.3"),
    ("stirling-pdf", "1.1.1"),
    ("echo", "36.0.0"),
    ("ntfy", "v2.13.0"),
];

/// Everything that a body names.
pub(crate) fn inventions(text: &str) -> Vec<Invention> {
    let rules = Rules::new(&crate::merge::Settings::default());
    let tasks = issue::read(text, &|words| classify_words(words, "", &rules))
        .map(|reading| reading.tasks)
        .unwrap_or_default();
    let mut pulls: BTreeSet<u64> =
        tasks.iter().filter_map(|task| task.kind.pull()).map(|pull| pull.0).collect();
    for found in PULLS.captures_iter(text) {
        let list = REMARK.replace_all(&found[1], " ");
        pulls.extend(NUMBER.find_iter(&list).filter_map(|number| number.as_str().parse::<u64>().ok()));
    }
    let mut issues: BTreeSet<u64> = tasks
        .iter()
        .filter_map(|task| match task.kind {
            issue::Kind::Close { number } => Some(number.0),
            _ => None,
        })
        .collect();
    issues.extend(BARE.captures_iter(text).filter_map(|found| found[1].parse::<u64>().ok()));
    pulls.remove(&0);
    issues.retain(|number| *number > 0 && !pulls.contains(number));
    let mut free = STATELESS.iter();
    let mut inventions: Vec<Invention> =
        issues.into_iter().map(|number| Invention::Issue { number }).collect();
    inventions.extend(pulls.into_iter().map(|number| {
        let said = words_about(number, &tasks, text);
        pull(number, &said, &rules, &mut free)
    }));
    inventions.sort_by_key(Invention::number);
    inventions
}

/// The words of the tasks that name the pull request, then of the lines that do.
fn words_about(number: u64, tasks: &[Task], text: &str) -> String {
    let of = |task: &&Task| task.kind.pull().is_some_and(|pull| pull.0 == number);
    let merge = tasks.iter().filter(of).find(|task| matches!(task.kind, issue::Kind::Merge { .. }));
    let mut said: Vec<&str> = merge.iter().map(|task| task.title.as_str()).collect();
    said.extend(tasks.iter().filter(of).map(|task| task.title.as_str()));
    let named = pattern_of(number);
    // A line may name several: each has what follows it.
    said.extend(text.lines().filter_map(|line| {
        let rest = &line[named.find(line)?.start() + 1..];
        Some(rest.split('#').next().unwrap_or(rest))
    }));
    // Who opened it is no package.
    said.join("\n").replace("[Renovate]", "")
}

fn pattern_of(number: u64) -> Regex {
    Regex::new(&format!(r"#{number}\b")).expect("digits are no pattern of their own")
}

fn pull<'a>(
    number: u64,
    said: &str,
    rules: &Rules,
    free: &mut impl Iterator<Item = &'a (&'a str, &'a str)>,
) -> Invention {
    // The task's own words go first; where they say nothing, a later line may.
    let judged: Vec<_> = said.lines().map(|line| classify_words(line, "", rules)).collect();
    let category = judged.iter().find_map(|(category, _)| *category);
    let update = judged
        .iter()
        .map(|(_, update)| *update)
        .find(|update| *update != UpdateType::Unknown)
        .unwrap_or(UpdateType::Unknown);
    if category == Some(Category::NonMajor) {
        let moved: Vec<(&str, String, String)> = free.take(2).map(|(app, from)| patched(app, from)).collect();
        if !moved.is_empty() {
            return moved_apps(number, &moved, "a bundle by its words");
        }
    }
    let package = said
        .split(|c: char| !(c.is_alphanumeric() || "-/_.".contains(c)))
        .map(|word| word.trim_matches(['.', '-', '/']).to_lowercase())
        .find(|word| category.is_some() && rules.package_category(word) == category);
    let versions = versions(said, update);
    if let (Some(package), Some((from, to))) = (&package, &versions) {
        let spec = app(number, package, from, category);
        let words = format!("{package} from {from} to {to}, by its words");
        let updates = vec![Update::of_app(&spec.name, to)];
        return Invention::Pull { number, updates, app: Some(Box::new(spec)), words };
    }
    if let Some(package) = &package {
        let spec = app(number, package, "1.4.2", category);
        let words = format!("{package} from 1.4.2 to 1.4.3: its words name the package, no versions");
        let updates = vec![Update::of_app(&spec.name, "1.4.3")];
        return Invention::Pull { number, updates, app: Some(Box::new(spec)), words };
    }
    let why = "its words name no package, so a patch of a stateless app";
    let (from, to, why) = match versions {
        Some((from, to)) => (from, to, "versions by its words, of a stateless app"),
        None => match free.next() {
            Some((app, from)) => return moved_apps(number, &[patched(app, from)], why),
            None => ("1.4.2".to_owned(), "1.4.3".to_owned(), why),
        },
    };
    let spec = AppSpec::manifests("apps", &format!("app-{number}"), &image(&format!("app-{number}")), &from);
    let words = format!("app-{number} from {from} to {to}: {why}");
    let updates = vec![Update::of_app(&spec.name, &to)];
    Invention::Pull { number, updates, app: Some(Box::new(spec)), words }
}

fn moved_apps(number: u64, moved: &[(&str, String, String)], why: &str) -> Invention {
    let list: Vec<String> =
        moved.iter().map(|(app, from, to)| format!("{app} from {from} to {to}")).collect();
    Invention::Pull {
        number,
        updates: moved.iter().map(|(app, _, to)| Update::of_app(app, to)).collect(),
        app: None,
        words: format!("{}: {why}", list.join(", ")),
    }
}

/// The next patch version.
fn patched<'a>(app: &'a str, from: &str) -> (&'a str, String, String) {
    let (front, last) = from.rsplit_once('.').unwrap_or((from, "0"));
    let next = last.parse::<u64>().map_or(1, |last| last + 1);
    (app, from.to_owned(), format!("{front}.{next}"))
}

fn image(name: &str) -> String {
    format!("registry.example.org/library/{name}")
}

/// An app whose package is the one that the words name.
fn app(number: u64, package: &str, from: &str, category: Option<Category>) -> AppSpec {
    let short = package.rsplit('/').next().unwrap_or(package);
    let name: String = short.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let spec = AppSpec::manifests("apps", &format!("{name}-{number}"), &image(short), from);
    if category == Some(Category::Database) {
        spec.run_by(Controller::StatefulSet).with_volume()
    } else {
        spec
    }
}

/// Old and new version by the words: an arrow between two; else a new one, from the one before it.
fn versions(said: &str, update: UpdateType) -> Option<(String, String)> {
    if let Some(found) = ARROW.captures(said) {
        let pair = (found[1].to_owned(), found[2].to_owned());
        let of = |text: &str| crate::merge::semver::numbers(text);
        if of(&pair.0) < of(&pair.1) {
            return Some((full(&pair.0), full(&pair.1)));
        }
    }
    let new = NEW.captures(said)?;
    let to = full(&new[1]);
    let numbers: Vec<u64> =
        to.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0)).collect();
    let [major, minor, patch] = numbers[..] else { return None };
    let from = match update {
        UpdateType::Patch if patch > 0 => format!("{major}.{minor}.{}", patch - 1),
        UpdateType::Minor if minor > 0 => format!("{major}.{}.0", minor - 1),
        _ if major > 0 => format!("{}.0.0", major - 1),
        _ => return None,
    };
    let v = if to.starts_with('v') { "v" } else { "" };
    Some((format!("{v}{from}"), to))
}

/// At least three numbers, as registries have them.
fn full(version: &str) -> String {
    let core = version.trim_start_matches(['v', 'V']);
    if !core.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return version.to_owned();
    }
    match core.matches('.').count() {
        0 => format!("{version}.0.0"),
        1 => format!("{version}.0"),
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_named_is_made_with_its_number() {
        let text = "# Upkeep\n\nSee #4. PRs #7, #8 and #9 were merged.\n\n## Action Items\n\n\
                    - [ ] **A1 P2 Apps**: Merge PR #12: grafana from 11.2.0 to 11.2.1\n\
                    - [ ] **A2 P2 Apps**: Merge PR #13 (postgresql major v17)\n\
                    - [ ] **A3 P2 Apps**: Merge PR #14: the non-major bundle\n\
                    - [ ] **A4 P2 Apps**: Merge PR #15\n\
                    - [ ] **A5 P2 Apps**: Close issue #16\n";
        let made: BTreeMap<u64, String> =
            inventions(text).iter().map(|invention| (invention.number(), invention.to_string())).collect();
        assert_eq!(made.keys().copied().collect::<Vec<_>>(), [4, 7, 8, 9, 12, 13, 14, 15, 16], "{made:?}");
        for (number, part) in [
            (4, "issue #4"),
            (7, "stateless"),
            (12, "grafana from 11.2.0 to 11.2.1"),
            (13, "postgresql from v16.0.0 to v17.0.0"),
            (14, "a bundle by its words"),
            (15, "stateless"),
            (16, "issue #16"),
        ] {
            assert!(made[&number].contains(part), "{number}: {}", made[&number]);
        }
        assert_eq!(title(text), "Upkeep");
    }

    #[test]
    fn a_number_is_taken_whole_and_only_where_something_is_named_by_it() {
        let made = |text: &str| -> Vec<u64> { inventions(text).iter().map(Invention::number).collect() };
        assert_eq!(made("- [ ] Merge PR #123456789\n"), [123_456_789]);
        assert_eq!(made("- [ ] Merge PR #99999999999\n"), [0_u64; 0]);
        assert_eq!(made("The job pulls 2 images. See pulls/7 and pull #8.\n"), [8]);
    }

    #[test]
    fn a_number_in_the_next_line_is_no_pull_request() {
        let made = inventions("#### Open PRs\n3 of them wait, see issue #3 and PR 5\n");
        let made: Vec<String> = made.iter().map(ToString::to_string).collect();
        assert_eq!(made.len(), 2, "{made:?}");
        assert!(made[0].starts_with("issue #3") && made[1].starts_with("pull request #5"), "{made:?}");
    }

    #[test]
    fn a_patch_moves_the_last_number() {
        assert_eq!(patched("a", "v1.4.0").2, "v1.4.1");
        assert_eq!(patched("a", "2024.10.22").2, "2024.10.23");
        assert_eq!(full("v17"), "v17.0.0");
        assert_eq!(full("17.5"), "17.5.0");
        assert_eq!(full("13-slim"), "13-slim");
    }
}
