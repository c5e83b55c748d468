//! Puts the settings together that each module defines for itself: defaults, then a TOML file, then the environment
//! (`CARETAKER__SECTION__KEY`). A key that nobody knows is an error, since a misspelt one would be a silent default.

use crate::forge::RepositoryName;
use crate::issue::ReconSettings;
use crate::terminal::bullets;
use crate::{cluster, forge, health, inbox, merge, run, store, timing, web};
use ::config::{Config, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The commented example, every setting with its default.
pub(crate) const EXAMPLE: &str = include_str!("../config.example.toml");

/// Where the settings are looked for when nobody says where they are.
const PLACES: [&str; 2] = ["caretaker.toml", "/etc/caretaker/caretaker.toml"];

/// All settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The Git server.
    pub(crate) forge: forge::Settings,
    /// The cluster.
    pub(crate) cluster: cluster::Settings,
    /// The repositories that caretaker looks after.
    pub(crate) repository: Vec<run::Repository>,
    /// Repositories that no table names.
    pub(crate) discovery: run::Discovery,
    /// Runs.
    pub(crate) run: run::Settings,
    /// Health.
    pub(crate) health: health::Settings,
    /// Merging.
    pub(crate) merge: merge::Settings,
    /// Renovate.
    pub(crate) renovate: merge::RenovateSettings,
    /// What is found.
    pub(crate) recon: ReconSettings,
    /// What is looked for by itself.
    pub(crate) schedule: run::Schedule,
    /// How long things are given.
    pub(crate) timing: timing::Timing,
    /// Where caretaker remembers.
    pub(crate) store: store::Settings,
    /// Where it listens.
    pub(crate) web: web::Settings,
    /// What is kept of deliveries.
    pub(crate) inbox: inbox::Settings,
}

/// Settings with where they came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: Settings,
    /// The file; `None` when there was none and defaults and the environment are all.
    pub(crate) file: Option<PathBuf>,
}

/// Why the settings cannot be used. A person mends this.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file that was asked for cannot be read.
    #[error("the settings cannot be read from {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What the file or the environment says is no setting.
    #[error("the settings of {from} are wrong{}", listed(.said))]
    Wrong {
        /// Where they came from.
        from: String,
        /// Everything that is wrong, each with its key.
        said: Vec<String>,
    },
}

/// One sentence on the same line, several below each other.
fn listed(said: &[String]) -> String {
    match said {
        [one] => format!(": {one}"),
        many => format!(" in {} places:{}", many.len(), bullets(many)),
    }
}

/// Which repository is meant cannot be told. A person mends this.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoiceError {
    /// No repository is named.
    #[error("no repository: add a [[repository]] table with its name, or set discovery.enabled")]
    NoRepository,
    /// Several are, and nobody said which one is meant.
    #[error("the settings name several repositories: {}", names(.known))]
    Several {
        /// All of them.
        known: Vec<RepositoryName>,
    },
    /// Nothing is named, and what discovery finds is known to the forge alone.
    #[error("the settings name no repository, and those that discovery finds must be named")]
    Discovered,
    /// The one that was asked for is not among them.
    #[error("the settings do not name {wanted}; they name {}", names(.known))]
    Unknown {
        /// What was asked for.
        wanted: RepositoryName,
        /// All of them.
        known: Vec<RepositoryName>,
    },
}

fn names(known: &[RepositoryName]) -> String {
    known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Reads one file and nothing else: what a demonstration is set to must not depend on who starts it.
pub(crate) fn load_file_alone(path: &Path) -> Result<Settings, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SettingsError::File { path: path.to_owned(), source })?;
    let nothing = Environment::default().source(Some(::config::Map::new()));
    parse(&text, nothing).map_err(|said| SettingsError::Wrong { from: path.display().to_string(), said })
}

/// Reads the settings: from the file that is named, or the first one that is there, and the environment.
pub(crate) fn load(named: Option<&Path>) -> Result<Loaded, SettingsError> {
    let file = match named {
        Some(path) => Some(path.to_owned()),
        None => PLACES.iter().map(PathBuf::from).find(|path| path.is_file()),
    };
    let text = match &file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| SettingsError::File { path: path.clone(), source })?,
        None => String::new(),
    };
    let from = file.as_ref().map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
    let settings = parse(&text, environment()).map_err(|said| SettingsError::Wrong { from, said })?;
    Ok(Loaded { settings, file })
}

