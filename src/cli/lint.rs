//! `caretaker lint`: what caretaker understands of an issue's text, and what is wrong with it.

mod shown;
mod write;

use super::common::{Format, any_table_of, forge_of};
use super::failure::{Exit, Failure};
use super::plan::body_of;
use crate::config::{self, Settings};
use crate::forge::{Forge, ForgeError, IssueEdit, IssueNumber, RepositoryName};
use crate::issue::lint::{Lint, Severity, add_missing_ids, lint};
use crate::merge::classify::{Rules, classify_words};
use crate::wording;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Say what is understood of an issue's text, and what is wrong with it.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("source").required(true),
    after_help = "\
Examples:
  caretaker lint BODY.md
  caretaker lint --issue 7
  caretaker lint - --format json < BODY.md
  caretaker lint --fix BODY.md
  caretaker lint --fix - < BODY.md > BETTER.md

--fix gives an id to every task that has none, and changes nothing else. A file is replaced as a \
whole; an issue is written on a forge that counts the versions of a text; a text from stdin goes to stdout, and what is said to stderr.

Exit codes:
  0  no error; there may be warnings
  1  there are errors
  2  wrong arguments or settings, or a file that cannot be read
  3  the forge cannot be reached or refuses"
)]
pub(super) struct Arguments {
    /// A file with the text of an issue; `-` reads it from stdin.
    #[arg(group = "source", value_name = "FILE")]
    file: Option<PathBuf>,
    /// The number of the issue on the forge.
    #[arg(long, group = "source", value_name = "N")]
    issue: Option<u64>,
    /// The repository of the issue; without it the one of the settings.
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "file")]
    repository: Option<RepositoryName>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Add the ids that are missing.
    #[arg(long)]
    fix: bool,
}

/// How often an issue is read and written again when somebody else was faster.
const WRITE_ATTEMPTS: u32 = 5;

/// A text, and what was done to it.
#[derive(Debug)]
struct Subject {
    /// As what it is named.
    name: String,
    /// As it is now.
    body: String,
    /// The ids that were added; `None` when nothing was to be fixed.
    fixed: Option<Vec<String>>,
}

impl Arguments {
    pub(super) async fn run(self, named: Option<&Path>) -> Result<(), Failure> {
        let settings = config::load(named)?.settings;
        let rules = Rules::new(&settings.merge);
        let subject = match (&self.file, self.issue) {
            (Some(path), _) => self.file(path, &rules)?,
            (None, Some(number)) => self.forge(&settings, IssueNumber(number), &rules).await?,
            (None, None) => {
                let what = "neither a file nor an issue is named";
                return Err(Failure::new(Exit::Settings, what, "see `caretaker lint --help`"));
            }
        };
        let found = lint(&subject.body, super::plan::home_of(&settings).as_ref(), &|words| {
            classify_words(words, "", &rules)
        });
        self.print(&subject, &found)?;
        match found.count(Severity::Error) {
            0 => Ok(()),
            errors => Err(Failure::new(
                Exit::Failed,
                wording::lint_failed(errors, &subject.name),
                "mend what is marked as an error above, and look again",
            )),
        }
    }

    /// A fixed text from stdin is what goes to stdout; everything that is said goes to stderr then.
    fn print(&self, subject: &Subject, found: &Lint) -> Result<(), Failure> {
        if self.fix && self.file.as_deref() == Some(Path::new("-")) {
            let mut out = std::io::stdout().lock();
            out.write_all(subject.body.as_bytes())?;
            out.flush()?;
            return self.say(&mut anstream::stderr(), subject, found);
        }
        self.say(&mut anstream::stdout(), subject, found)
    }

    fn say(&self, out: &mut impl Write, subject: &Subject, found: &Lint) -> Result<(), Failure> {
        match self.format {
            Format::Text => {
                write!(out, "{}", shown::text(&subject.name, &subject.body, found))?;
                if let Some(ids) = &subject.fixed {
                    writeln!(out, "{}", wording::lint_fixed(ids))?;
                }
            }
            Format::Json => {
                writeln!(out, "{}", shown::json(&subject.name, found, subject.fixed.as_deref()))?;
            }
        }
        Ok(out.flush()?)
    }

    fn file(&self, path: &Path, rules: &Rules) -> Result<Subject, Failure> {
        let body = body_of(path)?;
        let stdin = path == Path::new("-");
        let name = if stdin { "stdin".to_owned() } else { path.display().to_string() };
        if !self.fix {
            return Ok(Subject { name, body, fixed: None });
        }
        let (fixed, ids) = add_missing_ids(&body, &|words| classify_words(words, "", rules));
        if !stdin && fixed != body {
            write::whole(path, &fixed).map_err(|error| {
                let what = format!("{name} cannot be written: {error}");
                Failure::new(
                    Exit::Settings,
                    what,
                    "check that file and folder may be written; nothing was changed",
                )
            })?;
        }
        Ok(Subject { name, body: fixed, fixed: Some(ids) })
    }

    /// Reads the issue, and writes it where something is to be fixed: from a fresh text, as often as somebody else was
    /// faster.
    async fn forge(
        &self,
        settings: &Settings,
        number: IssueNumber,
        rules: &Rules,
    ) -> Result<Subject, Failure> {
        let repository = any_table_of(settings, self.repository.as_ref())?.name;
        let forge = forge_of(settings)?;
        let name = format!("{repository}#{number}");
        let mut attempt = 0;
        loop {
            let issue = forge.issue(&repository, number).await?;
            if !self.fix {
                return Ok(Subject { name, body: issue.body, fixed: None });
            }
            let (body, ids) = add_missing_ids(&issue.body, &|words| classify_words(words, "", rules));
            if body == issue.body {
                return Ok(Subject { name, body, fixed: Some(ids) });
            }
            // What somebody writes between the reading and the writing must be noticed.
            if issue.content_version.is_none() {
                return Err(Failure::new(
                    Exit::Failed,
                    wording::lint_counts_no_versions(),
                    wording::lint_fix_a_file(),
                ));
            }
            let edit = IssueEdit {
                body: Some(body.clone()),
                content_version: issue.content_version,
                ..IssueEdit::default()
            };
            match forge.edit_issue(&repository, number, &edit).await {
                Ok(_) => return Ok(Subject { name, body, fixed: Some(ids) }),
                Err(ForgeError::Conflict { .. }) if attempt + 1 < WRITE_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
