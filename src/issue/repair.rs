//! Exactly one block of a kind, whatever became of its markers.
//!
//! A person, or a program that writes whole texts, may lose half of a block, paste a second copy, write into one or put
//! markers around somebody's words. What we wrote goes, line by line; every other byte stays. Where no line between
//! markers is ours, somebody has put them there, and nothing but the markers themselves goes. A marker that is taken away
//! must not change how the rest is read: where it would, because its line began a heading, a fence or a task's details
//! once it is gone, an empty comment stays in its place.

mod lines;

use super::marks::{self, Mark, Marker, close, is_proper, open};
use super::position::{self, Place};
use super::read::read_document;
use super::task::Task;
use crate::merge::UpdateType;
use checklist::{Document, Edits};
use lines::Known;
use std::cell::Cell;
use std::ops::Range;

/// How often a text is repaired before it is taken as it is: a removed marker may leave another one behind.
const MOST_REPAIRS: usize = 8;

/// What stays where taking a marker away would change how the rest is read.
const NEUTRAL: &str = "<!-- -->";

/// A piece of the text that markers of ours claim.
#[derive(Debug, Clone)]
struct Region {
    span: Range<usize>,
    inner: Range<usize>,
    /// Both markers are there, at the start of lines of the document itself.
    whole: bool,
}

impl Region {
    /// Between two markers.
    fn between(document: &Document<'_>, span: Range<usize>, inner: Range<usize>) -> Self {
        let whole = is_proper(document, span.start) && is_proper(document, inner.end);
        Self { span, inner, whole }
    }

    /// Behind a lone opening marker: up to the next marker of ours, or the end.
    fn behind(document: &Document<'_>, markers: &[Marker<'_>], lone: Range<usize>) -> Self {
        let next = markers.partition_point(|marker| marker.span.start < lone.end);
        let end = markers.get(next).map_or(document.text().len(), |marker| marker.span.start);
        Self { span: lone.start..end, inner: lone.end..end, whole: false }
    }

    /// Before a lone closing marker: from the marker of ours before it, or the start.
    fn before(document: &Document<'_>, markers: &[Marker<'_>], lone: Range<usize>) -> Self {
        let behind = markers.partition_point(|marker| marker.span.end <= lone.start);
        let start = behind.checked_sub(1).map_or_else(|| document.start(), |last| markers[last].span.end);
        Self { span: start..lone.end, inner: start..lone.start, whole: false }
    }

    /// On which side of a lone marker the claimed piece lies.
    fn side(&self) -> Option<Side> {
        match (self.opening().is_empty(), self.closing().is_empty()) {
            (true, false) => Some(Side::Before),
            (false, true) => Some(Side::After),
            _ => None,
        }
    }

    /// The marker at its beginning; empty where there is none.
    fn opening(&self) -> Range<usize> {
        self.span.start..self.inner.start
    }

    /// The marker at its end; empty where there is none.
    fn closing(&self) -> Range<usize> {
        self.inner.end..self.span.end
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The text once nothing is left to repair; `None` where nothing was. What a step makes is read again.
fn until_repaired(document: &Document<'_>, step: &dyn Fn(&Document<'_>) -> Option<String>) -> Option<String> {
    let mut text = step(document)?;
    for _ in 1..MOST_REPAIRS {
        let Ok(document) = Document::parse(&text) else { break };
        let Some(next) = step(&document) else { break };
        drop(document);
        text = next;
    }
    Some(text)
}

