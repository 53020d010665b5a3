//! A world with fixed keys: who may sign, who receives, and the envelopes that
//! they sealed. The same in every process, so that an input is reproducible.

use std::sync::{Arc, LazyLock};

use coseal::hazmat::{RawEpoch, RawPlace};
use coseal::{
    Envelope, EpochId, Kek, KeyId, Keyring, Message, NewRecord, Opened, Opener, Pattern, Previous,
    PublicKey, Reason, ReceivingKey, Revocation, Secret, SigningKey, Suite, Time, TrustAnchor,
    TrustBundle, Verifier, Window,
};

use crate::item::{self, Item};
use crate::refusal::name;
use crate::sign;

/// The time at which everything happens.
pub const NOW: Time = Time::from_secs(1_800_000_000);

/// The channel that live readers expect.
pub const CHANNEL: &str = "orders";

/// The trust domain.
pub const DOMAIN: &str = "example.test";

/// Seeds of Ed25519 keys, by role.
pub mod seed {
    /// Signs trust bundles.
    pub const ROOT: [u8; 32] = [1; 32];
    /// May sign for every channel.
    pub const SIGNER: [u8; 32] = [2; 32];
    /// Another that may.
    pub const OTHER: [u8; 32] = [5; 32];
    /// May sign for `stock.>` alone.
    pub const STOCK: [u8; 32] = [6; 32];
    /// Revoked.
    pub const REVOKED: [u8; 32] = [7; 32];
    /// No longer valid.
    pub const RETIRED: [u8; 32] = [8; 32];
    /// Of whom the bundle says nothing.
    pub const STRANGER: [u8; 32] = [9; 32];
    /// All who can sign an envelope, by number.
    pub const SIGNERS: [[u8; 32]; 6] = [SIGNER, OTHER, STOCK, REVOKED, RETIRED, STRANGER];
}

/// The ID of the shared key.
pub const KEK_ID: &[u8] = b"kek-1";

/// Public keys are slow to derive.
static KEY_IDS: LazyLock<Vec<([u8; 32], KeyId)>> = LazyLock::new(|| {
    let key_id = |seed| SigningKey::from_bytes(&seed).verifying_key().key_id();
    seed::SIGNERS.into_iter().chain([seed::ROOT]).map(|seed| (seed, key_id(seed))).collect()
});

/// The ID of one of the keys in [`seed`].
#[must_use]
pub fn key_id(seed: &[u8; 32]) -> KeyId {
    let mut known = KEY_IDS.iter();
    known.find(|(known, _)| known == seed).expect("a key of ours").1
}

fn receiving() -> ReceivingKey {
    ReceivingKey::from_bytes(&[3; 32])
}

/// The trust bundle in force.
pub static TRUST: LazyLock<Arc<TrustBundle>> = LazyLock::new(|| {
    let mut edit = TrustBundle::make(DOMAIN);
    let verifying = |seed| PublicKey::from(SigningKey::from_bytes(seed).verifying_key().clone());
    for (seed, channels) in [
        (&seed::SIGNER, &[">"][..]),
        (&seed::OTHER, &["orders", "*.eu", "stock"]),
        (&seed::STOCK, &["stock.>"]),
        (&seed::REVOKED, &[">"]),
        (&seed::RETIRED, &[">"]),
    ] {
        let subject = format!("spiffe://{DOMAIN}/{}", seed[0]);
        edit.add(record(verifying(seed), &subject, channels)).expect("a sound record");
    }
    let subject = format!("spiffe://{DOMAIN}/reader");
    let reader = PublicKey::from(receiving().recipient_key().clone());
    edit.add(record(reader, &subject, &[">"])).expect("a sound record");
    let revocation = Revocation {
        revoked_at: NOW,
        reason: Reason::Compromised,
        compromised_since: Some(Time::from_secs(1_799_000_000)),
    };
    edit.revoke(&key_id(&seed::REVOKED), revocation).expect("a known key");
    edit.retire(&key_id(&seed::RETIRED), Time::from_secs(1_700_000_000)).expect("a known key");
    let root = SigningKey::from_bytes(&seed::ROOT);
    let bytes = edit.sign(&root, NOW, Time::from_secs(1_900_000_000)).expect("a sound bundle");
    Arc::new(TrustBundle::load(&bytes, &anchor(), NOW).expect("our own bundle"))
});

