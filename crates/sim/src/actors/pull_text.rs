//! What Renovate writes: titles, branch names, bodies of pull requests, the Dependency Dashboard.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::apps::{Package, PackageKind};
use super::version::{UpdateType, major};

/// A column of the table of updates. Renovate drops those that would be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The package, with links where it has some.
    Package,
    /// What kind of dependency it is.
    Type,
    /// `major`, `minor`, `patch`.
    Update,
    /// The old and the new version.
    Change,
    /// A still newer version that is not old enough yet.
    Pending,
    /// How old the new version is.
    Age,
    /// How well the update went elsewhere.
    Confidence,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Package => "Package",
            Self::Type => "Type",
            Self::Update => "Update",
            Self::Change => "Change",
            Self::Pending => "Pending",
            Self::Age => "Age",
            Self::Confidence => "Confidence",
        }
    }

    fn cell(self, change: &Change) -> String {
        let name = &change.package.name;
        match self {
            Self::Package => match change.package.kind {
                PackageKind::HelmChart => {
                    format!(
                        "[{name}](https://charts.example.org/{name}) ([source](https://git.example.org/charts/{name}))"
                    )
                }
                PackageKind::Image => name.clone(),
            },
            Self::Type => match change.package.kind {
                PackageKind::HelmChart => "dependencies".to_owned(),
                PackageKind::Image => "image".to_owned(),
            },
            Self::Update => change.kind().as_str().to_owned(),
            Self::Change => format!("`{}` → `{}`", change.old, change.new),
            Self::Pending => String::new(),
            Self::Age => format!("![age](https://badges.example.org/age/{})", change.new),
            Self::Confidence => {
                format!("![confidence](https://badges.example.org/confidence/{})", change.new)
            }
        }
    }
}

/// The box that asks for a rebase, as Renovate writes it.
pub(crate) const REBASE_BOX: &str = " - [ ] <!-- rebase-check -->";
const REBASE_BOX_TICKED: &str = " - [x] <!-- rebase-check -->";

/// One update of a pull request, at the moment that its text is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) package: Package,
    pub(crate) old: String,
    pub(crate) new: String,
}

impl Change {
    fn kind(&self) -> UpdateType {
        UpdateType::between(&self.old, &self.new)
    }
}

/// The title of a pull request.
pub(crate) fn title(changes: &[Change]) -> String {
    let [change] = changes else {
        let majors = changes.iter().any(|change| change.kind() == UpdateType::Major);
        let what = if majors { "all dependencies" } else { "all non-major dependencies" };
        return format!("chore(deps): update {what}");
    };
    let version = match change.kind() {
        UpdateType::Major => format!("v{}", major(&change.new)),
        UpdateType::Minor | UpdateType::Patch => format!("v{}", change.new.trim_start_matches('v')),
    };
    match change.package.kind {
        PackageKind::HelmChart => {
            format!("chore(deps): update helm release {} to {version}", change.package.name)
        }
        PackageKind::Image => format!("chore(deps): update {} docker tag to {version}", change.package.name),
    }
}

/// The name of a branch.
pub(crate) fn branch(changes: &[Change]) -> String {
    let [change] = changes else {
        let majors = changes.iter().any(|change| change.kind() == UpdateType::Major);
        return if majors { "renovate/all".to_owned() } else { "renovate/all-minor-patch".to_owned() };
    };
    let name: String = change
        .package
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' })
        .collect();
    format!("renovate/{name}-{}.x", major(&change.new))
}

/// The body of a pull request.
pub(crate) fn body(changes: &[Change], columns: &[Column], release_notes: bool) -> String {
    let filled = |column: &&Column| changes.iter().any(|change| !column.cell(change).is_empty());
    let columns: Vec<Column> = columns.iter().filter(filled).copied().collect();
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = String::from("This PR contains the following updates:\n\n");
    text.push_str(&row(columns.iter().map(|column| column.title().to_owned()).collect()));
    let _ = writeln!(text, "|{}", "---|".repeat(columns.len()));
    for change in changes {
        text.push_str(&row(columns.iter().map(|column| column.cell(change).replace('\n', " ")).collect()));
    }
    text.push_str("\n---\n\n");
    if release_notes {
        text.push_str("### Release Notes\n\n");
        for change in changes {
            let name = &change.package.name;
            let short = name.rsplit('/').next().unwrap_or(name);
            let version = change.new.trim_start_matches('v');
            let _ = write!(
                text,
                "<details>\n<summary>{short}/{short} ({name})</summary>\n\n### \
                 [`v{version}`](https://git.example.org/{short}/{short}/releases/tag/v{version})\n\n- fixes and \
                 improvements since {}\n\n</details>\n\n",
                change.old
            );
        }
        text.push_str("---\n\n");
    }
    let _ = write!(
        text,
        "### Configuration\n\n📅 **Schedule**: At any time.\n\n🚦 **Automerge**: Disabled.\n\n♻ **Rebasing**: When the \
         pull request conflicts, or when the box below is ticked.\n\n---\n\n{REBASE_BOX}If you want to rebase/retry this \
         PR, check this box\n\n---\n\nThis PR has been generated by Renovate.\n<!--renovate-debug:{}-->\n",
        debug()
    );
    text
}

