//! Names of messages and epochs.

use core::fmt;
use core::str::FromStr;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::key::KeyId;

/// A message's ID: a UUID of version 7 (RFC 9562 §5.7). Its time is the
/// sealing time, as the signer claims it. Unique, but not an identity: that is
/// (signer thumbprint, epoch, sequence).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// From its 16 bytes, which are not checked.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From a time and 10 random bytes, of which 74 bits are used. A time
    /// beyond 48 bits is cut to the last one that fits.
    #[cfg(feature = "os")]
    pub(crate) fn new(time: Time, random: [u8; 10]) -> Self {
        let [_, _, t0, t1, t2, t3, t4, t5] = time.as_millis().min((1 << 48) - 1).to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        Self([
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            0x70 | (r0 & 0x0f),
            r1,
            0x80 | (r2 & 0x3f),
            r3,
            r4,
            r5,
            r6,
            r7,
            r8,
            r9,
        ])
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The sealing time in it.
    #[must_use]
    pub fn sealed_at(&self) -> Time {
        let [t0, t1, t2, t3, t4, t5, ..] = self.0;
        Time::from_millis(u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]))
    }

    /// Version 7, variant 10.
    pub(crate) const fn is_uuid_v7(&self) -> bool {
        let [_, _, _, _, _, _, version, _, variant, ..] = self.0;
        version >> 4 == 7 && variant >> 6 == 0b10
    }
}

impl fmt::Display for MessageId {
    /// The canonical form of RFC 9562 §4: 8-4-4-4-12 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece, as all IDs.
        let mut text = [b'-'; 36];
        let mut rest = self.0.as_slice();
        for (start, length) in [(0, 4), (9, 2), (14, 2), (19, 2), (24, 6)] {
            let (group, after) = rest.split_at(length);
            let digits = text.get_mut(start..start + 2 * length).ok_or(fmt::Error)?;
            hex::encode_to_slice(group, digits).map_err(|_| fmt::Error)?;
            rest = after;
        }
        f.write_str(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A sealer's epoch: 8 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochId([u8; 8]);

impl EpochId {
    /// From its 8 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its 8 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for EpochId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&KeyId::from_bytes(self.0), f)
    }
}

impl fmt::Debug for EpochId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EpochId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| Error::misuse("an epoch ID is 16 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

/// The end of an epoch, told by the first message of the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// Which epoch.
    pub epoch: EpochId,
    /// How many messages were sealed in it.
    pub messages: u64,
}

#[cfg(all(test, feature = "os"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn ids_carry_their_time_and_74_random_bits() {
        let time = Time::from_millis(0x0123_4567_89ab);
        let id = MessageId::new(time, [0xff; 10]);
        assert_eq!(id.to_string(), "01234567-89ab-7fff-bfff-ffffffffffff");
        assert_eq!(id.sealed_at(), time);
        assert!(id.is_uuid_v7());
        let id = MessageId::new(time, [0; 10]);
        assert_eq!(id.to_string(), "01234567-89ab-7000-8000-000000000000");
        assert!(!MessageId::from_bytes([0x80; 16]).is_uuid_v7());
    }

    #[test]
    fn ids_are_printed_as_they_are_written_and_read_back() {
        let epoch = EpochId::from_bytes([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]);
        assert_eq!(epoch.to_string(), "00010203fcfdfeff");
        assert_eq!(format!("{epoch:?}"), "00010203fcfdfeff");
        assert_eq!(epoch.to_string().parse::<EpochId>().unwrap(), epoch);
        let id = MessageId::from_bytes([0x1f; 16]);
        assert_eq!(format!("{id:?}"), "1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f");
    }
}
