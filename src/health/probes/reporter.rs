//! The controllers whose word the objects of a probe are.
//!
//! When a controller is dead its objects stay as it left them, and go on saying that they are well. Nothing that they say
//! counts then. Its workload is the sign of its life: found by its name, by the labels that charts and manifests give it,
//! or by its image, since any of these may be changed.

use super::{finding, no_life};
use crate::cluster::{ControllersLife, ObjectRef, Workload};
use crate::health::{Finding, Grounds, Probe, Settings, Verdict};
use jiff::Timestamp;

const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";
const PART_OF: &str = "app.kubernetes.io/part-of";

/// A controller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reporter {
    /// What its workload, the labels of that, or its image are called.
    pub(super) name: &'static str,
    /// What its label `part-of` has to say, where the name alone could be somebody else's.
    pub(super) part_of: Option<&'static str>,
    /// The first arguments with which the same image does another work.
    pub(super) other_work: &'static [&'static str],
}

impl Reporter {
    /// Found by its name alone.
    pub(super) const fn named(name: &'static str) -> Self {
        Self { name, part_of: None, other_work: &[] }
    }

    pub(super) fn is(&self, workload: &Workload) -> bool {
        let label = |key: &str| workload.labels.get(key).map(String::as_str);
        let part = self.part_of.is_none_or(|part| label(PART_OF) == Some(part));
        let works_otherwise =
            || workload.arguments.iter().any(|argument| self.other_work.contains(&argument.as_str()));
        // A release or an instance may stand in front: `my-argocd-applicationset-controller`.
        let is_its = |name: &str| {
            name.strip_suffix(self.name).is_some_and(|front| front.is_empty() || front.ends_with('-'))
        };
        part && (is_its(&workload.object.name)
            || label(NAME).is_some_and(is_its)
            || label(COMPONENT).is_some_and(is_its)
            || workload.images.iter().any(|image| program(image) == self.name) && !works_otherwise())
    }

    /// The same, of one that may be where nobody sees it, as a part of a control plane that somebody else runs: that it is not
    /// there says nothing.
    pub(super) fn down(&self, probe: Probe, workloads: &[Workload]) -> Vec<Finding> {
        if workloads.iter().any(|workload| self.is(workload)) {
            self.dead(probe, workloads)
        } else {
            Vec::new()
        }
    }

    /// The finding that it is not there, or one for each of its workloads that does not serve. Each may have objects of its
    /// own.
    pub(super) fn dead(&self, probe: Probe, workloads: &[Workload]) -> Vec<Finding> {
        let what = "what its objects say is old";
        let mut own = workloads.iter().filter(|workload| self.is(workload)).peekable();
        if own.peek().is_none() {
            let object = ObjectRef::new("Deployment", "", self.name);
            let message = format!("the controller {} is not there: {what}", self.name);
            let evidence = format!("no workload is called {}, by name, label or image", self.name);
            return vec![finding(probe, "controller-missing", object, Verdict::Unknown, message, evidence)];
        }
        own.filter(|workload| workload.available < 1)
            .map(|workload| {
                let message = format!("the controller {} is down: {what}", workload.object);
                let evidence = format!("{} of {} available", workload.available, workload.desired);
                finding(
                    probe,
                    "controller-down",
                    workload.object.clone(),
                    Verdict::Unknown,
                    message,
                    evidence,
                )
                // Why it is down its own pods say.
                .resting_on(Grounds::each([workload.object.clone()]))
            })
            .collect()
    }
}

/// The rule of the control plane's controllers that say nothing.
pub(in crate::health) const SILENT: &str = "controllers-silent";

/// The finding that the control plane's controllers, whose word the objects of a probe are, have been silent for too long.
pub(in crate::health) fn controllers_silent(
    probe: Probe,
    life: ControllersLife,
    now: Timestamp,
    settings: &Settings,
) -> Option<Finding> {
    let renewed = match life {
        ControllersLife::NotElected => return None,
        ControllersLife::Renewed(renewed) => renewed,
    };
    let maximum = settings.controllers_maximum_age_seconds;
    let why = renewed.map(|renewed| no_life(now, renewed, maximum, settings));
    if why == Some(None) {
        return None;
    }
    let object = ObjectRef::new("Lease", "kube-system", "kube-controller-manager");
    let message =
        "the control plane's controllers are silent: what is said of their objects is old".to_owned();
    let evidence = match (renewed, why.flatten()) {
        (Some(renewed), Some(why)) => {
            format!("spec.renewTime = {renewed}: {why}; delete that Lease if nobody is elected any more")
        }
        _ => "no spec.renewTime".to_owned(),
    };
    let silent = finding(probe, SILENT, object, Verdict::Unknown, message, evidence);
    Some(silent.since(renewed))
}

