//! The cluster's lock: one Lease, so that a laptop and a service exclude each other.
//!
//! Races decided here. Every write carries the version that was read, so of two that take the lock at once one gets 409
//! and stands back. Whether another's lock has run out is judged by our own monotonic clock since we *last saw its
//! record change*, never by the times in it: clocks differ. The proof that we return counts from before the request was
//! sent, so it ends before anybody else may believe that the lock is free, and by both clocks: ours stands still while a laptop sleeps.
//! A write whose answer was lost is an error; asking again settles it, for the same identity takes its own lock at once. That of two
//! that use copies of one store, and so one identity, both hold it shows where each remembers what it wrote: whoever finds another time in it
//! stands back. One that was started again remembers nothing.

use super::client::Kubernetes;
use super::moment::Moment;
use super::request::Write;
use super::{ClusterError, ClusterLease, ClusterResult, LeaseAnswer, LeaseHolder};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the lock holds after a renewal: longer than the longest request that is made under it, and the permit before
/// it. The same identity takes its own lock again at once, so only another caretaker waits for a dead one.
pub(crate) const DURATION: Duration = Duration::from_mins(1);

/// The record of another holder as we last saw it change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    version: String,
    since: Instant,
}

/// What we wrote into our own lock last, also when we gave it back. Nobody knows it while a write has no answer.
#[derive(Debug)]
pub(super) struct Renewed {
    holder: String,
    at: Timestamp,
    /// Whether it was logged that somebody else wrote there under our name.
    told: bool,
}

impl Renewed {
    fn by(holder: &str, written: &Value) -> Option<Self> {
        renew_time(written).map(|at| Self { holder: holder.to_owned(), at, told: false })
    }
}

/// What a Lease says.
struct Record {
    object: Value,
    holder: String,
    version: String,
    duration: Duration,
    renewed_at: Option<Timestamp>,
}

impl Record {
    fn of(object: Value) -> Self {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let seconds = object.pointer("/spec/leaseDurationSeconds").and_then(Value::as_u64);
        Self {
            holder: text("/spec/holderIdentity"),
            version: text("/metadata/resourceVersion"),
            duration: seconds.map_or(DURATION, Duration::from_secs),
            renewed_at: renew_time(&object),
            object,
        }
    }

    fn held_by(self) -> LeaseAnswer {
        LeaseAnswer::HeldBy(LeaseHolder { identity: self.holder, renewed_at: self.renewed_at })
    }
}