fn record(key: PublicKey, subject: &str, channels: &[&str]) -> NewRecord {
    NewRecord {
        key,
        subject: subject.into(),
        valid_from: Time::from_secs(1_600_000_000),
        valid_until: None,
        channels: channels.iter().map(|text| Pattern::new(text).expect("a pattern")).collect(),
    }
}

static ANCHOR: LazyLock<TrustAnchor> = LazyLock::new(|| {
    TrustAnchor::pinned([SigningKey::from_bytes(&seed::ROOT).verifying_key().clone()])
});

/// Trust in the root.
#[must_use]
pub fn anchor() -> TrustAnchor {
    ANCHOR.clone()
}

/// Made once: to derive the public keys is slower than to open.
static KEYRING: LazyLock<Arc<Keyring>> = LazyLock::new(|| {
    let mut keyring = Keyring::new();
    keyring.add_receiving(receiving()).expect("one key");
    keyring.add_kek(KEK_ID, Kek::from_bytes(&[4; 32])).expect("one key");
    Arc::new(keyring)
});

/// An archival reader with the keys, and with empty caches.
#[must_use]
pub fn archive() -> Opener {
    let builder = Opener::builder(Arc::clone(&TRUST)).any_channel().archive();
    builder.provider(Arc::<Keyring>::clone(&KEYRING)).build().expect("an opener")
}

/// A live reader of [`CHANNEL`] that has seen nothing.
#[must_use]
pub fn live() -> Opener {
    let builder = Opener::builder(Arc::clone(&TRUST)).channel(CHANNEL).live(Window::minutes(10));
    let builder = builder.provider(Arc::<Keyring>::clone(&KEYRING)).clock(|| NOW);
    builder.build().expect("an opener")
}

/// An auditor, with empty caches.
#[must_use]
pub fn verifier() -> Verifier {
    Verifier::new(Arc::clone(&TRUST))
}

/// An envelope that somebody sealed, and what is known of it.
#[derive(Debug)]
pub struct Sealed {
    /// The envelope.
    pub bytes: Vec<u8>,
    /// What is in it; long enough to be recognised wherever it appears.
    pub payload: Vec<u8>,
    /// The envelope taken apart, byte strings that hold items included.
    pub item: Item,
    /// What its signature is about, and the receipt that carries it.
    pub signed: Signed,
    /// What an auditor, an archival and a live reader come to.
    pub verified: Result<(), String>,
    /// With the keys.
    pub opened: Result<Identity, String>,
    /// With the keys, having seen nothing.
    pub live: Result<Identity, String>,
}

/// The signed part of an envelope, and the sender's receipt.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed {
    /// The protected header, encoded.
    pub protected: Vec<u8>,
    /// The ciphertext, unless detached.
    pub ciphertext: Option<Vec<u8>>,
    /// The sender's receipt, encoded.
    pub receipt: Vec<u8>,
}

/// Signer's thumbprint, epoch and sequence.
pub type Identity = (String, EpochId, u64);

impl Signed {
    /// Of an envelope of the right shape; nothing, of anything else.
    #[must_use]
    pub fn of(envelope: &[u8]) -> Option<Self> {
        Envelope::decode(envelope).ok()?;
        let whole = item::deterministic(envelope).expect("it decodes");
        let parts = whole.tagged(96)?.as_array()?;
        Some(Self {
            protected: parts[0].as_bytes()?.to_vec(),
            ciphertext: parts[2].as_bytes().map(<[u8]>::to_vec),
            receipt: parts[1].get(394)?.as_array()?[0].as_bytes()?.to_vec(),
        })
    }

    /// Whether both speak of one message.
    #[must_use]
    pub fn is_of_same_message(&self, other: &Self) -> bool {
        self.protected == other.protected && self.ciphertext == other.ciphertext
    }
}

/// The identity of what was opened.
#[must_use]
pub fn identity(opened: &Opened<'_>) -> Identity {
    (opened.thumbprint().to_string(), opened.epoch(), opened.sequence())
}

impl Sealed {
    fn new(bytes: Vec<u8>, payload: Vec<u8>) -> Self {
        let mut item = item::deterministic(&bytes).expect("our own envelope");
        item.expand();
        let named = |error: &coseal::Error| name(error);
        let verified = verifier().verify(&bytes).map(drop).map_err(|error| named(&error));
        let opened =
            archive().open(&bytes).map(|opened| identity(&opened)).map_err(|error| named(&error));
        let live = live().open(&bytes).map(|opened| identity(&opened));
        let live = live.map_err(|error| named(&error));
        let signed = Signed::of(&bytes).expect("our own envelope");
        Self { bytes, payload, item, signed, verified, opened, live }
    }
}

