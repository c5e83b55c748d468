//! The programs and people around the two servers: what makes a merge arrive in the cluster, or fail to.
//!
//! Every actor is one task that watches the servers through their handles, as the real program watches them through its
//! client, and acts after a delay of its own. Its decisions come from the state of the servers alone, so whoever looks
//! from outside (a client that is killed and started again included) sees one consistent world. Delays are divided by
//! [`Speed`]; signs of life (heartbeats, `lastChecked`, `reconciledAt`) are not, because whoever judges them judges by
//! the real clock.

mod agenda;
mod application;
mod apps;
mod argocd;
mod catalog;
mod ceph;
mod flux;
mod homelab;
mod nodes;
mod operations;
mod person;
mod pods;
mod pull_text;
mod render;
mod renovate;
mod rollout;
mod rook;
mod story;
mod version;
mod volumes;
mod workloads;
mod world;

pub use apps::{AppSpec, Controller, Packaging};
pub use catalog::homelab_apps;
pub use ceph::Crash;
pub use person::{Person, PersonError, Text};
pub use pull_text::Column;
pub use renovate::{Rebasing, RenovateOptions, Update};
pub use volumes::bind_volumes;
pub use world::{GitOps, World, WorldError, WorldOptions};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::kubernetes::Kubernetes;
use story::Story;

/// How much faster than in reality the actors do their work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    scale: f64,
}

impl Speed {
    /// A speed that divides every delay by `scale`; less than 1, and what is no number, counts as 1.
    #[must_use]
    pub fn new(scale: f64) -> Self {
        Self { scale: if scale.is_finite() && scale >= 1.0 { scale } else { 1.0 } }
    }

    /// The delay that stands for so many seconds of reality.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds / self.scale).unwrap_or(Duration::ZERO)
    }
}

/// What every actor of the cluster acts in.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) kubernetes: Kubernetes,
    pub(crate) speed: Speed,
    pub(crate) story: Arc<Story>,
    pub(crate) seed: u64,
}

/// A moment as Kubernetes writes times: whole seconds, UTC.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Now, as Kubernetes writes times.
pub(crate) fn now() -> String {
    stamp(Timestamp::now())
}

/// A number that depends on nothing but the seed and the words.
pub(crate) fn draw(seed: u64, words: &[&str]) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_be_bytes());
    for word in words {
        hasher.update(word.as_bytes());
        hasher.update([0]);
    }
    let mut number = [0; 8];
    number.copy_from_slice(&hasher.finalize()[..8]);
    u64::from_be_bytes(number)
}

/// Characters as Kubernetes appends them to names.
pub(crate) fn suffix(mut number: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let count = LETTERS.len() as u64;
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        let index = usize::try_from(number % count).unwrap_or_default();
        text.push(char::from(LETTERS[index]));
        number /= count;
    }
    text
}
