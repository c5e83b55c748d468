//! How a command ends when it does not do what was asked: the error with its causes, and what to do next.

use crate::cluster::ClusterError;
use crate::config::SettingsError;
use crate::forge::ForgeError;
use crate::terminal::bullets;
use anstyle::{AnsiColor, Style};
use std::error::Error;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// The exit codes, as `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong arguments or settings.
    Settings = 2,
    /// A server or the store cannot be reached or refuses.
    Unreachable = 3,
    /// Something is not well.
    Yellow = 4,
    /// Something is broken.
    Red = 5,
    /// Something could not be found out.
    Unknown = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What to do about a body that cannot be read from a file.
pub(super) const BODY_ADVICE: &str =
    "name a file with the text of an issue, as UTF-8 (`-` is stdin), or save it so";

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: Box<dyn Error + Send + Sync>,
    advice: String,
}

impl Failure {
    /// A failure with what to do next.
    pub(super) fn new(
        exit: Exit,
        error: impl Into<Box<dyn Error + Send + Sync>>,
        advice: impl Into<String>,
    ) -> Self {
        Self { exit, error: error.into(), advice: advice.into() }
    }

    /// Something that caretaker needs is not set.
    pub(super) fn missing(missing: &[String]) -> Self {
        let what = if let [one] = missing {
            format!("something is missing: {one}")
        } else {
            format!("{} things are missing:{}", missing.len(), bullets(missing))
        };
        Self::new(
            Exit::Settings,
            what,
            "`caretaker config example` shows every setting there is, and what it means",
        )
    }

    /// What went wrong, without what to do next.
    pub(super) fn what(&self) -> String {
        self.error.to_string()
    }

    /// Prints it and says how the process ends.
    pub(super) fn report(&self) -> ExitCode {
        // Whoever reads the other end of a pipe may stop reading: that is nobody's failure.
        if broken_pipe(self.error.as_ref()) {
            return Exit::Done.into();
        }
        // Where nobody reads stderr the exit code is all there is.
        let _ = write!(anstream::stderr(), "{self}");
        self.exit.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let bold = Style::new().bold();
        writeln!(formatter, "{red}error:{red:#} {}", self.error)?;
        let mut source = self.error.source();
        while let Some(cause) = source {
            writeln!(formatter, "  because: {cause}")?;
            source = cause.source();
        }
        writeln!(formatter, "{bold}next:{bold:#} {}", self.advice)
    }
}

fn broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let advice = match &error {
            SettingsError::File { .. } => "name a file that can be read with --config or CARETAKER_CONFIG",
            SettingsError::Wrong { .. } => "`caretaker config example` shows every setting there is",
        };
        Self::new(Exit::Settings, error, advice)
    }
}

impl From<ForgeError> for Failure {
    fn from(error: ForgeError) -> Self {
        let advice = match &error {
            ForgeError::Unauthorized { .. } => {
                "make a token with the scopes write:issue, write:repository and read:user, and check where the \
                 settings say it is"
            }
            ForgeError::Forbidden { .. } => {
                "give the token's account access to the repository, and the token the scopes write:issue, \
                 write:repository and read:user"
            }
            ForgeError::NotFound { .. } => {
                "check number, repository and forge.url; what the token's account may not see reads as missing"
            }
            ForgeError::Renamed { .. } => "put the repository's new name into the settings",
            ForgeError::Conflict { .. } | ForgeError::Refused { .. } => {
                "what the forge says is all there is; mend it there"
            }
            ForgeError::Unavailable { .. } => {
                "check forge.url and that the forge can be reached from here, then try again"
            }
            ForgeError::Unreadable { .. } => {
                "check that forge.url is a Gitea of a version that caretaker knows"
            }
        };
        Self::new(Exit::Unreachable, error, advice)
    }
}

/// How an error of the cluster ends the process, and what to do about it.
pub(super) fn of_the_cluster(error: &ClusterError) -> (Exit, &'static str) {
    match error {
        ClusterError::Configuration { .. } => (
            Exit::Settings,
            "look at `cluster.kubeconfig` and `cluster.context`; without them a service account must be mounted",
        ),
        ClusterError::Unauthorized { .. } => (
            Exit::Unreachable,
            "look at the credentials that the kubeconfig names, or at the service account",
        ),
        ClusterError::Forbidden { .. } => (
            Exit::Unreachable,
            "grant what deploy/ grants; `caretaker doctor` names every right that is missing",
        ),
        ClusterError::NotFound { .. }
        | ClusterError::Conflict { .. }
        | ClusterError::Refused { .. }
        | ClusterError::Unavailable { .. }
        | ClusterError::LeaseTooShort { .. }
        | ClusterError::Unreadable { .. } => (
            Exit::Unreachable,
            "look whether the API server runs and can be reached from here, then try again",
        ),
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let (exit, advice) = of_the_cluster(&error);
        Self::new(exit, error, advice)
    }
}

/// What could not be printed; a reader that stopped reading is no failure.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error, "check where the output goes")
    }
}
