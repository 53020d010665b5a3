//! One envelope after the other: verified, opened where its epoch is new, and
//! written with other recipients.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use sha2::Digest;
use zeroize::Zeroizing;

use super::builder::RewrapperBuilder;
use super::change::Change;
use super::epochs::{Epoch, Epochs, Found};
use crate::authorize::{Authentic, Expected, Verified};
use crate::cipher::MessageKey;
use crate::error::{Error, Result};
use crate::hash::Sha256;
use crate::keyring::{KeyProvider, UnwrapRequest};
use crate::receipt::Proven;
use crate::trust::{InForce, TrustSource};
use crate::wire::{self, CIPHERTEXT_MIN, Frame, RecipientEntry};

/// Adds, replaces and takes out recipients of stored envelopes; header,
/// ciphertext and receipts stay as they are, byte for byte. Shared between
/// threads by reference.
///
/// Every envelope is verified first, as [`Verifier`](crate::Verifier) does
/// without a time. Of each epoch (signer, epoch ID, suite and our own entry)
/// the first message is opened, commitment and tag; nothing of its payload is
/// kept. The tag counts: a commitment fits an IV and a secret, and a signer can
/// put a stranger's IV and ciphertext under a header of its own. With the
/// stranger's KEK entry beside it, which nothing binds to a signer, the
/// stranger's whole epoch would be handed to the new recipients. Each further
/// message of the epoch is held against the same secret by its commitment
/// alone.
///
/// ```
/// # use std::sync::Arc;
/// # use coseal::{Opener, ReceivingKey, Rewrapper, Sealer, SigningKey, TrustBundle};
/// # fn main() -> coseal::Result<()> {
/// # let (root, orders) = (SigningKey::generate()?, SigningKey::generate()?);
/// # let now = coseal::Time::now();
/// # let mut bundle = TrustBundle::make("example.org");
/// # bundle.add(coseal::NewRecord {
/// #     key: orders.verifying_key().clone().into(),
/// #     subject: "spiffe://example.org/orders".into(),
/// #     valid_from: now.minus(std::time::Duration::from_secs(60)),
/// #     valid_until: None,
/// #     channels: vec![coseal::Pattern::new("orders")?],
/// # })?;
/// # let bytes = bundle.sign(&root, now, now.plus(std::time::Duration::from_secs(3600)))?;
/// # let anchor = coseal::TrustAnchor::pinned([root.verifying_key().clone()]);
/// # let trust = Arc::new(TrustBundle::load(&bytes, &anchor, now)?);
/// let (old, new) = (ReceivingKey::generate()?, ReceivingKey::generate()?);
/// let sealer = Sealer::builder(orders, "orders").recipient(old.recipient_key()).build()?;
/// let envelope = sealer.seal(b"payload")?;
///
/// let old_id = old.recipient_key().key_id();
/// let rewrapper = Rewrapper::builder(trust.clone())
///     .key(old)
///     .add_recipient(new.recipient_key())
///     .remove_recipient(old_id)
///     .build()?;
/// let rewrapped = rewrapper.rewrap(&envelope)?;
///
/// let opener = Opener::builder(trust).any_channel().archive().key(new).build()?;
/// assert_eq!(opener.open(&rewrapped)?.payload(), b"payload");
/// # Ok(())
/// # }
/// ```
pub struct Rewrapper {
    trust: InForce,
    keys: Arc<dyn KeyProvider>,
    expected: Expected,
    change: Change,
    max_len: usize,
    proven: Proven,
    epochs: Epochs,
}

/// What became of the recipients of one envelope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewrapped {
    /// Recipients that were none before.
    pub added: usize,
    /// Recipients before and after, with a new entry: whether the old one
    /// opened, nobody but its owner can say.
    pub renewed: usize,
    /// Entries that were taken out.
    pub removed: usize,
    /// Keys that should have been taken out and were not there.
    pub absent: usize,
}

impl Rewrapped {
    /// Whether the envelope is as it was.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.added == 0 && self.renewed == 0 && self.removed == 0
    }
}

impl Rewrapper {
    /// Begins to describe a re-wrapper that judges by the bundle that `trust`
    /// has in force.
    #[must_use]
    pub fn builder(trust: impl TrustSource + 'static) -> RewrapperBuilder {
        RewrapperBuilder::new(Box::new(trust))
    }

    pub(super) fn new(
        trust: Box<dyn TrustSource>,
        keys: Arc<dyn KeyProvider>,
        expected: Expected,
        change: Change,
        max_len: usize,
    ) -> Self {
        let (proven, epochs) = (Proven::new(), Epochs::new());
        Self { trust: InForce::new(trust), keys, expected, change, max_len, proven, epochs }
    }

