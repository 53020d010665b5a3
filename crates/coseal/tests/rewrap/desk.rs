//! Keys by number, recipients by name, and the parts of an envelope that may
//! not change.

use ciborium::Value;
use coseal::hazmat::RawEpoch;
use coseal::{
    Envelope, EpochId, Kek, Message, Opener, ReceivingKey, RecipientId, Rewrapper,
    RewrapperBuilder, Secret, Suite,
};

use crate::common::{CHANNEL, place, receiving, signing};
use crate::parts::{bytes, encode, int};
use crate::world;

/// A receiving key of a number; [`receiving`] is 3.
pub(crate) fn key(number: u8) -> ReceivingKey {
    ReceivingKey::from_bytes(&[number; 32])
}

pub(crate) fn name(number: u8) -> RecipientId {
    RecipientId::X25519(key(number).recipient_key().key_id())
}

pub(crate) fn kek(number: u8) -> Kek {
    Kek::from_bytes(&[number; 32])
}

pub(crate) fn kek_name(id: &str) -> RecipientId {
    RecipientId::Kek(id.into())
}

pub(crate) fn builder() -> RewrapperBuilder {
    Rewrapper::builder(world::trust())
}

/// One that opens with [`receiving`].
pub(crate) fn ours() -> RewrapperBuilder {
    builder().key(receiving())
}

/// An epoch with these receiving keys and KEKs.
pub(crate) fn epoch(keys: &[u8], keks: &[(&str, u8)]) -> RawEpoch {
    let id = EpochId::from_bytes([0xe0; 8]);
    let secret = Secret::take(&mut [0x5e; 32]);
    let mut epoch = RawEpoch::new(signing(), CHANNEL, Suite::A256Gcm, id, secret).unwrap();
    for number in keys {
        let seed = Secret::take(&mut [number ^ 0x80; 32]);
        epoch.add_recipient(key(*number).recipient_key(), &seed).unwrap();
    }
    for (id, number) in keks {
        epoch.add_kek(id.as_bytes(), &kek(*number)).unwrap();
    }
    epoch
}

pub(crate) fn sealed(keys: &[u8], keks: &[(&str, u8)]) -> Vec<u8> {
    epoch(keys, keks).seal(&[(Message::new(b"payload"), place(0))]).unwrap().remove(0)
}

/// Who is named, in order.
pub(crate) fn names(envelope: &[u8]) -> Vec<RecipientId> {
    Envelope::decode(envelope).unwrap().recipients().map(RecipientId::from).collect()
}

/// Everything before the recipients. They stand last and are one item, so that
/// each end of the envelope fixes the other.
pub(crate) fn kept(envelope: &[u8]) -> &[u8] {
    let decoded = Envelope::decode(envelope).unwrap();
    let ciphertext = decoded.ciphertext().unwrap();
    let at = envelope.windows(ciphertext.len()).position(|window| window == ciphertext).unwrap();
    &envelope[..at + ciphertext.len()]
}

/// The payload, if this key opens it; else the code.
pub(crate) fn opened_by(key: ReceivingKey, envelope: &[u8]) -> Result<Vec<u8>, &'static str> {
    opened(Opener::builder(world::trust()).any_channel().archive().key(key).build(), envelope)
}

pub(crate) fn opened_by_kek(id: &str, kek: Kek, envelope: &[u8]) -> Result<Vec<u8>, &'static str> {
    let builder = Opener::builder(world::trust()).any_channel().archive();
    opened(builder.kek(id.as_bytes(), kek).build(), envelope)
}

fn opened(opener: coseal::Result<Opener>, envelope: &[u8]) -> Result<Vec<u8>, &'static str> {
    let opener = opener.unwrap();
    let opened = opener.open(envelope).map_err(|error| error.code())?;
    Ok(opened.payload().to_vec())
}

/// An entry of an algorithm that nobody knows.
pub(crate) fn unknown(key_id: Option<&[u8]>) -> Value {
    let mut header = vec![(int(1), int(-70000))];
    header.extend(key_id.map(|key_id| (int(4), bytes(key_id))));
    Value::Array(vec![bytes(b""), Value::Map(header), bytes(&[7; 100])])
}

pub(crate) fn unknown_name(key_id: Option<&[u8]>) -> RecipientId {
    let entry = encode(&unknown(key_id));
    assert!(entry.len() > 100);
    RecipientId::Other { algorithm: Some(-70000), key_id: key_id.map(<[u8]>::to_vec) }
}
