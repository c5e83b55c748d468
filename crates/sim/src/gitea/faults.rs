//! Faults on request: what a network and an overloaded server do to a client, at the moment that a test chooses.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;
use tokio::sync::watch;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is handled late.
    Delay(Duration),
    /// It has its effect at once, and is answered late.
    DelayAnswer(Duration),
    /// It is on its way for as long as its rule is there, and handled once that is taken back.
    Hold,
    /// It has its effect at once, and is answered once its rule is taken back.
    HoldAnswer,
    /// It is answered with this status, and has no effect.
    Status(u16),
    /// Of an edit: another one overtakes it while it is carried out. It has no effect, and is refused as the server
    /// refuses it then.
    Overtaken,
    /// The connection breaks before the request is handled.
    Drop,
    /// It has its effect, and the connection breaks before the answer.
    DropAnswer,
    /// It has its effect, and is answered with this status all the same.
    StatusAfter(u16),
    /// Of a merge: the client goes away in the middle of it, and the server drops what it was doing. The base branch has
    /// moved, the pull request stays open with its branch, and nothing is delivered but the push. Any other request
    /// loses its answer.
    HalfMerge,
    /// Of a merge: the server schedules it for when all checks have passed, although nobody asked for that, and answers
    /// 201. Nothing befalls any other request.
    ScheduleMerge,
}

/// How the server is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// Every request is answered 503, as a proxy in front of a stopped server does.
    Unavailable,
    /// Every connection breaks.
    Refused,
}

/// A request, as the rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<'a> {
    /// The login whose token came with it.
    pub user: Option<&'a str>,
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, with the query.
    pub path: &'a str,
    /// The names of the fields of its JSON body.
    pub fields: &'a [String],
}

