//! Group `threads`: two threads on one sealer or one opener, against one. Here
//! the floor is coseal itself, on one thread: half its time would be perfect.

use super::Bench;
use crate::rig::Rig;
use crate::shape::Shape;
use coseal::{Message, Result, Suite};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Payload and batch.
const SHAPES: [(usize, usize); 4] = [(256, 1), (256, 64), (16 << 10, 64), (1 << 20, 1)];
/// Turns are longer by this, so that starting threads does not count.
const LONGER: u32 = 5;

/// What one thread does, again and again.
type Worker<'a> = Box<dyn FnMut() + Send + 'a>;

pub(super) fn measure(bench: &mut Bench<'_>) -> Result<()> {
    for (size, batch) in SHAPES {
        let shape = Shape { size, batch, suite: Suite::A256Gcm, recipients: 1 };
        let rig = Rig::new(shape.suite, shape.recipients)?;
        let payload = vec![0x5a; size];
        let messages = vec![Message::new(&payload); batch];
        let envelopes = rig.batch(size, batch)?;
        for envelope in &envelopes {
            rig.opener.open(envelope)?;
        }
        compare(bench, &format!("seal/{shape}/2threads"), batch, || sealing(&rig, &messages));
        compare(bench, &format!("open/{shape}/2threads"), batch, || opening(&rig, &envelopes));
    }
    Ok(())
}

fn sealing<'a>(rig: &'a Rig, messages: &'a [Message<'a>]) -> Worker<'a> {
    let mut out = Vec::new();
    Box::new(move || match messages {
        [alone] => {
            out.clear();
            let _ = black_box(rig.sealer.seal_into(alone.clone(), &mut out));
        }
        batch => drop(black_box(rig.sealer.seal_batch(batch))),
    })
}

fn opening<'a>(rig: &'a Rig, envelopes: &'a [Vec<u8>]) -> Worker<'a> {
    let mut buffers = envelopes.to_vec();
    Box::new(move || {
        for (buffer, envelope) in buffers.iter_mut().zip(envelopes) {
            buffer.clone_from(envelope);
            let _ = black_box(rig.opener.open_in_place(buffer));
        }
    })
}

/// A round is two batches: one on each thread, or both on one.
fn compare<'a>(bench: &mut Bench<'_>, case: &str, batch: usize, worker: impl Fn() -> Worker<'a>) {
    if !bench.wants("threads", case) {
        return;
    }
    let (mut first, mut second, mut alone) = (worker(), worker(), worker());
    let mut both = |rounds: u32| -> Duration {
        let start = Instant::now();
        thread::scope(|scope| {
            for work in [&mut first, &mut second] {
                scope.spawn(move || (0..rounds).for_each(|_| work()));
            }
        });
        start.elapsed()
    };
    let mut one = |rounds: u32| -> Duration {
        let start = Instant::now();
        // On a thread that was just started, too.
        thread::scope(|scope| {
            scope.spawn(|| (0..2 * rounds).for_each(|_| alone()));
        });
        start.elapsed()
    };
    let effort = bench.effort.longer(LONGER);
    bench.add_with(effort, "threads", case, 2 * batch, &mut both, &mut one);
}
