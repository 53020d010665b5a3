//! Group `order`: a stream of 64 batches of 64, read once by a reader that has
//! seen none of it: in order, shuffled, and from eight producers whose messages
//! take turns; and one eight times as long, shuffled, of whose nodes a reader
//! cannot remember all. A live consumer also judges ages and repetitions, and
//! asks for the trust bundle in force.
//!
//! The floor reads in order, verifies each batch's root once and hashes every
//! path in full. A reader that remembers proven nodes can be below it.

use super::Bench;
use crate::floor::Floor;
use crate::rig::Rig;
use crate::shape::Shape;
use crate::turns::repeat;
use coseal::{Message, Result, Suite, Verifier};
use std::hint::black_box;
use std::time::{Duration, Instant};

const SHAPE: Shape = Shape { size: 256, batch: 64, suite: Suite::A256Gcm, recipients: 1 };

pub(super) fn measure(bench: &mut Bench<'_>) -> Result<()> {
    let batches = bench.effort.stream;
    let mut floors = Vec::new();
    for (order, producers, longer) in
        [("in-order", 1, 1), ("shuffled", 1, 1), ("8producers", 8, 1), ("long-shuffled", 1, 8)]
    {
        let names = ["verify", "open", "open-live"].map(|verb| format!("{verb}/{SHAPE}/{order}"));
        if names.iter().all(|name| !bench.wants("order", name)) {
            continue;
        }
        let [verify, open, live] = names;
        let batches = batches * longer;
        floors.resize_with(batches, || Floor::new(SHAPE.suite, SHAPE.size, SHAPE.batch));
        let mut stream = Stream::new(producers, batches)?;
        if order.ends_with("shuffled") {
            shuffle(&mut stream.envelopes);
        }
        let messages = stream.envelopes.len();
        if bench.wants("order", &verify) {
            let mut verified = |rounds| (0..rounds).map(|_| stream.verify()).sum();
            let mut bare = repeat(|| floors.iter().for_each(Floor::verify));
            bench.add("order", &verify, messages, &mut verified, &mut bare);
        }
        for (name, is_live) in [(&open, false), (&live, true)] {
            if bench.wants("order", name) {
                let mut opened = |rounds| (0..rounds).map(|_| stream.open(is_live)).sum();
                let mut bare = repeat(|| {
                    for floor in &mut floors {
                        floor.verify_root();
                        floor.open();
                    }
                });
                bench.add("order", name, messages, &mut opened, &mut bare);
            }
        }
    }
    Ok(())
}

/// What a reader reads, in its order.
struct Stream {
    rig: Rig,
    envelopes: Vec<Vec<u8>>,
    /// The same, to be opened in place.
    buffers: Vec<Vec<u8>>,
    /// One more of each producer, so that a new consumer can obtain the epoch
    /// secrets before the clock runs: that is done once an epoch, not once a
    /// stream.
    earlier: Vec<Vec<u8>>,
}

impl Stream {
    /// So many batches, in order; producers take turns, message by message.
    fn new(producers: u8, batches: usize) -> Result<Self> {
        let rig = Rig::with_producers(SHAPE.suite, SHAPE.recipients, producers)?;
        let payload = vec![0x5a; SHAPE.size];
        let messages = vec![Message::new(&payload); SHAPE.batch];
        let mut earlier = Vec::new();
        let mut sources = Vec::new();
        for sealer in rig.sealers() {
            earlier.push(sealer.seal(Message::new(&payload))?);
            let mut source = Vec::new();
            for _ in 0..batches / usize::from(producers) {
                source.extend(sealer.seal_batch(&messages)?);
            }
            sources.push(source.into_iter());
        }
        let mut envelopes = Vec::with_capacity(batches * SHAPE.batch);
        while envelopes.len() < batches * SHAPE.batch {
            envelopes.extend(sources.iter_mut().filter_map(Iterator::next));
        }
        for envelope in &envelopes {
            rig.opener.open(envelope)?;
        }
        Ok(Self { rig, buffers: envelopes.clone(), envelopes, earlier })
    }

    /// Once, by a new auditor.
    fn verify(&self) -> Duration {
        let verifier = Verifier::new(self.rig.trust.clone());
        let start = Instant::now();
        for envelope in &self.envelopes {
            let _ = black_box(verifier.verify(envelope));
        }
        start.elapsed()
    }

    /// Once, by a new consumer, in place. What that consumes is copied before
    /// the clock runs.
    fn open(&mut self, is_live: bool) -> Duration {
        let opener = if is_live { self.rig.new_live_opener() } else { self.rig.new_opener() };
        let Ok(opener) = opener else { return Duration::MAX };
        for envelope in &self.earlier {
            let _ = black_box(opener.open(envelope));
        }
        self.buffers.clone_from(&self.envelopes);
        let start = Instant::now();
        for buffer in &mut self.buffers {
            let _ = black_box(opener.open_in_place(buffer));
        }
        start.elapsed()
    }
}

/// The same way every time (Fisher and Yates, with Knuth's generator).
fn shuffle(envelopes: &mut [Vec<u8>]) {
    let mut state = 1_u64;
    for last in (1..envelopes.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let other = usize::try_from(state >> 33).unwrap_or(0) % (last + 1);
        envelopes.swap(last, other);
    }
}
