//! Each rule, at the edge of what it forgives.

use super::*;

#[test]
fn every_rule_for_a_claim() {
    hold(vec![
        case("well", |_| {}, &[]),
        case("nothing at all", |c| (c.volumes, c.claims, c.attachments) = (vec![], vec![], vec![]), &[]),
        case(
            "lost",
            |c| (c.claims[0].phase, c.volumes, c.attachments) = (Some(ClaimPhase::Lost), vec![], vec![]),
            &[("claim-lost", Red)],
        ),
        case(
            "an unknown word",
            |c| c.claims[0].phase = Some(ClaimPhase::Unknown("Napping".to_owned())),
            &[("claim-phase-unknown", Unknown)],
        ),
        case(
            "an unknown word, just made",
            |c| {
                (c.claims[0].phase, c.claims[0].created_at) =
                    (Some(ClaimPhase::Unknown("N".to_owned())), Some(now()));
            },
            &[("claim-phase-unknown", Unknown)],
        ),
        case("no phase", |c| c.claims[0].phase = None, &[("claim-phase-missing", Unknown)]),
        case("no phase yet", |c| (c.claims[0].phase, c.claims[0].created_at) = (None, Some(ago(300))), &[]),
        case("being deleted for a moment", |c| c.claims[0].deleted_at = Some(ago(300)), &[]),
        case(
            "being deleted, and it reads Bound",
            |c| c.claims[0].deleted_at = Some(ago(301)),
            &[("claim-terminating", Yellow)],
        ),
        case("waits for a moment", |c| c.wait(300, Some("fast")), &[]),
        case("waits", |c| c.wait(301, Some("fast")), &[("claim-pending", Yellow)]),
        case(
            "waits, and nobody knows since when",
            |c| {
                c.wait(0, Some("fast"));
                c.claims[0].created_at = None;
            },
            &[("claim-pending", Yellow)],
        ),
        case("waits without a class", |c| c.wait(301, None), &[("claim-pending", Yellow)]),
        case("wants no class", |c| c.wait(301, Some("")), &[("claim-pending", Yellow)]),
        case(
            "waits for a class that is not there",
            |c| c.wait(301, Some("gone")),
            &[("claim-pending", Yellow)],
        ),
        case(
            "a pod waits for it",
            |c| {
                c.wait(301, Some("fast"));
                c.pods = vec![pod(20, None)];
            },
            &[("claim-pending", Red)],
        ),
        case(
            "a pod of another namespace does not",
            |c| {
                c.wait(301, Some("fast"));
                c.pods = vec![pod(900, None)];
                c.pods[0].namespace = "web".to_owned();
            },
            &[("claim-pending", Yellow)],
        ),
        case("its class waits for a pod, and there is none", |c| c.wait(900_000, Some("lazy")), &[]),
        case(
            "its class waits for a pod, which just came",
            |c| {
                c.wait(900_000, Some("lazy"));
                c.pods = vec![pod(300, None)];
            },
            &[],
        ),
        case(
            "its class waits for a pod, which waits for it",
            |c| {
                c.wait(900_000, Some("lazy"));
                c.pods = vec![pod(20, None), pod(301, None)];
            },
            &[("claim-pending", Red)],
        ),
        case(
            "its class waits for a pod, which is going",
            |c| {
                c.wait(900_000, Some("lazy"));
                c.pods = vec![pod(900, None)];
                c.pods[0].deleted_at = Some(ago(5));
            },
            &[],
        ),
        case(
            "its class waits for a pod, and it names its volume",
            |c| {
                c.wait(301, Some("lazy"));
                c.claims[0].volume = Some("pv-9".to_owned());
            },
            &[("claim-pending", Yellow)],
        ),
        case("bound to a volume that is not there", |c| c.volumes.clear(), &[("claim-misbound", Unknown)]),
        case(
            "just bound to a volume that was not there yet",
            |c| {
                c.volumes.clear();
                c.claims[0].created_at = Some(ago(300));
            },
            &[],
        ),
        case(
            "bound to a volume of another claim",
            |c| c.volumes[0].claim = Some(reference("data", Some("second"))),
            &[("claim-misbound", Unknown), ("volume-claim-missing", Unknown)],
        ),
        case(
            "bound to a volume of nobody",
            |c| {
                (c.volumes[0].claim, c.volumes[0].phase) = (None, Some(VolumePhase::Available));
            },
            &[("claim-misbound", Unknown)],
        ),
    ]);
}

