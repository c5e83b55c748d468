//! What the server is, by what it says of itself.
//!
//! A server is asked, never guessed at, and asked anew at each start: it may have been upgraded. What an answer holds goes
//! before what its version promises, so little hangs on this.

use std::fmt;

/// Which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// Gitea, or a fork that says nothing else.
    Gitea,
    /// Forgejo.
    Forgejo,
}

/// How well a version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    /// A server of this series was recorded, and every test is held to it.
    Yes,
    /// Its source was read, and no server of it was tried.
    Read,
    /// Newer than any that is known.
    Newer,
    /// Older than any that is known.
    Older,
    /// Its version cannot be read.
    Unreadable,
}

/// A server: its kind and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Which program.
    pub(crate) kind: ServerKind,
    /// Its own words, such as `12.0.0+gitea-1.22.0`.
    pub(crate) said: String,
    /// Major and minor version, where its words hold them.
    version: Option<(u32, u32)>,
}

impl Server {
    /// Reads what `/version` says. Forgejo tells the version of Gitea that it is compatible with behind its own.
    pub(crate) fn parse(said: &str) -> Self {
        let kind = if said.contains("+gitea-") { ServerKind::Forgejo } else { ServerKind::Gitea };
        Self { kind, said: said.to_owned(), version: numbers(said) }
    }

    /// How well this version is known.
    pub(crate) fn tried(&self) -> Tried {
        match (self.kind, self.version) {
            (_, None) => Tried::Unreadable,
            (ServerKind::Gitea, Some((1, 25 | 27))) | (ServerKind::Forgejo, Some((12, _))) => Tried::Yes,
            (ServerKind::Gitea, Some((1, 19..=26))) | (ServerKind::Forgejo, Some((10..=16, _))) => {
                Tried::Read
            }
            (ServerKind::Gitea, Some(version)) if version < (1, 19) => Tried::Older,
            (ServerKind::Forgejo, Some((..10, _))) => Tried::Older,
            (_, Some(_)) => Tried::Newer,
        }
    }

    /// Whether the server can deliver commit statuses to a webhook. Where it does not say so, it counts as one that does
    /// not: they are then found by looking.
    pub(crate) fn delivers_statuses(&self) -> bool {
        self.kind == ServerKind::Gitea && self.version.is_some_and(|version| version >= (1, 23))
    }

    /// Whether the server promises to count the versions of texts. Only what it really sends is used.
    pub(crate) fn counts_versions(&self) -> bool {
        self.kind == ServerKind::Gitea && self.version.is_some_and(|version| version >= (1, 26))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            ServerKind::Gitea => "Gitea",
            ServerKind::Forgejo => "Forgejo",
        };
        write!(formatter, "{name} {}", self.said)
    }
}

/// The first two numbers of a version.
fn numbers(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_well_a_version_is_known() {
        for (said, tried) in [
            ("1.27.1", Tried::Yes),
            ("1.26.0", Tried::Read),
            ("1.25.0-rc0", Tried::Yes),
            ("1.19.4", Tried::Read),
            ("1.18.5", Tried::Older),
            ("1.28.0+dev-3", Tried::Newer),
            ("2.0.0", Tried::Newer),
            ("main", Tried::Unreadable),
            ("12.0.3+gitea-1.22.0", Tried::Yes),
            ("10.0.0+gitea-1.22.0", Tried::Read),
            ("9.0.0+gitea-1.22.0", Tried::Older),
            ("17.0.0+gitea-1.22.0", Tried::Newer),
        ] {
            assert_eq!(Server::parse(said).tried(), tried, "{said}");
        }
    }

    #[test]
    fn a_server_is_what_it_says() {
        use ServerKind::{Forgejo, Gitea};
        for (said, kind, statuses, versions) in [
            ("1.27.1", Gitea, true, true),
            ("1.26.0", Gitea, true, true),
            ("1.25.0-rc0", Gitea, true, false),
            ("1.22.6", Gitea, false, false),
            ("1.24.0+dev-12-gabcdef", Gitea, true, false),
            ("v1.23.0", Gitea, true, false),
            ("main", Gitea, false, false),
            ("", Gitea, false, false),
            ("12.0.0-dev-412-7958942e3e+gitea-1.22.0", Forgejo, false, false),
            ("12.0.0+gitea-1.22.0", Forgejo, false, false),
            ("7.0.3+gitea-1.27.0", Forgejo, false, false),
        ] {
            let server = Server::parse(said);
            assert_eq!(
                (server.kind, server.delivers_statuses(), server.counts_versions()),
                (kind, statuses, versions),
                "{said}"
            );
        }
        assert_eq!(Server::parse("12.0.0+gitea-1.22.0").to_string(), "Forgejo 12.0.0+gitea-1.22.0");
    }
}
