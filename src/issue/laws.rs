//! What holds of writing for every text, as functions that panic where it does not: for the tests and for the fuzzer.
//!
//! Nothing here knows how [`apply()`] works. A person's text is compared byte by byte with what is left of the written
//! one once our blocks, rows, notes and cells are taken away by plain comparison; they hold a word that is made from the
//! text, so that no text can hold it before. Markers themselves do not count, on either side: people forge, copy and lose
//! them, and what stands around them is theirs all the same.

use super::read::read_document;
use super::{
    Block, ChangeKind, ChangeRow, Desired, FieldWish, KnownTask, Reading, TaskWish, TemplateFields, apply,
    hex, keep_history, read, template_values,
};
use crate::merge::UpdateType;
use checklist::{Document, Edits};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// What a form holds where nothing is known yet.
const PLACEHOLDERS: [&str; 6] = ["", "-", "–", "—", "PENDING", "TBD"];

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

/// The first or the second writing of a text. The second brings other words for everything that the first wrote, and takes
/// its closing report and its packet back.
struct Round<'a> {
    wishes: Wishes,
    words: String,
    former: Option<&'a Round<'a>>,
}

impl<'a> Round<'a> {
    fn of(text: &str, wishes: Wishes, former: Option<&'a Round<'a>>) -> Self {
        let number = if former.is_some() { "2" } else { "1" };
        let digest = Sha256::digest(format!("{number}{text}").as_bytes());
        Self { wishes, words: hex(&digest[..8]), former }
    }

    fn note(&self, task: usize) -> String {
        format!("*(done 2026-11-21 14:30 UTC: law {} {task})*", self.words)
    }

    fn status(&self) -> String {
        let words = &self.words;
        format!(
            "## caretaker {words}\n\n| Layer {words} | State |\n|---|---|\n| Metal | GREEN |\n\n```text\nlaw {words}\n```"
        )
    }

    fn packet(&self) -> String {
        format!("### Packet {}\n\n- a\n- b", self.words)
    }

    fn report(&self) -> String {
        format!("# RESOLVED {0}\n\n## Summary {0}\n\nlaw {0}", self.words)
    }

    fn title(&self) -> String {
        format!("row {}", self.words)
    }

    fn row(&self, written: bool) -> ChangeRow {
        let at: Timestamp = "2026-11-21T14:30:00Z".parse().expect("a constant that the tests parse");
        ChangeRow {
            at: if self.former.is_some() { at + SignedDuration::from_mins(7) } else { at },
            kind: ChangeKind::Merge,
            task: Some("A1".to_owned()),
            number: Some(5),
            title: self.title(),
            action: "merged".to_owned(),
            note: "all layers GREEN".to_owned(),
            after: None,
            written,
        }
    }

    /// What the form's fields are filled with: overall status, last update, who resolved it.
    fn cells(&self) -> [String; 3] {
        ["🟢 GREEN", "now", "resolver"].map(|what| format!("{what} {}", self.words))
    }

    /// The titles of the rows that stand there afterwards.
    fn titles(&self) -> Vec<String> {
        let all = self.former.into_iter().chain([self]).map(Round::title);
        all.filter(|_| self.wishes.row()).collect()
    }

    fn desired(&self, text: &str, before: &Reading) -> Desired {
        let wishes = self.wishes;
        let values = template_values(text);
        let [overall, last_updated, resolved_by] = self.cells();
        let former = self.former.map(Round::cells);
        let field = |value: String, at: usize, known: Option<String>| {
            let former = former.as_ref().map(|cells| cells[at].clone());
            Some(FieldWish { value, former: known.into_iter().chain(former).collect() })
        };
        let once = |wished: bool, now: String| {
            wished.then(|| if self.former.is_some() { String::new() } else { now })
        };
        Desired {
            known: before.tasks.iter().map(|task| KnownTask::of(task, &before.tasks)).collect(),
            tasks: before
                .tasks
                .iter()
                .enumerate()
                .step_by(2)
                .map(|(at, task)| TaskWish {
                    key: task.key.clone(),
                    tick: wishes.ticks(),
                    note: wishes.notes().then(|| self.note(at)),
                    former_notes: self
                        .former
                        .filter(|_| wishes.notes())
                        .map(|former| former.note(at))
                        .into_iter()
                        .collect(),
                })
                .collect(),
            status: wishes.status().then(|| self.status()),
            former_statuses: self.former.filter(|_| wishes.status()).map(Round::status).into_iter().collect(),
            blocks: once(wishes.block(), self.packet())
                .map(|text| Block { name: "packet".to_owned(), text })
                .into_iter()
                .collect(),
            rows: self
                .former
                .map(|former| former.row(true))
                .into_iter()
                .chain([self.row(false)])
                .filter(|_| wishes.row())
                .collect(),
            template: if wishes.template() {
                TemplateFields {
                    overall: field(overall, 0, values.overall),
                    last_updated: field(last_updated, 1, values.last_updated),
                    resolved_by: field(resolved_by, 2, None),
                    ..TemplateFields::default()
                }
            } else {
                TemplateFields::default()
            },
            closing_report: once(wishes.closing(), self.report()),
            former_closings: self
                .former
                .filter(|_| wishes.closing())
                .map(Round::report)
                .into_iter()
                .collect(),
            ..Desired::default()
        }
    }

