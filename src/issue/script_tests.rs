//! Random scripts of people's edits, interleaved with random wishes of ours (DESIGN section 4): a person's bytes stay,
//! ours are right, and an old copy of the text asks for nothing again.
//!
//! Each script has a number and depends on nothing else. `CARETAKER_TEST_CASES` says how many there are and
//! `CARETAKER_TEST_SEED` from which number on they count; a failure names its number, which then belongs into
//! `REGRESSIONS`.

use super::script_model::{Line, Model, Unit, What, compare, joined, lines, open_box, strip, without_notes};
use super::{
    Block, ChangeKind, ChangeRow, Desired, Edit, FieldWish, KnownTask, Reading, TaskKey, TaskWish, Written,
    WrittenTask, apply, decisions, keep_history, read,
};
use crate::merge::UpdateType;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Scripts that once failed.
const REGRESSIONS: &[u64] = &[];

/// As many as the default run takes.
const CASES: u64 = 600;

/// A source of numbers that needs nothing and is the same everywhere (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("small");
        usize::try_from(self.next() % limit).expect("small")
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// What the run knows of a task.
#[derive(Debug, Clone)]
struct Record {
    key: TaskKey,
    done: bool,
    /// All notes so far; the last one is wished for while the task is ended.
    notes: Vec<String>,
    ended: bool,
}

/// A text as it once was.
#[derive(Clone)]
struct Version {
    body: String,
    model: Model,
    floats: Vec<String>,
    writes: usize,
}

struct Script {
    dice: Dice,
    body: Vec<Line>,
    model: Model,
    floats: Vec<String>,
    versions: Vec<Version>,
    /// The texts that we wrote: landed ones only, and the newest one that did not land.
    written: Written,
    /// All statuses that we wrote or meant to, oldest first.
    statuses: Vec<String>,
    landed: usize,
    refused: bool,
    /// An old copy lies over our newest text.
    stale: bool,
    records: BTreeMap<usize, Record>,
    known: Vec<KnownTask>,
    notes: Vec<String>,
    rows: Vec<(ChangeRow, bool)>,
    row_counts: Vec<(String, usize)>,
    blocks: BTreeMap<String, String>,
    closing: Option<String>,
    overall: Vec<String>,
    token: usize,
    minute: i64,
    trace: String,
    seen: BTreeMap<&'static str, usize>,
}

/// How the line of the cell begins that we may fill.
const CELL: &str = "| **Overall Status** | ";
const HEADINGS: [&str; 4] = ["## Action Items", "### High Priority", "### Phase B: Medium (P2)", "## Notes"];
const VERBS: [&str; 4] = ["Repair", "Inspect", "Replace", "Rebuild"];
const ADDED: [&str; 6] = ["soon", "carefully", "today", "quickly", "finally", "properly"];

impl Script {
    fn new(number: u64) -> Self {
        let mut script = Self {
            dice: Dice(number.wrapping_mul(0xD134_2543_DE82_EF95)),
            body: Vec::new(),
            model: Model { units: Vec::new(), unfinished: false },
            floats: Vec::new(),
            versions: Vec::new(),
            written: Written::default(),
            statuses: Vec::new(),
            landed: 0,
            refused: false,
            stale: false,
            records: BTreeMap::new(),
            known: Vec::new(),
            notes: Vec::new(),
            rows: Vec::new(),
            row_counts: Vec::new(),
            blocks: BTreeMap::new(),
            closing: None,
            overall: vec!["🔴 RED".to_owned()],
            token: 0,
            minute: 0,
            trace: String::new(),
            seen: BTreeMap::new(),
        };
        script.begin();
        script
    }

    fn token(&mut self) -> String {
        self.token += 1;
        format!("tok{}", self.token)
    }

    fn unit(&mut self, what: What, lines: Vec<String>) -> Unit {
        let ending = if self.dice.chance(50) { "\n" } else { "\r\n" };
        let blanks = 1 + usize::from(self.dice.chance(10));
        Unit { what, lines, ending, blanks, touched: false, note_taken: false, loose: false }
    }

    fn task(&mut self) -> Unit {
        let number = self.token + 1;
        let (verb, token) = (VERBS[self.dice.below(VERBS.len())], self.token());
        let head = match self.dice.below(4) {
            0 => format!("**A{number} P1 Apps**: "),
            1 => format!("A{number} P2 "),
            2 => "**P0**: ".to_owned(),
            _ => String::new(),
        };
        let blanks = ["", "  ", "\t"][self.dice.below(3)];
        let code = if self.dice.chance(20) { " with `- [ ] code`" } else { "" };
        let mut lines = vec![format!("- [ ] {head}{verb} the machine called {token} in rack{code}{blanks}")];
        if self.dice.chance(50) {
            lines.push(format!("  - **Goal**: {} works", self.token()));
        }
        if self.dice.chance(25) {
            let token = self.token();
            lines.extend([
                "  - **Commands**:".to_owned(),
                "    ```bash".to_owned(),
                format!("    # {token}"),
                "    - [ ] not a task".to_owned(),
                "    ```".to_owned(),
            ]);
        }
        self.unit(What::Task(number), lines)
    }

