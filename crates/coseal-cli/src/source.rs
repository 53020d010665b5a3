//! The name of a private key or passphrase → where it comes from.
//!
//! A key may be named `env:NAME` or `fd:N` instead of a file; a file of such a
//! name is reached as `./env:NAME`. What stands in a variable is PEM, the digits
//! of a KEK, or the base64 of either: line feeds rarely survive in variables.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coseal_store::keys::{Passphrase, StoredKey};
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};
use crate::input::standard_input;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Env(String),
    Fd(u32),
}

impl Source {
    /// What the caller named.
    pub(crate) fn named(name: &Path) -> Result<Self, Failure> {
        let text = name.to_str().unwrap_or_default();
        if let Some(variable) = text.strip_prefix("env:") {
            if variable.is_empty() {
                return Err(Failure::misuse("env: names no variable").hint("write it as env:NAME"));
            }
            return Ok(Self::Env(variable.to_owned()));
        }
        if let Some(number) = text.strip_prefix("fd:") {
            let number = number.parse().map_err(|_| {
                Failure::misuse(format!("{text} names no file descriptor"))
                    .hint("write it as fd:3; a file of that name is ./fd:3")
            })?;
            return Ok(Self::Fd(number));
        }
        Ok(Self::File(name.to_owned()))
    }

    /// The key that stands there.
    pub(crate) fn key(&self) -> Result<StoredKey, Failure> {
        let name = PathBuf::from(self.to_string());
        match self {
            Self::File(path) => Ok(StoredKey::read(path)?),
            Self::Fd(number) => Ok(StoredKey::read_from(&self.open(*number)?, &name)?),
            Self::Env(variable) => {
                let value = value(variable)?;
                let text = std::str::from_utf8(&value).unwrap_or_default();
                match from_base64(text) {
                    Some(text) => Ok(StoredKey::from_text(&name, &text)),
                    None => Ok(StoredKey::from_text(&name, text)),
                }
            }
        }
    }

    /// The passphrase that stands there.
    pub(crate) fn passphrase(&self) -> Result<Passphrase, Failure> {
        let name = PathBuf::from(self.to_string());
        match self {
            Self::File(path) => Ok(Passphrase::read(path)?),
            Self::Fd(number) => Ok(Passphrase::read_from(&self.open(*number)?, &name)?),
            Self::Env(variable) => {
                value(variable).map(|mut bytes| Passphrase::new(std::mem::take(&mut bytes)))
            }
        }
    }

    fn open(&self, number: u32) -> Result<File, Failure> {
        let opened = match number {
            // Shared, so that what follows a passphrase is left for the message.
            0 => standard_input(),
            _ => opened_once(number),
        };
        opened.map_err(|error| Failure::io(format!("open {self}"), &error))
    }
}

/// Opens it anew once, and goes on from there when it is named again: of two
/// passphrases on one descriptor the second is the second line, of a file too.
fn opened_once(number: u32) -> io::Result<File> {
    static OPENED: Mutex<BTreeMap<u32, File>> = Mutex::new(BTreeMap::new());

    if cfg!(not(unix)) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    match opened.entry(number) {
        Entry::Occupied(entry) => entry.get().try_clone(),
        Entry::Vacant(entry) => entry.insert(File::open(format!("/dev/fd/{number}"))?).try_clone(),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Env(variable) => write!(f, "env:{variable}"),
            Self::Fd(number) => write!(f, "fd:{number}"),
        }
    }
}

/// Refuses a key that would be read from the standard input that the message
/// is read from: it takes all there is.
pub(crate) fn refuse_shared_input<'p>(
    input: &Path,
    keys: impl IntoIterator<Item = &'p Path>,
) -> Result<(), Failure> {
    let shared = input.as_os_str() == "-" && keys.into_iter().any(|key| key.as_os_str() == "fd:0");
    if shared {
        return Err(Failure::misuse("fd:0 is the input, which is read from there too")
            .hint("name an input file, or hand the key over on another descriptor"));
    }
    Ok(())
}

/// The bytes of a variable.
fn value(variable: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // A name with these cannot be asked for without a panic.
    let value = if variable.contains(['=', '\0']) { None } else { std::env::var_os(variable) };
    let value =
        value.ok_or_else(|| Failure::misuse(format!("the environment has no {variable}")))?;
    Ok(Zeroizing::new(value.into_encoded_bytes()))
}

/// What the text is the base64 of, where it is neither PEM nor the digits of a
/// KEK itself.
fn from_base64(text: &str) -> Option<Zeroizing<String>> {
    let text = text.trim();
    let is_kek = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_kek || text.contains("-----") {
        return None;
    }
    let mut packed = Zeroizing::new(String::with_capacity(text.len()));
    packed.extend(text.chars().filter(|each| !each.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; packed.len()]);
    let length = STANDARD.decode_slice(packed.as_bytes(), &mut bytes).ok()?;
    let decoded = std::str::from_utf8(bytes.get(..length)?).ok()?;
    Some(Zeroizing::new(decoded.to_owned()))
}
