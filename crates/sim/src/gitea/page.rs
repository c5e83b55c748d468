//! placeholder
use super::Gitea;
use axum::Router;
pub(crate) fn routes() -> Router<Gitea> {
    Router::new()
}
