//! Writes envelopes into buffers of exactly their length.

use sha2::Digest;

use super::layout::{Layout, Place};
use crate::cipher::MessageKey;
use crate::error::{Error, Result};
use crate::hash::Sha256;
use crate::header::{EpochId, MessageId, Previous};
use crate::key::KeyId;
use crate::message::Message;
use crate::receipt::tree::{Hash, Tree};
use crate::receipt::{self, leaf_of};
use crate::secret::Secret;
use crate::suite::Suite;
use crate::wire::write::{Items, Sink, Slots};
use crate::wire::{TAG_ENCRYPT, TAG_SIGN1, label, path_length};

/// What all messages of an epoch share.
pub(crate) struct EpochParts<'e> {
    pub(crate) suite: Suite,
    pub(crate) channel: &'e str,
    pub(crate) signer: KeyId,
    pub(crate) epoch: EpochId,
    pub(crate) secret: &'e Secret<32>,
    /// The encoded array of recipients.
    pub(crate) recipients: &'e [u8],
}

/// One message's place in its epoch and batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) id: MessageId,
    pub(crate) sequence: u64,
    pub(crate) previous: Option<Previous>,
    pub(crate) expiry: Option<u64>,
    pub(crate) index: u64,
    pub(crate) tree_size: u64,
}

impl Slot {
    pub(crate) fn layout(&self, message: &Message<'_>, epoch: &EpochParts<'_>) -> Result<Layout> {
        let place = Place {
            channel: epoch.channel,
            previous: self.previous,
            expiry: self.expiry,
            recipients: epoch.recipients,
            index: self.index,
            tree_size: self.tree_size,
        };
        Layout::of(message, &place)
    }
}

/// A miscalculated length: our own fault, never the caller's.
fn miscalculated() -> Error {
    Error::misuse("internal: the length of an envelope was miscalculated; please report this")
}

/// Writes everything but the receipt into `out`, which is as long as the
/// layout says: header, ciphertext, recipients. Answers the message's leaf.
pub(crate) fn encrypt(
    message: &Message<'_>,
    epoch: &EpochParts<'_>,
    slot: &Slot,
    layout: &Layout,
    out: &mut [u8],
) -> Result<Hash> {
    let mut out = Slots::new(out);
    out.tag(TAG_ENCRYPT);
    out.array(4);
    out.bytes_head(layout.protected);
    let protected = out.reserve(layout.protected);
    let iv = write_protected(protected, message, epoch, slot)?;
    out.map(1);
    out.int(label::RECEIPTS);
    out.array(1);
    out.bytes_head(layout.receipt);
    out.reserve(layout.receipt);
    out.bytes_head(layout.ciphertext);
    let ciphertext = out.reserve(layout.ciphertext);
    let encrypted = MessageKey::with(epoch.suite, epoch.secret, &iv, |key| {
        key.encrypt(protected, message.payload(), ciphertext)
    })?;
    if !encrypted {
        return Err(Error::misuse("the payload is longer than the suite can encrypt"));
    }
    out.put(epoch.recipients);
    if !out.is_full() {
        return Err(miscalculated());
    }
    Ok(leaf_of(protected, &Sha256::digest(&*ciphertext).into()))
}

/// Writes the protected header and answers the IV in it.
fn write_protected(
    out: &mut [u8],
    message: &Message<'_>,
    epoch: &EpochParts<'_>,
    slot: &Slot,
) -> Result<[u8; 24]> {
    let mut iv = [0; 24];
    let (id, sequence) = iv.split_at_mut(16);
    id.copy_from_slice(slot.id.as_bytes());
    sequence.copy_from_slice(&slot.sequence.to_be_bytes());

    let mut out = Slots::new(out);
    let content_type = message.media_type();
    out.map(4 + usize::from(content_type.is_some()) + usize::from(message.has_headers()));
    out.int(label::ALGORITHM);
    out.put(&epoch.suite.encoded());
    if let Some(content_type) = content_type {
        out.int(label::CONTENT_TYPE);
        out.text(content_type);
    }
    out.int(label::IV);
    out.bytes(&iv);
    out.int(label::CLAIMS);
    out.map(1 + usize::from(slot.expiry.is_some()));
    out.int(label::AUDIENCE);
    out.text(epoch.channel);
    if let Some(expiry) = slot.expiry {
        out.int(label::EXPIRY);
        out.uint(expiry);
    }
    out.int(label::COSEAL);
    out.array(3 + usize::from(slot.previous.is_some()));
    out.uint(1);
    out.bytes(epoch.signer.as_bytes());
    out.bytes(epoch.epoch.as_bytes());
    if let Some(previous) = slot.previous {
        out.array(2);
        out.bytes(previous.epoch.as_bytes());
        out.uint(previous.messages);
    }
    if message.has_headers() {
        out.int(label::APPLICATION);
        message.write_headers(&mut out);
    }
    if out.is_full() { Ok(iv) } else { Err(miscalculated()) }
}

/// A leaf's place in a tree of several, and the length of its encoded proof.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) index: usize,
    pub(crate) len: usize,
}

/// Fills the gap that [`encrypt`] left.
pub(crate) fn write_receipt(
    out: &mut [u8],
    tree_size: u64,
    proof: Option<Proof<'_>>,
    signature: &[u8; 64],
) -> Result<()> {
    let mut out = Slots::new(out);
    out.tag(TAG_SIGN1);
    out.array(4);
    out.bytes_head(receipt::protected_len(tree_size));
    receipt::write_protected(&mut out, tree_size);
    if let Some(Proof { tree, index, len }) = proof {
        out.map(1);
        out.int(label::PROOFS);
        out.map(1);
        out.int(label::INCLUSION);
        out.array(1);
        out.bytes_head(len);
        out.array(3);
        out.uint(tree_size);
        out.uint(index as u64);
        out.array(path_length(index as u64, tree_size));
        for hash in tree.path(index) {
            out.bytes(hash);
        }
    } else {
        out.map(0);
    }
    out.null();
    out.bytes(signature);
    if out.is_full() { Ok(()) } else { Err(miscalculated()) }
}
