//! The kinds that are read whole: from a watch of each where watches run, else a list each time.
//!
//! Which kinds a cluster serves, and in which versions, is known once somebody has asked; so nobody has to name them twice: a
//! kind is watched from the first look on that found it served. One that is not served is asked for at each look, which is one
//! request, and never watched. Of an object is kept what a verdict is made of, some hundred bytes, whether it is well or not:
//! of these there are as many as people wrote down, and whether one is well depends on others of them and on the clock. Pods,
//! nodes and workloads, of which there are many, have ledgers of their own ([`super::ledger`]).

use super::client::Kubernetes;
use super::ledger::{Ledger, ReadObject};
use super::{ClusterResult, Freshness, Installed};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// All objects of a kind, as far as they are judged.
#[derive(Debug)]
pub(super) struct KindLedger<T> {
    path: String,
    list: String,
    read: ReadObject<T>,
    objects: BTreeMap<(String, String), T>,
}

impl<T> KindLedger<T> {
    /// One that knows of no object.
    pub(super) fn new(path: &str, list: &str, read: ReadObject<T>) -> Self {
        Self { path: path.to_owned(), list: list.to_owned(), read, objects: BTreeMap::new() }
    }

    /// All of them, by namespace and name.
    pub(super) fn objects(&self) -> impl Iterator<Item = &T> {
        self.objects.values()
    }
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
        self.objects.insert((namespace, name), read);
        Ok(())
    }

    fn remove(&mut self, (namespace, name): (&str, &str)) {
        self.objects.remove(&(namespace.to_owned(), name.to_owned()));
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
        let listed = self.custom(path, list, read).await?;
        if let Installed::Yes(_) = listed {
            self.watch_kind(|| KindLedger::new(path, list, read), path);
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
        self.all(path, list, read, freshness).await?.served(path, list)
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
