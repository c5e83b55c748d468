//! What a kubelet says of its disks and of the volumes of its pods (`stats/summary`, through the API server's proxy).
//!
//! The right for it, `nodes/proxy`, opens much of a kubelet, so it is switched on apart (`cluster.node_stats`).

use super::client::Kubernetes;
use super::{ClusterError, ClusterResult};
use jiff::Timestamp;
use serde::Deserialize;

/// A file system, as it was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filesystem {
    /// Bytes in all; never none.
    pub(crate) capacity: u64,
    /// Bytes that may still be written.
    pub(crate) available: u64,
    /// Inodes that are free, and all of them; none where the file system has no limit.
    pub(crate) inodes: Option<(u64, u64)>,
    /// When the kubelet looked.
    pub(crate) at: Option<Timestamp>,
}

/// The volume of a claim, as one of the nodes that have it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimUsage {
    /// The claim's namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// How full it is.
    pub(crate) filesystem: Filesystem,
}

/// What a kubelet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeStats {
    /// The disk that it writes to; none where it does not say.
    pub(crate) root: Option<Filesystem>,
    /// The disk of images, which may be the same.
    pub(crate) images: Option<Filesystem>,
    /// Volumes of claims that pods use there.
    pub(crate) claims: Vec<ClaimUsage>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    node: OfNode,
    #[serde(default)]
    pods: Vec<OfPod>,
}

#[derive(Debug, Deserialize)]
struct OfNode {
    fs: Option<Stats>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Deserialize)]
struct Runtime {
    #[serde(rename = "imageFs")]
    images: Option<Stats>,
}

#[derive(Debug, Deserialize)]
struct OfPod {
    #[serde(default)]
    volume: Vec<Volume>,
}

#[derive(Debug, Deserialize)]
struct Volume {
    #[serde(rename = "pvcRef")]
    claim: Option<ClaimRef>,
    #[serde(flatten)]
    stats: Stats,
}

#[derive(Debug, Deserialize)]
struct ClaimRef {
    name: String,
    namespace: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    time: Option<Timestamp>,
    capacity_bytes: Option<u64>,
    available_bytes: Option<u64>,
    inodes: Option<u64>,
    inodes_free: Option<u64>,
}

impl Stats {
    /// None where it does not say how large it is: a file system of no bytes is one that could not be read.
    fn filesystem(&self) -> Option<Filesystem> {
        Some(Filesystem {
            capacity: self.capacity_bytes.filter(|bytes| *bytes > 0)?,
            available: self.available_bytes?,
            inodes: self.inodes_free.zip(self.inodes.filter(|all| *all > 0)),
            at: self.time,
        })
    }
}

impl Summary {
    fn stats(self) -> NodeStats {
        let filesystem = |stats: Option<Stats>| stats.and_then(|stats| stats.filesystem());
        let claims = self.pods.into_iter().flat_map(|pod| pod.volume).filter_map(|volume| {
            let ClaimRef { name, namespace } = volume.claim?;
            Some(ClaimUsage { namespace, name, filesystem: volume.stats.filesystem()? })
        });
        NodeStats {
            claims: claims.collect(),
            root: filesystem(self.node.fs),
            images: filesystem(self.node.runtime.and_then(|runtime| runtime.images)),
        }
    }
}

impl Kubernetes {
    pub(super) async fn stats_of(&self, node: &str) -> ClusterResult<NodeStats> {
        // A name that the server gave; one that leads elsewhere in the address would still be no node's.
        if node.is_empty()
            || !node.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        {
            let what = format!("the kubelet of {node}");
            return Err(ClusterError::Unreadable { what, said: "no name of a node".to_owned() });
        }
        let summary: Summary =
            self.connection.get(&format!("/api/v1/nodes/{node}/proxy/stats/summary")).await?;
        Ok(summary.stats())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_kubelet_says_is_read_and_what_it_does_not_say_is_none() {
        let disk = json!({"time": "2026-11-21T12:00:00Z", "availableBytes": 40, "capacityBytes": 100, "usedBytes": 55,
            "inodesFree": 7, "inodes": 10, "inodesUsed": 3});
        let summary = json!({"node": {"nodeName": "metal1", "fs": disk, "runtime": {"imageFs": {"time": null}}},
            "pods": [
                {"podRef": {"name": "a", "namespace": "web"}, "volume": [
                    {"name": "data", "availableBytes": 1, "capacityBytes": 9, "inodes": 0, "inodesFree": 0,
                        "pvcRef": {"name": "data", "namespace": "web"}},
                    {"name": "token", "availableBytes": 1, "capacityBytes": 9}]},
                {"podRef": {"name": "b", "namespace": "web"}}]});
        let summary: Summary = serde_json::from_value(summary).expect("a summary");
        let root = Filesystem {
            capacity: 100,
            available: 40,
            inodes: Some((7, 10)),
            at: "2026-11-21T12:00:00Z".parse().ok(),
        };
        let data = ClaimUsage {
            namespace: "web".to_owned(),
            name: "data".to_owned(),
            filesystem: Filesystem { capacity: 9, available: 1, inodes: None, at: None },
        };
        assert_eq!(summary.stats(), NodeStats { root: Some(root), images: None, claims: vec![data] });
        assert!(serde_json::from_value::<Summary>(json!({"kind": "Status"})).is_err());
    }
}
