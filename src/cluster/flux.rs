//! Flux: sources, Kustomizations and `HelmReleases`, read.
//!
//! Flux raises `status.observedGeneration` only when a pass came to its end, and marks each condition with the generation
//! that it speaks of: an object that has failed from the first pass on stays at -1. Both are kept.

use super::client::Kubernetes;
use super::decode::{conditions, items, object_name, parse_time, text};
use super::ledger::ReadObject;
use super::request::Write;
use super::{ClusterResult, Condition, Freshness, Installed, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

/// The group of what is fetched.
const SOURCES: &str = "/apis/source.toolkit.fluxcd.io";

/// Which kind of Flux object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FluxKind {
    /// A Git repository that is fetched.
    GitRepository,
    /// A folder of it that is applied.
    Kustomization,
    /// A chart that is installed.
    HelmRelease,
    /// An artifact of a registry that is fetched.
    OciRepository,
    /// An index of charts that is fetched.
    HelmRepository,
    /// A chart that is fetched.
    HelmChart,
    /// A bucket that is fetched.
    Bucket,
}

/// The annotation that asks for a look.
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// The kinds besides `GitRepository` that are fetched. Which of them there are is the cluster's own choice.
const MORE_SOURCES: [(FluxKind, &str, ReadObject<FluxObject>); 4] = [
    (FluxKind::OciRepository, "ocirepositories", oci_repository),
    (FluxKind::HelmRepository, "helmrepositories", helm_repository),
    (FluxKind::HelmChart, "helmcharts", helm_chart),
    (FluxKind::Bucket, "buckets", bucket),
];

/// Flux before 2.3 (of an `OCIRepository` before 2.6) serves these in an older version alone.
const SOURCE_VERSIONS: [&str; 2] = ["v1", "v1beta2"];

impl FluxKind {
    /// Its name in the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::OciRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
            Self::HelmChart => "HelmChart",
            Self::Bucket => "Bucket",
        }
    }
}

/// A Flux object. All kinds report in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "as Flux tells it")]
pub(crate) struct FluxObject {
    /// What it is.
    pub(crate) kind: FluxKind,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The version of its API by which it was read, such as `v2`; none where it does not tell.
    pub(crate) version: Option<String>,
    /// When it was made.
    pub(crate) created_at: Option<Timestamp>,
    /// When it was to be deleted.
    pub(crate) deleted_at: Option<Timestamp>,
    /// The version of its spec.
    pub(crate) generation: i64,
    /// The version that a pass came to its end with; -1 when none did.
    pub(crate) observed_generation: i64,
    /// The version that its condition `Ready` speaks of, where it tells.
    pub(crate) ready_generation: Option<i64>,
    /// `spec.suspend`: nothing is done, and nothing else shows it.
    pub(crate) suspended: bool,
    /// Whether nobody ever reports on it, as on a `HelmRepository` of a registry: it is an address and no more.
    pub(crate) only_an_address: bool,
    /// How often it is looked at.
    pub(crate) interval: Option<Duration>,
    /// How long a look may take.
    pub(crate) timeout: Option<Duration>,
    /// The revision that was tried last.
    pub(crate) attempted: Option<String>,
    /// The digest of the artifact that a `HelmRelease` tried last, where it took its chart from a registry and tells.
    pub(crate) attempted_digest: Option<String>,
    /// The revision that was applied last, with success.
    pub(crate) applied: Option<String>,
    /// When the newest pass that its history tells of came to its end, where that was a good one.
    pub(crate) succeeded_at: Option<Timestamp>,
    /// When the newest pass that its history tells of came to its end, well or not.
    pub(crate) looked_at: Option<Timestamp>,
    /// What the newest pass that its history tells of was made from, well or not, where its source tells.
    pub(crate) tried_origin: Option<String>,
    /// Whether what was tried last has failed before, as far as that is told: what goes on then tries the same again.
    pub(crate) failed_before: bool,
    /// What has to be ready before it.
    pub(crate) depends_on: Vec<ObjectRef>,
    /// What it is made from.
    pub(crate) sources: Vec<ObjectRef>,
    /// The `ConfigMaps` and Secrets that a `HelmRelease` takes values from, and a Kustomization what it substitutes. Where one of
    /// them changes, nothing of it does.
    pub(crate) values_from: Vec<ObjectRef>,
    /// The words of the newest request for a look that it has come to its end with.
    pub(crate) handled: Option<String>,
    /// Those of the request that is written on it.
    pub(crate) requested: Option<String>,
    /// What a `GitRepository` fetches.
    pub(crate) git: Option<GitSource>,
    /// Whether its spec alone tells what a source fetches: a commit or a version, and nothing that others move.
    pub(crate) pinned: bool,
    /// The address that a source fetches from.
    pub(crate) address: Option<String>,
    /// The revision of the artifact that a source offers.
    pub(crate) artifact: Option<String>,
    /// What the artifact was made from, where whoever pushed it into a registry says.
    pub(crate) origin: Option<Origin>,
    /// What the artifact was made from that was applied last, with success.
    pub(crate) applied_origin: Option<String>,
    /// The revision of its source that a `HelmChart` has looked at last, whether it made a new chart of it or not.
    pub(crate) observed_source: Option<String>,
    /// The `HelmChart` that stands between a `HelmRelease` and its source.
    pub(crate) helm_chart: Option<ObjectRef>,
    /// The folder that a Kustomization applies, as it writes it.
    pub(crate) path: String,
    /// What it made, where it tells: a Kustomization always does, a `HelmRelease` of newer versions does. Nothing of another cluster.
    pub(crate) inventory: Vec<ObjectRef>,
    /// The chart of the newest release that is installed, as its name and version.
    pub(crate) chart: Option<(String, String)>,
    /// All conditions.
    pub(crate) conditions: Vec<Condition>,
}

