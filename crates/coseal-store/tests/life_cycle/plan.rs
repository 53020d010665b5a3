//! The life of a channel in five trust bundles; who uses which key when; and
//! what follows from that, worked out without looking into a bundle.
//!
//! | bundle | signed by | what is new | the producer, once it has it |
//! |---|---|---|---|
//! | 1 | root 1 | signing key 1, receiving key 1 | signs with 1, seals to KEK 1 |
//! | 2 | root 1 | signing key 2 and receiving key 2 are announced | seals to receiving keys 1 and 2 |
//! | 3 | root 1 | root 2 is named | signs with 2, seals to KEKs 1 and 2 |
//! | 4 | root 2 | signing key 1 and receiving key 1 retire; signing key 3 is announced | seals to receiving key 2 and KEK 2 |
//! | 5 | root 2 | signing key 2 is revoked, stolen since bundle 3 | signs with 3 |
//!
//! Consumers hold their second keys from bundle 3 on.

use std::collections::BTreeMap;
use std::time::Duration;

use coseal::{
    ClaimedTime, Kek, NewRecord, Pattern, PublicKey, Reason, ReceivingKey, Revocation, Sealer,
    SigningKey, Time, TrustAnchor, TrustBundle, TrustEditor, VerifyingKey,
};

pub(crate) const STAGES: usize = 5;
pub(crate) const CHANNEL: &str = "orders.eu";
const DOMAIN: &str = "example.org";
const SHOP: &str = "spiffe://example.org/shop";
const BILLING: &str = "spiffe://example.org/billing";
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn root(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(crate) fn public_root(number: u8) -> VerifyingKey {
    root(number).verifying_key().clone()
}

fn signing(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[10 + number; 32])
}

pub(crate) fn receiving(number: u8) -> ReceivingKey {
    ReceivingKey::from_bytes(&[20 + number; 32])
}

pub(crate) fn kek(number: u8) -> Kek {
    Kek::from_bytes(&[30 + number; 32])
}

/// When a bundle is published.
fn published_at(stage: usize) -> Time {
    Time::from_secs(1_800_000_000 + 86_400 * stage as u64)
}

/// The time at which people read while this bundle is the newest one.
pub(crate) fn reading_time(stage: usize) -> Time {
    published_at(stage).plus(2 * HOUR)
}

/// The roots that may sign the bundle after this one.
pub(crate) fn roots_after(stage: usize) -> &'static [u8] {
    match stage {
        1 | 2 => &[1],
        3 => &[1, 2],
        _ => &[2],
    }
}

/// The root that signed a bundle.
pub(crate) const fn root_of(stage: usize) -> u8 {
    if stage < 4 { 1 } else { 2 }
}

/// The numbers of the receiving keys and of the KEKs that their consumers hold.
pub(crate) fn held(stage: usize) -> &'static [u8] {
    if stage < 3 { &[1] } else { &[1, 2] }
}

/// A message, and what is known about it.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) envelope: Vec<u8>,
    /// The number of the signing key.
    signer: u8,
    sealed_at: Time,
    /// Receiving keys and KEKs that it was sealed to.
    receiving: Vec<u8>,
    keks: Vec<u8>,
    /// The bundle that its producer had; of a thief's message none.
    pub(crate) stage: Option<usize>,
}

/// The bundles, and every message there can be.
pub(crate) struct Plan {
    /// Bundle 1 is the first.
    bundles: Vec<Vec<u8>>,
    forks: Vec<Vec<u8>>,
    /// By the producer's bundle and the newest one.
    sent: BTreeMap<(usize, usize), Sent>,
    /// Sealed with the stolen signing key 2: one time is before the theft, one
    /// between theft and revocation, one after that.
    pub(crate) stolen: Vec<Sent>,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let mut plan =
            Self { bundles: vec![], forks: vec![], sent: BTreeMap::new(), stolen: vec![] };
        let mut editor = TrustBundle::make(DOMAIN);
        for stage in 1..=STAGES {
            edit(&mut editor, stage);
            let now = published_at(stage);
            let bytes = editor.sign(&root(root_of(stage)), now, now.plus(100 * 24 * HOUR)).unwrap();
            let roots = TrustAnchor::pinned([1, 2].map(public_root));
            let bundle = TrustBundle::load(&bytes, &roots, now).unwrap();
            assert_eq!(bundle.sequence(), stage as u64);
            // A fork of it: the one that follows its predecessor, too.
            let fork = match plan.bundles.last() {
                Some(last) => TrustBundle::load(last, &roots, now).unwrap().edit().unwrap(),
                None => TrustBundle::make(DOMAIN),
            };
            plan.forks.push(fork.sign(&root(root_of(stage)), now, now.plus(HOUR)).unwrap());
            editor = bundle.edit().unwrap();
            plan.bundles.push(bytes);
        }
        for newest in 1..=STAGES {
            for stage in 1..=newest {
                let sent = plan.seal(stage, newest);
                plan.sent.insert((stage, newest), sent);
            }
        }
        let hour = |stage| published_at(stage).plus(HOUR);
        plan.stolen = [hour(2), hour(3), hour(5)].map(|claimed| plan.forge(claimed)).into();
        plan
    }

    pub(crate) fn bundle(&self, stage: usize) -> &[u8] {
        &self.bundles[stage - 1]
    }

    pub(crate) fn fork(&self, stage: usize) -> &[u8] {
        &self.forks[stage - 1]
    }

    pub(crate) fn sent(&self, stage: usize, newest: usize) -> &Sent {
        &self.sent[&(stage, newest)]
    }

    /// What a producer with this bundle seals while `newest` is the newest one.
    fn seal(&self, stage: usize, newest: usize) -> Sent {
        let now = published_at(newest).plus(HOUR);
        let signer = [1, 1, 2, 2, 3][stage - 1];
        let (receiving_keys, keks): (&[u8], &[u8]) =
            [(&[1][..], &[1][..]), (&[1, 2], &[1]), (&[1, 2], &[1, 2]), (&[2], &[2]), (&[2], &[2])]
                [stage - 1];
        let anchor = TrustAnchor::pinned([1, 2].map(public_root));
        let bundle = TrustBundle::load(self.bundle(stage), &anchor, now).unwrap();
        let found = bundle.receiving_keys(BILLING, CHANNEL, now);
        let expected: Vec<_> =
            receiving_keys.iter().map(|key| receiving(*key).recipient_key().clone()).collect();
        assert_eq!(found, expected, "the receiving keys of bundle {stage}");
        let mut builder = Sealer::builder(signing(signer), CHANNEL).recipients(found);
        for number in keks {
            builder = builder.kek(&[*number], kek(*number));
        }
        Sent {
            envelope: builder.clock(move || now).build().unwrap().seal(b"payload").unwrap(),
            signer,
            sealed_at: now,
            receiving: receiving_keys.to_vec(),
            keks: keks.to_vec(),
            stage: Some(stage),
        }
    }

    /// What the thief of signing key 2 seals to everybody, at any time it likes.
    fn forge(&self, claimed: Time) -> Sent {
        let mut builder = Sealer::builder(signing(2), CHANNEL);
        for number in [1, 2] {
            builder = builder.recipient(receiving(number).recipient_key());
            builder = builder.kek(&[number], kek(number));
        }
        Sent {
            envelope: builder.clock(move || claimed).build().unwrap().seal(b"forged").unwrap(),
            signer: 2,
            sealed_at: claimed,
            receiving: vec![1, 2],
            keks: vec![1, 2],
            stage: None,
        }
    }
}

