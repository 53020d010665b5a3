//! `coseal key …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What to do with a key.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key
    New(New),
    /// Print the key ID: 16 hexadecimal digits
    Id {
        /// A public or private key file
        file: PathBuf,
    },
    /// Print the public key
    Public {
        /// A public or private key file
        file: PathBuf,
    },
}

/// `coseal key new`
#[derive(Debug, Args)]
pub(crate) struct New {
    /// What the key is for
    pub kind: Kind,
    /// The private key file, for its owner alone; the public key goes to OUT.pub beside it
    #[arg(value_name = "OUT")]
    pub out: PathBuf,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// What keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Ed25519: seals messages, or signs trust bundles
    Signing,
    /// X25519: opens messages
    Receiving,
    /// 32 bytes shared by sealer and opener: 64 hexadecimal digits
    Kek,
}
