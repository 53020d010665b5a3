//! 65,536 consecutive sequences of an epoch → which of them were seen, without
//! where: one run for as long as nothing is left out, a compressed bitmap after.

use alloc::vec::Vec;
use roaring::RoaringBitmap;

use super::coded::{put, take};
use crate::clock::Time;

/// Sequences in a span, as a power of two: as many as one container of the
/// bitmap holds.
pub(super) const SPAN_BITS: u32 = 16;

/// A bit for every sequence of a span.
const RAW: usize = 1 << (SPAN_BITS - 3);

/// What may be added to a list of runs before it is turned into what is faster:
/// what that costs is shared by so many.
const SPARE: u8 = 64;

/// How a span lies in a store: a list of runs, or one bit each.
const LIST: u8 = 0;
const BITS: u8 = 1;

#[derive(Debug, Default)]
pub(super) struct Span {
    /// The latest sealing time in it.
    pub(super) newest: Time,
    /// Noted as changed since changes were last taken.
    pub(super) changed: bool,
    seen: Seen,
}

#[derive(Debug, Default)]
enum Seen {
    #[default]
    Nothing,
    Run {
        first: u16,
        last: u16,
    },
    Bits {
        first: u16,
        last: u16,
        /// The bitmap may be a list of runs, which is small, but slow to add
        /// to where it is long: so many more, then it is one no longer.
        spare: u8,
        bits: RoaringBitmap,
    },
}

impl Span {
    /// A span from a store; `None` where the bytes are none.
    pub(super) fn restore(newest: Time, bytes: &[u8]) -> Option<Self> {
        let (&form, mut rest) = bytes.split_first()?;
        let bits = match form {
            LIST => {
                let mut bits = RoaringBitmap::new();
                let mut next = 0_u32;
                while !rest.is_empty() {
                    let gap = u16::try_from(take(&mut rest)?).ok()?;
                    let more = u16::try_from(take(&mut rest)?).ok()?;
                    let first = u16::try_from(next.checked_add(gap.into())?).ok()?;
                    let last = first.checked_add(more)?;
                    bits.insert_range(u32::from(first)..=u32::from(last));
                    next = u32::from(last) + 1;
                }
                bits
            }
            BITS if rest.len() == RAW => RoaringBitmap::from_lsb0_bytes(0, rest),
            _ => return None,
        };
        let first = u16::try_from(bits.min()?).ok()?;
        let last = u16::try_from(bits.max()?).ok()?;
        let mut span = Self { newest, changed: false, seen: Seen::Nothing };
        span.seen = Seen::Bits { first, last, spare: SPARE, bits };
        span.simplify();
        Some(span)
    }

    pub(super) fn holds(&self, low: u16) -> bool {
        match &self.seen {
            Seen::Nothing => false,
            Seen::Run { first, last } => (*first..=*last).contains(&low),
            Seen::Bits { bits, .. } => bits.contains(low.into()),
        }
    }

    /// Adds one, if it is not held already.
    pub(super) fn insert(&mut self, low: u16, sealed_at: Time) {
        self.newest = self.newest.max(sealed_at);
        match &mut self.seen {
            Seen::Nothing => self.seen = Seen::Run { first: low, last: low },
            Seen::Run { first, last } if (*first..=*last).contains(&low) => {}
            Seen::Run { last, .. } if last.checked_add(1) == Some(low) => *last = low,
            Seen::Run { first, .. } if low.checked_add(1) == Some(*first) => *first = low,
            Seen::Run { first, last } => {
                let (first, last) = (*first, *last);
                let mut bits = RoaringBitmap::new();
                bits.insert_range(u32::from(first)..=u32::from(last));
                bits.insert(low.into());
                let (first, last) = (first.min(low), last.max(low));
                self.seen = Seen::Bits { first, last, spare: SPARE, bits };
            }
            Seen::Bits { first, last, spare, bits } => {
                if *spare > 0 {
                    *spare -= 1;
                    if *spare == 0 {
                        bits.remove_run_compression();
                    }
                }
                bits.insert(low.into());
                (*first, *last) = ((*first).min(low), (*last).max(low));
                self.simplify();
            }
        }
    }

    /// A bitmap without gaps is a run.
    fn simplify(&mut self) {
        if let Seen::Bits { first, last, bits, .. } = &self.seen
            && bits.len() == u64::from(last - first) + 1
        {
            self.seen = Seen::Run { first: *first, last: *last };
        }
    }

    /// Takes the least memory, until something is added.
    pub(super) fn pack(&mut self) {
        if let Seen::Bits { spare: spare @ 0, bits, .. } = &mut self.seen {
            bits.optimize();
            // A copy has no room left over.
            *bits = bits.clone();
            *spare = SPARE;
        }
    }

    /// As [`restore`](Self::restore) takes it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(LIST);
        let mut next = 0;
        let mut list = |first: u32, last: u32| {
            put(out, u64::from(first - next));
            put(out, u64::from(last - first));
            next = last + 1;
            out.len() - start <= RAW
        };
        match &self.seen {
            Seen::Nothing => {}
            Seen::Run { first, last } => {
                list((*first).into(), (*last).into());
            }
            Seen::Bits { bits, .. } => {
                let mut iter = bits.iter();
                while let Some(range) = iter.next_range() {
                    if !list(*range.start(), *range.end()) {
                        out.truncate(start);
                        out.push(BITS);
                        raw(bits, out);
                        return;
                    }
                }
            }
        }
    }

    /// Memory held outside the span itself, at most: the bitmap's list of one
    /// container, which begins with room for four, and the container.
    pub(super) fn bytes(&self) -> usize {
        let Seen::Bits { bits, .. } = &self.seen else { return 0 };
        let held = bits.statistics();
        // Lists of numbers and of runs grow by doubling.
        let array = 2 * 2 * held.n_values_array_containers as usize;
        let runs = 2 * usize::try_from(held.n_bytes_run_containers).unwrap_or(usize::MAX / 2);
        160 + array + runs + RAW * held.n_bitset_containers as usize
    }
}

fn raw(bits: &RoaringBitmap, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + RAW, 0);
    for low in bits {
        let byte = usize::try_from(low >> 3).ok().and_then(|index| out.get_mut(start + index));
        if let Some(byte) = byte {
            *byte |= 1 << (low & 7);
        }
    }
}