/// The text with exactly one block of this name, as wished; `None` where it has it.
pub(super) fn place(document: &Document<'_>, mark: &Mark<'_>, place: Place) -> Option<String> {
    let known = Known::of(mark);
    let inserted = Cell::new(false);
    let text = until_repaired(document, &|document| {
        let found = regions(document, mark.name);
        let block = marks::render(mark, document.line_ending());
        if inserted.get() {
            return None;
        }
        if found.is_empty() {
            inserted.set(true);
            return Some(position::insert(document, &block, mark.name, place));
        }
        let mut repair = Repair::new(document);
        let own = marks::own_blocks(document);
        let judged: Vec<(Region, Whose)> = found
            .into_iter()
            .map(|region| (region.clone(), Whose::of(document, &region, &known, &own)))
            .collect();
        // Around words that are nobody's of ours somebody has put markers: that is no place of the block.
        let primary = judged
            .iter()
            .position(|(region, whose)| region.whole && *whose == Whose::Ours)
            .or_else(|| judged.iter().position(|(region, whose)| region.whole && *whose != Whose::Theirs));
        for (at, (region, whose)) in judged.iter().enumerate() {
            if Some(at) == primary { repair.renew(region, whose, &block) } else { repair.free(region, whose) }
        }
        repair.repaired()
    });
    // Whatever is left of markers, nobody goes without the block.
    let missing = |document: &Document<'_>| {
        let is_there = marks::own_blocks(document).iter().any(|(own, _)| own == mark.name);
        (!is_there).then(|| {
            position::insert(document, &marks::render(mark, document.line_ending()), mark.name, place)
        })
    };
    match text {
        Some(text) if inserted.get() => Some(text),
        None => missing(document),
        Some(text) => {
            let inserted = Document::parse(&text).ok().and_then(|document| missing(&document));
            Some(inserted.unwrap_or(text))
        }
    }
}

/// Whose a claimed piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    /// Ours, and nobody else's.
    Ours,
    /// Some lines are ours; this is what stays of it.
    Mixed(String),
    /// No line of it is surely ours.
    Theirs,
}

impl Whose {
    /// `own` are all blocks of ours without a doubt: what stands in one of another name belongs to that, whatever it says.
    fn of(
        document: &Document<'_>,
        region: &Region,
        known: &Known<'_>,
        own: &[(String, Range<usize>)],
    ) -> Self {
        let (start, end) = (region.inner.start, region.inner.end);
        let inner = &document.text()[region.inner.clone()];
        if region.whole && known.owns(inner) {
            return Self::Ours;
        }
        let first = own.partition_point(|(_, block)| block.start < start);
        let others = own[first..]
            .iter()
            .take_while(|(_, block)| block.end <= end)
            .filter(|(name, _)| name != known.name())
            .map(|(_, block)| block.start - start..block.end - start);
        known.foreign(inner, region.side(), &others.collect::<Vec<_>>()).map_or(Self::Theirs, Self::Mixed)
    }
}

/// The repairs of one text, in its order: as they are wished, and with an empty comment for each marker that goes.
struct Repair<'d> {
    text: &'d str,
    ending: &'static str,
    bare: Edits,
    neutral: Edits,
    risky: bool,
    /// Up to where something is repaired. What reaches into that is repaired once the text is read again.
    reached: usize,
}

impl<'d> Repair<'d> {
    fn new(document: &Document<'d>) -> Self {
        Self {
            text: document.text(),
            ending: document.line_ending().as_str(),
            bare: Edits::new(),
            neutral: Edits::new(),
            risky: false,
            reached: 0,
        }
    }

    /// Puts the block in the place of a region, with what is not ours below it.
    fn renew(&mut self, region: &Region, whose: &Whose, block: &str) {
        let mut new = block.to_owned();
        if let Whose::Mixed(rest) = whose
            && !rest.trim().is_empty()
        {
            new.push_str(self.ending);
            new.push_str(self.ending);
            new.push_str(rest.trim_start_matches(['\n', '\r']));
            // What stood behind the marker in its line was no Markdown of its own.
            if !self.ends_line(region.span.end) {
                new.push_str(NEUTRAL);
            }
        }
        if self.text[region.span.clone()] != *new {
            self.bare.replace(region.span.clone(), new.as_str());
            self.neutral.replace(region.span.clone(), new);
        }
        self.reached = region.span.end;
    }