    /// The blocks that stand there afterwards.
    fn blocks(&self) -> Vec<(&'static str, String)> {
        let first = self.former.is_none();
        [
            ("status", self.status(), self.wishes.status()),
            ("packet", self.packet(), self.wishes.block() && first),
            ("closing", self.report(), self.wishes.closing() && first),
        ]
        .into_iter()
        .filter(|(.., stands)| *stands)
        .map(|(name, text, _)| (name, text))
        .collect()
    }
}

/// What a person may have written that counts as ours all the same: sums and boxes of approvals, where they stand between
/// markers. Then not every byte of a text has to stay.
fn is_ours(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("- [") && line.contains("Approve **") || line.contains("caretaker:sum")
}

/// A text as it is compared: without what a repair takes away or leaves of markers. One that is taken away may bring another
/// to light.
fn bare(text: &str) -> String {
    static MARKER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"<!--\s*(?:/?caretaker:[^ ]*?)?\s*-->")
            .expect("the pattern is a constant that a test compiles")
    });
    let mut text = text.to_owned();
    loop {
        match MARKER.replace_all(&text, "") {
            Cow::Borrowed(_) => return text,
            Cow::Owned(shorter) => text = shorter,
        }
    }
}

/// What of a written text is ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// A block or a row, set apart with line endings.
    Part,
    /// A filled cell, by its number: there stood something else.
    Cell(usize),
}

