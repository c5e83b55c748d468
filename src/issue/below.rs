//! Commands below a merge or a closing: a look, or more than a look.
//!
//! A run carries out a merge by itself and looks at the layers by itself; it runs none of the commands below. Where they
//! only look, or say again what the run does, nothing is lost. Where they change something (a dump before, a claim that is
//! deleted after), the task is not done by the merge alone, and a person has to know.

use super::asked;
use super::condition::doubt;
use super::detail::says_nothing;
use super::kind::words;
use super::object::reference;
use super::vocabulary::{is_afterwards, is_work};
use crate::action::{self, Command};

/// The first of the commands that is more than a look, or than the work itself on this number.
pub(super) fn more_than_a_look(commands: &[String], number: u64) -> Option<String> {
    commands.iter().flat_map(|command| pieces(command)).find(|piece| !looks(piece, number))
}

/// Whether a label, in lower case, opens a step of its own: `Then`, `Pre-merge`, `Backup`.
pub(super) fn is_of_a_step(label: &str) -> bool {
    let starts =
        ["pre-", "pre ", "post-", "post ", "before ", "prepar", "backup", "follow-up", "follow up", "manual"];
    starts.iter().any(|start| label.starts_with(start))
        && !label.ends_with("required")
        && !label.ends_with("needed")
        || matches!(
            label,
            "then"
                | "next"
                | "first"
                | "finally"
                | "todo"
                | "to do"
                | "prep"
                | "also"
                | "afterwards"
                | "after merge"
                | "after merging"
                | "after the merge"
                | "post"
                | "pre"
                | "presteps"
                | "poststeps"
        )
}

/// Whether a line begins with a verb of work, or with a program.
pub(super) fn begins_with_work(line: &str) -> bool {
    let list = words(line);
    let first = list.iter().find(|word| !matches!(word.as_str(), "please" | "then" | "first" | "also"));
    first.is_some_and(|word| {
        is_work(word)
            || matches!(
                word.as_str(),
                "run" | "get" | "obtain" | "save" | "dump" | "snapshot" | "drop" | "upgrade"
            )
    }) || begins_with_a_program(line)
}

/// Whether a piece of code or a line is a program with what it is to do.
pub(super) fn begins_with_a_program(code: &str) -> bool {
    let mut tokens = code.split_whitespace().map(|token| token.trim_start_matches('$'));
    let first = tokens.find(|token| !token.is_empty() && *token != "sudo").unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or(first);
    tokens.next().is_some()
        && matches!(
            name,
            "kubectl"
                | "k"
                | "helm"
                | "flux"
                | "argocd"
                | "ceph"
                | "rbd"
                | "velero"
                | "restic"
                | "psql"
                | "pg_dump"
                | "pg_dumpall"
                | "pg_restore"
                | "mysql"
                | "mysqldump"
                | "mongodump"
                | "redis-cli"
                | "ssh"
                | "scp"
                | "rsync"
                | "rm"
                | "mv"
                | "cp"
                | "git"
                | "curl"
                | "wget"
                | "docker"
                | "systemctl"
                | "talosctl"
                | "ansible"
                | "ansible-playbook"
                | "terraform"
                | "tofu"
                | "etcdctl"
                | "k3s"
                | "bash"
                | "sh"
                | "make"
                | "just"
                | "task"
                | "tea"
                | "gh"
                | "fj"
                | "sed"
                | "yq"
                | "python"
                | "python3"
                | "kustomize"
        )
}

/// The simple commands of a line, cut at what a shell cuts them at.
fn pieces(line: &str) -> Vec<String> {
    let (mut found, mut piece) = (Vec::new(), String::new());
    let mut quote: Option<char> = None;
    for c in line.trim().trim_start_matches("$ ").chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') && !piece.ends_with(char::is_alphanumeric) => quote = Some(c),
            // `2>&1` belongs to its command.
            None if c == '&' && piece.ends_with('>') => {}
            None if matches!(c, '|' | ';' | '&' | '\n') => {
                found.push(std::mem::take(&mut piece));
                continue;
            }
            _ => {}
        }
        piece.push(c);
    }
    found.push(piece);
    found.into_iter().map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()).collect()
}

