//! What a pull request is: category, risk, update type, foundation. The worst member of a bundle decides.
//!
//! "Worse" is by risk. A bundle of several updates stays `non-major` as long as no member is of high risk or more (core
//! infrastructure, a foundation, a database, a major); its risk is its worst member's in any case.
//!
//! Renovate's table is a text that can be edited: what the changed lines and the branch name counts beside it, where it
//! asks for more care.

use super::glob::{matches, matches_name, matches_package};
use super::named;
use super::settings::{CategoryRule, FoundationRule, Settings};
use super::{Category, Risk, UpdateType, semver};
use crate::forge::PullRequest;
use crate::forge::renovate::{Update, UpdateKind, is_digest};
use std::collections::BTreeSet;

/// The rules in force.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    categories: Vec<CategoryRule>,
    foundations: Vec<FoundationRule>,
    lock_files: Vec<String>,
}

impl Rules {
    /// The settings' rules before the built-in ones.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            categories: settings.category_rules(),
            foundations: settings.foundation_rules(),
            lock_files: settings.lock_files.clone(),
        }
    }

    /// The category of a package; `None` where no rule knows it.
    pub(crate) fn package_category(&self, package: &str) -> Option<Category> {
        self.categories
            .iter()
            .find(|rule| rule.packages.iter().any(|pattern| matches_package(pattern, package)))
            .map(|rule| rule.category)
    }

    fn path_category(&self, path: &str) -> Option<Category> {
        self.categories
            .iter()
            .find(|rule| rule.paths.iter().any(|pattern| matches(pattern, path)))
            .map(|rule| rule.category)
    }

    /// What of caretaker's own ground a package is; `None` where no rule says so.
    pub(crate) fn foundation_of(&self, package: &str) -> Option<&str> {
        self.foundations
            .iter()
            .find(|rule| rule.packages.iter().any(|pattern| matches_name(pattern, package)))
            .map(|rule| rule.name.as_str())
    }

    /// Why caretaker stands on a package; `None` where no rule says so.
    pub(crate) fn package_foundation(&self, package: &str) -> Option<String> {
        self.foundation_of(package).map(|name| format!("{package} is a foundation: {name}"))
    }

    fn path_foundation(&self, path: &str) -> Option<String> {
        self.foundations
            .iter()
            .find(|rule| rule.paths.iter().any(|pattern| matches(pattern, path)))
            .map(|rule| format!("{path} belongs to a foundation: {}", rule.name))
    }
}

/// One update of a pull request, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The package.
    pub(crate) package: String,
    /// Its category by itself.
    pub(crate) category: Category,
    /// Its risk by itself.
    pub(crate) risk: Risk,
    /// How far its version moves.
    pub(crate) update: UpdateType,
}

/// What a pull request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Classification {
    /// Decides the order.
    pub(crate) category: Category,
    /// Decides soak, maxima and approvals.
    pub(crate) risk: Risk,
    /// The farthest move of any member.
    pub(crate) update: UpdateType,
    /// Why caretaker stands on it, when it does.
    pub(crate) foundation: Option<String>,
    /// The member that decided.
    pub(crate) worst: String,
    /// All of them.
    pub(crate) members: Vec<Member>,
    /// What its lines and its branch name, whatever its table says.
    pub(crate) named: BTreeSet<String>,
}

