//! `.caretaker.toml` on a repository's default branch: a strict subset of the settings that only asks for more care.
//!
//! Whoever may push to the repository may write it, so nothing in it can weaken what the operator has set: a lower mode,
//! fewer paths in which changes are accepted, more foundations, more paths that are not reverted by themselves, longer
//! waits, and not a key more. A file that asks
//! for anything else is refused as a whole, and so is one that cannot be read: then nobody knows how careful somebody
//! wished to be, and the repository is observed, which is the strictest there is, until it is mended. It is read at the
//! head that the look judges, so a permit, which is bound to that head, rests on the same file.

use super::settings::Repository as RepositorySettings;
use super::situation::Mode;
use super::worker::Parts;
use crate::forge::{CommitSha, Forge, ForgeError, RepositoryName};
use crate::merge::classify::Rules;
use crate::merge::paths::AllowedPaths;
use crate::merge::{self, FoundationRule, ReversiblePath, ReversibleRule};
use crate::timing::Timing;
use crate::wording;
use config::{Config, File, FileFormat};
use serde::Deserialize;
use std::sync::Arc;

/// Where it lies.
pub(crate) const PATH: &str = ".caretaker.toml";

/// A longer one is none of ours.
const MAXIMUM_BYTES: usize = 64 * 1024;

/// What a repository asks for besides the settings.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MoreCare {
    mode: Option<Mode>,
    /// Only in these files are Renovate's changes accepted, as far as the settings accept them.
    paths: Option<Vec<String>>,
    merge: MoreCareInMerging,
    timing: LongerWaits,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MoreCareInMerging {
    foundations: Vec<FoundationRule>,
    reversible: Vec<CarefulPath>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CarefulPath {
    path: String,
    rule: CarefulRule,
}

/// The rules for reverting that ask for more care than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CarefulRule {
    Ask,
    Never,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the keys are those of the settings")]
struct LongerWaits {
    settle_seconds: Option<f64>,
    soak_low_seconds: Option<f64>,
    soak_medium_seconds: Option<f64>,
    soak_high_seconds: Option<f64>,
    soak_critical_seconds: Option<f64>,
}

/// Why a file does not count. A person mends this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Too long, or no text.
    #[error("it is no text of at most {MAXIMUM_BYTES} bytes")]
    NoText,
    /// Not TOML, or a key that is not among those that ask for more care.
    #[error("{0}")]
    Unknown(String),
    /// It asks for less care than the settings.
    #[error("`{key}` asks for less care than caretaker's settings")]
    Weakens {
        /// Which key.
        key: &'static str,
    },
}

/// A file as it was read at one commit.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    head: CommitSha,
    read: Result<MoreCare, Refusal>,
}

impl Remembered {
    /// At which commit.
    pub(crate) fn head(&self) -> &CommitSha {
        &self.head
    }
}

/// What is in force in a repository.
#[derive(Debug)]
pub(crate) struct InForce {
    /// The settings of the repository.
    pub(crate) settings: RepositorySettings,
    /// What the worker works with.
    pub(crate) parts: Arc<Parts>,
    /// Why the file does not count, for the status.
    pub(crate) complaint: Option<String>,
}

/// Reads the file where it is allowed and not known yet, and says what is in force.
pub(crate) async fn in_force(
    parts: &Arc<Parts>,
    settings: &RepositorySettings,
    repository: &RepositoryName,
    head: &CommitSha,
    remembered: &mut Option<Remembered>,
) -> InForce {
    let parts = &without_sole_writers(parts, settings);
    if !settings.allow_repository_file {
        return InForce { settings: settings.clone(), parts: Arc::clone(parts), complaint: None };
    }
    if remembered.as_ref().is_none_or(|known| known.head != *head) {
        match read_at(parts.forge.as_ref(), settings, &parts.timing, repository, head).await {
            Ok(read) => *remembered = Some(Remembered { head: head.clone(), read }),
            Err(error) => {
                tracing::warn!(%error, "the repository's own file cannot be read; it is observed for now");
                return observed(parts, settings, wording::repository_file_unread(&error));
            }
        }
    }
    match remembered.as_ref().map(|known| &known.read) {
        Some(Ok(more)) => more.in_force(parts, settings),
        Some(Err(refusal)) => {
            observed(parts, settings, wording::repository_file_refused(&refusal.to_string()))
        }
        // It was filled above.
        None => observed(parts, settings, wording::repository_file_refused(&Refusal::NoText.to_string())),
    }
}

