//! One producer, one consumer, one auditor, and the trust between them.
#![allow(dead_code, reason = "each test file uses its part")]

use coseal::hazmat::{RawEpoch, RawPlace};
use coseal::{
    EpochId, Error, Message, NewRecord, Opener, Pattern, Previous, ReceivingKey, Secret,
    SigningKey, Suite, Time, TrustAnchor, TrustBundle, Verifier,
};
use std::sync::Arc;

pub(crate) const NOW: Time = Time::from_secs(1_800_000_000);
pub(crate) const CHANNEL: &str = "orders";
pub(crate) const SUBJECT: &str = "spiffe://example.test/orders";

pub(crate) fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(crate) fn signing() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

pub(crate) fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&[3; 32])
}

pub(crate) fn record(
    key: impl Into<coseal::PublicKey>,
    subject: &str,
    channels: &[&str],
) -> NewRecord {
    NewRecord {
        key: key.into(),
        subject: subject.into(),
        valid_from: Time::from_secs(1_600_000_000),
        valid_until: None,
        channels: channels.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect(),
    }
}

/// Trust in [`signing`] for every channel.
pub(crate) fn trust() -> Arc<TrustBundle> {
    let mut edit = TrustBundle::make("example.test");
    edit.add(record(signing().verifying_key().clone(), SUBJECT, &[">"])).unwrap();
    sign(edit)
}

pub(crate) fn sign(edit: coseal::TrustEditor) -> Arc<TrustBundle> {
    let bytes = edit.sign(&root(), NOW, Time::from_secs(2_000_000_000)).unwrap();
    let anchor = TrustAnchor::pinned([root().verifying_key().clone()]);
    Arc::new(TrustBundle::load(&bytes, &anchor, NOW).unwrap())
}

pub(crate) fn archive() -> Opener {
    Opener::builder(trust()).any_channel().archive().key(receiving()).build().unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(trust())
}

pub(crate) fn kinds(error: &Error) -> String {
    error.kind().map_or_else(|| error.code().into(), |kind| format!("{}/{kind}", error.code()))
}

/// A raw epoch with [`receiving`] as its recipient.
pub(crate) fn epoch(suite: Suite, channel: &str) -> RawEpoch {
    let mut epoch = RawEpoch::new(
        signing(),
        channel,
        suite,
        EpochId::from_bytes([0xe0; 8]),
        Secret::take(&mut [0x5e; 32]),
    )
    .unwrap();
    epoch.add_recipient(receiving().recipient_key(), &Secret::take(&mut [0x77; 32])).unwrap();
    epoch
}

pub(crate) fn place(sequence: u64) -> RawPlace {
    // 48 bits of time, version 7, variant 10.
    let mut message_id = [0x5a; 16];
    message_id[..6].copy_from_slice(&NOW.as_millis().to_be_bytes()[2..]);
    message_id[6] = 0x7a;
    message_id[8] = 0xba;
    message_id[15] = u8::try_from(sequence % 251).unwrap();
    RawPlace { message_id, sequence, previous: None }
}

pub(crate) fn seal_raw(epoch: &RawEpoch, message: Message<'_>, place: RawPlace) -> Vec<u8> {
    epoch.seal(&[(message, place)]).unwrap().remove(0)
}

/// An envelope of a batch of `size`, the one at `index`.
pub(crate) fn seal_batch_raw(epoch: &RawEpoch, payload: &[u8], size: u64, index: usize) -> Vec<u8> {
    let batch: Vec<_> =
        (0..size).map(|sequence| (Message::new(payload), place(sequence))).collect();
    epoch.seal(&batch).unwrap().remove(index)
}

/// Envelopes of different shapes, each with the channel it was sealed for.
pub(crate) fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let aes = || epoch(Suite::A256Gcm, CHANNEL);
    let chacha = epoch(Suite::ChaCha20Poly1305, CHANNEL);
    let full = Message::new(b"payload")
        .content_type("text/plain")
        .header("tenant", "a")
        .header("retry", 3)
        .header("urgent", true)
        .header("key", &b"\x01\x02"[..])
        .expires_at(Time::from_secs(1_900_000_000));
    let previous = Previous { epoch: EpochId::from_bytes([0xab; 8]), messages: 42 };
    let mut both = aes();
    both.add_kek(b"kek-1", &coseal::Kek::from_bytes(&[9; 32])).unwrap();
    let other = ReceivingKey::from_bytes(&[4; 32]);
    let mut two = aes();
    two.add_recipient(other.recipient_key(), &Secret::take(&mut [0x78; 32])).unwrap();
    let later = RawPlace { previous: Some(previous), ..place(0) };
    vec![
        ("plain", seal_raw(&aes(), Message::new(b"payload"), place(0))),
        ("empty", seal_raw(&aes(), Message::new(b""), place(1))),
        ("chacha", seal_raw(&chacha, Message::new(b"payload"), place(2))),
        ("full", seal_raw(&aes(), full, place(3))),
        ("next epoch", seal_raw(&aes(), Message::new(b"next"), later)),
        ("middle of three", seal_batch_raw(&aes(), b"x", 3, 1)),
        ("last of three", seal_batch_raw(&aes(), b"x", 3, 2)),
        ("of 64", seal_batch_raw(&aes(), b"x", 64, 37)),
        ("with a KEK", seal_raw(&both, Message::new(b"shared"), place(4))),
        ("two recipients", seal_raw(&two, Message::new(b"both"), place(5))),
    ]
}
