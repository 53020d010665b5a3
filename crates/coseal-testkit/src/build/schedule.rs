//! Epoch secret and iv in; message key, commitment and ciphertext out.

use aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::Aes256Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use hkdf::Hkdf;
use sha2::Sha256;

use super::cbor::{self, Item};
use crate::case::Suite;

impl Suite {
    /// Its number in header 1.
    pub(crate) fn alg(self) -> i64 {
        match self {
            Self::A256Gcm => -65541,
            Self::ChaCha20Poly1305 => -65542,
        }
    }
}

/// The values of one message.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) prk: [u8; 32],
    pub(crate) key: [u8; 32],
    pub(crate) commitment: [u8; 32],
}

impl Schedule {
    /// `alg` is the encoded value of header 1.
    pub(crate) fn derive(epoch_secret: &[u8; 32], iv: &[u8], alg: &[u8]) -> Self {
        let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(iv), epoch_secret);
        let expand = |label: &[u8]| {
            let mut okm = [0; 32];
            hkdf.expand(&[label, alg].concat(), &mut okm).expect("32 bytes are not too many");
            okm
        };
        Self {
            prk: prk.into(),
            key: expand(b"coseal/v1 key"),
            commitment: expand(b"coseal/v1 commit"),
        }
    }

    /// `commitment || AEAD ciphertext || tag`.
    pub(crate) fn encrypt(&self, suite: Suite, protected: &[u8], payload: &[u8]) -> Vec<u8> {
        let aad = enc_structure(protected);
        let text = Payload { msg: payload, aad: &aad };
        let nonce = [0; 12].into();
        let sealed = match suite {
            Suite::A256Gcm => Aes256Gcm::new(&self.key.into()).encrypt(&nonce, text),
            Suite::ChaCha20Poly1305 => {
                ChaCha20Poly1305::new(&self.key.into()).encrypt(&nonce, text)
            }
        };
        [self.commitment.as_slice(), &sealed.expect("a short payload")].concat()
    }
}

/// CBOR `["Encrypt", protected, h'']`, RFC 9052 §5.3.
pub(crate) fn enc_structure(protected: &[u8]) -> Item {
    cbor::array([cbor::text("Encrypt"), cbor::bytes(protected), cbor::bytes([])])
}
