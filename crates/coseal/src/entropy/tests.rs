//! A machine that gives no randomness: nothing is sealed, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::error::{Error, Result};
use crate::{
    Envelope, Message, NewRecord, Pattern, ReceivingKey, Rewrapper, Sealer, SealerBuilder,
    SigningKey, Time, TrustAnchor, TrustBundle,
};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

std::thread_local! {
    static IS_DRY: Cell<bool> = const { Cell::new(false) };
}

/// Fails while this thread's source is dry.
pub(super) fn ask() -> Result<()> {
    if IS_DRY.get() { Err(Error::Entropy("the source is dry".into())) } else { Ok(()) }
}

fn dry<T>(run: impl FnOnce() -> T) -> T {
    IS_DRY.set(true);
    let value = run();
    IS_DRY.set(false);
    value
}

fn builder() -> SealerBuilder {
    let recipient = ReceivingKey::from_bytes(&[7; 32]);
    Sealer::builder(SigningKey::from_bytes(&[2; 32]), "orders").recipient(recipient.recipient_key())
}

fn sequence(envelope: &[u8]) -> u64 {
    Envelope::decode(envelope).unwrap().unverified_header().sequence()
}

#[test]
fn without_randomness_nothing_is_sealed_and_no_number_is_lost() {
    assert_eq!(dry(|| builder().build()).map(drop).unwrap_err().code(), "entropy");
    assert_eq!(dry(SigningKey::generate).map(drop).unwrap_err().code(), "entropy");

    let sealer = builder().build().unwrap();
    let message = Message::new(b"payload");
    let mut out = vec![1, 2, 3];
    let mut front = [0; 1024];
    let refused = dry(|| {
        [
            sealer.seal(message.clone()).map(drop),
            sealer.seal_into(message.clone(), &mut out),
            sealer.seal_to(message.clone(), &mut front).map(drop),
            sealer.seal_batch(&[message.clone(), message.clone()]).map(drop),
            sealer.encrypt_batch(&vec![message.clone(); 300]).map(drop),
        ]
    });
    for error in refused {
        assert_eq!(error.unwrap_err().code(), "entropy");
    }
    assert_eq!(out, [1, 2, 3]);
    assert_eq!(front, [0; 1024]);
    assert_eq!(sequence(&sealer.seal(message).unwrap()), 0);
}

/// The next epoch's secret cannot be drawn: the present one goes on to its end,
/// and then sealing ends, until there is randomness again.
#[test]
fn an_epoch_that_cannot_be_followed_ends_with_an_error() {
    let sealer = builder().epoch_messages(2).build().unwrap();
    let message = Message::new(b"payload");
    let sealed: Vec<u64> =
        (0..2).map(|_| sequence(&sealer.seal(message.clone()).unwrap())).collect();
    assert_eq!(sealed, [0, 1]);
    assert_eq!(dry(|| sealer.seal(message.clone())).unwrap_err().code(), "entropy");
    let next = sealer.seal(message).unwrap();
    let next = Envelope::decode(&next).unwrap();
    assert_eq!(next.unverified_header().sequence(), 0);
    assert_eq!(next.unverified_header().previous().unwrap().messages, 2);
}

/// An epoch whose new entries cannot be made: nothing is written, and nothing
/// half-made is remembered.
#[test]
fn without_randomness_nothing_is_rewrapped() {
    let root = SigningKey::from_bytes(&[1; 32]);
    let now = Time::from_secs(1_600_000_000);
    let mut bundle = TrustBundle::make("example.test");
    let signer = SigningKey::from_bytes(&[2; 32]);
    let record = NewRecord {
        key: signer.verifying_key().clone().into(),
        subject: "spiffe://example.test/orders".into(),
        valid_from: now,
        valid_until: None,
        channels: vec![Pattern::new("orders").unwrap()],
    };
    bundle.add(record).unwrap();
    let bytes = bundle.sign(&root, now, Time::from_secs(2_000_000_000)).unwrap();
    let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
    let trust = Arc::new(TrustBundle::load(&bytes, &anchor, now).unwrap());
    let envelope = builder().build().unwrap().seal(Message::new(b"payload")).unwrap();
    let new = ReceivingKey::from_bytes(&[8; 32]);
    let rewrapper = Rewrapper::builder(trust).key(ReceivingKey::from_bytes(&[7; 32]));
    let rewrapper = rewrapper.add_recipient(new.recipient_key()).build().unwrap();
    let mut out = vec![1, 2, 3];
    for _ in 0..2 {
        let refused = dry(|| rewrapper.rewrap_into(&envelope, &mut out));
        assert_eq!(refused.unwrap_err().code(), "entropy");
        assert_eq!(out, [1, 2, 3]);
    }
    assert_eq!(rewrapper.rewrap_into(&envelope, &mut out).unwrap().added, 1);
    // From now on the epoch is known.
    assert_eq!(dry(|| rewrapper.rewrap_into(&envelope, &mut out)).unwrap().added, 1);
}