fn debug() -> String {
    let version = "41.97.0";
    let facts =
        json!({"createdInVer": version, "updatedInVer": version, "targetBranch": "main", "labels": []});
    STANDARD.encode(facts.to_string())
}

/// Whether somebody has asked for a rebase.
pub(crate) fn wants_rebase(body: &str) -> bool {
    body.contains(REBASE_BOX_TICKED)
}

/// A pull request as the Dependency Dashboard lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) branch: String,
    pub(crate) title: String,
    pub(crate) number: u64,
}

/// The body of the Dependency Dashboard.
pub(crate) fn dashboard(open: &[Listed], blocked: &[Listed], detected: &[(String, Vec<String>)]) -> String {
    let mut text = String::from("This issue lists the updates that Renovate knows of.\n\n");
    let line = |text: &mut String, action: &str, listed: &Listed| {
        let Listed { branch, title, number } = listed;
        let _ = writeln!(text, " - [ ] <!-- {action}={branch} -->[{title}](pulls/{number})");
    };
    if !open.is_empty() {
        text.push_str(
            "## Open\n\nThese updates have their pull request. Tick a box to have one made anew.\n\n",
        );
        for listed in open {
            line(&mut text, "rebase-branch", listed);
        }
        text.push_str(" - [ ] <!-- rebase-all-open-prs -->**Click on this checkbox to rebase all open PRs at once**\n\n");
    }
    if !blocked.is_empty() {
        text.push_str("## PR Closed (Blocked)\n\nThese were closed without being merged. Tick a box to open one again.\n\n");
        for listed in blocked {
            line(&mut text, "recreate-branch", listed);
        }
        text.push('\n');
    }
    text.push_str("## Detected Dependencies\n\n<details><summary>repository</summary>\n<blockquote>\n\n");
    for (file, packages) in detected {
        let _ = write!(text, "<details><summary>{file}</summary>\n\n");
        for package in packages {
            let _ = writeln!(text, " - `{package}`");
        }
        text.push_str("\n</details>\n\n");
    }
    text.push_str("</blockquote>\n</details>\n");
    text
}

/// The branches whose box of that action is ticked.
pub(crate) fn ticked(body: &str, action: &str) -> Vec<String> {
    let marker = format!("- [x] <!-- {action}=");
    body.lines()
        .filter_map(|line| line.trim_start().strip_prefix(&marker)?.split_once(" -->"))
        .map(|(branch, _)| branch.to_owned())
        .collect()
}

/// Whether the box for all open pull requests is ticked.
pub(crate) fn wants_rebase_of_all(body: &str) -> bool {
    body.contains("- [x] <!-- rebase-all-open-prs -->")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: PackageKind, name: &str, old: &str, new: &str) -> Change {
        let package = Package { kind, name: name.into(), file: "file".into(), version: old.into() };
        Change { package, old: old.into(), new: new.into() }
    }

    #[test]
    fn titles_and_branches_say_what_is_updated() {
        let chart = change(PackageKind::HelmChart, "kured", "5.9.0", "5.10.0");
        let image = change(PackageKind::Image, "docker.io/library/postgres", "17.5", "18.0");
        for (changes, expected, name) in [
            (vec![chart.clone()], "chore(deps): update helm release kured to v5.10.0", "renovate/kured-5.x"),
            (
                vec![image.clone()],
                "chore(deps): update docker.io/library/postgres docker tag to v18",
                "renovate/docker.io-library-postgres-18.x",
            ),
            (
                vec![chart.clone(), chart],
                "chore(deps): update all non-major dependencies",
                "renovate/all-minor-patch",
            ),
        ] {
            assert_eq!(title(&changes), expected);
            assert_eq!(branch(&changes), name);
        }
    }

    #[test]
    fn a_body_has_its_table_its_box_and_its_marker() {
        let changes = [change(PackageKind::Image, "ghcr.io/a/b", "v1.0.0", "v1.0.1")];
        let columns = [Column::Package, Column::Pending, Column::Update, Column::Change];
        let body = body(&changes, &columns, true);
        assert!(body.contains(
            "| Package | Update | Change |\n|---|---|---|\n| ghcr.io/a/b | patch | `v1.0.0` → `v1.0.1` |\n"
        ));
        assert!(body.contains("\n - [ ] <!-- rebase-check -->If you want"));
        assert!(body.contains("<!--renovate-debug:"));
        assert!(body.contains("### [`v1.0.1`]("));
        assert!(!wants_rebase(&body));
        assert!(wants_rebase(&body.replace("[ ] <!-- rebase-check", "[x] <!-- rebase-check")));
    }

    #[test]
    fn a_ticked_box_of_the_dashboard_names_its_branch() {
        let listed = Listed { branch: "renovate/kured-5.x".into(), title: "t".into(), number: 7 };
        let text = dashboard(&[listed], &[], &[]);
        assert_eq!(ticked(&text, "rebase-branch"), Vec::<String>::new());
        assert_eq!(ticked(&text.replacen("[ ]", "[x]", 1), "rebase-branch"), ["renovate/kured-5.x"]);
    }
}
