//! The plan, for programs and for people.

use super::{Reading, TaskKey};
use crate::wording;
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

/// The plan as people read it on a terminal, without colour.
pub(crate) fn plan_text(reading: &Reading, order: &[TaskKey]) -> String {
    let mut text = String::new();
    let open: Vec<_> = order.iter().filter_map(|key| reading.task(key)).collect();
    let people = open.iter().filter(|task| task.needs.is_some()).count();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", wording::plan_summary(reading.tasks.len(), open.len(), people));
    for (place, task) in open.iter().enumerate() {
        let layer = task.layer.map_or("-", crate::health::Layer::word);
        let _ = writeln!(
            text,
            "{:>3}. {:<6} {} {:<8} {:<9} {}",
            place + 1,
            task.id,
            task.priority,
            layer,
            task.kind.word(),
            task.title
        );
        if let Some(needs) = wording::plan_needs(task.needs, task.why_person.as_deref()) {
            let _ = writeln!(text, "     {needs}");
        }
    }
    for task in reading.tasks.iter().filter(|task| task.ticked) {
        let _ = writeln!(text, "  ✓  {:<6} {}", task.id, task.title);
    }
    for found in &reading.ignored {
        let _ = writeln!(text, "line {}: not a task: {}", found.line, found.why);
    }
    for found in &reading.warnings {
        let _ = writeln!(text, "line {}: {}", found.line, found.text);
    }
    text
}
