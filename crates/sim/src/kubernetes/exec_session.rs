//! Exec over WebSocket: the handshake, the channels, and the one frame that says how it ended.

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::error::{ApiError, cause};
use super::exec::{ExecAnswer, ExecRequest};
use super::kind::POD;
use super::metadata::text;
use super::request::ApiRequest;
use super::store::Key;
use super::{Shared, lock, pod_log, rbac};
use crate::connection::Breaker;

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";
/// The largest piece of output in one frame.
const FRAME: usize = 32 * 1024;

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// What is sent, decided before the connection is upgraded.
struct Session {
    stdout: Option<Vec<u8>>,
    stderr: Option<Vec<u8>>,
    /// `None` when the outcome gets lost.
    status: Option<Value>,
}

pub(crate) async fn answer(
    shared: &Arc<Shared>,
    mut request: ApiRequest,
    breaker: &Breaker,
    lose_outcome: bool,
) -> Result<Response, ApiError> {
    let target = &request.target;
    if !matches!(target.verb, "get" | "create") {
        return Err(ApiError::method_not_allowed());
    }
    // The handshake is a GET, and what it does is a create: the server asks for both rights.
    let decision = rbac::decide(&shared.store(), &request.who, target.wish_as("create"));
    if !decision.allowed {
        return Err(ApiError::forbidden_wordless(&target.resource, &target.name));
    }
    lock(&shared.usage).note(&decision);
    let (namespace, name) = (target.namespace.clone(), target.name.clone());
    let pod = shared
        .store()
        .get(&Key::new(&POD, &namespace, &name))
        .ok_or_else(|| ApiError::not_found(&POD, &name))?;
    let container = pod_log::container(&pod, request.query.get("container"))?;
    let node = text(&pod, "/spec/nodeName");
    if node.is_empty() {
        return Err(ApiError::bad_request(format!("pod {name} does not have a host assigned")));
    }
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut request.parts, &()).await else {
        return Err(ApiError::bad_request("Upgrade request required"));
    };
    let upgrade = upgrade.protocols([V5, V4]);
    let Some(protocol) = upgrade.selected_protocol() else {
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    let translated = protocol == V5;
    let command = request.query.all("command");
    let wants = |stream: &str| request.query.flag(stream);
    let asked = ExecRequest { namespace: &namespace, name: &name, container, pod: &pod, command: &command };
    let (answer, status) = if !pod_log::answers(shared, node) {
        (ExecAnswer::default(), internal_error(&pod_log::dial_error(node, "/exec")))
    } else if !wants("stdout") && !wants("stderr") && !wants("stdin") {
        (ExecAnswer::default(), internal_error("you must specify at least 1 of stdin, stdout, stderr"))
    } else if let Some(answer) = shared.exec.answer(&asked) {
        let status = outcome(answer.exit_code, translated);
        (answer, status)
    } else {
        let word = command.first().map_or("", String::as_str);
        let why = format!(
            "error executing command in container: exec: \"{word}\": executable file not found in $PATH"
        );
        (ExecAnswer::default(), internal_error(&why))
    };
    let session = Session {
        stdout: wants("stdout").then(|| answer.stdout.into_bytes()),
        stderr: wants("stderr").then(|| answer.stderr.into_bytes()),
        status: (!lose_outcome).then_some(status),
    };
    let broken = breaker.0.clone();
    Ok(upgrade.on_upgrade(async move |socket| {
        let lost = session.status.is_none();
        // A client that went away is its own affair.
        let _ = session.run(socket).await;
        if lost {
            broken.cancel();
        }
    }))
}

fn outcome(exit_code: i32, translated: bool) -> Value {
    if exit_code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    let text = format!("command terminated with exit code {exit_code}");
    // v5 goes through the server's translation, v4 comes straight from the kubelet, which has no metadata.
    let mut status = json!({
        "metadata": {}, "status": "Failure", "message": format!("command terminated with non-zero exit code: {text}"),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": exit_code.to_string()}]},
    });
    if !translated {
        super::metadata::remove(&mut status, "metadata");
    }
    status
}

fn internal_error(message: &str) -> Value {
    json!({
        "metadata": {}, "status": "Failure", "message": format!("Internal error occurred: {message}"),
        "reason": "InternalError", "details": {"causes": [cause("", message, "")]}, "code": 500,
    })
}

fn channel(number: u8, data: &[u8]) -> Message {
    let mut frame = Vec::with_capacity(data.len() + 1);
    frame.push(number);
    frame.extend_from_slice(data);
    Message::Binary(frame.into())
}

impl Session {
    async fn run(self, mut socket: WebSocket) -> Result<(), axum::Error> {
        // The server opens with an empty frame on the first stream that it writes to.
        let first = match (&self.stdout, &self.stderr) {
            (Some(_), _) => STDOUT,
            (None, Some(_)) => STDERR,
            (None, None) => STATUS,
        };
        socket.send(channel(first, &[])).await?;
        for (number, data) in [(STDOUT, &self.stdout), (STDERR, &self.stderr)] {
            for piece in data.as_deref().unwrap_or_default().chunks(FRAME) {
                socket.send(channel(number, piece)).await?;
            }
        }
        let Some(status) = self.status else { return Ok(()) };
        socket.send(channel(STATUS, status.to_string().as_bytes())).await?;
        socket.send(Message::Close(Some(CloseFrame { code: 1000, reason: "".into() }))).await?;
        // Until the client has closed its side too, or has gone.
        while let Some(Ok(_)) = socket.recv().await {}
        Ok(())
    }
}
