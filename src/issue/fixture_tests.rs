//! Bodies of our own making, one for each trap and spelling that real ones hold, with what is read out of them.
//!
//! `fixtures/bodies/01` to `15` are the traps; from `20` on the spellings.

use super::guess::{Certainty, Guess, Source};
use super::{Needs, Reading, order, read};
use crate::merge::{Category, UpdateType};
use std::fmt::Write as _;

fn words(text: &str) -> (Option<Category>, UpdateType) {
    let text = text.to_lowercase();
    let category = [
        ("non-major", Category::NonMajor),
        ("bot", Category::Platform),
        ("ceph", Category::Core),
        ("wiki", Category::AppTemplate),
    ]
    .into_iter()
    .find(|(word, _)| text.contains(word))
    .map(|(_, category)| category);
    let update = if text.contains("non-major") {
        UpdateType::Minor
    } else if text.contains("major") {
        UpdateType::Major
    } else {
        UpdateType::Unknown
    };
    (category, update)
}

fn from<T>(guess: &Guess<T>) -> String {
    let sure = match guess.certainty {
        Certainty::Written => "",
        Certainty::Inferred => "?",
        Certainty::Assumed => "??",
    };
    match &guess.source {
        Source::Line | Source::Words | Source::Nothing => sure.to_owned(),
        Source::Detail(label) => format!("{sure}({label})"),
        Source::Heading(heading) => format!("{sure}({heading})"),
        Source::Spec(line) => format!("{sure}(row {line})"),
    }
}

fn shown(reading: &Reading) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for task in &reading.tasks {
        let state = if task.ticked { 'x' } else { ' ' };
        let layer = task.layer.map_or("-", crate::health::Layer::word);
        let needs = match task.needs {
            Some(Needs::Approval) => ", needs an approval",
            Some(Needs::Person) => ", needs a person",
            None => "",
        };
        let _ = writeln!(
            text,
            "{:>3} [{state}] {} {}{} {layer}{} {}{}{needs}: {}",
            task.line,
            task.id,
            task.priority,
            from(&task.guesses.priority),
            from(&task.guesses.layer),
            task.kind.word(),
            from(&task.guesses.kind),
            task.title
        );
        let before: Vec<String> =
            task.guesses.depends_on.iter().map(|guess| format!("{}{}", guess.value, from(guess))).collect();
        if !before.is_empty() {
            let _ = writeln!(text, "        after {}", before.join(", "));
        }
        for note in &task.notes {
            let _ = writeln!(text, "        note {note}");
        }
        let details = [
            ("goal", &task.details.goal),
            ("expected", &task.details.expected),
            ("if fails", &task.details.if_fails),
            ("rollback", &task.details.rollback),
        ];
        for (name, detail) in details {
            if let Some(detail) = detail {
                let _ = writeln!(text, "        {name}: {detail}");
            }
        }
        for command in &task.details.commands {
            let _ = writeln!(text, "        $ {command}");
        }
    }
    let open: Vec<&str> = order(&reading.tasks, &|_| None)
        .iter()
        .filter_map(|key| reading.task(key))
        .map(|task| task.id.as_str())
        .collect();
    let _ = writeln!(text, "order: {}", open.join(" "));
    for ignored in &reading.ignored {
        let _ = writeln!(text, "{:>3} ignored: {}", ignored.line, ignored.why);
    }
    for warning in &reading.warnings {
        let _ = writeln!(text, "{:>3} warning: {}", warning.line, warning.text);
    }
    text
}

#[test]
fn every_trap_and_every_spelling_is_read_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bodies");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is a part of the project")
        .map(|entry| entry.expect("readable").path())
        .collect();
    names.sort();
    let mut text = String::new();
    for path in &names {
        let body = std::fs::read_to_string(path).expect("readable");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let _ = writeln!(text, "== {name}\n{}", shown(&read(&body, &words).expect("readable")));
    }
    assert_eq!(names.len(), 20, "every trap has its body");
    insta::assert_snapshot!(text);
}
