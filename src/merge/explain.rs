//! Is every changed line of a pull request what its table says?
//!
//! A table is words in a body that can be edited; the diff is what will be merged. This judge fails closed: whatever it
//! does not understand (a rename, a mode, a binary file, one line more than before) is not explained.

use super::diff::{self, Unexplained, unexplained};
use super::semver;
use crate::forge::renovate::Update;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// What explains a pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Explained {
    /// Which update (by its place in the table) may have changed which file: every one whose versions explain a line there.
    pub(crate) places: BTreeSet<(usize, String)>,
    /// Every file that the diff changes, lock files included.
    pub(crate) files: BTreeSet<String>,
}

/// Explains each changed line by the versions of the table, or by a file name that needs no explanation.
pub(crate) fn explain(
    diff: &str,
    updates: &[Update],
    lock_files: &[String],
) -> Result<Explained, Unexplained> {
    let mut explained = Explained::default();
    for file in diff::parse(diff)? {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if !lock_files.iter().any(|lock| lock == name) {
            for block in &file.blocks {
                if block.removed.len() != block.added.len() {
                    return Err(unexplained(&file.path, Some(block.line), "lines were added or removed"));
                }
                for (place, (old, new)) in (block.line..).zip(block.removed.iter().zip(&block.added)) {
                    // Several rows may have the same versions, and nothing tells whose line it is: it is everyone's.
                    let mut rows =
                        (0..updates.len()).filter(|row| explains(&updates[*row], old, new)).peekable();
                    if rows.peek().is_none() {
                        return Err(unexplained(
                            &file.path,
                            Some(place),
                            "the change is not from an old to a new version of the table",
                        ));
                    }
                    explained.places.extend(rows.map(|row| (row, file.path.clone())));
                }
            }
        }
        explained.files.insert(file.path);
    }
    if explained.files.is_empty() {
        return Err(unexplained("the diff", None, "it changes nothing"));
    }
    Ok(explained)
}

/// Whether one update makes the new line out of the old one.
fn explains(update: &Update, old: &str, new: &str) -> bool {
    if old == new {
        return false;
    }
    let (old_text, old_digest) = without_digest(old);
    let (new_text, new_digest) = without_digest(new);
    let to = update.to.trim_start_matches("sha256:");
    if old_text == new_text {
        // Only the digest moves, or comes: the table shows how both begin.
        let Some(new_digest) = new_digest else { return false };
        let from = update.from.as_deref().unwrap_or_default().trim_start_matches("sha256:");
        return is_hexadecimal(to)
            && new_digest.starts_with(to)
            && match &old_digest {
                Some(old_digest) => is_hexadecimal(from) && old_digest.starts_with(from),
                None => update.from.is_none(),
            };
    }
    // A digest that moves along with its version needs no row of its own, but it may not come or go unseen.
    if old_digest.is_some() != new_digest.is_some() {
        return false;
    }
    let Some(from) = update.from.as_deref() else { return false };
    let mut places = bounded(&old_text, from);
    if !speaks_for_itself(from) {
        if !speaks_of_version(update, from, &old_text) {
            return false;
        }
        places.retain(|place| !is_part_of_a_name(&old_text, *place, from));
    }
    let one = |place: &usize| replace_at(&old_text, &[*place], from, &update.to) == new_text;
    places.iter().any(one)
        || (!places.is_empty() && replace_at(&old_text, &places, from, &update.to) == new_text)
}

/// Longer versions and commits speak for themselves. A host's name does not, and what may be an address neither.
fn speaks_for_itself(version: &str) -> bool {
    let numbers = semver::numbers(semver::without_operator(version)).map_or(0, |numbers| numbers.len());
    let is_long = numbers >= 2 && version.matches('.').count() >= 2 && version.parse::<Ipv4Addr>().is_err();
    is_long || is_hexadecimal(version)
}

/// A bare `1` or `1.5` is a version only where the line says so: in a line that names the package, or whose key is one
/// that holds versions. A word or an address is one below such a key alone: who edits the table chooses the package too.
fn speaks_of_version(update: &Update, from: &str, line: &str) -> bool {
    let is_number =
        from.parse::<Ipv4Addr>().is_err() && semver::numbers(semver::without_operator(from)).is_some();
    let short = update.package.rsplit('/').next().unwrap_or_default().to_lowercase();
    let key = key(line);
    // A setting that is called like the package (`cpu: 1.5`) says nothing of a version.
    let is_setting = key == short && line.contains(": ");
    let names_package = is_number && !short.is_empty() && !is_setting && line.to_lowercase().contains(&short);
    names_package
        || ["version", "tag", "image", "revision", "ref", "rev"].iter().any(|word| key.ends_with(word))
}

/// The key of a line, in small letters. What a Dockerfile builds from is an image.
fn key(line: &str) -> String {
    let line = line.trim_start().to_lowercase();
    if line.starts_with("from ") {
        return "image".to_owned();
    }
    let key = line.split([':', '=']).next().unwrap_or_default();
    key.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// Whether what stands at a place is the name of an image, of its owner or of its host, and no version of it.
fn is_part_of_a_name(line: &str, place: usize, version: &str) -> bool {
    let before = line[..place].chars().next_back();
    let after = line[place + version.len()..].chars().next();
    before == Some('/')
        || matches!(after, Some('/' | ':'))
        || (key(line).ends_with("image") && before != Some(':'))
}

/// Where a version stands by itself: not inside a longer word or version.
fn bounded(line: &str, version: &str) -> Vec<usize> {
    if version.is_empty() {
        return Vec::new();
    }
    line.match_indices(version)
        .filter(|(place, _)| {
            let before = line[..*place].chars().next_back();
            let after = line[place + version.len()..].chars().next();
            !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '+'))
                && !after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-'))
        })
        .map(|(place, _)| place)
        .collect()
}

fn replace_at(line: &str, places: &[usize], from: &str, to: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut done = 0;
    for place in places {
        text.push_str(&line[done..*place]);
        text.push_str(to);
        done = place + from.len();
    }
    text.push_str(&line[done..]);
    text
}

/// A line without the one digest in it (`@sha256:` and 64 digits, or `@` and a commit's 40), and that digest.
fn without_digest(line: &str) -> (String, Option<String>) {
    for (place, _) in line.match_indices('@') {
        let rest = &line[place + 1..];
        let (rest, length) = match rest.strip_prefix("sha256:") {
            Some(rest) => (rest, 64),
            None => (rest, 40),
        };
        let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        if digits.len() == length {
            let tail = &rest[length..];
            return (format!("{}{tail}", &line[..place]), Some(digits));
        }
    }
    (line.to_owned(), None)
}

fn is_hexadecimal(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
