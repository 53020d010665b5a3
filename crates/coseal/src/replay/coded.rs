//! Runs ⇄ bytes: how a chunk is held once nothing is likely to be added to it,
//! and how it lies in a store. Bytes from a store are not trusted: what cannot
//! be read is an end, never a panic.
//!
//! ```text
//! chunk = logs - 1, first log, (difference to the log before - 1)*, run+
//! run   = ((gap × logs + log) × 2 + long), [sequences - 2 if long], offset - expected
//! ```
//!
//! All are LEB128 numbers, the last one zigzag. `gap` counts the sequences that
//! are left out before the run; `expected` is the offset after the last one of
//! the same log, 0 before the first. So a message whose neighbours lie near it
//! in the log costs two or three bytes, and a run costs as much as a message.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Position;

/// Consecutive sequences at consecutive offsets of one log. Sequences are
/// those within a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u8,
    pub(super) last: u8,
    pub(super) log: u64,
    /// Where `first` is.
    pub(super) offset: u64,
}

impl Run {
    pub(super) fn position(&self, low: u8) -> Option<Position> {
        let within = (self.first..=self.last).contains(&low);
        let offset = self.offset.checked_add(u64::from(low.checked_sub(self.first)?))?;
        within.then_some(Position { log: self.log, offset })
    }

    /// The offset after it, as the next run of its log expects it.
    const fn end(&self) -> u64 {
        self.offset.wrapping_add((self.last - self.first) as u64).wrapping_add(1)
    }
}

/// Encodes runs in ascending order.
pub(super) fn encode(runs: &[Run]) -> Box<[u8]> {
    let mut logs: Vec<u64> = runs.iter().map(|run| run.log).collect();
    logs.dedup();
    if logs.len() > 1 {
        logs.sort_unstable();
        logs.dedup();
    }
    let mut tails: Vec<Tail> = logs.iter().map(|&log| Tail { log, expected: 0 }).collect();
    let count = logs.len() as u64;
    let mut out = Vec::with_capacity(16 + 4 * runs.len());
    put(&mut out, count.wrapping_sub(1));
    let mut before = None;
    for log in logs {
        put(&mut out, before.map_or(log, |before| log.wrapping_sub(before).wrapping_sub(1)));
        before = Some(log);
    }
    let mut next = 0;
    for run in runs {
        let index = tails.partition_point(|tail| tail.log < run.log);
        let Some(tail) = tails.get_mut(index) else { break };
        let gap = u64::from(u16::from(run.first).wrapping_sub(next));
        let more = u64::from(run.last.wrapping_sub(run.first));
        put(&mut out, ((gap * count + index as u64) << 1) | u64::from(more > 0));
        if more > 0 {
            put(&mut out, more - 1);
        }
        put(&mut out, zigzag(run.offset.wrapping_sub(tail.expected)));
        tail.expected = run.end();
        next = u16::from(run.last) + 1;
    }
    out.into_boxed_slice()
}

/// All runs, where the bytes are a whole chunk.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Run>> {
    let mut runs = Runs::read(bytes)?;
    // A run has two bytes at least, most have about three.
    let mut all = Vec::with_capacity(1 + runs.rest.len() / 3);
    all.extend(runs.by_ref());
    (runs.rest.is_empty() && !all.is_empty()).then_some(all)
}

/// A log, and the offset that its next run would continue at.
#[derive(Clone, Copy)]
struct Tail {
    log: u64,
    expected: u64,
}

/// Reads runs one by one; ends early where the bytes are none.
pub(super) struct Runs<'a> {
    rest: &'a [u8],
    tails: Vec<Tail>,
    /// The lowest sequence that may follow.
    next: u16,
}

impl<'a> Runs<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let more = take(&mut rest)?;
        // A log has a sequence at least.
        if more > u64::from(u8::MAX) {
            return None;
        }
        let mut log = take(&mut rest)?;
        let mut tails = Vec::with_capacity(usize::try_from(more).ok()? + 1);
        tails.push(Tail { log, expected: 0 });
        for _ in 0..more {
            log = log.checked_add(take(&mut rest)?)?.checked_add(1)?;
            tails.push(Tail { log, expected: 0 });
        }
        Some(Self { rest, tails, next: 0 })
    }

    pub(super) fn logs(&self) -> impl Iterator<Item = u64> {
        self.tails.iter().map(|tail| tail.log)
    }

    fn run(&mut self) -> Option<Run> {
        let mut rest = self.rest;
        // Within 32 bits: it is divided by.
        let head = u32::try_from(take(&mut rest)?).ok()?;
        let (gap, index) = match u32::try_from(self.tails.len()).ok()? {
            1 => (head >> 1, 0),
            logs => ((head >> 1) / logs, (head >> 1) % logs),
        };
        let tail = self.tails.get_mut(usize::try_from(index).ok()?)?;
        let gap = u16::try_from(gap).ok()?;
        let first = u8::try_from(self.next.checked_add(gap)?).ok()?;
        let more =
            if head & 1 == 1 { u8::try_from(take(&mut rest)?).ok()?.checked_add(1)? } else { 0 };
        let last = first.checked_add(more)?;
        let offset = tail.expected.wrapping_add(unzigzag(take(&mut rest)?));
        offset.checked_add(u64::from(more))?;
        let run = Run { first, last, log: tail.log, offset };
        tail.expected = run.end();
        (self.next, self.rest) = (u16::from(last) + 1, rest);
        Some(run)
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        self.run()
    }
}

/// Appends a number in LEB128.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Takes a number off the front.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if (bits << shift) >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Small differences, of either sign, as small numbers. Offsets wrap: any
/// difference has one.
const fn zigzag(difference: u64) -> u64 {
    (difference << 1) ^ (0_u64.wrapping_sub(difference >> 63))
}

const fn unzigzag(number: u64) -> u64 {
    (number >> 1) ^ (0_u64.wrapping_sub(number & 1))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests;