/// What a `GitRepository` fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitSource {
    /// The repository's address as it is written there.
    pub(crate) url: String,
    /// The branch that is followed; none where it is a tag, a range of versions or one commit.
    pub(crate) branch: Option<String>,
}

/// What an artifact of a registry was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The repository's address.
    pub(crate) url: String,
    /// Its revision, such as `main@sha1:1a2b…`.
    pub(crate) revision: String,
}

impl FluxObject {
    /// For evidence.
    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef::new(self.kind.word(), &self.namespace, &self.name)
    }

    /// Whether it has come to the end of a look since it was asked for one. Whoever asked later may have written another moment, or
    /// the seconds of one.
    pub(crate) fn has_looked_since(&self, asked: Timestamp) -> bool {
        self.handled.as_deref().and_then(asked_at).is_some_and(|handled| handled >= asked)
    }

    /// Whether what it is asked for is a look of that moment, or of a later one.
    pub(crate) fn is_asked_since(&self, asked: Timestamp) -> bool {
        self.requested.as_deref().and_then(asked_at).is_some_and(|requested| requested >= asked)
    }
}

/// The moment at which somebody asked for a look, as people and programs write it.
fn asked_at(words: &str) -> Option<Timestamp> {
    let seconds = || Timestamp::from_second(words.parse().ok()?).ok();
    // As a `Receiver` of Flux' own writes it: 2026-11-21 02:00:00.123 +0000 UTC m=+86400.5
    let of_go = || {
        let time = words.split(" m=").next()?.rsplit_once(' ')?.0;
        Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", time).ok()
    };
    words.parse().ok().or_else(seconds).or_else(of_go)
}

