//! The AEADs of the `aes-gcm` and `chacha20poly1305` crates.

use aead::inout::InOutBuf;
use aead::{AeadInOut, KeyInit};
use aes_gcm::Aes256Gcm;
use chacha20poly1305::ChaCha20Poly1305;

use super::{Input, TAG};
use crate::suite::Suite;

/// Encrypts `payload` into `body`, of the same length.
pub(super) fn seal(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    payload: &[u8],
    body: &mut [u8],
) -> Option<[u8; TAG]> {
    let (buffer, nonce) = (InOutBuf::new(payload, body).ok()?, input.nonce.into());
    let made = match suite {
        Suite::A256Gcm => {
            Aes256Gcm::new(key.into()).encrypt_inout_detached(nonce, input.aad, buffer)
        }
        Suite::ChaCha20Poly1305 => {
            ChaCha20Poly1305::new(key.into()).encrypt_inout_detached(nonce, input.aad, buffer)
        }
    };
    made.ok().map(<[u8; TAG]>::from)
}

/// Decrypts `body` into `payload`, of the same length, once the tag fits.
pub(super) fn open(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    body: &[u8],
    tag: &[u8; TAG],
    payload: &mut [u8],
) -> Option<()> {
    decrypt(suite, key, input, InOutBuf::new(body, payload).ok()?, tag)
}

/// The same in place.
pub(super) fn open_in_place(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    tag: &[u8; TAG],
    body: &mut [u8],
) -> Option<()> {
    decrypt(suite, key, input, InOutBuf::from(body), tag)
}

fn decrypt(
    suite: Suite,
    key: &[u8; 32],
    input: &Input<'_>,
    buffer: InOutBuf<'_, '_, u8>,
    tag: &[u8; TAG],
) -> Option<()> {
    let (nonce, tag) = (input.nonce.into(), tag.into());
    match suite {
        Suite::A256Gcm => {
            Aes256Gcm::new(key.into()).decrypt_inout_detached(nonce, input.aad, buffer, tag)
        }
        Suite::ChaCha20Poly1305 => {
            ChaCha20Poly1305::new(key.into()).decrypt_inout_detached(nonce, input.aad, buffer, tag)
        }
    }
    .ok()
}
