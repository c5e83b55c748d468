//! A command in a container, over a web socket.
//!
//! The command is a list of arguments and no shell ever sees it. Decides: only the final status tells how a command
//! ended. A connection that closes without one is an error, never a success.

use super::client::Kubernetes;
use super::request::{failed, refusal_of, unreadable};
use super::{ClusterError, ClusterResult, ExecOutput};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt};

/// So many bytes of output are read of each stream; a command that says more is not understood.
const OUTPUT: u64 = 8 * 1024 * 1024;

impl Kubernetes {
    pub(super) async fn run(
        &self,
        namespace: &str,
        pod_label: &str,
        container: Option<&str>,
        command: &[&str],
    ) -> ClusterResult<ExecOutput> {
        let pod = self.ready_pod(namespace, pod_label).await?;
        let what = format!("exec of `{}` in {namespace}/{pod}", command.join(" "));
        let timeout = self.settings().exec_timeout();
        tokio::time::timeout(timeout, self.run_in(&what, namespace, &pod, container, command))
            .await
            .unwrap_or_else(|_| {
                Err(ClusterError::Unavailable {
                    what: what.clone(),
                    said: format!("no end within {} s", timeout.as_secs()),
                })
            })
    }

    async fn ready_pod(&self, namespace: &str, pod_label: &str) -> ClusterResult<String> {
        let selector: String = url::form_urlencoded::byte_serialize(pod_label.as_bytes()).collect();
        let pods: Vec<Pod> = self
            .connection()
            .list(
                &format!("/api/v1/namespaces/{namespace}/pods"),
                &format!("labelSelector={selector}"),
                "PodList",
            )
            .await?;
        pods.into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .filter(|pod| {
                let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
                conditions
                    .is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
            })
            .find_map(|pod| pod.metadata.name)
            .ok_or_else(|| ClusterError::NotFound {
                what: format!("a ready pod labelled {pod_label} in {namespace}"),
            })
    }

    async fn run_in(
        &self,
        what: &str,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        command: &[&str],
    ) -> ClusterResult<ExecOutput> {
        let pods: Api<Pod> = Api::namespaced(self.connection().client.clone(), namespace);
        let parameters = AttachParams { container: container.map(str::to_owned), ..AttachParams::default() };
        let mut process = pods
            .exec(pod, command.iter().copied(), &parameters)
            .await
            .map_err(|error| handshake(what, error))?;
        let status = process.take_status();
        let (stdout, stderr) = output(&mut process);
        let (stdout, stderr) = tokio::join!(gather(what, stdout), gather(what, stderr));
        let (stdout, stderr) = (stdout?, stderr?);
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let Some(status) = status else {
            return Err(unreadable(what, &"the connection ended without a final status"));
        };
        Ok(ExecOutput { stdout, stderr, exit_code: exit_code(what, &status)? })
    }
}

type Stream = Option<Box<dyn AsyncRead + Send + Unpin>>;

fn output(process: &mut AttachedProcess) -> (Stream, Stream) {
    let stdout = process.stdout().map(|stream| Box::new(stream) as Box<dyn AsyncRead + Send + Unpin>);
    let stderr = process.stderr().map(|stream| Box::new(stream) as Box<dyn AsyncRead + Send + Unpin>);
    (stdout, stderr)
}

async fn gather(what: &str, stream: Stream) -> ClusterResult<String> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let read =
            stream.take(OUTPUT).read_to_end(&mut bytes).await.map_err(|error| unreadable(what, &error))?;
        if read as u64 == OUTPUT {
            return Err(unreadable(what, &"more output than is read"));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a handshake that failed means: missing pods, containers and rights are told here, with a Status.
fn handshake(what: &str, error: kube::Error) -> ClusterError {
    use kube::client::UpgradeConnectionError::ProtocolSwitch;
    match error {
        kube::Error::UpgradeConnection(ProtocolSwitch(status)) => {
            refusal_of(what, status.as_u16(), "the upgrade was refused".to_owned())
        }
        error => failed(what, error),
    }
}

/// The exit code out of the final status.
fn exit_code(what: &str, status: &Status) -> ClusterResult<i32> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let message = status.message.clone().unwrap_or_default();
    if status.reason.as_deref() != Some("NonZeroExitCode") {
        return Err(ClusterError::Unavailable { what: what.to_owned(), said: message });
    }
    status
        .details
        .iter()
        .flat_map(|details| details.causes.iter().flatten())
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .and_then(|cause| cause.message.as_deref())
        .and_then(|code| code.parse().ok())
        .filter(|code| *code != 0)
        .ok_or_else(|| unreadable(what, &format!("a failure without an exit code: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_final_status_tells_the_exit_code() {
        let failure = |reason: &str, causes: serde_json::Value| json!({"status": "Failure", "reason": reason, "message": "m", "details": {"causes": causes}});
        let cases = [
            (json!({"status": "Success"}), Some(0)),
            (failure("NonZeroExitCode", json!([{"reason": "ExitCode", "message": "3"}])), Some(3)),
            (failure("NonZeroExitCode", json!([{"reason": "ExitCode", "message": "x"}])), None),
            (failure("NonZeroExitCode", json!([{"reason": "ExitCode", "message": "0"}])), None),
            (failure("NonZeroExitCode", json!([])), None),
            (failure("InternalError", json!([{"message": "no route to host"}])), None),
            (json!({}), None),
        ];
        for (status, expected) in cases {
            let parsed: Status = serde_json::from_value(status.clone()).expect("a Status");
            assert_eq!(exit_code("exec", &parsed).ok(), expected, "{status}");
        }
    }
}
