//! Whose repository is it that somebody follows? One repository has many addresses: by ssh and https, inside the cluster, at
//! a mirror. What has the same owner and name at another host may be it or may not be, which only a person can tell.

/// What an address is to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    /// It is it.
    Own,
    /// The same owner and name at another host.
    Probable,
    /// Another one.
    Other,
}

/// Compares an address with those that are known to be the repository's, and with those that are known not to be.
pub(super) fn compare(url: &str, own: &[String], foreign: &[String]) -> Address {
    let url = normalised(url);
    let is_among = |known: &[String]| known.iter().any(|one| normalised(one) == url);
    if is_among(own) {
        Address::Own
    } else if !is_among(foreign)
        && let Some(name) = owner_and_name(&url)
        && own.iter().any(|one| owner_and_name(&normalised(one)) == Some(name))
    {
        Address::Probable
    } else {
        Address::Other
    }
}

/// The last two parts of a path.
fn owner_and_name(normalised: &str) -> Option<(&str, &str)> {
    let (before, name) = normalised.rsplit_once('/')?;
    let (_, owner) = before.rsplit_once('/')?;
    (!owner.is_empty() && !name.is_empty()).then_some((owner, name))
}

/// An address without what does not tell repositories apart: scheme, user, port, `.git`, case.
fn normalised(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let (host_and_path, scp) = match url.split_once("://") {
        Some((_, rest)) => (rest, false),
        None => (url.as_str(), true),
    };
    let without_user = match host_and_path.split_once('@') {
        Some((user, rest)) if !user.contains('/') => rest,
        _ => host_and_path,
    };
    let (host, path) = if scp {
        without_user.split_once(':').or_else(|| without_user.split_once('/')).unwrap_or((without_user, ""))
    } else {
        without_user.split_once('/').unwrap_or((without_user, ""))
    };
    let host = host.split(':').next().unwrap_or_default();
    let path = path.trim_matches('/').trim_end_matches(".git");
    format!("{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_owner_and_name_at_another_host_is_probable() {
        let own = ["https://git.example.org/ops/homelab.git".to_owned()];
        let foreign = ["https://git.example.net/ops/homelab".to_owned()];
        for (url, expected) in [
            ("https://git.example.org/ops/homelab.git", Address::Own),
            ("git@git.example.org:ops/homelab", Address::Own),
            ("http://gitea-http.gitea.svc:3000/ops/homelab.git", Address::Probable),
            ("https://git.example.com/mirrors/ops/homelab", Address::Probable),
            ("git@git.example.com:Ops/Homelab.git", Address::Probable),
            ("https://git.example.org/mirrors/ops/homelab", Address::Probable),
            ("ssh://git@git.example.net/ops/homelab.git", Address::Other),
            ("https://git.example.com/ops/homelab2", Address::Other),
            ("https://git.example.com/other/homelab", Address::Other),
            ("https://git.example.com/homelab", Address::Other),
            ("homelab", Address::Other),
            ("", Address::Other),
        ] {
            assert_eq!(compare(url, &own, &foreign), expected, "{url}");
        }
    }
}
