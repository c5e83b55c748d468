//! The one walk over the parser's events that everything is read in.
//!
//! Events come in the order of the text. A stack of frames knows which list items and quotations are
//! open; the running text of a block is gathered in a leaf and handed, when the block ends, to whom it
//! belongs: a heading, a cell, a task's title or one of its details.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::boxes::{self, BoxLike};
use crate::depth;
use crate::details::{self, CodeBlock};
use crate::document::{Heading, Item, Link, MAX_DEPTH, Passage, PassageKind, Reference, TooDeep};
use crate::frames::{Frame, Task, place};
use crate::html::{self, Comment};
use crate::leaf::{Leaf, OpenLink};
use crate::lines::Lines;
use crate::references;
use crate::regions::{Regions, within};
use crate::source::{Source, for_the_parser};
use crate::table::{self, Cell, Row, Table};

/// Everything read from a text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) items: Vec<Item>,
    pub(crate) headings: Vec<Heading>,
    pub(crate) passages: Vec<Passage>,
    pub(crate) tables: Vec<Table>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) references: Vec<Reference>,
    pub(crate) box_likes: Vec<BoxLike>,
    pub(crate) leading_title_end: Option<usize>,
    pub(crate) regions: Regions,
}

/// What the leaf that is being read will become.
enum Target {
    Text,
    Heading { level: usize, span: Range<usize> },
    Cell { span: Range<usize> },
}

/// The code block that is being read.
enum Code {
    None,
    /// It belongs to no task.
    Skipped,
    Kept(CodeBlock),
}

struct Reader<'a> {
    source: Source<'a>,
    lines: &'a Lines,
    parts: Parts,
    frames: Vec<Frame>,
    depth: usize,
    quotes: usize,
    /// Tasks that are open.
    tasks: usize,
    heading_path: Vec<usize>,
    leaf: Option<Leaf>,
    spare: Leaf,
    target: Target,
    code: Code,
    table: Option<Table>,
    cells: Vec<Cell>,
    /// Where links and images stand.
    linked: Vec<Range<usize>>,
    /// Where emphasis, links and images stand, of nested ones the outermost.
    inline: Vec<Range<usize>>,
    /// Up to here the text belongs to a box that the parser has not seen.
    box_end: usize,
}

/// Reads a text.
pub(crate) fn read(text: &str, lines: &Lines) -> Result<Parts, TooDeep> {
    depth::refuse(text, lines)?;
    let given = text;
    let text = &*for_the_parser(given);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader {
        source: Source::new(given, text),
        lines,
        parts: Parts::default(),
        frames: Vec::new(),
        depth: 0,
        quotes: 0,
        tasks: 0,
        heading_path: Vec::new(),
        leaf: None,
        spare: Leaf::default(),
        target: Target::Text,
        code: Code::None,
        table: None,
        cells: Vec::new(),
        linked: Vec::new(),
        inline: Vec::new(),
        box_end: 0,
    };
    let mut events = Parser::new_ext(text, options).into_offset_iter();
    for (event, range) in &mut events {
        reader.event(event, range)?;
    }
    let definitions = events.reference_definitions();
    let mut linked: Vec<_> = definitions.iter().map(|(_, definition)| definition.span.clone()).collect();
    linked.append(&mut reader.linked);
    linked.sort_by_key(|span| span.start);
    let inline = reader.inline;
    let mut parts = reader.parts;
    table::continue_after_comments(given, lines, &mut parts.tables, &parts.comments);
    for item in &mut parts.items {
        let end = item.first_line_end;
        item.first_line_open = parts.regions.code(end)
            || parts.regions.html(end)
            || within(&inline, end)
            || is_above_delimiters(given, end);
    }
    references::gather(given, &mut parts, &linked);
    parts.box_likes = boxes::scan(given, lines, &parts.items, &parts.regions);
    Ok(parts)
}

/// Whether the line below that place could be the delimiter row of a table of several columns: a line with one cell fewer
/// than columns is words, and with one more it is the header, and no box.
fn is_above_delimiters(text: &str, at: usize) -> bool {
    let Some(end) = text[at..].find(['\n', '\r']) else { return false };
    let below = &text[at + end..];
    let below = below.strip_prefix("\r\n").unwrap_or_else(|| &below[1..]);
    let row = below.split(['\n', '\r']).next().unwrap_or_default();
    row.contains('|')
        && row.contains('-')
        && row.bytes().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' ' | b'\t' | b'>'))
}