    fn free(&mut self) -> Unit {
        let token = self.token();
        let lines = match self.dice.below(9) {
            0 => vec![format!("{} {token}", HEADINGS[self.dice.below(HEADINGS.len())])],
            1 => vec![format!("plain {token}  "), "and a second line\t".to_owned()],
            2 => vec![format!("```text {token}"), "<!-- caretaker:status -->".to_owned(), "```".to_owned()],
            3 => vec![format!("> quoted {token}"), "> - [ ] not a task".to_owned()],
            4 => vec![format!("<!-- comment {token} -->")],
            5 => vec!["<div>".to_owned(), format!("- [ ] {token}"), "</div>".to_owned()],
            6 => vec![format!("| a {token} | b |"), "|---|---|".to_owned(), "| c | d |".to_owned()],
            7 => vec![format!("* bullet {token} — ünïcode 🟡")],
            _ => vec![format!("Setext {token}"), "---".to_owned()],
        };
        self.unit(What::Free, lines)
    }

    fn begin(&mut self) {
        let start = Unit {
            what: What::Start,
            lines: Vec::new(),
            ending: "\n",
            blanks: self.dice.below(10) / 9,
            touched: false,
            note_taken: false,
            loose: false,
        };
        self.model.units.push(start);
        if self.dice.chance(60) {
            let title = format!("# Title {}", self.token());
            let unit = self.unit(What::Fixed, vec![title]);
            self.model.units.push(unit);
        }
        if self.dice.chance(40) {
            let table =
                ["## Status", "", "| Field | Value |", "|---|---|", "| **Overall Status** | 🔴 RED |"];
            let unit = self.unit(What::Fixed, table.map(str::to_owned).to_vec());
            self.model.units.push(unit);
        }
        for _ in 0..1 + self.dice.below(5) {
            let unit = if self.dice.chance(60) { self.task() } else { self.free() };
            self.model.units.push(unit);
        }
        if self.dice.chance(60) {
            let mut lines = vec!["## Change Log".to_owned()];
            if self.dice.chance(70) {
                lines.push(String::new());
                lines.push("| Timestamp | Item | Action | Result |".to_owned());
                lines.push("|---|:-:|---|---|".to_owned());
                if self.dice.chance(50) {
                    lines.push("<!-- lint off -->".to_owned());
                    lines.push(format!("| then | {} | x | y |", self.token()));
                }
            }
            let unit = self.unit(What::Log, lines);
            self.model.units.push(unit);
        }
        if self.dice.chance(50) {
            let ending = self.model.units[0].ending;
            for unit in &mut self.model.units {
                unit.ending = ending;
            }
        }
        self.model.unfinished = self.dice.chance(15);
        if self.model.unfinished
            && let Some(last) = self.model.units.last_mut()
        {
            last.blanks = 0;
        }
        self.body = lines(&self.model.body());
        self.remember();
    }

    fn remember(&mut self) {
        let version = Version {
            body: joined(&self.body),
            model: self.model.clone(),
            floats: self.floats.clone(),
            writes: self.landed,
        };
        self.versions.push(version);
    }

    fn log(&mut self, what: &'static str, detail: &str) {
        *self.seen.entry(what).or_default() += 1;
        // Writing to a String cannot fail.
        let _ = writeln!(self.trace, "{what} {detail}");
    }

    // What people do.

    /// Where a unit stands in the body.
    fn find(&self, unit: &Unit) -> Option<usize> {
        let first = unit.lines.first()?;
        (0..self.body.len()).find(|&at| {
            open_box(&without_notes(&self.body[at].text, &self.notes)) == *first
                && unit.lines.iter().enumerate().all(|(offset, line)| {
                    let own = self.body.get(at + offset).map(|line| without_notes(&line.text, &self.notes));
                    own.is_some_and(|own| line.starts_with(CELL) || open_box(&own) == open_box(line))
                })
        })
    }

    /// A random unit that may be changed, with its place in the body.
    fn pick(&mut self, tasks_only: bool) -> Option<(usize, usize)> {
        let found: Vec<usize> = (0..self.model.units.len())
            .filter(|&at| match self.model.units[at].what {
                What::Task(_) => true,
                What::Free => !tasks_only,
                What::Start | What::Fixed | What::Log => false,
            })
            .collect();
        if found.is_empty() {
            return None;
        }
        let unit = found[self.dice.below(found.len())];
        let at = self.find(&self.model.units[unit]);
        assert!(at.is_some(), "the test lost {:?}\n{}", self.model.units[unit], joined(&self.body));
        at.map(|at| (unit, at))
    }

