//! What people do to a text.

use super::super::script_model::{FORGED, Line, Unit, What, joined, lines, open_box, without_notes};
use super::{ADDED, CELL, Script};

impl Script {
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

    pub(super) fn edit(&mut self) {
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
            59..70 => self.old_copy(),
            70..82 => self.disturb(),
            82..84 => self.tick_approval(),
            84..88 => self.take_note_away(),
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
            let token = old.split_whitespace().find(|word| word.starts_with("tok")).unwrap_or_default();
            let word = ADDED[token.bytes().map(usize::from).sum::<usize>() % ADDED.len()];
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
        let notes: String = tail.iter().flat_map(|note| [" ", note.as_str()]).collect();
        line.insert_str(end, &notes);
        self.body[at].text = line;
        self.model.units[unit].lines[0] = new;
        if !slight {
            self.token += 1;
            // A note of its own comes behind whatever stands there.
            self.model.units[unit].what = What::Task(self.token);
            self.model.units[unit].note_taken = false;
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
        self.stale = version.stale || version.writes < self.landed;
        self.halved = true;
        self.body = lines(&version.body);
        self.model = version.model;
        self.floats = version.floats;
        for (at, (_, taken)) in self.rows.iter_mut().enumerate() {
            *taken = version.taken.get(at).copied().unwrap_or(false);
        }
    }

    fn tick_approval(&mut self) {
        let Some((start, end)) = self.block("status") else { return };
        let Some(at) = (start..end).find(|&at| self.body[at].text.starts_with("- [ ] Approve")) else {
            return;
        };
        self.log("tick an approval", "");
        self.body[at].text = self.body[at].text.replacen("[ ]", "[x]", 1);
    }

    /// Takes our note away, mostly together with the tick.
    fn take_note_away(&mut self) {
        let Some((_, at)) = self.pick(true) else { return };
        let Some(note) = self.notes.iter().find(|note| self.body[at].text.contains(note.as_str())).cloned()
        else {
            return;
        };
        self.body[at].text = self.body[at].text.replacen(&format!(" {note}"), "", 1);
        if self.dice.chance(70) {
            self.log("untick and take the note away", &note);
            self.body[at].text = open_box(&self.body[at].text);
        } else {
            self.log("take a note away", &note);
        }
    }

    /// The lines of a block of ours in the body, markers included.
    fn block(&self, name: &str) -> Option<(usize, usize)> {
        let end = self.body.iter().position(|line| line.text == format!("<!-- /caretaker:{name} -->"))?;
        // The last one before it: a person may have put others above.
        let inside_code = |at: usize| at > 0 && self.body[at - 1].text.starts_with("```text");
        let start = (0..end)
            .rev()
            .find(|&at| self.body[at].text == format!("<!-- caretaker:{name} -->") && !inside_code(at))?;
        Some((start, end))
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
        match self.dice.below(9) {
            7 => self.forge(true),
            8 => self.forge(false),
            0 => {
                self.log("paste a block", "");
                let copy = self.body[start..=end].to_vec();
                self.paste(copy);
            }
            1 => {
                // Two of them may open a fence around another block of ours, which then is not told from words.
                if std::mem::replace(&mut self.halved, true) {
                    return;
                }
                self.log("paste half a block", "");
                let half = start + 1 + self.dice.below(end - start);
                let copy = self.body[start..half].to_vec();
                self.paste(copy);
            }
            2 => {
                // A fence that is not closed any more hides the marks below it.
                let line = start + self.dice.below(end - start + 1);
                if self.halved {
                    return;
                }
                let text = self.body.remove(line).text;
                self.halved = text.starts_with("```");
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

    /// Puts markers into the words of a unit, around some of them or alone, or at the beginning of a detail.
    fn forge(&mut self, pair: bool) {
        let Some((unit, at)) = self.pick(false) else { return };
        let lines = &self.model.units[unit].lines;
        let words = |line: &String| {
            let plain = !line.contains(['`', '<', '#', '>', '|']) && line.contains("tok");
            plain.then(|| line.find("tok"))?
        };
        let Some((offset, place)) =
            lines.iter().enumerate().rev().find_map(|(offset, line)| Some((offset, words(line)?)))
        else {
            return;
        };
        let text = self.body[at + offset].text.clone();
        let Some(found) =
            text.find(&lines[offset][place..]).filter(|_| !FORGED.iter().any(|own| text.contains(own)))
        else {
            return;
        };
        let detail = offset > 0 && lines[offset].starts_with("  - ");
        let [open, close, _] = FORGED;
        let mut forged = text;
        // From behind, so that the places stay.
        if pair {
            forged.insert_str(found + 2 + self.dice.below(2), close);
        }
        forged.insert_str(
            if detail && self.dice.chance(50) { 2 } else { found },
            if pair { open } else { close },
        );
        self.log(if pair { "forge into words" } else { "a lone marker in words" }, &format!("{forged:?}"));
        self.body[at + offset].text = forged;
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
        // A note that stayed when the line became another task is none of that task's: its own still comes.
        let What::Task(task) = self.model.units[unit].what else { return };
        let is_of_task = self.records.get(&task).is_some_and(|record| record.notes.contains(&note));
        self.model.units[unit].note_taken |= is_of_task;
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