/// The last part of an image's name: `registry/owner/program:tag@digest`.
fn program(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::testing::workload;
    use super::*;

    /// A Deployment of one replica that serves.
    pub(in crate::health) fn deployment(namespace: &str, name: &str) -> Workload {
        workload(ObjectRef::new("Deployment", namespace, name))
    }

    #[test]
    fn controllers_that_elect_a_leader_are_silent_when_it_does_not_renew_its_lease() {
        use super::super::testing::{ago, now};
        let settings = Settings::default();
        for (life, silent) in [
            (ControllersLife::NotElected, false),
            (ControllersLife::Renewed(Some(ago(2))), false),
            (ControllersLife::Renewed(Some(ago(-30))), false),
            (ControllersLife::Renewed(Some(ago(-31))), true),
            (ControllersLife::Renewed(Some(ago(61))), true),
            (ControllersLife::Renewed(None), true),
        ] {
            let found = controllers_silent(Probe::Jobs, life, now(), &settings);
            assert_eq!(found.map(|found| found.verdict), silent.then_some(Verdict::Unknown), "{life:?}");
        }
    }

    #[test]
    fn an_image_is_known_by_the_last_part_of_its_name() {
        for (image, expected) in [
            ("ghcr.io/fluxcd/kustomize-controller:v1.6.0", "kustomize-controller"),
            ("registry.example.org:5000/mirror/cloudnative-pg@sha256:12ab", "cloudnative-pg"),
            ("external-secrets", "external-secrets"),
            ("a/b:1@sha256:2", "b"),
        ] {
            assert_eq!(program(image), expected, "{image}");
        }
    }

    #[test]
    fn a_controller_is_found_in_each_of_its_shapes_and_missed_where_it_is_none() {
        type Change = fn(&mut Workload);
        let plain = Reporter { name: "external-secrets", part_of: None, other_work: &["webhook"] };
        let flux = Reporter { name: "source-controller", part_of: Some("flux"), other_work: &[] };
        let label = |workload: &mut Workload, key: &str, value: &str| {
            workload.labels.insert(key.to_owned(), value.to_owned());
        };
        let cases: Vec<(&str, Reporter, Change, Option<&str>)> = vec![
            ("by name", plain, |w| w.object.name = "external-secrets".to_owned(), None),
            ("behind a release's name", plain, |w| w.object.name = "eso-external-secrets".to_owned(), None),
            (
                "a name that only ends alike",
                plain,
                |w| w.object.name = "myexternal-secrets".to_owned(),
                Some("controller-missing"),
            ),
            ("by another name", plain, |_| {}, Some("controller-missing")),
            (
                "by its image",
                plain,
                |w| w.images = vec!["r.example.org/eso/external-secrets:v1".to_owned()],
                None,
            ),
            (
                "its image at other work",
                plain,
                |w| {
                    w.images = vec!["r.example.org/eso/external-secrets:v1".to_owned()];
                    w.arguments = vec!["webhook".to_owned()];
                },
                Some("controller-missing"),
            ),
            (
                "down",
                plain,
                |w| (w.object.name, w.available) = ("external-secrets".to_owned(), 0),
                Some("controller-down"),
            ),
            (
                "scaled to zero",
                plain,
                |w| (w.object.name, w.available, w.desired) = ("external-secrets".to_owned(), 0, 0),
                Some("controller-down"),
            ),
            (
                "one of two leads",
                plain,
                |w| (w.object.name, w.available, w.desired) = ("external-secrets".to_owned(), 1, 2),
                None,
            ),
            (
                "somebody else's of that name",
                flux,
                |w| w.object.name = "source-controller".to_owned(),
                Some("controller-missing"),
            ),
        ];
        for (name, reporter, change, expected) in cases {
            let mut workload = deployment("any", "controller");
            change(&mut workload);
            let found = reporter.dead(Probe::ExternalSecrets, &[deployment("web", "shop"), workload]);
            assert_eq!(found.first().map(|finding| finding.id.rule.as_str()), expected, "{name}");
            assert!(found.iter().all(|finding| finding.verdict == Verdict::Unknown), "{name}");
        }
        let mut labelled = deployment("flux-system", "sources");
        label(&mut labelled, PART_OF, "flux");
        label(&mut labelled, COMPONENT, "source-controller");
        assert_eq!(flux.dead(Probe::Flux, &[labelled.clone()]), []);
        let mut shard = labelled.clone();
        (shard.object.name, shard.available) = ("sources-shard1".to_owned(), 0);
        let found = flux.dead(Probe::Flux, &[labelled, shard]);
        assert_eq!(found.len(), 1, "each shard has objects of its own");
        assert_eq!(found[0].id.object.name, "sources-shard1");
    }
}