type Predicate = Arc<dyn Fn(&Seen<'_>) -> bool + Send + Sync>;

/// Which requests a fault befalls, and how often.
#[derive(Clone)]
pub struct Rule {
    method: Option<String>,
    path: Regex,
    fault: Fault,
    predicate: Option<Predicate>,
    skip: u32,
    remaining: Option<u32>,
}

impl Rule {
    /// A fault for the first request with this method and a path that matches the regular expression.
    ///
    /// # Errors
    /// When `path` is not a regular expression.
    pub fn new(method: &str, path: &str, fault: Fault) -> Result<Self, regex::Error> {
        let path = Regex::new(path)?;
        let method = (method != "*").then(|| method.to_uppercase());
        Ok(Self { method, path, fault, predicate: None, skip: 0, remaining: Some(1) })
    }

    /// Befalls this many requests.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { remaining: Some(count), ..self }
    }

    /// Befalls every such request until it is removed.
    #[must_use]
    pub fn always(self) -> Self {
        Self { remaining: None, ..self }
    }

    /// Lets this many such requests pass first.
    #[must_use]
    pub fn after(self, count: u32) -> Self {
        Self { skip: count, ..self }
    }

    /// Befalls only the requests for which this holds too.
    #[must_use]
    pub fn when(self, predicate: impl Fn(&Seen<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { predicate: Some(Arc::new(predicate)), ..self }
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        self.method.as_deref().is_none_or(|method| method == seen.method)
            && self.path.is_match(seen.path)
            && self.predicate.as_ref().is_none_or(|predicate| predicate(seen))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rule")
            .field("method", &self.method)
            .field("path", &self.path.as_str())
            .field("fault", &self.fault)
            .field("skip", &self.skip)
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

/// Names a rule that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleId(u64);

#[derive(Debug, Default)]
struct Rules {
    next: u64,
    active: Vec<(u64, Rule)>,
    struck: Vec<u64>,
    down: Option<Down>,
    taken_back: watch::Sender<()>,
}

/// The faults of a server; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Rules>>);

/// A fault that befalls a request, and the rule that it comes from (`None` for a server that is down).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strike {
    pub fault: Fault,
    rule: Option<RuleId>,
}

impl Faults {
    fn locked<R>(&self, run: impl FnOnce(&mut Rules) -> R) -> R {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a rule. Of several that match, the oldest one strikes.
    #[expect(clippy::must_use_candidate, reason = "most rules are never looked at again")]
    pub fn add(&self, rule: Rule) -> RuleId {
        self.locked(|rules| {
            rules.next += 1;
            rules.active.push((rules.next, rule));
            RuleId(rules.next)
        })
    }

    /// Takes a rule back.
    pub fn remove(&self, id: RuleId) {
        self.locked(|rules| {
            rules.active.retain(|(rule, _)| *rule != id.0);
            rules.taken_back.send_replace(());
        });
    }

    /// How often a rule has struck.
    #[must_use]
    pub fn struck(&self, id: RuleId) -> usize {
        self.locked(|rules| rules.struck.iter().filter(|rule| **rule == id.0).count())
    }

    /// Takes all rules back, and the server up.
    pub fn clear(&self) {
        self.locked(|rules| {
            rules.active.clear();
            rules.down = None;
            rules.taken_back.send_replace(());
        });
    }

    /// Waits until the rule that this came from is taken back.
    pub(crate) async fn taken_back(&self, strike: Strike) {
        let Some(RuleId(id)) = strike.rule else { return };
        let mut taken_back = self.locked(|rules| rules.taken_back.subscribe());
        while self.locked(|rules| rules.active.iter().any(|(rule, _)| *rule == id)) {
            if taken_back.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes the server down, or up again.
    pub fn set_down(&self, down: Option<Down>) {
        self.locked(|rules| rules.down = down);
    }

    /// The fault that befalls this request.
    pub(crate) fn strike(&self, seen: &Seen<'_>) -> Option<Strike> {
        self.locked(|rules| {
            match rules.down {
                Some(Down::Unavailable) => return Some(Strike { fault: Fault::Status(503), rule: None }),
                Some(Down::Refused) => return Some(Strike { fault: Fault::Drop, rule: None }),
                None => {}
            }
            for (id, rule) in &mut rules.active {
                if rule.remaining == Some(0) || !rule.matches(seen) {
                    continue;
                }
                if rule.skip > 0 {
                    rule.skip -= 1;
                    continue;
                }
                rule.remaining = rule.remaining.map(|remaining| remaining - 1);
                rules.struck.push(*id);
                return Some(Strike { fault: rule.fault, rule: Some(RuleId(*id)) });
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<'a>(method: &'a str, path: &'a str, fields: &'a [String]) -> Seen<'a> {
        Seen { user: Some("caretaker"), method, path, fields }
    }

    #[test]
    fn a_rule_strikes_as_often_as_told() {
        let faults = Faults::default();
        let rule = Rule::new("post", r"/pulls/\d+/merge$", Fault::DropAnswer).expect("a regular expression");
        let id = faults.add(rule.after(1).times(2));
        let merge = seen("POST", "/api/v1/repos/ops/homelab/pulls/4/merge", &[]);
        let other = seen("GET", "/api/v1/repos/ops/homelab/pulls/4/merge", &[]);
        let struck: Vec<_> = (0..4).map(|_| faults.strike(&merge).is_some()).collect();
        assert_eq!(struck, [false, true, true, false]);
        assert_eq!(faults.strike(&other), None);
        assert_eq!(faults.struck(id), 2);
    }

    #[test]
    fn a_predicate_narrows_a_rule() {
        let faults = Faults::default();
        let rule = Rule::new("*", "/issues/", Fault::Status(502)).expect("a regular expression");
        let id = faults.add(rule.always().when(|seen| seen.fields.iter().any(|field| field == "body")));
        let fields = ["body".to_owned()];
        assert_eq!(faults.strike(&seen("PATCH", "/issues/1", &[])), None);
        assert_eq!(
            faults.strike(&seen("PATCH", "/issues/1", &fields)),
            Some(Strike { fault: Fault::Status(502), rule: Some(id) })
        );
        faults.remove(id);
        assert_eq!(faults.strike(&seen("PATCH", "/issues/1", &fields)), None);
    }

    #[test]
    fn a_server_that_is_down_answers_nothing_else() {
        let faults = Faults::default();
        faults.set_down(Some(Down::Unavailable));
        let struck = || faults.strike(&seen("GET", "/", &[])).map(|strike| strike.fault);
        assert_eq!(struck(), Some(Fault::Status(503)));
        faults.set_down(Some(Down::Refused));
        assert_eq!(struck(), Some(Fault::Drop));
        faults.set_down(None);
        assert_eq!(struck(), None);
    }

    #[tokio::test]
    async fn what_is_held_waits_for_its_own_rule_to_be_taken_back() {
        let faults = Faults::default();
        let held = faults.add(Rule::new("*", "/held", Fault::Hold).expect("a regular expression"));
        let other = faults.add(Rule::new("*", "/other", Fault::Hold).expect("a regular expression"));
        let strike = faults.strike(&seen("GET", "/held", &[])).expect("it strikes");
        let waiting = tokio::spawn({
            let faults = faults.clone();
            async move { faults.taken_back(strike).await }
        });
        faults.remove(other);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "its own rule is still there");
        faults.remove(held);
        let ended = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        ended.expect("in time").expect("no panic");
    }
}
