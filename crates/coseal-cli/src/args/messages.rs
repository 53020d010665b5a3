//! `coseal seal`, `open`, `verify`, `rewrap`, `inspect`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use coseal::{KeyId, Suite, Time};

use super::Encoding;
use super::passphrase::Passphrases;
use super::trust::{Believed, Limits};
use crate::times;

/// `coseal seal`
#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// The producer's private signing key
    #[arg(long, value_name = "FILE|env:NAME|fd:N", env = "COSEAL_KEY")]
    pub key: PathBuf,
    /// Seal to this public receiving key, or to the receiving keys that the trust bundle has for this subject and channel
    #[arg(long, value_name = "FILE.pub|URI")]
    pub to: Vec<String>,
    /// Seal to a key-encryption key, under the name its holders know it by
    #[arg(long, value_name = "ID=FILE", value_parser = kek)]
    pub to_kek: Vec<(String, PathBuf)>,
    /// The trust bundle that knows the receiving keys of a URI
    #[arg(long, value_name = "BUNDLE", env = "COSEAL_TRUST")]
    pub trust: Option<PathBuf>,
    #[command(flatten)]
    pub limits: Limits,
    /// The channel that the messages are for: topic, subject or service
    #[arg(long, value_name = "C")]
    pub channel: String,
    /// The cipher suite
    #[arg(long, value_name = "SUITE", default_value = "a256gcm", value_parser = suites())]
    pub suite: Suite,
    /// The media type of the payload
    #[arg(long, value_name = "T")]
    pub content_type: Option<String>,
    /// A header: signed, and readable by everybody
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// Go on with the chain of the last run that ended in order, and leave the end of this one here
    #[arg(long, value_name = "FILE")]
    pub chain: Option<PathBuf>,
    /// Live readers refuse the message after this long
    #[arg(long, value_name = "D", value_parser = times::parse_duration)]
    pub expires_in: Option<Duration>,
    /// Seal each line as a message of its own
    #[arg(long)]
    pub lines: bool,
    /// How many lines share one signature
    #[arg(long, value_name = "N", default_value_t = 64, requires = "lines", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub batch: u32,
    /// How the envelopes are written
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// The input; `-` is standard input
    #[arg(default_value = "-")]
    pub input: PathBuf,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

/// `coseal open`
#[derive(Debug, Args)]
pub(crate) struct Open {
    /// The consumer's private receiving key
    #[arg(
        long,
        value_name = "FILE|env:NAME|fd:N",
        env = "COSEAL_KEY",
        required_unless_present = "kek"
    )]
    pub key: Vec<PathBuf>,
    /// A key-encryption key, under the name that the envelopes know it by
    #[arg(long, value_name = "ID=FILE", value_parser = kek)]
    pub kek: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub trust: Believed,
    #[command(flatten)]
    pub expected: Expected,
    /// Judge as a live reader: refuse what is older, or has expired
    #[arg(long, value_name = "D", value_parser = times::parse_duration, requires = "channel")]
    pub max_age: Option<Duration>,
    /// Refuse what earlier runs opened, too: each remembers it in this file when it ends in order
    #[arg(long, value_name = "FILE", requires = "max_age")]
    pub replay_memory: Option<PathBuf>,
    /// The same, and make the file: nothing was seen before
    #[arg(long, value_name = "FILE", requires = "max_age", conflicts_with = "replay_memory")]
    pub new_replay_memory: Option<PathBuf>,
    /// Open any number of envelopes; each payload becomes a line
    #[arg(long)]
    pub lines: bool,
    /// Print one JSON object an envelope: the verdict, and the payload in base64
    #[arg(long)]
    pub json: bool,
    /// How the envelopes stand in the input
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// The input; `-` is standard input
    #[arg(default_value = "-")]
    pub input: PathBuf,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub passphrases: Passphrases,
}

/// `coseal verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub trust: Believed,
    #[command(flatten)]
    pub expected: Expected,
    /// Say what a live reader would have said at this time
    #[arg(long, value_name = "T", value_parser = times::parse)]
    pub at: Option<Time>,
    /// With --at, also refuse what was older than this
    #[arg(long, value_name = "D", value_parser = times::parse_duration, requires = "at")]
    pub max_age: Option<Duration>,
    /// Print one JSON object an envelope
    #[arg(long)]
    pub json: bool,
    /// How the envelopes stand in the inputs
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// The inputs; `-` is standard input
    #[arg(value_name = "INPUT", default_value = "-")]
    pub inputs: Vec<PathBuf>,
}

/// `coseal rewrap`
#[derive(Debug, Args)]
pub(crate) struct Rewrap {
    /// A private receiving key that opens the envelopes
    #[arg(long, value_name = "FILE", env = "COSEAL_KEY", required_unless_present = "kek")]
    pub key: Vec<PathBuf>,
    /// A key-encryption key that opens them, under the name that they know it by
    #[arg(long, value_name = "ID=FILE", value_parser = kek)]
    pub kek: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub passphrases: Passphrases,
    #[command(flatten)]
    pub trust: Believed,
    #[command(flatten)]
    pub expected: Expected,
    /// Add this public receiving key
    #[arg(long, value_name = "FILE.pub")]
    pub to: Vec<PathBuf>,
    /// Add a key-encryption key, under the name its holders know it by
    #[arg(long, value_name = "ID=FILE", value_parser = kek)]
    pub to_kek: Vec<(String, PathBuf)>,
    /// Take out the receiving key with this ID: 16 hexadecimal digits
    #[arg(long, value_name = "KEY-ID")]
    pub remove: Vec<KeyId>,
    /// Take out the key-encryption key of this name
    #[arg(long, value_name = "ID")]
    pub remove_kek: Vec<String>,
    /// Take out everybody who is not added
    #[arg(long)]
    pub replace: bool,
    /// How the envelopes stand in the input, and in the output
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// The input; `-` is standard input
    #[arg(default_value = "-")]
    pub input: PathBuf,
    #[command(flatten)]
    pub out: Out,
}

/// `coseal inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Print one JSON object an envelope
    #[arg(long)]
    pub json: bool,
    /// How the envelopes stand in the input
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// The input; `-` is standard input
    #[arg(default_value = "-")]
    pub input: PathBuf,
}

/// What a reader expects of the messages.
#[derive(Debug, Args)]
pub(crate) struct Expected {
    /// Refuse messages sealed for another channel
    #[arg(long, value_name = "C")]
    pub channel: Option<String>,
    /// Refuse messages of another signer
    #[arg(long, value_name = "URI")]
    pub signer: Option<String>,
}

/// Where the output goes.
#[derive(Debug, Args)]
pub(crate) struct Out {
    /// The output file; `-` is standard output, even where that is a terminal
    #[arg(short = 'o', long = "out", value_name = "OUT")]
    pub out: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(long, requires = "out")]
    pub force: bool,
}

fn suites() -> impl clap::builder::TypedValueParser<Value = Suite> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};

    PossibleValuesParser::new(["a256gcm", "chacha20poly1305"]).try_map(|name| name.parse::<Suite>())
}

fn kek(text: &str) -> Result<(String, PathBuf), String> {
    let (id, file) = text.split_once('=').ok_or("write it as ID=FILE")?;
    match (id, file) {
        ("", _) => Err("the ID is empty".to_owned()),
        (_, "") => Err("the file name is empty".to_owned()),
        (id, file) => Ok((id.to_owned(), file.into())),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.starts_with("coseal.") {
        return Err("names that begin with coseal. are for carriers".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}
