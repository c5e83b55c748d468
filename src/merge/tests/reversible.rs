use super::samples::{application, judge, rules, sha, update, workload};
use crate::cluster::{Application, ApplicationResource, ObjectRef, Owner, Workload};
use crate::forge::renovate::UpdateKind;
use crate::merge::reversible::{Reversible, reversible};
use crate::merge::settings::{ReversiblePath, ReversibleRule};

#[derive(Debug, PartialEq)]
enum Word {
    Yes,
    UntilStarted,
    No,
}

struct World {
    package: &'static str,
    kind: UpdateKind,
    application: Option<Application>,
    workload: Workload,
    overrides: Vec<ReversiblePath>,
}

impl World {
    fn good() -> Self {
        Self {
            package: "ghcr.io/example/web",
            kind: UpdateKind::Patch,
            application: Some(application("web", &sha('c'))),
            workload: workload("web"),
            overrides: Vec::new(),
        }
    }

    fn judge(&self) -> Word {
        let files = vec!["apps/web/values.yaml".to_owned()];
        let updates = [update(self.package, "1.0.0", "1.0.1", self.kind)];
        let classification = judge(&updates, "t", "b", &files, &rules());
        let owners: Vec<Owner> = self.application.iter().map(Owner::from).collect();
        let workloads = [self.workload.clone(), workload("elsewhere")];
        match reversible(&classification, &files, &owners, &workloads, &self.overrides) {
            Reversible::Yes => Word::Yes,
            Reversible::UntilStarted(_) => Word::UntilStarted,
            Reversible::No(_) => Word::No,
        }
    }
}

fn rule(path: &str, rule: ReversibleRule) -> ReversiblePath {
    ReversiblePath { path: path.to_owned(), rule }
}

fn own(world: &mut World, kind: &str) {
    if let Some(app) = &mut world.application {
        app.resources.push(ApplicationResource { object: ObjectRef::new(kind, "web", "web"), health: None });
    }
}

fn owns_only(world: &mut World, kinds: &[&str]) {
    if let Some(app) = &mut world.application {
        app.resources.clear();
    }
    for kind in kinds {
        own(world, kind);
    }
}

#[test]
fn a_client_of_a_database_is_known_by_its_environment_and_its_command() {
    let variables = [
        ("DB_HOST", "", true),
        ("PAPERLESS_DBHOST", "", true),
        ("STORE", "postgres://db/x", true),
        ("STORE", "postgresql+asyncpg://db/x", true),
        ("STORE", "mongodb+srv://db/x", true),
        ("STORE", "  Redis://cache:6379/0", true),
        ("STORE", "rediss://cache:6379/0", true),
        ("STORE", "clickhouse://c:9000", true),
        ("STORE", "main=sqlite:/data/x.db", true),
        ("STORE", "jdbc:oracle:thin:@db", true),
        ("STORE", "user:word@tcp(db:3306)/x", true),
        ("STORE", "host=pg user=x dbname=x", true),
        ("REDIS_HOST", "cache", true),
        ("SPRING_DATA_REDIS_URL", "", true),
        ("VALKEY_HOST", "cache", true),
        ("ELASTICSEARCH_HOSTS", "http://search:9200", true),
        ("OPENSEARCH_URL", "http://search:9200", true),
        ("CLICKHOUSE_ADDR", "c:9000", true),
        ("INFLUXDB_URL", "http://metrics:8086", true),
        ("ETCD_ENDPOINTS", "http://e:2379", true),
        ("NEO4J_URI", "", true),
        ("FEEDBACK", "yes", false),
        ("PUBLIC_URL", "https://web.example.org", false),
        ("ADDRESSES", "http://a.example.org,tcp://b.example.org:80", false),
    ];
    for (name, value, expected) in variables {
        let mut world = World::good();
        world.workload.environment.push((name.to_owned(), value.to_owned()));
        assert_eq!(world.judge() == Word::UntilStarted, expected, "{name}={value}");
    }
    for (argument, expected) in [
        ("--database-url=postgres://app:word@db/x", true),
        ("postgres://app:word@db/x", true),
        ("exec /app --store redis://cache:6379", true),
        ("-dpostgres://app:word@db/x", true),
        ("--db-host=pg", true),
        ("--db-host", true),
        ("exec /app --db.host pg", true),
        ("--elasticsearch-hosts=http://search:9200", true),
        ("--listen=:8080", false),
        ("--public-url=https://web.example.org", false),
        ("/bin/web", false),
        ("serve", false),
    ] {
        let mut world = World::good();
        world.workload.arguments.push(argument.to_owned());
        assert_eq!(world.judge() == Word::UntilStarted, expected, "{argument}");
    }
}

