//! Who seals, who opens, who is trusted, and what time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coseal::{
    NewRecord, Pattern, PublicKey, ReceivingKey, Sealer, SealerBuilder, SigningKey, Time,
    TrustAnchor, TrustBundle, TrustCell, TrustSource,
};

/// One producer, one consumer, and whoever is not supposed to be there.
#[derive(Debug)]
pub struct World {
    trust: Arc<TrustCell>,
    /// What the feed brings when it is asked.
    feed: Mutex<Option<Arc<TrustBundle>>>,
    asked: AtomicU64,
    /// How far the clock was put forward, in milliseconds.
    ahead: Arc<AtomicU64>,
}

const PRODUCER: [u8; 32] = [2; 32];
const CONSUMER: [u8; 32] = [3; 32];
const STRANGER: [u8; 32] = [9; 32];
const ROOT: [u8; 32] = [1; 32];

/// The producer may seal for every channel that begins so.
pub(crate) const CHANNELS: &str = "orders.>";

impl World {
    /// One in which the producer is known, and the stranger is not.
    #[must_use]
    pub fn new() -> Self {
        let bundle = make(&[(PRODUCER, CHANNELS)], Time::now().plus(Duration::from_secs(86_400)));
        Self {
            trust: Arc::new(TrustCell::new(bundle)),
            feed: Mutex::new(None),
            asked: AtomicU64::new(0),
            ahead: Arc::default(),
        }
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> Time {
        Time::now().plus(Duration::from_millis(self.ahead.load(Ordering::Relaxed)))
    }

    /// The same, to keep.
    pub fn clock(&self) -> impl Fn() -> Time + Send + Sync + Clone + 'static {
        let ahead = Arc::clone(&self.ahead);
        move || Time::now().plus(Duration::from_millis(ahead.load(Ordering::Relaxed)))
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.ahead.fetch_add(by, Ordering::Relaxed);
    }

    /// The trust bundle in force.
    #[must_use]
    pub fn trust(&self) -> Arc<TrustCell> {
        Arc::clone(&self.trust)
    }

    /// The trust feed is asked: what a consumer's adapter calls.
    pub fn refresh(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(bundle) = self.feed.lock().unwrap().take() {
            self.trust.replace(bundle);
        }
    }

    /// Whether the bundle in force has expired.
    pub(crate) fn trust_expired(&self) -> bool {
        self.trust.current().is_expired(self.now(), Duration::from_secs(60))
    }

    /// How often the feed was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// The consumer's key.
    #[must_use]
    pub fn receiving(&self) -> ReceivingKey {
        ReceivingKey::from_bytes(&CONSUMER)
    }

    /// The consumer's window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_secs(600)
    }

    /// How the producer seals for a channel.
    #[must_use]
    pub fn sealer(&self, channel: &str) -> SealerBuilder {
        self.sealer_of(PRODUCER, channel)
    }

    /// How the stranger does.
    #[must_use]
    pub fn stranger(&self, channel: &str) -> SealerBuilder {
        self.sealer_of(STRANGER, channel)
    }

    /// How the producer signs for a channel, for recipients yet to be named.
    #[must_use]
    pub fn signer(&self, channel: &str) -> SealerBuilder {
        self.signer_of(PRODUCER, channel)
    }

    fn sealer_of(&self, key: [u8; 32], channel: &str) -> SealerBuilder {
        self.signer_of(key, channel).recipient(self.receiving().recipient_key())
    }

    fn signer_of(&self, key: [u8; 32], channel: &str) -> SealerBuilder {
        Sealer::builder(SigningKey::from_bytes(&key), channel).clock(self.clock())
    }

    /// The feed has a bundle in which the stranger is known, too.
    pub fn introduce_stranger(&self) {
        let keys = [(PRODUCER, CHANNELS), (STRANGER, CHANNELS)];
        self.offer(make(&keys, self.later()));
    }

    /// The bundle in force is one that has expired.
    pub(crate) fn expire_bundle(&self) {
        let an_hour_ago = self.now().minus(Duration::from_secs(3600));
        self.trust.replace(make(&[(PRODUCER, CHANNELS)], an_hour_ago));
    }

    /// The feed has one that has not.
    pub(crate) fn renew_bundle(&self) {
        self.offer(make(&[(PRODUCER, CHANNELS)], self.later()));
    }

    /// The producer's key is revoked, and everybody knows.
    pub(crate) fn revoke_producer(&self) {
        let mut edit = self.trust.current().edit().unwrap();
        let key = SigningKey::from_bytes(&PRODUCER).verifying_key().key_id();
        let revocation = coseal::Revocation {
            revoked_at: self.now(),
            reason: coseal::Reason::Compromised,
            compromised_since: None,
        };
        edit.revoke(&key, revocation).unwrap();
        self.trust.replace(signed(edit, self.later()));
    }

    fn later(&self) -> Time {
        self.now().plus(Duration::from_secs(86_400))
    }

    fn offer(&self, bundle: Arc<TrustBundle>) {
        *self.feed.lock().unwrap() = Some(bundle);
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn make(keys: &[([u8; 32], &str)], expires_at: Time) -> Arc<TrustBundle> {
    let mut edit = TrustBundle::make("example.test");
    let mut add = |subject: &str, key: PublicKey, channels: &str| {
        edit.add(NewRecord {
            key,
            subject: subject.to_owned(),
            valid_from: Time::from_secs(1_600_000_000),
            valid_until: None,
            channels: vec![Pattern::new(channels).unwrap()],
        })
        .unwrap();
    };
    for (key, channels) in keys {
        let seed = key;
        let key = SigningKey::from_bytes(seed).verifying_key().clone();
        let subject = format!("spiffe://example.test/{}", key.key_id());
        add(&subject, key.into(), channels);
        // Whoever asks as the producer opens what answers it as the consumer.
        if *seed == PRODUCER {
            let key = ReceivingKey::from_bytes(&CONSUMER).recipient_key().clone();
            add(&subject, key.into(), channels);
        }
    }
    signed(edit, expires_at)
}

fn signed(edit: coseal::TrustEditor, expires_at: Time) -> Arc<TrustBundle> {
    let root = SigningKey::from_bytes(&ROOT);
    let issued_at = Time::now().minus(Duration::from_secs(86_400));
    let bytes = edit.sign(&root, issued_at, expires_at).unwrap();
    let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
    Arc::new(TrustBundle::load(&bytes, &anchor, Time::now()).unwrap())
}