impl Kubernetes {
    /// All of them. What is not asked for where Flux is not: the older versions that Flux before 2.3 alone serves, and the
    /// sources that a cluster may do without.
    pub(super) async fn read_flux(&self, freshness: Freshness) -> ClusterResult<Installed<Vec<FluxObject>>> {
        // One after the other: what a Kustomization has applied is in what it makes when that is read after it, and what a source
        // fetches meanwhile is only waited for.
        let kustomizations = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
        let kustomizations = self.all(kustomizations, "KustomizationList", kustomization, freshness).await?;
        let mut releases = self.helm_releases("v2", freshness).await?;
        let repositories = format!("{SOURCES}/v1/gitrepositories");
        let repositories = self.all(&repositories, "GitRepositoryList", git_repository, freshness).await?;
        if releases == Installed::No && (repositories != Installed::No || kustomizations != Installed::No) {
            for version in ["v2beta2", "v2beta1"] {
                releases = self.helm_releases(version, freshness).await?;
                if releases != Installed::No {
                    break;
                }
            }
        }
        if [&repositories, &kustomizations, &releases].iter().all(|kind| **kind == Installed::No) {
            return Ok(Installed::No);
        }
        // Whatever is applied was fetched: a Flux without its first source is a Flux that is not understood.
        let mut objects = repositories.served(SOURCES, "GitRepository of the version v1")?;
        objects.extend(kustomizations.into_items());
        objects.extend(releases.into_items());
        let more = MORE_SOURCES.map(|(kind, plural, read)| self.more_sources(kind, plural, read, freshness));
        for sources in futures::future::try_join_all(more).await? {
            objects.extend(sources);
        }
        Ok(Installed::Yes(objects))
    }

    /// The sources of a kind, in the newest version that is served; none where none is.
    async fn more_sources(
        &self,
        kind: FluxKind,
        plural: &str,
        read: ReadObject<FluxObject>,
        freshness: Freshness,
    ) -> ClusterResult<Vec<FluxObject>> {
        for version in SOURCE_VERSIONS {
            let path = format!("{SOURCES}/{version}/{plural}");
            if let Installed::Yes(sources) =
                self.all(&path, &format!("{}List", kind.word()), read, freshness).await?
            {
                return Ok(sources);
            }
        }
        Ok(Vec::new())
    }

    /// Asks for a look at an object. Flux has done it when it tells the same words back, or something newer.
    pub(super) async fn reconcile(&self, object: &FluxObject, at: Timestamp) -> ClusterResult<()> {
        let (group, plural) = match object.kind {
            FluxKind::GitRepository => (SOURCES, "gitrepositories"),
            FluxKind::Kustomization => ("/apis/kustomize.toolkit.fluxcd.io", "kustomizations"),
            FluxKind::HelmRelease => ("/apis/helm.toolkit.fluxcd.io", "helmreleases"),
            FluxKind::OciRepository => (SOURCES, "ocirepositories"),
            // What the others bring, these see by themselves.
            FluxKind::HelmRepository | FluxKind::HelmChart | FluxKind::Bucket => return Ok(()),
        };
        let newest = if object.kind == FluxKind::HelmRelease { "v2" } else { "v1" };
        let version = object.version.as_deref().unwrap_or(newest);
        let path = format!("{group}/{version}/namespaces/{}/{plural}/{}", object.namespace, object.name);
        let asked = json!({"metadata": {"annotations": {REQUESTED_AT: at.to_string()}}});
        self.connection().write(Write::Merge, &path, &asked).await.map(drop)
    }

    async fn helm_releases(
        &self,
        version: &str,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<FluxObject>>> {
        let path = format!("/apis/helm.toolkit.fluxcd.io/{version}/helmreleases");
        self.all(&path, "HelmReleaseList", helm_release, freshness).await
    }
}

fn git_repository(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::GitRepository, object)
}

fn kustomization(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::Kustomization, object)
}

fn helm_release(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::HelmRelease, object)
}

fn oci_repository(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::OciRepository, object)
}

fn helm_repository(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::HelmRepository, object)
}

fn helm_chart(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::HelmChart, object)
}

fn bucket(object: &Value) -> Result<FluxObject, String> {
    flux_object(FluxKind::Bucket, object)
}

/// When the newest pass of the history ended, if it was a good one. Of passes that never came to apply anything it says
/// nothing.
fn succeeded_at(status: &Value) -> Option<Timestamp> {
    let newest = newest_pass(status)?;
    if is_good(newest) { parse_time(&newest["lastReconciled"]) } else { None }
}

/// The newest pass of a Kustomization's history. Releases are no passes.
fn newest_pass(status: &Value) -> Option<&Value> {
    let ended = |pass: &Value| parse_time(&pass["lastReconciled"]);
    items(&status["history"]).filter(|pass| ended(pass).is_some()).max_by_key(|pass| ended(pass))
}