#[test]
fn what_a_command_says_is_not_shown() {
    let mut web = workload("web");
    web.arguments.push("--database-url=postgres://app:hunter2@db/x".to_owned());
    let classification =
        judge(&[update("web", "1.0.0", "1.0.1", UpdateKind::Patch)], "t", "b", &[], &rules());
    let app = application("web", &sha('c'));
    match reversible(&classification, &[], &[Owner::from(&app)], &[web], &[]) {
        Reversible::UntilStarted(why) => {
            assert!(why.contains("by its command"), "{why}");
            assert!(!why.contains("hunter2") && !why.contains("postgres"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_fact_has_its_answer() {
    type Spoil = fn(&mut World);
    let cases: Vec<(&str, Spoil, Word)> = vec![
        ("stateless", |_| {}, Word::Yes),
        ("a volume", |w| w.workload.has_volume = true, Word::UntilStarted),
        ("a claim", |w| own(w, "PersistentVolumeClaim"), Word::UntilStarted),
        (
            "a client by name",
            |w| w.workload.environment.push(("DB_HOST".to_owned(), String::new())),
            Word::UntilStarted,
        ),
        (
            "a client by value",
            |w| w.workload.environment.push(("STORE".to_owned(), "postgres://db/x".to_owned())),
            Word::UntilStarted,
        ),
        (
            "a client by a name without underscores",
            |w| w.workload.environment.push(("PAPERLESS_DBHOST".to_owned(), String::new())),
            Word::UntilStarted,
        ),
        (
            "an environment that is not to be seen",
            |w| w.workload.hidden_environment = true,
            Word::UntilStarted,
        ),
        ("an operator's object", |w| own(w, "Cluster"), Word::UntilStarted),
        ("a job that may migrate", |w| own(w, "Job"), Word::UntilStarted),
        ("settings beside it", |w| own(w, "ConfigMap"), Word::Yes),
        ("other Applications", |w| own(w, "Application"), Word::No),
        ("sets of Applications", |w| own(w, "ApplicationSet"), Word::No),
        ("a workload that was not read", |w| own(w, "StatefulSet"), Word::No),
        (
            "an inventory that is empty",
            |w| w.application.iter_mut().for_each(|app| app.resources.clear()),
            Word::No,
        ),
        ("settings alone", |w| owns_only(w, &["ConfigMap", "Secret", "Namespace"]), Word::No),
        ("a claim alone", |w| owns_only(w, &["PersistentVolumeClaim"]), Word::No),
        ("a pod of its own", |w| owns_only(w, &["Pod"]), Word::No),
        ("an operator's object alone", |w| owns_only(w, &["Cluster"]), Word::No),
        ("no client", |w| w.workload.environment.push(("FEEDBACK".to_owned(), "yes".to_owned())), Word::Yes),
        ("a database", |w| w.package = "postgres", Word::No),
        ("a foundation", |w| w.package = "argo-cd", Word::No),
        ("a storage operator", |w| w.package = "democratic-csi", Word::No),
        ("Kubernetes", |w| w.package = "rancher/k3s", Word::No),
        ("nobody knows what it touches", |w| w.application = None, Word::No),
        ("kinds of its own, a patch", |w| own(w, "CustomResourceDefinition"), Word::No),
        (
            "kinds of its own, a major",
            |w| {
                own(w, "CustomResourceDefinition");
                w.kind = UpdateKind::Major;
            },
            Word::No,
        ),
        ("auto", |w| w.overrides.push(rule("apps/*", ReversibleRule::Auto)), Word::Yes),
        ("ask", |w| w.overrides.push(rule("apps/*", ReversibleRule::Ask)), Word::No),
        ("never", |w| w.overrides.push(rule("*/web/*", ReversibleRule::Never)), Word::No),
        ("never elsewhere", |w| w.overrides.push(rule("infra/*", ReversibleRule::Never)), Word::Yes),
        (
            "auto never makes it less careful",
            |w| {
                w.overrides.push(rule("apps/*", ReversibleRule::Auto));
                w.workload.has_volume = true;
            },
            Word::UntilStarted,
        ),
    ];
    for (name, spoil, expected) in cases {
        let mut world = World::good();
        spoil(&mut world);
        assert_eq!(world.judge(), expected, "{name}");
    }
}