#[test]
fn every_rule_for_a_volume() {
    hold(vec![
        case(
            "free",
            |c| {
                c.claims.clear();
                c.attachments.clear();
                (c.volumes[0].phase, c.volumes[0].claim) = (Some(VolumePhase::Available), None);
            },
            &[],
        ),
        case(
            "reserved",
            |c| {
                c.claims.clear();
                (c.volumes[0].phase, c.volumes[0].claim) =
                    (Some(VolumePhase::Available), Some(reference("data", None)));
            },
            &[],
        ),
        case("failed", |c| c.volumes[0].phase = Some(VolumePhase::Failed), &[("volume-failed", Red)]),
        case(
            "failed, and being deleted",
            |c| {
                (c.volumes[0].phase, c.volumes[0].deleted_at) = (Some(VolumePhase::Failed), Some(ago(5)));
            },
            &[("volume-failed", Red)],
        ),
        case(
            "an unknown word",
            |c| c.volumes[0].phase = Some(VolumePhase::Unknown("Napping".to_owned())),
            &[("volume-phase-unknown", Unknown)],
        ),
        case(
            "nobody looked",
            |c| {
                c.claims.clear();
                c.volumes[0].phase = Some(VolumePhase::Pending);
            },
            &[("volume-pending", Unknown)],
        ),
        case("no phase", |c| c.volumes[0].phase = None, &[("volume-pending", Unknown)]),
        case(
            "nobody looked yet",
            |c| {
                (c.volumes[0].phase, c.volumes[0].created_at) = (Some(VolumePhase::Pending), Some(ago(300)));
            },
            &[],
        ),
        case(
            "to be deleted while it reads Bound",
            |c| c.volumes[0].deleted_at = Some(ago(1)),
            &[("volume-terminating", Yellow)],
        ),
        case(
            "going",
            |c| {
                c.claims.clear();
                (c.volumes[0].phase, c.volumes[0].deleted_at) = (Some(VolumePhase::Released), Some(ago(300)));
            },
            &[],
        ),
        case(
            "does not go",
            |c| {
                c.claims.clear();
                (c.volumes[0].phase, c.volumes[0].deleted_at) = (Some(VolumePhase::Released), Some(ago(301)));
            },
            &[("volume-terminating", Yellow)],
        ),
        case("its claim is not there", |c| c.claims.clear(), &[("volume-claim-missing", Unknown)]),
        case(
            "its claim was not there yet",
            |c| {
                c.claims.clear();
                c.volumes[0].phase_since = Some(ago(300));
            },
            &[],
        ),
        case(
            "bound to nothing",
            |c| {
                c.claims.clear();
                c.volumes[0].claim = None;
            },
            &[("volume-claim-missing", Unknown)],
        ),
        case(
            "kept after its claim",
            |c| {
                c.claims.clear();
                c.volumes[0].phase = Some(VolumePhase::Released);
            },
            &[],
        ),
        case(
            "to be deleted after its claim, and is not",
            |c| {
                c.claims.clear();
                (c.volumes[0].phase, c.volumes[0].reclaim) =
                    (Some(VolumePhase::Released), ReclaimPolicy::Reclaim);
            },
            &[("volume-not-reclaimed", Yellow)],
        ),
        case(
            "to be deleted after its claim, soon",
            |c| {
                c.claims.clear();
                (c.volumes[0].phase, c.volumes[0].reclaim) =
                    (Some(VolumePhase::Released), ReclaimPolicy::Reclaim);
                c.volumes[0].phase_since = Some(ago(300));
            },
            &[],
        ),
        case(
            "a policy that nobody knows",
            |c| {
                c.claims.clear();
                (c.volumes[0].phase, c.volumes[0].reclaim) =
                    (Some(VolumePhase::Released), ReclaimPolicy::Unknown);
            },
            &[],
        ),
    ]);
}

