//! Archiving Ceph's crash reports: read into the evidence first, then archived one by one.
//!
//! A crash that comes back within a day after its report was archived is not archived again: a person is asked why it crashes,
//! before the reports that tell of it are out of sight once more. Ceph itself remembers what was archived, and when.
//!
//! Idempotent: a report that is archived already is no longer new, so after a crash of ours the rest is archived and
//! nothing twice. Only those that were read are archived: a new one that comes meanwhile stays new.

use super::Action;
use super::parse::is_crash_id;
use crate::cluster::{Cluster, ClusterError, ClusterLease, ExecOutput, LeaseAnswer, Settings};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What crashes again within so long after its report was archived has come back.
const COMES_BACK: SignedDuration = SignedDuration::from_hours(24);
/// So many lines of evidence go into a report.
const LINES: usize = 10;
/// So many characters a line.
const LINE: usize = 160;

/// What an action did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Performed {
    /// The ids of the reports that were archived.
    pub(crate) archived: Vec<String>,
    /// What they said: at most ten lines, redacted.
    pub(crate) evidence: Vec<String>,
}

/// Why an action was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    /// Commands in pods are switched off.
    #[error("`cluster.exec` is switched off in the settings")]
    ExecOff,
    /// The lock is not held for as long as the command may take.
    #[error("the cluster's lock is not held long enough")]
    LeaseTooShort,
    /// The cluster did not do it.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The command ended badly.
    #[error("`{command}` ended with {exit_code}: {said}")]
    Failed {
        /// The command.
        command: String,
        /// Its exit code.
        exit_code: i32,
        /// Its own words.
        said: String,
    },
    /// The command said something else than it should.
    #[error("the answer of `{command}` could not be read: {said}")]
    Unreadable {
        /// The command.
        command: String,
        /// What did not fit.
        said: String,
    },
    /// The same crashed before, and nobody has found out why.
    #[error(
        "the crash {id} came within a day after {before} was archived, of the same daemon: nothing is archived, ask why it crashes"
    )]
    CameBack {
        /// The new report.
        id: String,
        /// The archived one.
        before: String,
    },
}

/// Archives the new crash reports that an action names.
pub(crate) async fn archive_crashes(
    cluster: &dyn Cluster,
    settings: &Settings,
    lease: &ClusterLease,
    action: &Action,
) -> Result<Performed, ActionError> {
    if !settings.exec {
        return Err(ActionError::ExecOff);
    }
    let tools = Tools { cluster, settings };
    let new = tools.run(&["ceph", "crash", "ls-new", "--format", "json"]).await?;
    let mut ids = crash_ids(&new)?;
    if let Action::CephCrashArchiveOne { id } = action {
        ids.retain(|new| new == id);
    }
    let mut evidence = Vec::new();
    for id in &ids {
        let report = tools.run(&["ceph", "crash", "info", id]).await?;
        evidence.push(summary(id, &report));
    }
    if !ids.is_empty() {
        let all = tools.run(&["ceph", "crash", "ls", "--format", "json"]).await?;
        if let Some((id, before)) = came_back(&all, &ids)? {
            return Err(ActionError::CameBack { id, before });
        }
    }
    let mut archived = Vec::new();
    let mut renewed = None;
    for id in ids {
        // Finding the pod is a request of its own.
        let needed = settings.exec_timeout() + settings.request_timeout();
        if !renewed.as_ref().unwrap_or(lease).holds_for(needed) {
            renewed = match cluster.acquire_lease(lease.holder()).await? {
                LeaseAnswer::Held(lease) if lease.holds_for(needed) => Some(lease),
                LeaseAnswer::Held(_) | LeaseAnswer::HeldBy(_) => return Err(ActionError::LeaseTooShort),
            };
        }
        tools.run(&["ceph", "crash", "archive", &id]).await?;
        archived.push(id);
    }
    if evidence.len() > LINES {
        let more = evidence.len() - (LINES - 1);
        evidence.truncate(LINES - 1);
        evidence.push(format!("and {more} more"));
    }
    Ok(Performed { archived, evidence })
}

struct Tools<'a> {
    cluster: &'a dyn Cluster,
    settings: &'a Settings,
}

impl Tools<'_> {
    async fn run(&self, command: &[&str]) -> Result<String, ActionError> {
        let settings = self.settings;
        let ExecOutput { stdout, stderr, exit_code } = self
            .cluster
            .exec(&settings.ceph_tools_namespace, &settings.ceph_tools_label, None, command)
            .await?;
        if exit_code == 0 {
            return Ok(stdout);
        }
        Err(ActionError::Failed { command: command.join(" "), exit_code, said: line(stderr.trim()) })
    }
}

