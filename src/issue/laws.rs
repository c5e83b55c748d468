//! What holds of writing for every text, as functions that panic where it does not: for the tests and for the fuzzer.
//!
//! Nothing here knows how [`apply()`] works. A person's text is compared byte by byte with what is left of the written
//! one once our blocks, our row and our notes are taken away by plain comparison. Markers themselves do not count, on
//! either side: people forge, copy and lose them, and what stands around them is theirs all the same.

use super::{
    Block, ChangeKind, ChangeRow, Desired, FieldWish, KnownTask, Reading, TaskWish, TemplateFields, apply,
    keep_history, read, template_values,
};
use crate::merge::UpdateType;
use regex::Regex;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

const NOTE: &str = "*(done 2026-11-21 14:30 UTC: by the law)*";
const ROW: &str = "a row of the law";
const STATUS: &str =
    "## caretaker\n\n| Layer | State |\n|---|---|\n| Metal | GREEN |\n\n```text\nwords of the law\n```";
const PACKET: &str = "### Packet\n\n- a\n- b";
const REPORT: &str = "# RESOLVED\n\n## Summary\n\nwords of the law";
const WORDS: &str = "words of the law";

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
            .then(|| Block { name: "packet".to_owned(), text: PACKET.to_owned() })
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
        closing_report: wishes.closing().then(|| REPORT.to_owned()),
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

/// What of a text nobody but us writes: then not every byte of it has to stay.
fn is_ours(line: &str) -> bool {
    let line = line.trim();
    let known =
        [STATUS, PACKET, REPORT, "## Change Log"].iter().any(|text| text.lines().any(|own| own == line));
    line.starts_with("- [") && line.contains("Approve **")
        || ["caretaker:sum", ROW, NOTE, WORDS, "| Time | Type |"].iter().any(|own| line.contains(own))
        || known && line.len() > 3
}

/// A text as it is compared: boxes open, without notes of ours, and without what a repair takes away or leaves of markers.
/// One that is taken away may bring another to light.
fn bare(text: &str) -> String {
    static MARKER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"<!--\s*(?:/?caretaker:[^ ]*?)?\s*-->")
            .expect("the pattern is a constant that a test compiles")
    });
    let mut text = text.replace(&format!(" {NOTE}"), "").replace("[x]", "[ ]").replace("[X]", "[ ]");
    loop {
        match MARKER.replace_all(&text, "") {
            Cow::Borrowed(_) => return text,
            Cow::Owned(shorter) => text = shorter,
        }
    }
}

/// What of a written text is not ours, cut where something of ours stands: our blocks by their own words, and our row.
fn pieces(written: &str, wishes: Wishes) -> Vec<&str> {
    let mut ours: Vec<Range<usize>> = Vec::new();
    let mut block = |name: &str, from: usize| {
        let (open, close) = (format!("<!-- caretaker:{name} -->"), format!("<!-- /caretaker:{name} -->"));
        let start = written[..from].rfind(&open).expect("a block of ours has its beginning");
        let end = from + written[from..].find(&close).expect("a block of ours has its end") + close.len();
        ours.push(start..end);
    };
    let ending = if written.contains("## caretaker\r\n")
        || written.contains("\r\n- a\r\n- b\r\n<!-- caretaker:sum")
        || written.contains("# RESOLVED\r\n")
    {
        "\r\n"
    } else {
        "\n"
    };
    for (name, text, wished) in [
        ("status", STATUS, wishes.status()),
        ("packet", PACKET, wishes.block()),
        ("closing", REPORT, wishes.closing()),
    ] {
        let begins = format!(
            "<!-- caretaker:{name} -->{ending}{}{ending}<!-- caretaker:sum ",
            text.replace('\n', ending)
        );
        assert_eq!(written.matches(&begins).count(), usize::from(wished), "the block {name}");
        if let Some(at) = written.find(&begins) {
            block(name, at + begins.len());
        }
    }
    assert_eq!(written.matches(ROW).count(), usize::from(wishes.row()), "our row");
    if let Some(row) = written.find(ROW) {
        let line = written[..row].rfind('\n').map_or(0, |at| at + 1);
        let end = row + written[row..].find(['\r', '\n']).unwrap_or(written.len() - row);
        let below = written[end..].trim_start_matches(['\r', '\n']);
        if below.starts_with("<!-- caretaker:sum ") {
            block("changes", row);
        } else {
            ours.push(line..end);
        }
    }
    ours.sort_by_key(|range| range.start);
    let mut at = 0;
    let mut pieces: Vec<&str> = Vec::new();
    for range in ours {
        pieces.push(&written[at..range.start]);
        at = range.end;
    }
    pieces.push(&written[at..]);
    pieces
}

