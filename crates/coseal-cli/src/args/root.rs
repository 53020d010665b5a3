//! `coseal trust root …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use coseal::KeyId;

use super::trust::Edited;

/// How to change which root signs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Name another root key, which may sign the next bundle
    Add(Add),
    /// Hand the bundle over to a root key that it names
    Promote(Promote),
    /// Name a root key no longer
    Remove(Remove),
}

/// `coseal trust root add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    pub bundle: Edited,
    /// The other root's public key; check first that its owner has the private one
    #[arg(long, value_name = "NEW.pub")]
    pub key: PathBuf,
}

/// `coseal trust root promote`
#[derive(Debug, Args)]
#[command(mut_arg("root", |arg| arg.value_name("NEW").help(
    "The new root's private signing key: it signs the bundle from now on"
)))]
#[command(mut_arg("pin", |arg| arg.help(
    "The public key of the root that signed the present bundle"
)))]
pub(crate) struct Promote {
    #[command(flatten)]
    pub bundle: Edited,
    /// Name the present root as one that may sign the next bundle, so that it can take over again
    #[arg(long)]
    pub keep_old: bool,
}

/// `coseal trust root remove`
#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub bundle: Edited,
    /// The root that is named: 16 hexadecimal digits
    #[arg(long, value_name = "ID")]
    pub key_id: KeyId,
}
