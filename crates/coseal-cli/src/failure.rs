//! Why the command stops: what was wrong, its code, a hint, and the exit code.

use std::fmt::Display;
use std::io;
use std::path::Path;

use coseal_store::StoreError;

use crate::hints;

/// The result of everything in this command that can fail.
pub(crate) type Result<T, E = Stop> = core::result::Result<T, E>;

/// Why the command ends before its work is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something is wrong, and is told.
    Failure(Box<Failure>),
    /// Nobody reads our output any more: nothing is wrong, nothing is told.
    ClosedPipe,
}

/// Something that is told on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What was wrong, in words.
    pub what: String,
    /// `code` or `code/kind`, of the list in the specification.
    pub code: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the command ends.
    pub exit: Exit,
}

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything was as it should be.
    Fine = 0,
    /// A message was refused.
    Refused = 1,
    /// Wrong usage, or input or output failed.
    Unusable = 2,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    /// The caller asked for what cannot be.
    pub(crate) fn misuse(what: impl Into<String>) -> Self {
        Self { what: what.into(), code: "misuse".to_owned(), hint: None, exit: Exit::Unusable }
    }

    /// The operating system refused. What names a wrong file is the caller's
    /// mistake; all else is a fault of what carries our messages.
    pub(crate) fn io(action: impl Display, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;

        let mistake = matches!(
            error.kind(),
            Kind::NotFound
                | Kind::PermissionDenied
                | Kind::AlreadyExists
                | Kind::IsADirectory
                | Kind::NotADirectory
                | Kind::InvalidInput
                | Kind::InvalidFilename
        );
        let code = if mistake { "misuse" } else { "carrier" };
        Self {
            what: format!("cannot {action}: {error}"),
            code: code.to_owned(),
            hint: None,
            exit: Exit::Unusable,
        }
    }

    /// Something that is no message was refused: a key, a trust bundle, an argument.
    pub(crate) fn core(context: impl Display, error: &coseal::Error) -> Self {
        Self {
            what: format!("{context}: {error}"),
            code: code(error),
            hint: hints::for_file(error).map(str::to_owned),
            exit: Exit::Unusable,
        }
    }

    /// A message was refused.
    pub(crate) fn refused(context: impl Display, error: &coseal::Error) -> Self {
        Self {
            what: format!("{context} is refused: {error}"),
            code: code(error),
            hint: hints::for_message(error).map(str::to_owned),
            exit: Exit::Refused,
        }
    }

    /// With advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `code` or `code/kind`.
pub(crate) fn code(error: &coseal::Error) -> String {
    match error.kind() {
        Some(kind) => format!("{}/{kind}", error.code()),
        None => error.code().to_owned(),
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let path = error.path().display().to_string();
        match &error {
            StoreError::Io { action, source, .. } => Self::io(format!("{action} {path}"), source),
            StoreError::Permissions { mode, .. } => {
                Self::misuse(format!("others can reach the secret in {path} (mode {mode:04o})"))
                    .hint(format!("chmod 600 {path}"))
            }
            StoreError::Encrypted { .. } => Self::misuse(error.to_string())
                .hint("here its public key is enough, which has a file of its own"),
            StoreError::Passphrase { .. } => Self::misuse(error.to_string())
                .hint("of several passphrases each is tried for each key"),
            StoreError::Exists { .. } => Self::misuse(format!("{path} exists already"))
                .hint("give another name, or --force to replace it"),
            StoreError::Core { source, .. } => Self::core(path, source),
            StoreError::InUse { .. } => {
                Self::misuse(error.to_string()).hint("wait until the other process has ended")
            }
            StoreError::Unfinished { .. } => Self::misuse(error.to_string()).hint(format!(
                "go on with the input and the options it was begun with, or give it up: rm {path} {path}.state"
            )),
            _ => Self::misuse(error.to_string()),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

/// Writing to where nobody reads any more is no failure.
pub(crate) fn writing(to: &Path) -> impl FnOnce(io::Error) -> Stop {
    move |error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Stop::ClosedPipe;
        }
        Failure::io(format!("write {}", to.display()), &error).into()
    }
}
