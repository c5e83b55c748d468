//! Services that pods answered for, and that select none any more: a fold over passes.
//!
//! One look cannot tell a Service whose selector was broken from one that is empty on purpose, so it lists both. Whoever looks
//! again knows: where a pod answered at an earlier look, and none has the labels now, the Service was cut off.
//!
//! Decided here: what is told of the looks before a restart is what the newest merge journalled, the Services that had no endpoint
//! just before it. Those are few, and every other one that was there then was answered. Without a merge a restart forgets, and
//! what is empty then is taken to be meant so. A Service that is not there at a look is forgotten; one that was made anew between two looks under
//! its name is the same. One that is new is nobody's loss. A workload that is there and was scaled to nothing, by a person or by an autoscaler, makes
//! it no loss either: that the probe sees by itself.

use super::probes::{SELECTS_NOTHING, disconnected};
use super::{Probe, Recon};
use crate::cluster::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a Service was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceSeen {
    /// A pod is ready to answer.
    Answered,
    /// It has no endpoint at all.
    Empty {
        /// When it was made.
        made_at: Option<Timestamp>,
    },
    /// Its endpoints are not ready, or nobody tells of them.
    Otherwise,
}

/// All Services that a pass saw.
pub(crate) type ServicesSeen = BTreeMap<ObjectRef, ServiceSeen>;

/// The Services that had no endpoint just before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WithoutEndpoints {
    /// When it was looked.
    looked_at: Timestamp,
    services: BTreeSet<ObjectRef>,
}

impl Recon {
    /// The Services without an endpoint; none where they could not be read.
    pub(crate) fn without_endpoints(&self) -> Option<WithoutEndpoints> {
        let seen = self.services.as_ref()?;
        let empty = seen.iter().filter(|(_, seen)| matches!(seen, ServiceSeen::Empty { .. }));
        let services = empty.map(|(object, _)| object.clone()).collect();
        Some(WithoutEndpoints { looked_at: self.began_at, services })
    }
}

/// The Services for which a pod answered at an earlier look, and when that was last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answered {
    before: BTreeMap<ObjectRef, Timestamp>,
}

