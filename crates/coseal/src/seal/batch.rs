//! A batch: encrypted first and signed afterwards, so that a signature may fail
//! to come and be asked for again.

use alloc::vec::Vec;

use super::layout::Layout;
use super::write::{EpochParts, Proof, Slot, encrypt, write_receipt};
use crate::error::{Error, Result};
use crate::message::Message;
use crate::receipt::tree::{Hash, Tree};

/// Where a message goes, and how long everything in its envelope is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) slot: Slot,
    pub(crate) layout: Layout,
}

/// Envelopes that lack their receipts.
#[derive(Debug)]
pub(crate) struct Batch {
    envelopes: Vec<Vec<u8>>,
    places: Vec<Placed>,
    tree: Tree,
}

impl Batch {
    /// Encrypts each message at its place.
    pub(crate) fn encrypt<'m, 'p: 'm>(
        messages: impl Iterator<Item = &'m Message<'p>>,
        places: Vec<Placed>,
        epoch: &EpochParts<'_>,
    ) -> Result<Self> {
        let mut leaves = Vec::with_capacity(Tree::nodes(places.len()));
        let mut envelopes = Vec::with_capacity(places.len());
        for (message, Placed { slot, layout }) in messages.zip(&places) {
            let mut envelope = alloc::vec![0; layout.total];
            leaves.push(encrypt(message, epoch, slot, layout, &mut envelope)?);
            envelopes.push(envelope);
        }
        Ok(Self { envelopes, places, tree: Tree::of(leaves) })
    }

    pub(crate) const fn len(&self) -> usize {
        self.envelopes.len()
    }

    /// What has to be signed: the size of the tree and its root.
    pub(crate) fn root(&self) -> (u64, Hash) {
        (self.places.len() as u64, self.tree.root())
    }

    /// Writes the receipts and gives the envelopes out, once.
    pub(crate) fn finish(&mut self, signature: &[u8; 64]) -> Result<Vec<Vec<u8>>> {
        let tree_size = self.places.len() as u64;
        for (index, (envelope, place)) in self.envelopes.iter_mut().zip(&self.places).enumerate() {
            let proof = place.layout.proof.map(|len| Proof { tree: &self.tree, index, len });
            write_receipt(place.layout.receipt_in(envelope)?, tree_size, proof, signature)?;
        }
        Ok(core::mem::take(&mut self.envelopes))
    }
}

impl Layout {
    /// The gap for the receipt in an envelope of this layout.
    pub(crate) fn receipt_in<'e>(&self, envelope: &'e mut [u8]) -> Result<&'e mut [u8]> {
        let start = self.receipt_start();
        let gap = envelope.get_mut(start..start + self.receipt);
        gap.ok_or_else(|| Error::misuse("internal: there is no room for the receipt"))
    }
}