fn looks(piece: &str, number: u64) -> bool {
    let piece = piece.trim().trim_start_matches(['(', '{', '!', ' ']).trim_end_matches([')', '}', ' ']);
    if says_nothing(piece) || piece.starts_with('#') {
        return true;
    }
    if piece.contains('`') || piece.contains("$(") || !writes_nowhere(piece) {
        return false;
    }
    let mut tokens: Vec<&str> =
        piece.split_whitespace().map(|token| token.trim_matches(['"', '\''])).collect();
    while tokens.first().is_some_and(|first| {
        matches!(*first, "do" | "then" | "else" | "if" | "while" | "until" | "time" | "watch" | "!" | "{")
            || is_assignment(first)
    }) {
        tokens.remove(0);
    }
    let (Some((&program, arguments)), rest) = (tokens.split_first(), tokens.join(" ")) else { return true };
    match program.rsplit('/').next().unwrap_or(program) {
        "for" | "done" | "fi" | "set" | "true" | "false" | "exit" | "echo" | "printf" | "grep" | "egrep"
        | "rg" | "jq" | "head" | "tail" | "wc" | "sort" | "uniq" | "cut" | "tr" | "cat" | "less"
        | "column" | "test" | "[" | "date" | "sleep" | "ls" | "cd" | "dig" | "nslookup" | "ping" | "host" => {
            true
        }
        "awk" => !rest.contains("system"),
        "sed" | "yq" => !arguments.iter().any(|word| word.starts_with("-i") || *word == "--in-place"),
        "kubectl" | "k" => kubectl(arguments) || action::parse(piece) == Command::Read,
        "ceph" => action::parse(&rest) == Command::Read,
        "curl" | "wget" => fetches(&rest, arguments, number),
        "git" => matches!(
            arguments.first(),
            Some(&("log" | "show" | "diff" | "status" | "fetch" | "rev-parse" | "blame"))
        ),
        "argocd" => {
            matches!(
                arguments,
                ["app", "get" | "list" | "wait" | "diff" | "history" | "manifests" | "resources", ..]
                    | ["version", ..]
            )
        }
        "flux" => matches!(
            arguments.first(),
            Some(&("get" | "logs" | "events" | "check" | "stats" | "tree" | "diff" | "trace"))
        ),
        "helm" => matches!(
            arguments.first(),
            Some(&("list" | "ls" | "status" | "history" | "template" | "search" | "show" | "diff"))
        ),
        "gh" | "tea" | "fj" => match arguments {
            ["pr" | "pulls" | "issue" | "issues", "view" | "list" | "diff" | "checks" | "status", ..] => true,
            ["pr" | "pulls", "merge", merged, ..] => merged.trim_start_matches('#').parse() == Ok(number),
            _ => false,
        },
        _ => says_it_again(piece, number),
    }
}

