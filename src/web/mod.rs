//! What caretaker serves: webhook and health on one listener, pages and metrics on another.
//!
//! Deliveries are answered within milliseconds, and in four seconds at the latest, since a forge waits five and never tries again; whatever they
//! mean is the worker's business. Races decided here: a delivery is answered only after it was stored, and on shutdown
//! requests in flight are finished, for a bounded time, before the store closes.

mod connections;
mod deliveries;
mod health;
mod metrics;
mod page;
mod settings;
#[cfg(test)]
mod tests;
mod webhook;

pub(crate) use health::{Peer, Readiness};
pub(crate) use settings::Settings;
pub(crate) use settings::SettingsError;

use crate::forge::Forge;
use crate::inbox::Inbox;
use crate::store::Store;
use axum::Router;
use axum::routing::{get, post};
use connections::{Bounded, PATIENCE, PLACES, seated};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long requests in flight are given when caretaker stops.
const DRAIN: Duration = Duration::from_secs(5);

/// What the listeners need.
#[derive(Debug, Clone)]
pub(crate) struct WebState {
    /// Takes deliveries.
    pub(crate) inbox: Arc<Inbox>,
    /// Holds the runs.
    pub(crate) store: Arc<Store>,
    /// Knows how the rest is.
    pub(crate) readiness: Arc<Readiness>,
    /// Counts what is asked of it.
    pub(crate) forge: Arc<dyn Forge>,
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    /// An address cannot be listened on. A person mends this.
    #[error("caretaker cannot listen on {address} ({setting}); does another program use it?")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Which setting names it.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A listener ended by itself.
    #[error("a listener ended")]
    Ended(#[from] std::io::Error),
    /// A listener's task fell over.
    #[error("a listener ended badly")]
    Fell(#[from] tokio::task::JoinError),
}

/// Running listeners.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Where `/webhook`, `/healthz` and `/readyz` are.
    pub(crate) address: SocketAddr,
    /// Where the page is.
    pub(crate) page_address: SocketAddr,
    tasks: JoinSet<std::io::Result<()>>,
    shutdown: CancellationToken,
}

/// Listens on both addresses (port 0 takes a free one) until the token is cancelled.
pub(crate) async fn serve(
    settings: &Settings,
    state: WebState,
    shutdown: CancellationToken,
) -> Result<Serving, WebError> {
    let (listener, address) = bind(settings.listen, "web.listen").await?;
    let (page_listener, page_address) = bind(settings.page_listen, "web.page_listen").await?;
    let pages = page::PageState {
        store: Arc::clone(&state.store),
        readiness: Arc::clone(&state.readiness),
        inbox: Arc::clone(&state.inbox),
        forge: Arc::clone(&state.forge),
    };
    let mut tasks = JoinSet::new();
    let (stop, service) = (shutdown.clone(), seated(service(state, settings.body_limit_bytes)));
    let listener = Bounded::new(listener, PLACES, PATIENCE);
    tasks.spawn(async move {
        axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await
    });
    let (stop, router) = (shutdown.clone(), page::router(pages));
    tasks.spawn(async move {
        axum::serve(page_listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
    });
    tracing::info!(%address, %page_address, "listening");
    Ok(Serving { address, page_address, tasks, shutdown })
}

async fn bind(address: SocketAddr, setting: &'static str) -> Result<(TcpListener, SocketAddr), WebError> {
    let error = |source| WebError::Listen { address, setting, source };
    let listener = TcpListener::bind(address).await.map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
}

fn service(state: WebState, body_limit: usize) -> Router {
    let receiver = webhook::Receiver::new(state.inbox, body_limit, webhook::Room::new(body_limit));
    let webhook = Router::new().route("/webhook", post(webhook::receive)).with_state(receiver);
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(health::HealthState { store: state.store, readiness: state.readiness });
    webhook.merge(health)
}

impl Serving {
    /// Waits for the end: of the shutdown, requests in flight included, or of a listener by itself, which is an error.
    pub(crate) async fn ended(mut self) -> Result<(), WebError> {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => ended??,
                    None => return Ok(()),
                },
            }
        }
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(ended) = self.tasks.join_next().await {
                ended??;
            }
            Ok(())
        })
        .await;
        drained.unwrap_or_else(|_| {
            tracing::warn!("requests in flight did not end in time and are cut off");
            self.tasks.abort_all();
            Ok(())
        })
    }
}
