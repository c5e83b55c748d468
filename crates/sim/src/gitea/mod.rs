//! A simulated Gitea or Forgejo over real HTTP: the API, the webhooks, and a plain page for people.
//!
//! It keeps everything in memory and decides every race by one lock: a request, or a call of the programmatic handle,
//! runs alone from its first check to its last effect. Deliveries and events leave in the order in which their causes
//! happened; what the network does to them afterwards is another matter, and can be chosen ([`DeliveryMode`],
//! [`Faults`]).
//!
//! What the real servers answer is in the recordings that the contract suite replays. Which of them this is, is chosen at
//! the start ([`Options::server`]); everything in which they differ is asked of [`Server`].

mod api;
mod auth;
mod connection;
mod contents;
mod faults;
mod gate;
mod git;
mod hooks;
mod issues;
mod json;
mod merge;
mod page;
mod payload;
mod pulls;
mod push;
mod repository;
mod server;
mod state;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub use faults::{Down, Fault, Faults, Rule, RuleId, Seen};
pub use gate::RequestRecord;
pub use git::{Mode, Sha};
pub use hooks::DeliveryMode;
pub use pulls::Style as MergeStyle;
pub use repository::Repository;
pub use server::Server;
pub use view::{
    Change, ChangeWhat, CommentView, CommitInfo, Event, FileChange, FileEntry, FileMap, IssueState,
    IssueView, NewCommit, Permission, Protection, PullView, Refusal, StatusState,
};

use hooks::Dispatcher;
use state::{Counters, Effect, Repo, Token, User, World, now};

/// How a simulated Gitea is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which server it is.
    pub server: Server,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// How long it takes after a push to head or base until `mergeable` is certain again.
    pub mergeable_delay: Duration,
    /// Decides what is left to chance (the order of shuffled deliveries).
    pub seed: u64,
    /// The login that acts on the page.
    pub page_user: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server: Server::default(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            mergeable_delay: Duration::from_millis(50),
            seed: 0,
            page_user: None,
        }
    }
}

