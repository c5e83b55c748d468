//! The plan, for programs and for people.

use super::{Priority, Reading, TaskKey};
use crate::health::Layer;
use crate::terminal::{color, printable};
use crate::wording;
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The plan as `plan --format json` prints it.
pub(crate) fn plan_json(reading: &Reading, order: &[TaskKey]) -> Value {
    let tasks: Vec<Value> = reading
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
                "pull": task.kind.pull(),
                // What is done needs nobody.
                "needs": task.needs.filter(|_| !task.ticked),
                "details": task.details,
                // How sure each of these is, and from what.
                "guesses": task.guesses,
            })
        })
        .collect();
    let ignored: Vec<Value> =
        reading.ignored.iter().map(|found| json!({"line": found.line, "why": found.why})).collect();
    let warnings: Vec<Value> =
        reading.warnings.iter().map(|found| json!({"line": found.line, "text": found.text})).collect();
    json!({
        "tasks": tasks,
        "order": order.iter().filter_map(|key| reading.task(key)).map(|task| &task.id).collect::<Vec<_>>(),
        "ignored": ignored,
        "warnings": warnings,
    })
}

/// The plan as people read it, in colour for whom colour is meant: print it through `anstream`.
pub(crate) fn plan_text(reading: &Reading, order: &[TaskKey]) -> String {
    let mut text = String::new();
    let open: Vec<_> = order.iter().filter_map(|key| reading.task(key)).collect();
    let people = open.iter().filter(|task| task.needs.is_some()).count();
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let (good, waits) = (color(AnsiColor::Green), color(AnsiColor::Yellow));
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", wording::plan_summary(reading.tasks.len(), open.len(), people));
    let wide = reading.tasks.iter().map(|task| task.id.chars().count()).max().unwrap_or(0).clamp(4, 16);
    for (place, task) in open.iter().enumerate() {
        let priority = match task.priority {
            Priority::P0 => color(AnsiColor::Red),
            Priority::P1 => waits,
            Priority::P2 | Priority::P3 => Style::new(),
        };
        let _ = writeln!(
            text,
            "{:>3}. {bold}{:<wide$}{bold:#} {priority}{}{priority:#} {:<8} {dim}{:<9}{dim:#} {}",
            place + 1,
            printable(&task.id),
            task.priority,
            task.layer.map_or("-", Layer::word),
            task.kind.word(),
            printable(&task.title)
        );
        if let Some(needs) = wording::plan_needs(task.needs, task.why_person.as_deref()) {
            let _ = writeln!(text, "     {waits}{}{waits:#}", printable(&needs));
        }
    }
    for task in reading.tasks.iter().filter(|task| task.ticked) {
        let (id, title) = (printable(&task.id), printable(&task.title));
        let _ = writeln!(text, "  {good}✓{good:#}  {bold}{id:<wide$}{bold:#} {dim}{title}{dim:#}");
    }
    for found in &reading.ignored {
        let _ = writeln!(text, "{dim}line {}: not a task: {}{dim:#}", found.line, printable(&found.why));
    }
    for found in &reading.warnings {
        let _ = writeln!(text, "{waits}line {}: {}{waits:#}", found.line, printable(&found.text));
    }
    text
}