/// What the file of a repository makes of the rules, for a command that does nothing with them.
#[derive(Debug)]
pub(crate) struct Preview {
    /// The rules for merging.
    pub(crate) merge: merge::Settings,
    /// Where changes are accepted.
    pub(crate) paths: AllowedPaths,
    /// Each setting that the file makes, with its value.
    pub(crate) asked: Vec<String>,
    /// Why the file does not count.
    pub(crate) complaint: Option<String>,
}

/// Reads the file as a run does, and says what would be in force; `None` where no file is allowed.
pub(crate) async fn preview(
    forge: &dyn Forge,
    settings: &RepositorySettings,
    merge: &merge::Settings,
    timing: &Timing,
) -> Result<Option<Preview>, ForgeError> {
    if !settings.allow_repository_file {
        return Ok(None);
    }
    let branch = forge.repository(&settings.name).await?.default_branch;
    let head = forge.branch(&settings.name, &branch).await?.head;
    let complaint = match read_at(forge, settings, timing, &settings.name, &head).await {
        Ok(Ok(more)) => {
            let (settings, merge, _) = more.over(settings, merge, timing);
            let paths = settings.paths;
            return Ok(Some(Preview { merge, paths, asked: more.asked(), complaint: None }));
        }
        Ok(Err(refusal)) => wording::repository_file_refused(&refusal.to_string()),
        Err(error) => wording::repository_file_unread(&error),
    };
    let (merge, paths) = (merge.clone(), settings.paths.clone());
    Ok(Some(Preview { merge, paths, asked: Vec::new(), complaint: Some(complaint) }))
}

/// Who may write to a repository is a person's word about those that they named, not about what is found.
fn without_sole_writers(parts: &Arc<Parts>, settings: &RepositorySettings) -> Arc<Parts> {
    let named = parts.repositories.iter().any(|table| table.name == settings.name);
    if named || !parts.settings.sole_writers {
        return Arc::clone(parts);
    }
    let runs = super::Settings { sole_writers: false, ..parts.settings.clone() };
    Arc::new(Parts { settings: runs, ..(**parts).clone() })
}

/// What the file asks for at a commit; nothing where there is none.
async fn read_at(
    forge: &dyn Forge,
    settings: &RepositorySettings,
    timing: &Timing,
    repository: &RepositoryName,
    head: &CommitSha,
) -> Result<Result<MoreCare, Refusal>, ForgeError> {
    let file = forge.file(repository, PATH, head.as_str()).await?;
    Ok(file.map_or(Ok(MoreCare::default()), |file| read(&file.content, settings, timing)))
}

fn observed(parts: &Arc<Parts>, settings: &RepositorySettings, complaint: String) -> InForce {
    InForce {
        settings: RepositorySettings { mode: Mode::Observe, ..settings.clone() },
        parts: Arc::clone(parts),
        complaint: Some(complaint),
    }
}

/// What a file asks for, unless it asks for less care anywhere.
fn read(bytes: &[u8], settings: &RepositorySettings, timing: &Timing) -> Result<MoreCare, Refusal> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAXIMUM_BYTES);
    let text = text.ok_or(Refusal::NoText)?;
    let more: MoreCare = Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| Refusal::Unknown(error.to_string()))?;
    if more.mode.is_some_and(|mode| mode > settings.mode) {
        return Err(Refusal::Weakens { key: "mode" });
    }
    for (key, wished, set) in more.timing.pairs(timing) {
        // What is no number is no longer wait either.
        if wished.is_some_and(|wished| !(set..=1e9).contains(&wished)) {
            return Err(Refusal::Weakens { key });
        }
    }
    Ok(more)
}

