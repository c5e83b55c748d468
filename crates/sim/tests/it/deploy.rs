//! The manifests of `deploy/`: they parse, they belong together, they grant little, and the simulator takes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::{Value, json};
use sim::kubernetes::{Kubernetes, Options};

fn kustomize() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/kustomize")
}

fn folders() -> Vec<PathBuf> {
    let mut folders = vec![kustomize().join("base")];
    let components = std::fs::read_dir(kustomize().join("components")).unwrap();
    folders.extend(components.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()));
    folders.sort();
    folders
}

fn documents(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    serde_norway::Deserializer::from_str(&text)
        .map(|document| {
            Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}

/// The files that a kustomization names.
fn resources(folder: &Path) -> Vec<PathBuf> {
    let kustomization = documents(&folder.join("kustomization.yaml")).remove(0);
    let kind = if folder.ends_with("base") { "Kustomization" } else { "Component" };
    assert_eq!(kustomization["kind"], kind, "{}", folder.display());
    let names = kustomization["resources"].as_array().unwrap();
    names.iter().map(|name| folder.join(name.as_str().unwrap())).collect()
}

fn all_objects() -> Vec<(PathBuf, Value)> {
    let files = folders().into_iter().flat_map(|folder| resources(&folder));
    files.flat_map(|file| documents(&file).into_iter().map(move |object| (file.clone(), object))).collect()
}

#[test]
fn every_file_is_named_and_every_named_file_is_there() {
    for folder in folders() {
        let named: BTreeSet<PathBuf> = resources(&folder).into_iter().collect();
        let there: BTreeSet<PathBuf> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                !path.ends_with("kustomization.yaml") && !path.to_string_lossy().ends_with(".example.yaml")
            })
            .collect();
        assert_eq!(named, there, "{}", folder.display());
    }
}

#[test]
fn only_what_nothing_uses_is_said_to_be_used_by_nothing() {
    for folder in folders() {
        let text = std::fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
        let says_so = text.contains("No feature uses");
        assert_eq!(says_so, folder.ends_with("drain"), "{}", folder.display());
    }
}

#[test]
fn every_document_is_an_object() {
    let template = kustomize().join("base/secret.example.yaml");
    let secrets = documents(&template).into_iter().map(|object| (template.clone(), object));
    for (file, object) in all_objects().into_iter().chain(secrets) {
        for field in ["/apiVersion", "/kind", "/metadata/name"] {
            assert!(object.pointer(field).is_some_and(Value::is_string), "{} {field}", file.display());
        }
    }
}

#[test]
fn no_rule_reads_secrets_or_takes_all() {
    let mut rules = 0;
    for (file, object) in all_objects() {
        let kind = object["kind"].as_str().unwrap();
        if !matches!(kind, "Role" | "ClusterRole") {
            continue;
        }
        for rule in object["rules"].as_array().unwrap() {
            rules += 1;
            for field in ["apiGroups", "resources", "verbs"] {
                for value in rule[field].as_array().unwrap() {
                    assert!(!value.as_str().unwrap().contains('*'), "{}: {rule}", file.display());
                }
            }
            let named = rule["resources"].as_array().unwrap();
            assert!(!named.contains(&json!("secrets")), "{}: {rule}", file.display());
        }
    }
    assert!(rules > 5, "the rules were found");
}

#[test]
fn every_binding_gives_a_role_of_its_file_to_the_service_account() {
    let objects = all_objects();
    for (file, binding) in &objects {
        let kind = binding["kind"].as_str().unwrap();
        let Some(role_kind) = kind.strip_suffix("Binding") else { continue };
        let role = objects.iter().find(|(of, object)| {
            of == file
                && object["kind"] == role_kind
                && object["metadata"] == json!(binding["metadata"])
                && object["metadata"]["name"] == binding["roleRef"]["name"]
        });
        assert!(role.is_some(), "{}: {}", file.display(), binding["metadata"]);
        let account = json!([{"kind": "ServiceAccount", "name": "caretaker", "namespace": "caretaker"}]);
        assert_eq!(binding["subjects"], account, "{}", file.display());
    }
}

#[test]
fn the_pod_has_no_more_than_it_needs() {
    let objects = all_objects();
    let of = |kind: &str| &objects.iter().find(|(_, object)| object["kind"] == kind).unwrap().1;
    let deployment = of("Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["serviceAccountName"], of("ServiceAccount")["metadata"]["name"]);
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}})
    );
    assert_eq!(container["livenessProbe"]["httpGet"], json!({"path": "/healthz", "port": "http"}));
    assert_eq!(container["readinessProbe"]["httpGet"], json!({"path": "/readyz", "port": "http"}));
    assert_eq!(container["ports"][0], json!({"name": "http", "containerPort": 8080}));
    for kind in ["requests", "limits"] {
        assert!(container["resources"][kind]["memory"].is_string(), "{kind}");
    }
    let claim = of("PersistentVolumeClaim")["metadata"]["name"].clone();
    let volumes = pod["volumes"].as_array().unwrap();
    let store = volumes.iter().find(|v| v["name"] == "store").unwrap();
    assert_eq!(store["persistentVolumeClaim"]["claimName"], claim);
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|m| m["name"] == "store").unwrap();
    assert_eq!(mount["mountPath"], "/var/lib/caretaker");
    assert_eq!(of("Service")["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]);
    assert_eq!(
        of("Service")["spec"]["publishNotReadyAddresses"],
        true,
        "deliveries arrive while the forge is down"
    );
}

#[test]
fn patches_of_components_change_objects_of_the_base() {
    let objects = all_objects();
    let mut patches = 0;
    for folder in folders() {
        let kustomization = documents(&folder.join("kustomization.yaml")).remove(0);
        for patch in kustomization["patches"].as_array().into_iter().flatten() {
            let text = patch["patch"].as_str().unwrap();
            let patch = Value::deserialize(serde_norway::Deserializer::from_str(text)).unwrap();
            let target = objects.iter().map(|(_, object)| object).find(|object| {
                ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"]
                    .iter()
                    .all(|field| object.pointer(field) == patch.pointer(field))
            });
            assert!(target.is_some(), "{}: {patch}", folder.display());
            patches += 1;
        }
    }
    assert_eq!(patches, 1, "the exec component switches its feature on");
}

#[tokio::test]
async fn the_simulator_takes_them_all() {
    let kube = Kubernetes::start(Options::default()).await.unwrap();
    for folder in folders() {
        for file in resources(&folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            kube.apply_manifests(&text).unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
        }
    }
    let rules = kube.rbac_usage();
    for wanted in ["list nodes", "patch applications.argoproj.io", "create pods/exec", "delete pods"] {
        let (verb, resource) = wanted.split_once(' ').unwrap();
        assert!(rules.iter().any(|r| r.verb == verb && r.resource == resource), "{wanted}");
    }
    assert!(rules.iter().all(|r| !r.used), "nobody has asked for anything yet");
    kube.shutdown().await;
}

#[test]
fn the_image_runs_without_root() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/Containerfile");
    let text = std::fs::read_to_string(file).unwrap();
    let last_stage = text.rsplit("\nFROM ").next().unwrap();
    assert!(last_stage.contains("distroless") && last_stage.contains("USER 65532:65532"), "{last_stage}");
}