fn is_assignment(token: &str) -> bool {
    token.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// Whether every redirection ends in nothing.
fn writes_nowhere(piece: &str) -> bool {
    let quoted = piece.contains(['"', '\'']);
    piece.match_indices('>').all(|(at, _)| {
        let target = piece[at + 1..].trim_start_matches('>').trim_start();
        target.starts_with("/dev/null")
            || target.starts_with('&')
            || (quoted && !piece[..at].ends_with([' ', '1', '2']))
            || piece[..at].ends_with(['-', '=', '<'])
    })
}

fn kubectl(arguments: &[&str]) -> bool {
    let mut rest = arguments;
    loop {
        rest = match rest {
            ["-n" | "--namespace" | "--context" | "--kubeconfig", _, tail @ ..] => tail,
            [flag, tail @ ..] if flag.starts_with('-') => tail,
            _ => break,
        };
    }
    matches!(
        rest,
        [
            "get"
                | "describe"
                | "logs"
                | "top"
                | "version"
                | "api-resources"
                | "cluster-info"
                | "explain"
                | "events"
                | "wait"
                | "diff",
            ..
        ] | ["rollout", "status" | "history", ..]
            | ["auth", "can-i", ..]
    )
}

/// Whether a request only reads, or is the merge itself.
fn fetches(command: &str, arguments: &[&str], number: u64) -> bool {
    let method = arguments
        .windows(2)
        .find(|pair| matches!(pair[0], "-X" | "--request"))
        .map(|pair| pair[1].to_uppercase());
    let sends = arguments.iter().any(|word| {
        word.starts_with("-d")
            || word.starts_with("--data")
            || word.starts_with("-F")
            || word.starts_with("-T")
            || word.starts_with("--upload")
            || word.starts_with("--post")
    });
    let merges = command.contains(&format!("/pulls/{number}/merge"));
    merges || (!sends && method.is_none_or(|method| matches!(method.as_str(), "GET" | "HEAD")))
}

/// Words instead of a command, which ask for the merge, the waiting and the gate that a run does anyhow.
fn says_it_again(piece: &str, number: u64) -> bool {
    let list = words(piece);
    let first = list.first().map_or("", String::as_str);
    if doubt(&format!("; {piece}")).is_some() {
        return false;
    }
    if let Some((front, command)) = piece.split_once(": ")
        && is_afterwards(first)
        && words(front).len() <= 2
    {
        return looks(command, number);
    }
    let named = reference(piece).map(|(found, _, _)| found);
    match first {
        "merge" => named.is_none_or(|named| named == number) && asked::merge(piece) == asked::Asked::Plainly,
        "close" => named.is_none_or(|named| named == number) && asked::close(piece) == asked::Asked::Plainly,
        "review" => {
            named.is_none_or(|named| named == number)
                && asked::unclear(piece.get(6..).unwrap_or_default()).is_none()
        }
        "via" | "see" => true,
        first => is_afterwards(first) && asked::unclear(piece).is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_told_from_changes() {
        for command in [
            "kubectl get pods -n grafana",
            "kubectl -n argocd get applications --no-headers | grep -v 'Synced.*Healthy' || true",
            "kubectl get nodes | grep -v \"Ready\" || true && kubectl get pods -A 2>&1",
            "kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph health",
            "kubectl logs -n a deploy/a --tail=200 || true",
            "kubectl get pods -o jsonpath='{range .items[*]}{.metadata.name}' > /dev/null",
            "Merge PR #50; wait for ArgoCD sync; run universal validation gate",
            "Merge PR #50; wait for ArgoCD sync; validate: kubectl -n rook-ceph exec deploy/rook-ceph-tools -- ceph status",
            "curl -X POST \"https://git.example.org/api/v1/repos/ops/homelab/pulls/50/merge\" -H \"Authorization: token $GITEA_TOKEN\" -d '{\"Do\":\"merge\"}'",
            "curl -s https://grafana.example.org/api/health | jq .version",
            "tea pr merge 50",
            "N/A",
            "argocd app wait grafana --health",
            "for i in 1 2 3; do kubectl get pods -n a; sleep 5; done",
        ] {
            assert_eq!(more_than_a_look(&[command.to_owned()], 50), None, "{command}");
        }
        for command in [
            "pg_dumpall > /backup/all.sql",
            "kubectl delete pvc data-0",
            "velero backup create before; then merge",
            "kubectl get pvc -o name | xargs kubectl delete",
            "kubectl get pods > pods.txt",
            "kubectl exec -n db db-0 -- psql -c 'select 1'",
            "Merge PR #51",
            "curl -X POST https://git.example.org/api/v1/repos/ops/homelab/pulls/51/merge",
            "curl -X DELETE https://git.example.org/x",
            "echo $(kubectl delete pod x)",
            "ceph osd set noout",
            "Ask the owner",
            "Run the migration",
        ] {
            assert!(more_than_a_look(&[command.to_owned()], 50).is_some(), "{command}");
        }
    }
}
