//! What was asked of the forge: requests counted by kind, and whether it is left alone.

use std::collections::BTreeMap;
use std::fmt;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RequestOutcome {
    /// A good answer.
    Ok,
    /// The forge refused it (3xx, 4xx).
    Refused,
    /// The forge failed (5xx).
    Failed,
    /// There was no answer, or none that ended.
    Unanswered,
    /// It was not sent: the circuit is open.
    HeldBack,
}

impl RequestOutcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Refused, Self::Failed, Self::Unanswered, Self::HeldBack];

    /// The word of the metric.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
            Self::HeldBack => "held_back",
        }
    }
}

impl fmt::Display for RequestOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
            Self::HeldBack => "held back",
        })
    }
}

/// A kind of request. There are few of them: names, numbers and commits are left out of the route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestKind {
    /// The method.
    pub(crate) method: String,
    /// The route, such as `repos/*/*/pulls/*/merge`.
    pub(crate) route: String,
    /// What became of it.
    pub(crate) outcome: RequestOutcome,
}

/// What was asked of the forge since the client was made. Each try of a request counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// How many requests of each kind.
    pub(crate) requests: BTreeMap<RequestKind, u64>,
    /// Why nothing goes out at the moment; `None` while requests do.
    pub(crate) down: Option<String>,
}

impl Traffic {
    /// How many requests ended so.
    pub(crate) fn count(&self, outcome: RequestOutcome) -> u64 {
        self.requests.iter().filter(|(kind, _)| kind.outcome == outcome).map(|(_, count)| count).sum()
    }

    pub(super) fn add(&mut self, method: &str, route: String, outcome: RequestOutcome) {
        let kind = RequestKind { method: method.to_owned(), route, outcome };
        *self.requests.entry(kind).or_default() += 1;
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for outcome in RequestOutcome::ALL {
            let count = self.count(outcome);
            if count > 0 {
                write!(formatter, "{separator}{count} {outcome}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() { formatter.write_str("none") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_kind() {
        let mut traffic = Traffic::default();
        assert_eq!(traffic.to_string(), "none");
        for outcome in [RequestOutcome::Ok, RequestOutcome::Ok, RequestOutcome::HeldBack] {
            traffic.add("GET", "repos/*/*".to_owned(), outcome);
        }
        assert_eq!(traffic.requests.len(), 2);
        assert_eq!(traffic.count(RequestOutcome::Ok), 2);
        assert_eq!(traffic.to_string(), "2 ok, 1 held back");
    }
}