fn is_good(pass: &Value) -> bool {
    pass["lastReconciledStatus"] == "ReconciliationSucceeded"
}

/// Whether what was tried last has failed before. Of a `HelmRelease` the count begins anew with whatever is new.
fn failed_before(kind: FluxKind, status: &Value) -> bool {
    if kind == FluxKind::HelmRelease {
        return status["failures"].as_i64().is_some_and(|failures| failures > 0);
    }
    let tried = &status["lastAttemptedRevision"];
    newest_pass(status)
        .is_some_and(|pass| !is_good(pass) && tried.is_string() && pass["metadata"]["revision"] == *tried)
}

/// A length of time as Go writes it.
fn duration(written: &Value) -> Option<Duration> {
    Duration::try_from(written.as_str()?.parse::<SignedDuration>().ok()?).ok()
}

/// A Flux object as the API server lists it.
pub(super) fn flux_object(kind: FluxKind, object: &Value) -> Result<FluxObject, String> {
    let (namespace, name) = object_name(object)?;
    let status = &object["status"];
    let ready = items(&status["conditions"]).find(|condition| condition["type"].as_str() == Some("Ready"));
    Ok(FluxObject {
        kind,
        namespace,
        name,
        version: object["apiVersion"].as_str().and_then(|whole| Some(whole.rsplit_once('/')?.1.to_owned())),
        created_at: parse_time(&object["metadata"]["creationTimestamp"]),
        deleted_at: parse_time(&object["metadata"]["deletionTimestamp"]),
        generation: object["metadata"]["generation"].as_i64().unwrap_or(0),
        observed_generation: status["observedGeneration"].as_i64().unwrap_or(-1),
        ready_generation: ready.and_then(|ready| ready["observedGeneration"].as_i64()),
        suspended: object["spec"]["suspend"].as_bool().unwrap_or(false),
        only_an_address: kind == FluxKind::HelmRepository && object["spec"]["type"] == "oci",
        interval: duration(&object["spec"]["interval"]),
        timeout: duration(&object["spec"]["timeout"]),
        attempted: status["lastAttemptedRevision"].as_str().map(str::to_owned),
        attempted_digest: status["lastAttemptedRevisionDigest"].as_str().map(str::to_owned),
        applied: status["lastAppliedRevision"].as_str().map(str::to_owned),
        succeeded_at: succeeded_at(status),
        looked_at: items(&status["history"]).filter_map(|pass| parse_time(&pass["lastReconciled"])).max(),
        tried_origin: newest_pass(status)
            .and_then(|pass| Some(pass["metadata"]["originRevision"].as_str()?.to_owned())),
        failed_before: failed_before(kind, status),
        depends_on: items(&object["spec"]["dependsOn"])
            .map(|named| reference(kind.word(), named, &object["metadata"]))
            .collect(),
        sources: [
            &object["spec"]["sourceRef"],
            &object["spec"]["chartRef"],
            &object["spec"]["chart"]["spec"]["sourceRef"],
        ]
        .into_iter()
        .filter(|named| named.is_object())
        .map(|named| reference(&text(&named["kind"]), named, &object["metadata"]))
        .collect(),
        values_from: items(&object["spec"]["valuesFrom"])
            .chain(items(&object["spec"]["postBuild"]["substituteFrom"]))
            .map(|named| reference(&text(&named["kind"]), named, &object["metadata"]))
            .collect(),
        handled: status["lastHandledReconcileAt"].as_str().map(str::to_owned),
        requested: object["metadata"]["annotations"][REQUESTED_AT].as_str().map(str::to_owned),
        git: (kind == FluxKind::GitRepository).then(|| git_source(&object["spec"])),
        pinned: is_pinned(kind, &object["spec"]["ref"]),
        address: object["spec"]["url"].as_str().map(str::to_owned),
        artifact: status["artifact"]["revision"].as_str().map(str::to_owned),
        origin: origin(&status["artifact"]["metadata"]),
        applied_origin: status["lastAppliedOriginRevision"].as_str().map(str::to_owned),
        observed_source: status["observedSourceArtifactRevision"].as_str().map(str::to_owned),
        helm_chart: helm_chart_of(object),
        path: text(&object["spec"]["path"]),
        inventory: inventory(object),
        chart: installed_chart(status),
        conditions: conditions(status),
    })
}

