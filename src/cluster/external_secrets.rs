//! External Secrets: what is copied into Secrets, and from which stores. The Secrets themselves are never asked for.

use super::client::Kubernetes;
use super::decode::{conditions, items, object_name, parse_time, text};
use super::{ClusterResult, Condition, Freshness, Installed, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::time::Duration;

/// The versions of the API, the newest first. The older one alone is served before 0.16.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
/// What holds where `refreshInterval` is not given.
const DEFAULT_INTERVAL: Duration = Duration::from_hours(1);

/// How often an `ExternalSecret` is read from its store again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// Not by itself, or within windows alone: its age tells nothing.
    Never,
    /// So often.
    Every(Duration),
    /// The interval is no duration.
    Unreadable,
}

/// An `ExternalSecret`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalSecret {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// `Ready`, where reported.
    pub(crate) ready: Option<Condition>,
    /// When it was read from its store last, with success.
    pub(crate) refreshed_at: Option<Timestamp>,
    /// How often it shall be.
    pub(crate) refresh: Refresh,
    /// All stores that it names.
    pub(crate) stores: Vec<ObjectRef>,
}

impl ExternalSecret {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new("ExternalSecret", &self.namespace, &self.name)
    }
}

/// A `SecretStore` or `ClusterSecretStore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretStore {
    /// What it is.
    pub(crate) object: ObjectRef,
    /// The class of the controller that it is for; none where any takes it.
    pub(crate) class: Option<String>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// `Ready`, where reported.
    pub(crate) ready: Option<Condition>,
}

/// All objects of External Secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalSecrets {
    /// What is copied.
    pub(crate) secrets: Vec<ExternalSecret>,
    /// From where.
    pub(crate) stores: Vec<SecretStore>,
}

impl Kubernetes {
    /// All of them, in the newest version that is served.
    pub(super) async fn read_external_secrets(
        &self,
        freshness: Freshness,
    ) -> ClusterResult<Installed<ExternalSecrets>> {
        for version in VERSIONS {
            let group = format!("/apis/external-secrets.io/{version}");
            let path = format!("{group}/externalsecrets");
            let Installed::Yes(secrets) =
                self.all(&path, "ExternalSecretList", external_secret, freshness).await?
            else {
                continue;
            };
            let (own, shared) = (format!("{group}/secretstores"), format!("{group}/clustersecretstores"));
            let (own, shared) = tokio::join!(
                self.all(&own, "SecretStoreList", secret_store, freshness),
                self.all(&shared, "ClusterSecretStoreList", cluster_secret_store, freshness),
            );
            let (own, shared) = (own?, shared?);
            // A chart may leave a kind of store away. One that somebody names and nobody serves is another thing.
            let named =
                |kind: &str| secrets.iter().flat_map(|secret| &secret.stores).any(|one| one.kind == kind);
            let of_kind = |stores: Installed<Vec<SecretStore>>, kind: &str| {
                if named(kind) { stores.served(&group, kind) } else { Ok(stores.into_items()) }
            };
            let mut stores = of_kind(own, "SecretStore")?;
            stores.extend(of_kind(shared, "ClusterSecretStore")?);
            return Ok(Installed::Yes(ExternalSecrets { secrets, stores }));
        }
        Ok(Installed::No)
    }
}

fn ready(object: &Value) -> Option<Condition> {
    conditions(&object["status"]).into_iter().find(|condition| condition.kind == "Ready")
}

/// An `ExternalSecret` as the API server lists it.
pub(super) fn external_secret(object: &Value) -> Result<ExternalSecret, String> {
    let (namespace, name) = object_name(object)?;
    Ok(ExternalSecret {
        namespace,
        name,
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        ready: ready(object),
        refreshed_at: parse_time(&object["status"]["refreshTime"]),
        refresh: refresh(&object["spec"]),
        stores: stores_of(&object["spec"], &text(&object["metadata"]["namespace"])),
    })
}

/// The store of the whole, and those of its parts. Without a word on it a store is one of the namespace.
fn stores_of(spec: &Value, namespace: &str) -> Vec<ObjectRef> {
    let parts = items(&spec["data"]).chain(items(&spec["dataFrom"]));
    let named = std::iter::once(&spec["secretStoreRef"])
        .chain(parts.map(|part| &part["sourceRef"]["storeRef"]))
        .filter_map(|store| Some((store["kind"].as_str(), store["name"].as_str()?)));
    let mut stores: Vec<ObjectRef> = named
        .map(|(kind, name)| match kind {
            Some("ClusterSecretStore") => ObjectRef::new("ClusterSecretStore", "", name),
            Some(_) | None => ObjectRef::new("SecretStore", namespace, name),
        })
        .collect();
    stores.sort();
    stores.dedup();
    stores
}

fn refresh(spec: &Value) -> Refresh {
    let policy = spec["refreshPolicy"].as_str();
    if matches!(policy, Some("CreatedOnce" | "OnChange")) || spec["syncWindows"].is_object() {
        return Refresh::Never;
    }
    match spec["refreshInterval"].as_str() {
        None => Refresh::Every(DEFAULT_INTERVAL),
        Some("0") => Refresh::Never,
        Some(interval) => match interval.parse::<SignedDuration>().map(Duration::try_from) {
            Ok(Ok(Duration::ZERO)) => Refresh::Never,
            Ok(Ok(interval)) => Refresh::Every(interval),
            Ok(Err(_)) | Err(_) => Refresh::Unreadable,
        },
    }
}