fn environment() -> Environment {
    // Two underscores, so that CARETAKER_CONFIG, CARETAKER_LOG and the secrets are none of them.
    Environment::with_prefix("CARETAKER").prefix_separator("__").separator("__").try_parsing(true)
}

fn parse(text: &str, environment: Environment) -> Result<Settings, Vec<String>> {
    let config = Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .map_err(|error| vec![error.to_string()])?;
    let wrong = match config.clone().try_deserialize::<Settings>() {
        Ok(settings) => match settings.out_of_range() {
            wrong if wrong.is_empty() => return Ok(settings),
            wrong => wrong,
        },
        Err(first) => {
            let each = each_wrong(config);
            if each.is_empty() { vec![first.to_string()] } else { each }
        }
    };
    Err(wrong)
}

/// Everything that is wrong, not the first of it alone: each setting is tried by itself, then those that are good together.
fn each_wrong(config: Config) -> Vec<String> {
    let Ok(Value::Object(sections)) = config.try_deserialize::<Value>() else { return Vec::new() };
    let mut wrong = Vec::new();
    let mut good = serde_json::Map::new();
    for (section, value) in sections {
        match value {
            Value::Object(keys) => {
                let mut kept = serde_json::Map::new();
                for (key, value) in keys {
                    match alone(&json!({ &section: { &key: &value } })) {
                        Ok(()) => drop(kept.insert(key, value)),
                        Err(said) => wrong.push(with_key(&format!("{section}.{key}"), said)),
                    }
                }
                good.insert(section, Value::Object(kept));
            }
            Value::Array(tables) => {
                let mut kept = Vec::new();
                for (place, table) in tables.into_iter().enumerate() {
                    match alone(&json!({ &section: [&table] })) {
                        Ok(()) => kept.push(table),
                        Err(said) => wrong.push(with_key(&format!("{section}[{place}]"), said)),
                    }
                }
                good.insert(section, Value::Array(kept));
            }
            value => {
                if let Err(said) = alone(&json!({ &section: &value })) {
                    wrong.push(with_key(&section, said));
                }
            }
        }
    }
    if let Ok(settings) = settings_of(&Value::Object(good)) {
        wrong.extend(settings.out_of_range());
    }
    wrong
}

fn settings_of(value: &Value) -> Result<Settings, ::config::ConfigError> {
    Config::try_from(value)?.try_deserialize()
}

fn alone(value: &Value) -> Result<(), String> {
    settings_of(value).map(drop).map_err(|error| error.to_string())
}

/// The sentence with its key; where it names the key itself, as it is.
fn with_key(key: &str, said: String) -> String {
    if said.contains(&format!("`{key}`")) { said } else { format!("{key}: {said}") }
}

impl Settings {
    /// The repository that a command is about: the one that is asked for, else the only one.
    pub(crate) fn choose(&self, wanted: Option<&RepositoryName>) -> Result<run::Repository, ChoiceError> {
        let known = || self.repository.iter().map(|repository| repository.name.clone()).collect();
        match (wanted, &self.repository[..]) {
            (Some(wanted), tables) => {
                let same = |table: &&run::Repository| is_same(&table.name, wanted);
                match tables.iter().find(same) {
                    Some(table) => Ok(table.clone()),
                    None if self.discovery.enabled && self.discovery.wants(wanted) => {
                        Ok(self.discovery.settings_of(wanted.clone()))
                    }
                    None if tables.is_empty() => Err(ChoiceError::NoRepository),
                    None => Err(ChoiceError::Unknown { wanted: wanted.clone(), known: known() }),
                }
            }
            (None, []) if self.discovery.enabled => Err(ChoiceError::Discovered),
            (None, []) => Err(ChoiceError::NoRepository),
            (None, [only]) if !self.discovery.enabled => Ok(only.clone()),
            (None, _) => Err(ChoiceError::Several { known: known() }),
        }
    }

