//! What a task's identity hangs on, so that it is found again after people have moved, numbered and reworded it.

use super::kind::words;
use super::{Kind, TaskKey};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Makes keys; counts those that are alike.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seen: BTreeMap<String, usize>,
}

impl Keys {
    /// The key of the next task in the order of the text. `title` is without id, priority, layer and note, `commands`
    /// is the sum of them.
    pub(crate) fn next(&mut self, kind: &Kind, commands: &str, title: &str) -> TaskKey {
        let ordinal =
            self.seen.entry(stem(kind, commands, title)).and_modify(|count| *count += 1).or_insert(0);
        key(kind, commands, title, *ordinal)
    }
}

/// What tasks that are alike have in common.
pub(super) fn stem(kind: &Kind, commands: &str, title: &str) -> String {
    format!("{}\n{}{commands}\n{}", kind.word(), targets(kind), words(title).join(" "))
}

/// The sum of the commands below a task of this kind, blanks aside; empty where the task is not about its commands,
/// because what it does follows from its kind and targets, and where there are none.
pub(crate) fn commands(kind: &Kind, commands: &[String]) -> String {
    if commands.is_empty() || !matches!(kind, Kind::Dashboard | Kind::Runbook | Kind::Person) {
        return String::new();
    }
    let lines: Vec<String> = commands
        .iter()
        .map(|line| line.trim().trim_start_matches("$ ").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    hex(&Sha256::digest(lines.join("\n").as_bytes())[..8])
}

/// The key of one of several tasks that are alike, counted from 0.
pub(crate) fn key(kind: &Kind, commands: &str, title: &str, ordinal: usize) -> TaskKey {
    let stem = stem(kind, commands, title);
    let text = if ordinal == 0 { stem } else { format!("{stem}\n{ordinal}") };
    TaskKey(hex(&Sha256::digest(text.as_bytes())[..8]))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What a task is about, apart from its words.
fn targets(kind: &Kind) -> String {
    match kind {
        Kind::Merge { pull } => pull.to_string(),
        Kind::Decide { pull } | Kind::Track { pull } => pull.map(|pull| pull.to_string()).unwrap_or_default(),
        Kind::Verify { check } => format!("{check:?}"),
        Kind::Action { action } => format!("{action:?}"),
        Kind::Close { number } => number.to_string(),
        Kind::Finding { tag } => format!("{tag:?}"),
        Kind::Dashboard | Kind::Runbook | Kind::Final | Kind::Person => String::new(),
    }
}

/// Whether two tasks are about the same, apart from their words.
pub(crate) fn same_targets(one: &Kind, other: &Kind) -> bool {
    one.word() == other.word() && targets(one) == targets(other)
}

/// Whether two titles are the same but for marks, case and blanks.
pub(crate) fn same_words(one: &str, other: &str) -> bool {
    words(one) == words(other)
}

/// How alike two titles of the same kind and targets are, from 0 to 1; `None` when they mean something else.
///
/// A number says all that a merge or a closing is about. For the rest a slip of the pen, an ending, or words added to
/// or taken from a title are another wording; one word in the place of another is another task, and so is another
/// version, file or host, or a `not`. In doubt it is another task: what is new is done again or asked again, while a
/// history kept wrongly would call something done that never was.
pub(crate) fn continues(kind: &Kind, one: &str, other: &str) -> Option<f64> {
    let (first, second) = (distinct(words(one)), distinct(words(other)));
    let share = likeness(one, other);
    if matches!(kind, Kind::Merge { .. } | Kind::Close { .. }) {
        return Some(share);
    }
    if names(one) != names(other) {
        return None;
    }
    let mut removed: Vec<&String> = first.difference(&second).filter(|word| says_something(word)).collect();
    let mut added: Vec<&String> = second.difference(&first).filter(|word| says_something(word)).collect();
    removed.retain(|word| match added.iter().position(|other| is_spelling_of(word, other)) {
        Some(at) => {
            added.remove(at);
            false
        }
        None => true,
    });
    // The same words in another sequence say something else: from a to b, from b to a.
    let sequence = |text: &str, other: &BTreeSet<String>| -> Vec<String> {
        words(text).into_iter().filter(|word| says_something(word) && other.contains(word)).collect()
    };
    if sequence(one, &second) != sequence(other, &first) {
        return None;
    }
    let turned = removed.iter().chain(&added).any(|word| turns_around(word));
    let replaced = !removed.is_empty() && !added.is_empty();
    (!turned && !replaced && share >= ALIKE).then_some(share)
}

/// How alike two texts are, from 0 to 1: the words that both have, of all that either has.
pub(crate) fn likeness(one: &str, other: &str) -> f64 {
    let (first, second) = (distinct(words(one)), distinct(words(other)));
    ratio(first.intersection(&second).count(), first.union(&second).count())
}

/// Of more words than this only the same ones are common: each is compared with each.
const MOST_IN_ANY_FORM: usize = 64;

/// Of a longer text only the beginning is compared: the row of a table may have the id of very many tasks.
const LONGEST_COMPARED: usize = 1_000;

/// The same, where other forms of a word count as that word: `crash` and `crashes`.
pub(crate) fn likeness_in_any_form(one: &str, other: &str) -> f64 {
    let [one, other] = [one, other].map(|text| &text[..text.floor_char_boundary(LONGEST_COMPARED)]);
    let (first, second) = (distinct(words(one)), distinct(words(other)));
    if first.len().max(second.len()) > MOST_IN_ANY_FORM {
        return likeness(one, other);
    }
    let common = first.iter().filter(|word| second.iter().any(|other| is_spelling_of(word, other))).count();
    ratio(common, first.len() + second.len() - common.min(second.len()))
}

/// From this share of common words on two titles may be the same task, reworded.
const ALIKE: f64 = 0.5;

fn distinct(words: Vec<String>) -> BTreeSet<String> {
    words.into_iter().collect()
}

fn ratio(part: usize, whole: usize) -> f64 {
    let (part, whole) = (u32::try_from(part).unwrap_or(u32::MAX), u32::try_from(whole).unwrap_or(u32::MAX));
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

/// What a title names exactly: versions, files, hosts, numbers.
fn names(title: &str) -> BTreeSet<String> {
    title
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| word.contains(|c: char| c.is_numeric() || matches!(c, '.' | ':' | '@' | '_')))
        .collect()
}

fn says_something(word: &str) -> bool {
    !matches!(
        word,
        "the" | "a" | "an" | "of" | "to" | "and" | "is" | "are" | "in" | "on" | "for" | "please" | "that"
    )
}

fn turns_around(word: &str) -> bool {
    matches!(
        word,
        "not" | "no" | "never" | "don" | "dont" | "without" | "except" | "unless" | "only" | "if" | "instead"
    )
}

/// Whether two words are one, but for an ending or a slip of the pen.
fn is_spelling_of(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let (short, long): (Vec<char>, Vec<char>) = (short.chars().collect(), long.chars().collect());
    let ending = short.len() >= 3 && long.starts_with(&short) && long.len() - short.len() <= 3;
    ending || (short.len() >= 5 && short.first() == long.first() && distance(&short, &long) == 1)
}

/// How many letters have to be changed, left out, added or swapped with the next; at most 2 is told.
fn distance(short: &[char], long: &[char]) -> usize {
    let same = short.iter().zip(long).take_while(|(one, other)| one == other).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 if short.get(1..) == long.get(1..) => usize::from(!short.is_empty()),
        0 if short.len() >= 2 && short[0] == long[1] && short[1] == long[0] && short[2..] == long[2..] => 1,
        1 if *short == long[1..] => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::PullNumber;

    #[test]
    fn another_wording_is_the_same_task_and_another_meaning_is_not() {
        for (one, other, same) in [
            ("Fix the image of app one", "Fix the image of app one soon", true),
            ("Fix the image of app one", "Fix image of app one", true),
            ("Fix the image of app one", "Fix the images of app one", true),
            ("Investigate the databse", "Investigate the database", true),
            ("Investigate the database", "Investigaet the database", true),
            ("Fix the image of app one", "Fix the image of app two", false),
            ("Restart grafana", "Restart gitea", false),
            ("Restart grafana", "Delete grafana", false),
            ("Restart osd.2 again", "Restart osd.3 again", false),
            ("Clean node n1 and its disks", "Clean node n2 and its disks", false),
            ("Restart the old database", "Do not restart the old database", false),
            ("Fix it", "Fix it by replacing every disk of the node", false),
            ("Update to v1.2.3", "Update to v1.2.4", false),
            ("Move the data from a1 to b2", "Move the data from b2 to a1", false),
            (
                "Move the volume of wiki from rack to shelf",
                "Move the volume of wiki from shelf to rack",
                false,
            ),
            ("Move the volume from rack to shelf", "Move volume from the rack to the shelf now", true),
        ] {
            assert_eq!(continues(&Kind::Person, one, other).is_some(), same, "{one} / {other}");
            assert_eq!(continues(&Kind::Person, other, one).is_some(), same, "{other} / {one}");
        }
        let merge = Kind::Merge { pull: PullNumber(5) };
        assert!(continues(&merge, "Merge PR #5 grafana", "Merge #5, but carefully").is_some());
    }

    #[test]
    fn other_commands_are_another_task_where_it_hangs_on_them() {
        let sum = |kind: &Kind, lines: &[&str]| {
            commands(kind, &lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
        };
        let person = sum(&Kind::Person, &["kubectl delete pod a", "kubectl get pods"]);
        assert_eq!(person, sum(&Kind::Person, &["$ kubectl  delete pod a ", "kubectl get\tpods"]));
        for other in [&["kubectl delete pod b", "kubectl get pods"][..], &["kubectl delete pod a"], &[]] {
            assert_ne!(person, sum(&Kind::Person, other));
        }
        let merge = Kind::Merge { pull: PullNumber(5) };
        assert_eq!(sum(&merge, &["kubectl get pods"]), "");
        assert_eq!(sum(&Kind::Person, &[]), "");
    }
}
