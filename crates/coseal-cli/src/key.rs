//! `coseal key`: makes key files and says what they are.

use std::io::Write;
use std::path::{Path, PathBuf};

use coseal::{Kek, PrivateKey, ReceivingKey, SigningKey};
use coseal_store::{Existing, keys};

use crate::args::key::{Command, Kind, New};
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;
use crate::report;

/// Runs `coseal key …`.
pub(crate) fn run(command: Command) -> Result<Exit> {
    match command {
        Command::New(args) => new(&args)?,
        Command::Id { file } => print(&format!("{}\n", keys::read_public_key(&file)?.key_id()))?,
        Command::Public { file } => print(&keys::read_public_key(&file)?.to_pem())?,
    }
    Ok(Exit::Fine)
}

fn new(args: &New) -> Result<()> {
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
            let kek = Kek::generate().map_err(entropy)?;
            if args.out.as_os_str() == "-" {
                return print(&format!("{}\n", *kek.to_hex()));
            }
            keys::write_kek(&args.out, &kek, existing(args))?;
            report::note(&format!("key-encryption key in {}", args.out.display()));
            Ok(())
        }
    }
}

fn new_pair(args: &New, key: &PrivateKey, what: &str) -> Result<()> {
    if args.out.as_os_str() == "-" {
        return print(&key.to_pem());
    }
    let public_path = beside(&args.out);
    // Before the private key is written: a pair that does not belong together is worse than none.
    if !args.force && public_path.symlink_metadata().is_ok() {
        return Err(coseal_store::StoreError::Exists { path: public_path }.into());
    }
    let public = key.public_key();
    keys::write_pair(&args.out, &public_path, key, existing(args))?;
    report::note(&format!(
        "{what} {} in {}, its public key in {}",
        public.key_id(),
        args.out.display(),
        public_path.display()
    ));
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
    out.finish()
}
