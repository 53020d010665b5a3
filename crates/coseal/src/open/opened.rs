//! Step 9: what a consumer gets.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use crate::authorize::Verified;

/// A message that was verified and opened. What its header says is read
/// through [`Verified`], to which this dereferences.
///
/// Only opening makes one, and no other payload is put into it:
///
/// ```compile_fail,E0624
/// fn forge<'a>(verified: coseal::Verified<'a>, payload: &'a [u8]) -> coseal::Opened<'a> {
///     coseal::Opened::borrowed(verified, payload, false)
/// }
/// ```
///
/// ```compile_fail,E0451
/// fn forge<'a>(verified: coseal::Verified<'a>, of: coseal::Opened<'a>) -> coseal::Opened<'a> {
///     coseal::Opened { verified, ..of }
/// }
/// ```
pub struct Opened<'a> {
    verified: Verified<'a>,
    payload: Payload<'a>,
    redelivered: bool,
}

enum Payload<'a> {
    Owned(Vec<u8>),
    Borrowed(&'a [u8]),
}

impl<'a> Opened<'a> {
    pub(super) const fn owned(verified: Verified<'a>, payload: Vec<u8>, redelivered: bool) -> Self {
        Self { verified, payload: Payload::Owned(payload), redelivered }
    }

    pub(super) const fn borrowed(
        verified: Verified<'a>,
        payload: &'a [u8],
        redelivered: bool,
    ) -> Self {
        Self { verified, payload: Payload::Borrowed(payload), redelivered }
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Owned(payload) => payload,
            Payload::Borrowed(payload) => payload,
        }
    }

    /// The payload, to keep; copied where it was opened into another buffer.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        match self.payload {
            Payload::Owned(payload) => payload,
            Payload::Borrowed(payload) => payload.to_vec(),
        }
    }

    /// What the receipt proves.
    #[must_use]
    pub const fn verified(&self) -> &Verified<'a> {
        &self.verified
    }

    /// The carrier delivered it before, at the same position.
    #[must_use]
    pub const fn redelivered(&self) -> bool {
        self.redelivered
    }
}

impl<'a> Deref for Opened<'a> {
    type Target = Verified<'a>;

    fn deref(&self) -> &Self::Target {
        &self.verified
    }
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("verified", &self.verified)
            .field("payload_len", &self.payload().len())
            .field("redelivered", &self.redelivered)
            .finish()
    }
}