/// What of a written text is not ours, cut where something of ours stands, and what stands there.
fn pieces<'w>(written: &'w str, round: &Round<'_>) -> (Vec<&'w str>, Vec<Gap>) {
    let mut ours: Vec<(Range<usize>, Gap)> = Vec::new();
    let block = |name: &str, from: usize| {
        let (open, close) = (format!("<!-- caretaker:{name} -->"), format!("<!-- /caretaker:{name} -->"));
        let start = written[..from].rfind(&open).expect("a block of ours has its beginning");
        let end = from
            + written[from..].find(&close).unwrap_or_else(|| panic!("the end of {name}: {written:?}"))
            + close.len();
        start..end
    };
    for (name, text) in round.blocks() {
        let begins = ["\n", "\r\n"].map(|ending| {
            let text = text.replace('\n', ending);
            format!("<!-- caretaker:{name} -->{ending}{text}{ending}<!-- caretaker:sum ")
        });
        let found: Vec<usize> = begins
            .iter()
            .flat_map(|begins| written.match_indices(begins).map(|(at, _)| at + begins.len()))
            .collect();
        assert_eq!(found.len(), 1, "the block {name} in {written:?}");
        ours.extend(found.into_iter().map(|at| (block(name, at), Gap::Part)));
    }
    let rows: Vec<Range<usize>> = round
        .titles()
        .iter()
        .map(|title| {
            assert_eq!(written.matches(title.as_str()).count(), 1, "a row of ours in {written:?}");
            let at = written.find(title.as_str()).unwrap_or_default();
            let start = written[..at].rfind('\n').map_or(0, |at| at + 1);
            start..at + written[at..].find(['\r', '\n']).unwrap_or(written.len() - at)
        })
        .collect();
    assert!(rows.is_sorted_by_key(|row| row.start), "rows in their order: {written:?}");
    let below = rows.last().map(|row| written[row.end..].trim_start_matches(['\r', '\n']));
    if below.is_some_and(|below| below.starts_with("<!-- caretaker:sum ")) {
        let own = block("changes", rows[0].start);
        assert!(rows.iter().all(|row| own.contains(&row.start)), "rows in one table: {written:?}");
        ours.push((own, Gap::Part));
    } else {
        ours.extend(rows.into_iter().map(|row| (row, Gap::Part)));
    }
    for (number, cell) in round.cells().iter().enumerate() {
        for (at, _) in written.match_indices(cell.as_str()) {
            ours.push((at..at + cell.len(), Gap::Cell(number)));
        }
    }
    let words = ours.iter().map(|(range, _)| written[range.clone()].matches(&round.words).count());
    let notes = written.matches(&format!("UTC: law {} ", round.words)).count();
    assert_eq!(words.sum::<usize>() + notes, written.matches(&round.words).count(), "ours: {written:?}");
    ours.sort_by_key(|(range, _)| range.start);
    let mut at = 0;
    let mut pieces: Vec<&str> = Vec::new();
    for (range, _) in &ours {
        pieces.push(&written[at..range.start]);
        at = range.end;
    }
    pieces.push(&written[at..]);
    (pieces, ours.into_iter().map(|(_, gap)| gap).collect())
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
/// two on each side; what stood in a cell is one of `olds`.
fn is_made_of(text: &str, pieces: &[String], gaps: &[Gap], olds: &[Vec<String>; 3]) -> bool {
    let mut ends = BTreeSet::from([0]);
    for (number, piece) in pieces.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|before| gaps.get(before));
        let starts =
            if before == Some(&Gap::Part) { without_beginnings(piece) } else { vec![piece.as_str()] };
        let mut next = BTreeSet::new();
        for start in starts {
            let cut = match gaps.get(number) {
                None => vec![start],
                Some(Gap::Part) => without_endings(start),
                // An empty one may stand right behind its colon.
                Some(Gap::Cell(_)) => [Some(start), start.strip_suffix(' ')].into_iter().flatten().collect(),
            };
            for part in cut {
                next.extend(
                    ends.iter().filter(|&&at| text[at..].starts_with(part)).map(|at| at + part.len()),
                );
            }
        }
        if let Some(Gap::Cell(cell)) = gaps.get(number) {
            next = next
                .iter()
                .flat_map(|at| {
                    let there = olds[*cell].iter().filter(|old| text[*at..].starts_with(old.as_str()));
                    there.map(|old| at + old.len()).collect::<Vec<_>>()
                })
                .collect();
        }
        ends = next;
    }
    ends.contains(&text.len())
}

/// Every byte that is not ours is where it was, but for the boxes that are to be ticked.
fn keeps_every_byte(text: &str, before: &Reading, written: &str, round: &Round<'_>) {
    let values = template_values(text);
    let olds = [values.overall.into_iter().collect(), values.last_updated.into_iter().collect(), Vec::new()];
    let mut olds: [Vec<String>; 3] =
        olds.map(|old: Vec<String>| old.iter().map(|old| bare(old.trim())).collect());
    olds[2].extend(PLACEHOLDERS.map(str::to_owned));
    let (pieces, gaps) = pieces(written, round);
    let without_notes = |piece: &str| {
        (0..before.tasks.len())
            .fold(piece.to_owned(), |piece, at| piece.replace(&format!(" {}", round.note(at)), ""))
    };
    let mut pieces: Vec<String> = pieces.into_iter().map(without_notes).map(|piece| bare(&piece)).collect();
    let mut text = bare(&with_boxes(text, round.wishes));
    if round.former.is_some() && (round.wishes.block() || round.wishes.closing()) {
        // A block that is gone may leave the blank line that set it apart, and the ending of the line before it.
        close_set(&text).trim_matches('\n').clone_into(&mut text);
        pieces = pieces.iter().map(|piece| close_set(piece)).collect();
        if let Some(first) = pieces.first_mut() {
            *first = first.trim_start_matches('\n').to_owned();
        }
        if let Some(last) = pieces.last_mut() {
            *last = last.trim_end_matches('\n').to_owned();
        }
    }
    assert!(is_made_of(&text, &pieces, &gaps, &olds), "a person's bytes: {text:?} became {written:?}");
}