fn secret_store(object: &Value) -> Result<SecretStore, String> {
    store("SecretStore", object)
}

fn cluster_secret_store(object: &Value) -> Result<SecretStore, String> {
    store("ClusterSecretStore", object)
}

fn store(kind: &str, object: &Value) -> Result<SecretStore, String> {
    let (namespace, name) = object_name(object)?;
    Ok(SecretStore {
        object: ObjectRef::new(kind, &namespace, &name),
        class: Some(text(&object["spec"]["controller"])).filter(|class| !class.is_empty()),
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        ready: ready(object),
    })
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::super::recorded;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_recorded_secrets_are_read() {
        let synced = recorded::external_secret(42);
        assert_eq!(synced.object().to_string(), "ExternalSecret db/ok");
        assert_eq!(synced.refresh, Refresh::Every(Duration::from_hours(1)));
        let failing = recorded::external_secret(43);
        assert_eq!(failing.ready.map(|ready| ready.status), Some(ConditionStatus::False));
        assert!(failing.refreshed_at < synced.refreshed_at && failing.refreshed_at.is_some());
    }

    #[test]
    fn intervals_are_read_as_they_are_written() {
        let minutes = |minutes| Refresh::Every(Duration::from_mins(minutes));
        for (spec, expected) in [
            (json!({}), minutes(60)),
            (json!({"refreshInterval": "15m"}), minutes(15)),
            (json!({"refreshInterval": "1h30m"}), minutes(90)),
            (json!({"refreshInterval": "1h0m0s"}), minutes(60)),
            (json!({"refreshInterval": "24h0m0s", "refreshPolicy": "Periodic"}), minutes(24 * 60)),
            (json!({"refreshInterval": "0"}), Refresh::Never),
            (json!({"refreshInterval": "0s"}), Refresh::Never),
            (json!({"refreshInterval": "1h", "refreshPolicy": "CreatedOnce"}), Refresh::Never),
            (json!({"refreshInterval": "1h", "refreshPolicy": "OnChange"}), Refresh::Never),
            (json!({"refreshInterval": "1h", "refreshPolicy": "Sometimes"}), minutes(60)),
            (json!({"refreshInterval": "1h", "syncWindows": {"kind": "allow"}}), Refresh::Never),
            (json!({"refreshInterval": "often"}), Refresh::Unreadable),
            (json!({"refreshInterval": "-1h"}), Refresh::Unreadable),
        ] {
            assert_eq!(refresh(&spec), expected, "{spec}");
        }
    }

    #[test]
    fn the_stores_of_a_secret_are_those_of_its_parts_as_well() {
        let own = |name: &str| ObjectRef::new("SecretStore", "db", name);
        let shared = |name: &str| ObjectRef::new("ClusterSecretStore", "", name);
        let part = |kind: &str, name: &str| json!({"sourceRef": {"storeRef": {"kind": kind, "name": name}}});
        for (spec, expected) in [
            (json!({}), vec![]),
            (json!({"secretStoreRef": {"name": "a"}}), vec![own("a")]),
            (json!({"secretStoreRef": {"name": "a", "kind": "ClusterSecretStore"}}), vec![shared("a")]),
            (
                json!({"secretStoreRef": {"name": "a", "kind": "SecretStore"},
                    "data": [{"secretKey": "k"}, part("SecretStore", "a"), part("ClusterSecretStore", "c")],
                    "dataFrom": [part("SecretStore", "b"), {"sourceRef": {"generatorRef": {"name": "g"}}}]}),
                vec![shared("c"), own("a"), own("b")],
            ),
        ] {
            assert_eq!(stores_of(&spec, "db"), expected, "{spec}");
        }
        let vault = recorded::external_secret(42);
        assert_eq!(vault.stores, [shared("vault")]);
    }

    #[test]
    fn stores_are_named_by_their_kind() {
        let object = json!({"metadata": {"name": "vault"}, "status": {"conditions": [
            {"type": "Ready", "status": "False", "reason": "InvalidProviderConfig", "message": "unable to validate store"}]}});
        let read = cluster_secret_store(&object).expect("a store");
        assert_eq!(read.object.to_string(), "ClusterSecretStore vault");
        assert_eq!(read.ready.expect("reported").reason, "InvalidProviderConfig");
        assert_eq!(read.class, None);
        let classed = json!({"metadata": {"name": "vault"}, "spec": {"controller": "team"}});
        assert_eq!(cluster_secret_store(&classed).expect("a store").class.as_deref(), Some("team"));
        let bare = secret_store(&json!({"metadata": {"name": "a", "namespace": "b"}})).expect("a store");
        assert_eq!((bare.object.to_string().as_str(), bare.ready), ("SecretStore b/a", None));
        assert!(external_secret(&json!({})).is_err() && secret_store(&json!({})).is_err());
    }
}
