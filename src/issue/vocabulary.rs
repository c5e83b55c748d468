//! The words by which titles are understood.
//!
//! Three kinds: words of a reserve, by which a reason is given; the words of an update and of what a run does afterwards
//! anyhow, which are understood; and the small words of a sentence, which a description of an update does not have, so
//! that where one stands something is said that nobody here understands.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Words with which a text says no, or leaves open what is to be done.
pub(crate) static REFUSES: LazyLock<HashSet<&str>> = LazyLock::new(|| REFUSING.iter().copied().collect());

#[rustfmt::skip]
const REFUSING: &[&str] = &[
    "not", "never", "don't", "dont", "doesn't", "didn't", "isn't", "shouldn't", "mustn't", "can't",
    "cannot", "won't", "wont", "nor", "neither", "or", "either", "whether", "instead", "except", "skip",
    "skips", "skipped", "skipping", "defer", "defers", "deferred", "deferring", "deferral", "postpone",
    "postpones", "postponed", "postponing", "delay", "delayed", "maybe", "perhaps", "possibly", "cancel",
    "canceled", "cancelled", "cancels", "reject", "rejected", "rejects", "decline", "declined", "denied",
    "deny", "refuse", "refused", "forbidden", "prohibited", "blocked", "blocking", "block", "blocks",
    "blocker", "superseded", "obsolete", "obsoleted", "abandoned", "withdrawn", "dropped", "drop",
    "shelved", "parked", "frozen", "freeze", "wip", "draft", "drafts", "wontfix", "unwanted", "avoid",
    "ignore", "ignored", "exclude", "excluded", "stop", "halt", "stopped", "paused", "suspended", "veto",
    "vetoed", "objection", "tentative", "tentatively", "optional", "optionally", "undecided", "unsure",
    "unclear", "uncertain", "tbd", "discuss", "discussion", "manual", "manually", "human", "humans",
    "conflict", "conflicts", "conflicting", "stuck", "broken", "fails", "failing", "nack", "nak", "dnm",
    "nope", "nah", "nogo", "unmergeable", "yanked", "retracted", "embargoed", "quarantined", "disallowed",
    "unsafe", "someday", "sometime", "eventually",
    // German, French, Spanish, Italian, Dutch, Portuguese, Polish, Russian.
    "zurueckgestellt", "aufgeschoben", "vertagt", "pausiert", "ausgesetzt", "différé", "différée",
    "différées", "reportée", "reportés", "reportées", "rejeté", "rejetée", "rejetées", "suspendu",
    "aplazada", "aplazados", "aplazadas", "rechazada", "rechazados", "rechazadas", "pospuesto",
    "pospuestos", "bloqueado", "suspendido", "rinviato", "rinviati", "rimandato", "rimandati",
    "rifiutato", "rifiutati", "respinto", "sospeso", "sospesi", "bloccato", "uitgesteld", "afgewezen",
    "geweigerd", "geblokkeerd", "adiado", "adiados", "rejeitado", "rejeitados", "bloqueados", "não",
    "odłożone", "odroczone", "wstrzymane", "odrzucone", "zablokowane", "отложено", "отложенные",
    "отклонено", "отклонённые", "отклоненные", "приостановлено", "заблокировано", "не", "нельзя",
    "nicht", "kein", "keine", "keinen", "nie", "niemals", "ohne", "oder", "zurückgestellt", "verschoben",
    "abgelehnt", "gesperrt", "blockiert", "manuell", "vielleicht", "pas", "jamais", "sauf", "ou",
    "reporté", "bloqué", "manuellement", "refusé", "nunca", "niet", "geen", "rechazado", "aplazado",
];

/// Words of a condition to which a yes is the answer.
#[rustfmt::skip]
pub(crate) const ASKS: &[&str] = &[
    "if", "unless", "approved", "approval", "relies", "rely",
];

/// Words of a condition that somebody has to look at.
pub(crate) static WAITS: LazyLock<HashSet<&str>> = LazyLock::new(|| WAITING.iter().copied().collect());

