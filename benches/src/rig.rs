//! A producer, a consumer and an auditor, ready to run.

use coseal::{
    Message, NewRecord, Opener, Pattern, ReceivingKey, Result, Sealer, SigningKey, Suite, Time,
    TrustAnchor, TrustBundle, Verifier,
};
use std::sync::Arc;
use std::time::Duration;

/// The channel: 6 bytes.
pub const CHANNEL: &str = "orders";

/// Everybody who takes part.
#[derive(Debug)]
pub struct Rig {
    /// The producer.
    pub sealer: Sealer,
    /// The consumer. It reads an archive, so that a message may be opened more
    /// than once.
    pub opener: Opener,
    /// The auditor.
    pub verifier: Verifier,
    /// Who signed whom.
    pub trust: Arc<TrustBundle>,
}

impl Rig {
    /// With this suite and number of recipients; the consumer is the last.
    ///
    /// # Errors
    ///
    /// `entropy`.
    pub fn new(suite: Suite, recipients: u8) -> Result<Self> {
        let (root, signing) = (SigningKey::generate()?, SigningKey::generate()?);
        let own = ReceivingKey::from_bytes(&[recipients; 32]);
        let keys = (1..=recipients)
            .map(|seed| ReceivingKey::from_bytes(&[seed; 32]).recipient_key().clone());
        let now = Time::now();
        let mut edit = TrustBundle::make("bench");
        edit.add(NewRecord {
            key: signing.verifying_key().clone().into(),
            subject: "spiffe://bench/producer".into(),
            valid_from: now.minus(Duration::from_secs(60)),
            valid_until: None,
            channels: vec![Pattern::new(">")?],
        })?;
        let bytes = edit.sign(&root, now, now.plus(Duration::from_secs(86_400)))?;
        let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
        let trust = Arc::new(TrustBundle::load(&bytes, &anchor, now)?);
        Ok(Self {
            sealer: Sealer::builder(signing, CHANNEL).recipients(keys).suite(suite).build()?,
            opener: Opener::builder(trust.clone()).channel(CHANNEL).archive().key(own).build()?,
            verifier: Verifier::new(trust.clone()),
            trust,
        })
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
