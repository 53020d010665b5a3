//! Group `trust`: a bundle loaded. Times are those of a bundle.

use super::Bench;
use crate::floor::trust::TrustFloor;
use crate::rig::{Bundle, RECORDS};
use crate::turns::repeat;
use coseal::{Result, TrustBundle};
use std::hint::black_box;

pub(super) fn measure(bench: &mut Bench<'_>) -> Result<()> {
    for records in RECORDS {
        let case = Bundle::case(records);
        if records > bench.effort.records || !bench.wants("trust", &case) {
            continue;
        }
        let Bundle { bytes, anchor, now } = Bundle::new(records)?;
        TrustBundle::load(&bytes, &anchor, now)?;
        let floor = TrustFloor::new(bytes.len(), records);
        let mut loaded = repeat(|| {
            let _ = black_box(TrustBundle::load(&bytes, &anchor, now));
        });
        bench.add("trust", &case, 1, &mut loaded, &mut repeat(|| floor.load()));
    }
    Ok(())
}
