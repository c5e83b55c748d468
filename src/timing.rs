//! How long things are given.
//!
//! One place holds every wait for the *world*, so that `timing.scale` can divide them all and nothing else: what guards a
//! single request or tells who is alive (the permit's ten seconds, I/O time-outs, the lease, maximum ages) is no part of
//! this and never scaled.

use crate::merge::Risk;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings under `[timing]`; all in seconds, as people write them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Timing {
    /// Divides every wait below (at least 1). For demonstrations and tests.
    pub scale: f64,
    /// How long GREEN must hold without a break before the next change.
    pub settle_seconds: f64,
    /// What broke `health.flapping_times` times within this time is not settled.
    pub flapping_window_seconds: f64,
    /// How long a trouble may heal by itself before remedies.
    pub grace_seconds: f64,
    /// How long to watch after a low-risk change.
    pub soak_low_seconds: f64,
    /// How long to watch after a medium-risk change.
    pub soak_medium_seconds: f64,
    /// How long to watch after a high-risk change.
    pub soak_high_seconds: f64,
    /// How long to watch after a critical change.
    pub soak_critical_seconds: f64,
    /// After this long without any progress a rollout has timed out.
    pub rollout_no_progress_seconds: f64,
    /// The longest time that a rollout of a low- or medium-risk change may take.
    pub rollout_maximum_seconds: f64,
    /// The longest time that a rollout of a high-risk or critical change may take.
    pub rollout_maximum_high_seconds: f64,
    /// How often the world is looked at while something is awaited.
    pub poll_seconds: f64,
    /// How often a repository is looked at without any hint.
    pub reconcile_seconds: f64,
    /// How long a commit status may be pending before a person is told.
    pub pending_status_seconds: f64,
    /// How long a delivery may be late. A tick waits this long for its own delivery before a comment is asked for, and a
    /// closing for the one that tells what it went over.
    pub approval_delivery_seconds: f64,
    /// How long writes of the body are gathered when nothing important happened. Each further one waits longer,
    /// up to twelve times as long; that a layer stands otherwise waits no longer than this.
    pub gather_seconds: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            scale: 1.0,
            settle_seconds: 60.0,
            flapping_window_seconds: 900.0,
            grace_seconds: 300.0,
            soak_low_seconds: 120.0,
            soak_medium_seconds: 300.0,
            soak_high_seconds: 600.0,
            soak_critical_seconds: 900.0,
            rollout_no_progress_seconds: 300.0,
            rollout_maximum_seconds: 1800.0,
            rollout_maximum_high_seconds: 3600.0,
            poll_seconds: 10.0,
            reconcile_seconds: 180.0,
            pending_status_seconds: 1800.0,
            approval_delivery_seconds: 60.0,
            gather_seconds: 300.0,
        }
    }
}

impl Timing {
    fn scaled(&self, seconds: f64) -> Duration {
        let scale = if self.scale.is_finite() && self.scale >= 1.0 { self.scale } else { 1.0 };
        Duration::try_from_secs_f64(seconds / scale).unwrap_or(Duration::ZERO)
    }

    /// How long GREEN must hold.
    pub(crate) fn settle(&self) -> Duration {
        self.scaled(self.settle_seconds)
    }

    /// In how long a time what comes and goes is counted.
    pub(crate) fn flapping_window(&self) -> Duration {
        self.scaled(self.flapping_window_seconds)
    }

    /// How long a trouble may heal by itself.
    pub(crate) fn grace(&self) -> Duration {
        self.scaled(self.grace_seconds)
    }

    /// How long to watch after a change.
    pub(crate) fn soak(&self, risk: Risk) -> Duration {
        self.scaled(match risk {
            Risk::Low => self.soak_low_seconds,
            Risk::Medium => self.soak_medium_seconds,
            Risk::High => self.soak_high_seconds,
            Risk::Critical => self.soak_critical_seconds,
        })
    }

    /// How long a rollout may show no progress.
    pub(crate) fn rollout_no_progress(&self) -> Duration {
        self.scaled(self.rollout_no_progress_seconds)
    }

    /// How long a rollout may take.
    pub(crate) fn rollout_maximum(&self, risk: Risk) -> Duration {
        self.scaled(match risk {
            Risk::Low | Risk::Medium => self.rollout_maximum_seconds,
            Risk::High | Risk::Critical => self.rollout_maximum_high_seconds,
        })
    }

    /// How often to look while something is awaited.
    pub(crate) fn poll(&self) -> Duration {
        self.scaled(self.poll_seconds)
    }

    /// How often to look without any hint.
    pub(crate) fn reconcile(&self) -> Duration {
        self.scaled(self.reconcile_seconds)
    }

    /// How often an audit is made for the tasks about what one found, while nothing about a merge is waited for.
    pub(crate) fn audit(&self) -> Duration {
        self.scaled(3600.0)
    }

    /// How long a commit status may be pending.
    pub(crate) fn pending_status(&self) -> Duration {
        self.scaled(self.pending_status_seconds)
    }

    /// How long a delivery may be late.
    pub(crate) fn approval_delivery(&self) -> Duration {
        self.scaled(self.approval_delivery_seconds)
    }

    /// How long something takes at most that others do by themselves, of which they or their makers say how long.
    pub(crate) fn by_others(&self, lasts: Duration) -> Duration {
        self.scaled(lasts.as_secs_f64())
    }

    /// How long unimportant writes are gathered at first.
    pub(crate) fn gather(&self) -> Duration {
        self.scaled(self.gather_seconds)
    }
}
