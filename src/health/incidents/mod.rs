//! What breaks in homelabs, from the API server's answers to the verdict: the cause, what follows from it, and the gate.
//!
//! One incident a test, each with what was written down before it was asked for. The shapes are those that real servers
//! gave (`fixtures/recordings`), as far as they were recorded.

mod apps;
mod audit;
mod ceph;
mod databases;
mod evidence;
mod extensions;
mod gitops;
mod images;
mod lies;
mod merges;
mod power;
mod real;
mod scene;
mod secrets;
mod storage;
mod whole;

pub(crate) use scene::Scene;
use scene::{Pod, ago};
use serde_json::json;

async fn expect(scene: Scene, expected: &[&str]) {
    assert_eq!(scene.told().await, expected);
}

#[tokio::test]
async fn all_is_well() {
    expect(Scene::well().await, &["the gate opens"]).await;
}

#[tokio::test]
async fn a_node_is_lost() {
    let scene = Scene::well().await;
    scene.node("metal2", false);
    scene.pod(&Pod { ready: false, ..Pod::shop(2, "metal2") });
    scene.shop(1);
    scene.application("shop", "Degraded", &[("Deployment", "web", "shop", Some("Degraded"))]);
    let expected = [
        "RED not-ready of Node metal2",
        "  RED degraded of Application argocd/shop",
        "  RED node-not-ready of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn kubelets_may_not_be_asked() {
    let mut scene = Scene::well().await;
    scene.disk("metal1", 900);
    scene.disk("metal2", 900);
    scene.server.delete(&sim::kubernetes::CLUSTER_ROLE, None, "caretaker-node-proxy");
    let expected = [
        "UNKNOWN kubelet-not-read of Node metal1",
        "UNKNOWN kubelet-not-read of Node metal2",
        "the gate is closed",
    ];
    expect(scene, &expected).await;
}

#[tokio::test]
async fn a_certificate_has_not_been_ready_for_long() {
    let scene = Scene::well().await;
    scene.deployment("cert-manager", "cert-manager", 1, 1);
    scene.server.apply(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "shop", "namespace": "web"}, "spec": {"secretName": "shop-tls"},
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Expired", "lastTransitionTime": ago(20)}]}}));
    expect(scene, &["RED not-ready of Certificate web/shop", "the gate is closed"]).await;
}

/// What broke in a real homelab, and the incident that shows it.
mod known {
    const APPS: &str = include_str!("apps.rs");
    const AUDIT: &str = include_str!("audit.rs");
    const CEPH: &str = include_str!("ceph.rs");
    const DATABASES: &str = include_str!("databases.rs");
    const GITOPS: &str = include_str!("gitops.rs");
    const IMAGES: &str = include_str!("images.rs");
    const LIES: &str = include_str!("lies.rs");
    const MERGES: &str = include_str!("merges.rs");
    const POWER: &str = include_str!("power.rs");
    const SECRETS: &str = include_str!("secrets.rs");
    const STORAGE: &str = include_str!("storage.rs");
    /// A pull request is not looked for in a cluster: it is the run that meets it.
    const PROTECTED: &str = include_str!("../../run/stories/protected.rs");
    const REBASE: &str = include_str!("../../run/decide/tests/rebase.rs");

    const BROKE: &[(&str, &str, &[&str])] = &[
        (
            "an Application is Degraded, Progressing or OutOfSync",
            GITOPS,
            &[
                "an_application_is_not_well_in_each_way_that_argo_cd_knows",
                "an_application_is_on_its_way_because_its_deployment_is",
            ],
        ),
        (
            "an Application mirrors Ceph",
            CEPH,
            &[
                "an_application_only_mirrors_ceph",
                "an_application_that_does_not_say_why_mirrors_what_belongs_to_it",
            ],
        ),
        (
            "Ceph: stalled reads, slow operations, monitors low on disk, backfill",
            CEPH,
            &["ceph_warns_check_by_check"],
        ),
        (
            "the same, muted",
            CEPH,
            &["what_is_muted_in_ceph_is_named_and_does_not_block", "one_check_is_muted_and_another_is_not"],
        ),
        (
            "Ceph: a module of the manager crashed",
            CEPH,
            &["ceph_warns_of_three_things_and_its_phase_is_ready"],
        ),
        (
            "Ceph: an OSD is down",
            CEPH,
            &["an_osd_is_down_because_its_node_is", "an_osd_is_down_because_its_pod_is"],
        ),
        ("Ceph: a flag is left over", CEPH, &["ceph_is_being_upgraded_with_a_flag_set"]),
        ("credentials are refused", SECRETS, &["a_store_is_refused_and_what_reads_from_it_follows"]),
        ("an ExternalSecret fails", SECRETS, &["a_key_is_gone_from_a_store_that_is_well"]),
        (
            "a certificate",
            SECRETS,
            &["a_certificate_is_ready_while_its_renewal_fails", "a_certificate_has_expired"],
        ),
        ("events of what is well", APPS, &["events_of_things_that_are_well_are_nothing"]),
        ("RED of a check that is wrong itself", APPS, &["what_is_as_it_should_be_is_not_red"]),
        (
            "a probe fails",
            LIES,
            &["whatever_cannot_be_read_is_not_green", "what_does_not_answer_in_time_is_not_green"],
        ),
        (
            "a pull request of Renovate's conflicts",
            PROTECTED,
            &["a_pull_request_that_conflicts_is_made_anew_by_renovate_and_merged"],
        ),
        (
            "the same, and Renovate does not come",
            REBASE,
            &["in_conflict_renovate_is_asked_once_and_a_person_hears_that_it_does_not_come"],
        ),
        ("an image cannot be pulled", IMAGES, &["one_workload_gets_no_image_and_a_person_hears_why"]),
        ("a file handle of NFS is stale", APPS, &["a_file_handle_is_stale_and_a_person_hears_it"]),
        ("a volume is attached twice", STORAGE, &["two_nodes_have_a_volume_that_is_for_one"]),
        ("a volume could not be deleted", STORAGE, &["a_volume_could_not_be_deleted"]),
        ("pods are left over", APPS, &["debris_is_left_over"]),
        ("a node is cordoned", APPS, &["a_node_is_cordoned"]),
        (
            "pods are evicted",
            APPS,
            &["a_node_runs_out_of_disk_and_evicts", "what_was_evicted_is_not_replaced"],
        ),
        (
            "a pod starts again and again",
            APPS,
            &["a_pod_that_cannot_start_is_the_cause_of_its_deployment_and_its_application"],
        ),
        ("a Job reached its limit", APPS, &["a_job_reached_its_limit"]),
        ("a node is not ready", include_str!("mod.rs"), &["a_node_is_lost"]),
        ("a bundle broke a Job", MERGES, &["a_bundle_broke_a_job_after_eleven_minutes"]),
        (
            "a major crashed weeks later",
            MERGES,
            &["the_crashes_of_a_major_are_not_laid_to_a_merge_of_that_day"],
        ),
        ("a major of a database was taken back", MERGES, &["a_major_of_a_database_breaks_it"]),
    ];

    /// What is recovered from by a procedure, and the incidents that show what is seen before it and on its way.
    const RECOVERED: &[(&str, &str, &[&str])] = &[
        (
            "locks of VolSync and of what makes volumes",
            STORAGE,
            &[
                "sources_of_claims_that_are_gone_hold_the_provisioner_up",
                "a_repository_stays_locked_and_another_source_never_ends",
                "a_source_that_was_suspended_by_a_field_that_is_not_there_is_not_paused",
            ],
        ),
        (
            "volumes lost to new and empty ones",
            STORAGE,
            &[
                "data_was_lost_to_a_new_empty_volume",
                "several_volumes_were_lost_beside_apps_that_run_and_one_is_brought_back",
                "a_claim_waits_beside_the_volume_that_it_had",
            ],
        ),
        (
            "a database that lost its volume",
            DATABASES,
            &["a_database_came_back_empty", "a_database_is_about_to_be_made_anew"],
        ),
        (
            "an audit of resilience",
            AUDIT,
            &["a_careless_manifest_is_named_and_closes_nothing_unless_the_settings_say_so"],
        ),
        (
            "a reboot, or the power",
            POWER,
            &[
                "the_power_was_away",
                "the_power_comes_back_step_by_step",
                "a_pod_ends_for_ever_on_a_node_that_is_lost",
            ],
        ),
        (
            "images that are refused",
            IMAGES,
            &["one_workload_gets_no_image_and_a_person_hears_why", "a_registry_answers_nobody"],
        ),
        (
            "targets of volumes, and a NAS",
            STORAGE,
            &[
                "the_target_of_a_volume_is_not_there",
                "a_file_system_became_read_only",
                "attachments_are_left_where_a_nas_is_to_be_switched_off",
            ],
        ),
        (
            "Ceph",
            CEPH,
            &[
                "ceph_warns_check_by_check",
                "an_osd_is_out_and_nobody_complains",
                "an_upgrade_of_ceph_stopped_halfway",
            ],
        ),
        (
            "GitOps that is suspended",
            GITOPS,
            &[
                "flux_was_suspended_for_a_recovery_and_not_set_back",
                "argo_cd_was_suspended_and_all_is_as_git_said",
            ],
        ),
        (
            "a merge that is undone while it rolls out",
            GITOPS,
            &[
                "a_bad_revision_is_retried_and_after_the_revert_an_old_failure_is_left",
                "a_stateful_set_keeps_the_broken_pod_of_a_revision_that_was_taken_back",
            ],
        ),
    ];

    #[test]
    fn whatever_broke_or_is_recovered_from_has_its_incident() {
        for (what, source, tests) in BROKE.iter().chain(RECOVERED) {
            for test in *tests {
                let before =
                    source.split(&format!("fn {test}()")).next().filter(|before| before.len() < source.len());
                let attribute = before.and_then(|before| before.rsplit("#[").next());
                let is_test =
                    attribute.is_some_and(|one| one.starts_with("tokio::test") || one.starts_with("test]"));
                assert!(is_test, "{what}: {test} is not there, or no test");
            }
        }
    }
}
