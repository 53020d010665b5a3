//! coseal beside the floor, case by case, in turns, so that noise hits both.
//! Prints one JSON array: `{"group", "case", "ns", "floor_ns", "ratio"}`, times
//! a message.

use coseal::{Message, Result, Suite};
use coseal_benches::floor::Floor;
use coseal_benches::rig::Rig;
use serde::Serialize;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Turns of each side. The fastest of each counts: noise only ever adds.
const TURNS: usize = 41;
/// How long a turn lasts at least.
const TURN: Duration = Duration::from_millis(4);

#[derive(Serialize)]
struct Row {
    group: &'static str,
    case: String,
    ns: f64,
    floor_ns: f64,
    ratio: f64,
}

fn main() -> Result<()> {
    let mut rows = Vec::new();
    for suite in [Suite::A256Gcm, Suite::ChaCha20Poly1305] {
        for size in [64, 256, 1024, 16 << 10, 1 << 20] {
            for batch in [1, 16, 64, 256] {
                // A batch of 256 MiB measures the memory, not the code.
                if size * batch <= 16 << 20 {
                    measure(&mut rows, suite, size, batch)?;
                }
            }
        }
    }
    let json = serde_json::to_string_pretty(&rows);
    println!("{}", json.unwrap_or_else(|error| error.to_string()));
    Ok(())
}

fn measure(rows: &mut Vec<Row>, suite: Suite, size: usize, batch: usize) -> Result<()> {
    let rig = Rig::new(suite, 1)?;
    let payload = vec![0x5a; size];
    let messages = vec![Message::new(&payload); batch];
    let envelopes = rig.batch(size, batch)?;
    let mut floor = Floor::new(suite, size, batch);
    let case = {
        let unit = match size {
            0..1024 => format!("{size}B"),
            1024..0x10_0000 => format!("{}KiB", size >> 10),
            _ => format!("{}MiB", size >> 20),
        };
        let batch = if batch == 1 { "alone".into() } else { format!("batch{batch}") };
        format!("{unit}/{batch}/{suite}")
    };

    let mut out = Vec::new();
    let mut sealed = || {
        if batch == 1 {
            out.clear();
            let _ = black_box(rig.sealer.seal_into(Message::new(&payload), &mut out));
        } else {
            let _ = black_box(rig.sealer.seal_batch(&messages));
        }
    };
    let (ns, floor_ns) = in_turns(batch, &mut sealed, &mut || floor.seal());
    push(rows, "seal", &case, ns, floor_ns);

    let mut buffers = envelopes.clone();
    let mut opened = || {
        for (buffer, envelope) in buffers.iter_mut().zip(&envelopes) {
            buffer.clone_from(envelope);
            let _ = black_box(rig.opener.open_in_place(buffer));
        }
    };
    // What opening in place consumes is copied back on both sides.
    let mut copies = envelopes.clone();
    let mut bare = || {
        for (copy, envelope) in copies.iter_mut().zip(&envelopes) {
            copy.clone_from(envelope);
        }
        floor.open();
    };
    let (ns, floor_ns) = in_turns(batch, &mut opened, &mut bare);
    push(rows, "open", &case, ns, floor_ns);

    let trust = rig.trust.clone();
    let mut verified = || {
        // A fresh auditor: one strict verification a batch.
        let verifier = coseal::Verifier::new(trust.clone());
        for envelope in &envelopes {
            let _ = black_box(verifier.verify(envelope));
        }
    };
    let (ns, floor_ns) = in_turns(batch, &mut verified, &mut || floor.verify());
    push(rows, "verify", &case, ns, floor_ns);
    Ok(())
}

fn push(rows: &mut Vec<Row>, group: &'static str, case: &str, ns: f64, floor_ns: f64) {
    let ratio = ns / floor_ns;
    eprintln!("{group:7} {case:32} {ns:12.0} ns {floor_ns:12.0} ns {ratio:6.2}");
    rows.push(Row { group, case: case.into(), ns, floor_ns, ratio });
}

/// Nanoseconds a message, of either.
fn in_turns(batch: usize, one: &mut dyn FnMut(), two: &mut dyn FnMut()) -> (f64, f64) {
    let rounds = |run: &mut dyn FnMut()| {
        run();
        let start = Instant::now();
        run();
        let once = start.elapsed().max(Duration::from_nanos(100));
        u32::try_from(TURN.as_nanos() / once.as_nanos()).unwrap_or(1).max(1)
    };
    let (rounds_one, rounds_two) = (rounds(one), rounds(two));
    let turn = |run: &mut dyn FnMut(), rounds: u32| {
        let start = Instant::now();
        for _ in 0..rounds {
            run();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
    };
    let (mut best_one, mut best_two) = (f64::MAX, f64::MAX);
    for _ in 0..TURNS {
        best_one = best_one.min(turn(one, rounds_one));
        best_two = best_two.min(turn(two, rounds_two));
    }
    let messages = f64::from(u32::try_from(batch).unwrap_or(1));
    (best_one / messages, best_two / messages)
}