    /// A random unit behind which something may be put, with the number of the line behind it.
    fn gap(&mut self) -> (usize, usize) {
        let end = match self.model.units.last() {
            Some(last) if last.what == What::Log => self.model.units.len() - 1,
            _ => self.model.units.len(),
        };
        let unit = self.dice.below(end);
        let behind = match self.find(&self.model.units[unit]) {
            Some(at) => at + self.model.units[unit].lines.len(),
            // Nothing stands before the start; our blocks may.
            None => 0,
        };
        (unit, behind)
    }

    fn insert(&mut self, unit: Unit) {
        let (before, at) = self.gap();
        if let Some(last) = at.checked_sub(1).map(|at| &mut self.body[at])
            && last.ending.is_empty()
        {
            unit.ending.clone_into(&mut last.ending);
            self.model.unfinished = false;
            self.model.units[before].loose = true;
        }
        let line = |text: &str| Line { text: text.to_owned(), ending: unit.ending.to_owned() };
        let mut new = vec![line("")];
        new.extend(unit.lines.iter().map(|text| line(text)));
        new.push(line(""));
        self.body.splice(at..at, new);
        let (blanks, touched) = (self.model.units[before].blanks, self.model.units[before].touched);
        self.model.units[before].blanks = 1;
        self.model.units[before].touched = before == 0 && touched;
        // Directly behind the start stand our blocks.
        let touched = touched || before == 0;
        self.model.units.insert(before + 1, Unit { blanks: blanks + 1, touched, ..unit });
    }

    fn take_out(&mut self, unit: usize, at: usize) -> Unit {
        let taken = self.model.units.remove(unit);
        let ended = self.body[at..at + taken.lines.len()].to_vec();
        self.body.drain(at..at + taken.lines.len());
        if ended.last().is_some_and(|line| line.ending.is_empty()) {
            self.model.unfinished = false;
        }
        let before = &mut self.model.units[unit - 1];
        before.blanks += taken.blanks;
        before.touched |= taken.touched;
        taken
    }

    fn set_box(&mut self, at: usize, state: &str) {
        let text = open_box(&self.body[at].text);
        self.body[at].text = text.replacen("- [ ]", state, 1);
    }

    fn edit(&mut self) {
        let choice = self.dice.below(100);
        match choice {
            0..12 => {
                let Some((unit, at)) = self.pick(true) else { return };
                self.log("tick", &format!("{:?}", self.model.units[unit].lines[0]));
                self.set_box(at, ["- [x]", "- [X]"][choice % 2]);
            }
            12..24 => {
                let Some((unit, at)) = self.pick(true) else { return };
                self.log("untick", &format!("{:?}", self.model.units[unit].lines[0]));
                self.set_box(at, "- [ ]");
            }
            24..34 => self.reword(),
            34..44 => {
                let unit = if self.dice.chance(50) { self.task() } else { self.free() };
                self.log("insert", &format!("{:?}", unit.lines[0]));
                self.insert(unit);
            }
            44..50 => {
                let Some((unit, at)) = self.pick(false) else { return };
                self.log("delete", &format!("{:?}", self.model.units[unit].lines[0]));
                self.take_out(unit, at);
            }
            50..56 => {
                let Some((unit, at)) = self.pick(false) else { return };
                self.log("move", &format!("{:?}", self.model.units[unit].lines[0]));
                self.relocate(unit, at);
            }
            56..59 => self.convert(),
            59..72 => self.old_copy(),
            72..88 => self.disturb(),
            88..92 => self.take_note(),
            92..96 => self.take_row(),
            _ => self.take_cell(),
        }
    }

    /// Moves a unit with our note on it.
    fn relocate(&mut self, unit: usize, at: usize) {
        let own: Vec<Line> = self.body[at..at + self.model.units[unit].lines.len()].to_vec();
        let taken = self.take_out(unit, at);
        let (ending, count) = (taken.ending, taken.lines.len());
        let first = taken.lines[0].clone();
        self.insert(taken);
        let place = self.body.iter().position(|line| line.text == first).expect("just put there");
        for (offset, mut line) in own.into_iter().enumerate().take(count) {
            ending.clone_into(&mut line.ending);
            self.body[place + offset] = line;
        }
    }

