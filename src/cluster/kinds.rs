//! The kinds that are read whole: from a watch of each where watches run, else a list each time.
//!
//! Which kinds a cluster serves, and in which versions, is known once somebody has asked; so nobody has to name them twice: a
//! kind is watched from the first look on that found it served. One that is not served is never watched, and asked for once in a
//! while ([`Unserved`]). Of an object is kept what a verdict is made of, some hundred bytes, whether it is well or not:
//! of these there are as many as people wrote down, and whether one is well depends on others of them and on the clock. Pods,
//! nodes and workloads, of which there are many, have ledgers of their own ([`super::ledger`]).

use super::client::Kubernetes;
use super::extensions::API_SERVICES;
use super::ledger::{Ledger, ReadObject};
use super::{ApiService, ClusterResult, Freshness, Installed, news};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// All objects of a kind, as far as they are judged.
#[derive(Debug)]
pub(super) struct KindLedger<T> {
    path: String,
    list: String,
    read: ReadObject<T>,
    /// Each with how it stands.
    objects: BTreeMap<(String, String), (T, Option<u64>)>,
}

impl<T> KindLedger<T> {
    /// One that knows of no object.
    pub(super) fn new(path: &str, list: &str, read: ReadObject<T>) -> Self {
        Self { path: path.to_owned(), list: list.to_owned(), read, objects: BTreeMap::new() }
    }

    /// All of them, by namespace and name.
    pub(super) fn objects(&self) -> impl Iterator<Item = &T> {
        self.objects.values().map(|(object, _)| object)
    }

    fn holds(&self, name: &str) -> bool {
        self.objects.contains_key(&(String::new(), name.to_owned()))
    }
}

/// The kinds that are not served, as found out a while ago.
///
/// Most clusters lack most of the kinds that caretaker knows, and each of them would be a request at each look, for ever.
/// Decided here: such an answer counts again for a while and where nothing has to be proven; never for a kind that was served
/// before, whose going is a finding, and no longer than the `APIService` of its group and version comes or goes, which the API
/// server makes by itself with the first definition in it.
#[derive(Debug, Default)]
pub(super) struct Unserved(HashMap<String, Found>);

/// When that was found out, and whether the kind's group and version were served all the same.
#[derive(Debug)]
struct Found {
    at: Instant,
    group_served: bool,
}

impl Unserved {
    fn is_known(&self, path: &str, now: &Found, lasts: Duration) -> bool {
        self.0.get(path).is_some_and(|found| {
            now.at.saturating_duration_since(found.at) < lasts && found.group_served == now.group_served
        })
    }
}

/// The name of the `APIService` of a kind's group and version; none for what every API server has.
fn group_of(path: &str) -> Option<String> {
    let mut parts = path.strip_prefix("/apis/")?.split('/');
    let (group, version) = (parts.next()?, parts.next()?);
    Some(format!("{version}.{group}"))
}

impl<T: Send + 'static> Ledger for KindLedger<T> {
    type Object = Value;

    fn path(&self) -> &str {
        &self.path
    }

    fn list(&self) -> &str {
        &self.list
    }

    fn fresh(&self) -> Self {
        Self::new(&self.path, &self.list, self.read)
    }

    fn put(&mut self, object: Value, _now: Timestamp) -> Result<(), String> {
        let read = (self.read)(&object)?;
        let (namespace, name) = super::decode::object_name(&object)?;
        self.objects.insert((namespace, name), (read, news::of_object(&object)));
        Ok(())
    }

    fn remove(&mut self, (namespace, name): (&str, &str)) {
        self.objects.remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn standing(&self, (namespace, name): (&str, &str)) -> Option<u64> {
        self.objects.get(&(namespace.to_owned(), name.to_owned()))?.1
    }

    fn standings(&self) -> u64 {
        news::of_all(self.objects.iter().map(|(place, (_, standing))| (place, *standing)))
    }
}

impl Kubernetes {
    /// All of a kind that may not be installed.
    pub(super) async fn all<T: Clone + Send + Sync + 'static>(
        &self,
        path: &str,
        list: &str,
        read: ReadObject<T>,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<T>>> {
        if let Some(objects) = self.watched(path, freshness).await {
            return Ok(Installed::Yes(objects));
        }
        let listed = self.listed(path, list, read, freshness).await?;
        if let Installed::Yes(_) = listed {
            self.watch_kind(|| KindLedger::new(path, list, read), path);
        }
        Ok(listed)
    }

    /// All of a kind as it is listed now, unless it is known that it is not served.
    pub(super) async fn listed<T: Send>(
        &self,
        path: &str,
        list: &str,
        read: ReadObject<T>,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<T>>> {
        let Some(watches) = self.watches().get() else { return self.custom(path, list, read).await };
        // Before it is asked: what comes meanwhile is asked for again.
        let group_served = group_of(path).is_some_and(|name| {
            let services = watches.of_kind::<ApiService>(API_SERVICES);
            services.is_some_and(|services| services.held().ledger.holds(&name))
        });
        let now = Found { at: Instant::now(), group_served };
        if freshness == Freshness::Watched && watches.unserved().is_known(path, &now, watches.pace().unserved)
        {
            return Ok(Installed::No);
        }
        let listed = self.custom(path, list, read).await?;
        if matches!(listed, Installed::No) && !watches.watches(path) {
            watches.unserved().0.insert(path.to_owned(), now);
        } else {
            watches.unserved().0.remove(path);
        }
        Ok(listed)
    }

    /// The same of one that every API server has: that it is not served is an answer that nobody understands.
    pub(super) async fn all_served<T: Clone + Send + Sync + 'static>(
        &self,
        path: &str,
        list: &str,
        read: ReadObject<T>,
        freshness: Freshness,
    ) -> ClusterResult<Vec<T>> {
        let all = self.all(path, list, read, freshness).await?;
        if let (Installed::No, Some(watches)) = (&all, self.watches().get()) {
            watches.unserved().0.remove(path);
        }
        all.served(path, list)
    }

    /// All of a kind, where it is watched and the watch is as fresh as that.
    pub(super) async fn watched<T: Clone + Send + Sync + 'static>(
        &self,
        path: &str,
        freshness: Freshness,
    ) -> Option<Vec<T>> {
        let watch = self.watches().get()?.of_kind::<T>(path)?;
        watch.is(freshness).await.then(|| watch.held().ledger.objects().cloned().collect())
    }
}

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;
