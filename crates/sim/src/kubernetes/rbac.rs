//! Who may do what, decided from the Roles and bindings that lie in the store, the same way a real server decides.
//!
//! Every rule that let a request pass is noted, so a test can name the rules of `deploy/` that nothing needed.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::kind::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING};
use super::metadata::text;
use super::store::{Key, Store};

/// A user or service account, as authentication found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

impl Identity {
    pub(crate) fn anonymous() -> Self {
        Self { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()] }
    }

    pub(crate) fn administrator() -> Self {
        Self { name: "admin".into(), groups: vec!["system:masters".into(), "system:authenticated".into()] }
    }

    /// A user by name; `system:serviceaccount:<namespace>:<name>` is a service account.
    pub(crate) fn named(name: &str) -> Self {
        let mut groups = Vec::new();
        if let Some((namespace, _)) = service_account(name) {
            groups.push("system:serviceaccounts".into());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        groups.push("system:authenticated".into());
        Self { name: name.to_owned(), groups }
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.groups.iter().any(|g| g == "system:masters")
    }
}

/// Namespace and name of a service account.
pub(crate) fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':')
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish<'a> {
    /// A verb on a resource.
    Resource {
        verb: &'a str,
        group: &'a str,
        resource: &'a str,
        subresource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
    /// A verb on another address, such as `/version`.
    Path { verb: &'a str, path: &'a str },
}

/// The outcome, with the wording that access reviews show.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    pub(crate) reason: String,
    rule: Option<UsedRule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct UsedRule {
    role: String,
    namespace: String,
    rule: usize,
    verb: String,
    resource: String,
}

/// One verb on one resource of one rule, and whether a request needed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleUse {
    /// `ClusterRole/caretaker` or `Role/caretaker`.
    pub role: String,
    /// Namespace of a Role; empty for a `ClusterRole`.
    pub namespace: String,
    /// Position in `rules`.
    pub rule: usize,
    /// The verb.
    pub verb: String,
    /// `resource.group`, with its subresource, or the path.
    pub resource: String,
    /// Whether a request passed because of it.
    pub used: bool,
}

/// Which rules have let a request pass.
#[derive(Debug, Default)]
pub(crate) struct Usage(HashSet<UsedRule>);

impl Usage {
    pub(crate) fn note(&mut self, decision: &Decision) {
        if let Some(rule) = &decision.rule {
            self.0.insert(rule.clone());
        }
    }

    /// All verbs and resources of all roles that are not the server's own.
    pub(crate) fn report(&self, store: &Store) -> Vec<RuleUse> {
        let mut report = Vec::new();
        for kind in [CLUSTER_ROLE, ROLE] {
            for role in store.list(&kind, None) {
                let name = text(&role, "/metadata/name");
                if name.starts_with("system:") {
                    continue;
                }
                let role_name = format!("{}/{name}", kind.kind);
                let namespace = text(&role, "/metadata/namespace").to_owned();
                for (index, rule) in rules(&role).iter().enumerate() {
                    for (verb, resource) in combinations(rule) {
                        let entry = UsedRule {
                            role: role_name.clone(),
                            namespace: namespace.clone(),
                            rule: index,
                            verb: verb.clone(),
                            resource: resource.clone(),
                        };
                        report.push(RuleUse {
                            role: role_name.clone(),
                            namespace: namespace.clone(),
                            rule: index,
                            verb,
                            resource,
                            used: self.0.contains(&entry),
                        });
                    }
                }
            }
        }
        report
    }
}

fn rules(role: &Value) -> Vec<Value> {
    role["rules"].as_array().cloned().unwrap_or_default()
}