/// What an artifact was made from, by the annotations that `flux push artifact` and CI write.
fn origin(metadata: &Value) -> Option<Origin> {
    let of = |key: &str| metadata[key].as_str().map(str::to_owned);
    Some(Origin {
        url: of("org.opencontainers.image.source")?,
        revision: of("org.opencontainers.image.revision")?,
    })
}

/// What is fetched. A commit, a name, a range and a tag go before the branch; without any of them it is `master`.
fn git_source(spec: &Value) -> GitSource {
    let reference = &spec["ref"];
    let given = |field: &str| reference[field].as_str().filter(|value| !value.is_empty());
    let branch = if given("commit").is_some() {
        None
    } else if let Some(name) = given("name") {
        name.strip_prefix("refs/heads/")
    } else if given("semver").or_else(|| given("tag")).is_some() {
        None
    } else {
        Some(given("branch").unwrap_or("master"))
    };
    GitSource { url: text(&spec["url"]), branch: branch.map(str::to_owned) }
}

/// Whether what is fetched stays what it is until somebody changes the spec. A tag of a registry is moved, unless it is a whole version.
fn is_pinned(kind: FluxKind, reference: &Value) -> bool {
    let given = |field: &str| reference[field].as_str().filter(|value| !value.is_empty());
    let tag = || given("tag").filter(|_| given("semver").is_none());
    match kind {
        FluxKind::GitRepository => {
            let named = given("name").map(|name| name.starts_with("refs/tags/"));
            given("commit").is_some() || named.unwrap_or_else(|| tag().is_some())
        }
        FluxKind::OciRepository => given("digest").is_some() || tag().is_some_and(is_whole_version),
        _ => false,
    }
}

/// Whether a tag is a version of three numbers, whatever stands behind them.
fn is_whole_version(tag: &str) -> bool {
    let numbers = tag.strip_prefix('v').unwrap_or(tag).split(['-', '+', '_']).next().unwrap_or_default();
    let numbers: Vec<&str> = numbers.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(is_number)
}

/// What it made in this cluster. What is applied in another one may have the names of objects that are here.
fn inventory(object: &Value) -> Vec<ObjectRef> {
    if object["spec"]["kubeConfig"].is_object() {
        return Vec::new();
    }
    items(&object["status"]["inventory"]["entries"]).filter_map(|entry| made(&entry["id"])).collect()
}

/// An entry of an inventory: namespace, name, group and kind between low lines, which none of them holds. A colon of a name
/// is written as two.
fn made(id: &Value) -> Option<ObjectRef> {
    let (namespace, rest) = id.as_str()?.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, _group) = rest.rsplit_once('_')?;
    Some(ObjectRef::new(kind, namespace, &name.replace("__", ":")))
}

/// The newest release of a `HelmRelease` that is installed.
fn installed(status: &Value) -> Option<&Value> {
    let deployed = items(&status["history"]).filter(|release| release["status"] == "deployed");
    deployed.max_by_key(|release| release["version"].as_i64())
}

/// The chart of that.
fn installed_chart(status: &Value) -> Option<(String, String)> {
    let release = installed(status)?;
    Some((release["chartName"].as_str()?.to_owned(), release["chartVersion"].as_str()?.to_owned()))
}

/// The chart that a release is installed from: the one that it names, or that was made for it, which it tells.
fn helm_chart_of(object: &Value) -> Option<ObjectRef> {
    let named = &object["spec"]["chartRef"];
    if named["kind"] == FluxKind::HelmChart.word() {
        return Some(reference(FluxKind::HelmChart.word(), named, &object["metadata"]));
    }
    let (namespace, name) = object["status"]["helmChart"].as_str()?.split_once('/')?;
    Some(ObjectRef::new(FluxKind::HelmChart.word(), namespace, name))
}

