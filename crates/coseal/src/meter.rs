//! Counts work in tests: heads of CBOR that were read, bytes that were hashed,
//! signatures that were verified.
//! Counted in each thread for itself, so that tests do not disturb each other.

use core::cell::Cell;
use sha2::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};

mod tests;

/// What something cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) heads: usize,
    pub(crate) hashed: usize,
    pub(crate) signatures: usize,
}

std::thread_local! {
    static WORK: Cell<Work> = const { Cell::new(Work { heads: 0, hashed: 0, signatures: 0 }) };
}

fn count(add: impl FnOnce(&mut Work)) {
    WORK.with(|cell| {
        let mut work = cell.get();
        add(&mut work);
        cell.set(work);
    });
}

/// A head is read.
pub(crate) fn head() {
    count(|work| work.heads += 1);
}

/// A signature is verified.
pub(crate) fn signature() {
    count(|work| work.signatures += 1);
}

/// What `run` costs.
pub(crate) fn measure<T>(run: impl FnOnce() -> T) -> (T, Work) {
    let before = WORK.replace(Work::default());
    let value = run();
    (value, WORK.replace(before))
}

/// The same hash, counted.
#[derive(Clone, Default)]
pub(crate) struct Sha256(sha2::Sha256);

impl HashMarker for Sha256 {}

impl OutputSizeUser for Sha256 {
    type OutputSize = <sha2::Sha256 as OutputSizeUser>::OutputSize;
}

impl Update for Sha256 {
    fn update(&mut self, data: &[u8]) {
        count(|work| work.hashed += data.len());
        Update::update(&mut self.0, data);
    }
}

impl FixedOutput for Sha256 {
    fn finalize_into(self, out: &mut Output<Self>) {
        self.0.finalize_into(out);
    }
}
