//! Group `known`: messages whose trees are known already, against a floor that
//! hashes no node of a path either. What is left is what the format costs.

use super::Bench;
use crate::floor::Floor;
use crate::rig::Rig;
use crate::shape::Shape;
use crate::turns::repeat;
use coseal::{Result, Suite, Verifier};
use std::hint::black_box;

pub(super) fn measure(bench: &mut Bench<'_>) -> Result<()> {
    for batch in [64, 256] {
        let shape = Shape { size: 256, batch, suite: Suite::A256Gcm, recipients: 1 };
        let [open, verify] = ["open", "verify"].map(|verb| format!("{verb}/{shape}"));
        if !bench.wants("known", &open) && !bench.wants("known", &verify) {
            continue;
        }
        let rig = Rig::new(shape.suite, shape.recipients)?;
        let envelopes = rig.batch(shape.size, batch)?;
        let mut floor = Floor::new(shape.suite, shape.size, batch).knowing_the_trees();
        if bench.wants("known", &open) {
            for envelope in &envelopes {
                rig.opener.open(envelope)?;
            }
            let (mut buffers, mut copies) = (envelopes.clone(), envelopes.clone());
            let mut opened = repeat(|| {
                for (buffer, envelope) in buffers.iter_mut().zip(&envelopes) {
                    buffer.clone_from(envelope);
                    let _ = black_box(rig.opener.open_in_place(buffer));
                }
            });
            let mut bare = repeat(|| {
                for (copy, envelope) in copies.iter_mut().zip(&envelopes) {
                    copy.clone_from(envelope);
                }
                floor.open();
            });
            bench.add("known", &open, batch, &mut opened, &mut bare);
        }
        if bench.wants("known", &verify) {
            let verifier = Verifier::new(rig.trust.clone());
            for envelope in &envelopes {
                verifier.verify(envelope)?;
            }
            let mut verified = repeat(|| {
                for envelope in &envelopes {
                    let _ = black_box(verifier.verify(envelope));
                }
            });
            bench.add("known", &verify, batch, &mut verified, &mut repeat(|| floor.verify_known()));
        }
    }
    Ok(())
}