impl<'a> Reader<'a> {
    fn event(&mut self, event: Event<'a>, range: Range<usize>) -> Result<(), TooDeep> {
        self.box_unseen(&event, &range);
        match event {
            Event::Start(tag) => return self.start(tag, range),
            Event::End(tag) => self.end(tag, &range),
            Event::Text(text) => self.push_text(&text, &range),
            Event::Code(code) => {
                let code = self.source.shown(&code, &range);
                if let Some(leaf) = self.leaf() {
                    leaf.push_code(&code, &range);
                }
                self.parts.regions.add_code(range);
            }
            Event::InlineHtml(tag) => {
                let (struck, breaks) = (html::strikes_out(&tag), html::breaks_line(&tag));
                if let Some(leaf) = self.leaf() {
                    if breaks {
                        leaf.break_line();
                    } else {
                        leaf.strike(struck);
                    }
                }
                self.comments(range.clone(), true);
                self.parts.regions.add_html(range);
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(leaf) = self.leaf() {
                    leaf.break_line();
                }
            }
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
        let struck = matches!(tag, Tag::Strikethrough);
        if !inline {
            self.flush();
        } else if self.inline.last().is_none_or(|last| last.end <= range.start) {
            self.inline.push(range.clone());
        }
        match tag {
            Tag::Heading { level, .. } => {
                let span = self.source.trimmed(range);
                self.target = Target::Heading { level: level as usize, span };
                self.leaf();
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
                self.parts.regions.add_code(range.clone());
                self.code = if self.tasks == 0 || self.quotes > 0 {
                    Code::Skipped
                } else {
                    let (fenced, info) = match kind {
                        CodeBlockKind::Fenced(info) => (true, info.trim().to_owned()),
                        CodeBlockKind::Indented => (false, String::new()),
                    };
                    let length = range.len();
                    let span = self.source.trimmed(range);
                    Code::Kept(CodeBlock { content: String::with_capacity(length), fenced, info, span })
                };
            }
            Tag::HtmlBlock => {
                self.passage(PassageKind::Html, &range);
                self.comments(range.clone(), false);
                self.parts.regions.add_html(range);
            }
            Tag::List(_) => self.frames.push(Frame::List { start: range.start }),
            Tag::Item => {
                self.deeper(&range)?;
                if let Some(&Frame::List { start: list }) = self.frames.last() {
                    self.passage(PassageKind::Bullet { list }, &range);
                }
                let span = self.source.trimmed(range);
                self.frames.push(Frame::Item { span, task: None, detail: None, fresh: true });
            }
            Tag::Paragraph if self.quotes > 0 => self.passage(PassageKind::Quote, &range),
            Tag::Paragraph if self.frames.is_empty() => self.passage(PassageKind::Paragraph, &range),
            Tag::Table(_) if self.quotes == 0 => self.table = Some(self.new_table(range)),
            Tag::TableCell => {
                self.target = Target::Cell { span: self.source.trimmed(range) };
                self.leaf();
            }
            Tag::Strong => {
                if let Some(leaf) = self.leaf() {
                    leaf.open_bold();
                }
            }
            Tag::Link { dest_url, .. } => {
                self.enter_link(&range);
                if let Some(leaf) = self.leaf() {
                    leaf.open_link(dest_url.into_string(), range);
                }
            }
            Tag::Image { .. } => {
                self.enter_link(&range);
                self.leaf();
            }
            Tag::Emphasis | Tag::Strikethrough => {
                if let Some(leaf) = self.leaf() {
                    leaf.strike(struck);
                }
            }
            // Paragraphs begin with their first text; the others are switched off.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Strong => {
                if let Some(leaf) = self.leaf() {
                    leaf.close_bold(range);
                }
            }
            TagEnd::Link => {
                if let Some(link) = self.leaf().and_then(|leaf| leaf.link.take()) {
                    self.link(link);
                }
            }
            TagEnd::Emphasis | TagEnd::Strikethrough | TagEnd::Image => {}
            TagEnd::CodeBlock => {
                if let Code::Kept(block) = std::mem::replace(&mut self.code, Code::None) {
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
                if let Some(Frame::Item { task: Some(_), .. }) = self.frames.pop() {
                    self.tasks -= 1;
                }
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
                let columns = self.table.as_ref().map_or(0, |table| table.header.len());
                let cells = std::mem::replace(&mut self.cells, Vec::with_capacity(columns));
                let span = self.source.trimmed(range.clone());
                let line = self.lines.number(span.start);
                if let Some(table) = &mut self.table {
                    table.rows.push(Row { cells, line, span, continued: false });
                }
            }
            TagEnd::Table => self.parts.tables.extend(self.table.take()),
            _ => self.flush(),
        }
    }

    /// Sees the boxes that the parser does not: where it has seen a stand-in, and where the text of an item begins in
    /// the line below its marker. GFM asks that the first block is a paragraph, not where it begins.
    fn box_unseen(&mut self, event: &Event<'a>, range: &Range<usize>) {
        let Some(Frame::Item { fresh, .. }) = self.frames.last_mut() else { return };
        if !*fresh || matches!(event, Event::Start(Tag::Paragraph)) {
            return;
        }
        // An underlined heading is one only from its second line on, and the parser takes it for a task as well.
        if matches!(event, Event::Start(Tag::Heading { .. }))
            && !self.source.text[range.start..].starts_with('#')
        {
            return;
        }
        *fresh = false;
        if matches!(event, Event::Text(_))
            && !self.source.given[..range.start].ends_with('\\')
            && let Some(ticked) = boxes::at_start(&self.source.given[range.start..])
        {
            self.box_end = range.start + 3;
            self.task(ticked, &(range.start..self.box_end));
        }
    }

    /// The leaf that running text goes to, if anybody wants it.
    fn leaf(&mut self) -> Option<&mut Leaf> {
        if self.leaf.is_none() {
            let wanted = match &self.target {
                Target::Cell { .. } => self.table.is_some(),
                Target::Heading { .. } => self.tasks > 0 || self.frames.is_empty(),
                Target::Text => self.tasks > 0,
            };
            if !wanted {
                return None;
            }
            self.leaf = Some(std::mem::take(&mut self.spare));
        }
        self.leaf.as_mut()
    }

    /// Notes a running text, where it lies in no task.
    fn passage(&mut self, kind: PassageKind, range: &Range<usize>) {
        if self.tasks == 0 {
            self.parts.passages.push(Passage { kind, span: self.source.trimmed(range.clone()) });
        }
    }

    /// Notes where the outermost link or image stands.
    fn enter_link(&mut self, range: &Range<usize>) {
        if self.linked.last().is_none_or(|last| last.end <= range.start) {
            self.linked.push(range.clone());
        }
    }

    fn push_text(&mut self, text: &CowStr<'_>, range: &Range<usize>) {
        let text = self.source.shown(text, range);
        match &mut self.code {
            Code::Kept(block) => block.content.push_str(&text),
            Code::Skipped => {}
            Code::None => {
                let inside = self.box_end.clamp(range.start, range.end) - range.start;
                let text = text.get(inside..).unwrap_or_default();
                // Nothing behind a box is no title yet.
                if !text.is_empty()
                    && let Some(leaf) = self.leaf()
                {
                    leaf.push_text(text, &(range.start + inside..range.end));
                }
            }
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

    fn new_table(&mut self, range: Range<usize>) -> Table {
        let span = self.source.trimmed(range);
        let line_start = self.lines.start(span.end);
        let last = self.lines.content(self.source.text, span.end);
        let prefix: String = self.source.text[line_start..]
            .chars()
            .take_while(|character| matches!(character, ' ' | '\t'))
            .collect();
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
        for raw in html::scan(self.source.given, range) {
            self.parts.comments.push(Comment {
                line: self.lines.number(raw.span.start),
                content: self.source.given[raw.inner].trim().to_owned(),
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
        let list_start = self.frames.iter().find_map(|frame| match frame {
            Frame::List { start } => Some(*start),
            _ => None,
        });
        let inner_list_start = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::List { start } => Some(*start),
            _ => None,
        });
        let outer = self.frames.len().saturating_sub(1);
        let within = self.frames[..outer]
            .iter()
            .filter_map(|frame| match frame {
                Frame::Item { span, task: None, .. } => Some(span.start),
                _ => None,
            })
            .collect();
        let Some(Frame::Item { span, task, .. }) = self.frames.last_mut() else { return };
        // It was taken for a plain item so far.
        while self.parts.passages.last().is_some_and(|passage| passage.span.start >= span.start) {
            self.parts.passages.pop();
        }
        // The range may begin with blanks; it ends with the closing bracket.
        let box_offset = range.end - 2;
        let index = self.parts.items.len();
        self.tasks += 1;
        *task = Some(Task::new(index));
        let line = self.lines.content(self.source.text, box_offset);
        let rest = &self.source.text[range.end..line.end.max(range.end)];
        let start = range.end + rest.len() - rest.trim_start_matches(is_blank).len();
        let first_line_end = range.end + rest.trim_end_matches(is_blank).len();
        // Of blanks alone nothing is left.
        let first_line =
            if start > first_line_end { first_line_end..first_line_end } else { start..line.end.max(start) };
        self.parts.items.push(Item {
            box_offset,
            ticked,
            line: self.lines.number(box_offset),
            depth: depth - 1,
            parent,
            within,
            list_start: list_start.unwrap_or(span.start),
            inner_list_start: inner_list_start.unwrap_or(span.start),
            headings: self.heading_path.clone(),
            span: span.clone(),
            first_line,
            first_line_end,
            first_line_open: false,
            text: String::new(),
            title: String::new(),
            label: None,
            label_bold: false,
            struck: false,
            inline_code: Vec::new(),
            details: Vec::new(),
            links: Vec::new(),
            references: Vec::new(),
            commits: Vec::new(),
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
        let target = std::mem::replace(&mut self.target, Target::Text);
        let Some(leaf) = self.leaf.take() else { return };
        match target {
            Target::Cell { span } => self.cells.push(Cell { text: leaf.flat(), span }),
            Target::Heading { level, span } if self.frames.is_empty() => self.heading(level, span, &leaf),
            Target::Heading { .. } | Target::Text => self.text_block(&leaf),
        }
        self.spare = leaf.cleared();
    }

    fn heading(&mut self, level: usize, span: Range<usize>, leaf: &Leaf) {
        if level == 1 && self.source.text[..span.start].trim().is_empty() {
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
            struck: leaf.lines().iter().any(|line| line.struck),
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

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{b}' | '\u{c}')
}