/// What an object names, in its own namespace where it names none.
fn reference(kind: &str, named: &Value, metadata: &Value) -> ObjectRef {
    let namespace = named["namespace"].as_str().or_else(|| metadata["namespace"].as_str());
    ObjectRef::new(kind, namespace.unwrap_or_default(), &text(&named["name"]))
}

#[cfg(test)]
mod tests {
    use super::super::ConditionStatus;
    use super::super::recorded::flux;
    use super::*;

    #[test]
    fn the_recorded_objects_are_read() {
        let failing = flux(29);
        assert_eq!(failing.object().to_string(), "Kustomization gitops/failing");
        assert_eq!(
            (failing.generation, failing.observed_generation, failing.ready_generation),
            (1, 1, Some(1))
        );
        let reconciling = &failing.conditions[0];
        assert_eq!(
            (reconciling.kind.as_str(), reconciling.reason.as_str(), reconciling.status),
            ("Reconciling", "ProgressingWithRetry", ConditionStatus::True)
        );
        assert!(reconciling.since.is_some());
        assert!(flux(32).suspended && !failing.suspended);
        let new = flux(34);
        assert_eq!((new.observed_generation, new.ready_generation, new.conditions.len()), (-1, None, 0));
        assert!(new.created_at.is_some());
        assert_eq!(flux(37).observed_generation, 2);
        let ready = flux(27);
        assert_eq!(ready.interval, Some(Duration::from_mins(10)));
        assert!(ready.attempted.is_some() && ready.attempted == ready.applied);
        assert_eq!(ready.succeeded_at, "2026-11-21T02:01:09Z".parse().ok());
        let rolling_out = flux(28);
        assert!(rolling_out.applied.is_some() && rolling_out.attempted != rolling_out.applied);
        assert_eq!(rolling_out.succeeded_at, None, "it has no history");
        assert_eq!(flux(45).kind, FluxKind::HelmRelease);
        assert_eq!(flux(48).kind, FluxKind::GitRepository);
    }

    #[test]
    fn what_is_fetched_made_and_installed_is_read() {
        let homelab = flux(47);
        assert_eq!(homelab.git.as_ref().and_then(|git| git.branch.as_deref()), Some("main"));
        assert!(homelab.artifact.is_some_and(|revision| revision.starts_with("main@sha1:")));
        let ready = flux(27);
        assert_eq!((ready.git, ready.path.as_str()), (None, "./apps"));
        assert_eq!(ready.inventory, [ObjectRef::new("Deployment", "apps", "web")]);
        // Rolled back: what runs is not what was tried.
        let exhausted = flux(45);
        assert_eq!(exhausted.chart, Some(("grafana".to_owned(), "9.2.0".to_owned())));
        assert_eq!(exhausted.attempted.as_deref(), Some("9.2.1"));
    }

    #[test]
    fn what_stands_between_a_release_and_its_source_is_read() {
        let metadata = json!({"name": "shop", "namespace": "web"});
        let chart = |object: Value| helm_release(&object).expect("a release").helm_chart;
        let made = json!({"metadata": metadata, "status": {"helmChart": "flux-system/web-shop"}});
        assert_eq!(chart(made), Some(ObjectRef::new("HelmChart", "flux-system", "web-shop")));
        let named =
            json!({"metadata": metadata, "spec": {"chartRef": {"kind": "HelmChart", "name": "shop"}}});
        assert_eq!(chart(named), Some(ObjectRef::new("HelmChart", "web", "shop")));
        let other =
            json!({"metadata": metadata, "spec": {"chartRef": {"kind": "OCIRepository", "name": "shop"}}});
        assert_eq!(chart(other), None);
        let revision = "main@sha1:cc05b0b";
        let chart = json!({"metadata": metadata, "status": {"observedSourceArtifactRevision": revision}});
        assert_eq!(helm_chart(&chart).expect("a chart").observed_source.as_deref(), Some(revision));
    }

