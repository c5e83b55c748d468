//! The maintenance issue of the scenarios, in the seven-section form.

use std::fmt::Write as _;

/// The numbers that the text names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    /// The related issue.
    pub(crate) related: u64,
    /// The bundle of stateless apps.
    pub(crate) bundle: u64,
    /// The platform service.
    pub(crate) platform: u64,
    /// The dashboards.
    pub(crate) monitoring: u64,
    /// What the cluster itself needs.
    pub(crate) core: u64,
    /// One app.
    pub(crate) app: u64,
    /// The database.
    pub(crate) database: u64,
}

/// The sentence that the person corrects, and how it reads afterwards.
pub(crate) const WRONG_SENTENCE: &str = "Worker nodes: six, two of them with\tspare disks.  ";
/// The same, right.
pub(crate) const RIGHT_SENTENCE: &str = "Worker nodes: seven, two of them with\tspare disks.  ";
/// The line that the person adds below [`RIGHT_SENTENCE`].
pub(crate) const ADDED_LINE: &str = "Note from the operator: the UPS test on Friday is unrelated.";

/// The id of the task that waits for an approval.
pub(crate) const DATABASE_TASK: &str = "B4";
/// The id of the task whose pull request goes wrong.
pub(crate) const MONITORING_TASK: &str = "B3";
/// The id of the final gate.
pub(crate) const FINAL_TASK: &str = "F1";

/// The title of the related issue.
pub(crate) const RELATED_TITLE: &str = "Converting large files fails in stirling-pdf";
/// Its text.
pub(crate) const RELATED_BODY: &str = "Files of more than 50 MB end in an error page.\n\nThe release notes of the next version name it as fixed.\n";

/// One task with its details.
struct Task<'a> {
    head: &'a str,
    title: String,
    goal: &'a str,
    command: &'a str,
    expected: &'a str,
    rollback: &'a str,
}

impl Task<'_> {
    fn write(&self, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "- [ ] **{}**: {}\n  - **Goal**: {}\n  - **Commands**: `{}`\n  - **Expected**: {}\n  - **If fails**: stop and \
             tell the operator\n  - **Rollback**: {}\n",
            self.head, self.title, self.goal, self.command, self.expected, self.rollback
        );
    }
}

fn merge<'a>(id: &'a str, layer: &str, number: u64, what: &str) -> (String, String, &'a str) {
    (format!("{id} P2 {layer}"), format!("Merge PR #{number}: {what}"), "`git revert` of the merge commit")
}

/// The title of the maintenance issue.
pub(crate) fn title(date: &str) -> String {
    format!("[Maintenance] {date} - homelab")
}