/// The text, and what is left of it without its last line ending, and without the last two.
fn without_endings(text: &str) -> Vec<&str> {
    let mut found = vec![text];
    for _ in 0..2 {
        let last = found[found.len() - 1];
        match last.strip_suffix('\n') {
            Some(rest) => found.push(rest.strip_suffix('\r').unwrap_or(rest)),
            None => break,
        }
    }
    found
}

/// The same at its beginning.
fn without_beginnings(text: &str) -> Vec<&str> {
    let mut found = vec![text];
    for _ in 0..2 {
        let last = found[found.len() - 1];
        match last.strip_prefix("\r\n").or_else(|| last.strip_prefix('\n')) {
            Some(rest) => found.push(rest),
            None => break,
        }
    }
    found
}

/// Whether the pieces are the text, byte for byte. What is ours is set apart from a person's text with a line ending or
/// two on each side.
fn is_made_of(text: &str, pieces: &[String]) -> bool {
    let mut ends = BTreeSet::from([0]);
    for (number, piece) in pieces.iter().enumerate() {
        let starts = if number == 0 { vec![piece.as_str()] } else { without_beginnings(piece) };
        let mut next = BTreeSet::new();
        for start in starts {
            let cut = if number + 1 == pieces.len() { vec![start] } else { without_endings(start) };
            for part in cut {
                next.extend(
                    ends.iter().filter(|&&at| text[at..].starts_with(part)).map(|at| at + part.len()),
                );
            }
        }
        ends = next;
    }
    ends.contains(&text.len())
}

/// Every byte that is not ours is where it was; where some of the text may be ours, every line that is not.
fn keeps_every_byte(text: &str, written: &str, wishes: Wishes) {
    if !text.lines().any(is_ours) {
        let pieces: Vec<String> = pieces(written, wishes).into_iter().map(bare).collect();
        let text = bare(text);
        assert!(is_made_of(&text, &pieces), "a person's bytes: {text:?} became {written:?}");
        return;
    }
    let cut = text.replace("-->", "\n").replace("<!--", "\n");
    let (cut, written) = (bare(&cut), bare(written));
    let mut rest = written.as_str();
    for line in cut.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("caretaker:")) {
        if is_ours(line) || STATUS.lines().chain(PACKET.lines()).any(|own| own == line) {
            continue;
        }
        let at = rest.find(line);
        assert!(at.is_some(), "a person's line {line:?}: {text:?} became {written:?}");
        rest = &rest[at.unwrap_or(0) + line.len()..];
    }
}

/// Writing twice is the same as once; every byte that is not ours stays, whatever markers were forged or lost around it,
/// with each task and its place; what was wished for can be read.
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
    if !wishes.template() {
        keeps_every_byte(text, &written, wishes);
    }
    if text.lines().any(is_ours) {
        return;
    }
    let mut after = reading(&written).expect("a text that could be read can be read afterwards");
    keep_history(&mut after, &wish.known, &[]);
    let keys = |reading: &Reading| reading.tasks.iter().map(|task| task.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&after), keys(&before), "the tasks and their order: {written:?}");
    for (index, (then, now)) in before.tasks.iter().zip(&after.tasks).enumerate() {
        let ours = index % 2 == 0 && wishes.ticks();
        assert_eq!(now.ticked, then.ticked || ours, "box {index}: {written:?}");
        assert_eq!((now.priority, now.layer), (then.priority, then.layer), "context of {index}");
        assert_eq!(
            (&now.kind, &now.details),
            (&then.kind, &then.details),
            "what {index} asks for: {written:?}"
        );
        assert_eq!(now.depends_on.len(), then.depends_on.len(), "what {index} waits for: {written:?}");
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
