//! Doors that keep no one safe: sealing with an epoch secret, message IDs and
//! numbers that the caller brings. For test vectors, for platforms without an
//! operating system, and for implementations that keep epochs elsewhere.
//!
//! Whoever uses them MUST never use one (epoch secret, message ID, sequence)
//! for two messages: the key of a message is derived from these three, its
//! nonce is constant, and two messages under one key give away both.

use alloc::string::String;
use alloc::vec::Vec;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::header::{EpochId, MessageId, Previous, check_channel};
use crate::key::{Kek, RecipientKey};
use crate::limits;
use crate::message::Message;
use crate::recipient::{self, Binding};
use crate::seal::Signer;
use crate::seal::batch::{Batch, Placed};
use crate::seal::write::{EpochParts, Slot};
use crate::secret::Secret;
use crate::suite::Suite;
use crate::wire::write::Items;
use crate::wire::{Values, read_embedded};

/// An epoch of the caller's making.
#[derive(Debug)]
pub struct RawEpoch {
    signer: Signer,
    channel: String,
    suite: Suite,
    id: EpochId,
    secret: Secret<32>,
    entries: Vec<u8>,
    count: usize,
}

/// The place of a message in an epoch, chosen by the caller.
#[derive(Debug, Clone, Copy)]
pub struct RawPlace {
    /// 16 bytes, a UUID of version 7.
    pub message_id: [u8; 16],
    /// The message's number in its epoch.
    pub sequence: u64,
    /// The epoch before; with sequence 0 only.
    pub previous: Option<Previous>,
}

impl RawEpoch {
    /// An epoch without recipients.
    ///
    /// # Errors
    ///
    /// `misuse` where the channel's name breaks a rule.
    pub fn new(
        signer: impl Into<Signer>,
        channel: &str,
        suite: Suite,
        id: EpochId,
        secret: Secret<32>,
    ) -> Result<Self> {
        check_channel(channel).map_err(Error::misuse)?;
        let signer = signer.into();
        Ok(Self {
            signer,
            channel: channel.into(),
            suite,
            id,
            secret,
            entries: Vec::new(),
            count: 0,
        })
    }

    /// Adds a recipient. The ephemeral key pair is derived from `seed` (RFC
    /// 9180 §7.1.3), which MUST be fresh for each recipient of each epoch.
    ///
    /// # Errors
    ///
    /// `misuse` where the key cannot be encrypted to.
    pub fn add_recipient(&mut self, key: &RecipientKey, seed: &Secret<32>) -> Result<()> {
        let binding = Binding {
            suite: self.suite,
            epoch: self.id,
            signer: *self.signer.verifying_key().thumbprint(),
        };
        recipient::wrap_x25519(&mut self.entries, key, &self.secret, &binding, seed)?;
        self.count += 1;
        Ok(())
    }

    /// Adds a KEK as recipient.
    ///
    /// # Errors
    ///
    /// `misuse` where the ID is not 1..64 bytes long.
    pub fn add_kek(&mut self, id: &[u8], kek: &Kek) -> Result<()> {
        recipient::wrap_kek(&mut self.entries, id, kek, &self.secret)?;
        self.count += 1;
        Ok(())
    }

    /// Seals messages at places of the caller's choice, under one signature.
    ///
    /// # Errors
    ///
    /// `misuse` where a rule of the format is broken; those of the signer.
    pub fn seal(&self, messages: &[(Message<'_>, RawPlace)]) -> Result<Vec<Vec<u8>>> {
        if !(1..=limits::BATCH).contains(&messages.len()) {
            return Err(Error::misuse("a batch has 1..65536 messages"));
        }
        if !(1..=limits::RECIPIENTS).contains(&self.count) {
            return Err(Error::misuse("an envelope has 1..64 recipients"));
        }
        let mut recipients = Vec::with_capacity(self.entries.len() + 3);
        recipients.array(self.count);
        recipients.extend_from_slice(&self.entries);
        let parts = EpochParts {
            suite: self.suite,
            channel: &self.channel,
            signer: self.signer.verifying_key().key_id(),
            epoch: self.id,
            secret: &self.secret,
            recipients: &recipients,
        };
        let tree_size = messages.len() as u64;
        let placed = |((message, place), index): (&(Message<'_>, RawPlace), u64)| {
            message.check()?;
            let slot = slot(message, place, index, tree_size)?;
            Ok(Placed { slot, layout: slot.layout(message, &parts)? })
        };
        let places = messages.iter().zip(0..).map(placed).collect::<Result<Vec<_>>>()?;
        let messages = messages.iter().map(|(message, _)| message);
        let mut batch = Batch::encrypt(messages, places, &parts)?;
        let (tree_size, root) = batch.root();
        batch.finish(&self.signer.sign_root(tree_size, &root)?)
    }
}

/// Runs the strict reader alone: `input` is one item, in the one encoding and
/// of the values that the format allows, nested at most 16 deep. For comparing
/// it with other readers of CBOR; it says nothing about envelopes.
///
/// # Errors
///
/// `malformed/cbor` where the encoding is at fault, `malformed/structure` where
/// only a value is: a float, another simple value, an integer beyond 64 bits.
pub fn check_deterministic_cbor(input: &[u8]) -> Result<()> {
    read_embedded(input, |reader| reader.skip(limits::DEPTH, Values::Format).map(drop))
}

fn slot(message: &Message<'_>, place: &RawPlace, index: u64, tree_size: u64) -> Result<Slot> {
    let id = MessageId::from_bytes(place.message_id);
    if !id.is_uuid_v7() {
        return Err(Error::misuse("a message ID is a UUID of version 7"));
    }
    if place.previous.is_some() && place.sequence != 0 {
        return Err(Error::misuse("only the first message of an epoch names the one before"));
    }
    if place.previous.is_some_and(|previous| i64::try_from(previous.messages).is_err()) {
        return Err(Error::misuse("no epoch ended with this number of messages"));
    }
    let sealed_at: Time = id.sealed_at();
    Ok(Slot {
        id,
        sequence: place.sequence,
        previous: place.previous,
        expiry: message.expiry(sealed_at)?,
        index,
        tree_size,
    })
}