#[rustfmt::skip]
const WAITING: &[&str] = &[
    "when", "once", "until", "till", "only", "provided", "providing", "assuming", "depending", "pending",
    "ask", "asks", "asking", "wait", "waits", "waiting", "await", "awaits", "awaiting", "hold", "holds",
    "holding", "later", "soon", "after", "before", "beforehand", "prior", "following", "needs", "need",
    "needed", "require", "requires", "required", "requiring", "must", "should", "subject", "sign-off",
    "signoff", "signed-off", "approver", "approve", "approves", "approving", "confirmation", "consent",
    "owner", "owners", "somebody", "someone", "anybody", "anyone", "nobody", "admin", "admins", "boss",
    "manager", "reviewer", "reviewers", "maintainer", "maintainers", "colleague", "colleagues", "person",
    // German, French, Spanish, Dutch.
    "nur", "falls", "wenn", "sofern", "sobald", "bis", "nach", "vor", "erst", "später", "warten",
    "abwarten", "freigabe", "freigegeben", "genehmigt", "genehmigung", "geprüft", "prüfen", "si",
    "seulement", "uniquement", "après", "avant", "quand", "attendre", "approuvé", "approuvée",
    "approbation", "cuando", "después", "antes", "esperar", "pendiente", "aprobado", "solo", "sólo",
    "alleen", "indien", "wachten",
];

/// Several words that make a reserve together, by the first of them.
pub(crate) static PHRASES: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let mut by_first: HashMap<&str, Vec<&str>> = HashMap::new();
    for phrase in SAID_TOGETHER.iter().copied() {
        by_first.entry(phrase.split(' ').next().unwrap_or(phrase)).or_default().push(phrase);
    }
    by_first
});

#[rustfmt::skip]
const SAID_TOGETHER: &[&str] = &[
    "no longer", "no need", "no go", "no merge", "no merging", "sign off", "signs off", "signed off",
    "by hand", "on ice", "in case", "next week", "next month", "next year", "next quarter", "next sprint",
    "next window", "next time", "next maintenance", "next release", "on hold", "to be decided",
    "to be confirmed", "to be discussed", "go ahead", "green light", "needs review", "under review",
    "for review", "after review", "pending review", "do these yourself", "not now", "dry run", "auf eis",
    "en attente", "en espera", "in attesa", "in de wacht", "em espera", "na później", "на паузе",
    "stand by",
];

/// Words of [`REFUSES`] with which people also tell what is broken, or what is to be got rid of.
#[rustfmt::skip]
const FAULTS: &[&str] = &[
    "or", "either", "whether", "except", "avoid", "ignore", "ignored", "exclude", "excluded", "stop",
    "stopped", "halt", "drop", "dropped", "block", "blocks", "blocking", "blocker", "conflict", "conflicts",
    "conflicting", "stuck", "broken", "fails", "failing", "delay", "delayed", "cancels", "rejects", "denied",
    "refused", "skip", "skips", "optional", "optionally", "manual", "manually", "human", "humans", "draft",
    "drafts", "discussion", "unclear", "possibly", "unsafe", "oder", "ou", "obsoleted", "abandoned",
    "obsolete",
];

/// Whether a word of refusal may as well tell what is broken.
pub(crate) fn is_a_fault(word: &str) -> bool {
    FAULTS.contains(&word)
}

#[rustfmt::skip]
const OUTCOMES: &[&str] = &[
    "complete", "completed", "acknowledged", "closed", "rolled", "reverted", "scrapped", "scratch", "moved", "assigned",
    "superceded", "duplicate", "duplicated", "irreversible", "dump", "snapshot", "mode", "pulled", "handled", "handed",
    "wartet", "verworfen", "erledigt", "fusionar", "fusionner", "mergear", "samenvoegen", "already",
    "backup", "backups", "drained", "bricked", "loses", "call", "on-call", "present",
];

/// Words with which a line of a few words records what became of a task, or what stands in its way.
pub(crate) fn is_of_an_outcome(word: &str) -> bool {
    OUTCOMES.contains(&word)
}

