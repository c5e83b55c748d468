//! What a person does about what `doctor` and `setup` found.

use super::feature_words;
use crate::forge::{RepositoryName, ServerKind};
use crate::health::Feature;
use crate::run::RepositoryState;
use std::fmt::Write as _;
use url::Url;

/// A setting is missing.
pub(crate) fn doctor_settings() -> String {
    "`caretaker config example` shows every setting; secrets come from files or the environment".to_owned()
}

/// The program that a kubeconfig names for its credentials gave none.
pub(crate) fn credential_plugin(plugin: &str, why: &dyn std::fmt::Display) -> String {
    format!("`{plugin}`, which the kubeconfig names for its credentials, gave none: {why}")
}

/// The token is not known.
pub(crate) fn doctor_token() -> String {
    "make an access token for caretaker's account with the scopes write:issue, write:repository and read:user, and put \
     it where the settings say it is"
        .to_owned()
}

/// The token is known and may not.
pub(crate) fn doctor_scopes() -> String {
    "give caretaker's account write access to the repository, and its token the scopes write:issue, write:repository \
     and read:user; a token's scopes cannot be changed, make a new one"
        .to_owned()
}

/// What may not be seen reads as missing.
pub(crate) fn doctor_not_there() -> String {
    "look at the name and at forge.url; what the account may not see reads as missing, so let it in as a collaborator \
     with write access"
        .to_owned()
}

/// The repository moved.
pub(crate) fn doctor_renamed() -> String {
    "write the repository's new name into the settings".to_owned()
}

/// No answer.
pub(crate) fn doctor_no_answer() -> String {
    "look whether the server runs and can be reached from here, then ask again".to_owned()
}

/// Which servers are known.
pub(crate) fn doctor_versions() -> String {
    "Gitea 1.25 and 1.27 and Forgejo 12 were tried; with another one begin in mode `observe` and watch"
        .to_owned()
}

/// An account that others use.
pub(crate) fn doctor_shared() -> String {
    "give caretaker an account of its own: who did what cannot be told otherwise, and destructive approvals count by \
     comment only"
        .to_owned()
}

/// An account that may too much.
pub(crate) fn doctor_too_much() -> String {
    "use an account without that right: write access to the repositories is enough".to_owned()
}

/// A read-only repository.
pub(crate) fn doctor_archived() -> String {
    "take it out of the archive, or out of the settings".to_owned()
}

/// Only reading is allowed.
pub(crate) fn doctor_read_only() -> String {
    "give caretaker's account write access: Settings, Collaborators".to_owned()
}

/// Discovery finds nothing.
pub(crate) fn doctor_nothing_discovered() -> String {
    "give the account write access to the repositories that it shall look after, and make the label there: `caretaker \
     setup --repository OWNER/NAME`"
        .to_owned()
}

/// Repositories that discovery did not ask about.
pub(crate) fn doctor_left_out(many: usize) -> String {
    format!(
        "{many} repositories are not looked at, since there are too many: nobody knows whether they have the label"
    )
}

/// Too many repositories.
pub(crate) fn doctor_too_many_repositories() -> String {
    "name the owners of those that are meant in discovery.owners".to_owned()
}

/// A way of merging that is switched off.
pub(crate) fn doctor_style() -> String {
    "set merge_style in the [[repository]] table to one that is allowed, or allow it: Settings, Pull requests"
        .to_owned()
}

/// The protection keeps the account out.
pub(crate) fn doctor_may_merge() -> String {
    "add the account to those who may merge: Settings, Branches, the rule, merge whitelist".to_owned()
}

/// Reviews are asked for.
pub(crate) fn doctor_reviews() -> String {
    "as it is wanted, or ask for no reviews there: Settings, Branches, the rule, required approvals"
        .to_owned()
}