    /// The envelope with its recipients changed.
    ///
    /// An envelope whose recipients are as they shall be, as far as their names
    /// tell, comes back as it is, and none of our keys need open it.
    ///
    /// # Errors
    ///
    /// Those of [`Verifier::verify`](crate::Verifier::verify); `no_key` and
    /// `undecryptable` where it cannot be opened; `misuse` where nobody of a
    /// known algorithm would be left, or too many, or the envelope would become
    /// too long; `entropy`; `carrier` where the key provider failed.
    pub fn rewrap(&self, envelope: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.rewrap_into(envelope, &mut out)?;
        Ok(out)
    }

    /// The same, appended to `out`, which is unchanged on error.
    ///
    /// # Errors
    ///
    /// As [`Self::rewrap`].
    pub fn rewrap_into(&self, envelope: &[u8], out: &mut Vec<u8>) -> Result<Rewrapped> {
        let (frame, ciphertext) = wire::decode(envelope, self.max_len)?;
        let bundle = self.trust.current();
        let authentic = Authentic::check(&frame, ciphertext, bundle, None, &self.proven)?;
        let verified = Verified::authorize(authentic, self.expected.wanted(), None, None)?;

        let own = frame.recipients.entries().find(|(entry, _)| self.keys.holds(entry));
        let plan = self.change.plan(&frame.recipients, own.map(|(_, encoded)| encoded));
        let counts = plan.counts;
        let Some(own) = own else {
            if counts.added == 0 && counts.removed == 0 {
                out.extend_from_slice(envelope);
                return Ok(Rewrapped { renewed: 0, ..counts });
            }
            return Err(Error::NoKey("none of the envelope's recipients is a key of ours".into()));
        };
        if counts.is_unchanged() {
            out.extend_from_slice(envelope);
            return Ok(counts);
        }
        plan.check()?;
        // Step 2 refused what has none.
        let epoch = self.open(&verified, &frame, ciphertext.unwrap_or_default(), own)?;

        let start = out.len();
        // The recipients stand last.
        let kept = envelope.len().saturating_sub(frame.recipients.encoded.len());
        out.extend_from_slice(envelope.get(..kept).unwrap_or_default());
        plan.write(&epoch.fresh, out);
        let length = out.len() - start;
        if length > self.max_len {
            out.truncate(start);
            let detail = format!("it would have {length} bytes, of at most {}", self.max_len);
            return Err(Error::misuse(detail));
        }
        Ok(counts)
    }

    /// Steps 6 and 7: the epoch, whose secret this message was encrypted under.
    fn open(
        &self,
        verified: &Verified<'_>,
        frame: &Frame<'_>,
        ciphertext: &[u8],
        (entry, encoded): (RecipientEntry<'_>, &[u8]),
    ) -> Result<Arc<Epoch>> {
        let (header, signer, suite) = (verified.header(), verified.thumbprint(), verified.suite());
        let commits = |epoch: &Epoch| {
            MessageKey::with(suite, &epoch.secret, header.iv(), |key| key.commits_to(ciphertext))?
        };
        let open = |before: Option<&Arc<Epoch>>| {
            let request = UnwrapRequest { entry, suite, epoch: header.epoch(), signer: *signer };
            let secret = self.keys.unwrap(&request)?;
            // Another entry for a secret that a message of this signer and epoch
            // opened under: what was made of it serves again.
            if let Some(before) = before.filter(|before| before.secret == secret) {
                commits(before)?;
                return Ok(Arc::clone(before));
            }
            // MUST open, tag and all: the commitment does not bind the header.
            let length = ciphertext.len().saturating_sub(CIPHERTEXT_MIN);
            let mut payload = Zeroizing::new(alloc::vec![0; length]);
            MessageKey::with(suite, &secret, header.iv(), |key| {
                key.decrypt(frame.protected, ciphertext, &mut payload)
            })??;
            let fresh = self.change.encapsulate(&secret, &request.binding())?;
            Ok(Arc::new(Epoch { secret, fresh }))
        };
        match self.epochs.obtain((*signer, header.epoch(), suite), encoded, open)? {
            Found::Before(epoch) => commits(&epoch).map(|()| epoch),
            Found::Now(epoch) => Ok(epoch),
        }
    }

    /// Names what is changed, and in which envelopes: of two re-wrappers with
    /// the same fingerprint one can go on where the other stopped. No secret can
    /// be told from it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"coseal/v1 rewrap");
        for expected in [&self.expected.channel, &self.expected.signer] {
            let text = expected.as_deref().unwrap_or_default();
            hash.update([expected.is_some().into()]);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        self.change.digest_into(&mut hash);
        hash.finalize().into()
    }
}

impl fmt::Debug for Rewrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrapper")
            .field("expected", &self.expected)
            .field("change", &self.change)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
