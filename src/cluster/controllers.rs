//! Whether the controllers of the control plane live.
//!
//! They write what is said of Jobs, budgets and endpoints, and what they said stays when they are dead. The one of them that
//! leads renews a lease every two seconds. Where none is elected there is no lease: such a control plane runs them in the
//! process of the API server, and that one answers.

use super::client::Kubernetes;
use super::decode::parse_time;
use super::{ClusterError, ClusterResult};
use jiff::Timestamp;
use serde_json::Value;

/// The lease of the controllers.
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager";

/// What the controllers of the control plane say of their own life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControllersLife {
    /// No leader is elected among them.
    NotElected,
    /// The lease of their leader was renewed then, where it says so.
    Renewed(Option<Timestamp>),
}

impl Kubernetes {
    /// The lease of the controllers.
    pub(super) async fn read_controllers_life(&self) -> ClusterResult<ControllersLife> {
        match self.connection().get::<Value>(LEASE).await {
            Ok(lease) => Ok(ControllersLife::Renewed(parse_time(&lease["spec"]["renewTime"]))),
            Err(ClusterError::NotFound { .. }) => Ok(ControllersLife::NotElected),
            Err(error) => Err(error),
        }
    }
}
