//! A large cluster from the simulator, seen by the gate: how long until the first verdict, how soon a pod's change is seen,
//! what is asked meanwhile, and how much memory that takes; by watching, by listing, and beside `kubectl` where there is one.
//!
//! ```console
//! cargo run --features bench --example size -- --nodes 10 --pods 150 --unwell 0 --services 30
//! cargo run --release --features bench --example size
//! ```
//!
//! The gate looks from a process of its own, so that its memory is told apart from the simulator's. Prints numbers and judges
//! none. Everything is on loopback.

use caretaker::size::Gate;
use clap::Parser;
use serde_json::{Value, json};
use sim::kubernetes::{Kubernetes, LEASE, Options, POD};
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

type Failure = Box<dyn Error>;

#[derive(Debug, Parser)]
struct Arguments {
    /// Nodes.
    #[arg(long, default_value_t = 5_000)]
    nodes: usize,
    /// Pods on them.
    #[arg(long, default_value_t = 100_000)]
    pods: usize,
    /// How many of the pods are unwell.
    #[arg(long, default_value_t = 200)]
    unwell: usize,
    /// Services, each with a slice of three endpoints.
    #[arg(long, default_value_t = 10_000)]
    services: usize,
    /// Argo CD's Applications.
    #[arg(long, default_value_t = 1_000)]
    applications: usize,
    /// How many objects each of them holds.
    #[arg(long, default_value_t = 100)]
    resources: usize,
    /// How many changes of a pod are timed.
    #[arg(long, default_value_t = 20)]
    changes: usize,
    /// For how long it looks every ten seconds while nothing changes.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Looks at the cluster of a kubeconfig when it is told to: for the process that this one starts.
    #[arg(long, hide = true)]
    gate: Option<PathBuf>,
    /// Whether that one lists each time.
    #[arg(long, hide = true)]
    list: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    match &arguments.gate {
        Some(kubeconfig) => gate(kubeconfig, arguments.list).await,
        None => show(&arguments).await,
    }
}

/// Looks once for each line, or until so many pods are good, and says what it saw.
async fn gate(kubeconfig: &Path, list: bool) -> Result<(), Failure> {
    let gate = Gate::open(kubeconfig, !list).await?;
    // The watches go on in threads of their own meanwhile.
    for line in std::io::stdin().lines() {
        let line = line?;
        let wanted: Option<usize> = line.strip_prefix("until ").map(str::parse).transpose()?;
        let look = loop {
            let look = gate.look(line == "prove").await;
            if wanted.is_none_or(|wanted| look.pods.0 == wanted) {
                break look;
            }
            tokio::task::yield_now().await;
        };
        let (good, all) = look.pods;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}, {good} of {all} pods good, {} findings", look.verdict, look.findings)?;
        out.flush()?;
    }
    Ok(())
}

/// The process that looks.
struct Eye {
    child: Child,
    asked: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Eye {
    fn open(kubeconfig: &Path, list: bool) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--gate").arg(kubeconfig).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        if list {
            command.arg("--list");
        }
        let mut child = command.spawn()?;
        let asked = child.stdin.take().ok_or("no input")?;
        let said = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        Ok(Self { child, asked, said })
    }

    async fn ask(&mut self, line: &str) -> Result<(Duration, String), Failure> {
        let begun = Instant::now();
        self.asked.write_all(format!("{line}\n").as_bytes()).await?;
        let said = self.said.next_line().await?.ok_or("the gate's process ended")?;
        Ok((begun.elapsed(), said))
    }

    fn memory(&self, field: &str) -> String {
        memory(self.child.id(), field).map_or_else(|| "?".to_owned(), |mega| format!("{mega} MB"))
    }
}

/// A field of a process's state, in megabytes.
fn memory(process: Option<u32>, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process?)).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}

