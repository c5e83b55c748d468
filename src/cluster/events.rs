//! What is said in Events alone: of a pod that waits for a volume, by its kubelet or the controller of attachments, and of an
//! image that is being pulled, by the kubelet.
//!
//! Nothing is watched or kept here: Events are many, most are of no interest, and they are asked for only where a pod waits for a
//! volume, or while a change rolls out. Lists, each limited to one reason by the server, of which only what is about those pods
//! is kept.

use super::ClusterResult;
use super::client::Kubernetes;
use super::decode::{parse_time, text};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// What cannot be mounted, and what cannot be attached.
const REASONS: [&str; 2] = ["FailedAttachVolume", "FailedMount"];
/// So many of one reason are read at most: where there are more, one cause is behind them, and the volumes say which.
const MOST: usize = 5_000;

/// A word on a pod that waits for a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeEvent {
    /// The pod's namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) pod: String,
    /// `FailedMount` or `FailedAttachVolume`.
    pub(crate) reason: String,
    /// What was said, as it was said.
    pub(crate) message: String,
    /// When it was said last.
    pub(crate) last: Option<Timestamp>,
}

/// That an image is being pulled, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullEvent {
    /// The pod that needs it.
    pub(crate) pod: String,
    /// Which of its containers (`spec.containers{app}`).
    pub(crate) container: String,
    /// Whether it is there: a kubelet says when it begins and when it has done so, and nothing in between.
    pub(crate) ended: bool,
    /// When that was said last.
    pub(crate) last: Option<Timestamp>,
}

impl Kubernetes {
    /// What is said of images of the pods of a namespace.
    pub(super) async fn read_pull_events(&self, namespace: &str) -> ClusterResult<Vec<PullEvent>> {
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let mut all = Vec::new();
        for (reason, ended) in [("Pulling", false), ("Pulled", true)] {
            let query = format!("fieldSelector=involvedObject.kind%3DPod%2Creason%3D{reason}");
            let take = |(seen, found): &mut (usize, Vec<PullEvent>), object: Value| {
                *seen += 1;
                if *seen > MOST {
                    return Err(format!("there are more than {MOST} of them"));
                }
                let about = &object["involvedObject"];
                found.push(PullEvent {
                    pod: text(&about["name"]),
                    container: text(&about["fieldPath"]),
                    ended,
                    last: newest_time(&object),
                });
                Ok(())
            };
            let listed = self.connection().gather(&path, &query, "EventList", Default::default, take).await?;
            all.extend(listed.taken.1);
        }
        Ok(all)
    }

    /// What is said of these pods (namespace and name).
    pub(super) async fn read_volume_events(
        &self,
        pods: &BTreeSet<(String, String)>,
    ) -> ClusterResult<Vec<VolumeEvent>> {
        let take = |(seen, found): &mut (usize, Vec<VolumeEvent>), object: Value| {
            *seen += 1;
            if *seen > MOST {
                return Err(format!("there are more than {MOST} of them"));
            }
            found.extend(
                volume_event(&object).filter(|one| pods.contains(&(one.namespace.clone(), one.pod.clone()))),
            );
            Ok(())
        };
        let mut all = Vec::new();
        for reason in REASONS {
            let query = format!("fieldSelector=involvedObject.kind%3DPod%2Creason%3D{reason}");
            let listed = self
                .connection()
                .gather("/api/v1/events", &query, "EventList", Default::default, take)
                .await?;
            all.extend(listed.taken.1);
        }
        Ok(all)
    }
}

/// None: it is about nothing that has a name.
fn volume_event(object: &Value) -> Option<VolumeEvent> {
    let about = &object["involvedObject"];
    let event = VolumeEvent {
        namespace: text(&about["namespace"]),
        pod: text(&about["name"]),
        reason: text(&object["reason"]),
        message: text(&object["message"]),
        last: newest_time(object),
    };
    (!event.pod.is_empty()).then_some(event)
}

/// When an Event was told last, in whichever way its reporter counts.
fn newest_time(object: &Value) -> Option<Timestamp> {
    let times = [
        &object["series"]["lastObservedTime"],
        &object["lastTimestamp"],
        &object["eventTime"],
        &object["firstTimestamp"],
        &object["metadata"]["creationTimestamp"],
    ];
    times.into_iter().find_map(parse_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_time_that_an_event_tells_counts() {
        let times = |object: Value| {
            let mut object = object;
            object["involvedObject"] = json!({"namespace": "web", "name": "shop-1"});
            volume_event(&object).expect("an event").last.map(|at| at.to_string())
        };
        let first = "2026-11-27T10:00:00Z";
        let last = "2026-11-27T11:00:00Z";
        for (object, expected) in [
            (json!({"firstTimestamp": first, "lastTimestamp": last}), Some(last)),
            (
                json!({"eventTime": first, "lastTimestamp": null, "series": {"lastObservedTime": last}}),
                Some(last),
            ),
            (json!({"eventTime": last, "lastTimestamp": null}), Some(last)),
            (json!({"metadata": {"creationTimestamp": first}}), Some(first)),
            (json!({}), None),
        ] {
            assert_eq!(times(object.clone()).as_deref(), expected, "{object}");
        }
        assert_eq!(volume_event(&json!({"reason": "FailedMount", "involvedObject": {}})), None);
    }
}
