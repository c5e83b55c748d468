//! External Secrets: every secret read from its store lately, every store valid, and a controller that lives.
//!
//! When a store refuses, the Secret of the last success stays where it is: an `ExternalSecret` that fails is YELLOW while
//! there is one, and RED where there never was. Ready is True with the reason `SecretMissing` where the Secret that it is to
//! be merged into is not there, and stays True when the controller hangs: then only `refreshTime`, against the interval,
//! tells that nobody has looked. Secrets themselves are never read.
//!
//! A store may name the class of the controller that it is for, and no other looks at it or at what is read from it. Which
//! classes are here is in the arguments of the controllers. What is for another one may be kept by a controller that is not
//! known as one, or by nobody: it is YELLOW, as somebody else's, where its own word is not enough. Of an `ExternalSecret` a
//! refresh in time is; of a store nothing is, since it carries no time at which anybody looked.

use super::reporter::Reporter;
use super::{finding, is_recent, judged, no_life, said, unused};
use crate::cluster::{
    Condition, ConditionStatus, ExternalSecret, ExternalSecrets, ObjectRef, Refresh, SecretStore, Workload,
};
use crate::health::{Finding, Grounds, Probe, ProbeResult, Settings, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) const CONTROLLER: Reporter =
    Reporter { name: "external-secrets", part_of: None, other_work: &["webhook", "certcontroller"] };