async fn show(arguments: &Arguments) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let server = Kubernetes::start(Options::default()).await?;
    let begun = Instant::now();
    fill(&server, arguments);
    let _kubelets = AbortOnDrop(tokio::spawn(report(server.clone(), arguments.nodes)));
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig(&server.admin_token()))?;
    let build = if cfg!(debug_assertions) { "an unoptimised build" } else { "an optimised build" };
    say(&format!(
        "{} nodes, {} pods in {} Deployments, {} unwell, {} Services, {} Applications of {} objects, filled in {} s; {build}",
        arguments.nodes,
        arguments.pods,
        deployments(arguments),
        arguments.unwell,
        arguments.services,
        arguments.applications,
        arguments.resources,
        begun.elapsed().as_secs()
    ))?;

    let mut eye = Eye::open(&kubeconfig, false)?;
    let (first, said) = eye.ask("look").await?;
    say(&format!("watching    first verdict after {} ms: {said}", first.as_millis()))?;
    say(&format!("            memory {}, at most {}", eye.memory("VmRSS"), eye.memory("VmHWM")))?;
    changes(&server, arguments, &mut eye).await?;
    let (proof, _) = eye.ask("prove").await?;
    say(&format!("            a look that proves that nothing is missing takes {} ms", proof.as_millis()))?;
    let since = server.requests().len();
    let rounds = arguments.idle / 10;
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_secs(10)).await;
        eye.ask("look").await?;
    }
    if rounds > 0 {
        let asked = (server.requests().len() - since) as u64 * 60 / (rounds * 10);
        say(&format!("            {asked} requests a minute while it looks every ten seconds"))?;
    }
    say(&format!("            memory {}, at most {}", eye.memory("VmRSS"), eye.memory("VmHWM")))?;
    drop(eye);

    let mut eye = Eye::open(&kubeconfig, true)?;
    let since = server.requests().len();
    let (first, said) = eye.ask("look").await?;
    say(&format!("listing     a verdict after {} ms: {said}", first.as_millis()))?;
    say(&format!("            {} requests", server.requests().len() - since))?;
    say(&format!("            memory {}, at most {}", eye.memory("VmRSS"), eye.memory("VmHWM")))?;
    drop(eye);

    // It sends no token where nothing is encrypted.
    server.apply_manifests(ANYBODY)?;
    kubectl(&kubeconfig).await?;
    server.shutdown().await;
    Ok(())
}

/// A pod breaks and is well again, and each time the gate looks until it sees that.
async fn changes(server: &Kubernetes, arguments: &Arguments, eye: &mut Eye) -> Result<(), Failure> {
    let good = arguments.pods - arguments.unwell;
    let mut times = Vec::new();
    for number in 0..arguments.changes {
        let broken = number % 2 == 0;
        let name = name_of(arguments.pods - 1);
        let status = status(!broken);
        let begun = Instant::now();
        server.merge_patch_status(&POD, Some(&namespace_of((arguments.pods - 1) / PODS)), &name, &status);
        eye.ask(&format!("until {}", if broken { good - 1 } else { good })).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    if let (Some(middle), Some(last)) = (times.get(times.len() / 2), times.last()) {
        say(&format!(
            "            a change of a pod is in the verdict after {:.1} ms (median of {}), at most {:.1} ms",
            middle.as_secs_f64() * 1e3,
            times.len(),
            last.as_secs_f64() * 1e3
        ))?;
    }
    Ok(())
}

/// Lets anybody read everything.
const ANYBODY: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: anybody}
rules:
  - {apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}
  - {nonResourceURLs: ['*'], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: anybody}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: anybody}
subjects: [{kind: User, name: 'system:anonymous', apiGroup: rbac.authorization.k8s.io}]
";

/// What `kubectl get pods -A` takes on the same simulator.
async fn kubectl(kubeconfig: &Path) -> Result<(), Failure> {
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig).args(["get", "pods", "-A"]);
    let begun = Instant::now();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = spawned else { return say("kubectl     is not here") };
    let process = child.id();
    let mut most = 0;
    let status = loop {
        most = most.max(memory(process, "VmHWM").unwrap_or(0));
        tokio::select! {
            status = child.wait() => break status?,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    };
    let took = begun.elapsed().as_millis();
    say(&format!("kubectl     get pods -A takes {took} ms, memory at most {most} MB ({status})"))
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

fn namespace_of(number: usize) -> String {
    format!("team-{:03}", number % 200)
}

fn name_of(number: usize) -> String {
    format!("app-{:05}-6d5f8c9b7-{number:06}", number / PODS)
}

/// How many pods a Deployment has.
const PODS: usize = 10;

fn deployments(arguments: &Arguments) -> usize {
    arguments.pods.div_ceil(PODS)
}

/// Where the kubelets' leases are.
const LEASES: &str = "kube-node-lease";

/// A kubelet renews its lease so often, in seconds.
const RENEWED: usize = 10;

/// Ends a task when it is dropped.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn micro_time() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn node_name(number: usize) -> String {
    format!("metal-{number:05}")
}

/// What kubelets and the control plane do all the time to show that they live.
async fn report(server: Kubernetes, nodes: usize) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for round in 0_usize.. {
        second.tick().await;
        let renewed = json!({"spec": {"renewTime": micro_time()}});
        server.merge_patch(&LEASE, Some("kube-system"), "kube-controller-manager", &renewed);
        for number in (round % RENEWED..nodes).step_by(RENEWED) {
            server.merge_patch(&LEASE, Some(LEASES), &node_name(number), &renewed);
        }
    }
}

