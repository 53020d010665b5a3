//! `coseal key …`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::passphrase::{NewPassphrase, Passphrases};

/// Where keys and passphrases come from, for every command.
pub(super) const SOURCES: &str = "\
Wherever the file of a private key or KEK is named, env:NAME names a variable \
that holds it (PEM, the digits of a KEK, or base64 of either), and fd:N an open \
file descriptor. A file of such a name is reached as ./env:NAME.

An encrypted key takes a passphrase: one of --passphrase-file, --passphrase-fd \
and --passphrase-env, else COSEAL_PASSPHRASE, else what is typed on the \
terminal. Each passphrase that is given is tried for each key. Key files that \
openssl encrypted (PBES2 with scrypt or PBKDF2, AES-CBC) are read as well.";

/// What to do with a key.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key
    New(New),
    /// Print the key ID: 16 hexadecimal digits
    Id(Named),
    /// Print the public key
    Public(Named),
    /// Change the passphrase of a private key, or give it one, or remove it
    ChangePassphrase(ChangePassphrase),
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
    /// Encrypt the private key under a passphrase: asked for twice, unless one is given
    #[arg(long)]
    pub encrypt: bool,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

/// `coseal key id` and `coseal key public`
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// A public or private key file
    #[arg(value_name = "FILE|env:NAME|fd:N")]
    pub key: PathBuf,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

/// `coseal key change-passphrase`
#[derive(Debug, Args)]
pub(crate) struct ChangePassphrase {
    /// The private key file or KEK file; it stays as it is until the new one is whole
    pub file: PathBuf,
    #[command(flatten)]
    pub passphrases: Passphrases,
    #[command(flatten)]
    pub new: NewPassphrase,
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
