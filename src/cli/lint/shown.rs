//! How findings are shown: with the piece of text that they are about, and as JSON.

use crate::issue::lint::{Finding, Lint, Severity};
use crate::wording;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde_json::{Value, json};
use std::fmt::{self, Write as _};

/// So many findings are shown to people; a program gets all of them.
const MOST: usize = 100;

/// How wide the text is.
const WIDTH: usize = 100;

/// A finding as miette shows it.
#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    source: &'a NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&plain(&self.finding.text))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(code(self.finding)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.finding.help.as_ref().map(|help| Box::new(plain(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.finding.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, span.len()))))
    }
}

fn code(finding: &Finding) -> String {
    serde_json::to_value(finding.code)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The sentences are written for Markdown: on a terminal what makes quotations harmless there is only in the way.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek().is_some_and(char::is_ascii_punctuation) => {}
            '\u{200b}' => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The text without anything that a terminal would obey; every character keeps its place.
fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        let obeyed = (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if obeyed {
            (0..character.len_utf8()).for_each(|_| harmless.push('?'));
        } else {
            harmless.push(character);
        }
    }
    harmless
}

/// For people: what is understood, then what is wrong. With colour, which the stream takes off where nobody sees it.
pub(super) fn text(name: &str, body: &str, found: &Lint) -> String {
    let mut text = String::new();
    let handler =
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode()).with_links(false).with_width(WIDTH);
    // Writing to a string cannot fail.
    for task in &found.reading.tasks {
        let layer = task.layer.map_or("-", crate::health::Layer::word);
        let (id, priority, kind) = (&task.id, task.priority, task.kind.word());
        let _ = writeln!(
            text,
            "line {:>4}: {id:<6} {priority} {layer:<8} {kind:<9} {}",
            task.line,
            harmless(&task.title)
        );
        if let Some(needs) = wording::plan_needs(task.needs, task.why_person.as_deref()) {
            let _ = writeln!(text, "           {}", plain(&needs));
        }
    }
    for ignored in &found.reading.ignored {
        let _ = writeln!(text, "line {:>4}: not a task: {}", ignored.line, plain(&ignored.why));
    }
    text.push('\n');
    let source = NamedSource::new(name, harmless(body));
    for finding in found.findings.iter().take(MOST) {
        if handler.render_report(&mut text, &Shown { finding, source: &source }).is_err() {
            let _ = writeln!(text, "{name}:{}:{}: {}", finding.line, finding.column, plain(&finding.text));
        }
        text.push('\n');
    }
    if found.findings.len() > MOST {
        let _ = writeln!(text, "{}", wording::and_more(found.findings.len() - MOST));
    }
    let (errors, warnings) = (found.count(Severity::Error), found.count(Severity::Warning));
    let _ = writeln!(text, "{}", wording::lint_summary(found.reading.tasks.len(), errors, warnings));
    text
}

/// For programs.
pub(super) fn json(name: &str, found: &Lint, fixed: Option<&[String]>) -> Value {
    let tasks: Vec<Value> = found
        .reading
        .tasks
        .iter()
        .map(|task| {
            json!({
                "id": task.id,
                "line": task.line,
                "priority": task.priority,
                "layer": task.layer,
                "kind": task.kind.word(),
                "title": task.title,
                "state": if task.ticked { "done" } else { "open" },
                "needs": task.needs.filter(|_| !task.ticked),
                "why": task.why_person.as_deref().map(plain),
            })
        })
        .collect();
    let ignored: Vec<Value> = found
        .reading
        .ignored
        .iter()
        .map(|ignored| json!({"line": ignored.line, "why": plain(&ignored.why)}))
        .collect();
    let findings: Vec<Value> = found
        .findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.code,
                "severity": finding.severity,
                "line": finding.line,
                "column": finding.column,
                "offset": finding.span.start,
                "length": finding.span.len(),
                "task": finding.task,
                "text": plain(&finding.text),
                "help": finding.help.as_deref().map(plain),
            })
        })
        .collect();
    json!({
        "source": name,
        "tasks": tasks,
        "ignored": ignored,
        "findings": findings,
        "errors": found.count(Severity::Error),
        "warnings": found.count(Severity::Warning),
        "fixed": fixed,
    })
}
