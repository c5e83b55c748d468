//! The running text of one block, without its markup, line by line, and the labels in it.

use std::ops::Range;

/// More than this is a sentence with a colon in it, not a label.
const LONGEST_PLAIN_LABEL: usize = 40;
const MOST_WORDS_IN_PLAIN_LABEL: usize = 5;

/// Lines whose memory is kept for the next block.
const MOST_SPARE_LINES: usize = 16;

/// One source line of a running text.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) code: Vec<String>,
    pub(crate) span: Option<Range<usize>>,
    /// Whether some of it is struck out.
    pub(crate) struck: bool,
    /// Up to here the text is neither code nor part of a link.
    label_limit: Option<usize>,
    /// Where bold text that begins the line ends.
    bold_end: Option<usize>,
    bold_open: bool,
}

/// A label and where in the line's text it ends, the colon included.
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) bold: bool,
    pub(crate) end: usize,
}

impl Line {
    /// The label with which the line begins, if it does.
    pub(crate) fn label(&self) -> Option<Label> {
        let text = &self.text;
        if let Some(end) = self.bold_end {
            let (name, colon) = match text[..end].trim_end().strip_suffix(':') {
                Some(name) => (Some(name), end),
                None if text[end..].trim_start().starts_with(':') => {
                    (Some(&text[..end]), end + text[end..].find(':').unwrap_or_default() + 1)
                }
                None => (None, 0),
            };
            if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
                return Some(Label { text: name.to_owned(), bold: true, end: colon });
            }
        }
        let limit = self.label_limit.unwrap_or(text.len());
        let colon = text[..limit].find(':')?;
        let ends = text[colon + 1..].chars().next().is_none_or(char::is_whitespace);
        let name = text[..colon].trim();
        let plausible = name.chars().count() <= LONGEST_PLAIN_LABEL
            && name.split_whitespace().count() <= MOST_WORDS_IN_PLAIN_LABEL
            && name.starts_with(char::is_alphanumeric);
        (ends && plausible).then(|| Label { text: name.to_owned(), bold: false, end: colon + 1 })
    }

    fn clear(&mut self) {
        self.text.clear();
        self.code.clear();
        self.span = None;
        self.struck = false;
        self.label_limit = None;
        self.bold_end = None;
        self.bold_open = false;
    }

    fn reach(&mut self, range: &Range<usize>) {
        match &mut self.span {
            Some(span) => span.end = span.end.max(range.end),
            None => self.span = Some(range.clone()),
        }
    }
}

/// A link being read.
#[derive(Debug)]
pub(crate) struct OpenLink {
    pub(crate) destination: String,
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

/// The running text of a paragraph, a heading or a cell.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    /// The lines, and behind them such as were used before and keep their memory.
    lines: Vec<Line>,
    used: usize,
    pub(crate) link: Option<OpenLink>,
}

impl Leaf {
    /// Empty again, with the memory that it had: no block needs its own.
    pub(crate) fn cleared(mut self) -> Self {
        self.link = None;
        for line in &mut self.lines[..self.used] {
            line.clear();
        }
        self.lines.truncate(MOST_SPARE_LINES);
        self.used = 0;
        self
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines[..self.used]
    }

    fn line(&mut self) -> &mut Line {
        if self.used == 0 {
            self.add_line();
        }
        &mut self.lines[self.used - 1]
    }

    fn add_line(&mut self) {
        if self.used == self.lines.len() {
            self.lines.push(Line::default());
        }
        self.used += 1;
    }

    pub(crate) fn push_text(&mut self, text: &str, range: &Range<usize>) {
        let line = self.line();
        line.text.push_str(text);
        line.reach(range);
        if let Some(link) = &mut self.link {
            link.text.push_str(text);
        }
    }

    pub(crate) fn push_code(&mut self, code: &str, range: &Range<usize>) {
        let line = self.line();
        line.label_limit.get_or_insert(line.text.len());
        line.code.push(code.to_owned());
        self.push_text(code, range);
    }

    /// Markup begins that strikes out what follows, or does not.
    pub(crate) fn strike(&mut self, struck: bool) {
        self.line().struck |= struck;
    }

    pub(crate) fn break_line(&mut self) {
        if let Some(link) = &mut self.link {
            link.text.push(' ');
        }
        let line = self.line();
        // Bold text that goes on in the next line is no label of this one.
        line.bold_open = false;
        self.add_line();
    }

    pub(crate) fn open_bold(&mut self) {
        let line = self.line();
        line.bold_open = line.text.trim().is_empty() && line.code.is_empty() && line.bold_end.is_none();
    }

    pub(crate) fn close_bold(&mut self, range: &Range<usize>) {
        let line = self.line();
        if line.bold_open {
            line.bold_end = Some(line.text.len());
            line.bold_open = false;
        }
        line.reach(range);
    }

    pub(crate) fn open_link(&mut self, destination: String, span: Range<usize>) {
        let line = self.line();
        line.label_limit.get_or_insert(line.text.len());
        self.link = Some(OpenLink { destination, text: String::new(), span });
    }

    /// The whole text on one line, as headings and cells have it.
    pub(crate) fn flat(&self) -> String {
        join(self.lines().iter().map(|line| line.text.trim()), " ")
    }
}

/// Joins what is not empty.
pub(crate) fn join<'a>(parts: impl Iterator<Item = &'a str>, separator: &str) -> String {
    let mut joined = String::new();
    for part in parts.filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(part);
    }
    joined
}
