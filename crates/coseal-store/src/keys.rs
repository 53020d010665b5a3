//! Key files: PKCS#8 and SPKI PEM, as openssl writes and reads them, and key-
//! encryption keys as 64 hexadecimal digits.
//!
//! A file that holds anything but a public key is taken for a secret: it is
//! refused where group or others can reach it, before it is looked into.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use coseal::{
    Error, Kek, Malformed, PrivateKey, PublicKey, ReceivingKey, SigningKey, VerifyingKey,
};
use zeroize::Zeroizing;

use crate::aside;
use crate::read;
use crate::{Aside, Existing, Mode, Result, StoreError};

#[cfg(test)]
mod tests;

/// Largest key file, in bytes: five hundred times what one key needs.
const LIMIT: usize = 64 << 10;

/// Reads an Ed25519 private key.
///
/// # Errors
///
/// `malformed/key` where it is any other key or none; [`StoreError::Permissions`]; [`StoreError::Io`].
pub fn read_signing_key(path: &Path) -> Result<SigningKey> {
    private(path, "a signing key", SigningKey::from_pem)
}

/// Reads an X25519 private key.
///
/// # Errors
///
/// As [`read_signing_key`].
pub fn read_receiving_key(path: &Path) -> Result<ReceivingKey> {
    private(path, "a receiving key", ReceivingKey::from_pem)
}

/// Reads a private key of either use.
///
/// # Errors
///
/// As [`read_signing_key`].
pub fn read_private_key(path: &Path) -> Result<PrivateKey> {
    private(path, "a private key", PrivateKey::from_pem)
}

/// Reads a key-encryption key.
///
/// # Errors
///
/// As [`read_signing_key`].
pub fn read_kek(path: &Path) -> Result<Kek> {
    let text = text(path)?;
    let parsed = match Kind::of(&text) {
        Kind::Public => Err(wrong_kind("this is a public key; a KEK is 64 hexadecimal digits")),
        Kind::Private => {
            Err(wrong_kind("this is a PEM private key; a KEK is 64 hexadecimal digits"))
        }
        Kind::Kek | Kind::Unknown => Kek::from_hex(&text),
    };
    parsed.map_err(StoreError::core(path))
}

/// Reads a public key: of a public file, or the one that belongs to a private file.
///
/// # Errors
///
/// As [`read_signing_key`]; `malformed/weak_key`.
pub fn read_public_key(path: &Path) -> Result<PublicKey> {
    let text = text(path)?;
    let parsed = match Kind::of(&text) {
        Kind::Private => PrivateKey::from_pem(&text).map(|key| key.public_key()),
        Kind::Kek => Err(wrong_kind("this is a KEK: it has no public key and no key ID")),
        Kind::Public | Kind::Unknown => PublicKey::from_pem(&text),
    };
    parsed.map_err(StoreError::core(path))
}

/// Reads an Ed25519 public key, of a public or private file.
///
/// # Errors
///
/// As [`read_public_key`].
pub fn read_verifying_key(path: &Path) -> Result<VerifyingKey> {
    match read_public_key(path)? {
        PublicKey::Verifying(key) => Ok(key),
        PublicKey::Recipient(_) => Err(StoreError::core(path)(wrong_kind(
            "this is an X25519 key; a root or signing key is Ed25519",
        ))),
    }
}

/// Writes a private key, readable by its owner alone from the first byte.
///
/// # Errors
///
/// [`StoreError::Exists`], [`StoreError::Io`].
pub fn write_private_key(path: &Path, key: &PrivateKey, existing: Existing) -> Result<()> {
    aside::write(path, key.to_pem().as_bytes(), existing, Mode::Private)
}

/// Writes a private key and its public key: both whole beside their places
/// first, so that what fails, fails before anything is replaced.
///
/// # Errors
/// As [`write_private_key`].
pub fn write_pair(
    private_path: &Path,
    public_path: &Path,
    key: &PrivateKey,
    existing: Existing,
) -> Result<()> {
    let mut private = Aside::create(private_path, existing, Mode::Private)?;
    let mut public = Aside::create(public_path, existing, Mode::Shared)?;
    private.write_all(key.to_pem().as_bytes()).map_err(StoreError::io("write", private_path))?;
    let pem = key.public_key().to_pem();
    public.write_all(pem.as_bytes()).map_err(StoreError::io("write", public_path))?;
    private.commit()?;
    public.commit()
}

/// Writes a public key.
///
/// # Errors
///
/// As [`write_private_key`].
pub fn write_public_key(path: &Path, key: &PublicKey, existing: Existing) -> Result<()> {
    aside::write(path, key.to_pem().as_bytes(), existing, Mode::Shared)
}

/// Writes a key-encryption key, readable by its owner alone from the first byte.
///
/// # Errors
///
/// As [`write_private_key`].
pub fn write_kek(path: &Path, key: &Kek, existing: Existing) -> Result<()> {
    let digits = key.to_hex();
    let mut line = Zeroizing::new(Vec::with_capacity(digits.len() + 1));
    line.extend_from_slice(digits.as_bytes());
    line.push(b'\n');
    aside::write(path, &line, existing, Mode::Private)
}

/// What a key file looks like from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Private,
    Kek,
    /// Whatever parsing it will say.
    Unknown,
}

impl Kind {
    fn of(text: &str) -> Self {
        let trimmed = text.trim();
        if trimmed.contains("PRIVATE KEY-----") {
            Self::Private
        } else if trimmed.contains("-----BEGIN PUBLIC KEY-----") {
            Self::Public
        } else if trimmed.len() == 64 && trimmed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Self::Kek
        } else {
            Self::Unknown
        }
    }
}

fn private<T>(
    path: &Path,
    wanted: &str,
    parse: impl FnOnce(&str) -> coseal::Result<T>,
) -> Result<T> {
    let text = text(path)?;
    let parsed = match Kind::of(&text) {
        Kind::Public => Err(wrong_kind(format!("this is a public key; {wanted} is needed"))),
        Kind::Kek => Err(wrong_kind(format!("this is a KEK; {wanted} is needed"))),
        Kind::Private | Kind::Unknown => parse(&text),
    };
    parsed.map_err(StoreError::core(path))
}

fn text(path: &Path) -> Result<Zeroizing<String>> {
    let file = read::open(path)?;
    let bytes = read::bounded(&file, path, LIMIT)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        StoreError::core(path)(wrong_kind(
            "this is no key file: neither PEM nor hexadecimal digits",
        ))
    })?;
    if Kind::of(text) != Kind::Public {
        check_permissions(&file, path)?;
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// Looks at the file that is open, not at whatever has its name by now.
#[cfg(unix)]
fn check_permissions(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = file.metadata().map_err(StoreError::io("read", path))?.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(StoreError::Permissions { path: path.to_owned(), mode })
    }
}

#[cfg(not(unix))]
fn check_permissions(_: &File, _: &Path) -> Result<()> {
    Ok(())
}

fn wrong_kind(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::Malformed(Malformed::Key, detail.into())
}