/// Undoing by pull request, with reviews.
pub(crate) fn doctor_revert_waits() -> String {
    "a bad merge stays until somebody approves its undoing: let the account push (Settings, Branches, the rule, push \
     whitelist), or be reachable"
        .to_owned()
}

/// Undoing by pull request.
pub(crate) fn doctor_revert_by_pull() -> String {
    "nothing, if that is wanted; faster with the account in the push whitelist: Settings, Branches, the rule"
        .to_owned()
}

/// An account that does not exist.
pub(crate) fn doctor_no_account() -> String {
    "correct the name in run.trusted: whoever takes that name later would be trusted".to_owned()
}

/// Nobody is trusted.
pub(crate) fn doctor_trusted() -> String {
    "name those who may ask for work in run.trusted; `caretaker setup` proposes them".to_owned()
}

/// Only administrators see hooks.
pub(crate) fn doctor_administrator() -> String {
    "ask again with the token of somebody who administers the repository: --administrator-token-file FILE"
        .to_owned()
}

/// The token of an administrator is none.
pub(crate) fn doctor_no_administrator() -> String {
    "give --administrator-token-file the token of somebody who administers this repository, with write:repository".to_owned()
}

/// No hook.
pub(crate) fn doctor_no_hook() -> String {
    "`caretaker setup --url ADDRESS` makes it; until then changes are found by looking, and a tick approves nothing"
        .to_owned()
}

/// Several hooks.
pub(crate) fn doctor_several_hooks() -> String {
    "remove all but one: Settings, Webhooks".to_owned()
}

/// A hook that setup mends.
pub(crate) fn doctor_run_setup() -> String {
    "`caretaker setup` puts it right".to_owned()
}

/// The address is not set.
pub(crate) fn doctor_public_url() -> String {
    "set web.public_url to the address of /webhook as the forge reaches it".to_owned()
}

/// Another secret.
pub(crate) fn doctor_wrong_secret() -> String {
    "give the hook the secret that belongs to the settings: `caretaker setup --replace-hook` makes it anew, since no forge \
     changes a hook's secret over its API"
        .to_owned()
}

/// The secret that the hooks' own are derived from.
pub(crate) fn doctor_shared_secret(repository: &RepositoryName) -> String {
    format!(
        "`caretaker setup --repository {repository} --replace-hook` makes the hook with a secret of its own. Whoever administers \
         the repository has seen the other one, from which those of all hooks are derived: put a new secret into the \
         settings first, without the old one behind it"
    )
}

/// Nothing came.
pub(crate) fn doctor_not_delivered(server: Option<ServerKind>) -> String {
    let program = match server {
        Some(ServerKind::Forgejo) => "Forgejo",
        Some(ServerKind::Gitea) | None => "Gitea",
    };
    format!(
        "the forge's page of the hook shows what became of it (Settings, Webhooks, the hook, recent deliveries). Most often \
         the forge may not reach the address: private and loopback ones are refused by default, and `[webhook] \
         ALLOWED_HOST_LIST = external, private` in {program}'s app.ini, or the host's name there, allows it. Else look at \
         the hook's address, at DNS, proxy and firewall between the two, and run doctor where the service runs"
    )
}

/// Nobody could listen.
pub(crate) fn doctor_no_listener() -> String {
    "run doctor where the service runs, with its settings; web.listen must be the service's or free"
        .to_owned()
}

/// Nothing to look at yet.
pub(crate) fn doctor_renovate_later() -> String {
    "ask again when Renovate has opened one".to_owned()
}

/// Another account.
pub(crate) fn doctor_renovate_account(author: &str) -> String {
    format!(
        "if Renovate works as `{author}`, name that account in renovate.accounts; else somebody imitates it"
    )
}

/// Another prefix.
pub(crate) fn doctor_renovate_prefix() -> String {
    "set renovate.branch_prefix to the branchPrefix of Renovate's own configuration".to_owned()
}

/// Imitated, or written over.
pub(crate) fn doctor_renovate_other() -> String {
    "look at the pull request: it is not merged as Renovate's".to_owned()
}