impl Answered {
    /// Takes in a pass, and lets what was cut off since an earlier one count. `journalled` is what was seen just before the newest
    /// merge, for whoever has just begun to look.
    pub(super) fn observe(
        &mut self,
        recon: &mut Recon,
        journalled: Option<&WithoutEndpoints>,
        grace: Duration,
    ) {
        let Some(seen) = &recon.services else { return };
        if let Some(journalled) = journalled {
            self.before.extend(seen.iter().filter_map(|(object, seen)| match seen {
                ServiceSeen::Empty { made_at: Some(made) }
                    if *made <= journalled.looked_at && !journalled.services.contains(object) =>
                {
                    Some((object.clone(), journalled.looked_at))
                }
                _ => None,
            }));
        }
        self.before.retain(|object, _| seen.contains_key(object));
        let answered = seen.iter().filter(|(_, seen)| matches!(seen, ServiceSeen::Answered));
        self.before.extend(answered.map(|(object, _)| (object.clone(), recon.began_at)));
        for result in recon.probes.iter_mut().filter(|result| result.probe == Probe::Services) {
            for found in &mut result.findings {
                if found.id.rule != SELECTS_NOTHING {
                    continue;
                }
                if let Some(answered) = self.before.get(&found.id.object) {
                    *found = disconnected(found, *answered, recon.began_at, grace);
                }
            }
            result.judge_again();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::testing::recon_at;
    use super::super::probes::testing::{ago, workload};
    use super::super::probes::{judge_services, services_seen};
    use super::super::{Attribution, Baseline, Verdict, attributions};
    use super::*;
    use crate::cluster::{Endpoints, Owner, Service, Workload};
    use Verdict::{Green, Red, Yellow};

    const GRACE: Duration = Duration::from_mins(5);

    fn service(ready: usize, all: usize, changed: i64, made: i64) -> Service {
        Service {
            object: ObjectRef::new("Service", "web", "shop"),
            selector: [("app".to_owned(), "shop".to_owned())].into(),
            created_at: Some(ago(made)),
            endpoints: Some(Endpoints { ready, all, changed_at: Some(ago(changed)) }),
        }
    }

    fn pass(at: i64, services: &[Service], workloads: &[Workload]) -> Recon {
        let mut recon = recon_at(ago(at), Green);
        recon.probes.push(judge_services(services, &Ok(Vec::new()), workloads, ago(at), GRACE));
        recon.services = Some(services_seen(services));
        recon
    }

    /// The rules that block after passes that follow each other.
    fn last(passes: Vec<Recon>, journalled: Option<&WithoutEndpoints>) -> (Verdict, Vec<String>) {
        let (mut answered, mut told) = (Answered::default(), (Green, Vec::new()));
        for (at, mut recon) in passes.into_iter().enumerate() {
            answered.observe(&mut recon, journalled.filter(|_| at == 0), GRACE);
            let rules = recon.blocking().map(|one| one.id.rule.clone()).collect();
            told = (recon.verdict(), rules);
        }
        told
    }

    #[test]
    fn a_service_that_pods_answered_for_and_that_selects_none_now_was_cut_off() {
        let off = |verdict| (verdict, vec!["disconnected".to_owned()]);
        let well = (Green, Vec::new());
        let answered = |at| pass(at, &[service(2, 2, 9_000, 90_000)], &[]);
        let empty = |at, changed| pass(at, &[service(0, 0, changed, 90_000)], &[]);
        assert_eq!(last(vec![empty(0, 9_000)], None), well, "empty on purpose, for all that one look tells");
        assert_eq!(last(vec![empty(60, 9_000), empty(0, 9_000)], None), well);
        assert_eq!(last(vec![answered(400), empty(0, 30)], None), off(Yellow), "just now");
        assert_eq!(last(vec![answered(400), empty(0, 390)], None), off(Red));
        assert_eq!(last(vec![answered(900), empty(400, 890), empty(0, 890)], None), off(Red), "it lasts");
        assert_eq!(last(vec![answered(900), empty(400, 890), answered(0)], None), well, "mended");
        let unready = pass(400, &[service(0, 1, 450, 90_000)], &[]);
        assert_eq!(last(vec![answered(900), unready, empty(0, 390)], None), off(Red));
        let gone = pass(400, &[], &[]);
        assert_eq!(last(vec![answered(900), gone, empty(0, 390)], None), well, "a Service that was deleted");
        let anew = pass(0, &[service(0, 0, 390, 395)], &[]);
        assert_eq!(last(vec![answered(400), anew], None), off(Red), "made anew under its name");
        let mut unread = pass(400, &[], &[]);
        unread.services = None;
        assert_eq!(last(vec![answered(900), unread, empty(0, 390)], None), off(Red), "nobody knew meanwhile");
    }

    #[test]
    fn a_workload_that_was_scaled_to_nothing_cuts_nothing_off() {
        let mut scaled = workload(ObjectRef::new("Deployment", "web", "shop"));
        scaled.pod_labels = [("app".to_owned(), "shop".to_owned())].into();
        (scaled.desired, scaled.replicas, scaled.updated, scaled.available) = (0, 0, 0, 0);
        let answered = pass(900, &[service(2, 2, 9_000, 90_000)], &[]);
        let empty = pass(0, &[service(0, 0, 600, 90_000)], &[scaled]);
        assert_eq!(last(vec![answered, empty], None), (Green, Vec::new()));
    }

    #[test]
    fn after_a_restart_the_newest_merge_tells_what_was_answered() {
        let before = |services: &[Service]| pass(1_000, services, &[]).without_endpoints().expect("read");
        let journalled = before(&[service(2, 2, 9_000, 90_000)]);
        let written = serde_json::to_string(&journalled).expect("written");
        assert_eq!(serde_json::from_str::<WithoutEndpoints>(&written).expect("read"), journalled);
        let empty = || pass(0, &[service(0, 0, 600, 90_000)], &[]);
        assert_eq!(last(vec![empty()], Some(&journalled)).0, Red);
        let was_empty = before(&[service(0, 0, 9_000, 90_000)]);
        assert_eq!(last(vec![empty()], Some(&was_empty)).0, Green, "it was empty then");
        let new = pass(0, &[service(0, 0, 600, 601)], &[]);
        assert_eq!(last(vec![new], Some(&journalled)).0, Green, "it came with the merge, or after it");
    }

    #[test]
    fn a_change_that_cuts_its_own_service_off_did_it() {
        let mut answered = Answered::default();
        let mut before = pass(900, &[service(2, 2, 9_000, 90_000)], &[]);
        answered.observe(&mut before, None, GRACE);
        let mut after = pass(0, &[service(0, 0, 600, 90_000)], &[]);
        answered.observe(&mut after, None, GRACE);
        let mut shop = super::super::probes::applications_testing::application("shop");
        shop.resources = vec![crate::cluster::ApplicationResource {
            object: ObjectRef::new("Service", "web", "shop"),
            health: None,
        }];
        let told = attributions(&Baseline::of(&before, &[]), before.began_at, &after, &[Owner::from(&shop)]);
        assert!(matches!(told.values().next(), Some(Attribution::Attributed(_))), "{told:?}");
        assert!(!after.blocking().next().expect("found").is_on_its_way());
    }
}
