//! What people wrote, kept apart from the program under test: the model of the scripts in `script_tests`.
//!
//! It knows nothing of Markdown and uses nothing of what it judges: a person's text is a list of units, each of some
//! lines that hold words used nowhere else, and what is not a person's is recognised by the marks that the test itself
//! put into it.

/// A line of a body with what ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) ending: String,
}

pub(super) fn lines(body: &str) -> Vec<Line> {
    body.split_inclusive('\n')
        .map(|line| {
            let text = line.trim_end_matches(['\n', '\r']);
            Line { text: text.to_owned(), ending: line[text.len()..].to_owned() }
        })
        .collect()
}

pub(super) fn joined(lines: &[Line]) -> String {
    lines.iter().flat_map(|line| [line.text.as_str(), line.ending.as_str()]).collect()
}

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The text before everything: no line.
    Start,
    /// A task, by its number in the model.
    Task(usize),
    /// Anything that may be moved and deleted.
    Free,
    /// A table or title that stays where it is.
    Fixed,
    /// The change log, which stays at the end.
    Log,
}

/// Some lines that stay together.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) what: What,
    /// Without notes of ours, boxes open.
    pub(super) lines: Vec<String>,
    pub(super) ending: &'static str,
    /// Blank lines behind it.
    pub(super) blanks: usize,
    /// Something of ours stands or stood in the gap behind it: blank lines there may be ours.
    pub(super) touched: bool,
    /// A person has made our note theirs; it is part of the first line here.
    pub(super) note_taken: bool,
    /// Its last line once had no ending; whose it has now is not told apart.
    pub(super) loose: bool,
}

/// A person's text.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) units: Vec<Unit>,
    /// The last line has no ending.
    pub(super) unfinished: bool,
}