/// The text with the boxes ticked that are to be ticked.
fn with_boxes(text: &str, wishes: Wishes) -> String {
    let document = Document::parse(text).expect("a text that was read");
    let (_, items) = read_document(&document, None, &|_| (None, UpdateType::Unknown));
    let mut edits = Edits::new();
    for item in items.into_iter().step_by(2).filter(|_| wishes.ticks()) {
        edits.set_box(&document.items()[item], true);
    }
    edits.apply(text).expect("boxes of the text")
}

/// The text without blank lines.
fn close_set(text: &str) -> String {
    static ENDINGS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\r\n]+").expect("the pattern is a constant that a test compiles"));
    ENDINGS.replace_all(text, "\n").into_owned()
}

/// Every line that may not be ours is there, in its order.
fn keeps_every_line(text: &str, written: &str) {
    let cut = text.replace("-->", "\n").replace("<!--", "\n");
    let open = |text: &str| bare(text).replace("[x]", "[ ]").replace("[X]", "[ ]");
    let (cut, written) = (open(&cut), open(written));
    let mut rest = written.as_str();
    for line in cut.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("caretaker:")) {
        if is_ours(line) {
            continue;
        }
        let at = rest.find(line);
        assert!(at.is_some(), "a person's line {line:?}: {text:?} became {written:?}");
        rest = &rest[at.unwrap_or(0) + line.len()..];
    }
}

/// Writing twice is the same as once; every byte that is not ours stays, whatever markers were forged or lost around it,
/// with each task and its place; what was wished for can be read; and all of it holds again when other words take the place
/// of ours, and some of ours is taken back.
pub(crate) fn writing(text: &str, wishes: u8) {
    let wishes = Wishes(wishes);
    let first = Round::of(text, wishes, None);
    let Some(before) = reading(text) else {
        let wish = first.desired(text, &Reading::default());
        assert_eq!(apply(text, &wish), text, "a text that cannot be read stays");
        return;
    };
    let wish = first.desired(text, &before);
    let written = apply(text, &wish);
    assert_eq!(apply(&written, &wish), written, "writing twice is the same as once");
    if text.lines().any(is_ours) {
        if !wishes.template() {
            keeps_every_line(text, &written);
        }
        return;
    }
    holds(text, &before, &written, &first);
    let second = Round::of(text, wishes, Some(&first));
    let wish = second.desired(text, &before);
    let again = apply(&written, &wish);
    assert_eq!(apply(&again, &wish), again, "writing other words twice is the same as once");
    holds(text, &before, &again, &second);
    let left = again.matches(&first.words).count();
    assert_eq!(left, usize::from(wishes.row()), "nothing of the first is left but its row: {again:?}");
}

/// What holds after a writing.
fn holds(text: &str, before: &Reading, written: &str, round: &Round<'_>) {
    keeps_every_byte(text, before, written, round);
    let wishes = round.wishes;
    let document = Document::parse(written).expect("a text that could be read can be read afterwards");
    let (mut after, items) = read_document(&document, None, &|_| (None, UpdateType::Unknown));
    let known: Vec<KnownTask> = before.tasks.iter().map(|task| KnownTask::of(task, &before.tasks)).collect();
    keep_history(&mut after, &known, &[]);
    let keys = |reading: &Reading| reading.tasks.iter().map(|task| task.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&after), keys(before), "the tasks and their order: {written:?}");
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
        // What goes on in the next line takes no note. Else it stands there once, and nowhere besides.
        let note = round.note(index);
        let stands = index % 2 == 0 && wishes.notes() && !document.items()[items[index]].first_line_open;
        assert_eq!(now.notes.contains(&note), stands, "the note of {index}: {written:?}");
        assert_eq!(written.matches(&note).count(), usize::from(stands), "the note of {index}: {written:?}");
    }
    if wishes.template() {
        let [overall, last_updated, _] = round.cells();
        let (then, now) = (template_values(text), template_values(written));
        assert_eq!(now.overall, then.overall.map(|_| overall), "the overall status: {written:?}");
        assert_eq!(now.last_updated, then.last_updated.map(|_| last_updated), "the last update: {written:?}");
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
    apply(text, &Round::of(text, Wishes(u8::MAX), None).desired(text, &before)).len()
}