impl Kubernetes {
    fn lease_collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.settings().lease_namespace)
    }

    fn lease_path(&self) -> String {
        format!("{}/{}", self.lease_collection(), self.settings().lease_name)
    }

    async fn lease_record(&self) -> ClusterResult<Option<Record>> {
        match self.connection().get(&self.lease_path()).await {
            Ok(object) => Ok(Some(Record::of(object))),
            Err(ClusterError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn take_lease(&self, holder: &str) -> ClusterResult<LeaseAnswer> {
        let Some(record) = self.lease_record().await? else {
            return self.create_lease(holder).await;
        };
        let foreign = record.holder != holder || self.is_of_a_copy(&record);
        if foreign && !record.holder.is_empty() && !self.has_run_out(&record) {
            return Ok(record.held_by());
        }
        self.write_lease(holder, Write::Replace, &self.lease_path(), &renewed(&record, holder)).await
    }

    async fn write_lease(
        &self,
        holder: &str,
        write: Write,
        path: &str,
        object: &Value,
    ) -> ClusterResult<LeaseAnswer> {
        let before = Moment::now();
        let known = self.renewed().take();
        match self.connection().write(write, path, object).await {
            Ok(_) => {}
            Err(ClusterError::Conflict { .. }) => {
                *self.renewed() = known;
                let record = self.winner().await?;
                // A proxy that got no answer sends a write again: what the second one meets is what the first one wrote.
                let is_ours = record.holder == holder && record.renewed_at == renew_time(object);
                if !is_ours {
                    self.has_run_out(&record);
                    return Ok(record.held_by());
                }
            }
            Err(error) => return Err(error),
        }
        *self.renewed() = Renewed::by(holder, object);
        *self.seen() = None;
        Ok(LeaseAnswer::Held(ClusterLease { renewed: before, lasts: DURATION, holder: holder.to_owned() }))
    }

    /// Whether somebody else writes under our name. Says so once.
    fn is_of_a_copy(&self, record: &Record) -> bool {
        let mut renewed = self.renewed();
        let Some(ours) = renewed.as_mut().filter(|ours| ours.holder == record.holder) else { return false };
        let foreign = record.renewed_at != Some(ours.at);
        if foreign && !ours.told {
            tracing::warn!(
                holder = %record.holder,
                "the cluster's lock was renewed under this name by somebody else: another caretaker uses a copy of this store, or the cluster was put back from a backup; this one stands back"
            );
            ours.told = true;
        }
        foreign
    }

    async fn create_lease(&self, holder: &str) -> ClusterResult<LeaseAnswer> {
        let now = micros(Timestamp::now());
        let object = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.settings().lease_name, "namespace": self.settings().lease_namespace},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": DURATION.as_secs(),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        });
        self.write_lease(holder, Write::Create, &self.lease_collection(), &object).await
    }

    /// Another was faster: whoever it was is in the record now, seen just now.
    async fn winner(&self) -> ClusterResult<Record> {
        self.lease_record().await?.ok_or_else(|| ClusterError::Conflict {
            what: self.lease_path(),
            said: "it was taken and removed at once".to_owned(),
        })
    }

    /// Whether another's record has not changed for its duration while we watched. A record seen for the first time has
    /// not run out, however old its times are.
    fn has_run_out(&self, record: &Record) -> bool {
        let mut seen = self.seen();
        match seen.as_ref() {
            Some(known) if known.version == record.version => known.since.elapsed() >= record.duration,
            _ => {
                *seen = Some(Seen { version: record.version.clone(), since: Instant::now() });
                false
            }
        }
    }

    pub(super) async fn give_lease_back(&self, lease: ClusterLease) -> ClusterResult<()> {
        let Some(record) = self.lease_record().await? else { return Ok(()) };
        if record.holder != lease.holder || self.is_of_a_copy(&record) {
            return Ok(());
        }
        let known = self.renewed().take();
        let mut object = record.object;
        object["spec"]["holderIdentity"] = json!("");
        object["spec"]["leaseDurationSeconds"] = json!(1);
        object["spec"]["renewTime"] = json!(micros(Timestamp::now()));
        match self.connection().write(Write::Replace, &self.lease_path(), &object).await {
            // Our name with another time is of a copy that took it since.
            Ok(_) => *self.renewed() = Renewed::by(&lease.holder, &object),
            // Whoever changed it meanwhile has it.
            Err(ClusterError::Conflict { .. }) => *self.renewed() = known,
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn renew_time(lease: &Value) -> Option<Timestamp> {
    lease.pointer("/spec/renewTime")?.as_str()?.parse().ok()
}

/// The record as the holder renews or takes it, with the version that was read.
fn renewed(record: &Record, holder: &str) -> Value {
    let now = micros(Timestamp::now());
    let mut object = record.object.clone();
    if !object["spec"].is_object() {
        object["spec"] = json!({});
    }
    let spec = &mut object["spec"];
    if record.holder != holder {
        let transitions = spec["leaseTransitions"].as_i64().unwrap_or(0);
        spec["acquireTime"] = json!(now);
        spec["leaseTransitions"] = json!(transitions.saturating_add(1));
    }
    spec["holderIdentity"] = json!(holder);
    spec["leaseDurationSeconds"] = json!(DURATION.as_secs());
    spec["renewTime"] = json!(now);
    object
}

/// A `MicroTime`: the server insists on six digits.
fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::watch::tests::{client, server_of};
    use super::*;

    #[test]
    fn times_have_six_digits() {
        let time: Timestamp = "2026-11-21T01:52:07Z".parse().expect("a time");
        assert_eq!(micros(time), "2026-11-21T01:52:07.000000Z");
        let time: Timestamp = "2026-11-21T01:52:07.123456789Z".parse().expect("a time");
        assert_eq!(micros(time), "2026-11-21T01:52:07.123456Z");
    }

    #[test]
    fn a_lock_that_was_slept_through_holds_for_nothing() {
        let request = Duration::from_secs(15);
        let lease = ClusterLease::for_test(DURATION);
        assert!(lease.holds_for(request) && lease.latest_start(request).is_some());
        // By our own clock it holds for most of a minute still.
        let lease = lease.after_a_sleep_of(Duration::from_hours(1));
        assert!(!lease.holds_for(request) && !lease.holds_for(Duration::ZERO));
        assert_eq!(lease.latest_start(Duration::ZERO), None);
    }

    #[tokio::test]
    async fn a_renewal_that_a_proxy_repeated_is_ours() {
        let server = server_of(0).await;
        let client = client(&server).await;
        assert!(matches!(client.take_lease("me").await, Ok(LeaseAnswer::Held(_))));
        for _ in 0..2 {
            let record = client.lease_record().await.expect("readable").expect("a Lease");
            let (path, object) = (client.lease_path(), renewed(&record, "me"));
            // The first copy was done, and its answer was lost between the proxy and the server.
            client.connection().write(Write::Replace, &path, &object).await.expect("done");
            let answer = client.write_lease("me", Write::Replace, &path, &object).await.expect("an answer");
            assert!(matches!(answer, LeaseAnswer::Held(_)), "{answer:?}");
        }
        assert!(matches!(client.take_lease("me").await, Ok(LeaseAnswer::Held(_))), "nobody else wrote there");
        server.shutdown().await;
    }

    #[test]
    fn a_renewal_keeps_the_version_and_the_time_of_taking() {
        let object = json!({
            "metadata": {"name": "caretaker", "resourceVersion": "7"},
            "spec": {"holderIdentity": "a", "acquireTime": "2026-01-01T00:00:00.000000Z", "leaseTransitions": 2},
        });
        let record = Record::of(object);
        let same = renewed(&record, "a");
        assert_eq!(same["metadata"]["resourceVersion"], "7");
        assert_eq!(same["spec"]["acquireTime"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(same["spec"]["leaseTransitions"], 2);
        let other = renewed(&record, "b");
        assert_eq!(other["spec"]["holderIdentity"], "b");
        assert_ne!(other["spec"]["acquireTime"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(other["spec"]["leaseTransitions"], 3);
    }
}
