//! The names of private keys → keys, with the passphrases they take.
//!
//! What was given is tried for each encrypted key. Where nothing was given, the
//! terminal is asked; what was typed is tried for the next key too.

use std::path::Path;

use coseal::{Kek, PublicKey, ReceivingKey, SigningKey};
use coseal_store::StoreError;
use coseal_store::keys::{Passphrase, StoredKey};

use crate::args::passphrase::{NewPassphrase, Passphrases};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::source::Source;
use crate::text::Plain;

/// Read where no option names a passphrase.
const VARIABLE: &str = "COSEAL_PASSPHRASE";

const OPTIONS: &str = "--passphrase-file FILE, --passphrase-fd N, --passphrase-env NAME or COSEAL_PASSPHRASE gives it";
const NEW_OPTIONS: &str =
    "--new-passphrase-file FILE, --new-passphrase-fd N or --new-passphrase-env NAME gives it";

/// How often the terminal is asked for one passphrase.
const TRIES: u32 = 3;

/// The passphrases of one command.
#[derive(Debug)]
pub(crate) struct Secrets {
    known: Vec<Passphrase>,
    /// Nothing else than `known` is tried.
    given: bool,
}

impl Secrets {
    /// Reads what the caller gave: all of it now, so that no passphrase is left
    /// on standard input and taken for a message.
    pub(crate) fn of(args: &Passphrases) -> Result<Self> {
        let mut sources = sources(args);
        if sources.is_empty() && std::env::var_os(VARIABLE).is_some() {
            sources.push(Source::Env(VARIABLE.to_owned()));
        }
        let known = sources.iter().map(Source::passphrase).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { given: !known.is_empty(), known })
    }

    /// An Ed25519 private key.
    pub(crate) fn signing_key(&mut self, name: &Path) -> Result<SigningKey> {
        Ok(self.unlocked(name)?.signing_key()?)
    }

    /// An X25519 private key.
    pub(crate) fn receiving_key(&mut self, name: &Path) -> Result<ReceivingKey> {
        Ok(self.unlocked(name)?.receiving_key()?)
    }

    /// A key-encryption key.
    pub(crate) fn kek(&mut self, name: &Path) -> Result<Kek> {
        Ok(self.unlocked(name)?.kek()?)
    }

    /// A public key, or the one that belongs to a private one.
    pub(crate) fn public_key(&mut self, name: &Path) -> Result<PublicKey> {
        Ok(self.unlocked(name)?.public_key()?)
    }

    fn unlocked(&mut self, name: &Path) -> Result<StoredKey> {
        self.unlock(Source::named(name)?.key()?)
    }

    /// The same key, not encrypted.
    pub(crate) fn unlock(&mut self, key: StoredKey) -> Result<StoredKey> {
        if !key.is_encrypted() {
            return Ok(key);
        }
        for passphrase in &self.known {
            match key.decrypt(passphrase) {
                Err(StoreError::Passphrase { .. }) => {}
                other => return Ok(other?),
            }
        }
        let wrong = || StoreError::Passphrase { path: key.name().to_owned() };
        if self.given {
            return Err(wrong().into());
        }
        for _ in 0..TRIES {
            let shown = key.name().display().to_string();
            let passphrase = ask(&format!("Passphrase of {}: ", Plain(&shown)), || {
                let what = "is encrypted, and there is no terminal to ask for its passphrase";
                Failure::misuse(format!("{shown} {what}")).hint(OPTIONS)
            })?;
            match key.decrypt(&passphrase) {
                Err(StoreError::Passphrase { .. }) => crate::report::warning("it does not fit"),
                other => {
                    self.known.push(passphrase);
                    return Ok(other?);
                }
            }
        }
        Err(wrong().into())
    }
}

/// The passphrase that a new key is encrypted under.
pub(crate) fn for_new_key(args: &Passphrases, name: &Path) -> Result<Passphrase> {
    let mut sources = sources(args);
    if sources.len() > 1 {
        return Err(Failure::misuse("a new key is encrypted under one passphrase").into());
    }
    if sources.is_empty() && std::env::var_os(VARIABLE).is_some() {
        sources.push(Source::Env(VARIABLE.to_owned()));
    }
    new_passphrase(sources.pop(), name, OPTIONS)
}

/// The passphrase that a key is given instead of the one it has; none where it
/// shall have none.
pub(crate) fn instead(args: &NewPassphrase, name: &Path) -> Result<Option<Passphrase>> {
    if args.remove {
        return Ok(None);
    }
    let file = args.new_passphrase_file.clone().map(Source::File);
    let fd = args.new_passphrase_fd.map(Source::Fd);
    let env = args.new_passphrase_env.clone().map(Source::Env);
    new_passphrase(file.or(fd).or(env), name, NEW_OPTIONS).map(Some)
}

/// Whether the caller named any.
pub(crate) fn is_given(args: &Passphrases) -> bool {
    !sources(args).is_empty()
}

fn sources(args: &Passphrases) -> Vec<Source> {
    let files = args.passphrase_file.iter().cloned().map(Source::File);
    let fds = args.passphrase_fd.iter().copied().map(Source::Fd);
    let variables = args.passphrase_env.iter().cloned().map(Source::Env);
    files.chain(fds).chain(variables).collect()
}

fn new_passphrase(source: Option<Source>, name: &Path, options: &str) -> Result<Passphrase> {
    let empty = || Failure::misuse("the new passphrase is empty");
    if let Some(source) = source {
        let passphrase = source.passphrase()?;
        return if passphrase.is_empty() {
            Err(empty().hint(format!("{source} has none")).into())
        } else {
            Ok(passphrase)
        };
    }
    let shown = name.display().to_string();
    let no_terminal = || {
        let what = "there is no terminal to ask for the new passphrase of";
        Failure::misuse(format!("{what} {shown}")).hint(options)
    };
    for _ in 0..TRIES {
        let first = ask(&format!("New passphrase of {}: ", Plain(&shown)), no_terminal)?;
        if first.is_empty() {
            return Err(empty().into());
        }
        if ask("The same again: ", no_terminal)? == first {
            return Ok(first);
        }
        crate::report::warning("the two differ");
    }
    Err(Failure::misuse("no passphrase was typed twice alike").into())
}

/// Asks on the terminal, which need not be standard input.
fn ask(prompt: &str, no_terminal: impl Fn() -> Failure) -> Result<Passphrase> {
    interrupt::listen();
    interrupt::keeps_terminal();
    match rpassword::prompt_password(prompt) {
        Ok(typed) => Ok(Passphrase::new(typed.into_bytes())),
        // Ctrl-C: whoever listens ends this process.
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => loop {
            std::thread::park();
        },
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(Failure::misuse("no passphrase was typed").into())
        }
        Err(_) => Err(no_terminal().into()),
    }
}