    /// Values that have the right type and still make no sense.
    fn out_of_range(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if !(self.timing.scale.is_finite() && self.timing.scale >= 1.0) {
            wrong.push("timing.scale must be 1 or more".to_owned());
        }
        let timing = serde_json::to_value(&self.timing).unwrap_or_default();
        for (key, value) in timing.as_object().into_iter().flatten() {
            // A value that is not finite has no JSON and reads null.
            if !value.as_f64().is_some_and(|seconds| (0.0..=1e9).contains(&seconds)) {
                wrong.push(format!("timing.{key} must be a number of seconds, 0 or more"));
            }
        }
        // No pause between looks would be a storm of requests, and too long a one would read as a worker that is stuck.
        if self.timing.poll_seconds < 1.0 {
            wrong.push("timing.poll_seconds must be 1 or more".to_owned());
        }
        let longest = self.web.contact_max_age().min(self.web.worker_max_age()).as_secs_f64() / 2.0;
        if !(1.0..=longest).contains(&self.timing.reconcile_seconds) {
            wrong.push(format!(
                "timing.reconcile_seconds must be from 1 to {longest}: half of web.contact_max_age_seconds and of web.worker_max_age_seconds"
            ));
        }
        wrong.extend(self.health.wrong());
        if let Err(error) = self.run.zone() {
            wrong.push(error.to_string());
        }
        for (place, table) in self.repository.iter().enumerate() {
            if self.repository[..place].iter().any(|other| is_same(&other.name, &table.name)) {
                wrong.push(format!("there are two [[repository]] tables of {}", table.name));
            }
        }
        if self.schedule.is_used()
            && let Err(error) = self.choose(self.schedule.repository.as_ref())
            && (!self.repository.is_empty() || self.discovery.enabled)
        {
            wrong.push(format!("schedule.repository: {error}"));
        }
        if !(60.0..=1e9).contains(&self.discovery.every_seconds) {
            wrong.push("discovery.every_seconds must be 60 or more".to_owned());
        }
        if self.web.body_limit_bytes == 0 {
            wrong.push("web.body_limit_bytes must be more than 0".to_owned());
        }
        wrong
    }

    /// Whether one repository is looked after and no other can come.
    pub(crate) fn looks_after_one(&self) -> bool {
        self.repository.len() == 1 && !self.discovery.enabled
    }

    /// What is missing before caretaker can work: sentences for a person. Secrets are looked for, never shown.
    pub(crate) fn missing(&self, needed_for: NeededFor) -> Vec<String> {
        let mut missing = Vec::new();
        let mut look = |found: Result<(), Box<dyn std::error::Error>>| {
            if let Err(error) = found {
                missing.push(crate::error_chain::chain(error.as_ref()));
            }
        };
        look(self.forge.url().map(drop).map_err(Into::into));
        look(self.forge.token().map(drop).map_err(Into::into));
        if needed_for == NeededFor::Service {
            look(self.web.hook_keys().map(drop).map_err(Into::into));
        }
        if self.repository.is_empty() && !self.discovery.enabled {
            look(Err(ChoiceError::NoRepository.into()));
        }
        missing
    }
}

/// Whether two names are one repository's: forges compare them without case.
fn is_same(one: &RepositoryName, other: &RepositoryName) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}