    fn reword(&mut self) {
        let Some((unit, at)) = self.pick(true) else { return };
        let old = self.model.units[unit].lines[0].clone();
        let slight = self.dice.chance(60);
        let new = if slight {
            // Always the same word: another one in its place would be another meaning.
            let word = ADDED[old.len() % ADDED.len()];
            if old.matches(" in rack").count() != 1 || ADDED.iter().any(|word| old.contains(word)) {
                return;
            }
            old.replacen(" in rack", &format!(" {word} in rack"), 1)
        } else {
            let Some(was) = old.split_whitespace().find(|word| word.starts_with("tok")).map(str::to_owned)
            else {
                return;
            };
            let token = self.token();
            old.replacen(&was, &token, 1)
        };
        self.log(if slight { "reword" } else { "change meaning" }, &format!("{old:?} {new:?}"));
        let text = self.body[at].text.clone();
        let start = text.find("- [").unwrap_or(0);
        let ticked = &text[start..start + 5];
        // Only the words change: box and note stay as they are.
        let tail: Vec<&String> = self.notes.iter().filter(|note| text.contains(note.as_str())).collect();
        let mut line = new.replacen("- [ ]", ticked, 1);
        let end = line.trim_end().len();
        let notes: String = tail.iter().map(|note| format!(" {note}")).collect();
        line.insert_str(end, &notes);
        self.body[at].text = line;
        self.model.units[unit].lines[0] = new;
        if !slight {
            self.token += 1;
            self.model.units[unit].what = What::Task(self.token);
        }
    }

    fn convert(&mut self) {
        let ending = if self.dice.chance(50) { "\n" } else { "\r\n" };
        self.log("convert", &format!("{ending:?}"));
        for line in self.body.iter_mut().filter(|line| !line.ending.is_empty()) {
            ending.clone_into(&mut line.ending);
        }
        for unit in &mut self.model.units {
            unit.ending = ending;
        }
    }

    fn old_copy(&mut self) {
        let version = self.versions[self.dice.below(self.versions.len())].clone();
        self.log("old copy", &format!("of write {} over {}", version.writes, self.landed));
        self.stale = version.writes < self.landed;
        self.body = lines(&version.body);
        self.model = version.model;
        self.floats = version.floats;
    }

    /// The lines of a block of ours in the body, markers included.
    fn block(&self, name: &str) -> Option<(usize, usize)> {
        let start = self.body.iter().position(|line| line.text == format!("<!-- caretaker:{name} -->"));
        let inside_code = |at: usize| at > 0 && self.body[at - 1].text.starts_with("```text");
        let start = start.filter(|&at| !inside_code(at))?;
        let end =
            self.body[start..].iter().position(|line| line.text == format!("<!-- /caretaker:{name} -->"))?;
        Some((start, start + end))
    }

    /// Damages, doubles, moves or forges a block.
    fn disturb(&mut self) {
        let Some((start, end)) = self.block("status") else { return };
        let shown = self.body[start + 1..end].iter().any(|line| {
            self.statuses.iter().rev().take(6).any(|status| status.lines().next() == Some(line.text.as_str()))
        });
        if !shown {
            return;
        }
        match self.dice.below(7) {
            0 => {
                self.log("paste a block", "");
                let copy = self.body[start..=end].to_vec();
                self.paste(copy);
            }
            1 => {
                self.log("paste half a block", "");
                let half = start + 1 + self.dice.below(end - start);
                let copy = self.body[start..half].to_vec();
                self.paste(copy);
            }
            2 => {
                let line = start + self.dice.below(end - start + 1);
                let text = self.body.remove(line).text;
                self.floats.retain(|float| *float != text);
                self.log("delete of a block", &format!("{text:?}"));
                self.touch();
            }
            3 => {
                self.log("delete a block", "");
                let gone: Vec<Line> = self.body.drain(start..=end).collect();
                self.floats.retain(|float| !gone.iter().any(|line| line.text == *float));
                self.touch();
            }
            4 => {
                let text = format!("person {}", self.token());
                let at = start + 1 + self.dice.below(end - start);
                self.log("write into a block", &format!("{text:?}"));
                let ending = self.body[start].ending.clone();
                self.body.insert(at, Line { text: text.clone(), ending });
                self.floats.push(text);
            }
            5 => {
                self.log("forge around a unit", "");
                let Some((unit, at)) = self.pick(false) else { return };
                let count = self.model.units[unit].lines.len();
                let name = ["status", "packet-a"][self.dice.below(2)];
                let ending = self.model.units[unit].ending.to_owned();
                let marker = |text: String| Line { text, ending: ending.clone() };
                if self.body[at + count - 1].ending.is_empty() {
                    return;
                }
                self.body.insert(at + count, marker(format!("<!-- /caretaker:{name} -->")));
                self.body.insert(at + count, marker(String::new()));
                self.body.insert(at, marker(String::new()));
                self.body.insert(at, marker(format!("<!-- caretaker:{name} -->")));
                self.model.units[unit].touched = true;
                self.model.units[unit - 1].touched = true;
            }
            _ => {
                self.log("a lone marker", "");
                let marker = ["<!-- caretaker:status -->", "<!-- /caretaker:status -->"][self.dice.below(2)];
                let ending = self.body[start].ending.clone();
                self.paste(vec![Line { text: marker.to_owned(), ending }]);
            }
        }
    }

