//! Every judgement as a table: the good, and each wrong thing.

use super::*;
use crate::cluster::{GitSource, Right};
use crate::doctor::State::{Error, Note, Ok as Good, Unknown, Warning};
use crate::doctor::{Asked, NotKnown};
use crate::forge::renovate::NotRenovates;
use crate::forge::{
    Account, AccountId, Branch, ForgeError, Hook, HookId, MergeStyle, OwnAccount, OwnerKind, PullNumber,
    Repository, Server, ServerKind,
};
use crate::health::{Feature, Need};
use crate::merge::rollout::GitOps;
use crate::run::{self, Mode, RepositoryState, RolloutBy};
use crate::store::{Holder, Look, MissedEvents, Missing};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::time::Duration;
use url::Url;

fn no_answer<T>() -> Asked<T> {
    Err(NotKnown::NoAnswer("no answer within 20 seconds".to_owned()))
}

fn refused<T>() -> Asked<T> {
    Err(NotKnown::Refused("the forge refuses it".to_owned()))
}

fn states(found: &[Diagnosis]) -> Vec<State> {
    // Whatever is not in order says what mends it.
    assert!(found.iter().all(|diagnosis| (diagnosis.state == Good) == diagnosis.fix.is_none()), "{found:#?}");
    found.iter().map(|diagnosis| diagnosis.state).collect()
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn servers() {
    for (said, expected) in [
        ("1.27.1", Good),
        ("1.25.4", Good),
        ("12.0.1+gitea-1.22.0", Good),
        ("1.26.0", Warning),
        ("1.29.0", Warning),
        ("1.18.0", Error),
        ("main", Unknown),
    ] {
        assert_eq!(states(&[server(&Ok(Server::parse(said)))]), [expected], "{said}");
    }
    assert_eq!(server(&no_answer()).state, Unknown);
    assert_eq!(server(&Err(NotKnown::Unauthorized("no".to_owned()))).state, Error);
}

#[test]
fn accounts() {
    let own = |administers_forge| {
        let account = Account { id: AccountId(2), login: "Caretaker".to_owned() };
        Ok(OwnAccount { account, administers_forge })
    };
    let renovate = strings(&["renovate"]);
    for (own, trusted, accounts, expected) in [
        (own(false), &["operator"][..], &renovate, vec![Good]),
        (own(false), &["operator", "caretaker"], &renovate, vec![Warning]),
        (own(false), &["operator"], &strings(&["caretaker"]), vec![Warning]),
        (own(true), &["operator"], &renovate, vec![Warning]),
        (own(true), &["caretaker"], &strings(&["caretaker"]), vec![Warning, Warning, Warning]),
        (Err(NotKnown::Unauthorized("401".to_owned())), &["operator"], &renovate, vec![Error]),
        (refused(), &["operator"], &renovate, vec![Error]),
        (no_answer(), &["operator"], &renovate, vec![Unknown]),
    ] {
        assert_eq!(states(&account(&own, &strings(trusted), accounts)), expected, "{own:?}");
    }
}

fn table(mode: Mode) -> run::Repository {
    run::Repository { mode, ..run::Repository::new("ops/homelab".parse().expect("a name")) }
}

fn seen() -> Repository {
    Repository {
        id: Some(1),
        name: "ops/homelab".parse().expect("a name"),
        owner_kind: Some(OwnerKind::Organisation),
        default_branch: "main".to_owned(),
        private: true,
        archived: false,
        can_push: true,
        can_administer: false,
        merge_styles: BTreeSet::from([MergeStyle::Merge, MergeStyle::Squash]),
        clone_urls: vec!["https://git.example.org/ops/homelab.git".to_owned()],
        html_url: String::new(),
    }
}

fn open_branch() -> Branch {
    Branch {
        head: "0123456789012345678901234567890123456789".parse().expect("a commit"),
        protected: false,
        required_statuses: Vec::new(),
        required_approvals: 0,
        can_push: true,
        can_merge: true,
    }
}

fn about(
    mode: Mode,
    repository: &Asked<Repository>,
    branch: &Asked<Branch>,
    writes: [&Asked<bool>; 2],
) -> Vec<State> {
    let table = table(mode);
    let facts = RepositoryFacts {
        table: &table,
        repository,
        branch,
        writes_code: writes[0],
        writes_issues: writes[1],
    };
    states(&super::repository(&facts))
}

#[test]
fn what_a_repository_lets_through() {
    let (yes, no) = (Ok(true), Ok(false));
    let writes = [&yes, &yes];
    let good = Ok(open_branch());
    let all = |repository: &Asked<Repository>, branch: &Asked<Branch>| {
        about(Mode::Auto, repository, branch, writes)
    };
    assert_eq!(all(&Ok(seen()), &good), [Good, Good, Good, Good]);
    assert_eq!(all(&Ok(Repository { archived: true, ..seen() }), &good), [Error]);
    assert_eq!(all(&Ok(Repository { can_push: false, ..seen() }), &good), [Error]);
    assert_eq!(all(&Err(NotKnown::NotThere("404".to_owned())), &good), [Error]);
    assert_eq!(all(&Err(NotKnown::Renamed("301".to_owned())), &good), [Error]);
    assert_eq!(all(&no_answer(), &good), [Unknown]);
    for (branch, expected) in [
        (Branch { protected: true, required_statuses: vec!["ci/*".to_owned()], ..open_branch() }, vec![Good]),
        (Branch { can_merge: false, ..open_branch() }, vec![Error]),
        (Branch { required_approvals: 2, ..open_branch() }, vec![Warning]),
        (Branch { can_push: false, ..open_branch() }, vec![Warning]),
        (
            Branch { can_push: false, can_merge: false, required_approvals: 1, ..open_branch() },
            vec![Error, Warning, Warning],
        ),
    ] {
        assert_eq!(all(&Ok(seen()), &Ok(branch.clone()))[3..], expected, "{branch:?}");
    }
    assert_eq!(all(&Ok(seen()), &no_answer())[3..], [Unknown]);
    // What only changes need is no fault while nothing is changed.
    let kept_out = Ok(Branch { can_merge: false, ..open_branch() });
    let squash = Ok(Repository { merge_styles: BTreeSet::from([MergeStyle::Squash]), ..seen() });
    assert_eq!(about(Mode::Approve, &squash, &kept_out, writes), [Good, Good, Error, Error]);
    assert_eq!(about(Mode::Observe, &squash, &kept_out, writes), [Good, Good, Warning, Warning]);
    let silent = no_answer();
    for (writes, expected) in
        [([&no, &yes], Error), ([&yes, &no], Error), ([&no, &no], Error), ([&yes, &silent], Unknown)]
    {
        assert_eq!(about(Mode::Auto, &Ok(seen()), &good, writes)[1], expected, "{writes:?}");
    }
}

#[test]
fn who_counts() {
    let person = Repository { owner_kind: Some(OwnerKind::Person), ..seen() };
    let (organisation, unclear) = (seen(), Repository { owner_kind: None, ..seen() });
    let repositories = [&organisation, &person, &unclear];
    let of = |trusted: &[(String, Asked<bool>)]| {
        states(&people(&PeopleFacts { trusted, repositories: &repositories }))
    };
    assert_eq!(of(&[]), [Error, Good, Error]);
    let named = |login: &str, exists| (login.to_owned(), exists);
    assert_eq!(of(&[named("operator", Ok(true)), named("second", Ok(true))]), [Good]);
    assert_eq!(of(&[named("operator", Ok(true)), named("oprator", Ok(false))]), [Good, Error]);
    assert_eq!(of(&[named("operator", no_answer())]), [Unknown]);
}

fn good_hook(id: u64) -> Hook {
    Hook {
        id: HookId(id),
        url: "https://caretaker.example.org/webhook".to_owned(),
        content_type: "json".to_owned(),
        events: hook_events().into_iter().map(str::to_owned).collect(),
        active: true,
        branch_filter: String::new(),
        authorization: None,
    }
}

#[test]
fn hooks() {
    let url = Url::parse("https://caretaker.example.org/webhook").expect("an address");
    let secret = SecretString::from("Bearer word");
    let wanted = Wanted { url: Some(&url), delivers_statuses: true, authorization: None };
    let name = "ops/homelab".parse().expect("a name");
    let own = AskedBy::Caretaker;
    let of = |hooks: &Asked<Vec<Hook>>, wanted: &Wanted<'_>| states(&hook(&name, hooks, wanted, own));
    let one = |change: fn(&mut Hook)| {
        let mut hook = good_hook(1);
        change(&mut hook);
        of(&Ok(vec![hook]), &wanted)
    };
    assert_eq!(one(|_| {}), [Good]);
    assert_eq!(one(|hook| hook.active = false), [Error]);
    assert_eq!(one(|hook| hook.url = "https://chat.example.org/webhook".to_owned()), [Error]);
    assert_eq!(
        one(|hook| {
            hook.events.remove("issues");
        }),
        [Error]
    );
    assert_eq!(
        one(|hook| {
            hook.events.remove("push");
        }),
        [Warning]
    );
    assert_eq!(
        one(|hook| {
            hook.events.remove("status");
        }),
        [Warning]
    );
    assert_eq!(
        one(|hook| {
            hook.events.insert("release".to_owned());
        }),
        [Warning]
    );
    assert_eq!(one(|hook| hook.content_type = "xml".to_owned()), [Error]);
    assert_eq!(one(|hook| hook.content_type = "form".to_owned()), [Good]);
    assert_eq!(one(|hook| hook.branch_filter = "release/*".to_owned()), [Warning]);
    assert_eq!(one(|hook| hook.branch_filter = "*".to_owned()), [Good]);
    assert_eq!(of(&Ok(vec![good_hook(1), good_hook(2)]), &wanted), [Warning]);
    assert_eq!(of(&Ok(Vec::new()), &wanted), [Error]);
    // An ordinary token need not see hooks; that of an administrator has to.
    assert_eq!(of(&refused(), &wanted), [Note]);
    assert_eq!(states(&hook(&name, &refused(), &wanted, AskedBy::Administrator)), [Unknown]);
    assert_eq!(of(&no_answer(), &wanted), [Unknown]);
    // Forgejo delivers no statuses.
    let mut without = good_hook(1);
    without.events.remove("status");
    let forgejo = Wanted { delivers_statuses: false, ..wanted };
    assert_eq!(of(&Ok(vec![without]), &forgejo), [Good]);
    // A header that is not shown may be right; one that is shown and is another is wrong.
    let asked = Wanted { authorization: Some(&secret), ..wanted };
    assert_eq!(of(&Ok(vec![good_hook(1)]), &asked), [Good]);
    let another = Hook { authorization: Some(SecretString::from("Bearer other")), ..good_hook(1) };
    let found = hook(&name, &Ok(vec![another]), &asked, own);
    assert_eq!(states(&found), [Error]);
    assert!(!format!("{found:?}").contains("other"), "no secret is shown");
    // Where nobody said the address, a hook is known by its path, and that is said.
    let guess = Wanted { url: None, ..wanted };
    assert_eq!(of(&Ok(vec![good_hook(1)]), &guess), [Good, Warning]);
}

#[test]
fn test_deliveries() {
    let name = "ops/homelab".parse().expect("a name");
    let ten = Duration::from_secs(10);
    for (arrival, expected, part) in [
        (Arrival::Good(Listener::Service, ten), Good, ""),
        (Arrival::Good(Listener::Own, ten), Good, ""),
        (Arrival::Refused("the signature".to_owned()), Error, "--replace-hook"),
        (Arrival::SharedSecret(Listener::Service), Error, "--repository ops/homelab --replace-hook"),
        (Arrival::SharedSecret(Listener::Own), Error, "a new secret"),
        (Arrival::Nothing(Listener::Service, ten), Error, "ALLOWED_HOST_LIST"),
        (Arrival::Nothing(Listener::Own, ten), Error, "ALLOWED_HOST_LIST"),
        (Arrival::NotSent(NotKnown::Refused("403".to_owned())), Unknown, "administrator"),
        (Arrival::NoListener("in use".to_owned()), Unknown, "web.listen"),
    ] {
        let found = delivery(&name, &arrival, Some(ServerKind::Forgejo));
        assert_eq!(states(std::slice::from_ref(&found)), [expected], "{arrival:?}");
        assert!(found.fix.unwrap_or_default().contains(part), "{arrival:?}");
    }
}

#[test]
fn renovates_pull_requests() {
    let name = "ops/homelab".parse().expect("a name");
    let of = |pulls: Asked<Vec<Likeness>>, dashboard: Asked<bool>| {
        states(&renovate(&RenovateFacts { repository: &name, pulls: &pulls, dashboard: &dashboard }))
    };
    let pull = |refused| Likeness { number: PullNumber(4), refused };
    assert_eq!(of(Ok(vec![pull(None)]), Ok(true)), [Good, Good]);
    assert_eq!(of(Ok(vec![pull(None)]), Ok(false)), [Good, Good]);
    assert_eq!(of(Ok(Vec::new()), Ok(true)), [Warning, Good]);
    assert_eq!(of(no_answer(), no_answer()), [Unknown, Unknown]);
    for (why, expected) in [
        (NotRenovates::Author("bot".to_owned()), Error),
        (NotRenovates::Branch("deps/a".to_owned()), Error),
        (NotRenovates::OtherRepository, Warning),
        (NotRenovates::Marker, Warning),
    ] {
        assert_eq!(of(Ok(vec![pull(Some(why)), pull(None)]), Ok(true)), [Good, expected, Good]);
    }
}

fn looked_at() -> Look {
    Look {
        path: "/var/lib/caretaker/caretaker.sqlite".into(),
        exists: true,
        network: Ok(None),
        free_bytes: Ok(20 << 30),
        writable: Ok(()),
        holder: Ok(Holder::Nobody),
    }
}

#[test]
fn stores() {
    let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let of = |look: Look| states(&store(&Ok(look), 64 << 20));
    assert_eq!(of(looked_at()), [Good]);
    assert_eq!(of(Look { exists: false, ..looked_at() }), [Good]);
    assert_eq!(of(Look { holder: Ok(Holder::Somebody(Some(7))), ..looked_at() }), [Good]);
    assert_eq!(of(Look { network: Ok(Some("NFS".to_owned())), ..looked_at() }), [Error]);
    assert_eq!(of(Look { network: Err(denied()), writable: Err(denied()), ..looked_at() }), [Error]);
    assert_eq!(of(Look { writable: Err(denied()), ..looked_at() }), [Error]);
    assert_eq!(of(Look { free_bytes: Ok(1 << 20), ..looked_at() }), [Error]);
    assert_eq!(of(Look { free_bytes: Err(denied()), ..looked_at() }), [Unknown]);
    assert_eq!(of(Look { holder: Err(denied()), ..looked_at() }), [Unknown]);
    assert_eq!(states(&store(&no_answer(), 1)), [Unknown]);
    let missed = MissedEvents { count: 3, last_at: Timestamp::UNIX_EPOCH, last_delivery_at: None };
    for (missing, state) in [(Missing::Up, Warning), (Missing::Down, Good)] {
        let missed = vec![("ops/homelab".to_owned(), missing, missed.clone())];
        assert_eq!(states(&missed_events(&Ok(missed))), [state], "{missing:?}");
    }
    for (half_done, state, said, fix) in [
        (Some(true), None, "a change is in flight there", "discovery.ignore"),
        (Some(false), None, "nothing is half done there", "goes on"),
        (None, None, "its journal cannot be read", "discovery.ignore"),
        (
            Some(true),
            Some(RepositoryState::Archived),
            "is archived; a change is in flight",
            "out of the archive",
        ),
        (Some(false), Some(RepositoryState::ReadOnly), "may only read", "write to it again"),
    ] {
        let drops = state.is_none();
        let lost = LostRun { repository: "ops/garden".to_owned(), issue: 7, half_done, state };
        let found = lost_runs(&Ok(vec![lost]));
        assert_eq!(states(&found), [Warning]);
        let text = format!("{found:?}");
        assert!(text.contains("#7") && text.contains(said) && text.contains(fix), "{text}");
        assert_eq!(text.contains("discovery.ignore"), drops, "what is there still is not dropped: {text}");
    }
    assert!(lost_runs(&Ok(Vec::new())).is_empty() && lost_runs(&no_answer()).is_empty());
    let gone = ForgeError::NotFound { what: "GET /repos/ops/garden/labels".to_owned() };
    let unknown = [("ops/garden".parse().expect("a name"), gone)].into();
    let left_out = ["ops/shed".parse().expect("a name")].into();
    let found = run::Discovered { unknown, left_out, ..run::Discovered::default() };
    assert_eq!(states(&discovered(found)), [Warning, Unknown]);
    assert!(discovered(run::Discovered::default()).is_empty());
    assert!(missed_events(&Ok(Vec::new())).is_empty());
    assert_eq!(states(&missed_events(&no_answer())), [Unknown]);
}

#[test]
fn rights_in_the_cluster() {
    let need = |optional| {
        let right = Right {
            verb: "list".to_owned(),
            group: String::new(),
            resource: "pods".to_owned(),
            namespace: String::new(),
        };
        Need { right, optional }
    };
    let of = |needs: &[(Need, Asked<bool>)]| states(&[right(Feature::Core, needs)])[0];
    assert_eq!(of(&[(need(false), Ok(true)), (need(true), Ok(true))]), Good);
    assert_eq!(of(&[(need(false), Ok(true)), (need(true), Ok(false))]), Warning);
    assert_eq!(of(&[(need(false), Ok(false)), (need(true), Ok(false))]), Error);
    let mut watch = need(true);
    watch.right.verb = "watch".to_owned();
    let found = right(Feature::Core, &[(need(false), Ok(true)), (watch, Ok(false))]);
    assert_eq!(found.state, Warning);
    assert_eq!(found.found, "the cluster does not allow `watch pods`; each look lists them instead");
    assert_eq!(of(&[(need(false), no_answer())]), Unknown);
    assert_eq!(of(&[(need(false), Err(NotKnown::Unauthorized("401".to_owned())))]), Error);
    assert_eq!(reached(&no_answer()).state, Unknown);
    assert_eq!(reached(&Ok("v1.33.0".to_owned())).state, Good);
}

#[test]
fn who_follows_a_repository() {
    let of = |mode, rollout, asked: &Asked<RollsOut>| {
        let table = run::Repository { rollout, ..table(mode) };
        states(&[watchers(&table, &seen(), asked)])[0]
    };
    let none = Ok(RollsOut { argo: true, ..RollsOut::default() });
    assert_eq!(of(Mode::Auto, RolloutBy::Watchers, &none), Error);
    assert_eq!(of(Mode::Observe, RolloutBy::Watchers, &none), Warning);
    let nobody = Ok(RollsOut::default());
    assert_eq!(of(Mode::Auto, RolloutBy::Watchers, &nobody), Error);
    assert_eq!(of(Mode::Auto, RolloutBy::Watchers, &no_answer()), Unknown);
    assert_eq!(of(Mode::Auto, RolloutBy::None, &none), Good);
    let source = |url: &str| {
        let mut source = crate::cluster::recorded::flux(47);
        source.git = Some(GitSource { url: url.to_owned(), branch: Some("main".to_owned()) });
        source
    };
    let mut kustomization = crate::cluster::recorded::flux(27);
    kustomization.sources = vec![source("").object()];
    let by_flux = |url: &str| {
        let gitops = GitOps { flux: vec![source(url), kustomization.clone()], ..GitOps::default() };
        Ok(RollsOut { gitops, flux: true, argo: false })
    };
    let own = seen().clone_urls[0].clone();
    assert_eq!(of(Mode::Auto, RolloutBy::Watchers, &by_flux(&own)), Good);
    // The same owner and name elsewhere.
    let elsewhere = format!("https://mirror.example.com/{}", seen().name);
    assert_eq!(of(Mode::Auto, RolloutBy::Watchers, &by_flux(&elsewhere)), Error);
    assert_eq!(rolls_out(&none).found, "Argo CD with 0 Applications");
    assert_eq!(rolls_out(&by_flux(&own)).found, "Flux with 1 Kustomizations");
    assert_eq!(states(&[rolls_out(&nobody)]), [Warning]);
    assert_eq!(states(&[rolls_out(&no_answer())]), [Unknown]);
}

#[test]
fn clocks() {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    let later = now + SignedDuration::from_millis(800);
    for (told, expected) in [
        (0, Good),
        (4, Good),
        (-5, Good),
        (7, Warning),
        (-7, Warning),
        (61, Error),
        (-62, Error),
        (-86_400, Error),
    ] {
        let asked = Ok(Some(now + SignedDuration::from_secs(told)));
        assert_eq!(states(&[clock("forge", &asked, now, later)]), [expected], "{told}");
    }
    // An answer that took long says little about the clock.
    let slow = now + SignedDuration::from_secs(20);
    assert_eq!(clock("forge", &Ok(Some(now + SignedDuration::from_secs(10))), now, slow).state, Good);
    assert_eq!(states(&[clock("forge", &Ok(None), now, later)]), [Unknown]);
    assert_eq!(states(&[clock("forge", &no_answer(), now, later)]), [Unknown]);
}
