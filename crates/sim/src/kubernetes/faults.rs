//! What a test makes go wrong, and the log of what was asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Which requests a fault concerns. A field that is `None` fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: Option<String>,
    /// The resource with its subresource: `nodes`, `pods/exec`, `applications`.
    pub resource: Option<String>,
    /// The group, where the resource alone is ambiguous.
    pub group: Option<String>,
    /// Namespace of the request.
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: Option<String>,
    /// Who asks.
    pub user: Option<String>,
}

impl Matcher {
    /// Every request.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// A verb on a resource.
    #[must_use]
    pub fn of(verb: &str, resource: &str) -> Self {
        Self { verb: Some(verb.into()), resource: Some(resource.into()), ..Self::default() }
    }

    /// Every verb on a resource.
    #[must_use]
    pub fn resource(resource: &str) -> Self {
        Self { resource: Some(resource.into()), ..Self::default() }
    }

    fn fits(&self, request: &RequestFacts<'_>) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        fits(&self.verb, request.verb)
            && fits(&self.resource, request.resource)
            && fits(&self.group, request.group)
            && fits(&self.namespace, request.namespace)
            && fits(&self.name, request.name)
            && fits(&self.user, request.user)
    }
}

/// What a matcher looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestFacts<'a> {
    pub(crate) verb: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) group: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) user: &'a str,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer comes late; the effect takes place after the delay.
    Delay(Duration),
    /// The request is refused with this status code, without effect.
    Status(u16),
    /// The connection breaks before anything happened.
    DropBefore,
    /// The effect takes place, then the connection breaks instead of an answer. Of an exec, the output comes and the
    /// outcome does not.
    DropAfter,
    /// 403, as if no rule allowed it. Access reviews that ask for it are answered no as well.
    Forbid,
    /// A watch that is opened does not do what a watch does. Other requests are answered as ever.
    Watch(WatchFault),
}

/// What goes wrong with an open watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFault {
    /// Nothing comes, not even its end.
    Silence,
    /// It tells the version at which it began, as ever, and no change: a server that has fallen behind.
    Stale,
    /// Its first frame breaks off in the middle, and the connection with it.
    CutFrame,
    /// Its frames come in pieces of so many bytes.
    Pieces(usize),
    /// It ends after so long as it does in its time, with no word but what has changed until then.
    EndsAfter(Duration),
}

/// Names a fault, to take it away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

#[derive(Debug)]
struct Entry {
    id: FaultId,
    matcher: Matcher,
    fault: Fault,
    left: Option<u32>,
}

/// One request as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Who asked.
    pub user: String,
    /// HTTP method.
    pub method: String,
    /// Verb as RBAC knows it.
    pub verb: String,
    /// Address with its query.
    pub path: String,
    /// Status of the answer; 0 where the connection was broken instead.
    pub status: u16,
}

/// The faults of one server. A cheap clone.
#[derive(Clone, Debug)]
pub struct Faults {
    entries: Arc<Mutex<Vec<Entry>>>,
    next: Arc<AtomicU64>,
    down: Arc<AtomicBool>,
    /// Parent of the tokens of all open connections.
    connections: Arc<Mutex<CancellationToken>>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            entries: Arc::default(),
            next: Arc::default(),
            down: Arc::default(),
            connections: Arc::new(Mutex::new(CancellationToken::new())),
        }
    }

    /// Adds a fault for every fitting request.
    #[expect(clippy::must_use_candidate, reason = "the effect counts; the result is for who wants it")]
    pub fn add(&self, matcher: Matcher, fault: Fault) -> FaultId {
        self.insert(matcher, fault, None)
    }

    /// Adds a fault for the next `times` fitting requests.
    #[expect(clippy::must_use_candidate, reason = "the effect counts; the result is for who wants it")]
    pub fn add_times(&self, matcher: Matcher, fault: Fault, times: u32) -> FaultId {
        self.insert(matcher, fault, Some(times))
    }

    fn insert(&self, matcher: Matcher, fault: Fault, left: Option<u32>) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed));
        self.lock().push(Entry { id, matcher, fault, left });
        id
    }

    /// Takes one fault away.
    pub fn remove(&self, id: FaultId) {
        self.lock().retain(|entry| entry.id != id);
    }

    /// Takes all faults away and lets the server be reached again.
    pub fn clear(&self) {
        self.lock().clear();
        self.set_down(false);
    }

    /// While down, connections break as soon as they are made, and open ones break at once.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
        if down {
            self.break_connections();
        }
    }

    /// Breaks every open connection, running watches included; new ones are welcome.
    pub fn break_connections(&self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.cancel();
        *connections = CancellationToken::new();
    }

    /// A token for a new connection; `None` while down.
    pub(crate) fn connection(&self) -> Option<CancellationToken> {
        let token = self.connections.lock().unwrap_or_else(PoisonError::into_inner).child_token();
        (!self.down.load(Ordering::SeqCst)).then_some(token)
    }

    /// The faults that this request meets, in the order in which they were added; counted ones are used up by it.
    pub(crate) fn meet(&self, request: &RequestFacts<'_>) -> Vec<Fault> {
        let mut entries = self.lock();
        let mut met = Vec::new();
        for entry in entries.iter_mut().filter(|entry| entry.matcher.fits(request)) {
            if let Some(left) = &mut entry.left {
                if *left == 0 {
                    continue;
                }
                *left -= 1;
            }
            met.push(entry.fault);
        }
        entries.retain(|entry| entry.left != Some(0));
        met
    }

    /// Whether this would be forbidden, without using anything up.
    pub(crate) fn forbids(&self, request: &RequestFacts<'_>) -> bool {
        self.lock().iter().any(|entry| entry.fault == Fault::Forbid && entry.matcher.fits(request))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
