//! Command text from an issue, as a typed action.
//!
//! A small grammar instead of a shell's: words, and quotes around them. Whatever would make a shell do more than run one
//! command (pipes, substitution, redirection, variables, globs, several lines) is not understood.

use super::Action;

/// What a command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Something caretaker does.
    Act(Action),
    /// It only reads: it changes nothing, and the probes tell the same.
    Read,
    /// Not understood, and so never run.
    NotUnderstood,
}

/// What a command's text asks for.
pub(crate) fn parse(text: &str) -> Command {
    let Some(words) = words(text) else { return Command::NotUnderstood };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ceph", arguments @ ..] => ceph(arguments),
        ["kubectl", arguments @ ..] => kubectl(arguments),
        _ => Command::NotUnderstood,
    }
}

/// The words of one simple command; none when it is more than that.
fn words(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let text = text.strip_prefix("$ ").unwrap_or(text);
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            // Inside double quotes a shell still substitutes.
            (Some('"'), '$' | '`' | '\\') | (_, '\n' | '\r' | '\0') => return None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, c) if "|&;<>()$`\\*?[]{}!#~".contains(c) => return None,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return None;
    }
    words.extend(word);
    Some(words)
}

fn ceph(arguments: &[&str]) -> Command {
    match arguments {
        ["crash", "archive-all"] => Command::Act(Action::CephCrashArchive),
        ["crash", "archive", id] if is_crash_id(id) => {
            Command::Act(Action::CephCrashArchiveOne { id: (*id).to_owned() })
        }
        ["status" | "-s" | "health" | "df" | "version" | "versions", ..]
        | ["crash", "ls" | "ls-new" | "info" | "stat", ..]
        | ["osd", "tree" | "df" | "stat" | "status" | "dump" | "perf", ..]
        | ["mon" | "pg", "stat" | "dump", ..]
        | ["mgr", "services" | "stat" | "dump", ..]
        | ["mgr", "module", "ls", ..]
        | ["fs", "status" | "ls", ..] => Command::Read,
        _ => Command::NotUnderstood,
    }
}

/// Whether a text has the form of a crash report's id: a time and a UUID.
pub(super) fn is_crash_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 100
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

fn kubectl(arguments: &[&str]) -> Command {
    let mut rest = arguments;
    // Where it is to happen may stand before the verb.
    loop {
        rest = match rest {
            ["-n" | "--namespace" | "--context", _, tail @ ..] => tail,
            [flag, tail @ ..] if flag.starts_with("--namespace=") || flag.starts_with("--context=") => tail,
            _ => break,
        };
    }
    match rest {
        // A raw path reaches everything, logs and proxies included.
        ["get", tail @ ..] if !tail.iter().any(|word| word.starts_with("--raw") || secret(word)) => {
            Command::Read
        }
        ["describe", tail @ ..] if !tail.iter().any(|word| secret(word)) => Command::Read,
        ["top" | "version" | "api-resources" | "cluster-info", ..]
        | ["rollout", "status" | "history", ..] => Command::Read,
        ["exec", tail @ ..] => exec(tail),
        _ => Command::NotUnderstood,
    }
}

fn secret(word: &str) -> bool {
    word.to_ascii_lowercase().split([',', '/']).any(|kind| kind.starts_with("secret"))
}

/// A command in a pod: understood for Ceph's tools alone.
fn exec(arguments: &[&str]) -> Command {
    let Some(dashes) = arguments.iter().position(|word| *word == "--") else { return Command::NotUnderstood };
    let (target, command) = arguments.split_at(dashes);
    if !target.iter().any(|word| word.contains("ceph-tools")) {
        return Command::NotUnderstood;
    }
    match command {
        ["--", "ceph", arguments @ ..] => ceph(arguments),
        _ => Command::NotUnderstood,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood_or_not_run() {
        let archive = || Command::Act(Action::CephCrashArchive);
        let one = |id: &str| Command::Act(Action::CephCrashArchiveOne { id: id.to_owned() });
        let cases = [
            ("ceph crash archive-all", archive()),
            ("  ceph  crash\tarchive-all ", archive()),
            ("$ ceph crash archive-all", archive()),
            ("ceph crash 'archive-all'", archive()),
            ("kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive-all", archive()),
            ("kubectl exec -n rook-ceph -it deploy/rook-ceph-tools -- ceph crash archive-all", archive()),
            (
                "kubectl --namespace=rook-ceph exec deploy/rook-ceph-tools -- ceph crash archive 2026-11-20T01:02:03.4Z_ab-cd",
                one("2026-11-20T01:02:03.4Z_ab-cd"),
            ),
            ("ceph crash archive --all", Command::NotUnderstood),
            ("ceph crash archive", Command::NotUnderstood),
            ("ceph crash archive-all extra", Command::NotUnderstood),
            ("ceph crash ls-new", Command::Read),
            ("ceph status", Command::Read),
            ("ceph osd tree", Command::Read),
            ("ceph osd out 3", Command::NotUnderstood),
            ("ceph osd purge 3 --yes-i-really-mean-it", Command::NotUnderstood),
            ("kubectl get pods -A", Command::Read),
            ("kubectl -n argocd get applications", Command::Read),
            ("kubectl rollout status deploy/shop -n web", Command::Read),
            ("kubectl rollout restart deploy/shop -n web", Command::NotUnderstood),
            ("kubectl get secret token -o yaml", Command::NotUnderstood),
            ("kubectl get configmap,secrets", Command::NotUnderstood),
            ("kubectl get --raw /api/v1/nodes/metal1/proxy/stats/summary", Command::NotUnderstood),
            ("kubectl delete pod shop", Command::NotUnderstood),
            ("kubectl exec deploy/shop -- ceph crash archive-all", Command::NotUnderstood),
            (
                "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- bash -c 'ceph crash archive-all'",
                Command::NotUnderstood,
            ),
            ("ceph crash archive-all; rm -rf /", Command::NotUnderstood),
            ("ceph crash archive-all && true", Command::NotUnderstood),
            ("ceph crash archive-all | cat", Command::NotUnderstood),
            ("ceph crash archive $(cat id)", Command::NotUnderstood),
            ("ceph crash archive \"$ID\"", Command::NotUnderstood),
            ("ceph crash archive `id`", Command::NotUnderstood),
            ("ceph crash archive-all\nrm x", Command::NotUnderstood),
            ("ceph crash 'archive-all", Command::NotUnderstood),
            ("sudo ceph crash archive-all", Command::NotUnderstood),
            ("printenv", Command::NotUnderstood),
            ("", Command::NotUnderstood),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
