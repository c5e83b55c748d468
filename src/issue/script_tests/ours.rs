//! What a run makes of a text, what it writes, and whether that is right.

use super::super::script_model::{Line, Model, compare, joined, lines, open_box, strip, without_notes};
use super::super::{
    Applied, Block, ChangeKind, ChangeRow, Desired, Edit, FieldWish, KnownTask, Reading, TaskKey, TaskWish,
    TemplateFields, Written, applied, apply, decisions, keep_history, read,
};
use super::{CELL, Record, Script};
use crate::health::Verdict;
use crate::merge::UpdateType;
use crate::run::{Arrivals, LastWrite, task_boxes, text_hash};
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl Script {
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
        let last = self.last_reading.borrow().as_ref().filter(|(text, _)| text == body).cloned();
        let (_, mut reading) = last.unwrap_or_else(|| {
            let reading = read(body, &|_| (None, UpdateType::Unknown)).expect("readable");
            self.last_reading.replace(Some((body.to_owned(), reading.clone())));
            (body.to_owned(), reading)
        });
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
                        let inside = inside.replace("- [x] Approve", "- [ ] Approve");
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
        let standing = Arrivals::of(&self.writes, &body, &BTreeSet::new());
        self.written = match standing.newest(&self.writes) {
            Some(write) => Written {
                tasks: write.tasks.clone(),
                status: write.status.clone(),
                former_notes: standing.landed(&self.writes).flat_map(|write| &write.tasks).fold(
                    HashMap::new(),
                    |mut notes: HashMap<TaskKey, Vec<String>>, task| {
                        notes.entry(task.key.clone()).or_default().extend(task.note.clone());
                        notes
                    },
                ),
            },
            None => Written::default(),
        };
        for last in &mut self.written.tasks {
            let open = self.records.values().any(|record| record.key == last.key && !record.ended);
            last.ticked &= !open && !self.asked_again.contains(&last.key);
        }
        let edits = decisions(&body, &reading, &self.written);
        let stale = edits.iter().flat_map(|edit| match edit {
            Edit::StaleWrite { keys } => keys.as_slice(),
            _ => &[],
        });
        self.looked = reading.tasks.iter().map(|task| (task.key.clone(), task.ticked)).collect();
        let is_ticked = |key: &&TaskKey| reading.task(key).is_some_and(|task| task.ticked);
        self.stale_ticks = stale.filter(is_ticked).cloned().collect();
        let status = self.written.status.as_ref();
        let newest = status.is_none_or(|status| {
            let shown: Vec<&str> = status.lines().filter(|line| line.contains("STATUSLINE")).collect();
            shown.iter().all(|line| body.lines().any(|other| other == *line))
        });
        for (task, (key, ticked)) in &keys {
            let Some(last) = self.written.tasks.iter().find(|last| last.key == *key) else { continue };
            let line = &self.body[places[task] - 1].text;
            let old_note = self
                .notes
                .iter()
                .any(|note| Some(note) != last.note.as_ref() && line.contains(note.as_str()));
            let unticked = edits.contains(&Edit::Unticked { key: key.clone() });
            let marked = edits.contains(&Edit::Ticked { key: key.clone() });
            if unticked && (*ticked || !last.ticked || self.stale) {
                return Err(format!("{line:?} is asked for again by nobody"));
            }
            if !unticked && !*ticked && last.ticked && !old_note && newest && !damaged && !self.stale {
                return Err(format!("nobody hears that {line:?} is asked for again"));
            }
            if marked && (!*ticked || last.ticked) {
                return Err(format!("{line:?} was not ticked"));
            }
            let restored = old_note && !newest;
            if !marked && *ticked && !last.ticked && !restored && !damaged {
                return Err(format!("nobody hears that {line:?} was ticked"));
            }
        }
        for (task, (key, ticked)) in keys {
            if !self.records.contains_key(&task) {
                let found = reading.task(&key).expect("it was found by its line");
                self.known.push(KnownTask::of(found, &reading.tasks));
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
                self.asked_again.insert(key);
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
                kind: [ChangeKind::Merge, ChangeKind::Revert, ChangeKind::Closing, ChangeKind::Action]
                    [self.dice.below(4)],
                task: self.dice.chance(50).then(|| "A1".to_owned()),
                number: self.dice.chance(50).then_some(5),
                title: format!("OURROW{}", self.rows.len()),
                action: "merged".to_owned(),
                note: "all layers GREEN".to_owned(),
                after: None,
                written: false,
            };
            self.minute += 1;
            self.rows.push((row, false));
        }
        // How it went on is known later.
        for (row, _) in &mut self.rows {
            if row.after.is_none() && self.dice.chance(30) {
                row.after = Some(Verdict::Green);
            }
        }
        if self.dice.chance(30) {
            let name = ["packet-a", "packet-b"][self.dice.below(2)];
            let text =
                if self.dice.chance(70) { format!("### Packet {}", self.minute) } else { String::new() };
            self.blocks.insert(name.to_owned(), text);
        }
        if self.dice.chance(10) {
            let report = format!("# RESOLVED\n\nreport {}", self.minute);
            self.closings.push(report.clone());
            self.closing = Some(report);
        } else if self.closing.as_ref().is_some_and(|closing| !closing.is_empty()) && self.dice.chance(20) {
            self.log("the closing is withdrawn", "");
            self.closing = Some(String::new());
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
        let standing = Arrivals::of(&self.writes, &joined(&self.body), &BTreeSet::new());
        let there = standing.rows;
        let landed: BTreeSet<&String> = standing
            .landed(&self.writes)
            .flat_map(|write| write.tasks.iter().filter_map(|task| task.note.as_ref()))
            .collect();
        let rows = self
            .rows
            .iter()
            .enumerate()
            .map(|(at, (row, _))| ChangeRow { written: at < there, ..row.clone() });
        // A run wishes for the tasks that it reads: one that hid behind an open fence at the last look is not among them.
        let (read, gone): (Vec<&Record>, Vec<&Record>) =
            self.records.values().partition(|record| self.looked.contains_key(&record.key));
        let tasks =
            read.into_iter().filter(|record| !record.notes.is_empty() || !record.ended).map(|record| {
                let note = record.notes.last().filter(|_| record.ended).cloned();
                let former_notes = record
                    .notes
                    .iter()
                    .filter(|former| landed.contains(former) || Some(*former) != note.as_ref())
                    .cloned()
                    .collect();
                TaskWish { key: record.key.clone(), tick: record.ended && record.done, note, former_notes }
            });
        let tasks = tasks.collect();
        let gone_notes = gone.into_iter().flat_map(|record| {
            record
                .notes
                .iter()
                .filter(|note| landed.contains(note))
                .map(|note| (record.key.clone(), note.clone()))
        });
        let gone_notes = gone_notes.collect();
        let desired = Desired {
            known: self.known.clone(),
            home: None,
            tasks,
            gone_notes,
            unticked: self.stale_ticks.clone(),
            status: Some(status.clone()),
            former_statuses: self.statuses.iter().rev().take(8).cloned().collect(),
            blocks: self
                .blocks
                .iter()
                .map(|(name, text)| Block { name: name.clone(), text: text.clone() })
                .collect(),
            former_rows: Vec::new(),
            rows: rows.collect(),
            template: TemplateFields {
                overall: self
                    .overall
                    .last()
                    .map(|value| FieldWish { value: value.clone(), former: self.overall.clone() }),
                ..TemplateFields::default()
            },
            closing_report: self.closing.clone(),
            former_closings: self.closings.clone(),
        };
        self.statuses.push(status);
        desired
    }

    /// One look and one write.
    pub(super) fn write(&mut self) -> Result<(), String> {
        let (reading, edits) = self.look()?;
        self.work(&edits);
        // Somebody may write between our look and our write.
        if self.dice.chance(25) {
            self.log("an edit between look and write", "");
            self.edit();
            if task_boxes(&self.reading(&joined(&self.body))) != task_boxes(&reading) {
                let (_, edits) = self.look()?;
                self.work(&edits);
            }
        }
        let desired = self.desired();
        let body = joined(&self.body);
        let Applied { text, mut tasks } = applied(&body, &desired);
        // The laws ask it of every text; here of some.
        if self.writes.len().is_multiple_of(3) && apply(&text, &desired) != text {
            return Err(format!(
                "applying twice is more than once:\n{text}\n---\n{}",
                apply(&text, &desired)
            ));
        }
        if self.dice.chance(20) {
            let mut other = desired.clone();
            other.tasks.reverse();
            other.gone_notes.reverse();
            other.blocks.reverse();
            other.rows.reverse();
            other.known.reverse();
            if apply(&body, &other) != text {
                return Err("the order of the wishes matters".to_owned());
            }
        }
        // Only what was looked at is remembered as known: what comes to light by our write is heard at the next look.
        tasks.retain_mut(|task| {
            let wished = desired.tasks.iter().any(|wish| wish.key == task.key && wish.tick);
            let looked = self.looked.get(&task.key);
            task.ticked = wished || looked == Some(&true) && !desired.unticked.contains(&task.key);
            looked.is_some()
        });
        self.writes.push(LastWrite {
            tasks,
            status: desired.status.clone(),
            rows: self.rows.len(),
            hash: text_hash(&text),
            base: Some(text_hash(&body)),
            ..LastWrite::default()
        });
        let mut after = (self.model.clone(), self.floats.clone());
        self.check(&text, &desired, &mut after)
            .map_err(|wrong| format!("{wrong}\nin what we wrote:\n{text}"))?;
        if self.dice.chance(10) {
            self.log("our write is refused", "");
            return Ok(());
        }
        self.log("our write", "");
        (self.model, self.floats) = after;
        self.body = lines(&text);
        self.landed += 1;
        if let Some(write) = self.writes.last_mut() {
            write.landed = true;
        }
        // What an old copy without its status had lost is not missed again.
        for (row, taken) in &mut self.rows {
            *taken |= !text.contains(&format!("{} |", row.title));
        }
        self.stale = false;
        self.halved = false;
        self.asked_again.clear();
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
        // In our own table all rows are ours. In an old copy without its status nobody can tell what was taken out.
        let own = text.contains("<!-- caretaker:changes -->");
        let lost =
            self.stale && !Arrivals::of(&self.writes, &joined(&self.body), &BTreeSet::new()).shows_status();
        for (row, taken) in &self.rows {
            let name = format!("{} |", row.title);
            let count = text.matches(&name).count();
            if count > 1 || (count == 0 && !taken && !lost) || (count > 0 && *taken && !own) {
                return Err(format!("{count} rows of {name}"));
            }
        }
        Ok(())
    }

    fn check_blocks(&self, blocks: &[(String, String)], text: &str, desired: &Desired) -> Result<(), String> {
        let mut names: Vec<&str> = blocks.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut wished = vec!["status"];
        wished.extend(self.closing.iter().filter(|closing| !closing.is_empty()).map(|_| "closing"));
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
            // One that our write brought to light has its wish at the next look.
            let silent = !self.looked.contains_key(&record.key);
            // Beside a person's note ours may have been taken for theirs.
            let beside = unit.lines[0].contains("*(") && noted.is_empty();
            if noted != wished && !silent && !beside {
                return Err(format!("the notes of {line:?} shall be {wished:?}"));
            }
            if record.ended && record.done && !record.notes.is_empty() && !found.ticked && !silent {
                return Err(format!("{line:?} is done and not ticked"));
            }
            if !record.ended && found.ticked && self.looked.contains_key(&record.key) {
                return Err(format!("{line:?} is open and ticked"));
            }
        }
        Ok(())
    }
}
