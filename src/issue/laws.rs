//! What holds of writing for every text, as functions that panic where it does not: for the tests and for the fuzzer.
//!
//! Nothing here knows how [`apply()`] works. A person's text is compared line by line with what is left of the written
//! one once everything between our markers, our row and our notes are taken away by plain comparison.

use super::{
    Block, ChangeKind, ChangeRow, Desired, FieldWish, KnownTask, Reading, TaskWish, TemplateFields, apply,
    keep_history, read, template_values,
};
use crate::merge::UpdateType;

const NOTE: &str = "*(done 2026-11-21 14:30 UTC: by the law)*";
const ROW: &str = "a row of the law";
const STATUS: &str =
    "## caretaker\n\n| Layer | State |\n|---|---|\n| Metal | GREEN |\n\n```text\nwords of the law\n```";
const NAMES: [&str; 4] = ["status", "closing", "packet", "changes"];

/// Which parts are wished for, by bits.
#[derive(Clone, Copy)]
struct Wishes(u8);

impl Wishes {
    fn status(self) -> bool {
        self.0 & 1 != 0
    }
    fn block(self) -> bool {
        self.0 & 2 != 0
    }
    fn closing(self) -> bool {
        self.0 & 4 != 0
    }
    fn row(self) -> bool {
        self.0 & 8 != 0
    }
    fn ticks(self) -> bool {
        self.0 & 16 != 0
    }
    fn notes(self) -> bool {
        self.0 & 32 != 0
    }
    fn template(self) -> bool {
        self.0 & 64 != 0
    }
}

fn reading(text: &str) -> Option<Reading> {
    read(text, &|_| (None, UpdateType::Unknown)).ok()
}

fn desired(text: &str, before: &Reading, wishes: Wishes) -> Desired {
    let field = |value: &str, former: Option<String>| {
        Some(FieldWish { value: value.to_owned(), former: former.into_iter().collect() })
    };
    let values = template_values(text);
    Desired {
        known: before.tasks.iter().map(|task| KnownTask::of(task, &before.tasks)).collect(),
        tasks: before
            .tasks
            .iter()
            .step_by(2)
            .map(|task| TaskWish {
                key: task.key.clone(),
                tick: wishes.ticks(),
                note: wishes.notes().then(|| NOTE.to_owned()),
                former_notes: Vec::new(),
            })
            .collect(),
        status: wishes.status().then(|| STATUS.to_owned()),
        blocks: wishes
            .block()
            .then(|| Block { name: "packet".to_owned(), text: "### Packet\n\n- a\n- b".to_owned() })
            .into_iter()
            .collect(),
        rows: wishes.row().then(row).into_iter().collect(),
        template: if wishes.template() {
            TemplateFields {
                overall: field("🟢 GREEN", values.overall),
                last_updated: field("now", values.last_updated),
                resolved_by: field("caretaker", None),
                ..TemplateFields::default()
            }
        } else {
            TemplateFields::default()
        },
        closing_report: wishes.closing().then(|| "# RESOLVED\n\n## Summary\n\nwords of the law".to_owned()),
        ..Desired::default()
    }
}

fn row() -> ChangeRow {
    ChangeRow {
        at: "2026-11-21T14:30:00Z".parse().expect("a constant that the tests parse"),
        kind: ChangeKind::Merge,
        task: Some("A1".to_owned()),
        number: Some(5),
        title: ROW.to_owned(),
        action: "merged".to_owned(),
        note: "all layers GREEN".to_owned(),
        after: None,
        written: false,
    }
}

/// The lines that are not ours, without notes of ours, boxes open, blank lines left out.
fn lines_of_people(text: &str) -> Vec<String> {
    let mut rest = text.to_owned();
    for name in NAMES {
        let (open, close) = (format!("<!-- caretaker:{name} -->"), format!("<!-- /caretaker:{name} -->"));
        while let Some(start) = rest.find(&open) {
            let end = rest[start..].find(&close).expect("a block of ours has its end");
            rest.replace_range(start..start + end + close.len(), "");
        }
    }
    rest.split('\n')
        .filter(|line| !line.contains(ROW))
        .map(|line| line.replace(&format!(" {NOTE}"), "").replace("[x]", "[ ]").replace("[X]", "[ ]"))
        .map(|line| line.trim_end_matches('\r').to_owned())
        .filter(|line| !line.trim_matches([' ', '\t']).is_empty())
        .collect()
}

/// Writing twice is the same as once; a text that nobody forged a marker in keeps every line that is not ours, each task
/// and its place; what was wished for can be read.
pub(crate) fn writing(text: &str, wishes: u8) {
    let wishes = Wishes(wishes);
    let Some(before) = reading(text) else {
        let wish = desired(text, &Reading::default(), wishes);
        assert_eq!(apply(text, &wish), text, "a text that cannot be read stays");
        return;
    };
    let wish = desired(text, &before, wishes);
    let written = apply(text, &wish);
    assert_eq!(apply(&written, &wish), written, "writing twice is the same as once");
    let ours = ["caretaker:", ROW, NOTE, "words of the law"].iter().any(|own| text.contains(own));
    if ours {
        return;
    }
    for name in NAMES {
        assert!(written.matches(&format!("<!-- caretaker:{name} -->")).count() <= 1, "one block {name}");
        let (open, close) = (format!("<!-- caretaker:{name} -->"), format!("<!-- /caretaker:{name} -->"));
        assert_eq!(written.matches(&open).count(), written.matches(&close).count());
    }
    assert_eq!(written.contains("words of the law"), wishes.status() || wishes.closing());
    assert_eq!(written.contains(ROW), wishes.row());
    if !wishes.template() {
        assert_eq!(lines_of_people(&written), lines_of_people(text), "a person's lines");
    }
    let mut after = reading(&written).expect("a text that could be read can be read afterwards");
    keep_history(&mut after, &wish.known, &[]);
    let keys = |reading: &Reading| reading.tasks.iter().map(|task| task.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&after), keys(&before), "the tasks and their order");
    for (index, (then, now)) in before.tasks.iter().zip(&after.tasks).enumerate() {
        let wished = index % 2 == 0 && wishes.ticks();
        assert_eq!(now.ticked, then.ticked || wished, "box {index}");
        assert_eq!((now.priority, now.layer), (then.priority, then.layer), "context of {index}");
    }
}

/// How many tasks are read.
#[cfg(any(fuzzing, feature = "bench"))]
pub(crate) fn tasks_of(text: &str) -> usize {
    reading(text).map_or(0, |reading| reading.tasks.len())
}

/// How long a text is with everything written into it that can be wished for.
#[cfg(any(fuzzing, feature = "bench"))]
pub(crate) fn length_written(text: &str) -> usize {
    let Some(before) = reading(text) else { return text.len() };
    apply(text, &desired(text, &before, Wishes(u8::MAX))).len()
}