    /// Takes the markers away, and every line that is ours.
    fn free(&mut self, region: &Region, whose: &Whose) {
        let first = if region.opening().is_empty() { region.closing() } else { region.opening() };
        if region.span.start < self.reached && (*whose != Whose::Theirs || first.start < self.reached) {
            return;
        }
        self.risky = true;
        let rest = match whose {
            Whose::Ours => "",
            Whose::Mixed(rest) => rest,
            Whose::Theirs => {
                for marker in
                    [region.opening(), region.closing()].into_iter().filter(|marker| !marker.is_empty())
                {
                    if opens_comment(&self.text[..marker.start]) {
                        self.bare.replace(marker.clone(), NEUTRAL);
                    } else {
                        self.bare.remove(marker.clone());
                    }
                    self.neutral.replace(marker, NEUTRAL);
                }
                self.reached = if region.closing().is_empty() { region.inner.start } else { region.span.end };
                return;
            }
        };
        self.bare.replace(region.span.clone(), self.apart(region, rest));
        self.neutral.replace(region.span.clone(), self.neutralised(region, rest));
        self.reached = region.span.end;
    }

    fn starts_line(&self, at: usize) -> bool {
        matches!(&self.text[..at], "" | "\u{feff}") || self.text[..at].ends_with(['\n', '\r'])
    }

    fn ends_line(&self, at: usize) -> bool {
        self.text[at..].is_empty() || self.text[at..].starts_with(['\n', '\r'])
    }

    /// What stays of a region: what stood on different lines still does.
    fn apart(&self, region: &Region, rest: &str) -> String {
        let inner = &self.text[region.inner.clone()];
        let (first, last) = (self.starts_line(region.span.start), self.ends_line(region.span.end));
        let mut text = rest.to_owned();
        let ends_it = text.starts_with(['\n', '\r']) || text.is_empty() && last;
        // What goes on in the line in which the region begins did so before.
        let line = inner.split(['\n', '\r']).next().unwrap_or_default();
        let goes_on = !line.trim().is_empty() && rest.starts_with(line);
        if inner.contains('\n') && !first && !ends_it && !goes_on {
            text.insert_str(0, self.ending);
        }
        if inner.ends_with('\n') && !last && !text.is_empty() && !text.ends_with('\n') {
            text.push_str(self.ending);
        }
        if !text.starts_with(['\n', '\r']) && opens_comment(&self.text[..region.span.start]) {
            text.insert_str(0, NEUTRAL);
        }
        if opens_comment(&text) {
            text.push_str(NEUTRAL);
        }
        text
    }

    /// The same with an empty comment for each of its markers. One that had its line for itself keeps it.
    fn neutralised(&self, region: &Region, rest: &str) -> String {
        let inner = &self.text[region.inner.clone()];
        let mut text = String::new();
        if !region.opening().is_empty() {
            text.push_str(NEUTRAL);
            if inner.starts_with(['\n', '\r']) && !rest.starts_with(['\n', '\r']) {
                text.push_str(self.ending);
            }
        }
        text.push_str(rest);
        if !region.closing().is_empty() {
            if inner.ends_with('\n') && !text.is_empty() && !text.ends_with('\n') {
                text.push_str(self.ending);
            }
            text.push_str(NEUTRAL);
        }
        text
    }

    /// The repaired text; `None` when all is well.
    fn repaired(self) -> Option<String> {
        if self.bare.is_empty() {
            return None;
        }
        let bare = self.bare.apply(self.text).ok()?;
        if !self.risky {
            return Some(bare);
        }
        let neutral = self.neutral.apply(self.text).ok()?;
        Some(if Meaning::of(&bare) == Meaning::of(&neutral) { bare } else { neutral })
    }
}

/// Whether a text ends in half the beginning of a comment. Markers can be nested by it in any number: were the one behind
/// it taken away without a trace, the next would come to light, so an empty comment stays and keeps the halves apart.
fn opens_comment(text: &str) -> bool {
    ["<", "<!", "<!-"].iter().any(|half| text.ends_with(half))
}

