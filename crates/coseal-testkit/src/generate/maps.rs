//! The maps of an envelope, each as something to change before it is encoded.
//! What is changed is signed.

use super::world::World;
use crate::build::cbor::{self, Fields, Item};
use crate::build::draft::Draft;
use crate::build::hpke::wrap;
use crate::build::keys::seed;
use crate::build::merkle::Proof;
use crate::build::plan::{A256KW, HPKE_ALG, label};

/// A map somewhere in an envelope, changed before it is encoded.
pub(super) type Map = fn(&mut Draft, &dyn Fn(&mut Fields));

pub(super) fn header(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    draft.header.set(label::CONTENT_TYPE, cbor::text("text/plain"));
    draft.header.set(label::APPLICATION, cbor::map([(cbor::text("a"), cbor::uint(1))]));
    draft.header.set(label::EXTENSION, cbor::uint(1));
    change(&mut draft.header);
}

pub(super) fn claims(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let mut claims = draft.plan.claims().with(4, cbor::uint(1_790_003_600));
    change(&mut claims);
    draft.header.set(label::CLAIMS, claims.encode());
}

pub(super) fn receipt(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    change(&mut draft.receipt.protected);
}

/// The receipt's unprotected map, and the map of proofs in it.
pub(super) fn receipt_unprotected(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    in_proofs(draft, change, |_| ());
}

pub(super) fn receipt_proofs(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    in_proofs(draft, &|_| (), change);
}

fn in_proofs(draft: &mut Draft, outer: &dyn Fn(&mut Fields), inner: impl Fn(&mut Fields)) {
    let proof = Proof::imagined(2, 0, "cells");
    draft.receipt.place(proof.clone());
    let mut proofs = Fields::new().with(-1, cbor::array([cbor::bytes(proof.encode())]));
    inner(&mut proofs);
    let mut unprotected = Fields::new().with(396, proofs.encode());
    outer(&mut unprotected);
    draft.receipt.unprotected = Some(unprotected.encode());
}

/// Where the receipts are.
pub(super) fn receipts(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let receipts = cbor::array([cbor::bytes(draft.seal().receipt)]);
    let mut fields = Fields::new().with(label::RECEIPTS, receipts);
    change(&mut fields);
    draft.frame.unprotected = Some(fields.encode());
}

/// An entry after the one that is used.
pub(super) struct Entry {
    protected: Fields,
    unprotected: Fields,
    ciphertext: Vec<u8>,
}

impl Entry {
    fn x25519(draft: &Draft) -> Self {
        let stock = World::new().stock;
        let plan = &draft.plan;
        let wrapped = wrap(&stock.public, seed("cells"), &plan.hpke_info(), &plan.epoch_secret);
        Self {
            protected: Fields::new().with(1, cbor::int(HPKE_ALG)),
            unprotected: Fields::new()
                .with(4, cbor::bytes(stock.key_id()))
                .with(-4, cbor::bytes(wrapped.encapsulated)),
            ciphertext: wrapped.ciphertext,
        }
    }

    fn kek() -> Self {
        Self {
            protected: Fields::new(),
            unprotected: Fields::new().with(1, cbor::int(A256KW)).with(4, cbor::bytes(b"kek")),
            ciphertext: vec![0; 40],
        }
    }

    /// Of an algorithm that nobody knows, in one part or the other.
    pub(super) fn other(protected: Fields, unprotected: Fields) -> Self {
        Self { protected, unprotected, ciphertext: Vec::new() }
    }

    pub(super) fn encode(&self) -> Item {
        let protected = match self.protected.entries.as_slice() {
            [] => Vec::new(),
            _ => self.protected.encode(),
        };
        let ciphertext = cbor::bytes(&self.ciphertext);
        cbor::array([cbor::bytes(protected), self.unprotected.encode(), ciphertext])
    }
}

pub(super) fn x25519_protected(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let mut entry = Entry::x25519(draft);
    change(&mut entry.protected);
    draft.recipients.push(entry.encode());
}

pub(super) fn x25519(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let mut entry = Entry::x25519(draft);
    change(&mut entry.unprotected);
    draft.recipients.push(entry.encode());
}

pub(super) fn kek(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let mut entry = Entry::kek();
    change(&mut entry.unprotected);
    draft.recipients.push(entry.encode());
}

pub(super) fn other(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let mut entry = Entry::other(Fields::new(), Fields::new().with(1, cbor::int(-99)));
    change(&mut entry.unprotected);
    draft.recipients.push(entry.encode());
}

pub(super) fn other_protected(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    let mut entry = Entry::other(Fields::new().with(1, cbor::int(-99)), Fields::new());
    change(&mut entry.protected);
    draft.recipients.push(entry.encode());
}

pub(super) fn other_label(draft: &mut Draft, change: &dyn Fn(&mut Fields)) {
    other(draft, &|fields| {
        fields.set(99, cbor::uint(0));
        change(fields);
    });
}

/// A label as a part of a file name.
pub(super) fn spelt(label: i64) -> String {
    match label {
        ..0 => format!("minus_{}", label.unsigned_abs()),
        _ => label.to_string(),
    }
}