    #[test]
    fn what_an_object_takes_from_beside_it_is_read() {
        let substitutes = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "settings", "optional": true}]}}});
        let substitutes = kustomization(&substitutes).expect("a Kustomization");
        assert_eq!(substitutes.values_from, [ObjectRef::new("ConfigMap", "flux-system", "settings")]);
        assert_eq!(substitutes.version.as_deref(), Some("v1"));
        let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2beta2", "metadata": {"name": "shop", "namespace": "web"},
            "spec": {"valuesFrom": [{"kind": "Secret", "name": "shop"}]},
            "status": {"lastAttemptedRevisionDigest": "sha256:0123"}});
        let release = helm_release(&release).expect("a release");
        assert_eq!(release.values_from, [ObjectRef::new("Secret", "web", "shop")]);
        assert_eq!(
            (release.version.as_deref(), release.attempted_digest.as_deref()),
            (Some("v2beta2"), Some("sha256:0123"))
        );
    }

    #[test]
    fn a_branch_is_followed_where_nothing_goes_before_it() {
        for (reference, branch) in [
            (json!({"branch": "main"}), Some("main")),
            (json!(null), Some("master")),
            (json!({}), Some("master")),
            (json!({"branch": "main", "commit": "cc05b0b"}), None),
            (json!({"branch": "main", "tag": "v1"}), None),
            (json!({"semver": ">=1.0.0"}), None),
            (json!({"branch": "main", "name": "refs/heads/next"}), Some("next")),
            (json!({"name": "refs/tags/v1"}), None),
            (json!({"name": "refs/heads/main", "tag": "v1"}), Some("main")),
            (json!({"branch": "main", "tag": ""}), Some("main")),
        ] {
            let read = git_source(&json!({"url": "ssh://git@git.example.org/ops/homelab", "ref": reference}));
            assert_eq!(read.branch.as_deref(), branch, "{reference}");
            assert_eq!(read.url, "ssh://git@git.example.org/ops/homelab");
        }
    }

    #[test]
    fn a_source_is_pinned_where_nobody_moves_what_it_fetches() {
        for (kind, reference, pinned) in [
            (FluxKind::GitRepository, json!({"commit": "cc05b0b", "branch": "main"}), true),
            (FluxKind::GitRepository, json!({"tag": "v1"}), true),
            (FluxKind::GitRepository, json!({"name": "refs/tags/v1"}), true),
            (FluxKind::GitRepository, json!({"name": "refs/heads/main", "tag": "v1"}), false),
            (FluxKind::GitRepository, json!({"semver": ">=1.0.0", "tag": "v1"}), false),
            (FluxKind::GitRepository, json!({"branch": "main"}), false),
            (FluxKind::GitRepository, json!(null), false),
            (FluxKind::OciRepository, json!({"digest": "sha256:01", "tag": "latest"}), true),
            (FluxKind::OciRepository, json!({"tag": "v1.2.3-rc.1"}), true),
            (FluxKind::OciRepository, json!({"tag": "1.2.3"}), true),
            (FluxKind::OciRepository, json!({"tag": "1.2"}), false),
            (FluxKind::OciRepository, json!({"tag": "latest"}), false),
            (FluxKind::OciRepository, json!({"semver": "1.x", "tag": "1.2.3"}), false),
            (FluxKind::OciRepository, json!(null), false),
            (FluxKind::Bucket, json!({"tag": "1.2.3"}), false),
        ] {
            let object = json!({"metadata": {"name": "platform"}, "spec": {"ref": reference}});
            let read = flux_object(kind, &object).expect("a source");
            assert_eq!(read.pinned, pinned, "{kind:?} {reference}");
        }
    }

    #[test]
    fn what_has_failed_before_is_told_by_the_newest_pass() {
        let (early, late) = ("2026-11-21T02:00:00Z", "2026-11-21T03:00:00Z");
        let pass = |at: &str, how: &str, revision: &str| {
            json!({"lastReconciled": at, "lastReconciledStatus": how,
                "metadata": {"revision": revision, "originRevision": format!("main@sha1:{revision}")}})
        };
        let of = |history: Value| {
            let object = json!({"metadata": {"name": "apps"},
                "status": {"lastAttemptedRevision": "new", "history": history}});
            let read = kustomization(&object).expect("a Kustomization");
            (read.failed_before, read.tried_origin)
        };
        let (good, failed) = ("ReconciliationSucceeded", "HealthCheckFailed");
        let origin = |revision: &str| Some(format!("main@sha1:{revision}"));
        assert_eq!(of(json!([pass(late, failed, "new"), pass(early, good, "old")])), (true, origin("new")));
        assert_eq!(of(json!([pass(late, failed, "old")])), (false, origin("old")));
        assert_eq!(of(json!([pass(early, failed, "new"), pass(late, good, "new")])), (false, origin("new")));
        assert_eq!(of(json!([])), (false, None));
        assert!(flux(44).failed_before && !flux(43).failed_before && !flux(42).failed_before);
        assert_eq!(flux(44).tried_origin, None, "its history is of releases");
    }

    #[test]
    fn entries_of_an_inventory_are_read() {
        for (id, object) in [
            ("apps_web_apps_Deployment", Some(ObjectRef::new("Deployment", "apps", "web"))),
            ("apps_web__Service", Some(ObjectRef::new("Service", "apps", "web"))),
            ("_apps__Namespace", Some(ObjectRef::new("Namespace", "", "apps"))),
            (
                "_system__web_rbac.authorization.k8s.io_ClusterRole",
                Some(ObjectRef::new("ClusterRole", "", "system:web")),
            ),
            ("web", None),
            ("", None),
        ] {
            assert_eq!(made(&json!(id)), object, "{id}");
        }
        assert_eq!(made(&json!(7)), None);
    }

    #[test]
    fn what_is_applied_in_another_cluster_is_not_taken_for_what_is_here() {
        for read in [kustomization, helm_release] {
            let object = |kubeconfig: Value| {
                let entries = json!([{"id": "apps_web_apps_Deployment", "v": "v1"}]);
                read(&json!({"metadata": {"name": "spoke", "namespace": "flux-system"}, "spec": {"kubeConfig": kubeconfig},
                    "status": {"inventory": {"entries": entries}}}))
                .expect("an object")
            };
            assert_eq!(object(json!({"secretRef": {"name": "spoke"}})).inventory, []);
            assert_eq!(object(json!(null)).inventory, [ObjectRef::new("Deployment", "apps", "web")]);
        }
    }

    #[test]
    fn what_is_missing_is_not_observed_and_no_name_is_an_error() {
        let bare = kustomization(&json!({"metadata": {"name": "a", "generation": 3}})).expect("bare");
        assert_eq!((bare.generation, bare.observed_generation, bare.suspended), (3, -1, false));
        let address = json!({"metadata": {"name": "charts"}, "spec": {"type": "oci", "interval": "often"}});
        let address = helm_repository(&address).expect("an address");
        assert_eq!((address.only_an_address, address.interval), (true, None));
        assert_eq!(
            oci_repository(&json!({"metadata": {"name": "o"}})).map(|one| one.only_an_address),
            Ok(false)
        );
        assert_eq!(
            helm_chart(&json!({"metadata": {"name": "c"}})).map(|one| one.kind),
            Ok(FluxKind::HelmChart)
        );
        assert_eq!(bucket(&json!({"metadata": {"name": "b"}})).map(|one| one.kind), Ok(FluxKind::Bucket));
        let pass = |at: &str, how: &str| json!({"lastReconciled": at, "lastReconciledStatus": how});
        let (early, late) = ("2026-11-21T02:00:00Z", "2026-11-21T03:00:00Z");
        let good = pass(late, "ReconciliationSucceeded");
        for (history, expected) in [
            (json!([pass(early, "HealthCheckFailed"), good]), late.parse().ok()),
            (json!([pass(late, "HealthCheckFailed"), pass(early, "ReconciliationSucceeded")]), None),
            (json!([]), None),
        ] {
            assert_eq!(succeeded_at(&json!({"history": history})), expected, "{history}");
        }
        assert!(helm_release(&json!({"spec": {}})).is_err());
        assert!(git_repository(&json!({})).is_err());
    }
}