impl LongerWaits {
    /// Each wait: its key, what is wished, what the settings say.
    fn pairs(&self, timing: &Timing) -> [(&'static str, Option<f64>, f64); 5] {
        [
            ("timing.settle_seconds", self.settle_seconds, timing.settle_seconds),
            ("timing.soak_low_seconds", self.soak_low_seconds, timing.soak_low_seconds),
            ("timing.soak_medium_seconds", self.soak_medium_seconds, timing.soak_medium_seconds),
            ("timing.soak_high_seconds", self.soak_high_seconds, timing.soak_high_seconds),
            ("timing.soak_critical_seconds", self.soak_critical_seconds, timing.soak_critical_seconds),
        ]
    }

    /// The longer of both.
    fn over(&self, timing: &Timing) -> Timing {
        let longer = |wished: Option<f64>, set: f64| wished.map_or(set, |wished| wished.max(set));
        Timing {
            settle_seconds: longer(self.settle_seconds, timing.settle_seconds),
            soak_low_seconds: longer(self.soak_low_seconds, timing.soak_low_seconds),
            soak_medium_seconds: longer(self.soak_medium_seconds, timing.soak_medium_seconds),
            soak_high_seconds: longer(self.soak_high_seconds, timing.soak_high_seconds),
            soak_critical_seconds: longer(self.soak_critical_seconds, timing.soak_critical_seconds),
            ..timing.clone()
        }
    }
}

impl MoreCare {
    fn in_force(&self, parts: &Arc<Parts>, settings: &RepositorySettings) -> InForce {
        let (settings, merge_settings, timing) = self.over(settings, &parts.merge_settings, &parts.timing);
        if (&self.merge, &self.timing) == (&MoreCareInMerging::default(), &LongerWaits::default()) {
            return InForce { settings, parts: Arc::clone(parts), complaint: None };
        }
        let parts = Parts { rules: Rules::new(&merge_settings), merge_settings, timing, ..(**parts).clone() };
        InForce { settings, parts: Arc::new(parts), complaint: None }
    }

    /// The settings with what it asks for.
    fn over(
        &self,
        settings: &RepositorySettings,
        merge: &merge::Settings,
        timing: &Timing,
    ) -> (RepositorySettings, merge::Settings, Timing) {
        let mode = self.mode.map_or(settings.mode, |mode| mode.min(settings.mode));
        let paths = settings.paths.narrowed_to(self.paths.as_deref());
        let settings = RepositorySettings { mode, paths, ..settings.clone() };
        let mut merge_settings = merge.clone();
        merge_settings.foundations.extend(self.merge.foundations.iter().cloned());
        merge_settings.reversible.extend(self.merge.reversible.iter().map(|careful| ReversiblePath {
            path: careful.path.clone(),
            rule: match careful.rule {
                CarefulRule::Ask => ReversibleRule::Ask,
                CarefulRule::Never => ReversibleRule::Never,
            },
        }));
        (settings, merge_settings, self.timing.over(timing))
    }