/// For what settings are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeededFor {
    /// One run in the foreground: nothing comes in.
    Run,
    /// The service.
    Service,
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLE, Settings, parse};
    use ::config::{Config, Environment, File, FileFormat, Map};
    use serde_json::Value;

    fn no_environment() -> Environment {
        environment(&[])
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables: Map<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        super::environment().source(Some(variables))
    }

    /// The example with every setting switched on. In it, `#key = value` is a setting and `# words` a comment.
    fn switched_on() -> String {
        EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if rest.starts_with("  ") || !rest.starts_with(' ') => rest,
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The defaults, and what has none.
    fn base() -> Settings {
        let needed = "[forge]\nurl = \"https://git.example.org/\"\n[[repository]]\nname = \"ops/homelab\"";
        parse(needed, no_environment()).unwrap()
    }

    #[test]
    fn the_example_is_loaded_as_it_is() {
        let settings = parse(EXAMPLE, no_environment()).unwrap();
        assert_eq!(settings, base(), "apart from what has no default, the example changes nothing");
    }

    #[test]
    fn the_example_holds_every_setting_with_its_default() {
        let text = switched_on();
        parse(&text, no_environment()).unwrap();
        let example: Value = Config::builder()
            .add_source(File::from_str(&text, FileFormat::Toml))
            .build()
            .and_then(Config::try_deserialize)
            .unwrap();
        let mut wrong = Vec::new();
        compare("", &serde_json::to_value(base()).unwrap(), &example, &mut wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    fn compare(path: &str, real: &Value, shown: &Value, wrong: &mut Vec<String>) {
        match (real, shown) {
            (Value::Object(fields), Value::Object(shown)) => {
                for (name, real) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    match shown.get(name) {
                        Some(shown) => compare(&path, real, shown, wrong),
                        None => wrong.push(format!("{path} is missing")),
                    }
                }
            }
            // Without a default the example shows what a value looks like.
            (Value::Null, _) => {}
            (Value::Array(items), _) if items.is_empty() => {}
            (Value::Array(items), Value::Array(shown))
                if items.len() == shown.len() && items.iter().all(Value::is_object) =>
            {
                for (real, shown) in items.iter().zip(shown) {
                    compare(path, real, shown, wrong);
                }
            }
            (Value::Number(real), Value::Number(shown)) if real.as_f64() == shown.as_f64() => {}
            (real, shown) if real == shown => {}
            (real, shown) => wrong.push(format!("{path}: the default is {real}, the example says {shown}")),
        }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let variables = [
            ("CARETAKER__FORGE__URL", "https://forge.example.org/git/"),
            ("CARETAKER__FORGE__REQUEST_TIMEOUT_SECONDS", "7"),
            ("CARETAKER__CLUSTER__EXEC", "true"),
            ("CARETAKER__TIMING__SCALE", "2"),
            ("CARETAKER__WEB__LISTEN", "[::1]:9000"),
            ("CARETAKER_FORGE_TOKEN", "not a setting"),
            ("CARETAKER_CONFIG", "not a setting"),
        ];
        let text = "[forge]\nurl = \"https://git.example.org/\"\nconnect_timeout_seconds = 3\n";
        let settings = parse(text, environment(&variables)).unwrap();
        assert_eq!(settings.forge.url.unwrap().as_str(), "https://forge.example.org/git/");
        assert_eq!(settings.forge.request_timeout_seconds, 7);
        assert_eq!(settings.forge.connect_timeout_seconds, 3);
        assert!(settings.cluster.exec);
        assert!((settings.timing.scale - 2.0).abs() < f64::EPSILON);
        assert_eq!(settings.web.listen, "[::1]:9000".parse().unwrap());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = "[[health.checks]]\nname = \"b\"\nobjects = { api_version = \"v1\", resource = \"pods\", kind = \"Pod\" }\n\
                     wrong = \"false\"\n";
        let known = "[[health.acknowledged]]\nobject = \"Pod a/b\"\nrule = \"b\"\nreason = \"r\"\nexpires = \"2027-01-31T00:00:00Z\"\n";
        let two_checks = format!("{check}{check}");
        let unclear = format!("{check}{known}");
        let no_probe = format!("{known}probe = \"nothing\"\n");
        let cases: [(&str, &[&str]); 25] = [
            ("[forge]\nurll = 1", &["unknown field `urll`", "`url`"]),
            ("[forges]\nurl = 1", &["unknown field `forges`"]),
            ("[web]\nlisten = \"here\"", &["socket address"]),
            ("[timing]\nsettle_seconds = \"soon\"", &["timing.settle_seconds", "soon"]),
            ("[timing]\nsettle_seconds = -1", &["timing.settle_seconds"]),
            ("[timing]\nscale = 0.5", &["timing.scale"]),
            ("[timing]\npoll_seconds = 0", &["timing.poll_seconds", "1 or more"]),
            ("[timing]\nreconcile_seconds = 3600", &["timing.reconcile_seconds", "300"]),
            ("[timing]\nreconcile_seconds = 0", &["timing.reconcile_seconds"]),
            ("[web]\nworker_max_age_seconds = 60", &["timing.reconcile_seconds", "30"]),
            ("[web]\nbody_limit_bytes = 0", &["web.body_limit_bytes"]),
            ("[web\n", &["line 1"]),
            ("[[repository]]\nname = \"homelab\"", &["`homelab` is not a repository"]),
            ("[[repository]]\nmode = \"auto\"", &["name"]),
            ("[[repository]]\nname = \"a/b\"\nmode = \"full\"", &["full", "repository[0]"]),
            ("[[repository]]\nname = \"a/b\"\n[[repository]]\nname = \"A/B\"", &["two", "A/B"]),
            ("[schedule]\nrecon = \"daily\"", &["schedule", "`daily`", "write `06:00`"]),
            (
                "[schedule]\nrecon = \"06:00\"\n[[repository]]\nname = \"a/b\"\n[[repository]]\nname = \"a/c\"",
                &["schedule.repository"],
            ),
            ("[health]\naudit_blocks = [\"plain-secret\"]", &["health.audit_blocks", "`plain-secret`"]),
            ("[discovery]\nevery_seconds = 1", &["discovery.every_seconds", "60"]),
            ("[health]\ncpu_red_percent = 101", &["101", "1 to 100"]),
            (
                "[health]\ndisk_yellow_percent = 96",
                &["health.disk_yellow_percent is 96", "health.disk_red_percent, which is 95"],
            ),
            (&two_checks, &["two [[health.checks]] called `b`", "a name of its own"]),
            (&unclear, &["the rule `b` on Pod a/b is the name of a check", "probe = \"own\""]),
            (&no_probe, &["health.acknowledged", "nothing"]),
        ];
        for (text, expected) in cases {
            let said = parse(text, no_environment()).expect_err(text).join("; ");
            for part in expected {
                assert!(said.contains(part), "{text}: {said}");
            }
        }
        let misspelt = environment(&[("CARETAKER__FORGE__TOKEN", "a secret value")]);
        let said = parse("", misspelt).expect_err("there is no such setting").join("; ");
        assert!(said.contains("token") && !said.contains("a secret value"), "{said}");
    }

    #[test]
    fn of_several_repositories_the_one_that_is_meant_must_be_said() {
        let one = "[[repository]]\nname = \"ops/homelab\"\nmode = \"auto\"\n";
        let two = format!("{one}[[repository]]\nname = \"ops/second\"\n");
        let discovery = "[discovery]\nenabled = true\nowners = [\"ops\"]\n";
        let both = format!("{one}{discovery}");
        let cases: [(&str, Option<&str>, Result<&str, &str>); 11] = [
            (one, None, Ok("ops/homelab Auto")),
            (one, Some("OPS/homelab"), Ok("ops/homelab Auto")),
            (one, Some("ops/second"), Err("do not name ops/second; they name ops/homelab")),
            (&two, None, Err("several repositories: ops/homelab, ops/second")),
            (&two, Some("ops/second"), Ok("ops/second Observe")),
            ("", None, Err("add a [[repository]] table")),
            ("", Some("ops/homelab"), Err("add a [[repository]] table")),
            (discovery, None, Err("must be named")),
            (&both, None, Err("several repositories: ops/homelab")),
            (&both, Some("ops/third"), Ok("ops/third Observe")),
            (&both, Some("other/third"), Err("do not name other/third")),
        ];
        for (text, wanted, expected) in cases {
            let settings = parse(text, no_environment()).unwrap();
            let wanted = wanted.map(|name| name.parse().unwrap());
            match (settings.choose(wanted.as_ref()), expected) {
                (Ok(chosen), Ok(expected)) => {
                    assert_eq!(format!("{} {:?}", chosen.name, chosen.mode), expected, "{text}");
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
                (chosen, _) => panic!("{text}: {chosen:?}"),
            }
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let text = "[forge]\nurl = \"no address\"\ntypo = 1\n[timing]\nscale = 0.5\nsettle_seconds = -1\n[web]\n\
                    listen = \"here\"\nbody_limit_bytes = 0\n[nothing]\na = 1\n[[repository]]\nname = \"homelab\"\n\
                    [[repository]]\nname = \"a/b\"\nmode = \"full\"\n";
        let said = parse(text, no_environment()).expect_err("nothing is right");
        let all = said.join("\n");
        for part in [
            "forge.url",
            "`typo`",
            "timing.scale",
            "timing.settle_seconds",
            "web.listen",
            "web.body_limit_bytes",
            "`nothing`",
            "`homelab` is not a repository",
            "full",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
        assert_eq!(said.len(), 9, "{all}");
    }
}
