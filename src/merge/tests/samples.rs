//! Good ordinary things, for tests to spoil.

use crate::cluster::{
    Application, ApplicationHealth, ApplicationResource, ApplicationSource, BegunBy, ObjectRef,
    OperationPhase, OperationState, SyncStatus, Workload,
};
use crate::forge::renovate::{Update, UpdateKind};
use crate::forge::{
    Account, AccountId, ChangedFile, CommitSha, FileChangeKind, PullNumber, PullRequest, PullSide,
    RepositoryName, State,
};
use crate::merge::Settings;
use crate::merge::classify::{Classification, PullChanges, Rules, classify};
use crate::merge::rollout::Undone;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

pub(in crate::merge) fn rules() -> Rules {
    Rules::new(&Settings::default())
}

/// Judges a pull request whose changes name nothing beyond its table.
pub(super) fn judge(
    updates: &[Update],
    title: &str,
    branch: &str,
    files: &[String],
    rules: &Rules,
) -> Classification {
    classify(&PullChanges { updates, title, branch, files, diff: "" }, rules)
}

pub(super) fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().expect("forty hexadecimal digits")
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

pub(super) fn update(package: &str, from: &str, to: &str, kind: UpdateKind) -> Update {
    Update {
        package: package.to_owned(),
        file: None,
        from: Some(from.to_owned()).filter(|from| !from.is_empty()),
        to: to.to_owned(),
        kind,
        change: format!("{from} → {to}"),
    }
}

pub(super) fn body(rows: &[&str]) -> String {
    format!(
        "This PR contains the following updates:\n\n| Package | Update | Change |\n|---|---|---|\n{}\n\n---\n\n \
         - [ ] <!-- rebase-check -->If you want to rebase/retry this PR, check this box\n\n<!--renovate-debug:e30=-->\n",
        rows.join("\n")
    )
}

pub(super) fn diff(path: &str, old: &str, new: &str) -> String {
    format!(
        "diff --git a/{path} b/{path}\nindex cd5b04d..ab5b04d 100644\n--- a/{path}\n+++ b/{path}\n\
         @@ -1,3 +1,3 @@\n name: x\n-{old}\n+{new}\n last: line\n"
    )
}

pub(super) fn pull() -> PullRequest {
    let repository: RepositoryName = "ops/homelab".parse().expect("a name");
    PullRequest {
        number: PullNumber(6),
        title: "chore(deps): update grafana to v10.1.0".to_owned(),
        body: body(&["| [grafana](https://grafana.example) | minor | `10.0.0` → `10.1.0` |"]),
        state: State::Open,
        draft: false,
        mergeable: true,
        merged: None,
        head: PullSide {
            branch: "renovate/grafana-10.x".to_owned(),
            sha: sha('a'),
            repository: Some(repository.clone()),
        },
        base: PullSide { branch: "main".to_owned(), sha: sha('b'), repository: Some(repository) },
        author: Account { id: AccountId(3), login: "renovate".to_owned() },
        labels: Vec::new(),
        content_version: Some(0),
        html_url: "https://git.example.org/ops/homelab/pulls/6".to_owned(),
    }
}

pub(super) fn changed(path: &str) -> ChangedFile {
    ChangedFile { path: path.to_owned(), previous_path: None, kind: FileChangeKind::Changed }
}

pub(super) fn source(path: &str) -> ApplicationSource {
    ApplicationSource {
        repository_url: "https://git.example.org/ops/homelab.git".to_owned(),
        path: path.to_owned(),
        chart: None,
        target_revision: "main".to_owned(),
        reference: None,
        value_files: Vec::new(),
        whole: crate::cluster::Fingerprint::default(),
    }
}

/// An Application that has rolled a commit out.
pub(super) fn application(name: &str, commit: &CommitSha) -> Application {
    Application {
        namespace: "argocd".to_owned(),
        name: name.to_owned(),
        resource_version: "1".to_owned(),
        refresh_requested: false,
        operation_requested: None,
        automated: true,
        skips_reconcile: false,
        prune: false,
        sync_options: Vec::new(),
        sources: vec![source(&format!("apps/{name}"))],
        made_by: None,
        rolled_by_set: false,
        dry: None,
        compared_sources: vec![source(&format!("apps/{name}"))],
        compared_otherwise: false,
        sync: SyncStatus::Synced,
        revisions: vec![commit.as_str().to_owned()],
        health: ApplicationHealth::Healthy,
        health_message: String::new(),
        operation: Some(operation(OperationPhase::Succeeded, commit)),
        conditions: Vec::new(),
        conditions_since: std::collections::BTreeMap::new(),
        health_since: None,
        reconciled_at: Some(at(20)),
        deleted_at: None,
        resources: vec![ApplicationResource {
            object: ObjectRef::new("Deployment", name, name),
            health: Some(ApplicationHealth::Healthy),
        }],
        images: vec![format!("ghcr.io/example/{name}:1.0.0")],
        placing: crate::cluster::Placing::default(),
        doors: crate::cluster::Doors::default(),
    }
}

pub(super) fn operation(phase: OperationPhase, commit: &CommitSha) -> OperationState {
    OperationState {
        phase,
        message: "one or more objects failed to apply".to_owned(),
        revisions: vec![commit.as_str().to_owned()],
        partial: false,
        sources: Vec::new(),
        begun_by: BegunBy::Itself,
        retries: 0,
        started_at: Some(at(5)),
        finished_at: Some(at(10)),
    }
}

pub(in crate::merge) fn workload(name: &str) -> Workload {
    Workload {
        object: ObjectRef::new("Deployment", name, name),
        generation: 1,
        observed_generation: 1,
        desired: 1,
        replicas: 1,
        updated: 1,
        held_back: None,
        available: 1,
        paused: false,
        conditions: Vec::new(),
        images: vec![format!("ghcr.io/example/{name}:1.0.0")],
        environment: Vec::new(),
        arguments: Vec::new(),
        hidden_environment: false,
        has_volume: false,
        labels: BTreeMap::new(),
        pod_labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

/// A while after everything in these samples, with nothing asked of anybody.
pub(super) fn moment() -> crate::merge::rollout::Moment {
    crate::merge::rollout::Moment {
        now: at(100),
        accepted: std::collections::BTreeSet::new(),
        earlier: std::collections::BTreeSet::new(),
        asking: None,
        awaited: Some(BTreeMap::new()),
        elsewhere: false,
        timing: crate::timing::Timing::default(),
    }
}

/// What is undone: the commit of `c`s, merged at a moment.
pub(super) fn undone(merged_at: Timestamp) -> Undone {
    Undone { commit: sha('c'), merged_at, later: BTreeSet::new() }
}
