//! `coseal key`: makes key files, says what they are, changes their passphrases.

use std::io::Write;
use std::path::{Path, PathBuf};

use coseal::{Kek, PrivateKey, PublicKey, ReceivingKey, SigningKey};
use coseal_store::keys::StoredKey;
use coseal_store::{Existing, keys};

use crate::args::key::{ChangePassphrase, Command, Kind, Named, New};
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::report;
use crate::secrets::{self, Secrets};
use crate::source::Source;

/// Runs `coseal key …`.
pub(crate) fn run(command: Command) -> Result<Exit> {
    match command {
        Command::New(args) => new(&args)?,
        Command::Id(args) => print(&format!("{}\n", public_key(&args)?.key_id()))?,
        Command::Public(args) => print(&public_key(&args)?.to_pem())?,
        Command::ChangePassphrase(args) => change_passphrase(&args)?,
    }
    Ok(Exit::Fine)
}

fn public_key(args: &Named) -> Result<PublicKey> {
    Secrets::of(&args.passphrases)?.public_key(&args.key)
}

fn new(args: &New) -> Result<()> {
    check(args)?;
    let entropy = |error| Failure::core("cannot make a key", &error);
    match args.kind {
        Kind::Signing => new_pair(
            args,
            &PrivateKey::Signing(SigningKey::generate().map_err(entropy)?),
            "signing key",
        ),
        Kind::Receiving => new_pair(
            args,
            &PrivateKey::Receiving(ReceivingKey::generate().map_err(entropy)?),
            "receiving key",
        ),
        Kind::Kek => {
            let kek = StoredKey::of_kek(&args.out, &Kek::generate().map_err(entropy)?);
            if is_standard(args) {
                return print(protected(args, kek)?.expose());
            }
            refuse_taken(args, &args.out)?;
            protected(args, kek)?.write(&args.out, existing(args))?;
            report::note(&format!("key-encryption key in {}", args.out.display()));
            Ok(())
        }
    }
}

/// What the caller cannot have meant.
fn check(args: &New) -> Result<()> {
    if !args.encrypt && secrets::is_given(&args.passphrases) {
        let failure = Failure::misuse("a passphrase is given, and the key would not be encrypted");
        return Err(failure.hint("--encrypt encrypts it").into());
    }
    if !matches!(Source::named(&args.out), Ok(Source::File(_))) {
        let failure = Failure::misuse(format!("{} would be taken for no file", args.out.display()));
        return Err(failure.hint(format!("./{} is a file", args.out.display())).into());
    }
    Ok(())
}

fn new_pair(args: &New, key: &PrivateKey, what: &str) -> Result<()> {
    let stored = StoredKey::of(&args.out, key);
    if is_standard(args) {
        return print(protected(args, stored)?.expose());
    }
    let public_path = beside(&args.out);
    // Before the private key is written: a pair that does not belong together is worse than none.
    refuse_taken(args, &args.out)?;
    refuse_taken(args, &public_path)?;
    let public = key.public_key();
    let stored = protected(args, stored)?;
    keys::write_pair((&args.out, &stored), (&public_path, &public), existing(args))?;
    report::note(&format!(
        "{what} {} in {}, its public key in {}",
        public.key_id(),
        args.out.display(),
        public_path.display()
    ));
    Ok(())
}

/// Encrypted, where the caller wants it.
fn protected(args: &New, key: StoredKey) -> Result<StoredKey> {
    if !args.encrypt {
        return Ok(key);
    }
    let passphrase = secrets::for_new_key(&args.passphrases, &args.out)?;
    Ok(key.encrypt(&passphrase)?)
}

fn change_passphrase(args: &ChangePassphrase) -> Result<()> {
    let path = &args.file;
    let mut secrets = Secrets::of(&args.passphrases)?;
    let mut encrypted = true;
    keys::edit(path, |stored| -> Result<StoredKey> {
        if args.new.remove && !stored.is_encrypted() {
            return Err(Failure::misuse(format!("{} is not encrypted", path.display())).into());
        }
        let key = secrets.unlock(stored)?;
        match secrets::instead(&args.new, path)? {
            Some(passphrase) => Ok(key.encrypt(&passphrase)?),
            None => {
                encrypted = false;
                Ok(key)
            }
        }
    })?;
    report::note(&if encrypted {
        format!("{} is encrypted under its new passphrase", path.display())
    } else {
        format!("{} is not encrypted any more", path.display())
    });
    Ok(())
}

fn is_standard(args: &New) -> bool {
    args.out.as_os_str() == "-"
}

/// Before a passphrase is asked for.
fn refuse_taken(args: &New, path: &Path) -> Result<()> {
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(coseal_store::StoreError::Exists { path: path.to_owned() }.into());
    }
    Ok(())
}

const fn existing(args: &New) -> Existing {
    if args.force { Existing::Replace } else { Existing::Refuse }
}

/// `OUT.pub`
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn print(text: &str) -> Result<()> {
    let mut out = Output::standard()?;
    out.write_all(text.as_bytes()).map_err(out.failure())?;
    out.finish().map(drop)
}
