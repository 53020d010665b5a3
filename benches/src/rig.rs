//! A producer, a consumer and an auditor, ready to run.

use coseal::{
    Message, NewRecord, Opener, Pattern, ReceivingKey, Result, Sealer, SigningKey, Suite, Time,
    TrustAnchor, TrustBundle, TrustCell, Window,
};
use std::sync::Arc;
use std::time::Duration;

/// The channel: 6 bytes.
pub const CHANNEL: &str = "orders";

const DAY: Duration = Duration::from_secs(86_400);

/// Everybody who takes part.
#[derive(Debug)]
pub struct Rig {
    /// The producer; the first, where there are several.
    pub sealer: Sealer,
    others: Vec<Sealer>,
    /// The consumer. It reads an archive, so that a message may be opened more
    /// than once.
    pub opener: Opener,
    /// Who signed whom.
    pub trust: Arc<TrustBundle>,
    /// The consumer's key is made from it.
    seed: [u8; 32],
}

impl Rig {
    /// With this suite and number of recipients; the consumer is the last.
    ///
    /// # Errors
    ///
    /// `entropy`.
    pub fn new(suite: Suite, recipients: u8) -> Result<Self> {
        Self::with_producers(suite, recipients, 1)
    }

    /// The same with so many producers, each with its own key; at least one.
    ///
    /// # Errors
    ///
    /// `entropy`.
    pub fn with_producers(suite: Suite, recipients: u8, producers: u8) -> Result<Self> {
        let root = SigningKey::generate()?;
        let now = Time::now();
        let mut edit = TrustBundle::make("bench");
        let mut signing = || -> Result<SigningKey> {
            let key = SigningKey::generate()?;
            edit.add(producer(&key, now.minus(Duration::from_secs(60)))?)?;
            Ok(key)
        };
        let sealer = |key: SigningKey| {
            let keys = (1..=recipients)
                .map(|seed| ReceivingKey::from_bytes(&[seed; 32]).recipient_key().clone());
            Sealer::builder(key, CHANNEL).recipients(keys).suite(suite).build()
        };
        let first = sealer(signing()?)?;
        let others = (1..producers).map(|_| sealer(signing()?)).collect::<Result<_>>()?;
        let bytes = edit.sign(&root, now, now.plus(DAY))?;
        let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
        let trust = Arc::new(TrustBundle::load(&bytes, &anchor, now)?);
        let seed = [recipients; 32];
        let opener = opener(&trust, &seed)?;
        Ok(Self { sealer: first, others, opener, trust, seed })
    }

    /// All producers.
    pub fn sealers(&self) -> impl Iterator<Item = &Sealer> {
        std::iter::once(&self.sealer).chain(&self.others)
    }

    /// Another consumer with the same key, who has read nothing yet.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn new_opener(&self) -> Result<Opener> {
        opener(&self.trust, &self.seed)
    }

    /// The same, who judges ages and repetitions, and asks for the trust bundle in
    /// force at every message.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn new_live_opener(&self) -> Result<Opener> {
        let key = ReceivingKey::from_bytes(&self.seed);
        let trust = TrustCell::new(self.trust.clone());
        Opener::builder(trust).channel(CHANNEL).live(Window::hours(24)).key(key).build()
    }

    /// A sealed batch.
    ///
    /// # Errors
    ///
    /// `entropy`.
    pub fn batch(&self, size: usize, batch: usize) -> Result<Vec<Vec<u8>>> {
        let payload = vec![0x5a; size];
        self.sealer.seal_batch(&vec![Message::new(&payload); batch])
    }
}

fn opener(trust: &Arc<TrustBundle>, seed: &[u8; 32]) -> Result<Opener> {
    let key = ReceivingKey::from_bytes(seed);
    Opener::builder(trust.clone()).channel(CHANNEL).archive().key(key).build()
}

fn producer(key: &SigningKey, valid_from: Time) -> Result<NewRecord> {
    let key = key.verifying_key().clone();
    Ok(NewRecord {
        subject: format!("spiffe://bench/{}", key.key_id()),
        key: key.into(),
        valid_from,
        valid_until: None,
        channels: vec![Pattern::new(">")?],
    })
}

/// Records of the bundles that are loaded.
pub const RECORDS: [u32; 3] = [1, 100, 10_000];

/// A trust bundle to be loaded, and by whom.
#[derive(Debug)]
pub struct Bundle {
    /// As distributed.
    pub bytes: Vec<u8>,
    /// With the root that signed it.
    pub anchor: TrustAnchor,
    /// When.
    pub now: Time,
}

impl Bundle {
    /// Of so many signing keys.
    ///
    /// # Errors
    ///
    /// `entropy`.
    pub fn new(records: u32) -> Result<Self> {
        let (root, now) = (SigningKey::generate()?, Time::now());
        let mut edit = TrustBundle::make("bench");
        for _ in 0..records {
            edit.add(producer(&SigningKey::generate()?, now)?)?;
        }
        let bytes = edit.sign(&root, now, now.plus(DAY))?;
        Ok(Self { bytes, anchor: TrustAnchor::pinned([root.verifying_key().clone()]), now })
    }

    /// The name of loading one.
    #[must_use]
    pub fn case(records: u32) -> String {
        format!("load/{records}record{}", if records == 1 { "" } else { "s" })
    }
}
