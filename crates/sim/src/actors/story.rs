//! What the teller of a story has switched on: the misbehaviour that actors look up when they act.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::version;

/// Whether, and how, Argo CD's controller works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ControllerState {
    /// It does its work.
    #[default]
    Works,
    /// It looks well and does nothing.
    Hangs,
    /// Its pod is not ready and it does nothing.
    Dead,
}

#[derive(Debug, Default)]
struct Switches {
    /// By namespace: the first version that never becomes ready.
    bad_from: BTreeMap<String, String>,
    /// By app: the first version whose objects are refused; `None` for every version.
    refused_from: BTreeMap<String, Option<String>>,
    /// Applications whose manifests cannot be generated.
    unreadable: BTreeSet<String>,
    /// Nodes whose kubelet has stopped.
    silent_nodes: BTreeSet<String>,
    argocd: ControllerState,
}

/// All switches, shared by the actors.
#[derive(Debug, Default)]
pub(crate) struct Story(Mutex<Switches>);

impl Story {
    fn lock(&self) -> MutexGuard<'_, Switches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_bad_from(&self, namespace: &str, version: &str) {
        self.lock().bad_from.insert(namespace.to_owned(), version.to_owned());
    }

    pub(crate) fn set_well(&self, namespace: &str) {
        self.lock().bad_from.remove(namespace);
    }

    /// Whether containers of this version fail in the namespace.
    pub(crate) fn is_bad(&self, namespace: &str, version: &str) -> bool {
        self.lock()
            .bad_from
            .get(namespace)
            .is_some_and(|from| version::compare(version, from) != Ordering::Less)
    }

    pub(crate) fn set_refused(&self, app: &str, from: Option<&str>) {
        self.lock().refused_from.insert(app.to_owned(), from.map(str::to_owned));
    }

    pub(crate) fn set_accepted(&self, app: &str) {
        self.lock().refused_from.remove(app);
    }

    /// Whether the API server refuses the app's objects at this version.
    pub(crate) fn is_refused(&self, app: &str, version: &str) -> bool {
        match self.lock().refused_from.get(app) {
            None => false,
            Some(None) => true,
            Some(Some(from)) => version::compare(version, from) != Ordering::Less,
        }
    }

    pub(crate) fn set_unreadable(&self, app: &str, unreadable: bool) {
        let mut switches = self.lock();
        if unreadable {
            switches.unreadable.insert(app.to_owned());
        } else {
            switches.unreadable.remove(app);
        }
    }

    pub(crate) fn is_unreadable(&self, app: &str) -> bool {
        self.lock().unreadable.contains(app)
    }

    pub(crate) fn set_node_silent(&self, node: &str, silent: bool) {
        let mut switches = self.lock();
        if silent {
            switches.silent_nodes.insert(node.to_owned());
        } else {
            switches.silent_nodes.remove(node);
        }
    }

    pub(crate) fn is_node_silent(&self, node: &str) -> bool {
        self.lock().silent_nodes.contains(node)
    }

    pub(crate) fn set_argocd(&self, state: ControllerState) {
        self.lock().argocd = state;
    }

    pub(crate) fn argocd(&self) -> ControllerState {
        self.lock().argocd
    }
}
