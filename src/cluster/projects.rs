//! Argo CD's projects, as far as they keep Applications back: their sync windows.
//!
//! They are read with the Applications and belong to them from then on ([`Doors`]), so that nobody who judges an Application
//! can overlook them. Decided here: a project that may not be read leaves its Applications as they would be without windows, and
//! says so; one that did not answer leaves the Applications unread, like anything that is silent.

use super::client::Kubernetes;
use super::decode::{items, object_name, text, texts};
use super::sync_windows::{By, Kind, Shut, SyncWindow, shut};
use super::{Application, ClusterError, ClusterResult, Freshness, Installed};
use crate::glob;
use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;

/// The project of an Application that names none.
const DEFAULT: &str = "default";

/// Where an Application belongs, and where its objects go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Placing {
    /// Its project.
    project: String,
    /// Where its controller lives, once that has looked at it: its project lies there.
    controller: String,
    namespace: String,
    cluster: String,
    server: String,
}

/// Whether Argo CD may sync an Application at the moment that it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Doors {
    /// The window that keeps Argo CD's own sync back.
    pub(crate) by_itself: Option<Box<Shut>>,
    /// The window that keeps a sync back which somebody asks for.
    pub(crate) by_hand: Option<Box<Shut>>,
    /// Why its project could not be read.
    pub(crate) unread: Option<String>,
}

/// A project.
#[derive(Debug, Clone)]
struct Project {
    namespace: String,
    name: String,
    windows: Vec<ProjectWindow>,
}

/// A window, and what it is about.
#[derive(Debug, Clone)]
struct ProjectWindow {
    window: SyncWindow,
    /// Patterns of names; what is no pattern matches nothing.
    applications: Vec<Option<Regex>>,
    namespaces: Vec<Option<Regex>>,
    clusters: Vec<Option<Regex>>,
    /// Whether everything that it names has to match, and not anything.
    all: bool,
}

impl Application {
    /// The window that keeps its next sync back: by whom that is started depends on whether it is automated.
    pub(crate) fn shut(&self) -> Option<&Shut> {
        if self.automated { self.doors.by_itself.as_deref() } else { self.doors.by_hand.as_deref() }
    }
}

impl Kubernetes {
    /// The Applications with the windows of their projects as they stand now.
    pub(super) async fn behind_doors(
        &self,
        applications: Installed<Vec<Application>>,
        freshness: Freshness,
    ) -> ClusterResult<Installed<Vec<Application>>> {
        let Installed::Yes(mut applications) = applications else { return Ok(Installed::No) };
        if applications.is_empty() {
            return Ok(Installed::Yes(applications));
        }
        let path = "/apis/argoproj.io/v1alpha1/appprojects";
        match self.all(path, "AppProjectList", project, freshness).await {
            Ok(projects) => {
                let projects = projects.into_items();
                let (home, now) = (&self.settings().argocd_namespace, Timestamp::now());
                for application in &mut applications {
                    application.doors = doors(application, &projects, home, now);
                }
            }
            Err(error @ (ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. })) => {
                for application in &mut applications {
                    application.doors.unread = Some(error.to_string());
                }
            }
            Err(error) => return Err(error),
        }
        Ok(Installed::Yes(applications))
    }
}

fn doors(application: &Application, projects: &[Project], home: &str, now: Timestamp) -> Doors {
    let placing = &application.placing;
    let name = if placing.project.is_empty() { DEFAULT } else { &placing.project };
    let home = if placing.controller.is_empty() { home } else { &placing.controller };
    let mut named = projects.iter().filter(|project| project.name == name);
    let lies_there = projects.iter().find(|project| project.name == name && project.namespace == home);
    // Where nobody says where the controller lives, a name that is there once is enough.
    let Some(project) = lies_there.or_else(|| named.next().filter(|_| named.next().is_none())) else {
        return Doors::default();
    };
    let windows: Vec<SyncWindow> = (project.windows.iter())
        .filter(|one| one.is_about(&application.name, placing))
        .map(|one| one.window.clone())
        .collect();
    if windows.is_empty() {
        return Doors::default();
    }
    let shut = |by| shut(&project.name, &windows, by, now).map(Box::new);
    Doors { by_itself: shut(By::Itself), by_hand: shut(By::Hand), unread: None }
}

impl ProjectWindow {
    /// Whether it is about an Application: by anything that it names or, where it says so, by all of it. One that names
    /// nothing is about nothing.
    fn is_about(&self, name: &str, placing: &Placing) -> bool {
        let any = |patterns: &[Option<Regex>], texts: &[&str]| {
            let named = !patterns.is_empty();
            let fits = |pattern: &Option<Regex>| {
                pattern.as_ref().is_some_and(|pattern| texts.iter().any(|text| pattern.is_match(text)))
            };
            named.then(|| patterns.iter().any(fits))
        };
        let clusters: Vec<&str> = [&placing.cluster, &placing.server]
            .into_iter()
            .filter(|one| !one.is_empty())
            .map(String::as_str)
            .collect();
        let each = [
            any(&self.applications, &[name]),
            any(&self.clusters, &clusters),
            any(&self.namespaces, &[&placing.namespace]),
        ];
        let mut named = each.into_iter().flatten().peekable();
        named.peek().is_some() && if self.all { named.all(|fits| fits) } else { named.any(|fits| fits) }
    }
}

/// Where an Application belongs, as the API server lists it.
pub(super) fn placing(object: &Value) -> Placing {
    let destination = &object["spec"]["destination"];
    Placing {
        project: text(&object["spec"]["project"]),
        controller: text(&object["status"]["controllerNamespace"]),
        namespace: text(&destination["namespace"]),
        cluster: text(&destination["name"]),
        server: text(&destination["server"]),
    }
}