#[rustfmt::skip]
const OF_THE_WORK: &[&str] = &[
    "merge", "merged", "merges", "merging", "close", "closed", "closing", "apply", "proceed", "approve",
    "approved", "reviewed", "review", "tested", "deploy", "install", "execute", "archive", "archived", "ship",
];

/// Words of what is done about a task.
pub(crate) fn is_of_the_work(word: &str) -> bool {
    OF_THE_WORK.contains(&word)
}

/// Words of a time that has not come.
#[rustfmt::skip]
pub(crate) const TIMES: &[&str] = &[
    "tomorrow", "tonight", "weekend", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
    "sunday", "january", "february", "april", "june", "july", "august", "september", "october", "november",
    "december", "week", "weeks", "month", "months", "quarter", "midnight", "noon", "evening", "morning",
    "overnight", "morgen", "demain",
];

/// `do-not-merge`, `on-hold`, `unapproved`: a reserve in one word. A name such as `only-office` is none.
pub(crate) fn is_part_of_refusal(word: &str) -> bool {
    let part = |part: &str| {
        matches!(
            part,
            "not"
                | "hold"
                | "wait"
                | "defer"
                | "deferred"
                | "skip"
                | "never"
                | "blocked"
                | "dont"
                | "wip"
                | "donotmerge"
                | "postponed"
        )
    };
    word.contains(['-', '_']) && word.split(['-', '_']).any(part)
        || word.starts_with("un") && word.ends_with("ed") && word.len() > 6
        || word == "donotmerge"
}

#[rustfmt::skip]
const UPDATE: &[&str] = &[
    "the", "a", "an", "this", "our", "all", "renovate", "renovate's", "dependabot", "s", "update",
    "updates", "updated", "updating", "upgrade", "upgrades", "upgrading", "bump", "bumps", "bumped",
    "bundle", "bundled", "bulk", "batch", "group", "grouped", "open", "ready", "automated", "automatic",
    "dependency", "dependencies", "deps", "dep", "non", "major", "minor", "patch", "digest", "pin",
    "pinned", "version", "versions", "release", "releases", "to", "from", "for", "of", "and", "merge",
    "request", "pull", "pr", "prs", "chart", "charts", "helm", "docker", "image", "images", "tag", "tags",
    "container", "containers", "operator", "app", "apps", "application", "applications", "service",
    "services", "stateless", "package", "packages", "module", "modules", "action", "actions", "github",
    "gitea", "weekly", "monthly", "daily", "monorepo", "lockfile", "lock", "file", "maintenance", "chore",
    "fix", "feat", "build", "ci", "security", "cve", "bugfix", "bug", "hotfix", "fixes", "new", "latest",
    "stable", "small", "low", "risk", "safe", "routine", "change", "changes", "v", "via", "kubernetes",
    "stack", "plugin", "provider", "crd", "crds", "library", "runtime", "server", "client", "base",
    "dashboards", "dashboard", "system", "platform", "metal", "network", "storage", "part", "branch",
    "main",
];

/// Words of an update: what it moves, how far, and what it is called.
pub(crate) fn is_of_an_update(word: &str) -> bool {
    UPDATE.contains(&word)
}

#[rustfmt::skip]
const TAG: &[&str] = &[
    "maintenance", "task", "bot", "auto", "automerge", "k8s", "k3s", "homelab", "gitops", "argocd",
    "infra",
];

/// Words of what is looked after: areas and what everybody runs in them.
#[rustfmt::skip]
const AREA: &[&str] = &[
    "observability", "monitoring", "logging", "metrics", "tracing", "alerting", "media", "database", "databases", "db",
    "postgres", "postgresql", "mysql", "mariadb", "redis", "ceph", "rook", "longhorn", "nfs", "nas", "ingress", "dns",
    "cni", "csi", "cilium", "traefik", "auth", "identity", "secrets", "certificates", "registry", "automation", "home",
    "cluster", "control", "plane", "node", "nodes", "cloud", "infrastructure", "tooling", "tools", "gitea", "forgejo",
    "grafana", "prometheus", "loki", "renovate", "argo", "flux", "web", "mail", "gaming", "productivity", "backend",
    "frontend", "os", "firmware", "hardware", "workloads", "layer", "layers",
];

