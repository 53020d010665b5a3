//! The AEADs of AWS-LC: the same bytes, faster from a few KiB on. It decrypts
//! before it knows whether the tag fits; what it wrote is wiped then.

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey,
};
use zeroize::Zeroize;

use super::{Input, TAG};
use crate::suite::Suite;

const _: () = assert!(TAG == MAX_TAG_LEN);

/// AWS-LC wipes its copy of the key when it frees it.
fn load(suite: Suite, key: &[u8; 32]) -> Option<LessSafeKey> {
    let algorithm = match suite {
        Suite::A256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

impl Input<'_> {
    fn nonce(&self) -> Nonce {
        Nonce::assume_unique_for_key(*self.nonce)
    }

    fn aad(&self) -> Aad<&[u8]> {
        Aad::from(self.aad)
    }
}

/// Encrypts `payload` into `body`, of the same length.
pub(super) fn seal(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    payload: &[u8],
    body: &mut [u8],
) -> Option<[u8; TAG]> {
    let mut tag = [0; TAG];
    load(suite, key)?
        .seal_out_of_place_scatter(input.nonce(), input.aad(), payload, body, &[], &mut tag)
        .ok()?;
    Some(tag)
}

/// Decrypts `body` into `payload`, of the same length.
pub(super) fn open(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    body: &[u8],
    tag: &[u8; TAG],
    payload: &mut [u8],
) -> Option<()> {
    let opened =
        load(suite, key)?.open_separate_gather(input.nonce(), input.aad(), body, tag, payload);
    if opened.is_err() {
        payload.zeroize();
    }
    opened.ok()
}

/// The same in place.
pub(super) fn open_in_place(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    tag: &[u8; TAG],
    body: &mut [u8],
) -> Option<()> {
    let opened = load(suite, key)?
        .open_in_place_separate_tag(input.nonce(), input.aad(), tag, body)
        .map(drop);
    if opened.is_err() {
        body.zeroize();
    }
    opened.ok()
}
