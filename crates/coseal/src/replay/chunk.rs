//! 256 consecutive sequences of an epoch that came with positions → where each
//! was found. A chunk that is being added to is open: runs in a list; later it
//! is closed: the same runs in a few bytes each.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::Position;
use super::coded::{self, Run, Runs};
use crate::clock::Time;

/// Sequences in a chunk, as a power of two. The lower, the cheaper is a look
/// into a closed one (its runs are read in turn) and the dearer what each costs
/// beside its runs: with 256 both are small.
pub(super) const CHUNK_BITS: u32 = 8;

#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The latest sealing time in it.
    pub(super) newest: Time,
    /// Noted as changed since changes were last taken.
    pub(super) changed: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Open(Vec<Run>),
    Closed(Box<[u8]>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl Chunk {
    /// A chunk from a store; `None` where the bytes are none.
    pub(super) fn restore(newest: Time, bytes: &[u8]) -> Option<Self> {
        coded::decode(bytes)?;
        Some(Self { newest, changed: false, body: Body::Closed(bytes.into()) })
    }

    /// Where it was seen.
    pub(super) fn find(&self, low: u8) -> Option<Position> {
        match &self.body {
            Body::Open(runs) => {
                let after = runs.partition_point(|run| run.first <= low);
                runs.get(after.checked_sub(1)?)?.position(low)
            }
            // Ascending: the first that ends behind it holds it, or none does.
            Body::Closed(bytes) => {
                Runs::read(bytes)?.find(|run| run.last >= low).and_then(|run| run.position(low))
            }
        }
    }

    /// Adds one that [`find`](Self::find) did not find.
    pub(super) fn insert(&mut self, low: u8, position: Position, sealed_at: Time) {
        self.newest = self.newest.max(sealed_at);
        let mut runs = match mem::take(&mut self.body) {
            Body::Open(runs) => runs,
            // Encoded here, or checked when it was restored: all of it can be read.
            Body::Closed(bytes) => coded::decode(&bytes).unwrap_or_default(),
        };
        let new = Run { first: low, last: low, log: position.log, offset: position.offset };
        let at = match runs.last() {
            Some(last) if last.first > low => runs.partition_point(|run| run.first <= low),
            _ => runs.len(),
        };
        // What it continues, and what continues it, become one run with it.
        let (head, tail) = runs.split_at_mut(at);
        let before = head.last_mut().filter(|before| continues(before, &new));
        let after = tail.first_mut().filter(|after| continues(&new, after));
        match (before, after) {
            (Some(before), Some(after)) => {
                before.last = after.last;
                runs.remove(at);
            }
            (Some(before), None) => before.last = low,
            (None, Some(after)) => (after.first, after.offset) = (low, position.offset),
            (None, None) => runs.insert(at, new),
        }
        self.body = Body::Open(runs);
    }

    /// Puts it into few bytes.
    pub(super) fn close(&mut self) {
        if let Body::Open(runs) = &self.body {
            self.body = Body::Closed(coded::encode(runs));
        }
    }

    /// Runs held one by one; none where it is closed.
    pub(super) const fn open_runs(&self) -> usize {
        match &self.body {
            Body::Open(runs) => runs.len(),
            Body::Closed(_) => 0,
        }
    }

    /// Whether all of it was seen in logs of which `holds` is true.
    pub(super) fn all_logs(&self, holds: impl Fn(u64) -> bool) -> bool {
        match &self.body {
            Body::Open(runs) => runs.iter().all(|run| holds(run.log)),
            Body::Closed(bytes) => Runs::read(bytes).is_some_and(|runs| runs.logs().all(holds)),
        }
    }

    /// First and last of each run.
    pub(super) fn each_run(&self, mut run: impl FnMut(u8, u8)) {
        match &self.body {
            Body::Open(runs) => runs.iter().for_each(|each| run(each.first, each.last)),
            Body::Closed(bytes) => {
                Runs::read(bytes).into_iter().flatten().for_each(|each| run(each.first, each.last));
            }
        }
    }

    /// As [`restore`](Self::restore) takes it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match &self.body {
            Body::Open(runs) => out.extend_from_slice(&coded::encode(runs)),
            Body::Closed(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Memory held outside the chunk itself.
    pub(super) fn bytes(&self) -> usize {
        match &self.body {
            Body::Open(runs) => runs.capacity() * size_of::<Run>(),
            Body::Closed(bytes) => bytes.len(),
        }
    }
}

/// Whether `next` is what comes after `run`, in sequence and in its log.
fn continues(run: &Run, next: &Run) -> bool {
    run.log == next.log
        && run.last.checked_add(1) == Some(next.first)
        && run.offset.checked_add(u64::from(next.first - run.first)) == Some(next.offset)
}
