//! Random scripts of people's edits, interleaved with random wishes of ours (DESIGN section 4): a person's bytes stay,
//! ours are right, and an old copy of the text asks for nothing again.
//!
//! Each script has a number and depends on nothing else. `CARETAKER_TEST_CASES` says how many there are and
//! `CARETAKER_TEST_SEED` from which number on they count; a failure names its number, which then belongs into
//! `REGRESSIONS`.

mod ours;
mod people;

use super::script_model::{Line, Model, Unit, What, joined, lines};
use super::{ChangeRow, KnownTask, Reading, TaskKey, Written};
use crate::run::LastWrite;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Scripts that once failed.
const REGRESSIONS: &[u64] = &[
    5, 13, 29, 35, 105, 111, 313, 381, 1071, 1143, 1551, 1657, 1975, 547, 2579, 2747, 2877, 8195, 10549,
    16023, 103_092, 112_846, 122_708, 212_346, 666_885, 800_346, 930_005,
];

/// As many as the default run takes.
const CASES: u64 = 600;

/// A source of numbers that needs nothing and is the same everywhere (`SplitMix64`).
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
    /// An old copy lay over our newest text when it was seen.
    stale: bool,
    /// Which rows people had taken out of it.
    taken: Vec<bool>,
}

struct Script {
    dice: Dice,
    body: Vec<Line>,
    model: Model,
    floats: Vec<String>,
    versions: Vec<Version>,
    /// What is remembered of the texts that we wrote, also of those that did not land.
    writes: Vec<LastWrite>,
    /// What people had before them, by that.
    written: Written,
    /// All statuses that we wrote or meant to, oldest first.
    statuses: Vec<String>,
    landed: usize,
    /// An old copy lies over our newest text.
    stale: bool,
    /// Half a block was pasted, or a fence of one deleted, since we last wrote.
    halved: bool,
    /// Asked for again since a write of ours landed, which the text shows still.
    asked_again: BTreeSet<TaskKey>,
    /// The tasks of the last look, and whether they were ticked.
    looked: BTreeMap<TaskKey, bool>,
    /// The text that was read last, before its history was looked up.
    last_reading: RefCell<Option<(String, Reading)>>,
    /// The boxes that only an old copy ticked, as the last look had it.
    stale_ticks: BTreeSet<TaskKey>,
    records: BTreeMap<usize, Record>,
    known: Vec<KnownTask>,
    notes: Vec<String>,
    rows: Vec<(ChangeRow, bool)>,
    blocks: BTreeMap<String, String>,
    closing: Option<String>,
    closings: Vec<String>,
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
            writes: Vec::new(),
            written: Written::default(),
            statuses: Vec::new(),
            landed: 0,
            stale: false,
            halved: false,
            asked_again: BTreeSet::new(),
            looked: BTreeMap::new(),
            last_reading: RefCell::new(None),
            stale_ticks: BTreeSet::new(),
            records: BTreeMap::new(),
            known: Vec::new(),
            notes: Vec::new(),
            rows: Vec::new(),
            blocks: BTreeMap::new(),
            closing: None,
            closings: Vec::new(),
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
            5 => vec![format!("<div class=\"{token}\">"), "- [ ] not a task".to_owned(), "</div>".to_owned()],
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
        for _ in 0..=self.dice.below(5) {
            let unit = if self.dice.chance(60) { self.task() } else { self.free() };
            self.model.units.push(unit);
        }
        if self.dice.chance(60) {
            let mut lines = vec!["## Change Log".to_owned()];
            if self.dice.chance(70) {
                lines.push(String::new());
                let long = self.dice.chance(40);
                let (header, rule, end) = if long {
                    (
                        "| Timestamp | Phase | Item | Action | Result | Status After |",
                        "|---|---|:-:|---|---|---|",
                        " y | z |",
                    )
                } else {
                    ("| Timestamp | Item | Action | Result |", "|---|:-:|---|---|", " y |")
                };
                lines.push(header.to_owned());
                lines.push(rule.to_owned());
                if self.dice.chance(50) {
                    let phase = if long { " 1 |" } else { "" };
                    lines.push("<!-- lint off -->".to_owned());
                    lines.push(format!("| then |{phase} {} | x |{end}", self.token()));
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
            stale: self.stale,
            taken: self.rows.iter().map(|(_, taken)| *taken).collect(),
        };
        self.versions.push(version);
    }

    fn log(&mut self, what: &'static str, detail: &str) {
        *self.seen.entry(what).or_default() += 1;
        // Writing to a String cannot fail.
        let _ = writeln!(self.trace, "{what} {detail}");
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
        assert_eq!(seen.len(), 29, "everything has happened: {seen:?}");
    }
}
