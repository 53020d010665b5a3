//! Groups `seal`, `open`, `verify`: every shape of message.

use super::Bench;
use crate::floor::Floor;
use crate::rig::Rig;
use crate::shape::Shape;
use crate::turns::repeat;
use coseal::{Message, Result, Verifier};
use std::hint::black_box;

pub(super) fn measure(bench: &mut Bench<'_>) -> Result<()> {
    for shape in Shape::all(bench.effort.most) {
        let case = shape.to_string();
        if ["seal", "open", "verify"].iter().any(|group| bench.wants(group, &case)) {
            measure_shape(bench, shape, &case)?;
        }
    }
    Ok(())
}

fn measure_shape(bench: &mut Bench<'_>, shape: Shape, case: &str) -> Result<()> {
    let Shape { size, batch, suite, recipients } = shape;
    let rig = Rig::new(suite, recipients)?;
    let envelopes = rig.batch(size, batch)?;
    let mut floor = Floor::new(suite, size, batch);
    // What fails is measured as something else.
    for envelope in &envelopes {
        rig.opener.open(envelope)?;
    }

    if bench.wants("seal", case) {
        let payload = vec![0x5a; size];
        let messages = vec![Message::new(&payload); batch];
        let mut out = Vec::new();
        let mut sealed = repeat(|| {
            if batch == 1 {
                out.clear();
                let _ = black_box(rig.sealer.seal_into(Message::new(&payload), &mut out));
            } else {
                let _ = black_box(rig.sealer.seal_batch(&messages));
            }
        });
        bench.add("seal", case, batch, &mut sealed, &mut repeat(|| floor.seal()));
    }

    if bench.wants("open", case) {
        let mut buffers = envelopes.clone();
        let mut opened = repeat(|| {
            for (buffer, envelope) in buffers.iter_mut().zip(&envelopes) {
                buffer.clone_from(envelope);
                let _ = black_box(rig.opener.open_in_place(buffer));
            }
        });
        // What opening in place consumes is copied back on both sides.
        let mut copies = envelopes.clone();
        let mut bare = repeat(|| {
            for (copy, envelope) in copies.iter_mut().zip(&envelopes) {
                copy.clone_from(envelope);
            }
            floor.open();
        });
        bench.add("open", case, batch, &mut opened, &mut bare);
    }

    if bench.wants("verify", case) {
        let mut verified = repeat(|| {
            // A fresh auditor: one strict verification a batch.
            let verifier = Verifier::new(rig.trust.clone());
            for envelope in &envelopes {
                let _ = black_box(verifier.verify(envelope));
            }
        });
        bench.add("verify", case, batch, &mut verified, &mut repeat(|| floor.verify()));
    }
    Ok(())
}
