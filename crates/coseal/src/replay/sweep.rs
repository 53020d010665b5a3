//! What nobody can ask for any more → forgotten. By the clock, or, what came
//! with positions, by the latest time of its signer in the log that lags most:
//! a copy of it that is shown anywhere is too old then.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::chunk::{CHUNK_BITS, Chunk};
use super::epoch::Epoch;
use super::index::{ReplayIndex, Signer, note};
use super::pages::Pages;
use super::record::{Key, PageKey};
use super::span::{SPAN_BITS, Span};
use crate::clock::Time;

/// The shortest difference between two times: what is sealed before `t + TICK`
/// is sealed at `t` or before.
const TICK: Duration = Duration::from_millis(1);

impl ReplayIndex {
    /// Looks for what can be forgotten, if that is some time ago: eight times
    /// in what is kept, so that not much more is held.
    pub(super) fn sweep(&mut self, now: Time) {
        if now.since(self.swept_at).max(self.swept_at.since(now)) < self.keep / 8 {
            return;
        }
        self.swept_at = now;
        let mut sweep = Sweep {
            now,
            keep: self.keep,
            // Should the clock go back, what was forgotten stays refused.
            horizon: self.horizon.max(now.minus(self.keep)),
            open_runs: self.open_runs,
            changes: &mut self.changes,
        };
        self.signers.retain(|id, signer| {
            sweep.signer(id, signer);
            !signer.epochs.is_empty() || !signer.logs.is_empty()
        });
        let Sweep { horizon, open_runs, .. } = sweep;
        if horizon > self.horizon {
            self.horizon = horizon;
            note(&mut self.changes, &mut self.horizon_changed, || Key::Horizon);
        }
        self.open_runs = open_runs;
        let mut open = mem::take(&mut self.open);
        open.retain(|key| {
            let chunk = self.find(key).and_then(|epoch| epoch.chunks.find(key.number));
            chunk.is_some_and(|chunk| chunk.open_runs() > 0)
        });
        // Room for what comes next, not for the most there ever was.
        open.shrink_to(2 * open.len());
        self.open = open;
    }
}

struct Sweep<'a> {
    now: Time,
    keep: Duration,
    horizon: Time,
    open_runs: usize,
    changes: &'a mut Option<Vec<Key>>,
}

impl Sweep<'_> {
    fn signer(&mut self, id: &[u8; 32], signer: &mut Signer) {
        let latest = || signer.logs.values().map(|log| log.latest);
        let (lagging, leading) = (latest().min(), latest().max());
        // A copy of what came without a position may be shown in a log.
        let least = lagging.map_or(self.now, |lagging| lagging.min(self.now));
        // The latest of what is forgotten now.
        let mut forgotten = None;
        signer.epochs.retain(|epoch_id, Epoch { chunks, spans }| {
            let page = |number| PageKey { signer: *id, epoch: *epoch_id, number };
            chunks.retain(|number, chunk| {
                let past = |log: Time| log.since(chunk.newest) > self.keep;
                if lagging.is_some_and(past) {
                    forgotten = forgotten.max(Some(chunk.newest));
                } else if leading.is_some_and(past)
                    && chunk
                        .all_logs(|log| signer.logs.get(&log).is_some_and(|log| past(log.latest)))
                {
                    // Some other log lags, so it stays seen; but its own logs
                    // do not, so nobody asks for its positions.
                    let (number, span) = drop_positions(number, chunk, spans);
                    note(self.changes, &mut span.changed, || Key::Span(page(number)));
                } else {
                    return true;
                }
                self.open_runs -= chunk.open_runs();
                note(self.changes, &mut chunk.changed, || Key::Chunk(page(number)));
                false
            });
            spans.retain(|number, span| {
                if least.since(span.newest) <= self.keep {
                    span.pack();
                    return true;
                }
                forgotten = forgotten.max(Some(span.newest));
                note(self.changes, &mut span.changed, || Key::Span(page(number)));
                false
            });
            !chunks.is_empty() || !spans.is_empty()
        });
        let Some(floor) = forgotten.map(|newest| newest.plus(TICK)) else { return };
        self.horizon = self.horizon.max(floor);
        // Too old in all these logs, as long as the window stays what it is.
        // Should it grow, what was forgotten stays refused.
        for (log, known) in &mut signer.logs {
            if floor > known.floor {
                known.floor = floor;
                let key = || Key::Log { signer: *id, log: *log };
                note(self.changes, &mut known.changed, key);
            }
        }
    }
}

/// Moves what was seen in a chunk to the span around it.
fn drop_positions<'a>(
    number: u64,
    chunk: &Chunk,
    spans: &'a mut Pages<Span>,
) -> (u64, &'a mut Span) {
    let first = number << CHUNK_BITS;
    let [low, high, ..] = first.to_le_bytes();
    let base = u16::from_le_bytes([low, high]);
    let number = first >> SPAN_BITS;
    let span = spans.page(number);
    chunk.each_run(|first, last| {
        for low in first..=last {
            span.insert(base | u16::from(low), chunk.newest);
        }
    });
    (number, span)
}