/// The text of the maintenance issue.
pub(crate) fn text(numbers: &Numbers, date: &str) -> String {
    let mut text = format!(
        "# Maintenance {date}\n\n\
         ## Status\n\n\
         | Field | Value |\n|---|---|\n\
         | **Overall Status** | 🟡 YELLOW |\n\
         | **Last Updated** | {date} 08:00 UTC |\n\
         | **Assigned To** | caretaker |\n\n\
         ## Context Pack\n\n\
         Ten nodes, 32 Argo CD applications, Ceph with crash reports that nobody has looked at.\n\
         {WRONG_SENTENCE}\n\
         Nothing else is planned for today.\n\n\
         ## Proposed Changes (Spec)\n\n\
         | ID | Type | Layer | Priority | Summary |\n|---|---|---|---|---|\n\
         | B | Renovate | all | P2 | six pull requests, one of each kind |\n\
         | C | Housekeeping | Apps | P2 | close what the updates resolve |\n\n\
         ## Execution Plan\n\n\
         1. One change at a time; the next one when every layer is GREEN.\n\
         2. A change that makes it worse goes back.\n\n\
         ## Action Items (Tasks)\n\n### Preflight\n\n"
    );
    let ceph = "kubectl -n rook-ceph exec deploy/rook-ceph-tools --";
    let crash = format!("{ceph} ceph crash archive-all");
    let health = format!("{ceph} ceph health");
    let none = "N/A";
    for task in [
        Task {
            head: "A1 P0 Metal",
            title: "Verify all nodes are Ready".into(),
            goal: "no change while a node is missing",
            command: "kubectl get nodes --no-headers",
            expected: "ten nodes, all Ready",
            rollback: none,
        },
        Task {
            head: "A2 P0 System",
            title: "Archive the crash reports that Ceph warns of".into(),
            goal: "the warning hides what may come",
            command: &crash,
            expected: "no new crash reports",
            rollback: none,
        },
        Task {
            head: "A3 P1 System",
            title: "Verify Ceph reports HEALTH_OK".into(),
            goal: "storage is well before anything is merged",
            command: &health,
            expected: "HEALTH_OK",
            rollback: none,
        },
        Task {
            head: "A4 P1 Platform",
            title: "Verify all Argo CD applications are Synced and Healthy".into(),
            goal: "what runs is what stands in Git",
            command: "kubectl -n argocd get applications --no-headers",
            expected: "32 applications, Synced and Healthy",
            rollback: none,
        },
    ] {
        task.write(&mut text);
    }
    text.push_str("\n### Updates\n\n");
    // Written in another order than they are to be merged in.
    for (head, title, rollback) in [
        merge("B1", "Apps", numbers.app, "stirling-pdf from 1.1.1 to 1.1.4"),
        merge("B2", "Apps", numbers.bundle, "the non-major bundle of stateless apps"),
        merge(MONITORING_TASK, "Platform", numbers.monitoring, "grafana chart from 9.4.2 to 9.4.5"),
        merge(DATABASE_TASK, "Platform", numbers.database, "postgres from 17.5 to 17.6"),
        merge("B5", "System", numbers.core, "kured chart from 5.9.0 to 5.10.0"),
        merge("B6", "Platform", numbers.platform, "external-secrets chart from 0.19.2 to 0.20.1"),
    ] {
        Task {
            head: &head,
            title,
            goal: "the new version runs everywhere, all layers GREEN",
            command: "kubectl -n argocd get applications",
            expected: "Synced and Healthy at the merge commit",
            rollback,
        }
        .write(&mut text);
    }
    text.push_str("\n### Afterwards\n\n");
    for task in [
        Task {
            head: "C1 P2 Apps",
            title: format!("Close issue #{}, which PR #{} resolves", numbers.related, numbers.app),
            goal: "nobody waits for what is done",
            command: none,
            expected: "closed with a note",
            rollback: "reopen it",
        },
        Task {
            head: "D1 P3 Apps",
            title: "Verify all pods are running".into(),
            goal: "no debris is left",
            command: "kubectl get pods -A --no-headers",
            expected: "Running or Completed, all of them ready",
            rollback: none,
        },
        Task {
            head: "F1 P0 All",
            title: "Run the final validation gate".into(),
            goal: "all layers GREEN at the end",
            command: "kubectl get nodes,pods,applications -A",
            expected: "all layers GREEN",
            rollback: none,
        },
    ] {
        task.write(&mut text);
    }
    let _ = write!(
        text,
        "\n## Change Log\n\n\
         | Time | Type | Number | Title | Action | Note |\n|---|---|---|---|---|---|\n\
         | {date} 08:00 UTC | recon | | all layers | looked at | issue opened |\n\n\
         ## Closure (filled at the end)\n\n\
         **Final Status**: PENDING\n**Closed By**: PENDING\n**Closed Date**: PENDING\n\n\
         ### Completion Criteria\n\n\
         - [ ] Every action item is done or put off with a reason\n\
         - [ ] The final validation gate has passed\n\
         - [ ] Maintenance issue closed\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{self, Kind};
    use crate::merge::classify::{Rules, classify_words};

    fn numbers() -> Numbers {
        Numbers { related: 38, bundle: 41, platform: 42, monitoring: 43, core: 44, app: 45, database: 46 }
    }

    #[test]
    fn the_text_is_read_as_it_is_meant() {
        let rules = Rules::new(&crate::merge::Settings::default());
        let body = text(&numbers(), "2026-11-21");
        let reading = issue::read(&body, &|words| classify_words(words, "", &rules)).unwrap();
        assert!(reading.form.seven_section && reading.form.change_log && reading.form.closure);
        let kinds: Vec<(&str, &str)> =
            reading.tasks.iter().map(|task| (task.id.as_str(), task.kind.word())).collect();
        let merges = ["B1", "B2", "B3", "B4", "B5", "B6"].map(|id| (id, "merge"));
        let mut expected = vec![("A1", "verify"), ("A2", "action"), ("A3", "verify"), ("A4", "verify")];
        expected.extend(merges);
        expected.extend([("C1", "close"), ("D1", "verify"), ("F1", "final")]);
        assert_eq!(kinds, expected);
        for task in &reading.tasks {
            let expected = (task.id == DATABASE_TASK).then_some(issue::Needs::Approval);
            assert_eq!(task.needs, expected, "{}", task.id);
        }
        let order: Vec<_> = issue::order(&reading.tasks, &|_| None)
            .iter()
            .filter_map(|key| reading.task(key))
            .map(|task| task.id.as_str())
            .collect();
        let last = order.last().copied();
        assert_eq!(last, Some(FINAL_TASK));
        let in_order: Vec<_> = order.iter().filter(|id| id.starts_with('B')).copied().collect();
        assert_eq!(in_order, ["B2", "B6", MONITORING_TASK, "B5", "B1", DATABASE_TASK]);
        let at = |id| order.iter().position(|other| *other == id);
        assert!(at("A2") < at("A3") && at("B1") < at("C1"), "{order:?}");
        assert!(matches!(&reading.tasks[10].kind, Kind::Close { number } if number.0 == 38));
        assert!(body.contains(WRONG_SENTENCE) && !body.contains(RIGHT_SENTENCE));
    }
}