fn project(object: &Value) -> Result<Project, String> {
    let (namespace, name) = object_name(object)?;
    let windows = items(&object["spec"]["syncWindows"]).filter_map(project_window).collect();
    Ok(Project { namespace, name, windows })
}

/// A window of another kind does nothing in Argo CD either.
fn project_window(window: &Value) -> Option<ProjectWindow> {
    let kind = match window["kind"].as_str() {
        Some("allow") => Kind::Allow,
        Some("deny") => Kind::Deny,
        _ => return None,
    };
    let patterns = |field: &str| {
        let written = texts(&window[field]);
        written.iter().map(|pattern| glob::expression(pattern)).collect()
    };
    Some(ProjectWindow {
        window: SyncWindow {
            kind,
            schedule: text(&window["schedule"]),
            duration: text(&window["duration"]),
            zone: text(&window["timeZone"]),
            manual: window["manualSync"].as_bool().unwrap_or(false),
        },
        applications: patterns("applications"),
        namespaces: patterns("namespaces"),
        clusters: patterns("clusters"),
        all: window["andOperator"].as_bool().unwrap_or(false),
    })
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Doors that a window closes, for whoever asks by hand as well where `by_hand` says so. It never opens by itself, or at
    /// a moment.
    pub(crate) fn closed(opens: Option<Timestamp>, by_hand: bool) -> Doors {
        let window = SyncWindow {
            kind: Kind::Deny,
            schedule: "* * * * *".to_owned(),
            duration: "1h".to_owned(),
            zone: String::new(),
            manual: !by_hand,
        };
        let shut = |by| shut(DEFAULT, std::slice::from_ref(&window), by, Timestamp::UNIX_EPOCH);
        let until = |shut: Option<Shut>| {
            shut.map(|mut shut| {
                shut.opens = opens;
                Box::new(shut)
            })
        };
        Doors { by_itself: until(shut(By::Itself)), by_hand: until(shut(By::Hand)), unread: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::argo;
    use super::*;
    use serde_json::json;

    fn application(spec: &Value, status: &Value) -> Application {
        let object =
            json!({"metadata": {"namespace": "argocd", "name": "web"}, "spec": spec, "status": status});
        argo::application(&object).expect("an Application")
    }

    fn denying(namespace: &str, name: &str, about: Value) -> Project {
        let mut window = about;
        window["kind"] = "deny".into();
        window["schedule"] = "* * * * *".into();
        window["duration"] = "1h".into();
        let object =
            json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"syncWindows": [window]}});
        project(&object).expect("a project")
    }

    #[test]
    fn a_window_is_about_what_it_names() {
        let spec = json!({"destination": {"namespace": "prod", "server": "https://kubernetes.default.svc"}});
        let web = application(&spec, &json!({}));
        for (about, expected) in [
            (json!({}), false),
            (json!({"applications": ["*"]}), true),
            (json!({"applications": ["blog", "w*"]}), true),
            (json!({"applications": ["blog"]}), false),
            (json!({"namespaces": ["pr*"]}), true),
            (json!({"clusters": ["https://*"]}), true),
            (json!({"clusters": ["in-cluster"]}), false),
            // Any of it, or all of it.
            (json!({"applications": ["blog"], "namespaces": ["prod"]}), true),
            (json!({"applications": ["blog"], "namespaces": ["prod"], "andOperator": true}), false),
            (json!({"applications": ["web"], "namespaces": ["prod"], "andOperator": true}), true),
            (json!({"applications": ["web"], "clusters": ["x"], "andOperator": true}), false),
            (json!({"andOperator": true}), false),
        ] {
            let projects = [denying("argocd", "default", about.clone())];
            let doors = doors(&web, &projects, "argocd", Timestamp::now());
            assert_eq!(doors.by_itself.is_some(), expected, "{about}");
        }
    }

    #[test]
    fn the_project_is_the_one_beside_the_controller() {
        let all = json!({"applications": ["*"]});
        let projects = |places: &[(&str, &str)]| -> Vec<Project> {
            places.iter().map(|(namespace, name)| denying(namespace, name, all.clone())).collect()
        };
        for (project, controller, places, expected) in [
            ("", "", &[("argocd", "default")][..], true),
            ("apps", "", &[("argocd", "default")][..], false),
            ("apps", "", &[("argocd", "apps")][..], true),
            ("apps", "gitops", &[("argocd", "apps"), ("other", "apps")][..], false),
            ("apps", "gitops", &[("gitops", "apps"), ("other", "apps")][..], true),
            ("apps", "", &[("gitops", "apps")][..], true),
        ] {
            let web = application(&json!({"project": project}), &json!({"controllerNamespace": controller}));
            let doors = doors(&web, &projects(places), "argocd", Timestamp::now());
            assert_eq!(doors.by_itself.is_some(), expected, "{project} of {controller} among {places:?}");
        }
    }

    #[test]
    fn by_whom_the_next_sync_is_started_decides_which_door_it_is() {
        let mut about = json!({"applications": ["*"], "manualSync": true});
        about["manualSync"] = true.into();
        let projects = [denying("argocd", "default", about)];
        let mut web = application(&json!({"syncPolicy": {"automated": {}}}), &json!({}));
        web.doors = doors(&web, &projects, "argocd", Timestamp::now());
        assert!(web.shut().is_some_and(|shut| shut.opens.is_none()));
        web.automated = false;
        assert_eq!(web.shut(), None);
    }
}
