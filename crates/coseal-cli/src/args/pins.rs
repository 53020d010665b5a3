//! `--pin`: which roots may have signed a trust bundle.

use std::env;
use std::ops::Deref;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

const NAME: &str = "pin";
const ENVIRONMENT: &str = "COSEAL_PIN";

/// Files with public keys of roots. Each `--pin` is one of them, whatever its
/// name; the environment names several as PATH names folders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins(Vec<PathBuf>);

impl Args for Pins {
    fn augment_args(command: Command) -> Command {
        let separator = if cfg!(windows) { ';' } else { ':' };
        command.arg(
            Arg::new(NAME)
                .long(NAME)
                .value_name("ROOT.pub")
                .env(ENVIRONMENT)
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help(format!(
                    "A root's public key; one of those given must have signed the bundle. Once for each root; {ENVIRONMENT} has `{separator}` between them"
                )),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Pins {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = matches.get_many::<PathBuf>(NAME).into_iter().flatten();
        if matches.value_source(NAME) != Some(ValueSource::EnvVariable) {
            return Ok(Self(given.cloned().collect()));
        }
        let pins: Vec<_> = given.flat_map(env::split_paths).collect();
        if pins.iter().any(|pin| pin.as_os_str().is_empty()) {
            let what = format!("{ENVIRONMENT} has an empty file name");
            return Err(Error::raw(ErrorKind::ValueValidation, what));
        }
        Ok(Self(pins))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Deref for Pins {
    type Target = [PathBuf];

    fn deref(&self) -> &[PathBuf] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a Pins {
    type Item = &'a PathBuf;
    type IntoIter = std::slice::Iter<'a, PathBuf>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
