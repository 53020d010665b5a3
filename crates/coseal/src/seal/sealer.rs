//! The verb itself: reserve a number, encrypt, sign, done.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::Signer;
use super::builder::SealerBuilder;
use super::epochs::{ChainEnd, Epoch, Epochs, Setup};
use super::layout::Layout;
use super::write::{Encrypted, Proof, Slot, encrypt, write_receipt};
use crate::clock::{Clock, Time};
use crate::entropy;
use crate::error::{Error, Result};
use crate::header::{MessageId, Previous};
use crate::limits;
use crate::message::Message;
use crate::receipt::tree::{Hash, Tree};

/// Random bytes in a message ID.
const RANDOM: usize = 10;

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
        let mut random = alloc::vec![0; messages.len() * RANDOM];
        entropy::fill(&mut random)?;
        let (random, _) = random.as_chunks();
        let (epoch, first) = self.reserve(count, now, |epoch, first| {
            // Whatever can fail before the signature, fails here: before the
            // numbers are taken.
            let slots = slots(messages, epoch, first, random, now);
            slots.into_iter().try_for_each(|slot| {
                let (message, slot) = slot?;
                self.layout(message, &slot, epoch).map(drop)
            })
        })?;
        let mut leaves = Vec::with_capacity(Tree::nodes(messages.len()));
        let mut pending = Vec::with_capacity(messages.len());
        let parts = self.setup.parts(&epoch);
        for slot in slots(messages, &epoch, first, random, now) {
            let (message, slot) = slot?;
            let layout = slot.layout(message, &parts)?;
            let mut envelope = alloc::vec![0; layout.total];
            let Encrypted { leaf, receipt } =
                encrypt(message, &parts, &slot, &layout, &mut envelope)?;
            leaves.push(leaf);
            pending.push(Pending { envelope, receipt, proof: layout.proof });
        }
        self.epochs.prepare(&self.setup, &epoch, count, now);
        Ok(UnsignedBatch { pending, tree: Tree::of(leaves), epoch, signer: self.signer.clone() })
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
        let messages = core::slice::from_ref(message);
        let random = core::slice::from_ref(&random);
        let one = |epoch: &Epoch, first| -> Result<(Slot, Layout)> {
            let slot = slots(messages, epoch, first, random, now).next();
            let (_, slot) = slot.ok_or_else(|| Error::misuse("internal: no slot"))??;
            Ok((slot, self.layout(message, &slot, epoch)?))
        };
        let (epoch, first) = self.reserve(1, now, |epoch, first| {
            let (_, layout) = one(epoch, first)?;
            out.make_room(layout.total)
        })?;
        let (slot, layout) = one(&epoch, first)?;
        let out = out.slot(layout.total)?;
        let Encrypted { leaf, receipt } =
            encrypt(message, &self.setup.parts(&epoch), &slot, &layout, out)?;
        let signature = sign_root(&self.signer, &epoch, 1, &leaf)?;
        let receipt = out.get_mut(receipt).ok_or_else(|| Error::misuse("internal: no receipt"))?;
        write_receipt(receipt, 1, None, &signature)?;
        self.epochs.prepare(&self.setup, &epoch, 1, now);
        Ok(layout.total)
    }

    /// The layout of an envelope that a reader will take.
    fn layout(&self, message: &Message<'_>, slot: &Slot, epoch: &Epoch) -> Result<Layout> {
        let layout = slot.layout(message, &self.setup.parts(epoch))?;
        let most = self.setup.max_len;
        if layout.total > most {
            let detail = format!("the envelope would be {} bytes long, over {most}", layout.total);
            return Err(Error::misuse(detail));
        }
        Ok(layout)
    }

    /// Takes `count` numbers of an epoch, once `check` found that sealing from
    /// this number on cannot fail.
    fn reserve(
        &self,
        count: u64,
        now: Time,
        mut check: impl FnMut(&Epoch, u64) -> Result<()>,
    ) -> Result<(Arc<Epoch>, u64)> {
        loop {
            let (epoch, first) = self.epochs.current(&self.setup, count, now)?;
            check(&epoch, first)?;
            if epoch.reserve(first, count, self.signer.is_remote()) {
                return Ok((epoch, first));
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

/// Each message with its place, numbered from `first`.
fn slots<'s, 'm>(
    messages: &'s [Message<'m>],
    epoch: &'s Epoch,
    first: u64,
    random: &'s [[u8; RANDOM]],
    now: Time,
) -> impl Iterator<Item = Result<(&'s Message<'m>, Slot)>> {
    let tree_size = messages.len() as u64;
    messages.iter().zip(random).zip(0_u64..).map(move |((message, random), index)| {
        let sequence = first + index;
        let slot = Slot {
            id: MessageId::new(now, *random),
            sequence,
            previous: epoch.previous_of(sequence),
            expiry: message.expiry(now)?,
            index,
            tree_size,
        };
        Ok((message, slot))
    })
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

/// An envelope that lacks its receipt.
struct Pending {
    envelope: Vec<u8>,
    receipt: core::ops::Range<usize>,
    proof: Option<usize>,
}

/// A batch that is encrypted and numbered, and lacks its signature.
pub struct UnsignedBatch {
    pending: Vec<Pending>,
    tree: Tree,
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
        self.fill_receipts()?;
        let pending = core::mem::take(&mut self.pending);
        Ok(pending.into_iter().map(|pending| pending.envelope).collect())
    }

    fn fill_receipts(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Self { pending, tree, epoch, signer } = self;
        let tree_size = pending.len() as u64;
        let signature = sign_root(signer, epoch, tree_size, &tree.root())?;
        for (index, Pending { envelope, receipt, proof }) in pending.iter_mut().enumerate() {
            let proof = proof.map(|len| Proof { tree, index, len });
            let receipt = envelope
                .get_mut(receipt.clone())
                .ok_or_else(|| Error::misuse("internal: no receipt"))?;
            write_receipt(receipt, tree_size, proof, &signature)?;
        }
        Ok(())
    }
}

impl fmt::Debug for UnsignedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedBatch")
            .field("messages", &self.pending.len())
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
