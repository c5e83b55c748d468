//! Commands that a run does not carry out, and why.

use super::{Code, Findings};
use crate::action::{self, Command};
use crate::issue::draft::is_of_commands;
use crate::issue::{Kind, Task, below, secrets};
use crate::wording;
use checklist::{DetailKind, Item};
use std::ops::Range;

/// Looks at the commands of a task.
pub(super) fn look(body: &str, task: &Task, item: &Item, findings: &mut Findings<'_>) {
    for detail in item.details.iter().filter(|detail| detail.kind != DetailKind::Quote) {
        let labelled = detail.label.as_deref().map(|label| label.trim().to_lowercase());
        let commanding = labelled.as_deref().is_none_or(is_of_commands);
        if !commanding {
            // Wherever it stands, nobody shall run it.
            for code in detail.code_blocks.iter().chain(&detail.inline_code) {
                for line in code.lines().map(str::trim).filter(|line| secrets::leaks_secrets(line)) {
                    let span = find(body, detail.span.start, detail.span.end, line)
                        .unwrap_or_else(|| detail.span.clone());
                    command(task, line, span, findings);
                }
            }
            continue;
        }
        let mut from = detail.span.start;
        let inline = detail.inline_code.iter().filter(|_| labelled.is_some());
        for code in detail.code_blocks.iter().chain(inline) {
            for line in super::super::draft::lines(code).iter().map(String::as_str) {
                // Of a command that goes on in the next line the beginning is shown.
                let first = line.split("  ").next().unwrap_or(line).trim_end();
                let span = find(body, from, detail.span.end, first).unwrap_or_else(|| detail.span.clone());
                from = span.end.min(detail.span.end);
                command(task, line, span, findings);
            }
        }
        let prose = labelled.is_some() && detail.code_blocks.is_empty() && detail.inline_code.is_empty();
        let plain: Vec<&str> = detail.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let begins = |line: &&str| {
            matches!(
                line.trim_start_matches("$ ").split_whitespace().next(),
                Some("kubectl" | "ceph" | "printenv" | "env" | "curl" | "helm" | "flux" | "argocd")
            )
        };
        if prose && plain.iter().any(|line| begins(line) || secrets::leaks_secrets(line)) {
            // A command without the marks of code is one all the same.
            for line in plain {
                command(task, line, first_line(body, &detail.span), findings);
            }
        } else if prose && !plain.is_empty() && !needs_no_command(task) {
            let text = wording::lint_prose_command();
            findings.add(Code::CommandNotRun, first_line(body, &detail.span), Some(&task.id), text, None);
        }
    }
}

fn command(task: &Task, line: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    if secrets::leaks_secrets(line) {
        let help = wording::lint_secret_help();
        findings.add(Code::SecretCommand, span, Some(&task.id), wording::leaks_secrets(), Some(help));
        return;
    }
    let number = match &task.kind {
        Kind::Merge { pull } => Some(pull.0),
        Kind::Close { number } => Some(number.0),
        _ => None,
    };
    if let Some(more) = number.and_then(|number| below::more_than_a_look(&[line.to_owned()], number)) {
        let help = wording::lint_person_does_it(&task.id);
        findings.add(
            Code::CommandNotRun,
            span,
            Some(&task.id),
            wording::why_command_below(&more),
            Some(help),
        );
        return;
    }
    // What a probe or the forge answers needs no command.
    if needs_no_command(task) || action::parse(line) != Command::NotUnderstood {
        return;
    }
    let why = if line.contains(['|', ';', '&', '>', '<', '$', '`', '*', '(', '\\']) {
        wording::lint_needs_shell()
    } else {
        match line.trim_start_matches("$ ").split_whitespace().next() {
            Some("kubectl" | "ceph") => wording::lint_not_an_action(),
            Some(program) => wording::lint_unknown_program(program),
            None => return,
        }
    };
    findings.add(
        Code::CommandNotRun,
        span,
        Some(&task.id),
        why,
        Some(wording::lint_person_does_it(&task.id)),
    );
}

/// Whether what the task asks for is done without its commands.
fn needs_no_command(task: &Task) -> bool {
    matches!(task.kind, Kind::Merge { .. } | Kind::Verify { .. } | Kind::Final | Kind::Close { .. })
}

fn find(body: &str, from: usize, to: usize, line: &str) -> Option<Range<usize>> {
    let start = from + body.get(from..to)?.find(line)?;
    Some(start..start + line.len())
}

fn first_line(body: &str, span: &Range<usize>) -> Range<usize> {
    span.start..super::line_end(body, span.start).min(span.end)
}