    /// Each setting that it makes, as people write it.
    fn asked(&self) -> Vec<String> {
        let mode = self.mode.iter().map(|mode| format!("mode = {}", mode.word()));
        let paths = self.paths.iter().map(|paths| format!("paths = {}", paths.join(", ")));
        let foundations =
            self.merge.foundations.iter().map(|rule| format!("merge.foundations: {}", rule.name));
        let reversible = self.merge.reversible.iter().map(|careful| {
            let rule = match careful.rule {
                CarefulRule::Ask => "ask",
                CarefulRule::Never => "never",
            };
            format!("merge.reversible: {rule} for {}", careful.path)
        });
        let waits = self.timing.pairs(&Timing::default()).into_iter();
        let waits = waits.filter_map(|(key, wished, _)| Some(format!("{key} = {}", wished?)));
        mode.chain(paths).chain(foundations).chain(reversible).chain(waits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(text: &str, mode: Mode) -> Result<MoreCare, Refusal> {
        let name = "ops/homelab".parse().expect("a name");
        let settings = RepositorySettings { mode, ..RepositorySettings::new(name) };
        read(text.as_bytes(), &settings, &Timing::default())
    }

    #[test]
    fn what_asks_for_more_care_counts() {
        for (text, mode) in
            [("", Mode::Auto), ("mode = \"approve\"", Mode::Auto), ("mode = \"auto\"", Mode::Auto)]
        {
            assert!(read_in(text, mode).is_ok(), "{text}");
        }
        let more = read_in(
            "mode = \"observe\"\npaths = [\"apps/*\", \"charts/*\"]\n[[merge.foundations]]\nname = \"the panel\"\npackages = [\"panel\"]\n\
             [[merge.reversible]]\npath = \"apps/photos/*\"\nrule = \"never\"\n\
             [timing]\nsoak_low_seconds = 600\nsettle_seconds = 60\n",
            Mode::Approve,
        )
        .expect("it only asks for more");
        assert_eq!(more.mode, Some(Mode::Observe));
        assert_eq!(more.merge.foundations.len(), 1);
        assert_eq!(more.merge.reversible[0].rule, CarefulRule::Never);
        let timing = more.timing.over(&Timing::default());
        let expected = Timing { soak_low_seconds: 600.0, ..Timing::default() };
        assert_eq!(timing, expected);
        let asked = [
            "mode = observe",
            "paths = apps/*, charts/*",
            "merge.foundations: the panel",
            "merge.reversible: never for apps/photos/*",
            "timing.settle_seconds = 60",
            "timing.soak_low_seconds = 600",
        ];
        assert_eq!(more.asked(), asked);
        assert_eq!(MoreCare::default().asked(), [""; 0]);
    }

    #[test]
    fn paths_are_those_of_the_settings_and_of_the_file() {
        let name = "ops/homelab".parse().expect("a name");
        let paths = vec!["apps/*".to_owned(), "charts/*".to_owned()].into();
        let settings = RepositorySettings { paths, ..RepositorySettings::new(name) };
        let read = |text: &str| read(text.as_bytes(), &settings, &Timing::default()).expect("it narrows");
        for (text, path, accepted) in [
            ("", "charts/x.yaml", true),
            ("paths = [\"apps/*\"]", "apps/x.yaml", true),
            ("paths = [\"apps/*\"]", "charts/x.yaml", false),
            ("paths = [\"*\"]", "ci/x.yaml", false),
            ("paths = []", "apps/x.yaml", false),
        ] {
            let (settings, ..) = read(text).over(&settings, &merge::Settings::default(), &Timing::default());
            assert_eq!(settings.paths.refuses(path).is_none(), accepted, "{text} {path}");
        }
    }

    #[test]
    fn what_is_unknown_or_asks_for_less_care_is_refused_as_a_whole() {
        let cases = [
            ("mode = \"auto\"", "`mode` asks for less care"),
            ("[timing]\nsoak_low_seconds = 1", "`timing.soak_low_seconds` asks for less care"),
            ("[timing]\nsettle_seconds = nan", "`timing.settle_seconds` asks for less care"),
            ("[timing]\nsoak_high_seconds = 1e300", "`timing.soak_high_seconds` asks for less care"),
            ("[timing]\nscale = 1000", "unknown field `scale`"),
            ("mode = \"observe\"\ntrusted = [\"me\"]", "unknown field `trusted`"),
            ("pull_urls = [\"http://elsewhere/\"]", "unknown field `pull_urls`"),
            ("rollout = \"none\"", "unknown field `rollout`"),
            ("[merge]\nlock_files = [\"values.yaml\"]", "unknown field `lock_files`"),
            ("[[merge.categories]]\ncategory = \"app-template\"", "unknown field `categories`"),
            ("[[merge.reversible]]\npath = \"*\"\nrule = \"auto\"", "auto"),
            ("[renovate]\naccounts = [\"me\"]", "unknown field `renovate`"),
            ("mode = \"careful\"", "careful"),
            ("mode = ", "line 1"),
        ];
        for (text, part) in cases {
            let refusal = read_in(text, Mode::Approve).expect_err(text).to_string();
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
        let long = format!("# {}\n", "x".repeat(MAXIMUM_BYTES));
        assert_eq!(read_in(&long, Mode::Auto), Err(Refusal::NoText));
        let settings = RepositorySettings::new("ops/homelab".parse().expect("a name"));
        assert_eq!(read(b"\xff", &settings, &Timing::default()), Err(Refusal::NoText));
    }
}