fn crash_ids(listed: &str) -> Result<Vec<String>, ActionError> {
    Ok(reports("ceph crash ls-new", listed)?.into_iter().map(|(id, _)| id).collect())
}

/// What a command lists, each report with its id.
fn reports(command: &str, listed: &str) -> Result<Vec<(String, Value)>, ActionError> {
    let unreadable = |said: String| ActionError::Unreadable { command: command.to_owned(), said };
    let reports: Vec<Value> = serde_json::from_str(listed).map_err(|error| unreadable(error.to_string()))?;
    let with_id = |report: Value| match report["crash_id"].as_str() {
        Some(id) if is_crash_id(id) => Ok((id.to_owned(), report)),
        _ => Err(unreadable("a report without an id".to_owned())),
    };
    reports.into_iter().map(with_id).collect()
}

/// Which of the reports that are to be archived is of what crashed before, within a day after the report of that was archived; with
/// that one. Archived is what says when: one that is posted while the others are read is in no list of new ones yet.
fn came_back(listed: &str, ids: &[String]) -> Result<Option<(String, String)>, ActionError> {
    let all = reports("ceph crash ls", listed)?;
    let (archived, still_new): (Vec<_>, Vec<_>) =
        all.iter().partition(|(_, report)| !report["archived"].is_null());
    for (id, report) in still_new.into_iter().filter(|(id, _)| ids.contains(id)) {
        let before = |(_, other): &&&(String, Value)| is_of_the_same(report, other) && is_soon(report, other);
        if let Some((before, _)) = archived.iter().find(before) {
            return Ok(Some((id.clone(), before.clone())));
        }
    }
    Ok(None)
}

/// Whether two reports are of one daemon and, where both name one, of one module of the manager's.
fn is_of_the_same(one: &Value, other: &Value) -> bool {
    let field = |report: &Value, name: &str| {
        report[name].as_str().filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let daemon = field(one, "entity_name");
    let (module, before) = (field(one, "mgr_module"), field(other, "mgr_module"));
    daemon.is_some()
        && daemon == field(other, "entity_name")
        && (module.is_none() || before.is_none() || module == before)
}

/// Whether something crashed within a day after the other report was archived. What crashed before that was seen together with it. Where
/// a time cannot be read it may be so.
fn is_soon(report: &Value, archived: &Value) -> bool {
    let times = (moment(&report["timestamp"]), moment(&archived["archived"]));
    let (Some(at), Some(since)) = times else { return true };
    let passed = at.duration_since(since);
    passed > SignedDuration::ZERO && passed <= COMES_BACK
}

/// A moment as Ceph writes it: some of its times are without a zone, and mean UTC.
fn moment(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?.trim();
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| Some(civil()?.timestamp()))
}

/// One line about a report: fields that are known to hold no secret, and no backtrace.
fn summary(id: &str, report: &str) -> String {
    let report: Value = serde_json::from_str(report).unwrap_or(Value::Null);
    let mut parts = vec![id.to_owned()];
    for field in ["entity_name", "timestamp", "ceph_version", "process_name", "mgr_module", "assert_msg"] {
        if let Some(value) = report[field].as_str().filter(|value| !value.is_empty()) {
            parts.push(format!("{field} {value}"));
        }
    }
    line(&parts.join(", "))
}

fn line(text: &str) -> String {
    redacted(text).chars().take(LINE).collect()
}

/// A text on one line, without words that look like a key, a token or a password of an address, and without what stands behind the
/// name of one.
pub(crate) fn redacted(text: &str) -> String {
    /// What gives a secret away, before a `=` or a `:`.
    const NAMES: [&str; 5] = ["password", "token", "secret", "key", "authorization"];
    let mut hides_next = false;
    let words = text.split_whitespace().map(|word| {
        let bare = word.to_ascii_lowercase().replace(['"', '\''], "");
        let named =
            NAMES.iter().any(|name| [":", "="].iter().any(|sign| bare.contains(&format!("{name}{sign}"))));
        let in_address = bare.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
        let hides = hides_next || named || in_address;
        // `Authorization: Basic abc`, and `Bearer abc` wherever it stands.
        let is_scheme = bare == "bearer" || hides_next && bare == "basic";
        hides_next = is_scheme || named && bare.ends_with([':', '=']);
        if hides { "[redacted]" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "ceph_crash_tests.rs"]
mod tests;
