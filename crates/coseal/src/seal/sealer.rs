//! The verb itself: reserve a number, encrypt, sign, done.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::Signer;
use super::batch::{Batch, Placed};
use super::builder::SealerBuilder;
use super::epochs::{ChainEnd, Epoch, Epochs, Setup};
use super::write::{Slot, encrypt, write_receipt};
use crate::clock::{Clock, Time};
use crate::entropy;
use crate::error::{Error, Result};
use crate::header::{MessageId, Previous};
use crate::key::VerifyingKey;
use crate::limits;
use crate::message::Message;
use crate::receipt::tree::Hash;

/// Random bytes in a message ID.
const RANDOM: usize = 10;

/// Messages that one call of the entropy source serves.
const DRAW: usize = 256;

/// Seals messages for one channel, by one signing key, for one set of
/// recipients. Shared between threads by reference; no lock is held during
/// cryptography.
pub struct Sealer {
    signer: Signer,
    setup: Setup,
    epochs: Epochs,
    clock: Arc<dyn Clock>,
}

impl Sealer {
    /// Begins to describe a sealer: who signs, and for which channel.
    #[must_use]
    pub fn builder(signer: impl Into<Signer>, channel: &str) -> SealerBuilder {
        SealerBuilder::new(signer.into(), channel)
    }

    pub(super) fn new(signer: Signer, setup: Setup, epochs: Epochs, clock: Arc<dyn Clock>) -> Self {
        Self { signer, setup, epochs, clock }
    }