    /// Puts something of ours between two units.
    fn paste(&mut self, mut copy: Vec<Line>) {
        copy.retain(|line| !self.floats.contains(&line.text));
        let (unit, at) = self.gap();
        if at > 0 && self.body[at - 1].ending.is_empty() {
            return;
        }
        let ending = copy[0].ending.clone();
        copy.insert(0, Line { text: String::new(), ending: ending.clone() });
        copy.push(Line { text: String::new(), ending });
        self.body.splice(at..at, copy);
        self.model.units[unit].touched = true;
    }

    /// Blocks stand behind the start, the title, or among the units at the end: their blank lines are not told apart.
    fn touch(&mut self) {
        for unit in &mut self.model.units {
            unit.touched |= matches!(unit.what, What::Start | What::Fixed);
        }
    }

    fn take_note(&mut self) {
        let Some((unit, at)) = self.pick(true) else { return };
        let Some(note) = self.notes.iter().find(|note| self.body[at].text.contains(note.as_str())).cloned()
        else {
            return;
        };
        let own = note.replacen("of it", &format!("of {}", self.token()), 1);
        self.log("take a note", &own);
        self.body[at].text = self.body[at].text.replacen(&note, &own, 1);
        let line = &mut self.model.units[unit].lines[0];
        let end = line.trim_end().len();
        line.insert_str(end, &format!(" {own}"));
        self.model.units[unit].note_taken = true;
    }

    fn take_row(&mut self) {
        let Some(at) =
            self.body.iter().position(|line| line.text.starts_with("| ") && line.text.contains("OURROW"))
        else {
            return;
        };
        if self.block("changes").is_some_and(|(start, end)| (start..end).contains(&at)) {
            return;
        }
        let Some(log) = self.model.units.iter().position(|unit| unit.what == What::Log) else { return };
        let name =
            self.body[at].text.split_whitespace().find(|word| word.starts_with("OURROW")).map(str::to_owned);
        for (row, taken) in &mut self.rows {
            *taken |= name.as_deref().is_some_and(|name| row.title == name);
        }
        if self.dice.chance(50) {
            self.log("delete a row", "");
            self.body.remove(at);
        } else {
            self.log("take a row", "");
            let token = self.token();
            self.body[at].text = self.body[at].text.replace("OURROW", &token);
            let start =
                self.body.iter().position(|line| line.text == "## Change Log").expect("the unit is there");
            let rows = self.body[start + 2..].iter().take_while(|line| !line.text.is_empty());
            let own = rows.map(|line| line.text.clone()).filter(|text| !text.contains("OURROW"));
            let own: Vec<String> = own.collect();
            let unit = &mut self.model.units[log];
            unit.lines.truncate(2);
            unit.lines.extend(own);
        }
    }

    fn take_cell(&mut self) {
        let Some(at) = self.body.iter().position(|line| line.text.starts_with(CELL)) else {
            return;
        };
        self.log("take a cell", "");
        let text = format!("{CELL}{} |", self.token());
        self.body[at].text.clone_from(&text);
        for unit in self.model.units.iter_mut().filter(|unit| unit.what == What::Fixed) {
            if let Some(line) = unit.lines.iter_mut().find(|line| line.starts_with(CELL)) {
                line.clone_from(&text);
            }
        }
    }
}

impl Script {
    // What we do.

    fn moment(&mut self) -> String {
        self.minute += 1;
        format!(
            "2026-11-{:02} {:02}:{:02} UTC",
            1 + self.minute / 1440,
            self.minute / 60 % 24,
            self.minute % 60
        )
    }

    fn reading(&self, body: &str) -> Reading {
        let mut reading = read(body, &|_| (None, UpdateType::Unknown)).expect("readable");
        let notes: Vec<(TaskKey, String)> = self
            .records
            .values()
            .flat_map(|record| record.notes.iter().map(|note| (record.key.clone(), note.clone())))
            .collect();
        keep_history(&mut reading, &self.known, &notes);
        reading
    }

    /// The lines of the model's tasks in a body, from 1.
    fn places(&self, body: &[Line]) -> BTreeMap<usize, usize> {
        let mut places = BTreeMap::new();
        for (task, unit) in self.model.tasks() {
            let at = body
                .iter()
                .position(|line| open_box(&without_notes(&line.text, &self.notes)) == unit.lines[0]);
            if let Some(at) = at {
                places.insert(task, at + 1);
            }
        }
        places
    }

