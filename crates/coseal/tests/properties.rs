//! What is sealed opens, whatever it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{CHANNEL, NOW, archive, receiving, signing, verifier};
use coseal::{HeaderValue, Message, Sealer, Suite, Time};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Int(i64),
    Bool(bool),
}

impl Value {
    fn borrowed(&self) -> HeaderValue<'_> {
        match self {
            Self::Text(text) => HeaderValue::Text(text),
            Self::Bytes(bytes) => HeaderValue::Bytes(bytes),
            Self::Int(int) => HeaderValue::Int(*int),
            Self::Bool(value) => HeaderValue::Bool(*value),
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,40}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_sealed_opens(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 1..20),
        headers in proptest::collection::btree_map("[a-zé.]{1,30}", value(), 0..8),
        content_type in proptest::option::of("[a-z]{1,8}/[a-z]{1,8}"),
        expiry in proptest::option::of(0_u64..(1 << 53)),
        chacha in any::<bool>(),
    ) {
        let suite = if chacha { Suite::ChaCha20Poly1305 } else { Suite::A256Gcm };
        let sealer = Sealer::builder(signing(), CHANNEL)
            .recipient(receiving().recipient_key())
            .suite(suite)
            .clock(|| NOW)
            .build()
            .unwrap();
        let batch: Vec<Message<'_>> = payloads
            .iter()
            .map(|payload| {
                let mut message = Message::new(payload);
                for (name, value) in &headers {
                    message = message.header(name, value.borrowed());
                }
                if let Some(content_type) = &content_type {
                    message = message.content_type(content_type);
                }
                if let Some(secs) = expiry {
                    message = message.expires_at(Time::from_secs(secs));
                }
                message
            })
            .collect();
        let opener = archive();
        for (index, envelope) in sealer.seal_batch(&batch).unwrap().iter().enumerate() {
            let opened = opener.open(envelope).unwrap();
            prop_assert_eq!(opened.payload(), &payloads[index][..]);
            prop_assert_eq!(opened.sequence(), index as u64);
            prop_assert_eq!(opened.content_type(), content_type.as_deref());
            prop_assert_eq!(opened.expires_at(), expiry.map(Time::from_secs));
            let read: BTreeMap<_, _> = opened.headers().collect();
            let wanted: BTreeMap<_, _> =
                headers.iter().map(|(name, value)| (name.as_str(), value.borrowed())).collect();
            prop_assert_eq!(format!("{read:?}"), format!("{wanted:?}"));
            let mut own = envelope.clone();
            let again = opener.open_in_place(&mut own).unwrap();
            prop_assert_eq!(again.payload(), &payloads[index][..]);
            prop_assert!(envelope.len() <= sealer.sealed_len(&batch[index]).unwrap() + 170);
        }
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(verifier().verify(&bytes).unwrap_err().code(), "malformed");
        let mut own = bytes.clone();
        prop_assert!(archive().open_in_place(&mut own).is_err());
        prop_assert_eq!(own, bytes);
    }

    #[test]
    fn spliced_envelopes_are_refused_without_a_panic(
        at in any::<prop::sample::Index>(),
        length in 0_usize..12,
        insert in proptest::collection::vec(any::<u8>(), 0..12),
        shape in any::<prop::sample::Index>(),
    ) {
        let shapes = common::shapes();
        let (_, original) = &shapes[shape.index(shapes.len())];
        let at = at.index(original.len());
        let end = (at + length).min(original.len());
        let mut bytes = original.clone();
        bytes.splice(at..end, insert);
        let verdict = verifier().verify(&bytes).map(|verified| verified.protected().to_vec());
        if let Ok(protected) = verdict {
            // Only recipients may differ.
            let same = coseal::Envelope::decode(original).unwrap();
            prop_assert_eq!(protected, same.protected());
            let ciphertext = coseal::Envelope::decode(&bytes).unwrap().ciphertext().unwrap();
            prop_assert_eq!(ciphertext, same.ciphertext().unwrap());
        }
    }
}