    /// The channel it seals for.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.setup.channel
    }

    /// The key that readers verify with.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        self.signer.verifying_key()
    }

    /// Seals one message into an envelope of its own.
    ///
    /// # Errors
    ///
    /// `misuse` where the message breaks a rule of the format, `entropy`,
    /// `carrier` where a key provider failed: its number is lost then; see
    /// [`Self::encrypt_batch`] for signers that may fail.
    pub fn seal<'m>(&self, message: impl Into<Message<'m>>) -> Result<Vec<u8>> {
        let mut envelope = Vec::new();
        self.seal_into(message, &mut envelope)?;
        Ok(envelope)
    }

    /// Seals one message behind what `out` holds already. Allocates only where
    /// `out` has no room; unchanged on error.
    ///
    /// # Errors
    ///
    /// As [`Self::seal`].
    pub fn seal_into<'m>(&self, message: impl Into<Message<'m>>, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let sealed = self.seal_one(&message.into(), &mut Output::Append(out));
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed.map(drop)
    }

    /// Seals one message into the front of `out` and answers the envelope's
    /// length. On error `out` holds nothing of use.
    ///
    /// `out` MUST be private memory: what is written there is hashed and signed
    /// afterwards, and whoever could change it in between would have us sign
    /// their message.
    ///
    /// # Errors
    ///
    /// As [`Self::seal`]; `misuse` where `out` is too short, see
    /// [`Self::sealed_len`].
    pub fn seal_to<'m>(&self, message: impl Into<Message<'m>>, out: &mut [u8]) -> Result<usize> {
        self.seal_one(&message.into(), &mut Output::Front(out))
    }

    /// The most bytes that sealing `message` alone can take: the first of an
    /// epoch takes up to 19 more than the others.
    ///
    /// # Errors
    ///
    /// `misuse` where the message breaks a rule of the format.
    pub fn sealed_len(&self, message: &Message<'_>) -> Result<usize> {
        message.check()?;
        let now = self.clock.now();
        let (epoch, _) = self.epochs.current(&self.setup, 1, now)?;
        let longest = Previous { epoch: self.setup.parts(&epoch).epoch, messages: u64::MAX };
        let slot = Slot {
            id: MessageId::new(now, [0; RANDOM]),
            sequence: 0,
            previous: Some(longest),
            expiry: message.expiry(now)?,
            index: 0,
            tree_size: 1,
        };
        Ok(slot.layout(message, &self.setup.parts(&epoch))?.total)
    }

    /// Seals messages under one signature, each into an envelope of its own
    /// that can travel and be verified alone. They lie in one epoch, in this
    /// order.
    ///
    /// # Errors
    ///
    /// As [`Self::seal`], for any of them: then none is sealed. `misuse` where
    /// there are more than 65,536.
    pub fn seal_batch(&self, messages: &[Message<'_>]) -> Result<Vec<Vec<u8>>> {
        self.encrypt_batch(messages)?.sign()
    }

    /// The first half of [`Self::seal_batch`], for signers that may fail: what
    /// comes back can be asked to sign again, and nothing is encrypted twice.
    ///
    /// # Errors
    ///
    /// As [`Self::seal_batch`].
    pub fn encrypt_batch(&self, messages: &[Message<'_>]) -> Result<UnsignedBatch> {
        if messages.len() > limits::BATCH {
            return Err(Error::misuse("a batch has at most 65536 messages"));
        }
        let count = messages.len() as u64;
        let now = self.clock.now();
        messages.iter().try_for_each(Message::check)?;
        check_clock(now)?;
        let mut places = Vec::with_capacity(messages.len());
        // Whatever can fail before the signature, fails here: before the
        // numbers are taken.
        let epoch = self.reserve(count, now, |epoch, first| {
            places.clear();
            for chunk in messages.chunks(DRAW) {
                let mut random = [[0; RANDOM]; DRAW];
                let random = random.get_mut(..chunk.len()).unwrap_or_default();
                entropy::fill(random.as_flattened_mut())?;
                for (message, random) in chunk.iter().zip(random) {
                    let index = places.len() as u64;
                    let place = Place { index, sequence: first + index, tree_size: count };
                    places.push(self.place(message, epoch, place, *random, now)?);
                }
            }
            Ok(())
        })?;
        let batch = Batch::encrypt(messages.iter(), places, &self.setup.parts(&epoch))?;
        self.epochs.prepare(&self.setup, &epoch, count, now);
        Ok(UnsignedBatch { batch, epoch, signer: self.signer.clone() })
    }

    /// Ends the chain of epochs. A later sealer can continue it; nothing is
    /// answered where there is nothing to continue.
    #[must_use]
    pub fn close(self) -> Option<ChainEnd> {
        self.epochs.close()
    }

    fn seal_one(&self, message: &Message<'_>, out: &mut Output<'_>) -> Result<usize> {
        message.check()?;
        let now = self.clock.now();
        check_clock(now)?;
        let mut random = [0; RANDOM];
        entropy::fill(&mut random)?;
        let mut placed = None;
        let epoch = self.reserve(1, now, |epoch, sequence| {
            let place = Place { index: 0, sequence, tree_size: 1 };
            let found = self.place(message, epoch, place, random, now)?;
            placed = Some(found);
            out.make_room(found.layout.total)
        })?;
        let placed = placed.ok_or_else(|| Error::misuse("internal: a message without a place"))?;
        let Placed { slot, layout } = &placed;
        let out = out.slot(layout.total)?;
        let leaf = encrypt(message, &self.setup.parts(&epoch), slot, layout, out)?;
        let signature = sign_root(&self.signer, &epoch, 1, &leaf)?;
        write_receipt(layout.receipt_in(out)?, 1, None, &signature)?;
        self.epochs.prepare(&self.setup, &epoch, 1, now);
        Ok(layout.total)
    }

    /// The place of a message in an envelope that a reader will take.
    fn place(
        &self,
        message: &Message<'_>,
        epoch: &Epoch,
        Place { index, sequence, tree_size }: Place,
        random: [u8; RANDOM],
        now: Time,
    ) -> Result<Placed> {
        let slot = Slot {
            id: MessageId::new(now, random),
            sequence,
            previous: epoch.previous_of(sequence),
            expiry: message.expiry(now)?,
            index,
            tree_size,
        };
        let layout = slot.layout(message, &self.setup.parts(epoch))?;
        let most = self.setup.max_len;
        if layout.total > most {
            let detail = format!("the envelope would be {} bytes long, over {most}", layout.total);
            return Err(Error::misuse(detail));
        }
        Ok(Placed { slot, layout })
    }

    /// Takes `count` numbers of an epoch, once `check` found that sealing from
    /// this number on cannot fail.
    fn reserve(
        &self,
        count: u64,
        now: Time,
        mut check: impl FnMut(&Epoch, u64) -> Result<()>,
    ) -> Result<Arc<Epoch>> {
        loop {
            let (epoch, first) = self.epochs.current(&self.setup, count, now)?;
            check(&epoch, first)?;
            if epoch.reserve(first, count, self.signer.is_remote()) {
                return Ok(epoch);
            }
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("signer", &self.signer)
            .field("channel", &self.setup.channel)
            .field("epochs", &self.epochs)
            .finish_non_exhaustive()
    }
}

/// A message ID has 48 bits for its time.
fn check_clock(now: Time) -> Result<()> {
    match now.as_millis() {
        1..0x1_0000_0000_0000 => Ok(()),
        _ => Err(Error::misuse("the clock stands before 1970 or after the year 10889")),
    }
}

/// Where a message stands in its epoch and its batch.
#[derive(Clone, Copy)]
struct Place {
    index: u64,
    sequence: u64,
    tree_size: u64,
}

/// Signs a root, and notes that its messages are sealed. What a remote signer
/// never signs for stays owed: the epoch's number is then told by nobody.
fn sign_root(signer: &Signer, epoch: &Epoch, tree_size: u64, root: &Hash) -> Result<[u8; 64]> {
    let signature = signer.sign_root(tree_size, root)?;
    if signer.is_remote() {
        epoch.signed(tree_size);
    }
    Ok(signature)
}

/// A batch that is encrypted and numbered, and lacks its signature.
pub struct UnsignedBatch {
    batch: Batch,
    epoch: Arc<Epoch>,
    signer: Signer,
}

impl UnsignedBatch {
    /// Signs the root and gives the envelopes out, once.
    ///
    /// # Errors
    ///
    /// The key provider's; the batch is unchanged then and can be signed later.
    pub fn sign(&mut self) -> Result<Vec<Vec<u8>>> {
        if self.batch.len() == 0 {
            return Ok(Vec::new());
        }
        let (tree_size, root) = self.batch.root();
        let signature = sign_root(&self.signer, &self.epoch, tree_size, &root)?;
        self.batch.finish(&signature)
    }
}

impl fmt::Debug for UnsignedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedBatch")
            .field("messages", &self.batch.len())
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}

/// Where an envelope goes.
enum Output<'o> {
    Append(&'o mut Vec<u8>),
    Front(&'o mut [u8]),
}

impl Output<'_> {
    fn make_room(&mut self, total: usize) -> Result<()> {
        match self {
            Self::Append(out) => out
                .try_reserve(total)
                .map_err(|_| Error::misuse(format!("no memory for an envelope of {total} bytes"))),
            Self::Front(out) if out.len() < total => {
                let room = out.len();
                Err(Error::misuse(format!("the envelope takes {total} bytes; there are {room}")))
            }
            Self::Front(_) => Ok(()),
        }
    }

    fn slot(&mut self, total: usize) -> Result<&mut [u8]> {
        let slot = match self {
            Self::Append(out) => {
                let start = out.len();
                out.resize(start + total, 0);
                out.get_mut(start..)
            }
            Self::Front(out) => out.get_mut(..total),
        };
        slot.ok_or_else(|| Error::misuse("internal: no room for the envelope"))
    }
}