/// A running simulated Gitea; cheap to clone. It stops with [`Gitea::shutdown`], or when the runtime ends.
#[derive(Debug, Clone)]
pub struct Gitea {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    events: broadcast::Sender<Event>,
    dispatcher: Dispatcher,
    faults: Faults,
    requests: Mutex<Vec<RequestRecord>>,
    page_user: Option<String>,
    server: Server,
    base: String,
    runtime: tokio::runtime::Handle,
    stop: CancellationToken,
    serving: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

/// As many events as a watcher may lag behind.
const EVENTS: usize = 4096;

impl Gitea {
    /// Starts the server.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(options.address).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let world = World {
            base: base.clone(),
            server: options.server,
            mergeable_delay: options.mergeable_delay,
            users: BTreeMap::new(),
            tokens: HashMap::new(),
            teams: BTreeMap::new(),
            repos: BTreeMap::new(),
            moved: HashMap::new(),
            counters: Counters::default(),
            effects: Vec::new(),
        };
        let stop = CancellationToken::new();
        let runtime = tokio::runtime::Handle::current();
        let gitea = Self {
            inner: Arc::new(Inner {
                world: Mutex::new(world),
                events: broadcast::Sender::new(EVENTS),
                dispatcher: Dispatcher::new(runtime.clone(), options.seed, stop.clone()),
                faults: Faults::default(),
                requests: Mutex::default(),
                page_user: options.page_user,
                server: options.server,
                base,
                runtime,
                stop: stop.clone(),
                serving: Mutex::default(),
            }),
        };
        let serving = connection::serve(listener, api::router(gitea.clone()), stop);
        *gitea.inner.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::spawn(serving));
        Ok(gitea)
    }

    /// Where the server listens, such as `http://127.0.0.1:3000`.
    #[must_use]
    pub fn url(&self) -> String {
        self.inner.base.clone()
    }

    /// Adds a user, if there is none of that name.
    pub fn create_user(&self, login: &str, is_admin: bool) {
        self.with(|world| world.create_user(login, is_admin, false, None));
    }

    /// Makes an access token with these scopes (such as `write:issue`, `read:user`, `all`) and returns it.
    #[must_use]
    pub fn create_token(&self, login: &str, scopes: &[&str]) -> String {
        self.with(|world| {
            world.create_user(login, false, false, None);
            world.create_token(login, scopes.iter().map(|scope| (*scope).to_owned()).collect())
        })
    }

    /// Adds an empty repository, if there is none of that name, and its owner: an organisation, unless a user of that
    /// name exists. The first commit makes the default branch `main`.
    #[expect(clippy::must_use_candidate, reason = "the handle can be had again")]
    pub fn create_repository(&self, owner: &str, name: &str, private: bool) -> Repository {
        self.with(|world| {
            world.create_user(owner, false, true, None);
            world.create_repository(owner, name, private)
        });
        self.repository(owner, name)
    }

    /// Lets a user into a repository.
    pub fn add_collaborator(&self, owner: &str, name: &str, login: &str, permission: Permission) {
        self.with(|world| {
            world.create_user(login, false, false, None);
            if let Some(id) = world.repo_id(owner, name)
                && let Ok(repo) = world.repo_mut(id)
            {
                repo.collaborators.insert(login.to_owned(), permission);
            }
        });
    }

    /// Shuts a user out of a repository, unless something else lets them in.
    pub fn remove_collaborator(&self, owner: &str, name: &str, login: &str) {
        self.with(|world| {
            if let Some(id) = world.repo_id(owner, name)
                && let Ok(repo) = world.repo_mut(id)
            {
                repo.collaborators.remove(login);
            }
        });
    }

    /// Makes an access token worthless.
    pub fn revoke_token(&self, token: &str) {
        self.with(|world| world.tokens.remove(token));
    }

    /// A handle on a repository. Whether there is one shows when the handle is used.
    #[must_use]
    pub fn repository(&self, owner: &str, name: &str) -> Repository {
        Repository::new(self.clone(), owner, name)
    }

    /// What happens from now on. A watcher that lags behind by 4,096 events misses the oldest.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// The faults that befall requests.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.inner.faults.clone()
    }

    /// Chooses what becomes of deliveries from now on.
    pub fn set_delivery_mode(&self, mode: DeliveryMode) {
        self.inner.dispatcher.set_mode(mode);
    }

    /// Which server this is.
    #[must_use]
    pub fn server(&self) -> Server {
        self.inner.server
    }

    /// Every request so far that came over HTTP, in the order in which they were answered.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests after the first so many: for who looks often and does not want them all each time.
    #[must_use]
    pub fn requests_since(&self, first: usize) -> Vec<RequestRecord> {
        let requests = self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.get(first..).unwrap_or_default().to_vec()
    }

    /// Stops listening and delivering, and waits until the port is free.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        let serving = self.inner.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(serving) = serving {
            // The task ends by itself once cancelled; an error means that the runtime is ending too.
            let _ = serving.await;
        }
    }

    /// Runs an operation alone, and lets out what it caused, in order.
    fn with<R>(&self, run: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.settle();
        let result = run(&mut world);
        for effect in std::mem::take(&mut world.effects) {
            match effect {
                Effect::Event(event) => {
                    // Nobody watching is fine.
                    let _ = self.inner.events.send(event);
                }
                Effect::Delivery(outgoing) => self.inner.dispatcher.send(*outgoing),
                Effect::TryScheduledMerge { repo, number } => self.spawn_scheduled_merge(repo, number),
            }
        }
        result
    }

    fn spawn_scheduled_merge(&self, repo: u64, number: u64) {
        let gitea = self.clone();
        self.inner.runtime.spawn(async move {
            while !gitea.inner.stop.is_cancelled() && !gitea.with(|world| world.try_scheduled(repo, number)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }

    fn record(&self, record: RequestRecord) {
        self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

impl World {
    fn create_user(
        &mut self,
        login: &str,
        is_admin: bool,
        is_organization: bool,
        password: Option<String>,
    ) -> bool {
        if self.user(login).is_some() {
            return false;
        }
        let user = User {
            id: self.counters.next("user"),
            login: login.to_owned(),
            email: format!("{}@example.com", login.to_lowercase()),
            is_admin,
            is_organization,
            password,
            created: now(),
        };
        self.users.insert(login.to_lowercase(), user);
        true
    }

    fn create_token(&mut self, login: &str, scopes: BTreeSet<String>) -> String {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let token = format!("{id}{}", &id[..8]);
        self.tokens.insert(token.clone(), Token { login: login.to_owned(), scopes });
        token
    }

    fn create_repository(&mut self, owner: &str, name: &str, private: bool) -> u64 {
        if let Some(id) = self.repo_id(owner, name) {
            return id;
        }
        let id = self.counters.next("repository");
        let created = now();
        let repo = Repo {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private,
            archived: None,
            default_branch: "main".into(),
            created,
            updated: created,
            git: git::Store::default(),
            collaborators: BTreeMap::new(),
            labels: BTreeMap::new(),
            issues: BTreeMap::new(),
            statuses: HashMap::new(),
            protections: BTreeMap::new(),
            hooks: BTreeMap::new(),
            merge_styles: pulls::Style::DEFAULT.into_iter().collect(),
        };
        self.repos.insert(id, repo);
        self.moved.remove(&format!("{owner}/{name}").to_lowercase());
        id
    }

    fn delete_repository(&mut self, id: u64) {
        self.repos.remove(&id);
        self.moved.retain(|_, moved| *moved != id);
    }

    fn rename(&mut self, id: u64, name: &str) {
        if let Some(repo) = self.repos.get_mut(&id) {
            self.moved.insert(repo.full_name().to_lowercase(), id);
            name.clone_into(&mut repo.name);
        }
    }
}

/// The moment a record is made.
fn timestamp() -> Timestamp {
    Timestamp::now()
}