#[test]
fn data_that_was_lost_from_sight_is_red() {
    hold(vec![
        case("another, younger volume", |c| c.replace(10_000, 900), &[("lost-data", Red)]),
        case("a moment ago", |c| c.replace(10_000, 1), &[("lost-data", Red)]),
        case("of the same second", |c| c.replace(900, 900), &[("lost-data", Red)]),
        case("another, older volume: the data was brought back", |c| c.replace(900, 10_000), &[]),
        case(
            "another, older volume of a person's, which was free and empty",
            |c| {
                c.replace(900, 10_000);
                (c.volumes[1].provisioned, c.volumes[1].chosen) = (false, true);
            },
            &[("lost-data", Red)],
        ),
        case(
            "another, older volume of a person's, reserved by name",
            |c| {
                c.replace(900, 10_000);
                c.volumes[1].provisioned = false;
            },
            &[("lost-data", Yellow)],
        ),
        case(
            "another, older volume that was another claim's, and free",
            |c| {
                c.replace(900, 10_000);
                c.volumes[1].chosen = true;
            },
            &[("lost-data", Yellow)],
        ),
        case(
            "by its policy the old one should be gone",
            |c| {
                c.replace(10_000, 900);
                c.volumes[0].reclaim = ReclaimPolicy::Reclaim;
            },
            &[("lost-data", Red)],
        ),
        case(
            "while the claim goes again",
            |c| {
                c.replace(10_000, 900);
                c.claims[0].deleted_at = Some(ago(20));
            },
            &[("lost-data", Red)],
        ),
        case(
            "the age of one is not told",
            |c| {
                c.replace(10_000, 900);
                c.volumes[1].created_at = None;
            },
            &[("lost-data", Unknown)],
        ),
        case(
            "the other one was not there yet",
            |c| {
                c.replace(10_000, 200);
                c.volumes.truncate(1);
            },
            &[("lost-data", Unknown)],
        ),
        case(
            "the other one is lost as well",
            |c| {
                c.replace(10_000, 900);
                c.claims[0].phase = Some(ClaimPhase::Lost);
                c.volumes.truncate(1);
            },
            &[("claim-lost", Red), ("lost-data", Unknown)],
        ),
        case(
            "a person deletes the old one",
            |c| {
                c.replace(10_000, 900);
                c.volumes[0].deleted_at = Some(ago(20));
            },
            &[],
        ),
        case(
            "a claim of that name in another namespace",
            |c| {
                c.replace(10_000, 900);
                c.volumes[0].claim.as_mut().expect("a reference").namespace = "web".to_owned();
            },
            &[],
        ),
        case(
            "VolSync makes its copies under one name",
            |c| {
                c.replace(10_000, 900);
                c.claims[0].made_for = Some(ObjectRef::new("ReplicationSource", "db", "data"));
            },
            &[],
        ),
        case(
            "the claim was made again and waits",
            |c| {
                c.replace(10_000, 20);
                c.volumes.truncate(1);
                (c.claims[0].phase, c.claims[0].volume) = (Some(ClaimPhase::Pending), None);
            },
            &[("released-claim-waits", Yellow)],
        ),
        case(
            "the claim was made again, and its class waits for a pod",
            |c| {
                c.replace(10_000, 900);
                c.volumes.truncate(1);
                (c.claims[0].phase, c.claims[0].volume) = (Some(ClaimPhase::Pending), None);
                c.claims[0].storage_class = Some("lazy".to_owned());
            },
            &[("released-claim-waits", Yellow)],
        ),
        case(
            "the claim was made again and names the old volume, which keeps the old uid",
            |c| {
                c.replace(10_000, 900);
                c.volumes.truncate(1);
                (c.claims[0].phase, c.claims[0].volume) =
                    (Some(ClaimPhase::Pending), Some("pv-1".to_owned()));
            },
            &[("claim-pending", Yellow), ("released-claim-waits", Yellow)],
        ),
        case(
            "it was bound again since the volumes were read",
            |c| {
                c.volumes[0].phase = Some(VolumePhase::Released);
            },
            &[],
        ),
    ]);
}

