//! Bytes of the fuzzer → a sound envelope, changed.

use arbitrary::Arbitrary;

use crate::fixture::{ENVELOPES, Sealed, seed};
use crate::item::Item;
use crate::sign::{self, leaf_of_envelope, receipts_mut};

/// What to do to which envelope.
#[derive(Arbitrary, Debug)]
pub(super) struct Plan {
    base: u8,
    /// Changes to its items, byte strings that hold items taken apart.
    edits: Vec<Edit>,
    /// Then somebody signs the result, alone.
    signed: Option<Signed>,
    /// The keys of maps are left in the order the edits gave them.
    unsorted: bool,
    /// Last, changes to its bytes.
    cuts: Vec<Cut>,
}

/// One change. Items are counted from the outside in, first to last; numbers
/// wrap around.
#[derive(Arbitrary, Debug)]
enum Edit {
    Replace {
        item: u16,
        with: Literal,
    },
    Remove {
        item: u16,
    },
    Repeat {
        item: u16,
    },
    SwapWithNext {
        item: u16,
    },
    Flip {
        item: u16,
        bit: u16,
    },
    Resize {
        item: u16,
        length: u8,
    },
    Count {
        item: u16,
        by: i8,
    },
    Wrap {
        item: u16,
        tag: Option<u8>,
    },
    /// The item that stands in the same place elsewhere.
    Graft {
        item: u16,
        from: u8,
    },
    /// One of the four parts, from elsewhere.
    GraftPart {
        part: u8,
        from: u8,
    },
    /// All recipients of another envelope, before ours or behind.
    AddRecipients {
        from: u8,
        before: bool,
    },
    /// A recipient of no known algorithm.
    AddStranger {
        length: u16,
        before: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Literal {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    Bool(bool),
    Null,
    Float(u16),
    EmptyArray,
    EmptyMap,
    ZeroBytes(u8),
}

#[derive(Arbitrary, Debug)]
struct Signed {
    by: u8,
    as_ed25519: bool,
}

#[derive(Arbitrary, Debug)]
enum Cut {
    Flip { at: u16, bits: u8 },
    Truncate { at: u16 },
    Insert { at: u16, bytes: [u8; 2] },
    Remove { at: u16, length: u8 },
    Splice { at: u16, from: u8, start: u16, length: u16 },
}

/// More changes than these say nothing new.
const MOST: usize = 8;

impl Plan {
    /// The envelope to begin with.
    pub(super) fn base(&self) -> &'static Sealed {
        sealed(self.base)
    }

    /// Who signed the result, if somebody did.
    pub(super) fn signer(&self) -> Option<&'static [u8; 32]> {
        let signed = self.signed.as_ref()?;
        seed::SIGNERS.get(usize::from(signed.by) % seed::SIGNERS.len())
    }

    /// The envelope with all changes made.
    pub(super) fn carry_out(&self) -> Vec<u8> {
        let mut envelope = expanded(self.base);
        self.edits.iter().take(MOST).for_each(|edit| edit.make(&mut envelope));
        if let (Some(signed), Some(seed)) = (&self.signed, self.signer()) {
            sign_anew(&mut envelope, seed, signed.as_ed25519);
        }
        let mut bytes = if self.unsorted { envelope.encode_unsorted() } else { envelope.encode() };
        self.cuts.iter().take(MOST).for_each(|cut| cut.make(&mut bytes));
        bytes
    }
}

fn sealed(number: u8) -> &'static Sealed {
    &ENVELOPES[usize::from(number) % ENVELOPES.len()]
}

fn expanded(number: u8) -> Item {
    sealed(number).item.clone()
}

/// Puts a receipt over what is there now in the place of the sender's.
fn sign_anew(envelope: &mut Item, seed: &[u8; 32], as_ed25519: bool) {
    let Ok((plain, _)) = Item::read(&envelope.encode(), usize::MAX) else { return };
    let Some(leaf) = leaf_of_envelope(&plain) else { return };
    let algorithm = if as_ed25519 { -19 } else { -8 };
    let receipt = sign::sender_receipt(seed, algorithm, 1, None, &leaf);
    if let Some(Item::Array(receipts)) = receipts_mut(envelope)
        && let Some(first) = receipts.first_mut()
    {
        *first = Item::bytes(&receipt.encode());
    }
}

