//! What changed in an index → keys and values for a store, and back. Values
//! are not trusted when they come back; keys sort by kind, signer and epoch.
//!
//! ```text
//! 0                                  → horizon (8)
//! 1, signer (32), log (8)            → latest (8), floor (8)
//! 2, signer (32), epoch (8), no. (8) → newest (8), chunk
//! 3, signer (32), epoch (8), no. (8) → newest (8), span
//! ```
//!
//! Numbers and times (milliseconds) are big-endian.

use alloc::vec::Vec;

use crate::clock::Time;
use crate::header::EpochId;

/// One change of a [`ReplayIndex`](super::ReplayIndex): what a store has to
/// write, or to remove, under a key. What the bytes mean is the index's own
/// business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRecord {
    /// Where it belongs: at most 49 bytes.
    pub key: Vec<u8>,
    /// What to write there, at most 16 KiB; `None` to remove what is there.
    pub value: Option<Vec<u8>>,
}

/// Which chunk or span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageKey {
    pub(super) signer: [u8; 32],
    pub(super) epoch: EpochId,
    pub(super) number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Horizon,
    Log { signer: [u8; 32], log: u64 },
    Chunk(PageKey),
    Span(PageKey),
}

impl Key {
    pub(super) fn encode(&self) -> Vec<u8> {
        let page = |kind: u8, page: &PageKey| {
            let number = page.number.to_be_bytes();
            [&[kind], &page.signer[..], page.epoch.as_bytes(), &number].concat()
        };
        match self {
            Self::Horizon => [0].into(),
            Self::Log { signer, log } => [&[1], &signer[..], &log.to_be_bytes()].concat(),
            Self::Chunk(key) => page(2, key),
            Self::Span(key) => page(3, key),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        if *kind == 0 {
            return rest.is_empty().then_some(Self::Horizon);
        }
        let (signer, rest) = rest.split_first_chunk()?;
        let number = |bytes: &[u8]| Some(u64::from_be_bytes(bytes.try_into().ok()?));
        if *kind == 1 {
            return Some(Self::Log { signer: *signer, log: number(rest)? });
        }
        let (epoch, rest) = rest.split_first_chunk()?;
        let key =
            PageKey { signer: *signer, epoch: EpochId::from_bytes(*epoch), number: number(rest)? };
        match kind {
            2 => Some(Self::Chunk(key)),
            3 => Some(Self::Span(key)),
            _ => None,
        }
    }
}

pub(super) fn put_time(out: &mut Vec<u8>, time: Time) {
    out.extend_from_slice(&time.as_millis().to_be_bytes());
}

pub(super) fn take_time(bytes: &mut &[u8]) -> Option<Time> {
    let (time, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(Time::from_millis(u64::from_be_bytes(*time)))
}
