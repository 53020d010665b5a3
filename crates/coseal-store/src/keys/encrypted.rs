//! Encrypted PKCS#8 (RFC 5958 §3): a passphrase and DER in, PEM out, and back.
//!
//! PBES2 (RFC 8018 §6.2), as openssl reads and writes it. Written: scrypt (RFC
//! 7914) and AES-256-CBC. Read: scrypt or PBKDF2 with SHA-2, and AES-CBC. The
//! file says how much work deriving its key is, and whoever wrote it is not
//! trusted: more than the limits here is refused before it is begun.
//!
//! Nothing authenticates such a file. A wrong passphrase and a damaged file
//! look alike, and what came out is believed only because it is a key.

use coseal::Error;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Prf, Salt, ScryptParams};
use pkcs8::pkcs5::{self, EncryptionScheme as Scheme};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, der::asn1::OctetStringRef};
use zeroize::Zeroizing;

use super::{Passphrase, wrong_kind};

/// The label of the PEM.
pub(super) const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// scrypt as it is written: 16 MiB, five times over. OWASP's password storage
/// cheat sheet counts it as hard as its first choice, 128 MiB once; openssl
/// derives no key that takes 32 MiB or more.
const N: u64 = 1 << 14;
const R: u16 = 8;
const P: u16 = 5;

/// Memory that a file may ask for, in bytes: twice what the strictest advice in
/// use asks for (N = 2^17, r = 8).
const MEMORY: u64 = 256 << 20;

/// Blocks that scrypt may mix, N·r·p: four times that advice, some two seconds.
const BLOCKS: u64 = 1 << 22;

/// What scrypt begins and ends with, r·p, and hashes by PBKDF2: 8 MiB, where all
/// advice in use asks for less than 16 KiB.
const WIDTH: u64 = 1 << 16;

/// Iterations of PBKDF2: seven times what is advised for SHA-256, some two seconds.
const ITERATIONS: u32 = 1 << 22;

/// Why it did not open.
#[derive(Debug)]
pub(super) enum Closed {
    /// The passphrase does not fit, or the file is damaged.
    Passphrase,
    /// No passphrase would open it here.
    File(Error),
}

/// Encrypts a PKCS#8 private key.
pub(super) fn encrypt(
    key: &SecretDocument,
    passphrase: &Passphrase,
) -> coseal::Result<Zeroizing<String>> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        Error::Entropy(format!("the operating system gave no randomness: {error}").into())
    })?;
    let (salt, iv) = random.split_at(16);
    let internal = |_| Error::Misuse("internal: the key cannot be encrypted".into());
    let encrypt = || -> pkcs8::Result<_> {
        let scrypt = ScryptParams {
            salt: Salt::new(salt)?,
            cost_parameter: N,
            block_size: R,
            parallelization: P,
            key_length: None,
        };
        let iv = iv.try_into().map_err(|_| pkcs5::Error::EncryptFailed)?;
        let parameters =
            Parameters { kdf: scrypt.into(), encryption: EncryptionScheme::Aes256Cbc { iv } };
        let encrypted = parameters.encrypt(passphrase.expose(), key.as_bytes())?;
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: OctetStringRef::new(&encrypted)?,
        };
        Ok(SecretDocument::encode_msg(&info)?.to_pem(LABEL, LineEnding::LF)?)
    };
    encrypt().map_err(internal)
}

/// Decrypts one.
pub(super) fn decrypt(pem: &str, passphrase: &Passphrase) -> Result<SecretDocument, Closed> {
    let damaged = |_| Closed::File(wrong_kind("the encrypted private key is damaged"));
    let (label, document) = SecretDocument::from_pem(pem).map_err(damaged)?;
    if label != LABEL {
        return Err(Closed::File(wrong_kind(format!(
            "this is PEM of {label:?}; an encrypted private key is needed"
        ))));
    }
    let info =
        EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| unknown_way())?;
    let Scheme::Pbes2(parameters) = &info.encryption_algorithm else { return Err(unknown_way()) };
    check_cost(&parameters.kdf).map_err(Closed::File)?;
    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let key = parameters.decrypt_in_place(passphrase.expose(), &mut buffer).map_err(|error| {
        if error == pkcs5::Error::DecryptFailed { Closed::Passphrase } else { unknown_way() }
    })?;
    SecretDocument::try_from(key).map_err(|_| Closed::Passphrase)
}

/// Refuses what would take too much memory or time. A file that somebody else
/// wrote could ask for any of both.
fn check_cost(kdf: &Kdf) -> coseal::Result<()> {
    match kdf {
        Kdf::Scrypt(scrypt) => {
            let (n, r, p) = (
                scrypt.cost_parameter,
                u64::from(scrypt.block_size),
                u64::from(scrypt.parallelization),
            );
            // The library takes these for granted.
            if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
                return Err(wrong_kind("the parameters of scrypt are not as RFC 7914 says"));
            }
            let blocks = n.checked_mul(r).filter(|blocks| *blocks <= MEMORY / 128);
            let all = blocks.and_then(|blocks| blocks.checked_mul(p));
            if r * p > WIDTH || all.is_none_or(|all| all > BLOCKS) {
                return Err(wrong_kind(format!(
                    "scrypt with N = {n}, r = {r}, p = {p} would take more than {} MiB or two seconds",
                    MEMORY >> 20
                )));
            }
        }
        Kdf::Pbkdf2(pbkdf2) => {
            if pbkdf2.iteration_count > ITERATIONS {
                return Err(wrong_kind(format!(
                    "PBKDF2 with {} iterations would take more than two seconds",
                    pbkdf2.iteration_count
                )));
            }
            if pbkdf2.prf == Pbkdf2Prf::HmacWithSha1 {
                return Err(wrong_kind("the private key is encrypted with PBKDF2 and SHA-1"));
            }
        }
        _ => return Err(wrong_kind("the private key is encrypted in an unknown way")),
    }
    Ok(())
}

fn unknown_way() -> Closed {
    Closed::File(wrong_kind(
        "the private key is encrypted in an unknown way: scrypt or PBKDF2 with AES in CBC mode is read",
    ))
}

#[cfg(test)]
mod tests;