#[test]
fn every_rule_for_an_attachment() {
    hold(vec![
        case("of a pod's own volume", |c| c.attachments[0].volume = None, &[]),
        case(
            "an error of the beginning",
            |c| {
                let one = &mut c.attachments[0];
                (one.attached, one.attach_error, one.created_at) =
                    (Some(false), Some(error("busy")), Some(ago(300)));
            },
            &[("attach-failed", Yellow)],
        ),
        case(
            "an error that stays",
            |c| {
                let one = &mut c.attachments[0];
                (one.attached, one.attach_error, one.created_at) =
                    (Some(false), Some(error("busy")), Some(ago(301)));
            },
            &[("attach-failed", Red)],
        ),
        case(
            "attached, and an error beside it",
            |c| c.attachments[0].attach_error = Some(error("busy")),
            &[],
        ),
        case(
            "not yet",
            |c| {
                (c.attachments[0].attached, c.attachments[0].created_at) = (Some(false), Some(ago(300)));
            },
            &[],
        ),
        case("not at all", |c| c.attachments[0].attached = Some(false), &[("attach-unanswered", Unknown)]),
        case("no status", |c| c.attachments[0].attached = None, &[("attach-unanswered", Unknown)]),
        case(
            "cannot be detached",
            |c| {
                (c.attachments[0].deleted_at, c.attachments[0].detach_error) =
                    (Some(ago(5)), Some(error("busy")));
            },
            &[("detach-failed", Yellow)],
        ),
        case("being detached", |c| c.attachments[0].deleted_at = Some(ago(300)), &[]),
        case(
            "being detached for too long",
            |c| c.attachments[0].deleted_at = Some(ago(301)),
            &[("detach-overdue", Yellow)],
        ),
    ]);
}

#[test]
fn one_volume_on_two_nodes() {
    hold(vec![
        case("on two", |c| c.attachments.push(attachment("csi-2", "metal2")), &[("multi-attach", Red)]),
        case(
            "on two, the first is going",
            |c| {
                c.attachments[0].deleted_at = Some(ago(20));
                c.attachments.push(attachment("csi-2", "metal2"));
            },
            &[("multi-attach", Red)],
        ),
        case("twice on one", |c| c.attachments.push(attachment("csi-2", "metal1")), &[]),
        case(
            "wanted on a second",
            |c| {
                c.attachments.push(attachment("csi-2", "metal2"));
                (c.attachments[1].attached, c.attachments[1].created_at) = (Some(false), Some(ago(5)));
            },
            &[],
        ),
        case(
            "for many nodes",
            |c| {
                c.volumes[0].access_modes = vec!["ReadWriteMany".to_owned()];
                c.attachments.push(attachment("csi-2", "metal2"));
                c.pods = vec![pod(900, Some("metal3"))];
            },
            &[],
        ),
        case(
            "for one to write and many to read",
            |c| {
                c.volumes[0].access_modes.push("ReadOnlyMany".to_owned());
                c.attachments.push(attachment("csi-2", "metal2"));
            },
            &[],
        ),
        case("a pod just came to another node", |c| c.pods = vec![pod(600, Some("metal2"))], &[]),
        case(
            "a pod waits on another node",
            |c| c.pods = vec![pod(602, Some("metal2"))],
            &[("multi-attach-wait", Red)],
        ),
        case(
            "a pod waits on the same node for something else",
            |c| c.pods = vec![pod(900, Some("metal1"))],
            &[],
        ),
        case("a pod waits for a node", |c| c.pods = vec![pod(900, None)], &[]),
        case(
            "a pod waits, and no node has it",
            |c| {
                c.attachments.clear();
                c.pods = vec![pod(900, Some("metal2"))];
            },
            &[],
        ),
    ]);
}
