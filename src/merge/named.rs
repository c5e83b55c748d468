//! What a change names by itself: the images and charts of its lines, and its branch.
//!
//! Renovate's table says which package a pull request updates, and a table is words in a body that can be edited. What it
//! says is therefore held against what will be merged: a category, or a foundation, that the lines or the branch name
//! counts as if the table had named it. Too many names only make caretaker more careful, so that none has to be certain.

use super::diff::{self, Line};
use std::collections::BTreeSet;

/// The keys below which YAML and the like name what a version belongs to.
const NAMING_KEYS: &[&str] = &["repository", "image", "chart", "name", "newname", "package"];

/// What the changed lines name: themselves, the keys above them, and the settings beside them that name an image or a
/// chart. Lock files name everything that anything stands on, and are left out; so is a diff that cannot be read, which
/// is not merged.
pub(super) fn in_diff(text: &str, lock_files: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in diff::parse(text).unwrap_or_default() {
        let own = file.path.rsplit('/').next().unwrap_or_default();
        if lock_files.iter().any(|lock| lock == own) {
            continue;
        }
        for hunk in &file.hunks {
            Levels::default().of_hunk(hunk, &mut names);
        }
    }
    names
}

/// The lines of one level of indentation that belong together: a map, or one item of a list.
struct Level {
    indentation: usize,
    /// What its lines name that may stand beside a change.
    beside: Vec<String>,
    /// Whether one of its lines changed.
    changed: bool,
    /// The key of its last line, under which deeper lines stand, until it has been told.
    key: Option<String>,
}

/// The levels that are open at a line, each deeper than the one before it. Every line is looked at once: a hunk may be the
/// whole of a file.
#[derive(Default)]
struct Levels(Vec<Level>);

impl Levels {
    fn of_hunk(mut self, hunk: &[Line], names: &mut BTreeSet<String>) {
        for Line { changed, text } in hunk.iter().filter(|line| !line.text.trim().is_empty()) {
            let indentation = indentation(text);
            let ends = |level: &Level| {
                level.indentation > indentation || level.indentation == indentation && begins_item(text)
            };
            while let Some(level) = self.0.pop_if(|level| ends(level)) {
                level.tell(names);
            }
            if self.0.last().is_none_or(|level| level.indentation < indentation) {
                self.0.push(Level { indentation, beside: Vec::new(), changed: false, key: None });
            }
            let Some((level, above)) = self.0.split_last_mut() else { continue };
            level.beside.extend(named_beside(text));
            level.key = key(text).map(str::to_lowercase);
            if *changed {
                level.changed = true;
                names.extend(of_line(text));
                // Below one that was told everything was told.
                names.extend(above.iter_mut().rev().map_while(|level| level.key.take()));
            }
        }
        for level in self.0 {
            level.tell(names);
        }
    }
}

impl Level {
    fn tell(self, names: &mut BTreeSet<String>) {
        if self.changed {
            names.extend(self.beside);
        }
    }
}

/// How far a line is indented; the dash of a list's item counts as blanks.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t', '-']).len()
}

fn begins_item(line: &str) -> bool {
    line.trim_start().starts_with("- ")
}

fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once([':', '='])?;
    Some(key.trim().trim_start_matches(['-', ' ']).trim_matches(['"', '\'']))
}

/// The words of a line that may stand beside a changed one, where it names an image, a chart or (in a comment) a package.
fn named_beside(line: &str) -> Vec<String> {
    let names = key(line).is_some_and(|key| NAMING_KEYS.contains(&key.to_lowercase().as_str()));
    if names { of_line(line) } else { of_comment(line) }
}

/// What a line names, without what its comment says in passing.
fn of_line(line: &str) -> Vec<String> {
    let said = line.split(" #").next().unwrap_or_default();
    words(said).chain(of_comment(line)).collect()
}

/// The package of a comment that tells Renovate what stands there: `# renovate: depName=ghcr.io/x/web`.
fn of_comment(line: &str) -> Vec<String> {
    let Some((_, comment)) = line.split_once('#') else { return Vec::new() };
    let all: Vec<String> = words(comment).collect();
    all.windows(2)
        .filter(|pair| matches!(pair[0].as_str(), "depname" | "packagename"))
        .map(|pair| pair[1].clone())
        .collect()
}

/// The words of a line in small letters, cut as names of images are: `ghcr.io/x/web:1.2@sha256:..` names `ghcr.io/x/web`.
fn words(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;:=@()[]{}<>|".contains(c))
        .map(|word| word.trim_matches(['.', '-', '/']).to_lowercase())
        .filter(|word| word.contains(char::is_alphabetic))
        .collect::<Vec<_>>()
        .into_iter()
}

/// What a branch of Renovate's names: `renovate/docker.io-library-postgres-16.x` may be `postgres`, with any of what
/// stands before it. Its version is left away, so that `redis-exporter-6.x` is an exporter.
pub(super) fn in_branch(branch: &str) -> Vec<String> {
    let topic = branch.rsplit('/').next().unwrap_or_default().to_lowercase();
    let name = match topic.rsplit_once('-') {
        Some((name, version)) if is_version(version) => name,
        _ => topic.as_str(),
    };
    let borders = name.match_indices('-').map(|(place, _)| place + 1);
    std::iter::once(0).chain(borders).map(|start| name[start..].to_owned()).collect()
}

fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'x'))
}
