//! Group `decode`: an envelope taken apart, nothing proven.

use super::Bench;
use crate::floor::decode::Walk;
use crate::rig::Rig;
use crate::shape::Shape;
use crate::turns::repeat;
use coseal::{Envelope, Result};
use std::hint::black_box;

pub(super) fn measure(bench: &mut Bench<'_>) -> Result<()> {
    for shape in Shape::to_decode() {
        let case = shape.to_string();
        if !bench.wants("decode", &case) {
            continue;
        }
        let envelopes = Rig::new(shape.suite, shape.recipients)?.batch(shape.size, shape.batch)?;
        for envelope in &envelopes {
            Envelope::decode(envelope)?;
        }
        let walks: Vec<Walk<'_>> = envelopes.iter().map(|envelope| Walk::new(envelope)).collect();
        let mut decoded = repeat(|| {
            for envelope in &envelopes {
                let _ = black_box(Envelope::decode(black_box(envelope)));
            }
        });
        let mut bare = repeat(|| {
            for walk in &walks {
                black_box(black_box(walk).run());
            }
        });
        bench.add("decode", &case, shape.batch, &mut decoded, &mut bare);
    }
    Ok(())
}