    /// Whether anything is between markers that is not ours, or outside that is.
    fn is_damaged(&self) -> bool {
        let body = joined(&self.body);
        let whole = strip(&body, &self.notes);
        whole.is_err()
            || !self.floats.is_empty()
            || whole.is_ok_and(|stripped| {
                stripped.blocks.len()
                    != stripped.blocks.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len()
                    || stripped.lines.iter().any(|(line, _)| line.text.contains("STATUSLINE"))
                    || stripped.blocks.iter().any(|(_, inside)| !inside.contains("caretaker:sum"))
                    || stripped.blocks.iter().any(|(name, inside)| {
                        name == "status"
                            && !self.statuses.iter().any(|status| inside.starts_with(status.as_str()))
                    })
                    || stripped.blocks.iter().any(|(_, inside)| inside.contains("tok"))
            })
    }

    /// Looks at the text as a run does, and compares what it makes of it with what people did.
    fn look(&mut self) -> Result<(Reading, Vec<Edit>), String> {
        let body = joined(&self.body);
        let reading = self.reading(&body);
        let damaged = self.is_damaged();
        let places = self.places(&self.body);
        let mut keys = BTreeMap::new();
        for (task, line) in &places {
            let Some(found) = reading.tasks.iter().find(|task| task.line == *line) else {
                if damaged {
                    continue;
                }
                return Err(format!("the task in line {line} is not read"));
            };
            if let Some(record) = self.records.get(task) {
                if record.key != found.key {
                    return Err(format!("{:?} has lost its history", found.title));
                }
            } else if let Some((other, _)) = self.records.iter().find(|(_, record)| record.key == found.key) {
                return Err(format!("{:?} has taken the history of {other}", found.title));
            }
            keys.insert(*task, (found.key.clone(), found.ticked));
        }
        let edits = decisions(&body, &reading, &self.written);
        let status = self.statuses.last();
        let newest = status.is_none_or(|status| {
            let shown: Vec<&str> = status.lines().filter(|line| line.contains("STATUSLINE")).collect();
            shown.iter().all(|line| body.lines().any(|other| other == *line))
        });
        for (task, (key, ticked)) in &keys {
            let Some(last) = self.written.tasks.iter().find(|last| last.key == *key) else { continue };
            let line = &self.body[places[task] - 1].text;
            let noted = last.note.as_ref().is_none_or(|note| line.contains(note.as_str()));
            let unticked = edits.contains(&Edit::Unticked { key: key.clone() });
            let marked = edits.contains(&Edit::Ticked { key: key.clone() });
            if unticked && (*ticked || !last.ticked || !noted || self.stale || self.refused) {
                return Err(format!("{line:?} is asked for again by nobody"));
            }
            if !unticked && !*ticked && last.ticked && noted && newest && !damaged && !self.stale {
                return Err(format!("nobody hears that {line:?} is asked for again"));
            }
            if marked && (!*ticked || last.ticked) {
                return Err(format!("{line:?} was not ticked"));
            }
            if !marked && *ticked && !last.ticked && !self.stale && !self.refused {
                return Err(format!("nobody hears that {line:?} was ticked"));
            }
        }
        for (task, (key, ticked)) in keys {
            if !self.records.contains_key(&task) {
                let found = reading.task(&key).expect("it was found by its line");
                self.known.push(KnownTask::from(found));
                let record = Record { key, done: ticked, notes: Vec::new(), ended: ticked };
                self.records.insert(task, record);
            }
        }
        Ok((reading, edits))
    }

    fn end(&mut self, task: usize, word: &str) {
        let note = format!("*({word} {}: because of it)*", self.moment());
        self.notes.push(note.clone());
        let record = self.records.get_mut(&task).expect("asked for one that is there");
        record.notes.push(note);
        record.ended = true;
        record.done = word == "done";
    }

    fn work(&mut self, edits: &[Edit]) {
        let tasks: Vec<usize> = self.records.keys().copied().collect();
        for task in tasks {
            let record = &self.records[&task];
            let key = record.key.clone();
            if edits.contains(&Edit::Unticked { key: key.clone() }) {
                let record = self.records.get_mut(&task).expect("just seen");
                record.ended = false;
                record.done = false;
            } else if edits.contains(&Edit::Ticked { key }) && !(record.ended && record.done) {
                self.end(task, "done");
            } else if !record.ended && self.dice.chance(40) {
                let word = if self.dice.chance(75) { "done" } else { "deferred" };
                self.end(task, word);
            }
        }
        if self.dice.chance(40) {
            let row = ChangeRow {
                at: jiff::Timestamp::from_second(1_795_000_000 + self.minute * 60).expect("in range"),
                kind: ChangeKind::Merge,
                task: None,
                number: None,
                title: format!("OURROW{}", self.rows.len()),
                action: "merged".to_owned(),
                note: "all layers GREEN".to_owned(),
                after: None,
                written: false,
            };
            self.minute += 1;
            self.rows.push((row, false));
        }
        if self.dice.chance(30) {
            let name = ["packet-a", "packet-b"][self.dice.below(2)];
            let text =
                if self.dice.chance(70) { format!("### Packet {}", self.minute) } else { String::new() };
            self.blocks.insert(name.to_owned(), text);
        }
        if self.dice.chance(10) {
            self.closing = Some(format!("# RESOLVED\n\nreport {}", self.minute));
        }
        if self.dice.chance(40) {
            self.minute += 1;
            self.overall.push(format!("🟢 GREEN {}", self.minute));
        }
    }

