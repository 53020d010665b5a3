//! `coseal trust …`, and how readers name the trust bundle.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use coseal::{KeyId, Time};

use super::Encoding;
use super::passphrase::Passphrases;
use super::pins::Pins;
use super::root;
use crate::times;

/// What to do with a trust bundle.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a trust bundle without keys
    New(New),
    /// Add a public key
    Add(Add),
    /// End a key's validity: what it sealed before stays valid
    Retire(Retire),
    /// Revoke a key: whatever it sealed is refused
    Revoke(Revoke),
    /// Sign the bundle again, with a new expiry
    Renew(Renew),
    /// Change which root signs the bundle
    #[command(subcommand)]
    Root(root::Command),
    /// Show what is in a bundle
    Show(Show),
    /// List the keys that envelopes still need, before one of them is destroyed
    Needed(Needed),
}

/// `coseal trust new`
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(flatten)]
    pub bundle: Edited,
    /// The trust domain that the bundle speaks for
    #[arg(long, value_name = "NAME")]
    pub domain: String,
    /// How long readers may believe the bundle
    #[arg(long, value_name = "D", default_value = "365d", value_parser = times::parse_duration)]
    pub valid_for: Duration,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
}

/// `coseal trust add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    pub bundle: Edited,
    /// The public key; check first that its owner has the private one
    #[arg(long, value_name = "FILE.pub")]
    pub key: PathBuf,
    /// Whose key it is: a URI, a SPIFFE ID where there is one
    #[arg(long, value_name = "URI")]
    pub subject: String,
    /// Channels it may seal for, or may be sealed to for: `*` is one name between dots, a final `>` one or more
    #[arg(long = "channel", value_name = "PATTERN", required = true, num_args = 1..)]
    pub channels: Vec<String>,
    /// Valid from this time on [default: now]
    #[arg(long, value_name = "T", value_parser = times::parse)]
    pub from: Option<Time>,
    /// Valid until this time [default: no end]
    #[arg(long, value_name = "T", value_parser = times::parse)]
    pub until: Option<Time>,
}

/// `coseal trust retire`
#[derive(Debug, Args)]
pub(crate) struct Retire {
    #[command(flatten)]
    pub bundle: Edited,
    /// The key: 16 hexadecimal digits
    #[arg(long, value_name = "ID")]
    pub key_id: KeyId,
    /// When its validity ends [default: now]
    #[arg(long, value_name = "T", value_parser = times::parse)]
    pub at: Option<Time>,
}

/// `coseal trust revoke`
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub bundle: Edited,
    /// The key: 16 hexadecimal digits
    #[arg(long, value_name = "ID")]
    pub key_id: KeyId,
    /// Why
    #[arg(long)]
    pub reason: Reason,
    /// Since when somebody else may have had the private key
    #[arg(long, value_name = "T", value_parser = times::parse)]
    pub compromised_since: Option<Time>,
}

/// `coseal trust renew`
#[derive(Debug, Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    pub bundle: Edited,
    /// How long readers may believe the bundle, from now
    #[arg(long, value_name = "D", default_value = "365d", value_parser = times::parse_duration)]
    pub valid_for: Duration,
}

/// `coseal trust show`
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The trust bundle
    pub bundle: PathBuf,
    #[command(flatten)]
    pub limits: Limits,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `coseal trust needed`
#[derive(Debug, Args)]
pub(crate) struct Needed {
    /// Ask about this key alone: exit code 0 where nothing names it, 1 where something does, 2 where that cannot be told
    #[arg(long, value_name = "ID")]
    pub key_id: Option<KeyId>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// How the envelopes stand in the inputs
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// The inputs; `-` is standard input
    #[arg(value_name = "INPUT", default_value = "-")]
    pub inputs: Vec<PathBuf>,
}

/// Why a key is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reason {
    /// Somebody else had it, or may have had it
    Compromised,
    /// Another key took its place
    Superseded,
    /// Its owner no longer exists
    Ceased,
}

/// A bundle to be changed, and what signs it.
#[derive(Debug, Args)]
#[command(mut_arg("pin", |arg| arg.help("The public key of another root that may have signed it")))]
pub(crate) struct Edited {
    /// The trust bundle
    pub bundle: PathBuf,
    /// The root's private signing key: signs the bundle, and signed the present one if there is one
    #[arg(long, value_name = "ROOT|env:NAME|fd:N")]
    pub root: PathBuf,
    #[command(flatten)]
    pub pin: Pins,
    /// Remember the highest bundle seen in this file, and refuse older ones
    #[arg(long, value_name = "FILE", env = "COSEAL_STATE")]
    pub state: Option<PathBuf>,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

/// The bundle that a reader believes.
#[derive(Debug, Args)]
#[command(mut_arg("pin", |arg| arg.required(true)))]
pub(crate) struct Believed {
    /// The trust bundle: whose keys may seal for which channel
    #[arg(long, value_name = "BUNDLE", env = "COSEAL_TRUST")]
    pub trust: PathBuf,
    #[command(flatten)]
    pub pin: Pins,
    /// Refuse a bundle of another trust domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// Remember the highest bundle seen in this file, and refuse older ones
    #[arg(long, value_name = "FILE", env = "COSEAL_STATE")]
    pub state: Option<PathBuf>,
}

/// What a bundle must satisfy, where it need not.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    #[command(flatten)]
    pub pin: Pins,
    /// Refuse a bundle of another trust domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<String>,
    /// Remember the highest bundle seen in this file, and refuse older ones
    #[arg(long, value_name = "FILE", env = "COSEAL_STATE")]
    pub state: Option<PathBuf>,
}
