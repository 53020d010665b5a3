//! Writes deterministic CBOR: heads in their shortest form; the order of keys
//! is the caller's. As for reading, the tests hold it against `ciborium`.

use alloc::vec::Vec;

pub(crate) use super::read::shortest;

/// Where bytes go.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A slice that is filled from the front. Its length was computed beforehand;
/// bytes that do not fit are dropped and noted, so that a miscalculation is an
/// error and not a panic.
pub(crate) struct Slots<'a> {
    free: &'a mut [u8],
    overflowed: bool,
}

impl<'a> Slots<'a> {
    pub(crate) const fn new(out: &'a mut [u8]) -> Self {
        Self { free: out, overflowed: false }
    }

    /// The next `length` bytes, to be filled by the caller.
    pub(crate) fn reserve(&mut self, length: usize) -> &'a mut [u8] {
        let free = core::mem::take(&mut self.free);
        if let Some((slot, free)) = free.split_at_mut_checked(length) {
            self.free = free;
            slot
        } else {
            self.overflowed = true;
            &mut []
        }
    }

    /// True if exactly everything was filled.
    pub(crate) const fn is_full(&self) -> bool {
        self.free.is_empty() && !self.overflowed
    }
}

impl Sink for Slots<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let slot = self.reserve(bytes.len());
        if slot.len() == bytes.len() {
            slot.copy_from_slice(bytes);
        }
    }
}

/// The items of CBOR, written into any sink.
pub(crate) trait Items: Sink + Sized {
    /// The shortest head there is.
    #[inline]
    fn head(&mut self, major: u8, argument: u64) {
        let first = major << 5;
        let [.., b4, b5, b6, b7] = argument.to_be_bytes();
        match shortest(argument) {
            1 => self.put(&[first | b7]),
            2 => self.put(&[first | 24, b7]),
            3 => self.put(&[first | 25, b6, b7]),
            5 => self.put(&[first | 26, b4, b5, b6, b7]),
            _ => {
                self.put(&[first | 27]);
                self.put(&argument.to_be_bytes());
            }
        }
    }

    fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(0, value),
            // -1 - n, which is !n in two's complement.
            Err(_) => self.head(1, (!value).unsigned_abs()),
        }
    }

    fn uint(&mut self, value: u64) {
        self.head(0, value);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.bytes_head(value.len());
        self.put(value);
    }

    fn bytes_head(&mut self, length: usize) {
        self.head(2, length as u64);
    }

    fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.put(value.as_bytes());
    }

    fn array(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    fn map(&mut self, length: usize) {
        self.head(5, length as u64);
    }

    fn tag(&mut self, tag: u64) {
        self.head(6, tag);
    }

    fn bool(&mut self, value: bool) {
        self.head(7, if value { 21 } else { 20 });
    }

    fn null(&mut self) {
        self.head(7, 22);
    }
}

impl<S: Sink> Items for S {}