    fn desired(&mut self) -> Desired {
        let number = self.statuses.len();
        let status = format!(
            "## caretaker\n\nSTATUSLINE {number} begins here\n\n- [ ] Approve **A1** (code `7f3c`): it\n\n```json\n{{\n}}\n```\n\n\
             STATUSLINE {number} ends here"
        );
        let body = joined(&self.body).replace("\r\n", "\n");
        let there = self
            .row_counts
            .iter()
            .rev()
            .find(|(status, _)| body.contains(status))
            .map_or(0, |(_, rows)| *rows);
        let rows = self
            .rows
            .iter()
            .enumerate()
            .map(|(at, (row, _))| ChangeRow { written: at < there, ..row.clone() });
        let tasks =
            self.records.values().filter(|record| !record.notes.is_empty() || !record.ended).map(|record| {
                let note = record.notes.last().filter(|_| record.ended).cloned();
                let written = note.is_some() && self.written_notes(record).contains(&note);
                let former_notes = record
                    .notes
                    .iter()
                    .filter(|former| written || Some(*former) != note.as_ref())
                    .cloned()
                    .collect();
                TaskWish { key: record.key.clone(), tick: record.ended && record.done, note, former_notes }
            });
        let tasks = tasks.collect();
        let desired = Desired {
            known: self.known.clone(),
            tasks,
            status: Some(status.clone()),
            former_statuses: self.statuses.iter().rev().take(8).cloned().collect(),
            blocks: self
                .blocks
                .iter()
                .map(|(name, text)| Block { name: name.clone(), text: text.clone() })
                .collect(),
            rows: rows.collect(),
            template: super::TemplateFields {
                overall: self
                    .overall
                    .last()
                    .map(|value| FieldWish { value: value.clone(), former: self.overall.clone() }),
                ..super::TemplateFields::default()
            },
            closing_report: self.closing.clone(),
        };
        self.statuses.push(status.clone());
        self.row_counts.push((status, self.rows.len()));
        desired
    }

    fn written_notes(&self, record: &Record) -> Vec<Option<String>> {
        self.written
            .tasks
            .iter()
            .filter(|task| task.key == record.key)
            .map(|task| task.note.clone())
            .collect()
    }

    /// One look and one write.
    fn write(&mut self) -> Result<(), String> {
        let (reading, edits) = self.look()?;
        self.work(&edits);
        let desired = self.desired();
        let body = joined(&self.body);
        let text = apply(&body, &desired);
        if apply(&text, &desired) != text {
            return Err(format!(
                "applying twice is more than once:\n{text}\n---\n{}",
                apply(&text, &desired)
            ));
        }
        if self.dice.chance(20) {
            let mut other = desired.clone();
            other.tasks.reverse();
            other.blocks.reverse();
            other.rows.reverse();
            other.known.reverse();
            if apply(&body, &other) != text {
                return Err("the order of the wishes matters".to_owned());
            }
        }
        self.written = Written {
            tasks: reading
                .tasks
                .iter()
                .map(|task| {
                    let wish = desired.tasks.iter().find(|wish| wish.key == task.key);
                    WrittenTask {
                        key: task.key.clone(),
                        ticked: task.ticked || wish.is_some_and(|wish| wish.tick),
                        note: wish.and_then(|wish| wish.note.clone()),
                    }
                })
                .collect(),
            status: desired.status.clone(),
        };
        let mut after = (self.model.clone(), self.floats.clone());
        self.check(&text, &desired, &mut after)
            .map_err(|wrong| format!("{wrong}\nin what we wrote:\n{text}"))?;
        if self.dice.chance(10) {
            self.log("our write is refused", "");
            self.refused = true;
            return Ok(());
        }
        self.log("our write", "");
        (self.model, self.floats) = after;
        self.body = lines(&text);
        self.landed += 1;
        self.refused = false;
        self.stale = false;
        self.remember();
        Ok(())
    }