/// What a reader makes of a text, its lines apart.
#[derive(Debug, PartialEq)]
struct Meaning {
    tasks: Vec<Task>,
    /// Boxes with what stands around and below them, headings, tables and blocks of ours.
    parts: Vec<String>,
    /// The lines that are code.
    code: Vec<String>,
}

impl Meaning {
    fn of(text: &str) -> Option<Self> {
        let document = Document::parse(text).ok()?;
        let mut tasks = read_document(&document, None, &|_| (None, UpdateType::Unknown)).0.tasks;
        for task in &mut tasks {
            task.line = 0;
            // A task without an id has its line for one.
            task.id = task.written_id.clone().unwrap_or_default();
        }
        let mut parts: Vec<String> = document
            .items()
            .iter()
            .map(|item| {
                let details: Vec<_> = item
                    .details
                    .iter()
                    .map(|detail| (&detail.kind, &detail.label, &detail.text, &detail.code_blocks))
                    .collect();
                format!("{} {} {:?} {details:?}", item.depth, item.text, item.headings)
            })
            .collect();
        parts.extend(document.headings().iter().map(|heading| format!("{} {}", heading.level, heading.text)));
        parts.extend(
            document.tables().iter().map(|table| format!("{} {}", table.header.len(), table.rows.len())),
        );
        // A comment that is never closed may come to swallow the beginning of one.
        parts.extend(marks::own_blocks(&document).into_iter().map(|(name, _)| name));
        let mut at = 0;
        let mut code = Vec::new();
        for line in text.split_inclusive('\n') {
            let words = line.trim();
            if !words.is_empty() && document.is_code(at + line.len() - line.trim_start().len()) {
                code.push(words.to_owned());
            }
            at += line.len();
        }
        Some(Self { tasks, parts, code })
    }
}

/// What the markers of one name claim.
fn regions(document: &Document<'_>, name: &str) -> Vec<Region> {
    let of_name = document.markers(&open(name), &close(name));
    let markers = marks::markers(document);
    let blocks = of_name.blocks.into_iter().map(|block| Region::between(document, block.span, block.inner));
    let mut found: Vec<Region> = blocks.collect();
    found.extend(of_name.stray_open.into_iter().map(|lone| Region::behind(document, &markers, lone)));
    found.extend(of_name.stray_close.into_iter().map(|lone| Region::before(document, &markers, lone)));
    found.sort_by_key(|region| region.span.start);
    found
}

/// Takes away markers of every kind around what is not ours: somebody put them there, or wrote into a block that is not
/// wanted any more. The words are that person's. All of them at once: there may be as many names as lines.
pub(super) fn release(document: &Document<'_>) -> Option<String> {
    until_repaired(document, &|document| {
        let markers = marks::markers(document);
        let own = marks::own_blocks(document);
        let mut repair = Repair::new(document);
        let mut at = 0;
        while let Some(marker) = markers.get(at) {
            let pair = markers.get(at + 1).filter(|next| marker.is_closed_by(next));
            at += if pair.is_some() { 2 } else { 1 };
            let region = match pair {
                Some(end) if marks::is_own(document, marker, end) => continue,
                Some(end) => Region::between(
                    document,
                    marker.span.start..end.span.end,
                    marker.span.end..end.span.start,
                ),
                None if marker.closes => Region::before(document, &markers, marker.span.clone()),
                None => Region::behind(document, &markers, marker.span.clone()),
            };
            let mark = Mark::new(marker.name, "");
            repair.free(&region, &Whose::of(document, &region, &Known::of(&mark), &own));
        }
        repair.repaired()
    })
}

/// Takes out what was written there: blocks that are wholly ours, and of others every line that we wrote.
pub(super) fn remove_written(document: &Document<'_>, mark: &Mark<'_>) -> Option<String> {
    let known = Known::of(mark);
    let free = |document: &Document<'_>| {
        let own = marks::own_blocks(document);
        let mut repair = Repair::new(document);
        for region in regions(document, mark.name) {
            repair.free(&region, &Whose::of(document, &region, &known, &own));
        }
        repair.repaired()
    };
    match remove(document, mark.name) {
        None => until_repaired(document, &free),
        Some(text) => {
            let freed = Document::parse(&text).ok().and_then(|document| until_repaired(&document, &free));
            Some(freed.unwrap_or(text))
        }
    }
}

