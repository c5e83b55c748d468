//! Whether the kubelets' versions go with the API server's, and with one another.
//!
//! Kubernetes' own policy: no kubelet is newer than the API server, and none more than three minor versions older (two, before
//! 1.25). Patch versions are no part of it.

use super::{finding, not_read};
use crate::cluster::{ClusterResult, Node, ObjectRef};
use crate::health::{Finding, Probe, Verdict};

/// Major, minor and patch.
type Version = (u64, u64, u64);

/// Judges the versions of the kubelets. `upgrading` is whether any node is being worked on or cordoned.
pub(super) fn judge_versions(
    nodes: &[Node],
    server: &ClusterResult<String>,
    upgrading: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let api = match server {
        Ok(text) => {
            let read = version(text);
            if read.is_none() {
                let object = ObjectRef::new("Probe", "", Probe::Nodes.word());
                let message = "the API server does not say of which version it is".to_owned();
                findings.push(unknown(object, message, text));
            }
            read
        }
        Err(error) => {
            findings.push(not_read(Probe::Nodes, &format!("the version of the API server: {error}")));
            None
        }
    };
    let newest = nodes.iter().filter_map(|node| version(&node.kubelet_version)).max();
    for node in nodes {
        let object = ObjectRef::new("Node", "", &node.name);
        let Some(kubelet) = version(&node.kubelet_version) else {
            let message = format!("the kubelet of node {} does not say of which version it is", node.name);
            findings.push(unknown(object, message, &node.kubelet_version));
            continue;
        };
        let found = api.and_then(|api| skewed(kubelet, api)).map(|(rule, what)| {
            let message = format!("the kubelet of node {} is {what}", node.name);
            let evidence = format!(
                "kubelet {}, API server {}",
                node.kubelet_version,
                server.as_deref().unwrap_or_default()
            );
            finding(Probe::Nodes, rule, object.clone(), Verdict::Red, message, evidence)
        });
        let behind = newest.filter(|newest| kubelet < *newest && !upgrading).map(|newest| {
            let message = format!("the kubelet of node {} is older than others", node.name);
            let evidence = format!(
                "kubelet {}, the newest is v{}.{}.{}",
                node.kubelet_version, newest.0, newest.1, newest.2
            );
            let behind = finding(Probe::Nodes, "version-behind", object, Verdict::Yellow, message, evidence);
            let same_minor = (kubelet.0, kubelet.1) == (newest.0, newest.1);
            if same_minor { behind.listed_only() } else { behind }
        });
        findings.extend(found.into_iter().chain(behind));
    }
    findings
}

fn unknown(object: ObjectRef, message: String, said: &str) -> Finding {
    let evidence = format!("version {said:?}");
    finding(Probe::Nodes, "version-unknown", object, Verdict::Unknown, message, evidence)
}

/// What is not allowed between a kubelet and the API server.
fn skewed(kubelet: Version, api: Version) -> Option<(&'static str, &'static str)> {
    let ((major, minor, _), (api_major, api_minor, _)) = (kubelet, api);
    let allowed = if (major, minor) < (1, 25) { 2 } else { 3 };
    if (major, minor) > (api_major, api_minor) {
        Some(("kubelet-newer", "newer than the API server"))
    } else if major < api_major || minor + allowed < api_minor {
        Some(("kubelet-too-old", "too old for the API server"))
    } else {
        None
    }
}

/// The numbers of a version such as `v1.33.4+k3s1` or `v1.36.0-rc.1`.
fn version(text: &str) -> Option<Version> {
    let numbers = text.strip_prefix('v').unwrap_or(text);
    let numbers = numbers.split(['+', '-']).next().unwrap_or_default();
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    let read = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{ClusterError, NodeMarks};
    use Verdict::{Red, Unknown, Yellow};

    fn nodes(versions: &[&str]) -> Vec<Node> {
        let node = |version: &&str| Node {
            name: format!("on-{version}"),
            conditions: Vec::new(),
            unschedulable: false,
            kubelet_version: (*version).to_owned(),
            lease_renewed: None,
            marks: NodeMarks::default(),
            allocatable: None,
        };
        versions.iter().map(node).collect()
    }

    #[test]
    fn every_rule_for_versions() {
        type Case = (&'static str, &'static [&'static str], bool, &'static [(&'static str, Verdict)]);
        let cases: &[Case] = &[
            ("v1.36.2", &["v1.36.2", "v1.36.2"], false, &[]),
            ("v1.36.2+k3s1", &["v1.36.0+k3s1"], false, &[]),
            ("v1.36.0", &["v1.36.2"], false, &[]),
            ("v1.36.2", &["v1.33.9"], false, &[]),
            ("v1.36.2", &["v1.32.9"], false, &[("kubelet-too-old", Red)]),
            ("v1.27.1", &["v1.24.9"], false, &[("kubelet-too-old", Red)]),
            ("v1.26.1", &["v1.24.9"], false, &[]),
            ("v1.35.9", &["v1.36.0-rc.1"], false, &[("kubelet-newer", Red)]),
            ("v1.36.2", &["v2.0.0"], false, &[("kubelet-newer", Red)]),
            ("v2.0.0", &["v1.36.2"], false, &[("kubelet-too-old", Red)]),
            ("v1.36.2", &["v1.36.2", "v1.35.9"], false, &[("version-behind", Yellow)]),
            ("v1.36.2", &["v1.36.2", "v1.35.9"], true, &[]),
            ("v1.36.2", &["v1.36.2", "v1.32.0"], true, &[("kubelet-too-old", Red)]),
            ("v1.36.2", &["v1.36.2", "v1.36.1"], false, &[]),
            ("v1.36.2", &[""], false, &[("version-unknown", Unknown)]),
            ("v1.36.2", &["v1.36.2", "1.36"], false, &[("version-unknown", Unknown)]),
            ("v1.36.2", &["edge"], true, &[("version-unknown", Unknown)]),
            ("edge", &["v1.36.2"], false, &[("version-unknown", Unknown)]),
        ];
        for (server, kubelets, upgrading, expected) in cases {
            let found = judge_versions(&nodes(kubelets), &Ok((*server).to_owned()), *upgrading);
            let blocking = found.iter().filter(|one| !one.informational);
            let blocking: Vec<_> = blocking.map(|one| (one.id.rule.as_str(), one.verdict)).collect();
            assert_eq!(blocking, *expected, "{server} {kubelets:?}");
        }
    }

    #[test]
    fn a_patch_behind_is_listed_and_a_server_that_was_not_asked_is_unknown() {
        let found = judge_versions(&nodes(&["v1.36.2", "v1.36.1"]), &Ok("v1.36.2".to_owned()), false);
        assert_eq!(found.len(), 1);
        assert!(found[0].informational && found[0].id.object.name == "on-v1.36.1");
        assert_eq!(found[0].evidence, "kubelet v1.36.1, the newest is v1.36.2");
        let refused = ClusterError::Forbidden { what: "GET /version".to_owned(), said: "no".to_owned() };
        let found = judge_versions(&nodes(&["v1.36.2"]), &Err(refused), false);
        assert_eq!((found.len(), found[0].id.rule.as_str(), found[0].verdict), (1, "not-read", Unknown));
    }
}
