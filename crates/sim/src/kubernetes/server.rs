//! The way of every request: who asks, what for, whether it is allowed, what a test makes go wrong, the answer, the log.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, serve as serve_http};
use tokio::net::TcpListener;

use super::error::{ApiError, text};
use super::faults::{Fault, RequestRecord, WatchFault};
use super::listener::BreakableListener;
use super::rbac::{self, Identity};
use super::request::{ApiRequest, Parameters, Target, header_text};
use super::{Shared, discovery, exec_session, lock, pod_log, reviews, verbs, watch};
use crate::connection::Breaker;

/// The largest body that a server takes, as etcd bounds it.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    let listener = BreakableListener { listener, shared: Arc::clone(&shared) };
    let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
    let server = serve_http(listener, router.into_make_service_with_connect_info::<Breaker>());
    tokio::select! {
        _ = server.into_future() => {}
        () = stop.cancelled() => {}
    }
    shared.faults.break_connections();
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    request: Request,
) -> Response {
    let method = request.method().clone();
    let path = request.uri().to_string();
    let query = Parameters::of(request.uri());
    let watches = query.flag("watch");
    let target = Target::parse(&method, request.uri().path(), watches);
    let verb = target.verb;
    let who = match authenticate(&shared, &request) {
        Ok(who) => who,
        Err(error) => {
            let user = String::new();
            record(
                &shared,
                RequestRecord { user, method: method.to_string(), verb: verb.into(), path, status: 401 },
            );
            return error.into_response();
        }
    };
    let user = who.name.clone();
    let full_resource = target.full_resource();
    let faults = shared.faults.meet(&target.facts(&full_resource, &user));
    let mut drop_after = false;
    let mut watch_fault = None;
    let mut refusal = None;
    for fault in faults {
        match fault {
            Fault::Delay(time) => tokio::time::sleep(time).await,
            Fault::Status(code) => refusal = Some(ApiError::from_code(code)),
            Fault::Forbid => refusal = Some(target.forbidden(&who, "")),
            Fault::DropBefore => {
                breaker.0.cancel();
                let record_of_drop =
                    RequestRecord { user, method: method.to_string(), verb: verb.into(), path, status: 0 };
                record(&shared, record_of_drop);
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            Fault::DropAfter => drop_after = true,
            Fault::Watch(fault) => watch_fault = Some(fault),
        }
    }
    let mut response = if let Some(error) = refusal {
        error.into_response()
    } else {
        let way = Way { breaker: &breaker, lose_outcome: drop_after, watch_fault };
        match answer(&shared, target, who, query, request, &way).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        }
    };
    if method == Method::HEAD {
        *response.body_mut() = axum::body::Body::empty();
    }
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let status = if drop_after && !upgraded { 0 } else { response.status().as_u16() };
    record(&shared, RequestRecord { user, method: method.to_string(), verb: verb.into(), path, status });
    if drop_after && !upgraded {
        breaker.0.cancel();
    }
    response
}

fn record(shared: &Shared, record: RequestRecord) {
    lock(&shared.requests).push(record);
}

fn authenticate(shared: &Shared, request: &Request) -> Result<Identity, ApiError> {
    let header = header_text(request.headers(), &header::AUTHORIZATION);
    match header.strip_prefix("Bearer ") {
        None if header.is_empty() => Ok(Identity::anonymous()),
        None => Err(ApiError::unauthorized()),
        Some(token) => lock(&shared.tokens).get(token.trim()).cloned().ok_or_else(ApiError::unauthorized),
    }
}

/// By what way an answer goes, and what happens to it there.
struct Way<'a> {
    breaker: &'a Breaker,
    lose_outcome: bool,
    watch_fault: Option<WatchFault>,
}

async fn answer(
    shared: &Arc<Shared>,
    target: Target,
    who: Identity,
    query: Parameters,
    request: Request,
    way: &Way<'_>,
) -> Result<Response, ApiError> {
    authorize(shared, &target, &who)?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.map_err(|_| {
        ApiError::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    })?;
    let request = ApiRequest { target, who, parts, query, body };
    if !request.target.is_resource {
        return plain_path(shared, &request);
    }
    if let Some(review) = reviews::answer(shared, &request) {
        return review;
    }
    let of = {
        let store = shared.store();
        let target = &request.target;
        store.resource_type(&target.group, &target.version, &target.resource)
    };
    let of = of.ok_or_else(ApiError::no_such_resource)?;
    // A namespaced kind without its namespace can be listed, nothing else; a cluster kind never lies in one.
    let in_namespace = !request.target.namespace.is_empty() && request.target.resource != "namespaces";
    if in_namespace != of.kind.namespaced
        && !(of.kind.namespaced && matches!(request.target.verb, "list" | "watch"))
    {
        return Err(ApiError::no_such_resource());
    }
    match (request.target.resource.as_str(), request.target.subresource.as_str()) {
        ("pods", "exec") if of.kind.group.is_empty() => {
            exec_session::answer(shared, request, way.breaker, way.lose_outcome).await
        }
        ("pods", "log") if of.kind.group.is_empty() => pod_log::answer(shared, &request),
        ("nodes", "proxy") if of.kind.group.is_empty() => pod_log::node_proxy(shared, &request),
        _ if request.target.verb == "watch" => {
            watch::answer(shared, &of, &request, way.breaker, way.watch_fault)
        }
        _ => verbs::answer(shared, &of, &request),
    }
}

fn authorize(shared: &Shared, target: &Target, who: &Identity) -> Result<(), ApiError> {
    let decision = rbac::decide(&shared.store(), who, target.wish());
    if !decision.allowed {
        return Err(target.forbidden(who, &decision.reason));
    }
    lock(&shared.usage).note(&decision);
    Ok(())
}

fn plain_path(shared: &Shared, request: &ApiRequest) -> Result<Response, ApiError> {
    match request.target.path.trim_end_matches('/') {
        "/healthz" | "/livez" | "/readyz" => {
            let body = if request.query.flag("verbose") {
                let check = request.target.path.trim_matches('/');
                format!("[+]ping ok\n[+]log ok\n[+]etcd ok\n{check} check passed\n")
            } else {
                "ok".to_owned()
            };
            Ok(text(StatusCode::OK, body))
        }
        _ => discovery::answer(shared, request),
    }
}