/// Takes the block of this name out, when it is wholly ours; `None` where there is none.
pub(super) fn remove(document: &Document<'_>, name: &str) -> Option<String> {
    let text = document.text();
    let mut edits = Edits::new();
    for (_, range) in marks::own_blocks(document).into_iter().filter(|(own, _)| own == name) {
        let mut end = range.end;
        let behind = text[end..].split(['\n', '\r']).next().unwrap_or("");
        if !behind.trim().is_empty() {
            // What stands behind the marker in its line is no Markdown of its own.
            edits.replace(range, NEUTRAL);
            continue;
        }
        for _ in 0..2 {
            let rest = &text[end..];
            end += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        edits.remove(range.start..end);
    }
    changed(document, edits)
}

/// The text of a document with some edits; `None` where they change nothing.
pub(super) fn changed(document: &Document<'_>, edits: Edits) -> Option<String> {
    edits.apply(document.text()).ok().filter(|text| text != document.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_which_a_claimed_piece_begins_stays_one() {
        let mark = Mark::new("status", "## caretaker\n\nall is well with everything");
        let whole = marks::render(&mark, checklist::LineEnding::Lf);
        let half = whole.split_once('\n').expect("lines").1;
        for words in
            ["wo<!-- caretaker:other -->r<!-- /caretaker:other -->ds", "wo<!-- /caretaker:other -->rds"]
        {
            let body = format!("{words} of mine\n\n{half}\n");
            let text =
                place(&Document::parse(&body).expect("it is flat"), &mark, Place::Top).expect("repaired");
            assert!(text.contains(&format!("{words} of mine\n")), "{text}");
            assert!(text.starts_with(&whole), "{text}");
        }
    }

    #[test]
    fn a_block_within_another_keeps_its_own_lines() {
        let status =
            Mark::new("status", "## caretaker\n\n- [ ] Approve **A1** (code `7f3c`): it\n\nall is well");
        let packet = Mark::new("packet-a", "### A packet for a person");
        let within = marks::render(&status, checklist::LineEnding::Lf);
        let body = format!(
            "<!-- caretaker:packet-a -->\n\n- [ ] mine\n\n{within}\n\n<!-- /caretaker:packet-a -->\n"
        );
        let text =
            place(&Document::parse(&body).expect("it is flat"), &packet, Place::Top).expect("repaired");
        let block = marks::render(&packet, checklist::LineEnding::Lf);
        assert!(text.contains(&within) && text.contains(&block) && text.contains("- [ ] mine"), "{text}");
        let document = Document::parse(&text).expect("it is flat");
        let own: Vec<String> = marks::own_blocks(&document).into_iter().map(|(name, _)| name).collect();
        assert_eq!(own.len(), 2, "{text}");
    }

    #[test]
    fn half_a_block_that_hides_the_next_copy_goes_whole() {
        let former = vec!["## caretaker\n\nStatus line begins\n\n- [ ] Approve **A1** (code `7f3c`): it\n\n```json\n{\n}\n```\n\nStatus line ends".to_owned()];
        let mark = Mark::new("status", "## caretaker\n\n```json\n{\n}\n```\n\nanother text").after(&former);
        let whole = marks::render(&Mark::new("status", &former[0]), checklist::LineEnding::Lf);
        let half = &whole[..whole.find("{\n").expect("it is there")];
        let body = format!("{half}\n\n{whole}\n\n- [ ] mine\n");
        let text = place(&Document::parse(&body).expect("it is flat"), &mark, Place::Top).expect("repaired");
        let block = marks::render(&mark, checklist::LineEnding::Lf);
        assert_eq!(text, format!("{block}\n\n- [ ] mine\n"));
    }
}
