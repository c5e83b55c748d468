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
            for (place, line) in hunk.iter().enumerate().filter(|(_, line)| line.changed) {
                names.extend(of_line(&line.text));
                names.extend(around(&hunk[..place], hunk[place + 1..].iter(), &line.text));
            }
        }
    }
    names
}

/// What stands above and below a line and belongs to it.
fn around<'a>(above: &'a [Line], below: impl Iterator<Item = &'a Line>, line: &str) -> Vec<String> {
    let own = indentation(line);
    let mut names = Vec::new();
    let mut level = own;
    // The dash that begins a list's item ends what is beside the line above it, and the line's own what is below.
    let mut within = !begins_item(line);
    for Line { text, .. } in above.iter().rev().filter(|other| !other.text.trim().is_empty()) {
        let here = indentation(text);
        if here < level {
            level = here;
            within = false;
            names.extend(key(text).map(str::to_lowercase));
        } else if here == own && within {
            names.extend(named_beside(text));
            within = !begins_item(text);
        }
    }
    for Line { text, .. } in below.filter(|other| !other.text.trim().is_empty()) {
        let here = indentation(text);
        if here < own || (here == own && begins_item(text)) {
            break;
        }
        if here == own {
            names.extend(named_beside(text));
        }
    }
    names
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

/// The words of a line beside the changed one, where it names an image, a chart or (in a comment) a package.
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
