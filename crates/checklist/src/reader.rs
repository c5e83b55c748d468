//! The one walk over the parser's events that everything is read in.
//!
//! Events come in the order of the text. A stack of frames knows which list items and quotations are
//! open; the running text of a block is gathered in a leaf and handed, when the block ends, to whom it
//! belongs: a heading, a cell, a task's title or one of its details.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::boxes::{self, BoxLike};
use crate::details::{self, CodeBlock, Open};
use crate::document::{Heading, Item, Link, MAX_DEPTH, Reference, TooDeep};
use crate::html::{self, Comment};
use crate::leaf::{Leaf, OpenLink};
use crate::lines::{Lines, without_lone_cr};
use crate::references;
use crate::regions::Regions;
use crate::table::{self, Cell, Row, Table};

/// Containers that one line may open before the parser is not even asked: its work on blank lines grows
/// with the depth, so a hostile text could cost it quadratic time.
const MOST_CONTAINERS_IN_A_LINE: usize = 256;

/// Everything read from a text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) items: Vec<Item>,
    pub(crate) headings: Vec<Heading>,
    pub(crate) tables: Vec<Table>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) references: Vec<Reference>,
    pub(crate) box_likes: Vec<BoxLike>,
    pub(crate) leading_title_end: Option<usize>,
    pub(crate) regions: Regions,
}

enum Frame {
    Quote,
    List,
    Item { span: Range<usize>, task: Option<Task>, detail: Option<usize> },
}

struct Task {
    index: usize,
    titled: bool,
    open: Open,
}

/// What the leaf that is being read will become.
enum Target {
    Text,
    Heading { level: usize, span: Range<usize> },
    Cell { span: Range<usize> },
}

struct Reader<'a> {
    text: &'a str,
    lines: &'a Lines,
    parts: Parts,
    frames: Vec<Frame>,
    depth: usize,
    quotes: usize,
    heading_path: Vec<usize>,
    leaf: Option<Leaf>,
    target: Target,
    code: Option<CodeBlock>,
    table: Option<Table>,
    cells: Vec<Cell>,
}

/// Reads a text.
pub(crate) fn read(text: &str, lines: &Lines) -> Result<Parts, TooDeep> {
    let text = &*without_lone_cr(text);
    refuse_hostile_lines(text, lines)?;
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader {
        text,
        lines,
        parts: Parts::default(),
        frames: Vec::new(),
        depth: 0,
        quotes: 0,
        heading_path: Vec::new(),
        leaf: None,
        target: Target::Text,
        code: None,
        table: None,
        cells: Vec::new(),
    };
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        reader.event(event, range)?;
    }
    let mut parts = reader.parts;
    table::continue_after_comments(text, lines, &mut parts.tables, &parts.comments);
    for item in &mut parts.items {
        item.first_line_open =
            parts.regions.code(item.first_line_end) || parts.regions.html(item.first_line_end);
    }
    parts.references = references::scan(text, |offset| parts.regions.code(offset));
    parts.references.retain(|reference| !parts.regions.html(reference.span.start));
    give_references(&mut parts.items, &parts.references);
    parts.box_likes = boxes::scan(text, lines, &parts.items, &parts.regions);
    Ok(parts)
}

/// Gives each reference to the innermost item that holds it.
fn give_references(items: &mut [Item], references: &[Reference]) {
    let mut open: Vec<usize> = Vec::new();
    let mut next = 0;
    for reference in references {
        while next < items.len() && items[next].span.start <= reference.span.start {
            open.push(next);
            next += 1;
        }
        while open.last().is_some_and(|&index| items[index].span.end <= reference.span.start) {
            open.pop();
        }
        if let Some(&index) = open.last() {
            items[index].references.push(reference.clone());
        }
    }
}

/// Refuses lines that begin with hundreds of containers before the parser works on them.
fn refuse_hostile_lines(text: &str, lines: &Lines) -> Result<(), TooDeep> {
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let mut columns = 0;
        let mut markers = 0;
        for byte in line.bytes() {
            match byte {
                b' ' => columns += 1,
                b'\t' => columns += 4,
                b'-' | b'*' | b'+' | b'>' | b'.' | b')' => markers += 1,
                b'0'..=b'9' => {}
                _ => break,
            }
        }
        if columns / 2 + markers > MOST_CONTAINERS_IN_A_LINE && !is_rule(line) {
            return Err(TooDeep { line: lines.number(start) });
        }
        start += line.len();
    }
    Ok(())
}

/// Nothing but blanks, or nothing but one character of which rules are made: it opens no container.
fn is_rule(line: &str) -> bool {
    let mut characters = line.chars().filter(|character| !character.is_whitespace());
    match characters.next() {
        None => true,
        Some(first @ ('-' | '*')) => characters.all(|character| character == first),
        Some(_) => false,
    }
}