/// What is new in a bundle.
fn edit(editor: &mut TrustEditor, stage: usize) {
    let now = published_at(stage);
    let add = |editor: &mut TrustEditor, key: PublicKey, subject: &str| {
        let channels = vec![Pattern::new("orders.*").unwrap()];
        let subject = subject.to_owned();
        let record = NewRecord { key, subject, valid_from: now, valid_until: None, channels };
        editor.add(record).unwrap();
    };
    let sign = |number| PublicKey::from(signing(number).verifying_key().clone());
    let receive = |number| PublicKey::from(receiving(number).recipient_key().clone());
    match stage {
        1 | 2 => {
            let number = u8::try_from(stage).unwrap();
            add(editor, sign(number), SHOP);
            add(editor, receive(number), BILLING);
        }
        3 => editor.add_root(public_root(2)).unwrap(),
        4 => {
            editor.remove_root(&public_root(2).key_id()).unwrap();
            editor.retire(&sign(1).key_id(), now).unwrap();
            editor.retire(&receive(1).key_id(), now).unwrap();
            add(editor, sign(3), SHOP);
        }
        _ => {
            let revocation = Revocation {
                revoked_at: now,
                reason: Reason::Compromised,
                compromised_since: Some(published_at(3)),
            };
            editor.revoke(&sign(2).key_id(), revocation).unwrap();
        }
    }
}

/// How somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Live, with receiving keys.
    Live,
    /// From an archive, with KEKs.
    Archive,
    /// With no key that decrypts.
    Auditor,
}

impl Sent {
    /// Whether its signing key is revoked in this bundle.
    pub(crate) const fn is_revoked(&self, stage: usize) -> bool {
        self.signer == 2 && stage >= 5
    }

    /// Whether its producer was a thief, or went on with a key after the newest
    /// bundle had retired it.
    pub(crate) fn is_lawful(&self) -> bool {
        self.stage.is_some() && (self.signer != 1 || self.sealed_at < published_at(4))
    }

    /// What somebody with this bundle says to it, by the order of reading.
    pub(crate) fn verdict(&self, kind: Kind, stage: usize, now: Time) -> Result<(), &'static str> {
        if stage < [1, 2, 4][usize::from(self.signer) - 1] {
            return Err("untrusted/unknown_signer");
        }
        if self.signer == 1 && stage >= 4 && self.sealed_at >= published_at(4) {
            return Err("untrusted/not_valid_then");
        }
        if self.is_revoked(stage) {
            return Err("untrusted/revoked");
        }
        if kind == Kind::Live && self.sealed_at > now {
            return Err("stale/from_the_future");
        }
        let sealed_to = match kind {
            Kind::Live => &self.receiving,
            Kind::Archive => &self.keks,
            Kind::Auditor => return Ok(()),
        };
        if sealed_to.iter().any(|number| held(stage).contains(number)) {
            Ok(())
        } else {
            Err("no_key")
        }
    }

    /// Where the time it claims lies, for somebody with this bundle.
    pub(crate) fn claimed_time(&self, stage: usize) -> Option<ClaimedTime> {
        self.is_revoked(stage).then(|| {
            if self.sealed_at < published_at(3) {
                ClaimedTime::Before
            } else if self.sealed_at < published_at(5) {
                ClaimedTime::InDoubt
            } else {
                ClaimedTime::After
            }
        })
    }
}