impl Literal {
    fn item(&self) -> Item {
        match self {
            Self::Int(value) => Item::of_int(*value),
            Self::Bytes(bytes) => Item::bytes(bytes),
            Self::Text(text) => Item::text(text),
            Self::Bool(value) => Item::Simple(20 + u8::from(*value)),
            Self::Null => Item::NULL,
            Self::Float(bits) => Item::Float(bits.to_be_bytes().to_vec()),
            Self::EmptyArray => Item::Array(Vec::new()),
            Self::EmptyMap => Item::Map(Vec::new()),
            Self::ZeroBytes(length) => Item::Bytes(vec![0; (*length).into()]),
        }
    }
}

impl Edit {
    fn make(&self, envelope: &mut Item) {
        match self {
            Self::Replace { item, with } => on(envelope, *item, |item| *item = with.item()),
            Self::Remove { item } => on_parent(envelope, *item, |siblings, at| {
                siblings.remove(at);
            }),
            Self::Repeat { item } => on_parent(envelope, *item, |siblings, at| {
                siblings.insert(at, siblings[at].clone());
            }),
            Self::SwapWithNext { item } => on_parent(envelope, *item, |siblings, at| {
                let next = (at + 1) % siblings.len();
                siblings.swap(at, next);
            }),
            Self::Flip { item, bit } => on(envelope, *item, |item| flip(item, *bit)),
            Self::Resize { item, length } => on(envelope, *item, |item| {
                if let Item::Bytes(bytes) | Item::Text(bytes) = item {
                    bytes.resize((*length).into(), b'a');
                }
            }),
            Self::Count { item, by } => on(envelope, *item, |item| {
                if let Item::Uint(n) | Item::Negative(n) | Item::Tag(n, _) = item {
                    *n = n.wrapping_add_signed((*by).into());
                }
            }),
            Self::Wrap { item, tag } => on(envelope, *item, |item| {
                let inner = std::mem::replace(item, Item::NULL);
                *item = match tag {
                    Some(tag) => Item::Tag((*tag).into(), Box::new(inner)),
                    None => Item::Array(vec![inner]),
                };
            }),
            Self::Graft { item, from } => {
                let mut donor = expanded(*from);
                let graft = nth(&mut donor, &mut usize::from(*item)).map(|item| item.clone());
                on(envelope, *item, |item| *item = graft.unwrap_or(Item::NULL));
            }
            Self::GraftPart { part, from } => {
                let mut donor = expanded(*from);
                let at = usize::from(*part % 4);
                if let (Some(donor), Some(own)) = (parts(&mut donor), parts(envelope))
                    && let (Some(graft), Some(slot)) = (donor.get(at), own.get_mut(at))
                {
                    *slot = graft.clone();
                }
            }
            Self::AddRecipients { from, before } => {
                let mut donor = expanded(*from);
                if let Some(Item::Array(added)) = parts(&mut donor).and_then(|parts| parts.get(3)) {
                    add_recipients(envelope, added, *before);
                }
            }
            Self::AddStranger { length, before } => {
                let protected = Item::map([(1, Item::of_int(-99))]).encode();
                let content = Item::Bytes(vec![0; usize::from(*length) % 5000]);
                let parts = vec![Item::bytes(&protected), Item::Map(Vec::new()), content];
                add_recipients(envelope, &[Item::Array(parts)], *before);
            }
        }
    }
}

fn parts(envelope: &mut Item) -> Option<&mut Vec<Item>> {
    match envelope {
        Item::Tag(_, array) => match &mut **array {
            Item::Array(parts) => Some(parts),
            _ => None,
        },
        _ => None,
    }
}

fn add_recipients(envelope: &mut Item, added: &[Item], before: bool) {
    if let Some(Item::Array(recipients)) = parts(envelope).and_then(|parts| parts.get_mut(3)) {
        let at = if before { 0 } else { recipients.len() };
        recipients.splice(at..at, added.iter().cloned());
    }
}