impl<'a> Reader<'a> {
    fn event(&mut self, event: Event<'a>, range: Range<usize>) -> Result<(), TooDeep> {
        match event {
            Event::Start(tag) => return self.start(tag, range),
            Event::End(tag) => self.end(tag, &range),
            Event::Text(text) => self.push_text(&text, &range),
            Event::Code(code) => {
                self.leaf().push_code(&code, &range);
                self.parts.regions.add_code(range);
            }
            Event::InlineHtml(_) => {
                self.leaf();
                self.comments(range.clone(), true);
                self.parts.regions.add_html(range);
            }
            Event::SoftBreak | Event::HardBreak => self.leaf().break_line(),
            Event::Rule => self.flush(),
            Event::TaskListMarker(ticked) => self.task(ticked, &range),
            // The text of HTML blocks is read from the source; the others are switched off.
            Event::Html(_) | Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) -> Result<(), TooDeep> {
        let inline = matches!(
            tag,
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
        );
        if !inline {
            self.flush();
        }
        match tag {
            Tag::Heading { level, .. } => {
                let span = self.trimmed(range);
                self.target = Target::Heading { level: level as usize, span };
                self.leaf = Some(Leaf::new());
            }
            Tag::BlockQuote(_) => {
                self.deeper(&range)?;
                if self.quotes == 0 {
                    self.parts.regions.add_quote(range);
                }
                self.quotes += 1;
                self.frames.push(Frame::Quote);
            }
            Tag::CodeBlock(kind) => {
                let (fenced, info) = match kind {
                    CodeBlockKind::Fenced(info) => (true, info.trim().to_owned()),
                    CodeBlockKind::Indented => (false, String::new()),
                };
                self.parts.regions.add_code(range.clone());
                let span = self.trimmed(range);
                self.code = Some(CodeBlock { content: String::new(), fenced, info, span });
            }
            Tag::HtmlBlock => {
                self.comments(range.clone(), false);
                self.parts.regions.add_html(range);
            }
            Tag::List(_) => self.frames.push(Frame::List),
            Tag::Item => {
                self.deeper(&range)?;
                let span = self.trimmed(range);
                self.frames.push(Frame::Item { span, task: None, detail: None });
            }
            Tag::Table(_) if self.quotes == 0 => self.table = Some(self.new_table(range)),
            Tag::TableCell => {
                self.target = Target::Cell { span: self.trimmed(range) };
                self.leaf = Some(Leaf::new());
            }
            Tag::Strong => self.leaf().open_bold(),
            Tag::Link { dest_url, .. } => self.leaf().open_link(dest_url.into_string(), range),
            Tag::Emphasis | Tag::Strikethrough | Tag::Image { .. } => {
                self.leaf();
            }
            // Paragraphs begin with their first text; the others are switched off.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Strong => self.leaf().close_bold(range),
            TagEnd::Link => {
                if let Some(link) = self.leaf().link.take() {
                    self.link(link);
                }
            }
            TagEnd::Emphasis | TagEnd::Strikethrough | TagEnd::Image => {}
            TagEnd::CodeBlock => {
                if let Some(block) = self.code.take() {
                    self.code_block(block);
                }
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.frames.pop();
                self.quotes -= 1;
                self.depth -= 1;
            }
            TagEnd::Item => {
                self.flush();
                self.frames.pop();
                self.depth -= 1;
            }
            TagEnd::List(_) => {
                self.flush();
                self.frames.pop();
            }
            TagEnd::TableHead => {
                let cells = std::mem::take(&mut self.cells);
                if let Some(table) = &mut self.table {
                    table.header = cells;
                }
            }
            TagEnd::TableRow => {
                let cells = std::mem::take(&mut self.cells);
                let span = self.trimmed(range.clone());
                let line = self.lines.number(span.start);
                if let Some(table) = &mut self.table {
                    table.rows.push(Row { cells, line, span, continued: false });
                }
            }
            TagEnd::Table => self.parts.tables.extend(self.table.take()),
            _ => self.flush(),
        }
    }

    fn leaf(&mut self) -> &mut Leaf {
        self.leaf.get_or_insert_with(Leaf::new)
    }

    fn push_text(&mut self, text: &CowStr<'_>, range: &Range<usize>) {
        match &mut self.code {
            Some(block) => block.content.push_str(text),
            None => self.leaf().push_text(text, range),
        }
    }

    /// One container more; more than the limit is refused.
    fn deeper(&mut self, range: &Range<usize>) -> Result<(), TooDeep> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TooDeep { line: self.lines.number(range.start) });
        }
        Ok(())
    }

    /// A range without the blanks and line endings around it. The parser counts an indentation in
    /// columns, so that with tabs a range may begin some bytes early.
    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(range.start);
        let source = self.text[start..range.end].trim_end();
        let content = source.trim_start();
        start + source.len() - content.len()..start + source.len()
    }

    fn new_table(&self, range: Range<usize>) -> Table {
        let span = self.trimmed(range);
        let line_start = self.lines.start(span.end);
        let last = self.lines.content(self.text, span.end);
        let prefix: String =
            self.text[line_start..].chars().take_while(|character| matches!(character, ' ' | '\t')).collect();
        Table {
            heading: self.heading_path.last().copied(),
            header: Vec::new(),
            rows: Vec::new(),
            line: self.lines.number(span.start),
            last_line_end: last.end,
            span,
            prefix,
        }
    }

    fn comments(&mut self, range: Range<usize>, inline: bool) {
        if self.quotes > 0 {
            return;
        }
        let in_item = self.frames.iter().any(|frame| matches!(frame, Frame::Item { .. }));
        for raw in html::scan(self.text, range) {
            self.parts.comments.push(Comment {
                line: self.lines.number(raw.span.start),
                content: self.text[raw.inner].trim().to_owned(),
                span: raw.span,
                closed: raw.closed,
                inline,
                in_item,
            });
        }
    }

    fn task(&mut self, ticked: bool, range: &Range<usize>) {
        if self.quotes > 0 {
            return;
        }
        let parent = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Item { task: Some(task), .. } => Some(task.index),
            _ => None,
        });
        let depth = self.frames.iter().filter(|frame| matches!(frame, Frame::Item { .. })).count();
        let Some(Frame::Item { span, task, .. }) = self.frames.last_mut() else { return };
        let index = self.parts.items.len();
        *task = Some(Task { index, titled: false, open: Open::Nothing });
        // The range may begin with blanks; it ends with the closing bracket.
        let box_offset = range.end - 2;
        let line = self.lines.content(self.text, box_offset);
        let rest = &self.text[range.end..line.end.max(range.end)];
        let start = range.end + rest.len() - rest.trim_start_matches(is_blank).len();
        let first_line_end = range.end + rest.trim_end_matches(is_blank).len();
        self.parts.items.push(Item {
            box_offset,
            ticked,
            line: self.lines.number(box_offset),
            depth: depth - 1,
            parent,
            headings: self.heading_path.clone(),
            span: span.clone(),
            first_line: start..line.end.max(start),
            first_line_end,
            first_line_open: false,
            text: String::new(),
            title: String::new(),
            label: None,
            label_bold: false,
            inline_code: Vec::new(),
            details: Vec::new(),
            links: Vec::new(),
            references: Vec::new(),
        });
    }

    fn link(&mut self, link: OpenLink) {
        if self.quotes > 0 {
            return;
        }
        let owner = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Item { task: Some(task), .. } => Some(task.index),
            _ => None,
        });
        if let Some(index) = owner {
            self.parts.items[index].links.push(Link {
                destination: link.destination,
                text: link.text,
                span: link.span,
            });
        }
    }

    /// Hands the leaf to whom it belongs.
    fn flush(&mut self) {
        let Some(leaf) = self.leaf.take() else { return };
        match std::mem::replace(&mut self.target, Target::Text) {
            Target::Cell { span } => self.cells.push(Cell { text: leaf.flat(), span }),
            Target::Heading { level, span } if self.frames.is_empty() => self.heading(level, span, &leaf),
            Target::Heading { .. } | Target::Text => self.text_block(&leaf),
        }
    }

    fn heading(&mut self, level: usize, span: Range<usize>, leaf: &Leaf) {
        if level == 1 && self.text[..span.start].trim().is_empty() {
            self.parts.leading_title_end = Some(span.end);
        }
        let headings = &self.parts.headings;
        while self.heading_path.last().is_some_and(|&index| headings[index].level >= level) {
            self.heading_path.pop();
        }
        self.heading_path.push(headings.len());
        self.parts.headings.push(Heading {
            level,
            text: leaf.flat(),
            line: self.lines.number(span.start),
            span,
        });
    }

    fn text_block(&mut self, leaf: &Leaf) {
        let Some(place) = place(&mut self.frames) else { return };
        let item = &mut self.parts.items[place.task.index];
        let open = &mut place.task.open;
        match (place.quoted, place.bullet) {
            (true, None) => details::quote(item, open, leaf),
            (true, Some(_)) => {}
            (false, Some((detail, span))) => details::bullet(item, open, detail, span, leaf),
            (false, None) if place.task.titled => details::paragraph(item, open, leaf),
            (false, None) => {
                place.task.titled = true;
                details::first_paragraph(item, open, leaf);
            }
        }
    }

    fn code_block(&mut self, block: CodeBlock) {
        let Some(place) = place(&mut self.frames) else { return };
        if !place.quoted {
            let item = &mut self.parts.items[place.task.index];
            details::code(item, place.task.open, place.bullet, block);
        }
    }
}

/// Where in a task the block that is being read lies.
struct Place<'f> {
    task: &'f mut Task,
    /// The bullet directly below the task that holds the block.
    bullet: Option<(&'f mut Option<usize>, &'f Range<usize>)>,
    quoted: bool,
}

fn place(frames: &mut [Frame]) -> Option<Place<'_>> {
    let mut bullet = None;
    let mut quoted = false;
    for frame in frames.iter_mut().rev() {
        match frame {
            Frame::Item { task: Some(task), .. } => return Some(Place { task, bullet, quoted }),
            Frame::Item { span, task: None, detail } => bullet = Some((detail, &*span)),
            Frame::Quote => quoted = true,
            Frame::List => {}
        }
    }
    None
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{b}' | '\u{c}')
}