fn strings<'v>(rule: &'v Value, field: &str) -> Vec<&'v str> {
    rule[field].as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn named(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

fn combinations(rule: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for verb in strings(rule, "verbs") {
        for resource in strings(rule, "resources") {
            for group in strings(rule, "apiGroups") {
                all.push((verb.to_owned(), named(resource, group)));
            }
        }
        for path in strings(rule, "nonResourceURLs") {
            all.push((verb.to_owned(), path.to_owned()));
        }
    }
    all
}

/// Decides from what lies in the store. Bindings of the whole cluster are asked first, as the real authorizer does.
pub(crate) fn decide(store: &Store, who: &Identity, wish: Wish<'_>) -> Decision {
    if who.is_administrator() {
        return Decision { allowed: true, reason: String::new(), rule: None };
    }
    let mut missing = Vec::new();
    let cluster = store.list(&CLUSTER_ROLE_BINDING, None).into_iter().map(|b| (CLUSTER_ROLE_BINDING, b));
    let namespace = match wish {
        Wish::Resource { namespace, .. } if !namespace.is_empty() => Some(namespace),
        Wish::Resource { .. } | Wish::Path { .. } => None,
    };
    let local = namespace
        .map(|n| store.list(&ROLE_BINDING, Some(n)))
        .unwrap_or_default()
        .into_iter()
        .map(|b| (ROLE_BINDING, b));
    for (kind, binding) in cluster.chain(local) {
        let Some(subject) = subject_of(&binding, who) else { continue };
        let role_kind = if text(&binding, "/roleRef/kind") == "Role" { ROLE } else { CLUSTER_ROLE };
        let role_name = text(&binding, "/roleRef/name");
        let of_namespace = text(&binding, "/metadata/namespace");
        let Some(role) = store.get(&Key::new(&role_kind, of_namespace, role_name)) else {
            missing.push(format!(
                "{}.rbac.authorization.k8s.io \"{role_name}\" not found",
                role_kind.kind.to_lowercase()
            ));
            continue;
        };
        for (index, rule) in rules(&role).iter().enumerate() {
            let Some((verb, resource)) = rule_allows(rule, wish) else { continue };
            let in_namespace =
                if of_namespace.is_empty() { String::new() } else { format!("/{of_namespace}") };
            let full_name = format!("{}{in_namespace}", text(&binding, "/metadata/name"));
            return Decision {
                allowed: true,
                reason: format!(
                    "RBAC: allowed by {} \"{full_name}\" of {} \"{role_name}\" to {subject}",
                    kind.kind, role_kind.kind
                ),
                rule: Some(UsedRule {
                    role: format!("{}/{role_name}", role_kind.kind),
                    namespace: if role_kind == ROLE { of_namespace.to_owned() } else { String::new() },
                    rule: index,
                    verb,
                    resource,
                }),
            };
        }
    }
    let reason = if missing.is_empty() { String::new() } else { format!("RBAC: {}", missing.join(", ")) };
    Decision { allowed: false, reason, rule: None }
}

fn subject_of(binding: &Value, who: &Identity) -> Option<String> {
    let subjects = binding["subjects"].as_array()?;
    subjects.iter().find_map(|subject| {
        let name = text(subject, "/name");
        match text(subject, "/kind") {
            "User" if name == who.name => Some(format!("User \"{name}\"")),
            "Group" if who.groups.iter().any(|g| g == name) => Some(format!("Group \"{name}\"")),
            "ServiceAccount" => {
                let namespace = text(subject, "/namespace");
                (service_account(&who.name) == Some((namespace, name)))
                    .then(|| format!("ServiceAccount \"{name}/{namespace}\""))
            }
            _ => None,
        }
    })
}

/// The verb and resource of the rule that fit, as the rule writes them.
fn rule_allows(rule: &Value, wish: Wish<'_>) -> Option<(String, String)> {
    let verb_fits = |wanted: &str| strings(rule, "verbs").into_iter().find(|v| *v == wanted || *v == "*");
    match wish {
        Wish::Resource { verb, group, resource, subresource, name, .. } => {
            let verb = verb_fits(verb)?;
            let group = strings(rule, "apiGroups").into_iter().find(|g| *g == group || *g == "*")?;
            let full = if subresource.is_empty() {
                resource.to_owned()
            } else {
                format!("{resource}/{subresource}")
            };
            let any = format!("*/{subresource}");
            let resource = strings(rule, "resources")
                .into_iter()
                .find(|r| *r == full || *r == "*" || (!subresource.is_empty() && *r == any))?;
            let names = strings(rule, "resourceNames");
            (names.is_empty() || names.contains(&name)).then(|| (verb.to_owned(), named(resource, group)))
        }
        Wish::Path { verb, path } => {
            let verb = verb_fits(verb)?;
            let pattern = strings(rule, "nonResourceURLs").into_iter().find(|pattern| {
                *pattern == path || pattern.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
            })?;
            Some((verb.to_owned(), pattern.to_owned()))
        }
    }
}

/// What a user may do in a namespace, for `SelfSubjectRulesReview`.
pub(crate) fn rules_of(store: &Store, who: &Identity, namespace: &str) -> (Vec<Value>, Vec<Value>) {
    let cluster = store.list(&CLUSTER_ROLE_BINDING, None);
    let local = store.list(&ROLE_BINDING, Some(namespace));
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for binding in cluster.iter().chain(&local) {
        if subject_of(binding, who).is_none() {
            continue;
        }
        let kind = if text(binding, "/roleRef/kind") == "Role" { ROLE } else { CLUSTER_ROLE };
        let key = Key::new(&kind, text(binding, "/metadata/namespace"), text(binding, "/roleRef/name"));
        for rule in store.get(&key).map(|role| rules(&role)).unwrap_or_default() {
            let list = if rule.get("nonResourceURLs").is_some() { &mut paths } else { &mut resources };
            list.push(rule);
        }
    }
    (resources, paths)
}

/// The roles and bindings that every cluster brings for everybody: who am I, may I, and discovery.
pub(crate) fn bootstrap() -> Vec<Value> {
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let role = |name: &str, rules: Value| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
               "metadata": {"name": name}, "rules": rules})
    };
    let binding = |name: &str, groups: &[&str]| {
        let subjects: Vec<Value> = groups
            .iter()
            .map(|g| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": g}))
            .collect();
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
               "metadata": {"name": name}, "subjects": subjects,
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}})
    };
    vec![
        role(
            "system:basic-user",
            json!([
                {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                 "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
                {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"],
                 "resources": ["selfsubjectreviews"]},
            ]),
        ),
        binding("system:basic-user", &["system:authenticated"]),
        role("system:discovery", json!([{"verbs": ["get"], "nonResourceURLs": discovery}])),
        binding("system:discovery", &["system:authenticated"]),
        role("system:public-info-viewer", json!([{"verbs": ["get"], "nonResourceURLs": public}])),
        binding("system:public-info-viewer", &["system:authenticated", "system:unauthenticated"]),
    ]
}