impl Model {
    pub(super) fn body(&self) -> String {
        let mut body = String::new();
        for unit in &self.units {
            for line in &unit.lines {
                body.push_str(line);
                body.push_str(unit.ending);
            }
            body.push_str(&unit.ending.repeat(unit.blanks));
        }
        if self.unfinished {
            body.truncate(body.trim_end_matches(['\r', '\n']).len());
        }
        body
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = (usize, &Unit)> {
        self.units.iter().filter_map(|unit| match unit.what {
            What::Task(number) => Some((number, unit)),
            _ => None,
        })
    }
}

/// A task's line with its box open.
pub(super) fn open_box(line: &str) -> String {
    line.replacen("- [x]", "- [ ]", 1).replacen("- [X]", "- [ ]", 1)
}

/// The markers that a person puts into words, and what may stay of one.
pub(super) const FORGED: [&str; 3] =
    ["<!-- caretaker:in-words -->", "<!-- /caretaker:in-words -->", "<!-- -->"];

/// A line without the notes that the test has ever wished for, and without markers that somebody put into words.
pub(super) fn without_notes(line: &str, notes: &[String]) -> String {
    let mut line = line.to_owned();
    for forged in FORGED {
        line = line.replace(forged, "");
    }
    for note in notes {
        line = line.replace(&format!(" {note}"), "");
    }
    line
}

/// The names of our blocks in a body as they begin.
fn opened(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- caretaker:")?.strip_suffix(" -->").filter(|name| !name.contains(' '))
}

/// A body taken apart: a person's lines, and for each how many blocks of ours stand before it.
#[derive(Debug, Default)]
pub(super) struct Stripped {
    /// Lines with the number of the body's line.
    pub(super) lines: Vec<(Line, usize)>,
    /// Before which of them (or behind the last) a block stands.
    pub(super) gaps: Vec<usize>,
    /// The blocks: name and inside.
    pub(super) blocks: Vec<(String, String)>,
}

/// Takes a body apart in which every block is whole.
pub(super) fn strip(body: &str, notes: &[String]) -> Result<Stripped, String> {
    let mut stripped = Stripped::default();
    let mut block: Option<(String, String)> = None;
    let mut code = false;
    for (number, line) in lines(body).into_iter().enumerate() {
        if let Some((name, inside)) = &mut block {
            if line.text == format!("<!-- /caretaker:{name} -->") {
                stripped.blocks.extend(block.take());
            } else {
                inside.push_str(&line.text);
                inside.push('\n');
            }
            continue;
        }
        if line.text.trim_start().starts_with("```") {
            code = !code;
        }
        match opened(&line.text).filter(|_| !code) {
            Some(name) => {
                block = Some((name.to_owned(), String::new()));
                stripped.gaps.push(stripped.lines.len());
            }
            None if !code && line.text.contains("caretaker:") => {
                return Err(format!("a marker is left over: {:?}", line.text));
            }
            // A row of ours ends with the test's own mark.
            None if line.text.starts_with("| ") && line.text.contains("OURROW") => {}
            None => {
                let text = open_box(&without_notes(&line.text, notes));
                stripped.lines.push((Line { text, ending: line.ending }, number));
            }
        }
    }
    match block {
        Some((name, _)) => Err(format!("the block {name} is not closed")),
        None => Ok(stripped),
    }
}

/// Compares a body with the model. `floats` are lines that a person wrote into a block of ours: they have to be
/// somewhere, once. What is allowed to change, blank lines beside blocks, is taken over into the model.
pub(super) fn compare(
    model: &mut Model,
    floats: &mut Vec<String>,
    stripped: &Stripped,
) -> Result<(), String> {
    let mut at = 0;
    let lines = &stripped.lines;
    let mut units: Vec<Unit> = Vec::new();
    for (number, unit) in model.units.iter().enumerate() {
        let mut unit = unit.clone();
        for (row, expected) in unit.lines.clone().iter().enumerate() {
            let is_last = row + 1 == unit.lines.len();
            unit.loose |= is_last && model.unfinished && number + 1 == model.units.len();
            let Some((line, _)) = lines.get(at) else { return Err(format!("lost: {expected:?}")) };
            if line.text != *expected {
                return Err(format!("expected {expected:?}, found {:?}", line.text));
            }
            // A last line without an ending gets ours when a block comes behind it.
            if line.ending != unit.ending && !unit.loose {
                return Err(format!("the ending of {expected:?} is {:?}", line.ending));
            }
            at += 1;
        }
        let wanted = unit.blanks;
        units.push(unit);
        let mut alone = true;
        loop {
            let start = at;
            while lines.get(at).is_some_and(|(line, _)| line.text.is_empty()) {
                at += 1;
            }
            let blanks = at - start;
            let block = stripped.gaps.iter().any(|gap| (start..=at).contains(gap));
            let float = lines.get(at).and_then(|(line, _)| floats.iter().position(|f| *f == line.text));
            let Some(unit) = units.last_mut() else { return Err("no unit".to_owned()) };
            if alone && float.is_none() {
                // What stood apart from a block of ours at the top goes with it.
                let none = wanted == 0 || at == lines.len() || unit.what == What::Start;
                let loose = blanks <= wanted + 20 && (blanks > 0 || none);
                if !(if unit.touched || block { loose } else { blanks == wanted }) {
                    let before = unit.lines.last().map_or("the start", String::as_str);
                    return Err(format!("{blanks} blank lines instead of {wanted} behind {before:?}"));
                }
            }
            unit.blanks = blanks;
            unit.touched = block || float.is_some();
            alone = false;
            let Some(float) = float else { break };
            units.push(Unit {
                what: What::Free,
                lines: vec![floats.remove(float)],
                ending: if lines[at].0.ending == "\r\n" { "\r\n" } else { "\n" },
                blanks: 0,
                touched: true,
                note_taken: false,
                loose: false,
            });
            at += 1;
        }
    }
    if let Some((line, _)) = lines.get(at) {
        return Err(format!("too much: {:?}", line.text));
    }
    if !floats.is_empty() {
        return Err(format!("lost from a block: {floats:?}"));
    }
    model.units = units;
    model.unfinished = lines.last().is_some_and(|(line, _)| line.ending.is_empty());
    Ok(())
}
