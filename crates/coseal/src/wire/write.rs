//! Writes deterministic CBOR. `ciborium-ll` encodes the heads, which it always
//! does in their shortest form; order of keys is the caller's.

use alloc::vec::Vec;
use ciborium_io::Write;
use ciborium_ll::{Encoder, Header};
use core::convert::Infallible;

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

    /// Bytes not filled yet.
    pub(crate) const fn len(&self) -> usize {
        self.free.len()
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

/// Lets `ciborium-ll` write into a sink.
struct Adapter<'a, S>(&'a mut S);

impl<S: Sink> Write for Adapter<'_, S> {
    type Error = Infallible;

    fn write_all(&mut self, data: &[u8]) -> Result<(), Infallible> {
        self.0.put(data);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The items of CBOR, written into any sink.
pub(crate) trait Items: Sink + Sized {
    fn head(&mut self, header: Header) {
        let Ok(()) = Encoder::from(Adapter(self)).push(header);
    }

    fn int(&mut self, value: i64) {
        self.head(match u64::try_from(value) {
            Ok(value) => Header::Positive(value),
            // -1 - n, which is !n in two's complement.
            Err(_) => Header::Negative((!value).unsigned_abs()),
        });
    }

    fn uint(&mut self, value: u64) {
        self.head(Header::Positive(value));
    }

    fn bytes(&mut self, value: &[u8]) {
        self.bytes_head(value.len());
        self.put(value);
    }

    fn bytes_head(&mut self, length: usize) {
        self.head(Header::Bytes(Some(length)));
    }

    fn text(&mut self, value: &str) {
        self.head(Header::Text(Some(value.len())));
        self.put(value.as_bytes());
    }

    fn array(&mut self, length: usize) {
        self.head(Header::Array(Some(length)));
    }

    fn map(&mut self, length: usize) {
        self.head(Header::Map(Some(length)));
    }

    fn tag(&mut self, tag: u64) {
        self.head(Header::Tag(tag));
    }

    fn bool(&mut self, value: bool) {
        self.head(Header::Simple(if value { 21 } else { 20 }));
    }

    fn null(&mut self) {
        self.head(Header::Simple(22));
    }
}

impl<S: Sink> Items for S {}