/// Words of a tag in front of a title that say nothing about whether.
pub(crate) fn is_of_a_tag(word: &str) -> bool {
    is_of_an_update(word) || TAG.contains(&word) || AREA.contains(&word)
}

#[rustfmt::skip]
const SENTENCE: &[&str] = &[
    "i", "with", "using", "you", "he", "she", "it", "we", "they", "me", "him", "her", "us", "them", "my",
    "your", "his", "its", "their", "these", "those", "that", "which", "who", "whom", "whose", "what",
    "where", "why", "how", "there", "here", "is", "are", "was", "were", "be", "been", "being", "am", "has",
    "have", "had", "having", "do", "does", "did", "done", "will", "would", "shall", "could", "can", "may",
    "might", "want", "wants", "wanted", "says", "said", "say", "let", "lets", "get", "gets", "make",
    "makes", "try", "keep", "leave", "see", "look", "think", "know", "agree", "agrees", "agreed", "decide",
    "decided", "plan", "planned", "schedule", "scheduled", "review", "reviewed", "review's", "but",
    "however", "though", "although", "because", "since", "while", "as", "so", "than", "yet", "also", "too",
    "very", "just", "still", "already", "again", "always", "first", "last", "next", "then", "now", "today",
    "at", "by", "on", "in", "into", "onto", "under", "over", "against", "through", "without", "within",
    "during", "between", "about", "per", "like", "no", "none", "nothing", "any", "some", "more", "less",
    "most", "much", "many", "few", "other", "another", "both", "each", "every", "please", "careful",
    "carefully", "caution", "warning", "attention", "important", "note", "risky", "dangerous",
    "experimental", "test", "tested", "testing", "tests", "backup", "backups", "snapshot", "window",
    "windows", "downtime", "rollback", "revert", "reverted", "breaking", "repo", "repository", "yourself",
    "myself", "themselves", "operator's", "team", "not", "upon", "idea", "ideas", "backlog", "wrong", "red",
    "approvals", "vs", "versus", "failed", "caused", "outage", "mit", "success", "dry", "dryrun", "post",
    "regression", "buggy", "unstable", "danger", "cc", "todo", "tbc", "tba", "bitte", "danach", "vorher", "zuerst", "absprechen", "absprache",
    "gemeinsam", "zusammen", "avec", "con", "met", "jan", "feb", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "upstream", "untested", "unreviewed",
    "example", "sample", "placeholder", "staging", "squash", "hmm", "duplicate", "stale", "fork",
];

/// Words that a sentence has and a description of an update has not.
pub(crate) fn is_of_a_sentence(word: &str) -> bool {
    SENTENCE.contains(&word)
}

#[rustfmt::skip]
const WORK: &[&str] = &[
    "close", "merge", "delete", "remove", "restart", "reboot", "drain", "cordon", "uncordon", "rebase",
    "revert", "roll", "rollback", "deploy", "redeploy", "apply", "create", "reopen", "comment", "notify",
    "inform", "tell", "announce", "migrate", "move", "copy", "scale", "start", "resume", "suspend",
    "pause", "stop", "disable", "enable", "install", "uninstall", "publish", "push", "archive", "purge",
    "clean", "cleanup", "wipe", "format", "rotate", "replace", "restore", "backup", "back", "dump",
    "export", "import", "edit", "set", "unset", "write", "document", "execute", "trigger", "kill", "evict",
    "taint", "annotate", "send", "ping", "call", "email", "add", "shutdown", "shut", "power", "recreate",
    "rebuild", "prune", "clear", "reset", "resize", "expand", "promote", "demote", "failover", "adjust",
    "switch", "turn", "unlock", "approve", "decide", "defer", "investigate", "prepare", "take", "do",
    "make", "bring", "put", "change", "modify", "repeat", "redo",
];

