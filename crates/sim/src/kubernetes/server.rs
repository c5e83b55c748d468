//! The listener.
use super::Shared;
use std::sync::Arc;
use tokio::net::TcpListener;
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    shared.stop.cancelled().await;
    drop(listener);
}