/// A disk that does not answer.
pub(crate) fn doctor_store_disk() -> String {
    "look at the disk of store.path".to_owned()
}

/// A network file system.
pub(crate) fn doctor_store_local() -> String {
    "give store.path a local disk: a crash can lose what was called written".to_owned()
}

/// A folder that cannot be used.
pub(crate) fn doctor_store_folder() -> String {
    "make the folder of store.path, and let the account of the service read and write there".to_owned()
}

/// Too little room.
pub(crate) fn doctor_store_room() -> String {
    "make room on the disk of store.path: with a full one nothing is begun".to_owned()
}

/// Events were missed.
pub(crate) fn doctor_missed() -> String {
    "look at the hook's recent deliveries on the forge; what is missed is found some minutes later, but no tick counts as \
     an approval without its delivery"
        .to_owned()
}

/// A run is open in a repository that is neither named nor found.
pub(crate) fn doctor_lost_run(
    issue: u64,
    state: Option<&RepositoryState>,
    half_done: Option<bool>,
) -> String {
    let repository = match state {
        Some(RepositoryState::Archived) => "the repository is archived".to_owned(),
        Some(RepositoryState::ReadOnly) => "caretaker's account may only read the repository".to_owned(),
        Some(state) => format!("the repository {state}"),
        None => "the repository is neither named by a table nor found: it was renamed, deleted or made private, or has \
                 lost its label"
            .to_owned(),
    };
    let change = match half_done {
        Some(true) => "a change is in flight there, and no other repository is changed before that is over",
        Some(false) => "nothing is half done there, so that nothing else waits for it",
        None => {
            "its journal cannot be read, so a change may be in flight there, and no other repository is changed"
        }
    };
    format!("the run of its issue #{issue} is open, and {repository}; {change}")
}

/// What to do about it.
pub(crate) fn doctor_lost_run_fix(state: Option<&RepositoryState>, half_done: Option<bool>) -> String {
    match (state, half_done) {
        (Some(RepositoryState::Archived), _) => "take it out of the archive, so that the run comes to its end".to_owned(),
        (Some(RepositoryState::ReadOnly), _) => {
            "let the account write to it again, so that the run comes to its end".to_owned()
        }
        (_, Some(false)) => {
            "let it be found again, so that the run goes on, or name it in discovery.ignore".to_owned()
        }
        (_, Some(true) | None) => {
            "let it be found again, or see to what was in flight there, name it in discovery.ignore and start caretaker again"
                .to_owned()
        }
    }
}

/// Something changed between two processes.
pub(crate) fn doctor_missed_while_down(repository: &str, count: u64, last: &str) -> String {
    let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
    format!(
        "{repository} changed {times} while caretaker did not run, found at a start, the last {last}; no forge delivers that \
         again, and a tick of that time approves nothing"
    )
}

/// The cluster.
pub(crate) fn doctor_cluster() -> String {
    "look at cluster.kubeconfig and cluster.context, and whether the API server can be reached from here"
        .to_owned()
}

/// A right is missing.
pub(crate) fn doctor_rights(feature: Feature) -> String {
    let part = match feature {
        Feature::OwnChecks => "a ClusterRole of your own that grants them to caretaker's service account",
        Feature::CephTools => "deploy/kustomize/components/exec, or set cluster.exec = false",
        Feature::PodDeletion => "deploy/kustomize/components/delete, or set cluster.delete = false",
        Feature::NodeStats => "deploy/kustomize/components/node-proxy, or set cluster.node_stats = false",
        Feature::Core
        | Feature::Jobs
        | Feature::DisruptionBudgets
        | Feature::Services
        | Feature::ArgoCd
        | Feature::ArgoCdSync
        | Feature::Ceph
        | Feature::Certificates
        | Feature::Usage
        | Feature::Lease
        | Feature::Volumes
        | Feature::Snapshots
        | Feature::VolSync
        | Feature::Flux
        | Feature::FluxReconcile
        | Feature::CloudNativePg
        | Feature::ExternalSecrets
        | Feature::ApiServices
        | Feature::Webhooks
        | Feature::Audit => "deploy/kustomize/base",
    };
    format!("for {}: apply {part}", feature_words(feature))
}