/// Unused verbs by role, for a readable failure of a test.
#[must_use]
pub fn unused(report: &[RuleUse]) -> BTreeMap<String, Vec<String>> {
    let mut unused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in report.iter().filter(|entry| !entry.used) {
        let role = if entry.namespace.is_empty() {
            entry.role.clone()
        } else {
            format!("{} in {}", entry.role, entry.namespace)
        };
        unused.entry(role).or_default().push(format!("{} {}", entry.verb, entry.resource));
    }
    unused
}

#[cfg(test)]
mod tests {
    use super::super::kind::built_in;
    use super::super::store::{Part, Writer};
    use super::*;

    fn store(objects: &[Value]) -> Store {
        let mut store = Store::new(built_in());
        for object in objects {
            let of = store.type_of_object(object).unwrap();
            let namespace = text(object, "/metadata/namespace").to_owned();
            store.create(&of, &namespace, object.clone(), Part::All, Writer::HANDLE).unwrap();
        }
        store
    }

    fn wish<'a>(verb: &'a str, resource: &'a str, subresource: &'a str, namespace: &'a str) -> Wish<'a> {
        Wish::Resource { verb, group: "", resource, subresource, namespace, name: "web" }
    }

    #[test]
    fn rules_apply_where_their_binding_lies() {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "reader"},
            "rules": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}]});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "reader", "namespace": "apps"},
            "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": "caretaker"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}});
        let store = store(&[role, binding]);
        let bot = Identity::named("system:serviceaccount:caretaker:bot");
        for (asked, expected) in [
            (wish("get", "pods", "", "apps"), true),
            (wish("get", "pods", "log", "apps"), true),
            (wish("get", "pods", "exec", "apps"), false),
            (wish("delete", "pods", "", "apps"), false),
            (wish("get", "pods", "", "other"), false),
            (wish("list", "pods", "", ""), false),
        ] {
            assert_eq!(decide(&store, &bot, asked).allowed, expected, "{asked:?}");
        }
        let other = Identity::named("system:serviceaccount:other:bot");
        assert!(!decide(&store, &other, wish("get", "pods", "", "apps")).allowed);
        assert!(decide(&store, &Identity::administrator(), wish("delete", "pods", "", "apps")).allowed);
    }

    #[test]
    fn resource_names_bind_a_rule_to_objects_and_use_is_noted() {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "one", "namespace": "apps"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["web"], "verbs": ["get", "patch"]}]});
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "one", "namespace": "apps"}, "subjects": [{"kind": "User", "name": "operator"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}});
        let store = store(&[role, binding]);
        let operator = Identity::named("operator");
        let decision = decide(&store, &operator, wish("get", "pods", "", "apps"));
        assert!(decision.allowed);
        let nameless = Wish::Resource {
            verb: "get",
            group: "",
            resource: "pods",
            subresource: "",
            namespace: "apps",
            name: "x",
        };
        assert!(!decide(&store, &operator, nameless).allowed);
        let mut usage = Usage::default();
        usage.note(&decision);
        let report = usage.report(&store);
        assert_eq!(
            report.iter().map(|r| (r.verb.as_str(), r.used)).collect::<Vec<_>>(),
            [("get", true), ("patch", false)]
        );
        assert_eq!(unused(&report)["Role/one in apps"], ["patch pods"]);
    }
}