/// Envelopes of all kinds, all sound, though not all may be opened.
pub static ENVELOPES: LazyLock<Vec<Sealed>> = LazyLock::new(|| {
    let mut world = World { sealed: Vec::new() };
    let aes = epoch(&seed::SIGNER, CHANNEL, Suite::A256Gcm, 0xe0, 0x5e);
    world.seal(&aes, &[place(0)], plain);
    world.seal(&aes, &[place(1), place(2), place(3)], plain);
    // The same message again, signed in another tree.
    world.seal(&aes, &[place(4), place(0)], plain);
    world.seal(&aes, &[place(5)], full);
    world.seal(&aes, &[place(6)], expired);
    let previous = Previous { epoch: EpochId::from_bytes([0xe0; 8]), messages: 7 };
    let next = epoch(&seed::SIGNER, CHANNEL, Suite::A256Gcm, 0xe1, 0x5f);
    world.seal(&next, &[RawPlace { previous: Some(previous), ..place(0) }], plain);
    // One epoch secret and ID under other suites, channels and signers.
    for (seed, channel, suite) in [
        (&seed::SIGNER, CHANNEL, Suite::ChaCha20Poly1305),
        (&seed::SIGNER, "stock", Suite::A256Gcm),
        (&seed::OTHER, CHANNEL, Suite::A256Gcm),
        (&seed::STOCK, CHANNEL, Suite::A256Gcm),
        (&seed::STOCK, "stock.eu", Suite::A256Gcm),
        (&seed::REVOKED, CHANNEL, Suite::A256Gcm),
        (&seed::RETIRED, CHANNEL, Suite::A256Gcm),
        (&seed::STRANGER, CHANNEL, Suite::A256Gcm),
    ] {
        let epoch = epoch(seed, channel, suite, 0xe0, 0x5e);
        world.seal(&epoch, &[place(7)], plain);
    }
    let mut kek = raw_epoch(&seed::SIGNER, CHANNEL, Suite::A256Gcm, 0xe2, 0x60);
    kek.add_kek(KEK_ID, &Kek::from_bytes(&[4; 32])).expect("a KEK");
    world.seal(&kek, &[place(8)], plain);
    let other = ReceivingKey::from_bytes(&[0x33; 32]);
    let mut strangers = raw_epoch(&seed::SIGNER, CHANNEL, Suite::A256Gcm, 0xe3, 0x61);
    add_recipient(&mut strangers, &other);
    strangers.add_kek(b"kek-2", &Kek::from_bytes(&[0x44; 32])).expect("a KEK");
    world.seal(&strangers, &[place(9)], plain);
    let mut several = raw_epoch(&seed::SIGNER, CHANNEL, Suite::A256Gcm, 0xe4, 0x62);
    add_recipient(&mut several, &other);
    several.add_kek(KEK_ID, &Kek::from_bytes(&[4; 32])).expect("a KEK");
    add_recipient(&mut several, &receiving());
    world.seal(&several, &[place(10)], plain);
    let early = RawPlace { message_id: message_id(NOW.as_millis() - 3_600_000, 11), ..place(11) };
    world.seal(&aes, &[early], plain);
    let late = RawPlace { message_id: message_id(NOW.as_millis() + 3_600_000, 12), ..place(12) };
    world.seal(&aes, &[late], plain);
    world.add_later_receipts();
    world.sealed
});