/// Verbs of work: at the beginning of a clause they ask for something else than what the title began with.
pub(crate) fn is_work(word: &str) -> bool {
    WORK.contains(&word)
}

#[rustfmt::skip]
const AFTERWARDS: &[&str] = &[
    "validate", "verify", "check", "confirm", "watch", "monitor", "ensure", "observe", "look", "wait",
    "run", "rerun", "re-run", "sync", "resync", "re-sync", "refresh", "soak", "spot-check",
];

/// Verbs of what a run does after each change anyhow.
pub(crate) fn is_afterwards(word: &str) -> bool {
    AFTERWARDS.contains(&word)
}

#[rustfmt::skip]
const GATE: &[&str] = &[
    "run", "the", "a", "final", "finally", "universal", "validation", "validate", "verification", "gate",
    "gates", "full", "complete", "whole", "cluster", "homelab", "health", "healthy", "check", "checks",
    "recon", "pass", "all", "every", "each", "layer", "layers", "green", "are", "is", "and", "of", "after",
    "approved", "change", "changes", "update", "updates", "merge", "merges", "task", "tasks",
    "maintenance", "at", "end", "last", "post", "closing", "that", "again", "verify", "confirm", "ensure",
    "everything", "remain", "remains", "stay", "stays", "still", "metal", "network", "storage", "system",
    "platform", "apps", "across", "on", "for", "once", "more", "it", "k3s", "kubernetes", "to", "return",
    "returns", "status", "execute", "perform",
];

/// Words of a gate, in which nothing else is asked.
pub(crate) fn is_of_a_gate(word: &str) -> bool {
    GATE.contains(&word)
}

#[rustfmt::skip]
const REASON: &[&str] = &[
    "which", "with", "that", "is", "was", "are", "were", "has", "have", "been", "as", "duplicate",
    "duplicates", "duplicated", "superseded", "fixed", "resolved", "resolve", "resolves", "solved",
    "solves", "obsolete", "outdated", "stale", "done", "completed", "complete", "now", "no", "longer",
    "needed", "relevant", "applies", "used", "occurs", "happens", "because", "since", "it", "issue",
    "issues", "ticket", "merged", "replaced", "upstream", "already", "by", "report", "retired",
    "abandoned", "in", "finished", "closed", "green", "healthy", "again", "comment", "note", "link", "its",
];

/// Whether a word begins a reason: behind an `and` the words of an update ask for something.
pub(crate) fn opens_a_reason(word: &str) -> bool {
    REASON.contains(&word)
}

/// Words of a closing's reason.
pub(crate) fn is_of_a_reason(word: &str) -> bool {
    is_of_an_update(word) || REASON.contains(&word)
}

#[rustfmt::skip]
const DONE_BY: &[&str] = &[
    "fixed", "resolved", "superseded", "solved", "replaced", "done", "closed", "obsoleted", "covered",
    "duplicated", "completed",
];

/// What the closing's reason may turn `by` into: `fixed by PR #5`.
pub(crate) fn is_done_by(word: &str) -> bool {
    DONE_BY.contains(&word)
}

#[rustfmt::skip]
const CRASH_ARCHIVE: &[&str] = &[
    "archive", "archived", "clear", "acknowledge", "dismiss", "the", "all", "any", "old", "older", "new",
    "recent", "stale", "remaining", "ceph", "ceph's", "s", "crash", "crashes", "crashed", "report",
    "reports", "entries", "entry", "log", "logs", "of", "that", "which", "it", "warns", "warn", "warning",
    "warnings", "about", "from", "in", "on", "rook", "rook-ceph", "cluster", "health", "for", "and", "mgr",
    "mon", "osd", "mds", "module", "daemon", "daemons", "to", "recent_crash", "state", "storage", "with",
    "them", "verify", "return", "returns", "health_ok", "so", "this", "these", "please", "via",
    "archive-all",
];

/// Words of a title that asks to archive Ceph's crash reports, and nothing else.
pub(crate) fn is_of_a_crash_archive(word: &str) -> bool {
    CRASH_ARCHIVE.contains(&word)
}
