//! Whether a task's own words name something that caretaker stands on, for when no pull request can be read.
//!
//! The rules are those of the packages; people write names in two words (`Argo CD`) or by what a thing is (`the CNI`), so
//! those count as well. What a title asks for besides the merge (a condition in front, a check afterwards) names nothing.

use super::classify::Rules;
use regex::Regex;
use std::sync::LazyLock;

static CONDITION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:if|when|once|after|before|unless|until)\b[^,:;]*[,:;]\s*"));
static BESIDES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i);|\bwait for\b|\b(?:via|through|using|before|after|until|once|when|while|behind)\b|(?:,|\band\b|\bthen\b)\s+(?:then\s+)?(?:validat|verif|check|confirm|watch|ensur|test|monitor|wait|sync|re-?sync|refresh|see\b|make sure|re-?run|run\b)",
    )
});
static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^v?[0-9]+(?:\.[0-9]+)*"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that a test compiles")
}

/// Names for what a thing is.
const SPOKEN: &[(&str, &str)] = &[
    ("ingress controller", "ingress to the forge"),
    ("cni", "the network"),
    ("cni plugin", "the network"),
    ("load balancer", "the network"),
    ("container registry", "the registry"),
    ("image registry", "the registry"),
    ("storage operator", "storage of the store"),
    ("control plane", "Kubernetes"),
];

/// Packages whose names are words of every day: they count where a version or what Renovate writes follows.
const EVERYDAY: &[&str] = &["kubernetes", "registry", "flux", "rook"];

/// Why caretaker stands on what the title of a merge names; `None` where it names no such thing.
pub(crate) fn foundation(title: &str, rules: &Rules) -> Option<String> {
    let title = CONDITION.replace(title.trim(), "");
    let title = BESIDES.find(&title).map_or(&*title, |besides| &title[..besides.start()]);
    let words: Vec<String> = title
        .split(|c: char| c.is_whitespace() || "()[]{}<>,;:!?\"'`*|#=&→".contains(c))
        .map(|word| word.trim_matches(['.', '-', '/']).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let spoken = |name: &str| SPOKEN.iter().find(|(spoken, _)| *spoken == name);
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map(String::as_str);
        let pair = next.map(|next| format!("{word} {next}"));
        if let Some((name, what)) = pair.as_deref().and_then(spoken).or_else(|| spoken(word)) {
            return Some(format!("{name} is a foundation: {what}"));
        }
        if let Some(found) = pair.and_then(|pair| rules.package_foundation(&pair.replace(' ', "-"))) {
            return Some(found);
        }
        let moves = |next: &str| {
            VERSION.is_match(next)
                || matches!(
                    next,
                    "to" | "from" | "chart" | "docker" | "helm" | "image" | "operator" | "update"
                )
        };
        if EVERYDAY.contains(&word.as_str()) && !next.is_some_and(moves) {
            continue;
        }
        if let Some(found) = rules.package_foundation(word) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_title_names_is_known_by_its_rules() {
        let rules = Rules::new(&crate::merge::Settings::default());
        for (title, expected) in [
            ("Merge PR #12: argo-cd from 8.0.1 to 8.0.2", "Argo CD"),
            ("Merge PR #12: Argo CD to v3", "Argo CD"),
            ("Merge PR #12 (Argo CD chart, patch)", "Argo CD"),
            ("Merge the ArgoCD pull request #12", "Argo CD"),
            ("Merge PR #13: Gitea 1.27", "the forge"),
            ("Merge PR #13: forgejo from 11.0.1 to 11.0.2", "the forge"),
            ("Merge PR #14: the ingress controller", "ingress"),
            ("Merge PR #14: ingress nginx from 4.12.1 to 4.12.2", "ingress"),
            ("Merge PR #14: traefik chart", "ingress"),
            ("Merge PR #15: update the CNI", "network"),
            ("Merge PR #15: cilium from 1.17.3 to 1.17.4", "network"),
            ("Merge PR #15: kube vip", "network"),
            ("Merge PR #16: Ceph operator minor", "storage"),
            ("Merge PR #16: rook-ceph-cluster from 1.17.1 to 1.17.2", "storage"),
            ("Merge PR #16: longhorn", "storage"),
            ("Merge PR #17: external dns", "DNS"),
            ("Merge PR #18: kubernetes to v1.34", "Kubernetes"),
            ("Merge PR #18: k3s v1.33.6", "Kubernetes"),
            ("Merge PR #19: registry from 2.8.3 to 3.0.0", "registry"),
            ("If approved, merge PR #20 (Cilium 1.18) and validate the nodes", "network"),
            ("Review and merge PR #21 - Flux operator", "Flux"),
        ] {
            let found = foundation(title, &rules);
            assert!(found.as_ref().is_some_and(|why| why.contains(expected)), "{title}: {found:?}");
        }
        for title in [
            "",
            "Merge PR #1",
            "Merge PR #1: grafana from 9.4.2 to 9.4.5",
            "Merge PR #1: grafana; wait for the sync in Argo CD",
            "Merge PR #1: grafana, then sync Argo CD",
            "Merge PR #1: grafana and validate Ceph health",
            "Merge PR #1 via Gitea",
            "After the Argo CD update: merge PR #1",
            "If Ceph is well, merge PR #1 and check cilium",
            "Merge PR #1: the dashboards of our Kubernetes",
            "Merge PR #1: in a state of flux",
            "Merge PR #1: the non-major bundle",
            "Merge PR #1: ingressus, argonaut, gite",
        ] {
            assert_eq!(foundation(title, &rules), None, "{title}");
        }
    }
}