/// Judges all `ExternalSecrets` and stores.
pub(in crate::health) fn judge_external_secrets(
    external: &ExternalSecrets,
    workloads: &[Workload],
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> ProbeResult {
    if external.secrets.is_empty() && external.stores.is_empty() {
        return unused(Probe::ExternalSecrets, "no ExternalSecret and no store");
    }
    let mut findings = CONTROLLER.dead(Probe::ExternalSecrets, workloads);
    let here = classes(workloads);
    // Without any controller that is known everything is unknown, whatever its class.
    let others: BTreeMap<&ObjectRef, &str> = external
        .stores
        .iter()
        .filter_map(|store| Some((&store.object, store.class.as_deref()?)))
        .filter(|(_, class)| !here.is_empty() && !here.contains(class))
        .collect();
    findings.extend(external.stores.iter().filter_map(|store| {
        let other = others.get(&store.object).copied();
        of_other(judge_store(store, now, grace), &store.object, other, true)
    }));
    let mut synced = 0;
    for secret in &external.secrets {
        let other = secret.stores.iter().find_map(|store| others.get(store).copied());
        let found = of_other(judge_secret(secret, now, grace, settings), &secret.object(), other, false);
        synced += usize::from(found.iter().all(|finding| finding.informational));
        findings.extend(found);
    }
    let summary = format!("{synced} of {} ExternalSecrets synced", external.secrets.len());
    judged(Probe::ExternalSecrets, summary, findings)
}

/// The classes of the controllers that are here.
fn classes(workloads: &[Workload]) -> BTreeSet<&str> {
    const FLAG: &str = "--controller-class";
    let mut classes = BTreeSet::new();
    for workload in workloads.iter().filter(|workload| CONTROLLER.is(workload)) {
        let arguments = &workload.arguments;
        let joined = arguments.iter().find_map(|argument| argument.strip_prefix(FLAG)?.strip_prefix('='));
        let apart = arguments.iter().skip_while(|argument| *argument != FLAG).nth(1).map(String::as_str);
        classes.insert(joined.or(apart).unwrap_or("default"));
    }
    classes
}

/// What is found of an object that is for the controller of another class: what nobody knows is then no fault of ours.
/// `always` says that a good word of it is not enough.
fn of_other(
    found: Option<Finding>,
    object: &ObjectRef,
    other: Option<&str>,
    always: bool,
) -> Option<Finding> {
    let Some(class) = other else { return found };
    let evidence = match &found {
        None if always => "nothing tells whether its controller lives".to_owned(),
        Some(found) if found.verdict == Verdict::Unknown => found.evidence.clone(),
        None | Some(_) => return found,
    };
    let message = format!("{object} is for a controller of the class {class}, and none is known here");
    let evidence = format!("spec.controller = {class}; {evidence}");
    let rule = "other-controller";
    Some(finding(Probe::ExternalSecrets, rule, object.clone(), Verdict::Yellow, message, evidence))
}

fn judge_secret(
    secret: &ExternalSecret,
    now: Timestamp,
    grace: Duration,
    settings: &Settings,
) -> Option<Finding> {
    let found = |rule, verdict, what: &str, evidence: String| {
        let message = format!("{} {what}", secret.object());
        finding(Probe::ExternalSecrets, rule, secret.object(), verdict, message, evidence)
    };
    let ready = match reported(secret.ready.as_ref(), secret.created_at, now, grace) {
        Ok(ready) => ready,
        Err((rule, verdict, evidence)) => {
            return Some(found(rule, verdict, "does not say how it is", evidence).since(secret.created_at));
        }
    };
    if ready.status == ConditionStatus::False {
        let never = secret.refreshed_at.is_none();
        let bad = never && !is_recent(ready.since, now, grace);
        let verdict = if bad { Verdict::Red } else { Verdict::Yellow };
        let what = if never {
            "was never read from its store"
        } else {
            "cannot be read from its store: the old Secret stays"
        };
        let stores = Grounds::any(secret.stores.iter().cloned());
        let found = found("not-synced", verdict, what, said(ready)).since(ready.since);
        return Some(found.resting_on(stores));
    }
    match ready.reason.as_str() {
        "SecretMissing" => {
            let what = "has no Secret to be merged into";
            return Some(found("secret-missing", Verdict::Yellow, what, said(ready)).since(ready.since));
        }
        // As its own policy says, where the store has it no more.
        "SecretDeleted" => {
            let what = "had its Secret deleted";
            return Some(
                found("secret-deleted", Verdict::Yellow, what, said(ready)).since(ready.since).listed_only(),
            );
        }
        _ => {}
    }
    let evidence = match (secret.refresh, secret.refreshed_at) {
        (Refresh::Never, _) => return None,
        (Refresh::Unreadable, _) => "spec.refreshInterval is no duration".to_owned(),
        (Refresh::Every(_), None) => "no refreshTime".to_owned(),
        // One that was missed is forgiven.
        (Refresh::Every(interval), Some(refreshed)) => {
            let allowed = interval.saturating_mul(2).saturating_add(grace);
            let why = no_life(now, refreshed, allowed.as_secs(), settings)?;
            format!("refreshTime is {why}, at an interval of {} s", interval.as_secs())
        }
    };
    let what = "has not been read from its store for too long";
    Some(found("stale", Verdict::Unknown, what, evidence).since(secret.refreshed_at))
}

fn judge_store(store: &SecretStore, now: Timestamp, grace: Duration) -> Option<Finding> {
    let found = |rule, verdict, what: &str, evidence: String, since| {
        let message = format!("{} {what}", store.object);
        let found = finding(Probe::ExternalSecrets, rule, store.object.clone(), verdict, message, evidence);
        Some(found.since(since))
    };
    match reported(store.ready.as_ref(), store.created_at, now, grace) {
        Err((rule, verdict, evidence)) => {
            found(rule, verdict, "does not say how it is", evidence, store.created_at)
        }
        Ok(ready) if ready.status == ConditionStatus::False => {
            let recent = is_recent(ready.since, now, grace);
            let verdict = if recent { Verdict::Yellow } else { Verdict::Red };
            found("store-not-ready", verdict, "gives nothing", said(ready), ready.since)
        }
        Ok(_) => None,
    }
}

/// Ready, where it is reported and True or False.
fn reported(
    ready: Option<&Condition>,
    created_at: Option<Timestamp>,
    now: Timestamp,
    grace: Duration,
) -> Result<&Condition, (&'static str, Verdict, String)> {
    match ready {
        None => {
            let recent = is_recent(created_at, now, grace);
            let verdict = if recent { Verdict::Yellow } else { Verdict::Unknown };
            Err(("not-reported", verdict, "no condition Ready".to_owned()))
        }
        Some(ready) if ready.status == ConditionStatus::Unknown => {
            Err(("ready-unknown", Verdict::Unknown, said(ready)))
        }
        Some(ready) => Ok(ready),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reporter::tests::deployment;
    use super::super::testing::{ago, now, rules};
    use super::*;
    use crate::cluster::recorded;
    use Verdict::{Green, Red, Unknown, Yellow};

    const GRACE: Duration = Duration::from_mins(5);
    const HOUR: i64 = 3_600;

    /// The recorded one that is synced, read again half an hour ago.
    fn secret(change: fn(&mut ExternalSecret)) -> ExternalSecret {
        let mut secret = recorded::external_secret(42);
        secret.refreshed_at = Some(ago(HOUR / 2));
        change(&mut secret);
        secret
    }

    fn ready(secret: &mut ExternalSecret, change: fn(&mut Condition)) {
        change(secret.ready.as_mut().expect("it is reported"));
    }

    fn judge(secrets: Vec<ExternalSecret>, stores: Vec<SecretStore>) -> ProbeResult {
        let workloads = [deployment("external-secrets", "external-secrets")];
        judge_external_secrets(
            &ExternalSecrets { secrets, stores },
            &workloads,
            now(),
            GRACE,
            &Settings::default(),
        )
    }

    #[test]
    fn every_rule_for_a_secret() {
        type Case = (&'static str, ExternalSecret, Vec<(&'static str, Verdict)>);
        let cases: Vec<Case> = vec![
            ("synced", secret(|_| {}), vec![]),
            ("failing, the old Secret stays", recorded::external_secret(43), vec![("not-synced", Yellow)]),
            (
                "failing, there never was one",
                ExternalSecret { refreshed_at: None, ..recorded::external_secret(43) },
                vec![("not-synced", Red)],
            ),
            (
                "failing since just now, there never was one",
                secret(|s| {
                    s.refreshed_at = None;
                    ready(s, |ready| (ready.status, ready.since) = (ConditionStatus::False, Some(ago(20))));
                }),
                vec![("not-synced", Yellow)],
            ),
            ("no condition", secret(|s| s.ready = None), vec![("not-reported", Unknown)]),
            (
                "no condition, just made",
                secret(|s| (s.ready, s.created_at) = (None, Some(ago(10)))),
                vec![("not-reported", Yellow)],
            ),
            (
                "Ready is neither",
                secret(|s| ready(s, |ready| ready.status = ConditionStatus::Unknown)),
                vec![("ready-unknown", Unknown)],
            ),
            (
                "Ready, and the Secret to merge into is not there",
                secret(|s| ready(s, |ready| ready.reason = "SecretMissing".to_owned())),
                vec![("secret-missing", Yellow)],
            ),
            (
                "deleted by its policy",
                secret(|s| ready(s, |ready| ready.reason = "SecretDeleted".to_owned())),
                vec![],
            ),
            (
                "read again two hours and four minutes ago",
                secret(|s| s.refreshed_at = Some(ago(2 * HOUR + 240))),
                vec![],
            ),
            ("read in the future", secret(|s| s.refreshed_at = Some(ago(-31))), vec![("stale", Unknown)]),
            (
                "read again too long ago",
                secret(|s| s.refreshed_at = Some(ago(2 * HOUR + 301))),
                vec![("stale", Unknown)],
            ),
            ("Ready and never read", secret(|s| s.refreshed_at = None), vec![("stale", Unknown)]),
            (
                "never to be read again",
                secret(|s| (s.refresh, s.refreshed_at) = (Refresh::Never, Some(ago(900 * HOUR)))),
                vec![],
            ),
            (
                "an interval that is none",
                secret(|s| s.refresh = Refresh::Unreadable),
                vec![("stale", Unknown)],
            ),
            ("an interval beyond all bounds", secret(|s| s.refresh = Refresh::Every(Duration::MAX)), vec![]),
        ];
        for (name, secret, expected) in cases {
            let result = judge(vec![secret], vec![]);
            assert_eq!(rules(&result), expected, "{name}");
            let verdict = expected.iter().map(|(_, verdict)| *verdict).max().unwrap_or(Green);
            assert_eq!(result.verdict, verdict, "{name}");
        }
    }

    #[test]
    fn every_rule_for_a_store() {
        let condition = |status, since| Condition {
            kind: "Ready".to_owned(),
            status,
            reason: "InvalidProviderConfig".to_owned(),
            message: "unable to validate store".to_owned(),
            since: Some(ago(since)),
            heartbeat: None,
        };
        let store = |ready, created| SecretStore {
            object: ObjectRef::new("ClusterSecretStore", "", "vault"),
            class: None,
            created_at: Some(ago(created)),
            ready,
        };
        let cases = [
            (store(Some(condition(ConditionStatus::True, 900)), 900), None),
            (store(Some(condition(ConditionStatus::False, 900)), 900), Some(("store-not-ready", Red))),
            (store(Some(condition(ConditionStatus::False, 60)), 900), Some(("store-not-ready", Yellow))),
            (store(Some(condition(ConditionStatus::Unknown, 60)), 900), Some(("ready-unknown", Unknown))),
            (store(None, 60), Some(("not-reported", Yellow))),
            (store(None, 900), Some(("not-reported", Unknown))),
        ];
        for (store, expected) in cases {
            let result = judge(vec![], vec![store]);
            assert_eq!(rules(&result).first().copied(), expected);
            assert!(result.used);
        }
    }

    #[test]
    fn what_is_for_another_controller_is_yellow_where_its_own_word_is_not_enough() {
        type Case<'a> =
            (&'static str, ExternalSecret, SecretStore, &'a [Workload], Vec<(&'static str, Verdict)>);
        let ready = |status| {
            let mut ready = recorded::external_secret(42).ready.expect("it is reported");
            (ready.status, ready.since) = (status, Some(ago(9 * HOUR)));
            Some(ready)
        };
        let vault = ObjectRef::new("ClusterSecretStore", "", "vault");
        let store = |class: Option<&str>, ready| SecretStore {
            object: vault.clone(),
            class: class.map(str::to_owned),
            created_at: Some(ago(9 * HOUR)),
            ready,
        };
        let with = |arguments: &[&str]| {
            let mut controller = deployment("external-secrets", "external-secrets");
            controller.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            vec![controller]
        };
        let stale = || secret(|secret| secret.refreshed_at = Some(ago(9 * HOUR)));
        let (default, team) = (with(&[]), with(&["--loglevel=info", "--controller-class=team"]));
        let both = [default.clone(), with(&["--controller-class", "team"])].concat();
        let good = ConditionStatus::True;
        let cases: Vec<Case<'_>> = vec![
            ("for any", secret(|_| {}), store(None, ready(good)), &team, vec![]),
            (
                "for the one that is here by default",
                secret(|_| {}),
                store(Some("default"), ready(good)),
                &default,
                vec![],
            ),
            ("for the one that is here", secret(|_| {}), store(Some("team"), ready(good)), &team, vec![]),
            ("for one of two", secret(|_| {}), store(Some("team"), ready(good)), &both, vec![]),
            (
                "ours says nothing",
                stale(),
                store(Some("team"), None),
                &both,
                vec![("not-reported", Unknown), ("stale", Unknown)],
            ),
            (
                "another's, never looked at",
                secret(|secret| (secret.ready, secret.created_at) = (None, Some(ago(9 * HOUR)))),
                store(Some("team"), None),
                &default,
                vec![("other-controller", Yellow); 2],
            ),
            (
                "another's, no longer looked at",
                stale(),
                store(Some("team"), ready(good)),
                &default,
                vec![("other-controller", Yellow); 2],
            ),
            (
                "another's, and somebody looks",
                secret(|_| {}),
                store(Some("team"), ready(good)),
                &default,
                vec![("other-controller", Yellow)],
            ),
            (
                "another's, and it fails",
                secret(|_| {}),
                store(Some("team"), ready(ConditionStatus::False)),
                &default,
                vec![("store-not-ready", Red)],
            ),
            (
                "no controller at all",
                stale(),
                store(Some("team"), None),
                &[],
                vec![("controller-missing", Unknown), ("not-reported", Unknown), ("stale", Unknown)],
            ),
        ];
        for (name, secret, store, workloads, expected) in cases {
            let external = ExternalSecrets { secrets: vec![secret], stores: vec![store] };
            let result = judge_external_secrets(&external, workloads, now(), GRACE, &Settings::default());
            assert_eq!(rules(&result), expected, "{name}");
        }
    }

    #[test]
    fn a_secret_that_was_deleted_by_its_own_policy_is_listed() {
        let deleted = secret(|s| ready(s, |ready| ready.reason = "SecretDeleted".to_owned()));
        let result = judge(vec![deleted], Vec::new());
        let listed: Vec<_> =
            result.findings.iter().map(|one| (one.id.rule.as_str(), one.informational)).collect();
        assert_eq!(listed, [("secret-deleted", true)]);
        assert_eq!(result.verdict, Verdict::Green);
    }

    #[test]
    fn a_dead_controller_makes_everything_unknown_and_without_objects_it_is_not_used() {
        let external = ExternalSecrets { secrets: vec![secret(|_| {})], stores: vec![] };
        let mut webhook = deployment("external-secrets", "eso-webhook");
        webhook.images = vec!["ghcr.io/external-secrets/external-secrets:v0.20.1".to_owned()];
        webhook.arguments = vec!["webhook".to_owned()];
        let result = judge_external_secrets(&external, &[webhook], now(), GRACE, &Settings::default());
        assert_eq!(rules(&result), [("controller-missing", Unknown)]);
        assert_eq!(result.summary, "1 of 1 ExternalSecrets synced");
        let none = ExternalSecrets { secrets: vec![], stores: vec![] };
        assert!(!judge_external_secrets(&none, &[], now(), GRACE, &Settings::default()).used);
    }
}
