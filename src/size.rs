//! The gate of a large cluster, for the example of that name alone: what it costs to look, and how soon a change is seen.

use crate::cluster::{self, Freshness, Kubernetes};
use crate::health::{self, Figure, Surroundings};
use jiff::Timestamp;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// A cluster, as the gate sees it.
#[derive(Debug)]
pub struct Gate {
    kubernetes: Kubernetes,
    cluster: cluster::Settings,
    health: health::Settings,
}

/// What one look saw.
#[derive(Debug)]
pub struct Look {
    /// The worst layer.
    pub verdict: String,
    /// Pods that are good, and all.
    pub pods: (usize, usize),
    /// How many findings there are.
    pub findings: usize,
}

impl Gate {
    /// Connects, and watches where that is asked for.
    pub async fn open(kubeconfig: &Path, watch: bool) -> Result<Self, Box<dyn Error>> {
        let cluster =
            cluster::Settings { kubeconfig: Some(kubeconfig.to_owned()), ..cluster::Settings::default() };
        // A page of an unoptimised server may take its time, and a whole list minutes.
        let cluster = cluster::Settings { request_timeout_seconds: 60, ..cluster };
        let health = health::Settings { probe_timeout_seconds: 900, ..health::Settings::default() };
        let kubernetes = Kubernetes::connect(&cluster).await?;
        if watch {
            kubernetes.start_watching(health.recent_end(), crate::health::is_a_reporter);
        }
        Ok(Self { kubernetes, cluster, health })
    }

    /// One look.
    pub async fn look(&self, proven: bool) -> Look {
        let surroundings = Surroundings {
            settings: &self.health,
            cluster: &self.cluster,
            grace: Duration::from_mins(5),
            freshness: if proven { Freshness::Proven } else { Freshness::Watched },
            audit: false,
            after: None,
        };
        let recon = health::recon(&self.kubernetes, &surroundings, Timestamp::now()).await;
        Look {
            verdict: recon.verdict().to_string(),
            pods: match recon.figures.pods {
                Figure::Read(pods) => pods,
                Figure::NotRead(_) => (0, 0),
            },
            findings: recon.findings().count(),
        }
    }
}
