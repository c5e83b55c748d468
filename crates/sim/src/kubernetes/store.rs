//! The objects, with one counter of versions for all of them, and the history that watches and paged lists live on.
//!
//! A lock around this store stands for etcd: every write is compared with the version that is there and applied in one
//! step, so of two writers with the same `resourceVersion` exactly one wins. Watches do not get events pushed; they read
//! the history from the version they know, so an event can be neither lost nor doubled between a list and a watch.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::error::ApiError;
use super::kind::{Kind, POD, ResourceType};
use super::metadata::{
    equal_but_for_status, give_metadata, grace_of, keep_metadata, remove, second, set, suffix, text,
};

/// How many changes stay readable before old ones are compacted by themselves.
const HISTORY: usize = 50_000;

/// The version that the server begins with. What was before is not told to anybody who watches.
pub(crate) const FIRST: u64 = 500;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new.
    Added,
    /// It has a new version.
    Modified,
    /// It is gone; the object is its last state.
    Deleted,
}

/// A change of an object, as subscribers of the handle get it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Kind of the object.
    pub kind: Kind,
    /// What happened.
    pub change: Change,
    /// The object after the change; when deleted, its last state.
    pub object: Arc<Value>,
    /// Who asked for it over HTTP; `None` for a change through the handle.
    pub by: Option<String>,
}

/// Where an object lies. The order is that of a list answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) group: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: &Kind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.namespaced { namespace } else { "" };
        Self { group: kind.group, plural: kind.plural, namespace: namespace.into(), name: name.into() }
    }

    pub(crate) fn of(kind: &Kind, object: &Value) -> Self {
        Self::new(kind, text(object, "/metadata/namespace"), text(object, "/metadata/name"))
    }

    pub(crate) fn is_of(&self, kind: &Kind) -> bool {
        self.group == kind.group && self.plural == kind.plural
    }
}

/// One entry of the history.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) change: Change,
    pub(crate) object: Arc<Value>,
    pub(crate) previous: Option<Arc<Value>>,
}

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but `status`, where status is a subresource.
    Main,
    /// `status` alone (and metadata that does not matter here).
    Status,
    /// Everything: the handle's writes.
    All,
}

/// Who writes, and whether it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) by: Option<&'a str>,
    pub(crate) dry_run: bool,
}

impl Writer<'_> {
    /// The handle itself.
    pub(crate) const HANDLE: Writer<'static> = Writer { by: None, dry_run: false };
}

/// What a deletion came to.
#[derive(Clone, Debug)]
pub(crate) enum Deletion {
    /// The object is gone; this was its last state.
    Gone(Arc<Value>),
    /// A finalizer or a grace period holds it.
    Held(Arc<Value>),
}