/// Nothing rolls out.
pub(crate) fn doctor_rollout() -> String {
    "install Argo CD or Flux, or say `rollout = \"none\"` in the [[repository]] table where nothing follows it"
        .to_owned()
}

/// Nobody follows the repository.
pub(crate) fn doctor_watchers() -> String {
    "name the address by which Argo CD or Flux reads it in pull_urls of the [[repository]] table, or say `rollout = \"none\"`"
        .to_owned()
}

/// Somebody may follow the repository.
pub(crate) fn doctor_probable_watcher() -> String {
    "say in pull_urls of the [[repository]] table that it is this repository, or in other_urls that it is not"
        .to_owned()
}

/// No date.
pub(crate) fn doctor_no_date() -> String {
    "a proxy may cut the header `Date`; compare the clocks by hand".to_owned()
}

/// Clocks differ.
pub(crate) fn doctor_clock() -> String {
    "let both machines keep time by NTP: approvals and signs of life are judged by their age".to_owned()
}

/// The trouble with having no address for the hook.
pub(crate) fn setup_no_address() -> String {
    "say where the forge reaches caretaker's /webhook: --url https://caretaker.example.org/webhook, or web.public_url"
        .to_owned()
}

/// What a person enters for the hook.
pub(crate) struct HookByHand<'a> {
    /// Where it delivers.
    pub(crate) url: &'a Url,
    /// Which forge.
    pub(crate) server: Option<ServerKind>,
    /// Where its secret is found; `None`: it has one of its own, which is shown to nobody.
    pub(crate) secret: Option<&'a str>,
    /// Where its authorization header is found, if it has one.
    pub(crate) authorization: Option<&'a str>,
}

/// The hook, field by field, as the forge's page has them. The secret itself is not shown.
pub(crate) fn setup_hook_by_hand(hook: &HookByHand<'_>) -> String {
    let kind = match hook.server {
        Some(ServerKind::Forgejo) => "Forgejo",
        Some(ServerKind::Gitea) | None => "Gitea",
    };
    let mut text = format!(
        "somebody who administers the repository enters it, or gives a token to --administrator-token-file:\n\
         Settings, Webhooks, Add webhook, {kind}\n\
         Target URL: {}\n\
         HTTP method: POST\n\
         Content type: application/json\n\
         Secret: {}\n\
         Trigger on: custom events: every one under Issues and Pull requests, Push, Create, Delete, Status (where there is \
         one)\n\
         Branch filter: empty\n",
        hook.url,
        hook.secret.unwrap_or(
            "one of its own, which is shown to nobody: have the hook made, with --administrator-token-file"
        )
    );
    if let Some(place) = hook.authorization {
        let _ = writeln!(text, "Authorization header: {place}");
    }
    text.push_str("Active: ticked");
    text
}

/// How labels are made by hand.
pub(crate) fn setup_label_by_hand(name: &str) -> String {
    format!("make the label `{name}` on the forge: Issues, Labels, New label")
}

/// The secret of a hook is in nobody's answer.
pub(crate) fn setup_secret_unseen() -> String {
    "whether its secret is right only a delivery tells: `caretaker doctor` asks for one".to_owned()
}

/// What an examination comes to.
pub(crate) fn doctor_summary(
    well: usize,
    notes: usize,
    warnings: usize,
    wrong: usize,
    unknown: usize,
) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    format!(
        "{well} in order, {}, {}, {wrong} wrong, {unknown} not known",
        count(notes, "note"),
        count(warnings, "warning")
    )
}
