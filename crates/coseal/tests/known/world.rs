//! Who seals and who reads where envelopes are mixed: signers of every
//! standing, epochs of every kind, readers by X25519 and by KEK.
#![allow(dead_code, reason = "each test file uses its part")]

use crate::common::{self, CHANNEL, kinds, place, receiving, record, sign, signing};
use crate::parts::Parts;
use coseal::hazmat::{RawEpoch, RawPlace};
use coseal::{
    EpochId, Kek, Message, Opener, Previous, Secret, SigningKey, Suite, Time, TrustBundle, Verifier,
};
use std::sync::Arc;

/// A second signer, known and allowed wherever the first one is.
pub(crate) fn rival() -> SigningKey {
    SigningKey::from_bytes(&[0x22; 32])
}

/// Known, and allowed for another channel only.
pub(crate) fn confined() -> SigningKey {
    SigningKey::from_bytes(&[0x23; 32])
}

/// In no bundle.
pub(crate) fn stranger() -> SigningKey {
    SigningKey::from_bytes(&[0x24; 32])
}

/// A witness: known, allowed everywhere, seals nothing.
pub(crate) fn notary() -> SigningKey {
    SigningKey::from_bytes(&[0x25; 32])
}

pub(crate) fn trust() -> Arc<TrustBundle> {
    let mut edit = TrustBundle::make("example.test");
    let key = |key: SigningKey| key.verifying_key().clone();
    edit.add(record(key(signing()), common::SUBJECT, &[">"])).unwrap();
    edit.add(record(key(rival()), "spiffe://example.test/rival", &[">"])).unwrap();
    edit.add(record(key(confined()), "spiffe://example.test/confined", &["stock"])).unwrap();
    edit.add(record(key(notary()), "spiffe://example.test/notary", &[">"])).unwrap();
    sign(edit)
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(trust())
}

pub(crate) fn kek() -> Kek {
    Kek::from_bytes(&[9; 32])
}

/// One reader by X25519, one by KEK.
pub(crate) fn openers() -> [Opener; 2] {
    let builder = || Opener::builder(trust()).any_channel().archive();
    [builder().key(receiving()).build().unwrap(), builder().kek(b"kek-1", kek()).build().unwrap()]
}

pub(crate) struct Origin {
    pub(crate) signer: fn() -> SigningKey,
    pub(crate) channel: &'static str,
    pub(crate) suite: Suite,
    pub(crate) epoch: u8,
    pub(crate) secret: u8,
}

pub(crate) const HOME: Origin =
    Origin { signer: signing, channel: CHANNEL, suite: Suite::A256Gcm, epoch: 1, secret: 1 };

impl Origin {
    /// Two entries: [`receiving`]'s and the KEK's.
    pub(crate) fn raw(&self) -> RawEpoch {
        let id = EpochId::from_bytes([self.epoch; 8]);
        let secret = Secret::take(&mut [self.secret; 32]);
        let mut raw = RawEpoch::new((self.signer)(), self.channel, self.suite, id, secret).unwrap();
        let seed = Secret::take(&mut [0x70 ^ self.epoch; 32]);
        raw.add_recipient(receiving().recipient_key(), &seed).unwrap();
        raw.add_kek(b"kek-1", &kek()).unwrap();
        raw
    }

    /// The message at `index` of a batch of `size` that begins at `first`. All
    /// is said that can be said of a message.
    pub(crate) fn seal(&self, payload: &[u8], first: u64, size: u64, index: usize) -> Parts {
        let message = Message::new(payload)
            .content_type("text/plain")
            .header("tenant", "a")
            .header("retry", 3)
            .expires_at(Time::from_secs(1_900_000_000));
        let previous = Previous { epoch: EpochId::from_bytes([0xab; 8]), messages: 42 };
        let place = |n| RawPlace { previous: (n == 0).then_some(previous), ..place(n) };
        let batch: Vec<_> = (first..first + size).map(|n| (message.clone(), place(n))).collect();
        Parts::of(&self.raw().seal(&batch).unwrap()[index])
    }
}

/// Opens in each of the three ways. They agree, and a refusal releases nothing.
pub(crate) fn open(opener: &Opener, envelope: &[u8]) -> Result<Vec<u8>, String> {
    let opened = opener.open(envelope).map(|opened| opened.payload().to_vec());
    let mut into = b"before".to_vec();
    let appended = opener.open_into(envelope, &mut into).map(|opened| opened.payload().to_vec());
    let mut in_place = envelope.to_vec();
    let there = opener.open_in_place(&mut in_place).map(|opened| opened.payload().to_vec());
    match opened {
        Ok(payload) => {
            assert_eq!(appended.unwrap(), payload);
            assert_eq!(there.unwrap(), payload);
            Ok(payload)
        }
        Err(error) => {
            assert_eq!(kinds(&appended.unwrap_err()), kinds(&error));
            assert_eq!(kinds(&there.unwrap_err()), kinds(&error));
            assert_eq!(into, b"before", "something was released");
            // A payload that was decrypted before the refusal is wiped.
            let ciphertext = Parts::of(envelope).ciphertext;
            let start = envelope.windows(ciphertext.len()).position(|w| w == ciphertext).unwrap();
            let body = start + 32..start + ciphertext.len() - 16;
            let left = &in_place[body.clone()];
            assert!(left == &envelope[body.clone()] || left.iter().all(|byte| *byte == 0));
            assert_eq!(in_place[..body.start], envelope[..body.start]);
            assert_eq!(in_place[body.end..], envelope[body.end..]);
            Err(kinds(&error))
        }
    }
}

pub(crate) fn verify(envelope: &[u8]) -> Result<String, String> {
    let verifier = verifier();
    let verified = verifier.verify(envelope).map_err(|error| kinds(&error))?;
    Ok(verified.signer().into())
}

pub(crate) fn refused<T>(code: &str) -> Result<T, String> {
    Err(code.into())
}