impl Classification {
    /// Why a person has to say yes before it is merged; `None` where nobody has to.
    pub(crate) fn approval(&self) -> Option<String> {
        let mut reasons = Vec::new();
        if self.members.iter().any(|member| member.category == Category::Database)
            || self.category == Category::Database
        {
            reasons.push("a database is touched, and no backups were checked");
        }
        match self.update {
            UpdateType::Major => reasons.push("it is a major update, and no release notes were checked"),
            UpdateType::Unknown => {
                reasons.push("nothing says how far the version moves, and no release notes were checked");
            }
            UpdateType::Patch | UpdateType::Minor => {}
        }
        if self.foundation.is_some() {
            reasons.push("caretaker itself stands on it");
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// The risk of a category by itself.
pub(crate) fn category_risk(category: Category) -> Risk {
    match category {
        Category::NonMajor | Category::Platform => Risk::Low,
        Category::Monitoring | Category::AppTemplate => Risk::Medium,
        Category::Core => Risk::High,
        Category::Database => Risk::Critical,
    }
}

fn risk(category: Category, update: UpdateType) -> Risk {
    let floor = match update {
        UpdateType::Patch | UpdateType::Minor => Risk::Low,
        UpdateType::Major | UpdateType::Unknown => Risk::High,
    };
    category_risk(category).max(floor)
}

/// How far one row of Renovate's table moves: what it says or what the versions say, whichever is farther.
fn update_type(update: &Update) -> UpdateType {
    let computed = update
        .from
        .as_deref()
        .map_or(UpdateType::Unknown, |from| semver::distance(bound(from), bound(&update.to)));
    match update.kind {
        UpdateKind::Digest | UpdateKind::Pin if has_no_distance(update) => UpdateType::Patch,
        UpdateKind::Digest | UpdateKind::Pin => computed.max(UpdateType::Patch),
        UpdateKind::Patch => known_or(computed, update, UpdateType::Patch),
        UpdateKind::Minor => known_or(computed, update, UpdateType::Minor),
        UpdateKind::Major | UpdateKind::Replacement => UpdateType::Major,
        UpdateKind::Rollback | UpdateKind::LockFiles => UpdateType::Unknown,
        UpdateKind::Unknown => computed,
    }
}

/// The version of a range that has one bound, such as `^1.2.3`; nothing for other ranges, which cannot be compared.
fn bound(version: &str) -> &str {
    let bare = semver::without_operator(version);
    if bare.contains([' ', ',', '|']) { "" } else { bare }
}

/// Whether a row shows digests, which have no distance, or no old version at all.
fn has_no_distance(update: &Update) -> bool {
    let Some(from) = update.from.as_deref() else { return true };
    let is_number = |version: &str| version.bytes().all(|byte| byte.is_ascii_digit());
    // A date is made of hexadecimal digits too.
    is_digest(from) && is_digest(&update.to) && !(is_number(from) && is_number(&update.to))
}

/// What the versions say, else what the row says; a new version without a number (`latest`) is as far as anything.
fn known_or(computed: UpdateType, update: &Update, said: UpdateType) -> UpdateType {
    match computed {
        UpdateType::Unknown if update.to.contains(|c: char| c.is_ascii_digit()) => said,
        UpdateType::Unknown => UpdateType::Unknown,
        known => known.max(said),
    }
}

/// Whether title or branch name a bundle.
fn names_a_bundle(text: &str) -> bool {
    let text = text.to_lowercase();
    ["non-major", "non major", "nonmajor", "all-minor-patch", "minor-patch"]
        .iter()
        .any(|word| text.contains(word))
}

/// What a pull request is judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PullChanges<'a> {
    /// Renovate's table.
    pub(crate) updates: &'a [Update],
    /// Its title.
    pub(crate) title: &'a str,
    /// The branch that it comes from.
    pub(crate) branch: &'a str,
    /// The files that it changes.
    pub(crate) files: &'a [String],
    /// Its changes as a unified diff.
    pub(crate) diff: &'a str,
}

impl<'a> PullChanges<'a> {
    /// Those of a pull request, as the forge tells them.
    pub(crate) fn of(
        pull: &'a PullRequest,
        updates: &'a [Update],
        files: &'a [String],
        diff: &'a str,
    ) -> Self {
        Self { updates, title: &pull.title, branch: &pull.head.branch, files, diff }
    }
}

/// Judges a pull request by all that it says of itself, the worst of it: a table alone can be edited.
pub(crate) fn classify(changes: &PullChanges<'_>, rules: &Rules) -> Classification {
    let PullChanges { updates, title, branch, files, diff } = *changes;
    let by_path = files
        .iter()
        .filter_map(|file| rules.path_category(file).map(|category| (category, file.as_str())))
        .max_by_key(|(category, _)| (category_risk(*category), *category));
    let members: Vec<Member> = updates
        .iter()
        .map(|update| {
            let category = rules.package_category(&update.package).unwrap_or(Category::AppTemplate);
            let update_type = update_type(update);
            Member {
                package: update.package.clone(),
                category,
                risk: risk(category, update_type),
                update: update_type,
            }
        })
        .collect();
    let mut named = named::in_diff(diff, &rules.lock_files);
    named.extend(named::in_branch(branch));
    let foundation = updates
        .iter()
        .map(|update| update.package.as_str())
        .chain(named.iter().map(String::as_str))
        .find_map(|package| rules.package_foundation(package))
        .or_else(|| files.iter().find_map(|file| rules.path_foundation(file)));
    let farthest = members.iter().map(|member| member.update).max().unwrap_or(UpdateType::Unknown);
    let bundle = names_a_bundle(title) || names_a_bundle(branch);
    let worst = members.iter().max_by_key(|member| (member.risk, member.category));
    let (mut category, mut highest, mut decided) = match worst {
        Some(worst) if bundle && worst.risk < Risk::High => {
            (Category::NonMajor, worst.risk, worst.package.clone())
        }
        Some(worst) => (worst.category, worst.risk, worst.package.clone()),
        None => (Category::AppTemplate, Risk::High, title.to_owned()),
    };
    if let Some((path_category, path)) = by_path {
        let path_risk = risk(path_category, farthest);
        // A rule by path is a person's word: alone it names the category, in a bundle it can only make it worse.
        if path_risk > highest || !bundle {
            category = path_category;
            highest = highest.max(path_risk);
            path.clone_into(&mut decided);
        }
    }
    let by_name = named
        .iter()
        .filter_map(|name| rules.package_category(name).map(|category| (category, name)))
        .max_by_key(|(category, _)| (category_risk(*category), *category));
    if let Some((named_category, name)) = by_name
        && (category_risk(named_category), named_category) > (category_risk(category), category)
        && category_risk(named_category) >= Risk::High
    {
        category = named_category;
        highest = highest.max(risk(named_category, farthest));
        decided.clone_from(name);
    }
    if foundation.is_some() && highest < Risk::High {
        category = Category::Core;
        highest = Risk::High;
    }
    Classification { category, risk: highest, update: farthest, foundation, worst: decided, members, named }
}

/// What a task's own words say about its pull request, for when no server is asked.
///
/// * Category: a word of the title that a rule knows as a package, a line of the text with two versions that names one,
///   or a category's own name in the title; the most dangerous of them. `non-major` (or `bundle`) counts unless one of
///   them is of high risk.
/// * Update type: `major`, `minor`, `patch`, `digest` or `pin` as words of their own; else two versions with an arrow or
///   `to` between them; else a lone new version without a dot (`to v46`), which is how Renovate titles majors;
///   `non-major` alone says minor. The title goes before the text.
pub(crate) fn classify_words(title: &str, text: &str, rules: &Rules) -> (Option<Category>, UpdateType) {
    // What a title asks for afterwards ("; wait for the sync") is no package.
    let title = title.split(';').next().unwrap_or_default();
    let title = title.split("wait for").next().unwrap_or_default();
    let bundle = names_a_bundle(title) || words(title).any(|word| word == "bundle");
    let named = |line: &str| words(line).filter_map(|word| rules.package_category(&word)).collect::<Vec<_>>();
    let mut categories = named(title);
    categories.extend(words(title).filter_map(|word| match word.as_str() {
        "monitoring" => Some(Category::Monitoring),
        "core" => Some(Category::Core),
        "app-template" => Some(Category::AppTemplate),
        "database" | "databases" | "db" => Some(Category::Database),
        "platform" => Some(Category::Platform),
        _ => None,
    }));
    for line in text.lines().filter(|line| pair_distance(line).is_some()) {
        categories.extend(named(line));
    }
    let worst = categories.into_iter().max_by_key(|category| (category_risk(*category), *category));
    let category = match worst {
        Some(worst) if bundle && category_risk(worst) < Risk::High => Some(Category::NonMajor),
        None if bundle => Some(Category::NonMajor),
        other => other,
    };
    let update = words_update(title)
        .or_else(|| text.lines().filter_map(pair_distance).max())
        .or_else(|| text.lines().find_map(words_update))
        .unwrap_or(UpdateType::Unknown);
    (category, update)
}

/// The update type that a line's words say.
fn words_update(line: &str) -> Option<UpdateType> {
    let line = &line.to_lowercase().replace("non major", "non-major");
    let all: Vec<String> = words(line).collect();
    let has = |wanted: &str| all.iter().any(|word| word == wanted);
    if has("major") {
        return Some(UpdateType::Major);
    }
    if let Some(distance) = pair_distance(line) {
        return Some(distance);
    }
    if names_a_bundle(line) || has("minor") {
        return Some(UpdateType::Minor);
    }
    if has("patch") || has("digest") || has("pin") {
        return Some(UpdateType::Patch);
    }
    let mut after_to = all.windows(2).filter(|pair| pair[0] == "to").map(|pair| pair[1].as_str());
    after_to
        .any(|word| {
            word.strip_prefix('v')
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        })
        .then_some(UpdateType::Major)
}

/// How far apart two versions of a line are that an arrow or `to` joins.
fn pair_distance(line: &str) -> Option<UpdateType> {
    let line = line.replace("->", " → ").replace("=>", " → ").replace('→', " → ").replace('`', " ");
    let tokens: Vec<&str> = line
        .split_whitespace()
        .map(|token| token.trim_matches(|c: char| !c.is_alphanumeric() && c != '→'))
        .filter(|token| !token.is_empty())
        .collect();
    let version = |token: &str| {
        token.starts_with(|c: char| c.is_ascii_digit() || c == 'v' || c == 'V')
            && semver::numbers(token).is_some()
    };
    tokens
        .windows(3)
        .filter(|three| matches!(three[1], "→" | "to") && version(three[0]) && version(three[2]))
        .map(|three| semver::distance(three[0], three[2]))
        .max()
}

/// The words of a line in lower case: what lies between blanks, brackets, quotes and colons; slashes are kept, since
/// packages have them.
fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| c.is_whitespace() || "()[]{}<>,;:!?\"'`*|#=&".contains(c))
        .map(|word| word.trim_matches(['.', '-', '/']).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .into_iter()
}
