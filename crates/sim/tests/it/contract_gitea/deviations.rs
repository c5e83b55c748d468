//! Where the simulators are meant to differ from the recordings, each with its reason. A difference that is not listed
//! fails the suite, and so does one that is listed and no longer occurs.

use sim::gitea::Server as Kind;

pub(crate) struct Deviation {
    pub(crate) server: Kind,
    pub(crate) scenario: &'static str,
    pub(crate) index: usize,
    /// What the difference begins with.
    pub(crate) difference: &'static str,
    /// Whether it is the recorded build that differs, and not the simulator: a real server of the series may differ too.
    pub(crate) of_the_build: bool,
    pub(crate) reason: &'static str,
}

const PARSER: &str = "the words of Go's JSON parser are not imitated; status and shape of the refusal are";

pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation {
        server: Kind::Gitea127,
        scenario: "issue_lifecycle",
        index: 27,
        difference: "$.message: recorded \"[]: invalid character",
        of_the_build: false,
        reason: PARSER,
    },
    Deviation {
        server: Kind::Gitea125,
        scenario: "issue_lifecycle",
        index: 27,
        difference: "$.message: recorded \"[]: invalid character",
        of_the_build: false,
        reason: PARSER,
    },
    Deviation {
        server: Kind::Forgejo12,
        scenario: "issue_lifecycle",
        index: 27,
        difference: "$.message: recorded \"[]: invalid character",
        of_the_build: false,
        reason: PARSER,
    },
    Deviation {
        server: Kind::Gitea125,
        scenario: "pull_lifecycle",
        index: 58,
        difference: "delivery /webhook delete/delete : recorded, not delivered",
        of_the_build: true,
        reason: "the recorded server deletes the branch although the merge says not to; no other server does",
    },
];

/// Whether something that was recorded at an exchange is known never to be delivered, so that nobody waits for it.
pub(crate) fn is_never_delivered(server: Kind, scenario: &str, index: usize) -> bool {
    DEVIATIONS.iter().any(|deviation| {
        deviation.server == server
            && deviation.scenario == scenario
            && deviation.index == index
            && deviation.difference.ends_with("recorded, not delivered")
    })
}

/// Fields that only the recorded build of a server has, told by how the difference ends.
const OF_THE_BUILD: &[(Kind, &str, &str)] = &[
    (
        Kind::Gitea125,
        ".subject: missing",
        "the recorded server is a fork, which gives repositories a subject",
    ),
    (Kind::Gitea125, ".is_forked: missing", "the fork tells of a pull request whether it comes from a fork"),
];

/// Whether a difference is one of the recorded build alone, which no server of the series shows.
pub(crate) fn is_of_the_build(server: Kind, difference: &str) -> bool {
    let own = |(kind, end, reason): &(Kind, &str, &str)| {
        *kind == server && difference.ends_with(end) && !reason.is_empty()
    };
    OF_THE_BUILD.iter().any(own)
}

/// What a real server of the same series may answer otherwise than the recorded one, told by how the difference ends.
pub(crate) const VARIATIONS: &[(&str, &str)] = &[
    ("review_comments: not recorded", "1.27.0 writes the count always, 1.27.1 only where there is one"),
    ("(expecting 'u') after offset 2\"", "the words of the JSON parser depend on the Go version"),
];

/// Whether a real server may differ so.
pub(crate) fn is_variation(difference: &str) -> bool {
    VARIATIONS.iter().any(|(end, reason)| difference.ends_with(end) && !reason.is_empty())
}
