//! Which commands would put secrets where people and logs see them.

/// Whether a command would print secrets.
pub(crate) fn leaks_secrets(command: &str) -> bool {
    command.split(['|', ';', '\n']).flat_map(|part| part.split("&&")).any(leaks)
}

fn leaks(command: &str) -> bool {
    let tokens: Vec<&str> = command
        .trim_start_matches("$ ")
        .split_whitespace()
        .map(|token| token.trim_matches(['\'', '"', '`', '(', ')']))
        .filter(|token| !token.is_empty())
        .collect();
    let has = |list: &[&str]| tokens.iter().any(|token| list.contains(token));
    // In a container everything behind the `--` is the program's, and in a shell's `-c` as well.
    let prints = |program: &&str| matches!(program.rsplit('/').next(), Some("printenv" | "env"));
    let starts = tokens.first().is_some_and(prints);
    let inside = tokens.windows(2).any(|pair| matches!(pair[0], "--" | "-c" | "-lc") && prints(&pair[1]));
    let printenv = has(&["printenv"]);
    let shows = has(&["get"]) && tokens.iter().copied().any(is_secret) && output(&tokens);
    starts || inside || printenv || shows
}

/// `secret`, `secrets`, `secret/x`, `pods,secrets`, `secrets.v1`.
fn is_secret(token: &str) -> bool {
    token.split(',').any(|part| {
        let kind = part.split(['/', '.']).next().unwrap_or_default().to_ascii_lowercase();
        matches!(kind.as_str(), "secret" | "secrets")
    })
}

/// Whether the output is asked for in a form that shows what is inside. What is not known shows it.
fn output(tokens: &[&str]) -> bool {
    let harmless = |form: &str| matches!(form.trim_matches(['\'', '"']), "name" | "wide");
    tokens.iter().enumerate().any(|(at, token)| {
        let form = match *token {
            "-o" | "--output" => tokens.get(at + 1).copied().unwrap_or_default(),
            token if token.starts_with("--template") => return true,
            token => match token.strip_prefix("--output=").or_else(|| token.strip_prefix("-o")) {
                Some(form) => form.trim_start_matches('='),
                None => return false,
            },
        };
        !harmless(form)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_show_secrets_are_seen() {
        for command in [
            "kubectl exec x -- printenv | rg 'GITHUB|TOKEN'",
            "kubectl exec p -- env",
            "kubectl exec -it p -- /usr/bin/env | grep TOKEN",
            "kubectl exec p -- sh -c 'env | sort'",
            "env",
            "printenv TOKEN",
            "kubectl get secret a -o yaml",
            "kubectl get secret a -oyaml",
            "kubectl get secret a -o=yaml",
            "kubectl get secret a --output json",
            "kubectl get secret a --output=json",
            "kubectl get secret a -o jsonpath='{.data.token}' | base64 -d",
            "kubectl get secret a -ojsonpath={.data}",
            "kubectl get secret a -o go-template='{{.data.token}}'",
            "kubectl get secret a --template={{.data}}",
            "kubectl get secret a -o custom-columns=X:.data",
            "kubectl -n a get secrets/b -o yaml",
            "kubectl get pods,secrets -A -o yaml",
            "kubectl get pods; kubectl get secret a -oyaml",
            "true && kubectl get secret a -oyaml",
        ] {
            assert!(leaks_secrets(command), "{command}");
        }
        for command in [
            "kubectl get secret a",
            "kubectl get secrets -A -o name",
            "kubectl get secrets -A -o wide",
            "kubectl get secrets -owide",
            "kubectl describe secret a",
            "kubectl get externalsecret -A",
            "kubectl get externalsecret a -o yaml",
            "kubectl get pods -o yaml | grep secret",
            "kubectl exec p -- ls /etc/environment",
            "kubectl get pods -n env",
        ] {
            assert!(!leaks_secrets(command), "{command}");
        }
    }
}