const fn plain(message: Message<'_>) -> Message<'_> {
    message
}

fn full(message: Message<'_>) -> Message<'_> {
    message
        .content_type("text/plain")
        .header("tenant", "a")
        .header("retry", 3)
        .header("urgent", true)
        .header("key", &b"\x01\x02"[..])
        .expires_at(Time::from_secs(1_850_000_000))
}

fn expired(message: Message<'_>) -> Message<'_> {
    message.expires_at(Time::from_secs(1_799_999_000))
}

struct World {
    sealed: Vec<Sealed>,
}

impl World {
    fn seal(
        &mut self,
        epoch: &RawEpoch,
        places: &[RawPlace],
        with: fn(Message<'_>) -> Message<'_>,
    ) {
        let payload = |place: &RawPlace| format!("plaintext of message {:4}", place.sequence);
        let payloads: Vec<_> = places.iter().map(|place| payload(place).into_bytes()).collect();
        let message = |payload| with(Message::new(payload));
        let batch: Vec<_> = payloads
            .iter()
            .zip(places)
            .map(|(payload, place)| (message(payload), *place))
            .collect();
        let envelopes = epoch.seal(&batch).expect("a sound message");
        let sealed = envelopes.into_iter().zip(payloads.iter().cloned());
        self.sealed.extend(sealed.map(|(bytes, payload)| Sealed::new(bytes, payload)));
    }

    /// The first envelope with a notary's receipt, and with one of no known form.
    fn add_later_receipts(&mut self) {
        let Sealed { bytes, payload, .. } = &self.sealed[0];
        let (mut item, _) = Item::read(bytes, item::DEPTH).expect("an envelope");
        let leaf = sign::leaf_of_envelope(&item).expect("an envelope");
        let alone = sign::Proof { size: 1, ..sign::Proof::default() };
        let notary = sign::later_receipt(&seed::OTHER, &alone, &leaf);
        if let Some(Item::Array(receipts)) = sign::receipts_mut(&mut item) {
            receipts.push(Item::bytes(&notary.encode()));
            receipts.push(Item::bytes(b"\xa0"));
        }
        let sealed = Sealed::new(item.encode(), payload.clone());
        self.sealed.push(sealed);
    }
}

fn raw_epoch(seed: &[u8; 32], channel: &str, suite: Suite, id: u8, secret: u8) -> RawEpoch {
    let (id, mut secret) = (EpochId::from_bytes([id; 8]), [secret; 32]);
    RawEpoch::new(SigningKey::from_bytes(seed), channel, suite, id, Secret::take(&mut secret))
        .expect("a channel")
}

fn epoch(seed: &[u8; 32], channel: &str, suite: Suite, id: u8, secret: u8) -> RawEpoch {
    let mut epoch = raw_epoch(seed, channel, suite, id, secret);
    add_recipient(&mut epoch, &receiving());
    epoch
}

fn add_recipient(epoch: &mut RawEpoch, key: &ReceivingKey) {
    let seed = Secret::take(&mut [0x77; 32]);
    epoch.add_recipient(key.recipient_key(), &seed).expect("a sound key");
}

fn place(sequence: u64) -> RawPlace {
    RawPlace { message_id: message_id(NOW.as_millis(), sequence), sequence, previous: None }
}

/// A UUID of version 7 with this time, its random bits from `random`.
fn message_id(millis: u64, random: u64) -> [u8; 16] {
    let mut id = [0x5a; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id[6] = 0x7a;
    id[8..].copy_from_slice(&random.to_be_bytes());
    id[8] = 0xba;
    id
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::shape::{Shape, of_envelope};

    fn refusals<T: 'static>(of: fn(&Sealed) -> &Result<T, String>) -> BTreeSet<&'static str> {
        ENVELOPES
            .iter()
            .filter_map(|sealed| of(sealed).as_ref().err())
            .map(String::as_str)
            .collect()
    }

    /// A world in which everything opens, or nothing, would test little.
    #[test]
    fn the_envelopes_come_to_every_end_that_a_sound_one_can() {
        assert!(ENVELOPES.iter().all(|sealed| of_envelope(&sealed.bytes) == Shape::Right));
        assert!(ENVELOPES.iter().all(|sealed| sealed.item.encode() == sealed.bytes));
        let untrusted = [
            "untrusted/not_allowed",
            "untrusted/not_valid_then",
            "untrusted/revoked",
            "untrusted/unknown_signer",
        ];
        assert_eq!(refusals(|sealed| &sealed.verified), untrusted.into());
        let archived = untrusted.into_iter().chain(["no_key"]).collect();
        assert_eq!(refusals(|sealed| &sealed.opened), archived);
        let live: BTreeSet<_> = refusals(|sealed| &sealed.live);
        let only_live: BTreeSet<_> = live.difference(&archived).copied().collect();
        let stale =
            ["misdirected/channel", "stale/expired", "stale/from_the_future", "stale/too_old"];
        assert_eq!(only_live, stale.into());
        assert!(ENVELOPES.iter().filter(|sealed| sealed.live.is_ok()).count() >= 8);
    }
}
