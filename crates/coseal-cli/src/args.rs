//! The command line, defined once: parsing, help, completions and man pages
//! all come from here.

pub(crate) mod key;
pub(crate) mod messages;
pub(crate) mod passphrase;
pub(crate) mod pins;
pub(crate) mod root;
pub(crate) mod trust;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Seal messages for queues: encrypted for consumers, signed for auditors.
///
/// A producer seals messages before publishing them, a consumer opens and
/// verifies them on receipt, an auditor verifies them offline with public
/// files only.
///
/// `coseal demo` tells the whole story on an example.
#[derive(Debug, Parser)]
#[command(name = "coseal", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 a message was refused, 2 usage or input and output";

const REWRAP: &str = "What cannot be re-wrapped is told and copied as it is: nothing is lost. A file that was interrupted leaves OUT.partial, and the same command goes on from there. Whoever had a key and a copy of the input keeps reading it.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make keys, look at them, change their passphrases
    #[command(subcommand, after_help = key::SOURCES)]
    Key(key::Command),
    /// Make a trust bundle, change it, look at it
    #[command(subcommand)]
    Trust(trust::Command),
    /// Seal a message, or each line of the input
    Seal(messages::Seal),
    /// Open and verify envelopes, as their consumer
    Open(messages::Open),
    /// Verify envelopes with public files only, as an auditor
    Verify(messages::Verify),
    /// Change the recipients of stored envelopes, and nothing else of them
    #[command(after_help = REWRAP)]
    Rewrap(messages::Rewrap),
    /// Show what envelopes say of themselves, unproven
    Inspect(messages::Inspect),
    /// Tell the whole story on an example, and leave everything to look at
    Demo(Demo),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one page a command into a folder
    Man {
        /// The folder, made if need be
        dir: Option<PathBuf>,
    },
}

impl Command {
    /// Whether private keys come into this process.
    pub(crate) const fn holds_secrets(&self) -> bool {
        match self {
            Self::Key(_) | Self::Trust(_) | Self::Seal(_) | Self::Open(_) | Self::Rewrap(_) => true,
            // The demo runs this command again for each of its steps.
            Self::Verify(_)
            | Self::Inspect(_)
            | Self::Demo(_)
            | Self::Completions { .. }
            | Self::Man { .. } => false,
        }
    }
}

/// `coseal demo`
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// A file of lines to seal; a sample of order events unless given
    pub input: Option<PathBuf>,
    /// Where to leave everything: a folder that does not exist yet, or is empty [default: coseal-demo, coseal-demo-2 …]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How several envelopes stand in a file or pipe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// A CBOR sequence: one envelope after the other
    #[default]
    Cbor,
    /// One envelope a line, in base64
    Base64,
}