/// The whole state of the simulated cluster.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    compacted: u64,
    types: Vec<ResourceType>,
    objects: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Record>,
    events: broadcast::Sender<Event>,
    moved: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new(types: Vec<ResourceType>) -> Self {
        Self {
            // A fresh cluster has already written a few hundred objects of its own.
            revision: FIRST,
            compacted: 0,
            types,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            events: broadcast::channel(4096).0,
            moved: watch::channel(FIRST).0,
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn types(&self) -> &[ResourceType] {
        &self.types
    }

    pub(crate) fn resource_type(&self, group: &str, version: &str, plural: &str) -> Option<ResourceType> {
        self.types
            .iter()
            .find(|t| t.kind.group == group && t.kind.version == version && t.kind.plural == plural)
            .copied()
    }

    pub(crate) fn type_of(&self, kind: &Kind) -> Option<ResourceType> {
        self.types.iter().find(|t| t.kind == *kind).copied()
    }

    pub(crate) fn type_of_object(&self, object: &Value) -> Option<ResourceType> {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        self.types.iter().find(|t| t.kind.kind == kind && t.kind.api_version() == api_version).copied()
    }

    pub(crate) fn register(&mut self, resource: ResourceType) {
        match self.types.iter_mut().find(|t| t.kind == resource.kind) {
            Some(known) => *known = resource,
            None => self.types.push(resource),
        }
    }

    pub(crate) fn remove_type(&mut self, kind: &Kind) {
        self.types.retain(|t| t.kind != *kind);
        self.revision += 1;
        self.moved.send_replace(self.revision);
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Tells of every new revision; a watch sleeps on it.
    pub(crate) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    /// All objects of a kind, in one namespace or in all, in list order.
    pub(crate) fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.of_kind(kind, namespace, None).map(|(_, object)| Arc::clone(object)).collect()
    }

    fn of_kind<'a>(
        &'a self,
        kind: &'a Kind,
        namespace: Option<&'a str>,
        after: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let start = match after {
            Some(after) => Bound::Excluded(after.clone()),
            None => Bound::Included(Key::new(kind, "", "")),
        };
        self.objects
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.is_of(kind))
            .filter(move |(key, _)| namespace.is_none_or(|n| key.namespace == n))
    }

    /// The same as it stood at an older revision, after one of the objects; `None` when that has been compacted.
    pub(crate) fn list_at(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        revision: u64,
        after: Option<&Key>,
    ) -> Option<BTreeMap<Key, Arc<Value>>> {
        if revision < self.compacted {
            return None;
        }
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.of_kind(kind, namespace, after).map(|(k, o)| (k.clone(), Arc::clone(o))).collect();
        let newer = self.history.iter().rev().take_while(|r| r.revision > revision);
        for record in newer.filter(|r| r.key.is_of(kind)) {
            if namespace.is_some_and(|n| record.key.namespace != n) || after.is_some_and(|a| record.key <= *a)
            {
                continue;
            }
            match &record.previous {
                Some(previous) => objects.insert(record.key.clone(), Arc::clone(previous)),
                None => objects.remove(&record.key),
            };
        }
        Some(objects)
    }

    /// What happened to a kind after a revision; `None` when that is no longer known.
    pub(crate) fn since(&self, kind: &Kind, namespace: Option<&str>, revision: u64) -> Option<Vec<Record>> {
        if revision < self.compacted {
            return None;
        }
        let start = self.history.partition_point(|r| r.revision <= revision);
        let records = self.history.range(start..);
        Some(
            records
                .filter(|r| r.key.is_of(kind) && namespace.is_none_or(|n| r.key.namespace == n))
                .cloned()
                .collect(),
        )
    }

    /// Forgets the history: older versions answer 410 from now on.
    pub(crate) fn compact(&mut self) {
        // The counter moves as well, so that even the newest version handed out so far is older than what is kept.
        self.revision += 1;
        self.compacted = self.revision;
        self.history.clear();
        self.moved.send_replace(self.revision);
    }

    pub(crate) fn create(
        &mut self,
        of: &ResourceType,
        namespace: &str,
        mut object: Value,
        part: Part,
        writer: Writer<'_>,
    ) -> Result<Arc<Value>, ApiError> {
        let kind = of.kind;
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.kind);
        if part == Part::Main && of.status {
            remove(&mut object, "status");
            if kind == POD {
                object["status"] = json!({"phase": "Pending"});
            }
        }
        let name = match text(&object, "/metadata/name") {
            "" => match text(&object, "/metadata/generateName") {
                "" => {
                    return Err(ApiError::invalid(
                        &kind,
                        "",
                        &[(
                            "FieldValueRequired",
                            "Required value: name or generateName is required",
                            "metadata.name",
                        )],
                    ));
                }
                prefix => format!("{prefix}{}", suffix()),
            },
            name => name.to_owned(),
        };
        let key = Key::new(&kind, namespace, &name);
        if self.objects.contains_key(&key) {
            return Err(ApiError::already_exists(&kind, &name));
        }
        give_metadata(of, namespace, &name, &mut object, part);
        Ok(self.put(of.kind, key, Change::Added, object, writer))
    }

    /// Writes a new state over an object. `new` is the whole object as the writer wants it.
    pub(crate) fn update(
        &mut self,
        of: &ResourceType,
        key: &Key,
        mut new: Value,
        part: Part,
        writer: Writer<'_>,
    ) -> Result<Arc<Value>, ApiError> {
        let kind = of.kind;
        let old = self.objects.get(key).cloned().ok_or_else(|| ApiError::not_found(&kind, &key.name))?;
        let uid = text(&new, "/metadata/uid");
        if part != Part::All && !uid.is_empty() && uid != text(&old, "/metadata/uid") {
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{}/{}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                kind.plural,
                key.namespace,
                key.name,
                text(&old, "/metadata/uid")
            );
            return Err(ApiError::conflict_because(&kind, &key.name, &why));
        }
        let version = text(&new, "/metadata/resourceVersion");
        if part != Part::All && !version.is_empty() && version != text(&old, "/metadata/resourceVersion") {
            return Err(ApiError::conflict(&kind, &key.name));
        }
        if !new["metadata"].is_object() {
            new["metadata"] = json!({});
        }
        if of.status {
            match part {
                Part::Main => set(&mut new, "status", old.get("status").cloned()),
                Part::Status => {
                    let status = new.get("status").cloned();
                    new = (*old).clone();
                    set(&mut new, "status", status);
                }
                Part::All => {}
            }
        }
        new["apiVersion"] = json!(kind.api_version());
        new["kind"] = json!(kind.kind);
        keep_metadata(&old, &mut new, part);
        let same_generation = !of.generation || equal_but_for_status(&old, &new, of.status);
        if !same_generation {
            let generation = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
            new["metadata"]["generation"] = json!(generation + 1);
        }
        if *old == new {
            return Ok(old);
        }
        let finalizers = new.pointer("/metadata/finalizers").and_then(Value::as_array).map_or(0, Vec::len);
        let deleted = !text(&new, "/metadata/deletionTimestamp").is_empty();
        let had_finalizers = old.pointer("/metadata/finalizers").is_some();
        if deleted && finalizers == 0 && had_finalizers && grace_of(&new) == 0 {
            return Ok(self.put(kind, key.clone(), Change::Deleted, new, writer));
        }
        Ok(self.put(kind, key.clone(), Change::Modified, new, writer))
    }

    /// Deletes an object, or marks it where a finalizer or a grace period holds it.
    pub(crate) fn delete(
        &mut self,
        kind: &Kind,
        key: &Key,
        grace_seconds: i64,
        writer: Writer<'_>,
    ) -> Result<Deletion, ApiError> {
        let old = self.objects.get(key).cloned().ok_or_else(|| ApiError::not_found(kind, &key.name))?;
        let held =
            old.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|f| !f.is_empty());
        let mut old = old;
        if *kind == POD && grace_seconds == 0 && grace_of(&old) != 0 && writer.by.is_some() && !writer.dry_run
        {
            // A pod that had a grace period is marked anew before it goes: who watches sees both.
            let mut marked = (*old).clone();
            marked["metadata"]["deletionTimestamp"] = json!(second(Timestamp::now()));
            marked["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            old = self.put(*kind, key.clone(), Change::Modified, marked, writer);
        }
        if !held && grace_seconds == 0 {
            return Ok(Deletion::Gone(self.put(*kind, key.clone(), Change::Deleted, (*old).clone(), writer)));
        }
        let marked = !text(&old, "/metadata/deletionTimestamp").is_empty();
        if marked && grace_of(&old) <= grace_seconds {
            return Ok(Deletion::Held(old));
        }
        let mut object = (*old).clone();
        let at = Timestamp::now() + jiff::SignedDuration::from_secs(grace_seconds);
        object["metadata"]["deletionTimestamp"] = json!(second(at));
        object["metadata"]["deletionGracePeriodSeconds"] = json!(grace_seconds);
        if !marked && let Some(generation) = object.pointer("/metadata/generation").and_then(Value::as_i64) {
            object["metadata"]["generation"] = json!(generation + 1);
        }
        Ok(Deletion::Held(self.put(*kind, key.clone(), Change::Modified, object, writer)))
    }

    fn put(
        &mut self,
        kind: Kind,
        key: Key,
        change: Change,
        mut object: Value,
        writer: Writer<'_>,
    ) -> Arc<Value> {
        if writer.dry_run {
            if change == Change::Added {
                remove(&mut object["metadata"], "resourceVersion");
            }
            return Arc::new(object);
        }
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(object);
        let previous = match change {
            Change::Deleted => self.objects.remove(&key),
            Change::Added | Change::Modified => self.objects.insert(key.clone(), Arc::clone(&object)),
        };
        self.history.push_back(Record {
            revision: self.revision,
            key,
            change,
            object: Arc::clone(&object),
            previous,
        });
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.revision;
        }
        // Nobody listening is no fault.
        let _ = self.events.send(Event {
            kind,
            change,
            object: Arc::clone(&object),
            by: writer.by.map(ToOwned::to_owned),
        });
        self.moved.send_replace(self.revision);
        object
    }
}
