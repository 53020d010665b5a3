//! A letter too long for its carrier ⇄ several shorter ones. A message as long
//! as the carrier takes would else have no dead letter, and whoever sent one
//! would hold up its queue.

use std::collections::{BTreeMap, VecDeque};

use coseal::{Error, Position, Result};
use sha2::{Digest, Sha256};

use super::{DETAIL, Part, RefusedMessage};

/// What is said in place of what found no room.
const LEFT_OUT: &str = "(key and headers left out: too long for this letter) ";

pub(super) fn encode_within(letter: &RefusedMessage<'_>, most: usize) -> Result<Vec<Vec<u8>>> {
    let whole = letter.encode();
    if whole.len() <= most {
        return Ok(vec![whole]);
    }
    let original = &letter.original;
    let digest = Sha256::digest(original).into();
    // As long as whatever stands beside the original can get.
    let longest = Part { index: u64::MAX - 1, count: u64::MAX, digest };
    let beside = letter.encode_part(&[], Some(&longest)).len() + size_of::<u64>();
    let Some(room) = most.checked_sub(beside).filter(|room| *room > 0) else {
        if letter.headers.is_empty() && letter.key.is_none() {
            let detail = format!("no dead letter of {most} bytes: {beside} are beside the message");
            return Err(Error::Misuse(detail.into()));
        }
        // For people: what matters more is said first.
        let mut detail = format!("{LEFT_OUT}{}", letter.detail);
        detail.truncate(detail.floor_char_boundary(DETAIL));
        let shorter = RefusedMessage {
            headers: Vec::new(),
            key: None,
            detail: detail.into(),
            ..letter.clone()
        };
        return encode_within(&shorter, most);
    };
    let count = original.len().div_ceil(room) as u64;
    let parts = original
        .chunks(room)
        .zip(0..)
        .map(|(chunk, index)| letter.encode_part(chunk, Some(&Part { index, count, digest })));
    Ok(parts.collect())
}

/// What a letter made whole.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and mostly the large one")]
pub enum Whole<'a> {
    /// This message.
    Message(RefusedMessage<'a>),
    /// More parts are missing.
    Missing,
    /// The parts do not make what they say they are.
    Broken,
}

/// Puts parts together. Parts are no more believed than whole letters: what is
/// not complete when `most` bytes are held makes way for what comes.
#[derive(Debug)]
pub struct Parts {
    pub(super) begun: BTreeMap<Key, Begun>,
    pub(super) order: VecDeque<Key>,
    pub(super) held: usize,
    most: usize,
}

pub(super) type Key = (Option<Position>, [u8; 32], u64);

#[derive(Debug, Default)]
pub(super) struct Begun {
    parts: BTreeMap<u64, Vec<u8>>,
    bytes: usize,
}

impl Parts {
    /// Holds at most so many bytes of incomplete messages.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { begun: BTreeMap::new(), order: VecDeque::new(), held: 0, most }
    }

    /// Takes a letter; whole ones come back as they are.
    pub fn add<'a>(&mut self, letter: RefusedMessage<'a>) -> Whole<'a> {
        let Some(Part { index, count, digest }) = letter.part else {
            return Whole::Message(letter);
        };
        let key = (letter.position, digest, count);
        if !self.begun.contains_key(&key) {
            self.order.push_back(key);
        }
        let begun = self.begun.entry(key).or_default();
        let bytes = letter.original.len();
        if let Some(before) = begun.parts.insert(index, letter.original.to_vec()) {
            begun.bytes -= before.len();
            self.held -= before.len();
        }
        begun.bytes += bytes;
        self.held += bytes;
        if begun.parts.len() as u64 == count {
            let parts = self.forget(&key);
            let original: Vec<u8> = parts.into_values().flatten().collect();
            if <[u8; 32]>::from(Sha256::digest(&original)) != digest {
                return Whole::Broken;
            }
            let letter = RefusedMessage { part: None, original: original.into(), ..letter };
            return Whole::Message(letter);
        }
        while self.held > self.most
            && let Some(oldest) = self.order.front().copied()
        {
            self.forget(&oldest);
        }
        Whole::Missing
    }

    fn forget(&mut self, key: &Key) -> BTreeMap<u64, Vec<u8>> {
        self.order.retain(|other| other != key);
        let begun = self.begun.remove(key).unwrap_or_default();
        self.held -= begun.bytes;
        begun.parts
    }
}
