//! Step 6: a private key and a recipient entry in, the epoch secret out, and
//! back. X25519 through HPKE base mode (RFC 9180 §5.1.1), KEKs through AES-256
//! key wrap (RFC 3394).
//!
//! Recipient entries are unsigned; whoever carries an envelope may have
//! written them. An epoch secret from here is believed only once a message
//! opened under it.

use aead::KeyInit;
use aes_kw::KwAes256;
use alloc::vec::Vec;
use core::convert::Infallible;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::header::EpochId;
use crate::key::{Kek, ReceivingKey, RecipientKey, Thumbprint};
use crate::limits;
use crate::secret::Secret;
use crate::suite::Suite;
use crate::wire::write::Items;
use crate::wire::{X25519_PROTECTED, label};

/// What an X25519 entry is bound to besides its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding {
    pub(crate) suite: Suite,
    pub(crate) epoch: EpochId,
    pub(crate) signer: Thumbprint,
}

impl Binding {
    /// The HPKE `info`, COSE-HPKE's `Recipient_structure`:
    /// `["HPKE Recipient", suite, protected, bstr .cbor ["coseal/v1 epoch", epoch, signer]]`.
    pub(crate) fn info(&self) -> Vec<u8> {
        let mut extra = Vec::with_capacity(64);
        extra.array(3);
        extra.text("coseal/v1 epoch");
        extra.bytes(self.epoch.as_bytes());
        extra.bytes(self.signer.as_bytes());
        let mut info = Vec::with_capacity(96);
        info.array(4);
        info.text("HPKE Recipient");
        info.int(self.suite.algorithm());
        info.bytes(X25519_PROTECTED);
        info.bytes(&extra);
        info
    }
}

/// Appends the entry that gives `secret` to `key`. The ephemeral key pair is
/// derived from `seed` (RFC 9180 §7.1.3), which MUST be fresh.
pub(crate) fn wrap_x25519(
    out: &mut Vec<u8>,
    key: &RecipientKey,
    secret: &Secret<32>,
    binding: &Binding,
    seed: &Secret<32>,
) -> Result<()> {
    let bound = Bound { info: &binding.info(), aad: b"" };
    let (encapsulated, ciphertext) = encrypt_base(key.as_bytes(), &bound, secret.expose(), seed)?;
    out.array(3);
    out.bytes(X25519_PROTECTED);
    out.map(2);
    out.int(label::KEY_ID);
    out.bytes(key.key_id().as_bytes());
    out.int(ENCAPSULATED);
    out.bytes(&encapsulated);
    out.bytes(&ciphertext);
    Ok(())
}

/// What both sides of HPKE have to say alike.
struct Bound<'a> {
    info: &'a [u8],
    aad: &'a [u8],
}

/// HPKE's single encryption in base mode, `SealBase` (RFC 9180 §6.1): answers
/// the encapsulated key and the ciphertext.
fn encrypt_base(
    public: &[u8; 32],
    bound: &Bound<'_>,
    plaintext: &[u8],
    seed: &Secret<32>,
) -> Result<([u8; 32], Vec<u8>)> {
    let mut rng = OneSeed { seed, asked: 0 };
    let unusable = |_| Error::misuse("the recipient's key cannot be encrypted to");
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public).map_err(unusable)?;
    let (encapsulated, mut context) = hpke::setup_sender_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &public, bound.info, &mut rng)
    .map_err(unusable)?;
    if rng.asked != 1 {
        return Err(Error::misuse("internal: HPKE changed how it draws its ephemeral key"));
    }
    let ciphertext = context.seal(plaintext, bound.aad).map_err(unusable)?;
    Ok((encapsulated.to_bytes().into(), ciphertext))
}

/// The opposite, `OpenBase`. The library refuses an all-zero shared secret (RFC
/// 9180 §7.1.4).
fn decrypt_base(
    key: &ReceivingKey,
    encapsulated: &[u8; 32],
    bound: &Bound<'_>,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let undecryptable = |_| Error::Undecryptable;
    let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(key.secret().expose())
        .map_err(undecryptable)?;
    let encapsulated =
        <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).map_err(undecryptable)?;
    let mut context = hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        bound.info,
    )
    .map_err(undecryptable)?;
    context.open(ciphertext, bound.aad).map(Zeroizing::new).map_err(undecryptable)
}

/// Gives HPKE the one seed it asks for. Entropy is drawn beforehand, where its
/// failure can be told; what is asked for otherwise is counted, and nothing
/// made of it leaves.
struct OneSeed<'a> {
    seed: &'a Secret<32>,
    asked: u32,
}

impl TryRng for OneSeed<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.asked = u32::MAX;
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.asked = u32::MAX;
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        if let Ok(out) = <&mut [u8; 32]>::try_from(out) {
            out.copy_from_slice(self.seed.expose());
            self.asked = self.asked.saturating_add(1);
        } else {
            self.asked = u32::MAX;
        }
        Ok(())
    }
}

impl TryCryptoRng for OneSeed<'_> {}

/// COSE's `ek`: the encapsulated key.
const ENCAPSULATED: i64 = -4;

/// Appends the entry that gives `secret` to whoever holds `kek`.
pub(crate) fn wrap_kek(
    out: &mut Vec<u8>,
    key_id: &[u8],
    kek: &Kek,
    secret: &Secret<32>,
) -> Result<()> {
    check_kek_id(key_id)?;
    let mut wrapped = [0; 40];
    KwAes256::new(kek.secret().expose().into())
        .wrap_key(secret.expose(), &mut wrapped)
        .map_err(|_| Error::misuse("the KEK cannot wrap"))?;
    out.array(3);
    out.bytes(b"");
    out.map(2);
    out.int(label::ALGORITHM);
    out.int(label::A256KW);
    out.int(label::KEY_ID);
    out.bytes(key_id);
    out.bytes(&wrapped);
    Ok(())
}

pub(crate) fn check_kek_id(key_id: &[u8]) -> Result<()> {
    if (1..=limits::KEK_ID).contains(&key_id.len()) {
        Ok(())
    } else {
        Err(Error::misuse("the ID of a KEK is 1..64 bytes long"))
    }
}

/// Opens an X25519 entry.
pub(crate) fn unwrap_x25519(
    key: &ReceivingKey,
    encapsulated: &[u8; 32],
    ciphertext: &[u8; 48],
    binding: &Binding,
) -> Result<Secret<32>> {
    let bound = Bound { info: &binding.info(), aad: b"" };
    let secret = decrypt_base(key, encapsulated, &bound, ciphertext)?;
    Secret::try_fill(|bytes| {
        let secret: &[u8; 32] = secret.as_slice().try_into().map_err(|_| Error::Undecryptable)?;
        bytes.copy_from_slice(secret);
        Ok(())
    })
}

/// Opens a KEK entry.
pub(crate) fn unwrap_kek(kek: &Kek, ciphertext: &[u8; 40]) -> Result<Secret<32>> {
    Secret::try_fill(|bytes| {
        KwAes256::new(kek.secret().expose().into())
            .unwrap_key(ciphertext, bytes)
            .map(drop)
            .map_err(|_| Error::Undecryptable)
    })
}

#[cfg(test)]
mod known;