fn flip(item: &mut Item, bit: u16) {
    match item {
        Item::Bytes(bytes) | Item::Text(bytes) => {
            if let Some(byte) = bytes.get_mut(usize::from(bit / 8)) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Item::Uint(n) | Item::Negative(n) | Item::Tag(n, _) => *n ^= 1 << (bit % 64),
        _ => (),
    }
}

/// Does something to item number `number`, modulo how many there are.
fn on(envelope: &mut Item, number: u16, then: impl FnOnce(&mut Item)) {
    let mut number = usize::from(number) % count(envelope);
    if let Some(item) = nth(envelope, &mut number) {
        then(item);
    }
}

fn count(item: &Item) -> usize {
    let mut count = 0;
    item.any(&mut |_| {
        count += 1;
        false
    });
    count
}

/// Item number `left`, counting from here, in the order of [`Item::any`].
fn nth<'a>(item: &'a mut Item, left: &mut usize) -> Option<&'a mut Item> {
    if *left == 0 {
        return Some(item);
    }
    *left -= 1;
    match item {
        Item::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Item::Map(entries) => entries.iter_mut().find_map(|(key, value)| {
            // Not both in one: the key's borrow would outlive the look at it.
            if let Some(found) = nth(key, left) { Some(found) } else { nth(value, left) }
        }),
        Item::Tag(_, item) | Item::Embedded(item) => nth(item, left),
        _ => None,
    }
}

/// Does something to the list that item number `number` stands in. In a map,
/// entries are what stands in it.
fn on_parent(envelope: &mut Item, number: u16, then: impl FnOnce(&mut Vec<Item>, usize)) {
    let mut left = usize::from(number) % count(envelope);
    let mut then = Some(then);
    in_parent(envelope, &mut left, &mut |siblings, at| {
        if let Some(then) = then.take() {
            then(siblings, at);
        }
    });
}

fn in_parent(
    item: &mut Item,
    left: &mut usize,
    then: &mut dyn FnMut(&mut Vec<Item>, usize),
) -> bool {
    match item {
        Item::Array(items) => {
            for at in 0..items.len() {
                *left = left.wrapping_sub(1);
                if *left == 0 {
                    then(items, at);
                    return true;
                }
                if in_parent(&mut items[at], left, then) {
                    return true;
                }
            }
            false
        }
        Item::Map(entries) => {
            for at in 0..entries.len() {
                // Key or value: the entry is meant.
                let first = left.wrapping_sub(1);
                let (key, value) = &mut entries[at];
                *left = first;
                let found = first == 0 || in_parent(key, left, then) || {
                    *left = left.wrapping_sub(1);
                    *left == 0
                };
                if found {
                    let mut pairs: Vec<_> = std::mem::take(entries)
                        .into_iter()
                        .map(|(key, value)| Item::Array(vec![key, value]))
                        .collect();
                    then(&mut pairs, at);
                    *entries = pairs.into_iter().filter_map(pair).collect();
                    return true;
                }
                if in_parent(value, left, then) {
                    return true;
                }
            }
            false
        }
        Item::Tag(_, item) | Item::Embedded(item) => {
            *left = left.wrapping_sub(1);
            in_parent(item, left, then)
        }
        _ => false,
    }
}

fn pair(item: Item) -> Option<(Item, Item)> {
    match item {
        Item::Array(items) => {
            let [key, value] = <[Item; 2]>::try_from(items).ok()?;
            Some((key, value))
        }
        _ => None,
    }
}

impl Cut {
    fn make(&self, bytes: &mut Vec<u8>) {
        let place = |at: u16| usize::from(at) % (bytes.len() + 1);
        match *self {
            Self::Flip { at, bits } => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Self::Truncate { at } => bytes.truncate(place(at)),
            Self::Insert { at, bytes: inserted } => {
                let at = place(at);
                bytes.splice(at..at, inserted);
            }
            Self::Remove { at, length } => {
                let start = place(at);
                let end = (start + usize::from(length)).min(bytes.len());
                bytes.drain(start..end);
            }
            Self::Splice { at, from, start, length } => {
                let donor = &sealed(from).bytes;
                let start = usize::from(start) % donor.len();
                let taken = &donor[start..(start + usize::from(length)).min(donor.len())];
                let at = place(at);
                let end = (at + taken.len()).min(bytes.len());
                bytes.splice(at..end, taken.iter().copied());
            }
        }
    }
}