    fn check(&self, text: &str, desired: &Desired, after: &mut (Model, Vec<String>)) -> Result<(), String> {
        let mut stripped = strip(text, &self.notes)?;
        let wished = self.overall.last().map_or("", String::as_str);
        for (line, _) in &mut stripped.lines {
            let value = line.text.strip_prefix(CELL).and_then(|rest| rest.strip_suffix(" |"));
            match value {
                Some(value) if value == wished => line.text = format!("{CELL}🔴 RED |"),
                Some(value) if !value.starts_with("tok") => return Err(format!("the cell holds {value:?}")),
                _ => {}
            }
        }
        compare(&mut after.0, &mut after.1, &stripped)?;
        self.check_blocks(&stripped.blocks, text, desired)?;
        self.check_tasks(text)?;
        for (row, taken) in &self.rows {
            let name = format!("| {} |", row.title);
            let count = text.matches(&name).count();
            if count > 1 || (count == 0 && !taken) {
                return Err(format!("{count} rows of {name}"));
            }
        }
        Ok(())
    }

    fn check_blocks(&self, blocks: &[(String, String)], text: &str, desired: &Desired) -> Result<(), String> {
        let mut names: Vec<&str> = blocks.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut wished = vec!["status"];
        wished.extend(self.closing.iter().map(|_| "closing"));
        wished.extend(self.blocks.iter().filter(|(_, text)| !text.is_empty()).map(|(name, _)| name.as_str()));
        wished.extend(names.iter().filter(|name| **name == "changes").take(1));
        wished.sort_unstable();
        if names != wished {
            return Err(format!("the blocks are {names:?} instead of {wished:?}"));
        }
        for (name, inside) in blocks {
            let wanted = match name.as_str() {
                "status" => desired.status.as_deref(),
                "closing" => desired.closing_report.as_deref(),
                name => {
                    desired.blocks.iter().find(|block| block.name == name).map(|block| block.text.as_str())
                }
            };
            if wanted.is_some_and(|wanted| !inside.starts_with(wanted)) {
                return Err(format!("the block {name} holds {inside:?}"));
            }
        }
        if text.matches("STATUSLINE").count() != 2 {
            return Err("a piece of a status is left over".to_owned());
        }
        Ok(())
    }

    fn check_tasks(&self, text: &str) -> Result<(), String> {
        let reading = self.reading(text);
        let body = lines(text);
        let places = self.places(&body);
        for (task, unit) in self.model.tasks() {
            let at = places.get(&task).ok_or_else(|| format!("lost: {:?}", unit.lines[0]))?;
            let line = &body[at - 1].text;
            let found = reading.tasks.iter().find(|task| task.line == *at);
            let found = found.ok_or_else(|| format!("{line:?} is no task any more"))?;
            let Some(record) = self.records.get(&task) else { continue };
            if found.key != record.key {
                return Err(format!("{line:?} has lost its history"));
            }
            let noted: Vec<&String> = self.notes.iter().filter(|note| line.contains(note.as_str())).collect();
            let wished: Vec<&String> =
                record.notes.last().filter(|_| record.ended && !unit.note_taken).into_iter().collect();
            let silent = record.ended && record.notes.is_empty();
            if noted != wished && !silent {
                return Err(format!("the notes of {line:?} shall be {wished:?}"));
            }
            if record.ended && record.done && !record.notes.is_empty() && !found.ticked {
                return Err(format!("{line:?} is done and not ticked"));
            }
        }
        Ok(())
    }
}

/// Plays a script; tells what went wrong, and what had been done.
fn play(number: u64) -> Result<BTreeMap<&'static str, usize>, String> {
    let mut script = Script::new(number);
    for _ in 0..2 + script.dice.below(4) {
        for _ in 0..script.dice.below(4) {
            script.edit();
            if script.dice.chance(30) {
                script.remember();
            }
        }
        if let Err(wrong) = script.write() {
            let body = joined(&script.body);
            return Err(format!("script {number}: {wrong}\n\n{}\n{body}\n{body:?}", script.trace));
        }
    }
    Ok(script.seen)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn scripts_of_people_and_wishes_of_ours() {
    let cases = number("CARETAKER_TEST_CASES").unwrap_or(CASES);
    let first = number("CARETAKER_TEST_SEED").unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let started = std::time::Instant::now();
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let results: Vec<_> = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
                    let own = (first + thread..first + cases).step_by(usize::try_from(threads).unwrap_or(1));
                    for number in REGRESSIONS.iter().copied().filter(|_| thread == 0).chain(own) {
                        for (what, count) in play(number)? {
                            *seen.entry(what).or_default() += count;
                        }
                    }
                    Ok::<_, String>(seen)
                })
            })
            .collect();
        parts.into_iter().map(|part| part.join().expect("no script panics")).collect()
    });
    for result in results {
        match result {
            Ok(part) => part.into_iter().for_each(|(what, count)| *seen.entry(what).or_default() += count),
            Err(wrong) => panic!("{wrong}"),
        }
    }
    println!("CARETAKER_TEST_SEED={first} CARETAKER_TEST_CASES={cases}: {:?} {seen:?}", started.elapsed());
    if cases >= CASES {
        assert_eq!(seen.len(), 22, "everything has happened: {seen:?}");
    }
}