fn fill(server: &Kubernetes, arguments: &Arguments) {
    for number in 0..200 {
        server.namespace(&format!("team-{number:03}"));
    }
    for number in 0..arguments.nodes {
        let name = node_name(number);
        let now = jiff::Timestamp::now();
        let condition = |kind: &str, status: &str| {
            json!({"type": kind, "status": status, "reason": "KubeletHasSufficientMemory", "message": "kubelet has enough",
                "lastHeartbeatTime": now.to_string(), "lastTransitionTime": "2026-11-01T00:00:00Z"})
        };
        let images: Vec<Value> = (0..10)
            .map(|image| json!({"names": [format!("registry.example.org/image-{image}@sha256:0123456789abcdef")], "sizeBytes": 1}))
            .collect();
        server.apply(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {},
            "status": {"nodeInfo": {"kubeletVersion": "v1.36.0"}, "images": images, "conditions": [
                condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True")]}}));
        server.apply(lease(LEASES, &name));
    }
    server.apply(lease("kube-system", "kube-controller-manager"));
    for number in 0..arguments.pods {
        let well = number >= arguments.unwell;
        let (namespace, name) = (namespace_of(number / PODS), name_of(number));
        let app = app_name(number / PODS);
        let variables: Vec<Value> = (0..8)
            .map(
                |variable| json!({"name": format!("VARIABLE_{variable}"), "value": "a value of some length"}),
            )
            .collect();
        server.apply(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-01T00:00:00Z",
                "labels": {"app": app, "pod-template-hash": "6d5f8c9b7"},
                "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
                    "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}}],
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-6d5f8c9b7"),
                    "uid": "1", "controller": true}]},
            "spec": {"nodeName": format!("metal-{:05}", number % arguments.nodes.max(1)),
                "containers": [{"name": "app", "image": "registry.example.org/app:1", "env": variables}]},
            "status": status(well)}));
    }
    for number in 0..deployments(arguments) {
        server.apply(workload("Deployment", &namespace_of(number), &app_name(number), PODS));
    }
    fill_services(server, arguments);
    if arguments.applications > 0 {
        server.namespace("argocd");
        server.apply(workload("StatefulSet", "argocd", "argocd-application-controller", 1));
    }
    for number in 0..arguments.applications {
        server.apply(application(number, arguments.resources));
    }
}

fn app_name(number: usize) -> String {
    format!("app-{number:05}")
}

fn lease(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micro_time()}})
}

fn workload(kind: &str, namespace: &str, name: &str, replicas: usize) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-11-01T00:00:00Z",
            "labels": {"app": name, "app.kubernetes.io/name": name}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "registry.example.org/app:1"}]}}},
        "status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "updatedReplicas": replicas,
            "availableReplicas": replicas}})
}

fn application(number: usize, resources: usize) -> Value {
    let namespace = namespace_of(number);
    let resources: Vec<Value> = (0..resources)
        .map(|resource| {
            json!({"group": "apps", "version": "v1", "kind": "Deployment", "namespace": namespace,
                "name": format!("app-{number:05}-{resource:03}"), "status": "Synced", "health": {"status": "Healthy"}})
        })
        .collect();
    let source = json!({"repoURL": "https://git.example.org/ops/homelab.git", "path": app_name(number), "targetRevision": "main"});
    let destination = json!({"server": "https://kubernetes.default.svc", "namespace": namespace});
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": app_name(number), "namespace": "argocd", "creationTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"project": "default", "source": source, "destination": destination,
            "syncPolicy": {"automated": {"prune": true}}},
        "status": {"sync": {"status": "Synced", "revision": "a".repeat(40),
                "comparedTo": {"source": source, "destination": destination}},
            "health": {"status": "Healthy"}, "reconciledAt": jiff::Timestamp::now().to_string(), "resources": resources}})
}

fn fill_services(server: &Kubernetes, arguments: &Arguments) {
    for number in 0..arguments.services {
        let (namespace, name) = (namespace_of(number), app_name(number));
        let metadata = json!({"name": name, "namespace": namespace, "creationTimestamp": "2026-11-01T00:00:00Z",
            "labels": {"app": name, "kubernetes.io/service-name": name}});
        server.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}}));
        let endpoint = |address: usize| {
            json!({"addresses": [format!("10.0.{}.{address}", number % 250)], "nodeName": "metal-00001",
                "conditions": {"ready": true, "serving": true, "terminating": false}})
        };
        server.apply(
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata,
            "addressType": "IPv4", "endpoints": (1..=3).map(endpoint).collect::<Vec<_>>()}),
        );
    }
}

fn status(well: bool) -> Value {
    let (ready, state) = if well {
        ("True", json!({"running": {"startedAt": "2026-11-01T00:00:00Z"}, "waiting": null}))
    } else {
        ("False", json!({"waiting": {"reason": "CrashLoopBackOff"}, "running": null}))
    };
    json!({"phase": "Running",
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-01T00:00:00Z"}],
        "containerStatuses": [{"name": "app", "ready": well, "restartCount": 0, "state": state,
            "image": "registry.example.org/app:1", "imageID": ""}]})
}
