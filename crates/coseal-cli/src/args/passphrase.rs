//! Where passphrases come from, alike for every command that takes a private key.

use std::path::PathBuf;

use clap::Args;

/// Named with each option: a heading of the whole struct would be that of
/// every option after it, too.
const PRESENT: &str = "Passphrases of encrypted keys";
const NEW: &str = "Its new passphrase";

/// The passphrases of encrypted keys.
#[derive(Debug, Args)]
pub(crate) struct Passphrases {
    /// The first line of this file; each option may be repeated, and each passphrase is tried for each key
    #[arg(long, help_heading = PRESENT, value_name = "FILE")]
    pub passphrase_file: Vec<PathBuf>,
    /// The next line of this file descriptor
    #[arg(long, help_heading = PRESENT, value_name = "N")]
    pub passphrase_fd: Vec<u32>,
    /// This environment variable; COSEAL_PASSPHRASE where no option is given, and else the terminal is asked
    #[arg(long, help_heading = PRESENT, value_name = "NAME")]
    pub passphrase_env: Vec<String>,
}

/// The passphrase that a key gets.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct NewPassphrase {
    /// The first line of this file
    #[arg(long, help_heading = NEW, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    /// The next line of this file descriptor
    #[arg(long, help_heading = NEW, value_name = "N")]
    pub new_passphrase_fd: Option<u32>,
    /// This environment variable; the terminal is asked where nothing is said
    #[arg(long, help_heading = NEW, value_name = "NAME")]
    pub new_passphrase_env: Option<String>,
    /// None: store the key unencrypted
    #[arg(long, help_heading = NEW)]
    pub remove: bool,
}
